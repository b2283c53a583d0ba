"""Brings results that were stored before into the one store of today (`study.results`); no value changes.

    python benchmarks/migrate_results.py                       # all in results/
    python benchmarks/migrate_results.py FOLDER/results.json   # of a study of your own, made with `make_generator=None`

- Keys without a version become those of today. What was made with functions, an optimizer or a value range of one's own is
  told and stays: its key did not say all that made it.
- Entries have `results` in place of `figures`.
- The files of the gallery and the entries of the ablations get settings and keys.
- Reports say of which kind each arm is.

What is migrated already stays as it is, so that this may run again.
"""

import argparse
import ast
import json
import os
import re
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import ablation
import gallery
import utility
from utility_settings import SETTINGS

from keras_ganaug import _files
from keras_ganaug.study import fingerprint
from keras_ganaug.study.arms import Arm, Synthetic, smote
from keras_ganaug.study.results import Results, as_json, key

CACHED = utility.FOLDER / "kept"


def migrated(entries, maker=None):
    """Entries by the keys of today, and the keys of those that could not be read.

    Args:
        entries: Mapping from keys to entries, old ones or new.
        maker: Text of what made the generators, as keys have it. Defaults to None: it is not in them.
    """
    new, remaining = {}, []
    for old, entry in entries.items():
        name, found = old, re.fullmatch(r"(\d+)/([0-9a-f]{12})/(.+)", old, re.DOTALL)
        if found:
            seed, data, arm = found.groups()
            try:
                settings = settings_of(entry["settings"], maker)
            except (ValueError, SyntaxError, TypeError):
                remaining.append(old)
            else:
                name, entry = key(int(seed), data, arm, settings), {**entry, "settings": settings}
        new.setdefault(name, entry)
    return new, remaining


def settings_of(text, maker=None):
    """The text of today for a text of before: "(0=(sampling='natural', ...), 1=steps, 2=batch size)"."""
    text = re.sub(r"(?<=[( ])(\d+)=", r"_\1=", re.sub(r"\((?=\w+=|\))", "T(", text))
    arm, steps, batch_size = _value(ast.parse(text, mode="eval").body)
    parts = [fingerprint.text_of(arm), f"steps={int(steps)}", f"batch_size={int(batch_size)}"]
    if maker is not None and arm.needs_generator:
        parts.append(f"make_generator={maker}")
    return ", ".join(parts)


def _value(node):
    """The value that a part of an old text stands for."""
    if isinstance(node, ast.Call):
        fields = {each.arg: _value(each.value) for each in node.keywords}
        if all(name.startswith("_") for name in fields):
            return tuple(fields.values())
        return (Arm if "sampling" in fields else Synthetic)(**fields)
    if isinstance(node, ast.Attribute):
        if ast.unparse(node) != "keras_ganaug.study.arms.smote":
            raise ValueError(f"an unknown function: {ast.unparse(node)}")
        return smote
    return ast.literal_eval(node)


def migrate(file, maker=None):
    """Migrates the results of a study, and says what could not be."""
    store = Results(file)
    with store.lock():
        entries, remaining = migrated(store.read(), maker)
        _write(file, entries)
    print(f"{file}: {len(entries)} results" + "".join(f"\n  not migrated: {each}" for each in remaining))


def _write(file, content):
    text = as_json(content)
    if not file.exists() or text != _files.read_text(file):
        _files.write(file, text)


def maker_of(file):
    """The text of what made the generators of a file of the benchmark."""
    setting = SETTINGS[re.sub(r"_folds_\d+$", "", file.stem)]
    return fingerprint.text_of_maker(utility.make_gan(setting.gan))


def migrate_gallery():
    """One file for each GAN and seed before."""
    for file in sorted([*gallery.FOLDER.glob("*.json"), *(gallery.FOLDER / "seeds").glob("*.json")]):
        name, _, seed = file.stem.partition("_")
        results, settings = json.loads(file.read_text(encoding="utf-8")), gallery.settings_of(name)
        if name in gallery.RUNS:
            run = gallery.Run(**{field: results.pop(field) for field in gallery.Run._fields if field in results})
            if run != gallery.RUNS[name]:
                raise ValueError(f"{file} was made with other settings than those of today: {run}")
        elif name not in gallery.REFERENCES:
            continue
        gallery.store().record(key(int(seed or 0), gallery.DATA, name, settings), settings, results)
        file.unlink()


def migrate_ablations():
    """Keys were GROUP/ARM/SEED before."""
    content = json.loads(ablation.STORE.path.read_text(encoding="utf-8"))
    new = {}
    for old, results in content.items():
        if not old.startswith("v"):
            name, _, seed = old.rpartition("/")
            group = ablation.GROUPS[name.partition("/")[0]]
            old = key(int(seed), group.dataset, name, group.settings)
            results = {"settings": group.settings, "results": results}
        new[old] = results
    _write(ablation.STORE.path, new)


def migrate_reports():
    """Kinds of arms were the first words of their names before."""
    for file in utility.FOLDER.glob("*.json"):
        content = json.loads(file.read_text(encoding="utf-8"))
        if "arms" in content and "kinds" not in content:
            kinds = {
                arm: next((kind for kind in ("gan", "shuffled", "oracle") if arm.startswith(kind)), "none")
                for arm in content["arms"]
            }
            content = {**{k: content[k] for k in ("setting", "seeds", "arms")}, "kinds": kinds, **content}
            _write(file, content)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", type=Path, nargs="*", help="results.json of studies; results/ by default")
    files = parser.parse_args().files
    for file in files:
        migrate(file)
    if not files:
        for file in sorted(CACHED.glob("*.json")):
            migrate(file, maker_of(file))
        migrate_gallery()
        migrate_ablations()
        migrate_reports()

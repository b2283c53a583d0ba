"""Gives results that studies kept before keys had versions the keys of today; no figure changes.

    python benchmarks/migrate_kept.py                       # results/utility/kept
    python benchmarks/migrate_kept.py FOLDER/results.json   # of a study of your own, made with `make_generator=None`

What has a key of today stays as it is, so that it may run again. What was made with functions, an optimizer or a value range
of one's own is told and stays too: its key did not say all that made it.
"""

import argparse
import ast
import os
import re
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import utility
from utility_settings import SETTINGS

from keras_ganaug import _files
from keras_ganaug.study import fingerprint, kept
from keras_ganaug.study.arms import Arm, Synthetic, smote

KEPT = utility.FOLDER / "kept"


def migrated(entries, maker=None):
    """Entries by the keys of today, and the keys of those that could not be read.

    Args:
        entries: Mapping from keys to entries, old ones or new.
        maker: Text of what made the generators, as keys have it. Defaults to None: it is not in them.
    """
    new, left = {}, []
    for key, entry in entries.items():
        name, found = key, re.fullmatch(r"(\d+)/([0-9a-f]{12})/(.+)", key, re.DOTALL)
        if found:
            seed, data, name = found.groups()
            try:
                settings = settings_of(entry["settings"], maker)
            except (ValueError, SyntaxError, TypeError):
                left.append(key)
            else:
                key, entry = kept.key(int(seed), data, name, settings), {**entry, "settings": settings}
        new.setdefault(key, entry)
    return new, left


def settings_of(text, maker=None):
    """The text of today for a text of before: "(0=(sampling='natural', ...), 1=steps, 2=batch size)"."""
    text = re.sub(r"(?<=[( ])(\d+)=", r"_\1=", re.sub(r"\((?=\w+=|\))", "T(", text))
    arm, steps, batch_size = _value(ast.parse(text, mode="eval").body)
    parts = [fingerprint.text_of(arm), f"steps={int(steps)}", f"batch_size={int(batch_size)}"]
    if maker is not None and arm.synthetic is not None and arm.synthetic.source != "oracle" and arm.synthetic.fraction > 0:
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
    """Migrates a file, and says what is left."""
    entries, left = migrated(kept.read(file), maker)
    text = kept.as_json(entries)
    if text != _files.read_text(file):
        _files.write(file, text)
    print(f"{file}: {len(entries)} results" + "".join(f"\n  left: {key}" for key in left))


def maker_of(file):
    """The text of what made the generators of a file of the benchmark."""
    setting = SETTINGS[re.sub(r"_folds_\d+$", "", file.stem)]
    return fingerprint.text_of_maker(utility.make_gan(setting.gan))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", type=Path, nargs="*", help="results.json of studies; results/utility/kept by default")
    files = parser.parse_args().files
    for file in files:
        with kept.lock(file):
            migrate(file)
    for file in sorted(KEPT.glob("*.json")) if not files else ():
        migrate(file, maker_of(file))

"""The manual names all that is public, its links lead somewhere, and its figures are those of the results."""

import importlib.util
import json
import re
from pathlib import Path

import pytest
from tools import public

import keras_ganaug as kga

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
pytestmark = pytest.mark.skipif(not DOCS.exists(), reason="the package is installed without its documentation")
FOLDERS = (".", "docs", "results", "benchmarks", "examples", "saved_models/*", ".github")
PAGES = sorted(page for folder in FOLDERS for page in ROOT.glob(f"{folder}/*.md"))
CODE = re.compile(r"^(`{3,}|~{3,}).*?^\1`*$|`[^`\n]+`", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[(?:[^][]|\[[^][]*\])*\]\(<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\)")


def slugs(page):
    """The anchors that GitHub makes of a page's headings."""
    found = []
    for title in re.findall(
        r"^#{1,6} +(.+?) *#*$", re.sub(r"^```.*?^```", "", page.read_text("utf-8"), flags=re.M | re.S), re.M
    ):
        slug = re.sub(r"[^\w\- ]", "", LINK.sub(lambda link: link[0][1:].partition("]")[0], title).lower()).replace(" ", "-")
        found.append(slug if slug not in found else f"{slug}-{sum(each.startswith(slug) for each in found)}")
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    for target in LINK.findall(CODE.sub("", page.read_text(encoding="utf-8"))):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), target
        assert ROOT in file.parents, f"{target} leaves the repository"
        assert not anchor or anchor in slugs(file), target


def test_pages_of_the_manual_are_in_its_contents():
    contents = (DOCS / "index.md").read_text(encoding="utf-8")
    listed = (DOCS / "README.md").read_text(encoding="utf-8")
    for page in {page.stem for page in DOCS.glob("*.md")} - {"README", "index"}:
        assert re.search(rf"^{page}$", contents, re.MULTILINE), f"docs/index.md lacks {page}"
        assert f"({page}.md)" in listed or page == "release", f"docs/README.md lacks {page}"
    for page in [*ROOT.glob("results/*.md"), *ROOT.glob("saved_models/*/*.md")]:
        page = page.relative_to(ROOT).with_suffix("").as_posix()
        assert re.search(rf"^\.\./{page}$", contents, re.MULTILINE), f"docs/index.md lacks {page}"


def test_the_reference_has_all_public_names():
    spec = importlib.util.spec_from_file_location("reference", DOCS / "reference.py")
    reference = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(reference)
    pages = "\n".join(reference.pages().values())
    described = set(re.findall(r"^\.\. (?:auto\w+|py:data):: (\S+)$", pages, re.MULTILINE))
    known = {id(value) for path, value in reference.public().items() if path in described}
    names = public() | public(module=kga.generators, path="kga.generators")
    missing = {path for path, value in names.items() if id(value) not in known and "._" not in path}
    assert len(names) > 100 and not missing


@pytest.mark.parametrize(("page", "source"), [("which", "gallery"), ("elsewhere", "transfer"), ("when", "transfer")])
def test_figures_are_those_of_the_results(page, source):
    rows = re.findall(r"^\|.*\|$", (DOCS / f"{page}.md").read_text(encoding="utf-8"), re.MULTILINE)
    results = (ROOT / "results" / f"{source}.md").read_text(encoding="utf-8")
    figures = [(row, figure) for row in rows for figure in re.findall(r"\d+\.\d%?(?: ± \d\.\d)?", row)]
    assert len(figures) >= 5
    for row, figure in figures:
        name = row.split("|")[1].strip(" `")
        lines = [line for line in results.splitlines() if line.startswith(f"| {name}, best")] or [results]
        assert figure in lines[0], row


def test_figures_of_large_data_are_those_measured():
    result = json.loads((ROOT / "results" / "large_data.json").read_text())
    parts = ("fit, 50 steps", "fit(class_balanced=True), 50 steps", "oversample, and reading 50 batches")
    own, balanced, read, mapped = (
        round(result["measured"][name]["mib"]) for name in (*parts, "fit(class_balanced=True) of a map of it")
    )
    words = " ".join((DOCS / "folder.md").read_text("utf-8").split())
    assert f"On {result['settings']['files']:,} files" in words
    assert f"take {result['all_images_mib']:,.0f} MiB as arrays" in words
    assert f"rose by {own} MiB in `fit`, by {balanced} MiB in `fit(class_balanced=True)`, and by {read} MiB" in words
    assert f"took {mapped} MiB" in words


def test_the_memory_is_the_one_measured():
    result = json.loads((ROOT / "results" / "memory.json").read_text())
    mib = [value for _, value in result["curve"]]
    words = (DOCS / "results.md").read_text("utf-8")
    assert f"in one process: {mib[0]:.0f} to {max(mib):.0f} MiB" in words
    assert result["rise"] < 0.05 and result["settings"]["minutes"] == 30


@pytest.mark.parametrize("name", ["digits", "fashion_mnist"])
def test_a_card_tells_what_was_measured(name):
    folder = ROOT / "saved_models" / name
    figures, card = json.loads((folder / "figures.json").read_text()), (folder / "README.md").read_text("utf-8")
    copies, attack = figures["memorization"], figures["membership_inference"]
    assert f"to a test image | {copies['nearer_to_training']:.1%}, p = {copies['p_value']:.2g} |" in card
    assert f"| {attack['auc']:.3f} ({attack['low']:.3f} to {attack['high']:.3f}) |" in card
    assert f"{100 * sum(figures['real']) / len(figures['real']):.1f}% (" in card

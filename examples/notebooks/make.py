"""Makes the notebooks of this folder from the scripts in `examples/`, without outputs.

    pip install -e ".[examples,notebooks]" && python examples/notebooks/make.py

Change a script and run this: a test compares. A cell with the tag "active-py" is in the script alone, and one with
"active-ipynb", which the script has as comments, in the notebook alone.
"""

from pathlib import Path

import jupytext
import nbformat

HERE = Path(__file__).resolve().parent
NAMES = ("folder", "replay")
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def notebook(name):
    """The notebook of a script."""
    made = jupytext.read(HERE.parent / f"{name}.py")
    made.metadata = nbformat.from_dict(METADATA)
    made.cells = [cell for cell in made.cells if "active-py" not in cell.metadata.get("tags", [])]
    for number, cell in enumerate(made.cells):
        cell.id = f"{name}-{number}"  # the same each time
        tags = [tag for tag in cell.metadata.get("tags", []) if not tag.startswith("active")]
        cell.metadata = nbformat.from_dict({"tags": tags} if tags else {})
    nbformat.validate(made)
    return made


if __name__ == "__main__":
    for name in NAMES:
        (HERE / f"{name}.ipynb").write_text(nbformat.writes(notebook(name)) + "\n", encoding="utf-8")
        print(f"examples/notebooks/{name}.ipynb")

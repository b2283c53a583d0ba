"""The manual: `pip install -e ".[docs]" && sphinx-build -W -c docs . build/manual`, then open build/manual/index.html.

The source folder is the root of the repository, so that a link works alike on GitHub and here, between all of its pages.
"""

import re
import sys
from pathlib import Path

DOCS = Path(__file__).parent
sys.path.insert(0, str(DOCS))

import reference  # noqa: E402

reference.write(DOCS / "reference")

project, author = "keras_ganaug", "The keras_ganaug authors"
project_copyright = author
release = re.search(r'^__version__ = "(.+)"', (DOCS.parent / "keras_ganaug" / "__init__.py").read_text("utf-8"), re.M)[1]

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.autosummary", "sphinx.ext.napoleon", "sphinx_copybutton"]
root_doc = "docs/index"
include_patterns = ["*.md", "docs/*.md", "docs/reference/*.rst", "results/*.md", "saved_models/*/*.md"]
exclude_patterns = [".*", "README.md", "build", "docs/README.md", "tests"]
myst_heading_anchors = 4
myst_enable_extensions = ["fieldlist"]
suppress_warnings = ["myst.header"]  # a page may begin at the second level, as GitHub lets it
html_theme, html_title, html_copy_source = "furo", "keras_ganaug", False
html_static_path, html_css_files = ["_static"], ["manual.css"]
html_theme_options = {"top_of_page_buttons": []}
html_additional_pages = {"index": "redirect.html"}
templates_path = ["_templates"]
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

default_role = "py:obj"  # docstrings put names, and other code, into single backticks
autodoc_typehints = "none"  # they are in the signature of an editor; here the arguments are described in words
autodoc_member_order = "bysource"
autodoc_default_options = {
    "exclude-members": "build,call,compute_output_shape,from_config,get_config"
}  # Keras's own contract
autosummary_generate = False
napoleon_custom_sections = [("Call arguments", "params_style")]


def setup(app):
    def skip(app, what, name, obj, skip, options):  # a property without a docstring of its own: the base describes it
        return True if isinstance(obj, property) and not obj.__doc__ else None

    app.connect("autodoc-skip-member", skip)

    def process(app, what, name, obj, options, lines):
        lines[:] = reference.as_rst("\n".join(lines)).splitlines()

    app.connect("autodoc-process-docstring", process, priority=400)  # before napoleon

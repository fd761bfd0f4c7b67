"""How Sphinx lays the site out; docs/site/build.py writes what it reads."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import reference

from lpnb import __version__

project = "lpnb"
author = "the lpnb authors"
copyright = "the lpnb authors, Apache-2.0"
release = version = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
myst_enable_extensions = ["attrs_inline", "colon_fence"]
myst_heading_anchors = 4
suppress_warnings = ["misc.highlighting_failure"]  # a language without colours, such as csv
napoleon_custom_sections = ["Source"]
maximum_signature_line_length = 90
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
python_use_unqualified_type_names = True

html_theme = "furo"
html_title = f"lpnb {release}"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_js_files = ["copy.js"]
html_show_sphinx = False
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {
    "top_of_page_buttons": [],
    "light_css_variables": {"jp-content-font-color1": "#1f2328", "jp-border-color2": "#d0d7de"},
    "dark_css_variables": {"jp-content-font-color1": "#cfd0d0", "jp-border-color2": "#3a3f44"},
}

# --- models ----------------------------------------------------------------------------------------------


def setup(app):
    """Show models by their fields: what the model library adds to a class is no reader's concern."""
    app.connect("autodoc-process-signature", reference.model_signature)
    app.connect("autodoc-process-docstring", reference.model_fields)
    app.connect("autodoc-skip-member", reference.is_machinery)

"""Configuration of Sphinx; `make docs` builds the pages."""

import sys
from pathlib import Path

import dualad

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

project = "dualad"
author = "The dualad developers"
copyright = "the dualad developers"
version = release = dualad.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.mathjax", "numpydoc", "table_pages"]
myst_enable_extensions = ["colon_fence", "dollarmath"]
numpydoc_show_class_members = False
autodoc_member_order = "bysource"
exclude_patterns = ["_ext"]

html_theme = "alabaster"
html_static_path = ["_static"]
html_css_files = ["tables.css"]
html_theme_options = {"description": dualad.__doc__, "page_width": "1200px", "fixed_sidebar": True}

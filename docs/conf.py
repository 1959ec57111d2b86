"""How Sphinx builds the documentation; ``make docs`` runs it with warnings as errors.

Pages of papers and of the command line are written anew at each build, from results and from the commands themselves.
"""

import re
import sys
from importlib import metadata
from pathlib import Path

from sphinx.application import Sphinx

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tools"))

import pages  # noqa: E402  of tools/

project = "claimbench"
author = "the authors of claimbench"
release = metadata.version("claimbench")
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"claimbench {release}"
html_static_path = ["_static"]
html_show_copyright = False
html_copy_source = False

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True
pages.write(ROOT / "docs" / "generated")


def caption_files(app: Sphinx, docname: str, source: list[str]) -> None:
    """Show the name of the file above a block that is one: on GitHub the text around it says so."""
    block = re.compile(r"^<!-- file: (\S+) -->\n```(\w+)$", flags=re.MULTILINE)
    source[0] = block.sub(r"```{code-block} \2\n:caption: \1\n", source[0])


def setup(app: Sphinx) -> None:
    """Sphinx calls it."""
    app.connect("source-read", caption_files)

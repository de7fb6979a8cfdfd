"""Sphinx configuration. The reference pages are written from the code's own registries at each build."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import generate

from lirich import __version__

project = "lirich"
author = "The lirich developers"
copyright = "2026, the lirich developers"  # noqa: A001 - Sphinx wants this name
release = version = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "mathml"]
myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"lirich {release}"
html_static_path = ["_static"]
html_math_renderer = "mathml"
nitpicky = False
autodoc_typehints = "description"
autodoc_member_order = "bysource"
default_role = "code"


def setup(_app: object) -> None:
    """Write the generated pages before Sphinx reads the sources."""
    generate.write_all(Path(__file__).parent / "reference" / "generated")

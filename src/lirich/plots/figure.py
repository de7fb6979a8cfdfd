"""The figure: a Plotly specification that shows itself in a notebook, a report or a file of its own, offline."""

from __future__ import annotations

import html
import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

PLOTLY_VERSION = "4.1.1"
"""Version of the vendored plotly.js (static/README.md)."""

CONFIG: dict[str, Any] = {
    "displaylogo": False,
    "responsive": True,
    "modeBarButtonsToRemove": ["select2d", "lasso2d", "autoScale2d"],
    "toImageButtonOptions": {"format": "svg"},
}
"""What every figure hands to ``Plotly.newPlot`` as its configuration."""

PRINT_CSS = (
    "@media print{@page{margin:14mm 12mm}body{print-color-adjust:exact;-webkit-print-color-adjust:exact}"
    "figure{break-inside:avoid}figcaption,h1,h2,h3,h4,summary{break-after:avoid}"
    ".js-plotly-plot .modebar-container{display:none}}"
)
"""What paper asks of every page with figures: each in one piece with its title and note, and no buttons."""

MODE_BAR = (
    "<style>.js-plotly-plot .modebar-container{top:-26px!important}"
    f"@media(max-width:640px){{.js-plotly-plot .modebar-container{{display:none}}}}{PRINT_CSS}</style>"
)
"""The style of figures outside the report. It puts the buttons of a figure beside its title, above the drawing: a long
legend would lie under them. On a narrow page the title needs the room: there are none."""


@cache
def plotly_source() -> str:
    """Return the text of the vendored plotly.js (MIT licence, see static/LICENSE.plotly.txt)."""
    return (resources.files("lirich.plots") / "static" / "plotly-basic.min.js").read_text(encoding="utf-8")


def script_json(data: Any) -> str:
    """Return *data* as JSON that may stand inside a ``<script>`` element: no ``<``, ``>`` or ``&`` in it.

    Raises ``ValueError`` on NaN or infinity, which JSON does not have.
    """
    text = json.dumps(data, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    for letter in "<>&\u2028\u2029":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return text


@dataclass(frozen=True, eq=False)
class Figure:
    """A Plotly figure and what is to be said of it.

    Attributes
    ----------
    title:
        What is shown, in a few words, plain text.
    alt:
        What can be seen, for those who cannot see it, plain text.
    data, layout:
        Traces and layout of Plotly; plain dicts, lists, numbers and texts without NaN.
    note:
        What the reader must know to read it right (thinning, conditions, what is left out); plain text.
    """

    title: str
    alt: str
    data: Sequence[dict[str, Any]]
    layout: dict[str, Any] = field(default_factory=dict)
    note: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return ``{"data": …, "layout": …}`` as Plotly takes it."""
        return {"data": list(self.data), "layout": self.layout}

    def to_json(self) -> str:
        """Return `to_dict` as JSON that is safe inside a ``<script>`` element."""
        return script_json(self.to_dict())

    def to_html(self) -> str:
        """Return a fragment that draws the figure by itself, plotly.js included, without any request."""
        key = f"lirich-{uuid.uuid4().hex}"
        return (
            f'{MODE_BAR}<figure style="margin:0"><figcaption style="font:600 14px system-ui,sans-serif;margin:0 0 4px">'
            f"{html.escape(self.title)}</figcaption>"
            f'<div id="{key}" role="img" aria-label="{html.escape(self.alt)}"></div>'
            f"{self._note_html()}</figure><script>"
            # An own scope without AMD or CommonJS: notebooks define both, and plotly.js must land on window.
            f"(function(){{if(!window.Plotly||!window.Plotly.newPlot){{(function(module,exports,define){{{plotly_source()}\n}})"
            f".call(window)}}var f={self.to_json()};"
            f"window.Plotly.newPlot(document.getElementById({script_json(key)}),f.data,f.layout,{script_json(CONFIG)})}})()"
            f"</script>"
        )

    def write_html(self, path: Path | str) -> Path:
        """Write the figure as one HTML file that needs nothing else, and return its path."""
        target = Path(path)
        target.write_text(
            '<!doctype html><html lang="en"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width,initial-scale=1">'
            f"<title>{html.escape(self.title)}</title></head>"
            '<body style="margin:24px auto;max-width:1000px;padding:0 16px;background:#fff;color:#2b3640">'
            f"{self.to_html()}</body></html>\n",
            encoding="utf-8",
        )
        return target

    def _note_html(self) -> str:
        if not self.note:
            return ""
        return f'<p style="font:12px system-ui,sans-serif;color:#5b6770;margin:4px 0 0">{html.escape(self.note)}</p>'

    def _repr_html_(self) -> str:
        return self.to_html()

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        """Offer Jupyter both its own Plotly renderer and an HTML that needs no network."""
        return {
            "application/vnd.plotly.v1+json": self.to_dict() | {"config": CONFIG},
            "text/html": self.to_html(),
            "text/plain": f"{self.title}: {self.alt}",
        }

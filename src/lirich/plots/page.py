"""Several figures on one page that needs nothing else."""

from __future__ import annotations

import html
from collections.abc import Sequence

from lirich.plots.figure import CONFIG, MODE_BAR, Figure, plotly_source, script_json


def page(title: str, figures: Sequence[Figure]) -> str:
    """Return an HTML page with *figures* below one another; plotly.js is in it once."""
    parts = []
    for number, figure in enumerate(figures):
        note = (
            f'<p style="font:12px system-ui,sans-serif;color:#5b6770">{html.escape(figure.note)}</p>'
            if figure.note
            else ""
        )
        parts.append(
            f'<figure style="margin:0 0 28px"><figcaption style="font:600 14px system-ui,sans-serif">'
            f"{html.escape(figure.title)}</figcaption>"
            f'<div id="figure-{number}" role="img" aria-label="{html.escape(figure.alt)}"></div>{note}</figure>'
            f"<script>(function(){{var f={figure.to_json()};"
            f'window.Plotly.newPlot("figure-{number}",f.data,f.layout,{script_json(CONFIG)})}})()</script>'
        )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{html.escape(title)}</title>{MODE_BAR}<script>{plotly_source()}</script></head>"
        '<body style="margin:24px auto;max-width:1000px;padding:0 16px;background:#fff;color:#2b3640">'
        f'<h1 style="font:600 20px system-ui,sans-serif">{html.escape(title)}</h1>{"".join(parts)}</body></html>\n'
    )

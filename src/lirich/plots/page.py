"""Several figures on one page that needs nothing else."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass

from lirich.model import Finding
from lirich.model.notebook import html_table
from lirich.plots.figure import CONFIG, MODE_BAR, Figure, plotly_source, script_json

_GRAVEST = ("error", "warning", "info")
_SMALL = "font:13px/1.5 system-ui,sans-serif;color:#2b3640"


@dataclass(frozen=True, slots=True)
class Table:
    """A table of a page: a title, *heads*, and *rows* of as many numbers or texts."""

    title: str
    heads: Sequence[str]
    rows: Sequence[Sequence[object]]


def about(facts: Sequence[str] = (), findings: Sequence[Finding] = (), tables: Sequence[Table] = ()) -> str:
    """Return what is said beside figures as HTML: *facts*, *findings* (the gravest first), and *tables*."""
    parts = [f'<p style="{_SMALL};margin:0 0 4px">{html.escape(fact)}</p>' for fact in facts]
    ordered = sorted(findings, key=lambda f: _GRAVEST.index(f.severity))
    parts += [f'<ul style="{_SMALL};padding-left:18px">'] * bool(ordered)
    for f in ordered:
        advice = f' <span style="color:#5b6770">{html.escape(f.advice)}</span>' if f.advice else ""
        parts.append(
            f"<li><b>{html.escape(f.severity)}</b> {html.escape(f.message)} ({html.escape(f.code)}){advice}</li>"
        )
    parts += ["</ul>"] * bool(ordered)
    parts += [_table(table) for table in tables if table.rows]
    return "".join(parts)


def _table(table: Table) -> str:
    return (
        f'<details open style="{_SMALL};margin:8px 0 24px"><summary style="font-weight:600">{html.escape(table.title)} '
        f'({len(table.rows)})</summary><div style="overflow:auto;max-height:420px">'
        f"{html_table(table.heads, table.rows)}</div></details>"
    )


def page(
    title: str,
    figures: Sequence[Figure],
    *,
    facts: Sequence[str] = (),
    findings: Sequence[Finding] = (),
    tables: Sequence[Table] = (),
) -> str:
    """Return an HTML page with *figures* below one another; plotly.js is in it once.

    *facts* and *findings* stand above the figures, *tables* below them; see `about`.
    """
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
        f'<h1 style="font:600 20px system-ui,sans-serif">{html.escape(title)}</h1>{about(facts, findings)}'
        f"{''.join(parts)}{about(tables=tables)}</body></html>\n"
    )

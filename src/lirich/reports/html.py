"""From the pieces of a report to one HTML file that needs nothing else."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Sequence
from functools import cache
from importlib import resources
from types import CodeType
from typing import Any

import jinja2
from jinja2.bccache import Bucket
from markupsafe import Markup, escape

from lirich import __version__
from lirich.errors import InputError
from lirich.model import Interval
from lirich.model.flags import Marks
from lirich.model.format import capitalised, format_count, format_number, format_quantity
from lirich.plots import Figure, style
from lirich.plots.figure import CONFIG, PLOTLY_VERSION, PRINT_CSS, plotly_source, script_json
from lirich.quantities import QUANTITIES
from lirich.reports import figures, glance, sections
from lirich.reports.brief import main_figures, main_values
from lirich.reports.data import GroupRow, PairRow, ReportData
from lirich.reports.summary import summarise
from lirich.reports.wording import plainly

MOST_BYTES = 14_000_000
"""A report larger than this is built again with less detail in its curves, and says so."""

_OPEN_CELLS = 3  # with more cells than this their sections start folded


def build_report(data: ReportData, *, most_bytes: int = MOST_BYTES) -> str:
    """Return the report as the text of one HTML file without any outside request.

    Curves carry less detail with more cells, and still less where the file would pass *most_bytes*; the report says
    what is left out. Raises `InputError` without a cell.
    """
    if not data.cells:
        raise InputError("A report without cells", advice="Add files first: lirich add FOLDER, then lirich analyse")
    text = ""
    for level in range(figures.first_level(len(data.cells)), len(figures.LEVELS)):
        text = _render(data, figures.LEVELS[level])
        if len(text.encode()) <= most_bytes:
            break
    return text


def _render(data: ReportData, detail: figures.Detail) -> str:
    book = FigureBook()
    groups = list(dict.fromkeys(c.group_name for c in data.cells))
    marks = Marks()
    return templates([c.name for c in data.cells]).get_template("report.html.j2").render(
        data=data,
        detail=detail,
        answers=summarise(data),
        summary_figures=[book.add(f) for f in figures.summary_figures(data)],
        overlay_figures=[book.add(f) for f in figures.overlay_figures(data, detail)],
        comparison_figures=[book.add(f) for f in figures.comparison_figures(data)],
        compared=sections.compared(data),
        map_figures=[book.add(f) for f in (data.state_map.figures if data.state_map else ())],
        literature_figures=[book.add(f) for f in figures.literature_figures(data)],
        cells=[
            {
                "anchor": sections.anchor(i),
                "report": cell,
                "figures": book.of_cell(figures.cell_figures(cell, detail)),
                "values": main_values(cell),
                "chapters": sections.chapters(cell.values),
                "facts": sections.facts(cell),
                "keys": sections.key_figures(cell),
                "cycles": sections.counted(cell.cycles),
                "thinned": cell.cycles is not None and 0 < detail.rows < cell.cycles.height,
            }
            for i, cell in enumerate(data.cells)
        ],
        overview=glance.overview(data, marks),
        without_share=glance.without_share(data),
        glance_conditions=glance.overview_conditions(data)[0],
        marks=marks.lines,
        overview_keys=[QUANTITIES[k] for k in glance.OVERVIEW],
        short=glance.SHORT,
        unlike=glance.unlike_columns(data),
        findings=sections.finding_groups(data),
        missing=sections.missing_facts(data),
        definitions=sections.definitions(data),
        methods=sections.methods(data),
        settings=sections.settings(data),
        origins=sections.origins(data),
        origin_of={c.name: c.origin for c in data.cells},
        colours=style.group_colours(groups),
        loop_group=lambda name: groups.index(name) + 1 if name in groups else 0,
        segment_colours=style.SEGMENT_COLOURS,
        open_cells=len(data.cells) <= _OPEN_CELLS,
        **page_parts(data.version),
    )  # fmt: skip


def page_parts(written_by: str = "") -> dict[str, Any]:
    """Return what every page of lirich holds: style, scripts, the policy that allows these scripts alone, versions."""
    plotly, script = plotly_source(), _text("report.js")
    hashes = " ".join(f"'sha256-{_digest(s)}'" for s in (plotly, script))
    return {
        "version": written_by or __version__,
        "plotly_version": PLOTLY_VERSION,
        "policy": f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; img-src data: blob:; "
        "base-uri 'none'; form-action 'none'",
        "css": Markup(_text("report.css") + PRINT_CSS),
        "plotly": Markup(plotly),
        "script": Markup(script),
        "config": Markup(script_json(CONFIG)),
    }


def templates(names: Sequence[str] = ()) -> jinja2.Environment:
    """Return the templates; the *names* of cells are kept whole where the filter ``tie`` is used."""
    tied = _environment().overlay()
    tied.filters = {**tied.filters, "tie": _tie(names)}
    return tied


class FigureBook:
    """Numbers the figures and keeps their specifications as texts that may stand in a script element."""

    def __init__(self) -> None:
        self._n = 0

    def of_cell(self, shown: Sequence[Figure]) -> list[dict[str, Any]]:
        """Return the same of a cell's figures, and of each whether it is printed of a folded cell."""
        return [{**self.add(f), "main": main} for f, main in zip(shown, main_figures(shown), strict=True)]

    def add(self, figure: Figure) -> dict[str, Any]:
        """Return what the templates need of a figure."""
        self._n += 1
        return {
            "id": f"figure-{self._n}",
            "title": figure.title,
            "alt": figure.alt,
            "note": figure.note,
            "height": figure.layout.get("height", 340),
            "json": Markup(figure.to_json()),
        }


def _group_mean(group: GroupRow, key: str) -> str:
    if group.mean is None:
        return "–"
    interval = None
    if group.low is not None and group.high is not None:
        interval = Interval(low=group.low, high=group.high, level=group.level, method="mean")
    return format_quantity(group.mean, key, interval, unit=False)


def _difference(pair: PairRow, key: str) -> str:
    if pair.difference is None:
        return "–"
    interval = None
    if pair.difference_low is not None and pair.difference_high is not None:
        interval = Interval(low=pair.difference_low, high=pair.difference_high, method="difference")
    return format_quantity(pair.difference, key, interval, unit=False)


class _Compiled(jinja2.BytecodeCache):
    """The templates as compiled once in a process: an overlay of the environment would compile them anew."""

    def __init__(self) -> None:
        self._codes: dict[str, CodeType | None] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        bucket.code = self._codes.get(bucket.key)

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._codes[bucket.key] = bucket.code


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("lirich.reports"),
        bytecode_cache=_Compiled(),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters.update(
        capitalize_first=capitalised,
        segment_name=style.segment_name,
        symbol=_symbol,
        formula=_formula,
        duration=sections.duration,
        started=sections.started,
        number=format_number,
        count_of=format_count,
        p_value=_p_value,
        plainly=plainly,
        screened=_screened,
    )
    environment.globals.update(group_mean=_group_mean, difference=_difference, quantities=QUANTITIES)
    return environment


def _symbol(text: str) -> Markup:
    return Markup(style.symbol(text))  # escaped there


def _formula(text: str) -> Markup:
    return Markup(style.formula(text))  # escaped there


_OF_SCREEN = re.compile(r"[^.]*\b(?:[Hh]over|[Dd]ouble-click)\b[^.]*\.")


def _screened(text: str) -> Markup:
    """Return *text* with the sentences on what a mouse does marked: they are not printed."""
    return Markup(_OF_SCREEN.sub(r'<span class="screen-only">\g<0></span>', str(escape(text))))


def _tie(names: Sequence[str]) -> Callable[[str], Markup]:
    """Return the filter that keeps the *names* of cells whole: a line breaks before one, not at its hyphen."""
    broken = sorted({str(escape(n)) for n in names if re.search(r"[\s-]", n)}, key=len, reverse=True)
    pattern = re.compile(rf"(?<![\w-])({'|'.join(map(re.escape, broken))})(?![\w-])") if broken else None

    def tie(text: str) -> Markup:
        safe = str(escape(text))
        return Markup(pattern.sub(r'<span class="tied">\1</span>', safe) if pattern else safe)

    return tie


def _p_value(p: float | None) -> str:
    if p is None:
        return "–"
    return "< 0.001" if p < 0.001 else format_number(p, significant=2)


@cache
def _text(name: str) -> str:
    return (resources.files("lirich.reports") / "templates" / name).read_text(encoding="utf-8")


def _digest(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()

"""From a workspace to the pieces of a report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import polars as pl

from lirich import __version__
from lirich.errors import LirichError, NotEnoughDataError, quoted
from lirich.model import Cell, Finding, Severity
from lirich.model.finding import together
from lirich.model.format import format_conditions, format_count, format_number, format_rate
from lirich.plots.thinning import choose_cycles
from lirich.reports.data import (
    CellReport,
    ComparisonReport,
    GroupRow,
    PairRow,
    QuantityRow,
    ReportData,
    SegmentRow,
    StateMapReport,
)
from lirich.reports.figures import LEVELS, first_level
from lirich.reports.summary import NOT_ANALYSED
from lirich.workbench.comparison.context import in_words, standings
from lirich.workbench.figures import drawn_spectra
from lirich.workbench.outdated import OUT_OF_DATE
from lirich.workbench.repeats import unlike_repeats

MAP_NAME = "map"
"""The saved model that is shown in a report: what `lirich learn map` writes unless it is given a name."""

if TYPE_CHECKING:
    from lirich.cycling import Segment
    from lirich.workbench.comparison.result import Comparison, ComparisonRow
    from lirich.workbench.views import CellView
    from lirich.workbench.workspace import Workspace


def collect(workspace: Workspace, *, cells: str | Sequence[str] | None = None, by: str | None = None) -> ReportData:
    """Gather a report of *cells* (all by default), compared by the field *by*.

    Without *by* the morphology is used where it makes groups. Raises `UnknownNameError` on a cell or field that is not
    known; a comparison that is asked for and impossible is a note in the report.
    """
    keys = workspace.store.named(cells)
    comparison, groups, notes = _comparison(workspace, keys, by)
    detail = LEVELS[first_level(len(keys))]
    reports: list[CellReport] = []
    for key in keys:
        view = workspace.cells[key]
        main = view.analysis.run if view.analyses else None
        reports.append(_cell(view, groups.get(key), detail.curves))
        for analysis in sorted(view.analyses, key=lambda a: a.run):
            if analysis.run != main:
                label = f"{key}, run {analysis.run + 1}"
                reports.append(_cell(view.run(analysis.run), groups.get(key), detail.curves, label=label))
    doubts = unlike_repeats(workspace.store, keys)
    reports = [
        replace(r, findings=(*(f for f in doubts if f.where == r.cell.key), *r.findings)) if not r.label else r
        for r in reports
    ]
    outdated = [f for r in reports for f in r.findings if f.code == OUT_OF_DATE and f.severity is not Severity.INFO]
    if outdated:
        names = ", ".join(dict.fromkeys(f.where for f in outdated))
        notes.append(f"The values of {names} are not those of the present settings and facts: see the warnings.")
    state_map, said = _state_map(workspace, keys)
    notes += said
    literature = tuple(workspace.literature)
    own = [value for report in reports if not report.not_among_published for value in report.values]
    apart = dict.fromkeys(f"{r.cell.key} ({r.not_among_published})" for r in reports if r.not_among_published)
    return ReportData(
        title=_title(workspace, keys),
        cells=tuple(reports),
        comparison=comparison,
        literature=literature,
        standings=in_words(standings(own, literature)),
        apart=f"Not set among Li-rich cathodes: {', '.join(apart)}." if apart else "",
        workspace=workspace.store.settings.name or workspace.root.name,
        created=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        version=__version__,
        notes=tuple(notes),
        state_map=state_map,
    )


def _state_map(workspace: Workspace, keys: Sequence[str]) -> tuple[StateMapReport | None, list[str]]:
    """Return where the cells lie on the saved map, where there is one, or a note on why they cannot be placed."""
    if MAP_NAME not in {record.name for record in workspace.store.models.all()}:
        return None, []
    from lirich.workbench.learning.figures import map_only

    try:
        result = workspace.learn.place(MAP_NAME, keys, executor="serial")
    except LirichError as error:
        return None, [f"The cells have no place on the state map {MAP_NAME!r}: {error}"]
    model = result.model
    sentences = []
    if result.parted is not None:
        p = result.parted
        sentences.append(
            f"{' and '.join(p.groups)}: {p.right} of {p.cells} cells lie nearest to their own group, each judged "
            "without itself."
        )
    turning = result.bends["cell"].n_unique()
    if turning:
        sentences.append(f"{turning} of {len(result.ways)} cells change their regime (crosses).")
    return StateMapReport(
        figures=tuple(map_only(result)),
        lead=f"Each {model.direction_} curve as a point on the map {MAP_NAME!r}, learned from "
        f"{format_count(model.n_curves_)} curves: cells that age alike move alike. "
        f"PC1 is {100 * model.explained_variance_ratio_[0]:.0f} % of what differs between them.",
        sentences=tuple(sentences),
        warnings=tuple(f.message for f in result.findings if f.severity is not Severity.INFO),
    ), []


def _title(workspace: Workspace, keys: Sequence[str]) -> str:
    if len(keys) == 1:
        return keys[0]
    return workspace.store.settings.name or workspace.root.name


def _comparison(
    workspace: Workspace, keys: Sequence[str], by: str | None
) -> tuple[ComparisonReport | None, dict[str, str], list[str]]:
    from lirich.workbench.comparison.groups import field_of, group_cells

    field = by or "morphology"
    if by is None:
        found = {field_of(workspace.cells[key].facts, workspace.cells[key].sample, field) for key in keys}
        if len(found - {None}) < 2:
            return None, {}, []
    try:
        groups = group_cells(workspace, field, keys)
        comparison = workspace.compare(field, cells=keys)
    except NotEnoughDataError as error:
        return None, {}, [f"No comparison by {field.replace('_', ' ')}: {error}"]
    return comparison_report(comparison), groups, []


def comparison_report(comparison: Comparison) -> ComparisonReport:
    """Return a comparison of the workbench as the report shows it."""
    grave = [f.message for f in comparison.findings if f.severity is not Severity.INFO]
    return ComparisonReport(
        by=comparison.by,
        rows=tuple(_row(row) for row in comparison.rows),
        warnings=tuple(dict.fromkeys(grave)),  # said of many cells: once
        notes=_together([f for f in comparison.findings if f.severity is Severity.INFO]),
        forced=comparison.forced,
        method=comparison.method + ".",
    )


def _together(findings: Sequence[Finding]) -> tuple[str, ...]:
    """Return messages as sentences, those that differ in their cell alone as one that names the cells."""
    return tuple(each.told.message for each in together(findings))


def _row(row: ComparisonRow) -> QuantityRow:
    refused = row.why_refused
    return QuantityRow(
        quantity=row.quantity,
        groups=tuple(
            GroupRow(
                g.group,
                tuple(zip(g.cells, g.values, strict=True)),
                g.mean,
                g.interval.low if g.interval else None,
                g.interval.high if g.interval else None,
                g.interval.level if g.interval else 0.95,
                g.origins,
                g.flags,
            )
            for g in row.groups
        ),
        pairs=tuple(
            PairRow(
                c.a,
                c.b,
                c.effect_size,
                c.effect_size_interval.low if c.effect_size_interval else None,
                c.effect_size_interval.high if c.effect_size_interval else None,
                c.p,
                c.p_corrected,
                c.difference,
                c.difference_interval.low if c.difference_interval else None,
                c.difference_interval.high if c.difference_interval else None,
            )
            for c in row.contrasts
            if not c.refused
        ),
        refused=refused if row.refused else "",
        warnings=tuple(row.warnings) + ((refused,) if refused and not row.refused else ()),
        conditions=format_conditions(row.conditions),
        rank=_rank(row),
    )


def _rank(row: ComparisonRow) -> float:
    if row.quantity == "rate_capability":
        return row.conditions.rate_c or row.conditions.current_ma_g or 0.0
    return float(row.conditions.cycle or row.conditions.cycles or 0)


def _cell(view: CellView, group: str | None, most_cycles: int, *, label: str = "") -> CellReport:
    spectra = tuple(drawn_spectra(view)) if most_cycles and not label else ()
    if not view.analyses:
        alone = "Of this cell there is impedance, and no cycling."
        return CellReport(
            cell=view.facts,
            sample=view.sample,
            tests=tuple(view.tests),
            values=tuple(view.values) if view.impedance else (),
            findings=tuple(view.findings),
            spectra=spectra,
            group=group,
            notes=(alone if view.impedance else f"{NOT_ANALYSED}.",),
            analysed=bool(view.impedance),
        )
    cycles = view.cycles
    shown = choose_cycles(cycles["cycle"].to_list(), most_cycles) if most_cycles and cycles.height else []
    curves = _curves(view, shown) if shown else None
    number = dict(zip(cycles["cycle"], cycles["cycle_number"], strict=True))
    tests = {t.key: t for t in view.tests}
    used = (*view.analysis.tests, *(key for a in view.impedance for key in a.tests if not label))
    notes = []
    if len(view.analyses) > 1:
        notes.append(
            f"The files of this cell make {len(view.analyses)} runs that do not continue each other; this is run "
            f"{view.analysis.run + 1}."
        )
    apart = [(own, counted) for own, counted in number.items() if own > 0 and own != counted]
    if apart:
        own, counted = apart[0]
        notes.append(
            f"Cycles go by the cycler's count. In the file cycle {counted} is cycle {own}: lirich cells "
            f"{quoted(view.key)} lists that number, and --segment takes it."
        )
    return CellReport(
        cell=view.facts,
        sample=view.sample,
        tests=tuple(tests[key] for key in used if key in tests),
        cycles=_renumbered(cycles, number),
        segments=segment_rows(view.segments, view.facts, number),
        values=tuple(view.values),
        findings=tuple(view.findings),
        voltage_curves=_renumbered(curves.voltage, number) if curves else None,
        dqdv=_renumbered(curves.dqdv, number) if curves else None,
        hysteresis=_renumbered(curves.hysteresis, number) if curves and curves.hysteresis is not None else None,
        peaks=curves.peaks if curves else None,
        states=view.hidden() if most_cycles else None,
        profiles=view.hidden("profiles.parquet") if most_cycles else None,
        contact=view.hidden("contact.parquet") if most_cycles else None,
        spectra=spectra,
        smoothing=curves.smoothing if curves else "",
        group=group,
        notes=tuple(notes),
        label=label,
        settings=view.analysis.settings,
    )


def _renumbered(table: pl.DataFrame, number: Mapping[int, int]) -> pl.DataFrame:
    """Put the cycler's count, which values and axes speak of, in the place of the running number of the file."""
    return table.with_columns(pl.col("cycle").replace_strict(number, return_dtype=pl.Int64))


@dataclass(frozen=True, eq=False)
class _Curves:
    voltage: pl.DataFrame
    dqdv: pl.DataFrame
    hysteresis: pl.DataFrame | None
    peaks: pl.DataFrame
    smoothing: str


def _curves(view: CellView, shown: Sequence[int]) -> _Curves:
    from lirich.cycling.dqdv import DEFAULT_SMOOTHING, dqdv_curves
    from lirich.cycling.halfcycles import voltage_curves
    from lirich.cycling.hysteresis import hysteresis

    cell, _ = view.made_of  # a figure is of what the values beside it were made with
    wanted = set(shown)
    halves = [h for h in view.half_cycles if h.cycle in wanted]
    of_cycle = {(h.cycle, h.direction): h for h in halves}
    gaps = []
    for number in shown:
        charge, discharge = of_cycle.get((number, "charge")), of_cycle.get((number, "discharge"))
        if charge is None or discharge is None:
            continue
        try:
            loop = hysteresis(charge, discharge)
        except NotEnoughDataError:
            continue  # a half-cycle without charge has no hysteresis to draw
        gaps.append(
            pl.DataFrame({"soc_percent": loop.soc_percent, "hysteresis_v": loop.gap_v})
            .with_columns(cycle=pl.lit(number, dtype=pl.Int64))
            .filter(pl.col("hysteresis_v").is_finite())
        )
    smooth = DEFAULT_SMOOTHING
    return _Curves(
        voltage=voltage_curves(view.annotation, shown, max_points=400, active_mass_mg=cell.active_mass_mg),
        dqdv=dqdv_curves(halves, active_mass_mg=cell.active_mass_mg),
        hysteresis=pl.concat(gaps) if gaps else None,
        peaks=view.peaks,
        smoothing=f"dQ/dV by {smooth.method}: grid {1e3 * smooth.step_v:g} mV, window {1e3 * smooth.window_v:g} mV, "
        f"order {smooth.order}.",
    )


def segment_rows(
    segments: Sequence[Segment], cell: Cell, number: Mapping[int, int] | None = None
) -> tuple[SegmentRow, ...]:
    """Return the protocol as it is shown: each purpose a row, and what is beside it counted in one row per kind.

    *number* gives the cycler's count of each cycle of the file, where that is another.
    """
    known = number or {}
    rows = [
        SegmentRow(
            s.kind,
            known.get(s.first_cycle, s.first_cycle),
            known.get(s.last_cycle, s.last_cycle),
            _said(s, cell),
            s.source == "user",
        )
        for s in segments
        if s.purpose
    ]
    beside = Counter(s.kind for s in segments if not s.purpose)
    rows += [
        SegmentRow(kind, None, None, f"{n} {'stretch' if n == 1 else 'stretches'} within the above")
        for kind, n in beside.items()
    ]
    return tuple(rows)


def _said(segment: Segment, cell: Cell) -> str:
    parts = []
    for current, what in ((segment.charge_current_ma, "charge"), (segment.discharge_current_ma, "discharge")):
        if current is None or current == 0 or segment.kind == "rate_test":  # its reason names the rates
            continue
        if cell.active_mass_mg is not None and cell.one_c_ma_g is not None:
            rate = format_rate(abs(current) / (cell.active_mass_mg * 1e-3) / cell.one_c_ma_g)
        else:
            rate = f"{format_number(abs(current), significant=3)} mA"
        parts.append(f"{rate} {what}")
    if segment.voltage_lower_v is not None and segment.voltage_upper_v is not None:
        parts.append(f"{segment.voltage_lower_v:.2f}–{segment.voltage_upper_v:.2f} V")
    return ", ".join(parts) + (f"; {segment.reason}" if parts else segment.reason)

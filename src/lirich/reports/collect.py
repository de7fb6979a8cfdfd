"""From a workspace to the pieces of a report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import polars as pl

from lirich import __version__
from lirich.errors import NotEnoughDataError
from lirich.model import Cell, Severity
from lirich.model.format import format_conditions, format_number, format_rate
from lirich.plots.thinning import choose_cycles
from lirich.reports.data import (
    CellReport,
    ComparisonReport,
    GroupRow,
    PairRow,
    QuantityRow,
    ReportData,
    SegmentRow,
)
from lirich.reports.figures import LEVELS, first_level

if TYPE_CHECKING:
    from lirich.cycling import CyclingResult, Segment
    from lirich.workbench.comparison import Comparison, ComparisonRow
    from lirich.workbench.views import CellView
    from lirich.workbench.workspace import Workspace


def collect(workspace: Workspace, *, cells: Sequence[str] | None = None, by: str | None = None) -> ReportData:
    """Gather a report of *cells* (all by default), compared by the field *by*.

    Without *by* the morphology is used where it makes groups. Raises `UnknownNameError` on a cell or field that is not
    known; a comparison that is asked for and impossible is a note in the report.
    """
    keys = list(workspace.cells) if cells is None else [workspace.store.cell(key).key for key in cells]
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
    return ReportData(
        title=_title(workspace, keys),
        cells=tuple(reports),
        comparison=comparison,
        literature=tuple(workspace.literature),
        workspace=workspace.store.settings.name or workspace.root.name,
        created=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        version=__version__,
        settings=_settings(workspace),
        notes=tuple(notes),
    )


def _title(workspace: Workspace, keys: Sequence[str]) -> str:
    if len(keys) == 1:
        return keys[0]
    return workspace.store.settings.name or workspace.root.name


def _settings(workspace: Workspace) -> dict[str, bool | int | float | str]:
    from lirich.cycling import CyclingSettings
    from lirich.workbench.analyse import cycling_settings

    settings = CyclingSettings.model_validate(cycling_settings(workspace.store)).model_dump(mode="json")
    return {name: what if isinstance(what, bool | int | float | str) else str(what) for name, what in settings.items()}


def _comparison(
    workspace: Workspace, keys: Sequence[str], by: str | None
) -> tuple[ComparisonReport | None, dict[str, str], list[str]]:
    from lirich.workbench.groups import field_of, group_cells

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
    light = [f.message for f in comparison.findings if f.severity is Severity.INFO]
    return ComparisonReport(
        by=comparison.by,
        rows=tuple(_row(row) for row in comparison.rows),
        warnings=tuple(grave),
        notes=tuple(light),
        forced=comparison.forced,
        method=comparison.method + ".",
    )


def _row(row: ComparisonRow) -> QuantityRow:
    refused = "; ".join(dict.fromkeys(c.refused for c in row.contrasts if c.refused))
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
    )


def _cell(view: CellView, group: str | None, most_cycles: int, *, label: str = "") -> CellReport:
    if not view.analyses:
        return CellReport(
            cell=view.facts,
            sample=view.sample,
            tests=tuple(view.tests),
            findings=tuple(view.findings),
            group=group,
            notes=("This cell is not analysed: run lirich analyse.",),
        )
    cycles = view.cycles
    shown = choose_cycles(cycles["cycle"].to_list(), most_cycles) if most_cycles and cycles.height else []
    curves, dqdv, hysteresis = _curves(view.result, shown, view.facts) if shown else (None, None, None)
    tests = {t.key: t for t in view.tests}
    used = view.analysis.tests
    notes = []
    if len(view.analyses) > 1:
        notes.append(
            f"The files of this cell make {len(view.analyses)} runs that do not continue each other; this is run "
            f"{view.analysis.run + 1}."
        )
    return CellReport(
        cell=view.facts,
        sample=view.sample,
        tests=tuple(tests[key] for key in used if key in tests),
        cycles=cycles,
        segments=segment_rows(view.segments, view.facts),
        values=tuple(view.values),
        findings=tuple(view.findings),
        voltage_curves=curves,
        dqdv=dqdv,
        hysteresis=hysteresis,
        group=group,
        notes=tuple(notes),
        label=label,
    )


def _curves(
    result: CyclingResult, shown: Sequence[int], cell: Cell
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame | None]:
    from lirich.cycling.dqdv import dqdv_curves
    from lirich.cycling.hysteresis import hysteresis

    halves = result.half_cycles(shown)
    gaps = []
    for number in shown:
        charge = next((h for h in halves if h.cycle == number and h.direction == "charge"), None)
        discharge = next((h for h in halves if h.cycle == number and h.direction == "discharge"), None)
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
    return (
        result.voltage_curves(shown, max_points=400),
        dqdv_curves(halves, active_mass_mg=cell.active_mass_mg),
        pl.concat(gaps) if gaps else None,
    )


def segment_rows(segments: Sequence[Segment], cell: Cell) -> tuple[SegmentRow, ...]:
    """Return the protocol as it is shown: each purpose a row, and what is beside it counted in one row per kind."""
    rows = [
        SegmentRow(s.kind, s.first_cycle, s.last_cycle, _said(s, cell), s.source == "user")
        for s in segments
        if s.purpose
    ]
    beside = Counter(s.kind for s in segments if not s.purpose)
    names = {"cv": "constant-voltage part", "rest": "rest", "ici": "current-interrupt stretch"}
    rows += [
        SegmentRow(
            kind, None, None, f"{n} {names.get(kind, kind.replace('_', ' '))}{'s' if n != 1 else ''} beside it", False
        )
        for kind, n in beside.items()
    ]
    return tuple(rows)


def _said(segment: Segment, cell: Cell) -> str:
    parts = []
    for current, what in ((segment.charge_current_ma, "charge"), (segment.discharge_current_ma, "discharge")):
        if current is None or current == 0:
            continue
        if cell.active_mass_mg is not None and cell.one_c_ma_g is not None:
            rate = format_rate(abs(current) / (cell.active_mass_mg * 1e-3) / cell.one_c_ma_g)
        else:
            rate = f"{format_number(abs(current), significant=3)} mA"
        parts.append(f"{rate} {what}")
    if segment.voltage_lower_v is not None and segment.voltage_upper_v is not None:
        parts.append(f"{segment.voltage_lower_v:.2f}–{segment.voltage_upper_v:.2f} V")
    return ", ".join(parts) + (f"; {segment.reason}" if parts else segment.reason)

"""Which figures a report has, and how much detail each may carry so that the file stays small."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeGuard

import polars as pl

from lirich import plots
from lirich.cycling.plausibility import IMPLAUSIBLE
from lirich.model import Origin, Value
from lirich.model.flags import unsound
from lirich.plots import Band, CellSeries, Figure, GroupPoints
from lirich.plots.curves import rates_of_test
from lirich.plots.thinning import thin_rows
from lirich.quantities import QUANTITIES
from lirich.reports.data import CellReport, QuantityRow, ReportData
from lirich.reports.diagnosis import energy_loss, slowest
from lirich.reports.summary import told_rows
from lirich.store.literature import about, filed_elsewhere

OVERLAID = (
    "discharge_specific_capacity_mah_g",
    "capacity_retention",
    "mean_discharge_voltage_v",
    "voltage_gap_v",
    "low_voltage_share",
    "coulombic_efficiency",
)
"""Columns that are overlaid for all cells."""

_AGEING_ONLY = ("mean_discharge_voltage_v", "voltage_gap_v", "coulombic_efficiency")

CONTEXT = (
    "discharge_specific_capacity_mah_g",
    "initial_coulombic_efficiency",
    "capacity_retention",
    "voltage_decay_mv_per_cycle",
    "voltage_decay_endpoint_mv_per_cycle",
    "rate_capacity_mah_g",
    "lithium_diffusivity_m2_s",
)
"""Quantities whose place among published values is shown, where both exist."""

_MOST_OVERLAID = 60

MOST_COMPARED = 12
"""So many compared quantities get a figure; all are in the table."""


@dataclass(frozen=True, slots=True)
class Detail:
    """How much a cell's figures carry: cycles with curves, points per curve, rows of the cycle table; 0: none."""

    curves: int
    points: int
    rows: int


LEVELS = (Detail(24, 200, 600), Detail(14, 130, 400), Detail(10, 90, 250), Detail(6, 60, 120), Detail(0, 0, 0))
"""From the fullest to *no figures per cell*; a report takes the first level at which it stays below its size limit."""


def first_level(cells: int) -> int:
    """Return the index in `LEVELS` to start from with so many *cells*."""
    return 0 if cells <= 6 else 1 if cells <= 16 else 2 if cells <= 60 else 3


def cell_figures(cell: CellReport, detail: Detail) -> list[Figure]:
    """Return the figures of one cell, those without data left out."""
    if detail.curves == 0:
        return []
    figures: list[Figure | None] = []
    origin, counter = cell.origin, cell.cell.counter_electrode
    most = {"most_cycles": detail.curves, "most_points": detail.points}
    if _filled(cell.voltage_curves):
        rates = None if cell.cycles is None else rates_of_test(cell.cycles)
        figures.append(plots.voltage_profiles(cell.voltage_curves, origin=origin, counter=counter, rates=rates, **most))
    if _filled(cell.dqdv):
        figure = plots.dqdv_curves(cell.dqdv, origin=origin, counter=counter, **most)
        figures.append(replace(figure, note=f"{figure.note} {cell.smoothing}".strip()))
    if cell.cycles is not None and cell.cycles.height > 1:
        bands = [
            Band(s.kind, s.first_cycle, s.last_cycle)
            for s in cell.segments  # what is beside the purpose has no cycles here
            if s.first_cycle is not None and s.last_cycle is not None
        ]
        figures.append(plots.capacity(cell.cycles, bands=bands, origin=origin, most_cycles=detail.rows))
        figures.append(plots.mean_voltages(cell.cycles, bands=bands, origin=origin, most_cycles=detail.rows))
        if _has(cell.cycles, "low_voltage_share"):
            figures.append(plots.low_voltage(cell.cycles, bands=bands, origin=origin, most_cycles=detail.rows))
        figures.append(plots.protocol(cell.cycles, bands=bands, origin=origin, most_cycles=detail.rows))
    if _filled(cell.hysteresis):
        figures.append(plots.hysteresis(cell.hysteresis, origin=origin, **most))
    if cell.profiles is not None:
        figures.append(plots.crystal_content(cell.profiles, origin=origin))
    if cell.states is not None:
        figures += [
            plots.site_populations(cell.states, origin=origin),
            plots.gas(cell.states, origin=origin, counter=counter),
        ]
        figures.append(plots.contact(cell.states, cell.contact, origin=origin))
    figures += [
        plots.rate_test(cell.values, origin=origin),
        plots.diffusivity(cell.values, origin=origin),
        plots.nyquist(cell.spectra, origin=origin) if cell.spectra else None,
        plots.peaks(cell.peaks, origin=origin, most_cycles=detail.rows) if _filled(cell.peaks) else None,
    ]
    return [f for f in figures if f is not None and f.data]


def summary_figures(data: ReportData) -> list[Figure]:
    """Return the figures beside the answers: what the lost energy is made of."""
    losses = [one for cell in data.cells if (one := energy_loss(cell)) is not None]
    figure = plots.energy_losses(losses[:_MOST_OVERLAID])
    return [figure] if figure else []


def overlay_figures(data: ReportData, detail: Detail) -> list[Figure]:
    """Return the cells over each other, coloured by group; none for a single cell."""
    if len(data.cells) < 2:
        return []
    rows = max(60, detail.rows // 2)
    known = [c for c in data.cells[:_MOST_OVERLAID] if c.cycles is not None and c.cycles.height > 1]
    figures = []
    for key in OVERLAID:
        # where a change of rate would hide the ageing, the other cycles are left out
        ageing_only = key in _AGEING_ONLY and any(s.kind == "ageing" for c in known for s in c.segments)
        doubted = [c.name for c in known if QUANTITIES[key].unit == "mAh/g" and implausible(c)]
        series = [
            CellSeries(c.name, c.group_name, ageing_cycles(c) if ageing_only else c.cycles, c.origin)
            for c in known
            if c.cycles is not None and c.name not in doubted
        ]
        note = "Ageing cycles that follow a like cycle." if ageing_only else ""
        if doubted:
            note = f"{note} Not drawn, more than the material can give: {', '.join(doubted)}.".strip()
        figures.append(plots.overlay(series, key, most_points=rows, note=note))
    return [f for f in figures if f is not None]


def implausible(cell: CellReport) -> bool:
    """Tell whether the discharge of *cell* per gram is more than its material can give."""
    return any(IMPLAUSIBLE in v.flags for v in cell.values if v.quantity == "discharge_specific_capacity_mah_g")


def ageing_cycles(cell: CellReport) -> pl.DataFrame:
    """Return the settled ageing cycles of the cell's cycle table (`lirich.plots.settled`); none without ageing."""
    table = cell.cycles if cell.cycles is not None else pl.DataFrame({"cycle": []})
    first = [s.first_cycle for s in cell.segments if s.kind == "ageing" and s.first_cycle is not None]
    return plots.settled(table, min(first)) if first else table.clear()


def comparison_figures(data: ReportData) -> list[Figure]:
    """Return the figures of the compared headline quantities, then of others, at most `MOST_COMPARED`."""
    if data.comparison is None:
        return []
    headline, _ = told_rows(data.comparison)
    told = {r.quantity for r in headline}
    others: dict[str, QuantityRow] = {}
    for row in data.comparison.rows:
        if row.quantity not in told and not row.refused and _varies(row):
            known = others.setdefault(row.quantity, row)
            others[row.quantity] = max(known, row, key=lambda r: (r.secured, r.weight))  # the first of equal ones
    compared = [*(r for r in headline if not r.refused and _varies(r)), *sorted(others.values(), key=_unsecured)]
    figures: list[Figure] = []
    for row in compared[:MOST_COMPARED]:
        groups = [
            GroupPoints(
                g.group,
                g.points,
                g.mean,
                g.low,
                g.high,
                Origin.SIMULATED if Origin.SIMULATED in g.origins else Origin.MEASURED,
            )
            for g in row.groups
        ]
        figure = plots.group_points(row.quantity, groups)
        figures.append(replace(figure, note=" ".join(t for t in (figure.note, row.conditions) if t)))
    return figures


def literature_figures(data: ReportData) -> list[Figure]:
    """Return where the cells stand among published values: a strip per quantity, and retention against cycles."""
    if not data.literature:
        return []
    published = _by_morphology(data.literature)
    cells = [c for c in data.cells if not c.not_among_published]
    sound = [(c.group_name, [v for v in c.values if not unsound(v.flags)]) for c in cells]
    own = [(group, v) for group, values in sound for v in values]
    ones = [(group, v) for group, values in sound for key in CONTEXT if (v := slowest(values, key)) is not None]
    series = [
        CellSeries(c.name, c.group_name, thin_rows(c.cycles, 120), c.origin)
        for c in cells[:_MOST_OVERLAID]
        if c.cycles is not None
    ]
    figures: list[Figure | None] = []
    for key in CONTEXT:
        if key == "capacity_retention":
            figures.append(plots.retention_context(series, published))
        elif key == "rate_capacity_mah_g":
            figures.append(plots.rate_context(own, published))
        else:
            figures.append(_context(key, ones, data.literature))
    return [f for f in figures if f is not None]


def _by_morphology(values: Sequence[Value]) -> list[tuple[str, Value]]:
    return [(str(v.conditions.other.get("morphology", "not stated")), v) for v in values]


def _context(key: str, ones: Sequence[tuple[str, Value]], literature: Sequence[Value]) -> Figure | None:
    """Draw one quantity among published values, also those that are filed under another name, and say so."""
    facts = about(literature, key)
    figure = plots.literature_context(
        key, ones, _by_morphology([v.model_copy(update={"quantity": key}) for v in facts])
    )  # of the copies only the place in this figure is used
    elsewhere = filed_elsewhere(facts, key)
    return replace(figure, note=f"{figure.note} {elsewhere}.") if figure and elsewhere else figure


def _unsecured(row: QuantityRow) -> bool:
    return not row.secured


def _varies(row: QuantityRow) -> bool:
    return len({value for g in row.groups for _, value in g.points}) > 1


def _filled(table: pl.DataFrame | None) -> TypeGuard[pl.DataFrame]:
    return table is not None and not table.is_empty()


def _has(table: pl.DataFrame, column: str) -> bool:
    return column in table.columns and bool(table[column].is_not_null().any())

"""One test of a cell, from the standard table to figures of merit."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from lirich.cycling.annotation import Annotation, annotate
from lirich.cycling.counts import count_findings
from lirich.cycling.cuts import cut_before, cut_findings, cuts_of, discharge_of_part
from lirich.cycling.cyclefigures import cycle_values
from lirich.cycling.cycles import efficiency_known, table_of
from lirich.cycling.figures import (
    diffusion_values,
    figures_of_first_cycle,
    figures_of_rate_tests,
    figures_of_series,
)
from lirich.cycling.halfcycle import Direction
from lirich.cycling.likeness import same_current
from lirich.cycling.lowvoltage import lithium_thresholds
from lirich.cycling.plausibility import flag_implausible, implausible_capacity, low_capacity
from lirich.cycling.protocol import Correction, Protocol, Segment, detect
from lirich.cycling.record import missing_fact, place
from lirich.cycling.resolution import doubt_coarse_voltage, doubt_rounded_charge
from lirich.cycling.result import CyclingResult
from lirich.cycling.series import (
    Series,
    comparable_series,
    first_charge_partial,
    follows_unlike,
    settled_cycles,
    unlike_findings,
)
from lirich.cycling.settings import CyclingSettings
from lirich.model import Cell, Finding, Sample, Severity, Value


def analyse(
    table: pl.DataFrame,
    cell: Cell,
    sample: Sample | None = None,
    *,
    settings: CyclingSettings | None = None,
    corrections: Sequence[Correction] = (),
) -> CyclingResult:
    """Take a test apart and compute every figure of merit that it and the facts of the cell allow.

    *table* is a standard table (`lirich.model.table`), with or without a time axis. *corrections* are the user's
    words on what cycles are for. What cannot be computed because a fact is missing is null or left out, and a
    finding ``missing-<field>`` asks for the fact by name.

    Raises `NotEnoughDataError` where the test has fewer than two usable rows or no current, `MissingColumnError`
    where the table is not a standard table, `InconsistentDataError` where its time starts again.
    """
    settings = settings or CyclingSettings()
    notes = annotate(table, electrode=cell.electrode, settings=settings)
    cycles = table_of(
        notes,
        electrode=cell.electrode,
        counter_electrode=cell.counter_electrode,
        active_mass_mg=cell.active_mass_mg,
        one_c_ma_g=cell.one_c_ma_g,
        settings=settings,
    )
    protocol = detect(notes, cycles, corrections=corrections, settings=settings)
    cuts = cuts_of(notes, cycles, settings)
    of_part = discharge_of_part(notes, cuts).tolist()
    groups = [None if part else group for group, part in zip(protocol.groups, of_part, strict=True)]
    cycles = cycles.with_columns(
        pl.Series("segment", protocol.purposes, dtype=pl.String), pl.Series("like_group", groups, dtype=pl.Int64)
    )
    series = comparable_series(cycles)
    unlike_before = follows_unlike(cycles, protocol.keys, cut_before(notes, cuts), settings)
    cycles = _with_retention(cycles, series).with_columns(
        pl.Series("settled", settled_cycles(cycles, series), dtype=pl.Boolean),
        pl.Series("follows_unlike", unlike_before, dtype=pl.Boolean),
    )
    findings = [
        *(_of_cell(f, cell) for f in (*notes.findings, *protocol.findings)),
        *_cycle_findings(notes, cycles, cell),
        *cut_findings(notes, cycles, cuts, cell, settings),
    ]
    findings += [_of_cell(f, cell) for f in unlike_findings(cycles, protocol.keys, series, settings)]
    findings += [*implausible_capacity(cycles, cell, sample), *low_capacity(cycles, cell, sample)]
    values: list[Value] = []
    for new_values, new_findings in (
        figures_of_first_cycle(notes, cycles, cuts, cell, sample, settings),
        (cycle_values(cycles, protocol.keys, series, cell, settings), []),
        figures_of_series(notes, cycles, series, cell, sample, settings),
        figures_of_rate_tests(cycles, _rate_tests(protocol), cell, settings),
        diffusion_values(notes, cycles, protocol.stops, cell, sample),
    ):
        values += new_values
        findings += new_findings
    values = flag_implausible(_without_twins(values), cycles, cell, sample)
    values = _with_holes(values, notes, cycles)
    values = doubt_rounded_charge(values, cycles, notes, cell)
    values, coarse = doubt_coarse_voltage(values, notes.points.voltage_v, cell)
    findings += coarse
    # a simulated programme stops at the limit that it was given: its last half-cycle is whole
    open_end = None if cell.simulated else _open_end(notes, cycles, settings)
    if open_end is not None:
        values = [_with_open_end(value, cycles["cycle_number"][-1], open_end) for value in values]
        findings.append(_open_end_finding(int(cycles["cycle"][-1]), open_end, cell))
    return CyclingResult(
        steps=notes.step_table(),
        cycles=cycles,
        segments=protocol.segments,
        values=tuple(values),
        findings=_once(findings),
        annotation=notes,
        reference_cycle=None if series is None else series.reference,
        active_mass_mg=cell.active_mass_mg,
    )


def _without_twins(values: Sequence[Value]) -> list[Value]:
    """Leave out figures of the first cycle that the figures of its segment say too.

    A dQ/dV peak of the first charge, where the peaks are followed from there on: both are of one curve.
    """

    def of(value: Value) -> tuple[object, ...]:
        return value.quantity, value.value, value.conditions.cycle, value.conditions.direction

    of_segments = {of(v) for v in values if v.conditions.segment is not None}
    return [v for v in values if v.conditions.segment is not None or of(v) not in of_segments]


def _of_cell(finding: Finding, cell: Cell) -> Finding:
    """Give a finding that was made from rows alone the cell it is about: ``cell`` or ``cell, cycle n``."""
    where = f"{cell.key}, {finding.where}" if finding.where else cell.key
    return finding.model_copy(update={"where": where})


def _rate_tests(protocol: Protocol) -> list[Segment]:
    return [s for s in protocol.segments if s.kind == "rate_test" and s.purpose]


def _with_retention(cycles: pl.DataFrame, series: Series | None) -> pl.DataFrame:
    """Add capacity and energy retention against the reference cycle, for the cycles that are like it."""
    if series is None:
        nothing = pl.lit(None, dtype=pl.Float64)
        return cycles.with_columns(capacity_retention=nothing, energy_retention=nothing)
    reference = cycles.row(by_predicate=pl.col("cycle") == series.reference, named=True)
    like = (pl.col("like_group") == series.group) & (pl.col("cycle") >= series.reference)
    # of an energy that is not positive, as in symmetric cells, nothing is retained
    return cycles.with_columns(
        pl.when(like & (reference[source] > 0)).then(100.0 * pl.col(source) / reference[source]).alias(name)
        for name, source in (
            ("capacity_retention", "discharge_capacity_mah"),
            ("energy_retention", "discharge_energy_mwh"),
        )
    )


def _cycle_findings(notes: Annotation, cycles: pl.DataFrame, cell: Cell) -> list[Finding]:
    findings = []
    number, own = cycles["cycle_number"], cycles["cycle"]
    if (number != own).any():
        shown = ", ".join(str(n) for n in number.to_list()[:10]) + (", …" if len(number) > 10 else "")
        findings.append(
            Finding(
                code="cycles-left-out",
                severity=Severity.INFO,
                message=f"The file holds {len(own)} cycles, which the cycler counts as {shown}; the others are not "
                "in it. Cycle numbers of values and fades per cycle are the cycler's",
                where=cell.key,
            )
        )
    last = cycles.row(-1, named=True)
    if not last["complete"] and cycles.height > 1:
        findings.append(
            Finding(
                code="incomplete-last-cycle",
                severity=Severity.INFO,
                message=f"The test stops within cycle {last['cycle']}; its figures are of a part and enter no fade",
                where=place(cell, last["cycle"]),
            )
        )
    findings += count_findings(notes, cycles, cell)
    findings += _sign_findings(cycles, cell)
    if not efficiency_known(notes, cell.electrode):
        findings.append(
            missing_fact(
                "electrode", "efficiency of a cycle (the test begins with a discharge: is that half of one?)",
                where=cell.key,
            )
        )  # fmt: skip
    first = cycles.filter(pl.col("cycle") == 1)
    efficiency = first["coulombic_efficiency"][0] if first.height else None
    if first_charge_partial(efficiency, cell):
        findings.append(
            Finding(
                code="first-charge-partial",
                message=f"The first discharge gives {efficiency:.4g} % of the first charge: the cell was partly "
                "charged when the test began, or was discharged further than it came",
                advice="Do not read the initial Coulombic efficiency of this test",
                where=place(cell, 1),
            )
        )
    return findings


def _sign_findings(cycles: pl.DataFrame, cell: Cell) -> list[Finding]:
    """Say what cycles lack because their voltage changes sign."""
    whole = cycles.filter("complete")
    no_efficiency = (pl.col("charge_energy_mwh") <= 0) | (pl.col("discharge_energy_mwh") <= 0)
    no_thresholds = pl.lit(lithium_thresholds(cell.electrode, cell.counter_electrode)) & (
        pl.col("discharge_end_voltage_v") < 0
    )
    lacking = [
        name
        for name, without in (
            ("energy efficiency", no_efficiency),
            ("capacity below or above a threshold of a cathode against Li", no_thresholds),
        )
        if whole.filter(without).height
    ]
    if not lacking:
        return []
    odd = whole.filter(no_efficiency | no_thresholds)
    low, high = odd["lower_cutoff_voltage_v"].to_numpy().min(), odd["upper_cutoff_voltage_v"].to_numpy().max()
    return [
        Finding(
            code="voltage-changes-sign",
            severity=Severity.INFO,
            message=f"In {odd.height} of {whole.height} cycles the voltage runs from {low:.3g} to {high:.3g} V, as in "
            "a symmetric cell or where lithium is plated onto a current collector: they have no "
            f"{' and no '.join(lacking)}",
            advice="If it is none of these, check the sign of the voltage",
            where=cell.key,
        )
    ]


def _open_end(notes: Annotation, cycles: pl.DataFrame, settings: CyclingSettings) -> Direction | None:
    """Return the direction of the last half-cycle where nothing tells whether it was whole, else ``None``.

    The file ends in it under current, and no whole cycle before it at that current shows where such a half-cycle ends.
    """
    points = notes.points
    if points.time_s is None or points.sign[-1] == 0:
        return None
    side: Direction = "charge" if notes.half_sign[-1] > 0 else "discharge"
    current = cycles[f"{side}_current_ma"].cast(pl.Float64).fill_null(float("nan")).to_numpy()
    alike = same_current(current[:-1], float(current[-1]), settings) & cycles["complete"][:-1].to_numpy()
    return None if alike.any() else side


def _with_open_end(value: Value, cycle: int, direction: Direction) -> Value:
    c = value.conditions
    if c.cycle != cycle or c.direction not in (direction, None) or "incomplete-cycle" in value.flags:
        return value
    return value.model_copy(update={"flags": (*value.flags, "end-under-current")})


def _with_holes(values: list[Value], notes: Annotation, cycles: pl.DataFrame) -> list[Value]:
    """Flag the values of cycles in which charge, or the turn of a half-cycle, was not recorded."""
    if not len(notes.points.holes):
        return values
    ends = np.concatenate([notes.points.holes, notes.points.holes + 1])
    of_rows = notes.half_cycle[np.searchsorted(notes.half_start, ends, side="right") - 1]
    touched = set(cycles.filter(pl.col("cycle").is_in(of_rows.tolist()))["cycle_number"].to_list())
    return [
        v.model_copy(update={"flags": (*v.flags, "recording-gap")}) if v.conditions.cycle in touched else v
        for v in values
    ]


def _open_end_finding(cycle: int, direction: Direction, cell: Cell) -> Finding:
    return Finding(
        code="end-under-current",
        severity=Severity.INFO,
        message=f"The file ends under current in the {direction} of cycle {cycle}, and there is no other to compare it "
        f"with: its capacity, and what is laid against it, are those of a part if the {direction} was still running",
        advice="Add the file again when the test has gone on",
        where=place(cell, cycle),
    )


def _once(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Keep the first of the findings that say the same; what lacks one fact is said in one finding."""
    kept: dict[tuple[str, str, str], Finding] = {}
    for finding in findings:
        text = "" if finding.code.startswith("missing-") else finding.message
        key = (finding.code, finding.where, text)
        if key in kept and not text:
            first = kept[key]
            need = finding.message.partition("there is no ")[2]
            if need and need not in first.message:
                kept[key] = first.model_copy(update={"message": f"{first.message}, no {need}"})
        else:
            kept.setdefault(key, finding)
    return tuple(kept.values())

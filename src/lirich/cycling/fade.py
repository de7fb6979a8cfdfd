"""Fade of one series of cycles as values: voltage decay and its parts, capacity fade, knee, low-voltage growth.

The series is of one rate and one window, without formation, rate steps, check-ups and constant-voltage parts. Slopes
are those of `lirich.cycling.trend`, with the formulas and sources named there and in `lirich.quantities`.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from lirich.cycling.arrays import Array
from lirich.cycling.knee import FADE_RATIO, find_bend
from lirich.cycling.likeness import largest_group, with_groups
from lirich.cycling.record import (
    efficiency_convention,
    efficiency_doubt,
    missing_fact,
    not_enough,
    record,
    with_conditions,
)
from lirich.cycling.settings import CyclingSettings
from lirich.cycling.trend import (
    MIN_CYCLES,
    Trend,
    end_point_decay,
    fade_share_interval,
    fade_split,
    least_squares_slope,
    theil_sen,
)
from lirich.errors import NotEnoughDataError
from lirich.model import Cell, Conditions, Finding, Scalar, Severity, Value

_CODE = "lirich.cycling"

WITHOUT_CV: dict[str, Scalar] = {"cv": "left out"}
"""Condition of every figure of voltage decay: constant-voltage parts are not in the mean voltages."""

# quantity, column of the cycle table, factor, sign: −1 where a fall of the column is a positive value
_SLOPES = (
    ("voltage_decay_mv_per_cycle", "free_discharge_voltage_v", 1000.0, -1),
    ("corrected_voltage_decay_mv_per_cycle", "corrected_discharge_voltage_v", 1000.0, -1),
    ("interrupt_resistance_growth_ohm_per_cycle", "interrupt_resistance_ohm", 1.0, 1),
    ("end_resistance_growth_ohm_per_cycle", "end_resistance_ohm", 1.0, 1),
    ("low_voltage_capacity_growth_mah_g_per_cycle", "low_voltage_capacity_mah_g", 1.0, 1),
    ("low_voltage_share_growth_percent_per_cycle", "low_voltage_share", 1.0, 1),
)


def comparable(cycles: pl.DataFrame, settings: CyclingSettings | None = None) -> tuple[pl.DataFrame, list[Finding]]:
    """Return the largest set of alike cycles, and a finding on the others: a changed window fakes voltage decay.

    Alike is one ``like_group``; where that column is not there, one current and one window within the tolerances of
    *settings* (`lirich.cycling.likeness`). The window is that of the voltages at which the half-cycles turned, not of
    the highest and lowest of the cycle: a fresh cell begins its first one outside of it.
    """
    grouped = with_groups(cycles, settings)
    largest = pl.lit(largest_group(grouped), dtype=pl.Int64)
    alike = (pl.col("like_group") == largest).fill_null(value=False)
    kept, others = grouped.filter(alike), grouped.filter(~alike)["cycle"].to_list()
    if not others:
        return cycles, []
    shown = ", ".join(str(n) for n in others[:12]) + (", …" if len(others) > 12 else "")
    finding = Finding(
        code="unlike-cycles",
        message=f"{len(others)} of {cycles.height} cycles have another window or current than the rest and are "
        f"left out of the fade: {shown}",
        advice="Correct the protocol segments if these cycles belong to another part of the test",
    )
    return kept, [finding]


def fade_values(
    cycles: pl.DataFrame,
    cell: Cell,
    conditions: Conditions,
    *,
    settings: CyclingSettings | None = None,
    level: float = 0.95,
) -> tuple[list[Value], list[Finding]]:
    """Return every figure of fade that *cycles* allow, as values of *cell*, and findings on those they do not.

    *cycles* is a cycle table (see `lirich.cycling.cycle_table`) of the ageing cycles of one series. Voltage decay is
    that of ``free_discharge_voltage_v``, its parts those of ``shared_charge_voltage_v`` and
    ``shared_discharge_voltage_v`` in the cycles that are ``settled`` (where the column is there); a table without these
    columns has no constant-voltage parts, and the mean voltages of its half-cycles serve for all. Cycles that are not
    alike are left out (`comparable`). *conditions* hold its window, rate and segment. The reference cycle of retentions
    is ``conditions.reference_cycle`` where that is among the cycles, else the first. ``n``, ``first_cycle`` and
    ``last_cycle`` stand in ``conditions.other``. Below five comparable cycles there is no slope, and a finding says it.
    """
    settings = settings or CyclingSettings()
    cycles, findings = comparable(cycles.sort("cycle"), settings)
    findings = [f.model_copy(update={"where": cell.key}) for f in findings]
    if cycles.is_empty():
        findings.append(not_enough("fade", NotEnoughDataError("There are no ageing cycles"), where=cell.key))
        return [], findings
    series = _Series(cycles, cell, conditions, settings, level)
    for part in (series.slopes, series.split, series.capacity, series.end_points, series.efficiency, series.knee):
        try:
            part()
        except NotEnoughDataError as error:
            what = "knee of the capacity fade" if part == series.knee else "voltage decay or other slope"
            finding = not_enough(what, error, where=cell.key)
            if finding not in findings:
                findings.append(finding)
    if cell.active_mass_mg is None and _column(cycles, "low_voltage_share") is not None:
        findings.append(missing_fact("active_mass_mg", "growth of the low-voltage capacity", where=cell.key))
    return series.values, [*findings, *series.findings]


def _column(cycles: pl.DataFrame, name: str) -> Array | None:
    if name not in cycles.columns:
        return None
    y = np.asarray(cycles[name].cast(pl.Float64).to_numpy(), dtype=np.float64)
    return y if np.isfinite(y).any() else None


class _Series:
    """The figures of one series; each method adds its values."""

    def __init__(
        self, cycles: pl.DataFrame, cell: Cell, conditions: Conditions, settings: CyclingSettings, level: float
    ) -> None:
        self.cycles, self.cell, self.level = cycles, cell, level
        self.drift = settings.cv_share_drift
        self.n = np.asarray(cycles["cycle"].cast(pl.Float64).to_numpy(), dtype=np.float64)
        self.threshold_v = settings.low_voltage_threshold_v
        wanted = conditions.reference_cycle
        self.reference = int(wanted if wanted is not None and wanted in self.n else self.n[0])
        self.stated = with_conditions(
            conditions, cycle=None, reference_cycle=None,
            other={"first_cycle": int(self.n[0]), "last_cycle": int(self.n[-1])},
        )  # fmt: skip
        self.values: list[Value] = []
        self.findings: list[Finding] = []

    def _voltage(self, *names: str) -> Array | None:
        """The first of the columns that the table has; V."""
        return next((y for name in names if (y := _column(self.cycles, name)) is not None), None)

    def _slope(self, key: str, trend: Trend, parameters: dict[str, Scalar] | None = None) -> None:
        conditions = with_conditions(
            self.stated,
            method="Theil–Sen",
            other={"n": trend.n, **(WITHOUT_CV if "voltage_decay" in key else {})},
            **({"threshold_v": self.threshold_v} if key.startswith("low_voltage") else {}),
            **({"reference_cycle": self.reference} if key.startswith("capacity_fade") else {}),
        )
        self.values.append(
            record(key, trend.slope, self.cell, conditions=conditions, interval=trend.interval(),
                   code=f"{_CODE}.trend.theil_sen", parameters=parameters)
        )  # fmt: skip

    def slopes(self) -> None:
        short = None
        for key, name, factor, sign in _SLOPES:
            y = self._voltage(name, "mean_discharge_voltage_v") if name.startswith("free") else self._voltage(name)
            if y is None:
                continue
            try:
                trend = theil_sen(self.n, y, level=self.level).scaled(factor)
            except NotEnoughDataError as error:
                short = error
                continue
            self._slope(key, trend.negated() if sign < 0 else trend)
        if short is not None:
            raise short

    def split(self) -> None:
        charge = self._voltage("shared_charge_voltage_v", "mean_charge_voltage_v")
        discharge = self._voltage("shared_discharge_voltage_v", "mean_discharge_voltage_v")
        whole = self._voltage("free_discharge_voltage_v", "mean_discharge_voltage_v")
        if charge is None or discharge is None or whole is None:
            return
        chosen = np.ones(len(self.n), dtype=np.bool_)
        if "settled" in self.cycles.columns and self.cycles["settled"].any():
            chosen = self.cycles["settled"].to_numpy()
        split = fade_split(self.n[chosen], charge[chosen], discharge[chosen], level=self.level)
        span = -1000.0 * least_squares_slope(self.n[chosen], (whole - discharge)[chosen])
        total, structural, polarisation = (1000 * slope for slope in split.least_squares)
        parameters: dict[str, Scalar] = {
            "least_squares_total": total,
            "least_squares_structural": structural,
            "least_squares_polarisation": polarisation,
            "robust_parts_minus_total": 1000 * split.robust_gap,
            "least_squares_of_range": span,
        }
        self._slope("structural_voltage_decay_mv_per_cycle", split.structural.scaled(1000.0), parameters)
        self._slope("polarisation_voltage_decay_mv_per_cycle", split.polarisation.scaled(1000.0), parameters)
        share = split.structural_share
        if share is not None:
            conditions = with_conditions(self.stated, method="Theil–Sen", other={"n": split.total.n, **WITHOUT_CV})
            interval = fade_share_interval(self.n[chosen], charge[chosen], discharge[chosen], level=self.level)
            # without an interval the sum of the parts may be zero, and a share of it anything
            self.values.append(
                record("structural_share_of_voltage_decay", share, self.cell, conditions=conditions,
                       code=f"{_CODE}.trend.fade_split", parameters=parameters, interval=interval,
                       flags=() if interval else ("unbounded",))
            )  # fmt: skip
        self._held_drift(span)

    def _held_drift(self, span: float) -> None:
        """Say where the constant-voltage share of charge or discharge drifts: then the mean voltages move with it."""
        for name, side in (
            ("constant_voltage_share", "charge"),
            ("discharge_constant_voltage_share", "discharge"),
        ):
            y = _column(self.cycles, name)
            if y is None:
                continue
            known = y[np.isfinite(y)]
            ends = min(3, len(known))
            first, last = float(np.median(known[:ends])), float(np.median(known[-ends:]))
            if abs(last - first) <= self.drift:
                continue
            self.findings.append(
                Finding(
                    code="cv-share-drifts",
                    message=f"The constant-voltage share of the {side} goes from {first:.3g} to {last:.3g} % over "
                    f"the ageing cycles. It is left out of the voltage decay, but the rest covers another range of "
                    f"charge from cycle to cycle: {span:+.2f} mV/cycle of the decay. Structure and polarisation are "
                    "taken from the range that charge and discharge share, and are free of it",
                    advice="Read the parts rather than their sum; a longer hold or a slower charge keeps the range",
                    where=self.cell.key,
                )
            )

    def capacity(self) -> None:
        for key, name in (
            ("capacity_retention", "discharge_capacity_mah"), ("energy_retention", "discharge_energy_mwh"),
        ):  # fmt: skip
            retained = self._retained(name)
            if retained is None:
                continue
            last = np.flatnonzero(np.isfinite(retained))[-1]
            conditions = with_conditions(self.stated, cycle=int(self.n[last]), reference_cycle=self.reference)
            self.values.append(
                record(key, float(retained[last]), self.cell, conditions=conditions,
                       code=f"{_CODE}.fade.fade_values")
            )  # fmt: skip
        retained = self._retained("discharge_capacity_mah")
        if retained is not None:
            trend = theil_sen(self.n, retained, level=self.level).negated()
            self._slope("capacity_fade_percent_per_cycle", trend)

    def _retained(self, name: str) -> Array | None:
        y = _column(self.cycles, name)
        if y is None:
            return None
        start = float(y[np.flatnonzero(self.n == self.reference)[0]])
        return 100.0 * y / start if np.isfinite(start) and start > 0 else None

    def end_points(self) -> None:
        y = self._voltage("free_discharge_voltage_v", "mean_discharge_voltage_v")
        if y is None:
            return
        known = self.n[np.isfinite(y)]
        conditions = with_conditions(
            self.stated, method="end points", reference_cycle=int(known[0]), cycle=int(known[-1]),
            other={"n": 2, **WITHOUT_CV},
        )  # fmt: skip
        self.values.append(
            record("voltage_decay_endpoint_mv_per_cycle", 1000 * end_point_decay(self.n, y), self.cell,
                   conditions=conditions, code=f"{_CODE}.trend.end_point_decay")
        )  # fmt: skip

    def efficiency(self) -> None:
        y = _column(self.cycles, "coulombic_efficiency")
        if y is None:
            return
        method = f"median of {efficiency_convention(self.cell)}"
        conditions = with_conditions(self.stated, method=method, other={"n": int(np.isfinite(y).sum())})
        self.values.append(
            record("median_coulombic_efficiency", float(np.nanmedian(y)), self.cell, conditions=conditions,
                   code=f"{_CODE}.fade.fade_values", flags=efficiency_doubt(self.cell))
        )  # fmt: skip

    def knee(self) -> None:
        retained = self._retained("discharge_capacity_mah")
        if retained is None or np.isfinite(retained).sum() < MIN_CYCLES:
            return
        knee, jump = find_bend(self.n, retained)
        if jump is not None:
            self.findings.append(
                Finding(
                    code="capacity-jump",
                    severity=Severity.INFO,
                    message=f"The capacity jumps by {jump.change:+.2f} % (of that of cycle {self.reference}) at cycle "
                    f"{jump.cycle:.0f}: that is no knee, and the fade per cycle goes over it"
                    + ("" if knee is None else "; the knee is that of the fade without it"),
                    advice="Look what changed there: temperature, contact, range of the current, a restart of the test",
                    where=self.cell.key,
                )
            )
        if knee is None:
            return
        rises = knee.slope_before > 0
        conditions = with_conditions(
            self.stated, method="two segments, BIC", reference_cycle=self.reference, other={"n": knee.n}
        )
        parameters: dict[str, Scalar] = {
            "fade_before_percent_per_cycle": -knee.slope_before,
            "fade_after_percent_per_cycle": -knee.slope_after,
            "bic_gain": knee.bic_gain,
            "least_fade_ratio": FADE_RATIO,
        }
        self.values.append(
            record("capacity_fade_knee_cycle", knee.cycle, self.cell, conditions=conditions,
                   interval=knee.interval(), code=f"{_CODE}.knee.find_bend", parameters=parameters,
                   flags=("capacity-rises-before",) if rises else ())
        )  # fmt: skip
        self.findings.append(
            Finding(
                code="capacity-knee",
                severity=Severity.INFO,
                message=f"The capacity fade bends at cycle {knee.cycle:.0f} ({knee.low:.0f} to {knee.high:.0f}): "
                f"{-knee.slope_before:.3f} before and {-knee.slope_after:.3f} %/cycle after",
                where=self.cell.key,
            )
        )

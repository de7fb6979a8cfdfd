"""Rate capability and recovery from the cycles of a rate test.

A rate is a discharge current; 1C is what the cell's ``one_c_ma_g`` says (Li-rich papers mean 200, 250 or 280
mA/g by it), so without it currents are given and no C-rates.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from lirich.cycling.record import SAME_RATE, charge_current, missing_fact, record, specific, with_conditions
from lirich.model import Cell, Conditions, Finding, Scalar, Severity, Value

_CODE = "lirich.cycling.rate"


@dataclass(frozen=True, slots=True)
class RateStep:
    """Consecutive cycles at one discharge current (mA), their mean discharge capacity and its spread (mAh).

    ``spread_mah`` is ``None`` for one cycle. ``charge_current_ma`` is the median current of the charges, where it is
    known. ``recovery_of`` is the index of the first step at the same current, where the test came back to it from a
    higher one, else ``None``.
    """

    first_cycle: int
    last_cycle: int
    cycles: int
    current_ma: float
    capacity_mah: float
    spread_mah: float | None
    recovery_of: int | None = None
    charge_current_ma: float | None = None


def rate_steps(cycles: pl.DataFrame, *, same_rate: float = SAME_RATE) -> list[RateStep]:
    """Return the steps of a rate test in time order; currents within *same_rate* of each other are one rate.

    *cycles* needs ``cycle``, ``discharge_current_ma`` (or ``discharge_rate_c``, then in C) and
    ``discharge_capacity_mah``; cycles that lack one of them are left out. ``charge_current_ma`` is read where it is.
    """

    def same(a: float, b: float) -> bool:
        return abs(a - b) <= same_rate * max(a, b)

    name = next((c for c in ("discharge_current_ma", "discharge_rate_c") if _known(cycles, c)), None)
    if name is None or not _known(cycles, "discharge_capacity_mah"):
        return []
    needed = ("cycle", name, "discharge_capacity_mah")
    charged = pl.col("charge_current_ma") if "charge_current_ma" in cycles.columns else pl.lit(None)
    table = cycles.sort("cycle").select(*needed, charged.cast(pl.Float64).alias("charged")).drop_nulls(needed)
    runs: list[list[tuple[int, float, float, float]]] = []
    for cycle, current, capacity, charge_ma in table.iter_rows():
        row = (int(cycle), abs(float(current)), float(capacity), np.nan if charge_ma is None else abs(float(charge_ma)))
        if runs and same(runs[-1][0][1], row[1]):
            runs[-1].append(row)
        else:
            runs.append([row])
    steps: list[RateStep] = []
    for run in runs:
        number, current, capacity, charge = (np.array(part, dtype=np.float64) for part in zip(*run, strict=True))
        at = float(np.median(current))
        earlier = [i for i, step in enumerate(steps) if same(step.current_ma, at)]
        back = bool(earlier) and any(step.current_ma > at for step in steps[earlier[0] + 1 :])
        spread = float(capacity.std(ddof=1)) if len(run) > 1 else None
        known = charge[np.isfinite(charge)]
        steps.append(
            RateStep(int(number[0]), int(number[-1]), len(run), at, float(capacity.mean()), spread,
                     earlier[0] if back else None, float(np.median(known)) if len(known) else None)
        )  # fmt: skip
    return steps


def _known(cycles: pl.DataFrame, name: str) -> bool:
    return name in cycles.columns and cycles[name].is_not_null().any()


def rate_values(
    cycles: pl.DataFrame, cell: Cell, conditions: Conditions | None = None, *, same_rate: float = SAME_RATE
) -> tuple[list[Value], list[Finding]]:
    """Return capacity at each rate, rate capability against the lowest rate, and recovery.

    *cycles* are the cycles of one rate test, see `rate_steps`. The reference (lowest) rate stands in
    ``conditions.other`` as ``reference_current_ma_g`` and ``reference_rate_c``, in mA where the mass is not
    given. A test of fewer than two rates gives nothing but a finding.
    """
    base = conditions or Conditions()
    findings: list[Finding] = []
    steps = rate_steps(cycles, same_rate=same_rate)
    forward = [step for step in steps if step.recovery_of is None]
    if len(forward) < 2:
        finding = Finding(
            code="no-rate-test", severity=Severity.INFO, where=cell.key,
            message=f"The rate test has {len(forward)} rate(s) with a known current; a capability needs two",
        )  # fmt: skip
        return [], [finding]
    if cell.active_mass_mg is None:
        findings.append(missing_fact("active_mass_mg", "capacity at a rate in mAh/g", where=cell.key))
    if cell.one_c_ma_g is None:
        findings.append(missing_fact("one_c_ma_g", "rate in C", where=cell.key))
    in_c = not _known(cycles, "discharge_current_ma")
    per_gram = specific(cell)
    reference = min(forward, key=lambda step: step.current_ma)
    values: list[Value] = []
    for step in forward:
        stated = _stated(base, step, reference, cell, in_c)
        if per_gram is not None:
            values.append(
                record("rate_capacity_mah_g", step.capacity_mah * per_gram, cell, conditions=stated,
                       code=f"{_CODE}.rate_steps", parameters=_parameters(step))
            )  # fmt: skip
        values.append(
            record("rate_capability", 100.0 * step.capacity_mah / reference.capacity_mah, cell, conditions=stated,
                   code=f"{_CODE}.rate_values", parameters=_parameters(step))
        )  # fmt: skip
    recoveries = [step for step in steps if step.recovery_of is not None]
    if recoveries:
        last = recoveries[-1]
        before = steps[last.recovery_of or 0]
        values.append(
            record("rate_recovery", 100.0 * last.capacity_mah / before.capacity_mah, cell,
                   conditions=_stated(base, last, before, cell, in_c), code=f"{_CODE}.rate_values",
                   parameters=_parameters(last))
        )  # fmt: skip
    return values, findings


def _parameters(step: RateStep) -> dict[str, Scalar]:
    spread: dict[str, Scalar] = {} if step.spread_mah is None else {"spread_mah": step.spread_mah}
    return {"cycles": step.cycles, "first_cycle": step.first_cycle, "last_cycle": step.last_cycle, **spread}


def _stated(base: Conditions, step: RateStep, reference: RateStep, cell: Cell, in_c: bool) -> Conditions:
    one_c, per_gram = cell.one_c_ma_g, specific(cell)

    def both(current: float) -> tuple[float | None, float | None]:
        if in_c:
            return (None if one_c is None else current * one_c), current
        here = None if per_gram is None else current * per_gram
        return here, None if here is None or one_c is None else here / one_c

    current, rate = both(step.current_ma)
    reference_current, reference_rate = both(reference.current_ma)
    other: dict[str, Scalar] = {} if in_c else charge_current(step.charge_current_ma, step.current_ma, cell)
    if reference_current is not None:
        other["reference_current_ma_g"] = reference_current
    if reference_rate is not None:
        other["reference_rate_c"] = reference_rate
    if reference_current is None and reference_rate is None:
        other = {"current_ma": step.current_ma, "reference_current_ma": reference.current_ma}
    return with_conditions(
        base, direction="discharge", cycle=None, current_ma_g=current, rate_c=rate, one_c_ma_g=one_c,
        method="mean over the cycles at the rate", other=other,
    )  # fmt: skip

"""The comparable ageing cycles of a test, and what is said of those that are not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lirich.cycling.halfcycle import Direction
from lirich.cycling.likeness import Key, largest_group
from lirich.cycling.record import charge_current, specific
from lirich.cycling.settings import CyclingSettings
from lirich.cycling.trend import MIN_CYCLES
from lirich.model import Cell, Conditions, Finding, Scalar, Severity


@dataclass(frozen=True, slots=True)
class Series:
    """Ageing cycles at one rate and window: own cycle numbers, ascending; the first is the reference."""

    group: int
    cycles: tuple[int, ...]

    @property
    def reference(self) -> int:
        """The reference cycle: the first at the test rate after formation."""
        return self.cycles[0]

    @property
    def last(self) -> int:
        """The last comparable cycle."""
        return self.cycles[-1]


def comparable_series(cycles: pl.DataFrame) -> Series | None:
    """Return the largest set of complete ageing cycles at one rate and window, ``None`` where there is none.

    *cycles*: a cycle table with ``segment`` and ``like_group``; see `lirich.cycling.likeness.largest_group`.
    """
    ageing = cycles.filter((pl.col("segment") == "ageing") & pl.col("complete"))
    group = largest_group(ageing)
    if group is None:
        return None
    return Series(group, tuple(ageing.filter(pl.col("like_group") == group)["cycle"].to_list()))


def cycle_conditions(cycles: pl.DataFrame, cycle: int, cell: Cell, direction: Direction | None = None) -> Conditions:
    """Return the conditions of one cycle, or of its half-cycle of that *direction*: window, rate, temperature.

    The rate is that of the charge for ``charge``, else that of the discharge, with `charge_current` beside it.
    ``cycle`` is the number of the cycle that was run (``cycle_number``); lirich's own number and the cycler's stand in
    ``other`` as ``own_cycle`` (where it differs) and ``vendor_cycle``.
    """
    row = cycles.row(by_predicate=pl.col("cycle") == cycle, named=True)
    per_gram = specific(cell)
    charged, discharged = row["charge_current_ma"], row["discharge_current_ma"]
    current = charged if direction == "charge" or discharged is None else discharged
    measured = row.get("temperature_celsius")
    other: dict[str, Scalar] = {} if direction == "charge" else charge_current(charged, discharged, cell)
    if row["vendor_cycle_first"] is not None:
        other["vendor_cycle"] = row["vendor_cycle_first"]
    if row["cycle_number"] != cycle:
        other["own_cycle"] = cycle
    specific_current = None if current is None or per_gram is None else current * per_gram
    return Conditions(
        cycle=row["cycle_number"],
        direction=direction,
        rate_c=None if specific_current is None or cell.one_c_ma_g is None else specific_current / cell.one_c_ma_g,
        current_ma_g=specific_current,
        one_c_ma_g=cell.one_c_ma_g,
        voltage_lower_v=row["discharge_end_voltage_v"],
        voltage_upper_v=row["charge_end_voltage_v"],
        temperature_celsius=cell.temperature_celsius if cell.temperature_celsius is not None else measured,
        segment=row["segment"],
        other=other,
    )


FULL_PERCENT = 100.3
"""Largest Coulombic efficiency that the error of a cycler can make of 100 %. Makers state 0.02 to 0.1 % of the range;
at half of the range 0.1 % are 0.2 % of the current, and a charge and a discharge together √2 · 0.2 % = 0.3 %."""


def first_charge_partial(efficiency: float | None, cell: Cell) -> bool:
    """Tell whether the first discharge gave more than the first charge took (never for an anode material).

    That is, by more than a cycler's error, `FULL_PERCENT`: no cathode does from its first charge on.
    """
    return efficiency is not None and efficiency > FULL_PERCENT and cell.electrode != "anode"


def settled_cycles(cycles: pl.DataFrame, series: Series | None) -> list[bool]:
    """Tell of each row of a cycle table whether the parts of the voltage decay are taken from it.

    These are the cycles of *series* that follow one of it: after a check-up or rate step a cycle begins from another
    state of charge, so that its charge, gap and mid voltage belong half to the cycle before. With fewer than
    `MIN_CYCLES` of them, all cycles of the series.
    """
    if series is None:
        return [False] * cycles.height
    of_series = set(series.cycles)
    settled = {n for n in of_series if n - 1 in of_series}
    chosen = settled if len(settled) >= MIN_CYCLES else of_series
    return [n in chosen for n in cycles["cycle"].to_list()]


def follows_unlike(
    cycles: pl.DataFrame, keys: Sequence[Key], cut: NDArray[np.bool_], settings: CyclingSettings
) -> list[bool]:
    """Tell of each row of a cycle table whether the cycle before it ran under other conditions, or was *cut* short.

    Its charge then begins from the state that the other current or window left, and what needs the charge belongs half
    to the cycle before. *cut*: `lirich.cycling.cuts.cut_before`, shape (c,).
    """
    whole = cycles["complete"].to_list()
    found = [False] * cycles.height
    for i in range(1, cycles.height):
        unlike = set(keys[i].unlike(keys[i - 1], settings)) - {"interrupts"}
        found[i] = bool(whole[i] and (cut[i] or (whole[i - 1] and unlike)))
    return found


def unlike_findings(
    cycles: pl.DataFrame, keys: Sequence[Key], series: Series | None, settings: CyclingSettings
) -> list[Finding]:
    """Say which complete cycles stand under other conditions than the ageing series, and under which."""
    if series is None:
        return []
    numbers = cycles["cycle"].to_list()
    reference = keys[numbers.index(series.reference)]
    unlike: dict[tuple[str, tuple[str, ...]], list[int]] = {}
    for number, key, whole, purpose, group in zip(
        numbers, keys, cycles["complete"], cycles["segment"], cycles["like_group"], strict=True
    ):
        if whole and group not in (None, series.group) and purpose in ("formation", "ageing", "check_up", "other"):
            unlike.setdefault((purpose, key.unlike(reference, settings)), []).append(number)
    findings = []
    for (purpose, names), found in unlike.items():
        one = len(found) == 1
        shown = ", ".join(str(n) for n in found[:12]) + (", …" if len(found) > 12 else "")
        findings.append(
            Finding(
                code="unlike-conditions",
                severity=Severity.WARNING if purpose == "ageing" else Severity.INFO,
                message=f"{'Cycle' if one else 'Cycles'} {shown} ({purpose.replace('_', '-')}) "
                f"{'differs' if one else 'differ'} from the ageing cycles in {' and '.join(names) or 'protocol'}, and "
                f"{'enters' if one else 'enter'} no fade and no retention",
                advice="Correct the protocol segments if that is wrong",
            )
        )
    return findings

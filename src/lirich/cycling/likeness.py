"""Which cycles are alike: one rate, one window, interrupted or not. Only these may enter one fade."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lirich.cycling.arrays import Array
from lirich.cycling.settings import CyclingSettings


@dataclass(frozen=True, slots=True)
class Key:
    """The conditions of a cycle: set currents, mA (``None`` without a time axis), end voltages, V, interrupts.

    ``upper_step_v``, ``lower_step_v``: change of the voltage from the row before to the recorded end, V. The cut-off
    lies up to that far beyond it, so ends that coarse rows scatter do not make another window.
    """

    charge_ma: float | None
    discharge_ma: float | None
    upper_v: float | None
    lower_v: float | None
    interrupted: bool
    upper_step_v: float = 0.0
    lower_step_v: float = 0.0

    def like(self, other: Key, settings: CyclingSettings) -> bool:
        """Tell whether the two agree within the tolerances of *settings*."""
        return not self.unlike(other, settings)

    def unlike(self, other: Key, settings: CyclingSettings) -> tuple[str, ...]:
        """Name the conditions that differ."""
        names = []
        for name, a, b in (
            ("charge current", self.charge_ma, other.charge_ma),
            ("discharge current", self.discharge_ma, other.discharge_ma),
        ):
            if (a is None) != (b is None) or (
                a is not None and b is not None and abs(a - b) > settings.rate_tolerance * max(a, b)
            ):
                names.append(name)
        for name, a, b, step in (
            ("upper voltage", self.upper_v, other.upper_v, max(self.upper_step_v, other.upper_step_v)),
            ("lower voltage", self.lower_v, other.lower_v, max(self.lower_step_v, other.lower_step_v)),
        ):
            if (a is None) != (b is None) or (
                a is not None and b is not None and abs(a - b) > end_tolerance(step, settings)
            ):
                names.append(name)
        if self.interrupted != other.interrupted:
            names.append("interrupts")
        return tuple(names)

    def against(self, main: Key, settings: CyclingSettings) -> str:
        """Say in words how this differs from *main*: ``slower than``, ``with another window than``, …."""
        if self.discharge_ma is not None and main.discharge_ma is not None:
            ratio = self.discharge_ma / main.discharge_ma
            if ratio < 1.0 - settings.rate_tolerance:
                return "slower than"
            if ratio > 1.0 + settings.rate_tolerance:
                return "faster than"
        differences = self.unlike(main, settings)
        return f"with another {' and '.join(differences)} than" if differences else "like"

    def __str__(self) -> str:
        parts = []
        if self.charge_ma is not None and self.discharge_ma is not None:
            parts.append(f"{self.charge_ma:.3g}/{self.discharge_ma:.3g} mA")
        if self.lower_v is not None and self.upper_v is not None:
            parts.append(f"{self.lower_v:.2f}–{self.upper_v:.2f} V")
        return ", ".join(parts) or "no conditions known"


def same_current(currents: Array, current: float, settings: CyclingSettings) -> NDArray[np.bool_]:
    """Tell which of *currents* are one rate with *current*; without a known current all are. Shape of *currents*."""
    if not np.isfinite(current):
        return np.ones(np.shape(currents), dtype=np.bool_)
    off = np.abs(currents - current)
    return np.asarray(off <= settings.rate_tolerance * np.maximum(currents, current), dtype=np.bool_)


def end_tolerance(step_v: float, settings: CyclingSettings) -> float:
    """Return by how much ends of one window may differ, V, where the last row is *step_v* away from the one before.

    Never more than ``incomplete_voltage_v``, within which a half-cycle counts as whole: a window that was changed by
    more is another, however coarsely it was recorded.
    """
    return max(settings.window_tolerance_v, min(step_v, settings.incomplete_voltage_v))


def keys_of(
    cycles: pl.DataFrame, interrupted: Sequence[bool], settings: CyclingSettings
) -> tuple[list[Key], list[int | None]]:
    """Return the key and the like-group (from 0, in order of appearance) of every row of a cycle table.

    Incomplete cycles have no group. A cycle joins the first group whose first member it is like. Columns that are not
    there are not compared; without ``complete`` all cycles are whole.
    """
    keys: list[Key] = []
    groups: list[int | None] = []
    founders: list[Key] = []
    for row, stopped in zip(cycles.iter_rows(named=True), interrupted, strict=True):
        key = Key(
            row.get("charge_current_ma"),
            row.get("discharge_current_ma"),
            row.get("charge_end_voltage_v"),
            row.get("discharge_end_voltage_v"),
            stopped,
            row.get("charge_end_step_v") or 0.0,
            row.get("discharge_end_step_v") or 0.0,
        )
        keys.append(key)
        if not row.get("complete", True):
            groups.append(None)
            continue
        group = next((g for g, founder in enumerate(founders) if founder.like(key, settings)), None)
        if group is None:
            group = len(founders)
            founders.append(key)
        groups.append(group)
    return keys, groups


def with_groups(cycles: pl.DataFrame, settings: CyclingSettings | None = None) -> pl.DataFrame:
    """Return a cycle table with its ``like_group``: that of `lirich.cycling.analyse`, else by current and window."""
    if "like_group" in cycles.columns:
        return cycles
    _, groups = keys_of(cycles, [False] * cycles.height, settings or CyclingSettings())
    return cycles.with_columns(pl.Series("like_group", groups, dtype=pl.Int64))


def largest_group(cycles: pl.DataFrame) -> int | None:
    """Return the like-group that most of *cycles* are of, ``None`` where none has one.

    *cycles* is a cycle table with ``like_group``. Among groups of one size that which begins last is taken.
    """
    grouped = cycles.filter(pl.col("like_group").is_not_null())
    if grouped.is_empty():
        return None
    sizes = grouped.group_by("like_group").agg(pl.len().alias("n"), pl.col("cycle").min())
    return int(sizes.sort("n", "cycle")["like_group"][-1])

"""A cycler of a few lines: runs programmes on a cell whose voltage is linear in its charge, and knows the truth."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import polars as pl

HOUR = 3600.0


@dataclass
class Programme:
    """V = empty_v + (full_v − empty_v)·x + I·R with x the state of charge; every step appends rows.

    ``capacity_mah`` is the charge from x = 0 to x = 1. Voltages in V, currents in mA (positive), times in s.
    ``truth`` holds (cycle, sign, charge in mAh, energy in mWh) of every step under current.
    """

    capacity_mah: float = 1.0
    empty_v: float = 2.8
    full_v: float = 4.4
    resistance_ohm: float = 0.0
    x: float = 0.0
    time_s: float = 0.0
    cycle: int = 1
    step: int = 0
    rows_per_step: int = 40
    rows: list[np.ndarray] = field(default_factory=list)
    truth: list[tuple[int, int, float, float]] = field(default_factory=list)

    def voltage(self, x: np.ndarray | float, current_ma: np.ndarray | float) -> np.ndarray:
        return np.asarray(
            self.empty_v + (self.full_v - self.empty_v) * np.asarray(x)
            + 1e-3 * np.asarray(current_ma) * self.resistance_ohm
        )  # fmt: skip

    def _append(self, time: np.ndarray, current: np.ndarray, x: np.ndarray) -> None:
        self.step += 1
        n = len(time)
        columns = (time, current, self.voltage(x, current), np.full(n, self.cycle), np.full(n, self.step))
        self.rows.append(np.column_stack(columns))
        self.time_s, self.x = float(time[-1]), float(x[-1])

    def constant_current(self, current_ma: float, to_x: float, rows: int | None = None) -> Programme:
        """Charge or discharge at |current| until the state of charge *to_x*."""
        n = rows or self.rows_per_step
        sign = 1 if to_x > self.x else -1
        charge = (to_x - self.x) * self.capacity_mah
        duration = abs(charge) / current_ma * HOUR
        time = self.time_s + np.linspace(0.0, duration, n)
        x = np.linspace(self.x, to_x, n)
        current = np.full(n, sign * current_ma)
        mean = float(self.voltage(0.5 * (self.x + to_x), sign * current_ma))
        self.truth.append((self.cycle, sign, abs(charge), abs(charge) * mean))
        self._append(time, current, x)
        return self

    def constant_voltage(self, charge_mah: float, rows: int | None = None) -> Programme:
        """Hold the voltage while the current falls linearly to a tenth and passes *charge_mah* (charging)."""
        n = rows or self.rows_per_step
        start_ma = float(self.rows[-1][-1, 1])
        held = float(self.rows[-1][-1, 2])
        duration = charge_mah / (0.55 * start_ma) * HOUR
        part = np.linspace(0.0, 1.0, n)
        current = start_ma * (1.0 - 0.9 * part)
        self.step += 1
        columns = (
            self.time_s + part * duration, current, np.full(n, held), np.full(n, self.cycle), np.full(n, self.step),
        )  # fmt: skip
        self.rows.append(np.column_stack(columns))
        self.time_s += duration
        self.x += charge_mah / self.capacity_mah
        self.truth.append((self.cycle, 1, charge_mah, charge_mah * held))
        return self

    def rest(self, seconds: float, rows: int = 6) -> Programme:
        time = self.time_s + np.linspace(0.0, seconds, rows)
        self._append(time, np.zeros(rows), np.full(rows, self.x))
        return self

    def cycles(
        self, n: int, current_ma: float, low: float = 0.0, high: float = 1.0, rest_s: float = 600.0
    ) -> Programme:
        for _ in range(n):
            self.constant_current(current_ma, high).rest(rest_s)
            self.constant_current(current_ma, low).rest(rest_s)
            self.cycle += 1
        return self

    def pulses(self, current_ma: float, to_x: float, count: int, rest_s: float, rows: int = 12) -> Programme:
        """Go to *to_x* in *count* equal pulses with rests between."""
        for target in np.linspace(self.x, to_x, count + 1)[1:]:
            self.constant_current(current_ma, float(target), rows).rest(rest_s, rows)
        return self

    def table(self, *, vendor: bool = True) -> pl.DataFrame:
        data = np.concatenate(self.rows)
        frame = pl.DataFrame(
            {"test_time_second": data[:, 0], "voltage_volt": data[:, 2], "current_ampere": 1e-3 * data[:, 1]}
        )
        if vendor:
            frame = frame.with_columns(
                cycle_count=pl.Series(data[:, 3].astype(np.int64)), step_count=pl.Series(data[:, 4].astype(np.int64))
            )
        return frame

    def charge(self, cycle: int, sign: int) -> float:
        return sum(q for c, s, q, _ in self.truth if c == cycle and s == sign)

    def energy(self, cycle: int, sign: int) -> float:
        return sum(e for c, s, _, e in self.truth if c == cycle and s == sign)

"""Tests of the voltage column: is it volts, and the voltage of a cell."""

from __future__ import annotations

import numpy as np
import polars as pl

from lirich.model import Severity
from lirich.model.table import VOLTAGE
from lirich.readers.diagnosis import Array, Diagnosis, found_in
from lirich.readers.runs import HalfCycles
from lirich.readers.typical import mostly, thinned, thinned_median

IMPOSSIBLE_VOLTAGE_V = 1000.0
"""No cell and no pack on a cell tester reaches 1000 V (testers of the vendors read here end at 5 to 100 V per
channel): a larger number is a damaged value, or mV in a column of V."""

TINY_VOLTAGE_V = 0.02
"""A cell between 0 V and this in charge and in discharge: worth a warning (a symmetric cell changes sign)."""

ODD_VOLTAGE_V = 100.0
"""More than cell testers reach on one channel: worth a warning."""

_FEW_BEYOND = 0.01
"""Up to this share of the rows beyond `IMPOSSIBLE_VOLTAGE_V` are damaged values, and no unit."""


def check_voltage_unit(table: pl.DataFrame) -> list[Diagnosis]:
    """Say where the column of V holds mV."""
    if not _millivolts(table):
        return []
    return [
        found_in(
            "voltage-millivolt",
            Severity.ERROR,
            f"The voltage is around {_median(table):.0f} V, in many rows over 1000 V: it is mV in a column of V",
            "voltage-millivolt",
        )
    ]


def _millivolts(table: pl.DataFrame) -> bool:
    """Tell whether the voltage is mV: it is so in most rows, or it goes on smoothly beyond what any cell can show."""
    highest = float(table[VOLTAGE].max() or 0.0)  # type: ignore[arg-type]
    if highest < IMPOSSIBLE_VOLTAGE_V:
        return False
    if IMPOSSIBLE_VOLTAGE_V <= _median(table) <= 100 * IMPOSSIBLE_VOLTAGE_V:
        return True
    voltage = table[VOLTAGE].to_numpy()
    beyond = voltage > IMPOSSIBLE_VOLTAGE_V
    crossed = np.flatnonzero(beyond[1:] != beyond[:-1])
    if not highest <= 100 * IMPOSSIBLE_VOLTAGE_V or beyond.sum() <= _FEW_BEYOND * len(beyond):
        return False
    return mostly(np.abs(voltage[crossed + 1] - voltage[crossed]) < 0.5 * IMPOSSIBLE_VOLTAGE_V)


def _median(table: pl.DataFrame) -> float:
    value = table[VOLTAGE].filter(table[VOLTAGE].is_finite()).median()
    return float(value) if isinstance(value, int | float) else float("nan")


def check_voltage_column(table: pl.DataFrame) -> list[Diagnosis]:
    """Say where the voltage is 0 V in all rows."""
    if table.height < 3 or table[VOLTAGE][table.height // 2] != 0.0 or bool((table[VOLTAGE] != 0.0).any()):
        return []
    return [
        found_in(
            "voltage-zero",
            Severity.ERROR,
            f"The voltage is 0 V in all {table.height} rows: the column is empty, or another one is the voltage",
            advice="Export the file from the cycler again, or name the column of the voltage in a mapping file",
        )
    ]


def check_voltage_size(voltage: Array) -> list[Diagnosis]:
    """Say where most voltages, V, shape (n_rows,), are more than a cell tester reaches."""
    if mostly(np.abs(thinned(voltage)) <= ODD_VOLTAGE_V):
        return []
    middle = thinned_median(voltage)
    if abs(middle) <= ODD_VOLTAGE_V:
        return []
    text = f"The voltage is around {middle:.4g} V"
    return [found_in("voltage-implausible", Severity.WARNING, text, "voltage-millivolt")]


def check_voltage_range(halves: HalfCycles) -> list[Diagnosis]:
    """Say what no cell does in charge and discharge: hold one voltage to the last digit, or stay within millivolts."""
    low, high = float(halves.voltage_low.min()), float(halves.voltage_high.max())
    if bool((halves.sign == halves.sign[0]).all()):
        return []
    if low == high:
        return [
            found_in(
                "voltage-stands",
                Severity.WARNING,
                f"The voltage is {low:.5g} V in every row of charge and discharge",
            )
        ]
    if low > 0 and high < TINY_VOLTAGE_V:
        text = (
            f"The voltage stays between {low * 1e3:.3g} and {high * 1e3:.3g} mV in charge and discharge: is it written "
            "in kV?"
        )
        return [found_in("voltage-implausible", Severity.WARNING, text, "voltage-volt")]
    return []

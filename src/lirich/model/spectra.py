"""The table of an impedance test: one row per frequency, columns named as the Battery Data Format names them.

Source of the names: Battery Data Alliance, *Battery Data Format* (LF Energy), ontology 1.3.0: `frequency_hertz`,
`real_impedance_ohm`, `imaginary_impedance_ohm` (negative for a capacitor); the others as in `lirich.model.table`. Time
never decreases. A file with several spectra tells them apart by ``cycle_count`` or ``step_count``; without either a
spectrum ends where the frequency turns back.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import polars as pl

from lirich.model.table import CYCLE, STEP, TEMPERATURE, TIME, UNIX_TIME, VOLTAGE

FREQUENCY, REAL, IMAGINARY = "frequency_hertz", "real_impedance_ohm", "imaginary_impedance_ohm"
"""Columns of a spectrum; a capacitor has a negative imaginary part."""

SPECTRUM_COLUMNS: dict[str, tuple[type[pl.DataType], str]] = {
    TIME: (pl.Float64, "time since the start of the test, s; never decreases"),
    FREQUENCY: (pl.Float64, "frequency of the excitation, Hz"),
    REAL: (pl.Float64, "real part of the impedance, Ω"),
    IMAGINARY: (pl.Float64, "imaginary part of the impedance, Ω; negative for a capacitor"),
    VOLTAGE: (pl.Float64, "voltage between the electrodes about which it was measured, V"),
    UNIX_TIME: (pl.Float64, "time since 1970-01-01T00:00Z, s"),
    CYCLE: (pl.Int64, "the instrument's own cycle number"),
    STEP: (pl.Int64, "running number of the step or loop"),
    TEMPERATURE: (pl.Float64, "temperature of the surroundings, °C"),
}
"""Every column of the table of an impedance test: type and meaning. Frequency and both parts are always there."""

NEEDED = (FREQUENCY, REAL, IMAGINARY)


def is_spectrum(table: pl.DataFrame | pl.LazyFrame) -> bool:
    """Tell whether a table is one of impedance, and not of cycling."""
    names = table.columns if isinstance(table, pl.DataFrame) else table.collect_schema().names()
    return set(NEEDED) <= set(names)


def split_spectra(table: pl.DataFrame) -> list[pl.DataFrame]:
    """Return the single spectra of a table in order of time.

    A new one begins where cycle or step changes, or where the frequency goes back by more than a factor of ten against
    the way it went.
    """
    frequency = np.log10(table[FREQUENCY].to_numpy())
    if table.height < 2:
        return [table]
    step = np.diff(frequency)
    way = np.sign(np.median(step)) or -1.0
    begins = way * step < -1.0
    for name in (CYCLE, STEP):
        if name in table.columns:
            begins |= np.diff(table[name].fill_null(-1).to_numpy()) != 0
    edges = [0, *(np.flatnonzero(begins) + 1).tolist(), table.height]
    return [table[a:b] for a, b in pairwise(edges)]

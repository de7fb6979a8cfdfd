"""What a spectrum adds to the fit of a half-cell: free parameters, and where a circuit says that they begin."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl

from lirich.cells.fit.problem import FreeParameter
from lirich.cells.fit.spectra import (
    COUNTER_CAPACITANCE,
    COUNTER_EXPONENT,
    DOUBLE_LAYER,
    EXPONENT,
    OF_SPECTRA,
    MeasuredSpectrum,
)
from lirich.cells.sites import FARADAY, GAS_CONSTANT
from lirich.cells.spectrum import SpectrumFit, choose_circuit
from lirich.errors import NotEnoughDataError
from lirich.model.spectra import FREQUENCY, IMAGINARY, REAL

SERIES, COUNTER_EXCHANGE = "Series resistance [Ohm]", "Counter-electrode exchange current [A]"
EXCHANGE, FILM = "Reference exchange-current density [A.m-2]", "Initial film resistance [Ohm.m2]"


def spectrum_parameters(spectra: Sequence[MeasuredSpectrum], start: Mapping[str, float]) -> list[FreeParameter]:
    """Return series resistance, counter electrode, double layer and, where arcs are depressed, exponents as free.

    None without spectra. Bounds are decades around what the size of the spectrum allows.
    """
    if not spectra:
        return []
    largest = float(max(np.abs(s.impedance_ohm).max() for s in spectra))
    least = float(min(s.impedance_ohm.real.min() for s in spectra))
    thermal = GAS_CONSTANT * start["Ambient temperature [K]"] / FARADAY
    free = [
        FreeParameter.within(SERIES, start[SERIES], 1e-2 * least, 1.05 * least, log=True, symbol="R_s"),
        FreeParameter.within(
            COUNTER_EXCHANGE,
            start[COUNTER_EXCHANGE],
            thermal / largest,
            1e4 * thermal / largest,
            log=True,
            symbol="I_counter",
        ),
        FreeParameter.within(DOUBLE_LAYER, start[DOUBLE_LAYER], 1e-4, 1e3, log=True, symbol="C"),
        FreeParameter.within(COUNTER_CAPACITANCE, start[COUNTER_CAPACITANCE], 1e-8, 1.0, log=True, symbol="C_counter"),
    ]
    if start[EXPONENT] < 1.0 or start[COUNTER_EXPONENT] < 1.0:
        free += [
            FreeParameter.within(EXPONENT, start[EXPONENT], 0.4, 1.0, symbol="α"),
            FreeParameter.within(COUNTER_EXPONENT, start[COUNTER_EXPONENT], 0.4, 1.0, symbol="β"),
        ]
    return free


def arc_starts(
    spectra: Sequence[MeasuredSpectrum], start: Mapping[str, float]
) -> tuple[dict[str, float], tuple[dict[str, float], ...]]:
    """Return *start* with what the circuit of the first spectrum says, and the start with its arcs exchanged.

    A spectrum that is too short for a circuit changes nothing.
    """
    begin = {**OF_SPECTRA, **start}
    if not spectra:
        return dict(start), ()
    one = spectra[0]
    table = pl.DataFrame({FREQUENCY: one.frequency_hz, REAL: one.impedance_ohm.real, IMAGINARY: one.impedance_ohm.imag})
    try:
        read = choose_circuit(table)
    except NotEnoughDataError:
        return begin, ()
    ways = [_of_arcs(read, begin, swapped=swapped) for swapped in ((False, True) if read.counter_ohm > 0 else (False,))]
    if "depressed" in read.arcs:  # an exponent of 1 would say that none is fitted
        ways = [{**way, **{name: min(way[name], 0.95) for name in (EXPONENT, COUNTER_EXPONENT)}} for way in ways]
    return {**begin, **ways[0]}, tuple(ways[1:])


def _of_arcs(read: SpectrumFit, start: Mapping[str, float], *, swapped: bool) -> dict[str, float]:
    crystal = (read.charge_transfer_ohm, read.double_layer_f, read.exponent)
    counter = (read.counter_ohm, read.counter_f, read.counter_exponent)
    if swapped:
        crystal, counter = counter, crystal
    thermal = GAS_CONSTANT * start["Ambient temperature [K]"] / FARADAY
    volume = start["Active mass [g]"] / 1000.0 / start["Crystal density [kg.m-3]"]
    area = 3.0 * volume / start["Particle radius [m]"]
    found = {
        SERIES: 0.9 * read.series_ohm,
        FILM: 0.1 * read.series_ohm * area,
        EXCHANGE: thermal / crystal[0] / area,
        DOUBLE_LAYER: crystal[1] / area,
        EXPONENT: crystal[2],
        COUNTER_EXPONENT: counter[2],
    }
    if counter[0] > 0:
        found |= {COUNTER_EXCHANGE: thermal / counter[0], COUNTER_CAPACITANCE: counter[1]}
    return found

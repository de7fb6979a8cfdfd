"""Impedance spectra in a fit: where they were measured, what the model says of them, and how they are weighted.

**Noise model.** A spectrum's real and imaginary parts have independent errors in proportion to |Z| (modulus
weighting), of `SPECTRUM_NOISE` where the spectrum itself does not show more; a voltage has an error of
`CURVE_NOISE_V`. Both are what a model with few parameters leaves of real cells, and many times what instruments have.
A residual of a spectrum, (Z − Z_measured)/|Z_measured|, is therefore multiplied by `CURVE_NOISE_V` over its noise to
be volts like the others. Only the ratio matters for the estimates; for the intervals each kind of data has the
variance that its own residuals show.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lirich.cells.impedance import COUNTER_F, DOUBLE_LAYER_F_M2, impedance, rested
from lirich.cells.kramers_kronig import kramers_kronig
from lirich.cells.programme import Programme, Step
from lirich.cells.simulation import Array, Simulator
from lirich.errors import InputError, SimulationError
from lirich.model.spectra import FREQUENCY, IMAGINARY, REAL
from lirich.model.table import VOLTAGE

CURVE_NOISE_V = 0.010
"""What the site-balance model leaves of the digitised real cell: 8 to 12 mV (`benchmarks/cells.py fit`)."""
SPECTRUM_NOISE = 0.02
"""Part of |Z|: what Randles' circuit leaves of the measured spectrum of the tests (tests/test_spectra.py)."""

DOUBLE_LAYER = "Double-layer capacitance [F.m-2]"
COUNTER_CAPACITANCE = "Counter-electrode capacitance [F]"
EXPONENT, COUNTER_EXPONENT = "Exponent of the double layer", "Exponent of the counter-electrode arc"
OF_SPECTRA: Mapping[str, float] = {
    DOUBLE_LAYER: DOUBLE_LAYER_F_M2,
    COUNTER_CAPACITANCE: COUNTER_F,
    EXPONENT: 1.0,
    COUNTER_EXPONENT: 1.0,
}
"""What an impedance needs beside the parameters of the model, and what it is where nobody fits it."""

_APPROACH_MA_G = 25.0
_ENOUGH_MA_G = 0.5
"""mA/g: a voltage is reached by this current, and held until it has fallen to so much."""
_THERE_V = 1e-3
_LEAST = 6
SYMBOLS = {
    "charge_transfer_ohm": ("R_ct", "Ω"),
    "film_ohm": ("R_film", "Ω"),
    "counter_ohm": ("R_counter", "Ω"),
    "series_ohm": ("R_s", "Ω"),
    "double_layer_f": ("C_dl", "F"),
    "diffusivity_m2_s": ("D", "m²/s"),
    "diffusion_time_s": ("R²/D", "s"),
}
"""What a fit says of the state in which a spectrum was measured: symbol and unit."""


@dataclass(frozen=True, eq=False)
class MeasuredSpectrum:
    """A spectrum as it enters a fit: ``frequency_hz`` (n,), ``impedance_ohm`` (n,), complex, of the whole cell.

    It was measured at rest at ``voltage_v``, to which the cell went from where the curves before it ended; ``None`` is
    where they ended. ``noise`` is its relative error.
    """

    name: str
    frequency_hz: Array
    impedance_ohm: NDArray[np.complex128]
    voltage_v: float | None = None
    noise: float = SPECTRUM_NOISE

    def __post_init__(self) -> None:
        whole = np.isfinite(self.frequency_hz).all() and np.isfinite(self.impedance_ohm).all()
        if self.frequency_hz.shape != self.impedance_ohm.shape or self.frequency_hz.size < _LEAST or not whole:
            raise InputError(
                f"A spectrum of {self.frequency_hz.size} frequencies and {self.impedance_ohm.size} impedances",
                expected=f"as many of both, at least {_LEAST}, finite",
            )
        if not self.noise > 0 or not (self.frequency_hz > 0).all():
            raise InputError(f"The spectrum {self.name}", expected="frequencies and a noise above 0")

    @classmethod
    def of(cls, table: pl.DataFrame, *, name: str = "spectrum", voltage_v: float | None = None) -> MeasuredSpectrum:
        """Return a spectrum of a table (`lirich.model.spectra`), with the table's own voltage where none is stated.

        The noise is what the Kramers–Kronig test shows, and at least `SPECTRUM_NOISE`.
        """
        frequency = table[FREQUENCY].to_numpy().astype(np.float64)
        order = np.argsort(-frequency, kind="stable")
        whole = (table[REAL].to_numpy() + 1j * table[IMAGINARY].to_numpy())[order]
        if voltage_v is None and VOLTAGE in table.columns:
            found = table[VOLTAGE].fill_nan(None).mean()
            voltage_v = float(found) if isinstance(found, float) else None
        noise = (
            max(SPECTRUM_NOISE, kramers_kronig(frequency[order], whole).residual) if frequency.size >= _LEAST else 1.0
        )
        return cls(name, frequency[order], whole, voltage_v, noise)


@dataclass(frozen=True, eq=False)
class PredictedSpectrum:
    """A measured spectrum beside its simulation, ``simulated_ohm`` (n,), and what the model knows of that state.

    ``numbers`` are resistances (Ω), double layer (F), diffusivity (m²/s) and R²/D (s).
    """

    spectrum: MeasuredSpectrum
    simulated_ohm: NDArray[np.complex128]
    numbers: Mapping[str, float]

    @property
    def name(self) -> str:
        """The name of the spectrum."""
        return self.spectrum.name

    @property
    def relative(self) -> NDArray[np.complex128]:
        """(simulated − measured)/|measured|, shape (n,)."""
        measured = self.spectrum.impedance_ohm
        return np.asarray((self.simulated_ohm - measured) / np.abs(measured), dtype=np.complex128)

    @property
    def left(self) -> Array:
        """The residuals in volts by the noise model, real parts and then imaginary parts, shape (2n,)."""
        scale = CURVE_NOISE_V / self.spectrum.noise
        return np.concatenate([self.relative.real, self.relative.imag]) * scale

    @property
    def residual_percent(self) -> float:
        """Root mean square of |simulated − measured|, % of |Z|."""
        return float(100.0 * np.sqrt(np.mean(np.abs(self.relative) ** 2)))


def approach(simulator: Simulator, spectrum: MeasuredSpectrum, model: Mapping[str, float], state: Array) -> Array:
    """Return the state at rest at the voltage of the spectrum, reached from *state* at 25 mA/g, held, and rested."""
    plan = None
    if spectrum.voltage_v is not None:
        now = float(
            simulator.run(Programme((Step("rest", until_s=1.0),), 250.0), model, start=state).ends["voltage_v"][0]
        )
        apart = spectrum.voltage_v - now
        if abs(apart) > _THERE_V:
            plan = Programme(
                (
                    Step(
                        "charge" if apart > 0 else "discharge",
                        current_ma_g=_APPROACH_MA_G,
                        until_voltage_v=spectrum.voltage_v,
                    ),
                    Step("hold", voltage_v=spectrum.voltage_v, until_current_ma_g=_ENOUGH_MA_G, until_s=86400.0 * 20),
                ),
                250.0,
            )
    return rested(simulator, model, plan, start=state)


def predict_spectrum(
    simulator: Simulator,
    spectrum: MeasuredSpectrum,
    everything: Mapping[str, float],
    model: Mapping[str, float],
    state: Array,
) -> tuple[PredictedSpectrum, Array]:
    """Return the spectrum that the *model* has at the voltage of the measured one, and the state there.

    *everything* has what an impedance needs beside it (`OF_SPECTRA`). Raises `SimulationError`.
    """
    there = approach(simulator, spectrum, model, state)
    given = {name: float(everything.get(name, usual)) for name, usual in OF_SPECTRA.items()}
    found = impedance(
        simulator,
        spectrum.frequency_hz,
        model,
        state=there,
        double_layer_f_m2=given[DOUBLE_LAYER],
        counter_f=given[COUNTER_CAPACITANCE],
        exponents=(given[EXPONENT], given[COUNTER_EXPONENT]),
    )
    if not np.isfinite(found.impedance_ohm).all():
        raise SimulationError(f"The model has no impedance at {found.voltage_v:.3f} V")
    numbers = {name: getattr(found, name) for name in SYMBOLS if name != "diffusion_time_s"}
    numbers["diffusion_time_s"] = found.length_m**2 / found.diffusivity_m2_s
    return PredictedSpectrum(spectrum, found.impedance_ohm, numbers), there

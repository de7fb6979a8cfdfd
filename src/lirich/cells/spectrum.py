"""From an impedance spectrum back to charge transfer and diffusivity: Randles' circuit with diffusion in a sphere.

    Z = R_0 + R_a/(1 + iωR_aC_a) + 1/(iωC + 1/(R_ct + Z_d)),   Z_d = Z_w · tanh √s / (√s − tanh √s),   s = iωR²/D

R_0 is what follows at once, R_a and C_a the arc of the counter electrode (left out where there is none), and Z_d the
impedance of a sphere whose surface passes the current (Jacobsen & West, Electrochim. Acta 40 (1995) 255,
doi:10.1016/0013-4686(94)E0192-3). Z_w is R/(D·dx/dU) in the units of the electrode. D follows from R²/D only with the
radius, which is yours to state.

The starts are drawn over decades from a seed and know nothing of the answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.optimize import least_squares

from lirich.cells.impedance import FREQUENCY, IMAGINARY, REAL
from lirich.errors import InputError, NotEnoughDataError
from lirich.model import Interval

Array = NDArray[np.float64]
STARTS = 40
"""Starts that are tried; the best few are refined."""
_REFINED = 8
_Z95 = 1.959963984540054
_LEAST = 12
_CHI2_95 = 3.841458820694124  # 95 % point of χ² with one degree of freedom
_SAME = 0.1  # ln: resistances nearer than 10 % are one minimum


@dataclass(frozen=True, slots=True)
class SpectrumFit:
    """What the circuit says of a spectrum; resistances in Ω, capacitances in F, D in m²/s.

    ``intervals`` are 95 % intervals of ``charge_transfer_ohm`` and ``diffusivity_m2_s`` by linearisation.
    ``residual`` is the root mean square of the relative residuals. ``alternatives_ohm`` are other charge-transfer
    resistances that fit as well within the noise: the two arcs may change places. ``resolved`` says whether the
    spectrum reaches down to D/R², below which alone R²/D shows; without it D is an extrapolation.
    """

    charge_transfer_ohm: float
    diffusivity_m2_s: float
    double_layer_f: float
    series_ohm: float
    counter_ohm: float
    counter_f: float
    warburg_ohm: float
    radius_m: float
    residual: float
    resolved: bool
    alternatives_ohm: tuple[float, ...]
    intervals: dict[str, Interval]


def sphere_impedance(frequency_hz: Array, time_s: float) -> NDArray[np.complex128]:
    """Return tanh √s/(√s − tanh √s), s = iωτ, shape (n,), for τ = R²/D (s)."""
    root = np.sqrt(2j * np.pi * np.asarray(frequency_hz, dtype=np.float64) * time_s)
    # tanh(x) is 1 to rounding beyond 20, where cosh would overflow
    tangent = np.where(root.real > 20.0, 1.0, np.tanh(np.where(root.real > 20.0, 20.0, root)))
    found: NDArray[np.complex128] = tangent / (root - tangent)
    return found


def circuit(frequency_hz: Array, logarithms: Array) -> NDArray[np.complex128]:
    """Return Z (Ω, shape (n,)) of ln(R_0, R_ct, C, Z_w, τ) or ln(R_0, R_ct, C, Z_w, τ, R_a, C_a)."""
    series, transfer, double_layer, warburg, time_s, *arc = np.exp(logarithms)
    omega = 2j * np.pi * frequency_hz
    inner = 1.0 / (omega * double_layer + 1.0 / (transfer + warburg * sphere_impedance(frequency_hz, time_s)))
    outer = arc[0] / (1.0 + omega * arc[0] * arc[1]) if arc else 0.0
    total: NDArray[np.complex128] = series + outer + inner
    return total


def circuit_of(fit: SpectrumFit, frequency_hz: Array) -> NDArray[np.complex128]:
    """Return the impedance (Ω, shape (n,)) that a fit stands for."""
    numbers = [
        fit.series_ohm, fit.charge_transfer_ohm, fit.double_layer_f, fit.warburg_ohm,
        fit.radius_m**2 / fit.diffusivity_m2_s,
    ]  # fmt: skip
    if fit.counter_ohm > 0:
        numbers += [fit.counter_ohm, fit.counter_f]
    return circuit(np.asarray(frequency_hz, dtype=np.float64), np.log(numbers))


def fit_spectrum(table: pl.DataFrame, radius_m: float, *, counter_arc: bool = True, seed: int = 0) -> SpectrumFit:
    """Fit the circuit to a spectrum with the columns of `lirich.cells.impedance.Spectrum`.

    *radius_m*: radius of the sphere, m. *counter_arc* false leaves R_a and C_a out (three electrodes, or a counter
    electrode without an arc). Residuals are relative to the size of Z. Raises `InputError` for a missing column or a
    radius that is not positive, `NotEnoughDataError` below 12 frequencies.
    """
    missing = [name for name in (FREQUENCY, REAL, IMAGINARY) if name not in table.columns]
    if missing or not radius_m > 0:
        raise InputError(
            f"A spectrum without {', '.join(missing)}" if missing else f"The particle radius is {radius_m} m",
            expected=f"the columns {FREQUENCY}, {REAL}, {IMAGINARY} and a radius above 0",
        )
    if table.height < _LEAST:
        raise NotEnoughDataError(f"{table.height} frequencies", expected=f"{_LEAST} or more")
    frequency = table[FREQUENCY].to_numpy().astype(np.float64)
    measured = table[REAL].to_numpy() + 1j * table[IMAGINARY].to_numpy()
    size = np.abs(measured)

    def residuals(logarithms: Array) -> Array:
        apart = (circuit(frequency, logarithms) - measured) / size
        return np.concatenate([apart.real, apart.imag])

    low, high = _bounds(frequency, measured, counter_arc)
    rng = np.random.default_rng(seed)
    starts = rng.uniform(low, high, size=(25 * STARTS, len(low)))
    worth = np.array([float(np.sum(np.minimum(residuals(start) ** 2, 1e6))) for start in starts])
    coarse = [least_squares(residuals, starts[i], bounds=(low, high), max_nfev=40) for i in np.argsort(worth)[:STARTS]]
    coarse.sort(key=lambda found: float(found.cost))
    refined = [
        least_squares(residuals, found.x, bounds=(low, high), xtol=1e-12, ftol=1e-12, gtol=1e-12, max_nfev=400)
        for found in coarse[:_REFINED]
    ]
    best = min(refined, key=lambda found: float(found.cost))
    series, transfer, double_layer, warburg, time_s, *arc = np.exp(best.x)
    error = _standard_errors(best, len(measured))
    diffusivity = radius_m**2 / time_s
    return SpectrumFit(
        charge_transfer_ohm=float(transfer),
        diffusivity_m2_s=float(diffusivity),
        double_layer_f=float(double_layer),
        series_ohm=float(series),
        counter_ohm=float(arc[0]) if arc else 0.0,
        counter_f=float(arc[1]) if arc else 0.0,
        warburg_ohm=float(warburg),
        radius_m=radius_m,
        residual=float(np.sqrt(2.0 * best.cost / len(measured))),
        resolved=bool(frequency.min() * time_s < 1.0),
        alternatives_ohm=_alternatives(best, refined, len(measured)),
        intervals={
            "charge_transfer_ohm": _interval(float(transfer), float(error[1])),
            "diffusivity_m2_s": _interval(float(diffusivity), float(error[4])),
        },
    )


def _bounds(frequency: Array, measured: NDArray[np.complex128], counter_arc: bool) -> tuple[Array, Array]:
    """Return the bounds of the logarithms: decades around what the spectrum's own size and range allow."""
    real = measured.real
    span = float(max(real.max() - real.min(), 1e-6 * real.max()))
    slowest, fastest = float(frequency.min()), float(frequency.max())
    resistance = (np.log(1e-3 * span), np.log(span))
    capacity = (np.log(1.0 / (2 * np.pi * fastest * span)), np.log(1.0 / (2 * np.pi * slowest * 1e-3 * span)))
    bounds = [
        (np.log(1e-3 * real.min()), np.log(1.1 * real.min())),
        resistance,
        capacity,
        (np.log(1e-5 * span), np.log(10.0 * float(np.abs(measured).max()))),
        (np.log(0.01 / fastest), np.log(100.0 / slowest)),
    ]
    if counter_arc:
        bounds += [resistance, capacity]
    low, high = np.array(bounds, dtype=np.float64).T
    return low, high


def _alternatives(best: Any, refined: list[Any], points: int) -> tuple[float, ...]:
    """Return the R_ct of other minima that are inside the 95 % region of the sum of squares."""
    freedom = max(1, 2 * points - len(best.x))
    limit = max(float(best.cost), points * 1e-10) * (1.0 + _CHI2_95 / freedom)
    near = sorted(float(np.exp(found.x[1])) for found in refined if found.cost <= limit)
    kept: list[float] = [float(np.exp(best.x[1]))]
    for ohm in near:
        if all(abs(np.log(ohm / other)) > _SAME for other in kept):
            kept.append(ohm)
    return tuple(kept[1:])


def _standard_errors(found: Any, points: int) -> Array:
    freedom = max(1, 2 * points - len(found.x))
    curvature = found.jac.T @ found.jac
    covariance = np.linalg.pinv(curvature) * (2.0 * found.cost / freedom)
    return np.sqrt(np.maximum(np.diag(covariance), 0.0))


def _interval(value: float, error: float) -> Interval:
    """Return the interval of a value whose logarithm has the standard error *error*."""
    spread = float(np.exp(min(_Z95 * error, 50.0)))
    return Interval(low=value / spread, high=value * spread, level=0.95, method="linearised least squares")

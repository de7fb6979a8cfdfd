"""From an impedance spectrum back to charge transfer and diffusivity: Randles' circuit with diffusion in a sphere.

    Z = R_0 + R_a/(1 + (iωR_aC_a)^β) + 1/((iωR_ctC)^α/R_ct + 1/(R_ct + Z_d)),
    Z_d = Z_w · tanh √s / (√s − tanh √s),   s = iωR²/D

R_0 is what follows at once, R_a and C_a a second arc (the counter electrode, a surface film; left out where there is
none), and Z_d the impedance of a sphere whose surface passes the current (Jacobsen & West, Electrochim. Acta 40 (1995)
255, doi:10.1016/0013-4686(94)E0192-3). Z_w is R/(D·dx/dU) in the units of the electrode. D follows from R²/D only with
the radius, which is yours to state. With exponents of 1 the arcs are those of capacitors; measured arcs are depressed,
and C is then the capacitance of a capacitor with the same time constant (Hsu & Mansfeld, Corrosion 57 (2001) 747,
doi:10.5006/1.3280607).

The starts are drawn over decades from a seed and know nothing of the answer. Intervals are of the linearised problem,
with the variance of the residuals times the length over which they are correlated.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.optimize import least_squares

from lirich.cells.autocorrelation import correlation_length
from lirich.errors import InputError, NotEnoughDataError
from lirich.model import Interval
from lirich.model.spectra import FREQUENCY, IMAGINARY, REAL

Array = NDArray[np.float64]
STARTS = 20
"""Starts that are tried; the best few are refined."""
_REFINED = 6
_Z95 = 1.959963984540054
_LEAST = 12
_CHI2_95 = 3.841458820694124  # 95 % point of χ² with one degree of freedom
_SAME = 0.1  # ln: resistances nearer than 10 % are one minimum
_FLATTEST = 0.5
"""Of an exponent: that of a Warburg line."""
_NUMERICAL = 1e-5
"""Relative residual below which two circuits fit equally: what the mesh of a simulation leaves."""

_STEP = float(np.sqrt(np.finfo(np.float64).eps))
"""Relative step of a forward difference: the square root of the rounding error, Nocedal & Wright, 2nd ed., eq. 8.6."""
_EXPLAINED = 1e-3
"""Relative residual below which nothing more is asked: less than the noise of any instrument."""


@dataclass(frozen=True, slots=True)
class SpectrumFit:
    """What the circuit says of a spectrum; resistances in Ω, capacitances in F, D in m²/s.

    ``exponent`` and ``counter_exponent`` are α and β, 1 where they were not fitted. ``time_s`` is R²/D, which is what
    the spectrum tells; ``diffusivity_m2_s`` follows with ``radius_m``, and is ``None`` without it. ``intervals`` are 95
    % intervals by field name. ``residual`` is the root mean square of the relative residuals. ``alternatives_ohm`` are
    other charge-transfer resistances that fit as well within the noise: the two arcs may change places. ``resolved``
    says whether the spectrum reaches down to D/R², below which alone R²/D shows; without it D is an extrapolation.
    """

    charge_transfer_ohm: float
    diffusivity_m2_s: float | None
    time_s: float
    double_layer_f: float
    series_ohm: float
    counter_ohm: float
    counter_f: float
    warburg_ohm: float
    exponent: float
    counter_exponent: float
    radius_m: float | None
    residual: float
    criterion: float
    resolved: bool
    alternatives_ohm: tuple[float, ...]
    intervals: dict[str, Interval]

    @property
    def arcs(self) -> str:
        """What was fitted, in words."""
        count = "two arcs" if self.counter_ohm > 0 else "one arc"
        return f"{count}{', depressed' if self.exponent < 1 or self.counter_exponent < 1 else ''}"


def sphere_impedance(frequency_hz: Array, time_s: float | Array) -> NDArray[np.complex128]:
    """Return tanh √s/(√s − tanh √s), s = iωτ, shape (n,), for τ = R²/D (s); of τ of shape (m, 1) shape (m, n)."""
    root = np.sqrt(2j * np.pi * np.asarray(frequency_hz, dtype=np.float64) * time_s)
    # tanh(x) is 1 to rounding beyond 20, where cosh would overflow
    tangent = np.where(root.real > 20.0, 1.0, np.tanh(np.where(root.real > 20.0, 20.0, root)))
    found: NDArray[np.complex128] = tangent / (root - tangent)
    return found


def circuit(
    frequency_hz: Array, logarithms: Array, exponents: tuple[float | Array, float | Array] = (1.0, 1.0)
) -> NDArray[Any]:
    """Return Z (Ω, shape (n,)) of ln(R_0, R_ct, C, Z_w, τ) or ln(R_0, R_ct, C, Z_w, τ, R_a, C_a), and (α, β).

    Of m circuits at once, logarithms of shape (m, 5 or 7) and exponents of shape (m, 1), it has shape (m, n).
    """
    series, transfer, double_layer, warburg, time_s, *arc = np.moveaxis(np.exp(logarithms), -1, 0)[..., None]
    omega = 2j * np.pi * frequency_hz
    layer = (omega * transfer * double_layer) ** exponents[0] / transfer
    inner = 1.0 / (layer + 1.0 / (transfer + warburg * sphere_impedance(frequency_hz, time_s)))
    outer = arc[0] / (1.0 + (omega * arc[0] * arc[1]) ** exponents[1]) if arc else 0.0
    total: NDArray[np.complex128] = series + outer + inner
    return total


def choose_circuit(table: pl.DataFrame, radius_m: float | None = None, *, seed: int = 0) -> SpectrumFit:
    """Fit one and two arcs, of capacitors and depressed, and return the one that the data ask for.

    That is the one of the least Bayesian information criterion, n·ln(RSS/n) + k·ln n (Schwarz, Ann. Statist. 6 (1978)
    461, doi:10.1214/aos/1176344136). Exponents are not asked for where capacitors leave less than `_EXPLAINED`. Raises
    as `fit_spectrum`.
    """

    def fitted(depressed: bool) -> list[SpectrumFit]:
        return [fit_spectrum(table, radius_m, counter_arc=arc, depressed=depressed, seed=seed) for arc in (False, True)]

    fits = fitted(depressed=False)
    if min(fit.residual for fit in fits) > _EXPLAINED:
        fits += fitted(depressed=True)
    return min(fits, key=lambda fit: fit.criterion)


def fit_spectrum(
    table: pl.DataFrame,
    radius_m: float | None,
    *,
    counter_arc: bool = True,
    depressed: bool = False,
    seed: int = 0,
) -> SpectrumFit:
    """Fit the circuit to a spectrum with the columns of `lirich.model.spectra`.

    *radius_m*: radius of the sphere, m; without it there is R²/D and no D. *counter_arc* false leaves R_a and C_a out
    (three electrodes, or a counter electrode without an arc); *depressed* fits the exponents. Residuals are relative to
    the size of Z, real and imaginary part alike. Raises `InputError` for a missing column or a radius that is not
    positive, `NotEnoughDataError` below 12 frequencies.
    """
    missing = [name for name in (FREQUENCY, REAL, IMAGINARY) if name not in table.columns]
    if missing or (radius_m is not None and not radius_m > 0):
        raise InputError(
            f"A spectrum without {', '.join(missing)}" if missing else f"The particle radius is {radius_m} m",
            expected=f"the columns {FREQUENCY}, {REAL}, {IMAGINARY} and a radius above 0",
        )
    if table.height < _LEAST:
        raise NotEnoughDataError(f"{table.height} frequencies", expected=f"{_LEAST} or more")
    frequency = table[FREQUENCY].to_numpy().astype(np.float64)
    measured = table[REAL].to_numpy() + 1j * table[IMAGINARY].to_numpy()
    size = np.abs(measured)
    logs = 7 if counter_arc else 5

    def residuals(unknowns: Array) -> Array:
        given = unknowns[..., logs:, None]
        exponents = (given[..., 0, :], given[..., -1, :]) if depressed else (1.0, 1.0)
        apart = (circuit(frequency, unknowns[..., :logs], exponents) - measured) / size
        return np.concatenate([apart.real, apart.imag], axis=-1)

    low, high = _bounds(frequency, measured, counter_arc, depressed)
    best, refined = _search(residuals, low, high, seed)
    numbers, given = np.exp(best.x[:logs]), best.x[logs:]
    error = _standard_errors(best, len(measured))
    series, transfer, double_layer, warburg, time_s, *arc = (float(number) for number in numbers)
    diffusivity = None if radius_m is None else radius_m**2 / time_s
    known = {"series_ohm": 0, "charge_transfer_ohm": 1, "double_layer_f": 2, "time_s": 4}
    if counter_arc:
        known |= {"counter_ohm": 5, "counter_f": 6}
    intervals = {name: _interval(float(numbers[i]), float(error[i])) for name, i in known.items()}
    if diffusivity is not None:
        intervals["diffusivity_m2_s"] = _interval(diffusivity, float(error[4]))
    points = 2 * len(measured)
    return SpectrumFit(
        charge_transfer_ohm=transfer,
        diffusivity_m2_s=diffusivity,
        time_s=time_s,
        double_layer_f=double_layer,
        series_ohm=series,
        counter_ohm=arc[0] if arc else 0.0,
        counter_f=arc[1] if arc else 0.0,
        warburg_ohm=warburg,
        exponent=float(given[0]) if depressed else 1.0,
        counter_exponent=float(given[-1]) if depressed and counter_arc else 1.0,
        radius_m=radius_m,
        residual=float(np.sqrt(2.0 * best.cost / len(measured))),
        criterion=float(points * np.log(2.0 * best.cost / points + _NUMERICAL**2) + len(best.x) * np.log(points)),
        resolved=bool(frequency.min() * time_s < 1.0),
        alternatives_ohm=_alternatives(best, refined, len(measured)),
        intervals=intervals,
    )


def _search(residuals: Callable[[Array], Array], low: Array, high: Array, seed: int) -> tuple[Any, list[Any]]:
    """Return the best minimum, and all those that were refined.

    *residuals* takes unknowns of shape (k,) or (m, k); all columns of a Jacobian are asked for at once.
    """
    rng = np.random.default_rng(seed)
    starts = rng.uniform(low, high, size=(50 * STARTS, len(low)))
    worth = np.sum(np.minimum(residuals(starts) ** 2, 1e6), axis=1)

    def slopes(x: Array) -> Array:
        step = _STEP * np.maximum(1.0, np.abs(x)) * np.where(x < 0, -1.0, 1.0)
        step = np.where((x + step > high) | (x + step < low), -step, step)
        moved = x + np.diag(step)
        return ((residuals(moved) - residuals(x)) / (np.diag(moved) - x)[:, None]).T

    coarse = [
        least_squares(residuals, starts[i], slopes, bounds=(low, high), max_nfev=30) for i in np.argsort(worth)[:STARTS]
    ]
    coarse.sort(key=lambda found: float(found.cost))
    refined = [
        least_squares(residuals, found.x, slopes, bounds=(low, high), xtol=1e-10, ftol=1e-10, gtol=1e-12, max_nfev=150)
        for found in coarse[:_REFINED]
    ]
    return min(refined, key=lambda found: float(found.cost)), refined


def _bounds(
    frequency: Array, measured: NDArray[np.complex128], counter_arc: bool, depressed: bool
) -> tuple[Array, Array]:
    """Return the bounds of the unknowns: decades around what the spectrum's own size and range allow."""
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
    if depressed:
        bounds += [(_FLATTEST, 1.0)] * (2 if counter_arc else 1)
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
    length = correlation_length(np.split(found.fun, 2))
    covariance = np.linalg.pinv(curvature) * (2.0 * found.cost / freedom * length)
    return np.sqrt(np.maximum(np.diag(covariance), 0.0))


def _interval(value: float, error: float) -> Interval:
    """Return the interval of a value whose logarithm has the standard error *error*."""
    spread = float(np.exp(min(_Z95 * error, 50.0)))
    return Interval(low=value / spread, high=value * spread, level=0.95, method="linearised least squares")

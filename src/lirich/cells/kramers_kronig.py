"""Whether a spectrum obeys the Kramers–Kronig relations: the linear test of Boukamp.

    Z = R_0 + iωL + 1/(iωC) + Σ_k R_k/(1 + iωτ_k)

with τ_k fixed and evenly spaced over the decades that were measured obeys the relations by itself, and R_0, L, 1/C and
R_k follow by linear least squares (Boukamp, J. Electrochem. Soc. 142 (1995) 1885, doi:10.1149/1.2044210). What it
leaves over is noise, drift or a response that is not linear. How many terms there are is what the data ask for: the
least Bayesian information criterion (Schwarz, Ann. Statist. 6 (1978) 461, doi:10.1214/aos/1176344136), where Schönleber
et al. (Electrochim. Acta 131 (2014) 20, doi:10.1016/j.electacta.2014.01.034) count alternating signs, which an arc of
one time constant brings about by itself.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lirich.errors import NotEnoughDataError

Array = NDArray[np.float64]

_LEAST = 6
_MOST_TERMS = 100
_TRIED = 30
"""Numbers of terms that are tried, evenly up to the most."""
_NUMERICAL = 1e-6
"""Relative residual below which more terms are no better: rounding."""
SOUND = 0.01
"""Root mean square of the relative residuals up to which a spectrum is taken to be linear and at rest: above the 0.5 %
that Schönleber et al. found for good instruments, as coin cells at 10 mV have it."""


@dataclass(frozen=True, slots=True, eq=False)
class KramersKronig:
    """Relative residuals (n,) of real and imaginary part in parts of |Z|, and how many numbers were fitted."""

    real: Array
    imaginary: Array
    fitted: int

    @property
    def residual(self) -> float:
        """Root mean square of the relative residuals of |Z|, for the degrees of freedom: the noise of the spectrum."""
        freedom = max(1, 2 * self.real.size - self.fitted)
        return float(np.sqrt(2.0 * np.sum(self.real**2 + self.imaginary**2) / freedom))

    @property
    def sound(self) -> bool:
        """Whether they are as small as noise."""
        return self.residual <= SOUND


def kramers_kronig(frequency_hz: ArrayLike, impedance_ohm: ArrayLike) -> KramersKronig:
    """Test a spectrum: *frequency_hz* (n,), *impedance_ohm* (n,), complex. Raises `NotEnoughDataError` below 6 points.

    A short spectrum has as many terms as its degrees of freedom allow.
    """
    frequency = np.asarray(frequency_hz, dtype=np.float64)
    measured = np.asarray(impedance_ohm, dtype=np.complex128)
    if frequency.size < _LEAST:
        raise NotEnoughDataError(f"{frequency.size} frequencies", expected=f"{_LEAST} or more")
    omega, size, points = 2 * np.pi * frequency, np.abs(measured), 2 * frequency.size
    wanted = measured / size
    best: tuple[float, NDArray[np.complex128], int] | None = None
    most = min(_MOST_TERMS, (points - 3) * 2 // 3)
    for count in np.unique(np.linspace(2, most, min(_TRIED, most - 1)).astype(int)).tolist():
        times = np.geomspace(1.0 / omega.max(), 1.0 / omega.min(), count)
        arcs = 1.0 / (1.0 + 1j * omega[:, None] * times)
        columns = np.column_stack([np.ones_like(omega), 1j * omega, 1.0 / (1j * omega), arcs]) / size[:, None]
        columns = columns / np.linalg.norm(columns, axis=0)  # they differ by ten orders of magnitude
        stacked = np.concatenate([columns.real, columns.imag])
        answer, _, rank, _ = np.linalg.lstsq(stacked, np.concatenate([wanted.real, wanted.imag]), rcond=1e-12)
        left = columns @ answer - wanted
        squares = float(np.sum(np.abs(left) ** 2))
        criterion = points * np.log(squares / points + _NUMERICAL**2) + int(rank) * np.log(points)
        if best is None or criterion < best[0]:
            best = (criterion, left, int(rank))
    assert best is not None  # there are two terms at least
    return KramersKronig(best[1].real, best[1].imag, best[2])

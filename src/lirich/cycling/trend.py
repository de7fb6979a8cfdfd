"""Trends over cycles: robust slopes with intervals, and the two parts of the voltage decay.

Robust slopes are Theil–Sen (Sen, J. Am. Stat. Assoc. 63 (1968) 1379,
doi:10.1080/01621459.1968.10480934). Splitting the decay by V̄dis = V̄mid − ΔV̄/2 follows Bettge et al.,
J. Electrochem. Soc. 160 (2013) A2046, doi:10.1149/2.034311jes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from lirich.cycling.arrays import Array
from lirich.errors import NotEnoughDataError
from lirich.model import Interval

MIN_CYCLES = 5
"""Fewest cycles that a slope is given for at 95 %. Without a trend, all pairwise slopes of n points have one sign in 2
of n! orders: even the range from the least to the largest covers only 1 − 2/n!, 92 % with four points (Kendall's S, on
which Sen 1968 rests)."""

_MAX_PAIRED = 2000


@dataclass(frozen=True, slots=True)
class Trend:
    """A robust line: slope per cycle with its interval, value at cycle 0, number of cycles, coverage."""

    slope: float
    intercept: float
    low: float
    high: float
    n: int
    level: float = 0.95

    def interval(self) -> Interval:
        """Return the interval of the slope."""
        return Interval(low=self.low, high=self.high, level=self.level, method="Theil–Sen (Sen 1968)")

    def negated(self) -> Trend:
        """Return the trend of −y: what rises as the quantity fades."""
        return Trend(-self.slope, -self.intercept, -self.high, -self.low, self.n, self.level)

    def scaled(self, factor: float) -> Trend:
        """Return the trend of factor·y for a positive *factor*."""
        return Trend(
            factor * self.slope,
            factor * self.intercept,
            factor * self.low,
            factor * self.high,
            self.n,
            self.level,
        )


def _finite(cycle: ArrayLike, y: ArrayLike) -> tuple[Array, Array]:
    x_all, y_all = np.asarray(cycle, dtype=np.float64), np.asarray(y, dtype=np.float64)
    keep = np.isfinite(x_all) & np.isfinite(y_all)
    return x_all[keep], y_all[keep]


def theil_sen(cycle: ArrayLike, y: ArrayLike, *, level: float = 0.95) -> Trend:
    """Return the Theil–Sen line of *y* against *cycle*, both shape (n,); the slope is in the unit of *y* per cycle.

    Points that are not finite are left out. The interval is Sen's, by the ranks of the pairwise slopes; it
    supposes independent scatter, so it is narrow where *y* bends. Beyond 2,000 cycles every k-th is used, and
    ``n`` says how many. Raises `NotEnoughDataError` with too few different cycles for the *level*, at 95 % below
    `MIN_CYCLES`.
    """
    from scipy.stats import theilslopes

    x, y_kept = _finite(cycle, y)
    different = len(np.unique(x))
    if different < 2 or 2.0 / math.factorial(min(different, 20)) > 1.0 - level:
        least = next(n for n in range(2, 21) if n == 20 or 2.0 / math.factorial(n) <= 1.0 - level)
        raise NotEnoughDataError(
            f"There {'is' if different == 1 else 'are'} {different} comparable cycle{'' if different == 1 else 's'}",
            expected=f"at least {least} for a slope with its {100 * level:g} % interval",
            advice="Add more cycles, or correct the protocol segments",
        )
    every = -(-len(x) // _MAX_PAIRED)
    x, y_kept = x[::every], y_kept[::every]
    fit = theilslopes(y_kept, x, alpha=level)
    slope = float(fit.slope)
    # for very short series Sen's ranks can miss the estimate itself by one place
    low, high = min(float(fit.low_slope), slope), max(float(fit.high_slope), slope)
    return Trend(slope, float(fit.intercept), low, high, len(x), level)


def least_squares_slope(cycle: ArrayLike, y: ArrayLike) -> float:
    """Return the ordinary least-squares slope of *y* against *cycle*, unit of *y* per cycle. Linear in *y*."""
    x, y_kept = _finite(cycle, y)
    centred = x - x.mean()
    return float(centred @ y_kept / (centred @ centred))


def end_point_decay(cycle: ArrayLike, y: ArrayLike) -> float:
    """Return (y_first − y_last)/(n_last − n_first), unit of *y* per cycle; positive is decay.

    Raises `NotEnoughDataError` below two cycles.
    """
    x, y_kept = _finite(cycle, y)
    if len(x) < 2 or x[-1] == x[0]:
        raise NotEnoughDataError(f"There are {len(x)} comparable cycles", expected="at least two")
    return float((y_kept[0] - y_kept[-1]) / (x[-1] - x[0]))


@dataclass(frozen=True, slots=True)
class FadeSplit:
    """Voltage decay and its two parts, V per cycle, positive is decay.

    ``total`` is the decay of V̄dis, ``structural`` that of V̄mid, ``polarisation`` is the growth of ΔV̄/2.
    Theil–Sen is not linear, so the robust parts add up to the robust total only about: ``robust_gap`` is
    structural + polarisation − total. The ``least_squares`` triple (total, structural, polarisation) adds up
    exactly.
    """

    total: Trend
    structural: Trend
    polarisation: Trend
    least_squares: tuple[float, float, float]

    @property
    def robust_gap(self) -> float:
        """What the robust parts miss of the robust total, V per cycle."""
        return self.structural.slope + self.polarisation.slope - self.total.slope

    @property
    def structural_share(self) -> float | None:
        """100·structural/(structural + polarisation), %; ``None`` unless both are ≥ 0 and not both 0."""
        a, b = self.structural.slope, self.polarisation.slope
        return 100.0 * a / (a + b) if min(a, b) >= 0 and a + b > 0 else None


def fade_split(cycle: ArrayLike, charge_v: ArrayLike, discharge_v: ArrayLike, *, level: float = 0.95) -> FadeSplit:
    """Split the decay of the mean discharge voltage: dV̄dis = dV̄mid − dΔV̄/2.

    *charge_v*, *discharge_v*: mean voltages V̄ch and V̄dis, V, shape (n,). Cycles that lack one of them are
    left out of all three slopes. Raises `NotEnoughDataError` as `theil_sen`.
    """
    x = np.asarray(cycle, dtype=np.float64)
    charge, discharge = np.asarray(charge_v, dtype=np.float64), np.asarray(discharge_v, dtype=np.float64)
    keep = np.isfinite(x) & np.isfinite(charge) & np.isfinite(discharge)
    x, charge, discharge = x[keep], charge[keep], discharge[keep]
    middle, half_gap = (charge + discharge) / 2, (charge - discharge) / 2
    total = theil_sen(x, discharge, level=level).negated()
    return FadeSplit(
        total=total,
        structural=theil_sen(x, middle, level=level).negated(),
        polarisation=theil_sen(x, half_gap, level=level),
        least_squares=(
            -least_squares_slope(x, discharge), -least_squares_slope(x, middle), least_squares_slope(x, half_gap),
        ),
    )  # fmt: skip


def fade_share_interval(
    cycle: ArrayLike, charge_v: ArrayLike, discharge_v: ArrayLike, *, level: float = 0.95
) -> Interval | None:
    """Return the interval of `FadeSplit.structural_share`, %; arguments as of `fade_split`.

    Fieller's for a ratio of two correlated normal estimates (J. R. Stat. Soc. B 16 (1954) 175,
    doi:10.1111/j.2517-6161.1954.tb00159.x): the variances are those of the Sen intervals, the correlation that of the
    scatter about the two lines. ``None`` where the sum of the parts cannot be told from zero: then a share of it has no
    bounds.
    """
    from scipy.special import ndtri

    x = np.asarray(cycle, dtype=np.float64)
    charge, discharge = np.asarray(charge_v, dtype=np.float64), np.asarray(discharge_v, dtype=np.float64)
    keep = np.isfinite(x) & np.isfinite(charge) & np.isfinite(discharge)
    x, middle, half_gap = x[keep], (charge + discharge)[keep] / 2, (charge - discharge)[keep] / 2
    fall, growth = theil_sen(x, middle, level=level).negated(), theil_sen(x, half_gap, level=level)
    z = float(ndtri(0.5 + level / 2))
    sd_fall, sd_growth = ((t.high - t.low) / (2 * z) for t in (fall, growth))
    scatter = -(middle + fall.slope * x), half_gap - growth.slope * x
    centred = [y - np.median(y) for y in scatter]
    norm = float(np.sqrt((centred[0] @ centred[0]) * (centred[1] @ centred[1])))
    together = float(centred[0] @ centred[1]) / norm * sd_fall * sd_growth if norm > 0 else 0.0
    total = fall.slope + growth.slope
    var_total, with_total = sd_fall**2 + sd_growth**2 + 2 * together, sd_fall**2 + together
    # (fall − θ·total)² = z²·(var_fall − 2θ·cov(fall, total) + θ²·var_total)
    a = total**2 - z**2 * var_total
    b = fall.slope * total - z**2 * with_total
    c = fall.slope**2 - z**2 * sd_fall**2
    if not a > 0:
        return None
    root = math.sqrt(max(b**2 - a * c, 0.0))
    share = fall.slope / total
    return Interval(
        low=100 * min((b - root) / a, share), high=100 * max((b + root) / a, share), level=level,
        method="Fieller (1954) with Sen's variances",
    )  # fmt: skip


def median_interval(values: ArrayLike, *, level: float = 0.95) -> Interval | None:
    """Return the interval of the median of *values*, shape (n,), between two of them (order statistics).

    Whatever the distribution, the k-th smallest and largest hold the median with 1 − 2·P(fewer than k of n below it)
    (Conover, *Practical Nonparametric Statistics*, 3rd ed. 1999, §3.2). ``None`` where even the smallest and the
    largest do so less often than *level*: below six values at 95 %.
    """
    from scipy.special import bdtr

    ordered = np.sort(np.asarray(values, dtype=np.float64))
    n = len(ordered)
    ranks = [k for k in range(n // 2) if 2 * float(bdtr(k, n, 0.5)) <= 1 - level + 1e-12]
    if not ranks:
        return None
    k = ranks[-1]
    return Interval(low=float(ordered[k]), high=float(ordered[n - 1 - k]), level=level, method="order statistics")

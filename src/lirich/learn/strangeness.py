"""How far a window lies beyond the curves that a model was learned from, and whether a completed curve can be one.

The distance of a window x_o from a Gaussian model (`lirich.learn.posterior`) has two parts. Along the k directions that
the window shows it is the Mahalanobis distance (Mahalanobis, Proc. Natl. Inst. Sci. India 2 (1936) 49),

    d² = Σ (Uᵀ(x_o − μ_o))²/(S² + σ²)/k,

1 for a usual curve; off these directions it is the RMS of what is left over, in units of σ. The noise σ is that of the
map and of the curve itself (its roughness) together, so that a noisy instrument is not strange. Both kinds of distance
are what multivariate process control watches a principal component model with: T² and Q (Jackson and Mudholkar,
Technometrics 21 (1979) 341, doi:10.1080/00401706.1979.10489779).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lirich.learn.completion import Completion
from lirich.learn.matrix import Array, Direction, Kind
from lirich.learn.posterior import CurveModel, Mask, roughness
from lirich.learn.statemap import StateMap


@dataclass(frozen=True, slots=True, eq=False)
class Strangeness:
    """Of each curve, shape (n,): ``along`` the model and ``off`` it, both about 1 for curves like the learned ones."""

    along: Array
    off: Array


def strangeness(learned: StateMap, values: Array, observed: Mask) -> Strangeness:
    """Return how strange the windows *observed*, shape (m,), of *values*, (n, m), are to a map.

    Raises `NotEnoughDataError` for a window of too few points.
    """
    window = CurveModel.of(learned).window(observed)
    noise = np.sqrt(learned.noise_variance_ + roughness(values, observed) ** 2)
    beyond = values[:, observed] - learned.mean_[observed]
    inside = beyond @ window.left
    along = np.sqrt(np.mean(inside**2 / (window.length**2 + noise[:, None] ** 2), axis=1))
    left_over = beyond - inside @ window.left.T
    off = np.sqrt(np.mean(left_over**2, axis=1)) / noise
    return Strangeness(np.asarray(along, dtype=np.float64), np.asarray(off, dtype=np.float64))


FAR_FROM_A_MAP = 10.0
"""Distance, along or off, beyond which nothing is told by a map alone: ten times the usual one. Of the map of Kim et
al., whose spread is a guess (`lirich.learn.anchor`), their own cell lies at 5 to 9, cells of another physics at 20."""
FAR_FROM_CELLS = 3.0
"""The same for a completion: three times that of the strangest of the cells that were held out. Of simulated cells new
ones lay at up to 1.0, their check-ups at another rate at 2 to 3.4, a real cell at 22 up."""
_SLACK = 3.0  # half-widths of the band by which a curve may miss what is physical
_LEAST_SLACK = 0.01  # … but no less than this share of the range of the mean curve


def strangeness_of_held(learned: Completion, observed: Mask) -> Strangeness:
    """Return how strange the curves that a completion held out are, to the maps that had not seen them."""
    found = [strangeness(part.learned, part.values, observed) for part in learned.held_]
    return Strangeness(np.concatenate([f.along for f in found]), np.concatenate([f.off for f in found]))


def too_strange(learned: StateMap, values: Array, observed: Mask, usual: Strangeness | None) -> list[str]:
    """Return why nothing is told of each of *values*, (n, m), from the windows *observed*, (m,); empty where it can be.

    *usual* is that of curves of cells held out, (h,); without it the map is all that is known.
    """
    found = strangeness(learned, values, observed)
    limits = (
        (FAR_FROM_A_MAP, FAR_FROM_A_MAP)
        if usual is None
        else (FAR_FROM_CELLS * max(float(usual.along.max()), 1.0), FAR_FROM_CELLS * max(float(usual.off.max()), 1.0))
    )
    told = "the usual distance" if usual is None else "as far as a usual curve"
    out = []
    for along, off in zip(found.along.tolist(), found.off.tolist(), strict=True):
        size, limit, what = max(
            (along, limits[0], "lies {} times {} from the curves that the model was learned from"),
            (off, limits[1], "has a shape that the model does not know: {} times {} is left over"),
            key=lambda each: float(each[0] / each[1]),
        )
        out.append(
            f"cannot tell: the window {what.format(f'{size:.0f}', told)} (at most {limit:.0f})" if size > limit else ""
        )
    return out


def impossible(kind: Kind, direction: Direction, mean: Array, low: Array, high: Array) -> str:
    """Return why no curve of this kind can lie in the band from *low* to *high*, shape (m,), or an empty text.

    A passed charge is not negative and grows as the voltage moves on (falls with the voltage of a discharge); dQ/dV is
    not negative. The band is taken three times as wide, and by 1 % of the range of the *mean* curve at least.
    """
    if kind == "V(Q)":
        return ""
    middle = (low + high) / 2
    half = np.maximum(_SLACK * (high - low) / 2, _LEAST_SLACK * float(np.ptp(mean)))
    bottom, top = middle - half, middle + half
    if float(top.min()) < 0.0:
        return f"cannot tell: the completed curve would be negative, {float(middle.min()):.0f} at the least"
    if kind == "Q(V)":
        rising = slice(None) if direction == "charge" else slice(None, None, -1)
        fall = np.maximum.accumulate(bottom[rising]) - top[rising]
        if float(fall.max()) > 0.0:
            return "cannot tell: the completed curve would lose charge that was passed before"
    return ""

"""What the components of a map do to a curve, which features of dQ/dV they touch, and maps laid beside each other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
from scipy.linalg import qr, svd
from scipy.signal import find_peaks

from lirich.errors import InputError, NotEnoughDataError
from lirich.learn.matrix import Array, Direction
from lirich.learn.resample import slope_of
from lirich.learn.statemap import StateMap, principal_angles

PROMINENT = 0.05
"""A peak or valley of dQ/dV stands out by at least this share of the highest dQ/dV, as in `lirich.cycling.peaks`."""
TOUCHED = 0.25
"""A feature is touched where the component changes dQ/dV by at least this share of its largest change anywhere."""
_LOBE = 0.05  # of the largest loading: smaller swings are no change of sign


def features(learned: StateMap) -> pl.DataFrame:
    """Return the peaks and valleys of the mean curve's dQ/dV: ``feature``, ``voltage_v``, ``dqdv_mah_g_v``.

    Raises `InputError` for a map of V(Q), which has no voltage axis.
    """
    mean = _slope(learned, learned.mean_)
    highest = float(np.nanmax(mean))
    rows = []
    for name, sign in (("peak", 1.0), ("valley", -1.0)):
        at, _ = find_peaks(np.nan_to_num(sign * mean, nan=-np.inf), prominence=PROMINENT * highest)
        rows += [{"feature": name, "voltage_v": float(learned.grid_[i]), "dqdv_mah_g_v": float(mean[i])} for i in at]
    schema = {"feature": pl.String, "voltage_v": pl.Float64, "dqdv_mah_g_v": pl.Float64}
    return pl.DataFrame(rows, schema=schema).sort("voltage_v")


def describe(learned: StateMap) -> pl.DataFrame:
    """Return a row per component: what it does to the curve.

    Columns: ``component``; ``share`` of the variance; ``spread`` (RMS that one standard deviation of its score adds to
    a curve, in its unit); ``extreme_at`` (V, where that is largest) and ``extreme`` (how much there); ``crosses_at``
    (V, where it changes sign: it moves capacity from one side to the other; empty for a component of one sign).
    """
    rows = []
    for number, loading in enumerate(learned.components_):
        shown = loading * float(np.sqrt(learned.explained_variance_[number]))
        most = int(np.argmax(np.abs(shown)))
        rows.append(
            {
                "component": number + 1,
                "share": float(learned.explained_variance_ratio_[number]),
                "spread": float(learned.score_spread_[number]),
                "extreme_at": float(learned.grid_[most]),
                "extreme": float(shown[most]),
                "crosses_at": _crossings(learned.grid_, shown),
            }
        )
    return pl.DataFrame(rows)


def touched(learned: StateMap) -> pl.DataFrame:
    """Return which features of dQ/dV each component touches: a row per component and feature.

    Columns: ``component``, ``feature``, ``voltage_v``, ``change`` (of dQ/dV there by one standard deviation of the
    score, mAh/g/V), ``relative`` (to the mean dQ/dV there), ``touched`` (see `TOUCHED`). Raises `InputError` for V(Q).
    """
    there = features(learned)
    rows = []
    for number, loading in enumerate(learned.components_):
        change = _slope(learned, loading * float(np.sqrt(learned.explained_variance_[number])))
        largest = float(np.nanmax(np.abs(change)))
        for feature, voltage, mean in there.iter_rows():
            here = float(np.interp(voltage, learned.grid_, change))
            rows.append(
                {
                    "component": number + 1,
                    "feature": feature,
                    "voltage_v": voltage,
                    "change": here,
                    "relative": here / mean if mean else 0.0,
                    "touched": abs(here) >= TOUCHED * largest,
                }
            )
    schema = {
        "component": pl.Int64, "feature": pl.String, "voltage_v": pl.Float64, "change": pl.Float64,
        "relative": pl.Float64, "touched": pl.Boolean,
    }  # fmt: skip
    return pl.DataFrame(rows, schema=schema)


def from_loadings(
    voltage_v: Array,
    mean: Array,
    loadings: Array,
    *,
    spread: Sequence[float],
    noise: float,
    grid: Array | None = None,
    direction: Direction = "charge",
) -> StateMap:
    """Return a map of published loadings of Q(V).

    Scores scale with √points, so a map is moved to another grid by the shapes of its loadings alone. What is read off
    a figure is not quite orthonormal: each loading is cleared of those before it, so that the first k span what they
    spanned.

    Parameters
    ----------
    voltage_v, mean, loadings:
        Shape (p,), V, ascending; (p,), mAh/g; (k, p), of any length.
    spread:
        Standard deviation of each score per point, k of them, mAh/g (see `StateMap.score_spread_`).
    noise:
        Standard deviation of what the loadings do not show, mAh/g.
    grid:
        Shape (m,), V; by default *voltage_v*.

    Raises `InputError` where shapes do not fit, a number is none, or the grid leaves the published range.
    """
    at = np.asarray(voltage_v if grid is None else grid, dtype=np.float64)
    k = len(loadings)
    if loadings.shape != (k, len(voltage_v)) or len(mean) != len(voltage_v) or len(spread) != k or len(at) <= k:
        raise InputError("Loadings, mean, voltages and spread of different length", expected="one spread per loading")
    numbers = (voltage_v, mean, loadings, at, np.asarray(spread))
    if not all(np.isfinite(x).all() for x in numbers) or noise <= 0 or min(spread) <= 0:
        raise InputError("Loadings with numbers that are none", expected="finite, spread and noise positive")
    if at[0] < voltage_v[0] - 1e-9 or at[-1] > voltage_v[-1] + 1e-9 or (np.diff(voltage_v) <= 0).any():
        raise InputError(
            f"A grid from {at[0]:g} to {at[-1]:g} V", expected=f"inside {voltage_v[0]:g} to {voltage_v[-1]:g} V"
        )
    rows = np.array([np.interp(at, voltage_v, loading) for loading in loadings])
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    ortho, corner = qr((rows / length).T, mode="economic")
    learned = StateMap(k)
    learned.components_ = np.ascontiguousarray(ortho.T * np.sign(np.diag(corner))[:, None])
    learned.mean_ = np.interp(at, voltage_v, mean)
    m = len(at)
    learned.noise_variance_ = noise**2
    learned.explained_variance_ = m * np.asarray(spread, dtype=np.float64) ** 2 + noise**2
    learned.total_variance_ = float(learned.explained_variance_.sum()) + (m - k) * noise**2
    learned.explained_variance_ratio_ = learned.explained_variance_ / learned.total_variance_
    learned.grid_, learned.kind_, learned.direction_ = at.copy(), "Q(V)", direction
    learned.n_curves_, learned.angle_bound_, learned.passes_ = 0, float("nan"), 0
    return learned


def compare_maps(a: StateMap, b: StateMap) -> pl.DataFrame:
    """Return how alike two maps are, over the voltages that both have: a row per component of *a*.

    Columns: ``component`` of *a*; ``nearest`` component of *b* and ``cosine`` between the two shapes; ``shown`` (share
    of the component's square that all components of *b* together show); ``angle_degrees`` (principal angles of the two
    spaces, ascending, one per row as far as there are). Grids may differ.

    Raises `InputError` for maps of other kinds or directions, `NotEnoughDataError` where the grids share no range.
    """
    if (a.kind_, a.direction_) != (b.kind_, b.direction_):
        raise InputError(
            f"A map of {a.kind_}, {a.direction_}, beside one of {b.kind_}, {b.direction_}", expected="maps of one kind"
        )
    low, high = max(a.grid_[0], b.grid_[0]), min(a.grid_[-1], b.grid_[-1])
    m = max(len(a.grid_), len(b.grid_))
    k = max(len(a.components_), len(b.components_))
    if high <= low or m <= k:
        raise NotEnoughDataError("Two maps without a common range of their grids", expected="grids that overlap")
    at = np.linspace(low, high, m)
    ours = np.array([np.interp(at, a.grid_, row) for row in a.components_])
    theirs = np.array([np.interp(at, b.grid_, row) for row in b.components_])
    ours /= np.linalg.norm(ours, axis=1, keepdims=True)
    theirs /= np.linalg.norm(theirs, axis=1, keepdims=True)
    cosine = ours @ theirs.T
    left, length, _ = svd(theirs.T, full_matrices=False)
    shown = np.sum((ours @ left[:, length > 1e-9 * length[0]]) ** 2, axis=1)
    angles = np.degrees(principal_angles(ours, theirs))
    nearest = np.argmax(np.abs(cosine), axis=1)
    return pl.DataFrame(
        {
            "component": np.arange(1, len(ours) + 1),
            "nearest": nearest + 1,
            "cosine": cosine[np.arange(len(ours)), nearest],
            "shown": shown,
            "angle_degrees": [float(angles[i]) if i < len(angles) else None for i in range(len(ours))],
        }
    )


def _slope(learned: StateMap, curve: Array) -> Array:
    if learned.kind_ == "V(Q)":
        raise InputError("Features of dQ/dV of a map of V(Q)", expected="a map of Q(V) or dQ/dV")
    if learned.kind_ == "dQ/dV":
        return curve
    step = float(learned.grid_[1] - learned.grid_[0])
    sign = 1.0 if learned.direction_ == "charge" else -1.0
    return np.asarray(sign * slope_of(curve[None], step)[0], dtype=np.float64)


def _crossings(grid: Array, shown: Array) -> list[float]:
    """Return where a curve changes sign for good, V: between swings of at least `_LOBE` of its largest value."""
    large = np.flatnonzero(np.abs(shown) >= _LOBE * np.abs(shown).max())
    turn = np.flatnonzero(np.diff(np.sign(shown[large])) != 0)
    found = []
    for left, right in zip(large[turn], large[turn + 1], strict=True):
        part = slice(left, right + 1)
        order = np.argsort(shown[part])
        found.append(float(np.interp(0.0, shown[part][order], grid[part][order])))
    return found

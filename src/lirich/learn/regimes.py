"""The way of a cell over the map, and the cycles at which it turns.

A life is a line through the scores over the cycle number; a regime is a stretch in which it is straight. Continuous
lines of 0, 1, 2 … bends are fitted to all scores at once (each in units of its own scatter around the fit of most
bends), bends placed where the squares are least. One more bend is believed only where Schwarz's criterion falls by more
than `BELIEVED` (Kass and Raftery, J. Am. Stat. Assoc. 90 (1995) 773, doi:10.1080/01621459.1995.10476572: above 10 is
very strong evidence), and bends are believed at all only where no smooth curve does better by the same criterion: a
polynomial of degree 2 up to that of as many turns. A way that curves evenly has no cycle at which a regime changes,
however many straight pieces come nearer to it than one. Scatter that carries over from cycle to cycle makes bends of
nothing: the number of cycles that the criterion counts is n(1 − ρ)/(1 + ρ), ρ the correlation of neighbouring
residuals, as for a first-order process.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from lirich.errors import InputError, MissingColumnError, NotEnoughDataError
from lirich.learn.matrix import Array

BELIEVED = 10.0
LEAST_BETWEEN = 5
"""Cycles that lie at least before the first bend, after the last, and between two."""
MOST_BENDS = 3
LEAST_TURN = 0.10
"""Change of the slope, over the mean speed, below which there is no bend."""


@dataclass(frozen=True, slots=True, eq=False)
class Bend:
    """Where a cell turns.

    ``cycle`` at which it does, between ``low`` and ``high`` (where the criterion is within 3.84 of its best: 95 %
    by the likelihood ratio for one parameter); ``before`` and ``after`` are the slopes of the scores, per cycle, shape
    (d,); ``turn_degrees`` is the angle between them, ``gain`` how much the criterion would rise without this bend.
    """

    cycle: float
    low: float
    high: float
    before: Array
    after: Array
    turn_degrees: float
    gain: float


@dataclass(frozen=True, slots=True, eq=False)
class Trajectory:
    """The way of one cell: ``cycle`` (n,), ``scores`` (n, d), the fitted line ``fitted`` (n, d), and its bends.

    ``correlation`` is that of neighbouring residuals, ``criterion`` that of 0, 1, 2 … bends, ``smooth`` the least of a
    smooth curve. A way is ``curved`` where bends are more likely than a straight line, and a smooth curve than bends:
    ``fitted`` is that curve then.
    """

    cycle: Array
    scores: Array
    fitted: Array
    bends: tuple[Bend, ...]
    correlation: float
    criterion: tuple[float, ...]
    smooth: float
    curved: bool


def trajectory(cycle: Array, scores: Array, most: int = MOST_BENDS) -> Trajectory:
    """Return the way of a cell and where it bends.

    *cycle* has shape (n,), in any order, each once; *scores* shape (n, d), of like cycles (rates that change make
    bends). Raises `NotEnoughDataError` for fewer than 3 · `LEAST_BETWEEN` cycles, `InputError` for what is no number
    or a cycle that is there twice.
    """
    order = np.argsort(cycle)
    t, y = np.asarray(cycle, dtype=np.float64)[order], np.asarray(scores, dtype=np.float64)[order]
    if y.ndim != 2 or len(t) != len(y) or not (np.isfinite(t).all() and np.isfinite(y).all()):
        raise InputError("Scores that do not fit the cycles, or are no numbers", expected="finite, one row per cycle")
    if len(t) < 3 * LEAST_BETWEEN:
        raise NotEnoughDataError(f"{len(t)} cycles: too few to tell regimes", expected=f"at least {3 * LEAST_BETWEEN}")
    if (np.diff(t) <= 0).any():
        raise InputError("A cycle that is there twice", expected="each cycle once")
    most = min(most, len(t) // LEAST_BETWEEN - 2)
    residual = y - _line(t, y, _placed(t, y, most))
    scatter = _scatter(residual, y)
    scaled = y / scatter
    rho = _correlation(residual / scatter)
    effective = max(len(t) * (1.0 - rho) / (1.0 + rho), 2.0)
    knots = [_placed(t, scaled, count) for count in range(most + 1)]
    criterion = [_criterion_of_bends(t, scaled, k, effective) for k in knots]
    best = 0
    for count in range(1, most + 1):
        if criterion[best] - criterion[count] > BELIEVED and _turns(t, scaled, knots[count]):
            best = count
    curves = [_polynomial(t, scaled, degree) for degree in range(2, most + 2)]
    smooth = [_criterion(scaled, curve, (i + 3) * scaled.shape[1], effective) for i, curve in enumerate(curves)]
    if best and min(smooth) < criterion[best]:
        fitted = curves[int(np.argmin(smooth))] * scatter
        return Trajectory(t, y, fitted, (), rho, tuple(criterion), min(smooth), curved=True)
    chosen = knots[best]
    bends = tuple(_bend(t, y, scaled, chosen, number, effective) for number in range(best))
    return Trajectory(t, y, _line(t, y, chosen), bends, rho, tuple(criterion), min(smooth), curved=False)


def cell_regimes(scores: pl.DataFrame, columns: Sequence[str] = ("pc1", "pc2")) -> pl.DataFrame:
    """Return where the cells of a map bend: a row per bend, and one for each cell without.

    *scores* is what `StateMap.scores` gives, of like cycles. Columns: ``cell``, ``cycles`` (how many), ``bend`` (its
    cycle, null where there is none), ``low``, ``high``, ``turn_degrees``, ``gain`` (see `Bend`) and ``why_not`` (of a
    cell that cannot be told, else null). Raises `MissingColumnError` where a column is missing.
    """
    missing = [name for name in ("cell", "cycle", *columns) if name not in scores.columns]
    if missing:
        raise MissingColumnError(f"The scores have no {', '.join(missing)}")
    rows: list[dict[str, object]] = []
    for (cell,), part in scores.group_by("cell", maintain_order=True):
        told: dict[str, object] = {"cell": cell, "cycles": part.height}
        try:
            way = trajectory(part["cycle"].to_numpy(), part.select(columns).to_numpy())
        except (NotEnoughDataError, InputError) as error:
            rows.append({**told, "why_not": error.found})
            continue
        rows += [
            {**told, "bend": b.cycle, "low": b.low, "high": b.high, "turn_degrees": b.turn_degrees, "gain": b.gain}
            for b in way.bends
        ] or [told]
    numbers = dict.fromkeys(("bend", "low", "high", "turn_degrees", "gain"), pl.Float64)
    return pl.DataFrame(rows, schema={"cell": pl.String, "cycles": pl.Int64, **numbers, "why_not": pl.String})


def _design(t: Array, knots: tuple[int, ...]) -> Array:
    return np.column_stack([np.ones(len(t)), t - t[0], *(np.maximum(t - t[k], 0.0) for k in knots)])


def _line(t: Array, y: Array, knots: tuple[int, ...]) -> Array:
    design = _design(t, knots)
    return np.asarray(design @ np.linalg.lstsq(design, y, rcond=None)[0], dtype=np.float64)


def _best(t: Array, y: Array, knots: tuple[int, ...]) -> int | None:
    """Return the row at which one more bend beside *knots* leaves the least squares, or ``None`` without room."""
    free = _allowed(len(t), knots)
    if not free:
        return None
    design = np.linalg.qr(_design(t, knots))[0]
    bends = np.maximum(t[:, None] - t[free], 0.0)
    bends -= design @ (design.T @ bends)
    rest = y - design @ (design.T @ y)
    gain = np.sum((bends.T @ rest) ** 2, axis=1) / np.maximum(np.sum(bends**2, axis=0), 1e-300)
    return free[int(np.argmax(gain))]


def _placed(t: Array, y: Array, count: int) -> tuple[int, ...]:
    """Return the rows at which *count* bends leave the least squares: one after the other, then each moved again."""
    knots: tuple[int, ...] = ()
    for _ in range(count):
        if (found := _best(t, y, knots)) is not None:
            knots = tuple(sorted((*knots, found)))
    for _ in range(3 if count > 1 else 0):
        before = knots
        for number in range(len(knots)):
            others = (*knots[:number], *knots[number + 1 :])
            if (found := _best(t, y, others)) is not None:
                knots = tuple(sorted((*others, found)))
        if knots == before:
            break
    return knots


def _allowed(n: int, taken: tuple[int, ...]) -> list[int]:
    inside = range(LEAST_BETWEEN, n - LEAST_BETWEEN)
    return [k for k in inside if all(abs(k - other) >= LEAST_BETWEEN for other in taken)]


def _scatter(residual: Array, y: Array) -> Array:
    """Return the scatter of each score, no less than rounding, shape (d,)."""
    least = 1e-9 * max(float(np.abs(y).max()), 1e-300)
    return np.asarray(np.maximum(np.sqrt(np.mean(residual**2, axis=0)), least), dtype=np.float64)


def _correlation(residual: Array) -> float:
    """Return the correlation of neighbouring residuals, none where it is negative."""
    total = float(np.sum(residual**2))
    found = float(np.sum(residual[1:] * residual[:-1])) / total if total > 0 else 0.0
    # a fit of few points takes about 1/n of correlation with it: Kendall, Biometrika 41 (1954) 403
    return float(np.clip(found + (1.0 + 4.0 * max(found, 0.0)) / len(residual), 0.0, 0.95))


def _polynomial(t: Array, y: Array, degree: int) -> Array:
    """Return the polynomial that leaves the least squares, shape (n, d)."""
    basis = np.polynomial.legendre.legvander(2.0 * (t - t[0]) / (t[-1] - t[0]) - 1.0, degree)
    return np.asarray(basis @ np.linalg.lstsq(basis, y, rcond=None)[0], dtype=np.float64)


def _criterion_of_bends(t: Array, scaled: Array, knots: tuple[int, ...], effective: float) -> float:
    """Return Schwarz's criterion of a line with bends at *knots*; each has a place and a change of every slope."""
    d = scaled.shape[1]
    return _criterion(scaled, _line(t, scaled, knots), 2 * d + len(knots) * (d + 1), effective)


def _criterion(scaled: Array, fitted: Array, free: int, effective: float) -> float:
    """Return Schwarz's criterion of a fit with *free* numbers."""
    n = len(scaled)
    squares = np.maximum(np.sum((scaled - fitted) ** 2, axis=0), 1e-12 * n)
    return float(effective * np.sum(np.log(squares / n)) + free * np.log(effective))


def _slopes(t: Array, y: Array, knots: tuple[int, ...]) -> Array:
    return np.cumsum(np.linalg.lstsq(_design(t, knots), y, rcond=None)[0][1:], axis=0)


def _turns(t: Array, scaled: Array, knots: tuple[int, ...]) -> bool:
    slopes = _slopes(t, scaled, knots)
    speed = np.linalg.norm(slopes, axis=1)
    change = np.linalg.norm(np.diff(slopes, axis=0), axis=1)
    return bool((change > LEAST_TURN * max(float(speed.mean()), 1e-300)).all())


def _bend(t: Array, y: Array, scaled: Array, knots: tuple[int, ...], number: int, effective: float) -> Bend:
    slopes, turning = _slopes(t, y, knots), _slopes(t, scaled, knots)
    a, b = turning[number], turning[number + 1]
    cosine = float(a @ b) / max(float(np.linalg.norm(a) * np.linalg.norm(b)), 1e-300)
    others = (*knots[:number], *knots[number + 1 :])
    best = _criterion_of_bends(t, scaled, knots, effective)
    gain = _criterion_of_bends(t, scaled, others, effective) - best
    near = [
        k
        for k in _allowed(len(t), others)
        if _criterion_of_bends(t, scaled, tuple(sorted((*others, k))), effective) - best <= 3.84
    ]
    turn = float(np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0))))
    row = knots[number]
    return Bend(float(t[row]), float(t[min(near)]), float(t[max(near)]), slopes[number], slopes[number + 1], turn, gain)

"""Ranking: a score with its interval, ranks, the Pareto front, and how sure each of them is.

Score of a candidate: the weighted mean of its improvements over the reference (the undoped host, the bare cathode),
each in units of the spread of that quantity among the candidates. The reference scores 0; 1 is one spread better. All
that is said of certainty comes from drawing every figure from its interval, the same draws for scores, ranks and front.
An interval that is longer to one side than to the other is drawn as two halves of normal distributions.
A figure without an interval is drawn with the widest interval that another candidate has for that quantity: one result
alone does not look surer than three. Quantities that spread over decades are compared and drawn as log10.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log10
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from lirich.errors import InputError, NotEnoughDataError
from lirich.quantities import QUANTITIES
from lirich.screening.candidate import LEVEL, Z_OF_LEVEL, Candidate, Estimate

Array = NDArray[np.float64]
Better = Literal["higher", "lower"]

DRAWS = 4000
"""Draws of the figures; the standard error of a share near one half is then below 1 %."""
_MAD_TO_SD = 1.4826
"""A normal distribution's standard deviation over its median absolute deviation."""


@dataclass(frozen=True)
class Ranked:
    """A candidate's place.

    ``contributions`` are the parts of the score by quantity. ``score_low`` and ``score_high`` are the ends of the
    `LEVEL` interval, ``rank_low`` and ``rank_high`` those of the rank; ``first_share`` and ``front_share`` the shares
    of draws in which it is first, and on the Pareto front. ``unsure`` names the quantities without an interval.
    """

    name: str
    rank: int
    score: float
    score_low: float
    score_high: float
    rank_low: int
    rank_high: int
    first_share: float
    on_front: bool
    front_share: float
    contributions: Mapping[str, float]
    unsure: tuple[str, ...]

    @property
    def has_interval(self) -> bool:
        """Whether anything is known of how sure the place is: not where no candidate's figures have intervals."""
        return not self.unsure or self.score_low < self.score_high


@dataclass(frozen=True)
class Ranking:
    """All places, best first, and what they rest on.

    ``scales`` are the spreads that improvements are measured in, ``left_out`` the candidates without a figure that
    the score needs, each with what it lacks.
    """

    places: tuple[Ranked, ...]
    weights: Mapping[str, float]
    scales: Mapping[str, float]
    left_out: Mapping[str, tuple[str, ...]]

    @property
    def order(self) -> list[str]:
        """The names, best first."""
        return [place.name for place in self.places]


def rank(
    candidates: Sequence[Candidate],
    weights: Mapping[str, float],
    *,
    reference: Mapping[str, float] | None = None,
    better: Mapping[str, Better] | None = None,
    seed: int = 0,
) -> Ranking:
    """Rank candidates by their weighted improvements.

    Parameters
    ----------
    candidates:
        Those that came through the funnel.
    weights:
        Weight of each quantity, positive. Quantities must have a better direction (`lirich.quantities`); a negative
        weight turns it round.
    reference:
        Value of each quantity for what is to be improved on, 0 where it is not named (differences to the host are 0; of
        a quantity over decades 1 in its unit).
    better:
        Direction that is an improvement, for quantities whose direction depends on what they are used for.
    seed:
        Of the draws.

    Raises
    ------
    InputError
        If no weight is given, a quantity has no better direction, or one over decades is not positive.
    NotEnoughDataError
        If no candidate has all figures that the score needs.
    """
    if not any(weights.values()):
        raise InputError("A ranking without weights", expected="a weight for one quantity at least")
    keys = list(weights)
    turn = np.array([turn_of(key, better) for key in keys])
    left_out = {
        c.name: tuple(key for key in weights if key not in c.figures)
        for c in candidates
        if any(key not in c.figures for key in weights)
    }
    whole = [c for c in candidates if c.name not in left_out]
    if not whole:
        raise NotEnoughDataError(
            f"None of {len(candidates)} candidates has all of {', '.join(weights)}",
            expected="one candidate with every weighted quantity",
            advice="See what is missing of each, or weigh other quantities",
        )
    base = np.array([on_scale(key, reference[key]) if reference and key in reference else 0.0 for key in keys])
    values = np.array([[on_scale(key, c.figures[key].value) for key in keys] for c in whole])
    down, up = (np.array([_deviations(key, [c.figures[key] for c in whole], end) for key in keys]).T for end in (-1, 1))
    gains = (values - base) * turn
    scales = np.array([_spread(gains[:, k], (down[:, k] + up[:, k]) / 2) for k in range(len(keys))])
    share = np.array([weights[key] for key in keys]) / sum(abs(w) for w in weights.values())

    def scores(of: Array) -> Array:
        return np.asarray((of / scales) @ share)

    rng = np.random.default_rng(seed)
    noise = rng.standard_normal((DRAWS, *gains.shape)) * turn
    drawn = gains + turn * noise * np.where(noise < 0, down, up)
    drawn_scores = scores(drawn)
    drawn_ranks = np.array([1 + len(whole) - np.searchsorted(np.sort(s), s, side="right") for s in drawn_scores])
    facing = gains * np.sign(share)
    fronts = np.array([pareto_front(each) for each in (drawn * np.sign(share))[: DRAWS // 8]])
    front = pareto_front(facing)
    final = scores(gains)
    tail = (1 - LEVEL) / 2
    places = []
    for place, i in enumerate(np.argsort(-final, kind="stable"), start=1):
        low, high = np.quantile(drawn_scores[:, i], [tail, 1 - tail])
        rank_low, rank_high = np.quantile(drawn_ranks[:, i], [tail, 1 - tail], method="nearest")
        places.append(
            Ranked(
                name=whole[i].name,
                rank=place,
                score=float(final[i]),
                score_low=float(min(low, final[i])),
                score_high=float(max(high, final[i])),
                rank_low=int(rank_low),
                rank_high=int(rank_high),
                first_share=float((drawn_ranks[:, i] == 1).mean()),
                on_front=bool(front[i]),
                front_share=float(fronts[:, i].mean()),
                contributions={k: float(v) for k, v in zip(keys, gains[i] / scales * share, strict=True)},
                unsure=tuple(key for key in keys if whole[i].figures[key].low is None),
            )
        )
    return Ranking(tuple(places), dict(weights), dict(zip(keys, map(float, scales), strict=True)), left_out)


def pareto_front(better: Array) -> NDArray[np.bool_]:
    """Return which rows no other row beats: shape (candidates, quantities) in, larger is better.

    A row is beaten by one that is nowhere worse and somewhere better; equal rows do not beat each other.
    """
    nowhere_worse = (better[:, None, :] >= better[None, :, :]).all(axis=2)
    somewhere_better = (better[:, None, :] > better[None, :, :]).any(axis=2)
    return np.asarray(~(nowhere_worse & somewhere_better).any(axis=0))


def on_scale(key: str, value: float) -> float:
    """Return a value on the scale on which its quantity is compared: itself, or log10 of one over decades.

    Raises `InputError` for a value over decades that is not positive.
    """
    if not QUANTITIES[key].decades:
        return value
    if value <= 0:
        raise InputError(f"{QUANTITIES[key].name} of {value:g}", expected="more than 0: it is compared by ratios")
    return log10(value)


def turn_of(key: str, better: Mapping[str, Better] | None = None) -> float:
    """Return 1 where more of a quantity is better, −1 where less is: what *better* says, else the vocabulary.

    Raises `InputError` where neither says it.
    """
    known = QUANTITIES.get(key)
    direction = (better or {}).get(key) or (known.better if known is not None else None)
    if known is None or direction is None:
        raise InputError(
            f"{key} cannot be weighed: " + ("no such quantity" if known is None else "neither more nor less is better"),
            expected="a quantity with a better direction",
        )
    return 1.0 if direction == "higher" else -1.0


def _deviations(key: str, figures: Sequence[Estimate], end: int) -> list[float]:
    """Return the standard deviation towards the lower (−1) or the upper (+1) end, on the scale of the quantity.

    An interval may end at the value itself, as that of an energy that cannot be above 0.
    """
    ends = [
        None if f.low is None or f.high is None else [on_scale(key, x) for x in (f.low, f.value, f.high)]
        for f in figures
    ]
    widest = max(((e[2] - e[0]) / (2 * Z_OF_LEVEL) for e in ends if e is not None), default=0.0)
    sides = [None if e is None else (e[2] - e[1] if end > 0 else e[1] - e[0]) / Z_OF_LEVEL for e in ends]
    return [widest if side is None else side for side in sides]


def _spread(values: Array, errors: Array) -> float:
    """Return a robust spread: the median absolute deviation as a standard deviation, the plain one, or 1.

    It is no smaller than the root mean square of *errors*, standard deviations of shape (n,): where most candidates are
    alike, as coatings that do nothing to a cathode, a difference that is all error would decide the rank.
    """
    robust = _MAD_TO_SD * float(np.median(np.abs(values - np.median(values))))
    return max(robust or float(values.std()), float(np.sqrt(np.mean(errors**2)))) or 1.0

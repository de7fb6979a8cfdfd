"""What was learned from a screening, and what it says of dopants that nobody computed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from lirich.quantities import QUANTITIES
from lirich.screening.candidate import LEVEL, Estimate
from lirich.screening.study import Ion, Place
from lirich.workbench.screening.dopant_facts import element_words, facts_of

SCORE = "score"
FOR_INTERVAL = math.ceil(LEVEL / (1 - LEVEL) - 1e-9)
"""Dopants that an interval at `LEVEL` needs: of n errors on what was left out the ⌈(n+1)·level⌉-th smallest."""


@dataclass(frozen=True, slots=True)
class Learned:
    """How one figure is told of dopants that were left out; ``error`` and ``naive`` are in its unit.

    ``metal`` is the metal that leaves, of quantities that have one: each is learned on its own. ``better`` says whether
    it beats the mean of the others by more than the standard error of that, ``interval`` whether the dopants are enough
    for an interval at the level of the screening.
    """

    figure: str
    error: float
    naive: float
    groups: int
    better: bool
    interval: bool
    metal: str = ""

    @property
    def tells(self) -> bool:
        """Whether the surrogate does better than the mean of the others, with an interval."""
        return self.better and self.interval

    @property
    def name(self) -> str:
        """The figure in words."""
        if self.figure == SCORE:
            return "score"
        return QUANTITIES[self.figure].name + (f", {self.metal}" if self.metal else "")

    @property
    def words(self) -> str:
        """Say both errors, and what follows."""
        unit = "" if self.figure == SCORE else f" {QUANTITIES[self.figure].unit}"
        said = (
            f"{self.name}: error on {self.groups} dopants left out {self.error:.3g}{unit}, of the mean of the others "
            f"{self.naive:.3g}{unit}"
        )
        if not self.better:
            said += ": cannot tell"
        if not self.interval:
            said += f"; nothing is predicted, since a {LEVEL:.0%} interval needs {FOR_INTERVAL} dopants"
        return said


@dataclass(frozen=True, slots=True)
class Predicted:
    """A dopant that was not computed: its ion and place, figures that could be told, score where it could be.

    ``falls_at`` names the gate that its predicted figure does not reach.
    """

    ion: Ion
    figures: Mapping[str, Estimate]
    score: Estimate | None
    falls_at: str = ""

    @property
    def name(self) -> str:
        """``Mo in the TM layer``."""
        return f"{self.ion.element} {_WHERE[self.ion.places[0]]}"

    @property
    def element_words(self) -> str:
        """Toxicity and price of the element, which the score knows nothing of."""
        return element_words(self.ion.element)


_WHERE: Mapping[Place, str] = {
    "Li": "in the Li layer",
    "TM": "in the TM layer",
    "O": "on O",
    "tetrahedral": "tetrahedral",
}


@dataclass(frozen=True)
class ScreenPrediction:
    """What was learned from a screening.

    ``places`` are all sensible dopants that were not computed, the best predicted score first; ``following`` those to
    compute next, best first, and ``how`` says by what. ``why_not`` says why nothing could be learned.
    """

    learned: tuple[Learned, ...] = ()
    places: tuple[Predicted, ...] = ()
    following: tuple[Predicted, ...] = ()
    how: str = ""
    why_not: str = ""
    left_out: tuple[str, ...] = ()

    def of(self, figure: str, metal: str = "") -> Learned | None:
        """Return how a figure is told, of one metal where it has several, ``None`` where it could not be learned."""
        return next((each for each in self.learned if (each.figure, each.metal) == (figure, metal)), None)

    def to_dict(self) -> dict[str, object]:
        """Return it as JSON."""
        return {
            "why_not": self.why_not,
            "learned": [{**asdict(each), "tells": each.tells} for each in self.learned],
            "dopants": [_as_json(each) for each in self.places],
            "next": [each.name for each in self.following],
            "how": self.how,
        }

    @property
    def too_few(self) -> str:
        """Say how many dopants are missing before any is predicted; empty where they are enough."""
        score = self.of(SCORE)
        if score is None or score.interval:
            return ""
        return (
            f"No dopant is predicted yet: {score.groups} have a score, and a {LEVEL:.0%} interval needs {FOR_INTERVAL}."
            f" Compute {FOR_INTERVAL - score.groups} more, for instance those proposed, and ask again."
        )

    @property
    def tells(self) -> bool:
        """Whether the score of dopants that were not computed can be told."""
        score = self.of(SCORE)
        return score is not None and score.tells


def _as_json(place: Predicted) -> dict[str, object]:
    facts = facts_of(place.ion.element)
    return {
        "name": place.name,
        "element": place.ion.element,
        "charge": place.ion.charge,
        "place": place.ion.places[0],
        "score": None if place.score is None else place.score.model_dump(mode="json"),
        "figures": {key: each.model_dump(mode="json") for key, each in place.figures.items()},
        "falls_at": place.falls_at,
        "toxicity": facts.toxicity if facts is not None else None,
        "toxicity_of": facts.hazard_of if facts is not None else None,
        "price_usd_per_kg": facts.price_usd_per_kg if facts is not None else None,
    }

"""Where a dopant would rather stand: what the same ions cost with the dopant on another kind of site."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from statistics import fmean

from lirich.screening.candidate import Estimate
from lirich.screening.estimates import estimate
from lirich.screening.judged import Judged
from lirich.screening.reasons import figure_words

SITE = "dopant_site_energy_ev"


@dataclass(frozen=True, slots=True)
class SitePreference:
    """A dopant of a candidate on another site: eV over the site that it was put on, over orderings and calculators.

    ``estimate`` is ``None`` where no cell gave a number; ``why`` says of each such cell what became of it.
    """

    candidate: str
    where: str
    estimate: Estimate | None
    why: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        """Say it in a line: ``Mg+Nb: Mg in the Li layer −0.3 (−0.4 … −0.2) eV: rather there``."""
        energy = "no energy" if self.estimate is None else figure_words(SITE, self.estimate)
        return f"{self.candidate}: {self.where} {energy}: {self.verdict}"

    def to_dict(self) -> dict[str, object]:
        """Return it as JSON."""
        return {
            "candidate": self.candidate,
            "where": self.where,
            "energy_ev": None if self.estimate is None else self.estimate.model_dump(mode="json"),
            "verdict": self.verdict,
            "why": list(self.why),
        }

    @property
    def verdict(self) -> str:
        """What the interval allows to say: a single result says nothing."""
        if self.estimate is None:
            return "no energy"
        if self.estimate.low is None or self.estimate.high is None:
            return "cannot tell"
        if self.estimate.low > 0:
            return "at home where it was put"
        return "rather there" if self.estimate.high < 0 else "cannot tell"


def site_preferences(judged: Judged) -> list[SitePreference]:
    """Return the site energies of all candidates, each other site with its interval; nothing if none were asked for.

    Several cells of one ordering and calculator (other ways to be neutral) are averaged first; the interval is that of
    `lirich.screening.estimates.estimate`.
    """
    found = []
    for tried in judged.screened.tried:
        values: dict[str, dict[tuple[int, str], list[float]]] = defaultdict(lambda: defaultdict(list))
        doubts: dict[str, list[str]] = defaultdict(list)
        why: dict[str, dict[str, list[int]]] = defaultdict(dict)
        for reading in tried.readings:
            if reading.quantity != SITE:
                continue
            ordering = tried.cells[reading.cell].ordering
            at = values[reading.where]
            if reading.value is None:
                why[reading.where].setdefault(reading.why, []).append(ordering + 1)
                continue
            at[ordering, reading.calculator].append(reading.value)
            doubts[reading.where] += reading.doubts
        for where, runs in values.items():
            means = {run: fmean(numbers) for run, numbers in runs.items()}
            known = estimate(means, tuple(dict.fromkeys(doubts[where]))) if means else None
            lost = (f"{_orderings(of)}: {reason}" for reason, of in why[where].items())
            found.append(SitePreference(tried.name, where, known, tuple(lost)))
    return found


def _orderings(numbers: list[int]) -> str:
    """Say which: ``ordering 2``, ``orderings 1, 2 and 4``."""
    said = [str(n) for n in dict.fromkeys(numbers)]
    return f"ordering {said[0]}" if len(said) == 1 else f"orderings {', '.join(said[:-1])} and {said[-1]}"

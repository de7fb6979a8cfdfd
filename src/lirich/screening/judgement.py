"""The judgement of candidates of any kind: through the gates, then ranked, each with its reasons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from lirich.errors import NotEnoughDataError
from lirich.screening.asked import Asked
from lirich.screening.candidate import Candidate, Estimate
from lirich.screening.gates import Funnel, funnel
from lirich.screening.ranking import Ranked, Ranking, rank
from lirich.screening.reasons import table


@dataclass(frozen=True)
class Judgement:
    """Candidates with figures, the funnel, the ranking where there can be one (``no_ranking`` says why there is none).

    ``reference`` are the figures of what is to be improved on.
    """

    candidates: tuple[Candidate, ...]
    reference: Mapping[str, Estimate]
    funnel: Funnel
    ranking: Ranking | None
    no_ranking: str

    @cached_property
    def rows(self) -> list[tuple[Candidate, Mapping[str, object]]]:
        """Each candidate with ``rank``, ``score``, ``fell_at`` and ``reasons``, in the order of a report."""
        return table(self.candidates, self.funnel, self.ranking)

    @cached_property
    def _by_name(self) -> dict[str, Candidate]:
        return {c.name: c for c in self.candidates}

    @cached_property
    def _places(self) -> dict[str, Ranked]:
        return {} if self.ranking is None else {p.name: p for p in self.ranking.places}

    def candidate(self, name: str) -> Candidate:
        """Return the candidate of that name."""
        return self._by_name[name]

    def place(self, name: str) -> Ranked | None:
        """Return the place of a candidate, ``None`` where it has none."""
        return self._places.get(name)


def judge(candidates: Sequence[Candidate], asked: Asked, reference: Mapping[str, Estimate]) -> Judgement:
    """Send candidates through the gates of a study and rank those that come through by its weights."""
    passed = funnel(candidates, asked.gates)
    survivors = set(passed.survivors)
    through = [c for c in candidates if c.name in survivors]
    ranking, why = None, ""
    if through:
        try:
            ranking = rank(
                through,
                asked.weights,
                reference={k: e.value for k, e in reference.items()},
                better=asked.directions,
                seed=asked.seed,
            )
        except NotEnoughDataError as error:
            why = str(error)
    else:
        why = "no candidate came through the gates"
    return Judgement(tuple(candidates), reference, passed, ranking, why)

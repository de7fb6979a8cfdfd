"""The answer of the verb *screen*: table, funnel, literature, values, figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from lirich.model import Conditions, Finding, Interval, Origin, Provenance, Subject, Value
from lirich.model.format import format_signed, format_signed_span
from lirich.screening.candidate import LEVEL, Candidate, Estimate
from lirich.screening.efforts import effort_rows
from lirich.screening.judged import CHANGES, Judged
from lirich.screening.ranking import Ranked
from lirich.screening.screened import PER_METAL, Tried
from lirich.screening.sites import site_preferences
from lirich.screening.states import StateFigure, agreements, changes_by_state, figures_by_state
from lirich.workbench.screening.literature import Published
from lirich.workbench.screening.orderings import one_ordering
from lirich.workbench.screening.predict import predict
from lirich.workbench.screening.predicted import Predicted, ScreenPrediction
from lirich.workbench.screening.rows import candidate_rows

if TYPE_CHECKING:
    from lirich.plots import Figure

FLAG = "pre-filter"
"""The flag of every value of a screening (`lirich.model.flags`)."""


@dataclass(frozen=True)
class ScreenResult:
    """What a screening found. ``cached`` says that the whole study was kept from an earlier run."""

    judged: Judged
    literature: tuple[Published, ...]
    cached: bool = False

    @property
    def rows(self) -> list[tuple[Candidate, Mapping[str, Any]]]:
        """Each candidate with ``rank``, ``score``, ``fell_at`` and ``reasons``: ranked, unranked, fallen."""
        return self.judged.rows

    def place(self, name: str) -> Ranked | None:
        """Return the place of a candidate, ``None`` where it has none."""
        return self.judged.place(name)

    @cached_property
    def predicted(self) -> ScreenPrediction:
        """What the dopants that were not computed would do, as far as it can be told, and which to compute next."""
        return predict(self.judged)

    @property
    def answer(self) -> str:
        """Which candidate is first, and how surely, in words."""
        ranking = self.judged.ranking
        if ranking is None:
            return f"No ranking: {self.judged.no_ranking}"
        first, *others = ranking.places
        worse = " It is worse than the undoped material (score 0)." if first.score < 0 else ""
        if not first.has_interval:
            how = "how surely cannot be told: no interval"
            return f"{first.name} is first of {len(ranking.places)} ranked; {how}.{worse}"
        text = f"{first.name} is first of {len(ranking.places)} ranked: in {first.first_share:.0%} of the draws"
        rivals = [p.name for p in others if p.rank_low == 1]
        if rivals:
            text += f"; {', '.join(rivals)} may be first too"
        span = format_signed_span(first.score_low, first.score_high, decimals=2)
        return f"{text}. Score {format_signed(first.score, decimals=2)} ({span}).{worse}"

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What must be known before the ranking is believed."""
        screened = self.judged.screened
        found = [
            Finding(
                code=FLAG,
                severity="info",
                message="Computed with a universal potential: a pre-filter, not DFT; energies of defects, surfaces "
                "and barriers come out too low, so compare candidates with each other and with the undoped host only",
            )
        ]
        found += [
            Finding(code="candidate-failed", severity="warning", where=tried.name, message=why)
            for tried in (screened.host, *screened.tried)
            for why in tried.failures
        ]
        if self.judged.no_ranking:
            found.append(Finding(code="no-ranking", severity="warning", message=self.judged.no_ranking))
        one = one_ordering(screened.study, len({cell.ordering for cell in screened.host.cells}) or None)
        return (*found, one) if one is not None else tuple(found)

    @property
    def values(self) -> list[Value]:
        """The figures of all candidates, origin ``computed``, and those that could be told of others, ``predicted``.

        A computed one is of one state of charge and, of migrations, of one metal; the means that the score takes are in
        `to_dict`. A predicted one is of what the score takes: its conditions say so.
        """
        return [
            *(
                self._value(tried, figure)
                for tried in self.judged.screened.tried
                for figure in figures_by_state(self.judged, tried)
            ),
            *(
                self._predicted_value(place, key, figure)
                for place in self.predicted.places
                for key, figure in place.figures.items()
            ),
        ]

    def _predicted_value(self, place: Predicted, key: str, figure: Estimate) -> Value:
        screened, learned = self.judged.screened, self.predicted.of(key, figure.of)
        assert figure.low is not None
        assert figure.high is not None
        assert learned is not None
        study = screened.study
        host = study.host.formula or study.host.file or "a given crystal"
        return Value(
            quantity=key,
            value=figure.value,
            interval=Interval(
                low=figure.low, high=figure.high, level=LEVEL, method="errors on dopants left out (conformal)"
            ),
            subject=Subject(kind="material", key=f"{place.name} in {host}"[:200]),
            conditions=Conditions(
                method="Gaussian process on features of the dopant",
                other={
                    **self._averaged(key),
                    **({"decided_by": figure.of} if figure.of else {}),
                    "learned_from": learned.groups,
                    "left_out_rmse": round(learned.error, 4),
                    "left_out_rmse_of_mean": round(learned.naive, 4),
                },
            ),
            origin=Origin.PREDICTED,
            provenance=Provenance(
                code="lirich.atoms.surrogate",
                version=screened.lirich,
                parameters={"study": study.name, "study_hash": study.content_hash()},
            ),
            flags=(FLAG,),
        )

    def _averaged(self, key: str) -> dict[str, str | float]:
        """Return what the figure of a quantity that the score takes is taken over: states of charge, metals."""
        tried = self.judged.screened.tried
        found = [f for each in tried for f in figures_by_state(self.judged, each) if f.quantity == key]
        shares = sorted({f.lithium_removed for f in found})
        held: dict[str, str | float] = {"lithium_removed": shares[0]} if len(shares) == 1 else {}
        if len(shares) > 1:
            held["lithium_removed"] = "mean of " + ", ".join(f"{share:g}" for share in shares)
        if key in PER_METAL:
            held["metal"] = "lowest of " + ", ".join(sorted({f.metal for f in found if f.metal}))
        return held

    def _value(self, tried: Tried, at: StateFigure) -> Value:
        screened, key, figure = self.judged.screened, at.quantity, at.figure
        study = screened.study
        interval = None
        if figure.low is not None and figure.high is not None:
            how = "Student's t over orderings"
            if len(study.calculators) > 1:
                how += ", and over calculators (Welch and Satterthwaite)"
            interval = Interval(low=figure.low, high=figure.high, level=LEVEL, method=how)
        cell = tried.cells[0] if tried.cells else None
        host = study.host.formula or study.host.file or "a given crystal"
        return Value(
            quantity=key,
            value=figure.value,
            interval=interval,
            subject=Subject(kind="material", key=f"{tried.name} in {host}"[:200]),
            conditions=Conditions(
                method=", ".join(study.calculators),
                other={
                    "compensation": cell.compensation if cell else "",
                    "dopant_percent": cell.share_percent if cell else 0.0,
                    **at.conditions,
                    "results": figure.count,
                    **({"against": "the undoped cell of the same ordering"} if key in CHANGES else {}),
                },
            ),
            origin=Origin.COMPUTED,
            provenance=Provenance(
                code="lirich.screening",
                version=screened.lirich,
                parameters={
                    "study": study.name,
                    "study_hash": study.content_hash(),
                    "calculators": "; ".join(f"{name}: {version}" for name, version in screened.versions.items()),
                    "force_max_ev_a": study.relaxation.force_max_ev_a,
                },
            ),
            flags=(FLAG,),
            note="; ".join(figure.doubts),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return everything as JSON; ``screened`` is the whole computation, as `lirich.screening.screened` reads it."""
        judged, screened = self.judged, self.judged.screened
        return {
            "study": screened.study.name,
            "origin": "computed",
            "cached": self.cached,
            "seconds": screened.seconds,
            "jobs": screened.jobs,
            "funnel": [{"gate": words, "left": left} for words, left in judged.funnel.counts],
            "candidates": candidate_rows(judged),
            "reference": {key: figure.model_dump(mode="json") for key, figure in judged.reference.items()},
            "literature": [each.to_dict() for each in self.literature],
            "by_state": {
                tried.name: [each.to_dict() for each in figures_by_state(judged, tried)]
                for tried in (screened.host, *screened.tried)
            },
            "states": [each.to_dict() for each in changes_by_state(judged)],
            "agreement": [each.to_dict() for each in agreements(judged)],
            "effort": [row.to_dict() for row in effort_rows(screened)],
            "sites": [each.to_dict() for each in site_preferences(judged)],
            "predicted": self.predicted.to_dict(),
            "findings": [finding.model_dump(mode="json") for finding in self.findings],
            "screened": screened.model_dump(mode="json"),
        }

    @property
    def figures(self) -> list[Figure]:
        """The plots: periodic table, funnel, two descriptors against each other, the crystals."""
        from lirich.workbench.screening.figures import figures_of

        return figures_of(self)

"""The answer of the verb *screen coatings*: table, funnel, clusters, literature, values, the answer in words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from lirich.errors import CompositionError, LirichError
from lirich.interfaces.clusters import Clusters, pick_per_cluster
from lirich.interfaces.coverage import can_be_neutral
from lirich.interfaces.formulas import reduced
from lirich.model import Conditions, Finding, Interval, Origin, Provenance, Subject, Value
from lirich.screening.candidate import LEVEL, Candidate, Estimate
from lirich.screening.coatings import LAYERS
from lirich.screening.coatings_judged import CoatingsJudged
from lirich.screening.ranking import Ranked
from lirich.screening.solids_found import (
    ALONE,
    CATHODE,
    CATHODE_AT_VOLTAGE,
    ELECTROLYTE,
    ELECTROLYTE_AT_VOLTAGE,
    HULL,
    REDUCTION,
    STRAIN,
)
from lirich.workbench.screening.rows import candidate_rows

if TYPE_CHECKING:
    from lirich.plots import Figure

FLAG = "equilibrium"
"""The flag of every value of a screening of coatings (`lirich.model.flags`)."""
CLUSTERED_BY = (REDUCTION, ALONE, CATHODE, ELECTROLYTE)
"""Descriptors of the clusters: all of them are known of every ranked coating, or it is left out of the clusters."""
AT_VOLTAGE = (ALONE, CATHODE_AT_VOLTAGE, ELECTROLYTE_AT_VOLTAGE)


@dataclass(frozen=True)
class Beside:
    """A published value of a material with the same coating."""

    candidate: str
    value: Value

    @property
    def words(self) -> str:
        """Say the value, of what, and from whom."""
        v = self.value
        return f"{self.candidate}: {v.subject.key}: {v.quantity} {v.value:g} {v.unit} ({v.provenance.source})"


def beside(judged: CoatingsJudged, literature: Iterable[Value]) -> tuple[Beside, ...]:
    """Return the published values of materials whose name holds the formula of a coating of the screening."""
    layers: dict[str, list[str]] = {}
    for candidate in judged.candidates:
        for layer in candidate.name.split(LAYERS):
            layers.setdefault(layer, []).append(candidate.name)
    found = []
    for value in literature:
        if "coat" not in f"{value.subject.key} {value.note} {value.conditions.other}".casefold() and "/" not in (
            value.subject.key
        ):
            continue
        for formula in dict.fromkeys(_formulas(value.subject.key)):
            found += [Beside(name, value) for name in layers.get(formula, ())[:1]]
    return tuple(found)


def _formulas(text: str) -> list[str]:
    names = []
    for word in re.findall(r"(?:[A-Z][a-z]?[\d.]*){2,}", text):
        try:
            names.append(reduced(word))
        except CompositionError:
            continue
    return names


@dataclass(frozen=True)
class CoatingsResult:
    """What a screening of coatings found. ``cached`` says that the whole study was kept from an earlier run."""

    judged: CoatingsJudged
    literature: tuple[Beside, ...]
    cached: bool = False

    @property
    def rows(self) -> list[tuple[Candidate, Mapping[str, Any]]]:
        """Each candidate with ``rank``, ``score``, ``fell_at`` and ``reasons``: ranked, unranked, fallen."""
        return self.judged.rows

    def place(self, name: str) -> Ranked | None:
        """Return the place of a candidate, ``None`` where it has none."""
        return self.judged.place(name)

    @cached_property
    def clusters(self) -> Clusters | str:
        """The ranked coatings in groups that are unlike, with the pick of each; or why there are none."""
        ranking = self.judged.ranking
        places = [] if ranking is None else ranking.places
        whole = [p for p in places if all(key in self.judged.candidate(p.name).figures for key in CLUSTERED_BY)]
        figures = {
            key: np.array([self.judged.candidate(p.name).figures[key].value for p in whole]) for key in CLUSTERED_BY
        }
        try:
            return pick_per_cluster(
                [p.name for p in whole], figures, np.array([p.score for p in whole]), seed=self.judged.found.study.seed
            )
        except LirichError as error:
            return str(error)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What must be known before the ranking is believed."""
        found = self.judged.found
        said = [
            Finding(
                code=FLAG,
                severity="info",
                message="Equilibria of computed energies: what may happen and what drives it. Rates, electronic "
                "conductivity, adhesion and how a layer is made are not in it",
            )
        ]
        said += [
            Finding(code="candidate-failed", severity="warning", where=layer.formula, message=layer.failure)
            for layer in found.layers
            if layer.failure
        ]
        foreign = [
            layer.formula
            for layer in (*found.bare, *found.layers)
            if (layer in found.bare or layer.formula in found.named)
            and not (layer.failure or HULL in layer.figures)
            and not can_be_neutral(layer.formula)
        ]
        if not can_be_neutral(found.study.cathode):
            foreign.insert(0, found.study.cathode)
        if foreign:
            said.append(
                Finding(
                    code="not-neutral",
                    severity="warning",
                    message="No compound of the table, and not balanced by usual charges: " + ", ".join(foreign),
                    advice="Check the formula: what cannot be made is computed as the mixture that has its elements",
                )
            )
        if self.judged.no_ranking:
            said.append(Finding(code="no-ranking", severity="warning", message=self.judged.no_ranking))
        if isinstance(self.clusters, str):
            said.append(Finding(code="no-clusters", severity="info", message=f"No clusters: {self.clusters}"))
        return tuple(said)

    @property
    def kept(self) -> list[Candidate]:
        """The candidates whose values are stored: the ranked ones and those that the study names."""
        found = self.judged.found
        named = {*found.named, *(d.name for d in found.study.double_layers)}
        return [c for c in self.judged.candidates if c.name in named or self.place(c.name) is not None]

    @property
    def values(self) -> list[Value]:
        """The figures of the `kept` candidates as values of origin ``computed``."""
        return [self._value(c, key, figure) for c in self.kept for key, figure in c.figures.items()]

    def _value(self, candidate: Candidate, key: str, figure: Estimate) -> Value:
        found = self.judged.found
        study = found.study
        interval = None
        if figure.low is not None and figure.high is not None:
            how = f"{study.draws} draws of the energies; the worst contact"
            interval = Interval(low=figure.low, high=figure.high, level=LEVEL, method=how)
        where: dict[str, Any] = {"cathode": study.cathode, "electrolytes": ", ".join(study.electrolytes)}
        if key == STRAIN:
            where["facet"] = study.facet
        return Value(
            quantity=key,
            value=figure.value,
            interval=interval,
            subject=Subject(kind="material", key=f"{candidate.name} as a coating"[:200]),
            conditions=Conditions(
                voltage_v=study.voltage if key in AT_VOLTAGE else None,
                method=f"phase equilibria, energies: {found.energies}",
                other=where,
            ),
            origin=Origin.COMPUTED,
            provenance=Provenance(
                code="lirich.interfaces",
                version=found.lirich,
                parameters={"study": study.name, "study_hash": study.content_hash(), "energies": found.energies},
            ),
            flags=(FLAG,),
            note="; ".join(figure.doubts),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return everything as JSON; ``found`` is the whole computation (`lirich.screening.coatings_found`)."""
        judged, found, clusters = self.judged, self.judged.found, self.clusters
        return {
            "study": found.study.name,
            "origin": "computed",
            "cached": self.cached,
            "seconds": found.seconds,
            "answer": list(self.answer),
            "funnel": [{"gate": words, "left": left} for words, left in judged.funnel.counts],
            "candidates": candidate_rows(judged),
            "reference": {key: figure.model_dump(mode="json") for key, figure in judged.reference.items()},
            "clusters": {"note": clusters}
            if isinstance(clusters, str)
            else {
                "note": clusters.note,
                "silhouette": clusters.silhouette,
                "groups": [
                    {"pick": c.pick, "members": list(c.members), "centre": dict(c.centre)} for c in clusters.clusters
                ],
            },
            "literature": [
                {
                    "candidate": each.candidate,
                    "subject": each.value.subject.key,
                    "quantity": each.value.quantity,
                    "value": each.value.value,
                    "source": each.value.provenance.source,
                }
                for each in self.literature
            ],
            "findings": [finding.model_dump(mode="json") for finding in self.findings],
            "found": found.model_dump(mode="json"),
        }

    @property
    def answer(self) -> tuple[str, ...]:
        """The answer in words: which coating, why, what else, and why not the others."""
        from lirich.workbench.solids.coatings_answer import answer_of

        return answer_of(self)

    @property
    def figures(self) -> list[Figure]:
        """The plots of all sections of the page (`lirich.workbench.solids.coatings_figures`)."""
        from lirich.workbench.solids.coatings_figures import figures_by_section

        return [figure for figures in figures_by_section(self).values() for figure in figures]

"""The answer of a screening that rests on a table of figures: rows, groups, findings, values with their origins."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lirich import __version__
from lirich.errors import InputError
from lirich.model import Conditions, Finding, Interval, Origin, Provenance, Scalar, Subject, Value
from lirich.model.listing import name_some
from lirich.model.spreadsheet import write_csv
from lirich.quantities import QUANTITIES
from lirich.screening.asked import Asked
from lirich.screening.candidate import LEVEL, Candidate, Estimate
from lirich.screening.judgement import Judgement
from lirich.screening.ranking import Ranked
from lirich.workbench.screening.groups import Groups
from lirich.workbench.screening.rows import candidate_rows
from lirich.workbench.userfiles import unwritable

if TYPE_CHECKING:
    import polars as pl

    from lirich.store import Store

OUTPUTS = (".csv", ".json", ".parquet")
MOST_NEAR = 5
"""So many candidates are named that may be first too."""


@dataclass(frozen=True, slots=True)
class Told:
    """Where a figure is from: its origin, the source, how its interval was made, under what it holds."""

    origin: Origin
    source: str = ""
    interval: str = ""
    conditions: Mapping[str, Scalar] = field(default_factory=dict)
    flags: tuple[str, ...] = ()


@dataclass(frozen=True)
class ScreenAnswer:
    """What a screening found.

    ``kind`` is what was screened, ``told`` says of each figure where it is from, ``parameters`` what the computed ones
    rest on, ``files`` the SHA-256 of what was read, ``why`` are sentences about the first. ``cached`` says that all of
    it was kept from an earlier run.
    """

    kind: str
    study: Asked
    judgement: Judgement
    groups: Groups
    findings: tuple[Finding, ...]
    told: Callable[[str, str], Told]
    parameters: Mapping[str, Scalar] = field(default_factory=dict)
    files: tuple[str, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)
    why: tuple[str, ...] = ()
    seconds: float = 0.0
    cached: bool = False

    @property
    def rows(self) -> list[tuple[Candidate, Mapping[str, Any]]]:
        """Each candidate with ``rank``, ``score``, ``fell_at`` and ``reasons``: ranked, unranked, fallen."""
        return self.judgement.rows

    def place(self, name: str) -> Ranked | None:
        """Return the place of a candidate, ``None`` where it has none."""
        return self.judgement.place(name)

    @property
    def keys(self) -> list[str]:
        """The quantities that any candidate has a figure of, the weighted ones first."""
        there = dict.fromkeys(k for c in self.judgement.candidates for k in c.figures)
        return [*(k for k in self.study.weights if k in there), *(k for k in there if k not in self.study.weights)]

    @property
    def words(self) -> tuple[str, ...]:
        """The answer in sentences: who is first, how surely, why, and the pick of each group; or why nobody is."""
        ranking = self.judgement.ranking
        if ranking is None:
            return (f"Nobody is ranked: {self.judgement.no_ranking}.",)
        best, of = ranking.places[0], len(ranking.places)
        near = [p.name for p in ranking.places[1:] if p.rank_low == 1]
        told = (
            f", in {best.first_share:.0%} of the draws"
            if best.has_interval
            else "; how surely is not known, since no uncertainty is"
        )
        said = [f"{best.name} is first of {of} ranked{told}."]
        if near:
            said.append(f"It cannot be told from {name_some(near, MOST_NEAR)}.")
        said += self.why
        if self.groups.clusters and len(self.groups.clusters.clusters) > 1:
            said.append(f"To try unlike ones: {', '.join(self.groups.clusters.picks)}.")
        return tuple(said)

    @property
    def values(self) -> list[Value]:
        """The figures of all candidates as values, each with its origin."""
        return [
            self._value(candidate, key, figure)
            for candidate in self.judgement.candidates
            for key, figure in candidate.figures.items()
        ]

    def _value(self, candidate: Candidate, key: str, figure: Estimate) -> Value:
        told = self.told(candidate.name, key)
        interval = None
        if figure.low is not None and figure.high is not None:
            interval = Interval(low=figure.low, high=figure.high, level=LEVEL, method=told.interval or "as given")
        computed = told.origin is Origin.COMPUTED
        return Value(
            quantity=key,
            value=figure.value,
            interval=interval,
            subject=Subject(kind="material", key=candidate.name[:200]),
            conditions=Conditions(other={**told.conditions, "results": figure.count}),
            origin=told.origin,
            provenance=Provenance(
                files=self.files,
                source=told.source,
                code=f"lirich.screening.{self.kind}",
                version=__version__,
                parameters={
                    "study": self.study.name,
                    "study_hash": self.study.content_hash(),
                    **(self.parameters if computed else {}),
                },
            ),
            flags=told.flags,
            note="; ".join(figure.doubts),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return everything as JSON; each figure says its origin and source."""
        candidates = candidate_rows(self.judgement)
        for row in candidates:
            row["group"] = self.groups.of(row["name"])
            for key, figure in row["figures"].items():
                told = self.told(row["name"], key)
                figure |= {"origin": told.origin.value, "source": told.source, "unit": QUANTITIES[key].unit}
        return {
            "study": self.study.name,
            "screened": self.kind,
            "cached": self.cached,
            "seconds": self.seconds,
            "funnel": [{"gate": words, "left": left} for words, left in self.judgement.funnel.counts],
            "candidates": candidates,
            "reference": {k: figure.model_dump(mode="json") for k, figure in self.judgement.reference.items()},
            "groups": self.groups.to_dict(),
            "no_ranking": self.judgement.no_ranking,
            "answer": list(self.words),
            "findings": [finding.model_dump(mode="json") for finding in self.findings],
            **self.details,
        }

    def table(self) -> pl.DataFrame:
        """Return one row per candidate: place, reasons, and value and interval of each quantity in its unit."""
        import polars as pl

        keys, lines = self.keys, []
        for candidate, row in self.rows:
            line: dict[str, Any] = {
                "name": candidate.name,
                "rank": row["rank"],
                "score": row["score"],
                "fell_at": row["fell_at"],
                "group": self.groups.of(candidate.name),
                "reasons": "; ".join(row["reasons"]),
                "notes": "; ".join(candidate.notes),
            }
            for key in keys:
                figure = candidate.figures.get(key)
                line |= {
                    key: None if figure is None else figure.value,
                    f"{key}_low_90": None if figure is None else figure.low,
                    f"{key}_high_90": None if figure is None else figure.high,
                    f"{key}_origin": None if figure is None else self.told(candidate.name, key).origin.value,
                }
            lines.append(line)
        return pl.DataFrame(lines, infer_schema_length=None)


def keep_answer(store: Store, answer: ScreenAnswer) -> int:
    """Put the values of a screening into the workspace, in place of those of an earlier run; return how many."""
    values = answer.values
    store.put_values(values, source=f"screen {answer.kind}: {answer.study.name}")
    return len(values)


def write_answer(path: Path, answer: ScreenAnswer) -> Path:
    """Write the answer as a table (``.csv``, ``.parquet``) or whole (``.json``). Raises `InputError` for another."""
    suffix = path.suffix.lower()
    if suffix not in OUTPUTS:
        raise InputError(f"{path.name} has no form that lirich writes", expected=" or ".join(OUTPUTS))
    try:
        if suffix == ".json":
            path.write_text(json.dumps(answer.to_dict(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        elif suffix == ".csv":
            write_csv(answer.table(), path)
        else:
            answer.table().write_parquet(path)
    except OSError as error:
        raise unwritable(path, error) from error
    return path

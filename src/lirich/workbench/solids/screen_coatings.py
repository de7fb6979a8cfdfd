"""The verb *screen coatings*: what of many solids lets an electrolyte live with a cathode; computed, judged, kept."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from lirich import __version__
from lirich.compute import Progress, ResultCache, code_hash, open_executor, run_tasks
from lirich.errors import InputError, LirichError, OptionalDependencyError
from lirich.interfaces.cathode import states_of_charge
from lirich.interfaces.classes import compounds_of
from lirich.interfaces.embedded import NAME
from lirich.interfaces.formulas import reduced
from lirich.interfaces.matching import FACETS
from lirich.model import Value, canonical_json, content_hash
from lirich.screening.candidate import Candidate
from lirich.screening.coatings import CoatingStudy, DoubleLayer, Rule
from lirich.screening.coatings_found import OFFERED, CoatingsFound
from lirich.screening.coatings_judged import OF_INSIDE, OF_OUTSIDE, candidates_of, judged_coatings
from lirich.screening.gates import Gate, funnel
from lirich.screening.solids_found import ALONE, CATHODE, ELECTROLYTE, Joined, Layer
from lirich.store import Store
from lirich.workbench.refusals import refused
from lirich.workbench.screening.file import study_data
from lirich.workbench.solids.coating_jobs import coating_job
from lirich.workbench.solids.coatings_result import CoatingsResult, beside
from lirich.workbench.solids.interface import energies_digest, kept_reference
from lirich.workbench.solids.materials_project import kept_source

SHIPPED = ("coatings",)
"""The studies that come with lirich: ``lirich screen coatings coatings``."""
LEAST_GAIN_MEV = 1.0
"""meV/atom by which a second layer must react less: below it there is nothing to cover."""
NOTHING = Progress(0, 0, 0, 0, None)
_ADVICE = "docs/how-to/screen.md shows a study of coatings"


def read_coatings(path: Path) -> CoatingStudy:
    """Read a study from a YAML or TOML file, or one that comes with lirich by its name.

    Raises `InputError` and `SettingsError` with what is wrong where.
    """
    return make_coatings(study_data(path, SHIPPED, "a study of coatings")[0])


def make_coatings(data: Any) -> CoatingStudy:
    """Return a study from plain data. Raises `SettingsError` with the field that is wrong."""
    try:
        study = CoatingStudy.model_validate(data)
    except ValidationError as error:
        raise refused("study", error, _fields, advice=_ADVICE) from error
    for key in study.wanted:
        if key not in OFFERED:
            raise InputError(
                f"The study judges by {key}, which is not computed of coatings", expected="one of " + ", ".join(OFFERED)
            )
    if study.facet not in FACETS:
        raise InputError(f"The study has the facet {study.facet!r}", expected="one of " + ", ".join(FACETS))
    return study


def _fields(place: tuple[str, ...]) -> list[str]:
    kinds: dict[str, type[BaseModel]] = {"rules": Rule, "gates": Gate, "double_layers": DoubleLayer}
    return list((kinds.get(place[0], CoatingStudy) if place else CoatingStudy).model_fields)


def run_coatings(
    study: CoatingStudy,
    *,
    energies: str = NAME,
    cache: Path | None = None,
    executor: str = "processes",
    workers: int | None = None,
    progress: Callable[[Progress], None] | None = None,
    literature: Sequence[Value] | None = None,
) -> CoatingsResult:
    """Compute a study of coatings and judge it; a candidate that fails is a row with its reason.

    First all candidates are computed without error bars; those that come through the gates by their values, and those
    that the study names, are computed with `CoatingStudy.draws` of the energies.

    Parameters
    ----------
    energies:
        ``embedded``, ``mp`` (the Materials Project with the key in MP_API_KEY: its list is asked for once and kept in
        the cache), or a JSON file of pymatgen entries. The rules find their candidates in the same energies.
    cache:
        Folder that keeps results: a study that was stopped goes on where it was, a finished one is read back whole.
        Gates and weights are no part of a job's key.
    executor, workers:
        See `lirich.compute.open_executor`.
    literature:
        Published values of the same coatings; by default those that lirich carries.

    Raises
    ------
    OptionalDependencyError
        Without the extra ``[interfaces]``.
    CompositionError
        For a cathode or an electrolyte that cannot be.
    InputError
        For energies that are not there.
    """
    if find_spec("pymatgen") is None:
        raise OptionalDependencyError.of("A screening of coatings", "interfaces")
    states_of_charge(study.cathode)
    with kept_source(energies, None if cache is None else cache / "energies", progress) as source:
        basis = {"energies": source.where, "table": energies_digest(source.where), "code": _code()}
        found, known = _found(study, basis, source.name, cache, executor, workers, progress)
    return answered(found, literature, cached=known)


def _found(
    study: CoatingStudy,
    basis: dict[str, str],
    energies: str,
    cache: Path | None,
    executor: str,
    workers: int | None,
    progress: Callable[[Progress], None] | None,
) -> tuple[CoatingsFound, bool]:
    """Return what was computed, and whether it was known before."""
    kept = ResultCache(cache / "whole") if cache is not None else None
    key = content_hash(
        {"coatings": study.model_dump(mode="json", exclude={"name", "weights"}), "version": __version__, **basis}
    )
    known = kept.get(key) if kept is not None else None
    if known is not None:
        return CoatingsFound.model_validate(known).model_copy(update={"study": study}), True
    with open_executor(executor, workers=workers) as pool:
        run = _Run(study, basis, energies, pool, None if cache is None else ResultCache(cache / "jobs"), progress)
        found = run.all()
    if kept is not None:
        kept.put(key, found.model_dump(mode="json"))
    return found, False


def answered(
    found: CoatingsFound, literature: Sequence[Value] | None = None, *, cached: bool = False
) -> CoatingsResult:
    """Judge what was computed and put the literature of the same coatings beside it."""
    if literature is None:
        from lirich.store.literature import load

        literature = load()
    judged = judged_coatings(found)
    return CoatingsResult(judged, beside(judged, literature), cached)


def keep_values(store: Store, result: CoatingsResult) -> int:
    """Put the values of the named and the ranked coatings into the workspace in place of an earlier run's; how many."""
    values = result.values
    store.put_values(values, source=f"screen coatings: {result.judged.found.study.name}")
    return len(values)


def _code() -> str:
    return code_hash(
        "lirich.interfaces",
        "lirich.workbench.solids.coating_jobs",
        "lirich.workbench.solids.properties",
        "lirich.workbench.solids.screen_coatings",
        "lirich.screening",
    )


@dataclass
class _Run:
    """One run of a study over the compute seam, in rounds."""

    study: CoatingStudy
    basis: dict[str, str]
    energies: str
    pool: Executor
    cache: ResultCache | None
    progress: Callable[[Progress], None] | None
    before: Progress = field(default_factory=lambda: NOTHING)
    _so_far: Progress = field(default_factory=lambda: NOTHING)

    def all(self) -> CoatingsFound:
        """Compute everything that the study asks for."""
        began = time.monotonic()
        study = self.study
        named = tuple(dict.fromkeys(_named(formula) for formula in study.coatings))
        singles = tuple(dict.fromkeys((*named, *self._by_rule())))
        pairs = [(_named(d.inside), _named(d.outside)) for d in study.double_layers]
        every = tuple(dict.fromkeys((*singles, *(part for pair in pairs for part in pair))))
        bare = [Layer.model_validate(r) for r in self._round([self._job("bare", e) for e in study.electrolytes])]
        for layer in bare:
            if layer.failure:
                raise InputError(
                    f"The electrolyte {layer.formula} on {study.cathode} cannot be computed: {layer.failure}"
                )
        layers = dict(zip(every, self._layers(every, draws=0), strict=True))
        found = CoatingsFound(
            study=study,
            layers=tuple(layers.values()),
            bare=tuple(bare),
            singles=singles,
            named=named,
            energies=self.energies,
            lirich=__version__,
        )
        pairs = list(dict.fromkeys((*pairs, *self._best_pairs(candidates_of(found)))))
        joined = dict(zip(pairs, self._joined(pairs, draws=0), strict=True))
        found = found.model_copy(update={"joined": tuple(joined.values())})
        # without draws nothing is unsure: who falls at such a gate by the value may pass it by the interval
        by_value = [gate for gate in study.gates if not gate.unsure_passes]
        through = set(funnel(candidates_of(found), by_value).survivors)
        of_pairs = [p for p in pairs if "|".join(p) in through]
        sure = tuple(
            f for f in every if f in through or f in named or any(f in p for p in of_pairs)
        )  # what falls by its values needs no error bars
        layers |= dict(zip(sure, self._layers(sure), strict=True))
        joined |= dict(zip(of_pairs, self._joined(of_pairs), strict=True))
        return found.model_copy(
            update={
                "layers": tuple(layers.values()),
                "joined": tuple(joined.values()),
                "seconds": round(time.monotonic() - began, 1),
            }
        )

    def _by_rule(self) -> list[str]:
        table = kept_reference(self.basis["energies"])
        neighbours = {reduced(e) for e in self.study.electrolytes}
        found = [
            formula
            for rule in self.study.rules
            for formula in compounds_of(
                table,
                rule.classes,
                elements=rule.elements,
                without=rule.without,
                lithium=rule.lithium,
                above_hull_ev_atom=rule.above_hull_mev_atom / 1000,
            )
        ]
        return [formula for formula in dict.fromkeys(found) if formula not in neighbours]

    def _best_pairs(self, singles: Sequence[Candidate]) -> list[tuple[str, str]]:
        """Return pairs of which each layer covers the weak side of the other.

        Inside stand the best towards the cathode of those that react more with the electrolyte, outside the best
        towards the electrolyte of those that react more with the cathode; the gates of the covered side do not count.
        """
        most = self.study.best_double_layers
        if not most:
            return []

        def best(strong: str, weak: str, covered: Sequence[str]) -> list[str]:
            gates = [gate for gate in self.study.gates if gate.quantity not in covered]
            passed = set(funnel(singles, gates).survivors)
            there = [c for c in singles if c.name in passed and {strong, weak, ALONE} <= set(c.figures)]
            needing = [c for c in there if c.figures[weak].value < c.figures[strong].value - LEAST_GAIN_MEV]
            order = sorted(needing, key=lambda c: (-c.figures[strong].value, -c.figures[ALONE].value, c.name))
            return [c.name for c in order[:most]]

        inside = best(CATHODE, ELECTROLYTE, OF_OUTSIDE)
        outside = best(ELECTROLYTE, CATHODE, OF_INSIDE)
        return [(a, b) for a in inside for b in outside]

    def _layers(self, formulas: Sequence[str], draws: int | None = None) -> list[Layer]:
        jobs = [self._job("layer", formula, draws=draws) for formula in formulas]
        return [Layer.model_validate(result) for result in self._round(jobs)]

    def _joined(self, pairs: Sequence[tuple[str, str]], draws: int | None = None) -> list[Joined]:
        jobs = [self._job("joined", inside, outside=outside, draws=draws) for inside, outside in pairs]
        return [Joined.model_validate(result) for result in self._round(jobs)]

    def _job(self, kind: str, formula: str, outside: str = "", draws: int | None = None) -> dict[str, Any]:
        study = self.study
        return {
            "kind": kind,
            "formula": formula,
            "outside": outside,
            "cathode": study.cathode,
            "electrolytes": list(study.electrolytes),
            "voltage": study.voltage,
            "facet": study.facet,
            "draws": study.draws if draws is None else draws,
            "seed": study.seed,
            **self.basis,
        }

    def _round(self, jobs: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        results: dict[int, dict[str, Any]] = {}
        for outcome in run_tasks(coating_job, jobs, executor=self.pool, cache=self.cache, progress=self._report):
            if outcome.error is not None:
                raise outcome.error
            # in the one order of JSON that is kept, so that a resumed run says the same in the same order
            results[outcome.index] = json.loads(canonical_json(outcome.result))
        self.before = self._so_far
        return [results[i] for i in range(len(jobs))]

    def _report(self, now: Progress) -> None:
        then = self.before
        self._so_far = Progress(
            then.done + now.done,
            then.total + now.total,
            then.cached + now.cached,
            then.failed + now.failed,
            now.seconds_left,
        )
        if self.progress is not None:
            self.progress(self._so_far)


def _named(formula: str) -> str:
    """Return the reduced formula, or what was written where it is none: its row will say why."""
    try:
        return reduced(formula)
    except LirichError:
        return formula

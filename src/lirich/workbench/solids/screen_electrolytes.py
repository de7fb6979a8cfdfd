"""The verb *screen* for solid electrolytes: measured conductivity, computed stability, facts; judged, kept."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from functools import cache as remembered
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from lirich.compute import Progress, ResultCache, code_hash, open_executor, run_tasks
from lirich.errors import CompositionError, OptionalDependencyError, UnknownNameError
from lirich.interfaces.cathode import states_of_charge
from lirich.interfaces.coverage import UNBALANCED
from lirich.interfaces.embedded import NAME
from lirich.interfaces.knowledge import (
    SAME,
    class_facts,
    distance,
    electrolyte,
    measured_formulas,
)
from lirich.model import Composition, Finding, Value
from lirich.quantities import QUANTITIES
from lirich.screening.asked import Clustering
from lirich.screening.candidate import Candidate
from lirich.screening.electrolytes import OFFERED, ElectrolyteStudy, Measured, Named
from lirich.screening.gates import Gate
from lirich.screening.judgement import judge
from lirich.screening.solids_found import Layer
from lirich.workbench.refusals import refused
from lirich.workbench.screening.answer import ScreenAnswer, Told
from lirich.workbench.screening.file import study_data
from lirich.workbench.screening.groups import groups_of
from lirich.workbench.solids.electrolyte_jobs import check_neighbour, electrolyte_job
from lirich.workbench.solids.electrolyte_rows import FLAG, Known, candidate_of, details_of, published, told_of
from lirich.workbench.solids.electrolytes_answer import why_first
from lirich.workbench.solids.interface import energies_digest
from lirich.workbench.solids.materials_project import kept_source

SHIPPED = ("electrolytes",)
"""The studies that come with lirich: ``lirich screen electrolytes electrolytes``."""
_ADVICE = "docs/how-to/screen-electrolytes.md shows a study"


def read_electrolytes(path: Path) -> ElectrolyteStudy:
    """Read a study from a YAML or TOML file, or one that comes with lirich by its name.

    Raises `InputError` and `SettingsError` with what is wrong where.
    """
    return make_electrolytes(study_data(path, SHIPPED, "a study of electrolytes")[0])


def make_electrolytes(data: Any) -> ElectrolyteStudy:
    """Return a study from plain data. Raises `SettingsError` with the field that is wrong."""
    try:
        return ElectrolyteStudy.model_validate(data)
    except ValidationError as error:
        raise refused("study", error, _fields, advice=_ADVICE) from error


def _fields(place: tuple[str, ...]) -> list[str]:
    kinds: dict[str, type[BaseModel]] = {
        "electrolytes": Named,
        "polymers": Named,
        "measured": Measured,
        "gates": Gate,
        "clusters": Clustering,
    }
    return list((kinds.get(place[0], ElectrolyteStudy) if place else ElectrolyteStudy).model_fields)


def candidates_of(study: ElectrolyteStudy) -> tuple[Known, ...]:
    """Return the candidates of a study: those that it names, those measured well enough, the polymers; each once."""
    named = list(study.electrolytes)
    taken = [fractions for each in named if (fractions := _fractions(each.formula))]
    for rule in study.measured:
        for formula in measured_formulas(rule.classes, rule.at_least_s_cm, rule.without):
            own = _fractions(formula)
            if own and not any(distance(own, other) <= SAME for other in taken):
                taken.append(own)
                named.append(Named(formula=formula))
    return (*(_known(each) for each in named), *(_polymer(each) for each in study.polymers))


@remembered
def _fractions(formula: str) -> Mapping[str, float] | None:
    try:
        amounts = Composition.parse(formula).amounts
    except CompositionError:
        return None
    total = sum(amounts.values())
    return {e: n / total for e, n in amounts.items()}


def _known(named: Named) -> Known:
    try:
        found = electrolyte(named.formula)
    except CompositionError as error:
        return Known(named, "", None, (), failure=str(error).rstrip("."))
    return Known(named, found.electrolyte_class, found, found.facts)


def _polymer(named: Named) -> Known:
    return Known(named, "polymer", None, class_facts("polymer"))


def run_electrolytes(
    study: ElectrolyteStudy,
    *,
    energies: str = NAME,
    cache: Path | None = None,
    executor: str = "processes",
    workers: int | None = None,
    progress: Callable[[Progress], None] | None = None,
    literature: Sequence[Value] | None = None,
) -> ScreenAnswer:
    """Compute a study of electrolytes and judge it; a candidate that fails is a row with its reason.

    Parameters
    ----------
    energies:
        ``embedded``, ``mp`` (the Materials Project with the key in MP_API_KEY: its list is asked for once and kept in
        the cache), or a JSON file of pymatgen entries.
    cache:
        Folder that keeps results: a study that was stopped goes on where it was. Gates, weights, groups and
        conductivities are no part of a job's key.
    executor, workers:
        See `lirich.compute.open_executor`.
    literature:
        Published values, of which those about a class of the candidates are shown; by default those of lirich.

    Raises
    ------
    OptionalDependencyError
        Without the extra ``[interfaces]``.
    CompositionError
        For a cathode or an anode that cannot be.
    InputError
        For energies that are not there.
    """
    if find_spec("pymatgen") is None:
        raise OptionalDependencyError.of("A screening of electrolytes", "interfaces")
    began = time.monotonic()
    states_of_charge(study.cathode)
    everyone = candidates_of(study)
    with kept_source(energies, None if cache is None else cache / "energies", progress) as source:
        for neighbour in filter(None, (study.cathode, study.anode)):
            check_neighbour(source.where, neighbour)
        basis = {"energies": source.where, "table": energies_digest(source.where), "code": _code()}
        layers, known = _layers(study, everyone, basis, cache, executor, workers, progress)
    seconds = round(time.monotonic() - began, 1)
    return _answer(study, everyone, layers, {**basis, "energies": source.name}, literature, seconds, cached=known)


def _layers(
    study: ElectrolyteStudy,
    everyone: Sequence[Known],
    basis: Mapping[str, str],
    cache: Path | None,
    executor: str,
    workers: int | None,
    progress: Callable[[Progress], None] | None,
) -> tuple[dict[str, Layer], bool]:
    """Return what was computed of each solid, and whether all of it was known before."""
    solids = [each for each in everyone if each.kind not in ("", "polymer")]
    jobs = [_job(study, each.named.formula, basis) for each in solids]
    layers: dict[str, Layer] = {}
    fresh = 0
    with open_executor(executor, workers=workers) as pool:
        kept = None if cache is None else ResultCache(cache / "jobs")
        for outcome in run_tasks(electrolyte_job, jobs, executor=pool, cache=kept, progress=progress):
            formula = solids[outcome.index].named.formula
            fresh += not outcome.cached
            failed = outcome.error
            layers[formula] = (
                Layer.model_validate(outcome.result) if failed is None else Layer(formula=formula, failure=str(failed))
            )
    return layers, bool(jobs) and not fresh


def _job(study: ElectrolyteStudy, formula: str, basis: Mapping[str, str]) -> dict[str, Any]:
    return {
        "formula": formula,
        "cathode": study.cathode,
        "anode": study.anode or "",
        "voltage": study.voltage,
        "least_grade": study.least_grade,
        "assume_on_hull": study.assume_on_hull,
        "draws": study.draws,
        "seed": study.seed,
        **basis,
    }


def _code() -> str:
    return code_hash(
        "lirich.interfaces",
        "lirich.workbench.solids.electrolyte_jobs",
        "lirich.workbench.solids.properties",
        "lirich.screening",
    )


def _answer(
    study: ElectrolyteStudy,
    everyone: Sequence[Known],
    layers: Mapping[str, Layer],
    basis: Mapping[str, str],
    literature: Sequence[Value] | None,
    seconds: float,
    *,
    cached: bool,
) -> ScreenAnswer:
    candidates = tuple(candidate_of(each, layers.get(each.named.formula)) for each in everyone)
    by_name = {each.named.formula: each for each in everyone}
    if study.reference and study.reference not in by_name:
        raise UnknownNameError.of("electrolyte of the study", study.reference, by_name)
    base = next((c.figures for c in candidates if c.name == study.reference), {})
    judgement = judge(candidates, study, base)

    def told(name: str, key: str) -> Told:
        return told_of(study, by_name[name], layers.get(name), key)

    return ScreenAnswer(
        kind="electrolytes",
        study=study,
        judgement=judgement,
        groups=groups_of(judgement, study.clusters, study.seed),
        findings=_findings(judgement.no_ranking, candidates),
        told=told,
        parameters={"energies": basis["energies"], "table": basis["table"], "draws": study.draws, "seed": study.seed},
        details={
            "cathode": study.cathode,
            "voltage": study.voltage,
            "anode": study.anode,
            "energies": basis["energies"],
            "literature": published(everyone, literature),
            "electrolytes": [details_of(each, layers.get(each.named.formula)) for each in everyone],
        },
        why=why_first(study, judgement, layers),
        seconds=seconds,
        cached=cached,
    )


def _findings(no_ranking: str, candidates: Sequence[Candidate]) -> tuple[Finding, ...]:
    found = [
        Finding(
            code=FLAG,
            severity="info",
            message="Stability and reactions are equilibria of computed energies: what may happen and what drives it, "
            "not how fast it goes; a layer that protects is not seen",
        )
    ]
    assumed = [c.name for c in candidates if any("taken to lie on the hull" in note for note in c.notes)]
    if assumed:
        found.append(
            Finding(
                code="assumed-on-hull",
                message=f"{len(assumed)} of {len(candidates)} candidates are not in the table of energies and are "
                "taken to lie on the hull of what it has; a stable compound reacts less, a metastable one more",
                advice="assume_on_hull: false leaves their computed numbers out",
            )
        )
    foreign = [c.name for c in candidates if any(note.endswith(UNBALANCED) for note in c.notes)]
    if foreign:
        found.append(
            Finding(
                code="not-neutral",
                message="No compound of the table, and not balanced by usual charges: " + ", ".join(foreign),
                advice="Check the formula: what cannot be made is computed as the mixture that has its elements",
            )
        )
    lacking = {name: QUANTITIES[name].name for name in OFFERED if not any(name in c.figures for c in candidates)}
    if lacking:
        found.append(Finding(code="nothing-known", message=f"No candidate has {', '.join(lacking.values())}"))
    if no_ranking:
        found.append(Finding(code="no-ranking", message=no_ranking))
    return tuple(found)

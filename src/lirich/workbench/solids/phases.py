"""The verb *screen phases*: which order of the cations is lowest where, over a space of compositions."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import BaseModel, ValidationError

from lirich import __version__
from lirich.compute import ResultCache, code_hash
from lirich.errors import LirichError, NotEnoughDataError, UnknownNameError
from lirich.model import content_hash
from lirich.screening.phase_study import (
    ORDERS,
    ComputedPoint,
    LeftOutError,
    MappedPoint,
    Order,
    PhasesScreened,
    PhaseStudy,
)
from lirich.screening.study import Accuracy
from lirich.workbench.crystals.potentials import make_known, with_potential
from lirich.workbench.extras import need_atoms
from lirich.workbench.fieldsfile import read_fields
from lirich.workbench.refusals import refused
from lirich.workbench.solids.phases_result import PhasesResult

if TYPE_CHECKING:
    from lirich.atoms.composition_space import CompositionSpace, Point
    from lirich.atoms.preference import PhaseEnergies, PhaseMap, Preferred
    from lirich.compute import Progress
    from lirich.store import Store
    from lirich.store.models import Models

SHIPPED_PHASES = ("phases",)
"""The studies that come with lirich, with their results: ``lirich screen phases phases --shipped``."""


def read_phases(path: Path) -> PhaseStudy:
    """Read a study from a YAML or TOML file, or one that comes with lirich by its name.

    Raises `InputError` and `SettingsError` with what is wrong where.
    """
    if not path.exists() and str(path) in SHIPPED_PHASES:
        import yaml

        return make_phases(yaml.safe_load(_shipped(f"{path}.yaml")))
    return make_phases(read_fields(path, "a study of phases"))


def make_phases(data: Any) -> PhaseStudy:
    """Return a study from plain data. Raises `SettingsError`."""
    try:
        return PhaseStudy.model_validate(data)
    except ValidationError as error:
        raise refused("study", error, _fields, advice="docs/how-to/screen.md shows a study") from error


def _fields(place: tuple[str, ...]) -> list[str]:
    kinds: dict[str, type[BaseModel]] = {"relaxation": Accuracy}
    return list((kinds.get(place[0], PhaseStudy) if place else PhaseStudy).model_fields)


def _shipped(name: str) -> str:
    return (resources.files("lirich.workbench") / "studies" / name).read_text(encoding="utf-8")


def shipped_phases(name: str) -> PhasesResult:
    """Return the results that come with lirich; nothing is computed and no extra is needed.

    They were made by ``lirich.testing.shipped_screening`` with the calculator that they name. Raises `UnknownNameError`
    for a study without results.
    """
    if name not in SHIPPED_PHASES:
        raise UnknownNameError.of("study of phases with results", name, SHIPPED_PHASES)
    return PhasesResult(PhasesScreened.model_validate_json(_shipped(f"{name}.json")), cached=True)


def space_of(study: PhaseStudy) -> tuple[CompositionSpace, list[Point]]:
    """Return the space of a study and the compositions that it computes.

    Raises `OptionalDependencyError` without the extra ``[atoms]``, `CompositionError` for corners that are no such
    oxides and compositions that do not lie between them.
    """
    need_atoms("A screening of phases")
    from lirich.atoms.composition_space import CompositionSpace, spread_out

    space = CompositionSpace(study.corners)
    if study.compositions:
        return space, [space.holding(formula) for formula in study.compositions]
    return space, spread_out(space.points(study.atoms), study.number)


def expected_seconds(study: PhaseStudy, compositions: int) -> float:
    """Return about how many seconds of one core so many compositions take with CHGNet."""
    from lirich.atoms.relax import USUAL_STEPS
    from lirich.workbench.screening.cells import FREE_COST, seconds_of

    runs = len(ORDERS) * study.cells * compositions * (1 + study.relaxation.kicks)
    return seconds_of(runs * study.atoms * USUAL_STEPS * FREE_COST)


def run_phases(
    study: PhaseStudy,
    *,
    cache: Path | None = None,
    executor: str = "processes",
    workers: int | None = None,
    progress: Callable[[Progress], None] | None = None,
    models: Models | None = None,
) -> PhasesResult:
    """Compute a study and learn its map; a composition that fails is told with its reason.

    Parameters
    ----------
    cache:
        Folder that keeps results: a study that was stopped goes on where it was, a finished one is read back whole.
    executor, workers:
        See `lirich.compute.open_executor`.
    models:
        The models of a workspace, where fine-tuned potentials (``chgnet:NAME``) are looked for.

    Raises
    ------
    OptionalDependencyError
        Without the extra ``[atoms]``.
    UnknownNameError
        On a calculator.
    CompositionError
        For corners that are no such oxides and compositions that do not lie between them.
    """
    space, points = space_of(study)
    asked = [space.holding(formula) for formula in study.ask]
    from lirich.atoms.calculators import calculator

    if models is not None:
        make_known(models, study.calculator)
    version = calculator(study.calculator).version
    kept = ResultCache(cache / "phases") if cache is not None else None
    code = code_hash("lirich.atoms", "lirich.workbench.solids.phases")
    key = content_hash({"study": study.model_dump(mode="json", exclude={"name"}), "version": version, "code": code})
    known = kept.get(key) if kept is not None else None
    if known is not None:
        return PhasesResult(PhasesScreened.model_validate(known).model_copy(update={"study": study}), cached=True)
    screened = _compute(study, space, points, asked, version, models, cache, executor, workers, progress)
    if kept is not None:
        kept.put(key, screened.model_dump(mode="json"))
    return PhasesResult(screened)


def keep_phases(store: Store, result: PhasesResult) -> int:
    """Put the values into the workspace, in place of those of an earlier run; return how many."""
    values = result.values
    store.put_values(values, source=f"screen phases: {result.screened.study.name}")
    return len(values)


def _compute(
    study: PhaseStudy,
    space: CompositionSpace,
    points: Sequence[Point],
    asked: Sequence[Point],
    version: str,
    models: Models | None,
    cache: Path | None,
    executor: str,
    workers: int | None,
    progress: Callable[[Progress], None] | None,
) -> PhasesScreened:
    from lirich.atoms.plan import together
    from lirich.atoms.preference import phase_energies
    from lirich.atoms.relax import RelaxationSettings
    from lirich.workbench.crystals.plans import PlanRunner

    began = time.monotonic()
    settings = RelaxationSettings(calculator=study.calculator, moments=False, **study.relaxation.model_dump())
    plans = [
        phase_energies(point.composition, settings, atoms=study.atoms, seeds=study.cells, first_seed=study.seed)
        for point in points
    ]
    if models is not None:
        plans = [with_potential(models, study.calculator, plan) for plan in plans]
    runner = PlanRunner(
        cache=None if cache is None else cache / "jobs", executor=executor, workers=workers, progress=progress
    )
    answers: list[PhaseEnergies | LirichError] = runner.run(together(plans))
    found = [(point, each) for point, each in zip(points, answers, strict=True) if not isinstance(each, LirichError)]
    screened = PhasesScreened(
        study=study,
        computed=tuple(_computed_point(point, each) for point, each in found),
        failures={
            point.composition.formula: str(each)
            for point, each in zip(points, answers, strict=True)
            if isinstance(each, LirichError)
        },
        version=version,
        lirich=__version__,
        jobs=runner.tally.jobs,
        seconds=round(time.monotonic() - began, 1),
    )
    return _mapped(screened, space, found, asked)


def _computed_point(point: Point, found: PhaseEnergies) -> ComputedPoint:
    return ComputedPoint(
        formula=point.composition.formula,
        asked=found.asked,
        shares=point.shares,
        amounts=found.amounts,
        rounding=found.rounding,
        energies_ev_atom=found.energies_ev_atom,
        over_layered_mev_atom={phase: found.over_layered_mev_atom(phase) for phase in ORDERS if phase != "layered"},
        doubts=found.doubts,
    )


def _mapped(
    screened: PhasesScreened,
    space: CompositionSpace,
    found: Sequence[tuple[Point, PhaseEnergies]],
    asked: Sequence[Point],
) -> PhasesScreened:
    """Learn the map and ask it."""
    from lirich.atoms.preference import PhaseMap

    study = screened.study
    learned = PhaseMap(seed=study.seed)
    try:
        learned.fit([each for _, each in found])
    except NotEnoughDataError as error:
        return screened.model_copy(update={"no_map": str(error)})
    grid = space.grid(study.steps)
    return screened.model_copy(
        update={
            "answers": _answers(grid, learned.predict([p.composition for p in grid])),
            "asked": _answers(asked, learned.predict([p.composition for p in asked])) if asked else (),
            "following": _following(study, space, [p for p, _ in found], learned),
            "left_out": {
                phase: LeftOutError(rmse=each.rmse, naive_rmse=each.naive_rmse, count=each.groups, tells=each.tells)
                for phase, each in learned.left_out_.items()
            },
        }
    )


def _answers(points: Sequence[Point], told: Sequence[Preferred]) -> tuple[MappedPoint, ...]:
    return tuple(_answer(point, each) for point, each in zip(points, told, strict=True))


def _answer(point: Point, told: Preferred) -> MappedPoint:
    spans: dict[Order, tuple[float, float | None, float | None]] = {}
    for phase, (value, low, high) in told.over_layered_mev_atom.items():
        finite = math.isfinite(low) and math.isfinite(high)
        spans[phase] = (round(value, 3), round(low, 3) if finite else None, round(high, 3) if finite else None)
    shares = tuple(round(share, 9) for share in point.shares)
    return MappedPoint(
        formula=point.composition.formula, shares=shares, phase=told.phase or "", over_layered_mev_atom=spans
    )


def _following(
    study: PhaseStudy, space: CompositionSpace, done: Sequence[Point], learned: PhaseMap
) -> tuple[MappedPoint, ...]:
    """Return what to compute next: of the mixtures that a cell holds, those most likely beyond a border, apart."""
    from lirich.atoms.composition_space import spread_out

    known = {tuple(np.round(p.shares, 6)) for p in done}
    open_points = [p for p in space.points(study.atoms) if tuple(np.round(p.shares, 6)) not in known]
    if not open_points or not study.following:
        return ()
    scores = learned.next_to_compute([p.composition for p in open_points])
    best = sorted(zip(scores, open_points, strict=True), key=lambda pair: -pair[0])
    # neighbours score alike: of the better third, or of as many as are asked for, those that lie apart
    pool = [p for _, p in best[: max(study.following, len(best) // 3)]]
    chosen = [pool[0], *spread_out(pool[1:], study.following - 1, known=[pool[0]])]
    return _answers(chosen, learned.predict([p.composition for p in chosen]))

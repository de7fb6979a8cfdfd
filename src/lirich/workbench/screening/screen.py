"""The verb *screen*: compute what a study of dopants asks for, judge it, keep it."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError

from lirich import __version__
from lirich.compute import ResultCache, code_hash
from lirich.errors import LirichError, UnknownNameError
from lirich.model import Value, content_hash
from lirich.screening.gates import Gate
from lirich.screening.judged import judged
from lirich.screening.screened import CellNumbers, Reading, Screened, Tried
from lirich.screening.study import Accuracy, DopantSet, DopingStudy, HostCell, Ion, PercentOf
from lirich.workbench.crystals.crystalfile import crystal_text, named
from lirich.workbench.crystals.potentials import identities, make_known, with_potential
from lirich.workbench.extras import need_atoms
from lirich.workbench.refusals import refused
from lirich.workbench.screening.file import shipped_study, study_data
from lirich.workbench.screening.literature import published
from lirich.workbench.screening.result import ScreenResult

if TYPE_CHECKING:
    from pymatgen.core.structure import Structure

    from lirich.atoms.arrangement import Arrangement
    from lirich.atoms.plan import Plan
    from lirich.compute import Progress
    from lirich.screening.screened import Built, Effort, Relaxed
    from lirich.store import Store
    from lirich.store.models import Models
    from lirich.workbench.crystals.plans import Tally
    from lirich.workbench.screening.prospects import Prospect

CellPlan = Callable[["DopingStudy", "Structure", "Structure | None", str], "Plan[CellNumbers]"]
"""From a study, the undoped cell of an ordering, a doped cell of it (``None`` for the undoped itself) and the name of a
calculator to the plan of what is computed of that cell. At the top level of a module, whose code is part of the key."""

USUAL_PLAN = ("lirich.workbench.screening.cells", "cell_plan")
"""Module and name of the plan where none is given."""

SHIPPED = ("dopants", "demo")
"""The studies that come with lirich: ``lirich screen dopants dopants``."""

WITH_RESULTS = ("dopants", "demo")
"""Those whose results come with lirich too."""

_ADVICE = "docs/how-to/screen.md shows a study"


def shipped(name: str) -> str:
    """Return the text of a study that comes with lirich. Raises `lirich.errors.UnknownNameError`."""
    return shipped_study(name, SHIPPED)


def read_screen(path: Path) -> DopingStudy:
    """Read a study from a YAML or TOML file, or one that comes with lirich by its name.

    Raises `InputError` and `SettingsError` with what is wrong where.
    """
    data, folder = study_data(path, SHIPPED, "a study of dopants")
    return make_screen(data, folder)


def make_screen(data: Any, folder: Path = Path()) -> DopingStudy:
    """Return a study from plain data; the file of a crystal is read from *folder*. Raises `SettingsError`."""
    if isinstance(data, Mapping) and isinstance(data.get("host"), str):
        data = {**data, "host": {"formula": data["host"]}}
    if isinstance(data, Mapping) and isinstance(data.get("host"), Mapping) and data["host"].get("file"):
        path = folder / str(data["host"]["file"])
        data = {**data, "host": {**data["host"], "crystal": crystal_text(path)}}
    try:
        return DopingStudy.model_validate(data)
    except ValidationError as error:
        raise refused("study", error, _fields, advice=_ADVICE) from error


def _fields(place: tuple[str, ...]) -> list[str]:
    """Return the fields that a study has at a place."""
    kinds: dict[str, type[BaseModel]] = {"host": HostCell, "relaxation": Accuracy, "gates": Gate, "dopants": DopantSet}
    if not place:
        return list(DopingStudy.model_fields)
    if place[0] == "dopants" and "ions" in place:
        return list(Ion.model_fields)
    return list(kinds.get(place[0], DopingStudy).model_fields)


@dataclass(frozen=True)
class Outlook:
    """A candidate before it is computed: its cells in words, or why there are none; seconds on one core.

    ``seconds`` take every band to converge; ``seconds_at_most`` take none to.

    ``percents`` is what each element has of the metals that are not lithium (of the anions on O) after rounding to
    whole atoms, ``together`` what all have; ``asked`` is what the study says, of ``percent_of`` (each ion or the set).
    ``same_atoms`` names candidates whose cells differ from these in formal charges alone: a potential that knows no
    charges cannot tell them apart.
    """

    name: str
    formulas: tuple[str, ...]
    compensations: tuple[str, ...]
    failures: tuple[str, ...]
    seconds: float
    percents: Mapping[str, float]
    together: float | None
    asked: float
    percent_of: PercentOf
    same_atoms: tuple[str, ...] = ()
    seconds_at_most: float = 0.0

    @property
    def dose(self) -> str:
        """The concentration in words: ``Na 8.33, W 8.33: 16.7 together (8 of each asked)``."""
        asked = f"{self.asked:g} of {'each' if self.percent_of == 'each' else 'all'} asked"
        if len(self.percents) < 2:
            return "".join(f"{percent:.3g}" for percent in self.percents.values()) or f"{self.asked:g} asked"
        each = ", ".join(f"{element} {percent:.3g}" for element, percent in self.percents.items())
        return f"{each}: {self.together:.3g} together ({asked})"


def outlook(study: DopingStudy) -> list[Outlook]:
    """Return what a study would compute and about how long each candidate takes, without computing any energy.

    Raises `OptionalDependencyError` without the extra ``[atoms]``, `UnknownNameError` on a calculator that nobody
    brings, `SettingsError` for candidates that do not differ and for what cannot be computed, and what a host raises
    that cannot be.
    """
    need_atoms("A screening of dopants")
    from lirich.atoms.calculators import calculator_names
    from lirich.workbench.screening.cells import expected_cost, most_band_calls, need_computable, seconds_of
    from lirich.workbench.screening.prospects import hosts_of, percents_of, prospects

    for name in study.calculators:  # one of a workspace (``chgnet:NAME``) is looked for when it is needed
        if name.partition(":")[0] not in calculator_names():
            raise UnknownNameError.of("calculator", name, calculator_names())
    with named(study.host.file):
        hosts = hosts_of(study)
    asked = prospects(study, hosts)
    need_computable(study, hosts, asked)
    atoms = {p.name: tuple((n, cell.arrangement.elements) for n, cell in p.cells) for p in asked}
    found = []
    for prospect in asked:
        sizes = [len(variant.structure) for _, variant in prospect.cells]
        cost = sum(expected_cost(study, size) for size in sizes)
        most = sum(expected_cost(study, size, band_calls=most_band_calls(study)) for size in sizes)
        seconds = seconds_of(cost) * (1 + study.relaxation.kicks) * len(study.calculators)
        first = prospect.cells[0] if prospect.cells else None
        found.append(
            Outlook(
                name=prospect.name,
                formulas=tuple(dict.fromkeys(v.structure.composition.formula for _, v in prospect.cells)),
                compensations=tuple(dict.fromkeys(v.compensation.words for _, v in prospect.cells)),
                failures=prospect.failures,
                seconds=seconds,
                seconds_at_most=seconds + seconds_of(max(most - cost, 0.0)) * len(study.calculators),
                percents={} if first is None else percents_of(hosts[first[0]], first[1]),
                together=None if first is None else round(first[1].share_percent, 3),
                asked=prospect.doping.percent,
                percent_of=prospect.doping.percent_of,
                same_atoms=tuple(
                    name
                    for name, held in atoms.items()
                    if name != prospect.name and held and held == atoms[prospect.name]
                ),
            )
        )
    return found


def run_screen(
    study: DopingStudy,
    *,
    cache: Path | None = None,
    executor: str = "processes",
    workers: int | None = None,
    progress: Callable[[Progress], None] | None = None,
    literature: Sequence[Value] | None = None,
    plan: CellPlan | None = None,
    models: Models | None = None,
) -> ScreenResult:
    """Compute a study and judge it; a candidate that fails is a row with its reason.

    Parameters
    ----------
    cache:
        Folder that keeps results: a study that was stopped goes on where it was, a finished one is read back whole.
        Gates and weights are no part of the key: another weight computes nothing but what it is the first to ask for.
    executor, workers:
        See `lirich.compute.open_executor`.
    literature:
        Published values to compare with; by default those that lirich carries.
    plan:
        What is computed of one cell; by default `lirich.workbench.screening.cells.cell_plan`.
    models:
        The models of a workspace, where fine-tuned potentials (``chgnet:NAME``) are looked for.

    Raises
    ------
    OptionalDependencyError
        Without the extra ``[atoms]``.
    UnknownNameError
        On a calculator or descriptor.
    SettingsError
        Where two candidates do not differ, or gates, weights or descriptors ask for what cannot be computed.
    StructureError, CompositionError, NotNeutralError
        For a host that cannot be.
    """
    need_atoms("A screening of dopants")
    kept = ResultCache(cache / "whole") if cache is not None else None
    potentials = identities(models, study.calculators)
    key = content_hash({"study": _computed_part(study), "potentials": potentials, "code": _code(plan)})
    found = kept.get(key) if kept is not None else None
    known = Screened.model_validate(found) if found is not None else None
    if known is not None and _covers(known, study):
        return answered(known.model_copy(update={"study": study}), literature, cached=True)
    screened, to_last = _compute(study, plan, models, cache, executor, workers, progress)
    if kept is not None and to_last:
        kept.put(key, screened.model_dump(mode="json"))
    return answered(screened, literature)


def _covers(known: Screened, study: DopingStudy) -> bool:
    """Whether kept results have all that a study judges by: another weight may ask for what nobody asked for before."""
    there = {reading.quantity for each in (known.host, *known.tried) for reading in each.readings}
    return {*there, *known.study.descriptors, *known.study.wanted} >= set(study.wanted)


def answered(screened: Screened, literature: Sequence[Value] | None = None, *, cached: bool = False) -> ScreenResult:
    """Judge what was computed and put the literature beside it."""
    from lirich.store.literature import load, statements

    result = judged(screened)
    said = published(result, load() if literature is None else literature, statements())
    return ScreenResult(result, said, cached)


def shipped_result(name: str, literature: Sequence[Value] | None = None) -> ScreenResult:
    """Return the results that come with lirich for one of its studies; nothing is computed.

    They were made by ``lirich.testing.shipped_screening`` with the calculator that they name. Raises `UnknownNameError`
    for a study without results.
    """
    if name not in WITH_RESULTS:
        raise UnknownNameError.of("study with results", name, WITH_RESULTS)
    text = (resources.files("lirich.workbench") / "studies" / f"{name}.json").read_text(encoding="utf-8")
    return answered(Screened.model_validate_json(text), literature, cached=True)


def keep_values(store: Store, result: ScreenResult) -> int:
    """Put the values of a screening into the workspace, in place of those of an earlier run; return how many."""
    values = result.values
    store.put_values(values, source=f"screen: {result.judged.screened.study.name}")
    return len(values)


def _computed_part(study: DopingStudy) -> dict[str, Any]:
    """Return what of a study decides what is computed."""
    return study.model_dump(mode="json", exclude={"name", "gates", "weights", "better", "without"})


def _code(plan: CellPlan | None) -> list[str]:
    """Return what the result of a whole study rests on beside the study: the code of the atoms and of what is built.

    The usual plan is named and not imported: a study that is read back needs none of what it computes with.
    """
    module, name = USUAL_PLAN if plan is None else (plan.__module__, plan.__qualname__)
    made = ("lirich.atoms", "lirich.workbench.screening.prospects", "lirich.workbench.screening.kept_cells")
    return [code_hash(*made, module), f"{module}:{name}"]


def _compute(
    study: DopingStudy,
    plan: CellPlan | None,
    models: Models | None,
    cache: Path | None,
    executor: str,
    workers: int | None,
    progress: Callable[[Progress], None] | None,
) -> tuple[Screened, bool]:
    """Return what was computed, and whether it may be kept whole: no failure that may be gone next time."""
    from lirich.atoms.calculators import calculator
    from lirich.atoms.plan import together
    from lirich.workbench.crystals.plans import PlanRunner
    from lirich.workbench.screening.cells import cell_plan, expected_cost, need_computable
    from lirich.workbench.screening.prospects import hosts_of, prospects

    if models is not None:
        for name in study.calculators:
            make_known(models, name)
    versions = {name: calculator(name).version for name in study.calculators}
    of_cell: CellPlan = cell_plan if plan is None else plan
    began = time.monotonic()
    with named(study.host.file):
        hosts = hosts_of(study)
    found = prospects(study, hosts)
    need_computable(study, hosts, found)
    undoped = [host.structure() for host in hosts]
    cells: list[tuple[int, int, Structure, Structure | None]] = [(-1, n, c, None) for n, c in enumerate(undoped)]
    for i, prospect in enumerate(found):
        cells += [(i, n, undoped[o], variant.structure) for n, (o, variant) in enumerate(prospect.cells)]
    asked = [(*cell, name) for cell in cells for name in study.calculators]
    runner = PlanRunner(
        cache=None if cache is None else cache / "jobs",
        executor=executor,
        workers=workers,
        expected_cost=sum(expected_cost(study, len(crystal)) for _, _, crystal, _, _ in asked),
        progress=progress,
    )
    plans = [of_cell(study, host, doped, name) for _, _, host, doped, name in asked]
    if models is not None:
        plans = [with_potential(models, name, each) for (*_, name), each in zip(asked, plans, strict=True)]
    answers = runner.run(together(plans))
    gathered = _gathered(study, versions, hosts, found, list(zip(asked, answers, strict=True)), runner.tally, began)
    return gathered, not runner.tally.passing


def _gathered(
    study: DopingStudy,
    versions: Mapping[str, str],
    hosts: Sequence[Arrangement],
    found: Sequence[Prospect],
    answers: Sequence[tuple[tuple[int, int, Structure, Structure | None, str], CellNumbers | LirichError]],
    tally: Tally,
    began: float,
) -> Screened:
    """Return what was computed, the numbers with their candidates; -1 stands for the undoped."""
    from lirich.workbench.screening.prospects import built, host_cell

    readings: dict[int, list[Reading]] = defaultdict(list)
    notes: dict[tuple[int, int], dict[str, list[str]]] = defaultdict(dict)
    failures: dict[int, list[str]] = defaultdict(list)
    relaxed: dict[tuple[int, int], list[Relaxed]] = defaultdict(list)
    efforts: dict[tuple[int, int], dict[str, Effort]] = defaultdict(dict)
    several = len(study.calculators) > 1
    for (who, n, _, _, name), answer in answers:
        if isinstance(answer, LirichError):
            failures[who].append(f"{name}: {answer}" if several else str(answer))
        else:
            readings[who] += [r.model_copy(update={"cell": n, "calculator": name}) for r in answer.readings]
            for note in dict.fromkeys(answer.notes):
                notes[who, n].setdefault(note, []).append(name)
            relaxed[who, n] += [cell.model_copy(update={"calculator": name}) for cell in answer.relaxed]
            efforts[who, n][name] = answer.effort

    def noted(cell: Built, who: int, n: int) -> Built:
        """Return the cell with its notes; one that not all calculators share says of which it is."""
        said = notes[who, n].items()
        words = [note if len(by) == len(study.calculators) else f"{', '.join(by)}: {note}" for note, by in said]
        kept = {"relaxed": tuple(relaxed[who, n]), "efforts": dict(efforts[who, n])}
        return cell.model_copy(update={**kept, "notes": tuple(words)})

    host = Tried(
        name="undoped",
        cells=tuple(noted(host_cell(n, each), -1, n) for n, each in enumerate(hosts)),
        readings=tuple(readings[-1]),
        failures=tuple(dict.fromkeys(failures[-1])),
    )
    plain = [p.number for p in found] == list(range(len(found)))
    tried = tuple(
        Tried(
            name=p.name,
            doping=None if plain else p.number,
            elements=p.doping.dopants.elements,
            dopants=tuple(each.words for each in p.cells[0][1].dopants) if p.cells else (),
            cells=tuple(noted(built(ordering, variant), i, n) for n, (ordering, variant) in enumerate(p.cells)),
            readings=tuple(readings[i]),
            failures=tuple(dict.fromkeys((*p.failures, *failures[i]))),
        )
        for i, p in enumerate(found)
    )
    return Screened(
        study=study,
        host=host,
        tried=tried,
        versions=versions,
        lirich=__version__,
        jobs=tally.jobs,
        same=tally.same,
        seconds=round(time.monotonic() - began, 1),
    )

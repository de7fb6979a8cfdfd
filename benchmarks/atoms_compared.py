"""What a study of dopants says with another potential, and with another way to be neutral: the same cells otherwise.

Both run the verb *screen* in this process and keep what they compute in a folder, so that a run that was stopped goes
on. CPU seconds are those of the run that computed; one that reads back says so.
"""

from __future__ import annotations

import math
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path
from statistics import fmean
from typing import Any

from pymatgen.core.structure import Structure
from scipy.stats import spearmanr

from lirich.atoms.calculators import calculator
from lirich.atoms.descriptors.charged import same_places
from lirich.atoms.descriptors.oxygen import oxygen_reference
from lirich.atoms.descriptors.vacancy import CHANGE, VACANCY, OxygenSite, vacancy_energies
from lirich.atoms.dopants import Dopant, Variant, variants
from lirich.atoms.plan import Plan, run_here
from lirich.atoms.relax import RelaxationSettings, relaxation_job, relaxed, warm_start
from lirich.screening.screened import Reading, Tried
from lirich.workbench.crystals.plans import PlanRunner
from lirich.workbench.screening.prospects import hosts_of, prospects
from lirich.workbench.screening.result import ScreenResult
from lirich.workbench.screening.screen import make_screen, run_screen

STUDY: dict[str, Any] = {
    "host": {"formula": "Li1.2Mn0.6Ni0.2O2", "atoms": 60},
    "concentration_percent": 8,
    "compensations": ["redox", "li-vacancy", "exchange"],
    "lithium_removed": [0.0],
    "oxygen_sites": 1,
    "descriptors": [VACANCY, CHANGE],
    "weights": {CHANGE: 1},
}
"""One dopant in a cell of 60 atoms, discharged; the oxygen beside it that the undoped cell holds least."""
DOPANTS = ("W", "Nb", "Ti", "Al", ["Na", "W"])


def calculators(names: Sequence[str], orderings: int, folder: Path) -> None:
    """Print the changes of the vacancy energy by calculator and ordering, and how alike they rank."""
    study = {**STUDY, "host": {**STUDY["host"], "orderings": orderings}, "dopants": DOPANTS}
    print(f"{', '.join(names)}: {len(DOPANTS)} dopants, {orderings} orderings, 60 atoms, discharged; eV")
    changes: dict[str, dict[str, dict[int, float]]] = {}
    sites: dict[tuple[str, int], dict[str, str]] = defaultdict(dict)
    for name in names:
        result = _computed({**study, "calculators": [name]}, folder)
        oxygen = run_here(oxygen_reference(RelaxationSettings(calculator=name)))
        undoped = [r.value for r in result.judged.screened.host.readings if r.value is not None]
        zero = oxygen.words or ("half an O2 is brought along" if oxygen.ev is not None else oxygen.why)
        print(f"  {name} ({calculator(name).version}): {zero}")
        print(f"    undoped: weakest oxygen {', '.join(f'{v:.2f}' for v in undoped)}")
        changes[name] = {}
        for tried in result.judged.screened.tried:
            near = _near(tried)
            changes[name][tried.name] = {o: r.value for o, r in near.items() if r.value is not None}
            for ordering, reading in near.items():
                sites[tried.name, ordering][name] = reading.where
    dopants = list(changes[names[0]])
    _table("change", dopants, {name: changes[name] for name in names})
    for (dopant, ordering), where in sites.items():
        if len(set(where.values())) > 1:
            told = "; ".join(f"{name}: {place}" for name, place in where.items())
            print(f"  {dopant}, ordering {ordering}: not the same oxygen ({told})")
    means = {name: [fmean(changes[name][d].values()) for d in dopants] for name in names}
    for a, b in combinations(names, 2):
        apart = [y - x for x, y in zip(means[a], means[b], strict=True)]
        words = f"mean {fmean(apart):+.2f}, mean size {fmean(map(abs, apart)):.2f}, largest {max(apart, key=abs):+.2f}"
        print(f"  {b} less {a}: {words}; Spearman {spearmanr(means[a], means[b]).statistic:.2f}")
    for name in names:
        for a, b in combinations(range(orderings), 2):
            columns = [[changes[name][d][o] for d in dopants] for o in (a, b)]
            print(f"  {name}, orderings {a} and {b}: Spearman {spearmanr(*columns).statistic:.2f}")
    whole = _computed({**study, "calculators": list(names)}, folder)
    print("  of all calculators together, 90 %:")
    _figures(whole)


def compensation(orderings: int, folder: Path) -> None:
    """Print the changes of W and Nb, made neutral in each way: on the places of the study, then on one place."""
    print(f"W and Nb by each way, {orderings} orderings, 60 atoms, discharged, chgnet; eV")
    study = {**STUDY, "host": {**STUDY["host"], "orderings": orderings}, "dopants": ["W", "Nb"], "ways": 4}
    result = _computed(study, folder)
    changes = {}
    for tried in result.judged.screened.tried:
        near = _near(tried)
        changes[tried.name] = {o: r.value for o, r in near.items() if r.value is not None}
        for cell in tried.cells:
            reading = near[cell.ordering]
            told = "; ".join(filter(None, (cell.compensation, reading.where, *reading.doubts, reading.why)))
            print(f"  {tried.name}, ordering {cell.ordering}: {cell.formula}: {told}")
        for words in tried.failures:
            print(f"  {tried.name}: {words}")
    _table("change", list(changes), {"chgnet": changes})
    _figures(result)
    began = time.process_time()
    runner = PlanRunner(cache=folder / "jobs", executor="serial")
    print(
        "  the dopant on the place of its first way, the six oxygens beside it: mean (lowest … highest), the same less"
    )
    print("  that of the first way: mean (lowest … highest)")
    made = make_screen(study)
    for ordering, host in enumerate(hosts_of(made)):
        by_way = prospects(made, [host])
        for element, charge in (("W", 6), ("Nb", 5)):
            usual = next(p.cells[0][1] for p in by_way if p.doping.dopants.name == element)
            place = usual.arrangement.roles.index("dopant")
            first: list[float] = []
            for kind in made.compensations:
                cell = variants(host, [Dopant(element=element, charge=charge)], [place], kinds=(kind,))[0]
                found = runner.run(_six_changes(host.structure(), cell))
                first = first or found
                less = [x - y for x, y in zip(found, first, strict=True)]
                told = f"{_span(found)}; {_span(less)}"
                print(f"  {element}, ordering {ordering}, {cell.compensation.words:<18} {told}", flush=True)
    print(f"  {runner.tally.jobs} calculations, {time.process_time() - began:.0f} CPU s")


def _six_changes(host: Structure, variant: Variant) -> Plan[list[float]]:
    """Return the change of the vacancy energy, eV, of the six oxygens next to the dopant, in the order of the host."""
    settings = RelaxationSettings(kicks=0)
    free = settings.model_copy(update={"cell": "free"})
    doped = variant.structure
    (outcome,) = yield [relaxation_job(host, free, "host")]
    base = relaxed(outcome)
    (outcome,) = yield [relaxation_job(doped, free, "doped", start=warm_start(doped, host, base.crystal))]
    own = relaxed(outcome)
    places = same_places(host, doped)
    (here,) = (i for i, j in places.items() if j == variant.dopant_sites[0])
    oxygens = [i for i, site in enumerate(host) if site.specie.symbol == "O"]
    six = sorted(sorted(oxygens, key=lambda i: host.get_distance(here, i))[:6])
    near = [OxygenSite(places[i], f"O {i}", "near") for i in six]
    mine = yield from vacancy_energies(own, near, settings, oxygen_ev=0.0)
    theirs = yield from vacancy_energies(base, [OxygenSite(i, f"O {i}", "") for i in six], settings, oxygen_ev=0.0)
    pairs = [(a.value, b.value) for a, b in zip(mine, theirs, strict=True)]
    return [math.nan if a is None or b is None else a - b for a, b in pairs]


def _span(values: Sequence[float]) -> str:
    there = [v for v in values if not math.isnan(v)]
    lost = f", {len(values) - len(there)} lost" if len(there) < len(values) else ""
    return f"{fmean(there):+.3f} ({min(there):+.2f} … {max(there):+.2f}{lost})" if there else "none"


def _figures(result: ScreenResult) -> None:
    for candidate in result.judged.candidates:
        figure = candidate.figures.get(CHANGE)
        if figure is not None:
            span = "no interval" if figure.low is None else f"{figure.low:+.2f} … {figure.high:+.2f}"
            print(f"    {candidate.name:<20} {figure.value:+.2f} ({span})")


def _computed(study: Mapping[str, Any], folder: Path) -> ScreenResult:
    began = time.process_time()
    result = run_screen(make_screen(dict(study)), cache=folder, executor="serial")
    spent = time.process_time() - began
    names = ", ".join(result.judged.screened.study.calculators)
    kept = " (read back)" if result.cached else ""
    print(f"  {names}: {result.judged.screened.jobs} calculations, {spent:.0f} CPU s{kept}", flush=True)
    return result


def _near(tried: Tried) -> dict[int, Reading]:
    """Return the change beside the dopant by ordering."""
    return {tried.cells[r.cell].ordering: r for r in tried.readings if r.quantity == CHANGE and r.region == "near"}


def _table(what: str, rows: Sequence[str], columns: Mapping[str, Mapping[str, Mapping[int, float]]]) -> None:
    """Print the mean over orderings, and each of them."""
    print(f"  {what:<18}" + "".join(f"{name:>34}" for name in columns))
    for row in rows:
        cells = []
        for of in columns.values():
            values = [of[row][o] for o in sorted(of[row])]
            each = ", ".join(f"{v:+.3f}" for v in values)
            cells.append(f"{fmean(values):+.3f} ({each})" if values else "no number")
        print(f"  {row:<18}" + "".join(f"{cell:>34}" for cell in cells), flush=True)

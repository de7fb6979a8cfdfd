"""CHGNet and relaxations beside chgnet's own calculator and `StructOptimizer`: same weights, same cells, same bounds.

    python benchmarks/atoms.py force|agree|relax|candidates|all [--rounds 5] [--cases 9] [--candidates 3]
    python benchmarks/atoms.py calculators [--calculators chgnet chgnet:r2scan …] [--orderings 2] [--folder FOLDER]
    python benchmarks/atoms.py compensation [--orderings 2] [--folder FOLDER]

CPU seconds of one process with one thread; the two take turns. ``force`` is one call of the fixed-cell path against one
call of ``CHGNetCalculator``; ``relax`` runs defects of a 60-atom Li18Mn9Ni3O30 cell (vacancies, dopants, Mn in the Li
layer, half the Li gone) to 0.05 eV/Å, and the cell itself with free lattice; plain, then ours with kicks and stock from
where those ended.
``agree`` runs the same relaxations, kicks and all, with chgnet's own calculator behind lirich's door for those of ASE:
same starts and settings, another path to the forces. ``candidates`` runs whole candidates through the verb *screen*,
and the jobs of the same plan in a loop over ``StructOptimizer``, which starts from the cells as built and knows what it
has computed. One counts where its change of the oxygen-vacancy energy is there. ``calculators`` and ``compensation``
(`atoms_compared`) print what one study says with several potentials, and by several ways to be neutral; no target. The
exit status is 1 where a target is missed.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import statistics
import time
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from chgnet.model.dynamics import CHGNetCalculator, StructOptimizer
from pymatgen.core.lattice import Lattice
from pymatgen.core.structure import Structure

from atoms_cells import defects, host
from atoms_compared import calculators, compensation
from lirich.atoms.ase_calculator import AseCalculator, atoms_of
from lirich.atoms.calculators import calculator, offer
from lirich.atoms.chgnet import load_model
from lirich.atoms.descriptors.vacancy import CHANGE, VACANCY
from lirich.atoms.endstates import compare_ends
from lirich.atoms.plan import Plan
from lirich.atoms.relax import Relaxation, RelaxationSettings, relax_task, relaxation_job, relaxed
from lirich.model import content_hash
from lirich.screening.screened import CellNumbers, Reading
from lirich.workbench.screening.cells import cell_plan
from lirich.workbench.screening.prospects import hosts_of, prospects
from lirich.workbench.screening.screen import make_screen, run_screen

missed: list[str] = []


def told(name: str, value: float, target: str = "", met: bool | None = None) -> None:
    verdict = "" if met is None else ("   met" if met else "   MISSED")
    print(f"  {name:<66} {value:9.4g}  {target}{verdict}", flush=True)
    if met is not None and not met:
        missed.append(name)


def cpu(work: Callable[[], object]) -> tuple[float, object]:
    began = time.process_time()
    result = work()
    return time.process_time() - began, result


def stock_calculator() -> CHGNetCalculator:
    with contextlib.redirect_stdout(io.StringIO()):
        return CHGNetCalculator(load_model(), use_device="cpu")


def force(cell: Structure, rounds: int) -> None:
    print("one call, 60 atoms, the atoms off their places by 0.05 Å")
    ours, theirs = calculator("chgnet"), stock_calculator()
    spent: dict[str, list[float]] = {"forces": [], "forces and stress": [], "stock": []}
    worst_energy = worst_force = 0.0
    for turn in range(rounds + 1):
        moved = cell.copy()
        for i, step in enumerate(np.random.default_rng(turn).normal(scale=0.05, size=(len(cell), 3))):
            moved.translate_sites([i], step, frac_coords=False)
        atoms = atoms_of(moved)
        atoms.calc = theirs
        stock, _ = cpu(atoms.get_forces)
        plain, _ = cpu(lambda s=moved: ours.evaluate(s))
        both, said = cpu(lambda s=moved: ours.evaluate(s, stress=True))
        worst_energy = max(worst_energy, abs(said.energy_ev - atoms.get_potential_energy()) / len(cell))
        worst_force = max(worst_force, float(np.abs(said.forces_ev_a - atoms.get_forces()).max()))
        if turn:
            for name, seconds in zip(spent, (plain, both, stock), strict=True):
                spent[name].append(seconds)
    middle = {name: statistics.median(values) for name, values in spent.items()}
    told("stock call, CPU s", middle["stock"])
    share = middle["forces"] / middle["stock"]
    told("fixed-cell call over stock call", share, "<= 0.55", share <= 0.55)
    told("free-cell call over stock call", middle["forces and stress"] / middle["stock"])
    told("largest difference of energy, meV/atom", 1e3 * worst_energy, "<= 1", worst_energy <= 1e-3)
    told("largest difference of a force, eV/Å", worst_force)


def agree(cell: Structure, cases: int) -> None:
    """Relax each cell with both calculators, all else the same; energies, and vacancies as differences of them."""
    print("the same relaxations with lirich's path and with chgnet's calculator: fmax 0.05 eV/Å, two kicks")
    stock = AseCalculator(stock_calculator(), name="stock", version=load_model().version)
    offer(stock)
    ours, theirs = RelaxationSettings(), RelaxationSettings(calculator=stock.name)

    def run(structure: Structure, settings: RelaxationSettings) -> Relaxation:
        return relaxed(relax_task(relaxation_job(structure, settings).parameters))

    start = run(cell, RelaxationSettings(cell="free")).crystal
    energies: dict[str, tuple[float, float]] = {}
    for name, structure in [("host", start), *list(defects(start).items())[:cases]]:
        mine, other = run(structure, ours), run(structure, theirs)
        energies[name] = (mine.energy_ev, other.energy_ev)
        apart = 1e3 * abs(mine.energy_ev - other.energy_ev) / len(structure)
        told(f"{name} ({mine.force_calls} and {other.force_calls} calls), meV/atom", apart, "<= 1", apart <= 1)
    for name, whole in VACANCIES:
        if name in energies:
            mine_ev, other_ev = (a - b for a, b in zip(energies[name], energies[whole], strict=True))
            off = 1e3 * (mine_ev - other_ev)
            told(f"V_O of {name}, ours less stock, meV", off, "within 5", abs(off) <= 5)


VACANCIES = (("O vacancy 1", "host"), ("O vacancy 2", "host"), ("W on Mn, O vacancy", "W on Mn"))
KICKS = 2


def relax(cell: Structure, cases: int) -> None:
    """Relax each cell by both from the same start; then ours with kicks, and stock from the end of ours."""
    print("relaxations to 0.05 eV/Å; calls and CPU s of the plain runs, energies in meV/atom")
    with contextlib.redirect_stdout(io.StringIO()):
        optimiser = StructOptimizer(load_model(), use_device="cpu")

    def stock(structure: Structure, free: bool) -> tuple[float, int, float]:
        seconds, result = cpu(lambda: optimiser.relax(structure, fmax=0.05, relax_cell=free, verbose=False))
        trajectory = result["trajectory"]
        return seconds, len(trajectory), trajectory.energies[-1]

    def ours(structure: Structure, free: bool, kicks: int = 0) -> tuple[float, Relaxation]:
        settings = RelaxationSettings(cell="free" if free else "fixed", kicks=kicks)
        seconds, result = cpu(lambda: relaxed(relax_task(relaxation_job(structure, settings).parameters)))
        return seconds, result

    calculator("chgnet").evaluate(cell)
    heads = f"{'ours s':>7} {'stock s':>8} {'calls':>6} {'stock':>6} {'ours-stock':>11} {'kicked-plain':>13}"
    print(f"  {'case':<20} {heads} {'stock from there':>17}  end")
    seconds, calls = [0.0, 0.0], [0, 0]
    energies: dict[str, tuple[float, float, float, float]] = {}
    atoms: dict[str, int] = {}

    def compare(name: str, structure: Structure, free: bool) -> None:
        mine, found = ours(structure, free)
        theirs, steps, energy = stock(structure, free)
        _, kicked = ours(structure, free, KICKS)
        _, _, from_there = stock(kicked.crystal, free)
        for k, (spent, count) in enumerate(((mine, found.force_calls), (theirs, steps))):
            seconds[k] += spent
            calls[k] += count
        energies[name] = (found.energy_ev, energy, kicked.energy_ev, from_there)
        atoms[name] = len(structure)
        plain, kick, there = (
            1e3 * (x - y) / len(structure)
            for x, y in ((found.energy_ev, energy), (kicked.energy_ev, found.energy_ev), (from_there, kicked.energy_ev))
        )
        state = found.end.kind if found.converged else "not converged"
        row = f"{mine:7.2f} {theirs:8.2f} {found.force_calls:6d} {steps:6d} {plain:11.3f} {kick:13.3f} {there:17.3f}"
        print(f"  {name:<20} {row}  {state}", flush=True)

    _, host_found = ours(cell, True)
    compare("host", host_found.crystal, False)
    for name, structure in list(defects(host_found.crystal).items())[:cases]:
        compare(name, structure, False)
    compare("host, free cell", cell, True)
    ratio = seconds[1] / seconds[0]
    told("relaxations per hour, over the loop over StructOptimizer", ratio, ">= 4", ratio >= 4)
    told("calls, ours over stock", calls[0] / calls[1])
    # of the plain runs no agreement is asked: two ways down from one start may end in two basins
    for words, a, b, asked in (
        ("plain, ours and stock", 0, 1, False),
        ("kicked end, ours and stock from there", 2, 3, True),
    ):
        apart = max(abs(e[a] - e[b]) / atoms[name] for name, e in energies.items())
        verdict = ("<= 1", apart <= 1e-3) if asked else ()
        told(f"{words}: largest difference, meV/atom", 1e3 * apart, *verdict)
        for name, whole in VACANCIES:
            if name in energies:
                off = (energies[name][a] - energies[whole][a]) - (energies[name][b] - energies[whole][b])
                verdict = ("within 5", abs(off) <= 5e-3) if asked else ()
                told(f"{words}: V_O of {name}, meV", 1e3 * off, *verdict)


STUDY = {
    "name": "benchmark",
    "host": {"formula": "Li1.2Mn0.6Ni0.2O2", "atoms": 24, "orderings": 1},
    "compensations": ["redox", "exchange", "li-vacancy"],
    "oxygen_sites": 1,
    "descriptors": [VACANCY, CHANGE],
    "weights": {CHANGE: 1},
}
"""The shipped study ``demo`` in a smaller cell with one ordering and one oxygen beside the dopant: three relaxations a
candidate, and three of the undoped cell, which candidates on one place share."""
DOPANTS = ("Ti", "Al", "Nb", "W")


class StockLoop:
    """Runs the jobs of plans in a loop over ``StructOptimizer``, each job of one content once, from the cell as built.

    The plan is the same, so structures, bounds and the judgement of the ends are too.
    """

    def __init__(self) -> None:
        with contextlib.redirect_stdout(io.StringIO()):
            self.optimiser = StructOptimizer(load_model(), use_device="cpu")
        self.known: dict[str, dict[str, object]] = {}

    def run(self, plan: Plan[CellNumbers]) -> CellNumbers:
        """Run a plan to its end."""
        try:
            jobs = next(plan)
            while True:
                jobs = plan.send([self.outcome(job.parameters) for job in jobs])
        except StopIteration as end:
            return end.value

    def outcome(self, parameters: Mapping[str, Any]) -> dict[str, object]:
        """Return what a job gives, computed or known."""
        key = content_hash({k: v for k, v in parameters.items() if k != "start"})
        if key not in self.known:
            self.known[key] = self.relaxed(parameters)
        return self.known[key]

    def relaxed(self, parameters: Mapping[str, Any]) -> dict[str, object]:
        """Relax what the parameters of a job of `lirich.atoms.relax` describe."""
        settings = RelaxationSettings.model_validate(parameters["settings"])
        built = Structure.from_dict(parameters["structure"])
        result = self.optimiser.relax(
            built,
            fmax=settings.force_max_ev_a,
            steps=settings.max_steps,
            relax_cell=settings.cell == "free",
            verbose=False,
        )
        path = result["trajectory"]
        after = built.copy()  # with the layers and charges that the plan asks for
        after.lattice = Lattice(path.cells[-1])
        for i, place in enumerate(path.atom_positions[-1]):
            after.replace(i, built[i].species, place, coords_are_cartesian=True, properties=built[i].properties)
        largest = float(np.linalg.norm(path.forces[-1], axis=1).max())
        steps = len(path) - 2  # the start and the end are there beside the steps
        return Relaxation(
            energy_ev=float(path.energies[-1]),
            structure=after.as_dict(),
            converged=steps < settings.max_steps,
            steps=steps,
            force_calls=steps + 1,
            force_max_ev_a=largest,
            moments_mub=tuple(map(float, path.magmoms[-1])),
            end=compare_ends(built, after),
            calculator="StructOptimizer",
            version="",
            seconds=0.0,
        ).model_dump(mode="json")


def candidates(count: int) -> None:
    """Compute whole candidates of a study, ours by the verb *screen* itself, with its folder of kept results."""
    print(f"{count} candidates of a study: ordered, made neutral, relaxed, oxygen taken out, beside the undoped cell")
    offer(AseCalculator(stock_calculator(), name="stock", version=load_model().version))
    loop = StockLoop()
    seconds, done = {"ours": 0.0, "stock": 0.0}, {"ours": 0, "stock": 0}
    apart: list[tuple[str, float]] = []
    with TemporaryDirectory() as folder:

        def screened(element: str, potential: str) -> list[Reading]:
            study = make_screen({**STUDY, "dopants": [element], "calculators": [potential]})
            (tried,) = run_screen(study, cache=Path(folder), executor="serial").judged.screened.tried
            return [r for r in tried.readings if r.calculator]

        for element in DOPANTS[:count]:
            study = make_screen({**STUDY, "dopants": [element]})
            spent, ours = cpu(lambda e=element: screened(e, "chgnet"))
            (host,) = hosts_of(study)
            (_, variant) = prospects(study, [host])[0].cells[0]
            stock_spent, theirs = cpu(
                lambda s=study, h=host, v=variant: loop.run(cell_plan(s, h.structure(), v.structure, "chgnet"))
            )
            for name, took, found in (("ours", spent, ours), ("stock", stock_spent, theirs.readings)):
                seconds[name] += took
                whole = [r for r in found if r.quantity == CHANGE and r.value is not None]
                done[name] += bool(whole)
                words = "; ".join(f"{r.where}: {r.value:+.3f} eV" for r in whole) or "not completed"
                print(f"  {element} {name}: {took:.1f} CPU s; {words}", flush=True)
            same = {(r.quantity, r.where): r.value for r in screened(element, "stock")}
            for r in ours:
                other = same.get((r.quantity, r.where))
                if r.value is not None and other is not None:
                    apart.append((f"{element}, {r.quantity}, {r.where}", 1e3 * (r.value - other)))
    hourly = {name: 3600 * done[name] / seconds[name] for name in done}
    told("completed candidates per CPU hour, ours", hourly["ours"])
    told("completed candidates per CPU hour, StructOptimizer", hourly["stock"])
    if hourly["stock"]:
        ratio = hourly["ours"] / hourly["stock"]
        told("ours over the loop over StructOptimizer", ratio, ">= 4", ratio >= 4)
    print("the same study with chgnet's own calculator behind the door: ours less stock, meV")
    for name, difference in apart:
        told(name[:66], difference, "within 5", abs(difference) <= 5)


TARGETS = ("force", "agree", "relax", "candidates")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=(*TARGETS, "all", "calculators", "compensation"))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--cases", type=int, default=9)
    parser.add_argument("--candidates", type=int, default=1)
    parser.add_argument("--calculators", nargs="+", default=["chgnet", "chgnet:r2scan"])
    parser.add_argument("--orderings", type=int, default=2)
    parser.add_argument("--folder", type=Path, default=Path(__file__).parent / ".screened")
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    if asked.what == "calculators":
        calculators(asked.calculators, asked.orderings, asked.folder)
    elif asked.what == "compensation":
        compensation(asked.orderings, asked.folder)
    else:
        targets(asked)
    if missed:
        raise SystemExit(1)


def targets(asked: argparse.Namespace) -> None:
    cell = host()
    if asked.what in ("force", "all"):
        force(cell, asked.rounds)
    if asked.what in ("agree", "all"):
        agree(cell, asked.cases)
    if asked.what in ("relax", "all"):
        relax(cell, asked.cases)
    if asked.what in ("candidates", "all"):
        candidates(asked.candidates)


if __name__ == "__main__":
    main()

"""A study that costs nothing: numbers from the electrostatics of formal charges, by jobs like any other."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pymatgen.core.structure import Structure

from lirich.atoms.calculators import offer
from lirich.atoms.evaluation import Evaluation
from lirich.atoms.ordering import ewald_matrix
from lirich.atoms.plan import Job, Plan
from lirich.errors import CalculatorError
from lirich.screening.screened import CellNumbers, Reading
from lirich.screening.study import DopingStudy

VACANCY = "oxygen_vacancy_formation_energy_ev"
CHANGE = "oxygen_vacancy_formation_energy_change_ev"
VOLUME = "volume_change"


class Electrostatics:
    """A calculator by name, so that no test waits for the weights of a real one."""

    version = "1"

    def __init__(self, name: str = "electrostatics") -> None:
        self.name = name

    def evaluate(self, structure: Structure, *, stress: bool = False, moments: bool = False) -> Evaluation:
        raise CalculatorError("The jobs of these tests ask for no forces")


offer(Electrostatics())
offer(Electrostatics("silent"))
STUDY: dict[str, Any] = {
    "name": "cheap",
    "host": {"formula": "Li1.2Mn0.6Ni0.2O2", "atoms": 60, "orderings": 2},
    "calculators": ["electrostatics"],
    "dopants": ["W", "Ti", "Al", ["Na", "W"]],
    "lithium_removed": [0.0, 0.5],
    "weights": {CHANGE: 2, VOLUME: 1},
    "gates": [{"quantity": CHANGE, "at_least": -1000.0}],
}
KILL_AT = "LIRICH_TEST_KILL_AT"
"""The environment variable that names a file of a number: the job that brings it to 0 kills its process."""


def oxygen_energy(parameters: Mapping[str, Any]) -> dict[str, float]:
    """The electrostatic energy of one O2- (eV), smeared: a number of the arrangement and of nothing else."""
    count_down()
    if parameters["broken"] in parameters["elements"]:
        raise CalculatorError(f"{parameters['broken']} gave NaN")
    crystal = Structure(parameters["lattice"], parameters["elements"], parameters["positions"])
    charges = parameters["charges"]
    oxygen = [i for i, element in enumerate(parameters["elements"]) if element == "O"]
    field = ewald_matrix(crystal) @ charges
    return {"vacancy": float(-2 * 2 * max(field[i] for i in oxygen) / 50), "volume": crystal.volume / len(crystal)}


def count_down() -> None:
    path = os.environ.get(KILL_AT)
    if path is None:
        return
    left = int(Path(path).read_text()) - 1
    Path(path).write_text(str(left))
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)


def job_of(crystal: Structure, broken: str = "") -> Job:
    return Job(
        oxygen_energy,
        {
            "lattice": crystal.lattice.matrix.tolist(),
            "elements": [site.specie.symbol for site in crystal],
            "positions": crystal.frac_coords.tolist(),
            "charges": [float(q) for q in crystal.site_properties["charge"]],
            "broken": broken,
        },
        cost=float(len(crystal)),
    )


def cheap_plan(study: DopingStudy, host: Structure, doped: Structure | None, calculator: str) -> Plan[CellNumbers]:
    return (yield from _plan(host, doped, ""))


def plan_without_aluminium(
    study: DopingStudy, host: Structure, doped: Structure | None, calculator: str
) -> Plan[CellNumbers]:
    return (yield from _plan(host, doped, "Al"))


def plan_of_a_silent_one(
    study: DopingStudy, host: Structure, doped: Structure | None, calculator: str
) -> Plan[CellNumbers]:
    """The calculator ``silent`` knows no titanium."""
    if calculator == "silent" and doped is not None and "Ti" in doped.symbol_set:
        raise CalculatorError("silent knows no Ti")
    return (yield from _plan(host, doped, ""))


def _plan(host: Structure, doped: Structure | None, broken: str) -> Plan[CellNumbers]:
    cells = [host] if doped is None else [host, doped]
    outcomes = yield [job_of(cell, broken) for cell in cells]
    own = outcomes[-1]
    if isinstance(own, Exception):
        raise own
    readings = (
        Reading(quantity=VACANCY, value=own["vacancy"]),
        Reading(quantity=VOLUME, value=own["volume"]),
    )
    return CellNumbers(readings=readings, notes=("electrostatics alone",))


def run_until_killed(root: Path, counter: Path) -> None:
    """Run the study in this process, which a job will kill."""
    from lirich.workbench.screening.screen import make_screen, run_screen

    os.environ[KILL_AT] = str(counter)
    run_screen(make_screen(STUDY), cache=root, executor="serial", plan=cheap_plan)

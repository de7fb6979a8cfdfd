"""What is wrong in a study, in a crystal or in a calculator is an answer of ``lirich screen dopants``, not its end."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("chgnet")

from ase.calculators.calculator import Calculator as AseBase
from ase.calculators.calculator import all_changes
from pymatgen.core.structure import Structure

from command_line import run
from lirich.atoms.ase_calculator import AseCalculator
from lirich.atoms.calculators import calculator, offer
from lirich.atoms.evaluation import Evaluation
from lirich.atoms.hosts import li2mno3
from lirich.atoms.text import write_structure

CHANGE = "oxygen_vacancy_formation_energy_change_ev"


@functools.cache
def healthy(elements: tuple[str, ...], cell: bytes, positions: bytes) -> Evaluation:
    """What CHGNet says of atoms; each illness sees the same healthy ones, and they are computed once."""
    lattice, places = np.frombuffer(cell).reshape(3, 3), np.frombuffer(positions).reshape(-1, 3)
    crystal = Structure(lattice, elements, places, coords_are_cartesian=True)
    return calculator("chgnet").evaluate(crystal, stress=True)


class Sick(AseBase):
    """CHGNet as an ASE calculator of a third party that fails in its own way where there is zirconium."""

    implemented_properties = ("energy", "forces", "stress")

    def __init__(self, illness: str) -> None:
        super().__init__()
        self.illness = illness

    def calculate(self, atoms: Any = None, properties: Any = ("energy",), system_changes: Any = all_changes) -> None:
        super().calculate(atoms, properties, system_changes)
        sick = "Zr" in atoms.get_chemical_symbols()
        if sick and self.illness == "raises":
            raise ZeroDivisionError("division by zero in a third party's code")
        said = healthy(tuple(atoms.get_chemical_symbols()), atoms.cell.array.tobytes(), atoms.positions.tobytes())
        assert said.stress_ev_a3 is not None
        forces = said.forces_ev_a * (np.nan if sick and self.illness == "forces" else 1.0)
        energy = np.nan if sick and self.illness == "energy" else said.energy_ev
        stress = said.stress_ev_a3
        voigt = np.array([stress[0, 0], stress[1, 1], stress[2, 2], stress[1, 2], stress[0, 2], stress[0, 1]])
        self.results = {"energy": energy, "forces": forces, "stress": voigt}


def study(folder: Path, **changes: Any) -> None:
    text = {
        "host": {"formula": "Li2MnO3", "atoms": 12, "orderings": 1},
        "dopants": ["Ti", "Zr"],
        "concentration_percent": 50,
        "oxygen_sites": 1,
        "relaxation": {"force_max_ev_a": 0.1},
        "descriptors": ["oxygen_vacancy_formation_energy_ev"],
        "weights": {CHANGE: 1},
        **changes,
    }
    (folder / "study.yaml").write_text(json.dumps(text), encoding="utf-8")  # JSON is YAML


@pytest.mark.slow
@pytest.mark.parametrize(
    ("illness", "words"),
    [("energy", "no finite"), ("forces", "no finite"), ("raises", "division by zero in a third party's code")],
)
def test_a_calculator_that_fails_costs_its_candidate_alone(tmp_path: Path, illness: str, words: str) -> None:
    offer(AseCalculator(Sick(illness), name=f"sick-{illness}", version="1"))
    study(tmp_path, calculators=[f"sick-{illness}"])
    told = run("screen", "dopants", "study.yaml", "--json", "--executor", "serial", cwd=tmp_path)
    assert told.code == 0, told.err
    rows = {row["name"]: row for row in json.loads(told.out)["candidates"]}
    assert rows["Ti"]["rank"] == 1
    assert rows["Zr"]["rank"] is None
    assert words in rows["Zr"]["missing"][CHANGE]


def test_a_charge_that_nothing_takes_up_is_a_row(tmp_path: Path) -> None:
    """Al³⁺ for Mn⁴⁺ in Li2MnO3 leaves an odd electron that no ion of the cell can have."""
    study(tmp_path, dopants=["Al"])
    told = run("screen", "candidates", "study.yaml", "--json", cwd=tmp_path)
    assert told.code == 0, told.err
    (row,) = json.loads(told.out)["candidates"]
    assert "A charge of -1 that nothing takes up" in row["failures"][0]
    for once in ("A charge of", "redox:", "exchange:", "li-vacancy:", "Expected:", "Allow further kinds"):
        assert row["failures"][0].count(once) == 1


def broken(what: str) -> str:
    text = write_structure(li2mno3())
    lines = text.splitlines()
    first = next(i for i, line in enumerate(lines) if line.split()[:1] == ["Mn"] and len(line.split()) > 4)
    if what == "cut":
        return "\n".join(lines[: len(lines) // 3])
    if what == "overlap":
        label, name, *rest = lines[first].split()
        moved = [*rest[:1], f"{float(rest[1]) + 0.02:.4f}", *rest[2:]]
        return "\n".join([*lines, " ".join([label, f"{name}b", *moved])])
    return text.replace("Mn", "Xq")


@pytest.mark.parametrize(("what", "words"), [("cut", "CIF cannot be read"), ("overlap", "Å apart"), ("element", "Xq")])
def test_a_crystal_that_cannot_be_is_refused_in_words(tmp_path: Path, what: str, words: str) -> None:
    (tmp_path / "host.cif").write_text(broken(what), encoding="utf-8")
    study(tmp_path, host={"file": "host.cif"})
    told = run("screen", "dopants", "study.yaml", "--executor", "serial", cwd=tmp_path)
    assert told.code != 0
    assert words in " ".join(told.err.split())
    assert "Traceback" not in told.err


def test_an_unknown_element_or_calculator_is_refused_by_name(tmp_path: Path) -> None:
    study(tmp_path, dopants=["Tj"])
    told = run("screen", "dopants", "study.yaml", cwd=tmp_path)
    assert told.code != 0
    assert "'Tj'" in told.err
    study(tmp_path, calculators=["chgnte"])
    told = run("screen", "dopants", "study.yaml", "--executor", "serial", cwd=tmp_path)
    assert told.code != 0
    assert "chgnte" in told.err
    told = run("screen", "dopants", "study.yaml", "--dry-run", cwd=tmp_path)  # not after an hour, but before
    assert told.code != 0
    assert "chgnte" in told.err

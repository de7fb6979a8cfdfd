"""``lirich interface``: the answers on the command line, and the sources of energies."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from command_line import run

pytest.importorskip("pymatgen.core")


def test_a_window(tmp_path: Path) -> None:
    told = run("interface", "window", "Li3PO4", "--json", cwd=tmp_path)
    assert told.code == 0
    (found,) = json.loads(told.out)["windows"]
    assert found["oxidation"]["voltage"] == pytest.approx(4.21, abs=0.03)
    assert found["coverage"]["grade"] == "A"
    words = run("interface", "window", "Li3PO4", cwd=tmp_path).out
    assert "4.21" in words
    assert "Coverage A" in words


def test_a_reaction_at_each_state_of_charge(tmp_path: Path) -> None:
    arguments = ("interface", "reaction", "Li6PS5Cl", "Li1.2Mn0.54Ni0.13Co0.13O2", "--states", "--json")
    found = json.loads(run(*arguments, cwd=tmp_path).out)["contacts"]
    assert found[0]["b"] == "discharged"
    assert len(found) == 7
    assert all(c["energy_ev_atom"] < -0.1 for c in found)
    assert "Li3PO4" in run("interface", "reaction", "Li3PS4", "LiCoO2", cwd=tmp_path).out


@pytest.mark.parametrize(
    "arguments",
    [
        ("window", "Li2AlO4"),
        ("reaction", "Li2AlO4", "LiCoO2"),
        ("map", "Li2AlO4", "LiNbO3", "--cathode", "LiCoO2"),
        ("stack", "LiCoO2", "Li2AlO4", "Li6PS5Cl"),
    ],
)
def test_a_formula_that_no_charges_balance_is_named(arguments: tuple[str, ...], tmp_path: Path) -> None:
    told = run("interface", *arguments, cwd=tmp_path)
    assert told.code == 0
    assert "Li2AlO4 is no compound of the table, and usual charges do not balance it" in " ".join(told.out.split())
    assert told.out.count("do not balance") == 1


def test_energies_of_ones_own(tmp_path: Path) -> None:
    # LiCl and its elements alone: V = −E(LiCl) of the formula
    entries = [
        {"composition": {"Li": 1}, "energy": -1.9},
        {"composition": {"Cl": 2}, "energy": -3.6},
        {"composition": {"Li": 1, "Cl": 1}, "energy": -1.9 - 1.8 - 4.0},
    ]
    (tmp_path / "mine.json").write_text(json.dumps(entries))
    told = run("interface", "window", "LiCl", "--energies", "mine.json", "--json", cwd=tmp_path)
    assert json.loads(told.out)["windows"][0]["oxidation"]["voltage"] == pytest.approx(4.0)


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (("window", "Li3PuO4"), "CompositionError"),
        (("window", "Li3PO4", "--energies", "nowhere.json"), "InputError"),
        (("reaction", "Li3PO4", "Li", "--voltage", "1"), "CompositionError"),
    ],
)
def test_errors_are_told(arguments: tuple[str, ...], error: str, tmp_path: Path) -> None:
    told = run("interface", *arguments, "--json", cwd=tmp_path)
    assert told.code == 2
    assert error in told.out + told.err


def test_the_materials_project_needs_its_client(tmp_path: Path) -> None:
    from importlib.util import find_spec

    if find_spec("mp_api") is not None:
        pytest.skip("mp-api is installed")
    told = run("interface", "window", "Li3PO4", "--energies", "mp", "--json", cwd=tmp_path)
    assert "OptionalDependencyError" in told.out + told.err

"""The table of reference energies: what is in it, what is not, and on which scale it stands."""

from __future__ import annotations

import csv
import json
import re
from importlib import resources

import numpy as np
import pytest

from lirich.errors import AnalysisError, CompositionError, InputError

pytest.importorskip("pymatgen.core")

from lirich.interfaces.embedded import constants, embedded_table
from lirich.interfaces.formulas import beyond_highest_states, reduced
from lirich.interfaces.phases import EnergyTable, Phase, table_of_json
from lirich.interfaces.simplex import minimise
from lirich.interfaces.windows import window

EV = 96.48533212
"""kJ/mol per eV (CODATA 2018)."""

ASKED = set(re.findall("[A-Z][a-z]?", "LiTiVCrMnFeCoNiOPSClBrIFBWNbZrLaAlMgTaYInSiGeCHGdNa"))
"""The elements of issue 6."""


def test_one_row_per_formula_each_with_scheme_source_and_error() -> None:
    phases = embedded_table().phases
    assert len({p.formula for p in phases}) == len(phases) > 8000
    assert all(p.scheme and p.source and p.sd_ev_atom > 0 and np.isfinite(p.formation_energy_ev_atom) for p in phases)
    assert len(ASKED) == 31
    assert embedded_table().elements >= ASKED


def test_no_hypothetical_oxide_and_no_perchlorate() -> None:
    known = embedded_table().by_formula
    assert not {"LiO2", "LiO3", "LiO8", "SiO3", "LiClO4", "NaClO4"} & set(known)
    assert {"Li2O2", "Na2O2", "KO2", "Li2SO4", "LiNO3", "Li2CO3"} <= set(known)
    assert not beyond_highest_states("Li2MnO3")
    assert not beyond_highest_states("LiNiO2")
    assert beyond_highest_states("LiClO4")
    assert beyond_highest_states("SiO3")


def test_constants_of_the_alignment_are_those_found_before() -> None:
    # the method sheet: O −0.310, S +0.018, Cl −0.069 per anion; Mn .43, Ni .39, W 1.95 (WO3 alone) per metal
    by = {(c.kind, c.name): c for c in constants()}
    for name, value, spread in (("O", -0.310, 0.01), ("S", 0.018, 0.005), ("Cl", -0.069, 0.005)):
        assert by["anion", name].value_ev == pytest.approx(value, abs=spread)
        assert by["anion", name].mad_ev < 0.01
    assert by["metal in oxides", "Mn"].value_ev == pytest.approx(0.43, abs=0.01)
    assert by["metal in oxides", "Ni"].value_ev == pytest.approx(0.39, abs=0.01)
    assert all(c.n >= 1 and c.derivation for c in constants())


def test_oxides_agree_with_measured_enthalpies() -> None:
    # kJ/mol of formula, Wagman et al. (1982)
    measured = {"Mn3O4": -1387.8, "Li2O": -597.9, "Al2O3": -1675.7, "MgO": -601.7}
    for formula, enthalpy in measured.items():
        phase = embedded_table().by_formula[formula]
        assert phase.formation_energy_ev_atom == pytest.approx(enthalpy / 96.485 / phase.atoms, abs=0.09)


def test_the_measured_enthalpies_are_those_that_pymatgen_carries() -> None:
    from monty.serialization import loadfn
    from pymatgen.analysis import compatibility

    (folder,) = list(compatibility.__path__)[:1]
    peer = {row["formula"]: row["exp energy"] * EV for row in loadfn(f"{folder}/exp_compounds.json.gz")}
    rows = list(csv.DictReader((resources.files("lirich.interfaces") / "anchors.csv").read_text("utf-8").splitlines()))
    assert {row["formula"] for row in rows} - set(peer) == {"CrO2"}
    for row in rows:
        if row["formula"] in peer:
            assert float(row["enthalpy_kj_mol"]) == pytest.approx(peer[row["formula"]], abs=float(row["sd_kj_mol"]))
        assert row["checked"]


def test_both_oxides_of_cobalt_ask_for_the_same_constant() -> None:
    (cobalt,) = [c for c in constants() if (c.kind, c.name) == ("metal in oxides", "Co")]
    assert cobalt.n == 2
    assert cobalt.mad_ev < 0.01


def test_on_the_measured_scale_in5cl9_decides_nothing_and_off_it_stands_below_all_others() -> None:
    table = embedded_table()
    usual = window(table, "Li3InCl6", draws=0).reduction.voltage
    measured = (
        2 * table.by_formula["InCl"].formation_energy_ev_atom + 12 * table.by_formula["InCl2"].formation_energy_ev_atom
    ) / 14  # InCl + 4 InCl2
    listed, off_at_incl = -1.3071 - 0.0688 * 9 / 14, -1.0900 - 0.0688 / 2 - table.formation_energy_ev("InCl")
    assert off_at_incl < -0.15
    assert listed < measured - 0.1
    for energy in (measured, listed - 2 * off_at_incl * 5 / 14, listed - 2 * off_at_incl * 9 / 14):  # per In, per Cl
        one = Phase("In5Cl9", (("In", 5.0), ("Cl", 9.0)), energy, 0.024, "measured scale", "test")
        more = EnergyTable("more", (*table.phases, one))
        assert window(more, "Li3InCl6", draws=0).reduction.voltage == pytest.approx(usual, abs=1e-3)


def test_entries_of_a_file_make_the_same_table() -> None:
    from monty.json import MontyEncoder
    from pymatgen.entries.computed_entries import ComputedEntry

    entries = [
        ComputedEntry("Li", -1.9, entry_id="a"),
        ComputedEntry("O2", -9.8, entry_id="b"),
        ComputedEntry("Li2O", 2 * -1.9 - 4.9 - 6.0, entry_id="c", correction=0.1),
        ComputedEntry("Li4O2", 2 * (2 * -1.9 - 4.9 - 5.9), entry_id="d", correction=-0.8),  # the same formula, lower
    ]
    table = table_of_json(json.dumps(entries, cls=MontyEncoder), "mine")
    assert [p.source for p in table.phases] == ["d"]
    assert table.formation_energy_ev("Li2O") == pytest.approx(-6.3 / 3)
    with pytest.raises(InputError, match="no energy of the element"):
        table_of_json(json.dumps(entries[1:], cls=MontyEncoder), "mine")


@pytest.mark.parametrize("text", ["", "{}", "[]", "[1, 2]", '[{"@module": "os", "@class": "system"}]'])
def test_what_is_no_list_of_entries_is_refused(text: str) -> None:
    with pytest.raises(InputError, match=r"entries"):
        table_of_json(text, "mine.json")


@pytest.mark.parametrize("formula", ["Xx2O3", "Li3(PO4", "", "LiUO3Pu"])
def test_formulas_and_elements_that_cannot_be(formula: str) -> None:
    with pytest.raises(CompositionError):
        embedded_table().system(dict.fromkeys("Li") | dict.fromkeys(_elements(formula)))


def _elements(formula: str) -> list[str]:
    from lirich.interfaces.formulas import amounts_of

    return list(amounts_of(formula))


def test_reduced_formulas() -> None:
    assert reduced("Li6P2O8") == "Li3PO4"
    assert reduced("Li[Li0.2Mn0.6Ni0.2]O2") == reduced("Li1.2Mn0.6Ni0.2O2")


def test_the_simplex_method_agrees_with_highs() -> None:
    from scipy.optimize import linprog

    rng = np.random.default_rng(1)
    for _ in range(25):
        rows, n = 5, 60
        columns = np.hstack([np.eye(rows), rng.integers(0, 4, (rows, n)) + rng.integers(0, 2, (rows, n))]).astype(float)
        right = rng.random(rows)
        costs = np.hstack([np.zeros((7, rows)), -rng.random((7, n))]) * columns.sum(axis=0)
        ours = minimise(columns, right, costs, list(range(rows)))
        for k in range(7):
            theirs = linprog(costs[k], A_eq=columns, b_eq=right, bounds=(0, None))
            assert ours.value[k] == pytest.approx(theirs.fun, abs=1e-6)
            amounts = np.zeros(columns.shape[1])
            amounts[ours.basis[k]] = ours.amounts[k]
            assert columns @ amounts == pytest.approx(right, abs=1e-6)


def test_a_programme_without_a_bottom_is_said_to_be_one() -> None:
    with pytest.raises(AnalysisError, match="no lowest state"):
        minimise(np.array([[1.0, -1.0]]), np.array([1.0]), np.array([[0.0, -1.0]]), [0])

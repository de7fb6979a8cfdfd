"""Energies by a machine-learned potential on the scale of the table: shifts, errors, and gaps that they close."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("pymatgen.core")

from lirich.errors import CompositionError, StructureError
from lirich.interfaces.alignment import SCHEME, computed_energies, embedded_alignment, filled, fitted
from lirich.interfaces.embedded import constants, embedded_table
from lirich.interfaces.formulas import amounts_of
from lirich.interfaces.phases import EnergyTable
from lirich.interfaces.windows import window
from lirich.workbench.solids.filling import table_with

LATP_ALONE = "LiTi2(PO4)3"
ROCK_SALT = """data_LiF
_symmetry_space_group_name_H-M 'P 1'
_cell_length_a 2.85
_cell_length_b 2.85
_cell_length_c 2.85
_cell_angle_alpha 60
_cell_angle_beta 60
_cell_angle_gamma 60
loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
_atom_site_occupancy
Li1 Li 0 0 0 OCCUPANCY
F1 F 0.5 0.5 0.5 1
"""


def public() -> EnergyTable:
    return EnergyTable("public", tuple(p for p in embedded_table().phases if p.scheme != SCHEME))


def test_shifts_that_were_made_are_found_and_their_errors_shrink_with_the_compounds() -> None:
    rng = np.random.default_rng(2)
    truth = {"Li": -0.04, "Al": 0.05, "O": 0.3, "S": -0.2}
    formulas = ["Li2O", "Al2O3", "LiAlO2", "Li5AlO4", "Li2S", "Al2S3", "LiAlS2", "Li5AlS4"]

    def off(formula: str) -> float:
        amounts = amounts_of(formula)
        return sum(truth[e] * n for e, n in amounts.items()) / sum(amounts.values())

    raw = {f: -2.0 + 0.001 * rng.standard_normal() for f in formulas}
    found = fitted(raw, {f: e + off(f) for f, e in raw.items()})
    for formula in ("LiAl3O5", "Li3AlO3", "LiAl3S5"):  # what neutral compounds leave open, another one does not ask
        assert found.formation_energy(formula, -2.0)[0] == pytest.approx(-2.0 + off(formula), abs=0.01)
    few = fitted({f: raw[f] for f in formulas[:3]}, {f: raw[f] + off(f) for f in formulas[:3]})
    assert few.formation_energy("LiAl3O5", -2.0)[1] > found.formation_energy("LiAl3O5", -2.0)[1]


def test_the_alignment_of_the_package_makes_the_rows_of_the_table() -> None:
    alignment = embedded_alignment()
    shifts = {c.name: c.value_ev for c in constants() if c.kind == "CHGNet"}
    assert dict(zip(alignment.elements, alignment.shifts, strict=True)) == pytest.approx(shifts, abs=2e-4)
    rows = [p for p in embedded_table().phases if p.scheme == SCHEME]
    assert len(rows) == 42
    for row in rows:
        energy, source = computed_energies()[row.formula]
        made = alignment.phase(row.formula, energy, source)
        assert made.formation_energy_ev_atom == pytest.approx(row.formation_energy_ev_atom, abs=3e-4)
        assert made.sd_ev_atom == pytest.approx(row.sd_ev_atom, abs=1e-3)
        assert made.amounts == row.amounts


def test_left_out_one_by_one_most_compounds_lie_within_twice_their_spread() -> None:
    alignment = embedded_alignment()
    off = np.abs(list(alignment.left_out.values()))
    assert len(off) == 43
    assert alignment.spread_ev_atom == pytest.approx(0.03, abs=0.005)
    assert np.mean(off <= 2 * alignment.spread_ev_atom) > 0.85


def test_phases_of_the_potential_close_the_gap_that_withholds_a_limit() -> None:
    table = public()
    assert window(table, LATP_ALONE, draws=0).oxidation.withheld
    alignment = embedded_alignment()
    new = [
        alignment.phase(p.formula, *computed_energies()[p.formula])
        for p in embedded_table().phases
        if p.scheme == SCHEME and set(amounts_of(p.formula)) <= {"Li", "Ti", "P", "O"}
    ]
    found = window(filled(table, new), LATP_ALONE, draws=200)
    usual = window(embedded_table(), LATP_ALONE, draws=200)
    assert found.coverage.grade == "B"
    assert found.oxidation.voltage == pytest.approx(usual.oxidation.voltage, abs=0.02)
    assert found.oxidation.sd == pytest.approx(usual.oxidation.sd, rel=0.3)


def test_what_the_table_has_stays_and_the_lowest_of_several_fills() -> None:
    alignment = embedded_alignment()
    table = public()
    known = alignment.phase("Li2O", -9.0, "too low")
    high, low = (alignment.phase("Li6PS5Cl", e, "mine") for e in (-4.2, -4.357))
    more = filled(table, [known, high, low, high])
    assert more.by_formula["Li2O"] == table.by_formula["Li2O"]
    assert more.by_formula["Li6PS5Cl"] == low


@pytest.mark.parametrize("formula", ["Li2SO4", "Li2O2", "LiNO3", "Na2WO4"])
def test_what_has_no_alignment_is_refused(formula: str) -> None:
    with pytest.raises(CompositionError, match="scale of the table"):
        embedded_alignment().phase(formula, -5.0, "mine")


def test_a_crystal_of_ones_own_is_relaxed_and_joins(tmp_path: Path) -> None:
    pytest.importorskip("chgnet")
    from lirich.workbench.solids.filling import computed_phase

    file = tmp_path / "lif.cif"
    file.write_text(ROCK_SALT.replace("OCCUPANCY", "1"))
    from lirich.atoms.text import read_structure

    phase = computed_phase(read_structure(file.read_text(), "cif"), file.name)
    assert phase.formula == "LiF"
    expected = embedded_alignment().phase("LiF", computed_energies()["LiF"][0], "")
    assert phase.formation_energy_ev_atom == pytest.approx(expected.formation_energy_ev_atom, abs=2e-3)
    assert phase.sd_ev_atom == expected.sd_ev_atom
    assert table_with([file]).by_formula["LiF"] == embedded_table().by_formula["LiF"]
    file.write_text(ROCK_SALT.replace("OCCUPANCY", "0.5"))
    with pytest.raises(StructureError):
        table_with([file])
    file.write_text("nothing")
    with pytest.raises(StructureError, match="cannot be read"):
        table_with([file])
    with pytest.raises(StructureError, match="no file"):
        table_with([tmp_path / "none.cif"])

"""Charged cathodes as computed compounds."""

from __future__ import annotations

from pathlib import Path

import pytest

from lirich.errors import InputError

pytest.importorskip("pymatgen.core")

from lirich.interfaces.cathode import lithium_left, states_of_charge
from lirich.interfaces.charged import ComputedCharge, charges_of_csv, computed_charges, csv_of_charges
from lirich.interfaces.contact import reaction
from lirich.interfaces.embedded import embedded_table
from lirich.workbench.solids.interface import contacts_of

LRM = "Li1.2Mn0.54Ni0.13Co0.13O2"


def test_a_table_reads_back_as_it_was_written() -> None:
    assert charges_of_csv(csv_of_charges(computed_charges())) == computed_charges()


def test_the_charge_of_the_shipped_cathodes_is_near_what_cells_need() -> None:
    """Mean potentials of the first charge are 4.0 to 4.6 V (Lu & Dahn 2002); CHGNet is off by 0.37 V a lithium."""
    for one in computed_charges():
        at_45, full = lithium_left(one.cathode)
        taken = lithium_left(one.cathode)[0] - one.lithium_left
        assert min(abs(one.lithium_left - at_45), abs(one.lithium_left - full)) < 0.04, taken
        mean = one.charging_energy_ev / (1.2 - one.lithium_left)
        assert 3.5 < mean < 4.7


def test_three_routes_to_a_charged_cathode_differ_in_what_it_would_do_alone() -> None:
    """Mixing starts from the mixture of phases by every route; what a charged crystal gains apart is told beside it."""
    states = {s.state: s for s in states_of_charge(LRM)}
    table = embedded_table()
    for level in ("4.5 V", "fully charged"):
        mixture, charged, computed = (
            reaction(table, "Li6PS5Cl", states[f"{level}, {route}"], draws=200)
            for route in ("mixture", "as charged", "computed")
        )
        assert mixture.energy_ev_atom == pytest.approx(charged.energy_ev_atom, abs=1e-12)
        assert computed.energy_ev_atom == pytest.approx(mixture.energy_ev_atom, abs=0.02)
        assert mixture.no_mixing_ev_atom == pytest.approx(0.0, abs=1e-9)
        assert mixture.no_mixing_sd == pytest.approx(0.0, abs=1e-9)
        assert charged.no_mixing_ev_atom == pytest.approx(computed.no_mixing_ev_atom, abs=0.15)


def test_the_uncertainty_of_the_charge_is_in_the_bar_and_not_in_the_number() -> None:
    """1 eV per formula of 3.2 atoms, of which the contact takes all but the share of the coating."""
    sure, unsure = (
        states_of_charge(LRM, [ComputedCharge(LRM, 0.2, 4.4, sd, 3, "cell", "source")])[-1] for sd in (0.0, 1.0)
    )
    a, b = (reaction(embedded_table(), "LiNbO3", side, draws=2000) for side in (sure, unsure))
    assert a.no_mixing_ev_atom == b.no_mixing_ev_atom
    assert a.no_mixing_sd is not None
    assert b.no_mixing_sd is not None
    assert (b.no_mixing_sd**2 - a.no_mixing_sd**2) ** 0.5 == pytest.approx(1 / 3.2, rel=0.1)


@pytest.mark.parametrize(
    "line",
    ["Li2O,3,4.0,0.1,3,x,y", "Li2O,0.5,-1,0.1,3,x,y", "Li2O,0.5,nan,0.1,3,x,y", "Qq2,0.5,4,0.1,3,x,y", "Li2O,much,4"],
)
def test_bad_tables_are_refused_with_their_line(line: str) -> None:
    head = "cathode,lithium_left,charging_energy_ev,sd_ev,orderings,cell,source"
    with pytest.raises(InputError, match="line 2"):
        charges_of_csv(f"{head}\n{line}\n")
    with pytest.raises(InputError, match="no column"):
        charges_of_csv("a,b\n1,2\n")


def test_a_table_of_ones_own_takes_the_place_of_the_shipped_one(tmp_path: Path) -> None:
    file = tmp_path / "mine.csv"
    file.write_text(csv_of_charges([ComputedCharge(LRM, 0.5, 3.0, 0.1, 2, "cell", "mine")]), encoding="utf-8")
    names = [c.b for c in contacts_of("Li3PO4", LRM, charged=True, computed=file)]
    assert "0.5 Li left, computed" in names
    assert "fully charged, computed" not in names
    with pytest.raises(InputError, match="cannot be read"):
        contacts_of("Li3PO4", LRM, charged=True, computed=tmp_path / "none.csv")

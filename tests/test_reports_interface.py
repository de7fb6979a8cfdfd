"""Pages of interfaces: the numbers of the answer, in words and in the page, and nothing that a formula could inject."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from command_line import run

pytest.importorskip("pymatgen.core")

from lirich.interfaces.contact import Contact
from lirich.interfaces.embedded import embedded_table
from lirich.interfaces.windows import window
from lirich.reports.interface import Page, interface_page, map_page, stack_page, window_page
from lirich.workbench.solids import interface as verb
from lirich.workbench.solids.interface_figures import mixing_figure, window_figure

LRM = "Li1.2Mn0.54Ni0.13Co0.13O2"


def test_the_windows_of_several_compounds_are_drawn_as_they_were_found() -> None:
    found = verb.windows_of(["Li3PO4", "Li6PS5Cl", "Na2WO4"])
    body = next(t for t in window_figure(found).data if t["name"] == "window")
    for place, (one, alone) in enumerate(zip(found[:2], ("Li3PO4", "Li6PS5Cl"), strict=False)):
        assert one.oxidation.voltage == window(embedded_table(), alone).oxidation.voltage
        assert body["base"][place] == pytest.approx(one.reduction.voltage, abs=1e-3)
        assert body["base"][place] + body["x"][place] == pytest.approx(one.oxidation.voltage, abs=1e-3)
    page = window_page(found, (2.0, 4.8), "embedded")
    assert "Li<sub>3</sub>PO<sub>4</sub> is oxidised above 4.21 V" in page
    assert "Over the whole range: Na<sub>2</sub>WO<sub>4</sub>. The interval of Na<sub>2</sub>WO<sub>4</sub>" in page
    assert "there is no lithium to take out" in page


def test_a_withheld_limit_is_withheld_on_the_page() -> None:
    page = window_page(verb.windows_of(["LiGaGeS4"]), (2.0, 4.8), "embedded")
    assert "limit withheld: the table knows no fitting compound without lithium of Ga-Ge-S" in page
    assert ">withheld</td>" in page


def test_the_map_has_each_contact_once_and_says_what_it_lacks() -> None:
    found = verb.reactions_of(["Li3PO4", "Li6PS5Cl", "Li3PuO4"], LRM, ["Li6PS5Cl"], anode=True)
    assert found.neighbours == (
        ("discharged", "cathode"), ("4.5 V", "cathode"), ("fully charged", "cathode"), ("Li6PS5Cl", "electrolyte"),
        ("Li", "anode"),
    )  # fmt: skip
    sulfide = found.met[1]
    gains = [m.contact.energy_ev_atom for m in sulfide[:3] if isinstance(m.contact, Contact)]
    assert gains == sorted(gains, reverse=True)  # the more lithium is out, the worse for the sulfide
    assert (sulfide[3].contact, sulfide[3].reason) == (None, "the same solid")
    assert all(m.contact is None and "no compound of Pu" in m.reason for m in found.met[2])
    page = map_page(found, "embedded")
    assert "With the cathode, fully charged: Li<sub>3</sub>PO<sub>4</sub> gains less than 50 meV/atom." in page


def test_a_state_reacts_alike_as_a_mixture_and_as_charged() -> None:
    found = {c.b: c.energy_ev_atom for c in verb.contacts_of("Li6PS5Cl", LRM, charged=True)}
    for state in ("4.5 V", "fully charged"):
        assert found[f"{state}, mixture"] == pytest.approx(found[f"{state}, as charged"])
    assert [name for name, _ in verb.charge_states(LRM)] == ["discharged", "4.5 V", "fully charged"]


def test_a_double_layer_keeps_cathode_and_sulfide_apart() -> None:
    found = verb.stack_of(LRM, ["Li4Mn5O12", "Li3PO4"], "Li6PS5Cl", anode=True)
    assert [role for _, role in found.layers] == ["cathode", "coating", "coating", "electrolyte", "anode"]
    between = [m.contact.energy_ev_atom for row in found.met[:-1] for m in row if m.contact]
    bare = [m.contact.energy_ev_atom for m in found.bare if m.contact]
    assert min(between) > -0.02 > -0.2 > max(bare)
    page = stack_page(found, "embedded")
    assert "and without the coating −683 meV/atom" in page


def test_the_lines_over_the_mixing_ratio_end_where_the_contacts_are() -> None:
    mixings = verb.mixings_of("Li6PS5Cl", LRM, charged=True)
    contacts = [
        c for c in verb.contacts_of("Li6PS5Cl", LRM, charged=True) if not c.b.endswith(("as charged", "computed"))
    ]
    marks = next(t for t in mixing_figure(mixings, LRM).data if t["name"] == "most gained")
    assert marks["y"] == pytest.approx([1000 * c.energy_ev_atom for c in contacts], abs=0.05)
    assert marks["x"] == pytest.approx([100 * (c.share_a or 0.0) for c in contacts], abs=0.05)


def test_a_page_holds_what_it_is_given_as_text() -> None:
    hostile = "<script>alert(1)</script>"
    page = interface_page(Page(hostile, hostile, [hostile, hostile], [], [], [hostile], hostile, [hostile]))
    assert "<script>alert" not in page
    assert "http-equiv" in page


@pytest.mark.parametrize(
    "arguments",
    [
        ("window", "Li3PO4", "Li6PS5Cl", "--between", "2.5", "4.6"),
        ("reaction", "Li6PS5Cl", LRM, "--states"),
        ("reaction", "Li3PO4", "LiCoO2", "--voltage", "4.5"),
        ("map", "Li3PO4", "LiNbO3", "--cathode", LRM, "--electrolyte", "Li6PS5Cl", "--anode"),
        ("stack", LRM, "LiNbO3", "Li6PS5Cl"),
    ],
)
def test_each_command_writes_its_page(arguments: tuple[str, ...], tmp_path: Path) -> None:
    told = run("interface", *arguments, "--output", "page.html", "--json", cwd=tmp_path)
    assert told.code == 0, told.out + told.err
    json.loads(told.out)
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert page.count('class="plot"') >= 1
    assert "http://" not in page.split("<script>")[0]


def test_a_stack_needs_two_solids(tmp_path: Path) -> None:
    told = run("interface", "stack", LRM, "--json", cwd=tmp_path)
    assert told.code == 2
    assert "InputError" in told.out

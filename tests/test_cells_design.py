"""Cell designs: masses add up, energies agree with the sheet and with a cell taken apart, targets are solved for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from lirich.cells.design import DESIGNS, PUBLISHED, ROUTE, SHEET, design, library, way_to
from lirich.cli.app import app
from lirich.errors import SettingsError, UnknownNameError


def test_a_stack_by_hand() -> None:
    """LRM against Li with a sulfide, added up by hand (mg/cm², µm)."""
    stack = design("lrm-lithium-sulfide").changed(
        {"areal_capacity_mah_cm2": 5.4, "active_fraction": 0.8, "lithium_excess": 1.0, "separator_thickness_um": 20.0}
    )
    active = 5.4 / 270 * 1000
    mass = {layer.name: layer.mass_mg_cm2 for layer in stack.layers}
    assert mass["cathode"] == pytest.approx(active / 0.8)
    assert mass["lithium"] == pytest.approx(5.4 / 3861 * 1000)
    assert mass["solid electrolyte"] == pytest.approx(20e-4 * 1.86 * 1000)
    assert mass["copper foil, half"] == pytest.approx(4e-4 * 8.96 * 1000)
    total = sum(mass.values())
    assert stack.stack_wh_kg == pytest.approx(5.4 * 3.6 / total * 1000)
    charged_li = next(x.thickness_um for x in stack.layers if x.name == "lithium")
    assert charged_li == pytest.approx(2 * 5.4 / 3861 / 0.534 * 1e4), "plated Li and the excess"


def test_indium_weighs_in_full_and_takes_its_voltage() -> None:
    """LiIn by hand: 1.2 In for each Li of 4 mAh/cm², and 0.62 V less than against Li."""
    stack, lithium = design("lrm-indium-sulfide"), design("lrm-lithium-sulfide")
    anode = next(x for x in stack.layers if x.name == "indium")
    assert stack["indium_capacity_mah_g"] == pytest.approx(96485.33 / 3.6 / 114.818, rel=1e-3)
    assert anode.mass_mg_cm2 == pytest.approx(1.2 * 4.0 / 233.4 * 1e3)
    assert anode.thickness_um == pytest.approx(10 * (1.2 * 4.0 / 233.4 / 7.31 + 4.0 / 3861 / 0.534) * 1e3)
    assert stack.voltage_v == pytest.approx(lithium.voltage_v - 0.62)


@pytest.mark.parametrize("name", SHEET)
def test_the_sheet_is_reproduced_within_five_percent(name: str) -> None:
    assert design(name).stack_wh_kg == pytest.approx(SHEET[name], rel=0.05)


def test_a_published_cell_is_reproduced_within_ten_percent_by_mass() -> None:
    stack = design("lg-e78")
    assert stack.cell_wh_kg == pytest.approx(PUBLISHED["lg-e78"][0], rel=0.10)
    assert next(x.thickness_um for x in stack.layers if x.name == "cathode") == pytest.approx(87.3, rel=0.01)


def test_a_target_is_met_exactly_with_the_fewest_moves_and_1000_is_not_within_reach_of_graphite() -> None:
    way = way_to(design("lrm-lithium-sulfide"), 700)
    assert way.reached
    assert way.end.stack_wh_kg == pytest.approx(700, abs=1e-3)
    energies = [way.start.stack_wh_kg, *(m.stack_wh_kg for m in way.moves)]
    assert energies == sorted(energies)
    assert [m.after for m in way.moves[:-1]] == [m.limit for m in way.moves[:-1]]
    beyond = way_to(design("lrm-graphite"), 1000)
    assert not beyond.reached
    if beyond.needed_capacity_mah_g is not None:
        assert beyond.needed_capacity_mah_g > {n: v for n, v, _ in ROUTE}["cathode_capacity_mah_g"]


def test_every_assumption_has_a_source_and_every_design_all_it_needs() -> None:
    assert all(a.source for group in library().values() for a in group)
    for name in DESIGNS:
        assert design(name).stack_wh_l > 0
    assert any(a.guess for a in design("lrm-lithium").assumptions.values())


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"areal_capacity_mah_cm2": 0.0}, "above 0"),
        ({"cathode_porosity": 1.2}, "at most 1"),
        ({"active_fraction": 0.9, "catholyte_fraction": 0.2}, "at most 1 together"),
    ],
)
def test_impossible_designs_are_refused(changes: dict[str, float], words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        design("lrm-lithium-sulfide").changed(changes)


def test_unknown_names_offer_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="lrm-lithium"):
        design("lrm-litium")
    with pytest.raises(UnknownNameError, match="n_to_p"):
        design("lrm-graphite").changed({"n_t_p": 1.1})


def test_the_verb_prints_designs_targets_and_figures(tmp_path: Path) -> None:
    page = tmp_path / "design.html"
    result = CliRunner().invoke(
        app,
        [
            "design-cell",
            "lrm-lithium",
            "--set",
            "areal_capacity_mah_cm2=5",
            "--target",
            "700",
            "--json",
            "-o",
            str(page),
        ],
    )
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["designs"][0]["stack_energy_density_wh_kg"] == pytest.approx(
        design("lrm-lithium").changed({"areal_capacity_mah_cm2": 5}).stack_wh_kg
    )
    assert found["ways"][0]["reached"] is True
    assert "What 700 Wh/kg needs" in page.read_text(encoding="utf-8")

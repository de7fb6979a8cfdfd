"""Cell designs: masses add up, energies agree with the sheet and with a cell taken apart, targets are solved for."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

from lirich.cells.anode_stability import reduced_at_anode
from lirich.cells.design import DESIGNS, PUBLISHED, ROUTE, SHEET, design, library, way_to
from lirich.cells.design_doubts import ALL_LITHIUM_MAH_G, doubts, least_catholyte
from lirich.cli.app import app
from lirich.errors import MissingMetadataError, SettingsError, UnknownNameError
from lirich.model import Cell
from lirich.workbench.simulation.design import design_of


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
    chosen = [m for m in way.moves if not m.derived]
    assert [m.after for m in chosen[:-1]] == [m.limit for m in chosen[:-1]]
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
        ({"areal_capacity_mah_cm2": 500.0}, "at most 50"),
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


def test_every_assumption_that_moved_is_listed_and_what_follows_is_marked_as_derived() -> None:
    way = way_to(design("lrm-lithium-sulfide"), 700)
    moved = {n for n, a in way.end.assumptions.items() if a.value != way.start[n]}
    assert moved == {m.name for m in way.moves}
    (derived,) = (m for m in way.moves if m.derived)
    assert derived.name == "catholyte_fraction"
    assert derived.after == pytest.approx(0.17 / 0.2 * (1 - way.end["active_fraction"]))
    assert way.end.assumptions["catholyte_fraction"].source.startswith("derived")


def test_a_composite_without_a_path_is_a_finding_where_the_packing_of_the_cell_model_has_none() -> None:
    """The share that is said is that at which grains have 1.764 contacts with their own kind."""
    thin = design("lrm-lithium-sulfide").changed({"active_fraction": 0.92})
    assert {f.code for f in doubts(thin)} == {"no-path-for-lithium", "reduced-by-anode"}
    least = least_catholyte(thin)
    assert least is not None
    active, solid = thin.changed({"catholyte_fraction": least}).cathode_volumes
    grains, crystals = solid / 0.2, active / 0.47
    assert 6.0 * grains / (grains + crystals) == pytest.approx(1.764)
    assert least_catholyte(design("lrm-graphite")) is None


def test_more_than_all_the_lithium_of_the_formula_is_a_finding_with_the_limit() -> None:
    """26801 mAh/mol · 1.2 / 85.3 g/mol; no design of the library is beyond any limit."""
    li, mn, ni, co, o = 6.94, 54.938, 58.693, 58.933, 15.999
    lrm = 96485.33 / 3.6 * 1.2 / (1.2 * li + 0.54 * mn + 0.13 * ni + 0.13 * co + 2 * o)
    nmc = 96485.33 / 3.6 / (li + 0.8 * ni + 0.1 * mn + 0.1 * co + 2 * o)
    assert [v for v, _ in ALL_LITHIUM_MAH_G.values()] == pytest.approx([lrm, nmc], rel=2e-3)
    assert {f.code for name in DESIGNS for f in doubts(design(name))} == {"reduced-by-anode"}
    (found,) = doubts(design("lrm-lithium").changed({"cathode_capacity_mah_g": 900.0}))
    assert "377 mAh/g" in found.message
    (thick,) = doubts(design("lrm-lithium").changed({"areal_capacity_mah_cm2": 20.0}))
    assert thick.code == "beyond-limit"


def test_a_target_that_is_reached_already_says_so() -> None:
    assert way_to(design("lrm-lithium-sulfide"), 400).already
    result = CliRunner().invoke(app, ["design-cell", "lrm-lithium-sulfide", "--target", "400"])
    assert "400 Wh/kg is reached already" in result.stdout
    assert "no packaging is stated" in result.stdout


def _workspace_with(facts: Cell) -> Any:
    """Return what design_of asks of a workspace, with one cell of 250 mAh/g and 3.185 V."""
    values = {"discharge_specific_capacity_mah_g": 250.0, "mean_discharge_voltage_v": 3.185}
    view = SimpleNamespace(
        key=facts.key,
        facts=facts,
        origin="measured",
        values=[SimpleNamespace(quantity=name, value=value) for name, value in values.items()],
    )
    return SimpleNamespace(cells={facts.key: view})


def test_the_voltage_of_a_cell_is_taken_against_lithium() -> None:
    """3.185 V against Li-In are 3.805 V against Li, and 3.185 V of a stack with Li-In again."""
    indium = _workspace_with(Cell(key="c", electrode="cathode", counter_electrode="Li-In"))
    assert design_of("lrm-lithium", cell="c", workspace=indium).voltage_v == pytest.approx(3.805)
    stack = design_of("lrm-indium-halide", cell="c", workspace=indium)
    assert stack.voltage_v == pytest.approx(3.185)
    assert "against Li-In + 0.62 V" in stack.assumptions["cathode_potential_v"].source
    lithium = _workspace_with(Cell(key="c", electrode="cathode", counter_electrode="lithium metal"))
    assert design_of("lrm-lithium", cell="c", workspace=lithium).voltage_v == pytest.approx(3.185)


@pytest.mark.parametrize(
    "facts",
    [
        Cell(key="c", electrode="full", counter_electrode="graphite"),
        Cell(key="c", electrode="cathode", counter_electrode="LTO"),
        Cell(key="c", electrode="cathode"),
    ],
)
def test_a_voltage_against_what_nobody_knows_is_refused(facts: Cell) -> None:
    with pytest.raises(MissingMetadataError, match="against"):
        design_of("lrm-lithium", cell="c", workspace=_workspace_with(facts))


def test_the_anode_reduces_a_halide_and_not_llzo() -> None:
    """Li3InCl6 and Li6PS5Cl react with Li, and only the film of the second ends it: arXiv:2412.02433."""
    (halide,) = reduced_at_anode("Li3InCl6", 0.0)
    (sulfide,) = reduced_at_anode("Li6PS5Cl", 0.0)
    assert (halide.severity, sulfide.severity) == ("warning", "info")
    assert reduced_at_anode("Li3InCl6", 0.62), "against Li-In too"
    assert not reduced_at_anode("LLZO", 0.0)
    assert not reduced_at_anode("", 0.0)
    assert {f.severity for f in doubts(design("lrm-lithium-halide"))} == {"warning"}

"""Energy against power: each stack by its own model, with its own electrolyte, pressure and thicknesses."""

from __future__ import annotations

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from lirich.cells.design import DESIGNS, Design, design
from lirich.cells.ragone import RagonePoint, model_of, ragone
from lirich.cli.app import app
from lirich.errors import SettingsError
from lirich.workbench.simulation.design import figures_of, simulated_ragone

LITHIUM_RICH = [name for name in DESIGNS if name.startswith("lrm")]


def points(stack: Design, *rates: float) -> tuple[RagonePoint, ...]:
    return ragone(stack, rates, one_c_ma_g=250)


def test_each_stack_has_its_model_and_its_numbers() -> None:
    """Solid stacks run solid, graphite runs against graphite; nothing of the design is left behind."""
    assert {name: model_of(design(name)).name for name in LITHIUM_RICH} == {
        "lrm-graphite": "full-cell",
        "lrm-lithium": "porous",
        **dict.fromkeys([n for n in LITHIUM_RICH if n not in ("lrm-graphite", "lrm-lithium")], "solid-state"),
    }
    stack = design("lrm-indium-halide").changed({"separator_thickness_um": 55.0, "stack_pressure_mpa": 70.0})
    model = model_of(stack)
    assert model.electrolyte == "Li3InCl6"
    assert model.changes["Separator thickness [m]"] == pytest.approx(55e-6)
    assert model.changes["Stack pressure [MPa]"] == 70.0
    assert model.changes["Anode potential [V]"] == 0.62
    assert "Li3InCl6, 70 MPa, separator of 55 µm" in model.words


@pytest.mark.parametrize("name", LITHIUM_RICH)
def test_the_cathode_of_the_model_is_as_thick_as_that_of_the_design(name: str) -> None:
    """What the model makes of active mass, density and volume fraction is the layer of the design."""
    stack = design(name)
    changes = model_of(stack).changes
    volume = changes["Active mass [g]"] / 1e3 / changes["Crystal density [kg.m-3]"]  # m³
    thick = volume / changes["Electrode area [m2]"] / changes["Positive electrode active material volume fraction"]
    layer = next(x for x in stack.layers if x.name == "cathode")
    assert 1e6 * thick == pytest.approx(layer.thickness_um, rel=1e-9)


def test_more_power_is_less_energy_and_slow_is_the_energy_of_the_design() -> None:
    for name in ("lrm-graphite", "lrm-lithium", "lrm-lithium-sulfide"):
        found = points(design(name), 0.1, 1.0, 3.0)
        assert (np.diff([p.stack_wh_kg for p in found]) < 0).all(), name
        assert (np.diff([p.stack_w_kg for p in found]) > 0).all(), name
        assert found[0].stack_wh_kg == pytest.approx(design(name).stack_wh_kg, rel=0.12)
        first = found[0]
        assert first.stack_w_kg == pytest.approx(first.stack_wh_kg / (first.capacity_mah_g / 25.0))
        assert first.stack_wh_kg == pytest.approx(
            design(name)["areal_capacity_mah_cm2"]
            * first.capacity_mah_g
            / design(name)["cathode_capacity_mah_g"]
            * first.voltage_v
            / design(name).mass_mg_cm2
            * 1e3
        )


def test_a_solid_stack_feels_its_separator_and_its_anode() -> None:
    """A separator takes i L/κ: at 1C, 70 µm more of 2.05 mS/cm cost 13 mV; Li-In costs 0.62 V and no capacity."""
    thin, thick = (
        points(design("lrm-lithium-sulfide").changed({"separator_thickness_um": um}), 1.0)[0] for um in (30.0, 100.0)
    )
    current = 250.0 * 4.0 / 270.0 * 10.0  # A/m²
    drop = current * 70e-6 / 0.205
    assert thin.voltage_v - thick.voltage_v == pytest.approx(drop, rel=0.3)
    indium = points(design("lrm-indium-sulfide"), 1.0)[0]
    assert thin.voltage_v - indium.voltage_v == pytest.approx(0.62, abs=2e-3)
    assert indium.capacity_mah_g == pytest.approx(thin.capacity_mah_g, rel=2e-3)


def test_a_composite_without_a_path_is_a_line_that_says_so() -> None:
    """Grains of 1 µm beside 64 % of crystals do not percolate: refused, while the others are drawn."""
    coarse = design("lrm-lithium-halide").changed({"electrolyte_grain_radius_um": 1.0})
    with pytest.raises(SettingsError, match="no path"):
        points(coarse, 0.1)
    lines = simulated_ragone([coarse, design("lrm-lithium-sulfide")], rates=(0.1, 1.0))
    assert "no path" in lines["lrm-lithium-halide"].failed
    assert not lines["lrm-lithium-halide"].points
    drawn = figures_of([coarse], lines=lines)[-1]
    assert [trace["name"] for trace in drawn.data] == ["lrm-lithium-sulfide"]
    assert "solid-state model (LiRichASSB): Li6PS5Cl, 10 MPa" in drawn.note


def test_a_cathode_that_is_not_lithium_rich_has_no_model() -> None:
    with pytest.raises(SettingsError, match="not Li-rich"):
        model_of(design("nmc811-graphite"))


def test_the_verb_says_which_model_ran() -> None:
    result = CliRunner().invoke(app, ["design-cell", "lrm-lithium-halide", "--ragone", "--json"])
    assert result.exit_code == 0, result.output
    line = json.loads(result.stdout)["ragone"]["lrm-lithium-halide"]
    assert line["model"].startswith("solid-state model (LiRichASSB): Li3InCl6")
    assert [p["rate_c"] for p in line["points"]] == [0.1, 0.2, 0.5, 1.0, 2.0, 3.0, 5.0]

"""Sites are lost only where Li has left them: no place of a crystal ever holds more Li than it has sites."""

from __future__ import annotations

from functools import cache
from typing import Any

import pybamm
import pytest

from lirich.cells import programme
from lirich.cells.half_cell import LiRichSPM
from lirich.cells.parameters import polycrystal, single_crystal
from lirich.cells.simulation import Model, Simulator
from lirich.cells.sites import PLATEAU, SITES

BEYOND = "Lithium beyond the sites"


def watched(current: Any) -> LiRichSPM:
    """Return the half-cell with the Li of the fullest place less the sites, per Li of the host."""
    model = LiRichSPM(current=current)
    sites = sum(model.variables[f"Fraction of {name} sites"] for name in SITES)
    model.variables[BEYOND] = pybamm.max(model.variables["Local lithium content"]) - sites
    return model


@cache
def simulator() -> Simulator:
    return Simulator(Model(watched, outputs=(BEYOND, "Lattice sites lost with oxygen")), compiled=False)


def of(diameter_um: float) -> dict[str, float]:
    radius = 0.5e-6 * diameter_um
    return {"Crystal radius [m]": radius, "Particle radius [m]": radius}


@pytest.mark.parametrize("diameter_um", [0.94, 4.0, 8.0, 16.0])
@pytest.mark.parametrize("rate", ["C/50", "C/10", "C/2"])
def test_no_place_holds_more_than_its_sites(diameter_um: float, rate: str) -> None:
    """Large crystals held up to 0.045 of the host's Li too much, before the loss waited for the fullest place."""
    run = simulator().run(programme.cycling([rate] * 3, one_c_ma_g=250), of(diameter_um))
    assert run.stopped == ""
    assert float(run.points[BEYOND].max()) < 1e-6


def test_nor_in_heat_at_a_held_voltage_or_in_a_long_secondary_particle() -> None:
    hold = programme.parse(
        [("Charge at C/5 until 4.8 V", "Hold at 4.8 V until C/50", "Discharge at C/5 until 2.0 V")] * 2, 250
    )
    hot = simulator().run(hold, {**of(4.0), "Ambient temperature [K]": 328.15})
    assert float(hot.points[BEYOND].max()) < 1e-6
    shut = {**polycrystal(), "Initial open part of the grain boundaries": 0.0, "Grain-boundary cracking rate": 0.0}
    slow = simulator().run(programme.cycling(["C/10"] * 2, one_c_ma_g=250), shut)
    assert float(slow.points[BEYOND].max()) < 1e-6


def test_a_crystal_that_is_emptied_everywhere_loses_what_the_yields_say() -> None:
    """Of the plateau sites that vanish 1 − Σ yields are lost, and in a small crystal nearly all vanish."""
    values = single_crystal()
    run = simulator().run(
        programme.cycling(["C/20"] * 3, one_c_ma_g=250), {**of(0.2), "Reconstruction rate [m.s-1]": 0.0}
    )
    plateau = sum(values[f"Initial fraction of {name} sites"] for name in PLATEAU)
    left = sum(simulator().states_of(run.final)[f"Fraction of {name} sites"] for name in PLATEAU)
    kept = sum(v for name, v in values.items() if name.startswith("Yield of ") and "activation" in name)
    lost = float(run.ends["Lattice sites lost with oxygen"][-1])
    assert left < 0.05 * plateau
    assert lost == pytest.approx((1 - kept) * (plateau - left), rel=0.01)

"""The kinds of cell model: Li and salt are conserved, limits are the simpler models, PyBaMM's own simulation agrees."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
import tomllib
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pybamm
import pytest

from lirich.cells import programme
from lirich.cells.limits import check, window
from lirich.cells.models import FULL_CELL, MODELS, POROUS, SINGLE_PARTICLE, SOLID_STATE, WITH_ELECTROLYTE, Model
from lirich.cells.parameters import SETS, library, single_crystal, values_of
from lirich.cells.simulation import Run, Simulator
from lirich.cells.sites import SITES, Site, open_circuit_potential
from lirich.errors import SettingsError

RESOLVED = {name: model for name, model in MODELS.items() if name != "single-particle"}
BASIC = ("Lithium balance", "Lithium content")
SALT = "Lithium in the electrolyte [mol]"
HOST = single_crystal()["Host capacity [mA.h.g-1]"]
QUIET = {
    "Crystal radius [m]": 20e-9,
    "Particle radius [m]": 20e-9,
    "Solid electrolyte grain radius [m]": 20e-9,
    "Series resistance [Ohm]": 0.0,
    "Initial film resistance [Ohm.m2]": 0.0,
    "Activation rate [s-1]": 0.0,
    "Hysteresis rate": 0.0,
    "Reconstruction rate [m.s-1]": 0.0,
    "Transformation per throughput in the bulk": 0.0,
    "Transformation per throughput and wetted area": 0.0,
    "Crystal cracking rate": 0.0,
    "Parting per volume strain": 0.0,
    "Interface reaction energy [eV.atom-1]": 0.0,
    "SEI rate constant [m.s-1]": 0.0,
}
"""Nothing ages, there is no hysteresis, and the crystals are small."""


@cache
def simulator(model: Model, *outputs: str, precise: bool = False) -> Simulator:
    tolerance = {"rtol": 1e-7, "atol": 1e-9} if precise else {}
    return Simulator(model.recording(*BASIC, *outputs), compiled=False, **tolerance)


def known(model: Model, changes: dict[str, float]) -> dict[str, float]:
    return {name: value for name, value in changes.items() if name in model.defaults()}


def limits(model: Model) -> tuple[float, float]:
    return (1.9, 4.7) if model is FULL_CELL else (2.0, 4.8)


def capacity(run: Run, cycle: int = 1) -> float:
    """Return the charge between the ends of the last two steps of a cycle, mAh/g."""
    through = run.ends.filter(pl.col("cycle") == cycle)["Lithium through the circuit"].to_numpy()
    return float(abs(through[-1] - through[-2])) * HOST


@pytest.mark.parametrize("morphology", ["SC", "PC"])
@pytest.mark.parametrize("name", RESOLVED)
def test_lithium_is_conserved_through_ageing_holds_and_rests(name: str, morphology: str) -> None:
    model = MODELS[name]
    low, high = limits(model)
    cycle = (
        f"Charge at C/2 until {high} V",
        f"Hold at {high} V until C/10",
        "Rest for 30 minutes",
        f"Discharge at 1C until {low} V",
        "Rest for 30 minutes",
    )
    run = simulator(model).run(programme.parse([cycle] * 4, one_c_ma_g=250), model.defaults(morphology))
    assert run.stopped == ""
    assert np.abs(run.points["Lithium balance"].to_numpy()).max() < 1e-10
    contents = run.points["Lithium content"].to_numpy()
    assert np.ptp(contents) > 0.02  # something moved


@pytest.mark.parametrize("model", [WITH_ELECTROLYTE, POROUS, FULL_CELL], ids=lambda m: m.make.__name__)
def test_the_electrolyte_keeps_its_salt(model: Model) -> None:
    low, high = limits(model)
    plan = programme.parse([(f"Charge at 1C until {high} V", f"Discharge at 3C until {low} V")] * 2, one_c_ma_g=250)
    sim = simulator(model, SALT, "Lowest salt concentration [mol.m-3]")
    run = sim.run(plan, {"Active mass [g]": 0.02})
    salt = run.points[SALT].to_numpy()
    assert np.ptp(salt) / salt[0] < 1e-10
    assert run.points["Lowest salt concentration [mol.m-3]"].min() < 900.0  # it was moved about


@pytest.mark.parametrize("model", [WITH_ELECTROLYTE, FULL_CELL], ids=lambda m: m.make.__name__)
def test_a_uniform_reaction_ends_where_the_salt_does(model: Model) -> None:
    """It says so, and stops; the porous electrode reacts elsewhere and goes on."""
    low, high = limits(model)
    plan = programme.parse([(f"Charge at C/10 until {high} V", f"Discharge at 5C until {low} V")], one_c_ma_g=250)
    thick = {"Active mass [g]": 0.03}
    run = simulator(model, "Lowest salt concentration [mol.m-3]").run(plan, thick)
    assert "salt of the electrolyte ran out" in run.stopped
    assert run.points["Lowest salt concentration [mol.m-3]"].min() > 0.0
    local = simulator(POROUS).run(
        programme.parse([("Charge at C/10 until 4.8 V", "Discharge at 5C until 2 V")], 250), thick
    )
    assert local.stopped == ""
    assert capacity(local) > 2 * capacity(run)


def test_a_liquid_in_which_only_the_cation_moves_is_refused() -> None:
    with pytest.raises(SettingsError, match="below 1"):
        simulator(POROUS).run(programme.parse(["Charge at 1C until 4.4 V"], 250), {"Cation transference number": 1.0})


@pytest.mark.parametrize("model", [WITH_ELECTROLYTE, POROUS], ids=lambda m: m.make.__name__)
def test_a_very_conductive_electrolyte_leaves_the_single_particle(model: Model) -> None:
    """The difference of voltage falls as one over the conductivities, and so to nothing."""
    plan = programme.parse(["Charge at 1C until 4.4 V"], one_c_ma_g=250)
    alone = simulator(SINGLE_PARTICLE, precise=True).run(plan, {"Series resistance [Ohm]": 5.0}).points
    differences = []
    for factor in (1.0, 10.0, 100.0):
        changes = {
            "Factor of the electrolyte conductivity": factor,
            "Factor of the electrolyte diffusivity": factor,
            "Positive electrode conductivity [S.m-1]": factor,
        }
        points = simulator(model, precise=True).run(plan, changes).points
        passed, reference = -points["Lithium through the circuit"], -alone["Lithium through the circuit"]
        common = np.linspace(0.02, 0.98 * min(passed[-1], reference[-1]), 60)
        voltage = np.interp(common, passed.to_numpy(), points["voltage_v"].to_numpy())
        expected = np.interp(common, reference.to_numpy(), alone["voltage_v"].to_numpy())
        differences.append(float(np.abs(voltage - expected).max()))
    assert differences[0] > 2e-3
    assert differences[1] / differences[0] == pytest.approx(0.1, rel=0.1)
    assert differences[2] / differences[1] == pytest.approx(0.1, rel=0.1)


def test_with_a_uniform_reaction_the_porous_electrode_is_the_single_particle_with_electrolyte() -> None:
    plan = programme.parse([("Charge at C/2 until 4.8 V", "Discharge at 1C until 2.0 V")], one_c_ma_g=250)
    uniform, local = (capacity(simulator(model).run(plan)) for model in (WITH_ELECTROLYTE, POROUS))
    assert local == pytest.approx(uniform, rel=1e-3)


@pytest.mark.parametrize("name", RESOLVED)
def test_at_a_low_rate_every_model_is_in_equilibrium(name: str) -> None:
    """The distance to the open-circuit potential is small, and falls with the rate."""
    model = MODELS[name]
    extra = ("Mean graphite content",) if model is FULL_CELL else ()
    sim = simulator(model, *extra, precise=True)
    quiet = known(model, QUIET)
    values = sim.parameters(quiet)
    sites = {n: Site(values[f"Potential of {n} sites [V]"], values[f"Width of {n} sites"]) for n in SITES}
    fractions = {n: values[f"Initial fraction of {n} sites"] for n in SITES}
    graphite = pybamm.ParameterValues("Chen2020")["Negative electrode OCP [V]"]
    distances = []
    for rate in ("C/50", "C/500"):
        points = sim.run(programme.parse([f"Charge at {rate} until 4.5 V"], one_c_ma_g=250), quiet).points[20:]
        expected = open_circuit_potential(points["Lithium content"].to_numpy(), sites, fractions)
        if model is FULL_CELL:
            expected = expected - np.array([float(graphite(z)) for z in points["Mean graphite content"]])
        distances.append(np.abs(points["voltage_v"].to_numpy() - expected).max())
    assert distances[1] < 1e-3
    assert distances[1] < 0.2 * distances[0]


def test_places_of_a_thick_electrode_age_apart_and_those_of_a_conductive_one_alike() -> None:
    name = "Local: Sites transformed"
    sim = Simulator(POROUS, compiled=False)
    plan = programme.parse([("Charge at 1C until 4.8 V", "Discharge at 1C until 2.0 V")] * 2, one_c_ma_g=250)
    spreads = []
    for conductive in (1.0, 1e4):
        changes = {
            "Active mass [g]": 0.04,
            "Factor of the electrolyte conductivity": conductive,
            "Factor of the electrolyte diffusivity": conductive,
            "Positive electrode conductivity [S.m-1]": 10.0 * conductive,
        }
        final = sim.run(plan, changes).final
        along = sim.model.get_processed_variable(name).evaluate(y=final[:, None]).ravel()
        spreads.append(np.ptp(along) / along.mean())
    assert spreads[0] > 0.01
    assert spreads[1] < 1e-2 * spreads[0]


@pytest.mark.parametrize("name", RESOLVED)
def test_pybamm_s_own_simulation_gives_the_same_capacity(name: str) -> None:
    model = MODELS[name]
    low, high = limits(model)
    cycle = (f"Charge at C/2 until {high} V", f"Discharge at C/2 until {low} V")
    theirs = model.make(None)
    solution = pybamm.Simulation(
        theirs,
        parameter_values=pybamm.ParameterValues(model.defaults()),
        experiment=pybamm.Experiment([cycle]),
        var_pts={**theirs.default_var_pts, **dict(model.points)},
    ).solve()
    passed = [step["Discharge capacity [A.h]"].data[-1] for step in solution.cycles[0].steps]
    ours = simulator(model).run(programme.parse([cycle], one_c_ma_g=250))
    host = model.defaults()["Active mass [g]"] * HOST / 1000
    charged, left = ours.ends["Lithium through the circuit"].to_numpy() * host
    assert charged == pytest.approx(passed[0], rel=1e-4)
    assert left - charged == pytest.approx(passed[1] - passed[0], rel=1e-4)


@pytest.mark.parametrize("kind", [WITH_ELECTROLYTE, POROUS, SOLID_STATE], ids=lambda m: m.make.__name__)
def test_the_voltage_converges_with_the_mesh_in_second_order(kind: Model) -> None:
    """Also across the border of separator and electrode, where the conductivity jumps."""
    plan = programme.parse([("Charge at C/2 for 3000 s", "Discharge at 1C for 300 s")], one_c_ma_g=250)
    found = []
    for layers in (5, 10, 20):
        points = tuple((name, layers if name in ("x_s", "x_p") else 10) for name, _ in kind.points)
        model = Model(kind.make, points, parameter_set=kind.parameter_set)
        sim = Simulator(model, compiled=False, rtol=1e-8, atol=1e-10)
        found.append(sim.run(plan, {"Active mass [g]": 0.02}).ends["voltage_v"].to_numpy())
    coarse, fine = np.abs(np.diff(found, axis=0))
    assert (np.log2(coarse / fine) > 1.7).all()
    assert fine.max() < 1e-3


def test_a_rest_after_a_fast_discharge_in_the_cold_finds_its_rates() -> None:
    """From currents a thousand times the exchange current to none: Newton's method needs a guess."""
    cold = {"Crystal radius [m]": 7.27e-7, "Particle radius [m]": 7.27e-7, "Ambient temperature [K]": 264.0}
    cold |= {"Active mass [g]": 0.0048, "Maximum diffusivity [m2.s-1]": 4.19e-17}
    lines = ("Charge at C/5 until 4.8 V", "Hold at 4.8 V until C/20", "Discharge at 3C until 2.0 V", "Rest for 600 s")
    run = simulator(POROUS).run(programme.parse([lines], one_c_ma_g=250), cold)
    assert run.ends["current_a"].to_numpy()[-1] == pytest.approx(0.0, abs=1e-12)
    assert np.abs(run.points["Lithium balance"].to_numpy()).max() < 1e-10


# --- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "changes", "words"),
    [
        ("porous", {"Positive electrode porosity": 0.5}, "share one volume"),
        ("porous", {"Separator porosity": 1.2}, "part of a whole"),
        ("porous", {"Upper voltage cut-off [V]": 5.5}, "open-circuit potentials cover"),
        ("porous", {"Lower voltage cut-off [V]": 4.9}, "not below the upper"),
        ("porous", {"Electrode area [m2]": 0.0}, "more than 0"),
        ("full-cell", {"N/P ratio": 0.8}, "Li metal is plated"),
        ("full-cell", {"Negative electrode porosity": 0.5}, "share one volume"),
        ("full-cell", {"Initial graphite content": 0.0}, "between 0 and 1"),
        ("solid-state", {"Stack pressure [MPa]": -5.0}, "not negative"),
        ("solid-state", {"Solid electrolyte volume fraction": 0.6}, "share one volume"),
        ("solid-state", {"Solid electrolyte volume fraction": 0.1}, "no path"),
        ("solid-state", {"Interface reaction energy [eV.atom-1]": -0.2}, "not negative"),
        ("solid-state", {"Contact fraction after pressing": 1.2}, "part of a whole"),
    ],
)
def test_what_cannot_be_is_refused_with_the_reason(kind: str, changes: dict[str, float], words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        check({**MODELS[kind].defaults(), **changes})


def test_a_programme_beyond_the_open_circuit_potentials_is_refused() -> None:
    with pytest.raises(SettingsError, match="open-circuit potentials cover"):
        simulator(SINGLE_PARTICLE).run(programme.parse(["Charge at C/10 until 6 V"], one_c_ma_g=250))
    with pytest.raises(SettingsError, match="open-circuit potentials cover"):
        simulator(SINGLE_PARTICLE).run(programme.parse(["Hold at 0.5 V for 1 h"], one_c_ma_g=250))


def test_the_window_moves_with_the_anode() -> None:
    lithium = window(SOLID_STATE.defaults())
    indium = window({**SOLID_STATE.defaults(), "Anode potential [V]": 0.62})
    assert np.subtract(lithium, indium) == pytest.approx([0.62, 0.62])


def declared() -> dict[str, dict[str, str]]:
    doors = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["project"]["entry-points"]
    return {kind: doors[kind] for kind in ("pybamm_models", "pybamm_parameter_sets")}


PLAIN_PYBAMM = """
import json, sys
import pybamm
before = [name for name in sys.modules if name.split(".")[0] == "lirich"]
asked = json.loads(sys.argv[1])
models = {name: pybamm.Model(name) for name in asked["pybamm_models"]}
sets = {name: pybamm.ParameterValues(name) for name in asked["pybamm_parameter_sets"]}
print(json.dumps({
    "before": before,
    "models": {name: type(model).__name__ for name, model in models.items()},
    "sets": {name: values["Host capacity [mA.h.g-1]"] for name, values in sets.items()},
}))
"""


def test_who_imports_only_pybamm_finds_every_model_and_set_by_name() -> None:
    for kind, doors in declared().items():
        found = {e.name: e.value for e in entry_points(group=kind) if e.value.startswith("lirich.")}
        assert found == doors, f"the installed {kind} are not those of pyproject.toml: run script/bootstrap"
    asked = {kind: list(doors) for kind, doors in declared().items()}
    done = subprocess.run(
        [sys.executable, "-c", PLAIN_PYBAMM, json.dumps(asked)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["before"] == [], "PyBaMM alone loads nothing of lirich"
    assert told["models"] == {name: target.split(":")[1] for name, target in declared()["pybamm_models"].items()}
    assert told["sets"] == {
        name: values_of(name)["Host capacity [mA.h.g-1]"] for name in asked["pybamm_parameter_sets"]
    }


def test_the_entry_points_name_models_with_parameters_and_sets_with_numbers() -> None:
    doors = declared()
    for kind in doors["pybamm_models"].values():
        model = resolve(kind)()
        assert model.default_parameter_values["Host capacity [mA.h.g-1]"] == HOST
    for name, target in doors["pybamm_parameter_sets"].items():
        assert resolve(target)() == values_of(name)
    assert set(doors["pybamm_parameter_sets"]) == set(SETS)


def resolve(target: str) -> Any:
    module, name = target.split(":")
    return getattr(importlib.import_module(module), name)


def test_every_set_has_a_source_for_every_number_and_the_morphology_alone_tells_sc_from_pc() -> None:
    assert all(p.source for p in library())
    assert any(p.guess for p in library())
    morphology = {p.name for p in library() if p.group == "single crystal"}
    for name in SETS:
        check(values_of(name))
        other = values_of(name.replace("_SC", "_PC"))
        assert {n for n, value in values_of(name).items() if value != other[n]} <= morphology

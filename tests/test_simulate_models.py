"""The verb *simulate* on every model: each is stored as what it is, keeps its Li, and says what it has not got."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

from lirich.cells.models import MODELS
from lirich.cells.parameters import SOLID_ELECTROLYTES, solid_electrolyte, values_of
from lirich.cli import simulation
from lirich.cli.app import app
from lirich.errors import InputError, NotEnoughDataError, SettingsError, UnknownNameError
from lirich.model import Origin
from lirich.model import table as std
from lirich.model.counter import COUNTER_ELECTRODES, counter_electrode, counter_potential_v
from lirich.plots import style
from lirich.workbench import Workspace
from lirich.workbench.simulation.file import SimulationRequest, read_request
from lirich.workbench.simulation.physics import physics_of
from lirich.workbench.simulation.simulate import SimulatedCell

LI_IN = counter_electrode("Li-In")
LARGER = tuple(name for name in MODELS if name != "single-particle")
OF_20_SHELLS = {"solid-state": 0.015}
"""Error of a capacity that diffusion ends: 196.2 with 20 even shells, 194.7 with 40, 194.2 with 80, 194.0 resolved."""


@pytest.fixture(scope="module")
def space(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return Workspace.create(tmp_path_factory.mktemp("models") / "ws")


@pytest.fixture(scope="module")
def cells(space: Workspace) -> dict[str, SimulatedCell]:
    done = {name: space.simulate("SC", "cycling", model=name, cell=name, cycles=2, rate="C/20") for name in MODELS}
    space.analyse(list(done), executor="serial")
    return done


def document_of(space: Workspace, done: SimulatedCell) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(space.store.raw_path(done.test.raw.sha256).read_text())
    return found


@pytest.mark.parametrize("name", MODELS)
def test_a_cell_says_which_model_it_is_and_with_which_numbers(
    space: Workspace, cells: dict[str, SimulatedCell], name: str
) -> None:
    view, document = space.cells[name], document_of(space, cells[name])
    assert view.origin is Origin.SIMULATED
    assert {v.origin for v in view.values} == {Origin.SIMULATED}
    assert not cells[name].stopped
    assert document["model"] == MODELS[name].pybamm_name == cells[name].test.metadata["model"]
    assert document["parameters"] == values_of(MODELS[name].parameter_set)
    assert view.facts.extra["model"] == name
    assert view.facts.electrode == ("full" if name == "full-cell" else "cathode")
    assert view.facts.counter_electrode == ("graphite" if name == "full-cell" else "Li")
    stated = {"single-particle": None, "size-distribution": None, "solid-state": "Li6PS5Cl"}
    assert view.facts.electrolyte == stated.get(name, "1 M LiPF6 in EC:EMC")
    assert space.check() == []


@pytest.mark.parametrize("name", MODELS)
def test_what_the_hidden_states_hold_is_what_went_through_the_circuit(
    space: Workspace, cells: dict[str, SimulatedCell], name: str
) -> None:
    states, parameters = space.cells[name].hidden(), document_of(space, cells[name])["parameters"]
    assert states is not None
    held = states["Lithium in connected crystals"] + states["Lithium in disconnected crystals"]
    gained = held - parameters["Initial lithium content"]
    if name == "solid-state":  # the means are of the crystals that work
        gained = gained * states["Working part of the cathode"]
    if name == "full-cell":  # the film takes Li of the graphite, not of the crystals
        assert (np.diff(states["Lithium lost in the SEI, per lithium of the host"].to_numpy()) >= 0).all()
    assert np.abs((gained - states["Lithium through the circuit"]).to_numpy()).max() < 1e-8
    assert set(MODELS[name].states) <= set(states.columns)


def test_slowly_the_models_of_a_wet_half_cell_are_one(space: Workspace, cells: dict[str, SimulatedCell]) -> None:
    given = {
        name: space.store.read_curve(cells[name].test.curve).filter(pl.col(std.CYCLE) == 2)[std.DISCHARGED].max()
        for name in ("single-particle", "with-electrolyte", "porous")
    }
    assert given["with-electrolyte"] == pytest.approx(given["single-particle"], rel=5e-3)
    assert given["porous"] == pytest.approx(given["with-electrolyte"], rel=5e-3)


@pytest.mark.parametrize("name", MODELS)
def test_profiles_where_crystals_are_alike_and_else_the_reason(
    space: Workspace, cells: dict[str, SimulatedCell], name: str
) -> None:
    view = space.cells[name]
    if MODELS[name].places:
        assert view.hidden("profiles.parquet") is None
        with pytest.raises(NotEnoughDataError, match="all crystals are alike"):
            view.plot("profiles")
    else:
        assert view.plot("profiles").data
    for kind in ("sites", "gas", "energy"):
        assert view.plot(kind).data
    if name == "solid-state":
        drawn = view.plot("contact")
        assert {trace["line"]["dash"] for trace in drawn.data} == {style.DASHES[Origin.SIMULATED]}
        lines = {trace["name"]: trace["y"] for trace in drawn.data}
        # what touches of a working crystal, times those that work, is what is left; the cell stands on its own curve
        of_both = np.multiply(lines["contact of a working crystal"], lines["crystals that work"]) / 100
        assert lines["surface that works, of all"] == pytest.approx(of_both.tolist(), rel=1e-3)
        held = view.hidden("contact.parquet")
        assert held is not None
        last = held.filter(pl.col("cycle") == held["cycle"].max())
        own = np.interp(last["stack_pressure_mpa"][0], last["pressure_mpa"], 100 * last["contact_fraction"])
        assert lines["contact of a working crystal"][-1] == pytest.approx(float(own), rel=1e-3)
        assert (np.diff(last["contact_fraction"].to_numpy()) >= 0).all()
        assert "MPa" in drawn.alt
    else:
        with pytest.raises(NotEnoughDataError, match="solid-state"):
            view.plot("contact")


def test_a_full_cell_runs_between_its_own_limits_and_gets_no_figure_against_lithium(
    space: Workspace, cells: dict[str, SimulatedCell]
) -> None:
    limits = {step["until_voltage_v"] for step in document_of(space, cells["full-cell"])["programme"]["steps"]}
    assert limits == {1.9, 4.7}
    assert "plateau_capacity_mah_g" not in {v.quantity for v in space.cells["full-cell"].values}
    assert "plateau_capacity_mah_g" in {v.quantity for v in space.cells["porous"].values}


def test_pressure_keeps_contact_and_with_it_capacity(space: Workspace) -> None:
    contact, passed = [], []
    for pressure in (1.0, 100.0):
        # contact parts at once here; at the calibrated constant it takes tens of cycles
        changes = {"Stack pressure [MPa]": pressure, "Parting per volume strain": 10.0}
        done = space.simulate("SC", "cycling", cycles=2, rate="C/3", model="solid-state", changes=changes)
        states = space.cells[done.cell].hidden()
        assert states is not None
        assert space.cells[done.cell].facts.extra["Stack pressure [MPa]"] == pressure
        contact.append(float(states["Contact fraction"][-1]))
        curve = space.store.read_curve(done.test.curve).filter(pl.col(std.CYCLE) == 2)
        passed.append(float(curve[std.DISCHARGED].max() - curve[std.DISCHARGED].min()))  # type: ignore[operator, arg-type]
    assert contact[1] > contact[0] + 0.05
    assert passed[1] > passed[0] * 1.01


@pytest.mark.parametrize("name", SOLID_ELECTROLYTES)
def test_a_solid_electrolyte_by_name_brings_its_numbers(name: str) -> None:
    physics = physics_of("PC", model="solid-state", electrolyte=name)
    stated = solid_electrolyte(name)
    assert {key: physics.values[key] for key in stated} == {key: p.value for key, p in stated.items()}
    assert {key for key, p in stated.items() if p.guess} <= set(physics.guesses)
    assert physics.parameter_set == "LiRich_PC_ASSB"


def test_another_electrolyte_is_kept_with_the_cell(space: Workspace) -> None:
    done = space.simulate("SC", "cycling", cycles=1, rate="C/5", model="solid-state", electrolyte="Li3InCl6")
    assert space.cells[done.cell].facts.electrolyte == "Li3InCl6"
    assert "reduced-by-anode" in {f.code for f in done.test.findings}
    document = document_of(space, done)
    assert document["electrolyte"] == "Li3InCl6"
    assert document["parameters"]["Solid electrolyte conductivity [S.m-1]"] == 0.204
    assert document["changes"] == {}, "what the user changed, not what the library says"


def test_a_counter_electrode_by_name_brings_its_potential_and_is_said(space: Workspace) -> None:
    options = {"cycles": 2, "rate": "C/3", "model": "solid-state"}
    lithium = space.simulate("SC", "cycling", cell="against-li", **options)
    indium = space.simulate("SC", "cycling", cell="against-in", counter_electrode="Li-In", **options)
    space.analyse(executor="serial")
    one, other = space.cells["against-li"], space.cells["against-in"]
    assert (one.facts.counter_electrode, other.facts.counter_electrode) == ("Li", "Li-In")
    document = document_of(space, indium)
    assert document["counter_electrode"] == "Li-In"
    assert document["parameters"]["Anode potential [V]"] == LI_IN.potential_v == 0.62
    assert {s["until_voltage_v"] for s in document["programme"]["steps"]} == {1.38, 4.18}
    passed = [float(space.store.read_curve(done.test.curve)[std.DISCHARGED][-1]) for done in (lithium, indium)]
    assert passed[1] == pytest.approx(passed[0], rel=1e-4), "the same crystals between the same potentials"
    # stored as against Li-In; against Li when asked, and no figure that is defined against Li without that
    assert other.voltage_curves([1])["voltage_volt"].max() == pytest.approx(4.18, abs=1e-3)
    moved = other.voltage_curves([1], vs_lithium=True)["voltage_volt"].max()
    assert moved == pytest.approx(one.voltage_curves([1])["voltage_volt"].max(), abs=1e-3)
    against_li = {"low_voltage_capacity_mah_g", "high_voltage_capacity_mah_g", "plateau_capacity_mah_g"}
    assert against_li <= {v.quantity for v in one.values}
    assert not against_li & {v.quantity for v in other.values}
    assert any("against Li-In" in f.message for f in other.findings)
    assert one.value("initial_coulombic_efficiency").value == pytest.approx(
        other.value("initial_coulombic_efficiency").value, abs=0.01
    )


def test_what_a_counter_electrode_cannot_be_is_refused() -> None:
    with pytest.raises(UnknownNameError, match="Li-In"):
        physics_of("SC", model="solid-state", counter_electrode="Li-Im")
    with pytest.raises(SettingsError, match="solid-state"):
        physics_of("SC", model="porous", counter_electrode="Li-In")
    with pytest.raises(SettingsError, match=r"0\.62 V"):
        physics_of("SC", {"Anode potential [V]": 0.3}, model="solid-state", counter_electrode="Li-In")
    stated = {"Upper voltage cut-off [V]": 3.98}
    values = physics_of("SC", stated, model="solid-state", counter_electrode="Li-In").values
    assert (values["Lower voltage cut-off [V]"], values["Upper voltage cut-off [V]"]) == (1.38, 3.98)


@pytest.mark.parametrize(
    ("stated", "potential"),
    [
        ("Li", 0.0),
        ("lithium metal", 0.0),
        ("LiIn", 0.62),
        ("In-Li", 0.62),
        (" li_in ", 0.62),
        ("LTO", None),
        (None, None),
    ],
)
def test_counter_electrodes_are_known_by_what_people_call_them(stated: str, potential: float | None) -> None:
    assert counter_potential_v(stated) == potential


def test_the_cut_offs_of_the_cell_are_the_limits_of_the_programme() -> None:
    against = {"Anode potential [V]": LI_IN.potential_v}
    with pytest.raises(SettingsError, match="upper voltage cut-off"):
        physics_of("SC", against, model="solid-state")
    limits = {"Lower voltage cut-off [V]": 1.38, "Upper voltage cut-off [V]": 3.98}
    plan = physics_of("SC", {**against, **limits}, model="solid-state").programme("ageing", {"cycles": 1})
    assert {step.until_voltage_v for step in plan.steps} == {1.38, 3.98}
    request = SimulationRequest.of({"parameters": "SC", "model": "full-cell", "cycles": 1, "high_v": 4.5})
    assert {step.until_voltage_v for step in request.plan().steps} == {1.9, 4.5}


def test_what_does_not_fit_together_is_refused(space: Workspace) -> None:
    with pytest.raises(UnknownNameError, match="porous"):
        space.simulate("SC", model="porus")
    with pytest.raises(SettingsError, match="solid-state"):
        space.simulate("SC", model="porous", electrolyte="LLZO")
    with pytest.raises(UnknownNameError, match="Li3InCl6"):
        space.simulate("SC", model="solid-state", electrolyte="Li3InCl7")
    with pytest.raises(UnknownNameError, match="LiRich_SC_Graphite"):
        space.simulate("LiRich_SC_ASSB", model="full-cell")
    with pytest.raises(SettingsError, match="a model that has it: solid-state"):
        space.simulate("SC", changes={"Stack pressure [MPa]": 3.0})
    with pytest.raises(SettingsError, match="N/P ratio"):
        space.simulate("SC", model="full-cell", changes={"N/P ratio": 0.8})
    with pytest.raises(SettingsError, match="outside what"):
        space.simulate("SC", "cycling", model="full-cell", high_v=5.3)
    with pytest.raises(InputError, match="model of a simulated cell"):
        space.simulate("SC", "cycling", cycles=1, facts={"model": "mine"})


@pytest.mark.parametrize("name", LARGER)
def test_every_model_runs_a_rate_test(space: Workspace, name: str) -> None:
    done = space.simulate("PC", "rate-test", model=name, rate="C/5")
    assert not done.stopped
    curve = space.store.read_curve(done.test.curve)
    passed = curve.group_by(std.CYCLE, maintain_order=True).agg(pl.col(std.DISCHARGED).max())[std.DISCHARGED].diff()
    slow, fast = float(passed[3]), float(passed[13])  # C/10 and 5C
    assert 0 <= fast < 0.8 * slow


@pytest.mark.parametrize("name", LARGER)
def test_a_resolved_surface_changes_no_capacity(space: Workspace, name: str) -> None:
    plan = physics_of("SC", model=name).programme("cycling", {"cycles": 1, "rate": "C/2"})
    passed = [
        float(space.store.read_curve(done.test.curve)[std.DISCHARGED][-1])
        for done in (space.simulate("SC", plan, model=name, mesh=mesh) for mesh in ("even", "surface"))
    ]
    assert passed[1] == pytest.approx(passed[0], rel=OF_20_SHELLS.get(name, 5e-3))


def test_the_command_line_knows_the_models_and_tells_what_they_have(space: Workspace, tmp_path: Path) -> None:
    assert tuple(MODELS) == simulation.MODELS
    assert simulation.SOLID_ELECTROLYTES == SOLID_ELECTROLYTES
    assert tuple(COUNTER_ELECTRODES) == simulation.COUNTER_ELECTRODES
    asked = ["simulate", "SC", "--model", "solid-state", "--electrolyte", "Li3InCl6", "--programme", "cycling",
             "--cycles", "2", "--rate", "C/2", "--set", "Stack pressure [MPa]=2", "--workspace", str(space.root),
             "--figures", str(tmp_path / "figs")]  # fmt: skip
    told = json.loads(CliRunner().invoke(app, [*asked, "--json"]).stdout)
    assert told["facts"]["electrolyte"] == "Li3InCl6"
    assert told["facts"]["extra"]["model"] == "solid-state"
    assert "all crystals are alike" in told["figures_missing"]["profiles"]
    assert (tmp_path / "figs" / "contact.html").is_file()
    words = CliRunner().invoke(app, asked, env={"COLUMNS": "200"}).stdout
    assert "contact with the solid electrolyte" in words
    assert "Not drawn: profiles" in words


@pytest.mark.parametrize("name", LARGER)
def test_every_model_has_an_impedance_that_the_command_line_stores(space: Workspace, name: str, tmp_path: Path) -> None:
    step = "Charge at C/5 until 4.0 V"
    asked = ["simulate", "SC", "--model", name, "--step", step, "--eis", "--cell", f"eis-{name}",
             "--workspace", str(space.root), "--figures", str(tmp_path), "--json"]  # fmt: skip
    told = json.loads(CliRunner().invoke(app, asked).stdout)
    view = space.cells[f"eis-{name}"]
    assert told["impedance"]["test"] == next(t.key for t in view.tests if t.kind == "impedance")
    assert (tmp_path / "impedance.html").is_file()
    truth = told["impedance"]["model"]
    values = {v.quantity: v for v in view.values}
    found = values["charge_transfer_resistance_ohm"]
    # the double layer over many frequencies along a solid electrolyte, diffusion into several sizes: no circuit of two
    # arcs and one sphere
    if name in ("solid-state", "size-distribution"):
        assert "circuit-misfit" in found.flags
    else:
        assert found.value == pytest.approx(truth["charge_transfer_ohm"], rel=0.05)
        assert "circuit-misfit" not in found.flags


def test_a_file_names_model_and_electrolyte(tmp_path: Path) -> None:
    file = tmp_path / "assb.toml"
    file.write_text('parameters = "SC"\nmodel = "solid-state"\nelectrolyte = "LLZO"\ncycles = 1\n')
    names = read_request(file).names()
    assert (names["model"], names["electrolyte"]) == ("solid-state", "LLZO")


def test_simulate_answers_which_radius_as_study_does(tmp_path: Path) -> None:
    page = tmp_path / "size.html"
    duty = ["--rate", "1C", "--cycles", "2", "--json"]
    found = CliRunner().invoke(app, ["simulate", "SC", *duty, "--best-radius", str(page)])
    assert found.exit_code == 0, found.output
    studied = CliRunner().invoke(app, ["study", *duty])
    assert json.loads(found.stdout)["best"] == json.loads(studied.stdout)["best"]
    assert "Best crystal radius" in page.read_text(encoding="utf-8")


def test_a_best_radius_takes_the_numbers_of_the_cell_with_it() -> None:
    changes = {"Ambient temperature [K]": 318.15, "Series resistance [Ohm]": 5.0, "Upper voltage cut-off [V]": 4.6}
    study = SimulationRequest.of({"parameters": "SC", "rate": "C/3", "cycles": 50}, changes).radius_study()
    assert study.duty.temperature_celsius == 45.0
    assert (study.duty.rate, study.duty.cycles, study.duty.low_v, study.duty.high_v) == ("C/3", 50, 2.0, 4.6)
    assert study.fixed["Series resistance [Ohm]"] == 5.0
    assert set(study.vary) == {"radius_nm"}


@pytest.mark.parametrize(
    ("fields", "changes", "words"),
    [
        ({"rate": "1C"}, {}, "no duty"),
        ({"rate": "1C", "cycles": 5, "model": "porous"}, {}, "porous model"),
        ({"rate": "1C", "cycles": 5, "programme": "cycling"}, {}, "another programme"),
        ({"rate": "1C", "cycles": 5}, {"Crystal radius [m]": 1e-7}, "left to the study"),
    ],
)
def test_a_best_radius_of_what_has_none_is_refused(
    fields: dict[str, Any], changes: dict[str, float], words: str
) -> None:
    with pytest.raises(SettingsError, match=words):
        SimulationRequest.of({"parameters": "SC", **fields}, changes).radius_study()

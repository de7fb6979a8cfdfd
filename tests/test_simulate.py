"""The verb *simulate*: a simulated test is a test, goes the way of all others, and says everywhere what it is."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

from lirich.cells import programme
from lirich.cells.impedance import CONSTANT_DIFFUSION, NO_AGEING
from lirich.cells.parameters import COMPOSITION, single_crystal
from lirich.cli.app import app
from lirich.errors import (
    ConflictingMetadataError,
    NotEnoughDataError,
    OptionalDependencyError,
    SettingsError,
    UnknownNameError,
)
from lirich.model import Finding, Origin, Sample
from lirich.model import table as std
from lirich.plots import style
from lirich.reports import write_report
from lirich.workbench import Workspace
from lirich.workbench.simulation.file import SimulationRequest, read_request
from lirich.workbench.simulation.simulate import SimulatedCell
from test_workbench import write_curve

CYCLES = 8


@pytest.fixture(scope="module")
def space(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return Workspace.create(tmp_path_factory.mktemp("simulated") / "ws")


@pytest.fixture(scope="module")
def aged(space: Workspace) -> SimulatedCell:
    done = space.simulate("PC", "ageing", cycles=CYCLES, check_up_every=4, facts={"batch_of_runs": "one"})
    space.analyse([done.cell], executor="serial")
    return done


def test_a_simulated_test_is_a_standard_table(space: Workspace, aged: SimulatedCell) -> None:
    table = space.store.read_curve(aged.test.curve)
    assert set(table.columns) <= set(std.COLUMNS)
    assert {std.CHARGED, std.DISCHARGED, std.TEMPERATURE, std.CYCLE} <= set(table.columns)
    assert (np.diff(table[std.TIME].to_numpy()) > 0).all()
    assert table[std.TEMPERATURE].unique().to_list() == pytest.approx([25.0])
    current, time = table[std.CURRENT].to_numpy(), table[std.TIME].to_numpy()
    same = np.diff(table[std.STEP].to_numpy()) == 0
    for column, sign in ((std.CHARGED, 1.0), (std.DISCHARGED, -1.0)):
        passed = np.maximum(sign * current[1:], 0.0) * np.diff(time) / 3600.0
        assert float(table[column][-1]) == pytest.approx(float(passed[same].sum()), rel=2e-4)


def test_it_passes_through_the_analysis_and_says_that_it_is_simulated(space: Workspace, aged: SimulatedCell) -> None:
    view = space.cells[aged.cell]
    assert view.origin is Origin.SIMULATED
    assert {v.origin for v in view.values} == {Origin.SIMULATED}
    kinds = dict(zip(view.cycles["cycle"], view.cycles["segment"], strict=True))
    assert [kinds[n] for n in (1, 2)] == ["formation", "formation"]
    assert kinds[7] == "check_up"  # after two of formation and four of ageing
    first = space.store.read_curve(aged.test.curve).filter(pl.col(std.CYCLE) == 1)  # the model's own counters
    efficiency = 100.0 * first[std.DISCHARGED][-1] / first[std.CHARGED][-1]
    assert view.value("initial_coulombic_efficiency").value == pytest.approx(efficiency, abs=0.05)
    assert view.plot("voltage").data[0]["line"]["dash"] == style.DASHES[Origin.SIMULATED]
    assert "one" in str(view.facts.extra["batch_of_runs"])


def test_its_raw_file_says_all_that_is_needed_to_do_it_again(space: Workspace, aged: SimulatedCell) -> None:
    document = json.loads(space.store.raw_path(aged.test.raw.sha256).read_text())
    assert document["simulated"] is True
    assert set(document["parameters"]) == set(single_crystal())
    assert document["versions"]["pybamm"]
    steps = [programme.Step(**step) for step in document["programme"]["steps"]]
    again = programme.ageing(CYCLES, "C/2", one_c_ma_g=250.0, check_up_every=4)
    assert tuple(steps) == again.steps
    assert {f for v in space.cells[aged.cell].values for f in v.provenance.files} == {aged.test.raw.sha256}


def test_the_same_simulation_is_there_already_and_the_workspace_is_well(space: Workspace, aged: SimulatedCell) -> None:
    again = space.simulate("PC", "ageing", cycles=CYCLES, check_up_every=4, facts={"batch_of_runs": "one"})
    assert again.already
    assert again.test.key == aged.test.key
    assert space.check() == []


def test_a_simulation_that_is_there_keeps_its_facts_and_another_cell_of_it_needs_another_name(
    tmp_path: Path,
) -> None:
    space = Workspace.create(tmp_path / "ws")

    def run(**more: object) -> SimulatedCell:
        return space.simulate("SC", "cycling", cycles=1, **more)

    first = run(sample="S1", facts={"batch_of_runs": "one"})
    space.set_facts(first.cell, {"furnace": "B"})
    for said in ({}, {"sample": "S1"}, {"facts": {"batch_of_runs": "one"}}):
        again = run(**said)
        assert (again.cell, again.already) == (first.cell, True)
    before = space.cells[first.cell].facts
    assert (before.sample, before.extra["batch_of_runs"], before.extra["furnace"]) == ("S1", "one", "B")
    for said, words in (
        ({"sample": "S2"}, "whose sample is S1 and not S2"),
        ({"facts": {"batch_of_runs": "two"}}, "whose batch_of_runs is one and not two"),
        ({"facts": {"oven": 3}}, "whose oven is not given and not 3"),
    ):
        with pytest.raises(ConflictingMetadataError, match=words):
            run(**said)
    assert space.cells[first.cell].facts == before
    second = run(cell="second", sample="S2", facts={"batch_of_runs": "two"})
    assert (second.already, second.test.curve) == (False, first.test.curve)
    space.analyse(executor="serial")
    twice = [f for f in space.compare("batch_of_runs").findings if f.code == "test-in-two-cells"]
    assert [f.message for f in twice] == [
        f"The cells second and {first.cell} are one simulation under two names, which counts twice"
    ]


def test_a_simulation_does_not_overwrite_the_facts_of_a_known_sample(tmp_path: Path) -> None:
    space = Workspace.create(tmp_path / "ws")
    known = Sample(key="LRM", morphology="PC", dopant="Nb")
    space.store.put_sample(known)
    with pytest.raises(
        ConflictingMetadataError, match="morphology of the sample 'LRM' is PC, and SC in this simulation"
    ):
        space.simulate("SC", "cycling", cycles=1, sample="LRM")
    assert space.samples["LRM"] == known
    assert list(space.cells) == []
    space.store.put_sample(known.model_copy(update={"morphology": "SC"}))
    space.simulate("SC", "cycling", cycles=1, sample="LRM")
    assert (space.samples["LRM"].dopant, space.samples["LRM"].composition) == ("Nb", COMPOSITION)


def test_a_simulation_says_nothing_of_a_sample_of_measured_cells(tmp_path: Path) -> None:
    space = Workspace.create(tmp_path / "ws")
    write_curve(tmp_path / "K-1.csv")
    space.add(tmp_path / "K-1.csv", facts={"sample": "K"}, executor="serial")
    before = space.cells["K-1"].sample
    missing = (
        r"sample 'K' has measured cells \(K-1\), and its composition, morphology, particle_diameter_um are not given"
    )
    with pytest.raises(ConflictingMetadataError, match=missing) as refused:
        space.simulate("SC", "cycling", cycles=1, cell="K-sim", sample="K")
    assert space.cells["K-1"].sample == before
    assert list(space.cells) == ["K-1"]
    options = re.findall(r"--set (\S+)", refused.value.advice)
    space.set_facts("K-1", dict(option.split("=") for option in options))  # as the advice says
    stated = space.samples["K"]
    space.simulate("SC", "cycling", cycles=1, cell="K-sim", sample="K")
    assert space.samples["K"] == stated
    assert set(stated.sources.values()) == {"you"}


def test_what_a_simulation_says_of_its_own_sample_has_a_source(tmp_path: Path) -> None:
    space = Workspace.create(tmp_path / "ws")
    space.simulate("SC", "cycling", cycles=1, cell="A", sample="S", facts={"coating": "LiNbO3"})
    by_model = dict.fromkeys(("composition", "morphology", "particle_diameter_um"), "simulation A")
    assert space.samples["S"].sources == {"coating": "you", **by_model}
    space.simulate("SC", "cycling", cycles=1, rate="1C", cell="B", sample="S")
    assert space.samples["S"].sources == {"coating": "you", **by_model}


def test_a_measured_cell_of_the_sample_of_a_simulation_is_told_what_was_assumed(tmp_path: Path) -> None:
    space = Workspace.create(tmp_path / "ws")
    space.simulate("SC", "cycling", cycles=1, cell="A", sample="S")
    files = tmp_path / "files"
    files.mkdir()
    write_curve(files / "K-1.csv")
    (files / "cells.csv").write_text("file,sample,morphology\nK-1.csv,S,SC\n")

    def told(found: Sequence[Finding]) -> list[str]:
        return [f.message for f in found if f.code == "fact-of-simulation"]

    assert told(space.add(files, executor="serial").findings) == [
        "composition, particle_diameter_um of K-1, which is measured: assumed by a simulation of its sample S "
        "(simulation A)"
    ]
    assert told(space.set_facts("K-1", {"composition": "Li1.2Mn0.6Ni0.2O2"})) == []
    assert [m.split(" of ")[0] for m in told(space.add(files, executor="serial").findings)] == ["particle_diameter_um"]
    assert told(space.set_facts("K-1", {"particle_diameter_um": 0.3})) == []
    assert told(space.add(files, executor="serial").findings) == []


def test_hidden_states_lie_beside_it_and_are_drawn(space: Workspace, aged: SimulatedCell) -> None:
    view = space.cells[aged.cell]
    states = view.hidden()
    assert states is not None
    ends = states.filter("end_of_step").group_by("cycle", maintain_order=True).last()
    assert (np.diff(ends["Fraction of spinel sites"].to_numpy()) > 0).all()
    balance = ends["Lithium in connected crystals"] + ends["Lithium in disconnected crystals"]
    assert np.abs((balance - ends["Lithium through the circuit"]).to_numpy() - single_crystal()[
        "Initial lithium content"
    ]).max() < 1e-9  # fmt: skip
    for kind in ("profiles", "sites", "gas", "energy"):
        figure = view.plot(kind)
        assert {t["line"]["dash"] for t in figure.data} == {style.DASHES[Origin.SIMULATED]}, kind
        assert any("SIMULATED" in a["text"] for a in figure.layout["annotations"])
    profiles = view.hidden("profiles.parquet")
    assert profiles is not None
    content = profiles.group_by("time_s", maintain_order=True).agg(pl.col("content").mean())
    assert (np.diff(content["content"].to_numpy()) < 0).all()  # a charge takes Li out


def test_the_report_shows_what_only_a_simulation_knows(space: Workspace, aged: SimulatedCell, tmp_path: Path) -> None:
    text = write_report(space, tmp_path / "report.html", cells=[aged.cell]).read_text()
    for title in ("Sites over cycles", "Gas in the first charge", "Li through the crystal in a charge"):
        assert title in text
    assert "simulated" in text


def test_a_larger_crystal_has_a_steeper_gradient_and_gives_less_at_a_high_rate(space: Workspace) -> None:
    plan = programme.parse(
        [("Charge at C/10 until 4.8 V", "Discharge at 1C until 2 V"), ("Charge at 1C until 4.8 V",)], 250.0
    )
    gaps, passed = [], []
    for radius in (50e-9, 470e-9):
        done = space.simulate("SC", plan, changes={"Crystal radius [m]": radius}, title="one cycle at 1C")
        profiles = space.cells[done.cell].hidden("profiles.parquet")
        assert profiles is not None
        spread = profiles.group_by("time_s").agg((pl.col("content").max() - pl.col("content").min()).alias("gap"))
        gaps.append(float(spread["gap"].max()))  # type: ignore[arg-type]
        passed.append(float(space.store.read_curve(done.test.curve)[std.DISCHARGED][-1]))
    assert gaps[1] > 5 * gaps[0]
    assert passed[1] < passed[0]


def test_what_cannot_be_simulated_is_refused_by_name(space: Workspace, aged: SimulatedCell) -> None:
    with pytest.raises(UnknownNameError, match=r"Crystal radius \[m\]"):
        space.simulate("SC", changes={"Crystal radius": 1e-7})
    with pytest.raises(UnknownNameError, match="LiRich_SC"):
        space.simulate("LiRich_XC")
    with pytest.raises(UnknownNameError, match="rate-test"):
        space.simulate("SC", "rate_test")
    with pytest.raises(UnknownNameError, match="cycles"):
        space.simulate("SC", "ageing", cycle=3)
    with pytest.raises(SettingsError, match="not negative"):
        space.simulate("SC", changes={"Crystal radius [m]": -1e-7})
    with pytest.raises(SettingsError, match="cycles of gitt"):
        space.simulate("SC", "gitt", cycles=3)
    with pytest.raises(ConflictingMetadataError, match="another simulation"):
        space.simulate("SC", "cycling", cycles=1, cell=aged.cell)


def test_no_simulation_takes_the_name_of_a_measured_cell(tmp_path: Path, small_laboratory: Path) -> None:
    space = Workspace.create(tmp_path / "ws")
    facts = {"simulated": False, "active_mass_mg": 10.0}
    space.add(small_laboratory / "SC-1.csv", cell="mine", facts=facts, executor="serial")
    assert space.cells["mine"].origin is Origin.MEASURED
    with pytest.raises(ConflictingMetadataError, match="measured"):
        space.simulate("SC", "cycling", cycles=1, cell="mine")


def test_without_pybamm_the_extra_is_named(space: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lirich.workbench.extras.find_spec", lambda _: None)
    with pytest.raises(OptionalDependencyError, match=r"pip install -c constraints\.txt -e '\.\[cells\]'"):
        space.simulate("SC")


def test_a_file_says_it_all(tmp_path: Path) -> None:
    toml, yaml = tmp_path / "one.toml", tmp_path / "two.yaml"
    toml.write_text(
        'parameters = "SC"\nprogramme = [["Charge at C/10 until 4.8 V", "Discharge at C/2 until 2 V"]]\ncycles = 3\n'
        '[set]\n"Crystal radius [m]" = 3e-7\n'
    )
    yaml.write_text("parameters: PC\nprogramme: ageing\ncycles: 5\nrate: 1C\n")
    request = read_request(toml, {"cycles": 4}, {"Series resistance [Ohm]": 5.0})
    assert request.plan().cycles == 4
    assert request.changes == {"Crystal radius [m]": 3e-7, "Series resistance [Ohm]": 5.0}
    assert read_request(yaml).plan() == programme.ageing(5, "1C", one_c_ma_g=250.0)
    with pytest.raises(SettingsError, match="programe"):
        SimulationRequest.of({"parameters": "SC", "programe": "ageing"})


def test_the_command_line(space: Workspace, tmp_path: Path) -> None:
    runner = CliRunner()
    base = ["simulate", "SC", "--step", "Charge at C/5 until 4.8 V", "--step", "Discharge at C/5 until 2 V",
            "--set", "Crystal radius [m]=3e-7", "--workspace", str(space.root), "--cell", "cli"]  # fmt: skip
    done = runner.invoke(app, [*base, "--json", "--figures", str(tmp_path / "figs")])
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert told["origin"] == "simulated"
    assert told["facts"]["extra"]["Crystal radius [m]"] == 3e-7
    assert (tmp_path / "figs" / "sites.html").exists() is False  # one cycle has no course of sites
    assert (tmp_path / "figs" / "profiles.html").is_file()
    words = runner.invoke(app, base)
    assert "was there already, simulated" in words.stdout
    assert "spinel-like sites" in words.stdout


def test_the_impedance_of_a_simulated_cell_is_a_test_and_is_read_back(space: Workspace) -> None:
    plan = programme.parse(["Charge at C/5 until 4.0 V"], 250.0)
    space.simulate("SC", plan, changes={**CONSTANT_DIFFUSION, **NO_AGEING}, cell="eis")
    done = space.simulate_impedance("eis")
    assert not done.already
    assert done.test.kind == "impedance"
    assert space.simulate_impedance("eis").already
    space.analyse(["eis"], executor="serial")
    view = space.cells["eis"]
    values = {v.quantity: v for v in view.values}
    truth = done.truth
    assert values["charge_transfer_resistance_ohm"].value == pytest.approx(truth["charge_transfer_ohm"], rel=0.03)
    assert values["series_resistance_ohm"].value == pytest.approx(truth["series_ohm"] + truth["film_ohm"], rel=0.01)
    assert values["double_layer_capacitance_f"].value == pytest.approx(truth["double_layer_f"], rel=0.02)
    assert values["lithium_diffusivity_m2_s"].value == pytest.approx(1e-16, rel=0.02)
    assert {v.origin for v in view.values} == {"simulated"}
    assert values["kramers_kronig_residual"].value < 0.01
    assert view.analysis.kind == "cycling"
    assert [a.kind for a in view.impedance] == ["impedance"]
    assert view.plot("impedance").data
    assert not space.analyse(["eis"], executor="serial").analysed
    assert not [f for f in space.check() if f.severity != "info"]
    space.simulate("SC", plan, cell="plain")
    with pytest.raises(NotEnoughDataError, match="impedance"):
        space.cells["plain"].plot("impedance")


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "diffusivity"), [("gitt", 1e-17), ("ici", 1e-17)])
def test_pulses_through_the_workspace_recover_the_diffusivity(space: Workspace, kind: str, diffusivity: float) -> None:
    changes = {**CONSTANT_DIFFUSION, **NO_AGEING, "Maximum diffusivity [m2.s-1]": diffusivity}
    done = space.simulate("SC", kind, changes=changes)
    space.analyse([done.cell], executor="serial")
    values = [
        v
        for v in space.cells[done.cell].values
        if v.quantity == "lithium_diffusivity_m2_s"
        and v.conditions.soc_percent is not None
        and 20 <= v.conditions.soc_percent <= 80
        and "out-of-validity" not in v.flags
    ]
    assert len(values) > 20
    by_method: dict[str, list[float]] = {}
    for value in values:
        by_method.setdefault(str(value.conditions.method), []).append(value.value / diffusivity)
    medians = {method: float(np.median(found)) for method, found in by_method.items()}
    assert all(0.65 < median < 1.35 for median in medians.values()), medians
    sphere = [median for method, median in medians.items() if "sphere" in method or "fit" in method]
    assert all(median == pytest.approx(1.0, abs=0.06) for median in sphere), medians

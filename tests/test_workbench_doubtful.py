"""Facts that cannot be so are doubted, with the unit that they are likely in; those of real cells are not."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from typer.testing import CliRunner

from lirich.cli.app import app
from lirich.cycling.plausibility import LEAST_MAH_G, MARGIN, RICHEST, capacity_limit, low_capacity
from lirich.model import Cell, Composition, Sample
from lirich.reports.collect import collect
from lirich.store.literature import load
from lirich.workbench import Workspace
from lirich.workbench.intake.doubtful_facts import RANGES, doubtful
from test_workbench import write_curve

LI_RICH = "Li1.2Mn0.54Ni0.13Co0.13O2"


def told(**facts: float | str) -> list[str]:
    of_sample = {name: facts.pop(name) for name in list(facts) if name in Sample.model_fields}
    found = doubtful(Cell.model_validate({"key": "A", **facts}), Sample.model_validate({"key": "S", **of_sample}))
    return [f"{f.message} | {f.advice}" for f in found]


@pytest.mark.parametrize(
    ("name", "value", "likely"),
    [
        ("temperature_celsius", 298, "in kelvin it would be temperature_celsius=24.85"),
        ("temperature_celsius", 233.15, "in kelvin it would be temperature_celsius=-40"),
        ("particle_diameter_um", 5e-7, "in m it would be particle_diameter_um=0.5"),
        ("particle_diameter_um", 5e-4, "in mm it would be particle_diameter_um=0.5"),
        ("particle_diameter_um", 470, "in nm it would be particle_diameter_um=0.47"),
        ("one_c_ma_g", 0.25, "in A/g it would be one_c_ma_g=250"),
        ("one_c_ma_g", 250_000, "in µA/g it would be one_c_ma_g=250"),
        ("nominal_specific_capacity_mah_g", 0.25, "in Ah/g it would be nominal_specific_capacity_mah_g=250"),
        ("electrode_area_cm2", 1.13e-4, "in m² it would be electrode_area_cm2=1.13"),
    ],
)
def test_a_value_in_another_unit_is_doubted_and_the_unit_named(name: str, value: float, likely: str) -> None:
    (said,) = told(**{name: value})
    assert said.startswith(f"{name} of A is {value:g} {RANGES[name].unit}: ")
    assert likely in said


def test_the_current_of_the_whole_cell_is_recognised_by_its_mass() -> None:
    (said,) = told(one_c_ma_g=2.5, active_mass_mg=10)
    assert "in mA of the whole cell it would be one_c_ma_g=250" in said


@pytest.mark.parametrize(
    "facts",
    [
        {"temperature_celsius": 25, "particle_diameter_um": 0.5, "one_c_ma_g": 250, "electrode_area_cm2": 1.13},
        {"temperature_celsius": -40, "particle_diameter_um": 12, "one_c_ma_g": 3579},  # cold; secondary; Li15Si4
        {"temperature_celsius": 80, "particle_diameter_um": 0.03, "one_c_ma_g": 170},  # polymer; LiFePO4
        {"electrode": "anode", "composition": "Li4Ti5O12"},
        {"electrode": "anode", "composition": "Li3VO4"},
        {"electrode": "cathode", "composition": LI_RICH},
        {"electrode": "full", "composition": LI_RICH},
        {},
    ],
)
def test_facts_of_real_cells_are_not_doubted(facts: dict[str, float | str]) -> None:
    assert told(**facts) == []


@pytest.mark.parametrize("formula", [LI_RICH, "LiNi0.8Mn0.1Co0.1O2", "LiMn2O4", "0.5Li2MnO3·0.5LiNi0.5Mn0.5O2"])
def test_an_anode_of_the_composition_of_a_cathode_is_a_contradiction(formula: str) -> None:
    (said,) = told(electrode="anode", composition=formula)
    assert f"electrode of A is anode, and its composition {formula} is that of a cathode" in said


@pytest.mark.parametrize(
    ("electrode", "formula", "of"),
    [
        *((electrode, LI_RICH, LI_RICH) for electrode in ("cathode", "anode", "full", None)),
        ("cathode", None, RICHEST),
        ("anode", "Li4Ti5O12", "Li22Si5"),  # it takes lithium up beyond that of its formula
        ("anode", None, "Li22Si5"),
        (None, None, "Li22Si5"),
        ("cathode", "S8", "Li22Si5"),
    ],
)
def test_no_electrode_gives_more_than_all_lithium_of_its_composition(
    electrode: str | None, formula: str | None, of: str
) -> None:
    cell = Cell.model_validate({"key": "A", "electrode": electrode})
    assert capacity_limit(cell, Sample(key="S", composition=formula))[0] == of


@pytest.mark.parametrize(
    ("mass", "likely"), [(0.004, "in g it would be 4 mg"), (4000.0, "in µg it would be 4 mg"), (4.0, "")]
)
def test_a_mass_in_another_unit_is_told_by_the_capacity_that_it_gives(
    workspace: Workspace, tmp_path: Path, mass: float, likely: str
) -> None:
    write_curve(tmp_path / "a.bdf.csv")  # 1 mAh
    facts = {"active_mass_mg": mass, "electrode": "anode", "composition": LI_RICH}
    workspace.add(tmp_path / "a.bdf.csv", facts=facts, executor="serial")
    workspace.analyse(executor="serial")
    view = workspace.cells["a"]
    found = [f.advice for f in view.findings if f.code == "implausible-specific-capacity"]
    assert [likely in advice for advice in found] == ([True] if likely else [])
    flagged = {v.quantity for v in view.values if "implausible-capacity" in v.flags}
    assert bool(flagged) is bool(likely)
    assert "electrode-contradicts-composition" in [f.code for f in view.findings]


def test_a_mass_a_thousand_times_too_large_is_found_with_every_cathode_of_the_family() -> None:
    assert MARGIN * Composition.parse(RICHEST).theoretical_capacity_mah_g / 1000 < LEAST_MAH_G


def test_doubts_are_said_where_the_fact_is_said(workspace: Workspace, tmp_path: Path) -> None:
    write_curve(tmp_path / "a.csv")
    report = workspace.add(tmp_path / "a.csv", facts={"temperature_celsius": 298}, executor="serial")
    assert [f.code for f in report.findings] == ["fact-implausible"]
    assert [f.code for f in workspace.set_facts("a", {"one_c_ma_g": 0.25})] == ["fact-implausible"]
    assert [f.code for f in workspace.cells["a"].findings].count("fact-implausible") == 2
    assert workspace.set_facts("a", {"one_c_ma_g": 250, "temperature_celsius": 25}) == []
    assert "fact-implausible" not in [f.code for f in workspace.cells["a"].findings]


@pytest.mark.parametrize(
    ("formula", "meant"),
    [
        ("Li1.2Mn0.54Ni0.13Co0.13O", LI_RICH),
        ("Li1.2Mn0.54Ni0.13Co0.13O3", LI_RICH),
        ("Li1.2Mn5.4Ni0.13Co0.13O2", LI_RICH),
        ("Li1.2Mn0.054Ni0.13Co0.13O2", LI_RICH),
        ("Li12Mn0.54Ni0.13Co0.13O2", LI_RICH),
        ("LiNi0.5Mn1.5O", "LiNi0.5Mn1.5O4"),
        ("LiFePO", "LiFePO4"),
        ("LiNi0.8Mn0.1Co0.1O22", "LiNi0.8Mn0.1Co0.1O2"),
    ],
)
def test_a_composition_whose_charges_cannot_balance_is_doubted_with_the_likely_one(formula: str, meant: str) -> None:
    (said,) = told(composition=formula)
    assert said.startswith(f"composition of A is {formula}: its metals have a charge of ")
    assert said.endswith(f"Did you mean composition={meant}?")


MADE = """
    LiNi0.5Mn1.5O4 LiNi0.5Mn1.5O3.9 LiFePO4 FePO4 LiMnPO4 C6 Li4Ti5O12 Li22Si5 Li2MnO3
    Li3MnO4 Li5FeO4 Li2NiO2 Mn0.54Ni0.13Co0.13O2 Li0.2Mn0.54Ni0.13Co0.13O2 LiV3O8 Li6CoO4
    Li2MnO2F Li1.2Ni0.4Mn0.4O1.8F0.2 Li1.3Nb0.3Mn0.4O2 Li7La3Zr2O12 Li6PS5Cl
    0.5Li2MnO3·0.5LiNi0.33Mn0.33Co0.33O2 Li1.2Mn0.52Ni0.13Co0.13Al0.02O2 Li1.2Ru0.5Mn0.3O2
"""


@pytest.mark.parametrize("formula", MADE.split())
def test_a_composition_that_is_made_is_not_doubted(formula: str) -> None:
    assert told(composition=formula) == []


def test_no_composition_of_the_literature_is_doubted() -> None:
    formulas = {str(v.conditions.other["composition"]) for v in load() if "composition" in v.conditions.other}
    assert formulas
    assert [formula for formula in sorted(formulas) if told(composition=formula)] == []


LITTLE = "low-specific-capacity"


@pytest.mark.parametrize(
    ("mass", "likely"),
    [
        (4.0, None),
        (11.0, None),
        (16.0, "is it that of the whole electrode, with its foil?"),
        (40.0, "4 mg would give 250 mAh/g: a decimal point, or a mass in another unit?"),
        (400.0, "4 mg would give 250 mAh/g: a decimal point, or a mass in another unit?"),
    ],
)
def test_a_mass_that_is_too_large_is_doubted_by_the_capacity_that_is_named(
    workspace: Workspace, tmp_path: Path, mass: float, likely: str | None
) -> None:
    write_curve(tmp_path / "a.bdf.csv")  # 1 mAh
    for facts in ({"nominal_specific_capacity_mah_g": 250}, {"one_c_ma_g": 250}):
        workspace.add(tmp_path / "a.bdf.csv", cell="a", facts={**facts, "active_mass_mg": mass}, executor="serial")
        workspace.analyse(executor="serial")
        found = [f for f in workspace.cells["a"].findings if f.code == LITTLE]
        assert [likely in f.advice for f in found if likely] == ([True] if likely else [])
        assert bool(found) is (likely is not None)
        assert all("implausible-capacity" not in v.flags for v in workspace.cells["a"].values)
        workspace.set_facts("a", dict.fromkeys(facts))


def cycles_of(**columns: Sequence[float]) -> pl.DataFrame:
    usual = {
        "complete": True,
        "lower_cutoff_voltage_v": 2.0,
        "upper_cutoff_voltage_v": 4.8,
        "charge_specific_capacity_mah_g": 20.0,
        "discharge_specific_capacity_mah_g": 20.0,
        "charge_current_ma": 0.1,
        "discharge_current_ma": 0.1,
    }
    count = max((len(values) for values in columns.values()), default=1)
    return pl.DataFrame({name: columns.get(name, [value] * count) for name, value in usual.items()})


def test_a_first_charge_above_the_nominal_capacity_tells_the_slip_too() -> None:
    cell = Cell(key="SC-2", electrode="cathode", active_mass_mg=1115, nominal_specific_capacity_mah_g=250)
    cycles = cycles_of(charge_specific_capacity_mah_g=[3.27], discharge_specific_capacity_mah_g=[2.7])
    (found,) = low_capacity(cycles, cell, None)
    assert "given: 1115 mg): 11.15 mg would give 327 mAh/g: a decimal point" in found.advice
    assert "passes more than 3.27 mAh/g, 1.3% of the nominal capacity (250 mAh/g)" in found.message


CATHODE = {"electrode": "cathode", "active_mass_mg": 10.0}


@pytest.mark.parametrize(
    ("columns", "facts", "composition", "doubted"),
    [
        ({}, {"one_c_ma_g": 250}, None, True),
        ({}, {}, LI_RICH, True),
        ({}, {"electrode": "anode", "one_c_ma_g": 250}, None, False),  # a part of its capacity is common
        ({}, {"electrode": "anode", "nominal_specific_capacity_mah_g": 250}, None, True),
        ({}, {}, None, False),
        ({"charge_specific_capacity_mah_g": [150.0]}, {"one_c_ma_g": 250}, None, False),  # a cell that died
        ({"discharge_specific_capacity_mah_g": [200.0, 20.0]}, {"one_c_ma_g": 250}, None, False),
        ({"charge_current_ma": [25.0], "discharge_current_ma": [25.0]}, {"one_c_ma_g": 250}, None, False),  # 10C
        ({"upper_cutoff_voltage_v": [2.8]}, {"one_c_ma_g": 250}, None, False),  # a part of the window
        ({"complete": [False]}, {"one_c_ma_g": 250}, None, False),  # begun half-way
        ({"discharge_specific_capacity_mah_g": [80.0]}, {}, LI_RICH, False),
    ],
)
def test_what_gives_little_for_another_reason_is_not_doubted(
    columns: dict[str, Sequence[float]], facts: dict[str, float | str], composition: str | None, doubted: bool
) -> None:
    cell = Cell.model_validate({"key": "A", **CATHODE, **facts})
    found = low_capacity(cycles_of(**columns), cell, Sample(key="S", composition=composition))
    assert [f.code for f in found] == ([LITTLE] if doubted else [])


def test_a_cell_that_gives_far_less_than_the_others_of_its_sample_is_doubted(
    workspace: Workspace, tmp_path: Path
) -> None:
    rows = "".join(f"c{n},{sample},{mass}\n" for n, (sample, mass) in enumerate(
        (("P", 5), ("P", 20), ("P", 6), ("Q", 50), ("Q", 60)), start=1))  # fmt: skip
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "cells.csv").write_text("cell,sample,active_mass_mg\n" + rows)
    for n in range(1, 6):
        write_curve(tmp_path / "files" / f"c{n}.csv", seed=n)  # 1 mAh each
    workspace.add(tmp_path / "files", executor="serial")
    found = [f for f in workspace.analyse(executor="serial").findings if f.code == "unlike-repeats"]
    assert [f.message for f in found] == ["c2 gives 50 mAh/g at best, the other cells of its sample 183 mAh/g (c1, c3)"]


def of_repeats(workspace: Workspace) -> list[str]:
    found = workspace.analyse(executor="serial").findings
    return [f.message for f in found if f.code == "unlike-repeats"]


def write_repeat(
    path: Path, *, mah: float = 1.0, hours: float = 5.0, volts: tuple[float, float] = (2.5, 4.5), ends: float = 2.0
) -> None:
    """Two cycles of *mah* each way in *hours* per half-cycle over *volts*, of which the first *ends* are recorded."""
    low, high = volts
    rows = []
    for half in range(4):
        for i in range(61):
            volt = low + (high - low) * (i if half % 2 == 0 else 60 - i) / 60
            current = (-1) ** half * mah / hours / 1000
            rows.append(f"{(half + i / 60) * hours * 3600 + half:.1f},{volt:.6f},{current:.8f},{half // 2 + 1}")
    rows = rows[: round(61 * 2 * ends)]
    path.write_text("\n".join(["test_time_second,voltage_volt,current_ampere,cycle_count", *rows]) + "\n")


@pytest.mark.parametrize(
    ("test", "facts", "doubted"),
    [
        ({"mah": 1.03}, {"active_mass_mg": 40.0}, True),
        ({"mah": 0.1, "volts": (3.6, 4.0)}, {}, False),  # a part of the window
        ({"mah": 0.1, "ends": 0.7}, {}, False),  # it runs: a charge and the start of the discharge
        ({"mah": 0.1, "hours": 0.01}, {}, False),  # fast, and 1C is not stated
        ({"mah": 0.1}, {"one_c_ma_g": 250}, False),  # low-specific-capacity says it
    ],
)
def test_a_repeat_that_gives_little_for_another_reason_than_its_mass_is_not_doubted(
    workspace: Workspace, tmp_path: Path, test: dict[str, Any], facts: dict[str, float], doubted: bool
) -> None:
    of_all = {"sample": "S", "active_mass_mg": 4.0}
    for name, each in {"B1": {}, "B2": {"mah": 1.01}, "B3": {"mah": 1.02}, "A": test}.items():
        write_repeat(tmp_path / f"{name}.csv", **each)
        said = {**of_all, **(facts if name == "A" else {})}
        workspace.add(tmp_path / f"{name}.csv", facts=said, executor="serial")
    assert [text.split()[0] for text in of_repeats(workspace)] == (["A"] if doubted else [])


def test_a_cell_is_not_doubted_beside_one_whose_capacity_is_implausible(workspace: Workspace, tmp_path: Path) -> None:
    for name, mass in (("A1", 4.0), ("A2", 0.004)):  # the second in g
        write_repeat(tmp_path / f"{name}.csv", mah=1.0 + 0.01 * mass)
        facts = {"sample": "S", "active_mass_mg": mass, "electrode": "cathode"}
        workspace.add(tmp_path / f"{name}.csv", facts=facts, executor="serial")
    assert of_repeats(workspace) == []
    assert "implausible-specific-capacity" in [f.code for f in workspace.cells["A2"].findings]


def test_a_repeat_that_was_analysed_before_the_others_is_doubted_each_time(
    workspace: Workspace, tmp_path: Path
) -> None:
    for n, mass in ((1, 50.0), (2, 5.0), (3, 5.0)):
        write_repeat(tmp_path / f"A{n}.csv", mah=1.2 + 0.01 * n)
        workspace.add(tmp_path / f"A{n}.csv", facts={"sample": "S", "active_mass_mg": mass}, executor="serial")
        if n == 1:
            assert of_repeats(workspace) == []
    said = ["A1 gives 24.2 mAh/g at best, the other cells of its sample 245 mAh/g (A2, A3)"]
    assert of_repeats(workspace) == said
    assert of_repeats(workspace) == said  # nothing is analysed now
    assert [f.message for f in workspace.analyse("A3", executor="serial").findings if f.where == "A1"] == said
    assert [[f.message for f in workspace.cells[key].unlike_repeats] for key in ("A1", "A2")] == [said, []]
    reported = {
        r.cell.key: [f.message for f in r.findings if f.code == "unlike-repeats"] for r in collect(workspace).cells
    }
    assert reported == {"A1": said, "A2": [], "A3": []}
    shown = CliRunner().invoke(app, ["cells", "A1", "--workspace", str(workspace.root), "--json"])
    assert "unlike-repeats" in [f["code"] for f in json.loads(shown.output)["findings"]]

"""What a study of dopants asks for, before anything is computed: names, concentrations, ways to be neutral, sense."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

pytest.importorskip("chgnet")
pytest.importorskip("spglib")

from command_line import run as lirich
from lirich.atoms.arrangement import Arrangement
from lirich.atoms.dopants import count_for
from lirich.atoms.text import write_structure
from lirich.errors import SettingsError
from lirich.screening.study import DopingStudy
from lirich.workbench.crystals.build import build_crystals
from lirich.workbench.screening.cells import expected_cost
from lirich.workbench.screening.next import study_text
from lirich.workbench.screening.predicted import ScreenPrediction
from lirich.workbench.screening.prospect_names import names_of
from lirich.workbench.screening.prospects import Prospect, built, hosts_of, percents_of, prospects
from lirich.workbench.screening.screen import make_screen, outlook, read_screen, run_screen, shipped_result
from screen_material import CHANGE, STUDY, VACANCY, cheap_plan

HOST = {"formula": "Li1.2Mn0.6Ni0.2O2", "atoms": 60, "orderings": 1}
"""18 Li, 9 Mn, 3 Ni and 30 O: one metal is 8.33 % of the metals, one oxygen 3.33 % of the anions."""


def study(*dopants: Any, **changes: Any) -> DopingStudy:
    return make_screen({"host": HOST, "dopants": list(dopants), "weights": {CHANGE: 1}, **changes})


@pytest.fixture(scope="module")
def hosts() -> list[Arrangement]:
    return hosts_of(study("W", host={**HOST, "orderings": 2}))


def names(*dopants: Any, **changes: Any) -> list[str]:
    return names_of(study(*dopants, **changes).dopings())


# --- names ----------------------------------------------------------------------------------------------------------


def test_names_say_what_tells_candidates_apart_and_no_more() -> None:
    assert names("W", ["Na", "W"], {"element": "Mg", "sites": ["TM", "Li"]}) == [
        "W", "Na+W", "Mg in the TM layer", "Mg in the Li layer",
    ]  # fmt: skip
    assert names({"element": "V", "charge": 4}, "V") == ["V⁴⁺", "V⁵⁺"]
    assert names("Mg", {"element": "Mg", "replaces": "Ni"}, "Ti") == ["Mg", "Mg for Ni", "Ti"]
    assert names("Mg", {"element": "Mg", "sites": ["Li"]}) == ["Mg in the TM layer", "Mg in the Li layer"]
    assert names("Ti", {"element": "Ti", "count": 2}) == ["1 Ti", "2 Ti"]
    assert names("Ti", {"ions": ["Ti"], "concentration_percent": 25}) == ["Ti at 8 %", "Ti at 25 %"]
    assert names(["Na", "W"], [{"element": "Na", "replaces": "Li"}, {"element": "W", "charge": 5}]) == [
        "Na + W⁶⁺", "Na for Li + W⁵⁺",
    ]  # fmt: skip
    each = {"ions": ["Mg", "Zn"]}
    assert names(each, {**each, "percent_of": "set"}) == ["Mg+Zn at 8 %", "Mg+Zn at 8 % together"]


def test_several_concentrations_are_a_candidate_each() -> None:
    given = study("Ti", ["Na", "W"], {"ions": ["Al"], "concentration_percent": 25}, concentration_percent=[8, 16])
    assert names_of(given.dopings()) == ["Ti at 8 %", "Ti at 16 %", "Na+W at 8 %", "Na+W at 16 %", "Al"]
    assert [d.percent for d in given.dopings()] == [8, 16, 8, 16, 25]
    assert make_screen(json.loads(given.to_json())) == given
    again = make_screen(yaml.safe_load(study_text(given, ScreenPrediction())))
    assert again.dopings() == given.dopings()


@pytest.mark.parametrize(
    "dopants",
    [
        ["W", {"element": "W", "charge": 6}],  # which is its usual charge
        ["W", {"element": "W", "sites": ["TM"]}],  # which is its usual place
        ["W", {"ions": ["W"], "concentration_percent": 8}],  # which is that of the study
    ],
)
def test_what_stays_equal_is_refused(dopants: list[Any]) -> None:
    with pytest.raises(SettingsError, match="has W 2 times"):
        outlook(study(*dopants))
    with pytest.raises(SettingsError, match="has W 2 times"):
        run_screen(study(*dopants), plan=cheap_plan, executor="serial")


def test_concentrations_that_round_to_the_same_cell_are_refused(hosts: list[Arrangement]) -> None:
    """4 % and 8 % of 12 metals are both one."""
    with pytest.raises(SettingsError, match="Ti at 8 % and Ti at 4 % are the same cells"):
        prospects(study("Ti", concentration_percent=[4, 8]), hosts[:1])
    with pytest.raises(SettingsError, match="4 % is named twice"):
        study("Ti", concentration_percent=[4, 4])


def test_every_candidate_has_its_own_cells_and_values(hosts: list[Arrangement]) -> None:
    """V⁴⁺ and V⁵⁺, and Ti at two concentrations, were once kept under one name, the second with the first's numbers."""
    given = {
        **STUDY,
        "dopants": [{"element": "V", "charge": 4}, "V", "Ti", {"ions": ["Ti"], "concentration_percent": 25}],
    }
    result = run_screen(make_screen(given), plan=cheap_plan, executor="serial")
    tried = {t.name: t for t in result.judged.screened.tried}
    assert list(tried) == ["V⁴⁺", "V⁵⁺", "Ti at 8 %", "Ti at 25 %"]
    assert {t.cells[0].compensation for t in (tried["V⁴⁺"], tried["V⁵⁺"])} == {"none needed", "Mn⁴⁺ → Mn³⁺"}
    held = {v.subject.key.split(" in ")[0]: v.conditions.other["dopant_percent"] for v in result.values}
    assert held["Ti at 8 %"] == pytest.approx(100 / 12, abs=1e-3)
    assert held["Ti at 25 %"] == pytest.approx(25.0)
    ranks = [row["rank"] for row in result.to_dict()["candidates"]]
    assert sorted(ranks) == [1, 2, 3, 4]


def test_formal_charges_alone_are_told_to_be_no_difference_to_the_potential(hosts: list[Arrangement]) -> None:
    found = {each.name: each for each in outlook(study({"element": "V", "charge": 4}, "V", "Ti"))}
    assert found["Ti"].same_atoms == ()
    charges = [
        cell.arrangement.elements
        for p in prospects(study({"element": "V", "charge": 4}, "V"), hosts[:1])
        for _, cell in p.cells
    ]
    assert (charges[0] == charges[1]) == (found["V⁴⁺"].same_atoms == ("V⁵⁺",)) == (found["V⁵⁺"].same_atoms == ("V⁴⁺",))


# --- concentrations -------------------------------------------------------------------------------------------------


def held(hosts: list[Arrangement], *dopants: Any, **changes: Any) -> list[dict[str, float]]:
    asked: list[Prospect] = prospects(study(*dopants, **changes), hosts[:1])
    return [{k: round(v, 2) for k, v in percents_of(hosts[0], p.cells[0][1]).items()} for p in asked]


def test_a_percent_is_of_each_ion_whatever_their_order(hosts: list[Arrangement]) -> None:
    assert held(hosts, ["Na", "W"], ["Al", "F"]) == [{"Na": 8.33, "W": 8.33}, {"Al": 8.33, "F": 3.33}]
    assert held(hosts, ["F", "Al"]) == [{"Al": 8.33, "F": 3.33}]
    assert held(hosts, "F") == [{"F": 6.67}]  # 2 of 30 anions
    assert held(hosts, {"element": "Mg", "count": 2}) == [{"Mg": 16.67}]


def test_the_percent_may_be_that_of_the_whole_set(hosts: list[Arrangement]) -> None:
    """Of 12 metals 33 % are four: one of each of four ions, and 50 % of each of two are six and six."""
    four = {"ions": ["Mg", "Zn", "Cu", "Nb"], "concentration_percent": 33, "percent_of": "set"}
    assert held(hosts, four) == [{"Mg": 8.33, "Zn": 8.33, "Cu": 8.33, "Nb": 8.33}]
    pair = {"ions": ["Mg", "Ti"], "concentration_percent": 33}
    assert held(hosts, pair) == [{"Mg": 33.33, "Ti": 33.33}]
    assert held(hosts, pair, percent_of="set") == [{"Mg": 16.67, "Ti": 16.67}]
    assert count_for(hosts[0], prospects(study("W"), hosts[:1])[0].cells[0][1].dopants[0], 100) == 12


def test_the_dry_run_says_what_the_cell_holds_of_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    asked = {"host": HOST, "dopants": [["Mg", "Zn", "Cu", "Nb"]], "percent_of": "set", "weights": {CHANGE: 1}}
    (tmp_path / "study.yaml").write_text(json.dumps(asked))
    told = lirich("screen", "candidates", "study.yaml", "--json", cwd=tmp_path)
    (row,) = json.loads(told.out)["candidates"]
    assert row["percents"] == {e: pytest.approx(8.333) for e in ("Mg", "Zn", "Cu", "Nb")}
    assert row["percent_together"] == pytest.approx(33.333)
    assert (row["percent_asked"], row["percent_of"]) == (8, "set")
    told = lirich("screen", "candidates", "study.yaml", cwd=tmp_path)
    (found,) = outlook(make_screen(asked))
    assert found.dose == "Mg 8.33, Zn 8.33, Cu 8.33, Nb 8.33: 33.3 together (8 of all asked)"
    assert "33.3" in told.out


# --- ways to be neutral -----------------------------------------------------------------------------------------------


def test_each_way_to_be_neutral_is_a_candidate(hosts: list[Arrangement]) -> None:
    found = prospects(study("W", "Ti", ways=2, compensations=["redox", "exchange"]), hosts)
    kinds = {p.name: {cell.compensation.kind for _, cell in p.cells} for p in found}
    assert kinds == {"W (redox)": {"redox"}, "W (exchange)": {"exchange"}, "Ti": {"none"}}
    assert all([n for n, _ in p.cells] == [0, 1] for p in found)  # one cell of each ordering


def test_ways_of_one_kind_are_named_by_what_changes(hosts: list[Arrangement]) -> None:
    found = prospects(study("W", ways=3, compensations=["exchange", "li-vacancy"]), hosts[:1])
    assert {p.name for p in found} == {"W (Ni²⁺ for Mn⁴⁺)", "W (2 × Li⁺ for Ni²⁺)", "W (li-vacancy)"}


@pytest.mark.parametrize("host", ["formula", "file"])
def test_a_dopant_makes_room_of_the_charge_that_the_host_has_more_of(host: str) -> None:
    """Li7Mn4NiO12 has one Mn³⁺ beside three Mn⁴⁺: W on Mn is always 2 too many, Ti never, whoever holds the Mn³⁺."""
    formula = "Li1.2Mn0.6Ni0.2O2"
    (cell,) = build_crystals(formula, atoms=24)
    given = {"formula": formula, "atoms": 24, "orderings": 1}
    if host == "file":
        given = {"crystal": write_structure(cell.structure)}
    asked = make_screen(
        {**STUDY, "host": given, "dopants": ["W", "Ti", ["Na", "W"]], "compensations": ["li-vacancy", "redox"]}
    )
    hosts = hosts_of(asked)
    assert sum(hosts[0].charges) == 0
    assert Counter(q for el, q in zip(hosts[0].elements, hosts[0].charges, strict=True) if el == "Mn") == {4: 3, 3: 1}
    ways = {p.name: p.cells[0][1].compensation.words for p in prospects(asked, hosts)}
    assert ways == {"W": "2 × Li vacancy", "Ti": "none needed", "Na+W": "2 × Li vacancy"}


def test_one_way_is_that_which_the_shipped_study_took(hosts: list[Arrangement]) -> None:
    (found,) = prospects(study("W"), hosts)
    assert found.name == "W"
    assert [cell.compensation.words for _, cell in found.cells] == ["2 × Mn⁴⁺ → Mn³⁺"] * 2


def test_the_cells_of_the_shipped_study_are_still_built_alike() -> None:
    """Names, cells and what makes them neutral: the results that come with lirich are those of this code."""
    given = shipped_result("demo").judged.screened
    asked = prospects(given.study, hosts_of(given.study))
    there = {
        t.name: [cell.model_copy(update={"notes": (), "relaxed": (), "efforts": {}}) for cell in t.cells]
        for t in given.tried
    }
    assert {p.name: [built(n, cell) for n, cell in p.cells] for p in asked} == there


def test_ways_are_ranked_and_learned_from_side_by_side() -> None:
    given = make_screen(
        {**STUDY, "ways": 2, "compensations": ["redox", "exchange"], "dopants": ["W", "Ti", "Nb", "Al", "Zr", "Mg"]}
    )
    result = run_screen(given, plan=cheap_plan, executor="serial")
    tried = result.judged.screened.tried
    assert len({t.name for t in tried}) == len(tried) > 6
    assert all(figure.count == 2 for c in result.judged.candidates for k, figure in c.figures.items() if k == VACANCY)
    assert result.predicted.why_not == ""
    doped = {t.name.split()[0]: given.dopings()[t.doping].dopants.name for t in tried if t.doping is not None}
    assert all(first == second for first, second in doped.items())


# --- what cannot be computed ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [
        {"weights": {"volume_change": 1}},
        {"gates": [{"quantity": "metal_migration_energy_ev", "at_least": 0, "unknown_passes": True}]},
        {"descriptors": ["computed_average_voltage_v"]},
        {"descriptors": ["oxygen_pairing_energy_ev"], "lithium_removed": [0.0, 0.0]},
    ],
)
def test_what_only_a_charged_cell_has_is_refused_where_none_is(changes: dict[str, Any]) -> None:
    for begin in (outlook, run_screen):
        with pytest.raises(SettingsError, match="needs lithium_removed above 0"):
            begin(study("W", **changes))
    assert outlook(study("W", **{**changes, "lithium_removed": [0.5]}))


def test_a_dry_run_refuses_too(tmp_path: Path) -> None:
    (tmp_path / "study.yaml").write_text(json.dumps({"host": HOST, "dopants": ["W"], "weights": {"volume_change": 1}}))
    told = lirich("screen", "dopants", "study.yaml", "--dry-run", cwd=tmp_path)
    assert told.code != 0
    assert "volume_change needs lithium_removed above 0" in " ".join(told.err.split())


def test_migration_needs_a_metal_that_migrates() -> None:
    cobalt = {"formula": "LiCoO2", "atoms": 48, "orderings": 1}
    asked = {"host": cobalt, "lithium_removed": [0.5]}
    with pytest.raises(SettingsError, match="is that of Mn or Ni, and the host has neither"):
        outlook(study("Al", **asked, gates=[{"quantity": "metal_migration_energy_ev", "at_least": 0}]))
    assert outlook(study("Al", **asked))


def test_a_spinel_needs_a_cell_that_holds_the_composition() -> None:
    """18 Li, 8 Mn, 3 Ni and 1 W are no whole number of spinel cells of 8 cations; of 32 cations they may be."""
    asked = {"weights": {"spinel_over_layered_mev_atom": 1}}
    with pytest.raises(SettingsError, match="no spinel of at most 96 atoms"):
        outlook(study("W", **asked))
    assert outlook(study("Al", host={"formula": "LiCoO2", "atoms": 48, "orderings": 1}, **asked))


def test_a_study_without_a_state_of_charge_is_refused() -> None:
    with pytest.raises(SettingsError, match="lithium_removed"):
        study("W", lithium_removed=[])


def test_what_is_asked_for_beside_costs_time() -> None:
    """The more is asked for, the longer; bands longest."""
    base = {"lithium_removed": [0.0, 0.5], "descriptors": [CHANGE]}
    plain = expected_cost(study("W", **base), 60)
    for key in (
        "spinel_over_layered_mev_atom", "energy_above_hull_mev_atom", "oxygen_pairing_energy_ev",
        "lithium_hop_barrier_ev", "metal_migration_energy_ev", "metal_migration_barrier_ev",
    ):  # fmt: skip
        asked = {**base, "descriptors": [CHANGE, key]}
        dear = expected_cost(study("W", **asked), 60)
        assert dear > plain
        if "barrier" in key:
            assert expected_cost(study("W", **asked, bands=True), 60) > dear
    assert expected_cost(read_screen(Path("demo")), 60) == pytest.approx(60 * 20 * (2 + 1.5 * 3))

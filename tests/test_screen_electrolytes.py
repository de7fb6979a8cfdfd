"""Solid electrolytes for a Li-rich cathode: what is known of them comes out, and what is not known is said."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pymatgen.core")

from command_line import run
from lirich.compute import Progress, ResultCache
from lirich.errors import CompositionError, InputError, LirichError, SettingsError, UnknownNameError
from lirich.interfaces.coverage import charge_excess
from lirich.interfaces.knowledge import electrolyte, measured_formulas, repeat_spread
from lirich.model import Origin
from lirich.screening.electrolytes import ElectrolyteStudy
from lirich.workbench import Workspace
from lirich.workbench.screening.answer import ScreenAnswer, keep_answer
from lirich.workbench.solids.screen_electrolytes import make_electrolytes, read_electrolytes, run_electrolytes

SIGMA, HULL = "lithium_conductivity_s_cm", "energy_above_hull_mev_atom"
CATHODE, ANODE = "cathode_contact_energy_mev_atom", "anode_contact_energy_mev_atom"
ALONE, WATER = "decomposition_energy_mev_atom", "water_contact_energy_mev_atom"
OXIDATION, REDUCTION = "oxidation_limit_v", "reduction_limit_v"
DISORDERED = "Li6.75La3Zr1.75Ta0.25O12"
STUDY: dict[str, Any] = {
    "name": "few",
    "electrolytes": [
        "Li6PS5Cl",
        "Li10GeP2S12",
        "Li3YCl6",
        "Li3InCl6",
        "Li7La3Zr2O12",
        "Li1.3Al0.3Ti1.7P3O12",
        DISORDERED,
        "Li3PO4",
        "Li6TeO6",
        "Al2O3",
        "Li7",
    ],
    "polymers": ["PEO-LiTFSI"],
    "weights": {SIGMA: 1, CATHODE: 1, ANODE: 1},
    "draws": 20,
}


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> tuple[ScreenAnswer, Path]:
    cache = tmp_path_factory.mktemp("cache")
    return run_electrolytes(make_electrolytes(STUDY), cache=cache, executor="serial"), cache


def figure(answer: ScreenAnswer, name: str, key: str) -> float:
    return answer.judgement.candidate(name).figures[key].value


def test_sulfides_conduct_but_are_oxidised_at_two_volts(few: tuple[ScreenAnswer, Path]) -> None:
    for name, limit in {"Li6PS5Cl": 2.01, "Li10GeP2S12": 2.14}.items():  # Zhu, He & Mo 2015, Richards et al. 2016
        assert figure(few[0], name, SIGMA) > 1e-3
        assert figure(few[0], name, OXIDATION) == pytest.approx(limit, abs=0.05)
        assert figure(few[0], name, ALONE) < -500


def test_chlorides_stand_four_volts_and_are_reduced_by_lithium(few: tuple[ScreenAnswer, Path]) -> None:
    for name in ("Li3YCl6", "Li3InCl6"):  # Wang et al. 2019: oxidised at 4.21 and 4.26 V
        assert figure(few[0], name, OXIDATION) == pytest.approx(4.23, abs=0.08)
        assert figure(few[0], name, REDUCTION) > 0.5
        assert figure(few[0], name, ANODE) < -100
        assert figure(few[0], name, WATER) == 0  # their hydrates are not in the table: said in the docs


def test_the_garnet_lives_with_lithium_and_nobody_better(few: tuple[ScreenAnswer, Path]) -> None:
    with_lithium = {c.name: c.figures[ANODE].value for c in few[0].judgement.candidates if ANODE in c.figures}
    assert max(with_lithium, key=lambda name: with_lithium[name]) == "Li7La3Zr2O12"
    assert with_lithium["Li7La3Zr2O12"] > -15
    assert with_lithium["Li1.3Al0.3Ti1.7P3O12"] < -500  # Ti(IV)
    assert figure(few[0], "Li7La3Zr2O12", REDUCTION) == pytest.approx(0.05, abs=0.03)


def test_the_discharged_cathode_reacts_with_sulfide_much_with_halide_little_with_oxide_not(
    few: tuple[ScreenAnswer, Path],
) -> None:
    closed = {
        each["name"]: c["energy"]["value"]
        for each in few[0].details["electrolytes"]
        for c in each["contacts"]
        if c["name"] == "discharged" and c["voltage"] is None
    }
    assert closed["Li6PS5Cl"] < 5 * closed["Li3YCl6"] < closed["Li3YCl6"] < -10 < closed["Li7La3Zr2O12"]
    assert closed["Li3PO4"] == 0


def test_the_worst_state_of_charge_counts(few: tuple[ScreenAnswer, Path]) -> None:
    of = next(each for each in few[0].details["electrolytes"] if each["name"] == "Li7La3Zr2O12")
    closed = [c["energy"]["value"] for c in of["contacts"] if c["neighbour"] == "cathode" and c["voltage"] is None]
    assert len(closed) == 3
    assert figure(few[0], "Li7La3Zr2O12", CATHODE) == min(closed) < -50  # the charged one takes its lithium


def test_several_measurements_are_an_interval_with_their_papers(few: tuple[ScreenAnswer, Path]) -> None:
    found = few[0].judgement.candidate("Li7La3Zr2O12").figures[SIGMA]
    known = electrolyte("Li7La3Zr2O12")
    assert found.value == known.median_s_cm
    assert found.count == len(known.measurements) == 5
    single = few[0].judgement.candidate("Li3YCl6").figures[SIGMA]
    ratios = [e.high / e.low for e in (single, found) if e.low is not None and e.high is not None]
    assert ratios[0] > ratios[1] > 1  # five measurements tell more than one
    value = next(v for v in few[0].values if v.subject.key == "Li7La3Zr2O12" and v.quantity == SIGMA)
    assert value.origin is Origin.LITERATURE
    assert all(doi in value.provenance.source for m in known.measurements for doi in m.dois)


def test_repeated_measurements_of_one_formula_spread_by_most_of_a_decade() -> None:
    spread, formulas = repeat_spread()
    assert 0.5 < spread < 1.0
    assert formulas > 50


def test_measured_candidates_are_of_their_class_and_conduct() -> None:
    found = measured_formulas(("halide", "sulfide"), 1e-3, without=("Ge",))
    assert {"Li6PS5Cl", "Li3InCl6"} <= set(found)
    assert "Li10GeP2S12" not in found
    sigmas = [electrolyte(formula).median_s_cm for formula in found]
    assert all(s > 0.9e-3 for s in sigmas if s is not None)  # what is nearly one formula is one there
    assert sigmas[0] == max(s for s in sigmas if s is not None)


def test_computed_figures_say_what_they_rest_on(few: tuple[ScreenAnswer, Path]) -> None:
    values = {(v.subject.key, v.quantity): v for v in few[0].values}
    contact = values["Li6PS5Cl", CATHODE]
    assert contact.origin is Origin.COMPUTED
    assert contact.flags == ("equilibrium",)
    assert contact.conditions.other["with"] == "fully charged"
    assert contact.provenance.parameters["energies"] == "embedded"
    assert values["Li6PS5Cl", "element_cost_usd_per_kg"].origin is Origin.LITERATURE


def test_a_disordered_compound_is_a_row_with_the_reason_and_its_numbers_are_doubted(
    few: tuple[ScreenAnswer, Path],
) -> None:
    found = few[0].judgement.candidate(DISORDERED)
    assert "fractional (disordered)" in found.missing[HULL]
    assert any("taken to lie on the hull" in doubt for doubt in found.figures[CATHODE].doubts)
    strict = run_electrolytes(
        make_electrolytes({**STUDY, "electrolytes": [DISORDERED, "Li6PS5Cl"], "assume_on_hull": False}),
        executor="serial",
    )
    refused = strict.judgement.candidate(DISORDERED)
    assert CATHODE not in refused.figures
    assert "fractional (disordered)" in refused.missing[CATHODE]
    assert refused.figures[SIGMA].value == pytest.approx(7.4e-4, rel=0.01)


def test_elements_outside_the_table_and_what_is_no_electrolyte_are_rows_with_the_reason(
    few: tuple[ScreenAnswer, Path],
) -> None:
    missing = {c.name: c.missing for c in few[0].judgement.candidates}
    assert "no compound of Te" in missing["Li6TeO6"][CATHODE]
    assert "no lithium" in missing["Al2O3"][CATHODE]
    assert "no anion" in missing["Li7"][SIGMA]
    for name in ("Li6TeO6", "Al2O3", "Li7"):
        assert few[0].place(name) is None


def test_a_grade_that_is_asked_for_leaves_worse_systems_out() -> None:
    study = make_electrolytes({**STUDY, "electrolytes": ["Li3PO4", "Li6PS5Cl"], "polymers": [], "least_grade": "A"})
    found = run_electrolytes(study, executor="serial").judgement
    assert found.candidate("Li3PO4").figures[OXIDATION].value == pytest.approx(4.21, abs=0.03)
    assert found.candidate("Li6PS5Cl").missing[OXIDATION].startswith("coverage B")


def test_a_polymer_has_facts_and_no_invented_energies(few: tuple[ScreenAnswer, Path]) -> None:
    found = few[0].judgement.candidate("PEO-LiTFSI")
    assert not found.figures
    assert "no phase energies" in found.missing[CATHODE]
    assert any("compatible with single-crystal Li-rich cathodes" in note for note in found.notes)
    told = {"formula": "PEO-LiTFSI", "conductivity_s_cm": 5e-6, "source": "a paper"}
    answer = run_electrolytes(make_electrolytes({**STUDY, "electrolytes": [], "polymers": [told]}), executor="serial")
    assert list(answer.judgement.candidate("PEO-LiTFSI").figures) == [SIGMA]
    assert answer.values[0].provenance.source == "a paper"


def test_the_answer_says_what_the_first_does_to_both_electrodes(few: tuple[ScreenAnswer, Path]) -> None:
    answer = few[0]
    best = answer.judgement.ranking.places[0].name
    text = " ".join(answer.words)
    assert f"{best} conducts {figure(answer, best, SIGMA):.1e}" in text
    assert f"{best}: worst contacts with the cathode" in text
    bear = [p.name for p in answer.judgement.ranking.places if figure(answer, p.name, ANODE) >= -100]
    assert f"Within -100 meV/atom of Li stay {len(bear)} of {len(answer.judgement.ranking.places)} ranked" in text
    assert ("it needs a layer between it and Li" in text) == (best not in bear)


def test_what_the_literature_says_of_the_classes_stands_beside(few: tuple[ScreenAnswer, Path]) -> None:
    said = {(each["about"], each["quantity"]): each["value"] for each in few[0].details["literature"]}
    # the review: sulfides are seen to oxidise above 4.5 V, not at the 2 V of the equilibrium
    assert said["sulfide SSE", "oxidative_instability_voltage_v"] == 4.5


def test_a_formula_that_is_nearly_neutral_has_no_limits_of_its_own() -> None:
    assert charge_excess("Li0.33La0.56Ti0.98Al0.02O2.98F0.02") == pytest.approx(0.01 / 4.89)
    assert charge_excess("La0.57Li0.29TiO3") == pytest.approx(0, abs=1e-9)
    assert charge_excess("Li6PS5Cl") == pytest.approx(0, abs=1e-9)
    assert charge_excess("Li2SO4") is None
    study = make_electrolytes({**STUDY, "electrolytes": ["La0.51Li0.34TiO2.94", "Li3PO4"], "polymers": []})
    found = run_electrolytes(study, executor="serial").judgement.candidate("La0.51Li0.34TiO2.94")
    assert "e per atom from neutral" in found.missing[OXIDATION]


def test_a_formula_that_no_charges_balance_is_a_warning() -> None:
    study = make_electrolytes({**STUDY, "electrolytes": ["Li3YCl5", "Li3PO4"], "polymers": []})
    (said,) = [f.message for f in run_electrolytes(study, executor="serial").findings if f.code == "not-neutral"]
    assert said.endswith("usual charges: Li3YCl5")


def test_a_finished_study_is_read_back_and_a_stopped_one_goes_on(few: tuple[ScreenAnswer, Path]) -> None:
    first, cache = few
    seen: list[Progress] = []
    changes = {"gates": [{"quantity": SIGMA, "at_least": 1e-3}], "weights": {SIGMA: 1}}
    again = run_electrolytes(
        make_electrolytes({**STUDY, **changes}), cache=cache, executor="serial", progress=seen.append
    )
    assert again.cached
    assert seen[-1].cached == seen[-1].total
    assert set(again.judgement.funnel.survivors) == {"Li6PS5Cl", "Li10GeP2S12", "Li3InCl6", "Li1.3Al0.3Ti1.7P3O12"}
    jobs = ResultCache(cache / "jobs")
    for path in sorted(jobs.folder.glob("*/*.json"))[:4]:
        path.unlink()
    seen.clear()
    resumed = run_electrolytes(make_electrolytes(STUDY), cache=cache, executor="serial", progress=seen.append)
    assert not resumed.cached
    assert seen[-1].total - seen[-1].cached == 4
    assert resumed.to_dict()["candidates"] == first.to_dict()["candidates"]


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"cathode": "Li1.2Mn0.54X"}, SettingsError, "cathode"),
        ({"cathode": "MnO2"}, CompositionError, "cannot be charged"),
        ({"anode": None}, SettingsError, "the study has no anode"),
        ({"anode": "Li3Te"}, CompositionError, "Te"),
        ({"weights": {"coating_strain": 1}}, SettingsError, "Unknown quantity of an electrolyte"),
        ({"measured": [{"classes": ["sulphide"]}]}, SettingsError, "Did you mean 'sulfide'"),
        ({"electrolytes": [{"formula": "Li3ScCl6", "conductivity_s_cm": 3e-3}]}, SettingsError, "needs a source"),
        ({"electrolytes": ["Li3PO4", "Li3PO4"]}, SettingsError, "named twice"),
        ({"electrolytes": [], "polymers": []}, SettingsError, "no candidates"),
        ({"voltag": 4.5}, SettingsError, "Did you mean 'voltage'"),
        ({"reference": "Li3PS4", "electrolytes": ["Li3PO4"]}, UnknownNameError, "Li3PS4"),
    ],
)
def test_a_study_that_cannot_be_answered_is_refused(
    changes: dict[str, Any], error: type[LirichError], words: str
) -> None:
    with pytest.raises(error, match=words):
        run_electrolytes(make_electrolytes({**STUDY, **changes}), executor="serial")


def test_energies_that_are_not_there_are_refused() -> None:
    with pytest.raises(InputError, match="no energies"):
        run_electrolytes(make_electrolytes(STUDY), energies="nowhere.json", executor="serial")


def test_the_shipped_study_is_a_study() -> None:
    study = read_electrolytes(Path("electrolytes"))
    assert ElectrolyteStudy.model_validate_json(study.model_dump_json()) == study
    assert all(gate.because or gate.quantity == "element_toxicity" for gate in study.gates)


def test_values_are_kept_in_place_of_an_earlier_run(few: tuple[ScreenAnswer, Path], tmp_path: Path) -> None:
    workspace = Workspace.create(tmp_path / "ws")
    count = keep_answer(workspace.store, few[0])
    assert count == len(few[0].values)
    told = {"formula": "PEO-LiTFSI", "conductivity_s_cm": 5e-6, "source": "a paper"}
    study = {**STUDY, "electrolytes": ["Li3PO4"], "polymers": [told]}
    answer = workspace.screen_electrolytes(study, executor="serial")
    kept = [v for v in workspace.store.values() if v.provenance.code == "lirich.screening.electrolytes"]
    assert {v.subject.key for v in kept} == {"Li3PO4", "PEO-LiTFSI"}
    assert len(kept) == len(answer.values)
    again = workspace.screen_electrolytes(study, executor="serial")  # what was kept is no record beside itself
    assert again.details["literature"] == answer.details["literature"]


def test_the_command_shows_the_ranking_and_writes_the_table(tmp_path: Path) -> None:
    (tmp_path / "study.yaml").write_text(json.dumps({**STUDY, "electrolytes": ["Li6PS5Cl", "Li3YCl6", "Li3PO4"]}))
    told = run(
        "screen", "electrolytes", "study.yaml", "--executor", "serial", "-o", "out.csv", cwd=tmp_path, COLUMNS="160"
    )
    assert told.code == 0
    assert "no phase energies" in told.out or "not ranked" in told.out
    assert (tmp_path / "out.csv").read_text().startswith("name,rank,score")
    found = json.loads(run("screen", "electrolytes", "study.yaml", "--executor", "serial", "--json", cwd=tmp_path).out)
    assert {c["name"] for c in found["candidates"]} == {"Li6PS5Cl", "Li3YCl6", "Li3PO4", "PEO-LiTFSI"}
    assert found["candidates"][0]["figures"][CATHODE]["origin"] == "computed"
    assert "cannot be read" in run("screen", "electrolytes", "nothing.yaml", cwd=tmp_path).err

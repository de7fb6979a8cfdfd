"""The verb screen: from a study to a ranked table, whatever fails and whoever kills it on the way."""

from __future__ import annotations

import json
import multiprocessing
import shutil
import signal
from collections import Counter
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("chgnet")
pytest.importorskip("spglib")

from lirich.errors import InputError, SettingsError
from lirich.model import Conditions, Interval, Origin, Provenance, Subject, Value
from lirich.plots import periodic
from lirich.quantities import QUANTITIES
from lirich.screening.judged import judged
from lirich.screening.screened import Built, Reading, Screened, Tried
from lirich.screening.states import agreements, changes_by_state
from lirich.screening.study import DopingStudy
from lirich.workbench import Workspace
from lirich.workbench.crystals.identity import identity
from lirich.workbench.crystals.potentials import identities
from lirich.workbench.screening.cells import OFFERED, lacking_competitors, settings_of
from lirich.workbench.screening.export import cell_files
from lirich.workbench.screening.literature import Published, published
from lirich.workbench.screening.prospects import hosts_of, prospects
from lirich.workbench.screening.result import ScreenResult
from lirich.workbench.screening.screen import (
    SHIPPED,
    keep_values,
    make_screen,
    outlook,
    read_screen,
    run_screen,
    shipped_result,
)
from screen_material import (
    CHANGE,
    STUDY,
    VACANCY,
    cheap_plan,
    plan_of_a_silent_one,
    plan_without_aluminium,
    run_until_killed,
)


def run(changes: dict[str, Any] | None = None, **options: Any) -> ScreenResult:
    options = {"plan": cheap_plan, "executor": "serial", **options}
    return run_screen(make_screen({**STUDY, **(changes or {})}), **options)


def table(result: ScreenResult) -> list[dict[str, Any]]:
    """What the answer says of each candidate, to nine digits: the order of a sum depends on the number of threads."""
    return json.loads(json.dumps(result.to_dict()["candidates"]), parse_float=lambda text: float(f"{float(text):.9g}"))


@pytest.fixture(scope="module")
def undisturbed() -> ScreenResult:
    return run()


def test_every_candidate_has_a_place_or_a_reason(undisturbed: ScreenResult) -> None:
    rows = table(undisturbed)
    assert {row["name"] for row in rows} == {"W", "Ti", "Al", "Na+W"}
    assert [row["rank"] for row in rows] == [1, 2, 3, 4]
    assert all(row["reasons"] for row in rows)
    assert all(row["rank_interval_90"][0] <= row["rank"] <= row["rank_interval_90"][1] for row in rows)
    for row in rows:
        (change,) = [row["figures"][CHANGE]]
        assert change["count"] == 2  # one of each ordering
        assert change["low"] <= change["value"] <= change["high"]


def test_all_cells_are_neutral_and_say_by_what(undisturbed: ScreenResult) -> None:
    ways = {t.name: {cell.compensation for cell in t.cells} for t in undisturbed.judged.screened.tried}
    assert ways == {
        "W": {"2 × Mn⁴⁺ → Mn³⁺"},
        "Ti": {"none needed"},
        "Al": {"Ni²⁺ → Ni³⁺"},
        "Na+W": {"2 × Mn⁴⁺ → Mn³⁺"},
    }


def test_the_undoped_cells_are_computed_once(undisturbed: ScreenResult) -> None:
    screened = undisturbed.judged.screened
    # two orderings: 2 hosts alone, then host and cell of four candidates; the hosts are always the same two
    assert screened.jobs == 2 + 2 * 2 * 4
    assert screened.same == 2 * 4


def test_a_failing_candidate_is_a_row_with_its_reason() -> None:
    result = run(
        {
            "dopants": ["W", "Al", {"element": "Mo", "sites": ["Li"], "charge": 6, "count": 2}, "Ti"],
            "compensations": ["redox"],
        },
        plan=plan_without_aluminium,
    )
    rows = {row["name"]: row for row in table(result)}
    assert rows["Al"]["rank"] is None
    assert "Al gave NaN" in rows["Al"]["missing"][CHANGE]
    assert rows["Mo"]["rank"] is None
    assert "A charge of +10 that nothing takes up" in rows["Mo"]["missing"][CHANGE]
    assert {rows["W"]["rank"], rows["Ti"]["rank"]} == {1, 2}
    said = {(f.where, f.code) for f in result.findings}
    assert {("Al", "candidate-failed"), ("Mo", "candidate-failed")} <= said


def test_a_state_of_charge_without_a_number_is_a_doubt_about_the_mean() -> None:
    """The figure is then that of the discharged cell alone, and the undoped one has both."""
    host = [Reading(quantity=VACANCY, value=2.0, calculator="a", lithium_removed=share) for share in (0.0, 0.5)]
    doped = [
        Reading(quantity=VACANCY, value=3.0, calculator="a"),
        Reading(quantity=VACANCY, value=None, calculator="a", lithium_removed=0.5, why="no charged cell relaxed"),
    ]
    figures = judged(screened(host, doped)).candidates[0].figures
    assert figures[VACANCY].value == pytest.approx(3.0)
    assert figures[VACANCY].doubts == ("no number of 1 cell at 50 % of the lithium out (no charged cell relaxed)",)
    assert figures[CHANGE].value == pytest.approx(1.0)
    assert figures[CHANGE].doubts == figures[VACANCY].doubts


def test_a_failure_that_lasts_is_read_back_by_a_rerun(tmp_path: Path) -> None:
    """The results of the whole study are thrown away, those of its jobs are not: no job is done again."""
    asked = {"dopants": ["W", "Al", "Ti"]}
    first = run(asked, plan=plan_without_aluminium, cache=tmp_path)
    shutil.rmtree(tmp_path / "whole")
    seen: list[tuple[int, int, int]] = []
    again = run(
        asked, plan=plan_without_aluminium, cache=tmp_path, progress=lambda p: seen.append((p.done, p.cached, p.failed))
    )
    done, cached, failed = seen[-1]
    assert failed == 2  # one job of each ordering
    assert cached == done
    assert table(again) == table(first)


def test_a_study_of_failures_alone_answers_too() -> None:
    result = run({"dopants": ["Al"]}, plan=plan_without_aluminium)
    assert result.judged.ranking is None
    assert "no candidate came through the gates" in {f.message for f in result.findings}
    assert result.figures  # the periodic table shows what was tried


def test_the_screening_is_whole_through_json(undisturbed: ScreenResult) -> None:
    screened = undisturbed.judged.screened
    again = Screened.from_json(screened.to_json())
    assert again == screened
    assert judged(again).rows == undisturbed.judged.rows
    assert json.loads(json.dumps(undisturbed.to_dict(), allow_nan=False)) == undisturbed.to_dict()


def test_three_kills_end_in_the_same_table(tmp_path: Path, undisturbed: ScreenResult) -> None:
    processes = multiprocessing.get_context("forkserver")
    rooms = ("lirich.workbench.screening.prospects", "lirich.workbench.screening.screen")
    processes.set_forkserver_preload(["screen_material", *rooms])
    counter = tmp_path / "counter"
    for after in (2, 3, 4):
        counter.write_text(str(after))
        process = processes.Process(target=run_until_killed, args=(tmp_path / "cache", counter))
        process.start()
        process.join()
        assert process.exitcode == -signal.SIGKILL
    seen: list[int] = []
    result = run(cache=tmp_path / "cache", progress=lambda p: seen.append(p.cached))
    assert table(result) == table(undisturbed)
    assert max(seen) == 1 + 2 + 3  # what was finished before each kill was not done again
    assert not result.cached
    again = run(cache=tmp_path / "cache")
    assert again.cached
    assert table(again) == table(undisturbed)


def test_other_weights_compute_nothing(tmp_path: Path) -> None:
    run(cache=tmp_path)
    result = run({"weights": {VACANCY: 1}, "gates": [], "without": ["Cd"]}, cache=tmp_path)
    assert result.cached
    assert list(result.judged.ranking.weights) == [VACANCY]  # type: ignore[union-attr]


def test_a_weight_on_what_nobody_asked_for_before_is_computed_and_another_seed_too(tmp_path: Path) -> None:
    run(cache=tmp_path)
    other = {"weights": {VACANCY: 1, "oxygen_pairing_energy_ev": 1}, "gates": []}
    assert not run(other, cache=tmp_path).cached
    assert run(other, cache=tmp_path).cached
    assert not run({"seed": 1}, cache=tmp_path).cached  # oxygen pairs and rock salts are drawn by it
    assert run({"seed": 1}, cache=tmp_path).cached


def test_every_cell_is_written_and_reads_back_as_it_was(tmp_path: Path) -> None:
    from command_line import run as lirich
    from lirich.atoms.text import read_structure

    told = lirich("screen", "dopants", "demo", "--shipped", "--cells", "cells", cwd=tmp_path)
    assert told.code == 0, told.err
    screened = shipped_result("demo").judged.screened
    built = [cell for tried in (screened.host, *screened.tried) for cell in tried.cells]
    assert "a pre-filter, not DFT" in (tmp_path / "cells" / "README.md").read_text(encoding="utf-8")
    kept = {path.name for path in (tmp_path / "cells").glob("*.cif")}
    files = sorted(tmp_path / "cells" / each.name for each in cell_files(screened) if each.relaxed is None)
    assert kept == {each.name for each in cell_files(screened)}
    assert len(files) == len(built) == 8
    assert {"undoped-1.cif", "W-1.cif", "Na+W-2.cif"} <= {path.name for path in files}
    crystals = [read_structure(path.read_text(encoding="utf-8")) for path in files]
    there = Counter(frozenset(crystal.composition.get_el_amt_dict().items()) for crystal in crystals)
    assert there == Counter(frozenset(Counter(c.crystal.elements).items()) for c in built if c.crystal is not None)


def test_two_processes_give_the_same_table(undisturbed: ScreenResult) -> None:
    assert table(run(executor="processes", workers=2)) == table(undisturbed)


def test_values_are_computed_and_marked(workspace: Workspace, undisturbed: ScreenResult) -> None:
    count = keep_values(workspace.store, undisturbed)
    kept = workspace.store.values(origin="computed")
    assert len(kept) == count > 0
    assert all(v.flags == ("pre-filter",) and v.provenance.parameters["study"] == "cheap" for v in kept)
    (tungsten,) = [v for v in kept if v.subject.key.startswith("W in") and v.quantity == CHANGE]
    assert tungsten.conditions.other["compensation"] == "2 × Mn⁴⁺ → Mn³⁺"
    assert isinstance(tungsten.interval, Interval)
    assert keep_values(workspace.store, undisturbed) == len(workspace.store.values(origin="computed"))


# --- judgement of numbers ------------------------------------------------------------------------------------------


def screened(host: list[Reading], doped: list[Reading], orderings: int = 2) -> Screened:
    study = DopingStudy.model_validate({**STUDY, "dopants": [["Na", "W"]], "gates": [], "weights": {CHANGE: 1}})
    cells = tuple(Built(ordering=n, formula="") for n in range(orderings))
    return Screened(
        study=study,
        host=Tried(name="undoped", cells=cells, readings=tuple(host)),
        tried=(Tried(name="Na+W", elements=("Na", "W"), cells=cells, readings=tuple(doped)),),
    )


def test_a_change_is_that_of_pairs() -> None:
    """Orderings differ by 2 eV, both are raised by about 1 eV: the interval knows only the scatter of the rise."""
    host = [Reading(quantity=VACANCY, value=v, cell=n) for n, v in enumerate((2.0, 4.0))]
    doped = [Reading(quantity=VACANCY, value=v, cell=n) for n, v in enumerate((3.0, 5.1))]
    figure = judged(screened(host, doped)).candidates[0].figures[CHANGE]
    assert figure.value == pytest.approx(1.05)
    # Student's t with one degree of freedom: t(95 %) = 6.314; s/√2 = 0.05
    assert figure.high == pytest.approx(1.05 + 6.314 * 0.05, abs=1e-3)


def test_the_weakest_oxygen_beside_the_dopant_decides() -> None:
    doped = [
        Reading(quantity=VACANCY, value=3.0, where="a", region="near"),
        Reading(quantity=VACANCY, value=2.5, where="b", region="near"),
        Reading(quantity=VACANCY, value=1.0, where="c", region="far"),
    ]
    assert judged(screened([], doped, 1)).candidates[0].figures[VACANCY].value == 2.5


def test_states_of_charge_are_no_independent_results() -> None:
    doped = [Reading(quantity=VACANCY, value=v, lithium_removed=s) for s, v in ((0.0, 3.0), (0.5, 1.0))]
    figure = judged(screened([], doped, 1)).candidates[0].figures[VACANCY]
    assert (figure.value, figure.low, figure.count) == (2.0, None, 1)


def test_a_calculator_that_gave_no_number_is_a_doubt() -> None:
    """Two potentials on two orderings, one of which refuses the absolute energy and has the change."""
    host = [Reading(quantity=VACANCY, value=2.0 + n, cell=n, calculator="a") for n in range(2)]
    doped = [
        reading
        for n in range(2)
        for reading in (
            Reading(quantity=VACANCY, value=3.0 + n, cell=n, calculator="a"),
            Reading(quantity=CHANGE, value=1.0, cell=n, calculator="a"),
            Reading(quantity=VACANCY, value=None, cell=n, calculator="b", why="no half O2"),
            Reading(quantity=CHANGE, value=1.4, cell=n, calculator="b"),
        )
    ]
    given = screened(host, doped)
    both = given.model_copy(update={"study": given.study.model_copy(update={"calculators": ("a", "b")})})
    figures = judged(both).candidates[0].figures
    assert figures[CHANGE].value == pytest.approx(1.2)
    assert figures[CHANGE].doubts == ()
    assert figures[VACANCY].value == pytest.approx(3.5)
    assert figures[VACANCY].doubts == ("b is not in it: no half O2",)


def test_what_one_calculator_says_of_a_cell_is_told_as_its_own() -> None:
    both = {"calculators": ["electrostatics", "silent"], "dopants": ["Al", "Ti"]}
    result = run(both, plan=plan_of_a_silent_one)
    al, ti = result.judged.screened.tried
    assert al.failures == ()
    assert ti.failures == ("silent: silent knows no Ti.",)
    assert all(cell.notes == ("electrostatics alone",) for cell in al.cells)
    assert all(note.startswith("electrostatics: ") for cell in ti.cells for note in cell.notes)
    assert any("silent is not in it" in doubt for doubt in result.judged.candidates[1].figures[CHANGE].doubts)


def test_the_literature_is_compared_by_relative_change() -> None:
    """The review: Na-W raises E_vac(O) from 6.75 to 9.26 eV, by 37 %."""
    from lirich.store.literature import load

    host = [Reading(quantity=VACANCY, value=2.0, cell=n) for n in range(2)]
    doped = [Reading(quantity=VACANCY, value=3.0, cell=n) for n in range(2)]
    (found,) = published(judged(screened(host, doped)), load())
    assert found.published_percent == pytest.approx(100 * (9.26 / 6.75 - 1))
    assert found.computed_percent == pytest.approx(50.0)
    assert found.verdict == "agrees"  # two orderings that say the same: no width


def test_another_dopant_of_the_literature_is_not_taken_for_this_one() -> None:
    def value(name: str, number: float) -> Value:
        return Value(
            quantity=VACANCY,
            value=number,
            subject=Subject(kind="material", key=name),
            conditions=Conditions(),
            origin=Origin.LITERATURE,
            provenance=Provenance(source="one paper"),
        )

    given = judged(screened([], [Reading(quantity=VACANCY, value=3.0)], 1))
    assert not published(given, [value("pristine", 2.0), value("W-doped", 3.0)])
    assert not published(given, [value("Na-W co-doped", 3.0)])  # of what is it a change?


def test_the_literature_is_compared_as_made_and_not_charged() -> None:
    """Charged, an oxide hardly holds its oxygen: a share of nearly nothing is no number, and no paper's."""
    from lirich.store.literature import load

    states = ((0.0, 2.0), (0.5, 0.1))
    host = [Reading(quantity=VACANCY, value=v, cell=n, lithium_removed=s) for n in range(2) for s, v in states]
    doped = [Reading(quantity=VACANCY, value=v + 1, cell=n, lithium_removed=s) for n in range(2) for s, v in states]
    given = judged(screened(host, doped))
    (found,) = published(given, load())
    assert found.computed_percent == pytest.approx(50.0)
    assert "discharged" in found.words
    shares = {s.lithium_removed: s.percent for s in changes_by_state(given)}
    assert shares == {0.0: pytest.approx(50.0), 0.5: None}


def test_how_alike_orderings_rank() -> None:
    """Four candidates in the same order on two orderings, but for the last two: Spearman 1 − 6·2/(4·15) = 0.8."""
    rise = {"W": (1.0, 0.9), "Nb": (0.6, 0.7), "Ti": (0.2, 0.1), "Al": (0.1, 0.2)}
    study = DopingStudy.model_validate({**STUDY, "dopants": list(rise), "gates": [], "weights": {CHANGE: 1}})
    cells = tuple(Built(ordering=n, formula="") for n in range(2))
    host = tuple(Reading(quantity=VACANCY, value=2.0, cell=n) for n in range(2))
    tried = tuple(
        Tried(
            name=name,
            elements=(name,),
            cells=cells,
            readings=tuple(Reading(quantity=VACANCY, value=2.0 + v, cell=n) for n, v in enumerate(values)),
        )
        for name, values in rise.items()
    )
    given = judged(Screened(study=study, host=Tried(name="undoped", cells=cells, readings=host), tried=tried))
    (found,) = agreements(given)
    assert found.spearman == {(0, 1): pytest.approx(0.8)}
    assert "discharged: rank correlation of 4 candidates 0.80" in found.words


# --- study files ---------------------------------------------------------------------------------------------------


def test_shipped_studies_are_sound() -> None:
    for name in SHIPPED:
        study = read_screen(Path(name))
        assert len({d.name for d in study.dopants}) == len(study.dopants)
    twelve, sets = 12, 1
    assert len(read_screen(Path("dopants")).dopants) == twelve + sets


def beside(result: ScreenResult, candidate: str, says: str) -> Published:
    (found,) = [p for p in result.literature if p.candidate == candidate and p.says.startswith(says)]
    return found


def test_the_shipped_results_are_those_of_the_shipped_study() -> None:
    result = shipped_result("demo")
    screened = result.judged.screened
    assert screened.study == read_screen(Path("demo"))
    assert screened.versions["chgnet"]
    assert [candidate.name for candidate, _ in result.rows][-1] == "Al"
    sodium_tungsten = beside(result, "Na+W", "oxygen-vacancy")
    # the review: +37 %; issue 5 asks for 20 to 60 %
    assert sodium_tungsten.published_percent == pytest.approx(37.2, abs=0.1)
    assert 20 < (sodium_tungsten.computed_percent or 0) < 60


def test_the_shipped_twelve_dopants_rank_as_issue_5_asks() -> None:
    """W > Nb > Ti ≥ Al ≈ 0, Na-W up by 20 to 60 % of the undoped, orderings alike by Spearman ≥ 0.8."""
    result = shipped_result("dopants")
    given = result.judged
    assert given.screened.study == read_screen(Path("dopants"))
    discharged = {c.candidate: c for c in changes_by_state(given) if c.lithium_removed == 0.0}
    order = [discharged[name].change.value for name in ("W", "Nb", "Ti", "Al")]
    assert order == sorted(order, reverse=True)
    assert abs(order[-1]) < 0.2
    assert all(discharged[name].change.low is not None for name in discharged)
    (low_w, high_nb) = (discharged["W"].change.low, discharged["Nb"].change.high)
    assert low_w is not None
    assert high_nb is not None
    assert low_w > high_nb
    sodium_tungsten = beside(result, "Na+W", "oxygen-vacancy")
    assert 20 < (sodium_tungsten.computed_percent or 0) < 60
    alike = next(a for a in agreements(given) if a.lithium_removed == 0.0)
    assert min(alike.spearman.values()) >= 0.8


def test_a_study_may_be_toml(tmp_path: Path) -> None:
    path = tmp_path / "study.toml"
    path.write_text(
        'dopants = ["W", ["Na", "W"]]\n[host]\nformula = "Li1.2Mn0.6Ni0.2O2"\n[weights]\nvolume_change = 1\n'
    )
    study = read_screen(path)
    assert [d.name for d in study.dopants] == ["W", "Na+W"]
    assert study.dopants[1].placings() == [("Li", "TM")]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"wieghts": {}}, "Did you mean 'weights'"),
        ({"dopants": ["Wo"]}, "'Wo'"),
        ({"dopants": [{"element": "W", "sites": ["TM"], "chrage": 6}]}, "Did you mean 'charge'"),
        ({"dopants": [{"element": "W", "charge": 7}]}, "W has no oxidation state +7; known are +1, +2, +3, +4, +5, +6"),
        ({"dopants": [{"element": "F", "charge": 1}]}, "F has no oxidation state +1; known are -1"),
        ({"weights": {"oxygen_vacancy_energy_ev": 1}}, "oxygen_vacancy_formation_energy_ev"),
        ({"weights": {"d50_um": 1}}, "say better: {d50_um: higher} or lower"),
        ({"gates": [{"quantity": VACANCY}]}, "has no limit"),
        ({"dopants": ["Mn"]}, "Mn is in the host"),
        ({"dopants": [{"element": "Ni", "sites": ["Li", "TM"]}]}, "Ni is in the host"),
        ({"dopants": ["O"]}, "O is in the host"),
        ({"without": ["Zz"]}, "Unknown element 'Zz'"),
        ({"gates": [{"quantity": "oxygen_vacancy_formation_energy", "at_least": 1}]}, VACANCY),
        ({"host": {"formula": "Xx2O"}}, "Xx2O"),
        ({"host": {}}, "a formula or the file of a crystal"),
        ({"dopants": ["W", "W"]}, "named twice"),
        ({"compensations": ["prayer"]}, "compensations"),
        ({"lithium_removed": [1.5]}, "lithium_removed"),
    ],
)
def test_what_is_wrong_in_a_study_is_said(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(SettingsError) as caught:
        make_screen({**STUDY, **changes})
    assert words in str(caught.value)


def test_a_crystal_that_is_none_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"host\.cif"):
        make_screen({**STUDY, "host": {"file": "host.cif"}}, tmp_path)
    (tmp_path / "host.cif").write_text("data_nothing\n")
    study = make_screen({**STUDY, "host": {"file": "host.cif"}}, tmp_path)
    with pytest.raises(InputError, match="CIF"):
        run_screen(study, plan=cheap_plan, executor="serial")


def test_what_should_compete_and_does_not_is_named() -> None:
    """By the reference energies Sn goes into Li2SnO3, of which there is no crystal here, Ti into Li2TiO3, which is."""
    study = make_screen({**STUDY, "dopants": ["Sn", "Ti"]})
    cells = {p.name: p.cells[0][1].structure for p in prospects(study, hosts_of(study))}
    assert lacking_competitors(cells["Ti"]) == ()
    (said,) = lacking_competitors(cells["Sn"])
    assert "Li2SnO3 should compete" in said


def test_an_ion_of_the_host_may_be_put_where_it_is_not_at_home() -> None:
    study = make_screen(
        {
            **STUDY,
            "dopants": [
                {"element": "Li", "sites": ["TM"]},
                {"element": "Ni", "sites": ["Li"]},
                {"element": "Mn", "replaces": "Ni"},
            ],
        }
    )
    assert [d.name for d in study.dopants] == ["Li", "Ni", "Mn"]


def test_kicks_take_time_and_the_outlook_says_so() -> None:
    (calm,), (kicked,) = (
        outlook(make_screen({**STUDY, "dopants": ["Al"], "relaxation": {"kicks": kicks}})) for kicks in (0, 2)
    )
    assert kicked.seconds == pytest.approx(3 * calm.seconds)


def test_a_study_asks_for_bands() -> None:
    asked = {"descriptors": ["lithium_hop_barrier_ev"], "calculators": ["chgnet"]}
    assert [settings_of(make_screen({**STUDY, **asked, "bands": b}), "chgnet").bands for b in (False, True)] == [
        False,
        True,
    ]


def test_a_potential_is_told_by_its_package_and_the_file_of_its_weights() -> None:
    stock, other = identity("chgnet"), identity("chgnet:r2scan")
    assert stock is not None
    assert stock == identity("chgnet:0.3.0")
    assert stock.startswith(f"chgnet {version('chgnet')}, weights file ")
    assert stock != other
    assert identity("chgnet:mine") is None
    assert identities(None, ["chgnet", "electrostatics"]) == {"chgnet": stock, "electrostatics": "1"}


def test_the_outlook_names_cells_and_time() -> None:
    found = {each.name: each for each in outlook(make_screen({**STUDY, "gates": [], "weights": {CHANGE: 1}}))}
    assert found["W"].compensations == ("2 × Mn⁴⁺ → Mn³⁺",)
    assert found["W"].seconds > 0
    assert found["Na+W"].formulas == ("Na1 Li17 Mn8 Ni3 W1 O30",)


# --- faces -----------------------------------------------------------------------------------------------------------


def test_every_element_has_its_own_place_in_the_table() -> None:
    places = periodic.places()
    assert len(places) == len(set(places.values())) == 118
    assert places["H"] == (1, 1)
    assert places["W"] == (6, 6)  # group 6, period 6
    assert places["F"] == (17, 2)
    assert places["Og"] == (18, 7)


def test_computed_and_predicted_tiles_look_different() -> None:
    tiles = [periodic.Tile(("W",), 1.0), periodic.Tile(("Mo",), 0.8, predicted=True), periodic.Tile(("B",), None)]
    figure = periodic.periodic_table(tiles)
    borders = {(s["line"].get("dash"), s["line"]["width"]) for s in figure.layout["shapes"]}
    assert borders == {(None, 0), (None, 1.6), ("2px,2px", 1.6)}
    text = figure.data[0]["text"]
    assert "<b>W</b><br>1.0" in text
    assert "<b>Mo</b><br>0.8p" in text
    assert "<b>B</b><br>×" in text
    assert "Fe" in text


def test_the_report_says_what_a_cell_holds_where_it_is_not_what_was_asked_for() -> None:
    """18 Li, 9 Mn and 3 Ni with 30 O are Li1.2Mn0.6Ni0.2O2; no 30 O hold Li1.2Mn0.54Ni0.13Co0.13O2."""
    from lirich.reports.screening import held_words

    assert held_words("Li1.2Mn0.6Ni0.2O2", Counter({"Li": 18, "Mn": 9, "Ni": 3, "O": 30})) == ""
    asked, there = "Li1.2Mn0.54Ni0.13Co0.13O2", Counter({"Li": 18, "Mn": 8, "Ni": 2, "Co": 2, "O": 30})
    assert held_words(asked, there) == "Li1.2Mn0.533Ni0.133Co0.133O2"


def test_the_report_says_what_was_computed_on_what_and_how_surely(undisturbed: ScreenResult) -> None:
    from lirich.reports.screening import screening_report

    text = screening_report(undisturbed)
    for words in (
        "pre-filter, not DFT",
        "orderings 1, 2",
        "Li<sub>",
        "in 90 % of the draws",
        "literature",
        "9.26",
        "+37 %",
    ):
        assert words in text, words
    assert "http://" not in text.split("<script>")[0]


def test_every_descriptor_cites_where_it_is_defined() -> None:
    """The review gathers dopants; it defines none of what is computed of them."""
    for name in OFFERED:
        assert not QUANTITIES[name].reference.startswith("Yang et al., EES Batteries"), name

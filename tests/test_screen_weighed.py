"""What a study weighs and gates by: the way that is better, which of several numbers decides, and how it is printed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

pytest.importorskip("pymatgen", reason="needs the extra [atoms]")

from lirich.atoms.descriptors.candidate import UNLIKE
from lirich.cli.app import app
from lirich.errors import SettingsError
from lirich.screening.judged import Judged, judged
from lirich.screening.reasons import doubt_counts
from lirich.screening.screened import Built, Reading, Screened, Tried
from lirich.screening.study import DopingStudy
from lirich.workbench.screening.figures import figures_of
from lirich.workbench.screening.orderings import one_ordering
from lirich.workbench.screening.result import ScreenResult
from lirich.workbench.screening.screen import answered, make_screen, shipped_result

VOLTAGE = "computed_average_voltage_v"
VACANCY = "oxygen_vacancy_formation_energy_ev"
CHANGE = "oxygen_vacancy_formation_energy_change_ev"
VOLUME = "volume_change"
MIGRATION = "metal_migration_energy_ev"
SITE = "dopant_site_energy_ev"
HOST = {VOLTAGE: 3.8, VOLUME: 1.0, VACANCY: 2.0}
DOPED = {
    "W": {VOLTAGE: 3.6, VOLUME: 1.5, VACANCY: 2.9},
    "Al": {VOLTAGE: 3.9, VOLUME: 1.2, VACANCY: 1.9},
    "Ti": {VOLTAGE: 3.8, VOLUME: 0.9, VACANCY: 2.1},
}


def readings(numbers: Mapping[str, float], apart: float = 0.1) -> tuple[Reading, ...]:
    """Two orderings whose numbers are all *apart*: of the host and of what is doped alike."""
    return tuple(
        Reading(quantity=key, value=value + apart * n, cell=n) for key, value in numbers.items() for n in (0, 1)
    )


def screened(
    doped: Mapping[str, Sequence[Reading]], host: Sequence[Reading] = (), orderings: int = 2, **study: Any
) -> Screened:
    asked = {"host": {"formula": "Li1.2Mn0.6Ni0.2O2"}, "dopants": list(doped), "lithium_removed": [0.0, 0.5], **study}
    cells = tuple(Built(ordering=n, formula="") for n in range(orderings))
    return Screened(
        study=DopingStudy.model_validate(asked),
        host=Tried(name="undoped", cells=cells, readings=tuple(host)),
        tried=tuple(Tried(name=n, elements=(n,), cells=cells, readings=tuple(of)) for n, of in doped.items()),
    )


def three(**study: Any) -> Judged:
    return judged(screened({n: readings(of) for n, of in DOPED.items()}, readings(HOST), **study))


# --- the way that is better ---


@pytest.mark.parametrize(("better", "order"), [("higher", ["Al", "Ti", "W"]), ("lower", ["W", "Ti", "Al"])])
def test_a_study_says_which_way_a_voltage_is_better(better: str, order: list[str]) -> None:
    found = three(weights={VOLTAGE: 1}, better={VOLTAGE: better})
    assert found.ranking is not None
    assert found.ranking.order == order
    assert found.place("Ti").score == pytest.approx(0)  # type: ignore[union-attr]  # it has the voltage of the undoped


def test_a_negative_weight_turns_the_direction_round() -> None:
    turned = three(weights={VOLTAGE: -1}, better={VOLTAGE: "higher"})
    assert turned.ranking is not None
    assert turned.ranking.order == ["W", "Ti", "Al"]
    assert turned.screened.study.towards(VOLTAGE) == "lower"
    assert three(weights={VOLTAGE: 1}, better={VOLTAGE: "higher"}).screened.study.towards(VOLTAGE) == "higher"
    assert turned.screened.study.towards(VACANCY) == "higher"


@pytest.mark.parametrize(
    ("weights", "better", "words"),
    [
        ({VOLTAGE: 1}, {}, f"say better: {{{VOLTAGE}: higher}}"),
        ({VOLTAGE: 1}, {VOLTAGE: "up"}, "'higher' or 'lower'"),
        ({VOLTAGE: 1}, {"computed_average_voltage": "higher"}, f"Did you mean '{VOLTAGE}'"),
        ({CHANGE: 1}, {CHANGE: "lower"}, "more is always better"),
        ({VOLUME: 1}, {VOLUME: "higher"}, "less is always better"),
        ({CHANGE: 1}, {VOLTAGE: "higher"}, "is not weighed"),
    ],
)
def test_a_direction_that_means_nothing_is_refused(
    weights: dict[str, float], better: dict[str, str], words: str
) -> None:
    study = {"host": "Li1.2Mn0.6Ni0.2O2", "dopants": ["W"], "weights": weights, "better": better}
    with pytest.raises(SettingsError) as caught:
        make_screen({**study, "lithium_removed": [0.0, 0.5]})
    assert words in str(caught.value)


def test_a_direction_that_the_vocabulary_has_too_may_be_said() -> None:
    assert three(weights={VOLUME: 1}, better={VOLUME: "lower"}).ranking is not None


@pytest.mark.parametrize(("better", "front"), [("higher", {"W", "Al", "Ti"}), ("lower", {"W"})])
def test_front_and_axes_of_the_figures_take_the_direction_of_the_study(better: str, front: set[str]) -> None:
    """A low voltage and firm oxygen: W has both; a high one only Al has, and Ti is between."""
    found = ScreenResult(three(weights={VACANCY: 1, VOLTAGE: 1}, better={VOLTAGE: better}), ())
    (figure,) = [f for f in figures_of(found) if "against" in f.title]
    drawn = {name for t in figure.data if t.get("name") == "on the Pareto front" for name in t["customdata"]}
    assert drawn == front
    assert f"({'V, more' if better == 'higher' else 'V, less'} is better)" in figure.layout["yaxis"]["title"]["text"]
    assert {p.name for p in found.judged.ranking.places if p.on_front} == front  # type: ignore[union-attr]


def test_another_direction_computes_nothing(tmp_path: Path) -> None:
    pytest.importorskip("pymatgen", reason="needs the extra [atoms]")
    from lirich.workbench.screening.screen import run_screen
    from screen_material import STUDY, cheap_plan

    study = {**STUDY, "dopants": ["W"], "weights": {CHANGE: 1, VOLTAGE: 1}}
    results = [
        run_screen(make_screen({**study, "better": {VOLTAGE: way}}), cache=tmp_path, executor="serial", plan=cheap_plan)
        for way in ("higher", "lower")
    ]
    assert [result.cached for result in results] == [False, True]
    assert results[1].judged.screened.study.towards(VOLTAGE) == "lower"


# --- the difference to the undoped ---


def test_what_is_weighed_is_told_as_a_difference_of_pairs_too() -> None:
    """The orderings differ by 0.1 V, the pairs all by −0.2 V: the difference has no error though the figures have."""
    found = three(weights={VOLTAGE: 1, VOLUME: 1}, better={VOLTAGE: "higher"})
    candidate = found.candidate("W")
    change = candidate.changes[VOLTAGE]
    assert change.value == change.low == change.high == pytest.approx(-0.2)
    figure = candidate.figures[VOLTAGE]
    assert figure.low is not None
    assert figure.value - figure.low > 0.1
    said = next(dict(row)["reasons"] for each, row in found.rows if each.name == "W")
    assert any("3.65 (3.33 … 3.97) V, −0.2 (−0.2 … −0.2) V over the host" in reason for reason in said)  # type: ignore[attr-defined]
    assert any("+0.5 (+0.5 … +0.5) percentage points over the host" in reason for reason in said)  # type: ignore[attr-defined]


def test_the_difference_explains_the_sign_of_its_part_of_the_score() -> None:
    given = shipped_result("dopants", []).judged.screened
    study = given.study.model_dump() | {
        "weights": {VOLTAGE: 1, VOLUME: 1, VACANCY: 1, MIGRATION: 1},
        "better": {VOLTAGE: "lower"},
        "gates": [],
    }
    found = judged(given.model_copy(update={"study": DopingStudy.model_validate(study)}))
    assert found.ranking is not None
    assert len(found.ranking.places) == 15
    for place in found.ranking.places:
        for key, part in place.contributions.items():
            change = found.candidate(place.name).changes[key].value
            towards = 1 if found.screened.study.towards(key) == "higher" else -1
            assert part * change * towards >= 0 or abs(change) < 0.05, (place.name, key)


# --- which number decides ---


def test_a_gate_says_which_of_several_oxygens_decides() -> None:
    doped = [
        Reading(quantity=VACANCY, value=value, cell=n, region=region, where=where, lithium_removed=share)
        for n in (0, 1)
        for share, shift in ((0.0, 0.0), (0.5, -1.0))
        for value, region, where in (
            (2.0 + shift, "near", "O: 2 Mn, next to W"),
            (2.5 + shift, "near", "O: 1 Ni, next to W"),
            (1.0 + shift, "far", "O: 3 Li"),
        )
    ]
    found = judged(screened({"W": doped}, weights={VACANCY: 1}, gates=[{"quantity": VACANCY, "at_least": 1.8}]))
    (reason,) = [r for r in found.rows[0][1]["reasons"] if r.startswith("fell at")]  # type: ignore[attr-defined]
    assert reason == (
        "fell at: lowest oxygen-vacancy formation energy 1.5 eV, mean over 2 orderings and 2 states of charge of the "
        "lowest of 2 oxygens beside a dopant in each cell: O: 2 Mn, next to W (asked: ≥ 1.8 eV)"
    )
    assert found.funnel.counts[1] == ("lowest oxygen-vacancy formation energy ≥ 1.8 eV", 0)


@pytest.mark.parametrize(
    ("energies", "words"),
    [
        (
            (-0.3, 0.4),
            "the lowest of 2 other sites in each cell: Mg in the Li layer; below 0, so the dopant is lower in energy "
            "there than where it was put",
        ),
        (
            (0.2, 0.4),
            "the lowest of 2 other sites in each cell: Mg in the Li layer; not below 0, so no other site that was "
            "tried is lower than where it was put",
        ),
    ],
)
def test_a_site_energy_says_where_the_dopant_would_rather_be(energies: tuple[float, float], words: str) -> None:
    places = ("Mg in the Li layer", "Mg tetrahedral")
    doped = [
        Reading(quantity=SITE, value=value, cell=n, where=where)
        for n in (0, 1)
        for value, where in zip(energies, places, strict=True)
    ]
    found = judged(screened({"Mg": doped}, weights={SITE: 1}, gates=[{"quantity": SITE, "at_least": 0.3}]))
    (stage,) = found.funnel.stages
    assert stage.gate.words == "lowest site energy of a dopant ≥ 0.3 eV"
    assert words in stage.gate.why(found.candidates[0])


def test_a_migration_says_which_metal_and_which_way_decide() -> None:
    ways = {"Mn": (2.0, 2.4), "Ni": (0.6, 0.5)}
    doped = [
        Reading(
            quantity=MIGRATION, value=value, cell=n, where=f"{metal} in {place} of the Li layer", lithium_removed=0.5
        )
        for n in (0, 1)
        for metal, values in ways.items()
        for value, place in zip(values, ("a tetrahedron", "an octahedron"), strict=True)
    ]
    found = judged(screened({"W": doped}, weights={MIGRATION: 1}, gates=[{"quantity": MIGRATION, "at_least": 0.55}]))
    assert found.funnel.stages[0].gate.why(found.candidates[0]) == (
        "lowest metal migration energy Ni 0.5 eV, the lower of Mn and Ni; mean over 2 orderings of the lowest of 2 "
        "ways in each cell: Ni in an octahedron of the Li layer (asked: ≥ 0.55 eV)"
    )


def test_a_far_oxygen_does_not_stand_in_for_a_near_one_without_a_number() -> None:
    doped = [
        Reading(quantity=VACANCY, value=1.0, cell=0, region="near"),
        Reading(quantity=VACANCY, value=None, cell=1, region="near", why="it moved"),
        *(Reading(quantity=VACANCY, value=3.0, cell=n, region="far") for n in (0, 1)),
    ]
    figure = judged(screened({"W": doped}, weights={VACANCY: 1})).candidates[0].figures[VACANCY]
    assert (figure.value, figure.count) == (1.0, 1)


# --- one ordering ---


@pytest.mark.parametrize(
    ("host", "calculators", "words"),
    [
        ({"formula": "LiNiO2", "orderings": 2}, ["chgnet"], None),
        ({"formula": "LiNiO2", "orderings": 1}, ["chgnet"], "no interval can be told"),
        ({"file": "mine.cif", "crystal": "data_mine"}, ["chgnet"], "mine.cif, which is one ordering: no interval"),
        ({"file": "mine.cif", "crystal": "data_mine", "orderings": 4}, ["chgnet"], "orderings: 4 is for a formula"),
        ({"crystal": "data_mine"}, ["chgnet", "emt"], "intervals are those of 2 calculators alone"),
    ],
)
def test_a_host_of_one_ordering_is_said_to_tell_no_interval(
    host: dict[str, Any], calculators: list[str], words: str | None
) -> None:
    study = DopingStudy.model_validate(
        {"host": host, "dopants": ["W"], "calculators": calculators, "weights": {CHANGE: 1}}
    )
    found = one_ordering(study)
    assert found is None if words is None else found is not None and words in found.message


def test_the_warning_goes_with_the_result() -> None:
    given = screened({"W": readings(DOPED["W"])}, readings(HOST), weights={VOLUME: 1})
    file = given.study.model_copy(
        update={"host": given.study.host.model_copy(update={"formula": "", "file": "mine.cif", "crystal": "data_mine"})}
    )
    one = given.model_copy(
        update={"study": file, "host": given.host.model_copy(update={"cells": given.host.cells[:1], "readings": ()})}
    )
    assert "one-ordering" in {finding.code for finding in answered(one, []).findings}
    assert "one-ordering" not in {finding.code for finding in answered(given, []).findings}


# --- what is printed ---


def test_doubts_are_counted_by_kind_and_one_alone_is_told() -> None:
    many = [
        Reading(
            quantity=VOLUME, value=1.0, cell=n, doubts=(f"not as built: {n + 1} Li moved", "host: not as built: 1 Li")
        )
        for n in (0, 1)
    ]
    (candidate,) = judged(screened({"W": many}, weights={VOLUME: 1})).candidates
    assert doubt_counts(candidate) == "3 different doubts: not as built (2), undoped cell not as built"
    (single,) = judged(screened({"W": many[:1]}, weights={VOLUME: 1})).candidates
    alone = single.model_copy(
        update={"figures": {VOLUME: single.figures[VOLUME].model_copy(update={"doubts": ("too low: x",)})}}
    )
    assert doubt_counts(alone) == "one doubt, volume change: too low: x"
    assert not doubt_counts(single.model_copy(update={"figures": {}}))


def test_the_printed_reasons_are_whole_and_the_json_has_every_doubt(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pymatgen", reason="needs the extra [atoms]")
    monkeypatch.setenv("COLUMNS", "160")
    printed = CliRunner().invoke(app, ["screen", "dopants", "dopants", "--shipped"]).output
    assert "more like it" not in printed
    assert "(and " not in printed.partition("literature")[0]
    assert "20 different doubts: not as built (8), undoped cell not as built (7), " in printed
    assert "undoped" in printed
    result = shipped_result("dopants", [])
    for candidate, row in result.rows:
        place = result.place(candidate.name)
        for key in () if place is None else place.contributions:
            assert f"{candidate.figures[key].value:.3g}".replace("-", "−") in printed
        if row["fell_at"]:
            assert "fell at" in row["reasons"][0]
    whole = json.loads(CliRunner().invoke(app, ["screen", "dopants", "dopants", "--shipped", "--json"]).output)
    told = {d for each in whole["candidates"] for figure in each["figures"].values() for d in figure["doubts"]}
    read = {
        d for tried in result.judged.screened.tried for r in tried.readings if r.value is not None for d in r.doubts
    }
    assert read <= told
    (tungsten,) = [each for each in whole["candidates"] if each["name"] == "W"]
    assert tungsten["changes"][VOLUME]["value"] == pytest.approx(
        tungsten["figures"][VOLUME]["value"] - whole["reference"][VOLUME]["value"]
    )


# --- what the potential made of the charge; what is worse than nothing ---


def test_moments_that_differ_stand_beside_the_compensation() -> None:
    """The words are those of the plan of a cell: six of eight Mn as intended, two not."""
    assert UNLIKE in "moments of Mn: 6 as its formal charge, 2 not as its formal charge"
    cells = [
        Built(ordering=0, formula="Li18Mn8WNi3O30", compensation="2 × Mn⁴⁺ → Mn³⁺", notes=(note,))
        for note in (f"moments of Mn: 6 as its formal charge, 2 {UNLIKE}", "moments of Mn: 8 as its formal charge")
    ]
    found = judged(
        Screened(
            study=make_screen({"host": {"formula": "Li1.2Mn0.6Ni0.2O2"}, "dopants": ["W"], "weights": {VACANCY: 1}}),
            host=Tried(name="undoped"),
            tried=(Tried(name="W", elements=("W",), dopants=("W⁶⁺ on TM",), cells=tuple(cells)),),
        )
    )
    assert found.candidates[0].notes == (
        "W⁶⁺ on TM",
        "neutral by 2 × Mn⁴⁺ → Mn³⁺",
        "moments differ from it in 1 of 2 cells",
    )


def test_a_first_that_is_worse_than_the_undoped_is_said_to_be() -> None:
    given = shipped_result("demo", []).judged.screened
    alone = given.model_copy(update={"tried": tuple(t for t in given.tried if t.name == "Al")})
    assert answered(alone, []).answer.endswith("It is worse than the undoped material (score 0).")

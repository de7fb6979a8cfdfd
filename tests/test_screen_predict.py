"""After a screening: dopants that nobody computed are predicted where that can be told, and the next are named."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="needs the extra [atoms]")
pytest.importorskip("pymatgen", reason="needs the extra [atoms]")

import yaml
from pydantic import ValidationError

from lirich.atoms.dopants import Dopant
from lirich.atoms.features import features
from lirich.atoms.oxidation import usual_state
from lirich.atoms.surrogate import FEWEST_GROUPS
from lirich.errors import NotEnoughDataError
from lirich.interfaces.elements import element_table
from lirich.screening.judged import judged
from lirich.screening.screened import Built, Reading, Screened, Tried
from lirich.screening.study import DopingStudy, Place, usual_place
from lirich.workbench import Workspace
from lirich.workbench.screening.dopant_facts import element_words
from lirich.workbench.screening.next import need_enough, next_study, study_text, what_next
from lirich.workbench.screening.predict import FEWEST
from lirich.workbench.screening.result import ScreenResult
from lirich.workbench.screening.screen import keep_values, make_screen

MIGRATION = "metal_migration_energy_ev"
CHANGE = "oxygen_vacancy_formation_energy_change_ev"
COMPUTED = ["W", "Nb", "Ta", "Ti", "Zr", "Al", "Ga", "Sn", "Cr", "Fe", "Ge", "V", "Mg", "Zn", "Te", "Cu", "Si", "Sb"]


def truth(element: str, place: Place) -> float:
    """A change that charge and oxide decide: 0.2 eV per unit of charge, 0.1 per eV of the oxide."""
    row = features([Dopant(element=element, charge=usual_state(element), place=place)], {})
    return float(0.2 * row[1] - 0.1 * row[3])


def screened(
    elements: Sequence[str],
    values: Sequence[float | None],
    gates: Sequence[dict[str, Any]] = (),
    without: Sequence[str] = (),
) -> ScreenResult:
    """What two orderings would give: the numbers, 0.02 eV apart."""
    study = DopingStudy.model_validate(
        {
            "name": "made",
            "host": {"formula": "Li1.2Mn0.6Ni0.2O2"},
            "dopants": list(elements),
            "weights": {CHANGE: 1},
            "gates": list(gates),
            "without": list(without),
        }
    )
    cells = tuple(Built(ordering=n, formula="") for n in range(2))
    tried = tuple(
        Tried(
            name=element,
            elements=(element,),
            cells=cells,
            readings=()
            if value is None
            else tuple(Reading(quantity=CHANGE, value=value + 0.01 * (2 * n - 1), cell=n) for n in range(2)),
        )
        for element, value in zip(elements, values, strict=True)
    )
    return ScreenResult(judged(Screened(study=study, host=Tried(name="undoped", cells=cells), tried=tried)), ())


@cache
def told() -> ScreenResult:
    return screened(COMPUTED, [truth(e, usual_place(e)) for e in COMPUTED])


def test_dopants_that_nobody_computed_are_predicted_as_they_are() -> None:
    predicted = told().predicted
    assert predicted.tells
    names = {p.name for p in predicted.places}
    assert {"Mo in the TM layer", "Re in the TM layer", "Hf in the TM layer"} <= names
    assert not names & {f"{e} in the TM layer" for e in COMPUTED}
    assert not any("in the Li layer" in name or "on O" in name for name in names)  # nobody computed such a place
    assert "Ba in the TM layer" not in names  # Ba2+ 1.35 Å for Mn4+ 0.53 Å
    errors = [
        (p.figures[CHANGE].low or 0) <= truth(p.ion.element, "TM") <= (p.figures[CHANGE].high or 0)
        for p in predicted.places
    ]
    assert np.mean(errors) >= 0.8  # 90 % intervals, 14 dopants
    (molybdenum,) = [p for p in predicted.places if p.ion.element == "Mo"]
    assert molybdenum.figures[CHANGE].value == pytest.approx(truth("Mo", "TM"), abs=0.15)
    assert predicted.places[0].score is not None
    assert predicted.places[0].score.value == max(p.score.value for p in predicted.places if p.score is not None)


def test_the_next_are_those_that_may_be_better_and_no_twins() -> None:
    result = told()
    found = what_next(result, 3)
    assert len({p.ion.element for p in found.following}) == 3
    first = found.following[0]
    best = max(p.score.value for p in found.places if p.score is not None)
    assert first.score is not None
    assert (first.score.high or 0) >= best  # the one that may be the best is among what is asked first


def test_numbers_without_a_law_are_not_told() -> None:
    rng = np.random.default_rng(4)
    result = screened(COMPUTED, rng.permutation([truth(e, usual_place(e)) for e in COMPUTED]).tolist())
    predicted = result.predicted
    (score,) = [each for each in predicted.learned if each.figure == "score"]
    assert not score.tells
    assert "cannot tell" in score.words
    assert all(p.score is None and not p.figures for p in predicted.places)
    assert not [v for v in result.values if v.origin == "predicted"]
    assert "most unlike what is computed" in predicted.how
    assert len(predicted.following) == 3


def test_too_few_dopants_tell_nothing_and_say_so() -> None:
    few = screened(COMPUTED[:4], [truth(e, "TM") for e in COMPUTED[:4]])
    assert "4 dopants are too few" in few.predicted.why_not
    with pytest.raises(NotEnoughDataError, match="4 dopants are too few"):
        what_next(few)
    one = screened(COMPUTED[:1], [truth(e, "TM") for e in COMPUTED[:1]])
    with pytest.raises(NotEnoughDataError, match=r"1 dopant is too few .* 5 are needed, and 9 .* Add 4 or more"):
        what_next(one)
    six = screened(COMPUTED[:6], [truth(e, "TM") for e in COMPUTED[:6]]).predicted
    assert "6 have a score, and a 90% interval needs 9. Compute 3 more" in six.too_few
    assert all("needs 9 dopants" in each.words for each in six.learned)
    assert all(p.score is None for p in six.places)  # 90 % of seven left out is more than there are
    assert six.following
    assert not any(each.interval for each in six.learned)
    nine = screened(COMPUTED[:9], [truth(e, "TM") for e in COMPUTED[:9]]).predicted
    assert not nine.too_few
    assert all(each.interval for each in nine.learned)


def test_dopants_without_a_score_are_not_learned_from() -> None:
    """Six were tried, two gave no number: what is missing is told of the four that did."""
    values = [*(truth(e, "TM") for e in COMPUTED[:4]), None, None]
    few = screened(COMPUTED[:6], values)
    assert FEWEST == FEWEST_GROUPS
    with pytest.raises(NotEnoughDataError, match=r"4 dopants with a score, of 6 in the study, are too few"):
        what_next(few)


def test_a_dopant_that_would_fall_is_not_named_next() -> None:
    limit = float(np.median([truth(e, "TM") for e in COMPUTED]))
    result = screened(
        COMPUTED, [truth(e, "TM") for e in COMPUTED], [{"quantity": CHANGE, "at_least": limit, "because": "made"}]
    )
    predicted = result.predicted
    fallen = {p.name for p in predicted.places if p.falls_at}
    assert fallen
    assert not fallen & {p.name for p in predicted.following}
    for p in predicted.places:
        assert bool(p.falls_at) == (p.figures[CHANGE].value < limit)


def test_elements_that_the_study_is_without_are_not_proposed() -> None:
    proposed = {p.ion.element for p in what_next(told(), 3).following}
    result = screened(COMPUTED, [truth(e, "TM") for e in COMPUTED], without=sorted(proposed))
    found = what_next(result, 3)
    assert not proposed & {p.ion.element for p in found.places}
    assert not proposed & {p.ion.element for p in found.following}
    assert make_screen(yaml.safe_load(study_text(next_study(result.judged.screened.study, found), found))).without


def test_a_study_cannot_be_without_what_is_no_element() -> None:
    with pytest.raises(ValidationError, match="Did you mean 'Cd'"):
        screened(["W"], [1.0], without=["Cdd"])


def test_what_is_proposed_says_how_toxic_and_dear_it_is() -> None:
    """Cadmium oxide is a carcinogen of category 1B (Annex VI of Regulation (EC) 1272/2008), iridium dear."""
    assert element_words("Cd") == "toxicity high (CdO), 2.7 USD/kg"
    assert element_words("Ir") == "toxicity low (IrO2), 140,000 USD/kg"
    assert element_words("Pm") == "toxicity unknown, unknown USD/kg"
    data = told().predicted.to_dict()["dopants"]
    assert isinstance(data, list)
    (molybdenum,) = [each for each in data if each["element"] == "Mo"]
    assert molybdenum["price_usd_per_kg"] == element_table()["Mo"].price_usd_per_kg
    assert molybdenum["toxicity"] == element_table()["Mo"].toxicity


def test_each_metal_is_learned_on_its_own_and_the_lowest_is_told() -> None:
    """What holds Mn frees Ni: of some dopants Mn decides, of others Ni, and their lowest is no law of the ions."""
    middle = float(np.median([truth(e, usual_place(e)) for e in COMPUTED]))

    def of_metals(element: str) -> dict[str, float]:
        step = truth(element, usual_place(element)) - middle
        return {"Mn": 1.0 + step, "Ni": 1.0 - step}

    cells = tuple(Built(ordering=n, formula="") for n in range(2))

    def leaving(of: dict[str, float]) -> tuple[Reading, ...]:
        return tuple(
            Reading(
                quantity=MIGRATION,
                value=value + 0.01 * (2 * n - 1),
                cell=n,
                where=f"{metal} in a tetrahedron of the Li layer",
                lithium_removed=0.5,
            )
            for n in range(2)
            for metal, value in of.items()
        )

    study = DopingStudy.model_validate(
        {
            "host": {"formula": "Li1.2Mn0.6Ni0.2O2"},
            "dopants": COMPUTED,
            "lithium_removed": [0.5],
            "weights": {MIGRATION: 1},
        }
    )
    tried = tuple(Tried(name=e, elements=(e,), cells=cells, readings=leaving(of_metals(e))) for e in COMPUTED)
    host = Tried(name="undoped", cells=cells, readings=leaving({"Mn": 1.0, "Ni": 1.0}))
    result = ScreenResult(judged(Screened(study=study, host=host, tried=tried)), ())
    assert {c.figures[MIGRATION].of for c in result.judged.candidates} == {"Mn", "Ni"}
    predicted = result.predicted
    for metal in ("Mn", "Ni"):
        learned = predicted.of(MIGRATION, metal)
        assert learned is not None
        assert learned.tells
        assert learned.error < 0.6 * learned.naive
        assert learned.words.startswith(f"metal migration energy, {metal}: error on")
    told = {p.ion.element: p.figures[MIGRATION] for p in predicted.places}
    assert {figure.of for figure in told.values()} == {"Mn", "Ni"}
    for element, figure in told.items():
        own = of_metals(element)
        if abs(own["Mn"] - own["Ni"]) > 0.4:
            assert figure.of == min(own, key=lambda metal: own[metal])
            assert figure.value == pytest.approx(min(own.values()), abs=0.2)
    stored = [v for v in result.values if v.origin == "predicted" and v.quantity == MIGRATION]
    assert {v.conditions.other["decided_by"] for v in stored} == {"Mn", "Ni"}
    assert {v.conditions.other["metal"] for v in stored} == {"lowest of Mn, Ni"}


def test_the_next_study_runs_and_keeps_what_was_computed() -> None:
    result = told()
    found = what_next(result, 2)
    study = next_study(result.judged.screened.study, found)
    text = study_text(study, found)
    assert make_screen(yaml.safe_load(text)) == study
    assert study.dopants[:-2] == result.judged.screened.study.dopants
    assert text.startswith(f"# To compute next: {found.following[0].name}, ")
    assert "error on 18 dopants left out" in text


def test_predicted_values_are_kept_as_predicted(workspace: Workspace) -> None:
    result = told()
    keep_values(workspace.store, result)
    kept = workspace.store.values(origin="predicted")
    assert len(kept) == len(result.predicted.places)
    assert all(v.interval is not None and v.quantity == CHANGE for v in kept)
    assert all(v.conditions.other["learned_from"] == 18 for v in kept)
    computed = workspace.store.values(origin="computed")
    assert {v.subject.key for v in computed}.isdisjoint({v.subject.key for v in kept})


def test_predicted_tiles_and_rows_are_marked() -> None:
    from lirich.reports.screening import screening_report

    result = told()
    table = result.figures[0]
    text = dict(zip((t.partition("</b>")[0] for t in table.data[0]["text"]), table.data[0]["text"], strict=True))
    assert text["<b>Mo"].endswith("p")
    assert not text["<b>W"].endswith("p")
    dotted = [s for s in table.layout["shapes"] if s["line"].get("dash")]
    assert len(dotted) == len({p.ion.element for p in result.predicted.places})
    assert result.figures[2].title == "Predicted scores"
    page = screening_report(result)
    assert "Dopants that nobody computed" in page
    assert "error on 18 dopants left out" in page
    assert result.predicted.places[0].element_words in page
    assert '<span class="badge predicted">' in page
    assert json.loads(json.dumps(result.to_dict(), allow_nan=False)) == result.to_dict()


def test_from_a_study_to_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The verb writes a study that the verb reads."""
    import lirich.workbench.screening.screen as module
    from command_line import run

    study = told().judged.screened.study
    (tmp_path / "made.json").write_text(study.to_json())
    path = tmp_path / "made.yaml"
    path.write_text(yaml.safe_dump(study.model_dump(mode="json", exclude_defaults=True)))
    monkeypatch.setattr(module, "run_screen", lambda *_, **__: told())
    said = run("screen", "next", str(path), "-n", "2", "-o", str(tmp_path / "next.yaml"), cwd=tmp_path)
    assert said.code == 0, said.err
    assert "Compute next: " in said.out
    assert "USD/kg" in said.out
    following = module.read_screen(tmp_path / "next.yaml")
    assert len(following.dopants) == 20


def test_too_few_dopants_are_refused_before_they_are_computed() -> None:
    host = {"formula": "Li1.2Mn0.6Ni0.2O2"}
    weights = {"oxygen_vacancy_formation_energy_change_ev": 1}
    with pytest.raises(NotEnoughDataError, match="2 dopants are too few"):
        need_enough(make_screen({"host": host, "dopants": ["W", "Ti"], "weights": weights}))
    need_enough(make_screen({"host": host, "dopants": ["W", "Ti", "Nb", "Zr", "Al"], "weights": weights}))

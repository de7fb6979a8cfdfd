"""The verb screen phases: the border that was put in is found, nothing is claimed near it, failures are told."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("chgnet", reason="needs the extra [atoms]")

from pymatgen.core.structure import Structure

from command_line import run
from lirich.atoms.calculators import _OFFERED, offer
from lirich.atoms.composition_space import CompositionSpace
from lirich.atoms.evaluation import Evaluation
from lirich.errors import CalculatorError, CompositionError, InputError, SettingsError
from lirich.plots.ternary import ternary_values
from lirich.screening.phase_study import PhasesScreened
from lirich.workbench import Workspace
from lirich.workbench.solids.phases import make_phases, read_phases, run_phases, shipped_phases, space_of
from lirich.workbench.solids.phases_result import PhasesResult

BORDER = 0.5
STUDY: dict[str, Any] = {
    "name": "made",
    "calculator": "border",
    "number": 12,
    "cells": 1,
    "steps": 12,
    "ask": ["Li1.2Mn0.54Ni0.13Co0.13O2"],
}


class Border:
    """Energies of a truth: spinel crosses layered where half of the metals are cobalt, rock salt is 0.1 eV higher."""

    name = "border"
    version = "1"

    def evaluate(self, structure: Structure, *, stress: bool = False, moments: bool = False) -> Evaluation:
        symbols = [site.specie.symbol for site in structure]
        metals = len(symbols) / 2 - symbols.count("Li")
        if symbols.count("Ni") == metals / 2:
            raise CalculatorError("LiNi0.5Mn0.5O2 gave NaN")
        layers = structure.site_properties.get("layer")
        energy = -5.0
        if layers is None:
            energy += 0.06 * (BORDER - symbols.count("Co") / metals)
        elif any(s not in ("Li", "O") and where == "Li" for s, where in zip(symbols, layers, strict=True)):
            energy += 0.1
        count = len(structure)
        return Evaluation(
            energy * count,
            np.zeros((count, 3)),
            np.zeros((3, 3)) if stress else None,
            np.zeros(count) if moments else None,
        )


@pytest.fixture(scope="module", autouse=True)
def border() -> Iterator[None]:
    offer(Border())
    yield
    del _OFFERED["border"]


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("phases")


@pytest.fixture(scope="module")
def made(border: None, cache: Path) -> PhasesResult:
    return run_phases(make_phases(STUDY), cache=cache, executor="serial")


def test_the_map_is_right_where_it_tells_and_silent_at_the_border(made: PhasesResult) -> None:
    answers = made.screened.answers
    assert len(answers) == 91  # mixtures of three corners in twelfths: 14·13/2
    space = CompositionSpace()
    named = 0
    for answer in answers:
        amounts = space.at(answer.shares).composition
        cobalt = amounts.amount("Co") / (2.0 - amounts.amount("Li"))
        right = "spinel" if cobalt > BORDER else "layered"
        assert answer.phase in (right, "")
        named += answer.phase != ""
    assert named > 20
    errors = made.screened.left_out
    assert errors["spinel"].tells
    assert errors["spinel"].rmse < errors["spinel"].naive_rmse


def test_a_composition_that_fails_is_told_and_the_map_goes_on(made: PhasesResult) -> None:
    (formula,) = made.screened.failures
    assert formula == "LiMn0.5Ni0.5O2"
    assert "gave NaN" in made.screened.failures[formula]
    assert len(made.screened.computed) == 11
    assert ("composition-failed", formula) in {(f.code, f.where) for f in made.findings}


def test_what_is_asked_about_is_predicted_under_its_own_name(made: PhasesResult) -> None:
    (asked,) = made.screened.asked
    assert asked.formula == "Li1.2Mn0.54Ni0.13Co0.13O2"
    value, low, high = asked.over_layered_mev_atom["spinel"]
    # 0.13 of 0.8 metals are cobalt
    assert value == pytest.approx(60 * (BORDER - 0.1625), abs=5.0)
    assert low is not None
    assert high is not None
    assert low < value < high


def test_the_next_are_open_mixtures_of_the_same_cell(made: PhasesResult) -> None:
    done = {p.formula for p in made.screened.computed}
    exact = {p.composition.formula for p in CompositionSpace().points()}
    following = [p.formula for p in made.screened.following]
    assert len(set(following)) == 3
    assert set(following) <= exact - done


def test_a_finished_study_is_read_back_and_exact_through_json(made: PhasesResult, cache: Path) -> None:
    again = run_phases(make_phases({**STUDY, "name": "renamed"}), cache=cache, executor="serial")
    assert again.cached
    assert again.screened.answers == made.screened.answers
    assert PhasesScreened.from_json(made.screened.to_json()) == made.screened
    assert json.loads(json.dumps(made.to_dict(), allow_nan=False)) == made.to_dict()


def test_a_study_that_was_stopped_goes_on_where_it_was(made: PhasesResult, cache: Path) -> None:
    """Another map of the same compositions relaxes nothing again."""
    cached: list[int] = []
    again = run_phases(
        make_phases({**STUDY, "steps": 4}), cache=cache, executor="serial", progress=lambda p: cached.append(p.cached)
    )
    assert not again.cached
    # three cells of each of the eleven that gave an energy; errors are not kept
    assert cached[-1] >= 33
    assert again.screened.computed == made.screened.computed


def test_values_say_what_was_computed_and_what_predicted(made: PhasesResult, workspace: Workspace) -> None:
    from lirich.workbench.solids.phases import keep_phases

    keep_phases(workspace.store, made)
    computed = workspace.store.values(origin="computed")
    predicted = workspace.store.values(origin="predicted")
    assert len(computed) == 22
    assert {v.subject.key for v in predicted} == {"Li1.2Mn0.54Ni0.13Co0.13O2"}
    assert all(v.interval is not None and v.conditions.other["learned_from"] == 11 for v in predicted)
    assert all(v.flags == ("pre-filter",) for v in (*computed, *predicted))


def test_the_report_shows_map_errors_and_failures(made: PhasesResult) -> None:
    from lirich.reports.phases import phases_report

    assert [f.title for f in made.figures][:2] == ["Order of the lowest energy", "How surely spinel is told"]
    text = phases_report(made)
    for words in ("pre-filter, not DFT", "gave NaN", "Error of the mean", "What to compute next", "computed"):
        assert words in text, words
    assert "http://" not in text.split("<script>")[0]


def test_numbers_without_a_law_give_the_mean_and_its_errors() -> None:
    from lirich.atoms.preference import PhaseEnergies, PhaseMap

    rng = np.random.default_rng(1)
    points = CompositionSpace().points()
    found = [
        PhaseEnergies(
            formula=p.composition.formula, asked=p.composition.formula, amounts=p.composition.amounts, atoms=48,
            rounding={}, calculator="made", version="1",
            energies_ev_atom={"layered": (-5.0,), "spinel": (-4.98 + 0.01 * e,), "rock salt": (-4.9 + 0.01 * f,)},
        )
        for p, e, f in zip(points, rng.normal(size=19), rng.normal(size=19), strict=True)
    ]  # fmt: skip
    learned = PhaseMap().fit(found)
    assert not learned.left_out_["spinel"].tells
    spans = {a.over_layered_mev_atom["spinel"] for a in learned.predict([p.composition for p in points])}
    (only,) = spans  # the same everywhere
    assert only[0] == pytest.approx(np.mean([f.over_layered_mev_atom("spinel")[0] for f in found]))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"atoms": 60}, "take 48 or a multiple"),
        ({"compositions": ["LiCoO2"]}, "five compositions or more"),
        ({"corners": ["LiCoO2", "LiNiO2"]}, "corners"),
        ({"corners": ["LiCoO2", "LiNiO2", "Li2XxO3"]}, "Xx"),
        ({"steeps": 3}, "Did you mean 'steps'"),
    ],
)
def test_what_a_study_cannot_be_is_said(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        make_phases({**STUDY, **changes})


def test_a_composition_outside_the_space_is_refused() -> None:
    with pytest.raises(CompositionError, match=r"LiNiO2 lies not between .* too little at the nearest mixture"):
        run_phases(make_phases({**STUDY, "ask": ["LiNiO2"]}))
    with pytest.raises(CompositionError, match="cations to"):
        space_of(make_phases({**STUDY, "corners": ["LiMn2O4", "LiCoO2", "Li2MnO3"]}))


def test_the_triangle_of_values_refuses_what_does_not_fit() -> None:
    with pytest.raises(InputError, match="three shares for each value"):
        ternary_values(np.eye(3), [1.0, 2.0], corners=("a", "b", "c"), unit="eV", title="x")


def test_the_shipped_results_are_those_of_the_shipped_study(tmp_path: Path) -> None:
    result = shipped_phases("phases")
    assert result.screened.study == read_phases(Path("phases"))
    assert result.screened.version.startswith("chgnet")
    assert not result.screened.failures
    # layered is the lowest computed order of every mixture of the Li-rich layered oxides
    assert all(value > 0 for p in result.screened.computed for value, _ in p.over_layered_mev_atom.values())
    (known,) = result.screened.asked
    assert known.phase == "layered"  # Li1.2Mn0.54Ni0.13Co0.13O2 is made as a layered oxide
    said = run("screen", "phases", "phases", "--shipped", "-o", "map.html", cwd=tmp_path)
    assert said.code == 0, said.err
    assert result.answer in said.out.replace("\n", " ")
    assert said.out.index("spinel") < said.out.index("rock salt")
    lines = {line.split()[0]: line.split()[1:] for line in said.out.splitlines() if line.startswith("Li")}
    # Li2MnO3: spinel 32 over layered, rock salt 99.6 with the error of its two cells (docs/explanation/atoms.md)
    assert lines["Li1.333Mn0.6667O2"] == ["32.2", "99.6", "±", "10.2"]
    assert (tmp_path / "map.html").stat().st_size > 100_000


def test_the_shipped_map_is_learned_from_the_shipped_energies() -> None:
    from lirich.atoms.preference import PhaseEnergies, PhaseMap

    screened = shipped_phases("phases").screened
    found = [
        PhaseEnergies(
            formula=p.formula, asked=p.asked, amounts=dict(p.amounts), atoms=48, rounding=dict(p.rounding),
            energies_ev_atom=dict(p.energies_ev_atom), calculator="chgnet", version=screened.version,
        )
        for p in screened.computed
    ]  # fmt: skip
    space = CompositionSpace(screened.study.corners)
    some = screened.answers[::40]
    told = PhaseMap().fit(found).predict([space.at(a.shares).composition for a in some])
    for answer, again in zip(some, told, strict=True):
        assert answer.phase == (again.phase or "")
        for phase, (value, low, high) in answer.over_layered_mev_atom.items():
            assert (value, low, high) == pytest.approx(again.over_layered_mev_atom[phase], abs=0.1)


def test_the_outlook_names_compositions_and_time(tmp_path: Path) -> None:
    said = run("screen", "phases", "phases", "--dry-run", "--json", cwd=tmp_path)
    told = json.loads(said.out)
    assert len(told["compositions"]) == 19
    assert told["relaxations"] == 114
    assert told["seconds_of_one_core"] > 0

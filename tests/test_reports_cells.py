"""The gallery of a screening draws every atom of every cell, and says what left and what moved."""

from __future__ import annotations

import re

import numpy as np
import pytest

pytest.importorskip("pymatgen.core")
pytest.importorskip("sklearn")

from lirich.plots.cell_svg import DrawnCell, cell_svg
from lirich.reports.dopant_cells import Shelf, shelves
from lirich.reports.screening import screening_report
from lirich.screening.efforts import effort_rows, effort_together
from lirich.screening.screened import Built, Crystal, Effort, Reading, Relaxed, Screened, Tried
from lirich.screening.study import DopingStudy
from lirich.workbench.screening.export import cell_files
from lirich.workbench.screening.screen import shipped_result

LATTICE = ((10.0, 0.0, 0.0), (0.0, 10.0, 0.0), (0.0, 0.0, 5.0))
ELEMENTS = ("W", "Mn", "Li", "Li", "Li", "O", "O")
LAYERS = ("TM", "TM", "TM", "Li", "Li", "O", "O")
PLACES = tuple((0.14 * i, 0.1, {"TM": 0.0, "Li": 0.5, "O": 0.25}[layer]) for i, layer in enumerate(LAYERS))
ROLES = ("dopant", *("host",) * 6)


def of_one_cell() -> Screened:
    """W in a cell of seven atoms: relaxed as built, then charged, its last Li gone and the first O moved by 1 Å."""
    crystal = Crystal(lattice_a=LATTICE, positions=PLACES, elements=ELEMENTS, layers=LAYERS, roles=ROLES)
    charged = [place for i, place in enumerate(PLACES) if i != 4]
    charged[4] = (charged[4][0], 0.2, charged[4][2])
    relaxed = (
        Relaxed(lattice_a=LATTICE, positions=PLACES, energy_ev=-40.0, steps=3, gives="all", calculator="chgnet"),
        Relaxed(
            lithium_removed=0.5, removed=(4,), lattice_a=LATTICE, positions=tuple(charged), energy_ev=-36.0, steps=8,
            gives="oxygen vacancies, migration", calculator="chgnet",
        ),
    )  # fmt: skip
    efforts = {"chgnet": Effort(relaxations=4, steps=(3, 8, 20), force_calls=50, not_converged=1, failed=1)}
    cell = Built(ordering=1, formula="Li3WMnO2", crystal=crystal, relaxed=relaxed, efforts=efforts)
    vacancy = Reading(
        quantity="oxygen_vacancy_formation_energy_ev", value=1.5, lithium_removed=0.5, atom=4, calculator="chgnet",
        steps=20,
    )  # fmt: skip
    study = DopingStudy.model_validate(
        {
            "name": "one cell",
            "host": {"formula": "Li1.2Mn0.6Ni0.2O2"},
            "calculators": ["chgnet"],
            "dopants": ["W"],
            "weights": {"oxygen_vacancy_formation_energy_change_ev": 1},
        }
    )
    tried = Tried(name="W", elements=("W",), cells=(cell,), readings=(vacancy,))
    return Screened(study=study, host=Tried(name="undoped"), tried=(tried,))


def only(found: tuple[Shelf, ...]) -> Shelf:
    (shelf,) = found
    return shelf


def dots(drawing: str) -> int:
    """Count atoms: dots, which have a rim and a fill, and stars."""
    return drawing.count("h.01") // 2 + drawing.count("m0-9l")


def test_every_atom_is_drawn_side_on_and_each_cation_once_more_from_above() -> None:
    built, rich, charged = only(shelves(of_one_cell())).cards[0].states
    assert dots(built.drawing) == dots(rich.drawing) == 7 + 5
    assert dots(charged.drawing) == 6 + 4
    assert charged.drawing.count('r="4.6"') == 2  # the place of the lithium that left, side on and from above
    assert charged.drawing.count('r="8.5"') == 1  # the oxygen that was taken out: oxygen is drawn side on alone
    assert 'role="img"' in charged.drawing
    assert "Li that left" in re.search('aria-label="([^"]*)"', charged.drawing)[1]  # type: ignore[index]


def test_what_left_and_what_moved_is_said() -> None:
    _, rich, charged = only(shelves(of_one_cell())).cards[0].states
    assert "Moved since as built: nothing by more than 0.05 Å" in rich.said
    assert "Li that left: 1 of 2 in the lithium layer" in charged.said
    # the oxygen moved by 1 Å against the five others: less the mean of all, 5/6 of it, and each other 1/6
    moved = next(words for words in charged.said if words.startswith("Moved"))
    assert "O up to 0.83 Å" in moved
    assert "Mn up to 0.17 Å" in moved
    assert "Ringed: oxygen taken out, 1.50 eV" in charged.said
    assert charged.title == "50 % of the lithium out, relaxed: as the undoped"


def test_dopants_of_one_cell_have_marks_of_their_own_and_a_key() -> None:
    screened = of_one_cell()
    (tried,) = screened.tried
    crystal = tried.cells[0].crystal
    assert crystal is not None
    two = crystal.model_copy(update={"elements": ("W", "Na", *ELEMENTS[2:]), "roles": ("dopant", "dopant", *ROLES[2:])})
    cell = tried.cells[0].model_copy(update={"crystal": two, "relaxed": ()})
    found = only(shelves(screened.model_copy(update={"tried": (tried.model_copy(update={"cells": (cell,)}),)})))
    marks = dict(found.dopants)
    assert list(marks) == ["Na", "W"]
    drawing = found.cards[0].states[0].drawing
    looks = [re.findall(r'fill:(#\w+)" d="M0 0 ?([^"]+)"', mark)[0] for mark in marks.values()]
    assert len({colour for colour, _ in looks}) == len({shape for _, shape in looks}) == 2
    assert all(drawing.count(shape) == 2 for _, shape in looks)  # side on and from above


def test_lithium_that_hops_is_ringed_and_said() -> None:
    screened = of_one_cell()
    (tried,) = screened.tried
    hop = Reading(quantity="lithium_hop_barrier_ev", value=0.4, atom=3, calculator="chgnet", region="far")
    lost = Reading(quantity="lithium_hop_barrier_ev", value=None, why="it slid back", atom=4, calculator="chgnet")
    told = screened.model_copy(update={"tried": (tried.model_copy(update={"readings": (hop, lost)}),)})
    rich = only(shelves(told)).cards[0].states[1]
    assert "Ringed: Li that hops into a vacancy far from the dopant, 0.40 eV" in rich.said
    assert rich.drawing.count('r="8.5"') == 2  # side on and from above; what gave no number has no ring


def test_one_atom_that_left_its_layer_is_drawn_with_the_nearest() -> None:
    lattice = np.diag([9.0, 3.0, 10.0])
    at = np.array([[0.0, 0, 0], [2.0, 0, 0], [4.0, 0, 0], [6.0, 0, 2.0], [0.0, 0, 5], [2.0, 0, 5], [4.0, 0, 5]])
    drawn = cell_svg(DrawnCell(at, lattice, ["Mn", "Mn", "Mn", "Li", "Mn", "Mn", "Mn"], ["TM"] * 7), "two layers")
    assert re.findall(r">([a-z ]+ ?\d?)</text>", drawn) == ["side on", "metal layer 1", "metal layer 2"]
    assert dots(drawn) == 14


def test_relaxations_are_counted_by_candidate_and_together() -> None:
    screened = of_one_cell()
    row = effort_rows(screened)[1]
    assert (row.name, row.relaxations, row.steps_median, row.steps_most) == ("W", 4, 8.0, 20)
    assert (row.not_converged, row.failed, row.force_calls) == (1, 1, 50)
    together = effort_together(screened)
    assert together is not None
    assert together.relaxations == sum(each.relaxations for each in effort_rows(screened))


def test_files_say_candidate_ordering_and_state() -> None:
    names = [each.name for each in cell_files(of_one_cell())]
    assert names == ["W-2.cif", "W-2-discharged.cif", "W-2-charged-50-as-host.cif"]
    assert [len(each.elements) for each in cell_files(of_one_cell())] == [7, 7, 6]


def test_the_page_of_the_shipped_study_shows_all_its_cells_and_stays_light() -> None:
    result = shipped_result("dopants")
    screened = result.judged.screened
    page = screening_report(result)
    cells = [cell for tried in (screened.host, *screened.tried) for cell in tried.cells]
    states = sum(1 + len(cell.relaxed) for cell in cells)
    assert page.count('<svg class="crystal"') == states >= 60
    assert len(page.encode()) < 6_000_000


def test_results_without_relaxed_cells_are_read_and_say_so() -> None:
    screened = of_one_cell()
    (tried,) = screened.tried
    old = tried.cells[0].model_copy(update={"relaxed": (), "efforts": {}})
    text = screened.model_copy(update={"tried": (tried.model_copy(update={"cells": (old,)}),)}).to_json()
    assert "relaxed" not in text
    again = Screened.from_json(text)
    assert only(shelves(again)).states == 1
    assert effort_rows(again) == ()
    assert effort_together(again) is None

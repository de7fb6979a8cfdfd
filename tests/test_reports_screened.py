"""Pages of screened solids and molecules: what is drawn is what was found, in the order of the ranking."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from coating_material import STUDY as COATINGS
from command_line import run

pytest.importorskip("pymatgen.core")

from lirich.reports.answers import answer_report
from lirich.reports.coatings import coatings_report
from lirich.workbench.screening import answer_figures
from lirich.workbench.screening.additives import read_additives, screen_additives
from lirich.workbench.screening.answer import ScreenAnswer
from lirich.workbench.solids import coatings_figures
from lirich.workbench.solids.coatings_result import CoatingsResult
from lirich.workbench.solids.screen_coatings import make_coatings, run_coatings
from lirich.workbench.solids.screen_electrolytes import make_electrolytes, run_electrolytes

CATHODE, ANODE = "cathode_contact_energy_mev_atom", "anode_contact_energy_mev_atom"
SIGMA, BINDING = "lithium_conductivity_s_cm", "lithium_binding_energy_ev"
HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def coatings() -> CoatingsResult:
    return run_coatings(make_coatings(COATINGS), executor="serial")


@pytest.fixture(scope="module")
def electrolytes() -> ScreenAnswer:
    study = {
        "name": "few",
        "electrolytes": ["Li6PS5Cl", "Li3YCl6", "Li7La3Zr2O12", "Li3PO4"],
        "polymers": ["PEO-LiTFSI"],
        "weights": {CATHODE: 1, ANODE: 1},
        "gates": [{"quantity": CATHODE, "at_least": -100}],
        "draws": 20,
    }
    return run_electrolytes(make_electrolytes(study), executor="serial")


def trace(figure: Any, name: str) -> dict[str, Any]:
    return next(t for t in figure.data if t.get("name") == name)


def plain(labels: list[str]) -> list[str]:
    return [label.replace("<sub>", "").replace("</sub>", "").split(" <span")[0] for label in labels]


def test_the_map_has_the_ranked_first_then_what_fell_then_the_bare_contact(coatings: CoatingsResult) -> None:
    closed, at_voltage = coatings_figures.figures_by_section(coatings)["neighbours"]
    rows = plain(closed.layout["yaxis"]["ticktext"])
    ranking = coatings.judged.ranking
    assert ranking is not None
    ranked = [f"{place.rank}. {place.name}" for place in ranking.places]
    assert rows[: len(ranked)] == ranked
    assert all(row.startswith("× ") for row in rows[len(ranked) : -1])
    assert rows[-1] == "bare Li6PS5Cl"
    assert "at 4.6 V" in at_voltage.title


def test_the_cells_of_the_map_are_the_contacts(coatings: CoatingsResult) -> None:
    closed = coatings_figures.figures_by_section(coatings)["neighbours"][0]
    rows = plain(closed.layout["yaxis"]["ticktext"])
    columns = plain(closed.layout["xaxis"]["ticktext"])
    gain = trace(closed, "gain")
    drawn = {
        (rows[round(base + 0.46)], columns[x]): colour
        for x, base, colour in zip(gain["x"], gain["base"], gain["marker"]["color"], strict=True)
    }
    for contact in coatings.judged.contacts_of("LiNbO3"):
        if contact.voltage is None:
            row = next(r for r in rows if r.endswith(" LiNbO3"))
            place = (row, contact.name.removesuffix(", mixture"))
            assert drawn[place] == pytest.approx(-contact.energy.value)
    assert "its layers" in columns
    single = trace(closed, "none")
    assert columns.index("its layers") in single["x"]  # one layer has no contact within it: blank, not unknown
    assert "pattern" not in single["marker"]


def test_bars_of_the_page_are_the_windows_of_the_layers(coatings: CoatingsResult) -> None:
    (figure,) = coatings_figures.figures_by_section(coatings)["windows"]
    names = plain(figure.layout["yaxis"]["ticktext"])
    body = trace(figure, "window")
    for layer in coatings.judged.layers_of("Li4Mn5O12|Li3PO4"):
        place = names.index(layer.formula)
        assert body["base"][place] == pytest.approx(layer.figures["reduction_limit_v"].value, abs=1e-3)
        end = body["base"][place] + body["x"][place]
        assert end == pytest.approx(layer.figures["oxidation_limit_v"].value, abs=1e-3)
    assert (figure.layout["shapes"][0]["x0"], figure.layout["shapes"][0]["x1"]) == (2.0, 4.6)


def test_the_stacks_are_the_best_of_each_kind_with_what_the_bare_contact_does(coatings: CoatingsResult) -> None:
    stacks = coatings_figures.figures_by_section(coatings)["answer"]
    ranking = coatings.judged.ranking
    assert ranking is not None
    assert stacks[0].title.startswith(f"{next(n for n in ranking.order if '|' not in n)} between")
    assert all("Without coating: reacts, −683 meV/atom" in stack.alt for stack in stacks)


def test_the_page_asks_answers_and_says_why_not(coatings: CoatingsResult) -> None:
    page = coatings_report(coatings)
    assert page.count("<h1>") == 1
    assert "and Li<sub>6</sub>PS<sub>5</sub>Cl up to 4.6 V?</h1>" in page
    for anchor in ("answer", "ranking", "neighbours", "windows", "fell", "clusters", "coverage", "numbers", "method"):
        assert f'<section id="{anchor}"' in page
    fell = page.split('<section id="fell"')[1].split("</section>")[0]
    assert "<strong>LiNbO<sub>3</sub></strong>" in fell
    assert "Every number is an equilibrium" in page


def test_an_electrolyte_is_drawn_as_it_was_found_and_a_polymer_has_no_window(electrolytes: ScreenAnswer) -> None:
    sections = answer_figures.figures_by_section(electrolytes)
    (figure,) = sections["windows"]
    names = plain(figure.layout["yaxis"]["ticktext"])
    assert "PEO-LiTFSI" not in names
    body = trace(figure, "window")
    found = electrolytes.judgement.candidate("Li6PS5Cl").figures
    place = names.index("Li6PS5Cl")
    assert body["base"][place] == pytest.approx(found["reduction_limit_v"].value, abs=1e-3)
    columns = plain(sections["neighbours"][0].layout["xaxis"]["ticktext"])
    assert columns[:4] == ["discharged", "4.5 V", "fully charged", "Li"]
    assert plain(sections["neighbours"][1].layout["xaxis"]["ticktext"]) == columns[:3]  # lithium metal is met closed
    assert "anode" in sections["answer"][0].alt


def test_the_page_of_electrolytes_has_facts_with_sources_and_both_origins(electrolytes: ScreenAnswer) -> None:
    page = answer_report(electrolytes)
    assert "Which solid electrolyte between" in page
    assert 'class="badge literature"' in page
    assert 'class="badge computed"' in page
    told = page.split('<section id="literature"')[1].split("</section>")[0]
    assert "doi:10.1021/jacs.7b06327" in told
    assert "<strong>not computed</strong>: 1 solids, such as PEO-LiTFSI" in page


def test_molecules_have_a_page_without_what_only_solids_have_and_their_names_stay_text(tmp_path: Path) -> None:
    rows = [("DME", -24.6), ("DMSO", -35.1), ("TTE", -19.3), (HOSTILE, -30.4)]
    (tmp_path / "molecules.csv").write_text("name,E\n" + "".join(f"{n},{e}\n" for n, e in rows), encoding="utf-8")
    column = {"column": "E", "unit": "kcal/mol", "origin": "computed", "better": "higher"}
    study = {"table": "molecules.csv", "names": "name", "columns": {BINDING: column}, "weights": {BINDING: 1}}
    (tmp_path / "study.yaml").write_text(json.dumps(study), encoding="utf-8")
    page = answer_report(screen_additives(*read_additives(tmp_path / "study.yaml")))
    assert "<img" not in page
    assert "&lt;img src=x" in page
    for anchor in ("neighbours", "windows", "coverage", "literature"):
        assert f'id="{anchor}"' not in page
    told = run("screen", "additives", "study.yaml", "-o", "page.html", cwd=tmp_path)
    assert told.code == 0, told.err
    assert "Which additives to try, of 4?" in (tmp_path / "page.html").read_text(encoding="utf-8")

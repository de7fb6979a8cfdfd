"""Additives of a liquid electrolyte from a user's table: every quantity named, nothing filled in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from lirich.errors import InputError, LirichError, MissingColumnError, SettingsError, UnknownNameError
from lirich.model import Origin
from lirich.screening.additives import AdditiveStudy
from lirich.workbench.screening.additives import make_additives, read_additives, screen_additives
from lirich.workbench.screening.answer import ScreenAnswer, write_answer

BINDING, DONOR, PERMITTIVITY = "lithium_binding_energy_ev", "donor_number_kcal_mol", "relative_permittivity"
TABLE = """\
molecule,class,E_b (kcal/mol),DN,eps,sd
DME,ether,-24.59,20.0,7.2,1.0
sulfolane,sulfone,-30.44,14.8,44.0,1.0
DMSO,sulfoxide,-35.06,30.0,46.5,1.0
TTE,fluorinated ether,-19.30,,,1.0
TMP,phosphate,-25.33,n/a,21.26,1.0
bounded,test,-20.0,<5,3.0,
"""
STUDY: dict[str, Any] = {
    "table": "molecules.csv",
    "names": "molecule",
    "columns": {
        BINDING: {
            "column": "E_b (kcal/mol)",
            "unit": "kcal/mol",
            "origin": "computed",
            "better": "higher",
            "uncertainty": "sd",
            "conditions": {"to": "LiTFSI"},
        },
        DONOR: {"column": "DN", "unit": "kcal/mol", "origin": "literature", "source": "Gutmann", "better": "lower"},
        PERMITTIVITY: {"column": "eps", "unit": "", "origin": "literature", "source": "a handbook"},
    },
    "notes": ["class"],
    "weights": {BINDING: 1.0, PERMITTIVITY: 1.0},
}


def screened(tmp_path: Path, changes: dict[str, Any] | None = None, table: str = TABLE) -> ScreenAnswer:
    (tmp_path / "molecules.csv").write_text(table)
    (tmp_path / "study.yaml").write_text(json.dumps({**STUDY, **(changes or {})}))
    return screen_additives(*read_additives(tmp_path / "study.yaml"))


def test_figures_come_in_the_units_of_the_vocabulary_with_their_intervals(tmp_path: Path) -> None:
    found = screened(tmp_path).judgement.candidate("DME").figures[BINDING]
    assert found.value == pytest.approx(-24.59 / 23.0605, rel=1e-5)
    assert found.low is not None
    assert found.high is not None
    assert found.high - found.low == pytest.approx(2 * 1.6449 / 23.0605, rel=1e-3)  # the 90 % of a normal


def test_what_is_missing_is_unknown_with_the_reason_and_never_filled_in(tmp_path: Path) -> None:
    answer = screened(tmp_path)
    missing = {c.name: dict(c.missing) for c in answer.judgement.candidates}
    assert missing["TTE"][DONOR] == "no value in the column DN"
    assert missing["TMP"][DONOR] == "DN has 'n/a', which is no number"
    assert missing["bounded"][DONOR] == "DN has '<5', which is a bound and no value"
    assert answer.place("TTE") is None
    reasons = next(row["reasons"] for c, row in answer.rows if c.name == "TTE")
    assert "not ranked: relative permittivity is missing (no value in the column eps)" in reasons


def test_the_direction_is_that_of_the_study(tmp_path: Path) -> None:
    weak = screened(tmp_path, {"weights": {BINDING: 1.0}})
    assert weak.judgement.ranking is not None
    assert weak.judgement.ranking.order[0] == "TTE"
    columns = {**STUDY["columns"], BINDING: {**STUDY["columns"][BINDING], "better": "lower"}}
    strong = screened(tmp_path, {"weights": {BINDING: 1.0}, "columns": columns})
    assert strong.judgement.ranking is not None
    assert strong.judgement.ranking.order[0] == "DMSO"
    del columns[BINDING]["better"]
    with pytest.raises(SettingsError, match="say better: higher or lower"):
        screened(tmp_path, {"columns": columns})


def test_a_gate_keeps_the_unknown_only_where_it_says_so(tmp_path: Path) -> None:
    gate = {"quantity": DONOR, "at_most": 25.0}
    strict = screened(tmp_path, {"gates": [gate]})
    assert strict.judgement.funnel.survivors == ("DME", "sulfolane")
    lenient = screened(tmp_path, {"gates": [{**gate, "unknown_passes": True}]})
    assert set(lenient.judgement.funnel.survivors) == {"DME", "sulfolane", "TTE", "TMP", "bounded"}


def test_the_reference_scores_nothing_and_is_no_candidate(tmp_path: Path) -> None:
    answer = screened(tmp_path, {"reference": "DME", "weights": {BINDING: 1.0}})
    assert "DME" not in [c.name for c in answer.judgement.candidates]
    scores = {p.name: p.score for p in answer.judgement.ranking.places}  # type: ignore[union-attr]
    assert scores["TTE"] > 0 > scores["TMP"] > scores["DMSO"]


def test_without_a_reference_the_middle_of_the_table_scores_nothing(tmp_path: Path) -> None:
    """A binding energy of 0 eV is no molecule: measured from there, it would seem to cost everybody many spreads."""
    answer = screened(tmp_path, {"weights": {BINDING: 1.0}})
    scores = [p.score for p in answer.judgement.ranking.places]  # type: ignore[union-attr]
    assert np.median(scores) == pytest.approx(0, abs=1e-9)


def test_no_certainty_is_told_where_no_uncertainty_is_given(tmp_path: Path) -> None:
    columns = {**STUDY["columns"], BINDING: {**STUDY["columns"][BINDING]}}
    columns[BINDING].pop("uncertainty", None)
    answer = screened(tmp_path, {"weights": {BINDING: 1.0}, "columns": columns})
    assert "how surely is not known" in answer.words[0]
    assert "of the draws" not in " ".join((*answer.words, *(r for _, row in answer.rows for r in row["reasons"])))


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"names": "molecul"}, MissingColumnError, "no column 'molecul' .the names."),
        ({"columns": {**STUDY["columns"], "homo_energy_ev": {"column": "HOMO", "unit": "eV", "origin": "computed"}}},
         MissingColumnError, "no column 'HOMO' .homo_energy_ev."),
        ({"weights": {"homo_energy_ev": 1.0, BINDING: 1.0}}, SettingsError, "no column is named for homo_energy_ev"),
        ({"gates": [{"quantity": "flash_point_celsius", "at_least": 60}]}, SettingsError, "flash_point_celsius"),
        ({"columns": {**STUDY["columns"], DONOR: {"column": "DN", "unit": "", "origin": "measured"}}},
         SettingsError, "DN: say its unit"),
        ({"columns": {**STUDY["columns"], DONOR: {"column": "DN", "unit": "V", "origin": "measured"}}},
         SettingsError, "no unit of donor number"),
        ({"columns": {**STUDY["columns"], DONOR: {"column": "DN", "unit": "kcal/mol", "origin": "literature"}}},
         SettingsError, "give source"),
        ({"columns": {**STUDY["columns"], "homo_energy": {"column": "DN", "unit": "eV", "origin": "computed"}}},
         SettingsError, "Did you mean 'homo_energy_ev'"),
        ({"reference": "EC"}, UnknownNameError, "Unknown molecule 'EC'"),
        ({"table": "molecules.txt"}, InputError, "no table that lirich reads"),
        ({"table": "other.csv"}, InputError, "cannot be read"),
    ],
)  # fmt: skip
def test_what_a_study_or_a_table_lacks_is_asked_for_by_name(
    tmp_path: Path, changes: dict[str, Any], error: type[LirichError], words: str
) -> None:
    with pytest.raises(error, match=words):
        screened(tmp_path, changes)


def test_a_molecule_stands_in_one_row_and_has_a_name(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="DME more than once"):
        screened(tmp_path, table=TABLE + "DME,ether,-24,20,7,1\n")
    with pytest.raises(InputError, match=r"Row 7 .* has no name"):
        screened(tmp_path, table=TABLE + ",ether,-24,20,7,1\n")


def test_workbook_and_parquet_say_the_same_as_csv(tmp_path: Path) -> None:
    pytest.importorskip("xlsxwriter")
    expected = [row["score"] for row in screened(tmp_path).to_dict()["candidates"]]
    frame = pl.read_csv(tmp_path / "molecules.csv")
    frame.write_parquet(tmp_path / "molecules.parquet")
    frame.write_excel(tmp_path / "molecules.xlsx", worksheet="solvents")
    for changes in ({"table": "molecules.parquet"}, {"table": "molecules.xlsx", "sheet": "solvents"}):
        assert [row["score"] for row in screened(tmp_path, changes).to_dict()["candidates"]] == expected
    with pytest.raises(UnknownNameError, match="solvents"):
        screened(tmp_path, {"table": "molecules.xlsx", "sheet": "solvent"})


def test_values_keep_the_origin_the_source_and_the_file(tmp_path: Path) -> None:
    answer = screened(tmp_path)
    values = {(v.subject.key, v.quantity): v for v in answer.values}
    assert values["DME", BINDING].origin is Origin.COMPUTED
    assert values["DME", BINDING].conditions.other["to"] == "LiTFSI"
    assert values["DME", DONOR].origin is Origin.LITERATURE
    assert values["DME", DONOR].provenance.source == "Gutmann"
    assert len(values["DME", DONOR].provenance.files[0]) == 64
    assert ("TTE", DONOR) not in values
    assert {f.code for f in answer.findings} >= {"no-uncertainty", "origins-mixed"}


def test_groups_are_made_of_the_ranked_and_each_has_its_pick(tmp_path: Path) -> None:
    rows = "".join(
        f"a{i},x,{-18 - 0.1 * i},10,{5 + 0.1 * i},1\nb{i},x,{-34 - 0.1 * i},10,{60 + i},1\n" for i in range(5)
    )
    answer = screened(
        tmp_path, {"clusters": {"descriptors": [BINDING, PERMITTIVITY]}}, TABLE.splitlines()[0] + "\n" + rows
    )
    found = answer.groups.clusters
    assert found is not None
    assert len(found.clusters) == 2
    assert {frozenset(name[0] for name in g.members) for g in found.clusters} == {frozenset("a"), frozenset("b")}
    best = answer.judgement.ranking
    assert best is not None
    assert found.picks[0] == best.order[0]


def test_the_answer_is_written_as_table_and_whole(tmp_path: Path) -> None:
    answer = screened(tmp_path)
    table = pl.read_csv(write_answer(tmp_path / "out.csv", answer))
    assert table["name"].to_list() == [c.name for c, _ in answer.rows]
    assert table[f"{BINDING}_origin"][0] == "computed"
    whole = json.loads(write_answer(tmp_path / "out.json", answer).read_text())
    assert whole["candidates"][0]["figures"][BINDING]["unit"] == "eV"
    with pytest.raises(InputError, match="no form"):
        write_answer(tmp_path / "out.docx", answer)


def test_a_study_is_the_same_through_json() -> None:
    study = make_additives(STUDY)
    assert AdditiveStudy.model_validate_json(study.model_dump_json()) == study

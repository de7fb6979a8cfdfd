"""What the review says of a dopant beside what was computed of it: who agrees, who contradicts, who cannot tell."""

from __future__ import annotations

import pytest

from lirich.errors import MissingColumnError, RecordError
from lirich.model import Conditions, Origin, Provenance, Subject, Value
from lirich.reports.screening import screening_report
from lirich.screening.judged import Judged, judged
from lirich.screening.screened import Built, Reading, Screened, Tried
from lirich.screening.study import DopingStudy
from lirich.store.literature import Statement, load, statements
from lirich.store.literature.dopants import COLUMNS, read_statements
from lirich.workbench.screening.literature import Published, counted, published
from lirich.workbench.screening.result import ScreenResult
from lirich.workbench.screening.screen import shipped_result

VACANCY = "oxygen_vacancy_formation_energy_ev"
SPACING = "d_spacing_003_nm"


@pytest.fixture(scope="module")
def twelve() -> ScreenResult:
    return shipped_result("dopants")


def of(result: ScreenResult, candidate: str, says: str) -> Published:
    (found,) = [p for p in result.literature if p.candidate == candidate and p.says.startswith(says)]
    return found


# --- the statements ----------------------------------------------------------------------------------------------


@pytest.mark.data
def test_every_phrase_stands_in_the_review(shared_data) -> None:
    review = shared_data.parent / "reference" / "review_yang_2026.txt"
    if not review.is_file():
        pytest.skip("the text of the review is not beside the repository")
    text = " ".join(review.read_text(encoding="utf-8").split())
    for said in statements():
        assert said.phrase in text, said.number


def test_statements_name_known_dopants_quantities_and_papers() -> None:
    said = {s.number: s for s in statements()}
    assert len(said) == 16
    sodium = said[8]
    assert (sodium.dopants, sodium.within, sodium.site) == (("Na",), ("Na", "W"), "Li")
    assert (sodium.quantities, sodium.direction, sodium.references) == ((SPACING,), "raises", (69,))
    assert "J. Duan et al., Small 2024" in sodium.source
    assert "doi:10.1039/d5eb00167f" in sodium.source


ROW = "1,B,,interstitial,holds oxygen,oxygen_vacancy_formation_energy_ev,raises,71,Section 4,strong bonds,"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("1,B", "1,Bx", "Bx"),
        ("1,B", "1,", "no dopant"),
        ("1,B,,", "1,B,Al F,", "not within"),
        ("interstitial", "interstital", "interstitial"),
        ("_energy_ev", "_enrgy_ev", VACANCY),
        ("raises", "widens", "direction"),
        ("raises", "", "belong together"),
        ("71", "171", "no reference 171"),
        ("71", "Ding", "no reference"),
        ("strong bonds", "word " * 16, "15 words"),
        ("holds oxygen", "", "says"),
        ("1,B", "x,B", "number"),
    ],
)
def test_a_wrong_statement_is_named(old: str, new: str, said: str) -> None:
    header = ",".join(COLUMNS)
    assert len(read_statements(f"{header}\n{ROW}\n", "own.csv")) == 1
    with pytest.raises(RecordError, match="row 2") as caught:
        read_statements(f"{header}\n{ROW.replace(old, new, 1)}\n", "own.csv")
    assert said in str(caught.value)


def test_a_table_of_another_kind_and_an_id_twice_are_refused() -> None:
    with pytest.raises(MissingColumnError):
        read_statements("a,b\n1,2\n", "own.csv")
    with pytest.raises(RecordError, match="twice"):
        read_statements(f"{','.join(COLUMNS)}\n{ROW}\n{ROW}\n", "own.csv")


def test_records_of_a_doped_material_say_its_dopants() -> None:
    stated = {v.subject.key: v.provenance.parameters["dopants"] for v in load() if "dopants" in v.provenance.parameters}
    assert stated["SC-HBLR"] == "B"
    assert stated["MZCN-LMR"] == "Mg Zn Cu Nb"
    assert stated["Na-W co-doped"] == "Na W"
    assert not any("pristine" in name for name in stated)


# --- the shipped result ------------------------------------------------------------------------------------------


def test_sodium_widens_the_layers_here_as_in_the_review(twelve: ScreenResult) -> None:
    for candidate in ("Na", "Na+W"):
        found = of(twelve, candidate, "widens the layers")
        assert found.quantity == SPACING
        assert found.verdict == "agrees"
        change = found.computed[0].change
        assert found.computed[0].lithium_removed == 0.0
        assert change.low is not None
        assert 0 < change.low < change.value < 0.01  # nm; lirich's host has 0.482


def test_sodium_and_tungsten_together_hold_oxygen_and_each_alone_cannot_be_told(twelve: ScreenResult) -> None:
    pair = of(twelve, "Na+W", "oxygen-vacancy")
    assert pair.verdict == "agrees"
    assert pair.published_percent == pytest.approx(37.2, abs=0.1)
    alone = of(twelve, "W", "oxygen-vacancy")
    assert (alone.verdict, alone.why, alone.computed) == ("cannot tell", "published of Na and W together", ())


def test_aluminium_alone_contradicts_and_with_fluorine_agrees_only_discharged(twelve: ScreenResult) -> None:
    """−0.09 (−0.17 … −0.01) eV alone; with F +0.19 discharged, −0.34 with half of the lithium out."""
    alone = of(twelve, "Al", "raises the barrier for oxygen release")
    assert alone.verdict == "contradicts"
    assert alone.says.endswith("(with F)")
    change = alone.computed[0].change
    assert (change.low, change.high) == (pytest.approx(-0.171, abs=1e-3), pytest.approx(-0.010, abs=1e-3))
    both = of(twelve, "Al+F", "raises the barrier for oxygen release")
    assert both.verdict == "agrees"
    assert both.turned.startswith("the other way at 50 % of the lithium out: −0.34")


def test_what_fluorine_does_to_the_metals_cannot_be_told(twelve: ScreenResult) -> None:
    found = of(twelve, "F", "raises the barrier for metals to move")
    assert (found.verdict, found.why) == ("cannot tell", "the interval holds 0")
    assert found.quantity == "metal_migration_energy_ev"  # no band was computed
    assert "50 % of the lithium out" in found.figure_of  # metals move in the charged cell only
    assert of(twelve, "F", "less oxygen gas").verdict == "agrees"


def test_a_statement_of_a_site_is_of_the_candidate_on_that_site(twelve: ScreenResult) -> None:
    assert of(twelve, "Mg in the Li layer", "holds oxygen").verdict == "agrees"
    assert of(twelve, "B tetrahedral", "holds lattice oxygen").verdict == "agrees"
    said = {p.candidate: p.says for p in twelve.literature if p.says in ("holds oxygen", "holds lattice oxygen")}
    assert set(said) == {"Mg in the Li layer", "B tetrahedral"}
    assert of(twelve, "Mg in the TM layer", "less covalent").why == "lirich computes no such quantity"


def test_boron_that_left_the_metal_layer_is_not_compared(twelve: ScreenResult) -> None:
    """Three oxygens hold it in place of six: what it does to the spacing is not what boron on a metal's place does."""
    gone = of(twelve, "B in the TM layer", "widens the layers")
    assert (gone.verdict, gone.why) == ("cannot tell", "B left its place in 4 of 4 cells")
    assert gone.figure.startswith("−0.00077")
    assert of(twelve, "B tetrahedral", "widens the layers").verdict == "agrees"


def test_records_of_cells_with_the_dopant_stand_beside_it(twelve: ScreenResult) -> None:
    boron = of(twelve, "B tetrahedral", "specific discharge capacity 236.26 mAh/g")
    assert "capacity retention 87.42 %" in boron.says
    assert (boron.verdict, boron.why) == ("cannot tell", "no undoped value beside")
    niobium = of(twelve, "Nb", "specific discharge capacity 305 mAh/g")
    assert "voltage decay 0.7 mV/cycle" in niobium.says
    assert "capacity retention 80.5 %" in niobium.says
    assert niobium.why == "published of Mg, Zn, Cu and Nb together"


def test_dopants_that_the_review_does_not_name_have_no_row(twelve: ScreenResult) -> None:
    assert {p.candidate for p in twelve.literature} == {c.name for c, _ in twelve.rows} - {"Ta", "Ti", "Zr"}


def test_page_and_json_have_every_statement(twelve: ScreenResult) -> None:
    told = screening_report(twelve).split('<section id="literature"')[1].split("</section>")[0]
    assert counted(twelve.literature) in told
    for each in twelve.literature:
        assert each.paper.split(",")[0] in told
    for phrase in ("sodium ions substitute Li sites", "contradicts", "Widens the layers", "doi:10.1039/d5eb00167f"):
        assert phrase in told, phrase
    rows = twelve.to_dict()["literature"]
    assert len(rows) == len(twelve.literature)
    aluminium = next(r for r in rows if r["candidate"] == "Al" and r["computed"])
    assert aluminium["verdict"] == "contradicts"
    assert aluminium["computed"][0]["change"]["high"] < 0


# --- the judgement -------------------------------------------------------------------------------------------------


def with_spacings(doped: list[float], undoped: list[float], **tried: object) -> Judged:
    study = DopingStudy.model_validate(
        {
            "host": {"formula": "Li1.2Mn0.6Ni0.2O2"},
            "dopants": ["Na"],
            "descriptors": [SPACING],
            "weights": {"volume_change": 1},
        }
    )
    cells = tuple(Built(ordering=n, formula="") for n in range(len(undoped)))
    host = tuple(Reading(quantity=SPACING, value=v, cell=n) for n, v in enumerate(undoped))
    own = tuple(Reading(quantity=SPACING, value=v, cell=n) for n, v in enumerate(doped))
    made = Tried.model_validate({"name": "Na", "elements": ("Na",), "cells": cells, "readings": own, **tried})
    return judged(Screened(study=study, host=Tried(name="undoped", cells=cells, readings=host), tried=(made,)))


SODIUM = Statement(
    number=1,
    dopants=("Na",),
    within=("Na",),
    site="Li",
    says="widens the layers",
    quantities=(SPACING,),
    direction="raises",
    references=(69,),
    section="Section 4",
    phrase="expand interlayer spacing",
)


@pytest.mark.parametrize(
    ("doped", "verdict", "why"),
    [
        ([0.481, 0.4911], "agrees", ""),  # +0.0010 and +0.0011: half an interval is t(95 %, 1) · 0.00005 = 0.0003
        ([0.479, 0.489], "contradicts", ""),
        ([0.481, 0.489], "cannot tell", "the interval holds 0"),
        ([0.481], "cannot tell", "one result has no interval"),
        ([], "cannot tell", "not computed here"),
    ],
)
def test_only_a_sure_sign_agrees_or_contradicts(doped: list[float], verdict: str, why: str) -> None:
    (found,) = published(with_spacings(doped, [0.480, 0.490]), [], [SODIUM])
    assert (found.verdict, found.why) == (verdict, why)
    lowered = SODIUM.model_copy(update={"direction": "lowers"})
    (found,) = published(with_spacings(doped, [0.480, 0.490]), [], [lowered])
    assert found.verdict == {"agrees": "contradicts", "contradicts": "agrees"}.get(verdict, verdict)


def test_another_site_another_dopant_and_a_surface() -> None:
    given = with_spacings([0.481, 0.4911], [0.480, 0.490], dopants=("Na⁺ on Li",))
    assert published(given, [], [SODIUM])[0].verdict == "agrees"
    assert not published(given, [], [SODIUM.model_copy(update={"site": "TM"})])
    assert not published(given, [], [SODIUM.model_copy(update={"dopants": ("K",), "within": ("K",)})])
    (surface,) = published(given, [], [SODIUM.model_copy(update={"site": "surface"})])
    assert (surface.verdict, surface.why) == ("cannot tell", "published of a surface, computed in the bulk")


def test_a_pair_of_ones_own_records_is_judged_too() -> None:
    def record(name: str, number: float, **parameters: str) -> Value:
        return Value(
            quantity=SPACING,
            value=number,
            subject=Subject(kind="material", key=name),
            conditions=Conditions(),
            origin=Origin.LITERATURE,
            provenance=Provenance(source="our thesis", parameters=dict(parameters)),
        )

    given = with_spacings([0.481, 0.4911], [0.480, 0.490])
    (found,) = published(given, [record("sample 7", 0.476, dopants="Na"), record("undoped", 0.474)])
    assert (found.verdict, found.cited) == ("agrees", "our thesis")
    (found,) = published(given, [record("sample 7", 0.472, dopants="Na"), record("undoped", 0.474)])
    assert found.verdict == "contradicts"
    (found,) = published(given, [record("sample 7", 0.472, dopants="Na")])
    assert found.why == "no undoped value beside"

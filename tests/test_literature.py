"""The carried literature: every fact maps, nothing of what was printed is lost, questions are answered."""

from __future__ import annotations

import csv
from importlib.resources import files
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lirich.errors import (
    DamagedFileError,
    InputError,
    LirichError,
    MissingColumnError,
    RecordError,
    UnitError,
    UnknownNameError,
    UnrecognisedFileError,
)
from lirich.model import Conditions, Operator, Origin, Value
from lirich.quantities import QUANTITIES, convert
from lirich.store.literature import (
    QUANTITY_NAMES,
    REVIEW_DOI,
    filed_elsewhere,
    load,
    load_records,
    morphology_of,
    parse_conditions,
    query,
    reference,
    references,
)
from lirich.store.literature.vocabulary import unit_of


@pytest.fixture(scope="module")
def facts() -> dict[int, Value]:
    return {int(v.provenance.parameters["record"]): v for v in load()}


def printed_rows(shared_data: Path) -> list[dict[str, str]]:
    with (shared_data / "literature" / "seed_records.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.data
def test_every_fact_of_the_seed_is_carried_as_printed(facts, shared_data):
    rows = printed_rows(shared_data)
    assert len(rows) == len(facts) == 96
    for row in rows:
        fact = facts[int(row["id"])]
        kept = fact.provenance.parameters
        assert fact.subject.key == row["sample"]
        assert fact.operator.value == row["operator"]
        assert (kept["value_printed"], kept["unit_printed"]) == (row["value"], row["unit"])
        assert (kept["phrase"], kept["section"], kept["reference"]) == (row["phrase"], row["section"], row["reference"])
        assert kept["conditions_printed"] == row["conditions"]
        assert (morphology_of(fact) or "") == row["morphology"]
        assert row["note"] in fact.note
        if fact.operator is not Operator.RANGE:
            assert fact.value == pytest.approx(convert(float(row["value"]), unit_of(row["unit"]), fact.quantity))


@pytest.mark.data
def test_every_reference_of_the_seed_is_carried_as_printed(shared_data):
    with (shared_data / "literature" / "seed_references.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(references()) == 135
    for row, known in zip(rows, references(), strict=True):
        assert known.number == int(row["number"])
        assert known.raw == row["raw"]
        assert known.note == row["note"]
        assert (known.journal or "", known.page or "") == (row["journal"], row["page"])


def test_the_vocabulary_names_every_quantity_and_every_unit_converts():
    for what in QUANTITY_NAMES.values():
        assert what.key in QUANTITIES
    for fact in load():
        assert fact.origin is Origin.LITERATURE
        assert REVIEW_DOI in fact.provenance.source
        assert Value.from_json(fact.to_json()) == fact


def test_units_are_converted(facts):
    assert facts[37].value == pytest.approx(0.413)  # 413 nm of D50
    assert facts[87].value == pytest.approx(0.94)  # 940 nm
    assert facts[86].value == 2.0  # > 2 um
    assert facts[38].value == 900.0  # degC
    assert facts[12].value == 87.42


def test_ranges_keep_their_ends(facts):
    assert facts[40].value == pytest.approx(0.15)
    assert facts[40].interval is not None
    assert (facts[40].interval.low, facts[40].interval.high) == pytest.approx((0.1, 0.2))
    assert facts[40].interval.method == "range as printed"
    assert [r for r, v in facts.items() if v.operator is Operator.RANGE] == [40, 41, 88]


def test_conditions_become_fields(facts):
    assert facts[1].conditions.current_ma_g == 20.0
    assert (facts[2].conditions.cycles, facts[2].conditions.rate_c) == (200, 1.0)
    assert facts[21].conditions.rate_c == 0.5
    assert (facts[68].conditions.cycle, facts[68].conditions.rate_c) == (1, 0.1)
    assert facts[79].conditions.cycle == 1
    assert facts[52].conditions.method == "GC-MS"
    assert facts[66].conditions.other["stated"] == "Na on Li site, W on TM site"
    assert facts[83].conditions.other["Li/TM"] == 1.8
    assert facts[59].conditions.cycles is None
    assert (facts[55].conditions.other["regime"], facts[56].conditions.other["regime"]) == (1, 2)


def test_what_is_not_said_is_flagged_and_not_guessed(facts):
    assert facts[74].quantity == facts[75].quantity == "coulombic_efficiency"
    assert facts[74].conditions.cycle is None
    assert "cycle-not-stated" in facts[75].flags
    assert "cycles-not-stated" in facts[59].flags
    assert "cycles-not-stated" not in facts[2].flags
    assert "method-not-stated" in facts[61].flags
    assert "ambiguous" in facts[85].flags
    assert all("not-measured" in facts[r].flags for r in (31, 32, 64, 90, 96))


def test_statements_about_kinds_are_told_from_facts_about_materials(facts):
    assert {facts[r].subject.kind for r in (29, 38, 64, 90, 92)} == {"population"}
    assert {facts[r].subject.kind for r in (1, 18, 47, 62, 78, 96 - 7)} == {"material"}


def test_sources_name_the_paper_and_the_review(facts):
    assert facts[69].provenance.source.startswith("ref. 64: L. Wang et al., Nano Energy 2024, 121, 109241")
    assert facts[32].provenance.parameters["reference_numbers"] == "10 11 12 13"
    assert facts[35].provenance.source.startswith("Yang et al., EES Batteries")


def test_references_can_be_asked_for():
    assert reference(121).short == "J. Kim et al., Energy Environ. Sci. 2025, 18, 4222–4230"
    assert reference(115).doi_or_url == "10.1002/adma.202515106"
    assert reference(11).journal is None
    assert reference(4).authors == ("A. Manthiram",)
    for number in (0, 136):
        with pytest.raises(UnknownNameError):
            reference(number)


def test_questions_by_quantity_morphology_sample_reference_flag_and_text():
    def records(**question):
        return [v.provenance.parameters["record"] for v in query(**question)]

    assert records() == list(range(1, 97))
    assert records(quantity="voltage_decay_mv_per_cycle") == [61, 62, 77]
    assert records(quantity="voltage_decay_mv_per_cycle", morphology="SC") == [61, 77]
    assert records(morphology="PC-dense") == [78, 79, 80]
    assert set(records(morphology="PC-dense")) < set(records(morphology="PC"))
    assert records(sample="tsc-lncm") == [17, 18, 19, 68, 69]
    assert records(reference=69) == records(reference="69") == [65, 66]
    assert records(reference="Nano Energy", quantity="capacity_retention") == [18, 69]
    assert records(flag="conflict") == [18, 24, 27, 31, 47, 69, 74, 76, 78, 90, 96]
    assert records(text="oxygen VACANCY") == [65, 66]
    assert records(text="no such words") == []
    assert query([], quantity="capacity_retention") == []
    with pytest.raises(UnknownNameError, match="voltage_decay_mv_per_cycle"):
        query(quantity="voltage_decay")
    with pytest.raises(UnknownNameError):
        query(morphology="amorphous")


# --- the user's own records ---------------------------------------------------------------------------------------

HEADER = "sample,morphology,quantity,operator,value,unit,conditions,reference"


def table(tmp_path: Path, *rows: str, header: str = HEADER) -> Path:
    path = tmp_path / "own.csv"
    path.write_text("\n".join((header, *rows)) + "\n", encoding="utf-8")
    return path


def test_own_records_are_values_like_the_carried_ones(tmp_path):
    path = table(
        tmp_path,
        "A-1,SC,voltage_decay,=,0.45,mV/cycle,rate=0.5C; window=2.0-4.7 V; temperature=30 degC,10.1000/xyz",
        "A-1,SC,particle_diameter_um,range,300-500,nm,,44",
        "B,,discharge_capacity,≈,0.25,A*h/g,current=0.02 A/g; cycle=1,Smith 2020",
    )
    first, second, third = load_records(path)
    assert first.provenance.source == "10.1000/xyz"
    assert (first.conditions.voltage_lower_v, first.conditions.voltage_upper_v) == (2.0, 4.7)
    assert first.conditions.temperature_celsius == 30.0
    assert second.value == pytest.approx(0.4)
    assert second.provenance.source.startswith("ref. 44:")
    assert third.operator is Operator.ABOUT
    assert third.value == pytest.approx(250.0)
    assert third.conditions.current_ma_g == pytest.approx(20.0)
    assert [v.provenance.parameters["record"] for v in (first, second, third)] == [1, 2, 3]


def test_the_format_is_that_of_the_carried_table(tmp_path):
    """All of it but the facts of the review's own text, which have no reference to give."""
    text = (files("lirich.store.literature") / "records.csv").read_text(encoding="utf-8")
    rows = list(csv.DictReader(text.splitlines()))
    path = tmp_path / "own.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(row for row in rows if row["reference"])
    carried = [v for v in load() if v.provenance.parameters["reference"]]
    for own, known in zip(load_records(path), carried, strict=True):
        assert (own.quantity, own.value, own.conditions) == (known.quantity, known.value, known.conditions)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("A,SC,capicity_retention,=,90,%,,44", "capacity_retention"),
        ("A,SC,capacity_retention,=,90,mAh/g,,44", "mAh/g"),
        ("A,SC,capacity_retention,==,90,%,,44", "operator"),
        ("A,SC,capacity_retention,=,,%,,44", "no number"),
        ('A,SC,capacity_retention,=,"97,3",%,,44', "decimal point"),
        ("A,SC,capacity_retention,=,nan,%,,44", "not finite"),
        ("A,SC,capacity_retention,range,95-90,%,,44", "upside down"),
        ("A,SC,capacity_retention,range,95,%,,44", "no range"),
        ("A,single,capacity_retention,=,90,%,,44", "morphology"),
        ("A,SC,capacity_retention,=,90,%,cycles=many,44", "cycles=many"),
        ("A,SC,capacity_retention,=,90,%,rate=fast,44", "C-rate"),
        ("A,SC,capacity_retention,=,90,%,current=20,44", "no unit"),
        ("A,SC,capacity_retention,=,90,%,cycles=100; cycles=200,44", "contradicts"),
        ("A,SC,capacity_retention,=,90,%,,", "no reference"),
        ("A,SC,capacity_retention,=,90,%,,999", "no reference 999"),
        ("A,SC,capacity_retention,=,90,%,,13-10", "upside down"),
        ("A,SC,capacity_retention,=,90,%,rate=1e999C,44", "rate_c: Input should be a finite number"),
        (f"A,SC,capacity_retention,=,90,%,cycles={'9' * 5000},44", "limit"),
        (f"A,SC,capacity_retention,range,1-{'9' * 400},%,,44", "high: Input should be a finite number"),
        (f"A,SC,capacity_retention,=,90,%,dose={'9' * 400},44", "other.dose"),
        (",SC,capacity_retention,=,90,%,,44", "no sample"),
        ("A,SC,capacity_retention,=,90,%,44", "7 fields"),
    ],
)
def test_a_wrong_row_is_named_and_nothing_is_loaded(tmp_path, row, said):
    good = "A,SC,capacity_retention,=,90,%,,44"
    with pytest.raises(RecordError, match="row 3") as caught:
        load_records(table(tmp_path, good, row, good))
    assert said in str(caught.value)
    assert [number for number, _ in caught.value.problems] == [3]


def test_all_wrong_rows_are_named_at_once(tmp_path):
    bad = "A,SC,nonsense,=,90,%,,44"
    with pytest.raises(RecordError) as caught:
        load_records(table(tmp_path, bad, "A,SC,capacity_retention,=,90,%,,44", bad))
    assert [number for number, _ in caught.value.problems] == [2, 4]


def test_what_would_have_been_right_stands_apart_from_what_was_found(tmp_path):
    rows = ["A,SC,capacity_retention,range,90,%,,44", "A,SC,capacity_retentoin,=,90,%,,44", "A,SC,x"]
    with pytest.raises(RecordError) as caught:
        load_records(table(tmp_path, *rows[:2]))
    told = caught.value.to_dict()
    assert "Expected" not in told["found"]
    assert told["found"].startswith("2 rows of ")
    assert told["expected"] == "row 2: two numbers, as 100-200"
    assert "row 3: Did you mean" in told["advice"]
    with pytest.raises(RecordError) as caught:
        load_records(table(tmp_path, rows[2]))
    assert caught.value.found.startswith("1 row of ")
    assert caught.value.expected


def test_the_same_id_twice_is_refused(tmp_path):
    row = "7,A,capacity_retention,=,90,%,44"
    path = table(tmp_path, row, row, header="id,sample,quantity,operator,value,unit,reference")
    with pytest.raises(RecordError, match="twice"):
        load_records(path)


def test_what_is_no_table_of_records(tmp_path):
    with pytest.raises(UnrecognisedFileError):
        load_records(tmp_path / "absent.csv")
    with pytest.raises(UnrecognisedFileError):
        load_records(tmp_path)
    with pytest.raises(MissingColumnError, match="unit"):
        load_records(table(tmp_path, header="sample,quantity,operator,value,reference"))
    with pytest.raises(UnknownNameError, match="morphology"):
        load_records(table(tmp_path, header=HEADER.replace("morphology", "morfology")))
    path = tmp_path / "latin.csv"
    path.write_bytes(HEADER.encode() + "\nÄ,SC,capacity_retention,=,90,%,,44\n".encode("latin-1"))
    with pytest.raises(DamagedFileError, match="UTF-8"):
        load_records(path)
    path.write_bytes(b"")
    with pytest.raises(MissingColumnError):
        load_records(path)


def test_a_semicolon_table_of_a_spreadsheet_is_read(tmp_path):
    path = tmp_path / "own.csv"
    rows = HEADER.replace(",", ";") + "\r\nA;SC;capacity_retention;=;90;%;cycles=100;44\r\n;;;;;;;\r\n"
    path.write_bytes(b"\xef\xbb\xbf" + rows.encode())
    (value,) = load_records(path)
    assert (value.value, value.conditions.cycles) == (90.0, 100)


def test_an_own_record_that_contradicts_a_carried_one_is_flagged(tmp_path):
    path = table(
        tmp_path,
        "TSC-LNCM,SC,discharge_capacity,=,251.0,mAh/g,current=25 mA/g,64",
        "TSC-LNCM,SC,rate_capacity,=,183.6,mAh/g,rate=3C,64",
    )
    wrong, right = load_records(path)
    assert "conflict" in wrong.flags
    assert "296.3" in wrong.note
    assert right.flags == ()


@given(st.text(max_size=80))
def test_any_words_of_conditions_are_kept_or_refused(text):
    try:
        conditions = parse_conditions(text)
    except InputError:  # UnitError is one
        return
    kept = str(conditions.other.get("stated", ""))
    for statement in (part.strip() for part in text.split(";")):
        if statement and "=" not in statement and statement not in ("initial", "first cycle"):
            assert statement in kept or conditions.method is not None


@given(st.integers(1, 5000), st.floats(0.01, 20).map(lambda x: round(x, 3)), st.floats(1, 3).map(lambda x: round(x, 2)))
def test_written_conditions_are_read_back(cycles, rate, low):
    read = parse_conditions(f"cycles={cycles}; rate={rate}C; window={low}-4.80 V; in an argon box")
    assert read == Conditions(
        cycles=cycles, rate_c=rate, voltage_lower_v=low, voltage_upper_v=4.8, other={"stated": "in an argon box"}
    )


def test_a_unit_that_does_not_fit_is_a_unit_error():
    with pytest.raises(UnitError):
        parse_conditions("current=20 V")


@given(st.binary(max_size=300))
def test_garbage_is_a_typed_error(tmp_path_factory, garbage):
    path = tmp_path_factory.mktemp("garbage") / "own.csv"
    path.write_bytes(HEADER.encode() + b"\n" + garbage)
    try:
        values = load_records(path)
    except LirichError:
        return
    assert all(v.origin is Origin.LITERATURE for v in values)


def test_initial_efficiencies_are_found_where_they_are_filed_under_another_name():
    found = query(quantity="initial_coulombic_efficiency")
    assert [v.provenance.parameters["record"] for v in found] == [74, 75]
    assert {v.quantity for v in found} == {"coulombic_efficiency"}  # what the source says is not changed
    said = filed_elsewhere(found, "initial_coulombic_efficiency")
    assert (
        said == "2 published values are filed under Coulombic efficiency (2 of a cycle that the source does not state)"
    )
    later = found[0].model_copy(update={"conditions": Conditions(cycle=50)})
    assert query([later], quantity="initial_coulombic_efficiency") == []
    assert query(quantity="coulombic_efficiency") == found
    assert filed_elsewhere(found, "coulombic_efficiency") == ""

"""Contradictions in the literature: the known ones are flagged on both sides, and the search finds them alone."""

from __future__ import annotations

import pytest

from lirich.model import Conditions, Interval, Operator, Origin, Provenance, Subject, Value
from lirich.store.literature import find_conflicts, load
from lirich.store.literature.conflicts import KNOWN, crystal_density_g_cm3, same_material, span


def record(value: Value) -> int:
    return int(value.provenance.parameters["record"])


@pytest.mark.parametrize(
    ("records", "said"),
    [
        ((18, 69), "97.4 % after 300"),
        ((27, 76), "80.5 %"),
        ((24, 74), "82.5 %"),
        ((78,), "volumetric capacity"),
        ((47,), "tapped"),
        ((31, 90, 96), "1000 Wh/kg"),
    ],
)
def test_known_contradictions_are_flagged_on_every_side(records, said):
    facts = {record(v): v for v in load()}
    for number in records:
        assert "conflict" in facts[number].flags
        assert said in facts[number].note
        for other in set(records) - {number}:
            assert str(other) in facts[number].note.split("against record", 1)[1]


def test_both_sides_are_kept():
    facts = {record(v): v for v in load()}
    assert (facts[18].value, facts[69].value) == (90.7, 97.4)
    assert (facts[27].conditions.cycles, facts[76].conditions.cycles) == (500, 400)


def test_the_search_finds_each_known_contradiction_and_no_other():
    found = {(c.kind, tuple(record(m) for m in c.members)) for c in find_conflicts(load())}
    assert found == {
        ("unlike-fade", (18, 69)),
        ("unlike-fade", (27, 76)),
        ("same-number", (24, 74)),
        ("unit-and-name", (78,)),
        ("impossible-density", (47,)),
        ("cell-above-material", (31, 96)),
    }
    for known in KNOWN:
        assert any(set(members) <= set(known.records) for _, members in found)


def fact(
    number, *, quantity="discharge_specific_capacity_mah_g", sample="A", ref="1", printed=None, unit="mAh/g", **more
):
    conditions = Conditions(**more.pop("conditions", {}))
    parameters = {"reference_numbers": ref, "value_printed": printed or f"{number}", "unit_printed": unit}
    return Value(
        quantity=quantity, value=number, subject=Subject(kind="material", key=sample), origin=Origin.LITERATURE,
        conditions=conditions, provenance=Provenance(source=f"ref. {ref}", parameters=parameters), **more,
    )  # fmt: skip


def kinds(*values):
    return [c.kind for c in find_conflicts(values)]


def test_one_material_with_two_numbers_is_a_contradiction():
    assert kinds(fact(250.0), fact(260.0)) == ["unlike-values"]
    assert kinds(fact(250.0), fact(260.0, ref="2")) == []
    assert kinds(fact(250.0), fact(260.0, sample="B")) == []
    assert kinds(fact(250.0), fact(260.0, sample="B (A)")) == ["unlike-values"]
    assert kinds(fact(250.0), fact(260.0, sample="pristine (A study)")) == []


def test_other_conditions_explain_other_numbers():
    slow, fast = {"conditions": {"current_ma_g": 25.0}}, {"conditions": {"current_ma_g": 250.0}}
    assert kinds(fact(250.0, **slow), fact(200.0, **fast)) == []
    assert kinds(fact(250.0, **slow), fact(200.0)) == ["unlike-values"]


def test_rounding_about_and_bounds_are_no_contradictions():
    assert kinds(fact(296.3), fact(296.4)) == []
    assert kinds(fact(250.0, operator=Operator.ABOUT), fact(260.0)) == []
    assert kinds(fact(250.0, operator=Operator.GREATER), fact(300.0)) == []
    assert kinds(fact(250.0, operator=Operator.GREATER), fact(200.0)) == ["unlike-values"]
    ends = Interval(low=240.0, high=260.0, method="range as printed")
    assert kinds(fact(250.0, operator=Operator.RANGE, interval=ends), fact(255.0)) == []
    assert kinds(fact(250.0, operator=Operator.RANGE, interval=ends), fact(265.0)) == ["unlike-values"]


def test_steps_of_a_study_are_no_contradictions():
    assert kinds(*(fact(x, quantity="li_tm_charge_ratio", unit="") for x in (1.575, 1.8))) == []


def retention(percent, cycles, **more):
    return fact(percent, quantity="capacity_retention", unit="%", conditions={"cycles": cycles, "rate_c": 1.0}, **more)


def test_retentions_of_one_fade_agree():
    assert kinds(retention(95.0, 100), retention(90.0, 200)) == []
    assert kinds(retention(95.0, 100), retention(96.0, 200)) == ["unlike-fade"]
    assert kinds(retention(99.0, 100), retention(80.0, 200)) == ["unlike-fade"]
    assert kinds(retention(99.0, 100), retention(80.0, 200, ref="2")) == []


def test_a_number_that_agrees_by_chance_is_no_contradiction():
    def ce(x, **more):
        return fact(x, quantity="coulombic_efficiency", unit="%", **more)

    assert kinds(retention(82.5, 300), ce(82.5)) == ["same-number"]
    assert kinds(retention(82.5, 300), ce(82.5, ref="2")) == []
    assert kinds(retention(90.0, 300, printed="90"), ce(90.0, printed="90")) == []


def test_the_density_of_the_crystal_is_that_of_li_rich_oxides():
    """Li1.2Mn0.54Ni0.13Co0.13O2, R-3m, a = 0.285 nm, c = 1.422 nm: about 4.2 g/cm³."""
    assert crystal_density_g_cm3("Li1.2Mn0.54Ni0.13Co0.13O2") == pytest.approx(4.25, abs=0.05)


def test_names_in_brackets_are_other_names():
    assert same_material(fact(1.0, sample="TSC-LNCM"), fact(1.0, sample="coated SCLRM (TSC-LNCM)"))
    assert not same_material(fact(1.0, sample="DL-LLO"), fact(1.0, sample="pristine (DL-LLO study)"))


def test_a_span_holds_the_number():
    for value in load():
        low, high = span(value)
        assert low <= value.value <= high

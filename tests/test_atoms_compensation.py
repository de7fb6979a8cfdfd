"""Which changes take up the charge of a dopant."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lirich.atoms.compensation import compensations, ion
from lirich.errors import NotNeutralError

METALS = {("Li", 1): 3, ("Mn", 4): 9, ("Ni", 2): 3}


def words(charge: int, kind: str, **more: object) -> list[str]:
    return [c.words for c in compensations(charge, METALS, kinds=(kind,), **more)]  # type: ignore[arg-type]


def test_nothing_is_needed_where_nothing_is_left_over() -> None:
    (only,) = compensations(0, METALS)
    assert only.kind == "none"
    assert only.words == "none needed"


def test_tungsten_on_manganese_takes_one_nickel_for_one_manganese_or_two_electrons() -> None:
    assert "Ni²⁺ for Mn⁴⁺" in words(2, "exchange")
    assert words(2, "redox") == ["2 × Mn⁴⁺ → Mn³⁺"]
    assert words(2, "li-vacancy", lithium=18) == ["2 × Li vacancy"]


def test_aluminium_on_manganese_oxidises_nickel() -> None:
    assert words(-1, "redox") == ["Ni²⁺ → Ni³⁺"]


def test_two_missing_charges_may_come_from_one_nickel_or_two() -> None:
    assert set(words(-2, "redox")) == {"Ni²⁺ → Ni⁴⁺", "2 × Ni²⁺ → Ni³⁺"}


def test_what_cannot_be_taken_up_says_why_for_each_kind() -> None:
    with pytest.raises(NotNeutralError, match="redox: the cell has no such ion") as caught:
        compensations(1, {("Ti", 4): 3}, kinds=("redox", "li-vacancy"), lithium=0)
    assert "li-vacancy: the cell has no such ion" in str(caught.value)
    with pytest.raises(NotNeutralError, match="li-vacancy: it can only make it worse"):
        compensations(-1, METALS, kinds=("li-vacancy",), lithium=18)
    with pytest.raises(NotNeutralError, match="no kind of change is allowed"):
        compensations(-1, METALS, kinds=())


def test_an_odd_charge_is_not_taken_up_by_vacancies_of_oxygen() -> None:
    with pytest.raises(NotNeutralError, match="charges of 2 do not add to 1"):
        compensations(-1, METALS, kinds=("o-vacancy",), oxygen=30)


def test_a_charge_beyond_three_changes_is_taken_up_by_more_of_them() -> None:
    """Two W6+ for Mn4+ leave +4: four Mn3+; a set of ten units is taken up by five Ni4+, as few as can be."""
    assert [c.words for c in compensations(4, {("Mn", 4): 16}, kinds=("redox",))] == ["4 × Mn⁴⁺ → Mn³⁺"]
    assert next(c.words for c in compensations(-10, {("Ni", 2): 6}, kinds=("redox",))) == "5 × Ni²⁺ → Ni⁴⁺"
    with pytest.raises(NotNeutralError, match="charges of 1, 2 do not add to 10 in 10 changes"):
        compensations(-10, {("Ni", 2): 4}, kinds=("redox",))


def test_ions_are_not_used_twice() -> None:
    few = {("Ni", 2): 1, ("Mn", 4): 5}
    assert [c.words for c in compensations(-2, few, kinds=("redox",))] == ["Ni²⁺ → Ni⁴⁺"]


@given(charge=st.integers(-4, 4), mn=st.integers(0, 9), ni=st.integers(0, 9), lithium=st.integers(0, 9))
def test_every_compensation_makes_the_cell_neutral(charge: int, mn: int, ni: int, lithium: int) -> None:
    metals = {("Mn", 4): mn, ("Ni", 2): ni, ("Li", 1): 3}
    try:
        found = compensations(charge, metals, lithium=lithium)
    except NotNeutralError:
        return
    assert found
    for each in found:
        assert charge + each.charge == 0
        for source, have in {**metals, ("Li", 1): 3 + lithium}.items():
            assert sum((c.element, c.before) == source for c in each.changes) <= have


def test_ions_are_written_as_people_do() -> None:
    assert [ion("Mn", 4), ion("O", -2), ion("Na", 1), ion("F", -1)] == ["Mn⁴⁺", "O²⁻", "Na⁺", "F⁻"]

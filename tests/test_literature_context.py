"""Where own values stand among published ones, and what is said of the conditions."""

from __future__ import annotations

import json

import pytest

from lirich.errors import UnknownNameError
from lirich.model import Conditions, Origin, Subject, Value
from lirich.store.literature import load
from lirich.workbench.comparison.context import in_words, standings

WINDOW = {"voltage_lower_v": 2.0, "voltage_upper_v": 4.8, "temperature_celsius": 25.0}
AT_1C = {"rate_c": 1.0, "one_c_ma_g": 250.0, "current_ma_g": 250.0}


def own(key: str, number: float, *, origin=Origin.MEASURED, **conditions):
    return Value(
        quantity=key, value=number, subject=Subject(kind="cell", key="SC-1"), origin=origin,
        conditions=Conditions(**{**WINDOW, **conditions}),
    )  # fmt: skip


def standing(value, literature=None):
    (found,) = standings([value], load() if literature is None else literature)
    return found


def test_a_voltage_decay_stands_between_the_published_ones():
    found = standing(own("voltage_decay_mv_per_cycle", 1.2, method="Theil–Sen"))
    place = found.among_all
    assert (place.n, place.below, place.above, place.open) == (3, 1, 2, 0)  # 0.7 | 1.95, 3.39 mV/cycle
    assert (place.best_rank, place.worst_rank) == (2, 2)  # lower is better
    assert place.percentile_low is None
    assert "ONLY 3 PUBLISHED VALUES" in found.sentence
    assert "would be the 2nd lowest beside 3 published values, " in found.sentence
    assert [n.value.value for n in found.nearest] == [0.7, 1.95, 3.39]


def test_no_fact_is_called_alike_that_does_not_state_its_window():
    found = standing(own("capacity_retention", 93.0, cycle=204, reference_cycle=4, **AT_1C))
    assert found.alike == 0
    assert set(found.never_stated) == set(WINDOW)
    assert "no source states temperature, lower voltage, upper voltage" in found.sentence


def test_retentions_after_other_numbers_of_cycles_are_unlike():
    found = standing(own("capacity_retention", 93.0, cycle=204, reference_cycle=4, **AT_1C))
    compatible = [n for n in found.nearest if n.likeness == "not stated"]
    assert {n.value.subject.key for n in compatible} == {"Li1.2Ni0.2Mn0.6O2", "NAS-LMNCO", "SCLRM", "PCLRM"}
    assert found.among_compatible.n == 2  # the other two do not state after how many cycles
    unlike = [n for n in found.nearest if n.likeness == "unlike"]
    assert unlike
    assert all(set(n.unlike) & {"cycles", "rate_c"} for n in unlike)


def test_facts_that_fully_agree_are_alike():
    facts = [
        v.model_copy(update={"conditions": Conditions(**WINDOW, **AT_1C, cycles=200)})
        for v in load()
        if v.quantity == "capacity_retention"
    ][:3]
    found = standing(own("capacity_retention", 93.0, cycle=204, reference_cycle=4, **AT_1C), facts)
    assert (found.alike, found.not_stated, found.unlike) == (3, 0, 0)


def test_what_1c_means_is_not_known_of_a_paper():
    found = standing(own("rate_capacity_mah_g", 160.0, **AT_1C))
    at_1c = [n for n in found.nearest if n.value.conditions.rate_c == 1.0]
    assert at_1c
    assert all("one_c_ma_g" in n.not_stated for n in at_1c)


def test_bounds_and_ranges_leave_the_rank_open():
    found = standing(own("volume_change", 6.0, cycle=1))
    assert (found.among_all.n, found.among_all.below, found.among_all.open) == (2, 1, 1)  # 1.59 %; 5–8 %
    found = standing(own("specific_capacity_mah_g", 300.0))
    assert found.among_all.open == 1  # > 225 mAh/g may be anything above
    assert (found.among_all.best_rank, found.among_all.worst_rank) == (1, 2)


def test_statements_about_kinds_and_theories_are_shown_but_never_ranked_against():
    found = standing(own("specific_capacity_mah_g", 300.0))
    assert found.statements
    assert all(v.subject.kind == "population" or "not-measured" in v.flags for v in found.statements)
    assert standings([own("theoretical_capacity_mah_g", 377.0)], load()) == []


def test_a_material_told_of_twice_counts_once():
    found = standing(own("discharge_specific_capacity_mah_g", 500.0, cycle=1))
    told = [v for v in load() if v.quantity == "discharge_specific_capacity_mah_g"]
    assert len(told) == 13
    assert found.among_all.n == 11  # 302.6 of DL-LLO and 296.3/296.4 of TSC-LNCM are there twice
    assert (found.among_all.best_rank, found.among_all.percentile_low) == (1, 100.0)


def test_an_aged_cell_is_not_set_among_fresh_ones():
    key = "discharge_specific_capacity_mah_g"
    fresh, aged = own(key, 260.0, cycle=1), own(key, 200.0, cycle=60)
    assert [s.value for s in standings([aged, fresh], load())] == [fresh]
    retained = [own("capacity_retention", 99.0, cycle=5), own("capacity_retention", 90.0, cycle=60)]
    assert [s.value for s in standings(retained, load())] == retained


def test_contradicting_numbers_count_both():
    after_50 = Conditions(cycles=50)
    facts = [
        v.model_copy(update={"conditions": after_50}) for v in load() if v.provenance.parameters["record"] in (18, 69)
    ]
    assert standing(own("capacity_retention", 95.0, cycles=50), facts).among_all.n == 2


def test_a_simulated_value_is_called_simulated():
    found = standing(own("voltage_decay_mv_per_cycle", 1.2, origin=Origin.SIMULATED))
    assert "(SIMULATED, " in found.sentence


def test_quantities_that_no_one_published_are_passed_over():
    assert standings([own("voltage_gap_v", 0.4)], load()) == []
    assert standings(load(), load()) == []
    both = [own("voltage_gap_v", 0.4), own("capacity_retention", 90.0)]
    assert [s.value.quantity for s in standings(both, load())] == ["capacity_retention"]
    assert standings(both, load(), quantities=["voltage_decay_mv_per_cycle"]) == []
    with pytest.raises(UnknownNameError):
        standings(both, load(), quantities=["voltage_decay"])


def test_a_standing_goes_to_json():
    found = standing(own("capacity_retention", 90.0, cycles=200))
    shown = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert shown["unit"] == "%"
    assert "would be the lowest beside 2 published values after about as many cycles" in shown["sentence"]


@pytest.mark.parametrize(
    ("conditions", "n", "why"),
    [
        ({"cycle": 21, "reference_cycle": 19}, 0, "it is after 2 cycles, and no published value after about as many"),
        ({}, 0, "it does not state after how many cycles"),
        ({"cycles": 195}, 2, ""),
        ({"cycles": 300}, 4, ""),
    ],
)
def test_a_retention_is_ranked_only_among_those_after_about_as_many_cycles(conditions, n, why):
    found = standing(own("capacity_retention", 99.0, **conditions))
    assert found.among_all.n == n
    assert why in found.unranked
    assert bool(found.unranked) is (n == 0)
    assert ("is not ranked: " in found.sentence) is (n == 0)
    if n == 0:
        assert found.among_compatible.n == 0


def test_a_capacity_at_a_rate_is_ranked_beside_that_rate_alone():
    slow = standing(own("rate_capacity_mah_g", 262.4, rate_c=0.1, current_ma_g=25.0, one_c_ma_g=250.0))
    assert slow.among == ()
    assert slow.sentence.startswith("SC-1: capacity at a rate 262.4 mAh/g (2.0–4.8 V, C/10, 25 °C) is not ranked: ")
    assert "none of 8 published values is known to be under like conditions; theirs: 1C to 5C" in slow.unranked
    at_1c = standing(own("rate_capacity_mah_g", 226.8, **AT_1C))
    assert [v.value for v in at_1c.among] == [197]  # the one that the review gives at 1C
    assert "would be higher than the 1 published value, " in at_1c.sentence
    assert "197 mAh/g (Li1.2Ni0.2Mn0.6O2). Not counted: 7 of other conditions (3C to 5C)." in at_1c.sentence
    unknown = standing(own("rate_capacity_mah_g", 170.0, current_ma_g=11.2))  # no word on what 1C means
    assert unknown.unranked


def test_capacities_at_unlike_currents_are_counted_but_not_ranked():
    found = standing(own("discharge_specific_capacity_mah_g", 274.8, cycle=1, rate_c=0.05, current_ma_g=12.5))
    assert [v.value for v in found.among] == [265]  # record 72 states no current
    assert (found.among_all.n, len(found.apart)) == (11, 10)
    assert "Not counted: 10 of other conditions (20 to 25 mA/g)" in found.sentence
    near = standing(own("discharge_specific_capacity_mah_g", 274.8, cycle=1, current_ma_g=25.0))
    assert all(v.conditions.current_ma_g in (None, 25) for v in near.among)
    assert len(near.among) > 5


def test_an_initial_efficiency_stands_beside_flagged_ones_and_says_so():
    values = [own("initial_coulombic_efficiency", 83.4, cycle=1), own("coulombic_efficiency", 83.4, cycle=1)]
    (found,) = standings(values, load())  # one number, one standing
    assert found.value.quantity == "initial_coulombic_efficiency"
    assert [v.provenance.parameters["record"] for v in found.among] == [74, 75]
    assert (
        "82.5 % (pristine (DL-LLO study), filed as Coulombic efficiency, cycle not stated, conflict)" in found.sentence
    )
    assert "90.3 % (DL-LLO, filed as Coulombic efficiency, cycle not stated)" in found.sentence
    alone = standing(own("coulombic_efficiency", 83.4, cycle=1))
    assert "82.5 % (pristine (DL-LLO study), cycle not stated, conflict)" in alone.sentence


def test_many_cells_are_said_in_few_lines():
    cells = []
    for i in range(10):
        of_cell = [
            own("voltage_decay_mv_per_cycle", 1.2 + 0.1 * i, rate_c=0.5),
            *(own("rate_capacity_mah_g", 260 - 40 * c, rate_c=c, one_c_ma_g=250.0) for c in (0.1, 0.2, 0.5, 1.0, 2.0)),
        ]
        cells += [v.model_copy(update={"subject": Subject(kind="cell", key=f"SC-{i}")}) for v in of_cell]
    lines = in_words(standings(cells, load()))
    assert len(lines) == 3  # decay; capacity at 1C; the other rates
    assert "SC-0 1.20\u00a0mV/cycle, SC-1 1.30\u00a0mV/cycle" in lines[0]
    assert lines[1].startswith("Capacity at a rate (2.0–4.8 V, 1C, 25 °C): SC-0 220.0\u00a0mAh/g, ")
    assert "SC-7 and 2 more (40 values, 2.0–4.8 V, C/10 to 2C, 25 °C) is not ranked: " in lines[2]

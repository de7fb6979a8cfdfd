"""Comparison of groups of cells: what is compared, what is refused, and what is said."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lirich.cli.comparison import show_comparison
from lirich.cli.output import show_findings
from lirich.errors import InputError, NotEnoughDataError, UnknownNameError
from lirich.model import Conditions, Interval, Operator, Origin, Subject, Value
from lirich.model.format import condition_name
from lirich.workbench.comparison.comparable import classes, shared, unlike
from lirich.workbench.comparison.compare import Comparison, ComparisonRow, Contrast, compare
from lirich.workbench.comparison.shown import told
from lirich.workbench.comparison.statistics import hedges_g, permutation_test, welch_difference

WINDOW = {"voltage_lower_v": 2.0, "voltage_upper_v": 4.8, "current_ma_g": 250.0, "temperature_celsius": 25.0}


def value(
    cell: str, key: str, number: float, *, origin=Origin.MEASURED, flags=(), operator=Operator.EQUAL, **conditions
):
    return Value(
        quantity=key, value=number, subject=Subject(kind="cell", key=cell), origin=origin, flags=flags,
        operator=operator, conditions=Conditions(**{**WINDOW, **conditions}),
    )  # fmt: skip


def ice(cell: str, number: float, **more):
    return value(cell, "initial_coulombic_efficiency", number, cycle=1, **more)


SC, PC = [83.1, 83.4, 83.9, 84.2], [80.0, 80.3, 81.1, 81.5]
GROUPS = {f"SC-{i}": "SC" for i in range(4)} | {f"PC-{i}": "PC" for i in range(4)}


def ices(sc=SC, pc=PC, **more):
    return [ice(f"SC-{i}", x, **more) for i, x in enumerate(sc)] + [ice(f"PC-{i}", x, **more) for i, x in enumerate(pc)]


def only_row(comparison: Comparison) -> tuple[ComparisonRow, Contrast]:
    (row,) = comparison.rows
    (contrast,) = row.contrasts
    return row, contrast


def codes(comparison: Comparison) -> set[str]:
    return {f.code for f in comparison.findings}


def test_a_comparison_is_what_its_statistics_say():
    row, contrast = only_row(compare(ices(), GROUPS))
    assert [g.group for g in row.groups] == ["SC", "PC"]
    assert [g.n for g in row.groups] == [4, 4]
    assert row.groups[0].mean == pytest.approx(np.mean(SC))
    assert row.groups[1].sd == pytest.approx(np.std(PC, ddof=1))
    difference, g = welch_difference(SC, PC), hedges_g(SC, PC)
    assert contrast.difference == difference.value == pytest.approx(np.mean(SC) - np.mean(PC))
    assert contrast.difference_interval == difference.interval
    assert g is not None
    assert contrast.effect_size == g.value
    assert contrast.effect_size_interval == g.interval
    assert contrast.p == permutation_test(SC, PC).p == pytest.approx(2 / 70)
    assert contrast.p_corrected == contrast.smallest_p == pytest.approx(2 / 70)
    assert contrast.favours == "SC"
    assert not row.refused


def test_lower_is_better_where_the_vocabulary_says_so():
    values = [value(c, "voltage_decay_mv_per_cycle", 1.0 + i, method="Theil–Sen") for i, c in enumerate(GROUPS)]
    assert only_row(compare(values, GROUPS))[1].favours == "SC"
    values = [value(c, "plateau_capacity_mah_g", 90.0 + i) for i, c in enumerate(GROUPS)]
    assert only_row(compare(values, GROUPS))[1].favours is None


@pytest.mark.parametrize(
    ("field", "other"),
    [
        ("voltage_upper_v", 4.6),
        ("current_ma_g", 25.0),
        ("temperature_celsius", 55.0),
        ("temperature_celsius", None),
        ("method", "charge/discharge"),
        ("voltage_lower_v", 2.5),
    ],
)
def test_unlike_conditions_are_refused_and_named(field, other):
    values = [ice(f"SC-{i}", x) for i, x in enumerate(SC)]
    values += [ice(f"PC-{i}", x, **{field: other}) for i, x in enumerate(PC)]
    refused = compare(values, GROUPS)
    row, contrast = only_row(refused)
    assert row.refused
    assert contrast.unlike == (field,)
    assert condition_name(field) in contrast.refused
    assert contrast.p is contrast.difference is contrast.effect_size is None
    assert "unlike-conditions" in codes(refused)
    assert refused.tests == 0

    forced = compare(values, GROUPS, force=True)
    row, contrast = only_row(forced)
    assert contrast.forced
    assert contrast.unlike == (field,)
    assert contrast.p == pytest.approx(2 / 70)
    assert any("FORCED" in w for w in row.warnings)
    assert "forced-comparison" in codes(forced)


def test_measured_and_simulated_are_never_mixed_in_silence():
    values = [ice(f"SC-{i}", x) for i, x in enumerate(SC)]
    values += [ice(f"PC-{i}", x, origin=Origin.SIMULATED) for i, x in enumerate(PC)]
    _, contrast = only_row(compare(values, GROUPS))
    assert contrast.unlike == ("origin",)
    assert "measured against simulated" in contrast.refused
    row, contrast = only_row(compare(values, GROUPS, force=True))
    assert contrast.p is not None
    assert any("MIXED ORIGINS: measured and simulated" in w for w in row.warnings)
    assert [g.origins for g in row.groups] == [(Origin.MEASURED,), (Origin.SIMULATED,)]


def test_a_cell_under_other_conditions_is_left_out_and_named():
    values = [v for v in ices() if v.subject.key != "SC-3"] + [ice("SC-3", 84.2, voltage_upper_v=4.6)]
    row, contrast = only_row(compare(values, GROUPS))
    assert [g.n for g in row.groups] == [3, 4]
    assert any("SC-3 (SC) left out: upper voltage (4.6 V against 4.8 V)" in w for w in row.warnings)
    assert contrast.smallest_p == pytest.approx(1 / 35)
    row, _ = only_row(compare(values, GROUPS, force=True))
    assert [g.n for g in row.groups] == [4, 4]


def test_few_cells_are_said_loudly():
    comparison = compare(ices(SC[:2], PC), {k: v for k, v in GROUPS.items() if k not in ("SC-2", "SC-3")})
    row, contrast = only_row(comparison)
    assert any(w.startswith("ONLY 2 CELLS IN SC") for w in row.warnings)
    assert any(f.code == "few-cells" and f.message.startswith("ONLY 2 CELLS IN SC") for f in comparison.findings)
    assert contrast.p is not None


def test_one_cell_has_no_p_no_interval_and_no_effect_size():
    comparison = compare(ices(SC[:1], PC), {k: v for k, v in GROUPS.items() if k not in ("SC-1", "SC-2", "SC-3")})
    row, contrast = only_row(comparison)
    assert contrast.difference == pytest.approx(SC[0] - np.mean(PC))
    assert contrast.p is contrast.p_corrected is contrast.effect_size is contrast.difference_interval is None
    assert row.groups[0].interval is None
    assert any(w.startswith("ONLY 1 CELL IN SC") for w in row.warnings)


def test_few_values_of_many_cells_are_not_called_few_cells():
    comparison = compare(ices(SC[:1], PC), GROUPS)
    (few,) = [f for f in comparison.findings if f.code == "few-cells"]
    assert few.message.startswith("ONLY 1 OF THE 4 CELLS OF SC HAS A COMPARABLE VALUE")
    unlike = [*ices(SC, []), *(ice(f"PC-{i}", x, voltage_upper_v=4.3) for i, x in enumerate(PC))]
    none = compare(unlike, GROUPS)
    assert {f.message for f in none.findings if f.code == "few-cells"} == {
        "No value of the 4 cells in the group SC could be compared",
        "No value of the 4 cells in the group PC could be compared",
    }
    assert "no test was possible" in none.method


def test_values_that_no_analysis_gave_are_not_asked_to_be_analysed():
    with pytest.raises(NotEnoughDataError) as error:
        compare(ices(), GROUPS, quantities=["voltage_decay_mv_per_cycle"])
    assert "voltage decay" in str(error.value)
    assert "Analyse" not in error.value.advice


def test_a_hopeless_test_is_called_hopeless():
    groups = {k: v for k, v in GROUPS.items() if not k.endswith("3")}
    comparison = compare(ices(SC[:3], PC[:3]), groups)
    (finding,) = [f for f in comparison.findings if f.code == "smallest-p"]
    assert finding.severity == "warning"
    assert "0.1 at best" in finding.message
    assert only_row(comparison)[1].p == pytest.approx(0.1)


def test_several_values_of_a_cell_count_once():
    values = [*ices(), ice("SC-0", 85.1)]
    row, _ = only_row(compare(values, GROUPS))
    assert row.groups[0].n == 4
    assert row.groups[0].values[0] == pytest.approx((83.1 + 85.1) / 2)
    assert any("several values of SC-0" in w for w in row.warnings)


def test_bounds_and_unsound_values_are_left_out_and_named():
    values = [v for v in ices() if v.subject.key != "SC-0"]
    values += [ice("SC-0", 99.0, flags=("first-charge-partial",))]
    comparison = compare(values, GROUPS)
    assert only_row(comparison)[0].groups[0].n == 3
    assert any(f.code == "value-left-out" and f.where == "SC-0" for f in comparison.findings)
    values[-1] = ice("SC-0", 99.0, operator=Operator.GREATER)
    assert only_row(compare(values, GROUPS))[0].groups[0].n == 3


def test_other_flags_stay_and_are_shown():
    values = [v for v in ices() if v.subject.key != "SC-0"] + [ice("SC-0", 83.1, flags=("out-of-validity",))]
    row, _ = only_row(compare(values, GROUPS))
    assert row.groups[0].n == 4
    assert "flagged out-of-validity: SC-0" in row.warnings


def test_cells_without_a_value_are_named():
    row, _ = only_row(compare([v for v in ices() if v.subject.key != "PC-1"], GROUPS))
    assert "no value of PC-1" in row.warnings


def test_each_state_of_charge_is_a_row_of_its_own_even_by_force():
    values = [
        value(cell, "hysteresis_at_soc_v", 0.3 + 0.01 * i + soc / 1000, soc_percent=soc)
        for i, cell in enumerate(GROUPS)
        for soc in (25.0, 50.0, 75.0)
    ]
    for force in (False, True):
        comparison = compare(values, GROUPS, force=force)
        assert [row.conditions.soc_percent for row in comparison.rows] == [25.0, 50.0, 75.0]
        assert not any(c.forced for row in comparison.rows for c in row.contrasts)


def test_peaks_are_matched_by_voltage_within_a_tenth_of_a_volt():
    def peak(cell, volt):
        label = f"{volt:.2f} V"
        return value(cell, "dqdv_peak_voltage_v", volt, method=f"dQ/dV; {label} peak", cycle=4, other={"peak": label})

    values = [peak(cell, 3.25 + 0.005 * i) for i, cell in enumerate(GROUPS)]
    values += [peak(cell, 3.75 + 0.005 * i) for i, cell in enumerate(GROUPS)]
    rows = compare(values, GROUPS).rows
    assert len(rows) == 2
    assert [round(float(r.conditions.other["peak"].removesuffix(" V")), 1) for r in rows] == [3.3, 3.8]
    assert all(not r.refused for r in rows)


@pytest.mark.parametrize(("cycles", "alike"), [(60, True), (46, True), (44, False), (76, True), (82, False)])
def test_spans_may_differ_by_a_quarter(cycles, alike):
    one, other = (Conditions(other={"first_cycle": 4, "last_cycle": 4 + n}) for n in (60, cycles))
    assert (unlike("voltage_decay_mv_per_cycle", one, other) == ()) == alike


@pytest.mark.parametrize(("volt", "alike"), [(3.25, True), (3.34, True), (3.36, False), (3.14, False)])
def test_peaks_may_stand_a_tenth_of_a_volt_apart(volt, alike):
    one, other = (Conditions(other={"peak": f"{v:.2f} V"}) for v in (3.25, volt))
    assert (unlike("dqdv_peak_voltage_v", one, other) == ()) == alike


def test_a_slope_wants_a_like_span_and_a_retention_the_same_cycle():
    def slope(last):
        return Conditions(**WINDOW, method="Theil–Sen", other={"first_cycle": 4, "last_cycle": last, "n": last - 3})

    key = "voltage_decay_mv_per_cycle"
    assert unlike(key, slope(60), slope(56)) == ()
    assert unlike(key, slope(60), slope(200)) == ("cycles",)
    one, other = (Conditions(**WINDOW, cycle=n, reference_cycle=4) for n in (60, 58))
    assert unlike("capacity_retention", one, other) == ("cycle",)


def test_over_which_cycles_a_slope_was_taken_is_said_where_it_is_not_compared():
    slopes = [
        value(cell, "voltage_decay_mv_per_cycle", 1.0, other={"first_cycle": 1, "last_cycle": last, "n": last})
        for cell, last in (("SC-0", 4), ("PC-0", 60))
    ]
    (refused,) = [row.contrasts[0] for row in compare(slopes, GROUPS).rows]
    (cycles,) = refused.differing
    assert (cycles.a, cycles.b) == ("4 (1 to 4)", "60 (1 to 60)")


def test_a_diffusivity_wants_the_same_radius():
    one, other = (Conditions(method="GITT", particle_radius_m=r) for r in (1e-6, 2e-7))
    assert unlike("lithium_diffusivity_m2_s", one, other) == ("particle_radius_m",)
    assert unlike("theoretical_capacity_mah_g", one, other) == ()


def test_what_1c_means_matters_unless_the_current_is_known():
    one = Conditions(rate_c=1.0, one_c_ma_g=250.0)
    assert unlike("capacity_retention", one, Conditions(rate_c=1.0, one_c_ma_g=200.0)) == ("one_c_ma_g",)
    assert unlike("capacity_retention", one, Conditions(rate_c=0.2, one_c_ma_g=250.0)) == ("rate_c",)
    known = Conditions(rate_c=1.0, one_c_ma_g=250.0, current_ma_g=250.0)
    assert unlike("capacity_retention", known, Conditions(rate_c=1.25, one_c_ma_g=200.0, current_ma_g=250.0)) == ()


def test_a_cell_without_a_value_is_said_though_its_name_is_part_of_another():
    """SC-10 is left out and named; SC-1 has no value, and its name stands in that of SC-10."""
    groups = {f"{g}-{i}": g for g in ("SC", "PC") for i in (1, 2, 3, 10)}
    values = [
        ice(c, 83.0 + i, voltage_upper_v=4.6 if c == "SC-10" else 4.8) for i, c in enumerate(groups) if c != "SC-1"
    ]
    row, _ = only_row(compare(values, groups))
    assert any(w.startswith("SC-10 (SC) left out") for w in row.warnings)
    assert "no value of SC-1" in row.warnings


def test_a_slow_charge_beside_a_fast_discharge_is_another_test():
    even = Conditions(**WINDOW)
    slow, slower = (Conditions(**WINDOW, other={"charge_current_ma_g": x}) for x in (50.0, 25.0))
    assert unlike("coulombic_efficiency", even, slow) == ("charge_current_ma_g",)
    assert unlike("coulombic_efficiency", slow, slower) == ("charge_current_ma_g",)
    assert unlike("coulombic_efficiency", slow, slow) == ()


def test_the_grid_of_a_peak_height_matters():
    fine, coarse = (Conditions(**WINDOW, other={"grid_step_v": x, "window_v": 0.03}) for x in (0.002, 0.005))
    assert unlike("dqdv_peak_height_mah_g_v", fine, coarse) == ("grid_step_v",)


def test_segments_differ_by_purpose_not_by_numeral():
    def of(segment):
        return Conditions(segment=segment)

    assert unlike("mid_voltage_v", of("ageing-1"), of("ageing-2")) == ()
    assert unlike("mid_voltage_v", of("ageing"), of("formation")) == ("segment",)


CONDITIONS = st.builds(
    Conditions,
    cycle=st.none() | st.integers(1, 3),
    rate_c=st.none() | st.sampled_from([0.1, 1.0]),
    current_ma_g=st.none() | st.sampled_from([25.0, 250.0]),
    one_c_ma_g=st.none() | st.sampled_from([200.0, 250.0]),
    voltage_upper_v=st.none() | st.sampled_from([4.6, 4.8]),
    segment=st.none() | st.sampled_from(["ageing", "ageing-2", "formation"]),
    method=st.none() | st.sampled_from(["a", "b"]),
    other=st.dictionaries(st.sampled_from(["peak", "last_cycle", "first_cycle"]), st.integers(0, 9)),
)
KEYS = st.sampled_from(["voltage_decay_mv_per_cycle", "capacity_retention", "dqdv_peak_voltage_v", "mid_voltage_v"])


@given(KEYS, CONDITIONS, CONDITIONS)
@settings(deadline=None)
def test_unlike_is_symmetric_and_nothing_is_unlike_itself(key, a, b):
    assert set(unlike(key, a, b)) == set(unlike(key, b, a))
    assert unlike(key, a, a) == ()


@given(KEYS, st.lists(CONDITIONS, min_size=1, max_size=8))
@settings(deadline=None, max_examples=50)
def test_classes_split_values_into_sets_that_are_alike(key, conditions):
    values = [
        Value(quantity=key, value=i, subject=Subject(kind="cell", key=f"c{i}"), conditions=c, origin=Origin.MEASURED)
        for i, c in enumerate(conditions)
    ]
    found = classes(key, values)
    assert sorted(v.subject.key for c in found for v in c) == sorted(v.subject.key for v in values)
    for members in found:
        assert all(unlike(key, a.conditions, b.conditions) == () for a in members for b in members)
        shared(members)
    assert classes(key, values[::-1]) == found


def test_three_groups_are_compared_pair_by_pair():
    groups = GROUPS | {f"x-{i}": "coated" for i in range(4)}
    values = [*ices(), *(ice(f"x-{i}", 82.0 + 0.1 * i) for i in range(4))]
    comparison = compare(values, groups)
    (row,) = comparison.rows
    assert [(c.a, c.b) for c in row.contrasts] == [("SC", "PC"), ("SC", "coated"), ("PC", "coated")]
    assert comparison.tests == 3
    assert all(c.p_corrected == pytest.approx(3 * 2 / 70) for c in row.contrasts)


def test_a_third_group_under_other_conditions_is_refused_alone():
    groups = GROUPS | {f"x-{i}": "coated" for i in range(4)}
    values = [*ices(), *(ice(f"x-{i}", 82.0, voltage_upper_v=4.6) for i in range(4))]
    compared, refused = compare(values, groups).rows
    assert [(c.a, c.b) for c in compared.contrasts] == [("SC", "PC")]
    assert [(c.a, c.b, c.unlike) for c in refused.contrasts] == [
        ("SC", "coated", ("voltage_upper_v",)), ("PC", "coated", ("voltage_upper_v",)),
    ]  # fmt: skip


def test_what_was_refused_is_told_condition_by_condition_and_once_for_like_figures():
    groups = GROUPS | {f"x-{i}": "coated" for i in range(4)}
    values = [*ices(), *(ice(f"x-{i}", 82.0, voltage_upper_v=4.6, method="a, b") for i in range(4))]
    both = [*values, *(v.model_copy(update={"quantity": "irreversible_capacity_mah_g"}) for v in values)]
    made = compare(both, groups)
    first, second = told(made).refused
    assert first.figures == ("initial Coulombic efficiency", "first-cycle irreversible capacity")
    assert [(each.a, each.b) for each in (first, second)] == [("SC", "coated"), ("PC", "coated")]
    assert [(d.condition, d.a, d.b) for d in first.differing] == [
        ("upper voltage", "4.8 V", "4.6 V"), ("method", "not stated", "a, b"),
    ]  # fmt: skip
    assert "method (not stated against a, b)" in str(made)
    assert ">SC: 4.8 V</td>" in made._repr_html_()
    assert Comparison.from_json(made.to_json()) == made


def test_a_row_says_of_which_pair_a_refusal_is_where_they_differ():
    groups = GROUPS | {f"x-{i}": "coated" for i in range(4)}
    values = [ice(c, 80.0 + n, voltage_upper_v={"SC": 4.8, "PC": 4.6, "coated": 4.4}[g])
              for n, (c, g) in enumerate(groups.items())]  # fmt: skip
    (row,) = compare(values, groups).rows
    assert row.why_refused.split(". ")[1] == "SC and coated: unlike conditions: upper voltage (4.8 V against 4.4 V)"


def test_groups_that_are_numbers_stand_in_their_order():
    groups = {"a": "10", "b": "2", "c": "0.5"}
    values = [ice(cell, 80.0 + i) for i, cell in enumerate(groups)]
    assert compare(values, groups).groups == ("0.5", "2", "10")


def test_absolute_charges_are_compared_only_when_asked_for():
    values = [*ices(), *(value(c, "discharge_capacity_mah", 1.0 + i, cycle=1) for i, c in enumerate(GROUPS))]
    assert {r.quantity for r in compare(values, GROUPS).rows} == {"initial_coulombic_efficiency"}
    asked = compare(values, GROUPS, quantities=["discharge_capacity_mah"])
    assert {r.quantity for r in asked.rows} == {"discharge_capacity_mah"}


def test_a_rate_capability_at_its_own_reference_is_no_figure():
    values = [
        value(cell, "rate_capability", percent, current_ma_g=current, other={"reference_current_ma_g": 25.0})
        for i, cell in enumerate(GROUPS)
        for current, percent in ((25.0, 100.0), (250.0, 80.0 + i))
    ]
    values += [v.model_copy(update={"conditions": v.conditions.model_copy(update={"current_ma_g": 25.0 + 1e-9})})
               for v in values if v.value == 100.0]  # fmt: skip
    (row,) = compare(values, GROUPS).rows
    assert row.conditions.current_ma_g == 250.0


def test_a_median_over_pulses_stands_for_its_pulses():
    key = "lithium_diffusivity_m2_s"
    medians = [value(c, key, 1e-15 * (i + 1), other={"statistic": "median over pulses"}) for i, c in enumerate(GROUPS)]
    pulses = [value(c, key, 1e-15 * (i + 1), soc_percent=soc) for i, c in enumerate(GROUPS) for soc in (20.0, 40.0)]
    assert len(compare([*medians, *pulses], GROUPS).rows) == 1
    assert len(compare(pulses, GROUPS, quantities=[key]).rows) == 2


def test_what_cannot_be_compared_is_said(capsys):
    values = [*ices(), value("SC-0", "voltage_gap_v", 0.4), value("SC-0", "voltage_gap_v", 0.5, cycle=3)]
    comparison = compare(values, GROUPS)
    (finding,) = [f for f in comparison.findings if f.code == "one-group-only"]
    assert finding.message == "only SC has values of mean-voltage gap"
    show_findings([finding])
    assert "voltage_gap_v" not in capsys.readouterr().out
    asked = compare(values, GROUPS, quantities=["initial_coulombic_efficiency", "mid_voltage_v"])
    (none,) = [f for f in asked.findings if f.code == "no-value"]
    assert none.message.startswith(f"{none.where} was asked for")


def test_the_better_group_of_a_part_below_zero_is_told_to_be_that_of_the_part_alone():
    """A gap between charge and discharge that closes is less polarisation, not less voltage decay."""
    numbers = {"structural": (1.6, 3.8), "polarisation": (0.14, -0.89)}
    values = [
        value(cell, f"{part}_voltage_decay_mv_per_cycle", both[group == "PC"] + 0.01 * i, segment="ageing")
        for part, both in numbers.items()
        for i, (cell, group) in enumerate(GROUPS.items())
    ]
    structural, polarisation = sorted(compare(values, GROUPS).rows, key=lambda row: row.quantity, reverse=True)
    assert [row.contrasts[0].favours for row in (structural, polarisation)] == ["SC", "PC"]
    assert not any("below zero" in text for text in structural.warnings)
    (said,) = [text for text in polarisation.warnings if text.startswith("below zero in PC: the gap")]
    assert "for this part alone" in said


def test_cells_of_one_sample_are_no_replicates_of_a_morphology():
    comparison = compare(ices(), GROUPS, samples={c: "batch 1" if g == "SC" else c for c, g in GROUPS.items()})
    (finding,) = [f for f in comparison.findings if f.code == "one-sample"]
    assert finding.where == "SC"
    assert "batch 1" in finding.message


def test_a_group_that_is_a_sample_is_not_told_that_it_is_of_one_sample():
    assert "one-sample" in codes(compare(ices(), GROUPS, samples=GROUPS, by="morphology"))
    assert "one-sample" not in codes(compare(ices(), GROUPS, samples=GROUPS, by="sample"))


def test_a_group_says_where_its_values_come_from(capsys, monkeypatch):
    def printed(comparison):
        monkeypatch.setenv("COLUMNS", "200")
        show_comparison(comparison)
        return capsys.readouterr().out

    measured = compare(ices(), GROUPS, by="morphology")
    assert measured.groups_in_words == ("SC", "PC")
    assert "simulated" not in printed(measured)
    simulated = compare(ices(origin=Origin.SIMULATED), GROUPS, by="morphology")
    assert simulated.to_dict()["origins"] == {"SC": ["simulated"], "PC": ["simulated"]}
    assert "By morphology: SC (simulated), PC (simulated)" in printed(simulated)
    # of SC the efficiencies are measured and the voltage gaps simulated: the head says both, each row its own
    gaps = [v.model_copy(update={"quantity": "voltage_gap_v", "origin": Origin.SIMULATED}) for v in ices()]
    mixed = printed(compare([*ices(), *gaps], GROUPS, by="morphology"))
    assert "SC (measured and simulated)" in mixed
    (efficiency,), (gap,) = (
        [line for line in mixed.splitlines() if line.startswith(name)] for name in ("init", "mean")
    )
    assert "simulated" not in efficiency
    assert gap.count("(n = 4, simulated)") == 2


def test_other_subjects_and_cells_are_passed_over():
    values = [*ices(), ice("stranger", 1.0)]
    values.append(values[0].model_copy(update={"subject": Subject(kind="material", key="SC-0"), "value": 1.0}))
    assert only_row(compare(values, GROUPS))[0].groups[0].mean == pytest.approx(np.mean(SC))


def test_what_cannot_be_asked():
    with pytest.raises(NotEnoughDataError):
        compare(ices(), dict.fromkeys(GROUPS, "SC"))
    with pytest.raises(NotEnoughDataError):
        compare([], GROUPS)
    with pytest.raises(UnknownNameError, match="initial_coulombic_efficiency"):
        compare(ices(), GROUPS, quantities=["initial_columbic_efficiency"])
    with pytest.raises(InputError):
        compare(ices(), GROUPS, correction="bonferroni")  # type: ignore[arg-type]
    with pytest.raises(InputError):
        compare(ices(), GROUPS, level=95)


def test_a_comparison_goes_to_json_and_back():
    comparison = compare(ices(), GROUPS, by="morphology")
    assert Comparison.from_json(comparison.to_json()) == comparison
    shown = json.loads(json.dumps(comparison.to_dict(), allow_nan=False))
    assert shown["by"] == "morphology"
    assert shown["rows"][0]["unit"] == "%"
    assert shown["rows"][0]["refused"] is False
    assert "Welch" in comparison.method


def test_the_order_of_the_values_does_not_matter():
    values = ices() + [value(c, "mid_voltage_v", 3.6 + 0.01 * i, cycle=4) for i, c in enumerate(GROUPS)]
    forward, backward = compare(values, GROUPS), compare(values[::-1], GROUPS)
    assert forward == backward


def test_holm_can_be_chosen():
    values = ices() + [value(c, "mid_voltage_v", (3.6, 3.62, 3.61, 3.63)[i % 4], cycle=4) for i, c in enumerate(GROUPS)]
    comparison = compare(values, GROUPS, correction="holm")
    assert sorted(r.contrasts[0].p_corrected for r in comparison.rows) == pytest.approx([2 * 2 / 70, 1.0])


def test_an_interval_has_the_level_asked_for():
    row, contrast = only_row(compare(ices(), GROUPS, level=0.8))
    assert isinstance(row.groups[0].interval, Interval)
    assert row.groups[0].interval.level == 0.8
    assert contrast.difference_interval is not None
    assert contrast.difference_interval.level == 0.8


@pytest.mark.slow
def test_false_alarms_of_a_whole_comparison_are_nominal():
    """5 against 5 cells, six quantities of the same cells, no difference at all: one run in twenty may alarm."""
    rng = np.random.default_rng(12)
    groups = {f"SC-{i}": "SC" for i in range(5)} | {f"PC-{i}": "PC" for i in range(5)}
    keys = ["initial_coulombic_efficiency", "mid_voltage_v", "voltage_gap_v", "low_voltage_share",
            "discharge_specific_capacity_mah_g", "energy_efficiency"]  # fmt: skip
    runs, alarms = 250, 0
    for _ in range(runs):
        level = {cell: rng.normal() for cell in groups}
        values = [value(c, key, level[c] + rng.normal(), cycle=1) for c in groups for key in keys]
        comparison = compare(values, groups)
        assert comparison.tests == len(keys)
        alarms += any((c.p_corrected or 1) <= 0.05 for row in comparison.rows for c in row.contrasts)
    assert alarms / runs <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / runs)
    assert alarms / runs >= 0.05 - 3 * math.sqrt(0.05 * 0.95 / runs)


@pytest.mark.slow
def test_a_real_difference_is_found():
    """Among ten quantities one differs by four standard deviations, 5 against 5 cells: found nearly always."""
    rng = np.random.default_rng(13)
    groups = {f"SC-{i}": "SC" for i in range(5)} | {f"PC-{i}": "PC" for i in range(5)}
    keys = ["initial_coulombic_efficiency", "mid_voltage_v", "voltage_gap_v", "low_voltage_share", "rate_recovery",
            "discharge_specific_capacity_mah_g", "energy_efficiency", "plateau_capacity_mah_g",
            "slope_capacity_mah_g", "irreversible_capacity_mah_g"]  # fmt: skip
    runs, found = 40, 0
    for _ in range(runs):
        values = [
            value(c, key, rng.normal() + (5.0 if key == keys[0] and g == "SC" else 0.0), cycle=1)
            for c, g in groups.items()
            for key in keys
        ]
        rows = {r.quantity: r for r in compare(values, groups).rows}
        found += (rows[keys[0]].contrasts[0].p_corrected or 1) <= 0.05
    assert found / runs > 0.8


def rates(cells: dict[str, float], low: dict[str, float] | None = None):
    return [
        value(
            cell, "rate_capability", 80.0 + i, rate_c=rate, current_ma_g=250 * rate,
            voltage_lower_v=(low or {}).get(cell, 2.0),
        )
        for i, (cell, rate) in enumerate(cells.items())
    ]  # fmt: skip


def test_a_mean_has_the_decimals_of_its_interval():
    made = compare(ices(), GROUPS)
    row = told(made).rows[0]
    assert row.a == "SC: 83.65 ± 0.78 (n = 4)"
    assert row.b == "PC: 80.7 ± 1.1 (n = 4)"
    wide = compare(ices(sc=[-3.0, -3.1, -2.9, -3.2], pc=[1.0, 1.1, 0.9, 1.2]), GROUPS)
    assert told(wide).rows[0].effect.startswith("−")  # a minus, not a hyphen, as in a report
    assert '"effect_size": -' in json.dumps(wide.to_dict())


def test_cells_at_other_rates_are_named_with_their_rates():
    slower = {cell: 1.2 if cell == "SC-0" else 1.0 for cell in GROUPS}
    (row,) = compare(rates(slower), GROUPS).rows
    assert "no value of SC-0 (SC) at this rate; it has 1.2C" in row.warnings
    assert not any(text == "no value of SC-0" for text in row.warnings)


def test_what_is_not_compared_names_its_rate_and_its_cells():
    slower = {cell: 1.2 if cell in ("SC-0", "PC-0") else 1.0 for cell in GROUPS}
    made = compare(rates(slower, {"SC-0": 2.0, "PC-0": 2.5}), GROUPS)
    (refused,) = told(made).refused
    assert refused.figures == ("rate capability (1.2C)",)
    assert (refused.a, refused.b) == ("SC: SC-0", "PC: PC-0")


def test_a_notebook_says_once_what_is_noticed_of_many_cells():
    bounds = [ice(cell, 90.0, operator=Operator.GREATER) for cell in ("SC-0", "SC-1", "PC-0")]
    made = compare([*ices()[2:4], *ices()[5:], *bounds], GROUPS)
    assert sum(f.code == "value-left-out" for f in made.findings) == 3
    shown = made._repr_html_()
    assert shown.count("value-left-out") == 1
    assert "SC-0, SC-1, PC-0: initial Coulombic efficiency of each is not compared" in shown

"""Steps, cycles and protocol of programmes whose truth is known."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from cycler_programme import HOUR, Programme
from lirich.cycling import Correction, CyclingSettings, analyse, annotate, cycle_table, halffigures
from lirich.cycling.analysis import analyse as analyse_in_home
from lirich.cycling.cyclefigures import ANODE_ENERGY
from lirich.cycling.lowvoltage import capacity_above
from lirich.errors import InconsistentDataError, MissingColumnError, NotEnoughDataError
from lirich.model import Cell, Electrode, Sample

CATHODE = Cell(key="c", electrode="cathode", active_mass_mg=5.0, one_c_ma_g=200.0)


def kinds(result: object) -> list[tuple[str, int, int]]:
    return [(s.kind, s.first_cycle, s.last_cycle) for s in result.segments if s.purpose]  # type: ignore[attr-defined]


def codes(result: object) -> list[str]:
    return [f.code for f in result.findings]  # type: ignore[attr-defined]


def test_charge_energy_and_voltages_of_a_known_cycle() -> None:
    run = Programme(resistance_ohm=100.0).cycles(2, 0.5)
    row = cycle_table(run.table(), active_mass_mg=5.0, one_c_ma_g=200.0).row(1, named=True)
    assert row["charge_capacity_mah"] == pytest.approx(1.0, rel=1e-9)
    assert row["discharge_capacity_mah"] == pytest.approx(1.0, rel=1e-9)
    assert row["discharge_specific_capacity_mah_g"] == pytest.approx(200.0, rel=1e-9)
    assert row["charge_energy_mwh"] == pytest.approx(run.energy(2, 1), rel=1e-9)
    assert row["discharge_energy_mwh"] == pytest.approx(run.energy(2, -1), rel=1e-9)
    assert row["mean_charge_voltage_v"] == pytest.approx(3.6 + 0.05, abs=1e-9)
    assert row["median_discharge_voltage_v"] == pytest.approx(3.6 - 0.05, abs=1e-9)
    assert row["voltage_gap_v"] == pytest.approx(0.1, abs=1e-9)
    assert row["coulombic_efficiency"] == pytest.approx(100.0)
    assert row["discharge_rate_c"] == pytest.approx(0.5 / 5e-3 / 200.0)
    # V = 2.8 + 1.6 x − 0.05 in discharge: below 3.5 V are 0.75/1.6 of the capacity, above 4.4 V in charge 0.05/1.6
    assert row["low_voltage_share"] == pytest.approx(100 * 0.75 / 1.6, abs=1e-6)
    assert row["high_voltage_capacity_mah_g"] == pytest.approx(200 * 0.05 / 1.6, abs=1e-6)


def test_constant_voltage_part_is_found_and_kept_out_of_the_current() -> None:
    run = Programme(capacity_mah=1.2)
    for _ in range(3):
        run.constant_current(0.4, 0.8).constant_voltage(0.12).rest(600).constant_current(0.4, 0.0).rest(600)
        run.cycle += 1
    table = run.table()
    for frame in (table, table.drop("step_count", "cycle_count")):
        result = analyse(frame, CATHODE)
        row = result.cycles.row(1, named=True)
        assert row["constant_voltage_share"] == pytest.approx(100 * 0.12 / 1.08, rel=0.03)
        assert row["charge_current_ma"] == pytest.approx(0.4, rel=1e-6)
        assert set(result.steps["kind"]) == {"constant-current", "constant-voltage", "rest"}
        assert [s.kind for s in result.segments if not s.purpose] == ["cv"]
        half = result.half_cycle(1, "charge")
        assert half is not None
        assert half.constant_voltage[-1]
        assert not half.constant_voltage[0]


@pytest.mark.parametrize("rows", [1, 100, 10_000_000])
def test_the_size_of_the_blocks_changes_no_figure(monkeypatch: pytest.MonkeyPatch, rows: int) -> None:
    run = Programme(capacity_mah=1.2, resistance_ohm=20.0)
    for _ in range(4):
        run.constant_current(0.4, 0.8).constant_voltage(0.12).rest(600).constant_current(0.4, 0.0).rest(600)
        run.cycle += 1
    table = run.cycles(2, 0.3).pulses(0.3, 1.0, 5, 60.0).table()
    gained = np.append(
        0.0, 0.5 * np.diff(table["test_time_second"]) * table["current_ampere"].rolling_sum(2)[1:] / HOUR
    )
    counted = table.with_columns(
        charging_capacity_ah=np.cumsum(np.maximum(gained, 0.0)),
        discharging_capacity_ah=np.cumsum(np.maximum(-gained, 0.0)),
    )
    usual = cycle_table(table), cycle_table(counted)
    monkeypatch.setattr(halffigures, "BLOCK_ROWS", rows)
    monkeypatch.setattr("lirich.pieces.PIECE_ROWS", rows)
    assert_frame_equal(cycle_table(table), usual[0], check_exact=True)
    assert_frame_equal(cycle_table(counted), usual[1], check_exact=True)


@pytest.mark.parametrize(("lift", "low", "high"), [(-2.0, 1.0, 0.0), (0.0, None, None), (2.0, 0.0, 1.0)])
def test_shares_of_a_half_cycle_that_crosses_no_threshold_are_all_or_nothing(
    lift: float, low: float | None, high: float | None
) -> None:
    table = Programme(resistance_ohm=100.0).cycles(3, 0.5).table().with_columns(pl.col("voltage_volt") + lift)
    row = cycle_table(table, active_mass_mg=5.0).row(1, named=True)
    below = row["low_voltage_capacity_mah"] / row["discharge_capacity_mah"]
    above = row["high_voltage_capacity_mah_g"] / row["charge_specific_capacity_mah_g"]
    if low is None:  # V = 2.8 + 1.6 x crosses both
        assert 0.0 < above < below < 1.0
    else:
        assert (below, above) == (low, high)


@given(st.lists(st.booleans(), min_size=1, max_size=60), st.lists(st.integers(1, 59), max_size=6))
def test_ends_of_half_cycles_are_their_first_and_last_running_rows(running: list[bool], cuts: list[int]) -> None:
    start = sorted({0, *(cut for cut in cuts if cut < len(running))})
    first, last = halffigures._ends(np.array(running), np.array(start))
    for i, (begin, end) in enumerate(zip(start, [*start[1:], len(running)], strict=True)):
        rows = [row for row in range(begin, end) if running[row]] or [begin]
        assert (first[i], last[i]) == (rows[0], rows[-1])


def test_charge_that_is_booked_on_the_rest_after_it_belongs_to_the_half_cycle() -> None:
    table = Programme().cycles(3, 0.5).table()
    time, current = table["test_time_second"].to_numpy(), table["current_ampere"].to_numpy()
    gained = np.append(0.0, np.diff(time) * 0.5 * (current[1:] + current[:-1]) / HOUR)
    gained[current == 0.0] = 0.0
    last = np.flatnonzero((current[:-1] != 0.0) & (current[1:] == 0.0))
    late = gained.copy()
    late[last + 1], late[last] = gained[last], 0.0
    counted = [
        table.with_columns(
            charging_capacity_ah=np.cumsum(np.maximum(g, 0.0)), discharging_capacity_ah=np.cumsum(np.maximum(-g, 0.0))
        )
        for g in (gained, late)
    ]
    assert annotate(counted[1]).points.charge_source == "capacity"
    charges = [np.append(0.0, annotate(t).step_table()["charge_mah"].to_numpy()) for t in counted]
    np.testing.assert_allclose(charges[1], charges[0], atol=1e-15)
    assert cycle_table(counted[1])["charge_capacity_mah"].to_list() == pytest.approx([1.0] * 3, rel=1e-9)


def test_half_cycle_ends_at_the_capacity_of_the_table_and_starts_at_zero() -> None:
    result = analyse(Programme(resistance_ohm=50).cycles(3, 0.2).table(), CATHODE)
    for cycle in (1, 2, 3):
        for direction in ("charge", "discharge"):
            half = result.half_cycle(cycle, direction)
            assert half is not None
            assert half.capacity_mah[0] == 0.0
            assert np.all(np.diff(half.capacity_mah) >= 0)
            total = result.cycles.filter(pl.col("cycle") == cycle)[f"{direction}_capacity_mah"][0]
            assert half.capacity_mah[-1] == pytest.approx(total, rel=1e-12)
    assert result.half_cycle(9, "charge") is None
    curves = result.voltage_curves([2], max_points=15)
    assert set(curves["cycle"]) == {2}
    assert curves.group_by("direction").len()["len"].max() <= 15
    ends = curves.group_by("direction").agg(pl.col("specific_capacity_mah_g").max())
    assert ends["specific_capacity_mah_g"].to_list() == pytest.approx([200.0, 200.0])


@pytest.mark.parametrize("vendor", [True, False])
def test_gitt_of_hundreds_of_pulses_is_one_half_cycle(vendor: bool) -> None:
    run = Programme(x=1.0).rest(3600).pulses(0.1, 0.0, 200, 3600.0)
    result = analyse(run.table(vendor=vendor), Cell(key="g", electrode="cathode"))
    assert len(result.annotation.half_start) == 1
    assert result.cycles["discharge_capacity_mah"][0] == pytest.approx(1.0, rel=1e-9)
    assert kinds(result) == [("gitt", 1, 1)]


def test_interrupts_do_not_split_cycles_and_give_the_resistance() -> None:
    run = Programme(resistance_ohm=80.0)
    for _ in range(4):
        run.pulses(0.2, 1.0, 20, 10.0).pulses(0.2, 0.0, 20, 10.0)
        run.cycle += 1
    result = analyse(run.table(), CATHODE)
    assert result.cycles.height == 4
    assert kinds(result) == [("ageing", 1, 4)]
    assert [s.kind for s in result.segments if not s.purpose] == ["ici"]
    assert result.cycles["interrupt_resistance_ohm"].to_list() == pytest.approx([80.0] * 4, rel=1e-6)
    assert result.cycles["corrected_discharge_voltage_v"].to_list() == pytest.approx([3.6] * 4, abs=2e-3)
    assert result.cycles["corrected_charge_voltage_v"].to_list() == pytest.approx([3.6] * 4, abs=2e-3)
    stated = [v for v in result.values if v.quantity == "interrupt_resistance_ohm"]
    assert stated
    assert all(v.conditions.other["interrupt_time_s"] == 10.0 for v in stated)


def test_an_interrupt_that_is_recorded_too_late_is_not_read() -> None:
    run = Programme(resistance_ohm=80.0)
    for _ in range(3):
        run.constant_current(0.2, 1.0).rest(3600, 5).constant_current(0.2, 0.0).rest(3600, 5)
        run.cycle += 1
    table = run.table().filter(~((pl.col("current_ampere") == 0) & (pl.col("step_count").is_first_distinct())))
    assert cycle_table(table)["end_resistance_ohm"].null_count() == 3


def test_a_rest_at_the_end_alone_gives_no_mean_resistance() -> None:
    """It is one at the cut-off; of twenty stops the last one is that too."""
    run = Programme(resistance_ohm=80.0)
    for _ in range(3):
        run.constant_current(0.2, 1.0).rest(10.0).constant_current(0.2, 0.0).rest(10.0)
        run.cycle += 1
    table = cycle_table(run.table())
    assert table["interrupt_resistance_ohm"].null_count() == 3
    assert table["corrected_charge_voltage_v"].null_count() == 3
    assert table["end_resistance_ohm"].to_list() == pytest.approx([80.0] * 3, rel=1e-6)
    run = Programme(resistance_ohm=80.0)
    run.constant_current(0.2, 1.0).constant_current(0.2, 0.0).rest(10.0)
    assert cycle_table(run.table())["end_resistance_ohm"].null_count() == 1  # of the discharge alone: no mean of both
    run = Programme(resistance_ohm=80.0)
    run.pulses(0.2, 1.0, 20, 10.0)
    run.resistance_ohm = 200.0
    run.pulses(0.2, 0.0, 20, 10.0)
    both = cycle_table(run.table())
    assert both["end_resistance_ohm"].to_list() == pytest.approx([140.0], rel=1e-2)
    assert both["interrupt_resistance_ohm"].to_list() == pytest.approx([140.0], rel=1e-2)


def hppc(run: Programme, count: int) -> Programme:
    """*count* pulse pairs in a discharge: 30 s at 3 mA down, 10 s at 2 mA up, then 10 % at 1 mA."""
    for _ in range(count):
        run.rest(1800)
        run.constant_current(3.0, run.x - 3.0 * 30 / HOUR).rest(40)
        run.constant_current(2.0, run.x + 2.0 * 10 / HOUR).rest(40)
        run.constant_current(1.0, run.x - 0.07)
    return run


def test_pulses_of_the_other_direction_do_not_split_a_half_cycle() -> None:
    run = hppc(Programme(x=1.0), 9)
    result = analyse(run.table(), Cell(key="p", electrode="full"))
    assert kinds(result) == [("pulse", 1, 1)]
    row = result.cycles.row(0, named=True)
    assert row["charge_capacity_mah"] == pytest.approx(run.charge(1, 1), rel=1e-9)
    assert row["discharge_capacity_mah"] == pytest.approx(run.charge(1, -1), rel=1e-9)
    assert row["coulombic_efficiency"] is None
    assert not row["complete"]


def test_a_pulse_at_the_end_is_no_new_cycle() -> None:
    run = hppc(Programme(x=1.0), 6)
    run.rest(60).constant_current(2.0, run.x + 2.0 * 10 / HOUR).rest(60)
    assert cycle_table(run.table()).height == 1


def test_recuperation_of_a_drive_cycle_is_not_a_charge() -> None:
    rng = np.random.default_rng(1)
    run = Programme(capacity_mah=10.0).constant_current(1.0, 1.0)
    while run.x > 0.1:
        run.constant_current(float(rng.uniform(1, 5)), run.x - float(rng.uniform(1e-3, 4e-3)), 4)
        run.constant_current(float(rng.uniform(1, 3)), run.x + float(rng.uniform(1e-4, 1e-3)), 4)
    notes = annotate(run.table(), electrode="full")
    assert notes.half_sign.tolist() == [1, -1]


def test_formation_rate_test_ageing_and_check_ups() -> None:
    run = Programme().cycles(2, 0.05)
    for current in (0.1, 0.2, 0.5, 1.0, 2.0, 0.1):
        run.cycles(3, current)
    for _ in range(3):
        run.cycles(20, 0.5).cycles(1, 0.1)
    result = analyse(run.table(), CATHODE)
    assert kinds(result) == [
        ("formation", 1, 2), ("rate_test", 3, 20), ("ageing", 21, 40), ("check_up", 41, 41), ("ageing", 42, 61),
        ("check_up", 62, 62), ("ageing", 63, 82), ("check_up", 83, 83),
    ]  # fmt: skip
    assert all(s.reason for s in result.segments)
    assert result.reference_cycle == 21
    fade = next(v for v in result.values if v.quantity == "voltage_decay_mv_per_cycle")
    assert fade.conditions.other["first_cycle"] == 21
    assert fade.conditions.other["last_cycle"] == 82
    assert fade.conditions.other["n"] == 60
    capability = [v for v in result.values if v.quantity == "rate_capability"]
    assert len(capability) == 5
    assert all(v.value == pytest.approx(100.0) for v in capability)
    assert "unlike-conditions" in codes(result)


def test_short_rests_are_interrupts_however_short_the_pulses_are() -> None:
    """Rests of 40 s are longer than half of pulses of 60 s, but no GITT: nothing relaxes in 40 s."""
    run = Programme(capacity_mah=1.0 / 6.0)
    run.pulses(1.0, 1.0, 10, 40.0).pulses(1.0, 0.0, 10, 40.0)
    assert {s.kind for s in analyse(run.table(), CATHODE).segments} == {"ici"}


def test_pulses_at_two_currents_are_a_pulse_test() -> None:
    run = Programme()
    for k in range(10):
        run.constant_current(0.5 if k % 2 else 1.0, 0.1 * (k + 1), 12).rest(600.0, 12)
    run.constant_current(0.5, 0.0).rest(600.0)
    assert ("pulse", 1, 1) in kinds(analyse(run.table(), CATHODE))


def test_the_sphere_has_half_of_the_diameter_and_six_half_cycles_stand_for_many() -> None:
    run = Programme(resistance_ohm=20.0)
    for _ in range(8):
        run.pulses(0.5, 1.0, 8, 20.0, rows=30).pulses(0.5, 0.0, 8, 20.0, rows=30)
        run.cycle += 1
    values = analyse(run.table(), CATHODE, Sample(key="s", particle_diameter_um=4.0)).values
    assert not [v for v in values if v.quantity == "lithium_diffusivity_m2_s"]  # a linear cell relaxes at once
    rng = np.random.default_rng(0)
    moved = run.table().with_columns(pl.col("voltage_volt") + 1e-4 * pl.Series(rng.normal(size=len(run.table()))))
    found = [
        v
        for v in analyse(moved, CATHODE, Sample(key="s", particle_diameter_um=4.0)).values
        if v.quantity == "lithium_diffusivity_m2_s" and "statistic" in v.conditions.other
    ]
    assert {v.conditions.particle_radius_m for v in found} == {2e-6}
    assert sorted((v.conditions.direction, v.conditions.cycle) for v in found) == [
        ("charge", 1), ("charge", 5), ("charge", 8), ("discharge", 1), ("discharge", 5), ("discharge", 8),
    ]  # fmt: skip


def test_formation_at_the_first_rate_of_a_rate_test_is_its_first_step() -> None:
    """Five cycles at 0.1 mA, two of them meant as formation: the return to 0.1 mA needs them to be compared with."""
    run = Programme().cycles(2, 0.1)
    for current in (0.1, 0.2, 0.5, 1.0, 2.0, 0.1):
        run.cycles(3, current)
    result = analyse(run.table(), CATHODE)
    assert kinds(result) == [("rate_test", 1, 20)]
    (recovery,) = [v for v in result.values if v.quantity == "rate_recovery"]
    assert recovery.value == pytest.approx(100.0)
    assert (recovery.provenance.parameters["first_cycle"], recovery.provenance.parameters["last_cycle"]) == (18, 20)


def test_formation_with_a_wider_window_at_the_same_rate() -> None:
    result = analyse(Programme().cycles(1, 0.2, high=1.0).cycles(9, 0.2, high=0.9).table(), CATHODE)
    assert kinds(result) == [("formation", 1, 1), ("ageing", 2, 10)]
    first = next(v for v in result.values if v.quantity == "mean_discharge_voltage_v" and v.conditions.cycle == 1)
    assert "unlike-upper-voltage" in first.flags
    assert result.cycles["capacity_retention"].to_list()[:2] == [None, pytest.approx(100.0)]


def test_stepped_formation_is_not_a_rate_test() -> None:
    run = Programme().cycles(1, 0.05).cycles(1, 0.1).cycles(1, 0.2).cycles(30, 0.5)
    assert kinds(analyse(run.table(), CATHODE)) == [("formation", 1, 3), ("ageing", 4, 33)]


def test_ageing_at_two_rates_gives_one_fade_and_says_so() -> None:
    result = analyse(Programme().cycles(30, 0.5).cycles(12, 0.2).table(), CATHODE)
    assert kinds(result) == [("ageing", 1, 30), ("ageing", 31, 42)]
    fade = next(v for v in result.values if v.quantity == "voltage_decay_mv_per_cycle")
    assert fade.conditions.other["last_cycle"] == 30
    finding = next(f for f in result.findings if f.code == "unlike-conditions")
    assert "31" in finding.message
    assert "discharge current" in finding.message
    assert finding.severity == "warning"


def test_the_user_can_overrule_the_protocol() -> None:
    table = Programme().cycles(12, 0.5).table()
    correction = Correction(first_cycle=1, last_cycle=3, kind="formation", note="new salt")
    result = analyse(table, CATHODE, corrections=[correction])
    assert kinds(result) == [("formation", 1, 3), ("ageing", 4, 12)]
    assert result.segments[0].source == "user"
    assert "new salt" in result.segments[0].reason
    assert result.reference_cycle == 4
    later = Correction(first_cycle=2, last_cycle=2, kind="check_up")
    assert kinds(analyse(table, CATHODE, corrections=[correction, later]))[1] == ("check_up", 2, 2)
    beyond = analyse(table, CATHODE, corrections=[Correction(first_cycle=99, last_cycle=99, kind="gitt")])
    assert "correction-without-cycles" in codes(beyond)
    (said,) = (f.message for f in beyond.findings if f.code == "correction-without-cycles")
    assert said.endswith(f"; it has {beyond.cycles['cycle'][0]} to {beyond.cycles['cycle'][-1]}")
    begun = analyse(table, CATHODE, corrections=[Correction(first_cycle=10, last_cycle=99, kind="other")])
    (said,) = (f.message for f in begun.findings if f.code == "correction-beyond-test")
    assert said.startswith("A correction calls cycles 10 to 99 other; the test has 1 to 12, and the others will be")
    assert not {"correction-beyond-test", "correction-without-cycles"} & set(codes(result))
    with pytest.raises(ValueError, match="upside down"):
        Correction(first_cycle=3, last_cycle=1, kind="ageing")


def test_a_reason_counts_the_cycles_that_have_it_after_a_correction() -> None:
    table = Programme().cycles(20, 0.5).cycles(3, 0.2).cycles(20, 0.5).table()

    def reasons(*corrections: Correction) -> list[str]:
        segments = analyse(table, CATHODE, corrections=corrections).segments
        return [s.reason.partition(" at one")[0] for s in segments if s.purpose]

    assert reasons() == ["40 cycles in all", "3 cycles slower than ageing", "40 cycles in all"]
    first = Correction(first_cycle=1, last_cycle=5, kind="formation")
    check_up = Correction(first_cycle=21, last_cycle=21, kind="other")
    user = "set by the user"
    left = ["35 cycles in all", user, "2 cycles slower than ageing", "35 cycles in all"]
    assert reasons(first, check_up) == [user, *left]
    assert reasons(Correction(first_cycle=6, last_cycle=43, kind="other")) == ["5 cycles", user]


def test_a_rate_test_counts_the_currents_that_it_has_after_a_correction() -> None:
    run = Programme()
    for current in (0.1, 0.2, 0.5, 1.0, 2.0, 0.1):
        run.cycles(3, current)
    result = analyse(run.table(), CATHODE, corrections=[Correction(first_cycle=13, last_cycle=15, kind="other")])
    said = {s.reason for s in result.segments if s.kind == "rate_test"}
    assert said == {"short blocks of cycles at 4 currents (0.1, 0.2, 0.5, 1 mA)"}


def test_an_agreeing_correction_is_shown_as_the_users() -> None:
    result = analyse(
        Programme().cycles(6, 0.5).table(),
        CATHODE,
        corrections=[Correction(first_cycle=1, last_cycle=6, kind="ageing")],
    )
    assert [s.source for s in result.segments if s.purpose] == ["user"]


def test_anode_cycles_begin_with_the_discharge_and_ce_is_charge_over_discharge() -> None:
    run = Programme(x=1.0, empty_v=0.01, full_v=1.5)
    for top in (0.8, 0.78):
        run.constant_current(0.2, 0.0).rest(600).constant_current(0.2, top).rest(600)
        run.cycle += 1
    for electrode in ("anode", None):
        frame = cycle_table(run.table(), electrode=electrode)
        assert frame["cycle"].to_list() == [1, 2]
        assert frame["vendor_cycle_first"].to_list() == [1, 2]
    anode = analyse(run.table(), Cell(key="a", electrode="anode", active_mass_mg=2.0))
    assert anode.cycles["coulombic_efficiency"][0] == pytest.approx(80.0)
    ce = next(v for v in anode.values if v.quantity == "coulombic_efficiency")
    assert ce.conditions.method == "charge/discharge"
    energy = next(v for v in anode.values if v.quantity == "energy_efficiency")
    assert energy.conditions.method == "discharge/charge"
    assert energy.note == ANODE_ENERGY
    assert anode.cycles["low_voltage_capacity_mah_g"].null_count() == 2


def test_a_fresh_half_cell_has_one_retention_of_one_cycle() -> None:
    """Its first lithiation starts at 2.1 V, above the 1.5 V that every charge ends at, and takes 1.4 mAh, not 1."""
    run = Programme(x=1.4, empty_v=0.01, full_v=1.5)
    for _ in range(8):
        run.constant_current(0.2, 0.0).rest(600).constant_current(0.2, 1.0).rest(600)
        run.cycle += 1
    result = analyse(run.table(), Cell(key="a", electrode="anode"))
    assert result.reference_cycle == 1
    for name in ("capacity_retention", "energy_retention"):
        (value,) = (v for v in result.values if v.quantity == name)
        assert (value.conditions.cycle, value.conditions.reference_cycle) == (8, 1)
        assert value.value == pytest.approx(result.cycles[name][7])
    assert result.cycles["capacity_retention"][7] == pytest.approx(100 / 1.4)
    assert "unlike-cycles" not in codes(result)


@pytest.mark.parametrize("electrode", ["anode", "cathode", "full"])
def test_energy_efficiency_is_of_the_cell_whatever_its_electrode(electrode: str) -> None:
    """The electrode takes 1 mAh and gives 0.8 mAh back; the cell gives energy on discharge and takes it on charge."""
    first, second = (1.0, 0.0) if electrode == "anode" else (0.0, 1.0)
    run = Programme(x=first, empty_v=0.01, full_v=1.5, resistance_ohm=10.0)
    for _ in range(2):
        run.constant_current(0.2, second).rest(600).constant_current(0.2, 0.2 + 0.6 * first).rest(600)
        run.cycle += 1
    cycles = analyse(run.table(), Cell(key="c", electrode=electrode, active_mass_mg=2.0)).cycles
    of_cell = {sign: sum(e for c, s, _, e in run.truth if c == 1 and s == sign) for sign in (1, -1)}
    row = cycles.row(0, named=True)
    assert row["energy_efficiency"] == pytest.approx(100 * of_cell[-1] / of_cell[1], rel=1e-4)
    voltage = row["mean_discharge_voltage_v"] / row["mean_charge_voltage_v"]
    ce = row["coulombic_efficiency"]
    assert ce == pytest.approx(80.0, rel=1e-6)
    assert row["energy_efficiency"] == pytest.approx(voltage * (1e4 / ce if electrode == "anode" else ce), rel=1e-6)


@pytest.mark.parametrize("electrode", ["anode", "cathode", "full", None])
def test_a_symmetric_cell_gives_no_energy_back_and_has_no_thresholds_of_a_cathode(electrode: Electrode | None) -> None:
    """Li|Li: 1 mAh each way at ±0.5 mA through 60 Ω, so at ±30 mV; every discharge takes up what the charge takes."""
    run = Programme(empty_v=0.0, full_v=0.0, resistance_ohm=60.0).cycles(8, 0.5)
    result = analyse(run.table(), Cell(key="s", electrode=electrode, active_mass_mg=5.0))
    whole = result.cycles.filter("complete")
    assert whole["discharge_energy_mwh"].to_list() == pytest.approx([-0.03] * whole.height)
    assert whole["hysteresis_loop_energy_mwh"].to_list() == pytest.approx([0.06] * whole.height)
    lacking = ["energy_efficiency", "energy_retention", "low_voltage_share", "low_voltage_capacity_mah"]
    for name in [*lacking, "low_voltage_capacity_mah_g", "high_voltage_capacity_mah_g"]:
        assert whole[name].null_count() == whole.height
        assert name not in {v.quantity for v in result.values}
    assert whole["coulombic_efficiency"].to_list() == pytest.approx([100.0] * whole.height)
    (said,) = (f for f in result.findings if f.code == "voltage-changes-sign")
    assert "-0.03 to 0.03 V" in said.message
    assert ("threshold" in said.message) == (electrode in ("cathode", None))


def test_plated_lithium_has_an_efficiency_of_charge_and_none_of_energy() -> None:
    """Li||Cu: 1 mAh is plated at −30 mV (the discharge), 0.98 mAh are stripped at +30 mV."""
    run = Programme(x=1.0, empty_v=0.0, full_v=0.0, resistance_ohm=60.0)
    for _ in range(6):
        run.constant_current(0.5, run.x - 1.0).constant_current(0.5, run.x + 0.98)
        run.cycle += 1
    result = analyse(run.table(), Cell(key="cu", electrode="anode"))
    assert result.cycles["coulombic_efficiency"].to_list() == pytest.approx([98.0] * 6)
    assert result.cycles["energy_efficiency"].null_count() == 6
    assert "voltage-changes-sign" in codes(result)


def test_what_is_taken_out_before_the_first_charge_is_cycle_zero() -> None:
    run = Programme(x=0.3).constant_current(0.2, 0.0).rest(600).cycles(3, 0.2)
    for electrode in ("cathode", "full", None):
        frame = cycle_table(run.table(), electrode=electrode)
        assert frame["cycle"].to_list() == [0, 1, 2, 3]
        assert frame["complete"].to_list() == [False, True, True, True]
        assert frame["discharge_capacity_mah"][0] == pytest.approx(0.3, rel=1e-9)
    result = analyse(run.table(), CATHODE)
    assert kinds(result)[0] == ("conditioning", 0, 0)
    assert "leading-half-cycle" in codes(result)
    assert next(v for v in result.values if v.quantity == "initial_coulombic_efficiency").value == pytest.approx(100.0)


def test_first_charge_of_a_partly_charged_cell_is_flagged() -> None:
    run = Programme(x=0.5).constant_current(0.2, 1.0).rest(60).constant_current(0.2, 0.0).rest(60)
    run.cycle += 1
    result = analyse(run.cycles(3, 0.2).table(), CATHODE)
    ice = next(v for v in result.values if v.quantity == "initial_coulombic_efficiency")
    assert ice.value == pytest.approx(200.0)
    assert "first-charge-partial" in ice.flags
    assert "first-charge-partial" in codes(result)


@pytest.mark.parametrize("stop_at", [0.4, None])
def test_a_last_cycle_cut_short_is_incomplete(stop_at: float | None) -> None:
    run = Programme().cycles(4, 0.5).constant_current(0.5, 1.0 if stop_at is not None else 0.6)
    if stop_at is not None:
        run.rest(60).constant_current(0.5, stop_at)
    result = analyse(run.table(), CATHODE)
    assert result.cycles["complete"].to_list() == [True] * 4 + [False]
    assert "incomplete-last-cycle" in codes(result)
    assert result.cycles["capacity_retention"][4] is None
    against = ("coulombic_efficiency", "energy_efficiency", "voltage_gap_v", "hysteresis_loop_energy_mwh")
    assert {result.cycles[name].null_count() for name in against} == {1}
    passed = sum(charge for cycle, _, charge, _ in run.truth if cycle == 5)
    last = result.cycles.row(4, named=True)
    assert last["charge_capacity_mah"] + (last["discharge_capacity_mah"] or 0.0) == pytest.approx(passed)
    assert all(v.conditions.cycle != 5 or "incomplete-cycle" in v.flags for v in result.values)


def test_the_vendors_count_stands_beside_lirichs_own() -> None:
    run = Programme().cycles(6, 0.5)
    wrong = run.table().with_columns(cycle_count=(pl.col("cycle_count") + 1) // 2)
    result = analyse(wrong, CATHODE)
    assert result.cycles["cycle"].to_list() == [1, 2, 3, 4, 5, 6]
    assert result.cycles["cycle_number"].to_list() == [1, 2, 3, 4, 5, 6]
    assert result.cycles["vendor_cycle_first"].to_list() == [1, 1, 2, 2, 3, 3]
    assert "cycle-count-differs" in codes(result)


def test_cycles_that_a_file_leaves_out_count_in_the_fade() -> None:
    full = Programme(resistance_ohm=0.0)
    for k in range(40):
        full.full_v = 4.4 - 0.001 * k
        full.cycles(1, 0.5)
    table = full.table()
    excerpt = table.filter(((pl.col("cycle_count") - 1) % 10 < 2) | (pl.col("cycle_count") == 40))
    whole, part = analyse(table, CATHODE), analyse(excerpt, CATHODE)
    assert part.cycles["cycle_number"].to_list() == [1, 2, 11, 12, 21, 22, 31, 32, 40]
    assert "cycles-left-out" in codes(part)
    key = "voltage_decay_mv_per_cycle"
    decay = [next(v.value for v in r.values if v.quantity == key) for r in (whole, part)]
    assert decay == pytest.approx([0.5, 0.5], abs=1e-6)
    double = table.with_columns(cycle_count=2 * pl.col("cycle_count"))  # charge and discharge counted apart
    assert analyse(double, CATHODE).cycles["cycle_number"].to_list() == list(range(1, 41))


def curve(parts: list[tuple[int, int, np.ndarray, np.ndarray]]) -> pl.DataFrame:
    charged = discharged = 0.0
    frames = []
    for cycle, sign, voltage, capacity in parts:
        up = charged + capacity if sign > 0 else np.full(len(capacity), charged)
        down = discharged + capacity if sign < 0 else np.full(len(capacity), discharged)
        charged, discharged = up[-1], down[-1]
        columns = {"voltage_volt": voltage, "charging_capacity_ah": up, "discharging_capacity_ah": down}
        frames.append(pl.DataFrame({**columns, "cycle_count": np.full(len(voltage), cycle)}))
    return pl.concat(frames)


def test_curves_without_a_time_axis() -> None:
    q = np.linspace(0, 2.5e-4, 101)
    table = curve(
        [
            (1, 1, 3.0 + 1.7 * q / q[-1], q), (1, -1, 4.6 - 2.0 * q / q[-1], 0.8 * q),
            (7, 1, 3.0 + 1.5 * q / q[-1], 0.7 * q), (7, -1, 4.4 - 1.8 * q / q[-1], 0.69 * q),
        ]
    )  # fmt: skip
    result = analyse(table, Cell(key="d", electrode="cathode", active_mass_mg=1.0))
    assert result.cycles["cycle_number"].to_list() == [1, 7]
    assert result.cycles["charge_specific_capacity_mah_g"].to_list() == pytest.approx([250.0, 175.0])
    assert result.cycles["mean_discharge_voltage_v"].to_list() == pytest.approx([3.6, 3.5], abs=1e-9)
    assert result.cycles["discharge_current_ma"].null_count() == 2
    assert result.cycles["complete"].all()
    ce = {v.conditions.cycle: v for v in result.values if v.quantity == "coulombic_efficiency"}
    assert set(ce) == {1, 7}
    assert ce[7].conditions.other == {"vendor_cycle": 7, "own_cycle": 2}
    assert not [v for v in result.values if "decay" in v.quantity]


def test_charges_only_of_several_cycles_without_a_time_axis_are_cycles() -> None:
    q = np.linspace(0, 2e-4, 50)
    table = curve([(c, 1, 3.0 + q / q[-1], q * (1 - 0.01 * c)) for c in (1, 2, 3)])
    frame = cycle_table(table)
    assert frame["cycle"].to_list() == [1, 2, 3]
    assert frame["charge_capacity_mah"].to_list() == pytest.approx([0.198, 0.196, 0.194])
    assert not frame["complete"].any()


def with_columns_of(table: pl.DataFrame, run_charge: np.ndarray, digits: int | None = None) -> pl.DataFrame:
    dq = np.diff(run_charge, prepend=0.0)
    up, down = np.cumsum(np.maximum(dq, 0)), np.cumsum(np.maximum(-dq, 0))
    if digits is not None:
        up, down = up.round(digits), down.round(digits)
    return table.with_columns(charging_capacity_ah=pl.Series(up), discharging_capacity_ah=pl.Series(down))


def integral_ah(table: pl.DataFrame) -> np.ndarray:
    t, i = table["test_time_second"].to_numpy(), table["current_ampere"].to_numpy()
    return np.append(0.0, np.cumsum(0.5 * (i[1:] + i[:-1]) * np.diff(t))) / HOUR


def test_capacity_columns_are_used_where_they_agree_and_refused_where_not() -> None:
    table = Programme().cycles(3, 0.5).table()
    better = with_columns_of(table, 1.01 * integral_ah(table))
    assert annotate(better).points.charge_source == "capacity"
    assert cycle_table(better)["charge_capacity_mah"][1] == pytest.approx(1.01, rel=1e-6)
    wrong = with_columns_of(table, 1000 * integral_ah(table))
    notes = annotate(wrong)
    assert notes.points.charge_source == "current"
    assert "capacity-disagrees-with-current" in [f.code for f in notes.findings]
    assert cycle_table(wrong)["charge_capacity_mah"][1] == pytest.approx(1.0, rel=1e-6)
    row = pl.int_range(pl.len())
    gaps = better.with_columns(charging_capacity_ah=pl.when(row != 50).then("charging_capacity_ah"))
    assert annotate(gaps).points.charge_source == "current"


@pytest.mark.parametrize(("kept", "other"), [("charging", "discharging"), ("discharging", "charging")])
def test_one_capacity_column_gives_its_direction_and_the_factor_by_which_the_current_is_off(
    kept: str, other: str
) -> None:
    table = Programme().cycles(3, 0.5).table()
    true = with_columns_of(table, integral_ah(table))
    off = true.with_columns(pl.col("current_ampere") * 1.01)  # 1 % too large, both ways
    for left in (off.drop(f"{other}_capacity_ah"), off.with_columns(pl.lit(None).alias(f"{other}_capacity_ah"))):
        notes = annotate(left)
        assert notes.points.charge_source == "capacity-of-one-direction"
        (said,) = [f.message for f in notes.findings if f.code == "capacity-of-one-direction"]
        assert "∫I dt times 0.9901" in said
        cycles, both = cycle_table(left), cycle_table(off)
        for name in ("charge_capacity_mah", "discharge_capacity_mah"):
            assert cycles[name].to_list() == pytest.approx(both[name].to_list(), rel=1e-6)


def test_one_capacity_column_changes_no_efficiency_and_disagrees_alone() -> None:
    table = Programme().cycles(3, 0.5).table()
    current = pl.col("current_ampere")
    lossy = table.with_columns(pl.when(current < 0).then(current * 0.97).otherwise(current))
    columns = with_columns_of(lossy, integral_ah(lossy))
    only = columns.drop("discharging_capacity_ah").with_columns(pl.col("current_ampere") * 1.02)
    cycles = cycle_table(only)
    ratio = cycles["discharge_capacity_mah"] / cycles["charge_capacity_mah"]
    assert ratio.to_list() == pytest.approx([0.97] * 3, rel=1e-6)
    wrong = columns.drop("discharging_capacity_ah").with_columns(pl.col("charging_capacity_ah") * 1000)
    notes = annotate(wrong)
    assert notes.points.charge_source == "current"
    assert "capacity-disagrees-with-current" in [f.code for f in notes.findings]


def test_a_column_of_a_direction_in_which_little_passes_scales_nothing() -> None:
    table = Programme().constant_current(1.0, 1.0).constant_current(1.0, 0.99).table()
    columns = with_columns_of(table, integral_ah(table)).drop("charging_capacity_ah")
    notes = annotate(columns.with_columns(pl.col("discharging_capacity_ah") * 1.2))  # 20 % of 1 % of the charge
    assert notes.points.charge_source == "capacity-of-one-direction"
    assert float(notes.points.dq_ah[notes.points.sign > 0].sum()) == pytest.approx(1e-3, rel=1e-6)
    assert float(notes.points.dq_ah[notes.points.sign < 0].sum()) == pytest.approx(-1.2e-5, rel=1e-6)


def test_where_time_stands_still_no_charge_passes() -> None:
    table = Programme().cycles(1, 0.5).table().with_columns(test_time_second=pl.lit(0.0))
    still = with_columns_of(table, np.zeros(table.height))
    with pytest.raises(NotEnoughDataError, match="no charge passes"):
        cycle_table(still)


def test_capacity_columns_of_few_digits_give_the_totals_and_no_stairs() -> None:
    table = Programme(rows_per_step=4000).cycles(2, 0.5).table()
    coarse = with_columns_of(table, integral_ah(table), digits=5)  # 0.01 mAh of 1 mAh
    result = analyse(coarse, CATHODE)
    assert result.annotation.points.charge_source == "capacity-per-step"
    assert result.cycles["charge_capacity_mah"].to_list() == pytest.approx([1.0, 1.0], abs=0.011)
    half = result.half_cycle(1, "charge")
    assert half is not None
    assert np.all(np.diff(half.capacity_mah)[1:] > 0)


def test_a_pause_between_two_files_is_no_charge() -> None:
    run = Programme().cycles(2, 0.5)
    table = run.table(vendor=False)
    later = 0.5 * (table["test_time_second"][20] + table["test_time_second"][21])
    time = pl.col("test_time_second")
    paused = table.with_columns(test_time_second=pl.when(time > later).then(time + 9 * HOUR).otherwise(time))
    notes = annotate(paused)
    assert "recording-gap" in [f.code for f in notes.findings]
    assert cycle_table(paused)["charge_capacity_mah"][0] == pytest.approx(1.0, rel=0.02)


def test_time_that_falls_back_at_single_rows_is_set_right_out_loud() -> None:
    table = Programme(rows_per_step=400).cycles(3, 0.5).table()
    first = pl.col("step_count") != pl.col("step_count").shift(1)
    broken = table.with_columns(test_time_second=pl.when(first).then(0.0).otherwise("test_time_second"))
    notes = annotate(broken)
    assert "time-falls-back" in [f.code for f in notes.findings]
    expected, found = cycle_table(table), cycle_table(broken)
    assert found["charge_capacity_mah"].to_list() == pytest.approx(expected["charge_capacity_mah"].to_list(), rel=1e-9)


def test_a_time_that_starts_again_is_refused() -> None:
    table = Programme(rows_per_step=200).cycles(1, 0.5).table()
    with pytest.raises(InconsistentDataError, match="starts again"):
        annotate(pl.concat([table, table]))


@pytest.mark.parametrize(
    ("rows", "error"),
    [(0, NotEnoughDataError), (1, NotEnoughDataError)],
)
def test_too_few_rows(rows: int, error: type[Exception]) -> None:
    with pytest.raises(error):
        analyse(Programme().cycles(1, 0.5).table().head(rows), CATHODE)


def test_all_rest_and_no_columns_are_typed_errors() -> None:
    with pytest.raises(NotEnoughDataError, match="no current"):
        analyse(Programme().rest(3600, 100).table(), CATHODE)
    with pytest.raises(MissingColumnError):
        analyse(pl.DataFrame({"voltage_volt": [1.0, 2.0]}), CATHODE)
    still = pl.DataFrame(
        {"voltage_volt": [1.0, 2.0], "charging_capacity_ah": [0.0, 0.0], "discharging_capacity_ah": [0.0, 0.0]}
    )
    with pytest.raises(NotEnoughDataError):
        analyse(still, CATHODE)
    frozen_clock = pl.DataFrame(
        {"test_time_second": [1.0, 1.0], "voltage_volt": [3.0, 3.0], "current_ampere": [1.0, 1.0]}
    )
    with pytest.raises(NotEnoughDataError):
        analyse(frozen_clock, CATHODE)


def test_rows_without_numbers_are_left_out_out_loud() -> None:
    table = Programme().cycles(3, 0.5).table()
    row, step = pl.int_range(pl.len()), pl.col("step_count")
    inner = (step == step.shift(1)) & (step == step.shift(-1)) & (row % 17 == 5)
    holes = table.with_columns(
        pl.when(inner.fill_null(False)).then(float("nan")).otherwise("voltage_volt").alias("voltage_volt")
    )
    result = analyse(holes, CATHODE)
    assert "rows-without-data" in codes(result)
    assert result.cycles["charge_capacity_mah"].to_list() == pytest.approx([1.0] * 3, rel=1e-6)


def test_one_half_cycle_only() -> None:
    result = analyse(Programme().constant_current(0.05, 1.0, 400).table(), CATHODE)
    assert result.cycles.height == 1
    assert kinds(result) == [("pseudo_ocv", 1, 1)]
    assert not result.cycles["complete"][0]
    assert {v.quantity for v in result.values} >= {"charge_specific_capacity_mah_g", "mean_charge_voltage_v"}
    assert "coulombic_efficiency" not in {v.quantity for v in result.values}


def test_missing_facts_are_asked_for_by_name_and_leave_nulls() -> None:
    result = analyse(Programme().cycles(5, 0.5).table(), Cell(key="x"))
    assert {"missing-active-mass-mg", "missing-electrode"} <= set(codes(result))
    assert len(codes(result)) == len({(f.code, f.where, f.message) for f in result.findings})
    assert result.cycles["discharge_specific_capacity_mah_g"].null_count() == 5
    assert result.cycles["discharge_rate_c"].null_count() == 5
    assert "discharge_capacity_mah" in {v.quantity for v in result.values}


def test_simulated_cells_give_simulated_values_with_provenance() -> None:
    cell = CATHODE.model_copy(update={"simulated": True})
    result = analyse(Programme().cycles(6, 0.5).table(), cell, Sample(key="s", composition="Li1.2Mn0.54Ni0.13Co0.13O2"))
    assert {v.origin for v in result.values} == {"simulated"}
    assert all(v.subject.kind == "cell" and v.subject.key == "c" for v in result.values)
    assert all(v.provenance.code.startswith("lirich.cycling") and v.provenance.version for v in result.values)


def test_values_of_cycles_carry_window_rate_and_temperature() -> None:
    table = Programme().cycles(6, 0.5).table().with_columns(ambient_temperature_celsius=pl.lit(25.0))
    result = analyse(table, CATHODE)
    value = next(
        v for v in result.values if v.quantity == "discharge_specific_capacity_mah_g" and v.conditions.cycle == 6
    )
    stated = value.conditions
    assert (stated.voltage_lower_v, stated.voltage_upper_v) == pytest.approx((2.8, 4.4))
    assert stated.rate_c == pytest.approx(0.5)
    assert stated.temperature_celsius == 25.0
    assert stated.segment == "ageing"
    assert stated.other["vendor_cycle"] == 6


def test_a_slow_charge_is_stated_as_what_it_is_and_beside_the_discharge() -> None:
    run = Programme()
    for _ in range(6):
        run.constant_current(0.1, 1.0).rest(600.0).constant_current(1.0, 0.0).rest(600.0)
        run.cycle += 1
    values = analyse(run.table(), CATHODE).values
    slow, fast = 0.1 / 5e-3, 1.0 / 5e-3
    currents = {
        v.quantity: (v.conditions.current_ma_g, v.conditions.other.get("charge_current_ma_g"))
        for v in values
        if v.conditions.cycle in (6, None)
    }
    assert currents["mean_charge_voltage_v"] == pytest.approx((slow, None))
    for quantity in (
        "mean_discharge_voltage_v", "coulombic_efficiency", "voltage_gap_v", "voltage_decay_mv_per_cycle",
        "hysteresis_at_soc_v", "capacity_retention",
    ):  # fmt: skip
        assert currents[quantity] == pytest.approx((fast, slow)), quantity
    first = next(v for v in values if v.quantity == "initial_coulombic_efficiency")
    assert first.conditions.other["charge_current_ma_g"] == pytest.approx(slow)
    alike = analyse(Programme().cycles(6, 0.5).table(), CATHODE).values
    assert not any("charge_current_ma_g" in v.conditions.other for v in alike)


def test_the_recorded_temperature_stands_with_every_value_of_a_cycle() -> None:
    """A file that records 45 °C says so of its first cycle, its peaks and its hysteresis too."""
    table = Programme().cycles(6, 0.5).table().with_columns(ambient_temperature_celsius=pl.lit(45.0))
    values = analyse(table, CATHODE).values
    of_cycle = [v for v in values if v.conditions.cycle is not None]
    assert {"initial_coulombic_efficiency", "hysteresis_at_soc_v"} <= {v.quantity for v in of_cycle}
    assert {v.conditions.temperature_celsius for v in of_cycle} == {45.0}
    told = Cell(key="c", electrode="cathode", active_mass_mg=5.0, one_c_ma_g=200.0, temperature_celsius=30.0)
    given = [v for v in analyse(table, told).values if v.conditions.cycle is not None]
    assert {v.conditions.temperature_celsius for v in given} == {30.0}


@pytest.mark.parametrize(("left", "conditioning"), [(0.75, True), (0.85, False)])
def test_a_first_discharge_of_less_than_four_fifths_of_the_charge_is_cycle_0(left: float, conditioning: bool) -> None:
    run = Programme(x=left).constant_current(0.5, 0.0).rest(600.0).cycles(3, 0.5)
    assert (0 in annotate(run.table()).cycles) == conditioning


@pytest.mark.parametrize(("back", "cycles"), [(0.04, 1), (0.07, 2)])
def test_a_reversal_of_less_than_a_twentieth_is_a_pulse(back: float, cycles: int) -> None:
    run = Programme().constant_current(0.5, 0.5).constant_current(0.5, 0.5 - back).constant_current(0.5, 1.0)
    run.rest(600.0).constant_current(0.5, 0.0).rest(600.0)
    assert cycle_table(run.table(), electrode="cathode").height == cycles


@pytest.mark.parametrize(("hours", "slow"), [(21.0, True), (18.5, True), (17.0, False)])
def test_half_cycles_of_eighteen_hours_are_pseudo_ocv(hours: float, slow: bool) -> None:
    result = analyse(Programme().cycles(1, 1.0 / hours).cycles(5, 0.5).table(), CATHODE)
    assert any(s.kind == "pseudo_ocv" for s in result.segments) == slow


@pytest.mark.parametrize(("between", "kind"), [(3, "check_up"), (4, "ageing")])
def test_up_to_three_slow_cycles_between_ageing_are_a_check_up(between: int, kind: str) -> None:
    run = Programme().cycles(10, 0.5).cycles(between, 0.1).cycles(10, 0.5)
    result = analyse(run.table(), CATHODE)
    assert kinds(result)[1] == (kind, 11, 10 + between)
    if kind == "check_up":
        assert any(s.reason == "3 cycles slower than ageing" for s in result.segments)


@pytest.mark.parametrize(("end_v", "whole"), [(2.84, True), (2.86, False)])
def test_a_last_discharge_is_whole_within_50_mv_of_the_others(end_v: float, whole: bool) -> None:
    run = Programme().cycles(3, 0.5).constant_current(0.5, 1.0).rest(600.0).constant_current(0.5, (end_v - 2.8) / 1.6)
    assert analyse(run.table(), CATHODE).cycles["complete"][-1] == whole


def test_a_first_discharge_that_may_be_still_running_is_said() -> None:
    run = Programme().constant_current(0.1, 1.0).rest(600.0)
    for to_x in (0.5, 0.0):
        result = analyse(run.constant_current(0.1, to_x).table(), CATHODE)
        flagged = {v.quantity: "end-under-current" in v.flags for v in result.values if v.conditions.cycle == 1}
        assert flagged["initial_coulombic_efficiency"]
        assert flagged["discharge_capacity_mah"]
        assert not flagged["charge_capacity_mah"]
        assert "end-under-current" in codes(result)
    ended = analyse(run.rest(600.0).table(), CATHODE)
    assert "end-under-current" not in codes(ended)
    assert not any("end-under-current" in v.flags for v in ended.values)
    assert "end-under-current" not in codes(analyse(run.cycles(2, 0.1, rest_s=1.0).table(), CATHODE))
    simulated = analyse(run.constant_current(0.1, 0.0).table(), CATHODE.model_copy(update={"simulated": True}))
    assert "end-under-current" not in codes(simulated)
    assert not any("end-under-current" in v.flags for v in simulated.values)


def test_a_first_charge_that_may_be_still_running_is_said() -> None:
    result = analyse(Programme().constant_current(0.1, 0.7).table(), CATHODE)
    flags = {v.quantity: v.flags for v in result.values if v.conditions.cycle == 1}
    assert "incomplete-cycle" in flags["charge_specific_capacity_mah_g"]
    assert "end-under-current" in flags["high_voltage_capacity_mah_g"]


def test_each_stretch_beside_the_purposes_has_its_own_reason() -> None:
    """Interrupts of 10 s in the third cycle and of 20 s in the seventh."""
    run = Programme()
    for n in range(1, 9):
        if n in (3, 7):
            run.pulses(0.2, 1.0, 10, 10.0 if n == 3 else 20.0).constant_current(0.2, 0.0).rest(600.0)
            run.cycle += 1
        else:
            run.cycles(1, 0.2)
    shown = {s.first_cycle: s.reason for s in analyse(run.table(), CATHODE).segments if s.kind == "ici"}
    assert "stops of 10 s" in shown[3]
    assert "stops of 20 s" in shown[7]


@pytest.mark.parametrize(
    ("electrode", "method", "flags"),
    [
        ("cathode", "discharge/charge", ()),
        ("full", "discharge/charge", ()),
        ("anode", "charge/discharge", ()),
        (None, "discharge/charge", ("electrode-unknown",)),
    ],
)
def test_every_efficiency_says_which_way_it_is_taken(
    electrode: Electrode | None, method: str, flags: tuple[str, ...]
) -> None:
    cell = CATHODE.model_copy(update={"electrode": electrode})
    result = analyse(Programme(x=0.0 if electrode != "anode" else 1.0).cycles(6, 0.5).table(), cell)
    of_cycle = [v for v in result.values if v.quantity == "coulombic_efficiency"]
    (mean,) = [v for v in result.values if v.quantity == "median_coulombic_efficiency"]
    assert {v.conditions.method for v in of_cycle} == {method}
    assert mean.conditions.method == f"median of {method}"
    assert {v.flags for v in (mean, *of_cycle)} == {flags}


@pytest.mark.parametrize(("rate", "slow"), [(1 / 20, True), (1.09 / 20, True), (1.12 / 20, False)])
def test_c_over_twenty_is_pseudo_ocv_however_little_the_cell_gives(rate: float, slow: bool) -> None:
    """Half-cycles of 15 h at C/20 of a capacity that the cell no longer has."""
    run = Programme().cycles(1, 1.0 / 15.0).cycles(5, 0.5)
    cell = CATHODE.model_copy(update={"active_mass_mg": 5.0, "one_c_ma_g": 1e3 / 15.0 / 5.0 / rate})
    assert any(s.kind == "pseudo_ocv" for s in analyse(run.table(), cell).segments) == slow


def test_cycle_0_is_no_company_for_a_slow_cycle() -> None:
    run = Programme(x=0.3).constant_current(0.2, 0.0).rest(600.0).cycles(1, 1.0 / 12.0)
    result = analyse(run.table(), CATHODE)
    assert kinds(result) == [("conditioning", 0, 0), ("pseudo_ocv", 1, 1)]


def test_a_first_discharge_of_more_than_the_charge_is_doubted_beyond_the_error_of_a_cycler() -> None:
    """√2 · 0.2 % = 0.3 % at the border."""
    for left, doubted in ((0.9975, False), (0.9965, True), (0.975, True)):
        run = Programme(x=1.0 - left).constant_current(0.2, 1.0).rest(600.0).constant_current(0.2, 0.0).rest(600.0)
        values = analyse(run.cycles(3, 0.2).table(), CATHODE).values
        (first,) = [v for v in values if v.quantity == "initial_coulombic_efficiency"]
        assert first.value == pytest.approx(100 / left, abs=0.02)
        assert ("first-charge-partial" in first.flags) == (100 / left > 100.3) == doubted


def test_the_current_of_a_charge_is_that_before_its_constant_voltage_part() -> None:
    """0.5 mA for a tenth of the charge, then a hold that passes the rest at falling current."""
    run = Programme()
    for _ in range(3):
        run.constant_current(0.5, 0.1).constant_voltage(0.9).rest(600.0).constant_current(0.5, 0.0).rest(600.0)
        run.cycle += 1
    values = analyse(run.table(), CATHODE).values
    charged = [v for v in values if v.conditions.direction == "charge" and v.conditions.current_ma_g is not None]
    assert {v.quantity for v in charged} >= {"high_voltage_capacity_mah_g", "mean_charge_voltage_v"}
    assert {round(v.conditions.current_ma_g or 0.0, 6) for v in charged} == {100.0}


def test_thresholds_are_settings_and_conditions() -> None:
    settings = CyclingSettings(low_voltage_threshold_v=3.2)
    result = analyse(Programme().cycles(6, 0.5).table(), CATHODE, settings=settings)
    assert result.cycles["low_voltage_share"][2] == pytest.approx(25.0, abs=1e-6)
    low = [v for v in result.values if v.quantity.startswith("low_voltage")]
    assert low
    assert all(v.conditions.threshold_v == 3.2 for v in low)


def test_analyse_is_one_function() -> None:
    assert analyse is analyse_in_home


def test_a_lone_spike_of_current_does_not_turn_the_test_into_rest() -> None:
    """1 A in one row of a test at 0.2 mA: the limit of rest would be 0.5 mA."""
    table = Programme().cycles(3, 0.2).table()
    current = table["current_ampere"].to_numpy().copy()
    current[100] = 1.0
    assert len(current) < 1000
    result = analyse(table.with_columns(pl.Series("current_ampere", current)), CATHODE)
    assert result.cycles["cycle"].to_list() == [1, 2, 3]
    assert result.cycles["charge_capacity_mah"].to_list() == pytest.approx([1.0] * 3, rel=1e-6)
    (said,) = [f for f in result.findings if f.code == "lone-current-spike"]
    assert "1000 mA" in said.message
    assert said.where.startswith(f"{CATHODE.key}, ")
    assert "lone-current-spike" not in codes(analyse(table, CATHODE))


@pytest.mark.parametrize(("reading", "known"), [(25.0, True), (199.0, True), (850.0, False), (3276.7, False)])
def test_a_temperature_that_no_cell_has_is_none(reading: float, known: bool) -> None:
    table = Programme().cycles(2, 0.5).table()
    table = table.with_columns(ambient_temperature_celsius=pl.lit(reading))
    assert ("temperature_celsius" in cycle_table(table).columns) == known


def test_the_temperature_of_a_cycle_is_the_mean_over_its_time() -> None:
    """40 °C in the 100 rows of a short charge, 20 °C in the 10 rows of a discharge of four times its length."""
    run = Programme().constant_current(1.0, 1.0, rows=100).constant_current(0.25, 0.0, rows=10)
    table = run.table()
    warm = pl.when(pl.col("current_ampere") > 0).then(40.0).otherwise(20.0)
    found = cycle_table(table.with_columns(ambient_temperature_celsius=warm))["temperature_celsius"][0]
    assert found == pytest.approx((40.0 + 4 * 20.0) / 5, abs=0.3)


def test_gaps_in_a_cycle_column_of_floats_are_filled() -> None:
    table = Programme().cycles(4, 0.5).table()
    cycle = table["cycle_count"].cast(pl.Float64).to_numpy().copy()
    expected = cycle_table(table)
    cycle[[0, 17, -1]] = np.nan
    assert cycle_table(table.with_columns(cycle_count=pl.Series(cycle))).equals(expected)
    assert cycle_table(table.with_columns(cycle_count=pl.lit(float("nan")))).height == expected.height


@pytest.mark.parametrize(("electrode", "given"), [("cathode", True), (None, True), ("full", False), ("anode", False)])
def test_thresholds_against_lithium_are_for_cathodes(electrode: Electrode | None, given: bool) -> None:
    cell = CATHODE.model_copy(update={"electrode": electrode})
    result = analyse(Programme(x=0.0 if electrode != "anode" else 1.0).cycles(6, 0.5).table(), cell)
    for column in ("low_voltage_capacity_mah", "low_voltage_share", "high_voltage_capacity_mah_g"):
        assert result.cycles[column].is_not_null().any() == given, column
    found = {v.quantity for v in result.values if "low_voltage" in v.quantity or "high_voltage" in v.quantity}
    assert bool(found) == given
    massless = analyse(Programme().cycles(6, 0.5).table(), cell.model_copy(update={"active_mass_mg": None}))
    asked = [f.message for f in massless.findings if f.code == "missing-active-mass-mg"]
    assert any("low-voltage" in m for m in asked) == given


def test_no_capacity_beyond_a_threshold_is_less_than_none() -> None:
    """0.7 mAh in a thousand uneven steps, all of it below the threshold: the rest of the sum is rounding."""
    rng = np.random.default_rng(3)
    for _ in range(200):
        capacity = np.append(0.0, np.cumsum(rng.random(1000)))
        voltage = np.linspace(3.0, 4.3, 1001)
        assert capacity_above(voltage, capacity, 4.4) == 0.0
        assert capacity_above(voltage, capacity, 3.7) >= 0.0


def test_the_last_half_cycle_is_compared_with_those_at_its_current() -> None:
    """Formation discharges to 3.4 V at another current; the last discharge is cut off there at the ageing current."""
    run = Programme(resistance_ohm=0.0)
    for _ in range(2):
        run.constant_current(0.1, 1.0).rest(600.0).constant_current(0.1, 0.375).rest(600.0)
        run.cycle += 1
    run.cycles(4, 0.5).constant_current(0.5, 1.0).rest(600.0).constant_current(0.5, 0.375)
    result = analyse(run.table(), CATHODE)
    assert result.cycles["complete"].to_list() == [True] * 6 + [False]
    # and where no half-cycle ran at that current, nothing tells
    young = Programme().cycles(3, 0.1).constant_current(0.1, 1.0).rest(600.0).constant_current(0.5, 0.375)
    found = analyse(young.table(), CATHODE)
    assert found.cycles["complete"][-1]
    assert "end-under-current" in codes(found)
    assert "end-under-current" not in codes(analyse(run.table(), CATHODE))


def test_every_finding_names_its_cell() -> None:
    run = Programme(x=0.5).constant_current(0.2, 0.0).rest(60.0).cycles(2, 0.1).cycles(6, 0.5).cycles(1, 0.3)
    tables = [run.table(), run.table().with_columns(cycle_count=pl.lit(1))]
    tables.append(Programme(x=0.4).constant_current(0.2, 1.0).rest(60.0).cycles(3, 0.2).table())
    tables.append(Programme().cycles(6, 0.5).constant_current(0.5, 0.5).table())
    seen = set()
    for table in tables:
        for electrode in ("cathode", None):
            result = analyse(table, Cell(key="SC-1", electrode=electrode))
            seen |= set(codes(result))
            assert all(f.where == "SC-1" or f.where.startswith("SC-1, ") for f in result.findings)
    assert {"leading-half-cycle", "cycle-count-differs", "incomplete-last-cycle", "unlike-conditions"} <= seen


def test_a_lone_pulse_out_of_a_rest_sets_no_limit_of_rest() -> None:
    """One row of 1 A in a rest is charge that passed, but 0.2 mA stays a current."""
    table = Programme().cycles(3, 0.2).table()
    current = table["current_ampere"].to_numpy().copy()
    resting = np.flatnonzero((current[1:-1] == 0.0) & (current[:-2] == 0.0) & (current[2:] == 0.0))
    current[resting[0] + 1] = 1.0
    steps = analyse(table.with_columns(pl.Series("current_ampere", current)), CATHODE).steps
    assert (steps["mean_current_ma"].abs() - 0.2).abs().min() < 1e-9  # type: ignore[operator]
    assert steps.filter(pl.col("direction") != "rest").height >= 6


def test_a_charge_that_began_at_another_rate_is_flagged_and_hysteresis_is_of_the_first_settled_cycle() -> None:
    values = analyse(Programme().cycles(2, 0.1).cycles(6, 0.5).table(), CATHODE).values
    flagged = {(v.quantity, v.conditions.cycle) for v in values if "follows-unlike" in v.flags}
    assert {("coulombic_efficiency", 3), ("energy_efficiency", 3), ("voltage_gap_v", 3)} <= flagged
    assert ("mean_discharge_voltage_v", 3) not in flagged  # a discharge begins where its own charge ended
    assert {cycle for _, cycle in flagged} == {3}
    assert {4, 8} <= {v.conditions.cycle for v in values if v.quantity == "coulombic_efficiency"}
    assert {v.conditions.cycle for v in values if v.quantity == "hysteresis_at_soc_v"} >= {4, 8}


def test_a_stretch_of_slow_cycles_is_as_long_as_its_shortest_half_cycle() -> None:
    run = Programme(x=0.6).constant_current(0.02, 0.0).rest(600.0).cycles(1, 1.0 / 20.0)
    result = analyse(run.table(), CATHODE)
    said = {s.reason for s in result.segments if s.kind == "pseudo_ocv"}
    assert len(said) == 1  # the purpose of cycle 1 and the stretch 0–1 say the same
    assert said.pop().startswith("half-cycles of 20 h or more")

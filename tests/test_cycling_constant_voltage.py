"""Constant-voltage parts stay out of the voltage decay: a cell whose decay is known in closed form."""

from __future__ import annotations

import re

import numpy as np
import polars as pl
import pytest

from lirich import plots
from lirich.cycling import Correction, CyclingResult, analyse
from lirich.model import Cell
from lirich.reports.data import CellReport, SegmentRow
from lirich.reports.diagnosis import energy_loss

CELL = Cell(key="toy", electrode="cathode", active_mass_mg=4.0)
UPPER_V, LOWER_V, CURRENT_A = 4.5, 2.7, 1e-3
GROWTH_OHM = 6.0
CUT = 0.1
"""A hold ends at this share of the set current."""


def ocv(charge_mah: float) -> float:
    return 2.8 + 1.7 * charge_mah


def toy(*, hold_charge: bool, hold_discharge: bool, cycles: int = 20, step_s: float = 5.0) -> pl.DataFrame:
    """A linear, unchanging OCV behind a resistance that grows by `GROWTH_OHM` per cycle; nothing structural happens."""
    rows = [(0.0, 3.0, 0.0)]
    q = 0.05

    def add(seconds: float, current: float, voltage: float) -> None:
        rows.append((rows[-1][0] + seconds, voltage, current))

    for n in range(cycles):
        ohm = 100.0 + GROWTH_OHM * n
        for current, limit, hold in ((CURRENT_A, UPPER_V, hold_charge), (-CURRENT_A, LOWER_V, hold_discharge)):
            last = (limit - current * ohm - 2.8) / 1.7  # mAh, where the limit is reached
            whole = abs(last - q) / (1e3 * CURRENT_A) * 3600.0
            for at in np.append(np.arange(step_s, whole, step_s), whole):
                add(min(step_s, at % step_s or step_s), current, ocv(q + current * at / 3.6) + current * ohm)
            q = last
            if hold:
                # at a held voltage the current decays by exp(-t/RC) with RC = R / (dOCV/dq)
                tau = ohm / (1.7 / 3.6)
                times = np.arange(step_s, -tau * np.log(CUT), step_s)
                for at in times:
                    add(step_s, current * np.exp(-at / tau), limit)
                q += current * tau * (1.0 - np.exp(-times[-1] / tau)) / 3.6
            add(step_s, 0.0, ocv(q))
    return pl.DataFrame(rows, schema=["test_time_second", "voltage_volt", "current_ampere"], orient="row")


def decay(result: CyclingResult) -> dict[str, float]:
    return {v.quantity: v.value for v in result.values if "voltage_decay" in v.quantity}


def total_mv(*, hold_charge: bool) -> float:
    """−dV̄dis/dn: the discharge runs from the end of the charge to the lower limit, on a line, IR below its OCV.

    Without a hold the charge ends at an OCV of 4.5 V − IR, with one at 4.5 V − 0.1·IR; the discharge under its set
    current ends at 2.7 V + IR.
    """
    top = CUT if hold_charge else 1.0
    return 1e3 * CURRENT_A * GROWTH_OHM * (1.0 - (1.0 - top) / 2)


@pytest.mark.parametrize(
    ("hold_charge", "hold_discharge"), [(False, False), (True, False), (True, True), (False, True)]
)
def test_a_growing_resistance_is_polarisation_wherever_the_voltage_is_held(
    hold_charge: bool, hold_discharge: bool
) -> None:
    found = decay(analyse(toy(hold_charge=hold_charge, hold_discharge=hold_discharge), CELL))
    assert found["structural_voltage_decay_mv_per_cycle"] == pytest.approx(0.0, abs=0.05)
    assert found["polarisation_voltage_decay_mv_per_cycle"] == pytest.approx(1e3 * CURRENT_A * GROWTH_OHM, abs=0.05)
    total = total_mv(hold_charge=hold_charge)
    assert found["voltage_decay_mv_per_cycle"] == pytest.approx(total, abs=0.05)
    # one cycle at each end: the first row of a hold is told from its current, which decays more slowly behind more ohm
    assert found["voltage_decay_endpoint_mv_per_cycle"] == pytest.approx(total, abs=0.1)


@pytest.mark.parametrize("hold", [True, False])
def test_voltage_decay_says_that_held_voltage_is_left_out_and_warns_of_its_drift(hold: bool) -> None:
    result = analyse(toy(hold_charge=hold, hold_discharge=False), CELL)
    stated = [v for v in result.values if "voltage_decay" in v.quantity]
    assert len(stated) >= 4
    assert {v.conditions.other["cv"] for v in stated} == {"left out"}
    drift = [f for f in result.findings if f.code == "cv-share-drifts"]
    assert len(drift) == (1 if hold else 0)
    if hold:
        assert drift[0].where == "toy"
        (range_mv,) = [float(w) for w in re.findall(r"(\S+) mV/cycle", drift[0].message)]
        assert range_mv == pytest.approx(-2.7, abs=0.05)  # 3.3 of the whole discharge less 6.0 of the shared range
    share = result.cycles["constant_voltage_share"]
    assert (share[-1] - share[1] > 2.0) == hold


def test_mean_voltages_of_a_cycle_still_hold_everything() -> None:
    """V̄ = E/Q over the whole half-cycle; off constant voltage it is that of the constant-current rows alone."""
    result = analyse(toy(hold_charge=True, hold_discharge=False), CELL)
    row = result.cycles.row(10, named=True)
    assert row["mean_charge_voltage_v"] == pytest.approx(row["charge_energy_mwh"] / row["charge_capacity_mah"])
    drop = CURRENT_A * (100.0 + GROWTH_OHM * 10)
    before = CURRENT_A * (100.0 + GROWTH_OHM * 9)
    # from an OCV of 2.7 V + IR of the discharge before to 4.5 V at the terminals
    assert row["free_charge_voltage_v"] == pytest.approx((2.7 + before + drop + 4.5) / 2, abs=2e-3)
    assert row["free_charge_voltage_v"] < row["mean_charge_voltage_v"] - 0.02
    assert row["free_discharge_voltage_v"] == row["mean_discharge_voltage_v"]
    # of the discharge, what lies above an OCV of 4.5 V − IR has no counterpart in the charge
    assert row["shared_discharge_voltage_v"] == pytest.approx((4.5 - drop + 2.7 + drop) / 2 - drop, abs=2e-3)


def test_without_held_voltage_all_mean_voltages_are_one() -> None:
    cycles = analyse(toy(hold_charge=False, hold_discharge=False, cycles=6, step_s=30.0), CELL).cycles
    for side in ("charge", "discharge"):
        for name in ("free", "shared"):
            assert cycles[f"{name}_{side}_voltage_v"].to_list() == cycles[f"mean_{side}_voltage_v"].to_list()


def test_coarse_rows_make_no_check_ups() -> None:
    """Rows every minute are 28 mV apart at the cut-off: recorded ends scatter by that, the programme is one."""
    table = toy(hold_charge=False, hold_discharge=False, step_s=5.0)
    coarse = table.with_row_index().filter((pl.col("index") % 12 == 0) | (pl.col("current_ampere") == 0.0))
    result = analyse(coarse.drop("index"), CELL)
    ends = result.cycles["discharge_end_voltage_v"]
    assert ends.max() - ends.min() > 0.020  # type: ignore[operator]
    assert {s.kind for s in result.segments if s.purpose} == {"ageing"}
    found = decay(result)
    assert found["structural_voltage_decay_mv_per_cycle"] == pytest.approx(0.0, abs=0.3)


def test_figure_and_value_are_of_the_same_cycles_and_voltages() -> None:
    """Formation, ageing with a check-up: the parts in the figure are those that the values are the slopes of."""
    table = toy(hold_charge=True, hold_discharge=False, cycles=14)
    result = analyse(table, CELL, corrections=[Correction(first_cycle=7, last_cycle=7, kind="other")])
    settled = result.cycles.filter(pl.col("settled"))["cycle"].to_list()
    assert settled == [2, 3, 4, 5, 6, 9, 10, 11, 12, 13, 14]
    structural = next(v for v in result.values if v.quantity == "structural_voltage_decay_mv_per_cycle")
    assert structural.conditions.other["n"] == len(settled)
    bands = [plots.Band(s.kind, s.first_cycle, s.last_cycle) for s in result.segments if s.purpose]
    figure = plots.mean_voltages(result.cycles, bands=bands)
    parts = {t["name"]: np.array(t["y"]) for t in figure.data if t["yaxis"] == "y2"}
    drawn = next(t["x"] for t in figure.data if t["name"] == "structural")
    assert list(drawn) == settled
    # which row is the first of a hold is known to one row: 5 s, 2.4 mV of OCV, of which half is seen in the middle
    np.testing.assert_allclose(parts["structural"], 0.0, atol=1.3)
    np.testing.assert_allclose(parts["total"], parts["structural"] + parts["polarisation"] + parts["range"], atol=2e-3)
    assert parts["polarisation"][-1] == pytest.approx(-6.0 * 12, abs=1.0)
    assert parts["range"][-1] == pytest.approx(2.7 * 12, abs=1.5)


@pytest.mark.parametrize("hold", [True, False])
def test_the_loss_of_energy_has_a_part_of_its_own_for_held_voltage(hold: bool) -> None:
    result = analyse(toy(hold_charge=hold, hold_discharge=False), CELL)
    segments = tuple(SegmentRow(s.kind, s.first_cycle, s.last_cycle) for s in result.segments if s.purpose)
    loss = energy_loss(CellReport(cell=CELL, cycles=result.cycles, segments=segments))
    assert loss is not None
    of = {row["cycle"]: row["discharge_energy_mwh"] for row in result.cycles.iter_rows(named=True)}
    whole = 100 * (1 - of[loss.cycle] / of[loss.reference_cycle])
    assert loss.total_percent == pytest.approx(whole, abs=0.02)
    assert loss.structural_percent == pytest.approx(0.0, abs=0.04)  # 1.3 mV of 3.6 V, as above
    assert loss.holds == hold
    if hold:
        assert loss.held_percent < -1.0  # the discharge begins further up than it did


def test_too_few_cycles_that_follow_a_like_one_are_all_taken() -> None:
    """Of five ageing cycles four follow one; a slope needs five."""
    result = analyse(toy(hold_charge=False, hold_discharge=False, cycles=5), CELL)
    assert result.cycles["settled"].to_list() == [True] * 5
    assert "structural_voltage_decay_mv_per_cycle" in decay(result)

"""Curves on a grid: bookkeeping of charge, holds, noise and gaps; matrices and their keys; filters by name."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from learn_material import GRID, cohort, keys_of
from lirich.errors import InputError, MissingColumnError, NotEnoughDataError, UnknownNameError
from lirich.learn import CurveMatrix, Points, judge, on_grid


def points_of(voltage: list[float], charge: list[float], held: list[bool] | None = None) -> Points:
    n = len(voltage)
    return Points(np.zeros(n, dtype=np.int64), np.array(voltage), np.array(charge), np.array(held or [False] * n))


def q_of_v(points: Points, grid: np.ndarray, direction: str = "charge") -> np.ndarray:
    return np.concatenate(list(on_grid(points, grid, "Q(V)", direction)))


def test_a_line_is_itself_and_a_curve_that_ends_early_has_no_value_beyond() -> None:
    grid = np.array([2.9, 3.0, 3.25, 3.5, 3.75, 4.0])
    found = q_of_v(points_of([3.0, 3.5], [0.0, 50.0]), grid)[0]
    assert found[:4] == pytest.approx([0.0, 0.0, 25.0, 50.0])
    assert np.isnan(found[4:]).all()


def test_discharge_counts_down_from_the_top_and_ends_where_the_curve_does() -> None:
    grid = np.array([2.5, 3.0, 3.25, 3.5, 4.0])
    found = q_of_v(points_of([3.5, 3.0], [0.0, 50.0]), grid, "discharge")[0]
    assert np.isnan(found[0])
    assert found[1:] == pytest.approx([50.0, 25.0, 0.0, 0.0])


def test_charge_at_a_held_voltage_has_no_place_on_the_voltage_axis_but_is_in_v_of_q() -> None:
    points = points_of([3.0, 3.5, 3.5, 3.5], [0.0, 50.0, 60.0, 70.0], [False, False, True, True])
    assert q_of_v(points, np.array([3.25, 3.5]))[0] == pytest.approx([25.0, 50.0])
    voltage = np.concatenate(list(on_grid(points, np.array([25.0, 50.0, 65.0, 71.0]), "V(Q)", "charge")))[0]
    assert voltage[:3] == pytest.approx([3.25, 3.5, 3.5])
    assert np.isnan(voltage[3])


def test_a_voltage_that_falls_back_loses_no_charge() -> None:
    points = points_of([3.0, 3.4, 3.2, 3.2, 3.6], [0.0, 40.0, 45.0, 55.0, 95.0])
    found = q_of_v(points, np.linspace(2.9, 3.6, 71))[0]
    assert found[-1] == pytest.approx(95.0)
    assert (np.diff(found) >= -1e-9).all()


def test_many_curves_at_once_are_as_each_by_itself() -> None:
    draw = np.random.default_rng(0)
    grid = np.linspace(3.0, 4.0, 333)
    each = []
    for number in range(130):
        n = int(draw.integers(2, 40))
        voltage = 3.0 + np.cumsum(draw.normal(0.03, 0.02, n))
        charge = np.append(0.0, np.cumsum(draw.uniform(0.0, 3.0, n - 1)))
        each.append(Points(np.full(n, number), voltage, charge, draw.uniform(size=n) < 0.1))
    joined = Points(*(np.concatenate([getattr(p, name) for p in each]) for name in Points.__slots__))
    together = q_of_v(joined, grid)
    for number, alone in enumerate(each):
        single = Points(np.zeros_like(alone.curve), alone.voltage_v, alone.capacity, alone.held)
        np.testing.assert_allclose(together[number], q_of_v(single, grid)[0], atol=1e-9)


def test_dqdv_integrates_to_the_charge_and_is_the_slope_of_a_parabola() -> None:
    voltage = np.linspace(3.0, 4.0, 500)
    charge = 100.0 * (voltage - 3.0) + 40.0 * (voltage - 3.0) ** 2
    points = points_of(voltage.tolist(), charge.tolist())
    grid = np.linspace(3.0, 4.0, 401)
    slope = np.concatenate(list(on_grid(points, grid, "dQ/dV", "charge")))[0]
    np.testing.assert_allclose(slope, 100.0 + 80.0 * (grid - 3.0), rtol=2e-3)
    assert np.trapezoid(slope, grid) == pytest.approx(140.0, rel=1e-3)


def test_dqdv_of_a_discharge_is_positive_too() -> None:
    points = points_of(np.linspace(4.0, 3.0, 200).tolist(), np.linspace(0.0, 100.0, 200).tolist())
    slope = np.concatenate(list(on_grid(points, np.linspace(3.0, 4.0, 201), "dQ/dV", "discharge")))[0]
    np.testing.assert_allclose(slope, 100.0, rtol=1e-6)


def test_a_curve_without_charge_off_constant_voltage_has_no_value() -> None:
    points = points_of([4.0, 4.0, 4.0], [0.0, 5.0, 9.0], [False, True, True])
    assert np.isnan(q_of_v(points, np.array([3.9, 4.0, 4.1]))).all()


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"values": np.zeros((3, 4))}, "one row of keys"),
        ({"grid": GRID[::-1]}, "does not rise"),
        ({"keys": keys_of(["a"] * 40, list(range(40))).drop("origin")}, "without origin"),
        ({"keys": keys_of(["a"] * 40, list(range(40))).with_columns(pl.lit("guessed").alias("origin"))}, "guessed"),
        ({"values": np.full((40, 151), np.inf)}, "infinite"),
        ({"values": np.zeros((40, 151), dtype=np.int64)}, "float64 or float32"),
    ],
)
def test_what_does_not_fit_is_refused(change: dict[str, object], error: str) -> None:
    good = cohort(5)
    parts = {"values": good.values, "grid": good.grid, "keys": good.keys} | change
    with pytest.raises(InputError, match=error):
        CurveMatrix(**parts)  # type: ignore[arg-type]


def test_slicing_keeps_values_and_keys_together() -> None:
    curves = cohort(4, 6)
    assert curves.cells == ("c000", "c001", "c002", "c003")
    part = curves.of_cells(["c002", "c001"]).of_cycles(2, 3)
    assert part.keys.select("cell", "cycle").rows() == [("c001", 2), ("c001", 3), ("c002", 2), ("c002", 3)]
    np.testing.assert_array_equal(part.values[3], curves.of("c002", 3))
    with pytest.raises(UnknownNameError, match="Did you mean 'c003'"):
        curves.of_cells("c03")


def test_two_grids_are_not_joined_and_all_missing_columns_leave_nothing() -> None:
    curves = cohort(4)
    assert len(curves.joined(curves)) == 2 * len(curves)
    other = CurveMatrix(curves.values, curves.grid + 0.1, curves.keys)
    with pytest.raises(InputError, match="Two grids"):
        curves.joined(other)
    holed = curves.values.copy()
    holed[:, 10] = np.nan
    with pytest.raises(NotEnoughDataError, match="None of 32 curves"):
        CurveMatrix(holed, curves.grid, curves.keys).complete()


def test_the_anchors_filter_gives_its_reasons_in_the_order_of_the_cycles() -> None:
    capacity = [300.0] * 9 + [200.0, 199.0, 205.0, 198.0, 197.0, 150.0, 195.0]
    keys = pl.DataFrame({"cell": ["a"] * 16, "cycle": range(1, 17), "capacity_mah_g": capacity})
    reasons = judge(keys, "anchor")["reason"].to_list()
    assert reasons[:9] == ["before cycle 10"] * 9
    assert reasons[9:11] == [None, None]
    assert "3.0 % more" in reasons[11]
    assert reasons[12] is None
    assert reasons[13] == "the last of its cell"
    assert "not between 150 and 250" in reasons[14]
    assert reasons[15].startswith("after cycle 15")
    low = judge(keys.with_columns(capacity_mah_g=pl.lit(155.0)), "anchor")["reason"].to_list()
    assert "not above 160" in low[9]


def test_a_drop_of_a_fifth_ends_the_cell() -> None:
    keys = pl.DataFrame(
        {"cell": ["a"] * 5, "cycle": range(10, 15), "capacity_mah_g": [240.0, 239.0, 180.0, 179.0, 178.0]}
    )
    reasons = judge(keys, "anchor")["reason"].to_list()
    assert reasons[0] is None
    assert reasons[1] == "the last of its cell"
    assert "24.7 % less" in reasons[2]
    assert all(r.startswith("after cycle 12") for r in reasons[3:])


def test_like_cycles_are_those_of_the_largest_group() -> None:
    keys = pl.DataFrame({"cell": ["a"] * 4 + ["b"], "cycle": [1, 2, 3, 4, 1], "like_group": [0, 1, 1, None, 5]})
    kept = judge(keys, "like").filter(pl.col("reason").is_null()).select("cell", "cycle").rows()
    assert kept == [("a", 2), ("a", 3), ("b", 1)]
    with pytest.raises(UnknownNameError):
        judge(keys, "lke")
    with pytest.raises(MissingColumnError, match="capacity_mah_g"):
        judge(keys, "anchor")

"""Outliers: the stated rate of false alarms holds on sound cells, and faults that were planted are found and named."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from lirich.errors import InputError, NotEnoughDataError, UnknownNameError
from lirich.learn.matrix import CurveMatrix
from lirich.learn.outliers import Outliers
from lirich.learn.paired import side_by_side

Array = NDArray[np.float64]
CYCLES = np.arange(1, 13)
VOLTAGE = np.linspace(3.0, 4.5, 40)


def made(cells: int, seed: int) -> tuple[Array, list[str], list[int], list[str]]:
    """Return charge beside discharge of cells of two kinds that fade, each a little different, with small noise."""
    rng = np.random.default_rng(seed)
    rows, names, cycles, kinds = [], [], [], []
    for i in range(cells):
        middle, width, size, fade = 3.85 + 0.02 * rng.normal(), 0.2, 200 + 2 * rng.normal(), 1 + 0.1 * rng.normal()
        kind = "SC" if i % 2 else "PC"
        for cycle in CYCLES:
            whole = size - (1.0 if kind == "SC" else 2.0) * fade * cycle
            at = middle - 0.002 * cycle
            up = whole / (1 + np.exp(-(VOLTAGE - at) / width))
            down = 0.995 * whole / (1 + np.exp((VOLTAGE - at + 0.1) / width))
            rows.append(np.concatenate((up, down)) + rng.normal(0, 0.02, 80))
            names.append(f"{seed}-{i}")
            cycles.append(int(cycle))
            kinds.append(kind)
    return np.array(rows), names, cycles, kinds


@pytest.fixture(scope="module")
def trained() -> Outliers:
    return Outliers(rate=0.1, components=6).fit(*made(60, 0))


def test_false_alarms_are_as_rare_as_stated_on_sound_cells_never_seen() -> None:
    of_cells, of_curves = [], []
    for seed in range(1, 9):
        model = Outliers(rate=0.1, components=6, seed=seed).fit(*made(40, 10 * seed))
        found = model.judge(*made(60, 10 * seed + 1))
        of_cells.append(found.cells["flagged"].mean())
        of_curves.append(found.curves["flagged"].mean())
    # 480 cells: one standard deviation of a true share of 10 % is 1.4 %, and that of eight training sets about 1.5 %
    assert 0.03 <= np.mean(of_cells) <= 0.15
    assert 0.03 <= np.mean(of_curves) <= 0.15


@pytest.mark.parametrize(
    ("fault", "ways"),
    [
        ("short", {"jump", "shape"}),
        ("mass", {"scale", "level"}),
        ("contact", {"jump", "shape", "course"}),
        ("swapped", {"jump"}),
        ("noisy", {"shape", "jump"}),
    ],
)
def test_planted_faults_are_found(trained: Outliers, fault: str, ways: set[str]) -> None:
    curves, names, cycles, kinds = made(20, 5)
    late = np.array(cycles) >= 7
    if fault == "short":  # from the 7th cycle on a charge takes 1 % more and a discharge gives 1 % less
        curves[late] *= np.concatenate((np.full(40, 1.01), np.full(40, 0.99)))
    elif fault == "mass":
        curves *= 1.15
    elif fault == "contact":  # 30 mV more on either side
        for row in np.flatnonzero(late):
            curves[row, :40] = np.interp(VOLTAGE - 0.03, VOLTAGE, curves[row, :40])
            curves[row, 40:] = np.interp(VOLTAGE + 0.03, VOLTAGE, curves[row, 40:])
    elif fault == "swapped":
        curves[late] = np.roll(curves.reshape(20, 12, 80), 2, axis=0).reshape(-1, 80)[late]
    else:
        curves[late] += np.random.default_rng(0).normal(0, 0.3, (int(late.sum()), 80))
    found = trained.judge(curves, names, cycles, kinds).cells
    assert found["flagged"].mean() >= 0.9
    named = found.filter(pl.col("flagged"))
    assert named["way"].is_in(list(ways)).mean() >= 0.8
    if fault in ("short", "swapped"):
        assert (named.filter(pl.col("way") == "jump")["cycle"] == 7).all()
    if fault == "mass":
        assert found["scale"].mean() == pytest.approx(1.15, abs=0.02)


def test_among_cells_that_nobody_knows_the_one_weighed_wrongly_is_found() -> None:
    curves, names, cycles, kinds = made(40, 4)
    curves[np.array(names) == "4-17"] *= 1.2
    found = Outliers(rate=0.05, components=6).fit(curves, names, cycles, kinds).trained_
    flagged = found.filter(pl.col("flagged"))
    assert flagged["p"].to_list() == pytest.approx([1 / 40, 2 / 40])  # at 5 % the two strangest, whatever they are
    row = flagged.filter(pl.col("cell") == "4-17").to_dicts()[0]
    assert (row["way"], row["cycle"]) == ("scale", None)
    assert row["scale"] == pytest.approx(1.2, abs=0.03)


def test_the_strange_curve_is_named_among_the_others(trained: Outliers) -> None:
    curves, names, cycles, kinds = made(4, 6)
    curves[17] += 3.0 * np.sin(VOLTAGE.repeat(2) * 60)
    found = trained.judge(curves, names, cycles, kinds)
    assert found.curves["p"].arg_min() == 17
    assert found.curves["flagged"][17]
    assert found.cells["cell"][0] == names[17]
    assert found.cells["p"].is_between(1 / 61, 1.0).all()


def test_curves_at_cycles_that_nobody_had_are_not_judged(trained: Outliers) -> None:
    curves, names, cycles, kinds = made(2, 7)
    late = [c + 6 for c in cycles]
    found = trained.judge(curves, names, late, kinds)
    assert found.curves["cycle"].max() == 12
    assert any(f.code == "not-judged" and "12 curve(s)" in f.message for f in found.findings)
    with pytest.raises(NotEnoughDataError, match="No curve between cycle 1 and 12"):
        trained.judge(curves, names, [c + 100 for c in cycles], kinds)


def test_many_curves_of_one_cell_are_told_to_raise_the_rate(trained: Outliers) -> None:
    curves, _, cycles, kinds = made(2, 8)
    found = trained.judge(curves, ["one"] * len(cycles), cycles, kinds)
    assert any(f.code == "more-curves" for f in found.findings)


def test_too_little_is_refused() -> None:
    curves, names, cycles, kinds = made(12, 9)
    with pytest.raises(NotEnoughDataError, match=r"12 cell\(s\) to learn from for a false-alarm rate of 5 %"):
        Outliers().fit(curves, names, cycles, kinds)
    with pytest.raises(NotEnoughDataError, match="All curves are the same"):
        Outliers(rate=0.2).fit(np.ones_like(curves), names, cycles, kinds)
    with pytest.raises(NotEnoughDataError, match="Too few cells of odd"):
        Outliers(rate=0.2).fit(curves, names, cycles, ["odd" if n == "9-3" else "even" for n in names])
    holed = curves.copy()
    holed[0, 0] = np.nan
    with pytest.raises(InputError, match="1 of 144 rows of the curves"):
        Outliers(rate=0.2).fit(holed, names, cycles)
    model = Outliers(rate=0.2).fit(curves, names, cycles, kinds)
    assert [f.code for f in model.findings_] == []
    with pytest.raises(UnknownNameError, match="stratum"):
        model.judge(curves, names, cycles, ["none"] * len(names))
    with pytest.raises(InputError, match="strata for training and judgement"):
        model.judge(curves, names, cycles)


def test_one_curve_per_cell_and_constant_curves_among_others_give_no_nan() -> None:
    curves, names, cycles, _ = made(30, 11)
    first = np.array(cycles) == 1
    curves[0] = 0.0
    model = Outliers(rate=0.1).fit(curves[first], np.array(names)[first].tolist(), np.array(cycles)[first])
    found = model.judge(np.vstack([curves[12], np.zeros(80)]), ["sound", "dead"], [1, 1])
    assert found.cells["cell"][0] == "dead"
    assert found.cells["p"].is_finite().all()
    assert found.cells["scale"].is_finite().all()


def test_charge_and_discharge_side_by_side_are_of_one_cycle() -> None:
    keys = pl.DataFrame({"cell": ["a", "a", "b"], "cycle": [1, 2, 1], "origin": ["measured"] * 3})
    up = CurveMatrix(np.arange(6.0).reshape(3, 2), np.array([3.0, 4.0]), keys)
    values = np.array([[10.0, 11.0, 12.0], [np.nan, 1.0, 1.0], [20.0, 21.0, 22.0]])
    down = CurveMatrix(values, np.array([3.0, 3.5, 4.0]), keys[[2, 1, 0]], direction="discharge")
    both = side_by_side(up, down)
    assert both.values.tolist() == [[0, 1, 20, 21, 22], [4, 5, 10, 11, 12]]
    assert both.cells == ["a", "b"]
    assert both.cycles == [1, 1]
    assert both.left_out == 1
    with pytest.raises(NotEnoughDataError, match="whole in both"):
        side_by_side(up.of_cells("a").of_cycles(2), down)
    # a cell that was tested twice has a cycle 1 in each run: the charge of one has no partner in the other
    twice = keys[[0, 0]].with_columns(run=pl.Series([0, 1]))
    runs = side_by_side(up.take([0, 1]).with_keys(twice), down.take([2, 0]).with_keys(twice))
    assert runs.values.tolist() == [[0, 1, 20, 21, 22], [2, 3, 10, 11, 12]]

"""A curve without a time axis says what is wrong with it as a test with time does, and its cycles are its file's.

The truth of each is the cell of Kim et al. (2025) as it was digitised: 83.4 % in cycle 1, 98.99 % in cycle 10.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from lirich import Workspace
from lirich.cycling import CyclingResult, analyse
from lirich.errors import InconsistentDataError
from lirich.model import Cell
from lirich.model.table import CHARGED, CYCLE, DISCHARGED, VOLTAGE
from lirich.readers import read
from lirich.readers.curvegaps import check_gaps
from lirich.readers.curverows import repeated_blocks
from lirich.readers.runs import find_half_cycles
from lirich.testing.digitised import PUBLISHED, digitised_table

pytestmark = pytest.mark.filterwarnings("error")

Row = tuple[object, str, float, float]
FIRST, TENTH = PUBLISHED["initial_coulombic_efficiency"], 98.99
CELL = Cell(key="P", electrode="cathode", active_mass_mg=1.0)
MAPPING = """
normalised_to_mg = 1.0
[columns]
cycle = "cycle"
direction = "direction"
voltage = { column = "voltage_V", unit = "V" }
capacity = { column = "capacity_mAh_g", unit = "mAh/g" }
[cell]
electrode = "cathode"
"""
HEADER = "cycle,direction,voltage_V,capacity_mAh_g\n"


def rows(cycle: int | None = None, direction: str | None = None) -> list[Row]:
    lines = [line.split(",") for line in digitised_table().split("\n")[1:] if line]
    every = [(int(c), d, float(v), float(q)) for c, d, v, q in lines]
    return [r for r in every if cycle in (None, r[0]) and direction in (None, r[1])]


def text(of: list[Row]) -> str:
    return HEADER + "".join(",".join(map(str, row)) + "\n" for row in of)


@pytest.fixture
def run(tmp_path: Path) -> Callable[[list[Row]], tuple[CyclingResult, dict[str, str]]]:
    """Read and analyse a table of rows: the result, and the severity of what is said, by code."""

    def run(of: list[Row], cell: Cell = CELL) -> tuple[CyclingResult, dict[str, str]]:
        path = tmp_path / "curve.csv"
        path.write_text(text(of))
        (tmp_path / "curve.csv.lirich.toml").write_text(MAPPING)
        reading = read(path)
        result = analyse(reading.table, cell)
        return result, {f.code: f.severity.value for f in (*reading.findings, *result.findings)}

    return run


def efficiencies(result: CyclingResult) -> dict[int, float]:
    return dict(result.cycles.select("cycle_number", "coulombic_efficiency").iter_rows())


def initial(result: CyclingResult) -> list[float]:
    return [v.value for v in result.values if v.quantity == "initial_coulombic_efficiency"]


def is_the_cell(result: CyclingResult) -> bool:
    found = efficiencies(result)
    return list(found) == [1, 10] and found == pytest.approx({1: FIRST, 10: TENTH}, abs=0.05)


NEW = {
    "cycles-not-in-order", "cycle-number-repeated", "cycle-number-negative", "cycle-numbers-missing", "curve-gap",
    "half-cycles-turned", "rows-repeated", "rows-turned", "capacity-starts-over", "capacity-not-from-zero",
    "direction-missing", "voltage-implausible", "voltage-stands", "join-without-time",
}  # fmt: skip


def test_the_table_as_it_is_has_its_numbers_and_nothing_is_said(run) -> None:
    result, said = run(rows())
    assert is_the_cell(result)
    assert not NEW & set(said)


# --- the cycles are those that the file numbers -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "order",
    [
        [(10, "charge"), (10, "discharge"), (1, "charge"), (1, "discharge")],
        [(1, "charge"), (10, "charge"), (1, "discharge"), (10, "discharge")],
    ],
    ids=["cycle 10 first", "charges first"],
)
def test_cycles_are_in_the_order_of_their_numbers_however_they_are_listed(run, order) -> None:
    result, said = run([row for which in order for row in rows(*which)])
    assert is_the_cell(result)
    assert initial(result) == pytest.approx([FIRST], abs=0.05)
    assert said["cycles-not-in-order"] == "info"
    assert "cycle-number-repeated" not in said


def test_a_table_of_counters_that_go_on_is_ordered_too() -> None:
    """Two cycles of 1 and 2 Ah, 90 and 80 % of which come back; the second one stands first in the table."""
    table = pl.DataFrame(
        {
            CYCLE: [2, 2, 2, 2, 1, 1, 1, 1],
            VOLTAGE: [3.0, 4.0, 4.0, 3.0, 3.0, 4.0, 4.0, 3.0],
            CHARGED: [0.0, 2.0, 2.0, 2.0, 2.0, 3.0, 3.0, 3.0],
            DISCHARGED: [0.0, 0.0, 0.0, 1.6, 1.6, 1.6, 1.6, 2.5],
        }
    )
    assert efficiencies(analyse(table, CELL)) == pytest.approx({1: 90.0, 2: 80.0})


@pytest.mark.parametrize("number", [2, 10])
def test_a_file_without_cycle_1_has_no_initial_efficiency(run, number) -> None:
    result, said = run([(number, *row[1:]) for row in rows(10)])
    assert initial(result) == []
    assert said["first-cycle-not-in-file"] == "warning"
    assert list(efficiencies(result)) == [number]


def test_also_where_a_number_comes_twice(run) -> None:
    again = [(c, d, v, 0.9 * q) for c, d, v, q in rows(10)]
    result, said = run(rows(10) + again)
    assert initial(result) == []
    assert {"first-cycle-not-in-file", "cycle-number-repeated"} <= set(said)


def test_a_discharge_that_is_listed_first_belongs_to_the_cycle_of_its_number(run) -> None:
    listed = [row for c in (1, 10) for d in ("discharge", "charge") for row in rows(c, d)]
    result, said = run(listed)
    assert is_the_cell(result)
    assert said["half-cycles-turned"] == "warning"


def test_two_cycles_of_one_number_are_said(run) -> None:
    _, said = run([(1, *row[1:]) for row in rows()])
    assert said["cycle-number-repeated"] == "warning"
    apart = rows(1, "charge") + rows(10, "charge") + [(1, d, v, 1.1 * q) for _, d, v, q in rows(1, "charge")]
    assert run(apart)[1]["cycle-number-repeated"] == "warning"


def test_a_count_that_starts_over_leaves_the_rows_in_their_order(run) -> None:
    worse = [(c, d, v, 0.9 * q if d == "discharge" else q) for c, d, v, q in rows()]
    result, said = run(rows() + worse)
    found = [FIRST, TENTH, 0.9 * FIRST, 0.9 * TENTH]
    assert list(efficiencies(result).values()) == pytest.approx(found, abs=0.05)
    assert said["cycle-number-repeated"] == "warning"


def test_a_count_that_goes_up_at_each_discharge_is_no_pair_of_the_discharge_and_the_next_charge(run) -> None:
    listed = [
        *((1, *row[1:]) for row in rows(1, "charge")),
        *((2, *row[1:]) for row in rows(1, "discharge") + rows(10, "charge")),
        *((3, *row[1:]) for row in rows(10, "discharge")),
    ]
    result, _ = run(listed)
    assert list(efficiencies(result).values()) == pytest.approx([FIRST, TENTH], abs=0.05)


def test_numbers_below_0_and_a_column_without_any_are_said(run) -> None:
    result, said = run([(-row[0], *row[1:]) for row in rows()])  # type: ignore[operator]
    assert said["cycle-number-negative"] == "warning"
    assert list(efficiencies(result).values()) == pytest.approx([FIRST, TENTH], abs=0.05)
    result, said = run([("", *row[1:]) for row in rows()])
    assert said["cycle-numbers-missing"] == "warning"
    assert list(efficiencies(result).values()) == pytest.approx([FIRST, TENTH], abs=0.05)


# --- the voltage ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda v: v / 1000, "voltage-implausible"),
        (lambda v: v / 3600, "voltage-implausible"),
        (lambda v: v * 60, "voltage-implausible"),
        (lambda v: 3.5, "voltage-stands"),
    ],
    ids=["kV", "1/3600", "60", "stands"],
)
def test_a_voltage_that_no_cell_has_is_said(run, change, code) -> None:
    assert run([(c, d, change(v), q) for c, d, v, q in rows()])[1][code] == "warning"


def test_a_voltage_in_kv_is_mended_by_its_repair(run, tmp_path: Path) -> None:
    run([(c, d, v / 1000, q) for c, d, v, q in rows()])
    assert is_the_cell(analyse(read(tmp_path / "curve.csv", repairs=["voltage-volt"]).table, CELL))


# --- rows that stand twice, backwards, or are missing -----------------------------------------------------------------


@pytest.mark.parametrize("at", [50, 310, 350, 620, 750, 950, 1050, 1290 - 60])
def test_a_block_of_rows_that_stands_twice_changes_no_number(run, at) -> None:
    """Wherever it is: also where the capacity falls by so much that it looks like the start of another half-cycle."""
    result, said = run(rows()[: at + 60] + rows()[at:])
    assert is_the_cell(result)
    assert said["rows-repeated"] == "warning"


@pytest.mark.parametrize("at", [310, 350, 620, 750, 950, 1050])
def test_a_few_rows_that_stand_twice_are_refused_where_the_capacity_falls(run, at) -> None:
    """Five rows are too few to tell a copy from digits that come again; a capacity that falls is refused as ever."""
    with pytest.raises(InconsistentDataError, match="fall back"):
        run(rows()[: at + 5] + rows()[at:])


def test_rows_that_stand_twice_before_the_capacity_moves_change_no_number(run) -> None:
    assert {q for *_, q in rows()[:60]} == {0.0}
    result, said = run(rows()[:60] + rows())
    assert is_the_cell(result)
    assert "rows-repeated" not in said


def test_last_digits_that_alternate_in_a_rest_or_on_a_plateau_are_no_copy(tmp_path: Path) -> None:
    """Of 9,065 rows of a real file, rounded to 1 mV and 0.1 mAh/g, 69 were left out; the file has no row twice."""
    charge, discharge = rows(1, "charge"), rows(1, "discharge")
    top, flat = charge[-1], charge[300]
    rest = [(*top[:2], round(top[2] - 0.001 * (i % 2), 3), top[3]) for i in range(40)]
    plateau = [(*flat[:2], round(flat[2] + 0.001 * (i % 2), 3), flat[3]) for i in range(40)]
    path = tmp_path / "digits.csv"
    path.write_text(text(charge[:300] + plateau + charge[300:] + rest + discharge))
    path.with_name("digits.csv.lirich.toml").write_text(MAPPING)
    reading = read(path)
    assert reading.table.height == len(charge) + len(discharge) + 80
    assert not {f.code for f in reading.findings} & NEW


def test_two_cycles_that_are_the_same_stay_two_where_nothing_numbers_them(tmp_path: Path) -> None:
    path = tmp_path / "same.csv"
    mapping = MAPPING.replace('cycle = "cycle"\n', "")
    path.with_name("same.csv.lirich.toml").write_text(mapping)
    path.write_text(text(rows(1) + rows(1)))
    assert analyse(read(path).table, CELL).cycles["coulombic_efficiency"].to_list() == pytest.approx(
        [FIRST] * 2, abs=0.05
    )
    path.write_text(text(rows(1)[:200] + rows(1)[140:]))  # within a charge no cycle begins
    reading = read(path)
    assert "rows-repeated" in {f.code for f in reading.findings}
    assert analyse(reading.table, CELL).cycles["coulombic_efficiency"].to_list() == pytest.approx([FIRST], abs=0.05)


def test_repeated_blocks_are_those_right_before() -> None:
    def again(codes: str, capacity: str | None = None) -> str:
        found = repeated_blocks(*(np.array([ord(c) for c in of]) for of in (codes, capacity or codes)))
        return "".join("x" if here else "." for here in found)

    assert again("abcdefghabcdefghi") == "........xxxxxxxx."
    assert again("abcdefgh" * 3 + "a") == "........" + "x" * 16 + "."
    assert again("aabcdefghaabcdefgh") == "........." + "x" * 9  # one row stands twice in the block, too
    assert again("abcdefghxabcdefgh") == "." * 17  # not right before
    assert again("aabbccddeeffgghh") == "." * 16  # single rows again, as in a step
    assert again("a" * 30) == "." * 30
    assert again("ababc") == "....."  # two last digits that alternate
    assert again("abcdefgabcdefg") == "." * 14  # seven rows tell nothing
    assert again("abcdefghabcdefgh", "k" * 16) == "." * 16  # a rest: nothing would have to fall


def test_a_capacity_that_starts_over_within_a_half_cycle_is_said(run) -> None:
    """Two charges under one number, one after the other: no cell has 280 + 172 mAh/g."""
    two = [(1, d, v, q) for _, d, v, q in rows(1, "charge") + rows(10, "charge")] + rows(1, "discharge")
    assert run(two)[1]["capacity-starts-over"] == "warning"


@pytest.mark.parametrize("which", [("charge",), ("discharge",), ("charge", "discharge")])
def test_half_cycles_that_are_listed_from_their_end_are_turned(run, which) -> None:
    listed = [
        row for c in (1, 10) for d in ("charge", "discharge") for row in rows(c, d)[:: -1 if d in which else 1]
    ]  # fmt: skip
    result, said = run(listed)
    assert is_the_cell(result)
    assert said["rows-turned"] == "info"
    plain = run(rows())[0].cycles
    for name in ("charge_end_voltage_v", "discharge_end_voltage_v", "discharge_energy_mwh"):
        assert result.cycles[name].to_list() == pytest.approx(plain[name].to_list(), rel=2e-3)


def test_a_discharge_on_an_axis_that_goes_back_is_not_turned(run) -> None:
    full = {c: max(q for _, _, _, q in rows(c, "charge")) for c in (1, 10)}
    result, said = run([(c, d, v, q if d == "charge" else full[c] - q) for c, d, v, q in rows()])
    assert is_the_cell(result)
    assert not NEW & set(said)


def test_a_hole_in_a_curve_is_said_and_few_points_are_none(run) -> None:
    assert run(rows()[:400] + rows()[480:])[1]["curve-gap"] == "warning"
    assert run(rows()[:150] + rows()[230:])[1]["curve-gap"] == "warning"
    for nth in (5, 16):
        thin = [row for c in (1, 10) for d in ("charge", "discharge") for row in rows(c, d)[::nth]]
        assert not NEW & set(run(thin)[1])


def charge_with_step(step_at: int, height: float, digits: tuple[int, int]) -> list[Row]:
    """Return a charge of 4,000 rows whose voltage, V, and capacity, mAh/g, have so many digits, with one step in it."""
    ends = [(2 + 2 * i / 4000 + (height / 100 if i >= step_at else 0), 200 * i / 4000) for i in range(4000)]
    return [(1, "charge", round(v, digits[0]), round(q + (height if i >= step_at else 0), digits[1]))
            for i, (v, q) in enumerate(ends)]  # fmt: skip


def test_in_digits_that_mostly_stand_no_step_is_a_hole(run) -> None:
    """The usual step is 0 where most rows show the digits of the row before: every one would be ten times as large."""
    assert "curve-gap" in run(charge_with_step(2000, 20.0, (4, 2)))[1]
    assert "curve-gap" not in run(charge_with_step(2000, 20.0, (2, 0)))[1]


def test_a_half_cycle_of_a_few_last_digits_has_no_hole() -> None:
    """A pulse of 0.4 mAh/g that shows one jump, beside a charge of 200 mAh/g; alone it would be a curve with a hole."""
    pulse = np.append(np.linspace(0, 0.1, 40), np.linspace(0.4, 0.5, 40))
    voltage = np.append(np.linspace(3, 3.01, 40), np.linspace(3.1, 3.11, 40))
    charge, up = np.append(np.linspace(0, 200, 400), 200 - pulse), np.append(np.linspace(3, 4.5, 400), voltage)
    current = np.append(np.ones(400), -np.ones(80))
    both = find_half_cycles(np.arange(480.0), np.ones(479), current, up)
    alone = find_half_cycles(np.arange(80.0), np.ones(79), current[400:], voltage)
    assert both is not None
    assert alone is not None
    assert both.first.tolist() == [0, 400]
    assert check_gaps(charge, up, both) == []
    assert [d.finding.code for d in check_gaps(-pulse, voltage, alone)] == ["curve-gap"]


def test_rows_without_a_direction_are_said(run) -> None:
    holes = [(c, "" if 300 <= i < 400 else d, v, q) for i, (c, d, v, q) in enumerate(rows())]
    assert run(holes)[1]["direction-missing"] == "warning"


def test_rows_without_a_capacity_are_refused_like_those_without_a_voltage(run) -> None:
    """They were filled with the row before: 90 % in cycle 1 where the end of the charge was one of them."""
    holes = [(c, d, v, "" if 300 <= i < 400 else q) for i, (c, d, v, q) in enumerate(rows())]
    with pytest.raises(InconsistentDataError, match="100 of 1298 rows"):
        run(holes)


def test_a_capacity_that_begins_above_0_is_said(run) -> None:
    assert run([(c, d, v, q + 20) for c, d, v, q in rows()])[1]["capacity-not-from-zero"] == "warning"


def test_one_axis_over_all_half_cycles_begins_above_0_and_nothing_is_said(run) -> None:
    """As in a figure of all cycles one after the other: the discharge goes on where the charge ended."""
    listed, before, last = [], 0.0, None
    for c, d, v, q in rows():
        if last is not None and (c, d) != last[:2]:
            before += last[2]
        listed.append((c, d, v, before + q))
        last = (c, d, q)
    result, said = run(listed)
    assert is_the_cell(result)
    assert not NEW & set(said)


# --- several files of one cell ----------------------------------------------------------------------------------------


def added(folder: Path, *names: str) -> set[str]:
    ws = Workspace.open(folder) if (folder / "lirich.toml").exists() else Workspace.create(folder)
    report = ws.add(*(folder / name for name in names), cell="P")
    ws.analyse(executor="serial")
    return {f.code for f in report.findings if f.severity.value == "warning"}


def test_curves_of_one_cell_are_tests_of_their_own_and_that_is_said(tmp_path: Path) -> None:
    for c in (1, 10):
        (tmp_path / f"c{c}.csv").write_text(text(rows(c)))
        (tmp_path / f"c{c}.csv.lirich.toml").write_text(MAPPING)
    assert "join-without-time" not in added(tmp_path, "c1.csv")
    assert "join-without-time" in added(tmp_path, "c10.csv")
    cell = Workspace.open(tmp_path).cells["P"]
    assert all("join-without-time" in {f.code for f in a.findings} for a in cell.analyses)
    values = [v.value for a in cell.analyses for v in a.values if v.quantity == "initial_coulombic_efficiency"]
    assert values == pytest.approx([FIRST], abs=0.05)


def test_a_curve_that_begins_with_all_rows_of_an_older_one_replaces_it(tmp_path: Path) -> None:
    for name, of in (("part", rows()[:599]), ("whole", rows())):
        (tmp_path / f"{name}.csv").write_text(text(of))
        (tmp_path / f"{name}.csv.lirich.toml").write_text(MAPPING)
    added(tmp_path, "part.csv")
    assert "join-without-time" not in added(tmp_path, "whole.csv")
    (analysis,) = Workspace.open(tmp_path).cells["P"].analyses
    values = [v.value for v in analysis.values if v.quantity == "initial_coulombic_efficiency"]
    assert values == pytest.approx([FIRST], abs=0.05)

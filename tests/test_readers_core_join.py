"""Tests that go on over several files: what was one test is one test again."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lirich.cycling import cycle_table
from lirich.errors import NotComparableError
from lirich.model.table import CHARGED, CURRENT, CYCLE, DISCHARGED, STEP, TIME, UNIX_TIME, VOLTAGE
from lirich.readers import TableSummary, check, join_tables, plan_join, read, summarise
from lirich.readers.accumulate import Borders, never_resetting, split_by_direction
from lirich.readers.seam import repeated
from lirich.testing.laboratory import make_laboratory


def whole(n: int = 600, *, clock: bool = True) -> pl.DataFrame:
    time = np.arange(n) * 60.0
    half = (np.arange(n) // 50) % 2
    current = np.where(half == 0, 1e-3, -1e-3)
    passed = np.diff(time, prepend=0.0) * current / 3600
    place = (np.arange(n) % 50) / 50
    data = {
        TIME: time,
        VOLTAGE: 3 + 1.5 * np.where(half == 0, place, 1 - place),
        CURRENT: current,
        CYCLE: (np.arange(n) // 100) + 1,
        STEP: (np.arange(n) // 50) + 1,
        CHARGED: np.cumsum(np.maximum(passed, 0)),
        DISCHARGED: np.cumsum(np.maximum(-passed, 0)),
    }
    table = pl.DataFrame(data)
    return table.insert_column(3, (pl.col(TIME) + 1.7e9).alias(UNIX_TIME)) if clock else table


def pieces(table: pl.DataFrame, cuts: list[int]) -> list[pl.DataFrame]:
    """Cut a test as a cycler does: time, capacities and steps start over, clock and cycle numbers go on."""
    edges = [0, *cuts, table.height]
    out = []
    for a, b in itertools.pairwise(edges):
        part = table.slice(a, b - a)
        before = table.slice(max(a - 1, 0), 1)
        shift = [pl.col(TIME) - part[TIME][0], pl.col(STEP) - part[STEP][0] + 1]
        if a:
            shift += [pl.col(c) - part[c][0] for c in (CHARGED, DISCHARGED)]
        assert before.height == 1
        out.append(part.with_columns(shift))
    return out


def joined(parts: list[pl.DataFrame], order: list[int]) -> tuple[pl.DataFrame, tuple]:
    (group,) = plan_join([summarise(str(i), parts[i]) for i in order])
    table, findings = join_tables([parts[int(key)] for key in group.keys], group.gaps)
    return table, (*group.findings, *findings)


@settings(max_examples=30, deadline=None)
@given(
    cuts=st.lists(st.sampled_from(range(50, 600, 50)), min_size=1, max_size=4, unique=True),
    order=st.randoms(use_true_random=False),
)
def test_pieces_in_any_order_become_the_whole_again(cuts: list[int], order) -> None:
    table = whole()
    parts = pieces(table, sorted(cuts))
    shuffled = list(range(len(parts)))
    order.shuffle(shuffled)
    again, findings = joined(parts, shuffled)
    assert again.columns == table.columns
    assert np.allclose(again[TIME], table[TIME], atol=1e-5)
    assert again[CYCLE].equals(table[CYCLE])
    # a running step number never repeats over the seam
    assert (again[STEP].diff().drop_nulls() >= 0).all()
    assert again[STEP].n_unique() == table[STEP].n_unique()
    # only the charge between the last row of one file and the first of the next is not in any file
    lost = len(cuts) * 60 * 1e-3 / 3600
    for column in (CHARGED, DISCHARGED):
        assert table[column][-1] - again[column][-1] <= lost + 1e-12
        assert (again[column].diff().drop_nulls() >= -1e-15).all()
    assert not [f for f in check(again) if f.severity == "error"]
    assert {f.code for f in findings} <= {"join-gap"}


def test_the_pause_between_files_is_in_the_time_and_in_a_finding() -> None:
    first, second = pieces(whole(), [300])
    later = second.with_columns(pl.col(UNIX_TIME) + 2 * 86_400)
    again, findings = joined([later, first], [0, 1])
    assert again[TIME][300] - again[TIME][299] == pytest.approx(2 * 86_400 + 60)
    (gap,) = [f for f in findings if f.code == "join-gap"]
    assert gap.severity == "warning"
    assert "48" in gap.message


def test_files_whose_clock_times_overlap_are_never_joined() -> None:
    first, second = pieces(whole(), [300])
    groups = plan_join([summarise("a", first), summarise("b", second.with_columns(pl.col(UNIX_TIME) - 9000))])
    assert [g.keys for g in groups] == [("a",), ("b",)]
    assert groups[0].findings[0].code == "join-overlap"


def test_files_whose_clock_times_overlap_in_the_same_rows_are_one_test() -> None:
    table = whole()
    first, second = table.head(400), table.slice(250)
    tables = {"a": first, "b": second}
    groups = plan_join([summarise(k, t) for k, t in tables.items()], shared=lambda a, b: repeated(tables[a], tables[b]))
    (group,) = groups
    assert (group.keys, group.gaps) == (("a", "b"), (0.0,))
    assert [f.code for f in group.findings] == ["join-gap"]  # the cycle number does not start over
    again, findings = join_tables([first, second], group.gaps)
    assert again.equals(table)
    assert [f.code for f in findings] == ["join-rows-repeated"]


def test_without_a_clock_cycle_numbers_give_the_order() -> None:
    parts = pieces(whole(clock=False), [200, 400])
    (group,) = plan_join([summarise(k, parts[i]) for k, i in (("c", 2), ("a", 0), ("b", 1))])
    assert group.keys == ("a", "b", "c")
    assert group.gaps == (None, None)
    assert [f.code for f in group.findings] == ["join-gap-unknown"]
    table, findings = join_tables([parts[0], parts[1], parts[2]], group.gaps)
    assert (table[TIME].diff().drop_nulls() >= 0).all()
    assert [f.code for f in findings] == ["join-gap-unknown"] * 2


def test_without_any_sign_of_order_files_stay_apart_and_are_asked_for() -> None:
    parts = [p.drop(CYCLE) for p in pieces(whole(clock=False), [300])]
    groups = plan_join([summarise(str(i), p) for i, p in enumerate(parts)])
    assert [g.keys for g in groups] == [("0",), ("1",)]
    assert {f.code for g in groups for f in g.findings} == {"join-order-unknown"}


def test_two_copies_of_one_test_are_not_a_continuation() -> None:
    table = whole(clock=False)
    groups = plan_join([summarise("a", table), summarise("b", table)])
    assert [g.keys for g in groups] == [("a",), ("b",)]


def test_test_times_that_go_on_give_order_and_pause() -> None:
    summaries = [
        TableSummary("b", start_time_second=1100.0, duration_second=50.0),
        TableSummary("a", start_time_second=0.0, duration_second=1000.0),
    ]
    (group,) = plan_join(summaries)
    assert group.keys == ("a", "b")
    assert group.gaps == (100.0,)


def test_a_cycle_number_that_starts_over_is_kept_and_said() -> None:
    first, second = pieces(whole(), [300])
    again = second.with_columns(pl.col(CYCLE) - 3)
    table, findings = joined([first, again], [0, 1])
    assert table[CYCLE].to_list() == [*first[CYCLE], *again[CYCLE]]
    assert "join-cycle-count-restarts" in [f.code for f in findings]


def test_a_jump_in_voltage_asks_whether_it_is_the_same_cell() -> None:
    first, second = pieces(whole(), [320])
    _, findings = joined([first, second.with_columns(pl.col(VOLTAGE) + 0.8)], [0, 1])
    assert "join-voltage-jump" in [f.code for f in findings]


def test_totals_that_one_file_lacks_are_left_out_and_said() -> None:
    first, second = pieces(whole(), [300])
    table, findings = join_tables([first, second.drop(CHARGED, DISCHARGED)])
    assert CHARGED not in table.columns
    assert "join-total-left-out" in [f.code for f in findings]


def test_curves_without_time_stand_alone_and_do_not_mix() -> None:
    table = whole()
    curve = table.select(VOLTAGE, CHARGED, DISCHARGED)
    groups = plan_join([summarise("curve", curve), summarise("test", table)])
    assert sorted(g.keys for g in groups) == [("curve",), ("test",)]
    with pytest.raises(NotComparableError):
        join_tables([curve, table])


def test_the_number_of_gaps_must_fit() -> None:
    table = whole()
    with pytest.raises(ValueError, match="need 1 gaps"):
        join_tables([table, table], [1.0, 2.0])
    alone, findings = join_tables([table])
    assert alone.equals(table)
    assert findings == ()


def test_no_file_at_all_is_no_plan() -> None:
    assert plan_join([]) == []


COUNTS = ("never", "cycle", "step")


def counted(table: pl.DataFrame, since: str) -> pl.DataFrame:
    """The same test with totals as a cycler shows them whose counters start over at each step, cycle or never."""
    if since == "never":
        return table
    number = STEP if since == "step" else CYCLE
    before = table.with_columns(pl.col(c).shift(1).fill_null(0.0) for c in (CHARGED, DISCHARGED))
    start = [before.select(pl.col(c).first().over(number)).to_series() for c in (CHARGED, DISCHARGED)]
    return table.with_columns(table[c] - s for c, s in zip((CHARGED, DISCHARGED), start, strict=True))


def read_again(table: pl.DataFrame) -> pl.DataFrame:
    """What a reader makes of the counters of one file."""
    borders = Borders.of(table[STEP].to_numpy(), table[CYCLE].to_numpy())
    return table.with_columns(
        pl.Series(c, never_resetting(table[c].to_numpy(), borders)[0]) for c in (CHARGED, DISCHARGED)
    )


@settings(max_examples=60, deadline=None)
@given(
    cuts=st.lists(st.integers(2, 597), min_size=1, max_size=4, unique=True),
    since=st.sampled_from(COUNTS),
)
def test_a_counter_that_goes_on_from_file_to_file_is_counted_once(cuts: list[int], since: str) -> None:
    """Wherever the test is cut, in the middle of a step too."""
    table = whole()
    edges = [0, *sorted(cuts), table.height]
    shown = counted(table, since)
    parts = [read_again(shown.slice(a, b - a)) for a, b in itertools.pairwise(edges) if b - a > 1]
    if sum(p.height for p in parts) < table.height:
        return  # a file of one row has no usual gain
    again, findings = joined(parts, list(range(len(parts))))
    for column in (CHARGED, DISCHARGED):
        assert np.allclose(again[column], table[column], atol=1e-9)
    assert {f.code for f in findings} == {"join-gap"}


@settings(max_examples=60, deadline=None)
@given(
    cuts=st.lists(st.integers(2, 597), min_size=1, max_size=4, unique=True),
    since=st.sampled_from(COUNTS),
)
def test_one_counter_for_both_directions_that_goes_on_is_counted_once(cuts: list[int], since: str) -> None:
    """The first row of a file has all that passed both ways: it is of neither direction alone."""
    table = whole()
    edges = [0, *sorted(cuts), table.height]
    single = counted(table, since)
    single = single.with_columns((pl.col(CHARGED) + pl.col(DISCHARGED)).alias("both"))
    parts = [split_again(single.slice(a, b - a)) for a, b in itertools.pairwise(edges) if b - a > 1]
    if sum(p.height for p in parts) < table.height:
        return  # a file of one row has no usual gain
    again, findings = joined(parts, list(range(len(parts))))
    assert {f.code for f in findings} == {"join-gap"}
    for column in (CHARGED, DISCHARGED):
        assert np.allclose(again[column], table[column], atol=1e-9)


def split_again(table: pl.DataFrame) -> pl.DataFrame:
    """What a reader makes of one counter, *both*, of one file."""
    borders = Borders.of(table[STEP].to_numpy(), table[CYCLE].to_numpy())
    direction = np.sign(table[CURRENT].to_numpy()).astype(np.int8)
    up, down, _ = split_by_direction(table["both"].to_numpy(), borders, direction)
    return table.drop("both").with_columns(pl.Series(CHARGED, up), pl.Series(DISCHARGED, down))


def test_rows_that_both_files_have_are_counted_once() -> None:
    table = whole()
    again, findings = joined([table.slice(0, 130), table.slice(128, 472)], [0, 1])
    assert again.height == table.height
    assert np.allclose(again[CHARGED], table[CHARGED])
    assert np.allclose(again[TIME], table[TIME])
    assert {f.code for f in findings} == {"join-gap", "join-rows-repeated"}
    (said,) = [f.message for f in findings if f.code == "join-rows-repeated"]
    assert "last 2 rows" in said


def test_a_counter_below_zero_and_a_file_without_numbers_are_no_fault_of_the_join() -> None:
    first, second = pieces(whole(), [320])
    again, _ = joined([first, second.with_columns(pl.col(CHARGED) - 5e-5)], [0, 1])
    assert again[CHARGED][320] == pytest.approx(again[CHARGED][319])
    a, b, c = pieces(whole(), [200, 400])
    again, findings = joined([a, b.with_columns(pl.lit(None, pl.Float64).alias(CHARGED)), c], [0, 1, 2])
    assert CHARGED not in again.columns
    assert "join-total-left-out" in {f.code for f in findings}


def test_what_a_counter_took_up_while_nothing_was_recorded_is_counted() -> None:
    """Ten minutes are in neither file, but the current flowed before and after: the counter tells how much."""
    table = whole()
    again, findings = joined([table.slice(0, 120), table.slice(130, 470)], [0, 1])
    assert again[CHARGED][-1] == pytest.approx(table[CHARGED][-1])
    assert "join-counter-carried" not in {f.code for f in findings}


def test_a_counter_that_goes_on_over_a_missing_file_is_said() -> None:
    table = whole()
    first, third = table.slice(0, 120), table.slice(340, 260)
    again, findings = joined([first, third], [0, 1])
    assert "join-counter-carried" in {f.code for f in findings}
    assert again[CHARGED][120] == pytest.approx(again[CHARGED][119])
    assert again[CHARGED][-1] - again[CHARGED][120] == pytest.approx(table[CHARGED][-1] - table[CHARGED][340])


@pytest.mark.parametrize(
    ("form", "cut"), [("neware-csv", 0.013), ("neware-csv", 0.61), ("bdf-csv", 0.37), ("landt-csv", 0.2)]
)
def test_a_vendor_file_cut_by_its_rows_gives_the_cycles_of_the_whole(form: str, cut: float, tmp_path: Path) -> None:
    made = make_laboratory(
        tmp_path / "lab", n_sc=1, n_pc=0, cycles=12, formats=(form,), continued=False, physics="curves"
    )
    (cell,) = made.cells.values()
    path = cell.files[0]
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    header = next(i for i, line in enumerate(lines) if "oltage" in line) + 1
    at = header + int(cut * (len(lines) - header))
    halves = []
    for name, rows in (("a", lines[header:at]), ("b", lines[at:])):
        half = tmp_path / f"{name}{''.join(path.suffixes)}"
        half.write_text("".join(lines[:header] + rows), encoding="utf-8")
        halves.append(read(half).table)
    whole_table = read(path).table
    again, findings = joined(halves, [0, 1])
    assert "join-counter-carried" not in {f.code for f in findings}
    for column in (CHARGED, DISCHARGED):
        assert again[column][-1] - again[column][0] == pytest.approx(
            whole_table[column][-1] - whole_table[column][0], rel=2e-5
        )
    cut_cycles, cycles = cycle_table(again), cycle_table(whole_table)
    for name in ("charge_capacity_mah", "discharge_capacity_mah", "coulombic_efficiency"):
        assert np.allclose(cut_cycles[name].to_numpy(), cycles[name].to_numpy(), rtol=2e-3, equal_nan=True)


@settings(max_examples=80, deadline=None)
@given(
    cut=st.integers(80, 520),
    many=st.integers(2, 60),
    since=st.sampled_from((*COUNTS, "file")),
    starts_over=st.booleans(),
)
def test_rows_that_both_files_have_are_counted_once_without_a_clock(
    cut: int, many: int, since: str, starts_over: bool
) -> None:
    """By a test time that goes on, else by eight rows or by a counter that shows the same again."""
    table = whole(clock=False)
    shown = counted(table, "never" if since == "file" else since)
    first, second = read_again(shown.head(cut)), shown.slice(cut - many)
    if since == "file":
        many = max(many, 8) if starts_over else many
        second = shown.slice(cut - many).with_columns(pl.col(c) - shown[c][cut - many] for c in (CHARGED, DISCHARGED))
    if starts_over:
        second = second.with_columns(pl.col(TIME) - second[TIME][0])
        if many < 8 and since != "file" and not counts_between(shown, cut, many):
            return  # few rows, and a counter that stands still or has just started over: nothing tells
    again, findings = join_tables([first, read_again(second)])
    assert [f.code for f in findings] == ["join-rows-repeated"]
    assert f"last {many} rows" in findings[0].message
    assert again.height == table.height
    for column in (TIME, CHARGED, DISCHARGED, VOLTAGE):
        assert np.allclose(again[column], table[column], atol=1e-9)
    assert again[STEP].equals(table[STEP])


def counts_between(shown: pl.DataFrame, cut: int, many: int) -> bool:
    """Whether a counter is above zero where *many* rows before the *cut* begin, and rises until it in one step."""
    block = shown.slice(cut - many, many)
    return block[STEP].n_unique() == 1 and any(0.0 < block[c][0] < block[c][-1] for c in (CHARGED, DISCHARGED))


@pytest.mark.parametrize("starts_over", [True, False])
@pytest.mark.parametrize("wander", [0, 2])
def test_rows_of_rest_that_are_alike_are_not_taken_for_the_same(starts_over: bool, wander: int) -> None:
    """The last twenty rows of the first file are the first twenty of the second in voltage and current."""
    charge = whole(clock=False).head(40)
    rest = (
        charge.tail(1)
        .select(pl.all().repeat_by(40).explode())
        .with_columns(
            pl.lit(0.0).alias(CURRENT),
            (pl.col(TIME) + 60.0 * pl.Series(np.arange(1, 41))).alias(TIME),
            (pl.col(VOLTAGE) + 1e-4 * pl.Series(np.arange(40) % (wander + 1))).alias(VOLTAGE),
        )
    )
    table = pl.concat([charge, rest])
    cut = 40 + 6 * (wander + 1)
    second = table.slice(cut)
    if starts_over:
        second = second.with_columns(pl.col(TIME) - second[TIME][0])
    again, findings = join_tables([table.head(cut), second], [60.0])
    assert findings == ()
    assert again.height == table.height
    assert np.allclose(again[TIME], table[TIME])


@settings(max_examples=40, deadline=None)
@given(step=st.integers(1, 10), row=st.integers(3, 47))
def test_a_net_counter_loses_no_row_where_a_step_goes_on(step: int, row: int) -> None:
    """The reader takes what a net counter shows first as its zero: the pace of the counter says what passed."""
    table = whole()
    net = table.with_columns((pl.col(CHARGED) - pl.col(DISCHARGED) + 1e-3).alias("both"))
    cut = 50 * step + row
    again, findings = joined([split_again(net.head(cut)), split_again(net.slice(cut))], [0, 1])
    assert {f.code for f in findings} == {"join-gap"}
    for column in (CHARGED, DISCHARGED):
        assert np.allclose(again[column], table[column], atol=1e-9)


def test_a_net_counter_that_goes_on_in_one_direction_alone_is_explained() -> None:
    """Alone, the second file shows a counter that grows from what the first one charged less what it discharged."""
    table = whole().head(200)
    net = table.with_columns((pl.col(DISCHARGED) - pl.col(CHARGED) + 1e-9).alias("both"))
    net = net.with_columns(pl.when(pl.int_range(200) < 100).then("both").otherwise(pl.col("both") - 5e-4).alias("both"))
    again, findings = joined([split_again(net.head(165)), split_again(net.slice(165))], [0, 1])
    assert "join-counter-carried" not in {f.code for f in findings}
    assert again[DISCHARGED][-1] == pytest.approx(table[DISCHARGED][-1])


@pytest.mark.parametrize("cut", [51, 52, 151, 299])
def test_a_counter_that_starts_over_beside_a_border_of_steps_loses_no_row(cut: int) -> None:
    """What the first row shows since the file began could be what it shows since the step: the pace tells."""
    table = whole()
    second = table.slice(cut).with_columns(pl.col(c) - table[c][cut - 1] for c in (CHARGED, DISCHARGED))
    again, _ = joined([table.head(cut), second], [0, 1])
    for column in (CHARGED, DISCHARGED):
        assert np.allclose(again[column], table[column], atol=1e-9)


def test_a_step_that_goes_on_over_a_border_of_files_is_one_step() -> None:
    table = whole()
    for cut in (120, 377):
        again, _ = joined([table.head(cut), table.slice(cut).with_columns(pl.col(STEP) - table[STEP][cut] + 1)], [0, 1])
        assert again[STEP].equals(table[STEP])
    # an hour later it is another step, which may be the same one of the programme
    later = table.slice(120).with_columns(pl.col(UNIX_TIME) + 3600.0)
    again, _ = joined([table.head(120), later], [0, 1])
    assert again[STEP].n_unique() == table[STEP].n_unique() + 1


@pytest.mark.parametrize(("days", "severity"), [(20, "warning"), (0.5, "info")])
@pytest.mark.parametrize("cycles", [True, False])
def test_a_pause_by_test_times_is_said_as_one_by_the_clock_is(days: float, severity: str, cycles: bool) -> None:
    table = whole(clock=False)
    table = table if cycles else table.drop(CYCLE)
    second = table.slice(300).with_columns(pl.col(TIME) + days * 86_400)
    (group,) = plan_join([summarise("a.csv", table.head(300)), summarise("b.csv", second)])
    assert group.gaps == (pytest.approx(days * 86_400 + 60),)
    (said,) = group.findings
    assert (said.code, said.severity) == ("join-gap", severity)
    assert "a.csv and b.csv" in said.message
    assert "joined because" in said.message


@pytest.mark.parametrize("factor", [1000.0, 3600.0])
def test_parts_whose_times_are_in_different_units_are_said_by_name(factor: float) -> None:
    first, second = pieces(whole(clock=False), [300])
    for long, short, parts in (
        ("b.csv", "a.csv", [first, second.with_columns(pl.col(TIME) * factor)]),
        ("a.csv", "b.csv", [first.with_columns(pl.col(TIME) * factor), second]),
    ):
        _, findings = join_tables(parts, [60.0], ["a.csv", "b.csv"])
        (said,) = [f for f in findings if f.code == "join-time-scale"]
        assert f"those of {long} run {factor:.0f} times as fast as those of {short}" in said.message
        assert f"{long} with --repair time-{factor:.0f}x!" in said.advice


def test_parts_recorded_by_other_intervals_are_in_one_unit() -> None:
    """A row each second and a row each 1000 s of the same slow charge: the voltage moves with the time."""

    def charge(start: float, interval: float) -> pl.DataFrame:
        time = start + interval * np.arange(100)
        return pl.DataFrame({TIME: time, VOLTAGE: 3.0 + 1e-5 * time, CURRENT: np.full(100, 1e-3)})

    _, findings = join_tables([charge(0.0, 1.0), charge(100.0, 1000.0)], [1.0])
    assert findings == ()


def test_coarse_digits_and_storage_by_the_hour_are_no_other_unit() -> None:
    """A charge of 10 h by 10 mV, a row each second and then each 1000 s; and a rest with a row each hour after it."""

    def rows(start: float, count: int, interval: float, current: float) -> pl.DataFrame:
        time = start + interval * np.arange(count)
        volts = np.round(3.0 + np.linspace(0.0, 1.0 if current else 0.0, count), 2)
        return pl.DataFrame({TIME: time, VOLTAGE: volts, CURRENT: np.full(count, current)})

    fast = rows(0.0, 36_000, 1.0, 1e-3)
    for later in (rows(36_000.0, 36, 1000.0, 1e-3), rows(36_000.0, 200, 3600.0, 0.0)):
        _, findings = join_tables([fast, later], [1.0])
        assert "join-time-scale" not in {f.code for f in findings}

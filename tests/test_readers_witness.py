"""What bears witness and what does not: one capacity column of two, and capacities split by the sign they prove."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from lirich.errors import InconsistentDataError
from lirich.model import Severity
from lirich.model.table import (
    CHARGED,
    CHARGED_ENERGY,
    CURRENT,
    DISCHARGED,
    DISCHARGED_ENERGY,
    TIME,
    VOLTAGE,
)
from lirich.readers import read, repair
from lirich.readers.base import Reading
from lirich.readers.inspect import inspect
from lirich.readers.runs import find_half_cycles
from test_readers_core_checks import cell_test, codes, errors


def said(reading: Reading) -> dict[str, str]:
    return {f.code: f.message for f in reading.findings if f.severity is not Severity.INFO}


# --- one of the two capacity columns --------------------------------------------------------------------------------

BOTH = (CHARGED, DISCHARGED)


@pytest.mark.parametrize("lost", BOTH)
def test_a_sound_test_with_one_capacity_column_raises_no_alarm(lost: str) -> None:
    table = cell_test().drop(lost)
    assert codes(table) == {}
    offset = pl.when(pl.col(CURRENT) == 0).then(-2e-7).otherwise(pl.col(CURRENT))  # of the cycler, at rest
    one_way = table.filter(pl.col(CURRENT) >= 0).with_columns(offset.alias(CURRENT))
    assert "charge-balance" not in codes(one_way)


@pytest.mark.parametrize("lost", BOTH)
@pytest.mark.parametrize(("factor", "name"), [(1000.0, "time-1000x"), (1 / 3600, "time-in-hours")])
def test_one_capacity_column_proves_a_wrong_time(lost: str, factor: float, name: str) -> None:
    wrong = cell_test().drop(lost).with_columns(pl.col(TIME) * factor)
    assert errors(wrong) == {"charge-balance": name}


@pytest.mark.parametrize("lost", BOTH)
def test_one_capacity_column_is_compared_with_the_current_of_its_own_direction(lost: str) -> None:
    """Two directions that are off in opposite ways cancel in the sum, and not in each."""
    kept = DISCHARGED if lost == CHARGED else CHARGED
    wrong = cell_test(current_a=1.23456789e-3).with_columns(pl.col(kept) / 1.13).drop(lost)
    (message,) = [f.message for f in repair(wrong, [])[1]]
    assert "1.13 times the charge in the column of the" in message
    assert codes(wrong) == {"charge-balance": ""}


@pytest.mark.parametrize("lost", BOTH)
def test_a_wrong_sign_or_a_wrong_name_of_one_capacity_column_is_found(lost: str) -> None:
    table = cell_test().drop(lost)
    wrong = table.with_columns(-pl.col(CURRENT))
    assert errors(wrong) == {"current-sign": "flip-current"}
    assert repair(wrong, ["flip-current"])[0].equals(table)
    kept = DISCHARGED if lost == CHARGED else CHARGED
    named = table.rename({kept: lost})
    assert errors(named) == {"capacities-swapped": "swap-capacities"}
    assert repair(named, ["swap-capacities"])[0].equals(table)


def test_the_landt_file_without_a_capacity_column_still_warns(shared_data: Path, tmp_path: Path) -> None:
    """Its current has four digits: ∫I dt is 1.129 times both columns, and 1.135 times that of discharge."""
    lines = (shared_data / "cycling" / "landt_LiGrR2032.csv").read_text(encoding="utf-8").splitlines()
    at = next(i for i, line in enumerate(lines) if "charge_capacity_Ah" in line)
    column = lines[at].split(",").index("charge_capacity_Ah")
    kept = [line.split(",") for line in lines[at:]]
    path = tmp_path / "landt.csv"
    path.write_text("\n".join(",".join(cells[:column] + cells[column + 1 :]) for cells in kept), encoding="utf-8")
    reading = read(path)
    assert CHARGED not in reading.table.columns
    assert "1.135 times the charge in the column of the discharged capacity" in said(reading)["current-rounded"]
    (finding,) = [f for f in reading.findings if f.code == "current-rounded"]
    assert "its ∫I dt is taken to be off by as much" in finding.advice


# --- one counter for both directions --------------------------------------------------------------------------------


def one_counter(table: pl.DataFrame, path: Path, *, states: bool = False) -> Path:
    """Write a test with one column of capacity, which grows in both directions, with step names or without."""
    columns = [
        pl.col(TIME).alias("Seconds"),
        pl.col(CURRENT).alias("Amps"),
        pl.col(VOLTAGE).alias("Volts"),
        (pl.col(CHARGED) + pl.col(DISCHARGED)).alias("Ah"),
    ]
    if states:
        columns.append(pl.when(pl.col(CURRENT) == 0).then(pl.lit("R")).otherwise(pl.lit("X")).alias("State"))
    table.select(columns).write_csv(path)
    return path


@pytest.mark.parametrize("states", [False, True])
def test_capacities_split_by_the_sign_of_the_current_are_no_witness_of_it(states: bool, tmp_path: Path) -> None:
    table = cell_test(cycles=2)
    right = read(one_counter(table, tmp_path / "right.csv", states=states))
    assert right.split_by_sign
    assert said(right) == {}
    turned = one_counter(table.with_columns(-pl.col(CURRENT)), tmp_path / "turned.csv", states=states)
    with pytest.raises(InconsistentDataError, match="The voltage falls while the current charges"):
        read(turned)
    assert inspect(turned).needed_repairs == ("flip-current",)
    mended = read(turned, repairs=["flip-current"])
    assert mended.repairs == ("flip-current",)
    assert set(said(mended)) == {"repaired-flip-current"}  # the doubt is gone with the fault
    assert mended.table.equals(right.table)


COUNTERS = {"capacity": (CHARGED, DISCHARGED), "energy": (CHARGED_ENERGY, DISCHARGED_ENERGY)}


def with_energy(table: pl.DataFrame) -> pl.DataFrame:
    """Add the energies: ∫V dQ of each direction."""
    volts = table[VOLTAGE].to_numpy()
    return table.with_columns(
        pl.Series(e, np.cumsum(volts * np.diff(table[q].to_numpy(), prepend=0.0)))
        for q, e in zip(*COUNTERS.values(), strict=True)
    )


def counters_in_file(table: pl.DataFrame, path: Path, single: set[str], *, swapped: bool = False) -> Path:
    """Write a test whose *single* counters are one column for both directions, the others two (or *swapped*)."""
    names = {"capacity": "Capacity(Ah)", "energy": "Energy(Wh)"}
    columns = [pl.col(TIME).alias("Time(s)"), pl.col(VOLTAGE).alias("Voltage(V)"), pl.col(CURRENT).alias("Current(A)")]
    for what, (up, down) in COUNTERS.items():
        if what in single:
            columns.append((pl.col(up) + pl.col(down)).alias(names[what]))
        else:
            ways = ("Discharge", "Charge") if swapped else ("Charge", "Discharge")
            columns += [pl.col(c).alias(f"{way} {names[what]}") for way, c in zip(ways, (up, down), strict=True)]
    table.select(columns).write_csv(path)
    return path


@pytest.mark.parametrize("single", [set(), {"capacity"}, {"energy"}, {"capacity", "energy"}])
def test_a_mended_sign_takes_along_what_was_split_by_it_and_nothing_else(single: set[str], tmp_path: Path) -> None:
    """Whichever counters have a direction of their own, a test with reversed current is mended to the right one."""
    table = with_energy(cell_test(cycles=2, interval_s=300.0)).filter(pl.int_range(pl.len()) < 200)  # more charged
    right = read(counters_in_file(table, tmp_path / "right.csv", single))
    assert right.split_by_sign == {c for what in single for c in COUNTERS[what]}
    assert said(right) == {}
    assert right.table[DISCHARGED_ENERGY][-1] < 0.7 * right.table[CHARGED_ENERGY][-1]
    turned = counters_in_file(table.with_columns(-pl.col(CURRENT)), tmp_path / "turned.csv", single)
    with pytest.raises(InconsistentDataError, match="charge has to be positive"):
        read(turned)
    mended = read(turned, repairs=["flip-current"])
    assert set(said(mended)) == {"repaired-flip-current"}
    assert mended.table.equals(right.table)


@pytest.mark.parametrize("net", [False, True])
def test_a_sign_that_capacities_tell_splits_the_energy_that_was_one_column(net: bool, tmp_path: Path) -> None:
    table = with_energy(cell_test(cycles=2, interval_s=300.0))
    right = read(counters_in_file(table, tmp_path / "right.csv", {"energy"})).table
    unsigned = table.with_columns(pl.col(CURRENT).abs())
    if net:
        unsigned = unsigned.with_columns((pl.col(CHARGED_ENERGY) - pl.col(DISCHARGED_ENERGY)).alias(CHARGED_ENERGY))
        unsigned = unsigned.with_columns(pl.lit(0.0).alias(DISCHARGED_ENERGY))
    path = counters_in_file(unsigned, tmp_path / "unsigned.csv", {"energy"})
    with pytest.raises(InconsistentDataError, match="it has lost its sign"):
        read(path)
    mended = read(path, repairs=["sign-current"])
    assert set(said(mended)) == {"repaired-sign-current"}
    assert "told apart by it: charging_energy_wh, discharging_energy_wh" in said(mended)["repaired-sign-current"]
    # a net counter without sign near zero looks as if it started over: a row is lost
    row = float(right[CHARGED_ENERGY].diff().max()) if net else 1e-9  # type: ignore[arg-type]
    for name in right.columns:
        assert np.allclose(mended.table[name], right[name], rtol=1e-9, atol=row)


def test_swapped_capacities_leave_an_energy_that_the_right_current_split(tmp_path: Path) -> None:
    table = with_energy(cell_test(cycles=2, interval_s=300.0)).filter(pl.int_range(pl.len()) < 200)
    right = read(counters_in_file(table, tmp_path / "right.csv", {"energy"}))
    crossed = counters_in_file(table, tmp_path / "crossed.csv", {"energy"}, swapped=True)
    with pytest.raises(InconsistentDataError, match="the capacity columns are swapped"):
        read(crossed)
    mended = read(crossed, repairs=["swap-capacities"])
    assert set(said(mended)) == {"repaired-swap-capacities"}
    assert mended.table.equals(right.table)


def test_a_counter_that_step_names_split_is_a_witness(tmp_path: Path) -> None:
    table = cell_test(cycles=2)
    path = tmp_path / "named.csv"
    table.select(
        pl.col(TIME).alias("Seconds"),
        pl.col(CURRENT).alias("Amps"),
        pl.col(VOLTAGE).alias("Volts"),
        pl.col("step_type").alias("State"),
        (pl.col(CHARGED) + pl.col(DISCHARGED)).alias("Ah"),
    ).write_csv(path)
    reading = read(path)
    assert not reading.split_by_sign
    assert np.allclose(reading.table[DISCHARGED], table[DISCHARGED])


def test_a_lost_sign_is_not_asked_of_capacities_that_were_split_by_it(tmp_path: Path) -> None:
    path = one_counter(cell_test(cycles=2).with_columns(pl.col(CURRENT).abs()), tmp_path / "unsigned.csv")
    with pytest.raises(InconsistentDataError, match="it has lost its sign") as caught:
        read(path)
    assert "mapping file" in caught.value.advice


@pytest.mark.parametrize("name", ["dqdv_cell1_rough", "gitt_discharge_thinned", "ici_discharge"])
def test_real_files_with_reversed_current_are_refused_and_mended(name: str, shared_data: Path, tmp_path: Path) -> None:
    source = shared_data / "cycling" / f"ampworks_{name}.csv"
    path = tmp_path / "reversed.csv"
    pl.read_csv(source, infer_schema_length=None).with_columns(-pl.col("Amps").cast(pl.Float64)).write_csv(path)
    with pytest.raises(InconsistentDataError, match="charge has to be positive"):
        read(path)
    assert read(path, repairs=["flip-current"]).table.equals(read(source).table)


def test_inspect_and_read_are_as_sure_of_a_file(tmp_path: Path) -> None:
    path = one_counter(cell_test(), tmp_path / "plain.csv")
    assert inspect(path).confidence == read(path).confidence == 0.6


def test_half_cycles_of_the_checks_are_those_of_the_capacities() -> None:
    table = cell_test()
    time, current = table[TIME].to_numpy(), table[CURRENT].to_numpy()
    halves = find_half_cycles(time, np.diff(time), current, table[VOLTAGE].to_numpy())
    assert halves is not None
    assert np.abs(halves.charge_ah).sum() == pytest.approx(table[CHARGED][-1] + table[DISCHARGED][-1], rel=1e-3)

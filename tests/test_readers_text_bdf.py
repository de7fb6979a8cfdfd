"""The Battery Data Format: exact round trip, both spellings, other units, other scopes."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from lirich.errors import DamagedFileError, InputError, MissingColumnError, ReadError
from lirich.model import table as std
from lirich.readers import read
from lirich.readers.base import standard_table
from lirich.readers.bdf import MACHINE_NAMES, PREFERRED_LABELS, BdfReader, write_bdf

finite = st.floats(allow_nan=False, allow_infinity=False, width=64)
maybe = st.one_of(st.none(), finite)
count = st.one_of(st.none(), st.integers(-(2**62), 2**62))
words = st.one_of(
    st.none(), st.text(st.characters(codec="utf-8", exclude_characters="\r\x00"), min_size=1, max_size=12)
)


@st.composite
def tables(draw: st.DrawFn) -> pl.DataFrame:
    """Any standard table: counters that never fall, anything else anywhere."""
    n = draw(st.integers(1, 12))
    columns: dict[str, pl.Series] = {}
    optional = draw(st.sets(st.sampled_from(sorted(set(std.COLUMNS) - {std.TIME, std.VOLTAGE, std.CURRENT}))))
    for name in {std.TIME, std.VOLTAGE, std.CURRENT, *optional}:
        dtype = std.COLUMNS[name][0]
        values = words if dtype == pl.String else count if dtype == pl.Int64 else finite
        drawn = draw(st.lists(values, min_size=n, max_size=n))
        if name in (std.CHARGED, std.DISCHARGED, std.CHARGED_ENERGY, std.DISCHARGED_ENERGY):
            drawn = sorted(abs(v) for v in drawn)
        elif dtype == pl.Float64 and name not in (std.TIME, std.VOLTAGE, std.CURRENT):
            drawn = [v if i % 3 else None for i, v in enumerate(drawn)]
        columns[name] = pl.Series(name, drawn, dtype=dtype)
    return standard_table(pl.DataFrame(columns), path=Path("drawn"))


@settings(max_examples=150, deadline=None)
@given(tables(), st.sampled_from(["machine", "preferred"]), st.sampled_from([".bdf.csv", ".bdf.parquet"]))
def test_what_is_written_is_read_back_bit_for_bit(tmp_path_factory, table, labels, suffix) -> None:
    path = write_bdf(table, tmp_path_factory.mktemp("bdf") / f"t{suffix}", labels=labels)
    assert not [p for p in path.parent.iterdir() if p != path]
    reading = BdfReader().read(path)
    assert_frame_equal(reading.table, table, check_exact=True)
    assert reading.findings == ()


def small() -> pl.DataFrame:
    n = 200
    frame = pl.DataFrame({
        std.TIME: [10.0 * i for i in range(n)],
        std.VOLTAGE: [3 + i / 1000 for i in range(n)],
        std.CURRENT: [0.001] * n,
        std.CYCLE: [1 + i // 100 for i in range(n)],
        std.STEP_INDEX: [1] * n,
        std.CELL_TEMPERATURE: [25.0] * n,
    })  # fmt: skip
    return standard_table(frame, path=Path("small"))


def test_names_are_those_of_the_format() -> None:
    assert set(PREFERRED_LABELS) == set(MACHINE_NAMES) == set(std.COLUMNS)
    assert PREFERRED_LABELS[std.TIME] == "Test Time / s"
    assert MACHINE_NAMES[std.STEP_INDEX] == "step_id"  # ontology 1.3.0: an instrument's Step Index is the step id


def test_sniff_knows_both_spellings_and_gzip(tmp_path: Path) -> None:
    for labels in ("machine", "preferred"):
        path = write_bdf(small(), tmp_path / "t.csv", labels=labels)
        recognition = BdfReader().sniff(path, path.read_bytes())
        assert recognition is not None
        assert recognition.confidence > 0.9
    packed = tmp_path / "t.bdf.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    assert BdfReader().sniff(packed, packed.read_bytes()) is not None
    assert_frame_equal(BdfReader().read(packed).table, small(), check_exact=True)
    packed.write_bytes(packed.read_bytes()[:-30])
    with pytest.raises(DamagedFileError):
        BdfReader().read(packed)


def test_another_unit_in_the_label_is_converted_and_shown(tmp_path: Path) -> None:
    path = tmp_path / "t.bdf.csv"
    path.write_text("Test Time / h,Voltage / mV,Current / mA,Cycle Count / 1\n0.5,3700,-2,1\n1.0,3600,-2,1\n")
    reading = BdfReader().read(path)
    assert reading.table[std.TIME].to_list() == [1800.0, 3600.0]
    assert reading.table[std.VOLTAGE].to_list() == pytest.approx([3.7, 3.6])
    assert reading.table[std.CURRENT].to_list() == [-0.002, -0.002]
    assert {m.column: m.factor for m in reading.recognised}[std.TIME] == 3600.0


def test_a_column_that_stands_twice_is_told(tmp_path: Path) -> None:
    rows = "".join(f"{10 * i},{3 + 0.01 * i},{9.9},{0.001}\n" for i in range(50))
    file = tmp_path / "twice.bdf.csv"
    file.write_text("test_time_second,voltage_volt,voltage_volt,current_ampere\n" + rows)
    assert any(f.code == "duplicate-column" and "voltage_volt" in f.message for f in read(file).findings)


def test_counters_of_a_step_become_running_ones(tmp_path: Path) -> None:
    path = tmp_path / "t.bdf.csv"
    rows = [f"{i},3.5,0.001,{1 + i // 10},{(i % 10) * 1e-6!r}" for i in range(40)]
    path.write_text(
        "test_time_second,voltage_volt,current_ampere,step_count,step_charging_capacity_ah\n" + "\n".join(rows) + "\n"
    )
    table = BdfReader().read(path).table
    assert table[std.CHARGED][-1] == pytest.approx(4 * 9e-6)
    assert (table[std.CHARGED].diff().drop_nulls() >= 0).all()


def test_whole_numbers_that_are_not_whole_are_left_out_and_said(tmp_path: Path) -> None:
    path = tmp_path / "t.bdf.csv"
    # As in SINTEF's reference file: cycle_count 6.283185307179586.
    path.write_text("test_time_second,voltage_volt,current_ampere,cycle_count\n" + "1,3,0.1,6.283185307179586\n" * 9)
    reading = BdfReader().read(path)
    assert std.CYCLE not in reading.table.columns
    assert {f.code for f in reading.findings} == {"count-not-whole"}
    path.write_text("test_time_second,voltage_volt,current_ampere,cycle_count\n" + "1,3,0.1,2.0\n" * 9)
    assert BdfReader().read(path).table[std.CYCLE].to_list() == [2] * 9


def test_faults(tmp_path: Path) -> None:
    path = write_bdf(small(), tmp_path / "t.bdf.csv")
    lines = path.read_text().split("\n")
    lines[100] = "990.0,?,0.001,1,1,25"
    path.write_text("\n".join(lines))
    reading = BdfReader().read(path)
    assert reading.table.height == 199
    assert [f.code for f in reading.findings] == ["unreadable-rows"]
    parquet = write_bdf(small(), tmp_path / "t.bdf.parquet")
    parquet.write_bytes(parquet.read_bytes()[:-50])
    with pytest.raises(ReadError):
        BdfReader().read(parquet)
    path.write_text("test_time_second,voltage_volt,power_watt\n1,2,3\n")
    with pytest.raises(ReadError):
        BdfReader().read(path)
    small().select(std.TIME, std.VOLTAGE).rename({}).write_parquet(parquet)
    with pytest.raises(MissingColumnError):
        BdfReader().read(parquet)
    with pytest.raises(InputError, match="no standard table"):
        write_bdf(pl.DataFrame({"nonsense": [1]}), tmp_path / "x.bdf.csv")


def test_what_stood_there_is_kept_when_writing_fails(tmp_path: Path) -> None:
    path = write_bdf(small(), tmp_path / "t.bdf.csv")
    before = path.read_bytes()
    with pytest.raises(InputError):
        write_bdf(pl.DataFrame({"nonsense": [1]}), path)
    assert path.read_bytes() == before


def test_further_temperatures_power_and_pressures_survive_reading_and_writing(tmp_path: Path) -> None:
    rows = 12
    table = pl.DataFrame(
        {
            "test_time_second": np.arange(rows) * 10.0,
            "voltage_volt": np.linspace(3.0, 3.2, rows),
            "current_ampere": np.full(rows, 1e-3),
            **{f"temperature_t{n}_celsius": np.full(rows, 20.0 + n) for n in (1, 2, 3, 4, 5)},
            "power_watt": np.linspace(3e-3, 3.2e-3, rows),
            "ambient_pressure_pa": np.full(rows, 1.0e5),
            "applied_pressure_pa": np.full(rows, 2.0e6),
        }
    )
    path = tmp_path / "sensors.bdf.csv"
    table.write_csv(path)
    reading = read(path)
    assert reading.unrecognised == ()
    assert reading.table.equals(table)
    for name, labels in (
        ("again.bdf.csv", "machine"),
        ("labels.bdf.csv", "preferred"),
        ("again.bdf.parquet", "machine"),
    ):
        assert read(write_bdf(reading.table, tmp_path / name, labels=labels)).table.equals(table), name
    published = tmp_path / "published.bdf.csv"
    table.rename({"temperature_t2_celsius": "Surface Temperature T2 / degC"}).write_csv(published)
    assert read(published).table["temperature_t2_celsius"].to_list() == [22.0] * rows


@pytest.mark.data
def test_a_real_file_loses_no_column_by_reading_and_writing(tmp_path: Path, shared_data: Path) -> None:
    path = shared_data / "cycling" / "neware_rate_SLPBA842124HV_TimeBug.bdf.csv"
    once = read(path, repairs=["time-glitches"])
    assert once.unrecognised == ()
    assert {"power_watt", "temperature_t2_celsius", "temperature_t3_celsius"} <= set(once.table.columns)
    again = read(write_bdf(once.table, tmp_path / "again.bdf.csv"))
    assert again.table.equals(once.table)

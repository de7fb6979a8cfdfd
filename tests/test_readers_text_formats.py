# ruff: noqa: E501 - rows of vendor files are long
"""Formats and faults that the text readers must understand, on small files written here."""

from __future__ import annotations

import contextlib
import re
import zipfile
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import xlsxwriter
from hypothesis import given
from hypothesis import strategies as st

from lirich.errors import DamagedFileError, MissingColumnError, ReadError, UnrecognisedFileError
from lirich.model import Severity
from lirich.model import table as std
from lirich.readers import headers as h
from lirich.readers import read
from lirich.readers.accumulate import Borders, never_resetting, split_by_direction
from lirich.readers.arbin import ArbinResReader, ArbinTextReader
from lirich.readers.basytec import BasytecReader
from lirich.readers.clock import elapsed_seconds, wall_clock
from lirich.readers.counts import changes
from lirich.readers.landt import LandtReader
from lirich.readers.maccor import MaccorReader
from lirich.readers.neware_text import NewareTextReader
from lirich.readers.states import direction_of
from lirich.readers.table import TableReader
from lirich.testing.samples import SAMPLES, sample_log


def codes(reading) -> set[str]:
    return {finding.code for finding in reading.findings}


def plain(rows: int = 300) -> str:
    lines = [f"{i * 10.0},{3.0 + 0.004 * i:.4f},0.00100,25.0" for i in range(rows)]
    return "Time(s),Voltage(V),Current(A),Temperature(C)\n" + "\n".join(lines) + "\n"


def read_text(folder: Path, text: str | bytes, reader=None):
    path = folder / "data.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return (reader or TableReader()).read(path)


# --- headers ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "role", "factor"),
    [
        ("Current(mA)", std.CURRENT, 1e-3),
        ("I[A]", std.CURRENT, 1.0),
        ("Current (µA)", std.CURRENT, 1e-6),
        ("Current(uA)", std.CURRENT, 1e-6),
        ("mAmps", std.CURRENT, 1e-3),
        ("<I>/mA", std.CURRENT, 1e-3),
        ("电流(mA)", std.CURRENT, 1e-3),
        ("Ecell/V", std.VOLTAGE, 1.0),
        ("voltage_mV", std.VOLTAGE, 1e-3),
        ("Test Time / h", std.TIME, 3600.0),
        ("test_time_second", std.TIME, 1.0),
        ("~Time[h]", std.TIME, 3600.0),
        ("Test Time (min)", std.TIME, 60.0),
        ("Chg. Cap.(mAh)", std.CHARGED, 1e-3),
        ("DChg. Cap.(Ah)", std.DISCHARGED, 1.0),
        ("Spec. Cap.(mAh/g)", h.SPECIFIC_CAPACITY, 1.0),
        ("Capacity(mAh/g)", h.SPECIFIC_CAPACITY, 1.0),
        ("mAmp-hr", h.CAPACITY, 1e-3),
        ("Charge_Energy(Wh)", std.CHARGED_ENERGY, 1.0),
        ("T1[°C]", std.CELL_TEMPERATURE, 1.0),
        ("Internal Resistance(Ohm)", std.RESISTANCE, 1.0),
        ("Cyc#", std.CYCLE, 1.0),
    ],
)
def test_headers_and_their_units(header: str, role: str, factor: float) -> None:
    match = h.match_header(0, header)
    assert match is not None
    assert (match.role, match.factor) == (role, pytest.approx(factor))


@pytest.mark.parametrize(
    "header", ["", "dQ/dV(mAh/V)", "Voltage(kg)", "Test", "V", "i", "nonsense", "Chg. Cap.(mAh/g)"]
)
def test_headers_that_are_not_recognised(header: str) -> None:
    assert h.match_header(0, header) is None


@pytest.mark.parametrize(
    ("state", "direction"),
    [
        *[(s, 1) for s in ("C", "CC Chg", "CCCV_Chg", "charge CC", "Charge", "恒流充电", "CHA", "CV Chg")],
        *[(s, -1) for s in ("D", "CC DChg", "discharge CC", "Discharge", "恒流放电", "DCH", "CCCV DChg")],
        *[(s, 0) for s in ("R", "Rest", "Pause", "搁置", "OCV", "O")],
        *[(s, None) for s in ("Sim", "17", "")],
    ],
)
def test_step_names(state: str, direction: int | None) -> None:
    assert direction_of(state) == direction


# --- clocks ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "unit", "seconds"),
    [
        ("00:01:00", "", 60),
        ("144:02:18", "", 144 * 3600 + 138),
        ("  0d 00:00:5.05000019073486", "", 5.05000019073486),
        ("2d 02:52:51.57", "", 2 * 86400 + 2 * 3600 + 52 * 60 + 51.57),
        ("1-02:03:04", "", 86400 + 2 * 3600 + 3 * 60 + 4),
        ("1:02:03:04", "", 86400 + 2 * 3600 + 3 * 60 + 4),
        ("01:02:03:450", "h:min:s:ms", 3600 + 120 + 3.45),
        ("01:02:03.450", "h:min:s.ms", 3600 + 120 + 3.45),
        ("12.5", "", 12.5),
        ("00:00:01,5", "", 1.5),
    ],
)
def test_elapsed_times(text: str, unit: str, seconds: float) -> None:
    assert elapsed_seconds(pl.Series([text, text]), unit).to_list() == pytest.approx([seconds, seconds])


@given(st.integers(0, 10**8), st.sampled_from(["hms", "dhms", "dash"]))
def test_elapsed_times_come_back(milliseconds: int, style: str) -> None:
    seconds = milliseconds / 1000
    days, rest = divmod(milliseconds, 86_400_000)
    clock = f"{rest // 3_600_000:02d}:{rest // 60_000 % 60:02d}:{rest % 60_000 / 1000:06.3f}"
    text = {
        "hms": f"{milliseconds // 3_600_000:02d}:{milliseconds // 60_000 % 60:02d}:{milliseconds % 60_000 / 1000:06.3f}",
        "dhms": f"  {days}d {clock}",
        "dash": f"{days}-{clock}",
    }[style]
    assert elapsed_seconds(pl.Series([text]))[0] == pytest.approx(seconds, abs=1e-6)


def test_durations_of_a_workbook_are_dates_of_its_first_days() -> None:
    shown = ["1899-12-31 00:00:00", "1899-12-31 06:00:00.500", "1900-01-01 12:00:00", "1900-03-02 00:00:00"]
    assert elapsed_seconds(pl.Series(shown)).to_list() == pytest.approx([0, 21600.5, 1.5 * 86400, 62 * 86400])


def test_what_is_no_time_is_null() -> None:
    assert elapsed_seconds(pl.Series(["00:00:01", "rubbish", "", None])).to_list() == [1.0, None, None, None]


@pytest.mark.parametrize(
    "pattern",
    [
        "%Y-%m-%d %H:%M:%S",
        "%Y/%m/%d %H:%M:%S",
        "%Y-%m-%dT%H:%M:%S",
        "%m/%d/%Y %H:%M:%S",
        "%d.%m.%Y %H:%M:%S",
        "%d-%b-%y %I:%M:%S %p",
        "%d/%m/%Y %H:%M:%S",
        "%m/%d/%Y %I:%M:%S %p",
    ],
)
def test_clock_formats(pattern: str) -> None:
    start = datetime(2024, 4, 28, 22, 13, 5)
    elapsed = np.arange(0, 30) * 7200.0
    stamps = [(start + timedelta(seconds=s)).strftime(pattern) for s in elapsed]
    seconds, note = wall_clock(pl.Series(stamps), elapsed)
    expected = (start - datetime(1970, 1, 1)).total_seconds() + elapsed
    assert np.array_equal(seconds.to_numpy(), expected)
    assert "ambiguous" not in note


def test_day_and_month_are_told_apart_by_the_span_or_said_to_be_ambiguous() -> None:
    elapsed = np.arange(0, 5) * 86400.0
    day_first = [f"{d:02d}/04/2024 08:00:00" for d in range(3, 8)]
    seconds, note = wall_clock(pl.Series(day_first), elapsed)
    assert np.array_equal(np.diff(seconds.to_numpy()), np.full(4, 86400.0))
    assert "ambiguous" not in note
    same_day = [f"03/04/2024 08:00:{s:02d}" for s in range(5)]
    _, note = wall_clock(pl.Series(same_day), np.arange(5.0))
    assert "ambiguous" in note


@pytest.mark.parametrize(
    ("number", "unix"),
    [(45412.5, (45412.5 - 25569) * 86400), (1.7e9, 1.7e9), (1.7e12, 1.7e9), (16566952984409000.0, 1656695298.4409)],
)
def test_clocks_that_are_numbers(number: float, unix: float) -> None:
    seconds, _ = wall_clock(pl.Series([number, number]), None)
    assert seconds[0] == pytest.approx(unix, abs=1e-3)


# --- counters --------------------------------------------------------------------------------------------------------


@given(
    st.lists(st.lists(st.floats(0.001, 1.0), min_size=1, max_size=6), min_size=1, max_size=8),
    st.sampled_from(["step", "cycle", "none"]),
)
def test_a_counter_that_resets_becomes_the_sum_of_its_gains(steps: list[list[float]], scope: str) -> None:
    gains = np.array([g for step in steps for g in step])
    step = np.repeat(np.arange(len(steps)), [len(s) for s in steps])
    cycle = step // 2
    truth = np.cumsum(gains)
    if scope == "none":
        counter = truth.copy()
    else:
        group = step if scope == "step" else cycle
        counter = np.concatenate([np.cumsum(gains[group == g]) for g in np.unique(group)])
    made, note = never_resetting(counter, Borders.of(step, cycle))
    falls = np.diff(counter) < 0
    if falls.any() and scope == "step":
        # Resets that the counter does not show (a short step before a long one) are seen as soon as all others show.
        borders = np.flatnonzero(np.diff(step)) + 1
        if (counter[borders] < 0.5 * counter[borders - 1]).all():
            assert note == "resets at every step"
            assert made == pytest.approx(truth)
    if scope == "none":
        assert np.array_equal(made, counter)
        assert note == ""


def test_a_pulse_longer_than_the_one_before_is_a_reset_too() -> None:
    # Steps that reach 5, 1, 3, 5: the third begins at 2, above the 1 where the second ended.
    counter = np.array([1, 5, 0.5, 1, 2, 3, 0.1, 5.0])
    step = np.array([0, 0, 1, 1, 2, 2, 3, 3])
    made, _ = never_resetting(np.array([1, 5, 0.5, 1, 0.4, 3, 0.1, 5.0]), Borders.of(step, step // 2))
    assert made[-1] == pytest.approx(5 + 1 + 3 + 5)
    made, note = never_resetting(counter, Borders.of(step, step // 2))
    assert made[0] == 1
    assert (np.diff(made) >= 0).all() or note


def test_one_counter_for_both_directions_and_a_net_one() -> None:
    step = np.array([0, 0, 0, 1, 1, 1])
    direction = np.array([1, 1, 1, -1, -1, -1], dtype=np.int8)
    per_step = np.array([0.0, 0.5, 1.0, 0.0, 0.4, 0.8])
    net = np.array([0.0, 0.5, 1.0, 1.0, 0.6, 0.2])
    for counter in (per_step, net, -net):
        charged, discharged, _ = split_by_direction(counter, Borders.of(step, step * 0), direction)
        assert (charged[-1], discharged[-1]) == pytest.approx((1.0, 0.8))


@pytest.mark.parametrize("way", [1, -1])
def test_one_counter_of_a_test_that_goes_one_way(way: int) -> None:
    """A net counter goes down or through zero; one that counts from zero grows, resets or not, whatever its sign."""
    step = np.repeat([0, 1, 2], 5)
    direction = np.repeat([way, 0, way], 5).astype(np.int8)
    passed = 0.1 * np.array([0, 1, 2, 3, 4, 4, 4, 4, 4, 4, 4, 5, 6, 7, 8])
    for counter in (2.5 - passed, passed - 2.5, passed - 0.2, 0.2 - passed, passed, -passed):
        *both, note = split_by_direction(counter, Borders.of(step, step * 0), direction)
        assert (both[0][-1], both[1][-1]) == pytest.approx((0.8, 0.0) if way > 0 else (0.0, 0.8))
        assert ("a net counter" in note) == (np.abs(counter[0]) > 0)
    per_step = np.where(step == 2, passed - 0.4, passed)
    *both, note = split_by_direction(per_step, Borders.of(step, step * 0), direction)
    assert both[0][-1] + both[1][-1] == pytest.approx(0.8)
    assert note.startswith("resets")


@pytest.mark.parametrize("at", [0.3, 0.9, 1.5])
def test_a_file_cut_in_the_middle_of_a_discharge_keeps_the_charge_of_its_net_counter(at: float, tmp_path: Path) -> None:
    """Basytec's ``Ah`` is net: what is left of a file after a cut in its discharge goes down from some height."""
    rows = np.arange(200)
    passed = 1e-3 * rows * 30.0 / 3600.0
    lines = [
        f"{60 + 30 * k / 3600:.6f}\t{4.5 - 0.01 * k:.4f}\t-0.001\t{at * passed[-1] - ah:.8f}"
        for k, ah in zip(rows, passed, strict=True)
    ]
    text = "~Resultfile from Basytec Battery Test System\n~Time[h]\tU[V]\tI[A]\tAh[Ah]\n" + "\n".join(lines)
    table = read_text(tmp_path, text).table
    assert table[std.DISCHARGED][-1] - table[std.DISCHARGED][0] == pytest.approx(passed[-1], abs=1e-8)
    assert table[std.CHARGED][-1] == 0.0


# --- damaged and strange text ----------------------------------------------------------------------------------------


def test_encodings_byte_order_marks_line_ends_and_decimals_do_not_matter(tmp_path: Path) -> None:
    text = plain().replace("Temperature(C)", "Temperature(°C)")
    expected = read_text(tmp_path, text).table
    assert expected.height == 300
    comma = text.replace(",", ";").replace(".", ",")
    for variant in (
        text.encode("utf-8-sig"),
        text.encode("utf-16"),
        text.encode("utf-16-le"),
        text.encode("latin-1"),
        text.replace("\n", "\r\n").encode(),
        text.replace("\n", "\r").encode(),
        text.replace("\n", "\r\n\r\n").encode(),
        text.replace("\n", "\r\n").replace("\r\n", "\r", 150).replace("\r", "\r\n", 149).encode(),
        "some words\nmore: words\n\n".replace("\n", "\r\n").encode() + text.replace("\n", "\r\n").encode(),
        text.replace(",", "\t").encode(),
        text.replace(",", ";").encode(),
        text.replace(",", " ; ").encode(),
        comma.encode(),
        comma.encode("utf-16"),
        text.replace("\n", ",\n").encode(),
        text.replace("\n", "\n\n").encode(),
        '"'.join(text.split("°")).replace('"', "°").encode(),
        ("\n".join('"' + '","'.join(line.split(",")) + '"' for line in text.strip().split("\n")) + "\n").encode(),
        b"some words\nmore: words\n\n" + text.encode(),
    ):
        assert read_text(tmp_path, variant).table.equals(expected), variant[:60]


@pytest.mark.parametrize("first", ["0.0,3.0000,0.00100", "0.0,3.0000,0.00100,,,"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_first_row_of_another_width_is_read_as_any_other(first: str, end: str, tmp_path: Path) -> None:
    expected = read_text(tmp_path, plain()).table
    header, row, rest = plain().split("\n", 2)
    assert row == "0.0,3.0000,0.00100,25.0"
    table = read_text(tmp_path, "\n".join((header, first, rest)).replace("\n", end)).table
    assert table[std.CELL_TEMPERATURE][0] is None
    assert table.drop(std.CELL_TEMPERATURE).equals(expected.drop(std.CELL_TEMPERATURE))
    assert table[1:].equals(expected[1:])


def test_chinese_headers_in_their_own_encoding(tmp_path: Path) -> None:
    header = "循环号,工步类型,测试时间(s),电压(V),电流(mA),容量(mAh)"
    rows = [f"1,恒流充电,{t * 60},{3 + t / 100:.3f},2.0,{t * 2 / 60:.5f}" for t in range(61)]
    text = header + "\n" + "\n".join(rows) + "\n"
    for encoding in ("gb18030", "utf-8"):
        reading = read_text(tmp_path, text.encode(encoding))
        assert reading.table[std.CURRENT][0] == pytest.approx(0.002)
        assert reading.table[std.CHARGED][-1] == pytest.approx(0.002, rel=1e-3)


def test_a_cut_last_line_is_left_out_and_said(tmp_path: Path) -> None:
    text = plain()
    for cut in (text[:-20], text[:-6]):
        reading = read_text(tmp_path, cut)
        assert reading.table.height == 299
        assert "last-line-incomplete" in codes(reading)
    whole = read_text(tmp_path, text[:-1])
    assert whole.table.height == 300
    assert not whole.findings


def test_a_row_that_cannot_be_read_is_counted_with_its_line(tmp_path: Path) -> None:
    lines = plain().split("\n")
    lines[120] = "1190.0,rubbish,0.001,25.0"
    reading = read_text(tmp_path, "\n".join(lines))
    assert reading.table.height == 299
    finding = next(f for f in reading.findings if f.code == "unreadable-rows")
    assert finding.where == "line 121"
    for i in range(100, 110):
        lines[i] = "x,y,z,w"
    with pytest.raises(DamagedFileError, match=r"11 of 300 rows .* line 101"):
        read_text(tmp_path, "\n".join(lines))


def test_missing_numbers_stay_empty_and_are_said(tmp_path: Path) -> None:
    lines = plain().split("\n")
    lines[50] = "490.0,NaN,0.001,25.0"
    lines[51] = "500.0,,0.001,25.0"
    reading = read_text(tmp_path, "\n".join(lines))
    assert reading.table.height == 300
    assert reading.table[std.VOLTAGE].null_count() == 2
    assert not reading.table[std.VOLTAGE].is_nan().any()
    assert "missing-numbers" in codes(reading)


def test_zeros_at_the_end_are_what_a_power_failure_leaves(tmp_path: Path) -> None:
    reading = read_text(tmp_path, plain().encode() + b"\0" * 4096)
    assert reading.table.height == 300
    assert "trailing-zeros" in codes(reading)


def test_a_column_twice_is_said_and_the_first_used(tmp_path: Path) -> None:
    text = "\n".join(
        line + ("," + ("Voltage(V)" if i == 0 else "9.9")) for i, line in enumerate(plain().strip().split("\n"))
    )
    reading = read_text(tmp_path, text + "\n")
    assert reading.table[std.VOLTAGE].max() < 5
    assert "duplicate-column" in codes(reading)


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"", DamagedFileError),
        (b"\x00\x01\x02\x03" * 5000, UnrecognisedFileError),
        (bytes(range(256)) * 100, UnrecognisedFileError),
        (b"just words, and a comma\n" * 50, UnrecognisedFileError),
        (b"Time(s),Voltage(V),Current(A)\n", DamagedFileError),
        (b"Time(s),Voltage(V),Current(A)", DamagedFileError),
        (b"Time(s),Voltage(V)\n" + b"1,2\n" * 50, MissingColumnError),
        (b"Time(s),Voltage(V),Current(A)\n" + b"a,b,c\n" * 50, DamagedFileError),
        (b"Time(s),Voltage(V),Current(A)\n" + b",,\n" * 50, DamagedFileError),
        (b"Time(s),Voltage(V),Current(A)\n" + b"1,nan,3\n" * 50, DamagedFileError),
        (b"x" * 3_000_000, UnrecognisedFileError),
        (b"\x1f\x8b" + b"\0" * 50, DamagedFileError),
    ],
)
def test_what_is_no_table_is_refused(tmp_path: Path, data: bytes, error: type[ReadError]) -> None:
    for reader in (TableReader(), NewareTextReader(), MaccorReader(), LandtReader(), BasytecReader()):
        path = tmp_path / "data.csv"
        path.write_bytes(data)
        assert reader.sniff(path, b"") is None
        with pytest.raises(ReadError):
            reader.read(path)
    with pytest.raises(error):
        TableReader().read(path)


def test_a_huge_line_in_the_middle_costs_that_line_only(tmp_path: Path) -> None:
    lines = plain().split("\n")
    lines[150] = "1490.0," + "9" * 2_000_000
    reading = read_text(tmp_path, "\n".join(lines))
    assert reading.table.height in (299, 300)
    assert codes(reading) & {"unreadable-rows", "missing-numbers"}


@given(st.binary(max_size=600))
def test_any_bytes_give_a_read_error_or_a_table(tmp_path_factory, data: bytes) -> None:
    folder = tmp_path_factory.mktemp("bytes")
    for start in (b"", b"Time(s),Voltage(V),Current(A)\n1,2,3\n", b"\x00\x01\x00\x00Standard Jet DB\x00\x01"):
        path = folder / "data.csv"
        path.write_bytes(start + data)
        for reader in (TableReader(), MaccorReader(), ArbinResReader(), NewareTextReader()):
            reader.sniff(path, (start + data)[:65536])
            with contextlib.suppress(ReadError):
                assert reader.read(path).table.height > 0


# --- vendors ---------------------------------------------------------------------------------------------------------


def test_maccor_minutes_without_unit_are_found_by_the_clock(tmp_path: Path) -> None:
    """Layout of KIT's files: a long preamble, a blank line, TestTime in minutes and no word about it."""
    start = datetime(2021, 5, 11, 15, 40, 24)
    rows = []
    for i in range(400):
        state = "C" if i < 200 else "D"
        amount = (i % 200) / 120 * 0.001
        stamp = (start + timedelta(seconds=30 * i)).strftime("%-m/%-d/%Y %-I:%M:%S %p")
        voltage = 3 + (i if i < 200 else 400 - i) * 0.005
        rows.append(
            f"{i + 1}\t0\t1\t{1 + i // 200}\t{i * 0.5:.6f}\t0.0\t{amount:.8f}\t0.0\t0.00100\t{voltage:.4f}\t{state}\t1\t{stamp}\t"
        )
    header = "Rec\tCycle P\tCycle C\tStep\tTestTime\tStepTime\tCap. [Ah]\tEner. [Wh]\tCurrent [A]\tVoltage [V]\tMd\tES\tDPT Time\tVAR1"
    text = (
        "Name:\tx.053\nTester\tMaccor #4\nStarted\t5/11/2021 3:40:24 PM\n\n" + header + "\n\n" + "\n".join(rows) + "\n"
    )
    path = tmp_path / "x.053"
    path.write_bytes(text.encode("latin-1"))
    reading = MaccorReader().read(path)
    table = reading.table
    assert table[std.TIME][-1] == pytest.approx(399 * 30.0)
    assert "time-unit-from-clock" in codes(reading)
    assert (table[std.CURRENT].to_numpy()[200:] < 0).all()
    assert table[std.CYCLE].to_list() == [1] * 400
    assert table[std.DISCHARGED][-1] == pytest.approx(199 / 120 * 0.001, abs=1e-8)
    assert reading.metadata["Tester"] == "Maccor #4"


def test_maccor_takes_the_first_auxiliary_channel_with_a_sensor(tmp_path: Path) -> None:
    header = "Rec#\tCyc#\tStep\tTestTime\tAmp-hr\tAmps\tVolts\tState\tES\tDPt Time\tAux #1\t Units\tAux #2\t Units"
    rows = [
        f"{i}\t0\t1\t  0d 00:00:{i}\t0.0\t0.0\t3.5\tR\t1\t12/11/2020 12:22:{i:02d}\t-2501.7\t C  \t{20 + i / 10}\t C  "
        for i in range(50)
    ]
    path = tmp_path / "m.txt"
    path.write_text("Today's Date:\t14 December 2020\n" + header + "\n" + "\n".join(rows) + "\n")
    table = MaccorReader().read(path).table
    assert table[std.CELL_TEMPERATURE][10] == 21.0


def test_a_sensor_that_fails_for_a_while_leaves_holes(tmp_path: Path) -> None:
    lines = plain().split("\n")
    lines[10] = lines[10].rsplit(",", 1)[0] + ",-2500.0"
    reading = read_text(tmp_path, "\n".join(lines))
    assert reading.table[std.CELL_TEMPERATURE].null_count() == 1
    assert "temperature-out-of-range" in codes(reading)


def test_neware_layered_export(tmp_path: Path) -> None:
    """Three header rows; the first step stands in the line of its cycle, as BTS 8 writes it."""
    text = [
        "Cycle Index,Chg. Cap.(Ah),DChg. Cap.(Ah),Chg.-DChg. Eff(%)",
        ",Step Index,Step Number,Step Type,Step Time,Capacity(Ah)",
        ",,DataPoint,Time,Total Time,Current(A),Voltage(V),Capacity(Ah),Date,T1(?)",
    ]
    point, seconds = 0, 0
    for cycle in (1, 2):
        steps = [(1, "CC Chg", 1), (2, "CC DChg", -1)]
        for number, (index, kind, sign) in enumerate(steps):
            head = f"{index},{2 * (cycle - 1) + number + 1},{kind},01:00:00,0.001"
            if number == 0 and cycle == 1:
                text.append(f"{cycle},0.001,0.001,100.0,{head}")
            else:
                if number == 0:
                    text.append(f"{cycle},0.001,0.001,100.0")
                text.append("," + head)
            for i in range(61):
                point += 1
                clock = f"{(seconds + i * 60) // 3600:02d}:{(seconds + i * 60) // 60 % 60:02d}:00"
                stamp = (datetime(2026, 3, 6, 12) + timedelta(seconds=seconds + i * 60)).strftime("%Y-%m-%d %H:%M:%S")
                voltage = 3.5 + sign * i * 0.01
                text.append(
                    f",,{point},00:{i:02d}:00,{clock},{sign * 0.001:.5f},{voltage:.4f},{i / 60 * 0.001:.8f},{stamp},25.5"
                )
            seconds += 3600
    path = tmp_path / "layered.csv"
    path.write_text("\n".join(text) + "\n")
    reader = NewareTextReader()
    recognition = reader.sniff(path, path.read_bytes())
    assert recognition is not None
    assert recognition.confidence > 0.9
    table = reader.read(path).table
    assert table.height == 4 * 61
    assert table.group_by(std.CYCLE, maintain_order=True).len()["len"].to_list() == [122, 122]
    assert table[std.STEP].unique().sort().to_list() == [1, 2, 3, 4]
    assert table[std.STEP_INDEX].unique().sort().to_list() == [1, 2]
    assert table[std.CHARGED][-1] == pytest.approx(0.002)
    assert table[std.DISCHARGED][-1] == pytest.approx(0.002)
    assert table[std.CELL_TEMPERATURE][0] == 25.5


_CHINESE = {
    "Cycle ID": "循环序号", "Step ID": "工步序号", "Step Name": "工步名称", "Record ID": "记录序号",
    "Time(h:min:s.ms)": "时间(h:min:s.ms)", "Voltage(V)": "电压(V)", "Current(mA)": "电流(mA)",
    "Capacitance_Chg(mAh)": "充电容量(mAh)", "Capacitance_DChg(mAh)": "放电容量(mAh)", "Realtime": "绝对时间",
    "CC_Chg": "恒流充电", "CC_DChg": "恒流放电", "Rest": "搁置",
}  # fmt: skip
"""The words of BTS 7 in its other language; what lirich does not use stays as it is."""


def _in_chinese(text: str) -> bytes:
    for english, chinese in _CHINESE.items():
        text = text.replace(f'\t{english}"', f'\t{chinese}"').replace(f"{english},", f"{chinese},")
    return text.encode("gb18030")


@pytest.mark.parametrize(
    "written",
    [
        pytest.param(lambda text: text.encode("cp1252"), id="as BTS 7 writes it"),
        pytest.param(
            lambda text: re.sub(r'"\t([^"]*)"', r"\1", text).encode("cp1252"), id="saved again, without quotes"
        ),
        pytest.param(_in_chinese, id="Chinese"),
    ],
)
def test_neware_layered_report_of_bts_7(written: Callable[[str], bytes], tmp_path: Path) -> None:
    """The layout of beep's neware_test.csv: Step ID counts on through the test, Raw Step ID is that of the schedule."""
    path = SAMPLES["neware-bts7-csv"].make(tmp_path)
    path.write_bytes(written(path.read_text("cp1252")))
    told = read(path)
    expected = sample_log()
    assert told.reader == "neware-text"
    assert told.confidence > 0.9
    table = told.table
    assert table[std.CYCLE].to_list() == expected["cycle"].to_list()
    assert changes(table[std.STEP]).tolist() == changes(expected["step"]).tolist()
    for column, truth, tolerance in (
        (std.TIME, "test_time_s", 1e-6), (std.VOLTAGE, "voltage_v", 5e-5), (std.CURRENT, "current_a", 5e-8)
    ):  # fmt: skip
        assert table[column].to_numpy() == pytest.approx(expected[truth].to_numpy(), abs=tolerance)
    half_cycle_ah = expected["step_charge_ah"].max()
    assert table[std.CHARGED][-1] == pytest.approx(2 * half_cycle_ah, abs=1e-7)
    assert table[std.DISCHARGED][-1] == pytest.approx(2 * half_cycle_ah, abs=1e-7)
    assert not any(finding.severity is Severity.ERROR for finding in told.findings)


def test_neware_raw_step_is_the_step_of_the_schedule(tmp_path: Path) -> None:
    table = read(SAMPLES["neware-bts7-csv"].make(tmp_path)).table
    assert table[std.STEP].to_list() == sample_log()["step"].to_list()
    assert table[std.STEP_INDEX].to_list() == sample_log()["step_index"].to_list()


def _neware_rows() -> list[list[object]]:
    rows: list[list[object]] = []
    for i in range(120):
        sign = 1 if i < 60 else -1
        rows.append(
            [i + 1, 1, 1 + i // 60, "CC Chg" if sign > 0 else "CC DChg", f"{i // 60:02d}:{i % 60:02d}:00", 2.5 * sign,
             3.0 + 0.01 * (i if sign > 0 else 120 - i), (i % 60) / 60 * 2.5, "2026-03-06 12:00:00"]
        )  # fmt: skip
    return rows


def test_neware_workbook_with_the_mass_in_the_sheet_test(tmp_path: Path) -> None:
    path = tmp_path / "cell.xlsx"
    book = xlsxwriter.Workbook(path)
    for name in ("unit", "test"):
        book.add_worksheet(name)
    book.get_worksheet_by_name("test").write_row(3, 0, ["Active material:", "12.5mg"])
    for part, rows in (("record", _neware_rows()),):
        sheet = book.add_worksheet(part)
        sheet.write_row(
            0,
            0,
            [
                "DataPoint",
                "Cycle Index",
                "Step Index",
                "Step Type",
                "Total Time",
                "Current(mA)",
                "Voltage(V)",
                "Capacity(mAh)",
                "Date",
            ],
        )
        for i, row in enumerate(rows):
            sheet.write_row(i + 1, 0, row)
    book.close()
    reader = NewareTextReader()
    head = path.read_bytes()[:65536]
    recognition = reader.sniff(path, head)
    assert recognition is not None
    assert recognition.confidence > 0.9
    assert ArbinTextReader().sniff(path, head) is None
    reading = reader.read(path)
    assert reading.table.height == 120
    assert reading.metadata["active_mass_mg"] == 12.5
    assert reading.table[std.CURRENT].to_list() == [0.0025] * 60 + [-0.0025] * 60
    assert reading.table[std.TIME][-1] == 3600 + 59 * 60
    assert reading.table[std.CHARGED][-1] == pytest.approx(0.0025 * 59 / 60)


@pytest.mark.parametrize("odd", [None, True, "rubbish"])
def test_cells_of_a_workbook_keep_their_digits_and_only_numbers_are_numbers(tmp_path: Path, odd: object) -> None:
    path = tmp_path / "arbin.xlsx"
    book = xlsxwriter.Workbook(path)
    book.add_worksheet("Global_Info")
    sheet = book.add_worksheet("Channel_1_1")
    sheet.write_row(0, 0, ["Test_Time(s)", "Step_Index", "Cycle_Index", "Current(A)", "Voltage(V)"])
    current = [1.23456789012e-8 * (1 + i % 3) for i in range(300)]
    for i, value in enumerate(current):
        sheet.write_row(i + 1, 0, [10.0 * i, 1, 1, odd if odd is not None and i == 150 else value, 3.0 + i / 1000])
    book.close()
    reading = ArbinTextReader().read(path)
    if odd is None:
        assert reading.table[std.CURRENT].to_list() == current
    else:
        assert reading.table.height == 299
        assert [f.code for f in reading.findings if "151" in f.message or "152" in f.message] == ["unreadable-rows"]


def test_arbin_channels_that_go_on_over_two_sheets(tmp_path: Path) -> None:
    path = tmp_path / "arbin.xlsx"
    book = xlsxwriter.Workbook(path)
    book.add_worksheet("Global_Info").write_row(0, 0, ["TEST REPORT"])
    header = [
        "Data_Point",
        "Test_Time(s)",
        "Date_Time",
        "Step_Time(s)",
        "Step_Index",
        "Cycle_Index",
        "Current(A)",
        "Voltage(V)",
        "Charge_Capacity(Ah)",
        "Discharge_Capacity(Ah)",
    ]
    day = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
    for part in (0, 1):
        sheet = book.add_worksheet(f"Channel_1_{part + 1}")
        sheet.write_row(0, 0, header)
        for i in range(50):
            n = part * 50 + i
            sheet.write_row(
                i + 1, 0, [n + 1, n * 10.0, None, 0, 1, 1, 0.001, 3.0 + n / 100, n * 10 / 3600 * 0.001, 0.0]
            )
            sheet.write_datetime(i + 1, 2, datetime(2020, 10, 19, 11) + timedelta(seconds=10 * n), day)
    book.add_worksheet("Statistics_1").write_row(0, 0, ["Cycle_Index", "Voltage(V)"])
    book.close()
    reading = ArbinTextReader().read(path)
    assert reading.table.height == 100
    assert reading.table[std.TIME].to_list() == [n * 10.0 for n in range(100)]
    assert reading.table[std.UNIX_TIME][99] - reading.table[std.UNIX_TIME][0] == pytest.approx(990)


def test_broken_workbooks_are_refused(tmp_path: Path) -> None:
    good = tmp_path / "good.xlsx"
    book = xlsxwriter.Workbook(good)
    book.add_worksheet("record").write_row(0, 0, ["words", "only"])
    book.close()
    data = good.read_bytes()
    bomb = tmp_path / "other.xlsx"
    with zipfile.ZipFile(bomb, "w") as archive:
        archive.writestr("[Content_Types].xml", "x")
        archive.writestr("xl/workbook.xml", "<workbook></workbook>")
    for broken in (data, data[:-200], data[:800], bomb.read_bytes()):
        path = tmp_path / "broken.xlsx"
        path.write_bytes(broken)
        for reader in (NewareTextReader(), ArbinTextReader(), LandtReader(), TableReader()):
            reader.sniff(path, broken[:65536])
            with pytest.raises(ReadError):
                reader.read(path)


def test_basytec_in_latin_1_with_the_clock_in_the_preamble(tmp_path: Path) -> None:
    rows = []
    for i in range(200):
        sign = 1 if i < 100 else -1
        net = (i if i < 100 else 199 - i) * 36 / 3600 * 0.001
        rows.append(
            f"{i * 0.01:.5f} {i} 0 {1 + i // 100} {'Charge' if sign > 0 else 'Discharge'} {3.5 + sign * 0.002 * (i % 100):.4f} {sign * 0.001:.6f} {net:.9f} 25.1 0"
        )
    text = (
        "~Resultfile from Basytec Battery Test System\n~Battery: Zelle 3\n~Start of Test: 29.12.2025 16:20:00\n~\n"
        "~Time[h] DataSet t-Step[h] Line Command U[V] I[A] Ah[Ah] T1[°C] Cyc-Count\n" + "\n".join(rows) + "\n"
    )
    path = tmp_path / "b.txt"
    path.write_bytes(text.encode("latin-1"))
    reading = BasytecReader().read(path)
    table = reading.table
    assert table[std.TIME][-1] == pytest.approx(199 * 36)
    assert table[std.UNIX_TIME][0] == (datetime(2025, 12, 29, 16, 20) - datetime(1970, 1, 1)).total_seconds()
    assert table[std.CHARGED][-1] == pytest.approx(99 * 36 / 3600 * 0.001, rel=1e-6)
    assert table[std.DISCHARGED][-1] == pytest.approx(99 * 36 / 3600 * 0.001, rel=1e-6)
    assert reading.metadata["Battery"] == "Zelle 3"
    assert table[std.CELL_TEMPERATURE][0] == 25.1


def test_landt_workbench_table_in_chinese(tmp_path: Path) -> None:
    header = "测试时间/h,电压/V,电流/mA,容量/mAh,比容量/mAh/g,工步类型,系统时间"
    rows = [
        f"{i / 60:.6f},{3 + 0.01 * i:.3f},1.0,{i / 60:.6f},{i / 60 / 0.005:.4f},恒流充电,2024-05-01 {10 + i // 60}:{i % 60:02d}:00"
        for i in range(100)
    ]
    path = tmp_path / "l.csv"
    path.write_bytes((header + "\n" + "\n".join(rows) + "\n").encode("gb18030"))
    reader = LandtReader()
    recognition = reader.sniff(path, path.read_bytes())
    assert recognition is not None
    assert recognition.confidence >= 0.9
    reading = reader.read(path)
    assert reading.table[std.TIME][-1] == pytest.approx(99 * 60, rel=1e-5)
    assert reading.table[std.CHARGED][-1] == pytest.approx(99 / 60 * 1e-3, rel=1e-5)
    assert reading.metadata["active_mass_mg"] == pytest.approx(5.0, rel=1e-3)


def test_time_is_made_from_the_clock_or_the_step_time_and_said(tmp_path: Path) -> None:
    clock = "DateTime,Voltage(V),Current(A)\n" + "".join(
        f"2024-01-02 10:{i // 60:02d}:{i % 60:02d},{3 + i / 1000},0.001\n" for i in range(100)
    )
    reading = read_text(tmp_path, clock)
    assert reading.table[std.TIME].to_list() == [float(i) for i in range(100)]
    assert "time-from-clock" in codes(reading)
    step = "Step Time(s),Step,Voltage(V),Current(A)\n" + "".join(
        f"{i % 50},{i // 50},{3 + i / 1000},0.001\n" for i in range(100)
    )
    reading = read_text(tmp_path, step)
    assert reading.table[std.TIME][-1] == 98
    assert "time-from-step-time" in codes(reading)


def test_currents_positive_in_discharge_are_turned_where_the_steps_say_so(tmp_path: Path) -> None:
    text = "Time(s),Voltage(V),Current(A),State\n" + "".join(
        f"{i},{3 + (i if i < 50 else 100 - i) / 100},{-0.001 if i < 50 else 0.001},{'charge' if i < 50 else 'discharge'}\n"
        for i in range(100)
    )
    reading = read_text(tmp_path, text)
    assert (reading.table[std.CURRENT].to_numpy()[:50] > 0).all()
    assert "sign-reversed" in codes(reading)


def test_a_plain_table_whose_voltage_contradicts_the_sign_says_so(tmp_path: Path) -> None:
    rows = [f"{i * 10},{4.2 - 0.01 * i:.3f},0.001" for i in range(100)]
    reading = read_text(tmp_path, "Seconds,Volts,Amps\n" + "\n".join(rows) + "\n")
    assert "current-sign-doubtful" in codes(reading)
    assert (reading.table[std.CURRENT] > 0).all()  # as it stands in the file; turning it is the user's to ask for


def test_shuffled_rows_leave_the_counters_out_and_say_so(tmp_path: Path) -> None:
    lines = [f"{i * 10},{3 + i / 1000},0.001,{i * 10 / 3.6e6:.9f},0" for i in range(300)]
    rng = np.random.default_rng(1)
    rng.shuffle(lines)
    text = "Time(s),Voltage(V),Current(A),Charge Capacity(Ah),Discharge Capacity(Ah)\n" + "\n".join(lines) + "\n"
    reading = read_text(tmp_path, text)
    assert std.CHARGED not in reading.table.columns
    assert "counters-left-out" in codes(reading)


def test_hostile_headers_are_quick(tmp_path: Path) -> None:
    """Regular expressions over headers must not blow up on long ones."""
    for header in ("(" * 60_000, "a" * 60_000 + "(V", " / " * 20_000, "_".join("V" * 20_000), ",".join("(" * 20_000)):
        with pytest.raises(ReadError):
            read_text(tmp_path, header + ",Voltage(V)\n1,2\n")


def test_numbers_too_large_for_a_count_are_left_out_and_said(tmp_path: Path) -> None:
    text = "Time(s),Voltage(V),Current(A),Cycle\n" + "".join(f"{i},3.5,0.001,1e26\n" for i in range(50))
    reading = read_text(tmp_path, text)
    assert std.CYCLE not in reading.table.columns
    assert "count-not-whole" in codes(reading)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-8-sig", "utf-8", "latin-1"])
def test_an_mpt_that_was_saved_as_unicode_is_the_same_file(encoding: str, tmp_path: Path) -> None:
    path = SAMPLES["mpt"].make(tmp_path)
    right = read(path)
    text = path.read_bytes().decode("latin-1")
    path.write_bytes(text.encode(encoding))
    again = read(path)
    assert (again.reader, again.confidence) == ("biologic", 0.99)
    assert again.table.equals(right.table)
    assert again.metadata == right.metadata


def test_a_net_counter_goes_on_over_a_hole_and_starts_over_without_loss() -> None:
    """A hole is no reset: what the counter gained in it is kept; where it does start over, its first record counts."""
    up, rest = np.linspace(0.0, 1.0, 101), np.ones(20)
    net = np.concatenate([up, rest, up[::-1][1:], rest - 1.0])
    direction = np.repeat(np.array([1, 0, -1, 0], dtype=np.int8), [101, 20, 100, 20])
    step = np.repeat([1, 2, 3, 4], [101, 20, 100, 20])
    for first, last in ((60, 105), (60, 110), (110, 160), (150, 215)):
        kept = np.r_[:first, last : len(net)]
        for counter in (net, -net, net + 3.0):
            charged, discharged, _ = split_by_direction(
                counter[kept], Borders.of(step[kept], step[kept] * 0), direction[kept]
            )
            assert (charged[-1], discharged[-1]) == pytest.approx((1.0, 1.0))
    per_half = np.concatenate([up, rest, -up[1:], -rest, up[1:]])
    direction = np.repeat(np.array([1, 0, -1, 0, 1], dtype=np.int8), [101, 20, 100, 20, 100])
    step = np.repeat([1, 2, 3, 4, 5], [101, 20, 100, 20, 100])
    charged, discharged, _ = split_by_direction(per_half, Borders.of(step, step * 0), direction)
    assert (charged[-1], discharged[-1]) == pytest.approx((2.0, 1.0))

"""Our own merging of the streams of .ndax: the same to the last bit as fastnda's, and left alone where in doubt."""

from __future__ import annotations

import warnings
import zipfile

import fastnda
import numpy as np
import polars as pl
import pytest
from fastnda._ndc import read_ndc
from polars.testing import assert_frame_equal

from lirich.errors import DamagedFileError
from lirich.readers import ndax_merge, ndc
from lirich.readers.ndax_merge import merged
from lirich.readers.neware import NewareReader, _totals
from lirich.testing.binary_files import ndax_bytes

RECORD = 4096
NUMBERS = ("index", "cycle_count", "step_count", "step_index")


def stream(filetype: int, version: int, rows: np.ndarray, *, start: int = 132) -> bytes:
    """Lay out *rows* as an .ndc of 4096-byte pages with a bit mask of the rows in use."""
    per_page = (RECORD - start - 1) // rows.dtype.itemsize
    head = bytearray(RECORD)
    head[0], head[2] = filetype, version
    for i in range(0, len(rows), per_page):
        part = rows[i : i + per_page]
        page = bytearray(RECORD)
        used = np.packbits(np.ones(len(part), dtype=np.uint8), bitorder="little").tobytes()
        page[4 : 4 + len(used)] = used
        body = part.tobytes()
        page[start : start + len(body)] = body
        head += page
    return bytes(head)


def layered(path, *, seed=0, points=5000, extra=(), keep_first=True, left_out=""):
    """Write a .ndax of version 14 with random voltage, current and stretches; return the path."""
    rng = np.random.default_rng(seed)
    main = np.zeros(points, dtype=[("v", "<f4"), ("i", "<f4")])
    main["v"], main["i"] = rng.uniform(2, 4.8, points), rng.normal(size=points) * 1e-3
    every = np.unique(np.concatenate(([1] if keep_first else [3], rng.integers(4, points + 1, points // 20))))
    dtype = [
        ("step_time", "<u4"), ("_1", "V1"), ("amounts", "<f4", 4), ("_2", "V8"), ("dt", "<i4"), ("unix", "<u4"),
        ("step", "<u4"), ("index", "<u4"), ("ms", "<i2"), ("_3", "V8"),
    ]  # fmt: skip
    run = np.zeros(len(every), dtype=dtype)
    run["index"], run["step"] = every, 1 + every * 6 // (points + 1)
    run["step_time"], run["dt"] = (every % (points // 6)) * 100, rng.integers(1, 2000, len(every))
    run["unix"], run["ms"] = 1_700_000_000 + every - (every > points // 2) * 60, rng.integers(0, 1000, len(every))
    run["amounts"] = rng.uniform(-1e-3, 1e-3, (len(every), 4))
    step = np.zeros(6, dtype=[("cycle", "<u4"), ("index", "<u4"), ("_1", "V16"), ("type", "<u1"), ("_2", "V12")])
    step["cycle"], step["index"], step["type"] = np.arange(6) // 2, np.arange(6) + 1, [4, 1, 2, 1, 2, 4]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("data.ndc", stream(1, 14, main))
        archive.writestr("data_runInfo.ndc", stream(18, 14, run))
        if left_out != "step":
            archive.writestr("data_step.ndc", stream(7, 14, step))
        for name, content in extra:
            archive.writestr(name, content)
    return path


def by_fastnda(path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        frame = fastnda.read(path, cycle_mode="raw", raw_categories=True)
    return frame.drop("step_time_s").with_columns(pl.col(NUMBERS).cast(pl.Int64))


def assert_as_fastnda(path, columns) -> None:
    got = pl.DataFrame(columns).with_columns(pl.col("index").cast(pl.Int64))
    assert_frame_equal(got, by_fastnda(path), check_exact=True, check_column_order=False)


@pytest.mark.parametrize("seed", range(6))
def test_made_streams_come_out_as_fastnda_has_them(tmp_path, seed):
    path = layered(tmp_path / "a.ndax", seed=seed, points=[40, 700, 5000, 5000, 20_000, 100_000][seed])
    got = merged(path)
    assert got is not None
    assert_as_fastnda(path, got[0])
    assert got[1]


@pytest.mark.parametrize("records", [1, 97, 10_000_000])
def test_the_size_of_the_blocks_changes_nothing(tmp_path, monkeypatch, records):
    path = layered(tmp_path / "a.ndax", points=3000)
    monkeypatch.setattr(ndax_merge, "BLOCK_RECORDS", records)
    assert_as_fastnda(path, merged(path)[0])


@pytest.mark.parametrize("seed", range(4))
def test_totals_never_fall_and_stay_within_what_a_step_gained(seed):
    rng = np.random.default_rng(seed)
    begins = np.append(0, np.sort(rng.choice(np.arange(1, 500), 11, replace=False)))
    amount = np.concatenate(
        [
            sign * (np.linspace(0.0, 2.0, n) + 0.05 * rng.normal(size=n))
            for n, sign in zip(np.diff(begins, append=500), rng.choice([-1.0, 1.0], 12), strict=True)
        ]
    ).astype(np.float32)
    up, down = _totals(amount, begins, np.zeros(12, dtype=np.bool_))
    ends = np.append(begins[1:], 500) - 1
    gains = amount[ends].astype(np.float64) * 1e-3
    for total, gained in ((up, np.maximum(gains, 0.0)), (down, np.maximum(-gains, 0.0))):
        assert (np.diff(total) >= 0.0).all()
        assert (total <= np.repeat(np.cumsum(gained), np.diff(begins, append=500)) + 1e-15).all()
        np.testing.assert_allclose(total[ends], np.cumsum(gained), rtol=1e-6, atol=1e-9)


def test_a_stream_with_a_wrong_checksum_is_not_believed(tmp_path):
    path = layered(tmp_path / "a.ndax")
    raw = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        crc = archive.getinfo("data.ndc").CRC.to_bytes(4, "little")
    at = raw.rindex(crc)  # in the directory of the archive
    raw[at] ^= 1
    path.write_bytes(raw)
    with pytest.raises(DamagedFileError, match="CRC"):
        NewareReader().read(path)


@pytest.mark.parametrize("missing", ["", "Step.xml"])
def test_the_description_says_what_fastnda_finds_in_it(tmp_path, missing):
    head = (
        '<Head_Info><Creator Value=" lab " /><Remark Value="" /><PN Value="7" /><SCQ_F Value="1.5e-05" /></Head_Info>'
    )
    info = '<TestInfo Barcode="B 1" StartTime="2024-03-01 12:00:00" DevID="16" UnitID="1" ChlID="7" TestID="" />'
    parts = {"Step.xml": head, "EditStep.xml": head.replace("7", "8"), "TestInfo.xml": info}
    extra = [(n, f"<root><config>{text}</config></root>") for n, text in parts.items() if n != missing]
    path = layered(tmp_path / "a.ndax", extra=extra)
    metadata = NewareReader().read(path).metadata
    told = fastnda.read_metadata(path)
    step, test = told["EditStep" if missing else "Step"]["Head_Info"], told["TestInfo"]["TestInfo"]
    assert metadata == {
        "barcode": test["Barcode"],
        "start_time": test["StartTime"],
        "device": test["DevID"],
        "unit": test["UnitID"],
        "channel": test["ChlID"],
        "creator": step["Creator"]["Value"].strip(),
        "part_number": step["PN"]["Value"],
        "active_mass_mg": pytest.approx(1e6 * float(step["SCQ_F"]["Value"])),
    }


def test_the_clock_that_goes_back_is_still_reported(tmp_path):
    _, codes = _outcome(layered(tmp_path / "a.ndax"))
    assert "clock-goes-back" in codes


def test_real_streams_come_out_as_fastnda_has_them(shared_data):
    quick = 0
    for path in sorted((shared_data / "cycling").glob("*.ndax")):
        got = merged(path)
        if got is not None:
            quick += 1
            assert_as_fastnda(path, got[0])
    assert quick >= 2


def test_a_file_of_one_stream_comes_out_as_fastnda_has_it(tmp_path):
    path = tmp_path / "a.ndax"
    path.write_bytes(ndax_bytes())
    got = merged(path)
    assert got is not None
    assert_as_fastnda(path, got[0])
    assert not got[1]


@pytest.mark.parametrize("change", ["version", "auxiliary", "beginning", "stream"])
def test_what_is_not_as_usual_is_left_to_fastnda(tmp_path, monkeypatch, change):
    path = tmp_path / "a.ndax"
    extra = [("data_AUX_1_1_1.ndc", b"")] if change == "auxiliary" else []
    layered(path, extra=extra, keep_first=change != "beginning", left_out="step" if change == "stream" else "")
    if change == "version":
        monkeypatch.setattr(ndax_merge, "COMPARED_VERSIONS", frozenset({"0.0"}))
    assert merged(path) is None


def test_both_ways_give_the_same_table(tmp_path, monkeypatch):
    path = layered(tmp_path / "a.ndax", points=300)
    quick = _outcome(path)
    monkeypatch.setattr(ndax_merge, "COMPARED_VERSIONS", frozenset())
    slow = _outcome(path)
    assert quick[1] == slow[1]
    assert_frame_equal(quick[0], slow[0], check_exact=True)


STREAMS = {(1, 5): ndc._ALL, (1, 14): ndc._MAIN, (18, 14): ndc._RUN, (7, 14): ndc._STEP}


def random_stream(kind: tuple[int, int], *, seed: int, points: int, gaps: bool) -> bytes:
    """Lay out random records of a kind of stream; with *gaps* some places for records are not in use."""
    rng = np.random.default_rng(seed)
    rows = np.frombuffer(rng.bytes(points * STREAMS[kind].itemsize), dtype=STREAMS[kind]).copy()
    for name in rows.dtype.names:
        if rows.dtype[name].kind == "f":
            rows[name] = rng.normal(size=points)
    if kind == (1, 5):
        for name, low, high in (
            ("Y", 2000, 2038),
            ("M", 1, 13),
            ("D", 1, 29),
            ("h", 0, 24),
            ("m", 0, 60),
            ("s", 0, 60),
        ):
            rows[name] = rng.integers(low, high, points)
        sizes = rng.choice([0, 5, 50, 500, 5000, 500_000, 5_000_000, 50_000_000, 500_000_000, 2_100_000_000], points)
        rows["range"] = sizes * rng.choice([-1, 1], points)
        rows["index"] = np.arange(1, points + 1)
    if kind == (18, 14):
        rows["index"] = rng.integers(1, points + 1, points)  # some stand twice: the first counts
    raw = bytearray(stream(*kind, rows))
    for at in range(RECORD, len(raw), RECORD) if gaps else ():
        raw[at + 4] &= 0b01011011
    return bytes(raw)


@pytest.mark.parametrize("gaps", [False, True])
@pytest.mark.parametrize("kind", STREAMS)
@pytest.mark.parametrize("points", [1, 44, 45, 46, 1100])
def test_every_number_of_a_stream_is_that_of_fastnda(kind, points, gaps):
    raw = random_stream(kind, seed=points, points=points, gaps=gaps and points > 8)
    columns, frame = ndc.decoded(raw), read_ndc(raw)
    frame = frame.sort("index", maintain_order=True) if kind == (18, 14) else frame
    assert columns is not None
    for name, values in columns.items():
        theirs = frame[name].to_numpy()
        # `fastnda.read` rounds the clock to µs and gives the rest of these in single precision
        theirs = np.round(theirs, 6) if kind == (1, 5) and name == "unix_time_s" else theirs
        np.testing.assert_array_equal(values, theirs.astype(values.dtype), err_msg=name)


def test_entries_that_are_all_of_one_record_leave_the_first():
    rows = np.frombuffer(random_stream((18, 14), seed=2, points=5, gaps=False), ndc._RUN, 5, RECORD + 132).copy()
    rows["index"] = 3
    raw = stream(18, 14, rows)
    columns, frame = ndc.decoded(raw), read_ndc(raw)
    assert {name: values.item() for name, values in columns.items()} == frame.row(0, named=True)


@pytest.mark.parametrize("change", [{"M": 13}, {"D": 0}, {"M": 2, "D": 30}, {"h": 24}, {"s": 60}])
def test_a_date_that_does_not_exist_is_left_to_fastnda(change):
    rows = np.frombuffer(
        random_stream((1, 5), seed=1, points=40, gaps=False)[RECORD + 132 :], dtype=ndc._ALL, count=40
    ).copy()
    assert ndc.decoded(stream(1, 5, rows)) is not None
    for name, value in change.items():
        rows[name][7] = value
    assert ndc.decoded(stream(1, 5, rows)) is None


@pytest.mark.parametrize(
    "raw", [b"", bytes(RECORD), bytes(2 * RECORD), random_stream((1, 14), seed=1, points=9, gaps=False)[:-1]]
)
def test_a_stream_cut_short_or_of_another_kind_is_left_to_fastnda(raw):
    assert ndc.decoded(raw) is None


def _outcome(path) -> tuple[pl.DataFrame, list[str]]:
    reading = NewareReader().read(path)
    return reading.table, sorted(f.code for f in reading.findings)

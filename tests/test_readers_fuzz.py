"""Broken files over all readers: a typed error or a sound table, never a traceback, a hang or a silent number.

The quick round breaks each sample a few times; the slow one (``-m slow``) makes 2,000 broken files in all.
Samples are made here, so that the test needs nothing beside the repository; the real files take part where
they are.
"""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from lirich.readers import get_reader, read
from lirich.readers.registry import BUILT_IN
from lirich.testing import check_reader, mutations
from lirich.testing.binary_files import mpr_bytes, ndax_bytes
from lirich.testing.content import half_cycles, same_half_cycles
from lirich.testing.mutate import is_text
from lirich.testing.samples import SAMPLES, sample_log

QUICK, SLOW_TOTAL = 8, 2000
ARCHIVES = ("ndax", "neware-xlsx", "arbin-xlsx", "landt-xlsx")
PER_ARCHIVE = 40
"""Broken copies of each sample that is a zip archive; they take longest to make (bombs of 60 MB) and to read."""

PER_SAMPLE = -(-(SLOW_TOTAL - PER_ARCHIVE * len(ARCHIVES)) // (len(SAMPLES) - len(ARCHIVES)))
"""Broken copies of each other made sample: with those 2,000 on a fresh clone, without the real files."""

PER_REAL = 16
"""Broken copies of each real file, where they are."""

REAL = {
    "neware_1.5-4.4V_1cycle.ndax": "neware",
    "neware_export_uio.csv": "neware-text",
    "landt_LiGrR2032.csv": "landt",
    "maccor_M50_0degC.txt": "maccor",
    "basytec_LiLNMO_pOCV_halfcell.bdf.csv": "bdf",
    "neware_rate_SLPBA842124HV_TimeBug.bdf.csv": "bdf",
    "ampworks_ici_discharge.csv": "table",
    "arbin_example_halfcell_3.0-4.3V.res": "arbin-res",
    "arbin_export_gr_li_channel11.xlsx": "arbin-text",
}
"""Real file → its reader."""

UNSEEN_BY_READER = {made.reader: made.unseen for name, made in SAMPLES.items() if name != "nda"}


def _copies(sample: str) -> int:
    return PER_ARCHIVE if sample in ARCHIVES else PER_SAMPLE


def _reader_or_skip(name: str):
    if name == "biologic-mpr":
        pytest.importorskip("galvani")
    return get_reader(name)


def _small_real(shared_data: Path, name: str, folder: Path) -> Path:
    """A real file, a text cut to its first 400 rows so that thousands of broken copies are quick to read."""
    data = (shared_data / "cycling" / name).read_bytes()
    if is_text(data):
        data = b"\n".join(data.split(b"\n")[:400]) + b"\n"
    path = folder / name
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("sample", SAMPLES)
def test_broken_copies_of_made_files_never_crash_a_reader(sample: str, tmp_path: Path) -> None:
    made = SAMPLES[sample]
    report = check_reader(
        _reader_or_skip(made.reader), [made.make(tmp_path)], mutated=QUICK, seed=1, unseen=made.unseen
    )
    assert report.refused + report.read == QUICK


@pytest.mark.data
@pytest.mark.parametrize("name", REAL)
def test_broken_copies_of_real_files_never_crash_a_reader(name: str, tmp_path: Path, shared_data: Path) -> None:
    path = _small_real(shared_data, name, tmp_path)
    reader = get_reader(REAL[name])
    report = check_reader(reader, [path], mutated=QUICK, seed=1, unseen=UNSEEN_BY_READER[reader.name])
    assert report.refused + report.read == QUICK


@pytest.mark.slow
@pytest.mark.parametrize("sample", SAMPLES)
def test_two_thousand_broken_files_made(sample: str, tmp_path: Path) -> None:
    made = SAMPLES[sample]
    seed = int(os.environ.get("LIRICH_FUZZ_SEED", "7"))
    count = _copies(sample)
    report = check_reader(
        _reader_or_skip(made.reader), [made.make(tmp_path)], mutated=count, seed=seed, unseen=made.unseen
    )
    assert report.refused + report.read == count
    assert report.refused > 0


@pytest.mark.slow
@pytest.mark.data
@pytest.mark.parametrize("name", REAL)
def test_broken_files_from_real_ones(name: str, tmp_path: Path, shared_data: Path) -> None:
    path = _small_real(shared_data, name, tmp_path)
    reader = get_reader(REAL[name])
    report = check_reader(reader, [path], mutated=PER_REAL, seed=11, unseen=UNSEEN_BY_READER[reader.name])
    assert report.refused + report.read == PER_REAL


def test_there_is_a_sample_for_every_built_in_reader_and_the_samples_make_two_thousand() -> None:
    spectra = {"bdf-impedance"}  # no cycling test: its files are broken in tests/test_spectra.py
    assert {made.reader for made in SAMPLES.values()} == set(BUILT_IN) - spectra
    assert sum(_copies(name) for name in SAMPLES) >= SLOW_TOTAL
    assert {".ndax", ".nda", ".mpr", ".mpt", ".res", ".xlsx"} <= {f".{name.split('-')[-1]}" for name in SAMPLES}


def test_the_samples_of_one_test_say_the_same_whatever_their_format(tmp_path: Path) -> None:
    contents = {}
    for name, made in SAMPLES.items():
        folder = tmp_path / name
        folder.mkdir()
        contents[name] = half_cycles(_reader_or_skip(made.reader).read(made.make(folder)).table)
    for name, content in contents.items():
        assert same_half_cycles(contents["arbin-csv"], content), name
    assert [c.sign for c in contents["arbin-csv"]] == [1, -1, 1, -1]
    assert contents["arbin-csv"][0].charge_ah == pytest.approx(4e-4)
    assert contents["arbin-csv"][0].mean_voltage_v == pytest.approx(3.75)


def test_the_made_access_database_holds_every_row(tmp_path: Path) -> None:
    path = SAMPLES["res"].make(tmp_path)
    table = read(path).table
    expected = sample_log()
    assert table.height == expected.height
    assert table["voltage_volt"].to_list() == pytest.approx(expected["voltage_v"].to_list())
    assert table["test_time_second"].to_list() == pytest.approx(expected["test_time_s"].to_list())


def _huge(path: Path, kind: str) -> None:
    """Write more than 50 MB in about a second."""
    rows = 2_000_000
    time = np.arange(rows) * 10.0
    part = time % 7200.0 / 3600.0
    frame = pl.DataFrame(
        {
            "test_time_second": time,
            "voltage_volt": np.round(3.0 + 1.5 * np.minimum(part, 2.0 - part), 6),
            "current_ampere": np.where(part < 1, 1e-3, -1e-3),
            "cycle_count": (time // 7200.0).astype(np.int64) + 1,
        }
    )
    frame.write_csv(path)
    if kind != "sound":
        data = path.read_bytes()
        broken = {
            "one line": lambda: data.replace(b"\n", b" "),
            "zeros": lambda: data[:2000] + bytes(60_000_000),
            "blank lines": lambda: data[:2000] + b"\n" * 60_000_000,
        }
        path.write_bytes(broken[kind]())


_MEASURE = """
import resource, sys
from pathlib import Path
from lirich import read
from lirich.errors import LirichError
read(Path(sys.argv[1]))  # imports, thread pools
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    print(read(Path(sys.argv[2])).table.height)
except LirichError as error:
    print(type(error).__name__)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024)
"""


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["sound", "one line", "zeros", "blank lines"])
def test_a_huge_file_is_read_or_refused_within_bounded_memory(kind: str, tmp_path: Path) -> None:
    pytest.importorskip("resource")
    small = SAMPLES["bdf-csv"].make(tmp_path)
    huge = tmp_path / "huge.bdf.csv"
    _huge(huge, kind)
    size = huge.stat().st_size
    assert size > 50_000_000
    command = [sys.executable, "-c", _MEASURE, str(small), str(huge)]
    said, memory = subprocess.run(command, check=True, capture_output=True, text=True, timeout=120).stdout.split()
    if kind == "sound":
        assert said == "2000000"
    else:  # the first rows, or a typed error
        assert (said.isdigit() and int(said) < 100) or said.endswith("Error")
    assert int(memory) < 12 * size, f"{int(memory) / size:.1f} times the size of the file"


def test_mutations_are_seeded_and_of_many_kinds() -> None:
    text = b"a,b,c\n" + b"1.0,2.0,3.0\n" * 50
    once, again = list(mutations(text, 3, 60)), list(mutations(text, 3, 60))
    assert once == again
    assert list(mutations(text, 4, 60)) != once
    assert len({m.data for m in once}) > 45
    assert any(m.data == b"" for m in once)


def test_mutated_archives_keep_their_checksums_or_lose_their_directory() -> None:
    whole = 0
    for mutation in mutations(ndax_bytes(), 1, 44):
        if mutation.name.startswith(("break-member", "bomb", "traversal", "swap", "drop")):
            path = Path(os.devnull)
            import io

            with zipfile.ZipFile(io.BytesIO(mutation.data)) as archive:
                assert archive.testzip() is None, (mutation.name, path)
            whole += 1
    assert whole >= 8


def test_an_archive_member_that_climbs_out_of_its_folder_is_never_written(tmp_path: Path) -> None:
    for mutation in mutations(ndax_bytes(), 1, 44):
        if mutation.name.startswith("traversal"):
            path = tmp_path / "x.ndax"
            path.write_bytes(mutation.data)
            get_reader("neware").read(path)
    for folder in (*tmp_path.parents, *Path.cwd().parents, Path.cwd(), Path("/")):
        assert not (folder / "lirich-escaped").exists()


def test_impedance_mpr_sample_is_one(tmp_path: Path) -> None:
    assert mpr_bytes(columns="impedance") != mpr_bytes()

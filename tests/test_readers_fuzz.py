"""Broken files over all readers: a typed error or a sound table, never a traceback, a hang or a silent number.

The quick round breaks each sample a few times; the slow one (``-m slow``) makes 2,000 broken files in all.
Samples are made here, so that the test needs nothing beside the repository; the real files take part where
they are.
"""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from lirich.readers import get_reader
from lirich.testing import check_reader, mutations
from lirich.testing.binary_files import mpr_bytes, ndax_bytes, simple_test, write_binary
from lirich.testing.mutate import is_text
from lirich.testing.vendor_files import WRITERS

QUICK, SLOW_TOTAL = 8, 2000
FACTS = {
    "cell": "SC-1",
    "sample": "S1",
    "active_mass_mg": 5.0,
    "electrolyte": "LP57",
    "nominal_specific_capacity_mah_g": 250.0,
    "one_c_ma_g": 250.0,
    "electrode": "cathode",
    "morphology": "SC",
    "electrode_area_cm2": 1.13,
    "temperature_celsius": 25.0,
}


def small_log() -> pl.DataFrame:
    """A log of `simple_test` with the columns that the vendor writers want."""
    test = simple_test(points=25)
    kinds = {"rest": "rest", "charge": "cc_charge", "discharge": "cc_discharge"}
    frame = pl.DataFrame({k: v for k, v in test.items() if k != "kind"}).with_columns(
        pl.Series("kind", [kinds[str(k)] for k in test["kind"]])
    )
    charging, discharging = pl.col("kind") == "cc_charge", pl.col("kind") == "cc_discharge"
    amount, energy = pl.col("capacity_mah") / 1000.0, pl.col("energy_mwh") / 1000.0
    return frame.select(
        pl.int_range(1, pl.len() + 1).alias("record"),
        pl.col("time_s").alias("test_time_s"),
        "step_time_s",
        (pl.col("time_s") + 1_709_294_400.0).alias("unix_s"),
        "voltage_v",
        (pl.col("current_ma") / 1000.0).alias("current_a"),
        (pl.col("cycle") + 1).cast(pl.Int64).alias("cycle"),
        pl.col("step").cast(pl.Int64),
        pl.when(charging).then(2).when(discharging).then(3).otherwise(1).alias("step_index"),
        "kind",
        pl.lit(25.0).alias("temperature_c"),
        pl.when(charging).then(amount).otherwise(0.0).alias("step_charge_ah"),
        pl.when(discharging).then(amount).otherwise(0.0).alias("step_discharge_ah"),
        pl.when(charging).then(energy).otherwise(0.0).alias("step_charge_wh"),
        pl.when(discharging).then(energy).otherwise(0.0).alias("step_discharge_wh"),
    )


def _vendor(name: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        path = folder / f"sample{WRITERS[name].suffix}"
        WRITERS[name].write(small_log(), path, FACTS)
        return path

    return make


def _binary(suffix: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        path = folder / f"sample{suffix}"
        write_binary(path, simple_test(points=25))
        return path

    return make


def _plain(folder: Path) -> Path:
    path = folder / "sample.csv"
    small_log().select(
        pl.col("test_time_s").alias("Seconds"), pl.col("current_a").alias("Amps"), pl.col("voltage_v").alias("Volts")
    ).write_csv(path)
    return path


def _mapped(folder: Path) -> Path:
    path = folder / "sample.csv"
    small_log().select(
        pl.col("test_time_s").alias("zeit"), pl.col("current_a").alias("strom"), pl.col("voltage_v").alias("spannung")
    ).write_csv(path)
    mapping = '[columns]\ntime = { column = "zeit", unit = "s" }\n'
    mapping += 'current = { column = "strom", unit = "A" }\nvoltage = { column = "spannung", unit = "V" }\n'
    (folder / "sample.csv.lirich.toml").write_text(mapping)
    return path


SAMPLES: dict[str, tuple[str, Callable[[Path], Path]]] = {
    "ndax": ("neware", _binary(".ndax")),
    "nda": ("neware", _binary(".nda")),
    "mpr": ("biologic-mpr", _binary(".mpr")),
    "mpt": ("biologic", _vendor("biologic-mpt")),
    "neware-csv": ("neware-text", _vendor("neware-csv")),
    "arbin-csv": ("arbin-text", _vendor("arbin-csv")),
    "landt-csv": ("landt", _vendor("landt-csv")),
    "maccor-txt": ("maccor", _vendor("maccor-txt")),
    "basytec-txt": ("basytec", _vendor("basytec-txt")),
    "bdf-csv": ("bdf", _vendor("bdf-csv")),
    "bdf-parquet": ("bdf", _vendor("bdf-parquet")),
    "table": ("table", _plain),
    "mapped": ("mapped", _mapped),
}

UNSEEN: dict[str, tuple[str, ...]] = {
    # Time, voltage and current and nothing else: a larger current is a larger cell, other names other columns.
    "table": ("scale-column", "shuffle-header"),
    "mapped": ("scale-column", "shuffle-header"),
    # Binary without checksums: another byte is another number, another charge or another end of a step.
    "nda": ("flip",),
    "mpr": ("flip", "zero-block"),
}
"""Damage that a format has no second witness of."""

REAL = {
    "neware_1.5-4.4V_1cycle.ndax": ("neware", ()),
    "neware_export_uio.csv": ("neware-text", ()),
    "landt_LiGrR2032.csv": ("landt", ()),
    "maccor_M50_0degC.txt": ("maccor", ()),
    "basytec_LiLNMO_pOCV_halfcell.bdf.csv": ("bdf", ()),
    "neware_rate_SLPBA842124HV_TimeBug.bdf.csv": ("bdf", ()),
    "ampworks_ici_discharge.csv": ("table", ()),
    "arbin_example_halfcell_3.0-4.3V.res": ("arbin-res", ()),
    "arbin_export_gr_li_channel11.xlsx": ("arbin-text", ()),
}
"""Real file -> its reader, and the repairs that its first rows need."""

_PER_SAMPLE = -(-SLOW_TOTAL // (len(SAMPLES) + len(REAL)))


def _reader_or_skip(name: str):
    if name == "biologic-mpr":
        pytest.importorskip("galvani")
    if name == "arbin-res":
        pytest.importorskip("access_parser")
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
    reader, make = SAMPLES[sample]
    report = check_reader(_reader_or_skip(reader), [make(tmp_path)], mutated=QUICK, seed=1)
    assert report.refused + report.read == QUICK


@pytest.mark.data
@pytest.mark.parametrize("name", REAL)
def test_broken_copies_of_real_files_never_crash_a_reader(name: str, tmp_path: Path, shared_data: Path) -> None:
    reader, repairs = REAL[name]
    path = _small_real(shared_data, name, tmp_path)
    report = check_reader(_reader_or_skip(reader), [path], mutated=QUICK, seed=1, repairs=repairs)
    assert report.refused + report.read == QUICK


@pytest.mark.slow
@pytest.mark.parametrize("sample", SAMPLES)
def test_two_thousand_broken_files_made(sample: str, tmp_path: Path) -> None:
    reader, make = SAMPLES[sample]
    seed = int(os.environ.get("LIRICH_FUZZ_SEED", "7"))
    report = check_reader(_reader_or_skip(reader), [make(tmp_path)], mutated=_PER_SAMPLE, seed=seed)
    assert report.refused + report.read == _PER_SAMPLE
    assert report.refused > 0


@pytest.mark.slow
@pytest.mark.data
@pytest.mark.parametrize("name", REAL)
def test_two_thousand_broken_files_real(name: str, tmp_path: Path, shared_data: Path) -> None:
    reader, repairs = REAL[name]
    path = _small_real(shared_data, name, tmp_path)
    report = check_reader(_reader_or_skip(reader), [path], mutated=_PER_SAMPLE, seed=11, repairs=repairs)
    assert report.refused + report.read == _PER_SAMPLE


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

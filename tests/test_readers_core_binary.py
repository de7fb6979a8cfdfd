"""Neware .nda/.ndax and Biologic .mpr/.mpt: known tests come back, damage is said."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from lirich.errors import DamagedFileError, MissingColumnError, OptionalDependencyError, WrongTechniqueError
from lirich.model.table import (
    CHARGED,
    CHARGED_ENERGY,
    CURRENT,
    CYCLE,
    DISCHARGED,
    STEP,
    STEP_INDEX,
    STEP_TYPE,
    TIME,
    UNIX_TIME,
    VOLTAGE,
)
from lirich.readers import get_reader, read
from lirich.testing.binary_files import START, mpr_bytes, nda_bytes, ndax_bytes, simple_test, write_binary


def _save(folder: Path, name: str, data: bytes) -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("suffix", [".ndax", ".nda", ".mpr"])
def test_a_known_test_comes_back(suffix: str, tmp_path: Path) -> None:
    if suffix == ".mpr":
        pytest.importorskip("galvani")
    test = simple_test(points=50, cycles=3)
    path = tmp_path / f"x{suffix}"
    write_binary(path, test)
    table = read(path).table
    assert np.allclose(table[TIME], test["time_s"], atol=1e-6)
    assert np.allclose(table[VOLTAGE], test["voltage_v"], atol=6e-5)  # Neware counts 0.1 mV
    steady = np.diff(np.asarray(test["step"]), prepend=0) == 0
    assert np.allclose(table[CURRENT].to_numpy()[steady], np.asarray(test["current_ma"])[steady] / 1000, atol=1e-8)
    each = 49 * 60 / 3600 * 1e-3
    assert table[CHARGED][-1] == pytest.approx(3 * each, rel=1e-3)
    assert table[DISCHARGED][-1] == pytest.approx(3 * each, rel=1e-3)
    assert table[UNIX_TIME][0] == pytest.approx(START.timestamp())
    assert (table[CHARGED].diff().drop_nulls() >= 0).all()


def test_neware_counts_stay_as_the_cycler_wrote_them(tmp_path: Path) -> None:
    test = simple_test(points=20, cycles=3)
    table = read(_save(tmp_path, "x.ndax", ndax_bytes(test))).table
    assert table[CYCLE].to_list() == [int(c) + 1 for c in test["cycle"]]
    assert table[STEP].to_list() == [int(s) for s in test["step"]]
    assert set(table[STEP_TYPE]) == {"Rest", "CC_Chg", "CC_DChg"}
    assert table[CHARGED_ENERGY][-1] == pytest.approx(table[CHARGED][-1] * 3.75, rel=1e-5)


def test_active_mass_is_taken_from_the_step_file_and_said_or_left_out(tmp_path: Path) -> None:
    given = read(_save(tmp_path, "a.ndax", ndax_bytes(active_mass_mg=12.34)))
    assert given.metadata["active_mass_mg"] == pytest.approx(12.34)
    assert [f.code for f in given.findings] == ["active-mass-from-file"]
    silent = read(_save(tmp_path, "b.ndax", ndax_bytes(active_mass_mg=None)))
    assert "active_mass_mg" not in silent.metadata


@pytest.mark.parametrize("make", [ndax_bytes, nda_bytes, mpr_bytes])
@pytest.mark.parametrize("share", [0.999, 0.9, 0.5, 0.1, 0.02])
def test_a_binary_file_cut_short_is_damage_and_never_a_shorter_test(make, share: float, tmp_path: Path) -> None:
    if make is mpr_bytes:
        pytest.importorskip("galvani")
    data = make()
    suffix = {ndax_bytes: ".ndax", nda_bytes: ".nda", mpr_bytes: ".mpr"}[make]
    path = _save(tmp_path, f"x{suffix}", data[: int(share * len(data))])
    with pytest.raises(DamagedFileError):
        read(path)


def _archive(members: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return out.getvalue()


def test_an_archive_that_would_unpack_to_gigabytes_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    bomb = _archive({"data.ndc": bytes(300_000_000)})
    assert len(bomb) < 400_000
    with pytest.raises(DamagedFileError, match="would unpack"):
        read(_save(tmp_path, "bomb.ndax", bomb))


@pytest.mark.parametrize(
    "members", [{}, {"readme.txt": b"hello"}, {"data.ndc": b""}, {"data.ndc": b"\x01"}, {"data.ndc": bytes(5000)}]
)
def test_archives_without_sound_data_are_damage(members: dict[str, bytes], tmp_path: Path) -> None:
    with pytest.raises(DamagedFileError):
        get_reader("neware").read(_save(tmp_path, "x.ndax", _archive(members)))


def test_missing_records_are_said(tmp_path: Path) -> None:
    with zipfile.ZipFile(io.BytesIO(ndax_bytes())) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    data = bytearray(members["data.ndc"])
    del data[512 * 11 : 512 * 13]  # two pages of five records
    reading = read(_save(tmp_path, "x.ndax", _archive({**members, "data.ndc": bytes(data)})))
    assert reading.table.height == 190
    (finding,) = [f for f in reading.findings if f.code == "records-missing"]
    assert "10 numbers are missing in 1 places" in finding.message


def test_billion_laughs_in_the_description_cost_the_description_only(tmp_path: Path) -> None:
    with zipfile.ZipFile(io.BytesIO(ndax_bytes())) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    laughs = '<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "ha">' + "".join(
        f'<!ENTITY {chr(98 + i)} "{f"&{chr(97 + i)};" * 10}">' for i in range(9)
    )
    members["Step.xml"] = (laughs + "]><root><config>&j;</config></root>").encode()
    reading = read(_save(tmp_path, "x.ndax", _archive(members)))
    assert reading.table.height == 200
    assert [f.code for f in reading.findings] == ["metadata-unreadable"]


def test_without_galvani_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "galvani", None)
    monkeypatch.setitem(sys.modules, "galvani.BioLogic", None)
    with pytest.raises(OptionalDependencyError, match=r"pip install -c constraints\.txt -e '\.\[biologic\]'"):
        read(_save(tmp_path, "x.mpr", mpr_bytes()))


MPT_HEAD = (
    "EC-Lab ASCII FILE\r\nNb header lines : {n}\r\n\r\n{technique}\r\n\r\n"
    "Acquisition started on : 03/01/2024 12:00:00\r\nMass of active material : {mass}\r\n"
    "Electrode surface area : 1.540 cm²\r\nElectrolyte : LP57\r\n"
)
GCPL = "Galvanostatic Cycling with Potential Limitation"


def mpt(
    columns: list[str], rows: list[list[str]], *, technique: str = GCPL, mass: str = "5.250 mg", end: str = "\r\n"
) -> bytes:
    head = MPT_HEAD.format(n=10, technique=technique, mass=mass)
    assert head.count("\n") == 9
    body = "\t".join(columns) + "\t\r\n" + "\r\n".join("\t".join(row) + "\t" for row in rows) + end
    return (head + body).encode("latin-1")


def gcpl_rows(n: int = 60, *, comma: bool = False) -> tuple[list[str], list[list[str]]]:
    """Columns and rows of a charge at 2 mA and a discharge at 1 mA, one row a minute."""
    columns = ["mode", "ox/red", "error", "Ns", "time/s", "Ewe/V", "I/mA", "dq/mA.h", "cycle number"]
    rows = []
    for k in range(2 * n):
        up = k < n
        voltage = 3 + 1.5 * (k / n if up else (2 * n - k) / n)
        current = 2.0 if up else -1.0
        dq = 0.0 if k == 0 else current / 60
        numbers = [f"{60.0 * k:.6E}", f"{voltage:.6E}", f"{current:.6E}", f"{dq:.9E}"]
        if comma:
            numbers = [x.replace(".", ",") for x in numbers]
        rows.append(["1", "1" if up else "0", "0", "1" if up else "2", *numbers, "0"])
    return columns, rows


@pytest.mark.parametrize("comma", [False, True])
def test_mpt_is_read_whatever_the_decimal_sign(comma: bool, tmp_path: Path) -> None:
    reading = read(_save(tmp_path, "x.mpt", mpt(*gcpl_rows(comma=comma))))
    table = reading.table
    assert table.height == 120
    assert table[CURRENT][5] == pytest.approx(2e-3)
    assert table[TIME][-1] == 119 * 60.0
    assert table[CHARGED][-1] == pytest.approx(59 / 60 * 2e-3)
    assert table[DISCHARGED][-1] == pytest.approx(60 / 60 * 1e-3)
    assert table[STEP_INDEX].to_list() == [1] * 60 + [2] * 60
    assert reading.metadata["technique"] == GCPL
    assert reading.metadata["active_mass_mg"] == pytest.approx(5.25)
    assert reading.metadata["electrode_area_cm2"] == pytest.approx(1.54)
    assert reading.metadata["electrolyte"] == "LP57"
    assert table[UNIX_TIME][0] == START.timestamp()


def test_ec_labs_empty_mass_is_no_mass(tmp_path: Path) -> None:
    reading = read(_save(tmp_path, "x.mpt", mpt(*gcpl_rows(), mass="0.001 mg")))
    assert "active_mass_mg" not in reading.metadata


def test_mpt_without_current_takes_it_from_the_charge(tmp_path: Path) -> None:
    columns, rows = gcpl_rows()
    at = columns.index("I/mA")
    reading = read(
        _save(tmp_path, "x.mpt", mpt([c for c in columns if c != "I/mA"], [r[:at] + r[at + 1 :] for r in rows]))
    )
    assert reading.table[CURRENT][30] == pytest.approx(2e-3, rel=1e-6)
    assert reading.table[CURRENT][90] == pytest.approx(-1e-3, rel=1e-6)
    assert "current-from-charge" in [f.code for f in reading.findings]


def test_mpt_with_dates_in_place_of_seconds(tmp_path: Path) -> None:
    columns, rows = gcpl_rows(10)
    at = columns.index("time/s")
    for k, row in enumerate(rows):
        row[at] = f"03/01/2024 12:{k:02d}:00.5000"
    table = read(_save(tmp_path, "x.mpt", mpt(columns, rows))).table
    assert table[TIME].to_list() == [60.0 * k for k in range(20)]


def test_a_row_cut_in_the_middle_is_left_out_and_said(tmp_path: Path) -> None:
    data = mpt(*gcpl_rows())
    last = data.rindex(b"\r\n", 0, len(data) - 2)
    reading = read(_save(tmp_path, "x.mpt", data[: last + 20]))
    assert reading.table.height == 119
    assert "last-row-cut" in [f.code for f in reading.findings]


def test_impedance_and_mixed_techniques(tmp_path: Path) -> None:
    spectrum = mpt(
        ["freq/Hz", "Re(Z)/Ohm", "-Im(Z)/Ohm", "time/s", "Ewe/V"],
        [[f"{10 ** (4 - k / 5):.4f}", "5.0", "1.0", f"{k}.0", "3.7"] for k in range(20)],
        technique="Potentio Electrochemical Impedance Spectroscopy",
    )
    reading = read(_save(tmp_path, "eis.mpt", spectrum))
    assert reading.table["imaginary_impedance_ohm"].to_list() == [-1.0] * 20
    assert reading.table["voltage_volt"].to_list() == [3.7] * 20
    without = mpt(
        ["Re(Z)/Ohm", "-Im(Z)/Ohm", "time/s", "Ewe/V"],
        [["5.0", "1.0", f"{k}.0", "3.7"] for k in range(20)],
        technique="Potentio Electrochemical Impedance Spectroscopy",
    )
    with pytest.raises(WrongTechniqueError, match="Potentio Electrochemical Impedance"):
        read(_save(tmp_path, "no_frequency.mpt", without))
    columns, rows = gcpl_rows()
    mixed = [[*row, "1000.0" if 20 <= k < 30 else "0.0"] for k, row in enumerate(rows)]
    reading = read(_save(tmp_path, "mixed.mpt", mpt([*columns, "freq/Hz"], mixed)))
    assert reading.table.height == 110
    assert "impedance-rows-left-out" in [f.code for f in reading.findings]


@pytest.mark.parametrize("keep", [1, 2, 5, 9])
def test_an_mpt_that_ends_in_its_header_is_damage(keep: int, tmp_path: Path) -> None:
    lines = mpt(*gcpl_rows()).split(b"\r\n")[:keep]
    with pytest.raises(DamagedFileError):
        read(_save(tmp_path, "x.mpt", b"\r\n".join(lines)))


def test_an_mpt_without_voltage_says_which_column_is_missing(tmp_path: Path) -> None:
    columns, rows = gcpl_rows()
    columns[columns.index("Ewe/V")] = "Analog IN 1/V"
    with pytest.raises(MissingColumnError, match="voltage_volt"):
        read(_save(tmp_path, "x.mpt", mpt(columns, rows)))


@pytest.mark.data
def test_the_current_of_a_version_3_mpr_carries_the_charge_of_the_file(shared_data: Path) -> None:
    pytest.importorskip("galvani")
    table = read(shared_data / "cycling" / "biologic_gcpl_5cycles_2.0-3.8V.mpr").table
    by_current = np.trapezoid(table[CURRENT].abs(), table[TIME]) / 3600
    by_column = table[CHARGED][-1] + table[DISCHARGED][-1]
    assert by_current == pytest.approx(by_column, rel=1e-5)
    assert np.abs(table[CURRENT]).max() == pytest.approx(8.88e-5, rel=1e-3)  # the programme's 88.8 µA


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "charged_mah", "discharged_mah"),
    [("neware_1.5-4.4V_1cycle.ndax", 0.593039, 0.625451), ("neware_BTS85-36_22cycles_1.4-3.4V.ndax", None, None)],
)
def test_neware_totals_are_the_sums_of_the_cyclers_own_step_capacities(
    name: str, charged_mah: float | None, discharged_mah: float | None, shared_data: Path
) -> None:
    import fastnda

    path = shared_data / "cycling" / name
    table = read(path).table
    raw = fastnda.read(path, cycle_mode="raw")
    ends = raw.group_by("step_count", maintain_order=True).agg(pl.col("capacity_mAh").last())["capacity_mAh"]
    up, down = ends.filter(ends > 0).cast(pl.Float64).sum(), -ends.filter(ends < 0).cast(pl.Float64).sum()
    assert table[CHARGED][-1] * 1000 == pytest.approx(up, rel=1e-5)
    assert table[DISCHARGED][-1] * 1000 == pytest.approx(down, rel=1e-5)
    if charged_mah is not None:
        assert (up, down) == pytest.approx((charged_mah, discharged_mah), rel=1e-6)
    assert table[TIME].equals(raw["total_time_s"].alias(TIME))


def test_reading_leaves_pythons_zlib_as_it_was(tmp_path: Path) -> None:
    import zlib

    before = zlib.decompress, zlib.decompressobj
    assert before[0].__module__ == "zlib"
    read(_save(tmp_path, "x.ndax", ndax_bytes()))
    assert (zlib.decompress, zlib.decompressobj) == before

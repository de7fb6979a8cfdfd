"""The door of the readers: who is there, who knows a file, what comes out, what is refused."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from importlib.metadata import EntryPoint
from pathlib import Path

import polars as pl
import pytest

from lirich.errors import (
    DamagedFileError,
    InconsistentDataError,
    PluginError,
    ReadError,
    UnknownNameError,
    UnrecognisedFileError,
)
from lirich.model.table import COLUMNS, CURRENT, TIME, VOLTAGE
from lirich.readers import (
    REPAIRS,
    Reading,
    Recognition,
    get_reader,
    inspect,
    plugin_findings,
    read,
    readers,
    registry,
    standard_table,
)
from lirich.testing.binary_files import write_binary
from lirich.testing.digitised import write_digitised_cell

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def ndax(tmp_path: Path) -> Path:
    path = tmp_path / "cell.ndax"
    write_binary(path)
    return path


@pytest.fixture
def fresh_registry(monkeypatch: pytest.MonkeyPatch):
    """A registry without memory, before and after."""

    def plug_in(*entries: tuple[str, str]) -> None:
        group = [EntryPoint(name, target, registry.GROUP) for name, target in entries]
        monkeypatch.setattr(registry, "entry_points", lambda group_name=None, **_: group)
        registry._doors.cache_clear()
        monkeypatch.setattr(registry, "_LOADED", registry._Loaded())

    yield plug_in
    registry._doors.cache_clear()


def test_pyproject_registers_the_same_readers_as_the_table_for_source_checkouts() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["entry-points"]["lirich.readers"] == registry.BUILT_IN


def test_every_built_in_reader_loads_under_its_own_name() -> None:
    found = readers()
    assert list(found) == list(registry.BUILT_IN)
    assert all(found[name].name == name for name in found)
    assert not plugin_findings()
    extensions = {e for r in found.values() for e in r.extensions}
    assert {".nda", ".ndax", ".mpt", ".mpr", ".csv", ".xlsx", ".txt", ".res"} <= extensions


def test_get_reader_offers_the_nearest_name() -> None:
    with pytest.raises(UnknownNameError, match=r"neware"):
        get_reader("newarr")


def test_reading_an_ndax_imports_no_other_reader_and_no_pandas(ndax: Path) -> None:
    code = (
        "import sys; from lirich.readers import read; read(sys.argv[1]);"
        "bad = [m for m in sys.modules if m.split('.')[0] in {'pandas', 'openpyxl', 'galvani', 'access_parser'}"
        " or m in {'lirich.readers.maccor', 'lirich.readers.landt', 'lirich.readers.arbin', 'lirich.readers.table'}];"
        "print(bad)"
    )
    env = {"PYTHONPATH": str(ROOT / "src"), "PATH": "/usr/bin:/bin"}
    done = subprocess.run([sys.executable, "-c", code, str(ndax)], capture_output=True, text=True, env=env, check=True)
    assert done.stdout.strip() == "[]"


def test_a_reading_is_a_checked_standard_table(ndax: Path) -> None:
    reading = read(ndax)
    assert reading.reader == "neware"
    assert reading.table.columns == [c for c in COLUMNS if c in reading.table.columns]
    assert reading.table.height == 200
    assert reading.repairs == ()
    # rest, then twice charge and discharge of 39 min at 1 mA
    assert reading.table["charging_capacity_ah"][-1] == pytest.approx(2 * 39 / 60 * 1e-3, rel=1e-6)
    assert reading.table["discharging_capacity_ah"][-1] == pytest.approx(2 * 39 / 60 * 1e-3, rel=1e-6)


@pytest.mark.parametrize("wrong", ["nothing", "folder", "empty"])
def test_what_is_no_file_is_a_read_error_that_says_so(wrong: str, tmp_path: Path) -> None:
    path = tmp_path / "x.ndax"
    if wrong == "folder":
        path.mkdir()
    elif wrong == "empty":
        path.touch()
    with pytest.raises(ReadError) as caught:
        read(path)
    assert str(path.name) in str(caught.value)
    seen = inspect(path)
    assert not seen.readable
    assert seen.error is not None
    assert seen.error["error"] == type(caught.value).__name__


def test_an_unknown_file_is_described_and_a_way_out_is_named(tmp_path: Path) -> None:
    path = tmp_path / "picture.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(200))
    with pytest.raises(UnrecognisedFileError, match=r"PNG image.*picture\.png\.lirich\.toml"):
        read(path)


def test_a_renamed_ndax_is_still_known(ndax: Path) -> None:
    renamed = ndax.rename(ndax.with_name("export.zip"))
    assert read(renamed).table.height == 200


def test_what_a_reader_noticed_says_in_which_file(tmp_path: Path) -> None:
    path = tmp_path / "older.mpr"
    write_binary(path)
    curve = write_digitised_cell(tmp_path)
    for file, code in ((path, "current-from-charge"), (curve, "curve-without-time")):
        found = read(file).findings
        assert code in {f.code for f in found}
        assert {f.where for f in found} == {file.name}


def test_unknown_reader_and_unknown_repair_are_named(ndax: Path) -> None:
    with pytest.raises(UnknownNameError, match="time-1000x"):
        read(ndax, repairs=["time-1000"])
    with pytest.raises(UnknownNameError):
        read(ndax, reader="excel")


def test_inspection_says_everything_and_is_json(ndax: Path) -> None:
    seen = inspect(ndax)
    assert seen.readable
    assert seen.confidence == 1.0
    assert {m.column for m in seen.recognised} >= {TIME, VOLTAGE, CURRENT}
    assert seen.metadata["active_mass_mg"] == pytest.approx(5.0)
    assert seen.summary["lowest_voltage_volt"] == pytest.approx(3.0)
    back = json.loads(json.dumps(seen.to_dict(), allow_nan=False))
    assert back["reader"] == "neware"
    assert back["rows"] == 200
    assert [f["code"] for f in back["findings"]] == ["active-mass-from-file"]


def test_inspection_of_an_inconsistent_file_names_the_repairs_it_needs(tmp_path: Path) -> None:
    path = _capacity_csv(tmp_path, time_factor=1000.0)
    seen = inspect(path)
    assert not seen.readable
    assert seen.needed_repairs == ("time-1000x",)
    with pytest.raises(InconsistentDataError, match="time-1000x") as caught:
        read(path)
    assert [f.repair for f in caught.value.findings] == ["time-1000x"]
    repaired = read(path, repairs=["time-1000x"])
    assert repaired.repairs == ("time-1000x",)
    assert any(f.code == "repaired-time-1000x" for f in repaired.findings)
    assert repaired.table[TIME][-1] == pytest.approx(4 * 36_000.0)


def _capacity_csv(folder: Path, *, time_factor: float) -> Path:
    """Two cycles of 10 h per half-cycle at 1 mA as a BDF csv with capacity columns, time in the wrong unit."""
    n = 500
    t = [i * 36_000.0 / n for i in range(4 * n + 1)]
    up = [(i // n) % 2 == 0 for i in range(4 * n + 1)]
    frame = pl.DataFrame(
        {
            TIME: [x * time_factor for x in t],
            VOLTAGE: [3 + 1.5 * ((i % n) / n if u else 1 - (i % n) / n) for i, u in enumerate(up)],
            CURRENT: [1e-3 if u else -1e-3 for u in up],
        }
    )
    step = pl.col(CURRENT) * 36_000.0 / n / 3600.0
    frame = frame.with_columns(
        step.clip(lower_bound=0.0).cum_sum().alias("charging_capacity_ah"),
        (-step).clip(lower_bound=0.0).cum_sum().alias("discharging_capacity_ah"),
    )
    path = folder / "cell.bdf.csv"
    frame.write_csv(path)
    return path


class _Broken:
    name = "third"
    version = "1"
    description = "a third party's reader"
    extensions: tuple[str, ...] = (".third",)
    fails_on = "read"

    def sniff(self, path: Path, head: bytes) -> Recognition | None:
        if self.fails_on == "sniff":
            raise RuntimeError("sniffed glue")
        return Recognition(1.0, "ends in .third") if path.suffix == ".third" else None

    def read(self, path: Path) -> Reading:
        if self.fails_on == "read":
            raise RuntimeError("boom")
        table = pl.DataFrame({TIME: [0.0, 1.0], VOLTAGE: [3.0, 3.1], CURRENT: [1, 1]})  # Int64 current
        return Reading(table, self.name, self.version, 1.0)


class _BrokenSniff(_Broken):
    fails_on = "sniff"


class _BrokenTable(_Broken):
    fails_on = "table"


class _Good(_Broken):
    fails_on = ""

    def read(self, path: Path) -> Reading:
        table = pl.DataFrame({TIME: [0.0, 60.0, 120.0], VOLTAGE: [3.0, 3.1, 3.2], CURRENT: [0.1, 0.1, 0.1]})
        return Reading(standard_table(table, path=path), self.name, self.version, 1.0)


def _here(name: str) -> str:
    return f"{__name__}:{name}"


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("no_such_module:READERS", "cannot be loaded"),
        (_here("nothing_here"), "cannot be loaded"),
        (_here("ROOT"), "no reader named"),
    ],
)
def test_a_plug_in_that_cannot_be_loaded_is_a_finding_and_the_others_work(
    target: str, words: str, fresh_registry, ndax: Path
) -> None:
    fresh_registry(("third", target))
    assert "third" not in readers()
    (finding,) = plugin_findings()
    assert finding.code == "reader-plugin-broken"
    assert words in finding.message
    assert read(ndax).table.height == 200
    with pytest.raises(PluginError, match=words):
        get_reader("third")


@pytest.mark.parametrize("name", ["_Broken", "_BrokenTable"])
def test_a_plug_in_that_breaks_its_contract_is_named(name: str, fresh_registry, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setitem(globals(), "INSTANCE", globals()[name]())
    fresh_registry(("third", _here("INSTANCE")))
    path = tmp_path / "x.third"
    path.write_text("anything")
    with pytest.raises(PluginError, match="'third'"):
        read(path)
    assert inspect(path).error is not None


def test_a_plug_in_that_fails_when_it_sniffs_stops_nobody(fresh_registry, monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setitem(globals(), "INSTANCE", _BrokenSniff())
    fresh_registry(("third", _here("INSTANCE")))
    path = tmp_path / "cell.csv"
    path.write_text("Seconds,Amps,Volts\n0,0.001,3.0\n60,0.001,3.1\n120,0.001,3.2\n")
    assert read(path).reader == "table"
    assert any("sniffed glue" in f.message for f in plugin_findings())


def test_a_good_plug_in_reads_its_own_files(fresh_registry, monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setitem(globals(), "INSTANCE", _Good())
    fresh_registry(("third", _here("INSTANCE")))
    path = tmp_path / "x.third"
    path.write_text("anything")
    assert read(path).reader == "third"


def test_a_plug_in_cannot_take_a_built_in_name(fresh_registry, monkeypatch, ndax: Path) -> None:
    monkeypatch.setitem(globals(), "INSTANCE", _Good())
    fresh_registry(("neware", _here("INSTANCE")))
    assert read(ndax).table.height == 200
    readers()
    assert any("name of a built-in reader" in f.message for f in plugin_findings())


def test_repairs_are_documented_by_name() -> None:
    assert {"time-1000x", "time-3600x", "sort-time", "drop-invalid-rows", "flip-current"} <= set(REPAIRS)
    assert all(text for text in REPAIRS.values())


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "reader", "rows"),
    [
        ("arbin_export_gr_li_channel11.xlsx", "arbin-text", 4526),
        ("biologic_gcpl_5cycles_2.0-3.8V.mpr", "biologic-mpr", 46_102),
        ("landt_LiGrR2032.csv", "landt", 25_162),
        ("maccor_M50_0degC.txt", "maccor", 6704),
        ("neware_1.5-4.4V_1cycle.ndax", "neware", 1464),
        ("neware_export_uio.csv", "neware-text", 9065),
        ("ampworks_gitt_discharge_thinned.csv", "table", 47_092),
        ("ampworks_hppc_discharge.csv", "table", 15_838),
        ("ampworks_ici_discharge.csv", "table", 21_410),
        ("ampworks_dqdv_cell1_rough.csv", "table", 4217),
    ],
)
def test_real_files_are_read_by_the_right_reader_without_any_repair(
    name: str, reader: str, rows: int, shared_data: Path
) -> None:
    if reader == "biologic-mpr":
        pytest.importorskip("galvani")
    reading = read(shared_data / "cycling" / name)
    assert (reading.reader, reading.table.height, reading.repairs) == (reader, rows, ())
    assert not [f for f in reading.findings if f.severity == "error"]


@pytest.mark.data
def test_the_hidden_time_error_of_the_basytec_file_is_caught_and_its_factor_is_3600(shared_data: Path) -> None:
    """Its factor is 3600 (hours made seconds twice): only so are intervals and rests 10 s, 30 s, 5 min and 1 h."""
    path = shared_data / "cycling" / "basytec_LiLNMO_pOCV_halfcell.bdf.csv"
    with pytest.raises(InconsistentDataError, match="time-3600x"):
        read(path)
    with pytest.raises(InconsistentDataError):
        read(path, repairs=["time-1000x"])
    table = read(path, repairs=["time-3600x"]).table
    hours = table[TIME][-1] / 3600
    charge = table.select((pl.col(CURRENT).clip(lower_bound=0) * pl.col(TIME).diff()).sum() / 3.6).item()
    assert hours == pytest.approx(40.93, abs=0.01)
    assert charge == pytest.approx(6.29, abs=0.02)  # mAh, C/19 at 0.33 mA
    interval = table[TIME].diff().round(1).mode()
    assert interval.to_list() == [10.0]


@pytest.mark.data
def test_the_announced_time_bug_is_caught_and_mended_within_ten_milliseconds(shared_data: Path) -> None:
    """Each step's first row has time 0; the true one lies between its neighbours, which are 10 ms apart."""
    path = shared_data / "cycling" / "neware_rate_SLPBA842124HV_TimeBug.bdf.csv"
    with pytest.raises(InconsistentDataError, match="time-glitches") as caught:
        read(path)
    assert "19 single rows" in str(caught.value)
    table = read(path, repairs=["time-glitches"]).table
    assert (table[TIME].diff().drop_nulls() >= 0).all()
    current, step = table[CURRENT].to_list(), table[TIME].diff().to_list()
    discharged = -sum(min(i, 0.0) * dt for i, dt in zip(current[1:], step[1:], strict=True)) / 3600
    # five discharges of a cell of about 7 Ah (0.65 to 59 A)
    assert discharged / 5 == pytest.approx(7.2, abs=0.4)


@pytest.mark.data
def test_every_file_can_be_inspected(shared_data: Path) -> None:
    for path in sorted((shared_data / "cycling").iterdir()):
        seen = inspect(path)
        assert seen.readable or seen.error is not None
        json.dumps(seen.to_dict(), allow_nan=False)


def test_a_header_without_data_is_damage(tmp_path: Path) -> None:
    path = tmp_path / "x.bdf.csv"
    path.write_text("test_time_second,voltage_volt,current_ampere\n")
    with pytest.raises(DamagedFileError):
        read(path)

"""Writers of small vendor-like binary files: Neware .ndax and .nda, Biologic .mpr, Arbin .res.

They hold just what the formats need, laid out as what reads them expects (``fastnda``: .ndax version 2, .nda
version 29; ``galvani``: data module version 2; `lirich.readers.access`: pages of Jet 4), so that tests have files of
these formats without a cycler.
"""

from __future__ import annotations

import io
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
START = datetime(2024, 3, 1, 12, 0, 0, tzinfo=UTC)

_CLOCK = [("Y", "<u2"), ("M", "<u1"), ("D", "<u1"), ("h", "<u1"), ("m", "<u1"), ("s", "<u1")]
_AMOUNTS = [("charge", "<i8"), ("discharge", "<i8"), ("charge_energy", "<i8"), ("discharge_energy", "<i8")]
_STEP_CODES = {"rest": 4, "charge": 1, "discharge": 2}

_NDC = np.dtype(
    [
        ("_1", "V8"), ("index", "<u4"), ("cycle", "<u4"), ("step_index", "<u1"), ("step_type", "<u1"), ("_2", "V5"),
        ("step_time", "<u8"), ("voltage", "<i4"), ("current", "<i4"), ("_3", "V4"), *_AMOUNTS, *_CLOCK,
        ("range", "<i4"), ("_4", "V8"),
    ]
)  # fmt: skip
_NDA = np.dtype(
    [
        ("identifier", "<u1"), ("_1", "V1"), ("index", "<u4"), ("cycle", "<u4"), ("step_index", "<u2"),
        ("step_type", "<u1"), ("jump", "<u1"), ("step_time", "<u8"), ("voltage", "<i4"), ("current", "<i4"),
        ("_2", "V8"), *_AMOUNTS, *_CLOCK, ("_3", "V1"), ("range", "<i4"), ("_4", "V4"),
    ]
)  # fmt: skip
_RANGE, _MILLIAMPERE_PER_COUNT = 100, 1e-2


def simple_test(points: int = 40, cycles: int = 2) -> dict[str, Floats | list[str]]:
    """Return columns of a small simulated test: rest, then charge and discharge at 1 mA between 3 and 4.5 V.

    ``time_s``, ``step_time_s``, ``voltage_v``, ``current_ma``, ``capacity_mah`` (of the step), ``energy_mwh``,
    ``step``, ``cycle`` and ``kind``, shape (points · (1 + 2 · cycles),).
    """
    ramp = np.arange(points) * 60.0
    names = ["rest", *(["charge", "discharge"] * cycles)]
    time, voltage, current = [], [], []
    for number, name in enumerate(names):
        part = ramp / ramp[-1]
        time.append(number * ramp[-1] + ramp)
        voltage.append({"rest": 3.0 + 0 * part, "charge": 3.0 + 1.5 * part, "discharge": 4.5 - 1.5 * part}[name])
        current.append(np.full(points, {"rest": 0.0, "charge": 1.0, "discharge": -1.0}[name]))
    capacity = np.tile(ramp / 3600.0, len(names)) * np.abs(np.concatenate(current))
    return {
        "time_s": np.concatenate(time),
        "step_time_s": np.tile(ramp, len(names)),
        "voltage_v": np.concatenate(voltage),
        "current_ma": np.concatenate(current),
        "capacity_mah": capacity,
        "energy_mwh": capacity * 3.75,
        "step": np.repeat(np.arange(1.0, len(names) + 1), points),
        "cycle": np.repeat(np.array([0.0] + [float(c) for c in range(cycles) for _ in (0, 1)]), points),
        "kind": [name for name in names for _ in range(points)],
    }


def _neware_records(dtype: np.dtype[np.void], test: dict[str, Floats | list[str]]) -> NDArray[np.void]:
    column = {k: np.asarray(v) for k, v in test.items()}
    records = np.zeros(len(column["time_s"]), dtype=dtype)
    records["index"] = np.arange(1, len(records) + 1)
    records["cycle"] = column["cycle"]
    records["step_index"] = column["step"]
    records["step_type"] = [_STEP_CODES[k] for k in test["kind"] if isinstance(k, str)]
    records["step_time"] = np.round(column["step_time_s"] * 1000)
    records["voltage"] = np.round(column["voltage_v"] * 10_000)
    records["current"] = np.round(column["current_ma"] / _MILLIAMPERE_PER_COUNT)
    for name, source in (("", "capacity_mah"), ("_energy", "energy_mwh")):
        amount = np.round(column[source] / _MILLIAMPERE_PER_COUNT * 3600)
        records[f"charge{name}"] = np.where(column["current_ma"] > 0, amount, 0)
        records[f"discharge{name}"] = np.where(column["current_ma"] < 0, amount, 0)
    stamps = [datetime.fromtimestamp(START.timestamp() + float(t), UTC) for t in column["time_s"]]
    for name, part in (("Y", "year"), ("M", "month"), ("D", "day"), ("h", "hour"), ("m", "minute"), ("s", "second")):
        records[name] = [getattr(stamp, part) for stamp in stamps]
    records["range"] = _RANGE
    return records


def ndax_bytes(test: dict[str, Floats | list[str]] | None = None, *, active_mass_mg: float | None = 5.0) -> bytes:
    """Return a .ndax file: a zip archive with data.ndc (version 2) and the XML that describes the test."""
    records = _neware_records(_NDC, test or simple_test())
    per_page = (512 - 5 - 1) // _NDC.itemsize
    pages = bytearray(512)
    pages[0], pages[2] = 1, 2  # file type, version
    for i in range(0, len(records), per_page):
        pages += (bytes(5) + records[i : i + per_page].tobytes()).ljust(512, b"\x00")
    mass = f'<SCQ_F Value="{active_mass_mg * 1e-6:g}" />' if active_mass_mg is not None else ""
    members = {
        "VersionInfo.xml": '<root><config type="Version Info File" version="1" /></root>',
        "Step.xml": f'<root><config type="Step File" version="17"><Head_Info><Remark Value="simulated" />{mass}'
        "</Head_Info></config></root>",
        "TestInfo.xml": '<root><config type="Test Info File"><TestInfo Barcode="simulated" '
        'StartTime="2024-03-01 12:00:00" DevID="1" UnitID="1" ChlID="1" TestID="1" /></config></root>',
    }
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members.items():
            archive.writestr(zipfile.ZipInfo(name), text, compress_type=zipfile.ZIP_DEFLATED)
        archive.writestr(zipfile.ZipInfo("data.ndc"), bytes(pages), compress_type=zipfile.ZIP_DEFLATED)
    return out.getvalue()


def nda_bytes(test: dict[str, Floats | list[str]] | None = None) -> bytes:
    """Return a .nda file of version 29."""
    records = _neware_records(_NDA, test or simple_test())
    records["identifier"] = 85
    records["jump"] = np.asarray((test or simple_test())["step"]).astype(int) % 256
    head = bytearray(2048)
    head[:6], head[14] = b"NEWARE", 29
    for at, number in ((16, 2048), (20, 42), (64, 2090), (68, len(records) * _NDA.itemsize)):
        head[at : at + 4] = number.to_bytes(4, "little")
    block = bytearray(42)
    block[26:30] = _RANGE.to_bytes(4, "little", signed=True)
    return bytes(head) + bytes(block) + records.tobytes()


def mpr_bytes(test: dict[str, Floats | list[str]] | None = None, *, columns: str = "charge") -> bytes:
    """Return a .mpr file with data module version 2.

    ``columns="charge"`` writes time, dq and Ewe and no current, as newer EC-Lab does; ``"impedance"`` a spectrum.
    """
    column = {k: np.asarray(v) for k, v in (test or simple_test()).items() if k != "kind"}
    if columns == "impedance":
        ids, dtype = [32, 37, 38, 4], np.dtype([("f", "<f4"), ("r", "<f4"), ("x", "<f4"), ("t", "<f8")])
        records = np.zeros(30, dtype=dtype)
        records["f"], records["r"], records["x"], records["t"] = np.logspace(4, -1, 30), 5.0, 1.0, np.arange(30.0)
    else:
        ids = [1, 2, 131, 4, 7, 6]
        dtype = np.dtype([("flags", "u1"), ("Ns", "<u2"), ("t", "<f8"), ("dq", "<f8"), ("v", "<f4")])
        records = np.zeros(len(column["time_s"]), dtype=dtype)
        passed = np.diff(column["time_s"], prepend=0.0)
        records["t"], records["v"], records["Ns"] = column["time_s"], column["voltage_v"], column["step"] - 1
        records["dq"] = column["current_ma"] * passed / 3600.0
        records["flags"] = np.where(column["current_ma"] == 0, 3, 1)
    body = len(records).to_bytes(4, "little") + bytes([len(ids)])
    body += b"".join(i.to_bytes(2, "little") for i in ids)
    body = body.ljust(405, b"\x00") + records.tobytes()
    settings = b"\x1d" if columns == "impedance" else b"\x04"
    log = bytearray(600)
    # OLE date: days since 1899-12-30
    ole = np.float64((START - datetime(1899, 12, 30, tzinfo=UTC)).total_seconds() / 86_400)
    log[465:473] = ole.tobytes()
    out = b"BIO-LOGIC MODULAR FILE\x1a".ljust(48) + bytes(4)
    for name, version, content in (
        (b"VMP Set   ", 0, settings.ljust(200, b"\x00")),
        (b"VMP data  ", 2, body),
        (b"VMP LOG   ", 0, bytes(log)),
    ):
        out += b"MODULE" + name + name.ljust(25) + len(content).to_bytes(4, "little")
        out += version.to_bytes(4, "little") + START.strftime("%m/%d/%y").encode() + content
    return out


_RES = {
    "Test_ID": "<i4", "Data_Point": "<i4", "Test_Time": "<f8", "Step_Time": "<f8", "DateTime": "<f8",
    "Step_Index": "<i2", "Cycle_Index": "<i2", "Current": "<f8", "Voltage": "<f8", "Charge_Capacity": "<f8",
    "Discharge_Capacity": "<f8", "Charge_Energy": "<f8", "Discharge_Energy": "<f8",
}  # fmt: skip
"""Column of Arbin's Channel_Normal_Table → type of its number."""

_JET_KINDS = {"<i2": 3, "<i4": 4, "<f8": 7}
_JET_PAGE = 4096


def res_bytes(test: dict[str, Floats | list[str]] | None = None) -> bytes:
    """Return a .res file: an Access database (Jet 4) with the records of one test and no other table.

    Page layout: the mdbtools project's description of the format (*HACKING*, mdbtools 1.0).
    """
    column = {k: np.asarray(v) for k, v in (test or simple_test()).items()}
    records = np.zeros(len(column["time_s"]), dtype=np.dtype(list(_RES.items())))
    up, down = column["kind"] == "charge", column["kind"] == "discharge"
    ole = (START - datetime(1899, 12, 30, tzinfo=UTC)).total_seconds() / 86_400
    records["Test_ID"] = 1
    records["Data_Point"] = np.arange(1, len(records) + 1)
    records["Test_Time"], records["Step_Time"] = column["time_s"], column["step_time_s"]
    records["DateTime"] = ole + column["time_s"] / 86_400
    records["Step_Index"], records["Cycle_Index"] = column["step"], column["cycle"] + 1
    records["Current"], records["Voltage"] = column["current_ma"] / 1000.0, column["voltage_v"]
    for name, going, amount in (
        ("Charge_Capacity", up, "capacity_mah"),
        ("Discharge_Capacity", down, "capacity_mah"),
        ("Charge_Energy", up, "energy_mwh"),
        ("Discharge_Energy", down, "energy_mwh"),
    ):
        grown = np.where(going & (np.diff(column["step"], prepend=0.0) == 0), np.diff(column[amount], prepend=0.0), 0.0)
        records[name] = np.cumsum(grown) / 1000.0

    head = bytearray(_JET_PAGE)
    head[:20], head[20] = b"\x00\x01\x00\x00Standard Jet DB\x00", 1
    definition = bytearray(_JET_PAGE)
    definition[0] = 2
    definition[16:20] = len(records).to_bytes(4, "little")
    definition[45:47] = len(_RES).to_bytes(2, "little")
    names = b""
    offset = 0
    for number, (name, kind) in enumerate(_RES.items()):
        at = 63 + 25 * number
        definition[at] = _JET_KINDS[kind]
        definition[at + 5 : at + 7] = number.to_bytes(2, "little")
        definition[at + 15] = 1  # of fixed width
        definition[at + 21 : at + 23] = offset.to_bytes(2, "little")
        offset += np.dtype(kind).itemsize
        text = name.encode("utf-16-le")
        names += len(text).to_bytes(2, "little") + text
    start = 63 + 25 * len(_RES)
    definition[start : start + len(names)] = names
    present = (2 ** len(_RES) - 1).to_bytes((len(_RES) + 7) // 8, "little")
    rows = [len(_RES).to_bytes(2, "little") + record.tobytes() + present for record in records]
    each = (_JET_PAGE - 14) // (len(rows[0]) + 2)
    pages = b"".join(_jet_page(rows[i : i + each], owner=1) for i in range(0, len(rows), each))
    return bytes(head) + bytes(definition) + pages


def _jet_page(rows: list[bytes], *, owner: int) -> bytes:
    page = bytearray(_JET_PAGE)
    page[0] = 1
    page[4:8], page[12:14] = owner.to_bytes(4, "little"), len(rows).to_bytes(2, "little")
    end = _JET_PAGE
    for number, row in enumerate(rows):  # from the end of the page upwards
        page[end - len(row) : end] = row
        end -= len(row)
        page[14 + 2 * number : 16 + 2 * number] = end.to_bytes(2, "little")
    return bytes(page)


def write_binary(path: Path, test: dict[str, Floats | list[str]] | None = None) -> None:
    """Write *test* (see `simple_test`) as .ndax, .nda, .mpr or .res, by the ending of *path*."""
    content = {".ndax": ndax_bytes, ".nda": nda_bytes, ".mpr": mpr_bytes, ".res": res_bytes}[path.suffix](test)
    path.write_bytes(content)

"""The records of an older .ndax (stream ``data.ndc`` of version 5), which hold everything: decoded in numpy.

The layout is that of ``fastnda._ndc.ndc_main.read_ndc_main_5`` (fastnda 1.3.1, BSD-3-Clause, © Empa), and so is every
number, to the last bit. `fastnda` asks Polars three times for it, which in a file of a thousand records takes longer than
the rest of the reading; numpy needs a tenth of that.
"""

from __future__ import annotations

import datetime

import numpy as np
from numpy.typing import NDArray

Columns = dict[str, NDArray[np.float64] | NDArray[np.float32] | NDArray[np.int64] | NDArray[np.uint8]]

KEY = (1, 5)
"""Type and version of the stream, its bytes 0 and 2."""

_PAGE = 4096
_MASK, _BEGIN = 4, 132
"""Where in a page the mask of the records in use stands (a bit each), and where the records begin; a page of header
comes before. The last byte of a page holds nothing."""

_RECORD = np.dtype(
    [
        ("_1", "V1"), ("index", "<u4"), ("cycle_count", "<u4"), ("step_index", "<u1"), ("step_type", "<u1"),
        ("_2", "V5"), ("step_time_s", "<u8"), ("voltage_V", "<i4"), ("current_mA", "<i4"), ("_3", "V4"),
        ("charge_capacity_mAh", "<i8"), ("discharge_capacity_mAh", "<i8"), ("charge_energy_mWh", "<i8"),
        ("discharge_energy_mWh", "<i8"), ("Y", "<u2"), ("M", "<u1"), ("D", "<u1"), ("h", "<u1"), ("m", "<u1"),
        ("s", "<u1"), ("range", "<i4"), ("_4", "V8"),
    ]
)  # fmt: skip
_PER_PAGE = (_PAGE - _BEGIN - 1) // _RECORD.itemsize
_EPOCH = datetime.date(1970, 1, 1).toordinal()
_HOUR = 1.0 / 3600.0
"""Polars, and so `fastnda`, divides by a constant through its reciprocal."""


def decoded(stream: bytes) -> Columns | None:
    """Return the records as columns: ``index``, counts, times in s, V, mA, amounts in mAh and mWh, shape (n,) each.

    ``None`` for a stream of another kind, without records, or with a date that does not exist.
    """
    if len(stream) < 2 * _PAGE or len(stream) % _PAGE or (stream[0], stream[2]) != KEY:
        return None
    pages = np.frombuffer(stream, dtype=np.uint8, offset=_PAGE).reshape(-1, _PAGE)
    used = np.unpackbits(pages[:, _MASK : _MASK + -(-_PER_PAGE // 8)], axis=1, bitorder="little")[:, :_PER_PAGE] != 0
    records = pages[:, _BEGIN : _BEGIN + _PER_PAGE * _RECORD.itemsize].view(_RECORD)[used]
    unix = _unix(records) if len(records) else None
    if unix is None:
        return None
    scale = _scales(records["range"])
    step = records["step_index"]
    return {
        "index": records["index"].astype(np.int64),
        "voltage_V": records["voltage_V"].astype(np.float32) * np.float32(1e-4),
        "current_mA": (records["current_mA"] * scale).astype(np.float32),
        "unix_time_s": unix,
        "step_time_s": records["step_time_s"].astype(np.float64) * 1e-3,
        "cycle_count": (records["cycle_count"] + np.uint32(1)).astype(np.int64),
        "step_count": np.cumsum(np.concatenate(([True], step[1:] != step[:-1]))),
        "step_index": step.astype(np.int64),
        "step_type": records["step_type"].copy(),
        **{
            f"{way}charge_{what}": ((records[f"{way}charge_{what}"] * scale) * _HOUR).astype(np.float32)
            for way in ("", "dis")
            for what in ("capacity_mAh", "energy_mWh")
        },
    }


def _scales(ranges: NDArray[np.int32]) -> NDArray[np.float64]:
    """Return by what current and amounts are multiplied in each current range, shape (n,)."""
    known, which = np.unique(ranges, return_inverse=True)
    return np.array([_scale(int(number)) for number in known])[which]


def _scale(number: int) -> float:
    """Return the factor of a current range (`fastnda.utils._range_to_mult`)."""
    if number == 0 or number < -2e9:
        return 1e-1
    limits = (
        ((10, 1e-5), (100, 1e-4), (1000, 1e-3), (1_000_000, 1e-2), (10_000_000, 1e-8), (100_000_000, 1e-7))
        if number < 0
        else ((10, 1e-4), (100, 1e-3), (1000, 1e-2))
    )
    return next((factor for limit, factor in limits if abs(number) < limit), 1e-6 if number < 0 else 1e-1)


def _unix(records: NDArray[np.void]) -> NDArray[np.float64] | None:
    """Return the clock in s since 1970-01-01, shape (n,); ``None`` where one does not exist."""
    hour, minute, second = (records[name].astype(np.int64) for name in "hms")
    if hour.max() > 23 or minute.max() > 59 or second.max() > 59:
        return None
    date = (records["Y"].astype(np.int64) * 256 + records["M"]) * 256 + records["D"]
    begins = np.concatenate(([0], np.flatnonzero(date[1:] != date[:-1]) + 1))
    try:
        days = [
            datetime.date(packed >> 16, packed >> 8 & 0xFF, packed & 0xFF).toordinal() - _EPOCH
            for packed in date[begins].tolist()
        ]
    except ValueError:
        return None
    day = np.repeat(np.array(days, dtype=np.int64), np.diff(begins, append=len(date)))
    return (((day * 24 + hour) * 60 + minute) * 60 + second).astype(np.float64)

"""The streams (.ndc) of a Neware .ndax that are met most, decoded in numpy: version 5, which holds everything, and 14.

The layouts are those of ``fastnda._ndc`` (fastnda 1.3.1, BSD-3-Clause, © Empa), and so is every number, to the last
bit. `fastnda` asks Polars two or three times for each stream, which in a file of a thousand records takes longer than
the rest of the reading; numpy needs a tenth of that.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Columns = dict[str, NDArray[Any]]
"""Numbers by name, shape (n,) each: times in s, V, mA, amounts in mAh and mWh."""

AMOUNTS = ("charge_capacity_mAh", "discharge_capacity_mAh", "charge_energy_mWh", "discharge_energy_mWh")

_PAGE = 4096
_MASK, _BEGIN = 4, 132
"""Where in a page the mask of the records in use stands (a bit each), and where the records begin; a page of header
comes before. The last byte of a page holds nothing."""

_ALL = np.dtype(
    [
        ("_1", "V1"), ("index", "<u4"), ("cycle_count", "<u4"), ("step_index", "<u1"), ("step_type", "<u1"),
        ("_2", "V5"), ("step_time_s", "<u8"), ("voltage_V", "<i4"), ("current_mA", "<i4"), ("_3", "V4"),
        *((name, "<i8") for name in AMOUNTS), ("Y", "<u2"), ("M", "<u1"), ("D", "<u1"), ("h", "<u1"), ("m", "<u1"),
        ("s", "<u1"), ("range", "<i4"), ("_4", "V8"),
    ]
)  # fmt: skip
_MAIN = np.dtype([("voltage_V", "<f4"), ("current_mA", "<f4")])
_RUN = np.dtype(
    [
        ("step_time_s", "<u4"), ("_1", "V1"), *((name, "<f4") for name in AMOUNTS), ("_2", "V8"), ("dt", "<i4"),
        ("unix_time_s", "<u4"), ("step_count", "<u4"), ("index", "<u4"), ("uts_ms", "<i2"), ("_3", "V8"),
    ]
)  # fmt: skip
_STEP = np.dtype([("cycle_count", "<u4"), ("step_index", "<u4"), ("_1", "V16"), ("step_type", "<u1"), ("_2", "V12")])
_EPOCH = datetime.date(1970, 1, 1).toordinal()


def decoded(stream: bytes) -> Columns | None:
    """Return the records of a stream as columns; ``None`` for one of another kind or version, or without records.

    Nothing is missing and nothing not finite but what is written so (voltage, current and amounts of version 14).
    """
    if len(stream) < 2 * _PAGE or len(stream) % _PAGE or (stream[0], stream[2]) not in _DECODERS:
        return None
    return _DECODERS[stream[0], stream[2]](stream)


class _Records:
    """The records in use of a stream; a field by its name, shape (n,)."""

    def __init__(self, stream: bytes, layout: np.dtype[np.void]) -> None:
        per_page = (_PAGE - _BEGIN - 1) // layout.itemsize
        pages = np.frombuffer(stream, dtype=np.uint8, offset=_PAGE).reshape(-1, _PAGE)
        masks = np.unpackbits(pages[:, _MASK : _MASK + -(-per_page // 8)], axis=1, bitorder="little")
        self._used = masks[:, :per_page].reshape(-1).view(np.bool_)
        self._fields = pages[:, _BEGIN : _BEGIN + per_page * layout.itemsize].view(layout)
        self._count = int(np.count_nonzero(self._used))
        self._gaps = not self._used[: self._count].all()  # as a rule only the last page has room left

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, name: str) -> NDArray[Any]:
        values = np.ascontiguousarray(self._fields[name]).reshape(-1)
        return values[self._used] if self._gaps else values[: self._count]

    def places(self) -> NDArray[np.int32]:
        """Return which of all places for records they are, from 1, shape (n,)."""
        if self._gaps:
            return (np.flatnonzero(self._used) + 1).astype(np.int32)
        return np.arange(1, self._count + 1, dtype=np.int32)


def _all(stream: bytes) -> Columns | None:
    """Decode records that hold everything (type 1, version 5); ``None`` where a date does not exist."""
    records = _Records(stream, _ALL)
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
        "step_count": np.cumsum(_changes(step)),
        "step_index": step.astype(np.int64),
        "step_type": records["step_type"],
        **{name: _divided(records[name] * scale, 3600.0).astype(np.float32) for name in AMOUNTS},
    }


def _main(stream: bytes) -> Columns | None:
    """Decode voltage and current of every record (type 1, version 14)."""
    records = _Records(stream, _MAIN)
    if not len(records):
        return None
    current = records["current_mA"]
    current *= np.float32(1000)
    return {"index": records.places(), "voltage_V": records["voltage_V"], "current_mA": current}


def _run(stream: bytes) -> Columns | None:
    """Decode times and amounts of some records (type 18, version 14) by their index, the first of equal ones."""
    records = _Records(stream, _RUN)
    index, first = np.unique(records["index"], return_index=True)
    if not len(index):
        return None
    return {
        "index": index.astype(np.int64),
        "step_count": np.cumsum(_changes(records["step_count"]))[first],
        "dt": _divided(records["dt"], 1000.0)[first],
        "step_time_s": _divided(records["step_time_s"], 1000.0)[first],
        "unix_time_s": records["unix_time_s"][first] + _divided(records["uts_ms"], 1000.0)[first],
        **{name: records[name][first] * np.float32(1000) for name in AMOUNTS},
    }


def _step(stream: bytes) -> Columns | None:
    """Decode the steps (type 7, version 14)."""
    records = _Records(stream, _STEP)
    if not len(records):
        return None
    return {
        "step_count": np.arange(1, len(records) + 1),
        "cycle_count": (records["cycle_count"] + np.uint32(1)).astype(np.int64),
        "step_index": records["step_index"].astype(np.int64),
        "step_type": records["step_type"],
    }


_DECODERS: dict[tuple[int, int], Callable[[bytes], Columns | None]] = {
    (1, 5): _all,
    (1, 14): _main,
    (18, 14): _run,
    (7, 14): _step,
}
"""By type and version of the stream, its bytes 0 and 2."""


def _changes(numbers: NDArray[np.integer[Any]]) -> NDArray[np.bool_]:
    """Tell where another number begins, shape (n,); the first one does."""
    return np.concatenate(([True], numbers[1:] != numbers[:-1]))


def _divided(values: NDArray[Any], by: float) -> NDArray[np.float64]:
    """Divide as Polars, and so `fastnda`, does: by a constant through its reciprocal, but a single number outright."""
    quotient: NDArray[np.float64] = values / by if len(values) == 1 else values * (1.0 / by)
    return quotient


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


def _unix(records: _Records) -> NDArray[np.float64] | None:
    """Return the clock in s since 1970-01-01, shape (n,); ``None`` where one does not exist."""
    hour, minute, second = (records[name].astype(np.int64) for name in "hms")
    if hour.max() > 23 or minute.max() > 59 or second.max() > 59:
        return None
    date = (records["Y"].astype(np.int64) * 256 + records["M"]) * 256 + records["D"]
    begins = np.flatnonzero(_changes(date))
    try:
        days = [
            datetime.date(packed >> 16, packed >> 8 & 0xFF, packed & 0xFF).toordinal() - _EPOCH
            for packed in date[begins].tolist()
        ]
    except ValueError:
        return None
    day = np.repeat(np.array(days, dtype=np.int64), np.diff(begins, append=len(date)))
    return (((day * 24 + hour) * 60 + minute) * 60 + second).astype(np.float64)

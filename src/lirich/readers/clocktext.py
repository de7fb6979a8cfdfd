"""Columns of times that are all written alike, read from their bytes eight at a time.

``02:52:51`` is eight bytes, one number of a processor: a few operations on the whole column read it and show that every
byte is the digit or the colon that it has to be. What is written otherwise in a single row is left to
`lirich.readers.clock`, which reads everything, several times slower; both give the same numbers.
"""

from __future__ import annotations

import datetime
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

Array = NDArray[np.float64]
Words = NDArray[np.uint64]

_LINE = ord("\n")
_CLOCK, _DAYS = b"00:00:00", b"d 00:00:"
_MOST_HOUR_DIGITS = 9
_THOUSANDTHS = b"0:00.000"
_DATE_BYTES = 10
_ORDERS = {
    **{f"%Y{mark}%m{mark}%d": ((0, 4), (5, 7), (8, 10)) for mark in "-/."},
    **{f"%d{mark}%m{mark}%Y": ((6, 10), (3, 5), (0, 2)) for mark in "-/."},
    **{f"%m{mark}%d{mark}%Y": ((6, 10), (0, 2), (3, 5)) for mark in "-/."},
}
"""Where year, month and day stand in a date of ten bytes."""
_EPOCH = datetime.date(1970, 1, 1).toordinal()
_MOST_WIDTHS = 4
"""A column of more lengths than this is no count of hours."""
_PIECE = 8192
"""Texts read together: few enough that what is made of them stays in the cache of the processor."""
_FEW_DAYS = 8
"""Days are read one by one: worth it where there are so many rows to each of them, or few rows at all."""


@dataclass(frozen=True, slots=True, eq=False)
class _Lines:
    """The texts of a column one after the other: their bytes, and where each begins and ends, shape (n,).

    ``stride`` is the distance between the beginnings where all texts have the same length, else 0.
    """

    octets: NDArray[np.uint8]
    start: NDArray[np.int64]
    end: NDArray[np.int64]
    stride: int

    @property
    def width(self) -> int:
        """The length of a text where all have the same, else 0."""
        return int(self.end[0]) if self.stride else 0

    def column(self, offset: int) -> Words:
        """Return the eight bytes from *offset* on in each text; all texts have the same length."""
        words = np.ndarray((len(self.end),), "<u8", self.octets, offset=offset, strides=(self.stride,))
        return np.array(words)

    def from_start(self, offset: int) -> Words:
        """Return the eight bytes from *offset* on in each text."""
        return self.column(offset) if self.stride else self._words(self.start + offset)

    def to_end(self) -> Words:
        """Return the last eight bytes of each text."""
        return self.column(self.width - 8) if self.stride else self._words(self.end - 8)

    def _words(self, at: NDArray[np.int64]) -> Words:
        overlapping = np.ndarray((len(self.octets) - 7,), "<u8", self.octets, strides=(1,))
        return overlapping[at]


def _lines(text: pl.Series) -> list[_Lines] | None:
    """Return the texts of a column in parts, in order, or all together where their lengths go up and down.

    ``None`` where one is absent, or all are short or hold line ends.
    """
    if text.null_count() or not text.len():
        return None
    parts = _even_parts(text)
    if parts is not None:
        return parts
    lines = _uneven_lines(text.str.join("\n"), text.len())
    return None if lines is None else [lines]


def _even_parts(text: pl.Series) -> list[_Lines] | None:
    """Return the texts in parts of equal length; an elapsed time has one digit more from some row on."""
    parts: list[_Lines] = []
    at, rows = 0, text.len()
    while at < rows:
        width = len(text[at])
        stop = (
            rows if len(text[-1]) == width else bisect_left(range(rows), True, at, key=lambda i: len(text[i]) != width)
        )
        stop = min(stop, at + _PIECE)
        lines = _even_lines(text.slice(at, stop - at))
        if lines is None or len(parts) > rows // _PIECE + _MOST_WIDTHS:
            return None
        parts.append(lines)
        at = stop
    return parts


def _uneven_lines(joined: pl.Series, rows: int) -> _Lines | None:
    """Return the texts of a column that were *joined* by line ends, ``None`` where one holds a line end itself."""
    octets = np.frombuffer(joined.cast(pl.Binary).item() + b"\n", dtype=np.uint8)
    end = np.flatnonzero(octets == _LINE)
    if len(end) != rows or len(octets) < 8:
        return None
    start = np.concatenate(([0], end[:-1] + 1))
    length = end - start
    return _Lines(octets, start, end, int(length[0]) + 1 if bool((length == length[0]).all()) else 0)


def _even_lines(text: pl.Series) -> _Lines | None:
    """Return the texts of a column where all have the same length of at least eight bytes.

    Casts are what Polars does at once. An expression such as ``str.join`` goes to its threads: to wake them takes
    longer than to go through some thousand rows.
    """
    width = len(text[0].encode())
    if width < 8 or len(text[-1].encode()) != width:
        return None
    try:
        octets = text.cast(pl.Binary).cast(pl.List(pl.UInt8)).cast(pl.Array(pl.UInt8, width)).to_numpy()
    except pl.exceptions.PolarsError:
        return None
    start = np.arange(0, octets.size, width)
    return _Lines(np.ascontiguousarray(octets).reshape(-1), start, start + width, width)


def _digits(words: Words, form: bytes) -> Words | None:
    """Return *words* with the value of a digit in each byte where *form* has a ``0``, and nothing elsewhere.

    ``None`` where a word is not of that form. Exclusive or with the form makes a digit its value and a separator 0;
    adding 118 to the byte of a digit, 127 to that of a separator, then sets the highest bit of those that are larger.
    """
    values = words ^ np.uint64(int.from_bytes(form, "little"))
    room = bytes(0x80 - 10 if byte == ord("0") else 0x80 - 1 for byte in form)
    beyond = np.bitwise_or.reduce(values | (values + np.uint64(int.from_bytes(room, "little"))))
    return None if int(beyond) & 0x8080808080808080 else values


def _pairs(values: Words, *places: int) -> tuple[NDArray[np.int64], ...]:
    """Return the numbers of two digits that begin at *places* of the bytes of *values*."""
    both = values * np.uint64(10) + (values >> np.uint64(8))
    return tuple(((both >> np.uint64(8 * place)) & np.uint64(0xFF)).view(np.int64) for place in places)


def hours_minutes_seconds(text: pl.Series) -> pl.Series | None:
    """Return ``h:m:s`` of digits alone (two each, of hours two or more) as seconds; ``None`` for anything else."""
    return _in_parts(text, _lines(text), _hours_minutes_seconds)


def _in_parts(
    text: pl.Series, parts: list[_Lines] | None, seconds_of: Callable[[_Lines], Array | None]
) -> pl.Series | None:
    """Return what *seconds_of* says of the lines, part by part, as a column; ``None`` where it does not know one."""
    seconds: list[Array] = []
    for lines in parts or ():
        found = seconds_of(lines)
        if found is None:
            return None
        seconds.append(found)
    return pl.Series(text.name, np.concatenate(seconds), nan_to_null=True) if seconds else None


def _hours_minutes_seconds(lines: _Lines) -> Array | None:
    digits = lines.end - lines.start - 6
    most = int(digits.max())
    if int(digits.min()) < 2 or most > _MOST_HOUR_DIGITS:
        return None
    values = _digits(lines.to_end(), _CLOCK)
    if values is None:
        return None
    hours, minutes, seconds = _pairs(values, 0, 3, 6)
    for place in range(2, most):
        rows = np.flatnonzero(digits > place)
        digit = lines.octets[lines.end[rows] - 7 - place].astype(np.int64) - ord("0")
        if digit.min() < 0 or digit.max() > 9:
            return None
        hours[rows] += digit * 10**place
    total: Array = hours * 3600.0 + minutes * 60.0 + seconds
    return total


def days_and_clock(text: pl.Series) -> pl.Series | None:
    """Return Maccor's ``  2d 02:52:51.57`` (days of three places) as seconds; ``None`` for anything else."""
    if text.null_count() or not text.len():
        return None
    whole = pl.col("text")  # both at once: to wake the threads of Polars takes as long as the work
    both = (
        text.alias("text")
        .to_frame()
        .select(
            whole.str.join("\n").alias("joined"), whole.str.slice(11).cast(pl.Float64, strict=False).alias("seconds")
        )
    )
    lines = _uneven_lines(both.get_column("joined").head(1), text.len())
    minutes = None if lines is None else _whole_minutes(lines)
    seconds = both.get_column("seconds")
    if minutes is None or seconds.null_count() or not float(seconds.min()) >= 0.0:  # type: ignore[arg-type]
        return None
    return pl.Series(text.name, minutes + seconds.to_numpy())


def _whole_minutes(lines: _Lines) -> Array | None:
    """Return the days, hours and minutes of ``  2d 02:52:51.57``, in s."""
    if int((lines.end - lines.start).min()) < 12:
        return None
    values = _digits(lines.from_start(3), _DAYS)
    if values is None:
        return None
    hours, minutes = _pairs(values, 2, 5)
    days = np.zeros(len(hours), dtype=np.int64)
    for place in range(3):
        octet = lines.octets[lines.start + place]
        blank = octet == ord(" ")
        if (blank & (days > 0)).any() or (place == 2 and blank.any()):
            return None
        digit = np.where(blank, 0, octet.astype(np.int64) - ord("0"))
        if digit.min() < 0 or digit.max() > 9:
            return None
        days = days * 10 + digit
    total: Array = ((days * 24.0 + hours) * 3600.0) + minutes * 60.0
    return total


def date_and_clock(text: pl.Series, pattern: str) -> pl.Series | None:
    """Return a date and ``HH:MM:SS`` or ``HH:MM:SS.fff`` in seconds since 1970-01-01, null on days that do not exist.

    *pattern*: as for ``strptime``. ``None`` for texts of another form, and for a date that is not digits throughout.
    """
    date = pattern.partition(" ")[0]
    order = _ORDERS.get(date) if pattern.endswith(("%H:%M:%S", "%H:%M:%S%.f")) else None
    if order is None:
        return None
    fraction, mark = pattern.endswith("%.f"), date[2:3].encode()
    return _in_parts(text, _lines(text), lambda lines: _date_and_clock(lines, order, mark, fraction=fraction))


def _date_and_clock(lines: _Lines, order: tuple[tuple[int, int], ...], mark: bytes, *, fraction: bool) -> Array | None:
    clock = _DATE_BYTES + 1
    width = lines.width
    if width not in (clock + 8, clock + 12):
        return None
    values = _digits(lines.column(clock), _CLOCK)
    if values is None:
        return None
    hours, minutes, seconds = _pairs(values, 0, 3, 6)
    if hours.max() > 23 or minutes.max() > 59 or seconds.max() > 59:
        return None
    micro = ((hours * 60 + minutes) * 60 + seconds) * 1_000_000
    if width > clock + 8:
        values = _digits(lines.column(width - 8), _THOUSANDTHS)
        if values is None or not fraction:
            return None
        for place, scale in ((5, 100_000), (6, 10_000), (7, 1_000)):
            micro += ((values >> np.uint64(8 * place)) & np.uint64(0xFF)).view(np.int64) * scale
    # a date changes with the day: it is read where it is another than in the line before
    change = np.logical_or.reduce([w[1:] != w[:-1] for w in (lines.column(0), lines.column(clock - 8))])
    first = np.append(0, np.flatnonzero(change) + 1)
    if len(first) * _FEW_DAYS > len(micro) + 60 * _FEW_DAYS:
        return None
    days = [_day(bytes(lines.octets[at : at + clock]), order, mark) for at in lines.start[first].tolist()]
    if any(day is None for day in days):
        return None
    midnight = np.array([np.nan if day is None else day for day in days]) * 86_400e6
    total: Array = (np.repeat(midnight, np.diff(first, append=len(micro))) + micro) / 1e6
    return total


def _day(date: bytes, order: tuple[tuple[int, int], ...], mark: bytes) -> float | None:
    """Return the days since 1970-01-01 of a date and the blank after it: NaN on one that does not exist.

    ``None`` for what is no date with *mark* between the places of year, month and day in this *order*.
    """
    parts = [date[a:b] for a, b in order]
    if not all(part.isdigit() for part in parts) or date.translate(None, b"0123456789") != 2 * mark + b" ":
        return None
    year, month, day = map(int, parts)
    if year == 0:
        return None
    try:
        return float(datetime.date(year, month, day).toordinal() - _EPOCH)
    except ValueError:
        return float("nan")

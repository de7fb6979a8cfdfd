"""Columns of times that are all written alike, read from their bytes eight at a time.

``02:52:51`` is eight bytes, one number of a processor: a few operations on the whole column read it and show that every
byte is the digit or the colon that it has to be. What is written otherwise in a single row is left to
`lirich.readers.clock`, which reads everything, several times slower; both give the same numbers.
"""

from __future__ import annotations

import datetime
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

Array = NDArray[np.float64]
Words = NDArray[np.uint64]

_CLOCK, _DAYS = b"00:00:00", b"d 00:00:"
_MINUTES_END = 11
"""Where the seconds begin in ``  2d 02:52:51.57``."""
_HIGH_BITS = 0x8080_8080_8080_8080
_ROOM_IN_A_DAY = 0x80 - 24 | (0x80 - 60) << 24 | (0x80 - 60) << 48
"""What sets the highest bit of bytes 0, 3 and 6 beyond 23 h, 59 min and 59 s."""
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
_PIECE = 16_384
"""Texts read together: few enough that what is made of them stays in the cache of the processor."""
_FEW_DAYS = 8
"""Days are read one by one: worth it where there are so many rows to each of them, or few rows at all."""


@dataclass(frozen=True, slots=True, eq=False)
class _Uneven:
    """The texts of a column one after the other: their bytes, and where each begins and ends, shape (n,)."""

    octets: NDArray[np.uint8]
    start: NDArray[np.int64]
    end: NDArray[np.int64]

    def words(self, at: NDArray[np.int64]) -> Words:
        """Return the eight bytes from each place of *at* on."""
        overlapping = np.ndarray((len(self.octets) - 7,), "<u8", self.octets, strides=(1,))
        return overlapping[at]


@dataclass(frozen=True, slots=True, eq=False)
class _Even:
    """Texts that all have the same length of at least eight bytes: their bytes, shape (n, length)."""

    octets: NDArray[np.uint8]

    @property
    def width(self) -> int:
        """The length of a text."""
        return int(self.octets.shape[1])

    def column(self, offset: int) -> Words:
        """Return the eight bytes from *offset* on in each text; not a copy."""
        rows, width = self.octets.shape
        return np.ndarray((rows,), "<u8", self.octets, offset=offset, strides=(width,))


def _parts(text: pl.Series) -> list[_Even] | _Uneven | None:
    """Return the texts of a column in parts, in order, or all together where their lengths go up and down.

    ``None`` where one is absent or short.
    """
    if text.null_count() or not text.len():
        return None
    return _even_parts(text) or _uneven(text, text.str.len_bytes())


def _even_parts(text: pl.Series) -> list[_Even] | None:
    """Return the texts in parts of equal length; an elapsed time has one digit more from some row on."""
    parts: list[_Even] = []
    at, rows = 0, text.len()
    last = len(text[-1])
    while at < rows:
        width = len(text[at])
        stop = rows if last == width else bisect_left(range(rows), True, at, key=lambda i: len(text[i]) != width)
        stop = min(stop, at + _PIECE)
        part = _even(text.slice(at, stop - at))
        if part is None or len(parts) > rows // _PIECE + _MOST_WIDTHS:
            return None
        parts.append(part)
        at = stop
    return parts


def _uneven(text: pl.Series, size: pl.Series) -> _Uneven | None:
    """Return the texts of a column that have *size* bytes, ``None`` where one has fewer than eight."""
    length = size.to_numpy()
    if int(length.min()) < 8:
        return None
    octets = text.cast(pl.Binary).cast(pl.List(pl.UInt8)).explode().to_numpy()
    end = np.cumsum(length, dtype=np.int64)
    return _Uneven(octets, end - length, end)


def _even(text: pl.Series) -> _Even | None:
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
    return _Even(np.ascontiguousarray(octets))


def _digits(words: Words, form: bytes) -> Words | None:
    """Return *words* with the value of a digit in each byte where *form* has a ``0``, and nothing elsewhere.

    ``None`` where a word is not of that form. Exclusive or with the form makes a digit its value and a separator 0;
    adding 118 to the byte of a digit, 127 to that of a separator, then sets the highest bit of those that are larger.
    """
    values = words ^ np.uint64(int.from_bytes(form, "little"))
    room = bytes(0x80 - 10 if byte == ord("0") else 0x80 - 1 for byte in form)
    beyond = values + np.uint64(int.from_bytes(room, "little"))
    beyond |= values
    return None if int(np.bitwise_or.reduce(beyond)) & _HIGH_BITS else values


def _pairs(values: Words) -> Words:
    """Return *values*, digits, with the number of two digits in the byte of the first one; *values* are used up."""
    pairs = values * np.uint64(10)
    values >>= np.uint64(8)
    pairs += values
    return pairs


def _seconds(pairs: Words) -> NDArray[np.int64]:
    """Return the seconds in hours, minutes and seconds that are bytes 0, 3 and 6 of *pairs*, which are used up.

    Times 1 + 60·2²⁴ the upper two bytes are 60 times the minutes plus the seconds, at most 6039: what is below cannot
    reach them, and what is above falls out.
    """
    hours = pairs & np.uint64(0xFF)
    hours *= np.uint64(3600)
    pairs &= np.uint64(0x00FF_0000_FF00_0000)
    pairs *= np.uint64(1 + (60 << 24))
    pairs >>= np.uint64(48)
    pairs += hours
    return pairs.view(np.int64)


def _column(text: pl.Series, parts: Iterable[Array | None]) -> pl.Series | None:
    """Return the seconds of the parts of a column as one, ``None`` where there are none of one of them."""
    seconds: list[Array] = []
    for part in parts:
        if part is None:
            return None
        seconds.append(part)
    if not seconds:
        return None
    return pl.Series(text.name, np.concatenate(seconds) if len(seconds) > 1 else seconds[0], nan_to_null=True)


def hours_minutes_seconds(text: pl.Series) -> pl.Series | None:
    """Return ``h:m:s`` of digits alone (two each, of hours two or more) as seconds; ``None`` for anything else."""
    parts = _parts(text)
    return _column(text, [_uneven_hours(parts)] if isinstance(parts, _Uneven) else map(_even_hours, parts or ()))


def _even_hours(texts: _Even) -> Array | None:
    more = texts.width - 8
    values = _digits(texts.column(more), _CLOCK) if more + 2 <= _MOST_HOUR_DIGITS else None
    if values is None:
        return None
    seconds = _seconds(_pairs(values))
    for place in range(more):
        digit = texts.octets[:, more - 1 - place].astype(np.int64) - ord("0")
        if digit.min() < 0 or digit.max() > 9:
            return None
        digit *= 3600 * 10 ** (place + 2)
        seconds += digit
    return seconds.astype(np.float64)


def _uneven_hours(texts: _Uneven) -> Array | None:
    digits = texts.end - texts.start - 6
    most = int(digits.max())
    if int(digits.min()) < 2 or most > _MOST_HOUR_DIGITS:
        return None
    values = _digits(texts.words(texts.end - 8), _CLOCK)
    if values is None:
        return None
    seconds = _seconds(_pairs(values))
    for place in range(2, most):
        rows = np.flatnonzero(digits > place)
        digit = texts.octets[texts.end[rows] - 7 - place].astype(np.int64) - ord("0")
        if digit.min() < 0 or digit.max() > 9:
            return None
        seconds[rows] += digit * (3600 * 10**place)
    return seconds.astype(np.float64)


def days_and_clock(text: pl.Series) -> pl.Series | None:
    """Return Maccor's ``  2d 02:52:51.57`` (days of three places) as seconds; ``None`` for anything else."""
    if text.null_count() or not text.len():
        return None
    whole = pl.col("text").str
    tail = whole.tail(-_MINUTES_END).cast(pl.Float64, strict=False).alias("seconds")
    # both at once: to wake the threads of Polars takes as long as the work
    both = text.alias("text").to_frame().select(tail, whole.len_bytes())
    texts = _uneven(text, both.get_column("text"))
    minutes = None if texts is None else _whole_minutes(texts)
    if minutes is None:
        return None
    seconds = both.get_column("seconds")
    if seconds.null_count() or not float(seconds.min()) >= 0.0:  # type: ignore[arg-type]
        return None
    minutes += seconds.to_numpy()
    return pl.Series(text.name, minutes)


def _whole_minutes(texts: _Uneven) -> Array | None:
    """Return the days, hours and minutes of ``  2d 02:52:51.57``, in s."""
    if int((texts.end - texts.start).min()) <= _MINUTES_END:
        return None
    values = _digits(texts.words(texts.start + 3), _DAYS)
    if values is None:
        return None
    days = texts.words(texts.start) & np.uint64(0xFF_FFFF)
    total = _by_day([days], lambda row: _days(bytes(texts.octets[texts.start[row] :][:3])))
    if total is not None:
        pairs = _pairs(values)
        pairs >>= np.uint64(16)  # hours and minutes are bytes 0 and 3, as `_seconds` takes them
        pairs &= np.uint64(0xFF00_00FF)
        total += _seconds(pairs)
    return total


def _days(number: bytes) -> float | None:
    """Return so many days in s; ``None`` for what is no number with blanks before it."""
    digits = number.lstrip(b" ")
    return int(digits) * 86_400.0 if digits.isdigit() else None


def _by_day(day: Sequence[Words], seconds_of: Callable[[int], float | None]) -> Array | None:
    """Return what *seconds_of* says of each row, asked where a word of *day* is another than in the row before.

    ``None`` where it does not know one, or there are nearly as many days as rows.
    """
    rows = len(day[0])
    changes = day[0][1:] != day[0][:-1]
    for word in day[1:]:
        changes |= word[1:] != word[:-1]
    first = np.append(0, np.flatnonzero(changes) + 1)
    if len(first) * _FEW_DAYS > rows + 60 * _FEW_DAYS:
        return None
    seconds = [seconds_of(row) for row in first.tolist()]
    if any(second is None for second in seconds):
        return None
    return np.repeat(np.array(seconds, dtype=np.float64), np.diff(first, append=rows))


def date_and_clock(text: pl.Series, pattern: str) -> pl.Series | None:
    """Return a date and ``HH:MM:SS`` or ``HH:MM:SS.fff`` in seconds since 1970-01-01, null on days that do not exist.

    *pattern*: as for ``strptime``. ``None`` for texts of another form, and for a date that is not digits throughout.
    """
    date = pattern.partition(" ")[0]
    order = _ORDERS.get(date) if pattern.endswith(("%H:%M:%S", "%H:%M:%S%.f")) else None
    parts = None if order is None else _parts(text)
    if order is None or isinstance(parts, _Uneven):
        return None
    fraction, mark = pattern.endswith("%.f"), date[2:3].encode()
    return _column(text, (_date_and_clock(texts, order, mark, fraction=fraction) for texts in parts or ()))


def _date_and_clock(texts: _Even, order: tuple[tuple[int, int], ...], mark: bytes, *, fraction: bool) -> Array | None:
    clock = _DATE_BYTES + 1
    if texts.width not in (clock + 8, clock + 12):
        return None
    values = _digits(texts.column(clock), _CLOCK)
    if values is None:
        return None
    pairs = _pairs(values)
    pairs &= np.uint64(0x00FF_0000_FF00_00FF)
    if int(np.bitwise_or.reduce(pairs + np.uint64(_ROOM_IN_A_DAY))) & _HIGH_BITS:
        return None
    midnight = _by_day(
        [texts.column(0), texts.column(clock - 8)], lambda row: _day(bytes(texts.octets[row, :clock]), order, mark)
    )
    if midnight is None:
        return None
    seconds = _seconds(pairs)
    if texts.width == clock + 8:
        midnight += seconds
        return midnight
    values = _digits(texts.column(texts.width - 8), _THOUSANDTHS)
    if values is None or not fraction:
        return None
    micro = seconds * 1_000_000
    for place, scale in ((5, 100_000), (6, 10_000), (7, 1_000)):
        micro += ((values >> np.uint64(8 * place)) & np.uint64(0xFF)).view(np.int64) * scale
    total: Array = (midnight * 1e6 + micro) / 1e6
    return total


def _day(date: bytes, order: tuple[tuple[int, int], ...], mark: bytes) -> float | None:
    """Return the seconds since 1970-01-01 of a date and the blank after it: NaN on one that does not exist.

    ``None`` for what is no date with *mark* between the places of year, month and day in this *order*.
    """
    parts = [date[a:b] for a, b in order]
    if not all(part.isdigit() for part in parts) or date.translate(None, b"0123456789") != 2 * mark + b" ":
        return None
    year, month, day = map(int, parts)
    if year == 0:
        return None
    try:
        return (datetime.date(year, month, day).toordinal() - _EPOCH) * 86_400.0
    except ValueError:
        return float("nan")

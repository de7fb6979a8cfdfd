"""Broken copies of a file: cut short, shuffled, wrongly encoded, empty, bloated, garbage, with holes. Seeded."""

from __future__ import annotations

import io
import random
import zipfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass

ZIP_MAGIC = b"PK\x03\x04"

BLOAT_BYTES = 2_000_000
"""How much a bloating mutation adds: enough to hurt a quadratic parser, little enough to run thousands of them."""


@dataclass(frozen=True, slots=True)
class Mutation:
    """A broken copy: what was done to it, and its bytes."""

    name: str
    data: bytes


Breaker = Callable[[bytes, random.Random], bytes]


def mutations(data: bytes, seed: int, n: int) -> Iterator[Mutation]:
    """Yield *n* broken copies of *data*; equal arguments give equal copies.

    The kinds go round: all that fit the content (text, zip archive or binary) come before one comes again.
    """
    rng = random.Random(f"{seed}:{len(data)}")
    kinds = list(_kinds(data).items())
    rng.shuffle(kinds)
    for i in range(n):
        name, breaker = kinds[i % len(kinds)]
        yield Mutation(f"{name}-{i}", breaker(data, rng))


def _kinds(data: bytes) -> dict[str, Breaker]:
    kinds = dict(_BINARY)
    if data.startswith(ZIP_MAGIC):
        kinds |= _ARCHIVE
    elif is_text(data):
        kinds |= _TEXT
    return kinds


def is_text(data: bytes) -> bool:
    """Tell whether the bytes look like text."""
    head = data[:4096]
    return b"\x00" not in head and sum(b < 9 or 13 < b < 32 for b in head) < 0.01 * max(1, len(head))


def _garbage(rng: random.Random, size: int) -> bytes:
    return rng.randbytes(size)


def _cut(data: bytes, rng: random.Random) -> bytes:
    return data[: rng.randrange(len(data) + 1)]


def _cut_tail(data: bytes, rng: random.Random) -> bytes:
    return data[: max(0, len(data) - rng.randint(1, 60))]


def _cut_head(data: bytes, rng: random.Random) -> bytes:
    return data[rng.randrange(len(data) + 1) :]


def _cut_middle(data: bytes, rng: random.Random) -> bytes:
    a, b = sorted((rng.randrange(len(data) + 1), rng.randrange(len(data) + 1)))
    return data[:a] + data[b:]


def _flip(data: bytes, rng: random.Random) -> bytes:
    out = bytearray(data)
    for _ in range(rng.choice((1, 3, 20, 200))):
        if out:
            out[rng.randrange(len(out))] = rng.randrange(256)
    return bytes(out)


def _zero_block(data: bytes, rng: random.Random) -> bytes:
    if not data:
        return data
    start = rng.randrange(len(data))
    size = rng.randint(1, max(1, len(data) // 3))
    return data[:start] + bytes(len(data[start : start + size])) + data[start + size :]


def _shuffle_blocks(data: bytes, rng: random.Random) -> bytes:
    size = max(1, len(data) // 12)
    blocks = [data[i : i + size] for i in range(0, len(data), size)]
    rng.shuffle(blocks)
    return b"".join(blocks)


def _header_then_garbage(data: bytes, rng: random.Random) -> bytes:
    keep = rng.choice((8, 64, 200, 2048))
    return data[:keep] + _garbage(rng, rng.choice((10, 500, 20_000)))


_BINARY: dict[str, Breaker] = {
    "empty": lambda _d, _r: b"",
    "one-byte": lambda d, _r: d[:1],
    "cut": _cut,
    "cut-tail": _cut_tail,
    "cut-head": _cut_head,
    "cut-middle": _cut_middle,
    "flip": _flip,
    "flip-again": _flip,
    "zero-block": _zero_block,
    "shuffle-blocks": _shuffle_blocks,
    "header-then-garbage": _header_then_garbage,
    "garbage": lambda _d, r: _garbage(r, r.choice((1, 100, 5000))),
    "twice": lambda d, _r: d + d,
    "bloat": lambda d, r: d + bytes([r.choice(b"\x00 9A\n")]) * BLOAT_BYTES,
}


def _rows(data: bytes) -> list[bytes]:
    return data.split(b"\n")


def _shuffle_rows(data: bytes, rng: random.Random) -> bytes:
    rows = _rows(data)
    keep = rng.choice((0, 1, 2, 4))
    body = rows[keep:]
    rng.shuffle(body)
    return b"\n".join(rows[:keep] + body)


def _repeat_rows(data: bytes, rng: random.Random) -> bytes:
    rows = _rows(data)
    return b"\n".join(row for row in rows for _ in range(rng.choice((1, 1, 2))))


def _drop_rows(data: bytes, rng: random.Random) -> bytes:
    return b"\n".join(row for row in _rows(data) if rng.random() > 0.3)


def _no_header(data: bytes, rng: random.Random) -> bytes:
    return b"\n".join(_rows(data)[rng.choice((1, 2, 3, 10)) :])


def _header_only(data: bytes, rng: random.Random) -> bytes:
    return b"\n".join(_rows(data)[: rng.choice((1, 2, 3))])


def _separator(data: bytes) -> bytes:
    lines = _rows(data)
    widest = max(lines, key=len) if lines else b""
    return max((b",", b"\t", b";", b" "), key=widest.count)


def _cells(data: bytes, rng: random.Random, change: Callable[[bytes], bytes], share: float) -> bytes:
    mark = _separator(data)
    rows = _rows(data)
    first = min(len(rows), rng.choice((0, 3, 5)))
    out = rows[:first]
    for row in rows[first:]:
        cells = row.split(mark)
        out.append(mark.join(change(c) if rng.random() < share else c for c in cells))
    return b"\n".join(out)


_STRANGE = (
    b"NaN", b"", b"-", b"inf", b"1e999", b"-1e30", b"#REF!", b"\xe2\x88\x9e", b"0x1F", b"1.2.3", b"\x00", b"--:--",
    b'"', b"99999999999999999999999999", b"1,5", b"\xff\xfe", b"None", b"=1+1", b"1E+05 ", b"TRUE",
)  # fmt: skip


def _strange_cells(data: bytes, rng: random.Random) -> bytes:
    share = rng.choice((0.001, 0.01, 0.1, 0.5))
    return _cells(data, rng, lambda _c: rng.choice(_STRANGE), share)


def _strange_column(data: bytes, rng: random.Random) -> bytes:
    mark, value = _separator(data), rng.choice(_STRANGE)
    rows = _rows(data)
    width = max((r.count(mark) for r in rows), default=0) + 1
    column, first = rng.randrange(width), rng.choice((1, 1, 2, 4))
    out = rows[:first]
    for row in rows[first:]:
        cells = row.split(mark)
        if column < len(cells) and row.strip():
            cells[column] = value
        out.append(mark.join(cells))
    return b"\n".join(out)


def _drop_column(data: bytes, rng: random.Random) -> bytes:
    mark = _separator(data)
    rows = _rows(data)
    width = max((r.count(mark) for r in rows), default=0) + 1
    column = rng.randrange(width)
    return b"\n".join(mark.join(c for i, c in enumerate(r.split(mark)) if i != column) for r in rows)


def _shuffle_header(data: bytes, rng: random.Random) -> bytes:
    mark = _separator(data)
    rows = _rows(data)
    which = rng.randrange(min(len(rows), 5))
    names = rows[which].split(mark)
    rng.shuffle(names)
    return b"\n".join([*rows[:which], mark.join(names), *rows[which + 1 :]])


def _scale_column(data: bytes, rng: random.Random) -> bytes:
    mark, factor = _separator(data), rng.choice((-1.0, 1000.0, 0.001, 3600.0, 1e12, 0.0))
    rows = _rows(data)
    width = max((r.count(mark) for r in rows), default=0) + 1
    column = rng.randrange(width)
    out = []
    for row in rows:
        cells = row.split(mark)
        if column < len(cells):
            with suppress(ValueError):
                cells[column] = repr(float(cells[column]) * factor).encode()
        out.append(mark.join(cells))
    return b"\n".join(out)


def _ragged(data: bytes, rng: random.Random) -> bytes:
    mark = _separator(data)
    return b"\n".join(
        row + mark * rng.randint(1, 40)
        if rng.random() < 0.1
        else row[: rng.randrange(len(row) + 1)]
        if rng.random() < 0.05
        else row
        for row in _rows(data)
    )


def _other_separator(data: bytes, rng: random.Random) -> bytes:
    return data.replace(_separator(data), rng.choice((b",", b"\t", b";", b"|", b" ", b"\x1f")))


def _decode(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def _long_line(data: bytes, rng: random.Random) -> bytes:
    rows = _rows(data)
    where = rng.randrange(len(rows) + 1)
    line = (b"1" + _separator(data)) * (BLOAT_BYTES // 20) if rng.random() < 0.5 else b"x" * BLOAT_BYTES
    return b"\n".join([*rows[:where], line, *rows[where:]])


_TEXT: dict[str, Breaker] = {
    "shuffle-rows": _shuffle_rows,
    "repeat-rows": _repeat_rows,
    "drop-rows": _drop_rows,
    "no-header": _no_header,
    "header-only": _header_only,
    "strange-cells": _strange_cells,
    "strange-cells-again": _strange_cells,
    "strange-column": _strange_column,
    "strange-column-again": _strange_column,
    "drop-column": _drop_column,
    "shuffle-header": _shuffle_header,
    "scale-column": _scale_column,
    "scale-column-again": _scale_column,
    "ragged": _ragged,
    "other-separator": _other_separator,
    "decimal-comma": lambda d, _r: d.replace(b".", b","),
    "utf-16": lambda d, _r: _decode(d).encode("utf-16"),
    "utf-16-be": lambda d, _r: _decode(d).encode("utf-16-be"),
    "utf-32": lambda d, _r: _decode(d).encode("utf-32"),
    "byte-order-mark": lambda d, _r: b"\xef\xbb\xbf" + d,
    "bad-utf-8": lambda d, r: d.replace(b"e", bytes([r.randrange(128, 256)])),
    "old-mac-lines": lambda d, _r: d.replace(b"\r\n", b"\n").replace(b"\n", b"\r"),
    "one-line": lambda d, _r: d.replace(b"\n", b" "),
    "blank-lines": lambda d, _r: d.replace(b"\n", b"\n\n"),
    "open-quote": lambda d, r: d[: (at := r.randrange(len(d) + 1))] + b'"' + d[at:],
    "nul-bytes": lambda d, r: d[: (at := r.randrange(len(d) + 1))] + b"\x00" * 100 + d[at:],
    "long-line": _long_line,
    "upside-down": lambda d, _r: b"\n".join(reversed(_rows(d))),
}


def _members(data: bytes) -> list[tuple[str, bytes]]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return [(name, archive.read(name)) for name in archive.namelist()]


def _packed(members: list[tuple[str, bytes]]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(zipfile.ZipInfo(name), content, compress_type=zipfile.ZIP_DEFLATED, compresslevel=1)
    return out.getvalue()


def _break_member(data: bytes, rng: random.Random) -> bytes:
    """Break one member and pack it again, so that every checksum is right."""
    members = _members(data)
    which = rng.randrange(len(members))
    name, content = members[which]
    breaker = rng.choice((*_BINARY.values(), *(_TEXT.values() if is_text(content) else ())))
    members[which] = (name, breaker(content, rng))
    return _packed(members)


def _drop_member(data: bytes, rng: random.Random) -> bytes:
    members = _members(data)
    del members[rng.randrange(len(members))]
    return _packed(members)


def _swap_members(data: bytes, rng: random.Random) -> bytes:
    members = _members(data)
    contents = [content for _, content in members]
    rng.shuffle(contents)
    return _packed([(name, content) for (name, _), content in zip(members, contents, strict=True)])


def _traversal(data: bytes, _rng: random.Random) -> bytes:
    return _packed([("../../../../lirich-escaped", b"x"), ("/lirich-escaped", b"x"), *_members(data)])


def _bomb(data: bytes, rng: random.Random) -> bytes:
    """Blow one member up to 60 MB of one byte, which packs to 60 kB."""
    members = _members(data)
    which = rng.randrange(len(members))
    members[which] = (members[which][0], members[which][1][:4096] + bytes(60_000_000))
    return _packed(members)


_ARCHIVE: dict[str, Breaker] = {
    "break-member": _break_member,
    "break-member-2": _break_member,
    "break-member-3": _break_member,
    "break-member-4": _break_member,
    "drop-member": _drop_member,
    "swap-members": _swap_members,
    "traversal": _traversal,
    "bomb": _bomb,
}

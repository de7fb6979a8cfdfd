"""Curves: tables as immutable Parquet files that are named by what they say, not by how it is written.

The key of a table is a SHA-256 over a fixed encoding of its content, in the order of the columns. Per column:
its name, type, length and number of nulls as JSON; the null mask; then the values in little-endian bytes with
nulls as zero, every NaN as the same NaN and −0.0 as 0.0. The Parquet bytes differ with the version of the
writer, the compression and the row groups; the key does not. It is computed again from what is read when a
curve is verified.

The name of the file is the key and a CRC-32 of the Parquet bytes, ``<key>.<8 hex digits>.parquet``. The bytes are held
against it before they are decoded: polars ends the whole process on some damaged files.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import re
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lirich.errors import CorruptStoreError, InputError, MissingColumnError
from lirich.store.files import Shelf, present, sync_file

if TYPE_CHECKING:
    import polars as pl

SUFFIX = ".parquet"
_VERSION = b"lirich-table-1\n"
_CHECKED = re.compile(r"[0-9a-f]{64}\.([0-9a-f]{8})\.parquet")


def table_hash(table: pl.DataFrame) -> str:
    """Return the SHA-256 of the content of *table*, as 64 hex digits.

    Equal columns, types, nulls and values give equal keys, whatever the chunks in memory. Raises `InputError`
    for a column type that cannot be stored exactly.
    """
    digest = hashlib.sha256(_VERSION)
    digest.update(_header("table", "columns", table.width, table.height))
    for series in table.iter_columns():
        _feed(digest, series)
    return digest.hexdigest()


def put(shelf: Shelf, table: pl.DataFrame) -> str:
    """Store *table* and return its key. A table that is there already is not written again, but as young as if it were.

    So `lirich.store.doctor.mend` leaves it alone until the catalogue speaks of it.
    """
    if table.width == 0:
        raise InputError("A table without columns cannot be stored", advice="Store a table with columns")
    key = table_hash(table)
    there = shelf.path(key)
    if there is not None and _renewed(there):
        return key
    with shelf.temporary() as temporary:
        table.write_parquet(temporary, compression="zstd", statistics=True)
        sync_file(temporary)
        placed = shelf.place(temporary, key, f".{zlib.crc32(temporary.read_bytes()):08x}{SUFFIX}")
    if there is not None and there != placed:
        there.unlink(missing_ok=True)  # damaged
    return key


def read(shelf: Shelf, key: str, *, columns: Sequence[str] | None = None, verify: bool = False) -> pl.DataFrame:
    """Return the curve, or only some *columns* of it; with *verify*, only if its content still has that key.

    Raises `CorruptStoreError` where it is missing, broken or changed, `MissingColumnError` where it has no such column.
    """
    path = _path(shelf, key)
    if verify and columns is not None:
        load(path, key, verify=True)  # the key is that of all columns
    return load(path, key, columns=columns, verify=verify and columns is None)


def read_together(shelf: Shelf, keys: Sequence[str], *, columns: Sequence[str]) -> list[pl.DataFrame]:
    """Return some *columns* of several curves: of small ones in a third of the time of `read`, which it raises as."""
    import polars as pl

    paths = [_path(shelf, key) for key in keys]
    try:
        scans = [
            pl.scan_parquet(io.BytesIO(_whole(path, key))).select(columns)
            for path, key in zip(paths, keys, strict=True)
        ]
        return pl.collect_all(scans)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError):
        return [load(path, key, columns=columns, verify=False) for path, key in zip(paths, keys, strict=True)]


def load(path: Path, key: str, *, columns: Sequence[str] | None = None, verify: bool) -> pl.DataFrame:
    """Read the Parquet file *path* of the curve *key*. Raises `CorruptStoreError`, `MissingColumnError`."""
    import polars as pl

    try:
        table = pl.read_parquet(io.BytesIO(_whole(path, key)), columns=None if columns is None else list(columns))
    except pl.exceptions.ColumnNotFoundError as error:
        raise MissingColumnError(f"A curve without {' or '.join(columns or ())}") from error
    except (pl.exceptions.PolarsError, OSError) as error:
        raise _damaged(key, str(error)) from error
    except pl.exceptions.PanicException as error:
        # polars panics on some broken pages; its exception is no Exception
        raise _damaged(key, str(error)) from error
    if verify and table_hash(table) != key:
        raise _damaged(key, "its content has changed")
    return table


def _renewed(path: Path) -> bool:
    """Give a curve that is whole the time of now; ``False`` where it must be written."""
    try:
        if not _is_whole(path, path.read_bytes()):
            return False
        os.utime(path)
    except (FileNotFoundError, PermissionError):  # removed meanwhile; or of another user, who alone can set its time
        return False
    return True


def renew(shelf: Shelf, key: str) -> None:
    """Give a curve the time of now, for who reads it although the catalogue speaks of it no more."""
    path = shelf.path(key)
    if path is not None:
        with contextlib.suppress(OSError):  # of another user; or removed meanwhile
            os.utime(path)


def column_names(path: Path) -> list[str]:
    """Return the names of the columns of the curve in *path*. Raises `CorruptStoreError` where it cannot be read."""
    import polars as pl

    key = path.name[:64]
    try:
        return list(pl.read_parquet_schema(io.BytesIO(_whole(path, key))))
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        raise _damaged(key, str(error)) from error


def hash_curve_file(path: Path) -> str:
    """Return the key of the curve in *path*. Raises `CorruptStoreError` where it cannot be read."""
    return table_hash(load(path, path.name[:64], verify=False))


def _path(shelf: Shelf, key: str) -> Path:
    return present(shelf.path(key), "curve", key)


def _damaged(key: str, reason: str) -> CorruptStoreError:
    return CorruptStoreError(
        f"The curve {key} is damaged: {' '.join(reason.split())[:200]}",
        advice="Run 'lirich doctor --mend'. Adding the raw file again brings its points back, 'lirich analyse' the "
        "table of an analysis",
    )


def _whole(path: Path, key: str) -> bytes:
    data = path.read_bytes()
    if not _is_whole(path, data):
        raise _damaged(key, "its bytes have changed")
    return data


def _is_whole(path: Path, data: bytes) -> bool:
    checksum = _CHECKED.fullmatch(path.name)  # the first lirich wrote names without one
    return checksum is None or int(checksum.group(1), 16) == zlib.crc32(data)


def _header(*parts: object) -> bytes:
    return json.dumps(parts, ensure_ascii=True, separators=(",", ":")).encode() + b"\n"


def _feed(digest: hashlib._Hash, series: pl.Series) -> None:
    import numpy as np
    import polars as pl

    kind, nulls = series.dtype, series.null_count()
    digest.update(_header(series.name, _type_name(kind), len(series), nulls))
    if nulls:
        digest.update(np.packbits(series.is_null().to_numpy()).tobytes())
    if isinstance(kind, pl.Null) or nulls == len(series):
        return
    if kind.is_float():
        array = series.fill_null(0.0).to_numpy() + 0.0  # turns −0.0 into 0.0 and copies
        array[np.isnan(array)] = np.nan
        digest.update(array.astype(array.dtype.newbyteorder("<"), copy=False).data)
    elif kind.is_integer() or isinstance(kind, pl.Date | pl.Time | pl.Datetime | pl.Duration):
        array = series.to_physical().fill_null(0).to_numpy()
        digest.update(np.ascontiguousarray(array.astype(array.dtype.newbyteorder("<"), copy=False)).data)
    elif isinstance(kind, pl.Boolean):
        digest.update(np.packbits(series.fill_null(value=False).to_numpy()).tobytes())
    elif isinstance(kind, pl.String | pl.Categorical | pl.Enum):
        text = series.cast(pl.String).fill_null("")
        digest.update(text.str.len_bytes().to_numpy().astype("<u8").tobytes())
        digest.update(text.str.join("").item().encode())
    elif isinstance(kind, pl.List):
        lengths = series.list.len()
        digest.update(lengths.fill_null(0).to_numpy().astype("<u8").tobytes())
        _feed(digest, series.filter(lengths > 0).list.explode())
    elif isinstance(kind, pl.Struct):
        for field in series.struct.fields:
            _feed(digest, series.struct.field(field))
    else:
        raise InputError(f"The column {series.name!r} has type {kind}, which a curve cannot hold exactly")


def _type_name(kind: pl.DataType) -> str:
    import polars as pl

    if isinstance(kind, pl.Datetime):
        return f"datetime[{kind.time_unit},{kind.time_zone or ''}]"
    if isinstance(kind, pl.Duration):
        return f"duration[{kind.time_unit}]"
    if isinstance(kind, pl.Categorical | pl.Enum):
        return "category"
    if isinstance(kind, pl.List):
        return f"list[{_type_name(kind.inner)}]"  # type: ignore[arg-type]
    return type(kind).__name__.lower()

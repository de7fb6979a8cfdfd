"""A learned model as one file: arrays and JSON in a zip, which NumPy opens too. Nothing in it is code.

The file is an uncompressed ``.npz``: ``model.json`` (format, kind, description), then one ``.npy`` per array in the
order of their names, all with the same fixed date, so that equal models give equal bytes and one hash. It is read
without pickle: an array of objects, a name that is no plain word, a size beyond `MAX_BYTES` or a member that is not
told of is a `CorruptStoreError`.
"""

from __future__ import annotations

import io
import json
import math
import re
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lirich.errors import CorruptStoreError, InputError
from lirich.model import canonical_json

if TYPE_CHECKING:
    from numpy.typing import NDArray

FORMAT = "lirich-model"
VERSION = 1
SUFFIX = ".npz"
MAX_BYTES = 1 << 30
"""The largest file and the largest sum of its members; 10,000 voltages × 1,000 components need 80 MB."""
_DATE = (1980, 1, 1, 0, 0, 0)  # the first that a zip can hold
_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
_DESCRIPTION = "model.json"
_KINDS_OF_NUMBER = "biuf"


@dataclass(frozen=True, slots=True)
class ModelContent:
    """What a model is: its ``kind`` (which estimator), its ``arrays`` by name, and a ``description`` as JSON."""

    kind: str
    arrays: Mapping[str, NDArray[Any]]
    description: Mapping[str, Any]


def pack(content: ModelContent) -> bytes:
    """Return the bytes of the file; equal contents give equal bytes.

    Raises `InputError` for a name that is no lower-case word, an array of something else than numbers, a description
    that is no JSON (NaN is none), and a model of more than `MAX_BYTES`.
    """
    import numpy as np

    try:
        told = canonical_json({"format": FORMAT, "version": VERSION, "kind": content.kind, **_body(content)})
    except (TypeError, ValueError) as error:
        raise InputError(
            f"The description of a model is no JSON: {error}", expected="finite numbers and text"
        ) from error
    if sum(array.nbytes for array in content.arrays.values()) + len(told) > MAX_BYTES:
        raise InputError("A model is too large to be kept", expected=f"at most {MAX_BYTES >> 20} MiB")
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(zipfile.ZipInfo(_DESCRIPTION, _DATE), told)
        for name, array in sorted(content.arrays.items()):
            member = io.BytesIO()
            np.lib.format.write_array(member, _portable(name, array), allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy", _DATE), member.getvalue())
    return buffer.getvalue()


def unpack(data: bytes, name: str = "the model") -> ModelContent:
    """Read the bytes of a model; *name* is what an error calls it.

    Raises `CorruptStoreError` for what is no model, is damaged, is of a newer lirich, or holds anything but numbers.
    """
    if len(data) > MAX_BYTES:
        raise _damaged(name, f"it has more than {MAX_BYTES >> 20} MiB")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = {info.filename: info for info in archive.infolist()}
            if len(members) != len(archive.infolist()) or sum(i.file_size for i in members.values()) > MAX_BYTES:
                raise _damaged(name, "its members are doubled or too large")
            if _DESCRIPTION not in members:
                raise _damaged(name, f"it has no {_DESCRIPTION}")
            told = _told(archive.read(_DESCRIPTION), name)
            expected = {f"{array}.npy" for array in told["arrays"]}
            if set(members) - {_DESCRIPTION} != expected:
                raise _damaged(name, "it has not the arrays that it names")
            arrays = {
                n.removesuffix(".npy"): _array(archive.read(n), told["arrays"], n, name) for n in sorted(expected)
            }
    except (zipfile.BadZipFile, RuntimeError, EOFError, OSError, ValueError, zlib.error) as error:
        # RuntimeError: a member that is encrypted or packed in an unknown way, or JSON that is nested too deeply
        raise _damaged(name, str(error)) from error
    return ModelContent(kind=told["kind"], arrays=arrays, description=told["description"])


def _body(content: ModelContent) -> dict[str, Any]:
    return {
        "description": dict(content.description),
        "arrays": {
            name: {"shape": list(array.shape), "dtype": _portable(name, array).dtype.str}
            for name, array in sorted(content.arrays.items())
        },
    }


def _portable(name: str, array: NDArray[Any]) -> NDArray[Any]:
    import numpy as np

    if not _NAME.fullmatch(name):
        raise InputError(f"{name!r} is no name of an array of a model", expected="lower-case letters, digits and _")
    if array.dtype.kind not in _KINDS_OF_NUMBER:
        raise InputError(f"The array {name!r} of a model has the type {array.dtype}", expected="numbers")
    return np.ascontiguousarray(array.astype(array.dtype.newbyteorder("<"), copy=False)).reshape(array.shape)


def _told(text: bytes, name: str) -> dict[str, Any]:
    told = json.loads(text)
    if not isinstance(told, dict) or told.get("format") != FORMAT:
        raise _damaged(name, "it is no model of lirich")
    if told.get("version") != VERSION:
        raise _damaged(name, f"it has version {told.get('version')!r}, and this lirich reads {VERSION}")
    fields = {"kind": str, "description": dict, "arrays": dict}
    if any(not isinstance(told.get(field), kind) for field, kind in fields.items()):
        raise _damaged(name, f"{_DESCRIPTION} lacks one of {', '.join(fields)}")
    if any(not _NAME.fullmatch(array) for array in told["arrays"]):
        raise _damaged(name, "an array has a name that is no plain word")
    return told


def _array(data: bytes, told: Mapping[str, Any], member: str, name: str) -> NDArray[Any]:
    import numpy as np

    stream = io.BytesIO(data)
    if np.lib.format.read_magic(stream) != (1, 0):
        raise _damaged(name, f"{member} has an unknown header")
    # the header is read before the array: it may claim any size
    shape, fortran, dtype = np.lib.format.read_array_header_1_0(stream)
    if dtype.kind not in _KINDS_OF_NUMBER:
        raise _damaged(name, f"{member} holds no numbers")
    body = data[stream.tell() :]
    as_told = told[member.removesuffix(".npy")] == {"shape": list(shape), "dtype": dtype.str}
    if not as_told or fortran or len(body) != math.prod(shape) * dtype.itemsize:
        raise _damaged(name, f"{member} is not the array that {_DESCRIPTION} names")
    return np.frombuffer(body, dtype).reshape(shape).copy()


def _damaged(name: str, reason: str) -> CorruptStoreError:
    return CorruptStoreError(
        f"{name} cannot be read: {' '.join(reason.split())[:200]}",
        expected="a file that 'lirich learn' has written",
        advice="Learn the model again, or copy the file again",
    )

"""One file of a cycler as a task of the compute seam: hashed, kept, read, checked against physics, its points kept.

What it returns is entered in the catalogue by `lirich.workbench.intake.add`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lirich.compute import code_hash
from lirich.errors import InputError
from lirich.model import Test, content_hash
from lirich.store.files import hash_open, open_source
from lirich.workbench.intake.mappings import GivenMapping, read_by, sidecars

if TYPE_CHECKING:
    from lirich.store import Store


def read_parameters(
    root: Path, path: Path, *, reader: str | None, repairs: Sequence[str], mapping: GivenMapping | None = None
) -> dict[str, Any]:
    """Return the parameters of `read_task` for one file: what it holds, not only where it is, and who may read it.

    Raises `InputError` where it cannot be opened or its name is no text.
    """
    from lirich.readers import readers

    try:
        str(path.absolute()).encode()
    except UnicodeEncodeError:
        raise InputError(f"{str(path)!r} is no Unicode name", advice="Rename the file or its folder") from None
    return {
        "root": str(root),
        "path": str(path.absolute()),
        "sha256": [_sha256(p) for p in (path, *([mapping.path] if mapping else sidecars(path)))],
        "mapping": mapping.to_dict() if mapping else None,
        "reader": reader,
        "code": code_hash("lirich.readers", "lirich.model", "lirich.store.curves"),
        "readers": {name: each.version for name, each in readers().items()},
        "repairs": sorted(repairs),
    }


def _sha256(path: Path) -> str:
    with open_source(path) as file:
        return hash_open(file)[0]


def read_task(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Read one file into the workspace's folders (not its catalogue) and return its `Test` as JSON, cell open.

    Raises `InputError` where the file changed while it was read: the raw file kept must be the one that was read.
    """
    from lirich.model.spectra import is_spectrum
    from lirich.readers import read, summarise
    from lirich.readers.reading import MAPPED
    from lirich.workbench.stores import store_at

    path = Path(parameters["path"])
    given = GivenMapping.of(parameters["mapping"]) if parameters["mapping"] else None
    if given is None:
        reading = read(path, reader=parameters["reader"], repairs=parameters["repairs"])
    else:
        reading = read_by(given, path, parameters["repairs"])
    store = store_at(parameters["root"])
    raw = store.put_raw(path)
    if given is None:
        beside = tuple(store.put_raw(p) for p in sidecars(path))
    else:
        beside = (store.put_raw(given.path).model_copy(update={"name": given.name}),)
    if [file.sha256 for file in (raw, *beside)] != parameters["sha256"]:
        raise InputError(f"{path.name} changed while it was read", advice="Add it when the cycler has written it")
    table = reading.table
    curve = store.put_curve(table)
    identity = [raw.sha256, reading.reader, reading.reader_version, list(reading.repairs), curve]
    if reading.reader == MAPPED:  # two mappings may make the same curve of a file, and say other facts of its cell
        identity.append([file.sha256 for file in beside])
    key = content_hash(identity)
    summary = summarise(key, table)
    test = Test(
        key=key,
        cell="?",
        kind="impedance" if is_spectrum(table) else "cycling",
        raw=raw,
        beside=beside,
        mapping=None if given is None else beside[0].sha256,
        reader=reading.reader,
        reader_version=reading.reader_version,
        confidence=reading.confidence,
        curve=curve,
        rows=table.height,
        start_unix_second=summary.start_unix_second,
        end_unix_second=summary.end_unix_second,
        start_time_second=summary.start_time_second,
        duration_second=summary.duration_second,
        first_cycle_count=summary.first_cycle_count,
        last_cycle_count=summary.last_cycle_count,
        repairs=reading.repairs,
        findings=reading.findings,
        metadata=dict(reading.metadata),
    )
    return test.model_dump(mode="json")


def still_there(store: Store, result: Mapping[str, Any]) -> bool:
    """Tell whether the files that a cached result of `read_task` names are still in the workspace."""
    raw = [result["raw"], *result["beside"]]
    return store.has_files(raw=[file["sha256"] for file in raw], curves=[result["curve"]])

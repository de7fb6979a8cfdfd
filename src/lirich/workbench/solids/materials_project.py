"""Energies of the Materials Project: asked for with a key of one's own, few requests, one scale, kept in a file.

They are those by PBE and PBE+U with the corrections of 2020 (Wang et al., Sci. Rep. 11 (2021) 15496,
doi:10.1038/s41598-021-94550-5). The Project's default since 2025, joined with r2SCAN, is set for each chemical system
apart: energies of two systems cannot be put in one table.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import combinations
from pathlib import Path
from typing import Any

from lirich.compute import Progress
from lirich.errors import InputError, OptionalDependencyError
from lirich.interfaces.phases import EnergyTable, table_of_json

MATERIALS_PROJECT = "mp"
"""The source of energies that needs a key (MP_API_KEY)."""
THERMO_TYPE = "GGA_GGA+U"
FIELDS = ("material_id", "composition", "energy_per_atom")
SYSTEMS_A_REQUEST = 300
"""Chemical systems in one request: the client finds no more than 511 in an address that servers take."""
MOST_ELEMENTS = 11
"""With more elements the whole list takes fewer requests than their 2ⁿ − 1 chemical systems."""
ELEMENTS_OF_A_COMPOUND = (*((n, n) for n in range(1, 7)), (7, 100))
"""The whole list is asked for in parts, by how many elements a compound has."""
_ADVICE = "Look at MP_API_KEY (https://next-gen.materialsproject.org/api), the network, and the version of mp-api"


@dataclass(frozen=True, slots=True)
class Source:
    """Where a run reads its energies: the name of a source or the path of a file, and what an answer calls it."""

    where: str
    name: str


def table_of(elements: Iterable[str]) -> EnergyTable:
    """Return the energies of the chemical system of *elements*, all of them where none or very many are given.

    Raises `OptionalDependencyError` without mp-api, `InputError` where the Project does not answer.
    """
    wanted = sorted(set(elements))
    with _project() as project:
        version = _version(project)
        parts = _of_systems(wanted) if 0 < len(wanted) <= MOST_ELEMENTS else _of_everything()
        rows = [row for part in parts for row in _rows(project, part)]
    return table_of_json(json.dumps(rows), _name(version))


@contextmanager
def kept_source(
    source: str, folder: Path | None, progress: Callable[[Progress], None] | None = None
) -> Iterator[Source]:
    """Give the source that all jobs of a run read: for the Materials Project a file of every energy that it has.

    The file is kept in *folder* under the version of the database, and asked for once; without a folder it goes with
    the run. It is a list of entries, so that ``--energies FILE`` takes it too. Raises as `table_of` does.
    """
    if source != MATERIALS_PROJECT:
        yield Source(source, source)
        return
    with tempfile.TemporaryDirectory(prefix="lirich-") as passing, _project() as project:
        version = _version(project)
        path = (folder or Path(passing)) / f"materials-project-{version}.json"
        if not path.is_file():
            _write(path, _everything(project, progress))
        yield Source(str(path), _name(version))


def _everything(project: Any, progress: Callable[[Progress], None] | None) -> list[dict[str, Any]]:
    parts = list(_of_everything())
    rows: list[dict[str, Any]] = []
    for done, part in enumerate(parts):
        if progress is not None:
            progress(Progress(done, len(parts), 0, 0, None))
        rows += _rows(project, part)
    return rows


def _of_systems(elements: list[str]) -> Iterator[Mapping[str, Any]]:
    systems = ["-".join(s) for n in range(1, len(elements) + 1) for s in combinations(elements, n)]
    for start in range(0, len(systems), SYSTEMS_A_REQUEST):
        yield {"chemsys": systems[start : start + SYSTEMS_A_REQUEST]}


def _of_everything() -> Iterator[Mapping[str, Any]]:
    for bounds in ELEMENTS_OF_A_COMPOUND:
        yield {"num_elements": bounds}


def _rows(project: Any, criteria: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Ask for a part of the list and return it as entries: eV of the composition, corrections included."""
    with _answering():
        found = project.materials.thermo.search(
            **criteria, thermo_types=[THERMO_TYPE], all_fields=False, fields=list(FIELDS)
        )
        rows = []
        for each in found:
            composition = {str(e): float(n) for e, n in dict(each["composition"]).items()}
            energy = float(each["energy_per_atom"]) * sum(composition.values())
            rows.append({"composition": composition, "energy": energy, "entry_id": str(each["material_id"])})
        return rows


def _version(project: Any) -> str:
    """Return the version of the database; older clients tell it by a method."""
    with _answering():
        version = str(getattr(project, "db_version", "") or project.get_database_version() or "")
    if not version:
        raise InputError("The Materials Project does not say the version of its database", advice=_ADVICE)
    return version


def _name(version: str) -> str:
    return f"Materials Project {version}, {THERMO_TYPE}"


@contextmanager
def _project() -> Iterator[Any]:
    if find_spec("mp_api") is None:
        raise OptionalDependencyError.of("The Materials Project", "mp", "the energies that come with lirich")
    from mp_api.client import MPRester

    with _answering():
        opened = MPRester(use_document_model=False, mute_progress_bars=True)
    if not opened.api_key:
        raise InputError("The Materials Project needs a key", expected="it in MP_API_KEY", advice=_ADVICE)
    with opened as project:
        yield project


@contextmanager
def _answering() -> Iterator[None]:
    """Turn what the client raises into an error of lirich: a wrong key, no network, an answer of another form."""
    from mp_api.client.core import MPRestError

    try:
        yield
    except (MPRestError, OSError, ValueError, KeyError, TypeError) as error:
        said = str(error).strip().splitlines()
        raise InputError(
            f"The Materials Project does not answer: {said[0] if said else type(error).__name__}",
            expected="a key of one's own in MP_API_KEY",
            advice=_ADVICE,
        ) from error


def _write(path: Path, rows: list[dict[str, Any]]) -> None:
    """Write the file whole or not at all."""
    if not rows:
        raise InputError("The Materials Project gave no energies", advice=_ADVICE)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".new-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(rows, file)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise

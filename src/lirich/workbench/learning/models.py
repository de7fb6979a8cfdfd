"""Learned models in a workspace: kept by name, loaded, given away, and taken in from elsewhere."""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Iterable, Mapping
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import polars as pl

from lirich.errors import CorruptStoreError, InputError, LirichError, UnknownNameError, quoted
from lirich.learn.anchor import anchor_map
from lirich.learn.saved import describe, restore
from lirich.learn.statemap import StateMap
from lirich.model import Finding, Scalar, Severity
from lirich.store import modelfile
from lirich.store.modelfile import ModelContent
from lirich.workbench.userfiles import need_text

if TYPE_CHECKING:
    from lirich.store import ModelRecord
    from lirich.workbench.workspace import Workspace

CARRIED = {"kim-2025": "digitised_li_rich_map"}
"""Maps that lirich brings with it, by name. ``kim-2025``: mean and seven loadings of the charge curves of Kim et al.,
Energy Environ. Sci. 18 (2025) 4222, digitised from the figures of the LRLO-PCA repository (MIT, licence beside it)."""
_SOURCES = {"kim-2025": "doi:10.1039/D4EE05222F, digitised from the figures of the LRLO-PCA repository (MIT)"}
_TABLES = frozenset({".csv"})
MAPS = ("state-map", "probabilistic-map", "completion")
"""Kinds of models that are maps, or have one."""
_HASH = re.compile(r"[0-9a-f]{64}")


def save_model(
    workspace: Workspace,
    name: str,
    model: object,
    keys: pl.DataFrame | None = None,
    parameters: Mapping[str, Scalar] | None = None,
    *,
    trained_on: Iterable[str] = (),
) -> ModelRecord:
    """Keep a fitted *model* under *name*, with the hashes of the curves of *keys* that it was trained on.

    *keys* has ``cell`` and, if a cell has several runs, ``run``; *trained_on* are hashes of what else it was trained
    on. Raises `InputError` on a name that cannot be one or a
    model that is not fitted.
    """
    saved = describe(model)
    trained_on = (*(curve_hashes(workspace, keys) if keys is not None else ()), *trained_on)
    told = {"model": saved.description, "trained_on": list(trained_on), "parameters": dict(parameters or {})}
    return workspace.store.models.put(
        name, ModelContent(saved.kind, saved.arrays, told), trained_on=trained_on, parameters=parameters
    )


def keep_model(
    workspace: Workspace,
    name: str,
    model: object,
    keys: pl.DataFrame | None = None,
    parameters: Mapping[str, Scalar] | None = None,
) -> list[Finding]:
    """Keep a model as `save_model` does, and say where it replaces one that was learned from something else."""
    old = _known(workspace, name)
    new = save_model(workspace, name, model, keys, parameters)
    if old is None or (old.kind, old.trained_on) == (new.kind, new.trained_on):
        return []
    return [
        Finding(
            code="replaced", severity=Severity.WARNING,
            message=f"The model {name!r} replaces another of that name: {_of(old)} before, {_of(new)} now",
            advice="Give models of other cells names of their own (--name, --save)",
        )
    ]  # fmt: skip


def _known(workspace: Workspace, name: str) -> ModelRecord | None:
    return next((record for record in workspace.store.models.all() if record.name == name), None)


def _of(record: ModelRecord) -> str:
    cells = record.parameters.get("cells")
    of = f"{cells} cell(s)" if cells is not None else f"{len(record.trained_on)} file(s)"
    return f"a {record.kind} of {of}"


def _free(workspace: Workspace, name: str, content: ModelContent) -> None:
    """Raise `InputError` where another model has the name *name*."""
    there = _known(workspace, name)
    if there is not None and there.sha256 != hashlib.sha256(modelfile.pack(content)).hexdigest():
        raise InputError(
            f"There is another model of the name {name!r}: {_of(there)}",
            expected="a name that is free",
            advice="Take it in under another name (--name), or first forget that one: "
            f"lirich learn models --remove {quoted(name)}",
        )


def load_model(workspace: Workspace, name: str, kinds: Iterable[str] = ()) -> Any:
    """Return the model *name*. Raises `UnknownNameError`, `InputError` where it is not one of *kinds*."""
    content = workspace.store.models.content(name)
    wanted = tuple(kinds)
    if wanted and content.kind not in wanted:
        raise InputError(
            f"The model {name!r} is of the kind {content.kind}",
            expected=" or ".join(wanted),
            advice="`lirich learn models` lists the models with their kinds",
        )
    return restore(content.kind, content.arrays, _told(content)[0])


def map_of(workspace: Workspace, name: str) -> StateMap:
    """Return the map *name*, or that of the completion *name*; raises as `load_model`."""
    loaded = load_model(workspace, name, MAPS)
    return loaded if isinstance(loaded, StateMap) else cast(StateMap, loaded.map_)


def import_model(workspace: Workspace, source: str | Path, name: str | None = None) -> ModelRecord:
    """Take in a model: a file that another workspace exported, a table of published loadings (CSV), or a carried one.

    A table has the columns ``voltage_V``, ``mean_capacity_mAh_g`` and ``pc1_loading`` … ``pc7_loading``
    (`lirich.learn.anchor_map`). *name* is by default that of the file. No code of the file is run: what is no model of
    a known kind, whole and of fitting shapes, is refused with `CorruptStoreError`, `UnknownNameError` on its kind or
    `MissingColumnError`; `UnknownNameError` also where there is neither file nor carried model of that name; and
    `InputError` where another model has the name.
    """
    path = Path(source)
    if str(source) in CARRIED and not path.exists():
        published = anchor_map(pl.read_csv(io.StringIO(_carried(str(source)))))
        return _published(workspace, name or str(source), published, _SOURCES[str(source)])
    if not path.is_file():
        raise UnknownNameError(f"There is no file {path}", expected=f"a file, or a carried model: {', '.join(CARRIED)}")
    name = name or path.stem
    if path.suffix.lower() in _TABLES:
        need_text(path)
        try:
            table = pl.read_csv(path)
        except (pl.exceptions.PolarsError, OSError, UnicodeDecodeError) as error:
            raise InputError(f"{path.name} cannot be read as a table: {str(error).splitlines()[0]}") from error
        return _published(workspace, name, anchor_map(table), path.name)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    content = modelfile.unpack(data, path.name)
    model, trained_on, parameters = _told(content)
    restore(content.kind, content.arrays, model)  # refuses now what would not work later
    _free(workspace, name, content)
    return workspace.store.models.put(
        name, content, trained_on=trained_on, parameters={**parameters, "imported_from": path.name}
    )


def _published(workspace: Workspace, name: str, published: StateMap, source: str) -> ModelRecord:
    saved = describe(published)
    told = {"model": saved.description, "trained_on": [], "parameters": {"source": source}}
    _free(workspace, name, ModelContent(saved.kind, saved.arrays, told))
    return save_model(workspace, name, published, parameters={"source": source})


def export_target(name: str, file: str | Path) -> Path:
    """Return the file that `export_model` writes: *file*, or one named after the model in the folder *file*."""
    path = Path(file)
    return path / f"{name}.npz" if path.is_dir() else path


def export_model(workspace: Workspace, name: str, file: str | Path, *, force: bool = False) -> Path:
    """Write the model *name* as one file; a model that is there is replaced, any other file with *force* only.

    Raises `UnknownNameError`, `InputError` where it cannot be written or would overwrite something else.
    """
    data = workspace.store.models.export(name)
    path = export_target(name, file)
    if path.is_file() and not force and not _is_model(path):
        raise InputError(
            f"{path} is there, and is no model",
            expected="a file that is not there, or a model that may be replaced",
            advice="Choose another file, or overwrite it: --force",
        )
    try:
        path.write_bytes(data)
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}") from error
    return path


def _is_model(path: Path) -> bool:
    try:
        modelfile.unpack(path.read_bytes(), path.name)
    except (OSError, LirichError):
        return False
    return True


def curve_hashes(workspace: Workspace, keys: pl.DataFrame) -> tuple[str, ...]:
    """Return the hashes of the stored curves behind *keys* (``cell`` and, where there is one, ``run``), sorted."""
    return tuple(sorted(set().union(*hashes_by_cell(workspace, keys).values())))


def hashes_by_cell(workspace: Workspace, keys: pl.DataFrame) -> dict[str, set[str]]:
    """Return the hashes of the stored curves behind *keys* (``cell`` and, where there is one, ``run``), by cell."""
    curves = {test.key: test.curve for test in workspace.store.tests()}
    runs: dict[str, set[int] | None] = dict.fromkeys(keys["cell"].unique().to_list())
    if "run" in keys.columns:
        for cell, run in keys.select("cell", "run").unique().iter_rows():
            runs[cell] = {*(runs[cell] or ()), run}
    found: dict[str, set[str]] = {}
    for analysis in workspace.store.bare_analyses(list(runs)):
        wanted = runs[analysis.cell]
        if wanted is None or analysis.run in wanted:
            found.setdefault(analysis.cell, set()).update(curves[test] for test in analysis.tests if test in curves)
    return found


def seen_in_training(workspace: Workspace, name: str, cell: str) -> bool:
    """Tell whether the model *name* was trained on a curve of *cell*."""
    mine = set(curve_hashes(workspace, pl.DataFrame({"cell": [cell]})))
    return bool(mine & set(workspace.store.models.record(name).trained_on))


def _told(content: ModelContent) -> tuple[dict[str, Any], list[str], dict[str, Scalar]]:
    """Return description, training curves and parameters of a model. Raises `CorruptStoreError`."""
    told = content.description
    model, curves, parameters = (told.get(n) for n in ("model", "trained_on", "parameters"))
    if (
        not isinstance(model, dict)
        or not isinstance(curves, list)
        or not all(isinstance(c, str) and _HASH.fullmatch(c) for c in curves)
        or not isinstance(parameters, dict)
        or not all(isinstance(v, (bool, int, float, str)) for v in parameters.values())
    ):
        raise CorruptStoreError(
            "The model does not say what it is, or what it was learned from",
            expected="a file that 'lirich learn' has written",
            advice="Learn the model again, or copy the file again",
        )
    return model, curves, parameters


def _carried(name: str) -> str:
    file = files("lirich.workbench") / "carried" / f"{CARRIED[name]}.csv"
    try:
        return file.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise CorruptStoreError(
            f"The carried model {name} is not in this installation", advice="Install lirich again"
        ) from error

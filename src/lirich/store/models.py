"""The learned models of a workspace: a name, a file of arrays and JSON, and the curves that it was trained on."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, delete, select

from lirich import __version__
from lirich.errors import CorruptStoreError, InputError, UnknownNameError
from lirich.model import Scalar
from lirich.store import files, modelfile
from lirich.store import schema as s
from lirich.store.documents import dump, load, natural, plain
from lirich.store.modelfile import ModelContent
from lirich.store.queries import replace_row
from lirich.store.records import ModelRecord

if TYPE_CHECKING:
    from lirich.store.engine import Database


class Models:
    """The models of one workspace, by name; a name that is used again means the newer model."""

    def __init__(self, database: Database, shelf: files.Shelf) -> None:
        self._database = database
        self._shelf = shelf

    @staticmethod
    def check_name(name: str) -> None:
        """Raise `InputError` where no model can have the *name*: asked before hours of learning."""
        if not name or "/" in name or not name.isprintable():
            raise InputError(f"{name!r} is no name of a model", expected="printable characters without '/'")

    def put(
        self,
        name: str,
        content: ModelContent,
        *,
        trained_on: Iterable[str],
        parameters: Mapping[str, Scalar] | None = None,
    ) -> ModelRecord:
        """Keep a model under *name*, durably, in place of the one that had it.

        *trained_on* are the keys of the curves that it was learned from, *parameters* what it was learned with.
        Raises `InputError` for an unusable name and what `lirich.store.modelfile.pack` raises.
        """
        self.check_name(name)
        data = modelfile.pack(content)
        digest = hashlib.sha256(data).hexdigest()
        record = ModelRecord(
            name=plain(name),
            kind=content.kind,
            sha256=digest,
            size=len(data),
            trained_on=tuple(sorted(set(trained_on))),
            parameters=dict(parameters or {}),
            version=__version__,
            created_unix_second=time.time(),
        )
        there = self._shelf.path(digest)
        if there is None or files.hash_file(there) != digest:
            with self._shelf.temporary() as temporary:
                files.write_synced(temporary, data)
                self._shelf.place(temporary, digest, modelfile.SUFFIX)
        row = {"name": record.name, "kind": record.kind, "sha256": digest, "document": dump(record)}
        self._database.write(lambda connection: replace_row(connection, s.model, row))
        return record

    def all(self, kind: str | None = None) -> list[ModelRecord]:
        """Return what is known of the models (of one kind), by name."""

        def work(connection: Connection) -> list[ModelRecord]:
            query = select(s.model.c.name, s.model.c.document)
            if kind is not None:
                query = query.where(s.model.c.kind == kind)
            rows = sorted(connection.execute(query).all(), key=lambda row: natural(row.name))
            return [load(ModelRecord, row.document) for row in rows]

        return self._database.read(work)

    def record(self, name: str) -> ModelRecord:
        """Return what is known of one model. Raises `UnknownNameError` with near names."""
        known = {record.name: record for record in self.all()}
        if name not in known:
            raise UnknownNameError.of("model", name, known)
        return known[name]

    def content(self, name: str) -> ModelContent:
        """Read one model. Raises `UnknownNameError`, and `CorruptStoreError` where its file is gone or changed."""
        record = self.record(name)
        data = files.present(self._shelf.path(record.sha256), "model", record.sha256).read_bytes()
        if hashlib.sha256(data).hexdigest() != record.sha256:
            raise CorruptStoreError(
                f"The model {name} has changed on the disk", advice="Run 'lirich doctor --mend' and learn it again"
            )
        return modelfile.unpack(data, f"The model {name}")

    def file(self, name: str) -> tuple[Path, str]:
        """Return where the file of a model lies, and its SHA-256: for worker processes, which read it themselves.

        Raises `UnknownNameError`, and `CorruptStoreError` where the file is gone.
        """
        record = self.record(name)
        return files.present(self._shelf.path(record.sha256), "model", record.sha256), record.sha256

    def export(self, name: str) -> bytes:
        """Return the file of a model, to be given away. Raises what `content` raises."""
        return modelfile.pack(self.content(name))

    def remove(self, name: str) -> None:
        """Take a model out of the catalogue; its file stays. Raises `UnknownNameError`."""
        self.record(name)
        self._database.write(lambda connection: connection.execute(delete(s.model).where(s.model.c.name == name)))

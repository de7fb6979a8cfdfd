"""A workspace on disk: one object that everything above goes through."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from math import inf
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from lirich.errors import WorkspaceNotFoundError
from lirich.model import Cell, Finding, RawFile, Sample, Scalar, Test, Value
from lirich.store import curves, files, rawfiles
from lirich.store.documents import Names, ValueFilter
from lirich.store.records import Analysis, CorrectionRecord, FactVersion, Lineage
from lirich.store.settings import FILE_NAME, WorkspaceSettings, checked_settings, read_settings, replace_settings

if TYPE_CHECKING:
    import polars as pl

    from lirich.store.engine import Database
    from lirich.store.models import Models
    from lirich.store.results import Results
    from lirich.store.things import Things

T = TypeVar("T")


class Store:
    """One workspace: ``lirich.toml``, the catalogue, ``curves/``, ``raw/``, ``models/`` and ``cache/``.

    Made by `create`, `open` or `find`. A file is on the disk before a record speaks of it, and every call
    that writes is one transaction: when it returns, what it wrote survives a kill; when it is killed, it has
    not happened. Several processes may use a workspace at once. A store can be pickled (the other process
    opens it again), used from threads, and used as a context manager.
    """

    def __init__(self, root: Path, settings: WorkspaceSettings, database: Database) -> None:
        self.root = root
        self.settings = settings
        self._database = database
        self._shelves = files.shelves(root)
        self._raw, self._curves = self._shelves["raw"], self._shelves["curve"]

    # --- workspace ------------------------------------------------------------------------------------------

    @classmethod
    def create(cls, root: Path | str, *, name: str | None = None, database_url: str | None = None) -> Store:
        """Make a workspace in the folder *root*, which may exist, and open it.

        Raises `WorkspaceExistsError` where there is one already, `SettingsError` for an unusable name or URL,
        `StoreError` where the folder or the database cannot be used.
        """
        from lirich.store import opening

        folder = Path(root).absolute()
        opening.make(folder, name, database_url)
        try:
            return cls.open(folder)
        except BaseException:
            opening.unmake(folder)
            raise

    @classmethod
    def open(cls, root: Path | str) -> Store:
        """Open the workspace in the folder *root*; an older catalogue is brought to the present schema.

        In a folder that cannot be written it can be read, and every change raises `StoreError`.

        Raises `WorkspaceNotFoundError`, `SettingsError`, `WorkspaceVersionError`, `CorruptStoreError` where
        the catalogue is damaged or gone, `OptionalDependencyError` where PostgreSQL is asked for without its
        extra, `StoreError` where the database cannot be reached.
        """
        folder = Path(root).absolute()
        if folder.name == FILE_NAME and folder.is_file():
            folder = folder.parent
        settings = read_settings(folder)

        from lirich.store.opening import open_catalogue

        return cls(folder, settings, open_catalogue(folder, settings))

    @classmethod
    def find(cls, start: Path | str) -> Store:
        """Open the workspace that holds *start*: its folder or the nearest one above with a ``lirich.toml``.

        Raises `WorkspaceNotFoundError` where there is none, and what `open` raises.
        """
        folder = Path(start).absolute()
        for candidate in (folder, *folder.parents):
            if (candidate / FILE_NAME).is_file():
                return cls.open(candidate)
        raise WorkspaceNotFoundError(
            f"Neither {folder} nor a folder above it is a workspace",
            advice="Make one with: lirich init FOLDER",
        )

    def change_settings(
        self, *, name: str | None = None, cycling: Mapping[str, Scalar | tuple[Scalar, ...]] | None = None
    ) -> WorkspaceSettings:
        """Change the name or the ``[cycling]`` table of ``lirich.toml``; what is not given stays as it is.

        Raises `SettingsError`.
        """
        present = read_settings(self.root)
        changes: dict[str, object] = {"name": name, "cycling": None if cycling is None else dict(cycling)}
        changed = checked_settings(
            {**dict(present), **{k: v for k, v in changes.items() if v is not None}}, str(self.root / FILE_NAME)
        )
        replace_settings(self.root, changed)
        self.settings = changed
        return changed

    @property
    def cache(self) -> Path:
        """The folder for what can be computed again at any time; it is made when asked for."""
        folder = self.root / "cache"
        folder.mkdir(exist_ok=True)
        return folder

    @property
    def models(self) -> Models:
        """The learned models of the workspace."""
        from lirich.store.models import Models

        return Models(self._database, self._shelves["model"])

    def close(self) -> None:
        """Close the connections to the catalogue. The store opens them again when it is used again."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Store({str(self.root)!r}, name={self.settings.name!r}, catalogue={self.settings.database!r})"

    def __reduce__(self) -> tuple[object, tuple[Path]]:
        return Store.open, (self.root,)

    # --- files ----------------------------------------------------------------------------------------------

    def put_raw(self, path: Path | str) -> RawFile:
        """Keep a copy of the bytes of *path*, durably; content that is there already is not written again.

        Raises `InputError` where *path* cannot be read, `StoreError` where the workspace cannot be written.
        """
        return rawfiles.put(self._raw, Path(path))

    def put_raw_bytes(self, name: str, data: bytes) -> RawFile:
        """Keep *data* as a raw file, durably: what no instrument wrote, such as the JSON of a simulation.

        *name* is that of a file, with its suffix. Raises `InputError` for another, `StoreError` where the workspace
        cannot be written.
        """
        return rawfiles.put_bytes(self._raw, name, data)

    def raw_path(self, sha256: str, *, verify: bool = False) -> Path:
        """Return where the raw file of that hash lies; its suffix is the one it came with.

        Raises `CorruptStoreError` where it is missing or, with *verify*, where its bytes have changed.
        """
        return rawfiles.path(self._raw, sha256, verify=verify)

    def put_curve(self, table: pl.DataFrame) -> str:
        """Keep a table, durably; return its key, a hash of its content (see `lirich.store.curves`).

        Raises `InputError` for a column type that cannot be kept exactly, `StoreError` where the workspace
        cannot be written.
        """
        return curves.put(self._curves, table)

    def read_curve(self, key: str, *, columns: Sequence[str] | None = None, verify: bool = False) -> pl.DataFrame:
        """Return a curve, or only some *columns* of it, in that order.

        Raises `CorruptStoreError` where it is missing, broken or (*verify*) changed, `MissingColumnError` where it has
        no such column.
        """
        return curves.read(self._curves, key, columns=columns, verify=verify)

    def read_curves(self, keys: Sequence[str], *, columns: Sequence[str]) -> list[pl.DataFrame]:
        """Return some *columns* of several curves, all in memory at once; raises as `read_curve` does."""
        return curves.read_together(self._curves, keys, columns=columns)

    def has_files(self, *, raw: Iterable[str] = (), curves: Iterable[str] = ()) -> bool:
        """Tell whether all these raw files and curves are there; their contents are not read."""
        return all(self._raw.path(digest) is not None for digest in raw) and all(
            self._curves.path(key) is not None for key in curves
        )

    # --- samples, cells and tests ---------------------------------------------------------------------------

    def change(self, work: Callable[[Things], T]) -> T:
        """Run *work* on samples, cells, tests and corrections in one transaction, alone.

        What it reads is still so when it writes, and all that it writes happens or nothing. It may run more than
        once, where another process was in the way, and so must do nothing else.
        """
        from lirich.store import things

        return things.change(self._database, work)

    def _look(self, work: Callable[[Things], T]) -> T:
        from lirich.store.things import Things

        return self._database.read(lambda connection: work(Things(connection)))

    def put_sample(self, sample: Sample) -> None:
        """Insert or replace a sample; former states stay in its history."""
        self.change(lambda things: things.put(sample))

    def samples(self) -> dict[str, Sample]:
        """Return the samples by key, SC-2 before SC-10."""
        return self._look(lambda things: things.all(Sample))

    def sample(self, key: str) -> Sample:
        """Return one sample. Raises `UnknownNameError` with near names."""
        return self._look(lambda things: things.one(Sample, key))

    def find_sample(self, key: str | None) -> Sample | None:
        """Return one sample, or ``None`` where nothing is known of it."""
        return None if key is None else self._look(lambda things: things.find(Sample, key))

    def put_cell(self, cell: Cell) -> None:
        """Insert or replace a cell; former states stay in its history."""
        self.change(lambda things: things.put(cell))

    def cells(self) -> dict[str, Cell]:
        """Return the cells by key, SC-2 before SC-10."""
        return self._look(lambda things: things.all(Cell))

    def cell_keys(self) -> list[str]:
        """Return the keys of the cells, SC-2 before SC-10."""
        return self._look(lambda things: things.keys(Cell))

    def cell(self, key: str) -> Cell:
        """Return one cell. Raises `UnknownNameError` with near names."""
        return self._look(lambda things: things.one(Cell, key))

    def named(self, cells: str | Iterable[str] | None = None) -> list[str]:
        """Return the keys of the cells named: one, several, or (``None``) all. Raises `UnknownNameError`."""
        if cells is None:
            return self.cell_keys()
        return [self.cell(key).key for key in ([cells] if isinstance(cells, str) else cells)]

    def former_names(self, key: str, until: float = inf) -> dict[str, float]:
        """Return the names that the cell *key* had before, each with the last time of moving on *until* then, s."""
        return self._look(lambda things: things.former_names(key, until))

    def sample_history(self, key: str) -> list[FactVersion]:
        """Return every state of a sample, oldest first. Raises `UnknownNameError`."""
        return self._look(lambda things: things.history(Sample, key))

    def cell_history(self, key: str) -> list[FactVersion]:
        """Return every state of a cell, oldest first. Raises `UnknownNameError`."""
        return self._look(lambda things: things.history(Cell, key))

    def put_test(self, test: Test) -> bool:
        """Insert a test; ``False`` where it is there already.

        Its raw file, its curve and its cell must be there: `CorruptStoreError` or `UnknownNameError`
        otherwise. Raises `ConflictingMetadataError` where the same file is there as a test of another cell.
        """
        self.require_files(test)
        return self.change(lambda things: things.put_test(test))

    def require_files(self, test: Test) -> None:
        """Raise `CorruptStoreError` unless the raw file and the curve of a test are there."""
        self.raw_path(test.raw.sha256)
        self._require_curves(test.curve)

    def tests(self, cell: str | None = None) -> list[Test]:
        """Return the tests (of one cell), by cell and start time; those without a start time by file name."""
        return self._look(lambda things: things.tests(cell))

    def tests_of_raw(self, digests: Sequence[str]) -> list[Test]:
        """Return the tests that were read from the raw files of these hashes, by cell and start time."""
        return self._look(lambda things: things.tests_of_raw(digests))

    def remove_test(self, key: str) -> None:
        """Remove a test and the analyses that rest on it; its files stay. Raises `UnknownNameError`."""
        self.change(lambda things: things.remove_test(key))

    # --- analyses and values --------------------------------------------------------------------------------

    def _results(self, work: Callable[[Results], T], *, write: bool = False) -> T:
        from lirich.store.results import Results

        run = self._database.write if write else self._database.read
        return run(lambda connection: work(Results(connection)))

    def put_analysis(self, analysis: Analysis) -> None:
        """Replace the analysis of the same cell and run, with its values, at once.

        Its curves, tests and cell must be there: `CorruptStoreError` or `UnknownNameError` otherwise. The curves of the
        one that is replaced stay for a day, for who reads them now; then `mend` removes them.
        """

        def work(results: Results) -> Analysis | None:
            self._require_curves(*analysis.curves)  # while nobody else writes, who could remove them
            return results.put_analysis(analysis)

        replaced = self._results(work, write=True)
        for key in () if replaced is None else replaced.curves:
            curves.renew(self._curves, key)

    def analyses(self, cell: str | None = None) -> list[Analysis]:
        """Return the analyses (of one cell) with their values, by cell and run."""
        return self._results(lambda results: results.analyses(cell))

    def bare_analyses(self, cells: Sequence[str] | None = None) -> list[Analysis]:
        """Return the analyses (of these cells) without their values, by cell and run: what they were made with."""
        return self._results(lambda results: results.bare_analyses(cells))

    def analysis_keys(self) -> dict[tuple[str, int], str]:
        """Return the key of every analysis by cell and run, without their values."""
        return self._results(lambda results: results.analysis_keys())

    def drop_runs(self, cell: str, *, keep: int) -> None:
        """Remove the analyses of a cell from run number *keep* on: files were joined that were apart before."""
        self._results(lambda results: results.drop_runs(cell, keep), write=True)

    def values(self, **filters: Names) -> list[Value]:
        """Return the values that fit every filter given: those of `lirich.store.ValueFilter`.

        They are *quantity*, *origin*, *subject*, *subject_kind* and *source*, each a name or several names. Ordered by
        subject, then as they were put in. Raises `UnknownNameError` on an unknown quantity.
        """
        return self._results(lambda results: results.values(ValueFilter(**filters)))

    def value_documents(self, **filters: Names) -> list[dict[str, Any]]:
        """Return what `values` returns, under the same filters, as JSON objects (defaults left out): for tables."""
        return self._results(lambda results: results.value_documents(ValueFilter(**filters)))

    def put_values(self, values: Iterable[Value], *, source: str) -> None:
        """Replace all values of *source* (such as ``literature``) at once; none removes the source."""
        listed = list(values)
        self._results(lambda results: results.put_values(listed, source=source), write=True)

    def sources(self) -> dict[str, int]:
        """Return the names given to `put_values`, with their numbers of values."""
        return self._results(lambda results: results.sources())

    def provenance(self, value: Value) -> Lineage:
        """Return the way back from a value: who holds it, which code and settings made it, which files it rests on."""
        from lirich.store.lineage import lineage

        return lineage(self, value, self._results(lambda results: results.owners_of(value)))

    # --- corrections ----------------------------------------------------------------------------------------

    def put_correction(self, cell: str, correction: Mapping[str, Any]) -> int:
        """Add a correction of the protocol segments of a cell after the others; return its number."""
        return self.change(lambda things: things.put_correction(cell, dict(correction)))

    def corrections(self, cell: str) -> list[dict[str, Any]]:
        """Return the corrections of a cell that hold, in the order in which they were made."""
        return [record.correction for record in self._look(lambda things: things.corrections(cell))]

    def correction_log(self, cell: str) -> list[CorrectionRecord]:
        """Return all corrections of a cell with their times, those withdrawn too."""
        return self._look(lambda things: things.corrections(cell, cleared=True))

    def clear_corrections(self, cell: str) -> int:
        """Withdraw the corrections of a cell; return how many held. They stay in the log."""
        return self.change(lambda things: things.clear_corrections(cell))

    # --- health ---------------------------------------------------------------------------------------------

    def check(self, *, hashes: bool = True) -> list[Finding]:
        """Examine the whole workspace and return what is wrong with it; nothing is changed.

        With ``hashes=False`` the content of the files is not read again.
        """
        from lirich.store import doctor

        return doctor.check(self.root, self._database, self._shelves, hashes=hashes)

    def mend(self) -> list[Finding]:
        """Repair what can be: damaged files are set aside in ``damaged/``, stale temporary files removed.

        So are tables of replaced analyses that nothing refers to, a day after. Nothing that holds data is deleted.
        Returns what was done and what remains; a raw file that was set aside comes back by adding it again.
        """
        from lirich.store import doctor

        return doctor.mend(self.root, self._database, self._shelves)

    def fingerprint(self) -> str:
        """Return a hash of all records, without the times at which they were written.

        Two workspaces of equal content have equal fingerprints, in whatever order it was put in.
        """
        from lirich.store import catalogue

        return self._database.read(catalogue.fingerprint)

    def _require_curves(self, *keys: str) -> None:
        for key in keys:
            files.present(self._curves.path(key), "curve", key)

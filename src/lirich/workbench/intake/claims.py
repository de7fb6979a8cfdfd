"""What a user says of files: their cells and facts, on the command line and in the tables beside them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

from lirich.errors import ConflictingMetadataError
from lirich.model import Cell, Finding, Severity, Test
from lirich.model.listing import name_some
from lirich.workbench.intake.celltables import BY_HAND, CellTable, Entry
from lirich.workbench.intake.continuing import without_counter
from lirich.workbench.intake.fact_sources import table_folder
from lirich.workbench.intake.table_files import read_cell_tables
from lirich.workbench.intake.taking_back import of_file


class Claims:
    """What is said of files.

    Parameters
    ----------
    cell:
        The cell that all files belong to, where the user said so.
    options:
        Facts from the command line; they go before everything else.
    """

    def __init__(self, cell: str | None = None, options: Entry | None = None) -> None:
        self._cell = cell
        self._options = options
        self._tables: dict[Path, CellTable] = {}
        self._files: dict[Path, str] = {}

    def look_up(self, files: Mapping[Path, str]) -> None:
        """Read the tables beside *files*, given with their hashes. Raises `MetadataError` where one is wrong."""
        for path, digest in files.items():
            self.table(path)
            self._files[path.parent.resolve() / path.name] = digest

    @property
    def tables(self) -> list[CellTable]:
        """The tables that are read, the one that goes before first: that of the folder whose files come last."""
        return [table for table in reversed(self._tables.values()) if table.folder]

    def table(self, path: Path) -> CellTable:
        """Return what the tables beside the file say of all cells. Raises `MetadataError` where one is wrong."""
        folder = path.parent.resolve()
        if folder not in self._tables:
            self._tables[folder] = read_cell_tables(folder)
        return self._tables[folder]

    def stated(self, path: Path) -> tuple[str | None, str]:
        """Return the cell that somebody said the file is of, and the source of that; ``None`` and nothing else.

        Raises `ConflictingMetadataError` where two rows name a cell.
        """
        own = self._entries(path)
        if self._cell:
            return self._cell, BY_HAND
        return next(((entry.cell, entry.kept_as) for entry in own if entry.cell), (None, ""))

    def cell_of(self, path: Path) -> str | None:
        """Return the cell that somebody said the file is of; none where two rows name one, which entering refuses."""
        try:
            return self.stated(path)[0]
        except ConflictingMetadataError:
            return None

    def names_counter(self, path: Path) -> bool:
        """Tell whether the file's cell was not stated and its name ends in a counter."""
        try:
            return without_counter(path) is not None and self.stated(path)[0] is None
        except ConflictingMetadataError:
            return False  # two rows name a cell: entering refuses it

    def facts(
        self, key: str, path: Path, test: Test, kept: Sequence[Test]
    ) -> tuple[list[Entry], list[Entry], list[Entry]]:
        """Return all that is said of the cell *key*: on the command line, in the tables, and by the file of *test*.

        *kept* are the tests of the cell. It is all, whichever of its files it stands beside: no file's turn decides.
        """
        own = self._entries(path)
        by_hand = [entry for entry in own if entry is self._options]
        beside = self.table(path)
        of_table: list[Entry] = []
        for table in self.tables:
            if table is beside:
                files = [path, *(Path(f.name) for present in kept for f in (present.raw, *present.replaces))]
            else:
                files = self._in(table.folder, {present.raw.sha256 for present in kept})
            about = table.entries_about(key, files)
            about += [entry for entry in own[len(by_hand) :] if table is beside and entry not in about]
            of_table += sorted(about, key=table.entries.index)
        return by_hand, of_table, [of_file(test)]

    def _in(self, folder: str, digests: Collection[str]) -> list[Path]:
        """Return the files with these hashes that were looked up in the folder."""
        return [p for p, digest in self._files.items() if digest in digests and p.parent.as_posix() == folder]

    def _entries(self, path: Path) -> list[Entry]:
        options = () if self._options is None else (self._options,)
        return [*options, *self.table(path).entries_for(path)]

    def rows_without_file(self, folders: Iterable[Path]) -> list[Finding]:
        """Say which rows of the cell tables of *folders* are about no file there: a name may be misspelt."""
        findings = []
        for folder in folders:
            table = self._tables.get(folder.resolve(), CellTable())
            names = [path for path in folder.iterdir() if path.is_file()] if table.entries else []
            for entry in table.entries:
                if any(entry.matches(path) for path in names):
                    continue
                shown = " or ".join(entry.patterns) or str(entry.cell)
                about = f"no file here matches {shown!r} (cell {entry.cell or 'not named'})"
                advice = "Correct the pattern, or the facts of this row reach no cell"
                if not entry.patterns and entry.cell is None:
                    about = "neither a cell nor a file is named"
                    advice = "Name one, or the facts of this row reach no cell"
                findings.append(
                    Finding(
                        code="row-without-file",
                        message=f"{entry.source}: {about}",
                        advice=advice,
                        where=entry.cell or "",
                    )
                )
        return findings

    def tables_gone(self, cells: Iterable[Cell]) -> list[Finding]:
        """Say which tables of the folders looked up are gone although facts of *cells* are from them: these stay."""
        left = {folder.as_posix() for folder, table in self._tables.items() if not table.folder}
        about: dict[str, list[str]] = {}
        for cell in cells:
            for folder in {table_folder(source) for source in cell.sources.values()} & left:
                about.setdefault(folder, []).append(cell.key)
        return [
            Finding(
                code="table-gone",
                severity=Severity.INFO,
                message=f"{Path(folder).name} has no cells.csv any more; what it said of {name_some(names)} stays",
                advice="To take a fact back: lirich cells NAME --unset FIELD; a row that is taken out of a table, or a "
                "table without rows, takes back what it said",
            )
            for folder, names in about.items()
        ]

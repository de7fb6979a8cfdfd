"""What a user says of files: their cells and facts, on the command line and in the tables beside and above them."""

from __future__ import annotations

import difflib
import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from lirich.errors import ConflictingMetadataError, LirichError, quoted
from lirich.model import Cell, Finding, Sample, Scalar, Severity, Test
from lirich.model.listing import name_some
from lirich.workbench.intake.celltables import BY_HAND, CellTable, Entry, agree, composed, file_stem
from lirich.workbench.intake.continuing import without_counter
from lirich.workbench.intake.fact_sources import named_by_hand, table_folder
from lirich.workbench.intake.reach import Reach
from lirich.workbench.intake.table_files import has_tables, read_cell_tables
from lirich.workbench.intake.taking_back import of_file


class Claims:
    """What is said of files.

    The tables that speak of a file are those of its own folder and of the folders above it, up to the one that is
    added; what a nearer one says goes before.

    Parameters
    ----------
    cell:
        The cell that all files belong to, where the user said so.
    options:
        Facts from the command line; they go before everything else.
    folders:
        The folders that are added. Of a file that is named itself the tables beside it speak alone.
    """

    def __init__(self, cell: str | None = None, options: Entry | None = None, folders: Iterable[Path] = ()) -> None:
        self._cell = None if cell is None else composed(cell)
        self._options = options
        self._added = [Path(os.path.abspath(folder)) for folder in folders]
        self._above: dict[Path, list[Path]] = {}
        self._tables: dict[Path, CellTable] = {}
        self._reach: dict[Path, Reach] = {}
        self._places: dict[str, list[tuple[Path, PurePosixPath]]] = {}
        self._files: list[Path] = []
        self.tables: list[CellTable] = []
        """The tables that are read, the one that goes before first: that of the folder whose files come last.

        That of a folder above goes after those of the folders in it, and last those rows of each that are about no
        file, of cells of whose files their table does not speak.
        """

    def look_up(self, files: Mapping[Path, str], known: Mapping[str, Collection[str]]) -> None:
        """Read the tables about *files*, given with their hashes; *known* has by hash the cells that they are of.

        Raises `MetadataError` where one is wrong.
        """
        below: dict[Path, dict[PurePosixPath, Path]] = {}
        for path, digest in files.items():
            for folder, relative in reversed(self._speaking(path)):  # those above first: they go after the nearer ones
                if folder not in self._tables:
                    self._tables[folder] = read_cell_tables(folder)
                below.setdefault(folder, {})[relative] = path
                self._places.setdefault(digest, []).append((folder, relative))
        named: set[Path] = set()
        for folder, paths in reversed(below.items()):
            beside = _beside(folder) if self._tables[folder].folder else []
            digests = {**dict.fromkeys(beside), **{relative: files[path] for relative, path in paths.items()}}
            nearer = {relative for relative, path in paths.items() if path in named}
            self._reach[folder] = reach = Reach(self._tables[folder], digests, nearer)
            named |= {path for relative, path in paths.items() if reach.names(relative)}
        self._files += files
        speak: dict[str | None, set[Path]] = {}  # by cell, the folders whose tables speak of a file of it
        for path, digest in files.items():
            stated = self.cell_of(path)
            by_name = (file_stem(path), without_counter(path))
            for cell in (stated,) if stated else known.get(digest, by_name):
                speak.setdefault(cell, set()).update(folder for folder, _ in self._speaking(path))
        apart = {
            id(entry)
            for folder, reach in self._reach.items()
            for entry, _ in reach.without_file
            if folder not in speak.get(entry.cell, ())
        }
        tables = [table for table in reversed(self._tables.values()) if table.folder]
        self.tables = [
            replace(table, entries=tuple(entry for entry in table.entries if (id(entry) in apart) is last))
            for last in (False, True)
            for table in tables
        ]

    def _speaking(self, path: Path) -> list[tuple[Path, PurePosixPath]]:
        """Return the folders whose tables speak of the file, the nearest first, with its path below each."""
        parent = path.parent
        if parent not in self._above:
            plain = Path(os.path.abspath(parent))
            inside = [folder for folder in self._added if plain.is_relative_to(folder)]
            count = max((len(plain.parts) - len(folder.parts) for folder in inside), default=0)
            self._above[parent] = [parent.resolve(), *(folder.resolve() for folder in plain.parents[:count])]
        names = Path(os.path.abspath(path)).parts
        return [(folder, PurePosixPath(*names[-n:])) for n, folder in enumerate(self._above[parent], start=1)]

    def speakers(self, path: Path) -> list[str]:
        """Return the folders of the tables that speak of the file."""
        return [self._tables[folder].folder for folder, _ in self._speaking(path) if self._tables[folder].folder]

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
        self, key: str, path: Path, test: Test, kept: Sequence[Test], known: Cell | None
    ) -> tuple[list[Entry], list[Entry], list[Entry]]:
        """Return all that is said of the cell *key*: on the command line, in the tables, and by the file of *test*.

        *kept* are the tests of the cell, *known* the cell as it was. It is all, whichever of its files it stands
        beside: no file's turn decides. Of a cell that the user named that is what its files' rows say, under any name.
        """
        own = self._entries(path)
        by_hand = [entry for entry in own if entry is self._options]
        speakers = self.speakers(path)
        chosen = self._cell is not None or named_by_hand(known)
        spoke = {table_folder(source) for source in known.sources.values()} if chosen and known is not None else set()
        near = {id(entry) for entry in own}
        for digest in {present.raw.sha256 for present in kept}:
            for folder, relative in self._places.get(digest, ()):
                near |= {id(entry) for entry in self._reach[folder].about(relative) if chosen or entry.cell is None}
        names = [file.name for present in kept for file in (present.raw, *present.replaces)]
        of_table: list[Entry] = []
        for table in self.tables:
            there = names if table.folder in speakers else ()
            named = table.entries_about(key, there, by_any_name=table.folder in spoke)
            about = near | {id(entry) for entry in named}
            of_table += [entry for entry in table.entries if id(entry) in about]
        return by_hand, of_table, [of_file(test)]

    def _entries(self, path: Path) -> list[Entry]:
        options = () if self._options is None else (self._options,)
        rows = [row for folder, relative in self._speaking(path) for row in self._reach[folder].rows(relative)]
        return [*options, *rows]

    def rows_without_file(
        self, added: Collection[str], cells: Mapping[str, Cell], samples: Mapping[str, Sample]
    ) -> list[Finding]:
        """Say which rows of the tables in the folders that are added are about no file there: a name may be misspelt.

        *added* are the cells of what was added; all *cells* and *samples* tell whether a row's facts are used.
        """
        findings = []
        several = len({table.folder for table in self.tables}) > 1
        for folder, reach in self._reach.items():
            place = f"{folder.name}/" if several else ""
            inside = any(folder.is_relative_to(added.resolve()) for added in self._added)
            for entry, nearer in reach.without_file if inside else ():
                if entry.cell in added and (nearer or not entry.patterns):
                    continue  # a cell of other files: the row is about the cell by its name
                findings.append(_without_file(entry, reach, nearer, place, _becomes(entry, cells, samples)))
        return findings

    def tables_not_used(self, found: Iterable[Path], cells: Iterable[Cell]) -> list[Finding]:
        """Say which tables are not read: those *found* in the folders added without a file below, and those above them.

        A table above is one whose rows name files that were added, unless *cells* have its facts already.
        """
        read = {*self._tables}
        unused = [path for path in found if path.parent.resolve() not in read] if self._files else []
        findings = [
            Finding(
                code="table-not-used",
                message=f"{path.parent.name}/{path.name} is not used: no file that was added is in its folder or below",
                advice="Move it beside the files, or into a folder above them that is added with it",
                where=path.parent.name,
            )
            for path in unused
        ]
        known = {table_folder(source) for cell in cells for source in cell.sources.values()}
        tops: dict[Path, dict[PurePosixPath, str | None]] = {}
        for path in self._files:
            top, relative = self._speaking(path)[-1]
            if not any(self._reach[folder].about(name) for folder, name in self._speaking(path)):
                tops.setdefault(top.parent, {})[PurePosixPath(top.name, relative)] = None
        for folder, paths in tops.items():
            if folder in read or folder.as_posix() in known or not has_tables(folder):
                continue
            if _about_one(folder, paths):
                findings.append(
                    Finding(
                        code="table-not-used",
                        message=f"The table about cells in {folder.name} is not used: it is above what was added",
                        advice=f"To use it: lirich add {quoted(str(folder))}",
                        where=folder.name,
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


def _beside(folder: Path) -> list[PurePosixPath]:
    return [PurePosixPath(path.name) for path in folder.iterdir() if path.is_file()]


def _about_one(folder: Path, paths: Mapping[PurePosixPath, str | None]) -> bool:
    """Tell whether a row of the tables in the folder is about one of *paths* below it, or the tables are wrong."""
    try:
        reach = Reach(read_cell_tables(folder), paths)
    except LirichError:
        return True
    return any(reach.about(path) for path in paths)


def _becomes(entry: Entry, cells: Mapping[str, Cell], samples: Mapping[str, Sample]) -> str:
    """Say what became of the facts of a row that is about no file: whether a cell or a sample has one of it."""
    cell = cells.get(entry.cell or "")
    sample = samples.get((entry.sample or (entry.cell if cell is None else cell.sample)) or "")
    of_cell = entry.cell_fields if entry.sample is None else {**entry.cell_fields, "sample": entry.sample}
    if cell is None and sample is not None and _has_one(sample, entry.sample_fields, entry.kept_as):
        return f"what it says of the sample {sample.key} is used all the same"
    if cell is None:
        return "its facts reach no cell"
    used = _has_one(cell, of_cell, entry.kept_as) or _has_one(sample, entry.sample_fields, entry.kept_as)
    held = "its facts are used all the same, as" if used else "no fact in use is from it;"
    return f"{held} other files are of {cell.key}"


def _has_one(thing: Cell | Sample | None, said: Mapping[str, Scalar], source: str) -> bool:
    """Tell whether the cell or sample has one of the facts *said* from the *source*."""
    if thing is None:
        return False
    facts = {**thing.model_dump(), **thing.extra}
    return any(thing.sources.get(name) == source and agree(facts[name], value) for name, value in said.items())


def _without_file(entry: Entry, reach: Reach, nearer: Sequence[PurePosixPath], place: str, becomes: str) -> Finding:
    """Say that a row is about no file, what *becomes* of its facts, and which file it may mean."""
    if not entry.patterns and entry.cell is None:
        about = "neither a cell nor a file is named"
        advice = "Name one, or the facts of this row reach no cell"
    elif nearer:
        about = f"{nearer[0]} is of another cell than {entry.cell}, as the table nearer to it says"
        advice = "Correct one of the two, or the facts of this row reach no cell"
    else:
        shown = " or ".join(entry.patterns) or str(entry.cell)
        about = f"no file here matches {shown!r} (cell {entry.cell or 'not named'}); {becomes}"
        names = {name.casefold(): name for name in reach.left}
        near = difflib.get_close_matches(shown.casefold(), names, n=1, cutoff=0.75)
        meant = f": did you mean {names[near[0]]}?" if near else ""
        advice = f"Correct the pattern{meant}"
    return Finding(
        code="row-without-file", message=f"{place}{entry.source}: {about}", advice=advice, where=entry.cell or ""
    )

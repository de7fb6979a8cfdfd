"""Which files the rows of a table about cells are about: those in its folder, and those in the folders below it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from fnmatch import translate
from pathlib import PurePosixPath

from lirich.errors import ConflictingMetadataError
from lirich.workbench.intake.celltables import CellTable, Entry, composed, file_stem, folded

_WILD = frozenset("*?[")


class Reach:
    """Which of *files* each row of a table is about.

    A pattern with a folder is of the path below the table's folder. A name alone is also that of a file in a folder
    below, where one file there has it: two of the same name and different content are refused, unless one of them
    lies beside the table, which is then meant. A row that names no cell is of all files that its wildcards fit. A name
    that is a file's own goes before the pattern that it could be (``Zelle[2].ndax``).

    Parameters
    ----------
    table:
        What is said.
    files:
        The paths of files, below the folder of the table, with their content hash; ``None`` where it was not asked for.
    nearer:
        Those that a table nearer to them gives to a cell: rows that name a cell are not about these.
    """

    def __init__(
        self, table: CellTable, files: Mapping[PurePosixPath, str | None], nearer: Collection[PurePosixPath] = ()
    ) -> None:
        self.table = table
        self._files = files
        self._nearer = nearer
        self._named: dict[str, list[PurePosixPath]] = {}
        self._texts = [(path, folded(path.as_posix()), folded(path.name)) for path in files]
        self._stems: dict[str, list[PurePosixPath]] = {}
        for path in files:
            for name in {path.name, path.as_posix()}:
                self._named.setdefault(folded(name), []).append(path)
            self._stems.setdefault(file_stem(path), []).append(path)
        self._rows: dict[PurePosixPath, list[Entry]] = {}
        self._twice: dict[PurePosixPath, tuple[Entry, list[PurePosixPath]]] = {}
        self.without_file: list[tuple[Entry, list[PurePosixPath]]] = []
        """The rows that are about none of the files, with those that they would be about without a nearer table."""
        for entry in table.entries:
            found = self._about(entry)
            about = [path for path in found if entry.cell is None or path not in nearer]
            if not about:
                self.without_file.append((entry, found))
            for path in about:
                self._rows.setdefault(path, []).append(entry)

    @property
    def left(self) -> list[str]:
        """The names of the files that no row is about, without their folders."""
        return list({path.name: None for path in self._files if path not in self._rows})

    def about(self, path: PurePosixPath) -> list[Entry]:
        """Return all rows that are about the file."""
        return self._rows.get(path, [])

    def rows(self, path: PurePosixPath) -> list[Entry]:
        """Return all that is said of the file.

        Raises `ConflictingMetadataError` if rows of two cells claim it, or one whose name another file has too.
        """
        if path in self._twice:
            entry, same = self._twice[path]
            raise ConflictingMetadataError(
                f"{entry.source} is about {path.name}, which is in {' and in '.join(str(p.parent) for p in same)}",
                expected="one file for a name without its folder",
                advice=f"Write the folder in the column file: {same[0]}; or */{path.name}, if all are of one cell",
            )
        found = self.about(path)
        cells = {entry.cell for entry in found if entry.cell is not None}
        if len(cells) > 1:
            raise ConflictingMetadataError(
                f"{path.name} is claimed by {', '.join(sorted(cells))} in {found[0].source}",
                expected="one cell for each file",
                advice="Make the file patterns narrower",
            )
        return found

    def names(self, path: PurePosixPath) -> bool:
        """Tell whether a row names the cell of the file, or would if it were clear which file it is about."""
        return path in self._twice or any(entry.cell for entry in self.about(path))

    def _about(self, entry: Entry) -> list[PurePosixPath]:
        found: dict[PurePosixPath, None] = {}
        if not entry.patterns:
            found.update(dict.fromkeys(self._one_of_each(entry, self._stems.get(entry.cell or "", ()))))
        for pattern in entry.patterns:
            exact = self._named.get(folded(pattern), [])
            literal = [p for p in exact if pattern in (p.name, p.as_posix())]
            matching: Iterable[PurePosixPath] = literal or exact
            if not exact and not _WILD.isdisjoint(pattern):
                fitting = re.compile(translate(folded(pattern))).match
                matching = [p for p, whole, name in self._texts if fitting(whole if "/" in pattern else name)]
            if "/" not in pattern and (exact or entry.cell is not None):
                matching = self._one_of_each(entry, matching)
            found.update(dict.fromkeys(matching))
        return list(found)

    def _one_of_each(self, entry: Entry, paths: Iterable[PurePosixPath]) -> list[PurePosixPath]:
        """Return one path of each name, or copies of it; those of names that are not clear are kept as such."""
        by_name: dict[str, list[PurePosixPath]] = {}
        for path in paths:
            by_name.setdefault(composed(path.name), []).append(path)
        found = []
        for each in by_name.values():
            same = [path for path in each if path not in self._nearer] or each
            beside = [path for path in same if len(path.parts) == 1]
            if not beside and same[0] not in self._nearer and len({self._files[path] for path in same}) > 1:
                self._twice.update(dict.fromkeys(same, (entry, same)))
            found += beside or same
        return found

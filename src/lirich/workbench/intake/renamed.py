"""A file under another name that has grown too: of which test, that was there before, it is an export."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import combinations
from math import floor, isclose
from typing import TYPE_CHECKING

from lirich.errors import CorruptStoreError, quoted
from lirich.model import Finding, Severity, Test
from lirich.model.table import CURRENT, VOLTAGE
from lirich.store.documents import natural
from lirich.workbench.intake.reexport import SAME_NUMBER, Exports, exports_of, named

if TYPE_CHECKING:
    from lirich.store import Store


_FIRST = 3
"""So many rows at the beginning say whether it is worth to read two tests whole."""


class Former:
    """The tests of cycling that were there before an *add*, by the second in which they began (``None``: no clock)."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._by_second: dict[int | None, list[Test]] | None = None
        self._found: dict[tuple[str, str], Test | None] = {}
        self._begun: dict[str, tuple[float, ...]] = {}

    def other_export(self, test: Test, cell: str) -> Test | None:
        """Return the test of another cell of which *test*, read now and to be of *cell*, is an export as well.

        ``None`` where a test of *cell* is another export of it, or none is. Without clock times every test that begins
        at zero could be meant: it is then looked for among files of its name, and among all where *cell* has other
        tests, which it could be mixed with. It is looked for once: what was there before stays the same.
        """
        if test.kind != "cycling":
            return None
        asked = (test.key, cell)
        if asked not in self._found:
            self._found[asked] = self._look_for(test, cell)
        return self._found[asked]

    def _look_for(self, test: Test, cell: str) -> Test | None:
        if self._by_second is None:
            self._by_second = {}
            for there in self._store.tests():
                self._by_second.setdefault(_second(there), []).append(there)
        second = _second(test)
        seconds = (None,) if second is None else (second - 1, second, second + 1)
        near = [there for s in seconds for there in self._by_second.get(s, ())]
        own = [there for there in near if there.cell == cell]
        said = test.model_copy(update={"cell": cell})
        if any(self._is_one(said, there) for there in own):
            return None
        if second is None and not own:
            near = [there for there in near if there.raw.name == test.raw.name]
        others = [there for there in near if there.cell != cell and self._may_begin_alike(test, there)]
        others.sort(key=lambda there: natural(there.cell))
        return next((there for there in others if self._is_one(said, there)), None)

    def _may_begin_alike(self, test: Test, there: Test) -> bool:
        """Tell by the first voltages, each read once, whether *there*, of another cell, is worth to be read whole."""
        shown = max(0, min(_FIRST, test.rows - 1, there.rows - 1))  # the last row may have been cut
        mine, its = self._first_voltages(test)[:shown], self._first_voltages(there)[:shown]
        return len(mine) == len(its) and all(isclose(a, b, rel_tol=SAME_NUMBER) for a, b in zip(mine, its, strict=True))

    def _first_voltages(self, test: Test) -> tuple[float, ...]:
        if test.curve not in self._begun:
            try:
                first = self._store.read_curve(test.curve, columns=[VOLTAGE]).head(_FIRST)
            except CorruptStoreError:  # `lirich doctor` says so
                self._begun[test.curve] = ()
            else:
                self._begun[test.curve] = tuple(first[VOLTAGE].to_list())
        return self._begun[test.curve]

    def _is_one(self, test: Test, there: Test) -> bool:
        return exports_of(self._store, test, [there]) != Exports()


def _second(test: Test) -> int | None:
    return None if test.start_unix_second is None else floor(test.start_unix_second)


def counted_twice(store: Store, tests: Sequence[Test]) -> list[Finding]:
    """Say which of *tests*, just added, are exports of a test that another cell has too."""
    former = Former(store)
    pairs: dict[frozenset[str], tuple[Test, Test]] = {}
    for test in tests:
        other = former.other_export(test, test.cell)
        if other is not None:
            shorter, longer = sorted((test, other), key=lambda t: (t.rows, t.key))
            pairs.setdefault(frozenset((test.key, other.key)), (shorter, longer))
    return [_twice(shorter, longer) for shorter, longer in pairs.values()]


def in_two_cells(store: Store, cells: Collection[str]) -> list[Finding]:
    """Say which tests of *cells* are the same points or exports of one test in two of them.

    Only tests that begin at the same time with the same rows are read whole.
    """
    begun: dict[tuple[int | None, float | None], list[Test]] = {}
    for test in store.tests():
        if test.cell in cells and test.kind == "cycling" and test.duration_second is not None and test.rows > _FIRST:
            begun.setdefault((_second(test), test.start_time_second), []).append(test)
    alike: dict[object, list[Test]] = {}
    for began, tests in begun.items():
        if len({test.cell for test in tests}) < 2:
            continue
        for test in tests:
            try:
                first = store.read_curve(test.curve, columns=[VOLTAGE, CURRENT]).head(_FIRST)
            except CorruptStoreError:  # `lirich doctor` says so
                continue
            alike.setdefault((began, tuple(first.rows())), []).append(test)
    return [
        _twice(*sorted(pair, key=lambda t: (t.rows, t.key)))
        for tests in alike.values()
        for pair in combinations(tests, 2)
        if pair[0].cell != pair[1].cell
        and (pair[0].curve == pair[1].curve or exports_of(store, pair[0], [pair[1]]) != Exports())
    ]


def _twice(shorter: Test, longer: Test) -> Finding:
    from lirich.workbench.simulation.simulate import READER

    if shorter.reader == longer.reader == READER:
        first, second = sorted((shorter.cell, longer.cell), key=natural)
        return Finding(
            code="test-in-two-cells",
            severity=Severity.WARNING,
            message=f"The cells {first} and {second} are one simulation under two names, which counts twice",
            advice=f"Leave one of them out, or lirich cells {quoted(second)} --remove",
            where=first,
        )
    return Finding(
        code="test-in-two-cells",
        severity=Severity.WARNING,
        message=f"{shorter.raw.name} of the cell {shorter.cell} and {longer.raw.name} of the cell {longer.cell} "
        "are exports of one test, which counts twice",
        advice=f"lirich add {quoted(shorter.raw.name)} --cell {quoted(longer.cell)} --reassign",
        where=shorter.cell,
    )


def stays(test: Test, other: Test, name: str, *, newer: bool) -> Finding:
    """Say that *test* is of the cell of *other*, an export of the same test, although its file is called *name*.

    The *newer* of the two stands for both: it is the one that can be given another cell.
    """
    whole = test if newer else other
    return Finding(
        code="export-renamed",
        severity=Severity.WARNING,
        message=f"{test.raw.name} is taken for the cell {other.cell}, not {name}: it has the rows of {named(other)}",
        advice=f"If the cell is to be called otherwise: lirich add {quoted(whole.raw.name)} --cell NAME --reassign",
        where=other.cell,
    )


def by_name_alone(test: Test, others: Sequence[Test]) -> Finding:
    """Say that *test* came to the cell of *others* by the name of its file, and does not continue them."""
    files = ", ".join(named(other) for other in others if other.kind == "cycling")
    return Finding(
        code="cell-by-name",
        severity=Severity.INFO
        if all(other.added_unix_second == test.added_unix_second for other in others)
        else Severity.WARNING,
        message=f"{test.raw.name} is taken for the cell {test.cell} by its name alone: its clock and cycle numbers do "
        f"not go on from {files}",
        advice="Say in a cells.csv that it is of that cell, or "
        f"lirich add {quoted(test.raw.name)} --cell NAME --reassign",
        where=test.cell,
    )

"""What a notebook sees of all cells of a workspace: each by its name, and a table of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from lirich.errors import UnknownNameError
from lirich.model import Origin, Value
from lirich.model.flags import Marks
from lirich.model.format import format_value
from lirich.model.notebook import html_lines, html_table
from lirich.workbench.views import CellView

if TYPE_CHECKING:
    from lirich.store import Store


class CellBook(Mapping[str, CellView]):
    """The cells of a workspace by name; a wrong name offers the nearest."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def __getitem__(self, key: str) -> CellView:
        if not isinstance(key, str):
            raise UnknownNameError.of("cell", str(key), self)
        return CellView(self._store, key)

    def __contains__(self, key: object) -> bool:
        return key in self._store.cell_keys()

    def __iter__(self) -> Iterator[str]:
        return iter(self._store.cell_keys())

    def __len__(self) -> int:
        return len(self._store.cell_keys())

    def __repr__(self) -> str:
        return f"<{len(self)} cells: {', '.join(self)}>"

    def _repr_html_(self) -> str:
        samples = self._store.samples()
        tests: dict[str, int] = {}
        for test in self._store.tests():
            tests[test.cell] = tests.get(test.cell, 0) + 1
        cycles, marks = self._cycles(), Marks()
        efficiencies = self._efficiencies(key for key, runs in cycles.items() if len(runs) > 1)
        rows = []
        for key, cell in self._store.cells().items():
            sample = samples.get(cell.sample) if cell.sample else None
            ice = efficiencies.get(key)
            rows.append(
                (
                    key,
                    _shown(cell.sample),
                    _shown(sample.morphology if sample else None),
                    _shown(cell.active_mass_mg),
                    tests.get(key, 0),
                    max(cycles[key], default="impedance") if key in cycles else "not analysed",
                    "" if ice is None else format_value(ice, unit=False) + marks.of(ice.flags, where=key),
                    (Origin.SIMULATED if cell.simulated else Origin.MEASURED).value,
                )
            )
        heads = ("cell", "sample", "SC/PC", "active mass / mg", "files", "cycles", "ICE / %", "origin")
        return html_table(heads, rows, right=(3, 4, 5, 6)) + html_lines(marks.lines)

    def _cycles(self) -> dict[str, list[int]]:
        """Return how many cycles each run of each analysed cell has, by its protocol: no curve is opened for it."""
        found: dict[str, list[int]] = {}
        for run in self._store.bare_analyses():
            runs = found.setdefault(run.cell, [])
            if run.kind == "cycling":
                spans = ((s["first_cycle"], s["last_cycle"]) for s in run.segments if s.get("purpose", True))
                runs.append(sum(last - max(first, 1) + 1 for first, last in spans))
        return found

    def _efficiencies(self, several: Iterable[str]) -> dict[str, Value]:
        """Return the initial Coulombic efficiency of each cell that has one; of *several* runs that of the longest."""
        key = "initial_coulombic_efficiency"
        origins = (Origin.MEASURED.value, Origin.SIMULATED.value)
        found = {v.subject.key: v for v in self._store.values(quantity=key, origin=origins, subject_kind="cell")}
        for cell in set(several) & set(found):
            found[cell] = next((v for v in self[cell].values if v.quantity == key), found[cell])
        return found


def _shown(fact: object) -> str:
    return "not given" if fact is None else str(fact)

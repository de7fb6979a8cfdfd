"""The facts of a cell in the catalogue: entered, answered by hand, and those that are wanted."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING

from lirich.model import Cell, Finding, Sample, Severity, Test
from lirich.workbench.celltables import BY_HAND, SAMPLE_FIELDS, CellTable, Entry
from lirich.workbench.metadata import FACT_CODES, about, meant, named, resolve

if TYPE_CHECKING:
    from lirich.store.things import Things


def enter_facts(
    things: Things,
    key: str,
    entries: Iterable[Entry],
    table: CellTable | None = None,
    *,
    named_by: str = "",
    anew: Collection[str] = (),
) -> list[Finding]:
    """Enter what *entries* say of a cell and its sample beside what is known; return what was noticed.

    *table* is what stands beside the cell's file about other cells; *named_by* is the source of the cell's name, empty
    where nobody chose it; *anew* are the sources that are files which were read anew.

    Raises `MetadataError` if a fact is impossible.
    """
    facts = resolve(
        key,
        entries,
        known_cell=things.find(Cell, key),
        known_sample=lambda sample: things.find(Sample, sample),
        table=table,
        anew=anew,
    )
    if facts.sample is not None:
        things.put(facts.sample)
    things.put(facts.cell if not named_by else named(facts.cell, named_by))
    return facts.findings


def with_facts(test: Test, findings: Sequence[Finding]) -> Test:
    """Return the test with these findings about facts instead of those of an earlier time."""
    others = [f for f in test.findings if f.code not in FACT_CODES]
    return test.model_copy(update={"findings": (*others, *(f for f in findings if f not in others))})


def answered(things: Things, key: str, names: Sequence[str]) -> None:
    """Drop what was found about facts that have been said or taken back by hand since."""
    cell = things.one(Cell, key)
    of_sample = cell.sample is not None and not set(names).isdisjoint(SAMPLE_FIELDS)
    cells = [c.key for c in things.all(Cell).values() if c.sample == cell.sample] if of_sample else [key]
    for test in (test for each in cells for test in things.tests(each)):
        left = tuple(f for f in test.findings if not any(about(f, name) for name in names))
        if left != test.findings:
            things.replace_test(test.model_copy(update={"findings": left}))


def facts_wanted(cell: Cell, sample: Sample | None) -> list[Finding]:
    """Ask by name for the facts that the usual figures need and nobody gave."""
    wanted: list[tuple[str, str]] = []
    if cell.electrode is None:
        wanted.append(("electrode", "the convention of the Coulombic efficiency (cathode, anode or full)"))
    if cell.active_mass_mg is None:
        wanted.append(("active_mass_mg", "capacities per gram"))
    if cell.one_c_ma_g is None:
        wanted.append(("one_c_ma_g", "C-rates: the specific current that 1C means"))
    if sample is None or sample.morphology is None:
        wanted.append(("morphology", "a comparison of SC with PC"))
    if sample is None or sample.composition is None:
        wanted.append(("composition", "the formal split of the first charge between metals and oxygen"))
    columns: dict[str, str] = {}
    for column in (c for c in cell.extra if cell.sources.get(c) != BY_HAND):
        columns.setdefault(meant(column) or "", column)
    return [
        Finding(
            code=f"missing-{name.replace('_', '-')}",
            severity=Severity.INFO,
            message=f"{name} of {cell.key} is not given; it is needed for {purpose}",
            advice=(f"Rename the column {columns[name]} to {name}, if it is that; or " if name in columns else "")
            + f"lirich cells {cell.key} --set {name}=…, or a cells.csv beside the files",
            where=cell.key,
        )
        for name, purpose in wanted
    ]

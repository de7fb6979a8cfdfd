"""The facts of a cell in the catalogue: entered, answered by hand, and those that are wanted."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING

from lirich.errors import quoted
from lirich.model import Cell, Finding, Sample, Scalar, Severity, Test
from lirich.model.listing import name_some
from lirich.store.documents import natural
from lirich.workbench.intake.celltables import BY_HAND, SAMPLE_FIELDS, CellTable, Entry, T, agree, written
from lirich.workbench.intake.column_names import meant
from lirich.workbench.intake.differing import FACT_CODES, Said, about, differing
from lirich.workbench.intake.doubtful_facts import doubtful
from lirich.workbench.intake.fact_sources import FROM_FILE, named, short_source
from lirich.workbench.intake.metadata import resolve
from lirich.workbench.intake.taking_back import Others, contradicted, of_file, take_back

if TYPE_CHECKING:
    from lirich.store.things import Things


_MASS = "active_mass_mg"


def enter_facts(
    things: Things,
    key: str,
    entries: Iterable[Entry],
    tables: Sequence[CellTable] = (),
    *,
    speakers: Collection[str] = (),
    named_by: str = "",
    anew: Collection[str] = (),
    file: str = "",
) -> list[Finding]:
    """Enter what *entries* say of a cell and its sample beside what is known; return what was noticed.

    *tables* are those that are read now, the one that goes before first; *speakers* are the folders of those
    that speak of the cell's file; *named_by* is the source of the cell's name, empty where nobody chose it; *anew* are
    the sources that are files which were read anew. What was found at tests of other files than *file* (a hash) about
    facts that are others now, or said by others, is dropped, and so is what was found about a sample that the cell is
    not of any more.

    Raises `MetadataError` if a fact is impossible.
    """
    before = things.find(Cell, key)
    others: dict[type[Cell | Sample], Others] = {}  # their tables are read where something is withdrawn, and once

    def elsewhere(thing: Cell | Sample, name: str) -> list[tuple[Scalar, Entry]]:
        if type(thing) not in others:
            others[type(thing)] = Others(things, before or Cell(key=key), thing)
        return [(value, entry) for value, entry, now in others[type(thing)].of(name) if now]

    facts = resolve(
        key,
        entries,
        known_cell=before,
        known_sample=lambda sample: things.find(Sample, sample),
        tables=tables,
        speakers=speakers,
        anew=anew,
        elsewhere=elsewhere,
    )
    if facts.sample is not None:
        _overtaken(things, key, things.find(Sample, facts.sample.key), facts.sample, facts.findings, file)
        things.put(facts.sample)
    _overtaken(things, key, before, facts.cell, facts.findings, file)
    things.put(facts.cell if not named_by else named(facts.cell, named_by))
    _of_another_sample(things, key, before, facts.findings, file)
    return facts.findings


def _overtaken(things: Things, key: str, before: T | None, now: T, findings: Sequence[Finding], file: str) -> None:
    """Drop what was found at other tests than that of *file* about facts of a cell or sample that have changed.

    Where the file of such a test itself differs from what is used now, that is said instead.
    """
    old, new = ({} if thing is None else _facts(thing) for thing in (before, now))
    changed = [name for name in old.keys() | new.keys() if old.get(name) != new.get(name)]
    if before is None or not changed:
        return
    of_sample = isinstance(now, Sample)
    cells = [c.key for c in things.all(Cell).values() if c.sample == now.key] if of_sample else [key]
    for test in (test for each in cells for test in things.tests(each) if test.raw.sha256 != file):
        gone = [n for n in changed if any(about(f, n) and f not in findings for f in test.findings)]
        if gone:
            told = [f for f in test.findings if f not in findings and any(about(f, n) for n in gone)]
            _retell(things, test, told, now, gone)


def _of_another_sample(
    things: Things, key: str, before: Cell | None, findings: Sequence[Finding] = (), file: str = ""
) -> None:
    """Drop what was found at tests of the cell about the sample that it was of *before*, as `_overtaken` does."""
    sample = None if before is None else before.sample
    now = things.one(Cell, key).sample
    if sample is None or sample == now:
        return
    into = None if now is None else things.find(Sample, now)
    beginnings = tuple(f"{name} of {sample} " for name in SAMPLE_FIELDS)
    for test in (test for test in things.tests(key) if test.raw.sha256 != file):
        about_it = [f for f in test.findings if f.code in FACT_CODES and f.message.startswith(beginnings)]
        _retell(things, test, [f for f in about_it if f not in findings], into, SAMPLE_FIELDS)


def _retell(
    things: Things, test: Test, old: Sequence[Finding], thing: Cell | Sample | None, names: Iterable[str]
) -> None:
    """Drop the findings *old* of the test.

    Where the file of the test itself differs from what *thing* has for the facts *names*, that is said instead.
    """
    left = [f for f in test.findings if f not in old]
    if thing is not None:
        own, facts = of_file(test), _facts(thing)
        said = {**own.cell_fields, **own.sample_fields}
        for name in (name for name in names if name in said and name in facts):
            value, source = facts[name]
            used, other = Said(value, short_source(source), source), Said(said[name], own.source, own.kept_as)
            left += [f for f in differing(test.cell, thing.key, name, used, [other]) if f not in left]
    if tuple(left) != test.findings:
        things.replace_test(test.model_copy(update={"findings": tuple(left)}))


def _facts(thing: Cell | Sample) -> dict[str, tuple[Scalar, str]]:
    """Return each fact that is given, with who said so."""
    data = {**thing.model_dump(exclude={"key", "extra", "sources", "recipe"}), **thing.extra}
    return {name: (value, thing.sources.get(name, "")) for name, value in data.items() if value is not None}


def with_facts(test: Test, findings: Sequence[Finding]) -> Test:
    """Return the test with these findings about facts instead of those of an earlier time."""
    others = [f for f in test.findings if f.code not in FACT_CODES]
    return test.model_copy(update={"findings": (*others, *(f for f in findings if f not in others))})


def told_of(test: Test, cell: Cell) -> list[Finding]:
    """Return what was found at the test, without a mass of the file that somebody else states for the cell as well."""
    said, stated = test.metadata.get(_MASS), cell.active_mass_mg
    by_file = cell.sources.get(_MASS, "").startswith(FROM_FILE)
    confirmed = said is not None and stated is not None and not by_file and agree(said, stated)
    return [f for f in test.findings if not (confirmed and f.code == "active-mass-from-file")]


def answered(things: Things, key: str, names: Sequence[str]) -> None:
    """Drop what was found about facts that have been said or taken back by hand since."""
    cell = things.one(Cell, key)
    of_sample = cell.sample is not None and not set(names).isdisjoint(SAMPLE_FIELDS)
    cells = [c.key for c in things.all(Cell).values() if c.sample == cell.sample] if of_sample else [key]
    for test in (test for each in cells for test in things.tests(each)):
        left = tuple(f for f in test.findings if not any(about(f, name) for name in names))
        if left != test.findings:
            things.replace_test(test.model_copy(update={"findings": left}))


def say_by_hand(things: Things, key: str, said: Entry, gone: Sequence[str]) -> list[Finding]:
    """Enter what a user *said* of the cell *key* and its sample, and take back the facts *gone*; say what follows.

    Raises `UnknownNameError` on the cell or a fact that is not given, `MetadataError` on a value.
    """
    things.one(Cell, key)
    names = [*said.cell_fields, *said.sample_fields, *(["sample"] if said.sample else [])]
    answered(things, key, [*names, *gone])
    found: list[Finding] = []
    if names:
        before = things.all(Sample)
        found += enter_facts(things, key, [said])
        cell = things.one(Cell, key)
        differs = contradicted(things, cell, cell, [n for n in names if n not in SAMPLE_FIELDS])
        sample = things.find(Sample, cell.sample) if cell.sample else None
        if sample is not None and said.sample_fields:
            differs += contradicted(things, cell, sample, said.sample_fields)
            found += _shared(things, cell, before.get(sample.key), sample, list(said.sample_fields))
        for test in things.tests(key)[:1] if differs else []:
            things.replace_test(test.model_copy(update={"findings": (*test.findings, *differs)}))
        found += differs
    was = things.one(Cell, key)
    found += take_back(things, key, gone)
    _of_another_sample(things, key, was)
    now = things.one(Cell, key)
    return [*found, *doubtful(now, things.find(Sample, now.sample) if now.sample else None, [*names, *gone])]


def _shared(things: Things, cell: Cell, before: Sample | None, sample: Sample, names: Sequence[str]) -> list[Finding]:
    """Say which other cells are of the sample of which something was said by hand."""
    changed = [n for n in names if before is None or getattr(before, n) != getattr(sample, n)]
    others = sorted(
        (c.key for c in things.all(Cell).values() if c.sample == sample.key and c.key != cell.key), key=natural
    )
    if not changed or not others:
        return []
    facts = " and ".join(f"{name} {written(getattr(sample, name))}" for name in changed)
    corrected = before is not None and any(getattr(before, name) is not None for name in changed)
    own = cell.key if cell.key != sample.key else "NAME"
    back = " ".join(f"--unset {quoted(name)}" for name in changed)
    say = " ".join(f"--set {quoted(f'{name}={written(getattr(sample, name))}')}" for name in changed)
    command = f"lirich cells {quoted(cell.key)}"
    return [
        Finding(
            code="sample-shared",
            severity=Severity.WARNING if corrected else Severity.INFO,
            message=f"{sample.key} has {facts} now, and so have its other cells: {name_some(others)}",
            advice=f"If you mean {cell.key} alone: {command} {back}, then {command} "
            f"--set {quoted(f'sample={own}')} {say} (a sample of its own: state its other facts too)",
            where=cell.key,
        )
    ]


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
            + f"lirich cells {quoted(cell.key)} --set {name}=…, or a cells.csv beside the files",
            where=cell.key,
        )
        for name, purpose in wanted
    ]

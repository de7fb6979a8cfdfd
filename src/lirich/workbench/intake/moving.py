"""What was said of a cell goes with its files when they get another name."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from lirich.errors import ConflictingMetadataError, quoted
from lirich.model import Cell, Finding, Sample, Scalar, Severity, Test
from lirich.workbench.intake.celltables import BY_HAND, Entry, agree, written
from lirich.workbench.intake.fact_changes import forget
from lirich.workbench.intake.fact_sources import FROM_FILE, short_source, table_folder

if TYPE_CHECKING:
    from lirich.store.things import Things
    from lirich.workbench.intake.found_files import Candidate


@dataclass(frozen=True, slots=True)
class Move:
    """A known file and the cell that it is said to be of now; ``empties`` where all files of its cell before go.

    ``test`` is what is there; ``read`` is the file as it was read now, where it has grown since.
    """

    candidate: Candidate
    test: Test
    cell: str
    empties: bool = False
    read: Test | None = None

    def waits(self, why: str) -> ConflictingMetadataError:
        """Return the error of a file that cannot get the name of a cell that still has other files."""
        return ConflictingMetadataError(
            f"{self.candidate.path.name} of the cell {self.test.cell!r} is to get the name {self.cell!r} of another "
            f"cell, whose files {why}",
            expected="a name that is free when the file gets it",
            advice="Give one of them a name that no cell has, add the files, then give it the right one and add them "
            "with --reassign",
        )


def in_order(moves: Sequence[Move], tests_of: Callable[[str], Sequence[Test]]) -> tuple[list[Move], list[Move]]:
    """Return *moves* in an order in which a cell is left before others come to its name, and those in circles.

    *tests_of* gives the tests of a cell. A cell that keeps a file keeps its facts: to that one others may come at any
    time.
    """
    going: dict[str, set[str]] = {}
    for move in moves:
        if move.cell != move.test.cell:
            going.setdefault(move.test.cell, set()).add(move.test.key)
    emptied = {cell for cell, keys in going.items() if {test.key for test in tests_of(cell)} <= keys}
    waiting = [replace(move, empties=move.test.cell in emptied) for move in moves]
    ordered: list[Move] = []
    while waiting:
        full = {move.test.cell for move in waiting if move.empties}
        free = [move for move in waiting if move.cell not in full]
        if not free:
            break
        ordered += free
        waiting = [move for move in waiting if move.cell in full]
    return ordered, waiting


@dataclass(slots=True)
class Carried:
    """What goes from the cell ``old`` to its new name: facts by who said them, the segments, and what clashes."""

    old: str
    entries: list[Entry] = field(default_factory=list)
    segments: list[dict[str, Scalar]] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    own_sample: Sample | None = None
    """The sample of the cell's own name, whose facts go along."""

    @property
    def told(self) -> str:
        """What of it was said by hand, in words; empty where nothing was."""
        names = [n for e in self.entries if e.kept_as == BY_HAND for n in (*e.cell_fields, *e.sample_fields)]
        names += ["sample"] if any(e.sample and e.kept_as == BY_HAND for e in self.entries) else []
        count = len(self.segments)
        return ", ".join([*names, *([f"{count} segment{'s' if count > 1 else ''}"] if count else [])])


def carried(
    things: Things, leaving: Sequence[Test], key: str, own: Sequence[Entry], folders: Collection[str]
) -> list[Carried]:
    """Return what goes to the cell *key* from each cell that the tests *leaving* are all of.

    *own* is what is said of the cell *key* now; *folders* are those of the tables that speak of the files: what
    these and instruments' files say comes anew. What was said by hand of *key* before stays, and a difference is a
    finding.
    """
    gone = {test.key for test in leaving}
    found = []
    for old in sorted({test.cell for test in leaving} - {key}):
        cell = things.find(Cell, old)
        if cell is not None and {test.key for test in things.tests(old)} <= gone:
            found.append(_of(things, cell, key, own, folders))
    return found


def _of(things: Things, cell: Cell, key: str, own: Sequence[Entry], folders: Collection[str]) -> Carried:
    found = Carried(cell.key, segments=[r.correction for r in things.corrections(cell.key)])
    now = [entry for entry in own if entry.kept_as == BY_HAND]
    target = things.find(Cell, key)
    facts = _said(cell, {"key", "extra", "sources", "sample"}, folders)
    facts = _that_stay(facts, target, {n for e in now for n in e.cell_fields}, cell.key, key, found.findings)
    of_sample: dict[str, dict[str, Scalar]] = {}
    sample = things.find(Sample, cell.sample) if cell.sample == cell.key and not cell.sources.get("sample") else None
    if sample is not None and any(c.sample == sample.key for c in things.all(Cell).values() if c.key != cell.key):
        sample = None
    if sample is not None:  # the cell is its own sample: nobody else has its facts
        found.own_sample = sample
        named = [e.sample for e in own if e.sample] + ([target.sample] if target and target.sample else [])
        into = things.find(Sample, named[0] if named else key)
        of_sample = _said(sample, {"key", "extra", "sources", "recipe"}, folders)
        said = {n for e in now for n in e.sample_fields}
        of_sample = _that_stay(of_sample, into, said, cell.key, key, found.findings)
    belongs = cell.sources.get("sample", "")  # who said which sample it is of
    chosen = target is not None and target.sources.get("sample") == BY_HAND
    if belongs:
        along = not chosen and _goes_along(belongs, folders)
    else:  # a sample that others share, which nobody needed to name for this cell
        named_now = any(e.sample for e in own) or (target is not None and target.sample is not None)
        along = cell.sample is not None and sample is None and not named_now
    for source in dict.fromkeys((*facts, *of_sample, *([belongs] if along else []))):
        found.entries.append(
            Entry(
                cell=None,
                sample=cell.sample if along and source == belongs else None,
                patterns=(),
                cell_fields=facts.get(source, {}),
                sample_fields=of_sample.get(source, {}),
                source=short_source(source) or f"what was known of {cell.key}",
                kept_as=source,
            )
        )
    return found


def _goes_along(source: str, folders: Collection[str]) -> bool:
    return not source.startswith(FROM_FILE) and table_folder(source) not in folders


def _said(thing: Cell | Sample, without: set[str], folders: Collection[str]) -> dict[str, dict[str, Scalar]]:
    """Return the facts that go along by who said them; those of the files and of the tables in *folders* come anew."""
    found: dict[str, dict[str, Scalar]] = {}
    for name, value in {**thing.model_dump(exclude=without, exclude_defaults=True), **thing.extra}.items():
        source = thing.sources.get(name, "")
        if value is not None and _goes_along(source, folders):
            found.setdefault(source, {})[name] = value
    return found


def _that_stay(
    facts: dict[str, dict[str, Scalar]],
    into: Cell | Sample | None,
    said_now: set[str],
    old: str,
    key: str,
    findings: list[Finding],
) -> dict[str, dict[str, Scalar]]:
    """Return *facts* without what is said by hand now (*said_now*) or was, of the cell *key*, before: that stays."""
    there = {} if into is None else {**into.model_dump(exclude={"key", "extra", "sources"}), **into.extra}
    by_hand = {n for n, source in ({} if into is None else into.sources).items() if source == BY_HAND}
    for name, value in facts.get(BY_HAND, {}).items():
        if name in by_hand - said_now and there.get(name) is not None and not agree(there[name], value):
            findings.append(
                Finding(
                    code="metadata-differs",
                    severity=Severity.WARNING,
                    message=f"{name} of {key} is {written(there[name])}, as set by you; of {old}, whose files came to "
                    f"it, you said {written(value)}; {written(there[name])} is used",
                    advice=f"If that is wrong: lirich cells {quoted(key)} --set {quoted(f'{name}={written(value)}')}",
                    where=key,
                )
            )
    left = {
        source: {n: v for n, v in said.items() if n not in said_now and (source != BY_HAND or n not in by_hand)}
        for source, said in facts.items()
    }
    return {source: said for source, said in left.items() if said}


def settle_sample(things: Things, moved: Carried, key: str) -> None:
    """Empty the sample of a moved cell's own name: another cell that gets that name later is of another material.

    Its recipe goes to the sample of the cell *key*, if that has none, as its facts did. It stays where a cell is of it.
    """
    sample = moved.own_sample
    if sample is None or any(cell.sample == sample.key for cell in things.all(Cell).values()):
        return
    gone = [*sample.model_dump(exclude={"key", "extra", "sources", "recipe"}), *sample.extra]
    if sample.recipe is not None:
        cell = things.one(Cell, key)
        into = things.find(Sample, cell.sample or key) or Sample(key=cell.sample or key)
        if into.recipe is None:
            things.put(into.model_copy(update={"recipe": sample.recipe}))
            things.put(cell.model_copy(update={"sample": into.key}))
            gone.append("recipe")
    things.put(forget(sample, gone))


def move_segments(
    things: Things, moved: Iterable[Carried], key: str, came_from: Mapping[str, set[str]]
) -> list[Finding]:
    """Give the cell *key* the corrections of the protocol of the cells that were *moved*; return what is doubtful.

    Where the cell has files that were of another one, the numbers of its cycles may be others than before. *came_from*
    has the cells that files, by hash, were moved from just now.
    """
    findings = []
    for each in (m for m in moved if m.segments):
        others = any(each.old not in came_from.get(test.raw.sha256, ()) for test in things.tests(key))
        for segment in each.segments:
            things.put_correction(key, segment)
        things.clear_corrections(each.old)
        if others:
            shown = ", ".join(f"{s['first_cycle']}–{s['last_cycle']} {s['kind']}" for s in each.segments)
            findings.append(
                Finding(
                    code="segments-moved",
                    message=f"What you said of the cycles of {each.old} ({shown}) holds for {key} now, which has other "
                    "files too: cycles may have other numbers there",
                    advice=f"Look at the protocol: lirich cells {quoted(key)}; "
                    f"lirich cells {quoted(key)} --clear-segments forgets it",
                    where=key,
                )
            )
    return findings

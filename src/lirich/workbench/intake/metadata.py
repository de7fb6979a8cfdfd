"""What is known of a cell and its sample, put together from what was said by hand, tables and instruments' files.

What was said by hand (the command line, `Workspace.set_facts`), now or before, goes before tables
(`lirich.workbench.intake.celltables`), and these go before what the instrument's file says; a difference between them
is reported, never silent. Each fact keeps who said it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from lirich.errors import quoted
from lirich.model import Cell, Finding, Sample, Scalar
from lirich.workbench.intake.celltables import BY_HAND, CELL_FIELDS, SAMPLE_FIELDS, CellTable, Entry, agree, written
from lirich.workbench.intake.column_names import unclear_names
from lirich.workbench.intake.differing import Said, differing, sources_apart
from lirich.workbench.intake.fact_changes import Change, build
from lirich.workbench.intake.fact_sources import goes_before, in_words, rank, table_folder


@dataclass(slots=True)
class Facts:
    """A cell and its sample, put together from all sources, with what was noticed on the way."""

    cell: Cell
    sample: Sample | None
    findings: list[Finding] = field(default_factory=list)


def resolve(
    key: str,
    sources: Iterable[Entry],
    *,
    known_cell: Cell | None = None,
    known_sample: Callable[[str], Sample | None] = lambda _key: None,
    tables: Sequence[CellTable] = (),
    speakers: Collection[str] = (),
    anew: Collection[str] = (),
    elsewhere: Callable[[Cell | Sample, str], Iterable[tuple[Scalar, Entry]]] = lambda _thing, _name: (),
) -> Facts:
    """Put together what *sources* say of the cell *key*; earlier sources go before later ones.

    What the workspace knows already (*known_cell*, and of a sample what *known_sample* returns for its key) stays
    unless a source that goes before says otherwise, or the source that it came from: what was said by hand goes before
    tables, tables before instruments' files, and a table that is read now before one that was read before. What the
    tables that speak of the file (*speakers*, their folders) said before and do not say now is withdrawn, and so is
    what an instrument's file said that was read *anew* (the sources of such): then holds what others say, those that
    are not read now by *elsewhere*, which gives what they say of a fact of a cell or sample. *tables* are those that
    are read now, the one that goes before first: a sample's facts may stand in the row of another cell of it. A cell
    whose sample nobody named has one of its own name. A difference between sources becomes a finding
    ``metadata-differs``, with the value that is kept.
    Raises `MetadataError` where a fact has an impossible value.
    """
    entries = list(sources)
    findings: list[Finding] = []
    said = _collect((e, e.cell_fields if e.sample is None else {**e.cell_fields, "sample": e.sample}) for e in entries)
    speak = _Speakers(speakers, anew, {table.folder for table in tables}, entries, elsewhere)
    change = _against_known(key, key, said, speak, known_cell, findings)
    sample_key = known_cell.sample if known_cell else None
    if "sample" in change.new:
        sample_key = str(change.new["sample"][0])
    elif "sample" in change.withdrawn:
        sample_key = None
    if sample_key is None and any(e.sample_fields for e in entries):
        sample_key = key
    cell = build(Cell, key, change, CELL_FIELDS, known_cell, {"sample": sample_key} if sample_key else {})
    sample = None
    if sample_key is not None:
        rows = [entry for table in tables for entry in table.entries]
        others = [e for e in rows if e.of_sample == sample_key and e not in entries]
        of_sample = [(e, e.sample_fields) for e in (*entries, *others) if e.sample in (None, sample_key)]
        known = known_sample(sample_key)
        # in the order of the tables, whichever of the sample's cells is entered; the instrument's file goes last
        of_sample.sort(key=lambda item: (-rank(item[0].kept_as), rows.index(item[0]) if item[0] in rows else 0))
        change = _against_known(key, sample_key, _collect(of_sample), speak, known, findings)
        sample = build(Sample, sample_key, change, SAMPLE_FIELDS, known, {})
    first = {name: each[0] for name, each in said.items()}
    return Facts(cell, sample, [*findings, *unclear_names(cell, sample, first)])


def _collect(said: Iterable[tuple[Entry, Mapping[str, Scalar]]]) -> dict[str, list[tuple[Scalar, Entry]]]:
    """Return all that is said of each fact, in order."""
    collected: dict[str, list[tuple[Scalar, Entry]]] = {}
    for entry, fields in said:
        for name, value in fields.items():
            collected.setdefault(name, []).append((value, entry))
    return collected


@dataclass(frozen=True, slots=True)
class _Speakers:
    """Who speaks now: all that they have to say is said by the tables of the ``folders`` and the ``files``.

    ``tables`` are the folders of all tables that are read now, and ``own`` what is said of the cell itself. ``others``
    gives what tables and files say that need not be read now.
    """

    folders: Collection[str]
    files: Collection[str]
    tables: Collection[str]
    own: Collection[Entry]
    others: Callable[[Cell | Sample, str], Iterable[tuple[Scalar, Entry]]]

    def __contains__(self, source: str) -> bool:
        return source in self.files or table_folder(source) in self.folders

    def silent(self, source: str, said: Iterable[tuple[Scalar, Entry]]) -> bool:
        """Tell whether *source*, by which a fact is known, is read now and is none of those who have *said* it."""
        folder = table_folder(source)
        return (source in self or folder in self.tables) and not any(
            e.kept_as == source or (folder and table_folder(e.kept_as) == folder) for _, e in said
        )

    def left(self, thing: Cell | Sample, name: str) -> list[tuple[Scalar, Entry]]:
        """Return what those who are not read now say of a fact of *thing*."""
        return [
            (value, entry)
            for value, entry in self.others(thing, name)
            if entry.kept_as not in self and table_folder(entry.kept_as) not in self.tables
        ]


def _against_known(
    cell: str,
    key: str,
    said: Mapping[str, Sequence[tuple[Scalar, Entry]]],
    speak: _Speakers,
    known: Cell | Sample | None,
    findings: list[Finding],
) -> Change:
    """Weigh what is *said* now, by those who *speak*, against what is *known*, fact by fact; say what differs."""
    change = Change()
    facts = {} if known is None else {**known.model_dump(exclude={"key", "extra", "sources"}), **known.extra}
    sources = {} if known is None else known.sources
    silent = {n for n, source in sources.items() if facts.get(n) is not None and speak.silent(source, said.get(n, ()))}
    gone = [name for name in sources if name in silent and sources[name] in speak]
    weighed = dict(said)
    for name in gone:
        left = [] if known is None else speak.left(known, name)
        weighed[name] = sorted((*said.get(name, ()), *left), key=lambda s: -rank(s[1].kept_as))
        if not weighed[name]:
            change.withdrawn.append(name)
            before = Said(facts[name], in_words(sources[name]), sources[name])
            findings.append(_withdrawn(cell, key, name, before, None))
    for name, (first, *rest) in ((name, each) for name, each in weighed.items() if each):
        source = sources.get(name, "")
        used = Said(first[0], first[1].source, first[1].kept_as)
        before = Said(facts[name], in_words(source), source) if facts.get(name) is not None else used
        if before is used or name in gone or not goes_before(source, used.kept_as):
            change.new[name] = first
            folder = table_folder(source)
            if name in silent and used.kept_as != BY_HAND and not agree(before.value, used.value):
                findings.append(_withdrawn(cell, key, name, before, used))
            elif folder and folder not in speak.tables and rank(used.kept_as) == rank(source):
                findings += differing(cell, key, name, used, [before])
        else:
            used = before
        # what the row of another cell says of the sample is told with that cell
        others = [Said(v, e.source, e.kept_as) for v, e in (first, *rest) if any(e is own for own in speak.own)]
        findings += differing(cell, key, name, used, others)
    return change


def _withdrawn(cell: str, key: str, name: str, before: Said, now: Said | None) -> Finding:
    """Say that who said a fact before does not say it *now*, and what holds then."""
    then, holds = before.shown.partition(",")[0], f"{name} of {key} is not given any more"
    if now is not None:
        then, by = sources_apart(before._replace(shown=then), now)
        holds = f"{name} of {key} is {written(now.value)} now, as {by} says"
    there = ", or write it there" if table_folder(before.kept_as) else ""
    return Finding(
        code="fact-withdrawn",
        message=f"{holds}: it was {written(before.value)}, and {then} does not say it now",
        advice=f"If {'it' if now is None else written(before.value)} still holds: "
        f"lirich cells {quoted(cell)} --set {quoted(f'{name}={written(before.value)}')}{there}",
        where=cell,
    )

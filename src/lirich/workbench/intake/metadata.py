"""What is known of a cell and its sample, put together from what was said by hand, tables and instruments' files.

What was said by hand (the command line, `Workspace.set_facts`), now or before, goes before tables
(`lirich.workbench.intake.celltables`), and these go before what the instrument's file says; a difference between them
is reported, never silent. Each fact keeps who said it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from lirich.model import Cell, Finding, Sample, Scalar
from lirich.workbench.intake.celltables import CELL_FIELDS, SAMPLE_FIELDS, CellTable, Entry
from lirich.workbench.intake.column_names import unclear_names
from lirich.workbench.intake.differing import Said, differing
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
    beside: str = "",
    anew: Collection[str] = (),
) -> Facts:
    """Put together what *sources* say of the cell *key*; earlier sources go before later ones.

    What the workspace knows already (*known_cell*, and of a sample what *known_sample* returns for its key) stays
    unless a source that goes before says otherwise, or the source that it came from: what was said by hand goes before
    tables, tables before instruments' files, and a table that is read now before one that was read before. What the
    table in the folder *beside* the file said before and does not say now is withdrawn, and so is what an instrument's
    file said that was read *anew* (the sources of such). *tables* are those that are read now, the one that goes
    before first: a sample's facts may stand in the row of another cell of it. A cell whose sample nobody named has one
    of its own name. A difference between sources becomes a finding ``metadata-differs``, with the value that is kept.
    Raises `MetadataError` where a fact has an impossible value.
    """
    entries = list(sources)
    findings: list[Finding] = []
    said = _collect((e, e.cell_fields if e.sample is None else {**e.cell_fields, "sample": e.sample}) for e in entries)
    speak = _Speakers(beside, anew, {table.folder for table in tables}, entries)
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
    """Who speaks now: all that they have to say is said by the table ``beside`` and the ``files``, by their sources.

    ``tables`` are the folders of all tables that are read now, and ``own`` what is said of the cell itself.
    """

    beside: str
    files: Collection[str]
    tables: Collection[str]
    own: Collection[Entry]

    def __contains__(self, source: str) -> bool:
        return source in self.files or (bool(self.beside) and table_folder(source) == self.beside)


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
    for name, each in said.items():
        value, entry = each[0]
        before, source = facts.get(name), sources.get(name, "")
        silent = source in speak.files and source != entry.kept_as  # it said so before, and does not now
        used = Said(value, entry.source, entry.kept_as)
        if before is None or silent or not goes_before(source, entry.kept_as):
            change.new[name] = (value, entry)
            folder = table_folder(source)
            if before is not None and folder and folder not in speak.tables and rank(used.kept_as) == rank(source):
                findings += differing(cell, key, name, used, [Said(before, in_words(source), source)])
        else:
            used = Said(before, in_words(source), source)
        # what the row of another cell says of the sample is told with that cell
        others = [Said(v, e.source, e.kept_as) for v, e in each if any(e is own for own in speak.own)]
        findings += differing(cell, key, name, used, others)
    for name, source in sources.items():
        if name not in said and source in speak and facts.get(name) is not None:
            change.withdrawn.append(name)
            there = ", or write it there" if table_folder(source) else ""
            findings.append(
                Finding(
                    code="fact-withdrawn",
                    message=f"{name} of {key} is not given any more: it was {facts[name]}, "
                    f"and {in_words(source).partition(',')[0]} does not say it now",
                    advice=f"If it still holds: lirich cells {cell} --set {name}={facts[name]}{there}",
                    where=cell,
                )
            )
    return change

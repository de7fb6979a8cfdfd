"""The verb *add*: files of a cycler become tests of cells in the workspace.

Each file is a task of the compute seam: hashed, kept, read, checked against physics, written as Parquet. Only
then is it entered in the catalogue; what is entered is safe, and what is not is simply done again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lirich.compute import Progress, ResultCache, code_hash, open_executor, run_tasks
from lirich.errors import ConflictingMetadataError, InputError, LirichError, UnrecognisedFileError, WrongTechniqueError
from lirich.model import Finding, Test, content_hash
from lirich.model.notebook import Listed, html_lines, html_table
from lirich.store.files import hash_open, open_source
from lirich.workbench.intake.celltables import Entry
from lirich.workbench.intake.claims import Claims
from lirich.workbench.intake.continuing import continuations, joined
from lirich.workbench.intake.doubtful_facts import doubtful
from lirich.workbench.intake.found_files import Candidate, discover
from lirich.workbench.intake.halfrepaired import left_as_written, not_made_again
from lirich.workbench.intake.mappings import (
    GivenMapping,
    fits,
    given_mapping,
    not_used,
    read_again_by,
    read_by,
    sidecars,
)
from lirich.workbench.intake.reexport import apart
from lirich.workbench.intake.register import Register, State
from lirich.workbench.intake.renamed import counted_twice

if TYPE_CHECKING:
    from lirich.store import Store

FEW_FILES = 4
"""Fewer files than this are read in this process, unless they are large: starting workers costs more."""
FEW_BYTES = 8_000_000
NEEDLESS = "repair-not-needed"
Hashed = tuple[Candidate, dict[str, Any]]
"""A file with the parameters of its `read_task`, its hash among them."""


@dataclass(frozen=True, slots=True)
class AddedFile:
    """One file that is now a test, and what is new about it (see `lirich.workbench.intake.register.State`)."""

    path: str
    cell: str
    test: Test
    state: State
    rows: int
    """Rows of the file itself; the test of an older export has those of the longer one."""

    @property
    def already(self) -> bool:
        """Whether the test was there before."""
        return self.state in ("known", "restored", "older")


@dataclass(slots=True, repr=False)
class AddReport:
    """What became of every file that was handed in: each is in exactly one of the three lists.

    A copy of another of the files is ``skipped``, with the name of that.
    """

    added: list[AddedFile] = field(default_factory=list)
    failed: list[tuple[str, LirichError]] = field(default_factory=list)
    skipped: list[tuple[str, str]] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    @property
    def cells(self) -> list[str]:
        """The cells that got a test, in order."""
        return list(dict.fromkeys(added.cell for added in self.added))

    def _repr_html_(self) -> str:
        rows = [
            (Path(a.path).name, a.cell, a.test.reader, f"{a.rows:,}", a.state, ", ".join(a.test.repairs))
            for a in self.added
        ]
        table = html_table(("file", "cell", "reader", "rows", "state", "repairs"), rows, right=(3,)) if rows else ""
        said = [f"failed: {path}: {error}" for path, error in self.failed]
        said += [f"skipped: {path}: {reason}" for path, reason in self.skipped]
        findings = Listed(self.findings)._repr_html_() if self.findings else ""
        return html_lines([str(self)]) + table + html_lines(said) + findings

    def __str__(self) -> str:
        counts = f"{len(self.added)} file(s) of {len(self.cells)} cell(s)"
        return f"{counts}; {len(self.skipped)} skipped, {len(self.failed)} failed, {len(self.findings)} finding(s)"

    __repr__ = __str__

    def to_dict(self) -> dict[str, Any]:
        """Return the report as the object that ``--json`` prints."""
        return {
            "added": [
                {
                    "path": a.path,
                    "cell": a.cell,
                    "already": a.already,
                    "state": a.state,
                    "rows": a.rows,
                    **a.test.model_dump(mode="json", include={"key", "reader", "confidence", "repairs"}),
                    "findings": [f.model_dump(mode="json") for f in a.test.findings],
                }
                for a in self.added
            ],
            "failed": [{"path": path, **error.to_dict()} for path, error in self.failed],
            "skipped": [{"path": path, "reason": reason} for path, reason in self.skipped],
            "findings": [f.model_dump(mode="json") for f in self.findings],
        }


def read_parameters(
    root: Path, path: Path, *, reader: str | None, repairs: Sequence[str], mapping: GivenMapping | None = None
) -> dict[str, Any]:
    """Return the parameters of `read_task` for one file: what it holds, not only where it is, and who may read it.

    Raises `InputError` where it cannot be opened or its name is no text.
    """
    from lirich.readers import readers

    try:
        str(path.absolute()).encode()
    except UnicodeEncodeError:
        raise InputError(f"{str(path)!r} is no Unicode name", advice="Rename the file or its folder") from None
    return {
        "root": str(root),
        "path": str(path.absolute()),
        "sha256": [_sha256(p) for p in (path, *([mapping.path] if mapping else sidecars(path)))],
        "mapping": mapping.to_dict() if mapping else None,
        "reader": reader,
        "code": code_hash("lirich.readers", "lirich.model", "lirich.store.curves"),
        "readers": {name: each.version for name, each in readers().items()},
        "repairs": sorted(repairs),
    }


def _sha256(path: Path) -> str:
    with open_source(path) as file:
        return hash_open(file)[0]


def read_task(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Read one file into the workspace's folders (not its catalogue) and return its `Test` as JSON, cell open.

    Raises `InputError` where the file changed while it was read: the raw file kept must be the one that was read.
    """
    from lirich.model.spectra import is_spectrum
    from lirich.readers import read, summarise
    from lirich.readers.reading import MAPPED
    from lirich.workbench.stores import store_at

    path = Path(parameters["path"])
    given = GivenMapping.of(parameters["mapping"]) if parameters["mapping"] else None
    if given is None:
        reading = read(path, reader=parameters["reader"], repairs=parameters["repairs"])
    else:
        reading = read_by(given, path, parameters["repairs"])
    store = store_at(parameters["root"])
    raw = store.put_raw(path)
    if given is None:
        beside = tuple(store.put_raw(p) for p in sidecars(path))
    else:
        beside = (store.put_raw(given.path).model_copy(update={"name": given.name}),)
    if [file.sha256 for file in (raw, *beside)] != parameters["sha256"]:
        raise InputError(f"{path.name} changed while it was read", advice="Add it when the cycler has written it")
    table = reading.table
    curve = store.put_curve(table)
    identity = [raw.sha256, reading.reader, reading.reader_version, list(reading.repairs), curve]
    if reading.reader == MAPPED:  # two mappings may make the same curve of a file, and say other facts of its cell
        identity.append([file.sha256 for file in beside])
    key = content_hash(identity)
    summary = summarise(key, table)
    test = Test(
        key=key,
        cell="?",
        kind="impedance" if is_spectrum(table) else "cycling",
        raw=raw,
        beside=beside,
        mapping=None if given is None else beside[0].sha256,
        reader=reading.reader,
        reader_version=reading.reader_version,
        confidence=reading.confidence,
        curve=curve,
        rows=table.height,
        start_unix_second=summary.start_unix_second,
        end_unix_second=summary.end_unix_second,
        start_time_second=summary.start_time_second,
        duration_second=summary.duration_second,
        first_cycle_count=summary.first_cycle_count,
        last_cycle_count=summary.last_cycle_count,
        repairs=reading.repairs,
        findings=reading.findings,
        metadata=dict(reading.metadata),
    )
    return test.model_dump(mode="json")


def still_there(store: Store, result: Mapping[str, Any]) -> bool:
    """Tell whether the files that a cached result of `read_task` names are still in the workspace."""
    raw = [result["raw"], *result["beside"]]
    return store.has_files(raw=[file["sha256"] for file in raw], curves=[result["curve"]])


def add_files(
    store: Store,
    paths: Iterable[Path],
    *,
    cell: str | None = None,
    options: Entry | None = None,
    reader: str | None = None,
    repairs: Sequence[str] = (),
    mapping: Path | None = None,
    reassign: bool = False,
    executor: str = "processes",
    workers: int | None = None,
    progress: Callable[[Progress], None] | None = None,
    on_file: Callable[[AddedFile], None] | None = None,
) -> AddReport:
    """Read the files and enter them in the catalogue; see `lirich.workbench.Workspace.add`."""
    from lirich.readers.reading import MAPPED

    report = AddReport()
    named = list(paths)
    given = None if mapping is None else given_mapping(mapping, reader)
    looked = discover(named)
    report.failed += looked.failed
    report.skipped += looked.skipped
    found: list[Hashed] = []
    for candidate in looked.candidates:
        if given is not None and candidate.path.resolve() == given.path.resolve():
            continue
        by = given if given and (candidate.explicit or fits(given, candidate.path)) else None
        try:
            each = read_parameters(store.root, candidate.path, reader=reader, repairs=repairs, mapping=by)
        except LirichError as error:
            report.failed.append((candidate.shown, error))
            continue
        found.append((candidate, each))
    candidates: list[Candidate] = []
    parameters: list[dict[str, Any]] = []
    there: list[tuple[Candidate, Test]] = []
    repaired: dict[Path, list[str]] = {}  # the repairs that a file had when it was read before
    claims = Claims(cell, options, [path for path in named if path.is_dir()])
    register = Register(store, claims, reassign=reassign)
    register.look_up({candidate.path: each["sha256"][0] for candidate, each in found})
    for candidate, each in _once(found, register, report):
        kept = register.mapping_given(each["sha256"][0]) if reader in (None, MAPPED) and not each["mapping"] else None
        again = read_again_by(store, candidate.path, kept)
        if isinstance(again, Finding):
            report.findings.append(again)
        elif again is not None and kept is not None:
            each |= {"mapping": again.to_dict(), "sha256": [each["sha256"][0], kept.sha256]}
        known = register.known(each["sha256"], reader=MAPPED if each["mapping"] else reader, repairs=repairs)
        if known is not None:
            there.append((candidate, known))
            continue
        if not repairs and (had := register.repaired(each["sha256"], reader=MAPPED if each["mapping"] else reader)):
            each |= {"repairs": sorted(had)}
            repaired[candidate.path] = had
        parameters.append(each)
        candidates.append(candidate)
    few = len(parameters) < FEW_FILES and sum(c.path.stat().st_size for c in candidates) < FEW_BYTES
    counted: list[tuple[Candidate, Test]] = []

    def enter(candidate: Candidate, test: Test, name: str | None = None) -> bool:
        # said once, now; it says nothing about the file that its cell must carry for ever
        needless = [f for f in test.findings if f.code == NEEDLESS and candidate.path not in repaired]
        report.findings += [f.model_copy(update={"where": candidate.path.name}) for f in needless]
        test = test.model_copy(update={"findings": tuple(f for f in test.findings if f.code != NEEDLESS)})
        try:
            key, stored, state, findings = register.enter(candidate.path, test, name=name)
        except LirichError as error:
            report.failed.append((str(candidate.path), error))
            return False
        report.findings += findings
        report.findings += not_made_again(str(candidate.path), repaired.get(candidate.path, ()), stored)
        report.added.append(AddedFile(str(candidate.path), key, stored, state, test.rows))
        if on_file is not None:
            on_file(report.added[-1])
        return True

    held: list[tuple[Candidate, Test]] = []
    with open_executor("serial" if few and executor == "processes" else executor, workers=workers) as pool:
        for outcome in run_tasks(
            read_task,
            parameters,
            executor=pool,
            cache=ResultCache(store.root / "cache" / "read"),
            still_valid=lambda result: still_there(store, result),
            progress=progress,
        ):
            candidate = candidates[outcome.index]
            if outcome.error is not None:
                _unreadable(candidate, outcome.error, report)
                continue
            test = Test.model_validate(outcome.result)
            if test.kind == "cycling" and claims.names_counter(candidate.path):
                counted.append((candidate, test))  # may continue another file: known when all are read
            elif register.waits(candidate.path, test):
                held.append((candidate, test))  # another file may leave its cell, or come to it
            else:
                enter(candidate, test)
    grown = [(candidate, before, test) for candidate, test in held if (before := register.leaves(candidate.path, test))]
    moves, circles = register.in_order([*((c, test, None) for c, test in there), *grown])
    report.failed += [(move.candidate.shown, move.waits("get other names in a circle")) for move in circles]
    stuck: set[str] = set()
    for move in moves:
        stays = move.cell in stuck
        if stays:
            report.failed.append((move.candidate.shown, move.waits("did not go to another one")))
        if (stays or not enter(move.candidate, move.read or move.test, name=move.test.cell)) and move.empties:
            stuck.add(move.test.cell)
    for candidate, test in held:
        if all(test is not read for _, _, read in grown):
            enter(candidate, test)
    names = continuations([(c.path, t) for c, t in counted])
    for candidate, test in sorted(counted, key=lambda item: str(item[0].path)):
        enter(candidate, test, names.get(candidate.path))
    if given is not None and not any(each["mapping"] for _, each in found):
        report.findings.append(not_used(given))
    report.findings += joined(names)
    report.findings += claims.rows_without_file(report.cells)
    for key in dict.fromkeys(added.cell for added in report.added if not added.already):
        report.findings += apart(store, key, store.tests(key))
    report.findings += counted_twice(store, [added.test for added in report.added if not added.already])
    report.findings += left_as_written(store, {added.path: added.test for added in report.added if not added.already})
    cells, samples = store.cells(), store.samples()
    there_now = [cells[key] for key in report.cells if key in cells]
    report.findings += claims.tables_gone(there_now)
    report.findings += claims.tables_not_used(looked.tables, there_now)
    report.findings += [f for c in there_now for f in doubtful(c, samples.get(c.sample or ""))]
    report.findings += looked.findings(nothing=not (report.added or report.failed or report.skipped))
    report.added.sort(key=lambda added: added.path)
    return report


def _once(found: Sequence[Hashed], register: Register, report: AddReport) -> list[Hashed]:
    """Return each content once, in the order found; what became of the other copies is in the *report*.

    Of several copies that one is read whose cell somebody stated, else the one whose name is known, else the first by
    name: what is named does not depend on which is read first.
    """
    copies: dict[str, list[Hashed]] = {}
    for each in found:
        copies.setdefault(each[1]["sha256"][0], []).append(each)
    left: set[Path] = set()
    for digest, same in copies.items():
        if len(same) == 1:
            continue
        claims = sorted(((*register.claim(c.path, digest), c) for c, _ in same), key=_precedence)
        by = {c.path: each["sha256"][1:] for c, each in same}
        cell, _, first = claims[0]
        for other, _, candidate in claims[1:]:
            left.add(candidate.path)
            if other in (None, cell) and by[candidate.path] == by[first.path]:
                report.skipped.append((candidate.shown, f"the same bytes as {first.shown}"))
                continue
            apart = f"is said to be of {other!r}" if other not in (None, cell) else "has another mapping file beside it"
            conflict = ConflictingMetadataError(
                f"{candidate.path.name} has the same bytes as {first.shown} of the cell {cell!r}, and {apart}",
                expected="one cell and one mapping for each content",
                advice="Correct one of the two, or remove the copy",
            )
            report.failed.append((candidate.shown, conflict))
    return [each for each in found if each[0].path not in left]


def _precedence(claim: tuple[str | None, bool, Candidate]) -> tuple[bool, bool, str]:
    cell, known, candidate = claim
    return cell is None, not known, str(candidate.path)


def _unreadable(candidate: Candidate, error: LirichError, report: AddReport) -> None:
    if isinstance(error, UnrecognisedFileError | WrongTechniqueError) and not candidate.explicit:
        report.skipped.append((str(candidate.path), error.found))
    else:
        report.failed.append((str(candidate.path), error))

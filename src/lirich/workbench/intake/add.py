"""The verb *add*: files of a cycler become tests of cells in the workspace.

Each file is a task of the compute seam: hashed, kept, read, checked against physics, written as Parquet. Only
then is it entered in the catalogue; what is entered is safe, and what is not is simply done again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lirich.compute import Progress, ResultCache, open_executor, run_tasks
from lirich.errors import ConflictingMetadataError, LirichError, UnrecognisedFileError, WrongTechniqueError
from lirich.model import Finding, Test
from lirich.workbench.intake.addreport import AddedFile, AddReport
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
)
from lirich.workbench.intake.readtask import read_parameters, read_task, still_there
from lirich.workbench.intake.reexport import apart
from lirich.workbench.intake.register import Register
from lirich.workbench.intake.renamed import counted_twice

if TYPE_CHECKING:
    from lirich.store import Store

FEW_FILES = 4
"""Fewer files than this are read in this process, unless they are large: starting workers costs more."""
FEW_BYTES = 8_000_000
NEEDLESS = "repair-not-needed"
Hashed = tuple[Candidate, dict[str, Any]]
"""A file with the parameters of its `read_task`, its hash among them."""


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
    found = _hashed(store, looked.candidates, given, reader, repairs, report)
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
    _enter_in_order(there, held, register, enter, report)
    names = continuations([(c.path, t) for c, t in counted])
    for candidate, test in sorted(counted, key=lambda item: str(item[0].path)):
        enter(candidate, test, names.get(candidate.path))
    if given is not None and not any(each["mapping"] for _, each in found):
        report.findings.append(not_used(given))
    report.findings += joined(names)
    report.findings += _noticed(store, report, claims, looked.tables)
    report.findings += looked.findings(nothing=not (report.added or report.failed or report.skipped))
    report.added.sort(key=lambda added: added.path)
    return report


def _hashed(
    store: Store,
    candidates: Iterable[Candidate],
    given: GivenMapping | None,
    reader: str | None,
    repairs: Sequence[str],
    report: AddReport,
) -> list[Hashed]:
    """Return the files with the parameters of their tasks; one that cannot be opened has failed in the *report*."""
    found: list[Hashed] = []
    for candidate in candidates:
        if given is not None and candidate.path.resolve() == given.path.resolve():
            continue
        by = given if given and (candidate.explicit or fits(given, candidate.path)) else None
        try:
            each = read_parameters(store.root, candidate.path, reader=reader, repairs=repairs, mapping=by)
        except LirichError as error:
            report.failed.append((candidate.shown, error))
            continue
        found.append((candidate, each))
    return found


def _enter_in_order(
    there: Sequence[tuple[Candidate, Test]],
    held: Sequence[tuple[Candidate, Test]],
    register: Register,
    enter: Callable[[Candidate, Test, str | None], bool],
    report: AddReport,
) -> None:
    """Enter files that are *there* already, and those that were *held*, each when what it waits for has happened.

    A cell can be renamed only where nothing stands under its new name any more; what goes in circles has failed.
    """
    grown = [(candidate, before, test) for candidate, test in held if (before := register.leaves(candidate.path, test))]
    moves, circles = register.in_order([*((c, test, None) for c, test in there), *grown])
    report.failed += [(move.candidate.shown, move.waits("get other names in a circle")) for move in circles]
    stuck: set[str] = set()
    for move in moves:
        stays = move.cell in stuck
        if stays:
            report.failed.append((move.candidate.shown, move.waits("did not go to another one")))
        if (stays or not enter(move.candidate, move.read or move.test, move.test.cell)) and move.empties:
            stuck.add(move.test.cell)
    for candidate, test in held:
        if all(test is not read for _, _, read in grown):
            enter(candidate, test, None)


def _noticed(store: Store, report: AddReport, claims: Claims, tables: Iterable[Path]) -> list[Finding]:
    """Return what the cells of the added files call for, now that all are entered; *tables* are those found."""
    new = [added for added in report.added if not added.already]
    cells, samples = store.cells(), store.samples()
    found = claims.rows_without_file(report.cells, cells, samples)
    found += [f for key in dict.fromkeys(added.cell for added in new) for f in apart(store, key, store.tests(key))]
    found += counted_twice(store, [added.test for added in new])
    found += left_as_written(store, {added.path: added.test for added in new})
    there_now = [cells[key] for key in report.cells if key in cells]
    found += [*claims.tables_gone(there_now), *claims.tables_not_used(tables, there_now)]
    return [*found, *(f for c in there_now for f in doubtful(c, samples.get(c.sample or "")))]


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
    from lirich.readers.registry import read_head
    from lirich.readers.unknown import may_be_mapped

    if isinstance(error, UnrecognisedFileError | WrongTechniqueError) and not candidate.explicit:
        report.skipped.append((str(candidate.path), error.found))
        if isinstance(error, UnrecognisedFileError) and may_be_mapped(candidate.path, read_head(candidate.path)):
            report.describable.append(str(candidate.path))
    else:
        report.failed.append((str(candidate.path), error))

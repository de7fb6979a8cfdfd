"""The verb *analyse*: the tests of each cell become steps, cycles, segments and values in the catalogue.

One run of a cell is one analysis: the tests that continue each other, joined in time order, or one test of impedance.
An analysis is known by what made it (tests, facts, settings, corrections, code); one that is there already is not
repeated.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lirich import __version__
from lirich.compute import Progress, code_hash, open_executor, run_tasks
from lirich.errors import CorruptStoreError, LirichError, UnknownNameError
from lirich.model import Cell, Finding, Sample, Test, Value, content_hash
from lirich.model.notebook import Listed, html_lines
from lirich.workbench.intake.reexport import told_apart
from lirich.workbench.outdated import out_of_date
from lirich.workbench.repeats import unlike_repeats
from lirich.workbench.stores import store_at

if TYPE_CHECKING:
    from lirich.cycling import CyclingSettings
    from lirich.readers import JoinGroup
    from lirich.store import Analysis, Store

CODE = (
    *("lirich.cycling", "lirich.model", "lirich.quantities"),
    *("lirich.readers.join", "lirich.readers.partscale", "lirich.readers.seam"),
    "lirich.workbench.analyse",
)
IMPEDANCE_CODE = (
    *("lirich.cells.autocorrelation", "lirich.cells.eis", "lirich.cells.kramers_kronig", "lirich.cells.spectrum"),
    *("lirich.model", "lirich.quantities"),
    "lirich.workbench.analyse",
)
"""What an analysis rests on: where its source changes, cells are analysed again."""

GAP_UNKNOWN = "join-gap-unknown"
FEW_RUNS = 4
FEW_ROWS = 400_000
"""Fewer runs than this with fewer rows than this are analysed in this process: starting workers costs more."""


@dataclass(slots=True, repr=False)
class AnalyseReport:
    """What became of every run: analysed now, known before, or failed with an error."""

    analysed: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    failed: list[tuple[str, LirichError]] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    def _repr_html_(self) -> str:
        failed = html_lines(f"failed: {cell}: {error}" for cell, error in self.failed)
        return html_lines([str(self)]) + failed + (Listed(self.findings)._repr_html_() if self.findings else "")

    def __str__(self) -> str:
        counts = f"{len(self.analysed)} run(s) analysed, {len(self.unchanged)} unchanged, {len(self.failed)} failed"
        return f"{counts}, {len(self.findings)} finding(s)"

    __repr__ = __str__

    def to_dict(self) -> dict[str, Any]:
        """Return the report as the object that ``--json`` prints."""
        return {
            "analysed": self.analysed,
            "unchanged": self.unchanged,
            "failed": [{"cell": cell, **error.to_dict()} for cell, error in self.failed],
            "findings": [f.model_dump(mode="json") for f in self.findings],
        }


def analyse_cells(
    store: Store,
    cells: str | Iterable[str] | None = None,
    *,
    force: bool = False,
    executor: str = "processes",
    workers: int | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> AnalyseReport:
    """Analyse the cells; see `lirich.workbench.Workspace.analyse`."""
    facts = store.cells()
    samples = store.samples()
    by_cell: dict[str, list[Test]] = {}
    if cells is None:
        for test in store.tests():
            by_cell.setdefault(test.cell, []).append(test)
    else:
        by_cell = {key: store.tests(key) for key in store.named(cells)}
    known = store.analysis_keys()
    # a table that is gone, by hand or by an older catalogue that was put back, is made again
    bare = () if force else store.bare_analyses(None if cells is None else list(by_cell))
    whole = {(a.cell, a.run) for a in bare if store.has_files(curves=a.curves)}
    settings = cycling_settings(store)
    report = AnalyseReport()
    parameters: list[dict[str, Any]] = []
    rows = 0
    counts: dict[str, int] = {}
    for key, tests in by_cell.items():
        cell = facts[key]
        sample = samples.get(cell.sample) if cell.sample else None
        groups = plan_runs(store, tests)
        counts[key] = len(groups)
        corrections = store.corrections(key)
        for run, group in enumerate(groups):
            each = task_parameters(store.root, cell, sample, run, tests, group, settings, corrections)
            if (key, run) in whole and known[key, run] == content_hash(identity(each)):
                report.unchanged.append(key)
            else:
                parameters.append(each)
                rows += sum(test.rows for test in tests if test.key in group.keys)
        if any(cell_key == key and run >= len(groups) for cell_key, run in known):
            store.drop_runs(key, keep=len(groups))
    few = len(parameters) < FEW_RUNS and rows < FEW_ROWS
    failed: dict[int, tuple[str, LirichError]] = {}
    told: dict[int, list[Finding]] = {}
    with open_executor("serial" if few and executor == "processes" else executor, workers=workers) as pool:
        for outcome in run_tasks(analyse_task, parameters, executor=pool, progress=progress):
            name = str(parameters[outcome.index]["cell"]["key"])
            if outcome.error is not None:
                failed[outcome.index] = (name, outcome.error)
                continue
            from lirich.store import Analysis

            analysis = Analysis.model_validate(outcome.result)
            try:
                store.put_analysis(analysis)
            except UnknownNameError as error:  # a test that another process has removed meanwhile
                failed[outcome.index] = (name, error)
                continue
            report.analysed.append(name)
            told[outcome.index] = _placed(parameters[outcome.index], several=counts[name] > 1, found=analysis.findings)
    # runs end in any order; what is said of them is in the order of the cells
    report.failed = [failed[index] for index in sorted(failed)]
    report.findings = [finding for index in sorted(told) for finding in told[index]]
    report.analysed = sorted(set(report.analysed))
    report.unchanged = sorted(set(report.unchanged) - set(report.analysed))
    report.findings += unlike_repeats(store, by_cell)
    report.findings += out_of_date(store)  # of cells that failed, or were not asked for
    return report


def _placed(parameters: Mapping[str, Any], *, several: bool, found: Iterable[Finding]) -> list[Finding]:
    """Return what was *found* in a run with its cell, and of a cell with *several* runs with the run and its files."""
    cell, names = str(parameters["cell"]["key"]), parameters["names"]
    files = names[0] if len(names) == 1 else f"{names[0]} to {names[-1]}"
    place = f"{cell}, run {parameters['run']} ({files})" if several else cell

    def where(finding: Finding) -> str:
        if not finding.where:
            return place
        return (
            place + finding.where.removeprefix(cell)
            if finding.where.startswith((f"{cell},", f"{cell} "))
            else (place if finding.where == cell else finding.where)
        )

    return [f.model_copy(update={"where": where(f)}) for f in found]


def plan_runs(store: Store, tests: Sequence[Test]) -> list[JoinGroup]:
    """Return which tests of one cell follow on each other, in time order; see `lirich.readers.plan_join`.

    Behind them stand the tests of impedance, each for itself: they are no part of the cycling.
    """
    from lirich.readers import JoinGroup, TableSummary, plan_join
    from lirich.readers.seam import repeated

    alone = [JoinGroup((test.key,), (), "a test of impedance") for test in tests if test.kind == "impedance"]
    tests = [test for test in tests if test.kind == "cycling"]
    shown = told_apart(tests)  # the findings of a join name the files, not their hashes
    keys = {name: key for key, name in shown.items()}
    curves = {shown[test.key]: test.curve for test in tests}

    def shared(before: str, after: str) -> int:
        with contextlib.suppress(CorruptStoreError):  # a curve is gone: `lirich doctor` says so
            return repeated(*(store.read_curve(curves[name]) for name in (before, after)))
        return 0

    groups = plan_join(
        [
            TableSummary(
                key=shown[test.key],
                start_unix_second=test.start_unix_second,
                end_unix_second=test.end_unix_second,
                first_cycle_count=test.first_cycle_count,
                last_cycle_count=test.last_cycle_count,
                start_time_second=test.start_time_second,
                duration_second=test.duration_second,
                timeless=test.duration_second is None,
            )
            for test in tests
        ],
        shared=shared,
    )
    return [*(replace(group, keys=tuple(keys[name] for name in group.keys)) for group in groups), *alone]


def cycling_settings(store: Store) -> dict[str, Any]:
    """Return the ``[cycling]`` table of ``lirich.toml``, checked. Raises `SettingsError`."""
    return checked_cycling(store.settings.cycling)


def checked_cycling(table: Mapping[str, Any]) -> dict[str, Any]:
    """Return a ``[cycling]`` table with all settings, as JSON. Raises `SettingsError`."""
    from pydantic import ValidationError

    from lirich.cycling import CyclingSettings
    from lirich.workbench.refusals import refused

    try:
        return CyclingSettings.model_validate(table).model_dump(mode="json")
    except ValidationError as error:
        raise refused("table [cycling] of lirich.toml", error, lambda _: CyclingSettings.model_fields) from error


def settings_of(analysis: Analysis, store: Store) -> CyclingSettings:
    """Return the settings that an analysis was made with; those of now where an older lirich had others or kept none.

    Such an analysis is out of date, which `lirich.workbench.outdated` says.
    """
    from pydantic import ValidationError

    from lirich.cycling import CyclingSettings

    if analysis.settings is not None:
        with contextlib.suppress(ValidationError):
            return CyclingSettings.model_validate(analysis.settings)
    return CyclingSettings.model_validate(cycling_settings(store))


def task_parameters(
    root: Path,
    cell: Cell,
    sample: Sample | None,
    run: int,
    tests: Sequence[Test],
    group: JoinGroup,
    settings: Mapping[str, Any],
    corrections: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    """Return what `analyse_task` needs for one run of a cell: all that makes the analysis, as JSON."""
    by_key = {test.key: test for test in tests}
    members = [by_key[key] for key in group.keys]
    return {
        "root": str(root),
        # who said a fact changes no value
        "cell": cell.model_dump(mode="json", exclude={"sources"}),
        "sample": sample.model_dump(mode="json", exclude={"sources"}) if sample else None,
        "run": run,
        "kind": members[0].kind,
        "tests": list(group.keys),
        "curves": [test.curve for test in members],
        "gaps": list(group.gaps),
        "joined": [f.model_dump(mode="json") for f in group.findings],
        "raw": [test.raw.sha256 for test in members],
        "names": list(told_apart(members).values()),
        # a spectrum has no cycles that either could be about
        "settings": dict(settings) if members[0].kind == "cycling" else {},
        "corrections": [dict(c) for c in corrections] if members[0].kind == "cycling" else [],
    }


def identity(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return what makes an analysis the one it is; its content hash is `lirich.store.Analysis.key`."""
    # Where the workspace lies does not change what the analysis says. The code is that of this process: a worker's own.
    code = code_hash(*(CODE if parameters["kind"] == "cycling" else IMPEDANCE_CODE))
    return {"version": __version__, "code": code, **{k: v for k, v in parameters.items() if k != "root"}}


def analyse_task(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Analyse one run of one cell and return its `lirich.store.Analysis` as JSON; tables are kept as curves."""
    from lirich.cycling import Correction, CyclingSettings, analyse
    from lirich.readers import join_tables
    from lirich.store import Analysis

    store = store_at(parameters["root"])
    cell = Cell.model_validate(parameters["cell"])
    sample = Sample.model_validate(parameters["sample"]) if parameters["sample"] else None
    if parameters["kind"] == "impedance":
        return _analyse_impedance(store, parameters, cell, sample).model_dump(mode="json")
    settings = CyclingSettings.model_validate(parameters["settings"])
    curves = [store.read_curve(key) for key in parameters["curves"]]
    table, joined = join_tables(curves, parameters["gaps"], parameters["names"])
    planned = [Finding.model_validate(f) for f in parameters["joined"]]
    if not any(f.code == GAP_UNKNOWN for f in joined):  # rows that two files have tell of the pause
        planned = [f for f in planned if f.code != GAP_UNKNOWN]
    result = analyse(
        table,
        cell,
        sample,
        settings=settings,
        corrections=[Correction.model_validate(c) for c in parameters["corrections"]],
    )
    files = tuple(parameters["raw"])
    # what a version does by default is known from the version
    chosen = settings.model_dump(mode="json", exclude_defaults=True)
    unordered = any(f["code"] == "join-order-unknown" for f in parameters["joined"])
    return Analysis(
        key=content_hash(identity(parameters)),
        cell=cell.key,
        run=parameters["run"],
        tests=tuple(parameters["tests"]),
        version=__version__,
        settings=dict(parameters["settings"]),
        corrections=tuple(parameters["corrections"]),
        facts=cell,
        sample=sample,
        steps_curve=store.put_curve(result.steps),
        cycles_curve=store.put_curve(result.cycles),
        segments=tuple(s.model_dump(mode="json") for s in result.segments),
        values=tuple(_of_run(v, files, chosen, unordered) for v in result.values),
        findings=(*planned, *joined, *result.findings),
        created_unix_second=time.time(),
    ).model_dump(mode="json")


def _analyse_impedance(store: Store, parameters: Mapping[str, Any], cell: Cell, sample: Sample | None) -> Analysis:
    from lirich.cells.eis import analyse_spectra
    from lirich.store import Analysis

    found = analyse_spectra(store.read_curve(parameters["curves"][0]), cell, sample)
    files = tuple(parameters["raw"])
    return Analysis(
        key=content_hash(identity(parameters)),
        cell=cell.key,
        run=parameters["run"],
        kind="impedance",
        tests=tuple(parameters["tests"]),
        version=__version__,
        settings={},
        facts=cell,
        sample=sample,
        spectra_curve=store.put_curve(found.table),
        values=tuple(_of_run(v, files, {}, False) for v in found.values),
        findings=found.findings,
        created_unix_second=time.time(),
    )


def _of_run(value: Value, files: tuple[str, ...], chosen: Mapping[str, Any], unordered: bool) -> Value:
    """Return *value* with the *files* it comes from and the settings that the user has *chosen*.

    Of an *unordered* run no cycle number is that of the cell.
    """
    flags = (*value.flags, "run-order-unknown") if unordered and value.conditions.cycle is not None else value.flags
    parameters = {**chosen, **value.provenance.parameters}
    provenance = value.provenance.model_copy(update={"files": files, "parameters": parameters})
    return value.model_copy(update={"provenance": provenance, "flags": flags})

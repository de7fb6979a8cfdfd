"""Whether the values that are kept are those that an analysis would give now, and if not, what has changed since.

An analysis keeps what it was made with; settings, corrections, facts and files may have changed after it, and where
the analysis since then has failed, the values from before are still there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lirich.errors import SettingsError
from lirich.model import Cell, Finding, Frozen, Sample, Severity, Test, content_hash

if TYPE_CHECKING:
    from lirich.store import Analysis, Store

OUT_OF_DATE = "results-out-of-date"
"""The code of the findings."""

ADVICE = "`lirich analyse` (ws.analyse()) brings them up to date"


def out_of_date(store: Store, cells: Iterable[str] | None = None) -> list[Finding]:
    """Return a finding for each run of *cells* (all by default) whose values are not those of now, with the reason.

    ``results-out-of-date`` is a warning, and a remark where only lirich itself has changed. Settings that cannot be
    used are the error ``settings-unusable``. A cell that was never analysed has no values that could be out of date.
    """
    from lirich.workbench.analyse import cycling_settings

    try:
        settings = cycling_settings(store)
    except SettingsError as error:
        return [Finding(code="settings-unusable", severity=Severity.ERROR, message=str(error), advice=error.advice)]
    facts, samples = store.cells(), store.samples()
    keys = list(facts) if cells is None else list(cells)
    tests: dict[str, list[Test]] = {}
    for test in store.tests(keys[0]) if len(keys) == 1 else store.tests():
        tests.setdefault(test.cell, []).append(test)
    kept: dict[str, list[Analysis]] = {}
    for analysis in store.bare_analyses(None if cells is None else keys):
        kept.setdefault(analysis.cell, []).append(analysis)
    found: list[Finding] = []
    for key in keys:
        if key in kept:
            cell = facts[key]
            sample = samples.get(cell.sample) if cell.sample else None
            found += _of_cell(store, cell, sample, tests.get(key, []), kept[key], settings, store.corrections(key))
    return found


def _of_cell(
    store: Store,
    cell: Cell,
    sample: Sample | None,
    tests: Sequence[Test],
    analyses: Sequence[Analysis],
    settings: Mapping[str, Any],
    corrections: Sequence[Mapping[str, Any]],
) -> list[Finding]:
    from lirich.workbench.analyse import identity, plan_runs, task_parameters

    groups = plan_runs(store, tests)
    found = []
    for analysis in analyses:
        group = groups[analysis.run] if analysis.run < len(groups) else None
        if group is not None:
            now = task_parameters(store.root, cell, sample, analysis.run, tests, group, settings, corrections)
            if content_hash(identity(now)) == analysis.key:
                continue
        reasons = _reasons(analysis, () if group is None else group.keys, cell, sample, settings, corrections)
        run = "" if len(analyses) == 1 else f" of run {analysis.run + 1}"
        found.append(
            Finding(
                code=OUT_OF_DATE,
                severity=Severity.WARNING if reasons else Severity.INFO,
                message=f"The values{run} are out of date: "
                + ("; ".join(reasons) or f"they are of another state of lirich (then {analysis.version})"),
                advice=ADVICE,
                where=cell.key,
            )
        )
    if len(groups) > len(analyses):
        found.append(
            Finding(
                code=OUT_OF_DATE,
                message="A file is not analysed",
                advice=ADVICE,
                where=cell.key,
            )
        )
    return found


def _reasons(
    analysis: Analysis,
    tests: Sequence[str],
    cell: Cell,
    sample: Sample | None,
    settings: Mapping[str, Any],
    corrections: Sequence[Mapping[str, Any]],
) -> list[str]:
    """Say what has changed since *analysis*, as far as it is the user's to change."""
    reasons = []
    if analysis.settings is None:
        reasons.append("the settings that they were made with were not kept")
    else:
        reasons += _changes(analysis.settings, settings if analysis.kind == "cycling" else {})
    if analysis.kind == "cycling" and list(analysis.corrections) != list(corrections):
        reasons.append("the corrections of the protocol are others now")
    if analysis.facts is not None:
        reasons += _changes(_facts(analysis.facts), _facts(cell))
        reasons += _changes(_facts(analysis.sample), _facts(sample))
    if analysis.tests != tuple(tests):
        reasons.append("the files are others now")
    return reasons


def _changes(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    names = [*now, *(name for name in then if name not in now)]
    return [
        f"{name} was {_said(then.get(name))}, is {_said(now.get(name))}"
        for name in names
        if then.get(name) != now.get(name)
    ]


def _facts(thing: Frozen | None) -> dict[str, Any]:
    if thing is None:
        return {}
    return {**thing.model_dump(mode="json", exclude={"key", "extra", "sources"}), **getattr(thing, "extra", {})}


def _said(what: object) -> str:
    return "not given" if what is None else f"{what:g}" if isinstance(what, float) else str(what)

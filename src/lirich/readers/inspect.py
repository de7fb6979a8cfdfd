"""What is in a file: what was recognised, what was not, how sure that is. Never fails on bad content."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lirich.errors import LirichError
from lirich.model import Finding, Scalar, Severity
from lirich.model.format import format_number
from lirich.model.notebook import InNotebook, Listed
from lirich.model.table import CYCLE, TIME, VOLTAGE
from lirich.readers.base import ColumnMatch, Reading, Recognition, matched_columns
from lirich.readers.reading import mapped_by, run, settle
from lirich.readers.registry import Candidate, plugin_findings, read_head, recognise
from lirich.readers.repairs import parse_repairs


@dataclass(frozen=True, slots=True, repr=False)
class Inspection(InNotebook):
    """What is known of a file.

    ``readable`` tells whether `lirich.readers.read` would give a table without being asked for a repair; if not,
    ``error`` says why, and ``needed_repairs`` which repairs it names. ``others`` are the further readers that
    recognise the file, with how sure they are.
    """

    path: Path
    readable: bool
    reader: str | None = None
    confidence: float = 0.0
    reason: str = ""
    others: tuple[tuple[str, float], ...] = ()
    rows: int = 0
    recognised: tuple[ColumnMatch, ...] = ()
    unrecognised: tuple[str, ...] = ()
    metadata: dict[str, Scalar] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    summary: dict[str, Scalar] = field(default_factory=dict)
    error: dict[str, str] | None = None
    needed_repairs: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the object that ``--json`` prints."""
        return {
            "path": str(self.path),
            "readable": self.readable,
            "reader": self.reader,
            "confidence": self.confidence,
            "reason": self.reason,
            "others": [{"reader": name, "confidence": sure} for name, sure in self.others],
            "rows": self.rows,
            "recognised": [
                {"source": m.source, "column": m.column, "unit": m.unit, "factor": m.factor, "note": m.note}
                for m in self.recognised
            ],
            "unrecognised": list(self.unrecognised),
            "metadata": dict(self.metadata),
            "findings": [f.model_dump(mode="json") for f in self.findings],
            "summary": dict(self.summary),
            "error": self.error,
            "needed_repairs": list(self.needed_repairs),
        }

    def told(self) -> dict[str, str]:
        """Return in words what the file is, and what it says."""
        named = f"{self.reader}, {self.confidence:.0%} sure: {self.reason}" if self.reader else ""
        own = {
            "file": self.path.name,
            "state": "readable" if self.readable else "not readable as it is",
            "reader": named,
            "error": (self.error or {}).get("found", ""),
            "advice": (self.error or {}).get("advice", ""),
            "left out": ", ".join(self.unrecognised),
            "needed repairs": ", ".join(self.needed_repairs),
        }
        facts = {**self.summary, **self.metadata}
        texts = {n: format_number(x, significant=5) if isinstance(x, float) else str(x) for n, x in facts.items()}
        return {**own, **{name: text for name, text in texts.items() if name not in own}}

    def _repr_html_(self) -> str:
        columns = matched_columns(self.recognised) if self.recognised else ""
        findings = Listed(self.findings)._repr_html_() if self.findings else ""
        return InNotebook._repr_html_(self) + columns + findings

    def __str__(self) -> str:
        words = self.told()
        lines = [f"{words['file']}: {words['state']}; {words['reader'] or words['error']}"]
        lines += [f"{self.rows} rows, {len(self.recognised)} columns recognised"] if self.rows else []
        return "\n".join([*lines, *map(str, self.findings)])

    __repr__ = __str__


def inspect(path: Path | str, *, repairs: Sequence[str] = (), mapping: Path | str | None = None) -> Inspection:
    """Return what is known of a file, as it would be after *repairs*; whatever is wrong with it is said, not raised.

    With *mapping* it is what this mapping file makes of it. Raises `UnknownNameError` on a repair that does not exist,
    `MappingError` on a mapping file that is wrong.
    """
    path = Path(path)
    wanted = parse_repairs(repairs)
    given = None if mapping is None else mapped_by(mapping)
    try:
        head = read_head(path)
        if given is None:
            candidates = recognise(path, head)
        else:
            candidates = (Candidate(given, Recognition(1.0, f"the mapping {Path(str(mapping)).name}")),)
        if not candidates:
            from lirich.readers.registry import choose

            choose(path, head)
        best = candidates[0]
    except LirichError as error:
        return Inspection(path, readable=False, error=error.to_dict(), findings=plugin_findings())
    sure = best.recognition
    others = tuple((c.reader.name, c.recognition.confidence) for c in candidates[1:])
    try:
        reading = run(best.reader, path)
    except LirichError as error:
        return Inspection(
            path,
            readable=False,
            reader=best.reader.name,
            confidence=sure.confidence,
            reason=sure.reason,
            others=others,
            error=error.to_dict(),
            findings=plugin_findings(),
        )
    error_text = None
    findings: tuple[Finding, ...]
    try:
        settled = settle(reading, wanted, path=path)
        table, findings = settled.table, settled.findings
    except LirichError as error:
        table, error_text = reading.table, error.to_dict()
        findings = (*reading.findings, *getattr(error, "findings", ()))
    needed = tuple(dict.fromkeys(f.repair for f in findings if f.severity is Severity.ERROR and f.repair))
    return Inspection(
        path,
        readable=error_text is None,
        reader=reading.reader,
        confidence=reading.confidence,
        reason=reading.reason or sure.reason,
        others=others,
        rows=table.height,
        recognised=reading.recognised,
        unrecognised=reading.unrecognised,
        metadata=reading.metadata,
        findings=(*findings, *plugin_findings()),
        summary=_summary(reading, table.height),
        error=error_text,
        needed_repairs=needed,
    )


def _summary(reading: Reading, rows: int) -> dict[str, Scalar]:
    table = reading.table
    summary: dict[str, Scalar] = {"rows": rows}
    for name, column in (("voltage", VOLTAGE), ("time", TIME), ("cycle", CYCLE)):
        if column in table.columns:
            for end, value in (("first", table[column].min()), ("last", table[column].max())):
                if isinstance(value, int | float) and value == value:  # NaN is not said
                    key = {"first": "lowest", "last": "highest"}[end]
                    summary[f"{key}_{column if name != 'cycle' else CYCLE}"] = value
    return summary

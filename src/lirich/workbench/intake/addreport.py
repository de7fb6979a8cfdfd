"""What became of the files that were added."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lirich.errors import LirichError
from lirich.model import Finding, Test
from lirich.model.format import format_count
from lirich.model.notebook import Listed, html_lines, html_table
from lirich.workbench.intake.register import State


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

    A copy of another of the files is ``skipped``, with the name of that. ``describable`` are those of the skipped ones
    that look like tables: a mapping file can say what their columns are.
    """

    added: list[AddedFile] = field(default_factory=list)
    failed: list[tuple[str, LirichError]] = field(default_factory=list)
    skipped: list[tuple[str, str]] = field(default_factory=list)
    describable: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    @property
    def cells(self) -> list[str]:
        """The cells that got a test, in order."""
        return list(dict.fromkeys(added.cell for added in self.added))

    def _repr_html_(self) -> str:
        rows = [
            (Path(a.path).name, a.cell, a.test.reader, format_count(a.rows), a.state, ", ".join(a.test.repairs))
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
            "describable": self.describable,
            "findings": [f.model_dump(mode="json") for f in self.findings],
        }

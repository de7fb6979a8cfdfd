"""Reports: one HTML file with answers, figures, values, warnings and provenance, that makes no outside request."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lirich.errors import InputError
from lirich.reports.data import CellReport, ComparisonReport, ReportData
from lirich.reports.html import build_report

if TYPE_CHECKING:
    from lirich.workbench.workspace import Workspace

__all__ = ["CellReport", "ComparisonReport", "ReportData", "build_report", "write_page", "write_report"]


def write_report(
    workspace: Workspace, path: str | Path, cells: Sequence[str] | None = None, by: str | None = None
) -> Path:
    """Write the report of a workspace to *path* and return it.

    *cells* names the cells (all by default), *by* the field to compare by (morphology where it makes groups). The
    file appears whole or not at all. Raises `UnknownNameError` on a cell or field, `InputError` without a cell.
    """
    from lirich.reports.collect import collect

    return write_page(path, lambda: build_report(collect(workspace, cells=cells, by=by)))


def write_page(path: str | Path, text: str | Callable[[], str]) -> Path:
    """Write an HTML page to *path* and return it; whole or not at all.

    *text* may be a function, which is called once the folder is known to be there. Raises `InputError` where it is not.
    """
    target = Path(path)
    if not target.parent.is_dir():
        raise InputError(f"There is no folder {str(target.parent)!r}", advice="Make it, or check the path")
    words = text if isinstance(text, str) else text()
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=".part")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(words)
        os.chmod(name, 0o644)  # mkstemp makes it private; a report is to be handed on
        os.replace(name, target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return target

"""Reports: one HTML file with answers, figures, values, warnings and provenance, that makes no outside request."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lirich.reports.data import CellReport, ComparisonReport, ReportData
from lirich.reports.html import build_report
from lirich.workbench.userfiles import PAGE, check_file, write_text

if TYPE_CHECKING:
    from lirich.workbench.workspace import Workspace

__all__ = ["CellReport", "ComparisonReport", "ReportData", "build_report", "write_page", "write_report"]


def write_report(
    workspace: Workspace, path: str | Path, cells: str | Sequence[str] | None = None, by: str | None = None
) -> Path:
    """Write the report of a workspace to *path* and return it.

    *cells* names the cells (all by default), *by* the field to compare by (morphology where it makes groups). The
    file appears whole or not at all. Raises `UnknownNameError` on a cell or field, `InputError` without a cell
    or on a name that does not end in ``.html`` or ``.htm``.
    """
    from lirich.reports.collect import collect

    return write_page(path, lambda: build_report(collect(workspace, cells=cells, by=by)))


def write_page(path: str | Path, text: str | Callable[[], str]) -> Path:
    """Write an HTML page to *path* and return it; whole or not at all.

    *text* may be a function, which is called once it is known that the file can be written. Raises `InputError` where
    it cannot: the name is not that of a page (``.html``, ``.htm``), is a folder or too long, or there is no such
    folder.
    """
    target = Path(path)
    check_file(target, PAGE)
    return write_text(target, text if isinstance(text, str) else text())

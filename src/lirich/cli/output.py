"""How the command line speaks: tables for people, one JSON object for programs, progress on stderr."""

from __future__ import annotations

import json
import os
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.cells import cell_len
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from lirich.errors import LirichError

if TYPE_CHECKING:
    from pathlib import Path

    from lirich.compute import Progress
    from lirich.model import Finding

PARTLY = 1
"""Exit code of a run that did not do all it was asked to: files or cells failed (the others are kept), nothing could be
compared, something is wrong."""
_STYLES = {"error": "bold red", "warning": "yellow", "info": "cyan"}
MOST_PLACES = 6
_HASH = re.compile(r"[0-9a-f]{64}(\.[a-z]+)?")
MOST_OF_ONE_KIND = 3
"""So many messages of one code that differ in numbers and names alone are printed: pulses and files by the hundred."""
_PARTICULAR = re.compile(r"'[^']*'|\"[^\"]*\"|\S*\d\S*")

_WANTS_JSON = False
FILE_WIDTH = 160
"""Width of tables that go into a file or a pipe: wide enough not to break them."""
NARROW = 120
"""Below this width tables are laid out for a narrow terminal: numbers and their intervals on two lines."""
LEAST_WIDTH = 14
"""A column that may be broken is no narrower than this: most words still stand whole."""


def want_json(asked: bool) -> bool:
    """Remember whether ``--json`` was asked for, so that an error is printed as JSON too."""
    global _WANTS_JSON
    _WANTS_JSON = asked
    return asked


def console(*, stderr: bool = False) -> Console:
    """Return the console; made per call, so that it follows the stream and width of the moment."""
    stream = sys.stderr if stderr else sys.stdout
    # a sentence that goes into a file or a pipe stands on one line: a command in it can be copied
    if stream.isatty() or "COLUMNS" in os.environ:
        return Console(stderr=stderr, highlight=False)
    return Console(stderr=stderr, highlight=False, width=FILE_WIDTH, soft_wrap=True)


def check_output(output: Path | None, forms: Sequence[str] = ()) -> None:
    """Raise `InputError` before the work where what is asked for cannot be written after it.

    *forms* are the endings of the names that can be written, such as ``.html``; any, where none is named.
    """
    if output is None:
        return
    from lirich.workbench.userfiles import check_file

    check_file(output, forms)


def check_page(output: Path | None, also: Sequence[str] = ()) -> None:
    """Raise `InputError` before the work where the page that is asked for cannot be written after it.

    *also* are the endings of other files that can be written in its place.
    """
    from lirich.workbench.userfiles import PAGE

    check_output(output, (*PAGE, *also))


def print_json(data: Any) -> None:
    """Print one JSON object and nothing else on stdout."""
    sys.stdout.write(json.dumps(data, ensure_ascii=False, indent=2, allow_nan=False) + "\n")


def show_error(error: LirichError) -> None:
    """Print an error: on stdout as JSON with ``--json``, else on stderr in words."""
    if _WANTS_JSON:
        print_json(error.to_dict())
        return
    err = console(stderr=True)
    err.print(f"[bold red]{type(error).__name__}[/] {escape(error.found)}")
    if error.expected:
        err.print(f"  expected: {escape(error.expected)}")
    if error.advice:
        err.print(f"  [bold]→[/] {escape(error.advice)}")


def _short(text: str) -> str:
    return _HASH.sub(lambda found: found[0][:12] + "…", text)


def _places(kinds: Sequence[tuple[str, ...]], limit: int | None) -> list[int]:
    """Return which findings of these kinds are printed: one of each kind first, more of it as long as there is room."""
    if limit is None:
        return list(range(len(kinds)))
    told: Counter[tuple[str, ...]] = Counter()
    turns = []
    for number, kind in enumerate(kinds):
        told[kind] += 1
        if told[kind] <= MOST_OF_ONE_KIND:
            turns.append((told[kind] > 1, number))
    return sorted(number for _, number in sorted(turns)[:limit])


def show_findings(findings: Iterable[Finding], *, limit: int | None = 12) -> None:
    """Print findings, the gravest first, equal ones of many cells once, few of one kind; all without *limit*."""
    from lirich.model.finding import together

    order = ("error", "warning", "info")
    rows = sorted(together(findings), key=lambda each: order.index(each.finding.severity))
    out = console()
    firsts = [each.finding for each in rows]
    kinds = [(f.severity.value, f.code, _PARTICULAR.sub("#", f.said_of("…"))) for f in firsts]
    printed = _places(kinds, limit)
    last = {kinds[number]: number for number in printed}
    left = Counter(kinds) - Counter(kinds[number] for number in printed)
    for number in printed:
        first, places, severity = firsts[number], rows[number].places_unsaid, firsts[number].severity
        # one name of a file by its hash says as much as six
        most = 1 if _HASH.search(places[0] if places else "") else MOST_PLACES
        shown = ", ".join(places[:most]) + f" and {len(places) - most} more" * (len(places) > most)
        where = f"[bold]{escape(_short(shown))}:[/] " if places else ""
        text = rows[number].text
        more = left[kinds[number]] if last[kinds[number]] == number else 0
        like = f" [dim](and {more} more like it)[/]" if more > 0 else ""
        out.print(f"[{_STYLES[severity]}]{severity}[/] {where}{escape(_short(text))} [dim]{first.code}[/]{like}")
        if first.advice:
            out.print(f"  [dim]→ {escape(first.advice)}[/]")
    if left:
        out.print(f"[dim]… and {left.total()} more; --json shows all[/]")


def show_table(
    title: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    right: Sequence[int] = (),
    whole: Sequence[int] = (),
    drop: Sequence[int] = (),
    apart: bool = False,
) -> None:
    """Print a table; columns numbered in *right* are aligned right, those in *whole* are not broken.

    Rows *apart* have an empty line between them.

    Where the terminal is too narrow, columns of *drop* are left out, the first of them first, and a line says which.
    """
    out = console()
    texts = [["" if entry is None else str(entry) for entry in row] for row in rows]
    shown = fitting(columns, texts, out.width, whole=whole, drop=drop)
    if fitted_width(columns, texts, shown, whole) > out.width:
        whole = ()  # broken between words is better than cut
    table = Table(title=title or None, title_justify="left", header_style="bold", box=None, pad_edge=False)
    table.padding = (0, 1, int(apart), 1)
    for number in shown:
        table.add_column(
            columns[number],
            justify="right" if number in right else "left",
            overflow="fold",
            no_wrap=number in whole,
        )
    for row in texts:
        table.add_row(*(Text(row[number]) for number in shown))
    out.print(table)
    left = [" ".join(name.split("\n")) for number, name in enumerate(columns) if number not in shown and name]
    if left:
        out.print(f"[dim]Left out at this width: {escape(', '.join(left))}. A wider terminal or --json shows it.[/]")


def fitted_width(
    columns: Sequence[str], rows: Sequence[Sequence[str]], shown: Sequence[int], whole: Sequence[int]
) -> int:
    """Return the characters that the *shown* columns need, those that may be broken at `LEAST_WIDTH`."""
    widths = []
    for number in shown:
        lines = [line for text in (columns[number], *(row[number] for row in rows)) for line in text.split("\n")]
        widest = max(cell_len(line) for line in lines)
        widths.append(widest if number in whole else min(widest, LEAST_WIDTH))
    return sum(widths) + 2 * (len(widths) - 1)


def fitting(
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    width: int,
    *,
    whole: Sequence[int] = (),
    drop: Sequence[int] = (),
) -> list[int]:
    """Return the columns that a table *width* characters wide shows; those of *drop* go in that order."""
    shown = list(range(len(columns)))
    for number in drop:
        if fitted_width(columns, rows, shown, whole) <= width:
            break
        shown.remove(number)
    return shown


@contextmanager
def progress_bar(what: str, *, quiet: bool) -> Iterator[Callable[[Progress], None] | None]:
    """Show progress with the time left on stderr while a run goes on; nothing where nobody watches."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[left]}"),
    )
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=None, left="")

        def update(progress: Progress) -> None:
            left = progress.seconds_left
            text = "" if left is None else f"{left:.0f} s left"
            bar.update(task, total=progress.total, completed=progress.done, left=text)

        yield update

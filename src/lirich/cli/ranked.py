"""How a candidate of a screening is printed, whatever was screened: its place, its figures, its reasons."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING

from rich.markup import escape

from lirich.cli.output import console, show_table
from lirich.model.format import format_signed, format_signed_span

if TYPE_CHECKING:
    from lirich.screening.candidate import Candidate
    from lirich.screening.gates import Funnel
    from lirich.screening.ranking import Ranked

MOST_REASONS = 4
"""So many reasons of a candidate are printed; ``--json`` and the report have all."""
MOST_ROWS = 20
"""So many ranked candidates are printed where there may be hundreds; ``--json`` and what is written have all."""


def show_funnel(funnel: Funnel) -> None:
    """Print how many candidates each gate lets on, where there is one."""
    if funnel.stages:
        counts = "; ".join(f"{words}: {left}" for words, left in funnel.counts)
        console().print("[bold]Funnel[/]: " + escape(counts))


def show_ranked(
    title: str, what: str, keys: Sequence[str], rows: Sequence[Sequence[object]], *, of: int | None = None
) -> None:
    """Print a table of ranks, names (under the head *what*), scores and the figures of *keys*.

    Where there are *of* ranked ones in all, a line says how many are not shown.
    """
    numbers = tuple(range(2, 3 + len(keys)))
    heads = ("rank", what, "score", *(_head_of(key) for key in keys))
    show_table(title, heads, rows, right=(0, *numbers), whole=numbers, drop=tuple(reversed(numbers[1:])))
    if of is not None and of > len(rows):
        console().print(f"[dim]and {of - len(rows)} more that came through.[/]")


def _head_of(key: str) -> str:
    """Return the head of a column: symbol and unit."""
    from lirich.quantities import QUANTITIES

    known = QUANTITIES[key]
    return f"{known.symbol}\n{known.unit}"


def rank_cell(place: Ranked) -> str:
    """Return a rank with the ends of its interval below it where it has any."""
    between = "" if place.rank_low == place.rank_high else f"\n({place.rank_low}–{place.rank_high})"
    return f"{place.rank}{between}"


def score_cell(place: Ranked) -> str:
    """Return a score with its interval below it, where it has one."""
    score = format_signed(place.score, decimals=2)
    if not place.has_interval:
        return score
    return f"{score}\n({format_signed_span(place.score_low, place.score_high, decimals=2)})"


def figure_cells(candidate: Candidate, keys: Iterable[str]) -> list[str]:
    """Return the figures of a candidate without units, a dash for a missing one.

    Below each stand its interval and, with a Δ, the difference to the undoped where there is one.
    """
    from lirich.quantities import QUANTITIES
    from lirich.screening.reasons import figure_words

    cells = []
    for key in keys:
        if key not in candidate.figures:
            cells.append("–")
            continue
        words = figure_words(key, candidate.figures[key]).removesuffix(QUANTITIES[key].unit).strip()
        change = candidate.changes.get(key)
        cells.append(
            words.replace(" (", "\n(")
            + (f"\nΔ {format_signed(change.value, significant=3)}" if change is not None else "")
        )
    return cells


def show_why(candidate: Candidate, reasons: Sequence[str], beside: Collection[str] = ()) -> None:
    """Print why a candidate stands where it stands, a line each; what stands *beside* it already is left out.

    Doubts are counted by kind: each is told in ``--json`` and the report.
    """
    from rich.padding import Padding

    from lirich.screening.reasons import doubt_counts, doubt_words

    out = console()
    notes = f" [dim]{escape('; '.join(candidate.notes))}[/]" if candidate.notes else ""
    out.print(f"[bold]{escape(candidate.name)}[/]{notes}")
    left_out = {*beside, *doubt_words(candidate)}
    for reason in (reason for reason in reasons if reason not in left_out):
        out.print(Padding(escape(reason), (0, 0, 0, 2), expand=False))
    doubts = doubt_counts(candidate)
    if doubts:
        out.print(Padding(f"[dim]{escape(doubts)}[/]", (0, 0, 0, 2), expand=False))


def show_reasons(name: str, reasons: Sequence[str], rank: int | None = None) -> None:
    """Print the first reasons of a candidate and how many more there are."""
    more = f" [dim](and {len(reasons) - MOST_REASONS} more)[/]" if len(reasons) > MOST_REASONS else ""
    place = f" (rank {rank})" if rank else ""
    console().print(f"[bold]{escape(name)}[/]{place}: {escape('; '.join(reasons[:MOST_REASONS]))}{more}")

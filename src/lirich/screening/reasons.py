"""Why a candidate stands where it stands, in sentences."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from lirich.model.format import MINUS, format_number, format_signed, format_signed_span
from lirich.model.listing import name_some
from lirich.quantities import QUANTITIES
from lirich.screening.candidate import Candidate, Estimate
from lirich.screening.gates import Funnel
from lirich.screening.ranking import Ranked, Ranking

MOST_NAMES = 2
"""So many quantities are named that a doubt is about."""


def reasons(candidate: Candidate, passed: Funnel, ranking: Ranking | None) -> tuple[str, ...]:
    """Say why: the gate that it fell at, or what carries and what costs its score, how sure its rank is, its doubts."""
    said = list(_of_gates(candidate, passed))
    place = None if ranking is None else next((p for p in ranking.places if p.name == candidate.name), None)
    if place is not None and ranking is not None:
        said += _of_rank(candidate, place, ranking)
    elif ranking is not None and candidate.name in ranking.left_out:
        lacking: dict[str, list[str]] = {}
        for key in ranking.left_out[candidate.name]:
            lacking.setdefault(candidate.missing.get(key, "not computed"), []).append(QUANTITIES[key].name)
        said += [
            f"not ranked: {', '.join(names)} {'is' if len(names) == 1 else 'are'} missing ({why})"
            for why, names in lacking.items()
        ]
    return (*said, *doubt_words(candidate))


def doubt_words(candidate: Candidate) -> list[str]:
    """Return the doubts in words; of many of a kind (``not as built: …``) the first, and how many there are."""
    doubts: dict[str, list[str]] = {}
    for key, figure in candidate.figures.items():
        for doubt in figure.doubts:
            doubts.setdefault(doubt, []).append(QUANTITIES[key].name)
    kinds: dict[str, list[str]] = {}
    for doubt in doubts:
        kinds.setdefault(_kind(doubt), []).append(doubt)
    said = []
    for alike in kinds.values():
        about = list(dict.fromkeys(name for doubt in alike for name in doubts[doubt]))
        more = f" (and {len(alike) - 1} more like it)" if len(alike) > 1 else ""
        said.append(f"{name_some(about, MOST_NAMES)}: {alike[0]}{more}")
    return said


def doubt_counts(candidate: Candidate) -> str:
    """Return how many different doubts there are: ``9 different doubts: not as built (8), undoped cell not as built``.

    One doubt may be about several numbers. One alone is told whole; empty without any.
    """
    doubts = dict.fromkeys(doubt for figure in candidate.figures.values() for doubt in figure.doubts)
    if len(doubts) < 2:
        return "; ".join(f"one doubt, {words}" for words in doubt_words(candidate))
    kinds = Counter(_kind(doubt) for doubt in doubts)
    named = (
        (kind.replace("host: the cell", "undoped cell").replace("host: ", "undoped cell "), n)
        for kind, n in kinds.most_common()
    )
    return f"{len(doubts)} different doubts: " + ", ".join(f"{kind} ({n})" if n > 1 else kind for kind, n in named)


def _kind(doubt: str) -> str:
    """Return what a doubt has before its last colon, without a bracket that this leaves open."""
    kind = doubt.rpartition(": ")[0] or doubt
    return kind if kind.count("(") == kind.count(")") else kind.partition(" (")[0]


def _of_gates(candidate: Candidate, passed: Funnel) -> list[str]:
    said = []
    for stage in passed.stages:
        through = candidate.name in stage.passed
        if candidate.name in stage.fell or (candidate.name in stage.unknown and not through):
            narrowly = ", by less than its error bar" if stage.gate.narrowly(candidate) else ""
            said.append(f"fell at: {stage.gate.why(candidate)}{narrowly}")
            break
        if candidate.name in stage.unknown:
            said.append(f"went on untested: {stage.gate.why(candidate)}")
        elif candidate.name in stage.unsure:
            said.append(f"went on unsure: {stage.gate.why(candidate)}")
    return said


def _of_rank(candidate: Candidate, place: Ranked, ranking: Ranking) -> list[str]:
    parts = sorted(place.contributions.items(), key=lambda item: -abs(item[1]))
    said = [
        f"{'carried' if part > 0 else 'held back'} by {QUANTITIES[key].name} "
        f"{figure_words(key, candidate.figures[key])}{_over(key, candidate)} "
        f"({format_signed(part, decimals=2)} of {format_signed(place.score, decimals=2)})"
        for key, part in parts
        if part != 0
    ]
    said.append(rank_words(place, len(ranking.places)))
    front = sum(other.on_front for other in ranking.places)
    if place.on_front and len(ranking.weights) > 1 and 2 * front < len(ranking.places):  # of most it tells nothing
        often = f" (in {place.front_share:.0%} of the draws)" if place.has_interval else ""
        said.append(f"no other candidate beats it in every quantity{often}")
    if place.unsure:
        names = ", ".join(QUANTITIES[key].name for key in place.unsure)
        said.append(f"one result only, so no interval: {names}")
    return said


def rank_words(place: Ranked, of: int) -> str:
    """Say how sure a rank is: ``rank 1 of 12; between 1 and 3 in 90 % of the draws``."""
    if not place.has_interval:
        return f"rank {place.rank} of {of}, without an interval"
    if place.rank_low == place.rank_high:
        return f"rank {place.rank} of {of}, in 90 % of the draws too"
    return f"rank {place.rank} of {of}; between {place.rank_low} and {place.rank_high} in 90 % of the draws"


def figure_words(key: str, figure: Estimate) -> str:
    """Write a figure with interval and unit: ``0.45 (0.31 … 0.59) eV``; before it the metal that it is of, if any."""
    unit = QUANTITIES[key].unit
    span = "" if figure.low is None or figure.high is None else f" ({_three(figure.low)} … {_three(figure.high)})"
    return f"{figure.of} {_three(figure.value)}{span} {unit}".strip()


def _three(number: float) -> str:
    # the numbers of one interval in one form: 0.00106 beside 0.000476, and powers of ten where both are far
    text = f"{number:.3g}"
    return format_number(number, significant=3) if "e" in text else text.replace("-", MINUS)


def change_words(key: str, change: Estimate) -> str:
    """Write a difference to the host with its sign: ``−0.193 (−0.23 … −0.156) V over the host``."""
    unit = QUANTITIES[key].unit
    said = "percentage points " if unit == "%" else "" if unit == "1" else f"{unit} "
    span = format_signed_span(change.low, change.high, significant=3)
    return f"{format_signed(change.value, significant=3)}{f' ({span})' if span else ''} {said}over the host"


def _over(key: str, candidate: Candidate) -> str:
    change = candidate.changes.get(key)
    return "" if change is None else f", {change_words(key, change)}"


def table(
    candidates: Sequence[Candidate], passed: Funnel, ranking: Ranking | None
) -> list[tuple[Candidate, Mapping[str, object]]]:
    """Return each candidate with its place, in the order of a report: ranked, unranked, fallen.

    The mapping has ``rank`` (or ``None``), ``score``, ``fell_at`` (words of the gate or ``""``) and ``reasons``.
    """
    places = {} if ranking is None else {p.name: p for p in ranking.places}
    rows: list[tuple[Candidate, Mapping[str, object]]] = []
    for candidate in candidates:
        place = places.get(candidate.name)
        fell = next(
            (
                s.gate.words
                for s in passed.stages
                if candidate.name in s.fell or (candidate.name in s.unknown and candidate.name not in s.passed)
            ),
            "",
        )
        row = {
            "rank": None if place is None else place.rank,
            "score": None if place is None else place.score,
            "fell_at": fell,
            "reasons": reasons(candidate, passed, ranking),
        }
        rows.append((candidate, row))
    return sorted(rows, key=lambda r: (r[1]["rank"] is None, r[1]["rank"] or 0, bool(r[1]["fell_at"]), r[0].name))

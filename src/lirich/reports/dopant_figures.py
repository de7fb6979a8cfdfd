"""The figures of a screening of dopants as a table: a candidate a row, a quantity a column, doubts counted and told."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lirich.model import Interval
from lirich.model.format import capitalised, format_apart, format_number
from lirich.quantities import QUANTITIES
from lirich.screening.candidate import LEVEL, Candidate, Estimate
from lirich.screening.estimates import estimate
from lirich.screening.judged import CHANGES, Judged, host_numbers, numbers
from lirich.screening.sizes import SIZES, possible, signed_sizes
from lirich.screening.states import state_words

if TYPE_CHECKING:
    from lirich.screening.judged import Key
    from lirich.screening.screened import Screened, Tried

Numbers = Mapping["Key", float]
HOST = "host: "
"""What the doubts begin with that are about the undoped cell which a change is reckoned against."""


@dataclass(frozen=True, slots=True)
class Column:
    """A quantity, over which states of charge; ``state`` is ``None`` for what the ranking takes, the mean over them.

    ``metal`` is the metal that leaves, of quantities that have one.
    """

    key: str
    over: str
    state: float | None = None
    metal: str = ""

    @property
    def name(self) -> str:
        """Its name, with a capital letter and the metal."""
        return capitalised(QUANTITIES[self.key].name) + (f", {self.metal}" if self.metal else "")

    @property
    def unit(self) -> str:
        """Its unit."""
        return QUANTITIES[self.key].unit


@dataclass(frozen=True, slots=True)
class Shown:
    """A figure in words: value, and below it its interval or why it has none, and what part it is of the undoped."""

    value: str = "–"
    below: str = ""
    percent: str = ""


@dataclass(frozen=True, slots=True)
class Told:
    """Something to be said of a candidate: what it is about, and the single words."""

    title: str
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FigureRow:
    """A candidate (or the undoped material): its figures, column by column, and what is to be known of them."""

    name: str
    place: str
    cells: tuple[Shown, ...]
    doubted: int
    numbers: int
    told: tuple[Told, ...]


@dataclass(frozen=True, slots=True)
class FigureTable:
    """All figures of a screening; ``signs`` says of each size whose direction differs between orderings how it does."""

    columns: tuple[Column, ...]
    rows: tuple[FigureRow, ...]
    states: str
    signs: tuple[str, ...]

    def row(self, name: str) -> FigureRow:
        """Return the row of a candidate."""
        return next(row for row in self.rows if row.name == name)


def figure_table(judged: Judged) -> FigureTable:
    """Return the figures of the undoped material and of every candidate, in the order of the ranking."""
    screened = judged.screened
    keys = list(dict.fromkeys(key for c in judged.candidates for key in (*c.figures, *c.missing)))
    keys += [key for key in judged.reference if key not in keys]
    last = {CHANGES.get(key) for key in screened.study.wanted}
    keys.sort(key=lambda key: key in last)  # what a weighted change is the change of: after all that is news
    host = host_numbers(screened, keys)
    columns = tuple(column for key in keys for column in _columns(screened, key, host))
    rows = [
        FigureRow(
            screened.host.name,
            "",
            tuple(_of_host(judged, column, host) for column in columns),
            *_doubted(screened.host),
            _told(screened.host, columns, judged.reference, {}),
        )
    ]
    for candidate, row in judged.rows:
        tried = judged.tried(candidate.name)
        place = "" if row["rank"] is None else f"rank {row['rank']}"
        rows.append(
            FigureRow(
                candidate.name,
                place or ("fell at a gate" if row["fell_at"] else "not ranked"),
                tuple(_of_candidate(judged, candidate, column, host) for column in columns),
                *_doubted(tried),
                _told(tried, columns, candidate.figures, candidate.missing),
            )
        )
    if not screened.host.cells and not screened.host.readings:
        del rows[0]
    states = ", ".join(state_words(share) for share in screened.study.lithium_removed)
    return FigureTable(columns, tuple(rows), states, tuple(_signs(screened, keys)))


def _columns(screened: Screened, key: str, host: Mapping[str, Numbers]) -> list[Column]:
    """Return the mean over the states of charge that there are numbers at; with several the lowest on its own too.

    Of metals that leave each has a column of its own, at the lowest state.
    """
    places = {place for t in screened.tried for place in numbers(t, key, host)} | set(host.get(key, {}))
    shares = sorted({place.lithium_removed for place in places})
    metals = sorted({place.metal for place in places} - {""})
    if metals:
        lowest = state_words(shares[0]) + ("; % of the undoped" if key in CHANGES else "")
        each = [Column(key, lowest, shares[0], metal) for metal in metals]
        whole = [Column(key, f"mean over {len(shares)} states, lowest metal")] if len(shares) > 1 else []
        return [*whole, *each]
    size = "size, " if key in SIZES else ""
    if len(shares) > 1:
        lowest = state_words(shares[0]) + ("; % of the undoped" if key in CHANGES else "")
        return [Column(key, f"{size}mean over {len(shares)} states"), Column(key, size + lowest, shares[0])]
    tried = (screened.host, *screened.tried)
    where = {r.where for t in tried for r in t.readings if r.quantity == key and r.value is not None}
    alone = where.pop() if len(where) == 1 else ""
    return [Column(key, size + (alone or (state_words(shares[0]) if shares else "")))]


def _of_host(judged: Judged, column: Column, host: Mapping[str, Numbers]) -> Shown:
    if column.key in CHANGES:
        return Shown("0", "by definition")
    if column.state is None:
        return _shown(column.key, judged.reference.get(column.key))
    return _shown(column.key, _at(column, host.get(column.key, {})))


def _of_candidate(judged: Judged, candidate: Candidate, column: Column, host: Mapping[str, Numbers]) -> Shown:
    if column.state is None:
        return _shown(column.key, candidate.figures.get(column.key))
    own = numbers(judged.tried(candidate.name), column.key, host)
    figure = _at(column, own)
    shown = _shown(column.key, figure)
    undoped = host.get(CHANGES.get(column.key, ""), {})
    base = _at(column, {place: undoped[place] for place in own if place in undoped})
    if figure is None or base is None or base.value <= 0:
        return shown
    return replace(shown, percent=_plus(100 * figure.value / base.value, 0) + " %")


def _at(column: Column, of: Numbers) -> Estimate | None:
    runs = {
        (place.ordering, place.calculator): value
        for place, value in of.items()
        if (place.lithium_removed, place.metal) == (column.state, column.metal)
    }
    return possible(column.key, estimate(runs)) if runs else None


def _shown(key: str, figure: Estimate | None) -> Shown:
    if figure is None:
        return Shown()
    sign = "+" if key in CHANGES and figure.value > 0 else ""
    if figure.low is None or figure.high is None:
        return Shown(sign + format_number(figure.value, significant=3), "one result")
    interval = Interval(low=figure.low, high=figure.high, level=LEVEL, method="mean")
    value, ends = format_apart(figure.value, key, interval)
    return Shown(sign + value, ends or "all the same")


def _doubted(tried: Tried) -> tuple[int, int]:
    """Return how many numbers are doubted, of how many."""
    there = [r for r in tried.readings if r.value is not None]
    return sum(bool(r.doubts) for r in there), len(there)


def _told(
    tried: Tried, columns: tuple[Column, ...], figures: Mapping[str, Estimate], missing: Mapping[str, str]
) -> tuple[Told, ...]:
    """Return what is to be known of a row: signs of sizes, why a figure is missing, doubts by kind, lost numbers."""
    said: list[Told] = []
    for key in dict.fromkeys(c.key for c in columns if c.key in SIZES):
        by_ordering = signed_sizes(tried, key)
        if by_ordering:
            words = "; ".join(f"ordering {n + 1} {_signed(of)}" for n, of in by_ordering.items())
            said.append(Told(f"{QUANTITIES[key].name} with its sign", (f"{words} {QUANTITIES[key].unit}",)))
    said += [
        Told(f"no {QUANTITIES[key].name}", (missing.get(key) or _why(tried, key),))
        for key in dict.fromkeys(c.key for c in columns)
        if key not in figures and (key not in CHANGES or tried.elements)
    ]
    read = {doubt for r in tried.readings for doubt in r.doubts}
    said += [
        Told(QUANTITIES[key].name, (doubt,)) for key, f in figures.items() for doubt in f.doubts if doubt not in read
    ]
    kinds: dict[str, list[tuple[str, str]]] = defaultdict(list)
    lost: dict[str, list[str]] = defaultdict(list)
    for r in tried.readings:
        name = QUANTITIES[r.quantity].name
        for doubt in r.doubts if r.value is not None else ():
            kind, _, rest = doubt.rpartition(": ")
            kinds[kind or doubt].append((name, rest if kind else ""))
        if r.value is None:
            lost[name].append(
                f"{r.where + ', ' if r.where else ''}ordering {tried.cells[r.cell].ordering + 1}: {r.why}"
            )
    for kind, of in kinds.items():
        about = ", ".join(f"{name} {n}" for name, n in Counter(name for name, _ in of).items())
        words = "; ".join(dict.fromkeys(rest for _, rest in of if rest))
        bare = kind.removeprefix(HOST)
        title = bare if bare == kind else f"undoped cell of the pair {bare}"
        said.append(Told(title, (f"{about}{': ' if words else ''}{words}",)))
    said += [Told(f"{name} without a number", tuple(dict.fromkeys(of))) for name, of in lost.items()]
    if tried.failures:
        said.append(Told("cells that gave nothing", tried.failures))
    return tuple(said)


def _why(tried: Tried, key: str) -> str:
    """Return why there is no figure, also of a quantity that no weight and no gate asks for."""
    about = (key, CHANGES.get(key, key))
    whys = dict.fromkeys(r.why for r in tried.readings if r.quantity in about and r.value is None and r.why)
    return "; ".join(whys or tried.failures) or ("not computed" if tried.elements else "it has no dopant")


def _signed(values: list[float]) -> str:
    return ", ".join(_plus(v, 2) for v in values)


def _plus(number: float, decimals: int) -> str:
    return ("+" if number > 0 else "") + format_number(number, decimals=decimals)


def _signs(screened: Screened, keys: list[str]) -> list[str]:
    """Return a sentence for each of `SIZES` whose direction is not that of every ordering."""
    said = []
    for key in (k for k in keys if k in SIZES):
        known = {t.name: signed_sizes(t, key) for t in (screened.host, *screened.tried)}
        known = {name: of for name, of in known.items() if of}
        both = [name for name, of in known.items() if len({v > 0 for values in of.values() for v in values}) > 1]
        if both:
            first = ", ".join(_signed(of) for of in known[both[0]].values())
            said.append(
                f"{capitalised(QUANTITIES[key].name)} is a size: the score does not know whether a crystal grows or "
                f"shrinks on charge, and that varies between orderings, in {len(both)} of {len(known)} materials "
                f"({both[0]}: {first} {QUANTITIES[key].unit}; all are below, candidate by candidate)."
            )
    return said

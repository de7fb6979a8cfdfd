"""The top of the report: which sample is better, what is being lost, is it structure or resistance."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import NamedTuple

from lirich.cycling.trend import MIN_CYCLES
from lirich.model import Interval, Origin
from lirich.model.format import capitalised, condition_name, format_number, format_quantity
from lirich.quantities import quantity
from lirich.reports.data import ComparisonReport, GroupRow, PairRow, QuantityRow, ReportData
from lirich.reports.diagnosis import Cause, Diagnosis, diagnose, first_value

HEADLINES = (
    "voltage_decay_mv_per_cycle",
    "capacity_retention",
    "energy_retention",
    "capacity_fade_percent_per_cycle",
    "initial_coulombic_efficiency",
    "discharge_specific_capacity_mah_g",
    "low_voltage_share_growth_percent_per_cycle",
    "rate_capability",
)
"""The quantities that decide in words which group is better; all compared quantities are in the tables."""

_BETTER, _LOST, _WHICH = "Which sample is better?", "What is being lost?", "Is it structure or resistance?"
NOT_ANALYSED = "Not analysed: run lirich analyse"
_CAUSES: dict[Cause, str] = {
    "structure": "Structure",
    "polarisation": "Polarisation (resistance and hysteresis)",
    "both": "Both, neither clearly larger",
    "none": "No voltage decay to explain",
    "unknown": "Cannot be told from these data",
}


@dataclass(frozen=True, slots=True)
class Evidence:
    """What an answer rests on: what, its numbers, and what follows from it (``weight`` 2 is secured, 0 open).

    ``origins`` are those of the cells that the numbers are of. Where nothing could be told of these cells (``told``
    false), the answer does not rest on them.
    """

    label: str
    text: str
    verdict: str = ""
    weight: int = 0
    conditions: str = ""
    origins: tuple[Origin, ...] = ()
    told: bool = True


@dataclass(frozen=True, slots=True)
class Answer:
    """One question of the summary: the short answer, what it rests on, and what must be kept in mind."""

    question: str
    answer: str
    evidence: tuple[Evidence, ...] = ()
    caveats: tuple[str, ...] = ()

    @property
    def origins(self) -> tuple[Origin, ...]:
        """The origins of all that the answer rests on, in a fixed order; of all cells where nothing is told."""
        rests_on = [one for one in self.evidence if one.told] or self.evidence
        return _in_order(o for one in rests_on for o in one.origins)


def _in_order(origins: Iterable[Origin]) -> tuple[Origin, ...]:
    found = set(origins)
    return tuple(o for o in Origin if o in found)


def summarise(data: ReportData) -> tuple[Answer, Answer, Answer]:
    """Answer the three questions from the data of the report, in plain text."""
    main = [cell for cell in data.cells if not cell.label]  # further runs are in their own sections
    known = [cell for cell in main if cell.analysed]
    if not known:
        better, lost, which = (Answer(question, f"{NOT_ANALYSED}.") for question in (_BETTER, _LOST, _WHICH))
        return better, lost, which
    diagnoses = [diagnose(cell) for cell in known]
    groups = {cell.name: cell.group_name for cell in known}
    answers = which_is_better(data), what_is_lost(diagnoses, groups), structure_or_resistance(diagnoses, groups)
    waiting = ", ".join(cell.name for cell in main if not cell.analysed)
    if not waiting:
        return answers
    better, lost, which = (replace(a, caveats=(f"{NOT_ANALYSED} ({waiting}).", *a.caveats)) for a in answers)
    return better, lost, which


def which_is_better(data: ReportData) -> Answer:
    """Say which group is better, from the compared headline quantities."""
    if data.comparison is None:
        return Answer(_BETTER, *_without_comparison(data))
    headlines, others = told_rows(data.comparison)
    caveats: list[str] = list(data.comparison.warnings)
    caveats += [f"{_name(row)} is not compared: {row.refused}." for row in headlines if row.refused]
    judged = [one for row in headlines if not row.refused for one in _judged(row)]
    beside = [one for row in others for one in _judged(row) if one.evidence.weight == 2]
    evidence = sorted((one.evidence for one in (*judged, *beside)), key=lambda one: -one.weight)
    if not evidence and not any(row.pairs for row in data.comparison.rows):
        return Answer(_BETTER, "The groups could not be compared.", (), tuple(dict.fromkeys(caveats)))
    verdict = _verdict(judged, beside, data.comparison)
    return Answer(_BETTER, verdict, tuple(evidence), tuple(dict.fromkeys(caveats)))


def told_rows(comparison: ComparisonReport) -> tuple[list[QuantityRow], list[QuantityRow]]:
    """Return the headline rows, and the other rows in which two groups differ: no secured difference is folded."""
    headlines = headline_rows(comparison)
    return headlines, [row for row in comparison.rows if row.secured and row not in headlines]


def headline_rows(comparison: ComparisonReport) -> list[QuantityRow]:
    """Return one compared row per headline quantity: the one that says most, or a refused one where all are.

    Of rates the highest, of retentions the latest, of others the unflagged row with the most cells; of equals
    the first.
    """
    chosen: list[QuantityRow] = []
    for key in HEADLINES:
        rows = [r for r in comparison.rows if r.quantity == key]
        sound = [r for r in rows if not r.refused]
        if sound:
            late = key in ("capacity_retention", "energy_retention", "rate_capability")
            chosen.append(max(sound, key=lambda r: r.rank) if late else max(sound, key=lambda r: r.weight))
        elif rows:
            chosen.append(rows[0])
    return chosen


class _Judged(NamedTuple):
    """What is said of a pair of groups in one *quantity*, and the one that is better, if any."""

    evidence: Evidence
    winner: str
    quantity: str


def _verdict(judged: Sequence[_Judged], beside: Sequence[_Judged], comparison: ComparisonReport) -> str:
    """Say which group the headline quantities find better, and which other differences are secured *beside* them."""
    wins = Counter(one.winner for one in judged if one.evidence.weight == 2)
    hinted = sum(one.evidence.weight == 1 for one in judged)
    compared = sum(len(row.pairs) for row in comparison.rows if not row.refused)
    secured = wins.total() + len(beside)
    if not secured:
        smallest = min((len(g.points) for r in comparison.rows if not r.refused for g in r.groups), default=0)
        hint = f"; {hinted} of {len(judged)} point one way without being secured" if hinted else ""
        return f"No difference is secured with {_n(smallest)} in the smallest group{hint}."
    of = dict.fromkeys(sorted((one.winner for one in beside), key=lambda winner: not winner))
    if not wins:
        named = " ".join(_named(winner, beside) for winner in of)
        return f"{named} Secured: {secured} of {compared} comparisons."
    count = Counter(one.winner for one in beside)
    shares = ", ".join(f"{winner or 'neither'} is better in {count[winner]}" for winner in of)
    more = (
        f" {len(beside)} of {compared - len(judged)} others {'is' if len(beside) == 1 else 'are'} secured: {shares}."
        if beside
        else ""
    )
    ordered = wins.most_common()
    if len(ordered) == 1:
        return f"{ordered[0][0]}: better in {ordered[0][1]} of {len(judged)} headline comparisons, worse in none.{more}"
    told = ", ".join(f"{name} is better in {n}" for name, n in ordered)
    return f"Mixed: {told} of {len(judged)} headline comparisons.{more}"


_MOST_NAMED = 3  # quantities of one group in the short answer; the evidence names all


def _named(winner: str, judged: Sequence[_Judged]) -> str:
    count = Counter(quantity(one.quantity).name for one in judged if one.winner == winner)
    texts = [name + (f" ({n} rows)" if n > 1 else "") for name, n in count.items()]
    rest = len(texts) - _MOST_NAMED
    what = ", ".join(texts[:_MOST_NAMED]) + (f" and {rest} more quantities" if rest > 0 else "")
    return f"{winner} is better in {what}." if winner else f"Different, neither is better: {what}."


def _judged(row: QuantityRow) -> list[_Judged]:
    better = quantity(row.quantity).better
    means = {g.group: g for g in row.groups}
    found: list[_Judged] = []
    for pair in row.pairs:
        a, b = means.get(pair.first), means.get(pair.second)
        if a is None or b is None or a.mean is None or b.mean is None:
            continue
        text = f"{pair.first} {_mean(row.quantity, a)}, {pair.second} {_mean(row.quantity, b)}"
        origins = _in_order((*a.origins, *b.origins))
        p = pair.deciding_p
        if p is not None:
            text += "; " + _tight(f"p = {format_number(p, significant=2)}")
            text += " corrected" if pair.p_corrected is not None else " not corrected"
        if better is None and pair.secured:
            said = Evidence(_name(row), text, "different, neither is better", 2, row.conditions, origins)
            found.append(_Judged(said, "", row.quantity))
            continue
        if better is None or a.mean == b.mean or not (pair.secured or _excludes_zero(pair)):
            said = Evidence(_name(row), text, "cannot be told apart", 0, row.conditions, origins)
            found.append(_Judged(said, "", row.quantity))
            continue
        winner = pair.first if (a.mean > b.mean) == (better == "higher") else pair.second
        verdict = f"{winner} is better" if pair.secured else f"{winner} seems better, not secured"
        said = Evidence(_name(row), text, verdict, 2 if pair.secured else 1, row.conditions, origins)
        found.append(_Judged(said, winner, row.quantity))
    return found


def _excludes_zero(pair: PairRow) -> bool:
    low, high = pair.effect_low, pair.effect_high
    return low is not None and high is not None and (low > 0 or high < 0)


def _without_comparison(data: ReportData) -> tuple[str, tuple[Evidence, ...], tuple[str, ...]]:
    if len({c.cell.key for c in data.cells}) == 1:
        return (
            "One cell: nothing to compare it with here.",
            (Evidence("Published values", "its place among them is below, where quantities match"),)
            if data.literature
            else (),
            (),
        )
    evidence: list[Evidence] = []
    for key in HEADLINES[:2]:
        what = quantity(key)
        found = [(c, v) for c in data.cells if (v := first_value(c.values, key)) is not None]
        if len(found) < 2 or what.better is None:
            continue
        pick = max if what.better == "higher" else min
        best = pick(found, key=lambda pair: pair[1].value)
        unlike = sorted({name for _, v in found for name in v.conditions.unlike(found[0][1].conditions)})
        doubt = f" (conditions differ: {', '.join(map(condition_name, unlike))})" if unlike else ""
        number = _tight(format_quantity(best[1].value, key, best[1].interval))
        said = f"best is {best[0].name} with {number}{doubt}"
        evidence.append(Evidence(capitalised(what.name), said, origins=_in_order(c.origin for c, _ in found)))
    return (
        "Single cells, not groups: no difference between samples is claimed.",
        tuple(evidence),
        ("Say which cells are repeats (morphology, sample, dopant …) and run the report with --by to compare groups.",),
    )


def what_is_lost(diagnoses: Sequence[Diagnosis], groups: dict[str, str]) -> Answer:
    """Say what the lost discharge energy is made of."""
    losses = [d.loss for d in diagnoses if d.loss is not None]
    short = [d for d in diagnoses if d.loss is None]
    lacking = (_too_few(short),) if short else ()
    if not losses:
        return Answer(
            _LOST,
            f"Cannot be told: no cell has {MIN_CYCLES} like ageing cycles.",
            (),
            (
                *lacking,
                "A series of cycles at one rate and window is needed; correct the protocol if it was not recognised.",
            ),
        )
    evidence = []
    names = list(dict.fromkeys(groups[one.cell] for one in losses))
    for name in names:
        mine = [one for one in losses if groups[one.cell] == name]
        n = len(mine)
        parts = {
            "capacity": sum(one.capacity_percent for one in mine) / n,
            "structure": sum(one.structural_percent for one in mine) / n,
            "polarisation": sum(one.polarisation_percent for one in mine) / n,
        }
        if any(one.holds for one in mine):
            parts["held voltage"] = sum(one.held_percent for one in mine) / n
        spans = sorted({(one.reference_cycle, one.cycle) for one in mine})
        span = f"cycles {spans[0][0]} to {spans[0][1]}" if len(spans) == 1 else "the ageing cycles of each"
        who = mine[0].cell if n == 1 else f"{name} (mean of {n} cells)"
        text = f"{_tight(format_number(sum(parts.values()), decimals=1) + ' %')} of the discharge energy over {span}: "
        text += ", ".join(_tight(f"{what} {format_number(x, decimals=1)} %") for what, x in parts.items())
        evidence.append(Evidence(who, text, origins=_in_order(one.origin for one in mine)))
    mean = {
        "Capacity": sum(one.capacity_percent for one in losses),
        "Voltage, by structural change": sum(one.structural_percent for one in losses),
        "Voltage, by growing polarisation": sum(one.polarisation_percent for one in losses),
        "Voltage, by a change of the constant-voltage parts": sum(one.held_percent for one in losses),
    }
    total = sum(mean.values()) / len(losses)
    where = _where(len(losses), len(diagnoses)) if short else "."
    if total <= 0.5:
        nothing = f"Next to nothing: less than 0.5 % of the discharge energy{where}"
        return Answer(_LOST, nothing, tuple(evidence), lacking)
    largest = max(mean, key=lambda what: mean[what])
    share = 100 * mean[largest] / sum(mean.values())
    answer = f"{largest} most: {format_number(share, decimals=0)} % of the lost energy{where}"
    lengths = {one.cycle - one.reference_cycle for one in losses}
    caveats = (
        ("The cells were cycled for different numbers of cycles; compare rates, not totals.",)
        if len(lengths) > 1
        else ()
    )
    return Answer(_LOST, answer, tuple(evidence), (*lacking, *caveats))


def _where(known: int, total: int) -> str:
    """Say in how many cells something can be told; nothing of a single cell."""
    if total == 1:
        return "."
    return f", in {f'all {known}' if known == total else f'the {known} of {total}'} cells where it can be told."


def _too_few(diagnoses: Sequence[Diagnosis]) -> str:
    """Name the cells that have too few like ageing cycles, and how many they have."""
    by_count: dict[int, list[str]] = {}
    for d in diagnoses:
        by_count.setdefault(d.cycles, []).append(d.cell)
    told = "; ".join(
        f"{', '.join(names)}: {count or 'none'}" if count < MIN_CYCLES else f"{', '.join(names)}: no energies to split"
        for count, names in sorted(by_count.items())
    )
    return f"Fewer than {MIN_CYCLES} like ageing cycles that follow a like cycle: {told}."


def structure_or_resistance(diagnoses: Sequence[Diagnosis], groups: dict[str, str]) -> Answer:
    """Say whether the voltage decays by structure or by polarisation."""
    causes = Counter(d.cause for d in diagnoses)
    known = Counter({c: n for c, n in causes.items() if c != "unknown"})
    if not known:
        return Answer(_WHICH, _CAUSES["unknown"] + ".", tuple(_alike(diagnoses)))
    by_group: dict[str, Counter[Cause]] = {}
    for d in diagnoses:
        by_group.setdefault(groups[d.cell], Counter())[d.cause] += 1
    if len(known) == 1:
        answer = _CAUSES[next(iter(known))]
        answer += _where(known.total(), causes.total())
    else:
        answer = "It depends: " + "; ".join(
            f"{name}: " + ", ".join(f"{_CAUSES[c].split(' (')[0].lower()} in {n}" for c, n in count.most_common())
            for name, count in by_group.items()
        ) + "."  # fmt: skip
    evidence = []
    caveats = [
        "Polarisation is the growth of the gap between mean charge and discharge voltage: "
        "resistance and hysteresis together."
    ]
    for name in by_group:
        mine = [d for d in diagnoses if groups[d.cell] == name]
        split = [d for d in mine if first_value(d.values, _PARTS[0][1]) is not None]
        if len(split) <= 2:
            evidence += _alike(split or mine)
        else:
            many = f"{len(split)} cells" if len(split) == len(mine) else f"{len(split)} of {len(mine)} cells"
            evidence.append(Evidence(f"{name} ({many})", _parts(split), origins=_in_order(d.origin for d in split)))
        if split and len(split) < len(mine):
            rest = ", ".join(d.cell for d in mine if d not in split)
            caveats.append(f"{name}: no split of the voltage decay of {rest}.")
    return Answer(
        _WHICH,
        answer,
        tuple(evidence),
        tuple(caveats),
    )


def _alike(diagnoses: Sequence[Diagnosis]) -> list[Evidence]:
    """Return what is said of each cell; cells of which the same is said stand together."""
    by_text: dict[tuple[str, Origin, bool], list[str]] = {}
    for d in diagnoses:
        by_text.setdefault((d.cause_text, d.origin, d.cause != "unknown"), []).append(d.cell)
    return [
        Evidence(", ".join(names), text, origins=(origin,), told=told)
        for (text, origin, told), names in by_text.items()
    ]


_PARTS = (
    ("structure", "structural_voltage_decay_mv_per_cycle"),
    ("polarisation", "polarisation_voltage_decay_mv_per_cycle"),
    ("structural share", "structural_share_of_voltage_decay"),
)


def _parts(diagnoses: Sequence[Diagnosis]) -> str:
    """Return median and range over several cells that have the split."""
    texts = []
    for what, key in _PARTS:
        found = [v for d in diagnoses if (v := first_value(d.values, key)) is not None]
        if found:
            numbers = [v.value for v in found]
            middle, low, high = (
                format_quantity(x, key, unit=False) for x in (median(numbers), min(numbers), max(numbers))
            )
            span = f" ({_tight(f'{low} … {high}')})" if low != high else ""
            some = f", of {len(found)} cell{'' if len(found) == 1 else 's'}" if len(found) < len(diagnoses) else ""
            texts.append(_tight(f"{what} {middle}") + f"{span} {found[0].unit}{some}")
    return f"median and range: {', '.join(texts)}."


def _mean(key: str, group: GroupRow) -> str:
    if group.mean is None:
        return "not given"
    interval = None
    if group.low is not None and group.high is not None:
        interval = Interval(low=group.low, high=group.high, level=group.level, method="mean of the group")
    return f"{_tight(format_quantity(group.mean, key, interval))} ({_n(len(group.points))})"


def _tight(text: str) -> str:
    """Keep a number and its unit on one line."""
    return text.replace(" ", "\N{NO-BREAK SPACE}")


def _n(count: int) -> str:
    return _tight(f"n = {count}")


def _name(row: QuantityRow) -> str:
    return capitalised(quantity(row.quantity).name)

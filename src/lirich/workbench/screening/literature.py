"""What the literature says of the same dopant, beside what was computed: directions and relative changes.

Absolute numbers of two methods are never compared.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from lirich.model import Value
from lirich.model.format import format_signed
from lirich.quantities import QUANTITIES
from lirich.screening.judged import CHANGES, Judged
from lirich.screening.reasons import figure_words
from lirich.screening.screened import Tried
from lirich.screening.states import StateChange, changes_of, state_words
from lirich.screening.study import symbols
from lirich.store.literature import REVIEW, Statement

AS_CITED = f"; as cited by {REVIEW}"
UNDOPED = ("pristine", "undoped", "bare")
_WORD = re.compile(r"[A-Z][a-z]?(?:[-–+/][A-Z][a-z]?)*(?![a-z])")
_PLACED = re.compile(r"(?:\d+ × )?([A-Z][a-z]?)\S* on (\S+)")
_SITES = {"tetrahedral": "interstitial"}  # a place of a study, and what papers call it

Verdict = Literal["agrees", "contradicts", "cannot tell"]
VERDICTS: tuple[Verdict, ...] = ("agrees", "contradicts", "cannot tell")


@dataclass(frozen=True)
class Published:
    """One thing that is published of the dopants of a candidate, and what was computed of it.

    ``says`` is what is published, in words, ``dopants`` all that it was seen with. ``quantity`` is the key that it is
    compared by, empty where lirich has none, and ``direction`` what the publication does to it (``raises``,
    ``lowers``). ``computed`` are the changes over the undoped cells at each state of charge that was computed, the
    lowest first: published materials are as they were made. ``undoped`` and ``doped`` are there where a paper has both
    numbers.
    """

    candidate: str
    says: str
    dopants: tuple[str, ...]
    quantity: str
    direction: str
    verdict: Verdict
    why: str
    source: str
    cited: str
    computed: tuple[StateChange, ...] = ()
    doubts: tuple[str, ...] = ()
    undoped: Value | None = None
    doped: Value | None = None
    phrase: str = ""
    note: str = ""

    @property
    def published_percent(self) -> float | None:
        """The published change, in % of the undoped material."""
        if self.undoped is None or self.doped is None:
            return None
        return 100 * (self.doped.value - self.undoped.value) / abs(self.undoped.value)

    @property
    def computed_percent(self) -> float | None:
        """The computed change, in % of the undoped material, at the lowest state of charge."""
        return self.computed[0].percent if self.computed else None

    @property
    def figure(self) -> str:
        """The computed change at the lowest state of charge with its interval; empty where there is none."""
        return _signed(self.computed[0]) if self.computed else ""

    @property
    def figure_of(self) -> str:
        """Of what the computed change is: quantity, % of the undoped, state of charge; empty where there is none."""
        if not self.computed:
            return ""
        first = self.computed[0]
        percent = "" if first.percent is None else f", {_percent(first.percent)}"
        return f"{QUANTITIES[self.quantity].name}, {state_words(first.lithium_removed)}{percent}"

    @property
    def paper(self) -> str:
        """The source without the review that it was read in."""
        return self.source.removesuffix(AS_CITED)

    @property
    def turned(self) -> str:
        """Say where a later state of charge surely changes the other way than the lowest; empty where none does."""
        if not self.computed or not _sign(self.computed[0]):
            return ""
        other = [c for c in self.computed[1:] if _sign(c) == -_sign(self.computed[0])]
        return "; ".join(f"the other way at {state_words(c.lithium_removed)}: {_signed(c)}" for c in other)

    @property
    def words(self) -> str:
        """Say both and what follows: ``Na: published widens the layers → computed …: agrees (ref. 69)``."""
        computed = f" → computed {self.figure} ({self.figure_of})" if self.figure else ""
        why = "".join(f", {part}" for part in (self.why, self.turned) if part)
        return f"{self.candidate}: published {self.says}{computed}: {self.verdict}{why} ({self.cited})"

    def to_dict(self) -> dict[str, object]:
        """Return it as JSON."""
        return {
            "candidate": self.candidate,
            "dopants": list(self.dopants),
            "published": self.says,
            "quantity": self.quantity,
            "direction": self.direction,
            "undoped": None if self.undoped is None else self.undoped.value,
            "doped": None if self.doped is None else self.doped.value,
            "published_change_percent": self.published_percent,
            "computed_change_percent": self.computed_percent,
            "computed_state": state_words(self.computed[0].lithium_removed) if self.computed else "",
            "computed": [each.to_dict() for each in self.computed],
            "doubts": list(self.doubts),
            "verdict": self.verdict,
            "why": self.why,
            "phrase": self.phrase,
            "note": self.note,
            "source": self.source,
        }


def published(judged: Judged, literature: Iterable[Value], said: Iterable[Statement] = ()) -> tuple[Published, ...]:
    """Return what is published of the dopants of a screening, each beside what was computed.

    From *literature* come pairs, two values of one quantity from one source, one of them of a material that is named by
    exactly these elements (``Na-W co-doped``) or says its dopants, one of the undoped material; and values of a doped
    material that stand alone. From *said* come statements of a direction. ``agrees`` and ``contradicts`` ask for an
    interval of the computed change, at the lowest state of charge, that does not hold 0.
    """
    values, statements, found = list(literature), list(said), []
    doped = [(value, _dopants(value)) for value in values]
    for tried in judged.screened.tried:
        own = set(tried.elements)
        alone: dict[tuple[str, tuple[str, ...]], list[Value]] = {}
        for value, elements in doped:
            if not elements or not own <= set(elements):
                continue
            undoped = _undoped(value, values)
            if undoped is not None and undoped.value:
                found.append(_of_pair(judged, tried, undoped, value, elements))
            elif "dopants" in value.provenance.parameters:
                alone.setdefault((value.provenance.source, elements), []).append(value)
        found += [_of_statement(judged, tried, each) for each in statements if _concerns(each, tried)]
        found += [_of_values(tried, elements, tuple(of)) for (_, elements), of in alone.items()]
    return tuple(found)


def counted(found: Sequence[Published]) -> str:
    """Return how many agree, contradict and cannot be told: ``9 agree, 3 contradict, 20 cannot be told``."""
    words = {"agrees": "agree", "contradicts": "contradict", "cannot tell": "cannot be told"}
    return ", ".join(f"{sum(each.verdict == v for each in found)} {words[v]}" for v in VERDICTS)


def _of_pair(judged: Judged, tried: Tried, undoped: Value, doped: Value, elements: tuple[str, ...]) -> Published:
    difference = doped.value - undoped.value
    direction = "raises" if difference > 0 else "lowers" if difference < 0 else ""
    percent = _percent(100 * difference / abs(undoped.value))
    changes = changes_of(judged, tried.name, doped.quantity)
    together = _together(tried, elements)
    verdict, why = _verdict(direction, changes)
    return Published(
        candidate=tried.name,
        says=f"{QUANTITIES[doped.quantity].name} {undoped.value:g} → {doped.value:g} {doped.unit} ({percent})",
        dopants=elements,
        quantity=doped.quantity,
        direction=direction,
        verdict="cannot tell" if together else verdict,
        why=together or why,
        source=doped.provenance.source,
        cited=_cited(doped),
        computed=() if together else tuple(changes),
        doubts=() if together else _doubts(tried, doped.quantity, changes),
        undoped=undoped,
        doped=doped,
        phrase=str(doped.provenance.parameters.get("phrase", "")),
        note=doped.note,
    )


def _of_statement(judged: Judged, tried: Tried, said: Statement) -> Published:
    """Compare with the nearest quantity of the statement that was computed."""
    together = "" if set(tried.elements) == set(said.dopants) else _together(tried, said.within)
    others = [element for element in said.within if element not in tried.elements]
    changes: list[StateChange] = []
    verdict: Verdict = "cannot tell"
    key = said.quantities[0] if said.quantities else ""
    if together:
        why = together
    elif said.site == "surface":
        why = "published of a surface, computed in the bulk"
    elif not said.quantities:
        why = "lirich computes no such quantity"
    else:
        tried_keys = ((k, changes_of(judged, tried.name, k)) for k in said.quantities)
        key, changes = next((each for each in tried_keys if each[1]), (key, []))
        verdict, why = _verdict(said.direction, changes)
        gone = _gone(tried) if changes else ""
        verdict, why = ("cannot tell", gone) if gone else (verdict, why)
    return Published(
        candidate=tried.name,
        says=f"{said.says} (with {', '.join(others)})" if others and not together else said.says,
        dopants=said.within,
        quantity=key,
        direction=said.direction,
        verdict=verdict,
        why=why,
        source=said.source,
        cited=", ".join(f"ref. {n}" for n in said.references),
        computed=tuple(changes),
        doubts=_doubts(tried, key, changes),
        phrase=said.phrase,
        note=said.note,
    )


def _of_values(tried: Tried, elements: tuple[str, ...], values: tuple[Value, ...]) -> Published:
    first = values[0]
    return Published(
        candidate=tried.name,
        says="; ".join(_measured(value) for value in values),
        dopants=elements,
        quantity="",
        direction="",
        verdict="cannot tell",
        why=_together(tried, elements) or "no undoped value beside",
        source=first.provenance.source,
        cited=_cited(first),
        note="; ".join(dict.fromkeys(v.note for v in values if "conflict" in v.flags)),
    )


def _gone(tried: Tried) -> str:
    """Say that a dopant left its place when the discharged cell relaxed, in half of the cells or more; else empty."""
    for element in tried.elements:
        moved = re.compile(rf"discharged cell not as built: .*\b\d+ {element} moved")
        left = sum(any(moved.search(note) for note in cell.notes) for cell in tried.cells)
        if left and 2 * left >= len(tried.cells):
            return f"{element} left its place in {left} of {len(tried.cells)} cells"
    return ""


def _verdict(direction: str, changes: Sequence[StateChange]) -> tuple[Verdict, str]:
    if not changes:
        return "cannot tell", "not computed here"
    change = changes[0].change
    if change.low is None:
        return "cannot tell", "one result has no interval"
    sign = _sign(changes[0])
    asked = {"raises": 1, "lowers": -1}.get(direction, 0)
    if not sign or not asked:
        return "cannot tell", "the interval holds 0" if not sign else "published as no change"
    return ("agrees" if sign == asked else "contradicts"), ""


def _sign(change: StateChange) -> int:
    """Return 1 or -1 where the interval of a change lies on one side of 0, else 0."""
    low, high = change.change.low, change.change.high
    return 1 if low is not None and low > 0 else -1 if high is not None and high < 0 else 0


def _signed(change: StateChange) -> str:
    words = figure_words(change.quantity, change.change)
    return words if change.change.value < 0 else f"+{words}"


def _percent(percent: float) -> str:
    return f"{format_signed(percent, decimals=0) if abs(percent) >= 9.5 else format_signed(percent, significant=2)} %"


def _measured(value: Value) -> str:
    conditions = str(value.provenance.parameters.get("conditions_printed", ""))
    told = f" ({conditions})" if conditions else ""
    return f"{QUANTITIES[value.quantity].name} {value.value:g} {value.unit}{told}"


def _together(tried: Tried, elements: Sequence[str]) -> str:
    """Say that a publication is of more dopants than the candidate has; empty where it is not."""
    if set(tried.elements) == set(elements):
        return ""
    return f"published of {', '.join(elements[:-1])} and {elements[-1]} together"


def _concerns(said: Statement, tried: Tried) -> bool:
    """Whether a statement is of a candidate: the same dopants on the site that it names, or some of them."""
    own = set(tried.elements)
    if own != set(said.dopants) and not (own <= set(said.within) and own & set(said.dopants)):
        return False
    placed = {match[1]: _SITES.get(match[2], match[2]) for words in tried.dopants if (match := _PLACED.match(words))}
    there = {placed[element] for element in said.dopants if element in placed}
    return said.site in ("", "surface") or not there or there == {said.site}


def _doubts(tried: Tried, key: str, changes: Sequence[StateChange]) -> tuple[str, ...]:
    """Return the doubts about the numbers of the lowest state of charge."""
    if not changes:
        return ()
    keys, share = {key, *(change for change, base in CHANGES.items() if base == key)}, changes[0].lithium_removed
    there = (r for r in tried.readings if r.quantity in keys and r.value is not None and r.lithium_removed == share)
    return tuple(dict.fromkeys(doubt for reading in there for doubt in reading.doubts))


def _cited(value: Value) -> str:
    numbers = str(value.provenance.parameters.get("reference_numbers", "")).split()
    return ", ".join(f"ref. {n}" for n in numbers) or value.provenance.source


def _undoped(doped: Value, values: Sequence[Value]) -> Value | None:
    same = (v for v in values if v.quantity == doped.quantity and v.provenance.source == doped.provenance.source)
    return next((v for v in same if v is not doped and any(w in v.subject.key.casefold() for w in UNDOPED)), None)


def _dopants(value: Value) -> tuple[str, ...]:
    """Return the dopants that a record says, or that the first word of its material's name is made of."""
    stated = str(value.provenance.parameters.get("dopants", "")).split()
    if stated or any(word in value.subject.key.casefold() for word in UNDOPED):
        return tuple(stated)
    match = _WORD.match(value.subject.key.strip())
    parts = re.split(r"[-–+/]", match[0]) if match else []
    return tuple(parts) if set(parts) <= set(symbols()) else ()

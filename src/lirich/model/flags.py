"""What the flags of values mean, in words: one place for the command line, the report and the notebook."""

from __future__ import annotations

from collections.abc import Iterable
from types import MappingProxyType

FLAGS: MappingProxyType[str, str] = MappingProxyType(
    {
        "ambiguous": "the source can be read in more than one way",
        "capacity-rises-before": "the capacity rises before the knee",
        "circuit-misfit": "the circuit leaves more of the spectrum than its noise",
        "coarse-capacity": "the capacity was recorded in steps of more than 0.3 % of it; further digits are not known",
        "coarse-voltage": "the voltage was recorded in steps of more than 1 mV; further digits are not known",
        "composition-unknown": "the composition is not given, so nothing says that the material is Li-rich",
        "conflict": "sources contradict each other",
        "cycle-not-stated": "the source does not say of which cycle",
        "cycles-not-stated": "the source does not say after how many cycles",
        "electrode-unknown": "cathode or anode is not given; the efficiency of a cathode was taken",
        "end-under-current": "the file ends under current: nothing tells whether this half-cycle was whole",
        "equilibrium": "an equilibrium of computed energies: what may happen and what drives it, not how fast it goes",
        "fallback": "default used, no feature found",
        "first-charge-partial": "the first discharge gave more than the first charge took: the cell was partly charged "
        "when the test began, and what needs the whole charge means nothing",
        "follows-unlike": "the cycle before ran at another rate or window, or was cut short, so this charge began "
        "from another state",
        "formal": "bookkeeping, not measured",
        "history-unknown": "the voltage moved before the first pulse: the particles held a profile that is not known",
        "implausible-capacity": "more charge per gram than all lithium of the material, or next to none: the active "
        "mass or the unit of the current is wrong, or not all of the charge came from the material",
        "incomplete-cycle": "of a part of a cycle",
        "method-not-stated": "the source does not say how it was computed",
        "not-kramers-kronig": "the spectrum breaks the Kramers–Kronig relations: noise, drift or too large a signal",
        "not-measured": "theoretical or calculated, not measured",
        "not-relaxed": "the voltage still moves at the end of the rest",
        "open-loop": "charge and discharge differ by more than 5 %: E_ch − E_dis is not the area of a loop",
        "out-of-validity": "outside the validity of the method",
        "peak-not-resolved": "with a wider or narrower smoothing window the peak is not seen by itself",
        "potential-not-resolved": "the voltages at rest do not tell the potential at states that the surface of the "
        "particles went through",
        "pre-filter": "computed with a universal potential: a pre-filter, not DFT; energies of defects, surfaces and "
        "barriers come out too low",
        "recording-gap": "a part of the cycle was not recorded: charge may be missing, and the curve is not whole",
        "redox-charge-unknown": "the composition has an element that the bookkeeping of electrons has no number for",
        "run-order-unknown": "the files of the cell cannot be put in order, so its cycles have no place in its life",
        "slope-not-resolved": "the slope cannot be told from zero",
        "unbounded": "the data bound it on neither side: any number would do",
        "upper-bound": "an upper bound",
    }
)
"""The meaning of each flag; those that begin with ``unlike-`` name a condition."""

UNSOUND = frozenset(
    {
        "first-charge-partial",
        "follows-unlike",
        "implausible-capacity",
        "incomplete-cycle",
        "open-loop",
        "recording-gap",
        "run-order-unknown",
        "unbounded",
    }
)
"""Flags of values that are shown with a mark, but neither compared nor ranked."""


def meaning(flag: str) -> str:
    """Return what *flag* means in words; empty where it is not one of lirich's."""
    if flag.startswith("unlike-"):
        return f"another {flag.removeprefix('unlike-').replace('-', ' ')} than the ageing cycles"
    return FLAGS.get(flag, "")


def unsound(flags: Iterable[str]) -> list[str]:
    """Return those of *flags* that say that a value must not be compared, sorted."""
    return sorted(UNSOUND.intersection(flags))


class Marks:
    """Marks for the entries of a table, and the lines below it that say what each mark means.

    >>> marks = Marks()
    >>> marks.of(["first-charge-partial"], where="SC-1")
    '*'
    """

    _SIGNS = "*†‡§¶"

    def __init__(self) -> None:
        self._places: dict[str, list[str]] = {}

    def of(self, flags: Iterable[str], *, where: str = "") -> str:
        """Return the marks of *flags*, one each; *where* is named in the line below."""
        return "".join(self.note(f"{flag}: {meaning(flag)}" if meaning(flag) else flag, where=where) for flag in flags)

    def note(self, text: str, *, where: str = "") -> str:
        """Return the mark of a remark; the same remark has the same mark."""
        places = self._places.setdefault(text, [])
        if where and where not in places:
            places.append(where)
        return self._sign(list(self._places).index(text))

    def _sign(self, index: int) -> str:
        turns, place = divmod(index, len(self._SIGNS))
        return self._SIGNS[place] * (turns + 1)

    @property
    def lines(self) -> list[str]:
        """What the marks mean, in the order in which they were handed out."""
        return [
            f"{self._sign(i)} {text}" + (f" ({', '.join(places)})" if places else "")
            for i, (text, places) in enumerate(self._places.items())
        ]

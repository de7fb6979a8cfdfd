"""One number of a descriptor: of which quantity, where, in which state, and what speaks against it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from lirich.atoms.plan import Outcome
from lirich.atoms.relax import Relaxation, relaxed
from lirich.errors import LirichError
from lirich.model import Frozen

Region = Literal["", "near", "far"]


class Computed(Frozen):
    """A computed number.

    ``value`` is in the unit of the quantity, ``None`` where there is none; ``why`` then says what became of it.
    ``where`` names the site or path in words, ``region`` whether it is next to a dopant or far from one (empty where
    that is no question), ``lithium_removed`` the share of the lithium that is taken out (0 to 1). ``doubts`` are about
    a number that is there.

    ``steps`` are those of the relaxations that gave the number, together: of its end states (and of its band), of a
    number of whole cells those of the cells. The cell that an end state begins from, lithium metal and competing phases
    are not among them. ``None`` where nothing was relaxed for it.

    ``atom`` is the atom that is taken out or goes elsewhere, by its index in the relaxed cell of that state of charge;
    ``None`` where there is none.
    """

    quantity: str
    value: float | None
    where: str = ""
    region: Region = ""
    lithium_removed: float = 0.0
    doubts: tuple[str, ...] = ()
    why: str = ""
    steps: int | None = None
    atom: int | None = None


def ended(outcome: Outcome) -> tuple[Relaxation | None, str]:
    """Return a relaxation that can be used, or ``None`` and why not: failed, not converged, collapsed, slid back."""
    if isinstance(outcome, LirichError):
        return None, str(outcome)
    result = relaxed(outcome)
    if not result.converged:
        return None, f"not converged after {result.steps} steps ({result.force_max_ev_a:.2f} eV/Å left)"
    if result.end.kind in ("collapsed", "moved back"):
        return None, result.end.words
    return result, ""


def steps_of(*outcomes: Outcome) -> int | None:
    """Return the steps of relaxations together; ``None`` where each ended in an error, which tells of none."""
    told = [int(outcome["steps"]) for outcome in outcomes if not isinstance(outcome, LirichError)]
    return sum(told) if told else None


def doubts_of(result: Relaxation) -> tuple[str, ...]:
    """Return what the end state of a relaxation says against its number: nothing where it ended as it was built.

    Atoms that moved, and metals whose coordination changed. Lithium between five and six anions is at home in both.
    """
    if result.end.kind == "as built":
        return ()
    words = []
    for element in dict.fromkeys(move.element for move in result.end.moved):
        steps = [move.distance_a for move in result.end.moved if move.element == element]
        words.append(f"{len(steps)} {element} moved, up to {max(steps):.1f} Å")
    changed = [c for c in result.end.coordination if c.element != "Li"]
    words += [f"{c.element} {c.atom} has {c.after} anions, had {c.before}" for c in changed]
    return (f"not as built: {'; '.join(words)}",) if words else ()


def fallen_back(figures: Sequence[Computed]) -> list[Computed]:
    """Return *figures* with what must be said where places beside the dopant have no value.

    The lowest of those beside it is what a cell is judged by. Where some have none the lowest may be one of them, and
    where all have none a figure far from the dopant stands in: each of these figures says so.
    """
    said = []
    for figure in figures:
        near = [f for f in figures if f.region == "near" and (f.quantity, f.lithium_removed) == _of(figure)]
        lost = [f for f in near if f.value is None]
        words = ""
        if figure.value is not None and lost:
            why = lost[0].why.rstrip(".")
            if len(lost) < len(near) and figure.region == "near":
                words = f"{len(lost)} of {len(near)} places beside the dopant have no value ({lost[0].where}: {why})"
            elif len(lost) == len(near):
                words = f"none of {len(near)} places beside the dopant has a value ({why}): this one is far from it"
        said.append(figure.model_copy(update={"doubts": (*figure.doubts, words)}) if words else figure)
    return said


def _of(figure: Computed) -> tuple[str, float]:
    return figure.quantity, figure.lithium_removed


def difference(quantity: str, doped: Computed, host: Computed) -> Computed:
    """Return the paired difference of two numbers: of the same place in a doped cell and in its host.

    It has no value, and says why, where one of the two has none; the doubts and the steps are those of both.
    """
    doubts = (*doped.doubts, *(f"host: {words}" for words in host.doubts))
    told = [steps for steps in (doped.steps, host.steps) if steps is not None]
    known = doped.model_copy(update={"quantity": quantity, "doubts": doubts, "steps": sum(told) if told else None})
    if doped.value is None or host.value is None:
        why = doped.why if doped.value is None else f"host: {host.why}"
        return known.model_copy(update={"value": None, "why": why, "doubts": ()})
    return known.model_copy(update={"value": doped.value - host.value})

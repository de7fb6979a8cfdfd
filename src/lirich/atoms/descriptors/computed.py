"""One number of a descriptor: of which quantity, where, in which state, and what speaks against it."""

from __future__ import annotations

from lirich.atoms.plan import Outcome
from lirich.atoms.relax import Relaxation, relaxed
from lirich.errors import LirichError
from lirich.model import Frozen


class Computed(Frozen):
    """A computed number.

    ``value`` is in the unit of the quantity, ``None`` where there is none; ``why`` then says what became of it.
    ``where`` names the site or path, ``lithium_removed`` the share of the lithium that is taken out (0 to 1). ``doubts``
    are about a number that is there.
    """

    quantity: str
    value: float | None
    where: str = ""
    lithium_removed: float = 0.0
    doubts: tuple[str, ...] = ()
    why: str = ""


def ended(outcome: Outcome, *, needed: str = "as built") -> tuple[Relaxation | None, str]:
    """Return a relaxation that can be used, or ``None`` and why not: failed, not converged, or in another state.

    *needed* names the state that the number is of; ``any`` takes whatever the relaxation ended in but a collapse.
    """
    if isinstance(outcome, LirichError):
        return None, str(outcome)
    result = relaxed(outcome)
    if not result.converged:
        return None, f"not converged after {result.steps} steps ({result.force_max_ev_a:.2f} eV/Å left)"
    if result.end.kind == "collapsed" or (needed != "any" and result.end.kind != needed):
        return None, result.end.words
    return result, ""

"""What is to be said of a screening whose host has one ordering: how far orderings scatter cannot be told."""

from __future__ import annotations

from lirich.model import Finding
from lirich.screening.study import DopingStudy


def one_ordering(study: DopingStudy, orderings: int | None = None) -> Finding | None:
    """Return the warning that no interval over orderings can be told, ``None`` where there are several.

    *orderings* is how many there were; by default how many the study asks for: a crystal from a file is one.
    """
    host = study.host
    if (orderings or (1 if host.as_given else host.orderings)) > 1:
        return None
    if host.as_given:
        whose = f"The host is the crystal of {host.file or 'a file'}, which is one ordering"
        whose += "" if host.orderings <= 2 else f" (orderings: {host.orderings} is for a formula)"
        advice = "Give host.formula with orderings: 2 or more to see how far orderings differ"
    elif host.orderings > 1:
        whose, advice = f"All of {host.orderings} starts gave one ordering of the host", "Set host.atoms higher"
    else:
        whose, advice = "One ordering of the host", "Set host.orderings to 2 or more"
    many = len(study.calculators)
    told = (
        "no interval can be told, and nothing says how sure a rank is"
        if many == 1
        else f"intervals are those of {many} calculators alone, and how far orderings scatter cannot be told"
    )
    return Finding(code="one-ordering", severity="warning", message=f"{whose}: {told}", advice=advice)

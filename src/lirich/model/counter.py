"""Counter electrodes with a potential of their own: what they are called, where they stand against Li, who says so.

The voltage of a half-cell is against its counter electrode. What is defined against Li/Li⁺ (thresholds, the activation
plateau) holds of such a cell only after its potential is added, and that is done only when it is asked for.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from lirich.errors import UnknownNameError


@dataclass(frozen=True, slots=True)
class CounterElectrode:
    """A counter electrode: its name, its potential (V vs Li/Li⁺), the source, and what else people call it."""

    name: str
    potential_v: float
    source: str
    also: tuple[str, ...] = ()


COUNTER_ELECTRODES: Mapping[str, CounterElectrode] = MappingProxyType(
    {
        each.name: each
        for each in (
            CounterElectrode(
                "Li", 0.0, "the reference itself", ("lithium", "li metal", "lithium metal", "li foil", "li/li+")
            ),
            CounterElectrode(
                "Li-In",
                0.62,
                "two-phase region of In and InLi: Santhosha et al., Batteries & Supercaps 2 (2019) 524, "
                "doi:10.1002/batt.201800149",
                ("in-li", "inli", "lithium-indium", "indium-lithium", "in/inli", "li0.5in"),
            ),
        )
    }
)
"""The counter electrodes whose potential is known, by name."""

_SPOKEN = {
    spoken: each
    for each in COUNTER_ELECTRODES.values()
    for spoken in (each.name.lower(), each.name.lower().replace("-", ""), *each.also)
}


def counter_electrode(name: str) -> CounterElectrode:
    """Return a counter electrode by one of its names. Raises `UnknownNameError`."""
    found = _spoken(name)
    if found is None:
        raise UnknownNameError.of("counter electrode", name, COUNTER_ELECTRODES)
    return found


def counter_potential_v(stated: str | None) -> float | None:
    """Return the potential of a counter electrode as somebody states it, V vs Li/Li⁺; ``None`` where unknown."""
    found = None if stated is None else _spoken(stated)
    return None if found is None else found.potential_v


def _spoken(name: str) -> CounterElectrode | None:
    plain = re.sub(r"[\s_–]+", " ", name.strip().lower())
    return _SPOKEN.get(plain) or _SPOKEN.get(plain.replace(" ", "-"))

"""Names of the candidates of a study: the elements, and beside them only what tells candidates apart."""

from __future__ import annotations

from collections.abc import Sequence

from lirich.atoms.compensation import Compensation
from lirich.atoms.compensation import ion as charged
from lirich.atoms.oxidation import usual_state
from lirich.errors import SettingsError
from lirich.screening.study import Doping, Ion

_WHERE = {"Li": "in the Li layer", "TM": "in the TM layer", "O": "on O", "tetrahedral": "tetrahedral"}


def charge_of(ion: Ion) -> int:
    """Return the charge of an ion, e: the usual one where none is given. Raises `lirich.errors.UnknownNameError`."""
    return usual_state(ion.element) if ion.charge is None else ion.charge


def names_of(dopings: Sequence[Doping]) -> list[str]:
    """Return a name for each, in their order: ``Na+W``, ``Mg in the Li layer``, ``V⁴⁺``, ``Ti at 25 %``.

    Where two would have the same name, each is told with what it does not share: charge, place, replaced ion, number,
    concentration. Raises `SettingsError` for two that do not differ in any of them.
    """
    plain = [_plain(doping) for doping in dopings]
    alike: dict[str, list[Doping]] = {}
    for name, doping in zip(plain, dopings, strict=True):
        alike.setdefault(name, []).append(doping)
    names = [
        name if len(alike[name]) == 1 else _told_apart(doping, alike[name])
        for name, doping in zip(plain, dopings, strict=True)
    ]
    for name in names:
        if names.count(name) > 1:
            raise SettingsError(
                f"The study has {name} {names.count(name)} times",
                expected="candidates that differ in element, charge, site, replaced ion, number or concentration",
                advice="Leave all but one out",
            )
    return names


def way_names(name: str, ways: Sequence[Compensation]) -> list[str]:
    """Return a name for each way to make a candidate neutral: ``W (exchange)``; of one kind: ``W (Ni²⁺ for Mn⁴⁺)``."""
    if len(ways) < 2:
        return [name] * len(ways)
    kinds = [way.kind for way in ways]
    return [f"{name} ({way.kind if kinds.count(way.kind) == 1 else way.words})" for way in ways]


def _plain(doping: Doping) -> str:
    if len(doping.dopants.placings()) == 1:
        return doping.dopants.name
    ions = zip(doping.dopants.ions, doping.places, strict=True)
    return " + ".join(f"{ion.element} {_WHERE[place]}" for ion, place in ions)


def _told_apart(doping: Doping, alike: Sequence[Doping]) -> str:
    """Return the name with what differs among those of the same elements."""
    placed = len(doping.dopants.placings()) > 1
    parts = []
    for i, (ion, place) in enumerate(zip(doping.dopants.ions, doping.places, strict=True)):
        here = [each.dopants.ions[i] for each in alike]
        words = charged(ion.element, charge_of(ion)) if len({charge_of(each) for each in here}) > 1 else ion.element
        if len({each.count for each in here}) > 1:
            words = f"{ion.count} {words}"
        if placed or len({each.places[i] for each in alike}) > 1:
            words += f" {_WHERE[place]}"
        if ion.replaces and len({each.replaces for each in here}) > 1:
            words += f" for {ion.replaces}"
        parts.append(words)
    name = " + ".join(parts) if parts != list(doping.dopants.elements) else doping.dopants.name
    if len({(each.percent, each.percent_of) for each in alike}) > 1:
        together = " together" if doping.percent_of == "set" and len(parts) > 1 else ""
        name += f" at {doping.percent:g} %{together}"
    return name

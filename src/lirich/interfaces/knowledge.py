"""What is known of solid electrolytes: measured conductivity, class, moisture and processing.

Conductivities are those of OBELiX (Therrien et al., "OBELiX: a curated dataset of crystal structures and experimentally
measured ionic conductivities for lithium solid-state electrolytes", 2025; CC-BY 4.0): 599 measurements at room
temperature, which the data set does not state closer, each with the DOI of its paper. ``electrolytes.csv`` is derived
from it by ``script/derive-electrolyte-table``; polymers are not in it. What a class has in common is in
``electrolyte_classes.csv``, each statement with its source.

Two samples of one formula differ by a factor of ten easily (density, grain boundaries, heat treatment): the spread is
part of the answer.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Literal

import numpy as np

from lirich.errors import CompositionError, UnknownNameError
from lirich.model import Composition

ElectrolyteClass = Literal["sulfide", "oxide", "halide", "oxyhalide", "nitride", "hydride", "phosphide", "polymer"]
CLASSES: tuple[ElectrolyteClass, ...] = (
    "sulfide", "oxide", "halide", "oxyhalide", "nitride", "hydride", "phosphide", "polymer",
)  # fmt: skip

FAR = 0.15
"""Share of the atoms that must be exchanged beyond which a formula is no relative: a convention of lirich. Cl for half
of the Br of an argyrodite is 0.04, Ge for Sn in Li10MP2S12 is 0.04, Li6PS5Cl for Li3PS4 is 0.22."""
SAME = 0.002
"""Share of the atoms up to which two formulas are one: rounding of printed formulas."""

Amounts = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Measurement:
    """One measured electrolyte. ``bound`` is ``<`` where only an upper limit was measured, else empty."""

    formula: str
    conductivity_s_cm: float
    bound: str
    family: str
    space_group: int
    dois: tuple[str, ...]
    fractions: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Fact:
    """A statement about a class: what it is about (``moisture``, ``processing``, ``contact``, ``stability``)."""

    topic: str
    statement: str
    source: str
    checked: str


@dataclass(frozen=True, slots=True)
class Relative:
    """A measured neighbour: the share of atoms to exchange, and what is known of it."""

    formula: str
    distance: float
    electrolyte_class: ElectrolyteClass
    median_s_cm: float
    count: int


@dataclass(frozen=True, slots=True)
class Electrolyte:
    """What is known of a formula.

    ``known`` tells whether this very formula was measured. If so, ``median_s_cm`` is the median of ``measurements`` at
    room temperature, ``low_s_cm`` and ``high_s_cm`` their range; upper limits enter with the limit, and ``bounded``
    counts them. If not, these are ``None``, and only ``relatives`` say what to expect. ``note`` says so in words.
    """

    formula: str
    electrolyte_class: ElectrolyteClass
    known: bool
    median_s_cm: float | None
    low_s_cm: float | None
    high_s_cm: float | None
    bounded: int
    measurements: tuple[Measurement, ...]
    relatives: tuple[Relative, ...]
    facts: tuple[Fact, ...]
    note: str


@lru_cache(maxsize=1)
def measurements() -> tuple[Measurement, ...]:
    """Return all measurements that are carried, in the order of OBELiX."""
    return tuple(_measurement(row) for row in _rows("electrolytes.csv"))


@lru_cache(maxsize=1)
def _of_one_formula() -> tuple[tuple[Measurement, ...], ...]:
    """Return the measurements, those of one formula together."""
    groups: dict[frozenset[tuple[str, float]], list[Measurement]] = {}
    for one in measurements():
        groups.setdefault(frozenset((e, round(x, 3)) for e, x in one.fractions.items()), []).append(one)
    return tuple(map(tuple, groups.values()))


@lru_cache(maxsize=1)
def repeat_spread() -> tuple[float, int]:
    """Return the pooled standard deviation of log10 of the conductivity of one formula, and of how many formulas it is.

    It is that between samples and laboratories, polymorphs of one formula among them; upper limits are left out.
    """
    sure = [[m.conductivity_s_cm for m in group if not m.bound] for group in _of_one_formula()]
    repeated = [np.log10(values) for values in sure if len(values) > 1]
    squares = sum(float(((x - x.mean()) ** 2).sum()) for x in repeated)
    return float(np.sqrt(squares / sum(len(x) - 1 for x in repeated))), len(repeated)


def measured_formulas(classes: Collection[str], at_least_s_cm: float, without: Collection[str] = ()) -> tuple[str, ...]:
    """Return the formulas of *classes* whose median conductivity is at least so high, the most conductive first.

    Formulas with an element of *without* are left out.
    """
    found = [
        (median_s_cm(group), group[0].formula)
        for group in _of_one_formula()
        if electrolyte_class(group[0].formula) in classes and not set(without) & set(group[0].fractions)
    ]
    enough = sorted((-median, formula) for median, formula in found if median >= at_least_s_cm)
    return tuple(formula for _, formula in enough)


def class_facts(electrolyte_class: str, topic: str | None = None) -> tuple[Fact, ...]:
    """Return what is known of a class, of one *topic* or all.

    Raises `lirich.errors.UnknownNameError` for another class.
    """
    if electrolyte_class not in CLASSES:
        raise UnknownNameError.of("class of electrolytes", electrolyte_class, CLASSES)
    rows = (row for row in _rows("electrolyte_classes.csv") if row["class"] == electrolyte_class)
    facts = (Fact(row["topic"], row["statement"], row["source"], row["checked"]) for row in rows)
    return tuple(f for f in facts if topic in (None, f.topic))


def electrolyte(formula: str, nearest: int = 5) -> Electrolyte:
    """Return what is known of a formula and its *nearest* relatives of the same class.

    Formulas are normalised to shares of atoms: ``Li6PS5Cl``, ``ClLi6PS5`` and ``Li12P2S10Cl2`` are one.

    Raises
    ------
    lirich.errors.CompositionError
        For what is no formula, or has no lithium or no anion.
    """
    fractions = _fractions(Composition.parse(formula).amounts)
    if "Li" not in fractions:
        raise CompositionError(f"{formula} has no lithium", expected="a lithium electrolyte")
    kind = electrolyte_class(formula)
    own = tuple(m for m in measurements() if distance(m.fractions, fractions) <= SAME)
    relatives = _relatives(fractions, kind, nearest)
    return Electrolyte(
        formula=formula,
        electrolyte_class=kind,
        known=bool(own),
        median_s_cm=median_s_cm(own) if own else None,
        low_s_cm=min(m.conductivity_s_cm for m in own) if own else None,
        high_s_cm=max(m.conductivity_s_cm for m in own) if own else None,
        bounded=sum(m.bound == "<" for m in own),
        measurements=own,
        relatives=relatives,
        facts=class_facts(kind),
        note=_note(formula, kind, own, relatives),
    )


def electrolyte_class(formula: str) -> ElectrolyteClass:
    """Return the class of a formula by its anions.

    The anion with the most atoms decides: S, Se and Te make a *sulfide* (so argyrodites are, and sulfates are oxides),
    O an *oxide*, F, Cl, Br and I a *halide*, N a *nitride*. Oxygen and halogen of which neither is four times the other
    are an *oxyhalide* (Li3OCl). H with B, N or Al and no other anion is a *hydride*, P or As alone a *phosphide*.

    Raises `lirich.errors.CompositionError` for a formula without any of them.
    """
    amounts = Composition.parse(formula).amounts
    halogen = sum(amounts.get(e, 0.0) for e in ("F", "Cl", "Br", "I"))
    chalcogen = sum(amounts.get(e, 0.0) for e in ("S", "Se", "Te"))
    oxygen, nitrogen, hydrogen = (amounts.get(e, 0.0) for e in ("O", "N", "H"))
    if hydrogen > max(halogen, chalcogen, oxygen, nitrogen):
        return "hydride"
    if halogen and oxygen >= chalcogen and halogen < 4.0 * oxygen and oxygen < 4.0 * halogen:
        return "oxyhalide"
    most = max(halogen, chalcogen, oxygen, nitrogen)
    if most == 0.0:
        if amounts.get("P", 0.0) + amounts.get("As", 0.0) > 0.0:
            return "phosphide"
        raise CompositionError(f"{formula} has no anion", expected="a lithium electrolyte such as Li6PS5Cl")
    if chalcogen == most:
        return "sulfide"
    return "oxide" if oxygen == most else "halide" if halogen == most else "nitride"


def distance(one: Amounts, other: Amounts) -> float:
    """Return the share of atoms to exchange between two compositions given as shares of atoms: ½·Σ|xᵢ − yᵢ|, 0 to 1."""
    return 0.5 * sum(abs(one.get(e, 0.0) - other.get(e, 0.0)) for e in {*one, *other})


def _relatives(fractions: Amounts, kind: ElectrolyteClass, nearest: int) -> tuple[Relative, ...]:
    near = [(distance(m.fractions, fractions), m) for m in measurements()]
    near = sorted((pair for pair in near if SAME < pair[0] <= FAR), key=lambda pair: (pair[0], pair[1].formula))
    groups: list[tuple[float, list[Measurement]]] = []
    for far, one in near:
        if electrolyte_class(one.formula) != kind:
            continue
        same = next((g for _, g in groups if distance(g[0].fractions, one.fractions) <= SAME), None)
        if same is not None:
            same.append(one)
        elif len(groups) < nearest:
            groups.append((far, [one]))
    return tuple(Relative(g[0].formula, far, kind, median_s_cm(g), len(g)) for far, g in groups)


def median_s_cm(some: Sequence[Measurement]) -> float:
    """Return the median on the scale of decades: of two values their geometric mean."""
    return float(f"{10 ** np.median(np.log10([m.conductivity_s_cm for m in some])):.6g}")


def _note(formula: str, kind: ElectrolyteClass, own: tuple[Measurement, ...], relatives: tuple[Relative, ...]) -> str:
    if own:
        return f"{len(own)} measurement(s) of {formula} in OBELiX, at room temperature"
    if relatives:
        first = relatives[0]
        return (
            f"{formula} is not in OBELiX; the nearest measured {kind} is {first.formula}, {first.distance:.1%} of the "
            "atoms away. Its conductivity is no value of this formula"
        )
    return f"{formula} is not in OBELiX, nor is any {kind} within {FAR:.0%} of its atoms"


_PART = re.compile(r"([A-Z][a-z]?)([\d.]+)?")


def _measurement(row: Mapping[str, str]) -> Measurement:
    amounts: dict[str, float] = {}
    for element, n in _PART.findall(row["formula"]):
        amounts[element] = amounts.get(element, 0.0) + float(n or 1)
    return Measurement(
        formula=row["formula"],
        conductivity_s_cm=float(row["conductivity_s_cm"]),
        bound=row["bound"],
        family=row["family"],
        space_group=int(row["space_group"]),
        dois=tuple(row["doi"].split("|")),
        fractions=_fractions(amounts),
    )


def _fractions(amounts: Amounts) -> dict[str, float]:
    total = sum(amounts.values())
    return {element: n / total for element, n in amounts.items()}


def _rows(table: str) -> list[dict[str, str]]:
    text = files("lirich.interfaces").joinpath(table).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))

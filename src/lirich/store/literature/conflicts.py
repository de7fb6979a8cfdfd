"""Contradictions among literature records: those known of the carried ones, and a search for others.

Both sides are kept. The rules of `find_conflicts` are conventions of lirich unless a source is named.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

from lirich.model import Composition, Conditions, Operator, Value
from lirich.quantities import QUANTITIES

_ABOUT = 0.05  # "about 200" is taken to reach 5 % to either side
_FADE_RATIO = 3.0  # fade per cycle may change so much between two counts of cycles before they contradict
_ALIKE_DIGITS = 3  # numbers of fewer digits agree by chance

RANDOM_CLOSE_PACKING = 0.637
"""Densest random packing of equal spheres: Scott & Kilgour, J. Phys. D 2 (1969) 863, doi:10.1088/0022-3727/2/6/311."""

_A_NM = 0.285
"""Lattice parameter a of the R-3m cell of Li-rich oxides, nm: project reference sheet on interfaces, 2.85 Å."""

_SET_BY_HAND = frozenset(
    {
        "li_tm_charge_ratio",
        "calcination_temperature_celsius",
        "calcination_time_h",
        "total_heat_treatment_time_h",
        "storage_temperature_celsius",
        "test_current_ma_g",
        "test_cycles",
        "mass_to_charge_ratio",
        "coating_thickness_nm",
    }
)  # one study sets them to several values; two are no contradiction


@dataclass(frozen=True, slots=True)
class KnownConflict:
    """A contradiction of the carried records: their ids (one: it contradicts itself or what is possible)."""

    records: tuple[int, ...]
    message: str


KNOWN = (
    KnownConflict((18, 69), "ref. 64 retains 90.7 % after 400 cycles in Table 1, 97.4 % after 300 in section 4"),
    KnownConflict((27, 76), "ref. 67 retains 80.5 % after 500 cycles in Table 1, after 400 in section 4"),
    KnownConflict((24, 74), "82.5 % of ref. 66 is a retention in Table 1 and a Coulombic efficiency in section 4"),
    KnownConflict((78,), "835 mAh/cm³ is a volumetric capacity, but is called a volumetric energy density"),
    KnownConflict((47,), "3.2 g/cm³ is denser than a powder can be tapped; closer to a pressed electrode (a guess)"),
    KnownConflict(
        (31, 90, 96),
        "1000 Wh/kg is the theoretical figure of the material in section 1 and of a whole cell in section 8; section 5 "
        "gives > 700 Wh/kg for the same kind of cell",
    ),
)
"""The contradictions that were found in reading the review; see ``SOURCE.md``."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """Values that cannot all be right, by the rule ``kind``."""

    kind: str
    members: tuple[Value, ...]
    message: str


def find_conflicts(values: Iterable[Value]) -> list[Conflict]:
    """Search *values* of origin ``literature`` for contradictions.

    * ``unlike-values``: one material of one source, one quantity, no stated condition differs, and the numbers exclude
      each other (rounding, *about*, bounds and ranges considered);
    * ``unlike-fade``: two retentions of one material need a fade per cycle that changes more than threefold between
      them, or a capacity that grows again;
    * ``same-number``: one source gives the same number (three digits or more) to two quantities of one unit;
    * ``unit-and-name``: a number is called an energy density without being an energy;
    * ``impossible-density``: a tap density above the random close packing of the crystals;
    * ``cell-above-material``: a cell is said to have at least the specific energy of the bare material.
    """
    known = list(values)
    rules: tuple[Callable[[Sequence[Value]], list[Conflict]], ...] = (
        _unlike_values, _unlike_fade, _same_number, _unit_and_name, _impossible_density, _cell_above_material,
    )  # fmt: skip
    return [conflict for rule in rules for conflict in rule(known)]


def flagged(value: Value, flag: str, note: str) -> Value:
    """Return *value* with one more flag and sentence of its note."""
    return value.model_copy(
        update={
            "flags": value.flags if flag in value.flags else (*value.flags, flag),
            "note": "; ".join(part for part in (value.note, note) if part),
        }
    )


def same_material(a: Value, b: Value) -> bool:
    """Tell whether two records are about one material of one source; names in brackets are other names of it."""
    if set(_names(a.subject.key)).isdisjoint(_names(b.subject.key)):
        return False
    return _sources(a) == _sources(b) or not set(_sources(a)).isdisjoint(_sources(b))


def _names(sample: str) -> tuple[str, ...]:
    match = re.fullmatch(r"(.+?)\s*\(([^()]+)\)", sample)
    return (sample,) if match is None else (sample, match.group(1), match.group(2))


def _sources(value: Value) -> tuple[str, ...]:
    numbers = str(value.provenance.parameters.get("reference_numbers", ""))
    return tuple(numbers.split()) or (value.provenance.source,)


def _unlike_values(values: Sequence[Value]) -> list[Conflict]:
    found = []
    for a, b in combinations(values, 2):
        if a.quantity != b.quantity or a.quantity in _SET_BY_HAND or not same_material(a, b):
            continue
        if _stated_apart(a.conditions, b.conditions):
            continue
        (low_a, high_a), (low_b, high_b) = span(a), span(b)
        if high_a < low_b or high_b < low_a:
            what = QUANTITIES[a.quantity]
            message = f"{a.subject.key}: {what.name} {_printed(a)} and {_printed(b)} under no other stated conditions"
            found.append(Conflict("unlike-values", (a, b), message))
    return found


def _stated_apart(a: Conditions, b: Conditions) -> bool:
    names = set(a.unlike(b))
    both = {n for n in names if getattr(a, n) is not None and getattr(b, n) is not None}
    shared = set(a.other) & set(b.other) - {"stated"}
    return bool(both) or any(a.other[n] != b.other[n] for n in shared)


def span(value: Value) -> tuple[float, float]:
    """Return the least and the largest number that a record allows: rounding, *about*, bounds and ranges considered."""
    if value.interval is not None:
        return value.interval.low, value.interval.high
    half = _resolution(value)
    match value.operator:
        case Operator.GREATER | Operator.GREATER_EQUAL | Operator.ABOUT_GREATER:
            return value.value - half, math.inf
        case Operator.LESS | Operator.LESS_EQUAL:
            return -math.inf, value.value + half
        case Operator.ABOUT:
            half = max(half, _ABOUT * abs(value.value))
    return value.value - half, value.value + half


def _resolution(value: Value) -> float:
    """Return one unit of the last printed digit, in the unit of the quantity."""
    printed = str(value.provenance.parameters.get("value_printed", ""))
    decimals = len(printed.partition(".")[2]) if re.fullmatch(r"[+-]?\d+(\.\d+)?", printed) else None
    if decimals is None or not float(printed):
        return 1e-9 * abs(value.value)
    return float(10.0**-decimals * abs(value.value / float(printed)))


def _unlike_fade(values: Sequence[Value]) -> list[Conflict]:
    retentions = [
        v for v in values
        if v.quantity == "capacity_retention" and v.conditions.cycles and v.operator is Operator.EQUAL
    ]  # fmt: skip
    found = []
    for a, b in combinations(retentions, 2):
        early, late = sorted((a, b), key=lambda v: v.conditions.cycles or 0)
        n_early, n_late = early.conditions.cycles or 0, late.conditions.cycles or 0
        if not same_material(a, b) or n_early == n_late or _rates_apart(a.conditions, b.conditions):
            continue
        before = (100.0 - early.value) / n_early
        between = (early.value - late.value) / (n_late - n_early)
        blur = (_resolution(early) + _resolution(late)) / (n_late - n_early)
        if before <= 0 or before / _FADE_RATIO - blur <= between <= before * _FADE_RATIO + blur:
            continue
        message = (
            f"{early.subject.key}: {early.value:g} % after {n_early} cycles ({before:.3g} %/cycle) and "
            f"{late.value:g} % after {n_late} ({between:.3g} %/cycle between them)"
        )
        found.append(Conflict("unlike-fade", (a, b), message))
    return found


def _rates_apart(a: Conditions, b: Conditions) -> bool:
    return any(
        getattr(a, n) is not None and getattr(b, n) is not None and n in a.unlike(b) for n in ("rate_c", "current_ma_g")
    )


def _same_number(values: Sequence[Value]) -> list[Conflict]:
    found = []
    for a, b in combinations(values, 2):
        one, other = (v.provenance.parameters for v in (a, b))
        printed = str(one.get("value_printed", ""))
        digits = len(printed.replace(".", "").lstrip("0"))
        if (
            a.quantity != b.quantity
            and printed == other.get("value_printed")
            and one.get("unit_printed") == other.get("unit_printed")
            and digits >= _ALIKE_DIGITS
            and not printed.endswith("00")
            and not set(_sources(a)).isdisjoint(_sources(b))
        ):
            names = " and as ".join(f"{QUANTITIES[v.quantity].name} of {v.subject.key}" for v in (a, b))
            unit = one.get("unit_printed", "")
            found.append(Conflict("same-number", (a, b), f"{printed} {unit} is given as {names} by one source"))
    return found


def _unit_and_name(values: Sequence[Value]) -> list[Conflict]:
    found = []
    for value in values:
        said = f"{value.conditions.other.get('stated', '')} {value.provenance.parameters.get('phrase', '')}"
        if "energy densit" in said.lower() and "Wh" not in QUANTITIES[value.quantity].unit:
            message = f"{value.subject.key}: {_printed(value)} is called an energy density, but is no energy"
            found.append(Conflict("unit-and-name", (value,), message))
    return found


def _impossible_density(values: Sequence[Value]) -> list[Conflict]:
    found = []
    for value in values:
        if value.quantity != "tap_density_g_cm3":
            continue
        formula = str(value.conditions.other.get("composition", "Li1.2Mn0.54Ni0.13Co0.13O2"))
        limit = RANDOM_CLOSE_PACKING * crystal_density_g_cm3(formula)
        if span(value)[0] > limit:
            message = f"{value.subject.key}: tapped to {_printed(value)}, above random close packing ({limit:.2f})"
            found.append(Conflict("impossible-density", (value,), message))
    return found


def crystal_density_g_cm3(formula: str, *, d_003_nm: float = 0.474) -> float:
    """Return the density of the R-3m crystal, three formula units in the hexagonal cell, g/cm³.

    *d_003_nm* is a third of the lattice parameter c, nm; the default is the review's polycrystal (record 42, its
    ref. 58). Raises `CompositionError`.
    """
    avogadro = 6.02214076e23  # 1/mol, exact (SI, 2019)
    volume_cm3 = math.sqrt(3) / 2 * _A_NM**2 * 3 * d_003_nm * 1e-21
    return 3 * Composition.parse(formula).molar_mass_g_mol / (avogadro * volume_cm3)


def _cell_above_material(values: Sequence[Value]) -> list[Conflict]:
    materials = [v for v in values if v.quantity == "material_energy_density_wh_kg"]
    if not materials:
        return []
    best = max(materials, key=lambda v: v.value)
    found = []
    for cell in values:
        if cell.quantity == "cell_energy_density_wh_kg" and cell.value >= best.value:
            message = (
                f"{cell.subject.key}: {_printed(cell)} of a whole cell is not below the {_printed(best)} of the bare "
                f"material ({best.subject.key})"
            )
            found.append(Conflict("cell-above-material", (best, cell), message))
    return found


def _printed(value: Value) -> str:
    operator = "" if value.operator in (Operator.EQUAL, Operator.RANGE) else value.operator.value + " "
    printed = value.provenance.parameters.get("value_printed", f"{value.value:g}")
    return f"{operator}{printed} {value.provenance.parameters.get('unit_printed', value.unit)}".strip()

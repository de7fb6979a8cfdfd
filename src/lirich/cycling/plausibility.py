"""Capacities that no material can have: a wrong mass is the commonest error, and spoils every figure per gram."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from lirich.cycling.material import cathode_oxide
from lirich.model import Cell, Composition, Finding, Sample, Severity, Value
from lirich.quantities import QUANTITIES

IMPLAUSIBLE = "implausible-capacity"
"""Flag of values per gram that the material cannot give; neither compared nor ranked (`lirich.model.flags`)."""

RICHEST = "Li2MnO3"
"""The lithium-richest end member of the Li-rich layered oxides: all its lithium is 459 mAh/g, the most that any
cathode of the family can give. Used where the composition is not known."""

RICHEST_HOST_MAH_G = 4199.0
"""What no electrode passes: silicon as Li22Si5, 4.4 · 26801 mAh/mol over 28.0855 g/mol (Obrovac & Chevrier, Chem. Rev.
114 (2014) 11444, doi:10.1021/cr500207g). The limit where the working electrode is not a cathode, or is not given."""

LEAST_MAH_G = 1.0
"""Less than this in every half-cycle is no test of an electrode: it is a quarter of a percent of the lithium of
Li1.2Mn0.54Ni0.13Co0.13O2. A mass in µg taken for mg gives 0.46 mAh/g at most with any cathode of the family."""

LEAST_SWING_V = 0.5
"""A cycle over a smaller range of voltage is a pulse, or one about a state of charge. *Choice*: less than a fifth of
the range of Li-rich cathodes (2.0 to 4.8 V) and more than the polarisation of pulses."""

MARGIN = 1.05
"""Above the theoretical capacity by more than 5 %, what balances and mass fractions of electrodes are uncertain by."""

LEAST_OF_NOMINAL = 1 / 3
"""A slow cycle that gives less than this of the capacity that is named for the material is doubted. *Choice*: that of
an electrode with its foil in place of the active material is mostly four times too large or more, a slip of the decimal
point ten times; a tired cell still gives half of it at 1C."""

LEAST_OF_LITHIUM = 1 / 5
"""The same of all the lithium of a composition, of which cathodes in use give about half or more (LiCoO2 140 of
274 mAh/g): a fifth is two fifths of that."""

SLOW = 1.05
"""At 1C or slower, with the rounding of currents; a cycle with a mass that is too large looks slower than it is."""

LEAST_WINDOW_V = 1.0
"""Over a smaller range of voltage a part of the capacity is asked for. *Choice*: LiCoO2 from 3.0 to 4.2 V has 1.2 V."""

_FIRST_CHARGE = 1.5
"""The best half-cycle may pass more than the nominal capacity: a first charge of Li-rich oxides 320 of 250 mAh/g."""

_CHARGE, _DISCHARGE = "charge_specific_capacity_mah_g", "discharge_specific_capacity_mah_g"
_OF_MATERIAL = frozenset({"theoretical_capacity_mah_g", "formal_tm_capacity_mah_g"})  # by the composition alone
_PER_GRAM = ("mAh/g", "Wh/kg")


def capacity_limit(cell: Cell, sample: Sample | None) -> tuple[str, float]:
    """Return the most that the active material of *cell* can store, mAh/g, and what it is all the lithium of.

    That of the composition where it has lithium and is no anode's, whatever the electrode is said to be; that of
    `RICHEST` for a cathode without a composition; `RICHEST_HOST_MAH_G` for all others: an anode takes lithium up beyond
    that of its formula (Li4Ti5O12 to Li7Ti5O12 and further).
    """
    formula = sample.composition if sample is not None else None
    if formula is not None:
        composition = Composition.parse(formula)
        limit = composition.theoretical_capacity_mah_g
        if limit > 0 and (cell.electrode != "anode" or cathode_oxide(composition)):
            return formula, limit
    elif cell.electrode == "cathode":
        return RICHEST, Composition.parse(RICHEST).theoretical_capacity_mah_g
    return "Li22Si5", RICHEST_HOST_MAH_G


def implausible_capacity(cycles: pl.DataFrame, cell: Cell, sample: Sample | None) -> list[Finding]:
    """Return a finding where an electrode delivers more per gram than all of its lithium, or next to nothing.

    *cycles* is a cycle table. Nothing is said without an active mass.
    """
    formula, limit = capacity_limit(cell, sample)
    highest, most = _highest(cycles, _DISCHARGE), _highest(_whole(cycles), _DISCHARGE, _CHARGE)
    given = f"Check active_mass_mg (given: {cell.active_mass_mg:g} mg" if cell.active_mass_mg is not None else ""
    if highest is not None and highest > MARGIN * limit:
        found = f"A discharge of {highest:.0f} mAh/g is more than all lithium of {formula} ({limit:.0f} mAh/g)"
    elif most is not None and 0 < most < LEAST_MAH_G:
        found = f"No charge or discharge passes more than {most:.2g} mAh/g: no electrode is cycled over so little"
    else:
        return []
    mass = cell.active_mass_mg or 0.0
    other = [
        f"in {unit} it would be {factor * mass:.4g} mg"
        for unit, factor in (("g", 1000.0), ("µg", 0.001))
        if highest is not None and LEAST_MAH_G < highest / factor <= MARGIN * limit
    ]
    return [
        Finding(
            code="implausible-specific-capacity",
            severity=Severity.WARNING,
            message=f"{found}; no figure per gram is compared or ranked",
            advice=f"{given}{'; ' if other else ''}{''.join(other)}) and the unit of the current",
            where=cell.key,
        )
    ]


def low_capacity(cycles: pl.DataFrame, cell: Cell, sample: Sample | None) -> list[Finding]:
    """Return a doubt where no slow half-cycle comes near to what the material gives: the mass may be too large.

    Half-cycles at 1C or slower of whole cycles over `LEAST_WINDOW_V` are asked, the best of all: one of a dead cell, of
    a rate test or of a pulse says nothing. What the material gives is the nominal capacity that is stated, that which
    1C is of, or, of a cathode, all lithium of its composition. It may be so: no value is flagged. Nothing is said
    without an active mass, or where `implausible_capacity` says more.
    """
    named = _expected(cell, sample)
    if cell.active_mass_mg is None or named is None or implausible_capacity(cycles, cell, sample):
        return []
    what, expected, least = named
    best = _best_of_slow(cycles, expected, cell.active_mass_mg)
    if best is None or best >= least * expected:
        return []
    likely = [f for f in (10, 100, 1000) if least * expected <= best * f <= _FIRST_CHARGE * expected]
    if likely:
        cause = (
            f"{cell.active_mass_mg / likely[0]:.4g} mg would give {best * likely[0]:.0f} mAh/g: a decimal point, or a "
            "mass in another unit?"
        )
    else:
        cause = "is it that of the whole electrode, with its foil?"
    return [
        Finding(
            code="low-specific-capacity",
            severity=Severity.WARNING,
            message=f"No charge or discharge at 1C or slower passes more than {best:.3g} mAh/g, {best / expected:.1%} "
            f"of {what} ({expected:.0f} mAh/g): is the mass too large?",
            advice=f"Check active_mass_mg (given: {cell.active_mass_mg:g} mg): {cause} If it is right, the cell "
            "gives so little",
            where=cell.key,
        )
    ]


def _expected(cell: Cell, sample: Sample | None) -> tuple[str, float, float] | None:
    """Return what the material gives, in words and in mAh/g, and the least part of it that is not doubted."""
    if cell.nominal_specific_capacity_mah_g is not None:
        return "the nominal capacity", cell.nominal_specific_capacity_mah_g, LEAST_OF_NOMINAL
    if cell.electrode == "anode":  # mostly cycled over a part of what it can store
        return None
    if cell.one_c_ma_g is not None:
        return "what 1C passes in an hour", cell.one_c_ma_g, LEAST_OF_NOMINAL
    formula, limit = capacity_limit(cell, sample)
    if sample is None or formula != sample.composition or not cathode_oxide(Composition.parse(formula)):
        return None
    return f"all lithium of {formula}", limit, LEAST_OF_LITHIUM


def _best_of_slow(cycles: pl.DataFrame, expected: float, mass_mg: float) -> float | None:
    """Return the largest capacity, mAh/g, of half-cycles that take an hour or more for the *expected* one."""
    swing = pl.col("upper_cutoff_voltage_v") - pl.col("lower_cutoff_voltage_v")
    wide = cycles.filter(pl.col("complete") & (swing >= LEAST_WINDOW_V))
    most_ma = SLOW * expected * mass_mg / 1000.0
    sides = ((_CHARGE, "charge_current_ma"), (_DISCHARGE, "discharge_current_ma"))
    found = [_highest(wide.filter(pl.col(current) <= most_ma), capacity) for capacity, current in sides]
    return max((each for each in found if each is not None), default=None)


def _whole(cycles: pl.DataFrame) -> pl.DataFrame:
    """Return the cycles that are whole and go over `LEAST_SWING_V`: pulses and a test that has begun pass little."""
    swing = pl.col("upper_cutoff_voltage_v") - pl.col("lower_cutoff_voltage_v")
    return cycles.filter(pl.col("complete") & (swing >= LEAST_SWING_V))


def flag_implausible(values: Sequence[Value], cycles: pl.DataFrame, cell: Cell, sample: Sample | None) -> list[Value]:
    """Return *values* with the flag ``implausible-capacity`` where the material cannot give what they say.

    A discharge above the limit (`capacity_limit`, `MARGIN`), or nothing above `LEAST_MAH_G`, says that the mass or the
    unit of the current is wrong: every figure per gram is then flagged. A single capacity above the limit is flagged by
    itself.
    """
    _, limit = capacity_limit(cell, sample)
    wrong_mass = bool(implausible_capacity(cycles, cell, sample))
    found = []
    for value in values:
        unit = QUANTITIES[value.quantity].unit
        doubted = unit.startswith(_PER_GRAM) and value.quantity not in _OF_MATERIAL
        if doubted and (wrong_mass or (unit == "mAh/g" and value.value > MARGIN * limit)):
            value = value.model_copy(update={"flags": (*value.flags, IMPLAUSIBLE)})
        found.append(value)
    return found


def _highest(cycles: pl.DataFrame, *columns: str) -> float | None:
    """Return the largest number of *columns*; ``None`` where none of them is there or has one."""
    found = [cycles[column].max() for column in columns if column in cycles.columns]
    return max((highest for highest in found if isinstance(highest, float)), default=None)

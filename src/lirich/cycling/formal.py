"""The formal split of the first charge between transition metals and oxygen, by oxidation-state bookkeeping.

Q_TM = n_e·F/(3.6·M) with Ni²⁺→⁴⁺, Co³⁺→⁴⁺ and inert Mn⁴⁺ (Lu & Dahn, J. Electrochem. Soc. 149 (2002) A815,
doi:10.1149/1.1480014); what the first charge takes up beyond it is booked on oxygen, Q_O = max(0, Q_ch,1 −
Q_TM). Side reactions with the electrolyte are in Q_O too, so it is an upper bound. Bookkeeping, not
spectroscopy.
"""

from __future__ import annotations

from dataclasses import dataclass

from lirich.cycling.lowvoltage import HIGH_VOLTAGE_V
from lirich.cycling.plausibility import MARGIN
from lirich.cycling.record import record, with_conditions
from lirich.model import Cell, Composition, Conditions, Operator, Scalar, Value
from lirich.model.format import format_below

OF_COMPOSITION = frozenset({"theoretical_capacity_mah_g", "formal_tm_capacity_mah_g"})
"""What follows from the composition alone, whatever was charged."""


@dataclass(frozen=True, slots=True)
class FormalSplit:
    """Formal capacities, mAh/g: ``theoretical`` (all Li), ``transition_metal`` and ``oxygen`` (upper bound)."""

    theoretical_mah_g: float
    transition_metal_mah_g: float
    oxygen_mah_g: float


def formal_split(composition: Composition, first_charge_mah_g: float) -> FormalSplit:
    """Return the formal split of *first_charge_mah_g* (mAh/g of the first charge) for *composition*."""
    metals = composition.formal_tm_capacity_mah_g
    return FormalSplit(
        theoretical_mah_g=composition.theoretical_capacity_mah_g,
        transition_metal_mah_g=metals,
        oxygen_mah_g=max(0.0, first_charge_mah_g - metals),
    )


def no_formal_split(composition: Composition, first_charge_mah_g: float, highest_v: float) -> str:
    """Say why a first charge of *first_charge_mah_g* (mAh/g) up to *highest_v* (V) has no formal split; else ``""``.

    More than all the lithium (with the margin of `lirich.cycling.plausibility`) is no charge of the material, and below
    `HIGH_VOLTAGE_V`, where the plateau begins, oxygen has not had its turn.
    """
    all_lithium = composition.theoretical_capacity_mah_g
    if first_charge_mah_g > MARGIN * all_lithium:
        return (
            f"the first charge of {first_charge_mah_g:.0f} mAh/g is more than all lithium of {composition.formula} "
            f"({all_lithium:.0f} mAh/g)"
        )
    if highest_v < HIGH_VOLTAGE_V:
        end = format_below(highest_v, HIGH_VOLTAGE_V)
        return f"the first charge ends at {end} V, below {HIGH_VOLTAGE_V} V, where the plateau begins"
    return ""


def formal_values(
    composition: Composition, first_charge_mah_g: float, cell: Cell, conditions: Conditions
) -> list[Value]:
    """Return the formal split as values of *cell*, all flagged ``formal``.

    ``redox-charge-unknown`` flags a composition with a metal that the bookkeeping has no number for: it is counted as
    inert, so that Q_TM is a lower bound.
    """
    split = formal_split(composition, first_charge_mah_g)
    code = "lirich.cycling.formal.formal_split"
    stated = with_conditions(conditions, direction="charge", method="oxidation-state bookkeeping")
    parameters: dict[str, Scalar] = {"composition": composition.formula, "first_charge_mah_g": first_charge_mah_g}
    unknown = composition.metals_without_redox_charge
    doubt = ("redox-charge-unknown",) if unknown else ()
    said = f"No electrons are booked on {', '.join(unknown)}: Q_TM may be higher" if unknown else ""
    bound = "Upper bound: side reactions with the electrolyte are booked on oxygen"
    of_material = Conditions(method="all lithium extracted")
    oxygen = record(
        "formal_oxygen_capacity_mah_g", split.oxygen_mah_g, cell, conditions=stated, code=code,
        parameters=parameters, flags=("formal", "upper-bound", *doubt), note=f"{bound}. {said}" if said else bound,
    ).model_copy(update={"operator": Operator.LESS_EQUAL})  # fmt: skip
    return [
        record("theoretical_capacity_mah_g", split.theoretical_mah_g, cell, conditions=of_material, code=code,
               parameters={"composition": composition.formula}, flags=("formal",)),
        record("formal_tm_capacity_mah_g", split.transition_metal_mah_g, cell,
               conditions=Conditions(method="oxidation-state bookkeeping"), code=code,
               parameters={"composition": composition.formula}, flags=("formal", *doubt), note=said),
        oxygen,
    ]  # fmt: skip

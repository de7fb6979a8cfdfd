"""The formal split of the first charge between transition metals and oxygen, by oxidation-state bookkeeping.

Q_TM = n_e·F/(3.6·M), with n_e electrons from the states as made, which neutrality gives (`lirich.model.asmade`:
Mn⁴⁺, Co³⁺, Ni²⁺ to ³⁺), to Ni⁴⁺, Co⁴⁺, Mn⁴⁺ (Lu & Dahn, J. Electrochem. Soc. 149 (2002) A815,
doi:10.1149/1.1480014); what the first charge takes up beyond it is booked on oxygen, Q_O = max(0, Q_ch,1 − Q_TM). Side
reactions with the electrolyte are in Q_O too, so it is an upper bound, if the metals reach those states. Bookkeeping,
not spectroscopy.
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
    """Return the formal split of *first_charge_mah_g* (mAh/g of the first charge) for *composition*.

    What oxygen gives is bounded with the least electrons of the metals (`lirich.model.asmade.AsMade`): where these
    are not all, the two parts are more than the charge.
    """
    least = composition.capacity_of_electrons_mah_g(composition.as_made.least_electrons)
    return FormalSplit(
        theoretical_mah_g=composition.theoretical_capacity_mah_g,
        transition_metal_mah_g=composition.formal_tm_capacity_mah_g,
        oxygen_mah_g=max(0.0, first_charge_mah_g - least),
    )


def no_formal_split(composition: Composition, first_charge_mah_g: float, highest_v: float) -> str:
    """Say why a first charge of *first_charge_mah_g* (mAh/g) up to *highest_v* (V) has no formal split; else ``""``.

    More than all the lithium (with the margin of `lirich.cycling.plausibility`) is no charge of the material, and below
    `HIGH_VOLTAGE_V`, where the plateau begins, oxygen has not had its turn. Without a balance of charges there is no
    bound.
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
    if unjudged := composition.as_made.unjudged:
        return f"the charges of {composition.formula} cannot be balanced: {_NO_CHARGE.format(', '.join(unjudged))}"
    return ""


_NO_CHARGE = "{} may be an anion or a cation"


def formal_values(
    composition: Composition, first_charge_mah_g: float, cell: Cell, conditions: Conditions
) -> list[Value]:
    """Return the formal split as values of *cell*, all flagged ``formal``, with the states as made in their conditions.

    ``redox-charge-unknown`` flags a composition with an element that the bookkeeping has no number for: such a metal is
    counted as inert, so that Q_TM is a lower bound.
    """
    split, made = formal_split(composition, first_charge_mah_g), composition.as_made
    code = "lirich.cycling.formal.formal_split"
    # the states differ from material to material by nature: they are stated, but make no cells unlike
    states: dict[str, Scalar] = {"as_made": str(made)} if made.states else {}
    method = "oxidation-state bookkeeping"
    stated = with_conditions(conditions, direction="charge", method=method, other=states)
    parameters: dict[str, Scalar] = {"composition": composition.formula, "first_charge_mah_g": first_charge_mah_g}
    unknown = composition.metals_without_redox_charge
    doubt = ("redox-charge-unknown",) if unknown or made.unjudged else ()
    notes = [f"No electrons are booked on {', '.join(unknown)}: Q_TM may be higher"] if unknown else []
    if made.unjudged:
        notes.append(f"{_NO_CHARGE.format(', '.join(made.unjudged))}: the states are not balanced, but the usual ones")
    bound = "Upper bound, if the metals give all that they formally can: side reactions with the electrolyte are in it"
    bounds = [bound, *notes]
    if made.least_electrons < made.electrons:
        vacant = composition.capacity_of_electrons_mah_g(made.electrons - made.least_electrons)
        least = f"{vacant:.1f} mAh/g, of metals reduced for the oxygen content of the formula"
        notes.append(f"With {least}: that is not sure with other than one cation per anion")
        bounds.append(f"Without {least}: not all of Q_ch − Q_TM")
    of_material = Conditions(method="all lithium extracted")
    oxygen = record(
        "formal_oxygen_capacity_mah_g", split.oxygen_mah_g, cell, conditions=stated, code=code,
        parameters=parameters, flags=("formal", "upper-bound", *doubt), note=". ".join(bounds),
    ).model_copy(update={"operator": Operator.LESS_EQUAL})  # fmt: skip
    return [
        record("theoretical_capacity_mah_g", split.theoretical_mah_g, cell, conditions=of_material, code=code,
               parameters={"composition": composition.formula}, flags=("formal",)),
        record("formal_tm_capacity_mah_g", split.transition_metal_mah_g, cell,
               conditions=Conditions(method=method, other=states), code=code,
               parameters={"composition": composition.formula}, flags=("formal", *doubt), note=". ".join(notes)),
        oxygen,
    ]  # fmt: skip

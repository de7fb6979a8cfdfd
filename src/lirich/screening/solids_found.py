"""What a screening of solids computed, before any judgement: numbers, contacts and failures, exact through JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from lirich.model import Frozen
from lirich.screening.candidate import Estimate

HULL = "energy_above_hull_mev_atom"
REDUCTION = "reduction_limit_v"
OXIDATION = "oxidation_limit_v"
ALONE = "decomposition_energy_mev_atom"
CATHODE = "cathode_contact_energy_mev_atom"
CATHODE_AT_VOLTAGE = "cathode_contact_energy_at_voltage_mev_atom"
ELECTROLYTE = "electrolyte_contact_energy_mev_atom"
ELECTROLYTE_AT_VOLTAGE = "electrolyte_contact_energy_at_voltage_mev_atom"
INNER = "inner_contact_energy_mev_atom"
ANODE = "anode_contact_energy_mev_atom"
WATER = "water_contact_energy_mev_atom"
STRAIN = "coating_strain"
CONDUCTIVITY = "lithium_conductivity_s_cm"
LITHIUM_SHARE = "lithium_share"
COST = "element_cost_usd_per_kg"
SCARCEST = "scarcest_element_mg_kg"
TOXICITY = "element_toxicity"

OF_CONTACT: Mapping[tuple[str, bool], str] = {
    ("cathode", False): CATHODE,
    ("cathode", True): CATHODE_AT_VOLTAGE,
    ("electrolyte", False): ELECTROLYTE,
    ("electrolyte", True): ELECTROLYTE_AT_VOLTAGE,
    ("layer", False): INNER,
    ("anode", False): ANODE,
    ("water", False): WATER,
}
"""The quantity of a contact, by the neighbour and whether lithium is free; of two layers the closed one is judged."""
NO_LITHIUM = "there is no lithium to take out"
"""Why a coating without lithium has no oxidation limit: none is missing (the words of `lirich.interfaces.windows`)."""


class Contacted(Frozen):
    """One contact: its neighbour, V against Li (``None`` is closed), meV per atom of both, products per atom of both.

    ``share`` is the share of the atoms that come from the coating. ``grade`` is the coverage of the chemical system.
    """

    neighbour: Literal["cathode", "electrolyte", "layer", "anode", "water"]
    name: str
    voltage: float | None
    energy: Estimate
    products: Mapping[str, float] = {}
    share: float | None = None
    grade: str = ""

    @property
    def quantity(self) -> str:
        """The quantity that it is one value of, empty where it is shown only."""
        return OF_CONTACT.get((self.neighbour, self.voltage is not None), "")


class Layer(Frozen):
    """A coating or an electrolyte: figures, what is missing and why, contacts, products at limits; or why it failed.

    ``becomes`` has the products of the solid alone: ``reduced``, ``oxidised``, ``at the voltage``. ``grade`` is the
    coverage of its own chemical system and ``coverage`` what that rests on.
    """

    formula: str
    figures: Mapping[str, Estimate] = {}
    missing: Mapping[str, str] = {}
    contacts: tuple[Contacted, ...] = ()
    becomes: Mapping[str, Mapping[str, float]] = {}
    grade: str = ""
    coverage: str = ""
    notes: tuple[str, ...] = ()
    failure: str = ""


class Joined(Frozen):
    """Two layers against each other; or why that could not be told."""

    inside: str
    outside: str
    contacts: tuple[Contacted, ...] = ()
    failure: str = ""

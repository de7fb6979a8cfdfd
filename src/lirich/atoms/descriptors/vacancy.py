"""Oxygen-vacancy formation energies: E(vacancy) + ½ E(O₂) − E(whole), of the same cell.

Definition as in the review (Yang et al., EES Batteries 2 (2026) 377): the higher, the more firmly oxygen is held. The
reference ½ E(O₂) is a constant: it shifts all energies alike and never changes a difference to the undoped host.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pymatgen.core.structure import Structure

from lirich.atoms.descriptors.computed import Computed, Region, doubts_of, ended, steps_of
from lirich.atoms.endstates import ANION_RADIUS_A
from lirich.atoms.plan import Plan
from lirich.atoms.relax import Relaxation, RelaxationSettings, relaxation_job, single_point_job
from lirich.atoms.sites import BOND_A, distinct_sites
from lirich.errors import LirichError

SHARED_EDGE_A = 3.3
"""Anions of one octahedron's edge are 2.5-3.2 Å apart (`lirich.atoms.interstices`)."""

VACANCY = "oxygen_vacancy_formation_energy_ev"
CHANGE = "oxygen_vacancy_formation_energy_change_ev"


@dataclass(frozen=True, slots=True)
class OxygenSite:
    """An oxygen that is taken out: its index, its neighbourhood in words, and whether a dopant is next to it.

    ``held`` is the sum of the formal charges of the dopants next to it, e: with six anions around each dopant, six
    times the strength of their bonds to it (Pauling, J. Am. Chem. Soc. 51 (1929) 1010, doi:10.1021/ja01379a006).
    """

    index: int
    name: str
    region: Region
    held: float = 0.0


def oxygen_sites(structure: Structure, dopants: Sequence[int] = ()) -> list[OxygenSite]:
    """Return one oxygen of each distinct neighbourhood, those that dopants hold the most first, the far ones last.

    Of Na with W, the oxygens next to both come before those next to W alone, and those next to Na alone last. Without
    the site property ``charge`` each dopant counts the same. An oxygen is near where a dopant is bonded to it (where
    the dopant is an anion: shares an edge with it), else far; of alike far oxygens the farthest stands for all. Without
    *dopants* there is no near and far.
    """
    charges = [abs(q) for q in structure.site_properties.get("charge") or [1.0] * len(structure)]
    chosen = []
    for site in distinct_sites(structure, "O", dopants=dopants):
        members = list(site.members)
        if not dopants:
            chosen.append((0, 0.0, OxygenSite(site.index, site.name, "")))
            continue
        distances = {m: [float(structure.get_distance(m, d)) for d in dopants] for m in members}
        held = {
            m: sum(charges[d] for d, x in zip(dopants, distances[m], strict=True) if _next_to(structure, d, x))
            for m in members
        }
        for strength in sorted(set(held.values()), reverse=True):
            alike = [m for m in members if held[m] == strength]
            best = min(alike) if strength else max(alike, key=lambda m: (round(min(distances[m]), 2), -m))
            region: Region = "near" if strength else "far"
            away = 0.0 if strength else -min(distances[best])
            chosen.append(
                (-strength, away, OxygenSite(best, f"{site.name}{_beside(structure, best, dopants)}", region, strength))
            )
    chosen.sort(key=lambda item: (item[0], round(item[1], 2), item[2].index))
    return [site for _, _, site in chosen]


def _beside(structure: Structure, oxygen: int, dopants: Sequence[int]) -> str:
    """Return which dopants that are anions share an edge with it, in words: neighbours of other kinds are named."""
    anions = [d for d in dopants if structure[d].specie.symbol in ANION_RADIUS_A]
    beside = sorted(
        structure[d].specie.symbol for d in anions if _next_to(structure, d, float(structure.get_distance(oxygen, d)))
    )
    return f", beside {' and '.join(beside)}" if beside else ""


def _next_to(structure: Structure, dopant: int, distance: float) -> bool:
    return distance < (SHARED_EDGE_A if structure[dopant].specie.symbol in ANION_RADIUS_A else BOND_A)


def weakest(
    host: Relaxation, sites: Sequence[OxygenSite], settings: RelaxationSettings, keep: int
) -> Plan[list[OxygenSite]]:
    """Return *keep* sites: those that dopants hold the most, of equal ones those of the lowest energy unrelaxed."""
    levels = sorted({site.held for site in sites}, reverse=True)
    chosen: list[OxygenSite] = []
    for level in levels:
        alike = [site for site in sites if site.held == level]
        room = keep - len(chosen)
        if len(alike) > room > 0:
            outcomes = yield [
                single_point_job(_without(host.crystal, site.index), settings, f"{site.name} removed, unrelaxed")
                for site in alike
            ]
            energies = [float("inf") if isinstance(o, LirichError) else float(o["energy_ev"]) for o in outcomes]
            alike = [alike[k] for k in sorted(range(len(alike)), key=lambda k: (energies[k], k))]
        chosen += alike[:room]
    return chosen


def vacancy_energies(
    host: Relaxation,
    sites: Sequence[OxygenSite],
    settings: RelaxationSettings,
    *,
    oxygen_ev: float,
    lithium_removed: float = 0.0,
) -> Plan[list[Computed]]:
    """Return the oxygen-vacancy formation energy of each site, eV, in the order of *sites*.

    Parameters
    ----------
    host:
        The relaxed cell with all its oxygen. The vacancy relaxes in this cell, its shape fixed.
    sites:
        Which oxygens go, by their index in *host*.
    oxygen_ev:
        ½ E(O₂), eV, on the scale of the potential (`lirich.atoms.descriptors.oxygen`).
    lithium_removed:
        State of charge of *host*, for the record.

    A vacancy that another oxygen moved into is no vacancy of its site: no value.
    """
    crystal = host.crystal
    fixed = settings.model_copy(update={"cell": "fixed"})
    outcomes = yield [relaxation_job(_without(crystal, s.index), fixed, f"{s.name} removed") for s in sites]
    found = []
    for site, outcome in zip(sites, outcomes, strict=True):
        end, why = ended(outcome)
        if end is not None and any(move.element in ANION_RADIUS_A for move in end.end.moved):
            why = end.end.words
            end = None
        found.append(
            Computed(
                quantity=VACANCY,
                value=None if end is None else end.energy_ev + oxygen_ev - host.energy_ev,
                where=site.name,
                region=site.region,
                lithium_removed=lithium_removed,
                doubts=() if end is None else doubts_of(end),
                why=why,
                steps=steps_of(outcome),
                atom=site.index,
            )
        )
    return found


def _without(crystal: Structure, index: int) -> Structure:
    emptied = crystal.copy()
    emptied.remove_sites([index])
    return emptied


def on_host(sites: Sequence[OxygenSite], places: Mapping[int, int]) -> list[OxygenSite]:
    """Return the same oxygens in another cell; *places* maps indices. Sites that it lacks are left out."""
    return [OxygenSite(places[s.index], s.name, s.region, s.held) for s in sites if s.index in places]

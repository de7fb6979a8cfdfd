"""Oxygen-vacancy formation energies: E(vacancy) + ½ E(O₂) − E(whole), of the same cell.

Definition as in the review (Yang et al., EES Batteries 2 (2026) 377): the higher, the more firmly oxygen is held. The
reference ½ E(O₂) is a constant: it shifts all energies alike and never changes a difference to the undoped host.
"""

from __future__ import annotations

from collections.abc import Mapping

from lirich.atoms.descriptors.computed import Computed, ended
from lirich.atoms.plan import Plan
from lirich.atoms.relax import Relaxation, RelaxationSettings, relaxation_job, single_point_job

OXYGEN_EV = -4.948
"""Half the energy of O₂, eV, on the scale of CHGNet's labels: that of the Materials Project with its MP2020 corrections,
which the labels hold already (Deng et al., Nat. Mach. Intell. 5 (2023) 1031, doi:10.1038/s42256-023-00716-3). No second
correction is added. CHGNet's own O₂ is −4.819: it has seen few molecules."""

VACANCY = "oxygen_vacancy_formation_energy_ev"


def ranked_sites(
    host: Relaxation, sites: Mapping[int, str], settings: RelaxationSettings, keep: int
) -> Plan[list[int]]:
    """Return the *keep* sites of the lowest energies without relaxation: the cheap choice of what to relax.

    *sites* are indices of oxygen atoms of the host with their names.
    """
    crystal = host.crystal
    indices = list(sites)
    if len(indices) <= keep:
        return indices
    jobs = []
    for index in indices:
        without = crystal.copy()
        without.remove_sites([index])
        jobs.append(single_point_job(without, settings, f"{sites[index]} removed, unrelaxed"))
    outcomes = yield jobs
    energies = {}
    for index, outcome in zip(indices, outcomes, strict=True):
        if isinstance(outcome, dict):
            energies[index] = float(outcome["energy_ev"])
    return sorted(energies, key=lambda index: (energies[index], index))[:keep]


def vacancy_energies(
    host: Relaxation,
    sites: Mapping[int, str],
    settings: RelaxationSettings,
    *,
    oxygen_ev: float = OXYGEN_EV,
    lithium_removed: float = 0.0,
) -> Plan[list[Computed]]:
    """Return the oxygen-vacancy formation energy of each site, eV, in the order of *sites*.

    Parameters
    ----------
    host:
        The relaxed cell with all its oxygen. The vacancy relaxes in this cell, its shape fixed.
    sites:
        Indices of oxygen atoms of the host, with their names.
    oxygen_ev:
        ½ E(O₂), eV.
    lithium_removed:
        State of charge of *host*, for the record.
    """
    crystal = host.crystal
    fixed = settings.model_copy(update={"cell": "fixed"})
    jobs = []
    for index, name in sites.items():
        without = crystal.copy()
        without.remove_sites([index])
        jobs.append(relaxation_job(without, fixed, f"{name} removed"))
    outcomes = yield jobs
    found = []
    for name, outcome in zip(sites.values(), outcomes, strict=True):
        # neighbours of the vacancy lose an anion by construction of the cell, before the relaxation: "as built" holds
        end, why = ended(outcome)
        value = None if end is None else end.energy_ev + oxygen_ev - host.energy_ev
        found.append(Computed(quantity=VACANCY, value=value, where=name, lithium_removed=lithium_removed, why=why))
    return found

"""Half an O₂ on the scale of a potential: what oxygen that leaves is counted as.

Labels of one functional have another zero than those of another, and half an O₂ moves with it. O₂ itself is a bad
source: functionals bind it too strongly, and potentials of crystals have seen few molecules. So the reference is that
with which oxides have their measured enthalpies of formation, as Wang, Maxisch & Ceder fit it (Phys. Rev. B 73 (2006)
195107, doi:10.1103/PhysRevB.73.195107), of metals without d electrons: µ_O = [E(MₓOᵧ) − x E(M) − ΔH_f] / y. The
enthalpies are of 298 K and the energies of 0 K, as in that paper.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import fmean, stdev
from types import MappingProxyType

from pymatgen.core.composition import Composition
from pymatgen.core.lattice import Lattice
from pymatgen.core.structure import Structure

from lirich.atoms.calculators import calculator
from lirich.atoms.descriptors.competitors import COMPETITORS
from lirich.atoms.descriptors.computed import ended
from lirich.atoms.plan import Plan
from lirich.atoms.relax import RelaxationSettings, relaxation_job
from lirich.atoms.spacegroup import crystal_of_group
from lirich.model.composition import FARADAY_C_MOL

EV_KJ_MOL = FARADAY_C_MOL / 1000.0
"""kJ/mol in 1 eV."""

MEASURED_KJ_MOL: Mapping[str, float] = MappingProxyType(
    {"Li2O": -597.94, "Na2O": -414.22, "MgO": -601.70, "Al2O3": -1675.7, "CaO": -635.09}
)
"""Enthalpies of formation at 298 K: NBS tables (Wagman et al., J. Phys. Chem. Ref. Data 11, Suppl. 2 (1982)). Five of
the six oxides of the paper; SiO2 is left out."""

LEAST = 3
"""Oxides that a reference rests on at least; a convention of lirich. Their scatter is the error that it has."""


@dataclass(frozen=True, slots=True)
class OxygenReference:
    """Half an O₂, eV, on the scale of a potential; ``None`` where there is none, and ``why``.

    ``scatter_ev`` is the standard deviation among ``oxides``; a reference that the potential brings has neither.
    """

    ev: float | None
    scatter_ev: float = 0.0
    oxides: tuple[str, ...] = ()
    why: str = ""

    @property
    def words(self) -> str:
        """Say what was measured of it; nothing where it was brought along or not asked for."""
        if self.ev is None or not self.oxides:
            return ""
        of = f"from measured enthalpies of {', '.join(self.oxides)}, scatter {self.scatter_ev:.2f} eV"
        return f"half an O2 counts as {self.ev:.3f} eV with this potential ({of})"


def oxygen_reference(settings: RelaxationSettings) -> Plan[OxygenReference]:
    """Return half an O₂ on the scale of the potential of *settings*.

    A potential with a member ``oxygen_ev`` knows it: the weights of CHGNet that learned the corrected energies of the
    Materials Project do. For any other the oxides and their metals are relaxed with it.
    """
    known = getattr(calculator(settings.calculator), "oxygen_ev", None)
    if known is not None:
        return OxygenReference(float(known))
    free = settings.model_copy(update={"cell": "free", "moments": False, "kicks": 0})
    crystals = {**_metals(), **_oxides()}
    outcomes = yield [relaxation_job(crystal, free, f"{name}, for oxygen") for name, crystal in crystals.items()]
    energies: dict[str, float] = {}
    reasons: list[str] = []
    for (name, crystal), outcome in zip(crystals.items(), outcomes, strict=True):
        end, why = ended(outcome)
        if end is None:
            reasons.append(f"{name}: {why}")
        else:
            energies[name] = end.energy_ev / (len(crystal) / Composition(name).num_atoms)
    found = {oxide: reference for oxide in MEASURED_KJ_MOL if (reference := _of(oxide, energies)) is not None}
    if len(found) < LEAST:
        return OxygenReference(
            None,
            why=f"no half O2 on the scale of {settings.calculator}: {len(found)} of {LEAST} oxides and their metals "
            f"could be relaxed ({'; '.join(reasons)})",
        )
    return OxygenReference(fmean(found.values()), stdev(found.values()), tuple(found))


def _of(oxide: str, energies: Mapping[str, float]) -> float | None:
    amounts = {str(element): float(n) for element, n in Composition(oxide).items()}
    oxygen = amounts.pop("O")
    if oxide not in energies or any(metal not in energies for metal in amounts):
        return None
    metals = sum(n * energies[metal] for metal, n in amounts.items())
    return (energies[oxide] - metals - MEASURED_KJ_MOL[oxide] / EV_KJ_MOL) / oxygen


def _metals() -> dict[str, Structure]:
    """Return the metals: lattices of Wyckoff, Crystal Structures, 2nd ed. (1963)."""
    return {
        "Li": crystal_of_group("Im-3m", Lattice.cubic(3.51), ["Li"], [[0, 0, 0]]),
        "Na": crystal_of_group("Im-3m", Lattice.cubic(4.29), ["Na"], [[0, 0, 0]]),
        "Mg": crystal_of_group("P6_3/mmc", Lattice.hexagonal(3.21, 5.21), ["Mg"], [[1 / 3, 2 / 3, 0.25]]),
        "Al": crystal_of_group("Fm-3m", Lattice.cubic(4.05), ["Al"], [[0, 0, 0]]),
        "Ca": crystal_of_group("Fm-3m", Lattice.cubic(5.58), ["Ca"], [[0, 0, 0]]),
    }


def _oxides() -> dict[str, Structure]:
    """Return the oxides: those that compete anyhow, and CaO with the lattice of Wyckoff."""
    lime = crystal_of_group("Fm-3m", Lattice.cubic(4.81), ["Ca", "O"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    return {**{name: COMPETITORS[name].structure() for name in ("Li2O", "Na2O", "Al2O3", "MgO")}, "CaO": lime}

"""Surface energies: what a facet costs, by the potential.

γ = (E_slab − N E_bulk) / 2A with N cells of the bulk in the slab and A the area of one of its two faces: the mean of
both where they differ. Slabs are stoichiometric, so that no chemical potential enters; a surface that gains or loses
lithium or oxygen in its surroundings is another one. Potentials that were trained on bulk crystals find surfaces too
cheap (Deng et al., arXiv:2405.07105; Focassio et al., arXiv:2403.04217).
"""

from __future__ import annotations

from collections.abc import Sequence

from pymatgen.core.structure import Structure

from lirich.atoms.evaluation import PRE_FILTER
from lirich.atoms.oxidation import formal_charges
from lirich.atoms.plan import Plan
from lirich.atoms.relax import RelaxationSettings, relaxation_job, relaxed
from lirich.atoms.slabs import Slab, slabs
from lirich.errors import CalculatorError, LirichError
from lirich.model._base import Frozen

J_M2 = 16.02176634
"""One eV/Å² in J/m² (the elementary charge of SI 2019)."""
SOFTENED = f"{PRE_FILTER}; universal potentials find surfaces too cheap"


class SurfaceEnergy(Frozen):
    """The energy of a facet, J/m², and what it was computed on; ``None`` where the slab did not relax, with ``why``.

    ``doubts`` says what became of the slab where it did not stay as it was built.
    """

    facet: str
    miller: tuple[int, int, int]
    termination: str
    energy_j_m2: float | None
    atoms: int
    area_a2: float
    thickness_a: float
    broken: dict[str, int]
    dipole_e_a: float
    doubts: tuple[str, ...] = ()
    why: str = ""
    calculator: str
    version: str
    remark: str = SOFTENED


def surface_energies(
    bulk: Structure,
    facets: Sequence[str],
    settings: RelaxationSettings,
    *,
    thickness_a: float = 12.0,
    vacuum_a: float = 15.0,
    terminations: int = 1,
) -> Plan[list[SurfaceEnergy]]:
    """Relax *bulk* with its cell, then the best *terminations* slabs of each facet with the cell fixed.

    Raises what `lirich.atoms.slabs.slabs` refuses, and `lirich.errors.CalculatorError` where the bulk does not relax.
    """
    charged = bulk.copy()
    charged.add_site_property("charge", formal_charges(bulk))
    name = bulk.composition.reduced_formula
    (outcome,) = yield [relaxation_job(charged, settings.model_copy(update={"cell": "free"}), f"{name}, bulk")]
    whole = relaxed(outcome)
    if not whole.sound:
        raise CalculatorError(
            f"The bulk of {name} is {whole.end.words}{'' if whole.converged else ', not converged'}",
            expected="a crystal that the potential keeps as it is",
        )
    cut: list[Slab] = []
    for facet in facets:
        cut += slabs(whole.crystal, facet, thickness_a=thickness_a, vacuum_a=vacuum_a)[:terminations]
    fixed = settings.model_copy(update={"cell": "fixed"})
    outcomes = yield [relaxation_job(slab.structure, fixed, f"{name}, ({slab.facet})") for slab in cut]
    found = []
    for slab, outcome in zip(cut, outcomes, strict=True):
        energy, doubts, why = None, list[str](), ""
        if slab.polar:
            doubts.append(f"a formal dipole of {slab.dipole_e_a:.2f} e Å is left")
        if isinstance(outcome, LirichError):
            why = str(outcome)
        else:
            end = relaxed(outcome)
            if end.end.kind != "as built":
                doubts.append(end.end.words)
            if not end.converged:
                why = f"not converged in {end.steps} steps"
            elif end.end.kind == "collapsed":
                why = end.end.words
            else:
                energy = J_M2 * (end.energy_ev - slab.bulk_cells * whole.energy_ev) / (2.0 * slab.area_a2)
        found.append(
            SurfaceEnergy(
                facet=slab.facet,
                miller=slab.miller,
                termination=slab.termination,
                energy_j_m2=energy,
                atoms=len(slab.structure),
                area_a2=slab.area_a2,
                thickness_a=slab.thickness_a,
                broken=dict(slab.broken),
                dipole_e_a=slab.dipole_e_a,
                doubts=tuple(doubts),
                why=why,
                calculator=whole.calculator,
                version=whole.version,
            )
        )
    return found

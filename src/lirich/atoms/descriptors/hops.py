"""Hops of lithium: the barrier for one lithium to go into the vacancy beside it, in the lithium layer.

A vacancy is made in the discharged cell, a neighbour hops into it; the cheap path relaxes the middle of the way, the
band is on demand (`lirich.atoms.neb`). In layered oxides the way from octahedron to octahedron leads over a
tetrahedral place (Van der Ven & Ceder, J. Power Sources 97-98 (2001) 529, doi:10.1016/S0378-7753(01)00638-3).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pymatgen.core.structure import Structure

from lirich.atoms.descriptors.computed import Computed, Region, doubts_of, ended, steps_of
from lirich.atoms.descriptors.migration import moved_to, with_barrier
from lirich.atoms.layers import METAL_REACH_A, layers_of
from lirich.atoms.neb import midpoint_job, neb_job
from lirich.atoms.oxidation import symbols_of
from lirich.atoms.plan import Plan
from lirich.atoms.relax import Relaxation, RelaxationSettings, relaxation_job

HOP = "lithium_hop_barrier_ev"
HOP_CHANGE = "lithium_hop_barrier_change_ev"


@dataclass(frozen=True, slots=True)
class Hop:
    """Two neighbouring lithium of the lithium layer: ``leaves`` makes the vacancy, ``hops`` goes into it."""

    leaves: int
    hops: int
    name: str
    region: Region = ""


def lithium_hop(structure: Structure, dopants: Sequence[int] = ()) -> Hop | None:
    """Return the hop nearest to a dopant, of the first lithium where there is none; ``None`` without two neighbours.

    Raises `lirich.errors.StructureError` where the cell has no layers.
    """
    names = layers_of(structure).names
    lithium = [i for i, s in enumerate(symbols_of(structure)) if s == "Li" and names[i] == "Li"]
    pairs = []
    for k, i in enumerate(lithium):
        for j in lithium[k + 1 :]:
            if structure.get_distance(i, j) < METAL_REACH_A:
                near = sorted(min((float(structure.get_distance(a, d)) for d in dopants), default=0.0) for a in (i, j))
                pairs.append((round(sum(near), 1), i, j, near[0]))
    if not pairs:
        return None
    _, i, j, nearest = min(pairs)
    region: Region = "" if not dopants else "near" if nearest < METAL_REACH_A else "far"
    return Hop(i, j, "Li into a single vacancy of the Li layer", region)


def hop_barrier(host: Relaxation, hop: Hop, settings: RelaxationSettings, *, band: bool = False) -> Plan[Computed]:
    """Return the barrier of the hop, eV, from the lower of the two ends; by the cheap path or, with *band*, by a band.

    The cheap path cannot tell a saddle that lies off the middle, nor whether the hopping atom took the easier of two
    ways through it: it comes out too low or too high, by some 0.1 eV.
    """
    crystal = host.crystal
    fixed = settings.model_copy(update={"cell": "fixed"})
    emptied = crystal.copy()
    emptied.remove_sites([hop.leaves])
    hopping = hop.hops - (hop.leaves < hop.hops)
    known = Computed(quantity=HOP, value=None, where=hop.name, region=hop.region, atom=hop.hops)
    other_end = moved_to(emptied, hopping, crystal[hop.leaves].frac_coords.tolist())
    outcomes = yield [relaxation_job(emptied, fixed, "Li vacancy"), relaxation_job(other_end, fixed, "Li hopped")]
    known = known.model_copy(update={"steps": steps_of(*outcomes)})
    first, why_first = ended(outcomes[0])
    last, why_last = ended(outcomes[1])
    if first is None or last is None:
        return known.model_copy(update={"why": why_first or why_last})
    doubts = (*doubts_of(first), *doubts_of(last))
    known = known.model_copy(update={"doubts": doubts})
    if band:
        (outcome,) = yield [neb_job(first.crystal, last.crystal, fixed, "Li hop")]
        found = with_barrier(known, outcome)
        lower = min(0.0, last.energy_ev - first.energy_ev)
        return found if found.value is None else found.model_copy(update={"value": found.value - lower})
    (outcome,) = yield [midpoint_job(first.crystal, last.crystal, hopping, fixed, "Li half-way")]
    known = known.model_copy(update={"steps": steps_of(*outcomes, outcome)})
    middle, why = ended(outcome)
    if middle is None:
        return known.model_copy(update={"why": why, "doubts": ()})
    value = middle.energy_ev - min(first.energy_ev, last.energy_ev)
    half_way = tuple(f"half-way: {words}" for words in doubts_of(middle))
    return known.model_copy(update={"value": value, "doubts": (*known.doubts, *half_way)})

"""From a study of dopants to the cells that are to be computed: orderings of the host, dopants on places, neutral."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from pymatgen.core.structure import Structure

from lirich.atoms.arrangement import Arrangement, arranged
from lirich.atoms.dopants import Dopant, Variant, count_for, variants
from lirich.atoms.interstices import interstices
from lirich.atoms.layers import layer_of
from lirich.atoms.ordering import ordered
from lirich.atoms.oxidation import formal_charges, usual_state
from lirich.atoms.sites import distinct_sites
from lirich.atoms.text import read_structure
from lirich.errors import LirichError, NotNeutralError
from lirich.screening.screened import Built, Crystal
from lirich.screening.study import DopantSet, Place

if TYPE_CHECKING:
    from lirich.screening.study import DopingStudy


@dataclass(frozen=True)
class Prospect:
    """A candidate before it is computed: its cells, by ordering of the host, or why there are none."""

    name: str
    dopants: DopantSet
    places: tuple[Place, ...]
    cells: tuple[tuple[int, Variant], ...]
    failures: tuple[str, ...]


def hosts_of(study: DopingStudy) -> list[Arrangement]:
    """Return the orderings of the host, each with the empty tetrahedral places where a dopant asks for them.

    Raises `lirich.errors.StructureError`, `CompositionError` and `NotNeutralError` for a host that cannot be.
    """
    if study.host.formula:
        first = study.host.seed
        found = ordered(study.host.formula, atoms=study.host.atoms, seeds=range(first, first + study.host.orderings))
        crystals = [ordering.structure for ordering in found]
    else:
        crystal = read_structure(study.host.crystal)
        crystal.add_site_property("charge", formal_charges(crystal))
        crystal.add_site_property("layer", [str(name) for name in layer_of(crystal)])
        crystals = [crystal]
    empty = any("tetrahedral" in ion.places for dopants in study.dopants for ion in dopants.ions)
    return [arranged(crystal, tetrahedral=empty) for crystal in crystals]


def prospects(study: DopingStudy, hosts: Sequence[Arrangement]) -> list[Prospect]:
    """Return the candidates of a study, in its order: each set of dopants on each combination of its places."""
    found = []
    for dopants in study.dopants:
        for places in dopants.placings():
            cells: list[tuple[int, Variant]] = []
            failures: list[str] = []
            for number, host in enumerate(hosts):
                try:
                    cells += [(number, variant) for variant in _cells(study, dopants, places, host)]
                except LirichError as error:
                    failures.append(str(error))
            name = _name(dopants, places, several=len(dopants.placings()) > 1)
            found.append(Prospect(name, dopants, places, tuple(cells), tuple(dict.fromkeys(failures))))
    return found


def _name(dopants: DopantSet, places: Sequence[Place], *, several: bool) -> str:
    if not several:
        return dopants.name
    where = {"Li": "in the Li layer", "TM": "in the TM layer", "O": "on O", "tetrahedral": "tetrahedral"}
    return " + ".join(f"{ion.element} {where[place]}" for ion, place in zip(dopants.ions, places, strict=True))


def _cells(study: DopingStudy, dopants: DopantSet, places: Sequence[Place], host: Arrangement) -> list[Variant]:
    """Return the cells of one candidate on one ordering: of each way to be neutral that of the lowest Ewald energy."""
    percent = dopants.concentration_percent or study.concentration_percent
    ions = [
        Dopant(
            element=ion.element,
            charge=usual_state(ion.element) if ion.charge is None else ion.charge,
            place=place,
            replaces=ion.replaces,
            count=ion.count,
        )
        for ion, place in zip(dopants.ions, places, strict=True)
    ]
    times = count_for(host, ions[0], percent)
    ions = [ion.model_copy(update={"count": times * ion.count}) for ion in ions]
    first = _first_places(host, ions[0])
    chosen: dict[str, Variant] = {}
    for kind in study.compensations:
        try:
            ways = variants(host, ions, first, kinds=(kind,))
        except NotNeutralError:
            continue
        for variant in sorted(ways, key=_mildness):
            chosen.setdefault(variant.compensation.words, variant)
        if len(chosen) >= study.ways or "none" in {v.compensation.kind for v in chosen.values()}:
            break
    if not chosen:  # asked for all kinds together: one refusal that says of each why
        return variants(host, ions, first, kinds=study.compensations)[: study.ways]
    return list(chosen.values())[: study.ways]


def _mildness(variant: Variant) -> tuple[int, int, float]:
    """Return what orders ways of one kind: small steps of charge first, few of them, low Ewald energy."""
    steps = [abs(change.charge) for change in variant.compensation.changes]
    return (max(steps, default=0), len(steps), variant.arrangement.ewald_ev)


def _first_places(host: Arrangement, dopant: Dopant) -> list[int]:
    """Return one place for each kind of neighbourhood that the dopant may stand in."""
    crystal = host.structure()
    if dopant.place == "tetrahedral":
        empty = host.holding("", layer="tetrahedral")
        kinds = {each.name: each.frac_coords[0] for each in interstices(crystal)}
        at = host.places.positions
        return [min(empty, key=lambda i: float(np.abs(at[i] - place).sum())) for place in kinds.values()]
    sites = distinct_sites(crystal, dopant.replaces or None, layer=dopant.place)
    return [int(crystal.site_properties["place"][site.index]) for site in sites]


def built(ordering: int, variant: Variant) -> Built:
    """Return the record of a cell."""
    return Built(
        ordering=ordering,
        formula=variant.structure.composition.formula.replace(" ", ""),
        compensation=variant.compensation.words,
        share_percent=round(variant.share_percent, 3),
        crystal=crystal_of(variant.structure),
    )


def host_cell(ordering: int, host: Arrangement) -> Built:
    """Return the record of an undoped cell."""
    crystal = host.structure()
    return Built(ordering=ordering, formula=crystal.composition.formula.replace(" ", ""), crystal=crystal_of(crystal))


def crystal_of(structure: Structure) -> Crystal:
    """Return a crystal as numbers, positions to 0.0001 of the cell."""
    properties = structure.site_properties
    count = len(structure)
    return Crystal(
        lattice_a=tuple((round(a, 5), round(b, 5), round(c, 5)) for a, b, c in structure.lattice.matrix.tolist()),
        positions=tuple((round(x, 4), round(y, 4), round(z, 4)) for x, y, z in (structure.frac_coords % 1.0).tolist()),
        elements=tuple(site.specie.symbol for site in structure),
        layers=tuple(str(name) for name in properties.get("layer", [""] * count)),
        roles=tuple(str(role) for role in properties.get("role", ["host"] * count)),
    )

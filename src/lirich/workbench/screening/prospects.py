"""From a study of dopants to the cells that are to be computed: orderings of the host, dopants on places, neutral."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from pymatgen.core.structure import Structure

from lirich.atoms.arrangement import Arrangement, arranged, with_charges
from lirich.atoms.dopants import Dopant, Variant, count_for, variants
from lirich.atoms.interstices import interstices
from lirich.atoms.layers import layer_of
from lirich.atoms.ordering import ordered
from lirich.atoms.sites import distinct_sites
from lirich.atoms.text import read_structure
from lirich.errors import LirichError, NotNeutralError, SettingsError
from lirich.screening.screened import Built, Crystal
from lirich.workbench.screening.kept_cells import rounded
from lirich.workbench.screening.prospect_names import charge_of, names_of, way_names

if TYPE_CHECKING:
    from lirich.screening.study import Doping, DopingStudy


@dataclass(frozen=True)
class Prospect:
    """A candidate before it is computed: its cells, by ordering of the host, or why there are none.

    ``number`` is that of its doping among those of the study.
    """

    name: str
    number: int
    doping: Doping
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
        crystal = with_charges(read_structure(study.host.crystal))
        crystal.add_site_property("layer", [str(name) for name in layer_of(crystal)])
        crystals = [crystal]
    empty = any("tetrahedral" in ion.places for dopants in study.dopants for ion in dopants.ions)
    return [arranged(crystal, tetrahedral=empty) for crystal in crystals]


def prospects(study: DopingStudy, hosts: Sequence[Arrangement]) -> list[Prospect]:
    """Return the candidates of a study, in its order: each doping, and of several ways to be neutral each.

    Raises `SettingsError` where two candidates have one name, or the same cells: amounts are rounded to whole atoms.
    """
    found = []
    dopings = study.dopings()
    for number, (doping, name) in enumerate(zip(dopings, names_of(dopings), strict=True)):
        neutral: dict[int, list[Variant]] = {}
        failures: list[str] = []
        for n, host in enumerate(hosts):
            try:
                neutral[n] = _cells(study, doping, host)
            except LirichError as error:
                failures.append(str(error))
        groups = _by_way(neutral, study.ways)
        names = way_names(name, [cells[0][1].compensation for cells in groups]) or [name]
        why = tuple(dict.fromkeys(failures))
        found += [Prospect(each, number, doping, cells, why) for each, cells in zip(names, groups or [()], strict=True)]
    _need_distinct(found)
    return found


Cells = tuple[tuple[int, Variant], ...]


def _by_way(neutral: Mapping[int, Sequence[Variant]], ways: int) -> list[Cells]:
    """Return the cells of one way to be neutral after another; of one way alone that which each ordering prefers."""
    if ways == 1:
        return [tuple((n, cells[0]) for n, cells in neutral.items())] if neutral else []
    words = dict.fromkeys(cell.compensation.words for cells in neutral.values() for cell in cells)
    return [
        tuple((n, cell) for n, cells in neutral.items() for cell in cells if cell.compensation.words == way)
        for way in list(words)[:ways]
    ]


def _need_distinct(found: Sequence[Prospect]) -> None:
    """Raise `SettingsError` where two candidates have the same ions on the same places."""
    seen: dict[object, str] = {}
    for prospect in found:
        held = tuple((n, cell.arrangement.elements, cell.arrangement.charges) for n, cell in prospect.cells)
        if held and held in seen:
            raise SettingsError(
                f"{prospect.name} and {seen[held]} are the same cells: amounts are rounded to whole atoms",
                expected="candidates that differ",
                advice="Leave one out, take other concentrations, or more atoms of the host (host.atoms)",
            )
        seen[held] = prospect.name


def _dopants(doping: Doping, host: Arrangement) -> list[Dopant]:
    """Return the ions with how many of each a cell takes, those of the oxygen places last.

    The concentration is counted in metals that are not lithium; of anions alone in anions. It is that of each ion, or
    of all together, and what ``count`` says of an ion multiplies it.
    """
    ions = [
        Dopant(element=ion.element, charge=charge_of(ion), place=place, replaces=ion.replaces, count=ion.count)
        for ion, place in zip(doping.dopants.ions, doping.places, strict=True)
    ]
    ions.sort(key=lambda ion: ion.place == "O")
    together = sum(ion.count for ion in ions) if doping.percent_of == "set" else 1
    times = count_for(host, ions[0], doping.percent / together)
    return [ion.model_copy(update={"count": times * ion.count}) for ion in ions]


def percents_of(host: Arrangement, variant: Variant) -> dict[str, float]:
    """Return what each element of the dopants has in a cell, % of the metals that are not lithium, of the anions on O.

    What a study asks for is rounded to whole atoms; this is what the cell holds.
    """
    held: dict[str, float] = {}
    for dopant in variant.dopants:
        of = count_for(host, dopant, 100.0)
        held[dopant.element] = held.get(dopant.element, 0.0) + 100.0 * dopant.count / of
    return held


def _cells(study: DopingStudy, doping: Doping, host: Arrangement) -> list[Variant]:
    """Return the cells of one doping on one ordering: of each way to be neutral that of the lowest Ewald energy.

    Kinds of compensation are tried in their order until there are as many ways as the study wants; the last kind may
    bring more.
    """
    ions = _dopants(doping, host)
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
    # asked for all kinds together: one refusal that says of each why
    return list(chosen.values()) or variants(host, ions, first, kinds=study.compensations)


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
        lattice_a=rounded(structure.lattice.matrix, 5),
        positions=rounded(structure.frac_coords % 1.0, 4),
        elements=tuple(site.specie.symbol for site in structure),
        layers=tuple(str(name) for name in properties.get("layer", [""] * count)),
        roles=tuple(str(role) for role in properties.get("role", ["host"] * count)),
    )

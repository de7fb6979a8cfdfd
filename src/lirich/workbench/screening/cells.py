"""What is computed of one doped cell: the plan of `lirich.atoms` for a study, and about what it costs."""

from __future__ import annotations

from collections.abc import Sequence
from math import gcd
from typing import TYPE_CHECKING

from lirich.atoms.descriptors.candidate import OFFERED, USUAL, CandidateSettings, candidate_plan
from lirich.atoms.descriptors.competitors import COMPETITORS
from lirich.atoms.descriptors.dimers import PAIRING
from lirich.atoms.descriptors.hops import HOP, HOP_CHANGE
from lirich.atoms.descriptors.hull import ABOVE_HULL, SOLUTION
from lirich.atoms.descriptors.migration import MIGRATION, MIGRATION_BARRIER, MIGRATION_CHANGE
from lirich.atoms.descriptors.preference import ROCK_SALT, SITE, SPINEL
from lirich.atoms.descriptors.strain import STRAIN, VOLUME
from lirich.atoms.descriptors.vacancy import CHANGE as VACANCY_CHANGE
from lirich.atoms.descriptors.vacancy import VACANCY
from lirich.atoms.descriptors.voltage import VOLTAGE
from lirich.atoms.neb import IMAGES
from lirich.atoms.phases import MOST_CELLS
from lirich.atoms.relax import USUAL_STEPS, RelaxationSettings
from lirich.errors import CompositionError, SettingsError, UnknownNameError
from lirich.interfaces.embedded import embedded_table
from lirich.interfaces.windows import decomposition
from lirich.screening.screened import CellNumbers, Reading
from lirich.workbench.screening.kept_cells import effort_of, relaxed_of

if TYPE_CHECKING:
    from pymatgen.core.structure import Structure

    from lirich.atoms.arrangement import Arrangement
    from lirich.atoms.plan import Plan
    from lirich.screening.study import DopingStudy
    from lirich.workbench.screening.prospects import Prospect

OF_METALS = frozenset({MIGRATION, MIGRATION_CHANGE, MIGRATION_BARRIER})
"""What is told of metals that leave for the lithium layer."""
OF_CHARGED = OF_METALS | {VOLTAGE, VOLUME, STRAIN, PAIRING}
"""What only a charged cell has: of a study whose ``lithium_removed`` is 0 there is none."""

SECONDS_PER_COST = 0.0016
"""Seconds of one core per atom and step: the 59 relaxations of the shipped study ``demo`` (60 atoms, CHGNet) took 112 s
of processor time; one call of forces alone takes 0.0013 (``benchmarks/atoms.py force``)."""
SITES_ELSEWHERE = 3
"""Other sites that a dopant is tried on (`lirich.atoms.rearranged`); of a pair or a set each has as many."""
FREE_COST = 2.0
"""A step with free cell against one with fixed cell: stress and forces against forces alone (the same benchmark)."""
WAYS = 2
"""Ways of one metal into the lithium layer: to a tetrahedron and on to an octahedron."""
COMPETITORS_COST = 0.5
"""The competing phases of a cell of Li, Mn, Ni, W and O against one relaxation of 60 atoms: nine small crystals took
0.8 s, one core, CHGNet; so the parts of a plan were timed for W in Li1.2Mn0.6Ni0.2O2. In the same run an end of a metal
took 1.0 to 3.9 s, that of a hop 1.0, another phase 2.2, another site 3.6 to 5.4, a start towards paired oxygen 0.9."""
BAND_CALLS = 200.0
"""Force calls of a band, five images for 40 steps: what `lirich.atoms.neb.neb_job` says, 19 s of one core at 60 atoms.
Measured were 11 s on the mean of 22 bands of a study, and 33 s (51 atoms, 76 steps) for one of Mn beside W; the next
was stopped unconverged after 90 s: a band that does not converge takes up to ``max_steps``, some two minutes
(`most_band_calls`)."""


def cell_plan(study: DopingStudy, host: Structure, doped: Structure | None, calculator: str) -> Plan[CellNumbers]:
    """Return the plan of one cell: a doped one beside its undoped host, or (``None``) the host alone."""
    result = yield from candidate_plan(host, doped, settings_of(study, calculator))
    lacking = lacking_competitors(host if doped is None else doped)
    readings = tuple(
        Reading(
            quantity=figure.quantity,
            value=figure.value,
            where=figure.where,
            region=figure.region,
            lithium_removed=figure.lithium_removed,
            doubts=(*figure.doubts, *lacking) if figure.quantity in (ABOVE_HULL, SOLUTION) else figure.doubts,
            why=figure.why,
            steps=figure.steps,
            atom=figure.atom,
        )
        for figure in result.figures
    )
    relaxed = tuple(relaxed_of(cell) for cell in result.cells)
    return CellNumbers(readings=readings, relaxed=relaxed, effort=effort_of(result.runs), notes=result.notes)


def lacking_competitors(cell: Structure) -> tuple[str, ...]:
    """Return what must be said of an energy above the hull: the phases that should compete with a cell and do not.

    They are those that the table of reference energies (`lirich.interfaces`) has the composition of the cell fall apart
    into, as far as `lirich.atoms.descriptors.competitors` has no crystal of them.
    """
    amounts = {str(element): float(n) for element, n in cell.composition.items()}
    try:
        phases = decomposition(embedded_table(), amounts)
    except CompositionError as error:
        return (f"which phases should compete is not known: {error}",)
    elements = set(amounts)
    missing = [phase for phase in phases if phase not in COMPETITORS and phase not in elements]
    if not missing:
        return ()
    return (f"too low: {', '.join(missing)} should compete, and no crystal of it is among the competitors",)


def settings_of(study: DopingStudy, calculator: str) -> CandidateSettings:
    """Return what is computed of each cell.

    Raises `UnknownNameError` on a descriptor, `SettingsError` where a gate or a weight asks for what is no descriptor,
    or one of them for what only a charged cell has, and none is.
    """
    for name in study.descriptors:
        if name not in OFFERED:
            raise UnknownNameError.of("descriptor", name, OFFERED)
    for key in study.wanted:
        if key not in OFFERED:
            raise SettingsError(
                f"The study judges by {key}, which is not computed", expected="one of " + ", ".join(OFFERED)
            )
    if not any(share > 0 for share in study.lithium_removed):
        for key in (*study.wanted, *study.descriptors):
            if key in OF_CHARGED:
                raise SettingsError(
                    f"{key} needs lithium_removed above 0: it is that of a charged cell, and the study has none",
                    expected="a share of the lithium that is out, above 0",
                    advice="Say lithium_removed: [0.0, 0.5]",
                )
    return CandidateSettings(
        relaxation=RelaxationSettings(
            calculator=calculator,
            force_max_ev_a=study.relaxation.force_max_ev_a,
            max_steps=study.relaxation.max_steps,
            kicks=study.relaxation.kicks,
        ),
        wanted=tuple(dict.fromkeys((*(study.descriptors or USUAL), *study.wanted))),
        lithium_removed=study.lithium_removed,
        oxygen_sites=study.oxygen_sites,
        far_oxygen_sites=study.far_oxygen_sites,
        bands=study.bands,
        seed=study.seed,
    )


def need_computable(study: DopingStudy, hosts: Sequence[Arrangement], asked: Sequence[Prospect]) -> None:
    """Raise `SettingsError` where gates, weights or descriptors want what no candidate can have, before it is computed.

    `settings_of` refuses what the study alone tells; here it is told of the cells.
    """
    settings = settings_of(study, study.calculators[0])
    wanted = (*study.wanted, *study.descriptors)
    leaving = {element for host in hosts for element in host.elements} & set(settings.migrating)
    for key in wanted:
        if key in OF_METALS and not leaving:
            raise SettingsError(
                f"{key} is that of {' or '.join(settings.migrating)}, and the host has neither",
                advice="Leave it out of descriptors, gates and weights",
            )
    cells = [cell.structure for prospect in asked for _, cell in prospect.cells]
    if SPINEL in wanted and cells and not any(_has_spinel(cell) for cell in cells):
        raise SettingsError(
            f"{SPINEL} can be computed of no candidate: no spinel of at most {16 * MOST_CELLS} atoms has its atoms",
            expected="cells with as many cations as oxygens, in shares that 8, 16, … or 48 cations hold",
            advice="Take other host.atoms: 48, or a multiple of it",
        )


def _has_spinel(cell: Structure) -> bool:
    """Say whether `lirich.atoms.phases` has a spinel of exactly these atoms: 8 cations in each of its few cells."""
    cations = {str(element): round(n) for element, n in cell.composition.items() if str(element) != "O"}
    unit = sum(cations.values()) // gcd(*cations.values())
    full = sum(cations.values()) == len(cell) / 2
    return full and any(8 * n % unit == 0 for n in range(1, MOST_CELLS + 1))


def expected_cost(study: DopingStudy, atoms: int, *, band_calls: float = BAND_CALLS) -> float:
    """Return about what one cell costs with one calculator, in the unit of `lirich.atoms.plan.Job.cost`.

    *band_calls* are the force calls of a band: by default those of one that converges, `most_band_calls` at most.

    The cell itself with free shape, of each charged state its arrangements, of each state the oxygens taken out (near
    and far) of the cell and, for those that only it has, of its host; of the cell and its host the ends of metals
    that leave (`WAYS` each) and of the lithium that hops, the middle of its way or the bands; the other phases, sites,
    competitors, and starts in search of paired oxygen. What candidates share is counted of each.
    """
    settings = settings_of(study, study.calculators[0])
    wanted = set(settings.wanted)
    charged = sum(share > 0 for share in study.lithium_removed)
    relaxations = FREE_COST * (1 + settings.arrangements * charged)
    bands = 0.0
    if wanted & {VACANCY, VACANCY_CHANGE}:
        relaxations += 1.5 * (study.oxygen_sites + study.far_oxygen_sites) * len(study.lithium_removed)
    if wanted & OF_METALS:
        ways = WAYS * len(settings.migrating) * charged
        relaxations += 2.0 * ways
        bands += 2.0 * ways if study.bands else ways if MIGRATION_BARRIER in wanted else 0.0
    if wanted & {HOP, HOP_CHANGE}:
        relaxations += 2.0 * (2 if study.bands else 3)
        bands += 2.0 if study.bands else 0.0
    if wanted & {SPINEL, ROCK_SALT}:
        relaxations += FREE_COST * 2
    if SITE in wanted:
        relaxations += FREE_COST * SITES_ELSEWHERE
    if wanted & {ABOVE_HULL, SOLUTION}:
        relaxations += COMPETITORS_COST
    if PAIRING in wanted:
        relaxations += settings.pairing_starts * charged
    return atoms * (USUAL_STEPS * relaxations + band_calls * bands)


def most_band_calls(study: DopingStudy) -> float:
    """Return the force calls of a band of the study that does not converge: each image at each step."""
    return float(IMAGES * study.relaxation.max_steps)


def seconds_of(cost: float) -> float:
    """Return about how many seconds of one core a cost takes with CHGNet."""
    return SECONDS_PER_COST * cost

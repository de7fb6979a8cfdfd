"""What is computed of one doped cell: the plan of `lirich.atoms` for a study, and about what it costs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lirich.atoms.descriptors.candidate import OFFERED, USUAL, CandidateSettings, candidate_plan
from lirich.atoms.descriptors.competitors import COMPETITORS
from lirich.atoms.descriptors.hull import ABOVE_HULL, SOLUTION
from lirich.atoms.descriptors.preference import SITE
from lirich.atoms.relax import USUAL_STEPS, RelaxationSettings
from lirich.errors import CompositionError, SettingsError, UnknownNameError
from lirich.interfaces.embedded import embedded_table
from lirich.interfaces.windows import decomposition
from lirich.screening.screened import CellNumbers, Reading

if TYPE_CHECKING:
    from pymatgen.core.structure import Structure

    from lirich.atoms.plan import Plan
    from lirich.screening.study import DopingStudy

SECONDS_PER_COST = 0.0016
"""Seconds of one core per atom and step: the 59 relaxations of the shipped study ``demo`` (60 atoms, CHGNet) took 112 s
of processor time; one call of forces alone takes 0.0013 (``benchmarks/atoms.py force``)."""
SITES_ELSEWHERE = 3
"""Other sites that a dopant is tried on (`lirich.atoms.rearranged`); of a pair or a set each has as many."""
FREE_COST = 2.0
"""A step with free cell against one with fixed cell: stress and forces against forces alone (the same benchmark)."""


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
        )
        for figure in result.figures
    )
    return CellNumbers(readings=readings, notes=result.notes)


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

    Raises `UnknownNameError` on a descriptor, `SettingsError` where a gate or a weight asks for what is no descriptor.
    """
    for name in study.descriptors:
        if name not in OFFERED:
            raise UnknownNameError.of("descriptor", name, OFFERED)
    for key in study.wanted:
        if key not in OFFERED:
            raise SettingsError(
                f"The study judges by {key}, which is not computed", expected="one of " + ", ".join(OFFERED)
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
        bands=study.bands,
        seed=study.seed,
    )


def expected_cost(study: DopingStudy, atoms: int) -> float:
    """Return about what one cell costs with one calculator, in the unit of `lirich.atoms.plan.Job.cost`.

    The cell itself with free shape, of each charged state its arrangements, of each state the oxygens taken out (near
    and one far) of the cell and, for those that only it has, of its host, the metals that leave, the other sites.
    """
    settings = settings_of(study, study.calculators[0])
    charged = [share for share in study.lithium_removed if share > 0]
    relaxations = FREE_COST * (1 + settings.arrangements * len(charged))
    if any(key.startswith("oxygen_vacancy") for key in settings.wanted):
        relaxations += 1.5 * (study.oxygen_sites + 1) * len(study.lithium_removed)
    if any(key.startswith("metal_migration") for key in settings.wanted):
        relaxations += 1.5 * len(settings.migrating) * len(charged)
    if SITE in settings.wanted:
        relaxations += FREE_COST * SITES_ELSEWHERE
    return atoms * USUAL_STEPS * relaxations


def seconds_of(cost: float) -> float:
    """Return about how many seconds of one core a cost takes with CHGNet."""
    return SECONDS_PER_COST * cost

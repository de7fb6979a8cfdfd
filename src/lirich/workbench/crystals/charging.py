"""Charge a cathode on the computer: from a formula to the energies of its charged cells, for contact reactions."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import fmean, stdev
from typing import TYPE_CHECKING

from lirich import __version__
from lirich.errors import CalculatorError, InputError, LirichError
from lirich.interfaces.cathode import lithium_left
from lirich.interfaces.charged import ComputedCharge
from lirich.model import Composition
from lirich.workbench.extras import need_atoms

if TYPE_CHECKING:
    from lirich.atoms.descriptors.candidate import CandidateResult
    from lirich.compute import Progress
    from lirich.store.models import Models

VOLTAGE_SD_V = 0.37
"""What CHGNet's average voltages of layered oxides are off by: the root of the mean square of +0.11, −0.19 and −0.6 V
for LiNiO2, Li2MnO3 and LiCoO2 against experiment (``benchmarks/atoms_truth.py crystals``)."""


def charge(
    formula: str,
    *,
    left: Sequence[float] = (),
    orderings: int = 3,
    atoms: int = 60,
    calculator: str = "chgnet",
    cache: Path | None = None,
    executor: str = "processes",
    workers: int | None = None,
    progress: Callable[[Progress], None] | None = None,
    models: Models | None = None,
) -> tuple[ComputedCharge, ...]:
    """Compute the charged cells of a cathode: lithium out by energy, cell and atoms relaxed, mean over orderings.

    Parameters
    ----------
    formula:
        The discharged cathode, a layered oxide.
    left:
        Lithium per formula that stays, one number for each state; by default what is left at 4.5 V and fully charged
        (`lirich.interfaces.cathode.lithium_left`). Rounded to whole atoms of the cell.
    orderings, atoms:
        From how many starts the cations are ordered, in cells of about so many atoms. Where all find the same
        ordering (there is one of LiNiO2), that one is taken, and the spread over orderings is 0.
    calculator:
        A potential by name. The standard deviation of the result takes CHGNet's for its voltages.
    cache, executor, workers, progress, models:
        As of `lirich.workbench.screening.screen.run_screen`.

    Raises
    ------
    OptionalDependencyError
        Without the extra ``[atoms]``.
    UnknownNameError
        On a calculator that nobody brings.
    InputError
        For lithium that is not there, or fewer than two orderings.
    CompositionError, NotNeutralError
        For a formula that is no layered oxide.
    CalculatorError
        Where fewer than two orderings relaxed (none, where there is one).
    """
    need_atoms("Charging a cathode")
    from lirich.atoms.calculators import calculator as by_name
    from lirich.atoms.descriptors.candidate import CandidateSettings, candidate_plan
    from lirich.atoms.descriptors.voltage import VOLTAGE
    from lirich.atoms.ordering import ordered
    from lirich.atoms.plan import together
    from lirich.atoms.relax import RelaxationSettings
    from lirich.workbench.crystals.plans import PlanRunner
    from lirich.workbench.crystals.potentials import make_known, with_potential

    if orderings < 2:
        raise InputError(f"{orderings} ordering", expected="two at least: their spread is part of the answer")
    lithium = Composition.parse(formula).amount("Li")
    wanted = sorted(left or lithium_left(formula), reverse=True)
    if any(not 0 <= x < lithium for x in wanted):
        raise InputError(
            f"{', '.join(f'{x:g}' for x in wanted)} Li left of {lithium:g}", expected="0 or more, and less"
        )
    if models is not None:
        make_known(models, calculator)
    version = by_name(calculator).version
    cells = ordered(formula, atoms=atoms, seeds=orderings)
    count = round(cells[0].structure.composition["Li"])
    out = list(dict.fromkeys(round((1 - x / lithium) * count) for x in wanted))
    settings = CandidateSettings(
        relaxation=RelaxationSettings(calculator=calculator, force_max_ev_a=0.05),
        wanted=(VOLTAGE,),
        lithium_removed=(0.0, *(n / count for n in out)),
    )
    runner = PlanRunner(cache=cache, executor=executor, workers=workers, progress=progress)
    plans = [candidate_plan(cell.structure, None, settings) for cell in cells]
    if models is not None:
        plans = [with_potential(models, calculator, plan) for plan in plans]
    answers = runner.run(together(plans))
    sound = [each for each in answers if not isinstance(each, LirichError)]
    found = []
    for n in out:
        taken = lithium * n / count
        energies = [e for e in (_charging_ev(each, n / count, lithium) for each in sound) if e is not None]
        if len(energies) < min(2, len(cells)):
            raise CalculatorError(
                f"{len(energies)} of {len(cells)} orderings of {formula} relaxed with {lithium - taken:.2g} Li: "
                f"{'; '.join(dict.fromkeys(why for each in answers for why in _failures(each)))}",
                advice="Ask for more orderings (orderings=, --orderings), or for another potential",
            )
        spread = stdev(energies) / math.sqrt(len(energies)) if len(energies) > 1 else 0.0
        found.append(
            ComputedCharge(
                cathode=formula,
                lithium_left=round(lithium - taken, 4),
                charging_energy_ev=round(fmean(energies), 4),
                sd_ev=round(math.hypot(spread, VOLTAGE_SD_V * taken), 4),
                orderings=len(energies),
                cell=cells[0].structure.composition.formula.replace(" ", ""),
                source=f"{version}, lirich {__version__}",
            )
        )
    return tuple(found)


def _failures(answer: CandidateResult | LirichError) -> list[str]:
    """Return why an ordering gave no energy at some state of charge."""
    from lirich.atoms.descriptors.voltage import VOLTAGE

    if isinstance(answer, LirichError):
        return [str(answer)]
    return [figure.why for figure in answer.of(VOLTAGE) if figure.value is None and figure.why]


def _charging_ev(result: CandidateResult, share: float, lithium: float) -> float | None:
    """Return ∫V dx per formula up to *share* of the lithium: the sum over the steps of the charge."""
    from lirich.atoms.descriptors.voltage import VOLTAGE

    total, before = 0.0, 0.0
    for step in sorted(result.of(VOLTAGE), key=lambda figure: figure.lithium_removed):
        if step.lithium_removed > share + 1e-9 or step.value is None:
            break
        total += step.value * (step.lithium_removed - before) * lithium
        before = step.lithium_removed
    return total if math.isclose(before, share) else None

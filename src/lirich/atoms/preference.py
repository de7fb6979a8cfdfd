"""Layered, spinel or rock salt: which order of the cations a potential finds lowest, over a space of compositions.

Each composition is built in the three orders of the same oxygen lattice, atom for atom the same, and relaxed
(`lirich.atoms.phases`); the differences are learned from features of the composition. So did Rittiruam et al. for the
phases of high-entropy alloys (Sci. Rep. 12, 16653 (2022), doi:10.1038/s41598-022-21209-0: energies of fcc and bcc by
KKR-CPA, learned by a neural network); here a Gaussian process learns, which has intervals.

Energies are those at 0 K, of discharged oxides with as many cations as anions; entropy, which favours rock salt, is
left out, and every value is a pre-filter, not DFT.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pymatgen.core.structure import Structure

from lirich.atoms.composition_space import ATOMS, composition_features
from lirich.atoms.evaluation import PRE_FILTER
from lirich.atoms.ordering import ordered
from lirich.atoms.phases import Phase, as_phase
from lirich.atoms.plan import Plan
from lirich.atoms.relax import RelaxationSettings, relaxation_job, relaxed
from lirich.atoms.surrogate import LeftOut, Prediction, Surrogate
from lirich.errors import CalculatorError, LirichError, NotEnoughDataError, StructureError
from lirich.model import Composition
from lirich.model._base import Frozen

Array = NDArray[np.float64]
Order = Literal["layered", "spinel", "rock salt"]

OTHERS: tuple[Phase, Phase] = ("spinel", "rock salt")
STRADDLE = 1.96
"""Standard deviations by which a point may still lie on the other side of a border: Bryan et al., Advances in Neural
Information Processing Systems 18 (2005), the "straddle" heuristic."""


class PhaseEnergies(Frozen):
    """Energies, eV per atom, of one composition as each phase: one for each cell that converged.

    ``rounding`` is what the cell deviates by from the composition asked for, atoms per two anions; the three phases
    have the same atoms in any case. ``doubts`` says of each cell what is to be known of it.
    """

    formula: str
    asked: str
    amounts: dict[str, float]
    atoms: int
    rounding: dict[str, float]
    energies_ev_atom: dict[Order, tuple[float, ...]]
    doubts: tuple[str, ...] = ()
    calculator: str
    version: str
    remark: str = PRE_FILTER

    def over_layered_mev_atom(self, phase: Order) -> tuple[float, float]:
        """Return the energy of *phase* over layered, meV per atom, and its standard deviation.

        Layered and spinel are searched for, and stand with their lowest cell; rock salt is one of many random cells,
        and stands with their mean, whose standard error is the deviation (0 for one cell, and for spinel).
        """
        energies = np.array(self.energies_ev_atom[phase])
        lowest = min(self.energies_ev_atom["layered"])
        if phase != "rock salt":
            return 1000.0 * (float(energies.min()) - lowest), 0.0
        error = float(energies.std(ddof=1)) / np.sqrt(len(energies)) if len(energies) > 1 else 0.0
        return 1000.0 * (float(energies.mean()) - lowest), 1000.0 * float(error)


def phase_energies(
    composition: Composition | str,
    settings: RelaxationSettings,
    *,
    atoms: int = ATOMS,
    seeds: int = 2,
    first_seed: int = 0,
) -> Plan[PhaseEnergies]:
    """Relax *composition* as layered oxide, spinel and rock salt, *seeds* cells of each, all with the same atoms.

    The random starts are *first_seed* and those that follow it.

    Raises
    ------
    lirich.errors.CompositionError, lirich.errors.NotNeutralError
        What `lirich.atoms.ordering.ordered` refuses.
    lirich.errors.StructureError
        No spinel cell has the atoms of the layered one: energies of unlike compositions do not compare.
    lirich.errors.CalculatorError
        No cell of one of the phases converged.
    """
    asked = Composition.parse(composition) if isinstance(composition, str) else composition
    tries = range(first_seed, first_seed + seeds)
    orderings = ordered(asked, atoms=atoms, seeds=tries)
    first = orderings[0].structure
    cells: list[tuple[Order, int, Structure]] = [("layered", o.rank, o.structure) for o in orderings]
    for other in OTHERS:
        for seed in tries:
            cell = as_phase(first, other, seed=seed)
            _check_equal(first, cell, other)
            cells.append((other, seed, cell))
    free = settings.model_copy(update={"cell": "free"})
    name = first.composition.reduced_formula
    outcomes = yield [relaxation_job(cell, free, f"{name} as {phase}, cell {k}") for phase, k, cell in cells]
    energies: dict[Order, list[float]] = {"layered": [], "spinel": [], "rock salt": []}
    doubts: list[str] = []
    calculator = version = ""
    for (phase, k, cell), outcome in zip(cells, outcomes, strict=True):
        if isinstance(outcome, LirichError):
            doubts.append(f"{phase} {k}: {outcome}")
            continue
        end = relaxed(outcome)
        calculator, version = end.calculator, end.version
        if end.end.kind != "as built":
            doubts.append(f"{phase} {k}: {end.end.words}")
        if not end.converged or end.end.kind == "collapsed":
            doubts.append(f"{phase} {k}: not counted, {'collapsed' if end.converged else 'not converged'}")
            continue
        energies[phase].append(end.energy_ev / len(cell))
    lost = [phase for phase, found in energies.items() if not found]
    if lost:
        raise CalculatorError(f"No cell of {name} as {' and '.join(lost)} relaxed: {'; '.join(doubts)}")
    units = sum(site.properties["charge"] < 0 for site in first) / 2.0
    counts = first.composition.get_el_amt_dict()
    return PhaseEnergies(
        formula=name,
        asked=asked.formula,
        amounts={element: n / units for element, n in counts.items()},
        atoms=len(first),
        rounding={el: d for el, d in orderings[0].deviation.items() if abs(d) > 1e-6},
        energies_ev_atom={phase: tuple(found) for phase, found in energies.items()},
        doubts=tuple(doubts),
        calculator=calculator,
        version=version,
    )


@dataclass(frozen=True)
class Preferred:
    """What the map says of one composition: the phase of the lowest energy, or ``None`` where it cannot tell.

    ``over_layered_mev_atom`` gives value, low and high of each other phase, meV per atom.
    """

    composition: Composition
    phase: Order | None
    over_layered_mev_atom: Mapping[Order, tuple[float, float, float]]


class PhaseMap:
    """The differences of energy learned over compositions; ``fit``, then ``predict`` and ``next_to_compute``.

    Attributes
    ----------
    left_out_:
        For spinel and rock salt: errors on compositions that were left out, meV per atom (`LeftOut`).
    """

    def __init__(self, *, seed: int = 0) -> None:
        self.seed = seed

    def fit(self, found: Sequence[PhaseEnergies]) -> PhaseMap:
        """Learn from computed compositions, each left out once to judge the rest.

        Raises `lirich.errors.NotEnoughDataError` with fewer than five compositions.
        """
        if not found:
            raise NotEnoughDataError("No computed composition", expected="five or more")
        compositions = [Composition(formula=f.formula, amounts=f.amounts) for f in found]
        features = np.array([composition_features(c) for c in compositions])
        self._surrogates: dict[Order, Surrogate] = {}
        for phase in OTHERS:
            figures = np.array([f.over_layered_mev_atom(phase) for f in found])
            # Two or three random cells tell no spread by themselves: that of all compositions is pooled.
            noise = np.full(len(found), float(np.sqrt(np.mean(figures[:, 1] ** 2))))
            self._surrogates[phase] = Surrogate(seed=self.seed).fit(
                features, figures[:, 0], [f.formula for f in found], noise
            )
        self.left_out_: Mapping[Order, LeftOut] = {phase: s.left_out_ for phase, s in self._surrogates.items()}
        return self

    def predict(self, compositions: Sequence[Composition], *, level: float = 0.90) -> list[Preferred]:
        """Return what is preferred at each composition, with intervals at *level*.

        A phase is preferred where its whole interval lies below those of the two others, layered at 0.
        """
        found = {phase: self._predicted(phase, compositions, level) for phase in OTHERS}
        answers = []
        for k, composition in enumerate(compositions):
            spans: dict[Order, tuple[float, float, float]] = {
                phase: (float(p.value[k]), float(p.low[k]), float(p.high[k])) for phase, p in found.items()
            }
            answers.append(Preferred(composition, _lowest(spans), spans))
        return answers

    def next_to_compute(self, compositions: Sequence[Composition]) -> Array:
        """Return how much each composition may still lie on the other side of a border, meV per atom, shape (n,).

        1.96 σ less the size of µ, the larger of the two phases' (see `STRADDLE`); which to compute next: the largest.
        """
        scores = []
        for phase in OTHERS:
            p = self._predicted(phase, compositions, 0.90)
            scores.append(STRADDLE * p.deviation - np.abs(p.value))
        return np.asarray(np.max(scores, axis=0))

    def _predicted(self, phase: Order, compositions: Sequence[Composition], level: float) -> Prediction:
        return self._surrogates[phase].predict(np.array([composition_features(c) for c in compositions]), level=level)


def _lowest(spans: Mapping[Order, tuple[float, float, float]]) -> Order | None:
    ranges: dict[Order, tuple[float, float]] = {"layered": (0.0, 0.0)}
    ranges |= {phase: (low, high) for phase, (_, low, high) in spans.items()}
    for phase, (_, high) in ranges.items():
        if all(high < low for other, (low, _) in ranges.items() if other != phase):
            return phase
    return None


def _check_equal(layered: Structure, other: Structure, phase: Order) -> None:
    mine, theirs = layered.composition.reduced_composition, other.composition.reduced_composition
    if not mine.almost_equals(theirs, rtol=1e-9, atol=1e-9):
        raise StructureError(
            f"The {phase} has the composition {theirs.formula}, the layered cell {mine.formula}",
            expected="equal compositions, or the energies do not compare",
            advice=f"Take cells of {ATOMS} atoms or a multiple, which both layered cells and spinels fill",
        )

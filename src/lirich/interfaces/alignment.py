"""Energies by CHGNet on the scale of a table: a shift per element, fitted on compounds that both know.

CHGNet was trained on the corrected energies of the Materials Project (scheme of 2020; Deng et al., Nat. Mach. Intell. 5
(2023) 1031, doi:10.1038/s42256-023-00716-3). Against the table its formation energies are off by a little per element:
ridge regression (a normal prior of each shift), its error carried along to every phase that it puts on the scale.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources

import numpy as np
from numpy.typing import NDArray

from lirich.errors import CompositionError
from lirich.interfaces.embedded import constants, embedded_table
from lirich.interfaces.formulas import PEROXIDES, amounts_of, reduced
from lirich.interfaces.phases import ENTRY_SD_EV_ATOM, EnergyTable, Phase

NOISE_EV_ATOM = 0.03
"""Spread of CHGNet about the shifts that the fit assumes; `Alignment.spread_ev_atom` is what is left out of it."""
PRIOR_EV, PRIOR_OF_CATIONS_EV = 1.0, 0.1
"""Widths of the priors: anions have corrections of their own in the schemes, cations hardly."""
ANIONS = frozenset({"O", "S", "F", "Cl", "Br", "I", "N", "H", "Se"})
REFERENCE = "element, MP2020"
"""Kind of the constants that hold the energies of the elements on CHGNet's scale, eV/atom."""
SCHEME = "CHGNet + elements"


@dataclass(frozen=True)
class Alignment:
    """Shifts of CHGNet's formation energies, eV per atom of ``elements``, with their covariance, eV².

    ``spread_ev_atom`` is the robust standard deviation of the compounds of the fit, each left out once; ``left_out``
    has how far each was off, eV/atom.
    """

    elements: tuple[str, ...]
    shifts: NDArray[np.float64]
    covariance: NDArray[np.float64]
    spread_ev_atom: float
    left_out: Mapping[str, float]

    def formation_energy(self, formula: str, raw_ev_atom: float) -> tuple[float, float]:
        """Return a formation energy on the scale of the table and its standard deviation, eV/atom.

        *raw_ev_atom* is CHGNet's, against the elements of its own scale. Raises `CompositionError` for an element or a
        kind of compound without an alignment.
        """
        fractions = _fractions(formula)
        if not usual(formula) or not set(fractions) <= set(self.elements):
            raise CompositionError(
                f"CHGNet cannot be put on the scale of the table for {formula}",
                expected="oxides, sulfides, halides, nitrides or hydrides of " + " ".join(self.elements),
                advice="Give energies of your own that stand on one scale: a file of pymatgen entries",
            )
        x = np.array([fractions.get(e, 0.0) for e in self.elements])
        of_shifts = float(x @ self.covariance @ x)
        sd = (ENTRY_SD_EV_ATOM**2 + self.spread_ev_atom**2 + of_shifts) ** 0.5
        return raw_ev_atom + float(x @ self.shifts), float(sd)

    def phase(self, formula: str, energy_ev_atom: float, source: str) -> Phase:
        """Return the phase of a total energy by CHGNet, eV/atom. Raises as `formation_energy` does."""
        raw = energy_ev_atom - sum(element_energies().get(e, 0.0) * x for e, x in _fractions(formula).items())
        energy, sd = self.formation_energy(formula, raw)
        return Phase(reduced(formula), tuple(amounts_of(formula).items()), energy, sd, SCHEME, source)


def usual(formula: str) -> bool:
    """Say whether one shift per element can do: not of sulfates, nitrates, peroxides, corrected otherwise in 2020."""
    present = set(amounts_of(formula))
    return reduced(formula) not in PEROXIDES and not any({"O", e} <= present for e in ("S", "N", "Cl"))


def fitted(raw: Mapping[str, float], known: Mapping[str, float]) -> Alignment:
    """Return the shifts that take *raw* formation energies of CHGNet to those *known* of a table, both eV/atom."""
    formulas = sorted(f for f in raw if f in known and usual(f))
    elements = sorted({e for f in formulas for e in amounts_of(f)})
    rows = [_fractions(f) for f in formulas]  # divided by atoms: residuals in eV/atom
    x = np.array([[row.get(e, 0.0) for e in elements] for row in rows])
    y = np.array([known[f] - raw[f] for f in formulas])
    prior = np.array([PRIOR_EV if e in ANIONS else PRIOR_OF_CATIONS_EV for e in elements])
    covariance = np.linalg.inv(x.T @ x / NOISE_EV_ATOM**2 + np.diag(1 / prior**2))
    shifts = covariance @ x.T @ y / NOISE_EV_ATOM**2
    leverage = np.einsum("ij,jk,ik->i", x, covariance, x) / NOISE_EV_ATOM**2
    left_out = (y - x @ shifts) / (1 - leverage)
    spread = float(1.4826 * np.median(abs(left_out)))
    return Alignment(
        tuple(elements), shifts, covariance, spread, dict(zip(formulas, map(float, left_out), strict=True))
    )  # fmt: skip


@cache
def embedded_alignment() -> Alignment:
    """Return the alignment of CHGNet on the embedded table: the one by which its own missing phases were filled."""
    known = {p.formula: p.formation_energy_ev_atom for p in embedded_table().phases if p.scheme != SCHEME}
    raw = {
        f: e - sum(element_energies()[s] * x for s, x in _fractions(f).items())
        for f, (e, _) in computed_energies().items()
        if set(amounts_of(f)) <= set(element_energies())
    }
    return fitted(raw, known)


@cache
def computed_energies() -> Mapping[str, tuple[float, str]]:
    """Return the energies by CHGNet that come with lirich: eV/atom by formula, with the version of the potential."""
    text = resources.files("lirich.interfaces").joinpath("computed.csv").read_text(encoding="utf-8")
    return {r["formula"]: (float(r["energy_ev_atom"]), r["source"]) for r in csv.DictReader(text.splitlines())}


@cache
def element_energies() -> Mapping[str, float]:
    """Return the energies of the elements on CHGNet's scale, eV/atom: references of the Materials Project."""
    return {c.name: c.value_ev for c in constants() if c.kind == REFERENCE}


def filled(table: EnergyTable, phases: Sequence[Phase]) -> EnergyTable:
    """Return the *table* with those of the *phases* that it lacks; what it has stays, the lowest of several counts."""
    new: dict[str, Phase] = {}
    for phase in phases:
        before = new.get(phase.formula)
        lower = before is None or phase.formation_energy_ev_atom < before.formation_energy_ev_atom
        if phase.formula not in table.by_formula and lower:
            new[phase.formula] = phase
    return replace(table, name=f"{table.name}, {len(new)} filled", phases=(*table.phases, *new.values()))


def _fractions(formula: str) -> dict[str, float]:
    amounts = amounts_of(formula)
    total = sum(amounts.values())
    return {e: n / total for e, n in amounts.items()}

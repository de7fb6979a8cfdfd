"""Average voltages between two contents of lithium, from total energies.

V̄ = −[E(x₁) − E(x₂) − (x₁ − x₂) E(Li)] / (x₁ − x₂) with energies for internal energies at 0 K:
Aydinol et al., Phys. Rev. B 56 (1997) 1354, doi:10.1103/PhysRevB.56.1354.
"""

from __future__ import annotations

from pymatgen.core.lattice import Lattice
from pymatgen.core.structure import Structure

from lirich.atoms.descriptors.computed import ended
from lirich.atoms.plan import Plan
from lirich.atoms.relax import Relaxation, RelaxationSettings, relaxation_job
from lirich.errors import CalculatorError, InputError

VOLTAGE = "computed_average_voltage_v"

BCC_LITHIUM_A = 3.51
"""Lattice parameter of bcc lithium, Å: Nadler & Kempter, Anal. Chem. 31 (1959) 2109, doi:10.1021/ac60156a007."""


def lithium_energy(settings: RelaxationSettings) -> Plan[float]:
    """Return the energy of an atom of lithium metal with the same potential, eV.

    Raises `lirich.errors.CalculatorError` where the metal did not relax: no voltage is told from its energy.
    """
    bcc = Structure(Lattice.cubic(BCC_LITHIUM_A), ["Li", "Li"], [[0.0, 0.0, 0.0], [0.5, 0.5, 0.5]])
    (outcome,) = yield [relaxation_job(bcc, settings.model_copy(update={"cell": "free"}), "lithium metal")]
    metal, why = ended(outcome)
    if metal is None:
        raise CalculatorError(f"Lithium metal did not relax: {why}")
    return metal.energy_ev / 2


def average_voltage_v(rich: Relaxation, poor: Relaxation, lithium_ev: float) -> float:
    """Return the average voltage vs Li/Li⁺ between two relaxed cells of one host, V.

    Raises `InputError` where *rich* has no more lithium than *poor*, or they differ in something else.
    """
    a, b = rich.crystal.composition, poor.crystal.composition
    count = a["Li"] - b["Li"]
    rest = {str(e): n for e, n in a.items() if str(e) != "Li"}
    if count <= 0 or rest != {str(e): n for e, n in b.items() if str(e) != "Li"}:
        raise InputError(f"No voltage between {a.formula} and {b.formula}", expected="the same cell with less lithium")
    return float(-(rich.energy_ev - poor.energy_ev - count * lithium_ev) / count)

"""Single-particle half-cell of a powder whose particles differ in size: classes side by side at one potential.

Each class has its own crystal (`lirich.cells.crystal`): it fills through its own radius and activates, changes,
reconstructs and cracks by its own potential and throughput. The particles touch one electrolyte and one collector, and
nothing else is between them. So the rate q_k at which Li enters a class is an unknown of its own::

    V_s = U_k − η_k(q_k) for every class k,    ∑ w_k q_k = I / Q

with w_k the parts of the volume and Q the charge of the host's Li. The sum is linear, so that Newton's method keeps it
exactly, and with it the Li. At rest the classes go on exchanging Li until their potentials are one.

Many particles at one potential in one electrode: Kirk et al. (2020), arXiv:2006.12208, which is PyBaMM's ``MPM``. There
the distribution is by area on an even grid of radii, whose range is built in; here it is by volume, on nodes of a
quadrature that move with the spread, so that one built model serves every spread.
"""

from __future__ import annotations

from typing import Any

import pybamm

from lirich.cells.cell import SIZES, LiRichModel, Symbol, coordinate, mean
from lirich.cells.crystal import Crystal, parameter
from lirich.cells.porous import LOCAL, LOCAL_RATE, RATE_SCALE, along
from lirich.cells.sizes import CLASSES, CRYSTAL, PARTICLE, SPREAD, nodes, relative_radius, volume_fraction


def of_class(what: str, number: int) -> str:
    """Return the name of an output of one class, from 1, the finest first."""
    return f"{what} of size class {number}"


CONTENT, SHARE, TRANSFORMED = "Lithium content", "Share of the current", "Sites transformed"


class LiRichSizes(LiRichModel):
    """Single-particle half-cell of Li-rich crystals of several sizes, against Li metal.

    ``pybamm.Model("LiRichSizes")`` gives it by name.

    Parameters
    ----------
    name, current:
        As of `lirich.cells.half_cell.LiRichSPM`.
    classes:
        Number of size classes.
    """

    parameter_set = "LiRich_SC_Sizes"
    regions = (SIZES,)

    def __init__(
        self, name: str = "Li-rich half-cell of particles of several sizes", current: Any = None, classes: int = CLASSES
    ) -> None:
        super().__init__(name, current)
        pybamm.citations.register("Kirk2020")
        self.classes = classes
        self._parts = self._along([parameter(volume_fraction(k)) for k in range(1, classes + 1)])
        rate = pybamm.Variable(LOCAL_RATE, domain=SIZES, scale=RATE_SCALE)
        crystal = Crystal(rate=rate, temperature=self.temperature, domain=SIZES, prefix=LOCAL, radii=self._radii())
        self._add(crystal)
        collector = pybamm.Variable("Potential at the current collector [V]")
        self.initial_conditions[collector] = parameter("Initial surface potential guess [V]")
        self.initial_conditions[rate] = pybamm.PrimaryBroadcast(pybamm.Scalar(0), SIZES)
        wanted = self.current / (self.host * 3600)
        self.algebraic[collector] = (self._mean(rate) - wanted) / RATE_SCALE
        self.algebraic[rate] = (
            pybamm.PrimaryBroadcast(collector, SIZES)
            - crystal.potential
            + crystal.overpotential(pybamm.PrimaryBroadcast(pybamm.Scalar(1), SIZES))
        )
        counter = self._metal_overpotential()
        voltage = collector - counter - self.current * parameter("Series resistance [Ohm]")
        self._finish(
            voltage,
            crystal,
            {
                "Counter-electrode overpotential [V]": counter,
                **{name: self._mean(output) for name, output in crystal.outputs.items()},
                **self._by_class(crystal, rate),
            },
            open_circuit=self._mean(crystal.potential),
            inventory={
                "Lithium in working crystals [mol]": self._mean(crystal.mean_lithium) * self.host_lithium,
                "Lithium lost in disconnected crystals [mol]": self._mean(crystal.lost) * self.host_lithium,
                **self._metal_inventory(),
            },
        )
        self.variables.update({LOCAL_RATE: rate, **along(crystal)})

    def _along(self, values: Any) -> Symbol:
        """Return one value for each class as a quantity along the classes."""
        return sum(value * self._only(k) for k, value in enumerate(values))

    def _only(self, index: int) -> Symbol:
        """Return 1 for one class (from 0) and 0 for the others."""
        place = coordinate(SIZES) * self.classes
        return (place > index) * (place < index + 1)

    def _mean(self, symbol: Symbol) -> Symbol:
        """Return the mean of a quantity over the powder, by volume."""
        return mean(symbol * self._parts * self.classes, SIZES)

    def _radii(self) -> tuple[Symbol, Symbol]:
        """Return the radii of crystal and particle of each class: particles of one crystal keep to that, m."""
        crystal, particle = parameter(CRYSTAL), parameter(PARTICLE)
        relative = self._along([parameter(relative_radius(k)) for k in range(1, self.classes + 1)])
        deviations = self._along(nodes(self.classes)[0])
        particles = particle * relative * pybamm.exp(deviations * pybamm.log(parameter(SPREAD)))
        single = crystal >= particle
        grains = single * particles + (1 - single) * pybamm.PrimaryBroadcast(crystal, SIZES)
        return grains, particles

    def _by_class(self, crystal: Crystal, rate: Symbol) -> dict[str, Symbol]:
        """Return what each class holds and takes. A share is of the throughput: at rest the classes exchange Li."""
        throughput = self._mean(crystal.throughput)
        shares = rate * self._parts / pybamm.PrimaryBroadcast(pybamm.maximum(throughput, 1e-12), SIZES)
        told = {CONTENT: crystal.mean_content, SHARE: shares, TRANSFORMED: crystal.transformed}
        return {
            of_class(what, k): mean(output * self._only(k - 1), SIZES) * self.classes
            for what, output in told.items()
            for k in range(1, self.classes + 1)
        }

    @property
    def default_var_pts(self) -> Any:
        """20 shells in a particle, one point for each class."""
        return {**super().default_var_pts, "R_p": self.classes}

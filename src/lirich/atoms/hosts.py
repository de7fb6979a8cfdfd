"""Reference crystals of cathodes and of the oxides that they fall apart into, from published structures.

Lengths are Å, angles degrees. Positions are those of the publication where it has free ones, or the ideal ones of the
prototype where the relaxation decides anyway; which, is said. `Host.checked` names the second source that a crystal was
held against, and what of it; where it is empty there was none at hand. Not checked: the positions of Li2MnO3, z of
LiCoO2, u of LiMn2O4.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from pymatgen.core.lattice import Lattice
from pymatgen.core.structure import Structure

from lirich.atoms.spacegroup import crystal_of_group
from lirich.errors import UnknownNameError

Kind = Literal["layered", "spinel", "rock salt", "oxide"]


@dataclass(frozen=True, slots=True)
class Host:
    """A published crystal: space group, lattice (a, b, c in Å, α, β, γ in degrees), and one line per orbit.

    ``checked`` says which other source agrees, and on what.
    """

    name: str
    kind: Kind
    group: str
    lattice: tuple[float, float, float, float, float, float]
    orbits: tuple[tuple[str, float, float, float], ...]
    source: str
    checked: str = ""

    def conventional(self) -> Structure:
        """Return the conventional cell."""
        lattice = Lattice.from_parameters(*self.lattice)
        return crystal_of_group(self.group, lattice, [o[0] for o in self.orbits], [o[1:] for o in self.orbits])

    def structure(self) -> Structure:
        """Return the primitive cell."""
        return self.conventional().get_primitive_structure()


def _cubic(a: float) -> tuple[float, float, float, float, float, float]:
    return (a, a, a, 90.0, 90.0, 90.0)


def _hexagonal(a: float, c: float) -> tuple[float, float, float, float, float, float]:
    return (a, a, c, 90.0, 90.0, 120.0)


def _r3m(name: str, metal: str, a: float, c: float, z: float, source: str, checked: str = "") -> Host:
    orbits = ((metal, 0.0, 0.0, 0.0), ("Li", 0.0, 0.0, 0.5), ("O", 0.0, 0.0, z))
    return Host(name, "layered", "R-3m", _hexagonal(a, c), orbits, source, checked)


def _rock_salt(name: str, metal: str, a: float, source: str) -> Host:
    orbits = ((metal, 0.0, 0.0, 0.0), ("O", 0.5, 0.5, 0.5))
    checked = "lattice within 0.2 % of the Crystallography Open Database's, as Open Chemistry's crystals hold it"
    return Host(name, "rock salt", "Fm-3m", _cubic(a), orbits, source, checked)


_ALL = (
    Host(
        "Li2MnO3", "layered", "C2/m", (4.937, 8.532, 5.030, 90.0, 109.46, 90.0),
        (
            ("Mn", 0.0, 0.1671, 0.0), ("Li", 0.0, 0.5, 0.0), ("Li", 0.0, 0.0, 0.5), ("Li", 0.0, 0.6606, 0.5),
            ("O", 0.2189, 0.0, 0.2273), ("O", 0.2540, 0.3212, 0.2233),
        ),
        "Strobel & Lambert-Andron, J. Solid State Chem. 75, 90 (1988), doi:10.1016/0022-4596(88)90305-2",
        "lattice within 0.3 % of the powder refinement of 1997 (a 4.9246, b 8.5216, c 5.0245 Å, β 109.398°)",
    ),
    _r3m("LiCoO2", "Co", 2.816, 14.05, 0.2605,
         "Orman & Wiseman, Acta Cryst. C 40, 12 (1984), doi:10.1107/S0108270184002833", "lattice"),
    _r3m("LiNiO2", "Ni", 2.878, 14.19, 0.2585,
         "Hirano et al., Solid State Ionics 78, 123 (1995), doi:10.1016/0167-2738(95)00005-Q"),
    Host(
        "LiMn2O4", "spinel", "Fd-3m", _cubic(8.247),
        (("Li", 0.0, 0.0, 0.0), ("Mn", 0.625, 0.625, 0.625), ("O", 0.3882, 0.3882, 0.3882)),
        "Thackeray et al., Mater. Res. Bull. 18, 461 (1983), doi:10.1016/0025-5408(83)90138-1",
        "lattice: 8.2442 Å by neutrons (Igawa et al., JAEA)",
    ),
    _rock_salt("NiO", "Ni", 4.177, "Wyckoff, Crystal Structures 1 (1963)"),
    _rock_salt("MnO", "Mn", 4.445, "Wyckoff, Crystal Structures 1 (1963)"),
    _rock_salt("CoO", "Co", 4.260, "Wyckoff, Crystal Structures 1 (1963)"),
    _rock_salt("MgO", "Mg", 4.212, "Wyckoff, Crystal Structures 1 (1963)"),
)  # fmt: skip

HOSTS: Mapping[str, Host] = {host.name: host for host in _ALL}
"""The reference crystals by their formula."""


def host(name: str) -> Host:
    """Return the reference crystal *name*. Raises `lirich.errors.UnknownNameError` for another."""
    if name not in HOSTS:
        raise UnknownNameError.of("reference crystal", name, HOSTS)
    return HOSTS[name]


def li2mno3() -> Structure:
    """Return Li2MnO3, C2/m, 12 atoms (`HOSTS` has the source)."""
    return host("Li2MnO3").structure()


def r3m(metal: str) -> Structure:
    """Return LiMO2 of the layered R-3m type, 4 atoms: Co and Ni as published, others on `layered_metric`'s lattice.

    The metal stands at the origin (3a), Li on 3b.
    """
    name = f"Li{metal}O2"
    if name in HOSTS:
        return HOSTS[name].structure()
    metric = layered_metric({metal: 1.0})
    z = 1.0 / 3.0 - metric.oxygen_height_a / (3.0 * metric.spacing_a)
    return _r3m(name, metal, metric.a_a, 3.0 * metric.spacing_a, z, "").structure()


def spinel(metal: str = "Mn") -> Structure:
    """Return LiM2O4, Fd-3m, 14 atoms, on the lattice of LiMn2O4."""
    return _with_metal(host("LiMn2O4").structure(), "Mn", metal)


def rock_salt(metal: str) -> Structure:
    """Return MO, Fm-3m, 2 atoms; a metal that `HOSTS` has no rock salt of stands on the lattice of NiO."""
    if f"{metal}O" in HOSTS:
        return HOSTS[f"{metal}O"].structure()
    return _with_metal(host("NiO").structure(), "Ni", metal)


def _with_metal(structure: Structure, old: str, new: str) -> Structure:
    structure.replace_species({old: new})
    return structure


@dataclass(frozen=True, slots=True)
class LayeredMetric:
    """The ideal layered lattice: distance of cations in the plane, distance of the TM planes, height of O over them."""

    a_a: float
    spacing_a: float
    oxygen_height_a: float


_METRICS: tuple[tuple[dict[str, float], LayeredMetric], ...] = (
    ({"Co": 1.0}, LayeredMetric(2.816, 14.05 / 3, (1 / 3 - 0.2605) * 14.05)),
    ({"Ni": 1.0}, LayeredMetric(2.878, 14.19 / 3, (1 / 3 - 0.2585) * 14.19)),
    ({"Li": 1 / 3, "Mn": 2 / 3}, LayeredMetric(2.847, 4.743, 1.066)),
)
"""In-plane distance, spacing and height of `HOSTS`' layered crystals, by the cations of the TM layer; of Li2MnO3
a/√3 and b/3 are averaged, and c sin β taken."""


def layered_metric(tm_layer: Mapping[str, float]) -> LayeredMetric:
    """Return the start lattice of a layered oxide whose TM layer holds *tm_layer*, by Vegard's rule.

    A mean over LiCoO2, LiNiO2 and Li2MnO3, weighted by Co, Ni and the rest: a start for the relaxation, within
    2 % of the measured lattices.
    """
    total = sum(tm_layer.values())
    cobalt, nickel = tm_layer.get("Co", 0.0) / total, tm_layer.get("Ni", 0.0) / total
    weights = (cobalt, nickel, 1.0 - cobalt - nickel)
    return LayeredMetric(
        *(
            sum(w * getattr(metric, field) for w, (_, metric) in zip(weights, _METRICS, strict=True))
            for field in ("a_a", "spacing_a", "oxygen_height_a")
        )
    )

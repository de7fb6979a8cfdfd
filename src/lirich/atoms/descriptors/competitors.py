"""Crystals that a doped oxide may fall apart into, from published structures.

A start for the relaxation with the same potential as the cells that they compete with. Positions are those published,
to the digits given, or the ideal ones of the prototype where that is said; the relaxation moves them. `Host.checked`
says what another source agrees on: AFLOW's prototypes as pymatgen holds them (``A2B_mP12_14_2e_e`` and so on; Mehl et
al., Comput. Mater. Sci. 136 (2017) S1, doi:10.1016/j.commatsci.2017.01.017), the Crystallography Open Database as Open
Chemistry's crystals hold it, OBELiX (Therrien et al. (2025), CC-BY 4.0). ``benchmarks/atoms_truth.py phases`` holds the
energies of their reactions against the table of `lirich.interfaces`: a wrong crystal would stand out there.

What a cell would rather fall apart into and is not here, is named beside its number by `lirich.workbench`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from lirich.atoms.hosts import HOSTS, Host

_WYCKOFF = "Wyckoff, Crystal Structures, 2nd ed. (1963-1965)"
_COD = "Crystallography Open Database"


def _oxide(name: str, group: str, lattice: tuple[float, ...], orbits: tuple[tuple[str, float, float, float], ...],
           source: str, checked: str = "") -> Host:  # fmt: skip
    a, b, c, alpha, beta, gamma = lattice
    return Host(name, "oxide", group, (a, b, c, alpha, beta, gamma), orbits, source, checked)


_ALL = (
    _oxide("Li2O", "Fm-3m", (4.619, 4.619, 4.619, 90, 90, 90), (("O", 0, 0, 0), ("Li", 0.25, 0.25, 0.25)), _WYCKOFF,
           _COD),
    _oxide("Na2O", "Fm-3m", (5.55, 5.55, 5.55, 90, 90, 90), (("O", 0, 0, 0), ("Na", 0.25, 0.25, 0.25)), _WYCKOFF,
           _COD),
    _oxide("LiF", "Fm-3m", (4.017, 4.017, 4.017, 90, 90, 90), (("Li", 0, 0, 0), ("F", 0.5, 0.5, 0.5)), _WYCKOFF),
    _oxide("MnO2", "P4_2/mnm", (4.398, 4.398, 2.873, 90, 90, 90), (("Mn", 0, 0, 0), ("O", 0.3046, 0.3046, 0)),
           "Bolzan et al., Aust. J. Chem. 46 (1993) 939, doi:10.1071/CH9930939", f"{_COD}: a 4.396 Å"),
    _oxide("LiMnO2", "Pmmn", (2.805, 4.572, 5.757, 90, 90, 90),
           (("Li", 0, 0, 0.126), ("Mn", 0, 0, 0.634), ("O", 0, 0.5, 0.144), ("O", 0, 0.5, 0.602)),
           "Hoppe, Brachtel & Jansen, Z. Anorg. Allg. Chem. 417 (1975) 1, doi:10.1002/zaac.19754170102",
           "mp-18767 as chgnet's examples hold it: places within 0.02 Å, volume as DFT's is, 5 % larger"),
    _oxide("Co3O4", "Fd-3m", (8.084, 8.084, 8.084, 90, 90, 90),
           (("Co", 0, 0, 0), ("Co", 0.625, 0.625, 0.625), ("O", 0.389, 0.389, 0.389)), _WYCKOFF),
    _oxide("Al2O3", "R-3c", (4.759, 4.759, 12.991, 90, 90, 120), (("Al", 0, 0, 0.3522), ("O", 0.3063, 0, 0.25)),
           "Lewis, Schwarzenbach & Flack, Acta Cryst. A 38 (1982) 733, doi:10.1107/S0567739482001478",
           "AFLOW A2B3_hR10_167_c_e"),
    _oxide("LiAlO2", "P4_12_12", (5.169, 5.169, 6.268, 90, 90, 90),
           (("Li", 0.8126, 0.8126, 0), ("Al", 0.1759, 0.1759, 0), ("O", 0.3369, 0.2906, 0.7723)),
           "Marezio, Acta Cryst. 19 (1965) 396, doi:10.1107/S0365110X65003511"),
    _oxide("TiO2", "P4_2/mnm", (4.594, 4.594, 2.959, 90, 90, 90), (("Ti", 0, 0, 0), ("O", 0.3048, 0.3048, 0)),
           "Burdett et al., J. Am. Chem. Soc. 109 (1987) 3639, doi:10.1021/ja00246a021", "AFLOW A2B_tP6_136_f_a"),
    _oxide("Li2TiO3", "C2/c", (5.06, 8.79, 9.75, 90, 100.2, 90),
           (("Li", 0.238, 0.077, 0), ("Li", 0.25, 0.25, 0.5), ("Li", 0, 0.083, 0.25), ("Ti", 0, 0.415, 0.25),
            ("Ti", 0, 0.747, 0.25), ("O", 0.141, 0.265, 0.138), ("O", 0.102, 0.586, 0.138), ("O", 0.138, 0.907, 0.135)),
           "Kataoka et al., Mater. Res. Bull. 44 (2009) 168, doi:10.1016/j.materresbull.2008.03.015"),
    _oxide("LiNbO3", "R3c", (5.148, 5.148, 13.863, 90, 90, 120),
           (("Nb", 0, 0, 0), ("Li", 0, 0, 0.2787), ("O", 0.0492, 0.3446, 0.0647)),
           "Abrahams, Reddy & Bernstein, J. Phys. Chem. Solids 27 (1966) 997, doi:10.1016/0022-3697(66)90072-2",
           "AFLOW ABC3_hR10_161_a_a_b: places within 0.1 Å"),
    _oxide("Li3NbO4", "I-43m", (8.429, 8.429, 8.429, 90, 90, 90),
           (("Nb", 0.14, 0.14, 0.14), ("Li", 0.375, 0.375, 0.125), ("O", 0.375, 0.375, 0.375),
            ("O", 0.125, 0.125, 0.375)),
           "Ukei, Suzuki, Shishido & Fukuda, Acta Cryst. C 50 (1994) 655; Li and O on the ideal places of rock salt"),
    _oxide("Li2WO4", "R-3", (14.361, 14.361, 9.603, 90, 90, 120),
           (("W", 0.1956, 0.9840, 0.7499), ("Li", 0.1940, 0.9841, 0.4156), ("Li", 0.1937, 0.9849, 0.0846),
            ("O", 0.2096, 0.1207, 0.7501), ("O", 0.3336, 0.0001, 0.7499), ("O", 0.1221, 0.9104, 0.9146),
            ("O", 0.1221, 0.9106, 0.5852)),
           "lattice: Zachariasen & Plettinger, Acta Cryst. 14 (1961) 229; places of the prototype Be2SiO4"),
    _oxide("Li4WO5", "P-1", (5.156, 5.954, 6.657, 77.0790, 75.0368, 73.2213),
           (("W", 0.6, 0.65, 0.8), ("Li", 0.2, 0.55, 0.6), ("Li", 0, 0.25, 0), ("Li", 0.6, 0.15, 0.8),
            ("Li", 0.2, 0.05, 0.6), ("O", 0.9, 0.85, 0.7), ("O", 0.5, 0.75, 0.5), ("O", 0.1, 0.65, 0.3),
            ("O", 0.7, 0.55, 0.1), ("O", 0.7, 0.05, 0.1)),
           "no published one: of the 75 orderings on the rock-salt lattice with one or two W in a cell the forty of "
           "lowest Ewald energy were relaxed, and this has the lowest energy of CHGNet; the true one lies no higher"),
    _oxide("ZrO2", "P2_1/c", (5.1505, 5.2116, 5.3173, 90, 99.23, 90),
           (("Zr", 0.2754, 0.0395, 0.2083), ("O", 0.0700, 0.3317, 0.3447), ("O", 0.4496, 0.7569, 0.4792)),
           "Howard, Hill & Reichert, Acta Cryst. B 44 (1988) 116, doi:10.1107/S0108768187010279",
           "AFLOW A2B_mP12_14_2e_e"),
    _oxide("Li2ZrO3", "C2/c", (5.4163, 9.0262, 5.4156, 90, 112.615, 90),
           (("Zr", 0, 0.086, 0.25), ("Li", 0, 0.258, 0.75), ("Li", 0, 0.420, 0.25), ("O", 0.242, 0.081, 0),
            ("O", 0.25, 0.25, 0.5)),
           "Hodeau et al., J. Solid State Chem. 45 (1982) 170",
           "OBELiX, lattice and, to 0.05 Å, places"),
    _oxide("LiBO2", "P2_1/c", (5.845, 4.353, 6.454, 90, 115.09, 90),
           (("Li", 0.434, 0.225, 0.318), ("B", 0.135, 0.678, 0.248), ("O", 0.071, 0.149, 0.746),
            ("O", 0.358, 0.718, 0.823)),
           "Kirfel, Will & Stewart, Acta Cryst. B 39 (1983) 175",
           "OBELiX, lattice and, to 0.1 Å, places"),
    _oxide("Li3BO3", "P2_1/c", (3.265, 9.180, 8.316, 90, 101.05, 90),
           (("B", 0.699, 0.313, 0.755), ("Li", 0.6, 0.572, 0.633), ("Li", 0.014, 0.77, 0.984),
            ("Li", 0.23, 0.522, 0.887), ("O", 0.734, 0.406, 0.887), ("O", 0.532, 0.361, 0.599),
            ("O", 0.849, 0.171, 0.781)),
           "lattice: Stewner, Acta Cryst. B 27 (1971) 904; places by CHGNet: of 128 random starts with BO3 triangles "
           "in this cell the lowest of its group, which moves the lattice by 2 %; a Cmcm lies 3 meV/atom lower"),
    _oxide("LiTaO3", "R3c", (5.154, 5.154, 13.784, 90, 90, 120),
           (("Ta", 0, 0, 0), ("Li", 0, 0, 0.279), ("O", 0.0501, 0.3436, 0.0687)),
           "Abrahams & Bernstein, J. Phys. Chem. Solids 28 (1967) 1685, doi:10.1016/0022-3697(67)90142-4",
           "prototype: AFLOW ABC3_hR10_161_a_a_b (LiNbO3)"),
    _oxide("Li3TaO4", "P2/c", (5.083, 5.869, 5.083, 90, 109.471, 90),
           (("Ta", 0, 0.625, 0.75), ("Li", 0, 0.125, 0.75), ("Li", 0.5, 0.375, 0.75), ("Li", 0.5, 0.875, 0.75),
            ("O", 0.25, 0.125, 0.5), ("O", 0.25, 0.625, 0.5)),
           "no published one: of all orderings on the rock-salt lattice with one or two Ta in a cell that with the "
           "lowest energy of CHGNet, which is Li3SbO4's; the true one lies as low or lower"),
    _oxide("NaMnO2", "C2/m", (5.662, 2.860, 5.799, 90, 113.14, 90),
           (("Mn", 0, 0, 0), ("Na", 0, 0.5, 0.5), ("O", 0.2887, 0, 0.7855)),
           "lattice: Jansen & Hoppe, Z. Anorg. Allg. Chem. 399 (1973) 163; oxygen where "
           "Mn has 4 × 1.96 and 2 × 2.41 Å"),
    _oxide("NaNiO2", "C2/m", (5.322, 2.846, 5.583, 90, 110.47, 90),
           (("Ni", 0, 0, 0), ("Na", 0, 0.5, 0.5), ("O", 0.283, 0, 0.804)),
           "Dick, Müller, Preissinger & Zeiske, Powder Diffr. 12 (1997) 239",
           "abstract of the paper: lattice, Ni-O and Na-O distances within 0.01 Å"),
    _oxide("ZnO", "P6_3mc", (3.2498, 3.2498, 5.2066, 90, 90, 120),
           (("Zn", 1 / 3, 2 / 3, 0), ("O", 1 / 3, 2 / 3, 0.3819)),
           "Kisi & Elcombe, Acta Cryst. C 45 (1989) 1867, doi:10.1107/S0108270189004269", "AFLOW AB_hP4_186_b_b"),
    _oxide("CuO", "C2/c", (4.6837, 3.4226, 5.1288, 90, 99.54, 90), (("Cu", 0.25, 0.25, 0), ("O", 0, 0.4184, 0.25)),
           "Åsbrink & Norrby, Acta Cryst. B 26 (1970) 8, doi:10.1107/S0567740870001838", "AFLOW AB_mC8_15_c_e"),
    _oxide("Li2CuO2", "Immm", (3.661, 2.863, 9.393, 90, 90, 90),
           (("Cu", 0, 0.5, 0.5), ("Li", 0.5, 0, 0.286), ("O", 0, 0, 0.357)),
           "Sapiña et al., Solid State Commun. 74 (1990) 779",
           "its own chemistry alone: CuO4 squares of 1.96 Å that share edges, LiO4 of 1.95 and 1.96 Å"),
    _oxide("Mg6MnO8", "Fm-3m", (8.381, 8.381, 8.381, 90, 90, 90),
           (("Mn", 0, 0, 0), ("Mg", 0, 0.25, 0.25), ("O", 0.25, 0.25, 0.25), ("O", 0.23, 0, 0)),
           "Kasper & Prener, Acta Cryst. 7 (1954) 246; its free oxygen set to Mn-O of 1.93 Å",
           "AFLOW A6BC8_cF60_225_d_a_ce: places"),
)  # fmt: skip

COMPETITORS: Mapping[str, Host] = MappingProxyType({**HOSTS, **{each.name: each for each in _ALL}})
"""All crystals that compete, by formula: those of `lirich.atoms.hosts` too."""


def competitors_of(elements: set[str]) -> dict[str, Host]:
    """Return the crystals that hold none but these elements."""
    return {name: host for name, host in COMPETITORS.items() if {orbit[0] for orbit in host.orbits} <= elements}

"""CHGNet's name, the weights in its wheel and their zero of oxygen, for whoever must not load it."""

from __future__ import annotations

CHGNET = "chgnet"
WEIGHTS = ("0.3.0", "0.2.0", "r2scan")
"""The weights in chgnet's wheel, the usual ones first: trained on MPtrj (two generations), and transferred to
r2SCAN."""

OXYGEN_EV = -4.948
"""Half the energy of O₂, eV, on the scale of the labels of MPtrj: that of the Materials Project with its MP2020
corrections, which the labels hold already (Deng et al., Nat. Mach. Intell. 5 (2023) 1031,
doi:10.1038/s42256-023-00716-3). No second correction is added. CHGNet's own O₂ is −4.819: it has seen few molecules.
Other labels have another zero (`lirich.atoms.descriptors.oxygen`)."""

"""Which solid electrolytes an anode reduces: the lower end of their stability window against the anode's potential.

The models have no reaction at the anode, so that what is simulated of such a cell is better than the cell. Li6PS5Cl and
Li3InCl6 both react with Li, and what grows ends the reaction of Li6PS5Cl alone: ab initio study, arXiv:2412.02433
(abstract). Phase diagrams give the limits; a film that does not conduct electrons can make an electrolyte last beyond.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from lirich.model import Finding, Severity


@dataclass(frozen=True, slots=True)
class ReductionLimit:
    """The potential below which an electrolyte is reduced (V vs Li/Li⁺), whether its film ends that, and the source."""

    potential_v: float
    passivates: bool
    source: str


_ZHU = "Zhu, He and Mo, ACS Appl. Mater. Interfaces 7 (2015) 23685, doi:10.1021/acsami.5b07517"
_WANG = (
    "Wang et al., Angew. Chem. Int. Ed. 58 (2019) 8039, doi:10.1002/anie.201901938 (the paper exists; the number could "
    "not be confirmed: a guess)"
)
REDUCTION_LIMITS: Mapping[str, ReductionLimit] = MappingProxyType(
    {
        "Li6PS5Cl": ReductionLimit(1.71, True, _ZHU),
        "Li10GeP2S12": ReductionLimit(1.71, False, _ZHU),
        "LLZO": ReductionLimit(0.05, True, _ZHU),
        "Li3InCl6": ReductionLimit(2.38, False, _WANG),
        "Li3YCl6": ReductionLimit(0.62, False, _WANG),
    }
)
"""By electrolyte of the parameter library; nothing is said of PEO-LiTFSI. Whether the film ends the reaction is known
of Li6PS5Cl and Li3InCl6 (above); that the metals in the films of Li10GeP2S12 and Li3YCl6 conduct is a guess."""
_NEARLY_V = 0.1
"""LLZO is reduced below 0.05 V by so little energy that it is used against Li: such a distance is no finding."""


def reduced_at_anode(electrolyte: str, anode_v: float) -> tuple[Finding, ...]:
    """Return the finding on a solid electrolyte that an anode at *anode_v* (V vs Li/Li⁺) reduces, none on others."""
    limit = REDUCTION_LIMITS.get(electrolyte)
    if limit is None or anode_v > limit.potential_v - _NEARLY_V:
        return ()
    grows = "the film that grows can end it" if limit.passivates else "no film ends it"
    return (
        Finding(
            code="reduced-by-anode",
            severity=Severity.INFO if limit.passivates else Severity.WARNING,
            message=f"{electrolyte} is reduced below {limit.potential_v:g} V (as published), and the anode is at "
            f"{anode_v:g} V; {grows}. The model has no reaction there",
            advice="Choose another electrolyte or anode, or take it as a cell with a separator that stands the anode",
        ),
    )

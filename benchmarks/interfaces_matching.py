"""Lattice matching beside pymatgen's ``SubstrateAnalyzer``: the same planes and limits, strains compared, CPU as ratio.

    python benchmarks/interfaces_matching.py

Coatings that are carried with positions, on (003) of the layered oxide, planes up to index 1, 200 Å². pymatgen starts
from conventional planes, so that its smallest cell may be a multiple of ours; where it is the same cell the strain must
agree.
"""

from __future__ import annotations

import time
import warnings

from lirich.interfaces.coatings import coating_crystals
from lirich.interfaces.matching import LAYERED_A_A, LAYERED_C_A, match


def main() -> None:
    warnings.simplefilter("ignore")
    from pymatgen.analysis.interfaces.substrate_analyzer import SubstrateAnalyzer
    from pymatgen.core import Lattice, Structure

    layered = Structure.from_spacegroup(
        "R-3m", Lattice.hexagonal(LAYERED_A_A, LAYERED_C_A), ["Mn", "Li", "O"], [[0, 0, 0], [0, 0, 0.5], [0, 0, 0.2595]]
    )
    analyser = SubstrateAnalyzer(film_max_miller=1, max_area=200, max_length_tol=0.09)
    crystals = [c for c in coating_crystals() if c.positions]
    next(iter(analyser.calculate(crystals[0].structure(), layered, substrate_millers=[(0, 0, 1)])))  # compiles
    print("| coating | pymatgen: area of the film, Å² | strain, % | lirich: area of the facet, Å² | strain, % |")
    print("|---|---|---|---|---|")
    peer, own = 0.0, 0.0
    for crystal in crystals:
        structure = crystal.structure()
        start = time.process_time()
        theirs = list(analyser.calculate(structure, layered, substrate_millers=[(0, 0, 1)]))
        peer += time.process_time() - start
        start = time.process_time()
        ours = match(crystal.name, crystal.cell, max_index=1).matches
        own += time.process_time() - start
        best = min(theirs, key=lambda m: (round(m.match_area, 3), m.von_mises_strain), default=None)
        left = "–|–" if best is None else f"{best.match_area:.1f} | {100 * best.von_mises_strain:.4f}"
        right = "– | –" if not ours else f"{ours[0].area_a2:.1f} | {100 * ours[0].strain:.4f}"
        print(f"| {crystal.name} | {left} | {right} |")
    print(f"\nCPU of pymatgen over that of lirich: {peer / own:.1f}")


if __name__ == "__main__":
    main()

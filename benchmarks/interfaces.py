"""Interfaces: ``windows`` prints the truth table, ``speed`` the ratio to the plain pymatgen loop.

``screen`` and ``hidden`` are about the screening of coatings (``interfaces_screen.py``).

python benchmarks/interfaces.py windows|speed|screen|hidden
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from statistics import median

from interfaces_screen import hidden, screen
from lirich.interfaces.contact import reaction
from lirich.interfaces.embedded import embedded_table
from lirich.interfaces.windows import DRAWS, Limit, window
from lirich.testing.published_windows import PUBLISHED, compared

PAIRS = [(a, b) for a in ("Li3PO4", "LiNbO3", "Li2B4O7", "LiAlO2") for b in ("LiCoO2", "Li2MnO3", "LiNiO2")]
ROUNDS = 5


def shown(limit: Limit) -> str:
    return "withheld" if limit.withheld else "-" if limit.voltage is None else f"{limit.voltage:.2f} ± {limit.sd:.2f}"


def windows() -> int:
    found = compared(embedded_table(), draws=DRAWS)
    print(f"{'':24s}{'reduction':>14s}{'published':>10s}{'oxidation':>14s}{'published':>10s}  grade")
    for one, (formula, published) in zip(found.windows, PUBLISHED.items(), strict=True):
        limits = zip((one.reduction, one.oxidation), published, strict=True)
        cells = [f"{shown(limit):>14s}{'-' if value is None else f'{value:.2f}':>10s}" for limit, value in limits]
        print(f"{formula:24s}{''.join(cells)}  {one.coverage.grade}")
    mean, worst = sum(found.errors) / len(found.errors), max(found.errors)
    print(f"{len(found.errors)} limits: mean error {mean:.3f} V, worst {worst:.3f} V, withheld {found.withheld}")
    reached = mean <= 0.05 and worst <= 0.15 and found.withheld <= 1
    print("targets (mean 0.05 V, worst 0.15 V, at most one withheld):", "reached" if reached else "missed")
    return 0 if reached else 1


def speed() -> int:
    """CPU time of the same contacts by pymatgen's loop and by the room, each from entries that are in memory."""
    from pymatgen.analysis.interface_reactions import InterfacialReactivity
    from pymatgen.analysis.phase_diagram import PDEntry, PhaseDiagram
    from pymatgen.core import Composition

    table = embedded_table()
    entries = {
        p.formula: PDEntry(Composition(dict(p.amounts)), p.formation_energy_ev_atom * p.atoms, name=p.formula)
        for p in table.phases
    }

    def peer(a: str, b: str) -> float:
        system = table.system({e.symbol for f in (a, b) for e in Composition(f)} | {"Li"})
        pure = [PDEntry(Composition(e), 0.0) for e in system.elements]
        known = [entries[p.formula] for p in system.phases[len(system.elements) :]]
        two = (Composition(a), Composition(b))
        diagram = PhaseDiagram([*pure, *known])
        return float(InterfacialReactivity(*two, diagram, norm=True, use_hull_energy=True).minimum[1])

    def ours(draws: int) -> Callable[[str, str], float]:
        return lambda a, b: reaction(table, a, b, draws=draws).energy_ev_atom

    spent: dict[str, list[float]] = {}
    for _ in range(ROUNDS + 1):
        for name, way in (("pymatgen", peer), ("lirich", ours(0)), ("lirich with 200 draws", ours(200))):
            table.hulls.clear()  # nothing is carried from round to round but the chemical systems
            began = time.process_time()
            energies = [way(a, b) for a, b in PAIRS]
            spent.setdefault(name, []).append(time.process_time() - began)
            if name == "pymatgen":
                truth = energies
            elif max(abs(x - y) for x, y in zip(energies, truth, strict=True)) > 1e-4:
                print(f"{name} and pymatgen disagree")
                return 1
    medians = {name: median(values[1:]) for name, values in spent.items()}
    for name, value in medians.items():
        ratio = f"pymatgen / this {medians['pymatgen'] / value:6.1f}"
        print(f"{name:24s}{1000 * value / len(PAIRS):8.1f} ms per contact  {ratio}")
    began = time.process_time()
    for formula in PUBLISHED:
        window(table, formula)
    print(f"a window with 200 draws, warm: {1000 * (time.process_time() - began) / len(PUBLISHED):.1f} ms of CPU")
    return 0 if medians["pymatgen"] >= 5 * medians["lirich"] else 1


if __name__ == "__main__":
    parts = {"windows": windows, "speed": speed, "screen": screen, "hidden": hidden}
    wanted = sys.argv[1:] or list(parts)
    sys.exit(max(parts[part]() for part in wanted))

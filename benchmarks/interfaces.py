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
from lirich.interfaces.windows import Limit, window

PUBLISHED: dict[str, tuple[float | None, float | None]] = {
    "Li3PS4": (1.71, 2.31),
    "Li6PS5Cl": (1.71, 2.01),
    "Li10GeP2S12": (1.71, 2.14),
    "Li3YCl6": (0.62, 4.21),
    "Li3InCl6": (2.38, 4.26),
    "Li7La3Zr2O12": (0.05, 2.91),
    "Li1.3Al0.3Ti1.7(PO4)3": (2.17, 4.21),
    "Li3PO4": (0.69, 4.21),
    "LiNbO3": (1.74, 3.87),
    "Li2S": (None, 2.01),
    "Li2O": (None, 2.90),
    "LiCl": (None, 4.21),
    "Li3P": (None, 0.87),
    "LiF": (None, 6.36),
}
PAIRS = [(a, b) for a in ("Li3PO4", "LiNbO3", "Li2B4O7", "LiAlO2") for b in ("LiCoO2", "Li2MnO3", "LiNiO2")]
ROUNDS = 5


def shown(limit: Limit) -> str:
    return "withheld" if limit.withheld else "-" if limit.voltage is None else f"{limit.voltage:.2f} ± {limit.sd:.2f}"


def windows() -> int:
    errors, withheld = [], 0
    print(f"{'':24s}{'reduction':>14s}{'published':>10s}{'oxidation':>14s}{'published':>10s}  grade")
    for formula, published in PUBLISHED.items():
        found = window(embedded_table(), formula)
        cells = []
        for limit, value in zip((found.reduction, found.oxidation), published, strict=True):
            cells.append(f"{shown(limit):>14s}{'-' if value is None else f'{value:.2f}':>10s}")
            if value is not None:
                withheld += limit.withheld
                if limit.voltage is not None:
                    errors.append(abs(limit.voltage - value))
        print(f"{formula:24s}{''.join(cells)}  {found.coverage.grade}")
    mean, worst = sum(errors) / len(errors), max(errors)
    print(f"{len(errors)} limits: mean error {mean:.3f} V, worst {worst:.3f} V, withheld {withheld}")
    reached = mean <= 0.05 and worst <= 0.15 and withheld <= 1
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

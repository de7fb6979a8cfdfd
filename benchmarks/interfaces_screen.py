"""Screening of coatings: ``screen`` against the plain pymatgen loop, ``hidden`` what a missing kind of compound hides.

python benchmarks/interfaces.py screen|hidden
"""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np

from lirich.errors import LirichError
from lirich.interfaces.cathode import Charged, states_of_charge
from lirich.interfaces.classes import compounds_of
from lirich.interfaces.contact import reaction
from lirich.interfaces.coverage import CHARGE, HIDDEN_EV_ATOM, missing_across
from lirich.interfaces.embedded import embedded_table
from lirich.interfaces.formulas import amounts_of
from lirich.interfaces.phases import EnergyTable
from lirich.interfaces.windows import LITHIUM

CATHODE = "Li1.2Mn0.54Ni0.13Co0.13O2"
ELECTROLYTES = ("Li6PS5Cl", "Li3YCl6")
SAMPLE = 60
"""Candidates that the peer computes: every n-th of the shipped study's."""
MOST_SECONDS = 300.0
LEAST_RATIO = 5.0


def sides() -> list[str | Charged]:
    """The neighbours of a coating: the cathode at its three states of charge, and both electrolytes."""
    return [*(s for s in states_of_charge(CATHODE) if s.charging_energy_ev is None), *ELECTROLYTES]


def screen() -> int:
    """Wall time of the shipped study with two electrolytes on two processes; CPU per contact against pymatgen."""
    from lirich.workbench.solids.screen_coatings import make_coatings, read_coatings, run_coatings

    study = make_coatings({**read_coatings(Path("coatings")).model_dump(mode="json"), "electrolytes": ELECTROLYTES})
    began = time.monotonic()
    result = run_coatings(study, workers=2)
    seconds = time.monotonic() - began
    found = result.judged.found
    through = len(result.judged.funnel.survivors)
    print(f"{len(found.singles)} coatings and {len(found.joined)} double layers, two electrolytes, 2 processes: "
          f"{seconds:.0f} s; {through} came through")  # fmt: skip
    known = [layer.formula for layer in found.layers if not layer.failure]
    ratio = against_pymatgen(known[:: max(len(known) // SAMPLE, 1)])
    reached = len(found.singles) >= 500 and seconds <= MOST_SECONDS and ratio >= LEAST_RATIO
    print(f"targets (500 coatings in {MOST_SECONDS:.0f} s, {LEAST_RATIO:g} times pymatgen):",
          "reached" if reached else "missed")  # fmt: skip
    return 0 if reached else 1


def against_pymatgen(coatings: list[str]) -> float:
    """Return how many times the CPU of lirich pymatgen takes for the closed contacts of *coatings*.

    Both from entries that are in memory. pymatgen keeps its phase diagram of a chemical system for all states of
    charge. Raises ``ValueError`` where the energies differ by more than 0.1 meV/atom.
    """
    from pymatgen.analysis.interface_reactions import InterfacialReactivity
    from pymatgen.analysis.phase_diagram import PDEntry, PhaseDiagram
    from pymatgen.core import Composition

    table = embedded_table()
    entries = {
        p.formula: PDEntry(Composition(dict(p.amounts)), p.formation_energy_ev_atom * p.atoms, name=p.formula)
        for p in table.phases
    }
    diagrams: dict[frozenset[str], PhaseDiagram] = {}

    def peer(coating: str, side: str | Charged) -> float:
        other = amounts_of(side) if isinstance(side, str) else dict(side.amounts)
        system = table.system({*amounts_of(coating), *other, LITHIUM})
        key = frozenset(system.elements)
        if key not in diagrams:
            pure = [PDEntry(Composition(e), 0.0) for e in system.elements]
            diagrams.clear()  # the loop goes system by system
            diagrams[key] = PhaseDiagram([*pure, *(entries[p.formula] for p in system.phases[len(pure) :])])
        two = (Composition(coating), Composition(other))
        return float(InterfacialReactivity(*two, diagrams[key], norm=True, use_hull_energy=True).minimum[1])

    pairs = [(coating, side) for coating in coatings for side in sides()]
    for coating, side in pairs:  # the chemical systems are cut once for both
        other = amounts_of(side) if isinstance(side, str) else dict(side.amounts)
        table.system({*amounts_of(coating), *other, LITHIUM})
    table.hulls.clear()
    began = time.process_time()
    ours = [reaction(table, coating, side, draws=0).energy_ev_atom for coating, side in pairs]
    own = time.process_time() - began
    began = time.process_time()
    theirs = [peer(coating, side) for coating, side in pairs]
    taken = time.process_time() - began
    worst = max(abs(a - b) for a, b in zip(ours, theirs, strict=True))
    print(f"{len(pairs)} closed contacts: lirich {1000 * own / len(pairs):.1f} ms, pymatgen "
          f"{1000 * taken / len(pairs):.1f} ms each, ratio {taken / own:.0f}; largest difference "
          f"{1000 * worst:.3f} meV/atom")  # fmt: skip
    if worst > 1e-4:
        raise ValueError("lirich and pymatgen disagree")
    return taken / own


def hidden() -> int:
    """What a contact gains by the kinds of compounds that only it brings together: quantiles over known contacts."""
    table = embedded_table()
    classes = ("oxide", "phosphate", "borate", "silicate", "fluoride", "chloride", "oxyhalide")
    gains = []
    for coating in compounds_of(table, classes, lithium=True, above_hull_ev_atom=0.2):
        for side in sides():
            other = amounts_of(side) if isinstance(side, str) else dict(side.amounts)
            own = amounts_of(coating)
            ours, theirs = ({e for e in s if e not in CHARGE and e != LITHIUM} for s in (own, other))
            pairs = [{x, y} for x in ours - theirs for y in theirs - ours]
            if not pairs or missing_across(table, own, other):
                continue
            system = table.system({*own, *other, LITHIUM})
            kept = [
                p
                for p in system.phases[len(system.elements) :]
                if not any(q <= {e for e, _ in p.amounts} for q in pairs)
            ]
            try:
                whole, thin = (reaction(t, coating, side, draws=0).energy_ev_atom
                               for t in (table, EnergyTable("thin", tuple(kept))))  # fmt: skip
            except LirichError:
                continue  # the coating itself joins such a pair, or is an electrolyte
            gains.append(thin - whole)
    shares = (0.5, 0.75, 0.9, 0.95, 1.0)
    said = ", ".join(f"{q:.0%}: {1000 * v:.0f}" for q, v in zip(shares, np.quantile(gains, shares), strict=True))
    print(f"hidden by leaving the kinds of a contact out, meV/atom, {len(gains)} contacts: {said}")
    within = float(np.mean(np.array(gains) <= HIDDEN_EV_ATOM))
    print(f"{within:.0%} hide no more than the {1000 * HIDDEN_EV_ATOM:.0f} meV/atom that intervals are widened by")
    return 0 if within >= 0.9 else 1

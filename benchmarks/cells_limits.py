"""What must hold of every cell model whatever its numbers: the `limits` part of `cells.py`.

Li that is kept, the order in which mesh and tolerance converge, and the open-circuit potential that small crystals and
low rates end at.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping

import numpy as np
import pybamm

from cells_reported import ONE_C, table
from lirich.cells import programme
from lirich.cells.models import FULL_CELL, MODELS, SINGLE_PARTICLE, Model
from lirich.cells.parameters import single_crystal
from lirich.cells.simulation import Simulator
from lirich.cells.sites import SITES, Site, open_circuit_potential

MOST_BALANCE = 1e-10
LEAST_ORDER = {"mesh": 1.5, "tolerance": 0.7}
MOST_FROM_OCP_MV = 1.0
QUIET = {
    **dict.fromkeys(
        (
            "Series resistance [Ohm]",
            "Initial film resistance [Ohm.m2]",
            "Activation rate [s-1]",
            "Hysteresis rate",
            "Reconstruction rate [m.s-1]",
            "Transformation per throughput in the bulk",
            "Transformation per throughput and wetted area",
            "Crystal cracking rate",
            "Parting per volume strain",
            "Interface reaction energy [eV.atom-1]",
            "SEI rate constant [m.s-1]",
        ),
        0.0,
    ),
    "Counter-electrode exchange current [A]": 1e3,
}
"""Nothing ages, there is no hysteresis, and no resistance but that of the crystals, the contact and the electrolyte."""


def word(good: bool) -> str:
    return "reached" if good else "MISSED"


def balance() -> bool:
    """Li in the sites, the anode and the recorded losses, through charges, holds, rests and fast discharges."""
    rows, good = [], True
    for name, model in MODELS.items():
        low, high = (1.9, 4.7) if model is FULL_CELL else (2.0, 4.8)
        cycle = (
            f"Charge at C/2 until {high} V",
            f"Hold at {high} V until C/10",
            "Rest for 30 minutes",
            f"Discharge at 1C until {low} V",
        )
        simulator = Simulator(model.recording("Lithium balance"), compiled=False)
        for morphology in ("SC", "PC"):
            run = simulator.run(programme.parse([cycle] * 4, ONE_C), model.defaults(morphology))
            worst = float(np.abs(run.points["Lithium balance"].to_numpy()).max())
            ok = worst <= MOST_BALANCE and not run.stopped
            good &= ok
            rows.append((name, morphology, f"{worst:.1e}", f"<= {MOST_BALANCE:g}", word(ok)))
    table("Li balance over 4 cycles, per Li of the host (largest at any point)", ("model", "", "|sum|", "", ""), rows)
    return good


def mesh() -> bool:
    """Charge (one particle) or voltage (through the electrode) on meshes of twice as many shells or layers each."""
    rows, good = [], True
    for name, model in MODELS.items():
        along = "r_p" if not any(key.startswith("x_") for key, _ in model.points) else "x"
        lines: tuple[str, ...] = ("Charge at C/2 until 4.6 V",)
        if along == "x":
            lines = ("Charge at C/2 for 3000 s", "Discharge at 1C for 300 s")
        plan = programme.parse([lines], ONE_C)
        found = []
        counts = (10, 20, 40) if along == "r_p" else (5, 10, 20)
        for count in counts:
            points = tuple((key, count if key.startswith(along) else n) for key, n in model.points)
            divided = Model(
                model.make, points, parameter_set=model.parameter_set, places=model.places, classes=model.classes
            )
            run = Simulator(divided, compiled=False, rtol=1e-8, atol=1e-11).run(plan)
            found.append(run.ends["Lithium through the circuit" if along == "r_p" else "voltage_v"].to_numpy())
        coarse, fine = (float(np.abs(d).max()) for d in np.diff(found, axis=0))
        order = float(np.log2(coarse / fine))
        ok = order >= LEAST_ORDER["mesh"]
        good &= ok
        unit = "of the host's Li" if along == "r_p" else "V"
        rows.append(
            (name, f"{counts} {'shells' if along == 'r_p' else 'layers'}", f"{coarse:.1e}, {fine:.1e} {unit}", order,
             f">= {LEAST_ORDER['mesh']}", word(ok))
        )  # fmt: skip
    table("Mesh: what changes from one to the next", ("model", "meshes", "differences", "order", "", ""), rows)
    return good


def tolerance() -> bool:
    """Charges and energies of six cycles on one mesh, against a tolerance of 1e-8."""
    plan, found = programme.ageing(5, "1C", one_c_ma_g=ONE_C, formation=1), {}
    for rtol in (1e-4, 1e-5, 1e-6, 1e-8):
        model = Model(outputs=("Discharge energy [W.h]",))
        ends = Simulator(model, single_crystal(), rtol=rtol, atol=1e-3 * rtol, compiled=False).run(plan).ends
        found[rtol] = ends.select("Lithium through the circuit", "Discharge energy [W.h]").to_numpy()
    finest = found.pop(1e-8)
    scale = np.abs(finest).max(axis=0)
    errors = [float(np.abs((values - finest) / scale).max()) for values in found.values()]
    orders = [float("nan"), *(float(np.log10(a / b)) for a, b in itertools.pairwise(errors))]
    least = LEAST_ORDER["tolerance"]
    good = all(order >= least for order in orders[1:])
    table(
        "Tolerance: charge and energy of 6 cycles of the single particle, against rtol 1e-8 (largest, relative)",
        ("rtol", "difference", "order", "", ""),
        [
            (f"{rtol:g}", f"{error:.1e}", order, f">= {least}", word(order >= least))
            if np.isfinite(order)
            else (f"{rtol:g}", f"{error:.1e}", "", "", "")
            for rtol, error, order in zip(found, errors, orders, strict=True)
        ],
    )
    return good


def from_open_circuit(simulator: Simulator, model: Model, rate: str, radius_nm: float) -> float:
    """Return the largest distance (mV) of a quiet charge to 4.5 V from the open-circuit potential of its content."""
    asked = {**QUIET, **dict.fromkeys(("Crystal radius [m]", "Particle radius [m]"), radius_nm * 1e-9)}
    asked["Solid electrolyte grain radius [m]"] = 20e-9
    quiet: Mapping[str, float] = {name: value for name, value in asked.items() if name in simulator.defaults}
    values = simulator.parameters(quiet)
    sites = {n: Site(values[f"Potential of {n} sites [V]"], values[f"Width of {n} sites"]) for n in SITES}
    fractions = {n: values[f"Initial fraction of {n} sites"] for n in SITES}
    points = simulator.run(programme.parse([f"Charge at {rate} until 4.5 V"], ONE_C), quiet).points[20:]
    expected = open_circuit_potential(points["Lithium content"].to_numpy(), sites, fractions)
    if model is FULL_CELL:
        graphite = pybamm.ParameterValues("Chen2020")["Negative electrode OCP [V]"]
        expected = expected - np.array([float(graphite(z)) for z in points["Mean graphite content"]])
    return float(1e3 * np.abs(points["voltage_v"].to_numpy() - expected).max())


def equilibrium() -> bool:
    """The distance from the open-circuit potential falls with the radius and with the rate."""
    simulator = Simulator(SINGLE_PARTICLE.recording("Lithium content"), compiled=False, rtol=1e-8, atol=1e-10)
    radii = (470.0, 100.0, 20.0, 5.0)
    found = [from_open_circuit(simulator, SINGLE_PARTICLE, "C/20", radius) for radius in radii]
    good = all(b < a for a, b in itertools.pairwise(found)) and found[-1] <= MOST_FROM_OCP_MV
    table(
        f"R -> 0: single particle at C/20, largest distance from the open-circuit potential ({word(good)}: falling, "
        f"<= {MOST_FROM_OCP_MV:g} mV at the end)",
        ("R (nm)", "mV"),
        list(zip(radii, found, strict=True)),
    )
    rows = []
    for name, model in MODELS.items():
        extra = ("Mean graphite content",) if model is FULL_CELL else ()
        sim = Simulator(model.recording("Lithium content", *extra), compiled=False, rtol=1e-7, atol=1e-9)
        fast, slow = (from_open_circuit(sim, model, rate, 20.0) for rate in ("C/50", "C/500"))
        ok = slow <= MOST_FROM_OCP_MV and slow < 0.2 * fast
        good &= ok
        rows.append((name, fast, slow, f"<= {MOST_FROM_OCP_MV:g}, a fifth", word(ok)))
    table(
        "rate -> 0: largest distance from the open-circuit potential at R = 20 nm (mV)",
        ("model", "C/50", "C/500", "", ""),
        rows,
    )
    return good


def limits() -> bool:
    """Print all of it; whether every number is reached."""
    return all([balance(), mesh(), tolerance(), equilibrium()])

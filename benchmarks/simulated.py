"""Numbers of the simulated tests: how long a cohort takes, and what comes back from impedance, GITT and interrupts.

    python benchmarks/simulated.py [--cells 300] [--cycles 100] [--workers 2] [--only cohort eis gitt ici]

Needs the extra [cells]. Times are of this machine and this run; CPU time is what a quiet machine would take.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from pathlib import Path

import numpy as np

D_M2_S = 1e-16
RADIUS_M = 470e-9


def quiet(radius_m: float, diffusivity: float = D_M2_S, content: float = 0.7) -> dict[str, float]:
    from lirich.cells.impedance import CONSTANT_DIFFUSION, NO_AGEING

    return {
        **CONSTANT_DIFFUSION, **NO_AGEING, "Crystal radius [m]": radius_m, "Particle radius [m]": radius_m,
        "Maximum diffusivity [m2.s-1]": diffusivity, "Initial lithium content": content,
    }  # fmt: skip


def cohort(cells: int, cycles: int, workers: int) -> None:
    from lirich.testing import make_cohort

    with tempfile.TemporaryDirectory() as folder:
        for run in ("first run", "again, from its cache"):
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            own, started = time.process_time(), time.perf_counter()
            made = make_cohort(Path(folder), n_sc=cells - cells // 2, n_pc=cells // 2, cycles=cycles, workers=workers)
            wall = time.perf_counter() - started
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime + time.process_time() - own
            rows = made.truth.height
            print(
                f"cohort  {run}: {cells} cells x {cycles} cycles, {workers} workers: {wall:.0f} s wall, "
                f"{cpu:.0f} s CPU ({cpu / cells:.2f} s a cell), {rows} cycles of truth, {len(made.failed)} failed",
                flush=True,
            )
        for key in ("SC", "PC"):
            part = made.figures.filter(made.figures["cell"].str.starts_with(key))
            told = [
                f"{name} {part[name].mean():.2f} ± {part[name].std():.2f}"
                for name in ("initial_coulombic_efficiency", "capacity_retention", "voltage_decay_mv_per_cycle")
                if name in part.columns
            ]
            print(f"cohort  {key}: {', '.join(told)}")


def eis() -> None:
    from lirich.cells.impedance import impedance, surface_model
    from lirich.cells.parameters import single_crystal
    from lirich.cells.simulation import Model, Simulator
    from lirich.cells.spectrum import fit_spectrum

    meshes = (("surface resolved, 60 shells", surface_model()), ("20 equal shells", Model(stretch=0.0)))
    for name, model in meshes:
        simulator = Simulator(model, single_crystal(), compiled=False)
        for radius in (50e-9, 200e-9, 470e-9, 1e-6):
            spectrum = impedance(simulator, np.geomspace(1e-5, 1e5, 81), quiet(radius))
            fit = fit_spectrum(spectrum.table, radius)
            transfer = fit.charge_transfer_ohm / spectrum.charge_transfer_ohm
            diffusivity = fit.diffusivity_m2_s / D_M2_S
            print(
                f"eis     {name}, R {radius * 1e9:.0f} nm: R_ct {transfer:.3f}, D {diffusivity:.3f} of the truth, "
                f"residual {fit.residual:.0e}"
            )


def pulses(kind: str) -> None:
    from lirich.cells.impedance import surface_model
    from lirich.cells.parameters import single_crystal
    from lirich.cells.programme import Programme, Step
    from lirich.cells.simulation import Simulator, standard_table
    from lirich.cycling.gitt import gitt
    from lirich.cycling.ici import ici

    simulator = Simulator(surface_model(), single_crystal(), compiled=False)
    rest_s = 10.0 if kind == "ici" else 14400.0
    for diffusivity in (1e-17, 3e-17, 1e-16, 1e-15):
        lead = (Step("charge", current_ma_g=25.0, until_s=3600.0),) if kind == "ici" else ()
        pulse = Step("charge", current_ma_g=25.0, until_s=300.0, every_s=2.0)
        rest = Step("rest", until_s=rest_s * (max(1.0, 1e-16 / diffusivity) if kind == "gitt" else 1.0),
                    every_s=0.5 if kind == "ici" else None)  # fmt: skip
        plan = Programme((Step("rest", until_s=10.0), *lead, *(pulse, rest) * 6), 250.0)
        table = standard_table(simulator.run(plan, quiet(RADIUS_M, diffusivity, 0.75)))
        columns = [
            table[name].to_numpy() * factor
            for name, factor in (("test_time_second", 1.0), ("voltage_volt", 1.0), ("current_ampere", 1e3))
        ]
        window = 10.0 if kind == "ici" else 300.0
        told = f"{kind:7} tau D/R2 {window * diffusivity / RADIUS_M**2:.1e}:"
        if kind == "ici":
            found = [p for p in ici(*columns, RADIUS_M)[2:-1] if p.diffusivity_m2_s is not None]
            numbers = {"interrupts": [p.diffusivity_m2_s for p in found]}
        else:
            inner = gitt(*columns, RADIUS_M)[1:-1]
            numbers = {
                "ratio": [p.ratio_m2_s for p in inner],
                "regression": [p.regression_m2_s for p in inner],
                "sphere": [p.fit.diffusivity_m2_s for p in inner if p.fit is not None],
            }
        for name, values in numbers.items():
            told += f" {name} {np.median([v for v in values if v is not None]) / diffusivity:.2f}"
        print(f"{told} of the truth")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", type=int, default=300)
    parser.add_argument("--cycles", type=int, default=100)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--only", nargs="*", default=["eis", "gitt", "ici", "cohort"])
    chosen = parser.parse_args()
    if "eis" in chosen.only:
        eis()
    for kind in ("gitt", "ici"):
        if kind in chosen.only:
            pulses(kind)
    if "cohort" in chosen.only:
        cohort(chosen.cells, chosen.cycles, chosen.workers)


if __name__ == "__main__":
    main()

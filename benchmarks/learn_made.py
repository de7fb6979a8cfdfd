"""Simulated cohorts that the benchmarks of learning are run on, and how a number is told beside its target."""

from __future__ import annotations

from pathlib import Path

import numpy as np

COHORTS = {"train": (60, 101, False), "same": (20, 31337, False), "shifted": (20, 27182, True),
           "again": (20, 16180, True), "same2": (20, 14142, False), "same3": (20, 17320, False),
           "shifted2": (20, 22360, True), "shifted3": (20, 26457, True)}  # fmt: skip
"""Cells of each morphology, seed, and whether scatter and noise are those of another laboratory."""
missed: list[str] = []


def told(name: str, value: float, target: str = "", met: bool | None = None) -> None:
    verdict = "" if met is None else ("   met" if met else "   MISSED")
    print(f"  {name:<78} {value:9.4g}  {target}{verdict}", flush=True)
    if met is not None and not met:
        missed.append(name)


def workspace(folder: Path, name: str):  # type: ignore[no-untyped-def]
    """Return the analysed workspace of the cohort *name* of `COHORTS`."""
    from lirich import Workspace
    from lirich.testing import CyclerNoise, Scatter, make_cohort

    place = folder / f"{name}-workspace"
    if place.exists():
        return Workspace.open(place)
    cells, seed, shifted = COHORTS[name]
    scatter, noise = Scatter(), CyclerNoise()
    if shifted:
        scatter = Scatter(
            host_capacity=0.015, radius=0.12, diffusivity=0.30, exchange_current=0.22, film_resistance=0.30,
            series_resistance=0.30, activation_yield=0.03, structure=0.15, reconstruction=0.22, cracking=0.22,
            weighing=0.005,
        )  # fmt: skip
        noise = CyclerNoise(voltage_v=0.0005, current_share=0.001, voltage_offset_v=0.0005, current_gain=0.0005)
    print(f"making the cohort {name} …", flush=True)
    cohort = make_cohort(folder / name, n_sc=cells, n_pc=cells, cycles=100, seed=seed, scatter=scatter, noise=noise)
    ws = Workspace.create(place)
    ws.add(cohort.curves)
    ws.analyse()
    return ws


def anchor_grid_curves(folder: Path, name: str, only: str):  # type: ignore[no-untyped-def]
    from lirich.workbench.learning.curvematrix import curve_matrix

    return curve_matrix(workspace(folder, name), grid=np.linspace(3.0, 4.5, 501), only=only, stored="float64")

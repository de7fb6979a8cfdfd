"""Curves of known truth for the tests of `lirich.learn`: sums of sites, each cell with its own, ageing over cycles."""

from __future__ import annotations

import numpy as np
import polars as pl

from lirich.learn import CurveMatrix

GRID = np.linspace(3.0, 4.5, 151)
_CENTRES, _WIDTHS, _AMOUNTS = (3.35, 3.65, 3.95, 4.25), (0.05, 0.07, 0.09, 0.12), (20.0, 60.0, 70.0, 60.0)


def keys_of(cells: list[str], cycles: list[int]) -> pl.DataFrame:
    return pl.DataFrame({"cell": cells, "cycle": cycles, "origin": ["simulated"] * len(cells)})


def cohort(
    cells: int, cycles: int = 8, *, seed: int = 0, noise: float = 0.05, scatter: float = 1.0, name: str = "c"
) -> CurveMatrix:
    """Charges of *cells* cells: four sites whose voltages and amounts differ from cell to cell and drift with age.

    *noise* is in mAh/g; *scatter* multiplies by how much cells differ.
    """
    draw = np.random.default_rng(seed)
    rows, owners, numbers = [], [], []
    for cell in range(cells):
        shift, lost = draw.normal(0, 0.02 * scatter), draw.normal(0, 0.04 * scatter)
        speed = abs(draw.normal(1.0, 0.3 * scatter))
        mix = draw.normal(0, 0.03 * scatter, 4)
        for cycle in range(1, cycles + 1):
            age = speed * cycle / cycles
            voltage = GRID - shift - 0.03 * age
            site = [
                amount * (1 + mix[i] - lost - 0.08 * age) / (1 + np.exp(-(voltage - centre) / width))
                for i, (centre, width, amount) in enumerate(zip(_CENTRES, _WIDTHS, _AMOUNTS, strict=True))
            ]
            rows.append(np.sum(site, axis=0) + draw.normal(0, noise, len(GRID)))
            owners.append(f"{name}{cell:03d}")
            numbers.append(cycle)
    return CurveMatrix(np.array(rows), GRID, keys_of(owners, numbers))


def low_rank(n: int, m: int, spread: list[float], noise: float, seed: int = 0) -> tuple[CurveMatrix, np.ndarray]:
    """Curves of known components (rows of the second, orthonormal): sines of the given standard deviations."""
    draw = np.random.default_rng(seed)
    grid = np.linspace(3.0, 4.5, m)
    x = (np.arange(m) + 0.5) / m
    basis = np.array([np.sqrt(2.0 / m) * np.sin((i + 1) * np.pi * x) for i in range(len(spread))])
    values = 100.0 + 50.0 * x + draw.normal(size=(n, len(spread))) * spread @ basis + draw.normal(0, noise, (n, m))
    return CurveMatrix(values, grid, keys_of([f"c{i // 10}" for i in range(n)], [i % 10 + 1 for i in range(n)])), basis

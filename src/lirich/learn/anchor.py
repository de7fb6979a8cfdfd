"""The map of Kim et al. over more than 30,000 charges of Li-rich cells, as far as it is published.

Kim et al., Energy Environ. Sci. 18 (2025) 4222, doi:10.1039/D4EE05222F. The mean curve and the seven loadings can be
read off their figures; what is not published is said here to be a guess.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from lirich.errors import MissingColumnError
from lirich.learn.loadings import from_loadings
from lirich.learn.matrix import Array
from lirich.learn.statemap import StateMap

COMPONENTS = 7
SPREAD = tuple(9.0 / 3.0**i for i in range(COMPONENTS))
"""Standard deviations of the scores per point, mAh/g. The published scatter of the scores (10,000 points) runs from
about −2700 to 1800 along PC1 and from −730 to 910 along PC2: about 900 and 300. Those of PC3 to PC7 are not published
and are taken to fall by the same factor of 3."""
READING_ERROR_MAH_G = 0.3
"""Of curves that were read off the figures."""


def anchor_map(table: pl.DataFrame, grid: Array | None = None, noise: float = READING_ERROR_MAH_G) -> StateMap:
    """Return the anchor's map from its digitised figures.

    *table* has the columns ``voltage_V``, ``mean_capacity_mAh_g`` and ``pc1_loading`` … ``pc7_loading``; *grid* is the
    grid of the map, V, shape (m,), by default that of the table; *noise* is that of the curves it is used on, mAh/g, at
    the points of the table. Points between them bring no more knowledge: on a finer grid each has more noise.

    Raises `MissingColumnError` where a column is missing, `InputError` for a grid outside of the table.
    """
    names = ["voltage_V", "mean_capacity_mAh_g", *(f"pc{i}_loading" for i in range(1, COMPONENTS + 1))]
    missing = [name for name in names if name not in table.columns]
    if missing:
        raise MissingColumnError(f"The table has no {', '.join(missing)}", expected=", ".join(names))
    voltage, mean, *loadings = (table[name].cast(pl.Float64).to_numpy() for name in names)
    finer = 1.0 if grid is None else max(1.0, len(grid) / len(voltage))
    return from_loadings(
        voltage, mean, np.array(loadings), spread=SPREAD, noise=noise * float(np.sqrt(finer)), grid=grid
    )

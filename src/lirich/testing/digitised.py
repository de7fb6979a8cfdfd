"""A real Li-rich cell, digitised from published figures and carried with its source.

Cycle 1 (to 4.70 V) and cycle 10 (to 4.50 V) of a Li-rich layered oxide half-cell, charge and discharge, read off the
figures of the LRLO-PCA repository: Kim et al., Energy Environ. Sci. 18 (2025) 4222; MIT licence, © 2025 rist-cij
(the licence lies beside the data). Reading error ±3 mV and ±0.3 mAh/g. It is measured, not simulated.

The figures are in mAh per gram and the mass of the electrode is not published: the table is normalised to one
milligram of active material, and the mapping file says so.
"""

from __future__ import annotations

import csv
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lirich.cells.fit import Curve

DATA_NAME = "digitised_li_rich_cycles_1_10"
CELL_KEY = "Kim-2025-LRLO"
NORMALISED_TO_MG = 1.0
SOURCE = "Kim et al., Energy Environ. Sci. 18 (2025) 4222; digitised from the LRLO-PCA repository (MIT)"

PUBLISHED = {
    "charge_specific_capacity_mah_g": 280.0,
    "discharge_specific_capacity_mah_g": 233.5,
    "initial_coulombic_efficiency": 83.4,
    "mean_charge_voltage_v": 4.245,
    "mean_discharge_voltage_v": 3.739,
}
"""Figures of cycle 1 as they follow from the digitised points (±0.3 mAh/g, ±3 mV)."""

_MAPPING = f"""\
# How lirich reads the table beside this file. Source: {SOURCE}
name = "digitised voltage-capacity curves"
normalised_to_mg = {NORMALISED_TO_MG}

[columns]
cycle = "cycle"
direction = "direction"
voltage = {{ column = "voltage_V", unit = "V" }}
capacity = {{ column = "capacity_mAh_g", unit = "mAh/g" }}
"""

_FACTS = {
    "file": f"{DATA_NAME}.csv",
    "cell": CELL_KEY,
    "sample": "Kim-2025-LRLO",
    "active_mass_mg": f"{NORMALISED_TO_MG:g}",
    "electrode": "cathode",
    "counter_electrode": "Li",
    "simulated": "false",
    "source": SOURCE,
}


def digitised_table() -> str:
    """Return the table: ``cycle, direction, voltage_V, capacity_mAh_g``; capacity from 0 in each half-cycle."""
    return (files("lirich.testing") / "data" / f"{DATA_NAME}.csv").read_text(encoding="utf-8")


def write_digitised_cell(folder: Path) -> Path:
    """Write the digitised cell into *folder*: table, mapping file, licence and its row of ``cells.csv``.

    A ``cells.csv`` that is there is kept and gets the row (and the columns it lacks). Returns the path of the table.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{DATA_NAME}.csv"
    path.write_text(digitised_table(), encoding="utf-8")
    (folder / f"{path.name}.lirich.toml").write_text(_MAPPING, encoding="utf-8")
    licence = files("lirich.testing") / "data" / f"{DATA_NAME}.LICENSE.txt"
    (folder / f"{DATA_NAME}.LICENSE").write_text(licence.read_text(encoding="utf-8"), encoding="utf-8")
    _add_row(folder / "cells.csv")
    return path


def digitised_curves(current_ma_g: float = 25.0) -> list[Curve]:
    """Return the four half-cycles for a fit, in order of time.

    The publication states no current: 25 mA/g (C/10 of 250 mAh/g) is a guess.
    """
    import numpy as np

    from lirich.cells.fit import Curve

    found: dict[tuple[int, str], list[tuple[float, float]]] = {}
    for row in csv.DictReader(digitised_table().splitlines()):
        key = int(row["cycle"]), row["direction"]
        found.setdefault(key, []).append((float(row["capacity_mAh_g"]), float(row["voltage_V"])))
    curves = []
    for (cycle, direction), points in found.items():
        capacity, voltage = np.array(points, dtype=np.float64).T
        curves.append(Curve(cycle, "charge" if direction == "charge" else "discharge", capacity, voltage, current_ma_g))
    return curves


FITTED = {
    "Particle radius [m]": 1.060e-6,
    "Connected part in cycle 10": 0.9194,
    "Lost part of the wide and hysteretic sites in cycle 10": 0.3172,
    "Transformed part of the layered sites in cycle 10": 0.03585,
    "Filled part of the sites before cycle 10": 0.9148,
}
"""What `lirich.cells.fit` found for this cell beside the numbers of the parameter library, which come from it too
(these five once more, with the library as it is, since shells are thinner at the surface)."""


def _add_row(cells_csv: Path) -> None:
    rows: list[dict[str, str]] = []
    if cells_csv.exists():
        with cells_csv.open(newline="", encoding="utf-8") as stream:
            rows = [row for row in csv.DictReader(stream) if row.get("cell") != CELL_KEY]
    rows.append(_FACTS)
    names = list(dict.fromkeys(name for row in rows for name in row))
    with cells_csv.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, names, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)

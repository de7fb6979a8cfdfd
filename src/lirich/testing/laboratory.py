"""The synthetic laboratory: Li-rich cells with known truth, written as the cyclers of a lab would write them.

Single-crystal and polycrystalline cells of Li1.2Mn0.54Ni0.13Co0.13O2 are cycled (formation, rate test, ageing with
check-ups; a GITT cell and a cell with current interrupts) on the crystals of `lirich.cells`, or on request on the
explicit model of `lirich.testing.curve_model`, which needs no extra. Then noise, quantisation and jitter of time are
added and the logs are written as vendor-like files. The truth is integrated from the traces without noise, never by
`lirich.cycling`. Everything is simulated and says so: ``simulated`` in ``cells.csv`` and in ``truth.json``,
and a remark in each file whose format has a field for one (`lirich.testing.vendor_files`), which the readers take up.
Without ``cells.csv`` beside it, a flat csv of Neware, Arbin or the Battery Data Format looks like a measured file.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import polars as pl

from lirich.errors import UnknownNameError
from lirich.testing import vendor_files
from lirich.testing.crystal_cycler import CrystalCell
from lirich.testing.curve_cells import draw_material
from lirich.testing.cycler import LOWER_V, START_UNIX_S, UPPER_V, CycledCell, cycle_cell, measured
from lirich.testing.diffusion_model import DIFFUSIVITY_M2_S, Sphere, intermittent_cell
from lirich.testing.truth import cell_truth
from lirich.workbench.extras import need_cells

Physics = Literal["crystal", "curves"]
MODELS = {"crystal": "LiRichSPM of lirich.cells", "curves": "lirich.testing.curve_model"}
"""What the cells of a laboratory are made of, and how ``truth.json`` names it; see `make_laboratory`."""

DEFAULT_FORMATS = (
    "neware-csv",
    "arbin-csv",
    "landt-csv",
    "maccor-txt",
    "biologic-mpt",
    "bdf-csv",
    "bdf-parquet",
    "basytec-txt",
)
"""The vendor-like formats, in the order in which they are dealt out to the cells."""


@dataclass(frozen=True, slots=True)
class LaboratoryCell:
    """One simulated cell: its facts as in ``cells.csv``, its files, its format and its truth."""

    key: str
    facts: dict[str, Any]
    files: tuple[Path, ...]
    format: str
    truth: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Laboratory:
    """What `make_laboratory` made: the folder with the files, ``cells.csv`` and ``truth.json``."""

    folder: Path
    cells: dict[str, LaboratoryCell]
    cells_csv: Path
    truth_json: Path
    seed: int
    truth: dict[str, Any] = field(repr=False)

    @property
    def files(self) -> tuple[Path, ...]:
        """Every vendor-like file."""
        return tuple(path for cell in self.cells.values() for path in cell.files)


def make_laboratory(
    folder: Path,
    *,
    n_sc: int = 4,
    n_pc: int = 4,
    cycles: int = 60,
    seed: int = 0,
    formats: Sequence[str] | None = None,
    diffusion_cells: bool = False,
    continued: bool = True,
    physics: Physics = "crystal",
) -> Laboratory:
    """Simulate *n_sc* + *n_pc* cells over *cycles* cycles and write them into *folder*.

    The same arguments give the same files, byte for byte. *formats* are dealt out to the cells in turn (default:
    `DEFAULT_FORMATS`). *diffusion_cells* adds ``SC-GITT`` (pulses of 300 s at 0.1C, rests of 4 h) and ``SC-ICI``
    (interrupts of 10 s every 300 s at 0.1C), whose diffusivity is one number. *continued* splits the last ageing
    cell's test over two files.
    *physics* is ``crystal``, the crystals of `lirich.cells` (the extra ``[cells]``), whose truth has the hidden states
    and parameters of each cell too; or ``curves``, the explicit model of `lirich.testing.curve_model`, which needs no
    extra. Neither stands in for the other in silence.

    Raises `UnknownNameError` on other physics and on a format that `lirich.testing.vendor_files.WRITERS` does not have,
    `OptionalDependencyError` where the crystals are asked for without their extra.
    """
    if physics not in MODELS:
        raise UnknownNameError.of("physics of the laboratory", physics, MODELS)
    if physics == "crystal":
        need_cells("The laboratory on the crystal physics", instead='ask for physics="curves", which needs no extra')
    formats = tuple(formats or DEFAULT_FORMATS)
    for name in formats:
        if name not in vendor_files.WRITERS:
            raise UnknownNameError.of("vendor format", name, vendor_files.WRITERS)
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    cycled, interrupted = (_crystal, _crystal_pulses) if physics == "crystal" else (_curves, _curve_pulses)
    keys = [f"SC-{i + 1}" for i in range(n_sc)] + [f"PC-{i + 1}" for i in range(n_pc)]
    made = {}
    for i, key in enumerate(keys):
        rng = np.random.default_rng([seed, i])
        facts, run = cycled(key, cycles, rng)
        split = continued and i == len(keys) - 1
        made[key] = _write(folder, facts, run, formats[i % len(formats)], rng, split=split, number=i)
    for i, (key, kind) in enumerate((("SC-GITT", "gitt"), ("SC-ICI", "ici")) if diffusion_cells else ()):
        rng = np.random.default_rng([seed, 1000 + i])
        facts, run = interrupted(key, kind, rng)
        made[key] = _write(folder, facts, run, "neware-csv" if kind == "gitt" else "arbin-csv", rng, number=100 + i)
    cells_csv = folder / "cells.csv"
    pl.DataFrame([{"file": _pattern(c), **c.facts} for c in made.values()]).write_csv(cells_csv)
    truth = {
        "simulated": True,
        "seed": seed,
        "model": MODELS[physics],
        "voltage_lower_v": LOWER_V,
        "voltage_upper_v": UPPER_V,
        "cells": {key: cell.truth for key, cell in made.items()},
    }
    truth_json = folder / "truth.json"
    truth_json.write_text(json.dumps(truth, indent=1, allow_nan=False), encoding="utf-8")
    return Laboratory(folder, made, cells_csv, truth_json, seed, truth)


def _curves(key: str, cycles: int, rng: np.random.Generator) -> tuple[dict[str, Any], CycledCell]:
    facts, material = draw_material(key, key[:2], rng)
    return facts, cycle_cell(material, cycles)


def _curve_pulses(key: str, kind: str, rng: np.random.Generator) -> tuple[dict[str, Any], CycledCell]:
    facts, material = draw_material(key, "SC", rng)
    sphere = Sphere(radius_m=facts["particle_diameter_um"] * 0.5e-6, diffusivity_m2_s=DIFFUSIVITY_M2_S)
    return facts, intermittent_cell(material, sphere, kind)


def _crystal(key: str, cycles: int, rng: np.random.Generator) -> tuple[dict[str, Any], CycledCell]:
    from lirich.testing.cohort import Scatter
    from lirich.testing.crystal_cycler import cycle_crystal

    facts, true = _drawn(key, rng, Scatter(weighing=0.0))
    return facts, cycle_crystal(true, cycles)


def _crystal_pulses(key: str, kind: str, rng: np.random.Generator) -> tuple[dict[str, Any], CycledCell]:
    from lirich.testing.cohort import Scatter
    from lirich.testing.crystal_pulses import pulsed_crystal

    # the stated size is the true one, so that what is off in a diffusivity is the method's
    facts, true = _drawn(key, rng, Scatter(weighing=0.0, radius=0.0))
    return facts, pulsed_crystal(true, DIFFUSIVITY_M2_S, kind)


def _drawn(key: str, rng: np.random.Generator, scatter: Any) -> tuple[dict[str, Any], dict[str, float]]:
    from lirich.testing.cohort import draw_cell

    drawn = draw_cell(key, key[:2], rng, scatter)
    # the weighed mass is the true one here: every figure of truth.json is per gram of it
    return drawn.facts, {**drawn.parameters, "Active mass [g]": drawn.facts["active_mass_mg"] / 1000.0}


def _write(
    folder: Path,
    facts: dict[str, Any],
    run: CycledCell,
    name: str,
    rng: np.random.Generator,
    *,
    number: int,
    split: bool = False,
) -> LaboratoryCell:
    key = str(facts["cell"])
    log = measured(run.log, float(facts["active_mass_mg"]), START_UNIX_S + 3600.0 * number, rng)
    writer = vendor_files.WRITERS[name]
    logs = _split(log) if split else [log]
    files = []
    for part, piece in enumerate(logs, start=1):
        stem = f"{key}_part{part}" if len(logs) > 1 else key
        path = folder / f"{stem}{writer.suffix}"
        writer.write(piece, path, facts)
        files.append(path)
    truth = {"facts": facts, "format": name, **cell_truth(run, float(facts["active_mass_mg"]))}
    if isinstance(run, CrystalCell):
        truth |= {"hidden": run.hidden.to_dicts(), "parameters": run.parameters}
    return LaboratoryCell(key, facts, tuple(files), name, truth)


def _split(log: pl.DataFrame) -> list[pl.DataFrame]:
    """Cut a log at the start of a cycle in its middle; the second file counts time, steps and cycles anew."""
    middle = int(log["cycle"].max()) // 2 + 1  # type: ignore[arg-type]
    first, second = log.filter(pl.col("cycle") < middle), log.filter(pl.col("cycle") >= middle)
    begin = second.row(0, named=True)
    second = second.with_columns(
        pl.col("test_time_s") - begin["test_time_s"],
        pl.col("cycle") - begin["cycle"] + 1,
        pl.col("step") - begin["step"] + 1,
        pl.col("record") - begin["record"] + 1,
    )
    return [first, second]


def _pattern(cell: LaboratoryCell) -> str:
    if len(cell.files) == 1:
        return cell.files[0].name
    return f"{cell.key}_part*{cell.files[0].suffix}"

"""The synthetic laboratory: Li-rich cells with known truth, written as the cyclers of a lab would write them.

Single-crystal and polycrystalline cells of Li1.2Mn0.54Ni0.13Co0.13O2 are cycled by the model in
`lirich.testing.curve_model` (formation, rate test, ageing with check-ups; a GITT cell and a cell with current
interrupts by `lirich.testing.diffusion_model`), then noise, quantisation and jitter of time are added and the logs
are written as vendor-like files. The truth is integrated from the traces without noise, never by
`lirich.cycling`. Everything is simulated and says so: ``simulated`` in ``cells.csv`` and in ``truth.json``.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import polars as pl

from lirich.errors import InputError, UnknownNameError
from lirich.testing import vendor_files
from lirich.testing.crystal_cycler import CrystalCell
from lirich.testing.curve_model import Material, Site
from lirich.testing.cycler import LOWER_V, ONE_C_A_G, UPPER_V, CycledCell, cycle_cell
from lirich.testing.diffusion_model import Sphere, intermittent_cell
from lirich.testing.truth import cell_truth
from lirich.workbench.extras import need_cells

Physics = Literal["curves", "crystal"]
"""What the cells of a laboratory are made of; see `make_laboratory`."""

COMPOSITION = "Li1.2Mn0.54Ni0.13Co0.13O2"
START_UNIX_S = 1_767_000_000.0
"""When the first cell was started: 2025-12-29, a fixed date so that the files are reproducible."""

MATERIALS = {
    "SC": Material(
        first_charge=(Site(60, 3.87, 0.055), Site(62, 4.02, 0.075), Site(184, 4.49, 0.028), Site(24, 4.66, 0.06)),
        host=(
            Site(14, 3.10, 0.04, 0.04),
            Site(70, 3.44, 0.09, 0.08),
            Site(106, 3.80, 0.10, 0.03),
            Site(82, 4.25, 0.13, 0.12),
        ),
        resistance_ohm_g=0.28,
        slow_resistance_ohm_g=0.29,
        slow_time_s=90.0,
        slow_low_end=40.0,
        slow_high_end=1.5,
        hysteresis_length_mah_g=8.0,
        parasitic_share=0.004,
        potential_drop_v=0.0013,
        spinel_growth_mah_g=0.20,
        capacity_loss_mah_g=0.05,
        resistance_growth=0.003,
    ),
    "PC": Material(
        first_charge=(Site(58, 3.86, 0.055), Site(62, 4.02, 0.075), Site(190, 4.50, 0.028), Site(26, 4.66, 0.06)),
        host=(
            Site(16, 3.09, 0.04, 0.04),
            Site(70, 3.44, 0.09, 0.08),
            Site(104, 3.79, 0.10, 0.03),
            Site(78, 4.24, 0.13, 0.12),
        ),
        resistance_ohm_g=0.24,
        slow_resistance_ohm_g=0.24,
        slow_time_s=90.0,
        slow_low_end=40.0,
        slow_high_end=1.5,
        hysteresis_length_mah_g=8.0,
        parasitic_share=0.007,
        potential_drop_v=0.0023,
        spinel_growth_mah_g=0.30,
        capacity_loss_mah_g=0.17,
        resistance_growth=0.008,
    ),
}
"""The mean cell of each morphology. Chosen, not measured: SC loses 1.5–2 and PC 3–3.5 mV per cycle, as the review
compares them (Yang et al., EES Batteries 2 (2026) 377, doi:10.1039/d5eb00167f)."""

_DIAMETER_UM = {"SC": 1.0, "PC": 0.25}
_DIFFUSIVITY_M2_S = {"SC": 8.0e-18, "PC": 5.0e-19}

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
class CyclerNoise:
    """What a cycler adds to the truth: standard deviations, of each point and of each channel.

    ``voltage_v`` and ``current_share`` are noise of single points. ``voltage_offset_v`` and ``current_gain`` belong to
    a channel and stay as they are: the current's error is then in the cycler's counters of charge and energy too.
    The defaults are those of the synthetic laboratory: quiet points on faultless channels.
    """

    voltage_v: float = 1.5e-4
    current_share: float = 2e-4
    voltage_offset_v: float = 0.0
    current_gain: float = 0.0

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if not 0 <= value < 0.1:
                raise InputError(f"A noise {name} of {value}", expected="0 or more, less than 0.1")


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
    physics: Physics = "curves",
) -> Laboratory:
    """Simulate *n_sc* + *n_pc* cells over *cycles* cycles and write them into *folder*.

    The same arguments give the same files, byte for byte. *formats* are dealt out to the cells in turn (default:
    `DEFAULT_FORMATS`). *diffusion_cells* adds ``SC-GITT`` (pulses of 300 s at 0.1C, rests of 4 h) and ``SC-ICI``
    (interrupts of 10 s every 300 s at 0.1C). *continued* splits the last ageing cell's test over two files.
    *physics* is ``curves``, the explicit model of `lirich.testing.curve_model`, which needs no extra; or ``crystal``,
    the crystals of `lirich.cells`, whose truth has the hidden states and parameters of each cell too (the extra
    ``[cells]``; the diffusion cells stay those of the curve model). Neither stands in for the other in silence.

    Raises `UnknownNameError` on a format that `lirich.testing.vendor_files.WRITERS` does not have,
    `OptionalDependencyError` where the crystal model is asked for without its extra.
    """
    if physics == "crystal":
        need_cells("The laboratory on the crystal model")
    formats = tuple(formats or DEFAULT_FORMATS)
    for name in formats:
        if name not in vendor_files.WRITERS:
            raise UnknownNameError.of("vendor format", name, vendor_files.WRITERS)
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    keys = [f"SC-{i + 1}" for i in range(n_sc)] + [f"PC-{i + 1}" for i in range(n_pc)]
    made = {}
    for i, key in enumerate(keys):
        rng = np.random.default_rng([seed, i])
        facts, run = (_crystal if physics == "crystal" else _curves)(key, cycles, rng)
        split = continued and i == len(keys) - 1
        made[key] = _write(folder, facts, run, formats[i % len(formats)], rng, split=split, number=i)
    for i, (key, kind) in enumerate((("SC-GITT", "gitt"), ("SC-ICI", "ici")) if diffusion_cells else ()):
        rng = np.random.default_rng([seed, 1000 + i])
        facts, material = _draw(key, "SC", rng)
        sphere = Sphere(radius_m=facts["particle_diameter_um"] * 0.5e-6, diffusivity_m2_s=_DIFFUSIVITY_M2_S["SC"])
        run = intermittent_cell(material, sphere, kind)
        made[key] = _write(folder, facts, run, "neware-csv" if kind == "gitt" else "arbin-csv", rng, number=100 + i)
    cells_csv = folder / "cells.csv"
    pl.DataFrame([{"file": _pattern(c), **c.facts} for c in made.values()]).write_csv(cells_csv)
    truth = {
        "simulated": True,
        "seed": seed,
        "model": "lirich.testing.curve_model" if physics == "curves" else "LiRichSPM of lirich.cells",
        "voltage_lower_v": LOWER_V,
        "voltage_upper_v": UPPER_V,
        "cells": {key: cell.truth for key, cell in made.items()},
    }
    truth_json = folder / "truth.json"
    truth_json.write_text(json.dumps(truth, indent=1, allow_nan=False), encoding="utf-8")
    return Laboratory(folder, made, cells_csv, truth_json, seed, truth)


def _curves(key: str, cycles: int, rng: np.random.Generator) -> tuple[dict[str, Any], CycledCell]:
    facts, material = _draw(key, key[:2], rng)
    return facts, cycle_cell(material, cycles)


def _crystal(key: str, cycles: int, rng: np.random.Generator) -> tuple[dict[str, Any], CycledCell]:
    from lirich.testing.cohort import Scatter, draw_cell
    from lirich.testing.crystal_cycler import cycle_crystal

    drawn = draw_cell(key, key[:2], rng, Scatter(weighing=0.0))
    # the weighed mass is the true one here: every figure of truth.json is per gram of it
    true = {**drawn.parameters, "Active mass [g]": drawn.facts["active_mass_mg"] / 1000.0}
    return drawn.facts, cycle_crystal(true, cycles)


def _draw(key: str, morphology: str, rng: np.random.Generator) -> tuple[dict[str, Any], Material]:
    """Draw one cell around the mean of its morphology.

    Scatter (standard deviations): capacity 1.2 %, first charge against later cycles 0.8 %, resistance 8 %,
    structural ageing 5 %, other ageing 8 %.
    """
    mean = MATERIALS[morphology]
    capacity, first, resistance, ageing, growth = np.exp(rng.normal(0.0, [0.012, 0.008, 0.08, 0.05, 0.08]))
    activation = rng.normal(0.0, 0.004)

    def scaled(sites: tuple[Site, ...], factor: float) -> tuple[Site, ...]:
        return tuple(replace(s, capacity_mah_g=s.capacity_mah_g * factor) for s in sites)

    slope_a, slope_b, plateau, tail = scaled(mean.first_charge, capacity * first)
    plateau = replace(plateau, potential_v=plateau.potential_v + activation)
    material = replace(
        mean,
        first_charge=(slope_a, slope_b, plateau, tail),
        host=scaled(mean.host, capacity),
        resistance_ohm_g=mean.resistance_ohm_g * resistance,
        slow_resistance_ohm_g=mean.slow_resistance_ohm_g * resistance,
        potential_drop_v=mean.potential_drop_v * ageing,
        spinel_growth_mah_g=mean.spinel_growth_mah_g * ageing,
        capacity_loss_mah_g=mean.capacity_loss_mah_g * growth,
        resistance_growth=mean.resistance_growth * growth,
    )
    facts = {
        "cell": key,
        "sample": f"LRM-{morphology}",
        "composition": COMPOSITION,
        "morphology": morphology,
        "active_mass_mg": round(float(rng.uniform(8.0, 12.0)), 2),
        "nominal_specific_capacity_mah_g": 250.0,
        "one_c_ma_g": ONE_C_A_G * 1000.0,
        "electrode": "cathode",
        "counter_electrode": "Li",
        "electrolyte": "1 M LiPF6 in EC:EMC 3:7",
        "temperature_celsius": 25.0,
        "dopant": "",
        "coating": "",
        "particle_diameter_um": _DIAMETER_UM[morphology],
        "simulated": "true",
    }
    return facts, material


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


def measured(
    log: pl.DataFrame,
    mass_mg: float,
    start_unix_s: float,
    rng: np.random.Generator,
    noise: CyclerNoise | None = None,
) -> pl.DataFrame:
    """Turn the log of the model (per gram, exact) into what a cycler saw: amperes, with noise.

    By default voltage noise 0.15 mV and current noise 0.02 %; capacities are the cycler's own counters, without the
    noise of single points.
    """
    noise = noise or CyclerNoise()
    n = len(log)
    mass_g = mass_mg / 1000.0
    current = log["current_a_g"].to_numpy() * mass_g * (1.0 + rng.normal(0.0, noise.current_share, n))
    voltage = log["voltage_v"].to_numpy() + rng.normal(0.0, noise.voltage_v, n)
    temperature = 25.0 + 0.1 * np.sin(np.arange(n) / 500.0) + rng.normal(0.0, 0.03, n)
    # the channel takes its numbers last, so that a channel without faults has the points that it always had
    gain, offset = 1.0 + rng.normal(0.0, noise.current_gain), rng.normal(0.0, noise.voltage_offset_v)
    per_cell = [c for c in log.columns if c.startswith(("step_charge_", "step_discharge_"))]
    return log.with_columns(
        pl.int_range(1, n + 1).alias("record"),
        (pl.col("test_time_s") + start_unix_s).alias("unix_s"),
        pl.Series("voltage_v", voltage + offset),
        pl.Series("current_a", current * gain),
        pl.Series("temperature_c", temperature),
        *((pl.col(c) * (gain * mass_g / 1000.0)).alias(c.replace("_m", "_").removesuffix("_g")) for c in per_cell),
    ).drop("current_a_g", *per_cell)


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

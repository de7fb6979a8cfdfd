"""Cohorts: many cells of the crystal model with the scatter of a manufacture, their curves as files, their truth kept.

Every cell is drawn by itself from (seed, number), so that the first ten cells of a cohort of three hundred are those of
a cohort of ten. Cells run over the compute seam with a cache: a cohort that is stopped goes on where it was. A cell
whose equations cannot be solved is named among the others, and is no end of the cohort.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from lirich import __version__
from lirich.compute import ResultCache, code_hash, open_executor, run_tasks
from lirich.errors import InputError, LirichError, UnknownNameError
from lirich.testing import vendor_files
from lirich.testing.cycler import CyclerNoise
from lirich.workbench.extras import need_cells

if TYPE_CHECKING:
    from lirich.compute import Progress

MORPHOLOGIES = ("SC", "PC")
_PARAMETER_SETS = {"SC": "LiRich_SC", "PC": "LiRich_PC"}


@dataclass(frozen=True, slots=True)
class Scatter:
    """How much cells of one batch differ: standard deviations of the logarithm of each property.

    Guesses of the order that coin cells of one laboratory show; none is fitted to a batch. ``weighing`` is the error
    of the stated mass: the only one that makes ``cells.csv`` differ from the truth.
    """

    host_capacity: float = 0.01
    radius: float = 0.08
    diffusivity: float = 0.20
    exchange_current: float = 0.15
    film_resistance: float = 0.20
    series_resistance: float = 0.20
    activation_yield: float = 0.02
    structure: float = 0.10
    reconstruction: float = 0.15
    cracking: float = 0.15
    weighing: float = 0.003

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if not 0 <= value < 1:
                raise InputError(f"A scatter of {name} of {value}", expected="0 or more, less than 1")


_SCATTERED: Mapping[str, tuple[str, ...]] = {
    "host_capacity": ("Host capacity [mA.h.g-1]",),
    "radius": ("Crystal radius [m]", "Particle radius [m]"),
    "diffusivity": ("Maximum diffusivity [m2.s-1]",),
    "exchange_current": ("Reference exchange-current density [A.m-2]",),
    "film_resistance": ("Initial film resistance [Ohm.m2]",),
    "series_resistance": ("Series resistance [Ohm]",),
    "activation_yield": (
        "Yield of high sites from activation",
        "Yield of wide sites from activation",
        "Yield of hysteretic sites from activation",
        "Yield of spinel sites from activation",
    ),
    "structure": (
        "Transformation per throughput in the bulk",
        "Transformation per throughput and wetted area",
    ),
    "reconstruction": ("Reconstruction rate [m.s-1]",),
    "cracking": ("Grain-boundary cracking rate", "Crystal cracking rate"),
}
"""What each kind of scatter multiplies: one factor for all of a row."""

MASS_MG = (8.0, 12.0)
"""Active mass of the electrodes, uniform between these."""


@dataclass(frozen=True, slots=True)
class DrawnCell:
    """One cell as it was made: facts as a laboratory states them, true parameters (all that differ from SC's set)."""

    key: str
    facts: dict[str, Any]
    parameters: dict[str, float]


def draw_cell(key: str, morphology: str, rng: np.random.Generator, scatter: Scatter) -> DrawnCell:
    """Draw one cell around the parameter set of its morphology. Raises `UnknownNameError` on the morphology."""
    from lirich.cells.parameters import COMPOSITION, values_of

    if morphology not in _PARAMETER_SETS:
        raise UnknownNameError.of("morphology", morphology, _PARAMETER_SETS)
    mean = values_of(_PARAMETER_SETS[morphology])
    single = values_of(_PARAMETER_SETS["SC"])
    true_mg = float(rng.uniform(*MASS_MG))
    spread = asdict(scatter)
    # every kind takes its number whether it is used or not: one more kind of scatter leaves the others as they were
    numbers = dict(zip(spread, rng.normal(size=len(spread)), strict=True))
    factors = {kind: float(np.exp(spread[kind] * numbers[kind])) for kind in spread}
    values = dict(mean)
    for kind, names in _SCATTERED.items():
        for name in names:
            values[name] = mean[name] * factors[kind]
    made = sum(values[name] for name in _SCATTERED["activation_yield"])
    if made > 1.0:  # activation cannot make more sites than it takes
        values |= {name: values[name] / made for name in _SCATTERED["activation_yield"]}
    values["Active mass [g]"] = true_mg / 1000.0
    stated = round(true_mg * factors["weighing"], 2)
    # a lab states the size of the material, not that of each cell's particles: a sample has one
    length_m = 3.0 / (
        3.0 / mean["Particle radius [m]"]
        + mean["Initial open part of the grain boundaries"]
        * (3.0 / mean["Crystal radius [m]"] - 3.0 / mean["Particle radius [m]"])
    )
    facts = {
        "cell": key,
        "sample": f"crystal-model-{morphology}",
        "composition": COMPOSITION,
        "morphology": morphology,
        "active_mass_mg": stated,
        "nominal_specific_capacity_mah_g": 250.0,
        "one_c_ma_g": 250.0,
        "electrode": "cathode",
        "counter_electrode": "Li",
        "electrolyte": "none: the model has no electrolyte",
        "temperature_celsius": 25.0,
        "particle_diameter_um": round(2e6 * length_m, 4),
        "simulated": "true",
    }
    return DrawnCell(key, facts, {n: v for n, v in values.items() if v != single.get(n)})


@dataclass(frozen=True, slots=True)
class Cohort:
    """What `make_cohort` made, in *folder*: ``curves/`` with ``cells.csv`` (what a lab has) and ``truth/``.

    ``cells`` has a row per cell with its stated facts and files; ``truth`` a row per cell and cycle with true figures
    and hidden states; ``parameters`` a row per cell with every true parameter. ``failed`` are cells that could not be
    run. Everything is simulated.
    """

    folder: Path
    cells: pl.DataFrame
    truth: pl.DataFrame
    parameters: pl.DataFrame
    figures: pl.DataFrame
    failed: tuple[tuple[str, LirichError], ...] = field(default=())

    @property
    def curves(self) -> Path:
        """The folder to hand to `lirich.workbench.Workspace.add`: files of the cells and ``cells.csv``."""
        return self.folder / "curves"

    def table(self, key: str) -> pl.DataFrame:
        """Return the noisy curve of a cell as a standard table. Raises `UnknownNameError`."""
        from lirich.readers import read

        known = dict(zip(self.cells["cell"], self.cells["file"], strict=True))
        if key not in known:
            raise UnknownNameError.of("cell", key, known)
        return read(self.curves / known[key]).table


def make_cohort(
    folder: Path,
    *,
    n_sc: int = 10,
    n_pc: int = 10,
    cycles: int = 100,
    seed: int = 0,
    scatter: Scatter | None = None,
    noise: CyclerNoise | None = None,
    formats: Sequence[str] = ("bdf-parquet",),
    executor: str = "processes",
    workers: int | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> Cohort:
    """Simulate *n_sc* + *n_pc* cells over *cycles* cycles and write them into *folder*; see `Cohort`.

    The programme is that of the synthetic laboratory (formation, rate test from 30 cycles on, ageing at C/2 with
    check-ups); the *noise* is by default its noise. *formats* (`lirich.testing.vendor_files.WRITERS`) are dealt out in
    turn; ``bdf-parquet`` is the straight way. The same arguments give the same curves. A cohort that is there already
    is not run again, and one that was stopped goes on.

    Raises `OptionalDependencyError` without the extra ``[cells]``, `UnknownNameError` on a format, `InputError` where
    nothing is to be made.
    """
    need_cells("A cohort on the crystal model")
    scatter = scatter or Scatter()
    noise = noise or CyclerNoise()
    for name in formats:
        if name not in vendor_files.WRITERS:
            raise UnknownNameError.of("vendor format", name, vendor_files.WRITERS)
    if n_sc < 0 or n_pc < 0 or n_sc + n_pc < 1 or cycles < 1 or not formats:
        raise InputError(f"{n_sc} + {n_pc} cells over {cycles} cycles", expected="at least one cell, cycle and format")
    folder = Path(folder)
    curves = folder / "curves"
    curves.mkdir(parents=True, exist_ok=True)
    digits = max(3, len(str(max(n_sc, n_pc))))
    keys = [f"{m}-{i + 1:0{digits}d}" for m, n in zip(MORPHOLOGIES, (n_sc, n_pc), strict=True) for i in range(n)]
    code = code_hash("lirich.cells", "lirich.testing")
    tasks = [
        {
            "folder": str(curves),
            "key": key,
            "number": MORPHOLOGIES.index(key[:2]) * 1_000_000 + int(key[3:]),
            "cycles": cycles,
            "seed": seed,
            "scatter": asdict(scatter),
            "noise": asdict(noise),
            "format": formats[i % len(formats)],
            "code": code,
        }
        for i, key in enumerate(keys)
    ]
    done: dict[str, dict[str, Any]] = {}
    failed: list[tuple[str, LirichError]] = []
    with open_executor(executor, workers=workers) as pool:
        for outcome in run_tasks(
            cohort_task,
            tasks,
            executor=pool,
            cache=ResultCache(folder / "cache"),
            still_valid=lambda result: (curves / result["file"]).is_file(),
            progress=progress,
        ):
            key = str(outcome.parameters["key"])
            if outcome.error is not None:
                failed.append((key, outcome.error))
            else:
                done[key] = outcome.result
    made = [done[key] for key in keys if key in done]
    cells = pl.DataFrame([{"file": each["file"], **each["facts"]} for each in made])
    truth = pl.concat([_cycles(each) for each in made], how="diagonal") if made else pl.DataFrame()
    parameters = pl.DataFrame([{"cell": each["facts"]["cell"], **each["parameters"]} for each in made])
    figures = pl.DataFrame([{"cell": each["facts"]["cell"], **each["figures"]} for each in made])
    cohort = Cohort(folder, cells, truth, parameters, figures, tuple(sorted(failed, key=lambda pair: pair[0])))
    _write(cohort, seed=seed, cycles=cycles, scatter=scatter, noise=noise)
    return cohort


def cohort_task(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Draw, cycle and write one cell; return its facts, its file and its truth."""
    from lirich.cells.parameters import values_of
    from lirich.testing.crystal_cycler import cycle_crystal
    from lirich.testing.cycler import START_UNIX_S, measured
    from lirich.testing.truth import cell_truth

    key, number = parameters["key"], parameters["number"]
    rng = np.random.default_rng([parameters["seed"], number])
    drawn = draw_cell(key, key[:2], rng, Scatter(**parameters["scatter"]))
    run = cycle_crystal(drawn.parameters, parameters["cycles"])
    true_mg = 1000.0 * drawn.parameters["Active mass [g]"]
    noise = CyclerNoise(**parameters["noise"])
    log = measured(run.log, true_mg, START_UNIX_S + 3600.0 * (number % 1_000_000), rng, noise)
    writer = vendor_files.WRITERS[parameters["format"]]
    file = f"{key}{writer.suffix}"
    writer.write(log, Path(parameters["folder"]) / file, drawn.facts)
    truth = cell_truth(run, true_mg)
    plain = {name: value for name, value in truth["figures"].items() if not isinstance(value, dict)}
    return {
        "file": file,
        "facts": drawn.facts,
        "parameters": {**values_of("LiRich_SC"), **drawn.parameters},
        "figures": plain,
        "cycles": truth["cycles"],
        "hidden": run.hidden.to_dict(as_series=False),
    }


def _cycles(made: Mapping[str, Any]) -> pl.DataFrame:
    """Return a row per cycle of one cell: true figures and hidden states."""
    figures = pl.DataFrame(made["cycles"])
    hidden = pl.DataFrame(made["hidden"]).with_columns(pl.col("cycle").cast(figures["cycle"].dtype))
    joined = figures.join(hidden, on="cycle")
    return joined.select(pl.lit(made["facts"]["cell"]).alias("cell"), pl.all())


def _write(cohort: Cohort, *, seed: int, cycles: int, scatter: Scatter, noise: CyclerNoise) -> None:
    truth = cohort.folder / "truth"
    truth.mkdir(exist_ok=True)
    if cohort.cells.height:
        cohort.cells.write_csv(cohort.curves / "cells.csv")
        cohort.truth.write_parquet(truth / "cycles.parquet")
        cohort.parameters.write_parquet(truth / "parameters.parquet")
        cohort.figures.write_parquet(truth / "figures.parquet")
    about = {
        "simulated": True,
        "model": "LiRichSPM of lirich.cells",
        "version": __version__,
        "seed": seed,
        "cycles": cycles,
        "scatter": asdict(scatter),
        "noise": asdict(noise),
        "cells": cohort.cells["cell"].to_list() if cohort.cells.height else [],
        "failed": [{"cell": key, **error.to_dict()} for key, error in cohort.failed],
    }
    (truth / "cohort.json").write_text(json.dumps(about, indent=1, allow_nan=False), encoding="utf-8")

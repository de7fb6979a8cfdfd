"""Studies: what a cell would do for many parameters, and which crystal is best for a duty.

A study is a duty (rate, cycles, window, temperature), a parameter set, and what is varied: lists, linear or logarithmic
ranges (all combinations of them), or random and Sobol samples between bounds. Each point is one pure task of JSON-able
parameters, `duty_figures`, that any executor can run; its answer is a dictionary of numbers. Nothing here knows of
executors, caches or files: `lirich.workbench.simulation.study` runs what this describes.
"""

from __future__ import annotations

import difflib
import itertools
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from functools import cache
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from scipy.stats import qmc

from lirich.cells import programme as programmes
from lirich.cells.parameters import SETS, values_of
from lirich.cells.sizes import SPREAD
from lirich.errors import SettingsError, SimulationError, UnknownNameError

Array = NDArray[np.float64]

CRYSTAL_RADIUS, PARTICLE_RADIUS = "Crystal radius [m]", "Particle radius [m]"
DUTY_KEYS = ("rate", "charge_rate", "cycles", "low_v", "high_v", "temperature_celsius")
SHORT = {
    "radius_nm": (CRYSTAL_RADIUS, 1e-9),
    "particle_radius_nm": (PARTICLE_RADIUS, 1e-9),
    "diffusivity_m2_s": ("Maximum diffusivity [m2.s-1]", 1.0),
    "exchange_current_a_m2": ("Reference exchange-current density [A.m-2]", 1.0),
    "spread": (SPREAD, 1.0),
}
"""Short names of what is varied most. ``radius_nm`` of single crystals sets the particle's radius too.
``spread`` is the geometric standard deviation of the radius, of the sets that end in ``_Sizes``."""
ALIASES = {"SC": "LiRich_SC", "PC": "LiRich_PC"}
_WATCHED = (
    "Discharge energy [W.h]",
    "Lithium content",
    "Surface lithium content",
    "Reconstructed volume fraction",
    "Connected part of the crystals",
    "Cracks through the grains",
    "Open part of the grain boundaries",
    "Wetted area [m2.g-1]",
    "Film resistance [Ohm.m2]",
    "Sites transformed",
    "Oxygen released [umol.g-1]",
)
_POINTS = 16
"""Recorded points of a half-cycle: only the gradient needs those between the ends."""
_NOTHING_MAH_G = 1e-3
"""What a cycle that counts passes at the least. Ratios and gradients of less are those of the solver's tolerance."""
_MOST_POINTS = 100_000
OBJECTIVE = "last_energy_wh_kg"


class Duty(BaseModel):
    """What the cell is for. 1C is stated (mA/g); the formation cycles at C/10 do not count."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rate: str = "1C"
    charge_rate: str | None = None
    cycles: Annotated[int, Field(ge=2, le=5000)] = 100
    formation: Annotated[int, Field(ge=1, le=10)] = 1
    low_v: float = 2.0
    high_v: float = 4.8
    one_c_ma_g: Annotated[float, Field(gt=0)] = 250.0
    temperature_celsius: Annotated[float, Field(gt=-60, lt=150)] = 25.0

    @model_validator(mode="after")
    def _possible(self) -> Duty:
        if not 0.5 <= self.low_v < self.high_v <= 5.5:
            raise ValueError(f"a window of {self.low_v:g} to {self.high_v:g} V; low below high, within 0.5 to 5.5 V")
        programmes.specific_current(self.rate, self.one_c_ma_g)
        return self


class Range(BaseModel):
    """*points* from *low* to *high*, evenly or by their logarithms."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    low: float
    high: float
    points: Annotated[int, Field(ge=2, le=1000)] = 9
    scale: Literal["linear", "log"] = "linear"

    @model_validator(mode="after")
    def _possible(self) -> Range:
        if not self.low < self.high or (self.scale == "log" and self.low <= 0):
            raise ValueError(f"a {self.scale} range from {self.low:g} to {self.high:g}")
        return self

    def values(self) -> list[float]:
        """Return the values of a grid."""
        make = np.geomspace if self.scale == "log" else np.linspace
        return [float(v) for v in make(self.low, self.high, self.points)]

    def at(self, unit: Array) -> Array:
        """Return the values at *unit* (n,) between 0 and 1."""
        if self.scale == "log":
            return np.asarray(self.low * (self.high / self.low) ** unit)
        return np.asarray(self.low + unit * (self.high - self.low))


class Sample(BaseModel):
    """Instead of all combinations: *count* points, drawn at random or as a Sobol sequence, from a seed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    method: Literal["random", "sobol"] = "sobol"
    count: Annotated[int, Field(ge=1, le=_MOST_POINTS)] = 64
    seed: int = 0


class Study(BaseModel):
    """A study, as it stands in a YAML or TOML file."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    name: str = "study"
    parameter_set: str = Field(default="SC", alias="set")
    duty: Duty = Duty()
    fixed: Mapping[str, float] = {}
    vary: Mapping[str, Range | tuple[float | str, ...]] = Field(min_length=1)
    sample: Sample | None = None
    objective: str = OBJECTIVE

    @model_validator(mode="after")
    def _known(self) -> Study:
        name = ALIASES.get(self.parameter_set, self.parameter_set)
        if name not in SETS:
            raise ValueError(f"the parameter set {self.parameter_set!r}; known: {', '.join((*ALIASES, *SETS))}")
        known = values_of(name)
        for key in (*self.vary, *self.fixed):
            if key not in DUTY_KEYS and SHORT.get(key, (key, 1.0))[0] not in known:
                near = difflib.get_close_matches(key, (*SHORT, *DUTY_KEYS, *known), n=1)
                meant = f" (did you mean {near[0]!r}?)" if near else ""
                raise ValueError(f"{key!r} is no parameter{meant}; short names: {', '.join((*SHORT, *DUTY_KEYS))}")
        for key, values in self.vary.items():
            if not isinstance(values, Range) and not values:
                raise ValueError(f"{key!r} is varied over an empty list; one value or more, or low and high")
        if self.sample is not None and not all(isinstance(v, Range) for v in self.vary.values()):
            raise ValueError("a sample needs ranges (low, high), not lists")
        if self.objective not in FIGURES:
            raise ValueError(f"the objective {self.objective!r}; known: {', '.join(FIGURES)}")
        return self

    def points(self) -> list[dict[str, Any]]:
        """Return the task parameters of every point. Raises `SettingsError` beyond 100,000 of them."""
        return [self.point(values) for values in self.settings()]

    def settings(self) -> list[dict[str, Any]]:
        """Return what is varied, point by point."""
        names = list(self.vary)
        if self.sample is not None:
            ranges = [v for v in self.vary.values() if isinstance(v, Range)]
            units = _units(self.sample, len(names))
            columns = [each.at(units[:, i]) for i, each in enumerate(ranges)]
            return [dict(zip(names, map(float, row), strict=True)) for row in zip(*columns, strict=True)]
        axes = [v.values() if isinstance(v, Range) else list(v) for v in self.vary.values()]
        count = int(np.prod([len(axis) for axis in axes]))
        if count > _MOST_POINTS:
            raise SettingsError(f"The study has {count} points", expected=f"at most {_MOST_POINTS}")
        return [dict(zip(names, row, strict=True)) for row in itertools.product(*axes)]

    def point(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return the task parameters of one point."""
        return task_parameters(self.parameter_set, self.duty, {**self.fixed, **values})


def _units(sample: Sample, dimensions: int) -> Array:
    if sample.method == "random":
        return np.asarray(np.random.default_rng(sample.seed).random((sample.count, dimensions)))
    exponent = int(np.ceil(np.log2(max(sample.count, 1))))
    drawn = qmc.Sobol(dimensions, rng=np.random.default_rng(sample.seed)).random_base2(exponent)
    return np.asarray(drawn[: sample.count], dtype=np.float64)


def task_parameters(parameter_set: str, duty: Duty, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters of `duty_figures` for a duty and what is *varied* of it and of the cell.

    Raises `UnknownNameError` for an unknown parameter set.
    """
    name = ALIASES.get(parameter_set, parameter_set)
    if name not in SETS:
        raise UnknownNameError.of("parameter set", parameter_set, (*ALIASES, *SETS))
    duty_values: dict[str, Any] = duty.model_dump()
    changes: dict[str, float] = {}
    for key, value in values.items():
        if key in DUTY_KEYS:
            duty_values[key] = value
        elif key in SHORT:
            full, unit = SHORT[key]
            changes[full] = float(value) * unit
        else:
            changes[key] = float(value)
    if CRYSTAL_RADIUS in changes and PARTICLE_RADIUS not in changes and "SC" in name:
        changes[PARTICLE_RADIUS] = changes[CRYSTAL_RADIUS]
    with suppress(ValidationError, SettingsError):  # the point that it is of says so, and ends no other
        duty_values = Duty.model_validate(duty_values).model_dump()
    return {"set": name, "duty": duty_values, "changes": changes}


FIGURES: Mapping[str, str] = {
    "first_capacity_mah_g": "discharge capacity of the first cycle of the duty, mAh/g",
    "last_capacity_mah_g": "discharge capacity of the last cycle, mAh/g",
    "capacity_retention": "last over first capacity of the duty, %",
    "first_energy_wh_kg": "discharge energy of the first cycle of the duty per mass of cathode, Wh/kg",
    "last_energy_wh_kg": "discharge energy of the last cycle per mass of cathode, Wh/kg",
    "total_energy_wh_g": "discharge energy of all cycles of the duty per mass of cathode, Wh/g",
    "voltage_decay_mv_per_cycle": "fall of the mean discharge voltage over the duty, mV per cycle",
    "formation_charge_mah_g": "first charge, mAh/g",
    "formation_discharge_mah_g": "first discharge, mAh/g",
    "initial_coulombic_efficiency": "first discharge over first charge, %",
    "first_gradient": "largest |surface − mean| Li content in the first discharge of the duty",
    "last_gradient": "largest |surface − mean| Li content in the last discharge",
    "cracked_part": "grain boundaries opened since the start, or cracks through single crystals, of what can crack",
    "surface_part": "volume turned into rock salt by the surface reaction",
    "disconnected_part": "crystals that lost contact",
    "transformed_part": "sites transformed to spinel-like",
    "film_resistance_ohm_m2": "resistance of the reconstructed surface at the end, Ω m² of wetted area",
    "wetted_area_m2_g": "wetted area at the end, m²/g",
    "oxygen_umol_g": "O2 released, µmol/g",
}
"""What `duty_figures` returns, with units."""


@cache
def _simulator(name: str) -> Any:
    from lirich.cells.models import of_set
    from lirich.cells.simulation import Simulator

    kind = of_set(name)
    model = replace(kind, points=(*kind.points, ("r_p", 12))).recording(*_WATCHED)
    # a model with crystals at each place takes a minute and a half to compile, and runs 1.7 times as fast afterwards
    return Simulator(model, values_of(name), rtol=1e-4, atol=1e-7, compiled=not kind.places)


def duty_figures(parameters: Mapping[str, Any]) -> dict[str, float]:
    """Run a duty on the kind of cell that the parameter set is for and return `FIGURES`.

    That is the single-particle half-cell for ``SC`` and ``PC``; where each place of an electrode has crystals of its
    own, figures of crystals are means over the electrode. Voltages are those of the cell: against graphite 0.1 V
    below those against Li. *parameters* are those of `task_parameters`. Raises `SettingsError` for what cannot be and
    `SimulationError` where the equations cannot be solved, the cell never reaches a limit, the salt runs out, or
    nothing passes: one point of a study, never its end.
    """
    from lirich.cells.simulation import Run

    try:
        duty = Duty.model_validate(parameters["duty"])
    except ValidationError as error:
        raise SettingsError(
            "The duty cannot be: "
            + "; ".join(
                " ".join((*map(str, e["loc"]), str(e["msg"]).removeprefix("Value error, "))) for e in error.errors()
            )
        ) from error
    simulator = _simulator(str(parameters["set"]))
    changes = {
        **dict(parameters["changes"]),
        "Ambient temperature [K]": duty.temperature_celsius + 273.15,
    }
    plan = programmes.cycling(
        ["C/10"] * duty.formation, one_c_ma_g=duty.one_c_ma_g, low_v=duty.low_v, high_v=duty.high_v
    )
    plan = plan + programmes.cycling(
        [duty.rate] * duty.cycles,
        one_c_ma_g=duty.one_c_ma_g,
        low_v=duty.low_v,
        high_v=duty.high_v,
        charge_rate=duty.charge_rate,
    )
    host = {**simulator.defaults, **changes}["Host capacity [mA.h.g-1]"]
    plan = replace(plan, steps=tuple(replace(s, every_s=host / s.current_ma_g * 3600.0 / _POINTS) for s in plan.steps))
    run: Run = simulator.run(plan, changes)
    if run.stopped:
        raise SimulationError(run.stopped, advice="Is the window within what the cell can reach?")
    return _figures(run, duty, simulator.parameters(changes))


def _figures(run: Any, duty: Duty, parameters: Mapping[str, float]) -> dict[str, float]:
    ends = run.ends
    host, mass = parameters["Host capacity [mA.h.g-1]"], parameters["Active mass [g]"]
    passed = np.diff(ends["Lithium through the circuit"].to_numpy(), prepend=0.0) * host
    energy = np.diff(ends["Discharge energy [W.h]"].to_numpy(), prepend=0.0) / mass  # Wh/g
    charged, discharged, released = -passed[0::2], passed[1::2], energy[1::2]
    nothing = min(charged[0], discharged[0], discharged[duty.formation]) < _NOTHING_MAH_G
    if nothing or not np.isfinite([*passed, *energy]).all():
        raise SimulationError(
            f"Nothing passed: {charged[0]:.3g} mAh/g in the first charge, {discharged[0]:.3g} in the first discharge, "
            f"{discharged[duty.formation]:.3g} in the first of the duty: a limit of voltage is reached at once",
            advice="Are kinetics, diffusivity and resistances those of a cell that works at this rate?",
        )
    first = duty.formation
    kept = run.points.filter(
        (run.points["mode"] == "discharge") & run.points["cycle"].is_in([first + 1, first + duty.cycles])
    )
    gradient = (kept["Surface lithium content"] - kept["Lithium content"]).abs().to_numpy()
    of_first = kept["cycle"].to_numpy() == first + 1
    voltage = released / np.maximum(discharged, 1e-12) * 1e3
    end = {name: float(ends[name][-1]) for name in _WATCHED}
    opened = end["Open part of the grain boundaries"] - parameters["Initial open part of the grain boundaries"]
    return {
        "first_capacity_mah_g": float(discharged[first]),
        "last_capacity_mah_g": float(discharged[-1]),
        "capacity_retention": float(100.0 * discharged[-1] / max(discharged[first], 1e-12)),
        "first_energy_wh_kg": float(1e3 * released[first]),
        "last_energy_wh_kg": float(1e3 * released[-1]),
        "total_energy_wh_g": float(released[first:].sum()),
        "voltage_decay_mv_per_cycle": float(1e3 * (voltage[first] - voltage[-1]) / (duty.cycles - 1)),
        "formation_charge_mah_g": float(charged[0]),
        "formation_discharge_mah_g": float(discharged[0]),
        "initial_coulombic_efficiency": float(100.0 * discharged[0] / charged[0]),
        "first_gradient": float(gradient[of_first].max()),
        "last_gradient": float(gradient[~of_first].max()),
        "cracked_part": max(opened, end["Cracks through the grains"]),
        "surface_part": end["Reconstructed volume fraction"],
        "disconnected_part": 1.0 - end["Connected part of the crystals"],
        "transformed_part": end["Sites transformed"],
        "film_resistance_ohm_m2": end["Film resistance [Ohm.m2]"],
        "wetted_area_m2_g": end["Wetted area [m2.g-1]"],
        "oxygen_umol_g": end["Oxygen released [umol.g-1]"],
    }

"""A simulated cycler: a programme of formation, rate test, ageing and check-ups, run on the curve model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

import numpy as np
import polars as pl

from lirich.errors import InputError
from lirich.testing.curve_model import (
    Array,
    Host,
    Material,
    State,
    Trace,
    constant_current,
    constant_voltage,
    rest,
)

ONE_C_A_G = 0.25
"""The specific current that 1C means in the laboratory, A/g."""

UPPER_V, LOWER_V = 4.8, 2.0
FORMATION_C, CHECK_C, AGEING_C = 0.05, 0.1, 0.5
RATES_C = (0.1, 0.2, 0.5, 1.0, 2.0, 0.1)
"""Discharge rates of the rate test, two cycles each, charged at 0.1C; the last one is the recovery."""

CHECK_EVERY = 16
"""Every sixteenth cycle of the ageing is a check-up at 0.1C, charged with a constant-voltage part."""

START_UNIX_S = 1_767_000_000.0
"""When the first cell was started: 2025-12-29, a fixed date so that the files are reproducible."""
INTERVAL_S = {0.05: 120.0, 0.1: 120.0, 0.2: 60.0, 0.5: 40.0, 1.0: 20.0, 2.0: 10.0}
REST_S = 300.0
FIRST_REST_S = 6 * 3600.0


@dataclass(frozen=True, slots=True)
class PlannedCycle:
    """One cycle of the programme: its segment and its C-rates; ``hold`` adds a constant-voltage part."""

    segment: str
    charge_c: float
    discharge_c: float
    hold: bool = False


@dataclass(frozen=True, slots=True)
class CycleRecord:
    """One cycle as it truly was, on the fine grid without noise."""

    cycle: int
    planned: PlannedCycle
    charge: tuple[Trace, ...]
    discharge: Trace
    resistance_ohm_g: float


@dataclass(slots=True)
class CycledCell:
    """The log of one cell per gram of active mass, its true cycles, and its material where it is the curve model's.

    ``log`` has ``test_time_s, step_time_s, voltage_v, current_a_g, cycle, step, step_index, kind`` and the step's
    counters ``step_charge_mah_g, step_discharge_mah_g, step_charge_mwh_g, step_discharge_mwh_g``.
    """

    material: Material | None
    cycles: list[CycleRecord] = field(default_factory=list)
    log: pl.DataFrame = field(default_factory=pl.DataFrame)
    extra: dict[str, float | str] = field(default_factory=dict)


def plan(cycles: int) -> tuple[PlannedCycle, ...]:
    """Return the programme: two formation cycles, a rate test where there is room, then ageing with check-ups."""
    planned = [PlannedCycle("formation", FORMATION_C, FORMATION_C)] * min(2, cycles)
    if cycles >= 30:
        planned += [PlannedCycle("rate_test", CHECK_C, rate) for rate in RATES_C for _ in range(2)]
    since = 0
    while len(planned) < cycles:
        since += 1
        if since % CHECK_EVERY == 0:
            planned.append(PlannedCycle("check_up", CHECK_C, CHECK_C, hold=True))
        else:
            planned.append(PlannedCycle("ageing", AGEING_C, AGEING_C))
    return tuple(planned)


_COLUMNS = (
    "test_time_s",
    "step_time_s",
    "voltage_v",
    "current_a_g",
    "step_charge_mah_g",
    "step_discharge_mah_g",
    "step_charge_mwh_g",
    "step_discharge_mwh_g",
)


class Recorder:
    """Collects the points that the cycler records."""

    def __init__(self, seed: int = 7) -> None:
        self.time_s = 0.0
        self._jitter = np.random.default_rng(seed)
        self._parts: list[Array] = []
        self._steps: list[tuple[int, int, str]] = []

    def add(self, trace: Trace, kind: str, cycle: int, step_index: int, at_s: Array) -> None:
        """Record a step at the times *at_s* since its start (with a jitter of 3 ms) and at its end."""
        end = float(trace.time_s[-1])
        inner = at_s[at_s < end - 0.05]
        inner = inner + np.where(inner > 0.02, self._jitter.normal(0.0, 0.003, len(inner)).clip(-0.01, 0.01), 0.0)
        t = np.append(inner, end)
        charge = np.interp(t, trace.time_s, trace.charge_mah_g)
        energy = np.interp(t, trace.time_s, trace.energy_mwh_g)
        up, down = float(kind in ("cc_charge", "cv_charge")), float(kind == "cc_discharge")
        voltage = np.interp(t, trace.time_s, trace.voltage_v)
        current = np.interp(t, trace.time_s, trace.current_a_g)
        self._parts.append(
            np.stack([self.time_s + t, t, voltage, current, up * charge, down * charge, up * energy, down * energy])
        )
        self._steps.append((cycle, step_index, kind))
        self.time_s += end + 0.01

    def log(self) -> pl.DataFrame:
        """Return everything recorded; ``step`` counts from 1."""
        lengths = [part.shape[1] for part in self._parts]
        cycles, indices, kinds = zip(*self._steps, strict=True)
        numbers = dict(zip(_COLUMNS, np.concatenate(self._parts, axis=1), strict=True))
        return pl.DataFrame(
            {
                **numbers,
                "cycle": np.repeat(cycles, lengths).astype(np.int64),
                "step": np.repeat(np.arange(1, len(lengths) + 1), lengths).astype(np.int64),
                "step_index": np.repeat(indices, lengths).astype(np.int64),
                "kind": pl.Series(np.repeat(kinds, lengths).tolist(), dtype=pl.String),
            }
        )


class _NoRecorder(Recorder):
    """Records nothing: for runs of which only the truth is wanted."""

    def add(self, trace: Trace, kind: str, cycle: int, step_index: int, at_s: Array) -> None:
        del trace, kind, cycle, step_index, at_s

    def log(self) -> pl.DataFrame:
        return pl.DataFrame()


def every(interval_s: float, end_s: float) -> Array:
    """Return the times of a step's records: 10 ms after its start, then at each interval."""
    return np.concatenate([[0.01], np.arange(interval_s, end_s + interval_s, interval_s)])


REST_TIMES = np.array([0.01, 1.0, 5.0, 10.0, 30.0, 60.0, 120.0, 180.0, 240.0])


def cycle_cell(
    material: Material, cycles: int, planned: Sequence[PlannedCycle] | None = None, *, record: bool = True
) -> CycledCell:
    """Run the programme (default: `plan` of that many *cycles*) on a material; without *record* the log is empty."""
    cell = CycledCell(material)
    recorder = Recorder() if record else _NoRecorder()
    state, host = fresh(material)
    first = rest(host, material, state, FIRST_REST_S)
    recorder.add(first, "rest", 1, 1, every(300.0, FIRST_REST_S))
    for n, step in enumerate(planned or plan(cycles), start=1):
        state, host = one_cycle(cell, recorder, n, step, state, host)
    cell.log = recorder.log()
    return cell


def fresh(material: Material) -> tuple[State, Host]:
    """Return the state before the first charge (3.0 V on the first-charge branch) and its curves."""
    host = Host(material.first_charge, material)
    return State(host.extracted_at(3.0), 1.0, 0.0), host


STEP_INDEX = {"formation": 2, "rate_test": 6, "ageing": 10, "check_up": 14}
"""Where the steps of each segment begin in the cycler's programme: charge, hold, rest, discharge, rest."""


def one_cycle(
    cell: CycledCell, recorder: Recorder, n: int, step: PlannedCycle, state: State, host: Host
) -> tuple[State, Host]:
    """Charge and discharge once; return the state after it and the curves that hold now."""
    material = cell.material
    assert material is not None, "a cell of the curve model has a material"
    index = STEP_INDEX[step.segment]
    if n > 1:
        host = Host(material.host_after(n - 1), material, 1.0 + material.resistance_growth * (n - 1))
    current = step.charge_c * ONE_C_A_G
    charge = constant_current(host, material, state, current, UPPER_V)
    recorder.add(charge, "cc_charge", n, index, every(INTERVAL_S[step.charge_c], charge.time_s[-1]))
    parts, state = [charge], charge.state
    if step.hold:
        held = constant_voltage(host, material, state, UPPER_V, current / 5, 3600.0)
        recorder.add(held, "cv_charge", n, index + 1, every(60.0, held.time_s[-1]))
        parts.append(held)
        state = held.state
    if n == 1:
        # the lattice oxygen that has left is not there to be reduced: the activated host starts where its own
        # charge branch stands at the voltage that the first charge has reached
        reached = UPPER_V - current * host.resistance_ohm_g - state.slow_v
        host = Host(material.host_after(0), material)
        state = State(host.extracted_at(reached), state.hysteresis, state.slow_v)
    paused = rest(host, material, state, REST_S)
    recorder.add(paused, "rest", n, index + 2, REST_TIMES)
    current = step.discharge_c * ONE_C_A_G
    discharge = constant_current(host, material, paused.state, -current, LOWER_V)
    recorder.add(discharge, "cc_discharge", n, index + 3, every(INTERVAL_S[step.discharge_c], discharge.time_s[-1]))
    paused = rest(host, material, discharge.state, REST_S)
    recorder.add(paused, "rest", n, index + 4, REST_TIMES)
    cell.cycles.append(CycleRecord(n, step, tuple(parts), discharge, host.resistance_ohm_g))
    return paused.state, host


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

"""Diffusivity by intermittent current interruption (ICI): V against √t in the first seconds of short rests.

D̃ = 4R²/(9π)·((dE/dt)/(dU/d√t))² with dE/dt along the time under current and dU/d√t over 1–10 s of rest (Chien et al.,
Nat. Commun. 14 (2023), doi:10.1038/s41467-023-37989-6; Geng et al., Electrochim. Acta 404 (2022) 139727,
doi:10.1016/j.electacta.2021.139727). It holds between two limits: the rest must be short beside R²/D̃, and the time
under current before it long, for until then dE/dt is steeper than that of the equilibrium. Beyond either D̃ comes out
high.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lirich.cycling.arrays import Array
from lirich.cycling.pulses import UNRESOLVED, RootLine, charges, find_pulses, of_a_sphere, sqrt_slope, state_of_charge
from lirich.cycling.record import missing_fact, record, with_conditions
from lirich.cycling.trend import median_interval
from lirich.model import Cell, Conditions, Finding, Interval, Scalar, Value
from lirich.quantities import INTERRUPT_STEADY_LIMIT, INTERRUPT_VALIDITY_LIMIT

REST_S = (1.0, 10.0)
"""Time of rest between which V against √t is fitted, s (Chien et al. 2023)."""

METHOD = "ICI, regression on √t"
"""Name of the method in the conditions of a value."""
BIAS = "Biased high also where it is not flagged: 1.10 of the truth at τD/R² = 0.0005, 1.19 at 0.0014"
"""What the method is wrong by within its limit, on the crystal model of `lirich.cells` with known D̃
(``python benchmarks/simulated.py --only ici``); it stands in the note of each diffusivity."""

_CODE = "lirich.cycling.ici.ici"


@dataclass(frozen=True, slots=True)
class Interruption:
    """One interruption: state (%), voltage before it (V), line of U over √t, resistance (Ω), D̃ (m²/s), τD̃/R².

    ``under_s`` is the time under current up to it (s), ``steadiness`` that time times D̃/R². The intercept of ``line``
    is the voltage of the rest extrapolated to its start, without the ohmic part; ``resistance_ohm`` is the jump to it
    over the current. What is ``None`` could not be had: the rest has fewer than three points in the window.
    """

    number: int
    start_s: float
    soc_percent: float
    under_current_v: float
    under_s: float
    line: RootLine | None
    resistance_ohm: float | None
    diffusivity_m2_s: float | None
    validity: float | None
    steadiness: float | None

    @property
    def steady(self) -> bool:
        """Whether the current had gone on for long enough."""
        return (self.steadiness or 0.0) >= INTERRUPT_STEADY_LIMIT


def ici(
    time_s: Array, voltage_v: Array, current_ma: Array, radius_m: float, *, rest_s: tuple[float, float] = REST_S
) -> list[Interruption]:
    """Return the diffusivity at each interruption of a half-cycle, current of one sign.

    *time_s* (s), *voltage_v* (V), *current_ma* (mA, charge positive), shape (n,); *radius_m* in m. dE/dt is the central
    difference of the voltage before each interruption over the time under current: rests do not count, since no
    charge flows in them. Raises as `of_a_sphere` and `find_pulses` do.
    """
    time_s, voltage_v, current_ma = of_a_sphere(time_s, voltage_v, current_ma, radius_m)
    pulses = [pulse for pulse in find_pulses(time_s, current_ma) if pulse.rest_stop > pulse.stop]
    soc = state_of_charge(pulses, charging=charges(current_ma), after=True) if pulses else np.array([])
    under = np.cumsum([pulse.duration_s for pulse in pulses])
    if pulses:  # the current that no rest comes before flows too
        first = pulses[0]
        under += 3600.0 * first.charge_before_mah / abs(float(current_ma[first.start]))
    loaded = np.array([voltage_v[pulse.stop - 1] for pulse in pulses])
    drift = np.gradient(loaded, under) if len(pulses) > 1 else np.full(len(pulses), np.nan)
    found = []
    for i, pulse in enumerate(pulses):
        rows = slice(pulse.stop, pulse.rest_stop)
        line = sqrt_slope(time_s[rows] - pulse.stop_s, voltage_v[rows], *rest_s)
        diffusivity = None
        if line is not None and not line.flat and np.isfinite(drift[i]) and drift[i] != 0:
            diffusivity = 4.0 * radius_m**2 / (9.0 * np.pi) * float(drift[i] / line.slope) ** 2
        jump = None if line is None else abs(float(loaded[i]) - line.intercept)
        current = abs(float(current_ma[pulse.stop - 1])) / 1000.0
        found.append(
            Interruption(
                number=i + 1,
                start_s=pulse.stop_s,
                soc_percent=float(soc[i]),
                under_current_v=float(loaded[i]),
                under_s=float(under[i]),
                line=line,
                resistance_ohm=None if jump is None else jump / current,
                diffusivity_m2_s=diffusivity,
                validity=None if diffusivity is None else rest_s[1] * diffusivity / radius_m**2,
                steadiness=None if diffusivity is None else float(under[i]) * diffusivity / radius_m**2,
            )
        )
    return found


def ici_values(
    time_s: Array,
    voltage_v: Array,
    current_ma: Array,
    cell: Cell,
    radius_m: float | None,
    *,
    conditions: Conditions | None = None,
    per_pulse: bool = True,
    rest_s: tuple[float, float] = REST_S,
) -> tuple[list[Value], list[Finding]]:
    """Return the diffusivities of one ICI half-cycle as values of *cell*: the median, and each interruption.

    ``conditions.soc_percent`` is of the charge that passed under current in all. Each interruption has the interval
    that the standard error of dU/d√t gives, or is flagged ``slope-not-resolved``. One whose window of rest is too long
    (τD̃/R² > 0.002), or that comes before the current has gone on for long enough (tD̃/R² < 0.2), is flagged
    ``out-of-validity``. The median is over those that come late enough, and over all, flagged, where none does.
    *radius_m* ``None`` gives nothing but the finding that asks for ``particle_diameter_um``.
    """
    if radius_m is None:
        return [], [
            missing_fact("particle_diameter_um", "diffusivity by ICI (the radius of the sphere)", where=cell.key)
        ]
    known = [p for p in ici(time_s, voltage_v, current_ma, radius_m, rest_s=rest_s) if p.diffusivity_m2_s is not None]
    if not known:
        finding = Finding(
            code="ici-without-points", where=cell.key,
            message=f"No interruption has three points between {rest_s[0]} and {rest_s[1]} s of rest at which the "
            "voltage moves",
            advice="Record the rests at 1 s or faster",
        )  # fmt: skip
        return [], [finding]
    stated = with_conditions(
        conditions or Conditions(temperature_celsius=cell.temperature_celsius),
        direction="charge" if charges(current_ma) else "discharge", particle_radius_m=radius_m, method=METHOD,
        other={"soc_basis": "charge passed under current"},
    )  # fmt: skip
    counted = [p for p in known if p.steady] or known
    each = np.array([p.diffusivity_m2_s for p in counted], dtype=np.float64)
    window: dict[str, Scalar] = {"rest_from_s": rest_s[0], "rest_to_s": rest_s[1]}
    parameters: dict[str, Scalar] = {
        "interruptions": len(counted), "quartile_1": float(np.percentile(each, 25)),
        "quartile_3": float(np.percentile(each, 75)), **window,
    }  # fmt: skip
    beyond = sum((p.validity or 0.0) > INTERRUPT_VALIDITY_LIMIT for p in known)
    values = [
        record("lithium_diffusivity_m2_s", float(np.median(each)), cell,
               conditions=with_conditions(stated, other={"statistic": "median over interruptions"}), code=_CODE,
               parameters=parameters, interval=median_interval(each),
               flags=sorted({flag for p in counted for flag in _doubts(p)}), note=BIAS)
    ]  # fmt: skip
    for p in known if per_pulse else []:
        at = with_conditions(stated, soc_percent=p.soc_percent)
        flags = _doubts(p)
        of_pulse: dict[str, Scalar] = {"interruption": p.number, **window}
        for key, number, bounds, note in (
            ("lithium_diffusivity_m2_s", p.diffusivity_m2_s, _interval(p), BIAS),
            ("diffusion_validity_number", p.validity, None, ""),
        ):
            values.append(
                record(key, number or 0.0, cell, conditions=at, code=_CODE, parameters=of_pulse, interval=bounds,
                       flags=flags, note=note)
            )  # fmt: skip
    findings = []
    if beyond:
        findings.append(Finding(
            code="ici-out-of-validity", where=cell.key, advice="Use a shorter window of rest",
            message=f"{beyond} of {len(known)} interruptions have τD/R² above {INTERRUPT_VALIDITY_LIMIT}: biased high",
        ))  # fmt: skip
    if not any(p.steady for p in known):
        findings.append(Finding(
            code="ici-not-steady", where=cell.key, advice="Let the current flow for longer, or take GITT with its fit",
            message=f"The current flows for {known[-1].under_s:.3g} s in all, which is short beside R²/D (tD/R² below "
            f"{INTERRUPT_STEADY_LIMIT}): dE/dt is not that of the equilibrium, and every diffusivity is biased high",
        ))  # fmt: skip
    return values, findings


def _interval(p: Interruption) -> Interval | None:
    return None if p.line is None or p.diffusivity_m2_s is None else p.line.interval(p.diffusivity_m2_s)


def _doubts(p: Interruption) -> tuple[str, ...]:
    valid = p.steady and (p.validity or 0.0) <= INTERRUPT_VALIDITY_LIMIT
    flags = () if valid else ("out-of-validity",)
    return flags if _interval(p) is not None else (*flags, UNRESOLVED)

"""Diffusivity by GITT, in both forms of Weppner and Huggins and by a fit of the whole response.

For a sphere of radius R and a pulse of duration τ (Weppner & Huggins, J. Electrochem. Soc. 124 (1977) 1569,
doi:10.1149/1.2133112; sphere: Geng et al., Electrochim. Acta 404 (2022) 139727, doi:10.1016/j.electacta.2021.139727)

* ratio form: D̃ = 4/(πτ)·(R/3)²·(ΔEs/ΔEτ)², ΔEτ without the ohmic drop;
* regression form: D̃ = 4R²/(9π)·((dE/dt)/(dU/d√t))².

Both take the sphere for a half-space and come out low unless τD̃/R² ≪ 1: by theory the ratio form gives 0.72, 0.46 and
0.06 of the truth at τD̃/R² = 0.03, 0.15 and 2.4 when the ohmic drop is cut off at once. The drop that is later read is
larger: with the first row 10 s into a pulse of 660 s the ratios are 0.91, 0.55 and 0.06. Both take the voltage at the
end of a rest for that of equilibrium. `lirich.cycling.spherefit` fits the exact response to all pulses so far instead.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from lirich.cycling.arrays import Array
from lirich.cycling.pulses import (
    UNRESOLVED,
    Pulse,
    RootLine,
    charges,
    find_pulses,
    of_a_sphere,
    sqrt_slope,
    state_of_charge,
)
from lirich.cycling.pulsetrain import PulseTrain, TrainPart
from lirich.cycling.record import missing_fact, record, with_conditions
from lirich.cycling.spherefit import SphereFit, fit_sphere
from lirich.cycling.trend import median_interval
from lirich.errors import NotEnoughDataError
from lirich.model import Cell, Conditions, Finding, Interval, Scalar, Value
from lirich.quantities import DIFFUSION_VALIDITY_LIMIT

REGRESSION_S = (1.0, 60.0)
"""Time after switching between which U against √t is fitted, s: after the interfacial steps, while τ ≪ R²/D̃.
As in ampworks 0.1.0."""

RELAXED_SHARE = 0.05
"""A rest is not relaxed where its second half still moves by more than this share of ΔEs."""

MEMORY_LIMIT = 0.2
"""tD̃/R², t since the first row, below which a profile that the sphere held before the first pulse still counts. Where
six pulses before the first row are not in the record (300 s, rests of 2 h, D̃ = 3e-18 m²/s, R = 1 µm), the fit gives
0.65 of D̃ in the first pulse, 0.91 at 0.07 and 0.97 at 0.14."""

LINEAR_LIMIT = 0.5
"""Charges of the pulse by which the surface may leave the states whose potential is measured. With a slope that changes
by up to a sixth from pulse to pulse, D̃ is 2 % wrong at 0.5, 7 % at 1.5 and 60 % at 5."""

BEND_LIMIT = 2.0
"""Ratio of the slopes of the potential on the two sides of a rest above which its curve is not known between rests. On
exponential ends of a potential D̃ is up to 2 % wrong at 1.5, 12 % at 2, 20 % at 2.4 and threefold at 11."""

POTENTIAL, HISTORY = "potential-not-resolved", "history-unknown"
"""Flags of a fit whose suppositions the data do not bear out; such a fit has no interval."""

_FIT_POINTS = 100
_CODE = "lirich.cycling.gitt.gitt"


@dataclass(frozen=True, slots=True)
class GittPulse:
    """One pulse: state (%), voltage at rest before (V), τ (s), ΔEs, ΔEτ and ohmic drop (V), diffusivities (m²/s).

    A diffusivity is ``None`` where the data do not give it. ``line`` is that of U over √t.
    ``fit_flags`` say what speaks against the fit (`POTENTIAL`, `HISTORY`). ``validity`` is τD̃/R² with the fitted
    diffusivity where nothing does, else between those of the pulses beside it; with the larger of the two others where
    no pulse has one. ``relaxed`` is the rest after the pulse.
    """

    number: int
    start_s: float
    soc_percent: float
    equilibrium_v: float
    duration_s: float
    equilibrium_change_v: float
    transient_v: float
    ohmic_v: float
    line: RootLine | None
    ratio_m2_s: float | None
    regression_m2_s: float | None
    fit: SphereFit | None
    fit_flags: tuple[str, ...]
    validity: float | None
    relaxed: bool

    @property
    def sound_fit(self) -> SphereFit | None:
        """The fit, if nothing speaks against it."""
        return None if self.fit_flags else self.fit


def gitt(
    time_s: Array,
    voltage_v: Array,
    current_ma: Array,
    radius_m: float,
    *,
    regression_s: tuple[float, float] = REGRESSION_S,
    model_fit: bool = True,
) -> list[GittPulse]:
    """Return the diffusivity of each pulse of a GITT, all pulses of one sign.

    *time_s* (s), *voltage_v* (V), *current_ma* (mA, charge positive), shape (n,); *radius_m*: radius of the sphere, m.
    The ohmic drop ends at the first row under current. dE/dt is the central difference of the voltages at rest over
    time under current; ΔEs is that of the pulse itself. The fit of a pulse reckons with what the earlier ones left in
    the sphere; before the first row it is taken to be at equilibrium, unless the voltage moves there. Raises as
    `of_a_sphere` and `find_pulses` do.
    """
    time_s, voltage_v, current_ma = of_a_sphere(time_s, voltage_v, current_ma, radius_m)
    pulses = find_pulses(time_s, current_ma)
    soc = state_of_charge(pulses, charging=charges(current_ma))
    rest_v = np.array([voltage_v[pulse.start - 1] for pulse in pulses])
    lasted = np.array([pulse.duration_s for pulse in pulses])
    before = np.cumsum(lasted) - lasted  # the rest that is read lies before the pulse
    drift = np.gradient(rest_v, before) if len(pulses) > 1 else np.array([np.nan])
    rested = [pulse for pulse in pulses if pulse.rest_stop > pulse.stop]
    train = _train(rested, time_s, voltage_v) if model_fit and rested else None
    found = [
        _pulse(i + 1, pulse, float(soc[i]), float(drift[i]), time_s, voltage_v, radius_m, regression_s, train)
        for i, pulse in enumerate(rested)
    ]
    if found and _moves(time_s, voltage_v, 0, pulses[0].start, found[0].equilibrium_change_v):
        found = [_remembering(pulse, float(pulse.start_s - time_s[0]), radius_m) for pulse in found]
    return _with_validity(found, radius_m)


def _remembering(pulse: GittPulse, since_s: float, radius_m: float) -> GittPulse:
    """Flag the fit of *pulse*, *since_s* after the first row, while the profile from before that row still counts."""
    if pulse.fit is None or since_s * pulse.fit.diffusivity_m2_s >= MEMORY_LIMIT * radius_m**2:
        return pulse
    return replace(pulse, fit_flags=(*pulse.fit_flags, HISTORY))


def _with_validity(pulses: list[GittPulse], radius_m: float) -> list[GittPulse]:
    sound = [(p.number, fit.diffusivity_m2_s) for p in pulses if (fit := p.sound_fit) is not None]
    numbers, fitted = [float(n) for n, _ in sound], [d for _, d in sound]
    found = []
    for pulse in pulses:
        roots = [d for d in (pulse.ratio_m2_s, pulse.regression_m2_s) if d is not None]
        best = float(np.interp(float(pulse.number), numbers, fitted)) if sound else max(roots, default=None)
        found.append(replace(pulse, validity=None if best is None else pulse.duration_s * best / radius_m**2))
    return found


def _train(pulses: list[Pulse], time_s: Array, voltage_v: Array) -> PulseTrain:
    ends = np.array([pulses[0].start - 1, *(pulse.rest_stop - 1 for pulse in pulses)])
    return PulseTrain(
        np.array([pulse.start_s for pulse in pulses]),
        np.array([pulse.stop_s for pulse in pulses]),
        np.array([pulse.charge_mah for pulse in pulses]),
        time_s[ends],
        voltage_v[ends],
    )


def _pulse(
    number: int,
    pulse: Pulse,
    soc: float,
    drift: float,
    time_s: Array,
    voltage_v: Array,
    radius_m: float,
    regression_s: tuple[float, float],
    train: PulseTrain | None,
) -> GittPulse:
    tau = pulse.duration_s
    before = float(voltage_v[pulse.start - 1])
    first, last, after = (float(voltage_v[i]) for i in (pulse.start, pulse.stop - 1, pulse.rest_stop - 1))
    steady, transient = after - before, last - first
    ratio = None
    if transient != 0 and steady != 0 and pulse.stop - pulse.start > 1:
        ratio = 4.0 / (np.pi * tau) * (radius_m / 3.0) ** 2 * (steady / transient) ** 2
    since = time_s[pulse.start : pulse.stop] - pulse.start_s
    line = sqrt_slope(since, voltage_v[pulse.start : pulse.stop], regression_s[0], min(regression_s[1], tau))
    if not np.isfinite(drift):
        drift = steady / tau
    regression = None
    if line is not None and not line.flat and drift != 0:
        regression = 4.0 * radius_m**2 / (9.0 * np.pi) * (drift / line.slope) ** 2
    fit = _fit(pulse, time_s, voltage_v, before, radius_m, train, number - 1) if train is not None else None
    known = fit is None or (fit.beyond <= LINEAR_LIMIT and fit.bend <= BEND_LIMIT)
    flags = () if known else (POTENTIAL,)
    return GittPulse(
        number=number,
        start_s=pulse.start_s,
        soc_percent=soc,
        equilibrium_v=before,
        duration_s=tau,
        equilibrium_change_v=steady,
        transient_v=transient,
        ohmic_v=first - before,
        line=line,
        ratio_m2_s=ratio,
        regression_m2_s=regression,
        fit=fit,
        fit_flags=flags,
        validity=None,
        relaxed=not _moves(time_s, voltage_v, pulse.stop, pulse.rest_stop, steady, pulse.stop_s),
    )


def _moves(time_s: Array, voltage_v: Array, start: int, stop: int, steady: float, start_s: float | None = None) -> bool:
    """Tell whether the rest of rows *start* to *stop*, from *start_s* on, moves in its second half."""
    end = stop - 1
    at = 0.5 * (time_s[end] + (time_s[start] if start_s is None else start_s))
    # a diffusive tail ~1/√t that moved by x in the second half of a rest has 2.4x to go
    earlier = float(np.interp(at, time_s[start:stop], voltage_v[start:stop]))
    return abs(float(voltage_v[end]) - earlier) > RELAXED_SHARE * abs(steady)


def _fit(
    pulse: Pulse, time_s: Array, voltage_v: Array, before: float, radius_m: float, train: PulseTrain, place: int
) -> SphereFit | None:
    # rows spread evenly over √t, so that neither a dense pulse nor a long rest outweighs the other
    rows = np.unique(
        np.concatenate(
            [
                _thinned(time_s, pulse.start, pulse.stop, pulse.start_s),
                _thinned(time_s, pulse.stop, pulse.rest_stop, pulse.stop_s),
            ]
        )
    )
    since = time_s[rows] - pulse.start_s
    among = TrainPart(train, place, np.append(since, 0.0))  # the voltage before stands last
    try:
        return fit_sphere(
            since, voltage_v[rows], rows < pulse.stop, pulse.duration_s, radius_m, start_v=before, among=among
        )
    except NotEnoughDataError:
        return None  # documented: a diffusivity is None where the data do not give it


def _thinned(time_s: Array, start: int, stop: int, origin_s: float) -> Array:
    root = np.sqrt(np.maximum(time_s[start:stop] - origin_s, 0.0))
    wanted = np.linspace(root[0], root[-1], _FIT_POINTS)
    near = np.searchsorted(root, wanted).clip(0, stop - start - 1)
    return start + np.unique(near)


def gitt_table(pulses: list[GittPulse]) -> pl.DataFrame:
    """Return the pulses as a table, one row each; columns as the fields of `GittPulse`, ``fit_m2_s`` of its fit."""
    return pl.DataFrame(
        {
            "pulse": [p.number for p in pulses],
            "soc_percent": [p.soc_percent for p in pulses],
            "start_s": [p.start_s for p in pulses],
            "equilibrium_v": [p.equilibrium_v for p in pulses],
            "duration_s": [p.duration_s for p in pulses],
            "equilibrium_change_v": [p.equilibrium_change_v for p in pulses],
            "transient_v": [p.transient_v for p in pulses],
            "ohmic_v": [p.ohmic_v for p in pulses],
            "ratio_m2_s": pl.Series([p.ratio_m2_s for p in pulses], dtype=pl.Float64),
            "regression_m2_s": pl.Series([p.regression_m2_s for p in pulses], dtype=pl.Float64),
            "fit_m2_s": pl.Series([p.fit.diffusivity_m2_s if p.fit else None for p in pulses], dtype=pl.Float64),
            "fit_flags": pl.Series([", ".join(p.fit_flags) for p in pulses], dtype=pl.String),
            "validity": pl.Series([p.validity for p in pulses], dtype=pl.Float64),
            "relaxed": [p.relaxed for p in pulses],
        }
    )


RATIO, REGRESSION, MODEL = (
    "GITT, Weppner–Huggins, ΔEs/ΔEτ",
    "GITT, Weppner–Huggins, regression on √t",
    "GITT, fit of a sphere under constant flux",
)
"""Names of the three methods in the conditions of a value."""

NO_INTERVAL = "No interval: the ratio form reads two voltage differences and fits nothing"
"""Note of the values of the ratio form."""
BIAS: Mapping[str, str] = {
    RATIO: "Biased low also where it is not flagged: 0.75 of the truth at τD/R² = 0.014 (0.72 by theory at 0.03)",
    REGRESSION: "Biased low also where it is not flagged: 0.84 of the truth at τD/R² = 0.014",
    MODEL: "",
}
"""What each method is wrong by within its limit, on the crystal model of `lirich.cells` with known D̃
(``python benchmarks/simulated.py --only gitt``). It stands in the note of each value."""


def gitt_values(
    time_s: Array,
    voltage_v: Array,
    current_ma: Array,
    cell: Cell,
    radius_m: float | None,
    *,
    conditions: Conditions | None = None,
    per_pulse: bool = True,
    regression_s: tuple[float, float] = REGRESSION_S,
    model_fit: bool = True,
) -> tuple[list[Value], list[Finding]]:
    """Return the diffusivities and validity numbers of one GITT as values of *cell*.

    For each method the median over the pulses, with its interval by order statistics (from six pulses on: how well the
    median of the states is known, not how right the method is) and the quartiles in the parameters, and with
    *per_pulse* every pulse at its ``soc_percent`` (of the charge that the pulses pass together). The regression and the
    fit of a pulse have an interval, or a flag that says why not; the ratio form has none, and its note says so. A
    square-root method above τD̃/R² = 0.03 is flagged ``out-of-validity``, after an unrelaxed rest ``not-relaxed``; a fit
    `POTENTIAL` or `HISTORY`. The median of the fit is that of fits without flag, where there are any. *radius_m*
    ``None`` gives nothing but the finding that asks for ``particle_diameter_um``.
    """
    if radius_m is None:
        return [], [
            missing_fact("particle_diameter_um", "diffusivity by GITT (the radius of the sphere)", where=cell.key)
        ]
    pulses = gitt(time_s, voltage_v, current_ma, radius_m, regression_s=regression_s, model_fit=model_fit)
    stated = with_conditions(
        conditions or Conditions(temperature_celsius=cell.temperature_celsius),
        direction="charge" if charges(current_ma) else "discharge", particle_radius_m=radius_m,
        other={"soc_basis": "charge passed by all pulses"},
    )  # fmt: skip
    values: list[Value] = []
    for method in (RATIO, REGRESSION, MODEL):
        values.extend(_method_values(method, pulses, cell, stated, regression_s, per_pulse))
    numbers = [p for p in pulses if p.validity is not None]
    if per_pulse:
        basis = "fitted" if any(p.sound_fit for p in pulses) else "square-root-of-time"
        values.extend(_validity_value(p, cell, stated, basis) for p in numbers)
    return values, _findings(numbers, pulses, cell)


def _diffusivity(pulse: GittPulse, method: str) -> float | None:
    if method == MODEL:
        return None if pulse.fit is None else pulse.fit.diffusivity_m2_s
    return pulse.ratio_m2_s if method == RATIO else pulse.regression_m2_s


def _doubtful(pulse: GittPulse, method: str) -> tuple[str, ...]:
    if method == MODEL:
        return pulse.fit_flags
    flags = () if pulse.relaxed else ("not-relaxed",)
    if method == REGRESSION and _interval(pulse, method) is None:
        flags = (*flags, UNRESOLVED)
    beyond = pulse.validity is not None and pulse.validity > DIFFUSION_VALIDITY_LIMIT
    return (*flags, "out-of-validity") if beyond else flags


def _method_values(
    method: str,
    pulses: list[GittPulse],
    cell: Cell,
    stated: Conditions,
    regression_s: tuple[float, float],
    per_pulse: bool,
) -> list[Value]:
    known = [(p, d) for p in pulses if (d := _diffusivity(p, method)) is not None]
    if not known:
        return []
    window: dict[str, Scalar] = {}
    if method == REGRESSION:
        window = {"regression_from_s": regression_s[0], "regression_to_s": regression_s[1]}
    note = f"{NO_INTERVAL}. {BIAS[method]}" if method == RATIO else BIAS[method]
    conditions = with_conditions(stated, method=method)
    counted = known
    if method == MODEL:
        counted = [(p, d) for p, d in known if p.sound_fit is not None] or known
    each = np.array([d for _, d in counted])
    flags = sorted({flag for p, _ in counted for flag in _doubtful(p, method)})
    parameters: dict[str, Scalar] = {
        "pulses": len(counted),
        "quartile_1": float(np.percentile(each, 25)),
        "quartile_3": float(np.percentile(each, 75)),
        **window,
    }
    values = [
        record("lithium_diffusivity_m2_s", float(np.median(each)), cell,
               conditions=with_conditions(conditions, other={"statistic": "median over pulses"}),
               code=_CODE, parameters=parameters, interval=median_interval(each), flags=flags, note=BIAS[method])
    ]  # fmt: skip
    for p, d in known if per_pulse else []:
        values.append(
            record("lithium_diffusivity_m2_s", d, cell,
                   conditions=with_conditions(conditions, soc_percent=p.soc_percent), code=_CODE,
                   parameters={"pulse": p.number, "duration_s": p.duration_s, **window, **_residual(p, method)},
                   interval=_interval(p, method), flags=_doubtful(p, method), note=note)
        )  # fmt: skip
    return values


def _residual(pulse: GittPulse, method: str) -> dict[str, Scalar]:
    return {"residual_v": pulse.fit.residual_v} if method == MODEL and pulse.fit is not None else {}


def _interval(pulse: GittPulse, method: str) -> Interval | None:
    if method == MODEL:
        return None if pulse.sound_fit is None else pulse.sound_fit.interval()
    if method == RATIO or pulse.line is None or pulse.regression_m2_s is None:
        return None
    return pulse.line.interval(pulse.regression_m2_s)


def _validity_value(pulse: GittPulse, cell: Cell, stated: Conditions, basis: str) -> Value:
    conditions = with_conditions(stated, soc_percent=pulse.soc_percent, method=f"GITT, τD̃/R² with the {basis} D̃")
    return record(
        "diffusion_validity_number", pulse.validity or 0.0, cell, conditions=conditions, code=_CODE,
        parameters={"pulse": pulse.number, "duration_s": pulse.duration_s}, flags=_doubtful(pulse, RATIO),
    )  # fmt: skip


def _findings(numbers: list[GittPulse], pulses: list[GittPulse], cell: Cell) -> list[Finding]:
    findings = []
    beyond = [p for p in numbers if (p.validity or 0.0) > DIFFUSION_VALIDITY_LIMIT]
    if beyond:
        largest = max(p.validity or 0.0 for p in beyond)
        findings.append(
            Finding(
                code="gitt-out-of-validity",
                message=f"{len(beyond)} of {len(pulses)} GITT pulses have τD/R² above {DIFFUSION_VALIDITY_LIMIT} "
                f"(up to {largest:.2g}): the square-root-of-time diffusivity is biased low there",
                advice="Use the fitted diffusivity where its residual is as small as the noise, or shorter pulses",
                where=cell.key,
            )
        )
    moving = sum(not p.relaxed for p in pulses)
    if moving:
        findings.append(
            Finding(
                code="gitt-not-relaxed",
                message=f"{moving} of {len(pulses)} GITT rests still move by more than "
                f"{100 * RELAXED_SHARE:.0f} % of ΔEs in their second half",
                advice="The square-root-of-time methods read ΔEs too early there: take the fit, or rest longer",
                where=cell.key,
            )
        )
    unknown = sum(HISTORY in p.fit_flags for p in pulses)
    if unknown:
        findings.append(
            Finding(
                code="gitt-history-unknown",
                message=f"The voltage still moved before the first GITT pulse: what the particles held of the charge "
                f"before is not known, and the fit of {unknown} of {len(pulses)} pulses may be wrong",
                advice="Rest before the first pulse until the voltage stands",
                where=cell.key,
            )
        )
    return findings

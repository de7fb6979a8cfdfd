"""The Li-rich half-cell as a fit: which parameters are free, between which bounds, and what cycle 10 starts from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from lirich.cells.fit.curves import Curve, Trace
from lirich.cells.fit.of_spectra import arc_starts, spectrum_parameters
from lirich.cells.fit.problem import Experiment, FreeParameter, Problem
from lirich.cells.fit.spectra import MeasuredSpectrum
from lirich.cells.models import SINGLE_PARTICLE
from lirich.cells.parameters import single_crystal
from lirich.cells.simulation import Model, Simulator
from lirich.cells.sites import ACTIVATED, CONVERTING, SITES
from lirich.errors import SettingsError

DEPENDENT = "Initial fraction of plateau sites"
"""The fraction that follows from the others: they sum to 1."""

RADIUS = "Particle radius [m]"
"""Of single crystals: the crystal's radius is the same."""
DIFFUSIVITY = "Maximum diffusivity [m2.s-1]"
_SHELLS = 24
"""Of a crystal whose surface is resolved; the impedance is within 1 % of that of 60."""

HELD = ("Hysteresis rate", "Initial fraction of wide sites", "Hysteresis shift of low sites [V]")
"""What is not fitted unless asked: fits of the digitised cell moved them to no effect (rate) or to zero."""

_SITES = {
    "high": (4.15, 5.0, 1.0, 9.0),
    "middle": (3.85, 4.3, 1.0, 9.0),
    "low": (3.6, 3.95, 1.0, 9.0),
    "wide": (2.8, 3.6, 1.0, 10.0),
    "hysteretic": (3.5, 4.4, 1.0, 8.0),
    "spinel": (2.4, 3.3, 1.0, 10.0),
    "plateau": (4.35, 4.75, 0.3, 4.0),
    "tail": (4.4, 4.75, 0.3, 8.0),
}
"""Bounds of potential (V) and width of each kind of site."""
_SHIFTED = {"low": (0.0, 0.2), "wide": (0.0, 0.5), "hysteretic": (0.3, 1.0)}
"""Bounds of the hysteresis shifts (V). Those of the hysteretic sites, and of what activation makes of them (below), are
kept within reach of the ~1 V for 10 to 15 % of the Li of Gallagher et al., Electrochem. Commun. 33 (2013) 96: curves of
one rate alone cannot tell hysteresis from slow kinetics."""
_YIELDS = {"high": (0.0, 0.6), "wide": (0.0, 0.6), "hysteretic": (0.2, 0.6), "spinel": (0.0, 0.6)}
_FRACTIONS = ("high", "middle", "low", "wide", "tail")


def site_parameters(start: Mapping[str, float]) -> list[FreeParameter]:
    """Return potentials, widths, hysteresis shifts, fractions and yields of the sites as free parameters."""
    free = []
    for name, (low, high, narrow, broad) in _SITES.items():
        free.append(_free(f"Potential of {name} sites [V]", start, low, high, symbol=f"U_{name}"))
        free.append(_free(f"Width of {name} sites", start, narrow, broad, symbol=f"ω_{name}"))
    for name, (least, most) in _SHIFTED.items():
        free.append(_free(f"Hysteresis shift of {name} sites [V]", start, least, most, symbol=f"δ_{name}"))
    free += [_free(f"Initial fraction of {name} sites", start, 0.0, 0.45, symbol=f"X_{name}") for name in _FRACTIONS]
    for name in ACTIVATED:
        least, most = _YIELDS[name]
        free.append(_free(f"Yield of {name} sites from activation", start, least, most, symbol=f"y_{name}"))
    free.append(_free("Host capacity [mA.h.g-1]", start, 300.0, 380.0, symbol="Q_host"))
    free.append(_free("Initial lithium content", start, 0.9, 0.9995, symbol="x_0"))
    free.append(_free("Hysteresis rate", start, 2.0, 300.0, log=True, symbol="γ"))
    return free


def kinetic_parameters(
    start: Mapping[str, float], *, several_rates: bool, size_known: bool = False
) -> list[FreeParameter]:
    """Return what makes the polarisation as free parameters.

    Curves and spectra tell the diffusivity over the square of the length, and not one of them. The length is what
    differs between cells, and is free here, with the diffusivity of *start*; where the size is known, it is the
    diffusivity. One rate tells no exchange current from a resistance; *several rates*, pulses or a spectrum do.
    """
    free = [
        _free(DIFFUSIVITY, start, 1e-20, 1e-12, log=True, symbol="D")
        if size_known
        else _free(RADIUS, start, 2e-8, 2e-5, log=True, symbol="R"),
        _free("Relative diffusivity of a full or empty crystal", start, 1e-4, 0.5, log=True, symbol="D_edge/D"),
        _free("Reference exchange-current density [A.m-2]", start, 1e-4, 10.0, log=True, symbol="i_0"),
    ]
    if several_rates:
        free.append(_free("Initial film resistance [Ohm.m2]", start, 1e-5, 1.0, log=True, symbol="R_film"))
    return free


def later_states(cycle: int) -> list[FreeParameter]:
    """Return the states in which a later *cycle* begins as free parameters.

    They are the crystals that are left, the sites made by activation that are lost, the layered sites that became
    spinel-like, and how full the sites are. What the cycles between did is not simulated.
    """
    return [
        FreeParameter(_connected(cycle), 0.9, 0.4, 1.0, symbol=f"a_{cycle}"),
        FreeParameter(_gone(cycle), 0.2, 0.0, 0.9, symbol=f"l_{cycle}"),
        FreeParameter(_transformed(cycle), 0.01, 0.0, 0.3, symbol=f"s_{cycle}"),
        FreeParameter(_filled(cycle), 0.95, 0.7, 0.9999, symbol=f"f_{cycle}"),
    ]


def _connected(cycle: int) -> str:
    return f"Connected part in cycle {cycle}"


def _gone(cycle: int) -> str:
    return f"Lost part of the wide and hysteretic sites in cycle {cycle}"


def _transformed(cycle: int) -> str:
    return f"Transformed part of the layered sites in cycle {cycle}"


def _filled(cycle: int) -> str:
    return f"Filled part of the sites before cycle {cycle}"


def states_of(cycle: int, values: Mapping[str, float], before: Mapping[str, float]) -> dict[str, float]:
    """Return the states of the model at rest after a discharge *cycle*, from those *before* and the fitted ones."""
    part, gone, moved = values[_connected(cycle)], values[_gone(cycle)], values[_transformed(cycle)]
    fractions = {name: before[f"Fraction of {name} sites"] for name in SITES}
    for name in ("wide", "hysteretic"):
        fractions[name] *= 1.0 - gone
    for name in CONVERTING:
        fractions["spinel"] += moved * fractions[name] * values["Yield of spinel-like sites"]
        fractions[name] *= 1.0 - moved
    states = {f"Fraction of {name} sites": value for name, value in fractions.items()}
    full = sum(fractions.values())
    states["Connected part of the crystals"] = part
    states["Lithium in the crystal"] = part * full * values[_filled(cycle)]
    states["Hysteresis state"] = -1.0
    return states


def complete(values: dict[str, float]) -> dict[str, float]:
    """Let the fractions of the sites sum to 1. Raises `SettingsError` where the others are more than 1."""
    others = sum(values[f"Initial fraction of {name} sites"] for name in SITES) - values[DEPENDENT]
    if not others < 1.0:
        raise SettingsError(f"The initial fractions of the sites sum to more than {others:.4g}", expected="1")
    return {**values, DEPENDENT: 1.0 - others, "Crystal radius [m]": values[RADIUS]}


def half_cell_problem(
    curves: Sequence[Curve | Trace],
    *,
    spectra: Sequence[MeasuredSpectrum] = (),
    active_mass_mg: float | None = None,
    start: Mapping[str, float] | None = None,
    keep: Sequence[str] = HELD,
    simulator: Simulator | None = None,
) -> Problem:
    """Return the fit of a Li metal half-cell of single crystals of a Li-rich cathode to *curves* and *spectra*.

    Cycles that follow one another are one experiment. Cycle 1 begins pristine; a later first cycle begins from four
    fitted states (`later_states`), at rest after a discharge. Spectra come after the last curve, each at its voltage;
    without curves the cell is pristine before them, and its sites are those of *start*. Spectra are of a whole cell:
    they need the *active_mass_mg*. Parameters named in *keep* are not fitted; where that is the particle radius, the
    diffusivity is fitted instead. Raises `SettingsError` where there is nothing to fit, or no mass.
    """
    if not curves and not spectra:
        raise SettingsError("No curves to fit", expected="at least one half-cycle, or a spectrum")
    if spectra and active_mass_mg is None:
        raise SettingsError("Spectra of a cell of unknown mass", expected="the active mass, mg")
    begin = {**single_crystal(), **(start or {})}
    if active_mass_mg is not None and spectra:
        begin["Active mass [g]"] = active_mass_mg / 1000.0
    if simulator is None:
        model = SINGLE_PARTICLE.surface_resolved(_SHELLS) if spectra else Model(points=(("r_p", 12),))
        simulator = Simulator(model, single_crystal(), rtol=1e-6, atol=1e-8)
    begin, others = arc_starts(spectra, begin)
    several = bool(spectra) or len({_rate(curve) for curve in curves}) > 1
    free = site_parameters(begin) if curves else []
    free += kinetic_parameters(begin, several_rates=several, size_known=RADIUS in keep)
    free += spectrum_parameters(spectra, begin)
    experiments = _experiments(curves, spectra, free, begin)
    unknown = set(keep) - {p.name for p in free} - {RADIUS, *HELD}
    if unknown:
        raise SettingsError(f"Not among the parameters of this fit: {', '.join(sorted(unknown))}")
    fixed = {p.name: p.start for p in free if p.name in keep}
    return Problem(
        simulator,
        tuple(p for p in free if p.name not in keep),
        tuple(experiments),
        {**begin, **fixed},
        complete,
        {c.name: 1.5 for c in curves if isinstance(c, Curve) and c.direction == "discharge"},
        others,
        pull=2e-3,
    )


def _experiments(
    curves: Sequence[Curve | Trace],
    spectra: Sequence[MeasuredSpectrum],
    free: list[FreeParameter],
    begin: Mapping[str, float],
) -> list[Experiment]:
    """Return the experiments; the states in which later cycles begin are added to the *free* parameters."""
    if not curves:
        return [Experiment(tuple(spectra))]
    experiments = []
    groups = [[curves[0]]]
    for curve in curves[1:]:
        if curve.cycle - groups[-1][-1].cycle in (0, 1):
            groups[-1].append(curve)
        else:
            groups.append([curve])
    for number, group in enumerate(groups):
        first = group[0].cycle
        data = (*group, *(spectra if number == len(groups) - 1 else ()))
        if first == 1:
            experiments.append(Experiment(data))
        else:
            free += [_restart(p, begin) for p in later_states(first)]
            experiments.append(Experiment(data, None, partial(states_of, first), pristine=not experiments))
    return experiments


def _rate(curve: Curve | Trace) -> float:
    """Return the current of a curve (mA/g); pulses have rests beside theirs, and so another for each."""
    return round(curve.current_ma_g, 3) if isinstance(curve, Curve) else -float(curve.cycle)


def _free(
    name: str, start: Mapping[str, float], low: float, high: float, *, log: bool = False, symbol: str = ""
) -> FreeParameter:
    return FreeParameter.within(name, start[name], low, high, log=log, symbol=symbol)


def _restart(parameter: FreeParameter, start: Mapping[str, float]) -> FreeParameter:
    return FreeParameter.within(
        parameter.name, start.get(parameter.name, parameter.start), parameter.low, parameter.high, log=parameter.log,
        symbol=parameter.symbol,
    )  # fmt: skip

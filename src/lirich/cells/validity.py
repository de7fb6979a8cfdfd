"""What a simulated result must not keep to itself: how far it lies from what the ageing was calibrated to.

The ageing constants are set to 100 cycles at C/2 and 25 °C (`docs/explanation/cells.md`). Beyond 200 cycles the layered
sites of the model run out, and the speed at other temperatures hangs on guessed activation energies: the numbers are
given, and the finding with them.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from lirich.cells.programme import Programme
from lirich.cells.simulation import Run
from lirich.cells.sites import CONVERTING
from lirich.model import Finding, Severity

CALIBRATED_CYCLES, CALIBRATED_CELSIUS = 100, 25.0
MOST_CYCLES = 200
"""Twice the cycles of the calibration: the decay of the single crystals is still as fast as over the first 100."""
WARMEST_CELSIUS = 45.0
"""Beyond, guessed activation energies make the transformation more than 3 times as fast as at 25 °C."""
NOTHING_MAH_G = 0.5
"""Less than a five-hundredth of the capacity: a half-cycle that its limit ended at once."""
_RUN_OUT = 0.02
"""Of the host's Li, in layered sites: as many as the law of the transformation slows at."""


def outside_calibration(cycles: int, celsius: float) -> tuple[Finding, ...]:
    """Return the finding on a result of so many cycles at a temperature (°C), none within the calibration."""
    reasons = []
    if cycles > MOST_CYCLES:
        reasons.append(f"{cycles} cycles")
    if celsius > WARMEST_CELSIUS:
        reasons.append(f"{celsius:g} °C")
    if not reasons:
        return ()
    return (
        Finding(
            code="outside-calibration",
            message=f"{' and '.join(reasons)} lie outside what the ageing was calibrated to "
            f"({CALIBRATED_CYCLES} cycles at {CALIBRATED_CELSIUS:g} °C): fade and voltage decay are extrapolated",
            advice="Compare cells with one another, take no number; or fit the ageing to cycles of your own",
        ),
    )


def doubts(run: Run, programme: Programme, parameters: Mapping[str, float]) -> tuple[Finding, ...]:
    """Return what must be said of a run: outside the calibration, sites run out, nothing passed, a film is formed.

    *parameters* are those of the model. Sites are looked at where the run has recorded them.
    """
    cycles = int(run.ends["cycle"].to_numpy().max())
    celsius = parameters["Ambient temperature [K]"] - 273.15
    return (
        *outside_calibration(cycles, celsius),
        *_sites(run),
        *_nothing(run, programme, parameters),
        *film_is_formed(parameters),
    )


def film_is_formed(parameters: Mapping[str, float]) -> tuple[Finding, ...]:
    """Return the finding on a film on graphite, whose formation is not in the model; none without graphite."""
    thickness = parameters.get("Initial SEI thickness [m]")
    if thickness is None:
        return ()
    return (
        Finding(
            code="film-starts-formed",
            severity=Severity.INFO,
            message=f"The film on the graphite starts formed, {1e9 * thickness:g} nm thick: the Li that forms it in "
            "the first charge of a real cell, 5 to 10 % as a rule of thumb, is not lost here",
            advice="Take the first efficiency as that of the cathode, and Li for later cycles as too much",
        ),
    )


def _sites(run: Run) -> tuple[Finding, ...]:
    names = [f"Fraction of {name} sites" for name in CONVERTING]
    if not all(name in run.ends.columns for name in names):
        return ()
    left = run.ends.select(names).to_numpy().sum(axis=1)
    out = np.flatnonzero(left < _RUN_OUT)
    if out.size == 0:
        return ()
    return (
        Finding(
            code="sites-run-out",
            message=f"From cycle {run.ends['cycle'][int(out[0])]} on hardly a layered site is left: the voltage decay "
            "of the model ends there, which no report backs",
            advice="Take no voltage decay from beyond that cycle",
        ),
    )


def _nothing(run: Run, programme: Programme, parameters: Mapping[str, float]) -> tuple[Finding, ...]:
    passed = np.abs(np.diff(run.ends["Lithium through the circuit"].to_numpy(), prepend=0.0))
    passed *= parameters["Host capacity [mA.h.g-1]"]
    empty = [
        (programme.steps[number - 1], int(cycle))
        for number, cycle, charge in zip(run.ends["step"], run.ends["cycle"], passed, strict=True)
        if charge < NOTHING_MAH_G
        and programme.steps[number - 1].until_voltage_v is not None
        and programme.steps[number - 1].until_s is None
        and not programme.steps[number - 1].block
    ]
    if not empty:
        return ()
    step, cycle = empty[0]
    many = f"{len(empty)} half-cycles" if len(empty) > 1 else f"The {step.mode}"
    return (
        Finding(
            code="no-capacity",
            message=f"{many} passed less than {NOTHING_MAH_G:g} mAh/g, the first in cycle {cycle} "
            f"({step.mode} at {step.current_ma_g:g} mA/g): the current alone takes the voltage to its limit",
            advice="A lower rate, a smaller mass, or less resistance",
        ),
    )

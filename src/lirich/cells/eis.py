"""What an impedance test says of a cell: each spectrum tested, read by a circuit, and put into values.

Needs no PyBaMM: a measured spectrum is read without the extra ``cells``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from lirich import __version__
from lirich.cells.kramers_kronig import SOUND, KramersKronig, kramers_kronig
from lirich.cells.spectrum import Array, SpectrumFit, choose_circuit, circuit
from lirich.errors import NotEnoughDataError
from lirich.model import (
    Cell,
    Conditions,
    Finding,
    Interval,
    Origin,
    Provenance,
    Sample,
    Scalar,
    Severity,
    Subject,
    Value,
)
from lirich.model.spectra import FREQUENCY, IMAGINARY, REAL, split_spectra
from lirich.model.table import TEMPERATURE, VOLTAGE

METHOD = "EIS, Randles with diffusion in a sphere"
"""Name of the method in the conditions of a value; how many arcs there are is among the parameters."""

MISFIT = 3.0
"""A circuit that leaves more than this many times what the Kramers–Kronig test leaves does not explain the spectrum."""
_LEAST_MISFIT = 0.005
"""Relative residual that is never called a misfit: noise-free spectra have no noise to compare with."""

_CODE = "lirich.cells.eis.analyse_spectra"
FIELDS = {
    "series_resistance_ohm": "series_ohm",
    "charge_transfer_resistance_ohm": "charge_transfer_ohm",
    "double_layer_capacitance_f": "double_layer_f",
    "second_arc_resistance_ohm": "counter_ohm",
    "diffusion_time_s": "time_s",
    "lithium_diffusivity_m2_s": "diffusivity_m2_s",
}
"""Quantity → field of `SpectrumFit`."""


@dataclass(frozen=True)
class ReadSpectrum:
    """One spectrum, tested and read; ``fit`` is ``None`` where it has too few frequencies."""

    number: int
    table: pl.DataFrame
    voltage_v: float | None
    temperature_celsius: float | None
    test: KramersKronig | None
    fit: SpectrumFit | None

    @property
    def misfit(self) -> bool:
        """Whether the circuit leaves more than the noise of the spectrum."""
        if self.fit is None or self.test is None:
            return False
        return self.fit.residual > max(MISFIT * self.test.residual, _LEAST_MISFIT)


@dataclass(frozen=True)
class SpectraAnalysis:
    """One row per spectrum, values of the cell, and what was noticed."""

    table: pl.DataFrame
    values: tuple[Value, ...]
    findings: tuple[Finding, ...]


def radius_of(sample: Sample | None) -> float | None:
    """Return half of the sample's particle diameter, m; ``None`` where it is not given."""
    return None if sample is None or sample.particle_diameter_um is None else 0.5e-6 * sample.particle_diameter_um


def read_spectra(table: pl.DataFrame, radius_m: float | None = None) -> list[ReadSpectrum]:
    """Return every spectrum of a table of an impedance test (`lirich.model.spectra`), tested and read.

    *radius_m* is that of the sphere, m; without it there is R²/D and no D.
    """
    found = []
    for number, spectrum in enumerate(split_spectra(table), start=1):
        whole = spectrum[REAL].to_numpy() + 1j * spectrum[IMAGINARY].to_numpy()
        test: KramersKronig | None = None
        fit: SpectrumFit | None = None
        try:
            test = kramers_kronig(spectrum[FREQUENCY].to_numpy(), whole)
            fit = choose_circuit(spectrum, radius_m)
        except NotEnoughDataError:
            fit = None  # said as a finding by `analyse_spectra`
        found.append(ReadSpectrum(number, spectrum, _mean(spectrum, VOLTAGE), _mean(spectrum, TEMPERATURE), test, fit))
    return found


def circuit_of_row(row: Mapping[str, Any], frequency_hz: Array) -> pl.DataFrame | None:
    """Return the impedance at *frequency_hz* (n,) of the circuit that a row of `SpectraAnalysis.table` holds.

    ``None`` where nothing was read.
    """
    names = ("series_resistance_ohm", "charge_transfer_resistance_ohm", "double_layer_capacitance_f", "warburg_ohm",
             "diffusion_time_s", "second_arc_resistance_ohm", "second_arc_capacitance_f")  # fmt: skip
    numbers = [float(row[name]) for name in names if row.get(name) is not None]
    if len(numbers) not in (len(names), len(names) - 2):
        return None
    curve = circuit(frequency_hz, np.log(numbers), (row["arc_exponent"], row["second_arc_exponent"]))
    return pl.DataFrame({FREQUENCY: frequency_hz, REAL: curve.real, IMAGINARY: curve.imag})


def analyse_spectra(table: pl.DataFrame, cell: Cell, sample: Sample | None = None) -> SpectraAnalysis:
    """Return what the spectra of a test say of *cell*, whose *sample* knows the radius of the particles.

    Each value has the voltage about which the spectrum was measured as a condition, and the interval of the fit. A
    spectrum that breaks the Kramers–Kronig relations is flagged ``not-kramers-kronig``, one that the circuit does not
    explain ``circuit-misfit``, a charge transfer whose arc may be the other one ``ambiguous``, a diffusivity without
    frequencies below D/R² ``out-of-validity``.
    """
    radius = radius_of(sample)
    spectra = read_spectra(table, radius)
    values: list[Value] = []
    for each in spectra:
        values += _values(each, cell)
    findings = [_too_few(each, cell) for each in spectra if each.fit is None]
    if radius is None and any(each.fit is not None for each in spectra):
        findings.append(
            Finding(
                code="missing-particle-diameter-um",
                message="particle_diameter_um is not given; without it there is no diffusivity by EIS, only R²/D",
                advice="Give particle_diameter_um (µm) for the sample",
                where=cell.key,
            )
        )
    findings += _doubts(spectra, cell)
    return SpectraAnalysis(
        pl.DataFrame([_row(each) for each in spectra], infer_schema_length=None), tuple(values), tuple(findings)
    )


def _mean(table: pl.DataFrame, column: str) -> float | None:
    if column not in table.columns:
        return None
    found = table[column].fill_nan(None).mean()
    return float(found) if isinstance(found, float) else None


def _row(each: ReadSpectrum) -> dict[str, Any]:
    frequency = each.table[FREQUENCY]
    fit = each.fit
    return {
        "spectrum": each.number,
        "voltage_v": each.voltage_v,
        "frequencies": each.table.height,
        "lowest_frequency_hertz": frequency.min(),
        "highest_frequency_hertz": frequency.max(),
        "circuit": None if fit is None else fit.arcs,
        "circuit_residual": None if fit is None else fit.residual,
        "kramers_kronig_residual": None if each.test is None else 100.0 * each.test.residual,
        **{key: _number(fit, name) for key, name in FIELDS.items()},
        "second_arc_capacitance_f": _number(fit, "counter_f"),
        "warburg_ohm": _number(fit, "warburg_ohm"),
        "arc_exponent": None if fit is None else fit.exponent,
        "second_arc_exponent": None if fit is None else fit.counter_exponent,
    }


def _number(fit: SpectrumFit | None, name: str) -> float | None:
    found = None if fit is None else getattr(fit, name)
    # without a second arc there is no resistance of it
    return None if found is None or (name.startswith("counter") and found == 0.0) else float(found)


def _values(each: ReadSpectrum, cell: Cell) -> list[Value]:
    if each.test is None:
        return []
    frequency = each.table[FREQUENCY].to_numpy()
    stated = Conditions(
        voltage_v=None if each.voltage_v is None else round(each.voltage_v, 4),
        temperature_celsius=each.temperature_celsius
        if each.temperature_celsius is not None
        else cell.temperature_celsius,
        segment="impedance",
        other={"spectrum": each.number},
    )
    parameters: dict[str, Scalar] = {
        "frequencies": int(frequency.size),
        "lowest_frequency_hertz": float(frequency.min()),
        "highest_frequency_hertz": float(frequency.max()),
    }
    broken = () if each.test.sound else ("not-kramers-kronig",)

    def value(key: str, number: float, method: str, flags: tuple[str, ...], interval: Interval | None) -> Value:
        radius = each.fit.radius_m if each.fit is not None and key == "lithium_diffusivity_m2_s" else None
        return Value(
            quantity=key,
            value=number,
            interval=interval,
            subject=Subject(kind="cell", key=cell.key),
            conditions=stated.model_copy(update={"method": method, "particle_radius_m": radius}),
            origin=Origin.SIMULATED if cell.simulated else Origin.MEASURED,
            provenance=Provenance(code=_CODE, version=__version__, parameters=parameters),
            flags=flags,
        )

    values = [value("kramers_kronig_residual", 100.0 * each.test.residual, "linear Kramers–Kronig test", broken, None)]
    fit = each.fit
    if fit is None:
        return values
    parameters |= {"circuit": fit.arcs, "circuit_residual": fit.residual, "arc_exponent": fit.exponent}
    if fit.counter_ohm > 0:
        parameters["second_arc_exponent"] = fit.counter_exponent
    common = (*broken, *(("circuit-misfit",) if each.misfit else ()))
    for key, name in FIELDS.items():
        number = _number(fit, name)
        if number is None:
            continue
        flags = common
        if fit.alternatives_ohm and name in ("charge_transfer_ohm", "double_layer_f", "counter_ohm"):
            flags = (*flags, "ambiguous")
        if not fit.resolved and name in ("time_s", "diffusivity_m2_s"):
            flags = (*flags, "out-of-validity")
        values.append(value(key, number, METHOD, flags, fit.intervals.get(name)))
    return values


def _too_few(each: ReadSpectrum, cell: Cell) -> Finding:
    return Finding(
        code="not-enough-data",
        severity=Severity.INFO,
        message=f"No circuit for spectrum {each.number}: {each.table.height} frequencies; expected: 12 or more",
        where=cell.key,
    )


def _doubts(spectra: list[ReadSpectrum], cell: Cell) -> list[Finding]:
    findings = []
    broken = [each for each in spectra if each.test is not None and not each.test.sound]
    if broken:
        worst = max(each.test.residual for each in broken if each.test is not None)
        findings.append(
            Finding(
                code="not-kramers-kronig",
                message=f"{len(broken)} of {len(spectra)} spectra break the Kramers–Kronig relations (up to "
                f"{100 * worst:.2g} % of |Z|, more than {100 * SOUND:g} %): noise, drift, or too large an amplitude",
                advice="Wait for rest before the spectrum, and take a smaller amplitude",
                where=cell.key,
            )
        )
    misfits = [each for each in spectra if each.misfit]
    if misfits:
        fits = [each.fit for each in misfits if each.fit is not None]
        worst = float(np.max([fit.residual for fit in fits]))
        findings.append(
            Finding(
                code="circuit-misfit",
                message=f"The circuit does not explain {len(misfits)} of {len(spectra)} spectra: it leaves up to "
                f"{100 * worst:.2g} % of |Z|, more than {MISFIT:g} times their noise",
                advice="Take resistances as sizes of arcs; lirich fit --spectrum fits a model of the cell",
                where=cell.key,
            )
        )
    return findings

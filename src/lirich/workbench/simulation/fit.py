"""The verb *fit*: from cycles and spectra to the parameters of a cell model, with what the data cannot tell."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lirich.errors import InputError, MissingMetadataError, UnknownNameError
from lirich.workbench.extras import need_cells

if TYPE_CHECKING:
    import polars as pl

    from lirich.cells.fit import Curve, Direction, Fit, MeasuredSpectrum, Profile, Trace
    from lirich.plots import Figure
    from lirich.workbench.workspace import Workspace


@dataclass(frozen=True)
class FitReport:
    """A fit, what the data cannot tell (least told first), the profiles that were asked for, and what was assumed."""

    what: str
    fit: Fit
    directions: tuple[Direction, ...]
    profiles: tuple[Profile, ...] = ()
    assumptions: tuple[str, ...] = field(default=())

    def to_dict(self) -> dict[str, Any]:
        """Return everything as JSON."""
        return {
            "cell": self.what,
            "origin": "simulated",
            "assumptions": list(self.assumptions),
            **self.fit.to_dict(),
            "identifiability": [d.to_dict() for d in self.directions],
            "profiles": [p.to_dict() for p in self.profiles],
        }

    @property
    def figures(self) -> list[Figure]:
        """Curves, pulses and spectra with their residuals, and one figure per profile."""
        from lirich.cells.fit import Trace
        from lirich.plots.fits import fitted_curves, fitted_pulses, likelihood_profile

        curves = [
            (p.curve.name, p.curve.direction, p.at, p.measured_v, p.simulated_v)
            for p in self.fit.predicted
            if not isinstance(p.curve, Trace)
        ]
        pulses = [
            (p.curve.name, p.at, p.measured_v, p.simulated_v) for p in self.fit.predicted if isinstance(p.curve, Trace)
        ]
        note = f"{self.fit.parameter_count} free parameters, {self.fit.point_count} points. " + " ".join(
            self.assumptions
        )
        return [
            *([fitted_curves(curves, note=note)] if curves else []),
            *([fitted_pulses(pulses, note=note)] if pulses else []),
            *([self._nyquist(note)] if self.fit.spectra else []),
            *(likelihood_profile(p.name, p.values, p.excess, p.low, p.high) for p in self.profiles),
        ]

    def _nyquist(self, note: str) -> Figure:
        import polars as pl

        from lirich.model.spectra import FREQUENCY, IMAGINARY, REAL
        from lirich.plots import nyquist

        def table(frequency: Any, whole: Any) -> pl.DataFrame:
            return pl.DataFrame({FREQUENCY: frequency, REAL: whole.real, IMAGINARY: whole.imag})

        return nyquist(
            [
                (
                    p.name,
                    table(p.spectrum.frequency_hz, p.spectrum.impedance_ohm),
                    table(p.spectrum.frequency_hz, p.simulated_ohm),
                )
                for p in self.fit.spectra
            ],
            fit="model",
            note=note,
        )


@dataclass(frozen=True)
class FitData:
    """What is fitted: half-cycles and pulses in their order, spectra, the active mass (mg), and what was assumed."""

    name: str
    curves: tuple[Curve | Trace, ...] = ()
    spectra: tuple[MeasuredSpectrum, ...] = ()
    active_mass_mg: float | None = None
    assumptions: tuple[str, ...] = ()


MOST = 6
"""So many half-cycles of one rate are fitted, where nobody says which."""
MOST_STEPS = 120
"""So many steps of a test of pulses are fitted: each costs a simulation as a half-cycle does."""


def data_of(
    source: str | Path,
    workspace: Workspace | None,
    *,
    cycles: Sequence[int] | None = None,
    active_mass_mg: float | None = None,
    current_ma_g: float | None = None,
    spectra: Sequence[str] = (),
) -> FitData:
    """Return what there is to fit of a cell of a workspace, or of a file of a cycler or of impedance.

    *spectra* are files or cells, each with ``@`` and a voltage behind it where its table has none, or another. Raises
    `UnknownNameError` where there is neither, `MissingMetadataError` without an active mass, `InputError` where there
    is nothing that can be fitted.
    """
    need_cells("Fitting a cell model")
    from lirich.cells.fit.curves import data_from_table
    from lirich.model.spectra import is_spectrum

    name, table, mass, simulated = _table_of(source, workspace, impedance=not spectra)
    mass = active_mass_mg if active_mass_mg is not None else mass
    if mass is None:
        raise MissingMetadataError(
            f"The active mass of {name} is not known", expected="milligrams of active material", advice="--mass 5.9"
        )
    found: list[MeasuredSpectrum] = []
    said = [f"What is fitted of {name} is simulated, not measured."] if simulated else []
    curves: list[Curve | Trace] = []
    if is_spectrum(table):
        found += _spectra_of(table, name, None)
    else:
        if current_ma_g is not None:
            said.append(f"The current is taken to be {current_ma_g:g} mA/g, as stated for this fit.")
        curves = data_from_table(table, mass, cycles=cycles, current_ma_g=current_ma_g)
        curves, more = _chosen(curves, asked=cycles is not None)
        said += more
    for wanted in spectra:
        found += _named_spectra(wanted, workspace)
    names = [each.name for each in found]
    if len(set(names)) < len(names):
        found = [replace(each, name=f"{each.name}, {number}") for number, each in enumerate(found, start=1)]
    return FitData(name, tuple(curves), tuple(found), mass, tuple(said))


def _chosen(curves: Sequence[Curve | Trace], *, asked: bool) -> tuple[list[Curve | Trace], list[str]]:
    """Return what is fitted where nobody says: the first half-cycles, of a rate test until its last new rate."""
    from lirich.cells.fit import Trace

    kept, said = list(curves), []
    if not asked and len(kept) > MOST:
        rates = [None if isinstance(c, Trace) else round(c.current_ma_g, -1) for c in kept[: 8 * MOST]]
        new = [i for i, rate in enumerate(rates) if rate not in rates[:i]]
        last = max(MOST, new[-1] + 1 + (new[-1] + 1) % 2)
        if last < len(kept):
            said.append(f"Only the first {last} of {len(kept)} half-cycles are fitted: --cycles chooses others.")
        kept = kept[:last]
    for i, curve in enumerate(kept):
        if isinstance(curve, Trace) and len(curve.steps) > MOST_STEPS:
            said.append(f"Of {curve.name} the first {MOST_STEPS} of {len(curve.steps)} steps are fitted.")
            kept[i] = curve.until_step(MOST_STEPS)
    return kept, said


def _table_of(
    source: str | Path, workspace: Workspace | None, *, impedance: bool
) -> tuple[str, pl.DataFrame, float | None, bool]:
    """Return name, table, active mass (mg) of a cell or a file, and whether it says that it is simulated."""
    if workspace is not None and str(source) in workspace.cells:
        view = workspace.cells[str(source)]
        facts = view.facts
        if not view.analyses and impedance and view.impedance:
            return view.key, next(iter(view.spectrum_tables().values())), facts.active_mass_mg, facts.simulated
        return view.key, view.table(), facts.active_mass_mg, facts.simulated
    path = Path(source)
    if path.is_file():
        from lirich.readers import read

        reading = read(path)
        return path.name, reading.table, None, reading.metadata.get("simulated") is True
    if workspace is None:
        raise InputError(f"No file {path}, and no workspace here", expected="a file, or a cell within a workspace")
    raise UnknownNameError.of("cell", str(source), list(workspace.cells))


_AT = re.compile(r"^(?P<what>.+?)(?:@(?P<volt>[0-9.]+))?$")


def _named_spectra(wanted: str, workspace: Workspace | None) -> list[MeasuredSpectrum]:
    """Return the spectra of a file or of a cell of the workspace; ``what@3.9`` states their voltage."""
    from lirich.model.spectra import is_spectrum

    match = _AT.match(wanted)
    what = match["what"] if match else wanted
    voltage = float(match["volt"]) if match and match["volt"] else None
    if workspace is not None and what in workspace.cells:
        tables = workspace.cells[what].spectrum_tables()
        if not tables:
            raise InputError(f"The cell {what!r} has no impedance", expected="a cell with a spectrum, or a file of one")
        return [one for table in tables.values() for one in _spectra_of(table, what, voltage)]
    name, table, *_ = _table_of(what, workspace, impedance=True)
    if not is_spectrum(table):
        raise InputError(f"{name} is no spectrum", expected="a file of impedance")
    return _spectra_of(table, name, voltage)


def _spectra_of(table: pl.DataFrame, name: str, voltage_v: float | None) -> list[MeasuredSpectrum]:
    from lirich.cells.fit import MeasuredSpectrum
    from lirich.model.spectra import split_spectra

    parts = split_spectra(table)
    return [
        MeasuredSpectrum.of(
            part, name=f"spectrum of {name}" + (f", {i}" if len(parts) > 1 else ""), voltage_v=voltage_v
        )
        for i, part in enumerate(parts, start=1)
    ]


def run_fit(
    data: FitData,
    *,
    start: Mapping[str, float] | None = None,
    keep: Sequence[str] = (),
    starts: int = 1,
    max_evaluations: int = 60,
    profiles: Sequence[str] = (),
    progress: Callable[[str], None] | None = None,
) -> FitReport:
    """Fit the Li-rich half-cell to *data* and say what they cannot tell; *profiles* names parameters to profile."""
    need_cells("Fitting a cell model")
    from lirich.cells.fit import fit, half_cell_problem, identifiability, profile
    from lirich.cells.fit.li_rich import HELD, RADIUS

    def say(text: str) -> None:
        if progress is not None:
            progress(text)

    problem = half_cell_problem(
        data.curves,
        spectra=data.spectra,
        active_mass_mg=data.active_mass_mg,
        start=start,
        keep=(*HELD, *keep),
    )
    named = {p.symbol: p.name for p in problem.parameters} | {p.name: p.name for p in problem.parameters}
    for wanted in profiles:
        if wanted not in named:
            raise UnknownNameError.of("parameter", wanted, named)
    say(f"Fitting {len(problem.parameters)} parameters to {problem.points} points")
    found = fit(
        problem,
        starts=starts,
        max_evaluations=max_evaluations,
        progress=lambda number, cost: say(f"Start {number + 1}: cost {cost:.4g}"),
    )
    done = []
    for wanted in profiles:
        say(f"Profile of {named[wanted]}")
        done.append(profile(found, named[wanted]))
    said = [*data.assumptions, *_assumed(data, size_known=RADIUS in keep)]
    return FitReport(data.name, found, identifiability(found), tuple(done), tuple(said))


def _assumed(data: FitData, *, size_known: bool) -> list[str]:
    """Return what the model takes for granted of these data."""
    told = (
        "The crystals are single and of one size, which is taken to be known; their diffusivity is fitted."
        if size_known
        else "The crystals are single and of one size; their diffusivity is that of the parameter library, a guess: "
        "the data tell D/R²."
    )
    if not data.spectra:
        return [told]
    from lirich.cells.fit.spectra import CURVE_NOISE_V

    noise = ", ".join(f"{100 * each.noise:.2g} %" for each in data.spectra)
    where = "from where the last curve ends" if data.curves else "from the pristine cell, whose sites are the library's"
    return [
        told,
        f"Spectra count with errors of {noise} of |Z|, curves with {1e3 * CURVE_NOISE_V:g} mV.",
        f"Each spectrum is of the cell at rest at its voltage, to which it goes {where}.",
        "Which arc is the crystals' and which the counter electrode's is chosen by the better fit.",
    ]

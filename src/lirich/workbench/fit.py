"""The verb *fit*: from measured cycles to the parameters of a cell model, with what the data cannot tell."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lirich.errors import InputError, MissingMetadataError, UnknownNameError
from lirich.workbench.extras import need_cells

if TYPE_CHECKING:
    import polars as pl

    from lirich.cells.fit import Curve, Direction, Fit, Profile
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
        """The curves with their residuals, and one figure per profile."""
        from lirich.cells.fit import Trace
        from lirich.plots.fits import fitted_curves, likelihood_profile

        curves = [
            (p.curve.name, p.curve.direction, p.at, p.measured_v, p.simulated_v)
            for p in self.fit.predicted
            if not isinstance(p.curve, Trace)
        ]
        note = f"{self.fit.parameter_count} free parameters, {self.fit.point_count} points. " + " ".join(
            self.assumptions
        )
        return [
            fitted_curves(curves, note=note),
            *(likelihood_profile(p.name, p.values, p.excess, p.low, p.high) for p in self.profiles),
        ]


def curves_of(
    source: str | Path,
    workspace: Workspace | None,
    *,
    cycles: Sequence[int] | None = None,
    active_mass_mg: float | None = None,
    current_ma_g: float | None = None,
) -> tuple[str, list[Curve], list[str]]:
    """Return the name, the curves and the assumptions of a cell of a workspace, or of a file of a cycler.

    Raises `UnknownNameError` where there is neither, `MissingMetadataError` without an active mass and `InputError`
    where there is no half-cycle of constant current.
    """
    need_cells("Fitting a cell model")
    from lirich.cells.fit import curves_from_table

    name, table, mass = _table_of(source, workspace)
    mass = active_mass_mg if active_mass_mg is not None else mass
    if mass is None:
        raise MissingMetadataError(
            f"The active mass of {name} is not known", expected="milligrams of active material", advice="--mass 5.9"
        )
    assumptions = []
    if current_ma_g is not None:
        assumptions.append(f"The current is taken to be {current_ma_g:g} mA/g, as stated for this fit.")
    curves = curves_from_table(table, mass, cycles=cycles, current_ma_g=current_ma_g)
    if cycles is None and len(curves) > _MOST:
        assumptions.append(f"Only the first {_MOST} of {len(curves)} half-cycles are fitted.")
        curves = curves[:_MOST]
    return name, curves, assumptions


_MOST = 6


def _table_of(source: str | Path, workspace: Workspace | None) -> tuple[str, pl.DataFrame, float | None]:
    if workspace is not None and str(source) in workspace.cells:
        view = workspace.cells[str(source)]
        return view.key, view.table(), view.facts.active_mass_mg
    path = Path(source)
    if path.is_file():
        from lirich.readers import read

        return path.name, read(path).table, None
    if workspace is None:
        raise InputError(f"No file {path}, and no workspace here", expected="a file, or a cell within a workspace")
    raise UnknownNameError.of("cell", str(source), list(workspace.cells))


def run_fit(
    name: str,
    curves: Sequence[Curve],
    *,
    start: Mapping[str, float] | None = None,
    keep: Sequence[str] = (),
    starts: int = 1,
    max_evaluations: int = 60,
    profiles: Sequence[str] = (),
    assumptions: Sequence[str] = (),
    progress: Callable[[str], None] | None = None,
) -> FitReport:
    """Fit the Li-rich half-cell to *curves* and say what they cannot tell; *profiles* names parameters to profile."""
    need_cells("Fitting a cell model")
    from lirich.cells.fit import fit, half_cell_problem, identifiability, profile
    from lirich.cells.fit.li_rich import HELD

    def say(text: str) -> None:
        if progress is not None:
            progress(text)

    problem = half_cell_problem(curves, start=start, keep=(*HELD, *keep))
    named = {p.symbol: p.name for p in problem.parameters} | {p.name: p.name for p in problem.parameters}
    for wanted in profiles:
        if wanted not in named:
            raise UnknownNameError.of("parameter", wanted, named)
    say(f"Fitting {len(problem.parameters)} parameters to {problem.points} points")
    found = fit(
        problem,
        starts=starts,
        max_evaluations=max_evaluations,
        progress=lambda number, cost: say(f"Start {number + 1} of {starts}: cost {cost:.4g}"),
    )
    done = []
    for wanted in profiles:
        say(f"Profile of {named[wanted]}")
        done.append(profile(found, named[wanted]))
    said = [
        *assumptions,
        "The crystals are single and of one size; their diffusivity is that of the parameter library, a guess: the "
        "curves tell D/R².",
    ]
    return FitReport(name, found, identifiability(found), tuple(done), tuple(said))

"""How ``lirich fit`` speaks."""

from __future__ import annotations

import json as json_module
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.markup import escape

from lirich.cli.kept import workspace_of
from lirich.cli.output import check_output, console, print_json, show_table
from lirich.errors import InputError, quoted

if TYPE_CHECKING:
    from lirich.workbench.simulation.fit import FitReport

SHOWN_DIRECTIONS = 5


def fit(
    source: str,
    cycles: str | None,
    current: float | None,
    mass: float | None,
    start: Path | None,
    keep: Sequence[str],
    profiles: Sequence[str],
    starts: int,
    spectra: Sequence[str],
    output: Path | None,
    save: Path | None,
    folder: Path | None,
    *,
    json: bool,
) -> None:
    """Fit the model to measured cycles and spectra."""
    from lirich.workbench.simulation.fit import data_of, run_fit
    from lirich.workbench.simulation.saved_fit import read_start, saved_fit
    from lirich.workbench.userfiles import write_text

    check_output(output)
    check_output(save)
    data = data_of(
        source,
        workspace_of(folder),
        cycles=_numbers(cycles),
        active_mass_mg=mass,
        current_ma_g=current,
        spectra=spectra,
    )
    begin = read_start(start) if start is not None else None
    quiet = json or not console(stderr=True).is_terminal

    def say(text: str) -> None:
        if not quiet:
            console(stderr=True).print(f"[dim]{escape(text)}[/]")

    report = run_fit(data, start=begin, keep=keep, starts=starts, profiles=profiles, progress=say)
    if save is not None:
        write_text(save, json_module.dumps(saved_fit(report), indent=2, ensure_ascii=False) + "\n")
    if output is not None:
        _write(report, output)
    if json:
        print_json(report.to_dict())
        return
    _show(report)
    for path, what in ((output, "Figures"), (save, "Parameters")):
        if path is not None:
            console().print(f"{what}: [bold]{escape(str(path))}[/]")
    if save is not None:
        name = escape(quoted(str(save)))
        console().print(f"Next: [bold]lirich simulate {name}[/] or [bold]lirich study --parameters {name} …[/]")


def _show(report: FitReport) -> None:
    found = report.fit
    left = [(name, f"{value:.1f} mV") for name, value in found.rmse_mv.items()]
    left += [(name, f"{value:.2g} % of |Z|") for name, value in found.residual_percent.items()]
    title = f"{report.what}: {found.parameter_count} free parameters, {found.point_count} points"
    show_table(title, ("curve", "RMSE"), left, right=(1,))
    rows = [
        (
            e.parameter.symbol,
            e.parameter.name,
            f"{e.value:.4g}",
            f"{e.low:.4g} to {e.high:.4g}",
            "at its bound" if e.at_bound else "" if e.told else "not told",
        )
        for e in found.estimates
    ]
    show_table("Parameters with 95 % intervals", ("", "parameter", "value", "interval", ""), rows, right=(2,))
    if found.derived:
        states = [
            (d.symbol, d.of, f"{d.value:.4g} {d.unit}", f"{d.low:.3g} to {d.high:.3g}", "" if d.told else "not told")
            for d in found.derived
        ]
        heads = ("", "of the cell at the", "value", "95 % interval", "")
        show_table("What the fit says of the state of each spectrum", heads, states, right=(2,))
    flat = [d for d in report.directions if not d.told]
    among = f", the {SHOWN_DIRECTIONS} least told of them" if len(flat) > SHOWN_DIRECTIONS else ""
    console().print(f"[bold]What these data cannot tell[/] ({len(flat)} of {found.parameter_count} directions{among}):")
    for direction in flat[:SHOWN_DIRECTIONS]:
        console().print(f"  {escape(direction.words)}")
    for p in report.profiles:
        low, high = ("open" if end is None else f"{end:.4g}" for end in (p.low, p.high))
        console().print(f"Profile of {escape(p.name)}: 95 % from {low} to {high}")
    for text in report.assumptions:
        console().print(f"[dim]{escape(text)}[/]")


def _write(report: FitReport, path: Path) -> None:
    from lirich.plots.page import page
    from lirich.workbench.userfiles import write_text

    write_text(path, page(f"Fit of {report.what}", report.figures))


def _numbers(text: str | None) -> list[int] | None:
    if text is None:
        return None
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise InputError(f"--cycles {text}", expected="numbers with commas, such as 1,2,10") from None

"""The command ``lirich simulate``: its options, and how it tells what came out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from lirich.cli import complete
from lirich.cli.options import Json, WorkspaceFolder, open_workspace
from lirich.cli.output import console, print_json, show_findings, show_table, want_json
from lirich.errors import InputError, quoted

if TYPE_CHECKING:
    import polars as pl

    from lirich.workbench import CellView
    from lirich.workbench.simulation.file import SimulationRequest
    from lirich.workbench.simulation.simulate import SimulatedCell
    from lirich.workbench.simulation.spectrum import SimulatedSpectrum

FIGURES = (
    "voltage",
    "capacity",
    "mean-voltage",
    "profiles",
    "sites",
    "gas",
    "contact",
    "energy",
    "rate",
    "diffusivity",
    "impedance",
)
_OF_STATES = ("profiles", "sites", "gas", "contact")
MODELS = ("single-particle", "with-electrolyte", "porous", "full-cell", "solid-state", "size-distribution")
SOLID_ELECTROLYTES = ("Li6PS5Cl", "Li10GeP2S12", "LLZO", "Li3InCl6", "Li3YCl6", "PEO-LiTFSI")
COUNTER_ELECTRODES = ("Li", "Li-In")
"""Models, electrolytes and electrodes as the physics names them: said here, for help imports none of it."""
SPREAD = "Geometric standard deviation of the radius"
"""The width of a distribution of sizes, as `lirich.cells.sizes` names it."""
_STATES = (
    ("Fraction of spinel sites", "spinel-like sites", "% of the host", 100.0),
    ("Lattice sites lost with oxygen", "sites lost with oxygen", "% of the host", 100.0),
    ("Connected part of the crystals", "connected crystals", "%", 100.0),
    ("Lithium in disconnected crystals", "Li in disconnected crystals", "% of the host", 100.0),
    ("Film resistance [Ohm.m2]", "film resistance", "Ω cm² of wetted area", 1e4),
    ("Wetted area [m2.g-1]", "wetted area", "m²/g", 1.0),
    ("Contact fraction", "contact with the solid electrolyte", "% of the surface", 100.0),
    ("Interphase thickness [m]", "interphase", "nm", 1e9),
    ("SEI thickness [m]", "film on the graphite", "nm", 1e9),
    ("Lithium lost in the SEI, per lithium of the host", "Li lost in that film", "% of the host", 100.0),
    ("Oxygen released [umol.g-1]", "O2 released", "µmol/g", 1.0),
    ("Carbon dioxide released [umol.g-1]", "CO2 released", "µmol/g", 1.0),
)

_OXYGEN = (
    "Sites lost with oxygen are sites for Li in the whole crystal that activation does not give back, set by the "
    "capacity. O2 released is gas that leaves at surfaces, by a guessed rate. The model does not balance the two."
)


def simulate(
    what: Annotated[
        str,
        typer.Argument(
            metavar="SC|PC|FILE",
            help="A parameter set, a saved fit (fit.json), or a TOML or YAML file that says it all.",
        ),
    ],
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            "-m",
            help=f"{', '.join(MODELS)}; the first by default.",
            show_default=False,
            autocompletion=complete.one_of(*MODELS),
        ),
    ] = None,
    electrolyte: Annotated[
        str | None,
        typer.Option(
            "--electrolyte",
            help=f"For solid-state: {', '.join(SOLID_ELECTROLYTES)}; the first by default.",
            show_default=False,
            autocompletion=complete.one_of(*SOLID_ELECTROLYTES),
        ),
    ] = None,
    counter_electrode: Annotated[
        str | None,
        typer.Option(
            "--counter-electrode",
            help=f"For solid-state: {', '.join(COUNTER_ELECTRODES)}; the first by default. Voltages are against it.",
            show_default=False,
            autocompletion=complete.one_of(*COUNTER_ELECTRODES),
        ),
    ] = None,
    coating: Annotated[
        str | None,
        typer.Option(
            "--coating",
            metavar="FORMULA",
            help="For solid-state: what lies between the crystals and the electrolyte, such as LiNbO3.",
            show_default=False,
        ),
    ] = None,
    coating_nm: Annotated[
        float | None, typer.Option("--coating-nm", help="Its thickness, nm; 10.", show_default=False)
    ] = None,
    programme: Annotated[
        str | None,
        typer.Option(
            "--programme", "-p", help="cycling, ageing, rate-test, gitt or ici; by default ageing.", show_default=False
        ),
    ] = None,
    step: Annotated[
        list[str] | None,
        typer.Option(
            "--step",
            help="A step of a programme of your own, such as 'Charge at C/10 until 4.8 V'. Repeatable.",
            show_default=False,
        ),
    ] = None,
    cycles: Annotated[int | None, typer.Option(help="Cycles of cycling or ageing, or of your own steps.")] = None,
    rate: Annotated[str | None, typer.Option(help="C/2, 1C or 125 mA/g.", show_default=False)] = None,
    low: Annotated[
        float | None, typer.Option(help="Lower voltage limit, V; 2.0 against Li.", show_default=False)
    ] = None,
    high: Annotated[
        float | None, typer.Option(help="Upper voltage limit, V; 4.8 against Li.", show_default=False)
    ] = None,
    check_up_every: Annotated[int, typer.Option(help="A slow cycle after every so many of ageing.")] = 0,
    one_c: Annotated[float | None, typer.Option(help="What 1C means, mA/g; 250.", show_default=False)] = None,
    changes: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="PARAMETER=NUMBER",
            help="A parameter, such as 'Crystal radius \\[m]=3e-7'. Repeatable.",
            show_default=False,
        ),
    ] = None,
    cell: Annotated[str | None, typer.Option(help="The name of the simulated cell.", show_default=False)] = None,
    sample: Annotated[str | None, typer.Option(help="The name of its sample.", show_default=False)] = None,
    figures: Annotated[
        Path | None, typer.Option("--figures", help="A folder for figures as HTML.", show_default=False)
    ] = None,
    eis: Annotated[
        bool,
        typer.Option("--eis", help="Store the impedance at the end of the programme, after a rest, too."),
    ] = False,
    best_radius: Annotated[
        Path | None,
        typer.Option(
            "--best-radius",
            metavar="HTML",
            help="Instead of one cell: which crystal radius is best for --rate and --cycles, with its trade-off as a "
            "figure in this file. The same as lirich study --rate 1C --cycles 300 -o HTML.",
            show_default=False,
        ),
    ] = None,
    workspace: WorkspaceFolder = None,
    json: Json = False,
) -> None:
    """Run a test that nobody ran, on the crystal physics, and store it as a simulated cell.

    Which radius should crystals have for 1C and 300 cycles? lirich simulate SC --rate 1C --cycles 300 --best-radius
    size.html
    """
    want_json(json)
    from lirich.workbench.simulation.file import SimulationRequest, read_request

    given: dict[str, Any] = {
        "programme": [[*step]] if step else programme,
        "model": model,
        "electrolyte": electrolyte,
        "counter_electrode": counter_electrode,
        "coating": coating,
        "coating_nm": coating_nm,
        "cycles": cycles,
        "rate": rate,
        "low_v": low,
        "high_v": high,
        "check_up_every": check_up_every or None,
        "one_c_ma_g": one_c,
        "cell": cell,
        "sample": sample,
    }
    if step and programme:
        raise InputError("Both a programme by name and steps", expected="one of --programme and --step")
    changed = numbers_of(changes or [])
    path = Path(what)
    if path.suffix.lower() in (".toml", ".yaml", ".yml"):
        request = read_request(path, given, changed)
    else:
        request = SimulationRequest.of({"parameters": what, **given}, changed)
    if best_radius is not None:
        if eis or any(each is not None for each in (figures, cell, sample)):
            raise InputError(
                "A best radius with the name, figures or impedance of one cell",
                expected="--best-radius without --cell, --sample, --figures and --eis",
            )
        _best_radius(request, best_radius, workspace, json=json)
        return
    if figures is not None:
        from lirich.workbench.userfiles import check_folder

        check_folder(figures)  # before the simulation, which takes its time
    space = open_workspace(workspace)
    done = space.simulate(request.parameters, request.plan(), **request.names())
    spectrum = space.simulate_impedance(done.cell) if eis else None
    analysed = space.analyse([done.cell], executor="serial")
    view = space.cells[done.cell]
    drawn, missing = _draw(view, figures) if figures is not None else ([], {})
    states = view.hidden()
    if json:
        print_json(_as_json(done, view, states, spectrum, drawn, missing))
        return
    out = console()
    for failed, error in analysed.failed:
        out.print(f"[yellow]{escape(failed)} was simulated, but not analysed:[/] {escape(str(error))}")
    _show(view, states)
    spread = request.physics().values.get(SPREAD)
    if spread is not None:
        out.print(f"Particles of several sizes: their width σ_g is {spread:g} ({SPREAD})")
    if spectrum is not None:
        _show_spectrum(spectrum, view)
    if drawn:
        out.print(f"Figures: {escape(', '.join(str(p) for p in drawn))}")
    if missing:
        out.print(f"[dim]Not drawn: {escape('; '.join(f'{kind} ({why})' for kind, why in missing.items()))}[/]")
    show_findings([*done.test.findings, *analysed.findings])
    if done.stopped:
        out.print(f"[yellow]The programme was not run to its end:[/] {escape(done.stopped)}")
    was = "was there already" if done.already else "is in the workspace"
    out.print(f"[bold]{escape(done.cell)}[/] {was}, simulated. Next: [bold]lirich cells {escape(quoted(done.cell))}[/]")


def _best_radius(request: SimulationRequest, page: Path, folder: Path | None, *, json: bool) -> None:
    """Answer by a study of the radius, for what was asked of one cell."""
    from lirich.cli import studying

    studying.run_and_show(request.radius_study(), page, folder, json=json)


def numbers_of(options: list[str]) -> dict[str, float]:
    """Return PARAMETER=NUMBER options as numbers by name. Raises `InputError`."""
    found = {}
    for text in options:
        name, equals, number = text.rpartition("=")
        try:
            found[name.strip()] = float(number)
        except ValueError:
            equals = ""
        if not equals or not name.strip():
            raise InputError(f"{text!r} sets nothing", expected="PARAMETER=NUMBER, such as 'Crystal radius [m]=3e-7'")
    return found


def _show(view: CellView, states: pl.DataFrame | None) -> None:
    """Print the main figures, like ones folded, and what no cycler sees."""
    from lirich.cli.cells import show_folded
    from lirich.cli.fold import fold_values
    from lirich.workbench.comparison.groups import HEADLINE

    main = (*HEADLINE, "capacity_retention")
    show_folded(fold_values([v for v in (view.values if view.analyses else []) if v.quantity in main]))
    if states is not None:
        ends = states.filter(states["end_of_step"])
        first = ends.filter(ends["cycle"] == ends["cycle"].min())
        hidden = [
            (name, f"{factor * float(first[key][-1]):.3g}", f"{factor * float(ends[key][-1]):.3g}", unit)
            for key, name, unit, factor in _STATES
            if key in ends.columns
        ]
        heads = ("hidden state", f"after cycle {first['cycle'][-1]}", f"after cycle {ends['cycle'][-1]}", "")
        show_table("", heads, hidden, right=(1, 2))
        if "Lattice sites lost with oxygen" in ends.columns:
            console().print(f"[dim]{_OXYGEN}[/]")


_TOLD = (
    ("charge_transfer_resistance_ohm", "charge_transfer_ohm", ""),
    ("", "film_ohm", "in the series resistance of what is read"),
    ("second_arc_resistance_ohm", "counter_ohm", "the counter electrode"),
    ("series_resistance_ohm", "series_ohm", ""),
    ("double_layer_capacitance_f", "double_layer_f", ""),
    ("lithium_diffusivity_m2_s", "", ""),
)
"""Quantity, what the model calls it, and a remark."""


def _show_spectrum(found: SimulatedSpectrum, view: CellView) -> None:
    """Print what the model knows beside what is read from the spectrum alone."""
    from lirich.cli.cells import show_marks
    from lirich.model.flags import Marks
    from lirich.model.format import format_number, format_value
    from lirich.quantities import QUANTITIES

    truth = found.truth
    read = {v.quantity: v for a in view.impedance for v in a.values if a.tests == (found.test.key,)}
    marks = Marks()
    rows = []
    for key, name, remark in _TOLD:
        value = read.get(key)
        of_model = format_number(truth[name]) if name in truth else ""
        rows.append(
            (
                QUANTITIES[key].name if key else "film resistance",
                of_model,
                "" if value is None else format_value(value) + marks.of(value.flags),
                remark,
            )
        )
    title = f"Impedance at {truth['voltage_v']:.3f} V"
    show_table(title, ("", "of the model", "read from the spectrum", ""), rows, right=(1, 2))
    console().print(
        "[dim]± is how well the spectrum tells the circuit, not how well the circuit stands for the cell.[/]"
    )
    show_marks(marks)


def _draw(view: CellView, folder: Path) -> tuple[list[Path], dict[str, str]]:
    """Write every figure that the cell has; return the files, and why which others were not drawn."""
    from lirich.errors import NotEnoughDataError
    from lirich.workbench.userfiles import make_folder

    make_folder(folder)
    drawn: list[Path] = []
    missing: dict[str, str] = {}
    for kind in FIGURES if view.analyses else _OF_STATES:
        try:
            figure = view.plot(kind)
        except NotEnoughDataError as error:
            if kind == "contact" and view.facts.extra.get("model") != "solid-state":
                continue  # nothing that is missing
            if kind == "impedance" and not view.impedance:
                continue  # nobody asked for one
            missing[kind] = error.advice or str(error)
            continue
        drawn.append(figure.write_html(folder / f"{kind}.html"))
    return drawn, missing


def _as_json(
    done: SimulatedCell,
    view: CellView,
    states: pl.DataFrame | None,
    spectrum: SimulatedSpectrum | None,
    drawn: list[Path],
    missing: dict[str, str],
) -> dict[str, Any]:
    values = view.values if view.analyses else []
    ends = states.filter(states["end_of_step"]) if states is not None else None
    return {
        "cell": done.cell,
        "origin": str(view.origin),
        "already": done.already,
        "stopped": done.stopped,
        "findings": [f.model_dump(mode="json") for f in done.test.findings],
        "test": done.test.key,
        "rows": done.test.rows,
        "facts": view.facts.model_dump(mode="json"),
        "values": [{**v.model_dump(mode="json"), "unit": v.unit} for v in values],
        "states": None if ends is None else ends[-1].to_dicts()[0],
        "impedance": None
        if spectrum is None
        else {"test": spectrum.test.key, "already": spectrum.already, "model": spectrum.truth},
        "figures": [str(p) for p in drawn],
        "figures_missing": missing,
    }

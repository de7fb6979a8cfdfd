"""How ``lirich design-cell`` speaks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.markup import escape

from lirich.cli.options import open_workspace
from lirich.cli.output import check_output, console, print_json, show_findings, show_table
from lirich.errors import InputError


def design_cell(
    name: str | None,
    changes: Sequence[str],
    targets: Sequence[float],
    cell: str | None,
    with_ragone: bool,
    radius_nm: float | None,
    output: Path | None,
    folder: Path | None,
    *,
    json: bool,
) -> None:
    """Compute designs, what targets need, and energy against power."""
    from lirich.workbench.simulation import design as verb

    if name is None and (changes or targets or cell):
        raise InputError("No design is named", expected=", ".join(verb.DESIGNS), advice="lirich design-cell NAME …")
    check_output(output)
    workspace = open_workspace(folder) if cell is not None else None
    given = _changes(changes)
    names = [name] if name is not None else list(verb.DESIGNS)
    stacks = [verb.design_of(n, given, cell=cell, workspace=workspace) for n in names]
    ways = [verb.way_to(stacks[0], target) for target in targets]
    radius = None if radius_nm is None else radius_nm * 1e-9
    inputs = None if radius is None else {"Crystal radius [m]": radius, "Particle radius [m]": radius}
    lithium_rich = [s for s in stacks if s.name.startswith("lrm")]
    lines = verb.simulated_ragone(lithium_rich, parameters=inputs) if with_ragone else {}
    if output is not None:
        from lirich.plots.page import page
        from lirich.workbench.userfiles import write_text

        write_text(output, page("Cell design", verb.figures_of(stacks, ways, lines)))
    if json:
        print_json(
            {
                "designs": [verb.to_dict(s) for s in stacks],
                "ways": [verb.way_dict(w) for w in ways],
                "ragone": {n: line.to_dict() for n, line in lines.items()},
            }
        )
        return
    out = console()
    rows = [
        (
            s.name,
            f"{s['areal_capacity_mah_cm2']:g}",
            f"{s.voltage_v:.2f}",
            f"{s.stack_wh_kg:.0f}",
            f"{s.stack_wh_l:.0f}",
            f"{s.cell_wh_kg:.0f}" if s.cell_wh_kg is not None else "–",
            f"{sum(a.guess for a in s.assumptions.values())} of {len(s.assumptions)}",
        )
        for s in stacks
    ]
    heads = ("design", "mAh/cm²", "V", "stack Wh/kg", "stack Wh/L", "cell Wh/kg", "guesses")
    show_table("Cell designs (computed)", heads, rows, right=(1, 2, 3, 4, 5))
    if any(s.cell_wh_kg is None for s in stacks):
        out.print("[dim]–: no packaging is stated of these stacks, and a cell weighs more than its stack.[/]")
    if cell is not None:
        out.print(f"cathode_potential_v: {escape(stacks[0].assumptions['cathode_potential_v'].source)}")
    show_findings([f for s in stacks for f in verb.doubts(s)])
    if name is not None:
        stack = stacks[0]
        layers = [(x.name, f"{x.mass_mg_cm2:.2f}", f"{x.thickness_um:.1f}") for x in stack.layers]
        show_table("Layers", ("layer", "mg/cm²", "µm (charged)"), layers, right=(1, 2))
        assumed = [(a.name, f"{a.value:g}", "guess" if a.guess else "", a.source) for a in stack.assumptions.values()]
        show_table("Assumptions", ("assumption", "value", "", "source"), assumed, right=(1,))
    for way in ways:
        if way.already:
            has = f"{way.start.name} has {way.start.stack_wh_kg:.0f} Wh/kg as it is"
            out.print(f"[bold]{way.target_wh_kg:g} Wh/kg is reached already[/]: {has}; nothing has to change.")
            continue
        moves = [(m.name, f"{m.before:.4g}", f"{m.after:.4g}", f"{m.stack_wh_kg:.0f}", m.why) for m in way.moves]
        show_table(
            f"What {way.target_wh_kg:g} Wh/kg needs of {way.start.name} ({way.start.stack_wh_kg:.0f} Wh/kg as it is)",
            ("assumption", "from", "to", "Wh/kg then", "its limit is"),
            moves,
            right=(1, 2, 3),
        )
        known = {f.message for f in verb.doubts(way.start)}
        show_findings([f for f in verb.doubts(way.end) if f.message not in known])
        if not way.reached:
            need = way.needed_capacity_mah_g
            more = f"a cathode of {need:.0f} mAh/g would be needed" if need else "no cathode capacity would do"
            out.print(f"[bold]Not reached[/]: {way.end.stack_wh_kg:.0f} Wh/kg at every limit; {more}.")
    for n, line in lines.items():
        if line.failed:
            out.print(f"[yellow]{escape(n)} was not simulated:[/] {escape(line.failed)}")
            continue
        entries = [
            (
                f"{p.rate_c:g}C",
                f"{p.capacity_mah_g:.0f}",
                f"{p.voltage_v:.2f}",
                f"{p.stack_wh_kg:.0f}",
                f"{p.stack_w_kg:.0f}",
                p.stopped,
            )
            for p in line.points
        ]
        columns = ("rate", "mAh/g", "V", "Wh/kg", "W/kg", "")
        show_table(f"{n}, simulated by the {line.model}", columns, entries, right=(1, 2, 3, 4))
    if output is not None:
        out.print(f"Figures: [bold]{escape(str(output))}[/]")


def _changes(given: Sequence[str]) -> dict[str, float]:
    changes = {}
    for text in given:
        name, sign, value = text.partition("=")
        try:
            changes[name.strip()] = float(value)
        except ValueError:
            sign = ""
        if not sign:
            raise InputError(f"--set {text}", expected="NAME=NUMBER, such as areal_capacity_mah_cm2=5")
    return changes

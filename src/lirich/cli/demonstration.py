"""How ``lirich demo`` tells its story."""

from __future__ import annotations

import time
from pathlib import Path

import typer
from rich.markup import escape

from lirich.cli.output import PARTLY, console, print_json, show_table
from lirich.errors import NotEnoughDataError

REAL_FIGURES = (
    "initial_coulombic_efficiency",
    "activation_voltage_v",
    "slope_capacity_mah_g",
    "plateau_capacity_mah_g",
)


def run_demo(folder: Path, *, fresh: bool, json: bool) -> None:
    """Run the demo, write the report, print where it is and the main numbers."""
    from lirich.cli.cells import list_cells
    from lirich.cli.comparison import show_comparison
    from lirich.cli.screening import show as show_screening
    from lirich.model.format import format_value
    from lirich.quantities import QUANTITIES
    from lirich.reports import write_page, write_report
    from lirich.reports.screening import screening_report
    from lirich.testing.digitised import CELL_KEY
    from lirich.workbench.demo import run
    from lirich.workbench.screening.screen import shipped_result

    started = time.monotonic()

    def say(text: str) -> None:
        if not json:
            console().print(f"[dim]{time.monotonic() - started:5.1f} s[/]  {escape(text)}")

    demo = run(folder, fresh=fresh, say=say)
    say("Comparing SC with PC")
    comparison = demo.workspace.compare("morphology")
    say("Writing the report")
    report = write_report(demo.workspace, demo.report, by="morphology")
    crystal = write_report(demo.crystal, demo.crystal_report, by="morphology") if demo.crystal else None
    say("Reading the shipped results of a screening of three dopants (`lirich screen dopants demo` computes them)")
    screening = shipped_result("demo")
    screening_page = write_page(demo.screening_report, screening_report(screening))
    say("Done")
    real = demo.workspace.cells[CELL_KEY]
    figures = {}
    for key in REAL_FIGURES:
        try:
            figures[key] = real.value(key)
        except NotEnoughDataError:
            continue
    if json:
        print_json(
            {
                "report": str(report),
                "crystal_report": str(crystal) if crystal else None,
                "screening_report": str(screening_page),
                "screening": screening.to_dict()["candidates"],
                "workspace": str(demo.workspace.root),
                "seconds": round(time.monotonic() - started, 1),
                "real_cell": {k: v.value for k, v in figures.items()},
                "added": demo.added.to_dict(),
                "analysed": demo.analysed.to_dict(),
                "comparison": comparison.to_dict(),
            }
        )
    else:
        rows = [(QUANTITIES[k].name, format_value(v)) for k, v in figures.items()]
        show_table(f"The real Li-rich cell ({CELL_KEY}, measured, digitised)", ("quantity", "value"), rows, right=(1,))
        show_comparison(comparison)
        if demo.crystal:
            console().print("The same real cell beside cells of the crystal model (lirich simulate):")
            list_cells(demo.crystal, json=False)
        console().print("Three dopants, computed beforehand (lirich screen dopants demo):")
        show_screening(screening)
        console().print(f"Report:    [bold]{escape(str(report))}[/]")
        if crystal:
            console().print(f"           [bold]{escape(str(crystal))}[/] (crystal model)")
        console().print(f"           [bold]{escape(str(screening_page))}[/] (three dopants)")
        console().print(f"Workspace: [bold]{escape(str(demo.workspace.root))}[/]")
        console().print("The laboratory's cells are simulated, and say so everywhere; the real cell is measured.")
    if demo.added.failed or demo.analysed.failed:
        raise typer.Exit(PARTLY)

"""How ``lirich learn`` speaks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from rich.markup import escape

from lirich.cli.output import console, print_json, show_findings, show_table
from lirich.errors import InputError, UnknownNameError

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from lirich.model import Finding
    from lirich.plots import Figure
    from lirich.workbench.learning.completion import CompletionResult
    from lirich.workbench.learning.drivers import DriversResult
    from lirich.workbench.learning.factors import FactorsResult
    from lirich.workbench.learning.forecast_result import ForecastResult
    from lirich.workbench.learning.maps import MapResult
    from lirich.workbench.learning.outliers import OutliersResult

MOST_CELLS = 20
_NO_VOLTAGE = 100.0  # V; no electrode has it, and no voltage in mV is below it


class _Result(Protocol):
    @property
    def figures(self) -> list[Figure]: ...
    @property
    def findings(self) -> Sequence[Finding]: ...
    def to_dict(self) -> dict[str, Any]: ...


R = TypeVar("R", bound=_Result)


def show_map(result: MapResult) -> None:
    """Print a map and the way of every cell."""
    from lirich.learn.loadings import describe
    from lirich.learn.matrix import UNITS
    from lirich.model.format import format_count

    model, out = result.model, console()
    unit, along = UNITS[model.kind_]
    learned = result.scores["learned"].sum()
    what = f"{format_count(model.n_curves_)} curves" if model.n_curves_ else "published loadings"
    out.print(
        f"[bold]{escape(result.name)}[/]: {len(model.components_)} components of {what} ({model.kind_} of "
        f"{model.direction_}, {len(model.grid_)} points, {model.grid_[0]:g} to {model.grid_[-1]:g} "
        f"{along})" + (f"; places on it for {result.scores.height - learned} more" if learned else "")
    )
    rows = [
        (
            f"PC{c['component']}", f"{100 * c['share']:.3g} %" if model.n_curves_ else "", f"{c['spread']:.3g}",
            f"{c['extreme_at']:.2f}", ", ".join(f"{v:.2f}" for v in c["crosses_at"]) or "nowhere",
        )
        for c in describe(model).to_dicts()
    ]  # fmt: skip
    heads = ("component", "of variance", f"spread ({unit})", "largest at", "changes sign at")
    show_table("", heads, rows, right=(1, 2, 3))
    table = result.cells
    two = "last_pc2" in table.columns
    shown = [
        (
            r["cell"], r["group"], r["origin"], r["curves"], f"{r['first_cycle']}–{r['last_cycle']}",
            _place(r, "first", two), _place(r, "last", two), f"{r['off_map']:.2g}",
            ", ".join(f"{b:.0f}" for b in r["bends"] or ()),
        )
        for r in _some(table.to_dicts())
    ]  # fmt: skip
    columns = (
        "cell",
        "group",
        "origin",
        "curves",
        "cycles",
        f"from PC1, PC2 ({unit})",
        "to",
        "off map",
        "turns at cycle",
    )
    show_table("", columns, shown, right=(3, 5, 6, 7))
    if table.height > MOST_CELLS:
        out.print(f"[dim]… and {table.height - MOST_CELLS} more cells; --json shows all[/]")
        _show_groups(table, two, unit)
    if result.parted is not None:
        p = result.parted
        out.print(
            f"{' and '.join(escape(g) for g in p.groups)}: [bold]{p.right} of {p.cells}[/] cells lie nearest to their "
            "own group (each judged without itself)"
        )
    if result.choice is not None:
        out.print(result.components_in_words)
    for reason, count in result.left_out.group_by("reason").len().sort("len", descending=True).head(4).iter_rows():
        out.print(f"[dim]left out: {count} × {escape(reason)}[/]")
    show_findings(result.findings)


def _show_groups(table: pl.DataFrame, two: bool, unit: str) -> None:
    import polars as pl

    ends = [f"{w}_pc{i}" for w in ("first", "last") for i in ((1, 2) if two else (1,))]
    groups = table.group_by("group", "origin").agg(pl.len().alias("cells"), pl.col(ends).mean()).sort("group", "origin")
    rows = [
        (r["group"], r["origin"], r["cells"], _place(r, "first", two), _place(r, "last", two))
        for r in groups.to_dicts()
    ]
    show_table("Means", ("group", "origin", "cells", f"from PC1, PC2 ({unit})", "to"), rows, right=(2, 3, 4))


def show_completion(result: CompletionResult) -> None:
    """Print a completed curve."""
    from lirich.model.format import format_origins

    out, inside, unit, end = console(), result.grid[result.observed], result.unit, result.end
    along = result.along_unit
    of = format_origins([result.origin])
    cell = f"{escape(result.cell)} ({of})" if of else escape(result.cell)
    title = f"[bold]{cell}, cycle {result.cycle}[/] from {inside[0]:.2f} to {inside[-1]:.2f} {along}"
    if result.refused:
        out.print(f"{title}: [yellow]{escape(result.refused)}[/]")
    else:
        out.print(
            f"{title}: {result.curve[end]:.1f} {unit} at {result.grid[end]:.2f} {along} "
            f"({100 * result.level:g} %: {result.low[end]:.1f} to {result.high[end]:.1f}; predicted)"
        )
        if result.rmse is not None and result.rmse_recipe is not None and result.inside is not None:
            out.print(
                f"Against the curve itself ({result.origin}): RMSE {result.rmse:.2f} {unit}, "
                f"{100 * result.inside:.0f} % of what was hidden lies in the band. "
                f"Plain least squares on 7 components: {result.rmse_recipe:.2f} {unit}"
            )
        out.print(f"[dim]The window leaves {100 * result.doubt:.0f} % of the doubt that there is without it.[/]")
    if result.cells_learned is not None and all(f.code != "few-cells" for f in result.findings):
        out.print(f"[dim]Learned from {result.cells_learned} cells.[/]")
    if result.error_map is not None:
        from lirich.learn.completion import best_windows

        rows = [
            (
                f"{r['low']:.2f}–{r['high']:.2f}",
                *(f"{r[name]:.2f}" for name in ("hidden_rmse", "rmse", "anchor_rmse", "half_width")),
                f"{100 * r['cannot_tell']:.0f} %",
            )
            for r in best_windows(result.error_map).to_dicts()
        ]
        window, error = f"window ({along})", f"RMSE off it ({unit})"
        heads = (window, error, "whole curve", "least squares", "half band", "cannot tell")
        show_table("The best window of each length, on cells left out", heads, rows, right=(1, 2, 3, 4, 5))
    show_findings(result.findings)


def show_forecast(result: ForecastResult) -> None:
    """Print forecasts beside the skill against naive ones."""
    from lirich.model.format import format_origins, format_value
    from lirich.quantities import QUANTITIES

    what = QUANTITIES[result.figure]
    rows = []
    for value in _some(result.values):
        told = value.provenance.parameters
        rows.append(
            (
                value.subject.key, value.conditions.other["first_cycles"], value.conditions.cycle, format_value(value),
                "" if (truth := result.truth(value)) is None else f"{truth:.4g}", told["trained_on_cells"],
                f"{told['skill_against_last_value']:.2f}", f"{told['skill_against_straight_line']:.2f}",
                "yes" if value.flags else "",
            )
        )  # fmt: skip
    heads = (
        "cell", "seen", "at cycle", what.name, "came true", "from cells", "skill: last value", "skill: line",
        "beyond training",
    )  # fmt: skip
    of = format_origins(result.origins)
    title = f"{what.name} (predicted{f' for {of} cells' if of else ''}; intervals of {100 * result.level:g} %)"
    show_table(title, heads, rows, right=(1, 2, 4, 5, 6, 7))
    out = console()
    if len(result.values) > MOST_CELLS:
        out.print(f"[dim]… and {len(result.values) - MOST_CELLS} more; --json shows all[/]")
    out.print("[dim]Skill is on cells left out: 1 − error / error of the naive forecast; 0 is no better, 1 perfect.[/]")
    for cell, why in list(result.refused.items())[:6]:
        out.print(f"[yellow]no forecast[/] {escape(cell)}: {escape(why)}")
    if len(result.refused) > 6:
        out.print(f"[dim]… and {len(result.refused) - 6} more cells without a forecast[/]")
    show_findings(result.findings)


def show_outliers(result: OutliersResult) -> None:
    """Print how unlike the others each cell is."""
    from lirich.model.format import format_origins

    flagged = int(result.cells["flagged"].sum())
    rows = [
        (
            r["cell"], f"{r['p']:.3g}", "flagged" if r["flagged"] else "", r["way"],
            "" if r["cycle"] is None else r["cycle"], f"{r['scale']:.3f}" if r["way"] == "scale" else "", r["curves"],
        )
        for r in _some(result.cells.to_dicts())
    ]  # fmt: skip
    heads = ("cell", "p", "", "most unlike in", "at cycle", "as a usual curve times", "curves")
    of = format_origins([result.origin])
    title = f"{flagged} of {result.cells.height} {f'{of} ' if of else ''}cells flagged"
    show_table(title, heads, rows, right=(1, 4, 5, 6))
    out, share = console(), f"{100 * result.rate:g} %"
    if result.cells.height > MOST_CELLS:
        out.print(f"[dim]… and {result.cells.height - MOST_CELLS} more cells; --json shows all[/]")
    if result.curves is None:
        out.print(
            f"Each cell was judged by models of the others, and p is its rank among them: {share} of them are flagged "
            "even if all are sound. Name sound cells (--sound) or a saved detector (--model) for more."
        )
    else:
        curves = int(result.curves["flagged"].sum())
        out.print(
            f"Judged by {len(result.learned_from)} cells. Of sound cells like these {share} are flagged. "
            f"{curves} of {result.curves.height} curves are flagged."
        )
    show_findings(result.findings)


def show_drivers(result: DriversResult) -> None:
    """Print what explains a figure, beside the naive baseline."""
    from lirich.model.format import format_origins
    from lirich.quantities import QUANTITIES

    what, model = QUANTITIES[result.figure], result.model
    rows = [
        (r["model"], f"{r['rmse']:.3g}", f"{r['skill']:.2f}", "naive" if r["p"] is None else f"{r['p']:.2g}")
        for r in model.models_.to_dicts()
    ]
    unit = f" ({what.unit})" if what.unit != "1" else ""
    of = format_origins([result.origin])
    title = f"{what.name} of samples left out ({len(model.samples_)} samples{f', {of}' if of else ''})"
    show_table(title, ("model", f"RMSE{unit}", "skill", "p"), rows, right=(1, 2, 3))
    if model.importances_.height:
        fields = [
            (
                r["field"].replace("_", " "), f"{r['rmse_increase']:.3g}", f"{r['low']:.3g} to {r['high']:.3g}",
                f"{r['p']:.2g}", "told" if r["told"] else "not told",
            )
            for r in _some(model.importances_.to_dicts())
        ]  # fmt: skip
        heads = ("field", f"error more when shuffled{unit}", "90 %", "p", "")
        show_table("", heads, fields, right=(1, 2, 3))
    show_findings(result.findings)


def show_factors(result: FactorsResult) -> None:
    """Print how well each state is read, and what the components are made of."""
    from lirich.model.format import format_origins

    cells, curves = result.curves.filter(result.curves["learned"]), result.model.table_
    rows = [
        (r["state"].replace("_", " "), r["cells"], r["curves"], f"{r['r2']:.3f}", _number(r["r2_within"]),
         f"{r['rmse']:.3g}", f"{r['spread']:.3g}")
        for r in curves.to_dicts()
    ]  # fmt: skip
    heads = ("state", "cells", "curves", "R²", "R² within group and cycle", "RMSE", "its own spread")
    of = format_origins(result.origins)
    title = f"Read from the map {result.map}, on {f'{of} ' if of else ''}cells left out"
    show_table(title, heads, rows, right=(1, 2, 3, 4, 5, 6))
    if result.meaning.height:
        told = [
            (f"PC{r['component']}", r["state"].replace("_", " "), *(_number(r[n]) for n in _MEANING))
            for r in _some(result.meaning.filter(result.meaning["component"] <= 2).to_dicts())
        ]
        columns = ("component", "state", "r", "R² alone", "R² of all", "R² without it")
        show_table("What the components are made of", columns, told, right=(2, 3, 4, 5))
    if not cells.height:
        console().print(f"Read by regressions that were kept: {result.curves.height} curves; --json shows all")
    show_findings(result.findings)


_MEANING = ("r", "r2_alone", "r2_all", "r2_without")


def answer(result: R, output: Path | None, title: str, show: Callable[[R], None], *, json: bool) -> None:
    """Write the page and print the JSON, where they are asked for, or the words."""
    if output is not None:
        from lirich import __version__
        from lirich.plots.page import page
        from lirich.workbench.learning.shown import told
        from lirich.workbench.userfiles import write_text

        facts, table = told(result)
        made = f"Made by lirich {__version__} on {datetime.now(UTC):%Y-%m-%d %H:%M} UTC."
        text = page(title, result.figures, facts=(*facts, made), findings=result.findings, tables=[table])
        write_text(output, text)
    if json:
        print_json(result.to_dict())
        return
    show(result)
    if output is not None:
        console().print(f"Figures: [bold]{escape(str(output))}[/]")


def window_of(text: str | None, option: str = "--window") -> tuple[float, float] | None:
    """Return the ends of a window such as ``3.3:3.9``. Raises `InputError`."""
    if text is None:
        return None
    low, colon, high = text.partition(":")
    try:
        ends = float(low), float(high)
    except ValueError:
        ends = (0.0, 0.0)
    if not colon or not ends[0] < ends[1] < float("inf"):
        raise InputError(f"{option} {text}", expected="two voltages, the lower first, such as 3.3:3.9")
    if ends[0] >= _NO_VOLTAGE:
        raise InputError(
            f"{option} {text}", expected=f"volts, not mV: {ends[0] / 1000:g}:{ends[1] / 1000:g}, if that is meant"
        )
    return ends


def grid_of(window: str | None, points: int | None) -> NDArray[np.float64] | None:
    """Return the grid of a map, V; ``None`` for the usual one. Raises `InputError`."""
    import numpy as np

    from lirich.workbench.learning.curvematrix import ANCHOR_GRID, DEFAULT_POINTS

    ends = window_of(window, "--grid")
    if ends is None and points is None:
        return None
    return np.linspace(*(ends or ANCHOR_GRID[:2]), points or DEFAULT_POINTS)


def cycles_of(text: str | None) -> list[int]:
    """Return the cycles of a text such as ``50,100``; none without it. Raises `InputError`."""
    if text is None:
        return []
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise InputError(f"--at {text!r}", expected="a cycle number, or several: 50,100") from None


def table_of(path: Path) -> pl.DataFrame:
    """Return a table of states. Raises `InputError` where it cannot be read."""
    import polars as pl

    from lirich.model.spreadsheet import read_csv
    from lirich.workbench.userfiles import need_text

    need_text(path)
    try:
        return pl.read_parquet(path) if path.suffix.lower() == ".parquet" else read_csv(path)
    except (OSError, UnicodeDecodeError, pl.exceptions.PolarsError) as error:
        raise InputError(f"{path.name} cannot be read as a table: {str(error).splitlines()[0]}") from error


def check_direction(text: str) -> None:
    """Raise `UnknownNameError` on what is neither charge nor discharge."""
    if text not in ("charge", "discharge"):
        raise UnknownNameError.of("direction", text, ("charge", "discharge"))


def check_share(value: float | None, option: str) -> None:
    """Raise `InputError` on what is no share."""
    if value is not None and not 0.0 < value < 1.0:
        raise InputError(f"{option} {value:g}", expected="a share between 0 and 1, such as 0.05 or 0.9")


def _place(row: dict[str, Any], which: str, two: bool) -> str:
    return f"{row[f'{which}_pc1']:.1f}" + (f", {row[f'{which}_pc2']:.1f}" if two else "")


def _some(rows: Sequence[Any]) -> Sequence[Any]:
    return rows[:MOST_CELLS]


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"

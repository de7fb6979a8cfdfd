"""How ``lirich learn`` speaks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, cast

from rich.markup import escape

from lirich.cli.options import open_workspace
from lirich.cli.output import console, print_json, progress_bar, show_findings, show_table
from lirich.errors import InputError, UnknownNameError

if TYPE_CHECKING:
    import polars as pl

    from lirich.plots import Figure
    from lirich.store import ModelRecord
    from lirich.workbench.learn_answers import DriversResult, ForecastResult, OutliersResult
    from lirich.workbench.learn_completion import CompletionResult
    from lirich.workbench.learn_maps import MapResult

MOST_CELLS = 20


class _Result(Protocol):
    @property
    def figures(self) -> list[Figure]: ...
    def to_dict(self) -> dict[str, Any]: ...


def state_map(
    cells: list[str] | None,
    components: int,
    direction: str | None,
    window: str | None,
    points: int,
    only: str,
    learn_from: str | None,
    name: str,
    model: str | None,
    output: Path | None,
    folder: Path | None,
    *,
    workers: int | None,
    executor: str,
    json: bool,
) -> None:
    """Learn the state map, or place the cells on one that is kept."""
    import numpy as np

    ends = _window(window)
    grid = None if ends is None else np.linspace(*ends, points)
    if grid is None and points != 501:
        grid = np.linspace(3.0, 4.5, points)
    _check_output(output)
    with open_workspace(folder) as workspace, progress_bar("curves", quiet=json) as progress:
        more: dict[str, Any] = {"only": only, "executor": executor, "workers": workers, "progress": progress}
        if model is not None:
            if learn_from is not None:
                raise InputError("--from beside --model", expected="one of the two: a saved map is not learned again")
            result = workspace.learn.place(model, cells, grid=grid, direction=direction, **more)
        else:
            result = workspace.learn.map(
                cells, name=name, n_components=components, grid=grid, learn_from=learn_from,
                direction=_direction(direction or "charge"), **more,
            )  # fmt: skip
        _give(result, output, f"State map of {workspace.store.settings.name or workspace.root.name}", json=json)
        if not json:
            _show_map(result, output)


def _show_map(result: MapResult, output: Path | None) -> None:
    model, out = result.model, console()
    unit = {"Q(V)": "mAh/g", "V(Q)": "V", "dQ/dV": "mAh/g/V"}[model.kind_]
    learned = result.scores["learned"].sum()
    what = f"{model.n_curves_:,} curves" if model.n_curves_ else "published loadings"
    out.print(
        f"[bold]{escape(result.name)}[/]: {len(model.components_)} components of {what} ({model.kind_} of "
        f"{model.direction_}, {len(model.grid_)} points, {model.grid_[0]:g} to {model.grid_[-1]:g} "
        f"{'mAh/g' if model.kind_ == 'V(Q)' else 'V'})"
        + (f"; places on it for {result.scores.height - learned} more" if learned else "")
    )
    from lirich.learn.loadings import describe

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
        by = result.choice.by_cells
        most = int(result.choice.table["k"].max() or 0)  # type: ignore[arg-type]
        told = "too few cells to leave any out" if by is None else f"cells left out speak for {_or_more(by, most)}"
        out.print(f"Components: {told}; the evidence for {_or_more(result.choice.by_evidence, most)}")
    for reason, count in result.left_out.group_by("reason").len().sort("len", descending=True).head(4).iter_rows():
        out.print(f"[dim]left out: {count} × {escape(reason)}[/]")
    show_findings(result.findings)
    _say_output(output)


def _show_groups(table: pl.DataFrame, two: bool, unit: str) -> None:
    import polars as pl

    ends = [f"{w}_pc{i}" for w in ("first", "last") for i in ((1, 2) if two else (1,))]
    groups = table.group_by("group", "origin").agg(pl.len().alias("cells"), pl.col(ends).mean()).sort("group", "origin")
    rows = [
        (r["group"], r["origin"], r["cells"], _place(r, "first", two), _place(r, "last", two))
        for r in groups.to_dicts()
    ]
    show_table("Means", ("group", "origin", "cells", f"from PC1, PC2 ({unit})", "to"), rows, right=(2, 3, 4))


def complete(
    cell: str,
    cycle: int,
    window: str | None,
    model: str | None,
    name: str | None,
    components: int | None,
    level: float,
    direction: str,
    only: str,
    errors: bool,
    output: Path | None,
    folder: Path | None,
    *,
    workers: int | None,
    executor: str,
    json: bool,
) -> None:
    """Complete one curve."""
    ends = _window(window)
    _share(level, "--level")
    _check_output(output)
    if model is not None and name is not None:
        raise InputError("--name beside --model", expected="one of the two: a saved model is not learned again")
    with open_workspace(folder) as workspace, progress_bar("curves", quiet=json) as progress:
        result = workspace.learn.complete(
            cell, cycle, window=ends, model=model, name=name, components=components, level=level,
            direction=_direction(direction), only=only, errors=errors, executor=executor, workers=workers,
            progress=progress,
        )  # fmt: skip
    _give(result, output, f"Completion of {result.cell}, cycle {result.cycle}", json=json)
    if not json:
        _show_completion(result, output)


def _show_completion(result: CompletionResult, output: Path | None) -> None:
    out, inside, unit = console(), result.grid[result.observed], result.unit
    title = f"[bold]{escape(result.cell)}, cycle {result.cycle}[/] from {inside[0]:.2f} to {inside[-1]:.2f} V"
    if result.refused:
        out.print(f"{title}: [yellow]{escape(result.refused)}[/]")
    else:
        out.print(
            f"{title}: {result.curve[-1]:.1f} {unit} at {result.grid[-1]:.2f} V "
            f"({100 * result.level:g} %: {result.low[-1]:.1f} to {result.high[-1]:.1f}; predicted)"
        )
        if result.rmse is not None and result.rmse_recipe is not None and result.inside is not None:
            out.print(
                f"Against the curve itself ({result.origin}): RMSE {result.rmse:.2f} {unit}, "
                f"{100 * result.inside:.0f} % of what was hidden lies in the band. "
                f"Plain least squares on 7 components: {result.rmse_recipe:.2f} {unit}"
            )
        out.print(f"[dim]The window leaves {100 * result.doubt:.0f} % of the doubt that there is without it.[/]")
    if result.error_map is not None:
        rows = [
            (f"{r['low']:.2f}–{r['high']:.2f}", f"{r['rmse']:.2f}", f"{r['anchor_rmse']:.2f}", f"{r['half_width']:.2f}",
             f"{100 * r['cannot_tell']:.0f} %")
            for r in result.error_map.sort("rmse").head(5).to_dicts()
        ]  # fmt: skip
        heads = ("window (V)", f"RMSE ({unit})", "least squares", "half-width of the band", "cannot tell")
        show_table("The best windows, on cells left out", heads, rows, right=(1, 2, 3, 4))
    show_findings(result.findings)
    _say_output(output)


def forecast(
    cells: list[str] | None,
    figure: str,
    at: str,
    first: int | None,
    level: float,
    output: Path | None,
    folder: Path | None,
    *,
    json: bool,
) -> None:
    """Forecast a figure of cells."""
    try:
        horizons = [int(part) for part in at.split(",")]
    except ValueError:
        raise InputError(f"--at {at!r}", expected="a cycle number, or several: 50,100") from None
    _share(level, "--level")
    _check_output(output)
    with open_workspace(folder) as workspace:
        result = workspace.learn.forecast(figure, horizons, first_cycles=first, cells=cells, level=level)
    _give(result, output, "Forecast", json=json)
    if not json:
        _show_forecast(result, output)


def _show_forecast(result: ForecastResult, output: Path | None) -> None:
    from lirich.model.format import format_value
    from lirich.quantities import QUANTITIES

    what = QUANTITIES[result.figure]
    rows = []
    for value in _some(result.values):
        told = value.provenance.parameters
        rows.append(
            (
                value.subject.key, value.conditions.other["first_cycles"], value.conditions.cycle, format_value(value),
                told["trained_on_cells"], f"{told['skill_against_last_value']:.2f}",
                f"{told['skill_against_straight_line']:.2f}", "outside" if value.flags else "",
            )
        )  # fmt: skip
    heads = ("cell", "seen", "at cycle", what.name, "from cells", "skill: last value", "skill: line", "")
    show_table(f"{what.name} (predicted; intervals of {100 * result.level:g} %)", heads, rows, right=(1, 2, 4, 5, 6))
    out = console()
    if len(result.values) > MOST_CELLS:
        out.print(f"[dim]… and {len(result.values) - MOST_CELLS} more; --json shows all[/]")
    out.print("[dim]Skill is on cells left out: 1 − error / error of the naive forecast; 0 is no better, 1 perfect.[/]")
    for cell, why in list(result.refused.items())[:6]:
        out.print(f"[yellow]no forecast[/] {escape(cell)}: {escape(why)}")
    if len(result.refused) > 6:
        out.print(f"[dim]… and {len(result.refused) - 6} more cells without a forecast[/]")
    show_findings(result.findings)
    _say_output(output)


def outliers(
    cells: list[str] | None,
    rate: float,
    sound: list[str] | None,
    model: str | None,
    name: str | None,
    output: Path | None,
    folder: Path | None,
    *,
    workers: int | None,
    executor: str,
    json: bool,
) -> None:
    """Find cells that are unlike the others."""
    _share(rate, "--false-alarms")
    _check_output(output)
    with open_workspace(folder) as workspace, progress_bar("curves", quiet=json) as progress:
        result = workspace.learn.outliers(
            false_alarms=rate, cells=cells or None, sound=sound or None, model=model, name=name, executor=executor,
            workers=workers, progress=progress,
        )  # fmt: skip
    _give(result, output, "Cells unlike the others", json=json)
    if not json:
        _show_outliers(result, output)


def _show_outliers(result: OutliersResult, output: Path | None) -> None:
    flagged = int(result.cells["flagged"].sum())
    rows = [
        (
            r["cell"], f"{r['p']:.3g}", "flagged" if r["flagged"] else "", r["way"],
            "" if r["cycle"] is None else r["cycle"], f"{r['scale']:.3f}" if r["way"] == "scale" else "", r["curves"],
        )
        for r in _some(result.cells.to_dicts())
    ]  # fmt: skip
    heads = ("cell", "p", "", "most unlike in", "at cycle", "as a usual curve times", "curves")
    show_table(f"{flagged} of {result.cells.height} cells flagged", heads, rows, right=(1, 4, 5, 6))
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
    _say_output(output)


def drivers(
    cells: list[str] | None,
    figure: str,
    fields: list[str] | None,
    source: str,
    output: Path | None,
    folder: Path | None,
    *,
    json: bool,
) -> None:
    """Ask what explains a figure."""
    if source not in ("cells", "literature"):
        raise UnknownNameError.of("source", source, ("cells", "literature"))
    _check_output(output)
    with open_workspace(folder) as workspace:
        result = workspace.learn.drivers(
            figure, fields=fields or None, source=cast(Literal["cells", "literature"], source), cells=cells or None
        )
    _give(result, output, "Drivers", json=json)
    if not json:
        _show_drivers(result, output)


def _show_drivers(result: DriversResult, output: Path | None) -> None:
    from lirich.quantities import QUANTITIES

    what, model = QUANTITIES[result.figure], result.model
    rows = [
        (r["model"], f"{r['rmse']:.3g}", f"{r['skill']:.2f}", "naive" if r["p"] is None else f"{r['p']:.2g}")
        for r in model.models_.to_dicts()
    ]
    unit = f" ({what.unit})" if what.unit != "1" else ""
    title = f"{what.name} of samples left out ({len(model.samples_)} samples)"
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
    _say_output(output)


def models(remove: str | None, folder: Path | None, *, json: bool) -> None:
    """List the models, or forget one."""
    with open_workspace(folder) as workspace:
        if remove is not None:
            workspace.learn.forget(remove)
        records = workspace.learn.models
    if json:
        print_json({"models": [r.model_dump(mode="json") for r in records], "removed": remove})
        return
    if remove is not None:
        console().print(f"Forgot the model [bold]{escape(remove)}[/].")
    if not records:
        console().print("There is no model yet. Learn one: lirich learn map")
        return
    rows = [
        (
            r.name, r.kind, len(r.trained_on) or "", ", ".join(f"{k} {_short(v)}" for k, v in r.parameters.items()),
            f"{r.size / 1024:,.0f} kB", datetime.fromtimestamp(r.created_unix_second, UTC).strftime("%Y-%m-%d %H:%M"),
        )
        for r in records
    ]  # fmt: skip
    show_table(
        "", ("name", "kind", "files learned from", "with", "size", "made (UTC)"), rows, right=(2, 4), whole=(0, 5)
    )


def take_in(source: str, name: str | None, folder: Path | None, *, json: bool) -> None:
    """Take in a model from elsewhere."""
    with open_workspace(folder) as workspace:
        record = workspace.learn.take_in(source, name)
    if json:
        print_json(record.model_dump(mode="json"))
        return
    console().print(f"Took in [bold]{escape(record.name)}[/], a {escape(record.kind)} ({record.size / 1024:,.0f} kB).")
    if "source" in record.parameters:
        console().print(f"[dim]{escape(str(record.parameters['source']))}[/]")
    console().print(f"Next: {escape(_next(record))}")


def give_away(name: str, file: Path, folder: Path | None, *, json: bool) -> None:
    """Write a model as one file."""
    with open_workspace(folder) as workspace:
        path = workspace.learn.give_away(name, file)
    if json:
        print_json({"model": name, "file": str(path), "size": path.stat().st_size})
        return
    console().print(f"Wrote the model [bold]{escape(name)}[/] to {escape(str(path))}.")


def _next(record: ModelRecord) -> str:
    if record.kind in ("state-map", "probabilistic-map", "completion"):
        return f"lirich learn map --model {record.name}, or lirich learn complete CELL --cycle N --model {record.name}"
    return f"lirich learn outliers --model {record.name}" if record.kind == "outliers" else "lirich learn models"


def _give(result: _Result, output: Path | None, title: str, *, json: bool) -> None:
    """Write the page and print the JSON, where they are asked for."""
    if output is not None:
        from lirich.plots.page import page

        try:
            output.write_text(page(title, result.figures), encoding="utf-8")
        except OSError as error:
            raise InputError(f"{output} cannot be written: {error.strerror}") from error
    if json:
        print_json(result.to_dict())


def _check_output(output: Path | None) -> None:
    """Raise `InputError` before the work where the page cannot be written after it."""
    if output is not None and (output.is_dir() or not output.absolute().parent.is_dir()):
        raise InputError(f"{output} cannot be written", expected="a file in a folder that is there")


def _say_output(output: Path | None) -> None:
    if output is not None:
        console().print(f"Figures: [bold]{escape(str(output))}[/]")


def _window(text: str | None) -> tuple[float, float] | None:
    if text is None:
        return None
    low, colon, high = text.partition(":")
    try:
        ends = float(low), float(high)
    except ValueError:
        ends = (0.0, 0.0)
    if not colon or not ends[0] < ends[1] < float("inf"):
        raise InputError(f"--window {text}", expected="two voltages, the lower first, such as 3.3:3.9")
    return ends


def _direction(text: str) -> Literal["charge", "discharge"]:
    if text not in ("charge", "discharge"):
        raise UnknownNameError.of("direction", text, ("charge", "discharge"))
    return cast(Literal["charge", "discharge"], text)


def _share(value: float, option: str) -> None:
    if not 0.0 < value < 1.0:
        raise InputError(f"{option} {value:g}", expected="a share between 0 and 1, such as 0.05 or 0.9")


def _place(row: dict[str, Any], which: str, two: bool) -> str:
    return f"{row[f'{which}_pc1']:.1f}" + (f", {row[f'{which}_pc2']:.1f}" if two else "")


def _some(rows: Sequence[Any]) -> Sequence[Any]:
    return rows[:MOST_CELLS]


def _or_more(k: int, most: int) -> str:
    return f"{k} or more" if k >= most else str(k)


def _short(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)

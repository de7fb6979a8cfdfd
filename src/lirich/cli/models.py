"""The commands of ``lirich learn`` for models that are kept: ``models``, ``compare``, ``import`` and ``export``."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from lirich.cli import complete as offers
from lirich.cli.options import Json, WorkspaceFolder, open_workspace
from lirich.cli.output import console, print_json, show_table, want_json
from lirich.errors import quoted

if TYPE_CHECKING:
    from lirich.store import ModelRecord

kept = typer.Typer()
"""Joined to ``lirich learn``."""


@kept.command()
def models(
    remove: Annotated[
        str | None,
        typer.Option("--remove", help="Forget this model.", show_default=False, autocompletion=offers.models),
    ] = None,
    workspace: WorkspaceFolder = None,
    json: Json = False,
) -> None:
    """List the models of the workspace: kind, what they were learned from and with.

    Example: lirich learn models
    """
    want_json(json)
    with open_workspace(workspace) as opened:
        if remove is not None:
            opened.learn.forget(remove)
        records = opened.learn.models
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


@kept.command()
def compare(
    one: Annotated[str, typer.Argument(help="A map.", show_default=False, autocompletion=offers.models)],
    other: Annotated[str, typer.Argument(help="Another map.", show_default=False, autocompletion=offers.models)],
    workspace: WorkspaceFolder = None,
    json: Json = False,
) -> None:
    """Lay two maps beside each other: which components are alike, and the angles between the two spaces.

    Example: lirich learn compare map kim-2025
    """
    want_json(json)
    with open_workspace(workspace) as opened:
        table = opened.learn.compare(one, other)
    if json:
        print_json({"map": one, "beside": other, "components": table.to_dicts()})
        return
    rows = [
        (
            f"PC{r['component']}", f"PC{r['nearest']}", f"{r['cosine']:.3f}", f"{100 * r['shown']:.1f} %",
            "" if r["angle_degrees"] is None else f"{r['angle_degrees']:.2g}°",
        )
        for r in table.to_dicts()
    ]  # fmt: skip
    heads = (f"of {one}", f"most like, of {other}", "cosine", f"shown by all of {other}", "angles of the spaces")
    show_table("", heads, rows, right=(2, 3, 4))


@kept.command("import")
def import_(
    source: Annotated[
        str,
        typer.Argument(
            metavar="FILE",
            help="A model file, a table of published loadings (CSV), or a model that lirich carries: kim-2025.",
            show_default=False,
        ),
    ],
    name: Annotated[
        str | None, typer.Option("--name", help="Its name here; by default that of the file.", show_default=False)
    ] = None,
    workspace: WorkspaceFolder = None,
    json: Json = False,
) -> None:
    """Take in a model from elsewhere. It is arrays and JSON: no code of it is run.

    Example: lirich learn import kim-2025
    """
    want_json(json)
    with open_workspace(workspace) as opened:
        before = {known.name for known in opened.learn.models}
        record = opened.learn.take_in(source, name)
    if json:
        print_json(record.model_dump(mode="json"))
        return
    if record.name in before:
        console().print(f"The model [bold]{escape(record.name)}[/] is here already, with the same content.")
        return
    console().print(f"Took in [bold]{escape(record.name)}[/], a {escape(record.kind)} ({record.size / 1024:,.0f} kB).")
    if "source" in record.parameters:
        console().print(f"[dim]{escape(str(record.parameters['source']))}[/]")
    console().print(f"Next: {escape(_next(record))}")


@kept.command("export")
def export_(
    name: Annotated[str, typer.Argument(help="A model.", show_default=False, autocompletion=offers.models)],
    file: Annotated[Path, typer.Argument(help="The file to write (.npz).", show_default=False)],
    force: Annotated[bool, typer.Option("--force", help="Overwrite a file that is no model.")] = False,
    workspace: WorkspaceFolder = None,
    json: Json = False,
) -> None:
    """Write a model as one file, to be given away.

    Example: lirich learn export map our-map.npz
    """
    want_json(json)
    from lirich.workbench.learning.models import export_target

    with open_workspace(workspace) as opened:
        there = export_target(name, file).exists()
        path = opened.learn.give_away(name, file, force=force)
    if json:
        print_json({"model": name, "file": str(path), "size": path.stat().st_size, "replaced": there})
        return
    replaced = " (replaced what was there)" if there else ""
    console().print(f"Wrote the model [bold]{escape(name)}[/] to {escape(str(path))}{replaced}.")


def _next(record: ModelRecord) -> str:
    name = quoted(record.name)
    if record.kind in ("state-map", "probabilistic-map", "completion"):
        return f"lirich learn map --model {name}, or lirich learn complete CELL --cycle N --model {name}"
    verb = record.kind if record.kind in ("outliers", "forecast", "factors", "drivers") else None
    return "lirich learn models" if verb is None else f"lirich learn {verb} --model {name}"


def _short(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)

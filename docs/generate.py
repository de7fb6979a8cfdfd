"""Reference pages from the code's own registries, so that they cannot be out of date."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import click

SCOPES = {
    "cycle": "One cycle (columns of the cycle table)",
    "cell": "A whole test of a cell",
    "material": "A material",
    "device": "A device, or the circumstances of a test",
}


def write_all(folder: Path) -> None:
    """Write every generated page into *folder*; unchanged files are left alone."""
    folder.mkdir(parents=True, exist_ok=True)
    pages = {
        "quantities.md": quantities(),
        "errors.md": errors(),
        "readers.md": readers(),
        "settings.md": settings(),
        "commands.md": commands(),
        "columns.md": columns(),
    }
    for name, text in pages.items():
        path = folder / name
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def quantities() -> str:
    """Every quantity of the vocabulary."""
    from lirich.quantities import QUANTITIES

    lines = [
        "# Quantities",
        "",
        "Every number in lirich is a value of one of these. A key ends in its unit; ratios carry no suffix and are in",
        "percent unless the unit says otherwise. Capacities per gram are per gram of active mass; charge is positive.",
    ]
    for scope, title in SCOPES.items():
        lines += ["", f"## {title}"]
        for q in QUANTITIES.values():
            if q.scope != scope:
                continue
            better = {"higher": " Higher is better.", "lower": " Lower is better.", None: ""}[q.better]
            lines += [
                "",
                f"### `{q.key}`",
                "",
                f"{q.name[:1].upper()}{q.name[1:]}, {_math(q.symbol)}, in {q.unit}.{better}",
                "",
                f"{q.definition[:1].upper()}{q.definition[1:]}.",
                "",
                f"*Reference:* {q.reference}.",
            ]
    return "\n".join(lines) + "\n"


def _math(symbol: str) -> str:
    return f"`{symbol}`"


def errors() -> str:
    """The error tree."""
    from lirich import errors as module

    kinds = [kind for kind in vars(module).values() if isinstance(kind, type) and issubclass(kind, module.LirichError)]
    lines = ["# Errors", "", "Every error says what was found, what was expected and what to do.", ""]

    def walk(kind: type, depth: int) -> None:
        first = (kind.__doc__ or "").strip().splitlines()[0]
        lines.append(f"{'  ' * depth}- `{kind.__name__}`: {first}")
        for child in kinds:
            if kind in child.__bases__:
                walk(child, depth + 1)

    walk(module.LirichError, 0)
    return "\n".join(lines) + "\n"


def readers() -> str:
    """Every reader."""
    from lirich.readers import readers as all_readers

    lines = ["# Readers", "", "| reader | reads | endings | version |", "|---|---|---|---|"]
    for name, reader in all_readers().items():
        endings = ", ".join(f"`{e}`" for e in reader.extensions)
        lines.append(f"| `{name}` | {reader.description} | {endings} | {reader.version} |")
    return "\n".join(lines) + "\n"


def settings() -> str:
    """Every setting of the analysis."""
    from lirich.cycling import CyclingSettings

    lines = [
        "# Analysis settings",
        "",
        "These go into the `[cycling]` table of a workspace's `lirich.toml`. What is not set has the default.",
        "A change makes the analyses that rest on it out of date; the next `lirich analyse` does them again.",
        "",
    ]
    for name, field in CyclingSettings.model_fields.items():
        meaning = " ".join(str(field.description).split())
        lines += [f"`{name}` (default `{field.default!r}`)", f": {meaning}", ""]
    return "\n".join(lines) + "\n"


def verbs() -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command of the command line with its name in words, a group before what it holds."""
    import typer

    from lirich.cli.app import app

    def walk(command: click.Command, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], click.Command]]:
        for name, below in getattr(command, "commands", {}).items():
            yield (*path, name), below
            yield from walk(below, (*path, name))

    yield from walk(typer.main.get_command(app), ())


def commands() -> str:
    """Every command with its options, as the command line itself says them."""
    lines = [
        "# Commands",
        "",
        "Every command but those that hold others takes `--json` and then prints one JSON object.",
        "",
    ]
    for path, command in verbs():
        lines += [f"{'#' * (len(path) + 1)} `lirich {' '.join(path)}`", "", (command.help or "").strip(), ""]
        for parameter in command.params:
            names = ", ".join(f"`{o}`" for o in (*parameter.opts, *parameter.secondary_opts)) or parameter.name
            if parameter.param_type_name == "argument":
                names = f"`{str(parameter.name).upper()}`"
            elif parameter.metavar:
                names = f"{names} `{parameter.metavar}`"
            shown = parameter.show_default and parameter.default not in (None, False, "", (), [])
            default = f" Default `{parameter.default}`." if shown else ""
            lines += [names, f": {getattr(parameter, 'help', None) or ''}{default}", ""]
    return "\n".join(lines) + "\n"


def columns() -> str:
    """Every column of the standard table."""
    from lirich.model.table import COLUMNS

    lines = [
        "# The standard table",
        "",
        "The names are those of the Battery Data Format (Battery Data Alliance, LF Energy).",
        "",
        "| column | type | needed | meaning |",
        "|---|---|---|---|",
    ]
    for name, (kind, needed, meaning) in COLUMNS.items():
        lines.append(f"| `{name}` | {kind.__name__} | {needed} | {meaning} |")
    return "\n".join(lines) + "\n"

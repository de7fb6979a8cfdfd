"""What the shell completes: cells, models, quantities, fields, repairs, readers, references.

Each function is called by the shell while a command is typed. It imports what it needs and no more, prints nothing,
and where it cannot know (no workspace here, a catalogue out of reach) it offers nothing.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

import typer

T = TypeVar("T")
Offer = tuple[str, str]
"""What is offered, and a word on it."""


def cells(ctx: typer.Context, incomplete: str) -> list[Offer]:
    """Offer the cells of the workspace."""
    return _starting(((key, "") for key in _of_workspace(ctx, _cells) or ()), incomplete)


def models(ctx: typer.Context, incomplete: str) -> list[Offer]:
    """Offer the learned models of the workspace, with their kinds."""
    return _starting(_of_workspace(ctx, _models) or (), incomplete)


def fields(ctx: typer.Context, incomplete: str) -> list[Offer]:
    """Offer the fields that cells can be grouped by, with the extra columns of this workspace."""
    extra = _of_workspace(ctx, _extra_fields) or ()
    return _starting(((name, "") for name in dict.fromkeys((*_known_fields(), "sample", *extra))), incomplete)


def facts(incomplete: str) -> list[Offer]:
    """Offer the facts of a cell and its sample, as far as the equals sign."""
    return _starting(((f"{name}=", "") for name in (*_known_fields(), "sample")), incomplete)


def quantities(incomplete: str) -> list[Offer]:
    """Offer the vocabulary."""
    from lirich.quantities import QUANTITIES

    return _starting(((what.key, f"{what.name} ({what.unit})") for what in QUANTITIES.values()), incomplete)


def repairs(incomplete: str) -> list[Offer]:
    """Offer the repairs."""
    from lirich.readers import REPAIRS

    return _starting(REPAIRS.items(), incomplete)


def readers(incomplete: str) -> list[Offer]:
    """Offer the readers, those of plug-ins too."""
    from lirich.readers import readers as known

    return _starting(((name, reader.description) for name, reader in known().items()), incomplete)


def segments(incomplete: str) -> list[Offer]:
    """Offer what cycles can be for, once the cycles are said: ``1-3=``."""
    from typing import get_args

    from lirich.cycling.purposes import Purpose

    span, equals, _ = incomplete.partition("=")
    return _starting(((f"{span}={kind}", "") for kind in get_args(Purpose)), incomplete) if equals else []


def references(incomplete: str) -> list[Offer]:
    """Offer the reference numbers of the review."""
    from lirich.store.literature import references as known

    return _starting(((str(reference.number), reference.short) for reference in known()), incomplete)


def one_of(*names: str) -> Callable[[str], list[Offer]]:
    """Return a function that offers these *names*."""

    def offer(incomplete: str) -> list[Offer]:
        return _starting(((name, "") for name in names), incomplete)

    return offer


def _starting(offers: Iterable[Offer], incomplete: str) -> list[Offer]:
    return [offer for offer in offers if offer[0].startswith(incomplete)]


def _known_fields() -> tuple[str, ...]:
    from lirich.workbench.intake.celltables import CELL_FIELDS, SAMPLE_FIELDS

    return (*CELL_FIELDS, *SAMPLE_FIELDS)


def _cells(folder: Path | None) -> list[str]:
    from lirich.cli.options import open_workspace

    with open_workspace(folder) as workspace:
        return list(workspace.cells)


def _models(folder: Path | None) -> list[Offer]:
    from lirich.cli.options import open_workspace

    with open_workspace(folder) as workspace:
        return [(record.name, record.kind) for record in workspace.store.models.all()]


def _extra_fields(folder: Path | None) -> list[str]:
    from lirich.cli.options import open_workspace

    with open_workspace(folder) as workspace:
        cells, samples = workspace.store.cells().values(), workspace.samples.values()
        return sorted({name for cell in cells for name in cell.extra} | {name for s in samples for name in s.extra})


def _of_workspace(ctx: typer.Context, ask: Callable[[Path | None], T]) -> T | None:
    """Return what *ask* finds in the workspace that the line names, or the one here; ``None`` where there is none."""
    from lirich.errors import LirichError

    named = ctx.params.get("workspace") or os.environ.get("LIRICH_WORKSPACE")
    try:
        return ask(Path(str(named)) if named else None)
    except LirichError:
        return None

"""Which fields of the samples explain a figure of the cells of a workspace, or of published values."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from lirich.errors import UnknownNameError
from lirich.learn.drivers import Drivers
from lirich.model import Finding, Origin, Scalar
from lirich.quantities import quantity
from lirich.workbench.learning.models import load_model, save_model
from lirich.workbench.learning.shown import Shown
from lirich.workbench.learning.tables import cell_figures, one_origin, published_figures

if TYPE_CHECKING:
    from lirich.plots import Figure
    from lirich.workbench.workspace import Workspace

Source = Literal["cells", "literature"]
_NO_FIELDS = frozenset({"cell", "sample", "paper", "origin"})


@dataclass(frozen=True, slots=True, eq=False)
class DriversResult(Shown):
    """What explains *figure*: ``model`` has the errors beside the naive baseline, and the importances.

    ``origin`` is that of the values; empty in an answer of a lirich that did not keep it.
    """

    figure: str
    source: str
    origin: str
    model: Drivers

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What was left out and what cannot be told."""
        return tuple(self.model.findings_)

    @property
    def figures(self) -> list[Figure]:
        """Errors beside the naive baseline, and what each field adds."""
        from lirich.workbench.learning.figures import driver_figures

        return driver_figures(self)

    def to_dict(self) -> dict[str, Any]:
        """Return the result as JSON."""
        return {
            "figure": self.figure,
            "source": self.source,
            "origin": self.origin,
            "samples": list(self.model.samples_),
            "models": self.model.models_.to_dicts(),
            "beats_baseline": self.model.beats_baseline_,
            "fields": self.model.importances_.to_dicts(),
            "findings": [f.model_dump(mode="json", exclude_defaults=True) for f in self.findings],
        }


def drivers(
    workspace: Workspace,
    figure: str,
    *,
    fields: Sequence[str] | None = None,
    source: Source = "cells",
    cells: str | Iterable[str] | None = None,
    seed: int = 0,
    name: str | None = None,
) -> DriversResult:
    """Ask which fields of the samples explain *figure*, in *cells* of the workspace (all) or in published values.

    Cells are left out by sample, published values by paper. *fields*: by default all that vary. *name* keeps the answer
    with the hashes of the curves, or of the published values, that it rests on; `kept_drivers` gives it back. Raises
    what `lirich.learn.Drivers` raises, `UnknownNameError` on the quantity or source, `InputError` where cells are
    measured and simulated.
    """
    key = quantity(figure).key
    values: tuple[str, ...] = ()
    if source == "cells":
        table, groups = cell_figures(workspace, key, cells), "sample"
        origin = one_origin(table["origin"].unique().to_list())
    elif source == "literature":
        published = [v for v in workspace.literature if v.quantity == key]
        table, groups, origin = published_figures(published, key), "paper", Origin.LITERATURE.value
        values = tuple(sorted(v.content_hash() for v in published))
    else:
        raise UnknownNameError.of("source", source, ("cells", "literature"))
    asked = list(fields) if fields is not None else [c for c in table.columns if c not in {*_NO_FIELDS, key}]
    made = Drivers(key, asked, groups=groups, seed=seed).fit(table)
    if name is not None:
        keys = table.select("cell").unique() if source == "cells" else None
        told: dict[str, Scalar] = {"figure": key, "source": source, "origin": origin, "samples": len(made.samples_)}
        save_model(workspace, name, made, keys, told, trained_on=values)
    return DriversResult(key, source, origin, made)


def kept_drivers(workspace: Workspace, name: str) -> DriversResult:
    """Return the answer kept as *name*. Raises `UnknownNameError`, `InputError` where it is of another kind."""
    made: Drivers = load_model(workspace, name, ("drivers",))
    told = workspace.store.models.record(name).parameters
    source, origin = str(told.get("source", "cells")), str(told.get("origin", ""))
    return DriversResult(quantity(made.figure).key, source, origin, made)

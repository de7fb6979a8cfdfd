"""A simulation as a document, which says all that was simulated: computed once, and read back by the task that does it.

``model`` and ``programme`` are in it by name and steps, ``parameters`` in the names of PyBaMM.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from lirich.compute import ResultCache, code_hash, open_executor, run_tasks

if TYPE_CHECKING:
    from lirich.cells.models import Model
    from lirich.cells.programme import Programme
    from lirich.compute import Progress
    from lirich.store import Store


def computed(
    task: Callable[[Mapping[str, Any]], dict[str, Any]],
    store: Store,
    document: Mapping[str, Any],
    *,
    still_valid: Callable[[Any], bool],
    progress: Callable[[Progress], None] | None,
) -> dict[str, Any]:
    """Return what *task* makes of *document* in this process, from the cache where it is there. Raises its error."""
    parameters = {
        "root": str(store.root),
        "document": document,
        "code": code_hash("lirich.cells", "lirich.store.curves"),
    }
    cache = ResultCache(store.root / "cache" / "simulate")
    with open_executor("serial") as pool:
        (outcome,) = run_tasks(
            task, [parameters], executor=pool, cache=cache, still_valid=still_valid, progress=progress
        )
    if outcome.error is not None:
        raise outcome.error
    found: dict[str, Any] = outcome.result
    return found


def text_of(document: Mapping[str, Any]) -> str:
    """Return a document as the raw file of its test has it."""
    return json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False)


def programme_of(document: Mapping[str, Any]) -> Programme:
    """Return the programme that was run."""
    from lirich.cells.programme import Programme, Step

    told = document["programme"]
    return Programme(tuple(Step(**step) for step in told["steps"]), told["one_c_ma_g"])


def model_of(document: Mapping[str, Any]) -> Model:
    """Return the model that it was run on."""
    from lirich.cells.models import MODELS

    return next(model for model in MODELS.values() if model.pybamm_name == document["model"])

"""The file that ``lirich fit --save`` writes, and that a simulation or a study takes as its parameter set."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lirich import __version__
from lirich.errors import InputError, SettingsError
from lirich.model import content_hash
from lirich.workbench.userfiles import read_text

if TYPE_CHECKING:
    from lirich.workbench.simulation.fit import FitReport

KIND = "lirich fit"
ENDING = ".json"
MORPHOLOGY = "SC"
"""The fit is of single crystals: `lirich.cells.fit.half_cell_problem` begins with their set."""
_EXPECTED = "what `lirich fit --save` writes"
_ADVICE = "lirich fit CELL --save fit.json"


@dataclass(frozen=True, slots=True)
class SavedFit:
    """A fit as it was saved: the set that it began with, every number, and where they come from.

    ``parameters`` are those of the model; ``others`` are those of the data alone (states in which later cycles begin,
    arcs of a spectrum). ``provenance`` names the cell, the file and the hash of its numbers.
    """

    parameters: Mapping[str, float]
    others: Mapping[str, float]
    provenance: Mapping[str, str]

    @property
    def changes(self) -> dict[str, float]:
        """The parameters that differ from those of the set."""
        from lirich.cells.parameters import single_crystal

        return {n: v for n, v in self.parameters.items() if single_crystal()[n] != v}


def is_saved_fit(name: str) -> bool:
    """Tell whether the name of a parameter set is that of a file of a saved fit."""
    return name.lower().endswith(ENDING)


def saved_fit(report: FitReport) -> dict[str, Any]:
    """Return what is saved of a fit, as JSON."""
    everything = {**report.fit.model_values, **report.fit.values}
    parameters = {name: value for name, value in everything.items() if name in report.fit.model_values}
    return {
        "kind": KIND,
        "set": MORPHOLOGY,
        "cell": report.what,
        "lirich": __version__,
        "parameters": parameters,
        "others": {name: value for name, value in everything.items() if name not in parameters},
    }


def read_saved_fit(path: Path) -> SavedFit:
    """Read a saved fit. Raises `InputError` for a file that is none, `SettingsError` for numbers that are none."""
    from lirich.cells.parameters import single_crystal

    data = _json(path)
    if data.get("kind") != KIND:
        # a plain object of every parameter is what --save wrote before it said the set
        if not set(single_crystal()) <= set(data):
            raise InputError(f"{path} is no saved fit", expected=_EXPECTED, advice=_ADVICE)
        data = {"set": MORPHOLOGY, "parameters": data}
    if data.get("set") != MORPHOLOGY:
        raise InputError(f"{path} is a fit of the set {data.get('set')!r}", expected=MORPHOLOGY, advice=_ADVICE)
    numbers = {**_numbers(path, data.get("parameters")), **_numbers(path, data.get("others", {}))}
    known = set(single_crystal())
    parameters = {name: value for name, value in numbers.items() if name in known}
    return SavedFit(
        parameters,
        {name: value for name, value in numbers.items() if name not in known},
        {
            "cell": str(data.get("cell", "")),
            "file": path.name,
            "content": content_hash(numbers),
            "lirich": str(data.get("lirich", "")),
        },
    )


def read_start(path: Path) -> dict[str, float]:
    """Return where a fit begins: a saved fit, or a plain object of some parameters. Raises as `read_saved_fit`."""
    data = _json(path)
    if data.get("kind") == KIND:
        found = read_saved_fit(path)
        return {**found.parameters, **found.others}
    return _numbers(path, data)


def _json(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(read_text(path, _EXPECTED))
    except ValueError as error:
        raise InputError(f"{path} cannot be read: {error}", expected=_EXPECTED, advice=_ADVICE) from error
    if not isinstance(data, dict):
        raise InputError(f"{path} holds no parameters", expected=_EXPECTED, advice=_ADVICE)
    return data


def _numbers(path: Path, found: Any) -> dict[str, float]:
    if not isinstance(found, dict):
        raise InputError(f"{path} holds no parameters", expected=_EXPECTED, advice=_ADVICE)
    for name, value in found.items():
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise SettingsError(f"{path}: {name} is {value!r}", expected="a number")
    return {str(name): float(value) for name, value in found.items()}

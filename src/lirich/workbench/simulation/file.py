"""What is to be simulated, as a file says it: TOML or YAML.

::

    parameters = "SC"                     # or PC, the name of a set, or a saved fit: fit.json
    model = "single-particle"             # or with-electrolyte, porous, full-cell, solid-state, size-distribution
    programme = "ageing"                  # or steps: [["Charge at C/10 until 4.8 V", "Discharge at C/2 until 2 V"]]
    cycles = 100
    rate = "C/2"
    cell = "SC-300nm"

    [set]
    "Crystal radius [m]" = 3e-7
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from pydantic import Field, ValidationError

from lirich.errors import InputError, SettingsError
from lirich.model import Frozen, Scalar
from lirich.workbench.extras import need_cells
from lirich.workbench.fieldsfile import read_fields
from lirich.workbench.refusals import refused
from lirich.workbench.simulation.physics import (
    DEFAULT_MODEL,
    HIGH,
    LOW,
    ONE_C_MA_G,
    OPTIONS,
    RADII,
    TEMPERATURE,
    Physics,
    physics_of,
)
from lirich.workbench.simulation.saved_fit import is_saved_fit

if TYPE_CHECKING:
    from lirich.cells.programme import Programme
    from lirich.cells.study import Study
    from lirich.store import Store

Lines = str | tuple[str, ...]


class SimulationRequest(Frozen):
    """A simulation as a person asks for it; ``programme`` is a name, or cycles of steps as they are on paper."""

    parameters: str
    model: str | None = None
    electrolyte: str | None = None
    counter_electrode: str | None = None
    programme: str | tuple[Lines, ...] = "ageing"
    cycles: int | None = Field(default=None, ge=1)
    rate: str | None = None
    low_v: float | None = None
    high_v: float | None = None
    check_up_every: int = Field(default=0, ge=0)
    one_c_ma_g: float = Field(default=ONE_C_MA_G, gt=0)
    coating: str | None = None
    coating_nm: float = Field(default=10.0, ge=0)
    changes: dict[str, float] = Field(default_factory=dict, alias="set")
    cell: str | None = None
    sample: str | None = None
    facts: dict[str, Scalar] = Field(default_factory=dict)

    @classmethod
    def of(cls, fields: Mapping[str, Any], changes: Mapping[str, float] | None = None) -> Self:
        """Check *fields*, ``None`` being not given; *changes* go before those of ``set``. Raises `SettingsError`."""
        stated = {name: value for name, value in fields.items() if value is not None}
        own = stated.get("set", {})
        if not isinstance(own, Mapping):
            raise SettingsError(
                f"The simulation sets {own!r}",
                expected="parameters with their numbers",
                advice='A table [set] with lines such as "Crystal radius [m]" = 3e-7',
            )
        stated["set"] = {**own, **(changes or {})}
        try:
            return cls.model_validate(stated)
        except ValidationError as error:
            raise refused("simulation", error, lambda _: _FIELDS, advice=_ADVICE) from error

    def physics(self) -> Physics:
        """Return model and numbers. Raises what `lirich.workbench.simulation.physics.physics_of` does."""
        return self._with(self._changes())

    def _with(self, changes: Mapping[str, float]) -> Physics:
        return physics_of(
            self.parameters,
            changes,
            model=self.model,
            electrolyte=self.electrolyte,
            counter_electrode=self.counter_electrode,
        )

    def _changes(self) -> dict[str, float]:
        """Return the changes with those that a coating makes, before which what is set goes."""
        if self.coating is None or self.coating_nm == 0:
            return self.changes
        from lirich.workbench.solids.solid_cell import coating_changes

        return {**coating_changes(self._with(self.changes), self.coating, self.coating_nm), **self.changes}

    def plan(self) -> Programme:
        """Return the programme. Raises `SettingsError`, `UnknownNameError`, `OptionalDependencyError`."""
        need_cells("A simulation")
        from lirich.cells.programme import parse

        if isinstance(self.programme, str):
            stated = {name: getattr(self, name) for name in OPTIONS}
            physics = self.physics()
            return physics.programme(self.programme, {k: v for k, v in stated.items() if v is not None})
        if self.rate is not None or self.check_up_every:
            raise SettingsError("Steps of your own with a rate or check-ups beside them", expected="rates in the steps")
        return parse(self.programme, self.one_c_ma_g, repeat=self.cycles or 1)

    def radius_study(self, objective: str | None = None) -> Study:
        """Return the study of which crystal radius is best for the rate and cycles of this ageing.

        Raises `SettingsError` where they are not given, or where what is asked is no ageing of the single-particle
        model with a free radius; `UnknownNameError`, `OptionalDependencyError`.
        """
        physics = self.physics()
        if physics.model != DEFAULT_MODEL:
            raise SettingsError(
                f"A best radius with the {physics.model} model",
                expected=f"the {DEFAULT_MODEL} model",
                advice=f"`lirich study --parameters {physics.parameter_set}` asks it of the cell that this set is for",
            )
        if self.programme != "ageing" or self.check_up_every:
            raise SettingsError("A best radius for another programme", expected="ageing, without check-ups")
        if self.rate is None or self.cycles is None:
            raise SettingsError(
                "A best radius for no duty",
                expected="a rate and a number of cycles",
                advice="Such as --rate 1C --cycles 300",
            )
        fixed = {name: value for name, value in physics.changes.items() if name != TEMPERATURE}
        if physics.fitted and not any(name in self.changes for name in RADII):
            fixed = {name: value for name, value in fixed.items() if name not in RADII}
        if RADII[0] in fixed:
            raise SettingsError(f"A best radius with {RADII[0]!r} set", expected="a radius that is left to the study")
        from lirich.cells.study import OBJECTIVE
        from lirich.workbench.simulation.study import make_duty, size_study

        values = physics.values
        duty = make_duty(
            {
                "rate": self.rate,
                "cycles": self.cycles,
                "low_v": values[LOW] if self.low_v is None else self.low_v,
                "high_v": values[HIGH] if self.high_v is None else self.high_v,
                "one_c_ma_g": self.one_c_ma_g,
                "temperature_celsius": round(values[TEMPERATURE] - 273.15, 6),
            }
        )
        return size_study(duty, physics.parameter_set, objective or OBJECTIVE, fixed=fixed)

    def names(self) -> dict[str, Any]:
        """Return what `lirich.workbench.Workspace.simulate` takes beside parameters and programme."""
        title = self.programme if isinstance(self.programme, str) else None
        laid = self.coating is not None and self.coating_nm > 0
        coated = {"coating": self.coating, "coating_thickness_nm": self.coating_nm} if laid else {}
        return {
            "model": self.model,
            "electrolyte": self.electrolyte,
            "counter_electrode": self.counter_electrode,
            "changes": self._changes(),
            "cell": self.cell,
            "sample": self.sample,
            "facts": {**coated, **self.facts},
            "title": title,
        }


_FIELDS = tuple("set" if name == "changes" else name for name in SimulationRequest.model_fields)
_EXPECTED = "fields of a simulation: " + ", ".join(_FIELDS)
_ADVICE = "docs/how-to/simulate.md shows a file"


def request_of_cell(store: Store, cell: str) -> SimulationRequest:
    """Return what a stored simulated cell was asked as: its model, parameter set and changes, without its programme.

    Raises `UnknownNameError`, and `InputError` for a measured cell: nobody knows its parameters.
    """
    from lirich.workbench.simulation.simulate import READER

    store.cell(cell)
    test = next((test for test in store.tests(cell) if test.reader == READER), None)
    if test is None:
        raise InputError(
            f"{cell!r} is a measured cell: its parameters are not known",
            expected="a simulated cell",
            advice="`lirich fit` finds parameters from its curves; `lirich simulate` makes a cell of them",
        )
    need_cells("A simulation")
    from lirich.cells.models import MODELS

    document = json.loads(store.raw_path(test.raw.sha256).read_text(encoding="utf-8"))
    return SimulationRequest(
        parameters=document["parameter_set"],
        model=next(name for name, kind in MODELS.items() if kind.pybamm_name == document["model"]),
        electrolyte=document.get("electrolyte"),
        counter_electrode=document.get("counter_electrode"),
        one_c_ma_g=document["programme"]["one_c_ma_g"],
        set=document["changes"],
    )


def read_request(
    path: Path, given: Mapping[str, Any] | None = None, changes: Mapping[str, float] | None = None
) -> SimulationRequest:
    """Read a file; *given* and *changes* (of a command line) go before it. Raises `InputError`, `SettingsError`."""
    fields = read_fields(path, "a simulation")
    if not isinstance(fields, dict):
        raise SettingsError(f"{path.name} holds no fields", expected=_EXPECTED)
    stated = {name: value for name, value in (given or {}).items() if value is not None}
    own = fields.get("parameters")
    if isinstance(own, str) and is_saved_fit(own):
        fields = {**fields, "parameters": str(path.parent / own)}
    return SimulationRequest.of({**fields, **stated}, changes)

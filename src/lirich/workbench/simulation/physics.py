"""Which physics a simulation runs on: model, parameter set, solid electrolyte and changes, all checked first.

A simulation is asked for in words (``SC`` · ``solid-state`` · ``Li6PS5Cl`` · changes); `physics_of` makes of them every
number, and refuses what does not fit together.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lirich.errors import SettingsError, UnknownNameError
from lirich.model.counter import COUNTER_ELECTRODES, CounterElectrode, counter_electrode
from lirich.workbench.extras import need_cells
from lirich.workbench.simulation.saved_fit import MORPHOLOGY, is_saved_fit, read_saved_fit

if TYPE_CHECKING:
    from lirich.cells.models import Model
    from lirich.cells.parameters import Parameter
    from lirich.cells.programme import Programme

DEFAULT_MODEL = "single-particle"
SOLID_STATE, FULL_CELL = "solid-state", "full-cell"
MORPHOLOGIES = ("SC", "PC")
RADII = ("Crystal radius [m]", "Particle radius [m]")
TEMPERATURE = "Ambient temperature [K]"
ANODE = "Anode potential [V]"
LOW, HIGH = "Lower voltage cut-off [V]", "Upper voltage cut-off [V]"
OPTIONS = ("one_c_ma_g", "cycles", "rate", "low_v", "high_v", "check_up_every")
ONE_C_MA_G = 250.0
"""1C of the parameter library (its nominal capacity), mA/g."""


@dataclass(frozen=True, slots=True)
class Physics:
    """A model by name with its numbers: ``parameters`` are those of the library, ``changes`` what differs from them.

    ``electrolyte`` is the solid electrolyte of a solid-state cell and ``counter_electrode`` the name of its counter
    electrode; both are empty in others. Cut-offs that nobody stated are those of the set, less its potential.
    ``fitted`` says which saved fit the changes come from, if they do.
    """

    model: str
    parameter_set: str
    electrolyte: str
    parameters: Mapping[str, Parameter]
    changes: Mapping[str, float]
    counter_electrode: str = ""
    fitted: Mapping[str, str] = field(default_factory=dict)

    @property
    def kind(self) -> Model:
        """The model as the simulator takes it."""
        from lirich.cells.models import MODELS

        return MODELS[self.model]

    @property
    def values(self) -> dict[str, float]:
        """Every parameter by its name."""
        return {name: self.changes.get(name, p.value) for name, p in self.parameters.items()}

    @property
    def guesses(self) -> list[str]:
        """The parameters whose numbers are guesses of the library."""
        return sorted(name for name, p in self.parameters.items() if p.guess and name not in self.changes)

    def programme(self, name: str, options: Mapping[str, Any] | None = None) -> Programme:
        """Return a usual programme by name, between the cell's own cut-offs where *options* state no others.

        Raises `UnknownNameError`, `SettingsError`.
        """
        from lirich.cells.programme import named

        for option in options or {}:
            if option not in OPTIONS:
                raise UnknownNameError.of("option of a programme", option, OPTIONS)
        values = self.values
        usual = {"one_c_ma_g": ONE_C_MA_G, "low_v": values[LOW], "high_v": values[HIGH]}
        return named(name, **{**usual, **(options or {})})


def physics_of(
    parameters: str,
    changes: Mapping[str, float] | None = None,
    *,
    model: str | None = None,
    electrolyte: str | None = None,
    counter_electrode: str | None = None,
) -> Physics:
    """Return the physics for ``SC`` or ``PC`` (or the name of the model's own set) with *changes*.

    *parameters* may be the file of a saved fit too (`lirich.workbench.simulation.saved_fit`): its set with its
    numbers, before which *changes* go.

    A *counter_electrode* of a solid-state cell (`lirich.model.counter`) brings its potential, and moves the cut-offs of
    the set with it, unless *changes* state them.

    Raises `OptionalDependencyError`, `UnknownNameError` for a name, `SettingsError` for what cannot be.
    """
    need_cells("A simulation")
    from lirich.cells.limits import check
    from lirich.cells.models import MODELS
    from lirich.cells.parameters import SOLID_ELECTROLYTES, parameters_of, solid_electrolyte

    fitted: Mapping[str, str] = {}
    if is_saved_fit(parameters):
        found = read_saved_fit(Path(parameters))
        parameters, fitted, changes = MORPHOLOGY, found.provenance, _with_fit(found.changes, changes or {})
    model = model or DEFAULT_MODEL
    if model not in MODELS:
        raise UnknownNameError.of("model", model, MODELS)
    sets = {each: MODELS[model].set_for(each) for each in MORPHOLOGIES}
    chosen = {**sets, **{name: name for name in sets.values()}}.get(parameters)
    if chosen is None:
        raise UnknownNameError.of(f"parameter set of the {model} model", parameters, (*sets, *sets.values()))
    library = parameters_of(chosen)
    if model == SOLID_STATE:
        electrolyte = electrolyte or SOLID_ELECTROLYTES[0]
        library = {**library, **solid_electrolyte(electrolyte)}
    elif electrolyte is not None:
        raise SettingsError(
            f"The solid electrolyte {electrolyte} in the {model} model",
            expected=f"a solid electrolyte in the {SOLID_STATE} model only",
            advice=f"Choose --model {SOLID_STATE}, or leave the electrolyte out",
        )
    changed = {key: float(value) for key, value in (changes or {}).items()}
    counter = _counter_of(counter_electrode, model, changed)
    if counter is not None and counter.potential_v:
        moved = {name: library[name].value - counter.potential_v for name in (LOW, HIGH)}
        changed = {**moved, **changed, ANODE: counter.potential_v}
    for name in changed:
        if name not in library:
            having = [each for each, other in MODELS.items() if name in parameters_of(other.set_for("SC"))]
            if having:
                raise SettingsError(
                    f"{name!r} in the {model} model", expected=f"a model that has it: {', '.join(having)}"
                )
            raise UnknownNameError.of("parameter", name, library)
    given = [changed[key] for key in RADII if key in changed]
    if chosen == sets["SC"] and len(given) == 1:  # one single crystal is one particle, of one radius
        changed |= dict.fromkeys(RADII, given[0])
    physics = Physics(model, chosen, electrolyte or "", library, changed, counter.name if counter else "", fitted)
    check(physics.values)
    return physics


def _with_fit(fitted: Mapping[str, float], stated: Mapping[str, float]) -> dict[str, float]:
    """Return *fitted* parameters with what is *stated*, which goes first; one radius stated replaces both."""
    own = RADII if any(name in stated for name in RADII) else ()
    return {**{name: value for name, value in fitted.items() if name not in own}, **stated}


def cell_facts(physics: Physics) -> dict[str, Any]:
    """Return what the physics says of a cell: its electrodes, mass, area, electrolyte and temperature."""
    values = physics.values
    facts: dict[str, Any] = {
        "electrode": "full" if physics.model == FULL_CELL else "cathode",
        "counter_electrode": _counter_electrode(physics),
        "active_mass_mg": 1000.0 * values["Active mass [g]"],
        "nominal_specific_capacity_mah_g": values["Nominal cell capacity [A.h]"] * 1e3 / values["Active mass [g]"],
        "temperature_celsius": round(values[TEMPERATURE] - 273.15, 6),
    }
    if physics.electrolyte:
        facts["electrolyte"] = physics.electrolyte
    elif "Initial salt concentration [mol.m-3]" in values:
        facts["electrolyte"] = f"{values['Initial salt concentration [mol.m-3]'] / 1000:g} M LiPF6 in EC:EMC"
    if "Electrode area [m2]" in values:
        facts["electrode_area_cm2"] = round(1e4 * values["Electrode area [m2]"], 9)
    return facts


def _counter_electrode(physics: Physics) -> str:
    if physics.model == FULL_CELL:
        return "graphite"
    potential = physics.values.get(ANODE, 0.0)
    named = next((each.name for each in COUNTER_ELECTRODES.values() if each.potential_v == potential), None)
    return physics.counter_electrode or named or f"{potential:g} V vs Li/Li+"


def _counter_of(name: str | None, model: str, changed: Mapping[str, float]) -> CounterElectrode | None:
    if name is None:
        return None
    found = counter_electrode(name)
    if model != SOLID_STATE:
        raise SettingsError(
            f"The counter electrode {found.name} in the {model} model",
            expected=f"a counter electrode by name in the {SOLID_STATE} model only",
            advice=f"Choose --model {SOLID_STATE}, or leave the counter electrode out",
        )
    if changed.get(ANODE, found.potential_v) != found.potential_v:
        raise SettingsError(
            f"{ANODE} {changed[ANODE]:g} of the counter electrode {found.name}",
            expected=f"{found.potential_v:g} V ({found.source}), or a potential without a name",
        )
    return found

"""The door ``lirich.calculators``: potentials by name.

CHGNet comes through the same door as third parties' potentials. An entry point is a factory; called, it returns a
`lirich.atoms.evaluation.Calculator` or an ASE calculator. What stands behind a colon in a name is handed to the
factory: ``chgnet:r2scan``.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from importlib import import_module
from importlib.metadata import EntryPoint, PackageNotFoundError, entry_points, version
from typing import Any

from ase.calculators.calculator import BaseCalculator

from lirich.atoms.ase_calculator import AseCalculator
from lirich.atoms.evaluation import Calculator
from lirich.errors import PluginError, UnknownNameError

GROUP = "lirich.calculators"

BUILT_IN: dict[str, str] = {"chgnet": "lirich.atoms.chgnet:chgnet"}
"""The potentials that lirich brings. `pyproject.toml` registers the same entries (a test compares the two); this table
makes them usable from a source checkout that is not installed."""

_OFFERED: dict[str, Calculator] = {}


def calculator_names() -> tuple[str, ...]:
    """Return the names at the door, and of the potentials that were offered to this process."""
    return tuple(sorted({*BUILT_IN, *(entry.name for entry in entry_points(group=GROUP)), *_OFFERED}))


def offer(calculator: Calculator) -> None:
    """Make a potential known to this process under its own name, e.g. a fine-tuned ``chgnet:NAME``.

    Raises `lirich.errors.PluginError` where the name is one of those at the door.
    """
    if calculator.name in BUILT_IN:
        raise PluginError(f"{calculator.name!r} is the name of a built-in potential", advice="Choose another name")
    _OFFERED[calculator.name] = calculator


def calculator(name: str) -> Calculator:
    """Return the potential *name*; one per process and name.

    Raises `lirich.errors.UnknownNameError`, and `lirich.errors.PluginError` where the package behind the name cannot
    be loaded or gives something else than a calculator.
    """
    return _OFFERED[name] if name in _OFFERED else _loaded(name)


@lru_cache(maxsize=16)
def _loaded(name: str) -> Calculator:
    door, _, variant = name.partition(":")
    factory, origin = _factory(door)
    try:
        made = factory(variant) if variant else factory()
    except UnknownNameError:
        raise
    except Exception as error:
        raise PluginError(
            f"The calculator {name!r} ({origin}) could not be made: {type(error).__name__}: {error}",
            advice="Update or uninstall the package that brings it",
        ) from error
    if isinstance(made, BaseCalculator):
        return AseCalculator(made, name=name, version=origin)
    if not (hasattr(made, "evaluate") and hasattr(made, "name") and hasattr(made, "version")):
        raise PluginError(
            f"The calculator {name!r} ({origin}) is a {type(made).__name__}",
            expected="an ASE calculator, or an object with the members of lirich.atoms.evaluation.Calculator",
        )
    return made  # type: ignore[no-any-return]


def _factory(door: str) -> tuple[Callable[..., Any], str]:
    """Return the factory behind *door*, and the package and version that it comes from."""
    if door in BUILT_IN:
        module, _, attribute = BUILT_IN[door].partition(":")
        return getattr(import_module(module), attribute), "lirich"
    for entry in sorted(entry_points(group=GROUP), key=lambda e: (e.name, e.value)):
        if entry.name == door:
            try:
                return entry.load(), _origin(entry)
            except Exception as error:
                raise PluginError(
                    f"The calculator {door!r} ({entry.value}) cannot be loaded: {type(error).__name__}: {error}",
                    advice="Update or uninstall the package that brings it",
                ) from error
    raise UnknownNameError.of("calculator", door, calculator_names())


def _origin(entry: EntryPoint) -> str:
    package = entry.dist.name if entry.dist is not None else entry.value.partition(".")[0].partition(":")[0]
    try:
        return f"{package} {version(package)}"
    except PackageNotFoundError:
        return package

"""What plug-ins and tests need: contract checks, broken files, vendor-like files and the synthetic laboratory.

Everything is imported when it is first asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOMES = {
    "ContractReport": "lirich.testing.reader_contract",
    "check_calculator": "lirich.testing.calculator_contract",
    "check_reader": "lirich.testing.reader_contract",
    "Mutation": "lirich.testing.mutate",
    "mutations": "lirich.testing.mutate",
    "Cohort": "lirich.testing.cohort",
    "Scatter": "lirich.testing.cohort",
    "make_cohort": "lirich.testing.cohort",
    "CyclerNoise": "lirich.testing.cycler",
    "Laboratory": "lirich.testing.laboratory",
    "make_laboratory": "lirich.testing.laboratory",
}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__

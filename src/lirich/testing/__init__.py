"""What plug-ins and tests need: contract checks, broken files, vendor-like files and the synthetic laboratory.

Everything is imported when it is first asked for.
"""

from __future__ import annotations

from lirich.lazily import exports

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

__getattr__, __dir__ = exports(__name__, _HOMES)

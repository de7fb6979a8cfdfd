"""lirich: the open-source workbench for lithium-rich manganese-based cathodes.

>>> from lirich import Workspace
>>> ws = Workspace.create("my-cells")
>>> ws.add("cycler-files/")
>>> ws.analyse()
>>> ws.cells["SC-1"].plot()

``lirich.read(path)`` turns one file into a standard table, ``lirich.inspect(path)`` says what a file is,
``lirich.analyse(table, cell)`` gives steps, cycles and values without a workspace.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lirich.lazily import exports

__version__ = "0.1.0"

_HOMES = {
    "Workspace": "lirich.workbench",
    "Cell": "lirich.model",
    "Composition": "lirich.model",
    "Conditions": "lirich.model",
    "Finding": "lirich.model",
    "Origin": "lirich.model",
    "Sample": "lirich.model",
    "Value": "lirich.model",
    "LirichError": "lirich.errors",
    "QUANTITIES": "lirich.quantities",
    "quantity": "lirich.quantities",
    "read": "lirich.readers",
    "inspect": "lirich.readers",
    "analyse": "lirich.cycling",
    "write_report": "lirich.reports",
}

__all__ = sorted([*_HOMES, "__version__"])

if TYPE_CHECKING:
    from lirich.cycling import analyse as analyse
    from lirich.errors import LirichError as LirichError
    from lirich.model import Cell as Cell
    from lirich.model import Composition as Composition
    from lirich.model import Conditions as Conditions
    from lirich.model import Finding as Finding
    from lirich.model import Origin as Origin
    from lirich.model import Sample as Sample
    from lirich.model import Value as Value
    from lirich.quantities import QUANTITIES as QUANTITIES
    from lirich.quantities import quantity as quantity
    from lirich.readers import inspect as inspect
    from lirich.readers import read as read
    from lirich.reports import write_report as write_report
    from lirich.workbench import Workspace as Workspace

__getattr__, __dir__ = exports(__name__, _HOMES, "__version__")

"""Raw instrument files become one standard table each; every reader says what it understood and what not.

>>> from lirich.readers import read
>>> read("cell.ndax").table            # doctest: +SKIP
"""

from lirich.readers.base import ColumnMatch, Reader, Reading, Recognition, curve_finding, standard_table
from lirich.readers.checks import check
from lirich.readers.inspect import Inspection, inspect
from lirich.readers.join import join_tables
from lirich.readers.joinplan import JoinGroup, TableSummary, plan_join, summarise
from lirich.readers.reading import read
from lirich.readers.registry import get_reader, plugin_findings, readers
from lirich.readers.repairs import REPAIRS, repair

__all__ = [
    "REPAIRS",
    "ColumnMatch",
    "Inspection",
    "JoinGroup",
    "Reader",
    "Reading",
    "Recognition",
    "TableSummary",
    "check",
    "curve_finding",
    "get_reader",
    "inspect",
    "join_tables",
    "plan_join",
    "plugin_findings",
    "read",
    "readers",
    "repair",
    "standard_table",
    "summarise",
]

"""The verbs: what joins science and store (add, analyse, compare, export, doctor, demo)."""

from lirich.workbench.cellbook import CellBook
from lirich.workbench.views import CellView
from lirich.workbench.workspace import Workspace

__all__ = ["CellBook", "CellView", "Workspace"]

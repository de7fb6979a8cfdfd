"""A workspace on disk: catalogue, curves, raw files and the way back from every value.

SQLAlchemy is imported when a workspace is opened, psycopg only for PostgreSQL.
"""

from lirich.store.documents import ValueFilter
from lirich.store.modelfile import ModelContent
from lirich.store.records import Analysis, CorrectionRecord, FactVersion, Lineage, LineageFile, ModelRecord
from lirich.store.settings import WorkspaceSettings
from lirich.store.store import Store

__all__ = [
    "Analysis",
    "CorrectionRecord",
    "FactVersion",
    "Lineage",
    "LineageFile",
    "ModelContent",
    "ModelRecord",
    "Store",
    "ValueFilter",
    "WorkspaceSettings",
]

"""What a file says of its own origin: that it was simulated, where its format has room for a remark.

A simulated file that is copied without the ``cells.csv`` beside it must not be taken for a measured one. In the text
formats of the vendors the remark is `MARK`, in a field that a user fills in (a comment, the name of the test); in
Parquet it is a key of the file's own metadata.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl

from lirich.model import Origin
from lirich.readers.base import Reading

MARK = "simulated by lirich's synthetic laboratory"
"""The remark that the synthetic laboratory writes into its files."""

_SAID = "simulated by lirich"
_KEY = "lirich:origin"


def with_origin(reading: Reading) -> Reading:
    """Return the reading with the fact ``simulated: True`` where a text of the file says that lirich simulated it."""
    if "simulated" in reading.metadata:
        return reading
    said = (text for text in reading.metadata.values() if isinstance(text, str))
    if not any(_SAID in text.casefold() for text in said):
        return reading
    return replace(reading, metadata={**reading.metadata, "simulated": True})


def parquet_remark(origin: Origin) -> dict[str, str] | None:
    """Return the metadata of a Parquet file with values of this *origin*; ``None`` for what is measured."""
    return None if origin is Origin.MEASURED else {_KEY: origin.value}


def parquet_facts(path: Path) -> dict[str, bool]:
    """Return ``simulated: True`` where the metadata of a Parquet file say it. Raises what Polars raises."""
    return {"simulated": True} if pl.read_parquet_metadata(path).get(_KEY) == Origin.SIMULATED else {}

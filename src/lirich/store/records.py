"""What the store keeps beside the values of `lirich.model`: analyses, corrections, history and lineage."""

from __future__ import annotations

from typing import Any

from pydantic import Field, field_validator

from lirich.model import Cell, Finding, Frozen, RawFile, Sample, Scalar, Test, Value, canonical_json
from lirich.model.things import KEY_PATTERN

_DIGEST_PATTERN = r"^[0-9a-f]{64}$"


class Analysis(Frozen):
    """What one analysis of one run of a cell established.

    A *run* is a stretch of tests that continue each other; ``tests`` names them in time order. ``version`` is
    the lirich version and ``settings_hash`` the content hash of the settings and corrections that were used.
    ``steps_curve`` and ``cycles_curve`` are keys of curves, ``None`` where there was nothing to keep.
    ``segments`` are the protocol segments as JSON objects.
    """

    key: str = Field(min_length=1)
    cell: str = Field(pattern=KEY_PATTERN)
    run: int = Field(ge=0)
    tests: tuple[str, ...] = Field(min_length=1)
    version: str
    settings_hash: str
    steps_curve: str | None = Field(default=None, pattern=_DIGEST_PATTERN)
    cycles_curve: str | None = Field(default=None, pattern=_DIGEST_PATTERN)
    segments: tuple[dict[str, Any], ...] = ()
    values: tuple[Value, ...] = ()
    findings: tuple[Finding, ...] = ()
    created_unix_second: float = 0.0

    @field_validator("segments")
    @classmethod
    def _json(cls, segments: tuple[dict[str, Any], ...]) -> tuple[dict[str, Any], ...]:
        try:
            canonical_json(segments)
        except (TypeError, ValueError) as error:
            raise ValueError(f"segments are JSON objects without NaN: {error}") from error
        return segments


class CorrectionRecord(Frozen):
    """A user's correction of the protocol of a cell, with the times at which it was made and withdrawn."""

    cell: str
    number: int
    correction: dict[str, Any]
    created_unix_second: float
    cleared_unix_second: float | None = None


class FactVersion(Frozen):
    """One state of what was said of a sample or cell, and since when."""

    number: int
    unix_second: float
    fact: Sample | Cell


class LineageFile(Frozen):
    """A raw file behind a value: whether the workspace still has it, and the tests that were read from it."""

    sha256: str
    raw: RawFile | None
    present: bool
    tests: tuple[Test, ...] = ()


class Lineage(Frozen):
    """The way back from a value: code, version and parameters that made it, and the raw files it rests on.

    ``analyses`` are the keys of the stored analyses that hold this very value; ``sources`` the names under
    which it was put in with `Store.put_values`.
    """

    value: Value
    code: str
    version: str
    parameters: dict[str, Scalar]
    source: str
    files: tuple[LineageFile, ...] = ()
    analyses: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether every raw file that the value names is in the workspace, or it names a source instead."""
        return bool(self.files or self.source) and all(f.present and f.raw is not None for f in self.files)

"""What the store keeps beside the values of `lirich.model`: analyses, corrections, history and lineage."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import Field, field_validator

from lirich.model import Cell, Finding, Frozen, RawFile, Sample, Scalar, Test, Value, canonical_json
from lirich.model.things import Key, TestKind

T = TypeVar("T")

_DIGEST_PATTERN = r"^[0-9a-f]{64}$"


class Analysis(Frozen):
    """What one analysis of one run of a cell established.

    A *run* is a stretch of tests that continue each other; ``tests`` names them in time order. What it was made
    with is kept with it: ``version`` is the lirich version, ``settings`` are all settings of the analysis,
    ``corrections`` the user's words on the protocol, ``facts`` and ``sample`` what was said of cell and sample.
    ``settings`` and ``facts`` are ``None`` in an analysis of a lirich that did not keep them.
    ``steps_curve`` and ``cycles_curve`` are keys of curves, ``None`` where there was nothing to keep. Of the kind
    ``impedance`` there is one test, and ``spectra_curve`` has one row for each of its spectra.
    ``segments`` are the protocol segments as JSON objects.
    """

    key: str = Field(min_length=1)
    cell: Key
    run: int = Field(ge=0)
    kind: TestKind = "cycling"
    tests: tuple[str, ...] = Field(min_length=1)
    version: str
    settings: dict[str, Any] | None = None
    corrections: tuple[dict[str, Any], ...] = ()
    facts: Cell | None = None
    sample: Sample | None = None
    steps_curve: str | None = Field(default=None, pattern=_DIGEST_PATTERN)
    cycles_curve: str | None = Field(default=None, pattern=_DIGEST_PATTERN)
    spectra_curve: str | None = Field(default=None, pattern=_DIGEST_PATTERN)
    segments: tuple[dict[str, Any], ...] = ()
    values: tuple[Value, ...] = ()
    findings: tuple[Finding, ...] = ()
    created_unix_second: float = 0.0

    @property
    def curves(self) -> tuple[str, ...]:
        """The keys of its tables."""
        return tuple(key for key in (self.steps_curve, self.cycles_curve, self.spectra_curve) if key is not None)

    @field_validator("segments", "settings", "corrections")
    @classmethod
    def _json(cls, given: T) -> T:
        try:
            canonical_json(given)
        except (TypeError, ValueError) as error:
            raise ValueError(f"JSON objects without NaN are expected: {error}") from error
        return given


class CorrectionRecord(Frozen):
    """A user's correction of the protocol of a cell, with the times at which it was made and withdrawn."""

    cell: str
    number: int
    correction: dict[str, Any]
    created_unix_second: float
    cleared_unix_second: float | None = None


class FactVersion(Frozen):
    """One state of what was said of a sample or cell, and since when; ``fact`` is ``None`` where it was removed.

    ``moved_to`` is the name that the files' cell has since, where it was removed for that.
    """

    number: int
    unix_second: float
    fact: Sample | Cell | None
    moved_to: str | None = None


class ModelRecord(Frozen):
    """What is known of a learned model beside its arrays.

    ``kind`` names the estimator; ``sha256`` and ``size`` (bytes) are of its file; ``trained_on`` are the keys of the
    curves that it was learned from, ``parameters`` what it was learned with, ``version`` the lirich that did it.
    """

    name: str = Field(min_length=1)
    kind: str = Field(min_length=1)
    sha256: str = Field(pattern=_DIGEST_PATTERN)
    size: int = Field(ge=0)
    trained_on: tuple[str, ...] = ()
    parameters: dict[str, Scalar] = Field(default_factory=dict)
    version: str
    created_unix_second: float = 0.0


class LineageFile(Frozen):
    """A raw file behind a value: whether the workspace still has it, and the tests that were read from it."""

    sha256: str
    raw: RawFile | None
    present: bool
    tests: tuple[Test, ...] = ()


class Lineage(Frozen):
    """The way back from a value: code, version and parameters that made it, and the raw files it rests on.

    ``parameters`` are what the value itself states; ``analyses`` are the keys of the stored analyses that hold this
    very value, ``settings`` and ``corrections`` those that the first of them was made with (``None``: no analysis
    holds it, or one of a lirich that did not keep them). ``sources`` are the names under which it was put in with
    `Store.put_values`.
    """

    value: Value
    code: str
    version: str
    parameters: dict[str, Scalar]
    source: str
    settings: dict[str, Any] | None = None
    corrections: tuple[dict[str, Any], ...] = ()
    files: tuple[LineageFile, ...] = ()
    analyses: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether every raw file that the value names is in the workspace, or it names a source instead."""
        return bool(self.files or self.source) and all(f.present and f.raw is not None for f in self.files)

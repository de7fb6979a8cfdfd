"""What a lab has, as frozen values: composition, recipe, sample, cell, test, value, finding.

Every class here is immutable, checks itself when it is made, and round-trips exactly through JSON
(``to_json`` / ``from_json``).
"""

from lirich.model._base import Frozen, canonical_json, content_hash
from lirich.model.composition import Composition
from lirich.model.finding import Finding, Severity
from lirich.model.things import Cell, Electrode, Morphology, RawFile, Recipe, Sample, Test
from lirich.model.value import (
    Conditions,
    Interval,
    Operator,
    Origin,
    Provenance,
    Scalar,
    Subject,
    Value,
)

__all__ = [
    "Cell",
    "Composition",
    "Conditions",
    "Electrode",
    "Finding",
    "Frozen",
    "Interval",
    "Morphology",
    "Operator",
    "Origin",
    "Provenance",
    "RawFile",
    "Recipe",
    "Sample",
    "Scalar",
    "Severity",
    "Subject",
    "Test",
    "Value",
    "canonical_json",
    "content_hash",
]

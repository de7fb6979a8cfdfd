"""The literature that lirich carries, and the user's own records.

Carried are 96 facts, 16 statements on dopants and 135 references of one review.

Source: Yang et al., EES Batteries 2 (2026) 377, doi:10.1039/d5eb00167f; see ``SOURCE.md`` beside this file.
"""

from lirich.store.literature.conditions import parse_conditions
from lirich.store.literature.conflicts import Conflict, find_conflicts
from lirich.store.literature.dopants import Statement, statements
from lirich.store.literature.query import about, filed_elsewhere, morphology_of, query
from lirich.store.literature.records import load, load_records
from lirich.store.literature.references import REVIEW, REVIEW_DOI, Reference, reference, references
from lirich.store.literature.vocabulary import QUANTITY_NAMES

__all__ = [
    "QUANTITY_NAMES",
    "REVIEW",
    "REVIEW_DOI",
    "Conflict",
    "Reference",
    "Statement",
    "about",
    "filed_elsewhere",
    "find_conflicts",
    "load",
    "load_records",
    "morphology_of",
    "parse_conditions",
    "query",
    "reference",
    "references",
    "statements",
]

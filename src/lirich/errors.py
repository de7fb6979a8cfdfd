"""Every error that lirich raises, in one tree.

::

    LirichError
    ├── InputError                  what was handed in cannot be used
    │   ├── UsageError              a wrong call of the command line: unknown options, missing arguments
    │   ├── UnknownNameError        a name that is not in the vocabulary (quantity, column, cell, …)
    │   ├── UnitError               a unit that does not fit the quantity
    │   ├── CompositionError        a chemical formula that cannot be read
    │   ├── StructureError          atoms that cannot be a crystal: overlapping, unknown, unreadable
    │   ├── MetadataError           what is said of a cell is unusable
    │   │   ├── MissingMetadataError      a fact that is needed and was not given
    │   │   └── ConflictingMetadataError  two sources disagree about a fact
    │   ├── ReadError               a file cannot become a table
    │   │   ├── UnrecognisedFileError     no reader knows it
    │   │   ├── DamagedFileError          the reader knows it, but it is cut short or broken
    │   │   ├── WrongTechniqueError       a file of another measurement (impedance, …)
    │   │   ├── MissingColumnError        a column that a standard table needs is not there
    │   │   ├── InconsistentDataError     time, current and capacity contradict each other
    │   │   └── MappingError              the mapping file beside a table is wrong
    │   ├── RecordError             rows of a table of literature records are wrong
    │   └── SettingsError           a settings or study file is wrong
    ├── AnalysisError               the data are sound, but the question cannot be answered with them
    │   ├── NotEnoughDataError      too few points, cycles or cells
    │   ├── NotComparableError      unlike conditions
    │   ├── SimulationError         the equations of a model could not be solved
    │   ├── NotNeutralError         a charge that no allowed compensation takes up
    │   └── CalculatorError         a potential gave no usable energy or forces, or a relaxation went astray
    │       └── CalculatorStoppedError    the program behind it ended in an error of its own, or is another one here
    ├── StoreError                  the workspace
    │   ├── WorkspaceNotFoundError
    │   ├── WorkspaceExistsError
    │   ├── WorkspaceVersionError   written by a newer lirich
    │   └── CorruptStoreError       a file of the workspace no longer has the content it was stored with
    ├── ComputeError                the executor or a task
    │   └── TaskFailedError
    └── PluginError                 a plug-in door
        └── OptionalDependencyError an extra is not installed

Each message says what was found, what was expected and what to do. ``found``, ``expected`` and ``advice``
are kept as attributes; `LirichError.to_dict` gives them to ``--json``.
"""

from __future__ import annotations

import difflib
import re
import shlex
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lirich.model import Finding


_ONE_WORD = re.compile(r"[\w@%+=:,./…-]+")


def quoted(word: str) -> str:
    """Return a word of a command in an advice as the shell takes it for one: a name with blanks is quoted."""
    return word if _ONE_WORD.fullmatch(word) else shlex.quote(word)


class LirichError(Exception):
    """The root of the tree.

    Parameters
    ----------
    found:
        What is wrong, as it was found.
    expected:
        What would have been right.
    advice:
        What the user can do now.
    """

    exit_code = 2

    def __init__(self, found: str, *, expected: str = "", advice: str = "") -> None:
        self.found = found
        self.expected = expected
        self.advice = advice
        super().__init__(found, expected, advice)

    def __str__(self) -> str:
        parts = [_sentence(self.found)]
        if self.expected:
            parts.append(_sentence(f"Expected: {self.expected}"))
        if self.advice:
            parts.append(_sentence(self.advice))
        return " ".join(parts)

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return _rebuild, (type(self), self.found, self.expected, self.advice, self.__dict__.copy())

    def to_dict(self) -> dict[str, str]:
        """Return the error as the object that ``--json`` prints."""
        return {
            "error": type(self).__name__,
            "found": self.found,
            "expected": self.expected,
            "advice": self.advice,
        }


def _sentence(text: str) -> str:
    """Return *text* with a full stop, unless it ends with a mark of its own."""
    return text if text.endswith(("?", "!")) else text.rstrip(".") + "."


def _rebuild(kind: type[LirichError], found: str, expected: str, advice: str, state: dict[str, object]) -> LirichError:
    # Errors cross process borders; pickle must not call subclasses' own signatures.
    error = kind.__new__(kind)
    LirichError.__init__(error, found, expected=expected, advice=advice)
    error.__dict__.update(state)
    return error


class InputError(LirichError):
    """What was handed in cannot be used."""


class UsageError(InputError):
    """A wrong call of the command line: an unknown verb or option, a missing or impossible argument."""


class UnknownNameError(InputError, KeyError):
    """A name that is not in the vocabulary; the message offers the nearest known ones.

    Also a ``KeyError``, so that mappings of lirich (``ws.cells``) behave as mappings do.
    """

    @classmethod
    def of(cls, kind: str, name: str, known: Iterable[str]) -> UnknownNameError:
        """Build the error for *name* of *kind* among the *known* names."""
        names = sorted(known)
        folded: dict[str, list[str]] = {}
        for each in names:
            folded.setdefault(each.casefold(), []).append(each)
        # a name in other case is the one that was meant, however near others are
        near = folded.get(name.casefold()) or [
            each
            for close in difflib.get_close_matches(name.casefold(), folded, n=3, cutoff=0.5)
            for each in folded[close]
        ]
        if near:
            advice = "Did you mean " + " or ".join(repr(n) for n in near) + "?"
        elif names:
            shown = ", ".join(names[:40]) + (", …" if len(names) > 40 else "")
            advice = f"Known: {shown}"
        else:
            advice = f"There is no {kind} yet"
        return cls(f"Unknown {kind} {name!r}", advice=advice)


class UnitError(InputError):
    """A unit that does not fit the quantity."""


class CompositionError(InputError):
    """A chemical formula that cannot be read."""


class StructureError(InputError):
    """Atoms that cannot be a crystal: unreadable text, an unknown element, atoms on top of each other, no cell."""


class MetadataError(InputError):
    """What is said of a cell or sample is unusable."""


class MissingMetadataError(MetadataError):
    """A fact that is needed and was not given; it is asked for by name."""


class ConflictingMetadataError(MetadataError):
    """Two sources disagree about a fact."""


class ReadError(InputError):
    """A file cannot become a table."""


class UnrecognisedFileError(ReadError):
    """No reader knows the file."""


class DamagedFileError(ReadError):
    """The reader knows the file, but it is cut short or broken."""


class WrongTechniqueError(ReadError):
    """The reader knows the file; it holds another measurement (impedance, …) than cycling."""


class MissingColumnError(ReadError):
    """A column that a standard table needs is not there."""


class InconsistentDataError(ReadError):
    """Time, current and capacity contradict each other; ``findings`` says how, each with its repair."""

    findings: tuple[Finding, ...] = ()


class MappingError(ReadError):
    """The mapping file beside a table is wrong."""


_MOST_ROWS = 10
"""So many wrong rows are told; ``problems`` has all."""


def _of_rows(told: Iterable[tuple[int, str]]) -> str:
    return "; ".join(f"row {row}: {text.rstrip('.')}" for row, text in told)


class RecordError(InputError):
    """Rows of a table of literature records are wrong; ``problems`` holds (row, what is wrong) of each."""

    problems: tuple[tuple[int, str], ...] = ()

    @classmethod
    def of(cls, table: str, problems: Iterable[tuple[int, str | LirichError]]) -> RecordError:
        """Build the error for the *problems*, pairs of row number (the header is row 1) and what is wrong with it."""
        found = tuple(problems)
        shown = [(row, each.found if isinstance(each, LirichError) else each) for row, each in found[:_MOST_ROWS]]
        rest = f"; and {len(found) - _MOST_ROWS} more" if len(found) > _MOST_ROWS else ""
        count = len({row for row, _ in found})
        right = [(row, each.expected) for row, each in found[:_MOST_ROWS] if isinstance(each, LirichError)]
        said = [
            f"row {row}: {each.advice}"
            for row, each in found[:_MOST_ROWS]
            if isinstance(each, LirichError) and each.advice
        ]
        error = cls(
            f"{count} row{'s' if count > 1 else ''} of {table} cannot be used: {_of_rows(shown)}{rest}",
            expected=_of_rows([(row, expected) for row, expected in right if expected])
            or "rows as the carried table has",
            advice="; ".join([*said, "Nothing was taken from the table. Correct these rows and load it again"]),
        )
        error.problems = tuple((row, str(each)) for row, each in found)
        return error


class SettingsError(InputError):
    """A settings or study file is wrong."""


class AnalysisError(LirichError):
    """The data are sound, but the question cannot be answered with them."""


class NotEnoughDataError(AnalysisError):
    """Too few points, cycles or cells."""


class NotComparableError(AnalysisError):
    """Values under unlike conditions."""


class SimulationError(AnalysisError):
    """The equations of a model could not be solved with these parameters and this programme."""


class NotNeutralError(AnalysisError):
    """A charge that no allowed compensation takes up: energies of such cells cannot be compared."""


class CalculatorError(AnalysisError):
    """A potential gave no usable energy or forces (NaN, a missing element), or a relaxation went astray."""


class CalculatorStoppedError(CalculatorError):
    """The program behind a potential ended in an error of its own, or is another version here.

    That may be the fault of the machine (no memory, no licence, a file that is not there): such an answer is not kept.
    """


class StoreError(LirichError):
    """The workspace cannot do it."""


class WorkspaceNotFoundError(StoreError):
    """There is no workspace here."""


class WorkspaceExistsError(StoreError):
    """There is a workspace here already."""


class WorkspaceVersionError(StoreError):
    """The workspace was written by a newer lirich."""


class CorruptStoreError(StoreError):
    """A file of the workspace no longer has the content it was stored with."""


class ComputeError(LirichError):
    """The executor or a task failed."""


class TaskFailedError(ComputeError):
    """A task ended in an error that is not one of lirich's own."""


class PluginError(LirichError):
    """A plug-in cannot be loaded or breaks its contract."""


class OptionalDependencyError(PluginError):
    """An extra is not installed."""

    @classmethod
    def of(cls, what: str, extra: str, instead: str = "") -> OptionalDependencyError:
        """Build the error for *what*, which needs the *extra*; *instead* says what goes without it."""
        install = f"In the clone of lirich: pip install -c constraints.txt -e '.[{extra}]'"
        return cls(
            f"{what} needs the optional extra [{extra}], which is not installed",
            advice=f"{install}; or {instead}" if instead else install,
        )

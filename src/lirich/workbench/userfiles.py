"""Files that a user names: read whole, or written whole or not at all; refused by `InputError` before the work."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

from lirich.errors import InputError

PAGE = (".html", ".htm")
"""Endings of the names of pages."""

_TO_PAPER = "Write a page (.html), open it in a browser and print it from there, to a PDF too"
_ADVICE = "Name another file, or check the rights of its folder"
_OTHER = "Name another folder"


def read_text(path: Path, expected: str, *, no_text: str = "") -> str:
    """Return the text (UTF-8) of a file that the user named, *expected* to be that; *no_text* is the advice for none.

    Raises `InputError` where it is not there, is a folder, a pipe (which would be waited for) or no text.
    """
    try:
        kind = _mode(path, _unreadable)
        if kind == "other":
            raise InputError(f"{path} is no regular file", expected=expected)
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path} is no text: its byte {error.start} is no UTF-8", expected=expected, advice=no_text
        ) from error
    except OSError as error:
        raise InputError(_unreadable(path, error).found, expected=expected) from error


def check_file(path: Path, forms: Sequence[str] = ()) -> None:
    """Raise `InputError` where a file of this name cannot be written: before the work that would fill it.

    *forms* are the endings of the names that can be written, such as ``.html``; any, where none is named.
    """
    need_text(path)
    folder = path.absolute().parent
    if _mode(path, unwritable) == "folder":
        raise InputError(f"{path} is a folder", expected="the name of a file", advice="Name a file in it")
    suffix, named = path.suffix.lower(), f"a name in {' or '.join(forms)}" if forms else ""
    if suffix == ".pdf":
        raise InputError(f"{path.name}: lirich writes no PDF", expected=named, advice=_TO_PAPER)
    if forms and suffix not in forms:
        raise InputError(f"{path.name} has no form that is written here", expected=named)
    there = _mode(folder, unwritable)
    if there is None:
        raise InputError(f"There is no folder {str(folder)!r}", advice="Make it, or check the path")
    if there != "folder":
        raise InputError(f"{str(folder)!r} is a file, not a folder", advice="Check the path")
    if not os.access(folder, os.W_OK):
        raise InputError(
            f"{path} cannot be written: {str(folder)!r} is read-only",
            expected="a file in a folder that is there and may be written",
            advice=_ADVICE,
        )


def check_folder(path: Path) -> None:
    """Raise `InputError` where a folder of this name neither is nor can be made: before the work that would fill it."""
    need_text(path)
    for each in (path.absolute(), *path.absolute().parents):
        kind = _mode(each, _unmakable)
        if kind == "folder":
            if not os.access(each, os.W_OK):
                raise InputError(f"The folder {path} cannot be written: {str(each)!r} is read-only", advice=_OTHER)
            return
        if kind is not None:
            raise InputError(f"The folder {path} cannot be made: {str(each)!r} is a file", advice=_OTHER)


def write_text(path: Path, text: str) -> Path:
    """Write a text file (UTF-8), whole or not at all, and return its name. Raises `InputError` where that fails."""
    check_file(path)
    try:
        if _mode(path, unwritable) == "other":
            path.write_text(text, encoding="utf-8")  # /dev/stdout, a pipe: there is nothing to replace
            return path
        handle, name = tempfile.mkstemp(dir=path.absolute().parent, prefix=".lirich-", suffix=".part")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
            os.chmod(name, 0o644)  # mkstemp makes it private; what was asked for is to be handed on
            os.replace(name, path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise unwritable(path, error) from error
    return path


def make_folder(path: Path) -> Path:
    """Make a folder with those above it, where it is not there yet, and return it. Raises `InputError`."""
    check_folder(path)
    try:
        path.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        raise _unmakable(path, error) from error
    return path


def unwritable(path: Path, error: Exception) -> InputError:
    """Return the error for a file that cannot be written."""
    return InputError(f"{path} cannot be written: {_reason(error)}", advice=_ADVICE)


def _unreadable(path: Path, error: Exception) -> InputError:
    return InputError(f"{path} cannot be read: {_reason(error)}", advice="Check the path")


def _unmakable(path: Path, error: Exception) -> InputError:
    told = "a file has its name" if isinstance(error, FileExistsError) else _reason(error)
    return InputError(f"The folder {path} cannot be made: {told}", advice=_OTHER)


def _mode(path: Path, refused: Callable[[Path, Exception], InputError]) -> Literal["folder", "file", "other"] | None:
    """Tell what is there under this name; ``None``: nothing."""
    try:
        mode = os.stat(path).st_mode
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:  # a name too long, a NUL in it, links in a circle
        raise refused(path, error) from error
    return "folder" if stat.S_ISDIR(mode) else "file" if stat.S_ISREG(mode) else "other"


def need_text(path: Path) -> None:
    """Raise `InputError` where the name is no text: libraries that write Parquet and CSV cannot open it."""
    try:
        str(path.absolute()).encode()
    except UnicodeEncodeError:
        raise InputError(f"{str(path)!r} is no Unicode name", advice="Name another file or folder") from None


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)

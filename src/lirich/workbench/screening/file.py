"""Where a study comes from: a YAML or TOML file, or one that comes with lirich, by its name."""

from __future__ import annotations

from collections.abc import Callable, Collection
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar

from lirich.errors import UnknownNameError
from lirich.workbench.fieldsfile import read_fields

Study = TypeVar("Study")


def shipped_study(name: str, names: Collection[str]) -> str:
    """Return the text of a study that comes with lirich. Raises `lirich.errors.UnknownNameError`."""
    if name not in names:
        raise UnknownNameError.of("study", name, names)
    return (resources.files("lirich.workbench") / "studies" / f"{name}.yaml").read_text(encoding="utf-8")


def study_data(path: Path, names: Collection[str], what: str) -> tuple[Any, Path]:
    """Return the plain data of a study and the folder that files in it are beside.

    *names* are those of the studies that come with lirich; a file of that name goes before. Raises `InputError` and
    `SettingsError` for a file that cannot be read as *what*.
    """
    if not path.exists() and str(path) in names:
        import yaml

        return yaml.safe_load(shipped_study(str(path), names)), Path()
    return read_fields(path, what), path.parent


def study_of(given: object, kind: type[Study], read: Callable[[Path], Study], make: Callable[[Any], Study]) -> Study:
    """Return the study of a *kind* that is *given*: as such, as a file or a name to *read*, or as data to *make* it of.

    Raises what *read* and *make* raise.
    """
    if isinstance(given, kind):
        return given
    return read(Path(given)) if isinstance(given, str | Path) else make(given)

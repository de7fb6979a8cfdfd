"""Files of fields that people write: YAML, or TOML with the ending ``.toml``. The one home for reading them."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from lirich.errors import SettingsError
from lirich.workbench.userfiles import read_text


def read_fields(path: Path, what: str) -> Any:
    """Return the plain data of a file of *what*.

    Raises `InputError` where there is no such file or it is no text, `SettingsError` where it is neither YAML nor TOML.
    """
    import yaml

    text = read_text(path, f"{what} in YAML or TOML")
    try:
        return tomllib.loads(text) if path.suffix.lower() == ".toml" else yaml.safe_load(text)
    except (tomllib.TOMLDecodeError, yaml.YAMLError) as error:
        raise SettingsError(
            f"{path} is not readable: {error}", expected="YAML, or TOML with the ending .toml"
        ) from error

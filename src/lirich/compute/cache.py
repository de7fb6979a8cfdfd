"""Results of tasks on disk, by the content hash of what made them."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any

from lirich.errors import ComputeError
from lirich.model import canonical_json


class ResultCache:
    """JSON results in a folder, one file per key. Safe against kills and against two writers of one key."""

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)

    def _path(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key}.json"

    def get(self, key: str) -> Any | None:
        """Return the result of that key, or ``None``. A broken entry counts as absent and is removed.

        Raises `ComputeError` where the folder cannot be read.
        """
        path = self._path(key)
        try:
            return json.loads(path.read_bytes())
        except FileNotFoundError:
            return None
        except ValueError:
            path.unlink(missing_ok=True)
            return None
        except OSError as error:
            raise self._unusable(error) from error

    def put(self, key: str, result: Any) -> Any:
        """Keep a result and return it as `get` will: a list for a tuple.

        The file appears whole or not at all. Raises ``TypeError`` or ``ValueError`` for what is no JSON (NaN is
        none), `ComputeError` where the folder cannot be written.
        """
        text = canonical_json(result).encode()
        path = self._path(key)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=path.parent, prefix=".new-")
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(text)
                os.replace(name, path)
            except BaseException:
                Path(name).unlink(missing_ok=True)
                raise
        except OSError as error:
            raise self._unusable(error) from error
        return json.loads(text)

    def _unusable(self, error: OSError) -> ComputeError:
        return ComputeError(
            f"The cache {self.folder} cannot be used: {error.strerror or error}",
            advice="Check its rights and the room on the disk; what it holds can be computed again",
        )

    def clear(self) -> int:
        """Remove every entry and return how many there were."""
        entries = list(self.folder.glob("*/*.json"))
        for entry in entries:
            entry.unlink(missing_ok=True)
        return len(entries)

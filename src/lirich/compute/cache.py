"""Results of tasks on disk, by the content hash of what made them."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any

from lirich.model import canonical_json


class ResultCache:
    """JSON results in a folder, one file per key. Safe against kills and against two writers of one key."""

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)

    def _path(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key}.json"

    def get(self, key: str) -> Any | None:
        """Return the result of that key, or ``None``. An unreadable entry counts as absent and is removed."""
        path = self._path(key)
        try:
            return json.loads(path.read_bytes())
        except FileNotFoundError:
            return None
        except ValueError:
            path.unlink(missing_ok=True)
            return None

    def put(self, key: str, result: Any) -> None:
        """Keep a JSON-able result. The file appears whole or not at all."""
        path = self._path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".new-")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(canonical_json(result))
            os.replace(name, path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise

    def clear(self) -> int:
        """Remove every entry and return how many there were."""
        entries = list(self.folder.glob("*/*.json"))
        for entry in entries:
            entry.unlink(missing_ok=True)
        return len(entries)

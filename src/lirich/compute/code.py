"""Which code a result rests on."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path


@lru_cache
def code_hash(*names: str) -> str:
    """Return the SHA-256 of the source of these packages and modules, as 64 hex digits.

    The number of a version changes with a release only; a checkout and a patched copy change between. A key that
    holds this changes with them, and only with the code that it names. Raises ``ModuleNotFoundError``.
    """
    digest = hashlib.sha256()
    for name in sorted(names):
        spec = find_spec(name)
        if spec is None or spec.origin is None:
            raise ModuleNotFoundError(f"No source of {name!r}", name=name)
        home = Path(spec.origin)
        for path in sorted(home.parent.rglob("*.py")) if spec.submodule_search_locations else [home]:
            source = path.read_bytes().replace(b"\r\n", b"\n")
            digest.update(f"{name}/{path.relative_to(home.parent).as_posix()}\n{len(source)}\n".encode() + source)
    return digest.hexdigest()

"""What a potential is, told without loading it: the version of its package and the hash of its weights.

A finished study is read back by a key that holds this. Loading torch and CHGNet for a version takes longer than all
else that is then done. This module imports neither.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from lirich.atoms.weights import CHGNET, WEIGHTS


@lru_cache(maxsize=8)
def identity(name: str) -> str | None:
    """Return what decides the numbers of the potential *name*; ``None`` where it must be loaded to tell that.

    Of CHGNet with the weights of its wheel (``chgnet``, ``chgnet:r2scan``) it is the version of the package and the
    SHA-256 of the file of the weights.
    """
    door, _, variant = name.partition(":")
    if door != CHGNET or (variant or WEIGHTS[0]) not in WEIGHTS:
        return None
    spec = find_spec(CHGNET)
    if spec is None or spec.origin is None:
        return None
    files = sorted((Path(spec.origin).parent / "pretrained" / (variant or WEIGHTS[0])).glob("*.tar"))
    try:
        package = version(CHGNET)
    except PackageNotFoundError:
        return None
    if not files:
        return None
    digest = hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()
    return f"{CHGNET} {package}, weights file {digest}"

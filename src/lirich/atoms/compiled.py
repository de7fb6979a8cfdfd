"""Loops over atoms, bonds and angles, compiled by numba when they are first called."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba


def compiled(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """Return numba's decorator; what it compiles is kept for the next process where the machine has a place for it."""

    def compile_it(function: Callable[..., Any]) -> Any:
        fixed: dict[str, Any] = {"nopython": True, "nogil": True, "error_model": "numpy", **options}
        try:
            return numba.jit(cache=True, **fixed)(function)
        except RuntimeError:  # neither the package nor the home folder can be written: compiled in each process
            return numba.jit(**fixed)(function)

    return compile_it

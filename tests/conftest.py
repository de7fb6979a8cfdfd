"""Fixtures that several test modules share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real instrument files beside the repository; skips where it is absent."""
    default = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("LIRICH_SHARED_DATA", default))
    if not folder.is_dir():
        pytest.skip("the real files of ../shared/data are not here (set LIRICH_SHARED_DATA)")
    return folder

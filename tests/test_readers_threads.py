"""However many threads Polars has, a text gives the same table: with more, its columns come in more pieces."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from lirich.testing.laboratory import make_laboratory

READ = """
import sys
from pathlib import Path
from lirich.cycling import cycle_table
from lirich.readers import read
for name in sys.argv[1:]:
    table = read(Path(name)).table
    print(table.hash_rows(seed=1).sum(), cycle_table(table).hash_rows(seed=1).sum())
"""


@pytest.mark.slow
def test_the_table_does_not_depend_on_the_number_of_threads(tmp_path: Path) -> None:
    made = make_laboratory(
        tmp_path, n_sc=3, n_pc=0, cycles=10, formats=("neware-csv", "maccor-txt", "bdf-csv"), continued=False,
        physics="curves",
    )  # fmt: skip
    said = [
        subprocess.run(
            [sys.executable, "-c", READ, *map(str, made.files)],
            env={**os.environ, "POLARS_MAX_THREADS": str(threads)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for threads in (1, 4)
    ]
    assert said[0].count("\n") == 3
    assert said[0] == said[1]

"""Read every file of a folder and make its per-cycle table, with a number of worker processes; print one JSON line."""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from pathlib import Path


def one(path: str) -> tuple[int, float, str]:
    """Return the cycles in the table of one file, the peak memory of this process (MiB), and what went wrong."""
    from lirich.cycling import cycle_table
    from lirich.errors import LirichError
    from lirich.readers import read

    try:
        cycles = len(cycle_table(read(Path(path)).table))
    except LirichError as error:
        return 0, _peak(), str(error)
    return cycles, _peak(), ""


def _peak() -> float:
    # Linux hands ru_maxrss of the parent on through fork and exec; VmHWM starts anew
    status = Path("/proc/self/status")
    if status.exists():
        line = next(x for x in status.read_text().splitlines() if x.startswith("VmHWM"))
        return float(line.split()[1]) / 1024.0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0


def main() -> None:
    """Run the job."""
    folder, workers = Path(sys.argv[1]), int(sys.argv[2])
    # one Polars thread per worker, here (one worker runs in this process) as in the pool's own workers
    os.environ["POLARS_MAX_THREADS"] = "1"
    from lirich.compute import open_executor

    paths = sorted(str(p) for p in folder.iterdir())
    start = time.perf_counter()
    with open_executor("processes", workers=workers) as executor:
        done = list(executor.map(one, paths, chunksize=10))
    seconds = time.perf_counter() - start
    print(
        json.dumps(
            {
                "seconds": seconds,
                "tables": sum(1 for cycles, _, _ in done if cycles),
                "failed": sum(1 for _, _, error in done if error),
                "first_error": next((error for _, _, error in done if error), ""),
                "peak_mib": max(peak for _, peak, _ in done),
            }
        )
    )


if __name__ == "__main__":
    main()

"""One tool, one file, in a warm process: each line ``go`` on stdin is one timed run, answered by one line of JSON.

It runs in the environment of the tool that it measures, so it imports nothing but that tool. What counts as a run:
raw file to a table with one row per cycle, by the calls that the tool's own documentation shows. Tools that only read
(fastnda, NewareNDA, Polars) stop at the table of points.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

Run = Callable[[str], tuple[int, int]]
"""A run takes the path and returns the rows read and the cycles in the table (0 where none is made)."""


def lirich() -> Run:
    from lirich.cycling import cycle_table
    from lirich.readers import inspect, read

    wanted: dict[str, tuple[str, ...]] = {}

    def run(path: str) -> tuple[int, int]:
        if path not in wanted:
            # a file whose time contradicts its capacity is refused; its repair is asked for, as a user would
            found = inspect(Path(path)).findings
            wanted[path] = tuple(f.repair for f in found if f.repair and f.severity == "error")
        reading = read(Path(path), repairs=wanted[path])
        return len(reading.table), len(cycle_table(reading.table))

    return run


def lirich_read() -> Run:
    from lirich.readers import read

    return lambda path: (len(read(Path(path)).table), 0)


def fastnda() -> Run:
    import fastnda

    return lambda path: (len(fastnda.read(path)), 0)


def polars() -> Run:
    import polars as pl

    # text only, no number, no time: no reader of Polars can be faster
    return lambda path: (len(pl.read_csv(path, infer_schema=False, encoding="utf8-lossy")), 0)


def newarenda() -> Run:
    import NewareNDA

    return lambda path: (len(NewareNDA.read(path)), 0)


def navani() -> Run:
    import matplotlib as mpl

    mpl.use("Agg")
    import navani.echem as ec

    def run(path: str) -> tuple[int, int]:
        table = ec.echem_file_loader(path)
        return len(table), len(ec.cycle_summary(table))

    return run


_CELLPY = {
    "neware-csv": {"instrument": "neware_txt", "model": "UIO"},
    "maccor-txt": {"instrument": "maccor_txt", "model": "ONE"},
    "biologic-mpr": {"instrument": "biologics_mpr"},
    "arbin-res": {"instrument": "arbin_res"},
    "arbin-xlsx": {"instrument": "arbin_sql_xlsx"},
    "arbin-csv": {"instrument": "arbin_sql_csv"},
    "bdf-csv": {"instrument": "batmo_bdf"},
    "neware-ndax": {"instrument": "neware_nda"},
}


def cellpy() -> Run:
    import cellpy as peer

    options = _CELLPY.get(os.environ["LIRICH_BENCH_FORMAT"])
    if options is None:
        raise LookupError("cellpy has no loader for this format")

    def run(path: str) -> tuple[int, int]:
        cell = peer.get(filename=path, mass=1.0, cycle_mode="anode", testing=True, **options)
        if cell is None or cell.data.raw.empty:
            raise ValueError("cellpy returned no data")
        return len(cell.data.raw), len(cell.data.summary)

    return run


_PYPROBE = {
    "neware-csv": "neware",
    "maccor-csv": "maccor",
    "arbin-csv": "arbin",
    "basytec-txt": "basytec",
    "biologic-mpt": "biologic",
}


def pyprobe() -> Run:
    import polars as pl
    import pyprobe as peer
    from pyprobe.analysis import cycling

    cycler = _PYPROBE.get(os.environ["LIRICH_BENCH_FORMAT"])
    if cycler is None:
        raise LookupError("PyProBE has no cycler of this format")
    out = os.path.join(tempfile.mkdtemp(prefix="pyprobe-"), "out.parquet")

    def run(path: str) -> tuple[int, int]:
        cell = peer.Cell(info={})
        cell.import_from_cycler(
            procedure_name="all",
            cycler=cycler,
            input_data_path=path,
            output_data_path=out,
            overwrite_existing=True,
        )
        cycles = len(cycling.summary(cell.procedure["all"]).data)
        # the footer only: counting rows must not cost the peer a pass over its data
        return pl.scan_parquet(out).select(pl.len()).collect().item(), cycles

    return run


TOOLS = {
    f.__name__.replace("_", "-"): f for f in (lirich, lirich_read, fastnda, polars, newarenda, navani, cellpy, pyprobe)
}


def _peak_mib() -> float:
    # Linux hands ru_maxrss of the parent on through fork and exec; VmHWM starts anew
    status = Path("/proc/self/status")
    if status.exists():
        line = next(x for x in status.read_text().splitlines() if x.startswith("VmHWM"))
        return float(line.split()[1]) / 1024.0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0


def main() -> None:
    """Serve runs until stdin closes."""
    tool, path = sys.argv[1:3]
    # tools print; the protocol keeps the real stdout to itself
    out = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    warnings.simplefilter("ignore")

    def answer(**what: object) -> None:
        out.write(json.dumps(what) + "\n")
        out.flush()

    try:
        run = TOOLS[tool]()
    except Exception as error:  # noqa: BLE001  # process border: a peer that cannot start is a row of the table
        answer(error=f"{type(error).__name__}: {error}")
        return
    answer(ready=True, mib=_peak_mib())
    for line in sys.stdin:
        if line.strip() != "go":
            break
        cpu, start = time.process_time(), time.perf_counter()
        try:
            rows, cycles = run(path)
        except Exception as error:  # noqa: BLE001  # process border: what a peer cannot read is a row of the table
            answer(error=f"{type(error).__name__}: {error}"[:300])
            return
        answer(
            seconds=time.perf_counter() - start,
            cpu=time.process_time() - cpu,
            rows=rows,
            cycles=cycles,
            mib=_peak_mib(),
        )


if __name__ == "__main__":
    main()

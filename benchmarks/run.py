"""Measure lirich beside its peers in one run and print ratios.

    python benchmarks/run.py [--data ../shared/data/cycling] [--rounds 7] [--folder 1000] [--only PART …]

Parts: ``files`` (raw file to a table with one row per cycle), ``folder`` (many files, 1 and 2 workers), ``cli``
(``lirich --help``). The ratios hold for this machine and this run; that is why there are no seconds.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from peers import ALL, ROOT, Peer, install
from timing import Result, measure

SPEED_FILE = "neware_BTS85-36_22cycles_1.4-3.4V.ndax"
REAL = (
    (SPEED_FILE, "neware-ndax"),
    ("neware_1.5-4.4V_1cycle.ndax", "neware-ndax"),
    ("neware_export_uio.csv", "neware-csv"),
    ("maccor_M50_0degC.txt", "maccor-txt"),
    ("landt_LiGrR2032.csv", "landt-csv"),
    ("arbin_example_halfcell_3.0-4.3V.res", "arbin-res"),
    ("arbin_export_gr_li_channel11.xlsx", "arbin-xlsx"),
    ("biologic_gcpl_5cycles_2.0-3.8V.mpr", "biologic-mpr"),
    ("basytec_LiLNMO_pOCV_halfcell.bdf.csv", "bdf-csv"),
    ("neware_rate_SLPBA842124HV_TimeBug.bdf.csv", "bdf-csv"),
)
SIMULATED = (
    "neware-csv",
    "arbin-csv",
    "landt-csv",
    "maccor-txt",
    "biologic-mpt",
    "bdf-csv",
    "bdf-parquet",
    "basytec-txt",
)


def main() -> int:
    """Run the parts and print their tables; the exit status is 1 where a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data" / "cycling")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument(
        "--clock", choices=("wall", "cpu"), default="wall", help="cpu: where the machine is not your own"
    )
    parser.add_argument("--files", default="", help="only files whose name or format has this in it")
    parser.add_argument("--folder", type=int, default=1000, help="files in the folder")
    parser.add_argument("--only", nargs="*", choices=("files", "folder", "cli"), default=["files", "folder", "cli"])
    parser.add_argument("--peers", nargs="*", default=[p.name for p in ALL], help="which peers to install and run")
    options = parser.parse_args()
    met: list[tuple[str, bool]] = []
    with tempfile.TemporaryDirectory(prefix="lirich-bench-") as scratch:
        if "files" in options.only:
            met += files_part(Path(scratch), install(options.peers), options)
        if "folder" in options.only:
            met += folder_part(Path(scratch), options.folder)
        if "cli" in options.only:
            met += cli_part()
    print("\nTargets")
    for text, reached in met:
        print(f"  {'reached' if reached else 'MISSED '}  {text}")
    return 0 if all(reached for _, reached in met) else 1


# --- one file ----------------------------------------------------------------------------------------------------


def files_part(scratch: Path, peers: list[Peer], options: argparse.Namespace) -> list[tuple[str, bool]]:
    """Raw file to per-cycle table, file by file."""
    data = options.data
    from lirich.testing.laboratory import make_laboratory

    made = make_laboratory(scratch / "lab", n_sc=len(SIMULATED), n_pc=0, formats=SIMULATED, continued=False,
                           physics="curves")  # fmt: skip
    jobs = [(data / name, kind) for name, kind in REAL if (data / name).exists()]
    if not jobs:
        print(f"(the real files are not in {data}: only simulated ones are measured)")
    jobs += [(cell.files[0], cell.format) for cell in made.cells.values()]
    jobs = [(path, kind) for path, kind in jobs if options.files in path.name or options.files in kind]
    names = [p.name for p in peers]
    print("\nRaw file to a table with one row per cycle: time of the peer / time of lirich")
    print(f"(medians of the {options.clock} clock, tools interleaved)")
    print("(r) reads only and makes no table; - cannot read it, see below")
    heads = [f"{p.name}{'' if p.table else ' (r)'}" for p in peers if p.requirement]
    print(f"{'file':<44}{'rows':>8}{'cycles':>7}" + "".join(f"{h:>15}" for h in heads) + f"{'lirich MiB':>12}")
    notes: list[str] = []
    results: dict[str, dict[str, Result]] = {}
    for path, kind in jobs:
        found = measure(path, kind, [p for p in peers if not p.only or kind in p.only], options.rounds, options.clock)
        label = path.name if path.parent == data else f"simulated {kind}"
        results[label] = found
        print(_line(label, found, names), flush=True)
        notes += [f"  {label}: {tool}: {r.error.splitlines()[0][:150]}" for tool, r in found.items() if r.error]
    _memory(results, peers)
    print("\nWhat was not read")
    print("\n".join(notes) or "  everything was read")
    return _targets(results, peers)


def _line(label: str, found: dict[str, Result], names: list[str]) -> str:
    own = found["lirich"]
    cells = []
    for name in names:
        if name == "lirich":
            continue
        other = found.get(name)
        cells.append("-" if own.error or other is None or other.error else f"{other.median_s / own.median_s:.2f}")
    tail = "-" if own.error else f"{own.peak_mib:.0f}"
    return f"{label[:43]:<44}{own.rows:>8}{own.cycles:>7}" + "".join(f"{c:>15}" for c in cells) + f"{tail:>12}"


def _memory(results: dict[str, dict[str, Result]], peers: list[Peer]) -> None:
    label = SPEED_FILE if SPEED_FILE in results else next(iter(results))
    print(f"\nPeak memory of the process, MiB (imports and all), on {label}")
    for peer in peers:
        r = results[label].get(peer.name, Result(peer.name, error="not for this format"))
        print(f"  {peer.name:<12}" + (f"{'-':>8}" if r.error else f"{r.peak_mib:>8.0f}"))


def _targets(results: dict[str, dict[str, Result]], peers: list[Peer]) -> list[tuple[str, bool]]:
    makers = [p.name for p in peers if p.table and p.requirement]
    met = []
    for label, found in results.items():
        own = found["lirich"]
        if own.error:
            met.append((f"lirich reads {label}: {own.error[:100]}", False))
            continue
        cellpy = found.get("cellpy")
        if cellpy and not cellpy.error:
            ratio = cellpy.median_s / own.median_s
            met.append((f">= 10x faster than cellpy on {label}: {ratio:.1f}x", ratio >= 10))
        others = {m: found[m].median_s / own.median_s for m in makers if m in found and not found[m].error}
        if others:
            fastest = min(others, key=lambda m: others[m])
            text = f">= 3x faster than {fastest} (the fastest that makes the table) on {label}: {others[fastest]:.1f}x"
            met.append((text, others[fastest] >= 3))
    if SPEED_FILE in results and "fastnda" in results[SPEED_FILE] and not results[SPEED_FILE]["lirich"].error:
        ratio = results[SPEED_FILE]["lirich"].median_s / results[SPEED_FILE]["fastnda"].median_s
        met.append((f"<= 1.5x of fastnda's bare read on {SPEED_FILE}: {ratio:.2f}x", ratio <= 1.5))
    return met


# --- a folder ----------------------------------------------------------------------------------------------------


def folder_part(scratch: Path, count: int) -> list[tuple[str, bool]]:
    """A folder of many files with one and with two workers."""
    from lirich.testing.laboratory import make_laboratory

    made = make_laboratory(scratch / "seed", n_sc=8, n_pc=8, cycles=12, continued=False, physics="curves")
    folder = scratch / "folder"
    folder.mkdir()
    sources = made.files
    for i in range(count):
        source = sources[i % len(sources)]
        shutil.copy(source, folder / f"{i:04d}-{source.name}")
    size = sum(f.stat().st_size for f in folder.iterdir()) / 2**20
    print(f"\nA folder of {count} vendor-like files ({size:.0f} MiB): read and made into per-cycle tables")
    times = {}
    for workers in (1, 2, 1, 2):
        answer = json.loads(
            subprocess.run(
                [sys.executable, str(Path(__file__).with_name("folder_job.py")), str(folder), str(workers)],
                capture_output=True,
                text=True,
                check=True,
                env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
            ).stdout.splitlines()[-1]
        )
        times.setdefault(workers, []).append(answer)
    one, two = (min(a["seconds"] for a in times[w]) for w in (1, 2))
    last = times[2][-1]
    print(f"  2 workers / 1 worker: {one / two:.2f}x as fast; {last['tables']} tables, {last['failed']} not read")
    for workers in (1, 2):
        peak = max(a["peak_mib"] for a in times[workers])
        print(f"  peak memory of a worker ({workers}): {peak:.0f} MiB")
    return [
        (f"a folder of {count} files uses both cores: {one / two:.2f}x with 2 workers", one / two >= 1.6),
        (f"every one of {count} files is read: {last['failed']} failed", last["failed"] == 0),
    ]


# --- the command line --------------------------------------------------------------------------------------------


def cli_part() -> list[tuple[str, bool]]:
    """CPU time of ``lirich --help`` beside that of an empty Python."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}

    def cpu(*arguments: str) -> float:
        spent = []
        for _ in range(7):
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            subprocess.run([sys.executable, *arguments], capture_output=True, check=True, env=environment)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            spent.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        return statistics.median(spent[1:])

    helped, empty = cpu("-c", "from lirich.cli import main; main()", "--help"), cpu("-c", "pass")
    print(f"\nlirich --help: {helped / empty:.1f}x the CPU time of an empty Python")
    return [(f"lirich --help takes less than 0.5 s of CPU: {helped:.2f} s", helped < 0.5)]


if __name__ == "__main__":
    raise SystemExit(main())

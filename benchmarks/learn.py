"""The state map and completion beside scikit-learn and the anchor's recipe; every number beside its target.

    python benchmarks/learn.py fit|disk|completion|regimes|all [--folder FOLDER] [--data ../shared/data/cycling]
                               [--rounds 3] [--threads 1] [--clock cpu|wall] [--tests same,shifted] [--cells 120]

Cohorts of the crystal model are made in FOLDER where they are not there (some minutes of CPU each; extra [cells]):
``train`` to learn from (or from ``--cells`` of its cells); to ask about, each of other cells and another seed:
``same``, ``same2``, ``same3`` with the scatter and noise of ``train``; ``shifted``, ``again``, ``shifted2``,
``shifted3`` with 1.5 times the scatter, three times the noise, channels with offset and gain. The bands were made with
an eye on ``same``, ``shifted`` and ``again``; the other four were looked at once, when they were done.
``all`` ends with `benchmarks/learn_cohort.py all` (states, outliers, forecast, drivers) in FOLDER/states. ``fit`` needs
scikit-learn (extra [learn]). The exit status is 1 where a target is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl

from learn_made import missed, told, workspace

ANCHOR_ROWS, POINTS, COMPONENTS = 16_000, 10_000, 7
BLOCK = 400


def many_curves(folder: Path) -> Path:
    """Write 16,000 curves on 10,000 voltages as blocks of 400: curves of the cohort, resampled and perturbed.

    Each is a curve of the cohort times 1 ± 1 %, with a random walk of 0.1 mAh/g at its end: simulated.
    """
    from lirich.workbench.learning.curvematrix import curve_set

    place = folder / "fit-16000"
    if (place / "done").exists():
        return place
    place.mkdir(parents=True, exist_ok=True)
    curves = curve_set(workspace(folder, "train"), grid=np.linspace(3.0, 4.5, POINTS), only="none")
    draw = np.random.default_rng(0)
    values = curves.matrix().values
    for number in range(ANCHOR_ROWS // BLOCK):
        rows = values[draw.integers(0, len(values), BLOCK)].astype(np.float64)
        rows *= 1.0 + 0.01 * draw.normal(size=(BLOCK, 1))
        rows += 0.1 / np.sqrt(POINTS) * np.cumsum(draw.normal(size=rows.shape), axis=1)
        np.save(place / f"{number:03d}.npy", rows)
    (place / "done").touch()
    return place


class Files:
    """Curves in files of `BLOCK` rows each, as `lirich.learn.sums.Curves`."""

    shape = (ANCHOR_ROWS, POINTS)

    def __init__(self, files: list[Path]) -> None:
        self.files = files

    def sample(self, rows: int, seed: int) -> np.ndarray:
        """Return some rows."""
        chosen = np.sort(np.random.default_rng(seed).choice(ANCHOR_ROWS, size=rows, replace=False))
        parts = [np.load(f, mmap_mode="r")[chosen[chosen // BLOCK == i] % BLOCK] for i, f in enumerate(self.files)]
        return np.concatenate(parts)

    def blocks(self) -> Iterator[np.ndarray]:
        """Return all rows, file by file."""
        return (np.load(file, mmap_mode="r") for file in self.files)

    def sums(self, basis: np.ndarray, shift: np.ndarray):  # type: ignore[no-untyped-def]
        """Return the sums of all rows."""
        from lirich.learn.sums import sums_of

        return sums_of(self.blocks(), basis, shift)


def peak_mib() -> float:
    for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    return float("nan")


def worker(tool: str, place: Path) -> None:
    """Fit once in this process and print seconds, peak memory and the file with the result."""
    files = sorted(place.glob("*.npy"))
    grid = np.linspace(3.0, 4.5, POINTS)
    if tool != "blocks":
        x = np.empty((ANCHOR_ROWS, POINTS))
        for i, file in enumerate(files):
            x[i * BLOCK : (i + 1) * BLOCK] = np.load(file)
    if tool == "sklearn":
        from sklearn.decomposition import PCA

        model = PCA(n_components=COMPONENTS)
    else:
        from lirich.learn.statemap import StateMap
        from lirich.learn.sums import InMemory

        model = StateMap(COMPONENTS)
    before = peak_mib()
    wall, cpu = time.perf_counter(), time.process_time()
    if tool == "sklearn":
        model.fit(x)
    elif tool == "memory":
        model.fit_curves(InMemory(x), grid)
    else:
        model.fit_curves(Files(files), grid)
    seconds = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
    out = place.parent / f"components-{tool}.npy"
    np.save(out, model.components_)
    print(json.dumps({**seconds, "peak": peak_mib(), "before": before, "out": str(out)}))


def of_threads(threads: int) -> dict[str, str]:
    """Return the environment of a process in which BLAS and Polars have so many threads."""
    names = (*(f"{n}_NUM_THREADS" for n in ("OPENBLAS", "OMP", "MKL")), "POLARS_MAX_THREADS")
    return {**os.environ, **dict.fromkeys(names, str(threads))}


def run_worker(tool: str, place: Path, threads: int) -> dict[str, float | str]:
    done = subprocess.run(
        [sys.executable, __file__, "worker", "--tool", tool, "--folder", str(place)],
        capture_output=True, text=True, env=of_threads(threads), check=False,
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(f"{tool} failed:\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])  # type: ignore[no-any-return]


def fit(folder: Path, rounds: int, threads: int, clock: str) -> None:
    from lirich.learn.statemap import principal_angles

    place = many_curves(folder)
    print(f"\n16,000 × 10,000 float64, 7 components, {threads} thread(s) each, {clock} time, median of {rounds} rounds")
    found: dict[str, list[dict[str, float | str]]] = {"sklearn": [], "memory": [], "blocks": []}
    for _ in range(rounds):  # in turn, so that a busy machine disturbs all alike
        for tool, results in found.items():
            results.append(run_worker(tool, place, threads))
    seconds = {tool: statistics.median(float(r[clock]) for r in results) for tool, results in found.items()}
    peak = {tool: statistics.median(float(r["peak"]) for r in results) for tool, results in found.items()}
    extra = {t: statistics.median(float(r["peak"]) - float(r["before"]) for r in found[t]) for t in found}
    components = {tool: np.load(str(results[0]["out"])) for tool, results in found.items()}
    told("scikit-learn PCA(n_components=7).fit(X), s", seconds["sklearn"])
    told("StateMap(7) on the same array, s", seconds["memory"])
    ratio = seconds["sklearn"] / seconds["memory"]
    told("scikit-learn / StateMap on the same array", ratio, "≥ 8", ratio >= 8)
    told("scikit-learn / StateMap from blocks on disk", seconds["sklearn"] / seconds["blocks"])
    angle = max(float(principal_angles(components[t], components["sklearn"]).max()) for t in ("memory", "blocks"))
    told("largest principal angle to scikit-learn's subspace, rad", angle, "< 1e-3", angle < 1e-3)
    told("peak of the process: scikit-learn, X in memory as it must be, MiB", peak["sklearn"])
    told("peak of the process: StateMap from blocks, MiB", peak["blocks"])
    share = peak["blocks"] / peak["sklearn"]
    told("StateMap from blocks / scikit-learn", share, "≤ 0.25", share <= 0.25)
    share = extra["memory"] / extra["sklearn"]
    told("beyond X itself: StateMap in memory / scikit-learn", share, "≤ 0.25", share <= 0.25)


def disk(folder: Path, rounds: int, clock: str, threads: int) -> None:
    from lirich.workbench.keptsteps import STEP_COLUMNS
    from lirich.workbench.learning.curvematrix import fit_map

    ws = workspace(folder, "train")
    recorded = ["voltage_volt", "charging_capacity_ah", "discharging_capacity_ah"]
    made = ws.store.bare_analyses(list(ws.store.cells()))
    tables = {  # what the map reads: columns of the points, the steps and the cycles of every cell, all their rows
        "points": ([test.curve for test in ws.store.tests()], recorded),
        "steps": ([each.steps_curve for each in made], list(STEP_COLUMNS)),
        "cycles": ([each.cycles_curve for each in made], ["cycle", "segment", "like_group", "charge_rate_c"]),
    }
    files = {n: [next((ws.root / "curves").rglob(f"{k}*.parquet")) for k in keys] for n, (keys, _) in tables.items()}
    tick = time.process_time if clock == "cpu" else time.perf_counter
    seconds: dict[str, list[float]] = {}

    def timed(name: str, work) -> None:  # type: ignore[no-untyped-def]
        begun = tick()
        work()
        seconds.setdefault(name, []).append(tick() - begun)

    def read(name: str, columns: list[str]) -> None:
        for file in files[name]:
            pl.read_parquet(file, columns=columns)

    def forget() -> None:
        for kept in (ws.store.cache / "curves-as-lines").glob("*"):
            kept.unlink()

    def whole(points: int) -> None:
        fit_map(ws, COMPONENTS, grid=np.linspace(3.0, 4.5, points), only="none", executor="serial")

    print(
        f"\nFrom Parquet to the fitted map: {len(files['points'])} cells × 100 cycles, {clock} time, median "
        f"of {rounds} rounds, reading and map in one process of {threads} thread(s)"
    )
    forget()
    whole(51)  # what is imported once
    for _ in range(rounds):  # in turn, so that a busy machine disturbs all alike
        for name, (_, columns) in tables.items():
            timed(name, lambda name=name, columns=columns: read(name, columns))
        timed("five", lambda: read("points", ["test_time_second", "current_ampere", *recorded]))
        for points in (501, POINTS):
            forget()
            timed(f"first {points}", lambda points=points: whole(points))
            timed(f"again {points}", lambda points=points: whole(points))
    took = {name: statistics.median(each) for name, each in seconds.items()}
    columns = sum(took[name] for name in tables)
    told("polars.read_parquet of the columns that the map reads, all rows, s", columns)
    told("  of them voltage and both capacities of the points, s", took["points"])
    told("reading five columns of the points: these, time and current, s", took["five"])
    for points in (501, POINTS):
        first = took[f"first {points}"]
        told(f"files → half-cycles → map on {points} voltages, over reading the same columns", first / columns, "≤ 3",
             first <= 3 * columns)  # fmt: skip
        told("  the same, over reading five columns of the points", first / took["five"])
        told("  the same, over reading three columns of the points", first / took["points"])
        told(f"curves taken apart before → map on {points} voltages, over reading the same columns",
             took[f"again {points}"] / columns)  # fmt: skip


def regimes() -> None:
    from lirich.learn import trajectory

    print("\nRegimes: 300 lives of 100 cycles in one regime, scatter of a first-order process")
    t = np.arange(1.0, 101.0)
    for rho in (0.0, 0.3, 0.6, 0.8):
        draw = np.random.default_rng(0)
        alarms = 0
        for _ in range(300):
            noise = draw.normal(size=(100, 2))
            for i in range(1, 100):
                noise[i] = rho * noise[i - 1] + np.sqrt(1 - rho**2) * noise[i]
            alarms += bool(trajectory(t, np.outer(t, [0.1, -0.05]) + noise).bends)
        share = 100 * alarms / 300
        told(
            f"false alarms, correlation {rho}, %", share, "≤ 5" if rho < 0.8 else "", share <= 5 if rho < 0.8 else None
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["fit", "disk", "completion", "regimes", "all", "worker"])
    parser.add_argument("--folder", type=Path, default=Path(__file__).parent / ".cohorts")
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[2] / "shared" / "data" / "cycling")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--clock", choices=["cpu", "wall"], default="cpu")
    parser.add_argument("--tests", default="same,shifted", help="cohorts that completion is asked about")
    parser.add_argument("--cells", type=int, help="learn completion from so many cells of the cohort train")
    parser.add_argument("--tool", default="")
    chosen = parser.parse_args()
    if chosen.what == "worker" and chosen.tool == "disk":
        disk(chosen.folder, chosen.rounds, chosen.clock, chosen.threads)
        sys.exit(1 if missed else 0)
    if chosen.what == "worker":
        worker(chosen.tool, chosen.folder)
        return
    chosen.folder.mkdir(parents=True, exist_ok=True)
    if chosen.what in ("regimes", "all"):
        regimes()
    if chosen.what in ("completion", "all"):
        from learn_completion import completion

        completion(chosen.folder, chosen.data, chosen.tests.split(","), chosen.cells)
    if chosen.what in ("disk", "all"):
        apart = [sys.executable, __file__, "worker", "--tool", "disk", "--folder", str(chosen.folder)]
        apart += ["--rounds", str(chosen.rounds), "--clock", chosen.clock, "--threads", str(chosen.threads)]
        if subprocess.run(apart, env=of_threads(chosen.threads), check=False).returncode:
            missed.append("disk")
    if chosen.what in ("fit", "all"):
        fit(chosen.folder, chosen.rounds, chosen.threads, chosen.clock)
    if chosen.what == "all":
        other = [sys.executable, str(Path(__file__).with_name("learn_cohort.py")), "all"]
        if subprocess.run([*other, "--folder", str(chosen.folder / "states")], check=False).returncode:
            missed.append("learn_cohort.py")
    print(f"\n{len(missed)} target(s) missed" + (": " + "; ".join(missed) if missed else ""))
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()

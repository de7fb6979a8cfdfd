"""The state map and completion beside scikit-learn and the anchor's recipe; every number beside its target.

    python benchmarks/learn.py fit|disk|completion|regimes|all [--folder FOLDER] [--data ../shared/data/cycling]
                               [--rounds 3] [--threads 1] [--clock cpu|wall] [--tests same,shifted]

Cohorts of the crystal model are made in FOLDER where they are not there (some minutes of CPU each; extra [cells]):
``train`` to learn from; to ask about, each of other cells and another seed: ``same`` with the scatter and noise of
``train``, ``shifted`` and ``again`` with 1.5 times the scatter, three times the noise, channels with offset and gain.
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

ANCHOR_ROWS, POINTS, COMPONENTS = 16_000, 10_000, 7
BLOCK = 400
COHORTS = {"train": (60, 101, False), "same": (20, 31337, False), "shifted": (20, 27182, True),
           "again": (20, 16180, True)}  # fmt: skip
"""Cells of each morphology, seed, and whether scatter and noise are those of another laboratory."""
missed: list[str] = []


def told(name: str, value: float, target: str = "", met: bool | None = None) -> None:
    verdict = "" if met is None else ("   met" if met else "   MISSED")
    print(f"  {name:<78} {value:9.4g}  {target}{verdict}", flush=True)
    if met is not None and not met:
        missed.append(name)


def workspace(folder: Path, name: str):  # type: ignore[no-untyped-def]
    """Return the analysed workspace of the cohort *name* of `COHORTS`."""
    from lirich import Workspace
    from lirich.testing import CyclerNoise, Scatter, make_cohort

    place = folder / f"{name}-workspace"
    if place.exists():
        return Workspace.open(place)
    cells, seed, shifted = COHORTS[name]
    scatter, noise = Scatter(), CyclerNoise()
    if shifted:
        scatter = Scatter(
            host_capacity=0.015, radius=0.12, diffusivity=0.30, exchange_current=0.22, film_resistance=0.30,
            series_resistance=0.30, activation_yield=0.03, structure=0.15, reconstruction=0.22, cracking=0.22,
            weighing=0.005,
        )  # fmt: skip
        noise = CyclerNoise(voltage_v=0.0005, current_share=0.001, voltage_offset_v=0.0005, current_gain=0.0005)
    print(f"making the cohort {name} …", flush=True)
    cohort = make_cohort(folder / name, n_sc=cells, n_pc=cells, cycles=100, seed=seed, scatter=scatter, noise=noise)
    ws = Workspace.create(place)
    ws.add(cohort.curves)
    ws.analyse()
    return ws


def many_curves(folder: Path) -> Path:
    """Write 16,000 curves on 10,000 voltages as blocks of 400: curves of the cohort, resampled and perturbed.

    Each is a curve of the cohort times 1 ± 1 %, with a random walk of 0.1 mAh/g at its end: simulated.
    """
    from lirich.workbench.curvematrix import curve_set

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
    from lirich.workbench.curvematrix import fit_map
    from lirich.workbench.keptsteps import STEP_COLUMNS

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


def anchor_grid_curves(folder: Path, name: str, only: str):  # type: ignore[no-untyped-def]
    from lirich.workbench.curvematrix import curve_matrix

    return curve_matrix(workspace(folder, name), grid=np.linspace(3.0, 4.5, 501), only=only, stored="float64")


def completion(folder: Path, data: Path, tests: list[str]) -> None:
    from lirich.learn import Completion, CurveMatrix, CurveModel, StateMap, anchor_map, least_squares, share_window

    for only, tested in ((only, tested) for only in ("none", "ageing") for tested in tests):
        train, test = (anchor_grid_curves(folder, name, only) for name in ("train", tested))
        learned = Completion().fit(train)
        recipe = StateMap(COMPONENTS).fit(train)
        what = "all cycles" if only == "none" else "ageing cycles"
        print(
            f"\nCompletion on unseen cells, cohort {tested!r}, {what}: "
            f"{len(train)} curves of {len(train.cells)} cells → {len(test)} curves of {len(test.cells)} (simulated)"
        )
        for start, length in ((0.2, 0.4), (0.2, 0.6), (0.0, 0.5), (0.4, 0.4)):
            observed = share_window(train.grid, start, length)
            hidden = CurveMatrix(np.where(observed, test.values, np.nan), test.grid, test.keys)
            done = learned.predict(hidden)
            answered = np.array([not reason for reason in done.refused])
            error = np.sqrt(np.mean((done.curves - test.values) ** 2, axis=1))[answered]
            plain = np.sqrt(np.mean((least_squares(recipe, test.values, observed) - test.values) ** 2, axis=1))
            free = intercept_recipe(recipe, test.values, observed)
            held = ((test.values >= done.low) & (test.values <= done.high))[answered][:, ~observed]
            main = (start, length) == (0.2, 0.4)
            name = f"{100 * start:.0f}–{100 * (start + length):.0f} %"
            ratio = error.mean() / plain[answered].mean()
            cover = 100 * held.mean()
            told(f"{name}: mean RMSE, mAh/g", error.mean())
            told(f"{name}: mean RMSE of least squares on 7 components, mAh/g", plain.mean())
            told(f"{name}: the same with an intercept, as the anchor's code has it, mAh/g", free.mean())
            told(f"{name}: ratio", ratio, "≤ 0.5" if main else "", ratio <= 0.5 if main else None)
            told(f"{name}: points off the window inside the 90 % band, %", cover, "87 to 93" if main else "",
                 87 <= cover <= 93 if main else None)  # fmt: skip
            told(f"{name}: refused, %", 100 * (1 - answered.mean()))
    poor = share_window(train.grid, 0.0, 0.1)
    none = learned.predict(CurveMatrix(np.where(poor, test.values, np.nan), test.grid, test.keys))
    told("0–10 % (3.00–3.15 V): refused, %", 100 * np.mean([bool(r) for r in none.refused]))

    figures = data / "lrlo_pca_mean_and_loadings_digitized.csv"
    if not figures.exists():
        print(f"  the digitised curves are not in {data}: the real cell is left out")
        return
    print("\nThe real cell (digitised cycle 10) from 3.3–3.9 V, with the published loadings")
    basis = anchor_map(pl.read_csv(figures))
    rows = pl.read_csv(data / "lrlo_posco_cycle1_cycle10_digitized.csv").filter(
        (pl.col("cycle") == 10) & (pl.col("direction") == "charge")
    )
    curve = np.interp(basis.grid_, rows["voltage_V"], rows["capacity_mAh_g"])[None]
    observed = share_window(basis.grid_, 0.2, 0.4)

    def rmse(found: np.ndarray) -> float:
        return float(np.sqrt(np.mean((found - curve) ** 2)))

    for k in (7, 4):
        told(f"least squares on {k} components, mAh/g", rmse(least_squares(basis, curve, observed, k)))
    found = rmse(CurveModel.of(basis).window(observed).complete(curve, np.array([0.3]))[0])
    told("posterior with all 7, mAh/g", found, "≤ 0.9", found <= 0.9)


def intercept_recipe(learned, values: np.ndarray, observed: np.ndarray) -> np.ndarray:  # type: ignore[no-untyped-def]
    """Return the RMSE of least squares with an intercept, shape (n,)."""
    loadings = np.vstack((learned.components_, np.ones(len(learned.mean_))))
    scores = np.linalg.lstsq(loadings[:, observed].T, (values - learned.mean_)[:, observed].T, rcond=None)[0]
    return np.asarray(np.sqrt(np.mean((learned.mean_ + scores.T @ loadings - values) ** 2, axis=1)))


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
        completion(chosen.folder, chosen.data, chosen.tests.split(","))
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

"""Small made-up records for the tests of the store, and the work of the processes that get killed."""

from __future__ import annotations

import os
import signal
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import polars as pl

from lirich.errors import WorkspaceExistsError
from lirich.model import (
    Cell,
    Conditions,
    Interval,
    Origin,
    Provenance,
    Sample,
    Subject,
    Test,
    Value,
    content_hash,
)
from lirich.store import Analysis, Store


def table(number: int, rows: int = 50) -> pl.DataFrame:
    time = np.arange(rows, dtype=float)
    return pl.DataFrame(
        {
            "test_time_second": time,
            "voltage_volt": 3.0 + number * 0.01 + time / rows,
            "current_ampere": np.full(rows, 1e-3),
        }
    )


def cell(number: int, **facts: object) -> Cell:
    sample = "SC" if number % 2 else "PC"
    return Cell(key=f"{sample}-{number}", sample=sample, electrode="cathode", active_mass_mg=2.5, **facts)


def value(cell_key: str, quantity: str, number: float, *files: str, cycle: int | None = None) -> Value:
    return Value(
        quantity=quantity,
        value=number,
        interval=Interval(low=number - 0.5, high=number + 0.5, method="made up"),
        subject=Subject(kind="cell", key=cell_key),
        conditions=Conditions(cycle=cycle, voltage_lower_v=2.0, voltage_upper_v=4.8),
        origin=Origin.MEASURED,
        provenance=Provenance(files=files, code="store_lab.value", version="0", parameters={"a": 1}),
    )


def add(store: Store, number: int, raw_folder: Path, say=lambda _: None) -> Test:
    """Do for one cell what ``lirich add`` does, in its order."""
    raw_folder.mkdir(exist_ok=True, parents=True)
    path = raw_folder / f"cell {number}.csv"
    if not path.exists():
        path.write_text(f"time,voltage\n{number},3.1\n")
    own = cell(number)
    store.put_sample(Sample(key=str(own.sample), morphology=str(own.sample)))
    store.put_cell(own)
    say(f"cell {own.key}")
    raw = store.put_raw(path)
    say(f"raw {raw.sha256}")
    curve = store.put_curve(table(number))
    say(f"curve {curve}")
    test = Test(
        key=content_hash([raw.sha256, "lab", []]),
        cell=own.key,
        raw=raw,
        reader="lab",
        reader_version="1",
        confidence=1.0,
        curve=curve,
        rows=50,
        start_unix_second=1000.0 * number,
    )
    store.put_test(test)
    say(f"test {test.key}")
    return test


def analysis(store: Store, test: Test, run: int = 0, *, capacity: float = 250.0) -> Analysis:
    steps = store.put_curve(pl.DataFrame({"step": [1, 2], "cell": [test.cell] * 2}))
    cycles = store.put_curve(pl.DataFrame({"cycle": [1, 2, 3], "discharge_capacity_mah": [capacity] * 3}))
    return Analysis(
        key=content_hash([test.key, run, capacity]),
        cell=test.cell,
        run=run,
        tests=(test.key,),
        version="0",
        settings={"threshold_v": 3.5, "minimum": 3},
        corrections=({"first_cycle": 1, "last_cycle": 2, "kind": "formation"},),
        facts=cell(1),
        steps_curve=steps,
        cycles_curve=cycles,
        segments=({"kind": "ageing", "first_cycle": 1, "last_cycle": 3},),
        values=(
            value(test.cell, "initial_coulombic_efficiency", 83.4, test.raw.sha256),
            value(test.cell, "discharge_specific_capacity_mah_g", capacity, test.raw.sha256, cycle=1),
            value(test.cell, "discharge_specific_capacity_mah_g", capacity - 1, test.raw.sha256, cycle=2),
        ),
        created_unix_second=1.0,
    )


def whole_job(store: Store, count: int, raw_folder: Path, say=lambda _: None, *, first: int = 0) -> None:
    for number in [(first + i) % count for i in range(count)]:
        test = add(store, number, raw_folder, say)
        result = analysis(store, test)
        store.put_analysis(result)
        say(f"analysis {result.key}")
    store.put_values([value("SC", "initial_coulombic_efficiency", 80.0)], source="literature")
    say("source literature")


def crash_at(step: int) -> None:
    """Kill this process at the *step*-th gate: one stands before and one after every fsync, rename and link,
    and one before every statement and every commit.
    """
    from sqlalchemy import Engine, event

    left = [step]

    def gate() -> None:
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left[0] -= 1

    def wrapped(function):
        def call(*args, **kwargs):
            gate()
            result = function(*args, **kwargs)
            gate()
            return result

        return call

    os.fsync, os.replace, os.link = wrapped(os.fsync), wrapped(os.replace), wrapped(os.link)
    event.listen(Engine, "commit", lambda _: gate())
    event.listen(Engine, "before_cursor_execute", lambda *_: gate())


def work(root: Path, files: Path, count: int, log: Path, crash: int | None = None, first: int = 0) -> None:
    """Do the job as a process of its own; *log* gets a line for each confirmed write."""
    handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def say(line: str) -> None:
        os.write(handle, f"{line}\n".encode())

    if crash is not None:
        crash_at(crash)
    store = Store.open(root)
    say("ready")
    whole_job(store, count, files, say, first=first)
    say("done")
    os.kill(os.getpid(), signal.SIGKILL)  # nothing may depend on an orderly end


CALLS = ("put_analysis", "drop_runs", "put_values", "put_cell", "put_raw", "put_curve", "remove_test")


def before_call(store: Store, folder: Path) -> None:
    """Bring the workspace to the state before `one_call`."""
    test = add(store, 1, folder)
    for run in range(2):
        store.put_analysis(analysis(store, test, run))
    store.put_values([value("SC", "initial_coulombic_efficiency", x) for x in (80.0, 81.0)], source="paper")


def one_call(store: Store, name: str, folder: Path) -> None:
    """Make one call that changes the content of the workspace."""
    (test,) = store.tests()
    changed = analysis(store, test, capacity=200.0)
    if name == "put_analysis":
        store.put_analysis(changed)
    elif name == "drop_runs":
        store.drop_runs(test.cell, keep=1)
    elif name == "put_values":
        store.put_values([value("SC", "initial_coulombic_efficiency", 90.0)], source="paper")
    elif name == "put_cell":
        store.put_cell(cell(1, temperature_celsius=25.0))
    elif name == "put_raw":
        store.put_raw(folder / "new.csv")
    elif name == "put_curve":
        store.put_curve(table(7))
    elif name == "remove_test":
        store.remove_test(test.key)


def killed_in_call(root: Path, name: str, folder: Path, step: int) -> None:
    """Make the call and be killed at that step of it; end in order where it has fewer steps."""
    store = Store.open(root)
    (test,) = store.tests()
    analysis(store, test, capacity=200.0)  # its curves: not what is counted
    if name not in ("put_raw", "put_curve"):
        store.cells()  # the connection is open
    crash_at(step)
    one_call(store, name, folder)
    os._exit(0)


def create(root: Path, log: Path) -> None:
    """Try to make a workspace; log what came of it."""
    try:
        store = Store.create(root)
        line = f"made {store.settings.id}"
    except WorkspaceExistsError:
        line = f"there {Store.open(root).settings.id}"
    handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(handle, f"{line}\n".encode())


def open_only(root: Path) -> None:
    with Store.open(root) as store:
        store.cells()


def add_and_analyse(root: Path, files: Path, executor: str, said: Connection) -> None:
    """Add a folder and analyse it, in a process group of its own, and say through *said* what is confirmed."""
    from lirich.workbench import Workspace

    os.setsid()
    with Workspace.open(root) as workspace:
        said.send("ready")
        workspace.add(files, executor=executor, workers=2, on_file=lambda a: said.send(f"confirmed {a.test.key}"))
        workspace.analyse(executor=executor, workers=2)
        said.send("finished")

"""The compute seam: results are right, kept, and survive failures of tasks and kills of workers."""

from __future__ import annotations

import multiprocessing.spawn
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import lirich
from lirich.compute import Progress, ResultCache, code_hash, open_executor, run_tasks, task_key
from lirich.compute.executor import Pool
from lirich.compute.spawning import _script_left_alone
from lirich.errors import ComputeError, NotEnoughDataError, TaskFailedError


def square(parameters: Mapping[str, Any]) -> int:
    return int(parameters["x"]) ** 2


def fail_on_three(parameters: Mapping[str, Any]) -> int:
    if parameters["x"] == 3:
        raise NotEnoughDataError("three is too few", expected="more")
    if parameters["x"] == 4:
        raise ZeroDivisionError("four")
    return int(parameters["x"])


def kill_own_process(parameters: Mapping[str, Any]) -> int:
    if parameters["x"] == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return int(parameters["x"])


def where_am_i(parameters: Mapping[str, Any]) -> int:
    time.sleep(0.2)
    return os.getpid()


def numbers(n: int) -> list[dict[str, Any]]:
    return [{"x": i} for i in range(n)]


@pytest.mark.parametrize("kind", ["serial", "processes"])
def test_results_come_back_with_their_parameters(kind: str) -> None:
    with open_executor(kind, workers=2) as pool:
        outcomes = list(run_tasks(square, numbers(12), executor=pool))
    assert {o.parameters["x"]: o.result for o in outcomes} == {i: i * i for i in range(12)}
    assert sorted(o.index for o in outcomes) == list(range(12))


def test_two_processes_share_the_work() -> None:
    with open_executor("processes", workers=2) as pool:
        processes = {o.result for o in run_tasks(where_am_i, numbers(8), executor=pool)}
    assert len(processes) == 2
    assert os.getpid() not in processes


def test_a_failed_task_is_an_outcome_and_the_others_go_on() -> None:
    with open_executor("serial") as pool:
        outcomes = {o.parameters["x"]: o for o in run_tasks(fail_on_three, numbers(6), executor=pool)}
    assert isinstance(outcomes[3].error, NotEnoughDataError)
    assert outcomes[3].error.expected == "more"
    assert isinstance(outcomes[4].error, TaskFailedError)
    assert "ZeroDivisionError: four" in str(outcomes[4].error)
    assert [outcomes[x].result for x in (0, 1, 2, 5)] == [0, 1, 2, 5]


def test_a_stopped_run_goes_on_where_it_was(tmp_path: Path) -> None:
    cache = ResultCache(tmp_path)
    with open_executor("serial") as pool:
        run = run_tasks(square, numbers(10), executor=pool, cache=cache)
        for _ in range(4):
            next(run)
        run.close()  # what a Ctrl-C does
        again = list(run_tasks(square, numbers(10), executor=pool, cache=cache))
    assert sum(o.cached for o in again) >= 4
    assert {o.parameters["x"]: o.result for o in again} == {i: i * i for i in range(10)}


def test_an_error_that_lasts_is_kept_and_comes_back_as_it_was(tmp_path: Path) -> None:
    """Of the two failures the one that is an answer is kept, the one of the machine is computed again."""
    cache = ResultCache(tmp_path)
    runs = []
    for _ in range(2):
        with open_executor("serial") as pool:
            found = run_tasks(
                fail_on_three,
                numbers(6),
                executor=pool,
                cache=cache,
                lasting=lambda error: isinstance(error, NotEnoughDataError),
            )
            runs.append({o.parameters["x"]: o for o in found})
    first, again = runs[0][3].error, runs[1][3].error
    assert type(again) is NotEnoughDataError
    assert again.to_dict() == (first.to_dict() if first is not None else None)
    assert [runs[1][x].cached for x in range(6)] == [True, True, True, True, False, True]
    assert isinstance(runs[1][4].error, TaskFailedError)
    with open_executor("serial") as pool:  # without the word of the caller a kept error is no result
        plain = {o.parameters["x"]: o for o in run_tasks(fail_on_three, numbers(6), executor=pool, cache=cache)}
    assert not plain[3].cached
    assert isinstance(plain[3].error, NotEnoughDataError)


def test_every_finished_task_is_kept_before_the_next_one_starts(tmp_path: Path) -> None:
    cache = ResultCache(tmp_path)
    with open_executor("serial") as pool:
        run = run_tasks(square, numbers(10), executor=pool, cache=cache)
        next(run)
        assert len(list(tmp_path.glob("*/*.json"))) == 1
        run.close()


def test_as_many_tasks_are_handed_out_as_there_are_workers() -> None:
    handed: list[Future[Any]] = []

    class Waiting(Executor):
        def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
            handed.append(Future())
            if len(handed) == 4 * 16:
                for future in handed:
                    future.set_result((1, 0.0))
            return handed[-1]

    list(run_tasks(square, numbers(64), executor=Pool(Waiting(), lambda: 16)))
    assert len(handed) == 64


@pytest.mark.parametrize("result", [float("nan"), {1, 2}])
def test_a_result_that_is_no_json_is_the_failure_of_its_task_alone(tmp_path: Path, result: object) -> None:
    cache = ResultCache(tmp_path)
    with open_executor("serial") as pool:
        outcomes = list(
            run_tasks(lambda p: result if p["x"] == 1 else 7, numbers(3), executor=pool, cache=cache),
        )
    assert [type(o.error) for o in outcomes] == [type(None), TaskFailedError, type(None)]
    assert "no JSON" in str(outcomes[1].error)


def test_a_fresh_result_is_what_the_cache_gives_back(tmp_path: Path) -> None:
    cache = ResultCache(tmp_path)
    with open_executor("serial") as pool:
        fresh, again = (list(run_tasks(lambda p: {"pair": (1, 2)}, [{}], executor=pool, cache=cache)) for _ in (0, 1))
    assert again[0].cached
    assert fresh[0].result == again[0].result == {"pair": [1, 2]}


def test_a_cache_that_cannot_be_used_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file, no folder")
    cache = ResultCache(tmp_path / "cache")
    with pytest.raises(ComputeError, match="cannot be used"):
        cache.get("ab" * 32)
    with pytest.raises(ComputeError, match="cannot be used"):
        cache.put("ab" * 32, 1)


def test_the_cache_knows_a_task_by_its_content(tmp_path: Path) -> None:
    assert task_key(square, {"x": 1, "y": 2}) == task_key(square, {"y": 2, "x": 1})
    assert task_key(square, {"x": 1}) != task_key(fail_on_three, {"x": 1})
    assert task_key(square, {"x": 1}) != task_key(square, {"x": 2})
    cache = ResultCache(tmp_path)
    cache.put("ab" * 32, {"answer": 42})
    (tmp_path / "ab" / f"{'ab' * 32}.json").write_text('{"answer": 4')  # a broken disk
    assert cache.get("ab" * 32) is None
    assert cache.clear() == 0


def test_the_hash_of_code_changes_with_the_code_it_names_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "somecode"
    (package / "inner").mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "inner" / "deep.py").write_text("x = 1\n")
    (tmp_path / "alone.py").write_text("y = 1\n")
    monkeypatch.syspath_prepend(tmp_path)

    def now(*names: str) -> str:
        code_hash.cache_clear()
        return code_hash(*names)

    both, one = now("somecode", "alone"), now("alone")
    assert now("alone", "somecode") == both != one
    (package / "inner" / "deep.py").write_bytes(b"x = 1\r\n")  # as Git writes it on Windows
    assert now("somecode", "alone") == both
    (package / "inner" / "deep.py").write_text("x = 2\n")
    assert (now("somecode", "alone") == both, now("alone") == one) == (False, True)
    with pytest.raises(ModuleNotFoundError):
        now("lirich.nothing")


def test_a_cached_result_may_be_refused(tmp_path: Path) -> None:
    cache = ResultCache(tmp_path)
    with open_executor("serial") as pool:
        list(run_tasks(square, numbers(3), executor=pool, cache=cache))
        again = list(run_tasks(square, numbers(3), executor=pool, cache=cache, still_valid=lambda r: r != 4))
    assert [o.cached for o in sorted(again, key=lambda o: o.index)] == [True, True, False]


def test_progress_counts_and_estimates() -> None:
    seen: list[Progress] = []
    with open_executor("serial") as pool:
        list(run_tasks(fail_on_three, numbers(5), executor=pool, progress=seen.append))
    assert [p.done for p in seen] == [0, 1, 2, 3, 4, 5]
    assert seen[-1].failed == 2
    assert seen[-1].seconds_left == 0


def test_a_killed_worker_is_a_clear_error_and_what_is_done_is_kept(tmp_path: Path) -> None:
    cache = ResultCache(tmp_path)
    with pytest.raises(ComputeError, match="broke down"), open_executor("processes", workers=2) as pool:
        list(run_tasks(kill_own_process, numbers(6), executor=pool, cache=cache))
    with open_executor("serial") as pool:
        again = list(run_tasks(square, [{"x": 5}], executor=pool, cache=cache))
    assert again[0].result == 25


def test_an_unknown_executor_and_no_workers_are_refused() -> None:
    with pytest.raises(ComputeError, match="Unknown executor"), open_executor("threads"):
        pass
    with pytest.raises(ComputeError, match="0 workers"), open_executor("processes", workers=0):
        pass


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="this system does not say which processors")
def test_there_are_as_many_workers_as_processors(workers_by_default: Callable[[], int]) -> None:
    assert workers_by_default() == len(os.sched_getaffinity(0))


@pytest.mark.slow
def test_dask_with_two_workers_gives_the_same() -> None:
    pytest.importorskip("distributed", reason="the extra [distributed] is not installed")
    with open_executor("dask", workers=2) as pool:
        outcomes = list(run_tasks(square, numbers(12), executor=pool))
        failed = list(run_tasks(fail_on_three, [{"x": 3}], executor=pool))
        processes = {o.result for o in run_tasks(where_am_i, numbers(8), executor=pool)}
    assert {o.parameters["x"]: o.result for o in outcomes} == {i: i * i for i in range(12)}
    assert isinstance(failed[0].error, NotEnoughDataError)
    assert len(processes) == 2


@pytest.mark.slow
def test_a_dask_scheduler_by_address(monkeypatch: pytest.MonkeyPatch) -> None:
    distributed = pytest.importorskip("distributed", reason="the extra [distributed] is not installed")
    with (
        distributed.LocalCluster(
            n_workers=1, threads_per_worker=1, processes=False, protocol="tcp://", dashboard_address=None
        ) as cluster,
        open_executor(cluster.scheduler_address) as pool,
    ):
        assert [o.result for o in run_tasks(square, [{"x": 7}], executor=pool)] == [49]
    monkeypatch.setattr("lirich.compute.executor.ANSWER_S", 0.5)
    with pytest.raises(ComputeError, match="No Dask scheduler answers"), open_executor("tcp://127.0.0.1:9"):
        pass


@pytest.mark.filterwarnings("error::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_run_that_is_left_with_an_error_ends_its_workers_quietly() -> None:
    """Tasks that wait are cancelled, then the workers are stopped: Python's own thread must not stumble over both."""

    def stopped_after_the_first() -> None:
        with open_executor("processes", workers=2) as executor:
            for _ in run_tasks(where_am_i, numbers(40), executor=executor):
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped_after_the_first()


SCRIPT = """
print("begins")
from lirich.compute import open_executor, run_tasks
from lirich.model import content_hash
{more}
{guard}
    with open_executor("processes", workers=2) as pool:
        outcomes = list(run_tasks({task}, [{{"x": 1}}, {{"x": 2}}], executor=pool))
    print("ended", all(o.error is None and o.result for o in outcomes))
"""

OF_A_MODULE = {"more": "", "task": "content_hash"}
OF_THE_SCRIPT = {"more": "def told(x): return str(x)", "task": "told"}


def run_script(text: str, folder: Path, *, how: str = "file") -> subprocess.CompletedProcess[str]:
    script = folder / "script.py"
    script.write_text(text, encoding="utf-8")
    arguments = {"file": [str(script)], "stdin": ["-"], "command": ["-c", text]}[how]
    environment = {**os.environ, "PYTHONPATH": str(Path(lirich.__file__).parents[1])}
    given = text if how == "stdin" else ""
    return subprocess.run(
        [sys.executable, *arguments], input=given, capture_output=True, text=True, check=False, env=environment,
        cwd=folder, timeout=120,
    )  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("how", ["file", "stdin", "command"])
def test_a_script_needs_no_guard_and_is_run_once(how: str, tmp_path: Path) -> None:
    ended = run_script(SCRIPT.format(**OF_A_MODULE, guard="if True:"), tmp_path, how=how)
    assert (ended.stdout.split("\n"), ended.stderr) == (["begins", "ended True", ""], "")


@pytest.mark.slow
def test_a_script_with_a_guard_works_as_ever_and_may_define_the_task(tmp_path: Path) -> None:
    guard = 'if __name__ == "__main__":'
    texts = [SCRIPT.format(**what, guard=guard) for what in (OF_A_MODULE, OF_THE_SCRIPT)]
    kind = "import enum\nclass Kind(enum.StrEnum): A = 'a'"  # the parameter alone is of the script
    texts.append(SCRIPT.format(more=kind, task="content_hash", guard=guard).replace('{"x": 1}', '{"x": Kind.A}'))
    for text in texts:
        ended = run_script(text, tmp_path)
        assert ended.returncode == 0, ended.stderr
        assert ended.stdout.splitlines()[-1] == "ended True"


@pytest.mark.slow
def test_a_task_of_a_script_without_a_guard_is_told_what_is_missing(tmp_path: Path) -> None:
    ended = run_script(SCRIPT.format(**OF_THE_SCRIPT, guard="if True:"), tmp_path)
    assert ended.returncode != 0
    assert "has no `if __name__ == '__main__':` around it" in ended.stderr.splitlines()[-1]


def test_a_task_of_the_script_is_refused_where_the_workers_do_not_know_it(monkeypatch: pytest.MonkeyPatch) -> None:
    with open_executor("processes", workers=2) as pool:
        list(run_tasks(square, numbers(1), executor=pool))
        monkeypatch.setattr(where_am_i, "__module__", "__main__")
        with pytest.raises(ComputeError, match="task of the script itself"):
            list(run_tasks(where_am_i, numbers(1), executor=pool))


def test_other_processes_of_the_user_still_know_their_script() -> None:
    told = multiprocessing.spawn.get_preparation_data("worker")
    with _script_left_alone():
        here = multiprocessing.spawn.get_preparation_data("worker")
        with ThreadPoolExecutor(1) as other:
            there = other.submit(multiprocessing.spawn.get_preparation_data, "worker").result()
    assert there == told
    assert set(told) - set(here) <= {"init_main_from_name", "init_main_from_path"}
    assert not set(here) & {"init_main_from_name", "init_main_from_path"}
    assert multiprocessing.spawn.get_preparation_data("worker") == told

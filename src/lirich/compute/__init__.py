"""One seam for long jobs: an executor, a content-hash cache, progress and resume."""

from lirich.compute.cache import ResultCache
from lirich.compute.code import code_hash
from lirich.compute.executor import ExecutorKind, open_executor
from lirich.compute.tasks import Progress, TaskOutcome, run_tasks, task_key

__all__ = [
    "ExecutorKind",
    "Progress",
    "ResultCache",
    "TaskOutcome",
    "code_hash",
    "open_executor",
    "run_tasks",
    "task_key",
]

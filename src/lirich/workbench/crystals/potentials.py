"""Fine-tuned potentials of a workspace: learned from a file, kept as a model, used by name in every worker process.

A job names its potential, ``chgnet:NAME``, and a worker process knows only those that come with packages. So a plan is
dressed: each of its jobs carries the file of the weights and their hash, and the worker loads them before it begins.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from lirich.atoms.weights import CHGNET, WEIGHTS
from lirich.compute import Progress, code_hash
from lirich.errors import CorruptStoreError, InputError
from lirich.store import modelfile
from lirich.store.modelfile import ModelContent
from lirich.workbench.crystals.identity import identity
from lirich.workbench.extras import need_atoms
from lirich.workbench.userfiles import read_text

if TYPE_CHECKING:
    from lirich.atoms.finetune import TuningReport, TuningSettings
    from lirich.atoms.plan import Job, Outcome, Plan
    from lirich.model import Scalar
    from lirich.store import ModelRecord
    from lirich.store.models import Models
    from lirich.workbench.workspace import Workspace

T = TypeVar("T")

KIND = "fine-tuned-chgnet"


@dataclass(frozen=True, slots=True)
class TuneResult:
    """What a fine-tuning gave: its report, and the record of the model where it was kept."""

    report: TuningReport
    record: ModelRecord | None

    def to_dict(self) -> dict[str, Any]:
        """Return the report, whether the model is better, and the name that it is used by, as plain data."""
        return {
            "report": self.report.model_dump(mode="json"),
            "improved": self.report.improved,
            "calculator": None if self.record is None else f"{CHGNET}:{self.record.name}",
        }


def tune(
    workspace: Workspace,
    file: str | Path,
    name: str,
    *,
    settings: TuningSettings | None = None,
    keep_worse: bool = False,
    progress: Callable[[Progress], None] | None = None,
) -> TuneResult:
    """Fine-tune CHGNet to the DFT data of *file* and keep it as the model *name*; ``chgnet:NAME`` is its potential.

    A model whose forces on the compositions held out are no nearer to the data than before is not kept, unless
    *keep_worse*. A fine-tuned potential that had the name before is replaced. Raises `InputError` for it, for a file
    that cannot be read and for a name that a model of another kind has, and what `lirich.atoms.finetune.fine_tune`
    raises.
    """
    need_atoms("Fine-tuning")
    from lirich.atoms.finetune import fine_tune, saved
    from lirich.atoms.labelled import read_labelled

    models = workspace.store.models
    models.check_name(name)
    taken = next((record.kind for record in models.all() if record.name == name), KIND)
    if taken != KIND:
        raise InputError(f"{name!r} is the name of a model of the kind {taken}", advice="Choose another name")
    advice = f"ASE writes extended XYZ from most files: ase convert -n : {Path(file).name} dft.extxyz"
    text = read_text(Path(file), "extended XYZ or JSON", no_text=advice)
    tuned = fine_tune(name, read_labelled(text), settings, _told(progress))
    report = tuned.report
    if not report.improved and not keep_worse:
        raise InputError(
            f"The fine-tuned potential is no better: forces are off by {report.after.force_mev_a:.0f} meV/Å on "
            f"{', '.join(report.held_out_compositions)}, which it did not see, and were by "
            f"{report.before.force_mev_a:.0f} before",
            advice="Add structures, train longer, or keep it all the same (keep_worse=True, --keep-worse)",
        )
    arrays, description = saved(tuned)
    told: dict[str, Scalar] = {
        "base": report.settings.base,
        "improved": report.improved,
        "force_mev_a": report.after.force_mev_a,
        "force_before_mev_a": report.before.force_mev_a,
    }
    digest = hashlib.sha256(text.encode()).hexdigest()
    record = models.put(name, ModelContent(KIND, arrays, description), trained_on=[digest], parameters=told)
    return TuneResult(report, record)


def _told(progress: Callable[[Progress], None] | None) -> Callable[[int, int], None] | None:
    """Return what hears of the steps of a training and tells *progress*, with the time left."""
    if progress is None:
        return None
    began = time.monotonic()

    def told(done: int, total: int) -> None:
        left = (time.monotonic() - began) / done * (total - done)
        progress(Progress(done=done, total=total, cached=0, failed=0, seconds_left=left))

    return told


def with_potential(models: Models, calculator: str, plan: Plan[T]) -> Plan[T]:
    """Return *plan* as it runs with the potential *calculator*: as it is, or each job with the weights of a tuned one.

    *models* are those of a workspace. Raises what `make_known` raises.
    """
    found = make_known(models, calculator)
    return plan if found is None else _dressed(plan, *found)


def make_known(models: Models, calculator: str) -> tuple[Path, str] | None:
    """Offer the tuned potential *calculator* to this process, which makes the jobs; ``None`` where it is no tuned one.

    Returns the file of its weights and their SHA-256. Raises `UnknownNameError` where the workspace has no such model,
    and `CorruptStoreError` where its file has changed.
    """
    found = _tuned(models, calculator)
    if found is not None:
        _offer(str(found[0]), found[1])
    return found


def identities(models: Models | None, calculators: Sequence[str]) -> dict[str, str]:
    """Return what decides the numbers of each calculator, by name; loads those alone that cannot be told otherwise.

    Raises `UnknownNameError` and `lirich.errors.PluginError` for a potential that there is none of.
    """
    known = {}
    for name in calculators:
        tuned = None if models is None else _tuned(models, name)
        said = identity(name) if tuned is None else f"{identity(CHGNET)}, tuned {tuned[1]}"
        if said is None:
            from lirich.atoms.calculators import calculator

            said = calculator(name).version
        known[name] = said
    return known


def _tuned(models: Models, calculator: str) -> tuple[Path, str] | None:
    """Return file and SHA-256 of a tuned potential, ``None`` where the name is not that of one."""
    door, _, name = calculator.partition(":")
    return None if door != CHGNET or not name or name in WEIGHTS else models.file(name)


def _dressed(plan: Plan[T], file: Path, digest: str) -> Generator[list[Job], list[Outcome], T]:
    from lirich.atoms.plan import Job

    try:
        jobs = next(plan)
        while True:
            outcomes = yield [
                Job(
                    tuned_task,
                    {
                        "model_file": str(file),
                        "model_sha256": digest,
                        "task": f"{job.task.__module__}:{job.task.__qualname__}",
                        "code": code_hash("lirich.atoms"),
                        "parameters": dict(job.parameters),
                    },
                    job.label,
                    job.cost,
                )
                for job in jobs
            ]
            jobs = plan.send(outcomes)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]


def tuned_task(parameters: Mapping[str, Any]) -> Any:
    """Run a job whose potential is a fine-tuned one: the weights are loaded once per process."""
    _offer(str(parameters["model_file"]), str(parameters["model_sha256"]))
    module, _, name = str(parameters["task"]).partition(":")
    return getattr(import_module(module), name)(parameters["parameters"])


@lru_cache(maxsize=8)
def _offer(file: str, digest: str) -> None:
    from lirich.atoms.calculators import offer
    from lirich.atoms.finetune import restored, tuned_calculator

    data = Path(file).read_bytes()
    if hashlib.sha256(data).hexdigest() != digest:
        raise CorruptStoreError(f"The model {file} has changed on the disk", advice="Tune it again")
    content = modelfile.unpack(data, f"The model {file}")
    if content.kind != KIND:
        raise InputError(f"The model {file} is of the kind {content.kind}", expected=KIND)
    offer(tuned_calculator(restored(content.arrays, content.description)))

"""The verb *simulate*: a test that nobody ran, on the physics of `lirich.cells`, stored beside those that were.

The raw file of a simulated test is the simulation itself: a JSON document with model, versions, every parameter and
the whole programme, kept by its hash like a cycler's file. Beside it lie the hidden states that no cycler sees. The
curve is a standard table, and goes the way of all others; cell, values and plots say ``simulated``.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from lirich import __version__
from lirich.errors import ConflictingMetadataError, InputError, SettingsError, quoted
from lirich.model import Cell, Sample, Scalar, Test, content_hash
from lirich.model.listing import name_some
from lirich.workbench.intake.celltables import BY_HAND, agree, written
from lirich.workbench.intake.doubtful_facts import OF_SIMULATION
from lirich.workbench.simulation.document import computed, model_of, programme_of, text_of
from lirich.workbench.simulation.physics import HIGH, LOW, RADII, Physics, cell_facts, physics_of

if TYPE_CHECKING:
    import polars as pl

    from lirich.cells.programme import Programme
    from lirich.compute import Progress
    from lirich.store import Store
    from lirich.store.things import Things

READER = "simulation"
STATES, PROFILES, CONTACT = "states.parquet", "profiles.parquet", "contact.parquet"
PRESSURES_MPA = (0.1, 1000.0, 41)
"""Lowest and highest stack pressure and their number, ten per decade, at which the contact is laid down: cells are run
at a few MPa and pressed at some hundred."""
Mesh = Literal["even", "surface"]
_RESOLVED = ("gitt", "ici")


@dataclass(frozen=True, slots=True)
class SimulatedCell:
    """A simulated cell in the workspace: its test, whether it was there already, why it stopped early if it did."""

    cell: str
    test: Test
    already: bool
    stopped: str


def simulate_cell(
    store: Store,
    parameters: str,
    programme: Programme | str,
    *,
    changes: Mapping[str, float] | None = None,
    cell: str | None = None,
    sample: str | None = None,
    facts: Mapping[str, Scalar] | None = None,
    model: str | None = None,
    electrolyte: str | None = None,
    counter_electrode: str | None = None,
    mesh: Mesh | None = None,
    title: str | None = None,
    options: Mapping[str, Any] | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> SimulatedCell:
    """Run a programme and enter it as a test; see `lirich.workbench.Workspace.simulate`."""
    physics = physics_of(parameters, changes, model=model, electrolyte=electrolyte, counter_electrode=counter_electrode)
    from lirich.cells.programme import Programme, check_turns

    if isinstance(programme, Programme):
        if options:
            raise SettingsError("A whole programme takes no options", expected="options of a programme by name")
        plan, title = programme, title or "own programme"
    else:
        plan, title = physics.programme(programme, options), programme
    values = physics.values
    check_turns(plan, values[LOW], values[HIGH])
    mesh = mesh or ("surface" if title in _RESOLVED else "even")
    document = {
        "kind": "lirich simulation",
        "simulated": True,
        "model": physics.kind.pybamm_name,
        "mesh": mesh,
        "versions": {"lirich": __version__, "pybamm": _pybamm_version()},
        "parameter_set": physics.parameter_set,
        **({"electrolyte": physics.electrolyte} if physics.electrolyte else {}),
        **({"counter_electrode": physics.counter_electrode} if physics.counter_electrode else {}),
        **({"fitted": dict(physics.fitted)} if physics.fitted else {}),
        "changes": dict(physics.changes),
        "parameters": values,
        "guesses": physics.guesses,
        "programme": {
            "name": title,
            "one_c_ma_g": plan.one_c_ma_g,
            "steps": [asdict(step) for step in plan.steps],
        },
    }
    key = cell or f"sim-{physics.parameter_set.removeprefix('LiRich_')}-{title.split()[0]}-{content_hash(document)[:6]}"
    document = {"cell": key, **document}
    result = computed(
        simulate_task,
        store,
        document,
        still_valid=lambda found: store.has_files(
            raw=[file["sha256"] for file in (found["test"]["raw"], *found["test"]["beside"])],
            curves=[found["test"]["curve"]],
        ),
        progress=progress,
    )
    test = Test.model_validate(result["test"])
    said = facts or {}
    already = _enter(
        store,
        test,
        _cell(key, sample, physics, document, said),
        _sample(key, sample, document, said, result["diffusion_length_m"]),
        {**said, **({} if sample is None else {"sample": sample})},
    )
    return SimulatedCell(key, test, already, result["stopped"])


def simulate_task(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Run one simulation, keep its files in the workspace's folders and return its `Test` as JSON."""
    from lirich.cells.anode_stability import reduced_at_anode
    from lirich.cells.models import SINGLE_PARTICLE
    from lirich.cells.profiles import crystal_profiles
    from lirich.cells.simulation import Simulator, standard_table
    from lirich.cells.states import CRYSTAL_STATES
    from lirich.cells.validity import doubts
    from lirich.readers import summarise
    from lirich.workbench.stores import store_at

    document = parameters["document"]
    store = store_at(parameters["root"])
    plan, kind = programme_of(document), model_of(document)
    model = kind.surface_resolved() if document["mesh"] == "surface" else kind
    # compiling takes as long as hundreds of cycles of the larger models
    simulator = Simulator(
        model.recording(*CRYSTAL_STATES, *kind.states), document["parameters"], compiled=kind is SINGLE_PARTICLE
    )
    run = simulator.run(plan)
    table = standard_table(run)
    last = next((step for step in reversed(plan.steps) if step.mode == "charge"), None)
    with tempfile.TemporaryDirectory() as folder:
        where = Path(folder)
        raw = where / "simulation.json"
        raw.write_text(text_of(document), encoding="utf-8")
        hidden = where / STATES
        hidden_states(run.points).write_parquet(hidden)
        beside = [hidden]
        if last is not None and last.until_voltage_v is not None and not run.stopped and not kind.places:
            profiles = crystal_profiles(
                simulator, mode="charge", current_ma_g=last.current_ma_g,
                until_voltage_v=last.until_voltage_v, start=run.final,
            )  # fmt: skip
            beside.append(where / PROFILES)
            profiles.write_parquet(beside[-1])
        if "Contact fraction" in run.ends.columns:
            beside.append(where / CONTACT)
            contact_under_pressure(run.ends, document["parameters"]).write_parquet(beside[-1])
        kept = store.put_raw(raw)
        kept_beside = tuple(store.put_raw(path) for path in beside)
    curve = store.put_curve(table)
    key = content_hash([kept.sha256, READER, __version__, [], curve])
    summary = summarise(key, table)
    test = Test(
        key=key,
        cell=document["cell"],
        raw=kept,
        beside=kept_beside,
        reader=READER,
        reader_version=__version__,
        confidence=1.0,
        curve=curve,
        rows=table.height,
        start_time_second=summary.start_time_second,
        duration_second=summary.duration_second,
        first_cycle_count=summary.first_cycle_count,
        last_cycle_count=summary.last_cycle_count,
        findings=(
            *doubts(run, plan, document["parameters"]),
            *reduced_at_anode(document.get("electrolyte", ""), document["parameters"].get("Anode potential [V]", 0.0)),
        ),
        metadata={
            "model": document["model"],
            "parameter_set": document["parameter_set"],
            "programme": document["programme"]["name"],
            "stopped": run.stopped,
        },
    )
    return {
        "test": test.model_dump(mode="json"),
        "stopped": run.stopped,
        "diffusion_length_m": float(run.points["Diffusion length [m]"][0]),
    }


def hidden_states(points: pl.DataFrame) -> pl.DataFrame:
    """Return the states of the first and the last cycle in full, and of all others at the end of each step."""
    import polars as pl

    ends = (pl.col("step") != pl.col("step").shift(-1)).fill_null(True)
    whole = pl.col("cycle").is_in([points["cycle"].min(), points["cycle"].max()])
    return points.with_columns(ends.alias("end_of_step")).filter(whole | pl.col("end_of_step"))


def contact_under_pressure(ends: pl.DataFrame, parameters: Mapping[str, float]) -> pl.DataFrame:
    """Return what contact other pressures would hold after the first and the last cycle: elastic, before it heals.

    Columns ``cycle``, ``pressure_mpa``, ``contact_fraction`` and ``stack_pressure_mpa``, that of the cell. *ends* has
    the mean state of the contact at the end of each step; contact is linear in it.
    """
    import numpy as np
    import polars as pl

    from lirich.cells.contact import contact_at

    low, high, count = PRESSURES_MPA
    pressures = np.geomspace(low, high, count)
    last = ends.group_by("cycle", maintain_order=True).last()
    of_cycle = dict(zip(last["cycle"].to_list(), last["Parted contact"].to_list(), strict=True))
    return pl.concat(
        pl.DataFrame(
            {
                "cycle": np.full(count, cycle),
                "pressure_mpa": pressures,
                "contact_fraction": contact_at(pressures, of_cycle[cycle], parameters),
                "stack_pressure_mpa": np.full(count, parameters["Stack pressure [MPa]"]),
            }
        )
        for cycle in sorted({min(of_cycle), max(of_cycle)})
    )


def _pybamm_version() -> str:
    from importlib.metadata import version

    return version("pybamm")


def _cell(
    key: str, sample: str | None, physics: Physics, document: Mapping[str, Any], facts: Mapping[str, Scalar]
) -> Cell:
    fixed = sorted(set(facts) & {*Cell.model_fields, "morphology", "particle_diameter_um", "model", "parameter_set"})
    if fixed:
        raise InputError(f"{fixed[0]} of a simulated cell", expected="a fact that the simulation does not fix")
    return Cell(
        key=key,
        sample=sample or key,
        one_c_ma_g=document["programme"]["one_c_ma_g"],
        simulated=True,
        **cell_facts(physics),
        extra={
            **physics.changes,
            **{name: fact for name, fact in facts.items() if name not in Sample.model_fields},
            "model": physics.model,
            "parameter_set": physics.parameter_set,
        },
    )


def _sample(
    key: str, sample: str | None, document: Mapping[str, Any], facts: Mapping[str, Scalar], diffusion_length_m: float
) -> Sample:
    from lirich.cells.parameters import COMPOSITION

    stated: dict[str, Any] = {name: fact for name, fact in facts.items() if name in Sample.model_fields}
    fixed = {
        "morphology": "PC" if document["parameters"][RADII[0]] < document["parameters"][RADII[1]] else "SC",
        "particle_diameter_um": round(2e6 * diffusion_length_m, 6),
    }
    given = {"composition": COMPOSITION, **stated, **fixed}
    sources = {name: BY_HAND if name in stated else f"{OF_SIMULATION}{key}" for name in given}
    return Sample(**given, key=sample or key, sources=sources)


def _enter(store: Store, test: Test, cell: Cell, sample: Sample, said: Mapping[str, Scalar]) -> bool:
    """Enter sample, cell and test at once. Returns whether the test was there already, which leaves all as it is.

    Raises `ConflictingMetadataError` where it is there and something else is *said* of it now, where its sample is
    known as another one, or where measured cells are of its sample and a fact of it is not given.
    """
    present = store.cells().get(cell.key)
    if present is not None and not present.simulated:
        raise ConflictingMetadataError(
            f"{cell.key!r} is a measured cell",
            expected="another name for a simulated one",
            advice="Give it with --cell",
        )
    there = store.tests(cell.key) if present is not None else []
    if present is not None and any(each.key == test.key for each in there):
        _refuse_other_facts(present, store.find_sample(present.sample), said)
        return True
    others = [each for each in there if each.kind == test.kind]
    if others:
        raise ConflictingMetadataError(
            f"{cell.key!r} is another simulation already",
            expected="one simulation for each cell",
            advice="Give it another name with --cell, or none",
        )
    store.require_files(test)

    def work(things: Things) -> bool:
        known = things.find(Sample, sample.key) or Sample(key=sample.key)
        measured = [each.key for each in things.all(Cell).values() if each.sample == sample.key and not each.simulated]
        things.put(_also(known, sample, measured))
        things.put(cell)
        return things.put_test(test)

    return not store.change(work)


def _refuse_other_facts(cell: Cell, sample: Sample | None, said: Mapping[str, Scalar]) -> None:
    """Raise `ConflictingMetadataError` where a simulation that is there has not the facts that are *said* of it now."""
    of_sample = {} if sample is None else sample.model_dump(include=set(Sample.model_fields) - {"key"})
    known = {**of_sample, **cell.model_dump(), **cell.extra}
    for name, value in said.items():
        before = known.get(name)
        if before is None or not agree(before, value):
            raise ConflictingMetadataError(
                f"This simulation is there already as {cell.key!r}, whose {name} is "
                f"{'not given' if before is None else written(before)} and not {written(value)}",
                expected="another name for a second cell of one simulation",
                advice="Give it with --cell, or change this: "
                f"lirich cells {quoted(cell.key)} --set {quoted(f'{name}={written(value)}')}",
            )


def _also(known: Sample, simulated: Sample, measured: Sequence[str]) -> Sample:
    """Return a known sample with what the simulation says too, which is nothing where *measured* cells are of it.

    Raises `ConflictingMetadataError` where the two differ, or a fact of a sample of *measured* cells is not given.
    """
    facts = simulated.model_dump(exclude={"key", "recipe", "extra", "sources"}, exclude_none=True)
    missing: dict[str, Scalar] = {}
    for name, value in facts.items():
        before = getattr(known, name)
        if before is None:
            missing[name] = value
        elif not agree(before, value):
            raise ConflictingMetadataError(
                f"{name} of the sample {known.key!r} is {written(before)}, and {written(value)} in this simulation",
                expected="one material for each sample",
                advice="Give the simulated one another name with --sample, or none",
            )
    if missing and measured:
        said = " ".join(f"--set {quoted(f'{name}={written(value)}')}" for name, value in missing.items())
        raise ConflictingMetadataError(
            f"The sample {known.key!r} has measured cells ({name_some(measured)}), and its {', '.join(missing)} "
            f"{'is' if len(missing) == 1 else 'are'} not given",
            expected="a sample whose facts are given: a simulation says nothing of measured cells",
            advice="Give the simulated cell another sample with --sample, or none; or, where it is so of the measured "
            f"ones too, say it first: lirich cells {quoted(measured[0])} {said}",
        )
    sources = {**known.sources, **{name: simulated.sources[name] for name in missing}}
    return known.model_copy(update={**missing, "sources": sources})


def beside_table(store: Store, tests: Sequence[Test], name: str) -> pl.DataFrame | None:
    """Return a table kept beside a simulated cell (`STATES`, `PROFILES` or `CONTACT`); ``None`` if it has none."""
    import polars as pl

    for test in tests:
        for file in test.beside:
            if test.reader == READER and file.name == name:
                return pl.read_parquet(store.raw_path(file.sha256))
    return None

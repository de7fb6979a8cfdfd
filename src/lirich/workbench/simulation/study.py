"""The verb *study*: run a study of `lirich.cells.study` in parallel, kept and resumable, and answer with a figure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ValidationError

from lirich.cells.optimum import MODEL_ACCURACY, BestSize, best_size
from lirich.cells.parameters import values_of
from lirich.cells.study import (
    ALIASES,
    DUTY_KEYS,
    FIGURES,
    OBJECTIVE,
    SHORT,
    Duty,
    Range,
    Sample,
    Study,
    duty_figures,
)
from lirich.compute import ResultCache, code_hash, open_executor, run_tasks
from lirich.model import Finding, content_hash
from lirich.workbench.extras import need_cells
from lirich.workbench.fieldsfile import read_fields
from lirich.workbench.refusals import refused
from lirich.workbench.simulation.physics import RADII
from lirich.workbench.simulation.saved_fit import MORPHOLOGY, is_saved_fit, read_saved_fit
from lirich.workbench.simulation.sensitivity import ENOUGH_DRAWS, Sensitivity, few_draws, interval_words, sobol

if TYPE_CHECKING:
    from lirich.compute import Progress
    from lirich.plots import Figure
    from lirich.store import Store

Array = NDArray[np.float64]
RADII_NM = Range(low=40.0, high=1600.0, points=13, scale="log")


@dataclass(frozen=True)
class Point:
    """One point of a study: what was varied, and either its figures or the error of lirich that it ended in."""

    values: Mapping[str, Any]
    figures: Mapping[str, float] | None
    error: Mapping[str, Any] | None
    cached: bool


@dataclass(frozen=True)
class StudyResult:
    """What a study found; ``best`` where a radius was varied alone, ``sensitivity`` where it was asked for."""

    study: Study
    points: tuple[Point, ...]
    best: BestSize | None = None
    sensitivity: Sensitivity | None = None

    @property
    def failed(self) -> list[Point]:
        """The points that could not be simulated."""
        return [p for p in self.points if p.error is not None]

    @property
    def reasons(self) -> dict[str, int]:
        """Why points could not be simulated: each reason in words, and of how many points."""
        return dict(Counter(_reason(p.error) for p in self.points if p.error is not None))

    def column(self, figure: str) -> Array:
        """Return a figure of every point, NaN where it failed, shape (points,)."""
        return np.array([np.nan if p.figures is None else p.figures[figure] for p in self.points])

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What lies outside the calibration of the ageing: the longest and the warmest duty of the points."""
        from lirich.cells.validity import outside_calibration

        duty = self.study.duty
        settings = [{**self.study.fixed, **p.values} for p in self.points if p.error is None]
        cycles = max((int(s.get("cycles", duty.cycles)) for s in settings), default=duty.cycles)
        warmest = max(
            (float(s.get("temperature_celsius", duty.temperature_celsius)) for s in settings),
            default=duty.temperature_celsius,
        )
        drawn = ENOUGH_DRAWS if self.sensitivity is None else self.sensitivity.count
        few = [few_draws(drawn)] if drawn < ENOUGH_DRAWS else []
        return (*outside_calibration(cycles, warmest), *few)

    def to_dict(self) -> dict[str, Any]:
        """Return everything as JSON."""
        best, sensitive = self.best, self.sensitivity
        return {
            "study": self.study.model_dump(mode="json", by_alias=True),
            "origin": "simulated",
            "points": [
                {"values": dict(p.values), "figures": p.figures, "error": p.error, "cached": p.cached}
                for p in self.points
            ],
            "failed": len(self.failed),
            "findings": [f.model_dump(mode="json") for f in self.findings],
            "best": None if best is None else _best_dict(best),
            "sensitivity": None
            if sensitive is None
            else {
                "figure": sensitive.figure,
                "first": dict(zip(sensitive.names, sensitive.first, strict=True)),
                "total": dict(zip(sensitive.names, sensitive.total, strict=True)),
                "first_interval_95": dict(zip(sensitive.names, sensitive.first_interval, strict=True)),
                "total_interval_95": dict(zip(sensitive.names, sensitive.total_interval, strict=True)),
                "points": sensitive.points,
                "failed": sensitive.failed,
            },
        }

    @property
    def figures(self) -> list[Figure]:
        """The plots: the trade-off of a radius, else the objective over what was varied; the sensitivity."""
        from lirich.plots import studies as plots

        drawn: list[Figure] = []
        if self.best is not None:
            good = [p for p in self.points if p.figures is not None]
            radii = np.array([float(p.values["radius_nm"]) for p in good])
            order = np.argsort(radii)
            table = {name: np.array([p.figures[name] for p in good if p.figures])[order] for name in FIGURES}
            drawn.append(plots.best_radius(radii[order], table, self.best.maxima, duty_words(self.study)))
        elif self.sensitivity is None:
            drawn.append(
                plots.over_parameters(
                    [dict(p.values) for p in self.points], self.column(self.study.objective), self.study.objective
                )
            )
        if self.sensitivity is not None:
            s = self.sensitivity
            bars = plots.sobol(s.figure, s.names, s.first, s.total, s.points)
            drawn.append(replace(bars, note=f"{bars.note} {interval_words(s)}"))
        return drawn


def _best_dict(best: BestSize) -> dict[str, Any]:
    """Return the best radius, and every maximum with it, as JSON."""
    maxima = [
        {
            "radius_nm": each.radius_nm,
            "value": each.value,
            "within_1_percent_nm": [each.low_nm, each.high_nm],
            "at_edge": each.at_edge,
            "below_best_percent": 100.0 * each.below_best,
            "as_good": each.as_good,
        }
        for each in best.maxima
    ]
    first = {name: value for name, value in maxima[0].items() if name not in ("below_best_percent", "as_good")}
    return {
        "objective": best.objective_name,
        **first,
        "maxima": maxima,
        "accuracy_percent": 100.0 * MODEL_ACCURACY,
    }


def best_words(best: BestSize) -> str:
    """Say in words which radii are best, and what is known of the other maxima."""
    first = best.best
    text = (
        f"Best crystal radius: {first.radius_nm:.0f} nm ({best.objective_name} {first.value:.4g}); "
        f"{first.low_nm:.0f} to {first.high_nm:.0f} nm are within 1 %."
    )
    if first.at_edge:
        text += " It lies at the edge of what was tried: a bound, no optimum."
    for each in best.maxima[1:]:
        known = f"as good within the {100 * MODEL_ACCURACY:.0f} % that the model is right to"
        text += (
            f" Another maximum: {each.radius_nm:.0f} nm ({each.value:.4g}, {100 * each.below_best:.1f} % less: "
            f"{known if each.as_good else 'worse'}); {each.low_nm:.0f} to {each.high_nm:.0f} nm are within 1 % of it"
            f"{', and it lies at the edge' if each.at_edge else ''}."
        )
    return text


def _reason(error: Mapping[str, Any]) -> str:
    """Say in words what ended a point: what was found, and what was expected."""
    found, expected = str(error.get("found", "")), str(error.get("expected", ""))
    return f"{found}; expected: {expected}" if expected else found


def duty_words(study: Study) -> str:
    """Say the duty of a study in words: what is the same at every point, and what is varied."""
    given = {**study.duty.model_dump(), **{key: v for key, v in study.fixed.items() if key in DUTY_KEYS}}
    low, high = ("…" if key in study.vary else f"{given[key]:g}" for key in ("low_v", "high_v"))
    parts = {
        ("cycles",): f"{given['cycles']:g} cycles",
        ("rate",): f"at {given['rate']}",
        ("low_v", "high_v"): f"between {low} and {high} V",
        ("temperature_celsius",): f"{given['temperature_celsius']:g} °C",
    }
    same = [words for keys, words in parts.items() if not all(key in study.vary for key in keys)]
    varied = [name.removesuffix("_celsius") for name in study.vary if name in DUTY_KEYS]
    of_charge = [f"charged at {given['charge_rate']}"] if given["charge_rate"] and "charge_rate" not in varied else []
    said = ", ".join([*same, *of_charge, f"1C = {given['one_c_ma_g']:g} mA/g"])
    said = said.replace("cycles, at ", "cycles at ", 1).replace(", between", " between", 1)
    return said + (f"; varied: {', '.join(varied)}" if varied else "")


def read_study(path: Path) -> Study:
    """Read a study from a YAML or TOML file. Raises `InputError` and `SettingsError` with what is wrong where."""
    return make_study(read_fields(path, "a study"), path.parent)


def make_study(data: Any, folder: Path = Path()) -> Study:
    """Return a study from plain data; a saved fit as its set is a file of *folder*.

    Raises `SettingsError` that says what is wrong where, `InputError` for a file that is no saved fit.
    """
    if isinstance(data, Mapping) and is_saved_fit(str(data.get("set", ""))):
        data = _of_fit(data, folder)
    try:
        return Study.model_validate(data)
    except ValidationError as error:
        raise refused("study", error, _fields, advice=_ADVICE) from error


def _of_fit(data: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Return the study with the numbers of its saved fit among what is fixed; what the study says goes first."""
    fixed, varied = data.get("fixed") or {}, data.get("vary") or {}
    if not isinstance(fixed, Mapping) or not isinstance(varied, Mapping):
        return {**data, "set": MORPHOLOGY}
    fitted = read_saved_fit(folder / str(data["set"])).changes
    if any(SHORT.get(str(name), (name,))[0] in RADII for name in (*fixed, *varied)):
        fitted = {name: value for name, value in fitted.items() if name not in RADII}
    return {**data, "set": MORPHOLOGY, "fixed": {**fitted, **fixed}}


def make_duty(data: Any) -> Duty:
    """Return a duty from plain data. Raises `SettingsError` that says what is wrong where."""
    try:
        return Duty.model_validate(data)
    except ValidationError as error:
        raise refused("duty", error, lambda _: Duty.model_fields, advice=_ADVICE) from error


_ADVICE = "docs/how-to/study.md shows a study"


def _fields(place: tuple[str, ...]) -> list[str]:
    """Return the fields that a study has at a place."""
    if not place:
        return [field.alias or name for name, field in Study.model_fields.items()]
    kinds: dict[str, type[BaseModel]] = {"duty": Duty, "sample": Sample, "vary": Range}
    return list(kinds[place[0]].model_fields)


def size_study(
    duty: Duty, parameter_set: str = "SC", objective: str = OBJECTIVE, fixed: Mapping[str, float] | None = None
) -> Study:
    """Return the study of which crystal radius is best for a duty; *fixed* parameters differ from the set."""
    whose = f", with the numbers of {Path(parameter_set).name}" if is_saved_fit(parameter_set) else ""
    return make_study(
        {
            "name": f"radius for {duty.cycles} cycles at {duty.rate}{whose}",
            "set": parameter_set,
            "duty": duty,
            "fixed": dict(fixed or {}),
            "vary": {"radius_nm": RADII_NM},
            "objective": objective,
        }
    )


def cell_study(store: Store, cell: str, duty: Mapping[str, Any], objective: str = OBJECTIVE) -> Study:
    """Return the study of which radius would be best for a stored simulated cell, all else being as in the cell.

    *duty* has the fields of `lirich.cells.study.Duty` that are asked for; limits, temperature and 1C that it does not
    state are those of the cell. Raises `InputError` for a measured cell, and what
    `lirich.workbench.simulation.file.SimulationRequest.radius_study` raises.
    """
    from lirich.workbench.simulation.file import request_of_cell
    from lirich.workbench.simulation.physics import TEMPERATURE

    request = request_of_cell(store, cell)
    changes = {name: value for name, value in request.changes.items() if name not in RADII}
    asked = {name: value for name, value in duty.items() if name != "temperature_celsius"}
    if "temperature_celsius" in duty:
        changes[TEMPERATURE] = float(duty["temperature_celsius"]) + 273.15
    study = request.model_copy(update={**asked, "changes": changes}).radius_study(objective)
    return study.model_copy(update={"name": f"radius of {cell} for {study.duty.cycles} cycles at {study.duty.rate}"})


def run_study(
    study: Study,
    *,
    cache: Path | None = None,
    executor: str = "processes",
    workers: int | None = None,
    sensitivity: bool = False,
    progress: Callable[[Progress], None] | None = None,
) -> StudyResult:
    """Run every point of a study; a point that cannot be simulated is one of the results.

    Parameters
    ----------
    cache:
        Folder that keeps the results: a study that was stopped goes on where it was.
    executor, workers:
        See `lirich.compute.open_executor`.
    sensitivity:
        Sobol indices of the objective over the ranges instead of the points (Saltelli's scheme by
        `scipy.stats.sobol_indices`; the count of the sample, a power of 2, times the varied quantities plus 2).

    Raises
    ------
    SettingsError
        For a sensitivity without ranges or a count that is no power of 2.
    NotEnoughDataError
        For a sensitivity of which more than 5 % of the points failed.
    """
    need_cells("A study")
    kept = ResultCache(cache) if cache is not None else None

    def run(settings: Sequence[Mapping[str, Any]]) -> tuple[Point, ...]:
        code = code_hash("lirich.cells") + content_hash(
            values_of(ALIASES.get(study.parameter_set, study.parameter_set))
        )
        tasks = [{**study.point(values), "code": code} for values in settings]
        found: dict[int, Point] = {}
        few = len(tasks) < _FEW
        with open_executor("serial" if few and executor == "processes" else executor, workers=workers) as pool:
            for outcome in run_tasks(duty_figures, tasks, executor=pool, cache=kept, progress=progress):
                error = None if outcome.error is None else outcome.error.to_dict()
                found[outcome.index] = Point(settings[outcome.index], outcome.result, error, outcome.cached)
        return tuple(found[i] for i in range(len(tasks)))

    if sensitivity:
        points, indices = sobol(study, run)
        return StudyResult(study, points, None, indices)
    points = run(study.settings())
    best = None
    if set(study.vary) == {"radius_nm"}:
        found = [(float(p.values["radius_nm"]), p.figures[study.objective]) for p in points if p.figures is not None]
        if len(found) >= _LEAST_FOR_BEST:
            best = best_size([r for r, _ in found], [value for _, value in found], study.objective)
    return StudyResult(study, points, best)


_FEW = 4
_LEAST_FOR_BEST = 3

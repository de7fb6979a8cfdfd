"""What learning needs, gathered from a workspace: ageing cycles, fields of samples, papers."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import polars as pl

from lirich.errors import InputError, NotEnoughDataError
from lirich.model import Cell, Composition, Operator, Origin, Sample, Scalar, Value
from lirich.model.composition import TRANSITION_METALS
from lirich.model.flags import unsound
from lirich.quantities import quantity
from lirich.workbench.intake.celltables import CELL_FIELDS, SAMPLE_FIELDS

if TYPE_CHECKING:
    from lirich.workbench.workspace import Workspace

CONDITIONS = (
    "rate_c", "current_ma_g", "voltage_lower_v", "voltage_upper_v", "temperature_celsius", "cycles", "cycle",
    "reference_cycle", "soc_percent", "method",
)  # fmt: skip
"""Conditions of a value that may explain it."""
_NOT_EXPLAINING = frozenset({"active_mass_mg", "simulated", "composition", "electrode", "extra", "sources"})
_EQUAL = frozenset({Operator.EQUAL, Operator.ABOUT})  # a bound is no number to be explained


def ageing_cycles(
    workspace: Workspace, quantities: Sequence[str], cells: str | Iterable[str] | None = None
) -> pl.DataFrame:
    """Return the settled ageing cycles of analysed cells: ``cell, run, cycle, origin``, conditions and *quantities*.

    Of a cell that was tested more than once they are those of its longest run. Settled are cycles at the rate and
    window of the ageing that follow one like them (`lirich.cycling`): after a check-up a cycle begins from another
    state. Conditions: ``charge_rate_c, discharge_rate_c, upper_cutoff_voltage_v, lower_cutoff_voltage_v``. Raises
    `UnknownNameError` on a quantity or cell, `NotEnoughDataError` where there is none.
    """
    names = [quantity(key).key for key in quantities]
    conditions = ("charge_rate_c", "discharge_rate_c", "upper_cutoff_voltage_v", "lower_cutoff_voltage_v")
    parts = []
    for key in workspace.store.named(cells):
        view = workspace.cells[key]
        if not view.analyses or view.cycles.is_empty():
            continue
        table = view.cycles.filter(pl.col("settled"))
        wanted = [name for name in dict.fromkeys((*conditions, *names)) if name in table.columns]
        parts.append(
            table.select(
                pl.lit(key).alias("cell"),
                pl.lit(view.analysis.run, dtype=pl.Int64).alias("run"),
                "cycle",
                pl.lit(view.origin.value).alias("origin"),
                *wanted,
            )
        )
    found = pl.concat(parts, how="diagonal_relaxed") if parts else pl.DataFrame()
    if found.is_empty():
        raise NotEnoughDataError("No cell has ageing cycles", advice="Run `lirich analyse` (or ws.analyse()) first")
    missing = [name for name in names if name not in found.columns]
    return found.with_columns(pl.lit(None, dtype=pl.Float64).alias(name) for name in missing)


def one_origin(origins: Iterable[str]) -> str:
    """Return the one of *origins*, "" for none; raise `InputError` on more: measured cells say nothing of simulated."""
    found = sorted(set(origins))
    if len(found) > 1:
        raise InputError(
            f"{' and '.join(found)} cells in one question",
            expected="cells of one origin",
            advice="Name the cells, or keep simulated cells in a workspace of their own",
        )
    return found[0] if found else ""


def morphologies(workspace: Workspace, cells: Iterable[str]) -> list[str]:
    """Return the morphology of each of *cells*, ``not given`` where nobody said it: strata for outliers and factors."""
    samples = workspace.samples
    facts = workspace.store.cells()
    found: dict[str, str] = {}
    for key in cells:
        if key not in found:
            sample = samples.get(facts[key].sample or "")
            found[key] = (sample.morphology if sample else None) or "not given"
    return [found[key] for key in cells]


def cell_figures(workspace: Workspace, figure: str, cells: str | Iterable[str] | None = None) -> pl.DataFrame:
    """Return a row per value of *figure* of the analysed cells: ``cell, sample, origin``, the figure and every field.

    Fields are what is known of cell, sample, recipe and composition, and the conditions of the value; a cell without a
    sample is a sample of its own. Values flagged as unsound are left out. Raises `UnknownNameError` on the quantity,
    `NotEnoughDataError` where no cell has it.
    """
    name = quantity(figure).key
    samples, facts = workspace.samples, workspace.store.cells()
    rows: list[dict[str, Scalar | None]] = []
    for key in workspace.store.named(cells):
        view = workspace.cells[key]
        if not view.analyses:
            continue
        cell = facts[key]
        sample = samples.get(cell.sample) if cell.sample else None
        known = {**fields_of(cell, sample), "cell": key, "sample": cell.sample or key}
        rows += [
            {**known, **_conditions(value), "origin": value.origin.value, name: value.value}
            for value in view.values
            if value.quantity == name and not unsound(value.flags)
        ]
    return _table(rows, f"No analysed cell has a {quantity(name).name}")


def published_figures(values: Iterable[Value], figure: str) -> pl.DataFrame:
    """Return a row per published value of *figure*: ``sample, paper``, the figure and what the source states.

    Bounds, ranges, statements about a kind of material, and values flagged as unsound are left out. Raises
    `UnknownNameError` on the quantity, `NotEnoughDataError` where there is none.
    """
    name = quantity(figure).key
    rows: list[dict[str, Scalar | None]] = []
    for value in values:
        if (
            value.quantity != name
            or value.origin is not Origin.LITERATURE
            or value.operator not in _EQUAL
            or value.subject.kind != "material"
            or unsound(value.flags)
        ):
            continue
        other = value.conditions.other
        rows.append(
            {
                **composition_descriptors(other.get("composition")),
                "morphology": other.get("morphology"),
                **_conditions(value),
                "sample": value.subject.key,
                "paper": str(value.provenance.parameters.get("reference") or value.provenance.source or "not given"),
                name: value.value,
            }
        )
    return _table(rows, f"No published value of {quantity(name).name}")


def fields_of(cell: Cell, sample: Sample | None) -> dict[str, Scalar | None]:
    """Return what is known of a cell and its sample as flat fields, composition as descriptors."""
    found: dict[str, Scalar | None] = {}
    for thing, names in ((cell, CELL_FIELDS), (sample, SAMPLE_FIELDS)):
        if thing is not None:
            found |= {n: getattr(thing, n) for n in names if n not in _NOT_EXPLAINING}
            found |= {n: v for n, v in thing.extra.items() if n not in found}
    if sample is not None:
        found |= composition_descriptors(sample.composition)
        if sample.recipe is not None:
            recipe = sample.recipe
            found |= {n: getattr(recipe, n) for n in type(recipe).model_fields if n != "extra"}
            found |= {n: v for n, v in recipe.extra.items() if n not in found}
    return found


def composition_descriptors(formula: Scalar | None) -> dict[str, Scalar | None]:
    """Return Li/TM, the shares of Mn, Ni, Co and of other cations, and the formal TM capacity; nulls without a formula.

    Raises `CompositionError` on what is no formula.
    """
    names = ("li_tm_ratio", "mn_share", "ni_share", "co_share", "other_cation_share", "formal_tm_capacity_mah_g")
    if formula is None:
        return dict.fromkeys(names)
    composition = Composition.parse(str(formula))
    cations = composition.amount("Li") / composition.li_cation_ratio
    shares = [composition.amount(element) / cations for element in ("Mn", "Ni", "Co")]
    has_metal = any(element in TRANSITION_METALS for element in composition.amounts)
    return dict(
        zip(
            names,
            (
                composition.li_tm_ratio if has_metal else None,
                *shares,
                max(0.0, 1.0 - math.fsum(shares)),
                composition.formal_tm_capacity_mah_g,
            ),
            strict=True,
        )
    )


def _conditions(value: Value) -> dict[str, Scalar | None]:
    return {f"condition_{name}": getattr(value.conditions, name) for name in CONDITIONS}


def _table(rows: Sequence[Mapping[str, Scalar | None]], nothing: str) -> pl.DataFrame:
    """Return the rows as a table without its empty columns; a field of numbers and texts is text."""
    if not rows:
        raise NotEnoughDataError(nothing, advice="Analyse cells first, or ask for another quantity")
    columns: dict[str, list[Scalar | None]] = {}
    for name in dict.fromkeys(n for row in rows for n in row):
        values = [row.get(name) for row in rows]
        kinds = {type(v) for v in values if v is not None}
        if kinds and not (kinds <= {int, float} or kinds == {bool} or kinds == {str}):
            values = [None if v is None else str(v) for v in values]
        if kinds:
            columns[name] = [float(v) for v in values] if kinds == {int, float} and None not in values else values  # type: ignore[arg-type]
    return pl.DataFrame(columns, strict=False)

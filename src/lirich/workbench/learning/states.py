"""What was measured of the state of cells, beside their curves: for factors where nobody knows the hidden states."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from lirich.errors import InputError, UnknownNameError
from lirich.model import Test, Value
from lirich.model.flags import unsound

if TYPE_CHECKING:
    from lirich.workbench.views import CellView
    from lirich.workbench.workspace import Workspace

OF_CYCLES = {
    "mid_voltage_v": "mid_voltage_v",
    "voltage_gap_v": "voltage_gap_v",
    "low_voltage_share": "low_voltage_share",
    "interrupt_resistance_ohm_g": "interrupt_resistance_ohm",
    "end_resistance_ohm_g": "end_resistance_ohm",
}
"""State → column of the table of cycles."""
_R_CT = "charge_transfer_resistance_ohm"
OF_SPECTRA = {
    "charge_transfer_resistance_ohm_g": _R_CT,
    "series_resistance_ohm_g": "series_resistance_ohm",
}
"""State → quantity of the impedance tests."""
MEASURED_STATES = (*OF_CYCLES, *OF_SPECTRA)
"""What stands for hidden states where nobody knows them. Resistances are times the active mass, Ω·g: a curve is per
gram, and two electrodes of one material differ in Ω as their masses do."""
PER_MASS = "_ohm_g"
SAME_VOLTAGE_V = 0.010
"""Spectra at voltages within this are alike, as `lirich.model.Conditions.unlike`."""
_DOUBTED = frozenset({"ambiguous", "not-kramers-kronig"})  # flags of `lirich.cells.eis`: whose arc, or no spectrum


def measured_states(workspace: Workspace, keys: pl.DataFrame, states: Sequence[str] = MEASURED_STATES) -> pl.DataFrame:
    """Return the measured figures of each curve of *keys*, in its order; null where they are not known.

    *keys* has ``cell`` and ``cycle`` and, where a cell was tested more than once, ``run`` (else the longest run is
    meant). A resistance by impedance belongs to the last cycle that began before its spectrum, by the clocks of both
    files, and is taken at the voltage at which most cells have one (`spectra_voltage`): at another voltage it is
    another figure. Values that are flagged as unsound or doubtful (which arc it is, Kramers–Kronig) are left out.

    Raises `UnknownNameError` on a cell or a state.
    """
    for name in states:
        if name not in MEASURED_STATES:
            raise UnknownNameError.of("measured state", name, MEASURED_STATES)
    by = ["cell", "run", "cycle"]
    views = {key: workspace.cells[key] for key in keys["cell"].unique().to_list()}
    main = {key: view.analysis.run for key, view in views.items() if view.analyses}
    asked = keys.select("cell", pl.col("cycle").cast(pl.Int64), *(["run"] if "run" in keys.columns else []))
    if "run" not in keys.columns:
        asked = asked.with_columns(
            pl.col("cell").replace_strict(main, default=None, return_dtype=pl.Int64).alias("run")
        )
    asked = asked.with_columns(pl.col("run").cast(pl.Int64))
    voltage = spectra_voltage(views)
    tables = []
    for cell, run in asked.select("cell", "run").unique(maintain_order=True).drop_nulls().iter_rows():
        view = views[cell].run(run)
        grams = None if view.facts.active_mass_mg is None else 1e-3 * view.facts.active_mass_mg
        there = {name: column for name, column in OF_CYCLES.items() if column in view.cycles.columns}
        table = view.cycles.select(
            pl.lit(cell).alias("cell"),
            pl.lit(run, dtype=pl.Int64).alias("run"),
            pl.col("cycle").cast(pl.Int64),
            "start_second",
            *(
                (pl.col(column) * (pl.lit(grams, dtype=pl.Float64) if name.endswith(PER_MASS) else 1.0)).alias(name)
                for name, column in there.items()
            ),
        )
        tables.append(_with_spectra(table, views[cell], run, grams, voltage).drop("start_second"))
    known = pl.concat(tables, how="diagonal_relaxed") if tables else asked.select(by)
    joined = asked.join(known, on=by, how="left", maintain_order="left")
    return joined.select(
        pl.col(name).cast(pl.Float64) if name in joined.columns else pl.lit(None, dtype=pl.Float64).alias(name)
        for name in states
    )


def spectra_voltage(views: Mapping[str, CellView]) -> float | None:
    """Return the voltage, V, at which most of these cells have a charge-transfer resistance; ``None`` without any."""
    there = [(cell, v.conditions.voltage_v) for cell, view in views.items() for v in _by_impedance(view)]
    volts = {(cell, volt) for cell, volt in there if volt is not None}
    if not volts:
        return None
    reached = {at: len({cell for cell, volt in volts if abs(volt - at) <= SAME_VOLTAGE_V}) for _, at in volts}
    return min(reached, key=lambda at: (-reached[at], at))


def states_of_table(table: pl.DataFrame, keys: pl.DataFrame, name: str) -> pl.DataFrame:
    """Return the states of a table of one's own beside the curves of *keys*: every number in it but the keys.

    *table*, called *name*, has ``cell`` and, where a state changes with it, ``cycle``. Raises `InputError` without a
    cell or a number, or where a row stands there twice.
    """
    if "cell" not in table.columns:
        raise InputError(f"{name} has no column cell", expected="cell, cycle, and a column per state")
    on = ["cell", "cycle"] if "cycle" in table.columns else ["cell"]
    states = [c for c, kind in table.schema.items() if kind.is_numeric() and c not in ("cell", "cycle", "run")]
    if not states:
        raise InputError(f"{name} has no column of numbers beside {', '.join(on)}", expected="a column per state")
    told = table.select(pl.col("cell").cast(pl.String), *(pl.col(c).cast(pl.Int64) for c in on[1:]), *states)
    if told.select(on).is_duplicated().any():
        raise InputError(f"{name} has a cell and cycle twice", expected=f"one row for each {' and '.join(on)}")
    asked = keys.select("cell", pl.col("cycle").cast(pl.Int64))
    return asked.join(told, on=on, how="left", maintain_order="left").select(pl.col(c).cast(pl.Float64) for c in states)


def _by_impedance(view: CellView) -> list[Value]:
    return [v for made in view.impedance for v in made.values if v.quantity == _R_CT and _sound(v)]


def _sound(value: Value) -> bool:
    return not (unsound(value.flags) or _DOUBTED.intersection(value.flags))


def _with_spectra(
    table: pl.DataFrame, view: CellView, run: int, grams: float | None, voltage: float | None
) -> pl.DataFrame:
    """Return the cycles of a run, ``cycle`` and ``start_second``, with the resistances of the spectra after them."""
    tests = {test.key: test for test in view.tests}
    begun = _begun(view, run, tests)
    if voltage is None or grams is None or begun is None or not table.height:
        return table
    starts = table["start_second"].to_numpy()
    cycles = table["cycle"].to_numpy()
    found: dict[str, dict[int, list[float]]] = {name: {} for name in OF_SPECTRA}
    for made in view.impedance:
        at = tests[made.tests[0]].start_unix_second
        if at is None or not (begun[0] <= at <= _until(view, run, begun[1])):
            continue
        cycle = int(cycles[max(int(np.searchsorted(starts, at - begun[0], side="right")) - 1, 0)])
        for name, quantity in OF_SPECTRA.items():
            for value in made.values:
                volts = value.conditions.voltage_v
                alike = volts is not None and abs(volts - voltage) <= SAME_VOLTAGE_V
                if value.quantity == quantity and alike and _sound(value):
                    found[name].setdefault(cycle, []).append(grams * value.value)
    return table.with_columns(
        pl.Series(name, [float(np.mean(of[c])) if c in of else None for c in cycles.tolist()], dtype=pl.Float64)
        for name, of in found.items()
    )


def _begun(view: CellView, run: int, tests: Mapping[str, Test]) -> tuple[float, float] | None:
    """Return when a run began, such that its ``start_second`` counts from there, and ended, s since 1970."""
    made = next(a for a in view.analyses if a.run == run)
    first, last = tests[made.tests[0]], tests[made.tests[-1]]
    if first.start_unix_second is None or last.end_unix_second is None:
        return None
    return first.start_unix_second - (first.start_time_second or 0.0), last.end_unix_second


def _until(view: CellView, run: int, ended: float) -> float:
    """Return until when a spectrum belongs to a run: the beginning of the next one, however long after it is."""
    tests = {test.key: test for test in view.tests}
    later = [tests[a.tests[0]].start_unix_second for a in view.analyses if a.run != run]
    return min((start for start in later if start is not None and start >= ended), default=float("inf"))

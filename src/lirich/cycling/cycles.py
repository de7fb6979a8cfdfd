"""From an annotated test to one row per cycle."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lirich.cycling.annotation import Annotation, annotate
from lirich.cycling.arrays import Array, Integers
from lirich.cycling.cuts import SIDES, Side, cut_short
from lirich.cycling.halffigures import half_cycle_figures
from lirich.cycling.likeness import same_current
from lirich.cycling.lowvoltage import ends_above_zero, lithium_thresholds
from lirich.cycling.points import Points
from lirich.cycling.settings import CyclingSettings
from lirich.model import Electrode

_Column = Array | pl.Series | None


def cycle_table(
    table: pl.DataFrame,
    *,
    electrode: Electrode | None = None,
    active_mass_mg: float | None = None,
    one_c_ma_g: float | None = None,
    counter_electrode: str | None = None,
    settings: CyclingSettings | None = None,
) -> pl.DataFrame:
    """Return one row per cycle of a standard table: the quick way from raw rows to the table everybody wants.

    Columns named by quantity hold that quantity (`lirich.quantities`) and are null where it has no meaning (an
    incomplete cycle has no efficiency, and no other figure that lays its discharge against its charge) or a fact is
    missing (no mass, no mAh/g). Beside them stand ``cycle``,
    ``cycle_number`` (see `true_numbers`), ``vendor_cycle_first``, ``vendor_cycle_last``, ``complete``,
    ``start_second``, ``duration_second``, ``charge_duration_second``, ``discharge_duration_second``, ``interrupts``,
    ``charge_end_voltage_v`` and ``discharge_end_voltage_v`` (where each half-cycle turned), ``charge_end_step_v`` and
    ``discharge_end_step_v`` (from the row before to there: how coarsely the end was recorded),
    ``discharge_constant_voltage_share``, and the mean voltages that fade is taken from: ``free_charge_voltage_v`` and
    ``free_discharge_voltage_v`` off constant voltage, ``shared_charge_voltage_v`` and ``shared_discharge_voltage_v``
    over what both half-cycles pass so (see `lirich.cycling.halffigures.shared_weight`). The charge of a row is booked
    on the cycle it came in, so that the cycles (0 included) sum to the test.

    Raises what `lirich.cycling.annotate` raises.
    """
    settings = settings or CyclingSettings()
    notes = annotate(table, electrode=electrode, settings=settings)
    return table_of(
        notes,
        electrode=electrode,
        active_mass_mg=active_mass_mg,
        one_c_ma_g=one_c_ma_g,
        counter_electrode=counter_electrode,
        settings=settings,
    )


def table_of(
    notes: Annotation,
    *,
    electrode: Electrode | None,
    active_mass_mg: float | None,
    one_c_ma_g: float | None,
    counter_electrode: str | None,
    settings: CyclingSettings,
) -> pl.DataFrame:
    """Return the cycle table of an annotated test; columns as in `cycle_table`."""
    halves = half_cycle_figures(notes, settings)
    numbers = notes.cycles
    at = np.searchsorted(numbers, notes.half_cycle)
    by_half = np.array(list(halves.values()))
    columns: dict[str, Array] = {}
    for side, sign in SIDES:
        rows = np.flatnonzero(notes.half_sign == sign)
        by_cycle = np.full((len(by_half), len(numbers)), np.nan)
        by_cycle[:, at[rows]] = by_half[:, rows]
        columns.update(zip((f"{side}:{name}" for name in halves), by_cycle, strict=True))
    cycle_start = np.minimum.reduceat(notes.half_start, _firsts(at))
    cycle_stop = np.append(cycle_start[1:], len(notes.points))
    vs_lithium = lithium_thresholds(electrode, counter_electrode)
    closing = 0 if notes.points.time_s is None else int(notes.half_sign[-1])
    whole = complete_cycles(columns, closing, settings)
    out = _figures(columns, notes, cycle_start, whole, electrode, vs_lithium=vs_lithium)
    _add_specific(out, active_mass_mg, one_c_ma_g)
    first_running = np.minimum.reduceat(halves["first"].astype(np.int64), _firsts(at))
    keys = _keys(notes, numbers, cycle_start, cycle_stop, first_running, columns, whole)
    return _table({**keys, **out}, len(numbers))


def _table(columns: Mapping[str, _Column], count: int) -> pl.DataFrame:
    """Return columns of *count* rows as a table; numbers are null where they are NaN, and everywhere where ``None``.

    Numbers become one long column that is cut up: to make forty of them one by one takes longer than to compute them.
    """
    nothing = np.full(count, np.nan)
    numbers = [nothing if c is None else c for c in columns.values() if not isinstance(c, pl.Series)]
    joined = pl.Series(np.concatenate(numbers, dtype=np.float64), nan_to_null=True)
    cut = (joined.slice(i * count, count) for i in range(len(numbers)))
    frame = [c if isinstance(c, pl.Series) else next(cut) for c in columns.values()]
    return pl.DataFrame(frame, schema=list(columns))


def _firsts(at: Integers) -> Integers:
    return np.flatnonzero(np.append(True, at[1:] != at[:-1]))


def _figures(
    c: dict[str, Array],
    notes: Annotation,
    cycle_start: Integers,
    whole: NDArray[np.bool_],
    electrode: Electrode | None,
    *,
    vs_lithium: bool,
) -> dict[str, Array]:
    def total(side: Side, name: str) -> Array:
        other = "discharge" if side == "charge" else "charge"
        # pulses of this direction inside the other half-cycle count: charge is conserved
        return _or_zero(c[f"{side}:{name}"]) + _or_zero(
            c[f"{other}:{'opposite' if name == 'charge' else 'opposite_energy'}"]
        )

    q_ch, q_dis = 1e3 * total("charge", "charge"), 1e3 * total("discharge", "charge")
    e_ch, e_dis = 1e3 * total("charge", "energy"), 1e3 * total("discharge", "energy")
    v_ch, v_dis = c["charge:mean_voltage"], c["discharge:mean_voltage"]
    ratio = (q_ch, q_dis) if electrode == "anode" else (q_dis, q_ch)
    known = whole & efficiency_known(notes, electrode)
    of_lithium = np.where(vs_lithium & ends_above_zero(c["discharge:end_voltage"]), 1e3, np.nan)
    low_mah, high_mah = (of_lithium * c[name] for name in ("discharge:low", "charge:high"))
    out = {
        "charge_capacity_mah": q_ch,
        "discharge_capacity_mah": q_dis,
        "coulombic_efficiency": np.where(known, 100.0 * _over(*ratio), np.nan),
        "charge_energy_mwh": e_ch,
        "discharge_energy_mwh": e_dis,
        "energy_efficiency": np.where(known & (e_dis > 0.0), 100.0 * _over(e_dis, e_ch), np.nan),
        "mean_charge_voltage_v": v_ch,
        "mean_discharge_voltage_v": v_dis,
        "median_charge_voltage_v": c["charge:median_voltage"],
        "median_discharge_voltage_v": c["discharge:median_voltage"],
        "mid_voltage_v": np.where(whole, 0.5 * (v_ch + v_dis), np.nan),
        "voltage_gap_v": np.where(whole, v_ch - v_dis, np.nan),
        "hysteresis_loop_energy_mwh": np.where(whole, e_ch - e_dis, np.nan),
        "low_voltage_capacity_mah": low_mah,
        "low_voltage_share": np.where(
            np.isnan(low_mah), np.nan, 100.0 * _over(c["discharge:low"], c["discharge:charge"])
        ),
        "high_voltage_capacity_mah": high_mah,
        "constant_voltage_share": 100.0 * _over(c["charge:held"], c["charge:charge"]),
        "charge_current_ma": 1e3 * c["charge:current"],
        "discharge_current_ma": 1e3 * c["discharge:current"],
        "upper_cutoff_voltage_v": np.fmax(c["charge:upper"], c["discharge:upper"]),
        "lower_cutoff_voltage_v": np.fmin(c["charge:lower"], c["discharge:lower"]),
    }
    out.update(_interrupt_figures(c))
    for side in ("charge", "discharge"):
        out[f"free_{side}_voltage_v"] = c[f"{side}:free_voltage"]
        out[f"shared_{side}_voltage_v"] = c[f"{side}:shared_voltage"]
    out["discharge_constant_voltage_share"] = 100.0 * _over(c["discharge:held"], c["discharge:charge"])
    if notes.points.temperature_celsius is not None:
        out["temperature_celsius"] = _mean_temperature(notes.points, notes.points.temperature_celsius, cycle_start)
    return out


def efficiency_known(notes: Annotation, electrode: Electrode | None) -> bool:
    """Tell whether a cycle lays the right half-cycles against each other.

    Where nobody said what the electrode is, a test that begins with a discharge has cycles of a discharge and the
    charge *after* it. That is an efficiency of an anode material, and of a cathode it is none.
    """
    first = np.flatnonzero(notes.half_cycle >= 1)
    return electrode is not None or len(first) == 0 or notes.half_sign[first[0]] > 0


def _mean_temperature(points: Points, temperature: Array, start: Integers) -> Array:
    """Mean over the time of each cycle: cyclers record more often where the current changes, shape (c,)."""
    known = np.isfinite(temperature).astype(np.float64)
    weight = known
    if points.time_s is not None:
        dt = np.diff(points.time_s)
        weight = known * 0.5 * (np.append(0.0, dt) + np.append(dt, 0.0))
        timeless = np.add.reduceat(weight, start) <= 0.0
        weight = np.where(np.repeat(timeless, np.diff(np.append(start, len(weight)))), known, weight)
    summed = np.add.reduceat(weight * np.where(known > 0.0, temperature, 0.0), start)
    # to 1e-6 °C, far below what a sensor resolves: a constant temperature comes out as it was recorded
    return np.round(_over(summed, np.add.reduceat(weight, start)), 6)


def _interrupt_figures(c: dict[str, Array]) -> dict[str, Array]:
    out = {}
    for name, key in (("interrupt_resistance_ohm", "resistance"), ("end_resistance_ohm", "end_resistance")):
        resistance = {s: c[f"{s}:{key}"] for s in ("charge", "discharge")}
        weight = {s: np.where(np.isnan(r), 0.0, c[f"{s}:charge"]) for s, r in resistance.items()}
        weighted = sum((weight[s] * _or_zero(r) for s, r in resistance.items()), np.zeros(1))
        out[name] = _over(weighted, weight["charge"] + weight["discharge"])
        if key == "end_resistance":  # that of a charge is not that of a discharge: one of them is no mean
            out[name][np.isnan(resistance["charge"]) | np.isnan(resistance["discharge"])] = np.nan
    for side, sign in (("charge", -1.0), ("discharge", 1.0)):
        corrected = c[f"{side}:free_voltage"] + sign * c[f"{side}:current"] * c[f"{side}:resistance"]
        out[f"corrected_{side}_voltage_v"] = corrected
    return out


def _or_zero(values: Array) -> Array:
    return np.where(np.isnan(values), 0.0, values)


def _over(a: Array, b: Array) -> Array:
    """a/b, NaN where b is not positive or the ratio is no number."""
    result = np.full(np.shape(a), np.nan)
    with np.errstate(over="ignore"):
        np.divide(a, b, out=result, where=(b > 0.0) & np.isfinite(a))
    result[~np.isfinite(result)] = np.nan
    return result


def _add_specific(out: dict[str, Array], active_mass_mg: float | None, one_c_ma_g: float | None) -> None:
    per_gram = np.nan if active_mass_mg is None else 1e3 / active_mass_mg
    for name, source in (
        ("charge_specific_capacity_mah_g", "charge_capacity_mah"),
        ("discharge_specific_capacity_mah_g", "discharge_capacity_mah"),
        ("charge_specific_energy_wh_kg", "charge_energy_mwh"),
        ("discharge_specific_energy_wh_kg", "discharge_energy_mwh"),
        ("low_voltage_capacity_mah_g", "low_voltage_capacity_mah"),
        ("high_voltage_capacity_mah_g", "high_voltage_capacity_mah"),
        ("hysteresis_loop_energy_wh_kg", "hysteresis_loop_energy_mwh"),
    ):
        out[name] = out[source] * per_gram
    del out["high_voltage_capacity_mah"]
    per_c = np.nan if one_c_ma_g is None else per_gram / one_c_ma_g
    out["charge_rate_c"] = out["charge_current_ma"] * per_c
    out["discharge_rate_c"] = out["discharge_current_ma"] * per_c


def _keys(
    notes: Annotation,
    numbers: Integers,
    start: Integers,
    stop: Integers,
    first_running: Integers,
    c: dict[str, Array],
    whole: NDArray[np.bool_],
) -> dict[str, _Column]:
    points = notes.points
    vendor = points.vendor_cycle
    first = None if vendor is None else vendor[first_running]
    last = None if vendor is None else vendor[stop - 1]
    begin = None if points.time_s is None else points.time_s[start]
    end = None if points.time_s is None else points.time_s[stop - 1]

    stops = _or_zero(c["charge:interrupts"]) + _or_zero(c["discharge:interrupts"])

    def integers(values: Integers | None) -> pl.Series:
        return pl.Series([None] * len(numbers), dtype=pl.Int64) if values is None else pl.Series(values)

    return {
        "cycle": integers(numbers),
        "cycle_number": integers(true_numbers(numbers, first, begin, end)),
        "vendor_cycle_first": integers(first),
        "vendor_cycle_last": integers(last),
        "complete": pl.Series(whole),
        "start_second": begin,
        "duration_second": None if begin is None or end is None else end - begin,
        "charge_duration_second": c["charge:duration"],
        "discharge_duration_second": c["discharge:duration"],
        "interrupts": integers(stops.astype(np.int64)),
        "charge_end_voltage_v": c["charge:end_voltage"],
        "discharge_end_voltage_v": c["discharge:end_voltage"],
        "charge_end_step_v": c["charge:end_step"],
        "discharge_end_step_v": c["discharge:end_step"],
    }


def complete_cycles(c: dict[str, Array], closing_sign: int, settings: CyclingSettings) -> NDArray[np.bool_]:
    """Tell which cycles have both half-cycles and none of them cut short, shape (c,).

    One is cut short where `cut_short` says so, and the last one of the test where the file ends under current at a
    voltage that no like half-cycle ends at; with no like one to compare, that is taken as whole. *closing_sign*:
    direction of the last half-cycle; 0 for a curve without a time axis, whose ends say nothing.
    """
    whole = ~np.isnan(c["charge:charge"]) & ~np.isnan(c["discharge:charge"])
    last = len(whole) - 1
    if closing_sign == 0:
        return whole
    names = ("end_voltage", "end_step", "current")
    ends, steps, currents = ({side: c[f"{side}:{name}"] for side, _ in SIDES} for name in names)
    for short in cut_short(ends, steps, currents, settings).values():
        whole &= ~short
    if not whole[last]:
        return whole
    side: Side = "discharge" if closing_sign < 0 else "charge"
    ended, current = ends[side], currents[side]
    others = ended[:last][whole[:last] & same_current(current[:last], current[last], settings)]
    open_end = c[f"{side}:ends_at_rest"][last] == 0.0 and len(others) > 0
    if open_end and np.abs(others - ended[last]).min() > settings.incomplete_voltage_v:
        whole[last] = False
    return whole


_LATE_START = 2  # some programmes count the first rest as cycle 1; a count from 3 on is the middle of a test


def true_numbers(cycle: Integers, vendor: Integers | None, begin: Array | None, end: Array | None) -> Integers:
    """Return the cycle numbers to plot and to fit against, shape (c,).

    They are lirich's own, unless the file leaves cycles out (an excerpt, a digitised figure): the cycler's count
    rises with every own cycle, by one in most places and by more in some, and, where there is a time axis, the
    clock jumps there by at least half of what the missing cycles would have taken; or the count begins late, in
    the middle of a test. Then it is the cycler's count, since a fade *per cycle* needs the cycles that were run,
    not those that were kept.
    """
    if vendor is None:
        return cycle
    counted = cycle >= 1
    kept = vendor[counted]
    if len(kept) == 0:
        return cycle
    rise = np.diff(kept)
    late = 1 if begin is None else _LATE_START  # a curve without a time axis has no rest to count
    if np.any(rise < 1) or kept[0] < 1 or (kept[0] <= late and not np.any(rise > 1)):
        return cycle
    if begin is not None and end is not None:
        pause = begin[counted][1:] - end[counted][:-1]
        typical = float(np.median((end - begin)[counted]))
        missing = rise > 1
        if np.any(pause[missing] < 0.5 * typical * (rise[missing] - 1)):
            return cycle
    result = cycle.copy()
    result[counted] = kept
    return result

"""Figures of half-cycles: voltage profiles, dQ/dV and hysteresis, coloured by cycle."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from lirich.model import Origin
from lirich.model.format import capitalised, format_rate
from lirich.plots import style
from lirich.plots.figure import Figure
from lirich.plots.thinning import choose_cycles, thin

_FEW = 6  # up to so many cycles a legend reads better than a colour scale


def voltage_profiles(
    curves: pl.DataFrame,
    *,
    origin: Origin = Origin.MEASURED,
    most_cycles: int = 24,
    most_points: int = 200,
    counter: str | None = None,
    rates: Mapping[int, float] | None = None,
) -> Figure:
    """Draw voltage against capacity, charge and discharge, one colour per cycle, or per rate where *rates* are given.

    *counter* is the counter electrode; *rates* are the C-rates of the discharges by cycle, see `rates_of_test`.

    *curves* has the columns ``cycle``, ``direction`` (charge, discharge), ``voltage_volt`` (V), ``capacity_mah`` (mAh)
    and ``specific_capacity_mah_g`` (mAh/g, may be null: then mAh are shown).
    """
    specific = _has(curves, "specific_capacity_mah_g")
    column = "specific_capacity_mah_g" if specific else "capacity_mah"
    unit = "mAh/g" if specific else "mAh"
    traces, shown, n = _by_cycle(
        curves, column, "voltage_volt", origin, most_cycles, most_points, unit_x=unit, unit_y="V"
    )
    coloured = _coloured(shown)
    if rates is not None:
        traces = _by_rate(traces, rates)
        coloured = "slow rates are dark violet, fast ones green."
    return Figure(
        title="Voltage profiles",
        alt=f"Voltage in volt against capacity in {unit} for {_named(shown)}, charge rising and discharge falling; "
        + coloured,
        data=traces,
        layout=_layout(
            shown,
            origin,
            legend=rates is not None or None,
            xaxis=style.axis(f"{'Specific capacity' if specific else 'Capacity'} ({unit})", rangemode="tozero"),
            yaxis=style.voltage_axis(counter),
        ),
        note=_note(shown, n, most_points)
        + ("" if specific else " Active mass not given: capacity in mAh, not per gram."),
    )


def dqdv_curves(
    dqdv: pl.DataFrame,
    *,
    origin: Origin = Origin.MEASURED,
    most_cycles: int = 24,
    most_points: int = 220,
    counter: str | None = None,
) -> Figure:
    """Draw dQ/dV against voltage; charge upwards, discharge downwards, one colour per cycle.

    *dqdv* has the columns ``cycle``, ``direction``, ``voltage_volt`` (V), ``dqdv_mah_v`` (mAh/V) and
    ``dqdv_mah_g_v`` (mAh/g/V, may be null). Discharge is drawn negative whatever its sign in the table. *counter* is
    the counter electrode that the voltage is against.
    """
    specific = _has(dqdv, "dqdv_mah_g_v")
    column = "dqdv_mah_g_v" if specific else "dqdv_mah_v"
    unit = "mAh/g/V" if specific else "mAh/V"
    signed = dqdv.with_columns(
        pl.when(pl.col("direction") == "discharge").then(-pl.col(column).abs()).otherwise(pl.col(column)).alias("_y")
    )
    traces, shown, n = _by_cycle(
        signed, "voltage_volt", "_y", origin, most_cycles, most_points, unit_x="V", unit_y=unit
    )
    return Figure(
        title="Differential capacity",
        alt=f"dQ/dV in {unit} against voltage for {_named(shown)}; charge points up, discharge down; "
        + _coloured(shown),
        data=traces,
        layout=_layout(
            shown,
            origin,
            xaxis=style.voltage_axis(counter),
            yaxis=style.axis(f"dQ/dV ({unit})", zeroline=True, zerolinecolor="#9AA5AD", zerolinewidth=1),
        ),
        note=_note(shown, n, most_points),
    )


def hysteresis(
    gaps: pl.DataFrame, *, origin: Origin = Origin.MEASURED, most_cycles: int = 24, most_points: int = 100
) -> Figure:
    """Draw V_ch(q) − V_dis(q) against the state of charge, one colour per cycle.

    *gaps* has the columns ``cycle``, ``soc_percent`` (%) and ``hysteresis_v`` (V).
    """
    traces, shown, n = _by_cycle(
        gaps.with_columns(pl.lit("both").alias("direction")),
        "soc_percent", "hysteresis_v", origin, most_cycles, most_points, unit_x="% SOC", unit_y="V",
    )  # fmt: skip
    return Figure(
        title="Hysteresis",
        alt=f"Gap between charge and discharge voltage in volt against state of charge for {_named(shown)}; "
        + _coloured(shown),
        data=traces,
        layout=_layout(
            shown,
            origin,
            xaxis=style.axis("State of charge (%)", range=[0, 100]),
            yaxis=style.axis("V<sub>ch</sub>(q) − V<sub>dis</sub>(q) (V)", rangemode="tozero"),
        ),
        note=_note(shown, n, most_points),
    )


def origin_label(origin: Origin) -> list[dict[str, Any]]:
    """Return the annotation that says in the figure itself that its data are not measured; empty if they are."""
    if origin is Origin.MEASURED:
        return []
    return [
        {
            "text": f"<b>{origin.value.upper()}</b>",
            "xref": "paper",
            "yref": "paper",
            "x": 1,
            "y": 1,
            "xanchor": "left",
            "yanchor": "top",
            "textangle": 90,
            "showarrow": False,
            "font": {"size": 10, "color": style.ORIGIN_COLOURS[origin]},
            "name": "origin",
        }
    ]


def _by_cycle(
    table: pl.DataFrame,
    x: str,
    y: str,
    origin: Origin,
    most_cycles: int,
    most_points: int,
    *,
    unit_x: str,
    unit_y: str,
) -> tuple[list[dict[str, Any]], list[int], int]:
    known = table["cycle"].unique().to_list()
    shown = choose_cycles(known, most_cycles)
    traces: list[dict[str, Any]] = []
    span = (shown[-1] - shown[0]) or 1 if shown else 1
    few = len(shown) <= _FEW
    for (cycle, direction), part in table.filter(pl.col("cycle").is_in(shown)).group_by(
        ["cycle", "direction"], maintain_order=True
    ):
        number = int(str(cycle))
        part = part.filter(pl.col(x).is_not_null() & pl.col(y).is_not_null())
        xs, ys = part[x].to_numpy(), part[y].to_numpy()
        keep = thin(xs, ys, most_points)
        if len(keep) == 0:
            continue
        fraction = (number - shown[0]) / span
        traces.append(
            {
                "type": "scatter",
                "mode": "lines",
                "name": f"cycle {number}",
                "legendgroup": str(number),
                "showlegend": few and not any(t["legendgroup"] == str(number) for t in traces),
                "x": style.numbers(xs[keep], 4),
                "y": style.numbers(ys[keep], 4),
                "line": {"color": style.cycle_colour(fraction), "width": 1.6, "dash": style.DASHES[origin]},
                "hovertemplate": f"cycle {number}{'' if direction == 'both' else f', {style.plain(direction)}'}<br>"
                f"%{{x:.4g}} {unit_x}, %{{y:.4g}} {unit_y}<extra></extra>",
            }
        )
    traces.sort(key=lambda t: int(t["legendgroup"]))
    if not few:
        traces.append(_colour_scale(shown))
    return traces, shown, len(known)


def _colour_scale(shown: Sequence[int]) -> dict[str, Any]:
    # Lines have no colour bar in Plotly; an empty marker trace lends them one.
    return {
        "type": "scatter",
        "mode": "markers",
        "x": [None],
        "y": [None],
        "hoverinfo": "skip",
        "showlegend": False,
        "legendgroup": "0",
        "marker": {
            "color": [shown[0]],
            "cmin": shown[0],
            "cmax": shown[-1],
            "colorscale": style.cycle_colourscale(),
            "showscale": True,
            "colorbar": {
                "title": {"text": "cycle", "side": "top", "font": {"size": 12}},
                "thickness": 10,
                "len": 0.9,
                "outlinewidth": 0,
                "tickfont": {"size": 11},
                "xpad": 14,
            },
        },
    }


def rates_of_test(cycles: pl.DataFrame) -> dict[int, float] | None:
    """Return the C-rate of each discharge of a rate test, by cycle; ``None`` where the test is mostly something else.

    *cycles* is a cycle table: ``cycle``, ``segment``, ``discharge_rate_c`` (1/h).
    """
    if not {"cycle", "segment", "discharge_rate_c"} <= set(cycles.columns):
        return None
    if 2 * cycles.filter(pl.col("segment") == "rate_test").height <= cycles.height:
        return None
    known = cycles.filter(pl.col("discharge_rate_c").is_not_null() & pl.col("discharge_rate_c").is_finite())
    return dict(known.select("cycle", "discharge_rate_c").iter_rows()) or None


def _by_rate(traces: Sequence[dict[str, Any]], rates: Mapping[int, float]) -> list[dict[str, Any]]:
    """Return the lines of cycles coloured and named by rate, the slowest first; a cycle without a rate is grey."""
    lines = [t for t in traces if t["mode"] == "lines"]
    words = {int(t["legendgroup"]): "rate not known" for t in lines}
    words |= {n: format_rate(rates[n]) for n in words if n in rates}
    order = list(dict.fromkeys(words[n] for n in sorted(words, key=lambda n: rates.get(n, math.inf))))
    known = [word for word in order if word != "rate not known"]
    found: list[dict[str, Any]] = []
    for t in sorted(lines, key=lambda t: order.index(words[int(t["legendgroup"])])):
        number, word = int(t["legendgroup"]), words[int(t["legendgroup"])]
        fraction = known.index(word) / max(len(known) - 1, 1) if word in known else 0.0
        colour = style.cycle_colour(fraction) if word in known else style.NEUTRAL
        found.append(
            {
                **t,
                "name": word,
                "legendgroup": word,
                "showlegend": not any(other["legendgroup"] == word for other in found),
                "line": {**t["line"], "color": colour},
                "hovertemplate": t["hovertemplate"].replace(f"cycle {number}", f"cycle {number}, {word}", 1),
            }
        )
    return found


def _layout(shown: Sequence[int], origin: Origin, *, legend: bool | None = None, **axes: Any) -> dict[str, Any]:
    few = len(shown) <= _FEW if legend is None else legend
    margin = {"l": 64, "r": 22 if few else 8, "t": 26, "b": 52}
    return style.layout(showlegend=few, margin=margin, annotations=origin_label(origin), **axes)


def _has(table: pl.DataFrame, column: str) -> bool:
    return column in table.columns and table[column].is_not_null().any()


def _named(shown: Sequence[int]) -> str:
    if not shown:
        return "no cycle"
    if len(shown) == 1:
        return f"cycle {shown[0]}"
    return f"{len(shown)} cycles from {shown[0]} to {shown[-1]}"


def _coloured(shown: Sequence[int]) -> str:
    return "early cycles are dark violet, late ones green." if len(shown) > 1 else "one cycle."


def _note(shown: Sequence[int], n: int, most_points: int) -> str:
    left_out = f"{len(shown)} of {n} cycles shown; " if len(shown) < n else ""
    text = f"{left_out}each curve thinned to at most {most_points} points for display."
    return capitalised(text)

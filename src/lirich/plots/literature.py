"""Where a lab's own cells stand among published values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl

from lirich.model import Operator, Origin, Value
from lirich.model.format import capitalised, format_conditions, format_value
from lirich.plots import style
from lirich.plots.figure import Figure
from lirich.plots.overcycles import whole_cycles
from lirich.plots.overlays import CellSeries
from lirich.quantities import quantity


def literature_context(
    key: str, own: Sequence[tuple[str, Value]], published: Sequence[tuple[str, Value]]
) -> Figure | None:
    """Draw one quantity of the user's cells in rows above published values, one row per group.

    *own* and *published* are pairs of a group (morphology, usually) and a value of the quantity *key*; values of other
    quantities are left out. Bounds (``>``, ``<``) are drawn as arrows, ranges as whiskers. ``None`` without both kinds.
    Raises `UnknownNameError` on an unknown quantity.
    """
    what = quantity(key)
    mine = [(g, v) for g, v in own if v.quantity == key]
    theirs = [(g, v) for g, v in published if v.quantity == key]
    if not mine or not theirs:
        return None
    rows = [(f"{g}, yours", g, [v for h, v in mine if h == g]) for g in dict.fromkeys(g for g, _ in mine)]
    rows += [(f"{g}, published", g, [v for h, v in theirs if h == g]) for g in sorted({g for g, _ in theirs})]
    rows.reverse()
    colours = style.group_colours([g for _, g, _ in rows])
    traces = [_row(i, colours[group], values) for i, (_, group, values) in enumerate(rows)]
    unit = "" if what.unit == "1" else f" ({what.unit})"
    return Figure(
        title=capitalised(what.name),
        alt=f"{what.name}: {len(mine)} own values between {_span([v for _, v in mine])} and {len(theirs)} published "
        f"values between {_span([v for _, v in theirs])} {what.unit}.",
        data=traces,
        layout=style.layout(
            height=104 + 32 * len(rows),
            margin={"l": 20, "r": 18, "t": 10, "b": 48},
            xaxis=style.axis(f"{style.symbol(what.symbol)}{unit}"),
            yaxis=style.axis(
                tickvals=list(range(len(rows))),
                ticktext=[style.plain(name) for name, _, _ in rows],
                range=[-0.6, len(rows) - 0.4],
                ticks="",
            ),
        ),
        note="Published values were rarely taken under the same conditions as yours: context, not a ranking. "
        "Hover a point for its conditions.",
    )


def retention_context(series: Sequence[CellSeries], published: Sequence[tuple[str, Value]]) -> Figure | None:
    """Draw the retention of the user's cells over cycles, published retentions as points at their number of cycles.

    *series* have the column ``capacity_retention`` (%); *published* are pairs of a group and a value of
    ``capacity_retention`` with ``cycles`` among its conditions. ``None`` without both kinds.
    """
    key = "capacity_retention"
    mine = [s for s in series if key in s.cycles.columns and s.cycles[key].is_not_null().sum() > 1]
    theirs = [(g, v) for g, v in published if v.quantity == key and v.conditions.cycles is not None]
    if not mine or not theirs:
        return None
    groups = [s.group for s in mine] + sorted({g for g, _ in theirs})
    colours = style.group_colours(groups)
    traces: list[dict[str, Any]] = []
    for one in mine:
        part = whole_cycles(one.cycles.filter(pl.col(key).is_not_null()).sort("cycle"))
        if part.is_empty():
            continue
        name = f"{style.plain(one.group)}, yours"
        traces.append(
            {
                "type": "scatter",
                "mode": "lines",
                "name": name,
                "legendgroup": name,
                "showlegend": not any(t["legendgroup"] == name for t in traces),
                "x": (part["cycle"] - part["cycle"][0]).to_list(),
                "y": style.numbers(part[key].to_numpy(), 4),
                "line": {"color": colours[one.group], "width": 1.8, "dash": style.DASHES[one.origin]},
                "hovertemplate": f"{style.plain(one.cell)}<br>%{{x}} cycles, %{{y:.1f}} %<extra></extra>",
            }
        )
    for group in sorted({g for g, _ in theirs}):
        values = [v for g, v in theirs if g == group]
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": f"{style.plain(group)}, published",
                "legendgroup": f"{group} published",
                "x": [v.conditions.cycles for v in values],
                "y": style.numbers([v.value for v in values]),
                "text": [_hover(v) for v in values],
                "marker": {
                    "color": colours[group],
                    "symbol": [_BOUNDS.get(v.operator, style.MARKERS[v.origin]) for v in values],
                    "size": 9,
                    "line": {"width": 1.4, "color": colours[group]},
                },
                "hovertemplate": "%{text}<extra></extra>",
            }
        )
    return Figure(
        title="Capacity retention against cycles",
        alt=f"Capacity retention in percent over cycles of {len(mine)} own cells as lines, and {len(theirs)} published "
        "retentions as points at the number of cycles that the source states.",
        data=traces,
        layout=style.layout(
            height=340,
            showlegend=True,
            margin={"l": 64, "r": 14, "t": 26, "b": 48},
            xaxis=style.axis("Cycles since the reference", rangemode="tozero"),
            yaxis=style.axis("Capacity retention (%)"),
        ),
        note="Rates, windows and reference cycles differ from source to source: context, not a ranking. "
        "Hover a point for its conditions.",
    )


def rate_context(own: Sequence[tuple[str, Value]], published: Sequence[tuple[str, Value]]) -> Figure | None:
    """Draw capacity against C-rate: the user's rate tests as lines, published capacities at a rate as points.

    *own* and *published* are pairs of a group and a value of ``rate_capacity_mah_g``; those without a C-rate are left
    out. ``None`` without both kinds.
    """
    key = "rate_capacity_mah_g"
    mine = [(g, v) for g, v in own if v.quantity == key and v.conditions.rate_c]
    theirs = [(g, v) for g, v in published if v.quantity == key and v.conditions.rate_c]
    if not mine or not theirs:
        return None
    colours = style.group_colours([g for g, _ in (*mine, *theirs)])
    traces: list[dict[str, Any]] = []
    for cell in dict.fromkeys(v.subject.key for _, v in mine):
        points = sorted(((v.conditions.rate_c or 0.0, g, v) for g, v in mine if v.subject.key == cell), key=_rate_of)
        group = points[0][1]
        traces.append(
            _named(
                f"{group}, yours",
                traces,
                {
                    "mode": "lines+markers",
                    "x": style.numbers([rate for rate, _, _ in points], 3),
                    "y": style.numbers([v.value for _, _, v in points], 4),
                    "text": [_hover(v) for _, _, v in points],
                    "line": {"color": colours[group], "width": 1.4, "dash": style.DASHES[points[0][2].origin]},
                    "marker": {"size": 6, "symbol": style.MARKERS[points[0][2].origin]},
                },
            )
        )
    for group in sorted({g for g, _ in theirs}):
        values = [v for g, v in theirs if g == group]
        traces.append(
            _named(
                f"{group}, published",
                traces,
                {
                    "mode": "markers",
                    "x": style.numbers([v.conditions.rate_c for v in values], 3),
                    "y": style.numbers([v.value for v in values], 4),
                    "text": [_hover(v) for v in values],
                    "marker": {
                        "color": colours[group],
                        "symbol": [_BOUNDS.get(v.operator, style.MARKERS[v.origin]) for v in values],
                        "size": 9,
                        "line": {"width": 1.4, "color": colours[group]},
                    },
                },
            )
        )
    return Figure(
        title="Capacity at a rate",
        alt=f"Discharge capacity in mAh/g against C-rate: {len(mine)} own values as lines, {len(theirs)} "
        "published as points.",
        data=traces,
        layout=style.layout(
            height=340,
            showlegend=True,
            xaxis=style.axis("Rate (C)", type="log", dtick="D2"),
            yaxis=style.axis("Specific discharge capacity (mAh/g)"),
        ),
        note="1C is not the same current in every source, and windows differ: context, not a ranking. "
        "Hover a point for its conditions.",
    )


def _rate_of(point: tuple[float, str, Value]) -> float:
    return point[0]


def _named(name: str, traces: Sequence[dict[str, Any]], trace: dict[str, Any]) -> dict[str, Any]:
    shown = style.plain(name)
    return {
        "type": "scatter",
        "name": shown,
        "legendgroup": shown,
        "showlegend": not any(t["legendgroup"] == shown for t in traces),
        "hovertemplate": "%{text}<extra></extra>",
        **trace,
    }


def _row(row: int, colour: str, values: Sequence[Value]) -> dict[str, Any]:
    symbols, plus, minus = [], [], []
    for value in values:
        symbols.append(_BOUNDS.get(value.operator, style.MARKERS[value.origin]))
        has = value.interval is not None
        plus.append(value.interval.high - value.value if value.interval and has else 0.0)
        minus.append(value.value - value.interval.low if value.interval and has else 0.0)
    published = bool(values) and values[0].origin is Origin.LITERATURE
    n = len(values)
    spread = [0.0] if n < 2 else [-0.18 + 0.36 * ((7 * j) % n) / (n - 1) for j in range(n)]
    return {
        "type": "scatter",
        "mode": "markers",
        "x": style.numbers([v.value for v in values]),
        "y": style.numbers([row + s for s in spread]),
        "text": [_hover(v) for v in values],
        "error_x": {
            "type": "data",
            "symmetric": False,
            "array": style.numbers(plus),
            "arrayminus": style.numbers(minus),
            "thickness": 1,
            "width": 3,
            "color": style.see_through(colour, 0.6),
            "visible": any(plus) or any(minus),
        },
        "marker": {
            "color": colour,
            "symbol": symbols,
            "size": 9 if published else 10,
            "opacity": 0.6 if published else 0.8,
            "line": {"width": 1.4, "color": colour},
        },
        "hovertemplate": "%{text}<extra></extra>",
    }


_BOUNDS = {
    Operator.GREATER: "triangle-right",
    Operator.ABOUT_GREATER: "triangle-right",
    Operator.GREATER_EQUAL: "triangle-right",
    Operator.LESS: "triangle-left",
    Operator.LESS_EQUAL: "triangle-left",
}


def _hover(value: Value) -> str:
    lines = [value.subject.key, format_value(value), format_conditions(value.conditions), value.origin.value]
    if value.provenance.source:
        lines.append(value.provenance.source)
    if value.flags:
        lines.append("flags: " + ", ".join(value.flags))
    return "<br>".join(style.plain(line[:120]) for line in lines if line)


def _span(values: Sequence[Value]) -> str:
    return f"{min(v.value for v in values):.4g} and {max(v.value for v in values):.4g}"

"""Figure of dQ/dV peaks over cycles."""

from __future__ import annotations

from collections.abc import Sequence

from lirich.model import Origin, Value
from lirich.plots import style
from lirich.plots.figure import Figure
from lirich.plots.traces import line, panel


def peaks(values: Sequence[Value], *, origin: Origin = Origin.MEASURED) -> Figure | None:
    """Draw the positions of tracked dQ/dV peaks over cycles; ``None`` without at least two cycles of one peak.

    *values* are values of ``dqdv_peak_voltage_v`` or ``spinel_peak_voltage_v``; one line per direction and peak.
    """
    lines: dict[str, list[tuple[int, float]]] = {}
    for value in values:
        if value.quantity in ("dqdv_peak_voltage_v", "spinel_peak_voltage_v") and value.conditions.cycle is not None:
            label = str(
                value.conditions.other.get("peak", "spinel-like" if value.quantity.startswith("spinel") else "peak")
            )
            name = f"{label}, {value.conditions.direction}" if value.conditions.direction else label
            lines.setdefault(name, []).append((value.conditions.cycle, value.value))
    lines = {name: sorted(points) for name, points in lines.items() if len({c for c, _ in points}) > 1}
    if not lines:
        return None
    colours = style.group_colours(sorted(lines))
    traces = [
        line(
            style.plain(name),
            [c for c, _ in points],
            [v for _, v in points],
            colours[name],
            origin,
            hover=f"{style.plain(name)}<br>cycle %{{x}}, %{{y:.3f}} V",
            width=1.5,
            marker=5,
        )
        for name, points in sorted(lines.items())
    ]
    return Figure(
        title="dQ/dV peaks over cycles",
        alt=f"Position in volt of {len(lines)} tracked dQ/dV peaks over cycles.",
        data=traces,
        layout=panel(
            style.cycle_axis(n for trace in traces for n in trace["x"]),
            style.axis("Peak position (V)"),
            origin,
            margin={"l": 64, "r": 18, "t": 28, "b": 52},
        ),
    )

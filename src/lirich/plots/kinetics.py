"""Figures of kinetics: rate capability, and diffusivity over the state of charge with its validity."""

from __future__ import annotations

from collections.abc import Sequence
from math import log
from typing import Any

from lirich.model import Origin, Value
from lirich.model.format import format_rate
from lirich.plots import style
from lirich.plots.figure import Figure
from lirich.plots.traces import line, panel
from lirich.quantities import DIFFUSION_VALIDITY_LIMIT, INTERRUPT_VALIDITY_LIMIT

_LABEL_WIDTH = 0.12
"""Share of the axis that a rate takes in letters, on a phone."""

_METHOD_COLOURS = (style.DISCHARGE_COLOUR, style.CHARGE_COLOUR, style.STRUCTURE_COLOUR, style.CAPACITY_COLOUR)


def rate_test(values: Sequence[Value], *, origin: Origin = Origin.MEASURED) -> Figure | None:
    """Draw capacity against rate; ``None`` with fewer than two rates.

    *values* are values of ``rate_capacity_mah_g`` or, without masses, ``rate_capability``, with ``rate_c`` or
    ``current_ma_g`` among their conditions.
    """
    for key, unit, label in (
        ("rate_capacity_mah_g", "mAh/g", "Specific discharge capacity (mAh/g)"),
        ("rate_capability", "%", "Share of the capacity at the lowest rate (%)"),
    ):
        chosen = [v for v in values if v.quantity == key and (v.conditions.rate_c or v.conditions.current_ma_g)]
        by_c = all(v.conditions.rate_c for v in chosen)
        points = sorted(
            ((v.conditions.rate_c if by_c else v.conditions.current_ma_g) or 0.0, v) for v in chosen
        ) if len(chosen) > 1 else []  # fmt: skip
        if len({rate for rate, _ in points}) < 2:
            continue
        names = [format_rate(rate) if by_c else f"{rate:.3g} mA/g" for rate, _ in points]
        y = [v.value for _, v in points]
        told = _apart([rate for rate, _ in points])
        return Figure(
            title="Rate capability",
            alt=f"Discharge capacity in {unit} against rate: "
            + ", ".join(f"{value:.4g} {unit} at {name}" for name, value in zip(names, y, strict=True))
            + ".",
            data=[
                line(
                    "discharge",
                    [rate for rate, _ in points],
                    y,
                    style.DISCHARGE_COLOUR,
                    origin,
                    hover=f"%{{text}}<br>%{{y:.4g}} {unit}",
                    width=1.6,
                    marker=8,
                    error_y=_errors([v for _, v in points]),
                    text=names,
                )
            ],
            layout=panel(
                style.axis(
                    "Rate" if by_c else "Specific current (mA/g)",
                    type="log",
                    tickvals=style.numbers([points[i][0] for i in told]),
                    ticktext=[names[i] for i in told],
                ),
                style.axis(label, rangemode="tozero"),
                origin,
                showlegend=False,
            ),
        )
    return None


def _apart(rates: Sequence[float]) -> list[int]:
    """Return the indices of those *rates*, which rise, whose labels on a logarithmic axis do not touch."""
    told = [0]
    for i, rate in enumerate(rates):
        if log(rate / rates[told[-1]]) > _LABEL_WIDTH * log(rates[-1] / rates[0]):
            told.append(i)
    return told


def diffusivity(values: Sequence[Value], *, origin: Origin = Origin.MEASURED) -> Figure | None:
    """Draw the diffusivity of lithium over the state of charge (or the pulse number), doubtful pulses open.

    *values* are values of ``lithium_diffusivity_m2_s``; those flagged ``out-of-validity`` are open: GITT is a lower
    bound there, ICI an upper one. ``None`` without values.
    """
    chosen = [v for v in values if v.quantity == "lithium_diffusivity_m2_s" and v.value > 0]
    pulses = [v for v in chosen if v.conditions.soc_percent is not None]
    chosen = pulses or chosen  # the median over pulses is no pulse
    if not chosen:
        return None
    by_soc = all(v.conditions.soc_percent is not None for v in chosen)
    chosen.sort(key=lambda v: v.conditions.soc_percent or 0.0)
    traces: list[dict[str, Any]] = []
    doubtful = [v for v in chosen if "out-of-validity" in v.flags]
    index = {id(v): i + 1 for i, v in enumerate(chosen)}
    methods = sorted({v.conditions.method or "method not stated" for v in chosen})
    for method, colour in zip(methods, _METHOD_COLOURS * (1 + len(methods) // len(_METHOD_COLOURS)), strict=False):
        of_method = [v for v in chosen if (v.conditions.method or "method not stated") == method]
        for name, symbol in ((method, "circle"), (f"{method}, out of validity", "circle-open")):
            part = [v for v in of_method if (v in doubtful) == (symbol == "circle-open")]
            if part:
                traces.append(
                    {
                        "type": "scatter",
                        "mode": "markers",
                        "name": style.plain(name),
                        "x": style.numbers([v.conditions.soc_percent if by_soc else index[id(v)] for v in part]),
                        "y": style.numbers([v.value for v in part], 4),
                        "error_y": _errors(part) | {"color": style.see_through(colour, 0.5)},
                        "text": [style.plain(v.conditions.direction or "") for v in part],
                        "marker": {"size": 6, "symbol": symbol, "color": colour, "opacity": 0.8},
                        "hovertemplate": "%{x:.3g}: %{y:.2e} m²/s %{text}<extra></extra>",
                    }
                )
    y = [v.value for v in chosen]
    return Figure(
        title="Diffusivity of lithium",
        alt=f"{len(chosen)} diffusivities between {min(y):.1e} and {max(y):.1e} m²/s; {len(doubtful)} out of validity.",
        data=traces,
        layout=panel(
            style.axis("State of charge (%)" if by_soc else "Pulse"),
            style.axis("D̃ (m²/s)", type="log", exponentformat="power", dtick="D2"),
            origin,
            height=420,
            margin={"l": 74, "r": 22, "t": 28, "b": 52},
        ),
        note="Open points: the square root of time does not hold. GITT is biased low there "
        f"(τD/R² > {DIFFUSION_VALIDITY_LIMIT}): a lower bound; ICI is biased high "
        f"(τD/R² > {INTERRUPT_VALIDITY_LIMIT}): an upper bound.",
    )


def _errors(values: Sequence[Value]) -> dict[str, Any]:
    if all(v.interval is None for v in values):
        return {"visible": False}
    return {
        "type": "data",
        "symmetric": False,
        "array": style.numbers([v.interval.high - v.value if v.interval else 0.0 for v in values]),
        "arrayminus": style.numbers([v.value - v.interval.low if v.interval else 0.0 for v in values]),
        "thickness": 1.2,
        "width": 3,
        "color": style.DISCHARGE_COLOUR,
    }

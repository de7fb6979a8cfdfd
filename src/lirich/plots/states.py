"""Figures of states that were read from curves: how well, and over the cycles beside what was measured."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from lirich.model import Origin
from lirich.plots import style
from lirich.plots.figure import Figure

_MOST_CELLS = 12  # drawn one beside the other, of each group alike
_LOWEST_R2 = -1.0  # what is worse is drawn so


def state_r2(table: pl.DataFrame, names: Mapping[str, str]) -> Figure:
    """Draw R² of each state on cells that were left out, over all curves and within the stratum.

    *table* is that of `lirich.learn.Factors.table_`; *names* says in words what the states are.
    """
    rows = table.reverse()
    words = [style.plain(names.get(s, s.replace("_", " "))) for s in rows["state"].to_list()]
    both = [
        ("among cells of the same group and cycle", style.CAPACITY_COLOUR, _floats(rows["r2_within"])),
        ("over all curves", style.SC_COLOUR, _floats(rows["r2"])),
    ]
    lowest = max(float(np.nanmin([0.0, *(v for _, _, values in both for v in values)])), _LOWEST_R2)
    traces = [
        {
            "type": "bar", "orientation": "h",
            "y": words, "x": style.numbers(np.maximum(values, _LOWEST_R2)), "name": told, "marker": {"color": colour},
            "text": [f"{v:.2f}" if np.isfinite(v) else "" for v in values],
            "hovertemplate": "%{y}: %{text}<extra></extra>",
        }
        for told, colour, values in both
        if np.isfinite(values).any()
    ]  # fmt: skip
    return Figure(
        title="How well states are read from the curves of cells left out",
        alt="; ".join(f"{name}: R² {r2:.2f}" for name, r2 in zip(words, _floats(rows["r2"]).tolist(), strict=True))
        + ".",
        data=traces,
        layout=style.layout(
            height=130 + 44 * rows.height,
            showlegend=True,
            barmode="group",
            xaxis=style.axis("R²", range=[lowest, 1.05], zeroline=True),
            yaxis=style.axis("", type="category", showgrid=False),
        ),
        note="1 is read without error, 0 no better than the mean. A state that grows with age is guessed from the age "
        "alone: what the curve tells beyond that is the R² among cells of the same group and cycle.",
    )


def state_over_cycles(curves: pl.DataFrame, state: str, name: str, *, level: float) -> Figure:
    """Draw a state over the cycles, as it was read with its interval, and beside it what is known of it.

    *curves* is that of `lirich.workbench.learning.factors.FactorsResult`; at most twelve cells are drawn, as many of
    each group and origin.
    """
    cells = _some(curves)
    groups = {
        c: style.NO_GROUP if g == "not given" else g for c, g in curves.select("cell", "group").unique().iter_rows()
    }
    colours = style.group_colours([groups[c] for c in cells])
    traces: list[dict[str, Any]] = []
    shown: set[str] = set()
    for cell in cells:
        part = curves.filter(pl.col("cell") == cell).sort("cycle")
        colour, words = colours[groups[cell]], style.plain(groups[cell])
        x, y = style.numbers(part["cycle"]), style.numbers(part[f"{state}_read"])
        low, high = part[f"{state}_low"].to_numpy(), part[f"{state}_high"].to_numpy()
        told = f"{style.plain(cell)}, cycle %{{x}}: %{{y:.4g}}"
        traces += [
            {
                "type": "scatter", "mode": "lines", "fill": "toself", "x": [*x, *x[::-1]], "showlegend": False,
                "y": [*style.numbers(high), *style.numbers(low[::-1])], "line": {"width": 0}, "hoverinfo": "skip",
                "fillcolor": style.see_through(colour, 0.10),
            },
            {
                "type": "scatter", "mode": "lines", "x": x, "y": y, "name": f"{words}, read", "legendgroup": words,
                "showlegend": words not in shown, "hovertemplate": f"{told} (read)<extra></extra>",
                "line": {"color": colour, "width": 1.8, "dash": style.DASHES[Origin.PREDICTED]},
            },
        ]  # fmt: skip
        known = part.filter(pl.col(state).is_not_null())
        if known.height:
            origin = Origin(known["origin"][0])
            traces.append(
                {
                    "type": "scatter", "mode": "markers", "x": style.numbers(known["cycle"]),
                    "y": style.numbers(known[state]), "name": f"{words}, known ({origin.value})",
                    "showlegend": f"{words}, {origin}" not in shown, "hovertemplate": f"{told} (known)<extra></extra>",
                    "marker": {"symbol": style.MARKERS[origin], "size": 6, "color": colour},
                }
            )  # fmt: skip
            shown.add(f"{words}, {origin}")
        shown.add(words)
    left = curves["cell"].n_unique() - len(cells)
    return Figure(
        title=f"{name}, read from the curves",
        alt=f"{name} of {len(cells)} cells over their cycles, with intervals of {100 * level:g} %.",
        data=traces,
        layout=style.layout(
            height=420, showlegend=True, xaxis=style.cycle_axis(curves["cycle"]), yaxis=style.axis(style.plain(name))
        ),
        note=f"Dotted: read, with intervals of {100 * level:g} % for a curve of a new cell; markers: known."
        + (f" {left} more cells are not drawn." if left else ""),
    )


def _some(curves: pl.DataFrame) -> list[str]:
    """Return at most `_MOST_CELLS` cells, from every group and origin in turn."""
    cells = curves.select("cell", "group", "origin").unique(maintain_order=True)
    turn = cells.with_columns(turn=pl.int_range(pl.len()).over("group", "origin")).sort("turn", maintain_order=True)
    return [str(c) for c in turn["cell"].head(_MOST_CELLS)]


def _floats(column: pl.Series) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return column.cast(pl.Float64).fill_null(float("nan")).to_numpy()

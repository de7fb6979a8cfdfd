"""The frame of every figure over cycles: points, two panels, shaded segments, and what is said of what is left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lirich.model import Origin
from lirich.plots import style
from lirich.plots.curves import origin_label

MOST_CYCLES = 600
"""So many cycles a figure over cycles shows by default; of more, every k-th."""

_PALE = 0.3  # opacity of cycles of which the test has a part only

_UPPER, _LOWER = [0.34, 1.0], [0.0, 0.27]


@dataclass(frozen=True, slots=True)
class Band:
    """A stretch of cycles to shade: a segment of the protocol."""

    kind: str
    first_cycle: int
    last_cycle: int


def whole_cycles(cycles: pl.DataFrame) -> pl.DataFrame:
    """Return the rows of a cycle table that may stand in one line: without cycle 0 and incomplete cycles.

    Cycle 0 is what was taken out of the cell before its first charge, an incomplete cycle has a part of its capacity:
    in a line they look like a collapse.
    """
    whole = cycles.filter(pl.col("cycle") > 0)
    return whole.filter(pl.col("complete").fill_null(value=True)) if "complete" in whole.columns else whole


def count(cycles: pl.DataFrame) -> int:
    """Return how many cycles a table has."""
    return cycles.filter(pl.col("cycle") > 0).height  # cycle 0 is none


def given(table: pl.DataFrame, column: str) -> bool:
    """Tell whether a table has any number in that column."""
    return column in table.columns and bool(table[column].is_not_null().any())


def points(
    table: pl.DataFrame,
    column: str,
    name: str,
    colour: str,
    unit: str,
    origin: Origin,
    *,
    y_axis: str = "y",
    hollow: bool = False,
    line: bool = False,
    size: float = 6,
    width: float = 1.5,
) -> dict[str, Any] | None:
    """Return a trace of a column over cycles; ``None`` without numbers.

    It is hollow where it is not measured, and pale where a cycle is a part. A *line* is broken where cycles are not
    alike (`unlike`).
    """
    if not given(table, column):
        return None
    part = table.filter(pl.col(column).is_not_null() & pl.col(column).is_finite()).sort("cycle")
    if line:
        part = whole_cycles(part)
    if part.is_empty():
        return None
    whole = set(whole_cycles(part)["cycle"])
    pale = [1.0 if n in whole else _PALE for n in part["cycle"]]
    breaks = np.flatnonzero(unlike(part)) + 1 if line else np.empty(0, dtype=np.intp)
    at, y = part["cycle"].to_numpy(), part[column].cast(pl.Float64).to_numpy()
    hollow = hollow or origin is not Origin.MEASURED
    if part.height > 150:
        size = max(2.0, size * 0.7)
    return {
        "type": "scatter",
        "mode": "lines+markers" if line else "markers",
        "name": name,
        "x": np.insert(at, breaks, at[breaks]).tolist(),
        "y": style.numbers(np.insert(y, breaks, np.nan)),
        "xaxis": "x",
        "yaxis": y_axis,
        "line": {"color": colour, "width": width, "dash": style.DASHES[origin]},
        "marker": {
            "color": colour,
            "size": size,
            "symbol": "circle-open" if hollow else "circle",
            "line": {"width": 1.2, "color": colour},
            **({} if min(pale) == 1.0 else {"opacity": pale}),
        },
        "hovertemplate": f"{name}, cycle %{{x}}<br>%{{y:.5g}} {unit}<extra></extra>",
    }


def unlike(cycles: pl.DataFrame) -> NDArray[np.bool_]:
    """Tell of each row of a cycle table but the last whether the next is unlike it in rate, window or interrupts.

    That is the column ``like_group`` of `lirich.cycling.analyse`; without it nothing is known to be unlike.
    """
    if "like_group" not in cycles.columns:
        return np.zeros(max(cycles.height - 1, 0), dtype=np.bool_)
    like = cycles["like_group"].to_numpy()
    return np.asarray(like[1:] != like[:-1], dtype=np.bool_)


def robust_range(y: NDArray[np.float64], lines: Sequence[NDArray[np.float64]] = ()) -> tuple[list[float] | None, int]:
    """Return the ends of an axis that shows *y*, shape (n,), but for few far outliers, and how many these are.

    Outliers lie beyond five interquartile ranges of the quartiles and are at most 25 % of the points; without any,
    or with fewer than eight points, the answer is ``(None, 0)``: the axis may fit itself. So it does where it would
    hide more than half of one of *lines*, each of shape (m,): that is no outlier but a cell.
    """
    y = y[np.isfinite(y)]
    if len(y) < 8:
        return None, 0
    low, high = np.percentile(y, [25, 75])
    reach = 5 * max(high - low, 1e-3 * abs(high), 1e-12)
    inside = y[(y >= low - reach) & (y <= high + reach)]
    cut = len(y) - len(inside)
    if cut == 0 or cut > 0.25 * len(y):
        return None, 0
    for line in lines:
        seen = line[np.isfinite(line)]
        if len(seen) and np.mean((seen < low - reach) | (seen > high + reach)) > 0.5:
            return None, 0
    pad = max(0.08 * float(inside.max() - inside.min()), 5e-4 * abs(float(high)))
    return [float(f"{inside.min() - pad:.5g}"), float(f"{inside.max() + pad:.5g}")], cut


def two_panels(
    cycles: pl.DataFrame,
    bands: Sequence[Band],
    origin: Origin,
    *,
    upper: str,
    lower: str,
    upper_axis: dict[str, Any] | None = None,
    lower_axis: dict[str, Any] | None = None,
    upper_domain: Sequence[float] = _UPPER,
    lower_domain: Sequence[float] = _LOWER,
    height: int = 360,
) -> dict[str, Any]:
    """Return the layout of two panels over cycles, with segments shaded and named between them; one without *lower*."""
    if not lower:
        upper_domain, lower_domain = (0.08, 1.0), (0.0, 0.0)  # room for the names of the segments below
    shapes, labels = _shading(bands, cycles, (lower_domain[1] + upper_domain[0]) / 2)
    known = cycles["cycle"].to_list()
    ends = [min(known) - 0.5, max(known) + 0.5] if known else [0, 1]
    pad = 0.015 * (ends[1] - ends[0])
    x: dict[str, Any] = {"anchor": "y2" if lower else "free", "range": [ends[0] - pad, ends[1] + pad]}
    if not lower:
        x["position"] = 0
    if len(known) <= 10:
        x["dtick"] = 1
    panels = {"yaxis": style.axis(upper, domain=list(upper_domain), **(upper_axis or {}))}
    if lower:
        panels["yaxis2"] = style.axis(lower, domain=list(lower_domain), anchor="x", **(lower_axis or {}))
    return style.layout(
        height=height,
        showlegend=True,
        margin={"l": 64, "r": 22, "t": 28, "b": 48},
        xaxis=style.axis("Cycle", **x),
        shapes=shapes,
        annotations=labels + origin_label(origin),
        **panels,
    )


def _shading(
    bands: Sequence[Band], cycles: pl.DataFrame, middle: float
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    shapes: list[dict[str, Any]] = []
    labels: list[dict[str, Any]] = []
    known = cycles["cycle"]
    span = 1 if known.is_empty() else int(known[-1]) - int(known[0]) + 1  # sorted by `thin_rows`
    for band in bands:
        colour = style.SEGMENT_COLOURS.get(band.kind, style.NEUTRAL)
        shapes.append(
            {
                "type": "rect",
                "xref": "x",
                "yref": "paper",
                "x0": band.first_cycle - 0.5,
                "x1": band.last_cycle + 0.5,
                "y0": 0,
                "y1": 1,
                "fillcolor": style.see_through(colour, 0.10),
                "line": {"width": 0},
                "layer": "below",
            }
        )
        if (band.last_cycle - band.first_cycle + 1) / span >= 0.12:
            labels.append(
                {
                    "text": style.plain(style.segment_name(band.kind)),
                    "xref": "x",
                    "yref": "paper",
                    "x": band.first_cycle - 0.3,
                    "y": middle,
                    "xanchor": "left",
                    "yanchor": "middle",
                    "showarrow": False,
                    "font": {"size": 10, "color": style.NEUTRAL},
                }
            )
    return shapes, labels


def left_out(drawn: pl.DataFrame, run: int) -> str:
    """Say which of the *run* cycles of a test are not drawn, and which are pale."""
    said = f"{drawn.height} of {run} cycles are drawn, evenly chosen." if drawn.height < run else ""
    parts = drawn.height - whole_cycles(drawn).height
    return notes(said, f"Pale, not in lines: {_parts(parts)} (cycle 0 or incomplete)." if parts else "")


def _parts(count: int) -> str:
    return f"{count} cycle{'' if count == 1 else 's'} of which there is a part only"


def notes(*sentences: str) -> str:
    """Join the sentences that say something."""
    return " ".join(sentence for sentence in sentences if sentence)


def trend(cycles: pl.DataFrame, column: str, name: str, unit: str) -> str:
    """Say in a sentence from where to where a column goes."""
    if not given(cycles, column):
        return f"{name} is not given."
    part = cycles.filter(pl.col(column).is_not_null()).sort("cycle")
    first, last = part.row(0, named=True), part.row(-1, named=True)
    start = f"{first[column]:.4g} {unit} in cycle {first['cycle']}"
    return f"{name} is {start} and {last[column]:.4g} {unit} in cycle {last['cycle']}."

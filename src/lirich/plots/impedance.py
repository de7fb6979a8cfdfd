"""Impedance: the Nyquist plot, with what a circuit or a model leaves over."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from lirich.model import Origin
from lirich.model.spectra import FREQUENCY, IMAGINARY, REAL
from lirich.plots import style
from lirich.plots.curves import origin_label
from lirich.plots.figure import Figure

_COLOURS = (style.DISCHARGE_COLOUR, style.CAPACITY_COLOUR, style.STRUCTURE_COLOUR, style.POLARISATION_COLOUR)
_MOST = len(_COLOURS)


def nyquist(
    spectra: Sequence[tuple[str, pl.DataFrame, pl.DataFrame | None]],
    *,
    origin: Origin = Origin.MEASURED,
    fit: str = "circuit",
    note: str = "",
) -> Figure:
    """Draw −Im Z against Re Z, one to one, and below it the residuals of a fit over the frequency.

    *spectra* are (name, spectrum, fitted or ``None``), tables with the columns of `lirich.model.spectra` at the same
    frequencies; at most four, evenly chosen, are drawn. *fit* says what was fitted.
    """
    chosen = [spectra[i] for i in np.unique(np.linspace(0, len(spectra) - 1, _MOST).round().astype(int))]
    traces: list[dict[str, Any]] = []
    said = []
    fitted = any(curve is not None for _, _, curve in chosen)
    for (name, spectrum, curve), colour in zip(chosen, _COLOURS, strict=False):
        frequency = spectrum[FREQUENCY].to_numpy()
        traces.append(_points(name, spectrum, colour, origin))
        text = f"{name}: {spectrum.height} frequencies from {frequency.min():.2g} to {frequency.max():.2g} Hz"
        if curve is not None:
            left = _relative(spectrum, curve)
            text += f", the {fit} leaves {np.sqrt(np.mean(np.abs(left) ** 2)):.2g} % of |Z|"
            traces += [_curve(curve, colour), *_residuals(name, frequency, left, colour)]
        said.append(text)
    more = f" {len(chosen)} of {len(spectra)} spectra are drawn." if len(chosen) < len(spectra) else ""
    layout: dict[str, Any] = {
        "showlegend": True,
        "height": 580 if fitted else 460,
        "xaxis": style.axis("Re Z (Ω)", rangemode="tozero"),
        "yaxis": style.axis("−Im Z (Ω)", scaleanchor="x", scaleratio=1, domain=[0.42, 1.0] if fitted else [0, 1]),
        "annotations": origin_label(origin),
    }
    if fitted:
        traces += [
            _legend(fit, style.DASHES[Origin.SIMULATED], 1.2),
            _legend("residual, real", "solid", 1.4),
            _legend("imaginary", "dot", 1.4),
        ]
        layout |= {
            "xaxis2": style.axis("Frequency (Hz)", type="log", anchor="y2"),
            "yaxis2": style.axis(
                "Residual (% of |Z|)", domain=[0.0, 0.2], zeroline=True, zerolinecolor="#9AA5AD", anchor="x2"
            ),
        }
    return Figure(
        title="Impedance",
        alt="−Im Z against Re Z in ohm"
        + (", with residuals over the frequency. " if fitted else ". ")
        + "; ".join(said),
        data=traces,
        layout=style.layout(**layout),
        note=(note + more).strip(),
    )


def _relative(spectrum: pl.DataFrame, fitted: pl.DataFrame) -> Any:
    """Return (fitted − spectrum)/|spectrum| in %, complex, shape (n,)."""
    measured, curve = (t[REAL].to_numpy() + 1j * t[IMAGINARY].to_numpy() for t in (spectrum, fitted))
    return 100.0 * (curve - measured) / np.abs(measured)


def _points(name: str, spectrum: pl.DataFrame, colour: str, origin: Origin) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "markers",
        "name": style.plain(name),
        "x": style.numbers(spectrum[REAL]),
        "y": style.numbers(-spectrum[IMAGINARY].to_numpy()),
        "text": [f"{f:.3g} Hz" for f in spectrum[FREQUENCY].to_list()],
        "marker": {"size": 7, "symbol": style.MARKERS[origin], "color": colour},
        "hovertemplate": "%{text}<br>%{x:.4g} − %{y:.4g}i Ω<extra></extra>",
    }


def _curve(fitted: pl.DataFrame, colour: str) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines",
        "showlegend": False,
        "x": style.numbers(fitted[REAL]),
        "y": style.numbers(-fitted[IMAGINARY].to_numpy()),
        "line": {"color": colour, "width": 1.2, "dash": style.DASHES[Origin.SIMULATED]},
        "hoverinfo": "skip",
    }


def _legend(name: str, dash: str, width: float) -> dict[str, Any]:
    """Return an entry of the legend for the lines of all spectra: one each would fill a narrow figure."""
    return {
        "type": "scatter", "mode": "lines", "name": style.plain(name), "x": [None], "y": [None],
        "line": {"color": style.NEUTRAL, "width": width, "dash": dash}, "hoverinfo": "skip",
    }  # fmt: skip


def _residuals(name: str, frequency: Any, left: Any, colour: str) -> list[dict[str, Any]]:
    return [
        {
            "type": "scatter",
            "mode": "lines",
            "name": style.plain(f"{name}, {part}"),
            "x": style.numbers(frequency, 6),
            "y": style.numbers(values),
            "xaxis": "x2",
            "yaxis": "y2",
            "showlegend": False,
            "line": {"color": colour, "width": 1.4, "dash": dash},
            "hovertemplate": f"{style.plain(name)}, {part}<br>%{{x:.3g}} Hz: %{{y:.3g}} %<extra></extra>",
        }
        for part, values, dash in (("real part", left.real, "solid"), ("imaginary part", left.imag, "dot"))
    ]

"""The solids of a cell as a stack, and what happens where two of them touch: a drawing for those new to it."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lirich.errors import InputError
from lirich.model import Origin
from lirich.plots import style
from lirich.plots.curves import origin_label
from lirich.plots.figure import Figure
from lirich.plots.reactions import INERT_MEV

WEAK_MEV, STRONG_MEV = 50.0, 100.0
"""meV/atom: the limits between which published screenings of coatings draw the line, −50 to −100 meV/atom (Xiao, Miara,
Wang & Ceder, Joule 3 (2019) 1252, doi:10.1016/j.joule.2019.02.006, take −100)."""

_FILLS = {"cathode": "#FBEBCB", "coating": "#D5EBE3", "electrolyte": "#DCEAF5", "anode": "#E7E9EC"}
_EDGES = {"cathode": "#C98A00", "coating": "#2F7F6F", "electrolyte": "#0072B2", "anode": "#5B6770"}
_INK, _SOFT = style.fixed(style.TOTAL_COLOUR), style.fixed(style.NEUTRAL)
_OTHER_FILL, _OTHER_EDGE = "#EEF1F3", "#9AA5AD"
_CALM, _DOUBT, _ALARM = "#23856F", "#B06F00", "#D1480C"
"""Colours of a verdict; they read on a white and on a dark page."""
_LAYER, _BASE, _LINE = 50, 34, 17
"""Heights in pixels: of a layer, of an interface without words, of one line of words."""
_WIDE = 46
"""Letters of a line: as many as a telephone shows."""


@dataclass(frozen=True, slots=True)
class Layer:
    """A solid of the stack: its formula and its role (``cathode``, ``coating``, ``electrolyte``, ``anode``)."""

    formula: str
    role: str


@dataclass(frozen=True, slots=True)
class Touch:
    """What happens under one condition (a state of charge) where two layers touch; ``None`` is unknown, with reason.

    ``products`` are formulas, the most first.
    """

    condition: str
    energy_mev_atom: float | None
    sd_mev_atom: float | None = None
    products: tuple[str, ...] = ()
    grade: str = ""
    reason: str = ""


def interface_stack(
    layers: Sequence[Layer],
    touches: Sequence[Sequence[Touch]],
    *,
    bare: Sequence[Touch] = (),
    how: str = "closed",
    title: str = "What happens where the solids touch",
) -> Figure:
    """Draw the layers from top to bottom, and between two of them the worst of what happens there.

    *touches* has the conditions of each interface, one fewer than layers. *bare* is what cathode and electrolyte would
    do without what is between them. Raises `InputError` where the numbers do not fit.
    """
    if len(layers) < 2 or len(touches) != len(layers) - 1 or not all(touches):
        raise InputError(
            f"{len(layers)} layers with {len(touches)} interfaces",
            expected="two layers at least, and what happens at each interface between them",
        )
    shapes: list[dict[str, Any]] = []
    notes: list[dict[str, Any]] = []
    y = 0.0
    for number, layer in enumerate(layers):
        shapes.append(_box(layer, y))
        notes += _name(layer, y)
        y += _LAYER
        if number < len(touches):
            words = _words(touches[number])
            height = _BASE + _LINE * (len(words) - 1)
            worst = _worst(touches[number])
            shapes += _contact(y, height, worst)
            notes.append(_text("<br>".join(words), y + height / 2))
            y += height
    if bare:
        words = ["<b>Without the coating</b>", *_words(bare)]
        height = _BASE + _LINE * (len(words) - 1) + 8
        worst = _worst(bare)
        notes.append(_text("<br>".join(words), y + 8 + (height - 8) / 2))
        shapes.append(_dotted(y + 8, height - 8, worst))
        y += height
    hidden: dict[str, Any] = {"visible": False, "fixedrange": True}
    return Figure(
        title=f"{title}, {how}",
        alt=f"A stack of {', '.join(f'{la.formula} ({la.role})' for la in layers)}. "
        + " ".join(
            f"Where {one.formula} touches {other.formula}: {_said(_worst(t))}."
            for one, other, t in zip(layers, layers[1:], touches, strict=False)
        )
        + (f" Without coating: {_said(_worst(bare))}." if bare else ""),
        data=[
            {"type": "scatter", "mode": "markers", "x": [0.5], "y": [0], "marker": {"opacity": 0}, "hoverinfo": "skip"}
        ],
        layout=style.layout(
            height=int(y) + 40,
            margin={"l": 8, "r": 20, "t": 26, "b": 14},
            xaxis={**hidden, "range": [0, 1]},
            yaxis={**hidden, "range": [y, 0]},
            shapes=shapes,
            annotations=[*notes, *origin_label(Origin.COMPUTED)],
        ),
        note="Coloured boxes are solids; between two of them stands what they would do where they touch. The number is "
        f"the energy gained per atom: 0, they leave each other alone; beyond −{STRONG_MEV:.0f} meV/atom a reaction "
        "is likely unless it is slow. Thickness is not to scale.",
    )


def _worst(touches: Sequence[Touch]) -> Touch:
    """Return the one with the largest gain; an unknown one only where nothing is known."""
    return min(touches, key=lambda t: 1.0 if t.energy_mev_atom is None else t.energy_mev_atom)


def _verdict(touch: Touch) -> str:
    if touch.energy_mev_atom is None:
        return f"not known: {touch.reason}"
    if touch.energy_mev_atom > -INERT_MEV:
        return "no reaction"
    if touch.energy_mev_atom >= -WEAK_MEV:
        return "little to gain"
    return "may react" if touch.energy_mev_atom >= -STRONG_MEV else "reacts"


def _number(touch: Touch) -> str:
    if touch.energy_mev_atom is None:
        return "?"
    return "0" if touch.energy_mev_atom > -INERT_MEV else f"−{-touch.energy_mev_atom:.0f}"


def _said(touch: Touch) -> str:
    if touch.energy_mev_atom is None or touch.energy_mev_atom > -INERT_MEV:
        return _verdict(touch)
    made = " + ".join(touch.products)
    return f"{_verdict(touch)}, {_number(touch)} meV/atom ({touch.condition or 'closed'}), making {made}"


def _words(touches: Sequence[Touch]) -> list[str]:
    """Return the lines that stand at an interface: verdict and number, the products, the other conditions."""
    worst = _worst(touches)
    colour = _colour(worst)
    if worst.energy_mev_atom is None:
        return textwrap.wrap(style.plain(_verdict(worst)), _WIDE)
    first = f'<b><span style="color:{colour}">{_verdict(worst)}</span></b>'
    grade = f", coverage {style.plain(worst.grade)}" if worst.grade else ""
    if worst.energy_mev_atom > -INERT_MEV:
        return [f"{first} in any state{grade}" if len(touches) > 1 else first + grade]
    sd = f" ± {worst.sd_mev_atom:.0f}" if worst.sd_mev_atom is not None else ""
    lines = [f"{first}: {_number(worst)}{sd} meV/atom{grade}"]
    if worst.products:
        lines += _wrapped([f"→ {worst.products[0]}", *(f"+ {product}" for product in worst.products[1:])])
    if len(touches) > 1:
        parts = [f"{t.condition} {_number(t)}" for t in touches]
        lines += _wrapped([f"{part}," for part in parts[:-1]] + parts[-1:])
    elif worst.condition:
        lines += _wrapped([worst.condition])
    return lines


def _wrapped(parts: Sequence[str]) -> list[str]:
    """Return lines of at most `_WIDE` letters that break between the *parts* only."""
    lines: list[str] = []
    for part in parts:
        if lines and len(lines[-1]) + 1 + len(part) <= _WIDE:
            lines[-1] += f" {part}"
        else:
            lines.append(part)
    return [style.formula(line) for line in lines]


def _colour(touch: Touch) -> str:
    energy = touch.energy_mev_atom
    if energy is None:
        return style.NEUTRAL
    return _CALM if energy >= -WEAK_MEV else _DOUBT if energy >= -STRONG_MEV else _ALARM


def _box(layer: Layer, y: float) -> dict[str, Any]:
    return {
        "type": "rect",
        "x0": 0.0,
        "x1": 1.0,
        "y0": y,
        "y1": y + _LAYER,
        "fillcolor": _FILLS.get(layer.role, _OTHER_FILL),
        "line": {"color": _EDGES.get(layer.role, _OTHER_EDGE), "width": 1.4},
    }


def _name(layer: Layer, y: float) -> list[dict[str, Any]]:
    at = {"y": y + _LAYER / 2, "showarrow": False, "yanchor": "middle"}
    return [
        {
            **at,
            "text": f"<b>{style.formula(layer.formula)}</b>",
            "x": 0.5,
            "xanchor": "center",
            "font": {"size": 14, "color": _INK},
        },
        {
            **at,
            "text": style.plain(layer.role),
            "x": 0.015,
            "xanchor": "left",
            "yanchor": "bottom",
            "y": y + _LAYER - 1,
            "font": {"size": 11, "color": _SOFT},
        },
    ]


def _contact(y: float, height: float, worst: Touch) -> list[dict[str, Any]]:
    """Return the line between two layers: the thicker, the more drives the reaction; dotted where it is not known."""
    colour = _colour(worst)
    inert = worst.energy_mev_atom is not None and worst.energy_mev_atom > -INERT_MEV
    width = 1.2 if inert or worst.energy_mev_atom is None else 2.0 + 4.0 * min(-worst.energy_mev_atom / 400.0, 1.0)
    dash = {"dash": "2px,3px"} if worst.energy_mev_atom is None else {}
    bar = {"type": "line", "x0": 0.05, "x1": 0.05, "y0": y + 3, "y1": y + height - 3}
    return [{**bar, "line": {"color": colour, "width": width, **dash}}]


def _dotted(y: float, height: float, worst: Touch) -> dict[str, Any]:
    line = {"color": _colour(worst), "width": 1.2, "dash": "4px,3px"}
    return {"type": "rect", "x0": 0.0, "x1": 1.0, "y0": y, "y1": y + height, "line": line}


def _text(text: str, y: float) -> dict[str, Any]:
    return {
        "text": text,
        "x": 0.09,
        "y": y,
        "xanchor": "left",
        "yanchor": "middle",
        "align": "left",
        "showarrow": False,
        "font": {"size": 12},
    }

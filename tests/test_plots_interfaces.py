"""Figures of interfaces: drawn is what was found, what is not known says so, hostile text stays text."""

from __future__ import annotations

from typing import Any

import pytest

from lirich.errors import InputError
from lirich.plots import interface_stack, mixing_ratio, reaction_map, window_bars
from lirich.plots.mixing import Line, Point
from lirich.plots.reactions import Cell, Neighbour
from lirich.plots.stack import Layer, Touch
from lirich.plots.style import formula
from lirich.plots.windows import End, WindowBar

HOSTILE = "<img src=x onerror=alert(1)>%{x}"


def trace(figure: Any, name: str) -> dict[str, Any]:
    return next(t for t in figure.data if t.get("name") == name)


def test_bars_are_the_limits_and_lines_their_intervals() -> None:
    bars = [
        WindowBar("Li3PO4", End(0.69, 0.61, 0.76, "Li2O + Li3P"), End(4.21, 3.73, 4.42, "O2"), "A"),
        WindowBar("LiF", End(0.0, 0.0, 0.0), End(6.26, 6.19, 6.33), "A"),
    ]
    figure = window_bars(bars, cathode=(2.0, 4.8))
    body = trace(figure, "window")
    assert [b + x for b, x in zip(body["base"], body["x"], strict=True)] == pytest.approx([4.21, 6.26])
    assert body["base"] == [0.69, 0.0]
    assert all(t["width"] == body["width"] < 1 for t in figure.data if t["type"] == "bar")  # no bar reaches another row
    oxidation = trace(figure, "oxidation")
    assert oxidation["x"] == [4.21, 6.26]
    assert oxidation["error_x"]["array"] == pytest.approx([0.21, 0.07])
    assert oxidation["error_x"]["arrayminus"] == pytest.approx([0.48, 0.07])
    assert [s["x0"] for s in figure.layout["shapes"]] + [s["x1"] for s in figure.layout["shapes"]] == [2.0, 4.8]
    low, high = figure.layout["xaxis"]["range"]
    assert low < 0.0 < 6.33 < high
    assert "oxidised above 4.21 V (3.73 to 4.42) to O<sub>2</sub>" in body["hovertext"][0]


def test_a_withheld_limit_is_hatched_and_says_why_and_one_that_does_not_exist_is_not() -> None:
    bars = [
        WindowBar("LiTi2(PO4)3", End(2.2, 2.0, 2.4), End(None, reason="no compound of P-Ti-O", withheld=True), "D"),
        WindowBar("Na2WO4", End(1.6, 1.4, 2.0), End(None, reason="there is no lithium to take out"), "A"),
    ]
    figure = window_bars(bars)
    high = figure.layout["xaxis"]["range"][1]
    withheld, absent = trace(figure, "withheld"), trace(figure, "no limit")
    assert withheld["marker"]["pattern"]["shape"] == "/"
    assert "pattern" not in absent["marker"]
    for end, start, place in ((withheld, 2.2, 0), (absent, 1.6, 1)):
        assert (end["y"], end["base"][0]) == ([place], start)
        assert end["width"] < 1  # no bar reaches another row
        assert end["base"][0] + end["x"][0] == pytest.approx(high)
    assert "withheld: no compound of P-Ti-O" in withheld["hovertext"][0]
    assert "withheld (no compound of P-Ti-O)" in figure.alt
    assert "withheld" in figure.note
    assert trace(figure, "oxidation, number")["text"] == ["<b>?</b>", "→"]
    assert trace(figure, "oxidation")["x"] == [None, None]


def test_what_makes_no_bar_is_refused() -> None:
    with pytest.raises(InputError, match="No windows"):
        window_bars([])
    with pytest.raises(InputError, match="lower voltage first"):
        window_bars([WindowBar("LiF", End(0.0), End(6.3))], cathode=(4.8, 2.0))


def test_the_map_keeps_the_order_and_hatches_what_is_not_known() -> None:
    neighbours = [Neighbour("discharged", "cathode"), Neighbour("fully charged", "cathode"), Neighbour("Li", "anode")]
    cells = [
        [Cell(0.0, 3.0, "A"), Cell(-12.0, 3.0, "C", "Mn3O4"), Cell(-344.0, 20.0, "A")],
        [Cell(-215.0, 19.0, "B"), Cell(None, reason="no compound of Pu"), Cell(-531.0, 19.0, "B")],
    ]
    figure = reaction_map(["Li3PO4", "Li6PS5Cl"], neighbours, cells)
    assert figure.layout["yaxis"]["range"][0] > figure.layout["yaxis"]["range"][1]  # the first row on top
    assert figure.layout["yaxis"]["ticktext"] == ["Li<sub>3</sub>PO<sub>4</sub>", "Li<sub>6</sub>PS<sub>5</sub>Cl"]
    assert figure.layout["xaxis"]["ticktext"] == ["discharged", "fully charged", "Li"]
    gain, unknown = trace(figure, "gain"), trace(figure, "unknown")
    assert list(zip(gain["x"], gain["marker"]["color"], strict=True)) == [
        (0, 0.0), (1, 12.0), (2, 344.0), (0, 215.0), (2, 400.0),
    ]  # fmt: skip
    assert (unknown["x"], [b + 0.46 for b in unknown["base"]]) == ([1], [1.0])
    assert unknown["marker"]["pattern"]["shape"] == "/"
    assert "not known: no compound of Pu" in unknown["hovertext"][0]
    written = figure.data[-1]
    assert written["text"] == ["0", "−12<sup> C</sup>", "−344", "−215<sup> B</sup>", "?", "−531<sup> B</sup>"]
    assert [a["text"] for a in figure.layout["annotations"]][:2] == ["cathode", "anode"]
    assert "fully charged not known (no compound of Pu)" in figure.alt


def test_a_map_whose_shapes_do_not_fit_is_refused() -> None:
    with pytest.raises(InputError, match="one cell for each neighbour"):
        reaction_map(["Li3PO4"], [Neighbour("Li")], [[Cell(0.0), Cell(0.0)]])


def test_the_mixing_ratio_marks_the_lowest_kink_and_an_inert_pair_has_none() -> None:
    line = Line("closed", (Point(0, 0, 0, 0), Point(41, -421, -455, -374, "Co9S8 + Li2S"), Point(100, 0, 0, 0)))
    figure = mixing_ratio("Li3PS4", "LiCoO2", [line])
    assert (trace(figure, "most gained")["x"], trace(figure, "most gained")["y"]) == ([41.0], [-421.0])
    assert "Co<sub>9</sub>S<sub>8</sub>" in trace(figure, "closed")["hovertext"][1]
    assert trace(figure, "closed, interval")["y"] == [0, -455, 0, 0, -374, 0]
    assert trace(figure, "closed")["line"]["dash"] != "solid"  # it is computed
    inert = mixing_ratio("Li3PO4", "LiCoO2", [Line("closed", (Point(0, 0), Point(100, 0)))])
    assert all(t["name"] != "most gained" for t in inert.data)
    assert "no mixture gains anything" in inert.alt


def test_the_stack_says_the_worst_of_each_interface_and_what_the_coating_is_for() -> None:
    layers = [Layer("LiCoO2", "cathode"), Layer("Li3PO4", "coating"), Layer("Li6PS5Cl", "electrolyte")]
    at_cathode = [Touch("discharged", 0.0), Touch("charged", -60.0, 5.0, ("Li2S", "CoO"), "C")]
    figure = interface_stack(
        layers, [at_cathode, [Touch("", 0.0)]], bare=[Touch("", -350.0, 10.0, ("Li2S",))]
    )  # fmt: skip
    boxes = [s for s in figure.layout["shapes"] if "fillcolor" in s]
    assert [b["y0"] for b in boxes] == sorted(b["y0"] for b in boxes)
    assert figure.layout["yaxis"]["range"][0] > figure.layout["yaxis"]["range"][1]  # downwards
    texts = [a["text"] for a in figure.layout["annotations"]]
    worst = next(t for t in texts if "may react" in t)
    assert "−60 ± 5 meV/atom, coverage C" in worst
    assert "→ Li<sub>2</sub>S + CoO" in worst
    assert "discharged 0, charged −60" in worst
    assert any("no reaction" in t for t in texts)
    assert any(t.startswith("<b>Without the coating</b>") and "−350" in t for t in texts)
    assert "Where LiCoO2 touches Li3PO4: may react, −60 meV/atom (charged), making Li2S + CoO" in figure.alt
    with pytest.raises(InputError, match="interfaces"):
        interface_stack(layers, [at_cathode])


def test_an_unknown_interface_says_why() -> None:
    figure = interface_stack(
        [Layer("LiCoO2", "cathode"), Layer("Li3PuO4", "coating")], [[Touch("", None, reason="no compound of Pu")]]
    )
    assert any("not known: no compound of Pu" in a["text"] for a in figure.layout["annotations"])


def test_formulas_have_low_amounts_and_hostile_text_stays_text() -> None:
    assert formula("Li1.2Mn0.54O2") == "Li<sub>1.2</sub>Mn<sub>0.54</sub>O<sub>2</sub>"
    assert formula("Li10Ge(PS6)2, 4.5 V") == "Li<sub>10</sub>Ge(PS<sub>6</sub>)<sub>2</sub>, 4.5 V"
    figures = (
        window_bars([WindowBar(HOSTILE, End(None, reason=HOSTILE, withheld=True), End(1.0, becomes=HOSTILE), HOSTILE)]),
        reaction_map([HOSTILE], [Neighbour(HOSTILE, HOSTILE)], [[Cell(None, reason=HOSTILE)]], how=HOSTILE),
        mixing_ratio(HOSTILE, HOSTILE, [Line(HOSTILE, (Point(0, 0, 0, 0, HOSTILE), Point(9, -9, -9, 0, HOSTILE)))]),
        interface_stack(
            [Layer(HOSTILE, HOSTILE), Layer("LiF", "coating")], [[Touch(HOSTILE, -90.0, 1.0, (HOSTILE,), HOSTILE)]]
        ),
    )
    for figure in figures:
        for text in _texts([figure.data, figure.layout]):
            assert "<img" not in text
            assert "%{x}" not in text
        assert "<img" not in figure.to_html().replace(figure.to_json(), "").split("<script>")[0]


def _texts(tree: Any) -> list[str]:
    if isinstance(tree, str):
        return [tree]
    parts = tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list | tuple) else ()
    return [text for part in parts for text in _texts(part)]

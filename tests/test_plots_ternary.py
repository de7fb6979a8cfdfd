"""The figure of a triangle of compositions: corners at corners, each composition once, what cannot be told marked."""

from __future__ import annotations

import numpy as np
import pytest

from lirich.errors import InputError
from lirich.plots.ternary import ternary

SHARES = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [0.5, 0.5, 0]], dtype=float)


def test_each_composition_is_drawn_once_at_its_place() -> None:
    figure = ternary(
        SHARES,
        ["layered", "spinel", "", "layered"],
        corners=["A", "B", "<C>"],
        computed=SHARES[:1],
        following=SHARES[2:3],
    )
    figure.to_json()
    by_name = {t["name"]: t for t in figure.data if "name" in t}
    assert set(by_name) == {"layered", "spinel", "cannot tell", "computed", "to compute next"}
    assert by_name["layered"]["x"] == [0.0, 0.5]
    assert by_name["spinel"]["x"] == [1.0]
    assert (by_name["cannot tell"]["x"], by_name["cannot tell"]["y"]) == ([0.5], [pytest.approx(3**0.5 / 2, abs=1e-4)])
    assert "cannot tell at 1" in figure.alt
    assert figure.layout["annotations"][2]["text"] == "&lt;C&gt;"


def test_shapes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(InputError, match="three shares"):
        ternary(SHARES, ["layered"], corners=["A", "B", "C"])

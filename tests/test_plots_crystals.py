"""The figure of a crystal shows each atom once in the side view, on its true height."""

from __future__ import annotations

import numpy as np

from lirich.plots.crystals import crystal


def test_each_atom_is_drawn_at_its_place() -> None:
    lattice = np.array([[3.0, 0.0, 0.0], [0.0, 3.0, 0.0], [1.0, 0.0, 9.0]])
    positions = np.array([[0.0, 0.0, 0.0], [1.5, 1.5, 4.5], [0.0, 1.0, 2.2], [1.0, 0.0, 6.8]])
    figure = crystal(positions, lattice, ["W", "Li", "O", "O"], ["TM", "Li", "O", "O"], dopants=[0])
    figure.to_json()
    side = [t for t in figure.data if t["mode"] == "markers" and "xaxis" not in t]
    above = [t for t in figure.data if t["mode"] == "markers" and "xaxis" in t]
    heights = {i: y for t in side for i, y in zip(t["customdata"], t["y"], strict=True)}
    assert heights == {0: 0.0, 1: 4.5, 2: 2.2, 3: 6.8}
    assert sorted(i for t in above for i in t["customdata"]) == [0, 1]
    assert {t["name"] for t in side} == {"W, dopant", "Li (Li layer)", "O"}
    assert "W marked as dopant" in figure.alt


def test_two_dopants_have_two_marks() -> None:
    positions = np.array([[0.0, 0.0, 0.0], [1.5, 1.5, 4.5]])
    figure = crystal(positions, np.diag([3.0, 3.0, 9.0]), ["W", "Na"], ["TM", "Li"], dopants=[0, 1])
    marks = {t["name"]: (t["marker"]["color"], t["marker"]["symbol"]) for t in figure.data if t["mode"] == "markers"}
    assert set(marks) == {"Na, dopant", "W, dopant"}
    assert not set(marks["Na, dopant"]) & set(marks["W, dopant"])


def test_layers_lie_flat_whatever_the_normal() -> None:
    turned = np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    lattice = np.diag([3.0, 3.0, 9.0]) @ turned
    positions = np.array([[0.0, 0.0, 2.0], [1.0, 2.0, 2.0]]) @ turned
    figure = crystal(positions, lattice, ["Mn", "Ni"], ["TM", "TM"], normal=[0.0, 1.0, 0.0])
    side = [t for t in figure.data if t["mode"] == "markers" and "xaxis" not in t]
    assert [t["y"] for t in side] == [[2.0], [2.0]]

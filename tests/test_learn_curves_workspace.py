"""Curves of a workspace: from files to matrices and maps, in blocks, on two Dask workers; what is left out is named."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lirich import Workspace
from lirich.compute import open_executor
from lirich.errors import InputError, NotEnoughDataError, UnknownNameError
from lirich.learn import StateMap, principal_angles
from lirich.learn.matrix import Direction
from lirich.plots import completion, error_map, loadings, state_map
from lirich.testing import make_laboratory
from lirich.testing.digitised import CELL_KEY, write_digitised_cell
from lirich.workbench import keptsteps
from lirich.workbench.learning.curvematrix import curve_matrix, curve_set, fit_map


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """Four cells of the curve model over 14 cycles, and the real digitised cell."""
    folder = tmp_path_factory.mktemp("learn")
    make_laboratory(folder / "files", n_sc=2, n_pc=2, cycles=14, formats=("bdf-parquet",), seed=5)
    write_digitised_cell(folder / "real")
    with Workspace.create(folder / "workspace") as ws:
        ws.add([folder / "files", folder / "real"], executor="serial")
        ws.analyse(executor="serial")
        yield ws


def test_curves_are_those_of_the_half_cycles(lab: Workspace) -> None:
    grid = np.linspace(3.2, 4.5, 131)
    curves = curve_matrix(lab, grid=grid, only="none", stored="float64", executor="serial")
    for cell in (CELL_KEY, "SC-1"):
        mass = lab.cells[cell].facts.active_mass_mg
        for cycle in curves.of_cells(cell).keys["cycle"].to_list()[-2:]:
            half = lab.cells[cell].half_cycle(cycle, "charge")
            assert half is not None
            assert mass is not None
            found = curves.of(cell, cycle)
            free = ~half.constant_voltage
            expected = np.interp(
                grid, np.maximum.accumulate(half.voltage_v[free]), half.capacity_mah[free] * 1e3 / mass
            )
            assert np.abs(found - expected).max() < 1.0  # noise of the voltage, times the slope
    kept = curves.keys
    assert set(kept["origin"].unique()) == {"simulated", "measured"}
    assert kept.filter(kept["cell"] == CELL_KEY)["origin"].unique().to_list() == ["measured"]


def test_what_is_left_out_is_named_with_its_reason(lab: Workspace) -> None:
    some = curve_set(lab, only="ageing", executor="serial")
    left = some.left_out
    assert some.shape[0] + left.height == curve_set(lab, only="none", whole=False, executor="serial").shape[0]
    assert left["reason"].null_count() == 0
    assert "cycle of formation" in left["reason"].to_list()
    high = curve_set(lab, only="none", grid=np.linspace(3.0, 4.75, 60), executor="serial")
    short = high.left_out.filter(high.left_out["cell"] == CELL_KEY)
    assert short["reason"].to_list() == ["does not reach every point of the grid"] * 2
    lab.set_facts("SC-1", {"active_mass_mg": None})
    try:
        massless = curve_set(lab, only="none", executor="serial").left_out
        assert massless.filter(massless["cell"] == "SC-1")["reason"].to_list() == ["the active mass is not given"]
    finally:
        lab.add(lab.root.parent / "files", executor="serial")
    with pytest.raises(NotEnoughDataError, match=r"No curve is left from 5 to 5\.5 V: does not reach"):
        curve_set(lab, grid=np.linspace(5.0, 5.5, 20), executor="serial", only="none")
    with pytest.raises(InputError, match="does not rise"):
        curve_set(lab, grid=[4.0, 3.0])
    with pytest.raises(UnknownNameError):
        curve_set(lab, cells=["SC-99"])


@pytest.mark.parametrize(("kind", "direction"), [("V(Q)", "charge"), ("V(Q)", "discharge"), ("dQ/dV", "discharge")])
def test_other_kinds_of_curves(lab: Workspace, kind: str, direction: str) -> None:
    curves = curve_matrix(lab, kind=kind, direction=direction, only="none", whole=False, executor="serial")
    assert curves.values.dtype == np.float32
    if kind == "V(Q)":
        falls = np.diff(curves.complete().values, axis=1).mean(axis=1)
        assert (falls > 0).all() if direction == "charge" else (falls < 0).all()
    else:
        charge = np.trapezoid(np.nan_to_num(curves.values), curves.grid, axis=1)
        assert (charge > 50).all()
        assert (charge <= curves.keys["capacity_mah_g"].to_numpy() + 1).all()


@pytest.mark.slow
def test_blocks_on_disk_memory_and_two_dask_workers_give_one_map(lab: Workspace) -> None:
    grid = np.linspace(3.2, 4.4, 1201)
    on_disk, curves = fit_map(lab, 3, grid=grid, only="none", stored="float64", executor="serial")
    in_memory = StateMap(3).fit(curves.matrix())
    np.testing.assert_allclose(in_memory.components_, on_disk.components_, atol=1e-9)
    np.testing.assert_allclose(np.concatenate(list(curves.blocks())), curves.matrix().values)
    rounded = StateMap(3).fit(curve_matrix(lab, grid=grid, only="none", executor="serial"))  # to 7 digits
    np.testing.assert_allclose(rounded.components_, on_disk.components_, atol=1e-6)
    with open_executor("dask", workers=2) as pool:
        on_dask, there = fit_map(lab, 3, grid=grid, only="none", pool=pool)
    assert there.shape == curves.shape
    assert principal_angles(on_dask.components_, on_disk.components_).max() < 1e-9
    np.testing.assert_allclose(on_dask.explained_variance_, on_disk.explained_variance_, rtol=1e-10)


def _kept(lab: Workspace, cell: str) -> dict[str, Any]:
    made = next(a for a in lab.store.bare_analyses([cell]))
    curves = [t.curve for t in lab.store.tests(cell) if t.key in made.tests]
    electrode = lab.cells[cell].facts.electrode
    return {"steps": made.steps_curve, "curves": curves, "settings": made.settings, "electrode": electrode}


@pytest.mark.parametrize("direction", ["charge", "discharge"])
def test_points_by_the_kept_steps_are_those_of_the_annotated_test(lab: Workspace, direction: Direction) -> None:
    for cell in ("SC-1", "SC-2", "PC-1", "PC-2"):
        said = _kept(lab, cell)
        if len(said["curves"]) > 1:  # several files are joined and taken apart again
            assert keptsteps._by_steps(lab.store, said) is None
            continue
        by_steps, anew = keptsteps._by_steps(lab.store, said), keptsteps._annotated(lab.store, said)
        assert by_steps is not None  # three columns were enough
        (points, cycles), (expected, numbers) = (rows.points(direction, 10.0) for rows in (by_steps, anew))
        np.testing.assert_array_equal(cycles, numbers)
        for name in ("curve", "voltage_v", "capacity", "held"):
            np.testing.assert_array_equal(getattr(points, name), getattr(expected, name))


def test_steps_that_do_not_fit_the_curve_are_not_used(lab: Workspace) -> None:
    said = _kept(lab, "SC-1")
    other = {**said, "steps": _kept(lab, "PC-2")["steps"]}
    assert keptsteps._by_steps(lab.store, other) is None
    steps = lab.store.read_curve(str(said["steps"]))
    off = steps.with_columns(charge_mah=steps["charge_mah"] * (1.0 + 1e-12))
    assert keptsteps._by_steps(lab.store, {**said, "steps": lab.store.put_curve(off)}) is None
    np.testing.assert_array_equal(
        keptsteps.rows_of_run(lab.store, other).passed_ah, keptsteps.rows_of_run(lab.store, said).passed_ah
    )


def test_the_second_time_nothing_is_taken_apart_again_whatever_the_grid(lab: Workspace) -> None:
    first = curve_set(lab, only="none", executor="serial")
    made = [block.path.stat().st_mtime_ns for block in first.blocks_]
    again = curve_set(lab, only="none", grid=np.linspace(3.0, 4.5, 77), stored="float64", executor="serial")
    assert [block.path.stat().st_mtime_ns for block in again.blocks_] == made


def test_figures_of_the_map(lab: Workspace, tmp_path: Path) -> None:
    learned, curves = fit_map(lab, 3, only="none", executor="serial")
    scores = learned.scores(curves.matrix())
    groups = {cell: cell[:2] for cell in scores["cell"].unique().to_list() if cell[:2] in ("SC", "PC")}
    figure = state_map(scores, group=groups, bends={"SC-1": [8]}, shares={"pc1": 0.9})
    told = [t for t in figure.data if "text" in t]  # the others are of the legend
    real = [t for t in told if CELL_KEY in t["text"][0]]
    assert real[0]["marker"]["symbol"] == "diamond"  # measured: filled; of no group
    assert {t["marker"]["symbol"] for t in told if "simulated" in t["text"][0]} == {"circle-open", "square-open"}
    assert any("turns at cycle 8" in t["text"][0] for t in told)
    assert "90 % of the variance" in figure.layout["xaxis"]["title"]["text"]
    assert "simulated" in figure.note
    shapes = loadings(learned.grid_, learned.components_, learned.score_spread_)
    rms = np.sqrt(np.mean(np.square(shapes.data[0]["y"])))
    assert rms == pytest.approx(learned.score_spread_[0], rel=1e-3)
    band = completion(learned.grid_, learned.grid_ < 3.9, learned.mean_, learned.mean_ - 1, learned.mean_ + 1)
    assert band.write_html(tmp_path / "band.html").stat().st_size > 0


def test_figure_of_the_error_map() -> None:
    import polars as pl

    windows = {"start": [0.0, 0.2], "length": [0.1, 0.4], "low": [3.0, 3.3], "high": [3.15, 3.9]}
    figure = error_map(pl.DataFrame({**windows, "hidden_rmse": [5.0, 0.7], "cannot_tell": [1.0, 0.0]}))
    assert [shown["text"] for shown in figure.layout["annotations"]] == ["–", "0.7"]
    assert "1 windows are too poor" in figure.alt

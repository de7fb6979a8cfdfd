"""Models go through arrays and JSON and predict the same, bit for bit; what does not fit is refused."""

from __future__ import annotations

import copy
import json
from typing import Any

import numpy as np
import polars as pl
import pytest

from lirich.errors import CorruptStoreError, InputError, UnknownNameError
from lirich.learn import Completion, CurveMatrix, Drivers, Factors, Forecast, Outliers, ProbabilisticMap, StateMap
from lirich.learn.saved import MODELS, PARTS, describe, restore
from lirich.store.modelfile import ModelContent, pack, unpack

CELLS, CYCLES, POINTS = 24, 8, 61


def cohort(seed: int = 0) -> CurveMatrix:
    """Curves of two smooth factors that grow with the cycle, and noise."""
    rng = np.random.default_rng(seed)
    grid = np.linspace(3.0, 4.5, POINTS)
    rise = 1.0 / (1.0 + np.exp(-(grid - 3.8) / 0.12))
    cell = np.repeat(np.arange(CELLS), CYCLES)
    cycle = np.tile(np.arange(10, 10 + CYCLES), CELLS)
    a = rng.normal(size=CELLS)[cell] * 6 + 0.8 * (cycle - 10)
    b = rng.normal(size=CELLS)[cell] * 3 + 0.3 * (cycle - 10)
    values = 200 * rise - np.outer(a, rise) + np.outer(b, np.exp(-(((grid - 3.5) / 0.2) ** 2)))
    values += rng.normal(size=values.shape) * 0.2
    keys = pl.DataFrame(
        {"cell": [f"C{i}" for i in cell], "cycle": cycle, "origin": ["simulated"] * len(cell), "capacity": -a + 200.0}
    )
    return CurveMatrix(values, grid, keys)


CURVES = cohort()
NEW = cohort(seed=1)


def window(curves: CurveMatrix) -> CurveMatrix:
    values = np.array(curves.values)
    values[:, curves.grid > 3.9] = np.nan
    return CurveMatrix(values, curves.grid, curves.keys)


def per_cycle(curves: CurveMatrix) -> pl.DataFrame:
    return curves.keys.select("cell", "cycle", "capacity")


def samples() -> pl.DataFrame:
    rng = np.random.default_rng(0)
    size = rng.normal(size=14)
    return pl.DataFrame(
        {"sample": [f"S{i}" for i in range(14)], "size": size, "figure": 3 * size + rng.normal(size=14)}
    )


Fitted = dict[str, tuple[Any, Any]]


@pytest.fixture(scope="module")
def fitted() -> Fitted:
    """Every kind of model, fitted, and how to ask it."""
    learned = StateMap(3).fit(CURVES)
    states = CURVES.keys.select("capacity")
    cells, cycles = CURVES.keys["cell"].to_list(), CURVES.keys["cycle"].to_list()
    early = per_cycle(CURVES)
    return {
        "state-map": (learned, lambda m: [m.transform(NEW), m.scores(NEW)]),
        "probabilistic-map": (ProbabilisticMap(3).fit(CURVES), lambda m: list(m.complete(window(NEW)))),
        "completion": (
            Completion(6).fit(CURVES),
            lambda m: [
                *(lambda c: (c.curves, c.low, c.high, c.doubt))(m.predict(window(NEW))),
                m.error_map((0.2,), (0.4,)),
            ],
        ),
        "factors": (
            Factors().fit(learned.transform(CURVES), states, cells),
            lambda m: [m.predict(learned.transform(NEW))],
        ),
        "forecast": (
            Forecast("capacity", first_cycles=14, horizons=[16, 17]).fit(early),
            lambda m: [m.predict(per_cycle(NEW)), m.skill_],
        ),
        "outliers": (
            Outliers(components=4).fit(np.asarray(CURVES.values), cells, cycles),
            lambda m: (lambda j: [j.cells, j.curves])(m.judge(np.asarray(NEW.values), cells, cycles)),
        ),
        "drivers": (Drivers("figure", ["size"]).fit(samples()), lambda m: [m.models_, m.importances_]),
    }


def same(a: Any, b: Any) -> bool:
    if isinstance(a, pl.DataFrame):
        return a.equals(b) and a.schema == b.schema
    return np.array_equal(a, b, equal_nan=True)


@pytest.mark.parametrize("kind", MODELS)
def test_a_model_predicts_the_same_after_the_round_trip_through_a_file(fitted: Fitted, kind: str) -> None:
    model, ask = fitted[kind]
    saved = describe(model)
    assert saved.kind == kind
    data = pack(ModelContent(saved.kind, saved.arrays, saved.description))
    content = unpack(data)
    back = restore(content.kind, content.arrays, content.description)
    assert type(back) is type(model)
    assert all(same(a, b) for a, b in zip(ask(model), ask(back), strict=True))
    again = describe(back)
    assert pack(ModelContent(again.kind, again.arrays, again.description)) == data


def attributes(made: object) -> set[str]:
    return {*vars(made)} if hasattr(made, "__dict__") else set(type(made).__slots__)  # type: ignore[attr-defined]


def test_the_layout_of_every_kind_and_part_names_every_attribute(fitted: Fitted) -> None:
    found: dict[type, object] = {}

    def walk(thing: object) -> None:
        if isinstance(thing, dict):
            thing = list(thing.values())
        if isinstance(thing, (list, tuple)):
            for each in thing:
                walk(each)
        elif type(thing) in {layout.kind for layout in (*MODELS.values(), *PARTS)} and type(thing) not in found:
            found[type(thing)] = thing
            for name in attributes(thing):
                walk(getattr(thing, name))

    walk([model for model, _ in fitted.values()])
    for layout in (*MODELS.values(), *PARTS):
        assert attributes(found[layout.kind]) == set(layout.fields), layout.kind.__name__


def test_what_is_no_model_is_refused() -> None:
    with pytest.raises(InputError, match="fit first"):
        describe(StateMap(3))
    with pytest.raises(InputError, match="dict is no model"):
        describe({})
    with pytest.raises(UnknownNameError, match="state-map"):
        restore("state_map", {}, {})


@pytest.mark.parametrize("kind", MODELS)
def test_what_lacks_a_part_or_has_another_shape_is_refused(fitted: Fitted, kind: str) -> None:
    saved = describe(fitted[kind][0])
    for name, array in saved.arrays.items():
        others = {n: a for n, a in saved.arrays.items() if n != name}
        with pytest.raises(CorruptStoreError, match="array is missing"):
            restore(kind, others, saved.description)
        with pytest.raises(CorruptStoreError, match="an array of shape"):
            restore(kind, {**others, name: array[None]}, saved.description)
        if array.dtype.kind == "f" and array.size:
            spoiled = np.array(array)
            spoiled.flat[0] = np.nan
            with pytest.raises(CorruptStoreError, match="missing or infinite"):
                restore(kind, {**others, name: spoiled}, saved.description)
        if len(saved.arrays) > 40:
            break  # of hundreds of ridges one is like the other
    for name in saved.description:
        with pytest.raises(CorruptStoreError, match="lacks"):
            restore(kind, saved.arrays, {n: v for n, v in saved.description.items() if n != name})
        for nonsense in ({"array": "__class__"}, "rm -rf", None, [[1, 2, 3]]):
            if saved.description[name] == nonsense:
                continue
            told = {**copy.deepcopy(dict(saved.description)), name: nonsense}
            try:
                made = restore(kind, saved.arrays, told)
            except CorruptStoreError:
                continue
            assert isinstance(getattr(made, name), (str, list, tuple)), (name, nonsense)  # a text for a text
    with pytest.raises(CorruptStoreError, match="belong nowhere"):
        restore(kind, {**saved.arrays, "extra": np.zeros(2)}, saved.description)


def test_arrays_that_do_not_fit_each_other_are_refused(fitted: Fitted) -> None:
    saved = describe(fitted["completion"][0])
    told = json.loads(json.dumps(saved.description))
    name = told["model_"]["mean"]["array"]
    shorter = {**saved.arrays, name: saved.arrays[name][:-1]}
    with pytest.raises(CorruptStoreError, match=r"completion\.model_\.mean.*where m is 61"):
        restore("completion", shorter, told)

"""Phases over compositions: whole cells, equal atoms, borders found where they were put, no answer near them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

pytest.importorskip("pymatgen", reason="needs the extra [atoms]")
pytest.importorskip("chgnet", reason="needs the extra [atoms]")

from lirich.atoms.composition_space import (
    COMPOSITION_FEATURES,
    CompositionSpace,
    Point,
    composition_features,
    spread_out,
)
from lirich.atoms.plan import Job, run_here
from lirich.atoms.preference import PhaseEnergies, PhaseMap, phase_energies
from lirich.atoms.relax import RelaxationSettings
from lirich.errors import CalculatorError, CompositionError, NotEnoughDataError, StructureError
from lirich.model import Composition

SPACE = CompositionSpace()


def test_points_fill_a_cell_of_48_atoms_and_mix_li_rich_oxides() -> None:
    points = SPACE.points()
    assert len(points) == 19
    for point in points:
        amounts = np.array([12 * n for n in point.composition.amounts.values()])
        assert amounts == pytest.approx(amounts.round())
        assert sum(point.composition.amounts.values()) == pytest.approx(4.0)
    # Li1.2Mn0.54Ni0.13Co0.13O2 lies in the triangle: 0.61 Li2MnO3 · 0.26 LiNi0.5Mn0.5O2 · 0.13 LiCoO2.
    near = SPACE.at([0.61, 0.26, 0.13]).composition.amounts
    for element, n in Composition.parse("Li1.2Mn0.54Ni0.13Co0.13O2").amounts.items():
        assert near[element] == pytest.approx(n, abs=0.005)


def test_the_first_points_are_the_corners() -> None:
    first = spread_out(SPACE.points(), 3)
    assert sorted(p.shares for p in first) == [(0.0, 0.0, 1.0), (0.0, 1.0, 0.0), (1.0, 0.0, 0.0)]
    assert len(spread_out(SPACE.points(), 100)) == 19
    (fourth,) = spread_out(SPACE.points(), 1, known=first)
    assert max(fourth.shares) < 0.6


def test_features_of_lithium_manganese_oxide_by_shannon() -> None:
    found = dict(zip(COMPOSITION_FEATURES, composition_features(Composition.parse("Li2MnO3")), strict=True))
    assert found["metal_radius_a"] == pytest.approx(0.53)  # Mn4+, six-fold
    assert (found["metal_charge"], found["lithium_per_metal"], found["manganese_share"]) == (4.0, 2.0, 1.0)
    mixed = dict(zip(COMPOSITION_FEATURES, composition_features(Composition.parse("LiNi0.5Mn0.5O2")), strict=True))
    assert mixed["metal_radius_a"] == pytest.approx((0.69 + 0.53) / 2)  # Ni2+ and Mn4+
    assert mixed["metal_charge_spread"] == pytest.approx(1.0)


def test_what_is_no_such_oxide_is_refused() -> None:
    with pytest.raises(CompositionError, match="cations to"):
        CompositionSpace(("LiMn2O4", "LiCoO2")).grid(2)
    with pytest.raises(CompositionError, match="Shares"):
        SPACE.at([0.5, 0.6, 0.2])


def relaxed_as_built(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Stand in for the potential: −5 eV per atom, rock salt 0.1 eV higher, spinel 0.02 eV lower."""
    from pymatgen.core.structure import Structure

    from lirich.atoms.endstates import EndState
    from lirich.atoms.relax import Relaxation

    structure = Structure.from_dict(parameters["structure"])
    layers = structure.site_properties.get("layer")
    metal_below = layers is not None and any(
        site.specie.symbol == "Co" and layer == "Li" for site, layer in zip(structure, layers, strict=True)
    )
    energy = -5.02 if layers is None else -4.9 if metal_below else -5.0
    return Relaxation(
        energy_ev=energy * len(structure), structure=parameters["structure"], converged=True, steps=0, force_calls=1,
        force_max_ev_a=0.0, end=EndState(kind="as built"), calculator="made", version="1", seconds=0.0,
    ).model_dump(mode="json")  # fmt: skip


def test_the_three_phases_have_the_same_atoms_and_their_energies_are_told_apart() -> None:
    def on(plan: Any) -> PhaseEnergies:
        jobs: list[Job] = next(plan)
        compositions = {tuple(sorted(_amounts(job).items())) for job in jobs}
        assert len(compositions) == 1
        with pytest.raises(StopIteration) as end:
            plan.send([relaxed_as_built(job.parameters) for job in jobs])
        found: PhaseEnergies = end.value.value
        return found

    found = on(phase_energies("LiCoO2", RelaxationSettings(), seeds=1))
    assert found.over_layered_mev_atom("spinel")[0] == pytest.approx(-20.0)
    assert found.over_layered_mev_atom("rock salt")[0] == pytest.approx(100.0)
    assert found.rounding == {}
    rounded = on(phase_energies("Li1.2Mn0.54Ni0.13Co0.13O2", RelaxationSettings(), seeds=1))
    assert rounded.rounding["Li"] == pytest.approx(rounded.amounts["Li"] - 1.2, abs=1e-6)


def _amounts(job: Job) -> dict[str, float]:
    from pymatgen.core.structure import Structure

    return dict(Structure.from_dict(job.parameters["structure"]).composition.fractional_composition.get_el_amt_dict())


def refuse(parameters: Mapping[str, Any]) -> dict[str, Any]:
    raise CalculatorError("NaN")


def test_cells_that_do_not_compare_or_do_not_relax_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    import lirich.atoms.preference as module

    monkeypatch.setattr(module, "relaxation_job", lambda cell, settings, label: Job(refuse, {}, label))
    with pytest.raises(CalculatorError, match="layered and spinel and rock salt relaxed: layered 0: NaN"):
        run_here(phase_energies("LiCoO2", RelaxationSettings(), atoms=12, seeds=1))
    monkeypatch.setattr(module, "as_phase", lambda *_, **__: module.ordered("Li2MnO3", atoms=12, seeds=1)[0].structure)
    with pytest.raises(StructureError, match="Take cells of 48 atoms"):
        run_here(phase_energies("LiCoO2", RelaxationSettings(), atoms=12, seeds=1))


def made(points: list[Point], border: float) -> list[PhaseEnergies]:
    """Energies of a truth: spinel crosses layered where the share of LiCoO2 is *border*; rock salt lies far above."""
    return [
        PhaseEnergies(
            formula=p.composition.formula, asked=p.composition.formula, amounts=p.composition.amounts, atoms=48,
            rounding={}, calculator="made", version="1",
            energies_ev_atom={
                "layered": (-5.0,), "spinel": (-5.0 + 0.05 * (border - p.shares[2]),), "rock salt": (-4.9, -4.896)
            },
        )
        for p in points
    ]  # fmt: skip


def test_a_border_is_found_where_it_was_put_and_near_it_nothing_is_claimed() -> None:
    learned = PhaseMap().fit(made(SPACE.points(), border=0.5))
    assert learned.left_out_["spinel"].skill > 0.9
    grid = SPACE.grid(12)
    for point, answer in zip(grid, learned.predict([p.composition for p in grid]), strict=True):
        right = "spinel" if point.shares[2] > 0.5 else "layered"
        assert answer.phase in (right, None)
        if abs(point.shares[2] - 0.5) > 0.3:
            assert answer.phase == right
    scores = learned.next_to_compute([p.composition for p in grid])
    assert abs(grid[int(scores.argmax())].shares[2] - 0.5) < 0.2


def test_rock_salt_stands_with_its_mean_and_its_standard_error() -> None:
    (found,) = made([SPACE.at([0, 0, 1])], 0.5)
    value, deviation = found.over_layered_mev_atom("rock salt")
    assert value == pytest.approx(102.0)
    assert deviation == pytest.approx(2.0)


def test_too_few_compositions_are_no_map() -> None:
    with pytest.raises(NotEnoughDataError):
        PhaseMap().fit([])
    with pytest.raises(NotEnoughDataError):
        PhaseMap().fit(made(SPACE.points()[:4], 0.5))

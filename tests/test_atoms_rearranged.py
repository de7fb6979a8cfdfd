"""A dopant on other sites: the same ions, each time on another kind of place, and what its energies tell."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("chgnet", reason="needs the extra [atoms]")

import numpy as np
from pymatgen.core.structure import Structure

from lirich.atoms.arrangement import Arrangement, arranged
from lirich.atoms.calculators import _OFFERED, offer
from lirich.atoms.descriptors.preference import SITE
from lirich.atoms.dopants import Dopant, Variant, variants
from lirich.atoms.evaluation import Evaluation
from lirich.atoms.ordering import ordered
from lirich.atoms.rearranged import Elsewhere, elsewhere
from lirich.screening.sites import site_preferences
from lirich.workbench.screening.screen import make_screen, outlook, run_screen


@pytest.fixture(scope="module")
def host() -> Arrangement:
    return arranged(ordered("Li1.2Mn0.6Ni0.2O2", atoms=60, seeds=1)[0].structure, tetrahedral=True)


def made(host: Arrangement, dopant: Dopant, place: int) -> Variant:
    return variants(host, [dopant], [place])[0]


def moved(variant: Variant) -> dict[str, Elsewhere]:
    return {each.where: each for each in elsewhere(arranged(variant.structure, tetrahedral=True))}


def of(structure: Structure, element: str) -> list[str]:
    layers = structure.site_properties["layer"]
    return [layer for site, layer in zip(structure, layers, strict=True) if site.specie.symbol == element]


def test_a_metal_goes_to_the_lithium_layer_a_lithium_of_its_own_and_a_tetrahedron(host: Arrangement) -> None:
    start = made(host, Dopant(element="Ti", charge=4), host.holding("Mn")[0])
    found = moved(start)
    assert set(found) == {"Ti in the Li layer", "Ti on a Li place of the TM layer", "Ti tetrahedral"}
    for each in found.values():
        assert each.structure.composition == start.structure.composition
        assert of(each.structure, "Ti") == [each.layer]
        assert each.structure[each.atom].specie.symbol == "Ti"
        assert Counter(each.structure.site_properties["charge"]) == Counter(start.structure.site_properties["charge"])


def test_sodium_of_the_lithium_layer_changes_places_with_an_ion_of_the_metal_layer(host: Arrangement) -> None:
    start = made(host, Dopant(element="Na", charge=1, place="Li"), host.holding("Li", layer="Li")[0])
    found = moved(start)
    assert set(found) == {"Na in the TM layer", "Na tetrahedral"}
    # Li+ is the ion of its charge in the metal layer: no other exchange has a lower Ewald energy
    other = found["Na in the TM layer"].structure
    assert of(other, "Mn") == ["TM"] * 9
    assert of(other, "Na") == ["TM"]


def test_boron_between_the_anions_goes_into_both_layers(host: Arrangement) -> None:
    start = made(host, Dopant(element="B", charge=3, place="tetrahedral"), host.holding("", layer="tetrahedral")[0])
    assert set(moved(start)) == {"B in the Li layer", "B in the TM layer"}


def test_fluorine_is_tried_beside_other_cations(host: Arrangement) -> None:
    start = made(host, Dopant(element="F", charge=-1, place="O"), host.holding("O")[0])
    found = moved(start)
    assert found
    assert all(where.startswith("F beside ") and each.layer == "O" for where, each in found.items())
    assert all(each.structure.composition == start.structure.composition for each in found.values())


def test_each_dopant_of_a_set_is_moved_once(host: Arrangement) -> None:
    pair = [Dopant(element="Na", charge=1, place="Li"), Dopant(element="W", charge=6)]
    start = variants(host, pair, [host.holding("Li", layer="Li")[0]])[0]
    assert Counter(where.split()[0] for where in moved(start)) == {"Na": 2, "W": 3}


LITHIUM_LAYER_EV = {"Mg": -0.3, "Zn": -0.3, "Cu": 0.4, "Nb": 0.8}


class Layered:
    """Energies of a truth: a dopant in the lithium layer costs or gains so much, between the anions 2 eV; no forces."""

    name = "layered-truth"
    version = "1"

    def evaluate(self, structure: Structure, *, stress: bool = False, moments: bool = False) -> Evaluation:
        layers = structure.site_properties.get("layer") or [""] * len(structure)
        energy = -5.0 * len(structure)
        for site, layer in zip(structure, layers, strict=True):
            if layer == "Li":
                energy += LITHIUM_LAYER_EV.get(site.specie.symbol, 0.0)
            elif layer == "tetrahedral" and site.specie.symbol != "Li":
                energy += 2.0
        return Evaluation(energy, np.zeros((len(structure), 3)), np.zeros((3, 3)) if stress else None, None)


@pytest.fixture
def truth() -> Iterator[None]:
    offer(Layered())
    yield
    del _OFFERED["layered-truth"]


def study(dopants: list[Any]) -> Any:
    return make_screen(
        {
            "host": {"formula": "Li1.2Mn0.6Ni0.2O2", "atoms": 60, "orderings": 2},
            "calculators": ["layered-truth"],
            "dopants": dopants,
            "descriptors": [SITE],
            "weights": {SITE: 1},
        }
    )


def test_the_preference_of_a_set_is_the_one_that_was_put_in(truth: None) -> None:
    result = run_screen(study([["Mg", "Zn", "Cu", "Nb"]]), executor="serial")
    found = {each.where: each for each in site_preferences(result.judged)}
    assert len(found) == 12
    for element, energy in LITHIUM_LAYER_EV.items():
        each = found[f"{element} in the Li layer"]
        assert each.estimate is not None
        assert each.estimate.value == pytest.approx(energy, abs=1e-6)
        assert each.estimate.count == 2  # one of each ordering
        assert each.verdict == ("at home where it was put" if energy > 0 else "rather there")
    # of the candidate it is the site that it goes to first
    assert result.judged.candidates[0].figures[SITE].value == pytest.approx(-0.3, abs=1e-6)


def test_every_kind_of_site_is_computed_to_its_end(truth: None) -> None:
    dopants = [
        {"element": "B", "sites": ["tetrahedral"]},
        {"element": "Mg", "sites": ["TM", "Li"]},
        "F",
        ["Al", "F"],
        ["Na", "W"],
    ]
    result = run_screen(study(dopants), executor="serial")
    assert [t.failures for t in result.judged.screened.tried] == [()] * 6
    found = {(each.candidate, each.where): each for each in site_preferences(result.judged)}
    assert found["B", "B in the Li layer"].estimate.value == pytest.approx(-2.0, abs=1e-6)  # type: ignore[union-attr]
    assert found["Mg in the Li layer", "Mg in the TM layer"].estimate.value == pytest.approx(0.3, abs=1e-6)  # type: ignore[union-attr]
    assert found["Mg in the TM layer", "Mg in the Li layer"].estimate.value == pytest.approx(-0.3, abs=1e-6)  # type: ignore[union-attr]
    assert any(where.startswith("F beside ") for candidate, where in found if candidate == "F")
    assert {where.split()[0] for candidate, where in found if candidate == "Na+W"} == {"Na", "W"}


def test_a_dopant_that_does_not_stay_has_no_energy_there(host: Arrangement) -> None:
    """Ti4+ between four oxygens slides home, and its energy is that of home: no energy of that site."""
    from lirich.atoms.descriptors.preference import site_preference
    from lirich.atoms.endstates import EndState, Move
    from lirich.atoms.plan import Job
    from lirich.atoms.relax import Relaxation, RelaxationSettings

    start = made(host, Dopant(element="Ti", charge=4), host.holding("Mn")[0]).structure

    def relaxation(structure: Structure, energy: float, moved: tuple[Move, ...] = ()) -> Relaxation:
        return Relaxation(
            energy_ev=energy, structure=structure.as_dict(), converged=True, steps=1, force_calls=1, force_max_ev_a=0.0,
            end=EndState(kind="other basin" if moved else "as built", moved=moved), calculator="made", version="1",
            seconds=0.0,
        )  # fmt: skip

    plan = site_preference(start, relaxation(start, -300.0), RelaxationSettings())
    jobs: list[Job] = next(plan)
    outcomes = []
    for job in jobs:
        cell = Structure.from_dict(job.parameters["structure"])
        (atom,) = [i for i, site in enumerate(cell) if site.specie.symbol == "Ti"]
        slides = (Move(atom=atom, element="Ti", distance_a=1.7),) if job.label == "Ti tetrahedral" else ()
        outcomes.append(relaxation(cell, -300.0 if slides else -299.0, slides).model_dump(mode="json"))
    with pytest.raises(StopIteration) as end:
        plan.send(outcomes)
    found = {each.where: each for each in end.value.value}
    assert found["Ti tetrahedral"].value is None
    assert found["Ti tetrahedral"].why == "Ti does not stay there: it moved 1.7 Å"
    assert found["Ti in the Li layer"].value == pytest.approx(1.0)


def test_the_report_shows_one_dopant_on_several_sites(truth: None) -> None:
    from lirich.reports.screening import screening_report

    result = run_screen(study([["Mg", "Nb"]]), executor="serial")
    text = screening_report(result)
    assert "Mg in the Li layer" in text
    assert "rather there" in text
    said = [each for each in result.to_dict()["sites"] if each["verdict"] == "rather there"]
    assert [each["where"] for each in said] == ["Mg in the Li layer"]
    assert "at home where it was put" in text


def test_a_set_of_the_surface_is_neutral_as_asked() -> None:
    (found,) = outlook(
        make_screen(
            {
                "host": {"formula": "Li1.2Mn0.6Ni0.2O2", "atoms": 60, "orderings": 1},
                "dopants": [["Mg", "Zn", "Cu", "Nb"]],
                "weights": {SITE: 1},
            }
        )
    )
    assert found.failures == ()
    # Mg2+, Zn2+, Cu2+ and Nb5+ for four Mn4+ lack five charges: Ni2+ gives two each
    assert found.compensations == ("Ni²⁺ → Ni³⁺ + 2 × Ni²⁺ → Ni⁴⁺",)

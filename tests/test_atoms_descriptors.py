"""Descriptors against a potential whose every number is known, and against published crystals."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from pymatgen.analysis.phase_diagram import PDEntry, PhaseDiagram
from pymatgen.core.composition import Composition
from pymatgen.core.lattice import Lattice
from pymatgen.core.structure import Structure

from lirich.atoms.arrangement import Arrangement, arrangement_of
from lirich.atoms.calculators import _OFFERED, offer
from lirich.atoms.descriptors import dimers, hops, hull, migration, mismatch, preference, strain, vacancy, voltage
from lirich.atoms.descriptors.candidate import OFFERED, CandidateResult, CandidateSettings, candidate_plan
from lirich.atoms.descriptors.charged import charged_cells, following, same_places
from lirich.atoms.descriptors.competitors import COMPETITORS
from lirich.atoms.descriptors.computed import Computed, difference, fallen_back
from lirich.atoms.descriptors.spread import paired, spread, spread_by_ordering
from lirich.atoms.dopants import Dopant, Variant, variants
from lirich.atoms.endstates import anion_counts
from lirich.atoms.evaluation import Evaluation
from lirich.atoms.hosts import HOSTS
from lirich.atoms.ordering import ewald_matrix, ordered
from lirich.atoms.plan import Job, Plan, run_here
from lirich.atoms.relax import RelaxationSettings, relaxation_job, relaxed
from lirich.atoms.weights import OXYGEN_EV
from lirich.errors import CalculatorError, InputError, LirichError, NotEnoughDataError
from lirich.model import content_hash
from lirich.quantities import QUANTITIES
from lirich.screening.screened import PER_METAL, Reading

BOND_EV, PAIR_EV, IN_OXIDE_EV = -1.0, 2.5, -3.9


class Additive:
    """Energies per atom, no forces. A W-O bond adds −1 eV, an oxygen pair within 1.6 Å 2.5 eV, Li in an oxide −3.9."""

    name = "additive"
    version = "1"
    oxygen_ev = OXYGEN_EV

    def evaluate(self, structure: Structure, *, stress: bool = False, moments: bool = False) -> Evaluation:
        symbols = [site.specie.symbol for site in structure]
        if "Ti" in symbols and symbols.count("Li") < 12:
            raise CalculatorError("no answer for charged titanium")
        energy = OXYGEN_EV * symbols.count("O") - 2.0 * (len(symbols) - symbols.count("O"))
        if "O" in symbols:
            energy += IN_OXIDE_EV * symbols.count("Li")
            first, second, _, distance = structure.get_neighbor_list(2.6)
            for i, j, d in zip(first, second, distance, strict=True):
                if symbols[i] == "W" and symbols[j] == "O":
                    energy += BOND_EV
                if symbols[i] == symbols[j] == "O" and d < 1.6:
                    energy += PAIR_EV / 2
        count = len(structure)
        return Evaluation(energy, np.zeros((count, 3)), np.zeros((3, 3)) if stress else None, None)


SETTINGS = CandidateSettings(
    relaxation=RelaxationSettings(calculator="additive"), wanted=OFFERED, oxygen_sites=1, arrangements=1
)


@pytest.fixture(scope="module", autouse=True)
def additive() -> Iterator[None]:
    offer(Additive())
    yield
    del _OFFERED["additive"]


@pytest.fixture(scope="module")
def host() -> Arrangement:
    crystal = ordered("Li1.2Mn0.6Ni0.2O2", atoms=60, seeds=1)[0].structure
    return arrangement_of(crystal, ewald_matrix(crystal))


def doped(host: Arrangement, element: str, charge: int) -> Variant:
    return variants(host, [Dopant(element=element, charge=charge)], host.holding("Mn")[:1], kinds=("redox",))[0]


def recorded(plan: Plan[Any]) -> tuple[Any, list[Job]]:
    """Run a plan; return its result and all jobs that it asked for."""
    asked: list[Job] = []
    outcomes: dict[str, Any] = {}
    try:
        jobs = next(plan)
        while True:
            asked += jobs
            for job in jobs:
                key = content_hash(dict(job.parameters))
                if key not in outcomes:
                    try:
                        outcomes[key] = job.task(job.parameters)
                    except LirichError as error:
                        outcomes[key] = error
            jobs = plan.send([outcomes[content_hash(dict(job.parameters))] for job in jobs])
    except StopIteration as end:
        return end.value, asked


@pytest.fixture(scope="module")
def tungsten(host: Arrangement) -> tuple[CandidateResult, list[Job]]:
    left_out = {migration.MIGRATION_BARRIER, preference.SPINEL, preference.ROCK_SALT}
    wanted = tuple(q for q in OFFERED if q not in left_out)
    settings = SETTINGS.model_copy(update={"wanted": wanted})
    result, jobs = recorded(candidate_plan(host.structure(), doped(host, "W", 6).structure, settings))
    assert isinstance(result, CandidateResult)
    return result, jobs


def only(found: list[Computed], **what: object) -> Computed:
    (one,) = [each for each in found if all(getattr(each, k) == v for k, v in what.items())]
    return one


def test_all_distinct_oxygens_near_and_far_are_taken_out_where_the_study_asks_for_them(host: Arrangement) -> None:
    settings = SETTINGS.model_copy(
        update={
            "wanted": (vacancy.VACANCY, vacancy.CHANGE),
            "lithium_removed": (0.0,),
            "oxygen_sites": 20,
            "far_oxygen_sites": 20,
        }
    )
    cell = doped(host, "W", 6).structure
    there = vacancy.oxygen_sites(cell, [i for i, site in enumerate(cell) if site.specie.symbol == "W"])
    result, _ = recorded(candidate_plan(host.structure(), cell, settings))
    for region in ("near", "far"):
        names = [site.name for site in there if site.region == region]
        assert len(names) > 1
        assert sorted(each.where for each in result.of(vacancy.CHANGE) if each.region == region) == sorted(names)
    assert all(
        each.value == pytest.approx(-BOND_EV if each.region == "near" else 0.0, abs=1e-6)
        for each in result.of(vacancy.CHANGE)
    )
    none = settings.model_copy(update={"far_oxygen_sites": 0})
    result, _ = recorded(candidate_plan(host.structure(), cell, none))
    assert {each.region for each in result.of(vacancy.CHANGE)} == {"near"}


def test_every_number_is_of_a_quantity_of_the_vocabulary() -> None:
    assert set(OFFERED) <= set(QUANTITIES)


def test_an_oxygen_bonded_to_the_dopant_costs_its_bond_more_and_a_far_one_nothing(
    tungsten: tuple[CandidateResult, list[Job]],
) -> None:
    result, _ = tungsten
    for share in (0.0, 0.5):
        near = only(result.of(vacancy.CHANGE), region="near", lithium_removed=share)
        far = only(result.of(vacancy.CHANGE), region="far", lithium_removed=share)
        assert near.value == pytest.approx(-BOND_EV, abs=1e-6)
        assert far.value == pytest.approx(0.0, abs=1e-6)
        assert "next to W" in near.where
        # an oxygen of this potential is worth just the reference
        assert only(result.of(vacancy.VACANCY), region="far", lithium_removed=share).value == pytest.approx(0, abs=1e-6)


def test_the_voltage_is_what_lithium_is_worth_in_the_oxide(tungsten: tuple[CandidateResult, list[Job]]) -> None:
    result, _ = tungsten
    found = only(result.of(voltage.VOLTAGE))
    assert found.value == pytest.approx(-IN_OXIDE_EV, abs=1e-6)
    assert found.where == "0 to 50 % of the lithium out"


def test_a_crystal_that_keeps_its_cell_has_no_strain(tungsten: tuple[CandidateResult, list[Job]]) -> None:
    result, _ = tungsten
    assert only(result.of(strain.STRAIN)).value == pytest.approx(0.0, abs=1e-5)
    assert only(result.of(strain.VOLUME)).value == pytest.approx(0.0, abs=1e-5)
    spacings = {f.lithium_removed: f.value for f in result.of(strain.SPACING)}
    assert spacings[0.0] == pytest.approx(spacings[0.5])
    assert 0.46 < (spacings[0.0] or 0) < 0.49  # measured 0.474 nm: Li2MnO3 and LiNiO2


def test_an_oxygen_pair_costs_what_the_potential_says(tungsten: tuple[CandidateResult, list[Job]]) -> None:
    result, _ = tungsten
    (pairing,) = [f for f in result.figures if f.quantity == dimers.PAIRING]
    assert pairing.value == pytest.approx(PAIR_EV, abs=0.01)
    assert "upper bound" in pairing.doubts[0]


def test_dissolving_costs_nothing_where_the_bonds_are_as_many(tungsten: tuple[CandidateResult, list[Job]]) -> None:
    """W has six bonds in Li4WO5 and in the layered oxide (four in Li2WO4): all else is additive and cancels."""
    result, _ = tungsten
    solution = only(result.of(hull.SOLUTION))
    assert solution.value == pytest.approx(0.0, abs=1e-4)
    assert only(result.of(hull.ABOVE_HULL)).value == pytest.approx(0.0, abs=0.01)
    left, right = solution.where.split(" → ")
    assert _atoms(left) == pytest.approx(_atoms(right), abs=1e-3)
    assert "Li4WO5" in left


def _atoms(side: str) -> dict[str, float]:
    total: dict[str, float] = {}
    for term in side.split(" + "):
        number, _, formula = term.rpartition(" ")
        for element, n in Composition(formula).items():
            total[str(element)] = total.get(str(element), 0.0) + float(number or 1) * n
    return total


def test_metals_stay_where_they_are_put_and_cost_nothing(tungsten: tuple[CandidateResult, list[Job]]) -> None:
    result, _ = tungsten
    found = result.of(migration.MIGRATION)
    assert {f.where.split(",")[0] for f in found} >= {
        "Mn in a tetrahedron of the Li layer",
        "Mn in an octahedron of the Li layer",
    }
    assert all(f.value == pytest.approx(0.0, abs=1e-6) for f in found)


def test_a_path_through_the_anions_has_no_barrier(tungsten: tuple[CandidateResult, list[Job]]) -> None:
    """Without forces the half-way lithium stays in the edge of two oxygens, nearer than any bond."""
    result, _ = tungsten
    (hop,) = [f for f in result.figures if f.quantity == hops.HOP]
    assert hop.value is None
    assert "collapsed" in hop.why


def test_candidates_on_one_place_ask_for_the_same_jobs_of_their_host(
    host: Arrangement, tungsten: tuple[CandidateResult, list[Job]]
) -> None:
    wanted = (vacancy.VACANCY, vacancy.CHANGE, migration.MIGRATION)
    settings = SETTINGS.model_copy(update={"wanted": wanted, "migrating": ("Mn",)})

    def of_host(element: str, charge: int) -> set[str]:
        _, jobs = recorded(candidate_plan(host.structure(), doped(host, element, charge).structure, settings))
        return {
            content_hash(dict(job.parameters))
            for job in jobs
            if element not in Structure.from_dict(job.parameters["structure"]).symbol_set
        }

    first, second = of_host("W", 6), of_host("Nb", 5)
    assert first == second
    assert len(first) >= 6  # the cell, the charged one, two oxygens in each state


def test_what_fails_is_a_figure_without_value_that_says_why(host: Arrangement) -> None:
    settings = SETTINGS.model_copy(update={"wanted": (vacancy.VACANCY, voltage.VOLTAGE)})
    variant = variants(host, [Dopant(element="Ti", charge=4)], host.holding("Mn")[:1])[0]
    result = run_here(candidate_plan(host.structure(), variant.structure, settings))
    assert [f.lithium_removed for f in result.of(vacancy.VACANCY)] == [0.0, 0.0]
    assert not result.of(voltage.VOLTAGE)
    lost = [f for f in result.figures if f.value is None]
    assert lost
    assert all("no answer for charged titanium" in f.why for f in lost)


def test_a_host_alone_has_numbers_and_no_differences(host: Arrangement) -> None:
    settings = SETTINGS.model_copy(update={"wanted": (vacancy.VACANCY, vacancy.CHANGE), "lithium_removed": (0.0,)})
    result = run_here(candidate_plan(host.structure(), None, settings))
    assert len(result.of(vacancy.VACANCY)) == 1
    assert not result.of(vacancy.CHANGE)
    assert result.notes[-1] == "pre-filter, not DFT"


def test_phases_of_the_same_atoms_are_alike_where_only_atoms_count(host: Arrangement) -> None:
    """Without forces nothing but the composition has an energy: equal per atom, in cells of 60 and of 80 atoms."""
    crystal = host.structure()
    job = relaxation_job(crystal, SETTINGS.relaxation)
    layered = relaxed(job.task(job.parameters))
    found = run_here(preference.phase_preference(crystal, layered, SETTINGS.relaxation))
    assert {f.quantity: f.where for f in found} == {
        preference.SPINEL: "80 atoms, seed 0",
        preference.ROCK_SALT: "60 atoms, seed 0",
    }
    assert all(f.value == pytest.approx(0.0, abs=1e-6) for f in found)


def test_the_same_lithium_leaves_the_doped_cell_and_its_host(host: Arrangement) -> None:
    crystal = host.structure()
    job = relaxation_job(crystal, SETTINGS.relaxation)
    rich = relaxed(job.task(job.parameters))
    pair = run_here(charged_cells(rich, 0.5, SETTINGS.relaxation, arrangements=1))
    removed = pair.following.removed
    assert len(removed) == 9
    assert following(crystal, removed, 9) == removed
    assert set(following(crystal, removed, 7)) < set(removed) < set(following(crystal, removed, 11))
    survivors = [i for i in range(len(crystal)) if i not in removed]
    charged = pair.following.relaxation.crystal
    assert [pair.following.index_of(i) for i in survivors] == list(range(len(charged)))
    moved = same_places(crystal, charged)
    assert all(moved[i] == pair.following.index_of(i) for i in survivors)


def test_as_many_lithium_leave_a_cell_with_fewer_of_them(host: Arrangement) -> None:
    """Sodium takes the place of one of 18: half of 17 would be 8, and the host has lost 9."""
    (sodium,) = variants(host, [Dopant(element="Na", charge=1, place="Li")], host.holding("Li", layer="Li")[:1])
    settings = SETTINGS.model_copy(update={"wanted": (voltage.VOLTAGE,), "lithium_removed": (0.0, 0.5)})
    mine, theirs = (run_here(candidate_plan(host.structure(), cell, settings)) for cell in (sodium.structure, None))
    for found in (mine, theirs):
        assert {len(cell.removed) for cell in found.cells if cell.lithium_removed} == {9}
        assert [f.value for f in found.of(voltage.VOLTAGE)] == pytest.approx([-IN_OXIDE_EV])


def test_the_way_out_leads_through_the_face_of_the_metals_octahedron(host: Arrangement) -> None:
    crystal = host.structure()
    lithium = [i for i, s in enumerate(crystal) if s.specie.symbol == "Li"]
    crystal.remove_sites(lithium[:9])
    tetrahedral, octahedral = migration.ways_out(crystal, "Mn")
    assert crystal[tetrahedral.atom].specie.symbol == "Mn"
    oxygen = [i for i, s in enumerate(crystal) if s.specie.symbol == "O"]
    away = crystal.lattice.get_all_distances([tetrahedral.place], crystal.frac_coords[oxygen])[0]
    assert {oxygen[k] for k in np.argsort(away)[:4]} == set(tetrahedral.anions)
    assert np.sort(away)[3] < 2.1 < 3.0 < np.sort(away)[4]  # four corners, and nothing near beyond them
    shell = [
        i for i in range(len(crystal)) if crystal.get_distance(tetrahedral.atom, i) < 2.5 and i != tetrahedral.atom
    ]
    assert len(set(shell) & set(tetrahedral.anions)) == 3  # a face of its octahedron
    assert len(octahedral.anions) == 6
    read = [Reading(quantity=migration.MIGRATION, value=1.0, where=way.name) for way in (tetrahedral, octahedral)]
    assert [(r.metal, r.place) for r in read] == [("Mn", "tetrahedron"), ("Mn", "octahedron")]


def test_the_quantities_of_migrations_are_kept_apart_by_metal() -> None:
    assert {migration.MIGRATION, migration.MIGRATION_CHANGE, migration.MIGRATION_BARRIER} == set(PER_METAL)


def test_of_a_pair_of_dopants_the_oxygens_held_the_most_come_first(host: Arrangement) -> None:
    pair = [Dopant(element="W", charge=6), Dopant(element="Na", charge=1, place="Li")]
    cell = variants(host, pair, host.holding("Mn")[:1], kinds=("redox",))[0].structure
    sites = vacancy.oxygen_sites(cell, [i for i, s in enumerate(cell) if s.specie.symbol in ("W", "Na")])
    assert [s.held for s in sites] == sorted((s.held for s in sites), reverse=True)
    assert sites[0].name.endswith("next to Na and W")
    assert {s.held for s in sites} == {7.0, 6.0, 1.0, 0.0}
    assert all((s.region == "far") == (s.held == 0.0) for s in sites)


def test_strain_of_a_stretch_and_of_a_growth() -> None:
    cell = Structure(Lattice.orthorhombic(3, 4, 5), ["Li"], [[0, 0, 0]])
    longer = Structure(Lattice.orthorhombic(3, 4, 5 * 1.02), ["Li"], [[0, 0, 0]])
    larger = Structure(Lattice.orthorhombic(3 * 1.02, 4 * 1.02, 5 * 1.02), ["Li"], [[0, 0, 0]])
    assert strain.strain_percent(cell, longer) == pytest.approx(100 * 2 / 3 * (1.02**2 - 1) / 2)
    assert strain.strain_percent(cell, larger) == pytest.approx(0.0, abs=1e-9)
    assert strain.volume_change_percent(cell, larger) == pytest.approx(100 * (1.02**3 - 1))


def test_the_lowest_mixture_is_that_of_the_phase_diagram() -> None:
    energies = {"Li": -1.9, "Mn": -9.0, "O2": -9.9, "Li2O": -14.5, "MnO": -17.4, "MnO2": -24.1, "Li2MnO3": -40.6,
                "LiMn2O4": -53.5, "LiMnO2": -29.4}  # fmt: skip
    diagram = PhaseDiagram([PDEntry(Composition(name), energy) for name, energy in energies.items()])
    for formula in ("Li6Mn4O10", "LiMn3O5", "Li3MnO3", "Mn2O7"):
        amounts = {str(el): float(n) for el, n in Composition(formula).items()}
        peer = diagram.get_hull_energy(Composition(formula))
        assert hull.lowest_mixture(amounts, energies).energy_ev == pytest.approx(peer, abs=1e-6)


def test_a_composition_without_competitors_is_refused() -> None:
    with pytest.raises(CalculatorError, match="No mixture of"):
        hull.lowest_mixture({"B": 2, "O": 3}, {"O2": -9.9})


@pytest.mark.parametrize(
    ("name", "metal", "anions"),
    [("MnO2", "Mn", 6), ("LiMnO2", "Mn", 6), ("Al2O3", "Al", 6), ("LiAlO2", "Al", 4), ("Li2TiO3", "Ti", 6),
     ("LiNbO3", "Nb", 6), ("Li3NbO4", "Nb", 6), ("Li2WO4", "W", 4), ("ZrO2", "Zr", 7), ("Li2O", "Li", 4),
     ("Li2ZrO3", "Zr", 6), ("LiBO2", "B", 3), ("LiTaO3", "Ta", 6), ("Li3TaO4", "Ta", 6), ("NaMnO2", "Mn", 6),
     ("NaNiO2", "Ni", 6)],
)  # fmt: skip
def test_competitors_have_the_published_coordination(name: str, metal: str, anions: int) -> None:
    crystal = COMPETITORS[name].structure()
    assert crystal.composition.reduced_formula == Composition(name).reduced_formula
    counts = anion_counts(crystal)
    assert {counts[i] for i, site in enumerate(crystal) if site.specie.symbol == metal} == {anions}


def test_the_mismatch_is_shannons(host: Arrangement) -> None:
    cell = doped(host, "W", 6).structure
    sites = [i for i, role in enumerate(cell.site_properties["role"]) if role == "dopant"]
    (found,) = mismatch.size_mismatch(host.structure(), cell, sites)
    assert found.value == pytest.approx(100 * (0.60 - 0.53) / 0.53)
    assert found.where == "W⁶⁺ (0.600 Å) for Mn⁴⁺ (0.530 Å)"


def test_a_difference_needs_both() -> None:
    one = Computed(quantity=vacancy.VACANCY, value=2.5, where="O", doubts=("a",))
    other = Computed(quantity=vacancy.VACANCY, value=2.0, where="O", doubts=("b",))
    assert difference(vacancy.CHANGE, one, other).value == pytest.approx(0.5)
    assert difference(vacancy.CHANGE, one, other).doubts == ("a", "host: b")
    lost = difference(vacancy.CHANGE, one, other.model_copy(update={"value": None, "why": "not converged"}))
    assert (lost.value, lost.why) == (None, "host: not converged")


def test_intervals_are_students() -> None:
    found = spread([1.0, 2.0, 3.0], "orderings")
    assert found.value == pytest.approx(2.0)
    assert (found.high or 0) - 2.0 == pytest.approx(2.919986 / np.sqrt(3), rel=1e-5)  # t(0.95, 2) = 2.919986
    assert spread([1.0], "orderings").low is None
    with pytest.raises(NotEnoughDataError):
        spread([], "orderings")


def test_intervals_cover_what_they_promise() -> None:
    draws = np.random.default_rng(0).normal(0.5, 0.2, size=(2000, 3))
    hits = [(s.low or 0) <= 0.5 <= (s.high or 0) for s in (spread(list(row), "orderings") for row in draws)]
    assert np.mean(hits) == pytest.approx(0.9, abs=0.02)


def test_orderings_count_and_not_their_sites() -> None:
    several = spread_by_ordering([(0, 1.0), (0, 1.2), (1, 2.0), (1, 2.2)])
    assert (several.value, several.count, several.over) == (pytest.approx(1.6), 2, "orderings")
    one = spread_by_ordering([(0, 1.0), (0, 1.2)])
    assert (one.count, one.over) == (2, "sites of one ordering")


def test_only_results_with_a_partner_are_paired() -> None:
    mine, theirs = [("a", 3.0), ("b", 5.0)], [("a", 2.0), ("c", 9.0)]
    assert paired(mine, theirs, key=lambda x: x[0], value=lambda x: x[1]) == [("a", 1.0)]


def test_no_voltage_between_unlike_cells() -> None:
    settings = SETTINGS.relaxation

    def cell(name: str) -> Any:
        job = relaxation_job(HOSTS[name].structure(), settings)
        return relaxed(job.task(job.parameters))

    with pytest.raises(InputError, match="No voltage between"):
        voltage.average_voltage_v(cell("LiCoO2"), cell("LiNiO2"), -2.0)


def test_chgnet_gives_the_voltage_of_nickelate() -> None:
    """3.9 V on average: Ohzuku, Ueda & Nagayama, J. Electrochem. Soc. 140 (1993) 1862."""
    free = RelaxationSettings(cell="free")
    job = relaxation_job(HOSTS["LiNiO2"].structure(), free)
    rich = relaxed(job.task(job.parameters))
    lithium = run_here(voltage.lithium_energy(free))
    pair = run_here(charged_cells(rich, 1.0, free, arrangements=1))
    assert voltage.average_voltage_v(rich, pair.lowest.relaxation, lithium) == pytest.approx(3.9, abs=0.35)
    assert not pair.lowest.apart


def test_what_stands_in_for_an_oxygen_beside_the_dopant_says_so() -> None:
    def oxygen(region: Any, value: float | None) -> Computed:
        why = "" if value is not None else "not converged after 300 steps (0.20 eV/Å left)"
        return Computed(quantity=vacancy.CHANGE, value=value, where=region, region=region, why=why)

    (_, far) = fallen_back([oxygen("near", None), oxygen("far", 0.3)])
    assert len(far.doubts) == 1
    assert "none of 1 places beside the dopant has a value (not converged" in far.doubts[0]
    _, kept, other = fallen_back([oxygen("near", None), oxygen("near", 0.5), oxygen("far", 0.3)])
    assert "1 of 2 places beside the dopant have no value" in kept.doubts[0]
    assert other.doubts == ()
    assert [f.doubts for f in fallen_back([oxygen("near", 0.5), oxygen("far", 0.3)])] == [(), ()]


def failing(plan: Plan[Any], broken: Any) -> Any:
    """Run a plan in which the jobs that *broken* names by their label end in an error."""
    try:
        jobs = next(plan)
        while True:
            outcomes: list[Any] = []
            for job in jobs:
                try:
                    if broken(job.label):
                        raise CalculatorError("gave NaN")
                    outcomes.append(job.task(job.parameters))
                except LirichError as error:
                    outcomes.append(error)
            jobs = plan.send(outcomes)
    except StopIteration as end:
        return end.value


def test_where_the_weakest_oxygen_fails_the_next_is_tried_and_a_far_one_alone_is_doubted(host: Arrangement) -> None:
    """W is bonded to six oxygens, each of which costs its bond of 1 eV."""
    cell = doped(host, "W", 6).structure
    wanted = {"wanted": (vacancy.VACANCY, vacancy.CHANGE), "lithium_removed": (0.0,)}
    settings = SETTINGS.model_copy(update=wanted)
    lost: list[str] = []

    def first(label: str) -> bool:
        if "next to W removed" in label and "unrelaxed" not in label and not lost:
            lost.append(label)
        return label in lost

    found = failing(candidate_plan(host.structure(), cell, settings), first).of(vacancy.CHANGE)
    near = only(found, region="near")
    assert near.value == pytest.approx(-BOND_EV, abs=1e-6)
    assert any("1 of 2 places beside the dopant have no value" in doubt for doubt in near.doubts)
    far_only = failing(candidate_plan(host.structure(), cell, settings), lambda label: "next to W removed" in label)
    (far,) = far_only.of(vacancy.CHANGE)
    assert far.region == "far"
    assert any("this one is far from it" in doubt for doubt in far.doubts)


def test_a_phase_that_does_not_relax_is_named_beside_the_hull() -> None:
    job = relaxation_job(HOSTS["Li2MnO3"].structure(), SETTINGS.relaxation)
    cell = relaxed(job.task(job.parameters))
    figures = failing(hull.hull_figures(cell, SETTINGS.relaxation), lambda label: label == "MnO2")
    assert "MnO2 gave no energy and does not compete: gave NaN." in figures[0].doubts


def test_oxygens_beside_fluorine_and_far_from_it_have_names_of_their_own(host: Arrangement) -> None:
    place = [i for i, element in enumerate(host.elements) if element == "O"][:1]
    cell = variants(host, [Dopant(element="F", charge=-1, place="O")], place, kinds=("redox",))[0].structure
    sites = vacancy.oxygen_sites(cell, [i for i, s in enumerate(cell) if s.specie.symbol == "F"])
    assert len({site.name for site in sites}) == len(sites)
    assert all(("beside F" in site.name) == (site.region == "near") for site in sites)

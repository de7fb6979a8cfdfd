"""Bands and cheap paths agree where the saddle is in the middle; the search for pairs finds its pairs."""

from __future__ import annotations

from importlib.metadata import EntryPoint

import numpy as np
import pytest

pytest.importorskip("chgnet")

from pymatgen.core.lattice import Lattice
from pymatgen.core.structure import Structure

from lirich.atoms import calculators
from lirich.atoms.descriptors.computed import Computed
from lirich.atoms.descriptors.migration import MIGRATION_BARRIER, with_barrier
from lirich.atoms.endstates import displacements
from lirich.atoms.neb import Barrier, barrier, midpoint_job, neb_job
from lirich.atoms.rattle import dimer_jobs, shaken_starts
from lirich.atoms.relax import RelaxationSettings, relaxation_job, relaxed
from lirich.atoms.spacegroup import crystal_of_group
from lirich.errors import StructureError


@pytest.fixture
def copper(monkeypatch: pytest.MonkeyPatch) -> RelaxationSettings:
    """Effective-medium copper through the door, as a third party's potential."""
    entry = EntryPoint("copper", "ase.calculators.emt:EMT", calculators.GROUP)
    monkeypatch.setattr(calculators, "entry_points", lambda group: [entry])
    calculators._loaded.cache_clear()
    yield RelaxationSettings(calculator="copper", force_max_ev_a=0.02, kicks=0)
    calculators._loaded.cache_clear()


def hop() -> tuple[Structure, Structure, int]:
    """A vacancy of copper, 2 x 2 x 2 cells, before and after one neighbour jumped into it."""
    full = crystal_of_group("Fm-3m", Lattice.cubic(3.59), ["Cu"], [[0, 0, 0]]) * (2, 2, 2)
    place = full[0].frac_coords
    before = full.copy()
    before.remove_sites([0])
    hopping = int(np.argmin([before.lattice.get_distance_and_image(s.frac_coords, place)[0] for s in before]))
    after = before.copy()
    after.replace(hopping, "Cu", coords=place)
    return before, after, hopping


def test_a_band_and_the_middle_of_the_way_agree_on_a_symmetric_hop(copper: RelaxationSettings) -> None:
    before, after, hopping = hop()
    jobs = [relaxation_job(s, copper) for s in (before, after)]
    ends = [relaxed(job.task(job.parameters)) for job in jobs]
    # Both are the same vacancy, so the same energy.
    assert ends[0].energy_ev == pytest.approx(ends[1].energy_ev, abs=2e-3)
    crystals = [end.crystal for end in ends]
    job = neb_job(*crystals, copper, images=3)
    band = barrier(job.task(job.parameters))
    assert band.converged
    assert band.one_saddle
    assert band.barrier_ev == pytest.approx(band.reverse_ev, abs=5e-3)
    middle = midpoint_job(*crystals, hopping, copper)
    cheap = relaxed(middle.task(middle.parameters))
    assert cheap.converged
    assert cheap.energy_ev - ends[0].energy_ev == pytest.approx(band.barrier_ev, abs=0.01)
    # Measured barriers of copper's vacancy are 0.7 eV (Landolt-Bornstein III/25); EMT is soft.
    assert 0.3 < band.barrier_ev < 0.9


@pytest.mark.parametrize(
    ("energies", "said"),
    [((0.0, 0.6, 0.3), ""), ((0.0, 1.4, 1.9), "no saddle"), ((0.0, 0.6, 0.2, 0.5, 0.3), "two hops")],
)
def test_a_band_says_where_its_number_is_no_barrier(energies: tuple[float, ...], said: str) -> None:
    """A way that rises to its end has no saddle: the number is the energy of the end. A dip between is a second hop."""
    rise = np.diff(energies)
    top = int(np.argmax(energies))
    found = Barrier(
        barrier_ev=max(energies),
        reverse_ev=max(energies) - energies[-1],
        energies_ev=energies,
        converged=True,
        one_saddle=bool((rise[:top] > 0).all() and (rise[top:] < 0).all()),
        steps=9,
        force_calls=9,
        force_max_ev_a=0.01,
        images=(),
        calculator="c",
        version="1",
        seconds=1.0,
    )
    number = with_barrier(Computed(quantity=MIGRATION_BARRIER, value=None), found.model_dump(mode="json"))
    assert number.value == max(energies)
    assert said in "; ".join(number.doubts)
    assert bool(number.doubts) == bool(said)


def test_ends_that_are_no_pair_are_refused(copper: RelaxationSettings) -> None:
    before, after, hopping = hop()
    with pytest.raises(StructureError, match="no two ends"):
        neb_job(before, after * (1, 1, 2), copper)
    with pytest.raises(StructureError, match="does not hop"):
        midpoint_job(before, after, hopping + 1, copper)


def test_every_second_start_brings_two_oxygens_together() -> None:
    oxide = crystal_of_group("R-3m", Lattice.hexagonal(2.83, 14.0), ["Mn", "O"], [[0, 0, 0], [0, 0, 0.26]]) * (
        2,
        2,
        1,
    )
    oxygen = [i for i, s in enumerate(oxide) if s.specie.symbol == "O"]

    def nearest(structure: Structure) -> float:
        distances = structure.distance_matrix[np.ix_(oxygen, oxygen)]
        return float(distances[distances > 0].min())

    starts = shaken_starts(oxide, 4, shake_a=0.05, seed=3)
    assert [nearest(s) == pytest.approx(1.5, abs=1e-6) for s in starts] == [True, False, True, False]
    again = shaken_starts(oxide, 4, shake_a=0.05, seed=3)
    assert all(np.array_equal(a.frac_coords, b.frac_coords) for a, b in zip(starts, again, strict=True))
    jobs = dimer_jobs(oxide, RelaxationSettings(), starts=2)
    assert [job.label for job in jobs] == ["start 0", "start 1"]


def test_the_middle_of_an_uneven_hop_does_not_slide_back_with_the_crystal(copper: RelaxationSettings) -> None:
    before, after, hopping = hop()
    # Nickel beside one end pulls: along the way there is a force on the atom in the middle, and on all others its
    # opposite. With nothing held they would all move until the atom stood on its old place among them.
    place = after[hopping].frac_coords
    far = before[hopping].frac_coords
    near = [
        i
        for i, s in enumerate(after)
        if i != hopping and after.lattice.get_distance_and_image(s.frac_coords, place)[0] < 2.6
    ]
    pulling = max(near, key=lambda i: after.lattice.get_distance_and_image(after[i].frac_coords, far)[0])
    for crystal in (before, after):
        crystal.replace(pulling, "Ni", coords=crystal[pulling].frac_coords)
    ends = [relaxed(job.task(job.parameters)) for job in (relaxation_job(s, copper) for s in (before, after))]
    crystals = [end.crystal for end in ends]
    # A pull on one atom is a thirtieth of it on each of the others: the slide is seen only where forces are made small.
    tight = copper.model_copy(update={"force_max_ev_a": 0.002})
    job = midpoint_job(*crystals, hopping, tight)
    cheap = relaxed(job.task(job.parameters))
    assert cheap.converged
    way = displacements(*crystals)[hopping]
    gone = displacements(crystals[0], cheap.crystal)[hopping]
    assert gone @ way / (way @ way) == pytest.approx(0.5, abs=0.05)
    assert cheap.energy_ev - max(end.energy_ev for end in ends) > 0.2

"""Particles of several sizes at one potential: Li is kept, limits are those of one size, areas and charges add up."""

from __future__ import annotations

from functools import cache
from itertools import pairwise

import numpy as np
import pytest

from lirich.cells import programme
from lirich.cells.impedance import impedance, rested
from lirich.cells.limits import check
from lirich.cells.models import SINGLE_PARTICLE, SIZE_DISTRIBUTION, of_sizes
from lirich.cells.morphology import RANDOM_CLOSE_PACKING, bet_area, close_packing, tap_density
from lirich.cells.parameters import values_of
from lirich.cells.simulation import Run, Simulator
from lirich.cells.sites import SITES, Site, open_circuit_potential
from lirich.cells.sizes import CLASSES, CRYSTAL, PARTICLE, SPREAD, SizeClasses, lognormal, nodes, table
from lirich.errors import SettingsError

AREA = "Wetted area [m2.g-1]"
SC = values_of("LiRich_SC_Sizes")
RATES = programme.cycling(["C/10", "1C", "5C"], one_c_ma_g=250, charge_rate="C/10")
INTERFACE_ONLY = {
    "Series resistance [Ohm]": 0.0,
    "Counter-electrode exchange current [A]": 1e3,
    "Hysteresis rate": 0.0,
    "Activation rate [s-1]": 0.0,
    "Reconstruction rate [m.s-1]": 0.0,
    "Transformation per throughput in the bulk": 0.0,
    "Transformation per throughput and wetted area": 0.0,
    "Crystal cracking rate": 0.0,
}
"""Nothing between the crystals and the cell's voltage, and nothing ages."""


@cache
def simulator(classes: int = CLASSES) -> Simulator:
    """Return a simulator of several sizes; of none for the single particle."""
    model = of_sizes(classes) if classes else SINGLE_PARTICLE
    return Simulator(model.recording("Lithium balance", "Lithium content", AREA), compiled=False, rtol=1e-6, atol=1e-9)


def radius(metres: float) -> dict[str, float]:
    return {CRYSTAL: metres, PARTICLE: metres}


def passed(run: Run) -> np.ndarray:
    assert run.stopped == ""
    return np.diff(run.ends["Lithium through the circuit"].to_numpy(), prepend=0.0)


def test_without_a_spread_it_is_the_model_of_one_size() -> None:
    alone = passed(simulator(0).run(RATES))
    for changes in ({SPREAD: 1.0}, table([4.7e-7], [1.0])):
        assert passed(simulator().run(RATES, changes)) == pytest.approx(alone, rel=1e-4)


@pytest.mark.parametrize("sizes", [{SPREAD: 2.0}, table([1e-7, 1e-6], [0.3, 0.7])], ids=["lognormal", "table"])
def test_lithium_is_kept_through_ageing_holds_and_rests(sizes: dict[str, float]) -> None:
    cycle = ("Charge at 1C until 4.8 V", "Hold at 4.8 V until C/10", "Rest for 1 h", "Discharge at 3C until 2 V")
    run = simulator().run(programme.parse([cycle] * 4, one_c_ma_g=250), sizes)
    assert run.stopped == ""
    assert np.abs(run.points["Lithium balance"].to_numpy()).max() < 1e-10


def test_slowly_the_spread_makes_no_difference_to_the_potential() -> None:
    quiet = {**INTERFACE_ONLY, "Initial film resistance [Ohm.m2]": 0.0, **radius(20e-9)}
    sites = {n: Site(SC[f"Potential of {n} sites [V]"], SC[f"Width of {n} sites"]) for n in SITES}
    fractions = {n: SC[f"Initial fraction of {n} sites"] for n in SITES}
    for spread in (1.0, 1.5, 2.5):
        plan = programme.parse(["Charge at C/200 until 4.6 V"], one_c_ma_g=250)
        points = simulator().run(plan, {**quiet, SPREAD: spread}).points[5:]
        expected = open_circuit_potential(points["Lithium content"].to_numpy(), sites, fractions)
        assert np.abs(points["voltage_v"].to_numpy() - expected).max() < 1e-3


def test_at_one_voltage_the_charges_of_the_sizes_add_by_volume() -> None:
    """Under a hold nothing couples them: each takes what it would take alone, however far diffusion limits it."""
    radii, parts = (2e-7, 2e-6), (0.25, 0.75)
    plan = programme.parse([("Hold at 4.2 V for 1 h",)], one_c_ma_g=250)
    alone = [passed(simulator(0).run(plan, {**INTERFACE_ONLY, **radius(r)}))[0] for r in radii]
    together = passed(simulator().run(plan, {**INTERFACE_ONLY, **table(radii, parts)}))[0]
    assert abs(alone[1]) < 0.75 * abs(alone[0])  # diffusion does limit the large ones
    assert together == pytest.approx(np.dot(parts, alone), rel=1e-4)


def test_a_short_step_of_voltage_sees_the_area_and_so_the_sauter_mean() -> None:
    """Cottrell: while Li has not come far, a powder takes 2·S·√(Dt/π) per volume, whatever its sizes are."""
    fast = {
        **INTERFACE_ONLY,
        "Initial film resistance [Ohm.m2]": 0.0,
        "Reference exchange-current density [A.m-2]": 1e3,
        "Relative diffusivity of a full or empty crystal": 1.0,
    }
    plan = programme.parse([("Hold at 4.0 V for 1 s",)], one_c_ma_g=250)
    sims = [Simulator(m.surface_resolved(), compiled=False) for m in (SINGLE_PARTICLE, SIZE_DISTRIBUTION)]
    sauter = SizeClasses.of({**SC, SPREAD: 1.5}).sauter_radius_m
    alone, several = (
        passed(sims[0].run(plan, {**fast, **radius(sauter)})), passed(sims[1].run(plan, {**fast, SPREAD: 1.5})),
    )  # fmt: skip
    assert several == pytest.approx(alone, rel=0.01)
    median = passed(sims[0].run(plan, {**fast, **radius(4.7e-7)}))
    assert several[0] / median[0] == pytest.approx(np.exp(0.5 * np.log(1.5) ** 2), rel=0.01)


@pytest.mark.parametrize("spread", [1.0, 1.2, 1.5, 2.0])
def test_the_area_is_that_of_the_sauter_mean(spread: float) -> None:
    """d_32 = D50·exp(−½ ln² σ_g) (Hatch and Choate), BET = 6/(ρ d_32), and the model wets that area."""
    values = {**SC, SPREAD: spread}
    d_32 = 2 * values[PARTICLE] * np.exp(-0.5 * np.log(spread) ** 2)
    assert 2 * SizeClasses.of(values).sauter_radius_m == pytest.approx(d_32, rel=1e-6)
    assert bet_area(values) == pytest.approx(6 / values["Crystal density [kg.m-3]"] / d_32 / 1000, rel=1e-6)
    run = simulator().run(programme.parse(["Rest for 1 s"], one_c_ma_g=250), {SPREAD: spread})
    assert run.points[AREA][0] == pytest.approx(bet_area(values), rel=1e-9)


def test_the_impedance_of_one_size_is_that_of_the_single_particle() -> None:
    frequency = np.geomspace(1e-3, 1e4, 8)
    plan = programme.parse(["Charge at C/5 until 4.0 V"], one_c_ma_g=250)
    alone, several = (
        impedance(simulator(n), frequency, changes, state=rested(simulator(n), changes, plan)).impedance_ohm
        for n, changes in ((0, {}), (CLASSES, {SPREAD: 1.0}))
    )
    assert np.abs(several / alone - 1).max() < 1e-4


def test_grains_of_secondary_particles_are_alike_and_their_open_faces_are_area() -> None:
    values = {**values_of("LiRich_PC_Sizes"), SPREAD: 1.5}
    powder = SizeClasses.of(values)
    assert set(powder.grains_m) == {values[CRYSTAL]}
    run = simulator().run(programme.parse(["Rest for 1 s"], one_c_ma_g=250), values)
    assert run.points[AREA][0] == pytest.approx(bet_area(values), rel=1e-9)


def test_the_capacity_converges_with_the_number_of_classes() -> None:
    changes = {SPREAD: 1.5, **radius(1e-6)}
    found = {count: passed(simulator(count).run(RATES, changes))[[1, 3, 5]] for count in (1, 2, 3, 5, 9)}
    errors = [np.abs(found[n] / found[9] - 1).max() for n in (1, 2, 3, 5)]
    assert all(finer < 0.5 * coarser for coarser, finer in pairwise(errors))
    assert errors[0] > 0.03
    assert errors[-1] < 1e-3


def test_a_spread_costs_rate_capability_and_fine_particles_take_more_of_the_current_and_of_the_ageing() -> None:
    sim = Simulator(SIZE_DISTRIBUTION.recording(*SIZE_DISTRIBUTION.states), compiled=False)
    runs = [sim.run(RATES, {SPREAD: s}) for s in (1.0, 1.5, 2.0)]
    at_5c = [passed(run)[5] for run in runs]
    assert at_5c[0] > at_5c[1] > at_5c[2]
    last = runs[1].ends[-1]
    shares = np.array([last[f"Share of the current of size class {k}"][0] for k in range(1, 6)])
    assert shares.sum() == pytest.approx(1.0, abs=1e-9)
    assert (np.diff(shares / np.array(nodes(5)[1])) < 0).all()  # per volume
    assert (np.diff([last[f"Sites transformed of size class {k}"][0] for k in range(1, 6)]) < 0).all()


def test_a_table_with_fewer_sizes_divides_one_and_changes_nothing() -> None:
    values = {**SC, **table([2e-7, 6e-7], [0.4, 0.6])}
    powder = SizeClasses.of(values)
    assert sorted({round(r, 12) for r in powder.particles_m}) == [2e-7, 6e-7]
    assert powder.parts[powder.particles_m < 3e-7].sum() == pytest.approx(0.4)
    assert powder.sauter_radius_m == pytest.approx(1 / (0.4 / 2e-7 + 0.6 / 6e-7))
    check(values)


def test_the_library_has_the_weights_of_the_quadrature() -> None:
    assert {**SC, **lognormal(SC[SPREAD])} == pytest.approx(SC, rel=1e-12)


def test_a_wide_powder_packs_denser() -> None:
    assert close_packing(1.0) == pytest.approx(RANDOM_CLOSE_PACKING)
    packed = [close_packing(s) for s in (1.0, 1.2, 1.5, 2.0, 3.0)]
    assert (np.diff(packed) > 0).all()
    assert packed[-1] < 1
    assert tap_density({**SC, SPREAD: 1.5}) == pytest.approx(close_packing(1.5) * 4.25)
    with pytest.raises(SettingsError, match="spread"):
        close_packing(0.9)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({SPREAD: 0.4}, "standard deviation of ln R"),
        ({SPREAD: 5.0}, "at most 3"),
        ({SPREAD: float("nan")}, "finite"),
        ({SPREAD: 1.0, "Volume fraction of size class 1": -0.1}, "not negative"),
        ({SPREAD: 1.0, "Volume fraction of size class 1": 0.5}, "sum to"),
        ({SPREAD: 1.0, "Relative radius of size class 2": 0.0}, "more than 0"),
        ({"Relative radius of size class 2": 0.5}, "size classes of your own"),
        ({SPREAD: 2.0, **radius(5e-5)}, "largest particles"),
        ({CRYSTAL: 4e-7, PARTICLE: 5e-7}, "smallest particles"),
    ],
)
def test_sizes_that_cannot_be_are_refused(changes: dict[str, float], words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        check({**SC, **changes})


@pytest.mark.parametrize(
    ("radii", "parts", "words"),
    [
        ([1e-7, 2e-7], [0.5, 0.6], "sum to"),
        ([1e-7, -2e-7], [0.5, 0.5], "above 0"),
        ([1e-7, 2e-7], [1.5, -0.5], "above 0"),
        ([1e-7], [0.5, 0.5], "one part for each"),
        ([1e-7] * 6, [1 / 6] * 6, "1 to 5"),
    ],
)
def test_tables_that_cannot_be_are_refused(radii: list[float], parts: list[float], words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        table(radii, parts)

"""GITT and ICI: against a numerical sphere, against theory, against ampworks."""

from __future__ import annotations

import csv
import json
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest

from lirich.cycling.gitt import MODEL, RATIO, REGRESSION, gitt, gitt_values
from lirich.cycling.ici import ici, ici_values
from lirich.cycling.pulses import find_pulses, sqrt_slope
from lirich.cycling.sphere import TabulatedResponse, surface_response
from lirich.cycling.spherefit import fit_sphere
from lirich.errors import InputError, NotEnoughDataError
from lirich.model import Cell

ORACLE = json.loads((Path(__file__).parent / "data" / "cycling_ampworks_oracle.json").read_text())
R_M = 1.8e-6
TAU_S = 660.0
CELL = Cell(key="c")


@lru_cache
def shells(count: int = 600):
    """Modes of diffusion in a sphere of radius 1 cut into *count* shells (finite volumes, unit flux at the surface).

    Independent of the series in `lirich.cycling.sphere`: no roots, no error function.
    """
    edge = np.linspace(0.0, 1.0, count + 1)
    volume = (edge[1:] ** 3 - edge[:-1] ** 3) / 3.0
    conductance = edge[1:-1] ** 2 * count
    matrix = np.zeros((count, count))
    i = np.arange(count - 1)
    matrix[i, i] += conductance
    matrix[i + 1, i + 1] += conductance
    matrix[i, i + 1] -= conductance
    matrix[i + 1, i] -= conductance
    scale = 1.0 / np.sqrt(volume)
    rate, mode = np.linalg.eigh(matrix * scale[:, None] * scale[None, :])
    rate[0] = 0.0  # the mean, exactly
    weight = (mode[-1] * scale[-1]) ** 2
    return rate, weight, 0.5 / count


def pulse_response(since_s: np.ndarray, duration_s: float, rate: float) -> np.ndarray:
    """The change of the surface during and after a pulse, over that of the mean at its end; *rate* is D/R2, 1/s."""
    whole = 3.0 * rate * duration_s
    return (surface_response(rate * since_s) - surface_response(rate * (since_s - duration_s))) / whole


def surface(theta):
    """Deviation of the surface under unit flux, by the modes of the shells; 0 before the start."""
    rate, weight, half_shell = shells()
    theta = np.atleast_1d(np.asarray(theta, float))
    t = np.maximum(theta, 0.0)[:, None]
    grown = np.concatenate((t, -np.expm1(-rate[1:] * t) / rate[1:]), axis=1)
    return np.where(theta > 0, grown @ weight + half_shell, 0.0)


def truth(theta_tau, *, every_s=10.0, rest_s=6 * 3600.0, pulses=1, ohmic_v=0.004, step_v=0.010, noise_v=0.0, seed=0):
    """A GITT of a sphere with a linear potential and τD/R² = *theta_tau*: time, voltage, current (mA), true D."""
    period = TAU_S + rest_s
    time = np.concatenate(
        [[-every_s], *(k * period + np.arange(0.0, period, every_s) for k in range(pulses)), [pulses * period]]
    )
    voltage = np.full(len(time), 3.7)
    current = np.zeros(len(time))
    for k in range(pulses):
        since = time - k * period
        share = (surface(theta_tau * since / TAU_S) - surface(theta_tau * (since - TAU_S) / TAU_S)) / (3 * theta_tau)
        on = (since > 0) & (since <= TAU_S)
        voltage += step_v * share + ohmic_v * on
        current += np.where(on, 1.0, 0.0)
    voltage += noise_v * np.random.default_rng(seed).normal(size=len(time))
    return time + every_s, voltage, current, theta_tau * R_M**2 / TAU_S


@pytest.mark.parametrize("theta", [1e-4, 1e-3, 0.01, 0.049, 0.051, 0.2, 1.0, 5.0])
def test_the_series_is_the_numerical_sphere(theta):
    assert surface_response(np.array([theta]))[0] == pytest.approx(surface(theta)[0], rel=2e-3)


def test_the_series_has_its_limits():
    short = np.array([1e-8, 1e-6])
    np.testing.assert_allclose(surface_response(short), 2 * np.sqrt(short / np.pi), rtol=1e-3)
    assert surface_response(np.array([10.0]))[0] == pytest.approx(30.2)
    assert surface_response(np.array([0.05 - 1e-12, 0.05 + 1e-12])) == pytest.approx(
        [surface_response(np.array([0.05]))[0]] * 2, rel=1e-7
    )
    assert pulse_response(np.array([1e9]), 660.0, 1e-4)[0] == pytest.approx(1.0)
    assert pulse_response(np.array([-5.0, 0.0]), 660.0, 1e-4) == pytest.approx([0.0, 0.0])


def test_the_table_is_the_series():
    time = np.concatenate(([-1.0, 0.0], np.geomspace(1e-3, 1e7, 20_001)))
    response = TabulatedResponse(time)
    for rate in (1e-9, 1.7e-6, 2.3e-4, 1.0):
        np.testing.assert_allclose(response(rate), surface_response(rate * time), rtol=1e-5, atol=0)


# the method sheet's own runs: the ohmic drop ends at the first row, 10 s into a pulse of 660 s
@pytest.mark.parametrize(("theta", "bias"), [(0.03, 0.91), (0.15, 0.55), (2.4, 0.06)])
def test_the_square_root_method_is_biased_low_and_the_fit_is_not(theta, bias):
    *arrays, true = truth(theta, pulses=4)
    pulse = gitt(*arrays, R_M)[0]  # the three others measure the potential that its surface reaches
    assert pulse.ratio_m2_s / true == pytest.approx(bias, abs=0.01)
    assert pulse.fit.diffusivity_m2_s / true == pytest.approx(1.0, abs=0.02)
    assert pulse.fit.equilibrium_change_v == pytest.approx(0.010, rel=0.01)
    assert pulse.fit.ohmic_v == pytest.approx(0.004, rel=0.05)
    assert pulse.validity == pytest.approx(theta, rel=0.02)


# by theory: 4/(9πθ)·(3θ/u(θ))², without anything cut off
@pytest.mark.parametrize(("theta", "bias"), [(0.01, 0.83), (0.03, 0.72), (0.15, 0.46), (2.4, 0.056)])
def test_with_the_ohmic_drop_cut_off_at_once_the_bias_is_that_of_theory(theta, bias):
    time, voltage, current, true = truth(theta, rest_s=24 * 3600.0)
    start = 1e-4  # a row just after switching
    share = surface_response(np.array([theta * start / TAU_S]))[0] / (3 * theta)
    time, current = np.insert(time, 2, time[1] + start), np.insert(current, 2, 1.0)
    voltage = np.insert(voltage, 2, 3.7 + 0.004 + 0.010 * share)
    (pulse,) = gitt(time, voltage, current, R_M, model_fit=False)
    assert pulse.ratio_m2_s / true == pytest.approx(bias, abs=0.012)


def test_the_regression_form_is_right_where_it_holds():
    """τD/R² = 5e-4 with rows every 2 s, the change at equilibrium as it is known."""
    *arrays, true = truth(5e-4, every_s=2.0, rest_s=2 * 3600.0)
    (pulse,) = gitt(*arrays, R_M, model_fit=False)
    steady = 0.010 / TAU_S
    assert 4 * R_M**2 / (9 * np.pi) * (steady / pulse.line.slope) ** 2 == pytest.approx(true, rel=0.03)


@pytest.mark.parametrize("theta", [0.03, 0.15, 2.4])
def test_the_interval_of_the_fit_holds_the_truth_under_noise(theta):
    hits = 0
    for seed in range(12):
        *arrays, true = truth(theta, noise_v=2e-5, seed=seed, rest_s=2 * 3600.0)
        (pulse,) = gitt(*arrays, R_M)
        # ±3 % for what the shells and the sampling leave beside the noise
        hits += pulse.fit.low * 0.97 <= true <= pulse.fit.high * 1.03
    assert hits >= 10


def test_the_interval_of_a_fit_of_few_points_covers_as_often_as_it_says():
    """Eight rows: the 95 % point of χ² covered 90 %, that of F(1, n − 4) covers 95 %."""
    rate, since = 0.1 / TAU_S, np.concatenate((TAU_S * np.arange(1, 5) / 4, TAU_S * (1 + 3 * np.arange(1, 5) / 4)))
    rng = np.random.default_rng(0)
    clean = 3.7 + 0.02 * pulse_response(since, TAU_S, rate) + 0.01 * (since <= TAU_S)
    hits = fits = 0
    for _ in range(300):
        noise = rng.normal(0, 1e-4, len(since) + 1)
        fit = fit_sphere(since, clean + noise[1:], since <= TAU_S, TAU_S, R_M, start_v=3.7 + noise[0])
        fits += 1
        hits += fit.low <= rate * R_M**2 <= fit.high
    assert hits / fits >= 0.93


@pytest.mark.parametrize(("points", "least"), [(3, 0.90), (4, 0.92), (10, 0.92)])
def test_the_interval_of_a_slope_of_few_points_covers_as_often_as_it_says(points, least):
    """1.96 standard errors cover 82 % with four points of a rest; Student's t covers 95 %."""
    rng, root = np.random.default_rng(1), np.sqrt(np.linspace(1.0, 10.0, points))
    hits = given = 0
    for _ in range(2000):
        line = sqrt_slope(root**2, 3.7 - 0.003 * root + rng.normal(0, 2e-5, points), 1.0, 10.0)
        interval = line.interval(1 / line.slope**2)
        if interval is not None:
            given += 1
            hits += interval.low <= 1 / 0.003**2 <= interval.high
    assert given > 1500
    assert hits / given >= least


def test_a_flat_rest_gives_no_diffusivity_and_a_slope_lost_in_noise_says_so():
    """D ∝ 1/slope²: of rounding alone it was 10⁹ m²/s."""
    time, voltage, current = [0.0, 50.0], [3.6, 3.6], [0.0, 0.0]
    for n in range(8):
        start = time[-1]
        time += [*(start + np.arange(10.0, 101.0, 10.0)), *(start + 100.0 + np.arange(1.0, 11.0))]
        voltage += [*(3.6 + 0.01 * (n + np.arange(0.1, 1.01, 0.1))), *([3.6 + 0.01 * (n + 1)] * 10)]
        current += [1.0] * 10 + [0.0] * 10
    time, voltage, current = np.array(time), np.array(voltage), np.array(current)
    assert {p.diffusivity_m2_s for p in ici(time, voltage, current, R_M)} == {None}
    noise = 1e-4 * np.random.default_rng(0).normal(size=len(time))
    values, _ = ici_values(time, voltage + noise, current, CELL, R_M)
    of_pulse = [v for v in values if v.quantity == "lithium_diffusivity_m2_s" and v.conditions.soc_percent is not None]
    assert of_pulse
    assert all((v.interval is None) == ("slope-not-resolved" in v.flags) for v in of_pulse)
    assert "slope-not-resolved" in values[0].flags


def test_pulses_of_unlike_length_have_one_slope_of_the_rest_potential():
    """The rest potential rises by 1 µV per second under current, U by 0.1 mV/√s: one diffusivity, whatever τ."""
    time, voltage, current, clock, level = [0.0, 100.0], [3.6, 3.6], [0.0, 0.0], 100.0, 3.6
    for length in (600.0, 200.0, 600.0, 900.0, 100.0):
        for t in np.arange(5.0, length + 1, 5.0):
            time.append(clock + t)
            voltage.append(level + 0.01 + 1e-4 * np.sqrt(t))
            current.append(1.0)
        clock, level = clock + length, level + 1e-6 * length
        for t in np.arange(50.0, 1001.0, 50.0):
            time.append(clock + t)
            voltage.append(level)
            current.append(0.0)
        clock += 1000.0
    pulses = gitt(np.array(time), np.array(voltage), np.array(current), R_M, model_fit=False)
    expected = 4 * R_M**2 / (9 * np.pi) * (1e-6 / 1e-4) ** 2
    assert [p.regression_m2_s for p in pulses] == pytest.approx([expected] * 5, rel=1e-6)


def test_a_trickle_of_a_hundredth_is_current_and_noise_of_a_cycler_is_rest():
    time = np.arange(0.0, 100.0)
    on = (time % 20) >= 10
    noisy = find_pulses(time, np.where(on, 1.0, 2e-4 * (-1) ** time))
    assert [p.duration_s for p in noisy] == pytest.approx([10.0] * len(noisy))
    assert len(noisy) == 4
    with pytest.raises(NotEnoughDataError, match="rest on both sides"):
        find_pulses(time, np.where(on, 1.0, 1e-2))


def test_a_fit_that_the_data_do_not_bound_is_refused():
    t = np.linspace(1, 3600, 200)
    with pytest.raises(NotEnoughDataError, match="bound"):
        fit_sphere(t, 3.7 + 0.001 * (t <= TAU_S), t <= TAU_S, TAU_S, R_M)
    with pytest.raises(NotEnoughDataError, match="points"):
        fit_sphere(t[:5], t[:5], t[:5] <= TAU_S, TAU_S, R_M)
    with pytest.raises(InputError, match="Shapes"):
        fit_sphere(t, t, t[:5] <= TAU_S, TAU_S, R_M)


def test_a_row_of_the_rest_at_the_very_end_of_the_pulse_is_of_the_rest():
    """Cyclers write the last row under current and the first of the rest at one time; the drop is between."""
    rate = 0.1 / TAU_S
    since = np.concatenate((np.linspace(TAU_S / 12, TAU_S, 12), np.linspace(TAU_S, 4 * TAU_S, 12)))
    under = np.arange(24) < 12
    voltage = 3.7 + 0.02 * pulse_response(since, TAU_S, rate) + 0.01 * under
    fit = fit_sphere(since, voltage, under, TAU_S, R_M, start_v=3.7)
    assert fit.diffusivity_m2_s == pytest.approx(rate * R_M**2, rel=1e-3)
    assert fit.ohmic_v == pytest.approx(0.01, rel=1e-3)
    time = np.concatenate(([0.0, 100.0], 100.0 + since))
    (pulse,) = gitt(time, np.r_[3.7, 3.7, voltage], np.r_[0.0, 0.0, 1.0 * under], R_M)
    assert pulse.fit.diffusivity_m2_s == pytest.approx(rate * R_M**2, rel=1e-3)


def test_flags_methods_and_radius_stand_with_the_values():
    *arrays, _ = truth(0.15, pulses=3, rest_s=3 * 3600.0)
    values, findings = gitt_values(*arrays, CELL, R_M)
    assert [f.code for f in findings] == ["gitt-out-of-validity"]
    methods = {v.conditions.method for v in values if v.quantity == "lithium_diffusivity_m2_s"}
    assert methods == {RATIO, REGRESSION, MODEL}
    for v in values:
        assert v.conditions.particle_radius_m == R_M
        assert v.conditions.direction == "charge"
        assert ("out-of-validity" in v.flags) == (v.conditions.method != MODEL)
    for method in methods:
        ours = [v for v in values if v.quantity == "lithium_diffusivity_m2_s" and v.conditions.method == method]
        (median,) = [v for v in ours if "statistic" in v.conditions.other]
        each = [v.value for v in ours if v is not median]
        quartiles = [median.provenance.parameters[f"quartile_{i}"] for i in (1, 3)]
        assert quartiles == pytest.approx(np.percentile(each, [25, 75]), rel=1e-12)
    at = [v.conditions.soc_percent for v in values if v.quantity == "diffusion_validity_number"]
    assert at == pytest.approx([0.0, 100 / 3, 200 / 3], abs=1e-6)
    short, said = gitt_values(*truth(0.02, rest_s=15 * 3600.0, pulses=6)[:3], CELL, R_M)
    assert said == []
    assert all(v.flags == () for v in short if v.conditions.method != MODEL)
    fits = [v for v in short if v.conditions.method == MODEL]
    assert fits[0].flags == ()
    assert fits[0].provenance.parameters["pulses"] == sum(v.flags == () for v in fits[1:])
    # nothing beyond the last rest says whether the potential goes straight on
    assert {v.flags for v in fits[-2:]} == {("potential-not-resolved",)}
    assert all((v.interval is None) == bool(v.flags) for v in fits[1:])


def test_a_rest_that_still_moves_is_flagged():
    *arrays, _ = truth(0.01, rest_s=1800.0)
    values, findings = gitt_values(*arrays, CELL, R_M)
    assert "gitt-not-relaxed" in {f.code for f in findings}
    assert any("not-relaxed" in v.flags for v in values)


def test_the_radius_is_asked_for_by_name():
    *arrays, _ = truth(0.03)
    for function in (gitt_values, ici_values):
        values, findings = function(*arrays, CELL, None)
        assert values == []
        assert [f.code for f in findings] == ["missing-particle-diameter-um"]


def test_what_is_no_gitt_is_refused():
    t = np.arange(100.0)
    with pytest.raises(NotEnoughDataError, match="no current"):
        find_pulses(t, np.zeros(100))
    with pytest.raises(NotEnoughDataError, match="rest on both sides"):
        find_pulses(t, np.ones(100))
    with pytest.raises(InputError, match="mixed"):
        find_pulses(t, np.where(t % 20 < 10, 0.0, np.where(t < 50, 1.0, -1.0)))
    with pytest.raises(InputError, match="radius"):
        gitt(t, t, np.where(t % 20 < 10, 0.0, 1.0), 0.0)


def columns(path):
    with open(path) as file:
        rows = list(csv.DictReader(file))
    time, voltage, current = (np.array([float(r[c]) for r in rows]) for c in ("Seconds", "Volts", "Amps"))
    return time, voltage, 1000.0 * current


@pytest.mark.data
def test_gitt_is_that_of_ampworks_on_every_full_pulse(shared_data):
    """The last pulse stopped after 98 s of 660 s at the cut-off. ampworks divides what the pulse before it did to the
    potential by those 98 s, and gets 80 times the diffusivity of the neighbours."""
    pulses = gitt(*columns(shared_data / "cycling" / "ampworks_gitt_discharge_thinned.csv"), R_M, model_fit=False)
    ours = np.array([p.regression_m2_s for p in pulses])
    theirs = np.array(ORACLE["gitt_m2_s"])
    assert len(ours) == 121
    np.testing.assert_allclose(ours[:-2], theirs[:-2], rtol=0.02)
    assert theirs[-2] > 50 * theirs[-3]
    assert ours[-2] == pytest.approx(ours[-3], rel=0.2)
    assert np.median(ours) == pytest.approx(9.3e-16, rel=0.02)
    states = [p.soc_percent for p in pulses]
    assert states == sorted(states, reverse=True)


@pytest.mark.data
def test_ici_is_that_of_ampworks_but_for_the_time_under_current(shared_data):
    """ampworks takes dE/dt over all time, rests included: 310 s instead of the 300 s in which charge flows."""
    time, voltage, current = columns(shared_data / "cycling" / "ampworks_ici_discharge.csv")
    found = ici(time, voltage, current, R_M)
    ours, theirs = np.array([p.diffusivity_m2_s for p in found]), np.array(ORACLE["ici_m2_s"])
    assert np.median(ours) == pytest.approx(np.median(theirs), rel=0.10)
    np.testing.assert_allclose(ours[:-2] / theirs[:-2], (310 / 301) ** 2, rtol=0.02)
    values, findings = ici_values(time, voltage, current, CELL, R_M)
    assert values[0].value == pytest.approx(np.median(ours))
    # 10 s are not short beside R²/D where D is high: see the crystal model in test_cells_impedance.py
    assert [f.code for f in findings] == ["ici-out-of-validity"]


def test_ampworks_itself_if_it_is_here(shared_data):
    """The oracle run live (``pip install ampworks==0.1.0``); the tests above use its recorded numbers."""
    ampworks = pytest.importorskip("ampworks", reason="ampworks is not installed; its recorded numbers are used")
    pandas = pytest.importorskip("pandas")
    for name, module in (("gitt_discharge_thinned", ampworks.gitt), ("ici_discharge", ampworks.ici)):
        data = ampworks.Dataset(pandas.read_csv(shared_data / "cycling" / f"ampworks_{name}.csv"))
        live = module.extract_params(data, R_M).sort_values("SOC", ascending=False)["Ds"].to_numpy()
        np.testing.assert_allclose(live, ORACLE[name.split("_")[0] + "_m2_s"], rtol=1e-5)


def test_ici_recovers_a_known_diffusivity():
    """A long constant flux with 10 s interruptions: quasi-steady state, linear potential, numerical sphere."""
    true, on, off, count = 2e-15, 300.0, 10.0, 24
    rate = true / R_M**2
    switch = np.arange(count) * (on + off) + 600.0
    time = np.unique(
        np.concatenate(
            [
                [0.0, 300.0, 600.0],
                *(
                    s + np.concatenate((np.arange(30.0, on + 1, 30.0), on + np.arange(0.5, off + 0.1, 0.5)))
                    for s in switch
                ),
            ]
        )
    )
    voltage, current = np.full(len(time), 3.6), np.zeros(len(time))
    for s in switch:
        voltage += 0.001 * (surface(rate * (time - s)) - surface(rate * (time - s - on)))
        under = (time > s + 1e-6) & (time <= s + on + 1e-6)
        voltage += 0.002 * under
        current += under
    found = [p for p in ici(time, voltage, current, R_M) if 10 < p.number < 23]
    assert np.median([p.diffusivity_m2_s for p in found]) == pytest.approx(true, rel=0.12)
    assert np.median([p.resistance_ohm for p in found]) == pytest.approx(2.0, rel=0.05)


def interrupted(true, count, on, off=10.0):
    """Time (s), voltage (V) and current (mA) of a constant flux into a sphere with interrupts; a linear potential."""
    rate, switch = true / R_M**2, np.arange(count) * (on + off) + 600.0
    steps = np.concatenate((np.arange(1, 11) * on / 10, on + np.arange(0.5, off + 0.1, 0.5)))
    time = np.unique(np.concatenate([[0.0, 300.0, 600.0], *(s + steps for s in switch)]))
    voltage, current = np.full(len(time), 3.6), np.zeros(len(time))
    for s in switch:
        voltage += 0.001 * (surface_response(rate * (time - s)) - surface_response(rate * (time - s - on))) / rate
        under = (time > s + 1e-6) & (time <= s + on + 1e-6)
        voltage += 0.002 * under
        current += under
    return time, voltage, current


@pytest.mark.parametrize(("theta", "steady"), [(0.01, False), (0.06, False), (0.6, True)])
def test_interrupts_before_the_profile_is_steady_come_out_high_and_say_so(theta, steady):
    """*theta* is tD/R² of all the time under current, which the √t of the rests alone does not see."""
    on, count = 3000.0, 20
    true = theta * R_M**2 / (on * count)
    values, findings = ici_values(*interrupted(true, count, on), CELL, R_M)
    found = ici(*interrupted(true, count, on), R_M)[1:-1]
    assert all(p.validity < 0.002 for p in found)
    late = [p for p in found if p.steady]
    assert bool(late) == steady
    for p in found:
        assert p.steady == (p.steadiness >= 0.2)
        if not p.steady:
            assert p.diffusivity_m2_s > 1.02 * true
    assert ("ici-not-steady" in {f.code for f in findings}) != steady
    assert ("out-of-validity" in values[0].flags) != steady
    if steady:
        assert [p.diffusivity_m2_s / true for p in late] == pytest.approx([1.0] * len(late), abs=0.08)

"""GITT whose rests are short beside R²/D: what earlier pulses left in the sphere, on a potential that is not linear.

The truth is that of finite shells, thin at the surface, not of the series that is fitted.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest

from lirich.cycling.gitt import HISTORY, MODEL, POTENTIAL, gitt, gitt_table, gitt_values
from lirich.cycling.pulses import find_pulses
from lirich.cycling.pulsetrain import PulseTrain, TrainPart
from lirich.cycling.sphere import surface_response
from lirich.model import Cell

R_M, ON_S = 1e-6, 300.0


@lru_cache
def shells(count=400):
    """Decay rates and weights at the surface of the modes of *count* shells, and half of the outermost one."""
    edge = 1.0 - (1.0 - np.linspace(0.0, 1.0, count + 1)) ** 2
    middle, volume = (edge[1:] + edge[:-1]) / 2, (edge[1:] ** 3 - edge[:-1] ** 3) / 3
    between = np.diag(edge[1:-1] ** 2 / np.diff(middle))
    step = np.diff(np.eye(count), axis=0)
    scale = np.diag(volume**-0.5)
    rate, mode = np.linalg.eigh(scale @ step.T @ between @ step @ scale)
    rate[0] = 0.0  # the mean, exactly
    return rate, (mode[-1] * volume[-1] ** -0.5) ** 2, 1.0 - middle[-1]


def surface(theta):
    """Deviation of the surface under unit flux; 0 before the start."""
    rate, weight, half_shell = shells()
    t = np.maximum(theta, 0.0)
    grown = np.zeros_like(t)
    known = np.r_[0.0, np.geomspace(1e-10, max(float(t.max()), 1e-6), 600)]
    at = np.column_stack((known, -np.expm1(-np.outer(known, rate[1:])) / rate[1:])) @ weight + half_shell
    on = theta > 0
    grown[on] = np.exp(np.interp(np.log(np.maximum(t[on], 1e-10)), np.log(known[1:]), np.log(at[1:])))
    return grown


def wavy(state):
    """A potential (V) over charges of a pulse: 6 mV each, times 0.5 to 1.5 within ten of them."""
    return 3.8 + 0.006 * (state + 1.6 * np.sin(np.pi * state / 10))


def record(diffusivity, rest_s, count=16, noise_v=0.0, potential=wavy):
    """Time (s), voltage (V) and current (mA) of *count* pulses of 300 s."""
    on = np.r_[0.001, np.arange(2.0, ON_S + 1, 2.0)]
    off = np.r_[0.001, np.arange(1.0, 61.0) * rest_s / 60]
    starts = 600.0 + np.arange(count) * (ON_S + rest_s)
    time = np.concatenate(([0.0, 300.0, 600.0], *(np.r_[s + on, s + ON_S + off] for s in starts)))
    current = np.concatenate((np.zeros(3), np.tile(np.r_[np.ones(len(on)), np.zeros(len(off))], count)))
    rate = diffusivity / R_M**2
    state = sum(surface(rate * (time - s)) - surface(rate * (time - s - ON_S)) for s in starts) / (3 * rate * ON_S)
    noise = noise_v * np.random.default_rng(3).normal(size=len(time))
    return time, potential(state) + 0.004 * current + noise, current


@pytest.mark.parametrize("diffusivity", [1e-16, 1e-17, 3e-18])
@pytest.mark.parametrize("rest_s", [600.0, 7200.0])
def test_the_fit_knows_what_earlier_pulses_left(diffusivity, rest_s):
    """At 1e-17 m²/s and 2 h it gave 0.43 of the truth from the second pulse on, at 3e-18 m²/s nothing."""
    pulses = gitt(*record(diffusivity, rest_s), R_M)
    sound = [p for p in pulses if p.sound_fit is not None]
    assert len(sound) >= 4
    assert [p.number for p in sound] == list(range(1, len(sound) + 1))  # the last ones leave the measured potential
    assert [p.fit.diffusivity_m2_s / diffusivity for p in sound] == pytest.approx([1.0] * len(sound), rel=0.02)
    assert [p.validity for p in sound] == pytest.approx([ON_S * diffusivity / R_M**2] * len(sound), rel=0.02)
    assert all(POTENTIAL in p.fit_flags for p in pulses[len(sound) :] if p.fit is not None)


@pytest.mark.parametrize("diffusivity", [1e-16, 1e-17, 3e-18])
@pytest.mark.parametrize("rest_s", [600.0, 7200.0])
def test_its_interval_holds_the_truth_under_noise(diffusivity, rest_s):
    sound = [p.sound_fit for p in gitt(*record(diffusivity, rest_s, noise_v=1e-4), R_M) if p.sound_fit is not None]
    # ±1 % for what the shells and the sampling leave beside the noise
    assert np.mean([fit.low * 0.99 <= diffusivity <= fit.high * 1.01 for fit in sound]) >= 0.85


def test_what_the_record_does_not_show_is_flagged_and_has_no_interval():
    """Six pulses ran before the first row: the first fits are 0.65 to 0.95 of the truth."""
    time, voltage, current = record(1e-17, 2400.0, count=24)
    first = int(np.searchsorted(time, 600.0 + 6 * (ON_S + 2400.0) - 2000.0))
    cut = time[first:], voltage[first:], current[first:]
    pulses = gitt(*cut, R_M)
    early = [p for p in pulses if HISTORY in p.fit_flags]
    assert [p.number for p in early] == list(range(1, len(early) + 1))
    assert len(early) >= 3
    assert abs(early[0].fit.diffusivity_m2_s / 1e-17 - 1) > 0.1
    sound = [p for p in pulses if p.sound_fit is not None]
    assert [p.fit.diffusivity_m2_s / 1e-17 for p in sound] == pytest.approx([1.0] * len(sound), rel=0.02)
    values, findings = gitt_values(*cut, Cell(key="c"), R_M)
    assert "gitt-history-unknown" in {f.code for f in findings}
    fits = [v for v in values if v.conditions.method == MODEL]
    assert fits[0].flags == ()
    assert fits[0].value == pytest.approx(1e-17, rel=0.02)
    assert all((v.interval is None) == bool(v.flags) for v in fits[1:])
    assert gitt_table(pulses)["fit_flags"][0] == HISTORY


def test_the_tables_of_a_train_are_the_sum_of_its_responses():
    rng = np.random.default_rng(0)
    start = np.cumsum(rng.uniform(500.0, 5000.0, 12))
    stop, charge = start + rng.uniform(100.0, 400.0, 12), rng.uniform(0.5, 2.0, 12)
    rest_s = np.r_[start - 1.0, stop[-1] + 900.0]
    train = PulseTrain(start, stop, charge, rest_s, np.zeros(13))
    since = np.linspace(0.0, 2000.0, 50)
    part = TrainPart(train, 7, since)

    def ahead(time, flows, rate):
        grown = [surface_response(rate * (time - start[j])) - surface_response(rate * (time - stop[j])) for j in flows]
        return sum(charge[j] * (u / (3 * rate * (stop[j] - start[j])) - 1) for j, u in zip(flows, grown, strict=True))

    for rate in (3e-7, 1e-5, 2e-4):
        at = ahead(start[7] + since, range(7), rate) / charge[7]
        np.testing.assert_allclose(part.memory(rate), at, atol=2e-4 * max(np.abs(at).max(), 1.0))
        for k in (1, 5, 12):
            assert train.ahead(rate, slice(k, k + 1))[0] == pytest.approx(ahead(rest_s[k], range(k), rate), abs=2e-3)


def test_a_knee_of_the_potential_within_one_pulse_is_flagged():
    """The first pulse passes most of an exponential end of the potential: between two rests nobody knows its shape."""
    pulses = gitt(*record(1e-16, 7200.0, potential=lambda x: 3.8 + 0.006 * x + 0.1 * (1 - np.exp(-x / 0.3))), R_M)
    assert abs(pulses[0].fit.diffusivity_m2_s / 1e-16 - 1) > 0.5
    assert [POTENTIAL in p.fit_flags for p in pulses[:5]] == [True, True, False, False, False]
    assert [p.fit.diffusivity_m2_s / 1e-16 for p in pulses[2:14]] == pytest.approx([1.0] * 12, rel=0.02)


def test_a_row_under_current_that_has_no_duration_is_no_pulse():
    """A last pulse that meets the limit at once: its row has the time of the row before."""
    time = np.array([0.0, 10.0, 10.0, 310.0, 310.0, 3910.0, 3910.0, 3910.0, 7510.0])
    current = np.array([0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 1.0, 0.0, 0.0])
    (pulse,) = find_pulses(time, current)
    assert (pulse.start, pulse.stop, pulse.charge_mah) == (2, 4, pytest.approx(300.0 / 3600.0))
    voltage = 3.7 + 0.01 * np.cumsum(current)
    assert len(gitt(time, voltage, current, 1e-6)) == 1

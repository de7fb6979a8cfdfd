"""Numbers as people read them: `lirich.model.format`."""

from __future__ import annotations

import math
import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from lirich.model import Conditions, Interval, Operator, Origin, Subject, Value
from lirich.model.format import (
    capitalised,
    condition_name,
    condition_unit,
    format_apart,
    format_conditions,
    format_count,
    format_interval,
    format_number,
    format_quantity,
    format_rate,
    format_signed,
    format_signed_span,
    format_value,
)
from lirich.store.literature import load

DECAY = "voltage_decay_mv_per_cycle"


def interval(low: float, high: float, level: float = 0.95) -> Interval:
    return Interval(low=low, high=high, level=level, method="test")


def test_half_width_decides_the_decimals() -> None:
    assert format_quantity(0.4123, DECAY, interval(0.377, 0.447)) == "0.412 ± 0.035 mV/cycle"
    assert format_quantity(250.4, "specific_capacity_mah_g", interval(130.4, 370.4)) == "250 ± 120 mAh/g"


def test_skewed_interval_shows_its_ends() -> None:
    assert format_quantity(0.412, DECAY, interval(0.41, 0.55)) == "0.412 (0.410 … 0.550) mV/cycle"


def test_other_level_is_said() -> None:
    assert format_quantity(1.0, DECAY, interval(0.8, 1.2, level=0.9)) == "1.00 ± 0.20 mV/cycle [90 %]"


def test_without_interval_the_unit_decides() -> None:
    assert format_quantity(83.392, "initial_coulombic_efficiency") == "83.4 %"
    assert format_quantity(99.0123, "coulombic_efficiency") == "99.01 %"
    assert format_quantity(3.7391, "mean_discharge_voltage_v") == "3.739 V"
    assert format_quantity(233.5, "discharge_specific_capacity_mah_g") == "233.5 mAh/g"


def test_published_diffusivity_keeps_its_power_of_ten() -> None:
    assert format_quantity(9.3e-16, "lithium_diffusivity_m2_s") == "9.3×10⁻¹⁶ m²/s"
    assert format_quantity(9.3e-16, "lithium_diffusivity_m2_s", interval(8e-16, 10.6e-16)) == "(9.3 ± 1.3)×10⁻¹⁶ m²/s"


def test_a_small_number_is_not_written_as_zero() -> None:
    assert format_quantity(-0.0012, DECAY) == "−0.0012 mV/cycle"


def test_operators_and_ranges() -> None:
    value = Value(
        quantity="oxygen_release_onset_v",
        value=4.4,
        operator=Operator.RANGE,
        interval=interval(4.3, 4.5),
        subject=Subject(kind="material", key="m"),
        origin=Origin.LITERATURE,
    )
    assert format_value(value) == "4.30–4.50 V"
    above = value.model_copy(update={"operator": Operator.GREATER_EQUAL, "interval": None})
    assert format_value(above) == "≥ 4.400 V"


def test_dimensionless_has_no_unit() -> None:
    assert format_quantity(0.03, "diffusion_validity_number") == "0.03"


@pytest.mark.parametrize(
    ("rate", "text"),
    [
        (0.1, "C/10"), (0.05, "C/20"), (1 / 3, "C/3"), (1.0, "1C"), (2.0, "2C"), (1.5, "1.5C"),
        (0.0502, "C/20"), (0.33, "C/3"), (0.17, "C/6"),  # as measured, as a source rounds it
        (0.0629, "0.063C"), (0.0638, "0.064C"), (0.0602, "0.060C"), (0.0606, "0.061C"), (0.4, "0.40C"), (0.997, "1C"),
    ],
)  # fmt: skip
def test_rates_as_they_are_spoken(rate: float, text: str) -> None:
    assert format_rate(rate) == text


def test_counts_and_signs() -> None:
    assert [format_count(n).replace("\u202f", "_") for n in (4217, 11432, 2_000_000)] == ["4217", "11_432", "2_000_000"]
    assert [format_signed(x, decimals=2) for x in (2.456, -7.51, -0.001)] == ["+2.46", "−7.51", "0.00"]
    assert format_signed_span(-0.23, 0.156, significant=3) == "−0.23 … +0.156"
    assert format_signed_span(-0.23, None, significant=3) == ""


def test_conditions_say_what_is_stated_and_nothing_else() -> None:
    assert format_conditions(Conditions()) == ""
    stated = Conditions(
        voltage_lower_v=2.0, voltage_upper_v=4.8, rate_c=0.1, one_c_ma_g=250, temperature_celsius=25, cycle=50,
        reference_cycle=3, other={"grid_step_v": 0.002, "vendor_cycle": 50},
    )  # fmt: skip
    text = "2.0–4.8 V · C/10 · 1C = 250 mA/g · 25 °C · cycle 50 against 3 · grid step 0.002 V"
    assert format_conditions(stated) == text
    fit = Conditions(method="Theil–Sen", other={"first_cycle": 15, "last_cycle": 60, "n": 44, "cv": "left out"})
    assert format_conditions(fit) == "Theil–Sen · cycles 15 to 60 · n = 44 · constant-voltage parts left out"


def test_special_numbers() -> None:
    assert [format_number(x) for x in (math.nan, math.inf, -math.inf, 0.0)] == ["–", "∞", "−∞", "0"]
    assert format_number(1234567.0) == "1.235×10⁶"
    assert format_number(204512.0, decimals=0).replace("\u202f", "") == "204512"
    assert format_number(-0.0004, decimals=1) == "0.0"


def test_interval_alone() -> None:
    assert format_interval(interval(0.352, 0.518), DECAY) == "0.352 … 0.518 mV/cycle"
    assert format_interval(interval(9e-16, 1.25e-15), "lithium_diffusivity_m2_s") == "(0.90 … 1.25)×10⁻¹⁵ m²/s"
    assert format_interval(interval(4.3, 4.3), "oxygen_release_onset_v") == "4.300 … 4.300 V"


def back(text: str) -> float:
    """Read a number that `format_number` wrote."""
    match = re.fullmatch(r"(.*?)×10([⁰¹²³⁴⁵⁶⁷⁸⁹⁻]+)", text)
    plain = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")
    mantissa, power = (match.group(1), int(match.group(2).translate(plain))) if match else (text, 0)
    return float(mantissa.replace("−", "-").replace("\u202f", "")) * 10.0**power


@given(st.floats(min_value=-1e9, max_value=1e9, allow_subnormal=False))
def test_four_digits_survive(number: float) -> None:
    assert math.isclose(back(format_number(number)), number, rel_tol=6e-4, abs_tol=1e-300)


@given(st.floats(-1e4, 1e4), st.floats(1e-3, 1e3))
def test_rounding_stays_far_inside_the_interval(number: float, half: float) -> None:
    assume(half > 1e-5 * abs(number))  # narrower ones: see below
    text = format_quantity(number, DECAY, interval(number - half, number + half), unit=False)
    match = re.fullmatch(r"\(?(.+?) ± ([^)]+?)\)?(×10[⁰¹²³⁴⁵⁶⁷⁸⁹⁻]+)?", text)
    assert match is not None, text
    scale = match.group(3) or ""
    assert abs(back(match.group(1) + scale) - number) <= 0.051 * half * (1 + 1e-9)
    assert math.isclose(back(match.group(2) + scale), half, rel_tol=0.051)


@pytest.mark.parametrize(
    ("number", "half", "text"),
    [
        (0.18507123456789, 1e-14, "0.1850712 ± 1×10⁻¹⁴"),
        (0.0, 1e-14, "(0.0 ± 1.0)×10⁻¹⁴"),
        (3.7391, 0.0012, "3.7391 ± 0.0012"),
    ],
)
def test_no_interval_is_narrow_enough_for_fifteen_digits(number: float, half: float, text: str) -> None:
    assert format_quantity(number, DECAY, interval(number - half, number + half), unit=False) == text


def test_the_ends_of_a_very_narrow_interval_are_short_too() -> None:
    ends = format_interval(interval(0.18507123456788, 0.18507123456790), DECAY, unit=False)
    assert ends == "0.1850712 … 0.1850712"


@pytest.mark.parametrize(
    ("text", "capital"),
    [
        ("dQ/dV peak position", "dQ/dV peak position"),
        ("voltage decay", "Voltage decay"),
        ("mean-voltage gap", "Mean-voltage gap"),
        ("initial Coulombic efficiency", "Initial Coulombic efficiency"),
        ("", ""),
    ],
)
def test_a_symbol_keeps_its_first_letter(text: str, capital: str) -> None:
    assert capitalised(text) == capital


@pytest.mark.parametrize(
    ("name", "spoken", "unit"),
    [
        ("voltage_lower_v", "lower voltage", "V"),
        ("current_ma_g", "current", "mA/g"),
        ("temperature_celsius", "temperature", "°C"),
        ("charge_current_ma_g", "charge current", "mA/g"),
        ("current_ma", "current", "mA"),
        ("reference_cycle", "reference cycle", ""),
        ("soc_percent", "state of charge", "%"),
        ("method", "method", ""),
    ],
)
def test_conditions_are_spoken_of_by_name_and_unit(name: str, spoken: str, unit: str) -> None:
    assert (condition_name(name), condition_unit(name)) == (spoken, unit)


def test_a_number_and_its_interval_apart_have_the_same_decimals() -> None:
    volts = format_apart(3.56295, "computed_average_voltage_v", interval(3.5303, 3.5956))
    assert volts == ("3.563", "3.530 … 3.596")
    assert format_apart(23.709, "dopant_size_mismatch", interval(23.709, 23.709)) == ("23.7", "")


def test_published_numbers_keep_the_digits_of_their_record() -> None:
    facts = {int(v.provenance.parameters["record"]): v for v in load()}
    for record, text in (
        (1, "257 mAh/g"), (5, "97.3 %"), (11, "236.26 mAh/g"), (74, "82.5 %"), (77, "0.7 mV/cycle"),
        (96, "> 1000 Wh/kg"),
    ):  # fmt: skip
        assert format_value(facts[record]) == text
    for value in facts.values():  # a number that was printed in this unit stands there as it was printed
        printed = str(value.provenance.parameters["value_printed"])
        if value.operator is not Operator.RANGE and float(printed) == value.value:
            assert format_value(value, unit=False).split(" ")[-1].replace("\u202f", "") == printed
        low, high = (value.interval.low, value.interval.high) if value.interval else (value.value, value.value)
        numbers = [float(x) for x in re.findall(r"[\d.]+", format_value(value, unit=False).replace("\u202f", ""))]
        assert numbers == pytest.approx([low, high] if value.interval else [low], rel=1e-12)
    own = facts[1].model_copy(update={"origin": Origin.MEASURED})
    assert format_value(own) == "257.0 mAh/g"

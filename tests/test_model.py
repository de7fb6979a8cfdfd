"""The ground floor: values that check themselves and survive JSON exactly."""

from __future__ import annotations

import math
import pickle

import hypothesis.strategies as st
import pytest
from hypothesis import given
from pydantic import ValidationError

from lirich import errors
from lirich.errors import CompositionError, LirichError, UnitError, UnknownNameError
from lirich.model import (
    Cell,
    Composition,
    Conditions,
    Finding,
    Frozen,
    Interval,
    Operator,
    Origin,
    Provenance,
    RawFile,
    Recipe,
    Sample,
    Subject,
    Test,
    Value,
)
from lirich.model.asmade import ROUNDED, as_made
from lirich.model.listing import name_some
from lirich.quantities import QUANTITIES, convert, quantity

finite = st.floats(allow_nan=False, allow_infinity=False)
positive = st.floats(min_value=1e-9, max_value=1e9)
texts = st.text(max_size=30)
keys = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,20}[A-Za-z0-9]", fullmatch=True)
scalars = st.one_of(st.booleans(), st.integers(-(2**53), 2**53), finite, texts)
extras = st.dictionaries(st.text(min_size=1, max_size=10), scalars, max_size=3)
digests = st.from_regex(r"[0-9a-f]{64}", fullmatch=True)
formulas = st.sampled_from(["Li1.2Mn0.54Ni0.13Co0.13O2", "Li2MnO3", "Li[Li0.2Ni0.2Mn0.6]O2", "0.5Li2MnO3·0.5LiNiO2"])


def maybe(strategy):
    return st.none() | strategy


intervals = st.builds(
    lambda a, b, level, method: Interval(low=min(a, b), high=max(a, b), level=level, method=method),
    finite,
    finite,
    st.floats(min_value=0.01, max_value=0.99),
    texts,
)
conditions = st.builds(
    Conditions,
    cycle=maybe(st.integers(1, 10**6)),
    reference_cycle=maybe(st.integers(1, 10**6)),
    direction=maybe(st.sampled_from(["charge", "discharge"])),
    rate_c=maybe(positive),
    voltage_lower_v=maybe(finite),
    voltage_upper_v=maybe(finite),
    temperature_celsius=maybe(finite),
    method=maybe(texts),
    other=extras,
)
findings = st.builds(Finding, code=st.just("time-1000x"), message=texts, advice=texts, where=texts)
values = st.builds(
    Value,
    quantity=st.sampled_from(sorted(QUANTITIES)),
    value=finite,
    operator=st.sampled_from([o for o in Operator if o is not Operator.RANGE]),
    interval=maybe(intervals),
    subject=st.builds(Subject, kind=st.sampled_from(["cell", "sample", "material"]), key=keys),
    conditions=conditions,
    origin=st.sampled_from(list(Origin)),
    provenance=st.builds(Provenance, files=st.lists(digests, max_size=2).map(tuple), source=texts, parameters=extras),
    flags=st.lists(texts, max_size=2).map(tuple),
    note=texts,
)
ranges = st.builds(
    Value,
    quantity=st.sampled_from(sorted(QUANTITIES)),
    value=finite,
    operator=st.just(Operator.RANGE),
    interval=intervals,
    subject=st.just(Subject(kind="cell", key="x")),
    origin=st.sampled_from(list(Origin)),
)
samples = st.builds(
    Sample,
    key=keys,
    composition=maybe(formulas),
    morphology=maybe(st.sampled_from(["SC", "PC"])),
    dopant_percent=maybe(st.floats(0, 100)),
    recipe=maybe(st.builds(Recipe, route=maybe(texts), charged_li_tm_ratio=maybe(positive), extra=extras)),
    extra=extras,
)
cells = st.builds(Cell, key=keys, active_mass_mg=maybe(positive), simulated=st.booleans(), extra=extras)
tests = st.builds(
    Test,
    key=digests,
    cell=keys,
    raw=st.builds(RawFile, sha256=digests, name=texts, size=st.integers(0, 2**40)),
    reader=texts,
    reader_version=texts,
    confidence=st.floats(0, 1),
    curve=digests,
    rows=st.integers(1, 10**9),
    findings=st.lists(findings, max_size=2).map(tuple),
    metadata=extras,
)


@given(st.one_of(values, ranges, samples, cells, tests, conditions, findings, formulas.map(Composition.parse)))
def test_everything_round_trips_through_json(thing: Frozen) -> None:
    again = type(thing).from_json(thing.to_json())
    assert again == thing
    assert again.content_hash() == thing.content_hash()
    assert type(thing).from_json(again.to_json()).to_json() == thing.to_json()


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_no_value_is_nan_or_infinite(number: float) -> None:
    with pytest.raises(ValidationError):
        Value(
            quantity="coulombic_efficiency",
            value=number,
            subject=Subject(kind="cell", key="a"),
            origin=Origin.MEASURED,
        )


def test_values_are_frozen_and_strict() -> None:
    cell = Cell(key="SC-1", active_mass_mg=5.9)
    with pytest.raises(ValidationError):
        cell.active_mass_mg = 6.0  # type: ignore[misc]
    with pytest.raises(ValidationError):
        Cell(key="SC-1", aktive_mass_mg=5.9)  # type: ignore[call-arg]
    with pytest.raises(ValidationError):
        Cell(key="SC-1", active_mass_mg=-5.9)
    with pytest.raises(ValidationError, match="Did you mean 'coulombic_efficiency'"):
        Value(quantity="coulombic_eficiency", value=1, subject=Subject(kind="cell", key="a"), origin=Origin.MEASURED)


@pytest.mark.parametrize("key", ["", " a", "a ", "a/b", "a\\b", "a\nb", "x" * 200])
def test_a_key_is_a_safe_name(key: str) -> None:
    with pytest.raises(ValidationError):
        Cell(key=key)


def test_theoretical_and_formal_capacity_of_the_classic_composition() -> None:
    classic = Composition.parse("Li1.2Mn0.54Ni0.13Co0.13O2")
    # oxidation-state bookkeeping: 0.13·2 + 0.13·1 = 0.39 electrons of 1.2 Li; M = 85.28 g/mol
    assert classic.formal_tm_capacity_mah_g == pytest.approx(122.6, abs=0.1)
    assert classic.theoretical_capacity_mah_g == pytest.approx(377, abs=0.5)
    assert classic.li_tm_ratio == pytest.approx(1.5)
    # LiCoO2, the textbook case: 273.8 mAh/g, all of it cobalt's
    lco = Composition.parse("LiCoO2")
    assert lco.theoretical_capacity_mah_g == pytest.approx(273.8, abs=0.1)
    assert lco.formal_tm_capacity_mah_g == lco.theoretical_capacity_mah_g


def test_two_ways_to_write_one_composition() -> None:
    notation = Composition.parse("0.5Li2MnO3·0.5LiNi0.5Mn0.5O2")
    plain = Composition.parse("Li1.5Ni0.25Mn0.75O2.5")
    assert notation.amounts == pytest.approx(plain.amounts)
    assert notation.theoretical_capacity_mah_g == pytest.approx(plain.theoretical_capacity_mah_g)


@pytest.mark.parametrize(
    "formula", ["", "Lithium", "Xx2O", "LiM O2", "Li-1O2", "Li1.2Mn0.54(", "D2O", "x" * 500, "Li0"]
)
def test_what_is_no_formula_is_refused(formula: str) -> None:
    with pytest.raises(CompositionError):
        Composition.parse(formula)


@given(st.text(max_size=40))
def test_any_text_is_a_formula_or_a_typed_error(text: str) -> None:
    try:
        composition = Composition.parse(text)
    except CompositionError:
        return
    assert composition.molar_mass_g_mol > 0


@pytest.mark.parametrize(
    ("formula", "electrons"),
    [
        ("Li1.2Cr0.4Mn0.4O2", 1.2),  # Cr³⁺→⁶⁺
        ("Li1.2Fe0.4Mn0.4O2", 0.4),  # Fe³⁺→⁴⁺
        ("Li1.2Mn0.54Ni0.13Co0.13O2", 0.39),
        ("LiNiO2", 1.0),  # Ni³⁺→⁴⁺
        ("0.3Li2MnO3·0.7LiNi0.5Co0.2Mn0.3O2", 0.70),  # Ni2.40+: 0.35·1.60 + 0.14
        ("Li1.15Ni0.35Co0.05Mn0.45O2", 0.55),  # Ni2.571+: 0.35·1.429 + 0.05
        ("Li2MnO3", 0.0),
        ("Li1.2Mn0.4Ti0.4O2", 0.4),  # Mn³⁺→⁴⁺
        ("LiFePO4", 1.0),  # Fe²⁺ would give two, there is one Li
    ],
)
def test_electrons_of_the_metals_and_never_more_than_the_lithium(formula: str, electrons: float) -> None:
    composition = Composition.parse(formula)
    expected = composition.capacity_of_electrons_mah_g(electrons)
    assert composition.formal_tm_capacity_mah_g == pytest.approx(expected)


@pytest.mark.parametrize(
    ("formula", "states", "electrons", "least"),
    [
        # 0.01 of 4 charges too much is the rounding of 8/15 and 2/15
        ("Li1.2Mn0.54Ni0.13Co0.13O2", "Mn 4+, Ni 2+, Co 3+", 0.39, 0.39),
        ("0.3Li2MnO3·0.7LiNi0.5Co0.2Mn0.3O2", "Mn 4+, Ni 2.40+, Co 3+", 0.70, 0.70),
        ("Li1.15Ni0.35Co0.05Mn0.45O2", "Mn 4+, Ni 2.57+, Co 3+", 0.55, 0.55),
        ("Li1.2Ni0.2Mn0.5Ti0.1O2", "Mn 4+, Ni 2+", 0.4, 0.4),
        ("Li1.2Ni0.2Mn0.5Al0.1O2", "Mn 4+, Ni 2.50+", 0.3, 0.3),  # Al³⁺ for Mn⁴⁺
        ("Li1.2Mn0.4Ti0.4O2", "Mn 3+", 0.4, 0.4),  # a cation for each anion: nothing else than Mn³⁺ balances it
        ("Li1.2Mn0.54Ni0.13Co0.13O1.95", "Mn 3.80+, Ni 2+, Co 3+", 0.50, 0.39),  # Mn³⁺ or none: vacancies
        ("Li1.2Mn0.4Ru0.4O2", "Mn 4+", 0.0, 0.0),  # Ru may be the one that is reduced
        ("Li1.2Mn0.54Ni0.13Co0.13S0.05O1.95", "Mn 4+, Ni 2+, Co 3+", 0.39, 0.39),  # S²⁻ or S⁶⁺
        ("Li1.2Mn0.54Ni0.13Co0.13", "Mn 4+, Ni 2+, Co 3+", 0.39, 0.39),  # no anions: nothing to balance
    ],
)
def test_states_as_made_balance_the_formula(formula: str, states: str, electrons: float, least: float) -> None:
    made = Composition.parse(formula).as_made
    assert str(made) == states
    assert (made.electrons, made.least_electrons) == pytest.approx((electrons, least))
    assert made.unjudged == (("S",) if "S" in formula else ())


@given(
    st.lists(st.floats(0.0, 1.0), min_size=6, max_size=6).filter(lambda x: sum(x) > 0.1),
    st.floats(0.5, 2.0),
)
def test_electrons_left_follow_from_neutrality_whoever_takes_the_difference(x: list[float], lithium: float) -> None:
    amounts = {"Li": lithium, **dict(zip(("Ni", "Co", "Mn", "Fe", "Al", "O"), (*x[:5], 1.0 + 2.0 * x[5]), strict=True))}
    made = as_made({el: n for el, n in amounts.items() if n > 0}, may_reduce=True)
    charged = lithium + 4.0 * sum(x[:4]) + 3.0 * x[4]  # Ni, Co, Mn, Fe at 4+
    usual = 2.0 * x[0] + x[1] + x[3]
    most = usual + x[2] + x[1] + x[3] + x[2]  # Mn, Co, Fe down to 2+
    by_neutrality = min(max(charged - 2.0 * amounts["O"], 0.0), most, lithium)
    rounding = ROUNDED * 2.0 * amounts["O"]
    assert made.electrons == pytest.approx(by_neutrality, abs=rounding + 1e-9)
    assert made.electrons <= by_neutrality + 1e-9  # what is left as rounding makes it less, never more
    assert made.least_electrons <= made.electrons + 1e-9


def test_aluminium_and_magnesium_are_no_reason_to_call_an_oxide_li_rich() -> None:
    for formula, ratio in (
        ("LiNi0.8Co0.15Al0.05O2", 1.0),
        ("LiFePO4", 0.5),
        ("Li1.2Mn0.54Ni0.13Co0.13O2", 1.5),
        ("Li1.2Mn0.54Ni0.13Co0.08Al0.05O1.95F0.05", 1.5),
        ("Li2MnO3", 2.0),
    ):
        assert Composition.parse(formula).li_cation_ratio == pytest.approx(ratio)
    with pytest.raises(CompositionError):
        _ = Composition.parse("Li2O").li_cation_ratio


def test_metals_without_an_agreed_number_of_electrons_are_named() -> None:
    assert Composition.parse("Li1.2Mn0.5Ni0.13Co0.13Ti0.02Nb0.02O2").metals_without_redox_charge == ()
    assert Composition.parse("Li1.2Mn0.4Ru0.2Ni0.1V0.1O2").metals_without_redox_charge == ("Ru", "V")


def test_vocabulary_is_complete_and_spelled_by_the_rule() -> None:
    suffixes = {
        "mAh": "_mah", "mAh/g": "_mah_g", "mWh": "_mwh", "Wh/kg": "_wh_kg", "V": "_v", "Ω": "_ohm",
        "mV/cycle": "_mv_per_cycle", "%/cycle": "percent_per_cycle", "m²/s": "_m2_s", "°C": "_celsius", "eV": "_ev",
        "mA/g": "_ma_g", "µm": "_um", "nm": "_nm", "h": "_h", "mA": "_ma",
    }  # fmt: skip
    for q in QUANTITIES.values():
        assert q.definition, q
        assert q.reference, q
        assert q.symbol, q
        if q.unit in suffixes:
            assert q.key.endswith(suffixes[q.unit]), q
        if q.unit == "%":
            assert not q.key.endswith(("_percent", "_v", "_mah")), q


def test_units_convert_at_the_border_and_only_there() -> None:
    assert convert(413, "nm", "d50_um") == pytest.approx(0.413)
    assert (convert(413, "nm", "d50_um"), convert(0.25, "µm", "d_spacing_003_nm")) == (0.413, 250.0)
    assert convert(1e-10, "cm2/s", "lithium_diffusivity_m2_s") == pytest.approx(1e-14)
    assert convert(1.17e3, "K", "calcination_temperature_celsius") == pytest.approx(896.85)
    assert convert(0.257, "Ah/g", "discharge_specific_capacity_mah_g") == pytest.approx(257)
    for unit in ("V", "bananas", "", "mAh/", "__import__('os')"):
        with pytest.raises(UnitError):
            convert(1.0, unit, "discharge_specific_capacity_mah_g")
    with pytest.raises(UnknownNameError, match="Did you mean 'coulombic_efficiency'"):
        quantity("coulombic_efficency")


def test_a_cycle_is_a_count_and_not_an_angle() -> None:
    """A total without *per cycle* is no decay per cycle; in pint a cycle is 2π rad and 1 mV was 6.28 mV/cycle."""
    assert convert(0.0012, "V/cycle", "voltage_decay_mv_per_cycle") == pytest.approx(1.2)
    assert convert(0.001, "1/cycle", "capacity_fade_percent_per_cycle") == pytest.approx(0.1)
    assert convert(200, "cycles", "test_cycles") == pytest.approx(200)
    for unit, key in (
        ("mV", "voltage_decay_mv_per_cycle"),
        ("%", "capacity_fade_percent_per_cycle"),
        ("mAh/g", "low_voltage_capacity_growth_mah_g_per_cycle"),
        ("1", "test_cycles"),
        ("degree", "capacity_fade_knee_cycle"),
    ):
        with pytest.raises(UnitError):
            convert(1.0, unit, key)


def test_unlike_conditions_are_named() -> None:
    one = Conditions(voltage_lower_v=2.0, voltage_upper_v=4.8, rate_c=0.1)
    assert one.unlike(one) == ()
    assert one.unlike(Conditions(voltage_lower_v=2.005, voltage_upper_v=4.8, rate_c=0.105)) == ()
    assert one.unlike(Conditions(voltage_lower_v=2.0, voltage_upper_v=4.6, rate_c=1.0)) == ("rate_c", "voltage_upper_v")
    # what one side does not state is not equal to what the other states
    assert one.unlike(Conditions(voltage_lower_v=2.0, voltage_upper_v=4.8)) == ("rate_c",)


@pytest.mark.parametrize(
    ("field", "value", "alike", "apart"),
    [
        ("rate_c", 1.0, 0.91, 0.89),
        ("current_ma_g", 250.0, 226.0, 224.0),
        ("voltage_lower_v", 2.0, 2.009, 2.011),
        ("voltage_upper_v", 4.8, 4.791, 4.789),
        ("threshold_v", 3.5, 3.5009, 3.5011),
        ("temperature_celsius", 25.0, 26.9, 27.1),
        ("soc_percent", 50.0, 50.9, 51.1),
        ("particle_radius_m", 1e-6, 0.991e-6, 0.989e-6),
        ("cycle", 1, 1, 2),
        ("reference_cycle", 4, 4, 5),
        ("cycles", 100, 100, 101),
    ],
)
def test_how_far_apart_is_unlike(field: str, value: float, alike: float, apart: float) -> None:
    one = Conditions.model_validate({field: value})
    assert one.unlike(Conditions.model_validate({field: alike})) == ()
    assert one.unlike(Conditions.model_validate({field: apart})) == (field,)


@given(conditions, conditions)
def test_unlike_is_symmetric_and_reflexive(a: Conditions, b: Conditions) -> None:
    assert a.unlike(a) == ()
    assert a.unlike(b) == b.unlike(a)


def test_errors_say_found_expected_advice_and_survive_pickling() -> None:
    error = UnknownNameError.of("cell", "SC-11", ["SC-1", "SC-2", "PC-1"])
    assert str(error) == "Unknown cell 'SC-11'. Did you mean 'SC-1' or 'SC-2'?" or "Did you mean 'SC-1'" in str(error)
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), again.to_dict()) == (type(error), str(error), error.to_dict())
    kinds = [t for t in vars(errors).values() if isinstance(t, type) and issubclass(t, LirichError)]
    for kind in kinds:
        made = kind("found it", expected="this", advice="do that")
        assert str(pickle.loads(pickle.dumps(made))) == "found it. Expected: this. do that."


def test_a_range_has_its_ends_and_an_old_name_its_new_one() -> None:
    of = {
        "quantity": "particle_diameter_um",
        "value": 1.0,
        "origin": "literature",
        "subject": {"kind": "sample", "key": "a"},
    }
    with pytest.raises(ValidationError, match="range"):
        Value.model_validate({**of, "operator": "range"})
    ends = {"low": 0.5, "high": 1.5, "method": "as printed"}
    assert Value.model_validate({**of, "operator": "range", "interval": ends}).interval is not None
    old = Value.model_validate({**of, "quantity": "mean_coulombic_efficiency"})
    assert old.quantity == "median_coulombic_efficiency"


@pytest.mark.parametrize("key", [".", "..", "a\x7fb", "a\x85b", "SC-1\u202e", "SC\u20661", "\u200fSC-1", "a\u2028b"])
def test_a_name_that_looks_like_another_or_means_a_folder_is_refused(key: str) -> None:
    for kind in (Cell, Sample):
        with pytest.raises(ValidationError, match=r"no name|no control character|match pattern"):
            kind(key=key)


@pytest.mark.parametrize("key", ["...", ".a", "a.", "SC-1", "Zelle Ä 1", "単結晶-1", "a"])
def test_names_of_many_kinds_are_names(key: str) -> None:
    assert Cell(key=key).key == Sample(key=key).key == key


@pytest.mark.parametrize(
    ("asked", "key"),
    [("ice", "initial_coulombic_efficiency"), ("ICE", "initial_coulombic_efficiency"),
     ("voltage decay", "voltage_decay_mv_per_cycle"), ("CE", "coulombic_efficiency")],
)  # fmt: skip
def test_a_quantity_is_found_by_name_initials_and_symbol(asked, key):
    with pytest.raises(UnknownNameError) as error:
        quantity(asked)
    assert f"Did you mean {key!r}" in str(error.value)
    assert str(error.value).endswith("?")  # no full stop after it


def test_an_energy_per_mole_is_one_per_particle() -> None:
    assert convert(96.485332, "kJ/mol", "lithium_binding_energy_ev") == pytest.approx(1.0, rel=1e-7)
    assert convert(-23.0605, "kcal/mol", "adsorption_energy_ev") == pytest.approx(-1.0, rel=1e-5)
    assert convert(62.0, "kJ/mol", "donor_number_kcal_mol") == pytest.approx(62.0 / 4.184)
    with pytest.raises(UnitError):
        convert(1.0, "V", "homo_energy_ev")


def test_many_names_are_told_by_the_first_few_and_a_number() -> None:
    cells = [f"SC-{n}" for n in range(1, 8)]
    assert name_some(cells) == "SC-1, SC-2, SC-3, SC-4, SC-5 and 2 more"
    assert name_some(cells, 7) == ", ".join(cells)
    assert name_some(cells[:2], 1, between="; ") == "SC-1 and 1 more"
    assert name_some([]) == ""

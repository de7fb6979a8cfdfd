"""The numbers of the digitised real Li-rich cell (Kim et al., Energy Environ. Sci. 18 (2025) 4222)."""

from __future__ import annotations

import csv

import numpy as np
import pytest

from lirich.cycling.activation import activation
from lirich.cycling.dqdv import Smoothing, dqdv
from lirich.cycling.firstcycle import first_cycle_values
from lirich.cycling.formal import formal_split, formal_values, no_formal_split
from lirich.cycling.halfcycle import HalfCycle
from lirich.cycling.lowvoltage import high_voltage_capacity_mah, low_voltage_capacity_mah
from lirich.cycling.peaks import find_peaks, valley_between
from lirich.errors import NotEnoughDataError
from lirich.model import Cell, Composition, Conditions, Sample

MASS_MG = 1000.0  # the curves are per gram
FORMULA = "Li1.2Mn0.54Ni0.13Co0.13O2"
CELL = Cell(key="digitised", active_mass_mg=MASS_MG, electrode="cathode")


@pytest.fixture(scope="module")
def halves(shared_data) -> dict[tuple[int, str], HalfCycle]:
    rows: dict[tuple[int, str], list[tuple[float, float]]] = {}
    with open(shared_data / "cycling" / "lrlo_posco_cycle1_cycle10_digitized.csv") as file:
        for row in csv.DictReader(file):
            key = (int(row["cycle"]), row["direction"])
            rows.setdefault(key, []).append((float(row["voltage_V"]), float(row["capacity_mAh_g"])))
    made = {}
    for (cycle, direction), points in rows.items():
        voltage, capacity = np.array(points).T
        held = np.zeros(len(voltage), bool)
        made[cycle, direction] = HalfCycle(cycle, direction, voltage, capacity, None, None, held)
    return made


def by_quantity(values):
    return {v.quantity: v for v in values}


SMOOTHINGS = [
    Smoothing(),
    Smoothing(step_v=0.005),
    Smoothing(window_v=0.05),
    Smoothing(order=3, window_v=0.05),
]


@pytest.mark.data
@pytest.mark.parametrize("smoothing", SMOOTHINGS, ids=str)
def test_first_charge_has_its_two_peaks_and_the_valley_where_the_figure_has_them(halves, smoothing):
    curve = dqdv(halves[1, "charge"], smoothing)
    assert [p.voltage_v for p in find_peaks(curve)] == pytest.approx([3.90, 4.52], abs=0.03)
    assert valley_between(curve, 4.2, 4.5) == pytest.approx(4.27, abs=0.03)


@pytest.mark.data
def test_activation_is_split_at_the_valley(halves):
    found = activation(halves[1, "charge"])
    assert found.how == "valley"
    assert found.voltage_v == pytest.approx(4.27, abs=0.03)
    assert found.slope_mah + found.plateau_mah == pytest.approx(280.0, abs=0.1)
    # 15 mAh/g per 0.1 V in the valley; the sheet's 25–37 hold from 4.4 V on, where V* without a valley stands
    assert found.move_mah == pytest.approx(15.3, abs=1.0)
    voltage, capacity = halves[1, "charge"].voltage_v, halves[1, "charge"].capacity_mah
    assert np.diff(np.interp([4.35, 4.45], voltage, capacity))[0] == pytest.approx(25, abs=1.5)


@pytest.mark.data
def test_lean_refuses_a_curve_with_fewer_rows_than_levels(halves):
    with pytest.raises(NotEnoughDataError, match="savitzky-golay"):
        dqdv(halves[1, "charge"], Smoothing(method="lean"))


@pytest.mark.data
def test_low_and_high_voltage_capacity(halves):
    assert low_voltage_capacity_mah(halves[1, "discharge"]) == pytest.approx(62.3, abs=1.5)
    assert low_voltage_capacity_mah(halves[10, "discharge"]) == pytest.approx(43.0, abs=1.5)
    assert high_voltage_capacity_mah(halves[1, "charge"]) == pytest.approx(120.0, abs=3.0)


@pytest.mark.data
def test_first_cycle_as_values(halves):
    sample = Sample(key="s", composition=FORMULA)
    values, findings = first_cycle_values(halves[1, "charge"], halves[1, "discharge"], CELL, sample)
    assert findings == []
    found = by_quantity(values)
    assert found["initial_coulombic_efficiency"].value == pytest.approx(83.4, abs=0.3)
    assert found["irreversible_capacity_mah_g"].value == pytest.approx(46.5, abs=0.6)
    assert found["formal_tm_capacity_mah_g"].value == pytest.approx(122.6, abs=0.1)
    assert found["theoretical_capacity_mah_g"].value == pytest.approx(377.0, abs=0.5)
    assert found["formal_oxygen_capacity_mah_g"].value == pytest.approx(280.0 - 122.6, abs=0.3)
    assert all("formal" in found[k].flags for k in found if k.startswith("formal"))
    for key in ("slope_capacity_mah_g", "plateau_capacity_mah_g"):
        assert found[key].conditions.other["activation_voltage_v"] == found["activation_voltage_v"].value
        assert "valley" in found[key].conditions.method
    assert found["initial_coulombic_efficiency"].conditions.voltage_upper_v == pytest.approx(4.704)
    named = {v.conditions.other["peak"] for v in values if v.quantity == "dqdv_peak_voltage_v"}
    assert named == {"transition-metal", "high-voltage"}  # those of peaks followed over cycles: one peak, one name
    assert {v.origin.value for v in values} == {"measured"}
    simulated, _ = first_cycle_values(
        halves[1, "charge"], halves[1, "discharge"], CELL.model_copy(update={"simulated": True}), sample
    )
    assert {v.origin.value for v in simulated} == {"simulated"}


@pytest.mark.data
def test_missing_facts_are_asked_for_and_nothing_is_assumed(halves):
    values, findings = first_cycle_values(halves[1, "charge"], halves[1, "discharge"], Cell(key="bare"), None)
    assert {f.code for f in findings} == {"missing-electrode", "missing-active-mass-mg", "missing-composition"}
    assert {v.quantity for v in values} == {"activation_voltage_v", "dqdv_peak_voltage_v"}
    assert all("composition-unknown" in v.flags for v in values if v.quantity == "activation_voltage_v")


@pytest.mark.data
def test_a_cell_that_is_no_li_rich_cathode_gets_no_activation(halves):
    for cell, sample in (
        (CELL, Sample(key="s", composition="LiNi0.8Mn0.1Co0.1O2")),
        (CELL, Sample(key="s", composition="LiNi0.8Co0.15Al0.05O2")),
        (CELL.model_copy(update={"electrode": "full"}), Sample(key="s", composition=FORMULA)),
    ):
        values, findings = first_cycle_values(halves[1, "charge"], halves[1, "discharge"], cell, sample)
        assert [f.code for f in findings] == ["no-activation"]
        assert not {"activation_voltage_v", "formal_oxygen_capacity_mah_g"} & set(by_quantity(values))


@pytest.mark.parametrize(
    ("charged_mah_g", "highest_v", "why"),
    [
        (280.0, 4.7, ""),
        (390.0, 4.7, ""),  # within 5 % of the 377 mAh/g of all lithium
        (734_932.0, 4.7, "more than all lithium"),
        (100.0, 3.4, "below 4.4 V"),
        (100.0, 4.3998, "ends at 4.3998 V, below 4.4 V"),
    ],
)
def test_no_formal_split_of_a_charge_that_is_none_of_the_material(charged_mah_g, highest_v, why):
    assert why in no_formal_split(Composition.parse(FORMULA), charged_mah_g, highest_v)
    assert bool(no_formal_split(Composition.parse(FORMULA), charged_mah_g, highest_v)) is bool(why)
    voltage = np.linspace(3.0, highest_v, 500)
    charge = HalfCycle(
        cycle=1, direction="charge", voltage_v=voltage, capacity_mah=np.linspace(0, charged_mah_g, 500),
        current_ma=np.full(500, 20.0), time_s=np.linspace(0, 3600, 500), constant_voltage=np.zeros(500, dtype=bool),
    )  # fmt: skip
    values, findings = first_cycle_values(charge, None, CELL, Sample(key="s", composition=FORMULA))
    assert ("formal_oxygen_capacity_mah_g" in by_quantity(values)) is (not why)
    assert by_quantity(values)["theoretical_capacity_mah_g"].value == pytest.approx(377.0, abs=0.5)
    assert ("no-formal-split" in {f.code for f in findings}) is bool(why)


@pytest.mark.parametrize(
    ("formula", "states", "metals_mah_g", "oxygen_mah_g"),
    [
        (FORMULA, "Mn 4+, Ni 2+, Co 3+", 122.56, 157.44),
        ("0.3Li2MnO3·0.7LiNi0.5Co0.2Mn0.3O2", "Mn 4+, Ni 2.40+, Co 3+", 182.8, 97.2),
        ("Li1.15Ni0.35Co0.05Mn0.45O2", "Mn 4+, Ni 2.57+, Co 3+", 167.15, 112.85),
    ],
)
def test_the_split_books_what_is_left_of_the_states_as_made_and_states_them(
    formula, states, metals_mah_g, oxygen_mah_g
):
    values = by_quantity(formal_values(Composition.parse(formula), 280.0, CELL, Conditions()))
    metals, oxygen = values["formal_tm_capacity_mah_g"], values["formal_oxygen_capacity_mah_g"]
    assert (metals.value, oxygen.value) == pytest.approx((metals_mah_g, oxygen_mah_g), abs=0.05)
    assert metals.conditions.other["as_made"] == oxygen.conditions.other["as_made"] == states
    assert metals.conditions.unlike(oxygen.conditions.model_copy(update={"direction": None})) == ()


def test_metals_reduced_for_an_oxygen_content_do_not_lower_the_bound_on_oxygen():
    composition = Composition.parse("Li1.2Mn0.54Ni0.13Co0.13O1.95")
    values = by_quantity(formal_values(composition, 280.0, CELL, Conditions()))
    metals, oxygen = values["formal_tm_capacity_mah_g"], values["formal_oxygen_capacity_mah_g"]
    assert metals.value == pytest.approx(composition.capacity_of_electrons_mah_g(0.50))
    assert oxygen.value == pytest.approx(280.0 - composition.capacity_of_electrons_mah_g(0.39))
    assert "With 34.9 mAh/g" in metals.note
    assert "Without 34.9 mAh/g" in oxygen.note


def test_charges_that_cannot_be_balanced_bound_nothing():
    composition = Composition.parse("Li1.2Mn0.54Ni0.13Co0.13O1.95S0.05")
    assert "S may be an anion or a cation" in no_formal_split(composition, 280.0, 4.7)
    metals = by_quantity(formal_values(composition, 280.0, CELL, Conditions()))["formal_tm_capacity_mah_g"]
    assert "redox-charge-unknown" in metals.flags
    assert "S may be" in metals.note


def test_a_metal_without_an_agreed_number_of_electrons_is_said():
    for formula, flagged in ((FORMULA, False), ("Li1.2Mn0.4Ru0.4O2", True)):
        values = by_quantity(formal_values(Composition.parse(formula), 280.0, CELL, Conditions()))
        for key in ("formal_tm_capacity_mah_g", "formal_oxygen_capacity_mah_g"):
            assert ("redox-charge-unknown" in values[key].flags) == ("Ru" in values[key].note) == flagged
        assert "redox-charge-unknown" not in values["theoretical_capacity_mah_g"].flags


@pytest.mark.data
def test_a_charge_that_ends_before_the_plateau_has_no_activation(halves):
    charge = halves[1, "charge"]
    short = charge.voltage_v < 4.35
    cut = HalfCycle(
        1, "charge", charge.voltage_v[short], charge.capacity_mah[short], None, None, charge.constant_voltage[short]
    )
    with pytest.raises(NotEnoughDataError, match="plateau"):
        activation(cut)
    # a charge to 4.3998 V does not end at "4.40 V, below 4.4 V": as many digits as show that it is below
    for end, told in ((4.3998, "4.3998 V"), (4.35, "4.35 V"), (4.4, "4.4 V"), (4.399996, "4.399996 V")):
        last = HalfCycle(1, "charge", np.array([3.0, end]), np.array([0.0, 1.0]), None, None, np.zeros(2, bool))
        with pytest.raises(NotEnoughDataError, match=f"ends at {told}\\."):
            activation(last)
    _, findings = first_cycle_values(cut, None, CELL, Sample(key="s", composition=FORMULA))
    assert "not-enough-data" in {f.code for f in findings}


def test_without_a_valley_v_star_is_the_stated_fallback():
    voltage = np.linspace(3.5, 4.7, 1000)
    charge = HalfCycle(1, "charge", voltage, 200 * (voltage - 3.5), None, None, np.zeros(1000, bool))
    found = activation(charge)
    assert (found.how, found.voltage_v) == ("fallback", 4.4)
    assert found.slope_mah == pytest.approx(180.0)
    values, findings = first_cycle_values(charge, None, CELL, Sample(key="s", composition=FORMULA))
    assert "activation-voltage-fallback" in {f.code for f in findings}
    assert all("fallback" in by_quantity(values)[k].flags for k in ("activation_voltage_v", "plateau_capacity_mah_g"))


def test_the_convention_of_the_efficiency_follows_the_electrode():
    def ramp(direction, total):
        v = np.linspace(0.01, 1.5, 50)
        return HalfCycle(
            1,
            direction,
            v if direction == "charge" else v[::-1],
            np.linspace(0, total, 50),
            None,
            None,
            np.zeros(50, bool),
        )

    charge, discharge = ramp("charge", 3.2), ramp("discharge", 4.0)
    anode = by_quantity(first_cycle_values(charge, discharge, Cell(key="a", electrode="anode", active_mass_mg=10.0))[0])
    assert anode["initial_coulombic_efficiency"].value == pytest.approx(80.0)
    assert anode["initial_coulombic_efficiency"].conditions.method == "charge/discharge"
    assert anode["irreversible_capacity_mah_g"].value == pytest.approx(80.0)
    cathode = by_quantity(first_cycle_values(charge, discharge, CELL)[0])
    assert cathode["initial_coulombic_efficiency"].value == pytest.approx(125.0)


def test_formal_split_is_never_negative():
    split = formal_split(Composition.parse(FORMULA), 100.0)
    assert split.oxygen_mah_g == 0.0
    assert split.transition_metal_mah_g == pytest.approx(122.6, abs=0.05)

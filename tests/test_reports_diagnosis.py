"""What the report says in words must follow from the numbers."""

from __future__ import annotations

from dataclasses import replace

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lirich.model import Cell, Origin
from lirich.reports import sections
from lirich.reports.data import (
    CellReport,
    ComparisonReport,
    GroupRow,
    PairRow,
    QuantityRow,
    ReportData,
    SegmentRow,
)
from lirich.reports.diagnosis import Diagnosis, cause_of_voltage_decay, energy_loss
from lirich.reports.summary import structure_or_resistance, summarise, which_is_better
from report_material import made_up_cell, made_up_report, made_up_value


def aged(q: list[float], mid: list[float], gap: list[float]) -> CellReport:
    """A cell of ageing cycles; the first of them follows one that is like it."""
    table = pl.DataFrame({"discharge_capacity_mah": q, "mid_voltage_v": mid, "voltage_gap_v": gap})
    table = pl.concat([table.head(1), table]).with_columns(
        cycle=pl.int_range(1, pl.len() + 1),
        mean_charge_voltage_v=pl.col("mid_voltage_v") + pl.col("voltage_gap_v") / 2,
        mean_discharge_voltage_v=pl.col("mid_voltage_v") - pl.col("voltage_gap_v") / 2,
    )
    segment = SegmentRow("ageing", 1, table.height)
    return CellReport(cell=Cell(key="x"), cycles=table, segments=(segment,))


values = st.floats(0.5, 2.0)


@given(values, values, st.floats(3.2, 3.9), st.floats(3.2, 3.9), st.floats(0.05, 0.8), st.floats(0.05, 0.8))
def test_parts_of_the_energy_loss_leave_no_remainder(
    q0: float, q1: float, m0: float, m1: float, g0: float, g1: float
) -> None:
    loss = energy_loss(aged([q0, q1], [m0, m1], [g0, g1]), least=2)
    assert loss is not None
    whole = 100 * (1 - q1 * (m1 - g1 / 2) / (q0 * (m0 - g0 / 2)))
    assert loss.total_percent == pytest.approx(whole, abs=1e-7)


def test_each_cause_alone_is_that_part_alone() -> None:
    only_capacity = energy_loss(aged([1.0, 0.9], [3.6, 3.6], [0.3, 0.3]), least=2)
    only_structure = energy_loss(aged([1.0, 1.0], [3.6, 3.5], [0.3, 0.3]), least=2)
    only_resistance = energy_loss(aged([1.0, 1.0], [3.6, 3.6], [0.3, 0.5]), least=2)
    assert only_capacity is not None
    assert only_structure is not None
    assert only_resistance is not None
    assert only_capacity.capacity_percent == pytest.approx(10.0)
    assert only_capacity.structural_percent == only_capacity.polarisation_percent == 0
    assert only_structure.structural_percent == pytest.approx(100 * 0.1 / 3.45)
    assert only_resistance.polarisation_percent == pytest.approx(100 * 0.1 / 3.45)
    assert only_resistance.structural_percent == 0


def test_no_ageing_segment_no_energy_loss() -> None:
    cell = made_up_cell("x", curves=False)
    formation = CellReport(cell=cell.cell, cycles=cell.cycles, segments=(SegmentRow("formation", 1, 60),))
    assert energy_loss(formation) is None


@pytest.mark.parametrize(
    ("structural", "polarisation", "half", "cause"),
    [
        (0.8, 0.1, 0.05, "structure"),
        (0.1, 0.8, 0.05, "polarisation"),
        (0.5, 0.4, 0.2, "both"),
        (0.50, 0.49, 0.001, "both"),  # told apart, but not by a tenth
        (0.01, 0.01, 0.1, "none"),
    ],
)
def test_cause_is_named_only_where_the_intervals_carry_it(
    structural: float, polarisation: float, half: float, cause: str
) -> None:
    found = [
        made_up_value("voltage_decay_mv_per_cycle", structural + polarisation, "x", half),
        made_up_value("structural_voltage_decay_mv_per_cycle", structural, "x", half),
        made_up_value("polarisation_voltage_decay_mv_per_cycle", polarisation, "x", half),
    ]
    assert cause_of_voltage_decay(found)[0] == cause


def test_without_intervals_or_values_no_cause_is_named() -> None:
    bare = [
        made_up_value("structural_voltage_decay_mv_per_cycle", 0.8, "x"),
        made_up_value("polarisation_voltage_decay_mv_per_cycle", 0.1, "x"),
    ]
    assert cause_of_voltage_decay(bare)[0] == "unknown"
    assert cause_of_voltage_decay([])[0] == "unknown"


def compared(p: float | None, effect: tuple[float, float], better_first: bool = True) -> ReportData:
    low, high = (0.4, 0.9) if better_first else (0.9, 0.4)
    row = QuantityRow(
        "voltage_decay_mv_per_cycle",
        (GroupRow("SC", (("a", low), ("b", low)), low), GroupRow("PC", (("c", high), ("d", high)), high)),
        (PairRow("SC", "PC", sum(effect) / 2, *effect, p, p),),
    )
    return ReportData(
        "t",
        tuple(made_up_cell(k, curves=False) for k in "ab"),
        ComparisonReport("morphology", (row,), warnings=("few",)),
    )


def test_better_is_said_only_when_secured() -> None:
    secured = which_is_better(compared(0.01, (-3.0, -1.0)))
    assert secured.answer.startswith("SC: better in 1 of 1")
    assert secured.evidence[0].verdict == "SC is better"  # less decay is better
    assert secured.caveats == ("few",)
    hinted = which_is_better(compared(0.2, (-3.0, -1.0)))
    assert "No difference is secured" in hinted.answer
    assert hinted.evidence[0].verdict == "SC seems better, not secured"
    open_ = which_is_better(compared(0.6, (-1.0, 1.0)))
    assert open_.evidence[0].verdict == "cannot be told apart"
    assert "PC is better" in which_is_better(compared(0.01, (1.0, 3.0), better_first=False)).evidence[0].verdict


def test_a_refused_quantity_is_a_caveat_with_its_reason() -> None:
    row = QuantityRow("capacity_retention", refused="unlike conditions: voltage_upper_v (4.8 against 4.6)")
    data = ReportData("t", (made_up_cell("a", curves=False),), ComparisonReport("morphology", (row,)))
    answer = which_is_better(data)
    assert answer.answer == "The groups could not be compared."
    assert "voltage_upper_v (4.8 against 4.6)" in answer.caveats[0]


def test_single_cells_are_not_called_samples() -> None:
    data = made_up_report(1, 1, literature=False)
    better, lost, cause = summarise(data)
    assert "no difference between samples is claimed" in better.answer
    assert "most" in lost.answer
    assert cause.answer.startswith("Structure")
    assert "nothing to compare" in which_is_better(made_up_report(1, 0)).answer


def test_the_answers_of_the_made_up_cells_are_their_truth() -> None:
    _, lost, cause = summarise(made_up_report())
    assert lost.answer.startswith("Capacity most")
    assert cause.answer == "Structure, in all 7 cells where it can be told."
    texts = " ".join(e.text for e in cause.evidence)
    assert "74.5" in texts.replace("\N{NO-BREAK SPACE}", " ")  # 0.35/(0.35 + 0.12)


def split(cell: str, structural: float | None) -> Diagnosis:
    if structural is None:
        return Diagnosis(cell, None, "unknown", "The voltage decay is not split: too few comparable ageing cycles.")
    parts = (
        made_up_value("structural_voltage_decay_mv_per_cycle", structural, cell, 0.03),
        made_up_value("polarisation_voltage_decay_mv_per_cycle", 0.12, cell, 0.02),
    )
    return Diagnosis(cell, None, *cause_of_voltage_decay(parts), parts)


def test_median_and_range_are_said_of_the_cells_that_have_them() -> None:
    cells = [split("a", 0.3), split("b", 0.5), split("c", 0.4), split("d", None)]
    answer = structure_or_resistance(cells, dict.fromkeys("abcd", "SC"))
    (one,) = answer.evidence
    assert one.label == "SC (3 of 4 cells)"
    text = one.text.replace("\N{NO-BREAK SPACE}", " ")
    assert text == "median and range: structure 0.40 (0.30 … 0.50) mV/cycle, polarisation 0.12 mV/cycle."
    assert "SC: no split of the voltage decay of d." in answer.caveats


def test_an_answer_has_the_origins_of_the_cells_that_it_can_be_told_of() -> None:
    """A measured cell that is not split is named with its origin, and the answer rests on the simulated ones alone."""
    simulated = [replace(split(name, 0.3), origin=Origin.SIMULATED) for name in "abc"]
    answer = structure_or_resistance([split("m", None), *simulated], {"m": "Kim", "a": "SC", "b": "SC", "c": "SC"})
    assert answer.answer == "Structure, in the 3 of 4 cells where it can be told."
    assert answer.origins == (Origin.SIMULATED,)
    assert {one.label: one.origins for one in answer.evidence} == {
        "m": (Origin.MEASURED,),
        "SC (3 cells)": (Origin.SIMULATED,),
    }
    mixed = structure_or_resistance([split("m", 0.3), *simulated], {"m": "Kim", "a": "SC", "b": "SC", "c": "SC"})
    assert mixed.origins == (Origin.MEASURED, Origin.SIMULATED)
    nothing = structure_or_resistance([replace(split("a", None), origin=Origin.SIMULATED)], {"a": "SC"})
    assert nothing.origins == (Origin.SIMULATED,)


def test_a_single_cell_has_no_median_and_no_range() -> None:
    cells = [split("a", 0.3), split("b", None), split("c", None)]
    answer = structure_or_resistance(cells, dict.fromkeys("abc", "SC"))
    assert [one.label for one in answer.evidence] == ["a"]
    assert "median" not in answer.evidence[0].text
    assert "0.300 ± 0.030" in answer.evidence[0].text
    assert "SC: no split of the voltage decay of b, c." in answer.caveats
    none = structure_or_resistance([split("a", 0.3), split("b", None)], {"a": "SC", "b": "PC"})
    assert [(one.label, "not split" in one.text) for one in none.evidence] == [("a", False), ("b", True)]


@pytest.mark.parametrize(("cycles", "told"), [(3, False), (4, False), (5, True), (9, True)])
def test_what_is_lost_needs_as_many_cycles_as_a_slope(cycles: int, told: bool) -> None:
    fall = [1.0 - 0.02 * i for i in range(cycles)]
    cell = aged(fall, [3.6] * cycles, [0.3] * cycles)
    assert (energy_loss(cell) is not None) is told
    others = tuple(CellReport(cell=Cell(key=f"fresh-{i}")) for i in range(3))
    _, lost, cause = summarise(ReportData("t", (cell, *others)))
    said = " ".join(lost.caveats)
    for name in ("fresh-0", "fresh-1", "fresh-2"):
        assert name in said  # every cell that lacks it is named
        assert name in " ".join(e.label for e in cause.evidence)
    assert "none" in said
    if told:
        assert lost.answer.endswith("in the 1 of 4 cells where it can be told.")
    else:
        assert lost.answer.startswith("Cannot be told: no cell has 5")
        assert f"x: {cycles}" in said


def test_a_secured_difference_beside_the_headlines_is_named_and_not_folded() -> None:
    headline = compared(0.6, (-1.0, 1.0)).comparison
    assert headline is not None
    beside = QuantityRow(
        "irreversible_capacity_mah_g",
        (GroupRow("SC", (("a", 5.2), ("b", 5.2)), 5.2), GroupRow("PC", (("c", 4.9), ("d", 4.9)), 4.9)),
        (PairRow("SC", "PC", 2.5, 1.0, 4.0, 0.004, 0.0095),),
    )
    open_ = replace(beside, quantity="plateau_capacity_mah_g", pairs=(PairRow("SC", "PC", 0.1, -1.0, 1.0, 0.6, 0.9),))
    data = replace(compared(0.6, (-1.0, 1.0)), comparison=replace(headline, rows=(*headline.rows, open_, beside)))
    answer = which_is_better(data)
    assert answer.answer == "PC is better in first-cycle irreversible capacity. Secured: 1 of 3 comparisons."
    assert [e.verdict for e in answer.evidence] == ["PC is better", "cannot be told apart"]
    shown, folded = sections.compared(data)
    assert shown == [*headline.rows, beside]
    assert folded == [open_]
    without_direction = replace(beside, quantity="plateau_capacity_mah_g")
    won = compared(0.01, (-3.0, -1.0)).comparison
    assert won is not None
    more = replace(data, comparison=replace(won, rows=(*won.rows, beside, without_direction, open_)))
    assert which_is_better(more).answer == (
        "SC: better in 1 of 1 headline comparisons, worse in none. 2 of 3 others are secured: PC is better in 1, "
        "neither is better in 1."
    )


def test_cells_that_are_not_analysed_are_told_to_be_analysed() -> None:
    new = [CellReport(cell=Cell(key=key), analysed=False) for key in ("new-1", "new-2")]
    for answer in summarise(ReportData("t", tuple(new))):
        assert answer.answer == "Not analysed: run lirich analyse."
        assert not answer.evidence + answer.caveats
    known = tuple(made_up_cell(k, curves=False) for k in "ab")
    _, lost, why = summarise(ReportData("t", (*known, *new)))
    assert lost.caveats[0] == why.caveats[0] == "Not analysed: run lirich analyse (new-1, new-2)."
    assert not any("new-1" in text for text in (lost.answer, *(e.label for e in lost.evidence), *lost.caveats[1:]))

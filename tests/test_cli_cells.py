"""``lirich cells`` fits a screen or two, marks what is in doubt, and says where all of it is."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import polars as pl
import pytest
from rich.console import Console

from lirich.cli import cells as shown
from lirich.cli import output
from lirich.cli.comparison import show_comparison
from lirich.cli.fold import MOST_SEGMENTS, fold_segments, fold_values
from lirich.cycling import Segment
from lirich.errors import NotEnoughDataError
from lirich.model import Cell, Conditions, Finding, Origin, Severity, Subject, Value
from lirich.model.flags import FLAGS, UNSOUND, Marks, meaning
from lirich.testing.laboratory import make_laboratory
from lirich.workbench import Workspace

SCREENS = 120
"""Lines: about two screens of a usual terminal."""


@pytest.fixture(scope="module")
def gitt_cell(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    root = tmp_path_factory.mktemp("gitt")
    make_laboratory(root / "files", n_sc=0, n_pc=0, cycles=4, diffusion_cells=True, physics="curves")
    workspace = Workspace.create(root / "ws")
    workspace.add(root / "files" / "SC-GITT.csv")
    workspace.analyse()
    return workspace


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Console:
    out = Console(width=160, record=True, file=io.StringIO(), highlight=False)
    for module in (shown, output):
        monkeypatch.setattr(module, "console", lambda stderr=False: out)
    monkeypatch.setattr("lirich.cli.comparison.console", lambda: out)
    return out


def test_a_gitt_cell_of_a_thousand_values_fits_two_screens(gitt_cell: Workspace, lines: Console) -> None:
    view = gitt_cell.cells["SC-GITT"]
    assert len(view.values) > 900
    shown.show_cell(view)
    text = lines.export_text()
    assert len(text.splitlines()) < SCREENS
    assert "lirich cells SC-GITT --all" in text
    assert "regression on √t" in text
    assert re.search(r"\b123\b.* 3 out-of-validity", text)


def test_all_of_it_is_printed_on_request_and_in_json(gitt_cell: Workspace, lines: Console) -> None:
    view = gitt_cell.cells["SC-GITT"]
    shown.show_cell(view, everything=True)
    assert lines.export_text().count("chemical diffusivity of lithium") == sum(
        v.quantity == "lithium_diffusivity_m2_s" for v in view.values
    )
    told = json.loads(json.dumps(shown.cell_dict(view)))
    assert len(told["runs"][0]["values"]) == len(view.values)
    assert len(told["runs"][0]["segments"]) == len(view.segments)


def test_a_notebook_shows_the_cell_without_its_single_pulses(gitt_cell: Workspace) -> None:
    shown_there = gitt_cell.cells["SC-GITT"]._repr_html_()
    assert shown_there.count("chemical diffusivity of lithium") == 6  # the medians of three methods, two directions
    assert "formal: bookkeeping" in shown_there


def test_the_folded_pulses_are_those_of_the_values(gitt_cell: Workspace) -> None:
    view = gitt_cell.cells["SC-GITT"]
    whole = fold_values(view.values)
    pulses = sum(v.quantity == "lithium_diffusivity_m2_s" and v.conditions.soc_percent is not None for v in view.values)
    assert sum(int(row[3]) for row in whole.pulses if row[0].startswith("D̃")) == pulses
    assert whole.hidden == sum(int(row[3]) for row in whole.pulses)


def test_the_pulses_are_within_reach(gitt_cell: Workspace, tmp_path: Path) -> None:
    view = gitt_cell.cells["SC-GITT"]
    pulses = view.gitt_pulses()
    assert pulses["direction"].unique(maintain_order=True).to_list() == ["charge", "discharge"]
    charge = pulses.filter(direction="charge")
    assert charge["equilibrium_v"].is_sorted()  # more lithium taken out, higher voltage at rest
    assert charge["soc_percent"].is_sorted()
    medians = [v for v in view.values if v.conditions.other.get("statistic") and v.conditions.direction == "charge"]
    median = next(v for v in medians if "√t" in str(v.conditions.method))
    assert charge["regression_m2_s"].median() == pytest.approx(median.value)
    from lirich.workbench.export import export

    export(gitt_cell, tmp_path / "out")
    assert pl.read_csv(tmp_path / "out" / "SC-GITT.pulses.csv").height == pulses.height


def test_former_facts_and_corrections_are_shown(tmp_path: Path, small_laboratory: Path, lines: Console) -> None:
    workspace = Workspace.create(tmp_path / "ws")
    workspace.add(small_laboratory / "SC-2.csv", cell="mine", facts={"active_mass_mg": 10.0})
    workspace.set_facts("mine", {"active_mass_mg": 11.5, "dopant": "Nb"})
    workspace.correct("mine", (1, 3), "formation")
    workspace.clear_corrections("mine")
    changes = workspace.cells["mine"].history
    mass = [(c.before, c.after) for c in changes if c.field == "active_mass_mg"]
    assert mass[-2:] == [(None, 10.0), (10.0, 11.5)] or mass[-1] == (10.0, 11.5)
    assert [(c.kind, c.after) for c in changes if c.field == "dopant"] == [("sample", "Nb")]
    assert [(c.before, c.after) for c in changes if c.kind == "protocol"] == [(None, "formation"), ("formation", None)]
    assert [c.unix_second for c in changes] == sorted(c.unix_second for c in changes)
    shown.show_history(workspace.cells["mine"].history)
    assert "11.5" in lines.export_text()


def segment(kind: str, first: int, last: int, reason: str, **more: object) -> Segment:
    return Segment(kind=kind, first_cycle=first, last_cycle=last, reason=reason, **more)


def test_a_long_test_is_folded_by_what_its_cycles_are_for() -> None:
    ageing = [segment("ageing", 3 + 26 * i, 27 + 26 * i, "950 cycles at one rate") for i in range(38)]
    checks = [segment("check_up", 28 + 26 * i, 28 + 26 * i, "1 cycle slower") for i in range(37)]
    rests = [segment("rest", i, i, f"rest of {i} h", purpose=False) for i in range(1, 200)]
    rows = fold_segments([segment("formation", 1, 2, "slow"), *ageing, *checks, *rests])
    assert [row[0].strip() for row in rows] == ["formation", "ageing", "check_up", "rest"]
    assert rows[1][1].startswith("3–27, 29–53")
    assert rows[1][1].endswith("965–989")
    assert rows[3][3] == "199 stretches; the first: rest of 1 h"
    assert len(fold_segments([*ageing, *checks, *rests], everything=True)) == 38 + 37 + 199


def test_a_short_protocol_stays_in_the_order_of_the_test() -> None:
    short = [segment("ageing" if i % 2 else "check_up", i, i, "why") for i in range(MOST_SEGMENTS)]
    assert [row[1] for row in fold_segments(short)] == [str(i) for i in range(MOST_SEGMENTS)]


def test_cycles_are_listed_as_the_file_and_as_the_cycler_counts_them() -> None:
    rows = fold_segments([segment("formation", 1, 2, "slow"), segment("ageing", 3, 9, "like")],
                         counted={n: n + 8 for n in range(1, 10)})  # fmt: skip
    assert [row[:3] for row in rows] == [("formation", "1–2", "9–10"), ("ageing", "3–9", "11–17")]


def made(key: str, number: float, **conditions: object) -> Value:
    flags = conditions.pop("flags", ())
    return Value(
        quantity=key, value=number, subject=Subject(kind="cell", key="c"), origin=Origin.MEASURED,
        conditions=Conditions.model_validate(conditions), flags=flags,
    )  # fmt: skip


def test_no_value_is_lost_in_folding() -> None:
    values = [
        *(made("coulombic_efficiency", 99 + 0.1 * c, cycle=c) for c in range(1, 9)),
        *(made("hysteresis_at_soc_v", 0.3, cycle=c, soc_percent=s) for c in (3, 20) for s in (25.0, 50.0)),
        *(made("diffusion_validity_number", 0.01 * i, cycle=4, soc_percent=float(i)) for i in range(1, 31)),
        made("voltage_decay_mv_per_cycle", 1.5, cycles=20),
    ]
    whole = fold_values(values)
    in_table = sum(entry != "" for row in whole.by_cycle for entry in row[1 : 1 + len(whole.cycles)])
    in_pulses = sum(int(row[3]) for row in whole.pulses)
    assert in_table + len(whole.figures) + in_pulses == len(values)
    assert in_pulses == whole.hidden == 30


def test_a_peak_of_the_first_charge_hides_none_of_those_followed() -> None:
    def peak(at_v: float, height: float, name: str, **conditions: object) -> list[Value]:
        stated = {"cycle": 1, "direction": "charge", "other": {"peak": name}, **conditions}
        return [made("dqdv_peak_voltage_v", at_v, **stated), made("dqdv_peak_height_mah_g_v", height, **stated)]

    followed = {"segment": "pseudo_ocv"}
    values = [
        *peak(4.692, 1083.0, "high-voltage 2"),
        *peak(4.753, 1723.0, "high-voltage", **followed),
        *peak(4.692, 1083.0, "high-voltage 2", **followed),
    ]
    rows = fold_values(values).peaks
    assert [(row[0], row[3][:4]) for row in rows] == [("high-voltage 2", "4.69"), ("high-voltage", "4.75")]
    # and where the two were named apart, neither is lost
    rows = fold_values([*peak(4.692, 1083.0, "high-voltage"), *values[2:]]).peaks
    assert {(row[0], row[3][:4]) for row in rows} == {
        ("high-voltage", "4.69"), ("high-voltage", "4.75"), ("high-voltage 2", "4.69")
    }  # fmt: skip


def test_a_flag_of_a_whole_cycle_is_said_in_its_head() -> None:
    flagged = {"cycle": 1, "flags": ("unlike-charge-current",)}
    whole = fold_values([made("coulombic_efficiency", 80, **flagged), made("mid_voltage_v", 3.7, **flagged)])
    assert whole.cycles == ["cycle 1*"]
    assert not any("*" in entry for row in whole.by_cycle for entry in row)
    assert whole.marks.lines == ["* unlike-charge-current: another charge current than the ageing cycles"]


def test_the_head_of_a_cycle_says_which_rate_is_of_which_direction() -> None:
    sides = [
        made("charge_capacity_mah", 1.0, cycle=4, direction="charge", rate_c=0.1),
        made("discharge_capacity_mah", 1.0, cycle=4, direction="discharge", rate_c=1.0),
    ]
    assert fold_values(sides).cycles == ["cycle 4\nC/10 charge\n1C discharge"]
    assert fold_values(sides[1:]).cycles == ["cycle 4\n1C discharge"]
    alike = [sides[0], made("discharge_capacity_mah", 1.0, cycle=4, direction="discharge", rate_c=0.1)]
    assert fold_values(alike).cycles == ["cycle 4\nC/10"]


def test_rates_without_a_mass_are_told_apart_by_their_current() -> None:
    one, two = ({"current_ma": x, "reference_current_ma": 1.0} for x in (1.0, 2.0))
    rates = fold_values([made("rate_capability", 100, other=one), made("rate_capability", 95, other=two)])
    assert [row[2] for row in rates.figures] == ["current 1 mA", "current 2 mA"]


def test_marks_are_told_apart_and_explained_once() -> None:
    marks = Marks()
    given = [marks.note(f"remark {i}", where="SC-1") for i in range(12)]
    assert len(set(given)) == 12
    assert marks.note("remark 0", where="SC-2") == given[0] == "*"
    assert marks.lines[0] == "* remark 0 (SC-1, SC-2)"
    assert set(FLAGS) >= UNSOUND


def test_every_flag_of_the_package_has_a_meaning(gitt_cell: Workspace) -> None:
    flags = {f for v in (*gitt_cell.cells["SC-GITT"].values, *gitt_cell.literature) for f in v.flags}
    assert {"out-of-validity", "not-relaxed", "formal", "conflict"} <= flags
    assert [f for f in flags if not meaning(f)] == []


# --- a cell that was partly charged when its test began ----------------------------------------------------


@pytest.fixture(scope="module")
def partly_charged(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    root = tmp_path_factory.mktemp("partly")
    make_laboratory(root / "files", n_sc=3, n_pc=3, cycles=9, formats=["bdf-csv"], continued=False, physics="curves")
    file = root / "files" / "SC-1.bdf.csv"
    table = pl.read_csv(file)
    charged = (pl.col("voltage_volt") > 4.5) & (pl.col("current_ampere") > 0)
    table[int(table.select(charged.arg_max()).item()) :].write_csv(file)
    workspace = Workspace.create(root / "ws")
    workspace.add(root / "files")
    workspace.analyse()
    return workspace


def test_the_table_marks_its_efficiency_and_says_why(partly_charged: Workspace, lines: Console) -> None:
    assert partly_charged.cells["SC-1"].value("initial_coulombic_efficiency").value > 102
    shown.list_cells(partly_charged, json=False)
    text = lines.export_text()
    assert re.search(r"^SC-1 .* \d{3}\.\d\*", text, re.MULTILINE)
    assert not re.search(r"^SC-2 .*\*", text, re.MULTILINE)
    assert re.search(r"^\* first-charge-partial: .*\(SC-1\)$", text, re.MULTILINE | re.DOTALL)


def test_the_comparison_leaves_it_out_and_marks_the_row(partly_charged: Workspace, lines: Console) -> None:
    asked = ["initial_coulombic_efficiency", "plateau_capacity_mah_g", "voltage_decay_mv_per_cycle"]
    comparison = partly_charged.compare("morphology", quantities=asked)
    by_quantity = {row.quantity: row for row in comparison.rows}
    efficiency = by_quantity["initial_coulombic_efficiency"]
    assert [g.cells for g in efficiency.groups if g.group == "SC"] == [("SC-2", "SC-3")]
    assert any(w.startswith("SC-1 (SC) left out, first-charge-partial") for w in efficiency.warnings)
    assert not any("no value of SC-1" in w for w in efficiency.warnings)
    assert "SC-1" not in [c for g in by_quantity["plateau_capacity_mah_g"].groups for c in g.cells]
    assert not by_quantity["voltage_decay_mv_per_cycle"].warnings
    show_comparison(comparison)
    text = lines.export_text()
    assert "initial Coulombic efficiency (%)*" in text
    assert "* SC-1 (SC) left out, first-charge-partial" in text


def test_the_report_marks_it_and_no_place_is_given_among_published_values(
    partly_charged: Workspace, tmp_path: Path
) -> None:
    from lirich.reports import write_report

    text = write_report(partly_charged, tmp_path / "r.html").read_text(encoding="utf-8")
    assert re.search(r'data-head="Initial CE \(%\)">\d{3}\.\d\*<', text)
    assert re.search(r'<p class="fine">\* first-charge-partial: .*\(<span class="tied">SC-1</span>\)</p>', text)
    (said,) = re.findall(r"<li>(Initial Coulombic efficiency \(.*? would be the .*?)</li>", text)
    assert {name for name in ("SC-1", "SC-2", "SC-3", "PC-1") if f">{name}</span>" in said} == {"SC-2", "SC-3", "PC-1"}


def test_what_follows_from_the_composition_is_of_no_cycle(partly_charged: Workspace) -> None:
    view = partly_charged.cells["PC-1"]
    for key in ("theoretical_capacity_mah_g", "formal_tm_capacity_mah_g"):
        assert set(view.value(key).conditions.other) <= {"as_made"}  # no count of a cycle
    assert view.value("initial_coulombic_efficiency").conditions.other["vendor_cycle"] == 1


def test_like_findings_of_many_places_are_counted(lines: Console) -> None:
    many = [Finding(code="gitt-not-relaxed", message=f"{i} of 126 rests still move", where="c") for i in range(9)]
    output.show_findings(many)
    text = lines.export_text()
    assert text.count("rests still move") == output.MOST_OF_ONE_KIND
    assert "and 6 more like it" in text
    assert "… and 6 more; --json shows all" in text
    output.show_findings(many, limit=None)
    assert lines.export_text().count("rests still move") == 9


def test_different_findings_of_one_code_are_all_printed(lines: Console) -> None:
    facts = ("temperature_celsius", "particle_diameter_um", "one_c_ma_g", "electrode_area_cm2", "composition")
    found = [Finding(code="fact-implausible", message=f"{f} of {c} is {n} so", where=c)
             for n, c in enumerate("abcd") for f in facts]  # fmt: skip
    output.show_findings(found)
    text = lines.export_text()
    assert all(f"{fact} of a is 0 so" in text for fact in facts)
    assert "… and 8 more" in text
    output.show_findings([*found[:15], Finding(code="other", severity=Severity.INFO, message="and this")])
    assert "and this" in lines.export_text()  # one of each kind goes before more of the same


def test_a_cell_that_is_called_as_a_technique_keeps_its_name(lines: Console) -> None:
    found = [
        Finding(code="gitt-out-of-validity", message="121 of 121 GITT pulses have τD/R² above 0.03", where="GITT"),
        Finding(code="ici-not-steady", message="every diffusivity is biased high", where="ici"),
        Finding(code="missing-electrode", message="electrode of SC-1 is not given", where="SC-1"),
    ]
    output.show_findings(found)
    text = lines.export_text()
    assert "warning GITT: 121 of 121 GITT pulses" in text
    assert "warning ici: every diffusivity" in text
    assert "warning electrode of SC-1 is not given" in text  # it names its cell itself


def test_one_finding_of_many_cells_speaks_of_each(lines: Console) -> None:
    found = [Finding(code="missing-electrode", message=f"electrode of {c} is not given", where=c) for c in ("A", "A-1")]
    output.show_findings(found)
    assert "A, A-1: electrode of each is not given" in lines.export_text()


def test_settings_change_from_python_too(tmp_path: Path) -> None:
    from lirich.errors import SettingsError

    workspace = Workspace.create(tmp_path / "ws")
    workspace.change_settings(cycling={"low_voltage_threshold_v": 3.4})
    assert Workspace.open(tmp_path / "ws").store.settings.cycling == {"low_voltage_threshold_v": 3.4}
    with pytest.raises(SettingsError, match="low_voltage_threshold"):
        workspace.change_settings(cycling={"low_voltage_threshold_v": "low"})
    with pytest.raises(SettingsError, match="Did you mean 'low_voltage_threshold_v'"):
        workspace.change_settings(cycling={"low_voltage_treshold_v": 3.2})
    assert workspace.store.settings.cycling == {"low_voltage_threshold_v": 3.4}


def test_nothing_of_a_cell_without_facts_is_hidden(lines: Console, tmp_path: Path) -> None:
    workspace = Workspace.create(tmp_path / "ws")
    workspace.store.put_cell(Cell(key="bare"))
    shown.show_cell(workspace.cells["bare"])
    assert "not given: sample, electrode" in lines.export_text().replace("\n", " ")


def test_a_quantity_that_no_analysis_gave_is_refused_with_what_the_analysis_says(partly_charged: Workspace) -> None:
    with pytest.raises(NotEnoughDataError) as error:
        partly_charged.compare("morphology", quantities=["lithium_diffusivity_m2_s"])
    assert "Analyse the cells" not in str(error.value)
    assert "diffusivity" in error.value.found


def test_a_narrow_terminal_drops_columns_instead_of_breaking_words(monkeypatch: pytest.MonkeyPatch) -> None:
    heads, rows = ("cell", "sample", "files", "value"), [["SC-1", "LRM-SC" * 4, "1", "1.6736 (1.6139 … 1.6172)"]]
    needed = 4 + 2 + 14 + 2 + 5 + 2 + 24
    assert output.fitting(heads, rows, needed, whole=(0, 2, 3), drop=(2, 1)) == [0, 1, 2, 3]
    assert output.fitting(heads, rows, needed - 1, whole=(0, 2, 3), drop=(2, 1)) == [0, 1, 3]
    assert output.fitting(heads, rows, 10, whole=(0, 2, 3), drop=(2, 1)) == [0, 3]
    told = Console(record=True, width=needed - 1, file=io.StringIO())
    monkeypatch.setattr(output, "console", lambda **_: told)
    output.show_table("", heads, rows, whole=(0, 2, 3), drop=(2, 1))
    text = told.export_text()
    assert "1.6736 (1.6139 … 1.6172)" in text
    assert "Left out at this width: files." in text

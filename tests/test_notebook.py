"""What a notebook and a terminal show: conditions and origin with every number; names are text, whatever they are."""

from __future__ import annotations

import inspect
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import pytest

import lirich
from lirich import plots
from lirich.cycling.protocol import Segment
from lirich.errors import UnknownNameError
from lirich.model import Conditions, Finding, Origin, Severity, Subject, Value
from lirich.model.notebook import MOST_ROWS, Listed, html_table
from lirich.model.shown import Values, shared_conditions
from lirich.workbench import Workspace
from lirich.workbench.figures import OPTIONS

HOSTILE = "<img src=x onerror=alert(1)> & 'co'"


class Cells(HTMLParser):
    """The tables of an HTML text, as rows of texts, and the tags that are in it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.tags: set[str] = set()
        self._cell = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.add(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
            self._cell = True

    def handle_endtag(self, tag: str) -> None:
        self._cell = self._cell and tag not in ("td", "th")

    def handle_data(self, data: str) -> None:
        if self._cell:
            self.rows[-1][-1] += data

    def records(self) -> list[dict[str, str]]:
        heads, *rows = self.rows
        return [dict(zip(heads, row, strict=True)) for row in rows]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory, small_laboratory: Path) -> Workspace:
    workspace = Workspace.create(tmp_path_factory.mktemp("notebook") / "workspace")
    workspace.add(small_laboratory, executor="serial")
    workspace.analyse(executor="serial")
    return workspace


def voltage_decay(cell: str, number: float, **conditions: object) -> Value:
    return Value(
        quantity="voltage_decay_mv_per_cycle",
        value=number,
        subject=Subject(kind="cell", key=cell),
        origin=Origin.SIMULATED,
        conditions=Conditions(**conditions),
    )


def test_the_list_of_cells_says_cycles_efficiency_and_origin(lab: Workspace) -> None:
    rows = {row["cell"]: row for row in Cells(lab.cells._repr_html_()).records()}
    assert list(rows) == list(lab.cells)
    for key, view in lab.cells.items():
        assert rows[key]["cycles"] == str(view.cycles.filter(view.cycles["cycle"] > 0).height)
        assert float(rows[key]["ICE / %"]) == pytest.approx(view.value("initial_coulombic_efficiency").value, abs=0.05)
        assert rows[key]["origin"] == "simulated"
    assert "simulated" in lab._repr_html_()
    assert "(simulated)" in repr(lab.cells["SC-1"])


def test_a_cell_with_several_runs_shows_the_longest(lab: Workspace, tmp_path: Path, small_laboratory: Path) -> None:
    workspace = Workspace.create(tmp_path / "workspace")
    # two tests of one cell that do not continue each other
    for name in ("PC-1", "SC-1"):
        (file,) = (path for path in small_laboratory.iterdir() if path.stem == name)
        workspace.add(file, cell="one", facts={"active_mass_mg": 10.0, "electrode": "cathode"}, executor="serial")
    workspace.analyse(executor="serial")
    view = workspace.cells["one"]
    (row,) = Cells(workspace.cells._repr_html_()).records()
    assert len(view.analyses) == 2
    assert row["cycles"] == str(view.cycles.filter(view.cycles["cycle"] > 0).height)
    assert float(row["ICE / %"]) == pytest.approx(view.value("initial_coulombic_efficiency").value, abs=0.05)


def test_no_two_rows_of_a_cell_say_the_same(lab: Workspace) -> None:
    for view in lab.cells.values():
        headline, more = view._repr_html_().split("<details>")
        rows = [*Cells(headline).records(), *Cells(more).records()]
        first = [row["quantity"] for row in Cells(headline).records()]
        assert first[0] == "specific discharge capacity"
        assert {"capacity retention", "mean discharge voltage", "specific discharge energy"} < set(first)
        assert not any("dQ/dV" in name or "hysteresis" in name for name in first)
        told = [(row["quantity"], row["conditions"]) for row in rows]
        assert len(set(told)) == len(told)
        assert {row["origin"] for row in rows} == {"simulated"}
        for row in rows:
            if row["quantity"] == "voltage hysteresis at a state of charge":
                assert re.search(r"cycle \d+ .* \d+ % SOC", row["conditions"])
            if row["quantity"] == "dQ/dV peak position":
                assert re.search(r"cycle \d+ · (dis)?charge", row["conditions"])


def test_what_tells_figures_apart_is_in_each_row() -> None:
    rates = [Conditions(rate_c=r, temperature_celsius=25.0) for r in (0.5, 0.5, 0.5, 1.0)]
    common, own = shared_conditions(rates, ["fade", "retention", "rate capacity", "rate capacity"])
    assert (common.rate_c, common.temperature_celsius) == (0.5, 25.0)
    assert [c.rate_c for c in own] == [None, None, 0.5, 1.0]
    assert [c.rate_c for c in shared_conditions(rates)[1]] == [None, None, None, 1.0]


def test_values_are_a_list_that_shows_itself(lab: Workspace) -> None:
    values = lab.cells["SC-1"].values
    assert isinstance(values, list)
    assert isinstance(values[2:5], Values)
    assert [*values] == list(values)
    assert len(repr(values[:3]).splitlines()) == 3
    assert "Value(" not in repr(values)
    assert repr(Values()) == "none"
    many = Values(voltage_decay("SC-1", float(i), cycle=i) for i in range(MOST_ROWS + 7))
    assert len(Cells(many._repr_html_()).records()) == MOST_ROWS
    assert "… and 7 more" in many._repr_html_()


def test_a_value_is_one_line_with_conditions_and_origin() -> None:
    value = voltage_decay("SC-1", 1.25, rate_c=0.1, cycle=3)
    assert str(value) == "voltage decay of SC-1: 1.25 mV/cycle (C/10 · cycle 3; simulated)"
    assert dict(Cells(value._repr_html_()).rows)["origin"] == "simulated"
    assert repr(value).startswith("Value(quantity=")  # whole, for those who look for a fault


def test_what_a_paper_does_not_state_is_not_taken_from_the_others(lab: Workspace) -> None:
    published = lab.literature
    rows = Cells(published[:MOST_ROWS]._repr_html_()).records()
    assert "Unless a row says otherwise" not in published._repr_html_()
    for value, row in zip(published, rows, strict=False):
        assert row["origin"] == "literature"
        assert value.provenance.source in row["source"]
        rates = [part for part in row["conditions"].split(" · ") if re.fullmatch(r"C/\d+|[\d.]+C", part)]
        assert (value.conditions.rate_c is not None) == bool(rates)


def test_findings_and_segments_in_a_line() -> None:
    finding = Finding(code="odd", severity=Severity.WARNING, message="It is odd", advice="Look", where="SC-1")
    assert str(finding) == "warning SC-1: It is odd (odd) → Look"
    segment = Segment(kind="check_up", first_cycle=18, last_cycle=18, reason="slower", source="user")
    assert str(segment) == "check up, cycle 18: slower"
    (row,) = Cells(Listed([segment])._repr_html_()).records()
    assert row == {"protocol": "check up", "cycles": "18", "said by": "you", "why": "slower"}


def test_a_comparison_shows_groups_with_origin_numbers_and_findings(lab: Workspace) -> None:
    found = lab.compare("morphology", quantities=["voltage_decay_mv_per_cycle"])
    shown = found._repr_html_()
    assert "By morphology: SC (simulated), PC (simulated)" in shown
    (row,) = Cells(shown).records()
    assert row["quantity"].startswith("voltage decay (mV/cycle)")
    assert "ageing" in shown
    assert "smallest-p" in shown
    assert str(found) == repr(found)
    assert str(found).startswith("Comparison by morphology: SC (simulated), PC (simulated)\n")
    lines = str(lab.compare("morphology", quantities=["hysteresis_at_soc_v"])).splitlines()[2:]
    assert len({line.partition(":")[0] for line in lines}) == len(lines) > 3  # each with its state of charge and cycle


def test_a_file_shows_what_was_read_of_it(small_laboratory: Path) -> None:
    (file,) = (path for path in small_laboratory.iterdir() if path.stem == "PC-1")
    reading, inspection = lirich.read(file), lirich.inspect(file)
    for shown in (reading._repr_html_(), inspection._repr_html_()):
        assert "test_time_second" in shown
        assert ["simulated", "True"] in Cells(shown).rows
    assert "shape: (" not in repr(reading)
    assert inspection.reader is not None
    assert inspection.reader in str(inspection)
    damaged = lirich.inspect(small_laboratory / "truth.json")
    assert "not readable as it is" in damaged._repr_html_()


def test_names_are_text_wherever_they_are_shown(tmp_path: Path, small_laboratory: Path) -> None:
    for number, key in enumerate(("PC-1", "SC-1")):
        (file,) = (path for path in small_laboratory.iterdir() if path.stem == key)
        shutil.copy(file, tmp_path / f"{HOSTILE}{number}{file.suffix}")
    files = sorted(path for path in tmp_path.iterdir() if HOSTILE in path.name)
    workspace = Workspace.create(tmp_path / "workspace")
    reports = [
        workspace.add(f, facts={"sample": f"{HOSTILE}{i}", "active_mass_mg": 10.0, "<b>": "<i>"}, executor="serial")
        for i, f in enumerate(files)
    ]
    reports.append(workspace.add([small_laboratory / "truth.json"], cell=HOSTILE, executor="serial"))
    analysed = workspace.analyse(executor="serial")
    view = next(iter(workspace.cells.values()))
    workspace.correct(view.key, (1, 2), "other")
    workspace.analyse(executor="serial")
    note = voltage_decay(HOSTILE, 1.0).model_copy(update={"note": HOSTILE, "origin": Origin.LITERATURE})
    workspace.store.put_values([note], source="mine")
    things = (
        workspace, workspace.cells, view, view.values, view.values[0], view.findings, view.findings[0], view.segments,
        workspace.compare("sample"), lirich.inspect(files[0]), lirich.inspect(tmp_path / HOSTILE),
        lirich.read(files[0]), workspace.literature[-1:], analysed, *reports,
    )  # fmt: skip
    for thing in things:
        tags = Cells(thing._repr_html_()).tags
        assert not tags & {"img", "i", "script"}, type(thing)
    assert HOSTILE in Cells(workspace.cells._repr_html_()).rows[1][0]


def test_a_table_escapes_heads_and_entries() -> None:
    assert Cells(html_table(["<b>a</b>"], [["<i>1 & 2</i>"]])).rows == [["<b>a</b>"], ["<i>1 & 2</i>"]]


def test_one_cell_is_named_by_a_text(lab: Workspace, tmp_path: Path) -> None:
    assert lab.analyse("SC-1", executor="serial").unchanged == ["SC-1"]
    assert lab.store.named("SC-1") == lab.store.named(["SC-1"]) == ["SC-1"]
    assert lab.store.named() == list(lab.cells)
    with pytest.raises(UnknownNameError, match="Unknown cell 'SC-9'"):
        lab.analyse("SC-9", executor="serial")


@pytest.mark.parametrize(("kind", "drawn"), [("voltage", "voltage_profiles"), ("dqdv", "dqdv_curves"),
                                             ("mean-voltage", "mean_voltages"), ("impedance", "nyquist"),
                                             ("gas", "gas"), ("rate", "rate_test")])  # fmt: skip
def test_the_options_of_a_figure_are_those_of_its_plot(kind: str, drawn: str) -> None:
    signature = inspect.signature(getattr(plots, drawn))
    own = {name for name, p in signature.parameters.items() if p.kind is p.KEYWORD_ONLY} - {"origin", "bands"}
    assert set(OPTIONS[kind]) - {"cycles"} == own


def test_an_unknown_option_of_a_figure_is_refused_with_those_that_are_known(lab: Workspace) -> None:
    with pytest.raises(UnknownNameError, match=r"Unknown option of the figure 'dqdv' 'nope'.*cycles"):
        lab.cells["SC-1"].plot("dqdv", nope=1)
    assert lab.cells["SC-1"].plot("dqdv", cycles=[1]).data

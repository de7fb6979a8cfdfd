"""The report file: complete, self-contained, safe with hostile text, small with many cells."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import polars as pl
import pytest

from lirich.errors import InputError
from lirich.model import Cell, Finding, RawFile, Sample, Severity, Test
from lirich.plots import Figure
from lirich.plots.figure import plotly_source
from lirich.reports import CellReport, ReportData, build_report, glance
from lirich.reports.brief import MOST_FIGURES, main_figures
from lirich.reports.collect import comparison_report
from lirich.reports.data import ComparisonReport, GroupRow, QuantityRow, SegmentRow
from lirich.reports.figures import LEVELS, cell_figures, comparison_figures
from lirich.reports.sections import finding_groups, missing_facts
from lirich.workbench.comparison.result import Comparison
from report_material import made_up_cell, made_up_report

VOID = {"meta", "link", "br", "img", "input", "hr", "line", "polyline"}


class Page(HTMLParser):
    """Collects elements, scripts, texts; fails on what is not closed."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.scripts: list[tuple[dict[str, str], str]] = []
        self.words: list[str] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {k: v or "" for k, v in attrs}
        self.elements.append((tag, given))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "script":
            self.scripts.append((given, ""))

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open, tag
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "script":
            self.scripts[-1] = (self.scripts[-1][0], self.scripts[-1][1] + data)
        elif not self.open or self.open[-1] != "style":
            self.words.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.words))

    def count(self, tag: str) -> int:
        return sum(t == tag for t, _ in self.elements)

    def having(self, name: str) -> list[tuple[str, dict[str, str]]]:
        return [(t, a) for t, a in self.elements if name in a.get("class", "").split()]


@pytest.fixture(scope="module")
def seven() -> str:
    return build_report(made_up_report())


@pytest.fixture(scope="module")
def page(seven: str) -> Page:
    return Page(seven)


def test_page_is_well_formed(page: Page) -> None:
    assert page.open == []
    assert ("html", {"lang": "en"}) in page.elements
    ids = [a["id"] for _, a in page.elements if "id" in a]
    assert len(ids) == len(set(ids))


def test_no_outside_request(seven: str, page: Page) -> None:
    own = seven.replace(plotly_source(), "")
    assert not re.search(r"""(src|srcset|action|poster|data)=["']?https?:""", own)
    assert "@import" not in own
    assert not re.search(r"url\(\s*['\"]?(https?:|//)", own)
    assert page.count("link") == page.count("img") == page.count("iframe") == 0
    outside = [a["href"] for t, a in page.elements if t == "a" and not a.get("href", "").startswith("#")]
    assert outside == []


def test_only_the_two_hashed_scripts_may_run(page: Page) -> None:
    policy = next(a["content"] for t, a in page.elements if a.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'")
    assert "unsafe-inline" not in policy.split("script-src")[1].split(";")[0]
    running = [text for attributes, text in page.scripts if "type" not in attributes]
    hashes = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in running]
    assert re.findall(r"'sha256-([^']+)'", policy) == hashes
    assert all(a["type"] == "application/json" for a, _ in page.scripts if "type" in a)


def test_every_link_leads_somewhere(page: Page) -> None:
    ids = {a["id"] for _, a in page.elements if "id" in a}
    targets = {a["href"][1:] for t, a in page.elements if t == "a"}
    assert targets <= ids


def test_every_figure_has_data_and_words(page: Page) -> None:
    figures = page.having("plot")
    specifications = {a["id"]: json.loads(text) for a, text in page.scripts if a.get("id", "").endswith("-spec")}
    assert len(figures) == len(specifications) > 60
    for _, attributes in figures:
        assert attributes["role"] == "img"
        assert len(attributes["aria-label"]) > 20
        assert specifications[attributes["id"] + "-spec"]["data"]


def test_the_three_questions_are_answered_first(page: Page) -> None:
    text = page.text
    places = [
        text.index(q) for q in ("Which sample is better?", "What is being lost?", "Is it structure or resistance?")
    ]
    assert places == sorted(places)
    assert places[-1] < text.index("All cells at a glance")


def test_values_stand_with_interval_unit_and_conditions(page: Page) -> None:
    assert "0.470 ± 0.030 mV/cycle" in page.text
    assert "2.0–4.8 V · C/2 · 1C = 250 mA/g · ageing · Theil–Sen" in page.text


def test_the_table_of_all_cells_says_under_which_conditions_its_numbers_stand(page: Page) -> None:
    lines, own = glance.overview_conditions(made_up_report())
    told = dict(lines)
    assert told["Capacity retention"] == "2.0–4.8 V · C/2 · 1C = 250 mA/g · ageing · cycle 60 against 4"
    assert told["Discharge capacity"] == "cycle 1"
    assert not any(any(row) for row in own)
    assert "Unless a cell says otherwise" in page.text


def test_a_share_that_cannot_be_is_explained() -> None:
    data = made_up_report()
    values = tuple(
        v.model_copy(update={"value": -0.1, "interval": None})
        if v.quantity == "polarisation_voltage_decay_mv_per_cycle"
        else v
        for v in data.cells[0].values
        if v.quantity != "structural_share_of_voltage_decay"
    )
    changed = replace(data, cells=(replace(data.cells[0], values=values), *data.cells[1:]))
    assert glance.without_share(data) == []
    assert glance.without_share(changed) == [data.cells[0].name]
    assert "then there are no shares" in build_report(changed)


def test_a_cell_under_other_conditions_says_so_in_its_row() -> None:
    data = made_up_report()
    values = tuple(
        v.model_copy(update={"conditions": v.conditions.model_copy(update={"cycle": 40})})
        if v.quantity == "capacity_retention"
        else v
        for v in data.cells[0].values
    )
    data = replace(data, cells=(replace(data.cells[0], values=values), *data.cells[1:]))
    lines, own = glance.overview_conditions(data)
    usual = "2.0–4.8 V · C/2 · 1C = 250 mA/g · ageing · cycle 60 against 4"
    assert dict(lines)["Capacity retention"] == usual
    others = [""] * (len(data.cells) - 1)
    assert [row[glance.OVERVIEW.index("capacity_retention")] for row in own] == ["cycle 40 against 4", *others]


def test_provenance_names_file_hash_reader_version_and_code(page: Page) -> None:
    test = made_up_report().cells[0].tests[0]
    for part in (test.raw.name, f"sha256 {test.raw.sha256}", "neware", "lirich.cycling.fade.fade_values", "0.1.0"):
        assert part in page.text
    assert "low_voltage_threshold_v" in page.text


def test_missing_facts_are_asked_for_by_name(page: Page) -> None:
    asked = page.text.split("Facts that are asked for")[1].split("Warnings")[0]
    assert "electrolyte" in asked
    names = re.sub(r" simulated ?", "", asked).replace(" ,", ",")  # each name is an element that does not break
    assert "SC-1, SC-2" in names


def test_segments_and_refusals_are_shown(page: Page) -> None:
    assert "formation cycles 1–3 C/10, 2.0–4.8 V" in page.text
    assert "not compared upper voltage 4.8 V in SC, 4.6 V in PC" in page.text


def test_simulated_cells_are_marked_everywhere() -> None:
    simulated, measured = made_up_cell("S", simulated=True), made_up_cell("M", simulated=False)
    both = Page(build_report(ReportData("t", (simulated, measured))))
    badges = [a["class"].split()[1] for _, a in both.having("badge")]
    assert badges.count("measured") > 20
    assert badges.count("simulated") > 20
    specifications = [text for a, text in both.scripts if a.get("id", "").endswith("-spec")]
    assert sum("SIMULATED" in s for s in specifications) >= 8
    only = Page(build_report(ReportData("t", (measured,))))
    assert not only.having("simulated")
    assert not any("SIMULATED" in text for a, text in only.scripts if a.get("id", "").endswith("-spec"))
    assert "are simulated" not in only.text


def section(text: str, name: str) -> str:
    start = text.index(f'<section id="{name}"')
    return text[start : text.index("</section>", start)]


def test_simulated_numbers_are_marked_in_answers_comparison_and_files(seven: str) -> None:
    badge = '<span class="badge simulated">simulated</span>'
    for question in ("Which sample is better?", "What is being lost?", "Is it structure or resistance?"):
        assert f"{question} {badge}</h3>" in seven
    table = section(seven, "comparison").split("<table", 1)[1]
    groups = re.findall(r"<strong>(?:SC|PC)</strong>(.*?)</li>", table)
    assert len(groups) == 8
    assert all(badge in group for group in groups)
    rows = section(seven, "provenance").split('class="files')[1].split("</table>")[0].split("<tr")[2:]
    assert len(rows) == 7
    assert all(badge in row for row in rows)


def test_an_answer_of_measured_and_simulated_cells_says_which_is_which() -> None:
    both = (made_up_cell("S", simulated=True), made_up_cell("M", "PC", simulated=False))
    lost = section(build_report(ReportData("t", both)), "summary").split("What is being lost?")[1]
    assert '<strong>S <span class="badge simulated">simulated</span></strong>' in lost
    assert "<strong>M <" not in lost
    fresh = CellReport(cell=Cell(key="F"))
    cause = section(build_report(ReportData("t", (both[0], fresh))), "summary").split("structure or resistance?")[1]
    assert cause.lstrip().startswith('<span class="badge simulated">')
    assert '<strong>F <span class="badge measured">measured</span></strong>' in cause
    measured = build_report(ReportData("t", (made_up_cell("M", simulated=False), made_up_cell("N", simulated=False))))
    assert "badge measured" not in section(measured, "summary")


def test_the_figure_of_a_compared_quantity_is_of_the_row_with_the_most_cells() -> None:
    def row(n: int, flags: tuple[str, ...] = ()) -> QuantityRow:
        points = {name: tuple((f"{name}-{i}", 100.0 + i) for i in range(n)) for name in ("SC", "PC")}
        return QuantityRow("slope_capacity_mah_g", tuple(GroupRow(g, p, 100.0, flags=flags) for g, p in points.items()))

    def drawn(*rows: QuantityRow) -> int:
        data = ReportData("t", (made_up_cell("x"),), comparison=ComparisonReport("morphology", rows))
        (figure,) = comparison_figures(data)
        return max(len(trace["x"]) for trace in figure.data if trace["mode"] == "markers")

    assert drawn(row(2, ("fallback",)), row(6)) == 6
    assert drawn(row(6, ("fallback",)), row(4)) == 4
    assert drawn(row(6, ("fallback",)), row(1)) == 6  # one cell each tells nothing
    assert drawn(row(3), row(5)) == drawn(row(5), row(3)) == 5


HOSTILE = "<img src=x onerror=alert(1)>"
BREAKOUT = "</script><script>alert(2)</script><!-- %{x} ${y} {{ 7*7 }}"


def hostile_report() -> ReportData:
    cell = made_up_cell("x", n=12)
    evil = replace(
        cell,
        cell=Cell(key=HOSTILE, sample="'\"><svg onload=alert(3)>", electrolyte=BREAKOUT, extra={HOSTILE: BREAKOUT}),
        sample=Sample(key="s", morphology="SC", dopant=HOSTILE, coating=BREAKOUT),
        tests=(
            Test(
                key="t", cell=HOSTILE, raw=RawFile(sha256="0" * 64, name=f'"{BREAKOUT}"', size=1), reader=BREAKOUT,
                reader_version=HOSTILE, confidence=1, curve="c", rows=1, repairs=(BREAKOUT,),
            ),
        ),
        findings=(
            Finding(code="odd", severity=Severity.ERROR, message=BREAKOUT, advice=HOSTILE, where=HOSTILE),
            Finding(code="missing-mass", message=HOSTILE, advice=BREAKOUT),
        ),
        segments=(SegmentRow('"><b>', 1, 12, BREAKOUT), SegmentRow("ageing", 2, 12)),
        values=tuple(v.model_copy(update={"note": BREAKOUT, "flags": (HOSTILE,)}) for v in cell.values),
        group=BREAKOUT,
        notes=(HOSTILE,),
        settings={HOSTILE: BREAKOUT},
    )  # fmt: skip
    other = replace(made_up_cell("y", n=12), group='" onmouseover="alert(4)')
    return ReportData(BREAKOUT, (evil, other), workspace=HOSTILE, notes=(BREAKOUT,))


def test_hostile_text_stays_text() -> None:
    page = Page(build_report(hostile_report()))
    assert page.open == []
    assert page.count("img") == 0
    assert not any(name.startswith("on") for _, attributes in page.elements for name in attributes)
    assert all(a.get("type") == "application/json" or len(text) > 3000 for a, text in page.scripts)
    assert sum("type" not in a for a, _ in page.scripts) == 2
    for attributes, text in page.scripts:
        if attributes.get("type") == "application/json":
            json.loads(text)
    assert HOSTILE in page.text
    assert "49" not in re.findall(r"\{y\} ?(\S+)", page.text)  # no template runs twice
    assert "{{ 7*7 }}" in page.text


def test_errors_come_before_warnings_before_notes() -> None:
    cell = made_up_cell("x", n=8)
    grave = Finding(
        code="time-runs-backwards", severity=Severity.ERROR, message="Time runs backwards", repair="sort-time"
    )
    page = Page(build_report(ReportData("t", (replace(cell, findings=(*cell.findings, grave)),))))
    section = page.text.split("Nothing was noticed")[0].rsplit("Warnings", 2)[-2:]
    text = " ".join(section)
    assert text.index("Time runs backwards") < text.index("Current sign from voltage") < text.index("Gap between files")
    assert "--repair sort-time" in page.text


@pytest.mark.slow
def test_forty_cells_are_folded_linked_and_small() -> None:
    data = made_up_report(20, 20, n=300, literature=False)
    text = build_report(data)
    assert len(text.encode()) < 15_000_000
    page = Page(text)
    cells = page.having("cell")
    assert len(cells) == 40
    assert not any("open" in attributes for _, attributes in cells)
    linked = {a["href"] for t, a in page.elements if t == "a"}
    assert {f"#{a['id']}" for _, a in cells} <= linked
    assert "at most 10 cycles of curves" in page.text


def test_one_cell_is_open_and_needs_nothing_else() -> None:
    page = Page(build_report(ReportData("one", (made_up_cell("x", simulated=False),))))
    assert [("open" in a) for _, a in page.having("cell")] == [True]
    assert "One cell: nothing to compare it with here." in page.text


def test_a_report_that_would_be_too_large_drops_detail_and_says_so() -> None:
    data = made_up_report(2, 2, literature=False)
    full = build_report(data)
    small = build_report(data, most_bytes=len(full.encode()) - 200_000)
    assert len(small.encode()) < len(full.encode()) - 200_000
    least = Page(build_report(data, most_bytes=1))
    assert "figures per cell are left out" in least.text
    assert "0.470 ± 0.030 mV/cycle" in least.text  # the values stay


def test_a_cell_of_which_nothing_is_known() -> None:
    page = Page(
        build_report(ReportData("bare", (CellReport(cell=Cell(key="new"), notes=("This cell is not analysed.",)),)))
    )
    assert page.text.count("not given") >= 8
    assert "Cannot be told" in page.text


def test_no_cell_is_an_error_with_advice() -> None:
    with pytest.raises(InputError, match="lirich add"):
        build_report(ReportData("none", ()))


def test_equal_data_give_equal_reports() -> None:
    data = made_up_report(1, 1, n=10, literature=False)
    assert build_report(data) == build_report(data)


def test_what_a_fact_is_needed_for_is_said_once_and_a_number_with_its_cell() -> None:
    needs = ("height of dQ/dV peaks", "height of dQ/dV peaks, no capacity at a rate")
    cells = []
    for i, need in enumerate(needs):
        asked = Finding(
            code="missing-active-mass-mg", message=f"active_mass_mg is not given; without it there is no {need}"
        )
        warned = Finding(code="implausible-specific-capacity", message=f"A discharge of {900 + i} mAh/g")
        cells.append(CellReport(cell=Cell(key=f"NW-{i}"), findings=(asked, warned)))
    page = Page(build_report(ReportData("t", tuple(cells))))
    asked_for = page.text.split("Facts that are asked for")[1].split("Warnings")[0]
    assert asked_for.count("is not given") == 1
    assert "no height of dQ/dV peaks, no capacity at a rate." in asked_for
    assert re.search(r"NW-0: +A discharge of 900 mAh/g", page.text)


def test_a_line_breaks_before_the_name_of_a_cell_and_not_at_its_hyphen() -> None:
    text = build_report(ReportData("t", (CellReport(cell=Cell(key="SC-1")), CellReport(cell=Cell(key="SC-10")))))
    assert '<span class="tied">SC-1</span>, <span class="tied">SC-10</span>' in text


def test_cycle_zero_is_no_cycle() -> None:
    cell = made_up_cell("x", n=8, simulated=False)
    assert cell.cycles is not None
    before = cell.cycles.head(1).with_columns(cycle=pl.lit(0, dtype=cell.cycles["cycle"].dtype))
    page = Page(build_report(ReportData("t", (replace(cell, cycles=pl.concat([before, cell.cycles])),))))
    assert "8 cycles" in page.text
    assert "9 cycles" not in page.text


def test_what_a_fact_is_needed_for_and_what_is_lost_without_it_are_one_sentence() -> None:
    lost = Finding(code="missing-composition", message="composition is not given; without it there is no formal split")
    asked = Finding(code="missing-composition", message="composition is not given; it is needed for the formal split")
    cells = (CellReport(cell=Cell(key="A"), findings=(lost,)), CellReport(cell=Cell(key="B"), findings=(asked,)))
    (fact,) = missing_facts(ReportData("t", cells))
    assert fact.why == "composition is not given; without it there is no formal split."
    assert fact.cells == ("A", "B")
    (alone,) = missing_facts(ReportData("t", cells[1:]))
    assert alone.why == "composition is not given; it is needed for the formal split."


def test_titles_of_findings_write_abbreviations_as_they_are_written() -> None:
    codes = ("gitt-not-relaxed", "ici-too-short", "dqdv-too-short", "gap-between-files")
    cell = CellReport(cell=Cell(key="A"), findings=tuple(Finding(code=code, message=code) for code in codes))
    titles = {group.title for group in finding_groups(ReportData("t", (cell,)))}
    assert titles == {"GITT not relaxed", "ICI too short", "dQ/dV too short", "Gap between files"}


def test_what_a_mouse_does_is_not_printed(seven: str) -> None:
    assert ".screen-only { display: none; }" in seven.split("@media print")[1]
    for sentence in ("Hover a point for its conditions.", "Hover a point for its conditions and source."):
        assert re.search(rf'<span class="screen-only">\s*{re.escape(sentence)}</span>', seven)
    notes = " ".join(re.findall(r'<p class="(?:fine|lead)">(.*?)</p>', seven, flags=re.S))
    assert not re.search(r"[Hh]over|[Dd]ouble-click", re.sub(r'<span class="screen-only">.*?</span>', "", notes))


def test_findings_that_differ_in_their_cell_alone_are_said_once() -> None:
    said = [
        Finding(code="value-left-out", severity=Severity.INFO, where=cell, message=f"hysteresis of {cell} is flagged")
        for cell in ("A", "B", "B")
    ]
    said.append(Finding(code="gitt", severity=Severity.INFO, where="GITT", message="3 GITT pulses are short"))
    said.append(Finding(code="few", severity=Severity.INFO, where="A", message="hysteresis of A is flagged"))
    said.append(Finding(code="alone", severity=Severity.INFO, where="gap", message="only SC has values of gap"))
    nothing = {"rows": (), "correction": "max-t", "tests": 0, "level": 0.95, "forced": False, "seed": 0}
    empty = Comparison(groups=("SC", "PC"), findings=tuple(said), **nothing)
    assert comparison_report(empty).notes == (
        "A, B: hysteresis of each is flagged", "GITT: 3 GITT pulses are short", "hysteresis of A is flagged",
        "only SC has values of gap",
    )  # fmt: skip
    cells = tuple(CellReport(Cell(key=key), findings=(Finding(code="c", message="like"),)) for key in ("A", "B"))
    (group,) = finding_groups(ReportData("t", cells))
    assert group.by_message == [("like", ["A", "B"])]


def test_of_a_folded_cell_six_figures_are_printed_those_of_few_tests_among_them() -> None:
    titles = ("Voltage profiles", "Differential capacity", "Capacity", "Mean voltage",
              "Low-voltage share of the discharge", "Protocol", "Hysteresis", "Rate capability", "Impedance",
              "dQ/dV peaks over cycles")  # fmt: skip
    figures = [Figure(title=title, alt="", data=[], layout={}) for title in titles]
    printed = [title for title, main in zip(titles, main_figures(figures), strict=True) if main]
    assert printed == [*titles[:4], "Rate capability", "Impedance"]
    assert main_figures(figures[:MOST_FIGURES]) == [True] * MOST_FIGURES
    drawn = {f.title for f in cell_figures(made_up_cell("a", "SC", curves=True), LEVELS[0])}
    assert drawn >= {"Protocol", "Hysteresis", "Low-voltage share of the discharge"}  # the names are those of figures

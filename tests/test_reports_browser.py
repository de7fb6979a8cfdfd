"""The report in a real browser, where there is one: nothing scrolls sideways, nothing on paper is blank or folded."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from lirich.reports import ReportData, build_report
from lirich.reports.brief import MOST_FIGURES
from report_material import made_up_cell, made_up_comparison, made_up_literature

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(BROWSER is None, reason="there is no Chromium here"),
]

MEASURE = """
function blank() {
  var shown = Array.from(document.querySelectorAll(".plot")).filter(p => !p.closest("details.cell:not([open])"));
  return shown.filter(p => p.clientWidth && !p.querySelector("svg")).length;
}
var tries = 0;
window.addEventListener("load", function wait() {
  if (blank() && tries++ < 100) { setTimeout(wait, 100); return; }
  var table = document.querySelector(".overview"), scroll = table.parentElement, said = {};
  said.sideways = [scroll.scrollWidth - scroll.clientWidth, document.documentElement.scrollWidth - window.innerWidth];
  said.cut = Array.from(table.querySelectorAll("th")).filter(t => t.scrollWidth > t.clientWidth + 1).length;
  said.blank = blank();
  var tables = Array.from(document.querySelectorAll(".values, .files, .definitions, [aria-label=Functions] table"));
  tables.forEach(t => { for (var n = t; n; n = n.parentElement) if (n.tagName == "DETAILS") n.open = true; });
  said.wide = window.innerWidth > 720 ? 0 : tables.filter(t => t.scrollWidth > t.parentElement.clientWidth).length;
  document.querySelectorAll("details.cell").forEach(d => { d.open = false; });
  window.dispatchEvent(new Event("beforeprint"));
  said.folded_in_print = document.querySelectorAll("details:not([open]):not(.cell)").length;
  said.blank_in_print = blank();
  var drawn = Array.from(document.querySelectorAll(".plot")).filter(p => p.clientWidth && p._fullLayout);
  var layouts = drawn.map(p => p._fullLayout);
  said.squeezed = layouts.filter(l => l._size.h < 0.45 * l.height).map(l => l._size.h);
  said.scrolled = layouts.filter(l => l.showlegend && l.legend._height > l.legend._effHeight).length;
  said.printed = Array.from(document.querySelectorAll("details.cell")).map(
    c => Array.from(c.querySelectorAll(".plot")).filter(p => p.clientWidth && p.querySelector("svg")).length);
  said.values_in_print = Array.from(document.querySelectorAll(".cell .values")).filter(t => t.clientWidth).length;
  window.dispatchEvent(new Event("afterprint"));
  said.open_cells = document.querySelectorAll("details.cell[open], .brief").length;
  said.folded_after = document.querySelectorAll("details:not([open]):not(.cell)").length;
  document.body.textContent = "MEASURED" + JSON.stringify(said) + "END";
});
"""


@pytest.fixture(scope="module")
def report() -> str:
    cells = []
    for i in range(5):
        group = "SC" if i < 3 else "PC"
        cell = made_up_cell(
            f"LRM-{group}-run2026-calcined-900C-electrode-batch-07-cell-{i}", group, seed=i, curves=i == 0
        )
        cells.append(cell)
    text = build_report(ReportData("long names", tuple(cells), made_up_comparison(cells), tuple(made_up_literature())))
    text = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", text)
    return text.replace("</body>", f"<script>{MEASURE}</script></body>")


@pytest.mark.parametrize("width", [1400, 1280, 1000, 500])
def test_nothing_scrolls_sideways_and_nothing_is_blank(report: str, tmp_path: Path, width: int) -> None:
    page = tmp_path / "report.html"
    page.write_text(report, encoding="utf-8")
    done = subprocess.run(
        [
            str(BROWSER), "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
            "--disable-component-update", "--disable-sync", f"--user-data-dir={tmp_path / 'profile'}",
            f"--window-size={width},1200", "--virtual-time-budget=20000", "--dump-dom", page.as_uri(),
        ],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    found = re.search(r"MEASURED(\{.*?\})END", done.stdout)
    assert found, done.stderr[-2000:]
    said = json.loads(found.group(1))
    assert all(over <= 0 for over in said["sideways"]), said
    assert said["cut"] == 0
    assert said["blank"] == said["blank_in_print"] == 0
    assert said["wide"] == 0  # on a phone each row is a card: no value lies beyond the edge
    assert said["squeezed"] == []
    assert said["scrolled"] == 0
    assert said["folded_in_print"] == 0
    assert said["open_cells"] == 0  # with five cells they start folded, and are so again after printing
    assert said["folded_after"] > 0
    assert said["printed"][0] == MOST_FIGURES  # the cell with curves has more figures
    assert all(0 < figures <= MOST_FIGURES for figures in said["printed"])
    assert said["values_in_print"] == 0  # the main ones alone, and the page says so
    assert "Of each folded cell its main figures and values are printed" in report


def test_a_folded_cell_takes_one_page(tmp_path: Path) -> None:
    cells = tuple(made_up_cell(f"SC-{i}", "SC", seed=i, curves=True) for i in range(4))
    others = ".masthead, footer, main > section:not(#cells), #cells > :not(details)"
    alone = f"<style>{others} {{ display: none !important }}</style>"
    page, paper = tmp_path / "report.html", tmp_path / "report.pdf"
    page.write_text(build_report(ReportData("t", cells)).replace("</head>", f"{alone}</head>"), encoding="utf-8")
    subprocess.run(
        [
            str(BROWSER), "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
            "--disable-component-update", "--disable-sync", f"--user-data-dir={tmp_path / 'profile'}",
            "--virtual-time-budget=20000", "--no-pdf-header-footer", f"--print-to-pdf={paper}", page.as_uri(),
        ],
        capture_output=True, timeout=120, check=True,
    )  # fmt: skip
    assert len(re.findall(rb"/Type /Page\b", paper.read_bytes())) == len(cells)

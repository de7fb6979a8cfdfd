"""No text of a csv is a formula to a spreadsheet; the texts that lirich reads again come back as they were."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lirich.model.spreadsheet import marked, read_csv, unmarked, write_csv
from lirich.readers.bdf import write_bdf
from lirich.workbench import Workspace
from lirich.workbench.export import export

# the signs that OWASP's page on CSV injection names (= + - @, tab, carriage return), and those in full width; a sign
# that stands alone is no formula, and the operator of most values
FORMULA = re.compile("(?s)[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20].")
NUMBER = re.compile(r"[+-]?[0-9.]+([eE][+-]?[0-9]+)?")
HOSTILE = ("=cmd|'/C calc'!A0", "+1+2", "-2+3", "@SUM(1;2)", "a;=1+2", "'=1+2", "''-x")
texts = st.text(st.sampled_from("=+-@'; \t\r\n0123.eab\uff1d"), max_size=12) | st.text(max_size=20)


@given(texts)
@example("'")
@example("';=")
def test_a_marked_text_comes_back(text: str) -> None:
    assert unmarked(marked(text)) == text


@given(texts)
def test_no_part_of_a_marked_text_is_a_formula(text: str) -> None:
    for part in marked(text).split(";"):
        assert not FORMULA.match(part.strip(" ")) or NUMBER.fullmatch(part)


@pytest.mark.parametrize("text", ["-5", "+1.5e-3", "-.5", "SC-1", "a'b", "Li1.2Mn0.54", "'tis", "", "2-1", "=", "-"])
def test_numbers_and_plain_names_stay_as_they_are(text: str) -> None:
    assert marked(text) == text


def test_a_table_keeps_its_numbers(tmp_path: Path) -> None:
    write_csv(pl.DataFrame({"=a": ["=1", None], "b": [-1.5, 2.0]}), tmp_path / "t.csv")
    assert (tmp_path / "t.csv").read_text() == "'=a,b\n'=1,-1.5\n,2.0\n"
    assert read_csv(tmp_path / "t.csv").to_dict(as_series=False) == {"=a": ["=1", None], "b": [-1.5, 2.0]}


def _cell(number: int) -> pl.DataFrame:
    """Two cycles between 2.5 and 4.5 V at constant current, in which each cell is a little different."""
    up = np.linspace(2.5, 4.5, 61)
    voltage = np.concatenate([up, up[::-1]] * 2)
    current = np.repeat([1e-3, -1e-3] * 2, len(up)) * (1 + 0.01 * number)
    return pl.DataFrame(
        {"test_time_second": 60.0 * np.arange(len(voltage)), "voltage_volt": voltage, "current_ampere": current}
    )


def test_hostile_names_are_no_formulas_in_an_export_and_come_in_again(tmp_path: Path) -> None:
    names = [name.replace("/", "") for name in HOSTILE]
    (tmp_path / "upload").mkdir()
    rows = []
    for number, name in enumerate(names):
        write_bdf(_cell(number), tmp_path / "upload" / f"{number}.bdf.csv")
        rows.append({"file": f"{number}.bdf.csv", "cell": name, "sample": name, "=furnace": "@2;-1"})
    tables = tmp_path / "upload" / "cells.csv"
    write_csv(pl.DataFrame(rows), tables)
    with Workspace.create(tmp_path / "a") as first, Workspace.create(tmp_path / "b") as second:
        first.add(tables.parent, executor="serial")
        for name in names:
            first.set_facts(name, {"electrode": "cathode", "active_mass_mg": 5.0})
        first.analyse(executor="serial")
        written = export(first, tmp_path / "out")
        second.add(tmp_path / "out", executor="serial")
        assert sorted(second.cells) == sorted(first.cells) == sorted(names)
        for name in names:
            assert second.cells[name].facts.extra["=furnace"] == "@2;-1"
            assert second.cells[name].facts.sample == name
    read = [file for file in written if file.suffix == ".csv"]
    assert len(read) > 2 * len(names)
    for file in read:
        for entry in (entry for row in csv.reader(file.open(encoding="utf-8", newline="")) for entry in row):
            for part in entry.split(";"):
                assert not FORMULA.match(part.strip(" ")) or NUMBER.fullmatch(part), (file.name, entry)

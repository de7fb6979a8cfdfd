# ruff: noqa: E501 - rows of vendor files are long
"""Tables with a mapping file: curves without time, own units and words, and hostile mappings."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from lirich.errors import MappingError, ReadError
from lirich.model import table as std
from lirich.readers.mapped import FOLDER_NAME, SUFFIX, MappedReader

CURVE = """
normalised_to_mg = {mass}
[columns]
cycle = "cycle"
direction = "direction"
voltage = {{ column = "voltage_V", unit = "V" }}
capacity = {{ column = "capacity_mAh_g", unit = "mAh/g" }}
[cell]
electrode = "cathode"
[sample]
morphology = "PC"
"""


@pytest.mark.data
@pytest.mark.parametrize("mass", [1.0, 12.5])
def test_the_digitised_li_rich_cell(shared_data: Path, tmp_path: Path, mass: float) -> None:
    path = tmp_path / "lrlo.csv"
    path.write_bytes((shared_data / "cycling" / "lrlo_posco_cycle1_cycle10_digitized.csv").read_bytes())
    path.with_name(path.name + SUFFIX).write_text(CURVE.format(mass=mass))
    reading = MappedReader().read(path)
    table = reading.table
    assert table.height == 1298
    assert std.TIME not in table.columns
    assert reading.metadata["active_mass_mg"] == mass
    assert reading.metadata["electrode"] == "cathode"
    assert reading.metadata["morphology"] == "PC"
    per_gram = 1e6 / mass  # Ah → mAh/g
    ends = table.group_by(std.STEP, maintain_order=True).last()
    charged, discharged = (ends[c].to_numpy() * per_gram for c in (std.CHARGED, std.DISCHARGED))
    # reference/cycling.md: 280.0 and 233.5 mAh/g in cycle 1, 172.3 and 170.6 in cycle 10.
    assert charged[0] == pytest.approx(280.0, abs=0.3)
    assert discharged[1] == pytest.approx(233.5, abs=0.3)
    assert charged[2] - charged[1] == pytest.approx(172.3, abs=0.3)
    assert discharged[3] - discharged[2] == pytest.approx(170.6, abs=0.3)
    assert table[std.CYCLE].unique().sort().to_list() == [1, 10]


def table_with(folder: Path, mapping: str, text: str | None = None, name: str = "own.csv") -> Path:
    path = folder / name
    rows = [f"{i},{3.0 + i / 100},{-2.0 if i < 50 else 2.0},{'ox' if i < 50 else 'red'}" for i in range(100)]
    path.write_text(text if text is not None else "t,E,I,w\n" + "\n".join(rows) + "\n")
    (folder / f"{name}{SUFFIX}").write_text(mapping)
    return path


GOOD = """
positive_current = "discharge"
[columns]
time = { column = "t", unit = "min" }
voltage = "E"
current = { column = "I", unit = "mA" }
state = "w"
[states]
charge = ["ox"]
discharge = "red"
"""


def test_units_words_and_the_sign_are_as_the_mapping_says(tmp_path: Path) -> None:
    path = table_with(tmp_path, GOOD)
    reader = MappedReader()
    recognition = reader.sniff(path, path.read_bytes())
    assert recognition is not None
    assert recognition.confidence == 1.0
    table = reader.read(path).table
    assert table[std.TIME][-1] == 99 * 60
    assert table[std.CURRENT].to_list() == [0.002] * 50 + [-0.002] * 50
    assert table[std.STEP_TYPE].to_list() == ["charge"] * 50 + ["discharge"] * 50
    unsigned = GOOD.replace('"discharge"\n[columns]', '"unsigned"\n[columns]')
    table = reader.read(table_with(tmp_path, unsigned)).table
    assert table[std.CURRENT].to_list() == [0.002] * 50 + [-0.002] * 50


def test_columns_by_position_without_header_and_with_decimal_commas(tmp_path: Path) -> None:
    text = "".join(f"{i},5;3,{i:03d};-0,001\n" for i in range(50))
    mapping = 'header_row = 0\nseparator = ";"\ndecimal = ","\n[columns]\ntime = 1\nvoltage = 2\ncurrent = 3\n'
    table = MappedReader().read(table_with(tmp_path, mapping, text)).table
    assert table.height == 50
    assert table[std.TIME][10] == 10.5
    assert table[std.VOLTAGE][10] == 3.010
    assert table[std.CURRENT][0] == -0.001


def test_a_curve_drawn_backwards_is_understood(tmp_path: Path) -> None:
    """A discharge plotted from the charged end: its capacity axis goes back."""
    rows = [f"1,charge,{3 + i / 100},{i}" for i in range(101)] + [
        f"1,discharge,{4 - i / 100},{100 - i}" for i in range(81)
    ]
    text = "cycle,direction,voltage_V,capacity_mAh_g\n" + "\n".join(rows) + "\n"
    table = MappedReader().read(table_with(tmp_path, CURVE.format(mass=2.0), text)).table
    assert table[std.CHARGED][-1] == pytest.approx(100 * 2e-6)
    assert table[std.DISCHARGED][-1] == pytest.approx(80 * 2e-6)


def test_the_folders_mapping_is_for_the_tables_that_have_its_columns(tmp_path: Path) -> None:
    own = table_with(tmp_path, GOOD)
    own.with_name(own.name + SUFFIX).unlink()
    (tmp_path / FOLDER_NAME).write_text(GOOD)
    other = tmp_path / "other.csv"
    other.write_text("Seconds,Volts,Amps\n0,3,1\n")
    reader = MappedReader()
    assert reader.sniff(own, own.read_bytes()) is not None
    assert reader.sniff(other, other.read_bytes()) is None
    assert reader.sniff(tmp_path / FOLDER_NAME, b"") is None
    assert reader.read(own).table.height == 100


HOSTILE = {
    "not toml at all [": "is not TOML",
    "": "columns",
    "columns = 3": "columns",
    "[columns]\nvoltage = 'E'\ntime='t'": "columns.current",
    "[columns]\ncurrent = 'I'\ntime='t'": "columns.voltage",
    GOOD.replace("time =", "tiem ="): "'tiem'",
    GOOD.replace('"t"', '"nope"'): "columns.time is 'nope'",
    GOOD.replace('"min"', '"kg"'): "columns.time.unit",
    GOOD.replace('"min"', "3"): "columns.time.unit",
    GOOD.replace('{ column = "t", unit = "min" }', "[1, 2]"): "columns.time",
    GOOD.replace('{ column = "t", unit = "min" }', '{ colum = "t" }'): "columns.time.colum",
    GOOD.replace('{ column = "t", unit = "min" }', "-1"): "columns.time",
    GOOD.replace('{ column = "t", unit = "min" }', "true"): "columns.time",
    GOOD.replace('"discharge"\n[columns]', '"both"\n[columns]'): "positive_current",
    GOOD.replace('discharge = "red"', 'discharge = "ox"'): "states.discharge",
    GOOD.replace('["ox"]', '["up"]').replace('"red"', '"down"'): "states",
    GOOD.replace("[states]", "[statse]"): "'statse'",
    GOOD + "[cell]\nelectrode = 'cathod'\n": "cell.electrode",
    GOOD + "[cell]\nactive_mass = 3\n": "'active_mass'",
    GOOD + "[sample]\nmorphology = ['SC']\n": "sample.morphology",
    "normalised_to_mg = -1\n" + GOOD: "normalised_to_mg",
    "normalised_to_mg = nan\n" + GOOD: "normalised_to_mg",
    "normalised_to_mg = true\n" + GOOD: "normalised_to_mg",
    "separator = ',,'\n" + GOOD: "separator",
    "decimal = ';'\n" + GOOD: "decimal",
    "encoding = 'klingon'\n" + GOOD: "encoding",
    "header_row = -3\n" + GOOD: "header_row",
    "header_row = 'one'\n" + GOOD: "header_row",
    GOOD.replace('unit = "mA"', 'unit = "mA/g"'): "normalised_to_mg",
    "x = " + "[" * 5000: "",
    GOOD.replace('state = "w"', 'state = "w"\ndirection = "w"'): "columns.direction",
}


@pytest.mark.parametrize("mapping", HOSTILE)
def test_a_wrong_mapping_names_the_key(tmp_path: Path, mapping: str) -> None:
    path = table_with(tmp_path, mapping)
    reader = MappedReader()
    recognition = reader.sniff(path, path.read_bytes())
    assert recognition is not None  # the user said that the file is this reader's: its error is what must be seen
    with pytest.raises(MappingError) as caught:
        reader.read(path)
    assert HOSTILE[mapping] in str(caught.value)


def test_binary_mappings_and_binary_tables_are_refused(tmp_path: Path) -> None:
    path = table_with(tmp_path, GOOD)
    path.with_name(path.name + SUFFIX).write_bytes(bytes(range(256)))
    with pytest.raises(MappingError):
        MappedReader().read(path)
    path = table_with(tmp_path, GOOD)
    path.write_bytes(bytes(range(256)) * 20)
    with pytest.raises(ReadError):
        MappedReader().read(path)
    path.with_name(path.name + SUFFIX).unlink()
    with pytest.raises(MappingError, match="no mapping file"):
        MappedReader().read(path)


def test_a_workbook_with_a_mapping(tmp_path: Path) -> None:
    path = tmp_path / "book.xlsx"
    frame = pl.DataFrame({"t": [0.0, 60.0, 120.0], "E": [3.0, 3.1, 3.2], "I": [2.0, 2.0, 2.0]})
    frame.write_excel(path, worksheet="Messung")
    mapping = "sheet = 'Messung'\n[columns]\ntime = { column = 't', unit = 's' }\nvoltage = 'E'\ncurrent = { column = 'I', unit = 'uA' }\n"
    (tmp_path / f"book.xlsx{SUFFIX}").write_text(mapping)
    table = MappedReader().read(path).table
    assert table[std.TIME].to_list() == [0.0, 60.0, 120.0]
    assert table[std.CURRENT].to_list() == pytest.approx([2e-6] * 3)
    (tmp_path / f"book.xlsx{SUFFIX}").write_text(mapping.replace("Messung", "Blatt"))
    with pytest.raises(MappingError, match="Blatt"):
        MappedReader().read(path)

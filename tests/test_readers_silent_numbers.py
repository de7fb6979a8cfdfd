"""No number changes in silence: a lost column, a lost direction, a wrong voltage, lost rows are refused or said."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from lirich.errors import MissingColumnError
from lirich.model import Severity
from lirich.model.table import (
    CHARGED,
    CHARGED_ENERGY,
    CURRENT,
    DISCHARGED,
    DISCHARGED_ENERGY,
    STEP_TYPE,
    TIME,
    VOLTAGE,
)
from lirich.readers import get_reader, read, repair
from lirich.readers.base import Reading
from lirich.testing import check_reader
from lirich.testing.content import half_cycles, same_half_cycles, strays
from lirich.testing.samples import SAMPLES
from test_readers_core_checks import cell_test, codes, errors


def with_energy(table: pl.DataFrame) -> pl.DataFrame:
    """A sound test with the energies that a cycler would count."""
    voltage = table[VOLTAGE].to_numpy()
    middle = np.concatenate(([0.0], 0.5 * (voltage[1:] + voltage[:-1])))
    return table.with_columns(
        pl.Series(name, np.cumsum(middle * np.diff(table[charge].to_numpy(), prepend=0.0)))
        for name, charge in ((CHARGED_ENERGY, CHARGED), (DISCHARGED_ENERGY, DISCHARGED))
    )


def said(reading: Reading) -> set[str]:
    return {f.code for f in reading.findings if f.severity is not Severity.INFO}


# --- a column is lost -----------------------------------------------------------------------------------------------

TIMES = {
    "maccor-txt": ("TestTime", "StepTime", "DPt Time"),
    "neware-csv": ("Cumulative Time", "Time", "Date"),
    "landt-csv": ("test_time_s", "step_time_s", "date_time_iso_string"),
    "arbin-csv": ("Test_Time(s)", "Step_Time(s)", "Date_Time"),
    "basytec-txt": ("~Time[h]", "t-Step[h]"),
    "bdf-csv": (TIME, "unix_time_second"),
    "mpt": ("time/s",),
}


@pytest.mark.parametrize("name", TIMES)
def test_a_cycler_file_whose_time_is_damaged_is_no_curve(name: str, tmp_path: Path) -> None:
    path = SAMPLES[name].make(tmp_path)
    text = path.read_bytes().decode("latin-1")
    separator = {"maccor-txt": "\t", "mpt": "\t", "basytec-txt": " "}.get(name, ",")
    lines = text.split("\n")
    at = next(i for i, line in enumerate(lines) if {*TIMES[name]} <= {c.strip() for c in line.split(separator)})
    cells = ["dam\xe4ged" if cell.strip() in TIMES[name] else cell for cell in lines[at].split(separator)]
    cells = [f"{cell}{i}" if cell == "dam\xe4ged" else cell for i, cell in enumerate(cells)]
    lines[at] = separator.join(cells)
    path.write_bytes("\n".join(lines).encode("latin-1"))
    with pytest.raises(MissingColumnError, match=r"test_time_second|time/s"):
        get_reader(SAMPLES[name].reader).read(path)


def test_a_table_that_has_lost_its_time_is_read_as_a_curve_out_loud(tmp_path: Path) -> None:
    table = cell_test(cycles=1)
    path = tmp_path / "table.csv"
    table.select(
        pl.col(VOLTAGE).alias("Volts"),
        pl.col(CURRENT).alias("Amps"),
        pl.col(CHARGED).alias("Charge capacity (Ah)"),
        pl.col(DISCHARGED).alias("Discharge capacity (Ah)"),
    ).write_csv(path)
    assert "curve-without-time" in said(read(path))
    table.select(
        pl.col(VOLTAGE).alias("Volts"),
        pl.col(CHARGED).alias("Charge capacity (Ah)"),
        pl.col(DISCHARGED).alias("Discharge capacity (Ah)"),
    ).write_csv(path)
    (finding,) = [f for f in read(path).findings if f.code == "curve-without-time"]
    assert finding.severity is Severity.INFO  # a curve is what it is


# --- a direction is lost --------------------------------------------------------------------------------------------


def test_a_curve_whose_charge_is_all_in_one_direction_is_refused() -> None:
    table = cell_test(cycles=2, rest_h=0.1)
    curve = table.select(VOLTAGE, (pl.col(CHARGED) + pl.col(DISCHARGED)).alias(CHARGED), pl.lit(0.0).alias(DISCHARGED))
    assert errors(curve) == {"direction-lost": ""}
    assert codes(table.select(VOLTAGE, CHARGED, DISCHARGED)) == {}


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_current_that_is_all_of_one_sign_is_found_whichever_it_is(sign: float) -> None:
    """Also where the voltage starts and ends at its lowest, and so neither rises nor falls on the whole."""
    table = cell_test(cycles=2).with_columns(pl.col(CURRENT).abs() * sign)
    assert errors(table) == {"current-unsigned": "sign-current"}
    assert errors(repair(table, ["sign-current"])[0]) == {}


# --- the voltage is wrong -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("curve", [False, True])
def test_a_voltage_of_zero_throughout_is_an_error(curve: bool) -> None:
    table = cell_test().with_columns(pl.lit(0.0).alias(VOLTAGE))
    if curve:
        table = table.select(VOLTAGE, CHARGED, DISCHARGED)
    assert errors(table) == {"voltage-zero": ""}


@pytest.mark.parametrize("curve", [False, True])
@pytest.mark.parametrize("factor", [0.5, 2.0, 0.8])
def test_the_energies_witness_a_voltage_that_is_off(factor: float, curve: bool) -> None:
    table = with_energy(cell_test())
    if curve:
        table = table.drop(TIME, CURRENT, STEP_TYPE)
    assert codes(table) == {}
    assert codes(table.with_columns(pl.col(VOLTAGE) * factor)) == {"energy-balance": ""}


def test_a_voltage_a_thousand_times_too_small_is_an_error_that_is_mended() -> None:
    table = with_energy(cell_test())
    wrong = table.with_columns(pl.col(VOLTAGE) / 1000)
    assert errors(wrong) == {"voltage-energy": "voltage-volt"}
    assert np.allclose(repair(wrong, ["voltage-volt"])[0][VOLTAGE], table[VOLTAGE])
    # without energies it could be a very odd cell
    assert codes(wrong.drop(CHARGED_ENERGY, DISCHARGED_ENERGY)) == {"voltage-implausible": "voltage-volt"}


@pytest.mark.parametrize("factor", [1000.0, 1 / 1000, 3600.0, 0.0])
def test_energies_in_another_unit_are_said_and_do_not_spoil_the_file(factor: float) -> None:
    wrong = with_energy(cell_test()).with_columns(pl.col(CHARGED_ENERGY, DISCHARGED_ENERGY) * factor)
    assert codes(wrong) == {"energy-balance": ""}
    assert errors(wrong) == {}


def test_energies_of_one_digit_and_cells_around_zero_volt_raise_no_alarm() -> None:
    table = with_energy(cell_test(current_a=2e-5))
    coarse = table.with_columns((pl.col(CHARGED_ENERGY, DISCHARGED_ENERGY) * 1e4).floor() / 1e4)
    assert codes(coarse) == {}
    symmetric = table.with_columns((pl.col(CURRENT).sign() * 0.06).alias(VOLTAGE), pl.lit(1e-9).alias(CHARGED_ENERGY))
    assert "energy-balance" not in codes(symmetric)


def test_a_voltage_that_never_moves_is_said() -> None:
    assert codes(cell_test().with_columns(pl.lit(3.7).alias(VOLTAGE))) == {"voltage-stands": ""}


def test_one_row_of_absurd_current_that_turns_all_others_into_rest_is_said() -> None:
    table = cell_test()
    current = table[CURRENT].to_numpy().copy()
    current[7] = 60.0
    assert "current-spike" in codes(table.with_columns(pl.Series(CURRENT, current)))


# --- rows are lost or shifted ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["neware-csv", "arbin-csv", "maccor-txt", "basytec-txt"])
def test_record_numbers_witness_rows_that_are_missing(name: str, tmp_path: Path) -> None:
    path = SAMPLES[name].make(tmp_path)
    reader = get_reader(SAMPLES[name].reader)
    assert "rows-missing" not in said(reader.read(path))
    lines = path.read_text("latin-1").split("\n")
    first = next(i for i, line in enumerate(lines) if "1" in line.replace("\t", ",").replace(" ", ",").split(",")[:2])
    lost = [*lines[: first + 30], *lines[first + 45 :]]
    path.write_text("\n".join(lost), "latin-1")
    assert "rows-missing" in said(reader.read(path))
    every_other = [*lines[:first], *lines[first::2]]
    path.write_text("\n".join(every_other), "latin-1")
    assert "rows-missing" not in said(reader.read(path))  # thinned on purpose


def test_a_decimal_comma_between_commas_is_said(tmp_path: Path) -> None:
    path = SAMPLES["table"].make(tmp_path)
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[0], *(line.replace(".", ",") for line in lines[1:])]) + "\n")
    assert "rows-wider-than-header" in said(get_reader("table").read(path))


# --- the contract ---------------------------------------------------------------------------------------------------


class _Careless:
    """A reader that halves the voltage where a file is not as it should be, and says nothing."""

    name, version, description, extensions = "careless", "1", "a reader that guesses", (".csv",)

    def __init__(self, size: int) -> None:
        self.size = size

    def sniff(self, path: Path, head: bytes):
        return get_reader("table").sniff(path, head)

    def read(self, path: Path) -> Reading:
        reading = get_reader("table").read(path)
        table = reading.table
        if path.stat().st_size != self.size:
            table = table.with_columns(pl.col(VOLTAGE) * 0.9)
        return Reading(table, self.name, self.version, 0.5)


def test_the_contract_finds_a_reader_that_changes_numbers_in_silence(tmp_path: Path) -> None:
    path = SAMPLES["table"].make(tmp_path)
    with pytest.raises(AssertionError, match="numbers change in silence"):
        check_reader(_Careless(path.stat().st_size), [path], mutated=40, unseen=("scale-column", "shuffle-header"))


def test_what_a_table_says_is_compared_by_half_cycles_and_by_rows() -> None:
    table = cell_test(cycles=2)
    content = half_cycles(table)
    assert [(c.sign, round(c.charge_ah, 6), round(c.mean_voltage_v, 3)) for c in content] == [
        (1, 0.01, 3.75),
        (-1, 0.01, 3.75),
    ] * 2
    assert same_half_cycles(content, half_cycles(table.drop(CHARGED, DISCHARGED)))
    assert same_half_cycles(content, half_cycles(table.select(VOLTAGE, CHARGED, DISCHARGED)))
    assert not same_half_cycles(content, half_cycles(table.with_columns(pl.col(VOLTAGE) * 1.05)))
    assert strays(table, table.gather_every(3), 2) == 0
    assert strays(table, table.reverse(), 2) == 3
    assert strays(table, table.with_columns(pl.col(VOLTAGE) + 1e-3), 2) == 3

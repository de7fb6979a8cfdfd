"""Writers of vendor-like files: the simulated log in the header, units and habits of each cycler's export.

They follow the real exports: column names and order, what resets when, how time and dates are written, which columns
have a sign. Where a format has a field for a remark (Biologic's comments, Maccor's description, the name of the test of
Basytec and Landt, the metadata of Parquet), it says that the file is simulated; the csv of Neware, Arbin and the
Battery Data Format has none.

A writer takes the log of `lirich.testing.laboratory` with columns ``record, test_time_s, step_time_s, unix_s,
voltage_v, current_a, cycle, step, step_index, kind, temperature_c`` and the counters of the step ``step_charge_ah,
step_discharge_ah, step_charge_wh, step_discharge_wh``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

import polars as pl

from lirich.model import Origin, table
from lirich.readers.origin import MARK, parquet_remark

Facts = Mapping[str, Any]

# Writers share one signature; those that need no facts of the cell call the parameter _facts.

_CHARGE, _DISCHARGE = pl.col("step_charge_ah"), pl.col("step_discharge_ah")


@dataclass(frozen=True, slots=True)
class Writer:
    """A format: its name, the ending of its files, and the function that writes a log."""

    name: str
    suffix: str
    write: Callable[[pl.DataFrame, Path, Facts], None]


def _number(column: str | pl.Expr, digits: int) -> pl.Expr:
    """A number with that many decimals, all of them written (a cycler writes no exponents)."""
    expression = pl.col(column) if isinstance(column, str) else column
    return expression.round(digits).cast(pl.Decimal(38, digits))


def _date(pattern: str) -> pl.Expr:
    return pl.from_epoch((pl.col("unix_s") * 1e6).cast(pl.Int64), time_unit="us").dt.strftime(pattern)


def _clock(column: str) -> pl.Expr:
    """Seconds as HH:MM:SS with as many hours as there are."""
    whole = pl.col(column).round(0).cast(pl.Int64)
    return pl.format(
        "{}:{}:{}",
        (whole // 3600).cast(pl.String).str.zfill(2),
        (whole // 60 % 60).cast(pl.String).str.zfill(2),
        (whole % 60).cast(pl.String).str.zfill(2),
    )


def _clock_ms(column: str) -> pl.Expr:
    """Seconds as H:MM:SS.mmm."""
    ms = (pl.col(column) * 1000.0).round(0).cast(pl.Int64)
    return pl.format(
        "{}:{}:{}.{}",
        ms // 3_600_000,
        (ms // 60_000 % 60).cast(pl.String).str.zfill(2),
        (ms // 1000 % 60).cast(pl.String).str.zfill(2),
        (ms % 1000).cast(pl.String).str.zfill(3),
    )


def _named(names: Mapping[str, str]) -> pl.Expr:
    return pl.col("kind").replace_strict(dict(names), return_dtype=pl.String)


def _running(log: pl.DataFrame, column: str) -> pl.Expr:
    """Turn a counter that resets with each step into one that never resets."""
    ends = log.group_by("step", maintain_order=True).agg(pl.col(column).last())
    before = dict(zip(ends["step"], ends[column].cum_sum().shift(1, fill_value=0.0), strict=True))
    return pl.col(column) + pl.col("step").replace_strict(before, return_dtype=pl.Float64)


def _start(log: pl.DataFrame) -> datetime:
    return datetime.fromtimestamp(float(log["unix_s"][0]), UTC)


_NEWARE_NAMES = {"rest": "Rest", "cc_charge": "CC Chg", "cv_charge": "CV Chg", "cc_discharge": "CC DChg"}


def _neware(log: pl.DataFrame, facts: Facts) -> pl.DataFrame:
    mass = float(facts["active_mass_mg"]) / 1000.0
    capacity = _CHARGE + _DISCHARGE
    up, down = pl.col("step_charge_wh"), pl.col("step_discharge_wh")

    def specific(amount: pl.Expr) -> pl.Expr:
        return _number(amount * 1000.0 / mass, 2)

    return log.select(
        pl.col("record").alias("DataPoint"),
        pl.col("cycle").alias("Cycle Index"),
        pl.col("step_index").alias("Step Index"),
        _named(_NEWARE_NAMES).alias("Step Type"),
        _clock("step_time_s").alias("Time"),
        _clock("test_time_s").alias("Cumulative Time"),
        _number("current_a", 8).alias("Current(A)"),
        _number("voltage_v", 4).alias("Voltage(V)"),
        _number(capacity, 8).alias("Capacity(Ah)"),
        specific(capacity).alias("Spec. Cap.(mAh/g)"),
        _number(_CHARGE, 8).alias("Chg. Cap.(Ah)"),
        specific(_CHARGE).alias("Chg. Spec. Cap.(mAh/g)"),
        _number(_DISCHARGE, 8).alias("DChg. Cap.(Ah)"),
        specific(_DISCHARGE).alias("DChg. Spec. Cap.(mAh/g)"),
        _number(up + down, 8).alias("Energy(Wh)"),
        specific(up + down).alias("Spec. Energy(mWh/g)"),
        _number(up, 8).alias("Chg. Energy(Wh)"),
        specific(up).alias("Chg. Spec. Energy(mWh/g)"),
        _number(down, 8).alias("DChg. Energy(Wh)"),
        specific(down).alias("DChg. Spec. Energy(mWh/g)"),
        _date("%Y-%m-%d %H:%M:%S").alias("Date"),
        _number(pl.col("current_a") * pl.col("voltage_v"), 8).alias("Power(W)"),
        pl.lit("0.0000").alias("dQ/dV(mAh/V)"),
        pl.lit("0.0000").alias("dQm/dV(mAh/V.g)"),
        pl.lit(0).alias("Contact resistance(mO)"),
        pl.lit("Close").alias("Module start-stop switch"),
    )


def _neware_csv(log: pl.DataFrame, path: Path, facts: Facts) -> None:
    _neware(log, facts).write_csv(path)


def _neware_xlsx(log: pl.DataFrame, path: Path, facts: Facts) -> None:
    test = pl.DataFrame({"Test information": ["Active material"], "": [f"{facts['active_mass_mg']} mg"]})
    _write_workbook(path, {"unit": pl.DataFrame({"unit": ["A", "V"]}), "test": test, "record": _neware(log, facts)})


_CYCLE_CELLS = (
    "Cap_Chg(mAh)", "Cap_DChg(mAh)", "Specific Capacity-Chg(mAh/g)", "Specific Capacity-Dchg(mAh/g)",
    "Chg/DChg Efficiency(%)", "Engy_Chg(mWh)", "Engy_DChg(mWh)", "REngy_Chg(mWh/g)", "REngy_Dchg(mWh/g)",
    "CC_Chg_Ratio(%)", "CC_Chg_Cap(mAh)", "Plat_Cap(mAh)", "Plat_Capacity Density(mAh/g)", "Plat_Cap_Efficiency(%)",
    "Plat_Time(h:min:s.ms)", "Capacity_Chg(F)", "Capacity_DChg(F)", "IR(O)", "Mid_value Voltage(V)",
    "Discharge Fading Ratio(%)", "Charge Time(h:min:s.ms)", "Discharge Time(h:min:s.ms)", "Charge IR(O)",
    "Discharge IR(O)", "End Temperature(°C)", "Net Cap_DChg(mAh)", "Net Engy_DChg(mWh)", "Energy Efficiency(%)",
)  # fmt: skip
_STEP_CELLS = (
    "Step ID", "Step Name", "Step Time(h:min:s.ms)", "Capacity(mAh)", "Capacity Density(mAh/g)", "Energy(mWh)",
    "CmpEngergy(mWh/g)", "Capacitance(F)", "Start Voltage(V)", "End Voltage(V)", "Start Temperature(°C)",
    "End Temperature(°C)", "End Capacity(mAh)", "Charge Mid-Vol(V)", "Discharge Mid-Vol(V)", "DCIR(O)",
    "ChargeCap(mAh)", "DischargeCap(mAh)", "Engy_Chg(mWh)", "Engy_DChg(mWh)", "Net DischargeCap(mAh)",
    "Net Engy_DChg(mWh)", "Raw Step ID",
)  # fmt: skip


def _neware_bts7_csv(log: pl.DataFrame, path: Path, facts: Facts) -> None:
    """The layered report of BTS 7, as github.com/TRI-AMDD/beep keeps one: tests/test_files/raw/neware_test.csv."""
    mass = float(facts["active_mass_mg"]) / 1000.0
    milli = {
        name: pl.col(f"step_{name}") * 1000.0 for name in ("charge_ah", "discharge_ah", "charge_wh", "discharge_wh")
    }
    charge, discharge, charged, discharged = milli.values()
    quantity, energy = charge + discharge, charged + discharged
    records = log.select(
        "cycle",
        "step",
        pl.col("record").alias("Record ID"),
        _clock_ms("step_time_s").alias("Time(h:min:s.ms)"),
        _number("voltage_v", 4).alias("Voltage(V)"),
        _number(pl.col("current_a") * 1000.0, 4).alias("Current(mA)"),
        _number("temperature_c", 1).alias("Temperature(°C)"),
        _number(quantity, 4).alias("Capacity(mAh)"),
        _number(quantity / mass, 1).alias("Capacity Density(mAh/g)"),
        _number(energy, 4).alias("Energy(mWh)"),
        _number(energy / mass, 1).alias("CmpEng(mWh/g)"),
        _date("%m/%d/%Y %H:%M:%S").alias("Realtime"),
        *(pl.lit("").alias(f"{which}-T(°C)") for which in ("Min", "Max", "Avg")),
        _number(pl.col("current_a") * pl.col("voltage_v") * 1000.0, 4).alias("Power(mW)"),
        _number(charge, 4).alias("Capacitance_Chg(mAh)"),
        _number(discharge, 4).alias("Capacitance_DChg(mAh)"),
        _number(charged, 4).alias("Engy_Chg(mWh)"),
        _number(discharged, 4).alias("Engy_DChg(mWh)"),
        pl.lit("0.0").alias("dQ/dV(mAh/V)"),
        pl.lit("0.0").alias("dQm/dV(mAh/V.g)"),
    )
    steps = log.group_by("cycle", "step", maintain_order=True).agg(
        pl.col("step").last().alias("Step ID"),
        _named(_NEWARE_NAMES).last().str.replace(" ", "_").alias("Step Name"),
        _clock_ms("step_time_s").last().alias("Step Time(h:min:s.ms)"),
        _number(quantity, 4).last().alias("Capacity(mAh)"),
        pl.col("step_index").last().alias("Raw Step ID"),
    )
    width = 2 + len(_CYCLE_CELLS)

    def line(front: str, cells: Iterable[object]) -> str:
        """The cells but the front ones stand in quotes, after a tab; an empty one ends them, commas fill the line."""
        text = front + "".join(f',"\t{cell}"' for cell in (*cells, ""))
        return text + "," * (width - 1 - text.count(","))

    lines = [line("Cycle ID", _CYCLE_CELLS), line("", _STEP_CELLS), line(",", records.columns[2:])]
    cycle = None
    for step, rows in zip(steps.iter_rows(named=True), records.partition_by("step", maintain_order=True), strict=True):
        if step["cycle"] != cycle:
            cycle = step["cycle"]
            lines.append(line(str(cycle), ("0.0" for _ in _CYCLE_CELLS)))
        lines.append(line("", (step.get(name, "0.0") for name in _STEP_CELLS)))
        lines += [line(",", row[2:]) for row in rows.iter_rows()]
    path.write_text("\n".join(lines) + "\n", encoding="cp1252")


def _arbin(log: pl.DataFrame) -> pl.DataFrame:
    return log.select(
        pl.col("record").alias("Data_Point"),
        _date("%Y-%m-%d %H:%M:%S%.3f").alias("Date_Time"),
        _number("test_time_s", 4).alias("Test_Time(s)"),
        _number("step_time_s", 4).alias("Step_Time(s)"),
        pl.col("step_index").alias("Step_Index"),
        pl.col("cycle").alias("Cycle_Index"),
        _number("voltage_v", 6).alias("Voltage(V)"),
        _number("current_a", 9).alias("Current(A)"),
        _number(_running(log, "step_charge_ah"), 9).alias("Charge_Capacity(Ah)"),
        _number(_running(log, "step_discharge_ah"), 9).alias("Discharge_Capacity(Ah)"),
        _number(_running(log, "step_charge_wh"), 9).alias("Charge_Energy(Wh)"),
        _number(_running(log, "step_discharge_wh"), 9).alias("Discharge_Energy(Wh)"),
        pl.lit(None, pl.Float64).alias("Internal Resistance(Ohm)"),
        pl.lit(0).alias("dV/dt(V/s)"),
    )


def _arbin_csv(log: pl.DataFrame, path: Path, _facts: Facts) -> None:
    _arbin(log).write_csv(path)


def _arbin_xlsx(log: pl.DataFrame, path: Path, facts: Facts) -> None:
    info = pl.DataFrame({"TEST REPORT": ["Test Name"], "": [facts["cell"]]})
    _write_workbook(path, {"Global_Info": info, "Channel_1-001": _arbin(log)})


def _landt(log: pl.DataFrame) -> pl.DataFrame:
    names = {"rest": "rest", "cc_charge": "charge CC", "cv_charge": "charge CV", "cc_discharge": "discharge CC"}
    return log.select(
        pl.lit(1).alias("channel_index"),
        pl.col("cycle").alias("cycle_index"),
        pl.col("step_index").alias("step_index"),
        _date("%m/%d/%Y %H:%M:%S").alias("date_time_iso_string"),
        _number("test_time_s", 3).alias("test_time_s"),
        _number("step_time_s", 3).alias("step_time_s"),
        _number("current_a", 7).alias("current_A"),
        _number("voltage_v", 4).alias("voltage_V"),
        _number(_DISCHARGE, 7).alias("discharge_capacity_Ah"),
        _number(_CHARGE, 7).alias("charge_capacity_Ah"),
        _number("step_discharge_wh", 7).alias("discharge_energy_Wh"),
        _number("step_charge_wh", 7).alias("charge_energy_Wh"),
        pl.lit(0).alias("Pressure_Psi"),
        _number("temperature_c", 1).alias("temperature_1_C"),
        pl.lit(0).alias("temperature_2_C"),
        pl.lit(0).alias("temperature_3_C"),
        _named(names).alias("step_name"),
    )


def _landt_csv(log: pl.DataFrame, path: Path, facts: Facts) -> None:
    blanks = "," * 16
    titles = (
        f"cell model:{blanks}",
        f"cell id: {facts['cell']}{blanks}",
        f"test: {MARK}{blanks}",
        f"checkpoint: {blanks}",
        f"Nominal capacity used to define the C rate:Ah{blanks}",
        f"Nominal energy used to define the E rate: Wh{blanks}",
    )
    body = _landt(log).with_columns(pl.col("step_name") + pl.lit("\x00"))
    # every row of the real export ends in a comma that its header row does not have
    rows = body.write_csv(include_header=False, quote_style="never").replace("\x00", ",")
    path.write_text("\n".join(titles) + "\n" + ",".join(body.columns) + "\n" + rows, encoding="ascii")


def _landt_xlsx(log: pl.DataFrame, path: Path, _facts: Facts) -> None:
    _write_workbook(path, {"Record_1_1": _landt(log)})


def _write_workbook(path: Path, sheets: Mapping[str, pl.DataFrame]) -> None:
    """Write an .xlsx whose bytes depend on the sheets alone. Raises `ImportError` without ``xlsxwriter``."""
    import xlsxwriter

    with xlsxwriter.Workbook(path) as book:
        book.set_properties({"created": datetime(2024, 3, 1, tzinfo=UTC)})
        for name, frame in sheets.items():
            sheet = book.add_worksheet(name)
            sheet.write_row(0, 0, frame.columns)
            for number, row in enumerate(frame.cast({pl.Decimal: pl.Float64}).iter_rows(), 1):
                sheet.write_row(number, 0, row)


def _maccor_txt(log: pl.DataFrame, path: Path, facts: Facts) -> None:
    day, month = _start(log).strftime("%d %B %Y"), _start(log).strftime("%d %B %Y, %I:%M:%S %p")
    titles = (
        f"Today's Date:\t{day}\tDate of Test:\t{month}",
        f"    Filename:\t{facts['cell']}_01\tTester Channel:\t1",
        f"Procedure:\tlithium_rich.000\tDescription:\t{MARK}",
    )
    ends = pl.col("step").shift(-1) != pl.col("step")
    status = pl.when(ends).then(pl.lit(133)).when(pl.col("step").shift(1) != pl.col("step")).then(0).otherwise(1)

    def days(column: str) -> pl.Expr:
        hundredths = (pl.col(column) * 100.0).round(0).cast(pl.Int64)
        whole = hundredths // 100
        return pl.format(
            "{}d {}:{}:{}",
            (whole // 86400).cast(pl.String).str.pad_start(3),
            (whole // 3600 % 24).cast(pl.String).str.zfill(2),
            (whole // 60 % 60).cast(pl.String).str.zfill(2),
            # the real export drops trailing zeros: 0d 00:00:5, 0d 00:00:5.05
            ((hundredths % 6000) / 100.0).cast(pl.String).str.strip_suffix(".0"),
        )

    body = log.select(
        pl.col("record").alias("Rec#"),
        (pl.col("cycle") - 1).alias("Cyc#"),
        pl.col("step_index").alias("Step"),
        days("test_time_s").alias("TestTime"),
        days("step_time_s").alias("StepTime"),
        _number(_CHARGE + _DISCHARGE, 7).alias("Amp-hr"),
        _number(pl.col("step_charge_wh") + pl.col("step_discharge_wh"), 7).alias("Watt-hr"),
        _number(pl.col("current_a").abs(), 8).alias("Amps"),
        _number("voltage_v", 5).alias("Volts"),
        _named({"rest": "R", "cc_charge": "C", "cv_charge": "C", "cc_discharge": "D"}).alias("State"),
        status.fill_null(1).alias("ES"),
        _date("%m/%d/%Y %H:%M:%S").alias("DPt Time"),
        pl.lit("0.00000").alias("ACImp/Ohms"),
        pl.lit("0.00000").alias("DCIR/Ohms"),
        _number("temperature_c", 5).alias("Aux #1"),
        pl.lit(" C  ").alias(" Units"),
    )
    text = "\n".join(titles) + "\n" + body.write_csv(separator="\t", quote_style="never")
    path.write_text(text, encoding="latin-1")


def _biologic_mpt(log: pl.DataFrame, path: Path, facts: Facts) -> None:
    mass = float(facts["active_mass_mg"])
    titles = [
        "EC-Lab ASCII FILE",
        "Nb header lines : 00                          ",
        "",
        "Galvanostatic Cycling with Potential Limitation",
        "",
        "Run on channel : 1 (SN 12345)",
        "User : ",
        "Ewe ctrl range : min = 0.00 V, max = 5.00 V",
        f"Acquisition started on : {_start(log).strftime('%m/%d/%Y %H:%M:%S')}",
        f"Technique started on : {_start(log).strftime('%m/%d/%Y %H:%M:%S')}",
        "Saved on :",
        f"\tFile : {facts['cell']}.mpr",
        "\tDirectory : C:\\lithium-rich\\",
        "Device : VMP3 (SN 0001)",
        "EC-Lab for windows v11.50 (software)",
        "Electrode material : ",
        "Initial state : ",
        f"Electrolyte : {facts['electrolyte']}",
        f"Comments : {MARK}",
        f"Mass of active material : {mass:.3f} mg",
        " at x = 0.000",
        "Electrode surface area : 0.001 cm\u00b2",
        "Cycle Definition : Charge/Discharge alternance",
        "",
    ]
    header = (
        "mode\tox/red\terror\tcontrol changes\tNs changes\tcounter inc.\tNs\ttime/s\tcontrol/V/mA\tEwe/V\tI/mA\t"
        "dq/mA.h\t(Q-Qo)/mA.h\thalf cycle\tcycle number\t"
    )
    titles[1] = f"Nb header lines : {len(titles) + 1:<28d}"
    moved = (_running(log, "step_charge_ah") - _running(log, "step_discharge_ah")) * 1000.0
    current = pl.col("current_a") * 1000.0
    resting, held = pl.col("kind") == "rest", pl.col("kind") == "cv_charge"
    changed = (pl.col("step") != pl.col("step").shift(1)).fill_null(True).cast(pl.Int8)
    half = (pl.col("kind") == "cc_charge").cast(pl.Int64) - (pl.col("kind") == "cc_discharge").cast(pl.Int64)
    turned = half.replace(0, None).forward_fill().fill_null(1)
    body = log.with_columns(moved.alias("moved")).select(
        pl.when(resting).then(3).when(held).then(2).otherwise(1),
        (pl.col("kind") != "cc_discharge").cast(pl.Int8).alias("ox"),
        pl.lit(0).alias("error"),
        changed.alias("control"),
        changed.alias("ns changes"),
        pl.lit(0).alias("counter"),
        pl.col("step_index").alias("ns"),
        pl.col("test_time_s").alias("time"),
        pl.when(held).then(pl.col("voltage_v")).when(resting).then(0.0).otherwise(current).alias("ctrl"),
        pl.col("voltage_v").alias("ewe"),
        current.alias("i"),
        pl.col("moved").diff().fill_null(0.0).alias("dq"),
        pl.col("moved").alias("q"),
        (turned != turned.shift(1)).fill_null(False).cum_sum().alias("half"),
        (pl.col("cycle") - 1).cast(pl.Float64).alias("cycle"),
    )
    body = body.with_columns(
        *(_scientific(body[name], 15) for name in ("time", "dq", "q", "cycle")),
        *(_scientific(body[name], 7) for name in ("ctrl", "ewe", "i")),
    )
    rows = body.write_csv(separator="\t", include_header=False, line_terminator="\t\r\n", quote_style="never")
    text = "\r\n".join(titles) + "\r\n" + header + "\r\n" + rows
    path.write_bytes(text.encode("latin-1"))


def _scientific(numbers: pl.Series, digits: int) -> pl.Series:
    """EC-Lab's numbers: 7.836904905780102E-001, with three digits of exponent."""
    texts = []
    for number in numbers.to_list():
        mantissa, exponent = f"{number:.{digits}E}".split("E")
        texts.append(f"{mantissa}E{exponent[0]}{exponent[1:]:0>3}")
    return pl.Series(numbers.name, texts)


def _basytec_txt(log: pl.DataFrame, path: Path, facts: Facts) -> None:
    start = _start(log)
    titles = (
        "~Resultfile from Basytec Battery Test System",
        f"~Date and Time of Data Converting: {start.strftime('%d.%m.%Y %H:%M:%S')}",
        f"~Name of Test: lithium-rich, {MARK}",
        f"~Battery: {facts['cell']}",
        "~Testchannel: CTS 01",
        f"~Start of Test: {start.strftime('%d.%m.%Y %H:%M:%S')}",
        "~",
    )
    names = {"rest": "Pause", "cc_charge": "Charge", "cv_charge": "Charge", "cc_discharge": "Discharge"}
    body = log.select(
        _number(pl.col("test_time_s") / 3600.0, 9).alias("~Time[h]"),
        pl.col("record").alias("DataSet"),
        _number(pl.col("step_time_s") / 3600.0, 9).alias("t-Step[h]"),
        pl.col("step_index").alias("Line"),
        _named(names).alias("Command"),
        _number("voltage_v", 5).alias("U[V]"),
        _number("current_a", 8).alias("I[A]"),
        _number(_running(log, "step_charge_ah") - _running(log, "step_discharge_ah"), 8).alias("Ah[Ah]"),
        _number("temperature_c", 2).alias("T1[\u00b0C]"),
        (pl.col("cycle") - 1).alias("Cyc-Count"),
        pl.lit(1).alias("State"),
    )
    rows = body.write_csv(separator=" ", quote_style="never")
    path.write_text("\n".join(titles) + "\n" + rows, encoding="latin-1")


def _bdf(log: pl.DataFrame) -> pl.DataFrame:
    return log.select(
        _number("test_time_s", 3).alias(table.TIME),
        _number("voltage_v", 5).alias(table.VOLTAGE),
        _number("current_a", 9).alias(table.CURRENT),
        _number("unix_s", 3).alias(table.UNIX_TIME),
        pl.col("cycle").alias(table.CYCLE),
        pl.col("step").alias(table.STEP),
        _number("temperature_c", 2).alias(table.TEMPERATURE),
        pl.col("step_index").alias(table.STEP_INDEX),
        _number(_running(log, "step_charge_ah"), 9).alias(table.CHARGED),
        _number(_running(log, "step_discharge_ah"), 9).alias(table.DISCHARGED),
    )


def _bdf_csv(log: pl.DataFrame, path: Path, _facts: Facts) -> None:
    _bdf(log).write_csv(path)


def _bdf_parquet(log: pl.DataFrame, path: Path, _facts: Facts) -> None:
    frame = _bdf(log).cast({pl.Decimal: pl.Float64})
    frame.write_parquet(path, metadata=parquet_remark(Origin.SIMULATED))


WRITERS: Mapping[str, Writer] = MappingProxyType(
    {
        w.name: w
        for w in (
            Writer("neware-csv", ".csv", _neware_csv),
            Writer("arbin-csv", ".csv", _arbin_csv),
            Writer("landt-csv", ".csv", _landt_csv),
            Writer("maccor-txt", ".txt", _maccor_txt),
            Writer("biologic-mpt", ".mpt", _biologic_mpt),
            Writer("bdf-csv", ".bdf.csv", _bdf_csv),
            Writer("bdf-parquet", ".bdf.parquet", _bdf_parquet),
            Writer("basytec-txt", ".txt", _basytec_txt),
        )
    }
)
"""Every vendor-like format by name."""

REPORTS: Mapping[str, Writer] = MappingProxyType(
    {"neware-bts7-csv": Writer("neware-bts7-csv", ".csv", _neware_bts7_csv)}
)
"""Exports with rows of cycles and steps among those of the records, by name."""

WORKBOOKS: Mapping[str, Writer] = MappingProxyType(
    {
        w.name: w
        for w in (
            Writer("neware-xlsx", ".xlsx", _neware_xlsx),
            Writer("arbin-xlsx", ".xlsx", _arbin_xlsx),
            Writer("landt-xlsx", ".xlsx", _landt_xlsx),
        )
    }
)
"""Spreadsheet exports by name; they need ``xlsxwriter``."""

"""A small sample file of every format that lirich reads: what the reader contract is checked with.

All of them hold the same test: a rest, then two cycles at 1 mA between 3 and 4.5 V.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import polars as pl

from lirich.testing.binary_files import simple_test, write_binary
from lirich.testing.vendor_files import REPORTS, WORKBOOKS, WRITERS

POINTS = 25
"""Rows per half-cycle: thousands of broken copies are to be quick."""

_FACTS: Mapping[str, Any] = MappingProxyType(
    {
        "cell": "SC-1",
        "sample": "S1",
        "active_mass_mg": 5.0,
        "electrolyte": "LP57",
        "nominal_specific_capacity_mah_g": 250.0,
        "one_c_ma_g": 250.0,
        "electrode": "cathode",
        "morphology": "SC",
        "electrode_area_cm2": 1.13,
        "temperature_celsius": 25.0,
    }
)


@dataclass(frozen=True, slots=True)
class Sample:
    """A sample: the reader that must know it, what makes it in a folder, and the damage that it cannot show.

    ``unseen`` names kinds of damage of `lirich.testing.mutate` that the format has no second witness of.
    """

    reader: str
    make: Callable[[Path], Path]
    unseen: tuple[str, ...] = ()


def sample_log(points: int = POINTS) -> pl.DataFrame:
    """Return the log of `simple_test` with the columns that the vendor writers want."""
    test = simple_test(points=points)
    kinds = {"rest": "rest", "charge": "cc_charge", "discharge": "cc_discharge"}
    frame = pl.DataFrame({k: v for k, v in test.items() if k != "kind"}).with_columns(
        pl.Series("kind", [kinds[str(k)] for k in test["kind"]])
    )
    charging, discharging = pl.col("kind") == "cc_charge", pl.col("kind") == "cc_discharge"
    amount, energy = pl.col("capacity_mah") / 1000.0, pl.col("energy_mwh") / 1000.0
    return frame.select(
        pl.int_range(1, pl.len() + 1).alias("record"),
        pl.col("time_s").alias("test_time_s"),
        "step_time_s",
        (pl.col("time_s") + 1_709_294_400.0).alias("unix_s"),
        "voltage_v",
        (pl.col("current_ma") / 1000.0).alias("current_a"),
        (pl.col("cycle") + 1).cast(pl.Int64).alias("cycle"),
        pl.col("step").cast(pl.Int64),
        pl.when(charging).then(2).when(discharging).then(3).otherwise(1).alias("step_index"),
        "kind",
        pl.lit(25.0).alias("temperature_c"),
        pl.when(charging).then(amount).otherwise(0.0).alias("step_charge_ah"),
        pl.when(discharging).then(amount).otherwise(0.0).alias("step_discharge_ah"),
        pl.when(charging).then(energy).otherwise(0.0).alias("step_charge_wh"),
        pl.when(discharging).then(energy).otherwise(0.0).alias("step_discharge_wh"),
    )


def _vendor(name: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        writer = {**WRITERS, **REPORTS, **WORKBOOKS}[name]
        path = folder / f"sample{writer.suffix}"
        writer.write(sample_log(), path, _FACTS)
        return path

    return make


def _binary(suffix: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        path = folder / f"sample{suffix}"
        write_binary(path, simple_test(points=POINTS))
        return path

    return make


def _columns(names: tuple[str, str, str]) -> pl.DataFrame:
    return sample_log().select(
        pl.col(column).alias(name)
        for column, name in zip(("test_time_s", "current_a", "voltage_v"), names, strict=True)
    )


def _plain(folder: Path) -> Path:
    path = folder / "sample.csv"
    _columns(("Seconds", "Amps", "Volts")).write_csv(path)
    return path


def _mapped(folder: Path) -> Path:
    path = folder / "sample.csv"
    _columns(("zeit", "strom", "spannung")).write_csv(path)
    mapping = '[columns]\ntime = { column = "zeit", unit = "s" }\n'
    mapping += 'current = { column = "strom", unit = "A" }\nvoltage = { column = "spannung", unit = "V" }\n'
    (folder / "sample.csv.lirich.toml").write_text(mapping)
    return path


# Time, voltage and current and nothing else: a larger current is a larger cell, other names are other columns.
_NO_WITNESS = ("scale-column", "shuffle-header")
# Binary without checksums: another byte is another number, another charge or another end of a step.
_NO_CHECKSUM = ("flip", "zero-block")

SAMPLES: Mapping[str, Sample] = MappingProxyType(
    {
        "ndax": Sample("neware", _binary(".ndax")),
        "nda": Sample("neware", _binary(".nda"), _NO_CHECKSUM),
        "mpr": Sample("biologic-mpr", _binary(".mpr"), _NO_CHECKSUM),
        "mpt": Sample("biologic", _vendor("biologic-mpt")),
        "res": Sample("arbin-res", _binary(".res"), _NO_CHECKSUM),
        "neware-csv": Sample("neware-text", _vendor("neware-csv")),
        "neware-bts7-csv": Sample("neware-text", _vendor("neware-bts7-csv")),
        "neware-xlsx": Sample("neware-text", _vendor("neware-xlsx")),
        "arbin-csv": Sample("arbin-text", _vendor("arbin-csv")),
        "arbin-xlsx": Sample("arbin-text", _vendor("arbin-xlsx")),
        "landt-csv": Sample("landt", _vendor("landt-csv")),
        "landt-xlsx": Sample("landt", _vendor("landt-xlsx")),
        "maccor-txt": Sample("maccor", _vendor("maccor-txt")),
        "basytec-txt": Sample("basytec", _vendor("basytec-txt")),
        "bdf-csv": Sample("bdf", _vendor("bdf-csv")),
        "bdf-parquet": Sample("bdf", _vendor("bdf-parquet")),
        "table": Sample("table", _plain, _NO_WITNESS),
        "mapped": Sample("mapped", _mapped, _NO_WITNESS),
    }
)
"""Every format that lirich reads: name → sample. Those of spreadsheets need ``xlsxwriter``."""

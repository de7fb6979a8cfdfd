"""Neware's text and spreadsheet exports: flat, and *layered* (cycle, step and record rows in one sheet).

A layered export has three header rows, one per layer::

    Cycle Index,Chg. Cap.(Ah),…
    ,Step Index,Step Number,Step Type,…
    ,,DataPoint,Time,Total Time,Current(A),Voltage(V),…
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import polars as pl

from lirich.errors import DamagedFileError
from lirich.model import Scalar
from lirich.model import table as std
from lirich.readers import delimited, loading, workbook
from lirich.readers import headers as h
from lirich.readers.tabular import Heading, Table, TabularReader

_OWN = {
    "datapoint", "chgcap", "dchgcap", "chgspeccap", "dchgspeccap", "cumulativetime", "recordid", "chgenergy",
    "dchgenergy", "recordnumber",
    "cmpcap", "capacitydensity", "dqdv", "dqmdv", "数据序号", "记录序号", "工步号", "工步类型", "循环号", "充电容量",
}  # fmt: skip
_SHARED = {"datapoint", "dqdv", "chgenergy"}
"""Words that others use too."""
_STEPS = {"steptype", "stepname", "stepindex", "stepid", "工步类型", "工步号", "state", "status"}
_CARRIED = {
    "cycle": (std.CYCLE, "Cycle Index"),
    "index": (std.STEP_INDEX, "Step Index"),
    "number": (std.STEP, "Step Number"),
    "type": (std.STEP_TYPE, "Step Type"),
}
_SHEETS = re.compile(r"^(record|records|detail.*|.*record.*|记录层|详细数据)$", re.IGNORECASE)
_MASS = re.compile(r"active\s*(?:material|mass)\s*[:\t, ]+\s*([0-9.]+)\s*(mg|g)\b", re.IGNORECASE)


class NewareTextReader(TabularReader):
    """Neware BTS exports (.csv, .txt, .xlsx), flat and layered."""

    name = "neware-text"
    description = "Neware csv, txt or xlsx export"
    extensions = (".csv", ".txt", ".xlsx")
    aliases: ClassVar[dict[str, h.Alias]] = {
        "time": (h.STEP_TIME, ""),
        "时间": (h.STEP_TIME, ""),
        "steptime": (h.STEP_TIME, ""),
        "relativetime": (h.STEP_TIME, ""),
        "stepnumber": (std.STEP, ""),
        "cpu": ("", ""),
        "steps": (std.STEP_INDEX, ""),
    }

    def confidence(self, heading: Heading) -> tuple[float, str]:
        """Neware's words: DataPoint, Chg. Cap., DChg. Cap., Cumulative Time, ….

        One of them is enough beside a step type; of the step rows above the records one counts too.
        """
        names = heading.names
        own = sorted(names & _OWN)
        layered = any("Step Type" in line and "Step Index" in line for line in heading.preamble[-3:])
        if layered and own:
            return 0.97, "layered Neware export: cycle, step and record headers"
        if len(own) >= 2 and set(own) - _SHARED and names & _STEPS:
            return 0.95, f"Neware's headers {', '.join(own[:4])}"
        return 0.0, ""

    def sheet_confidence(self, sheets: Sequence[str]) -> tuple[float, str]:
        """A sheet of records beside sheets of steps, cycles, test or log."""
        lower = {sheet.strip().lower() for sheet in sheets}
        if any(s.startswith("channel_") or s == "global_info" for s in lower):
            return 0.0, ""
        records = [sheet for sheet in sheets if _SHEETS.match(sheet.strip())]
        if not records:
            return 0.0, ""
        beside = lower & {"unit", "test", "cycle", "step", "log", "info", "idle", "statis", "curve"}
        return (0.95 if beside or records[0].lower().startswith("detail") else 0.6), f"a sheet {records[0]!r}"

    def pick_sheets(self, sheets: Sequence[str]) -> list[str]:
        """The sheets of single records; a long test goes on over several."""
        found = [s for s in sheets if _SHEETS.match(s.strip())]
        exact = [s for s in found if s.strip().lower() in ("record", "records", "记录层")]
        return exact or [s for s in found if "vol" not in s.lower() and "temp" not in s.lower()]

    def metadata(self, heading: Heading) -> dict[str, Scalar]:
        """What the lines above say; those of a layered export are headers, not facts."""
        return {} if "Step" in "".join(heading.preamble[-1:]) else super().metadata(heading)

    def open_text(self, path: Path, data: bytes, layout: delimited.Layout) -> Table:
        """Read a flat export as it is, and a layered one layer by layer."""
        if not _is_layered(layout):
            return super().open_text(path, data, layout)
        body, findings = loading.body_of(data, layout, path)
        layers = [delimited.split_line(line, layout.separator) for line in layout.preamble[-2:]]
        width = max(layout.width, len(layers[0]) + len(layers[1]))
        wide = replace(layout, width=width)
        loaded = loading.load(body, wide, numbers=[], texts=list(range(width)), path=path)
        table = self._layered(path, wide, layers, loaded)
        table.findings = findings
        return table

    def open_workbook(self, path: Path) -> Table:
        """Read the records, and the active mass where the sheet ``test`` gives it."""
        sheets = workbook.sheet_names(path)
        chosen = self.pick_sheets(sheets) or list(sheets)
        if not chosen:
            raise DamagedFileError(f"{path.name} has no sheets", advice="Export it again")
        flat = self.cells(path, chosen)
        frame = workbook.read_sheet(path, chosen[0]) if flat is None else pl.DataFrame()
        layout = workbook.sheet_layout(frame, self.score)
        if layout is not None and _is_layered(layout):
            layers = [line.split("\t") for line in layout.preamble[-2:]]
            rows = frame.slice(layout.header_line + 1)
            table = self._layered(path, layout, layers, loading.Loaded(rows, layout.header_line + 2))
            table.sheet = self.sheet_confidence(sheets)
        else:
            table = self.from_sheets(path, sheets, flat or self.texts(path, chosen))
        mass = _mass_of(path, sheets)
        if mass is not None:
            table.metadata["active_mass_mg"] = mass
        return table

    def _layered(self, path: Path, layout: delimited.Layout, layers: list[list[str]], loaded: loading.Loaded) -> Table:
        """Carry cycle and step from their rows down to the records."""
        frame = loaded.frame
        cycle_width = len([c for c in layers[0] if c.strip()])
        step_headers = [c.strip() for c in layers[1]]
        matches, others = h.match_headers(layout.headers, self.aliases)
        record = matches.get(h.RECORD)
        if record is None or record.index < 1:
            raise DamagedFileError(f"{path.name} is a layered export without record numbers", advice="Export it flat")
        filled = {name: pl.col(name).is_not_null() & (pl.col(name) != "") for name in frame.columns}
        expressions = [pl.when(filled["c0"]).then(pl.col("c0")).forward_fill().alias("cycle")]
        # The first step stands in the line of its cycle, after the cycle's own cells.
        joined = filled["c0"] & filled.get(f"c{cycle_width}", pl.lit(value=False))
        own = ~filled["c0"] & filled["c1"]
        for target, (_, header) in _CARRIED.items():
            if header not in step_headers:
                continue
            at = step_headers.index(header)
            other = f"c{cycle_width + at - 1}"
            value = pl.when(own).then(pl.col(f"c{at}"))
            both = value.when(joined).then(pl.col(other)) if other in frame.columns else value
            expressions.append(both.forward_fill().alias(target))
        is_record = ~filled["c0"] & ~filled["c1"] & filled[f"c{record.index}"]
        carried = frame.with_columns(expressions).with_row_index("row").filter(is_record)
        if carried.height == 0:
            raise DamagedFileError(f"{path.name} has no records", advice="Export it with its records")
        start = layout.width
        renamed = {}
        for offset, (column, (role, header)) in enumerate(_CARRIED.items()):
            if column in carried.columns:
                matches[role] = h.HeaderMatch(start + offset, header, role, "", 1.0)
                renamed[column] = f"c{start + offset}"
        lines = carried.get_column("row").cast(pl.Int64)
        typed = loading.convert(
            loading.Loaded(carried.rename(renamed), loaded.first_line),
            matches.values(),
            decimal_comma=layout.decimal_comma,
        )
        typed.rows = lines if typed.rows is None else lines.gather(typed.rows)
        return Table(path, layout, matches, others, typed)


def _is_layered(layout: delimited.Layout) -> bool:
    if len(layout.preamble) < 2 or layout.headers[0]:
        return False
    return "Step" in layout.preamble[-1] and "Cycle" in layout.preamble[-2]


def _mass_of(path: Path, sheets: Sequence[str]) -> float | None:
    for sheet in sheets:
        if sheet.strip().lower() in ("test", "info"):
            text = "\n".join(
                "\t".join("" if c is None else str(c) for c in row) for row in workbook.read_sheet(path, sheet).rows()
            )
            found = _MASS.search(text)
            if found:
                return float(found.group(1)) * (1e3 if found.group(2).lower() == "g" else 1.0)
    return None


READERS = (NewareTextReader(),)

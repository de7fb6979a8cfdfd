"""Neware's text and spreadsheet exports: flat, and *layered* (cycle, step and record rows in one sheet).

A layered export has three header rows, one per layer. BTS 8 and BTS 7 write them, in English, as::

    Cycle Index,Chg. Cap.(Ah),…                                Cycle ID,Cap_Chg(mAh),…
    ,Step Index,Step Number,Step Type,…                        ,Step ID,Step Name,…,Raw Step ID
    ,,DataPoint,Time,Total Time,Current(A),Voltage(V),…        ,,Record ID,Time(h:min:s.ms),Voltage(V),Current(mA),…

The words of the upper layers are those of `lirich.readers.headers`, as those of the records are. BTS 7 puts each cell
but the first into quotes, after a tab.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import polars as pl

from lirich.errors import DamagedFileError
from lirich.model import Scalar
from lirich.model import table as std
from lirich.readers import delimited, loading, workbook
from lirich.readers import headers as h
from lirich.readers.tabular import Heading, Table, TabularReader, heading_of

_OWN = {
    "datapoint", "chgcap", "dchgcap", "chgspeccap", "dchgspeccap", "cumulativetime", "recordid", "chgenergy",
    "dchgenergy", "recordnumber",
    "cmpcap", "capacitydensity", "dqdv", "dqmdv", "数据序号", "记录序号", "工步号", "工步类型", "循环号", "充电容量",
}  # fmt: skip
_SHARED = {"datapoint", "dqdv", "chgenergy"}
"""Words that others use too."""
_STEPS = {"steptype", "stepname", "stepindex", "stepid", "工步类型", "工步号", "state", "status"}
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
        "capacitancechg": (std.CHARGED, ""),
        "capacitancedchg": (std.DISCHARGED, ""),
        "engychg": (std.CHARGED_ENERGY, ""),
        "engydchg": (std.DISCHARGED_ENERGY, ""),
    }

    def confidence(self, heading: Heading) -> tuple[float, str]:
        """Neware's words: DataPoint, Chg. Cap., DChg. Cap., Cumulative Time, ….

        One of them is enough beside a step type; of the step rows above the records one counts too.
        """
        names = heading.names
        own = sorted(names & _OWN)
        if own and _Layers.above(heading, self.aliases) is not None:
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
        return {} if _Layers.above(heading, self.aliases) is not None else super().metadata(heading)

    def open_text(self, path: Path, data: bytes, layout: delimited.Layout) -> Table:
        """Read a flat export as it is, and a layered one layer by layer."""
        layers = _Layers.above(heading_of(layout), self.aliases)
        if layers is None:
            return super().open_text(path, data, layout)
        body, findings = loading.body_of(data, layout, path)
        wide = replace(layout, width=max(layout.width, layers.width))
        matches, _ = h.match_headers(layout.headers, self.aliases)
        columns = sorted({*layers.columns, *(match.index for match in matches.values())})
        table = self._layered(path, wide, layers, loading.load(body, wide, numbers=[], texts=columns, path=path))
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
        layers = None if layout is None else _Layers.above(heading_of(layout), self.aliases)
        if layout is not None and layers is not None:
            rows = frame.slice(layout.header_line + 1)
            table = self._layered(path, layout, layers, loading.Loaded(rows, layout.header_line + 2))
            table.sheet = self.sheet_confidence(sheets)
        else:
            table = self.from_sheets(path, sheets, flat or self.texts(path, chosen))
        mass = _mass_of(path, sheets)
        if mass is not None:
            table.metadata["active_mass_mg"] = mass
        return table

    def _layered(self, path: Path, layout: delimited.Layout, layers: _Layers, loaded: loading.Loaded) -> Table:
        """Carry cycle and step from their rows down to the records."""
        matches, others = h.match_headers(layout.headers, self.aliases)
        record = matches.get(h.RECORD)
        if record is None or record.index < 2:
            raise DamagedFileError(f"{path.name} is a layered export without record numbers", advice="Export it flat")
        frame = loaded.frame.with_columns(pl.all().str.strip_chars())
        filled = {name: pl.col(name).is_not_null() & (pl.col(name) != "") for name in frame.columns}
        carried = {f"c{layout.width}": pl.when(filled["c0"]).then(pl.col("c0")).forward_fill()}
        matches[std.CYCLE] = replace(layers.cycle, index=layout.width)
        # The first step may stand in the line of its cycle, after the cycle's own cells.
        joined = filled["c0"] & filled.get(f"c{layers.cycle_width}", pl.lit(value=False))
        own = ~filled["c0"] & filled["c1"]
        for role, match in layers.steps.items():
            value = pl.when(own).then(pl.col(f"c{match.index}"))
            beside = f"c{layers.beside_cycle(match)}"
            both = value.when(joined).then(pl.col(beside)) if beside in frame.columns else value
            index = layout.width + len(carried)
            carried[f"c{index}"] = both.forward_fill()
            matches[role] = replace(match, index=index)
        is_record = ~filled["c0"] & ~filled["c1"] & filled[f"c{record.index}"]
        records = frame.with_columns(**carried).with_row_index("row").filter(is_record)
        if records.height == 0:
            raise DamagedFileError(f"{path.name} has no records", advice="Export it with its records")
        lines = records.get_column("row").cast(pl.Int64)
        lines = lines if loaded.rows is None else loaded.rows.gather(lines)
        typed = loading.convert(
            loading.Loaded(records, loaded.first_line), matches.values(), decimal_comma=layout.decimal_comma
        )
        typed.rows = lines if typed.rows is None else lines.gather(typed.rows)
        return Table(path, layout, matches, others, typed)


@dataclass(frozen=True, slots=True)
class _Layers:
    """The headers of cycles and steps above those of the records: which of their columns say cycle and step.

    ``cycle_width`` is the number of cells that a cycle has of its own, ``width`` that of a line which holds a step too.
    """

    cycle: h.HeaderMatch
    cycle_width: int
    steps: Mapping[str, h.HeaderMatch]
    width: int

    @classmethod
    def above(cls, heading: Heading, aliases: Mapping[str, h.Alias]) -> _Layers | None:
        """Find the two layers in the lines above the header of the records; ``None`` where they are not there."""
        if len(heading.preamble) < 2 or heading.headers[0]:
            return None
        cycles, steps = (
            [cell.strip() for cell in delimited.split_line(line, heading.separator)] for line in heading.preamble[-2:]
        )
        cycle = h.match_header(0, cycles[0], aliases)
        if cycle is None or cycle.role != std.CYCLE or steps[0]:
            return None
        if any(h.reduce_name(name) == "rawstepid" for name in steps):  # Step ID then counts on through the test
            aliases = {**aliases, "rawstepid": (std.STEP_INDEX, ""), "stepid": (std.STEP, "")}
        found, _ = h.match_headers(steps, aliases)
        of_steps = {role: found[role] for role in (std.STEP_INDEX, std.STEP, std.STEP_TYPE) if role in found}
        cycle_width = len([name for name in cycles if name])
        return cls(cycle, cycle_width, of_steps, len(cycles) + len(steps)) if of_steps else None

    def beside_cycle(self, match: h.HeaderMatch) -> int:
        """Return the column of *match* where its step stands in the line of its cycle."""
        return self.cycle_width + match.index - 1

    @property
    def columns(self) -> set[int]:
        """The columns that say which row belongs to which layer, cycle and step."""
        places = {column for match in self.steps.values() for column in (match.index, self.beside_cycle(match))}
        return {0, 1, self.cycle_width} | places


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

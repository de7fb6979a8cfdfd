"""The texts and tables of a report, as plain objects that the templates lay out and escape."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import polars as pl

from lirich.model import Finding, Origin, Severity, Test, Value
from lirich.model.flags import meaning
from lirich.model.format import capitalised, format_conditions, format_number, format_value
from lirich.quantities import QUANTITIES, Quantity
from lirich.reports.data import CellReport, QuantityRow, ReportData
from lirich.reports.diagnosis import first_value
from lirich.reports.summary import told_rows

MOST_OF_ONE_QUANTITY = 12
"""So many values of one quantity are listed per cell; the others are in the figure and in ``lirich export``."""

_CHAPTERS: tuple[tuple[str, str], ...] = (
    ("First cycle and activation", r"^(initial_|irreversible_|activation_|slope_|plateau_|formal_|theoretical_)"),
    ("Rate and kinetics", r"^(rate_|lithium_|diffusion_validity|interrupt_)"),
    ("Impedance", r"^(charge_transfer_|series_resistance|second_arc_|double_layer_|diffusion_time|kramers_)"),
    ("dQ/dV", r"^(dqdv_|spinel_)"),
    ("Hysteresis", r"^hysteresis_"),
    ("Low voltage", r"^low_voltage_"),
    ("Voltage and its decay", r"voltage"),
    ("Capacity, energy and efficiency", r"(capacity|energy|efficiency|retention|fade)"),
    ("Other", r""),
)
_ORDER = (
    "First cycle and activation", "Capacity, energy and efficiency", "Voltage and its decay", "Low voltage",
    "Hysteresis", "dQ/dV", "Rate and kinetics", "Impedance", "Other",
)  # fmt: skip

_WRITTEN = {"gitt": "GITT", "ici": "ICI", "dqdv": "dQ/dV", "soc": "SOC", "kramers": "Kramers", "kronig": "Kronig"}
"""Words of codes that are no plain words."""


@dataclass(frozen=True, slots=True)
class ValueRow:
    """One row of a table of values."""

    quantity: Quantity
    text: str
    conditions: str
    origin: str
    flags: tuple[tuple[str, str], ...]
    note: str
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class Chapter:
    """The values of one kind."""

    title: str
    rows: tuple[ValueRow, ...]
    left_out: tuple[str, ...] = ()


@dataclass(slots=True)
class FindingGroup:
    """The same finding at one or many places."""

    code: str
    severity: Severity
    message: str
    advice: str
    repair: str
    places: list[tuple[str, str]] = field(default_factory=list)

    @property
    def title(self) -> str:
        """The code as words."""
        first, *others = (_WRITTEN.get(word, word) for word in self.code.split("-"))
        return " ".join([capitalised(first), *others])

    @property
    def by_message(self) -> list[tuple[str, list[str]]]:
        """What is said, each with the places that it is said of."""
        found: dict[str, list[str]] = {}
        for place, message in self.places:
            found.setdefault(message, []).append(place)
        return list(found.items())

    @property
    def several_messages(self) -> bool:
        """Whether the places have different things to say."""
        return len({message for _, message in self.places}) > 1


@dataclass(frozen=True, slots=True)
class MissingFact:
    """A fact that is asked for by name, by whom, and how to give it."""

    name: str
    cells: tuple[str, ...]
    why: str
    advice: str


def anchor(index: int) -> str:
    """Return the HTML id of the cell at *index*; never made of a user's text."""
    return f"cell-{index + 1}"


def chapters(values: Sequence[Value]) -> list[Chapter]:
    """Sort *values* into chapters; of a quantity with many values the first `MOST_OF_ONE_QUANTITY` are listed."""
    by_chapter: dict[str, list[ValueRow]] = {}
    left_out: dict[str, list[str]] = {}
    order = {key: i for i, key in enumerate(QUANTITIES)}
    by_key: dict[str, list[Value]] = {}
    for value in values:
        by_key.setdefault(value.quantity, []).append(value)
    for key in sorted(by_key, key=order.__getitem__):
        title = next(t for t, pattern in _CHAPTERS if re.search(pattern, key))
        rows = by_chapter.setdefault(title, [])
        shown = by_key[key][:MOST_OF_ONE_QUANTITY]
        rows += [value_row(v, repeated=i > 0) for i, v in enumerate(shown)]
        rest = len(by_key[key]) - len(shown)
        if rest:
            left_out.setdefault(title, []).append(f"{rest} more of {QUANTITIES[key].name}")
    return [
        Chapter(title, tuple(by_chapter[title]), tuple(left_out.get(title, ())))
        for title in _ORDER
        if title in by_chapter
    ]


def value_row(value: Value, *, repeated: bool = False) -> ValueRow:
    """Return the row of one value."""
    conditions = format_conditions(value.conditions)
    return ValueRow(
        quantity=QUANTITIES[value.quantity],
        text=format_value(value),
        conditions=conditions,
        origin=value.origin.value,
        flags=tuple((flag, meaning(flag)) for flag in value.flags),
        note=value.note,
        repeated=repeated,
    )


def counted(cycles: pl.DataFrame | None) -> int:
    """Return how many cycles a test has; what was taken out of the cell before the first (cycle 0) is none."""
    return 0 if cycles is None else cycles.filter(pl.col("cycle") > 0).height


def key_figures(cell: CellReport) -> list[tuple[str, str]]:
    """Return what the folded section of a cell says: initial efficiency, retention and voltage decay, where known.

    A value with any flag is said to be in doubt, as it is marked in the table of all cells.
    """
    names = {
        "initial_coulombic_efficiency": "ICE",
        "capacity_retention": "retention",
        "voltage_decay_mv_per_cycle": "decay",
    }
    found = [(name, first_value(cell.values, key)) for key, name in names.items()]
    return [
        (name, format_value(v) + _at(v) + (", in doubt" if v.flags else ""))
        for name, v in found
        if v is not None and (v.conditions.cycle is None or v.conditions.cycle != v.conditions.reference_cycle)
    ]


def _at(value: Value) -> str:
    at = value.conditions.cycle
    return f" in cycle {at}" if at is not None and value.quantity == "capacity_retention" else ""


def compared(data: ReportData) -> tuple[list[QuantityRow], list[QuantityRow]]:
    """Return the compared headline quantities with all in which groups differ, and the others."""
    if data.comparison is None:
        return [], []
    headlines, secured = told_rows(data.comparison)
    first = [*headlines, *secured]
    return first, [r for r in data.comparison.rows if r not in first]


def finding_groups(data: ReportData) -> list[FindingGroup]:
    """Return all findings but the missing facts, grouped by code, the gravest first."""
    groups: dict[tuple[str, Severity], FindingGroup] = {}
    for place, finding in _located(data):
        if asks(finding):
            continue
        group = groups.setdefault(
            (finding.code, finding.severity),
            FindingGroup(finding.code, finding.severity, finding.message, finding.advice, finding.repair),
        )
        entry = (place, finding.message)
        if entry not in group.places:
            group.places.append(entry)
    rank = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.INFO: 2}
    return sorted(groups.values(), key=lambda g: (rank[g.severity], -len(g.places), g.code))


def missing_facts(data: ReportData) -> list[MissingFact]:
    """Return the facts that are asked for, by name, with the cells that lack them."""
    found: dict[str, list[tuple[str, Finding]]] = {}
    for place, finding in _located(data):
        if asks(finding):
            found.setdefault(finding.code.removeprefix("missing-").replace("-", "_"), []).append((place, finding))
    return [
        MissingFact(
            name,
            tuple(dict.fromkeys(place for place, _ in entries)),
            _why_asked([f.message.replace(f" of {place} ", " ") for place, f in entries]),
            entries[0][1].advice if len({f.advice for _, f in entries}) == 1 else "",
        )
        for name, entries in sorted(found.items(), key=lambda item: (-len(item[1]), item[0]))
    ]


_WITHOUT = "; without it there is no "
_NEEDED = "; it is needed for "


def _why_asked(messages: Sequence[str]) -> str:
    """Say once what a fact is asked for, whatever number of cells lack it."""
    needs: dict[str, dict[str, None]] = {}
    for message in messages:
        what, _, need = message.rstrip(".").partition(_WITHOUT)
        needs.setdefault(what, {}).update(dict.fromkeys(need.split(", no ") if need else ()))
    lacked = {what for what, need in needs.items() if need}
    for what in [w for w in needs if w not in lacked and w.partition(_NEEDED)[0] in lacked]:
        del needs[what]  # what is lost without it says what it is needed for
    return " ".join(f"{what}{_WITHOUT if need else ''}{', no '.join(need)}." for what, need in needs.items())


def asks(finding: Finding) -> bool:
    """Tell whether a finding asks for a fact, rather than warns."""
    return finding.code.startswith("missing-") and finding.severity is not Severity.ERROR


def _located(data: ReportData) -> Iterable[tuple[str, Finding]]:
    for cell in data.cells:
        for finding in cell.findings:
            yield cell.name, finding
    for finding in data.findings:
        yield finding.where or "workspace", finding


def facts(cell: CellReport) -> list[tuple[str, str | None]]:
    """Return what is known of the cell and its sample; ``None`` where it is not given."""

    def given(number: float | None, unit: str) -> str | None:
        return None if number is None else f"{format_number(number)} {unit}"

    c, s = cell.cell, cell.sample
    rows: list[tuple[str, str | None]] = [
        ("Sample", c.sample),
        ("Composition", s.composition if s else None),
        ("Morphology", {"SC": "single crystal (SC)", "PC": "polycrystal (PC)"}.get(s.morphology or "") if s else None),
        ("Particle size", given(s.particle_diameter_um if s else None, "µm")),
        ("Active mass", given(c.active_mass_mg, "mg")),
        ("1C means", given(c.one_c_ma_g, "mA/g")),
        ("Working electrode", c.electrode),
        ("Counter electrode", c.counter_electrode),
        ("Electrolyte", c.electrolyte),
        ("Temperature", given(c.temperature_celsius, "°C")),
    ]
    if s is not None and (s.dopant or s.coating):
        rows += [("Dopant", _amount(s.dopant, s.dopant_percent)), ("Coating", _amount(s.coating, s.coating_percent))]
    if c.electrode_area_cm2 is not None:
        rows.append(("Electrode area", given(c.electrode_area_cm2, "cm²")))
    extra = [*c.extra.items(), *(s.extra.items() if s else ())]
    rows += [(name.replace("_", " "), str(what)) for name, what in extra]
    return rows


def _amount(what: str | None, percent: float | None) -> str | None:
    return what if percent is None or what is None else f"{what}, {format_number(percent)} %"


def duration(second: float | None) -> str:
    """Write a duration in the unit that suits it."""
    if second is None or not math.isfinite(second):
        return "not stated"
    for size, name in ((86400.0, "d"), (3600.0, "h"), (60.0, "min")):
        if second >= size:
            return f"{format_number(second / size, significant=3)} {name}"
    return f"{format_number(second, significant=3)} s"


def started(test: Test) -> str:
    """Write when a test began, UTC."""
    if test.start_unix_second is None:
        return "not stated"
    try:
        return datetime.fromtimestamp(test.start_unix_second, UTC).strftime("%Y-%m-%d %H:%M")
    except (OverflowError, OSError, ValueError):
        return "not a date"


def definitions(data: ReportData) -> list[Quantity]:
    """Return the quantities that appear, in the order of the vocabulary."""
    used = {v.quantity for c in data.cells for v in c.values}
    if data.comparison is not None:
        used |= {r.quantity for r in data.comparison.rows}
    for cell in data.cells:
        if cell.cycles is not None:
            used |= set(cell.cycles.columns)
    return [q for key, q in QUANTITIES.items() if key in used]


def methods(data: ReportData) -> list[tuple[str, str, str]]:
    """Return the functions that made the values: name, lirich version, parameters."""
    seen: dict[tuple[str, str, str], None] = {}
    for value in (v for c in data.cells for v in c.values if v.provenance.code):
        p = value.provenance
        parameters = ", ".join(
            f"{k} = {format_number(x) if isinstance(x, int | float) and not isinstance(x, bool) else x}"
            for k, x in sorted(p.parameters.items())
        )
        seen.setdefault((p.code, p.version, parameters))
    merged: dict[tuple[str, str], list[str]] = {}
    for code, version, parameters in seen:
        merged.setdefault((code, version), []).append(parameters)
    return [
        (code, version, sets[0] if len(sets) == 1 else f"{len(sets)} sets of parameters, each kept with its value")
        for (code, version), sets in sorted(merged.items())
    ]


def settings(data: ReportData) -> list[tuple[str, dict[str, str]]]:
    """Return what the values were made with: the cells, and each setting as text; one entry if all are alike.

    Where the settings of a cell are not known, the entry has none.
    """
    alike: dict[str, tuple[list[str], dict[str, str]]] = {}
    for cell in data.cells:
        if cell.values or cell.settings is not None:
            shown = {name: _setting(what) for name, what in (cell.settings or {}).items()}
            alike.setdefault(repr(shown), ([], shown))[0].append(cell.name)
    if len(alike) == 1:
        return [("all cells", shown) for _, shown in alike.values()]
    return [(", ".join(names), shown) for names, shown in alike.values()]


def _setting(what: object) -> str:
    return f"{what:g}" if isinstance(what, float) else str(what)


def origins(data: ReportData) -> list[str]:
    """Return the origins that appear, in a fixed order."""
    used = {v.origin for c in data.cells for v in c.values} | {c.origin for c in data.cells}
    if data.literature:
        used.add(Origin.LITERATURE)
    return [o.value for o in Origin if o in used]

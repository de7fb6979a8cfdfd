"""How ``lirich cells`` and ``lirich analyse`` show cells: a table of all, or one cell on a screen or two."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from rich.markup import escape

from lirich.cli.fold import Folded, fold_segments, fold_values
from lirich.cli.output import NARROW, console, print_json, show_findings, show_table
from lirich.errors import quoted
from lirich.model.flags import Marks

if TYPE_CHECKING:
    from lirich.model import Value
    from lirich.workbench import CellView, Workspace
    from lirich.workbench.intake.history import FactChange

_LISTED = ("initial_coulombic_efficiency", "voltage_decay_mv_per_cycle", "capacity_fade_percent_per_cycle")


def list_cells(workspace: Workspace, *, json: bool = False, current: bool = False) -> None:
    """Print one row per cell; a value that is in doubt has a mark, and a line below says why.

    What is out of date is said too, unless it is *current*: just analysed, and said by that.
    """
    from lirich.workbench.outdated import out_of_date

    views = list(workspace.cells.values())
    outdated = [] if current else out_of_date(workspace.store)
    if json:
        print_json({"cells": [_entry(v) for v in views], "findings": [f.model_dump(mode="json") for f in outdated]})
        return
    if not views:
        console().print("There are no cells yet. Next: [bold]lirich add[/] FILES")
        return
    from lirich.model.format import format_value
    from lirich.quantities import QUANTITIES

    marks = Marks()
    rows = []
    for view in views:
        analysed = view.analyses or view.impedance
        by_key = {v.quantity: v for v in reversed(view.values)} if analysed else {}
        found = [by_key.get(k) for k in _LISTED]
        rows.append(
            (
                view.key,
                view.facts.sample,
                view.sample.morphology if view.sample else None,
                len(view.tests),
                _cycles(view),
                *("" if v is None else format_value(v, unit=False) + marks.of(v.flags, where=view.key) for v in found),
                str(view.origin),
            )
        )
    narrow = console().width < NARROW
    if narrow:
        rows = [(*row[:5], *(str(text).replace(" (", "\n(") for text in row[5:8]), row[8]) for row in rows]
    between = "\n" if narrow else " "
    figures = (f"{QUANTITIES[k].symbol}{between}({QUANTITIES[k].unit})" for k in _LISTED)
    heads = ("cell", "sample", "SC/PC", "files", "cycles", *figures, "origin")
    show_table("", heads, rows, right=(3, 4, 5, 6, 7), whole=(0, 2, 3, 4, 5, 6, 7, 8), drop=(3, 1, 4, 2))
    show_marks(marks)
    show_findings(outdated)


def _cycles(view: CellView) -> int | str:
    if view.analyses:
        return view.cycles.filter(view.cycles["cycle"] > 0).height
    return "impedance" if view.impedance else "not analysed"


def _entry(view: CellView) -> dict[str, Any]:
    return {
        "key": view.key,
        "sample": view.facts.sample,
        "morphology": view.sample.morphology if view.sample else None,
        "files": len(view.tests),
        "runs": len(view.analyses),
        "origin": str(view.origin),
    }


def cell_dict(view: CellView) -> dict[str, Any]:
    """Return all that is known of a cell as the object that ``--json`` prints; nothing is folded there."""
    return {
        "facts": view.facts.model_dump(mode="json"),
        "sample": view.sample.model_dump(mode="json") if view.sample else None,
        "history": [change.to_dict() for change in view.history],
        "tests": [t.model_dump(mode="json") for t in view.tests],
        "runs": [
            {
                "run": a.run,
                "version": a.version,
                "settings": a.settings,
                "corrections": list(a.corrections),
                "segments": list(a.segments),
                "values": [{**v.model_dump(mode="json"), "unit": v.unit} for v in a.values],
                "cycles": view.run(a.run).cycles.to_dicts(),
            }
            for a in view.analyses
        ],
        "impedance": [
            {
                "test": a.tests[0],
                "version": a.version,
                "values": [{**v.model_dump(mode="json"), "unit": v.unit} for v in a.values],
            }
            for a in view.impedance
        ],
        "spectra": view.spectra.to_dicts(),
        "findings": [f.model_dump(mode="json") for f in (*view.findings, *view.unlike_repeats)],
    }


def show_cell(view: CellView, *, everything: bool = False) -> None:
    """Print one cell: facts, protocol, values, findings; like ones folded unless *everything* is asked for."""
    out = console()
    out.print(f"[bold]{escape(view.key)}[/] ({view.origin})")
    _show_facts(view)
    folded = 0
    for analysis in view.analyses:
        run = view.run(analysis.run)
        _show_making(run, everything=everything)
        folded += _show_protocol(view, run, everything=everything)
        if everything:
            _show_every(run.values)
        else:
            whole = fold_values(run.values)
            show_folded(whole)
            folded += whole.hidden
    _show_spectra(view)
    show_findings([*view.unlike_repeats, *view.findings], limit=None if everything else 12)
    if folded:
        out.print(
            f"[dim]Like ones are folded here. [/][bold]lirich cells {escape(quoted(view.key))} --all[/][dim] prints "
            "each segment, value and condition; --json and lirich export have them too.[/]"
        )


def show_said(view: CellView, said: Sequence[str], *, cleared: bool) -> None:
    """Print what was said of a cell just now, its protocol where that was corrected, and what is noticed."""
    out = console()
    done = [*(["corrections of the protocol taken back"] if cleared else []), *said]
    out.print(f"[bold]{escape(view.key)}[/]: {escape('; '.join(done))}. {'Analysed anew.' if view.analyses else ''}")
    for analysis in view.analyses if cleared or any("=" in text and text[0].isdigit() for text in said) else ():
        _show_protocol(view, view.run(analysis.run), everything=False)
    show_findings(view.findings, limit=12)
    out.print(f"[dim]All of it:[/] [bold]lirich cells {escape(quoted(view.key))}[/]")


def _show_protocol(view: CellView, run: CellView, *, everything: bool) -> int:
    """Print the segments of a run, and return how many are folded."""
    title = f"Run {run.analysis.run + 1} of {len(view.analyses)}" if len(view.analyses) > 1 else ""
    cycles = run.cycles
    numbers = dict(zip(cycles["cycle"].to_list(), cycles["cycle_number"].to_list(), strict=True))
    counted = numbers if any(own != number for own, number in numbers.items()) else None
    rows = fold_segments(run.segments, everything=everything, counted=counted)
    of_cycles = ("cycles",) if counted is None else ("in the file", "by the cycler")
    show_table(title, ("protocol", *of_cycles, "", "why"), rows)
    if counted is not None:
        console().print(
            "[dim]Values and reports speak of cycles by the cycler's count; --segment takes those of the file.[/]"
        )
    return len(run.segments) - len(rows)


_OF_A_CYCLE = (
    "charge_specific_capacity_mah_g",
    "discharge_specific_capacity_mah_g",
    "coulombic_efficiency",
    "capacity_retention",
    "mean_charge_voltage_v",
    "mean_discharge_voltage_v",
    "low_voltage_share",
)
_WITHOUT_MASS = {
    "charge_specific_capacity_mah_g": "charge_capacity_mah",
    "discharge_specific_capacity_mah_g": "discharge_capacity_mah",
}


def show_cycles(view: CellView) -> None:
    """Print one row per cycle of each run, per gram where the mass is given."""
    from lirich.model.format import format_quantity, format_rate
    from lirich.quantities import QUANTITIES

    for analysis in view.analyses:
        table = view.run(analysis.run).cycles
        there = {name for name in table.columns if table[name].is_not_null().any()}
        keys = [k if k in there else _WITHOUT_MASS.get(k, k) for k in _OF_A_CYCLE]
        keys = [k for k in keys if k in there]
        title = f"Run {analysis.run + 1} of {len(view.analyses)}" if len(view.analyses) > 1 else ""
        twice = any(table["cycle"] != table["cycle_number"])
        rows = [
            (
                f"{row['cycle']} ({row['cycle_number']})" if twice else row["cycle"],
                str(row["segment"]).replace("_", " ") + ("" if row["complete"] else ", incomplete"),
                "" if row.get("discharge_rate_c") is None else format_rate(row["discharge_rate_c"]),
                *("" if row[k] is None else format_quantity(row[k], k, unit=False) for k in keys),
            )
            for row in table.iter_rows(named=True)
        ]
        heads = (f"{QUANTITIES[k].symbol}\n({QUANTITIES[k].unit})" for k in keys)
        numbers = tuple(range(3, 3 + len(keys)))
        cycle = "cycle (by the cycler)" if twice else "cycle"
        show_table(title, (cycle, "purpose", "rate", *heads), rows, right=(0, *numbers), whole=(0, *numbers))
        console().print(f"[dim]{escape('; '.join(f'{QUANTITIES[k].symbol}: {QUANTITIES[k].name}' for k in keys))}[/]")
    if not view.analyses:
        console().print(f"{escape(view.key)} has no cycles that were analysed. Next: [bold]lirich analyse[/]")


def _show_spectra(view: CellView) -> None:
    """Print what was read from each spectrum, and what its marks mean."""
    from lirich.model.format import format_value
    from lirich.quantities import QUANTITIES

    marks = Marks()
    for analysis in view.impedance:
        name = next((t.raw.name for t in view.tests if t.key == analysis.tests[0]), "")
        rows = [
            (
                str(v.conditions.other.get("spectrum", "")),
                "" if v.conditions.voltage_v is None else f"{v.conditions.voltage_v:.3f}",
                QUANTITIES[v.quantity].name,
                format_value(v) + marks.of(v.flags),
                "; ".join(str(t) for t in (v.conditions.method, v.provenance.parameters.get("circuit")) if t),
            )
            for v in analysis.values
        ]
        heads = ("spectrum", "at (V)", f"impedance, {name}", "value", "how")
        show_table("", heads, rows, right=(0, 1, 3), whole=(3,))
    show_marks(marks)


def _show_making(run: CellView, *, everything: bool) -> None:
    """Say which lirich and which settings the values were made with; those at their default only where all is shown."""
    made = run.analysis
    if made.settings is None:
        told = "settings that were not kept"
    else:
        chosen = run.settings.model_dump(mode="json", exclude_defaults=True)
        others = "all other settings at their default" if chosen else "all settings at their default"
        told = ", ".join([*(f"{name} = {what}" for name, what in chosen.items()), others])
    console().print(f"[dim]Analysed by lirich {made.version}; {escape(told)}.[/]")
    if everything and made.settings is not None:
        show_table("", ("setting", ""), made.settings.items())


def _show_facts(view: CellView) -> None:
    from lirich.workbench.intake.fact_sources import short_source

    facts = {**view.facts.model_dump(exclude={"key", "extra", "sources"}), **view.facts.extra}
    said = dict(view.facts.sources)
    if view.sample:
        facts |= {**view.sample.model_dump(exclude={"key", "extra", "recipe", "sources"}), **view.sample.extra}
        said |= view.sample.sources
    rows = [(k, v, short_source(said.get(k, ""))) for k, v in facts.items() if v is not None]
    show_table("", ("fact", "", "said by" if said else ""), rows)
    absent = [k for k, v in facts.items() if v is None]
    if absent:
        console().print(f"not given: {escape(', '.join(absent))}")


def _show_every(values: Iterable[Value]) -> None:
    from lirich.model.format import format_conditions, format_value
    from lirich.quantities import QUANTITIES

    rows = [(QUANTITIES[v.quantity].name, format_value(v), format_conditions(v.conditions), ", ".join(v.flags))
            for v in values]  # fmt: skip
    show_table("", ("quantity", "value", "conditions", "flags"), rows, right=(1,))


def show_folded(whole: Folded) -> None:
    """Print folded values: of a cycle, of the test, peaks, pulses, and what their marks mean."""
    if whole.cycles:
        numbers = tuple(range(1, 1 + len(whole.cycles)))
        heads = ("of a cycle", *whole.cycles, "how")
        # the first and the last cycle stay
        show_table("", heads, whole.by_cycle, right=numbers, whole=numbers, drop=numbers[-2:0:-1])
    if whole.common:
        console().print(f"Unless a row says otherwise: {escape(whole.common)}")
    if whole.figures:
        show_table("", ("of the test", "value", "conditions"), whole.figures, right=(1,), whole=(1,))
    if whole.peaks:
        heads = ("dQ/dV peak", "direction", "cycle", "position", "height", "area")
        rows = whole.peaks
        if console().width < NARROW:
            rows = [(*row[:3], row[3].replace(" (", "\n("), *row[4:]) for row in rows]
        show_table("", heads, rows, right=(2, 3, 4, 5), whole=(2, 3, 4, 5))
    if whole.pulses:
        if whole.common_to_pulses:
            console().print(f"The pulses, unless a row says otherwise: {escape(whole.common_to_pulses)}")
        of_pulses = ("of pulses", "method", "conditions", "n", "SOC (%)", "median", "smallest … largest", "doubts")
        show_table("", of_pulses, whole.pulses, right=(3, 5), whole=(0, 5), drop=(6, 4))
    show_marks(whole.marks)


def show_marks(marks: Marks) -> None:
    """Print what the marks of a table mean."""
    for line in marks.lines:
        console().print(f"[yellow]{escape(line)}[/]")


def show_history(history: Sequence[FactChange]) -> None:
    """Print what was said of a cell, its sample and its protocol, when, and what it replaced."""
    rows = [
        (
            datetime.fromtimestamp(c.unix_second, UTC).strftime("%Y-%m-%d %H:%M:%S"),
            f"{c.kind} {c.key}",
            c.field,
            _said(c.before),
            _said(c.after),
            c.source,
        )
        for c in history
    ]
    show_table("", ("when (UTC)", "of", "fact", "before", "after", "said by"), rows)


def _said(fact: object) -> str:
    return "not given" if fact is None else str(fact)

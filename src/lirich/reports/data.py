"""What a report is made of: plain pieces, so that a report can be built without a workspace."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from lirich.cycling.material import no_li_rich_cathode
from lirich.model import Cell, Finding, Origin, Sample, Scalar, Test, Value
from lirich.plots import Figure
from lirich.plots.style import NO_GROUP
from lirich.workbench.comparison.result import SIGNIFICANT


@dataclass(frozen=True, slots=True)
class SegmentRow:
    """One segment of a cell's protocol, as it is shown."""

    kind: str
    first_cycle: int | None
    last_cycle: int | None
    description: str = ""
    corrected: bool = False


@dataclass(frozen=True, eq=False)
class CellReport:
    """One cell of a report.

    ``cycles`` is the cycle table (``cycle``, ``segment`` and columns named by quantity key); ``voltage_curves`` has
    ``cycle, direction, capacity_mah, specific_capacity_mah_g, voltage_volt``; ``dqdv`` has ``cycle, direction,
    voltage_volt, dqdv_mah_v, dqdv_mah_g_v``; ``hysteresis`` has ``cycle, soc_percent, hysteresis_v``; ``peaks`` is a
    table of `lirich.cycling.tracks.peak_table`. A table that is not known is ``None`` and its figure is left out.
    ``states``, ``profiles`` and ``contact`` are what only a
    simulation knows. ``spectra`` are impedance spectra with what was read from them: name, spectrum, circuit.
    ``notes`` are sentences about this cell, plain text. ``label`` names it where its key is not enough (a second
    run); ``smoothing`` says how its dQ/dV was made; ``settings`` are those that its values were made with, ``None``
    where they are not known. ``analysed`` is false where nothing was computed from its files yet.
    """

    cell: Cell
    sample: Sample | None = None
    tests: tuple[Test, ...] = ()
    cycles: pl.DataFrame | None = None
    segments: tuple[SegmentRow, ...] = ()
    values: tuple[Value, ...] = ()
    findings: tuple[Finding, ...] = ()
    voltage_curves: pl.DataFrame | None = None
    dqdv: pl.DataFrame | None = None
    hysteresis: pl.DataFrame | None = None
    peaks: pl.DataFrame | None = None
    states: pl.DataFrame | None = None
    profiles: pl.DataFrame | None = None
    contact: pl.DataFrame | None = None
    spectra: tuple[tuple[str, pl.DataFrame, pl.DataFrame | None], ...] = ()
    group: str | None = None
    notes: tuple[str, ...] = ()
    label: str = ""
    smoothing: str = ""
    settings: Mapping[str, Scalar] | None = None
    analysed: bool = True

    @property
    def name(self) -> str:
        """What the cell is called in the report: its label, else its key."""
        return self.label or self.cell.key

    @property
    def not_among_published(self) -> str:
        """Why it is not set among the published Li-rich cathodes; empty where it is."""
        return no_li_rich_cathode(self.cell, self.sample)

    @property
    def origin(self) -> Origin:
        """``simulated`` for a simulated cell, else ``measured``."""
        return Origin.SIMULATED if self.cell.simulated else Origin.MEASURED

    @property
    def group_name(self) -> str:
        """The group it is coloured by: the one given, else the morphology, else *not grouped*."""
        if self.group is not None:
            return self.group
        return (self.sample.morphology if self.sample else None) or NO_GROUP


@dataclass(frozen=True, slots=True)
class GroupRow:
    """One group's figures of one quantity; ``low`` and ``high`` are the ends of the mean's interval.

    ``origins`` are those of its values; ``flags`` those that any of them has.
    """

    group: str
    points: tuple[tuple[str, float], ...]
    mean: float | None = None
    low: float | None = None
    high: float | None = None
    level: float = 0.95
    origins: tuple[Origin, ...] = ()
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PairRow:
    """Two groups, first minus second: Hedges' g with interval, p raw and corrected, the difference."""

    first: str
    second: str
    effect: float | None = None
    effect_low: float | None = None
    effect_high: float | None = None
    p: float | None = None
    p_corrected: float | None = None
    difference: float | None = None
    difference_low: float | None = None
    difference_high: float | None = None

    @property
    def deciding_p(self) -> float | None:
        """The corrected p; the raw one where none was corrected."""
        return self.p if self.p_corrected is None else self.p_corrected

    @property
    def secured(self) -> bool:
        """Whether the groups differ, at the level that a comparison in words has too."""
        return self.deciding_p is not None and self.deciding_p < SIGNIFICANT


@dataclass(frozen=True, slots=True)
class QuantityRow:
    """One compared quantity; ``refused`` says why it was not compared (empty: it was).

    ``rank`` orders rows of one quantity by what they say: the rate of a rate capability, the cycle of a retention.
    """

    quantity: str
    groups: tuple[GroupRow, ...] = ()
    pairs: tuple[PairRow, ...] = ()
    refused: str = ""
    warnings: tuple[str, ...] = ()
    conditions: str = ""
    rank: float = 0.0

    @property
    def secured(self) -> bool:
        """Whether any two of its groups differ."""
        return any(pair.secured for pair in self.pairs)

    @property
    def weight(self) -> tuple[bool, bool, int]:
        """What one of several rows of a quantity is chosen by: two cells per group, no flags, then the most cells."""
        sizes = [len(g.points) for g in self.groups]
        return min(sizes, default=0) > 1, not any(g.flags for g in self.groups), sum(sizes)


@dataclass(frozen=True, slots=True)
class ComparisonReport:
    """A group comparison as it is shown."""

    by: str
    rows: tuple[QuantityRow, ...]
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    forced: bool = False
    method: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class StateMapReport:
    """Where the cells lie on the saved state map: its figures, what it was learned from, and sentences on it."""

    figures: tuple[Figure, ...]
    lead: str
    sentences: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class ReportData:
    """All of a report. ``created`` is shown as given.

    ``standings`` says in sentences where the cells' values stand among the published ones, ``apart`` which cells are
    not set among them.
    """

    title: str
    cells: tuple[CellReport, ...]
    comparison: ComparisonReport | None = None
    literature: tuple[Value, ...] = ()
    standings: tuple[str, ...] = ()
    apart: str = ""
    findings: tuple[Finding, ...] = ()
    workspace: str = ""
    created: str = ""
    version: str = ""
    notes: tuple[str, ...] = ()
    state_map: StateMapReport | None = None

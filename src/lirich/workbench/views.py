"""What a notebook sees of one cell: its facts, files, cycles, values and plots."""

from __future__ import annotations

import html
from functools import cached_property
from typing import TYPE_CHECKING, Any

from lirich.errors import MissingMetadataError, NotEnoughDataError, UnknownNameError
from lirich.model import Cell, Finding, Origin, Sample, Test, Value
from lirich.model.counter import COUNTER_ELECTRODES, counter_potential_v
from lirich.model.notebook import Listed
from lirich.model.shown import Values
from lirich.quantities import quantity as known_quantity

if TYPE_CHECKING:
    import polars as pl

    from lirich.cycling import Annotation, CyclingResult, CyclingSettings, Segment
    from lirich.cycling.halfcycle import Direction, HalfCycle
    from lirich.plots import Figure
    from lirich.store import Analysis, Store
    from lirich.workbench.intake.history import FactChange


class CellView:
    """One cell of a workspace: its facts, its tests and, once it is analysed, its cycles and values.

    A cell with several tests that do not continue each other has several runs; this view is of the one with the
    most cycles, unless `run` is chosen.
    """

    def __init__(self, store: Store, key: str, run: int | None = None) -> None:
        self._store = store
        self.facts: Cell = store.cell(key)
        self._run = run

    @property
    def key(self) -> str:
        """The cell's name in the workspace."""
        return self.facts.key

    @cached_property
    def sample(self) -> Sample | None:
        """The sample that the cell was made of, if it is known."""
        return self._store.find_sample(self.facts.sample)

    @cached_property
    def tests(self) -> list[Test]:
        """The files of the cell, in time order."""
        return self._store.tests(self.key)

    @cached_property
    def _analyses(self) -> list[Analysis]:
        return self._store.analyses(self.key)

    @property
    def analyses(self) -> list[Analysis]:
        """Every analysis of the cell's cycling, one per run."""
        return [a for a in self._analyses if a.kind == "cycling"]

    @property
    def impedance(self) -> list[Analysis]:
        """The analyses of the cell's impedance tests, one per file."""
        return [a for a in self._analyses if a.kind == "impedance"]

    @property
    def spectra(self) -> pl.DataFrame:
        """One row per spectrum of the cell: file, voltage, and what was read; columns are named by quantity key."""
        import polars as pl

        names = {test.key: test.raw.name for test in self.tests}
        found = [
            self._curve(a.spectra_curve).select(pl.lit(names.get(a.tests[0], "")).alias("file"), pl.all())
            for a in self.impedance
        ]
        return pl.concat(found, how="diagonal_relaxed") if found else pl.DataFrame()

    def spectrum_tables(self) -> dict[str, pl.DataFrame]:
        """Return the recorded spectra by file: tables of `lirich.model.spectra`."""
        return {t.raw.name: self._store.read_curve(t.curve) for t in self.tests if t.kind == "impedance"}

    @cached_property
    def analysis(self) -> Analysis:
        """The analysis of this view's run. Raises `NotEnoughDataError` if the cell is not analysed."""
        if not self.analyses and self.impedance:
            raise NotEnoughDataError(f"The cell {self.key!r} has impedance and no cycling", expected="a file of cycles")
        if not self.analyses:
            raise NotEnoughDataError(
                f"The cell {self.key!r} is not analysed", advice="Call ws.analyse() or `lirich analyse` first"
            )
        if self._run is None and len(self.analyses) == 1:
            return self.analyses[0]
        if self._run is None:
            return max(self.analyses, key=lambda a: (self._curve(a.cycles_curve).height, -a.run))
        for analysis in self.analyses:
            if analysis.run == self._run:
                return analysis
        raise UnknownNameError.of("run", str(self._run), [str(a.run) for a in self.analyses])

    def run(self, number: int) -> CellView:
        """Return the view of another run of this cell."""
        return CellView(self._store, self.key, number)

    @property
    def cycles(self) -> pl.DataFrame:
        """One row per cycle; columns are named by quantity key, in the quantity's unit."""
        return self._curve(self.analysis.cycles_curve)

    @property
    def steps(self) -> pl.DataFrame:
        """One row per step."""
        return self._curve(self.analysis.steps_curve)

    def _curve(self, key: str | None) -> pl.DataFrame:
        import polars as pl

        return pl.DataFrame() if key is None else self._store.read_curve(key)

    @property
    def segments(self) -> Listed[Segment]:
        """The protocol as it was detected or corrected."""
        from lirich.cycling import Segment

        return Listed(Segment.model_validate(s) for s in self.analysis.segments)

    @property
    def values(self) -> Values:
        """The figures of merit of this run; without a chosen run also those of the impedance tests."""
        beside = [v for a in self.impedance for v in a.values] if self._run is None else []
        if beside and not self.analyses:
            return Values(beside)
        return Values([*self.analysis.values, *beside])

    @property
    def findings(self) -> Listed[Finding]:
        """What is out of date, what the readers and the analysis noticed, and the facts that are asked for."""
        from lirich.workbench.intake.cellfacts import facts_wanted, told_of
        from lirich.workbench.intake.doubtful_facts import doubtful
        from lirich.workbench.intake.twins import twin_findings

        seen: dict[str, Finding] = {}
        for finding in (
            *(f for test in self.tests for f in told_of(test, self.facts)),
            *(f for a in self._analyses for f in a.findings),
        ):
            seen.setdefault(finding.content_hash(), finding)
        told = {f.code for f in seen.values()}
        wanted = (f for f in facts_wanted(self.facts, self.sample) if f.code not in told)
        doubts = [*twin_findings(self.tests), *doubtful(self.facts, self.sample)]
        return Listed([*self.out_of_date, *doubts, *seen.values(), *wanted])

    @cached_property
    def out_of_date(self) -> Listed[Finding]:
        """Why values are not those that an analysis would give now, a finding for each run; nothing if they are."""
        from lirich.workbench.outdated import out_of_date

        return Listed(out_of_date(self._store, [self.key]))

    @property
    def unlike_repeats(self) -> Listed[Finding]:
        """A finding where the cell gives far less per gram than the other cells of its sample, as `analyse` says it."""
        from lirich.workbench.repeats import unlike_repeats

        return Listed(f for f in unlike_repeats(self._store, [self.key]) if f.where == self.key)

    @cached_property
    def settings(self) -> CyclingSettings:
        """The settings that the values of this run were made with; those of now where they were not kept."""
        from lirich.workbench.analyse import settings_of

        return settings_of(self.analysis, self._store)

    @property
    def made_of(self) -> tuple[Cell, Sample | None]:
        """The facts of the cell and of its sample that the values of this run were made with."""
        made = self.analysis
        return (self.facts, self.sample) if made.facts is None else (made.facts, made.sample)

    @property
    def history(self) -> list[FactChange]:
        """What was said of the cell, its sample and its protocol, oldest first, with what each change replaced."""
        from lirich.workbench.intake.history import history

        return history(self._store, self.key)

    @property
    def origin(self) -> Origin:
        """``simulated`` for a cell of a simulation, else ``measured``."""
        return Origin.SIMULATED if self.facts.simulated else Origin.MEASURED

    def hidden(self, name: str = "states.parquet") -> pl.DataFrame | None:
        """Return what only a simulation knows: ``states.parquet``, ``profiles.parquet`` or ``contact.parquet``.

        The states are those at the end of each step, and all of the first and last cycle. ``None`` for a measured
        cell, and for a simulation that has none.
        """
        from lirich.workbench.simulation.simulate import beside_table

        return beside_table(self._store, self.tests, name)

    def value(self, quantity: str) -> Value:
        """Return the first value of that quantity.

        Raises `UnknownNameError` if there is no such quantity, `NotEnoughDataError` if it was not computed here.
        """
        for value in self.values:
            if value.quantity == quantity:
                return value
        known_quantity(quantity)
        raise NotEnoughDataError(
            f"{known_quantity(quantity).name} was not computed for {self.key}",
            advice=f"ws.cells[{self.key!r}].findings says what is missing, .values what there is",
        )

    def table(self) -> pl.DataFrame:
        """Return the standard table of this run: every recorded point."""
        from lirich.readers import join_tables
        from lirich.workbench.analyse import plan_runs

        tests = {test.key: test for test in self.tests}
        gaps = next((g.gaps for g in plan_runs(self._store, self.tests) if g.keys == self.analysis.tests), None)
        return join_tables([self._store.read_curve(tests[k].curve) for k in self.analysis.tests], gaps)[0]

    @cached_property
    def result(self) -> CyclingResult:
        """The analysis with its half-cycles, computed again from the stored points with all that it was made with."""
        from lirich.cycling import Correction, analyse

        made = self.analysis
        corrections = made.corrections if made.facts is not None else self._store.corrections(self.key)
        return analyse(
            self.table(),
            *self.made_of,
            settings=self.settings,
            corrections=[Correction.model_validate(c) for c in corrections],
        )

    @cached_property
    def annotation(self) -> Annotation:
        """The recorded points with their steps and cycles, by the facts and settings that the values were made with."""
        from lirich.cycling import annotate

        return annotate(self.table(), electrode=self.made_of[0].electrode, settings=self.settings)

    @cached_property
    def half_cycles(self) -> list[HalfCycle]:
        """Every charge and discharge of the recorded points."""
        from lirich.cycling.halfcycles import half_cycles

        return half_cycles(self.annotation)

    def half_cycle(self, cycle: int, direction: Direction) -> HalfCycle | None:
        """Return the charge or the discharge of one cycle, or ``None`` where it has none."""
        return self.result.half_cycle(cycle, direction)

    def voltage_curves(
        self, cycles: list[int] | None = None, *, max_points: int = 400, vs_lithium: bool = False
    ) -> pl.DataFrame:
        """Return voltage against capacity: cycle, direction, capacity_mah, specific_capacity_mah_g, voltage_volt.

        The voltage is as measured, against the counter electrode; *vs_lithium* adds the potential of that
        (`lirich.model.counter`). Raises `MissingMetadataError` where it is not stated or not known.
        """
        import polars as pl

        curves = self.result.voltage_curves(cycles, max_points=max_points)
        if not vs_lithium:
            return curves
        stated = self.facts.counter_electrode
        potential = counter_potential_v(stated)
        if potential is None or self.facts.electrode == "full":
            raise MissingMetadataError(
                f"The potential of the counter electrode of {self.key} is not known ({stated or 'not stated'})",
                expected=f"a half-cell with a counter_electrode of {', '.join(COUNTER_ELECTRODES)}",
            )
        return curves.with_columns(pl.col("voltage_volt") + potential)

    @cached_property
    def peaks(self) -> pl.DataFrame:
        """One row per dQ/dV peak of each complete cycle, followed over the cycles of one purpose, rate and window.

        Columns: those of `lirich.cycling.tracks.peak_table`, such as ``cycle``, ``direction``, ``peak``, ``track`` and
        ``dqdv_peak_voltage_v``. Computed from the stored points.
        """
        from lirich.cycling.tracks import peak_table

        return peak_table(self.half_cycles, self.cycles, *self.made_of)

    def gitt_pulses(self) -> pl.DataFrame:
        """Return every GITT pulse: cycle, direction, state of charge, voltage at rest before it, diffusivities.

        See `lirich.cycling.stopped.gitt_pulses`. Raises `NotEnoughDataError` where the cell has no GITT,
        `MissingMetadataError` where its particle diameter is not given.
        """
        from lirich.cycling.stopped import gitt_pulses

        return gitt_pulses(self.result.annotation, self.sample, self.settings)

    def plot(self, kind: str = "voltage", **options: Any) -> Figure:
        """Return a figure: ``voltage``, ``dqdv``, ``capacity``, ``mean-voltage``, ``hysteresis`` and so on.

        Of a simulated cell also ``profiles``, ``sites``, ``gas`` and ``contact``: see
        `lirich.workbench.figures.FIGURES`, and ``OPTIONS`` there for what can be chosen, such as ``cycles=[1, 5]``.

        Raises `UnknownNameError` on another kind or option.
        """
        from lirich.workbench.figures import cell_figure

        return cell_figure(self, kind, **options)

    def __repr__(self) -> str:
        said = f"{len(self.tests)} file(s), {len(self.analyses)} run(s) analysed"
        return f"<cell {self.key!r} ({self.origin}): {said}>"

    def _repr_html_(self) -> str:
        from lirich.workbench.cell_html import cell_html

        head = f"{self.key} ({self.origin})"
        if not self._analyses:
            return f"<h4>{html.escape(head)}</h4><p>not analysed</p>"
        return cell_html(head, self.values)

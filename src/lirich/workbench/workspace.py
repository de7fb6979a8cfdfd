"""The workspace as a user holds it: one object with the verbs."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from lirich.model import Cell, Finding, Sample, Scalar
from lirich.model.notebook import Listed
from lirich.workbench.cellbook import CellBook
from lirich.workbench.screening.screenings import Screenings

if TYPE_CHECKING:
    import polars as pl

    from lirich.cells.programme import Programme
    from lirich.compute import Progress
    from lirich.store import Store
    from lirich.store.documents import Names
    from lirich.store.things import Things
    from lirich.workbench.analyse import AnalyseReport
    from lirich.workbench.comparison.compare import Comparison
    from lirich.workbench.crystals.atoms import Atoms
    from lirich.workbench.intake.addreport import AddedFile, AddReport
    from lirich.workbench.learning.learn import Learning
    from lirich.workbench.simulation.simulate import SimulatedCell
    from lirich.workbench.simulation.spectrum import SimulatedSpectrum


class Workspace(Screenings):
    """A lab's data in one folder: raw files, curves, catalogue; and the verbs that work on them.

    >>> ws = Workspace.create("my-cells")
    >>> ws.add(["cycler-files/"])
    >>> ws.analyse()
    >>> ws.cells["SC-1"].cycles
    >>> ws.compare(by="morphology")
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self.cells = CellBook(store)

    @classmethod
    def create(cls, folder: str | Path, *, name: str | None = None, database_url: str | None = None) -> Self:
        """Make a new workspace. Raises `WorkspaceExistsError` where there is one already.

        *database_url* names a PostgreSQL catalogue that several people share; by default the catalogue is an
        SQLite file in the folder.
        """
        from lirich.store import Store

        return cls(Store.create(Path(folder), name=name, database_url=database_url))

    @classmethod
    def open(cls, folder: str | Path) -> Self:
        """Open the workspace in *folder*. Raises `WorkspaceNotFoundError`, `WorkspaceVersionError`."""
        from lirich.store import Store

        return cls(Store.open(Path(folder)))

    @classmethod
    def find(cls, start: str | Path = ".") -> Self:
        """Open the workspace that *start* lies in. Raises `WorkspaceNotFoundError`."""
        from lirich.store import Store

        return cls(Store.find(Path(start)))

    @property
    def root(self) -> Path:
        """The folder of the workspace."""
        return self.store.root

    @property
    def samples(self) -> dict[str, Sample]:
        """The samples by name."""
        return self.store.samples()

    def add(
        self,
        paths: str | Path | Iterable[str | Path],
        *,
        cell: str | None = None,
        facts: dict[str, Scalar] | None = None,
        reader: str | None = None,
        repairs: Sequence[str] = (),
        mapping: str | Path | None = None,
        reassign: bool = False,
        executor: str = "processes",
        workers: int | None = None,
        progress: Callable[[Progress], None] | None = None,
        on_file: Callable[[AddedFile], None] | None = None,
    ) -> AddReport:
        """Read files, or all files of folders, into the workspace.

        Parameters
        ----------
        paths:
            Files and folders. A ``cells.csv`` or ``cells.toml`` beside a file says what its cell is.
        cell:
            The cell that all the files belong to.
        facts:
            Facts of the cells (``active_mass_mg`` …) that go before those of the tables and the files.
        reader:
            The reader to use; by default the one that is surest.
        repairs:
            Repairs that `inspect` proposed and the user wants, by name.
        mapping:
            A mapping file, wherever it lies, that the files named are read by, and those tables of the folders named
            that have all its columns. It is kept with them, and holds when they are added again without one.
        reassign:
            Move a file that is a test of another cell already.
        executor, workers:
            See `lirich.compute.open_executor`.
        progress, on_file:
            Called as the run goes on; a file handed to *on_file* is confirmed.

        A file that cannot be read is in the report's ``failed`` with its error; it does not stop the others. A mapping
        file that is wrong does: `MappingError`.
        """
        from lirich.workbench.intake.add import add_files
        from lirich.workbench.intake.celltables import entry_from_facts

        listed = [paths] if isinstance(paths, (str, Path)) else list(paths)
        return add_files(
            self.store,
            [Path(p) for p in listed],
            cell=cell,
            options=entry_from_facts(facts) if facts else None,
            reader=reader,
            repairs=repairs,
            mapping=None if mapping is None else Path(mapping),
            reassign=reassign,
            executor=executor,
            workers=workers,
            progress=progress,
            on_file=on_file,
        )

    def simulate(
        self,
        parameters: str,
        programme: Programme | str = "ageing",
        *,
        changes: Mapping[str, float] | None = None,
        cell: str | None = None,
        sample: str | None = None,
        facts: Mapping[str, Scalar] | None = None,
        model: str | None = None,
        electrolyte: str | None = None,
        counter_electrode: str | None = None,
        mesh: Literal["even", "surface"] | None = None,
        title: str | None = None,
        progress: Callable[[Progress], None] | None = None,
        **options: Any,
    ) -> SimulatedCell:
        """Run a test on the physics of `lirich.cells` and store it as a test of a simulated cell.

        Parameters
        ----------
        parameters:
            ``SC``, ``PC``, or the name of a parameter set of the model.
        programme:
            A name (``cycling``, ``ageing``, ``rate-test``, ``gitt``, ``ici``) with *options* (``cycles``, ``rate``,
            ``low_v``, ``high_v``, ``check_up_every``, ``one_c_ma_g``), or a `lirich.cells.programme.Programme`.
            The limits are by default the cut-offs of the parameter set.
        changes:
            Parameters by name that differ from the set. In ``SC`` crystal and particle have one radius: one sets both.
        cell, sample:
            Names; by default one that says what was run. The same simulation under the same name is there already, and
            keeps its facts.
        facts:
            More facts of the cell, to group by.
        model:
            ``single-particle`` (the default), ``with-electrolyte``, ``porous``, ``full-cell``, ``solid-state`` or
            ``size-distribution``: see
            `lirich.cells.models.MODELS`.
        electrolyte:
            A solid electrolyte of the library, for ``solid-state``; by default Li6PS5Cl.
        counter_electrode:
            ``Li`` (the default) or ``Li-In``, for ``solid-state``: voltages and cut-offs are against it.
        mesh:
            ``surface`` resolves the crystal's surface, for pulses (the default of ``gitt`` and ``ici``).
        title:
            What a programme of your own is called.

        Raises `OptionalDependencyError` without the extra ``[cells]``, `UnknownNameError` and `SettingsError` for what
        cannot be simulated, `SimulationError` where the equations cannot be solved, `ConflictingMetadataError` for the
        name of another cell, a simulation that is there with other facts, and a sample that is known as another one, or
        of which measured cells are and not all is given that the simulation says.
        """
        from lirich.workbench.simulation.simulate import simulate_cell

        return simulate_cell(
            self.store,
            parameters,
            programme,
            changes=changes,
            cell=cell,
            sample=sample,
            facts=facts,
            model=model,
            electrolyte=electrolyte,
            counter_electrode=counter_electrode,
            mesh=mesh,
            title=title,
            options=options,
            progress=progress,
        )

    def simulate_impedance(self, cell: str, *, progress: Callable[[Progress], None] | None = None) -> SimulatedSpectrum:
        """Compute the impedance of a simulated cell at the end of its programme, after a rest, and store it as a test.

        0.1 mHz to 100 kHz, by the equations of the cell's own model (`lirich.cells.impedance`). `analyse` reads it as
        it reads a measured one. Raises `InputError` for a measured cell, `UnknownNameError`, `SimulationError`.
        """
        from lirich.workbench.simulation.spectrum import simulate_spectrum

        return simulate_spectrum(self.store, cell, progress=progress)

    def set_facts(self, cell: str, facts: Mapping[str, Scalar | None]) -> list[Finding]:
        """Say, correct or (``None``) take back facts of a cell and its sample.

        Analyses that depend on them are then out of date. What is said here goes before what tables and files say,
        now and later; where these differ, or other cells of the sample change too, a finding says so. Where you take
        back what you said, what they say stands again; what they said themselves is then *not given*, until files are
        added that say it. Raises `UnknownNameError` on the cell or a fact that is not given, `MetadataError` on a field
        or a value.
        """
        from lirich.workbench.intake.cellfacts import say_by_hand
        from lirich.workbench.intake.celltables import entry_from_facts

        said = entry_from_facts({name: fact for name, fact in facts.items() if fact is not None})
        gone = [name for name, fact in facts.items() if fact is None]
        return self.store.change(lambda things: say_by_hand(things, cell, said, gone))

    def remove_cell(self, cell: str) -> None:
        """Remove a cell with its files' tests, values and corrections from the workspace.

        The raw files and the history stay: adding the files again brings the cell back. Raises `UnknownNameError`.
        """
        self.store.change(lambda things: things.remove_cell(cell))

    def remove_file(self, cell: str, file: str) -> None:
        """Remove the test of one file of a cell, by the file's name or the beginning of its hash, and its analyses.

        The raw file stays. Raises `UnknownNameError` on the cell or the file, `InputError` where several are meant.
        """
        from lirich.workbench.intake.removing import chosen

        def work(things: Things) -> None:
            things.one(Cell, cell)
            tests = things.tests(cell)
            gone = chosen(self.store, cell, tests, file)
            for test in tests:
                if test.raw.sha256 == gone.sha256:
                    things.remove_test(test.key)

        self.store.change(work)

    def correct(self, cell: str, cycles: tuple[int, int], kind: str) -> None:
        """Say what a range of cycles really is (``formation``, ``ageing``, ``rate_test``, …).

        Corrections go before detection, later ones before earlier ones. Raises `UnknownNameError` on the cell
        or the kind, `InputError` on the range.
        """
        from lirich.cycling.protocol import correction

        self.store.put_correction(cell, correction(*cycles, kind).model_dump(mode="json"))

    def clear_corrections(self, cell: str) -> None:
        """Forget the corrections of a cell: its protocol is as detected again."""
        self.store.clear_corrections(cell)

    def change_settings(self, *, name: str | None = None, cycling: Mapping[str, Scalar] | None = None) -> None:
        """Change the name or the ``[cycling]`` table of ``lirich.toml``; what is not given stays as it is.

        *cycling* replaces the whole table. Analyses under other settings are then out of date. Raises
        `SettingsError`; nothing is changed then.
        """
        from lirich.workbench.analyse import checked_cycling

        if cycling is not None:
            checked_cycling(cycling)
        self.store.change_settings(name=name, cycling=cycling)

    def analyse(
        self,
        cells: str | Iterable[str] | None = None,
        *,
        force: bool = False,
        executor: str = "processes",
        workers: int | None = None,
        progress: Callable[[Progress], None] | None = None,
    ) -> AnalyseReport:
        """Analyse cells (all by default). What has not changed since its analysis is not repeated unless *force*."""
        from lirich.workbench.analyse import analyse_cells

        return analyse_cells(self.store, cells, force=force, executor=executor, workers=workers, progress=progress)

    def values(self, **filters: Names) -> pl.DataFrame:
        """Return values of the catalogue as a table; the filters are those of `lirich.store.ValueFilter`."""
        from lirich.workbench.export import document_table

        return document_table(self.store.value_documents(**filters))

    def compare(
        self,
        by: str = "morphology",
        *,
        quantities: Sequence[str] | Literal["all"] | None = None,
        cells: str | Iterable[str] | None = None,
        force: bool = False,
        seed: int = 0,
    ) -> Comparison:
        """Compare groups of cells: means, intervals, effect sizes, permutation tests.

        *by* is a field of the cell or its sample, or any extra column of ``cells.csv``. Values under unlike
        conditions are refused unless *force*. *quantities* are those of `lirich.workbench.comparison.groups.HEADLINE`
        unless they are named, or ``all``. Raises `NotEnoughDataError` without two groups.
        """
        from lirich.workbench.comparison.groups import compare_cells

        return compare_cells(self, by, quantities=quantities, cells=cells, force=force, seed=seed)

    @property
    def learn(self) -> Learning:
        """What can be learned from the curves: ``ws.learn.map()``, ``.complete(…)``, ``.forecast(…)`` and so on."""
        from lirich.workbench.learning.learn import Learning

        return Learning(self)

    @property
    def atoms(self) -> Atoms:
        """What is done with crystals: ``ws.atoms.tune(file, name)`` fine-tunes a potential."""
        from lirich.workbench.crystals.atoms import Atoms

        return Atoms(self)

    def check(self) -> Listed[Finding]:
        """Return what is wrong with the workspace's files and catalogue; nothing if all is well."""
        return Listed(self.store.check())

    def __repr__(self) -> str:
        return f"<lirich workspace {str(self.root)!r}: {len(self.cells)} cells>"

    def _repr_html_(self) -> str:
        return f"<p>lirich workspace <code>{html.escape(str(self.root))}</code></p>{self.cells._repr_html_()}"

    def close(self) -> None:
        """Close the catalogue."""
        self.store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

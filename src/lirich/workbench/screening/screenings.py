"""The screenings of a workspace: what each asks for is computed, judged, and kept with its origin."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from lirich.model.shown import Values

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lirich.compute import Progress
    from lirich.screening.coatings import CoatingStudy
    from lirich.screening.electrolytes import ElectrolyteStudy
    from lirich.screening.phase_study import PhaseStudy
    from lirich.screening.study import DopingStudy
    from lirich.store import Store
    from lirich.workbench.screening.answer import ScreenAnswer
    from lirich.workbench.screening.result import ScreenResult
    from lirich.workbench.solids.coatings_result import CoatingsResult
    from lirich.workbench.solids.phases_result import PhasesResult


class Screenings:
    """Verbs of a `lirich.workbench.Workspace`."""

    store: Store
    """What the workspace keeps."""

    @property
    def literature(self) -> Values:
        """The published values that lirich carries, and those that this workspace was given."""
        from lirich.store.literature import load

        carried = load()
        there = {v.to_json() for v in carried}
        own = (v for v in self.store.values(origin="literature") if v.to_json() not in there)
        return Values([*carried, *own])

    def screen(
        self,
        study: DopingStudy | Mapping[str, Any] | str | Path,
        *,
        executor: str = "processes",
        workers: int | None = None,
        progress: Callable[[Progress], None] | None = None,
    ) -> ScreenResult:
        """Screen dopants: compute what a study asks for, rank, and keep the values as ``computed``.

        *study* is a file, the name of a study that comes with lirich, plain data, or a study. A study that was stopped
        goes on where it was. Raises `OptionalDependencyError` without the extra ``[atoms]``, `SettingsError`, and what
        `lirich.workbench.screening.screen.run_screen` raises.
        """
        from lirich.screening.study import DopingStudy
        from lirich.workbench.screening.file import study_of
        from lirich.workbench.screening.screen import keep_values, make_screen, read_screen, run_screen

        result = run_screen(
            study_of(study, DopingStudy, read_screen, make_screen),
            cache=self.store.cache / "screen",
            executor=executor,
            workers=workers,
            progress=progress,
            literature=self.literature,
            models=self.store.models,
        )
        keep_values(self.store, result)
        return result

    def screen_coatings(
        self,
        study: CoatingStudy | Mapping[str, Any] | str | Path,
        *,
        energies: str = "embedded",
        executor: str = "processes",
        workers: int | None = None,
        progress: Callable[[Progress], None] | None = None,
    ) -> CoatingsResult:
        """Screen coatings between a cathode and electrolytes, and keep the values as ``computed``.

        *study* is a file, the name of a study that comes with lirich (``coatings``), plain data, or a study. A run that
        was stopped goes on where it was. Raises `SettingsError` and what
        `lirich.workbench.solids.screen_coatings.run_coatings` raises.
        """
        from lirich.screening.coatings import CoatingStudy
        from lirich.workbench.screening.file import study_of
        from lirich.workbench.solids.screen_coatings import keep_values, make_coatings, read_coatings, run_coatings

        result = run_coatings(
            study_of(study, CoatingStudy, read_coatings, make_coatings),
            energies=energies,
            cache=self.store.cache / "coatings",
            executor=executor,
            workers=workers,
            progress=progress,
            literature=self.literature,
        )
        keep_values(self.store, result)
        return result

    def screen_electrolytes(
        self,
        study: ElectrolyteStudy | Mapping[str, Any] | str | Path,
        *,
        energies: str = "embedded",
        executor: str = "processes",
        workers: int | None = None,
        progress: Callable[[Progress], None] | None = None,
    ) -> ScreenAnswer:
        """Screen solid electrolytes between a cathode and an anode, and keep the values, each with its origin.

        *study* is a file, the name of a study that comes with lirich (``electrolytes``), plain data, or a study. A run
        that was stopped goes on where it was. Raises `SettingsError` and what
        `lirich.workbench.solids.screen_electrolytes.run_electrolytes` raises.
        """
        from lirich.screening.electrolytes import ElectrolyteStudy
        from lirich.workbench.screening.answer import keep_answer
        from lirich.workbench.screening.file import study_of
        from lirich.workbench.solids.screen_electrolytes import make_electrolytes, read_electrolytes, run_electrolytes

        answer = run_electrolytes(
            study_of(study, ElectrolyteStudy, read_electrolytes, make_electrolytes),
            energies=energies,
            cache=self.store.cache / "electrolytes",
            executor=executor,
            workers=workers,
            progress=progress,
            literature=self.literature,
        )
        keep_answer(self.store, answer)
        return answer

    def screen_additives(self, study: str | Path) -> ScreenAnswer:
        """Judge the molecules of the table that a study names, and keep the values with the origins that it states.

        Raises what `lirich.workbench.screening.additives.read_additives` and ``screen_additives`` there raise.
        """
        from lirich.workbench.screening.additives import read_additives, screen_additives
        from lirich.workbench.screening.answer import keep_answer

        answer = screen_additives(*read_additives(Path(study)))
        keep_answer(self.store, answer)
        return answer

    def screen_phases(
        self,
        study: PhaseStudy | Mapping[str, Any] | str | Path,
        *,
        executor: str = "processes",
        workers: int | None = None,
        progress: Callable[[Progress], None] | None = None,
    ) -> PhasesResult:
        """Map which order of the cations is lowest between three corners, and keep the values.

        *study* is as in `screen`. Raises what `lirich.workbench.solids.phases.run_phases` raises.
        """
        from lirich.screening.phase_study import PhaseStudy
        from lirich.workbench.screening.file import study_of
        from lirich.workbench.solids.phases import keep_phases, make_phases, read_phases, run_phases

        result = run_phases(
            study_of(study, PhaseStudy, read_phases, make_phases),
            cache=self.store.cache / "screen",
            executor=executor,
            workers=workers,
            progress=progress,
            models=self.store.models,
        )
        keep_phases(self.store, result)
        return result

"""Compute the results that come with the studies anew: ``python -m lirich.testing.shipped_screening [STUDY …]``.

The files in the package are written by this and by nothing else; each names calculator, version and study, and a test
reads it against the study that is shipped beside it.
"""

from __future__ import annotations

import argparse
from importlib import resources
from pathlib import Path

from lirich.compute import Progress
from lirich.workbench.screening.screen import WITH_RESULTS, read_screen, run_screen
from lirich.workbench.solids.phases import SHIPPED_PHASES, read_phases, run_phases


def main(arguments: list[str] | None = None) -> None:
    """Compute each study with results and write what it gave."""
    parser = argparse.ArgumentParser(description=__doc__)
    names = (*WITH_RESULTS, *SHIPPED_PHASES)
    parser.add_argument("studies", nargs="*", metavar="STUDY", help=f"By default all: {', '.join(names)}.")
    parser.add_argument("--workers", type=int, default=None, help="Processes; by default one per processor.")
    parser.add_argument("--cache", type=Path, default=None, help="Folder to go on from, if it is stopped.")
    parser.add_argument("--folder", type=Path, default=None, help="Where to write; by default into the package.")
    given = parser.parse_args(arguments)
    folder = given.folder or Path(str(resources.files("lirich.workbench"))) / "studies"
    for name in given.studies or names:
        path = folder / f"{name}.json"
        text, seconds = _computed(name, given.cache, given.workers)
        path.write_text(text + "\n", encoding="utf-8")
        print(f"{path.name}: {seconds:.0f} s")


def _computed(name: str, cache: Path | None, workers: int | None) -> tuple[str, float]:
    if name in SHIPPED_PHASES:
        phases = run_phases(read_phases(Path(name)), cache=cache, workers=workers, progress=_say).screened
        return phases.to_json(), phases.seconds
    screened = run_screen(read_screen(Path(name)), cache=cache, workers=workers, progress=_say).judged.screened
    return screened.to_json(), screened.seconds


def _say(progress: Progress) -> None:
    print(f"{progress.done} of {progress.total}", flush=True)


if __name__ == "__main__":
    main()

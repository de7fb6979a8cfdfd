"""Compute the results that come with the study ``demo`` anew: ``python -m lirich.testing.shipped_screening``.

The file in the package is written by this and by nothing else; it names calculator, version and study, and a test
reads it against the study that is shipped beside it.
"""

from __future__ import annotations

import argparse
from importlib import resources
from pathlib import Path

from lirich.workbench.screen import WITH_RESULTS, read_screen, run_screen


def main(arguments: list[str] | None = None) -> None:
    """Compute each study with results and write what it gave."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int, default=None, help="Processes; by default one per processor.")
    parser.add_argument("--cache", type=Path, default=None, help="Folder to go on from, if it is stopped.")
    parser.add_argument("--folder", type=Path, default=None, help="Where to write; by default into the package.")
    given = parser.parse_args(arguments)
    folder = given.folder or Path(str(resources.files("lirich.workbench"))) / "studies"
    for name in WITH_RESULTS:
        result = run_screen(
            read_screen(Path(name)),
            cache=given.cache,
            workers=given.workers,
            progress=lambda p: print(f"{p.done} of {p.total}", flush=True),
        )
        path = folder / f"{name}.json"
        path.write_text(result.judged.screened.to_json() + "\n", encoding="utf-8")
        print(f"{path.name}: {result.judged.screened.seconds:.0f} s")


if __name__ == "__main__":
    main()

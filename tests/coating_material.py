"""A study of coatings that takes a second, and a run of it that is killed on its way."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

STUDY: dict[str, Any] = {
    "name": "few",
    "cathode": "Li1.2Mn0.54Ni0.13Co0.13O2",
    "electrolytes": ["Li6PS5Cl"],
    "voltage": 4.6,
    "coatings": ["Li3PO4", "LiNbO3", "LiAlO2", "LiTaO3", "LiAlSiO4", "LiF", "Li4Mn5O12", "Al2O3"],
    "double_layers": ["Li4Mn5O12 | Li3PO4"],
    "draws": 40,
    "gates": [
        {"quantity": "cathode_contact_energy_mev_atom", "at_least": -100},
        {"quantity": "electrolyte_contact_energy_mev_atom", "at_least": -100},
    ],
    "weights": {
        "cathode_contact_energy_mev_atom": 1,
        "electrolyte_contact_energy_mev_atom": 1,
        "decomposition_energy_mev_atom": 1,
    },
}


def run_until_killed(cache: Path, after: int) -> None:
    """Run the study in this process and kill it when *after* jobs are done."""
    from lirich.compute import Progress
    from lirich.workbench.solids.screen_coatings import make_coatings, run_coatings

    def stop(now: Progress) -> None:
        if now.done >= after:
            os.kill(os.getpid(), signal.SIGKILL)

    run_coatings(make_coatings(STUDY), cache=cache, executor="serial", progress=stop)

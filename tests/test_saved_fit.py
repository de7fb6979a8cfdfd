"""A saved fit is a parameter set: for a simulation, for a study, for another fit; other JSON is refused."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from lirich.cells.parameters import single_crystal
from lirich.errors import InputError, SettingsError
from lirich.workbench import Workspace
from lirich.workbench.simulation.file import SimulationRequest, read_request
from lirich.workbench.simulation.fit import FitReport
from lirich.workbench.simulation.physics import physics_of
from lirich.workbench.simulation.saved_fit import read_saved_fit, read_start, saved_fit
from lirich.workbench.simulation.study import make_duty, make_study, read_study, size_study

FITTED = {"Particle radius [m]": 3e-7, "Crystal radius [m]": 3e-7, "Host capacity [mA.h.g-1]": 330.0}
STATE = {"Connected part in cycle 10": 0.9}


@pytest.fixture
def fit(tmp_path: Path) -> Path:
    found = SimpleNamespace(model_values={**single_crystal(), **FITTED}, values={**FITTED, **STATE})
    file = tmp_path / "fit.json"
    file.write_text(json.dumps(saved_fit(cast(FitReport, SimpleNamespace(what="mine", fit=found)))))
    return file


def test_only_what_was_fitted_differs_from_the_set(fit: Path) -> None:
    saved = read_saved_fit(fit)
    assert saved.changes == FITTED
    assert saved.others == STATE
    assert (saved.provenance["cell"], saved.provenance["file"]) == ("mine", "fit.json")
    assert read_start(fit) == {**single_crystal(), **FITTED, **STATE}


def test_a_file_of_all_numbers_without_a_set_is_one_too(fit: Path) -> None:
    fit.write_text(json.dumps({**single_crystal(), **FITTED, **STATE}))
    assert read_saved_fit(fit).changes == FITTED


def test_a_simulation_takes_the_fit_and_what_is_set_goes_first(fit: Path) -> None:
    assert physics_of(str(fit)).values == {**single_crystal(), **FITTED}
    physics = physics_of(str(fit), {"Crystal radius [m]": 1e-7})
    assert (physics.changes["Particle radius [m]"], physics.changes["Host capacity [mA.h.g-1]"]) == (1e-7, 330.0)
    toml = fit.with_name("one.toml")
    toml.write_text('parameters = "fit.json"\n')
    assert Path(read_request(toml).parameters) == fit


def test_the_stored_simulation_says_which_fit_it_is_of(fit: Path, tmp_path: Path) -> None:
    with Workspace.create(tmp_path / "ws") as space:
        done = space.simulate(str(fit), "cycling", cycles=1, rate="1C", cell="sim")
        document = json.loads(space.store.raw_path(done.test.raw.sha256).read_text(encoding="utf-8"))
    assert document["fitted"]["cell"] == "mine"
    assert document["changes"] == FITTED
    assert document["parameter_set"] == "LiRich_SC"


def test_a_study_fixes_what_was_fitted_but_what_it_varies(fit: Path) -> None:
    study = size_study(make_duty({"rate": "1C", "cycles": 2}), str(fit))
    assert dict(study.fixed) == {"Host capacity [mA.h.g-1]": 330.0}
    changes = study.points()[0]["changes"]
    assert changes["Particle radius [m]"] == changes["Crystal radius [m]"]
    yaml = fit.with_name("s.yaml")
    yaml.write_text("set: fit.json\nvary:\n  rate: [1C]\n")
    assert dict(read_study(yaml).fixed) == FITTED
    asked = SimulationRequest.of({"parameters": str(fit), "rate": "1C", "cycles": 2}).radius_study()
    assert dict(asked.fixed) == {"Host capacity [mA.h.g-1]": 330.0}


@pytest.mark.parametrize(
    ("text", "kind", "words"),
    [
        ("[1]", InputError, "no parameters"),
        ("{", InputError, "cannot be read"),
        ('{"a": 1}', InputError, "no saved fit"),
        ('{"kind": "lirich fit", "set": "XX", "parameters": {}}', InputError, "XX"),
        ('{"kind": "lirich fit", "set": "SC", "parameters": {"Host capacity [mA.h.g-1]": "x"}}', SettingsError, "Host"),
    ],
)
def test_other_json_is_refused(tmp_path: Path, text: str, kind: type[Exception], words: str) -> None:
    file = tmp_path / "other.json"
    file.write_text(text)
    refused: list[Any] = [
        lambda: physics_of(str(file)),
        lambda: make_study({"set": str(file), "vary": {"cycles": [2]}}),
    ]
    for ask in refused:
        with pytest.raises(kind, match=words):
            ask()
    with pytest.raises(InputError, match="cannot be read"):
        physics_of(str(tmp_path / "none.json"))

"""The energies of the Materials Project: what is asked, on which scale, how often; the real client if it is there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pymatgen.core")

from coating_material import STUDY
from lirich.errors import InputError, LirichError
from lirich.interfaces.embedded import embedded_table
from lirich.interfaces.windows import window
from lirich.screening.solids_found import ALONE, CATHODE, ELECTROLYTE
from lirich.workbench.solids.interface import reactions_of, windows_of
from lirich.workbench.solids.screen_coatings import make_coatings, run_coatings
from lirich.workbench.solids.screen_electrolytes import make_electrolytes, run_electrolytes
from materials_project import KEY, VERSION, client, documents, server

Asked = list[Mapping[str, Any]]
ELEMENTS = ("Li", "Mn", "Ni", "Co", "O", "P", "S", "Cl", "F", "Na", "W", "H", "Y")
WIDE: dict[str, Any] = {
    **STUDY,
    "coatings": ["Li3PO4", "Na2WO4"],  # with cathode and electrolyte Na2WO4 makes ten elements, more than mp-api takes
    "rules": [{"classes": ["phosphate"], "lithium": True, "elements": ["Li", "P", "O"]}],
    "double_layers": ["Li3PO4 | LiF"],
}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    found: Asked = []
    for name, module in client(documents(ELEMENTS), found).items():
        monkeypatch.setitem(sys.modules, name, module)
    return found


def screened(tmp_path: Path | None, energies: str) -> Any:
    return run_coatings(make_coatings(WIDE), energies=energies, cache=tmp_path, executor="serial", literature=[])


def test_one_scale_for_all_systems_is_asked_for(asked: Asked) -> None:
    (found,) = windows_of(["Li3PO4"], "mp")
    ours = window(embedded_table(), "Li3PO4")
    assert found.oxidation.voltage == pytest.approx(ours.oxidation.voltage, abs=1e-6)
    assert found.reduction.voltage == pytest.approx(ours.reduction.voltage, abs=1e-6)
    assert [a["thermo_types"] for a in asked] == ["GGA_GGA+U"]
    assert sorted(asked[0]["chemsys"].split(",")) == ["Li", "Li-O", "Li-O-P", "Li-P", "O", "O-P", "P"]


def test_many_elements_are_asked_for_in_parts_or_whole(asked: Asked) -> None:
    reactions_of(["NaCl"], "Li1.2Mn0.54Ni0.13Co0.13O2", ["Li3PS4"], energies="mp")  # nine elements: 511 systems
    assert [len(a["chemsys"].split(",")) for a in asked] == [300, 211]
    asked.clear()
    reactions_of(["NaCl", "Y2O3", "HF"], "Li1.2Mn0.54Ni0.13Co0.13O2", ["Li3PS4"], energies="mp")
    assert all("nelements_min" in a for a in asked)


def test_a_whole_screening_asks_once_and_rests_on_the_energies_asked_for(asked: Asked, tmp_path: Path) -> None:
    found = screened(tmp_path, "mp").judged.found
    ours = screened(None, "embedded").judged.found
    layers = {layer.formula: layer for layer in found.layers}
    assert not any(layer.failure for layer in layers.values())
    for one in ours.layers:
        for key in (CATHODE, ELECTROLYTE, ALONE):
            if key in one.figures:
                assert layers[one.formula].figures[key].value == pytest.approx(one.figures[key].value, abs=1e-3)
    assert set(found.singles) == set(ours.singles)  # the rule drew its candidates from the same phases
    assert found.energies == f"Materials Project {VERSION}, GGA_GGA+U"
    assert "nelements_min" in asked[0]
    asked.clear()
    assert screened(tmp_path, "mp").cached
    assert not asked
    (kept,) = (tmp_path / "energies").iterdir()
    again = screened(None, str(kept)).judged.found  # the file is a list of entries as any other
    assert [layer.figures for layer in again.layers] == [layer.figures for layer in found.layers]


def test_rules_draw_from_the_project_what_our_table_lacks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    formula = "Li7P5O16"  # no phase of the embedded table
    assert embedded_table().formation_energy_ev(formula) is None
    more = {"material_id": "mp-x", "composition": {"Li": 7, "P": 5, "O": 16}, "chemsys": "Li-O-P"}
    kept = [*documents(ELEMENTS), {**more, "thermo_type": "GGA_GGA+U", "energy_per_atom": -2.7}]
    for name, module in client(kept, []).items():
        monkeypatch.setitem(sys.modules, name, module)
    assert formula in screened(tmp_path, "mp").judged.found.singles


def test_electrolytes_ask_once_too(asked: Asked, tmp_path: Path) -> None:
    study = make_electrolytes(
        {
            "name": "one",
            "cathode": "Li1.2Mn0.54Ni0.13Co0.13O2",
            "anode": "Li",
            "voltage": 4.6,
            "electrolytes": [{"formula": "Li3YCl6"}],
            "draws": 20,
            "gates": [],
            "weights": {"cathode_contact_energy_mev_atom": 1},
        }
    )
    figures = []
    for energies in ("mp", "embedded"):
        found = run_electrolytes(study, energies=energies, cache=tmp_path, executor="serial", literature=[])
        figures.append(found.judgement.candidate("Li3YCl6").figures[CATHODE].value)
    assert figures[0] == pytest.approx(figures[1], abs=1e-3)
    assert all("nelements_min" in a for a in asked)


def test_what_the_client_refuses_is_an_error_of_lirich(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise sys.modules["mp_api.client.core"].MPRestError("REST query returned with error status code 403")

    monkeypatch.setattr(sys.modules["mp_api.client"].MPRester, "__init__", refuse)
    with pytest.raises(InputError, match="403") as caught:
        windows_of(["Li3PO4"], "mp")
    assert isinstance(caught.value, LirichError)
    assert "MP_API_KEY" in str(caught.value)


@pytest.mark.skipif(find_spec("mp_api") is None, reason="needs mp-api, the client of the Materials Project")
@pytest.mark.parametrize(("key", "rc"), [(KEY, 0), ("w" * 32, 2)])
def test_the_real_client_screens_over_http(key: str, rc: int, tmp_path: Path) -> None:
    (tmp_path / "study.yaml").write_text(json.dumps(WIDE))  # JSON is YAML
    with server(documents(ELEMENTS)) as address:
        environment = {**os.environ, "MP_API_ENDPOINT": address, "MP_API_KEY": key}
        command = [sys.executable, "-m", "lirich", "screen", "coatings", "study.yaml", "--energies", "mp", "--json"]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == rc, done.stderr
    told = json.loads(done.stdout)
    if rc:
        assert "does not answer" in json.dumps(told)
        return
    ours = {layer.formula: layer.figures for layer in screened(None, "embedded").judged.found.layers}
    for row in told["candidates"]:
        if row["name"] in ours and CATHODE in ours[row["name"]]:
            assert row["figures"][CATHODE]["value"] == pytest.approx(ours[row["name"]][CATHODE].value, abs=1e-3)

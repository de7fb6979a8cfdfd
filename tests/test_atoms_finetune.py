"""A fine-tuned CHGNet is nearer to data on compositions that it never saw, and is used by name in every process."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("chgnet")

from pymatgen.core.lattice import Lattice
from pymatgen.core.structure import Structure

from lirich.atoms import calculators
from lirich.atoms.calculators import calculator, offer
from lirich.atoms.finetune import Tuned, TuningSettings, fine_tune, restored, saved, tuned_calculator
from lirich.atoms.labelled import Labelled, read_labelled
from lirich.atoms.plan import Plan
from lirich.atoms.relax import Relaxation, RelaxationSettings, relaxed, single_point_job
from lirich.atoms.spacegroup import crystal_of_group
from lirich.atoms.units import check_units
from lirich.compute import open_executor
from lirich.errors import CorruptStoreError, InputError, NotEnoughDataError, PluginError, UnknownNameError
from lirich.store.modelfile import ModelContent
from lirich.workbench import Workspace
from lirich.workbench.crystals.charging import VOLTAGE_SD_V
from lirich.workbench.crystals.potentials import with_potential

SETTINGS = TuningSettings(epochs=4, learning_rate=5e-4)


def made_data() -> list[Labelled]:
    """Shaken layered oxides on a surface 1.3 times as steep as CHGNet's: the softening that tuning is to mend."""
    soft = calculator("chgnet")
    draw = np.random.default_rng(0)
    data = []
    for metal in ("Mn", "Ni", "Co"):
        cell = crystal_of_group(
            "R-3m", Lattice.hexagonal(2.87, 14.2), ["Li", metal, "O"], [[0, 0, 0.5], [0, 0, 0], [0, 0, 0.259]]
        ).get_primitive_structure()
        rest = soft.evaluate(cell).energy_ev
        for _ in range(2):
            shaken = cell.copy()
            for i in range(len(shaken)):
                shaken.translate_sites([i], draw.normal(scale=0.08, size=3), frac_coords=False)
            said = soft.evaluate(shaken, stress=True)
            energy = rest + 1.3 * (said.energy_ev - rest) + 0.6
            assert said.stress_ev_a3 is not None
            data.append(Labelled(shaken, energy, 1.3 * said.forces_ev_a, 1.3 * said.stress_ev_a3))
    return data


def as_json(data: list[Labelled]) -> str:
    return json.dumps(
        [
            {"structure": d.structure.as_dict(), "energy_ev": d.energy_ev, "forces_ev_a": d.forces_ev_a.tolist()}
            for d in data
        ]
    )


@pytest.fixture(scope="module")
def data() -> list[Labelled]:
    return made_data()


@pytest.fixture(scope="module")
def tuned(data: list[Labelled]) -> Tuned:
    return fine_tune("mine", data, SETTINGS)


def test_the_error_falls_on_held_out_compositions(data: list[Labelled], tuned: Tuned) -> None:
    report = tuned.report
    assert report.learned_from + report.held_out == len(data)
    assert len(report.held_out_compositions) == 1
    assert report.after.force_mev_a < 0.9 * report.before.force_mev_a
    assert report.improved
    low, high = report.after.force_interval
    assert low <= report.after.force_mev_a <= high


def test_the_weights_come_back_from_arrays_and_json(data: list[Labelled], tuned: Tuned) -> None:
    arrays, description = saved(tuned)
    again = restored(arrays, json.loads(json.dumps(description)))
    assert again.report == tuned.report
    potential = tuned_calculator(again)
    assert potential.name == "chgnet:mine"
    assert potential.version == tuned_calculator(tuned).version != calculator("chgnet").version
    with pytest.raises(InputError, match="no fine-tuned CHGNet"):
        restored({}, description)


def one_point(crystal: Structure, name: str) -> Plan[Relaxation]:
    outcomes = yield [single_point_job(crystal, RelaxationSettings(calculator=name))]
    return relaxed(outcomes[0])


def test_a_tuned_potential_is_kept_and_used_by_name_in_another_process(
    tmp_path: Path, data: list[Labelled], tuned: Tuned, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lirich.atoms.finetune.fine_tune", lambda *_: tuned)
    monkeypatch.setattr(calculators, "_OFFERED", {})
    file = tmp_path / "dft.json"
    file.write_text(as_json(data), encoding="utf-8")
    with Workspace.create(tmp_path / "ws") as workspace:
        found = workspace.atoms.tune(file, "mine")
        assert found.to_dict()["calculator"] == "chgnet:mine"
        crystal = data[0].structure
        plan = with_potential(workspace.store.models, "chgnet:mine", one_point(crystal, "chgnet:mine"))
        job = next(plan)[0]
        with open_executor("processes", workers=1) as pool:
            outcome = pool.submit(job.task, job.parameters).result()
        with pytest.raises(StopIteration) as end:
            plan.send([outcome])
        assert end.value.value.energy_ev == pytest.approx(tuned_calculator(tuned).evaluate(crystal).energy_ev, abs=1e-6)
        assert end.value.value.energy_ev != pytest.approx(calculator("chgnet").evaluate(crystal).energy_ev, abs=1e-3)
        untouched = one_point(crystal, "chgnet")
        assert with_potential(workspace.store.models, "chgnet", untouched) is untouched
        with pytest.raises(UnknownNameError, match="mine"):
            workspace.atoms.charge("LiNiO2", left=(0.5,), calculator="chgnet:mina")
        with pytest.raises(UnknownNameError, match="mine"):
            with_potential(workspace.store.models, "chgnet:mina", one_point(crystal, "chgnet"))
        damaged = {**job.parameters, "model_sha256": "0" * 64}
        with pytest.raises(CorruptStoreError, match="changed"):
            job.task(damaged)


def test_a_cathode_is_charged_with_a_tuned_potential(
    tmp_path: Path, data: list[Labelled], tuned: Tuned, monkeypatch: pytest.MonkeyPatch
) -> None:
    """LiNiO2 has one ordering of its cations: no spread, and the error of the voltage alone."""
    monkeypatch.setattr("lirich.atoms.finetune.fine_tune", lambda *_: tuned)
    monkeypatch.setattr(calculators, "_OFFERED", {})
    file = tmp_path / "dft.json"
    file.write_text(as_json(data), encoding="utf-8")
    with Workspace.create(tmp_path / "ws") as workspace:
        workspace.atoms.tune(file, "mine")
        (found,) = workspace.atoms.charge(
            "LiNiO2", left=(0.5,), orderings=2, atoms=12, calculator="chgnet:mine", executor="serial"
        )
    assert tuned_calculator(tuned).version in found.source
    assert found.orderings == 1
    taken = 1.0 - found.lithium_left
    assert found.sd_ev == pytest.approx(VOLTAGE_SD_V * taken, abs=1e-4)
    assert 2.5 < found.charging_energy_ev / taken < 5.5  # LiNiO2 has about 4 V


def test_a_model_that_is_no_better_is_not_kept(
    tmp_path: Path, data: list[Labelled], tuned: Tuned, monkeypatch: pytest.MonkeyPatch
) -> None:
    worse = tuned.report.model_copy(update={"after": tuned.report.before, "before": tuned.report.after})
    monkeypatch.setattr("lirich.atoms.finetune.fine_tune", lambda *_: Tuned(worse, tuned.arrays))
    file = tmp_path / "dft.json"
    file.write_text(as_json(data), encoding="utf-8")
    with Workspace.create(tmp_path / "ws") as workspace:
        with pytest.raises(InputError, match="no better"):
            workspace.atoms.tune(file, "mine")
        assert workspace.store.models.all() == []
        kept = workspace.atoms.tune(file, "mine", keep_worse=True)
        assert kept.to_dict()["improved"] is False


def test_extended_xyz_and_json_say_the_same(data: list[Labelled]) -> None:
    from io import StringIO

    from ase.calculators.singlepoint import SinglePointCalculator
    from ase.io import write

    from lirich.atoms.ase_calculator import atoms_of

    frames = []
    for item in data:
        atoms = atoms_of(item.structure)
        atoms.calc = SinglePointCalculator(
            atoms, energy=item.energy_ev, forces=item.forces_ev_a, stress=item.stress_ev_a3
        )
        frames.append(atoms)
    text = StringIO()
    write(text, frames, format="extxyz")
    for one, other, true in zip(read_labelled(text.getvalue()), read_labelled(as_json(data)), data, strict=True):
        assert one.energy_ev == pytest.approx(true.energy_ev, abs=1e-6)
        assert one.forces_ev_a == pytest.approx(true.forces_ev_a, abs=1e-6)
        assert one.stress_ev_a3 == pytest.approx(true.stress_ev_a3, abs=1e-6)
        assert one.structure.distance_matrix == pytest.approx(true.structure.distance_matrix, abs=1e-5)
        assert other.energy_ev == true.energy_ev
        assert other.forces_ev_a == pytest.approx(true.forces_ev_a)
        assert other.structure == true.structure


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no crystal"),
        ("hello", "cannot be read"),
        ("[1, 2]", "record 1 is no table"),
        ("[]", "no crystal"),
        ('{"data": []}', "one object, no list"),
        ('{"energy_ev": 1}\n{"energy_ev": 2}', "one list of all records"),
        ('[{"structure": {"lattice": 1}, "energy_ev": 1, "forces_ev_a": [[0, 0, 0]]}]', "none as pymatgen writes"),
        ('[{"structure": {}, "energy_ev": 1, "forces_ev_a": null}]', "record 1 lacks forces_ev_a"),
        ('1\nLattice="4 0 0 0 4 0 0 0 4" Properties=species:S:1:pos:R:3 pbc="T T T"\nLi 0 0 0\n', "no energy"),
        ("1\nProperties=species:S:1:pos:R:3 energy=1\nLi 0 0 0\n", "no cell"),
    ],
)
def test_text_that_is_no_data_is_refused(text: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        read_labelled(text)


def test_data_that_cannot_be_learned_are_refused() -> None:
    cell = Structure(Lattice.cubic(4.2), ["Li", "O"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    with pytest.raises(InputError, match="labels"):
        fine_tune("x", [Labelled(cell, float("nan"), np.zeros((2, 3)))])
    with pytest.raises(InputError, match="labels"):
        fine_tune("x", [Labelled(cell, 0.0, np.zeros((3, 3)))])
    with pytest.raises(InputError, match="name of weights"):
        fine_tune("r2scan", [])
    with pytest.raises(NotEnoughDataError, match="to hold out"):
        fine_tune("x", [Labelled(cell, 0.0, np.zeros((2, 3)))])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"energy_ev": "-12 eV"}, "energy_ev of record 2 is not a number of eV per cell"),
        ({"energy_ev": float("nan")}, "Structure 2 .* labels"),
        ({"forces_ev_a": [[0, 0, 0], [1, 2]]}, "forces_ev_a of record 2 is not a list"),
        ({"stress_ev_a3": [0, 0, 0, 0, 0, 0]}, "stress_ev_a3 of record 2"),
    ],
)
def test_a_record_with_bad_labels_is_named(data: list[Labelled], change: dict[str, object], said: str) -> None:
    records = json.loads(as_json(data))
    records[1].update(change)
    with pytest.raises(InputError, match=said):
        read_labelled(json.dumps(records))


def test_crystals_that_nobody_can_learn_from_are_named(data: list[Labelled]) -> None:
    on_top = data[1].structure.copy()
    on_top.translate_sites([1], on_top.frac_coords[0] - on_top.frac_coords[1])
    shared = data[1].structure.copy()
    shared.replace(0, {"Li": 0.5, "Na": 0.5})
    alone = Structure(Lattice.cubic(6.5), ["Li"], [[0, 0, 0]])
    for crystal, said in ((on_top, "0.00 Å apart"), (shared, "partly occupied"), (alone, "stand alone")):
        with pytest.raises(InputError, match=f"Structure 2 .*{said}"):
            fine_tune("x", [data[0], Labelled(crystal, 0.0, np.zeros((len(crystal), 3))), *data[2:]])


RYDBERG_EV, BOHR_A = 13.605693, 0.529177


@pytest.mark.parametrize(
    ("energy", "force", "stress", "said"),
    [
        (1.0, BOHR_A / RYDBERG_EV, 1.0, "forces .* rydberg/bohr"),
        (1.0, BOHR_A / RYDBERG_EV / 2, 1.0, "forces .* hartree/bohr"),
        (1.0, -1.0, 1.0, "forces .* gradients"),
        (1 / RYDBERG_EV, 1.0, 1.0, "energies .* rydberg"),
        (0.25, 1.0, 1.0, "energies .* per atom"),
        (1.0, 1.0, 160.2177, "stresses .* GPa"),
        (1.0, 1.0, -1.0, "stresses .* compression positive"),
    ],
)
def test_labels_in_other_units_are_refused(
    data: list[Labelled], energy: float, force: float, stress: float, said: str
) -> None:
    """The labels are 1.3 times CHGNet's: a soft potential is no wrong unit, 1/13.6 is."""
    other = [
        Labelled(d.structure, energy * d.energy_ev, force * d.forces_ev_a, stress * np.asarray(d.stress_ev_a3))
        for d in data
    ]
    with pytest.raises(InputError, match=said):
        fine_tune("x", other, SETTINGS)


def test_labels_of_a_soft_or_stiff_potential_are_in_the_right_units(data: list[Labelled]) -> None:
    stock = calculator("chgnet")
    said = [stock.evaluate(d.structure, stress=True) for d in data]
    for factor in (0.5, 1.0, 2.0):
        check_units([Labelled(d.structure, factor * d.energy_ev, factor * d.forces_ev_a) for d in data], said)


def trajectory(forces: float) -> list[Labelled]:
    """Small steps of LiMnO2 (16 atoms) towards its minimum by CHGNet, with *forces* times its forces."""
    soft = calculator("chgnet")
    start = made_data()[0].structure * [2, 2, 1]
    frames = []
    for _ in range(6):
        said = soft.evaluate(start)
        frames.append(Labelled(start.copy(), said.energy_ev, forces * said.forces_ev_a))
        for i, force in enumerate(said.forces_ev_a):
            start.translate_sites([i], 0.01 * force, frac_coords=False, to_unit_cell=False)
    return frames


def test_forces_in_ev_per_bohr_are_told_by_the_work_that_they_do() -> None:
    frames = trajectory(BOHR_A)
    said = [calculator("chgnet").evaluate(d.structure) for d in frames]
    with pytest.raises(InputError, match=r"1\.\d* times the work of the forces .* per bohr"):
        check_units(frames, said)
    assert not any("forces" in doubt for doubt in check_units(trajectory(1.0), said))


def test_forces_that_nothing_can_tell_the_unit_of_are_doubted_with_the_number(data: list[Labelled]) -> None:
    """One structure of each composition has no energies to hold its forces against: 0.53 is said, not passed over."""
    alone = data[::2]
    said = [calculator("chgnet").evaluate(d.structure) for d in alone]
    soft = [Labelled(d.structure, s.energy_ev, BOHR_A * s.forces_ev_a) for d, s in zip(alone, said, strict=True)]
    doubts = check_units(soft, said)
    assert any("forces are 0.53 times those of CHGNet: as if they were eV/bohr" in doubt for doubt in doubts)


def test_a_name_that_cannot_be_kept_is_refused_before_learning(tmp_path: Path, data: list[Labelled]) -> None:
    file = tmp_path / "dft.json"
    file.write_text(as_json(data), encoding="utf-8")
    with Workspace.create(tmp_path / "ws") as workspace:
        with pytest.raises(InputError, match="no name of a model"):
            workspace.atoms.tune(file, "a/b")
        workspace.store.models.put("maps", ModelContent("another", {}, {}), trained_on=())
        with pytest.raises(InputError, match="of the kind another"):
            workspace.atoms.tune(file, "maps")
        (tmp_path / "dft.traj").write_bytes(b"\xbb\xff\x00")
        with pytest.raises(InputError, match="is no text"):
            workspace.atoms.tune(tmp_path / "dft.traj", "mine")


def test_steps_of_learning_are_told(data: list[Labelled]) -> None:
    heard: list[tuple[int, int]] = []
    fine_tune("x", data, TuningSettings(epochs=1), lambda done, total: heard.append((done, total)))
    assert heard == [(k, 4) for k in range(1, 5)]  # four of six structures are learned from


def test_a_tuned_potential_cannot_take_the_name_of_a_built_in_one() -> None:
    with pytest.raises(PluginError, match="built-in"):
        offer(calculator("chgnet"))

"""The catalogue: what is put in comes back, is found, is replaced whole, and leads back to its files.

Every test here runs on SQLite and on PostgreSQL.
"""

from __future__ import annotations

import pickle
import threading
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import store_lab as lab
from lirich.errors import (
    ConflictingMetadataError,
    CorruptStoreError,
    InputError,
    StoreError,
    UnknownNameError,
    WorkspaceExistsError,
    WorkspaceNotFoundError,
)
from lirich.model import Cell, Origin, Sample, Subject, Value
from lirich.store import Store

ICE = "initial_coulombic_efficiency"
CAPACITY = "discharge_specific_capacity_mah_g"


def test_everything_is_there_after_opening_again(store: Store, tmp_path: Path) -> None:
    test = lab.add(store, 1, tmp_path)
    analysis = lab.analysis(store, test)
    store.put_analysis(analysis)
    before = store.fingerprint()
    store.close()
    with Store.open(store.root) as again:
        assert again.cells() == {"SC-1": lab.cell(1)}
        assert again.samples() == {"SC": Sample(key="SC", morphology="SC")}
        assert again.tests() == [test]
        assert again.analyses() == [analysis]
        assert tuple(again.values()) == analysis.values
        assert again.read_curve(test.curve, verify=True).equals(lab.table(1))
        assert again.raw_path(test.raw.sha256, verify=True).read_bytes() == (tmp_path / "cell 1.csv").read_bytes()
        assert again.fingerprint() == before
        assert again.check() == []


def test_a_folder_is_one_workspace_only(store: Store) -> None:
    with pytest.raises(WorkspaceExistsError):
        Store.create(store.root)
    assert Store.open(store.root).settings.id == store.settings.id


def test_a_workspace_is_found_from_below(store: Store, tmp_path: Path) -> None:
    deep = store.root / "a" / "b"
    deep.mkdir(parents=True)
    assert Store.find(deep).root == store.root
    assert Store.find(store.root / "lirich.toml").root == store.root
    with pytest.raises(WorkspaceNotFoundError, match="lirich init"):
        Store.find(tmp_path / "elsewhere")
    with pytest.raises(WorkspaceNotFoundError):
        Store.open(tmp_path / "elsewhere")


def test_names_are_sorted_as_people_count(store: Store) -> None:
    for key in ("SC-10", "SC-2", "PC-1", "sc-1"):
        store.put_cell(Cell(key=key))
    assert list(store.cells()) == ["PC-1", "sc-1", "SC-2", "SC-10"]


def test_an_unknown_cell_is_answered_with_the_nearest(store: Store) -> None:
    store.put_cell(Cell(key="SC-1"))
    with pytest.raises(UnknownNameError, match="Did you mean 'SC-1'"):
        store.cell("SC-l")
    with pytest.raises(UnknownNameError):
        store.values(quantity="inital_coulombic_efficiency")


def test_former_facts_are_kept(store: Store) -> None:
    states = [Cell(key="A"), Cell(key="A", active_mass_mg=2.0), Cell(key="A", active_mass_mg=2.1)]
    for state in (states[0], states[0], states[1], states[1], states[2]):
        store.put_cell(state)
    history = store.cell_history("A")
    assert [h.fact for h in history] == states
    assert [h.number for h in history] == [1, 2, 3]
    assert [h.unix_second for h in history] == sorted(h.unix_second for h in history)
    store.put_sample(Sample(key="A", dopant="Nb"))
    assert [h.fact for h in store.sample_history("A")] == [Sample(key="A", dopant="Nb")]


def test_a_removed_cell_leaves_an_entry_and_may_come_back_as_it_was(store: Store) -> None:
    cell = Cell(key="A", active_mass_mg=2.0)
    store.put_cell(cell)
    store.change(lambda things: things.remove_cell("A"))
    assert [h.fact for h in store.cell_history("A")] == [cell, None]
    store.put_cell(cell)
    assert [h.fact for h in store.cell_history("A")] == [cell, None, cell]
    assert store.change(lambda things: things.remove_empty_cell("A"))
    assert not store.change(lambda things: things.remove_empty_cell("A"))
    assert [h.number for h in store.cell_history("A")] == [1, 2, 3, 4]
    with pytest.raises(UnknownNameError):
        store.cell_history("B")


def test_the_same_test_is_put_in_once(store: Store, tmp_path: Path) -> None:
    test = lab.add(store, 1, tmp_path)
    assert store.put_test(test) is False
    assert store.tests("SC-1") == [test]
    assert store.tests("PC-2") == []
    store.put_cell(Cell(key="other"))
    with pytest.raises(ConflictingMetadataError, match="'SC-1', now of 'other'"):
        store.put_test(test.model_copy(update={"cell": "other"}))


def test_a_record_never_speaks_of_what_is_not_there(store: Store, tmp_path: Path) -> None:
    test = lab.add(store, 1, tmp_path)
    with pytest.raises(CorruptStoreError):
        store.put_test(test.model_copy(update={"key": "x", "curve": "0" * 64}))
    with pytest.raises(CorruptStoreError):
        store.put_test(test.model_copy(update={"key": "x", "raw": test.raw.model_copy(update={"sha256": "0" * 64})}))
    with pytest.raises(UnknownNameError):
        store.put_test(test.model_copy(update={"key": "x", "cell": "nobody"}))
    analysis = lab.analysis(store, test)
    with pytest.raises(UnknownNameError):
        store.put_analysis(analysis.model_copy(update={"tests": ("nothing",)}))
    with pytest.raises(CorruptStoreError):
        store.put_analysis(analysis.model_copy(update={"cycles_curve": "0" * 64}))
    assert store.tests() == [test]
    assert store.analyses() == []
    assert store.values() == []


def test_tests_come_in_the_order_of_time(store: Store, tmp_path: Path) -> None:
    first = lab.add(store, 1, tmp_path)
    late = first.model_copy(update={"key": "b", "start_unix_second": 9e9})
    unknown = [
        first.model_copy(update={"key": k, "start_unix_second": None, "raw": first.raw.model_copy(update={"name": n})})
        for k, n in (("c", "part 10.csv"), ("d", "part 9.csv"))
    ]
    for test in (late, *unknown):
        assert store.put_test(test)
    assert [t.key for t in store.tests("SC-1")] == [first.key, "b", "d", "c"]


def test_an_analysis_replaces_the_one_before_it_whole(store: Store, tmp_path: Path) -> None:
    test = lab.add(store, 1, tmp_path)
    store.put_analysis(lab.analysis(store, test, capacity=250.0))
    shorter = lab.analysis(store, test, capacity=200.0)
    shorter = shorter.model_copy(update={"values": shorter.values[:1]})
    store.put_analysis(shorter)
    assert store.analyses("SC-1") == [shorter]
    assert tuple(store.values(subject="SC-1")) == shorter.values


def test_runs_that_are_no_more_go_with_their_values(store: Store, tmp_path: Path) -> None:
    test = lab.add(store, 1, tmp_path)
    other = lab.add(store, 2, tmp_path)
    for run in range(3):
        store.put_analysis(lab.analysis(store, test, run))
    store.put_analysis(lab.analysis(store, other))
    assert len(store.values(subject="SC-1")) == 9
    assert set(store.analysis_keys()) == {("SC-1", 0), ("SC-1", 1), ("SC-1", 2), ("PC-2", 0)}
    assert store.analysis_keys()["SC-1", 1] == lab.analysis(store, test, 1).key
    store.drop_runs("SC-1", keep=1)
    assert [a.run for a in store.analyses()] == [0, 0]
    assert len(store.values()) == 6
    store.drop_runs("SC-1", keep=0)
    assert store.analyses("SC-1") == []
    assert store.values(subject="SC-1") == []


def test_removing_a_test_removes_what_rests_on_it(store: Store, tmp_path: Path) -> None:
    test, other = lab.add(store, 1, tmp_path), lab.add(store, 3, tmp_path)
    for t in (test, other):
        store.put_analysis(lab.analysis(store, t))
    store.remove_test(test.key)
    assert [t.key for t in store.tests()] == [other.key]
    assert [a.cell for a in store.analyses()] == ["SC-3"]
    assert {v.subject.key for v in store.values()} == {"SC-3"}
    assert store.raw_path(test.raw.sha256).exists()  # the measurement itself is never thrown away
    assert {f.code for f in store.check()} == {"orphan-raw", "orphan-curve"}
    with pytest.raises(UnknownNameError):
        store.remove_test(test.key)


def test_values_are_found_by_each_filter(store: Store, tmp_path: Path) -> None:
    for number in (1, 2):
        store.put_analysis(lab.analysis(store, lab.add(store, number, tmp_path)))
    paper = lab.value("SC", ICE, 80.0).model_copy(
        update={"origin": Origin.LITERATURE, "subject": Subject(kind="material", key="SC")}
    )
    store.put_values([paper], source="literature")
    assert len(store.values()) == 7
    assert [v.subject.key for v in store.values(quantity=ICE)] == ["PC-2", "SC-1", "SC"]
    assert store.values(quantity=ICE, origin="literature") == [paper]
    assert store.values(origin=Origin.LITERATURE) == [paper]
    assert store.values(subject_kind="material") == [paper]
    assert len(store.values(subject=["SC-1", "PC-2"], quantity=[CAPACITY])) == 4
    with pytest.raises(TypeError, match="subjekt"):
        store.values(subjekt="SC-1")
    assert store.values(subject=[]) == []
    assert [v.conditions.cycle for v in store.values(subject="SC-1", quantity=CAPACITY)] == [1, 2]


def test_a_source_is_replaced_whole_and_alone(store: Store) -> None:
    a = [lab.value(f"m{i}", ICE, 80.0 + i) for i in range(5)]
    store.put_values(a, source="literature")
    store.put_values(a[:2], source="computed")
    store.put_values(a[3:], source="literature")
    assert store.sources() == {"computed": 2, "literature": 2}
    assert [v.value for v in store.values()] == [80.0, 81.0, 83.0, 84.0]
    store.put_values([], source="literature")
    assert store.sources() == {"computed": 2}
    with pytest.raises(InputError):
        store.put_values(a, source="a/b")


def test_a_value_leads_back_to_its_raw_file(store: Store, tmp_path: Path) -> None:
    test = lab.add(store, 1, tmp_path)
    analysis = lab.analysis(store, test)
    store.put_analysis(analysis)
    value = store.values(quantity=ICE)[0]
    lineage = store.provenance(value)
    assert lineage.complete
    assert lineage.analyses == (analysis.key,)
    assert (lineage.code, lineage.version, lineage.parameters) == ("store_lab.value", "0", {"a": 1})
    assert lineage.settings == {"threshold_v": 3.5, "minimum": 3}
    assert lineage.corrections == ({"first_cycle": 1, "last_cycle": 2, "kind": "formation"},)
    (file,) = lineage.files
    assert file.raw == test.raw
    assert file.tests == (test,)
    assert store.raw_path(file.sha256).read_bytes() == (tmp_path / "cell 1.csv").read_bytes()
    store.put_values([value], source="copy")
    assert store.provenance(value).sources == ("copy",)
    unknown = value.model_copy(update={"provenance": value.provenance.model_copy(update={"files": ("0" * 64,)})})
    assert not store.provenance(unknown).complete
    assert not store.provenance(unknown).files[0].present


def test_corrections_keep_their_order_and_their_log(store: Store) -> None:
    store.put_cell(Cell(key="A"))
    for number in (1, 2, 3):
        assert store.put_correction("A", {"segment": number, "kind": "ageing"}) == number
    assert [c["segment"] for c in store.corrections("A")] == [1, 2, 3]
    assert store.clear_corrections("A") == 3
    assert store.corrections("A") == []
    assert store.put_correction("A", {"segment": 4}) == 4
    log = store.correction_log("A")
    assert [r.cleared_unix_second is None for r in log] == [False, False, False, True]
    assert store.corrections("A") == [{"segment": 4}]
    with pytest.raises(UnknownNameError):
        store.put_correction("B", {})
    with pytest.raises(InputError):
        store.put_correction("A", {"x": float("nan")})


def test_text_that_no_database_holds_is_refused_at_the_door(store: Store) -> None:
    with pytest.raises(InputError):
        store.put_values([lab.value("a\x00b", ICE, 1.0)], source="s")
    for key in ("a\x00b", "a\udc80b"):
        with pytest.raises((InputError, UnknownNameError)):
            store.cell(key)
        with pytest.raises(InputError):
            store.values(subject=key)
    store.put_cell(Cell(key="A", extra={"note": "NUL \x00 in a note, Ω, '; DROP TABLE cell; --"}))
    assert store.cell("A").extra["note"] == "NUL \x00 in a note, Ω, '; DROP TABLE cell; --"
    with pytest.raises(InputError):
        store.put_cell(Cell(key="B", extra={"note": "\udc80"}))


keys = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=40)
numbers = st.floats(allow_nan=False, allow_infinity=False)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    subjects=st.lists(keys, max_size=5),
    number=numbers,
    note=st.text(st.characters(codec="utf-8")),
    other=st.dictionaries(keys, st.one_of(st.booleans(), st.integers(), numbers, keys), max_size=3),
)
def test_any_value_comes_back_as_it_was(
    store: Store, subjects: list[str], number: float, note: str, other: dict[str, bool | int | float | str]
) -> None:
    values = []
    for key in subjects:
        value = lab.value("x", ICE, 1.0)
        values.append(
            Value(
                **{
                    **value.model_dump(),
                    "value": number,
                    "interval": None,
                    "note": note,
                    "subject": Subject(kind="population", key=key),
                    "conditions": value.conditions.model_copy(update={"other": other}),
                }
            )
        )
    store.put_values(values, source="any")
    found = store.values()
    assert sorted(v.to_json() for v in found) == sorted(v.to_json() for v in values)
    for key in subjects:
        assert {v.subject.key for v in store.values(subject=key)} == {key}


def test_the_order_of_writing_leaves_no_trace(tmp_path: Path) -> None:
    prints = []
    for name, order in (("a", [1, 2, 3, 4]), ("b", [3, 1, 4, 2])):
        with Store.create(tmp_path / name) as store:
            for number in order:
                store.put_analysis(lab.analysis(store, lab.add(store, number, tmp_path / "files")))
            prints.append(store.fingerprint())
    assert prints[0] == prints[1]


def test_threads_share_a_store(store: Store) -> None:
    errors: list[Exception] = []

    def work(start: int) -> None:
        try:
            for number in range(start, start + 10):
                store.put_cell(Cell(key=f"C-{number}"))
                assert f"C-{number}" in store.cells()
        except Exception as error:  # noqa: BLE001 - carried to the main thread
            errors.append(error)

    threads = [threading.Thread(target=work, args=(start,)) for start in (0, 10, 20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert len(store.cells()) == 30


def test_a_store_goes_to_another_process_by_its_folder(store: Store) -> None:
    store.put_cell(Cell(key="A"))
    with pickle.loads(pickle.dumps(store)) as other:
        assert other.cells() == store.cells()


def test_a_database_belongs_to_one_workspace(store: Store, tmp_path: Path) -> None:
    if store.settings.database_url is None:
        pytest.skip("SQLite lies in the workspace itself")
    with pytest.raises(StoreError, match="another workspace, 'workspace'"):
        Store.create(tmp_path / "second", database_url=store.settings.database_url.get_secret_value())
    assert not (tmp_path / "second" / "lirich.toml").exists()


def test_a_filter_may_hold_more_names_than_a_statement(store: Store) -> None:
    values = [lab.value(f"C-{n}", ICE, float(n)) for n in range(50)]
    store.put_values(values, source="a")
    assert store.values(subject=[f"C-{n}" for n in range(20, 70_000)]) == values[20:]
    assert store.values(subject=[f"C-{n}" for n in range(600)], quantity=ICE, source="a") == values
    assert store.values(source="b") == []


def test_an_empty_catalogue_beside_raw_files_is_no_new_workspace(tmp_path: Path) -> None:
    with Store.create(tmp_path / "w") as store:
        lab.add(store, 1, tmp_path / "files")
    (tmp_path / "w" / "catalogue.sqlite").write_bytes(b"")
    with pytest.raises(CorruptStoreError, match="empty, although raw files are there"):
        Store.open(tmp_path / "w")

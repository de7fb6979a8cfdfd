"""Learned models: kept by hash with what they were trained on, read without running anything that is in them."""

from __future__ import annotations

import io
import json
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest

from lirich.errors import CorruptStoreError, InputError, UnknownNameError
from lirich.store import ModelContent, Store
from lirich.store.modelfile import pack, unpack

CONTENT = ModelContent(
    kind="state-map",
    arrays={"mean": np.linspace(0.0, 250.0, 11), "loadings": np.arange(6.0).reshape(2, 3), "cycle": np.array([10, 20])},
    description={"components": 2, "unit": "mAh/g", "grid": {"low": 3.0, "high": 4.5}},
)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.create(tmp_path / "ws")


def rewritten(data: bytes, **members: bytes) -> bytes:
    """Return the zip *data* with some members replaced or added."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(buffer, "w") as new:
        kept = {name: old.read(name) for name in old.namelist()}
        for name, body in (kept | {n.replace("__", "."): b for n, b in members.items()}).items():
            new.writestr(name, body)
    return buffer.getvalue()


def test_a_model_comes_back_bit_by_bit_and_numpy_opens_it() -> None:
    data = pack(CONTENT)
    back = unpack(data)
    assert (back.kind, back.description) == (CONTENT.kind, CONTENT.description)
    for name, array in CONTENT.arrays.items():
        np.testing.assert_array_equal(back.arrays[name], array)
        assert back.arrays[name].dtype == array.dtype
    with np.load(io.BytesIO(data), allow_pickle=False) as opened:
        np.testing.assert_array_equal(opened["mean"], CONTENT.arrays["mean"])


def test_equal_models_are_equal_bytes() -> None:
    turned = ModelContent(
        kind=CONTENT.kind,
        arrays={n: np.asfortranarray(a) for n, a in reversed(CONTENT.arrays.items())},
        description=dict(reversed(CONTENT.description.items())),
    )
    assert pack(turned) == pack(CONTENT)


def test_no_pickle_is_ever_read() -> None:
    class Harm:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return pytest.fail, ("code of a model was run",)

    harm = io.BytesIO()
    np.lib.format.write_array(harm, np.array([Harm()], dtype=object))
    for evil in (harm.getvalue(), pickle.dumps(Harm())):
        with pytest.raises(CorruptStoreError):
            unpack(rewritten(pack(CONTENT), mean__npy=evil))
    with pytest.raises(CorruptStoreError):
        unpack(rewritten(pack(CONTENT), harm__npy=harm.getvalue()))


def test_a_header_that_claims_a_terabyte_allocates_nothing() -> None:
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f8", "fortran_order": False, "shape": (1 << 37,)})
    told = json.loads(zipfile.ZipFile(io.BytesIO(pack(CONTENT))).read("model.json"))
    told["arrays"]["mean"]["shape"] = [1 << 37]
    with pytest.raises(CorruptStoreError, match="mean"):
        unpack(rewritten(pack(CONTENT), mean__npy=header.getvalue(), model__json=json.dumps(told).encode()))


@pytest.mark.parametrize("told", [b"{", b"[]", b'{"format": "other"}', b"[" * 100_000, b"\xff"])
def test_a_description_that_is_none(told: bytes) -> None:
    with pytest.raises(CorruptStoreError):
        unpack(rewritten(pack(CONTENT), model__json=told))


def test_a_newer_version_is_named() -> None:
    told = json.loads(zipfile.ZipFile(io.BytesIO(pack(CONTENT))).read("model.json")) | {"version": 2}
    with pytest.raises(CorruptStoreError, match="version 2"):
        unpack(rewritten(pack(CONTENT), model__json=json.dumps(told).encode()))


def test_cut_and_changed_files_are_errors_or_the_same_model() -> None:
    data = pack(CONTENT)
    rng = np.random.default_rng(4)
    for _ in range(300):
        broken = bytearray(data[: int(rng.integers(1, len(data)))] if rng.random() < 0.5 else data)
        broken[int(rng.integers(len(broken)))] ^= int(rng.integers(1, 256))
        try:
            back = unpack(bytes(broken))
        except CorruptStoreError:
            continue
        for name, array in CONTENT.arrays.items():
            np.testing.assert_array_equal(back.arrays[name], array)


@pytest.mark.parametrize(
    "content",
    [
        ModelContent("map", {"Mean": np.zeros(2)}, {}),
        ModelContent("map", {"mean": np.array(["a"])}, {}),
        ModelContent("map", {"mean": np.array([None])}, {}),
        ModelContent("map", {}, {"rate": float("nan")}),
        ModelContent("map", {}, {"code": object()}),
    ],
)
def test_what_cannot_be_kept_is_refused(content: ModelContent) -> None:
    with pytest.raises(InputError):
        pack(content)


def test_a_model_is_kept_with_what_it_was_trained_on(store: Store) -> None:
    record = store.models.put("ageing", CONTENT, trained_on=["b" * 64, "a" * 64], parameters={"components": 2})
    with Store.open(store.root) as again:
        assert again.models.record("ageing") == record
        assert again.models.record("ageing").trained_on == ("a" * 64, "b" * 64)
        np.testing.assert_array_equal(again.models.content("ageing").arrays["mean"], CONTENT.arrays["mean"])
        assert again.models.export("ageing") == pack(CONTENT)
    assert store.check() == []


def test_a_name_that_is_used_again_means_the_newer_model(store: Store) -> None:
    store.models.put("ageing", CONTENT, trained_on=[])
    newer = ModelContent(CONTENT.kind, {"mean": np.zeros(3)}, {})
    store.models.put("ageing", newer, trained_on=[])
    assert [m.name for m in store.models.all()] == ["ageing"]
    assert store.models.content("ageing").arrays["mean"].shape == (3,)
    assert [f.code for f in store.check()] == ["orphan-model"]


def test_unknown_and_removed_models(store: Store) -> None:
    store.models.put("ageing", CONTENT, trained_on=[])
    with pytest.raises(UnknownNameError, match="ageing"):
        store.models.content("agein")
    store.models.remove("ageing")
    assert store.models.all("state-map") == []
    with pytest.raises(InputError, match="no name"):
        store.models.put("a/b", CONTENT, trained_on=[])


def test_a_changed_file_is_found_and_set_aside(store: Store) -> None:
    record = store.models.put("ageing", CONTENT, trained_on=[])
    (path,) = (store.root / "models").glob(f"*/{record.sha256}*")
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(CorruptStoreError, match="changed on the disk"):
        store.models.content("ageing")
    assert [f.code for f in store.check()] == ["model-damaged"]
    assert {f.code for f in store.mend()} == {"model-set-aside", "model-missing"}
    store.models.put("ageing", CONTENT, trained_on=[])
    assert store.check() == []

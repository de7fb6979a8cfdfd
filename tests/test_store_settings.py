"""``lirich.toml``: what is wrong with it is told, and a password never is."""

from __future__ import annotations

import contextlib
import logging
import os
import subprocess
import sys
import traceback
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lirich.errors import (
    CorruptStoreError,
    LirichError,
    OptionalDependencyError,
    SettingsError,
    StoreError,
    WorkspaceExistsError,
    WorkspaceNotFoundError,
)
from lirich.store import Store, WorkspaceSettings
from lirich.store.settings import masked_url, read_settings, replace_settings, without_secrets, write_new_settings

ID = "0" * 32
SECRET = "p@ss%word'\"7"
URL = "postgresql://ada:p%40ss%25word%27%227@127.0.0.1:1/lab"


def write(folder: Path, text: str | bytes) -> Path:
    (folder / "lirich.toml").write_bytes(text if isinstance(text, bytes) else text.encode())
    return folder


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "no table [workspace]"),
        ("[workspace", "at end of document"),
        ("workspace = 3", "no table [workspace]"),
        (b"\xff\xfe\x00", "not UTF-8"),
        (b"\x00" * 100, "no readable TOML"),
        ("a = " + "[" * 100_000, "no readable TOML"),
        ("a = " + "9" * 10_000, "out of bounds"),
        (f'[workspace]\nid = "{ID}"\n', "name"),
        (f'[workspace]\nid = "{ID}"\nname = ""\n', "name"),
        (f'[workspace]\nid = "{ID}"\nname = "a\\u0000b"\n', "name"),
        (f'[workspace]\nid = "{ID}"\nname = 3\n', "name"),
        ('[workspace]\nid = "../x"\nname = "a"\n', "id"),
        (f'[workspace]\nid = "{ID}"\nname = "a"\nformat = 99\n', "Update lirich"),
        (f'[workspace]\nid = "{ID}"\nname = "a"\ndatabse_url = "x"\n', "Did you mean 'database_url'"),
        (f'[workspace]\nid = "{ID}"\nname = "a"\n[cylcing]\n', "Did you mean 'cycling'"),
        (f'[workspace]\nid = "{ID}"\nname = "a"\n[cycling.deep]\nx = 1\n', "cycling"),
        (f'[workspace]\nid = "{ID}"\nname = "a"\n[cycling]\nx = nan\n', "cycling"),
        ("x" * 2_000_000, "larger than"),
    ],
)
def test_a_bad_settings_file_is_a_settings_error(tmp_path: Path, text: str | bytes, told: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Store.open(write(tmp_path, text))
    assert told in str(caught.value)
    assert "lirich.toml" in str(caught.value)
    assert [p.name for p in tmp_path.iterdir()] == ["lirich.toml"]


@settings(max_examples=150, deadline=None)
@given(
    text=st.one_of(
        st.binary(max_size=200),
        st.text(st.characters(codec="utf-8"), max_size=200).map(lambda s: s.encode()),
        st.text(st.sampled_from('[]="\n.workspace idname{},#01-T:\\u'), max_size=200).map(
            lambda s: b"[workspace]\n" + s.encode()
        ),
    )
)
def test_any_bytes_are_settings_or_a_settings_error(tmp_path_factory: pytest.TempPathFactory, text: bytes) -> None:
    folder = write(tmp_path_factory.mktemp("w"), text)
    with contextlib.suppress(SettingsError):
        assert len(read_settings(folder).id) == 32


def test_a_folder_named_lirich_toml_is_no_settings_file(tmp_path: Path) -> None:
    (tmp_path / "lirich.toml").mkdir()
    with pytest.raises(SettingsError):
        Store.open(tmp_path)
    with pytest.raises(WorkspaceNotFoundError):
        Store.find(tmp_path / "x")


def test_a_byte_order_mark_of_an_editor_does_no_harm(tmp_path: Path) -> None:
    Store.create(tmp_path, name="Ladung").close()
    path = tmp_path / "lirich.toml"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert Store.open(tmp_path).settings.name == "Ladung"


@pytest.mark.parametrize("name", ["a?b#c%20 ü", "what=1&uri=true", "with space", "a'b", "[x]"])
def test_any_folder_name_can_be_a_workspace(tmp_path: Path, name: str) -> None:
    with Store.create(tmp_path / name) as store:
        assert store.settings.name == name
    made = ["catalogue.sqlite", "curves", "lirich.toml", "models", "raw"]
    assert sorted(p.name for p in (tmp_path / name).iterdir()) == made
    assert Store.open(tmp_path / name).cells() == {}


def test_the_thresholds_of_the_user_are_read(tmp_path: Path) -> None:
    Store.create(tmp_path).close()
    with (tmp_path / "lirich.toml").open("a") as file:
        file.write("[cycling]\nlow_voltage_v = 3.4\nwindows = [2.0, 4.8]\n")
    assert Store.open(tmp_path).settings.cycling == {"low_voltage_v": 3.4, "windows": (2.0, 4.8)}


@pytest.mark.parametrize(
    "url", ["sqlite:///x", "postgresql://", "postgresql://h:port/d", "mysql://a/b", "", "x" * 10, "postgresql://[/d"]
)
def test_only_a_postgresql_url_is_taken(tmp_path: Path, url: str) -> None:
    with pytest.raises(SettingsError, match="database_url"):
        Store.create(tmp_path / "w", database_url=url)
    assert not (tmp_path / "w" / "lirich.toml").exists()


def everything_told(error: BaseException) -> str:
    return "".join(traceback.format_exception(error)) + repr(error) + str(error) + repr(vars(error))


def secrets() -> tuple[str, ...]:
    return (SECRET, "p%40ss", "p@ss", "word'")


@pytest.mark.parametrize(
    "url",
    [
        URL,  # nobody listens there
        URL.replace("postgresql", "mysql"),
        URL.replace(":1/", ":x/"),
        URL.replace("127.0.0.1", "[::"),
        "postgresql://ada@127.0.0.1:1/lab?password=p%40ss%25word%27%227",
        "postgresql://ada@127.0.0.1:1/lab?password=p%40ss%25word%27%227&nonsense=1",
    ],
)
def test_no_error_tells_the_password(tmp_path: Path, url: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with pytest.raises((SettingsError, StoreError)) as caught:
        Store.create(tmp_path / "w", database_url=url)
    told = everything_told(caught.value) + str(caught.value.to_dict()) + caplog.text
    for secret in secrets():
        assert secret not in told
    assert not (tmp_path / "w" / "lirich.toml").exists()


def test_no_settings_error_tells_the_password(tmp_path: Path) -> None:
    for text in (
        f'[workspace]\nid = "{ID}"\nname = ""\ndatabase_url = "{URL}"\n',
        f'[workspace]\nid = "{ID}"\nname = "a"\ndatabase_url = ["{URL}"]\n',
        f'[workspace]\nid = "{ID}"\nname = "a"\ndatabase_url = "{URL}\n',
        f'[workspace]\nid = "{ID}"\nname = "a"\ndatabase_url = "{URL}" x\n',
    ):
        with pytest.raises(SettingsError) as caught:
            read_settings(write(tmp_path, text))
        for secret in secrets():
            assert secret not in everything_told(caught.value)


def test_settings_do_not_show_the_password() -> None:
    made = WorkspaceSettings(name="a", id=ID, database_url=URL)
    shown = repr(made) + str(made) + made.to_json() + made.database + str(made.model_dump())
    for secret in secrets():
        assert secret not in shown
    assert made.database == "postgresql://ada@127.0.0.1:1/lab"
    assert made.database_url is not None
    assert made.database_url.get_secret_value() == URL


def test_secrets_are_hidden_in_any_spelling() -> None:
    text = f"cannot connect to {URL}: {SECRET} p%40ss%25word%27%227"
    for secret in secrets():
        assert secret not in without_secrets(text, URL)
    assert masked_url("postgresql://u:p@[::1]:5/d?sslmode=require&password=p") == (
        "postgresql://u@[::1]:5/d?sslmode=require"
    )


def test_without_psycopg_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(OptionalDependencyError, match=r"pip install -c constraints\.txt -e '\.\[postgres\]'"):
        Store.create(tmp_path / "w", database_url="postgresql://h/d")


def test_importing_the_store_is_light() -> None:
    code = "import sys, lirich.store; print(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"sqlalchemy", "psycopg", "polars"} & set(done.stdout.split())


def test_a_lost_catalogue_is_not_taken_for_an_empty_one(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x")
    with Store.create(tmp_path / "w") as store:
        store.put_raw(tmp_path / "a.csv")
    (tmp_path / "w" / "catalogue.sqlite").unlink()
    with pytest.raises(CorruptStoreError, match="is gone, although raw files are there"):
        Store.open(tmp_path / "w")


@pytest.mark.parametrize("content", [b"", b"not a database at all" * 100, b"SQLite format 3\x00" + b"\xff" * 5000])
def test_a_catalogue_that_is_no_database_is_told(tmp_path: Path, content: bytes) -> None:
    Store.create(tmp_path).close()
    for path in tmp_path.glob("catalogue.sqlite*"):
        path.unlink()
    (tmp_path / "catalogue.sqlite").write_bytes(content)
    if not content:  # an empty file is an empty database: nothing was there to lose
        assert Store.open(tmp_path).cells() == {}
        return
    with pytest.raises(LirichError) as caught:
        Store.open(tmp_path)
    assert isinstance(caught.value, CorruptStoreError)


def test_a_half_made_workspace_is_completed(tmp_path: Path) -> None:
    Store.create(tmp_path).close()
    for path in tmp_path.glob("catalogue.sqlite*"):
        path.unlink()  # killed between settings and catalogue
    with pytest.raises(WorkspaceExistsError):
        Store.create(tmp_path)
    assert Store.open(tmp_path).cells() == {}


@pytest.mark.skipif(os.name == "nt", reason="Windows has other rights")
@pytest.mark.parametrize(("url", "others"), [(URL, False), ("postgresql://ada@127.0.0.1:1/lab", True), (None, True)])
def test_a_password_is_for_its_owner_alone(tmp_path: Path, url: str | None, others: bool) -> None:
    before = os.umask(0o022)
    try:
        made = WorkspaceSettings(name="a", id=ID, database_url=url)
        write_new_settings(tmp_path, made)
        path = tmp_path / "lirich.toml"
        assert bool(path.stat().st_mode & 0o077) is others
        replace_settings(tmp_path, made.model_copy(update={"name": "b"}))
        assert bool(path.stat().st_mode & 0o077) is others
        path.chmod(0o640)  # a group that may read it goes on reading it
        replace_settings(tmp_path, made)
        assert path.stat().st_mode & 0o777 == 0o640
    finally:
        os.umask(before)

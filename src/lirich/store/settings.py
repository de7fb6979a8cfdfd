"""``lirich.toml``: what makes a folder a workspace, and what the user may set in it."""

from __future__ import annotations

import contextlib
import os
import stat
import tomllib
import uuid
from pathlib import Path
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit, urlunsplit

from pydantic import Field, SecretStr, ValidationError, field_validator

from lirich.errors import SettingsError, UnknownNameError, WorkspaceExistsError, WorkspaceNotFoundError
from lirich.model import Frozen, Scalar
from lirich.store.files import publish, sync_folder, write_synced

FILE_NAME = "lirich.toml"
FORMAT = 1
"""Version of the layout of ``lirich.toml`` and of the folders beside it."""

OWN_NAMES = frozenset(
    {FILE_NAME, "raw", "curves", "models", "cache", "backup", "damaged"}
    | {f"catalogue.sqlite{ending}" for ending in ("", "-wal", "-shm", "-journal")}
)
"""What lirich keeps in a workspace's folder; all else there is the user's."""

MAX_BYTES = 1_000_000  # a settings file of a megabyte is no settings file

_POSTGRES_SCHEMES = ("postgresql", "postgres", "postgresql+psycopg")
_SECRET_QUERY = frozenset({"password", "sslpassword", "passfile"})
_HIDDEN = "***"


class WorkspaceSettings(Frozen):
    """The settings of one workspace.

    ``database_url`` is ``None`` for SQLite in the workspace folder, or the URL of a PostgreSQL database that
    a team shares (``postgresql://user@host/database``). It may hold a password and is therefore never shown;
    leave the password out and libpq takes it from ``PGPASSWORD`` or ``~/.pgpass``. ``cycling`` holds the
    user's own thresholds of the cycling analysis, which the analysis itself checks.
    """

    name: str = Field(min_length=1, max_length=120)
    id: str = Field(pattern=r"^[0-9a-f]{32}$")
    format: int = Field(default=FORMAT, ge=1)
    database_url: SecretStr | None = None
    cycling: dict[str, Scalar | tuple[Scalar, ...]] = Field(default_factory=dict)

    @field_validator("name")
    @classmethod
    def _printable(cls, name: str) -> str:
        if not name.isprintable() or not name.strip():
            raise ValueError("a name is made of printable characters")
        return name

    @field_validator("database_url")
    @classmethod
    def _postgres(cls, url: SecretStr | None) -> SecretStr | None:
        if url is not None:
            parse_database_url(url.get_secret_value())
        return url

    @property
    def database(self) -> str:
        """Where the catalogue is, in words that may be shown: never with a password."""
        if self.database_url is None:
            return "catalogue.sqlite"
        return masked_url(self.database_url.get_secret_value())


def new_settings(name: str, database_url: str | None) -> WorkspaceSettings:
    """Return the settings of a new workspace. Raises `SettingsError`."""
    return checked_settings({"name": name, "id": uuid.uuid4().hex, "database_url": database_url}, "the new workspace")


def read_settings(root: Path) -> WorkspaceSettings:
    """Read ``lirich.toml`` of the workspace at *root*.

    Raises `WorkspaceNotFoundError` where there is none and `SettingsError` where it cannot be used.
    """
    path = root / FILE_NAME
    try:
        if path.stat().st_size > MAX_BYTES:
            raise SettingsError(
                f"{path} is larger than {MAX_BYTES} bytes", expected="a settings file", advice="Restore it"
            )
        data = tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except (FileNotFoundError, NotADirectoryError):
        raise WorkspaceNotFoundError(
            f"{root} is no workspace: it has no {FILE_NAME}",
            advice="Make one with: lirich init FOLDER",
        ) from None
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}", advice="Check the file") from error
    except (ValueError, RecursionError) as error:
        # ValueError: not TOML, not UTF-8, or numbers beyond Python's limits; the text may hold a password,
        # so only the place is told
        raise SettingsError(
            f"{path} is no readable TOML ({_place(error)})",
            expected="UTF-8 TOML",
            advice="Correct or restore it",
        ) from None
    table = data.pop("workspace", None)
    if not isinstance(table, dict):
        raise SettingsError(f"{path} has no table [workspace]", advice="Restore it from a backup")
    if "cycling" in table:
        raise SettingsError(f"{path}: 'cycling' is a table of its own", expected="[cycling]")
    return checked_settings({**table, **data}, str(path))


def workspace_of(path: Path) -> Path | None:
    """Return the workspace that keeps *path* (whole, without links) for itself; ``None`` where none does."""
    for place in (path, *path.parents):
        if place.name in OWN_NAMES and (place.parent / FILE_NAME).is_file():
            return place.parent
    return None


def write_new_settings(root: Path, settings: WorkspaceSettings) -> None:
    """Write ``lirich.toml`` so that of several processes exactly one succeeds, whole and durable.

    Raises `WorkspaceExistsError` where there is one already.
    """
    target = root / FILE_NAME
    temporary = root / f".{FILE_NAME}.{uuid.uuid4().hex}.part"
    try:
        write_synced(temporary, _to_toml(settings).encode(), mode=_rights(settings))
        publish(temporary, target)
    except FileExistsError:
        raise WorkspaceExistsError(
            f"{root} is a workspace already", advice="Open it, or choose another folder"
        ) from None
    finally:
        with contextlib.suppress(FileNotFoundError):
            temporary.unlink()
    sync_folder(root)


def replace_settings(root: Path, settings: WorkspaceSettings) -> None:
    """Replace ``lirich.toml`` atomically."""
    temporary = root / f".{FILE_NAME}.{uuid.uuid4().hex}.part"
    write_synced(temporary, _to_toml(settings).encode(), mode=_rights(settings))
    if os.name != "nt":
        # what its owner has taken away from others, or given to a group, stays so
        temporary.chmod(stat.S_IMODE((root / FILE_NAME).stat().st_mode))
    os.replace(temporary, root / FILE_NAME)
    sync_folder(root)


def _rights(settings: WorkspaceSettings) -> int:
    """Return the rights of ``lirich.toml``: nobody else reads it where its URL holds a secret."""
    return 0o666 if settings.database_url is None or not _secrets(settings.database_url.get_secret_value()) else 0o600


def parse_database_url(url: str) -> str:
    """Return *url* as SQLAlchemy wants it for psycopg.

    Raises ``ValueError`` (which pydantic turns into the field's error) without repeating the URL, which may
    hold a password.
    """
    try:
        parts = urlsplit(url)
        port = parts.port  # raises ValueError where it is no number
    except ValueError:
        raise ValueError("the URL cannot be read; it looks like postgresql://user@host:5432/database") from None
    if parts.scheme not in _POSTGRES_SCHEMES or not parts.path.strip("/") or port == 0 or "\x00" in url:
        raise ValueError("a PostgreSQL URL is expected, such as postgresql://user@host:5432/database")
    return urlunsplit(parts._replace(scheme="postgresql+psycopg"))


def masked_url(url: str) -> str:
    """Return *url* without anything secret, to be shown."""
    try:
        parts = urlsplit(url)
        user = "" if parts.username is None else f"{parts.username}@"
        host = parts.hostname or ""
        where = f"[{host}]" if ":" in host else host
        port = "" if parts.port is None else f":{parts.port}"
    except ValueError:
        return "postgresql://…"
    query = urlencode([(k, v) for k, v in parse_qsl(parts.query) if k not in _SECRET_QUERY])
    return urlunsplit(("postgresql", f"{user}{where}{port}", parts.path, query, ""))


def without_secrets(text: str, url: str | None) -> str:
    """Return *text* with every spelling of the password of *url* hidden."""
    if url is None:
        return text
    try:
        secrets = _secrets(url)
    except ValueError:
        return text.replace(url, "postgresql://…")
    text = text.replace(url, masked_url(url))
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, _HIDDEN)
    return text


def _secrets(url: str) -> set[str]:
    """Return what is secret in *url*, in every spelling."""
    parts = urlsplit(url)
    secrets = {v for k, v in parse_qsl(parts.query) if k in _SECRET_QUERY}
    if parts.password:
        secrets |= {parts.password, unquote(parts.password)}
    secrets |= {quote(s, safe="") for s in secrets}
    return secrets - {""}


def checked_settings(data: dict[str, object], where: str) -> WorkspaceSettings:
    """Return the settings in *data*, which came from *where*. Raises `SettingsError` without secrets."""
    unknown = [key for key in data if key not in WorkspaceSettings.model_fields]
    if unknown:
        hint = UnknownNameError.of("setting", unknown[0], WorkspaceSettings.model_fields).advice
        raise SettingsError(f"{where}: unknown setting {unknown[0]!r}", advice=hint)
    written = data.get("format", FORMAT)
    if isinstance(written, int) and written > FORMAT:
        raise SettingsError(
            f"{where} has format {written}", expected=f"format {FORMAT} or older", advice="Update lirich"
        )
    try:
        return WorkspaceSettings.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        field = ".".join(str(part) for part in first["loc"]) or "settings"
        # `from None`: pydantic's own text repeats the input, and that may hold a password
        raise SettingsError(f"{where}: {field}: {first['msg']}", advice="Correct it and try again") from None


def _to_toml(settings: WorkspaceSettings) -> str:
    import tomli_w

    workspace: dict[str, object] = {"format": settings.format, "id": settings.id, "name": settings.name}
    if settings.database_url is not None:
        workspace["database_url"] = settings.database_url.get_secret_value()
    data: dict[str, object] = {"workspace": workspace}
    if settings.cycling:
        data["cycling"] = {k: list(v) if isinstance(v, tuple) else v for k, v in settings.cycling.items()}
    return "# A lirich workspace. Settings: see the reference, 'workspace settings'.\n" + tomli_w.dumps(data)


def _place(error: BaseException) -> str:
    line = getattr(error, "lineno", None)
    if line is not None:
        return f"line {line}"
    if isinstance(error, UnicodeDecodeError):
        return f"byte {error.start} is not UTF-8"
    if isinstance(error, RecursionError):
        return "nested too deep"
    text = str(error)
    at = text.rfind("(at ")
    return text[at + 1 : -1] if at >= 0 else "a value is out of bounds"

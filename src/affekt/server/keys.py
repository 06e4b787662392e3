"""Keys: made once, stored as digests, with scopes and an end."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

from affekt.errors import KeyFileError, UnknownNameError
from affekt.support.plain_values import build, parse_json
from affekt.support.writing import whole_file

PREFIX = "affekt_"
SCOPES = ("predict", "stream", "metrics")
_BITS = 256
_MAX_NAME = 64


@dataclass(frozen=True, kw_only=True)
class Key:
    """What is stored of a key.

    Attributes
    ----------
    name
        Whose it is.
    sha256
        Digest of the key.
    scopes
        What it is for, of ``SCOPES``.
    created, expires
        ISO 8601, in UTC; ``expires`` is empty for a key without an end.
    """

    name: str
    sha256: str
    scopes: tuple[str, ...]
    created: str
    expires: str = ""

    def expired(self, now: datetime) -> bool:
        """Whether its time is over."""
        return bool(self.expires) and datetime.fromisoformat(self.expires) <= now


def create_key(path: Path, name: str, scopes: Collection[str] = SCOPES, days: float | None = None) -> str:
    """Make a key, store its digest, and return it: it cannot be had again.

    Parameters
    ----------
    path
        The file of the keys; it is made if need be, readable by its owner alone.
    name
        Whose key it is; no other has this name.
    scopes
        What it is for, of ``SCOPES``.
    days
        How long it is valid; None for no end.

    Raises
    ------
    KeyFileError
        The file cannot be read or written, or has a key of this name.
    UnknownNameError
        There is no such scope.
    """
    for scope in scopes:
        if scope not in SCOPES:
            raise UnknownNameError("scope", scope, SCOPES)
    if not (0 < len(name) <= _MAX_NAME and name.isprintable()):
        raise KeyFileError(f"the name of a key has 1 to {_MAX_NAME} printable characters")
    now = datetime.now(UTC).replace(microsecond=0)
    secret = PREFIX + secrets.token_urlsafe(_BITS // 8)
    key = Key(
        name=name,
        sha256=digest(secret),
        scopes=tuple(scope for scope in SCOPES if scope in scopes),
        created=now.isoformat(),
        expires="" if days is None else (now + timedelta(days=days)).isoformat(),
    )
    with _changed_alone(path):
        keys = read_keys(path)
        if any(one.name == name for one in keys):
            raise KeyFileError(f"there is a key of {name!r} in {path}: revoke it, or choose another name")
        write_keys(path, [*keys, key])
    return secret


def revoke_key(path: Path, name: str) -> None:
    """Remove a key; a server that runs refuses it from its next request on.

    Raises
    ------
    KeyFileError, UnknownNameError
        The file cannot be read or written, or has no key of this name.
    """
    names = [key.name for key in read_keys(path)]
    if name not in names:
        raise UnknownNameError("key", name, names or ["none yet"])
    with _changed_alone(path):
        write_keys(path, [key for key in read_keys(path) if key.name != name])


@contextmanager
def _changed_alone(path: Path) -> Iterator[None]:
    """Let no other process change the keys meanwhile: else it could write back one that was revoked.

    The lock is on a file beside the keys, which are replaced. Windows has none.
    """
    if fcntl is None:
        yield
        return
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        place = path.with_name(f"{path.name}.lock")
        number = os.open(place, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise KeyFileError(f"the keys in {path} cannot be written: {error.strerror}") from error
    try:
        with suppress(OSError):  # a file system without locks
            fcntl.flock(number, fcntl.LOCK_EX)
        yield
    finally:
        os.close(number)


def keys_path(file: Path | None = None) -> Path:
    """Return where keys are stored: in the user's folder for settings, unless a file is given."""
    folder = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return file or Path(folder, "affekt", "keys.json")


def digest(secret: str) -> str:
    """Return the SHA-256 of a key. One of 256 random bits needs no slow function."""
    return hashlib.sha256(secret.encode()).hexdigest()


def read_keys(path: Path) -> list[Key]:
    """Read the keys of a file; none if there is no file.

    Raises
    ------
    KeyFileError
        It cannot be read, or is damaged.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise KeyFileError(f"the keys in {path} cannot be read: {error.strerror}") from error
    try:
        keys: tuple[Key, ...] = build(tuple[Key, ...], parse_json(content), name="it")
        for key in keys:
            key.expired(datetime.now(UTC))  # the date can be read
    except (ValueError, TypeError) as error:
        raise KeyFileError(f"{path} is no file of keys: {error}") from error
    return list(keys)


def write_keys(path: Path, keys: Sequence[Key]) -> None:
    """Write all keys; other users cannot read them."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        before = os.umask(0o077)
        try:
            with whole_file(path) as file:
                json.dump([asdict(key) for key in keys], file, indent=1)
        finally:
            os.umask(before)
    except OSError as error:
        raise KeyFileError(f"the keys in {path} cannot be written: {error.strerror}") from error


class KeyRing:
    """The keys of a file, read again when it has changed, so that a revoked key is refused at once."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._state: tuple[int, int, int] | None = None
        self._keys: dict[str, Key] = {}

    def find(self, secret: str) -> Key | None:
        """Return a key that is valid now.

        Raises
        ------
        KeyFileError
            The file is damaged: no key is valid then.
        """
        self._refresh()
        key = self._keys.get(digest(secret))
        return key if key and not key.expired(datetime.now(UTC)) else None

    def __len__(self) -> int:
        self._refresh()
        now = datetime.now(UTC)
        return sum(not key.expired(now) for key in self._keys.values())

    def _refresh(self) -> None:
        try:
            status = self._path.stat()
            state = (status.st_mtime_ns, status.st_size, status.st_ino)
        except OSError:
            state = None
        if state is None or state != self._state:
            self._keys, self._state = {}, None
            self._keys = {key.sha256: key for key in read_keys(self._path)}
            self._state = state

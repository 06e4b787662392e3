"""Keys are stored as digests, end, are revoked at once, and are for what their scopes say."""

from __future__ import annotations

import json
import stat
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from affekt.errors import KeyFileError, UnknownNameError
from affekt.server import keys
from affekt.server.keys import Key, KeyRing, create_key, read_keys, revoke_key


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "keys.json"


def test_a_key_has_256_random_bits_and_only_its_digest_is_stored(place: Path) -> None:
    made = {create_key(place, f"name {i}") for i in range(5)}
    assert len(made) == 5
    assert all(len(key) == len("affekt_") + 43 for key in made)
    content = place.read_text()
    assert not any(key[7:] in content for key in made)
    assert stat.S_IMODE(place.stat().st_mode) == 0o600


def test_a_key_is_found_until_it_is_revoked_or_its_time_is_over(place: Path) -> None:
    ring = KeyRing(place)
    assert (ring.find("affekt_x"), len(ring)) == (None, 0)
    secret = create_key(place, "me", ["predict"], days=1)
    other = create_key(place, "you")
    assert ring.find(secret) == read_keys(place)[0]
    assert ring.find(secret + "x") is None
    revoke_key(place, "me")
    assert ring.find(secret) is None
    assert ring.find(other)
    values = json.loads(place.read_text())
    values[0]["expires"] = (datetime.now(UTC) - timedelta(seconds=1)).isoformat()
    place.write_text(json.dumps(values))
    assert (ring.find(other), len(ring)) == (None, 0)


def test_a_damaged_file_of_keys_lets_nobody_in(place: Path) -> None:
    secret = create_key(place, "me")
    ring = KeyRing(place)
    assert ring.find(secret)
    for content in (
        "[",
        "{}",
        '[{"name": "me"}]',
        place.read_text().replace('"expires": ""', '"expires": "x"'),
    ):
        place.write_text(content)
        for _ in range(2):
            with pytest.raises(KeyFileError):
                ring.find(secret)
    place.unlink()
    assert ring.find(secret) is None


def test_names_are_unique_and_scopes_are_known(place: Path) -> None:
    create_key(place, "me")
    with pytest.raises(KeyFileError, match="revoke it"):
        create_key(place, "me")
    with pytest.raises(UnknownNameError, match="Did you mean 'predict'"):
        create_key(place, "you", ["predicts"])
    with pytest.raises(UnknownNameError, match="you"):
        revoke_key(place, "you")


@pytest.mark.posix
def test_a_key_that_is_revoked_beside_another_change_stays_revoked(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    create_key(place, "old")
    revoking = threading.Thread(target=revoke_key, args=(place, "old"))

    def read(path: Path) -> list[Key]:
        found = read_keys(path)
        if not revoking.ident:  # between reading and writing, another process revokes a key
            revoking.start()
            revoking.join(0.5)  # it cannot end before this change does
        return found

    monkeypatch.setattr(keys, "read_keys", read)
    create_key(place, "new")
    revoking.join()
    assert [key.name for key in read_keys(place)] == ["new"]
    assert {stat.S_IMODE(one.stat().st_mode) for one in place.parent.iterdir()} == {0o600}


@pytest.fixture(scope="module")
def guarded(serve: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A server that needs keys, and some of them."""
    place = tmp_path_factory.mktemp("keys") / "keys.json"
    secrets = {scope: create_key(place, scope, [scope]) for scope in ("predict", "stream", "metrics")}
    with serve("--auth", keys_file=str(place), requests_per_minute=20) as served:
        yield served, place, secrets


def test_a_route_needs_a_key_of_its_scope(guarded: Any, clip: bytes) -> None:
    served, _, secrets = guarded
    status = {}
    with served.client() as client:
        for name, key in {"none": "", "wrong": "affekt_x", **secrets}.items():
            headers = {"Authorization": f"Bearer {key}"} if key else {}
            files = {"file": ("a.flac", clip)}
            status[name] = [
                client.post("/v1/predictions", files=files, headers=headers).status_code,
                client.get("/v1/models", headers=headers).status_code,
                client.get("/v2/models/default", headers=headers).status_code,
                client.get("/metrics", headers=headers).status_code,
                client.get("/healthz", headers=headers).status_code,
            ]
        assert client.get("/v1/models").headers["WWW-Authenticate"] == "Bearer"
    assert status == {
        "none": [401, 401, 401, 401, 200],
        "wrong": [401, 401, 401, 401, 200],
        "predict": [200, 200, 200, 403, 200],
        "stream": [403, 403, 403, 403, 200],
        "metrics": [403, 403, 403, 200, 200],
    }


def test_a_server_that_runs_refuses_a_key_that_was_revoked(guarded: Any) -> None:
    served, place, _ = guarded
    secret = create_key(place, "for a while")
    with served.client(headers={"Authorization": f"Bearer {secret}"}) as client:
        assert client.get("/v1/models").status_code == 200
        revoke_key(place, "for a while")
        assert client.get("/v1/models").status_code == 401


def test_each_key_has_its_requests_a_minute_and_tries_without_one_count_too(guarded: Any) -> None:
    served, place, _ = guarded
    first, second = (create_key(place, f"busy {i}") for i in range(2))
    with served.client() as client:

        def ask(key: str) -> httpx.Response:
            found: httpx.Response = client.get("/v1/models", headers={"Authorization": f"Bearer {key}"})
            return found

        answers = [ask(first) for _ in range(42)]  # two windows of a minute, if one ends now
        assert {one.status_code for one in answers} == {200, 429}
        refused = next(one for one in answers if one.status_code == 429)
        assert 1 <= int(refused.headers["Retry-After"]) <= 60
        assert refused.headers["RateLimit-Policy"] == '"minute";q=20;w=60'
        assert refused.headers["RateLimit"].startswith('"minute";r=0;t=')
        assert ask(second).status_code == 200
        assert {ask(f"affekt_{i}").status_code for i in range(42)} == {401, 429}
    assert first not in served.log.read_text()
    assert '"key": "busy 0"' in served.log.read_text()

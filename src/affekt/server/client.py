"""A client of the server, for Python programs on other machines."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import PurePath
from typing import Any, BinaryIO

import httpx

from affekt.audio.sources import opened
from affekt.errors import AffektError, AudioError, AudioFormatError, ServerError, SettingsError
from affekt.inference.adaptation import Voice, VoiceLike, load_voice, parse_voice
from affekt.inference.prediction import Prediction, Probabilities
from affekt.notes import Note, NoteKind

Recording = str | os.PathLike[str] | bytes | BinaryIO
"""A recording: a path, the bytes of a file, or an open binary file."""

TRIES = 5  # of a request that a busy server refuses
LONGEST_WAIT_S = 60.0
POLL_S = 0.5
FORGET_S = 5.0  # for the server to delete a job
_BUSY = (429, 503)


class Client:
    """Asks a server that ``affekt serve`` runs.

    A request that the server is too busy for is sent again, after the time that it names.

    Parameters
    ----------
    url
        The address of the server.
    key
        A key that ``affekt keys create`` made; None where the server needs none.
    timeout_s
        How long to wait for an answer.
    transport
        How requests are sent; None for the network.

    Raises
    ------
    SettingsError
        The address is none.

    Examples
    --------
    >>> with Client("http://127.0.0.1:8400") as client:  # doctest: +SKIP
    ...     print(client.predict("clip.wav").emotion)
    happy
    """

    def __init__(
        self,
        url: str = "http://127.0.0.1:8400",
        key: str | None = None,
        *,
        timeout_s: float = 60.0,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        try:
            self._http = httpx.Client(
                base_url=url, headers=headers, timeout=timeout_s, transport=transport, trust_env=False
            )
            if self._http.base_url.scheme not in ("http", "https") or not self._http.base_url.host:
                raise ValueError("one is http://HOST:PORT or https://HOST:PORT")
        except (ValueError, httpx.InvalidURL) as error:
            raise SettingsError(f"{url!r} is no address of a server: {error}") from error

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections."""
        self._http.close()

    def predict(
        self,
        source: Recording,
        *,
        voice: VoiceLike = None,
        emotions: Collection[str] | None = None,
        audio_channel: str = "mix",
    ) -> Prediction:
        """Predict a recording: a path, the bytes of a file, or an open binary file.

        Raises
        ------
        ServerError
            The server refused it, failed or cannot be reached.
        AudioReadError
            The file cannot be read.
        """
        query = _query(emotions, audio_channel)
        return _prediction(self._post("/v1/predictions", [source], voice, query).json())

    def predict_many(
        self,
        sources: Iterable[Recording],
        *,
        voice: VoiceLike = None,
        emotions: Collection[str] | None = None,
        audio_channel: str = "mix",
    ) -> Iterator[tuple[str, Prediction | AffektError]]:
        """Predict recordings one after the other: yield the name of each, and its prediction or error."""
        for source in sources:
            try:
                yield (
                    _name(source),
                    self.predict(source, voice=voice, emotions=emotions, audio_channel=audio_channel),
                )
            except (AudioError, ServerError) as error:
                yield _name(source), error

    def adapt(self, sources: Iterable[Recording]) -> Voice:
        """Make a voice of recordings of one speaker; as ``affekt.adapt``.

        Raises
        ------
        ServerError
            As for ``predict``.
        """
        found = self._post("/v1/voices", list(sources), None, {}).json()
        return parse_voice(json.dumps(found["voice"]).encode(), "the voice of the server")

    def timeline(
        self,
        source: Recording,
        media_type: str = "application/json",
        *,
        voice: VoiceLike = None,
        emotions: Collection[str] | None = None,
        audio_channel: str = "mix",
        adapt: bool = False,
    ) -> bytes:
        """Return the timeline of a recording, in a format of ``affekt timeline``, by its media type.

        Of a long recording, the server is asked until it is finished.

        Raises
        ------
        ServerError
            As for ``predict``.
        """
        query = _query(emotions, audio_channel) | ({"adapt": "true"} if adapt else {})
        accept = {"Accept": media_type}
        answer = self._post("/v1/timelines", [source], voice, query, accept)
        if answer.status_code == httpx.codes.ACCEPTED:
            place = answer.headers["Location"]
            try:
                while self._send("GET", place).json()["status"] in ("queued", "running"):
                    time.sleep(POLL_S)
                answer = self._send("GET", f"{place}/result", headers=accept)
            finally:
                with suppress(httpx.HTTPError):  # if it cannot be deleted now, the server does it later
                    self._http.delete(place, timeout=FORGET_S)
        return answer.content

    def explain(
        self,
        source: Recording,
        emotion: str | None = None,
        media_type: str = "application/json",
        *,
        voice: VoiceLike = None,
        emotions: Collection[str] | None = None,
        audio_channel: str = "mix",
        masks: int | None = None,
    ) -> bytes:
        """Return the explanation of a prediction; as ``text/html``, a page with its sounds.

        Raises
        ------
        ServerError
            As for ``predict``.
        """
        query = _query(emotions, audio_channel) | ({"emotion": emotion} if emotion else {})
        query |= {"masks": str(masks)} if masks else {}
        return self._post("/v1/explanations", [source], voice, query, {"Accept": media_type}).content

    def models(self) -> list[dict[str, Any]]:
        """Return the models of the server, with their scores."""
        found: list[dict[str, Any]] = self._send("GET", "/v1/models").json()["models"]
        return found

    def _post(
        self,
        path: str,
        sources: list[Recording],
        voice: VoiceLike,
        query: Mapping[str, str],
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        parts = [("file", (_name(source), _content(source))) for source in sources]
        if voice is not None:
            found = voice if isinstance(voice, Voice) else load_voice(voice)
            parts.append(("voice", ("voice", json.dumps(found.to_dict()).encode())))
        return self._send("POST", path, files=parts, params=query, headers=headers)

    def _send(self, method: str, path: str, **request: Any) -> httpx.Response:
        for tries_left in reversed(range(TRIES)):
            try:
                answer = self._http.request(method, path, **request)
            except (httpx.HTTPError, httpx.StreamError) as error:
                raise ServerError(f"{self._http.base_url} does not answer: {error}") from error
            if answer.is_success:
                return answer
            wait_s = _wait_s(answer)
            if wait_s is None or not tries_left:
                break
            time.sleep(wait_s)
        raise _error(answer)


def _wait_s(answer: httpx.Response) -> float | None:
    """Return how long a busy server asks to wait; None if it does not."""
    after = answer.headers.get("Retry-After", "")
    if answer.status_code not in _BUSY or not after.isdecimal():
        return None
    return min(float(after), LONGEST_WAIT_S)


def _error(answer: httpx.Response) -> ServerError:
    try:
        problem = answer.json()
        said = f"{problem['title']}: {problem['detail']}" if "detail" in problem else problem["title"]
    except (ValueError, KeyError, TypeError):  # a proxy answers in its own way
        problem, said = {}, answer.reason_phrase
    return ServerError(f"{said} (status {answer.status_code})", answer.status_code, problem)


def _query(emotions: Collection[str] | None, audio_channel: str) -> dict[str, str]:
    if isinstance(emotions, str):
        raise TypeError(f"emotions are a list of names, such as ['happy', 'sad'], not {emotions!r}")
    words = {} if emotions is None else {"emotions": ",".join(emotions)}
    return {"audio-channel": audio_channel, **words}


def _name(source: Recording) -> str:
    if isinstance(source, bytes):
        return "bytes"
    path = source if isinstance(source, str | os.PathLike) else getattr(source, "name", "file")
    return PurePath(str(path)).name or "file"


def _content(source: Recording) -> bytes:
    if isinstance(source, bytes):
        return source
    if isinstance(source, str | os.PathLike):
        with opened(source) as file:
            return file.read()
    if not hasattr(source, "read"):
        raise AudioFormatError(
            f"a client sends files: give a path, bytes or an open file, not {type(source).__name__}"
        )
    return source.read()


def _prediction(found: Mapping[str, Any]) -> Prediction:
    return Prediction(
        emotion=found["emotion"],
        confidence=found["confidence"],
        probabilities=Probabilities(found["probabilities"]),
        prediction_set=tuple(found["prediction_set"]),
        duration_s=found["duration_s"],
        notes=tuple(Note(NoteKind(note["kind"]), note["text"]) for note in found["notes"]),
    )

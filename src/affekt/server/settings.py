"""The settings of a server, from its options and a TOML file."""

from __future__ import annotations

import ipaddress
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from affekt.errors import SettingsError
from affekt.support.plain_values import build_fields

MEGABYTE = 1_000_000


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How a server runs. Durations are in seconds.

    Attributes
    ----------
    host, port
        The address to listen on; empty or ``::`` for all addresses, of IPv4 and IPv6.
    model
        A model file; None for the bundled model.
    workers
        Number of processes that compute; 0 for one for each core.
    auth
        Whether requests need a key; None: where ``keys_file`` is named, and on every address but those of
        this machine.
    keys_file
        Where keys are stored; empty for ``keys.json`` in the user's folder for settings.
    hosts
        Further names that a server without keys answers to, beside ``localhost`` and ``host``; where other
        machines can connect, beside any IP address too.
    trusted_proxies
        Addresses of proxies whose ``X-Forwarded-For`` is believed.
    notice
        A text that each answer carries.
    log_names
        Whether the names of uploaded files are written to the log.
    traces
        Where traces of OpenTelemetry are sent, as ``http://127.0.0.1:4318/v1/traces``; empty for none.
    max_bytes, max_timeline_bytes
        Largest body of a request; of one for a timeline.
    max_held_bytes
        Largest sum of all bodies in memory.
    max_seconds
        Longest recording, but for timelines.
    max_files
        Most files in a request.
    queue
        How many requests may wait for a worker; more are refused.
    requests_per_minute
        For each key, or address without a key; 0 for no limit.
    header_s, upload_s, work_s, explain_s
        Time for the head of a request, for its body, for its answer, and for an explanation.
    drain_s
        How long requests are finished after the server was told to stop.
    max_connections
        Open connections; more are closed at once.
    max_streams, max_message_bytes, max_stream_s, stream_idle_s
        Streams at a time, the largest message, the longest stream, and the longest silence on one.
    synchronous_s
        A timeline of a longer recording is a job.
    max_jobs, job_s, job_kept_s
        Jobs that wait, run or are kept; time for one, and how long its result is kept.
    """

    host: str = "127.0.0.1"
    port: int = 8400
    model: str | None = None
    workers: int = 0
    auth: bool | None = None
    keys_file: str = ""
    hosts: tuple[str, ...] = ()
    trusted_proxies: tuple[str, ...] = ()
    notice: str = ""
    log_names: bool = False
    traces: str = ""
    max_bytes: int = 25 * MEGABYTE
    max_timeline_bytes: int = 200 * MEGABYTE
    max_held_bytes: int = 500 * MEGABYTE
    max_seconds: float = 600.0
    max_files: int = 64
    queue: int = 16
    requests_per_minute: int = 600
    header_s: float = 10.0
    upload_s: float = 60.0
    work_s: float = 30.0
    explain_s: float = 120.0
    drain_s: float = 30.0
    max_connections: int = 900  # 1024 open files are usual
    max_streams: int = 32
    max_message_bytes: int = 256_000
    max_stream_s: float = 3600.0
    stream_idle_s: float = 30.0
    synchronous_s: float = 60.0
    max_jobs: int = 8
    job_s: float = 1800.0
    job_kept_s: float = 3600.0

    def __post_init__(self) -> None:
        may_be_zero = {"workers", "queue", "requests_per_minute", "port", "drain_s"}
        for name, value in vars(self).items():
            if isinstance(value, bool) or not isinstance(value, int | float):
                continue
            if value < 0 or (value == 0 and name not in may_be_zero):
                raise SettingsError(f"{name} is {value}: give a positive number")
        if self.port > 65_535:
            raise SettingsError(f"port is {self.port}: give one of 1 to 65535, or 0 for any free one")
        if self.traces and not self.traces.startswith(("http://", "https://")):
            raise SettingsError(
                f"traces is {self.traces!r}: give an address as 'http://127.0.0.1:4318/v1/traces'"
            )

    @property
    def on_loopback(self) -> bool:
        """Whether only this machine can connect."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:  # the name of a machine, or empty, which is every address
            return False

    @property
    def needs_keys(self) -> bool:
        """Whether requests need a key."""
        return bool(self.keys_file) or not self.on_loopback if self.auth is None else self.auth


def read_settings(file: Path | None, options: Mapping[str, Any]) -> Settings:
    """Return the settings of a TOML file, and those of the command line, which count more.

    Parameters
    ----------
    file
        The TOML file, whose names are those of ``Settings``; None for none.
    options
        Those that were given; None stands for one that was not.

    Raises
    ------
    SettingsError
        The file cannot be read, or a setting is unknown or of the wrong type.
    """
    given: dict[str, Any] = {}
    if file is not None:
        try:
            given = tomllib.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise SettingsError(f"the settings in {file} cannot be read: {error}") from error
    given |= {name: value for name, value in options.items() if value is not None}
    try:
        settings: Settings = build_fields(Settings, given)
    except SettingsError:
        raise
    except ValueError as error:
        known = ", ".join(Settings.__dataclass_fields__)
        raise SettingsError(f"a setting cannot be used: {error}. There are: {known}") from error
    return settings

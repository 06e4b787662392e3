"""The exceptions of affekt.

::

    AffektError
    ├── AudioError                  one source cannot be used; a batch continues without it
    │   ├── AudioReadError          (OSError)            cannot be opened: a folder, no permission
    │   │   └── AudioNotFoundError  (FileNotFoundError)  no such file
    │   ├── AudioFormatError        (ValueError)         not audio, or of an unknown format
    │   └── AudioContentError       (ValueError)         empty, too short or long, silent, NaN, cut off
    ├── CorpusError                 (ValueError)         a folder or manifest is not a corpus
    ├── BatchError                  (ValueError)         a batch has no plan, another plan, or no files
    ├── StoreError                  (OSError)            a bucket or folder cannot be reached or refuses
    ├── DownloadError               (OSError)            a corpus or encoder was not downloaded completely
    ├── LeakError                   (ValueError)         a score would include training data
    ├── BundleError                 (ValueError)         a model file is damaged or inconsistent
    ├── EncoderError                (ValueError)         a pretrained encoder is missing, damaged or another
    ├── VoiceError                  (ValueError)         a voice file cannot be used with this model
    ├── DiarisationError            (ValueError)         speakers' turns cannot be read, or fit no file
    ├── ExportError                 (ValueError)         an exported graph differs from its estimator
    ├── UnknownNameError            (ValueError)         no recipe, protocol, corpus, ... of that name
    ├── WorkerError                 (RuntimeError)       a process that computes was ended from outside
    ├── SettingsError               (ValueError)         a setting of the server cannot be used
    ├── KeyFileError                (ValueError)         the server's keys cannot be read or written
    ├── ServerError                 (RuntimeError)       a server refused a request of Client, or failed
    └── MissingExtraError           (ImportError)        an optional dependency is not installed

Each exception also inherits from the builtin exception in brackets.
"""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Iterable, Mapping
from typing import Any


class AffektError(Exception):
    """Base class of all exceptions of affekt."""


class AudioError(AffektError):
    """An audio source cannot be used."""


class AudioReadError(AudioError, OSError):
    """The source cannot be opened."""


class AudioNotFoundError(AudioReadError, FileNotFoundError):
    """There is no such file."""


class AudioFormatError(AudioError, ValueError):
    """The source is not audio, or of a format that cannot be read."""


class AudioContentError(AudioError, ValueError):
    """The source is audio, but empty, too short or too long, silent, not finite or cut off."""


class CorpusError(AffektError, ValueError):
    """A path is not a corpus that can be read."""


class BatchError(AffektError, ValueError):
    """A plan of batch work is missing or another one, or its source has no files or changed files."""


class StoreError(AffektError, OSError):
    """A store cannot be reached, or refuses what is asked of it; the same may succeed later."""


class DownloadError(AffektError, OSError):
    """A corpus or an encoder could not be downloaded, verified or unpacked."""


class LeakError(AffektError, ValueError):
    """A split or an evaluation would score a model on its training data."""


class BundleError(AffektError, ValueError):
    """A model file is truncated, of another program, or inconsistent with its contract."""


class EncoderError(AffektError, ValueError):
    """A pretrained encoder is not on this machine or damaged, or a checkpoint is not that of an encoder."""


class VoiceError(AffektError, ValueError):
    """A voice file is missing, of another program, or made for another model."""


class DiarisationError(AffektError, ValueError):
    """A file of speakers' turns is missing, is not one, or has none of the recording."""


class ExportError(AffektError, ValueError):
    """An exported graph does not predict the same as its estimator."""


class WorkerError(AffektError, RuntimeError):
    """A process that computes features ended before it was finished, as when memory is short."""


class SettingsError(AffektError, ValueError):
    """A setting of the server is unknown, or has a value that cannot be used."""


class KeyFileError(AffektError, ValueError):
    """The file of the server's keys cannot be read or written, or is damaged."""


class ServerError(AffektError, RuntimeError):
    """A server refused a request, failed, or cannot be reached.

    Attributes
    ----------
    status : int
        The status of HTTP; 0 if there was no answer.
    problem : dict
        The problem details of the answer, as docs/server.md describes them; empty if there are none.
    """

    def __init__(self, message: str, status: int = 0, problem: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.status, self.problem = status, dict(problem or {})

    def __reduce__(self) -> tuple[type[ServerError], tuple[str, int, Mapping[str, Any]]]:
        """Return what another process needs to recreate the exception."""
        return type(self), (str(self), self.status, self.problem)


class MissingExtraError(AffektError, ImportError):
    """An optional dependency is not installed."""

    def __init__(self, purpose: str, extra: str) -> None:
        super().__init__(f"{purpose} needs an extra: pip install 'affekt[{extra}]'")
        self.given = (purpose, extra)

    def __reduce__(self) -> tuple[type[MissingExtraError], tuple[str, str]]:
        """Return what another process needs to recreate the exception."""
        return type(self), self.given


_EXTRA_OF = {
    **dict.fromkeys(
        ("scipy", "sklearn", "imblearn", "lightgbm", "xgboost", "skl2onnx", "onnxmltools", "onnx"), "train"
    ),
    **dict.fromkeys(("matplotlib", "jinja2", "threadpoolctl"), "train"),
    **dict.fromkeys(("streamlit", "starlette", "plotly"), "app"),
    **dict.fromkeys(("torch", "skorch"), "networks"),
    "pandas": "pandas",
    "pyarrow": "parquet",
    **dict.fromkeys(("obstore", "distributed"), "cluster"),
    "av": "formats",
    **dict.fromkeys(("fastapi", "h11", "limits", "prometheus_client", "pydantic"), "serve"),
    **dict.fromkeys(("python_multipart", "structlog", "uvicorn", "websockets"), "serve"),
    "opentelemetry": "traces",
    "httpx": "client",
    "sounddevice": "live",
}


def explain_import(error: ModuleNotFoundError, purpose: str) -> ImportError:
    """Return the error to raise for a failed import: which extra to install, or the error itself."""
    extra = _EXTRA_OF.get((error.name or "").split(".")[0])
    return MissingExtraError(purpose, extra) if extra else error


def require(purpose: str, *modules: str) -> None:
    """Import what is needed at the end of some work, so that what is not installed is known before it.

    Raises
    ------
    MissingExtraError
        One of the modules is not installed; the message says what to install.
    """
    for name in modules:
        try:
            importlib.import_module(name)
        except ModuleNotFoundError as error:
            raise explain_import(error, purpose) from error


class UnknownNameError(AffektError, ValueError):
    """There is nothing of that kind and name."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        known = list(known)
        closest = difflib.get_close_matches(str(name), known, n=1)
        guess = f" Did you mean {closest[0]!r}?" if closest else ""
        self.given = (kind, name, known)
        super().__init__(f"no {kind} is called {name!r}.{guess} There are: {', '.join(known)}")

    def __reduce__(self) -> tuple[type[UnknownNameError], tuple[str, str, list[str]]]:
        """Return what another process needs to recreate the exception."""
        return type(self), self.given

"""Every error that affekt raises on purpose, under one root.

::

    AffektError
    ├── AudioError                  one input could not be used; a batch goes on without it
    │   ├── AudioReadError          (OSError)            cannot be opened: a folder, no permission
    │   │   └── AudioNotFoundError  (FileNotFoundError)  no such file
    │   ├── AudioFormatError        (ValueError)         not audio, or an unknown kind of audio
    │   └── AudioContentError       (ValueError)         empty, too short or long, silent, NaN, cut off
    ├── CorpusError                 (ValueError)         a folder or manifest that is no corpus
    ├── DownloadError               (OSError)            a corpus could not be fetched whole
    ├── LeakError                   (ValueError)         a split or score that would not be honest
    ├── BundleError                 (ValueError)         a model file that must not be trusted
    ├── VoiceError                  (ValueError)         a voice file that this model cannot use
    ├── ExportError                 (ValueError)         the exported graph answers otherwise
    ├── UnknownNameError            (ValueError)         no recipe, protocol, corpus, ... of that name
    └── MissingExtraError           (ImportError)        an optional dependency is not installed

Each leaf also inherits the builtin that a caller would think of catching.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class AffektError(Exception):
    """Root of all errors that affekt raises on purpose."""


class AudioError(AffektError):
    """One audio input could not be used."""


class AudioReadError(AudioError, OSError):
    """The input cannot be opened."""


class AudioNotFoundError(AudioReadError, FileNotFoundError):
    """There is no such file."""


class AudioFormatError(AudioError, ValueError):
    """The input is not audio, or not a kind of audio that can be read."""


class AudioContentError(AudioError, ValueError):
    """The input is audio, but nothing can be heard or trusted in it."""


class CorpusError(AffektError, ValueError):
    """A path does not hold a corpus that can be read."""


class DownloadError(AffektError, OSError):
    """A corpus could not be fetched, verified or unpacked."""


class LeakError(AffektError, ValueError):
    """A split or an evaluation would score a model on what it was trained on."""


class BundleError(AffektError, ValueError):
    """A model file is truncated, foreign, or does not fit its own contract."""


class VoiceError(AffektError, ValueError):
    """A voice file is missing, foreign, or made for another model."""


class ExportError(AffektError, ValueError):
    """An exported graph does not answer as the estimator it was made from."""


class MissingExtraError(AffektError, ImportError):
    """An optional dependency is not installed."""

    def __init__(self, purpose: str, extra: str) -> None:
        super().__init__(f"{purpose} needs an extra: pip install 'affekt[{extra}]'")
        self.given = (purpose, extra)

    def __reduce__(self) -> tuple[type[MissingExtraError], tuple[str, str]]:
        """How to make it anew in another process."""
        return type(self), self.given


_EXTRA_OF = {
    **dict.fromkeys(
        ("scipy", "sklearn", "imblearn", "lightgbm", "xgboost", "skl2onnx", "onnxmltools", "onnx"), "train"
    ),
    **dict.fromkeys(("matplotlib", "jinja2"), "train"),
    **dict.fromkeys(("streamlit", "plotly"), "app"),
    **dict.fromkeys(("torch", "skorch"), "networks"),
}


def explain_import(error: ModuleNotFoundError, purpose: str) -> ImportError:
    """What to raise for a failed import: the extra to install, or the error itself."""
    extra = _EXTRA_OF.get((error.name or "").split(".")[0])
    return MissingExtraError(purpose, extra) if extra else error


class UnknownNameError(AffektError, ValueError):
    """No thing of that kind bears that name."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        known = list(known)
        near = difflib.get_close_matches(name, known, n=1)
        guess = f" Did you mean {near[0]!r}?" if near else ""
        self.given = (kind, name, known)
        super().__init__(f"no {kind} is called {name!r}.{guess} There are: {', '.join(known)}")

    def __reduce__(self) -> tuple[type[UnknownNameError], tuple[str, str, list[str]]]:
        """How to make it anew in another process."""
        return type(self), self.given

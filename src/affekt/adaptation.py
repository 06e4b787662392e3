"""A model that gets used to a voice: a few clips of one speaker, and nobody says what is felt in them."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from affekt.alignment import VoiceStatistics, align, describe_speaker
from affekt.audio import AudioSource, expand_folders, load_audio, source_name
from affekt.bundle import Bundle, load
from affekt.errors import AudioError, VoiceError
from affekt.features import extract
from affekt.progress import track
from affekt.writing import whole_file

VOICE_FORMAT = 1
MAX_VOICE_BYTES = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Voice:
    """What one speaker's features are like, for one model. It holds no sound, and none can be made of it.

    Attributes
    ----------
    model
        Checksum of the model that it was made for.
    clips, duration_s
        How many clips it is from, and how long they are together, in seconds.
    statistics
        Mean and deviation of each feature.
    skipped
        (source, reason) of each clip that could not be heard.
    """

    model: str
    clips: int
    duration_s: float
    statistics: VoiceStatistics
    skipped: tuple[tuple[str, str], ...] = ()

    def to_json(self) -> str:
        """What its file holds."""
        values = {key: value for key, value in asdict(self).items() if key != "skipped"}
        return json.dumps({"format": VOICE_FORMAT, **values})

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write it as a small JSON file, whole or not at all."""
        with whole_file(path) as file:
            file.write(self.to_json())


VoiceLike = str | os.PathLike[str] | Voice | None
"""A voice: a file, one that ``adapt`` made, or None for nobody in particular."""


def adapt(
    clips: AudioSource | Iterable[AudioSource],
    model: str | os.PathLike[str] | Bundle | None = None,
    *,
    progress: bool = False,
) -> Voice:
    """Get used to a voice.

    Parameters
    ----------
    clips
        Recordings of one speaker, as for ``predict_many``; a folder stands for every audio file below
        it. Best a dozen or more, in different moods; one that cannot be heard is skipped.
    model
        Which model is to get used to it; None for the one that comes with affekt.
    progress
        Show a bar on a terminal.

    Raises
    ------
    AudioError
        Not one clip can be heard.
    BundleError
        The model file cannot be trusted.

    Examples
    --------
    >>> voice = adapt([(np.sin(np.arange(22050) * pitch), 22050) for pitch in (0.05, 0.06)])
    >>> voice.clips, voice.duration_s
    (2, 2.0)
    """
    bundle = model if isinstance(model, Bundle) else load(model)
    heard, skipped, duration_s = [], [], 0.0
    error: AudioError | None = None
    sources = expand_folders(clips)
    for source in track(iter(sources), "listening", len(sources), shown=progress):
        try:
            waveform = load_audio(source, bundle.contract.sample_rate)
            heard.append(extract(waveform, bundle.contract.features))
            duration_s += waveform.duration_s
        except AudioError as found:
            error = error or found
            skipped.append((source_name(source), str(found)))
    if not heard:
        raise error or AudioError("there are no clips to learn a voice from")
    features = np.empty(len(heard), object)
    for i, one in enumerate(heard):
        features[i] = one if one.ndim == 2 else one[None]
    return Voice(
        model=bundle.contract.sha256,
        clips=len(heard),
        duration_s=duration_s,
        statistics=describe_speaker(features, bundle.contract.average_voice),
        skipped=tuple(skipped),
    )


def load_voice(path: str | os.PathLike[str]) -> Voice:
    """Read what ``Voice.save`` wrote.

    Raises
    ------
    VoiceError
        The file is missing, foreign or damaged.
    """
    try:
        if os.stat(path).st_size > MAX_VOICE_BYTES:  # noqa: PTH116
            raise VoiceError(f"{path} is larger than any voice")
        values = json.loads(Path(path).read_bytes())
        if values.pop("format") != VOICE_FORMAT:
            raise VoiceError(f"{path} was written by another version of affekt: make it again")
        statistics = VoiceStatistics(
            **{name: tuple(map(float, part)) for name, part in values.pop("statistics").items()}
        )
        voice = Voice(statistics=statistics, **values)
        if (
            not isinstance(voice.model, str)
            or not np.isfinite([*statistics.mean, *statistics.deviation]).all()
        ):
            raise ValueError
    except VoiceError:
        raise
    except OSError as error:
        raise VoiceError(f"the voice {str(path)!r} cannot be read: {error.strerror}") from error
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise VoiceError(f"{path} is no voice of affekt, or is damaged") from error
    return voice


def ready_voice(voice: VoiceLike, bundle: Bundle) -> Voice | None:
    """A voice that this model can use.

    Raises
    ------
    VoiceError
        It was made for another model.
    """
    if voice is None:
        return None
    found = voice if isinstance(voice, Voice) else load_voice(voice)
    if found.model != bundle.contract.sha256 or len(found.statistics.mean) != len(
        bundle.contract.average_voice.mean
    ):
        name = "this voice" if isinstance(voice, Voice) else str(voice)
        raise VoiceError(
            f"{name} was made for another model than {bundle.name}: make it again with affekt adapt"
        )
    return found


def hear_as(features: NDArray[np.float32], voice: Voice | None, bundle: Bundle) -> NDArray[np.float32]:
    """Features of a clip as the model knows them: of the average voice."""
    return features if voice is None else align(features, voice.statistics, bundle.contract.average_voice)

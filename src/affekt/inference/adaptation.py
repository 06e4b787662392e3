"""Speaker adaptation: the statistics of a speaker, from a few unlabelled clips."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from affekt.audio.activity import voice_activity
from affekt.audio.archives import expand_sources
from affekt.audio.loading import AudioSource, load_audio, source_name
from affekt.audio.windows import cut_windows
from affekt.errors import AffektError, AudioError, VoiceError
from affekt.features.feature_sets import extract, stack_features
from affekt.features.recording import measure_voice, voice_notes
from affekt.model.bundle import Bundle, ModelLike, load
from affekt.model.speaker_normalisation import (
    SpeakerStatistics,
    speaker_statistics,
)
from affekt.notes import NoteKind
from affekt.support.markup import html_table
from affekt.support.plain_values import build_fields, parse_json
from affekt.support.progress import track
from affekt.support.writing import whole_file

VOICE_FORMAT = 2
MAX_VOICE_BYTES = 1 << 20


@dataclass(frozen=True, kw_only=True, repr=False)
class Voice:
    """An enrolled speaker: statistics of the features of their clips, for one model. It holds no audio.

    Attributes
    ----------
    model
        Checksum of the model that it was made for.
    model_name
        The name of that model's file.
    clips, duration_s
        Number of clips, and their total length in seconds.
    statistics
        Mean and standard deviation of each feature.
    skipped
        (source, reason) of each clip that could not be used.
    """

    model: str
    model_name: str
    clips: int
    duration_s: float
    statistics: SpeakerStatistics
    skipped: tuple[tuple[str, str], ...] = ()

    def __repr__(self) -> str:
        return f"<Voice of {self.clips} clips, {self.duration_s:.1f} s, for the model {self.model_name}>"

    def _repr_html_(self) -> str:
        rows = [("clips", self.clips), ("length", f"{self.duration_s:.1f} s"), ("model", self.model_name)]
        return html_table("Voice", [*rows, ("skipped", len(self.skipped))])

    def to_dict(self) -> dict[str, Any]:
        """Return what its file holds, as plain values."""
        values = {key: value for key, value in asdict(self).items() if key != "skipped"}
        values = {"format": VOICE_FORMAT, **values}
        return {**values, "sha256": _checksum(values)}

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write it as a small JSON file, whole or not at all."""
        with whole_file(path) as file:
            json.dump(self.to_dict(), file)


VoiceLike = str | os.PathLike[str] | Voice | None
"""A voice: a file, one that ``adapt`` returned, or None for an unknown speaker."""


def adapt(
    clips: AudioSource | Iterable[AudioSource],
    model: ModelLike = None,
    *,
    progress: bool = False,
) -> Voice:
    """Enrol a speaker from unlabelled clips.

    Parameters
    ----------
    clips
        Recordings of one speaker, as for ``predict_many``; a folder or zip archive stands for every audio
        file in it. A dozen or more with different emotions work best. A clip that cannot be used, or that
        has no voice, is skipped; a long recording counts as one clip for each window that ``predict`` would
        cut it into.
    model
        The model to adapt; None for the bundled model.
    progress
        Show a progress bar on a terminal.

    Raises
    ------
    AudioError
        No clip can be used.
    BundleError
        The model file cannot be trusted.

    Examples
    --------
    >>> import numpy as np
    >>> voice = adapt([(np.sin(np.arange(11025) * pitch), 22050) for pitch in (0.05, 0.06)])
    >>> voice.clips, voice.duration_s
    (2, 1.0)
    """
    bundle = load(model)
    rows, skipped, duration_s = [], [], 0.0
    error: AffektError | None = None
    sources = expand_sources(clips)
    for source in track(sources, "extracting features", len(sources), shown=progress):
        try:
            of_clip, length_s = extract_enrolled(source, bundle)
            rows += of_clip
            duration_s += length_s
        except AffektError as found:
            error = error or found
            skipped.append((source_name(source), str(found)))
    if not rows:
        raise error or AudioError("there are no clips to adapt to")
    return voice_of(rows, duration_s, bundle, tuple(skipped))


def extract_enrolled(source: AudioSource, bundle: Bundle) -> tuple[list[NDArray[np.float32]], float]:
    """Return the features of each window of a clip of a speaker, and its length in seconds.

    Raises
    ------
    AudioError
        It cannot be used, or has no voice.
    """
    waveform = load_audio(source, bundle.contract.sample_rate)
    activity = voice_activity(waveform)
    for note in voice_notes(waveform.duration_s, *measure_voice(activity)):
        if note.kind is NoteKind.NO_VOICE:
            raise AudioError(str(note))
    windows = cut_windows(replace(waveform, activity=activity), bundle.contract.window_s)
    return [extract(window, bundle.contract.features) for window in windows], waveform.duration_s


def voice_of(
    rows: list[NDArray[np.float32]],
    duration_s: float,
    bundle: Bundle,
    skipped: tuple[tuple[str, str], ...] = (),
) -> Voice:
    """Return the voice of a speaker from the features of their clips, at least one."""
    feature_set = bundle.feature_set
    features = stack_features(rows, feature_set)
    return Voice(
        model=bundle.contract.sha256,
        model_name=Path(bundle.name).name,
        clips=len(rows),
        duration_s=duration_s,
        statistics=speaker_statistics(
            features, bundle.contract.average_speaker, feature_set.relative_columns
        ),
        skipped=skipped,
    )


def load_voice(path: str | os.PathLike[str]) -> Voice:
    """Load a voice file, as ``Voice.save`` writes it.

    Raises
    ------
    VoiceError
        The file is missing, damaged, or not a voice.
    """
    try:
        with open(path, "rb") as file:
            return parse_voice(file.read(MAX_VOICE_BYTES + 1), os.fspath(path))
    except OSError as error:
        raise VoiceError(f"the voice {os.fspath(path)!r} cannot be read: {error.strerror}") from error


def parse_voice(content: bytes, name: str) -> Voice:
    """Build a voice from the bytes of its file; ``name`` is used in messages."""
    if len(content) > MAX_VOICE_BYTES:
        raise VoiceError(f"{name} is larger than any voice file ({MAX_VOICE_BYTES} bytes)")
    try:
        values = parse_json(content)
        written_by = values.pop("format")
        if written_by == VOICE_FORMAT:
            return _parse(values, values.pop("sha256"))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise VoiceError(f"{name} is not a voice file of affekt, or is damaged: {error}") from error
    raise VoiceError(f"{name} was written by another version of affekt: make it again with affekt adapt")


def _parse(values: Mapping[str, Any], checksum: str) -> Voice:
    found: Voice = build_fields(Voice, values)
    if not (found.clips > 0 and found.duration_s > 0):
        raise ValueError("it has no clips")
    if checksum != _checksum({"format": VOICE_FORMAT, **values}):
        raise ValueError("its checksum does not fit: it was changed since it was made")
    return found


def _checksum(values: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def ready_voice(voice: VoiceLike, bundle: Bundle) -> Voice | None:
    """Return a voice that this model can use, read from its file if need be.

    Raises
    ------
    VoiceError
        It was made for another model.
    """
    if voice is None:
        return None
    found = voice if isinstance(voice, Voice) else load_voice(voice)
    if found.model != bundle.contract.sha256 or len(found.statistics.mean) != len(
        bundle.contract.average_speaker.mean
    ):
        name = "this voice" if isinstance(voice, Voice) else str(voice)
        right, given = (
            f"{file[:100]!r} ({checksum[:8]})"
            for file, checksum in (
                (found.model_name, found.model),
                (Path(bundle.name).name, bundle.contract.sha256),
            )
        )
        raise VoiceError(
            f"{name} was made for another model, {right}, and not for {given}: make it again with affekt "
            "adapt"
        )
    return found

"""Files of every kind, made by libsndfile and FFmpeg, and what is done to them."""

from __future__ import annotations

import io
from typing import Any, cast

import av
import numpy as np
import pytest
import soundfile
from av.audio.stream import AudioStream

Array = np.ndarray


def voice(seconds: float = 3.0, rate: int = 24_000, seed: int = 0) -> Array:
    """Something like a voice, float32: harmonics that glide, with pauses and noise."""
    rng = np.random.default_rng(seed)
    time_s = np.arange(int(seconds * rate)) / rate
    glide = 120 * (1 + 0.3 * np.sin(2 * np.pi * 0.7 * time_s + seed))
    phase = 2 * np.pi * np.cumsum(glide) / rate
    sound = sum(np.sin(k * phase) / k for k in range(1, 12)) * (np.sin(2 * np.pi * 2 * time_s) > -0.5)
    return (0.1 * sound + 0.003 * rng.standard_normal(len(time_s))).astype(np.float32)


def encode(samples: Array, rate: int, file_format: str = "WAV", subtype: str | None = None) -> bytes:
    """A file that libsndfile writes."""
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format=file_format, subtype=subtype)
    return file.getvalue()


def encode_with_av(
    container: str,
    codec: str,
    *tracks: Array,
    rate: int = 48_000,
    picture_s: float = 0,
    options: dict[str, str] | None = None,
    codec_options: dict[str, str] | None = None,
) -> bytes:
    """A file that FFmpeg writes, with a track for each array (at ``rate``) and a picture of a length."""
    file = io.BytesIO()
    try:
        with av.open(file, "w", format=container, options=options or {}) as output:
            picture = _add_picture(output, container, picture_s) if picture_s else None
            streams = [_add_track(output, codec, rate, codec_options or {}) for _ in tracks]
            if picture is not None:
                _draw(output, picture, picture_s)
            for stream, samples in zip(streams, tracks, strict=True):
                _write(output, stream, samples, rate)
    except (av.FFmpegError, ValueError) as error:  # ValueError: no such codec
        pytest.skip(f"this FFmpeg does not write {codec} in {container}: {error}")
    return file.getvalue()


def _add_picture(output: Any, container: str, seconds: float) -> Any:
    stream = output.add_stream("libvpx" if container == "webm" else "mpeg4", rate=10)
    stream.width = stream.height = 16
    stream.pix_fmt = "yuv420p"
    return stream


def _add_track(output: Any, codec: str, rate: int, options: dict[str, str]) -> AudioStream:
    stream = cast(AudioStream, output.add_stream(codec, rate=rate, layout="mono", options=options))
    stream.bit_rate = 64_000
    return stream


def _draw(output: Any, stream: Any, seconds: float) -> None:
    for number in range(int(10 * seconds)):
        frame = av.VideoFrame.from_ndarray(np.full((16, 16, 3), number % 255, np.uint8), format="rgb24")
        frame.pts = number
        output.mux(stream.encode(frame))
    output.mux(stream.encode(None))


def _write(output: Any, stream: AudioStream, samples: Array, rate: int) -> None:
    frame = av.AudioFrame.from_ndarray(samples[None].astype(np.float32), format="fltp", layout="mono")
    frame.sample_rate, frame.pts = rate, 0
    size = stream.codec_context.frame_size or 1024
    fitting = av.AudioResampler(stream.codec_context.format, "mono", rate, frame_size=size)
    for part in [*fitting.resample(frame), *fitting.resample(None), None]:
        output.mux(stream.encode(part))


def mp3(samples: Array, rate: int, *, header: bool = True, variable: bool = False) -> bytes:
    """An MP3, with or without the header that says how long it is."""
    quality = {"flags": "+qscale", "global_quality": str(4 * 118)} if variable else {}
    options = {} if header else {"write_xing": "0"}
    return encode_with_av("mp3", "libmp3lame", samples, rate=rate, options=options, codec_options=quality)


def decoded_by_av(content: bytes) -> Array:
    """All samples of the first track, of shape (n,), by FFmpeg: what is right where it is exact."""
    blocks = []
    with av.open(io.BytesIO(content), "r") as container:
        planar = av.AudioResampler(format="fltp", layout="mono")
        for frame in container.decode(audio=0):
            blocks += [part.to_ndarray()[0] for part in planar.resample(frame)]
    return np.concatenate(blocks)


def streamed_flac(samples: Array, rate: int) -> bytes:
    """A FLAC whose header does not know how many samples there are, as a stream has it."""
    content = bytearray(encode(samples, rate, "FLAC"))
    content[21] &= 0xF0
    content[22:26] = bytes(4)
    return bytes(content)

"""Make the synthetic voices of the tests with the espeak-ng synthesizer: no person ever said them.

    python tools/make_synthetic_voices.py        needs the program espeak-ng

A synthetic voice feels nothing, so a file is named by how it was made and not by an emotion.
"""

from __future__ import annotations

import io
import subprocess
from pathlib import Path

import soundfile
import soxr

FOLDER = Path(__file__).parents[1] / "tests" / "synthetic_voices"
SAMPLE_RATE = 16_000
SENTENCE = "The train is leaving in a minute"
VOICES = {  # name: espeak-ng voice, pitch 0-99, words a minute, loudness 0-200
    "low-slow-quiet": ("en-gb+m3", 20, 110, 40),
    "low-plain": ("en-us+m1", 40, 160, 90),
    "high-fast-loud": ("en-us+f2", 90, 230, 180),
    "high-slow": ("en-gb+f4", 75, 115, 70),
}


def main() -> None:
    """Write every voice as FLAC."""
    FOLDER.mkdir(exist_ok=True)
    for name, (voice, pitch, speed, loudness) in VOICES.items():
        options = ["-v", voice, "-p", str(pitch), "-s", str(speed), "-a", str(loudness), "--stdout"]
        spoken = subprocess.run(["espeak-ng", *options, SENTENCE], capture_output=True, check=True)
        samples, rate = soundfile.read(io.BytesIO(spoken.stdout), dtype="float32")
        samples = soxr.resample(samples, rate, SAMPLE_RATE)
        soundfile.write(FOLDER / f"{name}.flac", samples, SAMPLE_RATE, subtype="PCM_16")


if __name__ == "__main__":
    main()

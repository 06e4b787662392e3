"""Make the graph of a bundled encoder from its checkpoint.

    python tools/make_encoder.py CHECKPOINT [--name whisper-tiny]

CHECKPOINT is OpenAI's ``tiny.en.pt``, or the same weights of Hugging Face (.safetensors) or NumPy (.npz).
"""

from __future__ import annotations

import argparse
from pathlib import Path

from affekt.features.encoder_installation import build_encoder
from affekt.features.encoder_registry import ENCODERS, graph_file


def main() -> None:
    """Write the graph into the package."""
    bundled = [name for name, encoder in ENCODERS.items() if encoder.bundled]
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--name", choices=bundled, default=bundled[0])
    given = parser.parse_args()
    encoder = ENCODERS[given.name]
    place = graph_file(encoder)
    assert place is not None
    place.write_bytes(build_encoder(encoder, given.checkpoint))
    print(f"wrote {place}, {place.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()

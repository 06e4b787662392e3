"""A small encoder of random weights, as torch computes it."""

from __future__ import annotations

from collections import OrderedDict

import numpy as np
import torch
from torch import nn

from affekt.features.encoder_registry import Encoder
from affekt.features.encoder_weights import MEL_BANDS, Weights

WIDTH, HEADS, BLOCKS = 128, 2, 2


class Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.query, self.value, self.out = (nn.Linear(WIDTH, WIDTH) for _ in range(3))
        self.key = nn.Linear(WIDTH, WIDTH, bias=False)

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        query, key, value = (
            part(rows).view(len(rows), HEADS, -1).transpose(0, 1)
            for part in (self.query, self.key, self.value)
        )
        mixed = nn.functional.scaled_dot_product_attention(query, key, value)
        joined: torch.Tensor = self.out(mixed.transpose(0, 1).reshape(len(rows), WIDTH))
        return joined


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.attn, self.attn_ln = Attention(), nn.LayerNorm(WIDTH)
        self.mlp = nn.Sequential(nn.Linear(WIDTH, 4 * WIDTH), nn.GELU(), nn.Linear(4 * WIDTH, WIDTH))
        self.mlp_ln = nn.LayerNorm(WIDTH)

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        rows = rows + self.attn(self.attn_ln(rows))
        return rows + torch.as_tensor(self.mlp(self.mlp_ln(rows)))


class TorchEncoder(nn.Module):
    """The encoder of Whisper, with its names and random weights."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv1d(MEL_BANDS, WIDTH, 3, padding=1)
        self.conv2 = nn.Conv1d(WIDTH, WIDTH, 3, stride=2, padding=1)
        self.blocks = nn.ModuleList(Block() for _ in range(BLOCKS))
        self.ln_post = nn.LayerNorm(WIDTH)  # it is not run

    def forward(self, mel: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
        """Return the outputs of both blocks side by side."""
        gelu = nn.functional.gelu
        rows = gelu(self.conv2(gelu(self.conv1(mel.T[None]))))[0].T + positions
        outputs = []
        for block in self.blocks:
            rows = block(rows)
            outputs.append(rows)
        return torch.cat(outputs, dim=1)


def torch_encoder(seed: int = 0) -> TorchEncoder:
    """Return an encoder whose weights are exact in 16 bits."""
    torch.manual_seed(seed)
    made = TorchEncoder()
    for values in made.parameters():
        values.data = (values.data + 0.05 * torch.randn_like(values)).half().float()
    return made.eval()


def state(encoder: TorchEncoder) -> OrderedDict[str, torch.Tensor]:
    """Return the tensors under OpenAI's names, with one of the decoder."""
    found = OrderedDict((f"encoder.{name}", tensor) for name, tensor in encoder.state_dict().items())
    found["decoder.ln.weight"] = torch.ones(3)
    return found


def small_weights(seed: int = 0) -> Weights:
    """Return what ``read_weights`` must return for it."""
    tensors = torch_encoder(seed).state_dict()
    return {name: value.numpy() for name, value in tensors.items() if not name.startswith("ln_post")}


def registered(seed: int = 0) -> Encoder:
    """Return a description of it."""
    bias = small_weights(seed)[f"blocks.{BLOCKS - 1}.mlp.2.bias"]
    return Encoder(
        name="small",
        title="Small",
        licence="none",
        source="https://example.org/small",
        width=WIDTH,
        taps=(1, 2),
        probe=tuple(np.round(bias[:4].astype(float), 5)),
    )

"""A block of a pretrained encoder that is trained further, and its storage in 8 bits."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from affekt.features.encoder_graph import HEAD_WIDTH, quantise_columns
from affekt.features.encoder_weights import Weights

LARGEST_INTEGER = 127


class TransformerBlock(nn.Module):
    """Self-attention and a perceptron, each with layer normalisation before it and a shortcut.

    Source: ``whisper.model.ResidualAttentionBlock``.

    Parameters
    ----------
    weights
        Under OpenAI's names in a block: ``attn.query.weight``, ...
    dropout
        The share of values that are dropped from what is added to the shortcuts, in training.
    """

    def __init__(self, weights: Weights, dropout: float) -> None:
        super().__init__()
        hidden, self.width = weights["mlp.0.weight"].shape
        self.attn_ln, self.mlp_ln = nn.LayerNorm(self.width), nn.LayerNorm(self.width)
        self.attn = nn.ModuleDict(
            {
                name: nn.Linear(self.width, self.width, bias=name != "key")
                for name in ("query", "key", "value", "out")
            }
        )
        self.mlp = nn.Sequential(nn.Linear(self.width, hidden), nn.GELU(), nn.Linear(hidden, self.width))
        self.dropout = nn.Dropout(dropout)
        self.load_state_dict({name: torch.tensor(values) for name, values in weights.items()})

    def forward(self, rows: Tensor, kept: Tensor | None = None) -> Tensor:
        """Return the outputs of the block, (clips, rows, width).

        Parameters
        ----------
        rows
            (clips, rows, width).
        kept
            Which rows are attended to, (clips, rows); None for all.
        """
        rows = rows + self.dropout(self._attend(self.attn_ln(rows), kept))
        return rows + torch.as_tensor(self.dropout(self.mlp(self.mlp_ln(rows))))

    def _attend(self, rows: Tensor, kept: Tensor | None) -> Tensor:
        query, key, value = (
            self.attn[name](rows).unflatten(2, (-1, HEAD_WIDTH)).transpose(1, 2)
            for name in ("query", "key", "value")
        )
        mask = None if kept is None else kept[:, None, None]
        mixed = nn.functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        return torch.as_tensor(self.attn["out"](mixed.transpose(1, 2).flatten(2)))


class RoundedLinear(nn.Module):
    """A linear layer whose weights are integers of 8 bits, with a scale for each output.

    Parameters
    ----------
    linear
        The layer whose weights are rounded.
    """

    integers: Tensor
    scales: Tensor
    bias: Tensor | None

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        integers, scales = quantise_columns(linear.weight.detach().numpy().T, LARGEST_INTEGER)
        self.register_buffer("integers", torch.from_numpy(integers))
        self.register_buffer("scales", torch.from_numpy(scales))
        self.register_buffer("bias", None if linear.bias is None else linear.bias.detach())

    def forward(self, rows: Tensor) -> Tensor:
        """(..., inputs) -> (..., outputs)."""
        product = rows @ self.integers.float() * self.scales  # scaling the weights would take longer
        return product if self.bias is None else product + self.bias


def round_linear_layers(module: nn.Module) -> None:
    """Replace all linear layers in a module by rounded ones."""
    for name, child in module.named_children():
        if isinstance(child, nn.Linear):
            setattr(module, name, RoundedLinear(child))
        else:
            round_linear_layers(child)

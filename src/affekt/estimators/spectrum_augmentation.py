"""Random augmentation of log-mel spectra during training, as a PyTorch module."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class SpectrumAugmentation(nn.Module):
    """Alters standardised log-mel spectra at random in training mode; returns them unchanged otherwise.

    Each clip is warped and shifted in frequency, as by another length of the vocal tract (Jaitly and Hinton
    2013, ICML Workshop), gets another gain and spectral tilt, sometimes noise, and two masks over time and
    two over frequency (Park et al. 2019, Interspeech).
    """

    WARP, SHIFT = 0.1, 0.05  # largest, relative to the number of bands
    GAIN, TILT = 0.3, 0.5  # standard deviations
    NOISY_SHARE = 0.3  # of the clips
    NOISE_RANGE = 1.5  # the noise is at most this much above the minimum of the clip
    NOISE_SPREAD = 0.3  # standard deviation of the noise
    MASKS, MAX_MASKED_BANDS, MAX_MASKED_FRAMES = 2, 8, 12

    def forward(self, spectra: Tensor) -> Tensor:
        """(clips, frames, bands) -> the same shape."""
        return self._mask(self._add_noise(self._tilt(self._warp(spectra)))) if self.training else spectra

    def _warp(self, spectra: Tensor) -> Tensor:
        clips, frames, bands = spectra.shape
        factor = 1 + self.WARP * _uniform(-1, 1, clips, 1)
        shift = self.SHIFT * _uniform(-1, 1, clips, 1)
        place = (torch.linspace(0, 2, bands) * factor - 1 + shift)[:, None]
        time = torch.linspace(-1, 1, frames)[None, :, None].expand(clips, -1, bands)
        grid = torch.stack([place.expand(-1, frames, -1), time], dim=3)
        warped = nn.functional.grid_sample(
            spectra[:, None], grid, padding_mode="border", align_corners=True
        )
        return warped[:, 0]

    def _tilt(self, spectra: Tensor) -> Tensor:
        clips, _, bands = spectra.shape
        tilt = self.TILT * torch.randn(clips, 1, 1) * torch.linspace(-1, 1, bands)
        return spectra + self.GAIN * torch.randn(clips, 1, 1) + tilt

    def _add_noise(self, spectra: Tensor) -> Tensor:
        clips = len(spectra)
        floor = spectra.amin((1, 2), keepdim=True) + self.NOISE_RANGE * _uniform(0, 1, clips, 1, 1)
        noise = floor + self.NOISE_SPREAD * torch.randn_like(spectra)
        noisy = torch.rand(clips, 1, 1) < self.NOISY_SHARE
        return torch.where(noisy, torch.maximum(spectra, noise), spectra)

    def _mask(self, spectra: Tensor) -> Tensor:
        clips, frames, bands = spectra.shape
        for _ in range(self.MASKS):
            spectra = spectra.masked_fill(_spans(clips, bands, self.MAX_MASKED_BANDS)[:, None], 0.0)
            spectra = spectra.masked_fill(_spans(clips, frames, self.MAX_MASKED_FRAMES)[..., None], 0.0)
        return spectra


def _uniform(low: float, high: float, *shape: int) -> Tensor:
    return low + (high - low) * torch.rand(*shape)


def _spans(clips: int, length: int, longest: int) -> Tensor:
    """Return booleans (clips, length), true in one span of 0 to ``longest`` places in each clip."""
    width = torch.randint(longest + 1, (clips, 1))
    start = (torch.rand(clips, 1) * (length - width)).long()
    place = torch.arange(length)
    return (place >= start) & (place < start + width)

"""Spectra are augmented in training alone, and each clip in its own way."""

from __future__ import annotations

import torch

from affekt.estimators.spectrum_augmentation import SpectrumAugmentation

BANDS = 64


def test_spectra_are_augmented_in_training_alone() -> None:
    spectra = torch.randn(4, 30, BANDS)
    layer = SpectrumAugmentation()
    assert not torch.equal(layer.train()(spectra), spectra)
    assert torch.equal(layer.eval()(spectra), spectra)


def test_augmented_spectra_have_the_same_shape_and_are_finite() -> None:
    torch.manual_seed(0)
    for frames in (12, 128):
        augmented = SpectrumAugmentation()(torch.randn(8, frames, BANDS))
        assert augmented.shape == (8, frames, BANDS)
        assert torch.isfinite(augmented).all()


def test_every_clip_is_augmented_in_another_way() -> None:
    torch.manual_seed(0)
    same = torch.randn(1, 40, BANDS).expand(6, -1, -1)
    augmented = SpectrumAugmentation()(same)
    assert all(not torch.equal(augmented[0], one) for one in augmented[1:])


def test_at_most_two_spans_of_frames_and_two_of_bands_are_masked() -> None:
    torch.manual_seed(0)
    layer = SpectrumAugmentation()
    for masked in layer._mask(torch.ones(50, 100, BANDS)) == 0:
        assert masked.all(dim=1).sum() <= layer.MASKS * layer.MAX_MASKED_FRAMES
        assert masked.all(dim=0).sum() <= layer.MASKS * layer.MAX_MASKED_BANDS

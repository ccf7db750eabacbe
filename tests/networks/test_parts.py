"""Patches are torch's to the bit, forwards and backwards."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from framecast.networks.parts import OutOfPatches, into_patches, out_of_patches


@pytest.mark.parametrize("patch", [1, 2, 3, 4])
@pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16])
def test_patches_are_those_of_torch_and_so_is_their_gradient(patch: int, kind: torch.dtype) -> None:
    torch.manual_seed(0)
    frames = torch.randn(2, 5, 3, 12, 24).to(kind).transpose(0, 1).requires_grad_()  # as a network gets them, not in order
    maps = torch.randn(2, 2 * patch**2, 3, 5).to(kind).requires_grad_()
    for ours, theirs, given in (
        (into_patches(frames, patch), F.pixel_unshuffle(frames, patch), frames),
        (out_of_patches(maps, patch), F.pixel_shuffle(maps, patch), maps),
        (OutOfPatches(patch)(maps), F.pixel_shuffle(maps, patch), maps),
    ):
        assert torch.equal(ours, theirs)
        assert torch.equal(gradient(ours, given), gradient(theirs, given))


def gradient(made: Tensor, given: Tensor) -> Tensor:
    weights = torch.arange(made.numel(), dtype=made.dtype).reshape(made.shape)
    (found,) = torch.autograd.grad(made, given, weights)
    return found


def test_what_was_folded_is_unfolded() -> None:
    frames = torch.arange(2 * 3 * 8 * 12.0).reshape(2, 3, 8, 12)
    assert torch.equal(out_of_patches(into_patches(frames, 4), 4), frames)

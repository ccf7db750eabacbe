"""Padding and the residual form, on networks whose every pixel is known."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from framecast.networks.contract import State
from framecast.networks.wrap import Padded, Residual, count_weights, padded_size


class Echo(nn.Module):
    """Gives back the last frame and keeps the size it was given."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Conv2d(1, 1, 1)
        self.given = torch.empty(0)

    def forward(self, frames: Tensor, state: State = None, *, fed_back: bool = False) -> tuple[Tensor, State]:
        self.given = frames
        return frames[:, -1:], state


@pytest.mark.parametrize("size, stride, padded", [(785, 8, 792), (785, 1, 785), (784, 8, 784), (1, 16, 16)])
def test_padded_size_is_the_next_multiple(size: int, stride: int, padded: int) -> None:
    assert padded_size(size, stride) == padded


@pytest.mark.parametrize("height, width", [(5, 7), (8, 8), (785 % 64, 3), (1, 1), (2, 9)])
def test_padding_is_cropped_away(height: int, width: int) -> None:
    echo, frames = Echo(), torch.rand(2, 3, 2, height, width)
    forecast, _ = Padded(echo, 8)(frames)
    assert torch.equal(forecast, frames[:, -1:])
    assert echo.given.shape[-2:] == (padded_size(height, 8), padded_size(width, 8))


def test_padding_reflects_as_numpy_does() -> None:
    echo, frames = Echo(), torch.rand(1, 2, 1, 6, 7)
    Padded(echo, 5)(frames)
    expected = np.pad(frames.numpy(), [(0, 0)] * 3 + [(0, 4), (0, 3)], mode="reflect")
    assert np.array_equal(echo.given.numpy(), expected)


def test_a_side_too_short_to_reflect_is_continued_by_its_edge() -> None:
    echo, frames = Echo(), torch.rand(1, 1, 1, 2, 7)
    Padded(echo, 8)(frames)
    expected = np.pad(frames.numpy(), [(0, 0)] * 3 + [(0, 6), (0, 0)], mode="edge")
    expected = np.pad(expected, [(0, 0)] * 4 + [(0, 1)], mode="reflect")
    assert np.array_equal(echo.given.numpy(), expected)


def test_frames_that_fit_are_not_copied() -> None:
    echo, frames = Echo(), torch.rand(1, 2, 1, 8, 16)
    Padded(echo, 8)(frames)
    assert echo.given.data_ptr() == frames.data_ptr()


@pytest.mark.parametrize("wrap", [lambda echo: Padded(echo, 4), Residual, lambda echo: Residual(Padded(echo, 4))])
def test_state_passes_through_untouched(wrap: type[Residual]) -> None:
    state = (torch.rand(2, 3), torch.rand(2, 5))
    _, after = wrap(Echo())(torch.rand(2, 1, 1, 5, 5), state)
    assert after is state


@pytest.mark.parametrize("order", [lambda echo: Residual(Padded(echo, 4)), lambda echo: Padded(Residual(echo), 4)])
def test_residual_adds_the_last_frame_and_zeroes_the_head(order: type[Residual]) -> None:
    echo, frames = Echo(), torch.rand(1, 3, 1, 5, 5)
    wrapped = order(echo)
    forecast, _ = wrapped(frames)
    assert torch.equal(forecast, 2 * frames[:, -1:])
    assert wrapped.head is echo.head
    assert not echo.head.weight.any() and echo.head.bias is not None and not echo.head.bias.any()


def test_weights_are_those_of_the_wrapped_network() -> None:
    assert count_weights(Residual(Padded(Echo(), 4))) == count_weights(Echo()) == 2

"""A depthwise convolution learns what torch's own learns."""

import pytest
import torch
from torch import nn

from framecast.networks.depthwise import BLOCK, Depthwise

SIZES = [(1, 1), (5, 3), (BLOCK, BLOCK), (7, 2 * BLOCK + 3), (20, 9)]


@pytest.mark.parametrize(("height", "width"), SIZES)
@pytest.mark.parametrize(("kernel", "dilation"), [(1, 1), (3, 1), (5, 1), (7, 3)])
def test_forecast_and_gradients_are_those_of_torch(kernel: int, dilation: int, height: int, width: int) -> None:
    torch.manual_seed(0)
    ours = Depthwise(6, kernel, dilation=dilation).double()
    theirs = nn.Conv2d(6, 6, kernel, padding=dilation * (kernel // 2), dilation=dilation, groups=6).double()
    theirs.load_state_dict(ours.state_dict())
    one, other = (torch.randn(3, 6, height, width, dtype=torch.float64).requires_grad_() for _ in range(2))
    other.data.copy_(one.data)
    weighting = torch.randn(3, 6, height, width, dtype=torch.float64)
    for layer, maps in ((ours, one), (theirs, other)):
        (layer(maps) * weighting).sum().backward()
    torch.testing.assert_close(ours(one), theirs(other))
    torch.testing.assert_close(one.grad, other.grad)
    for weight, known in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(weight.grad, known.grad)


def test_in_bfloat16_it_is_as_near_as_torch_is() -> None:
    torch.manual_seed(0)
    layer, maps = Depthwise(8, 7, dilation=3), torch.randn(2, 8, 16, 20)
    layer(maps).square().sum().backward()
    exact = [weight.grad.clone() for weight in layer.parameters() if weight.grad is not None]
    layer.zero_grad()
    with torch.autocast("cpu", torch.bfloat16):
        found = layer(maps)
    assert found.dtype == torch.bfloat16
    found.float().square().sum().backward()
    for weight, known in zip(layer.parameters(), exact, strict=True):
        assert weight.grad is not None and weight.grad.dtype == torch.float32
        assert float((weight.grad - known).norm() / known.norm()) < 0.01


def test_without_gradient_it_is_torch_to_the_bit() -> None:
    layer, maps = Depthwise(4, 5), torch.randn(1, 4, 9, 9)
    with torch.no_grad():
        assert torch.equal(layer(maps), nn.Conv2d.forward(layer, maps))
    assert torch.equal(layer(maps), nn.Conv2d.forward(layer, maps))

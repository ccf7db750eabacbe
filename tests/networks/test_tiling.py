"""A network trained on crops forecasts frames of any size, as a whole and in tiles, and the two are the same."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from framecast.networks.contract import NETWORKS
from framecast.networks.rollout import rollout
from framecast.networks.tiling import Tiling
from framecast.networks.wrap import Padded, Residual, padded_size

ANY_SIZE = sorted(name for name, kind in NETWORKS.items() if kind.any_size)
SMALL: dict[str, dict[str, Any]] = {
    "advect": {"width": 8, "levels": 2, "context": 3},
    "convlstm": {"hidden": 6},
    "convnext_unet": {"width": 4, "levels": 2, "context": 3},
    "predrnn": {"hidden": 6},
    "simvp": {"width": 4, "hidden": 8, "patch": 1, "frame_layers": 1, "context": 3, "block": 2},
    "tau": {"width": 4, "hidden": 8, "patch": 1, "frame_layers": 1, "context": 3, "block": 2},
    "unet": {"width": 8, "levels": 2, "context": 3},
}
TILE = 32
LOCAL: list[tuple[str, dict[str, Any]]] = [
    ("convlstm", {"norm": False}),
    ("predrnn", {"norm": False}),
    ("convnext_unet", {}),
    ("convnext_unet", {"way_up": "weights", "blocks": 2}),
]
"""What looks at no place but those within its reach."""


def make(name: str, height: int, width: int, **changes: Any) -> tuple[nn.Module, Padded]:
    kind = NETWORKS[name]
    settings = kind.settings.from_mapping({**SMALL[name], **changes})
    stride = kind.stride(settings)
    torch.manual_seed(0)
    padded = Padded(kind.build(settings, 1, padded_size(height, stride), padded_size(width, stride)), stride)
    network = Residual(padded).eval()
    nn.init.normal_(network.head.weight, std=0.2)
    return network, padded


def scene(n_frames: int, height: int, width: int) -> Tensor:
    """Waves, brighter to one side, so that no tile has the statistics of the whole."""
    t, y, x = torch.meshgrid(*(torch.arange(n) * 1.0 for n in (n_frames, height, width)), indexing="ij")
    return (torch.sin(0.4 * x + 0.2 * y - 0.5 * t) * (0.2 + y / height) + x / width)[None, :, None]


def forecasts(name: str, horizon: int, tiling: dict[str, Any] | None = None, **changes: Any) -> Tensor:
    past = scene(4, 77, 61)
    network, padded = make(name, 77, 61, **changes)
    if tiling is not None:
        padded.tile(TILE)
        part = padded.network if padded.tiling is None else padded
        part.tiling = Tiling(**{**vars(part.tiling), **tiling})
    return rollout(network, past, horizon) - past[:, -1:]


@pytest.mark.parametrize(("name", "changes"), LOCAL)
def test_tiles_are_the_whole_frame_along_a_rollout(name: str, changes: dict[str, Any]) -> None:
    """Everywhere, at the seams and after many frames that are fed back."""
    whole, tiled = (forecasts(name, 6, tiling, **changes) for tiling in (None, {}))
    assert float(whole.abs().max()) > 0.1
    torch.testing.assert_close(tiled, whole, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("name", "changes"), LOCAL)
def test_what_is_looked_at_around_a_tile_is_no_more_than_needed(name: str, changes: dict[str, Any]) -> None:
    whole, tiled = (forecasts(name, 2, tiling, **changes) for tiling in (None, {"reach": 0}))
    assert float((whole - tiled).abs().max()) > 1e-3


@pytest.mark.parametrize("name", ANY_SIZE)
def test_statistics_of_the_whole_frame_converge_to_those_of_no_tiles(name: str) -> None:
    """With a pass for each normalisation the forecast is the same; with those that are made it is near."""
    whole, exact, near = (forecasts(name, 2, tiling) for tiling in (None, {"settled": 0.0}, {}))
    size = float(whole.abs().mean())
    assert size > 0.01
    assert float((exact - whole).abs().max()) < 1e-3
    assert float((near - whole).abs().mean()) < NEAR * size


NEAR = 0.005
"""Of the change that is forecast, for weights by chance and tiles unlike each other."""


@pytest.mark.parametrize("name", ANY_SIZE)
def test_no_tile_is_used_while_learning_and_none_for_a_frame_that_fits(name: str) -> None:
    network, padded = make(name, 24, 24)
    window = scene(4, 24, 24)
    with torch.no_grad():
        plain = network(window)[0]
        padded.tile(24)
        assert torch.equal(network(window)[0], plain)
    padded.tile(16)
    assert torch.equal(network(window)[0].detach(), plain)


@pytest.mark.parametrize("name", ANY_SIZE)
@pytest.mark.parametrize("height, width", [(785 // 5, 131), (33, 785 // 3)])
def test_weights_of_crops_serve_whole_frames_of_odd_sides(name: str, height: int, width: int) -> None:
    """A step on a crop, then a forecast of all of the frame."""
    network, padded = make(name, 32, 32)
    window = scene(5, height, width)
    loss = (network(window[:, :4, :, :32, :32])[0][:, :1] - window[:, 4:, :, :32, :32]).square().mean()
    loss.backward()
    padded.tile(64)
    assert rollout(network, window[:, :4], 3).shape == (1, 3, 1, height, width)


def test_spans_cover_a_side_once_and_stay_on_the_grid() -> None:
    for length in (8, 40, 120, 792):
        spans = Tiling(size=30, reach=13, stride=8).spans(length)
        assert [pixel for start, stop, *_ in spans for pixel in range(start, stop)] == list(range(length))
        assert all(edge % 8 == 0 for span in spans for edge in span)
        assert all(first <= max(0, start - 13) and last >= min(length, stop + 13) for start, stop, first, last in spans)


class Cramped(nn.Module):
    """Sees one place around each pixel; a frame of more than `room` pixels is too much for it."""

    def __init__(self, room: int, says: str = "CUDA out of memory") -> None:
        super().__init__()
        self.head = nn.Conv2d(1, 1, 3, padding=1)
        self.reach, self.room, self.says = 1, room, says
        self.asked: list[int] = []

    def forward(self, frames: Tensor, state: Any = None, *, fed_back: bool = False) -> tuple[Tensor, tuple[Tensor, ...]]:
        self.asked.append(frames.shape[-2] * frames.shape[-1])
        if self.asked[-1] > self.room:
            raise RuntimeError(self.says)
        return self.head(frames[:, -1])[:, None], (frames[:, -1:],)


@torch.no_grad()
def test_a_frame_that_memory_cannot_hold_is_forecast_in_the_largest_tiles_that_it_can() -> None:
    frames = scene(3, 200, 256)
    roomy = Cramped(10**9)
    whole = Padded(roomy, 2)(frames)[0]
    cramped = Cramped(70 * 70)
    cramped.load_state_dict(roomy.state_dict())
    padded = Padded(cramped, 2)
    torch.testing.assert_close(padded(frames)[0], whole)
    assert padded.tile_size == 64, "not 128, which with what lies around does not fit"
    cramped.asked.clear()
    torch.testing.assert_close(padded(frames)[0], whole)
    assert max(cramped.asked) <= cramped.room, "it does not try again what did not fit"


@pytest.mark.parametrize("says, room", [("CUDA out of memory", 60 * 60), ("sizes differ", 70 * 70)])
def test_what_no_tile_helps_against_is_raised_as_it_is(says: str, room: int) -> None:
    with torch.no_grad(), pytest.raises(RuntimeError, match=says):
        Padded(Cramped(room, says), 2)(scene(3, 200, 256))


def test_learning_never_falls_back_to_tiles() -> None:
    padded = Padded(Cramped(70 * 70), 2)
    with pytest.raises(RuntimeError, match="out of memory"):
        padded(scene(3, 200, 256))
    assert padded.tile_size == 0

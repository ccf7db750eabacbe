"""Windows are cut from the span and varied as a whole."""

import pytest
import torch
from torch import Tensor

from framecast.training.batches import ALL, Batch, TrainingData, cut, variation
from framecast.training.settings import TrainingSettings

SPREAD = torch.ones(1, 1, 1)


def coded(n_frames: int = 12, height: int = 20, width: int = 24) -> Tensor:
    """Frames whose every value tells its own frame, row and column."""
    t, y, x = torch.meshgrid(torch.arange(n_frames), torch.arange(height), torch.arange(width), indexing="ij")
    return (10_000.0 * t + 100 * y + x)[:, None]


def batch(settings: TrainingSettings, seed: int = 0, mask: Tensor | None = None, frames: Tensor | None = None) -> Batch:
    frames = coded() if frames is None else frames
    data = TrainingData(frames, range(2, len(frames)), range(0), data_range=255.0, mask=mask)
    generator = torch.Generator().manual_seed(seed)
    return cut(data, torch.arange(8) % 7, 3, 1, settings, mixing=0.0, spread=SPREAD, generator=generator)


@pytest.mark.parametrize("n_unroll", [1, 2, 4, 6])
def test_windows_of_every_length_are_spread_evenly_over_the_frames(n_unroll: int) -> None:
    """The newest, from which a forecast goes on, are learned from as often as the oldest."""
    frames = coded(30, 2, 2)
    data = TrainingData(frames, range(30), range(0), data_range=255.0)
    orders, n_starts = torch.arange(27), 28 - n_unroll
    found = cut(
        data, orders, 3, n_unroll, TrainingSettings(), mixing=0.0, spread=SPREAD, generator=torch.Generator().manual_seed(0)
    )
    starts = (found.window[:, 0, 0, 0, 0] / 10_000).long()
    counts = torch.bincount(starts, minlength=n_starts)
    assert len(counts) == n_starts and counts.min() >= 1 and counts.max() <= 2
    assert abs(int(counts[: n_starts // 2].sum()) - int(counts[-(n_starts // 2) :].sum())) <= 1


@pytest.mark.parametrize("seed", range(5))
def test_a_crop_is_one_square_of_consecutive_frames(seed: int) -> None:
    window = batch(TrainingSettings(crop=16), seed).window
    assert window.shape == (8, 4, 1, 16, 16)
    corner = window[..., :1, :1]
    expected = corner + coded(1, 16, 16)
    assert torch.equal(window, expected), "rows and columns stay beside each other"
    times = window[:, :, 0, 0, 0] // 10_000
    assert torch.equal(times, 2.0 + torch.arange(8)[:, None] % 7 + torch.arange(4)), "no crop crosses the time of its window"
    assert len(torch.unique(window[:, 0, 0, 0, 0] % 10_000)) > 1, "each window has a place of its own"


def test_a_crop_larger_than_the_frame_is_the_frame() -> None:
    assert torch.equal(batch(TrainingSettings(crop=500)).window, batch(TrainingSettings()).window)


@pytest.mark.parametrize(("height", "width"), [(16, 16), (16, 24)])
def test_mirrored_and_turned_windows_keep_context_truth_and_mask_together(height: int, width: int) -> None:
    """Undone on the first frame, the same undoing fits every later frame and the mask."""
    settings = TrainingSettings(flips=True, turns=True)
    frames, mask = coded(12, height, width), (coded(1, height, width)[0, 0] % 7 > 2).float()
    found = batch(settings, mask=mask, frames=frames)
    assert found.mask is not None and found.window.shape == (8, 4, 1, height, width)
    seen = set()
    for window, one_mask in zip(found.window, found.mask, strict=True):
        place = (window % 10_000).long()
        seen.add((int(place[0, 0, 0, 0]), int(place[0, 0, 0, -1])))
        assert torch.equal(place, place[:1].expand_as(place)), "all frames alike"
        assert torch.equal(one_mask[0, 0], mask[place[0, 0] // 100, place[0, 0] % 100])
        assert torch.equal((window // 10_000)[:, 0, 0, 0].diff(), torch.ones(3))
    assert len(seen) > 1


def test_quarter_turns_happen_only_where_they_keep_the_shape() -> None:
    generator = torch.Generator().manual_seed(0)
    windows = coded(1, 4, 6).expand(50, 1, 1, 4, 6)
    turned = variation(50, 4, 6, TrainingSettings(turns=True), generator)(windows, ALL)
    assert {int(window[0, 0, 0, 0]) for window in turned} == {0, 305}
    square = coded(1, 4, 4).expand(50, 1, 1, 4, 4)
    turned = variation(50, 4, 4, TrainingSettings(turns=True), generator)(square, ALL)
    assert {int(window[0, 0, 0, 0]) for window in turned} == {0, 3, 300, 303}


def test_noise_is_given_in_the_context_only_and_never_asked_for() -> None:
    found = batch(TrainingSettings(input_noise=0.5))
    assert torch.equal(found.window, batch(TrainingSettings()).window)
    assert not torch.equal(found.given[:, :3], found.window[:, :3])
    assert torch.equal(found.given[:, 3:], found.window[:, 3:])


def test_noise_is_in_units_of_the_spread_and_another_for_each_window_frame_and_pixel() -> None:
    """Half the spread of its channel, around nothing; correlated with no other."""
    frames = torch.zeros(40, 2, 24, 24)
    spread = torch.tensor([2.0, 40.0]).view(-1, 1, 1)
    found = cut(
        TrainingData(frames, range(40), range(0), data_range=255.0), torch.arange(30), 3, 1, TrainingSettings(input_noise=0.5),
        mixing=0.0, spread=spread, generator=torch.Generator().manual_seed(0),
    )  # fmt: skip
    noise = found.given[:, :3]
    for channel, amount in enumerate((1.0, 20.0)):
        assert float(noise[:, :, channel].std()) == pytest.approx(amount, rel=0.02)
        assert float(noise[:, :, channel].mean()) == pytest.approx(0.0, abs=0.02 * amount)
    scaled = (noise / spread).flatten(3)  # (window, frame, channel, pixel)
    for one, other in ((scaled[1:], scaled[:-1]), (scaled[:, 1:], scaled[:, :-1]), (scaled[..., 1:], scaled[..., :-1])):
        assert abs(float((one * other).mean())) < 0.02 * 0.25
    assert abs(float((scaled[:, :, 0] * scaled[:, :, 1]).mean())) < 0.02 * 0.25


def test_left_and_right_are_mirrored_apart_from_up_and_down() -> None:
    windows = coded(1, 4, 6).expand(60, 1, 1, 4, 6)
    seen = variation(60, 4, 6, TrainingSettings(flips=True), torch.Generator().manual_seed(0))(windows, ALL)
    corners = [int(window[0, 0, 0, 0]) for window in seen]
    assert {0, 5, 300, 305} == set(corners) and min(corners.count(one) for one in set(corners)) > 5


@pytest.mark.parametrize(("pushforward", "most"), [(2, 2), (50, 5)])
def test_any_number_of_frames_is_pushed_up_to_what_was_asked_for_and_fits(pushforward: int, most: int) -> None:
    """However short the unroll is: 10 frames of the span, 3 of them context and 2 to learn from, leave 5."""
    data, generator = TrainingData(coded()[:10], range(10), range(0), data_range=255.0), torch.Generator().manual_seed(0)
    found = [
        cut(data, torch.arange(7), 3, 2, TrainingSettings(pushforward=pushforward), mixing=0.0, spread=SPREAD,
            generator=generator)
        for _ in range(80)
    ]  # fmt: skip
    assert {one.pushed for one in found} == set(range(most + 1))
    assert all(one.window.shape[1] == 3 + one.pushed + 2 for one in found)

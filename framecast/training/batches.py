"""Windows of the training frames: which are cut, how they are varied, and what of them a network is shown.

A window is varied as a whole, context and truth alike and every frame the same, so that what moves in it still moves as it
did. All chance comes from the generator of the run, and is only drawn where a setting asks for it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from framecast.training.settings import TrainingSettings

ALL = slice(None)


@dataclass(frozen=True, eq=False)
class TrainingData:
    """What the loop may look at. `frames` (t, c, h, w) on the device as stored integers (or float32), at working size."""

    frames: Tensor
    span: range
    """Frames that windows are cut from."""
    valid: range
    """Frames the validation rollout forecasts; empty for none."""
    data_range: float
    mask: Tensor | None = None
    """(h, w) float, 1 where a pixel carries data."""
    holds: bool = True
    """Whether the other pixels are held in rollouts and left out of what validation says. A fit begun when neither was done
    ends as it began: its weights and its best score so far would mean something else."""


@dataclass(frozen=True, eq=False)
class Batch:
    """Some windows of one length."""

    window: Tensor
    """(b, t, c, h, w) float32 in units: the truth."""
    given: Tensor
    """The same as the network is shown it."""
    mask: Tensor | None
    """(b, 1, 1, h, w) or (h, w) float, 1 where a pixel carries data."""
    counted: Tensor | None
    """The masks of all windows of the step, of which these may be a share."""
    pushed: int
    """Own forecasts made without gradient after the context, see `unroll`."""
    own: list[bool] | None
    """For each frame whether the network is given its own forecast of it, see `unroll`; None for all after the context."""
    holds: bool = True
    """See TrainingData."""

    @property
    def held(self) -> Tensor | None:
        """The mask outside which pixels stay as they were given."""
        return self.mask if self.holds else None

    def parts(self, n_parts: int) -> list[tuple["Batch", float]]:
        """These windows in at most as many parts, of ceil(windows / n_parts) each but the last, with their shares of all."""
        n = len(self.window)
        if min(n_parts, n) <= 1:
            return [(self, 1.0)]
        size = -(-n // n_parts)
        each_its_own = self.mask is not None and self.mask.ndim > 2
        masks = torch.split(self.mask, size) if each_its_own and self.mask is not None else [self.mask] * n
        windows = zip(torch.split(self.window, size), torch.split(self.given, size), masks, strict=False)
        return [(replace(self, window=w, given=g, mask=mask), len(w) / n) for w, g, mask in windows]


def n_windows(data: TrainingData, context: int, settings: TrainingSettings) -> int:
    """Windows of the full unroll in the span, or of the longest one that fits. The span holds more than the context."""
    longest = len(data.span) - context
    return longest - min(settings.unroll, longest) + 1


def batches_of(
    orders: Sequence[Tensor], n_steps: Sequence[int], batch_size: int, generator: torch.Generator
) -> list[tuple[int, Tensor]]:
    """The steps of one epoch: which series, and which of its windows. `orders` has the windows of each series by chance,
    `n_steps` its steps. Every window comes once, so that a series counts as much as it has windows; where there are several,
    their steps are mixed."""
    batches = [
        (index, batch)
        for index, (order, n) in enumerate(zip(orders, n_steps, strict=True))
        for batch in torch.split(order[: n * batch_size], batch_size)
    ]
    if len(orders) == 1:
        return batches
    return [batches[i] for i in torch.randperm(len(batches), generator=generator).tolist()]


def cut(
    data: TrainingData,
    order: Tensor,
    context: int,
    n_unroll: int,
    settings: TrainingSettings,
    *,
    mixing: float,
    spread: Tensor,
    generator: torch.Generator,
    share: slice = ALL,
) -> Batch:
    """One window for each entry of `order`, which are as many as there are windows with one frame to learn from, spread
    evenly over the starts that windows of this length have: the context, frames that are pushed, and `n_unroll` frames to
    learn from. `mixing` is the probability that truth and forecast are exchanged, and `spread` (c, 1, 1) the unit of the
    input noise, which the context gets. Only the windows of the `share` are cut, as they would be among all."""
    pushed = _pushed(settings, len(data.span) - context - n_unroll, generator)
    length = context + pushed + n_unroll
    own = _mixed(settings, mixing, context, length, generator)
    n_starts, n_orders = len(data.span) - length + 1, len(data.span) - context
    starts = data.span.start + order % n_orders * n_starts // n_orders
    frames, mask, counted = _indexed(data.frames), data.mask, data.mask
    if settings.crop or settings.flips or settings.turns:
        height, width = frames.shape[-2:]
        vary = variation(len(order), height, width, settings, generator)
        window = vary([frames[start : start + length] for start in starts[share].tolist()], share)  # copies the crops alone
        if counted is not None:
            counted = vary(counted.expand(len(order), 1, 1, *counted.shape).unbind(), ALL)
            mask = counted[share]
    else:
        index = starts[share, None] + torch.arange(length)
        window = frames[index.to(frames.device, non_blocking=True)]
    window = window.view(data.frames.dtype).to(torch.float32)
    held = mask if data.holds else None
    given = _with_noise(window, len(order), share, context, settings.input_noise, spread, generator, held)
    return Batch(window, given, mask, counted, pushed, own, data.holds)


def variation(
    n_windows: int, height: int, width: int, settings: TrainingSettings, generator: torch.Generator
) -> Callable[[Sequence[Tensor], slice], Tensor]:
    """Crop, mirror and turn by chance, drawn here for each of `n_windows`: what is returned does so with those in a slice,
    (t, c, height, width) each, the same at every call, and gives (b, t, c, h, w).

    Half of the windows are mirrored left to right and half upside down. Windows that are not square are turned by half
    turns only: a batch has one shape.
    """
    crop_height, crop_width = (min(settings.crop or side, side) for side in (height, width))
    rows = torch.randint(height - crop_height + 1, (n_windows,), generator=generator).tolist()
    columns = torch.randint(width - crop_width + 1, (n_windows,), generator=generator).tolist()
    mirrored = torch.randint(2 if settings.flips else 1, (n_windows, 2), generator=generator).tolist()
    turns = torch.randint(4 if settings.turns else 1, (n_windows,), generator=generator).tolist()
    step = 1 if crop_height == crop_width else 2

    def vary(window: Tensor, i: int) -> Tensor:
        window = window[..., rows[i] : rows[i] + crop_height, columns[i] : columns[i] + crop_width]
        window = window.flip([axis for axis, flipped in zip((-2, -1), mirrored[i], strict=True) if flipped])
        return torch.rot90(window, step * turns[i], (-2, -1))

    def of_slice(windows: Sequence[Tensor], which: slice) -> Tensor:
        return torch.stack([vary(window, i) for i, window in zip(range(n_windows)[which], windows, strict=True)])

    return of_slice


def _indexed(frames: Tensor) -> Tensor:
    """`frames` to be cut from, in a type that every device can index: the bits of uint16 as int16, to be viewed back."""
    return frames.view(torch.int16) if frames.dtype == torch.uint16 else frames


def _pushed(settings: TrainingSettings, longest: int, generator: torch.Generator) -> int:
    """Own forecasts without gradient in this step: any number up to the setting that leaves the window inside the span."""
    most = min(settings.pushforward, longest)
    return int(torch.randint(most + 1, (), generator=generator)) if most else 0


def _mixed(
    settings: TrainingSettings, probability: float, context: int, length: int, generator: torch.Generator
) -> list[bool] | None:
    """Which frames of a window the network is given as its own forecast, one coin a frame for the whole batch; None for all
    after the context and no other, as where no coin exchanges any.

    "scheduled" gives true frames after the context (Bengio et al. 2015, arXiv 1506.03099, section 2.4), "reverse" own
    forecasts within it, after the warm-up frames (Wang et al. 2022, arXiv 2103.09504, section 3.5).
    """
    if settings.sampling == "off":
        return None
    coins = (torch.rand(length, generator=generator) < probability).tolist()
    plain = [t >= context for t in range(length)]
    warm = max(1, min(settings.burn_in, context))
    if settings.sampling == "scheduled":
        own = [later and not exchanged for later, exchanged in zip(plain, coins, strict=True)]
    else:
        own = [later or (t >= warm and coins[t]) for t, later in enumerate(plain)]
    return None if own == plain else own


def _with_noise(
    window: Tensor,
    n_windows: int,
    share: slice,
    context: int,
    amount: float,
    spread: Tensor,
    generator: torch.Generator,
    held: Tensor | None,
) -> Tensor:
    """`window` holds a share of `n_windows`, for all of which noise is drawn. Where pixels are held there is none: it would
    stay for the whole rollout, and no forecast meets it."""
    if amount == 0:
        return window
    drawn_by, device = generator, window.device
    if device.type != "cpu":  # drawn there from a seed of the run: nothing as large as a batch comes over from the host
        drawn_by = torch.Generator(device).manual_seed(int(torch.randint(2**62, (), generator=generator)))
    noise = torch.randn((n_windows, context, *window.shape[2:]), generator=drawn_by, device=device)[share]
    if held is not None:
        noise = noise * held
    return torch.cat([window[:, :context] + amount * spread * noise, window[:, context:]], dim=1)

"""Feeding forecasts back: `rollout` to forecast, `unroll` to train.

Both work for any network that keeps the contract, whether it carries a hidden state, its last frames, or emits several
frames at once, and both begin with true frames and never with zeros, unless the mistake of the question is asked for.

Pixels under a mask are in no loss, so what a network says of them is anything. Fed back, it would reach the pixels beside them
and grow along a rollout, where in true frames there is always the same filling. With a `mask` they stay what they are in the
last true frame before, in training as in forecasting: a network that learned beside free ones has learned to live with those.
"""

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from framecast.leaving import may_be_left
from framecast.networks.contract import State, answers_each, pop_penalties

Call = Callable[..., tuple[Tensor, State]]
"""A network, or what is called in its place: `call(frames, state, fed_back=...)`."""

Past = TypeVar("Past", Tensor, np.ndarray[Any, Any])

WARM_FRAMES = 32
"""Frames that are absorbed in one call, by default."""


def decisive(network: nn.Module, past: Past, context: int) -> Past:
    """The end of `past` (b, t, ...), a tensor or an array, that a forecast depends on: all of it where the network has a
    memory, and the frames of its window where it has none. Those before would cost memory and calls and change no bit."""
    return past if answers_each(network) else past[:, -context:]


def frames_at_once(network: nn.Module, context: int, *, tiled: bool) -> int:
    """How many frames to absorb in one call of a rollout of `decisive` frames. In tiles a recurrent network looks at one frame
    after the other in any case, and more of them would only lie there at full size."""
    if not answers_each(network):
        return min(context, WARM_FRAMES)
    return 1 if tiled else WARM_FRAMES


@torch.no_grad()
def rollout(
    network: Call,
    past: Tensor | Iterable[Tensor],
    horizon: int,
    *,
    clamp: tuple[Tensor, Tensor] | None = None,
    warm_block: int = WARM_FRAMES,
    zero_block: int = 0,
    mask: Tensor | None = None,
) -> Tensor:
    """Forecast `horizon` frames after `past`: (b, horizon, c, h, w). The arguments are those of `chunks`."""
    steps = chunks(network, past, horizon, clamp=clamp, warm_block=warm_block, zero_block=zero_block, mask=mask)
    return torch.cat([chunk for chunk, _ in steps], dim=1)[:, :horizon]


@torch.no_grad()
def chunks(
    network: Call,
    past: Tensor | Iterable[Tensor],
    horizon: int,
    *,
    clamp: tuple[Tensor, Tensor] | None = None,
    warm_block: int = WARM_FRAMES,
    zero_block: int = 0,
    mask: Tensor | None = None,
) -> Iterator[tuple[Tensor, State]]:
    """The rollout step by step: each chunk (b, n, c, h, w) with the state the network had after forecasting it.

    Args:
        network: called as `network(frames, state)`, see `contract`.
        past: (b, t, c, h, w), at least one frame, on the network's device; or such tensors one after the other, for a past
            too long to hold at once. The network absorbs it in blocks, carrying its state, so memory does not grow with it.
        horizon: number of frames, at least 1. The last chunk of a network that emits several may go beyond it.
        clamp: lowest and highest value of each channel, (c, 1, 1) each; forecasts are held between them before they are
            fed back, so that a rollout cannot run away.
        warm_block: frames absorbed in one call.
        zero_block: frames of zeros pushed through after the past. The posted code does this with 50; it wipes out what the
            warm-up told the state, and the first forecast is then made from a black frame.
        mask: (h, w) on the device of the network, 1 where a pixel carries data. The others are held.
    """
    assert horizon >= 1, "a horizon is at least one frame"
    chunk, state = None, None
    for part in [past] if isinstance(past, Tensor) else past:
        for block in part.split(warm_block, dim=1):
            may_be_left()
            chunk, state = network(block, state)
    assert chunk is not None, "a rollout needs at least one true frame"
    last = block[:, -1:]
    for n_zeros in _block_sizes(zero_block, warm_block):
        chunk, state = network(torch.zeros_like(chunk[:, :1]).repeat(1, n_zeros, 1, 1, 1), state)
    n_frames = 0
    while True:
        chunk = _held(_clamped(chunk, clamp), last, mask)
        n_frames += chunk.shape[1]
        yield chunk, state
        if n_frames >= horizon:
            return
        may_be_left()
        chunk, state = network(chunk, state, fed_back=True)


def unroll(
    network: Call,
    window: Tensor,
    *,
    burn_in: int,
    context: int,
    truncate: int = 0,
    pushed: int = 0,
    own: Sequence[bool] | None = None,
    recompute: bool = False,
    mask: Tensor | None = None,
) -> Tensor:
    """Forecast every frame of `window` after the first `burn_in`, with gradient.

    The burn-in is absorbed without being forecast. From there on the next input is the true frame while its index is below
    `context`, and the network's own forecast beyond it: frames burn_in to context - 1 are forecast one step ahead, those
    from `context` on as in a rollout. With context = burn_in = 1 and a window of two frames this is teacher forcing of
    single steps.

    Args:
        network: called as `network(frames, state)`, see `contract`.
        window: (b, T, c, h, w).
        burn_in: frames absorbed first, 1 to T - 1.
        context: frames of the window that are given as they are.
        truncate: where above 0, the state and the frame fed back are cut from the gradient every so many frames
            (truncated backpropagation through time).
        pushed: own forecasts after the context that are made without gradient and not given back; so is then all of the
            context. The network meets the frames it makes itself, and memory does not grow with them: the pushforward trick
            of Brandstetter, Worrall and Welling 2022 (arXiv 2202.03376), section 3.1.
        own: for each of the T frames whether the network's own forecast of it is given in its place; by default those from
            `context` on. With other values truth and forecast are mixed. The first frame is always given.
        recompute: of each call only what goes in is kept until the gradient is taken, and the call made again then (Chen et
            al. 2016, arXiv 1604.06174): a third more arithmetic for the memory of one call in place of that of all.
        mask: (h, w), or (b, 1, 1, h, w) for each window its own, 1 where a pixel carries data. The others are held.

    Returns:
        (b, T - burn_in, c, h, w), forecasts of window[:, burn_in:]; where frames are pushed, of window[:, context + pushed:].
        A forecast of frame t depends on no frame from min(t, max(context, burn_in)) on, unless `own` gives it more.
    """
    n_frames = window.shape[1]
    burn_in, start = (context, context + pushed) if pushed else (burn_in, burn_in)
    assert burn_in >= 1 and start < n_frames, f"{start} frames leave nothing to forecast in a window of {n_frames} frames"
    own = [t >= max(burn_in, context) for t in range(n_frames)] if own is None else own
    absorbed = next((t for t in range(1, burn_in) if own[t]), burn_in)
    if recompute:
        assert isinstance(network, nn.Module), "what is called again is the network itself"
        network = Recomputed(network)
    recording = not pushed
    n_more = 0
    if recording and not truncate and answers_each(network):  # the true frames that follow are absorbed in the same call
        n_more = next((t for t in range(absorbed, n_frames - 1) if own[t]), n_frames - 1) - absorbed
    with contextlib.nullcontext() if recording else torch.no_grad():
        asked = {"answers": 1 + n_more} if n_more else {}
        chunk, state = network(window[:, : absorbed + n_more], None, **asked)
    if not recording and absorbed + chunk.shape[1] > start:  # it emits more frames at once than are to be pushed
        recording = _record()
        chunk, state = network(window[:, :absorbed], None)
    chunk = _held(chunk, window[:, absorbed - 1 : absorbed + n_more], mask)
    forecast, t = [chunk], absorbed + n_more
    chunk = chunk[:, n_more:]
    n_linked = chunk.shape[1]
    while t + chunk.shape[1] < n_frames:
        may_be_left()
        n_true = next((i for i in range(chunk.shape[1]) if own[t + i]), chunk.shape[1])
        given = torch.cat([window[:, t : t + n_true], chunk[:, n_true:]], dim=1) if n_true else chunk
        t += chunk.shape[1]
        if truncate and n_linked >= truncate:
            given, state, n_linked = given.detach(), _detached(state), 0
        if not recording and t + chunk.shape[1] > start:
            recording = _record()
        with contextlib.nullcontext() if recording else torch.no_grad():
            chunk, state = network(given, state, fed_back=not n_true)
            chunk = _held(chunk, given[:, -1:], mask)
        forecast.append(chunk)
        n_linked += chunk.shape[1]
    return torch.cat(forecast, dim=1)[:, start - absorbed : n_frames - absorbed]


class Recomputed(nn.Module):
    """`network`, each call of which is made again when its gradient is taken. One that can absorb frames one by one does, so
    that a call is small."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, frames: Tensor, state: State = None, *, fed_back: bool = False) -> tuple[Tensor, State]:
        forecast = None
        for part in torch.split(frames, 1 if answers_each(self.network) else frames.shape[1], dim=1):
            forecast, state = checkpoint(
                self.network,
                part,
                state,
                fed_back=fed_back,
                use_reentrant=False,
                preserve_rng_state=False,  # there is no chance in a network
                context_fn=lambda: (contextlib.nullcontext(), _forgetting(self.network)),
            )
        assert forecast is not None, "there is a frame to absorb"
        return forecast, state


@contextlib.contextmanager
def _forgetting(network: nn.Module) -> Iterator[None]:
    """What parts of a network ask to be kept small was asked when the call was made first."""
    try:
        yield
    finally:
        pop_penalties(network)


def _record() -> bool:
    """From here on there is a gradient. Some versions of torch would go on with the weights that autocast copied while none
    was recorded, and these take no gradient."""
    torch.clear_autocast_cache()
    return True


def _clamped(chunk: Tensor, clamp: tuple[Tensor, Tensor] | None) -> Tensor:
    return chunk if clamp is None else torch.clamp(chunk, min=clamp[0], max=clamp[1])


def _held(chunk: Tensor, given: Tensor, mask: Tensor | None) -> Tensor:
    """A forecast (b, n, c, h, w) with the pixels that carry no data as they were given: (b, n or 1, c, h, w)."""
    return chunk if mask is None else torch.where(mask > 0, chunk, given.to(chunk.dtype))


def _detached(state: State) -> State:
    return None if state is None else tuple(part.detach() for part in state)


def _block_sizes(total: int, block: int) -> list[int]:
    return [min(block, total - start) for start in range(0, total, block)]

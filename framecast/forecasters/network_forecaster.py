"""Any network made into a Forecaster: reduce, train, roll out, bring back to native size.

This is the one place where (time, height, width, channel) arrays become (batch, time, channel, height, width) tensors and
back. How it is trained is in framecast.forecasters.network_fit. Leaving `fit` early keeps the best so far. A fit may begin
with the weights of another run, and may learn from other series first; then all stages begin with what was learned there.
"""

import dataclasses
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from framecast.errors import SettingError
from framecast.forecasters.contract import Workbench
from framecast.forecasters.course import Course, weights_of
from framecast.forecasters.hindcast import View
from framecast.forecasters.network_fit import NetworkFit
from framecast.forecasters.network_settings import settings_class
from framecast.forecasters.restoration import (
    Restorer,
    SmallMotion,
    best_way,
    faint_of,
    leave_out_faint,
    much_is_empty,
    possible_ways,
    small_motion,
    with_faint_left_out,
    without_faint,
)
from framecast.forecasters.starting_weights import starting_weights
from framecast.forecasters.training_data import mask_tensor, to_tensor
from framecast.networks.build import bare_network
from framecast.networks.contract import NETWORKS, motion_of
from framecast.networks.exactly import exactly
from framecast.networks.rollout import chunks, decisive, frames_at_once
from framecast.networks.wrap import Padded, Residual
from framecast.series.frames import Frames, FrameSeries, Split
from framecast.series.preparation import reduce_frames, reduce_mask
from framecast.series.reduction import extremes, reduction_of
from framecast.training.batches import TrainingData
from framecast.training.distributed import Group
from framecast.training.memory import memory_errors
from framecast.training.progress import FitProgress
from framecast.training.scaled import Scaled
from framecast.training.scaling import Scaler, mean_frame
from framecast.training.tensor_file import write_tensors

MASK = "mask.npy"
"""(h, w) bool, False where pixels are held."""


@dataclass(frozen=True)
class _Fitted:
    """All that a forecast needs beside weights and mask; kept as forecaster.json."""

    network: str
    settings: dict[str, Any]
    shape: tuple[int, int]
    """(height, width) the network works at."""
    channels: int
    scaler: Scaler
    device: str
    empty: bool = False
    """Whether much of the frames it learned from is empty."""


class NetworkForecaster:
    """A network of NETWORKS behind the Forecaster contract. `settings` has the fields of the network's settings and of
    TrainingSettings. `clock` tells the seconds of its time limit; whoever pauses the fit hands in one that stops meanwhile."""

    def __init__(
        self, name: str, settings: Any, workbench: Workbench, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.name = name
        self.settings = settings
        self.workbench = workbench
        self._clock = clock
        self._fitted: _Fitted | None = None
        self._network: nn.Module | None = None
        self._mean_frame: Tensor | None = None
        self._mask: Tensor | None = None
        """(h, w) float32, 1 where a pixel carries data; the others are held along a forecast. None holds none."""
        self._saved_tile: int | None = None
        self.restoration = "change"
        """How a forecast comes back to native size, one of the names in `hindcasts`. `fit` chooses it after the first
        stage; whoever knows better sets it before `forecast` and `save`."""
        self.course = Course()
        self.n_history = 0
        """Frames before the test."""
        self._began_s = 0.0

    def fit(self, history: FrameSeries, split: Split) -> Iterator[FitProgress]:
        """Train on `history`, which ends before the test. Raises SettingError where a window does not fit into the training
        span, DivergedError and DeviceMemoryError where training cannot go on."""
        assert history.n_frames == split.test.start, "the test frames must not be here"
        with memory_errors(self.workbench.device):
            yield from self._fit(history, split)

    def help(self, history: FrameSeries, split: Split, group: Group) -> None:
        """See HelpedForecaster."""
        with memory_errors(self.workbench.device):
            self._prepare(history, split).help(group)

    def _fit(self, history: FrameSeries, split: Split) -> Iterator[FitProgress]:
        fit = self._prepare(history, split)
        course = self.course
        self._network = network = self.build()
        if course.forecasting:
            network.load_state_dict(course.forecasting)
            course.forecasting = {}
        self._began_s = fit.started
        yield from fit.steps(network, history, split)

    def _prepare(self, history: FrameSeries, split: Split) -> NetworkFit:
        """Learn from `history` all that is no weight: sizes, scaling, what it begins with."""
        settings, device = self.settings, self.workbench.device
        shape = self.workbench.preparation.working_shape(history.height, history.width)
        if settings.restore == "warp" and settings.zero_block:
            raise SettingError(
                "Zeros pushed before the forecast leave no last frame to be moved. Choose another way back to native size "
                "than warp, or push no zeros."
            )
        choosing, self.n_history = settings.validation and len(split.valid) > 0, split.test.start
        learned_from = split.train if choosing else range(split.test.start)
        small = reduction_of(history.frames, shape).small
        mask = None if history.valid is None else reduce_mask(history.valid, shape)
        seen = small[learned_from.start : learned_from.stop]
        mean = mean_frame(seen) if settings.subtract_mean else None
        self._mean_frame = None if mean is None else torch.from_numpy(mean).permute(2, 0, 1).contiguous()
        scaler = Scaler.fit(seen, mask, normalise=settings.normalise, around=mean)
        empty = much_is_empty(history.frames[learned_from.start : learned_from.stop])
        self._fitted = _Fitted(self.name, settings.to_mapping(), shape, history.n_channels, scaler, device, empty)
        course = self.course
        if self.workbench.weights is not None and course.is_new:
            found = starting_weights(settings, self.workbench.weights, self.name, shape, history.n_channels)
            course.start, course.begun = found.read(), [f"It began with the weights of another run. {found.sentence}"]
        if settings.restore != "choose":
            self.restoration = settings.restore
        held = mask_tensor(mask, device)
        self._mask = held if course.holds else None
        data = TrainingData(
            frames=to_tensor(small).to(device),
            span=learned_from,
            valid=split.valid if choosing else range(0),
            data_range=history.data_range,
            mask=held,
            holds=course.holds,
        )
        return NetworkFit(self, data, scaler, choosing, self._clock)

    def save_state(self, folder: Path) -> None:
        """See ResumableForecaster."""
        assert self._network is not None, "a fit comes first"
        self.course.restoration = self.restoration
        self.course.save(folder, self._network, self._clock() - self._began_s)

    def resume(self, folder: Path) -> None:
        """See ResumableForecaster."""
        self.take_up(Course.read(folder))

    def take_up(self, course: Course) -> None:
        """Go on from where a fit stood that was read before."""
        self.course = course
        self.restoration = course.restoration

    def where_it_ended(self) -> Course:
        """Of a fit that has ended: its course with what forecasts now, for another one to take up and go further from."""
        assert self._network is not None, "fit or load comes first"
        return dataclasses.replace(self.course, forecasting=weights_of(self._network), restoration=self.restoration)

    def extend(self, unit: str, amount: float) -> None:
        """See ExtensibleForecaster."""
        self.course.extend(unit, amount)

    def build(self, *, anomalies: bool = True) -> nn.Module:
        """A network at its beginning on the device, the same one for the same seed. Starting weights go over those of its
        birth, so that with them its head is not zero and its first forecast is theirs, not persistence."""
        fitted = self._fitted
        assert fitted is not None
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.workbench.seed)
            network = bare_network(self.name, self.settings, *fitted.shape, fitted.channels)
        residual = self.settings.residual
        padded = Padded(network, NETWORKS[self.name].stride(self.settings))
        if tile := self.tile:
            padded.tile(tile)
        scaled = Scaled(padded, fitted.scaler, answers_change=residual, mean_frame=self._mean_frame if anomalies else None)
        wrapped = Residual(scaled) if residual else scaled
        network.load_state_dict(self.course.start, strict=False)
        return wrapped.to(self.workbench.device)

    def choose_restoration(self, history: FrameSeries, valid: range) -> list[str]:
        """Choose the way back to native size that serves the forecast of the validation frames best, and say so; nothing where
        there is none to choose."""
        assert self._fitted is not None
        if self.settings.restore != "choose" or len(self._ways((history.height, history.width))) < 2:
            return []
        view = View.of(history, len(valid))
        truth = view.patches(history.frames[valid.start + view.leads])
        hindcasts = self.hindcasts(history.frames[: valid.start], len(valid), view)
        self.restoration, words = best_way(hindcasts, truth, self.settings.select_by, history.data_range, view)
        return [words]

    def settle(self, history: FrameSeries, split: Split) -> str:
        """See SettlingForecaster: the way back to native size, which is chosen when the search ends."""
        course = self.course
        if course.stage != "search" or course.further or not course.best.step:
            return ""
        with memory_errors(self.workbench.device):
            return " ".join(self.choose_restoration(history, split.valid))

    @property
    def tile(self) -> int:
        """Side in pixels of the tiles that frames are forecast in, as set or as memory made it; 0 for whole frames."""
        if self._network is None:
            return self._saved_tile if self._saved_tile is not None else int(self.settings.tile)
        (padded,) = (part for part in self._network.modules() if isinstance(part, Padded))
        return padded.tile_size

    @property
    def retreat(self) -> str:
        """What memory made of a forecast that was asked for otherwise, as a sentence; empty where nothing."""
        if (tile := self.tile) == self.settings.tile:
            return ""
        size = f"tiles of {self.settings.tile} px" if self.settings.tile else "a whole frame"
        return (
            f"Memory ran out while {size} of the forecast was at work, so frames were forecast in tiles of {tile} px. "
            "That is slower and gives the same picture but for rounding."
        )

    @property
    def block(self) -> int:
        """Frames that the network emits at once."""
        return int(getattr(self.settings, "block", 1))

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width) of the frames that the network sees."""
        assert self._fitted is not None, "fit or load comes first"
        return self._fitted.shape

    def forecast(self, past: Frames, horizon: int, nudge: Frames | None = None) -> Frames:
        """See Forecaster. `past` at native size; every true frame warms the state. Brought back a frame at a time. `nudge`,
        (n, height, width, channel) float32 at the size the network sees, is added to the last n frames of what it sees:
        another start."""
        small = reduce_frames(past, self.shape)
        seen = small if nudge is None else _nudged(small, nudge)
        restorer, (low, high) = Restorer(self.restoration, past, small), extremes(past)
        frames = np.empty((horizon, *past.shape[1:]), np.float32)
        for lead, (frame, motion) in enumerate(self._rollout(seen, horizon)):
            frames[lead] = restorer(frame, motion)
        if self.settings.clamp:
            np.clip(frames, low, high, out=frames)
        leave_out_faint(faint_of(self.restoration), frames, low, high)
        return frames

    def hindcasts(self, past: Frames, horizon: int, view: View) -> dict[str, Frames]:
        """What `view` sees of the forecast of `horizon` frames after `past`, by each way back to native size that there is:
        name to (lead, row, column, channel) float32, of the leads of the view. Pasts that are slices of one array are reduced
        once; see reduction_of."""
        assert self._fitted is not None, "fit or load comes first"
        reduction = reduction_of(past, self._fitted.shape)
        ways = self._ways(past.shape[1:3])
        restorers = {way: Restorer(way, past, reduction.small, view) for way in dict.fromkeys(map(without_faint, ways))}
        said: dict[str, list[Frames]] = {way: [] for way in restorers}
        for lead, (frame, motion) in enumerate(self._rollout(reduction.small, horizon)):
            if lead in view.leads:
                for way, restorer in restorers.items():
                    said[way].append(restorer(frame, motion))
        low, high = reduction.low, reduction.high
        bounds = (low, high) if self.settings.clamp else (-np.inf, np.inf)
        restored = {way: np.clip(np.stack(frames), *bounds) for way, frames in said.items()}
        found = {way: restored[without_faint(way)].copy() for way in ways}
        for way, frames in found.items():
            leave_out_faint(faint_of(way), frames, low, high)
        return found

    def _ways(self, native: tuple[int, ...]) -> tuple[str, ...]:
        """Names of all ways back to `native` (height, width) that may be chosen, with the one that is."""
        assert self._fitted is not None
        tells = NETWORKS[self.name].tells_motion and not self.settings.zero_block  # zeros are no frame to be moved
        ways = possible_ways(reduced=native != self._fitted.shape, tells_motion=tells)
        ways = with_faint_left_out(ways) if self._fitted.empty else ways
        return ways if self.restoration in ways else (*ways, self.restoration)

    def _rollout(self, small: Frames, horizon: int) -> Iterator[tuple[Frames, SmallMotion | None]]:
        """Forecast frames (h, w, channel) float32 one after the other, with the motion behind each where the network tells."""
        network = self._network
        assert network is not None
        device, context = torch.device(self.workbench.device), self.settings.context
        past = to_tensor(decisive(network, small[None], context)[0])[None].to(device)
        at_once = frames_at_once(network, context, tiled=bool(self.tile))
        was_training = network.training  # a fit may be paused for a look at it
        network.eval()
        n_frames = 0
        with memory_errors(self.workbench.device), exactly():
            clamp = _clamp(small, device) if self.settings.clamp else None
            zero_block = horizon if self.settings.zero_block else 0
            steps = chunks(
                network, past, horizon, clamp=clamp, zero_block=zero_block, warm_block=at_once, mask=self._mask
            )
            for chunk, state in steps:
                frames = chunk[0].permute(0, 2, 3, 1).cpu().numpy()[: horizon - n_frames]
                told = motion_of(network, state)
                motion = None if told is None else small_motion(told, small.shape[1:3])
                n_frames += len(frames)
                yield from ((frame, motion) for frame in frames)
        network.train(was_training)

    def save(self, folder: Path) -> None:
        assert self._fitted is not None and self._network is not None
        weights = self.course.best.weights or self._network.state_dict()
        write_tensors(weights, folder / "weights.safetensors")
        if self._mask is not None:
            np.save(folder / MASK, self._mask.cpu().numpy() > 0)
        content = {**dataclasses.asdict(self._fitted), "restoration": self.restoration, "tile": self.tile}
        (folder / "forecaster.json").write_text(json.dumps(content, indent=1), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> "NetworkForecaster":
        """What `save` wrote, on the device it was fitted on where that exists, else on the CPU."""
        values = json.loads((folder / "forecaster.json").read_text(encoding="utf-8"))
        scaler = Scaler(**{name: tuple(column) for name, column in values.pop("scaler").items()})
        restoration = values.pop("restoration", "change")  # the only one there was, before it was written down
        tile = values.pop("tile", None)
        values = {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
        fitted = _Fitted(**values, scaler=scaler)
        device = _device_here(fitted.device)
        settings: Any = settings_class(NETWORKS[fitted.network]).from_mapping(fitted.settings)
        forecaster = cls(fitted.network, settings, Workbench(device=device))
        forecaster.restoration, forecaster._saved_tile = restoration, tile
        forecaster._fitted = fitted
        forecaster._mask = _mask_of(folder / MASK, fitted.shape, device)
        weights = load_file(folder / "weights.safetensors", device=device)
        if settings.subtract_mean:  # kept with the weights; what it is built with only has to have its shape
            forecaster._mean_frame = torch.zeros(fitted.channels, *fitted.shape)
        forecaster._network = forecaster.build()
        forecaster._network.load_state_dict(weights)
        return forecaster


def _mask_of(path: Path, shape: tuple[int, int], device: str) -> Tensor | None:
    """What `save` wrote. None where no pixel is masked, and of a network that was trained when none was held."""
    if not path.exists():
        return None
    mask = np.load(path, allow_pickle=False)
    if mask.shape != shape or mask.dtype != np.bool_:
        raise ValueError(f"{path.name} is no mask of the frames that the network sees")
    return mask_tensor(mask, device)


def _device_here(device: str) -> str:
    """The device, or what comes next to it on this machine: any GPU for one that is not here, the CPU where there is none."""
    if device == "cpu" or not torch.cuda.is_available():
        return "cpu"
    _, _, index = device.partition(":")
    return device if int(index or 0) < torch.cuda.device_count() else "cuda"


def _clamp(frames: Frames, device: torch.device) -> tuple[Tensor, Tensor]:
    """Lowest and highest value per channel of (t, h, w, c), each (c, 1, 1); see seen_range, which takes tensors."""
    low, high = (torch.from_numpy(values).view(-1, 1, 1).to(device) for values in extremes(frames))
    return low, high


def _nudged(frames: Frames, nudge: Frames) -> Frames:
    nudged = frames.astype(np.float32)
    nudged[len(frames) - len(nudge) :] += nudge
    return nudged

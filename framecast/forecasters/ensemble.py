"""Ensemble: several forecasts of one kind of network, whose mean forecasts and whose spread says how sure it is.

Two ways to get several. "seeds" trains the network anew for each member, from other weights at birth and with windows in
another order (Lakshminarayanan et al. 2017, "Simple and scalable predictive uncertainty estimation using deep ensembles"):
the time is shared, the mean is better than any of them, and what they do not agree on is unsure. "noise" trains one network
and lets each member begin from frames that are a little off: real one-step changes of the past, scaled, are added to the last
frames, once with either sign, so that a pair has the true frames as its mean (positive and negative perturbations as in Toth
and Kalnay 1993, "Ensemble forecasting at NMC"). It costs no training and sees only what the start leaves open.

Either spread is too small. How much too small is seen on the validation frames: the forecast of the first stage of each
member, which was not trained on them, is held against them (framecast.forecasters.calibration). The moment at which that stage
ended was chosen on the same frames, which flatters it a little; the refit on all history that forecasts in the end has seen
more, which makes up for some of it.
"""

import json
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

from framecast.forecasters.calibration import SpreadLaw, fit_spread
from framecast.forecasters.catalog import FORECASTERS
from framecast.forecasters.contract import ForecasterKind, Workbench
from framecast.forecasters.network_fit import STAGE_CHOSEN
from framecast.forecasters.network_forecaster import NetworkForecaster
from framecast.networks.contract import NETWORKS
from framecast.series.frames import Frames, FrameSeries, Split
from framecast.series.preparation import reduce_frames
from framecast.settings import Settings, setting
from framecast.training.pace import MOST_EPOCHS
from framecast.training.progress import FitProgress

JUDGED = "judged.safetensors"
N_SAMPLES = 4000
"""Pixels of a frame, times channels, that the spread is judged on."""


@dataclass(frozen=True)
class EnsembleSettings(Settings):
    of: str = setting("unet", label="Network", help="The network that the members are made of.", choices=tuple(NETWORKS))
    members: int = setting(
        4,
        label="Members",
        help="How many forecasts are made. More give a steadier mean and spread; with own seeds each is trained by itself.",
        minimum=2,
        maximum=64,
    )
    kind: str = setting(
        "seeds",
        label="Members differ by",
        help="Seeds: each member is a network of its own, trained from another start; they share the time limit. Noise: one "
        "network forecasts from frames that are a little off, each time differently.",
        choices=("seeds", "noise"),
    )
    noise: float = setting(
        0.5,
        label="Noise",
        help="How far off the frames are that members begin from, in units of the usual change from one frame to the next. "
        "Only where members differ by noise.",
        minimum=0.0,
        maximum=10.0,
        advanced=True,
    )
    minutes: float = setting(
        4.0,
        label="Time limit",
        help="Minutes for all members together. 0 means no limit: each is trained for all its epochs.",
        minimum=0.0,
        maximum=100_000.0,
        unit="min",
    )
    epochs: int = setting(
        1000,
        label="Epochs",
        help="How often a member sees every training window, if the time limit does not end it first.",
        minimum=1,
        maximum=MOST_EPOCHS,
    )
    learning_rate: float = setting(
        1e-3, label="Learning rate", help="Size of a training step.", minimum=1e-7, maximum=1.0, advanced=True
    )
    batch_size: int = setting(
        4, label="Batch size", help="Windows per training step.", minimum=1, maximum=4096, advanced=True
    )
    unroll: int = setting(
        8,
        label="Unroll",
        help="How many of its own forecasts a member is fed in training.",
        minimum=1,
        maximum=200,
        advanced=True,
    )
    select_by: str = setting(
        "ssim",
        label="Best means",
        help="The score of the validation forecast that decides which weights of a member are kept.",
        choices=("ssim", "mse"),
        advanced=True,
    )


PASSED_ON = ("epochs", "learning_rate", "batch_size", "unroll", "select_by")


class Ensemble:
    """Several networks, or one from several starts. A MemberForecaster."""

    def __init__(self, settings: EnsembleSettings, workbench: Workbench) -> None:
        self.settings = settings
        self.workbench = workbench
        self._networks: list[NetworkForecaster] = []
        """Those whose first stage is done, and the first one from its birth on."""
        self._law: SpreadLaw | None = None
        self._at_work: NetworkForecaster | None = None
        self._judged: _Judged | None = None
        self._resumed: _Resumed | None = None
        self._elapsed_s = 0.0

    def fit(self, history: FrameSeries, split: Split) -> Iterator[FitProgress]:
        """See Forecaster. Left early, the members forecast whose first stage is done; a lone first one as it is."""
        assert len(split.valid), "there is nothing to judge the spread by; checked before a run is queued"
        n_fits = _n_networks(self.settings)
        self._judged = judged = _Judged(history, split)
        first, resumed = 0, self._resumed
        if resumed is not None:
            first, judged.members, judged.raw_share = resumed.index, resumed.judged, resumed.raw_share
            self._law = resumed.law
        started = time.monotonic() - (resumed.elapsed_s if resumed else 0.0)
        for index in range(first, n_fits):
            network = self._at_work = self._network(index, split)
            if resumed is not None and index == first:
                network.resume(resumed.folder / "network")
                finished = [NetworkForecaster.load(resumed.folder / _folder(one)) for one in range(index)]
                self._networks = [*finished, network] if resumed.counts or index == 0 else finished
                resumed = self._resumed = None
            elif index == 0:
                self._networks = [network]
            steps = network.fit(history, split)
            assert isinstance(steps, Generator)
            with closing(steps):  # which puts the best weights in place when the caller leaves
                for progress in steps:
                    chosen = progress.stage == STAGE_CHOSEN
                    if chosen:
                        self._networks = [*self._networks[:index], network]
                        self._law = judged.with_more(self._members_of(network, judged.past, judged.horizon))
                    fraction = (index + progress.fraction) / n_fits
                    self._elapsed_s = elapsed = time.monotonic() - started
                    yield replace(
                        progress,
                        stage=f"Member {index + 1} of {n_fits}: {progress.stage.lower()}" if n_fits > 1 else progress.stage,
                        fraction=fraction,
                        elapsed_s=elapsed,
                        remaining_s=elapsed * (1 - fraction) / fraction if fraction > 0 else None,
                        improved=chosen or (progress.improved and network in self._networks),
                        finding=self._finding(judged),
                    )

    def _network(self, index: int, split: Split) -> NetworkForecaster:
        kind = FORECASTERS[self.settings.of]
        changes = {name: getattr(self.settings, name) for name in PASSED_ON}
        changes["minutes"] = self.settings.minutes / _n_networks(self.settings)
        bench = replace(self.workbench, seed=self.workbench.seed + 1000 * index)
        network = kind.make(kind.configure(None, changes, split), bench)
        assert isinstance(network, NetworkForecaster)
        return network

    def save_state(self, folder: Path) -> None:
        """See ResumableForecaster. The members that are trained are kept as they forecast, the one at work as it stands."""
        network, judged = self._at_work, self._judged
        assert network is not None and judged is not None, "a fit comes first"
        counts = network in self._networks
        finished = [one for one in self._networks if one is not network]
        for index, one in enumerate(finished):
            (folder / _folder(index)).mkdir()
            one.save(folder / _folder(index))
        (folder / "network").mkdir()
        network.save_state(folder / "network")
        content = {
            "index": len(finished),
            "counts": counts,
            "elapsed_s": self._elapsed_s,
            "raw_share": judged.raw_share,
            "spread": None if self._law is None else asdict(self._law),
        }
        (folder / "ensemble.json").write_text(json.dumps(content, indent=1), encoding="utf-8")
        save_file({f"{number:03d}": np.ascontiguousarray(one) for number, one in enumerate(judged.members)}, folder / JUDGED)

    def resume(self, folder: Path) -> None:
        """See ResumableForecaster."""
        content = json.loads((folder / "ensemble.json").read_text(encoding="utf-8"))
        judged = [one for _, one in sorted(load_file(folder / JUDGED).items())]
        self._resumed = _Resumed(
            folder,
            content["index"],
            content["counts"],
            content["elapsed_s"],
            content["raw_share"],
            _law_of(content["spread"]),
            judged,
        )

    def _finding(self, judged: "_Judged") -> str:
        if self._law is None or judged.raw_share is None:
            return ""
        n_members = len(judged.members)
        made = "one network from other starts" if self.settings.kind == "noise" else "networks trained by themselves"
        if n_members == 1:
            return "Only one member was trained: how sure it is comes from its errors on the validation frames."
        return (
            f"{n_members} members, {made}: on the validation frames they differed by {judged.raw_share:.0%} of what their "
            "mean was wrong by, and the spread that is shown is corrected for that."
        )

    def forecast(self, past: Frames, horizon: int) -> Frames:
        """The mean of the members."""
        assert self._networks, "fit or load comes first"
        members = self.forecast_members(past, horizon)
        total, n_members = next(members), 1
        for member in members:
            total += member
            n_members += 1
            del member  # before the next one is made
        total /= n_members
        return total

    def forecast_members(self, past: Frames, horizon: int) -> Iterator[Frames]:
        """See MemberForecaster."""
        for network in self._networks:
            yield from self._members_of(network, past, horizon)

    def spread_law(self, horizon: int) -> SpreadLaw:
        """See MemberForecaster."""
        return SpreadLaw.as_it_is(horizon) if self._law is None else self._law.over(horizon)

    def _members_of(self, network: NetworkForecaster, past: Frames, horizon: int) -> Iterator[Frames]:
        if self.settings.kind == "seeds":
            yield network.forecast(past, horizon)
            return
        for index in range(self.settings.members):
            yield network.forecast(past, horizon, nudge=self._nudge(network, past, index))

    def _nudge(self, network: NetworkForecaster, past: Frames, index: int) -> Frames | None:
        """What member `index` sees added to the last frames: past changes at random, each pair with opposite signs. The last
        member of an odd number begins from the true frames."""
        n = min(int(network.settings.context), len(past))
        if len(past) < 2 or (index == self.settings.members - 1 and index % 2 == 0):
            return None
        rng = np.random.default_rng((self.workbench.seed, index // 2))
        sign = 1 if index % 2 == 0 else -1
        nudge = np.empty((n, *network.shape, past.shape[-1]), np.float32)
        for frame in nudge:
            first = int(rng.integers(len(past) - 1))
            before, after = reduce_frames(past[first : first + 2], network.shape).astype(np.float32)
            frame[:] = sign * self.settings.noise * rng.choice((-1.0, 1.0)) * (after - before)
        return nudge

    def save(self, folder: Path) -> None:
        for index, network in enumerate(self._networks):
            (folder / _folder(index)).mkdir()
            network.save(folder / _folder(index))
        content = {
            "settings": self.settings.to_mapping(),
            "seed": self.workbench.seed,
            "n_networks": len(self._networks),
            "spread": None if self._law is None else asdict(self._law),
        }
        (folder / "ensemble.json").write_text(json.dumps(content, indent=1), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> "Ensemble":
        content = json.loads((folder / "ensemble.json").read_text(encoding="utf-8"))
        ensemble = cls(EnsembleSettings.from_mapping(content["settings"]), Workbench(seed=content["seed"]))
        ensemble._networks = [NetworkForecaster.load(folder / _folder(index)) for index in range(content["n_networks"])]
        ensemble._law = _law_of(content["spread"])
        return ensemble


@dataclass(frozen=True, eq=False)
class _Resumed:
    """Where a fit was left."""

    folder: Path
    index: int
    """Of the member at work."""
    counts: bool
    """Whether it forecasts already, its first stage being done."""
    elapsed_s: float
    raw_share: float | None
    law: SpreadLaw | None
    judged: list[Frames]


class _Judged:
    """The members' forecasts of the validation frames at a few thousand pixels, and what they say of the spread."""

    def __init__(self, history: FrameSeries, split: Split) -> None:
        self.past = history.frames[: split.valid.start]
        self.horizon = len(split.valid)
        counted = np.ones((history.height, history.width), np.bool_) if history.valid is None else history.valid
        pixels = np.flatnonzero(counted)
        step = -(-len(pixels) * history.n_channels // N_SAMPLES)
        # shuffled with a fixed seed: a regular step would meet the same columns again and again
        self._pixels = np.sort(np.random.default_rng(0).permutation(pixels)[: -(-len(pixels) // step)])
        self._truth = self._sampled(history.frames[split.valid.start : split.valid.stop])
        self.members: list[Frames] = []
        self.raw_share: float | None = None

    def with_more(self, members: Iterator[Frames]) -> SpreadLaw:
        """The law now that these members, too, have forecast the validation frames."""
        self.members += map(self._sampled, members)  # not a loop, whose variable would hold a member while the next is made
        error = np.stack(self.members).mean(axis=0) - self._truth
        spread = np.std(np.stack(self.members), axis=0, ddof=min(1, len(self.members) - 1))
        wrong = float(np.sqrt((error**2).mean()))
        self.raw_share = float(np.sqrt((spread**2).mean())) / wrong if wrong else None
        return fit_spread(self.members, self._truth)

    def _sampled(self, frames: Frames) -> Frames:
        """(lead, sample) float32; a lead at a time, so that a memory map stays on disk."""
        return np.stack([frame.reshape(-1, frame.shape[-1])[self._pixels].astype(np.float32).ravel() for frame in frames])


def _folder(index: int) -> str:
    return f"member_{index + 1}"


def _law_of(columns: dict[str, list[float]] | None) -> SpreadLaw | None:
    return SpreadLaw(**{name: tuple(column) for name, column in columns.items()}) if columns else None


def _n_weights(settings: EnsembleSettings, height: int, width: int, channels: int) -> int:
    """Of all networks together."""
    return _of_one(settings, "n_weights", height, width, channels) * _n_networks(settings)


def _training_bytes(settings: EnsembleSettings, height: int, width: int, channels: int, device: str) -> int:
    """One network is trained at a time; the weights of the others wait on the device."""
    waiting = 4 * _of_one(settings, "n_weights", height, width, channels) * (_n_networks(settings) - 1)
    return _of_one(settings, "training_bytes", height, width, channels, device) + waiting


def _of_one(settings: EnsembleSettings, count: str, *sizes: int | str) -> int:
    kind = FORECASTERS[settings.of]
    counted: Callable[..., int] = getattr(kind, count)
    return int(counted(kind.configure(None, {name: getattr(settings, name) for name in PASSED_ON}), *sizes))


def _n_networks(settings: EnsembleSettings) -> int:
    return settings.members if settings.kind == "seeds" else 1


def _make(settings: EnsembleSettings, workbench: Workbench) -> Ensemble:
    return Ensemble(settings, workbench)


FORECASTERS.add(
    "ensemble",
    ForecasterKind(
        title="Ensemble",
        summary="Trains a network several times, or lets it begin from several starts: the mean forecasts, the spread says "
        "how sure it is.",
        use_when="When you must know how far a forecast can be off, or when the seed of a network changes its forecast.",
        family="protocol",
        settings=EnsembleSettings,
        make=_make,
        load=Ensemble.load,
        needs_validation=True,
        presets={"recommended": {}, "one network": {"kind": "noise", "members": 8}},
        preset_help={
            "recommended": "Four U-Nets trained from different seeds; they share the time limit.",
            "one network": "One U-Net that gets the whole time, forecast from eight slightly different starts.",
        },
        n_weights=_n_weights,
        training_bytes=_training_bytes,
    ),
)

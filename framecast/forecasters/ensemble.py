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

A member that diverges, or that memory does not suffice for, is left out and named, as long as another one is there.

An ensemble that has ended is trained further member by member, each as a network by itself would be. One that then forecasts
the validation frames better does so, as at first, before it is trained on them too, and the spread is judged by that forecast
in place of its old one; one that does not forecasts and counts as before.
"""

import json
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

from framecast.errors import DeviceMemoryError, DivergedError
from framecast.forecasters.calibration import SpreadLaw
from framecast.forecasters.catalog import FORECASTERS
from framecast.forecasters.contract import ForecasterKind, Timed, Workbench, retreats_of
from framecast.forecasters.ensemble_settings import PASSED_ON, EnsembleSettings, n_networks
from framecast.forecasters.ensemble_state import JUDGED, NETWORK, Judged, Resumed, law_of, member_folder, why_not_further
from framecast.forecasters.network_fit import STAGE_CHOSEN, TIME_SHARE_OF_FIRST_STAGE
from framecast.forecasters.network_forecaster import NetworkForecaster
from framecast.forecasters.seeds import SEED_STEP
from framecast.series.frames import Frames, FrameSeries, Split
from framecast.series.preparation import reduce_frames
from framecast.training.progress import FitProgress


class Ensemble:
    """Several networks, or one from several starts. A MemberForecaster."""

    def __init__(self, settings: EnsembleSettings, workbench: Workbench) -> None:
        self.settings = settings
        self.workbench = workbench
        self._networks: dict[int, NetworkForecaster] = {}
        """Members that forecast: those whose first stage is done, and the first one from its birth on."""
        self._law: SpreadLaw | None = None
        self._index = 0
        """Of the network at work."""
        self._at_work: NetworkForecaster | None = None
        self._judged: Judged | None = None
        self._resumed: Resumed | None = None
        self._elapsed_s = 0.0
        self._further: tuple[str, float] | None = None
        """What all networks together are trained further by, of a fit that had ended."""
        self._n_better = 0
        """Of those that were, how many forecast better since."""
        self.left_out: dict[str, str] = {}
        """Members that could not be trained, by their names, and why."""

    def fit(self, history: FrameSeries, split: Split) -> Iterator[FitProgress]:
        """See Forecaster. Left early, the members forecast whose first stage is done; a lone first one as it is."""
        assert len(split.valid), "there is nothing to judge the spread by; checked before a run is queued"
        n_fits = n_networks(self.settings)
        self._judged = judged = Judged(history, split)
        resumed, self._resumed = self._resumed, None
        if resumed is not None:
            judged.members, judged.raw_share, self._law = resumed.judged, resumed.raw_share, resumed.law
            self._index, self._networks = resumed.index, resumed.finished(n_fits)
        started = time.monotonic() - (resumed.elapsed_s if resumed else 0.0)
        for index in range(self._index, n_fits):
            if _named(index) in self.left_out:
                continue
            self._index, self._at_work = index, self._network(index, split)
            network, counts = self._at_work, not self._networks or self._further is not None
            if resumed is not None and resumed.at_work:
                network.resume(resumed.folder / NETWORK)
                counts |= resumed.counts
            elif self._further is not None:
                network.take_up(self._networks[index].where_it_ended())
            if self._further is not None and network.course.stage == "end":
                network.extend(*self._further)
            resumed = None
            if counts:
                self._networks[index] = network
            try:
                yield from self._train_member(index, network, judged, history, split, started)
            except (DivergedError, DeviceMemoryError) as error:
                if self._further is not None or (index == n_fits - 1 and self._networks.keys() <= {index}):
                    raise
                self._leave_out(index, str(error))
            if self._networks and _named(index) in self.left_out:  # out here, where the error holds on to no memory
                said = FitProgress(f"Member {index + 1} of {n_fits}: left out")
                yield self._told(said, index + 1, n_fits, started, improved=True)

    def _train_member(
        self, index: int, network: NetworkForecaster, judged: Judged, history: FrameSeries, split: Split, started: float
    ) -> Iterator[FitProgress]:
        n_fits, steps = n_networks(self.settings), network.fit(history, split)
        assert isinstance(steps, Generator)
        with closing(steps):  # which puts the best weights in place when the caller leaves
            for progress in steps:
                chosen = progress.stage == STAGE_CHOSEN
                if chosen:
                    self._networks[index] = network
                    self._n_better += self._further is not None
                    members = self._members_of(network, judged.past, judged.horizon)
                    self._law = judged.with_those_of(sorted(self._networks).index(index), members)
                improved = chosen or (progress.improved and network in self._networks.values())
                if n_fits > 1:
                    progress = replace(progress, stage=f"Member {index + 1} of {n_fits}: {progress.stage.lower()}")
                yield self._told(progress, index + progress.fraction, n_fits, started, improved=improved)

    def _told(self, progress: FitProgress, done: float, n_fits: int, started: float, *, improved: bool) -> FitProgress:
        """Progress of one of `n_fits` trainings as that of all, of which so many are done."""
        fraction, self._elapsed_s = done / n_fits, time.monotonic() - started
        remaining = self._elapsed_s * (1 - fraction) / fraction if fraction > 0 else None
        told = replace(progress, fraction=fraction, elapsed_s=self._elapsed_s, remaining_s=remaining, improved=improved)
        return replace(told, finding=self._finding())

    def _leave_out(self, index: int, why: str) -> None:
        """What the members without this one say of the spread is as if it had never been."""
        assert self._judged is not None
        self.left_out[_named(index)], self._at_work, self._index = why, None, index + 1
        if index in self._networks:
            self._law = self._judged.without(sorted(self._networks).index(index))
            del self._networks[index]

    def _network(self, index: int, split: Split) -> NetworkForecaster:
        kind = FORECASTERS[self.settings.of]
        changes = {name: getattr(self.settings, name) for name in PASSED_ON}
        changes["minutes"] = self.settings.minutes / n_networks(self.settings)
        bench = replace(self.workbench, seed=self.workbench.seed + SEED_STEP * index)
        network = kind.make(kind.configure(None, changes, split), bench)
        assert isinstance(network, NetworkForecaster)
        return network

    def save_state(self, folder: Path) -> None:
        """See ResumableForecaster. The members that are trained are kept as they forecast and as they ended, the one at work
        as it stands."""
        judged = self._judged
        assert judged is not None, "a fit comes first"
        at_work = None if self._at_work is None or self._at_work.course.stage == "end" else self._at_work
        for index, one in self._networks.items():
            if one is not at_work:
                (folder / member_folder(index)).mkdir()
                one.save(folder / member_folder(index))
                one.save_state(folder / member_folder(index))
        if at_work is not None:
            (folder / NETWORK).mkdir()
            at_work.save_state(folder / NETWORK)
        content = {
            "index": self._index + (self._at_work is not None and at_work is None),
            "counts": at_work in self._networks.values(),
            "elapsed_s": self._elapsed_s,
            "further": self._further,
            "n_better": self._n_better,
            "left_out": self.left_out,
            "raw_share": judged.raw_share,
            "spread": None if self._law is None else asdict(self._law),
        }
        (folder / "ensemble.json").write_text(json.dumps(content, indent=1), encoding="utf-8")
        save_file({f"{number:03d}": np.ascontiguousarray(one) for number, one in enumerate(judged.members)}, folder / JUDGED)

    def resume(self, folder: Path) -> None:
        """See ResumableForecaster."""
        content = json.loads((folder / "ensemble.json").read_text(encoding="utf-8"))
        judged = [one for _, one in sorted(load_file(folder / JUDGED).items())]
        further = content.get("further")
        self._further, self._n_better = further and (further[0], further[1]), content.get("n_better", 0)
        self.left_out = content.get("left_out", {})
        self._resumed = Resumed(
            folder,
            content["index"],
            content["counts"],
            content["elapsed_s"],
            content["raw_share"],
            law_of(content["spread"]),
            judged,
        )

    def extend(self, unit: str, amount: float) -> None:
        """See ExtensibleForecaster. Minutes are for all members together, epochs and steps for each."""
        assert self._resumed is not None, "resume comes first"
        n_trained = n_networks(self.settings) - len(self.left_out)
        share = amount / n_trained if unit == "minutes" else amount
        self._further, self._n_better = (unit, share), 0
        self._resumed = replace(self._resumed, index=0, elapsed_s=0.0)

    def _finding(self) -> str:
        judged = self._judged
        if judged is None or self._law is None or judged.raw_share is None:
            return ""
        n_members = len(judged.members)
        made = "one network from other starts" if self.settings.kind == "noise" else "networks trained by themselves"
        if n_members == 1:
            found = "Only one member was trained: how sure it is comes from its errors on the validation frames."
        else:
            found = (
                f"{n_members} members, {made}: on the validation frames they differed by {judged.raw_share:.0%} of what "
                "their mean was wrong by, and the spread that is shown is corrected for that."
            )
        if judged.horizon < judged.leads_asked:
            reached = f"The validation frames reach to lead {judged.horizon}"
            found += f" {reached}; beyond that it is taken to be as sure as there, which is too sure."
        found += "".join(f" {name} was left out." for name in self.left_out)
        return f"{found} {self._found_further()}" if self._further else found

    def _found_further(self) -> str:
        assert self._further is not None
        unit, amount = self._further
        n_fits = len(self._networks)
        trained = f"trained {amount:.3g} {unit[:-1] if amount == 1 else unit} further"
        if n_fits == 1:
            better = "got better" if self._n_better else "did not get better; what forecast before still does"
            return f"It was {trained}, and the forecast of the validation frames {better}."
        return (
            f"Each was {trained}: {self._n_better} of {n_fits} forecast the validation frames better than before"
            f"{'' if self._n_better == n_fits else ', and the others forecast as they did'}."
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
        for _, network in sorted(self._networks.items()):
            yield from self._members_of(network, past, horizon)

    def settle(self, history: FrameSeries, split: Split) -> str:
        """See SettlingForecaster: of a lone first member, which forecasts before its search has ended."""
        at_work = self._at_work
        return at_work.settle(history, split) if at_work is not None and at_work in self._networks.values() else ""

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

    @property
    def retreat(self) -> str:
        """What memory made of forecasts of members, in words; see NetworkForecaster."""
        return retreats_of(self._networks.values())

    def save(self, folder: Path) -> None:
        for place, (_, network) in enumerate(sorted(self._networks.items())):
            (folder / member_folder(place)).mkdir()
            network.save(folder / member_folder(place))
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
        ensemble._networks = {one: NetworkForecaster.load(folder / member_folder(one)) for one in range(content["n_networks"])}
        ensemble._law = law_of(content["spread"])
        return ensemble


def _n_weights(settings: EnsembleSettings, height: int, width: int, channels: int) -> int:
    """Of all networks together."""
    return _of_one(settings, "n_weights", height, width, channels) * n_networks(settings)


def _training_bytes(settings: EnsembleSettings, height: int, width: int, channels: int, device: str) -> int:
    """One network is trained at a time; the weights of the others wait on the device, and in the memory of the machine those
    that their search ended with."""
    each = (8 if device == "cpu" else 4) * _of_one(settings, "n_weights", height, width, channels)
    waiting = each * (n_networks(settings) - 1)
    return _of_one(settings, "training_bytes", height, width, channels, device) + waiting


def _of_one(settings: EnsembleSettings, count: str, *sizes: int | str) -> int:
    kind = FORECASTERS[settings.of]
    counted: Callable[..., int] = getattr(kind, count)
    return int(counted(kind.configure(None, {name: getattr(settings, name) for name in PASSED_ON}), *sizes))


def _named(index: int) -> str:
    return f"Member {index + 1}"


def _timed_by(settings: EnsembleSettings) -> Timed:
    """Members are trained one after the other and share the time."""
    given = {name: getattr(settings, name) for name in PASSED_ON}
    return Timed(settings.of, given, TIME_SHARE_OF_FIRST_STAGE / n_networks(settings))


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
        timed_by=_timed_by,
        extensible=True,
        why_not_further=why_not_further,
    ),
)

"""The recipe of a run: plan it, carry it out, forecast with it again.

`plan` refuses what cannot work before anybody waits for it. `carry_out` is a generator like the training it drives: whoever
runs it may stop it and keep the best, or leave it and have an interrupted run. What forecasts the test frames is loaded back
from the run folder, so that the folder alone repeats it bit for bit.
"""

import contextlib
import math
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from framecast.errors import InputError, SettingError, UnknownNameError
from framecast.files import bytes_in_words
from framecast.forecasters.catalog import FORECASTERS
from framecast.forecasters.contract import (
    BlendForecaster,
    ExtensibleForecaster,
    Forecaster,
    ResumableForecaster,
    Workbench,
    settled,
)
from framecast.leaving import Left, left_when, may_be_left
from framecast.runs.beginning import check_others, check_start, inherited_settings, seen_above, seen_before, shown_of_others
from framecast.runs.blend_members import keep_weights, runs_of_members
from framecast.runs.checks import check_context, check_mask, check_memory, check_numbers, check_split, check_validation
from framecast.runs.devices import available_bytes, chosen_device, n_threads_alone, torch_threads
from framecast.runs.failure import recording_failure
from framecast.runs.forecasting import Scoring, forecast_again, forecast_first, native_forecast, score_test
from framecast.runs.helping import announce
from framecast.runs.keeping import Keeper
from framecast.runs.looking_back import look_back
from framecast.runs.members import keep_members
from framecast.runs.record import RunRecord, installed_versions, new_id, source_commit, utc_now
from framecast.runs.rules import KnownRules, sorted_out
from framecast.runs.store import Run
from framecast.series.frames import Frames, FrameSeries, Preparation, Split
from framecast.training.progress import FitProgress

if TYPE_CHECKING:
    from framecast.evaluation.scores import ScoreCurve
    from framecast.training.distributed import Group

STAGE_FORECAST = "Forecasting the test frames"
STAGE_SCORE = "Scoring"
STAGE_STOPPED = "Stopped early"
STAGE_MEMBERS = "Keeping the members as runs of their own"
STAGE_LOOK_BACK = "Looking back"
SHOWN_EVERYWHERE = ("persistence", "climatology")
"""Rules that every table and plot needs, and that take no time."""
STAGES_OF_A_RESULT = (STAGE_MEMBERS, STAGE_LOOK_BACK)
"""Of a run that is finished by then: all its scores are there."""
STAGES_AFTER_FIT = (STAGE_FORECAST, STAGE_SCORE, *STAGES_OF_A_RESULT)


def plan(
    series: FrameSeries,
    *,
    forecaster: str,
    preset: str | None = None,
    changes: Mapping[str, object] | None = None,
    split: Split | None = None,
    preparation: Preparation | None = None,
    seed: int = 0,
    device: str = "auto",
    title: str | None = None,
    digest: str | None = None,
    n_threads: int | None = None,
    start_from: Run | None = None,
    others: Mapping[str, FrameSeries] | None = None,
    n_processes: int = 1,
    here: bool = True,
) -> RunRecord:
    """The record of a run that can be carried out.

    `changes` go over the preset; `split` is Split.of(series.n_frames) by default; `digest` spares reading the whole series
    where it is known. `start_from` is a finished run whose weights this one begins with; what its network is comes from there
    too, where `changes` say nothing else. `others` are series, by digest, that are learned from first. `n_processes` will
    share the fit. A run that is not carried out `here` may ask for a device, and for memory, that this machine does not have.
    Raises UnknownNameError and SettingError, each with what would work.
    """
    kind = FORECASTERS[forecaster]
    preset = preset or next(iter(kind.presets))
    split = split or Split.of(series.n_frames)
    others = others or {}
    check_numbers(seed, n_threads)
    changes = {**inherited_settings(kind, forecaster, start_from), **(changes or {})}
    settings = kind.configure(preset, changes, split)
    preparation = preparation or Preparation()
    device = chosen_device(device, here=here)
    check_split(series, split)
    check_mask(series)
    check_validation(kind, split)
    check_context(settings, split)
    digest = digest or series.digest()
    if start_from:
        check_start(kind, forecaster, settings, start_from, series, digest, preparation, split)
    check_others(kind, settings, series, others, preparation, digest, split)
    if here:
        check_memory(kind, settings, series, preparation, split, device, others.values(), n_processes)
    now = utc_now()
    return RunRecord(
        id=new_id(forecaster, now),
        created=now.isoformat(timespec="milliseconds"),
        title=title or f"{kind.title} on {series.name}",
        series=digest,
        series_name=series.name,
        split=split,
        preparation=preparation,
        forecaster=forecaster,
        preset=preset,
        settings=settings.to_mapping(),
        seed=seed,
        device=device,
        n_threads=n_threads or n_threads_alone(),
        versions=installed_versions(),
        commit=source_commit(),
        start_from=start_from.id if start_from else "",
        learned_from=tuple(others),
        seen_before=seen_before(start_from, others, digest),
        seen_above=seen_above(start_from, others, digest, series, split),
        n_processes=n_processes,
    )


def carry_out(
    record: RunRecord,
    series: FrameSeries,
    run: Run,
    *,
    stop: Callable[[], bool] = lambda: False,
    hurry: Callable[[], bool] = lambda: False,
    watch: Callable[[], object] = lambda: None,
    rules: KnownRules = MappingProxyType({}),
    others: Mapping[str, FrameSeries] | None = None,
    group: "Group | None" = None,
) -> Generator[FitProgress, None, None]:
    """Fit, forecast the test frames, score, and write it all into the run folder, scores.csv last. Then each member of a blend
    becomes a run of its own, and the run is looked back on; it is finished by then, however that ends. A run that was left
    goes on from its checkpoint.

    Yields the fit's progress, then a sign of life before each forecast and scoring. Once `stop()` says so the fit is left and
    what is best so far forecasts; where it says so later, or `hurry()` does, no rule is scored any more but those shown
    everywhere, and nothing is looked back on. `watch` is called at each of them and may raise, which ends the run. Closing
    the generator leaves an interrupted run with a checkpoint of that moment. `rules` are those that are known for this series
    and split, which are not scored again; `others` the series of `record.learned_from` by digest. `record` is that of the run,
    but for its device where that leaves a choice. Whoever calls holds the run (`Run.hold`). What goes wrong is written into
    error.txt and raised. The processes of a `group` share the fit and are released when it has ended.
    """
    steps = _carry_out(record, series, run, stop, hurry, rules, others or {}, group)
    with recording_failure(run), torch_threads(record.n_threads), contextlib.closing(steps):
        for progress in steps:
            run.beat()
            watch()
            yield progress


def repeat_forecast(run: Run, series: FrameSeries) -> Frames:
    """The forecast of the test frames once more, from the run folder: (lead, height, width, channel) as forecast.npy."""
    with torch_threads(run.record.n_threads):
        return forecast_again(run, series)


def forecast_beyond(run: Run, series: FrameSeries, n_steps: int) -> Frames:
    """The `n_steps` frames after the last frame of the series: (lead, height, width, channel), native dtype and size."""
    if n_steps < 1:
        raise SettingError(f"{n_steps} frames are to be forecast; at least 1 is needed. Choose a number from 1 on.")
    free, one = available_bytes("cpu"), series.frames[0].size * 4 * 2
    if n_steps * one > free:
        raise SettingError(
            f"{n_steps} frames need {bytes_in_words(n_steps * one)} and {bytes_in_words(free)} are free. "
            f"Choose at most {free // one} frames."
        )
    with torch_threads(run.record.n_threads):
        return native_forecast(run.forecaster(), series, series.n_frames, n_steps, run.record.title)


def _carry_out(
    record: RunRecord,
    series: FrameSeries,
    run: Run,
    stop: Callable[[], bool],
    hurry: Callable[[], bool],
    rules: KnownRules,
    others: Mapping[str, FrameSeries],
    group: "Group | None",
) -> Generator[FitProgress, None, None]:
    notes, fitted_rules = _Notes(), dict[str, Forecaster]()
    last = yield from _fit(record, series, run, stop, notes, fitted_rules, others, group)
    if group is not None:
        group.release()
    already = stop()  # then it was the fit that was to be left

    def left() -> bool:
        return hurry() or (stop() and not already)

    yield replace(last, stage=STAGE_FORECAST)
    with _timed(notes.forecast_seconds, record.forecaster):
        forecast, notes.finding = forecast_first(run, series, notes.finding)
    run.write_forecast(forecast)
    yield replace(last, stage=STAGE_SCORE)
    curves = score_test(record.forecaster, forecast, series, record.split, record.n_threads, record.device)
    keep_weights(run)
    for _ in keep_members(run, series):
        yield replace(last, stage=STAGE_SCORE)
    curves += yield from _score_rules(record, series, last, notes, fitted_rules, rules, left)
    run.write_summary(vars(notes))
    run.write_scores(curves)
    if run.home is not None:
        run = run.take_over()
    for _ in runs_of_members(run, series):  # first: they are a result, which nobody who is in a hurry wants to miss
        yield replace(last, stage=STAGE_MEMBERS)
    for _ in look_back(run, series, fitted_rules, left):
        yield replace(last, stage=STAGE_LOOK_BACK)
        if left():
            return


@dataclass
class _Notes:
    """What is kept in summary.json."""

    fit_seconds: dict[str, float] = field(default_factory=dict)
    forecast_seconds: dict[str, float] = field(default_factory=dict)
    finding: str = ""
    """What the fit found out, as a sentence."""
    stopped_early: bool = False
    learned_nothing: bool = False
    """Stopped before the first epoch or validation: what forecast is what the network was at birth."""
    ended_by_time: bool = False
    """The time limit was used up before the epochs and the steps."""
    rule_choices: dict[str, dict[str, Any]] = field(default_factory=dict)
    """What the rules beside the run's forecaster chose for themselves, as far as it was seen."""
    left_out: dict[str, str] = field(default_factory=dict)
    """Rules and members of a blend that cannot forecast this series, and members of an ensemble that failed, and why."""
    scoring_left: bool = False
    """Some rules were left out because nobody waited for them."""


def _fit(
    record: RunRecord,
    series: FrameSeries,
    run: Run,
    stop: Callable[[], bool],
    notes: _Notes,
    fitted_rules: dict[str, Forecaster],
    others: Mapping[str, FrameSeries],
    group: "Group | None",
) -> Generator[FitProgress, None, FitProgress]:
    """Fit on the frames before the test, keep the best and where the fit stands on disk, and return the last progress with no
    preview. Rules that the forecaster fitted on the way, as auto does, are put into `fitted_rules`."""
    kind = FORECASTERS[record.forecaster]
    settings = kind.settings.from_mapping(record.settings)
    checkpoint = run.checkpoint()
    learned_from = {digest: others[digest] for digest in record.learned_from}
    bench = Workbench(
        record.preparation,
        record.device,
        record.seed,
        weights=_weights_to_begin_with(run, needed=checkpoint is None),
        others=shown_of_others(learned_from, record.series, settings, record.split),
        group=group,
    )
    forecaster = kind.make(settings, bench)
    numbers = _go_on(run, forecaster, checkpoint)
    if group is not None:
        announce(group, record, run)
    keeper = Keeper(run, forecaster, numbers)
    history = series.head(record.split.test.start)
    last = FitProgress(stage="Beginning")
    notes.finding = numbers["finding"]
    with contextlib.ExitStack() as leaving:
        steps = forecaster.fit(history, record.split)
        if isinstance(steps, Generator):
            leaving.callback(steps.close)
        for progress in steps:
            last = replace(progress, preview=None)
            numbers["finding"] = notes.finding = progress.finding or notes.finding
            numbers["epochs"] = max(numbers["epochs"], progress.epoch)
            numbers["steps"] = max(numbers["steps"], progress.step)
            numbers["learned"] |= bool(progress.epoch_done or progress.valid_scores)
            keeper.take(progress)
            try:
                yield progress
            except GeneratorExit:
                keeper.keep_standing()
                raise
            if stop() and kind.family != "rule":  # which has chosen all there is to choose by its one sign of life
                notes.stopped_early = True
                keeper.keep_standing()
                break
    notes.fit_seconds[record.forecaster] = keeper.fit_seconds
    notes.learned_nothing = notes.stopped_early and not numbers["learned"] and kind.family == "network"
    limited = bool(record.settings.get("minutes")) and numbers["epochs"] < int(record.settings.get("epochs", 0))
    limited &= numbers["steps"] < (int(record.settings.get("steps", 0)) or math.inf)
    limited &= "minutes" in (run.extensions() or [{"minutes": 0}])[-1]  # of one that went further by epochs, those end it
    blend = isinstance(forecaster, BlendForecaster)  # which is made to use its time limit up
    notes.ended_by_time = limited and not notes.stopped_early and not blend
    if notes.stopped_early:
        notes.finding = f"{notes.finding} {settled(forecaster, history, record.split)}".strip()
        run.append_progress({**last.to_mapping(), "stage": STAGE_STOPPED, "epoch_done": False, "improved": False})
    else:
        keeper.keep_standing()  # of a fit that has ended: enough to extend it
    run.save_forecaster(forecaster)
    fitted_rules.update(getattr(forecaster, "rules", {}))
    notes.left_out.update(getattr(forecaster, "left_out", {}))
    return replace(last, fraction=1.0, remaining_s=None, epoch_done=False, improved=False)


def _weights_to_begin_with(run: Run, *, needed: bool) -> Path | None:
    """What the run starts from, saved by another; a run that goes on has that in its checkpoint, should the other be gone."""
    try:
        source = run.source()
    except UnknownNameError:
        if needed:
            raise
        return None
    return source.saved() if source else None


def _go_on(run: Run, forecaster: Forecaster, checkpoint: tuple[Path, dict[str, Any]] | None) -> dict[str, Any]:
    """Bring the run and its forecaster to where the fit was left; of an extension, to where it begins. The run's own numbers
    of that moment, as the keeper keeps them."""
    begin = {"n_lines": 0, "fit_seconds": 0.0, "finding": "", "epochs": 0, "steps": 0, "learned": False, "n_extensions": 0}
    if checkpoint is None or not isinstance(forecaster, ResumableForecaster):
        run.go_on(0)
        return begin
    folder, numbers = checkpoint
    numbers = {**begin, **numbers}
    run.resume_fit(forecaster, folder)
    extensions = run.extensions()
    if len(extensions) > numbers["n_extensions"]:
        assert isinstance(forecaster, ExtensibleForecaster), "checked before a run is queued"
        ((unit, amount),) = extensions[-1].items()
        forecaster.extend(unit, amount)
        numbers["n_extensions"] = len(extensions)
    run.go_on(numbers["n_lines"])
    return numbers


def _score_rules(
    record: RunRecord,
    series: FrameSeries,
    last: FitProgress,
    notes: _Notes,
    fitted: dict[str, Forecaster],
    known: KnownRules,
    hurry: Callable[[], bool],
) -> "Generator[FitProgress, None, list[ScoreCurve]]":
    """The curves of every rule on the same split; one that cannot serve this series is left out with its sentence, and so is
    one that nobody waits for. Nothing `known` is made again; those of the others that are not among the `fitted` join them."""
    split = record.split
    wanted, curves, left_out = sorted_out(known, record.forecaster)
    notes.left_out.update(left_out)
    began = time.monotonic()
    scoring = Scoring(series, split.test.start, split.horizon, record.n_threads, record.device)
    for index, name in enumerate(wanted):
        kind = FORECASTERS[name]
        left_s = (time.monotonic() - began) / index * (len(wanted) - index) if index else None
        yield replace(last, stage=STAGE_SCORE, remaining_s=left_s)
        rule = fitted.get(name) or kind.make(kind.configure(), Workbench(seed=record.seed))
        unwanted = _never if name in SHOWN_EVERYWHERE else hurry
        try:
            with left_when(unwanted):
                may_be_left()
                if name not in fitted:
                    with _timed(notes.fit_seconds, name):
                        for _ in rule.fit(series.head(split.test.start), split):
                            pass
                    fitted[name] = rule
                if choice := getattr(rule, "choice", None):
                    notes.rule_choices[name] = asdict(choice)
                with _timed(notes.forecast_seconds, name):
                    forecast = native_forecast(rule, series, split.test.start, split.horizon, kind.title)
                curves += scoring.score(name, forecast)
        except InputError as error:
            notes.left_out[name] = str(error)
        except Left:
            if not unwanted():
                raise
            notes.scoring_left = True
            notes.left_out[name] = f"{kind.title} was not scored: the scoring was left early."
    return curves


def _never() -> bool:
    return False


@contextlib.contextmanager
def _timed(seconds: dict[str, float], name: str) -> Iterator[None]:
    started = time.monotonic()
    yield
    seconds[name] = time.monotonic() - started

"""Is this folder a run? Asked of what came from outside, before it gets its place among the runs.

Every file is read the way it will be used, and what it claims is held against the others: the record against its fields, the
forecast against the horizon, the weights against the network that is to hold them. Nothing in it can run code: arrays are
never unpickled, weights are safetensors. Raises InputError, one sentence.
"""

import json
import math
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

import numpy as np
from numpy.lib import format as npy

from framecast.errors import InputError, SettingError, UnknownNameError
from framecast.evaluation.faults.finding import Finding
from framecast.evaluation.scores import read_scores
from framecast.forecasters.catalog import FORECASTERS
from framecast.metrics import METRICS
from framecast.networks.contract import NETWORKS
from framecast.runs.notes import FILE as NOTES
from framecast.runs.notes import RunNotes
from framecast.runs.reading import UNREADABLE, progress_line
from framecast.runs.record import RunRecord
from framecast.runs.run_folder import Run
from framecast.series.lineage import can_be
from framecast.training.progress import FitProgress

DIGEST = re.compile(r"[0-9a-f]{16}")
DEVICE = re.compile(r"cpu|cuda(:\d{1,3})?")
LONGEST_TEXT = 500
MOST_FRAMES = 10**7
FRAME_TYPES = ("uint8", "uint16", "float32")
SPREAD_TYPES = ("float16", "float32")
SMALLEST_WEIGHT = 2
"""Bytes. A network that would need more weights than its file can hold is not built at all."""
BROKEN = (*UNREADABLE, RecursionError, MemoryError, ArithmeticError)


def check_run(folder: Path, run_id: str, label: str) -> RunRecord:
    """The record of the run that lies in `folder` and nowhere else yet. `label` is what messages call where it comes from."""
    record: RunRecord = _checked(label, "record.json", lambda: _record(folder / "record.json", run_id))
    run = Run(folder, record)
    if (folder / NOTES).exists():
        _checked(label, NOTES, lambda: RunNotes.from_mapping(_mapping(folder / NOTES)))
    _checked(label, "progress.jsonl", lambda: _progress(run))
    _checked(label, "summary.json", lambda: _summary(run.summary()))
    _checked(label, "error.txt", run.error)
    _checked(label, "extensions.json", lambda: _all(fits(one, dict[str, float]) for one in run.extensions()))
    _checked(label, "remedies.json", run.remedies)
    _checked(label, "checkpoint/last", run.checkpoint)
    _checked(label, "weights.csv", lambda: _all(name in FORECASTERS for name in run.weights()))
    frame = _checked(label, "forecast.npy", lambda: _frames(folder / "forecast.npy", FRAME_TYPES, record))
    spread = _checked(label, "spread.npy", lambda: _frames(folder / "spread.npy", SPREAD_TYPES, record))
    _checked(label, "spread.npy", lambda: _all([spread in (None, frame)]))
    if run.state == "finished":
        for name in ("forecast.npy", "summary.json", "checkpoint/best"):
            if not (folder / name).exists():
                raise InputError(f"The run in {label} has scores and no {name}; it must have both. Export the run again.")
        _checked(label, "scores.csv", lambda: _scores(run))
        _checked(label, "members.csv", lambda: _members(run))
        _checked(label, "backtest.csv", lambda: _backtest(run))
        _checked(label, "diagnosis.json", lambda: _diagnosis(folder / "diagnosis.json"))
    for path in sorted((folder / "checkpoint").rglob("*")):
        inside = path.relative_to(folder).as_posix()
        _checked(label, inside, lambda path=path: _saved(path, frame))  # type: ignore[misc]
    if (folder / "checkpoint" / "best").is_dir():
        _checked(label, "checkpoint/best", run.forecaster)
    return record


def fits(value: object, hint: Any) -> bool:
    """Whether a value read from JSON is what an annotated field holds: plain types, tuples and mappings of them. A float may
    be what `plain_json` makes of those that JSON does not have."""
    origin, inner = get_origin(hint), get_args(hint)
    if hint is float:
        return type(value) in (float, int) or value in (None, "Infinity", "-Infinity")
    if origin is None:
        return type(value) is hint
    if origin is tuple:
        return isinstance(value, list | tuple) and all(fits(one, inner[0]) for one in value)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return isinstance(value, dict) and all(fits(one, str) and fits(other, inner[1]) for one, other in value.items())
    return any(fits(value, one) for one in inner)  # a union


def _record(path: Path, run_id: str) -> RunRecord:
    values = _mapping(path)
    record = RunRecord.from_mapping(values)
    for name, hint in get_type_hints(RunRecord).items():
        if name in values and name not in ("split", "preparation") and not fits(values[name], hint):
            raise ValueError(f"{name} is not of its kind")
    texts = [text for text in vars(record).values() if isinstance(text, str)]
    texts += [*record.settings, *record.versions, *record.versions.values(), *record.learned_from, *record.seen_before]
    digests = (record.series, *record.learned_from, *record.seen_before, *record.seen_above)
    others = (record.start_from, record.member_of)
    size = record.preparation.size
    kind = FORECASTERS[record.forecaster]
    known = {field.name for field in kind.settings.fields()}
    kind.settings.from_mapping({name: value for name, value in record.settings.items() if name in known})
    datetime.fromisoformat(record.created)
    demands = {
        f"its id is not {run_id}": record.id == run_id,
        "a text is too long": all(len(text) <= LONGEST_TEXT for text in texts),
        "a series is not named by its digest": all(map(DIGEST.fullmatch, digests)),
        "there is no such device": DEVICE.fullmatch(record.device) is not None,
        "what it has seen is no frames": all(can_be(spans, MOST_FRAMES) for spans in record.seen_above.values()),
        "its test has no frame, or it has too many frames": record.split.n_frames <= MOST_FRAMES and record.split.horizon >= 1,
        "the working size is no number": size is None or type(size) is int,
        "a setting is none": all(value is not None for value in record.settings.values()),
        "the seed is out of its bounds": 0 <= record.seed < 2**32,
        "the number of threads is out of its bounds": 1 <= record.n_threads <= 1024,
        "a run that it names cannot be one": all(re.fullmatch(r"[A-Za-z0-9_-]*", one) for one in others),
    }
    for found, holds in demands.items():
        if not holds:
            raise ValueError(found)
    return record


def _progress(run: Run) -> None:
    """A line that a crash cut short is passed over, as it is at home; one that is whole must be of the kind."""
    hints = get_type_hints(FitProgress)
    path = run.folder / "progress.jsonl"
    for text in path.read_text(encoding="utf-8", errors="replace").splitlines() if path.exists() else ():
        try:
            json.loads(text)
        except ValueError:
            continue
        line = progress_line(text)
        _all(fits(line[name], hints[name]) for name in ("stage", "epoch_done", "valid_scores"))
        _all(name in hints and fits(value, hints[name]) for name, value in line.items())


def _summary(values: dict[str, Any]) -> None:
    _all(fits(values.get(name, {}), dict[str, float]) for name in ("fit_seconds", "forecast_seconds"))
    _all(fits(values.get(name, False), bool) for name in ("stopped_early", "learned_nothing", "ended_by_time", "scoring_left"))
    _all([fits(values.get("finding", ""), str), fits(values.get("left_out", {}), dict[str, str])])


def _scores(run: Run) -> None:
    record, curves = run.record, run.scores()
    _all(curve.forecaster in FORECASTERS and curve.metric in METRICS for curve in curves)
    _all(curve.horizon == record.split.horizon and curve.origin == record.split.origin for curve in curves)
    found = {(curve.forecaster, curve.metric) for curve in curves}
    _all((name, metric) in found for name in (record.forecaster, "persistence") for metric in ("ssim", "mse"))


def _members(run: Run) -> None:
    from framecast.evaluation.ensemble import Sureness

    curves = run.members()
    _all(curve.horizon == run.record.split.horizon for curve in curves)
    _all(re.fullmatch(r"ensemble|member \d{1,4}", curve.forecaster) for curve in curves)
    _all(re.fullmatch(r"\w{1,40}", curve.metric) for curve in curves)
    Sureness.of(curves)


def _backtest(run: Run) -> None:
    path, split = run.folder / "backtest.csv", run.record.split
    curves = read_scores(path) if path.exists() else []
    _all(curve.forecaster in FORECASTERS and curve.metric in METRICS for curve in curves)
    _all(0 <= curve.origin < split.n_frames and curve.horizon <= split.n_frames for curve in curves)


def _diagnosis(path: Path) -> None:
    values = _mapping(path) if path.exists() else {"scores": "", "findings": []}
    _all([fits(values["scores"], str), isinstance(values["findings"], list)])
    hints = get_type_hints(Finding)
    for one in values["findings"]:
        finding = Finding.from_mapping(one)
        _all(fits(getattr(finding, name), hint) for name, hint in hints.items() if hint in (str, int, float, bool))


def _frames(path: Path, types: Iterable[str], record: RunRecord) -> tuple[int, ...] | None:
    """(height, width, channel) of a forecast; None where there is none."""
    if not path.exists():
        return None
    shape, dtype = npy_head(path)
    _all([len(shape) == 4, shape[0] == record.split.horizon, dtype.name in types, 1 <= shape[-1] <= 4, min(shape) >= 1])
    return shape[1:]


def npy_head(path: Path) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Shape and dtype of a file whose length is what they say. Raises ValueError for all else, and for Python objects."""
    with path.open("rb") as stream:
        version = npy.read_magic(stream)
        read = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}[version]
        shape, _, dtype = read(stream)
        begin = stream.tell()
    if dtype.hasobject or dtype.kind not in "biuf" or not dtype.isnative:
        raise ValueError("it is no array of numbers")
    if min(shape, default=1) < 0 or path.stat().st_size != begin + math.prod(shape) * dtype.itemsize:
        raise ValueError("it is not as long as its head says")
    return tuple(shape), dtype


def _saved(path: Path, frame: tuple[int, ...] | None) -> None:
    """A file that a forecaster saved."""
    if path.suffix == ".npy":
        npy_head(path)
    elif path.name == "forecaster.json":
        _network(path, frame)
    elif path.suffix == ".json":
        n_networks = _mapping(path).get("n_networks")
        n_folders = sum(one.name.startswith("member_") for one in path.parent.iterdir())
        _all([n_networks is None or n_networks == n_folders])


def _network(path: Path, frame: tuple[int, ...] | None) -> None:
    """The weights' file can hold what the network has: else a few numbers in a foreign file could ask for all the memory."""
    from framecast.forecasters.network_settings import settings_class

    values = _mapping(path)
    name, shape, channels = values["network"], values["shape"], values["channels"]
    _all([name in NETWORKS, fits(shape, tuple[int, ...]), len(shape) == 2, type(channels) is int, 1 <= channels <= 4])
    if frame is not None:
        _all([1 <= shape[0] <= frame[0], 1 <= shape[1] <= frame[1], channels == frame[2]])
    settings = settings_class(NETWORKS[name]).from_mapping(values["settings"])
    count = FORECASTERS[name].n_weights
    assert count is not None, "a network has weights"
    n_bytes = (path.parent / "weights.safetensors").stat().st_size
    _all([count(settings, shape[0], shape[1], channels) * SMALLEST_WEIGHT <= n_bytes])


def _mapping(path: Path) -> dict[str, Any]:
    values = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(values, dict):
        raise ValueError("it holds no JSON object")
    return values


def _all(demands: Iterable[object]) -> None:
    if not all(demands):
        raise ValueError("it does not fit the rest of the run")


def _checked(label: str, name: str, check: Callable[[], Any]) -> Any:
    try:
        return check()
    except BROKEN as error:
        raise InputError(
            f"{name} of the run in {label} cannot be used ({_reason(error)}); it must be as FrameCast wrote it. "
            "Export the run again, if need be with the same version."
        ) from error


def _reason(error: BaseException) -> str:
    match error:
        case UnknownNameError():
            return "it names something that this FrameCast does not have"
        case SettingError():
            return "something in it is unknown or out of its bounds"
        case KeyError():
            return "something is missing in it"
        case ValueError() if not isinstance(error, UnicodeError | json.JSONDecodeError) and str(error):
            return " ".join(str(error).split())[:200]
    return "it cannot be read"

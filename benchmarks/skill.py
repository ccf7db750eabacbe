"""Is auto as good as the best simple rule? python -m benchmarks.skill SERIES ... --into FILE.jsonl [--reduce 64] [--minutes 5]

For every series: auto with the given minutes and all simple rules forecast the last part of the series (and, with --origins,
of the series without its last frames, so that each is judged more than once). The best single rule is chosen with hindsight,
by its mean SSIM on the very frames that are scored, which nobody can do before. --alone fits forecasters by themselves; their
budget is processor time, so that a busy machine makes them slower and not worse. --reduce area-averages the series first, and
scores there; --prototype does so in the unit of the prototype's figures. What is measured is appended to a file of JSON lines,
and what is in it already is not measured again; the tables are made from the file, and --only-tables makes no more than them.
Set OMP_NUM_THREADS=1 beside --threads 1, or threads of numpy that wait for each other are paid for as processor time.
"""

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.prototype_unit import PER_LEVEL, in_prototype_unit
from benchmarks.skill_tables import each_table, main_table
from framecast import FORECASTERS, METRICS, FrameSeries, Preparation, RunStore, SeriesStore, Split, carry_out, ingest, plan
from framecast.evaluation.scores import mean_curve
from framecast.forecasters.auto import Auto
from framecast.forecasters.auto_settings import AutoSettings
from framecast.forecasters.contract import Workbench
from framecast.forecasters.network_forecaster import NetworkForecaster
from framecast.runs.devices import torch_threads
from framecast.runs.forecasting import native_forecast
from framecast.runs.preflight import default_preparation
from framecast.series.frames import Frames
from framecast.series.preparation import reduce_frames
from framecast.training.pace import MOST_EPOCHS


def parts(series: FrameSeries, n_origins: int) -> Iterator[FrameSeries]:
    """The whole series, then without its last half horizon, without two of them and so on, as long as enough is left."""
    horizon = Split.of(series.n_frames).horizon
    for number in range(n_origins):
        end = series.n_frames - number * ((horizon + 1) // 2)
        if end >= 4 * horizon:
            yield series.head(end) if number else series


def measure_auto(
    series: FrameSeries, horizon: int, asked: AutoSettings, bench: Workbench, n_threads: int, kept: Path | None
) -> Iterator[dict[str, Any]]:
    """Auto as the command line would run it, then the rules scored beside it. Its forecast goes to the file `kept`."""
    record = plan(
        series,
        forecaster="auto",
        changes={"minutes": asked.minutes, "networks": asked.networks},
        split=Split.of(series.n_frames, horizon),
        preparation=bench.preparation,
        seed=bench.seed,
        device=bench.device,
        n_threads=n_threads,
    )
    with tempfile.TemporaryDirectory() as folder:
        run = RunStore(Path(folder)).create(record)
        for _ in carry_out(record, series, run):
            pass
        curves, summary = run.scores(), run.summary()
        if kept:
            kept.write_bytes((run.folder / "forecast.npy").read_bytes())
    for name in dict.fromkeys(curve.forecaster for curve in curves):
        means = {metric: float(mean_curve(curves, name, metric).mean()) for metric in ("ssim", "mse")}
        seconds = summary["fit_seconds"].get(name, 0.0)
        finding = summary["finding"] if name == "auto" else ""
        yield {"forecaster": name, **means, "fit_s": round(seconds, 1), "finding": finding}


def measure_auto_by_processor_time(
    series: FrameSeries, horizon: int, asked: AutoSettings, bench: Workbench, n_threads: int, kept: Path | None
) -> Iterator[dict[str, Any]]:
    """The same with so many minutes of processor time, then every rule, and the networks that were trained for it, alone."""
    split, started = Split.of(series.n_frames, horizon), time.process_time()
    auto = Auto(asked, bench, clock=time.process_time)
    finding = ""
    with torch_threads(n_threads):
        for progress in auto.fit(series.head(split.test.start), split):
            finding = progress.finding or finding
        seconds = time.process_time() - started
        members = {f"{member.name} in auto": member.forecaster for member in auto.members if member.name not in auto.rules}
        for name, forecaster in {"auto": auto, **auto.rules, **members}.items():
            forecast = native_forecast(forecaster, series, split.test.start, horizon, name)
            if kept and name == "auto":
                np.save(kept, forecast)
            spent, said = (round(seconds, 1), finding) if name == "auto" else (0.0, "")
            yield {"forecaster": name, **mean_scores(forecast, series, split), "fit_s": spent, "finding": said}


def clock_of(bench: Workbench) -> Callable[[], float]:
    return time.process_time if bench.device == "cpu" else time.monotonic


def mean_scores(forecast: Frames, series: FrameSeries, split: Split) -> dict[str, float]:
    truth, how = series.frames[split.test.start :], {"data_range": series.data_range, "valid": series.valid}
    return {metric: float(METRICS[metric].function(forecast, truth, **how).mean()) for metric in ("ssim", "mse")}


def measure_alone(
    series: FrameSeries, horizon: int, name: str, minutes: float, bench: Workbench, n_threads: int, kept: Path | None
) -> Iterator[dict[str, Any]]:
    """One rule, or one network with so many minutes of processor time, on a GPU of the clock."""
    split, kind, clock = Split.of(series.n_frames, horizon), FORECASTERS[name], clock_of(bench)
    network = kind.family == "network"
    settings = kind.configure(None, {"minutes": minutes, "epochs": MOST_EPOCHS} if network else {}, split)
    finding, started = "", clock()
    with torch_threads(n_threads):
        forecaster = NetworkForecaster(name, settings, bench, clock=clock) if network else kind.make(settings, bench)
        for progress in forecaster.fit(series.head(split.test.start), split):
            finding = progress.finding or finding
        seconds = clock() - started
        forecast = native_forecast(forecaster, series, split.test.start, horizon, kind.title)
    if kept:
        np.save(kept, forecast)
    yield {"forecaster": name, **mean_scores(forecast, series, split), "fit_s": round(seconds, 1), "finding": finding}


def measured(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []


def opened(path: Path, store: SeriesStore, reduce: int | None, prototype: bool) -> FrameSeries:
    series = store.open(ingest(path, store).digest)
    if prototype:
        return in_prototype_unit(series)
    if reduce and reduce < min(series.height, series.width):
        shape = Preparation(reduce).working_shape(series.height, series.width)
        return replace(series, frames=reduce_frames(series.frames, shape))
    return series


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("series", nargs="*", type=Path)
    parser.add_argument("--into", type=Path, required=True, help="file of JSON lines")
    parser.add_argument("--minutes", type=float, default=5.0, help="for auto")
    parser.add_argument("--processor-time", action="store_true", help="auto's minutes, too, are of processor time (CPU)")
    parser.add_argument("--networks", default="as time allows", help="that auto tries: as time allows, two, all or none")
    parser.add_argument("--reduce", type=int, help="shorter side in pixels that the series are reduced to before anything")
    parser.add_argument("--prototype", action="store_true", help="reduce to 64 px as the prototype did; see prototype_unit.py")
    parser.add_argument("--size", type=int, help="shorter side in pixels that networks see; as on the command line by default")
    parser.add_argument("--native", action="store_true", help="networks see frames at full size")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--origins", type=int, default=1)
    parser.add_argument("--alone", nargs="*", default=[], help="rules and networks to fit by themselves, or 'all'")
    parser.add_argument("--alone-minutes", type=float, default=1.0, help="of processor time, for each network")
    parser.add_argument("--without-auto", action="store_true")
    parser.add_argument("--keep", type=Path, help="folder for the forecasts, (lead, height, width, channel) in .npy files")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--only-tables", action="store_true")
    asked = parser.parse_args()
    everything = [name for name, kind in FORECASTERS.items() if kind.family in ("rule", "network")]
    alone = everything if asked.alone == ["all"] else asked.alone
    if asked.keep:
        asked.keep.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        store = SeriesStore(Path(folder))
        for path in () if asked.only_tables else asked.series:
            series = opened(path, store, asked.reduce, asked.prototype)
            preparation = Preparation(asked.size)
            if not asked.size and not asked.native:
                preparation = default_preparation(series.height, series.width, asked.device)
            bench = Workbench(preparation, asked.device, asked.seed)
            horizon = Split.of(series.n_frames).horizon
            for part in parts(series, asked.origins):
                for name in [*([] if asked.without_auto else ["auto"]), *alone]:
                    known = {(row["series"], row["n_frames"], row["forecaster"]) for row in measured(asked.into)}
                    if (part.name, part.n_frames, name) in known:
                        continue
                    kept = asked.keep / f"{part.name}-{part.n_frames}-{name}.npy" if asked.keep else None
                    how = (bench, asked.threads, kept)
                    if name == "auto":
                        measure = measure_auto_by_processor_time if asked.processor_time else measure_auto
                        rows = measure(part, horizon, AutoSettings(minutes=asked.minutes, networks=asked.networks), *how)
                    else:
                        rows = measure_alone(part, horizon, name, asked.alone_minutes, *how)
                    started = time.monotonic()
                    for row in rows:
                        if (part.name, part.n_frames, row["forecaster"]) in known:
                            continue
                        row["mse"] /= PER_LEVEL**2 if asked.prototype else 1
                        with asked.into.open("a", encoding="utf-8") as file:
                            file.write(json.dumps({"series": part.name, "n_frames": part.n_frames, **row}) + "\n")
                    print(f"{part.name}, {part.n_frames} frames, {name}: {time.monotonic() - started:.0f} s", flush=True)
    lines = measured(asked.into)
    for table in (main_table(lines), each_table(lines)):
        print("\n".join(table), end="\n\n", flush=True)


if __name__ == "__main__":
    main()

"""Is auto as good as the best simple rule? python -m benchmarks.skill SERIES ... --into FILE.jsonl [--reduce 64] [--minutes 5]

For every series: auto with the given minutes, all simple rules, and with --alone networks by themselves, forecast the last
part of the series (and, with --origins, of the series without its last frames, so that each is judged more than once). The
best single rule is chosen with hindsight, by its mean SSIM on the very frames that are scored, which nobody can do before.
--reduce area-averages the series first, and scores there. What is measured is appended to a file of JSON lines, and what is
in it already is not measured again; the tables are made from the file, and --only-tables makes no more than them.
"""

import argparse
import json
import os
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from framecast import FORECASTERS, FrameSeries, Preparation, RunStore, SeriesStore, Split, carry_out, ingest, plan
from framecast.evaluation.scores import mean_curve
from framecast.runs.preflight import default_preparation
from framecast.series.preparation import reduce_frames


def parts(series: FrameSeries, n_origins: int) -> Iterator[FrameSeries]:
    """The whole series, then without its last half horizon, without two of them and so on, as long as enough is left."""
    horizon = Split.of(series.n_frames).horizon
    for number in range(n_origins):
        end = series.n_frames - number * ((horizon + 1) // 2)
        if end >= 4 * horizon:
            yield series.head(end) if number else series


def measure(
    series: FrameSeries, horizon: int, forecaster: str, minutes: float, size: int | None, seed: int, n_threads: int
) -> Iterator[dict[str, Any]]:
    """Fit one forecaster as the command line would and give its scores, then those of the rules beside it."""
    split = Split.of(series.n_frames, horizon)
    height, width = series.frames.shape[1:3]
    preparation = Preparation(size) if size else default_preparation(height, width, "cpu")
    changes: dict[str, object] = {"minutes": minutes} if minutes else {}
    if forecaster != "auto":
        changes["epochs"] = 100_000
    record = plan(
        series,
        forecaster=forecaster,
        changes=changes,
        split=split,
        preparation=preparation,
        seed=seed,
        n_threads=n_threads,
    )
    with tempfile.TemporaryDirectory() as folder:
        run = RunStore(Path(folder)).create(record)
        for _ in carry_out(record, series, run):
            pass
        curves, summary = run.scores(), run.summary()
    for name in dict.fromkeys(curve.forecaster for curve in curves):
        means = {metric: float(mean_curve(curves, name, metric).mean()) for metric in ("ssim", "mse")}
        seconds = summary["fit_seconds"].get(name, 0.0)
        finding = summary["finding"] if name == forecaster else ""
        yield {"forecaster": name, **means, "fit_s": round(seconds, 1), "finding": finding}


def measured(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []


def main_table(rows: Iterable[dict[str, Any]]) -> Iterator[str]:
    """Auto against the best rule with hindsight, each the mean over origins; the rule is chosen for each origin anew."""
    by_part = _by_part(rows)
    yield "| series | origins | best rule with hindsight | its SSIM | auto | gain | its MSE | auto | ratio | auto's fit s |"
    yield "|---|---|---|---|---|---|---|---|---|---|"
    gains, ratios = [], []
    for series in dict.fromkeys(series for series, _ in by_part):
        found = [
            (max(_rules(part), key=lambda row: row["ssim"]), part["auto"])
            for (name, _), part in by_part.items()
            if name == series and "auto" in part
        ]
        if not found:
            continue
        keys = ("ssim", "mse", "fit_s")
        rule, auto = ({key: float(np.mean([pair[i][key] for pair in found])) for key in keys} for i in (0, 1))
        names = "/".join(dict.fromkeys(pair[0]["forecaster"] for pair in found))
        gains.append(auto["ssim"] - rule["ssim"])
        ratios.append(auto["mse"] / rule["mse"] if rule["mse"] else 1.0)
        yield (
            f"| {series} | {len(found)} | {names} | {rule['ssim']:.3f} | {auto['ssim']:.3f} | {gains[-1]:+.3f} | "
            f"{rule['mse']:.4g} | {auto['mse']:.4g} | {ratios[-1]:.2f} | {auto['fit_s']:.0f} |"
        )
    if gains:
        yield (
            f"| **all** | | | | | **mean {np.mean(gains):+.3f}, worst {min(gains):+.3f}** | | | "
            f"**not above 1 on {sum(ratio <= 1.0 for ratio in ratios)} of {len(ratios)}** | |"
        )


def each_table(rows: Iterable[dict[str, Any]]) -> Iterator[str]:
    """Every forecaster alone: mean SSIM over leads and origins, and its spread over origins (largest minus smallest)."""
    scores: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        scores[row["forecaster"]][row["series"]].append(row["ssim"])
    names = list(dict.fromkeys(series for per_series in scores.values() for series in per_series))
    yield "| forecaster | " + " | ".join(names) + " |"
    yield "|---" * (len(names) + 1) + "|"
    for forecaster, per_series in sorted(scores.items(), key=lambda item: (item[0] != "auto", item[0])):
        cells = []
        for series in names:
            values = per_series.get(series)
            spread = f" ({max(values) - min(values):.3f})" if values and len(values) > 1 else ""
            cells.append(f"{np.mean(values):.3f}{spread}" if values else "")
        yield f"| {FORECASTERS[forecaster].title} | " + " | ".join(cells) + " |"


def _by_part(rows: Iterable[dict[str, Any]]) -> dict[tuple[str, int], dict[str, dict[str, Any]]]:
    found: dict[tuple[str, int], dict[str, dict[str, Any]]] = defaultdict(dict)
    for row in rows:
        found[row["series"], row["n_frames"]][row["forecaster"]] = row
    return found


def _rules(part: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    return [row for name, row in part.items() if FORECASTERS[name].family == "rule"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("series", nargs="*", type=Path)
    parser.add_argument("--into", type=Path, required=True, help="file of JSON lines")
    parser.add_argument("--minutes", type=float, default=5.0, help="for auto")
    parser.add_argument("--reduce", type=int, help="shorter side in pixels that the series are reduced to before anything")
    parser.add_argument("--size", type=int, help="shorter side in pixels that networks see; as on the command line by default")
    parser.add_argument("--origins", type=int, default=1)
    parser.add_argument("--alone", nargs="*", default=[], help="networks to fit by themselves, or 'all'")
    parser.add_argument("--alone-minutes", type=float, default=1.0)
    parser.add_argument("--without-auto", action="store_true")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--only-tables", action="store_true")
    asked = parser.parse_args()
    networks = [name for name, kind in FORECASTERS.items() if kind.family == "network"]
    alone = networks if asked.alone == ["all"] else asked.alone
    wanted = [*([] if asked.without_auto else ["auto"]), *alone]
    with tempfile.TemporaryDirectory() as folder:
        store = SeriesStore(Path(folder))
        for path in () if asked.only_tables else asked.series:
            series = store.open(ingest(path, store).digest)
            if asked.reduce and asked.reduce < min(series.height, series.width):
                shape = Preparation(asked.reduce).working_shape(series.height, series.width)
                series = replace(series, frames=reduce_frames(series.frames, shape))
            horizon = Split.of(series.n_frames).horizon
            for part in parts(series, asked.origins):
                for name in wanted:
                    known = {(row["series"], row["n_frames"], row["forecaster"]) for row in measured(asked.into)}
                    if (part.name, part.n_frames, name) in known:
                        continue
                    minutes = asked.minutes if name == "auto" else asked.alone_minutes
                    started = time.monotonic()
                    for row in measure(part, horizon, name, minutes, asked.size, asked.seed, asked.threads):
                        if (part.name, part.n_frames, row["forecaster"]) in known:
                            continue
                        with asked.into.open("a", encoding="utf-8") as file:
                            file.write(json.dumps({"series": part.name, "n_frames": part.n_frames, **row}) + "\n")
                    print(f"{part.name}, {part.n_frames} frames, {name}: {time.monotonic() - started:.0f} s", flush=True)
    rows = measured(asked.into)
    for table in (main_table(rows), each_table(rows)):
        print("\n".join(table), end="\n\n", flush=True)


if __name__ == "__main__":
    main()

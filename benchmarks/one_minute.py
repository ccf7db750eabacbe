"""What each network learns in a minute: python -m benchmarks.one_minute SERIES ... [--minutes 1] [--size 64]

Ingests every series, holds back its default test, trains each forecaster for the given time on this machine and prints one
Markdown table of scores at native size, the rules beside them. Everything goes through the same calls as the command line.
"""

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path

from framecast import FORECASTERS, FrameSeries, Preparation, RunStore, SeriesStore, carry_out, ingest, plan, rows
from framecast.training.pace import MOST_EPOCHS

RUNS = (
    ("unet", "recommended"),
    ("convlstm", "recommended"),
    ("cnn_lstm", "recommended"),
    ("flatten_lstm", "recommended"),
    ("flatten_lstm", "as posted"),
)
HEAD = "| series | forecaster | SSIM | PSNR | MSE | MAE | skill (MSE) | fit s |\n|---|---|---|---|---|---|---|---|"


def scores_of(series: FrameSeries, name: str, preset: str, minutes: float, size: int, workspace: Path) -> Iterator[str]:
    """Train one forecaster and give its line of the table, and the lines of the rules before the first."""
    record = plan(
        series,
        forecaster=name,
        preset=preset,
        changes={"minutes": minutes, "epochs": 300 if preset == "as posted" else MOST_EPOCHS},
        preparation=Preparation(size),
    )
    run = RunStore(workspace).create(record)
    for _ in carry_out(record, series, run):
        pass
    seconds = run.summary()["fit_seconds"]
    for row in rows(run.scores()):
        if row.forecaster == name or name == RUNS[0][0]:
            label = f"{FORECASTERS[row.forecaster].title}, {preset}" if row.forecaster == name else row.forecaster
            ssim, psnr, mse, mae = (row.means[metric] for metric in ("ssim", "psnr", "mse", "mae"))
            yield (
                f"| {series.name} | {label} | {ssim:.3f} | {psnr:.2f} | {mse:.4g} | {mae:.4g} | {row.skill:+.2f} | "
                f"{seconds.get(row.forecaster, 0.0):.0f} |"
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("series", nargs="+", type=Path)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--size", type=int, default=64, help="shorter side in pixels that the networks see")
    asked = parser.parse_args()
    print(HEAD, flush=True)
    with tempfile.TemporaryDirectory() as folder:
        store = SeriesStore(Path(folder))
        for path in asked.series:
            series = store.open(ingest(path, store).digest)
            for name, preset in RUNS:
                for line in scores_of(series, name, preset, asked.minutes, asked.size, Path(folder)):
                    print(line, flush=True)


if __name__ == "__main__":
    main()

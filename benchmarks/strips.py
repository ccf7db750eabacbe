"""A rollout as a strip of pictures: python -m benchmarks.strips SERIES FORECASTS_FOLDER INTO_FOLDER [--prototype]

For every forecast of the series that `benchmarks.skill --keep` left in the folder: the last true frame, then the truth at
some leads with the forecast below it, so that anyone can see what a score does not say: blur, ghosts, texture that drifts, a
standstill. The series must be reduced here as it was there.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.skill import opened
from framecast import FrameSeries, SeriesStore

LEADS = (1, 5, 10, 20, 30, 50)
GAP, TALLEST = 4, 192


def strip(series: FrameSeries, forecast: np.ndarray, origin: int) -> Image.Image:
    """Two rows: truth at LEADS over forecast, with the last true frame (index `origin`) at the left of both."""
    leads = [lead for lead in LEADS if lead <= len(forecast)]
    rows = [
        [series.frames[origin], *(series.frames[origin + lead] for lead in leads)],
        [series.frames[origin], *(forecast[lead - 1] for lead in leads)],
    ]
    scale = max(1, TALLEST // series.height)
    low, high = series.value_range
    height, width = series.height * scale + GAP, series.width * scale + GAP
    canvas = np.full((2 * height, len(rows[0]) * width, 3), 255, np.uint8)
    for y, row in enumerate(rows):
        for x, frame in enumerate(row):
            shown = np.clip((frame.astype(np.float32) - low) / (high - low), 0, 1) * 255
            shown = np.broadcast_to(shown[..., :3], (*shown.shape[:2], 3)) if shown.shape[-1] in (1, 3) else shown[..., :1]
            shown = np.repeat(np.repeat(shown.astype(np.uint8), scale, axis=0), scale, axis=1)
            canvas[y * height : y * height + shown.shape[0], x * width : x * width + shown.shape[1]] = shown
    return Image.fromarray(canvas)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("series", type=Path)
    parser.add_argument("forecasts", type=Path, help="files SERIES-FRAMES-FORECASTER.npy")
    parser.add_argument("into", type=Path)
    parser.add_argument("--reduce", type=int)
    parser.add_argument("--prototype", action="store_true")
    asked = parser.parse_args()
    asked.into.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        series = opened(asked.series, SeriesStore(Path(folder)), asked.reduce, asked.prototype)
        for path in sorted(asked.forecasts.glob(f"{series.name}-*.npy")):
            _, n_frames, name = path.stem.rsplit("-", 2)
            forecast = np.load(path)
            picture = strip(series, forecast, int(n_frames) - len(forecast) - 1)
            picture.save(asked.into / f"{path.stem}.png")
            print(asked.into / f"{path.stem}.png", name)


if __name__ == "__main__":
    main()

"""The question's own size, from the file to the scores: 400 frames of 785 x 785 x 3, the last 50 forecast.

    python -m benchmarks.question FOLDER [--minutes 5] [--forecasters auto unet ...]

Each system that the question names, and Auto, is given the same series and the same minutes by `python -m framecast run`, each
in a process of its own, one after the other in one workspace: the first stores the series, and the rules that it scores are
known to the others, as they are to a person who tries one after the other. NAME:PRESET is a forecaster with other settings
than the recommended ones. The series is made here and kept in FOLDER: coloured texture that drifts, each channel another way,
over a slow wave, with the noise of a camera. Nothing in FrameCast was chosen by it. Told are the scores, the time of the fit
and of all, and the most memory that the process held. Linux.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter

N_FRAMES, SIDE, N_LEADS, SEED = 400, 785, 50, 7
FORECASTERS = ("auto", "unet", "convlstm", "cnn_lstm", "flatten_lstm", "flatten_lstm:as posted")
HEAD = "| forecaster | SSIM | MSE | skill | skill horizon | fit s | all s | memory GiB |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--minutes", type=float, default=5.0, help="time limit of each fit")
    parser.add_argument("--forecasters", nargs="+", default=FORECASTERS)
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    file = asked.folder / "drift.npy"
    if not file.exists():
        make(file)
    print(f"{HEAD}\n{'|---' * HEAD.count(' | ')}|---|", flush=True)
    rules: dict[str, dict] = {}
    for name in asked.forecasters:
        forecaster, _, preset = name.partition(":")
        scores, seconds, memory = whole_job(forecaster, preset, file, asked.folder / "workspace", asked.minutes)
        ours = scores.pop(forecaster)
        rules |= scores
        print(row(ours, preset, f"{ours['seconds']:.0f} | {seconds:.0f} | {memory / 2**30:.1f}"), flush=True)
    for found in sorted(rules.values(), key=lambda one: -one["mean"]["ssim"]):
        print(row(found), flush=True)


def row(found: dict, preset: str = "", cost: str = " | | ") -> str:
    title, mean = found["title"] + (f", {preset}" if preset else ""), found["mean"]
    scores = f"{mean['ssim']:.3f} | {mean['mse']:.0f} | {found['skill']:+.2f} | {found['skill_horizon']}"
    return f"| {title} | {scores} | {cost} |"


def whole_job(name: str, preset: str, file: Path, workspace: Path, minutes: float) -> tuple[dict[str, dict], float, int]:
    """Scores by forecaster, seconds of the clock, bytes."""
    told = workspace.parent / "scores.json"
    words = ["run", str(file), "--workspace", str(workspace), "--forecaster", name, "--budget", f"{60 * minutes:.0f}s"]
    words += ["--preset", preset] if preset else []
    began = time.monotonic()
    command = [sys.executable, "-m", "framecast", *words, "--test", str(N_LEADS), "--quiet", "--json", str(told)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{name} ended with status {os.waitstatus_to_exitcode(status)}")
    return json.loads(told.read_text())["forecasters"], time.monotonic() - began, usage.ru_maxrss * 1024


def make(file: Path) -> None:
    rng = np.random.default_rng(SEED)
    noise = lambda sigma: gaussian_filter(rng.standard_normal((SIDE, SIDE)), sigma, mode="wrap")  # noqa: E731
    texture = np.stack([noise(sigma) for sigma in (6, 9, 14)], axis=-1)
    texture /= texture.std(axis=(0, 1))
    slow = noise(40)
    slow /= slow.std()
    part = file.with_suffix(".part.npy")
    out = np.lib.format.open_memmap(part, "w+", np.uint8, (N_FRAMES, SIDE, SIDE, 3))
    for t in range(N_FRAMES):
        ways = [(round(0.4 * t * (1 + 0.3 * channel)), round(0.9 * t)) for channel in range(3)]
        frame = np.stack([np.roll(texture[..., channel], way, (0, 1)) for channel, way in enumerate(ways)], axis=-1)
        frame += 0.8 * np.sin(2 * np.pi * t / 37 + slow)[..., None]
        out[t] = np.clip(128 + 38 * frame + rng.normal(0, 3, frame.shape), 0, 255)
    out.flush()
    part.rename(file)


if __name__ == "__main__":
    main()

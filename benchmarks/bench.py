"""All that FrameCast says of its speed, measured in one run and written into benchmarks/RESULTS.md: make bench

    python -m benchmarks.bench [--quick] [--device cpu] [--parts machine networks ...] [--into FILE]

Each part sets two ways side by side, in turns, and gives medians, their ratio, and the distance to a floor. The section of
RESULTS.md between the marks is replaced as a whole, with the day, the machine, the commit and how busy the machine was before;
with `--parts` only the rows of these parts are, and each says when it was measured again.
`--quick` runs everything that needs no browser at tiny sizes: to see that it runs, not to read numbers. On a GPU
(`--device cuda`) the reference case at full size is a part, too.
"""

import argparse
import datetime
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from benchmarks import counterparts, growth, machine, networks, reference, rules, scoring, training_step
from benchmarks.table import Row, markdown, replace_rows, replace_section

HERE = Path(__file__).parent
PATIENCE_S = 400
BROKE = "Parts that broke"


@dataclass(frozen=True)
class Asked:
    device: str
    quick: bool
    plots: Path
    measured: machine.Machine


def main(words: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--parts", nargs="+", choices=sorted(PARTS), help="default: all but what needs another machine")
    parser.add_argument("--into", type=Path, default=HERE / "RESULTS.md")
    chosen = parser.parse_args(words)
    os.environ["PYTHONPATH"] = str(HERE.parent)  # of the scripts that are started from here
    chosen.into.parent.mkdir(parents=True, exist_ok=True)
    began, load, commit = time.monotonic(), machine.load(), machine.commit()
    measured = machine.measure(chosen.device, quick=chosen.quick)
    asked = Asked(chosen.device, chosen.quick, chosen.into.parent / "plots", measured)
    usual = [name for name in PARTS if not (chosen.quick and name in BROWSER) and _fits(name, chosen.device)]
    found: list[Row] = []
    for name in chosen.parts or usual:
        for row in _of_part(name, asked):
            found.append(row)
            print(markdown([row]).splitlines()[-1], flush=True)
        print(f"  {name}: {time.monotonic() - began:.0f} s since the start", flush=True)
        minutes = (time.monotonic() - began) / 60
        head = _head(words or sys.argv[1:], chosen, measured, commit, load, minutes)
        again = f"measured again {datetime.date.today().isoformat()}, commit {commit}, load {load}"
        noted = [replace(row, note="; ".join(filter(None, (row.note, again)))) for row in found] if chosen.parts else found
        tables = markdown(noted)  # what was measured is not lost when the rest is left
        if not (chosen.parts and replace_rows(chosen.into, "bench", tables, [(BROKE, one) for one in chosen.parts])):
            replace_section(chosen.into, "bench", head + tables)


def _head(
    words: list[str], chosen: argparse.Namespace, measured: machine.Machine, commit: str, load: str, minutes: float
) -> str:
    tiny = "**Tiny sizes, to see that it runs: no number here means anything.**\n\n" if chosen.quick else ""
    return (
        f"## What FrameCast takes, {datetime.date.today().isoformat()}\n\n"
        f"`{' '.join(['python -m benchmarks.bench', *words])}`, commit {commit}, "
        f"{machine.hardware(chosen.device)}; load {load} before, {machine.load()} after, {minutes:.1f} minutes. "
        f"Measured of the machine: {machine.in_words(measured)}. Ratios are the time beside it over ours: above 1 ours is "
        "quicker. A floor is what the operations or bytes alone need at the quickest of these rates.\n\n" + tiny
    )


def _fits(name: str, device: str) -> bool:
    """The reference case is for a GPU, processor time for a processor."""
    return device != "cpu" if name == "reference" else device == "cpu" or name != "steps"


def _of_part(name: str, asked: Asked) -> Iterator[Row]:
    """Its rows; where it breaks, a row that says how, so that the others are not lost."""
    try:
        yield from PARTS[name](asked)
    except Exception as error:  # noqa: BLE001
        traceback.print_exc()
        yield Row(BROKE, name, note=f"{type(error).__name__}: {str(error)[:200]}")


def machine_part(asked: Asked) -> Iterator[Row]:
    for name, rate in asked.measured.product.items():
        yield Row("The machine", f"matrix products in {name}", rate / 1e9, unit="G operations/s")
        yield Row("The machine", f"convolutions in {name}", asked.measured.convolution[name] / 1e9, unit="G operations/s")
    yield Row("The machine", "copies", asked.measured.copied / 1e9, unit="GB/s")


def networks_part(asked: Asked) -> Iterator[Row]:
    names = ["unet", "convlstm"] if asked.quick else networks.NETWORKS
    side = 16 if asked.quick else 64
    yield from networks.rows(asked.measured, side, 1 if asked.quick else 2, names)
    yield from counterparts.rows(asked.measured, side, 1 if asked.quick else 5)


def steps_part(asked: Asked) -> Iterator[Row]:
    """In processor time of one thread: what `benchmarks.training_step` measures."""
    sizes, threads = (16, 1) if asked.quick else (64, 3), torch.get_num_threads()
    try:
        yield from training_step.rows(*sizes)
    finally:
        torch.set_num_threads(threads)


def evaluation_part(asked: Asked) -> Iterator[Row]:
    n_leads, size = (3, 40) if asked.quick else (50, 785)
    truth, forecast, last = scoring.pictures(n_leads, size)
    found, difference = scoring.side_by_side(truth, forecast, last, 1 if asked.quick else 3, asked.device)
    theirs = found.pop(scoring.NAMES[-1])
    blurs = 4 * 2 * 11 * 2 * truth.size  # four quantities, rows and columns, 11 products and sums each
    floor = max(2 * truth.nbytes / asked.measured.copied, blurs / asked.measured.product["float32"])
    for name, seconds in found.items():
        note = f"SSIM differs by {difference:.0e} at the most" if name == "SSIM alone" else ""
        measured = (name == scoring.ON_GPU) == (asked.device != "cpu")  # the rates are those of the device
        yield Row(
            "Evaluation", f"{name} of {n_leads} frames of {size} x {size} x 3", seconds, theirs,
            "scikit-image's SSIM frame by frame", "s", floor if measured else None, "operations of SSIM's blurs", note,
        )  # fmt: skip


def rules_part(asked: Asked) -> Iterator[Row]:
    n_frames, size, n_leads = (30, 32, 5) if asked.quick else (350, 785, 50)
    names = ["persistence", "dmd"] if asked.quick else rules.RULES
    read = n_frames * size**2 * 3 / asked.measured.copied if asked.device == "cpu" else None  # rules are for a processor
    for name, row in rules.rows(n_frames, size, n_leads, names):
        note = f"fit {row['fit_s']:.1f} s, {row['cpu_s']:.1f} CPU s, {row['memory_mib']:.0f} MiB at most"
        what = f"{name}: {n_frames} frames of {size} x {size} x 3, {n_leads} leads"
        yield Row("Simple rules", what, row["fit_s"] + row["forecast_s"], floor=read, floor_is="bytes read once", note=note)


def memory_part(asked: Asked) -> Iterator[Row]:
    from benchmarks.preflight import in_a_process

    for name in ["unet"] if asked.quick else networks.NETWORKS:
        size = 32 if asked.quick else 64
        row = in_a_process(name, "recommended", size, asked.device)
        if "peak" not in row:
            yield Row("Memory of training", name, note=str(row["refused"]))
            continue
        peak, said = (row[key] / 2**20 for key in ("peak", "estimate"))
        yield Row("Memory of training", f"{name}, {size} px, 40 frames", peak, said, "what the page says before", "MiB")


def ingest_part(asked: Asked) -> Iterator[Row]:
    n_frames, size = (6, 48) if asked.quick else (60, 785)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "ingest.json"
        words = ["--frames", n_frames, "--size", size, "--rounds", 1 if asked.quick else 3, "--into", file]
        text = _told(["benchmarks.ingest", *map(str, words)])
        found = json.loads(file.read_text()) if file.exists() else {}
    for name, one in found.items():
        seconds = {key: n_frames / rate for key, rate in one["median"].items()}
        yield Row(
            "Ingest", f"{name}: {n_frames} frames of {size} x {size} x 3", seconds["ingest"], seconds["bare"],
            "decoded and thrown away", "s", seconds.get("keep"), "digest and disk alone",
        )  # fmt: skip
    if not found:
        yield Row("Ingest", "all formats", note=_last_line(text))


def growth_part(asked: Asked) -> Iterator[Row]:
    yield from growth.rows(asked.device, asked.plots, 1, quick=asked.quick)


def reference_part(asked: Asked) -> Iterator[Row]:
    size, n_frames, n_leads, crop, minutes = (24, 40, 4, 16, 0.05) if asked.quick else (785, 400, 50, 256, 2.0)
    names = ["unet"] if asked.quick else networks.NETWORKS
    yield from reference.rows(asked.measured, size, n_frames, n_leads, crop, minutes, names)


def player_part(asked: Asked) -> Iterator[Row]:
    text = _told(["benchmarks.player"])
    for visit, seconds in re.findall(r"(\w+) visit: first frame ([\d.]+) s", text):
        yield Row("The app", f"first paint of the player, {visit} visit", float(seconds), note="50 leads of 785 x 785 x 3")
    for stage, rate in re.findall(r"^(first seconds|then): ([\d.]+) frames a second", text, re.M):
        yield Row("The app", f"the player plays, {stage}", float(rate), 60.0, "asked for", "frames/s")
    if "first frame" not in text:
        yield Row("The app", "the player", note=_last_line(text))


def clicks_part(asked: Asked) -> Iterator[Row]:
    text = _told(["benchmarks.responsiveness", "--clicks", "6"])
    seen = {(when, kind): (float(m), float(p)) for when, kind, m, p in re.findall(
        r"^(not training|a U-Net trains): ([^:]+): median ([\d.]+) s, p95 ([\d.]+) s", text, re.M)}  # fmt: skip
    for (when, kind), (median, p95) in seen.items():
        if when == "a U-Net trains":
            quiet = seen.get(("not training", kind), (None, None))[0]
            what = f"from a click to the change while a U-Net trains: {kind}"
            yield Row("The app", what, median, quiet, "without training", note=f"95 of 100 within {p95:.2f} s")
    if not seen:
        yield Row("The app", "clicks", note=_last_line(text))


def cold_part(asked: Asked) -> Iterator[Row]:
    """A process of its own each: imports are what a first visit waits for."""
    for what, code in (
        ("import framecast", "import framecast"),
        ("reading and scoring, without torch", "import framecast.series.store, framecast.evaluation.scores"),
        ("everything that trains", "import framecast.runs.experiment, torch; import framecast; list(framecast.FORECASTERS)"),
    ):
        rounds = []
        for _ in range(1 if asked.quick else 3):
            began = time.perf_counter()
            subprocess.run([sys.executable, "-c", code], check=True)
            rounds.append(time.perf_counter() - began)
        yield Row("The app", f"cold start: {what}", statistics.median(rounds))


def _last_line(text: str) -> str:
    return ("did not run: " + text.strip().splitlines()[-1])[:200] if text.strip() else "did not run, and said nothing"


def _told(module: list[str]) -> str:
    """What a script printed. One that takes too long is ended with all that it started, and what it had said counts."""
    words = [sys.executable, "-u", "-m", *module]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True) as script:
        try:
            said, complained = script.communicate(timeout=PATIENCE_S)
        except subprocess.TimeoutExpired:
            os.killpg(script.pid, signal.SIGKILL)
            said, _ = script.communicate()
            complained = f"it was given up after {PATIENCE_S} s"
    return said if script.returncode == 0 else f"{said}\n{complained}"


PARTS: dict[str, Callable[[Asked], Iterator[Row]]] = {
    "machine": machine_part,
    "evaluation": evaluation_part,
    "networks": networks_part,
    "steps": steps_part,
    "rules": rules_part,
    "memory": memory_part,
    "ingest": ingest_part,
    "growth": growth_part,
    "cold": cold_part,
    "player": player_part,
    "clicks": clicks_part,
    "reference": reference_part,
}
BROWSER = ("player", "clicks")

if __name__ == "__main__":
    main()

"""How fast a series comes in: frames per second of `ingest` against a bare decode loop of the same library on the same cores.

    python -m benchmarks.ingest [--frames 400] [--size 785] [--rounds 3] [--into RESULTS.json]

For PNG, TIFF and video, made here: noise over a smooth picture, so that compression is neither free nor hopeless. The bare
loop decodes every frame with the library that the reader uses and throws it away: Pillow and tifffile in as many threads as
there are cores, FFmpeg with its own threads. `ingest` decodes the same files, checks them, hashes them and writes them.
Both are run in turns, one round after the other, and medians are compared; so a machine that is busy disturbs both alike.

The last columns are processor time, which a busy machine disturbs less: milliseconds a frame of the bare loop and of `ingest`,
their ratio, what it costs to hash and write frames that lie in memory already, which no way of reading can save, and so the
ratio that would be left if everything else were free ("at best").
"""

import argparse
import io
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import av
import numpy as np
import tifffile
from PIL import Image

from framecast.series.ingest import ingest
from framecast.series.store import SeriesStore

Frames = np.ndarray[Any, np.dtype[np.uint8]]
CORES = os.cpu_count() or 1
MOST_KEPT = 8


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--frames", type=int, default=400)
    asked.add_argument("--size", type=int, default=785)
    asked.add_argument("--rounds", type=int, default=3)
    asked.add_argument("--into", type=Path)
    options = asked.parse_args()
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, (make, bare) in KINDS.items():
            source = Path(folder) / name
            make(source, options.frames, options.size)
            results[name] = measured(source, bare, options.frames, options.size, options.rounds, Path(folder) / "workspace")
            print(row(name, results[name]), flush=True)
    if options.into:
        options.into.write_text(json.dumps(results, indent=2) + "\n")


def measured(
    source: Path, bare: Callable[[Path], int], n_frames: int, size: int, rounds: int, workspace: Path
) -> dict[str, Any]:
    """Frames per second of each round, in turns, after one of each that does not count."""
    store = SeriesStore(workspace)
    kept = [picture(index, size) for index in range(MOST_KEPT)]
    works: dict[str, Callable[[], int]] = {
        "bare": lambda: bare(source),
        "ingest": lambda: ingest(source, store).n_frames,
        "keep": lambda: store.add("kept", (kept[index % len(kept)] for index in range(n_frames))).n_frames,
    }
    seconds: dict[str, list[float]] = {name: [] for name in works}
    busy = dict.fromkeys(works, 0.0)
    for turn in range(rounds + 1):
        for name, work in works.items():
            start, busy_before = time.perf_counter(), time.process_time()
            assert work() == n_frames
            if turn:
                seconds[name].append(time.perf_counter() - start)
                busy[name] += 1000 * (time.process_time() - busy_before) / (rounds * n_frames)
            for one in store.list():
                store.delete(one.digest)
            os.sync()  # the disk is still busy with what was deleted, and whoever comes next would wait for it
    rates = {name: [n_frames / one for one in all_rounds] for name, all_rounds in seconds.items()}
    medians = {name: statistics.median(all_rounds) for name, all_rounds in rates.items()}
    return {**rates, "median": medians, "ratio": medians["ingest"] / medians["bare"], "cores": CORES, "busy": busy}


def row(name: str, found: dict[str, Any]) -> str:
    median, busy = found["median"], found["busy"]
    spent = " | ".join(f"{busy[one]:.2f}" for one in ("bare", "ingest"))
    return (
        f"| {name} | {median['bare']:.1f} | {median['ingest']:.1f} | {found['ratio']:.2f} | {spent} | "
        f"{busy['bare'] / busy['ingest']:.2f} | {busy['keep']:.2f} | {busy['bare'] / (busy['bare'] + busy['keep']):.2f} |"
    )


def picture(index: int, size: int) -> Frames:
    """(size, size, 3): a wave that moves, with noise."""
    y, x = np.mgrid[:size, :size]
    wave = 100 + 60 * np.sin((x + 3 * index) / 40) + 40 * np.cos((y - index) / 60)
    noise = np.random.default_rng(index).integers(0, 12, (size, size, 3))
    return np.clip(wave[..., None] + noise, 0, 255).astype(np.uint8)


def make_png(folder: Path, n_frames: int, size: int) -> None:
    folder.mkdir()
    for index in range(n_frames):
        Image.fromarray(picture(index, size)).save(folder / f"{index}.png", compress_level=3)


def make_tiff(path: Path, n_frames: int, size: int) -> None:
    with tifffile.TiffWriter(path) as writer:
        for index in range(n_frames):
            writer.write(picture(index, size), photometric="rgb", compression="zlib", contiguous=False, metadata=None)


def make_video(path: Path, n_frames: int, size: int) -> None:
    with av.open(str(path), "w", format="mp4") as output:
        track = output.add_stream("libx264", rate=25, options={"crf": "18", "preset": "fast"})
        track.height, track.width, track.pix_fmt = size + size % 2, size + size % 2, "yuv420p"
        for index in range(n_frames):
            frame = av.VideoFrame.from_ndarray(picture(index, size + size % 2), format="rgb24")
            output.mux(track.encode(frame))
        output.mux(track.encode(None))


def bare_png(folder: Path) -> int:
    def decode(path: Path) -> int:
        with Image.open(io.BytesIO(path.read_bytes())) as image:
            return np.asarray(image).shape[0]

    with ThreadPoolExecutor(CORES) as pool:
        return sum(1 for _ in pool.map(decode, sorted(folder.iterdir())))


def bare_tiff(path: Path) -> int:
    with tifffile.TiffFile(path) as tif, ThreadPoolExecutor(CORES) as pool:
        tif.filehandle.set_lock(True)
        pages = list(tif.pages)  # looked up before, since looking up and unpacking share one place in the file
        return sum(1 for _ in pool.map(lambda page: page.asarray(maxworkers=1).shape, pages))


def bare_video(path: Path) -> int:
    with av.open(str(path)) as container:
        track = container.streams.video[0]
        track.thread_type = "AUTO"
        return sum(1 for frame in container.decode(track) if frame.to_ndarray(format="rgb24").shape)


KINDS: dict[str, tuple[Callable[[Path, int, int], None], Callable[[Path], int]]] = {
    "png": (make_png, bare_png),
    "tiff": (make_tiff, bare_tiff),
    "video": (make_video, bare_video),
}

if __name__ == "__main__":
    main()

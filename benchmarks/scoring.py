"""What it costs to score one forecast of the question's size by every metric and to draw its maps, beside scikit-image's SSIM.

    python -m benchmarks.scoring [--leads 50] [--size 785] [--rounds 3] [--device cpu] [--diagnosis]

The pictures are made: a texture that moves a pixel a frame under noise of 3 grey levels; the forecast has half the noise.
What is compared takes turns: all ten metrics with maps in one pass on all cores, in one thread, and `structural_similarity`
called frame by frame, which is of a tenth of the frames only and counted tenfold.
"""

import argparse
import time
from collections.abc import Callable

import numpy as np
from scipy.ndimage import gaussian_filter
from skimage.metrics import structural_similarity

from benchmarks.table import in_turns
from framecast import METRICS
from framecast.evaluation.case import Case
from framecast.evaluation.diagnosis import FAULTS
from framecast.evaluation.leads import scores_and_maps, scores_of_leads

NAMES = ("all metrics", "all metrics and maps", "all metrics, one thread", "SSIM alone", "scikit-image's SSIM")
ON_GPU = "all metrics on the GPU"
"""Beside NAMES where there is one: from frames in the memory of the machine to numbers there."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--leads", type=int, default=50)
    parser.add_argument("--size", type=int, default=785)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--device", default="cpu", help="cuda: on the GPU, too")
    parser.add_argument("--diagnosis", action="store_true", help="CPU seconds of all faults that are looked for, too")
    asked = parser.parse_args()
    truth, forecast, last = pictures(asked.leads, asked.size)
    found, difference = side_by_side(truth, forecast, last, asked.rounds, asked.device)
    for name in found:
        print(f"{name:26} {found[name]:8.2f} s for {asked.leads} frames, {found[NAMES[-1]] / found[name]:5.1f} times as fast")
    print(f"largest difference from scikit-image {difference:.1e}")
    if asked.diagnosis:
        case, began = Case(forecast, truth, np.repeat(last[None], 20, 0), 255.0), time.process_time()
        for fault in FAULTS.values():
            fault.look(case)
        print(f"diagnosis {time.process_time() - began:.2f} s of CPU")


def pictures(n_leads: int, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Truth and forecast (lead, size, size, 3) uint8, and the last frame before them."""
    generator = np.random.default_rng(0)
    scene = gaussian_filter(generator.normal(size=(size, size, 3)), (3, 3, 0), mode="wrap")
    scene = 255 * (scene - scene.min()) / np.ptp(scene)

    def frames(first: int, n: int, noise: float) -> np.ndarray:
        made = np.empty((n, *scene.shape), np.uint8)
        for index in range(n):
            picture = np.roll(scene, first + index, axis=0) + generator.normal(0, noise, scene.shape)
            made[index] = np.clip(np.rint(picture), 0, 255)
        return made

    return frames(1, n_leads, 3.0), frames(1, n_leads, 1.5), frames(0, 1, 3.0)[0]


def side_by_side(
    truth: np.ndarray, forecast: np.ndarray, last: np.ndarray, rounds: int, device: str = "cpu"
) -> tuple[dict[str, float], float]:
    """Median seconds of each of NAMES for all frames, and of ON_GPU where `device` is another than the processor; how far our
    SSIM is from scikit-image's."""
    metrics, some = list(METRICS), slice(None, None, 10)
    wanted = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 255, "channel_axis": -1}

    def theirs() -> list[float]:
        return [structural_similarity(*pair, **wanted) for pair in zip(forecast[some], truth[some], strict=True)]

    works: dict[str, Callable[[], object]] = {
        NAMES[0]: lambda: scores_of_leads(forecast, truth, metrics, data_range=255.0, last=last),
        NAMES[1]: lambda: sum(1 for _ in scores_and_maps(forecast, truth, metrics, data_range=255.0, last=last)),
        NAMES[2]: lambda: scores_of_leads(forecast, truth, metrics, data_range=255.0, last=last, n_threads=1),
        NAMES[3]: lambda: scores_of_leads(forecast, truth, ["ssim"], data_range=255.0),
        NAMES[4]: theirs,
    }
    if device != "cpu":
        works[ON_GPU] = lambda: scores_of_leads(forecast, truth, metrics, data_range=255.0, last=last, device=device)
    found = in_turns({name: lambda work=work: timed(work) for name, work in works.items()}, rounds)
    found[NAMES[4]] *= len(truth) / len(truth[some])
    ours = scores_of_leads(forecast, truth, ["ssim"], data_range=255.0)["ssim"][some]
    return found, float(np.abs(ours - theirs()).max())


def timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


if __name__ == "__main__":
    main()

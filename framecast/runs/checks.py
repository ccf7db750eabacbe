"""What must agree before a run is queued: the series, the split, the settings, the memory.

Each check stands alone and raises a SettingError that says what was found, what is needed, and the number that would work.
"""

from collections.abc import Iterable

import numpy as np

from framecast.errors import SettingError
from framecast.forecasters.contract import ForecasterKind, training_span
from framecast.metrics.blur import REACH, cropped
from framecast.metrics.contract import Mask
from framecast.runs.preflight import preflight
from framecast.series.frames import FrameSeries, Preparation, Split
from framecast.settings import Settings

MOST_THREADS = 1024


def check_split(series: FrameSeries, split: Split) -> None:
    """The split lies within the series and holds back at least one frame."""
    if split.n_frames > series.n_frames:
        longest = max(series.n_frames - 2, 1)
        raise SettingError(
            f"Series '{series.name}' has {series.n_frames} frames and the split needs {split.n_frames}. "
            f"Choose a test of at most {longest} frames, or a series with {split.n_frames - series.n_frames} frames more."
        )
    if split.horizon < 1:
        raise SettingError(
            f"The split of series '{series.name}' holds back no frame; at least 1 is needed to score a forecast. "
            f"Choose a test of 1 to {max(split.n_frames - 2, 1)} frames."
        )


def check_numbers(seed: int, n_threads: int | None) -> None:
    """As the command line takes them: not all others can be drawn or computed by, which is said only when a run begins."""
    if not 0 <= seed < 2**32:
        raise SettingError(f"The seed is {seed}; it must be a whole number from 0 to {2**32 - 1}. Choose another.")
    if n_threads is not None and not 1 <= n_threads <= MOST_THREADS:
        raise SettingError(f"{n_threads} threads are asked for; choose 1 to {MOST_THREADS}, or leave it out.")


def check_mask(series: FrameSeries) -> None:
    """SSIM can be told of the pixels that count; it would stop the run only after the whole fit."""
    if series.valid is None or _has_windows(series.valid):
        return
    rows, columns = (np.flatnonzero(series.valid.any(axis=axis)) for axis in (1, 0))
    advice = "Prepare a series from a part of the frame in which data lie further inside."
    if len(rows) and _has_windows(series.valid[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]):
        crop = f"{columns[0]},{rows[0]},{columns[-1] + 1 - columns[0]},{rows[-1] + 1 - rows[0]}"
        advice = f"Prepare a series cropped to where they lie: x, y, width and height {crop}."
    raise SettingError(
        f"All pixels with data of series '{series.name}' lie within {REACH} pixels of the border; SSIM, by which runs are "
        f"scored, needs one further inside. {advice}"
    )


def check_validation(kind: ForecasterKind, split: Split) -> None:
    """A forecaster that chooses by the validation frames has some."""
    if kind.needs_validation and not len(split.valid):
        advice = "Hold back one frame for validation" if split.test.start > 2 else "Add frames"
        raise SettingError(
            f"{kind.title} chooses by the validation frames and there are none; at least 1 is needed. {advice}, or choose "
            "another forecaster."
        )


def check_context(settings: Settings, split: Split) -> None:
    """One window, the context and the frames forecast at once, fits into what is trained on. A longer unroll shrinks to
    fit."""
    context, block = getattr(settings, "context", None), getattr(settings, "block", 1)
    if context is None:
        return
    n_span = training_span(settings, split)
    if context + 1 > n_span:
        raise SettingError(
            f"{n_span} frames are left to train on and a context of {context} needs {context + 1}. "
            f"Choose a context of at most {n_span - 1}, or hold back fewer frames."
        )
    if context + block > n_span:
        raise SettingError(
            f"{n_span} frames are left to train on, and a context of {context} with {block} frames forecast at once needs "
            f"{context + block}. Choose at most {n_span - context} frames at once, or hold back fewer frames."
        )


def check_memory(
    kind: ForecasterKind,
    settings: Settings,
    series: FrameSeries,
    preparation: Preparation,
    split: Split,
    device: str,
    others: Iterable[FrameSeries] = (),
    n_processes: int = 1,
) -> None:
    """The weights, the series and the others that are learned from fit into the memory of the device. Of several processes
    on GPUs each holds its share of the windows."""
    if kind.n_weights is None:
        return
    batch_size = getattr(settings, "batch_size", 1)
    if device.startswith("cuda") and n_processes > 1 and batch_size > 1:
        settings = type(settings).from_mapping({**settings.to_mapping(), "batch_size": -(-batch_size // n_processes)})
    found = preflight(
        kind,
        settings,
        series.height,
        series.width,
        series.n_channels,
        preparation,
        device,
        n_frames=split.test.start,
        bytes_per_value=series.frames.dtype.itemsize,
        others=[(other.n_frames, other.height, other.width) for other in others],
    )
    if not found.fits:
        raise SettingError(found.sentence)


def _has_windows(valid: Mask) -> bool:
    return bool(valid[cropped(valid.shape[0]), cropped(valid.shape[1])].any())

"""All metrics and maps of a forecast in one pass over its leads, in several threads.

Each thread takes a lead and goes through both frames once for all that was asked for (`framecast.metrics.one_pass`); only
pictures of a few leads at a time exist as float. What no pass can give is computed by the metric itself.
"""

from collections.abc import Iterator, Sequence
from contextlib import closing

import numpy as np

from framecast.errors import InputError, memory_ran_out
from framecast.leaving import may_be_left
from framecast.metrics import METRICS
from framecast.metrics.contract import Array, Mask, check_pair, required
from framecast.metrics.moving import moving_pixels
from framecast.metrics.one_pass import Maps, can_pass, pass_over
from framecast.series.look_ahead import in_order


def scores_of_leads(
    forecast: Array,
    truth: Array,
    metrics: Sequence[str],
    *,
    data_range: float,
    valid: Mask | None = None,
    last: Array | None = None,
    moving: Mask | None = None,
    n_threads: int | None = None,
    device: str = "cpu",
) -> dict[str, Array]:
    """Each of the `metrics` as its function gives it, (lead,) float64, to float32's rounding: on the processor in `n_threads`,
    by default one a core, or on another `device` of torch. `moving` are the `moving_pixels` of this truth, where the caller
    has found them; the processor then need not.

    Arrays and errors as `framecast.metrics.contract.Metric`.
    """
    check_pair(forecast, truth, data_range, valid, last)
    passing = _names_of_pass(metrics) if can_pass(forecast, truth, data_range=data_range) else []
    found: dict[str, Array] = {}
    if passing and device != "cpu":
        from framecast.evaluation.on_device import scores_on_device

        _start(passing, last)
        try:
            found = scores_on_device(forecast, truth, passing, data_range=data_range, valid=valid, last=last, device=device)
        except RuntimeError as error:
            if not memory_ran_out(error):  # beside a network there may be no room; the processor has it
                raise
    if passing and not found:
        leads = _leads(forecast, truth, passing, data_range, valid, last, n_threads, maps=False, moving=moving)
        found = dict(zip(passing, np.array([values for values, _ in leads]).T, strict=True))
    for name in metrics:
        if name not in found:
            may_be_left()
            found[name] = METRICS[name].function(forecast, truth, data_range=data_range, valid=valid, last=last)
    return {name: found[name] for name in metrics}


def scores_and_maps(
    forecast: Array,
    truth: Array,
    metrics: Sequence[str],
    *,
    data_range: float,
    valid: Mask | None = None,
    last: Array | None = None,
    n_threads: int | None = None,
) -> Iterator[tuple[dict[str, float], Maps]]:
    """Lead by lead, in order: the score by each of the `metrics` and the maps of the frame, made in the same pass.

    Arrays and errors as `scores_of_leads`; InputError for types of numbers or metrics that no pass serves.
    """
    check_pair(forecast, truth, data_range, valid, last)
    alone = [name for name in metrics if METRICS[name].of_frame is None]
    if alone or not can_pass(forecast, truth, data_range=data_range):
        raise InputError(
            f"Forecast and truth are {forecast.dtype} and {truth.dtype}, and the metrics {', '.join(metrics)}; maps beside "
            "scores need uint8, uint16 or float32 and metrics of single frames. Convert the frames, or ask for scores alone."
        )
    for values, maps in _leads(forecast, truth, metrics, data_range, valid, last, n_threads, maps=True):
        assert maps is not None
        yield dict(zip(metrics, values, strict=True)), maps


def _names_of_pass(metrics: Sequence[str]) -> list[str]:
    return [name for name in metrics if METRICS[name].of_frame is not None]


def _start(metrics: Sequence[str], last: Array | None) -> Array | None:
    """The last observed frame where a metric needs it."""
    needing = [name for name in metrics if METRICS[name].needs_last]
    return required(last, needing[0]) if needing else None


def _leads(
    forecast: Array,
    truth: Array,
    metrics: Sequence[str],
    data_range: float,
    valid: Mask | None,
    last: Array | None,
    n_threads: int | None,
    *,
    maps: bool,
    moving: Mask | None = None,
) -> Iterator[tuple[list[float], Maps | None]]:
    kinds = [METRICS[name] for name in metrics]
    parts = {kind.part for kind in kinds if kind.part}
    start = _start(metrics, last)
    if moving is None and start is not None and "moving" in parts:
        moving = moving_pixels(truth, start, valid)

    def taken(lead: int) -> tuple[list[float], Maps | None]:
        before = None
        if start is not None and "changes" in parts:
            before = (start, start) if lead == 0 else (forecast[lead - 1], truth[lead - 1])
        frame = pass_over(
            forecast[lead],
            truth[lead],
            data_range=data_range,
            parts=parts,
            valid=valid,
            before=before,
            moving=moving,
            maps=maps,
        )
        return [kind.of_frame(frame) for kind in kinds if kind.of_frame is not None], frame.maps

    with closing(in_order(taken, range(len(truth)), n_threads=n_threads)) as leads:
        for lead in leads:
            may_be_left()  # here: the other threads are asked by nobody
            yield lead

"""`--size trial`: the working size, and feature maps where they must give way, as a short trial on this device finds them."""

import argparse
from collections.abc import Mapping

from framecast.cli.arguments import TRIAL
from framecast.cli.screen import Screen
from framecast.errors import SettingError
from framecast.forecasters.catalog import FORECASTERS
from framecast.runs.beginning import inherited_settings
from framecast.runs.preflight import default_preparation
from framecast.runs.sizing import WIDTHS, SizeQuestion, choose_size
from framecast.runs.store import Run
from framecast.series.frames import FrameSeries, Preparation, Split

Chosen = Mapping[str, tuple[str | None, dict[str, object]]]
"""Forecaster to its preset and the changes of it."""
Widths = Mapping[str, Mapping[str, int]]
"""Forecaster to the settings that the trial changed."""


def asked_for_trial(asked: argparse.Namespace, *, here: bool) -> bool:
    """Raises SettingError where the runs will be carried out by another machine."""
    trial = getattr(asked, "size", None) == TRIAL
    if trial and not here:
        raise SettingError(
            "A trial times this machine, and the runs will be carried out by another. Give --size a number of pixels; "
            "run --size trial on such a machine says which."
        )
    return trial


def size_by_trial(
    series: FrameSeries, chosen: Chosen, split: Split, device: str, n_threads: int, source: Run | None, screen: Screen
) -> tuple[Preparation, Widths]:
    """One size for all forecasters, so that their scores compare: the smallest of those that each of them could have. Rules,
    which see whole frames, are not asked."""
    sizes, widths = [], {}
    for name, (preset, own) in chosen.items():
        kind = FORECASTERS[name]
        changes = {**inherited_settings(kind, name, source), **own}
        settings = kind.configure(preset, changes, split)
        if kind.timed_by is None or kind.timed_by(settings) is None:
            continue
        screen.say(f"Timing training steps of {kind.title} at several sizes ...")
        question = SizeQuestion(
            name,
            settings.to_mapping(),
            series.height,
            series.width,
            series.n_channels,
            device,
            n_threads,
            split.to_mapping(),
            series.frames.dtype.itemsize,
            vary_width=not any(width in changes for width in WIDTHS),
        )
        found = choose_size(question)
        screen.say(found.sentence())
        sizes.append(found.size)
        widths[name] = found.widths
    if not sizes:
        return default_preparation(series.height, series.width, device), {}
    size = min(sizes)
    return Preparation(size if size < min(series.height, series.width) else None), widths

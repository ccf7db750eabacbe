"""Train several at once: forecasters and seeds, on the split and size of the form, queued in one click."""

from collections.abc import Iterable

import streamlit as st

from framecast.errors import FrameCastError
from framecast.forecasters.catalog import FORECASTERS
from framecast.runs.experiment import plan
from framecast.runs.jobs import JobManager
from framecast.runs.record import RunRecord
from framecast.series.frames import FrameSeries, Preparation, Split
from framecast.training.pace import MOST_EPOCHS
from framecast.ui import state
from framecast.ui.clicks import clicked
from framecast.ui.text import count, duration, short

_MOST_SEEDS = 10


def launch_many(
    series: FrameSeries, digest: str, split: Split, preparation: Preparation, device: str, manager: JobManager
) -> None:
    """Draw the choice, folded. Each forecaster has its recommended settings; what cannot be trained on this split is named
    and the others are queued."""
    with st.expander("Train several: all of these"):
        names = [name for name, kind in FORECASTERS.items() if kind.family != "rule"]
        chosen = st.multiselect(
            "Forecasters",
            names,
            key="many_forecasters",
            format_func=lambda name: FORECASTERS[name].title,
            placeholder="Choose forecasters",
            persist_state="session",
        )
        left, right = st.columns(2)
        minutes = left.number_input(
            "Minutes each", 0.0, 10_000.0, 5.0, 1.0, "%.4g", "many_minutes", "0: as long as its recommended settings say.",
            persist_state="session",
        )
        n_seeds = right.number_input(
            "Seeds each",
            1,
            _MOST_SEEDS,
            1,
            1,
            "%d",
            "many_seeds",
            "The same training begun by other chances: it tells luck from skill.",
            persist_state="session",
        )
        n_runs = len(chosen) * int(n_seeds)
        total = f", about {duration(60 * minutes * n_runs)} one after the other" if minutes and n_runs else ""
        if clicked(
            f"Queue {count(n_runs, 'run')}{total}",
            key="train_many",
            icon=":material/playlist_add:",
            disabled=not n_runs,
            width="stretch",
        ):
            records, refused = planned(series, digest, split, preparation, device, chosen, range(int(n_seeds)), minutes)
            _queue(records, refused, manager)
            st.rerun()


def _queue(records: list[RunRecord], refused: list[str], manager: JobManager) -> None:
    """Queue them all, leave a message and show the first. Pressed again meanwhile, the button finds them in the queue."""
    queued: list[str] = []
    try:
        for record in records:
            queued.append(manager.submit(record))
    except FrameCastError as error:
        refused = [*refused, str(error)]
    n_new = sum(run_id == record.id for run_id, record in zip(queued, records, strict=False))
    words = [*refused, f"{count(n_new, 'run')} queued."]
    n_before = len(queued) - n_new
    if n_before:
        words.append(f"{n_before} of these {'was' if n_before == 1 else 'were'} in the queue already.")
    state.say("error" if refused else "success", " ".join(words))
    if queued:
        state.choose_run(queued[0], state.TRAINED)


def planned(
    series: FrameSeries,
    digest: str,
    split: Split,
    preparation: Preparation,
    device: str,
    forecasters: Iterable[str],
    seeds: Iterable[int],
    minutes: float,
) -> tuple[list[RunRecord], list[str]]:
    """A record for each forecaster and seed, and a sentence for each forecaster that cannot be trained so."""
    records, refused, seeds = [], [], list(seeds)
    for name in forecasters:
        kind = FORECASTERS[name]
        fields = {field.name for field in kind.settings.fields()}
        changes = {"minutes": float(minutes), "epochs": MOST_EPOCHS} if minutes else {}
        changes = {field: number for field, number in changes.items() if field in fields}
        try:
            records += [
                plan(
                    series,
                    forecaster=name,
                    changes=changes,
                    split=split,
                    preparation=preparation,
                    seed=seed,
                    device=device,
                    title=f"{kind.title} on {short(series.name)}" + (f", seed {seed}" if len(seeds) > 1 else ""),
                    digest=digest,
                )
                for seed in seeds
            ]
        except FrameCastError as error:
            refused.append(f"{kind.title}: {error}")
    return records, refused

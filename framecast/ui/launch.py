"""The last look before training: weights, memory, what is refused and why, and the button that starts or queues it.

The box is always there, below the run that is shown, so that the next run can be set up while one is at work.
"""

from collections.abc import Mapping

import streamlit as st

from framecast.errors import FrameCastError
from framecast.files import bytes_in_words
from framecast.forecasters.contract import ForecasterKind
from framecast.runs.devices import n_threads_beside_server
from framecast.runs.experiment import plan
from framecast.runs.jobs import JobManager
from framecast.runs.preflight import Preflight, preflight
from framecast.runs.trial import Question
from framecast.series.frames import FrameSeries, Preparation, Split
from framecast.series.store import StoredSeries
from framecast.settings import Value
from framecast.ui import page, state
from framecast.ui.clicks import clicked
from framecast.ui.seed_choice import seed_choice
from framecast.ui.settings_form import use_setting
from framecast.ui.size_choice import use_size, usual_size
from framecast.ui.start_choice import Start
from framecast.ui.text import count, escaped, frame_range, short, thousands
from framecast.ui.trial_step import trial_step

LONGEST_TITLE = 80


def launch(
    stored: StoredSeries,
    series: FrameSeries,
    split: Split,
    preparation: Preparation,
    forecaster: tuple[str, ForecasterKind, str],
    start: Start,
    changes: Mapping[str, Value],
    device: str,
    manager: JobManager,
    *,
    beside_run: bool = False,
) -> None:
    """Draw the summary of the run that these choices make. Train queues it and shows it. `beside_run` folds the summary away,
    so that the run that is shown keeps the room. A refusal and its ways out come first: below the rest
    they would be out of sight."""
    name, kind, preset = forecaster
    st.subheader("Ready to train" if kind.family != "rule" else "Ready to run", anchor=False)
    usual = f"{kind.title} on {short(stored.name)}"
    try:
        found = _preflight(stored, series, split, preparation, kind, preset, start, changes, device)
        if not found.fits:
            st.error(escaped(found.sentence))
            _ways_out(found, stored, (name, preset, start.run.id if start.run else ""))
        with st.expander(escaped(usual)) if beside_run else st.container(gap="small"):
            title = _title(usual, title_key(name, stored.digest))
            seed = 0 if kind.family == "rule" else seed_choice(name, stored.digest)
            st.markdown(_sentence(stored, split, preparation, kind, device) + _wait(manager))
            if start.sentence:
                st.markdown(start.sentence)
            _facts(found, kind)
            if found.fits and kind.family == "network":
                settings = kind.configure(preset, changes, split)
                shape = preparation.working_shape(stored.height, stored.width)
                threads = n_threads_beside_server()
                asked = Question(name, settings.to_mapping(), *shape, stored.n_channels, device, threads)
                trial_step(asked, settings, split, found.needed_bytes)
        if not found.fits:
            return
        record = plan(
            series,
            forecaster=name,
            preset=preset,
            changes=changes,
            split=split,
            preparation=preparation,
            seed=seed,
            device=device,
            title=title.strip() or None,
            digest=stored.digest,
            start_from=start.run,
            others=start.others,
        )
        label = "Train" if kind.family != "rule" else "Run"
        if clicked(label, type="primary", key="train", icon=":material/play_arrow:", width="stretch"):
            queued = manager.submit(record)
            if queued != record.id:
                state.say("success", "This very run is in the queue already. Change a setting or the seed to queue another.")
            state.choose_run(queued, state.TRAINED)
            st.rerun()
    except FrameCastError as error:
        page.refuse(error)


def title_key(name: str, digest: str) -> str:
    return f"title:{name}:{digest}"


def _title(usual: str, key: str) -> str:
    """The name of the run as it will be kept. What was typed stays; else it follows the names of forecaster and series."""
    if st.session_state.get(key) in (None, st.session_state.get(f"{key}:usual")):
        st.session_state[key] = usual
    st.session_state[f"{key}:usual"] = usual
    title = " ".join(st.text_input("Name of the run", key=key, persist_state="session").split())
    if len(title) > LONGEST_TITLE:
        title = short(title, LONGEST_TITLE)
        st.caption(f"A name has at most {LONGEST_TITLE} letters, so this one is cut: {escaped(title)}")
    return title


def _sentence(stored: StoredSeries, split: Split, preparation: Preparation, kind: ForecasterKind, device: str) -> str:
    """What the run will do. A rule sees whole frames and needs no device to speak of."""
    name = f"**{escaped(short(stored.name))}**"
    follow = f"the {count(split.horizon, 'frame')} that {'follows' if split.horizon == 1 else 'follow'}"
    if kind.family == "rule":
        return f"Takes {frame_range(1, split.test.start)} of {name} and forecasts {follow}."
    height, width = preparation.working_shape(stored.height, stored.width)
    unused = " It judges on earlier frames of its own choice; the validation frames are learned from like the others."
    return (
        f"Learns from {frame_range(1, split.test.start)} of {name} at {width} × {height} px, then forecasts {follow}, on the "
        f"**{'GPU' if device.startswith('cuda') else 'CPU'}**.{unused if kind.family == 'protocol' and split.valid else ''}"
    )


def _wait(manager: JobManager) -> str:
    n_ahead = sum(one.phase != "paused" for one in manager.live())  # one that is paused holds no device
    return f" It waits for {count(n_ahead, 'run')} to end first." if n_ahead else ""


def _preflight(
    stored: StoredSeries,
    series: FrameSeries,
    split: Split,
    preparation: Preparation,
    kind: ForecasterKind,
    preset: str,
    start: Start,
    changes: Mapping[str, Value],
    device: str,
) -> Preflight:
    return preflight(
        kind,
        kind.configure(preset, changes, split),
        stored.height,
        stored.width,
        stored.n_channels,
        preparation,
        device,
        n_frames=split.test.start,
        bytes_per_value=series.frames.dtype.itemsize,
        others=[(other.n_frames, other.height, other.width) for other in start.others.values()],
        horizon=split.horizon,
    )


def _facts(found: Preflight, kind: ForecasterKind) -> None:
    if kind.n_weights is None:
        if kind.family != "rule":
            st.caption("What is trained, and for how long, is found out on the way.")
        return
    share = min(1.0, found.needed_bytes / max(1, found.available_bytes))
    st.progress(
        share,
        f"{thousands(found.n_weights)} weights · {bytes_in_words(found.needed_bytes)} of memory needed, "
        f"{bytes_in_words(found.available_bytes)} available",
    )
    parts = ", ".join(f"{name} {bytes_in_words(size)}" for name, size in found.parts if size)
    st.caption(f"Memory: {parts}. On the disk: about {bytes_in_words(found.disk_bytes)}.")


def _ways_out(found: Preflight, stored: StoredSeries, form: tuple[str, str, str]) -> None:
    """What fits, as buttons that set it."""
    with st.container(horizontal=True, gap="small"):
        if found.largest_size:
            size = usual_size(found.largest_size)
            st.button(f"Use {size} px, which fits", key="use_size", on_click=use_size, args=(stored.digest, size))
        if found.largest_batch:
            words = f"Use a batch of {found.largest_batch}"
            st.button(words, key="use_batch", on_click=use_setting, args=(*form, "batch_size", found.largest_batch))
        if found.smallest_patch:
            words = f"Use patches of {found.smallest_patch} px"
            st.button(words, key="use_patch", on_click=use_setting, args=(*form, "patch", found.smallest_patch))
        if found.largest_crop:
            words = f"Learn from crops of {found.largest_crop} px"
            words += f", forecast in tiles of {found.crop_tile} px" if found.crop_tile else ""
            st.button(words, key="use_crop", on_click=_use_crop, args=(form, found.largest_crop, found.crop_tile))


def _use_crop(form: tuple[str, str, str], crop: int, tile: int) -> None:
    use_setting(*form, "crop", crop)
    use_setting(*form, "tile", tile)

"""Prepare: a part of the frame, a smaller size, fewer frames. What it makes is a new series; the old one stays as it is."""

import streamlit as st

from framecast.errors import FrameCastError, SettingError
from framecast.series.derive import Recipe, derive, inside, kept_frames, prepared_shape, steps, summary
from framecast.series.frames import FrameSeries
from framecast.series.store import SeriesStore, StoredSeries
from framecast.ui import page, state
from framecast.ui.clicks import clicked, going_on
from framecast.ui.crop_box import Rectangle, crop_box
from framecast.ui.network_sees import network_sees
from framecast.ui.prepare_state import field, kept, stop_preparing
from framecast.ui.resources import workspace
from framecast.ui.series_clip import series_still
from framecast.ui.text import count, escaped, short, thousands

_CORNERS = ("x", "y", "width", "height")
_SIDE = 640


def prepare_view(stored: StoredSeries, store: SeriesStore) -> None:
    """Draw the fields, the frame as it will be, and the button that makes the series. Every action ends in a rerun."""
    series, digest = store.open(stored.digest), stored.digest
    st.caption("Choose what to keep. A new series is made of it and scored on its own frames; this one stays as it is.")
    left, right = st.columns([6, 5], gap="medium")
    with left:
        index = _frame_shown(stored)
        crop_box(
            series_still(str(workspace()), digest, index, _SIDE // 2, store),
            stored.width,
            stored.height,
            _crop(stored),
            words=f"Frame {index + 1} of {stored.name}, with the part to keep",
            key=f"crop_box_{digest}",
            drawn=lambda crop: _set_crop(stored, inside(crop, series)),
        )
    with right:
        recipe = _fields(stored)
        _outcome(stored, series, store, recipe)
    if recipe is not None:
        network_sees(stored, series, recipe, index)


def _frame_shown(stored: StoredSeries) -> int:
    """The index of the frame that is drawn on: the first of those to be mended, else the middle one."""
    key = field(stored.digest, "shown")
    if key not in st.session_state:
        try:
            named = [*_numbers_in(stored, "drop"), *_numbers_in(stored, "interpolate")]
        except SettingError:  # said beside the fields
            named = []
        st.session_state[key] = named[0] if named else stored.n_frames // 2 + 1
    return int(st.slider("Frame shown", 1, stored.n_frames, key=key, persist_state="session")) - 1


def _fields(stored: StoredSeries) -> Recipe | None:
    """Draw the fields; None, with the sentence, where they make no recipe."""
    digest = stored.digest
    sides = (stored.width, stored.height)
    for name, default in zip(_CORNERS, (0, 0, *sides), strict=True):
        kept(digest, name, default)
    for name, default in (("size", 0), ("grey", False), ("every", 1), ("first", 1), ("last", stored.n_frames)):
        kept(digest, name, default)
    for name in ("drop", "interpolate", "called"):
        kept(digest, name, "")
    columns = st.columns(4)
    for name, column, top in zip(_CORNERS, columns, (*sides, *sides), strict=True):
        low = 0 if name in ("x", "y") else 1
        label = {"x": "Left", "y": "Top", "width": "Width", "height": "Height"}[name]
        column.number_input(label, low, top - 1 + low, step=1, key=field(digest, name), persist_state="session")
    left, middle, right = st.columns(3)
    labels = {"first": "First frame", "last": "Last frame", "every": "One frame in"}
    for (name, label), column in zip(labels.items(), (left, middle, right), strict=True):
        column.number_input(
            label, 1, stored.n_frames, step=1, key=field(digest, name), persist_state="session",
            help="2 keeps every other frame, 1 all." if name == "every" else None,
        )  # fmt: skip
    left, right = st.columns(2)
    left.text_input(
        "Leave out frames", key=field(digest, "drop"), placeholder="110, 111, 120-125", persist_state="session"
    )
    right.text_input(
        "Replace frames", key=field(digest, "interpolate"), placeholder="110, 111", persist_state="session",
        help="By what lies between their neighbours in time, so that all steps stay equal.",
    )  # fmt: skip
    left, right = st.columns(2, vertical_alignment="bottom")
    left.number_input(
        "Reduce to a shorter side of", 0, min(sides), step=1, key=field(digest, "size"), persist_state="session",
        help="In pixels; 0 keeps the size. Scores are then taken at the smaller size. To train faster and still score at full "
        "size, choose the working size on the Train page instead.",
    )  # fmt: skip
    if stored.n_channels > 1:
        right.checkbox("Make grey", key=field(digest, "grey"), persist_state="session")
    st.text_input(
        "Name of the new series", key=field(digest, "called"), max_chars=80, placeholder="chosen by what is done",
        persist_state="session",
    )  # fmt: skip
    try:
        return _recipe(stored)
    except FrameCastError as error:
        page.refuse(error)
        return None


def _recipe(stored: StoredSeries) -> Recipe:
    def number(name: str) -> int:
        return int(st.session_state[field(stored.digest, name)])

    first, last = number("first"), number("last")
    return Recipe(
        crop=_crop(stored),
        size=number("size") or None,
        grey=bool(st.session_state[field(stored.digest, "grey")]) and stored.n_channels > 1,
        every=number("every"),
        frames=None if (first, last) == (1, stored.n_frames) else (first, last),
        drop=_numbers_in(stored, "drop"),
        interpolate=_numbers_in(stored, "interpolate"),
    )


def _outcome(stored: StoredSeries, series: FrameSeries, store: SeriesStore, recipe: Recipe | None) -> None:
    """What will be made, the button that makes it, and the way back."""
    fits = False
    if recipe is not None and recipe.does_nothing:
        st.info("Nothing is changed yet.")
    elif recipe is not None:
        try:
            n_frames = len(kept_frames(recipe, series))
        except FrameCastError as error:
            page.refuse(error)
        else:
            fits = True
            height, width = prepared_shape(recipe, series)
            st.markdown(
                f"**{count(n_frames, 'frame')} of {width} × {height} pixels.** {escaped(' '.join(steps(recipe, series)))}"
            )
    with st.container(horizontal=True):
        if clicked("Make the new series", type="primary", key="prepare_make", disabled=not fits) and recipe is not None:
            _make(stored, series, store, recipe)
        st.button("Close", key="prepare_close", on_click=stop_preparing)
        st.button("Whole frame", key="prepare_whole", type="tertiary", on_click=_set_crop, args=(stored, None))


def _make(stored: StoredSeries, series: FrameSeries, store: SeriesStore, recipe: Recipe) -> None:
    bar = st.progress(0.0, "Making the series")
    called = st.session_state[field(stored.digest, "called")].strip() or f"{stored.name[:60]}, {summary(recipe, series)}"

    def show(done: int, total: int | None) -> None:
        if done % 10 == 0 or done == total:
            bar.progress(min(1.0, done / total) if total else 0.0, f"Frame {thousands(done)}")

    try:
        with going_on("prepare_make"):
            made = derive(store, stored.digest, recipe, name=called, progress=show)
    except FrameCastError as error:
        state.say("error", str(error))
    else:
        stop_preparing()
        state.choose_series(made.digest)
        state.say("success", f"Stored {short(made.name, 80)}: {count(made.n_frames, 'frame')}.")
    st.rerun()


def _crop(stored: StoredSeries) -> Rectangle | None:
    """The rectangle in the fields, None for the whole frame; what reaches beyond the frame is cut off."""
    values = [st.session_state.get(field(stored.digest, name)) for name in _CORNERS]
    x, y, width, height = (default if one is None else int(one) for one, default in
                           zip(values, (0, 0, stored.width, stored.height), strict=True))  # fmt: skip
    width, height = min(width, stored.width - x), min(height, stored.height - y)
    return None if (width, height) == (stored.width, stored.height) else (x, y, width, height)


def _set_crop(stored: StoredSeries, crop: Rectangle | None) -> None:
    for name, number in zip(_CORNERS, crop or (0, 0, stored.width, stored.height), strict=True):
        st.session_state[field(stored.digest, name)] = number


def _numbers_in(stored: StoredSeries, name: str) -> tuple[int, ...]:
    """Frame numbers as a person writes them: '110, 111, 120-125'. Raises SettingError on anything else."""
    text = str(st.session_state.get(field(stored.digest, name), ""))
    found: list[int] = []
    for part in text.replace(";", ",").replace("–", "-").split(","):
        first, dash, last = (piece.strip() for piece in part.partition("-"))
        if not first and not dash:
            continue
        if not first.isdecimal() or (dash and not last.isdecimal()):
            raise SettingError(f"'{part.strip()}' is no frame number. Write numbers with commas, as 110, 111, 120-125.")
        stop = int(last) if dash else int(first)
        if not 1 <= int(first) <= stop <= stored.n_frames:
            raise SettingError(f"'{part.strip()}' is no frame of this series; it has frames 1 to {stored.n_frames}.")
        found += range(int(first), stop + 1)
    return tuple(found)

"""What files leave open, as a small form: which array, what its axes mean, what to do with odd sizes or with gaps."""

from collections.abc import Mapping, Sequence

import numpy as np
import streamlit as st

from framecast.errors import ChoiceNeededError, FrameCastError
from framecast.series.ingest import Contents, Upload, first_frame
from framecast.series.readers.axes import Layout
from framecast.series.readers.choice import Part
from framecast.series.readers.contract import Frame, printable
from framecast.ui.text import escaped, short

_SIZES = {
    "crop": "Crop: keep the middle that all of them have",
    "pad": "Pad: put a black border around the smaller ones",
    "resize": "Resize: bring the odd ones to the usual size",
}
_MISSING = {
    "mask": "Mask: leave out every pixel that is ever missing",
    "interpolate": "Interpolate: fill gaps between the frames before and after",
}
_OTHER = "another order"
_PREVIEW_PX = 320


class Discarded:
    """The answer of a person who wants none of it."""


def choice_form(
    files: Sequence[Upload], error: ChoiceNeededError, chosen: Mapping[str, str]
) -> dict[str, str] | Discarded | None:
    """Draw the question. The answer by the names that `ingest` gives it, once the button is pressed; None until then."""
    with st.container(border=True):
        st.markdown(f"**{escaped(_title(error))}**")
        answer: dict[str, str] | None
        if isinstance(error.contents, Contents):
            answer = _array(files, error.contents)
        elif error.sizes:
            st.caption(escaped(str(error)))
            answer = {"sizes": _radio("What shall be done with them?", error.sizes, _SIZES)}
        else:
            st.caption(escaped(str(error)))
            answer = {"missing": _radio("What shall become of them?", error.missing, _MISSING)}
        with st.container(horizontal=True):
            added = st.button("Add the series", key="upload_add", type="primary", disabled=answer is None)
            if st.button("Discard", key="upload_discard"):
                return Discarded()
    return answer if added else None


def _title(error: ChoiceNeededError) -> str:
    if isinstance(error.contents, Contents):
        return "Which array is the series?" if len(error.contents.parts) > 1 else "Which axis is time?"
    return "The frames are of several sizes" if error.sizes else "Values are missing in some frames"


def _radio(label: str, ways: Sequence[str], words: Mapping[str, str]) -> str:
    chosen: str = st.radio(label, ways, format_func=lambda way: words[way], key="upload_way_of_dealing")
    return chosen


def _array(files: Sequence[Upload], contents: Contents) -> dict[str, str] | None:
    """Variable and axes, with the sentence and the first frame that they make."""
    names = [part.name for part in contents.parts]
    usual = contents.usual or contents.parts[0]
    name = usual.name
    if len(names) > 1:
        parts = {part.name: part for part in contents.parts}
        name = st.selectbox(
            "Variable",
            names,
            index=names.index(usual.name),
            format_func=lambda one: f"{printable(one, 200)}: {parts[one].in_words}",  # whole: the box tells them apart by it
            key="upload_variable",
        )
    part = contents.part(name) or usual
    if part.kind == "cell":
        st.caption(escaped(f"{max(part.shape)} frames, one a cell."))
        axes = ""
    else:
        asked = _axes(part)
        if asked is None:
            return None
        axes = asked
    answer = {"variable": part.name, "axes": axes}
    try:
        frame = first_frame(files, variable=part.name, axes=axes)
    except FrameCastError as error:
        st.warning(escaped(str(error)))
        return None
    st.image(_picture(frame), caption="The first frame, read so", width=min(_PREVIEW_PX, max(96, frame.shape[1])))
    return answer


def _axes(part: Part) -> str | None:
    """The axes as text, None while what was typed says nothing."""
    options = [*(str(option) for option in part.options), _OTHER]
    start = options.index(str(part.guess)) if part.guess else 0
    text = st.selectbox(
        escaped(f"How to read {part.in_words.replace(' x ', ' × ')}"),
        options,
        index=start,
        format_func=lambda one: _in_words(one, part) if one != _OTHER else "Another order",
        key=f"upload_axes_{part.name}",
    )
    if text == _OTHER:
        text = st.text_input(
            "Axes",
            "".join("THWC"[: len(part.shape)]),
            help="One letter an axis, in the order of the array: T time, H height, W width, C channel; or, with commas, the "
            "number of a slice: T,3,H,W",
            key=f"upload_order_{part.name}",
        )
        try:
            Layout.parse(text).check("The file", part.shape)
        except FrameCastError as error:
            st.warning(escaped(str(error)))
            return None
    layout = _cut(Layout.parse(text), part)
    st.caption(escaped(f"That makes {layout.in_words(part.shape).replace(' x ', ' × ')}."))
    return str(layout)


def _in_words(text: str, part: Part) -> str:
    layout = Layout.parse(text)
    named = f" ({part.axis_names[layout.place('T')]} is time)" if part.axis_names else f" ({text.replace(',', ' ')})"
    return layout.in_words(part.shape).partition(", slice")[0].replace(" x ", " × ") + named


def _cut(layout: Layout, part: Part) -> Layout:
    """The layout with the slices that a person chose where an axis is cut."""
    roles = list(layout.roles)
    for axis, (role, length) in enumerate(zip(layout.roles, part.shape, strict=True)):
        if isinstance(role, int) and length > 1:
            called = part.axis_names[axis] if part.axis_names else f"axis {axis + 1}"
            label = f"Slice of {escaped(short(called, 30))}, 1 to {length}"
            roles[axis] = int(st.number_input(label, 1, length, role + 1, key=f"upload_cut_{axis}")) - 1
    return Layout(tuple(roles))


def _picture(frame: Frame) -> np.ndarray:
    """(height, width, 3) or (height, width) uint8, its values spread from black to white."""
    shown = frame[:, :, :3] if frame.shape[2] >= 3 else frame[:, :, 0]
    if shown.dtype == np.uint8:
        return np.asarray(shown)
    values = shown.astype(np.float64)
    low, high = np.nanmin(values), np.nanmax(values)
    return np.nan_to_num((values - low) / (high - low or 1) * 255).astype(np.uint8)

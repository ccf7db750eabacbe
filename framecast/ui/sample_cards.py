"""The bundled samples as cards: a picture, a sentence, the licence, and one button that stores the series and chooses it."""

from pathlib import Path
from tempfile import TemporaryDirectory

import streamlit as st

from framecast.drawing.pictures import display_range, picture, still
from framecast.errors import FrameCastError
from framecast.samples import SAMPLES, Sample, sample
from framecast.series.store import SeriesStore
from framecast.ui import state
from framecast.ui.clicks import clicked, going_on
from framecast.ui.stills import stills
from framecast.ui.text import count, escaped

_PICTURE_PX = 128
_SHIPPED = Path(__file__).parent / "sample_pictures"


def sample_cards(store: SeriesStore, columns: int) -> None:
    """Draw the cards of real series, then those of series made by a known law; a press ends in a rerun."""
    for title, real in (("Real", True), ("Made, with a known law of motion", False)):
        st.caption(title)
        members = [one for one in SAMPLES if one.real is real]
        for row in range(0, len(members), columns):
            for column, one in zip(st.columns(columns), members[row : row + columns], strict=False):
                with column.container(border=True, height="stretch"):
                    _card(one, store)


def _card(one: Sample, store: SeriesStore) -> None:
    stills([(_picture(one.name), one.title)], captions=False, square=True)
    st.markdown(f"**{one.title}.** {escaped(one.sentence)}")
    if one.real:
        st.caption(f"{escaped(one.credit)} · {escaped(one.licence)}")
    st.space("stretch")
    if clicked("Use this series", key=f"sample_{one.name}", width="stretch"):
        bar = st.progress(0.0, "Storing the frames")
        try:
            with going_on(f"sample_{one.name}"):
                stored = one.load(store, lambda done, total: bar.progress(min(1.0, done / total) if total else 0.0))
        except FrameCastError as error:
            state.say("error", str(error))
        else:
            state.choose_series(stored.digest)
            state.say("success", f"{stored.name} is ready: {count(stored.n_frames, 'frame')}.")
        st.rerun()


def shipped_picture(name: str) -> bytes | None:
    """A sample's picture, PNG, as it lies beside this file, so that the first page need not read every sample."""
    path = _SHIPPED / f"{name}.png"
    return path.read_bytes() if path.exists() else None


@st.cache_resource(show_spinner=False)
def _picture(name: str) -> bytes:
    return shipped_picture(name) or sample_picture(name)


def sample_picture(name: str) -> bytes:
    """The middle of a sample's middle frame, square, as PNG."""
    with TemporaryDirectory() as folder:
        store = SeriesStore(Path(folder))
        stored = sample(name).load(store)
        series = store.open(stored.digest)
        drawn = picture(series.frames[series.n_frames // 2], display_range(stored), series.valid)
        side = min(drawn.shape[:2])
        top, left = (drawn.shape[0] - side) // 2, (drawn.shape[1] - side) // 2
        return still(drawn[top : top + side, left : left + side], _PICTURE_PX)

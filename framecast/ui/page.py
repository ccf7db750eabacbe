"""What every page has: a title, one line that explains it, and one way to show what went wrong."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import streamlit as st
from PIL import Image

from framecast.drawing.colours import INKS
from framecast.errors import FrameCastError
from framecast.ui import resources, state
from framecast.ui.banner import banner
from framecast.ui.navigation import begin_with_app
from framecast.ui.text import escaped

WIDEST_PX = 1840
_PAGE = {"light": "#ffffff", "dark": "#12181d"}
"""What lies behind a page, as in .streamlit/config.toml. `light-dark` asks the browser which theme is on."""
LOGO = Path(__file__).parent / "logo.svg"

_STYLE = f"""<style>
.stMainBlockContainer {{ max-width: {WIDEST_PX}px; padding-top: 4.2rem; padding-bottom: 4rem; }}
.stMainBlockContainer h1 {{ padding-bottom: 0; }}
.stColumn:has(.st-key-side_run) {{ position: sticky; top: 4.2rem; align-self: flex-start; max-height: calc(100vh - 13.6rem);
  overflow-y: auto; animation: side-run-grows linear both; animation-timeline: scroll(nearest block);
  animation-range: 0 8.8rem; }}
@keyframes side-run-grows {{ to {{ max-height: calc(100vh - 4.8rem); }} }}
.st-key-queue .stHorizontalBlock {{ flex-wrap: nowrap; }}
.st-key-queue [class*="st-key-show_"] button {{ justify-content: flex-start; text-align: left; }}
.stColumn div:has(> .st-key-ready) {{ position: sticky; bottom: 0; z-index: 5;
  background: light-dark({_PAGE["light"]}, {_PAGE["dark"]}); }}
.stPlotlyChart :is([class$="tick"], [class*="title"], .annotation, .legend) text {{
  fill: light-dark({INKS["light"]}, {INKS["dark"]}) !important; }}
[class*="st-key-danger_"] button {{ background: #b83a45; border-color: #b83a45; color: #ffffff; }}
[class*="st-key-danger_"] button:hover {{ background: #982e38; border-color: #982e38; color: #ffffff; }}
</style>"""


def icon() -> Image.Image:
    """The picture in the browser's tab: frames one behind the other. A named icon would be fetched from another host."""
    drawn = np.zeros((64, 64, 4), np.uint8)
    for offset, colour in ((24, (143, 184, 168)), (12, (63, 135, 166)), (0, (31, 111, 139))):
        drawn[offset : offset + 40, offset : offset + 40] = (*colour, 255)
        drawn[offset + 38 : offset + 40, offset : offset + 40] = drawn[offset : offset + 40, offset + 38 : offset + 40] = 255
    return Image.fromarray(drawn)


def header(title: str, line: str) -> None:
    """The title, the line below it, the runs at work, and the message that the last action left."""
    begin_with_app()
    st.logo(str(LOGO), size="large")
    st.html(_STYLE)
    st.title(title, anchor=False)
    st.markdown(f":gray[{line}]")
    banner(resources.manager())
    slot = st.empty()  # always there: without it all below would move by one and leave its old self behind while a page works
    notice = state.take_notice()
    if notice:
        kind, sentence = notice
        (slot.success if kind == "success" else slot.error)(escaped(sentence))


@contextlib.contextmanager
def refusing() -> Iterator[None]:
    """What cannot be drawn is told in its place, and what is below is drawn."""
    try:
        yield
    except FrameCastError as error:
        refuse(error)


def refuse(error: Exception) -> None:
    """Show the sentence of a FrameCastError in the place where the result would have been."""
    st.error(escaped(str(error)))


def empty(sentence: str, page: str, label: str) -> None:
    """What a page shows when there is nothing to show yet, and where to go for it."""
    with st.container(border=True):
        st.markdown(sentence)
        st.page_link(page, label=label, icon=":material/arrow_forward:", icon_position="right")

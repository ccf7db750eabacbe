"""A frame on which a person draws the rectangle to keep, with mouse, finger or arrow keys."""

import base64
from collections.abc import Callable
from pathlib import Path

import streamlit as st

Rectangle = tuple[int, int, int, int]
"""x and y of the upper left corner, width and height, in pixels of the frame."""

_HERE = Path(__file__).parent


def crop_box(
    picture: bytes,
    width: int,
    height: int,
    crop: Rectangle | None,
    *,
    words: str,
    key: str,
    drawn: Callable[[Rectangle], None],
) -> None:
    """Draw a JPEG or PNG `picture` of a frame of `width` x `height` pixels with `crop` on it. `drawn` is called with the
    rectangle when the person has changed it; `words` describe the picture to those who cannot see it."""
    kind = "jpeg" if picture.startswith(b"\xff\xd8") else "png"
    source = f"data:image/{kind};base64,{base64.b64encode(picture).decode()}"
    heard = f"{key}_heard"
    data = {
        "source": source, "width": width, "height": height, "crop": crop and list(crop), "words": words,
        "heard": st.session_state.get(heard, 0),
    }  # fmt: skip

    def changed() -> None:
        found = st.session_state[key].crop
        if found:
            x, y, w, h, st.session_state[heard] = (int(number) for number in found)
            drawn((x, y, w, h))

    _component()(data=data, key=key, on_crop_change=changed)


@st.cache_resource(show_spinner=False)
def _component() -> "st.components.v2.types.ComponentRenderer":
    html, css, js = ((_HERE / f"crop_box.{kind}").read_text(encoding="utf-8") for kind in ("html", "css", "js"))
    return st.components.v2.component("framecast_crop_box", html=html, css=css, js=js)

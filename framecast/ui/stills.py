"""Pictures on a page, of equal width and bounded height whatever the frames' shape.

They travel inside the page. A picture with an address of its own is asked for later, and where the person has left the page
by then it is gone.
"""

import base64
import html

import streamlit as st

HIGHEST_PX = 340
_JPEG = b"\xff\xd8"


def stills(
    pictures: list[tuple[bytes, str]], *, highest: int = HIGHEST_PX, captions: bool = True, square: bool = False
) -> None:
    """Draw PNG or JPEG pictures beside each other, each (content, words) at most `highest` pixels high. The words
    stand below it, or serve only those who cannot see it. `square` fills the width with a square of the picture's middle."""
    st.html(
        f'<div style="display:grid;gap:1rem;grid-template-columns:repeat({len(pictures)},minmax(0,1fr))">'
        f"{''.join(_figure(content, words, highest, captions, square) for content, words in pictures)}</div>"
    )


def _figure(content: bytes, words: str, highest: int, captioned: bool, square: bool) -> str:
    kind = "jpeg" if content.startswith(_JPEG) else "png"
    text = html.escape(words, quote=True)
    caption = f'<figcaption style="font-size:0.875rem;opacity:0.7;margin-top:6px">{text}</figcaption>' if captioned else ""
    shape = "width:100%;aspect-ratio:1;object-fit:cover" if square else f"max-width:100%;max-height:{highest}px"
    return (
        '<figure style="margin:0;min-width:0">'
        f'<img alt="{text}" src="data:image/{kind};base64,{base64.b64encode(content).decode()}" '
        f'style="display:block;{shape};border-radius:3px">{caption}</figure>'
    )

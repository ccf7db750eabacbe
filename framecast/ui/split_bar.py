"""Where a series is cut: a bar of train, validation and test frames, to scale, with frame numbers."""

import streamlit as st

from framecast.series.frames import Split
from framecast.ui.text import count, frame_range, thousands

_PARTS = {"train": ("Train", "#3f87a6"), "valid": ("Validation", "#8fb8a8"), "test": ("Test", "#d9a05b")}
_INK = "#10181d"


def split_bar(split: Split) -> None:
    segments = []
    notes = []
    for name, (title, colour) in _PARTS.items():
        part: range = getattr(split, name)
        if not part:
            continue
        first, last = part.start + 1, part.stop
        segments.append(
            f'<div title="{title}: {frame_range(first, last)}" style="flex:{len(part)} 1 0;min-width:6px;background:{colour};'
            f"color:{_INK};padding:5px 0;text-align:center;overflow:hidden;white-space:nowrap;font-weight:600"
            f'">{len(part)}</div>'
        )
        notes.append(
            f'<span style="white-space:nowrap"><span style="display:inline-block;width:10px;height:10px;border-radius:2px;'
            f'background:{colour};margin-right:6px"></span>{title}: {count(len(part), "frame")}{_from_to(first, last)}</span>'
        )
    st.html(
        '<div style="font-size:0.875rem">'
        f'<div role="img" aria-label="Split of the series" style="display:flex;gap:2px;border-radius:5px;overflow:hidden">'
        f"{''.join(segments)}</div>"
        f'<div style="display:flex;flex-wrap:wrap;gap:4px 20px;margin-top:8px">{"".join(notes)}</div></div>'
    )


def _from_to(first: int, last: int) -> str:
    return f" (frame {thousands(first)})" if first == last else f", {thousands(first)}–{thousands(last)}"

"""Which letters a figure can be drawn with: units may be in a script that the font of the figure does not have.

matplotlib draws a box for a letter that it lacks. Systems differ in what they have beside DejaVu Sans, which comes with it, so
whatever is there of the usual fonts is asked in turn, and words that none can draw are not drawn at all.
"""

from functools import cache

USUAL = "DejaVu Sans"
OTHERS = (
    "Noto Sans CJK SC", "Noto Sans CJK JP", "Noto Sans CJK KR", "Noto Sans SC", "Noto Sans JP", "Noto Sans KR",
    "Source Han Sans SC", "WenQuanYi Micro Hei", "WenQuanYi Zen Hei", "Droid Sans Fallback", "IPAexGothic", "TakaoGothic",
    "NanumGothic", "Microsoft YaHei", "SimHei", "Yu Gothic", "MS Gothic", "Malgun Gothic", "PingFang SC", "Hiragino Sans GB",
    "Hiragino Sans", "Apple SD Gothic Neo", "Arial Unicode MS",
)  # fmt: skip
"""Fonts with Chinese, Japanese or Korean letters on Linux, Windows and a Mac."""


def families(words: str) -> list[str]:
    """Fonts that have the letters of `words` together, the usual one first; empty where some letter is in none of them."""
    chosen, missing = [USUAL], {letter for letter in words if letter.isprintable()} - _letters(USUAL)
    for name in OTHERS:
        if missing and name in _installed() and missing & _letters(name):
            chosen.append(name)
            missing -= _letters(name)
    return [] if missing else chosen


@cache
def _installed() -> frozenset[str]:
    from matplotlib.font_manager import fontManager

    return frozenset(font.name for font in fontManager.ttflist)


@cache
def _letters(name: str) -> frozenset[str]:
    from matplotlib.font_manager import findfont, get_font

    return frozenset(map(chr, get_font(findfont(name)).get_charmap()))

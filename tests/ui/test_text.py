import pytest

from framecast.ui.text import count, duration, escaped, thousands, value, with_units


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("**bold** _x_", r"\*\*bold\*\* \_x\_"),
        ("![a](http://b/c.png)", r"\!\[a\]\(http\://b/c\.png\)"),
        ("<script>", r"\<script\>"),
        (":red[x] $y$", r"\:red\[x\] \$y\$"),
        ("two\n\nlines", "two lines"),
    ],
)
def test_a_name_is_only_a_name(name: str, shown: str) -> None:
    assert escaped(name) == shown


def test_numbers_as_people_read_them() -> None:
    assert thousands(1_851_005_275) == "1,851,005,275"
    assert [value(number) for number in (0.001234, 0.5, 255.0, 96040.25, 1e9)] == ["0.001234", "0.5", "255", "96,040", "1e+09"]
    assert with_units(3.0, "K") == "3 K" and with_units(3.0, "1") == "3"
    assert [duration(seconds) for seconds in (8.4, 125, 4800)] == ["8 s", "2 min 05 s", "1 h 20 min"]
    assert [count(number, "frame") for number in (0, 1, 400)] == ["0 frames", "1 frame", "400 frames"]

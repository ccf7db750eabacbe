import pytest

from framecast.ui.text import (
    cell,
    count,
    decimals,
    distinct,
    duration,
    escaped,
    fixed,
    frame_range,
    preset_title,
    short,
    thousands,
    value,
    with_units,
)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("**bold** _x_", r"\*\*bold\*\* \_x\_"),
        ("![a](http://b/c.png)", "\\!\\[a\\]\\(http\\://\u2060b/c\\.png\\)"),
        ("<script>", r"\<script\>"),
        (":red[x] $y$", r"\:red\[x\] \$y\$"),
        ("two\n\nlines", "two lines"),
        ("R&amp;D", r"R\&amp;D"),
        ("WWW.a.org a@b.org 3 @ 4", "WWW\u2060\\.a\\.org a@\u2060b\\.org 3 @ 4"),
    ],
)
def test_a_name_is_only_a_name(name: str, shown: str) -> None:
    assert escaped(name) == shown


@pytest.mark.parametrize("name", ['=HYPERLINK("http://evil")', "+cmd|' /C'!A0", "@SUM(A1)", "-2+3+cmd|' /C'!A0", " =1+1"])
def test_no_spreadsheet_computes_a_name(name: str) -> None:
    assert cell(name) == f"'{name}"


@pytest.mark.parametrize("text", ["a=b", "-5", "-0.5", "+1,000", "-1e-05", "", "'=1"])
def test_other_cells_are_as_they_are(text: str) -> None:
    assert cell(text) == text


def test_numbers_as_people_read_them() -> None:
    assert thousands(1_851_005_275) == "1,851,005,275"
    shown = {0.001234: "0.001234", 0.5: "0.5", 255.0: "255", 1234.5: "1,234", 96040.25: "96,040", 1e9: "1,000,000,000"}
    assert {number: value(number) for number in shown} == shown
    assert [value(number) for number in (0.0, -5e-05, 2e-9, float("inf"))] == ["0", "-0.00005", "2 × 10⁻⁹", "∞"]
    assert with_units(3.0, "K") == "3 K" and with_units(3.0, "1") == "3"
    assert [duration(seconds) for seconds in (8.4, 125, 4800)] == ["8 s", "2 min 05 s", "1 h 20 min"]
    assert [count(number, "frame") for number in (0, 1, 400)] == ["0 frames", "1 frame", "400 frames"]


def test_a_column_has_as_many_decimals_throughout() -> None:
    column = [0.9, 0.12345, -0.00001, float("inf")]
    assert [fixed(number, decimals(column)) for number in column] == ["0.900000", "0.123450", "-0.000010", "∞"]
    assert [fixed(number, decimals([96040.2, 3.0])) for number in (96040.2, 3.0)] == ["96,040.20", "3.00"]
    assert [fixed(number, 3) for number in (0.9, -0.00001)] == ["0.900", "0.000"]
    assert decimals([]) == decimals([0.0, float("nan")]) == 0


def test_long_names_lose_their_middle() -> None:
    assert short("a short name") == "a short name"
    cut = short("beginning" * 20 + "end.tif", 40)
    assert len(cut) == 40 and cut.startswith("beginning") and cut.endswith("end.tif") and "…" in cut


def test_a_name_cannot_turn_the_order_of_its_letters() -> None:
    assert short("a\u202egnp.exe") == "a?gnp.exe" and escaped("a\u2066b\u200f") == "a?b?"


def test_one_frame_is_not_a_range() -> None:
    assert [frame_range(5, 5), frame_range(5, 9)] == ["frame 5", "frames 5 to 9"]


def test_presets_are_called_as_in_the_form() -> None:
    assert [preset_title(name) for name in ("recommended", "question")] == ["Recommended", "As in the question"]


def test_labels_that_are_alike_are_told_apart_by_their_ids() -> None:
    labels = {"2026-aaaabbbb": "U-Net", "2026-ccccdddd": "U-Net", "2026-eeeeffff": "Auto"}
    assert list(distinct(labels).values()) == ["U-Net · aaaabbbb", "U-Net · ccccdddd", "Auto"]

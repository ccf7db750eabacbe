"""What file names say of time is read, gaps and uneven steps are found, and names that say nothing say nothing."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import numpy as np
import pytest

from framecast.series.frames import FrameSeries
from framecast.series.health.finding import Finding, Subject
from framecast.series.health.frame_checks import check_numbering
from framecast.series.health.measures import measure
from framecast.series.health.noise import Noise
from framecast.series.health.numbering import numbering, timing

START = datetime(2010, 8, 26, 0, 0)


def checked(names: Sequence[str]) -> Finding | None:
    series = FrameSeries("a", np.arange(len(names), dtype=np.float32).reshape(-1, 1, 1, 1), (0.0, 1e4))
    return check_numbering(Subject(series, measure(series), Noise(0, 0, 0, 0), tuple(names)))


def numbered(numbers: Sequence[int]) -> list[str]:
    return [f"img_{number:04d}_c1.png" for number in numbers]


def stamped(minutes: Sequence[int], form: str = "RAD_%Y%m%d_%H%M.png") -> list[str]:
    return [(START + timedelta(minutes=minute)).strftime(form) for minute in minutes]


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (numbered(range(1, 40)), "numbers in the file names go on without a gap."),
        (numbered(range(0, 80, 2)), "without a gap, one every 2."),
        (stamped(range(0, 600, 5)), "time stamps in the file names go on without a gap, one every 5 min."),
        (stamped(range(0, 6000, 60), "%Y%m%d%H.tif"), "one every 1 h."),
        (stamped(range(0, 60 * 24 * 20, 60 * 24), "%Y-%m-%d.png"), "one every day."),
        ([f"{1999 + month // 12}{month % 12 + 1:02d}.png" for month in range(50)], "months in the file names"),
        ([f"p_{round(0.05 * index, 2)}.png" for index in range(1, 25)], "numbers in the file names go on without a gap, one"),
        ([f"t{0.05 * index}.png" for index in range(1, 25)], "without a gap, one every 0.05."),
        ([f"t{index / 3:.3g}.png" for index in range(40)], "without a gap, one every 0.33"),
        ([f"t{index}.png" for index in range(-9, 10)], "numbers in the file names go on without a gap."),
    ],
)
def test_even_names_are_fine(names: list[str], words: str) -> None:
    one = checked(names)
    assert one is not None and one.severity == "fine" and words in one.sentence


def test_a_gap_in_numbers_is_counted_placed_and_answered() -> None:
    one = checked(numbered([*range(1, 36), *range(39, 140)]))
    assert one is not None and one.severity == "look"
    assert one.sentence == (
        "By the numbers in the file names, 3 frames are missing, after frame 35 (“img_0035_c1.png”)."
    )
    assert "frames 36 to 136" in one.advice and one.keep == (36, 136)


def test_gaps_and_uneven_steps_in_decimal_numbers() -> None:
    times = [round(0.05 * index, 2) for index in range(60)]
    one = checked([f"p_{time}.png" for time in times if not 0.9 < time < 1.02])
    assert one is not None and "2 frames are missing, after frame 19 (“p_0.9.png”)" in one.sentence
    one = checked([f"p_{time}.png" for time in times if time != 1.0] + ["p_2.975.png", "p_3.png"])
    assert one is not None and "1 frame is missing" in one.sentence and "is no multiple of 0.05" in one.sentence


def test_gaps_in_time_stamps_and_months() -> None:
    one = checked(stamped([*range(0, 100, 5), *range(110, 1000, 5)]))
    assert one is not None and "2 frames are missing" in one.sentence and "after frame 20" in one.sentence
    months = [f"{1999 + month // 12}{month % 12 + 1:02d}.png" for month in range(50) if month != 13]
    one = checked(months)
    assert one is not None and "1 frame is missing, after frame 13 (“200001.png”)" in one.sentence


def test_uneven_and_repeated_stamps() -> None:
    steps = np.cumsum(np.random.default_rng(0).choice([5, 5, 5, 7], 60)).tolist()
    one = checked(stamped(steps))
    assert one is not None and one.severity == "problem" and "are uneven" in one.sentence
    one = checked(stamped([*range(0, 300, 5), 297 + 5, *range(305, 600, 5)]))
    assert one is not None and "no multiple of 5 min" in one.sentence


def test_names_are_foreign_text_and_are_shown_on_one_line() -> None:
    one = checked([f"\x1b[31m{'long' * 30}\n{number}.png" for number in (1, 2, 3, 4, 7, 8, 9, 10)])
    assert one is not None and one.sentence.isprintable() and len(one.sentence) < 160 and "…" in one.sentence


def test_many_missing_frames_are_a_problem() -> None:
    one = checked(numbered([*range(1, 30), *range(60, 90)]))
    assert one is not None and one.severity == "problem"


@pytest.mark.parametrize(
    "names",
    [
        [],
        ["a.png", "b.png", "c.png"],
        ["1.png", "2.png"],
        ["a1.png", "b2.png", "c3.png"],
        ["same.png"] * 4,
        ["z1t1.png", "z1t2.png", "z2t1.png", "z2t2.png"],
        ["9.png", "8.png", "7.png"],
    ],
    ids=str,
)
def test_names_that_say_nothing_of_time(names: list[str]) -> None:
    assert numbering(names) is None


def test_six_digits_that_are_no_months_are_numbers() -> None:
    found = numbering([f"{number:06d}.png" for number in range(199001, 199030)])
    assert found is not None and found.unit == "number" and found.step == 1


def test_times_in_the_files_are_asked_where_names_have_none() -> None:
    def said(times: list[float], names: tuple[str, ...] = ()) -> str:
        series = FrameSeries("a", np.arange(len(times), dtype=np.float32).reshape(-1, 1, 1, 1), (0.0, 1e4))
        finding = check_numbering(Subject(series, measure(series), Noise(0, 0, 0, 0), names, tuple(times)))
        return "" if finding is None else finding.sentence

    even = [0.04 * index for index in range(40)]
    assert said(even) == "The times in the file go on without a gap, one every 40 ms."
    assert said(even[:20] + even[23:]) == "By the times in the file, 3 frames are missing, after frame 20."
    late = [time + 0.02 * (index > 19) for index, time in enumerate(even)]
    assert said(late) == "The step after frame 20 is no multiple of 40 ms."
    names = tuple(f"a{index}.png" for index in range(40))
    waiting = [600.0 * index + (index % 5 == 0) for index in range(40)]
    assert said(waiting, names) == "The times in the file go on without a gap, one every 10 min."
    assert "numbers in the file names, 1 frame" in said(waiting[1:], (*names[:20], *names[21:]))
    stamped = tuple(f"{START + timedelta(minutes=5 * index):%Y%m%d%H%M}.png" for index in range(40))
    assert said(waiting, stamped) == "The time stamps in the file names go on without a gap, one every 5 min."


@pytest.mark.parametrize("times", [[0.0] * 40, [float(index // 2) for index in range(40)], [1.0, 2.0]])
def test_times_that_are_too_coarse_say_nothing(times: list[float]) -> None:
    """Whole seconds of frames that come every half; the one moment at which all files were exported."""
    assert timing(times) is None

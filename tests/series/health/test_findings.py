"""Each check finds the fault that was put into a series, says which frames, and is silent on series without it."""

from collections.abc import Sequence

import numpy as np
import pytest

from framecast.series.frames import FrameSeries
from framecast.series.health.checks import findings
from framecast.series.health.finding import Finding, Subject
from framecast.series.health.measures import measure
from framecast.series.health.noise import noise
from framecast.series.synthetic import SYNTHETIC

Array = np.ndarray
N = 120
FAULTS = {
    "blank frames", "odd frames", "cuts", "duplicates", "flicker", "saturation", "value range", "colour", "drift", "change"
}  # fmt: skip


def clean(n_frames: int = N, seed: int = 3) -> Array:
    """(time, 48, 60, 1) uint8: a texture that swings to and fro without a common period, with a little noise."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:48, :60] / 60
    total = np.zeros((n_frames, 48, 60))
    time = np.arange(n_frames)[:, None, None]
    for root in (2, 3, 5, 7, 11):
        wave = rng.uniform(-12, 12, 2)
        total += np.sin(wave[0] * y + wave[1] * x - (0.04 + 0.05 * (root**0.5 % 1)) * time + root)
    frames = 128 + 75 * np.tanh(total / 2) + rng.normal(0, 1.0, total.shape)
    return np.clip(np.rint(frames), 1, 254).astype(np.uint8)[..., None]


def found(frames: Array, names: Sequence[str] = (), **options: object) -> dict[str, Finding]:
    series = FrameSeries("made", frames, **{"value_range": (0.0, 255.0), **options})
    report = findings(Subject(series, measure(series), noise(series), tuple(names)))
    assert len({one.kind for one in report}) == len(report)
    return {one.kind: one for one in report}


def with_frames(indices: Sequence[int], value: object) -> Array:
    frames = clean()
    for index in indices:
        frames[index] = value
    return frames


def test_a_lamp_that_is_a_little_dimmer_for_a_frame_makes_no_odd_frame() -> None:
    """What nobody sees is not told, though it is several times the usual change of a slow series."""
    shades = 80 + 80 * (np.arange(60) % 2)
    slow = np.broadcast_to(shades[:, None], (40, 48, 60, 1)) + 0.5 * np.arange(40)[:, None, None, None]
    for dimmer, told in ((2, False), (60, True)):
        frames = slow.astype(np.float32).copy()
        frames[20] -= dimmer
        assert ("odd frames" in found(frames)) is told


def card(seed: int = 0) -> Array:
    return np.random.default_rng(seed).integers(0, 2, (48, 60, 1)).astype(np.uint8).repeat(4, 0)[:48] * 200


def test_a_clean_series_has_no_fault_and_problems_come_first() -> None:
    assert not FAULTS & set(found(clean())) and all(one.severity == "fine" for one in found(clean()).values())
    mixed = found(with_frames([50], 9).repeat(3, axis=-1))
    assert [one.severity for one in mixed.values()] == sorted(
        (one.severity for one in mixed.values()), key=("problem", "look", "fine").index
    )
    assert list(mixed)[0] == "blank frames" and "colour" in mixed


@pytest.mark.parametrize("law", sorted(SYNTHETIC))
def test_no_made_law_of_motion_has_odd_or_blank_frames_cuts_or_flicker(law: str) -> None:
    series = SYNTHETIC[law](N, 32)
    report = findings(Subject(series, measure(series), noise(series)))
    assert not {"odd frames", "blank frames", "cuts", "flicker", "value range"} & {one.kind for one in report}


@pytest.mark.parametrize("indices", [[0], [57], [57, 58], [57, 58, 59, 60], [119], [118, 119], [30, 80]], ids=str)
def test_cards_between_the_frames_are_found_wherever_they_stand(indices: list[int]) -> None:
    one = found(with_frames(indices, card()))["odd frames"]
    assert one.frames == tuple(indices) and one.severity == "problem" and one.advice
    assert str(indices[0] + 1) in one.sentence


@pytest.mark.parametrize("span", [(0, 12), (40, 46), (70, 94), (105, 120)], ids=str)
@pytest.mark.parametrize("noisy", [False, True])
def test_a_card_that_is_held_is_no_cut_and_no_stutter_however_long(span: tuple[int, int], noisy: bool) -> None:
    """As in a film that begins with its title, or a map service that shows a notice for a day."""
    frames = clean()
    frames[slice(*span)] = card()
    if noisy:
        frames[slice(*span)] += np.random.default_rng(4).integers(0, 2, frames[slice(*span)].shape, dtype=np.uint8)
    report = found(frames)
    assert report["odd frames"].frames == tuple(range(*span)) and report["odd frames"].severity == "problem"
    assert not {"cuts", "duplicates"} & set(report)


def test_a_pause_in_which_nothing_moves_is_no_card() -> None:
    frames = clean()
    frames[50:70] = frames[49]
    assert "odd frames" not in found(frames) and found(frames)["duplicates"].frames == tuple(range(50, 70))


def test_a_slight_slip_is_a_question_and_not_a_problem() -> None:
    """One frame a little darker than those around it."""
    frames = clean()
    change = np.abs(np.diff(frames.astype(float), axis=0)).mean()
    frames[60] = frames[60] - np.uint8(round(4 * change))
    one = found(frames)["odd frames"]
    assert one.frames == (60,) and one.severity == "look"


def test_odd_frames_are_named_by_their_files() -> None:
    names = [f"{1978 + month // 12}{month % 12 + 1:02d}.png" for month in range(N)]
    report = found(with_frames([57, 58], card()), names)
    assert "Frames 58 and 59 (“198210.png”, “198211.png”)" in report["odd frames"].sentence
    assert report["numbering"].severity == "fine" and "one every month" in report["numbering"].sentence


def test_an_episode_that_lasts_and_a_restless_series_have_no_odd_frames() -> None:
    assert "odd frames" not in found(with_frames(range(40, 60), card()))
    restless = np.random.default_rng(0).integers(0, 255, (60, 24, 24, 1)).astype(np.uint8)
    assert "odd frames" not in found(restless) and "cuts" not in found(restless)


def test_blank_frames_are_found_and_many_of_them_are_a_question() -> None:
    one = found(with_frames([3, 77], 40))["blank frames"]
    assert one.frames == (3, 77) and one.severity == "problem" and "Frames 4 and 78 are blank" in one.sentence
    assert "odd frames" not in found(with_frames([3, 77], 40))
    assert found(with_frames(range(0, 120, 4), 40))["blank frames"].severity == "look"


def test_a_cut_is_found_and_the_longest_part_is_named() -> None:
    frames = np.concatenate([clean(40, seed=1) // 3, 200 - clean(80, seed=2) // 4])
    one = found(frames)["cuts"]
    assert "at frame 41" in one.sentence and one.severity == "look"
    assert "frames 41 to 120" in one.advice and one.keep == (41, 120)
    assert "odd frames" not in found(frames)


def test_exact_copies_are_found_in_a_row_and_far_apart() -> None:
    stutter = clean()
    stutter[20], stutter[61] = stutter[19], stutter[60]
    one = found(stutter)["duplicates"]
    assert one.frames == (20, 61) and "2 of 120 frames are an exact copy" in one.sentence and "stutter" in one.advice
    far = clean()
    far[90] = far[10]
    assert found(far)["duplicates"].frames == (90,) and "frame 91 equals frame 11" in found(far)["duplicates"].sentence
    nearly = clean()
    nearly[20] = nearly[19]
    nearly[20, 0, :2] = nearly[20, 0, 1::-1]  # the block sums stay equal
    assert nearly[20, 0, 0] != nearly[20, 0, 1] and "duplicates" not in found(nearly)


def test_a_loop_is_called_a_loop_and_its_copies_are_not_offered() -> None:
    for n_rounds in (8, 2):
        one = found(np.tile(clean(15), (n_rounds, 1, 1, 1)))["duplicates"]
        assert "the frame 15 before" in one.sentence and one.frames == ()
    begun_again = found(np.concatenate([clean(40), clean(40)[:10]]))["duplicates"]
    assert begun_again.sentence.startswith("10 of 50") and "loop" in begun_again.sentence and begun_again.frames == ()


def test_time_that_runs_backwards_is_a_problem() -> None:
    series = FrameSeries("made", clean(30), (0.0, 255.0))
    for step, severity in ((10, "fine"), (-10, "problem")):
        times = tuple(1e6 + step * index for index in range(30))
        report = findings(Subject(series, measure(series), noise(series), (), times))
        (one,) = (finding for finding in report if finding.kind == "numbering")
        assert one.severity == severity and ("run backwards" in one.sentence) == (step < 0)


def test_a_still_has_nothing_to_forecast() -> None:
    report = found(np.repeat(clean(1), 30, axis=0))
    assert report["change"].severity == "problem" and "duplicates" not in report and "blank frames" not in report


@pytest.mark.parametrize(("period", "said"), [(2, "2 frames"), (2.28, "2.28 frames"), (5, "5 frames")])
def test_flicker_of_the_whole_picture_is_found_with_its_size_and_rhythm(period: float, said: str) -> None:
    swing = 6 * np.sin(2 * np.pi * np.arange(200) / period + 0.7)[:, None, None, None]
    frames = np.rint(clean(200) / 20 + 100 + swing).astype(np.uint8)
    report = found(frames)
    assert said in report["flicker"].sentence and "period" not in report
    size = float(report["flicker"].sentence.partition("by about ")[2].split(",")[0])
    assert 4 < size < 10


def test_a_slow_swing_or_a_flicker_of_one_corner_is_no_flicker() -> None:
    time = np.arange(N)[:, None, None, None]
    still = np.repeat(clean(1) // 2 + 60, N, axis=0)
    slow = (still + np.rint(20 * np.sin(2 * np.pi * time / 40))).astype(np.uint8)
    corner = still.copy()
    corner[::2, :10, :10] += 40
    assert "flicker" not in found(slow) and "flicker" not in found(corner)


@pytest.mark.parametrize("period", [9.5, 12, 24])
def test_a_day_that_brightens_the_whole_picture_is_a_period_and_no_flicker(period: float) -> None:
    swing = 50 * np.sin(2 * np.pi * np.arange(N) / period)[:, None, None, None]
    noise_of = np.random.default_rng(0).normal(0, 3, (N, 48, 60, 1))
    report = found(np.clip(np.rint(clean(1) / 4 + 80 + swing + noise_of), 0, 255).astype(np.uint8))
    assert "flicker" not in report and "period" in report


def test_a_drift_and_a_trend_are_told_from_a_swing() -> None:
    time = np.arange(N)[:, None, None, None]
    report = found((clean(1) // 2 + time).astype(np.uint8))
    assert "brighter" in report["drift"].sentence and "trend" in report
    assert "darker" in found((clean(1) // 2 + time[::-1]).astype(np.uint8))["drift"].sentence
    swing = found((clean(1) // 2 + 50 + 40 * np.sin(2 * np.pi * time / 30)).astype(np.uint8))
    assert "drift" not in swing and "trend" not in swing


@pytest.mark.parametrize("period", [7, 12, 30])
def test_the_period_is_found_with_cards_between(period: int) -> None:
    phase = 2 * np.pi * np.arange(N) / period
    y, x = np.mgrid[:24, :24] / 4
    noise_of = np.random.default_rng(0).normal(0, 3, (N, 24, 24))
    frames = 128 + 50 * np.sin(x + y * np.cos(phase)[:, None, None]) * np.sin(phase)[:, None, None] + noise_of
    assert f"every {period} frames" in found(np.rint(frames).astype(np.uint8)[..., None])["period"].sentence
    assert "period" not in found(clean())


@pytest.mark.parametrize(("level", "severity"), [(0.6, "fine"), (4.0, "look")])
def test_noise_is_measured(level: float, severity: str) -> None:
    rng = np.random.default_rng(0)
    moving = np.roll(clean(1)[0, ..., 0].astype(float), 1, axis=1)
    frames = np.stack([moving + 0.3 * t for t in range(60)])[..., None] + rng.normal(0, level, (60, 48, 60, 1))
    series = FrameSeries("noisy", frames.astype(np.float32), (0.0, 300.0))
    measured = noise(series)
    assert measured.level == pytest.approx(level, rel=0.1)
    assert findings(Subject(series, measure(series), measured))
    report = {one.kind: one for one in findings(Subject(series, measure(series), measured))}
    assert report["noise"].severity == ("look" if measured.share > 0.3 else "fine")
    assert (measured.share > 0.95) == (severity == "look")


@pytest.mark.parametrize("shape", [(30, 1, 40, 1), (30, 40, 1, 1)], ids=str)
def test_nothing_is_said_of_noise_where_it_cannot_be_told(shape: tuple[int, ...]) -> None:
    """A line has no four neighbours; that is not the same as having no noise."""
    grain = np.random.default_rng(0).integers(0, 255, shape).astype(np.uint8)
    assert "noise" not in found(grain)
    scattered = np.indices((48, 60)).sum(axis=0) % 2 == 0
    assert "noise" not in found(clean(30), valid=scattered)


def test_texture_that_moves_is_not_taken_for_noise() -> None:
    texture = np.random.default_rng(0).integers(0, 255, (40, 40))
    still = np.repeat(texture[None, ..., None], 50, axis=0) + np.arange(50)[:, None, None, None]
    assert noise(FrameSeries("texture", still.astype(np.float32), (0.0, 400.0))).level < 0.01


def test_saturation_counts_what_comes_and_goes_not_a_drawing() -> None:
    frames = np.clip(clean().astype(int) + 60, 0, 255).astype(np.uint8)
    assert found(frames)["saturation"].severity == "look" and "255" in found(frames)["saturation"].sentence
    drawn = clean()
    drawn[:, :20] = 255
    assert "saturation" not in found(drawn)
    as_doubles = np.clip(clean().astype(np.float32) / 255 + 0.25, 0, 1)
    assert found(as_doubles, value_range=(0.0, 1.0))["saturation"].severity == "look"
    assert "saturation" not in found(clean().astype(np.float32) / 255, value_range=(0.0, float(clean().max()) / 255))


@pytest.mark.parametrize("fill", [-9999, 65535])
def test_a_value_that_stands_for_nothing_measured_is_found(fill: int) -> None:
    frames = clean().astype(np.float32)
    assert "fill value" not in found(frames)
    frames[:, :5, :5] = fill
    finding = found(frames, value_range=(float(frames.min()), float(frames.max())))["fill value"]
    assert finding.severity == "problem" and f"{fill}," in finding.sentence and "NaN" in finding.advice
    valid = np.ones((48, 60), bool)
    valid[:5, :5] = False
    assert "fill value" not in found(frames, valid=valid)


def test_a_small_part_of_the_range_is_said() -> None:
    faint = (100 + clean() // 4).astype(np.uint8)
    assert "use 15 % of the value range (0 to 255)" in found(faint)["value range"].sentence
    assert "value range" not in found(clean())


def test_a_range_in_which_nearly_all_values_are_lost_is_a_problem() -> None:
    kelvin = 270 + clean().astype(np.float32) / 10
    own = float(kelvin.min()), float(kelvin.max())
    assert "value range" not in found(kelvin, value_range=own)
    finding = found(kelvin, value_range=(270.0, 9.97e15))["value range"]
    assert finding.severity == "problem" and "less than 0.1 % of the value range (270 to 9.97e+15)" in finding.sentence
    assert "change the value range" in finding.advice
    kelvin[7] = 9.97e15
    finding = found(kelvin, value_range=(own[0], float(kelvin.max())))["value range"]
    assert finding.severity == "problem" and finding.sentence.startswith("In nearly all frames the values, 275 to 290, use")
    assert "Prepare" in finding.advice
    dark = found((clean() > 128).astype(np.uint8))["value range"]
    assert dark.severity == "problem" and dark.advice.endswith("read the skill instead.")


def test_grey_stored_as_colour_is_said_and_real_colour_is_not() -> None:
    assert found(clean().repeat(3, axis=-1))["colour"].severity == "look"
    coloured = clean().repeat(3, axis=-1)
    coloured[..., 0] //= 2
    assert "colour" not in found(coloured) and "colour" not in found(clean())


def test_masked_pixels_count_nowhere() -> None:
    frames = clean().astype(np.float32)
    valid = np.ones((48, 60), bool)
    valid[:10] = False
    frames[:, :10] = 1e6
    report = found(frames, valid=valid)
    assert "21 % of the pixels carry no data" in report["mask"].sentence and "mask" not in found(clean())
    assert not FAULTS & set(report)
    series = FrameSeries("masked", frames, (0.0, 255.0), valid=valid)
    plain = measure(FrameSeries("cropped", frames[:, 10:], (0.0, 255.0)))
    assert np.allclose(measure(series).mean, plain.mean) and np.array_equal(measure(series).high, plain.high)


@pytest.mark.parametrize(("n_frames", "severity"), [(8, "problem"), (40, "look"), (120, "fine")])
def test_few_frames_are_called_few(n_frames: int, severity: str) -> None:
    assert found(clean(n_frames))["count"].severity == severity


@pytest.mark.parametrize("shape", [(2, 1, 1, 1), (3, 1, 40, 3), (2, 300, 2, 4), (9, 5, 5, 2), (30, 1, 1, 1)], ids=str)
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_any_series_has_a_report(shape: tuple[int, ...], dtype: str) -> None:
    frames = np.random.default_rng(0).integers(0, 200, shape).astype(dtype)
    assert found(frames)["count"]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("scale", [2.0**-120, 2.0**119])
def test_numbers_at_the_ends_of_float32_have_the_findings_of_others(scale: float) -> None:
    frames = np.tile(clean(30), (4, 1, 1, 1)).astype(np.float32)
    frames += 20 * (np.arange(120) % 2)[:, None, None, None].astype(np.float32)
    frames[75] = 255 - frames[75]
    usual = found(frames, value_range=(0.0, 275.0))
    scaled = found(frames * np.float32(scale), value_range=(0.0, 275.0 * scale))
    assert {"flicker", "period", "odd frames"} <= usual.keys()
    assert {name: one.severity for name, one in scaled.items()} == {name: one.severity for name, one in usual.items()}
    assert scaled["period"].sentence == usual["period"].sentence


def test_every_frame_is_reported_as_it_is_looked_at() -> None:
    seen: list[tuple[int, int]] = []
    measure(FrameSeries("a", clean(9), (0.0, 255.0)), lambda done, total: seen.append((done, total)))
    assert seen == [(index + 1, 9) for index in range(9)]



"""One linear law for the whole picture: what obeys one is carried on, nothing grows, and the quick sums are the plain ones."""

import numpy as np
import pytest

from framecast.forecasters.baselines import local_law
from framecast.forecasters.baselines.local_law import STILL, Law, LocalLaw, LocalLawSettings
from framecast.forecasters.hindcast import View
from framecast.series.frames import FrameSeries, Split

T, H = 120, 50
NEAR = Law(3, 2, 1e-3, "level", "change")


def series(law: str, n_frames: int = T + H, side: int = 20) -> FrameSeries:
    t, y, x = np.ogrid[:n_frames, :side, :side]
    if law == "spreading":
        frame = np.random.default_rng(0).normal(size=(side, side))
        frames = [frame]
        for _ in range(n_frames - 1):
            around = np.pad(frames[-1], 1, mode="edge")
            mean = (around[:-2, 1:-1] + around[2:, 1:-1] + around[1:-1, :-2] + around[1:-1, 2:]) / 4
            frames.append(frames[-1] + 0.02 * (mean - frames[-1]))
        values = np.stack(frames) / 3
    else:
        values = {
            "travelling": np.sin(0.5 * x + 0.3 * y - 0.21 * t),
            "standing": np.sin(0.5 * x + 0.4) * np.cos(0.4 * y) * np.cos(0.17 * t),
            "two": 0.5 * np.sin(0.5 * x - 0.21 * t) + 0.5 * np.sin(0.4 * y + 0.13 * t + 1),
        }[law] + 0 * x
    return FrameSeries(law, (100 + 80 * values)[..., None].astype(np.float32), (20.0, 180.0))


def fitted(whole: FrameSeries, n: int = T, **settings: object) -> LocalLaw:
    rule = LocalLaw(LocalLawSettings(**settings))
    for _ in rule.fit(whole.head(n), Split.of(whole.n_frames, whole.n_frames - n)):
        pass
    return rule


@pytest.mark.parametrize("law, off_by", [("travelling", 6.0), ("standing", 6.0), ("two", 6.0), ("spreading", 0.5)])
def test_what_obeys_one_law_goes_on_for_fifty_leads(law: str, off_by: float) -> None:
    whole = series(law)
    rule = fitted(whole)
    assert rule.choice.width
    forecast = rule.forecast(whole.frames[:T], H)
    assert np.abs(forecast - whole.frames[T:]).max() < off_by  # of 160
    assert np.abs(whole.frames[T - 1] - whole.frames[T:]).max() > 2 * off_by
    assert "one linear law for the whole picture" in rule.finding()


def test_a_law_that_is_known_is_found() -> None:
    """Each channel follows from the other one, a pixel to the right of it, two frames ago."""
    frames = np.random.default_rng(1).uniform(-1, 1, (60, 14, 15, 2)).astype(np.float32)
    for t in range(2, 60):
        frames[t, :, :-1] = frames[t - 2, :, 1:, ::-1]
        frames[t, :, -1] = frames[t, :, -2]  # as the border is taken to go on
    forecast = LocalLaw.forecast_by(Law(3, 2, 1e-6, "level", "change"), frames[:50], 3)
    for lead, reach in ((0, 1), (1, 1), (2, 2)):
        inside = np.s_[1:-1, 1 : -1 - reach]
        np.testing.assert_allclose(forecast[lead][inside], frames[50 + lead][inside], atol=0.02)


def plain(choice: Law, frames: np.ndarray, horizon: int) -> np.ndarray:
    """The same by what the file says in words: values counted from an origin, least squares with a ridge, lead by lead."""
    past = frames.astype(np.float64)
    origin = past.mean(axis=0 if choice.around == "mean frame" else (0, 1, 2))
    scale = (past - origin).std(axis=(0, 1, 2))
    counted, reach = (past - origin) / scale, choice.width // 2

    def inputs(recent: list[np.ndarray]) -> np.ndarray:  # newest first; (pixel, input)
        padded = [np.pad(frame, ((reach, reach), (reach, reach), (0, 0)), mode="edge") for frame in recent]
        height, width, _ = recent[0].shape
        parts = [
            frame[down : down + height, right : right + width]
            for frame in padded
            for down in range(choice.width)
            for right in range(choice.width)
        ]
        return np.concatenate(parts, axis=-1).reshape(height * width, -1)

    times = range(choice.n_frames - 1, len(past) - 1)
    seen = np.concatenate([inputs([counted[t - back] for back in range(choice.n_frames)]) for t in times])
    change = np.concatenate([(counted[t + 1] - counted[t]).reshape(-1, past.shape[-1]) for t in times])
    ridge = choice.ridge * len(seen) * np.eye(seen.shape[1])
    weights = np.linalg.solve(seen.T @ seen + ridge, seen.T @ change)
    recent, out = [counted[-1 - back] for back in range(choice.n_frames)], []
    for _ in range(horizon):
        following = recent[0] + (inputs(recent) @ weights).reshape(recent[0].shape)
        following = np.clip(following * scale + origin, past.min(axis=(0, 1, 2)), past.max(axis=(0, 1, 2)))
        out.append(following)
        recent = [(following - origin) / scale, *recent[:-1]]
    return np.stack(out)


@pytest.mark.parametrize("around", ["level", "mean frame"])
@pytest.mark.parametrize(
    "width, n_frames, most, off_by",  # of 170
    [
        (1, 36, 64_000, 0.01),
        (3, 24, 64_000, 0.01),
        (5, 1, 64_000, 0.01),
        (1, 3, 9_000, 3.0),
        (3, 2, 9_000, 3.0),
        (5, 1, 9_000, 3.0),
    ],
)
def test_quick_sums_say_what_plain_ones_over_all_pixels_do(
    width: int, n_frames: int, most: int, off_by: float, around: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nearly to the number where each pixel is an example once; roughly where some are drawn by chance, and where a longer
    law of the same width shares the sums."""
    monkeypatch.setattr(local_law, "_EXAMPLES", (most, most))
    waves, noise = series("two", 80, 12).frames, np.random.default_rng(2).normal(0, 2, (80, 12, 12, 1))
    frames = np.concatenate([waves + noise, 200 - waves + np.roll(noise, 3, axis=0)], axis=-1).astype(np.float32)
    choice = Law(width, n_frames, 0.1, around, "change")
    forecast = LocalLaw.forecast_by(choice, frames, 6)
    np.testing.assert_allclose(forecast, plain(choice, frames, 6), atol=off_by)


def test_what_explodes_in_the_past_does_not_in_the_forecast() -> None:
    t, _, x = np.ogrid[:60, :9, :11]
    frames = (np.exp(0.08 * t) * np.sin(0.5 * x + 0.3 * t))[..., None].astype(np.float32)
    for around in ("level", "mean frame"):
        forecast = LocalLaw.forecast_by(Law(3, 4, 1e-5, around, "change"), frames, 400)
        assert np.isfinite(forecast).all()
        assert forecast.min() >= frames.min() and forecast.max() <= frames.max()
        carried = local_law._Grid(frames, 60).carried_on(Law(3, 4, 1e-5, around, "change"), 60, 400)  # held at each lead
        np.testing.assert_allclose(forecast, carried, atol=1e-3)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_what_stands_still_and_what_is_too_short_repeat_the_last_frame(dtype: str) -> None:
    still = np.repeat(np.random.default_rng(0).integers(0, 200, (1, 9, 8, 3)).astype(dtype), 30, axis=0)
    for around in ("level", "mean frame"):
        np.testing.assert_allclose(LocalLaw.forecast_by(Law(3, 2, 1e-3, around, "change"), still, 3), still[:3], atol=0.5)
    flat = np.full((30, 9, 9, 1), 7, dtype)
    np.testing.assert_array_equal(LocalLaw.forecast_by(NEAR, flat, 3), flat[:3])
    for choice, n in ((STILL, 30), (NEAR, 5), (NEAR, 1)):
        np.testing.assert_array_equal(LocalLaw.forecast_by(choice, still[:n], 3), still[:3])


def test_a_channel_that_stands_still_stays_as_it_is() -> None:
    frames = np.repeat(series("two", 60).frames, 2, axis=-1)
    frames[..., 1] = 33.0 + np.random.default_rng(0).choice([0, 4e-6], (60, 20, 20))  # but for rounding
    forecast = LocalLaw.forecast_by(NEAR, frames, 20)
    np.testing.assert_allclose(forecast[..., 1], 33.0, atol=1e-3)
    assert np.abs(forecast[..., 0] - frames[-1, ..., 0]).max() > 20


def test_a_channel_of_small_values_beside_one_of_large_ones_is_carried_on() -> None:
    small, large = series("two", 80).frames[..., 0] - 100, 1e7 * series("standing", 80).frames[..., 0]
    frames = np.stack([large, 1e-3 * small], axis=-1)
    choice = Law(3, 13, 1e-3, "level", "change")
    forecast, truth = LocalLaw.forecast_by(choice, frames[:70], 10)[..., 1], frames[70:, ..., 1]
    assert np.abs(forecast - truth).max() < 0.1 * np.abs(frames[69, ..., 1] - truth).max()


@pytest.mark.parametrize("way", ["change", "background"])
@pytest.mark.parametrize("around", ["level", "mean frame"])
def test_a_view_is_cut_from_the_whole_forecast(way: str, around: str) -> None:
    whole = series("two", 60, 150)
    view, rule = View.of(whole, 12), LocalLaw(LocalLawSettings())
    choice = Law(3, 2, 0.1, around, way)
    expected = view.patches(LocalLaw.forecast_by(choice, whole.frames[:48], 12)[view.leads])
    np.testing.assert_allclose(rule.forecast_view_by(choice, whole.frames[:48], 12, view), expected, atol=1e-3)


def test_what_candidates_share_in_a_fit_changes_nothing_of_what_they_say() -> None:
    """Each is asked as it is in a fit, and by itself; values fall, so that what is seen later would move the bounds."""
    whole = series("two", 60, 150)
    falling = (whole.frames - 3 * np.arange(60)[:, None, None, None]).astype(np.float32)
    whole, rule, seen = FrameSeries("falling", falling, whole.value_range), LocalLaw(LocalLawSettings()), []
    shapes = [(1, 2), (3, 2), (3, 4)]
    laws = [
        Law(*shape, ridge, around, way)
        for around in ("level", "mean frame")
        for shape in shapes
        for ridge in (1e-3, 0.3)
        for way in ("change", "background")
    ]
    rule.candidates = lambda history: [*laws, STILL]  # type: ignore[method-assign]
    ask = rule.forecast_view_by
    rule.forecast_view_by = lambda *one: seen.append((one, ask(*one))) or seen[-1][1]  # type: ignore[method-assign, func-returns-value]
    for _ in rule.fit(whole, Split.of(72, 12)):
        pass
    assert len(seen) >= 3 * len(laws)
    for (asked, past, horizon, asked_view), said in seen:
        expected = asked_view.patches(LocalLaw.forecast_by(asked, past, horizon)[asked_view.leads])
        np.testing.assert_allclose(said, expected, atol=1e-3)


@pytest.mark.parametrize("way", ["change", "background"])
def test_of_a_long_series_the_newest_frames_are_fitted(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, choice = series("two", 90, 150), Law(3, 2, 0.1, "mean frame", way)
    monkeypatch.setattr(local_law, "_MOST_VALUES", 30 * 128 * 128)
    forecast = LocalLaw.forecast_by(choice, whole.frames[:80], 5)
    np.testing.assert_allclose(forecast, LocalLaw.forecast_by(choice, whole.frames[50:80], 5), atol=1e-2)  # bounds are of all
    rule, seen = LocalLaw(LocalLawSettings()), []
    rule.candidates = lambda history: [choice, STILL]  # type: ignore[method-assign]
    ask = rule.forecast_view_by
    rule.forecast_view_by = lambda *one: seen.append((one, ask(*one))) or seen[-1][1]  # type: ignore[method-assign, func-returns-value]
    for _ in rule.fit(whole.head(80), Split.of(90, 10)):
        pass
    assert len({len(past) for (_, past, _, _), _ in seen}) >= 3
    for (asked, past, horizon, view), said in seen:
        expected = view.patches(LocalLaw.forecast_by(asked, past, horizon)[view.leads])
        np.testing.assert_allclose(said, expected, atol=1e-3)


def test_large_frames_keep_their_detail() -> None:
    """The grid has 128 x 128 cells at most; what is finer than a cell and stays is not blurred away."""
    whole = series("two", 40, 260)
    detail = np.random.default_rng(0).normal(0, 10, (260, 260, 1)).astype(np.float32)
    forecast = LocalLaw.forecast_by(NEAR, whole.frames[:30] + detail, 5)
    blurred_away = np.abs(forecast - whole.frames[30:35] - detail)
    assert blurred_away.mean() < 0.4 * np.abs(detail).mean()


def test_settings_bound_what_is_tried() -> None:
    whole = series("two")
    for settings, shapes in (
        ({"neighbourhood": "5"}, {(5, n) for n in (2, 3, 6, 13, 24)}),
        ({"n_frames": 4}, {(width, 4) for width in (1, 3, 7, 9)}),
        ({"neighbourhood": "1", "n_frames": 4}, {(1, 4)}),
    ):
        tried = LocalLaw(LocalLawSettings(**settings)).candidates(whole.head(T))
        assert {(law.width, law.n_frames) for law in tried if law != STILL} == shapes
    chosen = fitted(whole, neighbourhood="3", n_frames=2).choice
    assert (chosen.width, chosen.n_frames) == (3, 2)


def test_who_asks_for_what_cannot_be_tried_is_told_so() -> None:
    whole = series("two")
    for n, settings in ((T, {"neighbourhood": "3", "n_frames": 100}), (T, {"neighbourhood": "9", "n_frames": 20}), (6, {})):
        rule = fitted(whole.head(n + 4), n, **settings)
        assert rule.choice == STILL and "No law could be tried" in rule.finding()

"""Objects go on, each by itself: exactly by whole pixels, past each other, back at walls, out of what hid them."""

import numpy as np
import pytest

from framecast.forecasters.baselines import objects
from framecast.forecasters.baselines.moving_objects import LAST_FRAME, Motion, MovingObjects, MovingObjectsSettings
from framecast.forecasters.baselines.objects import Blob, Signals, background, find
from framecast.forecasters.baselines.tracks import Track, follow, walls_of
from framecast.forecasters.baselines.ways import NO_WALLS, folded
from framecast.forecasters.hindcast import View
from framecast.series.frames import FrameSeries, Split

T, H = 120, 30
FOR_EVER = Motion(1.0, False, 1.0)


def film(starts, speeds, n_frames=T + H, shape=(48, 64), side=6, bounce=False, background=None, values=None, dtype=np.uint8):
    """(time, height, width, 1): squares of `side` pixels, later ones on top; with `bounce` they stay between the borders."""
    rng = np.random.default_rng(0)
    behind = rng.integers(20, 40, shape).astype(float) if background is None else background
    frames = np.repeat(behind[None], n_frames, axis=0)
    values = values or [200 - 20 * number for number in range(len(starts))]
    for t in range(n_frames):
        for start, speed, value in zip(np.array(starts), np.array(speeds), values, strict=True):
            place = start + t * speed
            if bounce:
                length = np.array(shape) - side
                rest = np.mod(place, 2 * length)
                place = np.where(rest > length, 2 * length - rest, rest)
            top, left = (int(round(at)) for at in place)
            frames[t, max(0, top) : max(0, top + side), max(0, left) : max(0, left + side)] = value
    return FrameSeries("film", frames[..., None].astype(dtype), (0.0, 255.0))


def fitted(whole, **settings):
    rule = MovingObjects(MovingObjectsSettings(**settings))
    for _ in rule.fit(whole.head(T), Split.of(whole.n_frames, H)):
        pass
    return rule


def off_by(forecast, truth):
    return np.abs(forecast - truth.astype(np.float32))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_what_moves_by_whole_pixels_is_forecast_exactly_until_it_leaves(dtype):
    whole = film([(8, -100), (30, 160)], [(0, 1), (0, -1)], dtype=dtype, background=np.full((48, 64), 30.0))
    forecast = MovingObjects.forecast_by(FOR_EVER, whole.frames[:T], H)
    assert forecast.dtype == np.float32 and forecast.shape == whole.frames[T:].shape
    np.testing.assert_allclose(forecast, whole.frames[T:], atol=1e-3)
    assert off_by(np.repeat(whole.frames[T - 1 : T], H, axis=0).astype(np.float32), whole.frames[T:]).max() > 100


def test_what_passes_through_the_picture_is_followed_and_the_hindcasts_say_so():
    whole = film([(8, -100), (30, 160), (20, -70)], [(0, 1), (0, -1), (0, 1)])
    rule = fitted(whole)
    assert rule.choice.sensitivity and rule.compared
    assert "goes straight on" in rule.finding()


def test_two_that_are_one_at_the_end_of_the_past_come_out_of_each_other():
    whole = film([(20, 0), (20, 118)], [(0, 0.25), (0, -0.75)], shape=(48, 120))  # they meet in frame 118, at the 29th column
    past = whole.frames[:T]
    forecast = MovingObjects.forecast_by(FOR_EVER, past, H)
    last = off_by(forecast[-1], whole.frames[-1])[..., 0]
    assert last.mean() < 0.6
    still = off_by(past[-1].astype(np.float32), whole.frames[-1])[..., 0]
    assert last.mean() < 0.2 * still.mean()


def test_objects_turn_back_at_walls_where_the_past_did():
    starts, speeds = [(3, 5), (30, 40), (15, 25)], [(1, 2), (-2, 1), (1, -1)]
    whole = film(starts, speeds, bounce=True)
    rule = fitted(whole)
    assert rule.choice.bounce and "turns back" in rule.finding()
    turned = off_by(rule.forecast(whole.frames[:T], H), whole.frames[T:]).mean()
    gone = off_by(MovingObjects.forecast_by(FOR_EVER, whole.frames[:T], H), whole.frames[T:]).mean()
    assert turned < 0.3 * gone


def test_walls_are_where_objects_turned_and_the_border_where_none_did():
    """They fly between the rows 10 and 40, and have not been near the left side for longer than they are followed."""
    t = np.arange(T)
    row = 10 + np.abs((t + 7) % 48 - 24)  # of the upper edge, which turns at 10 and 34
    frames = np.full((T, 60, 90, 1), 30, np.uint8)
    for k in t:
        frames[k, row[k] : row[k] + 6, 20 + k // 3 : 26 + k // 3] = 200
    seen = follow(find(Signals(frames, background(frames)), 1.0), NO_WALLS)[1]
    np.testing.assert_array_equal(walls_of(seen, (60, 90)), [[9.5, 39.5], [-0.5, 89.5]])
    np.testing.assert_array_equal(walls_of([], (60, 90)), [[-0.5, 59.5], [-0.5, 89.5]])


def test_what_turns_back_half_outside_is_known_to_go_beyond_the_border():
    t = np.arange(T)
    left = np.abs((t + 7) % 60 - 30) - 4  # of 8 pixels: half of them are outside where it turns
    frames = np.full((T, 30, 60, 1), 30, np.uint8)
    for k in t:
        frames[k, 10:18, max(0, left[k]) : left[k] + 8] = 200
    seen = follow(find(Signals(frames, background(frames)), 1.0), NO_WALLS)[1]
    low, high = walls_of(seen, (30, 60))[1]
    assert -4.5 <= low <= -2.5 and high == 33.5


@pytest.mark.parametrize("speed", [2.53, 4.03])
def test_what_is_fast_is_not_lost_where_it_turns_back(speed):
    """Between the columns 30 and 64, the sides of no picture; each column's share of the object is its brightness."""
    left = 30 + np.abs((5 + speed * np.arange(T + H)) % 48 - 24)
    covered = np.clip(np.minimum(np.arange(100) + 1, (left + 10)[:, None]) - np.maximum(np.arange(100), left[:, None]), 0, 1)
    frames = np.full((T + H, 60, 100, 1), 30.0, np.float32)
    frames[:, 20:30] += 170 * covered[:, None, :, None].astype(np.float32)
    forecast = MovingObjects.forecast_by(Motion(1.0, True, 1.0), frames[:T], H)
    assert off_by(forecast, frames[T:]).mean() < 0.2 * off_by(frames[T - 1], frames[T:]).mean()


def test_what_fell_into_pieces_for_a_while_is_one_again():
    frames = np.full((T, 40, 160, 1), 30, np.uint8)
    for t in range(T):
        frames[t, 10:16, t : t + 12] = 200
        if 70 <= t < 74:
            frames[t, 10:16, t + 6] = 30
    forecast = MovingObjects.forecast_by(FOR_EVER, frames, 5)
    for lead in range(5):
        np.testing.assert_allclose(forecast[lead, 10:16, T + lead : T + lead + 12], 200, atol=1)


def test_what_is_gone_is_not_drawn_within_the_box_of_another():
    frames = np.full((T, 100, 300, 1), 30, np.uint8)
    for t in range(T):
        frames[t, 10:74, 2 * t : 2 * t + 4] = frames[t, 70:74, 2 * t : 2 * t + 64] = 200
        if t < T - 20:
            frames[t, 50:58, 2 * t + 30 : 2 * t + 38] = 150
    forecast = MovingObjects.forecast_by(FOR_EVER, frames, 1)[0]
    assert forecast[50:58, 2 * T + 30 : 2 * T + 38].max() < 40


def test_what_was_missed_in_the_last_frame_goes_on():
    whole = film([(8, -100)], [(0, 1)])
    past = whole.frames[:T].copy()
    past[-1] = np.median(past, axis=0)
    assert off_by(MovingObjects.forecast_by(FOR_EVER, past, H), whole.frames[T:]).mean() < 0.1


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_large_frames_with_a_still_texture_hold_nothing_that_moves(dtype):
    """Reduced to search them, whole numbers must not be rounded on one side of the comparison alone."""
    past = np.random.default_rng(7).integers(0, 200, (1, 300, 400, 1)).repeat(40, axis=0).astype(dtype)
    past[5, 100:110, 100:110] += 2
    past[6:9, 100:102, 100:102] += 1
    np.testing.assert_array_equal(MovingObjects.forecast_by(FOR_EVER, past, 2), past[-2:].astype(np.float32))


def test_more_than_can_be_followed_is_left_as_it_is():
    past = np.full((30, 120, 120, 1), 30, np.uint8)
    for t in range(30):
        past[t, t % 3 :: 6, ::6] = past[t, 1 + t % 3 :: 6, ::6] = past[t, t % 3 :: 6, 1::6] = 200
        past[t, 1 + t % 3 :: 6, 1::6] = past[t, 2 + t % 3 :: 6, ::6] = 200
    np.testing.assert_array_equal(MovingObjects.forecast_by(FOR_EVER, past, 2), past[[-1, -1]].astype(np.float32))


def test_where_the_last_frame_has_too_much_the_others_are_not_looked_at():
    past = np.full((120, 120, 120, 1), 30, np.uint8)
    past[:, ::6, ::6] = past[:, 1::6, ::6] = past[:, ::6, 1::6] = past[:, 1::6, 1::6] = past[:, 2::6, ::6] = 200
    signals = Signals(past, np.full((120, 120, 1), 30, np.float32))
    assert find(signals, 1.0) is None and find(signals, 2.0) is None
    assert len(signals._known) <= 11
    np.testing.assert_array_equal(signals.at(119), past[-1, ..., 0] - np.float32(30))


@pytest.mark.parametrize("sensitivity", [1e-300, 1e-3, 20.0])
@pytest.mark.parametrize("scale", [1e-30, 1.0, 1e34])
def test_any_sensitivity_and_any_unit(sensitivity, scale):
    whole = film([(8, -100)], [(0, 1)], dtype=np.float32)
    forecast = MovingObjects.forecast_by(Motion(sensitivity, True, 1.0), whole.frames[:T] * np.float32(scale), 3)
    assert np.isfinite(forecast).all()


def test_a_fit_that_was_left_keeps_nothing(monkeypatch):
    whole = film([(8, -100)], [(0, 1)])
    rule = MovingObjects(MovingObjectsSettings())

    def left():
        raise KeyboardInterrupt

    monkeypatch.setattr(objects, "may_be_left", left)
    with pytest.raises(KeyboardInterrupt):
        list(rule.fit(whole.head(T), Split.of(whole.n_frames, H)))
    assert rule._stage is None and not rule._keeps


def test_parts_of_a_pixel_and_large_frames():
    """Searched on a smaller grid, cut out and drawn at native size."""
    whole = film([(100, 10), (300, 500)], [(0.5, 2.25), (-1.5, -2.5)], shape=(420, 560), side=30)
    forecast = MovingObjects.forecast_by(FOR_EVER, whole.frames[:T], H)
    away = off_by(forecast, whole.frames[T:])[..., 0]
    assert away.mean() < 0.15
    assert off_by(whole.frames[T - 1].astype(np.float32), whole.frames[-1]).mean() > 5 * away[-1].mean()


def test_a_still_series_stays_as_it_is():
    still = np.repeat(np.random.default_rng(1).integers(0, 255, (1, 20, 20, 3)).astype(np.uint8), 60, axis=0)
    for choice in (LAST_FRAME, FOR_EVER, Motion(2.0, True, 0.9)):
        np.testing.assert_array_equal(MovingObjects.forecast_by(choice, still, 4), still[:4].astype(np.float32))


@pytest.mark.parametrize("n_past", [1, 2, 3])
@pytest.mark.parametrize("shape", [(1, 1, 1), (7, 30, 3), (9, 8, 4)])
def test_short_pasts_and_small_frames_are_forecast_all_the_same(n_past, shape):
    past = np.random.default_rng(2).integers(0, 255, (n_past, *shape)).astype(np.uint8)
    forecast = MovingObjects.forecast_by(Motion(1.0, True, 0.97), past, 5)
    assert forecast.shape == (5, *shape) and past.min() <= forecast.min() and forecast.max() <= past.max()


def test_noise_is_forecast_all_the_same():
    noise = np.random.default_rng(3).uniform(0, 1, (T + H, 24, 24, 1)).astype(np.float32)
    assert np.isfinite(fitted(FrameSeries("noise", noise, (0.0, 1.0))).forecast(noise[:T], 3)).all()


def test_a_view_sees_the_same_as_the_whole_forecast():
    whole = film([(8, -100), (30, 160)], [(0, 1), (0, -1)], shape=(150, 180), side=12)
    view = View.of(whole, H)
    assert not view.whole
    rule = MovingObjects(MovingObjectsSettings())
    seen = rule.forecast_view_by(FOR_EVER, whole.frames[:T], H, view)
    full = MovingObjects.forecast_by(FOR_EVER, whole.frames[:T], H)
    np.testing.assert_array_equal(seen, view.patches(full)[view.leads])


def test_what_is_asked_for_is_taken():
    whole = film([(3, 5)], [(1, 2)], bounce=True)
    rule = fitted(whole, border="leave", sensitivity=1.5, fading=0.8)
    assert rule.choice == Motion(1.5, False, 0.8)
    assert "80% of it drawn" in rule.finding()


def test_faded_objects_become_background():
    whole = film([(8, -100)], [(0, 1)])
    far = MovingObjects.forecast_by(Motion(1.0, False, 0.5), whole.frames[:T], H)[-1]
    np.testing.assert_allclose(far, np.median(whole.frames[:T], axis=0), atol=0.01)


def test_folded_is_what_an_elastic_wall_does():
    rng = np.random.default_rng(4)
    room = np.array([[2.0, 9.0], [-1.0, 20.0]])
    place, speed = np.array([5.0, 3.0]), rng.normal(0, 3, 2)
    now, then = place.copy(), speed.copy()
    for _ in range(1000):
        now = now + then / 50
        beyond = [now < room[:, 0], now > room[:, 1]]
        now = np.where(beyond[0], 2 * room[:, 0] - now, np.where(beyond[1], 2 * room[:, 1] - now, now))
        then = np.where(beyond[0] | beyond[1], -then, then)
    at, turned = folded(place + 20 * speed, speed, room)
    np.testing.assert_allclose(at, now, atol=1e-9)
    np.testing.assert_allclose(turned, then)


@pytest.mark.parametrize("walls", [NO_WALLS, np.array([[0.0, 40.0], [0.0, 40.0]])])
def test_a_way_is_found_through_noise_and_turns(walls):
    rng = np.random.default_rng(5)
    half = np.array([3.0, 3.0])
    sides = np.stack([walls[:, 0] + half, walls[:, 1] - half], axis=1)
    speed, times = np.array([0.7, -1.3]), list(range(60))
    straight = np.array([10.0, 30.0]) + np.array(times)[:, None] * speed
    places = [folded(place, speed, sides)[0] + rng.normal(0, 0.15, 2) for place in straight]
    blobs = [Blob(place, 30, (slice(0, 6), slice(0, 6)), 1, True) for place in places]
    track = Track(blobs, times, places[-1], np.zeros(2), half)
    found = track.way(59, walls)
    for later in (60, 75, 109):
        np.testing.assert_allclose(found.at(later), folded(straight[0] + later * speed, speed, sides)[0], atol=0.7)


def test_what_wanders_is_not_sent_off():
    places = np.cumsum(np.random.default_rng(6).normal(0, 4, (40, 2)), axis=0)
    blobs = [Blob(place, 30, (slice(0, 6), slice(0, 6)), 1, True) for place in places]
    found = Track(blobs, list(range(40)), places[-1], np.ones(2), np.array([3.0, 3.0])).way(39, NO_WALLS)
    np.testing.assert_array_equal(found.at(80), places[-1])

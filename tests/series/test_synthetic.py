"""Each synthetic series obeys the law it is named for; each sample can be loaded as its card says."""

import hashlib

import numpy as np
import pytest

from framecast.errors import UnknownNameError
from framecast.samples import FOLDER, SAMPLES, sample
from framecast.series.store import SeriesStore
from framecast.series.synthetic import PERIOD, SYNTHETIC, VELOCITY


@pytest.mark.parametrize("name", SYNTHETIC)
def test_cheap_deterministic_and_known_ahead(name: str) -> None:
    make = SYNTHETIC[name]
    short, long = make(20, 33, 7), make(40, 33, 7)
    assert short.frames.shape == (20, 33, 33, short.n_channels) and short.frames.dtype == np.uint8
    assert np.array_equal(long.frames[:20], short.frames) and short.value_range == (0, 255)
    assert not np.array_equal(make(20, 33, 8).frames, short.frames)
    assert np.ptp(short.frames[0]) > 20
    assert make().frames.shape[:3] == (200, 64, 64)


def test_drifting_texture_is_the_first_frame_moved() -> None:
    frames = SYNTHETIC["drifting_texture"](30, 32, 1).frames
    for t in (1, 7, 29):
        assert np.array_equal(frames[t], np.roll(frames[0], (t * VELOCITY[0], t * VELOCITY[1]), (0, 1)))


def test_moving_blob_has_constant_speed_and_mass() -> None:
    frames = SYNTHETIC["moving_blob"](60, 64, 3).frames[..., 0].astype(float) - 10
    turns = np.exp(2j * np.pi * np.arange(64) / 64)
    for axis in (1, 2):  # the phase of the first Fourier term is the place of the spot
        place = np.unwrap(np.angle((frames.sum(axis=axis) * turns).sum(axis=1)))
        assert np.ptp(np.diff(place)) < 0.002
    assert np.ptp(frames.sum(axis=(1, 2))) < 0.01 * frames[0].sum()


def test_pulsating_cycle_repeats_exactly_and_not_before() -> None:
    frames = SYNTHETIC["pulsating_cycle"](5 * PERIOD, 32, 2).frames
    assert np.array_equal(frames[PERIOD:], frames[:-PERIOD])
    assert all(not np.array_equal(frames[0], frames[lag]) for lag in range(1, PERIOD))


def test_still_stays_and_ramp_climbs_by_one() -> None:
    assert np.ptp(SYNTHETIC["still"](9, 16, 0).frames, axis=0).max() == 0
    ramp = SYNTHETIC["ramp"](216, 16, 0).frames.astype(int)
    assert (np.diff(ramp, axis=0) == 1).all()


def test_balls_stay_between_the_walls() -> None:
    frames = SYNTHETIC["bouncing_balls"](300, 48, 4).frames
    last = (frames == (80, 130, 240)).all(axis=-1)  # the last ball covers the others and is never covered
    n_pixels = last.sum(axis=(1, 2))
    assert n_pixels.min() > 0.75 * n_pixels.max()
    down, right = np.mgrid[:48, :48]
    for axis in (down, right):
        speed = np.diff((last * axis).sum(axis=(1, 2)) / n_pixels)
        steady = np.abs(np.abs(speed) - np.median(np.abs(speed))) < 0.4
        turns = np.count_nonzero(np.diff(np.sign(speed[steady])))
        assert steady.mean() > 0.9 and turns >= 2  # the same speed before and after each wall


def test_waves_never_come_back() -> None:
    frames = SYNTHETIC["travelling_waves"](200, 24, 0).frames.astype(int)
    assert min(np.abs(frames[lag] - frames[0]).mean() for lag in range(20, 200)) > 2


@pytest.mark.parametrize("name", [entry.name for entry in SAMPLES if not entry.real])
def test_synthetic_samples(store: SeriesStore, name: str) -> None:
    stored = sample(name).load(store)
    assert store.open(stored.digest).digest() == SYNTHETIC[name]().digest() and stored.source == f"Synthetic: {name}"


REAL = {
    "arctic_sea_ice": ((240, 196, 128, 3), "uint8"),
    "flower_opening": ((150, 540, 960, 3), "uint8"),
    "knmi_rain_radar": ((92, 440, 440, 1), "uint8"),
    "storm_pressure": ((64, 33, 36, 1), "float32"),
}


@pytest.mark.parametrize("name", REAL)
def test_real_samples(store: SeriesStore, name: str) -> None:
    entry = sample(name)
    stored = entry.load(store)
    assert ((stored.n_frames, stored.height, stored.width, stored.n_channels), stored.dtype) == REAL[name]
    assert stored.name == entry.title and entry.load(store) == stored


def test_every_bundled_file_is_in_the_notices() -> None:
    notices = (FOLDER / "NOTICES.md").read_text(encoding="utf-8")
    files = [path for path in FOLDER.iterdir() if path.suffix not in (".py", ".md") and path.is_file()]
    assert {path.name.partition(".")[0] for path in files} == set(REAL) == {entry.name for entry in SAMPLES if entry.real}
    for path in files:
        assert f"## {path.name}" in notices and path.stat().st_size < 2.6e6
    assert len({hashlib.sha256(path.read_bytes()).digest() for path in files}) == len(files)


def test_an_unknown_sample_lists_the_known() -> None:
    with pytest.raises(UnknownNameError, match="Choose one of: arctic_sea_ice"):
        sample("nothing")

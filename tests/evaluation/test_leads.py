"""One pass over a forecast gives what every metric gives by itself, and maps whose means are the scores."""

import numpy as np
import pytest
from skimage.metrics import structural_similarity

from framecast.errors import InputError
from framecast.evaluation.leads import scores_and_maps, scores_of_leads
from framecast.evaluation.scores import score
from framecast.metrics import METRICS, strips
from framecast.metrics.contract import MetricKind

ALL = sorted(METRICS)
UNITS = {"uint8": (0, 1, 255.0), "uint16": (200, 150, 65535.0), "float32": (1e5, 20, 5000.0)}


def pictures(dtype="uint8", shape=(3, 61, 47, 3), seed=0):
    """(truth, forecast, last, data range): a noisy texture that moves, and a paler forecast that is late."""
    offset, gain, data_range = UNITS[dtype]
    generator = np.random.default_rng(seed)
    scene = 128 + 60 * np.sin(np.add.outer(np.arange(shape[1]) / 3, np.arange(shape[2]) / 5))[..., None]
    moving = np.stack([np.roll(scene, t, axis=1) for t in range(shape[0] + 1)])
    frames = np.clip(moving + generator.normal(0, 6, (shape[0] + 1, *shape[1:])), 0, 255)
    late = 128 + 0.8 * (frames[:-1] - 128)
    stored = [(offset + gain * np.rint(one)).astype(dtype) for one in (frames, late)]
    return stored[0][1:], stored[1], stored[0][0], data_range


def each_by_itself(truth, forecast, last, data_range, valid=None):
    return {name: METRICS[name].function(forecast, truth, data_range=data_range, valid=valid, last=last) for name in ALL}


@pytest.fixture(params=["every pixel", "a disc", "all but some"])
def valid(request):
    y, x = np.mgrid[:61, :47]
    return {"every pixel": None, "a disc": np.hypot(y - 30, x - 20) < 16, "all but some": (y + x) % 17 > 0}[request.param]


@pytest.mark.parametrize("n_values", [500, 40_000])
@pytest.mark.parametrize("dtype", UNITS)
def test_one_pass_is_every_metric_by_itself(monkeypatch, dtype, n_values, valid):
    monkeypatch.setattr(strips, "_VALUES", n_values)  # many strips, and one
    truth, forecast, last, data_range = pictures(dtype)
    expected = each_by_itself(truth, forecast, last, data_range, valid)
    found = scores_of_leads(forecast, truth, ALL, data_range=data_range, valid=valid, last=last)
    for name in ALL:
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-5, err_msg=name)


@pytest.mark.parametrize("n_values", [500, 40_000])
def test_ssim_of_a_pass_is_scikit_images_however_the_strips_fall(monkeypatch, n_values):
    monkeypatch.setattr(strips, "_VALUES", n_values)
    truth, forecast, _, _ = pictures()
    wanted = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 255, "channel_axis": -1}
    expected = [structural_similarity(*pair, **wanted) for pair in zip(forecast, truth, strict=True)]
    found = scores_of_leads(forecast, truth, ["ssim"], data_range=255.0)["ssim"]
    np.testing.assert_allclose(found, expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("shape", [(2, 1, 1, 1), (2, 4, 30, 2), (2, 11, 11, 1), (1, 12, 200, 4), (2, 100, 3, 3)])
def test_any_size_is_served(shape):
    truth, forecast, last, data_range = pictures(shape=shape)
    expected = each_by_itself(truth, forecast, last, data_range)
    found = scores_of_leads(forecast, truth, ALL, data_range=data_range, last=last)
    for name in ALL:
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-5, err_msg=name)
    perfect = scores_of_leads(truth, truth, ALL, data_range=data_range, last=last)
    assert {name: values.tolist() for name, values in perfect.items()} == {
        name: [METRICS[name].perfect] * shape[0] for name in ALL
    }


def test_hard_cases_of_correlation_are_those_of_the_metric():
    truth, _, last, data_range = pictures("float32")
    flat = np.full_like(truth, truth.mean())
    faint = flat + (truth - flat) * np.float32(0.01)
    far = truth + np.float32(1e6)
    for forecast in (flat, faint, far):
        expected = METRICS["correlation"].function(forecast, truth, data_range=data_range)
        found = scores_of_leads(forecast, truth, ["correlation"], data_range=data_range)["correlation"]
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


def test_what_is_outside_the_mask_changes_nothing_even_where_it_is_no_number():
    truth, forecast, last, data_range = pictures("float32")
    valid = np.ones(truth.shape[1:3], bool)
    valid[10:20, 5:30] = False
    scores = []
    for filling in (7.0, np.nan):
        arrays = [np.where(valid[..., None], one, np.float32(filling)) for one in (forecast, truth, last)]
        scores.append(scores_of_leads(*arrays[:2], ALL, data_range=data_range, valid=valid, last=arrays[2]))
    for name in ALL:
        np.testing.assert_array_equal(scores[0][name], scores[1][name], err_msg=name)
        assert np.isfinite(scores[0][name]).all()


def test_more_threads_give_the_same_bits():
    truth, forecast, last, data_range = pictures(shape=(7, 40, 33, 3))
    one, three = (
        scores_of_leads(forecast, truth, ALL, data_range=data_range, last=last, n_threads=number) for number in (1, 3)
    )
    assert {name: values.tobytes() for name, values in one.items()} == {name: v.tobytes() for name, v in three.items()}


def test_maps_are_of_the_same_pass_and_their_means_are_the_scores(valid):
    truth, forecast, last, data_range = pictures()
    expected = each_by_itself(truth, forecast, last, data_range, valid)
    counted = np.ones(truth.shape[1:3], bool) if valid is None else valid
    taken = list(scores_and_maps(forecast, truth, ALL, data_range=data_range, valid=valid, last=last))
    for lead, (scores, maps) in enumerate(taken):
        for name in ALL:
            assert scores[name] == pytest.approx(expected[name][lead], rel=1e-5), name
        error = forecast[lead].astype(float) - truth[lead]
        np.testing.assert_allclose(maps.error, np.where(counted, error.mean(-1), np.nan), atol=1e-4)
        np.testing.assert_allclose(maps.absolute, np.where(counted, np.abs(error).mean(-1), np.nan), atol=1e-4)
        assert np.nanmean(maps.ssim) == pytest.approx(expected["ssim"][lead], abs=1e-5)
        inside = np.zeros_like(counted)
        inside[5:-5, 5:-5] = True
        np.testing.assert_array_equal(np.isfinite(maps.ssim), inside & counted)


def test_a_metric_that_knows_no_pass_is_asked_for_all_frames(monkeypatch):
    truth, forecast, last, data_range = pictures()
    asked = []

    def own(forecast, truth, **_):
        asked.append(forecast.shape)
        return np.arange(len(truth), dtype=float)

    kind = MetricKind("Own", own, True, 1.0, "Own.", "")
    monkeypatch.setitem(METRICS._entries, "own", kind)
    curves = score("x", forecast, truth, origin=3, data_range=data_range, last=last, metrics=["own", "mse"])
    assert [curve.metric for curve in curves] == ["own", "mse"]
    assert curves[0].values.tolist() == [0, 1, 2] and asked == [forecast.shape]


def test_double_precision_is_left_to_the_metrics_and_has_no_maps():
    truth, forecast, last, data_range = pictures()
    doubles = [one.astype(np.float64) for one in (forecast, truth, last)]
    found = scores_of_leads(*doubles[:2], ["mse"], data_range=data_range, last=doubles[2])["mse"]
    np.testing.assert_array_equal(found, METRICS["mse"].function(*doubles[:2], data_range=data_range))
    with pytest.raises(InputError, match="Convert the frames"):
        next(scores_and_maps(*doubles[:2], ["mse"], data_range=data_range))


def test_a_mask_without_a_window_inside_is_refused_as_by_the_metric():
    truth, forecast, _, data_range = pictures()
    valid = np.zeros(truth.shape[1:3], bool)
    valid[0] = True
    with pytest.raises(InputError, match="within 5 pixels of the border"):
        scores_of_leads(forecast, truth, ["mse", "ssim"], data_range=data_range, valid=valid)

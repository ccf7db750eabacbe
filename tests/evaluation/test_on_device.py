"""The arithmetic of a GPU gives what the metrics give, here on the processor, in batches of any number of leads."""

import numpy as np
import pytest
import torch

from framecast.evaluation import on_device
from framecast.evaluation.leads import scores_of_leads
from framecast.evaluation.on_device import DEVICE_METRICS, scores_on_device
from framecast.metrics import METRICS

ALL = sorted(METRICS)
SHAPE = (5, 61, 48, 3)
DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU"))]


def pictures(dtype, shape=SHAPE):
    """Truth, forecast and last frame: waves that travel under noise, and paler ones that are late."""
    offset, gain = {"uint8": (0, 1), "uint16": (200, 150), "float32": (1e5, 20)}[dtype]
    noise = np.random.default_rng(0).normal(0, 6, (shape[0] + 1, *shape[1:]))
    scene = 128 + 60 * np.sin(np.add.outer(np.arange(shape[1]) / 3, np.arange(shape[2]) / 5))[..., None]
    frames = np.clip(np.stack([np.roll(scene, t, axis=1) for t in range(shape[0] + 1)]) + noise, 0, 255)
    stored, late = ((offset + gain * np.rint(one)).astype(dtype) for one in (frames, 128 + 0.8 * (frames - 128)))
    return stored[1:], late[:-1], stored[0], 255.0 * gain


def disc():
    return np.hypot(*np.mgrid[-30:31, -20:28]) < 16


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("valid", [None, disc()], ids=["every pixel", "a disc"])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_it_gives_what_the_metrics_give(monkeypatch, dtype, valid, device):
    monkeypatch.setattr(on_device, "_AT_ONCE", 2 * 4 * 61 * 48 * 3 * 16)  # two leads, two, and one
    truth, forecast, last, data_range = pictures(dtype)
    found = scores_on_device(forecast, truth, ALL, data_range=data_range, valid=valid, last=last, device=device)
    for name in ALL:
        expected = METRICS[name].function(forecast, truth, data_range=data_range, valid=valid, last=last)
        np.testing.assert_allclose(found[name], expected, rtol=1e-5, atol=1e-7, err_msg=name)


@pytest.mark.parametrize("shape", [(2, 1, 1, 1), (2, 4, 30, 2), (1, 12, 20, 4)])
def test_equal_frames_are_perfect_at_any_size(shape):
    truth, _, last, data_range = pictures("uint8", shape)
    found = scores_on_device(truth, truth, ALL, data_range=data_range, last=last, device="cpu")
    assert {name: values.tolist() for name, values in found.items()} == {
        name: [METRICS[name].perfect] * shape[0] for name in ALL
    }


def test_a_frame_without_contrast_has_no_correlation():
    truth, _, _, data_range = pictures("float32")
    flat = np.full_like(truth, 7)
    found = scores_on_device(flat, truth, ["correlation"], data_range=data_range, device="cpu")
    assert found["correlation"].tolist() == [0.0] * len(truth)


def test_nothing_is_fetched_before_the_last_lead_is_done(monkeypatch):
    """A GPU waits wherever a number is fetched: once for all scores, and for what moves, whatever the number of leads."""
    truth, forecast, last, data_range = pictures("uint8")
    fetched = []
    for name in ("item", "cpu", "tolist", "__bool__", "__float__"):
        own = getattr(torch.Tensor, name)
        monkeypatch.setattr(torch.Tensor, name, lambda self, *a, own=own, name=name: fetched.append(name) or own(self, *a))
    monkeypatch.setattr(on_device, "_AT_ONCE", 1)  # a batch for each lead
    scores_on_device(forecast, truth, ALL, data_range=data_range, last=last, device="cpu")
    assert fetched == ["cpu"]


def test_every_metric_has_its_form_and_what_has_none_is_computed_by_itself(monkeypatch):
    assert sorted(DEVICE_METRICS) == ALL
    truth, forecast, last, data_range = pictures("uint8")
    monkeypatch.delitem(DEVICE_METRICS, "mse")
    found = scores_of_leads(forecast, truth, ["mse", "mae"], data_range=data_range, last=last, device="cpu:0")
    assert found["mse"].tolist() == METRICS["mse"].function(forecast, truth, data_range=data_range).tolist()


@pytest.mark.parametrize(
    "error", [torch.OutOfMemoryError("CUDA out of memory."), RuntimeError("cuFFT error: CUFFT_ALLOC_FAILED")], ids=repr
)
def test_where_memory_runs_out_the_processor_scores(monkeypatch, error):
    """Also where a library beneath torch says so, in words of its own."""

    def full(*arguments, **named):
        raise error

    truth, forecast, last, data_range = pictures("uint8")
    asked = {"data_range": data_range, "last": last}
    expected = scores_of_leads(forecast, truth, ALL, **asked)
    monkeypatch.setattr(on_device, "scores_on_device", full)
    found = scores_of_leads(forecast, truth, ALL, **asked, device="cuda")
    assert {name: values.tolist() for name, values in found.items()} == {
        name: values.tolist() for name, values in expected.items()
    }

"""Scores survive their file to the bit, and are averaged over origins lead by lead."""

import math
from pathlib import Path

import numpy as np
import pytest

from framecast.errors import InputError, StorageError, UnknownNameError
from framecast.evaluation.scores import ScoreCurve, mean_curve, read_scores, score, write_scores
from framecast.metrics import METRICS


def curve(forecaster="unet", metric="ssim", origin=349, values=(0.9, 0.8)):
    return ScoreCurve(forecaster, metric, origin, np.array(values, np.float64))


def as_tuples(curves):
    return [(one.forecaster, one.metric, one.origin, one.values.tobytes()) for one in curves]


def test_reading_gives_back_what_was_written_to_the_bit(tmp_path):
    random = np.random.default_rng(0).normal(size=50) * 10.0 ** np.random.default_rng(1).integers(-300, 300, 50)
    curves = [
        curve(values=random),
        curve(origin=299, values=(0.1 + 0.2, -0.0, 5e-324)),
        curve(metric="psnr", values=(math.inf, -math.inf, math.nan)),
        curve(forecaster='A "wide" ConvLSTM, 64 px\nrun 2', values=(1.0,)),
    ]
    write_scores(tmp_path / "scores.csv", curves)
    assert as_tuples(read_scores(tmp_path / "scores.csv")) == as_tuples(curves)


def test_the_file_is_what_it_says(tmp_path):
    write_scores(tmp_path / "scores.csv", [curve()])
    expected = "forecaster,metric,origin,lead,value\nunet,ssim,349,1,0.9\nunet,ssim,349,2,0.8\n"
    assert (tmp_path / "scores.csv").read_bytes().decode() == expected


def test_a_file_that_cannot_be_finished_leaves_the_old_one(tmp_path):
    path = tmp_path / "scores.csv"
    write_scores(path, [curve()])

    def breaks():
        yield curve(values=(0.5,))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_scores(path, breaks())
    assert [entry.name for entry in tmp_path.iterdir()] == ["scores.csv"]
    assert as_tuples(read_scores(path)) == as_tuples([curve()])


def test_a_disk_that_refuses_is_said_in_words(tmp_path, monkeypatch):
    def refuse(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", refuse)
    with pytest.raises(StorageError, match="Free some space"):
        write_scores(tmp_path / "scores.csv", [curve()])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "not a file of scores"),
        ("lead,value\n1,2\n", "not a file of scores"),
        ("forecaster,metric,origin,lead,value\nunet,ssim,349,2,0.9\n", "Line 2 .* must be the next lead"),
        ("forecaster,metric,origin,lead,value\nunet,ssim,349,1,0.9\nunet,ssim,349,2\n", "Line 3"),
        ("forecaster,metric,origin,lead,value\nunet,ssim,349,1,good\n", "Line 2"),
    ],
)
def test_a_file_that_is_no_scores_is_refused(tmp_path, text, sentence):
    (tmp_path / "scores.csv").write_text(text)
    with pytest.raises(InputError, match=sentence):
        read_scores(tmp_path / "scores.csv")


def test_score_asks_every_metric_or_those_named():
    truth = np.random.default_rng(0).integers(0, 255, (4, 20, 20, 1)).astype(np.uint8)
    curves = score("persistence", truth, truth, origin=9, data_range=255.0, last=truth[0])
    assert {one.metric for one in curves} == set(METRICS)
    without = score("persistence", truth, truth, origin=9, data_range=255.0)
    assert {one.metric for one in without} == {name for name, kind in METRICS.items() if not kind.needs_last}
    assert {(one.forecaster, one.origin, one.horizon) for one in curves} == {("persistence", 9, 4)}
    assert [one.metric for one in score("p", truth, truth, origin=9, data_range=255.0, metrics=["mae", "ssim"])] == [
        "mae",
        "ssim",
    ]
    with pytest.raises(UnknownNameError, match="There is no metric named 'fvd'"):
        score("p", truth, truth, origin=9, data_range=255.0, metrics=["fvd"])


def test_origins_are_averaged_lead_by_lead():
    curves = [curve(origin=10, values=(1.0, 2.0)), curve(origin=20, values=(3.0, 6.0)), curve(metric="mse", values=(9.0, 9.0))]
    assert mean_curve(curves, "unet", "ssim").tolist() == [2.0, 4.0]
    with pytest.raises(UnknownNameError, match="no scores named mae of unet. There are: mse of unet, ssim of unet"):
        mean_curve(curves, "unet", "mae")
    with pytest.raises(InputError, match=r"over horizons \[1, 2\]"):
        mean_curve([curve(), curve(origin=5, values=(1.0,))], "unet", "ssim")


def test_a_file_that_is_no_text_is_not_one_of_scores(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"\x93NUMPY")
    with pytest.raises(InputError, match="no text"):
        read_scores(tmp_path / "a.csv")

"""The report in words; that it plays is seen in a browser (tests/browser/test_report.py)."""

import html
import re
from pathlib import Path

import numpy as np
import pytest

from framecast.export import KINDS, Asked, Evidence
from framecast.export.report.curves import curves_svg
from framecast.series.store import SeriesStore
from tests.export.conftest import blob, finished_run


def report(workspace: Path, frames: np.ndarray, **known: object) -> str:
    run = finished_run(workspace, frames, "persistence", **known)
    text = KINDS["report"].make(Evidence.of(run, SeriesStore(workspace)), Asked()).decode()
    return html.unescape(text)


def test_a_report_says_which_way_an_error_goes_and_of_what_it_is_the_mean(tmp_path: Path) -> None:
    valid = np.ones((15, 21), bool)
    assert "Error: forecast − truth.</p>" in report(tmp_path / "grey", blob(channels=1))
    valid[0] = False
    said = "Error: forecast − truth, mean of 2 channels; truth and forecast: channel 1; ochre: no data."
    assert said in report(tmp_path / "two", blob(channels=2), valid=valid)


def test_a_report_of_one_lead_speaks_of_one_frame(tmp_path: Path) -> None:
    said = report(tmp_path, blob(5))
    assert ": 1 frame of 21 × 15 pixels (colour), forecast from frame 4, the last one it saw" in said
    assert "held against frame 5." in said


@pytest.mark.parametrize("n_leads", [1, 2, 3, 4, 50])
def test_the_leads_at_a_curve_are_whole_numbers(n_leads: int) -> None:
    svg = curves_svg("ssim", ("U-Net", np.linspace(0.9, 0.5, n_leads)))
    axis = svg[svg.index('id="matplotlib.axis_1"') : svg.index('id="matplotlib.axis_2"')]
    ticks = [float(words) for words in re.findall("<!-- (.*?) -->", axis) if words.replace(".", "").isdigit()]
    assert ticks and all(tick == round(tick) for tick in ticks)

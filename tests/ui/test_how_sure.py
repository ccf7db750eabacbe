"""What an ensemble's run shows more: a band as wide as its members are apart, a spread on a scale of its own from zero."""

from datetime import UTC, datetime

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from framecast.drawing.colours import MASKED, faded, forecaster_colour, spread_lut
from framecast.drawing.pictures import spread_picture
from framecast.evaluation.ensemble import ENSEMBLE, MEASURES
from framecast.evaluation.scores import ScoreCurve
from framecast.series.frames import FrameSeries
from framecast.series.store import StoredSeries
from framecast.ui.how_sure import band, band_note
from framecast.ui.score_charts import Curve, CurvePlot, horizon_chart

MEMBERS = [
    *(ScoreCurve(ENSEMBLE, measure, 9, np.ones(3)) for measure in MEASURES),
    ScoreCurve("member 1", "ssim", 9, np.array([0.9, 0.5, 0.4])),
    ScoreCurve("member 2", "ssim", 9, np.array([0.8, 0.7, 0.4])),
]


def test_a_band_reaches_from_the_lowest_to_the_highest_member() -> None:
    assert band(MEMBERS, "ssim") == ([0.8, 0.5, 0.4], [0.9, 0.7, 0.4])
    assert band(MEMBERS, "mse") is None and band([], "ssim") is None and band(MEMBERS[:-1], "ssim") is None
    assert "2 members" in band_note(MEMBERS) and band_note([]) == "" and band_note(MEMBERS[:-1]) == ""


def test_the_band_has_the_colour_of_its_curve_and_no_line_of_its_own() -> None:
    mine = Curve("ensemble", "Ensemble", [0.85, 0.6, 0.4], band(MEMBERS, "ssim"))
    curves = [mine, Curve("persistence", "Persistence", [0.5, 0.4, 0.3])]
    figure = horizon_chart([CurvePlot("SSIM", curves)], lead=1, emphasised="ensemble")
    low, high, line, other = figure.data
    assert list(low.y) == [0.8, 0.5, 0.4] and list(high.y) == [0.9, 0.7, 0.4] and list(line.y) == [0.85, 0.6, 0.4]
    assert high.fill == "tonexty" and high.fillcolor == faded(forecaster_colour("ensemble"), 0.22)
    assert low.line.width == high.line.width == 0 and other.fill is None
    assert [trace.showlegend for trace in figure.data] == [False, False, True, True]


def test_a_unit_is_shown_as_the_file_has_it() -> None:
    def page() -> None:
        from framecast.ui.how_sure import how_sure
        from tests.ui.test_how_sure import MEMBERS

        how_sure(MEMBERS, "m_s*2$[x]", 1)

    app = AppTest.from_function(page).run()
    assert not app.exception
    assert app.metric[0].label == r"CRPS (m\_s\*2\$\[x\]) at lead 1" and r"(m\_s\*2\$\[x\])" in app.metric[1].label


def test_no_spread_is_the_lightest_and_more_is_darker() -> None:
    lightness = spread_lut().astype(int).sum(axis=1)
    assert (np.diff(lightness) <= 0).all()
    drawn = spread_picture(np.array([[0.0, 2.0, 4.0, 9.0]]), 4.0, np.array([[True, True, True, False]]))
    np.testing.assert_array_equal(drawn[0, 0], spread_lut()[0])
    np.testing.assert_array_equal(drawn[0, 2], spread_lut()[-1])
    np.testing.assert_array_equal(drawn[0, 3], MASKED)


@pytest.fixture
def stored() -> StoredSeries:
    return StoredSeries(
        digest="0" * 16, name="s", n_frames=5, height=6, width=7, n_channels=1, dtype="float32", value_range=(0.0, 9.0),
        units="mm", timestep=None, has_mask=False, low=0.0, high=9.0, created=datetime.now(UTC).isoformat(), source="",
        warnings=(),
    )  # fmt: skip


def test_the_spread_has_one_scale_from_zero_for_all_leads(stored: StoredSeries) -> None:
    from framecast.ui.maps import spread_panel

    spread = np.linspace(0, 4, 5 * 6 * 7, dtype=np.float32).reshape(5, 6, 7, 1)
    series = FrameSeries("s", np.zeros((5, 6, 7, 1), np.float32), (0.0, 9.0))
    panel = spread_panel(spread, series, stored, n_before=1)
    assert len(panel.clip.pictures) == 6
    assert panel.bar is not None
    places, labels = zip(*panel.bar.ticks, strict=True)
    assert places[0] == 0 and labels[0] == "0" and labels[-1].endswith(" mm") and not any("+" in label for label in labels)

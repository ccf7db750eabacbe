"""Charts say which forecaster a line is by its colour, and where the shown lead is."""

import numpy as np

from framecast.drawing.colours import forecaster_colour
from framecast.evaluation.health import examine
from framecast.series.frames import FrameSeries
from framecast.ui.charts import weights_chart
from framecast.ui.health_charts import over_time_chart
from framecast.ui.score_charts import Curve, CurvePlot, horizon_chart


def test_each_curve_has_its_forecasters_colour_and_each_chart_the_cursor() -> None:
    curves = [Curve("unet", "U-Net", [0.9, 0.8, float("inf")]), Curve("persistence", "Persistence", [0.8, 0.7, 0.6])]
    figure = horizon_chart([CurvePlot("SSIM", curves), CurvePlot("MSE", curves)], lead=2, emphasised="unet")
    assert [trace.line.color for trace in figure.data] == [forecaster_colour(trace.legendgroup) for trace in figure.data]
    assert [list(trace.x) for trace in figure.data] == [[1, 2, 3]] * 4
    assert [shape.x0 for shape in figure.layout.shapes] == [2, 2]
    assert sum(trace.showlegend for trace in figure.data) == 2


def test_weights_are_stacked_in_the_colours_of_their_forecasters_and_told_in_percent() -> None:
    titles = {"optical_flow": "Optical flow", "unet": "U-Net"}
    figure = weights_chart({"optical_flow": [0.75, 0.5, 0.25], "unet": [0.25, 0.5, 0.75]}, titles)
    assert [trace.line.color for trace in figure.data] == [forecaster_colour(name) for name in titles]
    assert [list(trace.x) for trace in figure.data] == [[1, 2, 3]] * 2 and len({one.stackgroup for one in figure.data}) == 1
    assert [sum(at) for at in zip(*(trace.y for trace in figure.data), strict=True)] == [100.0] * 3
    assert figure.data[0].hovertemplate.startswith("lead %{x}: Optical flow %{y:.0f} %")
    (bar,) = weights_chart({"unet": [1.0]}, titles).data
    assert bar.type == "bar" and list(bar.y) == [100.0]


def test_the_first_frame_has_no_change() -> None:
    """None came before it; a 0 would be drawn as a standstill."""
    frames = np.random.default_rng(0).integers(0, 256, (30, 16, 16, 1), dtype=np.uint8)
    report = examine(FrameSeries("noise", frames, (0.0, 255.0)))
    brightness, change = over_time_chart(report, "").data
    assert list(change.x) == list(range(1, 31)) and None not in brightness.y
    assert change.y[0] is None and tuple(change.y[1:]) == report.change[1:] and min(change.y[1:]) > 0


def test_no_tick_stands_between_two_leads() -> None:
    """Where they are few, Plotly would draw 1.5, 2.5, ..."""
    few, many = (weights_chart({"damped": [1.0] * n}, {"damped": "Damped return"}) for n in (3, 50))
    assert few.layout.xaxis.dtick == 1 and many.layout.xaxis.dtick is None and few.layout.showlegend
    chart = horizon_chart([CurvePlot(title, [Curve("unet", "U-Net", [0.9, 0.8, 0.7])]) for title in "abcd"], 1, "unet")
    assert {axis.dtick for axis in chart.select_xaxes()} == {1}
    assert [axis.title.text for axis in chart.select_xaxes()] == [None, None, *["lead (frames ahead)"] * 2]

"""Charts say which forecaster a line is by its colour, and where the shown lead is."""

import pytest

from framecast.drawing.colours import forecaster_colour
from framecast.ui.charts import loss_chart, stage_note, weights_chart
from framecast.ui.score_charts import Curve, CurvePlot, horizon_chart


def row(stage: str, step: int, loss: float, ssim: float | None = None) -> dict[str, object]:
    scores = {} if ssim is None else {"ssim": ssim}
    return {"stage": stage, "step": step, "train_loss": loss, "valid_scores": scores}


def test_each_curve_has_its_forecasters_colour_and_each_chart_the_cursor() -> None:
    curves = [Curve("unet", "U-Net", [0.9, 0.8, float("inf")]), Curve("persistence", "Persistence", [0.8, 0.7, 0.6])]
    figure = horizon_chart([CurvePlot("SSIM", curves), CurvePlot("MSE", curves)], lead=2, emphasised="unet")
    assert [trace.line.color for trace in figure.data] == [forecaster_colour(trace.legendgroup) for trace in figure.data]
    assert [list(trace.x) for trace in figure.data] == [[1, 2, 3]] * 4
    assert [shape.x0 for shape in figure.layout.shapes] == [2, 2]
    assert sum(trace.showlegend for trace in figure.data) == 2


def test_steps_count_on_through_the_stages() -> None:
    history = [row("search", 5, 2.0, 0.4), row("search", 8, 1.0, 0.5), row("search", 16, 0.5), row("all", 8, 0.4)]
    figure = loss_chart(history)
    loss, score = figure.data
    assert list(loss.x) == [5, 8, 16, 24] and list(loss.y) == [2.0, 1.0, 0.5, 0.4]
    assert list(score.x) == [5, 8] and list(score.y) == [0.4, 0.5]
    assert {shape.x0 for shape in figure.layout.shapes} == {16}


def test_nothing_is_drawn_of_scores_that_were_never_taken() -> None:
    assert len(loss_chart([row("all", 1, 0.4)]).data) == 1


def test_a_dotted_line_is_explained() -> None:
    history = [row("search", 5, 2.0), row("search", 8, 1.0), row("all", 8, 0.4)]
    assert "“search” ends" in stage_note(history) and "“all”" in stage_note(history)
    assert stage_note(history[:2]) == ""
    many = stage_note([row(f"stage {number}", 1, 1.0) for number in range(8)])
    assert "“stage 0” to “stage 7”" in many and "stage 3" not in many


@pytest.mark.parametrize("losses", [[1.0, 0.9], [0.001, 0.0], [100.0, 0.01, 0.0004], [5.0, 5.0], [30.0, 1.0]])
def test_no_axis_goes_below_nothing_and_few_marks_stand_on_it(losses: list[float]) -> None:
    figure = loss_chart([row("all", index, loss) for index, loss in enumerate(losses)])
    axis = figure.layout.yaxis
    assert figure.layout.xaxis.range[0] == 0
    if axis.type == "log":
        low, high = (10.0**bound for bound in axis.range)
        assert low <= min(losses) and high >= max(losses)
        assert 1 <= sum(low <= mark <= high for mark in axis.tickvals) <= 6
    else:
        assert 0 <= axis.range[0] <= min(losses) and axis.range[1] >= max(losses)


def test_weights_are_stacked_in_the_colours_of_their_forecasters_and_told_in_percent() -> None:
    titles = {"optical_flow": "Optical flow", "unet": "U-Net"}
    figure = weights_chart({"optical_flow": [0.75, 0.5, 0.25], "unet": [0.25, 0.5, 0.75]}, titles)
    assert [trace.line.color for trace in figure.data] == [forecaster_colour(name) for name in titles]
    assert [list(trace.x) for trace in figure.data] == [[1, 2, 3]] * 2 and len({one.stackgroup for one in figure.data}) == 1
    assert [sum(at) for at in zip(*(trace.y for trace in figure.data), strict=True)] == [100.0] * 3
    assert figure.data[0].hovertemplate.startswith("lead %{x}: Optical flow %{y:.0f} %")
    (bar,) = weights_chart({"unet": [1.0]}, titles).data
    assert bar.type == "bar" and list(bar.y) == [100.0]

"""Charts say which forecaster a line is by its colour, and where the shown lead is."""

from framecast.ui.charts import Curve, CurvePlot, horizon_chart, loss_chart
from framecast.ui.colours import forecaster_colour


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

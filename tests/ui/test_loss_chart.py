"""The charts of training: where points stand, what is drawn of what, and that no history is too long."""

import pytest

from framecast.drawing.colours import forecaster_colour
from framecast.ui import run_charts
from framecast.ui.loss_chart import ahead_chart, loss_chart, stage_note


def row(stage: str, step: int, loss: float, ssim: float | None = None, **more: object) -> dict[str, object]:
    scores = {} if ssim is None else {"ssim": ssim, "mse": 1 - ssim}
    return {"stage": stage, "step": step, "epoch": step // 2, "train_loss": loss, "valid_scores": scores, **more}


def test_steps_count_on_through_the_stages() -> None:
    history = [row("search", 5, 2.0, 0.4), row("search", 8, 1.0, 0.5), row("search", 16, 0.5), row("all", 8, 0.4)]
    figure = loss_chart(history)
    loss, score = figure.data
    assert list(loss.x) == [5, 8, 16, 24] and list(loss.y) == [2.0, 1.0, 0.5, 0.4]
    assert list(score.x) == [5, 8] and list(score.y) == [0.4, 0.5]
    assert {shape.x0 for shape in figure.layout.shapes} == {16}


def test_a_run_that_is_begun_anew_does_not_show_its_old_chart() -> None:
    for loss, ssim in ((0.9, 0.1), (0.5, 0.3)):
        history = [row("all", 2, loss, ssim, valid_curves={"ssim": [ssim]})]
        figure = run_charts._loss_figure("a run", 1, str(history[-1]), "epoch", "ssim", False, _history=history)
        assert list(figure.data[0].y) == [loss]
        ahead = run_charts._ahead_figure("a run", 1, str(history), "unet", _history=history)
        assert ahead is not None and ssim in [y for line in ahead.data for y in line.y]


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


def test_epochs_count_on_and_time_does_so_by_itself() -> None:
    history = [
        row("search", 2, 2.0, elapsed_s=60.0),
        row("search", 8, 1.0, elapsed_s=120.0),
        row("all", 4, 0.4, elapsed_s=180.0),
    ]
    by_epoch, by_time = (loss_chart(history, along=along) for along in ("epoch", "time"))
    assert list(by_epoch.data[0].x) == [1, 4, 6] and by_epoch.layout.xaxis.title.text == "epoch"
    assert list(by_time.data[0].x) == [1.0, 2.0, 3.0] and by_time.layout.xaxis.title.text == "minutes"
    assert {shape.x0 for shape in by_time.layout.shapes} == {2.0}


def test_what_is_validated_within_an_epoch_stands_within_it() -> None:
    """Several in one epoch would stand one above the other else; an old history does not tell."""
    history = [row("search", step, 1.0, 0.5, steps_per_epoch=8) for step in (2, 6, 8, 12)]
    figure = loss_chart([*history, row("all", 4, 0.4, steps_per_epoch=16)], along="epoch")
    assert list(figure.data[0].x) == [0.25, 0.75, 1.0, 1.5, 1.75]
    assert list(figure.data[1].x) == [0.25, 0.75, 1.0, 1.5]


def test_the_log_switch_is_obeyed_where_there_is_a_logarithm() -> None:
    near = [row("all", step, 1.0 - step / 10) for step in range(5)]
    assert loss_chart(near).layout.yaxis.type != "log"
    assert loss_chart(near, log=True).layout.yaxis.type == "log"
    assert loss_chart([row("all", 1, 100.0), row("all", 2, 0.01)], log=False).layout.yaxis.type != "log"
    assert loss_chart([row("all", 1, 1.0), row("all", 2, 0.0)], log=True).layout.yaxis.type != "log"


def test_a_long_history_is_thinned_and_keeps_its_ends() -> None:
    figure = loss_chart([row("all", step, 1 / step) for step in range(1, 20_001)])
    assert len(figure.data[0].x) <= 602
    assert (figure.data[0].x[0], figure.data[0].x[-1]) == (1, 20_000)


def test_how_far_it_sees_is_drawn_against_the_last_frame_repeated_with_the_past_faded() -> None:
    curves = {"ssim": (0.9, 0.8), "persistence_ssim": (0.8, 0.6)}
    history = [row("search", step, 1.0, 0.5, valid_curves=curves) for step in range(1, 31)]
    figure = ahead_chart(history, "unet")
    assert figure is not None
    named = [trace for trace in figure.data if trace.name]
    assert [trace.name for trace in named] == ["last frame repeated", "forecast, epoch 15"]
    assert named[1].line.color == forecaster_colour("unet") and list(named[1].x) == [1, 2]
    assert 1 <= len(figure.data) - len(named) <= 8
    assert ahead_chart([row("all", 1, 1.0)], "unet") is None


def test_the_error_can_be_drawn_in_place_of_the_similarity() -> None:
    figure = loss_chart([row("search", 5, 2.0, 0.4)], "mse")
    assert list(figure.data[1].y) == [0.6]

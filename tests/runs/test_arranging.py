"""Runs are filtered by what is asked and sorted as is asked; pinned ones stay on top, and what has no score stands last."""

import itertools
import math
from dataclasses import replace

import pytest

from framecast.errors import SettingError
from framecast.metrics import METRICS
from framecast.runs.arranging import RunFilter, arranged, filtered, sort_keys
from framecast.runs.experiment import plan
from framecast.runs.notes import RunNotes
from framecast.runs.overview import RunLine
from framecast.series.frames import FrameSeries, Preparation


@pytest.fixture
def lines(series: FrameSeries) -> dict[str, RunLine]:
    """a and b are finished, c is a member of a, d failed; from the oldest to the newest."""
    record = plan(series, forecaster="persistence", digest="0" * 16, device="cpu")

    def line(name: str, **own: object) -> RunLine:
        asked = {key: own.pop(key) for key in list(own) if key in vars(record)}
        mine = replace(record, id=name, title=f"Run {name}", created=f"2026-11-2{'abcd'.index(name)}T10:00:00+00:00", **asked)
        usual = {"state": "finished", "means": {}, "skill": None, "skill_horizon": None, "fit_seconds": None, "n_bytes": 1}
        return RunLine(mine, **{"notes": RunNotes(), **usual, **own})

    words = RunNotes("", ("good", "x"), "Look here")
    high, low = ({metric: value for metric in METRICS} for value in (2.0, 1.0))
    return {
        "a": line("a", means=high, skill=0.5, skill_horizon=4, fit_seconds=9.0, forecaster="auto", n_bytes=5),
        "b": line("b", means=low, skill=-0.5, skill_horizon=0, fit_seconds=1.0, notes=words),
        "c": line("c", member_of="a", series="1" * 16, series_name="cells", preparation=Preparation(64)),
        "d": line("d", state="failed", means={metric: math.nan for metric in METRICS}),
    }


def ids(lines: list[RunLine]) -> str:
    return "".join(line.id for line in lines)


def test_by_age_members_follow_their_blend(lines: dict[str, RunLine]) -> None:
    for order in itertools.permutations(lines.values()):
        assert ids(arranged(order)) == "dbac"
        assert ids(arranged(order, reverse=True)) == "acbd"
    assert ids(arranged([lines["c"], lines["d"]])) == "dc", "a member whose blend is not shown stands for itself"


@pytest.mark.parametrize("metric", METRICS)
def test_the_best_score_comes_first_and_none_last(lines: dict[str, RunLine], metric: str) -> None:
    best = "ab" if METRICS[metric].higher_is_better else "ba"
    assert ids(arranged(lines.values(), metric)) == best + "dc"
    assert ids(arranged(lines.values(), metric, reverse=True)) == best[::-1] + "dc"


@pytest.mark.parametrize(
    ("by", "order"),
    [("skill", "abdc"), ("skill_horizon", "abdc"), ("fit_time", "badc"), ("disk", "adcb"), ("name", "abcd"), ("size", "dbac"),
     ("series", "dbac"), ("forecaster", "adcb"), ("state", "dcba")],
)  # fmt: skip
def test_every_column_sorts(lines: dict[str, RunLine], by: str, order: str) -> None:
    assert by in sort_keys()
    assert ids(arranged(lines.values(), by)) == order


def test_scores_to_sort_by_are_called_as_on_the_other_pages() -> None:
    called = sort_keys()
    assert called["moving_rmse"] == "Mean RMSE where it moves, best first" and called["ssim"] == "Mean SSIM, best first"


def test_pinned_runs_stay_on_top_whatever_the_order(lines: dict[str, RunLine]) -> None:
    lines["c"] = replace(lines["c"], notes=RunNotes(pinned=True))
    for by in sort_keys():
        for reverse in (False, True):
            assert ids(arranged(lines.values(), by, reverse=reverse))[0] == "c"


def test_a_live_run_is_sorted_and_kept_by_what_it_is_now(lines: dict[str, RunLine]) -> None:
    states = {"d": "at work"}
    assert ids(arranged(lines.values(), "state", states=states))[0] == "d"
    assert ids(filtered(lines.values(), RunFilter(states=["at work"]), states)) == "d"
    assert ids(filtered(lines.values(), RunFilter(states=["failed"]), states)) == ""


@pytest.mark.parametrize(
    ("asked", "kept"),
    [
        (RunFilter(), "abcd"),
        (RunFilter(series=["1" * 16]), "c"),
        (RunFilter(series=["cells", "0" * 16]), "abcd"),
        (RunFilter(forecasters=["auto"]), "a"),
        (RunFilter(states=["failed"]), "d"),
        (RunFilter(tags=["good", "x"]), "b"),
        (RunFilter(tags=["good", "y"]), ""),
        (RunFilter(text="RUN look"), "b"),
        (RunFilter(text="cells"), "c"),
        (RunFilter(text="Persistence good"), "b"),
        (RunFilter(text="nothing of the kind"), ""),
        (RunFilter(states=["finished"], text="look"), "b"),
    ],
)
def test_a_filter_keeps_what_has_all_that_is_asked(lines: dict[str, RunLine], asked: RunFilter, kept: str) -> None:
    assert ids(filtered(lines.values(), asked)) == kept


def test_an_unknown_order_is_refused_with_those_there_are(lines: dict[str, RunLine]) -> None:
    with pytest.raises(SettingError, match=r"sorted by 'colour'\. Choose one of: newest, .*ssim"):
        arranged(lines.values(), "colour")

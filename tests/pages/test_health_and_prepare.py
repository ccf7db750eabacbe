"""The Series page says what is wrong with a series and offers to mend it; Prepare makes a new one and leaves the old."""

from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from framecast.errors import StorageError
from framecast.evaluation import health
from framecast.evaluation.health import FILE
from framecast.series.store import SeriesStore, StoredSeries
from framecast.ui.prepare_state import in_ranges

from .conftest import Open, moving_blob, texts


@pytest.fixture
def carded(workspace: Path) -> StoredSeries:
    """A series with two cards between its frames, 10 and 11 as a person counts."""
    frames = moving_blob(40)
    frames[9:11] = np.random.default_rng(0).integers(0, 2, frames[0].shape) * 250
    return SeriesStore(workspace).add("with *cards*", frames, names=[f"f{number}.png" for number in range(1, 41)])


def prepare(app: AppTest, stored: StoredSeries, **fields: object) -> AppTest:
    """Fill in fields of Prepare by their names."""
    for name, value in fields.items():
        key = f"prepare:{stored.digest}:{name}"
        kind = app.text_input if isinstance(value, str) else app.checkbox if isinstance(value, bool) else app.number_input
        kind(key=key).set_value(value).run()
    return app


def test_one_sentence_first_then_findings_and_the_report_is_kept(
    open_page: Open, workspace: Path, carded: StoredSeries
) -> None:
    app = open_page("series")
    assert not app.exception
    headings = [heading.value for heading in app.subheader]
    assert headings[2] == "with \\*cards\\*" and headings[3].startswith("Near frames are easy")
    assert headings[4] == "What was found"
    said = texts(app)
    assert "Problem" in said and "Frames 10 and 11" in said and "f10" in said
    kept = SeriesStore(workspace).beside(carded.digest, FILE)
    before = kept.stat().st_mtime_ns
    open_page("series")
    assert kept.stat().st_mtime_ns == before


def test_a_report_that_the_disk_does_not_take_is_made_once(
    open_page: Open, carded: StoredSeries, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = list[str]()
    examine = health.examine

    def refused(*given: object) -> None:
        raise StorageError("The disk is read-only.")

    monkeypatch.setattr(health, "write_json", refused)
    monkeypatch.setattr(health, "examine", lambda *given: made.append("report") or examine(*given))
    app = open_page("series")
    app.run()
    assert not app.exception and "Frames 10 and 11" in texts(app) and made == ["report"]
    app.button(key="rename").click().run()
    assert made == ["report"]


@pytest.mark.parametrize("step", ["drop", "interpolate"])
def test_frames_that_do_not_belong_are_left_out_or_replaced_in_a_new_series(
    open_page: Open, workspace: Path, carded: StoredSeries, step: str
) -> None:
    app = open_page("series")
    app.button(key=f"{step}_odd_frames").click().run()
    assert app.text_input(key=f"prepare:{carded.digest}:{step}").value == "10, 11"
    assert len(SeriesStore(workspace).list()) == 1
    app.button(key="prepare_make").click().run()
    assert not app.exception and not app.error
    made, old = SeriesStore(workspace).list()
    assert old == carded and made.made_from == carded.digest
    frames, before = (SeriesStore(workspace).open(one.digest).frames for one in (made, old))
    if step == "drop":
        assert np.array_equal(frames, np.delete(before, [9, 10], axis=0))
        assert "not all steps in time are equal" in texts(app)
    else:
        middle = np.rint(before[8] * (2 / 3) + before[11] * (1 / 3)).astype(np.uint8)
        assert np.array_equal(frames[9], middle) and len(frames) == 40
    assert "not look like" not in texts(app) and "2 mended" in app.success[0].value
    assert any("10, 11" in caption.value for caption in app.caption)


def test_prepare_makes_what_its_fields_say(open_page: Open, workspace: Path, stored: StoredSeries) -> None:
    app = open_page("series")
    app.button(key="prepare").click().run()
    assert app.button(key="prepare_make").disabled and "Nothing is changed yet" in app.info[0].value
    fields = {"x": 2, "y": 1, "width": 12, "height": 10, "grey": True, "every": 2, "first": 3, "last": 22, "drop": "5, 7-9"}
    prepare(app, stored, **fields, called="a part")
    assert "7 frames of 12 × 10 pixels" in texts(app)
    app.button(key="prepare_make").click().run()
    assert not app.exception and not app.error
    made = SeriesStore(workspace).info("a part")
    assert made.shape == (7, 10, 12, 1)
    kept = [number - 1 for number in range(3, 23, 2) if number not in (5, 7, 8, 9)]
    frames = SeriesStore(workspace).open(stored.digest).frames[kept]
    assert np.array_equal(SeriesStore(workspace).open(made.digest).frames[..., 0], frames[:, 1:11, 2:14, 0])
    assert app.metric[1].value == "12 × 10"


def test_what_is_filled_in_outlives_the_page_and_not_its_closing(open_page: Open, stored: StoredSeries) -> None:
    app = open_page("series")
    app.button(key="prepare").click().run()
    fields = {"x": 2, "width": 12, "every": 2, "last": 22, "size": 8, "shown": 7, "grey": True, "drop": "5", "called": "mine"}
    for name, value in fields.items():
        widgets = [*app.slider, *app.number_input, *app.text_input, *app.checkbox]
        next(one for one in widgets if one.key == f"prepare:{stored.digest}:{name}").set_value(value).run()

    def filled_in() -> dict[str, object]:
        widgets = [*app.slider, *app.number_input, *app.text_input, *app.checkbox]
        found = {one.key: one.value for one in widgets}
        return {name: found[f"prepare:{stored.digest}:{name}"] for name in fields}

    said = next(one.value for one in app.markdown if "pixels.**" in one.value)
    app.switch_page("pages/runs.py").run()
    app.switch_page("pages/series.py").run()
    assert not app.exception and filled_in() == fields
    assert said in texts(app)
    app.button(key="prepare_close").click().run()
    app.button(key="prepare").click().run()
    assert not app.exception and filled_in() == {
        "x": 0, "width": 20, "every": 1, "last": 24, "size": 0, "shown": 13, "grey": False, "drop": "", "called": "",
    }  # fmt: skip


def test_the_longest_part_without_a_gap_is_kept_by_two_clicks(open_page: Open, workspace: Path) -> None:
    names = [f"f{number}.png" for number in [*range(1, 11), *range(13, 27)]]
    SeriesStore(workspace).add("gap", moving_blob(), names=names)
    app = open_page("series")
    assert "2 frames are missing" in texts(app)
    app.button(key="keep_numbering").click().run()
    app.button(key="prepare_make").click().run()
    made = SeriesStore(workspace).list()[0]
    assert SeriesStore(workspace).names(made.digest) == tuple(names[10:])


@pytest.mark.parametrize(("numbers", "text"), [((), ""), ((3,), "3"), ((1, 2, 5), "1, 2, 5"), ((1, 4, 5, 6, 9), "1, 4-6, 9")])
def test_frame_numbers_are_written_as_a_person_would(numbers: tuple[int, ...], text: str) -> None:
    assert in_ranges(numbers) == text


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"drop": "ten"}, "is no frame number"),
        ({"drop": "25"}, "it has frames 1 to 24"),
        ({"interpolate": "1"}, "no frame before it"),
        ({"first": 9, "last": 4}, "not after the last"),
        ({"first": 24}, "at least 2 are needed"),
    ],
    ids=str,
)
def test_what_cannot_be_made_is_said_where_the_fields_are(
    open_page: Open, workspace: Path, stored: StoredSeries, fields: dict[str, object], says: str
) -> None:
    app = open_page("series")
    app.button(key="prepare").click().run()
    prepare(app, stored, **fields)
    assert not app.exception and says in app.error[0].value and app.button(key="prepare_make").disabled
    app.button(key="prepare_close").click().run()
    assert not app.exception and not app.error and len(SeriesStore(workspace).list()) == 1


def test_the_value_range_of_a_float_series_is_shown_and_changed(open_page: Open, workspace: Path) -> None:
    values = np.random.default_rng(0).normal(280, 5, (12, 8, 9, 1)).astype(np.float32)
    stored = SeriesStore(workspace).add("warm", values, units="K")
    app = open_page("series")
    app.number_input(key=f"range_low_{stored.digest}").set_value(200.0)
    app.number_input(key=f"range_high_{stored.digest}").set_value(320.0)
    app.button(key="use_range").click().run()
    assert not app.exception and not app.error
    (changed,) = SeriesStore(workspace).list()
    assert changed.value_range == (200, 320) and "200 to 320" in app.success[0].value
    assert "Value range 200 to 320 K" in texts(app)


def test_a_range_that_is_none_is_refused(open_page: Open, workspace: Path) -> None:
    stored = SeriesStore(workspace).add("warm", np.random.default_rng(0).random((12, 8, 9, 1), np.float32))
    app = open_page("series")
    app.number_input(key=f"range_high_{stored.digest}").set_value(-5.0)
    app.button(key="use_range").click().run()
    assert "the first must be below the second" in app.error[0].value

"""What files leave open is asked on the page; the answer makes the series, and no answer leaves nothing."""

import io
import os
from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat
from streamlit.runtime.uploaded_file_manager import DeletedFile
from streamlit.testing.v1 import AppTest

from framecast.series.server_folder import ROOT_VARIABLE
from framecast.series.store import SeriesStore
from framecast.ui import state
from framecast.ui import upload as upload_box

from .conftest import Open, moving_blob, texts
from .test_series_page import png, upload


def npy(array: np.ndarray) -> list[tuple[str, bytes, str]]:
    stream = io.BytesIO()
    np.save(stream, array)
    return [("a*b*.npy", stream.getvalue(), "application/octet-stream")]


def mat(**variables: np.ndarray) -> list[tuple[str, bytes, str]]:
    stream = io.BytesIO()
    savemat(stream, variables)
    return [("a.mat", stream.getvalue(), "application/octet-stream")]


def frames_of(workspace: Path) -> np.ndarray:
    (stored,) = SeriesStore(workspace).list()
    return np.asarray(SeriesStore(workspace).open(stored.digest).frames)


def left_behind(workspace: Path) -> list[str]:
    return [path.name for path in (workspace / "series").iterdir() if path.name.startswith(".")]


def test_one_of_several_variables_is_chosen_with_its_shape_before_the_eyes(open_page: Open, workspace: Path) -> None:
    frames = moving_blob(6)
    app = upload(open_page("series"), mat(X_train=np.moveaxis(frames, 0, -1), X_test=np.moveaxis(frames[::-1], 0, -1)))
    assert not app.exception and SeriesStore(workspace).list() == [] and len(left_behind(workspace)) == 1
    assert app.selectbox(key="upload_variable").options == ["X_train: uint8 16 x 20 x 3 x 6", "X_test: uint8 16 x 20 x 3 x 6"]
    assert "6 frames of 20 × 16, 3 channels" in texts(app)
    app.selectbox(key="upload_variable").set_value("X_test").run()
    app.button(key="upload_add").click().run()
    assert not app.exception and "6 frames" in app.success[0].value
    assert np.array_equal(frames_of(workspace), frames[::-1]) and left_behind(workspace) == []


def test_frames_that_are_stored_already_are_said_to_be_under_their_name(open_page: Open, workspace: Path) -> None:
    frames = moving_blob(6)
    SeriesStore(workspace).add("from last week", frames)
    app = upload(open_page("series"), npy(frames))
    assert not app.exception and app.success[0].value.startswith("These frames are stored already, as from last week")
    assert len(SeriesStore(workspace).list()) == 1


def test_a_part_of_the_frames_is_read_and_kept_over_a_question(open_page: Open, workspace: Path) -> None:
    frames = moving_blob(9)
    app = open_page("series")
    for word, value in (("first", 2), ("last", 8), ("every", 3)):
        app.number_input(key=f"upload_part_{word}_0").set_value(value).run()
    app = upload(app, mat(a=np.moveaxis(frames, 0, -1), b=np.moveaxis(frames[::-1], 0, -1)))
    app.button(key="upload_add").click().run()
    assert not app.exception and np.array_equal(frames_of(workspace), frames[1:8:3])
    assert app.number_input(key="upload_part_first_1").value == 1, "the next files are whole again"


def test_a_part_that_holds_no_frame_is_refused(open_page: Open, workspace: Path) -> None:
    app = open_page("series")
    app.number_input(key="upload_part_first_0").set_value(5).run()
    app.number_input(key="upload_part_last_0").set_value(3).run()
    app = upload(app, npy(moving_blob(9)))
    assert not app.exception and "Frames 5 to 3" in app.error[0].value
    assert SeriesStore(workspace).list() == [] and left_behind(workspace) == []


def test_axes_are_chosen_and_slices_cut(open_page: Open, workspace: Path) -> None:
    frames = moving_blob(6, channels=1)[..., 0]
    levels = np.stack([frames, frames // 2, frames // 3, frames // 4, frames // 5], axis=1)
    app = upload(open_page("series"), npy(levels))
    assert "**Which axis is time?**" in texts(app)
    app.selectbox(key="upload_axes_").set_value("T,1,H,W").run()
    app.number_input(key="upload_cut_1").set_value(3).run()
    assert "6 frames of 20 × 16, slice 3 of 5" in texts(app)
    app.button(key="upload_add").click().run()
    assert not app.exception
    assert np.array_equal(frames_of(workspace)[..., 0], frames // 3)


def test_another_order_can_be_typed(open_page: Open, workspace: Path) -> None:
    frames = moving_blob(6, channels=1)[:, :, :16, 0]
    app = upload(open_page("series"), npy(frames.transpose(2, 1, 0)))
    app.selectbox(key="upload_axes_").set_value("another order").run()
    app.text_input(key="upload_order_").set_value("HWX").run()
    assert "one letter an axis" in app.warning[0].value and app.button(key="upload_add").disabled
    app.text_input(key="upload_order_").set_value("WHT").run()
    app.button(key="upload_add").click().run()
    assert not app.exception and np.array_equal(frames_of(workspace)[..., 0], frames)


def test_sizes_and_gaps_are_asked(open_page: Open, workspace: Path) -> None:
    pictures = [(f"{index}.png", png(frame[: 16 - index]), "image/png") for index, frame in enumerate(moving_blob(3))]
    app = upload(open_page("series"), pictures)
    assert "**The frames are of several sizes**" in texts(app)
    app.radio(key="upload_way_of_dealing").set_value("crop").run()
    app.button(key="upload_add").click().run()
    assert not app.exception and frames_of(workspace).shape == (3, 14, 20, 3)
    values = np.random.default_rng(0).random((5, 9, 8))
    values[2, 3, 3] = np.nan
    upload(app, npy(values))
    assert "**Values are missing in some frames**" in texts(app)
    app.button(key="upload_add").click().run()
    assert not app.exception and SeriesStore(workspace).list()[0].has_mask and left_behind(workspace) == []


def test_no_answer_leaves_nothing(open_page: Open, workspace: Path) -> None:
    app: AppTest = upload(open_page("series"), npy(moving_blob(6)[..., :1].transpose(1, 2, 3, 0)[:, :16, 0]))
    assert app.button(key="upload_add") and len(left_behind(workspace)) == 1
    app.button(key="upload_discard").click().run()
    assert not app.exception and SeriesStore(workspace).list() == [] and left_behind(workspace) == []
    assert app.file_uploader


def test_a_click_before_the_page_is_drawn_finds_the_upload_freed(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The browser then still holds the box that the files came by, and tells of them once more."""
    known = {"upload_Files_0": [DeletedFile("a")], state.UPLOADS: 1}
    monkeypatch.setattr(upload_box.st, "session_state", known)
    upload_box._receive("upload_Files_0", SeriesStore(workspace))
    assert set(known) == {"upload_Files_0", state.UPLOADS} and known[state.UPLOADS] == 1


def test_a_folder_of_the_server(
    open_page: Open, workspace: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "On the server" not in open_page("series").button_group(key="upload_way").options
    root = tmp_path_factory.mktemp("offered")
    (root / "blob").mkdir()
    for index, frame in enumerate(moving_blob(4)):
        (root / "blob" / f"{index}.png").write_bytes(png(frame))
    (root / os.fsdecode(b"\xff\xfe.npy")).write_bytes(b"")  # a name that is no text, and that a page cannot send
    monkeypatch.setenv(ROOT_VARIABLE, str(root))
    app = open_page("series")
    app.button_group(key="upload_way").set_value("On the server").run()
    assert app.selectbox[0].options == ["??.npy", "blob/"]
    app.selectbox[0].set_value("blob/").run()
    app.button(key="upload_server_add").click().run()
    assert not app.exception and np.array_equal(frames_of(workspace), moving_blob(4))

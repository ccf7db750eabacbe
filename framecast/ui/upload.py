"""The upload box: files or a folder, from the browser or from a folder that the server offers, become a stored series.

What the browser sends lies in the server's memory until its session ends, and vanishes from the page when it is left. So it is
copied to disk in the run in which it arrives, freed file by file, and the box is made anew. Where the files leave something
open the copies wait for the answer, and go with the session if none comes.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import streamlit as st
from streamlit import runtime
from streamlit.runtime.scriptrunner import RerunException, get_script_run_ctx
from streamlit.runtime.uploaded_file_manager import UploadedFile

from framecast.errors import ChoiceNeededError, FrameCastError
from framecast.series.ingest import Upload, Wanted, ingest, look
from framecast.series.readers.contract import printable, suffixes
from framecast.series.received import Received
from framecast.series.server_folder import listed, series_root, uploads_of
from framecast.series.store import SeriesStore
from framecast.ui import state
from framecast.ui.server_memory import expect_uploads, uploads_are_done
from framecast.ui.text import count, escaped, short, thousands
from framecast.ui.upload_choice import Discarded, choice_form
from framecast.ui.upload_part import chosen_part, part_form

_WAYS = {"Files": True, "Folder": "directory"}
_SERVER = "On the server"
_PICTURES = ["bmp", "gif", "jpeg", "jpg", "png", "tif", "tiff", "webp", "dcm", "ome"]
_WAITING = "upload_waiting"
_RECEIVED = "upload_received"


@dataclass
class _Waiting:
    """Files that wait for an answer."""

    files: Sequence[Upload]
    error: ChoiceNeededError
    received: Received | None
    """Who holds the copies; None for files that lie on the server."""
    wanted: Wanted
    chosen: dict[str, str] = field(default_factory=dict)
    """Answers so far, by the names that `ingest` gives them."""
    answer: Mapping[str, str] | Discarded | None = None
    """The last one, while it is acted on."""


def upload_box(store: SeriesStore) -> None:
    """Draw the box. Once files have arrived, store them as a series, choose it and rerun; an error is left as a notice."""
    waiting: _Waiting | None = st.session_state.get(_WAITING)
    if waiting is not None:
        _ask(waiting, store)
        return
    arrived: tuple[Callable[[], Sequence[Upload]], Received | None, Wanted] | None = st.session_state.pop(_RECEIVED, None)
    if arrived is not None:
        _attempt(*arrived, store)
    root = series_root()
    way = st.segmented_control(
        "What do you have?",
        [*_WAYS, *([_SERVER] if root else [])],
        default="Files",
        required=True,
        key="upload_way",
        label_visibility="collapsed",
    )
    generation = st.session_state.setdefault(state.UPLOADS, 0)
    if way == _SERVER and root is not None:
        place = st.selectbox(
            "A file, or a folder of pictures",
            listed(root),
            index=None,
            format_func=lambda one: printable(one, 200),  # what is no text on the disk would end the page
            key=f"upload_server_{generation}",
        )
        part_form(generation)
        if place is not None and st.button("Add it", key="upload_server_add", type="primary"):
            try:
                wanted = chosen_part(generation)
            except FrameCastError as error:
                st.error(escaped(str(error)))
                return
            st.session_state[state.UPLOADS] += 1
            _attempt(lambda: uploads_of(root, place), None, wanted, store)
        return
    _forget_left_uploads()
    expect_uploads()
    folder = way == "Folder"
    key = f"upload_{way}_{generation}"
    st.file_uploader(
        "A folder of pictures" if folder else "Pictures, or one ZIP, TIFF, GIF, video, array, MATLAB, HDF5 or NetCDF file",
        type=_PICTURES if folder else suffixes(),
        accept_multiple_files="directory" if folder else True,
        key=key,
        on_change=_receive,
        args=(key, store),
    )
    part_form(generation)


def _receive(key: str, store: SeriesStore) -> None:
    """Copy what has arrived to disk and free it. Before the page is drawn: st.file_uploader gives the page a copy of every
    file in memory, and is not asked for one again, because the box has another key by then."""
    arrived = st.session_state.get(key) or []
    files = [file for file in arrived if isinstance(file, UploadedFile)]  # what was freed is told of once more, as deleted,
    if not files:  # when the page is clicked before it has let go of the box that it came by
        return
    generation = st.session_state[state.UPLOADS]
    st.session_state[state.UPLOADS] += 1
    received = Received(store)
    try:
        wanted = chosen_part(generation)
        for file in files:
            received.take(file.name, file)
            _free([file])
    except FrameCastError as error:
        state.say("error", str(error))
        received.discard()
    else:
        st.session_state[_RECEIVED] = (lambda: received.uploads), received, wanted
    finally:
        _free(files)
        uploads_are_done()


def _attempt(get: Callable[[], Sequence[Upload]], received: Received | None, wanted: Wanted, store: SeriesStore) -> None:
    """Fetch the files and store them, or find out what is to be asked; ends in a rerun. Copies are kept for a question, and
    where somebody clicks meanwhile: the next run of this page stores them then."""
    keep = False
    try:
        files = get()
        contents = look(files)
        if len(contents.parts) > 1:
            question = f"{contents.label} holds several arrays that could be the series."
            raise ChoiceNeededError(question, contents=contents)
        _store(files, {}, wanted, store)
    except ChoiceNeededError as error:
        st.session_state[_WAITING] = _Waiting(files, error, received, wanted)
        keep = True
    except RerunException:
        st.session_state[_RECEIVED] = get, received, wanted
        keep = True
        raise
    except FrameCastError as error:
        state.say("error", str(error))
    finally:
        if received is not None and not keep:
            received.discard()
    st.rerun()


def _ask(waiting: _Waiting, store: SeriesStore) -> None:
    """Draw the question that is open; an answer leads to the stored series, or to the next question."""
    answer = choice_form(waiting.files, waiting.error, waiting.chosen) or waiting.answer
    if answer is None:
        return
    waiting.answer = answer  # where a click breaks the storing off, the next run begins it anew, unless that was the "no"
    waiting.chosen.update({} if isinstance(answer, Discarded) else answer)
    done = True
    try:
        if not isinstance(answer, Discarded):
            _store(waiting.files, waiting.chosen, waiting.wanted, store)
    except ChoiceNeededError as error:
        waiting.error, waiting.answer, done = error, None, False
    except FrameCastError as error:
        state.say("error", str(error))
    if done:
        del st.session_state[_WAITING]
        if waiting.received is not None:
            waiting.received.discard()
    st.rerun()


def _store(files: Sequence[Upload], chosen: Mapping[str, str], wanted: Wanted, store: SeriesStore) -> None:
    bar = st.progress(0.0, f"Reading {count(len(files), 'file')}")

    def show(done: int, total: int | None) -> None:
        share = min(1.0, done / total) if total else 0.0
        bar.progress(share, f"Storing frame {thousands(done)}{f' of {thousands(total)}' if total else ''}")

    variable, axes, sizes, missing = (chosen.get(name, "") for name in ("variable", "axes", "sizes", "missing"))
    known = {one.digest for one in store.list()}
    stored = ingest(
        files, store, variable=variable, axes=axes, sizes=sizes, missing=missing, wanted=wanted, progress=show
    )
    state.choose_series(stored.digest)
    said = "These frames are stored already, as" if stored.digest in known else "Stored"
    state.say("success", f"{said} {short(stored.name, 80)}: {count(stored.n_frames, 'frame')}.")


def _forget_left_uploads() -> None:
    """Free what a browser had sent when its tab was closed. Streamlit keeps it in case the browser comes back, for minutes
    or as long as nobody does; but nothing asks for it here, since uploads are copied in the run that they arrive in."""
    context = get_script_run_ctx()
    manager = getattr(context, "uploaded_file_mgr", None)
    kept = getattr(manager, "file_storage", None)
    if manager is None or not runtime.exists():
        return
    for session in list(kept or ()):
        if not runtime.get_instance().is_active_session(session):
            manager.remove_session_files(session)


def _free(files: Sequence[UploadedFile]) -> None:
    """Give the memory of the uploads back now. Streamlit's own way to do so is internal (st.chat_input uses it), so where a
    later version has it no more, they go when the session ends."""
    context = get_script_run_ctx()
    remove = getattr(getattr(context, "uploaded_file_mgr", None), "remove_file", None)
    for file in files:
        if remove is not None and context is not None:
            remove(session_id=context.session_id, file_id=file.file_id)
        file.close()

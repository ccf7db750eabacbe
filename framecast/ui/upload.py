"""The upload box: files or a folder in the browser become a stored series at once.

Uploads live in the server's memory, twice, until their session ends, and vanish from the page when it is left. So they are
ingested in the run in which they arrive, freed, and the box is made anew.
"""

import ctypes
import gc
import io
import sys
from collections.abc import Sequence
from functools import partial
from typing import BinaryIO

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.uploaded_file_manager import UploadedFile

from framecast.errors import FrameCastError
from framecast.series.ingest import Upload, ingest
from framecast.series.readers.contract import suffixes
from framecast.series.store import SeriesStore, StoredSeries
from framecast.ui import state
from framecast.ui.text import count, short, thousands

_WAYS = {"Files": True, "Folder": "directory"}
_PICTURES = ["bmp", "gif", "jpeg", "jpg", "png", "tif", "tiff", "webp"]


def upload_box(store: SeriesStore) -> None:
    """Draw the box. Once files have arrived, store them as a series, choose it and rerun; an error is left as a notice."""
    way = st.segmented_control(
        "What do you have?", list(_WAYS), default="Files", required=True, key="upload_way", label_visibility="collapsed"
    )
    folder = way == "Folder"
    generation = st.session_state.setdefault(state.UPLOADS, 0)
    files = st.file_uploader(
        "A folder of pictures" if folder else "Pictures, or one ZIP, TIFF, GIF, video, .npy, .npz or .mat",
        type=_PICTURES if folder else suffixes(),
        accept_multiple_files="directory" if folder else True,
        key=f"upload_{way}_{generation}",
    )
    if not files:
        return
    st.session_state[state.UPLOADS] = generation + 1
    try:
        stored = _ingest(files, store)
    except FrameCastError as error:
        state.say("error", str(error))
    else:
        state.choose_series(stored.digest)
        state.say("success", f"Stored {short(stored.name, 80)}: {count(stored.n_frames, 'frame')}.")
    finally:
        _free(files)
    st.rerun()


def _ingest(files: Sequence[UploadedFile], store: SeriesStore) -> StoredSeries:
    bar = st.progress(0.0, f"Reading {count(len(files), 'file')}")

    def show(done: int, total: int | None) -> None:
        share = min(1.0, done / total) if total else 0.0
        bar.progress(share, f"Storing frame {thousands(done)}{f' of {thousands(total)}' if total else ''}")

    return ingest([Upload(file.name, partial(_reopened, file)) for file in files], store, progress=show)


def _reopened(file: UploadedFile) -> BinaryIO:
    """A stream of its own over the upload's bytes, which are shared and not copied."""
    return io.BytesIO(file.getvalue())


def _free(files: Sequence[UploadedFile]) -> None:
    """Give the memory of the uploads back now. Streamlit's own way to do so is internal (st.chat_input uses it), so where a
    later version has it no more, they go when the session ends."""
    context = get_script_run_ctx()
    remove = getattr(getattr(context, "uploaded_file_mgr", None), "remove_file", None)
    for file in files:
        if remove is not None and context is not None:
            remove(session_id=context.session_id, file_id=file.file_id)
        file.close()
    gc.collect()
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc keeps freed memory for itself; musl has no such call
        if trim is not None:
            trim(0)

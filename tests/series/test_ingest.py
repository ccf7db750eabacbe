"""The one door: bad input is one sentence that says what was found, what is needed and what to do, and leaves no trace."""

import io
import os
import zipfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from framecast.errors import SeriesError, StorageError
from framecast.series import store as store_module
from framecast.series import to_disk, writing
from framecast.series.ingest import Upload, Wanted, ingest, look
from framecast.series.look_ahead import in_order
from framecast.series.store import SeriesStore
from tests.series.files import Array, encoded, pictures, zipped

Check = Callable[[], None]


def upload(name: str, content: bytes) -> Upload:
    return Upload.from_bytes(name, content)


def refused(source: Path | Upload | list[Upload], store: SeriesStore, untouched: Check) -> str:
    with pytest.raises(SeriesError) as raised:
        ingest(source, store)
    untouched()
    text = str(raised.value)
    assert "\n" not in text and text.endswith(".") and str(store.folder.parent) not in text
    return text


def test_an_empty_zip(store: SeriesStore, untouched: Check) -> None:
    assert refused(upload("in/empty.zip", zipped([])), store, untouched) == (
        "'empty.zip' is an empty ZIP; it must hold at least 2 pictures. Put the frames into it."
    )


def test_a_zip_without_a_picture(store: SeriesStore, untouched: Check) -> None:
    content = zipped([upload("notes.txt", b"text"), upload("__MACOSX/._a.png", b"fork"), upload("inner.zip", zipped([]))])
    assert refused(upload("z.zip", content), store, untouched) == (
        "There is no picture in 'z.zip', only 3 other files; it must hold at least 2 pictures. "
        "Upload videos, arrays and stacks on their own, outside a ZIP."
    )


def test_a_locked_zip(store: SeriesStore, frames: Array, untouched: Check) -> None:
    content = bytearray(zipped(pictures(frames)))
    entry = content.rfind(b"PK\x01\x02")
    content[entry + 8] |= 1
    assert "password" in refused(upload("z.zip", bytes(content)), store, untouched)


def test_a_zip_with_a_damaged_member(store: SeriesStore, frames: Array, untouched: Check) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for file in pictures(frames):
            archive.writestr(file.name, file.read())
    content = stream.getvalue()
    place = content.rfind(b"IDAT") + 20
    text = refused(upload("z.zip", content[:place] + b"\0\1\2\3" + content[place + 4 :]), store, untouched)
    assert text == (
        "'frame_6.png' cannot be read as a picture: it is damaged or cut short. It must be whole; write or upload it again."
    )


@pytest.mark.parametrize("wrapped", [True, False])
def test_a_text_file_named_png(store: SeriesStore, frames: Array, untouched: Check, wrapped: bool) -> None:
    files = [*pictures(frames), upload("folder/frame_7.png", b"not a picture")]
    source = upload("z.zip", zipped(files)) if wrapped else files
    assert refused(source, store, untouched) == (
        "'frame_7.png' is named like a picture and holds text; every file named so must be a picture. "
        "Remove it or replace it by the real one."
    )


def test_a_single_text_file_named_png_or_mp4(store: SeriesStore, untouched: Check) -> None:
    assert "'a.png' is named like a file of the kind" in refused(upload("a.png", b"hello"), store, untouched)
    assert "holds text" in refused(upload("a.mp4", b"hello"), store, untouched)
    assert "'a.mat' is empty" in refused(upload("a.mat", b""), store, untouched)
    text = refused(upload("a.docx", b"\x00\x01\x02"), store, untouched)
    assert "'a.docx' holds something else" in text and "MATLAB file (mat)" in text


def test_frames_of_different_sizes_name_the_offenders(store: SeriesStore, frames: Array, untouched: Check) -> None:
    files = pictures(frames)
    files[3] = upload(files[3].name, encoded(frames[3, :8]))
    files[4] = upload(files[4].name, encoded(frames[4, :, :6]))
    assert refused(files[::-1], store, untouched) == (
        "4 of 6 pictures are 7 x 9 pixels (width x height), but 'frame_4.png' is 7 x 8, 'frame_5.png' is 6 x 9; all must have "
        "one size. Leave the odd ones out, or choose to crop, pad or resize."
    )


def test_frames_of_different_types(store: SeriesStore, frames: Array, untouched: Check) -> None:
    files = pictures(frames[..., :1])
    files[1] = upload(files[1].name, encoded(frames[1, :, :, 0].astype(np.uint16)))
    assert "'frame_2.png' holds uint16 values while 5 of 6" in refused(files, store, untouched)


def test_one_frame_only(store: SeriesStore, frames: Array, untouched: Check) -> None:
    still = Image.fromarray(frames[0])
    for source in (
        pictures(frames[:1]),
        upload("one.zip", zipped(pictures(frames[:1]))),
        upload("one.gif", encoded(still, "GIF")),
        upload("one.tif", encoded(still, "TIFF")),
    ):
        text = refused(source, store, untouched)
        assert "has 1 frame; at least 2 are needed" in text and text.endswith("Add the frames that follow.")


def test_a_part_that_is_not_there(store: SeriesStore, frames: Array, untouched: Check) -> None:
    for wanted, said in (
        (Wanted(start=20), "Frames 21 to the last of series 'a' were asked for and none of them is there"),
        (Wanted(start=5), "Frames 6 to the last of series 'a' were asked for and one of them is there"),
        (Wanted(stop=3, every=4), "Frames 1 to 3, one in 4, of series 'a' were asked for and one of them is there"),
    ):
        with pytest.raises(SeriesError, match=said):
            ingest(npy(frames), store, wanted=wanted)
    untouched()


def test_nothing_at_all(store: SeriesStore, untouched: Check, tmp_path: Path) -> None:
    assert refused([], store, untouched).startswith("No file was given")
    (tmp_path / "empty").mkdir()
    assert "folder 'empty' is empty" in refused(tmp_path / "empty", store, untouched)
    assert "no file or folder 'nowhere'" in refused(tmp_path / "nowhere", store, untouched)
    assert "no picture among" in refused([upload("a.txt", b"a"), upload("b.txt", b"b")], store, untouched)


def test_missing_values_that_stay_are_a_mask(store: SeriesStore) -> None:
    values = np.random.default_rng(0).normal(1000, 5, (4, 6, 5)).astype(np.float32)
    values[:, 2, 1:4] = np.nan
    stored = ingest(npy(values), store)
    series = store.open(stored.digest)
    assert series.valid is not None and np.array_equal(series.valid, ~np.isnan(values[0])) and stored.has_mask
    assert np.array_equal(series.frames[..., 0][:, series.valid], values[:, series.valid])
    filling = np.unique(series.frames[..., 0][:, ~series.valid])
    assert filling.size == 1 and filling[0] == pytest.approx(np.nanmean(values[0]))
    assert stored.value_range == (np.nanmin(values), np.nanmax(values)) and "10.0 % of the pixels" in stored.warnings[0]
    assert series.digest() == stored.digest


def test_missing_values_that_come_and_go_are_refused(store: SeriesStore, untouched: Check) -> None:
    values = np.zeros((8, 6, 5)) + 0.5
    values[:, 0, 0] = np.nan
    values[[3, 6], 2, 2] = np.nan
    assert "come and go: 2 of 8 frames differ, first frame 4" in refused(npy(values), store, untouched)
    values[:, 0, 0] = 1
    values[4:, 2, 2] = np.nan  # most frames now: those without are still the rule
    assert "come and go: 5 of 8 frames differ, first frame 4" in refused(npy(values), store, untouched)
    values[:] = np.nan
    assert "no value at all" in refused(npy(values), store, untouched)


@pytest.mark.parametrize("bad", [np.inf, -np.inf, 1e39])
def test_infinite_values_are_refused(store: SeriesStore, untouched: Check, bad: float) -> None:
    values = np.random.default_rng(0).random((8, 6, 5))
    values[5:7, 1, 1] = bad
    assert "beyond float32 in 2 of 8 frames, first in frame 6" in refused(npy(values), store, untouched)


def test_what_numbers_become(store: SeriesStore) -> None:
    whole = np.random.default_rng(0).integers(0, 256, (3, 6, 5))
    cases = {
        "uint8": (whole.astype(np.int64), whole.astype(float), whole.astype(np.int16)),
        "float32": (whole / 255, whole - 1, whole % 5, whole.astype(np.uint32) * 300),
        "uint16": (whole.astype(np.uint16),),
    }
    for dtype, arrays in cases.items():
        for array in arrays:
            stored = ingest(npy(array), SeriesStore(store.folder / str(array.dtype) / str(array.max())))
            assert stored.dtype == dtype, (array.dtype, array.max())
            assert (stored.low, stored.high) == (pytest.approx(array.min()), pytest.approx(array.max()))
            assert stored.value_range == (0, 255) or dtype == "float32" and "value range" in stored.warnings[-1]


def test_a_constant_float_series_has_a_value_range(store: SeriesStore) -> None:
    stored = ingest(npy(np.full((3, 4, 5), 7.5)), store)
    assert stored.value_range == (7.5, 8.5) and "All values are 7.5" in stored.warnings[0]


@pytest.mark.parametrize(
    "values", [np.linspace(0, 1e-300, 8), np.arange(8, dtype=np.uint64) + np.uint64(2**64 - 300)], ids=["tiny", "large"]
)
def test_values_that_float32_cannot_tell_apart_are_said_to_differ(store: SeriesStore, values: Array) -> None:
    stored = ingest(npy(np.broadcast_to(values[:, None, None], (8, 5, 6))), store)
    assert any("They differ in the file, by less than float32 can tell" in note for note in stored.warnings)
    assert stored.value_range[0] < stored.value_range[1]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes in folders")
def test_a_pipe_is_refused_and_not_waited_for(store: SeriesStore, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.npy")
    for door in (look, lambda path: ingest(path, store)):
        with pytest.raises(SeriesError, match=r"'pipe\.npy' is a pipe or a device"):
            door(tmp_path / "pipe.npy")


def test_a_path_may_be_text_and_an_array_is_told_where_it_belongs(store: SeriesStore, tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.arange(8 * 5 * 6, dtype=np.uint8).reshape(8, 5, 6))
    assert ingest(str(tmp_path / "a.npy"), store).n_frames == 8 and look(str(tmp_path / "a.npy")).parts
    with pytest.raises(SeriesError, match=r"An array \(8, 5, 6\) of float64 was given.*numpy\.save"):
        ingest(np.zeros((8, 5, 6)), store)  # type: ignore[arg-type]


def test_progress_ends_where_it_said(store: SeriesStore, frames: Array) -> None:
    calls: list[tuple[int, int | None]] = []
    ingest(pictures(frames), store, progress=lambda done, expected: calls.append((done, expected)))
    assert calls == [(done, 6) for done in range(7)]


def test_what_is_said_of_a_series(store: SeriesStore, frames: Array) -> None:
    stored = ingest(upload("z.zip", zipped(pictures(frames))), store, name=" my\nseries ", timestep=timedelta(minutes=5))
    assert stored.name == "my series" and stored.source == "ZIP of pictures: 'z.zip'"
    assert (stored.n_frames, stored.height, stored.width, stored.n_channels) == frames.shape
    assert stored.timestep == timedelta(minutes=5) and stored.units == "1"


def test_a_container_beside_notes_is_read(store: SeriesStore, frames: Array) -> None:
    stream = io.BytesIO()
    np.save(stream, frames)
    stored = ingest([upload("README.txt", b"notes"), upload("f.npy", stream.getvalue())], store)
    assert stored.name == "f" and stored.n_frames == len(frames)


def test_a_full_disk_is_said_before_and_while_writing(
    store: SeriesStore, frames: Array, untouched: Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        usage = type("Usage", (), {"free": 800})
        patch.setattr(writing.shutil, "disk_usage", lambda path: usage)
        with pytest.raises(StorageError, match=r"6 frames need 1.1 KiB and 800 bytes are free .* at most 3 frames"):
            ingest(pictures(frames), store)
    untouched()

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(to_disk.os, "fsync", full)
    with pytest.raises(StorageError, match="The disk is full"):
        ingest(pictures(frames), store)
    untouched()


def test_leaving_in_the_middle_leaves_nothing(store: SeriesStore, frames: Array, untouched: Check) -> None:
    def stop(done: int, expected: int | None) -> None:
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ingest(upload("z.zip", zipped(pictures(frames))), store, progress=stop)
    untouched()


def test_look_ahead_keeps_the_order_and_stays_bounded() -> None:
    begun: list[int] = []

    def work(item: int) -> int:
        begun.append(item)
        if item == 30:
            raise ValueError("thirty")
        return item * item

    results = in_order(work, range(100), n_threads=2, ahead=2)
    assert [next(results) for _ in range(5)] == [0, 1, 4, 9, 16] and max(begun) < 5 + 2 * 2
    assert [next(results) for _ in range(5, 30)] == [item * item for item in range(5, 30)]
    with pytest.raises(ValueError, match="thirty"):
        next(results)
    results.close()


def test_what_a_killed_process_left_is_cleared(store: SeriesStore, frames: Array, monkeypatch: pytest.MonkeyPatch) -> None:
    left = store.folder / f"{store_module.INCOMING}dead"
    left.mkdir(parents=True)
    ingest(pictures(frames), store)
    assert left.exists()  # it may still be alive
    monkeypatch.setattr(store_module, "STALE_S", -1)
    ingest(pictures(frames[::-1]), store)
    assert not left.exists() and len(store.list()) == 2


def test_what_another_process_moves_to_its_place_meanwhile_is_no_mistake(
    store: SeriesStore, frames: Array, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = store.folder / f"{store_module.INCOMING}gone"
    monkeypatch.setattr(Path, "glob", lambda folder, pattern: iter([gone]))
    ingest(pictures(frames), store)
    assert len(store.list()) == 1


def npy(array: Array) -> Upload:
    stream = io.BytesIO()
    np.save(stream, array)
    return upload("a.npy", stream.getvalue())


def test_a_picture_and_a_whole_series_together_are_refused(store: SeriesStore, frames: Array, untouched: Check) -> None:
    text = refused([*pictures(frames[:1]), npy(frames)], store, untouched)
    assert text.startswith("2 files were given together and 'a.npy' is a series in itself;")

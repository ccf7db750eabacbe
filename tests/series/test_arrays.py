"""NumPy and MATLAB arrays, in every order and type their own writers produce."""

import io
import struct
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from numpy.lib import format as npy
from scipy.io import savemat

from framecast.errors import ChoiceNeededError, SeriesError
from framecast.series.ingest import Upload, Wanted, ingest
from framecast.series.readers.contract import SIZES
from framecast.series.store import SeriesStore
from tests.series.files import Array


def npy_file(array: Array, **options: Any) -> Upload:
    stream = io.BytesIO()
    np.save(stream, array, **options)
    return Upload.from_bytes("a.npy", stream.getvalue())


def npz_file(*, compressed: bool = True, **arrays: Array) -> Upload:
    stream = io.BytesIO()
    (np.savez_compressed if compressed else np.savez)(stream, **arrays)
    return Upload.from_bytes("a.npz", stream.getvalue())


def mat_file(*, compressed: bool = True, **variables: Any) -> Upload:
    stream = io.BytesIO()
    savemat(stream, variables, do_compression=compressed)
    return Upload.from_bytes("a.mat", stream.getvalue())


def mat73_file(folder: Path, **variables: Array | list[Array]) -> Upload:
    """HDF5 as MATLAB lays it out: a text block of 512 bytes, axes reversed, cells as references."""
    path = folder / "a.mat"
    with h5py.File(path, "w", userblock_size=512) as content:
        for name, value in variables.items():
            if isinstance(value, list):
                inner = content.require_group("#refs#")
                references = np.empty((1, len(value)), h5py.ref_dtype)
                for i, cell in enumerate(value):
                    references[0, i] = inner.create_dataset(f"{name}{i}", data=cell.T).ref
                content.create_dataset(name, data=references, dtype=h5py.ref_dtype).attrs["MATLAB_class"] = np.bytes_("cell")
            else:
                dataset = content.create_dataset(name, data=value.T, chunks=True, compression="gzip")
                dataset.attrs["MATLAB_class"] = np.bytes_({"float64": "double"}.get(value.dtype.name, value.dtype.name))
    with path.open("r+b") as stream:
        stream.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + struct.pack("<H2s", 0x0200, b"IM"))
    return Upload.from_bytes("a.mat", path.read_bytes())


def read_back(store: SeriesStore, file: Upload) -> Array:
    return np.asarray(store.open(ingest(file, store).digest).frames)


def grey(frames: Array) -> Array:
    return frames[..., 0]


@pytest.mark.parametrize("dtype", ["uint8", "uint16", ">u2", "float32", ">f4"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_npy_keeps_values_in_every_layout(store: SeriesStore, frames: Array, dtype: str, order: Any) -> None:
    values = np.asarray(frames.astype(dtype) + np.asarray(0.25 if "f" in dtype else 0, dtype), dtype, order=order)
    for array, expected in ((values, values), (np.asarray(values[..., 0], order=order), values[..., :1])):
        found = read_back(store, npy_file(array))
        assert found.dtype == values.dtype.newbyteorder("=") and np.array_equal(found, expected)


def test_orders_that_can_be_told_apart_are_read_and_said(store: SeriesStore, frames: Array) -> None:
    for order in ((0, 3, 1, 2), (1, 2, 3, 0)):  # channels second, as torch has them; time last, as MATLAB has it
        stored = ingest(npy_file(frames.transpose(order)), store)
        assert np.array_equal(store.open(stored.digest).frames, frames)
    assert ingest(npy_file(np.moveaxis(frames[:, ::-1], 3, 1)), store).warnings == (
        "The array 6 x 3 x 9 x 7 was read as TCHW: 6 frames of 7 x 9, 3 channels.",
    )


def test_booleans_become_black_and_white(store: SeriesStore, frames: Array) -> None:
    bits = frames[..., 0] > 127
    assert np.array_equal(grey(read_back(store, npy_file(bits))), bits * 255)


def test_npz_takes_frames_else_the_only_one_and_asks_of_several(store: SeriesStore, frames: Array) -> None:
    other = np.zeros((50, 20, 20), np.uint8)
    for compressed in (True, False):
        assert np.array_equal(read_back(store, npz_file(compressed=compressed, other=other, frames=frames)), frames)
    assert np.array_equal(read_back(store, npz_file(times=np.arange(6), video=frames)), frames)
    several = npz_file(first=frames, second=np.concatenate([frames, frames]))
    with pytest.raises(ChoiceNeededError, match=r"2 variables that could be a series: first \(uint8 6 x 9 x 7 x 3\), second"):
        ingest(several, store)
    assert ingest(several, store, variable="second").n_frames == 12
    with pytest.raises(SeriesError, match="no variable 'third' that could be a series; it holds first"):
        ingest(several, store, variable="third")


@pytest.mark.parametrize("compressed", [True, False])
def test_mat_grey_and_colour(store: SeriesStore, frames: Array, compressed: bool) -> None:
    colour = np.moveaxis(frames, 0, -1)
    assert np.array_equal(read_back(store, mat_file(compressed=compressed, frames=colour, other=colour[..., :2])), frames)
    found = read_back(store, mat_file(compressed=compressed, x=colour[:, :, 0], when=["a", "b"]))
    assert np.array_equal(grey(found), grey(frames))


def test_the_asker_s_cell_array_of_double_pictures(store: SeriesStore, frames: Array, tmp_path: Path) -> None:
    """A cell with length of 350, and each cell element is a [785,785,3] double matrix."""
    cells = np.empty((6, 1), object)
    for i, frame in enumerate(frames):
        cells[i, 0] = frame.astype(np.float64)
    for file in (mat_file(X_train=cells), mat73_file(tmp_path, X_train=[frame.astype(np.float64) for frame in frames])):
        stored = ingest(file, store)
        found = store.open(stored.digest).frames
        assert found.dtype == np.uint8 and np.array_equal(found, frames)
        assert "whole numbers" in stored.warnings[0] and "8-bit" in stored.warnings[0]


@pytest.mark.parametrize("dtype", [np.uint8, np.float64])
def test_cells_of_several_sizes_are_named_and_brought_to_one(
    store: SeriesStore, frames: Array, tmp_path: Path, dtype: type
) -> None:
    given = [frame.astype(dtype) for frame in frames]
    given[2], given[4] = given[2][1:], given[4][:, :5]
    cells = np.empty((1, 6), object)
    cells[0] = given
    for file in (mat_file(X=cells), mat73_file(tmp_path, X=given)):
        with pytest.raises(ChoiceNeededError, match="4 of 6 cells .* 7 x 9 .* cell 3 is 7 x 8, cell 5 is 5 x 9") as raised:
            ingest(file, store)
        assert raised.value.sizes == SIZES and store.list() == []
        for way, shape in (("crop", (8, 5)), ("pad", (9, 7)), ("resize", (9, 7))):
            stored = ingest(file, store, sizes=way)
            found = store.open(stored.digest).frames
            assert found.shape == (6, *shape, 3) and "of 6 cells of 'a.mat' were" in stored.warnings[0]
            rest = frames[[0, 1, 3, 5]]
            middle = rest[:, : shape[0], 1 : 1 + shape[1]] if way == "crop" else rest
            assert np.array_equal(found[[0, 1, 3, 5]], middle)
            store.delete(stored.digest)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float64])
def test_numbered_matrices_of_matlab_4(store: SeriesStore, frames: Array, dtype: type) -> None:
    """Written by scipy as `save -v4` does, each as small as its values allow; frame10 comes after frame9."""
    numbered = [frame[..., 0].astype(dtype) for frame in np.concatenate([frames, frames[::-1]])]
    stream = io.BytesIO()
    named = {f"frame{i + 1}": one for i, one in enumerate(numbered)}
    savemat(stream, {"note": "hi", **named, "t": np.arange(5.0)}, format="4")
    stored = ingest(Upload.from_bytes("a.mat", stream.getvalue()), store, wanted=Wanted(start=1))
    assert stored.source == "MATLAB file, version 4: 'a.mat'"
    assert np.array_equal(grey(store.open(stored.digest).frames), numbered[1:])
    turned = ingest(Upload.from_bytes("a.mat", stream.getvalue()), store, axes="TWH")
    assert np.array_equal(grey(store.open(turned.digest).frames), np.swapaxes(numbered, 1, 2))
    savemat(stream := io.BytesIO(), {f"{name}_{i}": numbered[i] for name in ("a", "b") for i in range(9)}, format="4")
    with pytest.raises(ChoiceNeededError, match=r"2 variables that could be a series: a \(\w+ 9 x 9 x 7\), b"):
        ingest(Upload.from_bytes("a.mat", stream.getvalue()), store)
    savemat(stream := io.BytesIO(), {"x": numbered[0]}, format="4")
    with pytest.raises(SeriesError, match="version 4, which holds matrices of two axes only"):
        ingest(Upload.from_bytes("a.mat", stream.getvalue()), store)


def test_a_matrix_of_matlab_4_that_is_unlike_the_others_is_named_and_never_left_out(store: SeriesStore, frames: Array) -> None:
    def file(**odd: object) -> Upload:
        numbered = {f"frame{i + 1}": frame[..., 0] for i, frame in enumerate(frames)}
        savemat(stream := io.BytesIO(), {**numbered, **odd}, format="4")
        return Upload.from_bytes("a.mat", stream.getvalue())

    wider = file(frame3=np.pad(frames[2, :, :, 0], ((0, 0), (0, 1))))
    with pytest.raises(ChoiceNeededError, match="5 of 6 matrices of 'a.mat' are 7 x 9 .*, but frame3 is 8 x 9; all") as raised:
        ingest(wider, store)
    assert raised.value.sizes == SIZES and store.list() == []
    cropped = ingest(wider, store, sizes="crop")
    assert np.array_equal(grey(store.open(cropped.digest).frames), frames[..., 0]) and "frame" not in cropped.warnings[0]
    turned = ingest(wider, store, sizes="crop", axes="TWH")
    assert np.array_equal(grey(store.open(turned.digest).frames), np.swapaxes(frames[..., 0], 1, 2))
    with pytest.raises(ChoiceNeededError, match="but frame3 is 7 x 1;"):
        ingest(file(frame3=np.ones((1, 7))), store)
    with pytest.raises(SeriesError, match="frame3 in 'a.mat' are 0 x 0 pixels; at least one is needed"):
        ingest(file(frame3=np.ones((0, 0))), store, sizes="pad")
    with pytest.raises(SeriesError, match="frame3 in 'a.mat' is numbered like the frames and holds text, complex numbers"):
        ingest(file(frame3=np.full((9, 7), 1j)), store)


def test_matrices_of_matlab_4_that_were_packed_unlike_are_one_series(store: SeriesStore) -> None:
    """MATLAB packs whole numbers into the smallest type, matrix by matrix; and big-endian machines wrote this format, too."""
    small, large = np.full((4, 5), 7, np.uint8), np.arange(20, dtype=np.uint16).reshape(4, 5) * 1000
    content = b""
    for order, machine in (("<", 0), (">", 1000)):
        for precision, values in ((50, small), (40, large)):
            name = f"x{len(content)}".encode() + b"\0"
            header = struct.pack(f"{order}5i", machine + precision, 4, 5, 0, len(name))
            content += header + name + values.astype(values.dtype.newbyteorder(order)).tobytes("F")
    found = read_back(store, Upload.from_bytes("a.mat", content))
    assert found.dtype == np.uint16 and np.array_equal(grey(found), [small, large, small, large])


def test_mat_logical(store: SeriesStore, frames: Array) -> None:
    bits = np.moveaxis(frames[..., 0] > 127, 0, -1)
    assert np.array_equal(grey(read_back(store, mat_file(frames=bits))), (frames[..., 0] > 127) * 255)


def test_mat73_is_read_with_matlab_s_axes(store: SeriesStore, frames: Array, tmp_path: Path) -> None:
    colour = np.moveaxis(frames, 0, -1)
    assert np.array_equal(read_back(store, mat73_file(tmp_path, frames=colour, more=colour)), frames)
    assert np.array_equal(grey(read_back(store, mat73_file(tmp_path, x=colour[:, :, 0]))), grey(frames))
    doubles = colour[:, :, 1] / 255
    found = read_back(store, mat73_file(tmp_path, x=doubles))
    assert np.array_equal(grey(found), np.moveaxis(doubles, -1, 0).astype(np.float32))


def test_mat73_links_out_of_the_file_are_not_followed(store: SeriesStore, frames: Array, tmp_path: Path) -> None:
    with h5py.File(tmp_path / "secret.h5", "w") as content:
        content["frames"] = np.moveaxis(frames, 0, -1).T
    path = tmp_path / "link.mat"
    with h5py.File(path, "w", userblock_size=512) as content:
        content["frames"] = h5py.ExternalLink(str(tmp_path / "secret.h5"), "frames")
    with path.open("r+b") as stream:
        stream.write(b"MATLAB 7.3 MAT-file")
    with pytest.raises(SeriesError, match="holds no array; it must hold one"):
        ingest(path, store)


def test_variables_are_named_where_there_is_a_choice(store: SeriesStore, frames: Array) -> None:
    colour = np.moveaxis(frames, 0, -1)
    two = mat_file(X_train=colour, X_test=colour[..., ::-1])
    with pytest.raises(ChoiceNeededError, match=r"2 variables .* X_train \(uint8 9 x 7 x 3 x 6\), X_test .*the variable"):
        ingest(two, store)
    assert np.array_equal(store.open(ingest(two, store, variable="X_test").digest).frames, frames[::-1])
    with pytest.raises(SeriesError, match="no array that could be a series: note"):
        ingest(mat_file(note=np.arange(3)), store)


@pytest.mark.parametrize(
    ("array", "text"),
    [
        (np.zeros((64, 48, 3), np.uint8), r"one colour picture. Choose the axes, for example THW \(64 frames of 3 x 48"),
        (np.zeros((20, 5, 64, 64), np.uint8), r"not plain which axis .* T,1,H,W \(20 frames of 64 x 64, slice 1 of 5\)"),
        (np.zeros(7, np.uint8), r"no array that could be a series: one array \(uint8 7\)"),
        (np.zeros((5, 0, 7)), "0 x 7 pixels"),
        (np.zeros((0, 4, 5)), "without a frame"),
        (np.zeros((1, 4, 5)), "1 frame; at least 2"),
        (np.zeros((5, 4, 6), np.complex64), "complex64"),
        (np.array([None, {}]), "Python objects, which are never loaded"),
    ],
)
def test_arrays_that_are_no_series(store: SeriesStore, array: Array, text: str) -> None:
    with pytest.raises(SeriesError, match=text):
        ingest(npy_file(array, allow_pickle=True), store)
    assert store.list() == []


def test_a_header_that_promises_more_than_there_is(store: SeriesStore) -> None:
    stream = io.BytesIO()
    npy.write_array_header_1_0(stream, {"descr": "|u1", "fortran_order": False, "shape": (10**7, 1000, 1000)})
    with pytest.raises(SeriesError, match="promises 10,000,000,000,000 bytes"):
        ingest(Upload.from_bytes("a.npy", stream.getvalue()), store)


@pytest.mark.parametrize("make", [npy_file, lambda a: npz_file(frames=a), lambda a: mat_file(frames=np.moveaxis(a, 0, -1))])
def test_a_damaged_file_is_one_sentence(store: SeriesStore, frames: Array, make: Any) -> None:
    content = make(frames).read()
    for cut in (len(content) // 2, len(content) - 40):
        with pytest.raises(SeriesError, match=r"'a\.\w+' (cannot be read as|is cut short)"):
            ingest(Upload.from_bytes(make(frames).name, content[:cut]), store)
    assert store.list() == []


@pytest.mark.parametrize("compressed", [True, False])
def test_fields_of_matlab_structs(store: SeriesStore, compressed: bool) -> None:
    """A struct with the frames beside other things, and an array of structs with a frame in each, as of a movie."""
    frames = np.random.default_rng(2).integers(0, 256, (6, 9, 7, 3), dtype=np.uint8)
    cells = np.empty((1, 6), object)
    for index, frame in enumerate(frames):
        cells[0, index] = frame
    inside = {"rate": 25.0, "notes": "x" * 3000, "inner": {"images": np.moveaxis(frames, 0, -1), "t": np.arange(6.0)}}
    file = mat_file(compressed=compressed, before=np.ones((3, 3)), s=inside)
    assert np.array_equal(read_back(store, file), frames)
    assert np.array_equal(read_back(store, mat_file(compressed=compressed, s={"n": 6, "c": cells})), frames)
    movie = np.zeros((1, 6), [("title", object), ("cdata", object), ("colormap", object)])
    for index, frame in enumerate(frames):
        movie[0, index] = (f"frame {index}", frame, np.zeros((0, 0)))
    assert np.array_equal(read_back(store, mat_file(compressed=compressed, mov=movie)), frames)
    both = mat_file(compressed=compressed, s={"a": np.moveaxis(frames, 0, -1), "b": np.moveaxis(frames[::-1], 0, -1)})
    with pytest.raises(ChoiceNeededError, match=r"2 variables that could be a series: s\.a .*, s\.b"):
        ingest(both, store)
    chosen = ingest(both, store, variable="s.b")
    assert np.array_equal(store.open(chosen.digest).frames, frames[::-1])


def test_an_array_of_structs_in_version_7_3(store: SeriesStore, tmp_path: Path) -> None:
    frames = np.random.default_rng(2).integers(0, 256, (6, 9, 7, 3), dtype=np.uint8)
    mat73_file(tmp_path, x=np.zeros((2, 2)))
    with h5py.File(tmp_path / "a.mat", "r+") as content:
        references = np.empty((6, 1), h5py.ref_dtype)
        for index, frame in enumerate(frames):
            cell = content.require_group("#refs#").create_dataset(f"m{index}", data=frame.T)
            cell.attrs["MATLAB_class"] = np.bytes_("uint8")
            references[index, 0] = cell.ref
        movie = content.create_group("mov")
        movie.attrs["MATLAB_class"] = np.bytes_("struct")
        movie.create_dataset("cdata", data=references, dtype=h5py.ref_dtype)
    assert np.array_equal(read_back(store, Upload.from_path(tmp_path / "a.mat")), frames)

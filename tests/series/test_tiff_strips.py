"""Pages that are unpacked straight into the frame are what tifffile would give, and what is not plain is left to it."""

import io
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from framecast.errors import SeriesError
from framecast.series.ingest import Upload, ingest
from framecast.series.readers.contract import READERS, Wish
from framecast.series.readers.tiff_strips import unpacked
from framecast.series.store import SeriesStore

WAYS: dict[str, tuple[dict[str, Any], bool]] = {
    "strips": ({"rowsperstrip": 5}, True),
    "one strip": ({"rowsperstrip": 23}, True),
    "more rows than there are": ({"rowsperstrip": 64}, True),
    "big endian": ({"byteorder": ">"}, True),
    "tiles": ({"tile": (16, 16)}, False),
    "differences": ({"predictor": True}, False),
    "planes": ({"planarconfig": "separate"}, False),
}


@pytest.mark.parametrize("on_disk", [True, False])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
@pytest.mark.parametrize("way", WAYS)
def test_a_page_is_what_tifffile_makes_of_it(way: str, dtype: str, on_disk: bool, tmp_path: Path) -> None:
    options, plain = WAYS[way]
    pixels = np.random.default_rng(1).integers(0, 200, (23, 17, 3)).astype(dtype)
    options = dict(options)
    stream = io.BytesIO()
    with tifffile.TiffWriter(stream, byteorder=options.pop("byteorder", None)) as writer:
        pixels_there = np.moveaxis(pixels, -1, 0) if "planarconfig" in options else pixels
        writer.write(pixels_there, photometric="rgb", compression="zlib", **options)
    stream.seek(0)
    (tmp_path / "a.tif").write_bytes(stream.getvalue())
    with (tmp_path / "a.tif").open("rb") if on_disk else stream as file, tifffile.TiffFile(file) as tif:
        tif.filehandle.set_lock(True)
        place = file.tell()
        found = unpacked(tif.pages.first)
        assert not on_disk or found is None or file.tell() == place, "threads beside it would lose their place"
        assert (found is not None) == plain
        if found is not None:
            assert np.array_equal(found, tif.pages.first.asarray()) and np.array_equal(found, pixels)


@pytest.mark.filterwarnings("error::pytest.PytestUnraisableExceptionWarning")
def test_a_file_is_read_as_often_as_asked_and_let_go_of_whether_or_not_it_was(tmp_path: Path) -> None:
    frames = np.random.default_rng(1).integers(0, 255, (40, 16, 16), dtype=np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", frames, compression="zlib", photometric="minisblack")
    streams: list[Any] = []

    def opened() -> Any:
        streams.append((tmp_path / "a.tif").open("rb"))
        return streams[-1]

    reading = READERS["tiff"].read([Upload("a.tif", opened)], Wish())
    assert sum(not stream.closed for stream in streams) == 1
    for _ in range(2):
        assert np.array_equal(np.stack(list(reading.frames()))[..., 0], frames)
        assert all(stream.closed for stream in streams)
    reading.close()
    unread = READERS["tiff"].read([Upload("a.tif", opened)], Wish())
    unread.close()
    assert all(stream.closed for stream in streams)


@pytest.mark.parametrize("damage", ["cut", "short"])
def test_a_damaged_strip_is_refused_and_not_filled_with_what_lay_in_memory(store: SeriesStore, damage: str) -> None:
    stream = io.BytesIO()
    with tifffile.TiffWriter(stream) as writer:
        for index in range(3):
            frame = np.random.default_rng(index).integers(0, 255, (64, 64), dtype=np.uint8)
            writer.write(frame, compression="zlib", rowsperstrip=16, contiguous=False, metadata=None)
    stream.seek(0)
    with tifffile.TiffFile(stream) as tif:
        page: Any = tif.pages[1]
        offset, n_bytes = page.dataoffsets[2], page.databytecounts[2]
    content = bytearray(stream.getvalue())
    few = zlib.compress(bytes(16), 9)  # whole, but of fewer rows than there should be
    content[offset : offset + n_bytes] = b"\xff" * n_bytes if damage == "cut" else few + bytes(n_bytes - len(few))
    with pytest.raises(SeriesError, match="damaged or cut short"):
        ingest(Upload.from_bytes("a.tif", bytes(content)), store)
    assert store.list() == []

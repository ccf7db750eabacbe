"""Pages that are unpacked straight into the frame are what tifffile would give, and what is not plain is left to it."""

import io
import zlib
from typing import Any

import numpy as np
import pytest
import tifffile

from framecast.errors import SeriesError
from framecast.series.ingest import Upload, ingest
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


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
@pytest.mark.parametrize("way", WAYS)
def test_a_page_is_what_tifffile_makes_of_it(way: str, dtype: str) -> None:
    options, plain = WAYS[way]
    pixels = np.random.default_rng(1).integers(0, 200, (23, 17, 3)).astype(dtype)
    options = dict(options)
    stream = io.BytesIO()
    with tifffile.TiffWriter(stream, byteorder=options.pop("byteorder", None)) as writer:
        pixels_there = np.moveaxis(pixels, -1, 0) if "planarconfig" in options else pixels
        writer.write(pixels_there, photometric="rgb", compression="zlib", **options)
    stream.seek(0)
    with tifffile.TiffFile(stream) as tif:
        tif.filehandle.set_lock(True)
        found = unpacked(tif.pages.first)
        assert (found is not None) == plain
        if found is not None:
            assert np.array_equal(found, tif.pages.first.asarray()) and np.array_equal(found, pixels)


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

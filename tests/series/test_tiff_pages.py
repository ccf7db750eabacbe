"""Pages of a TIFF that are not all alike, and channels of which the file says what they are: each is read as what it says."""

import io

import numpy as np
import pytest
import tifffile

from framecast.series.ingest import Upload, ingest
from framecast.series.store import SeriesStore


@pytest.mark.parametrize(("usual", "odd"), [((8, 12), (16, 24)), ((16, 24), (8, 12))])
def test_yes_and_no_of_several_sizes_become_one_size_and_stay_yes_and_no(
    store: SeriesStore, usual: tuple[int, int], odd: tuple[int, int]
) -> None:
    with tifffile.TiffWriter(stream := io.BytesIO()) as writer:
        for index in range(6):
            height, width = odd if index == 3 else usual
            page = np.zeros((height, width), bool)
            page[: height // 2] = True
            writer.write(page, photometric="minisblack", metadata=None, contiguous=False)
    series = store.open(ingest(Upload.from_bytes("a.tif", stream.getvalue()), store, sizes="resize").digest)
    assert series.frames.shape == (6, *usual, 1) and series.frames.dtype == np.uint8
    assert all(np.array_equal(frame, series.frames[0]) for frame in series.frames) and set(np.unique(series.frames)) == {0, 255}

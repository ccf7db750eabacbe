"""Pages of a TIFF that are not all alike, and channels of which the file says what they are: each is read as what it says."""

import io
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import tifffile

from framecast.errors import SeriesError
from framecast.series.ingest import Upload, ingest
from framecast.series.store import SeriesStore, StoredSeries
from tests.series.files import Array


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
    assert all(np.array_equal(frame, series.frames[0]) for frame in series.frames)
    assert np.unique(series.frames).tolist() == [0, 255]


def tiff(pages: Array, **options: Any) -> bytes:
    tifffile.imwrite(stream := io.BytesIO(), pages, **options)
    return stream.getvalue()


def both_ways(store: SeriesStore, pages: Array, **options: Any) -> Iterator[StoredSeries]:
    """As one stack, and as a file a page."""
    yield ingest(Upload.from_bytes("a.tif", tiff(pages, **options)), store)
    yield ingest([Upload.from_bytes(f"{i}.tif", tiff(page, **options)) for i, page in enumerate(pages)], store)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
@pytest.mark.parametrize("planes", ["contig", "separate"])
@pytest.mark.parametrize(("photometric", "n_channels"), [("minisblack", 2), ("minisblack", 4), ("rgb", 4)])
def test_a_channel_that_is_not_called_alpha_is_data(
    store: SeriesStore, dtype: str, planes: Any, photometric: Any, n_channels: int
) -> None:
    """Two colours of a fluorescence microscope, bands of a satellite."""
    pages = np.random.default_rng(0).integers(1, 200, (5, 9, 7, n_channels)).astype(dtype) + np.asarray(0.5).astype(dtype)
    laid = pages if planes == "contig" else np.moveaxis(pages, -1, 1)
    extra = [0] * (n_channels - (3 if photometric == "rgb" else 1))
    for stored in both_ways(store, laid, photometric=photometric, planarconfig=planes, extrasamples=extra, metadata=None):
        assert np.array_equal(store.open(stored.digest).frames, pages)
        said = "does not say what the fourth channel beside red, green and blue is" in " ".join(stored.warnings)
        assert said == (photometric == "rgb")


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
@pytest.mark.parametrize("n_colours", [1, 3])
def test_colours_that_were_multiplied_by_their_alpha_are_not_multiplied_again(
    store: SeriesStore, dtype: str, n_colours: int
) -> None:
    top = np.iinfo(dtype).max
    rng = np.random.default_rng(0)
    colours, alpha = rng.integers(0, top, (4, 9, 7, n_colours)), rng.integers(0, top, (4, 9, 7, 1))
    over_white = colours * (alpha / top) + top - alpha
    photometric: Any = "rgb" if n_colours == 3 else "minisblack"
    for kind, written in (("unassalpha", colours), ("assocalpha", np.rint(colours * (alpha / top)))):
        pages = np.concatenate([written, alpha], axis=-1).astype(dtype)
        for stored in both_ways(store, pages, photometric=photometric, extrasamples=[kind], metadata=None):
            assert np.abs(store.open(stored.digest).frames - over_white).max() <= 0.5 + 1e-6
            assert stored.warnings == ("Transparent pixels were laid over white.",)


def test_alpha_is_known_beside_a_channel_of_data(store: SeriesStore) -> None:
    pages = np.random.default_rng(0).integers(0, 256, (5, 9, 7, 3), dtype=np.uint8)
    pages[..., 1] = 255
    for stored in both_ways(store, pages, photometric="minisblack", extrasamples=["unassalpha", 0], metadata=None):
        assert np.array_equal(store.open(stored.digest).frames, pages[..., [0, 2]])


def test_pictures_of_four_channels_are_not_mixed_with_colour(store: SeriesStore) -> None:
    pages = np.random.default_rng(0).integers(0, 256, (4, 9, 7, 4), dtype=np.uint8)
    files = [Upload.from_bytes(f"{i}.tif", tiff(page[..., :3], photometric="rgb")) for i, page in enumerate(pages)]
    files[2] = Upload.from_bytes("2.tif", tiff(pages[2], photometric="rgb", extrasamples=[0]))
    with pytest.raises(SeriesError, match="'2.tif' has 4 channels and 3 of 4 pictures have 3; all must have the same number"):
        ingest(files, store)

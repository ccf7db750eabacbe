"""Pages of a TIFF that are not all alike, and channels of which the file says what they are: each is read as what it says."""

import io
import struct
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from framecast.errors import ChoiceNeededError, SeriesError
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


def odd_page(pages: Array, at: int = 4, description: str | None = None, **options: Any) -> Upload:
    """A stack whose page `at` was written in another way."""
    with tifffile.TiffWriter(stream := io.BytesIO()) as writer:
        for index, page in enumerate(pages):
            how: dict[str, Any] = {"photometric": "minisblack", **(options if index == at else {})}
            said = {"description": description} if index == 0 and description else {}
            writer.write(page, metadata=None, contiguous=False, **{"rowsperstrip": 8, "compression": "zlib"} | how | said)
    return Upload.from_bytes("a.tif", stream.getvalue())


@pytest.fixture
def pages() -> Array:
    return np.random.default_rng(0).integers(0, 256, (12, 40, 32), dtype=np.uint8)


@pytest.mark.parametrize("at", [1, 4, 11])
@pytest.mark.parametrize(
    "options",
    [
        {"rowsperstrip": 16},
        {"rowsperstrip": 40},
        {"rowsperstrip": 16, "compression": None},
        {"compression": None},
        {"predictor": True},
        {"rowsperstrip": None, "tile": (16, 16)},
    ],
)
def test_a_page_that_is_packed_in_another_way_is_read_by_what_it_says(
    store: SeriesStore, pages: Array, at: int, options: dict[str, Any]
) -> None:
    assert np.array_equal(store.open(ingest(odd_page(pages, at, **options), store).digest).frames[..., 0], pages)


def test_a_page_that_lies_on_its_side_is_turned_up_alone(store: SeriesStore, pages: Array) -> None:
    file = odd_page(pages, extratags=[(274, "H", 1, 3, True)])
    upright = pages.copy()
    upright[4] = pages[4, ::-1, ::-1]
    assert np.array_equal(store.open(ingest(file, store).digest).frames[..., 0], upright)
    with pytest.raises(ChoiceNeededError, match="11 of 12 pages .* but page 5 is 40 x 32"):
        ingest(odd_page(pages, extratags=[(274, "H", 1, 6, True)]), store)


def test_a_page_whose_bits_run_backwards_is_read_by_what_it_says(store: SeriesStore, pages: Array) -> None:
    bits = pages > 127
    with tifffile.TiffWriter(stream := io.BytesIO()) as writer:
        for index, page in enumerate(bits):
            turned = page.reshape(40, 4, 8)[..., ::-1].reshape(40, 32)
            tag = [(263, "H", 1, 2, True)] if index == 4 else []
            written = turned if index == 4 else page
            writer.write(written, photometric="minisblack", metadata=None, contiguous=False, extratags=tag)
    there, fill_order = (struct.pack("<HHIHH", code, 3, 1, 2, 0) for code in (263, 266))  # which tifffile does not write
    assert stream.getvalue().count(there) == 1
    stored = ingest(Upload.from_bytes("a.tif", stream.getvalue().replace(there, fill_order)), store)
    assert np.array_equal(store.open(stored.digest).frames[..., 0], 255 * bits)


def test_each_page_has_its_own_palette(store: SeriesStore) -> None:
    rng = np.random.default_rng(0)
    levels = rng.integers(0, 256, (12, 9, 7), dtype=np.uint8)
    palettes = rng.integers(0, 256, (12, 256, 3), dtype=np.uint8)
    images = []
    for page, palette in zip(levels, palettes, strict=True):
        images.append(Image.fromarray(page, "L"))
        images[-1].putpalette(palette.tobytes())
    images[0].save(stream := io.BytesIO(), "TIFF", save_all=True, append_images=images[1:])
    stored = ingest(Upload.from_bytes("a.tif", stream.getvalue()), store)
    colours = np.stack([palette[page] for page, palette in zip(levels, palettes, strict=True)])
    assert np.array_equal(store.open(stored.digest).frames, colours)


def test_a_page_of_another_width_is_named(store: SeriesStore, pages: Array) -> None:
    with tifffile.TiffWriter(stream := io.BytesIO()) as writer:
        for index, page in enumerate(pages):
            writer.write(page[:, :20] if index == 4 else page, photometric="minisblack", metadata=None, contiguous=False)
    file = Upload.from_bytes("a.tif", stream.getvalue())
    with pytest.raises(ChoiceNeededError, match="11 of 12 pages .* but page 5 is 20 x 40"):
        ingest(file, store)
    assert np.array_equal(store.open(ingest(file, store, sizes="crop").digest).frames[4, ..., 0], pages[4, :, :20])


@pytest.mark.parametrize(("usual", "odd"), [("float32", "int32"), ("uint16", "int16"), ("float32", "uint32")])
@pytest.mark.parametrize("at", [1, 4])
def test_a_page_of_values_of_another_type_is_named(store: SeriesStore, pages: Array, usual: str, odd: str, at: int) -> None:
    with tifffile.TiffWriter(stream := io.BytesIO()) as writer:
        for index, page in enumerate(pages):
            writer.write(page.astype(odd if index == at else usual), metadata=None, contiguous=False)
    with pytest.raises(SeriesError, match=f"page {at + 1} is 40 x 32 {odd}, while 11 pages are 40 x 32 {usual}"):
        ingest(Upload.from_bytes("a.tif", stream.getvalue()), store)


def test_a_page_with_other_channels_is_named(store: SeriesStore) -> None:
    pages = np.random.default_rng(0).integers(0, 256, (12, 9, 7, 4), dtype=np.uint8)
    with tifffile.TiffWriter(stream := io.BytesIO()) as writer:
        for index, page in enumerate(pages):
            extra: Any = ["unassalpha" if index == 4 else "unspecified"]
            writer.write(page, photometric="rgb", extrasamples=extra, metadata=None, contiguous=False)
    said = "page 5 is 9 x 7 uint8 RGB in 4 channels .alpha beside the colours., while 11 pages are .*a channel of data"
    with pytest.raises(SeriesError, match=said):
        ingest(Upload.from_bytes("a.tif", stream.getvalue()), store)


@pytest.mark.parametrize(
    ("options", "words"),
    [({"rowsperstrip": 16}, "another height of strips"), ({"extratags": [(274, "H", 1, 3, True)]}, "another orientation")],
)
def test_a_page_of_a_described_recording_that_is_packed_in_another_way_is_named(
    store: SeriesStore, pages: Array, options: dict[str, Any], words: str
) -> None:
    """Its axes come from the description, and its pages from the first one's tags."""
    file = odd_page(pages, description="ImageJ=1.53t\nimages=12\nframes=12\n", **options)
    with pytest.raises(SeriesError, match=f"page 5 is 40 x 32 uint8 with {words}, page 1 40 x 32 uint8; all must be alike"):
        ingest(file, store)


def test_times_of_pages_with_palettes_of_their_own_are_kept(store: SeriesStore, pages: Array) -> None:
    with tifffile.TiffWriter(stream := io.BytesIO()) as writer:
        for index, page in enumerate(pages):
            colours = np.full((3, 256), 257 * index, np.uint16)
            moment = f"2024:05:06 07:08:{index:02d}"
            writer.write(page, photometric="palette", colormap=colours, datetime=moment, metadata=None, contiguous=False)
    stored = ingest(Upload.from_bytes("a.tif", stream.getvalue()), store)
    assert np.diff(store.times(stored.digest)).tolist() == [1.0] * 11
    assert store.open(stored.digest).frames[:, 0, 0, 1].tolist() == list(range(12))

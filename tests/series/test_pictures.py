"""What goes in as pictures comes out value for value, in the order a person means."""

import io
import random
import warnings
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image

from framecast.errors import SeriesError
from framecast.series.derive import Recipe, derive
from framecast.series.ingest import Upload, ingest
from framecast.series.readers.contract import READERS, suffixes
from framecast.series.readers.pictures import natural_order
from framecast.series.store import SeriesStore
from tests.series.files import Array, encoded, pictures, zipped


def read_back(store: SeriesStore, *contents: bytes, suffix: str = "png") -> tuple[Array, tuple[str, ...]]:
    stored = ingest([Upload.from_bytes(f"a{i}.{suffix}", content) for i, content in enumerate(contents)], store)
    return np.asarray(store.open(stored.digest).frames), stored.warnings


@pytest.mark.parametrize(("kind", "options"), [("PNG", {}), ("BMP", {}), ("WebP", {"lossless": True}), ("TIFF", {})])
def test_lossless_colour_is_kept(store: SeriesStore, frames: Array, kind: str, options: dict[str, bool]) -> None:
    found, notes = read_back(store, *(encoded(frame, kind, **options) for frame in frames), suffix=kind.lower())
    assert np.array_equal(found, frames) and notes == ()


def test_jpeg_is_what_pillow_decodes(store: SeriesStore, frames: Array) -> None:
    contents = [encoded(frame, "JPEG", quality=90) for frame in frames]
    found, _ = read_back(store, *contents, suffix="jpg")
    assert np.array_equal(found, np.stack([np.asarray(Image.open(Upload.from_bytes("", c).open())) for c in contents]))


def test_a_jpeg_with_a_film_behind_it_is_a_picture(store: SeriesStore, frames: Array) -> None:
    """What looks like the start of a scan counts within the picture only: phones put a film behind it."""
    pictures = [encoded(frame, "JPEG", progressive=True) for frame in frames[:2]]
    within = pictures[0][:2] + b"\xff\xe5\x01\x02" + b"\xff\xda" * 128 + pictures[0][2:]  # in a note
    found, _ = read_back(store, within, pictures[1] + b"film\xff\xda" * 200, suffix="jpg")
    assert np.array_equal(found, [np.asarray(Image.open(io.BytesIO(content))) for content in pictures])


def test_16_bit_grey_and_16_bit_colour_lose_nothing(store: SeriesStore) -> None:
    deep = np.random.default_rng(0).integers(0, 65536, (3, 8, 5), dtype=np.uint16)
    found, _ = read_back(store, *(encoded(frame) for frame in deep))
    assert found.dtype == np.uint16 and np.array_equal(found[..., 0], deep)
    colour = np.random.default_rng(1).integers(0, 65536, (3, 8, 5, 3), dtype=np.uint16)
    found, _ = read_back(store, *(imagecodecs.png_encode(frame) for frame in colour))
    assert np.array_equal(found, colour)
    found, _ = read_back(store, *(tiff_page(frame) for frame in colour), suffix="tif")
    assert np.array_equal(found, colour)


def test_float_tiffs_keep_their_values_and_say_their_range(store: SeriesStore) -> None:
    values = np.random.default_rng(0).normal(size=(3, 8, 5)).astype(np.float32)
    found, notes = read_back(store, *(tiff_page(frame) for frame in values), suffix="tif")
    assert np.array_equal(found[..., 0], values) and "value range" in notes[0]
    assert store.list()[0].value_range == (values.min(), values.max())


def test_a_size_that_is_no_number_is_one_sentence(store: SeriesStore) -> None:
    content = bytearray(encoded(np.zeros((5, 6), np.uint8), "TIFF"))
    place = content.index(b"\x00\x01\x04\x00") if b"\x00\x01\x04\x00" in content else content.index(b"\x00\x01\x03\x00")
    content[place + 2] = 7  # the width is of the type of bytes without a meaning
    files = [Upload.from_bytes(f"{i}.tif", bytes(content)) for i in range(2)]
    with pytest.raises(SeriesError, match="cannot be read as a TIFF file|is damaged"):
        ingest(files, store)


def test_palette_becomes_its_colours(store: SeriesStore) -> None:
    colours = np.random.default_rng(0).integers(0, 256, (4, 3), dtype=np.uint8)
    indices = np.random.default_rng(1).integers(0, 4, (2, 6, 6), dtype=np.uint8)
    images = [Image.fromarray(frame) for frame in indices]
    for image in images:
        image.putpalette(colours.tobytes())
    found, _ = read_back(store, *(encoded(image) for image in images))
    assert np.array_equal(found, colours[indices])


def test_transparency_is_laid_over_white_and_said(store: SeriesStore) -> None:
    pixels = np.zeros((4, 4, 4), np.uint8)
    pixels[..., :3], pixels[..., 3] = (200, 100, 0), 255
    opaque, notes = read_back(store, encoded(pixels), encoded(pixels))
    assert opaque[0, 0, 0].tolist() == [200, 100, 0] and notes == ()
    pixels[0, 0, 3], pixels[1, 1, 3] = 0, 51
    found, notes = read_back(store, encoded(pixels), encoded(pixels))
    assert found[0, 0, 0].tolist() == [255, 255, 255] and found[0, 1, 1].tolist() == [244, 224, 204]
    assert found[0, 2, 2].tolist() == [200, 100, 0] and notes == ("Transparent pixels were laid over white.",)


def test_bilevel_and_cmyk(store: SeriesStore) -> None:
    bits = np.random.default_rng(0).random((2, 5, 5)) > 0.5
    found, _ = read_back(store, *(encoded(Image.fromarray(frame)) for frame in bits))
    assert np.array_equal(found[..., 0], bits * 255)
    inks = [Image.new("CMYK", (5, 4), (0, 255, 255, value)) for value in (0, 100)]
    found, _ = read_back(store, *(encoded(image, "JPEG") for image in inks), suffix="jpg")
    assert found.shape == (2, 4, 5, 3) and found[0, 0, 0, 0] > 240 and found[0, 0, 0, 1] < 15


def test_exif_orientation_is_applied(store: SeriesStore, frames: Array) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by a quarter
    contents = [encoded(frame, "JPEG", exif=exif) for frame in frames]
    found, _ = read_back(store, *contents, suffix="jpg")
    assert found.shape[1:3] == (frames.shape[2], frames.shape[1])


@pytest.mark.parametrize("seed", range(3))
def test_names_are_ordered_as_numbers_whatever_order_they_come_in(store: SeriesStore, frames: Array, seed: int) -> None:
    many = np.concatenate([frames, frames[::-1]])
    files = pictures(many, "Folder/frame{}.png")
    random.Random(seed).shuffle(files)
    stored = ingest(files, store)
    assert np.array_equal(store.open(stored.digest).frames, many)
    assert stored.name == "Folder" and stored.warnings == ()


def test_folders_come_before_names() -> None:
    names = ["b/1.png", "a/10.png", "a/2.png", "A/1.png", r"a\3.png", "a/02.png"]
    ordered = [file.name for file in natural_order([Upload.from_bytes(name, b"") for name in names], [])]
    assert ordered == ["A/1.png", "a/02.png", "a/2.png", r"a\3.png", "a/10.png", "b/1.png"]


def test_missing_numbers_are_said_but_dates_are_not(store: SeriesStore) -> None:
    values = np.arange(40, dtype=np.uint8)[:, None, None] * np.ones((1, 4, 4), np.uint8)
    files = pictures(values)
    del files[10]
    assert "1 numbers are missing, first 11" in ingest(files, store).warnings[0]
    dated = [Upload(f"{1990 + i // 12}{1 + i % 12:02}.png", file.open) for i, file in enumerate(files[:30])]
    assert ingest(dated, store).warnings == ()


def test_grey_among_colour_is_widened_and_said(store: SeriesStore, frames: Array) -> None:
    files = pictures(frames)
    files[2] = Upload.from_bytes(files[2].name, encoded(frames[2, :, :, 0]))
    stored = ingest(files, store)
    found = store.open(stored.digest).frames
    assert np.array_equal(found[2], np.repeat(frames[2, :, :, :1], 3, axis=2)) and np.array_equal(found[3], frames[3])
    assert stored.warnings == ("1 of 6 pictures are grey and the others in colour; all were made colour.",)


def test_zip_and_folder_hold_the_same_series(store: SeriesStore, frames: Array, tmp_path: Path) -> None:
    files = pictures(frames, "in/frame{}.png")
    rubbish = [Upload.from_bytes(name, b"rubbish") for name in ("__MACOSX/in/._frame1.png", "in/.DS_Store", "in/Thumbs.db")]
    zip_file = Upload.from_bytes("my frames.zip", zipped(rubbish + files[::-1]))
    stored = ingest(zip_file, store)
    assert stored.name == "my frames" and np.array_equal(store.open("my frames").frames, frames)
    for file in rubbish + files:
        path = tmp_path / "folder" / file.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file.read())
    assert ingest(tmp_path / "folder", store).digest == stored.digest
    assert len(store.list()) == 1


def test_members_that_climb_out_of_a_zip_stay_in_memory(store: SeriesStore, frames: Array, tmp_path: Path) -> None:
    before = set(tmp_path.rglob("*"))
    ingest(Upload.from_bytes("evil.zip", zipped(pictures(frames, "../../frame{}.png"))), store)
    new = [path for path in set(tmp_path.rglob("*")) - before if not path.is_relative_to(tmp_path / "workspace")]
    assert new == []


def test_a_picture_bomb_is_refused_by_its_header(store: SeriesStore) -> None:
    bomb = encoded(Image.new("1", (14_000, 14_000)))
    assert len(bomb) < 100_000
    with warnings.catch_warnings(), pytest.raises(SeriesError, match="at most 67,108,864 pixels"):
        warnings.simplefilter("error")
        ingest([Upload.from_bytes("a.png", bomb), Upload.from_bytes("b.png", bomb)], store)


def test_an_animation_among_pictures_is_refused(store: SeriesStore, frames: Array) -> None:
    moving = encoded(Image.fromarray(frames[0]), "GIF", save_all=True, append_images=[Image.fromarray(frames[1])])
    files = [Upload.from_bytes("a.gif", moving), Upload.from_bytes("b.gif", moving)]
    with pytest.raises(SeriesError, match="'a.gif' is an animation"):
        ingest(files, store)


def test_every_suffix_is_claimed_and_no_two_readers_claim_one_content(frames: Array) -> None:
    assert {"png", "jpg", "zip", "tif", "gif", "mp4", "avi", "npy", "npz", "mat"} <= set(suffixes())
    for content in (encoded(frames[0]), encoded(frames[0], "GIF"), zipped(pictures(frames)), encoded(frames[0], "TIFF")):
        assert sum(reader.sniff(content) for reader in READERS.values()) == 1


def tiff_page(pixels: Array) -> bytes:
    import io

    stream = io.BytesIO()
    tifffile.imwrite(stream, pixels, photometric="rgb" if pixels.ndim == 3 else "minisblack", compression="deflate")
    return stream.getvalue()


@pytest.mark.parametrize("packed", [True, False])
def test_the_names_of_the_files_are_kept_in_order_of_time(store: SeriesStore, frames: Array, packed: bool) -> None:
    contents = {f"in a folder/f{index}.png": encoded(frame) for index, frame in enumerate(frames[:3], 9)}
    uploads = [Upload.from_bytes(*one) for one in reversed(contents.items())]
    stored = ingest(Upload.from_bytes("a.zip", zipped(uploads)) if packed else uploads, store)
    assert store.names(stored.digest) == ("f9.png", "f10.png", "f11.png")


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_times_in_pictures_are_kept(store: SeriesStore, frames: Array, kind: str) -> None:
    """DateTimeOriginal with its fraction, and DateTime of a TIFF; where one picture has none, none are kept."""

    def picture(index: int, taken: bool = True) -> Upload:
        image = Image.fromarray(frames[index])
        exif = Image.Exif()
        exif[0x0112] = 1
        if kind == "TIFF" and taken:
            exif[306] = f"2024:05:06 07:08:{10 + 5 * index}"
        elif taken:
            exif.get_ifd(0x8769).update({0x9003: f"2024:05:06 07:08:{10 + 5 * index}", 0x9291: "250"})
        return Upload.from_bytes(f"{'abcdef'[index]}.{kind.lower()}", encoded(image, kind, exif=exif))

    stored = ingest([picture(index) for index in range(6)], store)
    times = np.array(store.times(stored.digest))
    assert np.array_equal(np.diff(times), [5.0] * 5) and times[0] % 1 == (0 if kind == "TIFF" else 0.25)
    made = derive(store, stored.digest, Recipe(every=2))
    assert np.array_equal(np.diff(store.times(made.digest)), [10.0, 10.0])
    store.delete(stored.digest)
    assert store.times(ingest([picture(index, index != 3) for index in range(6)], store).digest) == ()

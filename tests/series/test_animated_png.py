"""Animated PNG: 16 bits stay 16 bits, and the picture beside the animation is no frame of it."""

import io
import struct
import zlib
from collections.abc import Sequence

import numpy as np
import pytest
from PIL import Image

from framecast.errors import SeriesError
from framecast.series.ingest import Upload, Wanted, ingest
from framecast.series.readers import deep_animation
from framecast.series.store import SeriesStore
from tests.series.files import Array

COLOUR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def deep(frames: Sequence[Array], places: dict[int, tuple[int, int]] | None = None, blend: int = 0) -> bytes:
    """An animated PNG of 16 bits: (height, width, channel) uint16 each, at (top, left); by hand, since Pillow writes none."""
    height, width, n_channels = frames[0].shape
    header = struct.pack(">IIBBBBB", width, height, 16, COLOUR_TYPES[n_channels], 0, 0, 0)
    content = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"acTL", struct.pack(">II", len(frames), 0))
    number = 0
    for index, frame in enumerate(frames):
        top, left = (places or {}).get(index, (0, 0))
        control = (number, frame.shape[1], frame.shape[0], left, top, 1, 25, 0, blend if index else 0)
        content += chunk(b"fcTL", struct.pack(">IIIIIHHBB", *control))
        packed = zlib.compress(b"".join(b"\0" + row.astype(">u2").tobytes() for row in frame))
        content += chunk(b"IDAT", packed) if index == 0 else chunk(b"fdAT", struct.pack(">I", number + 1) + packed)
        number += 2 if index else 1
    return content + chunk(b"IEND", b"")


def read_back(store: SeriesStore, content: bytes, **options: object) -> Array:
    return np.asarray(store.open(ingest(Upload.from_bytes("a.png", content), store, **options).digest).frames)  # type: ignore[arg-type]


@pytest.mark.parametrize("n_channels", [1, 3])
def test_sixteen_bits_are_kept(store: SeriesStore, n_channels: int) -> None:
    frames = np.random.default_rng(0).integers(0, 65536, (6, 9, 7, n_channels), dtype=np.uint16)
    stored = ingest(Upload.from_bytes("a.png", deep(frames)), store)
    found = store.open(stored.digest).frames
    assert found.dtype == np.uint16 and np.array_equal(found, frames)
    assert stored.timestep is not None and stored.timestep.total_seconds() == 0.04
    assert np.array_equal(read_back(store, deep(frames), wanted=Wanted(1, 6, 2)), frames[1:6:2])


def test_sixteen_bits_are_composed_and_laid_over_white(store: SeriesStore) -> None:
    frames = list(np.random.default_rng(0).integers(0, 65536, (3, 9, 7, 2), dtype=np.uint16))
    for frame in frames:
        frame[..., 1] = 65535
    frames[0][0, 0, 1] = 0
    patch = frames[1][:3, :4]
    patch[1, 1, 1] = 0  # what was there before is seen through it
    found = read_back(store, deep([frames[0], patch, frames[2]], places={1: (2, 3)}, blend=1))
    expected = np.stack([frames[0], frames[0], frames[2]])[..., :1]
    seen = expected[1, 3, 4].copy()
    expected[1, 2:5, 3:7] = patch[..., :1]
    expected[1, 3, 4] = seen
    expected[:2, 0, 0] = 65535
    assert np.array_equal(found, expected)
    patch[1, 1, 1] = 30000
    with pytest.raises(SeriesError, match="'a.png' lays half-transparent pixels of 16 bits over one another"):
        read_back(store, deep([frames[0], patch, frames[2]], places={1: (2, 3)}, blend=1))


def test_an_animation_of_16_bits_is_held_against_a_bound_before_it_is_unpacked(
    store: SeriesStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames = np.zeros((4, 9, 7, 3), np.uint16)
    monkeypatch.setattr(deep_animation, "MOST_BYTES", frames.nbytes - 1)
    with pytest.raises(SeriesError, match="16 bits whose 4 frames take .* Save it as a TIFF stack or as single pictures"):
        read_back(store, deep(frames))
    monkeypatch.undo()
    with pytest.raises(SeriesError, match="cannot be read as an animation"):
        read_back(store, deep(frames)[:-60])


@pytest.mark.parametrize("mode", ["uint8", "uint16"])
def test_the_picture_beside_the_animation_is_left_out(store: SeriesStore, mode: str) -> None:
    frames = np.random.default_rng(0).integers(0, 256, (6, 9, 7), dtype=np.uint8)
    images = [Image.fromarray(frame) for frame in frames.astype(mode)]
    stream = io.BytesIO()
    shown = [80, 80, 240, 80, 80]
    images[0].save(stream, "PNG", save_all=True, append_images=images[1:], default_image=True, duration=shown)
    stored = ingest(Upload.from_bytes("a.png", stream.getvalue()), store)
    found = store.open(stored.digest).frames
    assert found.dtype == mode and np.array_equal(found[..., 0], frames[1:])
    assert np.allclose(np.diff(store.times(stored.digest)), [0.08, 0.08, 0.24, 0.08])

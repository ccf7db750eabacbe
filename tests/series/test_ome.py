"""OME recordings in several files, and the times that pages and planes of a TIFF carry."""

import io
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from framecast.errors import ChoiceNeededError, SeriesError
from framecast.series.ingest import Upload, Wanted, ingest
from framecast.series.store import SeriesStore
from tests.series.files import Array, zipped


def tiff(pixels: Array, **options: Any) -> Upload:
    stream = io.BytesIO()
    tifffile.imwrite(stream, pixels, **options)
    return Upload.from_bytes("stack.tif", stream.getvalue())


PIXELS = "DimensionOrder='XYZCT' Type='uint8' SizeX='7' SizeY='9'"


PLANES = "".join(
    f"<Plane TheT='{time}' TheC='0' TheZ='0' DeltaT='{minutes}' DeltaTUnit='min'/>"
    for time, minutes in enumerate((0, 1 / 6, 3 / 6, 4 / 6, 5 / 6, 1))
).encode()


def ome_set(
    frames: Array,
    *,
    elsewhere: bool = False,
    names: str = "part_{}.ome.tif",
    folder: str = "",
    n_depths: int = 1,
) -> list[Upload]:
    """(time and depth, channel, height, width): two frames a file, each of which names all others, or only where the
    description is."""
    planes, files = "", []
    n_times, n_channels = frames.shape[:2]
    for time in range(n_times):
        name = folder + names.format(time // 2)
        place = f"FirstT='{time // n_depths}' FirstZ='{time % n_depths}' FirstC='0'"
        planes += (
            f"<TiffData {place} IFD='{time % 2 * n_channels}' PlaneCount='{n_channels}'>"
            f"<UUID FileName='{name}'>urn:uuid:0-{time // 2}</UUID></TiffData>"
        )
    lengths = f"SizeC='{n_channels}' SizeT='{n_times // n_depths}' SizeZ='{n_depths}'"
    step = "TimeIncrement='2' TimeIncrementUnit='min'"
    pixels = f"<Pixels {PIXELS} {lengths} {step}>{planes}</Pixels>"
    whole = f"<OME xmlns='http://o'><Image ID='Image:0' Name='cells'>{pixels}</Image></OME>"
    for index in range(-(-n_times // 2)):
        said = "<OME xmlns='http://o'><BinaryOnly MetadataFile='all.companion.ome' UUID='u'/></OME>" if elsewhere else whole
        pages = frames[2 * index : 2 * index + 2].reshape(-1, *frames.shape[2:])
        file = tiff(pages, photometric="minisblack", description=said, metadata=None, compression="zlib")
        files.append(Upload.from_bytes(names.format(index), file.read()))
    return [*files, Upload.from_bytes("all.companion.ome", whole.encode())] if elsewhere else files


@pytest.mark.parametrize("elsewhere", [False, True])
@pytest.mark.parametrize("n_channels", [1, 2])
def test_an_ome_recording_in_several_files_is_one_series(store: SeriesStore, elsewhere: bool, n_channels: int) -> None:
    frames = np.random.default_rng(0).integers(0, 256, (7, n_channels, 9, 7), dtype=np.uint8)
    names = "{}_a.ome.tif" if n_channels == 2 else "part_{}.ome.tif"
    files = ome_set(frames, elsewhere=elsewhere, names=names)
    for given in (files[::-1], [Upload.from_bytes("a.zip", zipped(files))]):
        stored = ingest(given, store)
        assert np.array_equal(store.open(stored.digest).frames, np.moveaxis(frames, 1, -1))
        assert stored.timestep == timedelta(minutes=2)
        store.delete(stored.digest)
    with pytest.raises(SeriesError, match=r"one of a set .* and '(part_1|1_a)\.ome\.tif' is missing"):
        ingest([file for file in files if "1" not in file.name], store)
    lone = "'all.companion.ome' is missing" if elsewhere else "ome.tif', .* are missing"
    with pytest.raises(SeriesError, match=lone):
        ingest(files[0], store)


def companion(names: Sequence[str], n_times: int, file: str = "all.companion.ome") -> Upload:
    """A description alone: as many times in each of the named files; without a name where there is none."""
    each, planes = n_times // len(names), ""
    for time in range(n_times):
        name = names[time // each]
        uuid = f"<UUID FileName='{name}'>urn:uuid:0-{time // each}</UUID>" if name else ""
        planes += f"<TiffData FirstT='{time}' IFD='{time % each}' PlaneCount='1'>{uuid}</TiffData>"
    pixels = f"<Pixels {PIXELS} SizeC='1' SizeZ='1' SizeT='{n_times}'>{planes}</Pixels>"
    text = f"<?xml version='1.0' encoding='UTF-8'?>\n<OME xmlns='http://o'><Image Name='cells'>{pixels}</Image></OME>"
    return Upload.from_bytes(file, text.encode())


SEVERAL = [("c.tif", "a.tif", "b.tif"), tuple(f"{letter}.tif" for letter in "fbdace"), ("a.ome.tif",), ("",)]


@pytest.mark.parametrize("names", SEVERAL, ids=len)
@pytest.mark.parametrize("knows", [False, True])
def test_a_companion_file_says_what_tiffs_hold(store: SeriesStore, names: tuple[str, ...], knows: bool) -> None:
    """Also of files that know nothing of it, whose names are in another order than time."""
    frames = np.random.default_rng(0).integers(0, 256, (6, 9, 7), dtype=np.uint8)
    said = "<OME xmlns='http://o'><BinaryOnly MetadataFile='all.companion.ome' UUID='u'/></OME>" if knows else None
    parts = zip(names, np.split(frames, len(names)), strict=True)
    files = [
        Upload.from_bytes(name or "a.tif", tiff(part, photometric="minisblack", description=said, metadata=None).read())
        for name, part in parts
    ]
    files.append(companion(names, 6))
    for given in (files, [Upload.from_bytes("a.zip", zipped(files))]):
        stored = ingest(given, store)
        assert np.array_equal(store.open(stored.digest).frames[..., 0], frames)
        assert stored.source.startswith("OME recording") and stored.warnings == ()
        store.delete(stored.digest)
    assert stored.name == "a" and ingest(files, store).name == "all"


def test_what_a_companion_file_leaves_open_is_refused(store: SeriesStore) -> None:
    frames = np.random.default_rng(0).integers(0, 256, (6, 9, 7), dtype=np.uint8)
    parts = [tiff(part, photometric="minisblack", metadata=None).read() for part in np.split(frames, 2)]
    files = [Upload.from_bytes(name, part) for name, part in zip("ab", parts, strict=True)]
    for given, why in (
        ([companion(("a", "b"), 6)], "'all.companion.ome' is one of a set .* 'a', 'b' are missing"),
        ([*files, companion(("a", "/etc/passwd"), 6)], "'passwd' is missing"),
        ([*files, companion(("a", "b"), 6), companion(("a", "b"), 6, "2.companion.ome")], "each describe a recording"),
        ([*files, companion(("",), 6)], "does not say which file holds which plane, and 2 TIFF files"),
        ([*files, Upload.from_bytes("other/a", parts[0]), companion(("a", "b"), 6)], "Two files are called 'a'"),
        ([*files, Upload.from_bytes("a.ome", b"<OME><Image>")], "cannot be read as a description of images"),
        ([*files, Upload.from_bytes("a.ome", b"<OME><StructuredAnnotations/></OME>")], "describes no plane"),
    ):
        with pytest.raises(SeriesError, match=why):
            ingest(given, store)
    assert store.list() == []


def test_times_of_pages_and_of_planes_are_kept(store: SeriesStore) -> None:
    """Where they are of the frames; one moment for all is when the file was written."""
    frames = np.random.default_rng(0).integers(0, 256, (6, 9, 7), dtype=np.uint8)
    seconds = [0, 10, 20, 40, 50, 60]

    def pages(times: Sequence[int | None], **options: Any) -> Upload:
        stream = io.BytesIO()
        with tifffile.TiffWriter(stream) as output:
            for time, frame in zip(times, frames, strict=True):
                moment = None if time is None else datetime(2024, 5, 6, 7, 8) + timedelta(seconds=time)
                output.write(frame, datetime=moment, metadata=None, photometric="minisblack", contiguous=False, **options)
        return Upload.from_bytes("a.tif", stream.getvalue())

    for options in ({}, {"compression": "zlib"}):
        stored = ingest(pages(seconds, **options), store, wanted=Wanted(start=1))
        assert np.allclose(np.diff(store.times(stored.digest)), [10, 20, 10, 10])
        store.delete(stored.digest)
    for times in ([5] * 6, [*seconds[:5], None], [0, *[None] * 5]):
        stored = ingest(pages(times), store)
        assert store.times(stored.digest) == ()
        store.delete(stored.digest)
    two = np.stack([frames, 255 - frames], axis=1)
    plane = {"DeltaT": [1000.0 * seconds[i // 2] + i % 2 for i in range(12)], "DeltaTUnit": ["ms"] * 12}
    metadata = {"axes": "TCYX", "Plane": plane, "TimeIncrement": 12.0}
    file = Upload.from_bytes("a.ome.tif", tiff(two, ome=True, metadata=metadata, photometric="minisblack").read())
    stored = ingest(file, store, wanted=Wanted(every=2))
    assert np.allclose(np.diff(store.times(stored.digest)), [20, 30]) and stored.timestep == timedelta(seconds=24)
    *files, said = ome_set(two, elsewhere=True)
    said = Upload.from_bytes(said.name, said.read().replace(b"</Pixels>", PLANES + b"</Pixels>"))
    stored = ingest([*files, said], store)
    assert np.allclose(np.diff(store.times(stored.digest)), [10, 20, 10, 10, 10])


def test_depth_beside_time_of_a_set_is_asked(store: SeriesStore) -> None:
    frames = np.random.default_rng(0).integers(0, 256, (6, 1, 9, 7), dtype=np.uint8)
    files = ome_set(frames, n_depths=2)
    with pytest.raises(ChoiceNeededError, match="which axis is time"):
        ingest(files, store)
    assert np.array_equal(store.open(ingest(files, store, axes="T,1,2,H,W").digest).frames[..., 0], frames[1::2, 0])


def test_a_tiff_opens_no_file_that_it_names(store: SeriesStore, tmp_path: Path) -> None:
    """The description is foreign: what lies beside it on the server, or anywhere, is not read by its word."""
    frames = np.random.default_rng(0).integers(0, 256, (4, 1, 9, 7), dtype=np.uint8)
    folder = tmp_path / "secret"
    folder.mkdir()
    for file in ome_set(frames, folder=f"{folder}/"):
        (folder / file.name).write_bytes(file.read())
    (tmp_path / "part_0.ome.tif").write_bytes((folder / "part_0.ome.tif").read_bytes())
    with pytest.raises(SeriesError, match=r"'part_1\.ome\.tif' is missing") as raised:
        ingest(tmp_path / "part_0.ome.tif", store)
    assert str(folder) not in str(raised.value)

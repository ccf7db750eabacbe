"""The development series, real files of every kind, read to the value. Skipped where the files are not."""

import io
import zipfile
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import tifffile
from PIL import Image
from scipy.io import loadmat

from framecast.series.ingest import ingest
from framecast.series.store import SeriesStore
from tests.series.files import Array

FOLDER = Path(__file__).parents[3] / "shared" / "series"
pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason=f"the development series are not in {FOLDER.name}")


def zip_of_pictures(path: Path) -> Array:
    with zipfile.ZipFile(path) as archive:
        names = sorted(name for name in archive.namelist() if name.endswith(".png"))
        return np.stack([np.asarray(Image.open(io.BytesIO(archive.read(name)))) for name in names])


def video(path: Path) -> Any:
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            yield frame.to_ndarray(format="rgb24")


def mat(path: Path) -> Array:
    return np.moveaxis(loadmat(path)["frames"], -1, 0)[..., None]


WITHOUT_READER = {
    "arctic_sea_ice_monthly.zip": zip_of_pictures,
    "flower_opening.mp4": video,
    "knmi_rain_radar.mat": mat,
    "bulk_water_microscopy.tif": lambda path: tifffile.imread(path)[..., None],
    "storm_pressure.npy": lambda path: np.load(path)[..., None],
    "made/bouncing_balls.npz": lambda path: np.load(path)["frames"],
    "zebrafish_tank.avi": video,
}


@pytest.mark.parametrize("name", WITHOUT_READER)
def test_read_back_exactly(store: SeriesStore, name: str) -> None:
    path = FOLDER / name
    series = store.open(ingest(path, store).digest)
    n_frames = 0
    for index, expected in enumerate(WITHOUT_READER[name](path)):
        found = series.frames[index]
        if series.valid is not None:
            assert np.isnan(expected[~series.valid]).all()
            found, expected = found[series.valid], expected[series.valid]
        assert np.array_equal(found, expected), index
        n_frames += 1
    assert n_frames == series.n_frames

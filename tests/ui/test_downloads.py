"""What the page says about a file that is taken away is true of that file."""

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from framecast.series.store import SeriesStore
from tests.export.conftest import blob, finished_run


def page(**asked):  # type: ignore[no-untyped-def]  # its source is run by itself, where no name of this file is known
    from framecast.ui.downloads import downloads

    downloads(**asked)


MASK = np.ones((15, 21), bool)
MASK[0, :3] = False


@pytest.mark.parametrize(
    ("channels", "dtype", "valid", "said", "not_said"),
    [
        (1, "uint8", None, ".tif: one page per lead.", "channel 1"),
        (3, "uint8", None, ".tif: one page per lead.", "channels 1 to 3"),
        (2, "uint8", None, "8 bits: channel 1, black", "page per lead."),
        (4, "uint16", None, "8 bits: channels 1 to 3, black", "page per lead."),
        (1, "float32", MASK, "Pixels without data are NaN.", "hold a filling"),
        (1, "uint8", MASK, "Pixels without data hold a filling", "are NaN"),
    ],
)
def test_what_the_files_hold(
    tmp_path_factory: pytest.TempPathFactory, channels: int, dtype: str, valid: np.ndarray | None, said: str, not_said: str
) -> None:
    workspace = tmp_path_factory.mktemp("workspace")
    run = finished_run(workspace, blob(channels=channels, dtype=dtype), "persistence", valid=valid)
    store = SeriesStore(workspace)
    asked = {"run": run, "frames": run.forecast(), "stored": store.info(run.record.series), "store": store}
    app = AppTest.from_function(page, kwargs=asked).run()
    assert not app.exception
    caption = app.caption[0].value.replace("\\", "")
    assert said in caption and not_said not in caption

import io

import pytest
from PIL import Image

from framecast.samples import SAMPLES
from framecast.ui.sample_cards import shipped_picture


@pytest.mark.parametrize("name", [sample.name for sample in SAMPLES])
def test_every_sample_has_a_square_picture_that_need_not_be_made(name: str) -> None:
    content = shipped_picture(name)
    assert content is not None and len(content) < 150_000
    image = Image.open(io.BytesIO(content))
    assert image.width == image.height >= 64

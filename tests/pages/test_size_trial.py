"""Choose by a short trial: one click sets the size and says what was measured."""

import time
from collections.abc import Callable

from streamlit.testing.v1 import AppTest

from framecast.series.store import StoredSeries
from framecast.ui.forecaster_choice import FORECASTER
from framecast.ui.size_choice import size_key

WITHIN_S = 600.0


def until_the_trial_is_over(app: AppTest) -> AppTest:
    began = time.monotonic()
    while time.monotonic() - began < WITHIN_S:
        app.run()
        if any(button.key == "size_trial" for button in app.button):
            return app
        time.sleep(0.5)
    raise AssertionError("the trial did not end")


def choose_unet(app: AppTest, minutes: float) -> AppTest:
    app.session_state[FORECASTER] = "unet"
    app.run()
    app.session_state["setting:unet:recommended:minutes"] = minutes
    return app.run()


def test_one_click_sets_size_and_feature_maps_and_says_what_was_measured(
    open_page: Callable[[str], AppTest], stored: StoredSeries
) -> None:
    app = choose_unet(open_page("train"), 0.001)
    short = min(stored.height, stored.width)
    app.button(key="size_trial").click().run()
    assert any("Timing training steps at several sizes" in caption.value for caption in app.caption)
    app = until_the_trial_is_over(app)
    assert not app.exception
    said = next(caption.value for caption in app.caption if caption.value.startswith("Measured:")).replace("\\", "")
    assert "a training step of U-Net takes" in said and "Give it more time" in said  # 60 ms are too little for any size
    assert app.session_state[size_key(stored.digest)] == min(32, short)
    assert app.session_state["setting:unet:recommended:width"] == 16 and "16 feature maps" in said


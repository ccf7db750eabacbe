"""What is typed into the form is typed for the forecaster that is chosen."""

from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from framecast.series.store import SeriesStore

pytestmark = [pytest.mark.browser, pytest.mark.slow]

LOOK = """() => {
  window.seen = {both: 0, foreign: []};
  const look = () => {
    const chosen = document.querySelector('[class*="st-key-card_"]:has(button[kind="primary"])');
    const name = /st-key-card_(\\w+)/.exec(chosen?.className ?? '')?.[1];
    for (const field of document.querySelectorAll('[class*="st-key-setting-"], [class*="st-key-title-"]')) {
      if (!name || new RegExp(`st-key-(setting|title)-${name}-`).test(field.className)) continue;
      window.seen.both += 1;
      if (field.checkVisibility({visibilityProperty: true})) window.seen.foreign.push(field.className);
    }
    requestAnimationFrame(look);
  };
  look();
}"""
"""In every frame that the browser draws: the fields of a forecaster that is chosen no more, and those that can be seen."""


def test_a_forecaster_before_cannot_be_typed_into(page: Page, server_workspace: Path, complaints: list[str]) -> None:
    SeriesStore(server_workspace).add("noise", np.random.default_rng(0).integers(0, 255, (30, 16, 20, 1), dtype=np.uint8))
    page.reload()
    page.get_by_role("link", name="Train", exact=True).click()
    expect(page.get_by_label("Name of the run", exact=True)).to_have_value("Auto on noise")
    page.get_by_text("Networks: they learn how your frames move").click()
    page.evaluate(LOOK)
    for name, title in (("unet", "U-Net"), ("convlstm", "ConvLSTM"), ("auto", "Auto")):
        page.locator(f".st-key-card_{name}").get_by_role("button").click()
        expect(page.locator(f'[class*="st-key-title-{name}-"] input')).to_have_value(f"{title} on noise")
        expect(page.locator(f'[class*="st-key-setting-{name}-"] input').first).to_be_visible()
    seen = page.evaluate("() => window.seen")
    assert seen["both"], "the form was never between two forecasters: the look proves nothing"
    assert not seen["foreign"]
    assert not complaints, complaints

"""Two hundred short runs in a row with a browser looking on: memory and threads stay flat, every run ends."""

import time
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import Browser

from framecast.runs.store import RunStore

from .serving import ready_run, serving

pytestmark = [pytest.mark.browser, pytest.mark.slow]
N_RUNS, N_BEFORE = 200, 80
"""All of them, and those after which memory and threads are taken as what they should stay at."""
PATIENCE_S = 1200.0
MEMORY_MAY_GROW = 64 * 2**20


def test_memory_and_threads_stay_flat_over_two_hundred_runs(browser: Browser, tmp_path: Path) -> None:
    workspace = tmp_path / "workspace"
    runs = [ready_run(workspace, epochs=1)]
    series = runs[0].record.series
    for index in range(1, N_RUNS):
        name = "unet" if index % 4 == 0 else ("persistence", "climatology", "damped_trend")[index % 3]
        runs.append(ready_run(workspace, name, **({"epochs": 1} if name == "unet" else {})))
    assert len({run.id for run in runs}) == N_RUNS and {run.record.series for run in runs} == {series}
    with serving(workspace, feeding=True) as (url, server):
        page = browser.new_context().new_page()
        page.goto(f"{url}/train?run={runs[-1].id}")
        process, seen = psutil.Process(server.pid), {}
        deadline = time.monotonic() + PATIENCE_S
        while (n_done := sum(run.state != "interrupted" for run in runs)) < N_RUNS:
            assert time.monotonic() < deadline, f"{n_done} of {N_RUNS} runs ended in {PATIENCE_S:.0f} s"
            if n_done >= N_BEFORE and "before" not in seen:
                seen["before"] = (process.memory_info().rss, process.num_threads())
            time.sleep(0.5)
        seen["after"] = (process.memory_info().rss, process.num_threads())
        page.context.close()
    print({when: f"{memory / 2**20:.0f} MiB, {threads} threads" for when, (memory, threads) in seen.items()})
    states = {run.id: run.state for run in RunStore(workspace).runs()}
    assert set(states.values()) == {"finished"}, "or refused with a reason"
    assert seen["after"][0] - seen["before"][0] < MEMORY_MAY_GROW
    assert seen["after"][1] <= seen["before"][1] + 2

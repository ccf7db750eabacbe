"""Short runs in a row with a browser looking on: memory and threads stay flat, every run ends.

Two hundred where they fit into LIMIT_S; on a busy machine fewer, but N_LEAST. FRAMECAST_SOAK_S=1200 gives all the time.
"""

import itertools
import os
import time
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import Browser

from framecast.runs.store import RunStore

from .conftest import patient
from .serving import ready_run, serving

pytestmark = [pytest.mark.browser, pytest.mark.slow]
N_RUNS, N_LEAST, N_BEFORE = 200, 60, 30
"""All, those that must end, and those after which memory and threads are taken as what they should stay at: rules and networks
are among them, so that all they import (the first training 90 MiB) is in memory."""
LIMIT_S, PATIENCE_S, EVERY_MS = float(os.environ.get("FRAMECAST_SOAK_S", "150")), 1200.0, 5000
MEMORY_MAY_GROW, N_PASSING = 64 * 2**20, 4
"""Bytes; and threads that come and go with a rerun of the page, more or fewer at the moment of looking."""


def test_memory_and_threads_stay_flat_over_many_short_runs(browser: Browser, tmp_path: Path) -> None:
    workspace = tmp_path / "workspace"
    runs = [ready_run(workspace, epochs=1)]
    for index in range(1, N_RUNS):
        name = "unet" if index % 4 == 0 else ("persistence", "climatology", "damped_trend")[index % 3]
        runs.append(ready_run(workspace, name, **({"epochs": 1} if name == "unet" else {})))
    assert len({run.id for run in runs}) == N_RUNS
    before: tuple[int, int] | None = None
    with serving(workspace, feeding=True) as (url, server):
        page = patient(browser).new_page()
        page.goto(f"{url}/train?run={runs[-1].id}")
        visited = itertools.cycle(("Runs", "Series", "Train"))
        process, began = psutil.Process(server.pid), time.monotonic()
        while (n_done := sum(run.state != "interrupted" for run in runs)) < N_RUNS:
            spent = time.monotonic() - began
            assert spent < PATIENCE_S, f"only {n_done} of {N_RUNS} runs ended in {PATIENCE_S:.0f} s"
            if spent > LIMIT_S and n_done >= N_LEAST:
                break
            if n_done >= N_BEFORE and before is None:
                assert any(run.record.forecaster == "unet" and run.state == "finished" for run in runs)
                before = (process.memory_info().rss, process.num_threads())
            page.get_by_role("link", name=next(visited), exact=True).click()  # one session, looking here and there
            page.wait_for_timeout(EVERY_MS)
        after = (process.memory_info().rss, process.num_threads())
        page.context.close()
    assert before is not None
    for when, (memory, threads) in (("before", before), ("after", after)):
        print(f"{when}: {memory / 2**20:.0f} MiB, {threads} threads")
    print(f"{n_done} runs in {time.monotonic() - began:.0f} s")
    states = [run.state for run in RunStore(workspace).runs()]
    assert states.count("finished") >= n_done and set(states) <= {"finished", "interrupted"}, "none failed"
    assert after[0] - before[0] < MEMORY_MAY_GROW
    assert after[1] <= before[1] + N_PASSING

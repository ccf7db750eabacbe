"""Decode in several threads, keep the order, and hold no more than a few frames in memory.

Decoders of pictures release the interpreter while they work, so two threads decode nearly twice as fast. The look-ahead is
bounded: a slow disk at the other end must not let decoded frames pile up.
"""

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

MOST_BYTES = 2**27
"""Decoded frames that wait take no more than this, or one of them does."""

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_order(
    work: Callable[[Item], Result],
    items: Iterable[Item],
    *,
    n_threads: int | None = None,
    ahead: int = 2,
    frame_bytes: int = 0,
) -> Generator[Result, None, None]:
    """`work(item)` for each item, in the order of the items, on all cores; at most `ahead` results a thread wait to be taken,
    and fewer where they are large: `frame_bytes` each.

    What `work` raises is raised here, in its turn. Leaving the loop early cancels what has not begun. Where no thread can be
    had any more (the interpreter is ending, and whoever asked is told so in a moment), this one does the work.
    """
    n_threads = n_threads or os.cpu_count() or 1
    most = max(1, min(n_threads * ahead, MOST_BYTES // max(1, frame_bytes)))
    n_threads = min(n_threads, most)
    waiting: deque[Callable[[], Result]] = deque()
    pool = ThreadPoolExecutor(n_threads, thread_name_prefix="decode")
    try:
        for item in items:
            try:
                waiting.append(pool.submit(work, item).result)
            except RuntimeError:
                waiting.append(partial(work, item))
            if len(waiting) >= most:
                yield waiting.popleft()()
        while waiting:
            yield waiting.popleft()()
    finally:
        pool.shutdown(cancel_futures=True)

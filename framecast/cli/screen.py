"""What a person sees while waiting, and tables. Progress goes to stderr: a bar on a terminal, plain lines elsewhere."""

import contextlib
import sys
import time
from collections.abc import Iterable, Sequence

from tqdm import tqdm

from framecast.files import OUT_OF_ROOM
from framecast.training.progress import FitProgress

LINE_EVERY_S = 10.0


class Screen:
    """Says nothing at all when `quiet`."""

    def __init__(self, quiet: bool) -> None:
        self.quiet = quiet
        self.bars = not quiet and sys.stderr.isatty()
        self._bar: tqdm[None] | None = None
        self._said_at = time.monotonic()
        self._stage = ""

    def say(self, text: str) -> None:
        if self.bars:
            tqdm.write(text, file=sys.stderr)
        elif not self.quiet:
            _print(text)

    def complain(self, sentence: str) -> None:
        """An error, said also when quiet."""
        self.clear()
        with contextlib.suppress(BrokenPipeError):  # nobody hears it, and the exit code still tells
            _print(sentence)

    def ingested(self, n_done: int, n_frames: int | None) -> None:
        """Progress of an ingest: frames stored so far, of how many if that is known."""
        if self.bars:
            if self._bar is None:
                self._bar = tqdm(total=n_frames, desc="Reading", unit="frame", leave=False, file=sys.stderr)
            self._bar.update(n_done - self._bar.n)
        elif self._due():
            self.say(f"Reading: {n_done}{f' of {n_frames}' if n_frames else ''} frames")

    def looked(self, share: float, words: str) -> None:
        """Progress of looking through a series."""
        if self.bars:
            if self._bar is None:
                self._bar = tqdm(total=1.0, bar_format="{desc} {percentage:3.0f}% |{bar}|", leave=False, file=sys.stderr)
            self._bar.set_description_str(words, refresh=False)
            self._bar.update(share - self._bar.n)
        elif self._due():
            self.say(words)

    def follow(self, steps: Iterable[FitProgress], title: str) -> None:
        """Draw the progress of a run until it ends."""
        try:
            for progress in steps:
                if self.bars:
                    self._draw(progress, title)
                elif progress.stage != self._stage or self._due():
                    self.say(f"{title}: {_words(progress)}")
                self._stage = progress.stage
        finally:
            self.clear()

    def clear(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.close()
        self._bar, self._stage = None, ""

    def _draw(self, progress: FitProgress, title: str) -> None:
        if self._bar is None:
            layout = "{desc} {percentage:3.0f}% |{bar}| {elapsed}{postfix}"
            self._bar = tqdm(total=1.0, bar_format=layout, leave=False, file=sys.stderr)
        self._bar.set_description_str(title, refresh=False)
        self._bar.set_postfix_str(_words(progress), refresh=False)
        self._bar.update(progress.fraction - self._bar.n)

    def _due(self) -> bool:
        now = time.monotonic()
        if now - self._said_at < LINE_EVERY_S:
            return False
        self._said_at = now
        return True


def table(header: Sequence[str], rows: Sequence[Sequence[str]], left: Sequence[int] = (0,)) -> str:
    """Columns under their headers; those in `left` begin at the left, the others end at the right."""
    widths = [max(len(row[column]) for row in (header, *rows)) for column in range(len(header))]
    lines = []
    for row in (header, tuple("-" * width for width in widths), *rows):
        cells = [
            text.ljust(width) if column in left else text.rjust(width)
            for column, (text, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def number(value: float) -> str:
    """Four significant digits, without a power of ten where that can be read."""
    return f"{value:.4g}" if value == 0 or 1e-4 <= abs(value) < 1e6 or value != value else f"{value:.3e}"


def _print(text: str) -> None:
    """To stderr. One that is kept on a disk that has filled up ends no run."""
    try:
        print(text, file=sys.stderr, flush=True)
    except OSError as error:
        if error.errno not in OUT_OF_ROOM:
            raise


def _words(progress: FitProgress) -> str:
    parts = [progress.stage]
    if progress.epoch:
        parts.append(f"epoch {progress.epoch}" + (f" of {progress.n_epochs}" if progress.n_epochs else ""))
    if progress.train_loss is not None:
        parts.append(f"loss {progress.train_loss:.4g}")
    parts += [f"validation {name.upper()} {value:.4g}" for name, value in progress.valid_scores.items()]
    if progress.remaining_s is not None:
        parts.append(f"{_in_words(progress.remaining_s)} left")
    return ", ".join(parts)


def _in_words(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 100 * 60 else f"{seconds / 3600:.1f} h"

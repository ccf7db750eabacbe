"""The command line, of which torchrun starts two processes; each writes down the steps it took and the weights after each.

With a step number in POISON the second process makes its share of that step no number, as a window of its own might.
"""

import hashlib
import os
from pathlib import Path

from framecast.cli.main import main
from framecast.cli.together import end_at_once
from framecast.training.step import Stepper

POISON = int(os.environ.get("POISON", "0"))
step, taken, seen = Stepper.__call__, 0, hashlib.sha256()


def watched(self: Stepper, optimizer: object, batch: object, data_range: float, weight: float = 1.0) -> object:
    global taken
    taken += 1
    poisoned = taken == POISON and os.environ["RANK"] == "1"
    found = step(self, optimizer, batch, data_range, float("nan") if poisoned else weight)  # type: ignore[arg-type]
    for one in self._network.parameters():
        seen.update(one.detach().numpy().tobytes())
    return found


Stepper.__call__ = watched  # type: ignore[method-assign, assignment]
code = main()
Path(os.environ["FOLDER"], os.environ["RANK"]).write_text(f"{taken} {seen.hexdigest()}")
end_at_once(code)

"""The command line, of which torchrun starts two processes; the second one runs out of memory in its third step."""

import os

from framecast.cli.main import main
from framecast.cli.together import end_at_once
from framecast.training.step import Stepper

STEPS = 2
step, taken = Stepper.__call__, 0


def failing(self: Stepper, *asked: object) -> object:
    global taken
    taken += 1
    if taken > STEPS:
        raise MemoryError("[enforce fail at alloc_cpu.cpp] not enough memory: you tried to allocate 9 bytes")
    return step(self, *asked)  # type: ignore[arg-type]


if os.environ["RANK"] == "1":
    Stepper.__call__ = failing  # type: ignore[method-assign, assignment]
end_at_once(main())

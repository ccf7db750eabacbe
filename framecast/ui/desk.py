"""The one measurement that this server may be taking: a process of its own, so that pages go on and memory that runs out ends
it alone. Two at once would measure each other, so one that is asked for ends one that is at work.

Answers are remembered by what they depend on, for all sessions.
"""

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import streamlit as st

REFRESH_S = 1.0
SOURCE = Path(__file__).parents[2]


@dataclass
class Desk:
    answers: dict[str, dict[str, Any] | str] = field(default_factory=dict)
    """What was found, or the sentence why nothing was."""
    at_work: subprocess.Popen[str] | None = None
    asked: str = ""

    def begin(self, module: str, key: str, question: Mapping[str, Any]) -> None:
        """Let `python -m module` answer the question, which is known by `key`."""
        if self.at_work is not None:
            self.at_work.kill()
            self.at_work.communicate()
        self.answers.pop(key, None)
        self.asked = key
        self.at_work = process = subprocess.Popen(
            [sys.executable, "-m", module],
            cwd=SOURCE,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert process.stdin is not None
        process.stdin.write(json.dumps(question))
        process.stdin.close()
        process.stdin = None

    def answer(self, key: str) -> dict[str, Any] | str | None:
        """None where there is none, or none yet."""
        self._collect()
        return self.answers.get(key)

    def works_on(self, key: str) -> bool:
        return self.at_work is not None and self.asked == key

    def _collect(self) -> None:
        """Take the answer of a process that has ended."""
        process = self.at_work
        if process is None or process.poll() is None:
            return
        said, _ = process.communicate()
        self.at_work = None
        if process.returncode:
            self.answers[self.asked] = "The trial ended without an answer; most likely memory did not suffice for one step."
            return
        found = json.loads(said)
        self.answers[self.asked] = str(found["error"]) if "error" in found else found


@st.cache_resource(show_spinner=False)
def desk() -> Desk:
    return Desk()

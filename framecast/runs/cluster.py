"""Commands as a cluster takes them: by torchrun on several GPUs or machines, and as batch files for SLURM.

Only text is made here: nothing is submitted, and which machine computes is the cluster's business. The files name the folder
of this FrameCast and the programs beside this Python, which the machines of a cluster share as they share the workspace.
"""

import re
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from framecast.errors import SettingError
from framecast.runs.record import SOURCE

MOST_PROCESSES, MOST_MACHINES = 64, 1024
HOURS = 24
NOTICE_S = 120
"""Before its time is over a job is told, so that the run keeps where it stands."""
PORT = 29500
FRAMECAST = ("-m", "framecast")
ASKED = (
    "set -euo pipefail",
    'cd "${FRAMECAST_FOLDER:?must be the folder of FrameCast}"',
    'export FRAMECAST_WORKSPACE="${FRAMECAST_WORKSPACE:?must be the workspace of the app}"',
    'export PATH="$PWD/.venv/bin:$PATH"',
    'export SRUN_CPUS_PER_TASK="${SLURM_CPUS_PER_TASK:-}"',
)


@dataclass(frozen=True)
class Place:
    """What a run is carried out on: `n_processes` on each of `n_machines`, with a GPU each or with CPU threads."""

    n_processes: int = 1
    n_machines: int = 1
    on_gpu: bool = False
    n_threads: int = 1
    """Of each process."""

    def __post_init__(self) -> None:
        if not 1 <= self.n_processes <= MOST_PROCESSES or not 1 <= self.n_machines <= MOST_MACHINES:
            raise SettingError(
                f"{self.n_processes} processes on each of {self.n_machines} machines are asked for; choose 1 to "
                f"{MOST_PROCESSES} processes and 1 to {MOST_MACHINES} machines."
            )

    @property
    def shared(self) -> bool:
        """Whether several processes train the run."""
        return self.n_processes * self.n_machines > 1


def command(words: Sequence[str], place: Place) -> str:
    """`python -m framecast` with these words on one machine, or what every machine of several is to start."""
    if not place.shared:
        return shlex.join(("python", *FRAMECAST, *words))
    if place.n_machines == 1:
        return shlex.join(("torchrun", "--standalone", f"--nproc-per-node={place.n_processes}", *FRAMECAST, *words))
    start = f"torchrun --nnodes={place.n_machines} --nproc-per-node={place.n_processes} --rdzv-backend=c10d"
    meeting = f'--rdzv-id="${{SLURM_JOB_ID:-framecast}}" --rdzv-endpoint="${{FIRST_MACHINE:-localhost}}:{PORT}"'
    return f"{start} {meeting} {shlex.join((*FRAMECAST, *words))}"


def batch_file(words: Sequence[str], place: Place, name: str, *, private: bool = False) -> str:
    """For sbatch: the command as a job called `name`. A `private` one names no folder of this machine: whoever submits it says
    where FrameCast and its workspace are."""
    lines = [*_head(name, place, "%x-%j.log"), *(ASKED if private else _environment())]
    if place.n_machines > 1:
        lines.append('FIRST_MACHINE=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | sed -n 1p)')
        lines += ["export FIRST_MACHINE", f"srun --kill-on-bad-exit=1 bash -c {shlex.quote(command(words, place))}"]
    else:
        lines.append(f"exec {command(words, place)}")
    return "\n".join((*lines, ""))


def array_file(commands: Path, n_jobs: int, place: Place, name: str) -> str:
    """For sbatch: an array of `n_jobs`, each of which carries out its line of the file `commands`."""
    here = shlex.quote(str(commands))
    return "\n".join(
        (
            *_head(name, place, "%x-%A_%a.log", f"--array=0-{n_jobs - 1}"),
            *_environment(),
            f'line=$(sed -n "$((SLURM_ARRAY_TASK_ID + 1))p" {here})',
            'if [ -z "$line" ]; then',
            f'    echo "There is no job $SLURM_ARRAY_TASK_ID in the list; it has 0 to {n_jobs - 1}." >&2',
            "    exit 2",
            "fi",
            'eval "exec $line"',
            "",
        )
    )


def _head(name: str, place: Place, log: str, *more: str) -> list[str]:
    whole = place.n_machines > 1
    asked = [
        f"--job-name={re.sub(r'[^A-Za-z0-9_.-]', '_', name)[:60] or 'framecast'}",
        *more,
        f"--nodes={place.n_machines}",
        "--ntasks-per-node=1",
        f"--cpus-per-task={place.n_processes * place.n_threads}",
        *([f"--gpus-per-node={place.n_processes}"] if place.on_gpu else []),
        f"--time={HOURS}:00:00",
        f"--output={log}",
        f"--signal={'' if whole else 'B:'}TERM@{NOTICE_S}",
    ]
    return [
        "#!/bin/bash",
        *(f"#SBATCH {one}" for one in asked),
        "# Written by FrameCast. Set the time, and add the partition and account that your cluster asks for.",
        f"# {NOTICE_S} seconds before the time is over the run keeps where it stands; runs resume goes on from there.",
    ]


def _environment() -> list[str]:
    return [
        "set -euo pipefail",
        f"cd {shlex.quote(str(SOURCE))}",
        f"export PATH={shlex.quote(str(Path(sys.executable).parent))}:$PATH",
        'export SRUN_CPUS_PER_TASK="${SLURM_CPUS_PER_TASK:-}"',
    ]

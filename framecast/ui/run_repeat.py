"""How to ask for a run once more without this page: a command line, a script, and for a cluster a batch file."""

import streamlit as st

from framecast.forecasters.catalog import FORECASTERS
from framecast.runs.cluster import MOST_MACHINES, MOST_PROCESSES, Place
from framecast.runs.overview import RunLine
from framecast.runs.repeat import repeat, usual_place
from framecast.ui import resources
from framecast.ui.text import escaped

_WHERE = {"gpu": "GPUs", "cpu": "CPUs"}


def run_repeat(line: RunLine) -> None:
    """Draw all three, folded."""
    with st.expander("Repeat this run on the command line, on a cluster or in Python", icon=":material/terminal:"):
        run = resources.run_store().open(line.id)
        place = _place(line)
        found = repeat(run, place=place, private=True)
        for note in found.notes:
            st.caption(escaped(note))
        if not found.command:
            return
        if place.n_machines == 1:
            st.markdown("In a shell, in the folder of FrameCast and with the same workspace:")
            st.code(found.command, language="sh", wrap_lines=True)
        st.markdown(
            "For a SLURM cluster that shares this disk: set `FRAMECAST_FOLDER` and `FRAMECAST_WORKSPACE`, then submit it with "
            "`sbatch`. The run shows up here as it trains."
        )
        st.code(found.batch_file, language="sh", wrap_lines=True)
        st.download_button(
            "Save as a batch file", found.batch_file, f"{line.id}.sbatch", "text/x-shellscript", key="save_sbatch",
            icon=":material/download:", on_click="ignore",
        )  # fmt: skip
        st.markdown("In Python:")
        st.code(found.script, language="python", wrap_lines=True)


def _place(line: RunLine) -> Place:
    """Where it is to be repeated, as it was at first. Only one network's training can be shared."""
    usual = usual_place(line.record)
    left, middle, right = st.columns([2, 1, 1], vertical_alignment="bottom")
    on = left.segmented_control(
        "Compute on", list(_WHERE), default="gpu" if usual.on_gpu else "cpu", required=True, key=f"repeat_on_{line.id}",
        format_func=_WHERE.__getitem__,
    )  # fmt: skip
    n_processes = n_machines = 1
    if FORECASTERS[line.record.forecaster].family == "network":
        n_processes = middle.number_input(
            "Processes a machine", 1, MOST_PROCESSES, usual.n_processes, key=f"repeat_processes_{line.id}",
            help="So many GPUs, or processes on CPUs, train the network together: each takes its share of every batch.",
        )  # fmt: skip
        n_machines = right.number_input("Machines", 1, MOST_MACHINES, 1, key=f"repeat_machines_{line.id}")
    return Place(n_processes, n_machines, on == "gpu", usual.n_threads)

"""A chart that is begun while another session imports pandas."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

HALF_IMPORTED = """
import importlib.abc, sys, threading, time

half_way = threading.Event()


class Slow(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name == "pandas.core.api":
            half_way.set()
            time.sleep(1)
        return None


from framecast.ui.figures import single_figure, subplot_figure

assert "pandas" not in sys.modules, "the chart of this test would be begun too late"
sys.meta_path.insert(0, Slow())
other = threading.Thread(target=__import__, args=("pandas",))
other.start()
assert half_way.wait(60)
assert not hasattr(sys.modules["pandas"], "Series")
"""


def test_a_chart_can_be_begun_while_another_thread_imports_pandas() -> None:
    drawn = "figure = single_figure()\nfigure.add_scatter(x=[1, 2], y=[3, 4])\nother.join()"
    subprocess.run([sys.executable, "-c", HALF_IMPORTED + drawn], cwd=ROOT, check=True, timeout=120)


def test_several_charts_can_be_begun_while_another_thread_imports_pandas() -> None:
    drawn = "figure = subplot_figure(rows=1, cols=2)\nfigure.add_scatter(x=[1, 2], y=[3, 4], row=1, col=2)\nother.join()"
    subprocess.run([sys.executable, "-c", HALF_IMPORTED + drawn], cwd=ROOT, check=True, timeout=120)


def test_every_chart_begins_that_way() -> None:
    begins = ("go.Figure(", "make_subplots", "plotly.express")
    paths = [*(ROOT / "framecast").rglob("*.py"), *(ROOT / "pages").glob("*.py"), ROOT / "app.py"]
    modules = {str(path.relative_to(ROOT)): path.read_text() for path in paths}
    assert {"framecast/ui/charts.py", "pages/compare.py"} <= modules.keys()
    assert [name for name, code in modules.items() if any(begin in code for begin in begins)] == ["framecast/ui/figures.py"]

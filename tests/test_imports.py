"""The rooms of the house: imports flow one way, and what must never be in a room is not in it.

The law is read off the syntax tree, so that an import inside a function counts like one at the top, and so does a module
named in a string, which is how a registry finds its entries.
"""

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "framecast"

BASE = ("errors", "files", "leaving", "registry", "settings")
ROOMS_LEFT_TO_RIGHT: tuple[tuple[str, ...], ...] = (
    BASE,
    ("series", "metrics", "networks"),
    ("training",),
    ("forecasters",),
    ("evaluation",),
    ("drawing",),
    ("runs",),
    ("export",),
    ("ui",),
    ("pages", "app"),
)
RANK = {room: rank for rank, rooms in enumerate(ROOMS_LEFT_TO_RIGHT) for room in rooms}

ALLOWED = {room: {room} | {left for left in RANK if RANK[left] < rank} for room, rank in RANK.items()}
for _room in BASE:
    ALLOWED[_room] = set(BASE)
ALLOWED["samples"] = {"samples", "series", *BASE}  # beside the road: material for the app and the command line
ALLOWED["ui"] |= {"samples"}
ALLOWED["pages"] |= {"samples"}
for _front in ("__init__", "__main__", "cli"):  # the library's front doors: everything that works without a browser
    ALLOWED[_front] = {_front, "samples"} | {room for room in RANK if RANK[room] <= RANK["export"]}
ALLOWED["__main__"] |= {"cli"}

SOURCES = sorted([*PACKAGE.rglob("*.py"), *(ROOT / "pages").glob("*.py"), ROOT / "app.py"])
THREADS = [PACKAGE / "runs" / "jobs.py", PACKAGE / "runs" / "cutting_off.py"]
MAX_LINES = 400
MAX_PAGE_LINES = 80


def room_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return parts[1] if parts[0] == "framecast" else parts[0]


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def imported(path: Path) -> Iterator[str]:
    """Dotted names of all that the file at `path` imports, wherever in it."""
    for node in ast.walk(tree(path)):
        match node:
            case ast.Import(names=names):
                yield from (name.name for name in names)
            case ast.ImportFrom(module=module, level=0, names=names):
                yield from (f"{module}.{name.name}" for name in names)
            case ast.ImportFrom():
                pytest.fail(f"{path.relative_to(ROOT)}:{node.lineno} imports relatively; write the whole name.")
            case ast.Constant(value=str(text)) if text.startswith("framecast.") and is_module(text):
                yield text


def is_module(dotted: str) -> bool:
    path = ROOT.joinpath(*dotted.split("."))
    return path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()


def rooms_imported(path: Path) -> set[str]:
    names = (name.split(".") for name in imported(path))
    rooms = {name[1] if len(name) > 1 else "__init__" for name in names if name[0] == "framecast"}
    return {room if room in ALLOWED else "__init__" for room in rooms}  # `from framecast import fit`: the front door


def names(paths: list[Path]) -> list[str]:
    return [path.relative_to(ROOT).as_posix() for path in paths]


@pytest.mark.parametrize("path", SOURCES, ids=names(SOURCES))
def test_a_room_imports_only_rooms_to_its_left(path: Path) -> None:
    room = room_of(path)
    assert room in ALLOWED, f"{room} has no place in the house yet; give it one in ROOMS_LEFT_TO_RIGHT."
    wrong = rooms_imported(path) - ALLOWED[room]
    assert not wrong, f"{path.relative_to(ROOT)} is in {room} and imports {sorted(wrong)}."


def importers(*modules: str) -> dict[str, list[Path]]:
    """Module to the files that import it or anything in it."""
    return {
        module: [path for path in SOURCES if any(f"{name}.".startswith(f"{module}.") for name in imported(path))]
        for module in modules
    }


def test_streamlit_stays_in_the_app() -> None:
    below = [path for path in importers("streamlit")["streamlit"] if room_of(path) not in ("ui", "pages", "app")]
    assert not below, names(below)


def test_series_and_pages_know_no_torch() -> None:
    without_torch = {*BASE, "series", "samples", "ui", "pages", "app"}
    wrong = [path for path in importers("torch")["torch"] if room_of(path) in without_torch]
    assert not wrong, names(wrong)


def test_only_the_jobs_make_threads() -> None:
    """Readers may decode in the pool of concurrent.futures, which is joined before they return; one thread watches the end of
    the process."""
    found = importers("concurrent.futures", "_thread", "multiprocessing")
    pools = [path for path in found.pop("concurrent.futures") if room_of(path) != "series"]
    makers = [path for path in SOURCES if path not in THREADS and makes_threads(path)]
    assert not pools and not makers and not any(found.values()), (names(pools), names(makers), found)


def makes_threads(path: Path) -> bool:
    makers = ("Thread", "Timer")
    uses = (node for node in ast.walk(tree(path)) if isinstance(node, ast.Attribute) and node.attr in makers)
    named = any(isinstance(node.value, ast.Name) and node.value.id == "threading" for node in uses)
    return named or any(f"threading.{maker}" in imported(path) for maker in makers)


def test_nothing_is_pickled() -> None:
    """A run folder or a series may come from someone else: loading it must not run code."""
    found = importers("pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal")
    assert not any(found.values()), {module: names(paths) for module, paths in found.items() if paths}
    for path in SOURCES:
        for node in ast.walk(tree(path)):
            where = f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}"
            match node:
                case ast.Attribute(value=ast.Name(id="torch"), attr="load" | "save"):
                    pytest.fail(f"{where} uses torch.{node.attr}; weights are kept as safetensors.")
                case ast.keyword(arg="allow_pickle", value=ast.Constant(value=True)):
                    pytest.fail(f"{where} allows pickle.")


def test_no_handler_swallows_every_exception() -> None:
    """`except Exception` may stand where the failure is told on: its handler raises again or uses the exception."""
    for path in SOURCES:
        for node in ast.walk(tree(path)):
            if not isinstance(node, ast.ExceptHandler) or not catches_everything(node):
                continue
            told = any(
                isinstance(inner, ast.Raise) or (isinstance(inner, ast.Name) and inner.id == node.name)
                for statement in node.body
                for inner in ast.walk(statement)
            )
            assert told, f"{path.relative_to(ROOT)}:{node.lineno} swallows every exception."


def catches_everything(handler: ast.ExceptHandler) -> bool:
    if handler.type is None:
        return True
    caught = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(isinstance(kind, ast.Name) and kind.id in ("Exception", "BaseException") for kind in caught)


def test_files_fit_one_sitting() -> None:
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in SOURCES}
    long = {path: n for path, n in lengths.items() if n > (MAX_PAGE_LINES if room_of(path) == "pages" else MAX_LINES)}
    assert not long, {path.relative_to(ROOT).as_posix(): n for path, n in long.items()}


@pytest.mark.parametrize("module", ["framecast", "framecast.forecasters.catalog", "framecast.series", "framecast.samples"])
def test_naming_a_thing_does_not_import_torch(module: str) -> None:
    """torch takes seconds to import: whoever only names a forecaster or lists series does not pay for it."""
    assert not modules_after(f"import {module}", "torch"), f"import {module} imports torch."


def test_the_library_does_not_import_streamlit() -> None:
    code = "import framecast.__main__, framecast.runs.jobs, framecast.samples\n" + (
        "from framecast.forecasters.catalog import FORECASTERS\nlist(FORECASTERS)"
    )
    assert not modules_after(code, "streamlit")


def test_the_first_page_paints_before_torch_is_imported() -> None:
    code = (
        "from streamlit.testing.v1 import AppTest\n"
        f"at = AppTest.from_file({str(ROOT / 'app.py')!r}, default_timeout=180).run()\n"
        "assert not at.exception, at.exception"
    )
    assert not modules_after(code, "torch")


def modules_after(code: str, module: str) -> bool:
    """Whether a fresh Python has imported `module` once it ran `code`."""
    check = f"{code}\nimport sys\nprint('imported' if {module!r} in sys.modules else 'absent')"
    done = subprocess.run([sys.executable, "-c", check], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1] == "imported"

"""The pinned requirements are what the code imports and what is installed; the app keeps to this machine."""

import ast
import importlib.metadata
import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
LINE = re.compile(r"(?P<name>[a-z0-9-]+)==(?P<version>[0-9.]+(?:\.post[0-9]+)?)\s+# .+")
IMPORTED_AS = {"pillow": "PIL", "scikit-image": "skimage", "netcdf4": "netCDF4"}
OPENED_BY_NAME = {"netCDF4"}  # xarray imports it
PROGRAMS = {"ruff", "mypy", "pytest-xdist"}  # run, not imported


def pins(section: str = "") -> dict[str, str]:
    """Package to pinned version, from the lists of requirements or one section of them; every line also says why."""
    app, tests = (ROOT / "requirements.txt").read_text(encoding="utf-8").split("# tests and checks\n")
    extras = (ROOT / "requirements-extras.txt").read_text(encoding="utf-8")
    lines = {"": app + tests + extras, "app": app, "tests": tests, "extras": extras}[section].splitlines()
    found = {line: LINE.fullmatch(line) for line in lines if line and not line.startswith("#")}
    odd = [line for line, match in found.items() if match is None]
    assert not odd, f"requirements.txt: not 'name==version  # why': {odd}"
    return {match["name"]: match["version"] for match in found.values() if match}


def third_party(*folders: str) -> set[str]:
    """Top-level names imported by the files in the folders (or a file) that are neither Python's nor ours."""
    paths = [path for folder in folders for path in (ROOT.glob(folder) if "." in folder else (ROOT / folder).rglob("*.py"))]
    found: set[str] = set()
    for path in paths:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.Import(names=names):
                    found |= {name.name.split(".")[0] for name in names}
                case ast.ImportFrom(module=str(module), level=0):
                    found.add(module.split(".")[0])
    return found - set(sys.stdlib_module_names) - {"framecast", "tests", "benchmarks"}


def modules(packages: dict[str, str]) -> set[str]:
    return {IMPORTED_AS.get(name, name) for name in packages if name not in PROGRAMS}


def test_the_app_imports_what_is_pinned_and_no_more() -> None:
    assert third_party("framecast", "pages", "app.py") == modules(pins("app")) | modules(pins("extras")) - OPENED_BY_NAME


def test_the_tests_import_what_is_pinned() -> None:
    assert third_party("tests", "benchmarks") <= modules(pins())


def test_what_is_installed_is_what_is_pinned() -> None:
    assert {name: importlib.metadata.version(name).split("+")[0] for name in pins()} == pins()


def test_the_app_keeps_to_this_machine_and_takes_the_reference_series() -> None:
    config = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text(encoding="utf-8"))
    assert config["server"]["address"] == "127.0.0.1"
    assert config["browser"]["gatherUsageStats"] is False
    assert config["server"]["maxUploadSize"] * 2**20 >= 400 * 785 * 785 * 3  # one file, no compression

"""docs/reliability.md tells of tests that there are, and of nothing else."""

import ast
import re

from .conftest import ROOT

TABLE = ROOT / "docs" / "reliability.md"


def test_every_test_that_the_table_names_exists() -> None:
    there = {
        node.name
        for path in (ROOT / "tests").rglob("test_*.py")
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef)
    }
    rows = [line for line in TABLE.read_text(encoding="utf-8").splitlines() if line.startswith("| ")][1:]
    assert len(rows) > 20
    for row in rows:
        fault, made, promised, tests = (cell.strip() for cell in row.strip("|").split("|"))
        assert fault and made and promised
        named = re.findall(r"`(test_\w+)`", tests)
        assert named and set(named) <= there, f"{fault}: {set(named) - there} is not there"


def test_every_fault_that_is_tested_is_in_the_table() -> None:
    table = TABLE.read_text(encoding="utf-8")
    left_out = {"test_table.py"}
    for path in (ROOT / "tests" / "reliability").glob("test_*.py"):
        names = re.findall(r"^def (test_\w+)", path.read_text(encoding="utf-8"), re.MULTILINE)
        assert path.name in left_out or any(name in table for name in names), f"{path.name} is not told of"

"""The architecture's rules, read off the source."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# Whom each package may import; an import never points the other way.
MAY_IMPORT: dict[str, set[str]] = {
    "assets": set(),
    "sim": {"assets"},
    "envs": {"assets", "sim"},
    "policies": {"assets", "sim", "envs"},
    "sim2real": {"assets", "sim"},
    "liptwin": {"assets", "sim", "envs", "policies", "sim2real"},
}
PACKAGES = tuple(MAY_IMPORT)
SOURCES = sorted(path for name in PACKAGES for path in (ROOT / name).rglob("*.py"))
MARKERS = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
HOME_FOLDERS = re.compile(r"(?<![\w.])/(home|root|Users|work|mnt)/\w")


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def imported_modules(path: Path) -> Iterator[str]:
    """Absolute names of what a module imports, wherever in it."""
    package = path.relative_to(ROOT).parent.parts
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level:
            yield ".".join((*package[: len(package) - node.level + 1], node.module or ""))
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


def test_there_is_source_to_look_at() -> None:
    assert {path.relative_to(ROOT).parts[0] for path in SOURCES} >= set(PACKAGES) - {"assets"}


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_imports_never_point_left(path: Path) -> None:
    own = path.relative_to(ROOT).parts[0]
    allowed = MAY_IMPORT[own] | {own}
    project_imports = {name.split(".")[0] for name in imported_modules(path)} & {
        *PACKAGES,
        "tests",
        "benchmarks",
    }
    assert project_imports <= allowed


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_library_code_does_not_print(path: Path) -> None:
    called = {
        node.func.id
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    forbidden = {"breakpoint", "input", "eval", "exec"}
    if path.name != "__main__.py":
        forbidden.add("print")
    assert not called & forbidden


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_nothing_is_left_to_do_and_no_machine_is_named(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not MARKERS.search(text)
    assert not HOME_FOLDERS.search(text)


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_every_module_says_what_it_is(path: Path) -> None:
    assert ast.get_docstring(tree_of(path))


def test_no_module_is_a_drawer_for_odds_and_ends() -> None:
    assert not [path for path in SOURCES if path.stem in {"utils", "util", "helpers", "misc"}]


def test_only_the_six_packages_are_installed() -> None:
    installed = distribution("liptwin").read_text("top_level.txt")
    assert installed is not None
    assert set(installed.split()) == set(PACKAGES)


def test_every_data_file_is_installed() -> None:
    with (ROOT / "pyproject.toml").open("rb") as stream:
        patterns = tomllib.load(stream)["tool"]["setuptools"]["package-data"]["*"]
    data = [
        path
        for name in PACKAGES
        for path in (ROOT / name).rglob("*")
        if path.is_file() and path.suffix not in {".py", ".pyc"}
    ]
    left_out = [name_of(p) for p in data if not any(p.match(pattern) for pattern in patterns)]
    assert not left_out

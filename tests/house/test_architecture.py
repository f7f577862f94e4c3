"""The arrows of the design: benchmarks <- methods <- moa_cli, package roots only, nothing heavy before it is needed."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from methods.contract.find import method_names
from tests.kit.files import FILES, PACKAGES, ROOT

HEAVY = {"torch", "transformers", "pandas", "datasets", "peft", "trl"}
ORDINARY = {"mod", "sft"}
"""Method names that are words: SFT is what the starting policy is called."""


def imports(path: Path) -> Iterator[tuple[str, list[str]]]:
    """Every module that a file imports, anywhere in it, with the names taken from it (none for `import module`)."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, []) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            assert node.module
            yield node.module, [alias.name for alias in node.names]
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
            for literal in ast.walk(node):
                if isinstance(literal, ast.Constant) and isinstance(literal.value, str):
                    yield literal.value.rstrip("."), []


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


def package_of(module: str) -> str:
    return module.partition(".")[0]


def test_there_is_something_to_look_at() -> None:
    assert len(FILES) > 40
    found = {module for path in FILES for module, _ in imports(path)}
    assert {"benchmarks", "benchmarks.spec", "methods.contract.run", "torch"} <= found


@pytest.mark.parametrize("path", FILES, ids=relative)
def test_arrows_point_one_way(path: Path) -> None:
    """The ruler knows no contestant, the contestants no command line, and nobody the tests."""
    here = relative(path).partition("/")[0]
    later = {*PACKAGES[PACKAGES.index(here) + 1 :], "tests"}
    assert [module for module, _ in imports(path) if package_of(module) in later] == []


@pytest.mark.parametrize("path", FILES, ids=relative)
def test_other_packages_are_entered_by_the_door(path: Path) -> None:
    """`from benchmarks import X`, never `from benchmarks._x import X` nor a private name."""
    here = relative(path).partition("/")[0]
    others = [(m, names) for m, names in imports(path) if package_of(m) in PACKAGES and package_of(m) != here]
    assert [m for m, names in others if "." in m or any(name.startswith("_") for name in names)] == []


@pytest.mark.parametrize("path", [p for p in FILES if relative(p).startswith("methods/")], ids=relative)
def test_methods_do_not_import_each_other(path: Path) -> None:
    """What two share lies in methods/_*.py."""
    taken = [
        f"{module}.{name}"
        for module, names in imports(path)
        for name in names or [""]
        if package_of(module) == "methods"
    ]
    inner = [name.split(".")[1] for name in taken if name.count(".") and name.split(".")[1]]
    assert [name for name in inner if not name.startswith("_") and name[0].islower()] == []


def test_the_ruler_names_no_method() -> None:
    """Nowhere, not even in a comment: hyphen, underscore, blank or nothing between the words, in any case."""
    names = [name for name in method_names() if name not in ORDINARY]
    pattern = re.compile(rf"(?i)(?<![a-z])({'|'.join(name.replace('-', '[-_ ]?') for name in names)})(?![a-z])")
    assert pattern.search("a ric b")
    assert not pattern.search("metric prices")
    lines = [
        f"{relative(path)}:{number}: {found.group()}"
        for path in FILES
        if relative(path).startswith("benchmarks/")
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if (found := pattern.search(line))
    ]
    assert lines == []


@pytest.mark.parametrize(
    "code",
    [
        "import moa_cli, methods, benchmarks",
        "import sys, runpy; sys.argv = ['moa', '--help']\ntry: runpy.run_module('moa_cli', run_name='__main__')\nexcept SystemExit as e: assert not e.code",
        "import methods; methods.method_names()",
        "import benchmarks; benchmarks.benchmark_names()",
    ],
    ids=["import", "help", "methods", "benchmarks"],
)
def test_nothing_heavy_is_imported_early(code: str) -> None:
    code += f"\nimport sys; print('heavy:', *sorted({HEAVY!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.splitlines()[-1].split() == ["heavy:"]


def test_every_file_says_what_it_is() -> None:
    """A docstring at the top, and annotations that are not evaluated."""
    for path in FILES:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        assert ast.get_docstring(tree), relative(path)


@pytest.mark.parametrize("package", PACKAGES)
def test_what_a_package_offers_is_there(package: str) -> None:
    """Names are loaded when first used: every one of them can be."""
    module = __import__(package)
    assert module.__all__
    for name in module.__all__:
        assert getattr(module, name) is not None
    with pytest.raises(AttributeError):
        _ = module.no_such_name

"""The rules of the house, each a function that says where a checkout breaks it: no lines, nothing broken."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import NamedTuple

ORDER = {
    "benchmarks": (
        ("common",), ("stats",), ("spec",), ("models", "data"), ("rewards",), ("prepare",), ("measure", "load"),
        ("ceiling",),
    ),
    "methods": (("contract",), ("engines",), ("conformance",)),
    "moa_cli": (
        ("words", "siblings"), ("console",), ("runs",), ("jobs",), ("comparisons",), ("report",),
        ("formats",), ("studies", "tuning"),
        ("claims",), ("published", "commands"), ("app",),
    ),
}  # fmt: skip
"""The packages, and the folders of each, from the ground up: a folder may use those on lower floors.

Modules at the top of `benchmarks` and `methods` are benchmarks and methods, which stand on everything of their package.
"""
MOST_ENTRIES = 16
ORDINARY = {"mod", "sft"}
"""Method names that are words: SFT is what the starting policy is called."""
BUILDS_DOORS = "benchmarks.common.door"
"""What every door is made with: the one module that all folders take from behind its own door."""
UNQUOTED = re.compile(
    r"\b(rm|mv|mkdir|moa (chat|check|compare|eval|prepare|rm|show|soup|study|train|tune))( -\w+)* "
    r"\{(?!benchmark\.typed\}|shlex\.)"
)
"""A command in a message with a value put into it as it is."""


class Import(NamedTuple):
    """A line of a module that takes a name from another: None where it takes the module itself."""

    line: int
    module: str
    name: str | None


@dataclass(frozen=True)
class House:
    """The source of the three packages below a folder."""

    root: Path

    @cached_property
    def files(self) -> dict[str, Path]:
        """Every Python file by its module; a package is called like its folder."""
        found = {}
        for package in ORDER:
            for path in sorted((self.root / package).rglob("*.py")):
                parts = path.relative_to(self.root).with_suffix("").parts
                found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
        return found

    @cached_property
    def imports(self) -> dict[str, list[Import]]:
        """What every module imports from the three packages and from the tests, anywhere in it."""
        return {name: _imports(path.read_text(encoding="utf-8")) for name, path in self.files.items()}

    def is_door(self, module: str) -> bool:
        """Whether a module is a package."""
        return module in self.files and self.files[module].name == "__init__.py"

    def home(self, module: str, name: str | None) -> str:
        """The module that a name comes from, through whatever doors."""
        while name is not None and self.is_door(module):
            behind = next((i for i in self.imports[module] if i.name == name), None)
            if behind is None:
                return f"{module}.{name}" if f"{module}.{name}" in self.files else module
            module = behind.module
        return module

    @cached_property
    def arrows(self) -> dict[str, set[str]]:
        """Which other modules every module takes something from; doors are seen through."""
        return {
            module: {self.home(i.module, i.name) for i in imports if i.module in self.files} - {module}
            for module, imports in self.imports.items()
            if not self.is_door(module)
        }


@cache
def _imports(source: str) -> list[Import]:
    """Of the text of a module; most are the same in a copy of the house."""
    return list(_found(ast.parse(source)))


def _found(tree: ast.Module) -> Iterator[Import]:
    for node in ast.walk(tree):
        found: list[tuple[str, str | None]] = []
        if isinstance(node, ast.Import):
            found = [(alias.name, None) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            module = f"{'.' * node.level}{node.module or ''}"
            found = [(module, alias.name) for alias in node.names]
        elif isinstance(node, ast.Call) and re.search(
            r"(^|\.)(import_module|__import__|files)$", ast.unparse(node.func)
        ):
            texts = [n.value for n in ast.walk(node) if isinstance(n, ast.Constant) and isinstance(n.value, str)]
            found = [(text.rstrip("."), None) for text in texts]
        for module, name in found:
            if module.startswith(".") or module.partition(".")[0] in (*ORDER, "tests"):
                yield Import(node.lineno, module, name)


def folder_of(module: str) -> str:
    """The folder that a module lies in; a module at the top of a package is a place of its own."""
    parts = module.split(".")
    return ".".join(parts[:-1]) if len(parts) > 2 else module


def floor_of(module: str) -> tuple[int, int]:
    """How far up a module stands: its package, and the floor there.

    The top of a package without a floor is its roof.
    """
    package, _, rest = module.partition(".")
    floors = ORDER[package]
    place = rest.partition(".")[0]
    return [*ORDER].index(package), next((k for k, names in enumerate(floors) if place in names), len(floors))


def arrows_back(house: House) -> list[str]:
    """Imports of what stands higher, or beside on the same floor; and of the tests."""
    told = []
    for module, imports in house.imports.items():
        for found in imports:
            if found.module.partition(".")[0] not in ORDER:
                told.append(f"{module}:{found.line} imports {found.module}")
                continue
            if house.is_door(module):
                continue  # doors only pass on
            other = house.home(found.module, found.name)
            same = module.split(".")[:2] == other.split(".")[:2]
            here, there = floor_of(module), floor_of(other)
            if other in ORDER:  # a package as a whole, to look into its folder
                here, there = here[:1], (there[0] - 1,)
            if not same and there >= here:
                told.append(f"{module}:{found.line} imports {other}")
    return told


def circles(house: House) -> list[str]:
    """Modules, and folders, that import each other in a circle."""
    folders: dict[str, set[str]] = {}
    for module, others in house.arrows.items():
        mine = folder_of(module)
        folders.setdefault(mine, set()).update({folder_of(other) for other in others} - {mine})
    return [" -> ".join(found) for graph in (house.arrows, folders) if (found := _circle(graph))]


def _circle(graph: dict[str, set[str]]) -> list[str]:
    """Some circle of a graph, empty where there is none."""
    done: set[str] = set()

    def search(node: str, path: list[str]) -> list[str]:
        if node in path:
            return [*path[path.index(node) :], node]
        if node in done:
            return []
        for other in sorted(graph.get(node, ())):
            if found := search(other, [*path, node]):
                return found
        done.add(node)
        return []

    return next((found for node in graph if (found := search(node, []))), [])


def past_the_door(house: House) -> list[str]:
    """Imports from another folder, but for the one that a folder lies in, that do not come through a door, or take a
    private name."""
    told = []
    for module, imports in house.imports.items():
        if house.is_door(module):
            continue
        for found in imports:
            other = house.home(found.module, found.name)
            if folder_of(other) == folder_of(module) or other not in house.files:
                continue
            if folder_of(module).startswith(f"{folder_of(other)}."):  # a room's own hall
                continue
            top_of_ours = found.module.count(".") == 1 and found.module.split(".")[0] == module.split(".")[0]
            through = house.is_door(found.module) or (top_of_ours and not house.is_door(found.module))
            offered = {i.name for i in house.imports.get(found.module, ())}
            behind = other == f"{found.module}.{found.name}" and found.name not in offered
            private = (found.name or "").startswith("_")
            if not through or behind or private:
                told.append(f"{module}:{found.line} imports {found.module}{f'.{found.name}' if found.name else ''}")
    return told


def methods_that_know_each_other(house: House) -> list[str]:
    """What two methods share lies in methods/engines/."""
    tops = {name for name in house.files if name.startswith("methods.") and name.count(".") == 1}
    methods = {name for name in tops if not house.is_door(name)}
    return [
        f"{module}:{i.line} imports {other}"
        for module, imports in house.imports.items()
        if module.startswith("methods.")
        for i in imports
        if (other := house.home(i.module, i.name)) in methods - {module}
    ]


def contestants_in_the_ruler(house: House) -> list[str]:
    """Method names in any file of benchmarks/, not even in a comment: hyphen, underscore, blank or nothing between
    words."""
    tops = [path.stem for path in (house.root / "methods").glob("*.py") if not path.stem.startswith("_")]
    names = [name.replace("_", "[-_ ]?") for name in tops if name not in ORDINARY]
    pattern = re.compile(rf"(?i)(?<![a-z])({'|'.join(names)})(?![a-z])")
    return [
        f"{path.relative_to(house.root)}:{number}: {found.group()}"
        for path in sorted((house.root / "benchmarks").rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if (found := pattern.search(line))
    ]


def crowded_folders(house: House) -> list[str]:
    """Folders in which one cannot see everything at once."""
    folders = [f for package in ORDER for f in [house.root / package, *(house.root / package).rglob("*")] if f.is_dir()]
    counts = {f: sum(path.name != "__pycache__" for path in f.iterdir()) for f in folders if f.name != "__pycache__"}
    return [f"{f.relative_to(house.root)}: {count}" for f, count in counts.items() if count > MOST_ENTRIES]


def names_that_hide_a_file(house: House) -> list[str]:
    """Names that a lazy door offers and that a file beside it has: the file would be found once it is imported."""
    return [
        f"{door} offers {i.name}"
        for door, imports in house.imports.items()
        if house.is_door(door) and _is_lazy(house.files[door])
        for i in imports
        if i.name and i.module != BUILDS_DOORS and f"{door}.{i.name}" in house.files
    ]


def unquoted_words(house: House) -> list[str]:
    """Words of commands in messages that nothing quotes: pasted, `rm -r {folder}` removes `my` of `my runs/b`."""
    return [
        f"{module}:{number}: {found.group()}"
        for module, path in house.files.items()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if (found := UNQUOTED.search(line))
    ]


def _is_lazy(path: Path) -> bool:
    return "__getattr__" in path.read_text(encoding="utf-8")

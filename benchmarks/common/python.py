"""Python files that a user names on the command line: a method, a benchmark, a reward."""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import inspect
import sys
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any

from benchmarks.common.errors import BadInput, error_words
from benchmarks.common.guest import Guest
from benchmarks.common.identity import digest

NOT_BESIDE = sys.stdlib_module_names | {"benchmarks", "methods", "moa_cli"}
"""What is not imported from beside a file, though a file or folder there has its name: what lies beside comes last."""


@lru_cache(maxsize=1024)
def code_content(code: str) -> str:
    """Twelve hex digits of what a Python file does: of its syntax tree, without comments, layout and docstrings.

    A string that stands alone as a statement does nothing, whatever it documents. The same in every version of Python
    that reads the file: what is empty in the tree, as much is that some versions do not have, does not count. What
    cannot be parsed is its text.

    >>> code_content("x = 1  # one") == code_content("x=(1)") != code_content("x = 1.0")
    True
    """
    try:
        return digest(_syntax(ast.parse(code)))
    except (SyntaxError, ValueError, RecursionError):
        return digest(code)


def file_code(file: Path) -> str:
    """What a Python file does, with what the files beside it do that it imports, and those that these import.

    Alone it is its `code_content`. Nothing is run.
    """
    found = {file: _text(file)}
    left = [file]
    while left:
        new = {path: _text(path) for path in _imported(found[left.pop()], file.parent) if path not in found}
        left += new
        found |= new
    told = {path.relative_to(file.parent).as_posix(): code_content(text) for path, text in found.items()}
    return told[file.name] if len(told) == 1 else digest([file.name, told])


def _text(file: Path) -> str:
    return file.read_text(encoding="utf-8", errors="replace")


def _imported(code: str, folder: Path) -> list[Path]:
    """The files of the modules and packages in a folder that some code imports."""
    try:
        nodes = list(ast.walk(ast.parse(code)))
    except (SyntaxError, ValueError, RecursionError):
        return []
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom) and not node.level}
    tops = {name.partition(".")[0] for name in names} - NOT_BESIDE - {""}
    modules = [folder / f"{top}.py" for top in tops]
    packages = [folder / top for top in tops if (folder / top / "__init__.py").is_file()]
    inside = (path for package in packages for path in package.rglob("*.py") if not path.name.startswith("."))
    return [*filter(Path.is_file, (*modules, *inside))]  # editors leave locks there, which are links to nothing


def _syntax(node: Any) -> Any:
    """A syntax tree as JSON types. Numbers and texts by what is written of them, with their type."""
    if isinstance(node, list):
        return [_syntax(one) for one in node if not _says_nothing(one)]
    if isinstance(node, ast.Constant):
        return [type(node.value).__name__, repr(node.value)]
    if isinstance(node, ast.AST):
        told = {name: _syntax(value) for name, value in ast.iter_fields(node) if name not in ("ctx", "type_comment")}
        return [type(node).__name__, {name: value for name, value in told.items() if value not in (None, [])}]
    return node


def _says_nothing(node: Any) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def load_file(path: Path, purpose: str) -> ModuleType:
    """The module that a Python file defines. Raises BadInput where it cannot run.

    The error says that the file was to be `purpose`.
    """
    if not path.is_file():
        raise BadInput(f"there is no file {path}", f"it was named as {purpose}", "check the path")
    # two files may have the same name, or that of a library
    name = f"{path.stem}_{hashlib.blake2b(str(path.resolve()).encode(), digest_size=4).hexdigest()}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up
    try:
        text = path.read_bytes()  # as it is now: what Python has compiled may be of a file as long that second
        with Guest(path).inside():
            exec(compile(text, str(path), "exec", dont_inherit=True), module.__dict__)
    except BaseException as error:
        del sys.modules[name]
        if isinstance(error, KeyboardInterrupt):
            raise
        raise BadInput(
            f"{path} cannot be loaded: {error_words(error)}",
            f"it was named as {purpose}",
            f"run it by itself to see where it fails: python {path}",
        ) from error
    own = [value for value in vars(module).values() if inspect.isclass(value) and value.__module__ == name]
    _LOADED.update(dict.fromkeys(own, code_content(text.decode(errors="replace"))))
    return module


_LOADED: dict[type, str] = {}
"""What the file of a class did when the class was made: it may be edited, and loaded anew beside it."""


def class_content(cls: type) -> str:
    """Twelve hex digits of what the file of a class does, as `code_content` has it, from when the class was loaded or
    first asked for. BadInput for one that is in no file."""
    if cls not in _LOADED:
        try:
            text = Path(inspect.getfile(cls)).read_text(encoding="utf-8", errors="replace")
        except (OSError, TypeError) as error:
            raise BadInput(
                f"{cls.__name__} is in no file",
                "what a method of one's own trains is named after its code, and that could not be read again",
                f'write it into one, and take it from there: find_method("{cls.__name__.lower()}.py")',
            ) from error
        _LOADED[cls] = code_content(text)
    return _LOADED[cls]

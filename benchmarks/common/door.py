"""Doors: packages whose names are loaded when they are first used, so that importing one loads nothing heavy."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any


def door(package: str) -> tuple[Callable[[str], Any], list[str]]:
    """The `__getattr__` and the `__all__` of a package: what its `__init__.py` imports under `if TYPE_CHECKING:`.

    There each name is written once, where type checkers and readers look for it. (PEP 562)
    """
    source = Path(str(sys.modules[package].__file__)).read_text(encoding="utf-8")
    guarded = [node for node in ast.parse(source).body if isinstance(node, ast.If)]
    imports = [node for block in guarded for node in block.body if isinstance(node, ast.ImportFrom)]
    homes = {name.asname or name.name: (str(node.module), name.name) for node in imports for name in node.names}

    def load(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        module, attribute = homes[name]
        return getattr(import_module(module), attribute)

    return load, sorted(homes)

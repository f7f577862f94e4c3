"""Python files that a user names on the command line: a method, a benchmark, a reward."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

from benchmarks._errors import BadInput


def load_file(path: Path, purpose: str) -> ModuleType:
    """The module that a Python file defines. Raises BadInput, which says that it was to be `purpose`, where it cannot run."""
    if not path.is_file():
        raise BadInput(f"there is no file {path}", f"it was named as {purpose}", "check the path")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    before = sys.modules.get(path.stem)
    sys.modules[path.stem] = module  # dataclasses look their module up
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        if before is None:
            del sys.modules[path.stem]
        else:
            sys.modules[path.stem] = before
        raise BadInput(
            f"{path} cannot be loaded: {type(error).__name__}: {error}",
            f"it was named as {purpose}",
            f"run it by itself to see where it fails: python {path}",
        ) from error
    return module

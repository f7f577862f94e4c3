"""Python files that a user names on the command line: a method, a benchmark, a reward."""

from __future__ import annotations

import hashlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

from benchmarks.common.errors import BadInput, error_words


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
        spec.loader.exec_module(module)
    except BaseException as error:
        del sys.modules[name]
        if isinstance(error, KeyboardInterrupt):
            raise
        raise BadInput(
            f"{path} cannot be loaded: {error_words(error)}",
            f"it was named as {purpose}",
            f"run it by itself to see where it fails: python {path}",
        ) from error
    return module

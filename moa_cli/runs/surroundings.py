"""Where, by which command and with what something was made: what a record says so that it can be made again."""

from __future__ import annotations

import os
import platform
import re
import shlex
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from moa_cli.words import from_here

LIBRARIES = (
    "moa-cli", "torch", "transformers", "trl", "peft", "accelerate", "datasets", "tokenizers", "safetensors", "numpy",
    "scipy", "pandas", "pyarrow", "moocore",
)  # fmt: skip
"""Packages on which results depend."""
HIDDEN = "***"
SECRET = re.compile(
    r"""(?ix)
    \b(?: hf_\w{16,} | sk-[\w-]{16,} | gh[pousr]_\w{16,} | github_pat_\w{16,} | glpat-[\w-]{16,} | xox[a-z]-[\w-]{10,}
        | AKIA[0-9A-Z]{12,} | eyJ[\w-]+\.[\w-]+\.[\w-]+ )
    """
)
"""What keys and tokens of well-known services look like."""
SECRETIVE = re.compile(r"(?i)(?:^|[._-])(?:token|secret|password|passwd|api[_-]?key|credentials?)$")
"""Names of options and settings whose values are secret; not max_new_tokens."""
TAKEN = "MOA_TAKEN"
"""The environment variable by which workers know what their command took from the project file."""


def versions() -> dict[str, str]:
    """Versions of Python and of the packages on which results depend."""
    found = {"python": platform.python_version()}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def typed_command() -> str:
    """The command that was typed, as it can be typed again from here, without what looks like a secret."""
    return _command(sys.argv[1:])


def note_taken(words: Sequence[str]) -> None:
    """Remembers, for all processes of this command, the words that it takes from the project file."""
    os.environ[TAKEN] = shlex.join(words)


def whole_command() -> str:
    """The command that acted: as it was typed, with what it took from the project file. It needs none."""
    words, taken = sys.argv[1:], shlex.split(os.environ.get(TAKEN, ""))
    return _command(["--no-project", *words[:1], *taken, *words[1:]] if taken else words)


def _command(words: list[str]) -> str:
    return from_here(shlex.join(["moa", *without_secrets(words)]))


def without_secrets(words: list[str]) -> list[str]:
    """Words of a command, with values that are secret by their name or by their looks replaced.

    >>> without_secrets(["--token", "abc", "-c", "my.api_key=abc", "-c", "max_new_tokens=40", "https://me:abc@host/x"])
    ['--token', '***', '-c', 'my.api_key=***', '-c', 'max_new_tokens=40', 'https://me:***@host/x']
    """
    told: list[str] = []
    for word in words:
        name, is_setting, _ = word.partition("=")
        if told and told[-1].startswith("-") and SECRETIVE.search(told[-1]):
            word = HIDDEN
        elif is_setting and SECRETIVE.search(name):
            word = f"{name}={HIDDEN}"
        told.append(re.sub(r"(://[^/\s:@]+:)[^@\s/]+@", rf"\1{HIDDEN}@", SECRET.sub(HIDDEN, word)))
    return told


def working_folder() -> str:
    """The folder in which the command was typed."""
    return from_home(str(Path.cwd()))


def from_home(path: str) -> str:
    """A path for a document: below the user's home as ~/..., so that it names no user. All else as it is."""
    with suppress(ValueError, RuntimeError):
        return str("~" / Path(path).relative_to(Path.home()))
    return path


def below_home(told: str) -> str:
    """What `from_home` was given."""
    return os.path.expanduser(told) if told == "~" or told.startswith("~/") else told


def processor(device: str) -> str:
    """The model of what computes, on which last digits depend."""
    if device == "cuda":
        import torch

        return torch.cuda.get_device_name()
    with suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
        for line in lines:
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def git_commit() -> str | None:
    """The git commit of the current folder, None outside a repository."""
    try:
        asked = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return asked.stdout.strip() or None if asked.returncode == 0 else None

"""The one way in which moa refuses an input."""

from __future__ import annotations

import errno
import shlex
from collections.abc import Callable, Iterable, Sequence
from difflib import get_close_matches
from typing import TypeVar

Found = TypeVar("Found")


class BadInput(Exception):
    """An input that cannot be used: what is wrong, why it matters, what to type instead.

    Shown as three lines, exit code 2.
    """

    def __init__(self, what: str, why: str, fix: str):
        super().__init__(what, why, fix)
        self.what, self.why, self.fix = what, why, fix

    def __str__(self) -> str:
        return f"{self.what}\n{self.why}\n{self.fix}"


class NotPermitted(BadInput):
    """What the system does not let us read or write. It is not damaged: nothing may be made anew in its place."""


def not_permitted(path: object) -> NotPermitted:
    """The refusal for a file or folder that the system denies us."""
    return NotPermitted(
        f"there is no permission for {path}",
        "it belongs to another user, or its mode keeps us out; what is in it may be as good as ever",
        "mend the permissions, or ask its owner",
    )


def changed_since(file: object) -> BadInput:
    """The refusal of a file that was edited after a benchmark was loaded and before it was read for it."""
    return BadInput(
        f"{file} has changed since the benchmark was loaded",
        "runs and scores are named after what it was then, and would be made of what it is now",
        "the same command again, or another load_benchmark, takes it as it is now",
    )


NO_PATH = {errno.ENAMETOOLONG: "its name is longer than those of files", errno.ELOOP: "links in it lead in a circle"}
"""Why no file can be at a path, by what the system says."""


def no_path(error: BaseException) -> BadInput | None:
    """The refusal of a path at which no file can be, where an error says that; pathlib has one of its own for a circle
    of links, until Python 3.13."""
    if isinstance(error, OSError) and error.errno in NO_PATH:
        path, why = str(error.filename), NO_PATH[error.errno]
    elif isinstance(error, RuntimeError) and _said(error).startswith(circle := "Symlink loop from "):
        path, why = _said(error).removeprefix(circle).strip("'"), NO_PATH[errno.ELOOP]
    else:
        return None
    shown = "/".join(part if len(part.encode()) < 256 else f"{part[:60]}..." for part in path.split("/"))
    return BadInput(f"no file can be called {shown}", why, "check what was typed")


def full_disk(error: BaseException) -> bool:
    """Whether it says that there was no room left, in the words of whoever wrote."""
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return True
    words = ("No space left on device", "disk is full", "Disk quota exceeded", "File too large", "PytorchStreamWriter")
    return any(word in _said(error) for word in words)


def no_memory(error: BaseException) -> bool:
    """Whether it says that there was no memory left, in the words of whoever asked for it."""
    words = ("can't allocate memory", "Cannot allocate memory", "can't start new thread", "failed to map segment")
    known = isinstance(error, MemoryError) or "OutOfMemory" in type(error).__name__
    return known or any(word in _said(error) for word in words)


def no_room(what: str, folder: object) -> tuple[str, str, str]:
    """What, why and what to type, where the disk under a folder is full."""
    fix = "make room there, then the same command goes on where it stopped"
    return f"{what}: there is no room left", f"the disk under {folder} is full; what is whole there stays", fix


def error_words(error: BaseException) -> str:
    """What ended a user's code, in words.

    >>> error_words(SystemExit(0)), error_words(SystemExit()), error_words(ValueError("no such file"))
    ('it called sys.exit(0)', 'it called sys.exit()', 'ValueError: no such file')
    """
    if isinstance(error, SystemExit):
        return f"it called sys.exit({'' if error.code is None else repr(error.code)})"
    return f"{type(error).__name__}: {_said(error).strip()}".removesuffix(": ")


def refusal_words(error: Exception) -> str:
    """The same of an error by which settings are refused: in its words alone where that is what it is for.

    >>> refusal_words(ValueError("beta is 0")), refusal_words(ValueError())
    ('beta is 0', 'ValueError')
    """
    alone = _said(error) if isinstance(error, BadInput | TypeError | ValueError) else ""
    return alone or error_words(error)


def _said(error: BaseException) -> str:
    """What an error says of itself: nothing where a user's `__str__` raises."""
    try:
        return str(error)
    except Exception:
        return ""


def to_type(*words: object) -> str:
    """A command, or words of one, as a shell takes it: a word with a space in it stays one word.

    >>> to_type("rm", "-r", "my runs/b")
    "rm -r 'my runs/b'"
    """
    return shlex.join(map(str, words))


def refuse(what: str, mistakes: Sequence[str], fix: str, *, why: str = "nothing was started") -> None:
    """Raises one BadInput that lists all mistakes, if there are any."""
    if mistakes:
        count = "1 mistake" if len(mistakes) == 1 else f"{len(mistakes)} mistakes"
        raise BadInput(f"{what}: {count}{_listed(mistakes)}", why, fix)


def _listed(lines: Iterable[str]) -> str:
    return "".join(f"\n  {line}" for line in lines)


class Refusals:
    """What is refused while all of something is looked at, to be told at once."""

    SHOWN = 3
    """How many are named of those that have the same reason and the same mend. [choice]"""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], dict[str, None]] = {}
        self._last: BadInput | None = None

    def ask(self, check: Callable[[], Found]) -> Found | None:
        """What a check finds; None where it refuses, which is kept."""
        try:
            return check()
        except BadInput as error:
            self._found.setdefault((error.why, error.fix), {})[error.what] = None
            self._last = error
            return None

    def tell(self, what: str) -> None:
        """Raises what was refused, each once: one as it is, several as one BadInput, with reasons and mends in the same
        order."""
        if self._last is None:
            return
        if (count := sum(map(len, self._found.values()))) == 1:
            raise self._last
        lines = []
        for like in self._found.values():
            lines += [*like][: self.SHOWN]
            if (more := len(like) - self.SHOWN) > 0:
                lines[-1] += f", and {more:,} more like it"
        whys, fixes = zip(*self._found, strict=True)
        raise BadInput(f"{what}: {count:,} mistakes{_listed(lines)}", _told(whys), _told(fixes))


def _told(lines: Sequence[str]) -> str:
    return lines[0] if len(lines) == 1 else _listed(lines)


def together(what: str, checks: Iterable[Callable[[], object]]) -> None:
    """Does all checks, and tells what they refuse at once, as `Refusals` does."""
    refusals = Refusals()
    for check in checks:
        refusals.ask(check)
    refusals.tell(what)


def check_texts(what: str, texts: Sequence[str]) -> None:
    """BadInput for one text in place of several: its letters would be taken for texts."""
    if isinstance(texts, str):
        raise BadInput(
            f"{what} are one text: {texts!r:.40}", "its letters would be taken for texts", "give a list of it"
        )


def some_of(names: Sequence[str], most: int) -> str:
    """The first of many names, and whether there are more.

    >>> some_of("abc", 2), some_of("ab", 2)
    ('a, b, ...', 'a, b')
    """
    return ", ".join([*names[:most], *["..."] * (len(names) > most)])


def nearest(name: str, names: Iterable[str]) -> str:
    """ " (did you mean X?)" for the closest of the names, whatever their case, empty where none is close."""
    known = {known.casefold(): known for known in names}
    close = get_close_matches(name.casefold(), known, n=1, cutoff=0.5)
    return f" (did you mean {known[close[0]]}?)" if close else ""

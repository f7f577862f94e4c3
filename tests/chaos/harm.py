"""Ways in which files come to harm: bytes that are lost, turned or mixed up, and values that are of another type."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

DEEP = "[" * 3000 + "]" * 3000
ODD = (
    "null", "true", "0", "-1", "1e400", "-1e308", "1.5", '""', '"x"', r'"\ud800"', r'"\u0000\u001b[2J"', "[]", "{}",
    "[[]]", '[null, "x", 1]', '{"": {}}', "9" * 5000, DEEP,
)  # fmt: skip
"""Values as JSON texts, none of which is what is expected in most places."""


def cut(data: bytes, draw: random.Random) -> bytes:
    return data[: draw.randrange(len(data) + 1)]


def zeroed(data: bytes, draw: random.Random) -> bytes:
    """From somewhere on, as a loss of power leaves a file."""
    return (kept := cut(data, draw)) + bytes(len(data) - len(kept))


def turned(data: bytes, draw: random.Random) -> bytes:
    """A few bits."""
    harmed = bytearray(data)
    for _ in range(draw.choice((1, 1, 4)) if data else 0):
        harmed[draw.randrange(len(harmed))] ^= 1 << draw.randrange(8)
    return bytes(harmed)


def spliced(data: bytes, draw: random.Random) -> bytes:
    """A piece of it twice, or bytes that are no text in between."""
    at, other = sorted(draw.randrange(len(data) + 1) for _ in range(2))
    put = draw.choice((data[at:other], b"\xff\xfe", b"\x00", b'"', b"\n", b"[", DEEP.encode()))
    return data[:at] + put + data[at:]


def retyped(data: bytes, draw: random.Random) -> bytes:
    """A JSON value in it, or in a line of it, is another one; or an entry is gone."""
    lines = [data] if data[:1] == b"{" and data.count(b"\n") > 2 and b"\n}" in data else data.splitlines()
    if not lines:
        return data
    k = draw.randrange(len(lines))
    try:
        content = json.loads(lines[k])
    except ValueError:
        return spliced(data, draw)
    places = [*_places(content)]
    if not places:
        return draw.choice(ODD).encode()
    holder, key = draw.choice(places)
    if draw.random() < 0.3:
        del holder[key]
    else:
        holder[key] = "\0here\0"
    lines[k] = json.dumps(content).replace(json.dumps("\0here\0"), draw.choice(ODD)).encode()
    return b"\n".join(lines) + b"\n"


def _places(content: Any) -> list[tuple[Any, Any]]:
    """Everything in it that can be another thing: what holds it, and under which key."""
    found: list[tuple[Any, Any]] = []
    waiting = [content]
    while waiting:
        holder = waiting.pop()
        items = holder.items() if isinstance(holder, dict) else enumerate(holder) if isinstance(holder, list) else ()
        for key, value in items:
            found.append((holder, key))
            waiting.append(value)
    return found


BYTES: tuple[Callable[[bytes, random.Random], bytes], ...] = (cut, zeroed, turned, spliced)
TEXT = (*BYTES, retyped, retyped, retyped, retyped)

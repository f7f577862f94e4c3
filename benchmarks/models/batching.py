"""Token sequences of different lengths as tensors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch

ROWS = (64, 32, 16, 8, 4, 1)
"""In a batch of fixed shape.
Of 2, 3, 5, 6 or 10 rows some were computed unlike the others, by up to 4e-7 (an encoder's pooler)."""


def by_length(sequences: Sequence[Sequence[int]], batch: int) -> Iterator[list[int]]:
    """Indices in batches of similar length, longest first (the first batch then shows the memory peak)."""
    order = sorted(range(len(sequences)), key=lambda i: -len(sequences[i]))
    for start in range(0, len(order), batch):
        yield order[start : start + batch]


def fixed_shapes(lengths: Sequence[int], limit: int, tokens: int) -> Iterator[tuple[list[int], int, int]]:
    """Indices in batches, longest first, with the rows and the width (at most `limit`) to fill each batch up to.

    The shape follows from the length of a sequence alone: about `tokens` tokens, and a width of at most an eighth more
    than it needs, or 16. The last bits of what a model computes depend on the shape, and on whether there is any
    padding: every row of a batch has some, or none has. They depend neither on the other rows nor on the place among
    them (measured on CPUs).

    >>> list(fixed_shapes([20, 15, 100, 16, 31, 512], 512, 1024))
    [([5], 1, 512), ([2], 8, 112), ([0, 3, 4], 32, 32), ([1], 64, 16)]
    """
    shapes: dict[tuple[int, bool], list[int]] = {}
    for i, length in enumerate(lengths):
        step = max(16, (1 << length.bit_length()) // 16)
        width = min(-(-(length + 1) // step) * step, max(limit, length))
        shapes.setdefault((width, width == length), []).append(i)
    for width, full in sorted(shapes, reverse=True):
        indices, rows = shapes[width, full], next(rows for rows in ROWS if rows * width <= tokens or rows == 1)
        for start in range(0, len(indices), rows):
            yield indices[start : start + rows], rows, width


def pad_left(sequences: Sequence[Sequence[int]], pad: int, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """Token ids (B, S) and attention mask (B, S)."""
    width = max(map(len, sequences))
    ids = torch.full((len(sequences), width), pad, dtype=torch.long)
    mask = torch.zeros((len(sequences), width), dtype=torch.long)
    for row, sequence in enumerate(sequences):
        ids[row, width - len(sequence) :] = torch.tensor(sequence)
        mask[row, width - len(sequence) :] = 1
    return ids.to(device), mask.to(device)


def pad_right(
    sequences: Sequence[Sequence[int]], pad: int, device: torch.device, multiple: int = 1
) -> tuple[torch.Tensor, torch.Tensor]:
    """Token ids (B, S) and attention mask (B, S), S a multiple of `multiple`."""
    width = -max(map(len, sequences)) // multiple * -multiple
    ids = torch.full((len(sequences), width), pad, dtype=torch.long)
    mask = torch.zeros((len(sequences), width), dtype=torch.long)
    for row, sequence in enumerate(sequences):
        ids[row, : len(sequence)] = torch.tensor(sequence)
        mask[row, : len(sequence)] = 1
    return ids.to(device), mask.to(device)

"""Token sequences of different lengths as tensors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch


def by_length(sequences: Sequence[Sequence[int]], batch: int) -> Iterator[list[int]]:
    """Indices in batches of similar length, longest first (the first batch then shows the memory peak)."""
    order = sorted(range(len(sequences)), key=lambda i: -len(sequences[i]))
    for start in range(0, len(order), batch):
        yield order[start : start + batch]


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

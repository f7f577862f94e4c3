"""Policies and how they are loaded, sampled from, made from scratch and trained."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.common.door import door

if TYPE_CHECKING:
    from benchmarks.models.batching import by_length, fixed_shapes, pad_right
    from benchmarks.models.counting import counted, language_models, uncounted
    from benchmarks.models.device import ENVIRONMENT, attention, release, setup, share_memory, soften_warnings
    from benchmarks.models.finetuning import finetuned_policy, with_adapter
    from benchmarks.models.memory import (
        MADE_HERE,
        SMALL,
        USABLE,
        Memory,
        Size,
        fitting,
        named_parameters,
        planned,
        size_of,
        split,
        there_is,
    )
    from benchmarks.models.opening import (
        check_embedded,
        check_policy,
        check_shapes,
        check_unread,
        of_its_parts,
        open_reader,
    )
    from benchmarks.models.pieces import PIECE, next_logits, vocabulary
    from benchmarks.models.policy import (
        ANSWERS_AT_ONCE,
        Divergence,
        Policy,
        load_policy,
        sequence_divergence,
        sequence_log_probs,
        side_by_side,
        starting_policy,
        starting_reader,
    )
    from benchmarks.models.reader import Reader, dated, in_chat
    from benchmarks.models.sampler import cut, cut_tokens, nucleus, sample_tokens
    from benchmarks.models.scratch import (
        scratch_classifier,
        tagged_share,
        texts,
        train_scratch_policy,
        train_tokenizer,
        untrained_policy,
    )
    from benchmarks.models.tags import tagged
    from benchmarks.models.training import (
        Progress,
        Training,
        passes,
        run_trainer,
        supervised,
        trainer_arguments,
        training_mode,
    )

__getattr__, __all__ = door(__name__)

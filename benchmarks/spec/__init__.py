"""What a benchmark is made of, as plain descriptions: nothing is loaded here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.common.door import door

if TYPE_CHECKING:
    from benchmarks.spec.answers import OTHER_HALF, SPLITS, Answer, ForPolicies, Half, PreferencePair, Split, in_half
    from benchmarks.spec.description import (
        REVISION,
        Description,
        Objective,
        Reward,
        Scorer,
        choose,
        names_mistakes,
    )
    from benchmarks.spec.dialogues import ASSISTANT, USER, Message, dialogue, is_dialogue, messages, told_apart
    from benchmarks.spec.grid import (
        ROUNDING,
        Weights,
        are_weights,
        check_grid,
        default_grid,
        on_simplex,
        rounded_from,
        simplex_grid,
    )
    from benchmarks.spec.places import (
        TAGS,
        beside,
        card_file,
        folder_mistake,
        part_name,
        policy_id,
        policy_source,
        root,
        score_cache,
        tokenizer_folder,
        usual_home,
        weights_id,
    )
    from benchmarks.spec.settings import (
        CHAT,
        IN_4BIT,
        LARGE,
        PLAIN,
        SIZES,
        Finetuning,
        Lora,
        Sampling,
        Scratch,
        adapter_rank,
        fields_mistake,
        finetuning_mistakes,
        model_mistake,
        template_mistake,
    )
    from benchmarks.spec.signal import SIGNALS, Signal, column

__getattr__, __all__ = door(__name__)

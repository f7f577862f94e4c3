"""What all of moa stands on: errors, settings, files written whole, identities, the ledger of costs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.common.door import door

if TYPE_CHECKING:
    from benchmarks.common.atomic import (
        SUMS_FILE,
        check_inside,
        check_links,
        check_no_pipe,
        flush,
        is_locked,
        locked,
        passing_folder,
        remove,
        remove_unfinished,
        remove_unfinished_in,
        whole_folder,
        write_sums,
        write_text,
        write_whole,
        written_at,
    )
    from benchmarks.common.blocks import holding
    from benchmarks.common.document import Document, Part, json_text
    from benchmarks.common.errors import (
        BadInput,
        NotPermitted,
        Refusals,
        changed_since,
        check_texts,
        error_words,
        full_disk,
        nearest,
        no_memory,
        no_path,
        no_room,
        not_permitted,
        refusal_words,
        refuse,
        some_of,
        to_type,
        together,
    )
    from benchmarks.common.guest import TIMEOUT, Guest, TimeUp, staying, time_limit, timely
    from benchmarks.common.hub import (
        adapter_base,
        check_one_model,
        damaged_model,
        hub_commit,
        model_content,
        model_settings,
    )
    from benchmarks.common.identity import digest, file_content, folder_content, plain
    from benchmarks.common.ledger import (
        SUMS,
        Cost,
        Log,
        answering,
        charge,
        charged_to,
        in_force,
        silent,
        tell,
        telling,
        watching,
    )
    from benchmarks.common.parse import DEEPEST, json_of, toml_of
    from benchmarks.common.python import class_content, code_content, file_code, load_file
    from benchmarks.common.settings import (
        LARGEST,
        Answering,
        Choices,
        Range,
        Said,
        Search,
        field_types,
        fit,
        is_answering,
        misfit,
        notes_of,
        search_of,
        settable,
        type_words,
    )
    from benchmarks.common.sight import check_sight, method_at_work
    from benchmarks.common.stored import check_file, stored_bytes, stored_text, typed_bytes
    from benchmarks.common.sums import (
        copied_whole,
        faulty,
        kept,
        missing_again,
        read_cost,
        read_json,
        reading,
        set_aside,
        write_json,
    )

__getattr__, __all__ = door(__name__)

"""What to say about a token that does not fit.

`explain` asks a list of functions, each for one mistake that people make; the
first one that recognises its mistake answers. The last word says what may stand
here, in the words of `words.HUMAN`. To add a mistake, write its function in the
module of its kind, and its name at its place in `MISTAKES`.
"""

from __future__ import annotations

from .foreign import assignment, foreign_layer, foreign_text, function
from .found import Explanation, Unexpected
from .names import later, nested_item, reserved_name
from .places import (
    attached_brace,
    bar,
    comparison,
    detached_label,
    else_alone,
    equals,
    first_branch,
    keyword_colon,
    label_alone,
    label_of_nothing,
    nothing_joins,
    outside,
    size_below,
)
from .rules import (
    clause_in_line,
    clause_outside,
    clause_with_colon,
    if_as_clause,
    late_dialect,
    misplaced_implies,
    note_after_kinds,
    other_arrow,
    place_without_rule,
    rule_without_brace,
    rules_of_a_body,
    spaced_argument,
    statement_after_clauses,
    unquoted_place,
    with_on_next_line,
)
from .signs import (
    brace_on_next_line,
    branches_on_next_line,
    missing_separator,
    output_size,
    repeat_before,
    repeat_of_bare,
    spaced_call,
)
from .words import in_words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

MISTAKES: tuple[Callable[[Unexpected], Explanation | None], ...] = (
    later,
    reserved_name,
    nested_item,
    with_on_next_line,
    clause_outside,
    clause_with_colon,
    if_as_clause,
    other_arrow,
    foreign_layer,
    foreign_text,
    brace_on_next_line,
    branches_on_next_line,
    detached_label,
    equals,
    clause_in_line,
    rules_of_a_body,
    place_without_rule,
    late_dialect,
    spaced_argument,
    unquoted_place,
    spaced_call,
    assignment,
    function,
    outside,
    repeat_before,
    repeat_of_bare,
    output_size,
    size_below,
    attached_brace,
    label_alone,
    label_of_nothing,
    missing_separator,
    first_branch,
    bar,
    nothing_joins,
    else_alone,
    comparison,
    keyword_colon,
    rule_without_brace,
    misplaced_implies,
    statement_after_clauses,
    note_after_kinds,
)


def explain(found: Unexpected) -> Explanation:
    """The message for a token that does not fit."""
    for mistake in MISTAKES:
        explanation = mistake(found)
        if explanation is not None:
            return explanation
    words = in_words(found.expected)
    return found.error("E0101", found.message, f"expected {words}" if words else "")

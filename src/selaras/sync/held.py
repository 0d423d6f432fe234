"""What the ledger holds of one order, as the rules want it; and how rows are planned that must be looked for first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, cast

import msgspec

from selaras.ledger.values import Link, NewPosting, Posting, State, document_of
from selaras.model.document import DocumentKind
from selaras.rules.plan_types import Held, HeldState, IntentOp
from selaras.sync.hand_edits import EDITED

# Key of the row that stands for a record as a whole: it could not be planned, or nothing follows from it.
PROBLEM_KEY: Final = "!"
_HELD_STATES: Final[dict[State, HeldState]] = {
    State.PLANNED: "planned",
    State.IN_DOUBT: "in_doubt",
    State.DONE: "done",
    State.BLOCKED: "blocked",
    State.SKIPPED: "skipped",
}


def kept_as_edited(history: Sequence[Posting]) -> set[str]:
    """Keys of documents that a person changed in the books and decided to keep."""
    return {p.key.removeprefix(EDITED) for p in history if p.key.startswith(EDITED) and p.state is State.SKIPPED}


def looked_for(row: NewPosting) -> NewPosting:
    """The same, to be searched for in the books before it is created: a person may have typed it in."""
    first = row.state is State.PLANNED and row.op == "create" and row.kind not in ("contact", "store_payment")
    return msgspec.structs.replace(row, state=State.IN_DOUBT) if first else row


def held_documents(history: Sequence[Posting], links: dict[tuple[str, str], Link]) -> list[Held]:
    """The newest living version of each document, as the rules want it."""
    newest: dict[str, Posting] = {}
    for posting in history:
        if posting.state is not State.SUPERSEDED and posting.key != PROBLEM_KEY:
            newest[posting.key] = posting
    held = []
    for posting in newest.values():
        document = document_of(posting.document)
        if document is None:
            continue
        link = links.get((posting.stream, posting.key))
        held.append(
            Held(
                posting.key, cast(DocumentKind, posting.kind), posting.version, _HELD_STATES[posting.state],
                cast(IntentOp, posting.op), posting.digest, document, link.target_id if link else "",
            )
        )  # fmt: skip
    return held

"""Documents that people typed into the books before Selaras did: asked for by reference, compared, and linked.

The books are asked for the reference that we would stamp and for the order's own number, as people write it. What has
the order's total and currency is that document and is linked; what has another total holds the whole order, so that a
person sees both; nothing is created beside either.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal

import msgspec

from selaras.connectors.contract import Found
from selaras.ledger.values import Link, NewPosting, State
from selaras.model.money import NotExact, UnknownCurrency, to_minor
from selaras.sync import upkeep_words as words
from selaras.sync.figures import major
from selaras.sync.hub import Hub, Pair
from selaras.sync.orders import Draft

KINDS = ("sales_order", "invoice", "receipt", "credit_note", "refund_payment")
# Kinds that a person gives the order's number itself; each further document of ours has its own reference.
_NUMBERED = {"sales_order": "sales_order", "invoice": "invoice", "receipt": ""}
CAUSE = "exists_with_other_total"


class Conflict(msgspec.Struct, frozen=True):
    """A document of the books that has the order's reference and does not say the same. Amounts are major units.

    `what` is "total", "currency" or "void".
    """

    number: str
    kind: str
    id: str
    found: str
    reference: str
    what: str
    ours: Decimal
    theirs: Decimal | None
    currency: str
    message: str


class Asked(msgspec.Struct, frozen=True):
    """What the books answered: documents by (stream, key), and what contradicts, by stream."""

    same: dict[tuple[str, str], Found]
    other: dict[str, tuple[Conflict, str]]


def _wanted(draft: Draft) -> list[NewPosting]:
    return [row for row in draft.postings if row.op == "create" and row.kind in KINDS and _unsent(row)]


def _unsent(row: NewPosting) -> bool:
    return row.document is not None and row.state in (State.PLANNED, State.IN_DOUBT)


def _names(row: NewPosting, number: str) -> list[str]:
    """The references under which the document may stand, ours first."""
    own = _NUMBERED.get(row.kind)
    by_number = own is not None and own in ("", row.key)
    return list(dict.fromkeys([row.reference, *([number, f"#{number}"] if by_number else [])]))


async def ask(hub: Hub, pair: Pair, drafts: Sequence[Draft]) -> Asked:
    """Ask the books for everything that these drafts would create. Raises `ConnectorError`."""
    books, ledger = hub.connectors[pair.books], hub.desk.ledger
    size = max(1, books.capabilities.read_batch)
    found: dict[tuple[str, str], Found] = {}
    for kind in KINDS:
        names = dict.fromkeys(
            name
            for draft in drafts
            for row in _wanted(draft)
            if row.kind == kind and kind in books.capabilities.targets
            for name in _names(row, draft.record.number)
        )
        wanted = list(names)
        for start in range(0, len(wanted), size):
            hits = await books.find(kind, wanted[start : start + size])
            found.update({(kind, name): hit for name, hit in hits.items()})
    taken: set[tuple[str, str]] = set()
    for kind in {kind for kind, _name in found}:
        ids = [hit.id for (what, _name), hit in found.items() if what == kind]
        taken |= {(kind, one) for one in await hub.desk(ledger.postings.linked, pair.books, kind, ids)}
    return _judge(pair, drafts, found, taken)


def _judge(
    pair: Pair, drafts: Iterable[Draft], found: dict[tuple[str, str], Found], taken: set[tuple[str, str]]
) -> Asked:
    """Which hits are our documents. `taken` are (kind, id) of documents that belong to something already."""
    same: dict[tuple[str, str], Found] = {}
    other: dict[str, tuple[Conflict, str]] = {}
    for draft in drafts:
        number, rows = draft.record.number, _wanted(draft)
        voids = {row.key for row in draft.postings if row.op == "void"}
        odd: list[tuple[NewPosting, Found]] = []
        equal: set[str] = set()
        for row in rows:
            hits = [found[row.kind, name] for name in _names(row, number) if (row.kind, name) in found]
            hits = [hit for hit in hits if (row.kind, hit.id) not in taken]
            hit = next((hit for hit in hits if not _differs(row, hit, row.key in voids)), None)
            if hit is not None:
                same[row.stream, row.key] = hit
                taken.add((row.kind, hit.id))
                equal.add(row.kind)
            elif hits and (not pair.policy.reference_prefix or hits[0].reference == row.reference):
                # Under a prefix the bare number may be another store's order, so that alone contradicts nothing.
                odd.append((row, hits[0]))
        for row, hit in odd:
            if row.kind == "receipt" and "receipt" in equal:
                continue  # the hit was another payment of the same order
            other[row.stream] = _conflict(draft, row, hit, row.key in voids)
            break
    return Asked(same, other)


def _differs(row: NewPosting, hit: Found, voided: bool) -> str:
    if hit.status == "void" and not voided:
        return "void"
    if hit.currency and hit.currency != row.currency:
        return "currency"
    if hit.total is None:
        return ""
    try:
        return "" if to_minor(hit.total, row.currency) == row.total else "total"
    except (NotExact, UnknownCurrency):
        return "total"


def _conflict(draft: Draft, row: NewPosting, hit: Found, voided: bool) -> tuple[Conflict, str]:
    number, name = draft.record.number, hit.number or hit.id
    ours, what = major(row.total, row.currency), _differs(row, hit, voided)
    if what == "void":
        message = words.IS_VOID(kind=row.kind, found=name, reference=hit.reference)
    else:
        message = words.OTHER_TOTAL(
            kind=row.kind, found=name, reference=hit.reference, theirs=hit.total, currency=hit.currency, ours=ours,
            our_currency=row.currency,
        )  # fmt: skip
    cure = words.CURE_EXISTS(number=number, kind=row.kind, id=hit.id)
    conflict = Conflict(
        number, row.kind, hit.id, name, hit.reference, what, ours, hit.total, hit.currency or row.currency, message
    )
    return conflict, cure


def amended(drafts: Sequence[Draft], asked: Asked) -> tuple[list[Draft], list[Link]]:
    """The drafts with what stands already as done and what contradicts as blocked, and the links to write."""
    changed, links = [], []
    for draft in drafts:
        rows: list[NewPosting] = []
        for row in draft.postings:
            hit, odd = asked.same.get((row.stream, row.key)), asked.other.get(row.stream)
            if odd is not None and row.kind != "contact":
                conflict, cure = odd
                row = msgspec.structs.replace(
                    row, state=State.BLOCKED, cause=CAUSE, field="total", message=conflict.message, cure=cure
                )
            elif hit is not None and row.op == "create" and row.kind in KINDS and _unsent(row):
                said = words.FOUND(found=hit.number or hit.id)
                reason = f"{row.reason}; {said}" if row.reason else said
                row = msgspec.structs.replace(row, state=State.DONE, reason=reason)
                links.append(
                    Link(
                        row.target, row.stream, row.key, row.kind, hit.id, hit.number, hit.reference, row.total,
                        row.currency, row.version,
                    )
                )  # fmt: skip
            rows.append(row)
        changed.append(msgspec.structs.replace(draft, postings=rows))
    needed = {row.needs for draft in changed for row in draft.postings if row.state is not State.DONE}
    return [
        # The contact of a buyer whose documents all stand already is made when something is to be written for them.
        msgspec.structs.replace(d, postings=[r for r in d.postings if r.kind != "contact" or r.stream in needed])
        for d in changed
    ], links

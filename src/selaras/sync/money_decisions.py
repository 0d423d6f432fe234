"""People about money: what has no answer, accepting one, linking by hand, saying no, and taking a link back.

Each word of a person is kept with who said it; it decides the line, and it counts for or against the rule that had
proposed the answer (`rules.autonomy`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress

import msgspec

from selaras.ledger import Ledger
from selaras.ledger.allocations import Allocation, Suggestion
from selaras.ledger.errors import LedgerError
from selaras.ledger.values import RecordKey, StoredRecord
from selaras.rules.autonomy import standing
from selaras.rules.payout_lines import Paid, PayoutMatch
from selaras.sync.feeds import autonomy_of, feeds_of
from selaras.sync.finding import find_records, one_record
from selaras.sync.hub import Hub
from selaras.sync.installation import pairs_of
from selaras.sync.mappings import declared
from selaras.sync.money_in import BANK, PAYMENT, PAYOUT, Money, MoneyReader, Waiting, paid_key
from selaras.sync.money_plain import MOVED, plain
from selaras.sync.money_questions import OpenMoney, Part, Proposal, RuleStanding, in_major, parts_of, rules, unmatched
from selaras.sync.payouts import PayoutBooker

__all__ = [
    "MoneyLinked",
    "MoneyUndone",
    "OpenMoney",
    "Part",
    "Proposal",
    "Refused",
    "RuleStanding",
    "accept",
    "accept_rule",
    "link_payment",
    "refuse",
    "rules",
    "undo_money",
    "unmatched",
]


class MoneyLinked(msgspec.Struct, frozen=True):
    """What a line pays from now on."""

    connection: str
    line: str
    currency: str
    parts: list[Part]
    who: str


class MoneyUndone(msgspec.Struct, frozen=True):
    """Shares that no longer hold; the books follow by themselves."""

    connection: str
    line: str
    currency: str
    parts: list[Part]


class Refused(msgspec.Struct, frozen=True):
    """Answers that are never proposed again for a line."""

    connection: str
    line: str
    numbers: list[str]


# -- deciding ----------------------------------------------------------------------------------------------------------


def accept(
    hub: Hub, name: str, now: int, who: str, *, rank: int = 1, orders: Collection[str] = ()
) -> MoneyLinked:  # fmt: skip
    """Accept an answer that was proposed for the line `name`.

    `orders` are the numbers that the person saw: what was proposed may be another one by now. Raises `LedgerError` when
    that is so, nothing of that rank is proposed, or line or order has not that much left.
    """
    ledger = hub.desk.ledger
    record = one_money(ledger, name)
    proposed = ledger.allocations.suggestions(record.key.connection).get(record.key, [])
    chosen = [one for one in proposed if one.rank == rank]
    if not chosen:
        ranks = ", ".join(str(r) for r in sorted({one.rank for one in proposed})) or "none"
        raise LedgerError(
            f"Nothing of rank {rank} is proposed for {name}.", f"Proposed: {ranks}. See `selaras unmatched`."
        )
    _must_be_seen(name, {part.number for part in parts_of(ledger, chosen, record.currency)}, orders)
    better = [one for one in proposed if one.rank < rank and one.subject not in {c.subject for c in chosen}]
    with ledger.transaction():
        return _take(hub, record, chosen, better, now, who)


def accept_rule(hub: Hub, rule: str, now: int, who: str, connection: str | None = None) -> list[MoneyLinked]:
    """Accept the first answer of every line for which `rule` proposed it. What cannot be is left out: nobody looks at
    each of them, so that no order takes more than it is due, and what a person skipped stays skipped.
    """
    ledger = hub.desk.ledger
    done = []
    asked = {(one.connection, one.kind, one.line) for one in unmatched(hub, connection)}
    waiting: dict[str, dict[str, Waiting]] = {}
    for line, proposed in ledger.allocations.suggestions(connection or "").items():
        first = [one for one in proposed if one.rank == 1]
        if not first or first[0].rule != rule or (line.connection, line.kind, line.id) not in asked:
            continue
        record = ledger.records.get(line)
        if record is not None:
            books = _books_of(ledger, line)
            if books not in waiting:
                waiting[books] = MoneyReader(hub, books).waiting()
            # One that has been answered meanwhile, or has no account, holds up no other.
            with suppress(LedgerError), ledger.transaction():
                if not first[0].subject.startswith("payout:") and not _within(ledger, first, waiting[books]):
                    continue
                done.append(_take(hub, record, first, [], now, who, waiting[books]))
    return done


def _within(ledger: Ledger, shares: Sequence[Suggestion], waiting: Mapping[str, Waiting]) -> bool:
    held = ledger.allocations.of_subjects(one.subject for one in shares)
    taken = {s: sum(one.settled for one in found if one.undone_at is None) for s, found in held.items()}
    return all(
        one.subject in waiting and taken.get(one.subject, 0) + one.settled <= waiting[one.subject].ceiling
        for one in shares
    )


def link_payment(hub: Hub, name: str, order: str, now: int, who: str) -> MoneyLinked:
    """Say that the money of line `name` pays `order`, whatever was proposed; of another currency, all that is due.

    Raises `LedgerError` when one of them is unknown or ambiguous, the line is no money in or wholly linked, or the
    currencies differ and the books take no exchange.
    """
    ledger = hub.desk.ledger
    order_record = one_record(ledger, order, "order")
    pair = next((p for p in pairs_of(ledger) if p.store == order_record.key.connection), None)
    if pair is None:
        raise LedgerError(f"{order_record.key.connection} is kept in no books.", "Run `selaras pair STORE BOOKS`.")
    names = {pair.books, *(feed.connection for feed in feeds_of(ledger) if feed.books == pair.books)}
    record = one_money(ledger, name, names)
    money = MoneyReader(hub, pair.books).line(record)
    subject = f"{pair.store}:{order_record.key.id}"
    _must_be_free(money, order_record)
    proposed = ledger.allocations.suggestions(record.key.connection).get(record.key, [])
    mine = [one for one in proposed if one.subject == subject]
    chosen = mine[:1] or [Suggestion(line=record.key, rank=0, subject=subject, amount=money.left)]
    wrong = [one for one in proposed if one.rank == 1 and one.subject != subject]
    with ledger.transaction():
        return _take(hub, record, [msgspec.structs.replace(chosen[0], amount=money.left)], wrong, now, who)


def _must_be_free(money: Money, order: StoredRecord) -> None:
    name = money.record.number or money.key.id
    if money.amount <= 0:
        raise LedgerError(f"Bank line {name} is money out.", "Only money that came in can pay an order.")
    if money.blocked_by:
        raise LedgerError(
            f"{money.blocked_by} still stands in the books for bank line {name}.",
            "It is being taken back; try again in a minute.",
        )
    if not money.left:
        subjects = ", ".join(one.subject for one in money.standing)
        raise LedgerError(
            f"Bank line {name} pays {subjects} already.", f"Undo that first: `selaras undo money {money.key.id}`."
        )
    if order.total is not None and order.total <= 0:
        raise LedgerError(f"Order {order.number} is owed nothing.", "Choose another order.")


def _take(
    hub: Hub,
    record: StoredRecord,
    chosen: Sequence[Suggestion],
    wrong: Sequence[Suggestion],
    now: int,
    who: str,
    waiting: Mapping[str, Waiting] | None = None,
) -> MoneyLinked:
    ledger = hub.desk.ledger
    books = _books_of(ledger, record.key)
    reader = MoneyReader(hub, books)
    money = reader.line(record)
    if money.left < sum(one.amount for one in chosen) or money.blocked_by:
        raise LedgerError(
            f"Bank line {record.key.id} has {in_major(money.left, money.currency)} {money.currency} left.",
            "Look at it again with `selaras unmatched`.",
        )
    payout = chosen[0].subject.startswith("payout:")
    known = waiting if waiting is not None else reader.waiting([one.subject for one in chosen])
    if not payout:
        chosen = [_exchanged(ledger, books, money, one, known) for one in chosen]
    for one in wrong:
        ledger.allocations.judge(one.line, one.subject, one.rule, False, who, now)
    for one in chosen:
        ledger.allocations.judge(record.key, one.subject, one.rule, True, who, now)
    if payout:
        _book_payout(hub, books, reader, money, chosen, who)
    else:
        for one in chosen:
            _claim(hub, books, money, one, known[one.subject].ceiling if one.subject in known else 0, who, now)
    ledger.records.replan([record.key, *_orders(chosen)])
    parts = parts_of(ledger, chosen, money.currency)
    return MoneyLinked(record.key.connection, record.key.id, money.currency, parts, who)


def _exchanged(
    ledger: Ledger, books: str, money: Money, one: Suggestion, waiting: Mapping[str, Waiting]
) -> Suggestion:  # fmt: skip
    """The share with what it settles of an order in another currency: all that is due, whatever the bank made of it.

    Raises `LedgerError` when the books take no exchange, nothing is due, or something else than was shown.
    """
    order = ledger.records.get(_orders([one])[0])
    if order is None or order.currency == money.currency:
        return one
    if not declared(ledger, books).exchanges:
        raise LedgerError(
            f"Bank line {money.key.id} is in {money.currency}, order {order.number} in {order.currency}.",
            "Book the exchange in the books first.",
        )
    due = 0
    if (waits := waiting.get(one.subject)) is not None:
        held = ledger.allocations.of_subjects([one.subject]).get(one.subject, [])  # what was read may be older
        taken = sum(share.settled for share in held if share.undone_at is None)
        due = waits.ceiling - max(waits.owed.code, 0) - taken
    if due <= 0:
        raise LedgerError(f"Order {order.number} is owed nothing.", "Choose another order.")
    if one.settles not in (0, due):
        raise LedgerError(
            f"Order {order.number} is due {in_major(due, order.currency)} {order.currency} by now, not "
            f"{in_major(one.settles, order.currency)}.",
            "Look at it again with `selaras unmatched`.",
        )
    return msgspec.structs.replace(one, amount=money.left, settles=due, written_off=())


def _claim(hub: Hub, books: str, money: Money, one: Suggestion, ceiling: int, who: str, now: int) -> None:
    """A person may give an order more than it is due: a second payment that goes back, for instance."""
    ledger = hub.desk.ledger
    made = Allocation(
        line=money.key, books=books, subject=one.subject, currency=money.currency, amount=one.amount,
        written_off=one.written_off, fits=one.fits, evidence=one.evidence, rule=one.rule, posterior=one.posterior,
        how="person", by_whom=who, reasons=one.reasons, days=one.days, settles=one.settles,
    )  # fmt: skip
    held = ledger.allocations.of_subjects([one.subject]).get(one.subject, [])
    taken = sum(share.settled for share in held if share.undone_at is None)
    ledger.allocations.allocate(made, money.amount, max(ceiling, taken + made.settled), now)


def _book_payout(
    hub: Hub, books: str, reader: MoneyReader, money: Money, chosen: Sequence[Suggestion], who: str
) -> None:
    ledger, paid = hub.desk.ledger, list[Paid]()
    for one in chosen:
        key = paid_key(one.subject)
        record = ledger.records.get(key)
        if record is None:
            raise LedgerError(f"Payout {key.id} of {key.connection} is not known any more.", "Read the gateway again.")
        paid.append(reader.paid(record))
    reasons = chosen[0].reasons or ("",)
    match = PayoutMatch(money.name, tuple(paid), False, reasons[0])
    refused = PayoutBooker(hub, books).book(money, match, standing("", 0, 0, autonomy_of(ledger, "")), who)
    if refused is not None:
        raise LedgerError(refused[2], refused[3])


def refuse(hub: Hub, name: str, now: int, who: str, *, orders: Collection[str] = ()) -> Refused:
    """None of what is proposed for the line `name` is right: it is never proposed again.

    `orders` are the numbers that the person saw, of all that was proposed: others may be proposed by now. Raises
    `LedgerError` when that is so, or nothing is proposed.
    """
    ledger = hub.desk.ledger
    record = one_money(ledger, name)
    proposed = ledger.allocations.suggestions(record.key.connection).get(record.key, [])
    if not proposed:
        raise LedgerError(f"Nothing is proposed for {name}.", "See `selaras unmatched`.")
    numbers = list(dict.fromkeys(part.number for part in parts_of(ledger, proposed, record.currency)))
    _must_be_seen(name, set(numbers), orders)
    with ledger.transaction():
        # What was proposed second was not said to be right; an order of several answers is judged by the first, last.
        for one in reversed(proposed):
            ledger.allocations.judge(record.key, one.subject, one.rule if one.rank == 1 else "", False, who, now)
        ledger.allocations.suggest(record.key, [], now)
        ledger.records.replan([record.key])
    return Refused(record.key.connection, record.key.id, numbers)


def undo_money(hub: Hub, name: str, now: int, who: str, why: str = "", order: str = "") -> MoneyUndone:
    """Take back what a line pays (all of it, or the share of one `order`); the books are set right by themselves.

    The rule that made the link has been wrong, and the pair is not proposed again, unless the line or the report is not
    what it was. Raises `LedgerError` when the line pays nothing.
    """
    ledger = hub.desk.ledger
    record = one_money(ledger, name)
    held = ledger.allocations.of_lines(record.key.connection, record.key.kind, [record.key.id])
    live = [one for one in held.get(record.key.id, []) if one.undone_at is None]
    if order:
        meant = {f"{r.key.connection}:{r.key.id}" for r in find_records(ledger, order, "order")}
        live = [one for one in live if one.subject in meant]
    if not live:
        raise LedgerError(
            f"Bank line {name} does not pay order {order}." if order else f"Bank line {name} pays nothing.",
            "See `selaras explain` for what it is.",
        )
    with ledger.transaction():
        payouts = [key.id for key in (paid_key(one.subject) for one in live) if key.kind == PAYOUT]
        anew = bool(payouts) and PayoutBooker(hub, live[0].books).take_back(record.key, ", ".join(payouts))
        # Nor was it the rule's fault where the money itself is not what it was.
        said = plain(MoneyReader(hub, live[0].books).line(record))
        anew = anew or (said is not None and said[1] in MOVED)
        for one in live:
            ledger.allocations.undo(one, who, why, now)
            if not anew:  # else the link was right, and only the report was another one
                ledger.allocations.judge(one.line, one.subject, one.rule, False, who, now)
        ledger.records.replan([record.key, *_orders(live)])
    parts = parts_of(ledger, live, live[0].currency)
    return MoneyUndone(record.key.connection, record.key.id, live[0].currency, parts)


# -- parts -------------------------------------------------------------------------------------------------------------


def _must_be_seen(name: str, proposed: set[str], seen: Collection[str]) -> None:
    if seen and proposed != set(seen):
        raise LedgerError(
            f"What is proposed for {name} has changed meanwhile: {', '.join(sorted(proposed))}.",
            "Look at it again with `selaras unmatched`.",
        )


def one_money(ledger: Ledger, name: str, connections: set[str] | None = None) -> StoredRecord:
    """The one money line called `name` ("connection:id" narrows it). Raises `LedgerError`."""
    found = [*find_records(ledger, name, BANK), *find_records(ledger, name, PAYMENT)]
    if connections is not None:
        found = [record for record in found if record.key.connection in connections]
    if len(found) == 1:
        return found[0]
    if not found:
        raise LedgerError(f"No bank line or payment {name!r} is known.", "See `selaras unmatched` for those that wait.")
    names = ", ".join(f"{record.key.connection}:{record.key.id}" for record in found)
    raise LedgerError(f"{name!r} means several lines: {names}.", "Write the one you mean like that.")


def _books_of(ledger: Ledger, key: RecordKey) -> str:
    return next((feed.books for feed in feeds_of(ledger) if feed.connection == key.connection), key.connection)


def _orders(shares: Sequence[Allocation | Suggestion]) -> list[RecordKey]:
    return [key for key in (paid_key(one.subject) for one in shares) if key.kind == "order"]

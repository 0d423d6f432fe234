"""What each share of incoming money pays: the matcher's answers as shares of orders, with what is written off.

Pure: orders that wait for money and money that waits for an order go in, ranked answers come out, each with the rule
that it rests on. Whether a rule may act alone is `rules.autonomy`'s to say.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator, Sequence
from typing import Final

import msgspec

from selaras.model.claims import FINE, METHODS, LineColumns, OrderColumns
from selaras.rules.explain import N_, Sentence
from selaras.rules.matching import Link, Parameters, match
from selaras.rules.matching.reasons import reason
from selaras.rules.matching.text import is_payout, squeezed, words_of

_EVIDENCE: Final = ("reference", "code", "name", "name_part", "reference_slip")
_MILLION: Final = 1_000_000
_SHORTEST_NUMBER: Final = 4
_LONGEST_RUN: Final = 4
_NAMED_LATE = Sentence(N_("The text names order %(number)s, which was placed %(days)s days before."))
_NAMED_EARLY = Sentence(N_("The text names order %(number)s, which was placed %(days)s days after this money came."))


class Owed(msgspec.Struct, frozen=True, kw_only=True):
    """An order that waits for money. Amounts are smallest units of `currency`.

    `due` is what is still open without its unique `code`; a buyer was asked for both. `write_off` bounds what a
    difference may be closed with, `roles` are the roles of write-offs that may be used here (none where the books take
    none). `ordered` is the business's day.
    """

    subject: str
    number: str
    name: str
    phone: str
    currency: str
    due: int
    code: int = 0
    ordered: dt.date
    write_off: int = 0
    roles: frozenset[str] = frozenset()


class Incoming(msgspec.Struct, frozen=True, kw_only=True):
    """Money that waits for an order: `left` of a line, in smallest units. `line` is a name of the caller's own."""

    line: str
    currency: str
    left: int
    day: dt.date
    text: str


class Share(msgspec.Struct, frozen=True):
    """What an order gets of a line, and what is written off beside it as (role, amount).

    `settles` is what the order is paid with in its own currency where the money is of another one, else 0.
    """

    subject: str
    number: str
    amount: int
    written_off: tuple[tuple[str, int], ...] = ()
    days: int = 0
    settles: int = 0

    @property
    def settled(self) -> int:
        """What the order is paid with, in its own currency."""
        return self.settles or self.amount + sum(amount for _role, amount in self.written_off)


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """One answer for a line; those of several shares are meant together. `sure` is the matcher's own word."""

    line: str
    rank: int
    shares: tuple[Share, ...]
    fits: str
    evidence: tuple[str, ...]
    rule: str
    posterior: int
    sure: bool
    reasons: tuple[str, ...]


def allocate(
    owed: Sequence[Owed],
    incoming: Sequence[Incoming],
    parameters: Parameters | None = None,
    refused: Collection[tuple[str, str]] = (),
) -> dict[str, list[Answer]]:
    """Answers by line, best first. `refused` are (line, subject) pairs that a person has said no to."""
    # One order of rows, whatever was given: of answers that are exactly alike, three can be shown.
    owed = sorted(owed, key=lambda one: one.subject)
    incoming = sorted(incoming, key=lambda one: one.line)
    orders, lines = _orders(owed), _lines(incoming)
    by_answer: dict[tuple[int, int], list[Link]] = {}
    for link in match(orders, lines, None, parameters) if len(orders) and len(lines) else ():
        by_answer.setdefault((link.line, link.rank), []).append(link)
    found: dict[str, list[Answer]] = {}
    for (line, _rank), links in sorted(by_answer.items()):
        money = incoming[line]
        if any((money.line, owed[link.order].subject) in refused for link in links):
            continue
        kept = found.setdefault(money.line, [])
        kept.append(_answer(owed, money, links, 1 + len(kept)))
    silent = [money for money in incoming if not found.get(money.line)]
    for money, order in _named(owed, silent):
        if (money.line, order.subject) not in refused:
            found[money.line] = [_from_another_time(order, money)]
    return {line: answers for line, answers in found.items() if answers}


def _named(owed: Sequence[Owed], silent: Sequence[Incoming]) -> Iterator[tuple[Incoming, Owed]]:
    """Lines without an answer that name exactly one order whole: money of months later, or dated before its order."""
    by_number: dict[str, list[Owed]] = {}
    for order in owed:
        key = squeezed(order.number)
        if len(key) >= _SHORTEST_NUMBER and any(c.isdigit() for c in key):
            by_number.setdefault(key, []).append(order)
    for money in silent if by_number else ():
        words = words_of(money.text)
        runs = {"".join(words[at : at + size]) for size in range(1, _LONGEST_RUN + 1) for at in range(len(words))}
        named = [order for run in sorted(runs) for order in by_number.get(run, ())]
        if len(named) == 1 and named[0].currency == money.currency and not is_payout(money.text):
            yield money, named[0]


def _from_another_time(order: Owed, money: Incoming) -> Answer:
    """Always asked: the number speaks for the order, the day against it."""
    days, exact = (money.day - order.ordered).days, money.left == order.due + order.code
    fits = "exact_late" if exact else "other_amount"
    why = (_NAMED_EARLY if days < 0 else _NAMED_LATE)(number=order.number, days=abs(days))
    return Answer(
        line=money.line, rank=1, shares=(Share(order.subject, order.number, money.left, (), days),), fits=fits,
        evidence=("reference", "day_differs"), rule=f"{fits}:reference", posterior=_MILLION // 2, sure=False,
        reasons=(why,),
    )  # fmt: skip


def _orders(owed: Sequence[Owed]) -> OrderColumns:
    made = OrderColumns()
    for one in owed:
        made.ids.append(one.subject)
        made.references.append(one.number)
        made.names.append(one.name)
        made.phones.append(one.phone)
        made.currencies.append(one.currency)
        made.total.append(one.due * FINE)
        made.code.append(one.code * FINE)
        made.due.append((one.due + one.code) * FINE)
        made.ordered.append(one.ordered.toordinal())
        made.captured.append(0)
        made.method.append(METHODS.index("transfer"))
    return made


def _lines(incoming: Sequence[Incoming]) -> LineColumns:
    made = LineColumns()
    for one in incoming:
        made.ids.append(one.line)
        made.currencies.append(one.currency)
        made.descriptions.append(one.text)
        made.amount.append(one.left * FINE)
        made.booked.append(one.day.toordinal())
    return made


def _answer(owed: Sequence[Owed], money: Incoming, links: Sequence[Link], rank: int) -> Answer:
    first = links[0]
    order = owed[first.order]
    evidence = first.evidence
    exact = first.kind == "exact"
    if exact and order.code and len(links) == 1 and money.left == order.due + order.code:
        evidence = ("code", *evidence)
    strongest = next((word for word in _EVIDENCE if word in evidence), "amount")
    shares = tuple(_share(owed[link.order], money, link, alone=len(links) == 1) for link in links)
    given = sum(share.amount for share in shares)
    # A sum that is more than all that was asked for would be put down for nothing.
    same = all(owed[link.order].currency == money.currency for link in links)
    sure = same and all(link.auto for link in links) and given <= money.left and _within(owed, links, shares)
    return Answer(
        line=money.line, rank=rank, shares=shares, fits=first.kind, evidence=evidence,
        rule=f"{first.kind}:{strongest}", posterior=min(round(first.posterior * _MILLION), _MILLION - 1), sure=sure,
        reasons=(reason(first),),
    )  # fmt: skip


def _within(owed: Sequence[Owed], links: Sequence[Link], shares: Sequence[Share]) -> bool:
    """No order would be settled beyond what it may take."""
    rooms = [owed[link.order].due + max(owed[link.order].code, 0) for link in links]
    return all(share.settled <= room for share, room in zip(shares, rooms, strict=True))


def _share(order: Owed, money: Incoming, link: Link, *, alone: bool) -> Share:
    days = (money.day - order.ordered).days
    if money.currency != order.currency:
        # The buyer paid what is due; what the bank made of it is the rate.
        return Share(order.subject, order.number, money.left, (), days, order.due)
    amount = money.left if alone else link.amount // FINE
    gap = order.due - amount
    role = _role(order, link.kind, gap)
    written = ((role, gap),) if role and gap else ()
    return Share(order.subject, order.number, amount, written, days)


def _role(order: Owed, fits: str, gap: int) -> str:
    """The role that the difference is written off to, "" where it stays open (or is the buyer's)."""
    if not gap:
        return ""
    if fits == "withholding":
        role = "withholding" if gap > 0 else ""
    elif fits in ("exact", "combined", "instalments"):
        # Only the unique code lies between what was asked for and what the order is.
        role = "rounding" if gap == -order.code else ""
    elif abs(gap) > order.write_off:
        role = ""
    elif fits == "fee":
        role = "transfer_fee" if gap > 0 else "rounding"
    else:
        role = "rounding" if fits in ("rounded_up", "swapped_digits") else ""
    return role if role in order.roles else ""

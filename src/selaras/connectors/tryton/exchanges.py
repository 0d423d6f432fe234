"""Money of another currency than what it pays: both amounts stand on the line of the statement.

Tryton takes the other currency of a line to be the invoice's where the statement is in the company's currency, and the
company's own where it is not (trytond 8.2, account_statement, `Line.second_currency`). In the first case it reconciles
line and invoice in the invoice's currency and books what is between them in its own by the exchange journal. In the
second it cannot relate the line to the invoice; the line stands with the customer, and both are reconciled after it.

What a statement reconciles is not posted at that moment, so Tryton leaves the entry of the difference a draft.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from decimal import Decimal

from selaras.connectors.contract import LockedPeriod, Rejected
from selaras.connectors.tryton.chart import Books
from selaras.connectors.tryton.ledger import Reconciler
from selaras.connectors.tryton.values import Row
from selaras.connectors.tryton.wire import Wire
from selaras.model.document import Exchanged, Receipt, RefundPayment
from selaras.model.money import rounded

Money = Receipt | RefundPayment


def exchanged_of(document: Money) -> Exchanged | None:
    """What came of another currency, None where nothing is exchanged."""
    return document.exchanged if isinstance(document, Receipt) else None


def money_of(document: Money) -> tuple[Decimal, str]:
    """(amount, currency) of the money itself."""
    return document.money if isinstance(document, Receipt) else (document.total, document.currency)


def abroad(document: Money, books: Books) -> bool:
    """Whether the money is in a currency that is not the company's, and pays something in the company's."""
    came = exchanged_of(document)
    return came is not None and came.currency != books.currency


def check_exchange(document: Money, books: Books) -> None:
    """Raises `Rejected` when Tryton cannot book what came."""
    came = exchanged_of(document)
    if came is None:
        return
    books.currency_of(document.currency)
    if isinstance(document, Receipt) and document.write_offs:
        raise Rejected(
            "a receipt in two currencies writes nothing off in Tryton", code="exchanged_write_off", field="write_offs",
            cure="Leave the difference to the exchange, or book it in Tryton by hand.",
        )  # fmt: skip
    if books.currency not in (came.currency, document.currency):
        raise Rejected(
            f"Tryton keeps {books.currency}: a statement in {came.currency} cannot pay {document.currency}",
            code="currency_mismatch", field="exchanged",
            cure="Book this receipt in Tryton by hand, then skip this posting.",
        )  # fmt: skip
    if came.currency == books.currency and not books.exchanges:
        raise Rejected(
            "Tryton has no journal or accounts for exchange differences", code="no_exchange_accounts",
            field="exchanged",
            cure="Set the currency exchange journal and its two accounts in Tryton (Financial > Configuration > "
            "Configuration), then retry.",
        )  # fmt: skip


def exchanged_lines(common: Row, document: Receipt, related: Decimal, bill: str, books: Books) -> list[Row]:
    """The lines of a receipt in two currencies: `related` of it pays the invoice `bill`, the rest is the customer's."""
    money, currency = document.money
    second, _ = books.currency_of(document.currency)
    paid = money if related == document.total else rounded(money * related / document.total, currency)
    made = [
        {**common, "amount": amount, "second_currency": second, "amount_second_currency": owed}
        for amount, owed in ((paid, related), (money - paid, document.total - related))
    ]
    if related:
        made[0]["related_to"] = f"account.invoice,{bill}"
    return [line for line in made if line["amount_second_currency"]]


async def finish(wire: Wire, books: Books, lines: Iterable[Row]) -> None:
    """What Tryton does not do by itself once statement lines in two currencies are booked: reconcile what it could not
    relate, and post the entries of differences. It may be done twice; a lost answer ends here as well."""
    paid = [line for line in lines if line.get("second_currency") and line["party"]]
    if not paid:
        return
    told = sorted({line["description"] for line in paid if line["second_currency"] == books.currency_id} - {None, ""})
    if told:
        bills = await wire.rows(
            "account.invoice",
            [["company", "=", books.company_id], ["type", "=", "out"], ["state", "=", "posted"],
             ["reference", "in", told]],
            ["reference"],
        )  # fmt: skip
        await Reconciler(wire).use_deposits([(bill["id"], bill["reference"]) for bill in bills], books.company_id)
    if books.exchange_journal_id is None:
        return
    rows = await wire.rows(
        "account.move.line",
        [["move.journal", "=", books.exchange_journal_id], ["move.state", "=", "draft"],
         ["party", "in", sorted({line["party"] for line in paid})], ["reconciliation", "!=", None]],
        ["move"],
    )  # fmt: skip
    # The receipts stand and are right without it: a refusal here is no refusal of theirs.
    with contextlib.suppress(Rejected, LockedPeriod):
        await wire.press("account.move", "post", sorted({row["move"] for row in rows}))

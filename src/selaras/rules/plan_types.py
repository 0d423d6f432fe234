"""What planning takes and gives: the policy, what the books are already meant to hold, and the difference to apply.

Keys of the documents of one order (one *stream*): `sales_order`, `invoice`, `receipt:<payment id>`,
`receipt:bank:<transaction id>`, `credit_note:<refund id>`, `refund_payment:<refund id>`, `credit_note:cancel`,
`refund_payment:cancel`, `credit_note:reverse:<n>` (takes back the whole invoice n), `credit_note:edit:<n>` (what an
edit took off), `credit_note` (a return without a sale). A further one of a family has `:2`, `:3` … behind it.

Ids that only the target can give are written as symbols: `@contact`, `@sales_order`, `@invoice`, `@invoice:2`,
`@credit_note:R1`. Whoever sends a document replaces `@key` by the id linked to that key of the same stream, and
`@contact` by the id linked to the buyer's contact.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Literal

import msgspec

from selaras.model.document import Document, DocumentKind, Exchanged
from selaras.model.money import ZERO
from selaras.rules.explain import Sentence

HeldState = Literal["planned", "in_doubt", "done", "blocked", "skipped"]
IntentOp = Literal["create", "update", "void"]
ROLES = frozenset({"sales", "shipping", "fee", "discount"})


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """The choices of one pair of store and books.

    `invoice_at`       when the invoice is due: at the order, once it is paid, or at the first shipment (M7)
    `on_edit`          an edited order changes its unpaid invoice ("amend") or always gets a credit note and a new one
    `bank_methods`     ways of paying that only the bank can confirm: the store's word for them is not booked
    `accounts`         way of paying → account of the books; `default_account` for the others ("" = ask)
    `reference_prefix` stands before the order's number when several stores share the books
    `lock_policy`      what to do with a date in a closed period: take the next open day, hold it, or ask (X9)
    `closed_until`     last closed day of the books
    `zone`             IANA name; days are the business's days there
    `walk_in`          key of a shared contact for buyers without telephone number and e-mail; None = one for each
    `roles`            roles of lines for which the books have an account ("sales", "shipping", "fee", "discount")
    `begin`            first day that is posted by itself; what is older waits for a back-fill (None = all days)
    `write_off`        most that a payment's difference may be closed with: a bank's fee, a sum rounded up (major units;
                       0 = never). Tax withheld under PPh 23 is no difference and has no such limit
    """

    invoice_at: Literal["order", "payment", "shipment"] = "payment"
    on_edit: Literal["amend", "reverse"] = "amend"
    bank_methods: frozenset[str] = frozenset()
    accounts: dict[str, str] = {}
    default_account: str = ""
    reference_prefix: str = ""
    lock_policy: Literal["next_open_day", "hold", "ask"] = "next_open_day"
    closed_until: dt.date | None = None
    zone: str = "Asia/Jakarta"
    walk_in: str | None = None
    roles: frozenset[str] = ROLES
    begin: dt.date | None = None
    write_off: Decimal = ZERO


class Held(msgspec.Struct, frozen=True):
    """The latest version of one document of the stream: planned, under way, done, blocked or skipped.

    `document` is what was last intended, symbols unresolved. `id` is the target's id once it is done. A posting that
    stands for the record as a whole (blocked or skipped before there was a document) is not passed.
    """

    key: str
    kind: DocumentKind
    version: int
    state: HeldState
    op: IntentOp
    digest: str
    document: Document
    id: str = ""


class BankMatch(msgspec.Struct, frozen=True):
    """The share of a money line (bank line, payment at a gateway) that pays this order.

    `transaction_id` names the line, `account` is the account of the books on which the money lies. Only a line of the
    books themselves (`in_books`) is reconciled by its receipt. `write_offs` are (role, amount) settled beside the
    money. Where the money is of another currency, `amount` is what it pays of the order and `exchanged` what came
    (without its account). `number` counts the shares of this line that this order ever had; one that is `undone` is to
    be taken back.
    """

    transaction_id: str
    amount: Decimal
    date: dt.date
    account: str
    in_books: bool = True
    write_offs: tuple[tuple[str, Decimal], ...] = ()
    number: int = 1
    undone: bool = False
    exchanged: Exchanged | None = None

    @property
    def name(self) -> str:
        """What the receipt's key and reference say of it."""
        return self.transaction_id if self.number == 1 else f"{self.transaction_id}~{self.number}"

    @property
    def settled(self) -> Decimal:
        """What the order is paid with: the money and what is written off beside it."""
        return self.amount + sum((amount for _role, amount in self.write_offs), ZERO)


class Intent(msgspec.Struct, frozen=True):
    """One document to bring into one state.

    `digest` covers what matters of the document; `after` lists the symbols that must be resolvable first. With
    `withdraw` an earlier version that was never sent is no longer wanted: both are settled as skipped and nothing is
    sent (had it been sent after all, `op` "void" says what is right). Without it, `update` and `void` queue behind
    an unsent create, and a `create` takes the place of an unsent create of the same key.
    """

    key: str
    kind: DocumentKind
    op: IntentOp
    document: Document
    digest: str
    reason: str
    after: tuple[str, ...] = ()
    withdraw: bool = False


class Problem(msgspec.Struct, frozen=True):
    """Why a record cannot be booked as it is, or need not be.

    `cause` is stable and groups equal causes; `field` names the place in the record; `details` are (name, value) pairs.
    """

    cause: str
    field: str
    message: str
    cure: str
    details: tuple[tuple[str, str], ...] = ()


class Plan(msgspec.Struct, frozen=True):
    """The difference between what the books should hold and what they are meant to hold already.

    With a `problem` or a `skip` there are no intents: nothing of the order is applied until it is dealt with.
    """

    intents: tuple[Intent, ...] = ()
    problem: Problem | None = None
    skip: Problem | None = None
    reasons: tuple[str, ...] = ()


class Stop(Exception):
    """Ends planning with a problem. It never leaves this room."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


def problem(cause: str, field: str, message: Sentence, cure: Sentence | None = None, **values: object) -> Problem:
    """A problem whose message (and cure) are filled with `values`, which are kept as its details."""
    details = tuple((name, str(value)) for name, value in values.items())
    return Problem(cause, field, message(**values), cure(**values) if cure is not None else "", details)


def stop(cause: str, field: str, message: Sentence, cure: Sentence | None = None, **values: object) -> Stop:
    """The same, to be raised."""
    return Stop(problem(cause, field, message, cure, **values))

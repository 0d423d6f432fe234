"""Telling the store what money did: an order is marked paid once its receipt stands in the books (M6)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from selaras.ledger.values import NewPosting, Posting, RecordKey, State, StoredRecord
from selaras.model.document import StorePayment
from selaras.model.money import ZERO, to_minor
from selaras.model.order import Order
from selaras.rules.explain import N_, Sentence
from selaras.rules.plan_types import BankMatch
from selaras.sync.hub import Pair, order_stream

BANK_KEY = "receipt:bank:"
_TOLD = Sentence(N_("The store was told that %(amount)s %(currency)s of order %(number)s came in; that was undone."))
_RIGHT = Sentence(N_("The money pays order %(number)s after all, as the store was told."))
_WAS_TOLD, _AFTER_ALL = "store_was_told", "told_after_all"
_TOLD_CURE = Sentence(N_("Take the payment off the order in the store, then skip this."))


class StoreTeller:
    """Plans what the store of a pair is told. `owners` names the money line of each match; the planner fills it."""

    def __init__(self, pair: Pair, owners: Mapping[str, RecordKey]) -> None:
        self._pair = pair
        self._owners = owners

    def tell(
        self,
        record: StoredRecord,
        order: Order,
        bank: Sequence[BankMatch],
        history: Sequence[Posting],
        past: Sequence[Posting],
    ) -> list[NewPosting]:
        """Postings into the store. `history` are those into the books, `past` those into the store, of this order."""
        methods = self._pair.policy.bank_methods
        # Somebody has marked the order paid in the store already; the money would stand there twice.
        marked = sum((p.amount for p in order.payments if p.origin == "store" and p.method in methods), ZERO)
        stream, rows = order_stream(self._pair.store, order.id), list[NewPosting]()
        known = {p.key for p in past}
        done = {p.key for p in history if p.state is State.DONE}
        for match in bank:
            key = f"store_payment:{match.name}"
            if match.undone:
                rows += self._untell(record, order, stream, match, [p for p in past if p.key == key])
                continue
            before = [p for p in past if p.key == f"store_payment:{match.transaction_id}"]
            if match.number > 1 and before and (again := self._after_all(record, order, stream, before)) is not None:
                rows += again
                continue
            if f"{BANK_KEY}{match.name}" not in done or key in known or match.settled <= marked:
                continue
            payment = StorePayment(
                reference=f"books:{match.name}/{order.id}",  # one line may pay several orders
                order_id=order.id,
                amount=match.settled,
                currency=order.currency,
                paid_at=order.placed_at,
                method="transfer",
            )
            rows.append(
                NewPosting(
                    self._pair.store, stream, key, 1, "store_payment", "create",
                    self._owners[match.transaction_id], payment.reference,
                    key, payment, "the money was found in the bank",
                    total=to_minor(match.settled, order.currency), currency=order.currency,
                )
            )  # fmt: skip
        return rows

    def _after_all(
        self, record: StoredRecord, order: Order, stream: str, told: Sequence[Posting]
    ) -> list[NewPosting] | None:
        """What was undone is linked with the same order again before anybody took it off in the store: it was told
        rightly after all. None where the store has to be told anew."""
        latest = next((p for p in reversed(told) if p.state is not State.SUPERSEDED), None)
        if latest is None or latest.cause not in (_WAS_TOLD, _AFTER_ALL):
            return None
        if latest.cause == _AFTER_ALL:
            return []
        if latest.state is not State.BLOCKED:
            return None  # a person has dealt with it
        message = _RIGHT(number=order.number)
        return [
            NewPosting(
                self._pair.store, stream, latest.key, latest.version + 1, "store_payment", "plan", record.key,
                latest.reference, "again", None, message, total=latest.total, currency=latest.currency,
                state=State.SKIPPED, cause=_AFTER_ALL, message=message, supersedes=latest.version,
            )
        ]  # fmt: skip

    def _untell(
        self, record: StoredRecord, order: Order, stream: str, match: BankMatch, told: Sequence[Posting]
    ) -> list[NewPosting]:
        """The store was told of money that is not this order's after all. No store takes that back by itself: a person
        is told once; what was not sent yet is given up."""
        latest = next((p for p in reversed(told) if p.state is not State.SUPERSEDED), None)
        if latest is None or latest.op == "plan" or latest.state is State.SKIPPED:
            return []
        message = _TOLD(number=order.number, amount=match.settled, currency=order.currency)
        unsent = latest.state in (State.PLANNED, State.BLOCKED)
        return [
            NewPosting(
                self._pair.store, stream, latest.key, latest.version + 1, "store_payment", "plan", record.key,
                latest.reference, "undone", None, message, total=latest.total, currency=latest.currency,
                state=State.SKIPPED if unsent else State.BLOCKED, cause="withdrawn" if unsent else _WAS_TOLD,
                field="payments", message=message, cure="" if unsent else _TOLD_CURE(),
                supersedes=latest.version if unsent else 0,
            )
        ]  # fmt: skip

"""One order's documents: what is held already, and the intents that are collected against it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import cast
from zoneinfo import ZoneInfo

import msgspec

from selaras.model.document import (
    CreditNote,
    DocumentKind,
    Invoice,
    Receipt,
    RefundPayment,
    SalesOrder,
)
from selaras.model.order import Order
from selaras.rules.explain import N_, Sentence
from selaras.rules.lines import digest_of
from selaras.rules.mapper import Mapper
from selaras.rules.mapping import Mapped
from selaras.rules.plan_types import Held, Intent, IntentOp, Policy, stop

Planned = SalesOrder | Invoice | CreditNote | Receipt | RefundPayment
_ONE_DAY = dt.timedelta(days=1)

_FOLLOWS = Sentence(N_("Planned anew behind a document that it needs."))
_MOVED = Sentence(N_("Dated %(day)s, the next open day: %(real)s lies in a closed period."))
_CLOSED = Sentence(N_("The day %(day)s lies in a period that is closed until %(closed)s."))
_CLOSED_HOLD = Sentence(N_("It waits until the period is opened, or until the lock-date policy is changed."))
_CLOSED_ASK = Sentence(N_("Open the period, or take the next open day with `selaras retry --next-open-day`."))
NO_ACCOUNT = Sentence(N_("No account of the books is chosen for the way of paying %(method)s."))
_NO_ACCOUNT_CURE = Sentence(N_("Choose one in the mapping of payment accounts, or set a default account."))
NO_ROLE = Sentence(N_("No account of the books is chosen for %(role)s, which a payment of this order leaves."))
_NO_ROLE_CURE = Sentence(N_("Choose one with `selaras mapping set STORE BOOKS account:%(role)s=ACCOUNT`."))


def is_alive(held: Held) -> bool:
    """True when the document exists or is meant to: not voided, and its creation not skipped."""
    return held.op == "update" or (held.op == "create" and held.state != "skipped")


def is_sent(held: Held) -> bool:
    """True when the document stands in the target or may stand there."""
    return held.op == "update" or (held.op == "create" and held.state in ("done", "in_doubt"))


def was_sent(held: Held) -> bool:
    """True when the document stands in the target, may stand there, or stood there before it was voided."""
    return is_sent(held) or (held.op == "void" and held.state != "skipped")


class Stream:
    """The state of planning one order. Collects `intents` and `reasons`; raises `Stop` for a problem."""

    __slots__ = (
        "contact_id",
        "created",
        "held",
        "intents",
        "mapper",
        "number",
        "order",
        "policy",
        "reasons",
        "sales_order",
        "zone",
    )

    def __init__(self, order: Order, policy: Policy, held: Sequence[Held], mapped: Mapped | None = None) -> None:
        self.order = order
        self.policy = policy
        self.mapper = None if mapped is None or mapped.idle else Mapper(mapped, order)
        self.number = policy.reference_prefix + order.number
        self.zone = ZoneInfo(policy.zone)
        self.contact_id = ""
        self.sales_order = "sales_order"
        self.intents: list[Intent] = []
        self.reasons: list[str] = []
        self.created: set[str] = set()
        latest: dict[str, Held] = {}
        for one in held:
            known = latest.get(one.key)
            if known is None or one.version > known.version:
                latest[one.key] = one
        self.held = latest

    # -- days and accounts -----------------------------------------------------------------------------------------

    def local_day(self, instant: dt.datetime) -> dt.date:
        """The business's day of an instant."""
        return instant.astimezone(self.zone).date()

    def open_day(self, real: dt.date, field: str) -> tuple[dt.date, str]:
        """The day that a new document gets, and what is to be said about it. Raises `Stop` (period_closed)."""
        closed = self.policy.closed_until
        if closed is None or real > closed:
            return real, ""
        if self.policy.lock_policy == "next_open_day":
            day = closed + _ONE_DAY
            return day, _MOVED(day=day.isoformat(), real=real.isoformat())
        cure = _CLOSED_HOLD if self.policy.lock_policy == "hold" else _CLOSED_ASK
        known = {"day": real.isoformat(), "closed": closed.isoformat(), "policy": self.policy.lock_policy}
        raise stop("period_closed", field, _CLOSED, cure, **known)

    def is_closed(self, day: dt.date) -> bool:
        """True when documents of this day can no longer be changed."""
        return self.policy.closed_until is not None and day <= self.policy.closed_until

    def account(self, method: str, field: str) -> str:
        """The account of a way of paying. Raises `Stop` (missing_mapping)."""
        given = self.policy.accounts.get(method) or self.policy.default_account
        account = (self.mapper.method(method, field, must=not given) if self.mapper is not None else "") or given
        if not account:
            raise stop("missing_mapping", field, NO_ACCOUNT, _NO_ACCOUNT_CURE, method=method or "?")
        return account

    def role(self, role: str) -> str:
        """The account that the mapping names for a role of a write-off. Raises `Stop` (missing_mapping)."""
        if self.mapper is None:
            raise stop("missing_mapping", "write_offs", NO_ROLE, _NO_ROLE_CURE, role=role)
        return self.mapper.named(role, "write_offs")

    def exchange(self) -> str:
        """The account that the mapping names for exchanges, "" for the books' own. Raises `Stop` (mapping_unfit)."""
        if self.mapper is None or not self.mapper.account("exchange", self.mapper.goods):
            return ""
        return self.mapper.named("exchange", "exchanged")

    # -- what is held ----------------------------------------------------------------------------------------------

    def family(self, base: str) -> list[tuple[int, Held]]:
        """The held documents `base`, `base:2`, `base:3` … in order, with their numbers."""
        first = self.held.get(base)
        found = [(1, first)] if first is not None else []
        if len(self.held) > len(found):
            head = base + ":"
            for key, one in self.held.items():
                if key.startswith(head) and (tail := key[len(head) :]).isdigit() and int(tail) > 1:
                    found.append((int(tail), one))
            found.sort(key=lambda pair: pair[0])
        return found

    def next_key(self, base: str) -> tuple[int, str]:
        """The first key of a family above every held one whose document is not simply to be planned anew."""
        number = 1
        for n, one in self.family(base):
            if one.op == "void" and one.state == "skipped":
                continue
            number = max(number, n + 1)
        return number, base if number == 1 else f"{base}:{number}"

    # -- intents ---------------------------------------------------------------------------------------------------

    def want(self, key: str, kind: DocumentKind, document: Planned, reason: str, printed: str | None = None) -> None:
        """Ask for a document as it should be; nothing is emitted where that is held already.

        `document.date` is the real day; the lock-date policy is applied here, to new documents only. A document that
        was sent is updated and keeps its date and contact; one that was not is planned anew, and so is what waits for
        it, because a stream is worked off in the order of planning.
        """
        digest = digest_of(document, printed)
        held = self.held.get(key)
        if held is not None and is_sent(held):
            if held.digest != digest:
                kept = cast(Planned, held.document)
                document = msgspec.structs.replace(document, date=kept.date, contact_id=kept.contact_id)
                document, reason = self._mapped(document, reason, kept)
                self._emit(key, kind, "update", document, digest, reason)
            return
        if held is not None and held.op == "create" and held.state == "skipped" and held.digest == digest:
            return  # a person decided not to book exactly this
        waits = held is not None and held.op == "create" and held.state != "skipped" and held.digest == digest
        if held is not None and waits and not self.is_closed(cast(Planned, held.document).date):
            # What waits keeps its day, so that a later change of the order does not plan it anew for nothing.
            document = msgspec.structs.replace(document, date=cast(Planned, held.document).date)
        elif self.policy.closed_until is not None:
            day, moved = self.open_day(document.date, f"{kind}.date")
            if moved:
                document = msgspec.structs.replace(document, date=day)
                reason = f"{reason}\n{moved}"
        document, reason = self._mapped(document, reason, self._credited(document))
        again = any(symbol[1:] in self.created for symbol in _symbols(document))
        if held is not None and waits and held.document == document and not again:
            return
        self._emit(key, kind, "create", document, digest, reason)

    def _mapped(self, document: Planned, reason: str, origin: Planned | None) -> tuple[Planned, str]:
        """The document with the accounts and taxes of the mapping, and the reason with the version that gave them."""
        if self.mapper is None:
            return document, reason
        made, used = self.mapper.put(document, origin)
        return made, f"{reason}\n{used}" if used else reason

    def _credited(self, document: Planned) -> Planned | None:
        """The invoice that a credit note takes back, as it was sent or as it is planned now."""
        name = getattr(document, "invoice_id", "")
        if not isinstance(document, CreditNote) or name[:1] != "@":
            return None
        for intent in reversed(self.intents):
            if intent.key == name[1:]:
                return cast(Planned, intent.document)
        held = self.held.get(name[1:])
        return None if held is None else cast(Planned, held.document)

    def follow(self, key: str, held: Held) -> None:
        """Plan a waiting document once more as it is, if what it names was planned anew and comes later now."""
        symbols = _symbols(cast(Planned, held.document))
        if any(symbol[1:] in self.created for symbol in symbols):
            self.created.add(key)
            self.intents.append(Intent(key, held.kind, "create", held.document, held.digest, _FOLLOWS(), symbols))

    def void(self, key: str, held: Held, reason: str) -> None:
        """Void a document that is alive. Queued behind its creation where that has not been sent yet."""
        self.intents.append(Intent(key, held.kind, "void", held.document, held.digest, reason))

    def withdraw(self, key: str, held: Held, reason: str) -> None:
        """Give up a document that was never sent."""
        self.intents.append(Intent(key, held.kind, "void", held.document, held.digest, reason, (), True))

    def _emit(self, key: str, kind: DocumentKind, op: IntentOp, document: Planned, digest: str, reason: str) -> None:
        if op == "create":
            self.created.add(key)
        self.intents.append(Intent(key, kind, op, document, digest, reason, _symbols(document)))


def _symbols(document: Planned) -> tuple[str, ...]:
    """Symbols of other documents in a document."""
    ids = (
        document.contact_id,
        getattr(document, "sales_order_id", ""),
        getattr(document, "invoice_id", ""),
        getattr(document, "credit_note_id", ""),
    )
    return tuple(symbol for symbol in ids if symbol[:1] == "@")

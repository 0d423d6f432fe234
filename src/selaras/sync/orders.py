"""Orders in: plan what the books should hold because of each order that changed, and write it down as postings.

The planning itself is `rules.planning.plan_order`, a pure function; this flow gathers what it needs (links, postings,
contact, product codes, money found in the bank) in a handful of queries per batch, and keeps its answer.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal

import msgspec

from selaras.ledger.errors import PlanOutOfDate
from selaras.ledger.values import Link, NewPosting, Posting, RecordKey, State, StoredRecord
from selaras.model.document import ContactDraft, Exchanged
from selaras.model.money import EXPONENTS, NotExact, UnknownCurrency, to_minor
from selaras.model.order import Order
from selaras.rules.begin import before_begin
from selaras.rules.contacts import ContactMatch, contact_key, match_contact
from selaras.rules.hand_edits import held_back
from selaras.rules.mapping import Mapped
from selaras.rules.plan_types import BankMatch, Held, Intent, Plan, Problem
from selaras.rules.planning import plan_order
from selaras.rules.products import ProductMatch, match_product
from selaras.rules.same_money import spoken_of
from selaras.rules.stream import is_alive
from selaras.sync import mappings
from selaras.sync.admission import Admission
from selaras.sync.closing import TAKE_NEXT, policy_today
from selaras.sync.held import PROBLEM_KEY, held_documents, kept_as_edited, looked_for
from selaras.sync.hub import Hub, Pair, contact_stream, order_stream
from selaras.sync.money_in import PAYMENT, MoneyReader
from selaras.sync.telling import BANK_KEY, StoreTeller

# The answer of a person that a buyer is none of the contacts that there are.
NEW_CONTACT = "*new*"
_PATIENCE = 20
_order = msgspec.json.Decoder(Order)


class Draft(msgspec.Struct, frozen=True):
    """What planning one record came to: the plan itself and the rows that would be written."""

    record: StoredRecord
    plan: Plan
    postings: list[NewPosting]
    links: list[Link]
    superseded: list[tuple[str, str]]


class OrderPlanner:
    """Plans the orders of one pair."""

    def __init__(self, hub: Hub, pair: Pair) -> None:
        self._hub = hub
        self._pair = pair
        self._matches: dict[str, ProductMatch] = {}
        self._money = MoneyReader(hub, pair.books)
        self._owners: dict[str, RecordKey] = {}
        self._teller = StoreTeller(pair, self._owners)
        # Where a posted invoice cannot change (Tryton), an edit is credited and issued anew.
        books = hub.connectors.get(pair.books)
        fixed = books is not None and "invoice" not in books.capabilities.updates
        self._policy = msgspec.structs.replace(pair.policy, on_edit="reverse") if fixed else pair.policy
        self._can = None if books is None else books.capabilities

    async def plan(self, limit: int = 200) -> int:
        """Plan every order that changed; returns how many were planned."""
        ledger, done, overtaken = self._hub.desk.ledger, 0, 0
        while True:
            records = await self._hub.desk(ledger.records.unplanned, self._pair.store, "order", limit)
            if not records:
                return done
            try:
                await self._hub.desk.write(self._plan_and_keep, records)
            except PlanOutOfDate:
                # Another worker took a posting meanwhile; what it did is in the next reading.
                overtaken += 1
                if overtaken > _PATIENCE:
                    raise
                continue
            done += len(records)

    def _plan_and_keep(self, records: Sequence[StoredRecord]) -> None:
        self.keep(records, self.draft(records))

    def keep(self, records: Sequence[StoredRecord], drafts: Sequence[Draft]) -> None:
        """Write these drafts down as postings. Runs in the ledger's thread, in the caller's transaction."""
        ledger, now = self._hub.desk.ledger, self._hub.now()
        if self._can is not None:
            mappings.remember(ledger, self._pair.books, self._can, now)
        for draft in drafts:
            for stream, key in draft.superseded:
                ledger.postings.supersede(self._pair.books, stream, key, now)
            for link in draft.links:
                ledger.postings.link(link, 0, now)
        by_target: dict[str, list[NewPosting]] = {}
        for draft in drafts:
            for posting in draft.postings:
                by_target.setdefault(posting.target, []).append(posting)
        for postings in by_target.values():
            ledger.postings.plan(postings, now)
            ledger.records.replan(p.record for p in postings if p.cause == "withdrawn" and p.key.startswith(BANK_KEY))
        ledger.records.planned(records)

    def draft(self, records: Sequence[StoredRecord], chosen: Collection[str] = ()) -> list[Draft]:
        """What would be written for these records, without writing it (X3). Runs in the ledger's thread.

        `chosen` are ids of orders that a back-fill asks for.
        """
        ledger, books, store = self._hub.desk.ledger, self._pair.books, self._pair.store
        orders = [_order.decode(record.body) for record in records]
        streams = [order_stream(store, order.id) for order in orders]
        contacts = [self.buyer_stream(order) for order in orders]
        history = ledger.postings.of_streams(books, [*streams, *dict.fromkeys(contacts)])
        paid_back = ledger.postings.of_streams(store, streams)
        links = ledger.postings.links(books, [*streams, *contacts])
        decided = ledger.connections.decisions(store, "contact")
        bank = self._bank_matches({order_stream(store, order.id): order.currency for order in orders})
        self._match_codes(orders)
        mapped = self.mapped()
        planned_contacts: dict[str, bool] = {}
        admission = Admission(ledger, self._pair, chosen)
        policy = policy_today(ledger, self._pair, self._policy)
        moving = {s for s, a in ledger.connections.decisions(store, "period").items() if a == TAKE_NEXT}
        openly = msgspec.structs.replace(policy, lock_policy=TAKE_NEXT) if moving else policy
        drafts = []
        for record, order, stream, contact in zip(records, orders, streams, contacts, strict=True):
            rows: list[NewPosting] = []
            new_links: list[Link] = []
            held = held_documents(history.get(stream, ()), links)
            if held or self._policy.begin is None or admission.admits(record):
                buyer = self._contact(
                    order, contact, links, history, decided, planned_contacts, record.key, rows, new_links
                )
                own = openly if stream in moving else policy
                meant, untold = self._one_money(order, bank.get(stream, ()), held)
                plan = plan_order(meant, own, buyer, self._matches, held, bank.get(stream, ()), mapped)
                plan = held_back(order.number, plan, kept_as_edited(history.get(stream, ())))
            else:
                plan, untold = before_begin(order, store, record.day, self._policy.begin), bank.get(stream, [])
            superseded = self._keep_plan(record, order, stream, contact, plan, history.get(stream, ()), rows)
            rows += self._teller.tell(record, order, untold, history.get(stream, ()), paid_back.get(stream, ()))
            if admission.asked(record):
                rows = [looked_for(row) for row in rows]
            drafts.append(Draft(record, plan, rows, new_links, superseded))
        return drafts

    def mapped(self) -> Mapped:
        """The pair's mapping in force. Runs in the ledger's thread."""
        ledger, books = self._hub.desk.ledger, self._pair.books
        needs = mappings.declared(ledger, books).needs if self._can is None else self._can.maps
        return mappings.mapped(ledger, self._pair, self._hub.mirrors[books].chart, needs)

    # -- buyer -----------------------------------------------------------------------------------------------------

    def buyer_stream(self, order: Order) -> str:
        """The stream of the buyer's contact; decisions about the buyer are kept under it."""
        return contact_stream(self._contact_name(order))

    def _contact_name(self, order: Order) -> str:
        """The key of the buyer; who left neither telephone nor e-mail goes to the shared contact, if one is set."""
        key = contact_key(order.buyer)
        if not key.startswith(("phone:", "email:")) and self._pair.policy.walk_in is not None:
            return f"walk-in:{self._pair.policy.walk_in}"
        return key if key.startswith(("phone:", "email:")) else f"{self._pair.store}:{order.buyer.id or order.number}"

    def _contact(
        self,
        order: Order,
        stream: str,
        links: dict[tuple[str, str], Link],
        history: dict[str, list[Posting]],
        decided: dict[str, str],
        planned: dict[str, bool],
        record: RecordKey,
        rows: list[NewPosting],
        new_links: list[Link],
    ) -> ContactMatch:
        """Whether the buyer is known; plans the contact's creation or its link the first time that one is met.

        Documents always say "@contact", which is resolved when they are sent: what a document says must not depend on
        whether its buyer's contact stood already when it was planned.
        """
        books = self._pair.books
        link = links.get((stream, "contact"))
        if link is not None:
            return ContactMatch("create")
        unfinished = (State.PLANNED, State.IN_DOUBT, State.BLOCKED)
        if planned.get(stream) or any(p.state in unfinished for p in history.get(stream, ())):
            return ContactMatch("create")
        chosen = decided.get(stream)
        contacts = self._hub.mirrors[books].contacts
        if chosen == NEW_CONTACT:
            match = ContactMatch("create", reasons=("a person decided that this buyer is a new contact",))
        elif chosen:
            match = ContactMatch("use", chosen, reasons=("a person chose this contact",))
        else:
            match = match_contact(order.buyer, contacts.candidates(order.buyer), self._pair.policy.walk_in)
        if match.decision == "ask":
            return match
        if match.decision == "use":
            link = Link(books, stream, "contact", "contact", match.contact_id, "", "", None, "", 1)
            new_links.append(link)
            links[(stream, "contact")] = link
            return ContactMatch("create", reasons=match.reasons)
        version = 1 + max((p.version for p in history.get(stream, ())), default=0)
        reference = stream.removeprefix("contact:")
        draft = ContactDraft(
            # A second contact for the same key is only made because a person took the first one back.
            reference=reference if version == 1 else f"{reference}:{version}",
            name=(self._pair.policy.walk_in if match.decision == "walk_in" else order.buyer.name) or stream,
            email=order.buyer.email,
            phone=order.buyer.phone,
        )
        rows.append(
            NewPosting(
                books, stream, "contact", version, "contact", "create", record, draft.reference, "contact", draft,
                "; ".join(match.reasons),
            )
        )  # fmt: skip
        planned[stream] = True
        return ContactMatch("create", reasons=match.reasons)

    # -- products and money ----------------------------------------------------------------------------------------

    def _match_codes(self, orders: Sequence[Order]) -> None:
        """Match every product code of these orders once; accepted pairs win."""
        index = self._hub.mirrors[self._pair.books].products
        accepted = self._hub.desk.ledger.connections.decisions(self._pair.store, "product")
        sold = self._hub.mirrors[self._pair.store].products
        fresh: set[str] = set()
        for order in orders:
            for line in (*order.lines, *(line for refund in order.refunds for line in refund.lines)):
                if line.kind == "product" and line.code not in fresh:
                    fresh.add(line.code)
                    parts = next((p.components for p in sold.by_code(line.code)), ())
                    self._matches[line.code] = match_product(line.code, line.name, index, accepted, parts)

    def _bank_matches(self, currencies: Mapping[str, str]) -> dict[str, list[BankMatch]]:
        """The shares of money lines that pay these orders (stream → currency), undone ones too."""
        ledger, books = self._hub.desk.ledger, self._pair.books
        shares = [one for of_one in ledger.allocations.of_subjects(currencies).values() for one in of_one]
        lines: dict[tuple[str, str], list[str]] = {}
        for one in shares:
            lines.setdefault((one.line.connection, one.line.kind), []).append(one.line.id)
        records = {r.key: r for source, ids in lines.items() for r in ledger.records.some(*source, ids)}
        found: dict[str, list[BankMatch]] = {}
        for one in shares:
            if one.line not in records:
                continue
            money = self._money.bare(records[one.line])
            self._owners[money.name] = one.line
            amount, exchanged = _amount(one.amount, one.currency), None
            if one.settles:
                exchanged = Exchanged(amount, one.currency)
                amount = _amount(one.settles, currencies[one.subject])
            found.setdefault(one.subject, []).append(
                BankMatch(
                    money.name, amount, money.day, money.account, one.line.connection == books,
                    tuple((r, _amount(a, one.currency)) for r, a in one.written_off), one.number,
                    one.undone_at is not None, exchanged,
                )
            )  # fmt: skip
        return found

    def _one_money(
        self, order: Order, matches: Sequence[BankMatch], held: Sequence[Held]
    ) -> tuple[Order, Sequence[BankMatch]]:
        """The order without what a gateway told of already, and the matches of which the store does not tell itself."""
        collected = [m for m in matches if not m.undone and self._owners[m.transaction_id].kind == PAYMENT]
        if not collected:
            return order, matches
        booked = {one.key for one in held if is_alive(one)}
        spoken = spoken_of(order.payments, [m.settled for m in collected], self._pair.policy.bank_methods, booked)
        payments = tuple(payment for payment in order.payments if payment.id not in spoken)
        amounts = list(spoken.values())
        untold = []
        for match in matches:
            if match in collected and match.settled in amounts:
                amounts.remove(match.settled)
            else:
                untold.append(match)
        return msgspec.structs.replace(order, payments=payments), untold

    # -- keeping the answer ----------------------------------------------------------------------------------------

    def _keep_plan(
        self,
        record: StoredRecord,
        order: Order,
        stream: str,
        contact: str,
        plan: Plan,
        history: Sequence[Posting],
        rows: list[NewPosting],
    ) -> list[tuple[str, str]]:
        """Turn a plan into postings; a problem or a skip becomes the row that stands for the record as a whole."""
        versions: dict[str, int] = {}
        live: dict[str, Posting] = {}
        for posting in history:
            versions[posting.key] = max(versions.get(posting.key, 0), posting.version)
            if posting.state is not State.SUPERSEDED:
                live[posting.key] = posting
        standing = live.get(PROBLEM_KEY)
        verdict = plan.problem or plan.skip
        superseded: list[tuple[str, str]] = []
        if verdict is not None:
            digest = f"{verdict.cause}|{verdict.message}"
            if standing is not None and standing.digest == digest:
                return superseded
            if standing is not None:
                superseded.append((stream, PROBLEM_KEY))
            rows.append(self._verdict(record, order, stream, verdict, digest, versions.get(PROBLEM_KEY, 0) + 1, plan))
            return superseded
        if standing is not None:
            superseded.append((stream, PROBLEM_KEY))
        rows.extend(self._posting(record, stream, contact, intent, versions, live) for intent in plan.intents)
        return superseded

    def _verdict(
        self,
        record: StoredRecord,
        order: Order,
        stream: str,
        verdict: Problem,
        digest: str,
        version: int,
        plan: Plan,
    ) -> NewPosting:
        return NewPosting(
            self._pair.books, stream, PROBLEM_KEY, version, "order", "plan", record.key, order.number, digest, None,
            "; ".join(plan.reasons), total=record.total, currency=record.currency,
            state=State.BLOCKED if plan.problem is not None else State.SKIPPED,
            cause=verdict.cause, field=verdict.field, message=verdict.message, cure=verdict.cure,
        )  # fmt: skip

    def _posting(
        self,
        record: StoredRecord,
        stream: str,
        contact: str,
        intent: Intent,
        versions: dict[str, int],
        live: dict[str, Posting],
    ) -> NewPosting:
        document = intent.document
        before = live.get(intent.key)
        supersedes = 0
        # Updates and voids queue behind a create that was not sent yet; a new create takes its place.
        if (
            before is not None
            and before.state in (State.PLANNED, State.BLOCKED, State.SKIPPED)
            and (intent.op == before.op or intent.withdraw)
        ):
            supersedes = before.version
        version = versions.get(intent.key, 0) + 1
        versions[intent.key] = version
        owner = record.key
        if intent.key.startswith(BANK_KEY):
            name = intent.key.removeprefix(BANK_KEY).partition("~")[0]
            owner = self._owners.get(name, RecordKey(self._pair.books, "bank_transaction", name))
        total: Decimal | None = getattr(document, "total", None)
        currency = getattr(document, "currency", "")
        try:
            minor = None if total is None else to_minor(total, currency)
        except (UnknownCurrency, NotExact):
            minor = None
        return NewPosting(
            self._pair.books, stream, intent.key, version, intent.kind, intent.op, owner, document.reference,
            intent.digest, document, intent.reason, needs=contact, total=minor, currency=currency,
            supersedes=supersedes, state=State.SKIPPED if intent.withdraw else State.PLANNED,
            cause="withdrawn" if intent.withdraw else "", message=intent.reason if intent.withdraw else "",
            after=tuple(symbol.removeprefix("@") for symbol in intent.after if symbol != "@contact"),
        )  # fmt: skip


def _amount(minor: int, currency: str) -> Decimal:
    return Decimal(minor).scaleb(-EXPONENTS[currency])

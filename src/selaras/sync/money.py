"""Money in: every incoming amount is matched with what it pays, posted where a rule may, asked where not (M6, X6).

One decision is taken over everything that waits for a set of books: lines of its bank accounts, payments at gateways,
payouts, and the orders of all its stores, because they compete for one another. It is decided outside the ledger's
thread and kept in one transaction that claims both sides; what changed meanwhile is decided again.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence

import msgspec

from selaras.ledger.allocations import Allocation, Suggestion
from selaras.ledger.errors import ConstraintBroken, PlanOutOfDate
from selaras.ledger.values import NewPosting, RecordKey, State
from selaras.model.money import ZERO
from selaras.model.order import Order
from selaras.model.settlement import GatewayPayment
from selaras.rules.allocating import Answer, Incoming, Owed, Share, allocate
from selaras.rules.autonomy import Autonomy, standing
from selaras.rules.explain import N_, Sentence
from selaras.rules.matching import Parameters
from selaras.rules.matching.text import is_payout
from selaras.rules.payout_lines import Credit, PayoutMatch, match_payouts
from selaras.sync.feeds import autonomy_of
from selaras.sync.figures import major
from selaras.sync.held import PROBLEM_KEY
from selaras.sync.hub import Hub
from selaras.sync.learning import learn, parameters_of
from selaras.sync.money_in import Gathered, Money, MoneyReader, Waiting, money_stream, number_of, paid_key, subjects_of
from selaras.sync.money_plain import Verdict, plain
from selaras.sync.payouts import PayoutBooker
from selaras.sync.unique_amounts import amount_has_come

UNMATCHED, SUGGESTED = "unmatched_payment", "suggested_payment"
# News about orders, payouts, accounts or another line may answer these.
OPEN_CAUSES = (
    UNMATCHED, SUGGESTED, "receipt_stands", "refunded_at_gateway", "missing_mapping", "payout_unproven",
)  # fmt: skip
_PATIENCE = 5
_SURE = 1_000_000

_NOTHING = Sentence(N_("No unpaid order fits this payment of %(amount)s %(currency)s."))
_NO_REPORT = Sentence(
    N_("This is a payout for many buyers, and no settlement report comes to %(amount)s %(currency)s.")
)
_NO_REPORT_CURE = Sentence(
    N_("Bring its settlement report, or say by hand what it is with `selaras link`, or skip it.")
)
_LINK_CURE = Sentence(N_("Say which order it pays with `selaras link`, or skip it."))
_MAYBE = Sentence(N_("It may pay order %(orders)s (%(chance)s %%). %(why)s %(rule)s"))
_MAYBE_CURE = Sentence(N_("Look at it with `selaras unmatched`, then `selaras accept %(line)s`."))
_CLOSED = Sentence(N_("Order %(number)s was cancelled meanwhile."))
_RIVAL = Sentence(N_("Order %(orders)s: %(chance)s %%."))
_REFUNDED = Sentence(N_("The gateway gave %(back)s %(currency)s of order %(orders)s back; the store says %(known)s."))
_REFUNDED_CURE = Sentence(N_("Enter the refund or the chargeback in the store: it is booked from there."))
_GATEWAY = Sentence(N_("The gateway names order %(number)s, and the amount is exactly what is due."))
_GATEWAY_OTHER = Sentence(N_("The gateway names order %(number)s, but %(due)s %(currency)s are due, not %(amount)s."))
_VOUCHED = Sentence(N_("No order waits for this payment: the store's own word for it was booked."))

_AGAIN = Sentence(N_("Order %(number)s waits for no more money, but these %(amount)s %(currency)s came for it."))
_AGAIN_CURE = Sentence(
    N_("Give them back at the gateway and skip this, or say which order they pay with `selaras link`.")
)

_order = msgspec.json.Decoder(Order)
_CHANCE = re.compile(r"[0-9.]+ %")


class Decided(msgspec.Struct, frozen=True):
    """What was decided: answers and payouts by the line's name, and the standing of each (connection, rule)."""

    answers: Mapping[str, list[Answer]]
    payouts: Mapping[str, PayoutMatch]


class MoneyFlow:
    """Money into one set of books."""

    def __init__(self, hub: Hub, books: str) -> None:
        self._hub = hub
        self._books = books
        self._reader = MoneyReader(hub, books)
        self._booker = PayoutBooker(hub, books)

    @property
    def sources(self) -> list[tuple[str, str]]:
        """(connection, kind) of everything that brings money into these books."""
        return self._reader.sources

    async def reconsider(self) -> None:
        """New orders or payouts came: money without an answer gets another chance."""
        await self._hub.desk.write(self._replan)

    def _replan(self) -> None:
        records = self._hub.desk.ledger.records
        for connection in dict.fromkeys(name for name, _kind in self._reader.sources):
            records.replan_blocked(connection, OPEN_CAUSES)

    async def match(self) -> int:
        """Decide what waits; returns how many money lines were decided."""
        overtaken = 0
        while True:
            gathered = await self._hub.desk.write(self._gather)
            if not gathered.records:
                return 0
            parameters = await self._hub.desk(parameters_of, self._hub.desk.ledger, self._books)
            decided = await asyncio.to_thread(decide, gathered, parameters)
            try:
                return await self._hub.desk.write(self._keep, gathered, decided)
            except (ConstraintBroken, PlanOutOfDate):
                # Another worker claimed one of the two sides in between, or said what we say; it is read anew.
                overtaken += 1
                if overtaken > _PATIENCE:
                    raise

    def _gather(self) -> Gathered:
        records = self._hub.desk.ledger.records
        if any(records.unplanned(*source, 1) for source in self._reader.sources):
            self._replan()  # a new line may be a better answer for an order than the one that is suggested
            return self._reader.gather()
        return Gathered([], [], {}, [], {}, [])

    # -- keeping ---------------------------------------------------------------------------------------------------

    def _keep(self, gathered: Gathered, decided: Decided) -> int:
        ledger = self._hub.desk.ledger
        autonomies = {name: autonomy_of(ledger, name) for name in {m.key.connection for m in gathered.money}}
        verdicts = ledger.allocations.verdicts()
        unchanged = self._unchanged(gathered) - self._on_old_reports(gathered, decided)
        again: list[RecordKey] = []
        room = {subject: one.owed.due + max(one.owed.code, 0) for subject, one in gathered.waiting.items()}
        for money in gathered.money:
            if money.key not in unchanged:
                continue
            autonomy = autonomies[money.key.connection]
            verdict = self._decide_line(gathered, decided, money, autonomy, verdicts, again, room)
            self._say(money, verdict)
        for record, shares in gathered.changed_payouts:
            self._booker.changed(record, shares)
        learn(ledger, self._books, self._hub.now())
        ledger.records.planned([record for record in gathered.records if record.key in unchanged])
        decided_now = {record.key for record in gathered.records}
        ledger.records.replan([key for key in again if key not in decided_now])
        return len(gathered.records)

    def _unchanged(self, gathered: Gathered) -> set[RecordKey]:
        """Lines that are still as they were when it was decided, and that nobody has linked or freed since."""
        records, allocations = self._hub.desk.ledger.records, self._hub.desk.ledger.allocations
        by_source: dict[tuple[str, str], list[str]] = {}
        for record in gathered.records:
            by_source.setdefault((record.key.connection, record.key.kind), []).append(record.key.id)
        versions = {r.key: r.version for source, ids in by_source.items() for r in records.some(*source, ids)}
        taken = {source: allocations.taken(*source, ids) for source, ids in by_source.items()}
        moved = {
            money.key
            for money in gathered.money
            if taken[money.key.connection, money.key.kind].get(money.key.id, 0) != sum(a.amount for a in money.standing)
        }
        return {r.key for r in gathered.records if versions.get(r.key) == r.version and r.key not in moved}

    def _on_old_reports(self, gathered: Gathered, decided: Decided) -> set[RecordKey]:
        """Lines that were matched with a payout whose report was read anew since: they are decided again."""
        records, old = self._hub.desk.ledger.records, set[RecordKey]()
        for money in gathered.money:
            match = decided.payouts.get(money.name)
            for one in match.payouts if match is not None else ():
                now = records.get(paid_key(one.subject))
                if now is None or self._reader.paid(now) != one:
                    old.add(money.key)
        return old

    def _decide_line(
        self,
        gathered: Gathered,
        decided: Decided,
        money: Money,
        autonomy: Autonomy,
        verdicts: Mapping[tuple[str, str], tuple[int, int]],
        again: list[RecordKey],
        room: dict[str, int],
    ) -> Verdict | None:
        ledger, now = self._hub.desk.ledger, self._hub.now()
        orders = self._numbers(money)
        verdict = plain(money, orders) or self._given_back(money, orders)
        if verdict is not None or not money.left:
            ledger.allocations.suggest(money.key, [], now)
            return verdict
        connection = money.key.connection
        payout = decided.payouts.get(money.name)
        if payout is not None:
            rule = "payout:report"
            stands = standing(rule, *verdicts.get((connection, rule), (0, 0)), autonomy)
            return self._booker.book(money, payout, stands)
        answers = decided.answers.get(money.name, [])
        best = answers[0] if answers else None
        if best is None:
            ledger.allocations.suggest(money.key, [], now)
            return self._unanswered(money, gathered.waiting, again)
        stands = standing(best.rule, *verdicts.get((connection, best.rule), (0, 0)), autonomy)
        closed = [gathered.waiting[s.subject] for s in best.shares if gathered.waiting[s.subject].closed]
        fits = all(share.settled <= room[share.subject] for share in best.shares)
        if best.sure and stands.alone and not closed and fits and self._as_read(gathered, best):
            for share in best.shares:
                room[share.subject] -= share.settled
                again.append(self._claim(money, best, share, gathered.waiting[share.subject], answers))
            return None
        ledger.allocations.suggest(money.key, [s for a in answers for s in _suggestions(money, a)], now)
        why = stands.why if best.sure and not closed else "".join(_CLOSED(number=w.owed.number) for w in closed)
        message = _MAYBE(
            orders=_orders(best), chance=_percent(best.posterior), why=" ".join(best.reasons), rule=why
        ).strip()  # fmt: skip
        return State.BLOCKED, SUGGESTED, message, _MAYBE_CURE(line=money.key.id)

    def _unanswered(self, money: Money, waiting: Mapping[str, Waiting], again: list[RecordKey]) -> Verdict:
        known = {"amount": major(money.left, money.currency), "currency": money.currency}
        payment = money.payment
        # A gateway tells of money before the store tells of its order: what is not known yet is looked at again.
        if payment is not None and money.named and not _named(payment, waiting):
            vouched, later = self._reader.vouched(money)
            again += later
            if vouched:
                return State.SKIPPED, "vouched_by_store", _VOUCHED(), ""
            return State.BLOCKED, UNMATCHED, _AGAIN(**known, number=payment.order_reference), _AGAIN_CURE()
        if payment is None and is_payout(money.text):
            return State.BLOCKED, UNMATCHED, _NO_REPORT(**known), _NO_REPORT_CURE()
        return State.BLOCKED, UNMATCHED, _NOTHING(**known), _LINK_CURE()

    def _numbers(self, money: Money) -> str:
        """What people call the orders that the line pays already."""
        subjects = [one.subject for one in money.standing]
        known = subjects_of(self._hub.desk.ledger, subjects)
        return ", ".join(number_of(known, subject) for subject in subjects)

    def _given_back(self, money: Money, orders: str) -> Verdict | None:
        """A refund or chargeback at the gateway that the store does not know of: the books do not either."""
        back = money.payment.refunded if money.payment is not None else ZERO
        if not back or not money.standing:
            return None
        known = ZERO
        for share in money.standing:
            record = self._hub.desk.ledger.records.get(paid_key(share.subject))
            if record is not None:
                order = _order.decode(record.body)
                known += order.paid if order.status == "cancelled" else order.refunded
        if back <= known:
            return None
        message = _REFUNDED(back=back, currency=money.currency, orders=orders, known=known)
        return State.BLOCKED, "refunded_at_gateway", message, _REFUNDED_CURE()

    def _as_read(self, gathered: Gathered, answer: Answer) -> bool:
        """The orders are still as they were when it was decided; else they are planned, and the line is asked about."""
        records = self._hub.desk.ledger.records
        for share in answer.shares:
            waiting = gathered.waiting[share.subject]
            now = records.get(waiting.record.key)
            if now is None or now.version != waiting.record.version:
                return False
        return True

    def _claim(
        self, money: Money, answer: Answer, share: Share, waiting: Waiting, answers: Sequence[Answer]
    ) -> RecordKey:
        ledger, now = self._hub.desk.ledger, self._hub.now()
        allocation = Allocation(
            line=money.key, books=self._books, subject=share.subject, currency=money.currency, amount=share.amount,
            written_off=share.written_off, fits=answer.fits, evidence=answer.evidence, rule=answer.rule,
            posterior=answer.posterior, reasons=answer.reasons, days=share.days, rivals=_rivals(answers, answer),
        )  # fmt: skip
        ledger.allocations.allocate(allocation, money.amount, waiting.ceiling, now)
        if waiting.reservation is not None and share.amount == waiting.reservation.payable:
            amount_has_come(ledger, waiting.reservation, now)
        return waiting.record.key

    def _say(self, money: Money, verdict: Verdict | None) -> None:
        """Keep what stands for the line where it is not (wholly) allocated; nothing is written twice."""
        ledger, stream = self._hub.desk.ledger, money_stream(money.key)
        past = ledger.postings.of_streams(self._books, [stream]).get(stream, [])
        said = [p for p in past if p.key == PROBLEM_KEY]
        stands = next((p.digest for p in said if p.state is not State.SUPERSEDED), "")
        # A chance that moved a little is no news.
        digest = "" if verdict is None else f"{verdict[1]}|{_CHANCE.sub('', verdict[2])}"
        if verdict is not None and stands == digest:
            return
        now = self._hub.now()
        if stands:
            ledger.postings.supersede(self._books, stream, PROBLEM_KEY, now)
        if verdict is None:
            return
        state, cause, message, cure = verdict
        version, record = 1 + max((p.version for p in said), default=0), money.record
        row = NewPosting(
            self._books, stream, PROBLEM_KEY, version, record.key.kind, "plan", record.key, record.number,
            digest, None, message, total=record.total, currency=record.currency, state=state, cause=cause,
            field="description", message=message, cure=cure,
        )  # fmt: skip
        ledger.postings.plan([row], now)


# -- deciding ----------------------------------------------------------------------------------------------------------


def decide(gathered: Gathered, parameters: Parameters) -> Decided:
    """What each line that waits pays. Pure."""
    open_money = [m for m in gathered.money if plain(m) is None and m.left]
    bank = [m for m in open_money if m.payment is None]
    credits = [
        Credit(m.name, major(m.left, m.currency) or ZERO, m.currency, m.day, m.text)
        for m in bank
        if not m.standing
    ]  # fmt: skip
    refused = {(m.name, subject) for m in open_money for subject in m.refused}
    payouts = {
        match.line: match
        for match in match_payouts(gathered.payouts, credits)
        if not any((match.line, one.subject) in refused for one in match.payouts)
    }
    answers = {m.name: a for m in open_money if m.payment is not None and (a := _by_gateway(m, gathered.waiting))}
    taken = {share.subject for found in answers.values() for share in found[0].shares if found[0].sure}
    left = [m for m in bank if not is_payout(m.text)]
    owed = [w.owed for subject, w in sorted(gathered.waiting.items()) if subject not in taken]
    incoming = [Incoming(line=m.name, currency=m.currency, left=m.left, day=m.day, text=m.text) for m in left]
    for line, found in allocate(owed, incoming, parameters, refused).items():
        # A line that does not call itself a payout may be a buyer's of the same amount.
        if line in payouts and found[0].sure:
            del payouts[line]
        elif line in payouts and found[0].fits == "exact":
            payouts[line] = msgspec.structs.replace(payouts[line], sure=False)
        if line not in payouts:
            answers[line] = found
    return Decided(answers, payouts)


def _by_gateway(money: Money, waiting: Mapping[str, Waiting]) -> list[Answer]:
    """The order that the gateway itself names for a payment; exactly one may bear the name."""
    payment = money.payment
    if payment is None or not payment.order_reference:
        return []
    named = [w for w in _named(payment, waiting)
             if w.owed.currency == money.currency and w.owed.subject not in money.refused]  # fmt: skip
    if len(named) != 1:
        return []
    owed = named[0].owed
    # Where the store vouches for a part of it, this may be that part; and another shop's order may bear the name.
    sure = money.left <= owed.due and not named[0].vouched and money.named <= 1
    exact = money.left == owed.due
    known = {"number": owed.number, "due": major(owed.due, owed.currency), "currency": owed.currency}
    why = _GATEWAY(**known) if exact else _GATEWAY_OTHER(**known, amount=major(money.left, money.currency))
    return [
        Answer(
            line=money.name, rank=1, shares=(Share(owed.subject, owed.number, money.left, (), _days(owed, money)),),
            fits="exact" if exact else "other_amount", evidence=("gateway",),
            rule="exact:gateway" if exact else "other_amount:gateway", posterior=_SURE - 1, sure=sure,
            reasons=(why,),
        )
    ]  # fmt: skip


def _named(payment: GatewayPayment, waiting: Mapping[str, Waiting]) -> list[Waiting]:
    """Orders that wait for money and bear the name that the gateway says."""
    reference = payment.order_reference
    return [w for w in waiting.values() if reference in (w.owed.number, w.record.key.id, w.record.number)]


def _days(owed: Owed, money: Money) -> int:
    return (money.day - owed.ordered).days


def _suggestions(money: Money, answer: Answer) -> list[Suggestion]:
    return [
        Suggestion(
            line=money.key, rank=answer.rank, subject=share.subject, amount=share.amount, days=share.days,
            written_off=share.written_off, fits=answer.fits, evidence=answer.evidence, rule=answer.rule,
            posterior=answer.posterior, reasons=answer.reasons, settles=share.settles,
        )
        for share in answer.shares
    ]  # fmt: skip


def _orders(answer: Answer) -> str:
    return ", ".join(share.number for share in answer.shares)


def _percent(posterior: int) -> str:
    """Cut, never rounded up: 99.99 % is not certain."""
    return f"{posterior // 1_000 / 10:g}"


def _rivals(answers: Sequence[Answer], chosen: Answer) -> tuple[str, ...]:
    return tuple(
        _RIVAL(orders=_orders(one), chance=_percent(one.posterior)) for one in answers if one.rank != chosen.rank
    )

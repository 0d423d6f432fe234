"""Payouts into the books: one journal entry for each bank line that a payout brings, both sides claimed (X7).

The line's money goes from the gateway's clearing account to the bank, and what the gateway kept becomes fee and tax. A
payout whose own rows do not come to its net is never booked; a difference is an open item, not a line.
"""

from __future__ import annotations

from collections.abc import Sequence

from selaras.ledger.allocations import Allocation, Suggestion
from selaras.ledger.values import NewPosting, Posting, RecordKey, State, StoredRecord, document_of
from selaras.model.document import Journal
from selaras.model.money import to_minor
from selaras.rules.autonomy import Standing
from selaras.rules.explain import N_, Sentence
from selaras.rules.lines import digest_of
from selaras.rules.payout_lines import Accounts, Paid, PayoutMatch, entry
from selaras.rules.plan_types import Problem
from selaras.sync.hub import Hub
from selaras.sync.money_in import BANK, Money, MoneyReader, money_stream, paid_key, payout_subject
from selaras.sync.money_plain import Verdict

KEY, CHANGED = "payout", "changed"
_RULE = "payout:report"
_CERTAIN = 999_999
_ASKED = Sentence(N_("%(why)s %(rule)s"))
_ASKED_CURE = Sentence(N_("Look at it with `selaras unmatched`, then `selaras accept %(line)s`."))
_CHANGED = Sentence(
    N_("Payout %(payout)s of %(gateway)s was booked as %(booked)s, its report now comes to other figures.")
)
_CHANGED_CURE = Sentence(N_("Look at the new report, then `selaras undo money %(line)s`: it is booked anew by itself."))
_UNDONE = Sentence(N_("It was undone that this line is payout %(payouts)s."))
_NO_BANK = Sentence(N_("No account of the books is chosen for the bank lines of %(connection)s."))
_NO_BANK_CURE = Sentence(N_("Choose one: selaras feed %(connection)s --account ACCOUNT"))


class PayoutBooker:
    """Books payouts into one set of books. Every method runs in the ledger's thread, in the caller's transaction."""

    def __init__(self, hub: Hub, books: str) -> None:
        self._hub = hub
        self._books = books
        self._feeds = {feed.connection: feed for feed in hub.feeds if feed.books == books}
        self._reader = MoneyReader(hub, books)

    def book(self, money: Money, match: PayoutMatch, stands: Standing, who: str = "") -> Verdict | None:
        """Claim line and payouts and plan the entry, where the rule may act alone or a person (`who`) says so.

        Returns what is to be said of the line instead, None when nothing is.
        """
        ledger, now = self._hub.desk.ledger, self._hub.now()
        gateway = paid_key(match.payouts[0].subject).connection
        feed = self._feeds.get(gateway)
        accounts = feed.accounts if feed is not None else Accounts(gateway, "")
        if not money.account:
            known = {"connection": money.key.connection}
            return State.BLOCKED, "missing_mapping", _NO_BANK(**known), _NO_BANK_CURE(**known)
        # An entry after one that was taken back is another document: what was linked stays the proof of the first.
        number = 1 + len({p.key for p in self._past(money.key)})
        suffix = f"~{number}" if number > 1 else ""
        reference = "-".join(one.payout.id for one in match.payouts) + suffix
        line = money.key.id if money.key.connection == self._books else ""
        payouts = [one.payout for one in match.payouts]
        made = entry(f"payout:{gateway}/{reference}", money.day, money.account, payouts, accounts, line)
        if isinstance(made, Problem):
            return State.BLOCKED, made.cause, made.message, made.cure
        if not who and not (match.sure and stands.alone):
            suggested = [self._suggested(money, one, match) for one in match.payouts]
            ledger.allocations.suggest(money.key, suggested, now)
            rule = "" if not match.sure else stands.why
            return (
                State.BLOCKED,
                "suggested_payment",
                _ASKED(why=match.reason, rule=rule).strip(),
                _ASKED_CURE(line=money.key.id),
            )
        for one in match.payouts:
            share = to_minor(one.payout.net, one.payout.currency)
            allocation = Allocation(
                line=money.key, books=self._books, subject=one.subject, currency=money.currency, amount=share,
                fits="payout", evidence=("settlement",), rule=_RULE, posterior=_CERTAIN,
                how="person" if who else "auto", by_whom=who, reasons=(match.reason,), days=(money.day - one.day).days,
            )  # fmt: skip
            ledger.allocations.allocate(allocation, money.amount, share, now)
        self._plan(money.key, KEY + suffix, made, "create", 1, made.note)
        return None

    def _suggested(self, money: Money, one: Paid, match: PayoutMatch) -> Suggestion:
        return Suggestion(
            line=money.key, rank=1, subject=one.subject, amount=to_minor(one.payout.net, one.payout.currency),
            fits="payout", evidence=("settlement",), rule=_RULE, posterior=_CERTAIN if match.sure else 500_000,
            reasons=(match.reason,), days=(money.day - one.day).days,
        )  # fmt: skip

    def _stream(self, line: RecordKey) -> list[Posting]:
        stream = money_stream(line)
        return self._hub.desk.ledger.postings.of_streams(self._books, [stream]).get(stream, [])

    def _past(self, line: RecordKey) -> list[Posting]:
        return [posting for posting in self._stream(line) if posting.key.startswith(KEY)]

    def _plan(
        self, line: RecordKey, key: str, document: Journal, op: str, version: int, why: str, supersedes: int = 0
    ) -> None:
        ledger = self._hub.desk.ledger
        total = to_minor(document.total, document.currency)
        ledger.postings.plan(
            [
                NewPosting(
                    self._books, money_stream(line), key, version, "journal", op, line, document.reference,
                    digest_of(document), document, why, total=total, currency=document.currency, supersedes=supersedes,
                    state=State.SKIPPED if op == "void" and supersedes else State.PLANNED,
                    cause="withdrawn" if op == "void" and supersedes else "",
                )
            ],
            self._hub.now(),
        )  # fmt: skip

    def take_back(self, line: RecordKey, payouts: str) -> bool:
        """The entry of a line is voided in the books, or given up where it was never sent. True where its report had
        changed: then it is booked anew, and what was said of the change stands in the way no longer.
        """
        ledger, stream = self._hub.desk.ledger, money_stream(line)
        changed = any(p.key == CHANGED and p.state is State.BLOCKED for p in self._stream(line))
        ledger.postings.supersede(self._books, stream, CHANGED, self._hub.now())
        past = self._past(line)
        latest = next((p for p in reversed(past) if p.state is not State.SUPERSEDED), None)
        document = None if latest is None else document_of(latest.document)
        if latest is None or latest.op == "void" or not isinstance(document, Journal):
            return changed
        unsent = latest.state in (State.PLANNED, State.BLOCKED, State.SKIPPED)
        self._plan(
            line, latest.key, document, "void", latest.version + 1, _UNDONE(payouts=payouts),
            supersedes=latest.version if unsent else 0,
        )  # fmt: skip
        return changed

    def changed(self, record: StoredRecord, shares: Sequence[Allocation]) -> None:
        """A payout that is booked was read anew: where its figures changed, a person is told."""
        line = shares[0].line
        paid = self._reader.paid(record)
        latest = next((p for p in reversed(self._past(line)) if p.state is not State.SUPERSEDED), None)
        document = document_of(latest.document) if latest is not None else None
        if latest is None or not isinstance(document, Journal) or latest.op == "void":
            return
        others = [a.subject for a in self._hub.desk.ledger.allocations.of_lines(line.connection, BANK, [line.id]).get(
            line.id, ()) if a.undone_at is None and a.subject != payout_subject(record.key)]  # fmt: skip
        payouts = [paid.payout, *(self._reader.paid(one).payout for one in self._records(others))]
        feed = self._feeds.get(record.key.connection)
        accounts = feed.accounts if feed is not None else Accounts(record.key.connection, "")
        bank = next((side.account for side in document.lines if side.debit), "")
        now = entry(document.reference, document.date, bank, payouts, accounts, document.bank_transaction_id)
        stream = money_stream(line)
        if isinstance(now, Journal) and digest_of(now) == digest_of(document):
            self._hub.desk.ledger.postings.supersede(self._books, stream, CHANGED, self._hub.now())
            return
        known = {"payout": paid.payout.id, "gateway": paid.payout.gateway, "booked": latest.reference}
        said = [p for p in self._stream(line) if p.key == CHANGED]
        if any(p.state is State.BLOCKED for p in said):
            return
        row = NewPosting(
            self._books, stream, CHANGED, 1 + max((p.version for p in said), default=0), "journal", "plan", line,
            latest.reference, _CHANGED(**known), None, _CHANGED(**known), total=latest.total, currency=latest.currency,
            state=State.BLOCKED, cause="payout_changed", field="rows", message=_CHANGED(**known),
            cure=_CHANGED_CURE(line=line.id),
        )  # fmt: skip
        self._hub.desk.ledger.postings.plan([row], self._hub.now())

    def _records(self, subjects: Sequence[str]) -> list[StoredRecord]:
        found = [self._hub.desk.ledger.records.get(paid_key(subject)) for subject in subjects]
        return [record for record in found if record is not None]

"""Builders of rows, and a sealer that really encrypts."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import os
import subprocess
import sys
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

from cryptography.fernet import Fernet

from selaras.ledger import Ledger
from selaras.ledger.values import Claimed, NewPosting, NewRecord, RecordKey, Settlement, State
from selaras.model.document import Invoice

ROOT = Path(__file__).resolve().parents[2]
SECOND = 1_000_000
NOW = 1_767_225_600 * SECOND


class TestSealer:
    """Fernet under a key made from a password."""

    __test__ = False

    def __init__(self, password: str = "test") -> None:
        self._fernet = Fernet(base64.urlsafe_b64encode(hashlib.sha256(password.encode()).digest()))

    def seal(self, text: str) -> str:
        return self._fernet.encrypt(text.encode()).decode()

    def open(self, sealed: str) -> str:
        return self._fernet.decrypt(sealed).decode()


def order(number: str | int, connection: str = "shop") -> RecordKey:
    return RecordKey(connection, "order", str(number))


def record(
    number: str | int,
    digest: str = "a",
    *,
    updated_at: int = 0,
    total: int | None = 1000,
    day: str = "2026-01-01",
    currency: str = "IDR",
    is_open: bool = False,
) -> NewRecord:
    body = f'{{"id":"{number}","digest":"{digest}"}}'.encode()
    return NewRecord(
        key=order(number),
        number=f"#{number}",
        day=day,
        digest=digest,
        updated_at=NOW + updated_at * SECOND,
        total=total,
        currency=currency,
        body=body,
        raw=b"raw " + body,
        open=is_open,
    )


def posting(
    stream: str,
    key: str = "invoice",
    version: int = 1,
    *,
    number: str | int = 1,
    op: str = "create",
    kind: str = "invoice",
    needs: str = "",
    state: State = State.PLANNED,
    cause: str = "",
    supersedes: int = 0,
    empty: bool = False,
    target: str = "books",
    total: int | None = 1000,
) -> NewPosting:
    reference = f"{stream}/{key}"
    document = Invoice(reference=reference, date=dt.date(2026, 1, 1), currency="IDR", total=Decimal(1000))
    return NewPosting(
        target=target,
        stream=stream,
        key=key,
        version=version,
        kind=kind,
        op=op,
        record=order(number),
        reference=reference,
        digest=f"digest of {version}",
        document=None if empty else document,
        reason="because of the test",
        needs=needs,
        total=total,
        currency="IDR",
        state=state,
        cause=cause,
        supersedes=supersedes,
    )


def plan(ledger: Ledger, *postings: NewPosting, now: int = NOW) -> None:
    with ledger.transaction():
        ledger.postings.plan(postings, now)


def claim(
    ledger: Ledger, now: int = NOW, *, lease: float = 60, limit: int = 100, target: str = "books"
) -> list[Claimed]:
    with ledger.transaction():
        return ledger.postings.claim(target, now, lease, limit)


def settle(ledger: Ledger, *settlements: Settlement, now: int = NOW, target: str = "books") -> set[int]:
    with ledger.transaction():
        return ledger.postings.settle(target, settlements, now)


def done(claimed: Claimed, target_id: str | None = None) -> Settlement:
    identity = f"doc of {claimed.stream}/{claimed.key}" if target_id is None else target_id
    return Settlement(claimed, State.DONE, claimed.op, "done", target_id=identity, number=f"N{claimed.id}")


def failed(claimed: Claimed, state: State, wait: float = 0.0, outcome: str = "failed") -> Settlement:
    return Settlement(
        claimed, state, claimed.op, outcome, "it failed", wait=wait, cause="rejected" if state is State.BLOCKED else ""
    )


def keep(ledger: Ledger, *records: NewRecord, via: str = "poll", now: int = NOW) -> list[NewRecord]:
    with ledger.transaction():
        return ledger.records.keep(records, via, now)


def mark_planned(ledger: Ledger) -> None:
    """Everything that waits to be planned has been."""
    with ledger.transaction():
        ledger.records.planned(ledger.records.unplanned("shop", "order", 10_000))


def names(claims: Sequence[Claimed]) -> list[tuple[str, str]]:
    return [(c.stream, c.key) for c in claims]


def start_python(code: str, *arguments: str) -> subprocess.Popen[str]:
    """Another process with the package at hand; it speaks through its pipes."""
    path = os.pathsep.join([str(ROOT / "src"), str(ROOT)])
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": path},
    )

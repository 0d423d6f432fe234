"""The month-end certificate of a store, read from the ledger; `selaras.rules.certificate` has its form and check."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

import selaras
from selaras.ledger import Ledger
from selaras.ledger.errors import LedgerError
from selaras.ledger.values import Link
from selaras.model.money import EXPONENTS
from selaras.rules.certificate import Checked, check, days_of, write
from selaras.sync.figures import major
from selaras.sync.finding import pair_of
from selaras.sync.hub import Pair, order_stream

_BATCH = 5000


class Certified(msgspec.Struct, frozen=True):
    """A certificate that was written: where, how many records, totals by status and currency, and its seal."""

    path: str
    month: str
    connection: str
    records: int
    totals: dict[str, Any]
    green: bool
    seal: str


def certificate(ledger: Ledger, month: str, connection: str | None = None, *, now: dt.datetime) -> Iterator[bytes]:
    """The certificate of a month ("YYYY-MM") and store, line by line; `now` is an aware instant.

    Raises `LedgerError` for what is not a month and when there is no such store.
    """
    pair = pair_of(ledger, connection)
    try:
        first, last = days_of(month)
    except ValueError as error:
        raise LedgerError(f"{error}.") from None
    header = {
        "month": month,
        "connection": pair.store,
        "kind": "order",
        "zone": pair.policy.zone,
        "made_at": now.astimezone(dt.UTC).isoformat(timespec="seconds"),
        "software": f"selaras {selaras.__version__}",
        "policy_version": ledger.connections.version("pairs"),
        "books": pair.books,
    }
    return write(header, _records(ledger, pair, first, last))


def certify(ledger: Ledger, month: str, connection: str | None, out: Path, *, now: dt.datetime) -> Certified:
    """Write the certificate into a file, whole or not at all, and check it as anyone else would."""
    content = b"".join(certificate(ledger, month, connection, now=now))
    part = out.with_name(out.name + ".part")
    try:
        part.write_bytes(content)
        part.replace(out)
    except OSError as error:
        raise LedgerError(f"{out} cannot be written: {error.strerror}.", "Choose another file with --out.") from None
    found = check(out.read_bytes())
    if found.fault is not None:
        raise LedgerError(
            f"The certificate in {out} does not hold, line {found.fault.line}: {found.fault.message}",
            "Check the disk and write it again.",
        )
    return Certified(
        str(out), month, str(found.header["connection"]), found.records, found.totals, found.green, found.seal
    )


def check_certificate(path: Path) -> Checked:
    """Check a certificate file with no database. Raises `LedgerError` when it cannot be read."""
    try:
        return check(path.read_bytes())
    except OSError as error:
        raise LedgerError(f"{path} cannot be read: {error.strerror}.", "Check the path.") from None


def _records(ledger: Ledger, pair: Pair, first: str, last: str) -> Iterator[dict[str, Any]]:
    # Sorted here, because PostgreSQL sorts text by its own collation.
    statuses = sorted(ledger.coverage.statuses(pair.store, "order", first, last), key=lambda s: (s[2], s[0]))
    for start in range(0, len(statuses), _BATCH):
        part = statuses[start : start + _BATCH]
        streams = {status[0]: order_stream(pair.store, status[0]) for status in part}
        links: dict[str, list[Link]] = {}
        for target in (pair.books, pair.store):
            for (stream, _key), link in ledger.postings.links(target, list(streams.values())).items():
                links.setdefault(stream, []).append(link)
        for record_id, number, day, currency, total, status, digest in part:
            yield {
                "id": record_id,
                "number": number,
                "day": day,
                "currency": currency,
                "total": _written(int(total), currency),
                "status": status,
                "digest": digest,
                "documents": _documents(links.get(streams[record_id], ())),
            }


def _documents(links: Sequence[Link]) -> list[dict[str, str]]:
    return [
        {
            "target": link.target,
            "kind": link.kind,
            "id": link.target_id,
            "number": link.number,
            "reference": link.reference,
            "currency": link.currency,
            "total": "" if link.total is None else _written(link.total, link.currency),
        }
        for link in sorted(links, key=lambda link: (link.target, link.kind, link.key))
    ]


def _written(minor: int, currency: str) -> str:
    """Major units with the currency's decimals; a record whose currency is unknown was kept without an amount."""
    return f"{major(minor, currency):.{EXPONENTS.get(currency, 0)}f}"

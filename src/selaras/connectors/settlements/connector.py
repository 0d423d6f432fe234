"""Settlement files as payouts: what a gateway paid out in one sum, with the payments, refunds and fees in it."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Sequence
from typing import Final

import msgspec

from selaras.connectors.contract import Seen, Settings, Tools
from selaras.connectors.filed import FiledSource
from selaras.connectors.inbox import Dropped, NotTaken
from selaras.connectors.places import Place
from selaras.files.claims import Unreadable
from selaras.files.settlement_forms import GATEWAYS
from selaras.files.settlements import Batch, Settlement, parse
from selaras.model.money import ZERO
from selaras.model.settlement import Payout, SettlementRow

KIND: Final = "payout"
_CURE: Final = "Export the report again and do not change the file."
_MOMENT: Final = dt.timedelta(microseconds=1)


class Settlements(FiledSource[Settlement]):
    """See `FiledSource`. A payout is the gateway's and the batch's: a report that says more of it is a new version."""

    name = "settlements"
    kind = KIND

    def __init__(self, settings: Settings, tools: Tools, place: Place | None = None) -> None:
        super().__init__(settings, tools, place)
        self.gateway = settings.get("gateway", "").strip().lower()
        if self.gateway and self.gateway not in GATEWAYS:
            raise ValueError(f"the setting gateway is one of {', '.join(GATEWAYS)}")

    def _parse(self, file: Dropped) -> Settlement:
        try:
            return parse(file.data, file.name, gateway=self.gateway, currency=self.currency)
        except Unreadable as error:
            message = str(error)
            raise NotTaken(message if file.name in message else f"{file.name}: {message}", _CURE) from None

    def _fits(self, file: Dropped, parsed: Settlement) -> None:
        """A batch has one currency, in all the files that it stands in."""
        for batch in parsed.batches:
            held = self._seen.get(_id(batch))
            if held is not None and held.currency != batch.currency:
                raise NotTaken(
                    f"{file.name}: batch {batch.name} is in {batch.currency}, the files before it said {held.currency}",
                    _CURE,
                )

    def _hold(self, file: Dropped, parsed: Settlement) -> list[Seen]:
        return [row for batch in parsed.batches if (row := self._version(file, batch)) is not None]

    def _version(self, file: Dropped, batch: Batch) -> Seen | None:
        """The payout as this file leaves it; None when the file says nothing new of it."""
        held = self._seen.get(_id(batch))
        before: Payout | None = None if held is None else held.record
        rows = joined(() if before is None else before.rows, batch.rows)
        net = sum((row.net for row in rows), ZERO) if batch.printed is None else batch.printed
        if before is not None and rows == before.rows:
            if batch.printed is None and len(batch.rows) < len(rows):
                net = before.net  # a part of it says nothing about the sum
            if net == before.net:
                return None
        day = max(row.settled_on for row in rows)
        paid_out = dt.datetime.combine(day, dt.time(), self.zone).astimezone(dt.UTC)
        payout = Payout(_id(batch), batch.gateway, batch.currency, net, paid_out, reference=batch.name, rows=rows)
        # A corrected report may carry an older time than the one that it corrects; it was taken later all the same.
        written = file.written if held is None else max(file.written, held.updated_at + _MOMENT)
        raw = msgspec.json.encode(batch)
        return Seen(KIND, payout.id, payout, raw, written, day, batch.name, net, batch.currency)

    def _says(self, parsed: Settlement) -> str:
        return f"{sum(len(one.rows) for one in parsed.batches)} lines, {parsed.gateway}"


def joined(before: Sequence[SettlementRow], after: Sequence[SettlementRow]) -> tuple[SettlementRow, ...]:
    """The rows of a batch of which a later report says `after`: what it says again counts as it says it.

    Rows are the same by kind and the gateway's id, or the order's reference where there is none. A row that the later
    report leaves out stays: reports are cut by days, and what is at their edge is in only one of them.
    """
    new = _by_name(after)
    found: list[SettlementRow] = []
    for name, rows in _by_name(before).items():
        fresh = new.pop(name, [])
        kept = Counter(rows)
        if not Counter(fresh) <= kept:
            kept -= Counter(fresh)
            rows = [*fresh, *list(kept.elements())[: max(0, len(rows) - len(fresh))]]
        found += rows
    found += [row for rows in new.values() for row in rows]
    return tuple(sorted(found, key=lambda r: (r.settled_on, r.order_reference, r.kind, r.id, r.gross, r.fee)))


def _by_name(rows: Sequence[SettlementRow]) -> dict[tuple[str, str], list[SettlementRow]]:
    found: dict[tuple[str, str], list[SettlementRow]] = {}
    for row in rows:
        found.setdefault((row.kind, row.id or row.order_reference), []).append(row)
    return found


def _id(batch: Batch) -> str:
    return f"{batch.gateway}:{batch.name}"


__all__ = ["KIND", "Settlements", "joined"]

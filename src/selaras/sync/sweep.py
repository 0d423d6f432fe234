"""Sweep: compare both sides whole, find what no event told us, and count.

The store is read from the beginning, so every record that exists is seen whatever was lost (promise 1); its own count
and sum per day become the census that coverage is held against. The books are asked for every reference that we hold a
link for; what is missing, doubled or of another total is a difference, shown and never repaired in silence.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Callable, Sequence
from decimal import Decimal
from zoneinfo import ZoneInfo

import msgspec

from selaras.connectors.contract import Found, Positioned
from selaras.ledger.backup import trust
from selaras.ledger.values import Link, State
from selaras.model.money import NotExact, UnknownCurrency, from_minor, to_minor
from selaras.rules.hand_edits import FieldChange
from selaras.sync.hand_edits import Edit, HandEdits
from selaras.sync.hub import Hub, Pair
from selaras.sync.intake import Intake

Progress = Callable[[str, int], None]


class Difference(msgspec.Struct, frozen=True):
    """One disagreement between the ledger's links and the books. Amounts are decimal texts in major units.

    `what` is "missing", "doubled" or "total", or the field that a person changed ("date", "lines[KAOS-M]" …).
    """

    kind: str
    reference: str
    stream: str
    what: str
    ours: str
    theirs: str
    currency: str


class Swept(msgspec.Struct, frozen=True):
    """What a sweep found: records the store holds, how many of them were new or changed, and the differences.

    `since` is the first day that was counted and compared; "" means all of them. `compared` documents were asked for.
    """

    store: str
    seen: int
    changed: int
    unsettled: int
    differences: list[Difference]
    since: str = ""
    compared: int = 0


class Sweep:
    """Sweeps one pair."""

    def __init__(self, hub: Hub, pair: Pair, intake: Intake) -> None:
        self._hub = hub
        self._pair = pair
        self._intake = intake

    async def run(self, progress: Progress = lambda what, count: None, since: str = "") -> Swept:
        """Read the whole store, take its census, and compare every link with the books.

        With `since` (an ISO day) only orders from that day on are counted and only their documents compared; a store
        that cannot be read from a moment on is read whole. Raises `ConnectorError`.
        """
        if since and not isinstance(self._hub.connectors[self._pair.store], Positioned):
            since = ""
        seen, changed = await self._store(progress, since)
        differences, compared = await self._books(progress, since)
        unsettled = await self._hub.desk(self._unsettled)
        if not since and not await self._hub.desk(self._hub.desk.ledger.pending, self._hub.idle):
            # A ledger that came from a backup has seen both sides, and planned and settled what it saw: it need not
            # look before it sends any more.
            await self._hub.desk.write(trust, self._hub.desk.ledger.db)
        return Swept(self._pair.store, seen, changed, unsettled, differences, since, compared)

    def _cursor(self, since: str) -> str:
        """What was placed on a day was changed on it or later; a day more, because zones may differ."""
        connector = self._hub.connectors[self._pair.store]
        if not since or not isinstance(connector, Positioned):
            return ""
        start = dt.datetime.combine(dt.date.fromisoformat(since), dt.time.min, ZoneInfo(self._pair.policy.zone))
        return connector.cursor_at("order", start - dt.timedelta(days=1))

    async def _store(self, progress: Progress, since: str) -> tuple[int, int]:
        ledger = self._hub.desk.ledger
        figures: dict[str, tuple[str, str, int]] = {}
        changed, cursor = 0, self._cursor(since)
        while True:
            page, new = await self._intake.page("order", cursor, "sweep")
            changed += new
            for record in page.seen:
                if record.record is not None and record.day.isoformat() >= since:
                    figures[record.id] = (
                        record.day.isoformat(),
                        record.currency,
                        _minor(record.total, record.currency),
                    )
            progress("orders read", len(figures))
            cursor = page.cursor
            if not page.more:
                break
        census: dict[tuple[str, str], tuple[int, int]] = {}
        for day, currency, total in figures.values():
            count, money = census.get((day, currency), (0, 0))
            census[(day, currency)] = (count + 1, money + total)
        await self._hub.desk.write(ledger.coverage.census, self._pair.store, "order", census, self._hub.now(), since)
        return len(figures), changed

    async def _books(self, progress: Progress, since: str) -> tuple[list[Difference], int]:
        books, ledger = self._hub.connectors[self._pair.books], self._hub.desk.ledger
        size, compared = max(1, books.capabilities.read_batch), 0
        edits = HandEdits(self._hub, self._pair.books)
        changed, early, doubtful = list[Edit](), dict[str, list[Link]](), dict[str, list[Link]]()
        for kind in ("sales_order", "invoice", "receipt", "credit_note"):
            after = ""
            while links := await self._hub.desk(ledger.postings.links_page, self._pair.books, kind, after, size, since):
                after = links[-1].target_id
                found = await books.find(kind, [link.reference for link in links])
                unlike = [link for link in links if _compare(link, found.get(link.reference)) is not None]
                doubtful.setdefault(kind, []).extend(unlike)
                if kind in edits.kinds:
                    looked = await edits.read(kind, [link.target_id for link in links])
                    changed += looked.edits
                    soon = [link for link in links if (link.stream, link.key) in looked.early]
                    early.setdefault(kind, []).extend(soon)
                compared += len(links)
                progress("documents compared", compared)
        if any(early.values()) or any(doubtful.values()):
            # Written a moment ago: the books may still tell what stood there before, or we knew it only afterwards.
            await asyncio.sleep(edits.settle_time)
        for kind, links in early.items():
            for part in _parts(links, size):
                changed += (await edits.read(kind, [link.target_id for link in part])).edits
        differences = [
            one
            for kind, links in doubtful.items()
            for part in _parts(links, size)
            for one in await self._again(kind, [link.target_id for link in part])
        ]
        named = {(d.stream, d.kind, d.reference) for d in differences}
        for edit in changed:
            link = edit.link
            if (link.stream, link.kind, link.reference) not in named:
                differences += [_edited(link, change) for change in edit.changes]
        return differences, compared

    async def _again(self, kind: str, ids: Sequence[str]) -> list[Difference]:
        """A second look at what differed: what we wrote meanwhile, or are writing, is no difference."""
        linked, books = self._hub.desk.ledger.postings.linked, self._pair.books
        before = await self._hub.desk(linked, books, kind, ids)
        found = await self._hub.connectors[books].find(kind, [link.reference for link in before.values()])
        writing = await self._hub.desk(self._writing, list(before.values()))
        after = await self._hub.desk(linked, books, kind, ids)
        looked = [(link, _compare(link, found.get(link.reference))) for link in before.values()]
        return [
            one
            for link, one in looked
            if one is not None and after.get(link.target_id) == link and (link.stream, link.key) not in writing
        ]

    def _writing(self, links: Sequence[Link]) -> set[tuple[str, str]]:
        """(stream, key) of those that are being changed by us, or whose change has no clear answer."""
        history = self._hub.desk.ledger.postings.of_streams(self._pair.books, [link.stream for link in links])
        return {(p.stream, p.key) for past in history.values() for p in past if p.state is State.IN_DOUBT}

    def _unsettled(self) -> int:
        return len(self._hub.desk.ledger.postings.in_state(State.PLANNED)) + len(
            self._hub.desk.ledger.postings.in_state(State.IN_DOUBT)
        )


def _minor(total: Decimal | None, currency: str) -> int:
    """Smallest units for a sum; a record whose money has no unit counts as zero and is blocked by planning."""
    try:
        return to_minor(total, currency) if total is not None else 0
    except (UnknownCurrency, NotExact):
        return 0


def _parts(links: Sequence[Link], size: int) -> list[Sequence[Link]]:
    return [links[start : start + size] for start in range(0, len(links), size)]


def _compare(link: Link, hit: Found | None) -> Difference | None:
    """How a document that was found under the reference of a link contradicts it."""
    if hit is None:
        return _difference(link, "missing", "", "")
    if hit.id != link.target_id:
        return _difference(link, "doubled", hit.id, hit.currency)
    if hit.total is not None and link.total is not None and _minor(hit.total, link.currency) != link.total:
        return _difference(link, "total", str(hit.total), hit.currency)
    return None


def _edited(link: Link, change: FieldChange) -> Difference:
    return Difference(
        link.kind, link.reference, link.stream, change.field, change.wrote, change.books, link.currency
    )  # fmt: skip


def _difference(link: Link, what: str, theirs: str, currency: str) -> Difference:
    ours = "" if link.total is None else str(from_minor(link.total, link.currency))
    return Difference(link.kind, link.reference, link.stream, what, ours, theirs, currency or link.currency)

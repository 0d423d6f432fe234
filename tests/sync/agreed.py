"""Nobody has touched the books, so nothing may be taken for a change by hand: not at a first reading, not later."""

from __future__ import annotations

from selaras.ledger.values import Link
from selaras.sync.hand_edits import HandEdits
from selaras.sync.hub import Hub


async def taken_for_hand_edits(hub: Hub) -> list[tuple[str, str, str, str, str]]:
    """What every document of ours is said to have been changed in, read twice: (kind, key, field, wrote, books)."""
    ledger, books = hub.desk.ledger, hub.pairs[0].books
    edits = HandEdits(hub, books)
    size = max(1, hub.connectors[books].capabilities.read_batch)
    found: list[tuple[str, str, str, str, str]] = []
    edits.settle_time = 0.0  # the stand-ins tell at once what was written
    for _ in range(2):
        for kind in edits.kinds:
            after = ""
            while True:
                links: list[Link] = await hub.desk(ledger.postings.links_page, books, kind, after, size, "")
                if not links:
                    break
                after = links[-1].target_id
                for edit in (await edits.read(kind, [link.target_id for link in links])).edits:
                    for change in edit.changes:
                        found.append((kind, edit.link.key, change.field, change.wrote, change.books))
    return found

"""What lapses by itself is watched: webhooks that a system switched off, grants that are about to end."""

from __future__ import annotations

from selaras.sync.hub import Hub, Pair
from selaras.sync.installation import LedgerTokens

_GRANT_WARNING_DAYS = 7


async def keep_webhooks(hub: Hub, pair: Pair, public_url: str) -> bool:
    """Subscribe anew where it is needed. True when the store had switched ours off."""
    store, books = hub.connectors[pair.store], hub.connectors[pair.books]
    restored = False
    if public_url and store.capabilities.webhooks:
        restored = await store.subscribe(f"{public_url}/webhooks/{pair.store}") == "restored"
    if public_url and books.capabilities.webhooks:
        # Some books let webhooks lapse unless they are renewed (Accurate: seven days).
        await books.subscribe(f"{public_url}/webhooks/{pair.books}")
    return restored


async def ending_grants(hub: Hub, pair: Pair) -> list[tuple[str, int]]:
    """(connection, days) of the grants of a pair that end within a week."""
    found = []
    for name in (pair.store, pair.books):
        token = await LedgerTokens(hub.desk, name, hub.clock).load()
        days = (token.refresh_expires_at - hub.clock()) / 86400 if token and token.refresh_expires_at else None
        if days is not None and days < _GRANT_WARNING_DAYS:
            found.append((name, max(0, round(days))))
    return found

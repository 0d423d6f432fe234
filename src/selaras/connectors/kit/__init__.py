"""The contract kit: a pytest suite that every connector passes, ours and those of other packages.

A connector's test module supplies a *rig* – the system under the connector, real or imitated, with levers for what can
go wrong – and derives a test class:

    class TestMyStore(StoreContract):
        @pytest.fixture
        async def rig(self) -> AsyncIterator[StoreRig]:
            async with my_rig() as rig:
                yield rig

A lever that the system does not have raises `pytest.skip` with the reason that the rig gives, so a skipped test says
what is not known about a connector. Needs pytest and pytest-asyncio.

The situations come from reference/store-billing-payment-apis.md §19 (the fifteen traps), as far as they concern what a
connector does; deduplication and exactly-once belong to the ledger and are tested there.
"""

from selaras.connectors.kit.books import BooksContract
from selaras.connectors.kit.feed import FeedContract, FeedRig
from selaras.connectors.kit.rigs import BooksRig, Held, StoreRig, Truth
from selaras.connectors.kit.store import StoreContract

__all__ = ["BooksContract", "BooksRig", "FeedContract", "FeedRig", "Held", "StoreContract", "StoreRig", "Truth"]

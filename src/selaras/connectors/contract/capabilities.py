"""What a system can do, declared once by its connector instead of being found out by failure."""

from __future__ import annotations

from typing import Literal

import msgspec

Idempotency = Literal["native_key", "unique_ref", "upsert_field", "search_first"]


class Rate(msgspec.Struct, frozen=True):
    """Calls that one credential may make. `parallel` is the number of calls that may be under way at once.

    `windows` are hard limits (calls, seconds): never more calls than that in any such span, whatever their delays on
    the way. A system that counts by the minute refuses the one call too many that a bucket with a burst lets through.
    """

    per_second: float
    burst: int = 1
    parallel: int = 8
    windows: tuple[tuple[int, float], ...] = ()


class Capabilities(msgspec.Struct, frozen=True, kw_only=True):
    """Declared facts of one system.

    `batch`           most documents in one write call
    `read_batch`      most ids (or references) in one read call
    `page`            records in one page of a listing
    `idempotency`     how a repeated create is told from a new one
    `visibility_lag`  seconds until a document just written is found by a search, at most
    `timeout`         seconds after which a call is given up
    `sources`         kinds of record that can be read (`order`, `product`, `stock`, `contact`, `bank_transaction` …)
    `targets`         kinds of document that can be written
    `updates`         kinds of document that can be changed after they were written
    `money_scale`     how the wire says amounts: "major" (decimal major units) or "minor" (integers)
    `maps`            what these books cannot choose themselves: `account:ROLE` (such as sales), `tax`, `warehouse`,
                      `dimension:KIND`. Nothing is posted before the pair's mapping names it
    `voids`           kinds of money document (receipt, journal) that can be taken back, what they explain is free again
    `write_offs`      a receipt may settle more or less than the money that came (`Receipt.write_offs`)
    `exchanges`       a receipt may be paid with money of another currency than its order's (`Receipt.exchanged`)
    `compare_and_set` whether a stock write can be made conditional on the version read
    """

    batch: int = 1
    read_batch: int = 1
    page: int = 100
    idempotency: Idempotency = "search_first"
    visibility_lag: float = 0.0
    timeout: float = 30.0
    rate: Rate = Rate(per_second=5.0)
    sources: frozenset[str] = frozenset()
    targets: frozenset[str] = frozenset()
    updates: frozenset[str] = frozenset()
    money_scale: Literal["major", "minor"] = "major"
    compare_and_set: bool = False
    webhooks: bool = False
    maps: frozenset[str] = frozenset()
    voids: frozenset[str] = frozenset()
    write_offs: bool = False
    exchanges: bool = False

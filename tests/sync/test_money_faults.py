"""What once went wrong with money in, each shown as small as it can be."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import msgspec

from selaras.connectors.contract import Connector, Tools
from selaras.connectors.midtrans import build as build_midtrans
from selaras.ledger.values import NewRecord, State, StoredRecord
from selaras.model.settlement import Payout
from selaras.sandbox.bank import midtrans_csv, net_of
from selaras.sync import money_decisions as people
from selaras.sync.feeds import Feed
from tests.connectors.midtrans import standin as mt
from tests.sync.test_money import TODAY, came, open_money, settled
from tests.sync.test_payouts import GATEWAY, balances, collected, drop, reports, sold
from tests.sync.world import World, a_world

MIDTRANS = Feed("midtrans", "buku", clearing="acc-1-1050")
_encoder = msgspec.json.Encoder(decimal_format="string")


def midtrans(gateway: mt.StandIn) -> dict[str, Connector]:
    settings = {"server_key": mt.KEY, "base_url": gateway.url, "rate": "1000"}
    return {"midtrans": build_midtrans(settings, Tools("midtrans", "Asia/Jakarta", None, time.time))}


async def the_line(world: World, connection: str = "buku", kind: str = "bank_transaction") -> StoredRecord:
    (line,) = await world.hub.desk(world.ledger.records.all, connection, kind)
    return line


async def read_anew(world: World, record: StoredRecord, kind: type[Any], **changes: Any) -> None:
    """The source says something else of a record than before."""
    value = msgspec.structs.replace(msgspec.json.decode(record.body, type=kind), **changes)
    new = NewRecord(
        key=record.key, number=record.number, day=record.day, digest=str(changes), updated_at=record.updated_at + 1,
        total=record.total, currency=record.currency, body=_encoder.encode(value), raw=b"",
    )  # fmt: skip
    await world.hub.desk.write(lambda: world.ledger.records.keep([new], "poll", world.hub.now()))
    await settled(world)


async def blocked(world: World) -> dict[str, str]:
    """What waits for a person: cause → message."""
    found = await world.hub.desk(world.ledger.postings.in_state, State.BLOCKED)
    return {posting.cause: posting.message for posting in found}


async def test_a_payout_whose_report_changed_is_undone_and_booked_anew(tmp_path: Path) -> None:
    """What was said of the change stood before the voiding in its stream: neither ever went, and nothing was said."""
    async with a_world(tmp_path / "hub", more={"laporan": reports(tmp_path)}, feeds=[GATEWAY]) as world:
        rows = collected(await sold(world, 2))
        drop(tmp_path / "laporan", "w1.csv", midtrans_csv(rows, TODAY, "W-1"))
        await came(world, str(net_of(rows)), "KR OTOMATIS MIDTRANS W-1")
        await settled(world)
        before = await balances(world)
        report = await the_line(world, "laporan", "payout")
        first, *others = msgspec.json.decode(report.body, type=Payout).rows
        # One rupiah of the fee is tax by now.
        first = msgspec.structs.replace(first, fee_tax=first.fee_tax + 1)
        await read_anew(world, report, Payout, rows=(first, *others))
        assert list(await blocked(world)) == ["payout_changed"]
        line = (await the_line(world)).key.id
        await world.hub.desk(people.undo_money, world.hub, line, world.hub.now(), "Sari")
        await settled(world)
        assert await blocked(world) == {}
        moved = {"gateway_fee": before["gateway_fee"] - 1, "input_tax": before["input_tax"] + 1}
        assert await balances(world) == before | moved
        # Nobody was wrong: the rule keeps its standing.
        (standing,) = await world.hub.desk(people.rules, world.ledger)
        assert (standing.rule, standing.wrong, standing.alone) == ("payout:report", 0, True)

"""What cannot be known while a file waits, or the folder is away, is asked again: never "gone", never refused."""

from __future__ import annotations

import datetime as dt
import os
from decimal import Decimal
from pathlib import Path

import pytest

from selaras.connectors.contract import Transient, Write
from selaras.connectors.kit.checks import done, failed
from selaras.model.document import StorePayment
from tests.connectors.files.test_reading import HEAD, orders, store

LINE = "1;21/11/2026;A;;KOPI;Kopi;1;75.000;;\n"
PAID = StorePayment("b1", "1", Decimal(75_000), "IDR", dt.datetime(2026, 11, 21, tzinfo=dt.UTC), "transfer")


async def test_orders_of_a_file_that_is_open_are_not_gone(tmp_path: Path) -> None:
    connector = store(tmp_path)
    (tmp_path / "in" / "orders.csv").write_text(HEAD + LINE)
    assert list(await orders(connector)) == ["1"]
    lock = tmp_path / "in" / ".~lock.orders.csv#"
    lock.touch()
    for one in (connector, store(tmp_path)):
        with pytest.raises(Transient, match=r"in/orders\.csv: a spreadsheet program has it open"):
            await one.read("order", ["1"])
    error = failed((await connector.write("store_payment", "create", [Write("p", PAID)]))[0]).error
    assert isinstance(error, Transient)
    assert error.cure
    lock.unlink()
    assert (await connector.read("order", ["1"]))[0].record.total == 75_000
    assert done((await connector.write("store_payment", "create", [Write("p", PAID)]))[0]).id
    assert (await connector.read("order", ["2"]))[0].record is None


async def test_a_folder_that_is_not_there_holds_no_news(tmp_path: Path) -> None:
    connector = store(tmp_path)
    (tmp_path / "in" / "orders.csv").write_text(HEAD + LINE)
    assert list(await orders(connector)) == ["1"]
    (tmp_path / "in").rename(tmp_path / "away")
    with pytest.raises(Transient, match="no folder in/"):
        await connector.read("order", ["1"])
    with pytest.raises(Transient, match="no folder in/"):
        await connector.changed("order", "")
    assert not (await connector.check()).ok
    (tmp_path / "away").rename(tmp_path / "in")
    assert list(await orders(connector)) == ["1"]


async def test_a_name_that_is_no_text_holds_nothing_up(tmp_path: Path) -> None:
    """A share of another system: names in Latin-1."""
    connector = store(tmp_path)
    where = os.fsdecode(os.fsencode(tmp_path / "in") + b"/pesanan \xe9.csv")
    Path(where).write_text(HEAD + LINE + LINE.replace("1;", "2;", 1).replace("75.000", "x"))
    assert (await orders(connector))["1"].record.total == 75_000
    assert (await connector.check()).findings[1].what == "in/pesanan _.csv"
    assert [path.name for path in (tmp_path / "refused").glob("*")] == ["pesanan _.csv.csv"]

"""PostgreSQL as the ledger's database: the same flow from end to end, and a server that is gone for a while."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from tests.acceptance.hall import a_process, a_ready_house, eventually, kinds, one_sentence, sale, serving
from tests.cli.install import House


@pytest.fixture
def database(pg_dsn: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address in the environment, where every command of the test finds it."""
    monkeypatch.setenv("SELARAS_DATABASE", pg_dsn)
    return pg_dsn


def test_the_same_order_flow_with_the_ledger_in_postgresql(tmp_path: Path, database: str) -> None:
    with a_ready_house(tmp_path / "data") as house:
        assert not (house.data / "selaras.db").exists()
        with serving(house, database=database) as hall:
            order = house.checkout(("KAOS-M", 2))
            bad = house.checkout(("TOPI", 1), phone="0813-2222-3333", name="Siti")
            hall.sync()
            house.act(order, "pay", {"method": "qris", "reference": "Q1"})
            house.act(order, "shipments", {"courier": "JNE", "tracking": "JNE1"})
            house.act(bad, "cancel", {"reason": "buyer"})
            hall.sync()
            back = [{"line_id": order["lines"][0]["id"], "quantity": 1}]
            house.act(order, "refunds", {"lines": back, "restock": True})
            hall.sync()
            assert kinds(sale(house, order)) == ["credit_note", "invoice", "receipt", "refund_payment", "sales_order"]
            assert sale(house, order)["balance"] == "0"
            assert sale(house, bad)["status"] == "void"
            assert house.truth()["stock"]["KAOS-M"] == {"on_hand": "99", "reserved": "0"}
            # Several may write to PostgreSQL: commands work beside the serving process, not through it.
            assert house.json("sweep")["differences"] == 0
            rows = house.json("coverage", "--connection", "toko", "--kind", "order")["rows"]
            assert [(row["seen"], row["posted"], row["source_count"]) for row in rows] == [(2, 2, 2)]
            (told,) = house.json("explain", order["number"])
            assert told["status"] == "posted"
        refused = house.run("backup", str(tmp_path / "copy.db"))
        assert refused.exit_code == 2
        assert "pg_dump" in one_sentence(refused.stderr)


def test_the_serving_process_on_postgresql(tmp_path: Path, database: str) -> None:
    with a_ready_house(tmp_path / "data") as house:
        house.json("schedule", "order", "every 1s")
        order = house.checkout(("KAOS-M", 1))
        with a_process(house) as process:
            process.ready()
            eventually(lambda: order["number"] in house.truth()["sales"])
            cut(database)
            late = house.checkout(("TOPI", 1), phone="0813-2222-3333", name="Siti")
            eventually(lambda: late["number"] in house.truth()["sales"])
            assert house.truth()["duplicates"] == {}
            assert process.stop() == 0


def cut(database: str) -> None:
    """Every connection to the database is ended, as by a restart of the server."""
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(
            """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE datname = current_database() AND pid <> pg_backend_pid()"""
        )


def test_a_database_that_is_not_there_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SELARAS_DATABASE", "postgresql://nobody:hush-hush@127.0.0.1:1/none")
    house = House(tmp_path / "data", None, None)
    done = house.run("coverage")
    assert done.exit_code == 2
    said = one_sentence(done.stderr)
    assert "127.0.0.1" in said
    assert "hush" not in said

"""Doors that do not open: wrong secret, revoked grant, wrong key, a directory in use, a ledger of an older version."""

from __future__ import annotations

import contextlib
import math
import os
import subprocess
import sys
import time
from pathlib import Path

import apsw
import pytest
from cryptography.fernet import Fernet

from selaras.ledger.schema import MIGRATIONS
from tests.acceptance.hall import (
    GOODS,
    a_hall,
    a_house,
    a_process,
    consent,
    eventually,
    kinds,
    one_sentence,
    sale,
    serving,
)
from tests.cli.install import House


def test_a_wrong_client_secret_is_told_at_once_and_mended_by_connecting_again(tmp_path: Path) -> None:
    with a_house(tmp_path / "data", before=lambda h: h.products(*GOODS), connect=False) as house:
        right = house.books.config.client_secret
        words = ["connect", "sandbox_books", "--name", "buku", "--set", f"base_url={house.books.url}", "--set",
                 "client_id=selaras", "--set", "grant=client_credentials"]  # fmt: skip
        stored = house.run(*words, env={"SELARAS_SECRET_CLIENT_SECRET": "wrong-secret-of-somebody"})
        assert stored.exit_code == 1, "it is checked at once"
        assert "client id or secret is not accepted" in stored.stdout + stored.stderr
        checked = house.run("connections", "check", "buku")
        assert checked.exit_code == 1
        said = one_sentence(checked.stdout)
        assert "buku: the client id or secret is not accepted. Check the client id and secret" in said
        assert "wrong-secret" not in checked.stdout + checked.stderr
        house.connect()
        bad = house.run(*words, env={"SELARAS_SECRET_CLIENT_SECRET": "wrong-secret-of-somebody"})
        assert bad.exit_code == 1
        order = house.checkout(("KAOS-M", 1))
        with serving(house) as hall:
            (event,) = eventually(lambda: [e for e in hall.api("/events") if e["code"] == "invalid_client"][:1])
            assert "client id or secret is not accepted" in event["message"]
            health = hall.api("/status")
            assert health
            # The store is read all the same: nothing that was seen is lost.
            (row,) = eventually(lambda: hall.api("/coverage?connection=toko&kind=order")["rows"])
            assert (row["seen"], row["waiting"]) == (1, 1)
        assert house.run(*words, env={"SELARAS_SECRET_CLIENT_SECRET": right}).exit_code == 0
        with serving(house) as hall:
            hall.sync()
            assert kinds(sale(house, order)) == ["sales_order"]


def signed_in(house: House) -> None:
    """A person signs in to the books with the browser of another machine (`--headless`)."""
    words = [sys.executable, "-m", "selaras", "--data", str(house.data), "connect", "--sign-in", "buku", "--headless"]
    with subprocess.Popen(
        words, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"}
    ) as command:
        assert command.stdin is not None
        assert command.stderr is not None
        address = next(line for line in command.stderr if line.startswith("http"))
        command.stdin.write(consent(address.strip()) + "\n")
        command.stdin.close()
        rest = command.stderr.read()
        assert command.wait(120) == 0, rest


@pytest.mark.parametrize("beside", [True, False], ids=["beside", "stopped"])
def test_a_grant_revoked_while_running_pauses_the_lane_until_signed_in(tmp_path: Path, beside: bool) -> None:
    with a_house(tmp_path / "data", before=lambda h: h.products(*GOODS), connect=False) as house:
        house.connect()
        again = house.run(
            "connect", "sandbox_books", "--name", "buku", "--set", f"base_url={house.books.url}", "--set",
            "client_id=selaras", "--set", "grant=authorization_code", "--set", "visibility_lag=0.3", "--no-sign-in",
        )  # fmt: skip
        assert again.exit_code == 0, again.stderr
        signed_in(house)
        with serving(house) as hall:
            before = house.checkout(("KAOS-M", 1))
            hall.sync()
            assert kinds(sale(house, before)) == ["sales_order"]
            house.post(f"{house.books.url}/sandbox/revoke", {}, house.books.admin)
            during = [house.checkout(("KAOS-M", 1), phone=f"0813-0000-000{n}", name=f"Siti {n}") for n in range(3)]
            house.act(before, "pay", {"method": "qris", "reference": "Q1"})
            hall.service.wake("toko", "order")
            assert not hall.run(hall.service.settle(2))
            began = time.monotonic()
            calls = house.truth()["calls"]["by_path"].get("POST /oauth/token", 0)
            told = eventually(
                lambda: [e for e in hall.api("/events") if e["connection"] == "buku" and e["level"] == "warning"]
            )
            assert all("Connect it again" in e["message"] for e in told), told
            indonesian = house.run("events", lang="id").stdout
            assert "Sambungkan lagi" in " ".join(indonesian.split())
            (row,) = eventually(
                lambda: [r for r in hall.api("/coverage?connection=toko&kind=order")["rows"] if r["seen"] == 4]
            )
            assert (row["posted"] + row["waiting"], row["blocked"]) == (4, 0)
            assert not hall.run(hall.service.settle(1))
            asked = house.truth()["calls"]["by_path"].get("POST /oauth/token", 0) - calls
            # Four lanes, each after 5 s, 10 s more, 20 s more …: on a slow machine there is time for some more.
            rounds = 1 + int(math.log2(1 + (time.monotonic() - began) / 5))
            assert asked <= 4 * rounds, "a lane whose grant is gone asks ever more rarely"
            if beside:  # the sign-in is handed to the process that serves
                signed_in(house)
                hall.settle()
        if not beside:
            signed_in(house)
        with serving(house) as hall:
            hall.sync()
            truth = house.truth()
            assert truth["duplicates"] == {}
            assert kinds(sale(house, before)) == ["invoice", "receipt", "sales_order"]
            assert [kinds(sale(house, order)) for order in during] == [["sales_order"]] * 3


def test_a_wrong_key_opens_nothing_and_breaks_nothing(tmp_path: Path) -> None:
    with a_hall(tmp_path / "data") as hall:
        order = hall.house.checkout(("KAOS-M", 1))
        hall.sync()
        house = hall.house
    stranger = {"SELARAS_KEY": Fernet.generate_key().decode()}
    with a_house(tmp_path / "other", connect=False):
        with a_process(house, env=stranger) as process:
            assert process.popen.wait(60) == 2
            process._reader.join(10)
            said = one_sentence(process.text)
            assert "SELARAS_KEY" in said
        posted = house.json("explain", order["number"], env=stranger)
        assert posted[0]["status"] == "posted", "what is no secret needs no key"


def test_a_second_process_on_one_data_directory_is_refused_by_name(tmp_path: Path) -> None:
    with a_hall(tmp_path / "data") as hall, a_process(hall.house) as second:
        assert second.popen.wait(60) == 2
        second._reader.join(10)
        said = one_sentence(second.text)
        assert str(os.getpid()) in said
        assert "is in use by process" in said
        assert "--data" in said
        hall.house.checkout(("KAOS-M", 1))
        hall.sync()
        assert hall.house.truth()["counts"]["sales_orders"] == 1


def test_a_ledger_of_the_first_schema_is_brought_up_to_date(tmp_path: Path) -> None:
    data = tmp_path / "data"
    text = (Path(__file__).parents[1] / "ledger/data/schema_1.sqlite.sql").read_text(encoding="utf-8")
    made = [s for s in text.split(";\n") if "INSERT INTO" not in s or "schema_version" in s]
    with a_house(data, before=lambda h: h.products(*GOODS), connect=False) as house:
        data.mkdir()
        with contextlib.closing(apsw.Connection(str(data / "selaras.db"))) as old:
            old.execute(";\n".join(made))
        refused = house.run("coverage")
        assert refused.exit_code == 2
        assert "has schema 1" in one_sentence(refused.stderr)
        house.connect()
        order = house.checkout(("KAOS-M", 1))
        with serving(house) as hall:
            hall.sync()
        assert kinds(sale(house, order)) == ["sales_order"]
        assert house.json("coverage")["rows"][0]["posted"] == 1
        with contextlib.closing(apsw.Connection(str(data / "selaras.db"))) as new:
            assert new.execute("SELECT version FROM schema_version").fetchall() == [(len(MIGRATIONS),)]

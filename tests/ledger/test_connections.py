"""Connections, credentials, lanes, settings, decisions and events."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.fernet import InvalidToken

from selaras.ledger import Ledger, open_ledger
from selaras.ledger.connections import Connection
from selaras.ledger.errors import LedgerError
from tests.ledger.tools import NOW, SECOND, TestSealer

SHOP = Connection("shop", "sandbox-store", "store", "Asia/Jakarta", {"url": "http://shop"}, {"key": "k-3f1a-secret"})
BOOKS = Connection("books", "sandbox-books", "books", "Asia/Makassar", {}, {})
TOKEN = '{"access":"a-77c1-secret","refresh":"r-90be-secret"}'
SECRETS = ("k-3f1a-secret", "a-77c1-secret", "r-90be-secret")


def test_connections_are_kept_replaced_and_forgotten(ledger: Ledger) -> None:
    ledger.connections.add(SHOP, NOW)
    ledger.connections.add(BOOKS, NOW)
    ledger.connections.keep_token("shop", TOKEN, NOW, NOW)
    assert ledger.connections.all() == [BOOKS, SHOP]
    assert ledger.connections.get("shop") == SHOP
    changed = Connection("shop", "sandbox-store", "store", "Asia/Jayapura", {"url": "http://new"}, {"key": "other"})
    ledger.connections.add(changed, NOW)
    assert ledger.connections.get("shop") == changed
    ledger.connections.remove("shop")
    assert ledger.connections.all() == [BOOKS]
    assert ledger.connections.token("shop") is None
    with pytest.raises(LedgerError, match=r"no connection 'shop'. Connections: books\."):
        ledger.connections.get("shop")
    ledger.connections.remove("books")
    with pytest.raises(LedgerError, match="none yet"):
        ledger.connections.get("shop")


def test_a_token_is_replaced_as_a_whole(ledger: Ledger) -> None:
    assert ledger.connections.token("shop") is None
    ledger.connections.keep_token("shop", TOKEN, NOW, NOW)
    assert ledger.connections.token("shop") == TOKEN
    ledger.connections.keep_token("shop", "new", NOW + 1, NOW)
    assert ledger.connections.token("shop") == "new"


def test_no_file_of_the_data_directory_holds_a_secret(tmp_path: Path) -> None:
    directory = tmp_path / "data"
    ledger = open_ledger(directory, TestSealer())
    ledger.connections.add(SHOP, NOW)
    ledger.connections.keep_token("shop", TOKEN, NOW, NOW)
    beside = b"".join(path.read_bytes() for path in directory.iterdir())
    ledger.close()
    after = b"".join(path.read_bytes() for path in directory.iterdir())
    for content in (beside, after):
        assert b"sandbox-store" in content  # what is not secret can be found, so this looks at the right bytes
        assert not [secret for secret in SECRETS if secret.encode() in content]


def test_no_row_holds_a_secret_and_no_repr_shows_one(ledger: Ledger) -> None:
    ledger.connections.add(SHOP, NOW)
    ledger.connections.keep_token("shop", TOKEN, NOW, NOW)
    rows = repr(ledger.db.rows("SELECT * FROM connection") + ledger.db.rows("SELECT * FROM credential"))
    assert "http://shop" in rows
    for secret in SECRETS:
        assert secret not in rows
        assert secret not in repr(ledger.connections.all())


def test_another_key_does_not_open_what_was_sealed(where: Path | str) -> None:
    ledger = open_ledger(where, TestSealer("the key"))
    ledger.connections.add(SHOP, NOW)
    ledger.close()
    ledger = open_ledger(where, TestSealer("another key"))
    with pytest.raises(InvalidToken):
        ledger.connections.all()
    ledger.close()


# -- lanes ---------------------------------------------------------------------------------------------------------


def test_a_lane_has_one_owner_until_its_time(ledger: Ledger) -> None:
    lanes = ledger.connections
    assert lanes.take_lane("books", "a", NOW, 10) == 1
    assert lanes.take_lane("books", "b", NOW, 10) is None
    assert lanes.take_lane("other", "b", NOW, 10) == 1
    assert lanes.take_lane("books", "a", NOW + 5 * SECOND, 10) == 1  # renewed by its owner, still the same epoch
    assert lanes.take_lane("books", "b", NOW + 15 * SECOND, 10) is None
    assert lanes.take_lane("books", "b", NOW + 15 * SECOND + 1, 10) == 2
    assert lanes.take_lane("books", "a", NOW + 16 * SECOND, 10) is None


def test_a_lane_that_was_left_is_free_at_once(ledger: Ledger) -> None:
    lanes = ledger.connections
    lanes.take_lane("books", "a", NOW, 1000)
    lanes.leave_lane("books", "b")  # not its own
    assert lanes.take_lane("books", "b", NOW, 10) is None
    lanes.leave_lane("books", "a")
    assert lanes.take_lane("books", "b", NOW, 10) == 2


# -- settings, decisions, events -----------------------------------------------------------------------------------


def test_a_setting_grows_in_version(ledger: Ledger) -> None:
    assert ledger.connections.setting("policy", "{}") == "{}"
    assert ledger.connections.version("policy") == 0
    for value in ("1", "2", "3"):
        ledger.connections.set("policy", value, NOW)
    assert ledger.connections.setting("policy") == "3"
    assert ledger.connections.version("policy") == 3


def test_a_decision_is_replaced_undone_and_remembered(ledger: Ledger) -> None:
    book = ledger.connections
    for answer in ("B-1", "B-2"):
        with ledger.transaction():
            book.decide("shop", "product", "K-1", answer, "by hand", NOW)
    with ledger.transaction():
        book.decide("shop", "contact", "K-1", "C-1", "rule", NOW)
    assert book.decisions("shop", "product") == {"K-1": "B-2"}
    assert book.decisions("shop", "contact") == {"K-1": "C-1"}
    assert book.undo("shop", "product", "K-1", NOW) == 1
    assert book.undo("shop", "product", "K-1", NOW) == 0
    assert book.decisions("shop", "product") == {}
    assert ledger.db.rows("SELECT answer FROM decision WHERE kind = 'product' ORDER BY id") == [("B-1",), ("B-2",)]


def test_events_come_newest_first(ledger: Ledger) -> None:
    for number in range(5):
        ledger.connections.event("shop", "info", f"code {number}", "text", NOW - number)
    assert [event[3] for event in ledger.connections.events(3)] == ["code 4", "code 3", "code 2"]

"""Connections, their sealed credentials, lanes (the right to use a credential), settings, decisions and events."""

from __future__ import annotations

from typing import Any, Protocol

import msgspec

from selaras.ledger.database import Database
from selaras.ledger.errors import LedgerError
from selaras.ledger.values import MICROSECOND


class Sealer(Protocol):
    """Encrypts what is stored; see `selaras.secrets.Vault`."""

    def seal(self, text: str) -> str: ...
    def open(self, sealed: str) -> str: ...


class Connection(msgspec.Struct, frozen=True):
    """A connection to one system. `settings` holds the plain ones; secrets are sealed apart."""

    name: str
    type: str
    role: str
    zone: str
    settings: dict[str, str]
    secrets: dict[str, str] = {}

    def __repr__(self) -> str:
        return f"Connection({self.name!r}, {self.type!r})"


class Connections:
    """Operations on connections and what belongs to them."""

    def __init__(self, db: Database, sealer: Sealer) -> None:
        self._db = db
        self._sealer = sealer

    # -- connections -----------------------------------------------------------------------------------------------

    def add(self, connection: Connection, now: int) -> None:
        """Add or replace a connection."""
        sealed = self._sealer.seal(msgspec.json.encode(connection.secrets).decode())
        self._db.run(
            """INSERT INTO connection (name, type, role, zone, settings, sealed, created_at)
            VALUES (?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT (name) DO UPDATE SET type = excluded.type, role = excluded.role, zone = excluded.zone,
            settings = excluded.settings, sealed = excluded.sealed""",
            (
                connection.name, connection.type, connection.role, connection.zone,
                msgspec.json.encode(connection.settings).decode(), sealed, now,
            ),
        )  # fmt: skip

    def all(self) -> list[Connection]:
        """Every connection with its secrets opened. Raises `WrongKey` when the key is not theirs."""
        rows = self._db.rows("SELECT name, type, role, zone, settings, sealed FROM connection ORDER BY name")
        return [self._connection(row) for row in rows]

    def get(self, name: str) -> Connection:
        """One connection. Raises `LedgerError` naming those that exist."""
        for connection in self.all():
            if connection.name == name:
                return connection
        names = ", ".join(c.name for c in self.all()) or "none yet"
        raise LedgerError(f"There is no connection {name!r}.", f"Connections: {names}.")

    def _connection(self, row: tuple[Any, ...]) -> Connection:
        settings = msgspec.json.decode(row[4], type=dict[str, str])
        secrets = msgspec.json.decode(self._sealer.open(row[5]), type=dict[str, str])
        return Connection(row[0], row[1], row[2], row[3], settings, secrets)

    def remove(self, name: str) -> None:
        """Forget a connection and its credential; records and postings stay as the proof of what was done."""
        self._db.run("DELETE FROM connection WHERE name = ?", (name,))
        self._db.run("DELETE FROM credential WHERE connection = ?", (name,))

    # -- credentials -----------------------------------------------------------------------------------------------

    def token(self, connection: str) -> str | None:
        """The stored token, opened; None before sign-in."""
        rows = self._db.rows("SELECT sealed FROM credential WHERE connection = ?", (connection,))
        return self._sealer.open(rows[0][0]) if rows else None

    def keep_token(self, connection: str, token: str, expires_at: int, now: int) -> None:
        """Store a token; durable once the transaction has committed."""
        self._db.run(
            """INSERT INTO credential (connection, sealed, expires_at, updated_at) VALUES (?, ?, ?, ?)
            ON CONFLICT (connection) DO UPDATE SET sealed = excluded.sealed, expires_at = excluded.expires_at,
            updated_at = excluded.updated_at""",
            (connection, self._sealer.seal(token), expires_at, now),
        )

    # -- lanes -----------------------------------------------------------------------------------------------------

    def take_lane(self, name: str, owner: str, now: int, seconds: float) -> int | None:
        """The sole right to a credential for `seconds`; returns its epoch, or None while another owner holds it."""
        self._db.run(
            "INSERT INTO lane (name, owner, until, epoch) VALUES (?, '', 0, 0) ON CONFLICT (name) DO NOTHING",
            (name,),
        )
        rows = self._db.rows(
            """UPDATE lane SET owner = ?, until = ?, epoch = epoch + CASE WHEN owner = ? THEN 0 ELSE 1 END
            WHERE name = ? AND (owner = ? OR until < ?) RETURNING epoch""",
            (owner, now + int(seconds * MICROSECOND), owner, name, owner, now),
        )
        return int(rows[0][0]) if rows else None

    def leave_lane(self, name: str, owner: str) -> None:
        """Give the lane up cleanly: the next one need not wait for its time to be over."""
        self._db.run("UPDATE lane SET owner = '', until = 0 WHERE name = ? AND owner = ?", (name, owner))

    def free_lanes(self) -> None:
        """The sole owner of a data directory starts: whoever else held a lane is dead."""
        self._db.run("UPDATE lane SET owner = '', until = 0 WHERE owner <> ''")

    # -- settings --------------------------------------------------------------------------------------------------

    def setting(self, name: str, default: str = "") -> str:
        """A setting of the installation (policy, schedule, mapping), as JSON text."""
        rows = self._db.rows("SELECT value FROM setting WHERE name = ?", (name,))
        return str(rows[0][0]) if rows else default

    def settings(self, prefix: str) -> dict[str, str]:
        """Settings whose names begin so, by name."""
        rows = self._db.rows(
            "SELECT name, value FROM setting WHERE substr(name, 1, ?) = ? ORDER BY name", (len(prefix), prefix)
        )
        return {str(row[0]): str(row[1]) for row in rows}

    def version(self, name: str) -> int:
        """How often a setting was changed; 0 before the first time."""
        rows = self._db.rows("SELECT version FROM setting WHERE name = ?", (name,))
        return int(rows[0][0]) if rows else 0

    def set(self, name: str, value: str, now: int) -> None:
        """Change a setting; its version grows so that a change of a rule can be seen."""
        self._db.run(
            """INSERT INTO setting (name, value, version, at) VALUES (?, ?, 1, ?)
            ON CONFLICT (name) DO UPDATE SET value = excluded.value, version = setting.version + 1, at = excluded.at""",
            (name, value, now),
        )

    # -- decisions -------------------------------------------------------------------------------------------------

    def decide(self, connection: str, kind: str, subject: str, answer: str, how: str, now: int) -> None:
        """Record a decision; an earlier one on the same subject is undone by it, and stays in the history."""
        self.undo(connection, kind, subject, now)
        self._db.run(
            "INSERT INTO decision (connection, kind, subject, answer, how, at) VALUES (?, ?, ?, ?, ?, ?)",
            (connection, kind, subject, answer, how, now),
        )

    def undo(self, connection: str, kind: str, subject: str, now: int) -> int:
        """Undo a decision; returns 0 when there was none."""
        return self._db.run(
            """UPDATE decision SET undone_at = ? WHERE connection = ? AND kind = ? AND subject = ?
            AND undone_at IS NULL""",
            (now, connection, kind, subject),
        )

    def decisions(self, connection: str, kind: str) -> dict[str, str]:
        """Live decisions of a kind: subject → answer."""
        rows = self._db.rows(
            "SELECT subject, answer FROM decision WHERE connection = ? AND kind = ? AND undone_at IS NULL",
            (connection, kind),
        )
        return {row[0]: row[1] for row in rows}

    # -- events ----------------------------------------------------------------------------------------------------

    def event(self, connection: str, level: str, code: str, message: str, now: int) -> None:
        """Something that a person may need to know: a webhook was restored, a grant is about to end."""
        self._db.run(
            "INSERT INTO event (at, connection, level, code, message) VALUES (?, ?, ?, ?, ?)",
            (now, connection, level, code, message),
        )

    def events(self, limit: int = 100) -> list[tuple[int, str, str, str, str]]:
        """The newest events first: when (µs), connection, level, code, message."""
        rows = self._db.rows(
            "SELECT at, connection, level, code, message FROM event ORDER BY id DESC LIMIT ?", (limit,)
        )
        return [(row[0], row[1], row[2], row[3], row[4]) for row in rows]

"""Backup of a data directory beside its running writer, and the proof that a copy is whole.

The copy is one file that holds the ledger and not the key: sealed credentials in it are useless to whoever finds it,
so keep the key elsewhere. A copy is older than what the targets hold by the time it is restored; therefore everything
unsent in it is written down as in doubt, and what is planned from it anew begins in doubt: looked for, then sent
(reference/engine.md §6). `trust` ends that when a sweep has seen both sides.

PostgreSQL brings its own tools: restore a `pg_dump`, then call `distrust` on it.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

import apsw
import msgspec

from selaras.ledger.database import FILE, Database, SQLite
from selaras.ledger.errors import DatabaseDamaged, DataDirectoryUnusable, DiskFull
from selaras.ledger.postings import RESTORED
from selaras.ledger.schema import check

_TABLES = ("record", "posting", "link", "attempt")


class Verified(msgspec.Struct, frozen=True):
    """A database that was read to its last page: its schema and how many rows it has."""

    path: str
    schema: int
    records: int
    postings: int
    links: int
    attempts: int


def backup(directory: Path, target: Path) -> Verified:
    """Copy the ledger of `directory` as it is at one moment into the new file `target`, and verify the copy.

    Works beside a running writer, which it does not stop. `target` appears only when it is whole and on the disk.
    Raises `DataDirectoryUnusable` when `target` exists or cannot be written, `DiskFull`, `DatabaseDamaged`,
    `OlderSchema` and `NewerSchema`.
    """
    if target.exists():
        raise DataDirectoryUnusable(f"{target} exists already.", "Choose another name for the backup.")
    if not (directory / FILE).exists():
        raise DatabaseDamaged(f"There is no ledger in {directory}.", "Name the data directory with --data.")
    part = target.with_name(f"{target.name}.{secrets.token_hex(4)}.part")
    try:
        descriptor = os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        os.close(descriptor)
        _copy(directory, part)
        verified = verify(part)
        _publish(part, target)
    except FileExistsError:
        raise DataDirectoryUnusable(f"{target} exists already.", "Choose another name for the backup.") from None
    except OSError as error:
        raise DataDirectoryUnusable(
            f"The backup {target} cannot be written: {error.strerror}.", "Check its folder and the space there."
        ) from None
    finally:
        part.unlink(missing_ok=True)
    return msgspec.structs.replace(verified, path=str(target))


def _copy(directory: Path, part: Path) -> None:
    source = SQLite(directory, read_only=True)
    try:
        check(source)
        copy = apsw.Connection(str(part))
        try:
            with copy.backup("main", source.connection, "main") as copying:
                # In one step: it reads one snapshot of the write-ahead log, so a busy writer cannot restart it.
                while not copying.done:
                    copying.step(-1)
            # A file by itself, without a log beside it.
            copy.execute("PRAGMA journal_mode=DELETE")
            copy.execute(";".join(("BEGIN", *_DISTRUST, "COMMIT")))
        except apsw.FullError:
            raise DiskFull(
                f"The disk that holds {part.parent} is full; there is no backup.", "Free some space there."
            ) from None
        except (apsw.CorruptError, apsw.NotADBError):
            raise DatabaseDamaged(f"{source.path} is damaged.", "Restore it from an earlier backup.") from None
        finally:
            copy.close()
    finally:
        source.close()


_DISTRUST = (
    "UPDATE posting SET state = 1 WHERE state = 0",
    f"INSERT INTO setting (name, value, version, at) VALUES ('{RESTORED}', 'true', 1, 0) ON CONFLICT (name) DO NOTHING",  # noqa: S608
)


def distrust(db: Database) -> None:
    """Say that a database is older than what the targets hold: look before every sending, until `trust`.

    Call it in a transaction, before anything is sent. Copies made by `backup` say it of themselves.
    """
    for statement in _DISTRUST:
        db.run(statement)


def trust(db: Database) -> None:
    """Both sides were compared since the restore: what is planned from now on need not be looked for first."""
    db.run("DELETE FROM setting WHERE name = ?", (RESTORED,))


def restored(db: Database) -> bool:
    """Whether the database came from a backup and `trust` has not been given since."""
    return bool(db.rows("SELECT 1 FROM setting WHERE name = ?", (RESTORED,)))


def verify(path: Path) -> Verified:
    """Read a ledger (a backup, or a data directory beside its writer) to its last page and count its rows.

    Raises `DatabaseDamaged` naming the first damage, `OlderSchema` and `NewerSchema`.
    """
    file = path / FILE if path.is_dir() else path
    if not file.is_file():
        raise DatabaseDamaged(f"There is no ledger at {file}.", "Name a backup or a data directory.")
    db = SQLite(file.parent, read_only=True, file=file.name)
    try:
        with db.snapshot():
            found = db.rows("PRAGMA integrity_check(1)")[0][0]  # one finding is enough to act on
            if found != "ok":
                raise DatabaseDamaged(f"{file} is damaged: {found}.", "Restore it from a backup.")
            version = check(db)
            stray = db.rows(
                """SELECT l.stream, l.key FROM link l WHERE l.posting <> 0
                AND NOT EXISTS (SELECT 1 FROM posting p WHERE p.id = l.posting) LIMIT 1"""
            )
            if stray:
                raise DatabaseDamaged(
                    f"{file} is incomplete: the link of {stray[0][0]} ({stray[0][1]}) has lost its posting.",
                    "Restore it from an earlier backup.",
                )
            counts = [int(db.rows(f"SELECT count(*) FROM {table}")[0][0]) for table in _TABLES]  # noqa: S608
    finally:
        db.close()
    return Verified(str(file), version, *counts)


def _publish(part: Path, target: Path) -> None:
    """Give the finished file its name, for good."""
    descriptor = os.open(part, os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    try:
        os.link(part, target)  # unlike a rename it refuses a file that has appeared meanwhile
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links
        part.rename(target)
    if os.name == "posix":
        descriptor = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

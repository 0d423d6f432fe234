"""Links: the proof that a document of a target belongs to a stream and key. The tables allow one each way."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from selaras.ledger.database import Database, Params, chunks
from selaras.ledger.errors import ConstraintBroken, LinkTaken
from selaras.ledger.values import Link

_LINK = """INSERT INTO link (target, stream, key, kind, target_id, number, reference, total, currency, version, posting,
    linked_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (target, stream, key) DO UPDATE SET number = excluded.number, total = excluded.total,
    version = excluded.version, posting = excluded.posting, linked_at = excluded.linked_at
    WHERE link.target_id = excluded.target_id"""
_COLUMNS = "target, stream, key, kind, target_id, number, reference, total, currency, version"
# One buyer may be known by several keys, so contacts alone may be linked more than once.
SHARED = "contact"


def _indexed(kind: str) -> str:
    """The condition of the index `one_link_per_document`, said aloud: without it the whole table would be read."""
    return "" if kind == SHARED else f"AND kind <> '{SHARED}'"


class Links:
    """Operations on links."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def links(self, target: str, streams: Iterable[str]) -> dict[tuple[str, str], Link]:
        """Links of these streams by (stream, key)."""
        found: dict[tuple[str, str], Link] = {}
        for part in chunks(list(dict.fromkeys(streams))):
            marks = ",".join("?" * len(part))
            rows = self._db.rows(
                f"SELECT {_COLUMNS} FROM link WHERE target = ? AND stream IN ({marks})",  # noqa: S608
                (target, *part),
            )
            found.update({(row[1], row[2]): Link(*row) for row in rows})
        return found

    def links_page(self, target: str, kind: str, after: str, limit: int, since: str = "") -> list[Link]:
        """Links of a kind in the order of the target's ids, after one of them; with `since` (an ISO day) only those
        whose record is of that day or later."""
        recent = """AND EXISTS (SELECT 1 FROM posting p JOIN record r ON r.connection = p.connection
            AND r.kind = p.record_kind AND r.id = p.record_id WHERE p.id = link.posting AND r.day >= ?)"""
        rows = self._db.rows(
            f"""SELECT {_COLUMNS} FROM link WHERE target = ? AND kind = ? AND target_id > ? {_indexed(kind)}
            {recent if since else ""} ORDER BY target_id LIMIT ?""",  # noqa: S608
            (target, kind, after, *([since] if since else []), limit),
        )
        return [Link(*row) for row in rows]

    def linked(self, target: str, kind: str, target_ids: Sequence[str]) -> dict[str, Link]:
        """Links by the target's own ids: which of these documents are ours?"""
        found: dict[str, Link] = {}
        for part in chunks(target_ids):
            marks = ",".join("?" * len(part))
            rows = self._db.rows(
                f"""SELECT {_COLUMNS} FROM link
                WHERE target = ? AND kind = ? AND target_id IN ({marks}) {_indexed(kind)}""",  # noqa: S608
                (target, kind, *part),
            )
            found.update({row[4]: Link(*row) for row in rows})
        return found

    def link(self, link: Link, posting: int, now: int) -> None:
        """Tie a document that exists already to a stream and key (a contact found, a hand-made document adopted).

        Raises `LinkTaken` when the document belongs to another record or the record to another document.
        """
        problem = self._taken(link.target, [link]).get((link.stream, link.key))
        if problem is not None:
            raise LinkTaken(problem, "Undo the other link first, or choose another document.")
        self._write_links([(link, posting, now)])

    def unlink_contact(self, target: str, stream: str) -> bool:
        """A buyer is not this contact after all; what was posted keeps it, what comes next does not. False if unlinked.

        Only contacts can be let go: every other link is the proof of a document.
        """
        return bool(
            self._db.run(
                "DELETE FROM link WHERE target = ? AND stream = ? AND key = 'contact' AND kind = 'contact'",
                (target, stream),
            )
        )

    def forget_document(self, target: str, stream: str, key: str) -> bool:
        """The document is no longer there (its target says so): it may be created again. False if it was not linked."""
        return bool(self._db.run("DELETE FROM link WHERE target = ? AND stream = ? AND key = ?", (target, stream, key)))

    def _write_links(self, links: Sequence[tuple[Link, int, int]]) -> None:
        """Write (link, posting, now); call `_taken` before."""
        rows: list[Params] = [
            (
                link.target, link.stream, link.key, link.kind, link.target_id, link.number, link.reference, link.total,
                link.currency, link.version, posting, now,
            )
            for link, posting, now in sorted(links, key=lambda row: (row[0].stream, row[0].key))
        ]  # fmt: skip
        if self._db.many(_LINK, rows) != len(rows):
            # Only beside another worker: it linked the same posting to something else after `_taken` had looked.
            raise ConstraintBroken("Another worker linked another document to the same record at this moment.")

    def _taken(self, target: str, wanted: Sequence[Link]) -> dict[tuple[str, str], str]:
        """Which of these links the tables would refuse, each with the sentence that says why.

        The constraints refuse them too; asking first keeps one such document from undoing a whole batch.
        """
        problems: dict[tuple[str, str], str] = {}
        held = self.links(target, [link.stream for link in wanted])
        owners: dict[tuple[str, str], tuple[str, str]] = {}
        for kind in {link.kind for link in wanted} - {SHARED}:
            ids = [link.target_id for link in wanted if link.kind == kind]
            owners |= {(kind, i): (link.stream, link.key) for i, link in self.linked(target, kind, ids).items()}
        for link in wanted:
            key = (link.stream, link.key)
            before = held.setdefault(key, link)
            if before.target_id != link.target_id:
                problems[key] = (
                    f"{link.kind} {link.reference} is document {before.number or before.target_id} in {target}, "
                    f"and {target} now answers with another one, {link.number or link.target_id}."
                )
            elif link.kind != SHARED:
                owner = owners.setdefault((link.kind, link.target_id), key)
                if owner != key:
                    problems[key] = (
                        f"{link.kind} {link.number or link.target_id} of {target} belongs to {owner[0]} ({owner[1]}) "
                        f"already and cannot be that of {link.stream} ({link.key})."
                    )
        return problems

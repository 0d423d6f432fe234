"""What the store and the books in files have in common: settings, the check, and answers that do not differ."""

from __future__ import annotations

import datetime as dt
import tomllib
from collections.abc import Sequence

from selaras.connectors.contract import (
    Capabilities,
    Changes,
    Check,
    ConnectorError,
    Finding,
    Found,
    Op,
    Outcome,
    Rate,
    Rejected,
    Seen,
    Settings,
    Tools,
    Transient,
    Write,
)
from selaras.connectors.files.known import Known
from selaras.connectors.files.outbox import Outbox
from selaras.connectors.files.outfiles import Style
from selaras.connectors.files.parsing import Desk, Parsed, refused_lines
from selaras.connectors.files.shelf import IN, REFUSED, Shelf
from selaras.connectors.files.tables import Limits
from selaras.connectors.inbox import NO_FOLDER
from selaras.connectors.places import Place
from selaras.connectors.watched import Watched

BATCH = 500
PAGE = 200
READ = 500
_FOLDER_SETTINGS = "books.toml"
_SHOWN = 5


def style_of(settings: Settings, zone: str) -> Style:
    """How files are written. Raises `ValueError`."""
    kind = settings.get("format") or "csv"
    named = {"csv": (",", "."), "csv;": (";", ","), "xlsx": (",", ".")}
    if kind not in named:
        raise ValueError("the setting format is csv, csv; (semicolons and decimal commas) or xlsx")
    delimiter, decimal = named[kind]
    return Style("xlsx" if kind == "xlsx" else "csv", delimiter, decimal, "ymd", zone)


class Folder(Watched):
    """A signed-in folder; see `contract.Connector` for what the methods promise."""

    name = "files"
    kinds: tuple[str, ...] = ()
    targets: frozenset[str] = frozenset()
    updates: frozenset[str] = frozenset()
    voids: frozenset[str] = frozenset()
    write_offs = False

    def __init__(self, settings: Settings, tools: Tools, place: Place | None = None) -> None:
        super().__init__(settings, tools, place)
        self.capabilities = Capabilities(
            batch=BATCH,
            read_batch=READ,
            page=PAGE,
            idempotency="unique_ref",
            visibility_lag=0.0,
            timeout=60.0,
            rate=Rate(per_second=50, burst=10, parallel=1),
            sources=self.sources,
            targets=self.targets,
            updates=self.updates,
            money_scale="major",
            voids=self.voids,
            write_offs=self.write_offs,
        )
        desk = Desk(
            self.currency,
            self.zone,
            self.kinds,
            Limits(self.most, self.most * 8),
            prefer=settings.get("profile", "").strip(),
        )
        self.shelf = Shelf(self.place, desk, quiet=self.quiet, page=PAGE, clock=tools.clock)
        self.outbox = Outbox(
            self.place,
            style=style_of(settings, tools.zone),
            clock=tools.clock,
            known=self._known,
            closed_until=self._closed_until,
            profiles=lambda: list(self.shelf.desk.profiles.values()),
        )

    async def _known(self) -> Known:
        return Known()

    async def _closed_until(self) -> dt.date | None:
        """The last closed day, from `books.toml` in the folder. Raises `Transient` when that cannot be read."""
        raw = await self.place.read(_FOLDER_SETTINGS)
        if raw is None:
            return None
        try:
            value = tomllib.loads(raw.decode()).get("closed_until")
        except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise Transient(
                f"{_FOLDER_SETTINGS} cannot be read: {error}",
                code="bad_settings",
                cure="Write it as closed_until = 2026-10-31.",
            ) from None
        if value is None:
            return None
        if not isinstance(value, dt.date) or isinstance(value, dt.datetime):
            raise Transient(
                f"{_FOLDER_SETTINGS}: closed_until is no day", code="bad_settings",
                cure="Write it as closed_until = 2026-10-31.",
            )  # fmt: skip
        return value

    # -- reading --------------------------------------------------------------------------------------------------

    async def check(self) -> Check:
        """Whether the folder is there and what its files come to. Nothing is written but reports of refused lines."""
        try:
            there = await self.place.list(IN)
            findings = [
                Finding("folder", there is not None, self.place.label, "" if there is not None else NO_FOLDER)
            ]  # fmt: skip
            for parsed in await self.shelf.files():
                findings.append(_finding(parsed))
            findings += [Finding(f"{IN}/{name}", True, why) for name, why in sorted(self.shelf.waiting.items())]
            findings += [
                Finding("profile", False, why, "Correct the file in profiles/.") for why in self.shelf.broken_profiles
            ]
            if self.shelf.unreported:
                cure = "Let Selaras write into refused/, or see the refused lines with selaras files preview."
                findings.append(Finding("refused/", False, self.shelf.unreported, cure))
            if self.targets:
                waiting = len(await self.outbox.unpicked()) if there is not None else 0
                findings.append(Finding("out/", True, f"{waiting} files wait to be picked up"))
                await self.outbox.fresh()
        except ConnectorError as error:
            findings = [Finding("folder", False, error.message, error.cure or "Look whether the folder is there.")]
        return Check(self.place.label, self.currency, self.zone.key, 0.0, findings)

    async def changed(self, kind: str, cursor: str) -> Changes:
        """The next page of what files say that the cursor has not seen."""
        self._knows(kind)
        return await self.shelf.changed(kind, cursor)

    async def read(self, kind: str, ids: Sequence[str]) -> list[Seen]:
        """These records as they are now."""
        self._knows(kind)
        return await self.shelf.read(kind, ids)

    async def find(self, kind: str, references: Sequence[str]) -> dict[str, Found]:
        """Documents that were written under these references. Stock levels say a state and are never looked for."""
        if not references or kind == "stock":
            return {}
        return await self.outbox.find(kind, references)

    async def write(self, kind: str, op: Op, writes: Sequence[Write]) -> list[Outcome]:
        """One batch, one file."""
        if kind not in self.targets or (op == "update" and kind not in self.updates):
            raise Rejected(f"these files cannot {op} a {kind}", code="unsupported", cure="Do it by hand, then skip it.")
        if len(writes) > BATCH:
            raise ValueError(f"at most {BATCH} in one call, not {len(writes)}")
        if not writes:
            return []
        await self.shelf.prepare()
        return await self.outbox.write(kind, op, writes)


def _finding(parsed: Parsed) -> Finding:
    name = f"{IN}/{parsed.file}"
    if parsed.error:
        return Finding(name, False, parsed.error, parsed.cure)
    refused = [fault for fault in parsed.faults if not fault.warning]
    if refused:
        said = "; ".join(fault.sentence() for fault in refused[:_SHOWN])
        return Finding(
            name, False, f"{refused_lines(refused)} lines are refused: {said}",
            f"{refused[0].cure} All of them are in {REFUSED}/{parsed.file}.csv.",
        )  # fmt: skip
    return Finding(
        name, True, f"{parsed.lines} lines, {parsed.kind}, profile {parsed.profile.name if parsed.profile else ''}"
    )

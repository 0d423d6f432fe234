"""The wire of the sandbox books: paths, cursor, batches, and what its answers mean."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Sequence
from typing import Final, NoReturn
from urllib.parse import quote
from zoneinfo import ZoneInfo

import msgspec

from selaras.connectors.answers import repaired
from selaras.connectors.contract import (
    Ambiguous,
    BadSignature,
    Capabilities,
    Changes,
    Check,
    ConnectorError,
    Done,
    Expired,
    Failed,
    Finding,
    Found,
    Hint,
    Op,
    Outcome,
    Rejected,
    Seen,
    Transient,
    Webhook,
    Write,
)
from selaras.connectors.http import Http, Response
from selaras.connectors.oauth import OAuth
from selaras.connectors.sandbox_books import mapping, writing
from selaras.model.closing import CLOSING, Closing

# Beyond the search lag: stamps are whole milliseconds, and clocks of threads differ by less than this.
_MARGIN: Final = dt.timedelta(seconds=1)
_MOST_SKEW: Final = 60.0


class Cursor(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where a poll stands. `since` is where it began, `until` the server's time at its first page, `after` its page.

    The next poll begins at `until` minus the overlap: what was written before and became visible late lies there.
    """

    since: mapping.Instant | None = None
    until: mapping.Instant | None = None
    after: str = ""


class SandboxBooks:
    """A signed-in set of sandbox books. `oauth` is the sign-in, for the page on which a person connects it."""

    name = "sandbox_books"

    def __init__(
        self,
        http: Http,
        oauth: OAuth,
        capabilities: Capabilities,
        *,
        zone: str,
        clock: Callable[[], float] = time.time,
        warehouse: str = "",
        all_journals: bool = False,
    ) -> None:
        self.capabilities = capabilities
        self.oauth = oauth
        self._http = http
        self._clock = clock
        self._zone_name = zone
        self._zone = ZoneInfo(zone)
        self._warehouse = warehouse
        self._all_journals = all_journals
        self._overlap = dt.timedelta(seconds=capabilities.visibility_lag) + _MARGIN

    # -- reading ------------------------------------------------------------------------------------------------

    async def check(self) -> Check:
        """Name, currency, zone and clock of the books, in one call."""
        before = self._clock()
        answer = await self._read("/api/company")
        after = self._clock()
        try:
            company = mapping.COMPANY.decode(answer.body)
        except msgspec.MsgspecError as error:
            self._unreadable("the company", error)
        skew = company.server_time.timestamp() - (before + after) / 2
        findings = [
            Finding("Clock", abs(skew) <= _MOST_SKEW, f"{skew:+.1f} s", "Set the clock of one of the two servers."),
            Finding(
                "Time zone",
                company.zone == self._zone_name,
                company.zone,
                "Give the connection the zone of the books, or days will be cut at different hours.",
            ),
        ]
        if company.closed_until is not None:
            findings.append(Finding("Closed period", True, f"until {company.closed_until}"))
        return Check(company.name, company.currency, company.zone, skew, findings)

    async def changed(self, kind: str, cursor: str) -> Changes:
        """The next page in the books' own order (updated_at, id), with the overlap that late visibility needs."""
        if kind == CLOSING:
            return Changes([await self._closing()], CLOSING, False)
        at = _cursor(cursor)
        query = f"limit={self.capabilities.page}"
        if at.after:
            query += f"&after={quote(at.after, safe='')}"
        elif at.since:
            query += f"&updated_since={quote(_text(at.since), safe='')}"
        if kind == "journal" and not self._all_journals:
            query += "&source=manual"
        page = await self._page(kind, query)
        until = at.until or page.server_time
        if page.more and page.next:
            following = Cursor(at.since, until, page.next)
        else:
            following = Cursor(until - self._overlap)
        return Changes(self._seen(kind, page), msgspec.json.encode(following).decode(), page.more and bool(page.next))

    def cursor_at(self, kind: str, instant: dt.datetime) -> str:
        """The cursor of what changed since a moment."""
        return msgspec.json.encode(Cursor(instant.astimezone(dt.UTC))).decode()

    async def read(self, kind: str, ids: Sequence[str]) -> list[Seen]:
        """These records now, in the order asked for; stock is asked for by product code."""
        self._bound(ids)
        if not ids:
            return []
        if kind == CLOSING:
            one = await self._closing()
            return [one if i == CLOSING else Seen(kind, i, None, b"", one.updated_at, one.day) for i in ids]
        page = await self._page(kind, f"{'codes' if kind == 'stock' else 'ids'}={_list(ids)}")
        there = {seen.id: seen for seen in self._seen(kind, page)}
        now = page.server_time.astimezone(dt.UTC)
        day = now.astimezone(self._zone).date()
        return [there.get(one) or Seen(kind, one, None, b"", now, day) for one in ids]

    async def find(self, kind: str, references: Sequence[str]) -> dict[str, Found]:
        """Documents under these references; the oldest one where a reference was used twice, one that stands before
        one that is void.
        """
        self._bound(references)
        if not references:
            return {}
        apart = "&source=manual" if kind == "journal" else ""
        page = await self._page(kind, f"references={_list(references)}{apart}")
        found: dict[str, Found] = {}
        try:
            for raw in page.items:
                one = mapping.found_of(raw)
                held = found.get(one.reference)
                if held is None or (held.status == "void" and one.status != "void"):
                    found[one.reference] = one
        except msgspec.MsgspecError as error:
            self._unreadable(kind, error)
        return found

    async def _closing(self) -> Seen:
        answer = await self._read("/api/company")
        try:
            company = mapping.COMPANY.decode(answer.body)
        except msgspec.MsgspecError as error:
            self._unreadable("the company", error)
        now = company.server_time.astimezone(dt.UTC)
        record = Closing(company.closed_until)
        return Seen(CLOSING, CLOSING, record, answer.body, now, now.astimezone(self._zone).date())

    async def _page(self, kind: str, query: str) -> mapping.Page:
        answer = await self._read(f"/api/{_path(kind)}?{query}")
        try:
            return mapping.PAGE.decode(answer.body)
        except msgspec.MsgspecError as error:
            self._unreadable(kind, error)

    async def _read(self, path: str) -> Response:
        answer = await self._http.request("GET", path, effect=False)
        if answer.status >= 300:
            raise _refused(answer)
        return answer

    def _seen(self, kind: str, page: mapping.Page) -> list[Seen]:
        try:
            return [mapping.seen_of(kind, raw, self._zone, self._warehouse) for raw in page.items]
        except (msgspec.MsgspecError, ValueError) as error:
            self._unreadable(kind, error)

    def _unreadable(self, what: str, error: Exception) -> NoReturn:
        raise Transient(f"the books' answer for {what} cannot be read: {error}", code="unreadable") from None

    def _bound(self, values: Sequence[str]) -> None:
        if len(values) > self.capabilities.read_batch:
            raise ValueError(f"at most {self.capabilities.read_batch} in one call, not {len(values)}")

    # -- writing ------------------------------------------------------------------------------------------------

    async def write(self, kind: str, op: Op, writes: Sequence[Write]) -> list[Outcome]:
        """One batch; one outcome for each write, in order."""
        if len(writes) > self.capabilities.batch:
            raise ValueError(f"at most {self.capabilities.batch} in one call, not {len(writes)}")
        if not writes:
            return []
        body = writing.batch_of(kind, op, writes)
        answer = await self._http.request("POST", f"/api/{_path(kind)}/batch", body=body, effect=True)
        if answer.status >= 300:
            error = _refused(answer)
            if not isinstance(error, Rejected):
                raise error
            return [Failed(error) for _ in writes]
        try:
            results = writing.results_of(repaired(answer.body))
        except msgspec.MsgspecError:
            results = []
        if len(results) != len(writes):
            raise Ambiguous(
                f"the books' answer to {len(writes)} documents of kind {kind} cannot be read", code="unreadable"
            )
        outcomes: list[Outcome] = []
        doubled: list[int] = []
        for index, (write, result) in enumerate(zip(writes, results, strict=True)):
            if result.ok:
                outcomes.append(writing.done_of(result))
                continue
            outcomes.append(Failed(writing.error_of(kind, write, result)))
            if op == "create" and result.code == "duplicate_reference" and result.id:
                doubled.append(index)
        if doubled:
            await self._recognise(kind, writes, results, doubled, outcomes)
        return outcomes

    async def _recognise(
        self,
        kind: str,
        writes: Sequence[Write],
        results: Sequence[writing.Result],
        doubled: Sequence[int],
        outcomes: list[Outcome],
    ) -> None:
        """A reference that is taken is our own document, if it has our total: then the item is done.

        Other items of the batch stand already, so trouble here must not be told as "nothing happened".
        """
        wanted = _list([results[index].id for index in doubled])
        try:
            page = await self._page(kind, f"ids={wanted}")
            there = {stub.id: stub for stub in map(mapping.STUB.decode, page.items)}
        except (ConnectorError, msgspec.MsgspecError):
            message = f"the books hold the reference of this {kind} already, but cannot be asked whether it is ours"
            for index in doubled:
                outcomes[index] = Failed(Ambiguous(message, code="duplicate_reference"))
            return
        for index in doubled:
            stub, document = there.get(results[index].id), writes[index].document
            if stub is None or stub.reference != document.reference:
                continue
            if stub.total == getattr(document, "total", None) and stub.currency == getattr(document, "currency", ""):
                outcomes[index] = Done(stub.id, stub.number, stub.total, stub.currency, stub.status, str(stub.version))

    # -- the rest -----------------------------------------------------------------------------------------------

    def hints(self, webhook: Webhook) -> list[Hint]:
        """The sandbox books send no webhooks, so none can be theirs."""
        raise BadSignature("the sandbox books send no webhooks")

    async def subscribe(self, url: str) -> str:
        """There is nothing to subscribe to."""
        return "none"

    async def close(self) -> None:
        """Close both sessions."""
        await self._http.close()
        await self.oauth.close()


def _path(kind: str) -> str:
    try:
        return mapping.PATHS[kind]
    except KeyError:
        raise ValueError(f"the sandbox books know no {kind!r}") from None


def _cursor(text: str) -> Cursor:
    try:
        return msgspec.json.decode(text, type=Cursor) if text else Cursor()
    except msgspec.MsgspecError:
        raise ValueError(f"{text!r} is not a cursor of the sandbox books") from None


def _text(instant: dt.datetime) -> str:
    return instant.astimezone(dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _list(values: Sequence[str]) -> str:
    # The commas between values stay bare; those inside values are encoded.
    return ",".join(quote(value, safe="") for value in values)


def _refused(answer: Response) -> ConnectorError:
    """A request that was refused as a whole."""
    try:
        refusal = writing.REFUSAL.decode(answer.body)
    except msgspec.MsgspecError:
        refusal = writing.Refusal()
    message = refusal.message or f"the books refused the request (HTTP {answer.status})"
    if answer.status == 403:
        return Expired(message, code="forbidden", cure="Connect the books again.", status=answer.status)
    cure = "Check the address of the books in the settings of the connection."
    return Rejected(message, code=refusal.error or "refused", cure=cure, status=answer.status)

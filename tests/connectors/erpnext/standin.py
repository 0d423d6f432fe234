"""A stand-in for a live ERPNext 15: real HTTP, real paths, headers, error bodies, transactions and refusals.

Made from the answers of a real site (the project's samples of ERPNext 15) and what was seen and read of it
(reference/accounting-apis.md §11, reference/observed.md "ERPNext", frappe and erpnext 15). It is no softer than that:

==========================================  =======================================================================
`Authorization: token key:secret`, Bearer   seen; wrong ones are 401, none at all is Guest and so 403
OAuth: code, refresh, revoke                seen; refresh does not rotate, a used refresh token works again
refusals: `exc_type`, `_server_messages`    seen: 417, 409, 404, 403, 401, 500 TypeError without items
unknown fields                              seen: ignored when written, 417 DataError in a query
`insert_many`                               frappe/client.py: at most 200, one transaction, says only names
`docstatus: 1` in the document              seen: inserted and submitted in one call
`modified`                                  seen: the site's local time, naive
`po_no`                                     seen: refused one after the other; two at once both stand (`racing`)
429 with Retry-After in seconds             seen
exceptions roll the transaction back        frappe/app.py
a worker goes on when its client has gone   gunicorn: `late` answers nothing and commits afterwards
request lines over 4,094 bytes              gunicorn `limit_request_line`: 400 that is not Frappe's
child tables need `parent`                  frappe/client.py `check_parent_permission`
==========================================  =======================================================================
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import email.utils
import hashlib
import json
import secrets
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlencode

from aiohttp import web

from tests.connectors.erpnext.standin_cash import BT, JE, PE, Cash, Orders
from tests.connectors.erpnext.standin_db import Database, Doc, FrappeError, throw
from tests.connectors.erpnext.standin_meta import FIELDS
from tests.connectors.erpnext.standin_people import People
from tests.connectors.erpnext.standin_selling import Selling
from tests.connectors.erpnext.standin_stock import SI, SO, Options
from tests.connectors.kit_servers import served

ZONE = "Asia/Jakarta"
KEY, SECRET = "a1b2c3d4e5f6a7b", "f7e6d5c4b3a2f1e"
CLIENT, CLIENT_SECRET = "nqputd4s1a", "0f1e2d3c4b"
OAUTH = "frappe.integrations.oauth2."
HTML = "<html><head><title>502 Bad Gateway</title></head></html>"


@dataclass
class Trouble:
    """What goes wrong on the way, on switches. `late` is seconds after which a lost write still commits."""

    fail_before: bool = False
    fail_after: bool = False
    throttle: float = 0.0
    late: float = 0.0
    turn: int = 0
    chance: Callable[[], str] = str


class StandIn:
    """The running site. `calls` counts what was asked: "GET Sales Order", "POST insert_many" and so on."""

    def __init__(self, *, now: Callable[[], float] = time.time, zone: str = ZONE) -> None:
        self.db = Database(now, zone)
        self.options = Options()
        self.selling = Selling(self.db, self.options)
        self.cash = Cash(self.db, self.selling)
        self.orders = Orders(self.db, self.selling)
        self.people = People(self.db)
        self.trouble = Trouble()
        self.calls: Counter[str] = Counter()
        self.url = ""
        self.zone = zone
        self.forbidden: set[str] = set()
        self.key_revoked = False
        self.bearers: dict[str, bool] = {}
        self.refreshes: dict[str, bool] = {}
        self.codes: dict[str, str] = {}
        self.granted = 0
        self.tasks: set[asyncio.Task[None]] = set()
        self.hurry = asyncio.Event()  # set: a lost write commits now

    # -- from the socket to the answer ------------------------------------------------------------------------------

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        if len(request.path_qs) + len(request.method) + 11 > 4094:
            return web.Response(
                status=400, text="<h1>Bad Request</h1>Request Line is too large", content_type="text/html"
            )
        if OAUTH in request.path:
            return await self._oauth(request)
        trouble, writes = self.trouble, request.method != "GET"
        chance = trouble.chance()
        if trouble.throttle or chance == "throttle":
            wait = str(int(trouble.throttle or 1))
            return self._refused(FrappeError(429, "TooManyRequestsError", ""), {"Retry-After": wait})
        if trouble.fail_before or chance == "before":
            return await self._lost(request)
        if (trouble.late or chance == "late") and writes:
            task = asyncio.create_task(self._later(request, body))
            self.tasks.add(task)
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        answer = self._answer(request, body)
        if (trouble.fail_after or chance == "after") and writes and answer.status < 300:
            return await self._lost(request)
        return answer

    async def _later(self, request: web.Request, body: bytes) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.hurry.wait(), self.trouble.late or 0.2)
        self._answer(request, body)

    async def _lost(self, request: web.Request) -> web.StreamResponse:
        """The ways of losing an answer take turns: a proxy's page, a broken connection, half an answer."""
        self.trouble.turn += 1
        if self.trouble.turn % 3 == 0:
            return web.Response(status=502, text=HTML, content_type="text/html")
        if self.trouble.turn % 3 == 1:
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        return web.Response(status=200, text='{"message": ["SAL-ORD-20', content_type="application/json")

    def _answer(self, request: web.Request, body: bytes) -> web.Response:
        try:
            self._authenticate(request.headers.get("Authorization", ""))
            self.db.begin()
            found = self._route(request, body)
            self.db.commit()
        except FrappeError as error:
            self.db.rollback()
            return self._refused(error)
        except BaseException:
            self.db.rollback()
            raise
        return self._say(found, 200)

    def _authenticate(self, shown: str) -> None:
        kind, _, value = shown.partition(" ")
        if kind == "token" and value == f"{KEY}:{SECRET}" and not self.key_revoked:
            return
        if kind == "Bearer" and self.bearers.get(value) and not self.key_revoked:
            return
        if shown:
            raise FrappeError(401, "AuthenticationError", "")
        throw("User <strong>Guest</strong> does not have doctype access via role permission", "PermissionError", 403)

    def _route(self, request: web.Request, body: bytes) -> Any:
        parts = [unquote(part) for part in request.raw_path.partition("?")[0].split("/")][2:]
        values = self._json(body)
        if parts[0] == "method":
            return {"message": self._method(parts[1], values, dict(request.query))}
        doctype, name = parts[1], "/".join(parts[2:])
        self.calls[f"{request.method} {doctype}"] += 1
        if doctype in self.forbidden:
            throw(f"No permission for {doctype}", "PermissionError", 403)
        if request.method == "GET" and not name:
            return {"data": self.db.rows(doctype, dict(request.query))}
        if doctype not in FIELDS:
            throw(f"DocType {doctype} not found", "DoesNotExistError", 404)
        if request.method == "GET":
            return {"data": self.db.get(doctype, name)}
        if request.method == "POST":
            return {"data": self.insert({**values, "doctype": doctype})}
        if request.method == "PUT":
            return {"data": self.update(doctype, name, values)}
        raise FrappeError(405, "MethodNotAllowed", "")

    def _json(self, body: bytes) -> Doc:
        try:
            found = json.loads(body) if body else {}
        except ValueError:
            raise FrappeError(500, "JSONDecodeError", "Expecting value", module="json.decoder") from None
        return dict(found)

    def _method(self, name: str, values: Doc, query: dict[str, str]) -> Any:
        self.calls[f"CALL {name.rpartition('.')[2]}"] += 1
        if name == "frappe.auth.get_logged_user":
            return "hub@example.test"
        if name == "frappe.client.get_time_zone":
            return {"time_zone": self.zone}
        if name == "frappe.client.insert_many":
            docs = values["docs"]
            docs = json.loads(docs) if isinstance(docs, str) else docs
            if len(docs) > 200:
                throw("Only 200 inserts allowed in one request")
            return [self.insert(doc)["name"] for doc in docs]
        if name.endswith("bank_reconciliation_tool.reconcile_vouchers"):
            return self.cash.reconcile(values)
        if name.endswith("sales_order.update_status"):
            return self.orders.update_status(values)
        throw(f"Failed to get method for command {name}", status=417)
        return None

    # -- documents --------------------------------------------------------------------------------------------------

    def insert(self, values: Doc) -> Doc:
        """`frappe.get_doc(doc).insert()`, submitted when it says so."""
        wanted = int(values.get("docstatus") or 0)
        doc = self.db.known(values["doctype"], values) | {"doctype": values["doctype"], "docstatus": 0}
        self._validate(doc)
        tables = {k: v for k, v in doc.items() if k != "name"}
        kept = self.db.insert(tables)
        self.people.after_insert(kept)
        if wanted == 1:
            self._submit(kept)
        elif wanted == 2:
            throw("Cannot change docstatus from 0 (Draft) to 2 (Cancelled)")
        return kept

    def update(self, doctype: str, name: str, values: Doc) -> Doc:
        """PUT: change, submit or cancel."""
        doc = self.db.get(doctype, name)
        if values.get("modified") and values["modified"] != doc["modified"]:
            throw("Error: Document has been modified after you have opened it", "TimestampMismatchError")
        wanted = int(values.get("docstatus", doc["docstatus"]) or 0)
        change = {k: v for k, v in values.items() if k in FIELDS[doctype]}
        if doc["docstatus"] == 2 or (doc["docstatus"] == 1 and wanted == 0):
            throw("Cannot edit cancelled document")
        doc = self.db.edit(doctype, name)
        if doctype == BT and doc["docstatus"] == 1 and set(change) == {"payment_entries"}:
            return self.cash.rewrite_line(doc, change["payment_entries"])  # the one field with allow_on_submit
        if doc["docstatus"] == 1:
            for field, value in change.items():
                if doc.get(field) != value:
                    throw(
                        f" Not allowed to change <strong>{field}</strong> after submission "
                        f"from {doc.get(field)} to {value}",
                        "UpdateAfterSubmitError",
                    )
            if wanted == 2:
                self._cancel(doc)
            return doc
        doc |= self.db.known(doctype, {**doc, **change}) | {"name": name}
        self._validate(doc)
        self.people.on_update(doc, change)
        if wanted == 1:
            self._submit(doc)
        return doc

    def _validate(self, doc: Doc) -> None:
        kind = doc["doctype"]
        if kind in (SO, SI):
            self.selling.validate(doc)
        elif kind == PE:
            self.cash.validate_payment(doc)
        elif kind == JE:
            self.cash.validate_journal(doc)
        elif kind == BT:
            self.cash.validate_line(doc)
        else:
            self.people.validate(doc)

    def _submit(self, doc: Doc) -> None:
        kind = doc["doctype"]
        if kind in (SO, SI):
            self.selling.submit(doc)
        elif kind == PE:
            self.cash.submit_payment(doc)
        elif kind == JE:
            self.cash.submit_journal(doc)
        else:
            doc |= {"docstatus": 1, "status": "Unreconciled"}

    def _cancel(self, doc: Doc) -> None:
        (self.selling if doc["doctype"] in (SO, SI) else self.cash).cancel(doc)

    # -- OAuth 2 ----------------------------------------------------------------------------------------------------

    def code(self, challenge: str) -> str:
        """The code of a sign-in that a person allowed."""
        made = secrets.token_hex(12)
        self.codes[made] = challenge
        return made

    async def _oauth(self, request: web.Request) -> web.StreamResponse:
        action = request.path.rpartition(".")[2]
        if action == "authorize":
            code = self.code(request.query.get("code_challenge", ""))
            raise web.HTTPFound(
                f"{request.query['redirect_uri']}?{urlencode({'code': code, 'state': request.query['state']})}"
            )
        form = {k: str(v) for k, v in (await request.post()).items()}
        self.calls[f"OAUTH {action}"] += 1
        if action == "revoke_token":
            self.bearers.pop(form["token"], None)
            if self.refreshes.pop(form["token"], None):
                self.bearers.clear()
            return web.json_response({})
        if self.trouble.fail_before:
            return web.Response(status=502, text=HTML, content_type="text/html")
        if form.get("client_id") != CLIENT or form.get("client_secret") != CLIENT_SECRET:
            return web.json_response({"error": "invalid_client"}, status=401)
        if form["grant_type"] == "refresh_token" and self.refreshes.get(form["refresh_token"]):
            return web.json_response(self._grant())
        challenge = self.codes.pop(form.get("code", ""), None)
        if form["grant_type"] == "authorization_code" and challenge is not None:
            digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
            if not challenge or base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == challenge:
                return web.json_response(self._grant())
        return web.json_response({"error": "invalid_grant"}, status=400)

    def _grant(self) -> Doc:
        self.granted += 1
        access, refresh = secrets.token_hex(15), secrets.token_hex(15)
        self.bearers[access] = self.refreshes[refresh] = True
        return {
            "access_token": access, "expires_in": 3600, "token_type": "Bearer", "scope": "all openid",
            "refresh_token": refresh,
        }  # fmt: skip

    # -- bodies -----------------------------------------------------------------------------------------------------

    def _refused(self, error: FrappeError, headers: dict[str, str] | None = None) -> web.Response:
        full = f"{error.module}.{error.kind}" if error.module != "builtins" else error.kind
        exception = f"{full}: {error.message}" if error.message else full
        body: Doc = {"exc_type": error.kind, "exc": json.dumps([f"Traceback … {exception}"])}
        if error.status != 404:
            body["exception"] = exception
        if error.message and error.status != 500:
            told = {"message": error.message, "title": "Message", "indicator": "red", "raise_exception": 1}
            body["_server_messages"] = json.dumps([json.dumps(told)])
        return self._say(body, error.status, headers)

    def _say(self, content: Any, status: int, headers: dict[str, str] | None = None) -> web.Response:
        stamp = email.utils.formatdate(time.time(), usegmt=True)
        return web.Response(
            status=status, body=json.dumps(content).encode(), content_type="application/json",
            headers={"Date": stamp, **(headers or {})},
        )  # fmt: skip


@asynccontextmanager
async def serve_erpnext(**more: Any) -> AsyncIterator[StandIn]:
    """A fresh site with a company, its chart and nothing sold."""
    site = StandIn(**more)
    site.people.company()
    async with served(site.handle) as url:
        site.url = url
        try:
            yield site
        finally:
            await asyncio.gather(*site.tasks)

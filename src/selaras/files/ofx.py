"""OFX 1 (SGML: elements without end tags) and OFX 2 (XML), bank and card statements (OFX 2.2 §11).

An own small reader: the elements are the same in both, and what banks write is neither clean SGML nor clean XML.
Entities other than the plain character ones are not looked up, so there is nothing to expand.
"""

from __future__ import annotations

import datetime as dt
import html
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Final

import msgspec

from selaras.files.refusal import EXPORT_AGAIN, Refused
from selaras.i18n import N_
from selaras.model.statement import Statement, StatementLine

LAYOUT: Final = "ofx"
_TOKEN: Final = re.compile(r"<(/?)([A-Za-z0-9._]+)\s*>((?:<!\[CDATA\[.*?\]\]>|[^<])*)", re.DOTALL)
_CDATA: Final = re.compile(r"<!\[CDATA\[(.*?)\]\]>", re.DOTALL)
_AMOUNT: Final = re.compile(r"[+-]?(?:\d{1,15}(?:[.,]\d{0,4})?|[.,]\d{1,4})", re.ASCII)
_DATE: Final = re.compile(r"(\d{4})(\d{2})(\d{2})(?:\d{6}(?:[.:]\d{1,3})?)?(?:\[.*\])?", re.ASCII)
# Elements that hold others; all the rest hold text. What is not named here is text that nobody asks for.
_HOLDERS: Final = frozenset(
    "OFX SIGNONMSGSRSV1 SONRS STATUS FI BANKMSGSRSV1 CREDITCARDMSGSRSV1 STMTTRNRS CCSTMTTRNRS STMTRS CCSTMTRS "
    "BANKACCTFROM CCACCTFROM BANKTRANLIST STMTTRN LEDGERBAL AVAILBAL CURRENCY ORIGCURRENCY PAYEE BANKACCTTO CCACCTTO "
    "BALLIST BAL BANKTRANLISTP STMTTRNP IMAGEDATA SIGNUPMSGSRSV1 ACCTINFOTRNRS ACCTINFORS ACCTINFO BANKACCTINFO "
    "CCACCTINFO".split()
)
_OK: Final = "0"


class Node(msgspec.Struct):
    """An element that holds others: its texts by name (the first of each), its children, and its line."""

    name: str
    line: int
    texts: dict[str, str] = msgspec.field(default_factory=dict)
    children: list[Node] = msgspec.field(default_factory=list)

    def all(self, name: str) -> Iterator[Node]:
        """Every element of this name below."""
        for child in self.children:
            if child.name == name:
                yield child
            yield from child.all(name)

    def first(self, *names: str) -> Node | None:
        """The first element of one of these names below."""
        return next((found for name in names for found in self.all(name)), None)


def looks_like(text: str) -> bool:
    """Whether a file's text is OFX."""
    return "OFXHEADER" in text[:2048] or bool(re.search(r"<OFX>", text[:4096], re.IGNORECASE))


def tree(text: str) -> Node:
    """The elements of a file. What closes too early or never is closed with what holds it."""
    root = Node("", 1)
    stack = [root]
    line, upto = 1, 0
    for token in _TOKEN.finditer(text):
        line += text.count("\n", upto, token.start())
        upto = token.start()
        closing, name, value = token[1], token[2].upper(), token[3]
        if closing:
            if name in _HOLDERS and any(node.name == name for node in stack):
                while stack[-1].name != name:
                    stack.pop()
                stack.pop()
        elif name in _HOLDERS:
            node = Node(name, line)
            stack[-1].children.append(node)
            stack.append(node)
        else:
            stack[-1].texts.setdefault(name, html.unescape(_CDATA.sub(lambda found: found[1], value)).strip())
    return root


def read(text: str, file: str) -> tuple[Statement, ...]:
    """Every statement of a file. Raises `Refused`, with the bank's own words where it sent an error instead."""
    root = tree(text)
    found = []
    try:
        for answer in (*root.all("STMTTRNRS"), *root.all("CCSTMTTRNRS")):
            for statement in (*answer.all("STMTRS"), *answer.all("CCSTMTRS")):
                found.append(_statement(statement, file, root))
        if not found:
            for status in root.all("STATUS"):
                if status.texts.get("CODE", _OK) != _OK:
                    raise Refused(
                        N_("the bank answered with an error: %(text)s"), N_("Ask the bank for the statement again."),
                        row=status.line, column="STATUS", text=status.texts.get("MESSAGE") or status.texts["CODE"],
                    )  # fmt: skip
            raise Refused(N_("it holds no statement"), EXPORT_AGAIN)
    except Refused as refused:
        raise refused.at(file) from None
    return tuple(found)


def _statement(node: Node, file: str, root: Node) -> Statement:
    currency = node.texts.get("CURDEF", "").upper()
    if len(currency) != 3 or not currency.isalpha():
        raise Refused(N_("nothing says its currency"), EXPORT_AGAIN, row=node.line, column="CURDEF")
    source = node.first("BANKACCTFROM", "CCACCTFROM")
    account = " ".join(source.texts.get("ACCTID", "").split()) if source else ""
    if not account:
        raise Refused(N_("nothing says which account it is of"), EXPORT_AGAIN, row=node.line, column="ACCTID")
    period = node.first("BANKTRANLIST")
    lines: list[StatementLine] = []
    known: dict[tuple[str, dt.date | None, Decimal], int] = {}
    for entry in node.all("STMTTRN"):
        line = _line(entry, currency)
        key = (line.reference, line.day, line.amount)
        if line.reference and key in known:
            raise Refused(
                N_("it repeats the transaction of row %(earlier)s (%(text)s)"),
                EXPORT_AGAIN, row=line.row, column="FITID",
                earlier=known[key],
                text=line.reference,
            )  # fmt: skip
        known[key] = line.row
        lines.append(line)
    ledger = node.first("LEDGERBAL")
    closing = None if ledger is None else _amount(ledger, "BALAMT")
    lines.sort(key=lambda line: line.day or dt.date.max)
    days = [line.day for line in lines if line.day is not None]
    first, last = (_period(period, name) for name in ("DTSTART", "DTEND"))
    organisation = root.first("FI")
    return Statement(
        file=file,
        layout=LAYOUT,
        bank=organisation.texts.get("ORG", "") if organisation else "",
        account=account,
        currency=currency,
        lines=tuple(lines),
        first=min(days) if days and (first is None or min(days) < first) else first,
        last=max(days) if days and (last is None or max(days) > last) else last,
        closing=closing,
    )


def _period(node: Node | None, name: str) -> dt.date | None:
    text = node.texts.get(name, "") if node else ""
    return _day(text, node.line if node else 0, name) if text else None


def _line(node: Node, currency: str) -> StatementLine:
    texts = node.texts
    other = node.first("CURRENCY")
    if other is not None and other.texts.get("CURSYM", currency).upper() != currency:
        raise Refused(
            N_("the amount is in %(one)s, the account in %(two)s"), EXPORT_AGAIN, row=node.line, column="CURSYM",
            one=other.texts["CURSYM"], two=currency,
        )  # fmt: skip
    payee = node.first("PAYEE")
    name = texts.get("NAME") or (payee.texts.get("NAME", "") if payee else "")
    memo = texts.get("MEMO", "")
    words = [memo] if name and memo.startswith(name) else [name, memo]
    valued = texts.get("DTAVAIL", "")
    return StatementLine(
        row=node.line,
        day=_day(texts.get("DTPOSTED", ""), node.line, "DTPOSTED"),
        amount=_amount(node, "TRNAMT"),
        currency=currency,
        description=" ".join(" ".join(word.split()) for word in words if word),
        value_day=_day(valued, node.line, "DTAVAIL") if valued else None,
        reference=texts.get("FITID", ""),
        raw="\t".join(f"{name}={value}" for name, value in texts.items()),
    )


def _amount(node: Node, name: str) -> Decimal:
    """A signed amount; OFX allows a point or a comma before the decimals and no marks between thousands (§3.2.9.1)."""
    text = node.texts.get(name, "")
    if not _AMOUNT.fullmatch(text):
        raise Refused(N_("%(text)s is not an amount"), EXPORT_AGAIN, row=node.line, column=name, text=text or '""')
    return Decimal(text.replace(",", "."))


def _day(text: str, row: int, column: str) -> dt.date:
    """The day in the bank's own zone: the digits as written (§3.2.8.2)."""
    found = _DATE.fullmatch(text)
    if found is None:
        raise Refused(N_("%(text)s is not a date"), EXPORT_AGAIN, row=row, column=column, text=text or '""')
    try:
        return dt.date(int(found[1]), int(found[2]), int(found[3]))
    except ValueError:
        raise Refused(N_("there is no day %(text)s"), EXPORT_AGAIN, row=row, column=column, text=text) from None

"""camt.052, camt.053 and camt.054 of ISO 20022 (versions .001.01 to .001.08 and later of the same shape).

The parser takes no document type, no entities and nothing from outside (defusedxml). An entry is one line, also where
it bundles several transactions: that is what moved on the account. The direction is that of the entry (CdtDbtInd),
which for a reversal is the direction of the reversal already (ISO 20022 message definition, RvslInd).
"""

from __future__ import annotations

import datetime as dt
import re
import xml.etree.ElementTree as Plain  # types only; parsing is defusedxml's
from decimal import Decimal
from typing import Final

from defusedxml import DefusedXmlException, ElementTree

from selaras.files.refusal import EXPORT_AGAIN, Refused
from selaras.i18n import N_
from selaras.model.statement import Printed, Statement, StatementLine

Element = Plain.Element
_NUMBER: Final = re.compile(r"\d{1,18}(?:\.\d{0,17})?|\.\d{1,17}", re.ASCII)
_MESSAGE: Final = re.compile(r"camt\.05[234]\.001\.\d\d")
_REPORTS: Final = {"Stmt": "camt053", "Rpt": "camt052", "Ntfctn": "camt054"}
_OPENING: Final = ("OPBD", "PRCD")
_CLOSING: Final = ("CLBD",)
_DECIMALS: Final = 3


def looks_like(text: str) -> bool:
    """Whether a file's text is a camt message."""
    return bool(_MESSAGE.search(text[:4096]))


def read(data: bytes, file: str) -> tuple[Statement, ...]:
    """Every statement, report or notification of a message. Raises `Refused`."""
    try:
        root = ElementTree.fromstring(data, forbid_dtd=True, forbid_entities=True, forbid_external=True)
    except DefusedXmlException:
        raise Refused(
            N_("it declares entities or a document type, which no bank's statement needs"), EXPORT_AGAIN, file=file
        ) from None
    except Plain.ParseError as error:
        raise Refused(
            N_("it is not whole XML (%(error)s)"), EXPORT_AGAIN, file=file, row=error.position[0], error=error
        ) from None
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
    found = []
    entry = 0
    try:
        for report in root.iter():
            if report.tag in _REPORTS:
                statement = _Report(report, file, entry).statement()
                entry += len(statement.lines)
                found.append(statement)
    except Refused as refused:
        raise refused.at(file) from None
    if not found:
        raise Refused(N_("it holds no statement"), EXPORT_AGAIN, file=file)
    return tuple(found)


def _text(element: Element | None, path: str) -> str:
    found = element.find(path) if element is not None else None
    return (found.text or "").strip() if found is not None else ""


class _Report:
    """One statement of a message. `before` is the number of entries of those before it."""

    def __init__(self, report: Element, file: str, before: int) -> None:
        self.report, self.file, self.before = report, file, before
        self.currency = _text(report, "Acct/Ccy")

    def statement(self) -> Statement:
        account = self.account()
        balances = self.balances()
        entries = list(self.report.iter("Ntry"))
        currencies = {code for code in (entry.find("Amt") for entry in entries) if code is not None}
        codes = {element.get("Ccy", "") for element in currencies}
        self.currency = self.currency or next((code for code, _amount in balances.values()), "")
        if not self.currency:
            if len(codes) > 1:
                raise Refused(N_("nothing says its currency"), EXPORT_AGAIN, row=self.before + 1, column="Ccy")
            self.currency = codes.pop() if codes else ""
        for kind, (code, _amount) in balances.items():
            if code != self.currency:
                raise Refused(
                    N_("the balance is in %(one)s, the account in %(two)s"), EXPORT_AGAIN, row=self.before + 1,
                    column=kind, one=code, two=self.currency,
                )  # fmt: skip
        lines = tuple(self.line(entry, self.before + at) for at, entry in enumerate(entries, 1))
        if not self.currency:
            raise Refused(N_("nothing says its currency"), EXPORT_AGAIN, row=self.before + 1, column="Ccy")
        days = [line.day for line in lines if line.day is not None]
        opening = next((balances[kind][1] for kind in _OPENING if kind in balances), None)
        closing = next((balances[kind][1] for kind in _CLOSING if kind in balances), None)
        period = [self.day(self.report.find(path)) for path in ("FrToDt/FrDtTm", "FrToDt/ToDtTm")]
        if opening is not None and closing is None and self.report.tag == "Stmt":
            raise Refused(
                N_("the closing balance is missing; the file may be cut off"), EXPORT_AGAIN, row=self.before + 1,
                column="CLBD",
            )  # fmt: skip
        if opening is None and closing is None and not lines:
            raise Refused(N_("it holds no transactions and no balance"), EXPORT_AGAIN)
        return Statement(
            file=self.file,
            layout=_REPORTS[self.report.tag],
            bank="",
            account=account,
            currency=self.currency,
            lines=lines,
            first=min(days, default=period[0]),
            last=max(days, default=period[1]),
            opening=opening,
            closing=closing,
            printed=self.printed(),
            holder=_text(self.report, "Acct/Ownr/Nm"),
        )

    def account(self) -> str:
        for path in ("Acct/Id/IBAN", "Acct/Id/Othr/Id", "Acct/Id/PrtryAcct/Id", "Acct/Id/BBAN"):
            if found := _text(self.report, path):
                return found
        raise Refused(N_("nothing says which account it is of"), EXPORT_AGAIN, row=self.before + 1, column="Acct")

    def balances(self) -> dict[str, tuple[str, Decimal]]:
        """Balance type → currency and signed amount; only those that are booked (not available ones)."""
        found: dict[str, tuple[str, Decimal]] = {}
        for balance in self.report.findall("Bal"):
            kind = _text(balance, "Tp/CdOrPrtry/Cd") or _text(balance, "Tp/Cd")
            if kind not in (*_OPENING, *_CLOSING):
                continue
            element = balance.find("Amt")
            amount = self.amount(element, self.before + 1, kind)
            if _text(balance, "CdtDbtInd") == "DBIT":
                amount = -amount
            elif _text(balance, "CdtDbtInd") != "CRDT":
                raise Refused(
                    N_("no mark says whether the money came in or went out"), row=self.before + 1, column=kind
                )
            code = element.get("Ccy", "") if element is not None else ""
            if found.setdefault(kind, (code, amount)) != (code, amount):
                raise Refused(N_("two different totals are printed"), EXPORT_AGAIN, row=self.before + 1, column=kind)
        return found

    def amount(self, element: Element | None, row: int, column: str) -> Decimal:
        text = (element.text or "").strip() if element is not None else ""
        if not _NUMBER.fullmatch(text) or len(text.partition(".")[2].rstrip("0")) > _DECIMALS:
            raise Refused(N_("%(text)s is not an amount"), EXPORT_AGAIN, row=row, column=column, text=text or '""')
        return Decimal(text)

    def day(self, element: Element | None) -> dt.date | None:
        """The day of a Dt or DtTm, in the zone in which the bank wrote it."""
        if element is None:
            return None
        inner = element.find("Dt") if element.find("Dt") is not None else element.find("DtTm")
        text = ((inner if inner is not None else element).text or "").strip()
        try:
            return dt.date.fromisoformat(text[:10])
        except ValueError:
            return None

    def line(self, entry: Element, row: int) -> StatementLine:
        element = entry.find("Amt")
        amount = self.amount(element, row, "Amt")
        code = element.get("Ccy", "") if element is not None else ""
        if code != self.currency:
            raise Refused(
                N_("the amount is in %(one)s, the account in %(two)s"), EXPORT_AGAIN, row=row, column="Amt", one=code,
                two=self.currency,
            )  # fmt: skip
        direction = _text(entry, "CdtDbtInd")
        if direction not in ("CRDT", "DBIT"):
            raise Refused(N_("no mark says whether the money came in or went out"), row=row, column="CdtDbtInd")
        status = _text(entry, "Sts/Cd") or _text(entry, "Sts")
        if status not in ("BOOK", "PDNG", "INFO"):
            raise Refused(
                N_("the status %(text)s is not known"), EXPORT_AGAIN, row=row, column="Sts", text=status or '""'
            )
        pending = status != "BOOK"
        day = self.day(entry.find("BookgDt"))
        if day is None and not pending:
            raise Refused(N_("it has no day of booking"), EXPORT_AGAIN, row=row, column="BookgDt")
        return StatementLine(
            row=row,
            day=None if pending else day,
            amount=amount if direction == "CRDT" else -amount,
            currency=code,
            description=_description(entry, direction == "CRDT"),
            value_day=self.day(entry.find("ValDt")),
            reference=_text(entry, "AcctSvcrRef") or _end_to_end(entry) or _text(entry, "NtryRef"),
            pending=pending,
            raw=ElementTree.tostring(entry, encoding="unicode"),
        )

    def printed(self) -> Printed:
        """The totals of TxsSummry; without them, nothing is compared."""
        summary = self.report.find("TxsSummry")
        if summary is None:
            return Printed()

        def total(path: str) -> Decimal | None:
            element = summary.find(path)
            return None if element is None else self.amount(element, self.before + 1, path)

        def count(path: str) -> int | None:
            text = _text(summary, path)
            return int(text) if text.isdecimal() else None

        return Printed(
            total("TtlCdtNtries/Sum"), total("TtlDbtNtries/Sum"), count("TtlCdtNtries/NbOfNtries"),
            count("TtlDbtNtries/NbOfNtries"), count("TtlNtries/NbOfNtries"),
        )  # fmt: skip


def _end_to_end(entry: Element) -> str:
    found = {_text(details, "Refs/EndToEndId") for details in entry.iter("TxDtls")} - {"", "NOTPROVIDED"}
    return found.pop() if len(found) == 1 else ""


def _description(entry: Element, incoming: bool) -> str:
    """The other side's name, what was remitted, and the bank's own words, each once."""
    parts: list[str] = []
    party = "Dbtr" if incoming else "Cdtr"
    for details in entry.iter("TxDtls"):
        parts += [_text(details, f"RltdPties/{party}/{inner}Nm") for inner in ("", "Pty/")]
        parts += [(text.text or "").strip() for text in details.iter("Ustrd")]
        parts += [_text(reference, "Ref") for reference in details.iter("CdtrRefInf")]
        parts.append(_text(details, "AddtlTxInf"))
    parts.append(_text(entry, "AddtlNtryInf"))
    return " ".join(" ".join(part.split()) for part in dict.fromkeys(parts) if part)

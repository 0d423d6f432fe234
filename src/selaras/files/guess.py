"""What the columns of an unknown table may be, by their headers: a proposal for a person to look at and save."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from selaras.files.amounts import split_mark
from selaras.files.layouts import FIELDS, Layout, normal
from selaras.files.refusal import Refused
from selaras.files.statements import Tables
from selaras.files.tables import Row
from selaras.i18n import N_

_WORDS: Final[dict[str, str]] = {
    word: field
    for field, words in {
        "date": "tanggal|tgl|tgl.|date|tanggal transaksi|tgl. transaksi|tgl transaksi|tgl. txn|transaction date|"
        "posting date|post date|booking date|tanggal posting",
        "value_date": "tanggal efektif|tgl. valuta|tanggal valuta|value date|val. date|eff date|effective date",
        "description": "keterangan|deskripsi|description|remark|remarks|uraian|uraian transaksi|narasi|berita|"
        "transaction desc|transaction description|rincian transaksi|details",
        "reference": "no. referensi|reference|reference no|reference no.|no. ref|no. ref/cek|journal no|journal no.",
        "debit": "debit|debet|mutasi debet|mutasi debit|withdrawal|withdrawals|uang keluar|keluar",
        "credit": "kredit|credit|mutasi kredit|deposit|deposits|uang masuk|masuk",
        "amount": "jumlah|amount|nominal|mutasi|nilai",
        "flag": "db/cr|cr/db|d/k|d/c|tipe|jenis|type|dk",
        "balance": "saldo|balance|saldo akhir|running balance",
        "account": "no. rekening|no rekening|nomor rekening|account no|account no.|norek",
        "currency": "mata uang|currency",
    }.items()
    for word in words.split("|")
}
_FLAGS: Final = frozenset("CR DB C D K DR KREDIT DEBET CREDIT DEBIT".split())
_SEARCHED: Final = 60
_LEAST: Final = 3


def propose(found: Tables, name: str, said: Mapping[str, str]) -> tuple[Layout, list[Row], int]:
    """A layout for the table, its rows, and where its header is. `said` is field → header, a person's own word.

    Raises `Refused` where no line looks like a header.
    """
    best: tuple[int, list[str], list[Row], int] | None = None
    for rows in found.candidates:
        for at, row in enumerate(rows[:_SEARCHED]):
            fields = _fields(row, rows[at + 1 :], said)
            score = len(set(fields) - {"-"})
            whole = "date" in fields and ("amount" in fields or {"debit", "credit"} <= set(fields))
            if whole and score >= _LEAST and (best is None or score > best[0]):
                best = score, fields, rows, at
    if best is None:
        raise Refused(
            N_("no line of it names a date column and an amount or a debit and a credit column"),
            N_("Say which columns they are with --column FIELD=HEADER."),
        )
    _score, fields, rows, at = best
    headers = rows[at].texts()
    layout = Layout(
        name=name,
        columns=tuple(f"{field}: {header}" for field, header in zip(fields, headers, strict=True)),
        kinds=(found.kind,),
    )
    return msgspec.structs.replace(layout, signed=_signed(layout, fields, rows[at + 1 :])), rows, at


def _fields(row: Row, below: list[Row], said: Mapping[str, str]) -> list[str]:
    """The field of each column, "-" for those that are not known or already there."""
    wanted = {normal(header): field for field, header in said.items() if field in FIELDS}
    fields: list[str] = []
    for at, text in enumerate(row.texts()):
        header = normal(text)
        field = wanted.get(header) or ("-" if _WORDS.get(header, "-") in wanted.values() else _WORDS.get(header, "-"))
        if not header and _marks(below, at):
            field = "flag"
        fields.append("-" if field in fields and field != "description" else field)
    return fields


def _marks(below: list[Row], at: int) -> bool:
    """Whether a column without a name holds CR and DB."""
    texts = [text for row in below if len(row.cells) > at and (text := row.texts()[at])]
    return bool(texts) and sum(text.upper().rstrip(".") in _FLAGS for text in texts) * 2 > len(texts)


def _signed(layout: Layout, fields: list[str], below: list[Row]) -> bool:
    """Whether the amounts carry a sign, and no mark of their own."""
    if "amount" not in fields or "flag" in fields:
        return False
    at = fields.index("amount")
    texts = [row.texts()[at] for row in below if len(row.cells) > at]
    return any(text.startswith(("-", "+")) for text in texts) and not any(
        split_mark(text)[1] in (*layout.flags_in, *layout.flags_out) for text in texts
    )

"""The forms of settlement files, by the names of their columns.

Names are compared without capitals and signs. Columns come and go (Midtrans added three for split transactions and one
for the type of a refund, and advises to go by names: docs.midtrans.com changelog), so only what is needed must be
there, and what is not known is left alone, except where it would have to add up.

Sources: Xendit docs/transactions-report and docs/balance-report (versions 0 to 2); Midtrans
docs/balance-page-manage-withdraw-your-funds; the columns of Shopee's "Laporan Penghasilan" and of TikTok Shop's income
file as open-source importers name them. DOKU publishes no columns: its names are those of its API and dashboard, and
have to be held against a real file.
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from selaras.files.settlement_tables import squeezed

Shape = Literal["row", "ledger", "parts"]


class Form(msgspec.Struct, frozen=True):
    """A form: whose it is, how its rows are built, and under which names a column of each role stands.

    `row`: a line is a payment or refund. `ledger`: payment, fee and tax of one transaction are lines of their own.
    `parts`: a line is an order whose parts add up to what was paid out; the parts stand between the columns `first`
    and `net`.
    """

    gateway: str
    shape: Shape
    needs: tuple[str, ...]
    columns: dict[str, tuple[str, ...]]

    def roles(self, header: tuple[str, ...]) -> dict[str, list[int]]:
        """The places of each role's columns in a header; of several names for one role the first that is there."""
        names = [squeezed(name) for name in header]
        found: dict[str, list[int]] = {}
        for role, wanted in self.columns.items():
            if role in MANY:
                places = [place for place, name in enumerate(names) if name in wanted]
            else:
                places = next(([names.index(name)] for name in wanted if name in names), [])
            if places:
                found[role] = places
        return found

    def fits(self, names: frozenset[str]) -> bool:
        """Whether a header with these squeezed names is of this form."""
        return all(any(name in names for name in self.columns[role]) for role in self.needs)


MANY: Final = frozenset({"fee", "tax", "withheld"})
_MIDTRANS: Final = Form(
    "midtrans", "row", ("reference", "gross", "fee"),
    {
        "reference": ("order id", "orderid"),
        "id": ("transaction id", "payment id"),
        "kind": ("transaction type", "payment method or transaction type", "type"),
        "refund_type": ("refund type", "tipe refund"),
        "gross": ("gross amount", "amount", "transaction amount", "jumlah"),
        "fee": ("fee", "transaction fee", "mdr", "midtrans fee", "biaya"),
        "tax": ("vat", "ppn", "fee vat", "tax"),
        "net": ("net amount", "net", "payout amount", "total payout"),
        "settled": ("completed date", "completion date", "withdrawal date", "payout date", "tanggal pencairan",
                    "settlement date", "settlement time"),
        "batch": ("withdrawal id", "payout id", "id pencairan"),
        "currency": ("currency",),
    },
)  # fmt: skip
_XENDIT: Final = Form(
    "xendit", "row", ("reference", "gross", "net", "kind", "settled"),
    {
        "reference": ("reference", "external id"),
        "id": ("transaction id",),
        "kind": ("type",),
        "status": ("status",),
        "settlement_status": ("settlement status",),
        "gross": ("amount",),
        # Version 2 says Total Fee and Total VAT beside Transaction Fee; only the totals count there.
        "fee": ("total fee", "fee"),
        "tax": ("total vat", "vat"),
        "withheld": ("xendit wht", "3rd party wht"),
        "net": ("net amount",),
        "settled": ("actual settlement time", "timestamp settled", "settlement date", "estimated settlement time"),
        "timezone": ("timezone", "time zone"),
        "currency": ("currency",),
    },
)  # fmt: skip
_XENDIT_BALANCE: Final = Form(
    "xendit",
    "ledger",
    ("line", "direction", "gross", "id", "kind"),
    {
        "reference": ("reference",),
        "id": ("transaction id",),
        "kind": ("transaction type",),
        "line": ("line type",),
        "direction": ("debit or credit",),
        "gross": ("amount",),
        "settled": ("withdrawal date", "settlement date", "completed date", "created date iso", "created date"),
        "batch": ("withdrawal date",),
        "timezone": ("time zone", "timezone"),
        "currency": ("currency",),
    },
)
_DOKU: Final = Form(
    "doku", "row", ("reference", "gross", "net"),
    {
        "reference": ("invoice number", "invoice", "order invoice number", "transaction invoice number"),
        "id": ("transaction id", "request id", "payment id"),
        "kind": ("transaction type", "type", "report type"),
        "gross": ("amount", "transaction amount", "gross amount", "order amount"),
        "fee": ("fee", "mdr", "transaction fee", "doku fee", "discount", "merchant discount rate"),
        "tax": ("vat", "ppn", "tax", "tax amount"),
        "net": ("settlement amount", "net amount", "amount settled", "net settlement amount", "pay to merchant"),
        "settled": ("settlement date", "settled date", "date settlement", "paid date", "payout date"),
        "batch": ("batch id", "settlement id", "settlement batch", "batch number"),
        "currency": ("currency",),
    },
)  # fmt: skip
_SHOPEE: Final = Form(
    "shopee",
    "parts",
    ("reference", "settled", "net"),
    {
        "reference": ("no pesanan", "order id"),
        "settled": ("tanggal dana dilepaskan", "payout completed date"),
        "net": ("total penghasilan", "total released amount rp", "total released amount"),
        "refund": ("jumlah pengembalian dana ke pembeli", "refund amount"),
        "first": ("tanggal dana dilepaskan", "payout completed date"),
        "kind": ("lihat berdasarkan",),
    },
)
_SHOPEE_CORRECTIONS: Final = Form(
    "shopee",
    "row",
    ("gross", "settled", "related"),
    {
        "gross": ("biaya penyesuaian",),
        "kind": ("tipe penyesuaian deskripsi",),
        "settled": ("tanggal dana dilepaskan", "tanggal penyesuaian dibuat"),
        "related": ("no pesanan terhubung",),
    },
)
_TIKTOK: Final = Form(
    "tiktok", "parts", ("reference", "settled", "net", "revenue", "fees"),
    {
        "reference": ("order adjustment id",),
        "kind": ("type", "transaction type"),
        "related": ("related order id",),
        "settled": ("order settled time", "statement date", "settled time", "order settled time utc"),
        "batch": ("statement id",),
        "net": ("total settlement amount",),
        "revenue": ("total revenue",),
        "fees": ("total fees",),
        "adjustment": ("ajustment amount", "adjustment amount"),
        "refund": ("refund subtotal after seller discounts",),
        "currency": ("currency",),
    },
)  # fmt: skip
# Couriers' reports of cash on delivery differ from one to the next: their columns are brought under these names.
_COURIER: Final = Form(
    "courier", "row", ("reference", "gross", "net"),
    {
        "reference": ("nomor pesanan", "order number", "no pesanan", "order reference"),
        "id": ("nomor resi", "no resi", "tracking number", "awb"),
        "kind": ("type", "jenis"),
        "gross": ("nilai cod", "cod amount"),
        "fee": ("biaya cod", "cod fee", "ongkos kirim", "shipping fee"),
        "tax": ("ppn", "vat"),
        "net": ("jumlah transfer", "amount transferred"),
        "settled": ("tanggal transfer", "transfer date"),
        "batch": ("nomor transfer", "transfer number"),
    },
)  # fmt: skip
FORMS: Final = (_XENDIT_BALANCE, _TIKTOK, _SHOPEE_CORRECTIONS, _SHOPEE, _XENDIT, _DOKU, _COURIER, _MIDTRANS)
GATEWAYS: Final = ("midtrans", "xendit", "doku", "shopee", "tiktok", "courier")


def forms_of(gateway: str) -> tuple[Form, ...]:
    """The forms of a gateway, or all; the one that asks for most comes first."""
    return tuple(form for form in FORMS if not gateway or form.gateway == gateway)

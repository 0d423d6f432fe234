"""The fields that a table can have, by kind: our own canonical columns, and what kind of value stands in each."""

from __future__ import annotations

from typing import Final

# text, code (digits stay as written), amount (money), number, rate (0.11 or 11%), moment, day, flag, status, phone.
FIELDS: Final[dict[str, dict[str, str]]] = {
    "order": {
        "order_number": "code",
        "order_id": "code",
        "row": "choice",
        "status": "status",
        "placed_at": "moment",
        "updated_at": "moment",
        "currency": "text",
        "total": "amount",
        "tax_included": "flag",
        "buyer_id": "code",
        "buyer_name": "text",
        "buyer_email": "text",
        "buyer_phone": "phone",
        "address": "text",
        "city": "text",
        "province": "text",
        "postcode": "code",
        "country": "text",
        "line_id": "code",
        "line_kind": "choice",
        "product_code": "code",
        "product_name": "text",
        "quantity": "number",
        "unit_price": "amount",
        "line_discount": "amount",
        "line_total": "amount",
        "line_tax": "amount",
        "tax_rate": "rate",
        "shipping": "amount",
        "fee": "amount",
        "order_discount": "amount",
        "paid": "flag",
        "paid_at": "moment",
        "paid_amount": "amount",
        "payment_id": "code",
        "payment_method": "text",
        "refund_id": "code",
        "refund_amount": "amount",
        "refunded_at": "moment",
        "refund_reason": "text",
        "refund_method": "text",
        "restock": "flag",
        "tracking": "code",
        "courier": "text",
        "shipped_at": "moment",
        "cancelled_at": "moment",
        "cancel_reason": "text",
        "note": "text",
    },
    "product": {
        "code": "code",
        "id": "code",
        "name": "text",
        "price": "amount",
        "currency": "text",
        "parent": "code",
        "stocked": "flag",
        "active": "flag",
    },
    "stock": {
        "code": "code",
        "on_hand": "number",
        "reserved": "number",
        "product_id": "code",
        "location": "text",
    },
    "contact": {
        "id": "code",
        "name": "text",
        "email": "text",
        "phone": "phone",
        "contact_kind": "choice",
        "reference": "code",
        "active": "flag",
    },
    "account": {"id": "code", "name": "text", "type": "choice", "code": "code", "currency": "text", "active": "flag"},
    "tax": {"id": "code", "name": "text", "rate": "rate", "place": "text", "active": "flag"},
    "warehouse": {"id": "code", "name": "text", "active": "flag"},
    "dimension": {"id": "code", "dimension_kind": "text", "name": "text", "active": "flag"},
}

NEEDED: Final[dict[str, tuple[str, ...]]] = {
    "order": ("order_number", "placed_at", "quantity"),
    "product": ("code", "name"),
    "stock": ("code", "on_hand"),
    "contact": ("name",),
    "account": ("id", "name", "type"),
    "tax": ("id", "name", "rate"),
    "warehouse": ("id", "name"),
    "dimension": ("id", "dimension_kind", "name"),
}

CHOICES: Final[dict[str, dict[str, str]]] = {
    "row": {
        "line": "line", "payment": "payment", "refund": "refund", "refund_line": "refund_line",
        "shipment": "shipment",
    },
    "line_kind": {"product": "product", "shipping": "shipping", "fee": "fee", "discount": "discount"},
    "contact_kind": {
        "customer": "customer", "supplier": "supplier", "both": "both", "pelanggan": "customer", "pemasok": "supplier",
    },
    "type": {
        name: name
        for name in (
            "receivable", "payable", "bank", "cash", "inventory", "asset", "liability", "tax", "equity", "income",
            "cost", "expense", "other",
        )
    },
    "status": {
        **dict.fromkeys(("draft", "konsep"), "draft"),
        **dict.fromkeys(
            ("pending", "unpaid", "on hold", "on-hold", "belum bayar", "belum dibayar", "menunggu pembayaran"),
            "pending",
        ),
        **dict.fromkeys(
            (
                "open", "new", "baru", "confirmed", "processing", "paid", "lunas", "sudah dibayar", "diproses",
                "perlu dikirim", "siap dikirim", "dikemas", "to ship", "sedang dikirim", "dikirim", "shipped",
                "telah dikirim",
            ),
            "open",
        ),
        **dict.fromkeys(("completed", "complete", "selesai", "delivered", "done", "diterima", "refunded"), "completed"),
        **dict.fromkeys(
            ("cancelled", "canceled", "batal", "dibatalkan", "failed", "gagal", "expired", "kedaluwarsa", "void"),
            "cancelled",
        ),
    },
}  # fmt: skip
FLAGS: Final = {
    **dict.fromkeys(("yes", "y", "true", "1", "ya", "aktif", "active", "lunas", "paid", "x"), "yes"),
    **dict.fromkeys(("no", "n", "false", "0", "tidak", "nonaktif", "inactive", "belum", "unpaid", "-"), "no"),
}

_LINES: Final = (
    "op reference id date contact_id contact_name currency tax_included status line product_code product_name quantity "
    "unit_price discount amount tax tax_rate role account tax_code warehouse total "
)
_TAIL: Final = " branch department project cost_center"
_OUT: Final = {
    "contact": "op reference id name email phone contact_kind",
    "sales_order": _LINES + "tracking courier note" + _TAIL,
    "invoice": _LINES + "sales_order sales_order_id receivable" + _TAIL,
    "credit_note": _LINES + "invoice invoice_id restock reason receivable" + _TAIL,
    "receipt": (
        "op reference id date contact_id contact_name currency total sales_order sales_order_id invoice invoice_id "
        "account status transfer_fee transfer_fee_account withholding withholding_account rounding rounding_account "
        "settled"
    ) + _TAIL,
    "journal": (
        "op reference id date currency total status note line account debit credit contact_id contact_name line_note "
        "bank_transaction_id"
    ) + _TAIL,
    "refund_payment": (
        "op reference id date contact_id contact_name currency total credit_note credit_note_id sales_order "
        "sales_order_id account status"
    ) + _TAIL,
    "stock": "op code product_id available",
    "store_payment": "op reference order_id amount currency paid_at method",
}  # fmt: skip
OUT_KINDS: Final[dict[str, dict[str, str]]] = {
    kind: dict.fromkeys(names.split(), "text") for kind, names in _OUT.items()
}

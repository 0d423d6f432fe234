"""What Accurate's refusals mean. They are sentences, not codes, inside HTTP 200 (`{"s": false, "d": ["…"]}`).

Known texts (reference/accounting-apis.md §4, public code of integrators): "Sudah ada data lain dengan No Faktur …",
"Barang & Jasa tidak tepat", "Data Session Key tidak tepat", 'Invalid field value for field "transDate".', "Header
X-Api-Signature invalid: …". The text of a closed period and of the limit of 8 calls are not published: those are
recognised by their words in both languages, and the README asks for them.
"""

from __future__ import annotations

import re
from typing import Final

from selaras.connectors.contract import ConnectorError, Expired, LockedPeriod, Rejected, Throttled

SESSION_ENDED: Final = re.compile(r"data session key|session .*(expired|invalid)|sesi .*(berakhir|tidak valid)", re.I)
_THROTTLED: Final = re.compile(
    r"too many|rate.?limit|terlalu banyak"
    r"|(melebihi|melewati).{0,40}(batas|maksimal).{0,60}(pemanggilan|api|detik|paralel)"
    r"|batasan pemanggilan|maksimal 8",
    re.I,
)
_CREDENTIALS: Final = re.compile(r"invalid_token|revoked api token|x-api-?\s?(signature|timestamp)|unauthorized", re.I)
_LOCKED: Final = re.compile(
    r"(periode|period).{0,60}(tutup|kunci|closed|locked)|(tutup|kunci|closed|locked).{0,40}(periode|period)|tutup buku"
    r"|sudah ditutup|closing date|(tanggal|date).{0,60}(dikunci|terkunci|locked|di luar batas|pembatasan)",
    re.I,
)
DUPLICATE: Final = re.compile(r"sudah ada data lain|already exist|another data with", re.I)
_BAD_VALUE: Final = re.compile(r'invalid field value for field "([^"]+)"', re.I)
_UNKNOWN: Final = re.compile(r"tidak tepat|tidak ditemukan|tidak valid|not found|is not valid|invalid", re.I)
OVERPAID: Final = re.compile(
    r"(melebihi|lebih besar|exceed|greater).{0,60}(faktur|terutang|piutang|invoice|owing)", re.I
)
OF_ORDER: Final = re.compile(r"pesanan|sales order", re.I)
OF_DEPOSIT: Final = re.compile(r"uang muka|down ?payment", re.I)

# Which of our fields a sentence speaks of, and what a person can do about it.
_FIELDS: Final = (
    (re.compile(r"pelanggan|customer", re.I), "contact_id", "Link the buyer to a customer that is active in Accurate."),
    (
        re.compile(r"barang|item", re.I),
        "lines",
        "Match this product with an item that is active in Accurate, or create it there.",
    ),
    (
        re.compile(r"kas|bank|akun|account", re.I),
        "account",
        "Choose an account that exists in Accurate in the mapping or in the settings of the connection.",
    ),
    (re.compile(r"gudang|warehouse", re.I), "warehouse", "Choose a warehouse that exists in Accurate."),
    (re.compile(r"faktur|invoice", re.I), "invoice_id", "Look in Accurate whether the invoice still stands."),
    (re.compile(r"pesanan|order", re.I), "sales_order_id", "Look in Accurate whether the order still stands."),
    (
        re.compile(r"cabang|branch|departemen|department|proyek|project", re.I),
        "dimensions",
        "Choose a branch, department or project that exists in Accurate.",
    ),
)
_DUPLICATE_CURE: Final = "Link the document that is there already, or give this one another number."
_LOOK: Final = "Open the document in Accurate, correct what the message names, then retry."
_OPEN: Final = "Open the period in Accurate under Preferences, Restrictions, or choose a later date."
SIGN: Final = "Check the API token and the signature secret, or connect Accurate again."


def refusal(what: str, texts: list[str]) -> ConnectorError:
    """The kind of error that a refusal is. `what` names the document, `texts` are Accurate's sentences."""
    said = " ".join(text.strip() for text in texts if text.strip()) or "refused without a reason"
    message = f"{what}: {said}"
    if _CREDENTIALS.search(said):
        return Expired(message, code="unauthorized", cure=SIGN)
    if _THROTTLED.search(said):
        return Throttled(message, retry_after=1.0)
    if DUPLICATE.search(said):
        return Rejected(message, code="duplicate_reference", field="reference", cure=_DUPLICATE_CURE)
    if _LOCKED.search(said):
        return LockedPeriod(message, code="locked_period", field="date", cure=_OPEN)
    if bad := _BAD_VALUE.search(said):
        return Rejected(message, code="bad_value", field=bad[1], cure=_LOOK)
    if _UNKNOWN.search(said):
        for pattern, field, cure in _FIELDS:
            if pattern.search(said):
                return Rejected(message, code=f"unknown_{field}", field=field, cure=cure)
    return Rejected(message, code="refused", cure=_LOOK)


def missing_scope(what: str, body: str) -> Expired:
    """HTTP 403: the person who signed in did not allow this (`InsufficientScopeException`, XML)."""
    found = re.search(r"\b([a-z_]+_(?:view|save|delete))\b", body)
    told = f"{what}: this sign-in does not allow it"
    if found:
        told = f"{what}: this sign-in does not allow {found[1]}"
    return Expired(
        told,
        code="missing_scope",
        cure="Connect Accurate again and allow everything that is asked for.",
        status=403,
    )


def not_there(what: str) -> Rejected:
    """A document that is to be changed is gone."""
    return Rejected(
        f"{what}: Accurate has no document of this number",
        code="not_found",
        field="id",
        cure="The document is gone from Accurate or has got another number: link another one or create it anew.",
    )

"""Single words that stand as values in kept sentences: kinds of records, what is done with them, roles of accounts.

They are known by the name of their place, because a word alone says nothing: a connection may be called "stock".
"""

from __future__ import annotations

from typing import Final

from selaras.i18n import N_

KINDS: Final = {
    "account": N_("account"),
    "bank_transaction": N_("bank line"),
    "contact": N_("contact"),
    "credit_note": N_("credit note"),
    "customer": N_("customer"),
    "delivery": N_("delivery"),
    "dimension": N_("dimension"),
    "document": N_("document"),
    "invoice": N_("invoice"),
    "journal": N_("journal"),
    "order": N_("order"),
    "payment": N_("payment"),
    "payout": N_("payout"),
    "product": N_("product"),
    "purchase": N_("purchase"),
    "receipt": N_("receipt"),
    "refund": N_("refund"),
    "refund_payment": N_("money back"),
    "sale": N_("sale"),
    "sales_order": N_("sales order"),
    "stock": N_("stock"),
    "store_payment": N_("payment in the store"),
    "tax": N_("tax"),
    "warehouse": N_("warehouse"),
}
DEEDS: Final = {"create": N_("creating"), "update": N_("changing"), "void": N_("voiding")}
ROLES: Final = {
    "deposit": N_("deposits"),
    "discount": N_("discounts"),
    "exchange": N_("exchange differences"),
    "fee": N_("fees"),
    "payable": N_("payables"),
    "receivable": N_("receivables"),
    "return": N_("returns"),
    "rounding": N_("rounding"),
    "sales": N_("sales"),
    "shipping": N_("shipping"),
    "suspense": N_("unexplained deposits"),
    "tax": N_("tax"),
    "transfer_fee": N_("transfer fee"),
    "withholding": N_("withholding tax"),
}
# By the name of the place where the word stands.
WORDS: Final = {"kind": KINDS, "what": KINDS, "op": DEEDS, "role": ROLES}

"""Words for codes: what a cause, state, kind or event is called on the pages. Codes stay as they are in the API."""

from __future__ import annotations

from typing import Final

from selaras.i18n import N_, _
from selaras.rules.explain import Sentence

CAUSES: Final = {
    "adjustment": N_("An adjustment, not a sale"),
    "before_begin": N_("Older than the first day that is posted by itself"),
    "cancelled": N_("Cancelled before anything was booked"),
    "contact_tie": N_("Several contacts may be the buyer"),
    "credit_exceeds_invoice": N_("More would be credited than was billed"),
    "currency_changed": N_("The order's currency changed after it was booked"),
    "deleted_in_books": N_("A person deleted a document in the books"),
    "draft": N_("Not an order yet"),
    "duplicate_reference": N_("The reference stands in the books already"),
    "edited_in_books": N_("A person changed a document in the books"),
    "exists_with_other_total": N_("The books hold this order with another total"),
    "kept_as_edited": N_("A person changed the document in the books and kept it"),
    "locked_period": N_("The books are closed for this date"),
    "mapping_unfit": N_("The mapping names what cannot be used"),
    "missing_mapping": N_("An account of the books is not chosen yet"),
    "money_out": N_("Money out, which pays no order"),
    "negative_line": N_("A line has a negative price"),
    "negative_total": N_("The order mixes goods sold and taken back"),
    "no_reason": N_("Refused without a reason"),
    "not_paid": N_("The payment did not come about"),
    "nothing_to_invoice": N_("There is nothing to invoice"),
    "overtaken": N_("Overtaken by newer news"),
    "payment_amount": N_("A payment's amount cannot be booked"),
    "payment_changed": N_("A payment that was booked has another amount now"),
    "payment_on_return": N_("A return has a payment"),
    "payment_twice": N_("A payment stands twice in the order"),
    "payment_vanished": N_("A payment that was booked is gone from the store"),
    "payout_changed": N_("The settlement report of a booked payout has changed"),
    "payout_unproven": N_("A payout's rows do not come to its net"),
    "period_closed": N_("The books are closed for this date"),
    "receipt_stands": N_("What was undone still stands in the books"),
    "reconciled_by_hand": N_("A person has reconciled it in the books"),
    "refund_amount": N_("A refund's amount cannot be booked"),
    "refund_changed": N_("A refund that was booked has another amount now"),
    "refund_exceeds_paid": N_("More was given back than was ever paid"),
    "refund_exceeds_total": N_("More was refunded than was sold"),
    "refund_mismatch": N_("A refund's lines do not come to its amount"),
    "refund_vanished": N_("A refund that was booked is gone from the store"),
    "rejected": N_("The other system refuses the record"),
    "reopened": N_("A cancelled order was opened again"),
    "return_cancelled": N_("A return that was booked was cancelled"),
    "return_changed": N_("A return that was booked has another amount now"),
    "second_document": N_("A document too many stands in the books"),
    "skipped_by_hand": N_("Left out by a person"),
    "suggested_payment": N_("What this money may pay is for you to say"),
    "taken_back": N_("The gateway took the payment back"),
    "tax_mode_changed": N_("The order's prices changed between with and without tax"),
    "total_differs": N_("The books work out another total"),
    "total_mismatch": N_("The order's total is not the sum of its parts"),
    "unknown_currency": N_("The currency is not known"),
    "unmatched_payment": N_("Nothing fits this money"),
    "unmatched_product": N_("A product of the store has no partner in the books"),
    "unreadable": N_("The record cannot be read"),
    "voided_in_books": N_("A person voided a document in the books"),
    "vouched_by_store": N_("No order waits for this payment"),
    "withdrawn": N_("No longer wanted"),
}
STATES: Final = {
    "planned": N_("planned"),
    "in_doubt": N_("in doubt"),
    "done": N_("done"),
    "blocked": N_("blocked"),
    "skipped": N_("skipped"),
    "superseded": N_("replaced"),
    "posted": N_("posted"),
    "waiting": N_("waiting"),
    "unread": N_("not read yet"),
    "unplanned": N_("not planned yet"),
    "ok": N_("working"),
    "failing": N_("not answering"),
    "off": N_("not started"),
}
KINDS: Final = {
    "order": N_("order"),
    "bank_transaction": N_("bank line"),
    "product": N_("product"),
    "stock": N_("stock"),
    "contact": N_("contact"),
    "sales_order": N_("sales order"),
    "invoice": N_("invoice"),
    "receipt": N_("receipt"),
    "credit_note": N_("credit note"),
    "refund_payment": N_("money back"),
    "delivery": N_("delivery"),
    "store_payment": N_("payment in the store"),
    "journal": N_("journal"),
    "purchase": N_("purchase"),
    "payment": N_("payment"),
    "refund": N_("refund"),
    "payout": N_("payout"),
    "account": N_("account"),
    "tax": N_("tax"),
    "warehouse": N_("warehouse"),
    "dimension": N_("dimension"),
    "closing": N_("closed period"),
}
OPS: Final = {"create": N_("create"), "update": N_("change"), "void": N_("void")}
ACTS: Final = {
    "look": N_("looked for it"),
    "create": N_("sent to be created"),
    "update": N_("sent as a change"),
    "void": N_("sent to be voided"),
}
OUTCOMES: Final = {
    "done": N_("accepted"),
    "found": N_("found, nothing was sent twice"),
    "missing": N_("not there"),
    "absent": N_("not there"),
    "ambiguous": N_("no clear answer"),
    "transient": N_("not reached"),
    "throttled": N_("asked to wait"),
    "rejected": N_("refused"),
    "expired": N_("sign-in needed"),
    "locked_period": N_("period closed"),
    "stale": N_("overtaken"),
}
WAYS: Final = {
    "webhook": N_("webhook"),
    "poll": N_("regular reading"),
    "reread": N_("read again"),
    "sweep": N_("sweep"),
    "file": N_("file"),
}
ROLES: Final = {
    "store": N_("store"),
    "books": N_("books"),
    "bank": N_("bank"),
    "gateway": N_("gateway"),
    "files": N_("files"),
}
EVENTS: Final = {
    "webhook_restored": N_("Webhook switched on again"),
    "webhook_refused": N_("Webhook refused"),
    "differences": N_("The sweep found differences"),
    "grant_ends": N_("A sign-in is about to end"),
    "ledger": N_("The ledger could not be written"),
    "defect": N_("A defect of Selaras"),
    "transient": N_("Not reached"),
    "throttled": N_("Asked to wait"),
    "ambiguous": N_("No clear answer"),
    "expired": N_("Sign in again"),
    "rejected": N_("Refused"),
    "server_error": N_("The other system has a fault"),
}
WRITE_OFFS: Final = {
    "transfer_fee": N_("transfer fee"),
    "withholding": N_("tax withheld by the buyer"),
    "rounding": N_("rounding"),
}
PHASES: Final = {
    "waiting": N_("about to begin"),
    "act 1": N_("act one is playing"),
    "act 2": N_("act two is playing"),
    "done": N_("finished"),
}
# What the accounts of a mapping are for, and what lies or is booked there.
ACCOUNTS: Final = {
    "receivable": N_("Receivables"),
    "sales": N_("Sales"),
    "return": N_("Returns"),
    "discount": N_("Discounts"),
    "shipping": N_("Shipping"),
    "fee": N_("Fees charged to buyers"),
    "rounding": N_("Rounding"),
    "output_tax": N_("Tax on sales"),
    "deposits": N_("Deposits of customers"),
    "transfer_fee": N_("Transfer fees"),
    "withholding": N_("Tax withheld by buyers"),
    "exchange": N_("Exchange differences"),
}
ACCOUNTS_FOR: Final = {
    "receivable": N_("What buyers owe until they have paid."),
    "sales": N_("What the goods are sold for, without tax."),
    "return": N_("Goods taken back, where the books keep that apart from sales."),
    "discount": N_("Discounts and vouchers of the store."),
    "shipping": N_("Shipping that the buyer pays."),
    "fee": N_("Service and handling fees that the buyer pays."),
    "rounding": N_("Rupiah that rounding adds or takes."),
    "output_tax": N_("Tax on sales, which is owed to the tax office."),
    "deposits": N_("Money that came before its invoice."),
    "transfer_fee": N_("What a bank kept of a buyer's transfer."),
    "withholding": N_("Income tax that a buyer withheld (PPh 23), a claim on the tax office."),
    "exchange": N_("What lies between money and order where they are of two currencies."),
}
ACCOUNT_TYPES: Final = {
    "receivable": N_("Receivable"),
    "payable": N_("Payable"),
    "bank": N_("Bank"),
    "cash": N_("Cash"),
    "inventory": N_("Inventory"),
    "asset": N_("Asset"),
    "liability": N_("Liability"),
    "tax": N_("Tax"),
    "equity": N_("Equity"),
    "income": N_("Income"),
    "cost": N_("Cost of sales"),
    "expense": N_("Expense"),
    "other": N_("Other"),
}
DIMENSIONS: Final = {
    "branch": N_("Branch"),
    "department": N_("Department"),
    "project": N_("Project"),
    "cost_center": N_("Cost centre"),
}
FEED_ACCOUNTS: Final = {
    "account": N_("Bank account"),
    "clearing": N_("Clearing account"),
    "fee": N_("Fees"),
    "fee_tax": N_("Tax on the fees"),
    "adjustment": N_("Corrections"),
}
# What the engine and the operations say in plain English: recognised here, so that pages can say it in both languages.
SENTENCES: Final = tuple(
    Sentence(text)
    for text in (
        N_("The store had switched our webhook off; it is on again."),
        N_("The grant of %(name)s ends in %(days)s days; connect it again."),
        N_("The sweep found %(count)s differences."),
        N_("A webhook delivery was refused (%(why)s). If the store sent it, connect %(name)s again."),
        N_("Nothing is called %(name)s."),
        N_("Check the number, or run `selaras sweep` to read everything."),
        N_("No books know the product code %(code)s."),
        N_("See `selaras products` for the codes of both sides."),
        N_("Nothing blocked belongs to %(name)s."),
        N_("Nothing is blocked by %(cause)s."),
        N_("Causes: %(causes)s."),
        N_("Nothing is chosen for it."),
        N_("Say what it means in the books."),
        N_("Nothing was changed."),
        N_("Choose something, then save."),
        N_("What is proposed has changed meanwhile."),
    )
)
_TABLES: Final = {
    "cause": CAUSES,
    "state": STATES,
    "kind": KINDS,
    "op": OPS,
    "act": ACTS,
    "outcome": OUTCOMES,
    "via": WAYS,
    "role": ROLES,
    "event": EVENTS,
    "phase": PHASES,
    "write_off": WRITE_OFFS,
    "account": ACCOUNTS,
    "account_for": ACCOUNTS_FOR,
    "account_type": ACCOUNT_TYPES,
    "dimension": DIMENSIONS,
    "feed_account": FEED_ACCOUNTS,
}


def word(table: str, code: str) -> str:
    """The word for a code; a code without one is shown as it is, readable."""
    found = _TABLES[table].get(code)
    return _(found) if found else code.replace("_", " ")

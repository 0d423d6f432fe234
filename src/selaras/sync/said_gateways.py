"""What the gateways' connectors, the settlement files and their rules say in English (see `said`)."""

from __future__ import annotations

from typing import Final

from selaras.i18n import N_
from selaras.rules.explain import Sentence

TEXTS: Final = (
    # connectors/midtrans
    N_("the notification is not one of a Midtrans payment"),
    N_("the notification is not signed with the server key of this connection"),
    N_("payment %(name)s of Midtrans cannot be read: %(field)s is %(value)s"),
    N_("Report this with the raw record: Midtrans may have changed its answers."),
    N_("Midtrans answered for another payment than %(id)s"),
    N_("Midtrans does not accept the server key"),
    N_("Copy the server key from Midtrans, Settings, Access keys; sandbox and live have keys of their own."),
    N_("Midtrans asks to wait"),
    N_("the status call at Midtrans failed there (%(code)s)"),
    N_("Midtrans refuses to tell the status of payment %(id)s (code %(code)s)"),
    N_("Look for the payment in the Midtrans dashboard."),
    N_("server key"),
    N_("list of payments"),
    N_("Midtrans lists no payments; they are read one by one"),
    N_("environment"),
    N_("the key is one of the sandbox, the address is the live one"),
    N_("the key is a live one, the address is the sandbox's"),
    N_("Set base_url to %(url)s, or enter the other key."),
    N_("Midtrans cannot %(op)s a %(kind)s"),
    # connectors/xendit
    N_("the delivery does not carry the verification token of this connection"),
    N_("transaction %(id)s of Xendit cannot be read: %(field)s is %(value)s"),
    N_("transaction %(id)s of Xendit is no %(kind)s"),
    N_("Report this with the raw record: Xendit may have changed its answers."),
    N_("secret key"),
    N_("webhook token"),
    N_("this is a test key: no real money is seen"),
    N_("no token is set, so webhooks are refused"),
    N_("Make a secret key in Xendit, Settings, API keys, that may read transactions."),
    N_("the key may not read this in Xendit"),
    N_("Xendit refuses the call: %(why)s"),
    N_("Xendit says that there is more, and sends nothing"),
    N_("Xendit sends the same page again"),
    N_("Xendit does not find its list of transactions"),
    N_("Xendit cannot %(op)s a %(kind)s"),
    # files/settlement_*.py: why
    N_("%(text)s is not an amount"),
    N_("the points and commas of %(text)s contradict each other"),
    N_("%(text)s has more than %(count)s decimals"),
    N_("%(text)s is not a date like 2026-11-21"),
    N_("there is no such day as %(text)s"),
    N_("the day of the settlement is missing; give it with --settled-on"),
    N_("%(code)s is no currency of ISO 4217"),
    N_("the order's reference is missing"),
    N_("the order's number is missing"),
    N_("the transaction's id is missing"),
    N_("%(text)s is not a known type of line"),
    N_("%(text)s is neither DEBIT nor CREDIT"),
    N_("gross %(gross)s − fee %(fee)s is %(found)s, the file says net %(net)s"),
    N_("%(gross)s − fees %(fee)s is %(found)s, the file says %(net)s"),
    N_("%(gross)s − fees %(fee)s + correction %(correction)s is %(found)s, the file says %(net)s"),
    N_("money back is written as a deduction (negative)"),
    N_("the file's total is %(total)s, its rows come to %(net)s"),
    N_("gross less fee is not net, by %(difference)s"),
    N_("batch %(batch)s has rows of two currencies"),
    N_("it is not CSV (%(why)s)"),
    N_("it cannot be read (%(why)s)"),
    # files/settlement_*.py: a file as a whole
    N_("%(file)s is larger than %(size)s MB. Split it."),
    N_("%(file)s has more than %(count)s lines. Split it."),
    N_("%(file)s: none of its first %(count)s lines is the header of a settlement file."),
    N_("%(file)s is protected by a password or of the old kind .xls. Save it as XLSX without one."),
    N_("%(file)s is not UTF-8 (byte %(byte)s). Save it as CSV in UTF-8 or as XLSX."),
    N_("%(file)s is not a text table. Save it as CSV in UTF-8 or as XLSX."),
    N_("%(file)s would be too large unpacked. Split it, or save it as CSV."),
    N_("%(file)s cannot be opened as XLSX (%(why)s). Save it again."),
    N_("%(file)s is of %(gateway)s, the sheet before it of %(other)s."),
    N_("%(file)s holds no settled payment."),
    N_("%(file)s holds no settled payment (%(why)s)."),
    N_("batch %(batch)s of %(gateway)s has rows of two currencies."),
    # settings
    N_("Server key, as in Midtrans under Settings, Access keys"),
    N_("Address of the API"),
    N_("What plug-ins put behind an order number (a pattern)"),
    N_("Calls per second"),
    N_("Secret key with the permission to read transactions (xnd_…)"),
    N_("Verification token of webhooks, from Settings, Webhooks"),
    N_("Id of the sub-account (xenPlatform)"),
    N_("Seconds read again at each poll"),
    N_("Calls per minute; empty: 600 for a live key, 60 for a test key"),
    N_("Allow http to another machine: yes or empty"),
    # connectors/midtrans
    N_("the setting 'rate' must be a number, not %(text)s"),
    N_("the setting 'reference_suffix' is not a pattern"),
    N_("no code"),
)

SENTENCES: Final = tuple(Sentence(text) for text in TEXTS)

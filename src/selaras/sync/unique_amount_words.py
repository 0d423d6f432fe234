"""What unique amounts say in English when something cannot be done, for translation; see `selaras.sync.said`."""

from __future__ import annotations

from typing import Final

from selaras.i18n import N_
from selaras.rules.explain import Sentence

TEXTS: Final = (
    # sync/unique_amount_input.py
    N_("%(text)s is no name of an account."),
    N_("Use letters, digits, dots, dashes and underscores, at most 100."),
    N_("%(text)s is no reference of a bill."),
    N_("Use its number: letters and digits, at most 100 characters."),
    N_("%(text)s is no name of a store."),
    N_("Use the name of its connection."),
    N_("%(text)s is no number of a virtual account."),
    N_("Give its digits, at most 32."),
    N_("%(text)s is no currency that is known."),
    N_("Give its code, such as IDR."),
    N_("%(text)s is no amount of a bill."),
    N_("Give an amount above 0 in major units, such as 150000."),
    N_("%(text)s can be read in two ways."),
    N_("Write no mark between the thousands: 150000, not 150.000."),
    N_("%(amount)s has more decimals than %(currency)s has."),
    N_("Round it as the bill does."),
    N_("A bill cannot be open for %(hours)s hours."),
    N_("Give 1 to %(most)s hours."),
    N_("A sum cannot rest for %(hours)s hours."),
    N_("Give 0 to %(most)s hours."),
    # sync/unique_amount_accounts.py
    N_("See `selaras unique-amount account --help`."),
    N_("Account %(account)s hands out no unique amounts."),
    N_("Accounts that do: %(names)s."),
    N_("Add it: `selaras unique-amount account %(account)s`."),
    N_("Account %(account)s takes several currencies."),
    N_("Say which one: %(currencies)s."),
    N_("Account %(account)s hands out no unique amounts in %(currency)s."),
    N_("It does in %(currencies)s."),
    # sync/unique_amounts.py
    N_("Bill %(bill)s is %(outcome)s; its amount cannot be renewed."),
    N_("Bill %(bill)s holds no amount any more: it came free on %(moment)s."),
    N_("Reserve one again: `selaras unique-amount reserve %(account)s %(bill)s TOTAL`."),
    N_("Bill %(bill)s has no unique amount of account %(account)s."),
    N_("See `selaras unique-amount list --all`."),
    N_("Bill %(bill)s holds an amount for a total of %(old)s %(currency)s, not %(new)s."),
    N_("Bill %(bill)s holds an amount of another virtual account."),
    N_("Release it, then reserve again: `selaras unique-amount release %(account)s %(bill)s`."),
)

SENTENCES: Final = tuple(Sentence(text) for text in TEXTS)

"""What feeds, decisions about money and payouts raise in English, for translation (see `selaras.sync.said`)."""

from __future__ import annotations

from typing import Final

from selaras.i18n import N_
from selaras.rules.explain import Sentence

TEXTS: Final = (
    # sync/feeds.py
    N_("%(name)s is a %(role)s, not a bank or a gateway."),
    N_("Only money that comes by another way than the books' own bank lines needs a feed."),
    N_("%(name)s is not a set of books."),
    N_("Name the connection of the books."),
    N_("It is not said in which books the money of %(name)s is booked."),
    N_("Books: %(names)s."),
    N_("%(name)s is no feed."),
    N_("Feeds: %(names)s."),
    N_("A rule's %(name)s cannot be %(value)s."),
    N_("The least number of cases is 1 or more; precision and confidence lie between 0 and 1."),
    # sync/money_decisions.py
    N_("No bank line or payment %(name)s is known."),
    N_("See `selaras unmatched` for those that wait."),
    N_("%(name)s means several lines: %(names)s."),
    N_("Nothing of rank %(rank)s is proposed for %(line)s."),
    N_("What is proposed for %(line)s has changed meanwhile: %(orders)s."),
    N_("Proposed: %(ranks)s. See `selaras unmatched`."),
    N_("%(store)s is kept in no books."),
    N_("%(reference)s still stands in the books for bank line %(line)s."),
    N_("It is being taken back; try again in a minute."),
    N_("Bank line %(line)s pays %(orders)s already."),
    N_("Undo that first: `selaras undo money %(line)s`."),
    N_("Bank line %(line)s does not pay order %(order)s."),
    N_("Bank line %(line)s pays nothing."),
    N_("Order %(number)s is owed nothing."),
    N_("Choose another order."),
    N_("Bank line %(line)s has %(amount)s %(currency)s left."),
    N_("Look at it again with `selaras unmatched`."),
    N_("Payout %(payout)s of %(gateway)s is not known any more."),
    N_("Read the gateway again."),
    N_("Nothing is proposed for %(line)s."),
    N_("See `selaras unmatched`."),
    N_("See `selaras explain` for what it is."),
    # sync/payout_report.py
    N_("See `selaras feed` for those there are."),
    N_("The currency %(currency)s of the rate card is unknown."),
    N_("Use a code of ISO 4217."),
    N_("A rate of %(gateway)s cannot have %(value)s as %(field)s."),
    N_("Amounts are 0 or more, with at most 15 decimals; share and tax are fractions below 1."),
)

SENTENCES: Final = tuple(Sentence(text) for text in TEXTS)

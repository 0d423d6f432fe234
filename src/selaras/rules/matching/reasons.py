"""Why a line is linked with an order, as a person reads it."""

from __future__ import annotations

from typing import Final

from selaras.rules.explain import N_, Sentence
from selaras.rules.matching.transfers import Link

_EVIDENCE: Final = {
    "reference": Sentence(N_("The text names the order.")),
    "reference_slip": Sentence(N_("The text names a number that differs from the order's by one slip.")),
    "name": Sentence(N_("The text shows the buyer's name.")),
    "name_part": Sentence(N_("The text shows a part of the buyer's name.")),
    "other_payer": Sentence(N_("The text shows another name than the buyer's.")),
    "settlement": Sentence(N_("The settlement report lists the order in this payout.")),
    "fee_schedule": Sentence(N_("The orders of these days, less the channel's usual fee, come to this payout.")),
    "due_day": Sentence(N_("The orders of these days were due for payout then; the amount differs.")),
}
_KINDS: Final = {
    "exact": Sentence(N_("The amount is exactly what is due.")),
    "code_forgotten": Sentence(N_("The amount is what is due without the unique code.")),
    "rounded_up": Sentence(N_("The amount is what is due, rounded.")),
    "fee": Sentence(N_("The amount differs from what is due by a usual transfer fee.")),
    "swapped_digits": Sentence(N_("The amount is what is due with two digits exchanged.")),
    "withholding": Sentence(N_("The amount is what is due less 2 %% income tax (PPh 23).")),
    "other_amount": Sentence(N_("The amount is not what is due.")),
    "combined": Sentence(N_("Several orders of the buyer add up to exactly this amount.")),
    "instalments": Sentence(N_("Several payments of the buyer add up to exactly what is due.")),
    "foreign_currency": Sentence(N_("The amount is what is due in the order's currency at the usual rate.")),
    "double_payment": Sentence(N_("Another payment pays the order already: this one is to be given back.")),
}


def reason(link: Link) -> str:
    """The sentences of a link, the amount first."""
    said = [_KINDS[link.kind]()] if link.kind in _KINDS else []
    said += [_EVIDENCE[word]() for word in link.evidence if word in _EVIDENCE]
    return " ".join(said)

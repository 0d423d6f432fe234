"""How often buyers, banks and gateways do what they do: every rate of the generator in one place.

Sources: reconciliation.md §1.3 (complaints), §3.2 (collisions), §3.3; indonesia.md §1.3 (withholding), §2.2-2.4
(statements, unique codes); store-billing-payment-apis.md §15-18 (Midtrans, Xendit, VA, QRIS). Where a source gives only
an order ("the first cause", "often"), the rate is ours and marked (ours). `HARD` is the same world on a bad day: about
twice the trouble, and payouts by the week with two commissions. `STRANGE` has other payers than the rest.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

#: Days from the order to the transfer (ours; payment within the day is the rule where a transfer order expires in 24 h
#: to 72 h), as (days, share).
LAGS = ((0, 0.62), (1, 0.24), (2, 0.09), (3, 0.05))
EXPIRES = 3
#: Days that a code stays reserved after its order expired (indonesia.md §2.4: "and for some days after expiry").
GRACE = 7
CODES = 999
#: Fees that a sending bank takes off when the buyer lets the receiver bear them (reconciliation.md §3.3, step 2).
FEES = (2500, 5000, 6500)
#: Midtrans' and Xendit's virtual account: Rp 4,000 and 11 % VAT (store-billing-payment-apis.md §15).
VA_FEE = 4440
#: In ten-thousandths.
QRIS_RATE = 70
#: Business days until the money comes (store-billing-payment-apis.md §16: BCA VA T+1, QRIS T+2).
VA_LAG, QRIS_LAG = 1, 2
#: Marketplace: a flat processing fee for each order beside the commission (ours, after the sellers' fee pages).
MARKET_FLAT = 1250
#: National holidays on which banks do not settle, as (month, day); those of the moon calendar are left out.
HOLIDAYS = frozenset({(1, 1), (5, 1), (6, 1), (8, 17), (12, 25)})


@dataclass(frozen=True)
class Habits:
    """Shares of one (0..1) unless a comment says otherwise."""

    # What sort of order comes in (ours: a shop that lives by transfers, as the paper's shop of 86 orders a day).
    share_va: float = 0.12
    share_qris: float = 0.12
    share_market: float = 0.14
    service: float = 0.015  # services to firms; they withhold PPh 23 (indonesia.md §1.3)
    foreign: float = 0.004
    basket: float = 0.015  # one buyer, several orders, one transfer (indonesia.md §2.4 "pay for two orders at once")
    twin: float = 0.004  # the same order placed and paid twice on one day (indonesia.md §2.2 rule 4)
    firm_buyer: float = 0.05
    # What becomes of an order by transfer.
    never_paid: float = 0.08
    reordered: float = 0.12  # of the never paid: the buyer ordered the same again, and paid that
    late: float = 0.02  # after the order expired (store-billing-payment-apis.md §16 "late money")
    # The amount of a transfer.
    forgets_code: float = 0.12  # the first cause of trouble in Moota's help (reconciliation.md §1.3)
    rounds_up: float = 0.015
    fee_short: float = 0.012
    swaps_digits: float = 0.004
    instalments: float = 0.012
    overpays: float = 0.005
    underpays: float = 0.007
    pays_twice: float = 0.004
    # The name that the statement shows.
    other_payer: float = 0.06
    other_payer_sticks: float = 0.7  # the same spouse or firm pays the buyer's next order too
    name_missing: float = 0.08  # between banks (reconciliation.md §1.3, sulaeman.com)
    name_masked: float = 0.01  # V***nny Ku****an (indonesia.md §2.3)
    name_squeezed: float = 0.01  # LISDRISUSTIW
    # The message of a transfer.
    writes_reference: float = 0.30
    writes_words: float = 0.15
    reference_digits: float = 0.30  # of the references: the number alone
    reference_cut: float = 0.05  # the bank cut the message
    reference_typo: float = 0.03  # share of reference hits on another order (reconciliation.md §3.3, step 3)
    reference_swap: float = 0.02  # two digits changed places
    # Gateways and marketplaces.
    unpaid_gateway: float = 0.10
    carried: float = 0.01  # captured after the cut-off, or held by the gateway's check: one batch later
    held: float = 0.006  # marketplace keeps the money of an order back for days
    gateway_refund: float = 0.010
    market_refund: float = 0.012
    chargeback: float = 0.001
    adjustment: float = 0.0  # of the marketplace batches: an advertisement or penalty without an order
    one_payout: bool = False  # the gateway pays virtual accounts and QRIS in one sum
    weekly: bool = False  # the marketplace pays once a week
    weekday: int = 0  # on this day (0: Monday)
    hold: int = 1  # at least so many days after the parcel arrived
    unheard: bool = False  # gateway and marketplace have names that nobody knows
    va_fee: int = VA_FEE
    qris_rate: int = QRIS_RATE
    half_even: bool = False  # fees are rounded half to even
    commissions: tuple[int, ...] = (650,)  # ten-thousandths
    # Lines that pay no order, for each line that pays one.
    noise_offline: float = 0.012  # sold by chat, paid by transfer, never entered in the store
    noise_other: float = 0.020  # interest, owner's deposits, supplier refunds
    debits: float = 0.050
    imported_twice: float = 0.010  # overlapping exports (indonesia.md §2.2 rule 4)


ORDINARY = Habits()
HARD = replace(
    ORDINARY,
    basket=0.03,
    twin=0.006,
    never_paid=0.14,
    late=0.05,
    forgets_code=0.25,
    rounds_up=0.025,
    fee_short=0.025,
    swaps_digits=0.008,
    instalments=0.025,
    overpays=0.012,
    underpays=0.015,
    pays_twice=0.008,
    other_payer=0.12,
    name_missing=0.14,
    name_masked=0.02,
    name_squeezed=0.02,
    writes_reference=0.25,
    reference_digits=0.40,
    reference_cut=0.08,
    reference_typo=0.05,
    carried=0.03,
    held=0.02,
    gateway_refund=0.02,
    market_refund=0.025,
    chargeback=0.003,
    adjustment=0.05,
    one_payout=True,
    weekly=True,
    commissions=(650, 800),
    noise_offline=0.03,
    noise_other=0.03,
    imported_twice=0.02,
)
#: Payers of another country, so to speak: no name that a list could hold, fees and days of their own (ours).
STRANGE = replace(
    ORDINARY,
    unheard=True,
    weekly=True,
    weekday=2,
    hold=7,
    va_fee=4000,
    qris_rate=63,
    half_even=True,
    commissions=(425,),
)
PROFILES = {"ordinary": ORDINARY, "hard": HARD, "strange": STRANGE}

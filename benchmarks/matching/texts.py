"""What bank statements say: the shapes of indonesia.md §2.3 and its description cases, for five banks.

A text holds at most what the bank shows: a payer's name (cut at 18 characters), a message (BCA: cut at 18), BCA the
amount and the day of the transfer. Which of them are shown is decided in `transfers.py`.
"""

from __future__ import annotations

import datetime as dt
import random

SHOP = "CONTOH NIAGA ELEKT"
NAME_WIDTH = 18
#: The shop's own accounts, as (bank, share of the transfers).
BANKS = (("BCA", 0.55), ("MANDIRI", 0.20), ("BRI", 0.12), ("BNI", 0.08), ("CIMB", 0.05))
#: Senders' banks beyond the shop's own: code, BIC prefix, name.
SENDERS = (
    ("014", "CENA", "BCA"), ("008", "BMRI", "MANDIRI"), ("002", "BRIN", "BRI"), ("009", "BNIN", "BNI"),
    ("022", "BNIA", "CIMB NIAGA"), ("013", "BBBA", "PERMATA"), ("451", "BSMD", "BSI"), ("542", "ATOS", "JAGO"),
    ("535", "SSPI", "SEABANK"), ("200", "BTAN", "BTN"),
)  # fmt: skip


def pick_bank(rng: random.Random) -> str:
    """One of the shop's accounts."""
    at = rng.random()
    for bank, share in BANKS:
        if at < share:
            return bank
        at -= share
    return "BCA"


def cut(name: str) -> str:
    """A name as banks show it: capitals, 18 characters."""
    return name.upper()[:NAME_WIDTH].rstrip()


def masked(name: str) -> str:
    """`VENNY KURNIAWAN` as `V***Y K***AN`: never an identity."""
    return " ".join(f"{w[0]}***{w[-2:]}" if len(w) > 3 else w for w in cut(name).split())


def squeezed(name: str) -> str:
    """`Lisdri Sustiwi` as `LISDRISUSTIW`: blanks lost, cut at 12."""
    return name.upper().replace(" ", "")[:12]


def transfer(
    rng: random.Random, bank: str, within: bool, firm: bool, name: str, message: str, amount: str, day: dt.date, no: int
) -> str:
    """The text of an incoming transfer. `within` is a transfer inside the bank; `no` makes the sender's account."""
    code, bic, other = SENDERS[no % len(SENDERS)]
    if bank == "BCA":
        if within:
            terminal = ("95051", "95031", "95011", "95271")[int(rng.random() * 4)]
            head = f"TRSF E-BANKING CR {day.day:02d}{day.month:02d}/FTSCY/WS{terminal}"
            return f"{head} {amount:>16}{message[:18]:<19}{name}".rstrip()
        if firm and rng.random() < 0.4:
            return f"KR OTOMATIS LLG-{other} {name} {message}".rstrip()
        if rng.random() < 0.65:
            return f"BI-FAST CR BIF TRANSFER DR {code} {name} {message}".rstrip()
        return f"SWITCHING CR TRANSFER DR {code} {name} {message}".rstrip()
    if bank == "MANDIRI":
        if within:
            return f"MCM InhouseTrf CS-CS DARI {name} {message}".rstrip()
        return f"{bic}IDJA/{name} {message or '99102'}"
    if bank == "BRI":
        if within:
            return f"{'IBIZ' if firm else 'NBMB'} {name} TO {SHOP} {message}".rstrip()
        return f"Transfer BI-Fast dari {other} - {no * 7919 % 10**10:010d} - {name} {message}".rstrip()
    if bank == "BNI":
        head = f"PEMINDAHAN DARI {no * 104729 % 10**9:09d}" if within else f"BI-FAST DARI {other}"
        return f"TRANSFER DARI | {head} {name} | {message}".rstrip(" |")
    return f"TRF DARI {name} {message}".rstrip() if within else f"BI-FAST CR DR {code} {name} {message}".rstrip()


def payout(rng: random.Random, gateway: str, batch: str, amount: str, day: dt.date) -> str:
    """The text of a payout: the payer is the gateway, no buyer is named; the batch's number half the time."""
    told = rng.random() < 0.5
    ddmm = f"{day.day:02d}{day.month:02d}"
    if gateway == "shopee":
        number = batch if told else ""
        return f"TRSF E-BANKING CR {ddmm}/FTSCY/WS95011 {amount:>16} {number:<18}AIRPAY INTERNATION"
    if gateway == "tokopedia":
        return f"BI-FAST CR BIF TRANSFER DR 022 TOKOPEDIA {batch if told else ''}".rstrip()
    if gateway == "midtrans":
        return f"TRSF E-BANKING CR {ddmm}/FTSCY/WS95051 {amount:>16}{batch if told else '':<19}MIDTRANS PT"
    if gateway == "gerbang":
        return f"KR OTOMATIS LLG-MANDIRI {batch if told else ''} PT ARTA GERBANG NUSANTARA"
    if gateway == "pasar":
        return f"TRSF E-BANKING CR {ddmm}/FTSCY/WS95031 {amount:>16} BINTANG PASAR RAYA"
    serial = int(rng.random() * 10**10)
    return f"KR OTOMATIS NTRF@{serial:010d}X0Z 035@{batch if told else f'BCA{serial % 10**8:08d}'}  @IFP contoh.example @AFR  XENDIT      "  # noqa: E501


def acquirer(day: dt.date, gross: str, fee: str) -> str:
    """QRIS collected by the bank itself: one credit for a day, its gross and fee in the text."""
    return f"KR OTOMATIS TANGGAL :{day.day:02d}/{day.month:02d} MID : 000885012345678 CONTOH NIAGA   QR  : {gross} DDR: {fee}"  # noqa: E501

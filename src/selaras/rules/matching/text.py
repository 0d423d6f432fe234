"""What a bank writes about a payment, taken apart: words, amounts that it repeats, names of payers, order numbers.

Whole words only: "14" in "1814" is no number of an order (reference/reconciliation.md §1.3).
"""

from __future__ import annotations

import datetime as dt
import re
from functools import lru_cache
from string import ascii_letters
from typing import Final

from selaras.rules.names import read_name

# "147356.00INV 1001": the amount repeated, glued to the message.
_AMOUNT: Final = re.compile(
    # The first digit stands in front of the look behind it: a search that begins with a digit is four times as fast.
    r"\d(?<![\d.,]\d)(?:\d{0,2}(?:,\d{3})+(?:\.\d{2})?|\d{0,2}(?:\.\d{3})+(?:,\d{2})?|\d*[.,]\d{2})(?!\d|[.,]\d)"
    r"|\d(?<![\d.,]\d)\d{3,}\.\d{2}(?=\d)"
)
_CHANNEL_DAY: Final = re.compile(r"\d(?<!\w\d)\d{3}/[A-Z]{5}/[A-Z0-9]+")
_CHANNEL: Final = re.compile(r"\b\d{4}/[A-Z]{5}/[A-Z0-9]+|\b(?:MID|NOREK|NO REK)\s*:?\s*\d+")
# "2801/FTSCY/…": BCA names the day on which the buyer sent the money; it books a weekend's on Monday.
_SENT: Final = re.compile(r"[0-9](?<!\w[0-9])[0-9]{3}/[A-Z]{5}/")
# "V***nny Ku****an": the beginning and the end of each word are left.
_MASKED: Final = re.compile(r"\b([^\W\d_]+)\*+([^\W\d_]*)")
_WORD: Final = re.compile(r"[^\W_]+")
_LAST_DIGITS: Final = re.compile(r"(?<!\d)\d+$")
_SHAPES: Final = str.maketrans("0123456789", "9" * 10) | str.maketrans(ascii_letters, "A" * len(ascii_letters))

_LONGEST_WAY: Final = 6
_LONGEST_INTEREST: Final = 40

_GROSS: Final = re.compile(r"\b(?:QR|TGH)\s*:\s*(\d+(?:\.\d{2})?)\s+DDR\s*:")

# Words of banks and of people's messages: they name nobody.
BOILERPLATE: Final = frozenset(
    "TRSF TRF TRFS TRANSFER EBANKING E BANKING BANK CR DB DR KR OTOMATIS LLG SKN RTGS BI FAST BIF BIFAST SWITCHING "
    "SETORAN SETOR TUNAI MCM INHOUSETRF INHOUSE CS CENAIDJA BMRIIDJA BRINIDJA BNINIDJA BNIAIDJA DARI KE FROM TO KPD "
    "PEMINDAHAN PEMBAYARAN BAYAR PAYMENT PAY PMT LUNAS PELUNASAN INV INVOICE ORDER PESANAN ORD NO NOMOR NOTA TAGIHAN "
    "BELANJA BELI PEMBELIAN UTK UNTUK BUAT DP CICILAN ANGSURAN TERMIN KE1 KE2 KE3 TANGGAL TGL MID TGH DDR QR QRIS VA "
    "NBMB IBIZ IBNK BRIVA BRIMO BRIMOBILE LIVIN MANDIRI BCA BRI BNI BTN CIMB NIAGA PERMATA DANAMON BSI MAYBANK OCBC "
    "PANIN MEGA JAGO SEABANK BLU JENIUS FTSCY FTFVA WS M BANKING MBANKING MOBILE INTERNET ATM KLIKBCA MYBCA BERITA "
    "NTRF AFR IFP PAYMENTGATEWAY WSID KODE REF TRX TRXID ID RP IDR TERIMA KASIH MAKASIH THX THANKS OK YA DAN SISA "
    "KEKURANGAN KURANG TAMBAHAN TRANSFERAN ORDERAN WEB TOKO ONLINE SHOP ONGKIR BARANG PRODUK INCOMING OUTGOING CREDIT "
    "REMITTANCE SHA OUR BEN ROC SPAN KLIRING CASH DEPOSIT CDM".split()
)
# What stands in front of a name and takes of the width that banks show.
ADDRESSES: Final = frozenset("PT CV UD PD TB FA TOKO BPK BAPAK IBU BU PAK SDR SDRI TN NY NN H HJ DR IR".split())
# The bank's own words for interest.
_EARNED: Final = frozenset({"BUNGA", "GIRO", "INTEREST", "HASIL"})
_BESIDE: Final = frozenset({"JASA", "TABUNGAN", "REKENING", "KREDIT", "BANK", "CR", "CREDIT", "BAGI"})
# Money paid in over the counter or at a machine: whoever did it is not told.
CASH: Final = frozenset({"SETORAN", "SETOR", "TUNAI", "CDM", "DEPOSIT"})
# Under these words gateways, wallets and marketplaces pay out (reference/indonesia.md §2.3).
_PAYOUT: Final = re.compile(
    r"AIRPAY|SHOPEE|DOMPET ANAK BANGSA|GOPAY|VISIONET|ESPAY|XENDIT|MIDTRANS|NUSA SATU INTI|DOKU|PAYMENT\s*GATEWAY|"
    r"TOKOPEDIA|TIKTOK|TIK TOK|LAZADA|BLIBLI|BUKALAPAK|SETTLEMENT|PENCAIRAN|PAYOUT|DISBURSE|DURIANPAY|FASPAY|IPAYMU|"
    r"DANA INDONESIA|OVO |STRIPE|PAYPAL|WITHDRAWAL|QRIS?\s*:|MID\s*:"
)


def words_of(description: str) -> list[str]:
    """The words of a description without repeated amounts and channel codes, upper case."""
    text = description.upper()
    if "." in text or "," in text:
        text = _AMOUNT.sub(" ", text)
    if "MID" in text or "REK" in text:
        text = _CHANNEL.sub(" ", text)
    elif "/" in text:
        text = _CHANNEL_DAY.sub(" ", text)
    return _WORD.findall(text)


def shows_payer(words: list[str]) -> bool:
    """Does a word stand there that may be somebody's name?"""
    for word in words:  # noqa: SIM110 — a million texts: a loop takes half the time
        if word not in BOILERPLATE and len(word) >= 3 and word.isalpha() and not _is_bic(word):
            return True
    return False


def _is_bic(word: str) -> bool:
    """The code of an Indonesian bank, as Mandiri writes it in front of the payer ("BTANIDJA/…")."""
    return len(word) == 8 and word.endswith("IDJA")


def masks(description: str) -> list[tuple[str, str]]:
    """Beginning and end of each word of a masked name ("V***NNY" → V, NNY), upper case."""
    return _MASKED.findall(description.upper()) if "*" in description else []


def fits_masks(name: str, masked: list[tuple[str, str]]) -> bool:
    """Can this name (words in capitals) stand behind the masks? Its last word may have been cut before."""
    words = iter(name.split(" "))
    last = len(masked) - 1
    return all(
        any(word.startswith(begin) and (word.endswith(end) or (at == last and end in word[1:])) for word in words)
        for at, (begin, end) in enumerate(masked)
    )


def days_under_way(description: str, booked: int) -> int:
    """How many days before the booking (an ordinal) the money was sent, by the day in the text; 0 if it names none."""
    found = _SENT.search(description) if "/" in description else None
    return 0 if found is None else _days_back(found[0][:4], booked)


@lru_cache(maxsize=1 << 14)
def _days_back(day_and_month: str, booked: int) -> int:
    for back in range(_LONGEST_WAY + 1):
        if f"{dt.date.fromordinal(booked - back):%d%m}" == day_and_month:
            return back
    return 0


def is_payout(description: str) -> bool:
    """True for the payer of many buyers at once: match it with a settlement, never with one order."""
    return _PAYOUT.search(description.upper()) is not None


def payer_of(description: str) -> str:
    """The gateway, wallet or marketplace that a payout names, one word for all its lines; "" where none is named."""
    found = _PAYOUT.search(description.upper())
    return re.sub(r"\W", "", found[0]) if found else ""


def is_interest(description: str) -> bool:
    """True for the bank's own credit: the whole text speaks of interest (a buyer Bunga's payment says more)."""
    if len(description) > _LONGEST_INTEREST:
        return False
    words = set(_WORD.findall(description.upper()))
    return bool(words & _EARNED) and not words - _EARNED - _BESIDE


def told_gross(description: str) -> str:
    """The gross that a card or QRIS batch names in its text ("QR  : 2224200.00 DDR: 15569.40"), "" for none."""
    found = _GROSS.search(description.upper())
    return found[1] if found else ""


@lru_cache(maxsize=1 << 20)
def name_words(name: str) -> tuple[str, ...]:
    """The words by which a buyer can be found in a bank's text, upper case, without titles and legal forms."""
    return tuple(word.upper() for word in read_name(name).words)


def squeezed(reference: str) -> str:
    """A reference without blanks and signs, upper case: "inv-1001" and "INV 1001" are one."""
    text = reference.upper()
    return text if text.isalnum() else "".join(_WORD.findall(text))


def core(reference: str) -> str:
    """The digits at the end of a reference, as people quote it ("1001" of INV-1001); "" when fewer than four."""
    found = _LAST_DIGITS.search(reference)
    return found[0] if found and len(found[0]) >= 4 and len(found[0]) < len(reference) else ""


def shape(word: str) -> str:
    """Letters as A, digits as 9: "INV1001" → "AAA9999"."""
    if word.isascii():
        return word.translate(_SHAPES)
    return "".join("9" if c.isdigit() else "A" for c in word)


def joined(words: list[str], numbered: list[int], most: int, longest: int) -> list[tuple[int, int, str]]:
    """Runs of up to `most` neighbouring words that hold one of the `numbered`, without blanks: (first, end, text).

    No text is longer than `longest` characters.
    """
    found = []
    count = len(words)
    for at, place in enumerate(numbered):
        # Each run is listed once, at the first numbered word that it holds.
        least = max(numbered[at - 1] + 1 if at else 0, place - most + 1)
        room, begin = longest - len(words[place]), place
        if room < 0:
            continue
        while begin > least and len(words[begin - 1]) <= room:
            begin -= 1
            room -= len(words[begin])
        for first in range(begin, place + 1):
            text = "".join(words[first : place + 1])
            found.append((first, place + 1, text))
            for last in range(place + 1, min(first + most, count)):
                text += words[last]
                if len(text) > longest:
                    break
                found.append((first, last + 1, text))
    return found


def one_slip(a: str, b: str) -> bool:
    """Do the two differ by one wrong character, two neighbours swapped, or up to two characters cut off at the end?"""
    if a == b:
        return True
    if len(a) == len(b):
        wrong = [i for i, (x, y) in enumerate(zip(a, b, strict=True)) if x != y]
        if len(wrong) == 1:
            return True
        return (
            len(wrong) == 2 and wrong[1] == wrong[0] + 1 and a[wrong[0]] == b[wrong[1]] and a[wrong[1]] == b[wrong[0]]
        )
    short, long = sorted((a, b), key=len)
    return len(short) >= 5 and len(long) - len(short) <= 2 and long.startswith(short)

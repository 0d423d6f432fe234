"""Names of people and firms as Indonesia writes them, reduced to what can be compared.

One word is a full name. Titles (Bpk, Hj., dr., S.E.) are dropped for comparing only. A legal form (PT, CV, UD …) may
stand first, last, glued or be missing; two *different* forms are two different firms. Source of the lists: Permendagri
73/2022 for names, the usual legal forms of the Indonesian Civil and Commercial Codes, academic degrees as printed.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Final, Literal

import msgspec

NameKind = Literal["person", "org", "unknown", "masked", "none"]

# Form as written (letters only, lower case) → how it is shown. Additions never stand alone.
_FORMS: Final = {
    "pt": "PT", "cv": "CV", "ud": "UD", "pd": "PD", "tb": "TB", "fa": "Fa", "firma": "Fa", "koperasi": "Koperasi",
    "yayasan": "Yayasan", "toko": "Toko", "perum": "Perum", "perumda": "Perumda", "bumdes": "BUMDes",
}  # fmt: skip
_ADDITIONS: Final = {"tbk": "Tbk", "persero": "Persero"}
_TITLES: Final = frozenset(
    "bpk bapak ibu bu pak sdr sdri sdra saudara saudari tn tuan ny nyonya nn nona h hj haji hajjah dr drs dra drg "
    "drh ir prof kh ust ustadz ustadzah ra rm rr raden an mr mrs ms kak mas mbak".split()
)
_DEGREES: Final = frozenset(
    "se mm sh mh st mt skom mkom ssi msi spd mpd sip sos ssos msos sag mag stp sp spa spog spb spm spdi spak sked "
    "sfarm apt amd "
    "amdkeb skep ns ners skm mkes mba phd msc bsc ma ba ssn msn shi lc ak ca cpa btech sstp spt spsi mpsi sik "
    "mhum sst mars mkn".split()
)
_ACCOUNT_OF: Final = re.compile(r"^\s*a\s*[/.]\s*n\b\.?\s*", re.IGNORECASE)
_ON_BEHALF: Final = re.compile(r"\bq\.?\s?q\b\.?.*$", re.IGNORECASE)
_GLUED_FORM: Final = re.compile(r"\b(p\.?t|c\.?v|u\.?d|p\.?d|t\.?b|fa)\.(?=\s*\S)|\b(p\.t|c\.v|u\.d)\b", re.IGNORECASE)
_WORD: Final = re.compile(r"[^\W_]+(?:\.[^\W_]+)*")


class Name(msgspec.Struct, frozen=True):
    """A name reduced: `key` for comparing, `form` the legal form ("" when none was written), the words of the key."""

    kind: NameKind
    key: str
    form: str = ""
    words: tuple[str, ...] = ()


@lru_cache(maxsize=65_536)
def read_name(text: str) -> Name:
    """Reduce a name. Masked names (`V***nny`) and bare titles have no key: they identify nobody."""
    clean = unicodedata.normalize("NFKC", text).strip()
    if "*" in clean:
        return Name("masked", "")
    clean, on_account = _ACCOUNT_OF.subn("", clean)
    clean, on_behalf = _ON_BEHALF.subn("", clean)
    clean = re.sub(r"['’`´]", "", clean)
    clean = _GLUED_FORM.sub(lambda m: " " + m[0].replace(".", "") + " ", clean)
    head, *tail = clean.split(",")
    words = [w.lower() for w in _WORD.findall(head)]
    forms: list[str] = []
    titled = bool(on_account or on_behalf)
    # What follows a comma is a degree, a legal form or an addition; anything else belongs to the name.
    for part in tail:
        for word in (w.lower() for w in _WORD.findall(part)):
            bare = word.replace(".", "")
            if bare in _FORMS or bare in _ADDITIONS:
                forms.append(_FORMS.get(bare) or _ADDITIONS[bare])
            elif bare in _DEGREES or bare in _TITLES or (len(bare) <= 4 and "." in word):
                titled = True
            else:
                words.append(word)
    while words and (words[0].replace(".", "") in _TITLES):
        titled, words = True, words[1:]
    while len(words) > 1 and (form := words[-1].replace(".", "")) in (_FORMS.keys() | _ADDITIONS.keys()):
        if form == "toko" or form == "koperasi" or form == "yayasan":
            break
        forms.insert(0, _FORMS.get(form) or _ADDITIONS[form])
        words = words[:-1]
    while words and (form := words[0].replace(".", "")) in _FORMS and len(words) > 1:
        forms.insert(0, _FORMS[form])
        words = words[1:]
    while len(words) > 1 and not forms and _is_degree(words[-1]):
        titled, words = True, words[:-1]
    words = [w.replace(".", " ").strip() for w in words]
    plain = tuple(" ".join(words).split())
    if not plain:
        return Name("none", "")
    form = " ".join(dict.fromkeys(forms))
    # Without a form or a title nobody can tell "Maju Jaya Abadi" from a person.
    kind: NameKind = "org" if form else "person" if titled else "unknown"
    return Name(kind, " ".join(plain), form, plain)


def _is_degree(word: str) -> bool:
    bare = word.replace(".", "")
    return bare in _DEGREES and ("." in word or len(bare) >= 4)


def names_compatible(a: str, b: str) -> bool:
    """Could both names be the same buyer, *given* that telephone or e-mail are equal already?

    True for equal keys, abbreviations (M. Rizky), old spelling (Soeharto), a name cut or squeezed by a bank, a part of
    the longer name, and when one side has no usable name. False for different legal forms and for different names.
    Equal names alone never identify anybody.
    """
    one, two = read_name(a), read_name(b)
    if not one.key or not two.key:
        return True
    first, second = _base_form(one.form), _base_form(two.form)
    if first and second and first != second:
        return False
    if one.key == two.key:
        return True
    return _alike(one.words, two.words)


def _base_form(form: str) -> str:
    words = [w for w in form.split() if w not in ("Tbk", "Persero")]
    return words[0] if words else ("PT" if form else "")


@lru_cache(maxsize=65_536)
def _sound(word: str) -> str:
    """One spelling for old and new Indonesian spelling and the usual variants of one name."""
    if len(word) == 1:
        return word
    # Old j is today's y and old dj today's j, so both become one letter: Djoko = Joko, Tjahjono = Cahyono.
    for old, new in (("oe", "u"), ("tj", "c"), ("dj", "i"), ("j", "i"), ("y", "i"), ("ch", "h"), ("dh", "d")):
        word = word.replace(old, new)
    word = re.sub(r"(.)\1+", r"\1", word)
    if re.fullmatch(r"mu?o?h?a?m+[ae]?d", word) or word in ("muhamad", "mohamad", "muhamed", "mohamed", "moh", "muh"):
        return "muhamad"
    return word


def _alike(a: tuple[str, ...], b: tuple[str, ...]) -> bool:
    short, long = (a, b) if len(a) <= len(b) else (b, a)
    used: set[int] = set()
    pairs = 0
    strong = False
    for word in short:
        for at, other in enumerate(long):
            if at in used:
                continue
            same = _sound(word) == _sound(other)
            initial = (len(word) == 1 and other.startswith(word)) or (len(other) == 1 and word.startswith(other))
            if same or initial:
                used.add(at)
                pairs += 1
                strong = strong or (same and len(word) > 1)
                break
    if pairs == len(short) and strong:
        return True
    # Cut at a fixed width or written without blanks, as banks do: a long common beginning of the squeezed names.
    x, y = sorted(("".join(a), "".join(b)), key=len)
    return (len(x) >= 10 and y.startswith(x)) or (len(x) >= 5 and _sound(x) == _sound(y))

"""Product matching (M3): both sides carry the same code, and what does not is shown with proposals.

Only an exact code, or a pair that a person, a CSV file or a chosen rule has accepted, is used without asking.
Everything else is a near miss: proposed with its reason, never taken silently.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Final, Literal

import msgspec

from selaras.model.product import Component, Product
from selaras.rules.explain import N_, Sentence

NearKind = Literal["case", "spaces", "dashes", "leading_zeros", "look_alike", "one_letter", "same_name"]

# How much each kind of difference is worth believing, best first.
RANK: Final[dict[str, int]] = {
    "case": 6, "spaces": 5, "dashes": 4, "leading_zeros": 3, "look_alike": 2, "one_letter": 1, "same_name": 0,
}  # fmt: skip
_SAY: Final[dict[str, Sentence]] = {
    "case": Sentence(N_("%(code)s and %(other)s differ in capital letters only.")),
    "spaces": Sentence(N_("%(code)s and %(other)s differ in blanks only.")),
    "dashes": Sentence(N_("%(code)s and %(other)s differ in dashes or other signs only.")),
    "leading_zeros": Sentence(N_("%(code)s and %(other)s differ in leading zeros only.")),
    "look_alike": Sentence(N_("%(code)s and %(other)s differ only in letters and digits that look alike (O/0, I/1).")),
    "one_letter": Sentence(N_("%(code)s and %(other)s differ in one character.")),
    "same_name": Sentence(N_("%(code)s and %(other)s have the same name, %(name)s.")),
}
_EXACT = Sentence(N_("The code %(code)s is the same on both sides."))
_ACCEPTED = Sentence(N_("The code %(code)s was accepted as %(other)s."))
_ACCEPTED_GONE = Sentence(N_("The code %(code)s was accepted as %(other)s, which the books no longer have."))
_DOUBLED = Sentence(N_("The books have the code %(code)s %(count)s times."))
_UNKNOWN = Sentence(N_("The books have no product with the code %(code)s."))
_NO_CODE = Sentence(N_("The product %(name)s has no code."))
_BUNDLE = Sentence(N_("The bundle %(code)s is booked as its components: %(parts)s."))
_LOOK_ALIKE: Final = str.maketrans("oilszb", "011528")
_MOST_PROPOSALS: Final = 5


class Proposal(msgspec.Struct, frozen=True):
    """A product of the books that may be meant, with the kind of difference and the reason in words."""

    code: str
    kind: NearKind
    reason: str


class ProductMatch(msgspec.Struct, frozen=True):
    """What a store's code means in the books.

    `target` is the code in the books ("" when unmatched, or when the bundle is booked as its `components`).
    """

    code: str
    how: Literal["exact", "accepted", "components", "unmatched"]
    target: str = ""
    components: tuple[Component, ...] = ()
    proposals: tuple[Proposal, ...] = ()
    reasons: tuple[str, ...] = ()


@lru_cache(maxsize=131_072)
def _forms(code: str) -> tuple[str, str, str, str, str]:
    """The code made ever more alike: case, blanks, signs, leading zeros, look-alike characters."""
    folded = unicodedata.normalize("NFKC", code).casefold()
    no_blanks = "".join(folded.split())
    bare = "".join(c for c in no_blanks if c.isalnum())
    trimmed = bare.lstrip("0") or bare
    return folded, no_blanks, bare, trimmed, (bare.translate(_LOOK_ALIKE).lstrip("0") or bare)


def difference(code: str, other: str) -> NearKind | None:
    """The smallest kind of difference between two codes that are not equal; None when they are simply different."""
    kinds: tuple[NearKind, ...] = ("case", "spaces", "dashes", "leading_zeros", "look_alike")
    for kind, mine, theirs in zip(kinds, _forms(code), _forms(other), strict=True):
        if mine == theirs:
            return kind
    return "one_letter" if _one_apart(_forms(code)[2], _forms(other)[2]) else None


def _one_apart(a: str, b: str) -> bool:
    """One character inserted, left out, replaced, or two neighbours swapped."""
    if a == b or abs(len(a) - len(b)) > 1:
        return False
    if len(a) > len(b):
        a, b = b, a
    at = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), len(a))
    if len(a) < len(b):
        return a[at:] == b[at + 1 :]
    return a[at + 1 :] == b[at + 1 :] or (a[at : at + 2] == b[at : at + 2][::-1] and a[at + 2 :] == b[at + 2 :])


def _without_a_letter(code: str) -> list[str]:
    return [code[:i] + code[i + 1 :] for i, char in enumerate(code) if not char.isdigit()]


@lru_cache(maxsize=131_072)
def name_key(name: str) -> str:
    """A product's name for comparing: folded, signs as blanks, words in order."""
    folded = unicodedata.normalize("NFKC", name).casefold()
    return " ".join("".join(c if c.isalnum() else " " for c in folded).split())


class ProductIndex:
    """Products of the books by code. The search for near misses is built when first needed, then kept up to date."""

    __slots__ = ("_by_code", "_by_id", "_near", "_near_ready")

    def __init__(self, products: Iterable[Product] = ()) -> None:
        self._by_id: dict[str, Product] = {}
        self._by_code: dict[str, dict[str, None]] = {}
        self._near: dict[str, set[str]] = {}
        self._near_ready = False
        for product in products:
            self.put(product)

    def __len__(self) -> int:
        return len(self._by_id)

    def __contains__(self, code: str) -> bool:
        return code in self._by_code

    @property
    def codes(self) -> Iterable[str]:
        """Every code of an active product."""
        return self._by_code.keys()

    def put(self, product: Product) -> None:
        """Add a product or replace what was known of it; an inactive one is taken out."""
        if product.id in self._by_id:
            self.drop(product.id)
        if not product.active:
            return
        self._by_id[product.id] = product
        if product.code:
            ids = self._by_code.setdefault(product.code, {})
            ids[product.id] = None
            if self._near_ready:
                self._add_near(product)

    def drop(self, product_id: str) -> None:
        """Forget a product; unknown ids are no error."""
        product = self._by_id.pop(product_id, None)
        if product is None or not product.code:
            return
        ids = self._by_code[product.code]
        ids.pop(product_id, None)
        if not ids:
            # Entries of the near search may stay behind: what they lead to is looked up again.
            del self._by_code[product.code]

    def bundles(self) -> list[Product]:
        """The products that are made of others."""
        return [product for product in self._by_id.values() if product.components]

    def by_code(self, code: str) -> list[Product]:
        """The products with exactly this code; more than one means that the code is doubled."""
        return [self._by_id[i] for i in self._by_code.get(code, ())]

    def _add_near(self, product: Product) -> None:
        near, code = self._near, product.code
        _folded, _no_blanks, bare, _trimmed, alike = _forms(code)
        near.setdefault("=" + alike, set()).add(code)
        near.setdefault("-" + bare, set()).add(code)
        for shorter in _without_a_letter(bare):
            near.setdefault("-" + shorter, set()).add(code)
        if product.name:
            near.setdefault("n" + name_key(product.name), set()).add(code)

    def near(self, code: str, name: str = "") -> list[Proposal]:
        """Products of the books that may be meant by `code`, the likeliest first, at most five.

        Codes one digit apart are usual among neighbours (KAOS-01, KAOS-02), so they are proposed only where the names
        agree. That also keeps the search short: only letters are left out when looking for a code one letter apart.
        """
        if not self._near_ready:
            self._near_ready = True
            for ids in self._by_code.values():
                for product_id in ids:
                    self._add_near(self._by_id[product_id])
        near = self._near
        found: dict[str, NearKind] = {}
        wanted_name = name_key(name)
        if code:
            bare, alike = _forms(code)[2], _forms(code)[4]
            for key in ("=" + alike, "-" + bare, *("-" + shorter for shorter in _without_a_letter(bare))):
                for other in near.get(key, ()):
                    if other == code or other in found or other not in self._by_code:
                        continue
                    kind = difference(code, other)
                    if kind is not None and (kind != "one_letter" or _letters_only(bare, _forms(other)[2])):
                        found[other] = kind
        if wanted_name:
            for other in near.get("n" + wanted_name, ()):
                if other != code and other not in found and self._named(other, wanted_name):
                    found[other] = (difference(code, other) if code else None) or "same_name"
        ranked = sorted(found.items(), key=lambda item: (-RANK[item[1]], item[0]))[:_MOST_PROPOSALS]
        return [Proposal(other, kind, _SAY[kind](code=code, other=other, name=name)) for other, kind in ranked]

    def _named(self, code: str, wanted: str) -> bool:
        return any(name_key(product.name) == wanted for product in self.by_code(code))


def _letters_only(code: str, other: str) -> bool:
    """Both have the same digits, in codes long enough for one letter to be a slip."""
    digits = sorted(c for c in code if c.isdigit())
    return min(len(code), len(other)) >= 4 and digits == sorted(c for c in other if c.isdigit())


def match_product(
    code: str,
    name: str,
    index: ProductIndex,
    accepted: Mapping[str, str],
    components: tuple[Component, ...] = (),
) -> ProductMatch:
    """What the store's `code` means in the books. `accepted` maps store codes to codes of the books.

    `components` are the parts of a bundle of the store (their codes are the store's): a bundle that the books do not
    know as such is booked as its parts when every one of them is matched.
    """
    other = accepted.get(code)
    if other is not None and code:
        if other in index:
            return ProductMatch(code, "accepted", other, reasons=(_ACCEPTED(code=code, other=other),))
        return _unmatched(code, name, index, _ACCEPTED_GONE(code=code, other=other))
    if code and code in index:
        count = len(index.by_code(code))
        if count == 1:
            return ProductMatch(code, "exact", code, reasons=(_EXACT(code=code),))
        return ProductMatch(code, "unmatched", reasons=(_DOUBLED(code=code, count=count),))
    if components:
        parts = [(match_product(c.code, "", index, accepted), c.quantity) for c in components]
        if all(part.target for part, _quantity in parts):
            booked = tuple(Component(part.target, quantity) for part, quantity in parts)
            said = ", ".join(f"{c.quantity} × {c.code}" for c in booked)
            return ProductMatch(code, "components", components=booked, reasons=(_BUNDLE(code=code, parts=said),))
    return _unmatched(code, name, index, _UNKNOWN(code=code) if code else _NO_CODE(name=name))


def _unmatched(code: str, name: str, index: ProductIndex, reason: str) -> ProductMatch:
    proposals = tuple(index.near(code, name))
    return ProductMatch(code, "unmatched", "", (), proposals, (reason, *(p.reason for p in proposals)))

"""Comparing two whole catalogues: matched, unmatched, doubled, near misses; and accepting pairs by rule."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

import msgspec

from selaras.model.product import Product
from selaras.rules.products import RANK, ProductIndex, ProductMatch, Proposal, match_product


class Pair(msgspec.Struct, frozen=True):
    """A store code and the code of the books that it means, and how that is known (exact, accepted, components)."""

    store: str
    books: str
    how: str


class Doubled(msgspec.Struct, frozen=True):
    """A code that several products of one side carry."""

    code: str
    ids: tuple[str, ...]


class NearMiss(msgspec.Struct, frozen=True):
    """A product of the store without a partner, and who might be the partner."""

    code: str
    name: str
    proposals: tuple[Proposal, ...]


class CatalogueReport(msgspec.Struct, frozen=True):
    """What the comparison found; every list is sorted by code. Products without a code are listed by id and name."""

    matched: tuple[Pair, ...]
    unmatched_store: tuple[ProductMatch, ...]
    unmatched_books: tuple[str, ...]
    doubled_store: tuple[Doubled, ...]
    doubled_books: tuple[Doubled, ...]
    near: tuple[NearMiss, ...]
    without_code_store: tuple[str, ...]
    without_code_books: tuple[str, ...]


def _sold(products: Iterable[Product]) -> tuple[dict[str, list[Product]], tuple[str, ...]]:
    """Active products by code, and those without one. A parent of variants is not sold itself."""
    products = list(products)
    parents = {p.parent for p in products if p.parent}
    by_code: dict[str, list[Product]] = {}
    without = []
    for product in products:
        if not product.active:
            continue
        if product.code:
            by_code.setdefault(product.code, []).append(product)
        elif product.id not in parents:
            without.append(f"{product.id} {product.name}".strip())
    return by_code, tuple(sorted(without))


def compare_catalogues(
    store: Iterable[Product], books: Iterable[Product], accepted: Mapping[str, str] | None = None
) -> CatalogueReport:
    """Compare the store's products with those of the books by code.

    Near misses are looked for only among the products of the books that no product of the store is matched with, so
    that neighbours in a numbered series do not propose each other.
    """
    accepted = accepted or {}
    books = list(books)
    ours, without_store = _sold(store)
    theirs, without_books = _sold(books)
    index = ProductIndex(books)
    matched: list[Pair] = []
    open_codes: list[tuple[str, ProductMatch]] = []
    used: set[str] = set()
    empty = ProductIndex()
    for code, products in ours.items():
        # The empty index gives the reason without the search for proposals, which comes below among the unused ones.
        known = code in index or code in accepted
        match = match_product(code, products[0].name, index if known else empty, accepted)
        if not match.target and products[0].components:
            match = match_product(code, products[0].name, index, accepted, products[0].components)
        if match.target:
            matched.append(Pair(code, match.target, match.how))
            used.add(match.target)
        elif match.components:
            matched.append(Pair(code, "", match.how))
            used.update(c.code for c in match.components)
        else:
            open_codes.append((code, match))
    left = ProductIndex(p for p in books if p.code and p.code not in used)
    unmatched, near = [], []
    for code, match in open_codes:
        name = ours[code][0].name
        proposals = tuple(left.near(code, name))
        reasons = (match.reasons[0], *(p.reason for p in proposals))
        unmatched.append(ProductMatch(code, "unmatched", proposals=proposals, reasons=reasons))
        if proposals:
            near.append(NearMiss(code, name, proposals))
    return CatalogueReport(
        tuple(sorted(matched, key=lambda p: p.store)),
        tuple(sorted(unmatched, key=lambda m: m.code)),
        tuple(sorted(code for code in theirs if code not in used)),
        _doubled(ours),
        _doubled(theirs),
        tuple(sorted(near, key=lambda n: n.code)),
        without_store,
        without_books,
    )


def _doubled(by_code: Mapping[str, list[Product]]) -> tuple[Doubled, ...]:
    return tuple(Doubled(c, tuple(sorted(p.id for p in ps))) for c, ps in sorted(by_code.items()) if len(ps) > 1)


def accept_by_rule(report: CatalogueReport, kinds: Collection[str]) -> dict[str, str]:
    """Pairs that a rule accepts: near misses of these kinds ("case", "spaces" …) that are the only one on both sides.

    A product that two store codes would take, or a store code with two equally good proposals, stays open.
    """
    chosen: dict[str, str] = {}
    takers: dict[str, int] = {}
    for miss in report.near:
        best = [p for p in miss.proposals if p.kind in kinds]
        best = [p for p in best if RANK[p.kind] == RANK[best[0].kind]]
        for proposal in best:
            takers[proposal.code] = takers.get(proposal.code, 0) + 1
        if len(best) == 1:
            chosen[miss.code] = best[0].code
    return {code: other for code, other in chosen.items() if takers[other] == 1}

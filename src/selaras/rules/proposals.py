"""Proposals for a mapping, from the books' own chart: the type first, then the code, then the name. Pure.

A name alone proposes nothing: "Piutang Usaha" of the type bank stays out. Where two accounts fit alike, or only a weak
type speaks for one, nothing is chosen and the best are shown with their reasons.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from selaras.model.chart import Account
from selaras.rules.explain import N_, Sentence
from selaras.rules.mapping import ACCOUNT_ROLES, ANY, Chart, percent
from selaras.rules.roles import METHODS, ROLES, RoleWords

_TYPE = Sentence(N_("its type is %(type)s"))
_ONLY = Sentence(N_("it is the only account of the type %(type)s"))
_CODE = Sentence(N_("its code %(code)s begins as such codes do"))
_NAME = Sentence(N_("it is called %(name)s, a usual name for it"))
_LIKE = Sentence(N_("its name contains %(name)s"))
_RATE = Sentence(N_("its rate is %(rate)s %%"))
_ONLY_TAX = Sentence(N_("it is the only tax for sales of that rate"))
_ONLY_PLACE = Sentence(N_("it is the only warehouse"))
_MOST: Final = 3
_PURCHASE: Final = ("masukan", "pembelian", "input", "purchase", "vat in", "pph", "withholding")


class Possible(msgspec.Struct, frozen=True):
    """Something of the books that may be meant; the higher `score`, the more speaks for it."""

    id: str
    name: str
    score: int
    reasons: tuple[str, ...]


class Proposed(msgspec.Struct, frozen=True):
    """What a word of the mapping may mean. `chosen` is "" where nothing is clear enough to be proposed."""

    word: str
    chosen: str
    candidates: tuple[Possible, ...]


def propose(chart: Chart, methods: Iterable[str] = (), skip: Iterable[str] = ()) -> list[Proposed]:
    """Proposals for every role, the taxes, the warehouse and these ways of paying, but for the words in `skip`."""
    left = set(skip)
    accounts = [one for _id, one in sorted(chart.accounts.items()) if one.active]
    made = [
        _account(f"account:{role}", ROLES[role], accounts)
        for role in ACCOUNT_ROLES
        if accounts and f"account:{role}" not in left
    ]
    for method in sorted(set(methods)):
        kind = METHODS.get(method.strip().casefold().replace(" ", "_").replace("-", "_"))
        if kind is not None and accounts and f"method:{method}" not in left:
            made.append(_account(f"method:{method}", ROLES[kind], accounts))
    return [*made, *_taxes(chart, left), *_warehouse(chart, left)]


# -- accounts ----------------------------------------------------------------------------------------------------------


def _account(word: str, role: RoleWords, accounts: Sequence[Account]) -> Proposed:
    scored = [found for one in accounts if (found := _score(role, one, accounts)) is not None]
    scored.sort(key=lambda pair: (-pair[0].score, pair[0].id))
    best = [candidate for candidate, _sure in scored[:_MOST]]
    sure = bool(scored) and scored[0][1] and (len(scored) == 1 or scored[0][0].score > scored[1][0].score)
    return Proposed(word, best[0].id if sure else "", tuple(best))


def _score(role: RoleWords, one: Account, accounts: Sequence[Account]) -> tuple[Possible, bool] | None:
    """How much speaks for an account, and whether that is enough; None when its type or its name speaks against it."""
    if one.type not in role.strong | role.weak:
        return None
    name = _words(one.name)
    if any(_contains(name, _words(other)) for other in role.never):
        return None
    strong = one.type in role.strong
    reasons, score, sure = [_TYPE(type=one.type)], 4 if strong else 2, False
    if role.alone and strong and sum(1 for other in accounts if other.type == one.type) == 1:
        reasons[0], sure = _ONLY(type=one.type), True
    if one.code and _digit(one.code) in role.digits:
        reasons.append(_CODE(code=one.code))
        score += 1
    for place, known in enumerate(role.names):
        words = _words(known)
        if name == words:
            reasons.append(_NAME(name=one.name))
            # An earlier name is the better one, but any whole name goes before one that is merely contained.
            return Possible(one.id, _called(one), score + 6 + max(0, 4 - place), tuple(reasons)), True
    inside = next((known for known in role.names if _contains(name, _words(known))), "")
    if inside:
        reasons.append(_LIKE(name=inside))
        return Possible(one.id, _called(one), score + 3, tuple(reasons)), strong
    return (Possible(one.id, _called(one), score, tuple(reasons)), sure) if strong and role.alone else None


def _words(name: str) -> tuple[str, ...]:
    return tuple(re.findall(r"[a-z0-9]+", name.casefold()))


def _contains(name: tuple[str, ...], part: tuple[str, ...]) -> bool:
    return bool(part) and any(name[at : at + len(part)] == part for at in range(len(name) - len(part) + 1))


def _digit(code: str) -> str:
    return next((letter for letter in code if letter.isascii() and letter.isdigit()), "none")


def _called(one: Account) -> str:
    return f"{one.code} {one.name}".strip()


# -- taxes and warehouses ----------------------------------------------------------------------------------------------


def _taxes(chart: Chart, left: set[str]) -> list[Proposed]:
    groups: dict[str, list[Possible]] = {}
    for _id, tax in sorted(chart.taxes.items()):
        name = _words(tax.name)
        if not tax.active or any(_contains(name, _words(word)) for word in _PURCHASE):
            continue
        rate = percent(tax.rate)
        word = f"tax:{rate}" + (f"@{tax.place.upper()}" if tax.place else "")
        groups.setdefault(word, []).append(Possible(tax.id, tax.name, 4, (_RATE(rate=rate),)))
    made = []
    for word, found in groups.items():
        if word in left:
            continue
        if len(found) == 1:
            only = msgspec.structs.replace(found[0], score=6, reasons=(*found[0].reasons, _ONLY_TAX()))
            made.append(Proposed(word, only.id, (only,)))
        else:
            made.append(Proposed(word, "", tuple(found)))
    return made


def _warehouse(chart: Chart, left: set[str]) -> list[Proposed]:
    word = f"warehouse:{ANY}"
    there = [one for _id, one in sorted(chart.warehouses.items()) if one.active]
    if not there or word in left:
        return []
    if len(there) == 1:
        return [Proposed(word, there[0].id, (Possible(there[0].id, there[0].name, 4, (_ONLY_PLACE(),)),))]
    return [Proposed(word, "", tuple(Possible(one.id, one.name, 1, ()) for one in there))]

"""Finding the buyer among the contacts of the books (M4).

A contact is used without asking only when the telephone number or the e-mail address is equal *and* the names can be
the same person's. Everything that is not certain is asked; nobody is merged by name alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

import msgspec

from selaras.model.party import Buyer, Contact
from selaras.rules.explain import N_, Sentence
from selaras.rules.names import names_compatible, read_name
from selaras.rules.phones import normalise_email, normalise_phone, normalise_phones

__all__ = [
    "ContactIndex",
    "ContactMatch",
    "contact_key",
    "match_contact",
    "names_compatible",
    "normalise_email",
    "normalise_phone",
    "normalise_phones",
    "read_name",
]

_SAME_BOTH = Sentence(N_("Telephone, e-mail and name agree with the contact %(name)s."))
_SAME_PHONE = Sentence(N_("The telephone number %(phone)s and the name agree with the contact %(name)s."))
_SAME_EMAIL = Sentence(N_("The e-mail address %(email)s and the name agree with the contact %(name)s."))
_OURS = Sentence(N_("The contact %(name)s was created for this buyer before."))
_NEW = Sentence(N_("No contact has this buyer's telephone number or e-mail address."))
_NEW_UNKNOWN = Sentence(N_("The buyer left no telephone number or e-mail address; a contact of their own is made."))
_WALK_IN = Sentence(N_("The buyer left neither telephone number nor e-mail address and goes to the shared contact."))
_OTHER_NAME = Sentence(N_("The contact %(name)s has the same %(what)s but another name than %(buyer)s."))
_SHARED = Sentence(N_("The telephone number %(phone)s belongs to %(count)s contacts with different names."))
_TIE = Sentence(N_("%(count)s contacts fit this buyer equally well: %(names)s."))
_SPLIT = Sentence(N_("Telephone number and e-mail address lead to different contacts: %(names)s."))


class ContactMatch(msgspec.Struct, frozen=True):
    """What to do about the buyer. `contact_id` only with `use`; `candidates` (contact ids) only with `ask`."""

    decision: Literal["use", "create", "ask", "walk_in"]
    contact_id: str = ""
    candidates: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()


class ContactIndex:
    """Contacts of the books by telephone number, e-mail address and stamped reference. Cheap to keep up to date."""

    __slots__ = ("_by_id", "_keys")

    def __init__(self, contacts: Iterable[Contact] = ()) -> None:
        self._by_id: dict[str, Contact] = {}
        self._keys: dict[str, dict[str, None]] = {}
        for contact in contacts:
            self.put(contact)

    def __len__(self) -> int:
        return len(self._by_id)

    def get(self, contact_id: str) -> Contact | None:
        """The contact with this id of the books."""
        return self._by_id.get(contact_id)

    def put(self, contact: Contact) -> None:
        """Add a contact or replace what was known of it. An inactive contact is taken out."""
        if contact.id in self._by_id:
            self.drop(contact.id)
        if not contact.active:
            return
        self._by_id[contact.id] = contact
        for key in _keys_of(contact):
            self._keys.setdefault(key, {})[contact.id] = None

    def drop(self, contact_id: str) -> None:
        """Forget a contact; unknown ids are no error."""
        contact = self._by_id.pop(contact_id, None)
        if contact is None:
            return
        for key in _keys_of(contact):
            ids = self._keys[key]
            ids.pop(contact_id, None)
            if not ids:
                del self._keys[key]

    def candidates(self, buyer: Buyer) -> list[Contact]:
        """Contacts that share the buyer's telephone number or e-mail address, or were created for this very buyer."""
        keys = self._keys
        found: dict[str, None] = {}
        phone = normalise_phone(buyer.phone) if buyer.phone else None
        email = normalise_email(buyer.email) if buyer.email else None
        if phone is not None and (ids := keys.get("p" + phone)):
            found.update(ids)
        if email is not None and (ids := keys.get("e" + email)):
            found.update(ids)
        if not found and (key := contact_key(buyer)) and (ids := keys.get("r" + key)):
            found.update(ids)
        return [self._by_id[contact_id] for contact_id in found]


def _keys_of(contact: Contact) -> list[str]:
    keys = ["p" + phone for phone in normalise_phones(contact.phone)] if contact.phone else []
    if contact.email and (email := normalise_email(contact.email)):
        keys.append("e" + email)
    if contact.reference:
        keys.append("r" + contact.reference)
    return keys


def contact_key(buyer: Buyer, fallback: str = "") -> str:
    """A stable key under which the same buyer is created only once.

    The normalised telephone number, else the e-mail address, else the store's customer id, else `fallback` (the order's
    id for a guest who left nothing); "" when there is not even that.
    """
    if buyer.phone and (phone := normalise_phone(buyer.phone)):
        return "phone:" + phone
    if buyer.email and (email := normalise_email(buyer.email)):
        return "email:" + email
    if buyer.id:
        return "customer:" + buyer.id
    return "guest:" + fallback if fallback else ""


def match_contact(buyer: Buyer, candidates: Sequence[Contact], walk_in: str | None = None) -> ContactMatch:
    """Decide about a buyer, given the contacts that share something with them (`ContactIndex.candidates`).

    `walk_in` is the policy's shared contact for buyers without telephone number and e-mail address; None makes each of
    them a contact of their own.
    """
    phone = normalise_phone(buyer.phone) if buyer.phone else None
    email = normalise_email(buyer.email) if buyer.email else None
    if phone is None and email is None:
        ours = _created_before(buyer, candidates)
        if ours is not None:
            return ours
        if walk_in is not None:
            return ContactMatch("walk_in", reasons=(_WALK_IN(),))
        return ContactMatch("create", reasons=(_NEW_UNKNOWN(),))
    by_phone: list[Contact] = []
    by_email: list[Contact] = []
    for contact in candidates:
        if not contact.active:
            continue
        if phone is not None and contact.phone and phone in normalise_phones(contact.phone):
            by_phone.append(contact)
        if email is not None and contact.email and email == normalise_email(contact.email):
            by_email.append(contact)
    if not by_phone and not by_email:
        return _created_before(buyer, candidates) or ContactMatch("create", reasons=(_NEW(),))
    return _decide(buyer, phone or "", email or "", by_phone, by_email)


def _created_before(buyer: Buyer, candidates: Sequence[Contact]) -> ContactMatch | None:
    key = contact_key(buyer)
    if not key:
        return None
    ours = [c for c in candidates if c.active and c.reference == key]
    if len(ours) == 1 and names_compatible(buyer.name, ours[0].name):
        return ContactMatch("use", ours[0].id, reasons=(_OURS(name=ours[0].name),))
    return _ask(ours, _TIE(count=len(ours), names=_names(ours))) if ours else None


def _decide(buyer: Buyer, phone: str, email: str, by_phone: list[Contact], by_email: list[Contact]) -> ContactMatch:
    both = [c for c in by_phone if any(c.id == d.id for d in by_email) and names_compatible(buyer.name, c.name)]
    if len(both) == 1:
        return ContactMatch("use", both[0].id, reasons=(_SAME_BOTH(name=both[0].name),))
    everyone = by_phone + [d for d in by_email if all(c.id != d.id for c in by_phone)]
    if len(everyone) == 1:
        contact = everyone[0]
        if not names_compatible(buyer.name, contact.name):
            what = N_("telephone number") if by_phone else N_("e-mail address")
            return _ask(everyone, _OTHER_NAME(name=contact.name, what=what, buyer=buyer.name))
        if by_phone:
            return ContactMatch("use", contact.id, reasons=(_SAME_PHONE(phone=phone, name=contact.name),))
        return ContactMatch("use", contact.id, reasons=(_SAME_EMAIL(email=email, name=contact.name),))
    if len(by_phone) > 1 and _differently_named(by_phone):
        return _ask(everyone, _SHARED(phone=phone, count=len(by_phone)))
    if len(by_phone) == 1 and len(by_email) == 1:
        return _ask(everyone, _SPLIT(names=_names(everyone)))
    return _ask(everyone, _TIE(count=len(everyone), names=_names(everyone)))


def _differently_named(contacts: list[Contact]) -> bool:
    first = contacts[0].name
    return any(not names_compatible(first, other.name) for other in contacts[1:])


def _ask(contacts: Sequence[Contact], *reasons: str) -> ContactMatch:
    return ContactMatch("ask", candidates=tuple(sorted(c.id for c in contacts)), reasons=reasons)


def _names(contacts: Sequence[Contact]) -> str:
    return ", ".join(f"{c.name} ({c.id})" for c in sorted(contacts, key=lambda c: c.id))

"""The words of a mapping: `account:sales=…`, `tax:11@ID=…`, and the file (TOML) that says the same, both ways.

A word in brackets is a rule: `account:sales[code=BUKU-,place=SG]`. Values are ids, codes or unique names of the books
and are kept as ids; a value that the chart does not know is refused where the chart was read.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from collections.abc import Mapping as Table
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

from selaras.ledger.errors import LedgerError
from selaras.model.chart import Account
from selaras.rules.mapping import ACCOUNT_ROLES, ANY, DIMENSION_KINDS, Chart, Mapping, Rule, TaxRule, percent
from selaras.rules.roles import type_fits

_CONDITIONS = ("code", "channel", "place", "currency")
_SECTIONS = ("accounts", "methods", "taxes", "warehouses", "dimensions", "rules", "require")
_HELP = "See `selaras mapping --help` and docs/how-to/map-accounts-and-taxes.md."


def flat(mapping: Mapping) -> dict[str, str]:
    """Every word of a mapping with its id, rules in their order (they carry their number: the first that fits wins)."""
    words = {f"account:{role}": chosen for role, chosen in sorted(mapping.accounts.items(), key=_by_role)}
    words |= {f"method:{name}": chosen for name, chosen in sorted(mapping.methods.items())}
    for rule in sorted(mapping.taxes, key=lambda r: (-r.rate, r.place)):
        words[f"tax:{percent(rule.rate)}" + (f"@{rule.place}" if rule.place else "")] = rule.tax
    words |= {f"warehouse:{place}": chosen for place, chosen in sorted(mapping.warehouses.items())}
    words |= {f"dimension:{kind}": chosen for kind, chosen in sorted(mapping.dimensions.items())}
    for one in mapping.rules:
        words[f"{one.set}[{_conditions(one)}]"] = one.to
    if mapping.require:
        words["require"] = ",".join(mapping.require)
    return words


def _by_role(item: tuple[str, str]) -> tuple[int, str]:
    role = item[0]
    return (ACCOUNT_ROLES.index(role) if role in ACCOUNT_ROLES else len(ACCOUNT_ROLES), role)


def _conditions(rule: Rule) -> str:
    return ",".join(f"{name}={getattr(rule, name)}" for name in _CONDITIONS if getattr(rule, name))


class Known(msgspec.Struct, frozen=True):
    """What ids are looked up in: the chart, and the kinds (`account`, `tax` …) that the books cannot list."""

    chart: Chart
    unlisted: frozenset[str] = frozenset()


def with_words(mapping: Mapping, choices: Iterable[tuple[str, str]], known: Known) -> Mapping:
    """The mapping with some words changed; an empty value takes one off. Raises `LedgerError` naming the word."""
    for word, value in choices:
        mapping = _with(mapping, word.strip(), value.strip(), known)
    return mapping


def _with(mapping: Mapping, word: str, value: str, known: Known) -> Mapping:
    name, bracket, conditions = word.partition("[")
    family, _colon, rest = name.partition(":")
    rest = rest.strip()
    replace = msgspec.structs.replace
    if name == "require":
        return replace(mapping, require=_required(value.split(",")))
    if bracket:
        rule = _rule(name, conditions, word)
        at = next((i for i, r in enumerate(mapping.rules) if _same(r, rule)), len(mapping.rules))
        made = (replace(rule, to=chosen_id(known, rule.set, value)),) if value else ()
        return replace(mapping, rules=(*mapping.rules[:at], *made, *mapping.rules[at + 1 :]))
    _check_word(name)
    chosen = chosen_id(known, name, value) if value else ""
    match family:
        case "account":
            return replace(mapping, accounts=_put(mapping.accounts, rest, chosen))
        case "method":
            return replace(mapping, methods=_put(mapping.methods, rest, chosen))
        case "warehouse":
            return replace(mapping, warehouses=_put(mapping.warehouses, rest or ANY, chosen))
        case "dimension":
            return replace(mapping, dimensions=_put(mapping.dimensions, rest, chosen))
        case _:
            rate, _at, place = rest.partition("@")
            return replace(mapping, taxes=_taxes(mapping.taxes, _rate(rate), place.strip().upper(), chosen))


def _same(one: Rule, other: Rule) -> bool:
    """Rules for the same thing under the same conditions."""
    return (one.set, _conditions(one)) == (other.set, _conditions(other))


def _put(before: Table[str, str], key: str, chosen: str) -> dict[str, str]:
    kept = {k: v for k, v in before.items() if k != key}
    return kept | ({key: chosen} if chosen else {})


def _taxes(before: tuple[TaxRule, ...], rate: Decimal, place: str, chosen: str) -> tuple[TaxRule, ...]:
    kept = [rule for rule in before if (rule.rate, rule.place) != (rate, place)]
    return tuple(kept + ([TaxRule(rate, chosen, place)] if chosen else []))


def _rate(text: str) -> Decimal:
    try:
        rate = Decimal(text.strip().rstrip("%").strip().replace(",", ".")) / 100
        if not 0 <= rate < 1:
            raise InvalidOperation
    except InvalidOperation:
        raise LedgerError(
            f"{text!r} is not a rate in percent.", "Write tax:11=TAX, or tax:11@SG=TAX for a place."
        ) from None
    return rate.normalize()


def _rule(name: str, conditions: str, word: str) -> Rule:
    _check_word(name)
    found: dict[str, str] = {}
    for part in conditions.rstrip("]").split(","):
        key, sign, value = part.partition("=")
        if key.strip() not in _CONDITIONS or not sign or not value.strip():
            raise LedgerError(f"{word!r} has no condition {part!r}.", f"Conditions: {', '.join(_CONDITIONS)}.")
        found[key.strip()] = value.strip()
    return Rule(name, "", **found)


def _check_word(name: str) -> None:
    family, _colon, rest = name.partition(":")
    known = (
        (family == "account" and rest in ACCOUNT_ROLES)
        or (family == "method" and bool(rest))
        or (family == "dimension" and rest in DIMENSION_KINDS)
        or (family == "tax" and bool(rest))
        or family == "warehouse"
    )
    if not known:
        kinds = {"account": ACCOUNT_ROLES, "dimension": DIMENSION_KINDS}.get(family)
        hint = (
            f"Words of {family}: {', '.join(kinds)}."
            if kinds
            else "Words: account:ROLE, method:NAME, tax:RATE@PLACE, warehouse:LOCATION, dimension:KIND, require."
        )
        raise LedgerError(f"A mapping has no word {name!r}.", hint)


def _required(words: Iterable[str]) -> tuple[str, ...]:
    found = sorted({word.strip() for word in words if word.strip()})
    for word in found:
        if word not in ("tax", "warehouse"):
            family = word.partition(":")[0]
            if family not in ("account", "dimension"):
                raise LedgerError(
                    f"{word!r} cannot be required.", "Require account:ROLE, dimension:KIND, tax or warehouse."
                )
            _check_word(word)
    return tuple(found)


def chosen_id(known: Known, word: str, text: str) -> str:
    """The books' id of what a person named by id, code or name. Raises `LedgerError`.

    Where the books cannot list such things, the text is taken for an id.
    """
    kind, _colon, rest = word.partition(":")
    chart, listed = known.chart, "account" if kind == "method" else kind
    tables: dict[str, Table[str, Any]] = {
        "account": chart.accounts, "tax": chart.taxes, "warehouse": chart.warehouses, "dimension": chart.dimensions,
    }  # fmt: skip
    there = tables[listed]
    if not there:
        if listed in known.unlisted:
            return text
        raise LedgerError(
            f"{word}: no {listed} of the books was read yet.",
            "Run `selaras sweep` once, or keep `selaras serve` running.",
        )
    found = [there[text]] if text in there else []
    found = found or [one for one in there.values() if text == getattr(one, "code", "") != ""]
    found = found or [one for one in there.values() if one.name.casefold() == text.casefold()]
    if kind == "dimension":
        found = [one for one in found if one.kind == rest]
    if len(found) != 1:
        raise LedgerError(
            f"{word}: the books have {len(found)} called {text!r}.",
            "Give the id or the code; `selaras mapping chart` lists them.",
        )
    one = found[0]
    if not one.active:
        raise LedgerError(f"{word}: {text!r} is switched off in the books.", "Choose one that is in use.")
    if isinstance(one, Account) and not type_fits(rest if kind == "account" else "method", one.type):
        raise LedgerError(
            f"{word}: {one.code} {one.name} is an account of the type {one.type}.",
            "Choose an account whose type fits; the books would say something untrue else.",
        )
    return str(one.id)


# -- files -------------------------------------------------------------------------------------------------------------


def read_file(text: str, known: Known) -> Mapping:
    """A mapping from TOML or JSON text. Raises `LedgerError` with the place of what is wrong."""
    try:
        content = msgspec.json.decode(text) if text.lstrip()[:1] == "{" else tomllib.loads(text)
    except (tomllib.TOMLDecodeError, msgspec.DecodeError) as error:
        raise LedgerError(f"The file cannot be read ({error}).", "Correct that line; nothing was taken.") from None
    if not isinstance(content, dict) or (strange := sorted(set(content) - {*_SECTIONS, "version", "store", "books"})):
        names = ", ".join(strange) if isinstance(content, dict) else "no sections"
        raise LedgerError(
            f"The file has sections that a mapping has not: {names}.", f"Sections: {', '.join(_SECTIONS)}."
        )
    words: list[tuple[str, str]] = []
    for section, family in (
        ("accounts", "account"), ("methods", "method"), ("warehouses", "warehouse"), ("dimensions", "dimension"),
    ):  # fmt: skip
        words += [(f"{family}:{key}", _text(value, f"{section}.{key}")) for key, value in _table(content, section)]
    for number, row in enumerate(_rows(content, "taxes"), start=1):
        place = str(row.get("place", ""))
        word = f"tax:{row.get('rate', '')}" + (f"@{place}" if place else "")
        words.append((word, _text(row.get("tax"), f"taxes, entry {number}")))
    for number, row in enumerate(_rows(content, "rules"), start=1):
        conditions = ",".join(f"{name}={row[name]}" for name in _CONDITIONS if row.get(name))
        words.append((f"{row.get('set', '')}[{conditions}]", _text(row.get("to"), f"rules, entry {number}")))
    required = content.get("require", [])
    if required:
        words.append(("require", ",".join(map(str, required)) if isinstance(required, list) else str(required)))
    return with_words(Mapping(), words, known)


def _table(content: Table[str, Any], section: str) -> list[tuple[str, Any]]:
    found = content.get(section, {})
    if not isinstance(found, dict):
        raise LedgerError(f"The section {section} must be a table.", _HELP)
    return list(found.items())


def _rows(content: Table[str, Any], section: str) -> list[dict[str, Any]]:
    found = content.get(section, [])
    if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
        raise LedgerError(f"The section {section} must be a list of tables.", _HELP)
    return found


def _text(value: object, place: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise LedgerError(f"{place} names nothing.", "Give an id, a code or a name of the books, or take the line out.")
    return value


def write_file(mapping: Mapping, head: Iterable[str], named: Table[str, str]) -> str:
    """The mapping as TOML, each line with the name that the books give it (`named`: word → name)."""
    lines = [f"# {line}" for line in head]

    def entry(key: str, value: str, word: str) -> str:
        name = named.get(word, "")
        return f"{key} = {_quoted(value)}" + (f"  # {_plain(name)}" if name else "")

    if mapping.require:
        lines += ["", f"require = [{', '.join(map(_quoted, mapping.require))}]"]
    for section, family, table in (
        ("accounts", "account", dict(sorted(mapping.accounts.items(), key=_by_role))),
        ("methods", "method", dict(sorted(mapping.methods.items()))),
        ("warehouses", "warehouse", dict(sorted(mapping.warehouses.items()))),
        ("dimensions", "dimension", dict(sorted(mapping.dimensions.items()))),
    ):
        if table:
            lines += ["", f"[{section}]"]
            lines += [entry(_quoted(key), value, f"{family}:{key}") for key, value in table.items()]
    for rule in sorted(mapping.taxes, key=lambda r: (-r.rate, r.place)):
        word = f"tax:{percent(rule.rate)}" + (f"@{rule.place}" if rule.place else "")
        lines += ["", "[[taxes]]", f"rate = {_quoted(percent(rule.rate))}"]
        lines += [f"place = {_quoted(rule.place)}"] if rule.place else []
        lines.append(entry("tax", rule.tax, word))
    for one in mapping.rules:
        lines += ["", "[[rules]]", f"set = {_quoted(one.set)}"]
        lines += [f"{name} = {_quoted(getattr(one, name))}" for name in _CONDITIONS if getattr(one, name)]
        lines.append(entry("to", one.to, f"{one.set}[{_conditions(one)}]"))
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    # A JSON string is a TOML basic string, but for DEL, which TOML wants escaped.
    return msgspec.json.encode(text).decode().replace("\x7f", "\\u007f")


def _plain(text: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())

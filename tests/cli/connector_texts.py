"""What the folders of `selaras.connectors` say to people, found in their sources.

Every text with words in it counts, wherever it stands: as a message, a cure, a finding, the title of a setting, or in
a helper that makes an error of it. What machines or developers read instead is named here, so that nothing is lost
because nobody thought of it.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Final

from tests.house.walls import SOURCE

FOLDER: Final = SOURCE / "connectors"
PLACE: Final = re.compile(r"%\(\w+\)s")
# The contract kit speaks to those who write connectors; the other two are words of foreign headers and statuses.
_OTHERS: Final = ("kit/", "files/guess.py", "files/fields.py")
_LOWER: Final = re.compile(r"(?<![\w@/.])[a-z]{2,}(?![\w/])")
_WORD: Final = re.compile(r"[A-Za-z]{2,}")
_GRAPHQL: Final = re.compile(r"[{}]")
_SORTING: Final = re.compile(r"\w+ (?:asc|ASC|DESC)(?:, \w+ (?:asc|ASC|DESC))*")
# Raised when a caller within the house is wrong.
_DEFECTS: Final = frozenset({"TypeError", "AssertionError", "NotImplementedError"})
# Their texts are said even when they are one word.
_SAYING: Final = {"Finding": ("what", "detail", "cure"), "Setting": ("title",)}
_PARAMETERS: Final = {"Finding": ("what", "ok", "detail", "cure"), "Setting": ("name", "title")}

NOT_SAID: Final = frozenset({
    # Calls within the house that are wrong.
    "at most %()s in one call, not %()s", "to %()s a %()s its id is needed", "there is no list of %()s",
    "numbers in a query are int or Decimal, so that they are written exactly", "a path begins with /",
    "a rate needs per_second > 0, burst >= 1 and parallel >= 1", "a window needs at least one call and some seconds",
    "an empty secret signs nothing", "received_at must have a zone",
    "a TLS context that does not verify certificates is not accepted",
    "%()s is not a cursor of the sandbox books",
    "WooCommerce has no %()s", "Vendure has no %()s", "Medusa has no %()s", "Midtrans has no %()s",
    "Xendit has no %()s", "ERPNext knows no %()s", "the sandbox books know no %()s", "the sandbox store has no %()s",
    "there is no %()s in these files",
    # The log of whoever installs a plug-in.
    "connector left out: %s", "%()s is not a ConnectorType", "%()s cannot be loaded: %()s: %()s",
    "%()s calls itself %()s but is entered as %()s", "%()s: the name %()s is taken already",
    # How an object shows itself.
    "Response(status=%()s, %()s bytes)", "Token(expires_at=%()s, scope=%()s)", "OAuth(%()s, %()s)",
    # Protocols: headers, scopes, names of limits, settings files.
    "Bearer %()s", "bearer %()s", "token %()s:%()s", "gzip, deflate", "openid all", "date: %()s\n%()s %()s HTTP/1.1",
    'hmac username="%()s", algorithm="hmac-sha256", headers="date request-line", signature="%()s"',
    "accurate %()s", "jurnal %()s %()s", "jurnal %()s address", "midtrans %()s %()s", "xendit %()s %()s %()s",
    "read stock", "not in", "$%()s: OrderListOptions",
    # Words by which a vendor's own names and sentences are known.
    "data usaha", "accounts receivable", "akun piutang", "accounts payable", "akun hutang", "cash & bank", "kas & bank",
    "other current asset", "fixed asset", "cost of", "harga pokok", "tidak ditemukan", "not found",
    "Sales Taxes and Charges Template", "Sales Taxes and Charges", "Cost of Goods Sold",
    # Written into another system, in one language: it is recognised there again.
    "Selaras: %()s", "Selaras: %()s %()s were received on %()s by %()s, reference %()s%()s.", " (payments %()s)",
    " (Bank Transaction %()s)", "Selaras (additional invoice)", "Selaras (goods back)", "%()s: taken back",
    "%()s bank line ", "\nSelaras pays %()s %()s", "Selaras %()s %()s %()s", "Refund %()s",
    # The same in every language, or a piece of a sentence that is listed whole.
    "HTTP %()s", "done/", "done/%()s", "out/", "refused/", "line %()s", ", column %()s", ", row %()s",
    # Names of months in files.
    "jan januari january", "feb februari february peb pebruari", "mar maret march", "apr april", "mei may",
    "jun juni june", "jul juli july", "agu agt agustus aug august ags", "sep sept september",
    "okt oktober oct october", "nov november nopember nop", "des desember dec december",
})  # fmt: skip


def sources() -> Iterator[tuple[str, ast.Module]]:
    """Every file of the connectors that speaks to people: its name and its tree."""
    for path in sorted(FOLDER.rglob("*.py")):
        name = path.relative_to(FOLDER).as_posix()
        if not name.startswith(_OTHERS):
            yield name, parsed(path)


@cache
def everything() -> tuple[tuple[str, str], ...]:
    """Place (file and line, under `connectors`) and text of all that the sources say."""
    return tuple((f"{name}:{line}", text) for name, tree in sources() for line, text in said_in(tree))


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def anonymous(text: str) -> str:
    """A text whose places have no names."""
    return PLACE.sub("%()s", text).replace("%%", "%")


def template(node: ast.AST) -> str | None:
    """A text with its places as `%()s`; None for anything else."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return anonymous(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "%()s" for part in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        left, right = template(node.left), template(node.right)
        return None if left is None or right is None else left + right
    return None


def said_in(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Line and text of everything in a source that a person may come to see."""
    apart = set(_silent(tree))
    for node in ast.walk(tree):
        if id(node) not in apart and (text := template(node)) is not None and _is_speech(node, text):
            yield getattr(node, "lineno", 0), text
        if isinstance(node, ast.Call) and (name := _name(node.func)) in _SAYING:
            places = dict(zip(_PARAMETERS[name], node.args, strict=False)) | {k.arg: k.value for k in node.keywords}
            for parameter in _SAYING[name]:
                yield from ((node.lineno, text) for text in _texts(places.get(parameter)) if _spoken(text))


def _is_speech(node: ast.AST, text: str) -> bool:
    plain = PLACE.sub(" ", text.replace("%()s", " "))
    if " " not in text.strip() or _GRAPHQL.search(text) or _SORTING.fullmatch(text) or text in NOT_SAID:
        return False
    return bool((_WORD if isinstance(node, ast.JoinedStr | ast.BinOp) else _LOWER).search(plain))


def _spoken(text: str) -> bool:
    return bool(_WORD.search(text.replace("%()s", ""))) and text not in NOT_SAID


def _texts(node: ast.AST | None) -> Iterable[str]:
    """The texts that a value may be, whichever way its conditions go."""
    if isinstance(node, ast.IfExp):
        return [*_texts(node.body), *_texts(node.orelse)]
    if isinstance(node, ast.BoolOp):
        return [text for value in node.values for text in _texts(value)]
    text = template(node) if node is not None else None
    return [text] if text else []


def _silent(tree: ast.Module) -> Iterator[int]:
    """Docstrings, the parts of a longer text, patterns, and what is raised for a defect of ours."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            yield id(node.value)
        elif isinstance(node, ast.JoinedStr):
            for part in node.values:
                yield id(part)
                if isinstance(part, ast.FormattedValue) and part.format_spec is not None:
                    yield from map(id, ast.walk(part.format_spec))
        elif isinstance(node, ast.BinOp) and template(node) is not None:
            yield from (id(node.left), id(node.right))
        elif isinstance(node, ast.Call) and (_name(node.func) == "compile" or _name(node.func) in _DEFECTS):
            yield from (id(part) for value in node.args for part in ast.walk(value))


def _name(function: ast.expr) -> str:
    return function.id if isinstance(function, ast.Name) else getattr(function, "attr", "")


def lost(found: Iterable[tuple[str, str]], known: set[str]) -> list[str]:
    """What of `found` (place and text) nobody could say in another language."""
    return [f"{place} {text!r}" for place, text in found if not _known(text, known)]


def _known(text: str, known: set[str]) -> bool:
    if text in known or not _WORD.search(text.replace("%()s", "")):
        return True
    # "invoice 7: what is wrong" is taken apart at its colon, and both sides are said.
    head, colon, rest = text.partition(": ")
    return bool(colon) and not _WORD.search(head.replace("%()s", "")) and _known(rest, known)

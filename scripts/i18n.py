#!/usr/bin/env python3
"""Keep the translations whole: extract | update | compile | check.

python scripts/i18n.py extract   list every text that the program can show
python scripts/i18n.py update    bring new texts into the .po files (English fills itself), then compile
python scripts/i18n.py compile   write the .mo files
python scripts/i18n.py check     say what is untranslated, stale or has other placeholders; exit 1 if anything
"""

from __future__ import annotations

import io
import os
import re
import sys
from datetime import UTC, datetime
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src" / "selaras"
LOCALES = ("en", "id")
# The header carries no clock, so that the same texts give the same file.
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
METHODS = [("**.py", "python"), ("**.html", "jinja2"), ("**.txt.j2", "jinja2")]
OPTIONS = {
    pattern: {"trimmed": "true", "silent": "false", "extensions": "jinja2.ext.do,jinja2.ext.loopcontrols"}
    for pattern, method in METHODS
    if method == "jinja2"
}
KEYWORDS: dict[str, tuple[int, ...] | None] = {"_": None, "N_": None, "gettext": None, "ngettext": (1, 2)}
PLACEHOLDER = re.compile(r"%\((\w+)\)[#0\- +]*[\d.]*([a-zA-Z])|(?<!%)%([sdrif])|\{(\w*)\}")


def po_path(locale: str) -> Path:
    return SOURCE / "locale" / locale / "LC_MESSAGES" / "selaras.po"


def extract() -> Catalog:
    """Every text of the source, in file order, each with the files it stands in."""
    catalog = Catalog(creation_date=EPOCH, revision_date=EPOCH)
    found = extract_from_dir(
        SOURCE, METHODS, OPTIONS, keywords=KEYWORDS, comment_tags=("i18n:",), strip_comment_tags=True
    )
    for filename, _line, message, comments, context in sorted(found, key=lambda row: (row[0], row[1])):
        if message and message != ("",):
            # Lines move with every edit; files are enough to find a text again.
            catalog.add(message, locations=[(f"src/selaras/{filename}", 0)], auto_comments=comments, context=context)
    return catalog


def read(locale: str) -> Catalog:
    path = po_path(locale)
    if not path.exists():
        catalog = Catalog(locale=locale, project="Selaras", version="main")
        catalog.msgid_bugs_address = "The Selaras maintainers"
        catalog.last_translator = catalog.language_team = "The Selaras maintainers"
        if locale == "id":
            # Indonesian nouns have one form; Babel's own table does not know.
            catalog.mime_headers = [("Plural-Forms", "nplurals=1; plural=0;")]
        return catalog
    with path.open("rb") as handle:
        return read_po(handle, locale=locale)


def compiled(catalog: Catalog) -> bytes:
    buffer = io.BytesIO()
    write_mo(buffer, catalog)
    return buffer.getvalue()


def parts(text: object) -> list[str]:
    """A message's forms: one, or one for each plural."""
    if isinstance(text, str):
        return [text]
    return [str(form) for form in text] if isinstance(text, tuple | list) else []


def placeholders(text: str) -> list[str]:
    return sorted("".join(filter(None, groups)) for groups in PLACEHOLDER.findall(text.replace("%%", "")))


def fill(message: Message, n_plurals: int) -> None:
    """English is written in the source: its catalogue repeats it."""
    if isinstance(message.id, str):
        message.string = message.id
    else:
        message.string = tuple(message.id[min(index, 1)] for index in range(n_plurals))


def replace(path: Path, content: bytes) -> None:
    """Write a file whole or not at all: two people who update at the same moment must not read half a catalogue."""
    part = path.with_name(f".{path.name}.{os.getpid()}")
    part.write_bytes(content)
    part.replace(path)


def update() -> None:
    for locale in LOCALES:
        catalog = read(locale)
        # A catalogue takes the very messages it is given, so each gets its own.
        catalog.update(extract(), no_fuzzy_matching=True)
        catalog.obsolete.clear()
        catalog.creation_date = catalog.revision_date = EPOCH
        catalog.fuzzy = False
        catalog.header_comment = f"# The texts of Selaras, locale {locale}. Apache-2.0."
        if locale == "en":
            for message in catalog:
                if message.id and not all(parts(message.string) or [""]):
                    fill(message, catalog.num_plurals)
        path = po_path(locale)
        path.parent.mkdir(parents=True, exist_ok=True)
        buffer = io.BytesIO()
        write_po(buffer, catalog, width=100, include_lineno=False, sort_by_file=True)
        replace(path, buffer.getvalue().rstrip() + b"\n")
    compile_all()


def compile_all() -> None:
    for locale in LOCALES:
        replace(po_path(locale).with_suffix(".mo"), compiled(read(locale)))


def faults_of(message: Message, locale: str, wanted: object) -> list[str]:
    """What is wrong with one entry: untranslated, fuzzy, or with other placeholders than its text."""
    where = f"{locale}: {message.id!r}"
    forms = parts(message.string)
    if message.fuzzy:
        return [f"{where} is fuzzy"]
    if not forms or not all(form.strip() for form in forms):
        return [f"{where} is not translated"]
    allowed = [placeholders(text) for text in parts(wanted)]
    return [f"{where} has other placeholders in {form!r}" for form in forms if placeholders(form) not in allowed]


def check() -> list[str]:
    """Every fault of the catalogues as a sentence; none means that they are whole."""
    template, faults = extract(), []
    for locale in LOCALES:
        catalog = read(locale)
        for message in template:
            if not message.id:
                continue
            entry = catalog.get(message.id, message.context)
            if entry is None:
                faults.append(f"{locale}: {message.id!r} is missing (run scripts/i18n.py update)")
            else:
                faults += faults_of(entry, locale, message.id)
        for entry in catalog:
            if entry.id and template.get(entry.id, entry.context) is None:
                faults.append(f"{locale}: {entry.id!r} is no longer used (run scripts/i18n.py update)")
        mo = po_path(locale).with_suffix(".mo")
        if not mo.exists() or mo.read_bytes() != compiled(catalog):
            faults.append(f"{locale}: selaras.mo is not what selaras.po says (run scripts/i18n.py compile)")
    return faults


def main(command: str) -> int:
    if command == "extract":
        for message in extract():
            if message.id:
                print(" | ".join(parts(message.id)))
    elif command == "update":
        update()
    elif command == "compile":
        compile_all()
    elif command == "check":
        faults = check()
        print("\n".join(faults) if faults else "the catalogues are whole")
        return 1 if faults else 0
    else:
        print(__doc__)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else ""))

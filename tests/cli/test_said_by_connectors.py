"""What a connector says to people can be said in both languages, and the lists of it follow the sources."""

from __future__ import annotations

import ast
import re
from types import ModuleType

import pytest

from selaras.connectors import registry
from selaras.i18n import gettext
from selaras.rules import explain
from selaras.sync import said_books, said_erp, said_feeds, said_files, said_gateways, said_shared, said_stores
from selaras.sync.said_words import WORDS
from selaras.sync.sentences import spoken
from tests.cli.connector_texts import FOLDER, NOT_SAID, anonymous, everything, lost, parsed, said_in, template
from tests.speaking import speaking

LISTS = (said_shared, said_stores, said_books, said_erp, said_files, said_feeds, said_gateways)
# What vendors call their own things.
SAME = frozenset({"server key", "secret key", "folder"})
NAME = re.compile(r"%\((\w+)\)s")


def known() -> set[str]:
    return {anonymous(sentence.text) for sentence in explain._sentences}


def test_everything_that_a_connector_says_can_be_said_in_both_languages() -> None:
    missing = lost(everything(), known())
    assert not missing, "add these to the list of their folder (sync/said_*.py):\n" + "\n".join(missing)


def test_every_folder_is_looked_at() -> None:
    folders = {place.partition("/")[0] for place, _ in everything()}
    there = {path.name for path in FOLDER.iterdir() if (path / "__init__.py").exists()}
    # files_books is another door to files; the contract says nothing; the kit speaks to developers.
    assert there - folders == {"contract", "kit", "files_books"}


SPEAKING = '''
_CURE = "Open the vault in Examplia, then retry."
_CURES = {"cold": "Warm the record up."}

class Client:
    def read(self, name, error):
        """Read the vault."""
        if not name:
            raise Rejected(f"the vault {name} is shut", code="shut now", cure=_CURE)
        if error:
            return _no(f"{name} is {'too cold' if error else 'too hot'} to touch", "cold one")
        raise TypeError("a vault is not a name")

def check():
    cure = "Turn the key" + " twice."
    return [Finding("Vault", True), Finding("lock", False, "" if cure else "rusty", cure)]

SETTINGS = (Setting("key", "Key"), Setting(name="lock", title="Lock"))
PATTERN = re.compile("no such vault")
'''


def test_a_text_is_found_wherever_it_stands() -> None:
    """In a message, a cure, a constant, a helper, a condition, a finding, the title of a setting."""
    found = {text for _, text in said_in(ast.parse(SPEAKING))}
    assert found == {
        "Open the vault in Examplia, then retry.", "Warm the record up.", "the vault %()s is shut", "shut now",
        "%()s is %()s to touch", "too cold", "too hot", "cold one", "Turn the key twice.", "Vault", "lock",
        "rusty", "Key", "Lock",
    }  # fmt: skip


def test_a_missing_one_is_seen() -> None:
    """Any one sentence taken from what is known is missed, and told with its place."""
    text = "the invoice has fewer than %()s of %()s left to credit"
    assert text in known()
    (told,) = lost(everything(), known() - {text})
    assert told.startswith("erpnext/credit.py:")
    assert text in told


def test_a_sentence_behind_the_name_of_a_document_is_known_by_itself() -> None:
    assert not lost([("", "%()s: it is late"), ("", "%()s %()s: it is late"), ("", "%()s, %()s")], {"it is late"})
    assert lost([("", "%()s: it is late"), ("", "invoice %()s: it is late")], {"it is early"})


def test_nothing_is_listed_that_nobody_says() -> None:
    trees = [parsed(path) for path in sorted(FOLDER.rglob("*.py"))]
    texts = {text for tree in trees for node in ast.walk(tree) if (text := template(node)) is not None}
    # What files say of a line is put together from pieces; those lists hold the whole.
    listed = [anonymous(text) for one in LISTS[:4] for text in one.TEXTS]
    idle = [text for text in (*listed, *NOT_SAID) if text not in texts]
    assert not idle, idle


@pytest.mark.parametrize("one", LISTS, ids=lambda one: one.__name__.rpartition(".")[2])
def test_each_is_recognised_and_translated(one: ModuleType) -> None:
    faults = [f"{text!r} {fault}" for text in one.TEXTS if (fault := fault_of(text))]
    assert not faults, "\n".join(faults)


def fault_of(text: str) -> str:
    """What is wrong with a listed text: it does not come back as it was, or not in Indonesian with its values."""
    filled = text % {name: f"«{name}»" for name in NAME.findall(text)}
    with speaking("en"):
        english = spoken(filled)
    with speaking("id"):
        indonesian = spoken(filled)
    if english != filled:
        return f"becomes {english!r}"
    if indonesian == filled and text not in SAME and re.search(r"[a-z]{3}", NAME.sub("", text)):
        return "is not translated"
    lacking = [name for name in NAME.findall(text) if f"«{name}»" not in indonesian]
    return f"loses {lacking} in {indonesian!r}" if lacking else ""


@pytest.mark.parametrize("name", sorted(registry.types()))
def test_the_settings_of_each_connector_have_titles_in_both_languages(name: str) -> None:
    with speaking("id"):
        english = [one.title for one in registry.types()[name].settings if spoken(one.title) == one.title]
    assert not english


@pytest.mark.parametrize(
    ("english", "indonesian"),
    [
        ("invoice S1001: Barang & Jasa tidak tepat", "faktur S1001: Barang & Jasa tidak tepat"),
        ("credit_note R7: Customer ACME is frozen", "nota kredit R7: Customer ACME is frozen"),
        (
            "receipt R7: the bank or clearing account of this way of paying is not set",
            "penerimaan R7: akun bank atau kliring untuk cara bayar ini belum diatur",
        ),
        (
            "WooCommerce cannot void a store_payment",
            "WooCommerce tidak dapat melakukan pembatalan pada pembayaran di toko",
        ),
        ("no product of Tryton stands for shipping", "tidak ada produk Tryton untuk ongkos kirim"),
        (
            "taxes are included in the prices and rounded for each line",
            "pajak termasuk dalam harga dan dibulatkan untuk tiap baris",
        ),
        (
            "begun, not finished: PUT /x at erp failed there (HTTP 502); it may have taken effect",
            "sudah dimulai, belum selesai: PUT /x di erp gagal di sana (HTTP 502); mungkin sudah berlaku di sana",
        ),
        (
            "2 lines are refused: line 3, column Harga: it is not a number (abc); line 4: it has no order number",
            "2 baris ditolak: baris 3, kolom Harga: bukan angka (abc); baris 4: tidak ada nomor pesanan",
        ),
        (
            "Order 7 cannot be planned: no product of Tryton stands for shipping. Check the address.",
            "Pesanan 7 tidak bisa direncanakan: tidak ada produk Tryton untuk ongkos kirim. Periksa alamatnya.",
        ),
        # A name of ours that happens to be a word stays a name.
        ("There is no connection stock.", "Tidak ada koneksi stock."),
        (
            "Name a service product of Tryton in the setting 'product_discount'.",
            "Sebutkan produk jasa Tryton di pengaturan 'product_discount'.",
        ),
    ],
)
def test_values_are_said_where_they_are_ours(english: str, indonesian: str) -> None:
    with speaking("en"):
        assert spoken(english) == english
    with speaking("id"):
        assert spoken(english) == indonesian


def test_every_word_has_its_translation() -> None:
    with speaking("id"):
        same = {word for words in WORDS.values() for word in words.values() if gettext(word) == word}
    assert not same

"""Invented people, firms and goods. Names are common Indonesian ones put together by chance; nobody is meant."""

from __future__ import annotations

import bisect
import itertools
import random
from collections.abc import Callable, Sequence

MEN = (
    "Budi Agus Andi Joko Bambang Eko Hendra Rudi Dedi Ahmad Muhammad Rizky Fajar Dimas Arif Yusuf Iwan Heru Wahyu Adi "
    "Bayu Rian Doni Surya Teguh Slamet Ferry Hadi Irfan Ilham Reza Galih Yoga Aditya Gilang Rahmat Sigit Tri Dwi Imam "
    "Nugroho Anton Hendri Yanto Toni Dani Firman Ridwan Hasan Abdul Kevin Michael Stefanus Made Wayan Ketut Putu Gede"
).split()
WOMEN = (
    "Siti Dewi Sri Rina Ani Fitri Nur Ratna Lestari Wati Yuni Indah Maya Dian Ayu Putri Novi Rini Tuti Endang Ika "
    "Linda Mega Nia Ria Sari Tika Vina Wulan Yanti Desi Eka Fatimah Intan Kartika Lina Mira Nadia Oktavia Retno Susi "
    "Tiara Winda Yulia Zahra Aisyah Bunga Citra Diana Erna Gita Hesti Melati Niken Puspita Rahma Salma Kadek Komang Luh"
).split()
LAST = (
    "Santoso Setiawan Wijaya Saputra Pratama Kurniawan Hidayat Susanto Nugroho Wibowo Gunawan Rahman Hakim Siregar "
    "Nasution Lubis Simanjuntak Sitorus Harahap Ginting Purnomo Utomo Suryadi Hartono Handoko Halim Tanjung Salim "
    "Firmansyah Maulana Ramadhan Permana Prasetyo Cahyono Susilo Sutrisno Suharto Mulyadi Haryanto Budiman Kusuma "
    "Wulandari Lestari Rahayu Handayani Puspitasari Anggraini Safitri Astuti Kusumawati Aminah Wahyuni Maharani "
    "Permatasari Utami Yuliana Oktaviani Hapsari Damayanti Febrianti Novitasari Amalia Azzahra Kartikasari Suryani "
    "Pangestu Iskandar Syahputra Adiputra Wirawan Sanjaya Darmawan Laksono Sasongko Tjahjono Sudirman Effendi Anwar"
).split()
FIRM = (
    "Maju Jaya Abadi Sumber Rejeki Berkah Sejahtera Makmur Sentosa Karya Mandiri Cipta Utama Mitra Sinar Mas Anugerah "
    "Global Nusantara Indah Prima Tunggal Bersama Lestari Citra Artha Graha Surya Bintang Mulia Perkasa Terang Persada"
).split()
FORMS = (("PT", 0.55), ("CV", 0.33), ("UD", 0.08), ("Toko", 0.04))
TITLES_BEFORE = ("Bpk", "Ibu", "Sdr", "H.", "Hj.", "dr.", "Ir.")
TITLES_AFTER = ("S.E.", "S.Kom", "S.H.", "M.M.", "S.Pd")
WORDS = (
    "LUNAS", "BAYAR", "TRANSFER", "PEMBAYARAN", "BAYAR PESANAN", "ORDER BAJU", "BELI KAOS", "PESANAN ONLINE", "TRF",
    "BAYAR ORDER", "DP", "PELUNASAN", "KAOS HITAM", "TOPI 2", "SEPATU UK 42", "TERIMA KASIH", "BELANJA", "OK",
)  # fmt: skip
SUPPLIERS = ("PT MITRA TEKSTIL PERSADA", "CV SINAR KEMASAN", "UD BERKAH GUDANG", "PT KURIR CEPAT NUSANTARA")


def zipf(items: Sequence[str], power: float) -> Callable[[random.Random], str]:
    """A draw of items whose share falls with their place: item n has weight 1 / n ** power."""
    bounds = list(itertools.accumulate(1 / (n + 1) ** power for n in range(len(items))))
    top = bounds[-1]

    def draw(rng: random.Random) -> str:
        return items[bisect.bisect_right(bounds, rng.random() * top)]

    return draw


_man, _woman, _last, _firm = zipf(MEN, 0.6), zipf(WOMEN, 0.6), zipf(LAST, 0.5), zipf(FIRM, 0.3)


def person(rng: random.Random) -> str:
    """A person's name: one word (12 %), two (63 %) or three."""
    first = _man(rng) if rng.random() < 0.5 else _woman(rng)
    shape = rng.random()
    if shape < 0.12:
        return first
    last = _last(rng)
    if shape < 0.75:
        return f"{first} {last}" if first != last else first
    middle = _man(rng) if rng.random() < 0.5 else _woman(rng)
    return f"{first} {middle} {last}"


def firm(rng: random.Random) -> tuple[str, str]:
    """A firm's name and its legal form, apart."""
    count = 2 if rng.random() < 0.45 else 3
    words: list[str] = []
    while len(words) < count:
        word = _firm(rng)
        if word not in words:
            words.append(word)
    at = rng.random()
    form = "PT"
    for name, share in FORMS:
        if at < share:
            form = name
            break
        at -= share
    return " ".join(words), form


def written(rng: random.Random, name: str, form: str) -> str:
    """The name as the store has it: with the legal form, now and then with a title or in small letters."""
    if form:
        shape = rng.random()
        return f"{form} {name}" if shape < 0.5 else f"{form}. {name}" if shape < 0.75 else f"{name} {form}"
    shape = rng.random()
    if shape < 0.03:
        return f"{TITLES_BEFORE[int(rng.random() * len(TITLES_BEFORE))]} {name}"
    if shape < 0.05:
        return f"{name}, {TITLES_AFTER[int(rng.random() * len(TITLES_AFTER))]}"
    if shape < 0.13:
        return name.lower()
    return name.upper() if shape < 0.16 else name


def phone(rng: random.Random) -> str:
    """A mobile number in one of the ways people write it."""
    digits = f"8{(11, 12, 13, 21, 22, 52, 57, 77, 78, 95)[int(rng.random() * 10)]}{int(rng.random() * 10**8):08d}"
    shape = rng.random()
    return f"0{digits}" if shape < 0.7 else f"+62{digits}" if shape < 0.9 else f"62{digits}"

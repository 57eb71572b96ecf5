#!/usr/bin/env python3
"""Writes corpus.jsonl: texts for comparing segmentation, one JSON object {"id", "text"} a line.

Deterministic: the same on every machine and run (`generate.py --check` fails if the file is not what it writes). What a
person thought of stands in edge_cases.jsonl and comes first; the rest is laid around the boundaries of SMS: 160 septets
alone, 153 in each of several (3GPP TS 23.040, 9.2.3.24.1), 70 and 67 UTF-16 units likewise.
"""

import json
import random
import sys
from pathlib import Path

HERE = Path(__file__).parent
BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENSION = "\f^{}\\[~]|€"
BEYOND = {
    "polish": "ąćęłńóśźż ",
    "cyrillic": "съешь ещё этих мягких французских булок ",
    "greek": "αβγδεζηθικλμνξοπρστυφχψω ",
    "hebrew": "שלום עולם אבגדהוזחטי ",
    "arabic": "مرحبا بالعالم كيف حالك ",
    "cjk": "日本語中文字符漢字測試 ",
    "kana": "こんにちはカタカナ ",
    "typographic": "“quotes” – dash… ‘single’ • ",
}
EMOJI = "😀👋🎉🚀🔥💡🐍🦀"


class Draw:
    """Choices by random() alone: the only method whose sequence Python promises to keep."""

    def __init__(self, seed):
        self.random = random.Random(seed).random

    def below(self, limit):
        return int(self.random() * limit)

    def text(self, alphabet, length):
        return "".join(alphabet[self.below(len(alphabet))] for _ in range(length))


def fill(length):
    """`length` septets, or UTF-16 units, of letters."""
    return ("the quick brown fox jumps over the lazy dog " * (length // 44 + 1))[:length]


def plain_lengths():
    """GSM basic of each length about a boundary, and UCS-2 likewise."""
    for length in (0, 1, 2, *range(150, 164), *range(303, 310), *range(456, 462), 612, 613, 765, 766, 1530, 1531):
        yield f"basic/{length}", fill(length)
    for length in (1, 2, *range(64, 74), *range(131, 138), *range(198, 204), 268, 269, 335, 336, 670, 671):
        yield f"ucs2/{length}", "ł" + fill(length - 1)
    for parts in (20, 21):
        yield f"basic/{parts}-parts", fill(153 * parts)
        yield f"ucs2/{parts}-parts", "ж" * (67 * parts)


def extension_at_boundaries():
    """An extension character (two septets, never to be cut) with its escape at each place about a boundary."""
    for at in (*range(150, 162), *range(303, 309), *range(456, 461)):
        yield f"extension/{at}/last", fill(at) + "€"
        yield f"extension/{at}/then-10", fill(at) + "€" + fill(10)
        yield f"extension/{at}/pair-then-20", fill(at) + "{}" + fill(20)
    for count in (*range(75, 83), 153, 154, 229, 230):
        yield f"extension/only/{count}", ("[]{}~" * 60)[:count]
        yield f"extension/only-after-one/{count}", "x" + ("^|€\\\f" * 60)[:count]


def surrogates_at_boundaries():
    """A pair of surrogates (never to be cut) with its first unit at each place about a boundary."""
    for at in (*range(64, 72), *range(131, 136), *range(198, 203)):
        yield f"surrogate/{at}/last", fill(at) + "😀"
        yield f"surrogate/{at}/then-10", fill(at) + "😀" + fill(10)
        yield f"surrogate/{at}/two-then-20", fill(at) + "😀🚀" + fill(20)
    for count in (*range(32, 38), *range(66, 69), 99, 100, 101):
        yield f"surrogate/only/{count}", (EMOJI * 16)[:count]
        yield f"surrogate/only-after-one/{count}", "é" + (EMOJI * 16)[:count]


def scripts():
    """Each script at lengths about the boundaries."""
    for name, letters in BEYOND.items():
        for length in (5, 69, 70, 71, 134, 135, 201, 202):
            yield f"script/{name}/{length}", (letters * 60)[:length]


def mixtures():
    """Random texts: GSM only, GSM with extension characters, everything."""
    draw = Draw(20_261_121)
    everything = "".join(BEYOND.values()) + EMOJI + BASIC + EXTENSION
    for i in range(60):
        yield f"random/basic/{i}", draw.text(BASIC, draw.below(500))
        yield f"random/extension/{i}", draw.text(BASIC + EXTENSION * 6, draw.below(500))
    for i in range(60):
        yield f"random/all/{i}", draw.text(everything, draw.below(300))
        yield f"random/emoji/{i}", draw.text(EMOJI + "abcdefgh", draw.below(300))


def lines():
    """The whole file."""
    yield from (HERE / "edge_cases.jsonl").read_text(encoding="utf-8").splitlines()
    for group in (plain_lengths, extension_at_boundaries, surrogates_at_boundaries, scripts, mixtures):
        for name, text in group():
            yield json.dumps({"id": name, "text": text}, ensure_ascii=True)


def main():
    content = "".join(f"{line}\n" for line in lines())
    target = HERE / "corpus.jsonl"
    if sys.argv[1:] == ["--check"]:
        if target.read_text(encoding="utf-8") != content:
            sys.exit("corpus.jsonl is not what generate.py writes: run it and commit the result")
        return
    target.write_text(content, encoding="utf-8")


if __name__ == "__main__":
    main()

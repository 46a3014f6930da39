r"""Rules for relations between a chemical and a gene (ChemProt): what is said between the two, before or behind them.

The two entities are marked in the text: [CHEMICAL]..[\CHEMICAL] and [GENE]..[\GENE]. A word between them mostly says what the
one does to the other; one outside may be about a third. A word of inhibition turns what stands beside it around ("X blocks
Y-induced Z"). Begun with the keywords of Yu et al. 2021 and mended where the validation split showed them wrong.
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
"""Characters outside the entities that still count."""

MARKS = re.compile(r"\[\\?(CHEMICAL|GENE)\]")
INHIBITION = r"inhibit|block|suppress|reduc|decreas|attenuat|abrogat|abolish|down-?regulat|antagon|prevent"


def cut(x):
    """What stands before, between and after the entities as attributes of x, and which of them comes first; once a text."""
    marks = list(MARKS.finditer(x.text))
    x.before = x.between = x.after = x.first = ""
    if len(marks) >= 4:
        opened, closed, reopened, last = marks[:4]
        x.before = x.text[max(0, opened.start() - NEAR) : opened.start()]
        x.between = x.text[closed.end() : reopened.start()]
        x.after = x.text[last.end() :][:NEAR]
        x.first = opened[1]
    return x


def rule(label: str, where: str, pattern: str, unless: str = "(?!)", first: str = "") -> LabelingFunction:
    """Vote for a relation where a pattern is found and the words that say otherwise are not found between the entities.

    first : the entity that must come first, if any.
    """
    wanted, against = re.compile(pattern, re.IGNORECASE), re.compile(unless, re.IGNORECASE)

    def vote(x):
        if first and x.first != first:
            return None
        return label if wanted.search(getattr(x, where)) and not against.search(x.between) else None

    return LabelingFunction(f"{label}: {pattern} {where}", vote, pre=[cut])


NEGATION = r"\bnot\b|\bno\b|fail"
OTHERWISE = f"{INHIBITION}|{NEGATION}"
SAID = rf"{OTHERWISE}|activat|increas|induc|stimulat|up-?regulat|enhanc|bind|affinit|metaboli|agonis"
"""Where one of these stands between the entities, what is outside is about something else."""

LFS = [
    *(
        rule("downregulator", "between", stem, NEGATION)
        for stem in ["inhibit", "block", "suppress", "reduc", "decreas", "attenuat|abrogat|abolish", "down-?regulat"]
    ),
    *(rule("downregulator", "after", stem, SAID) for stem in ["inhibit", "block", "suppress", "down-?regulat"]),
    *(rule("downregulator", "before", stem, SAID) for stem in ["inhibit", "block", "suppress"]),
    *(
        rule("upregulator", "between", stem, OTHERWISE)
        for stem in ["activat", "increas", "induc", "stimulat", r"\bup-?regulat", "enhanc|elevat|promot"]
    ),
    *(rule("upregulator", "after", stem, SAID) for stem in ["activat", "increas", "enhanc|elevat"]),
    *(rule("regulator", "between", stem, OTHERWISE) for stem in ["bind|bound", "affinit", "interact", "target"]),
    *(rule("regulator", "after", stem, SAID) for stem in ["bind|bound"]),
    *(rule("regulator", "before", stem, SAID) for stem in ["bind|bound"]),
    *(rule("agonist", where, r"(?<!ant)agonis") for where in ["between", "after"]),
    *(rule("antagonist", where, "antagon") for where in ["between", "after"]),
    rule("modulator", "between", "allosteric"),
    rule("substrate_or_product", "between", "conver|substrate|cataly[sz]|metaboli", OTHERWISE),
    rule("substrate_or_product", "before", "conver|metaboli|synthes"),
    rule("substrate_or_product", "after", "metaboli|synthes"),
    rule("substrate_or_product", "between", "synthes", OTHERWISE),
    rule("part_of", "between", "residue|domain|terminal|motif|site", OTHERWISE, first="GENE"),
    rule("part_of", "after", "residue|domain|terminal|motif"),
    rule("part_of", "between", "replac|substitut|residue", OTHERWISE),
    rule("not", "between", r"\bnot\b|\bno (effect|change|significant)|fail|unaffected|unaltered"),
]

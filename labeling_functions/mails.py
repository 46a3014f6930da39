"""Rules for unwanted mail (SpamAssassin's public corpus): subject and body as one text."""

from weakft import keywords, labeling_function, regex

LABELS = ["ham", "spam"]

offer = keywords(
    "offer",
    [
        "click here",
        "click below",
        "order now",
        "limited time",
        "act now",
        "risk free",
        "money back",
        "no obligation",
        "free trial",
    ],
    "spam",
)
removal = regex("removal", r"\b(unsubscribe|opt[- ]?out|be removed|remove me|to remove|removal)\b", "spam")
medicine = keywords(
    "medicine", ["viagra", "lose weight", "weight loss", "herbal", "pills", "breast", "penis", "prescription"], "spam"
)
finance = keywords(
    "finance",
    ["mortgage", "refinance", "insurance", "debt", "credit card", "loan", "interest rate", "investors"],
    "spam",
)
advance_fee = keywords(
    "advance_fee",
    ["next of kin", "barrister", "late general", "million dollars", "urgent assistance", "strictly confidential"],
    "spam",
)
adult = keywords("adult", ["xxx", "porn", "teens", "horny", "adults only", "nude"], "spam")
income = keywords(
    "income", ["work from home", "earn money", "make money", "extra income", "financial freedom", "bulk email"], "spam"
)
price = regex("price", r"\$\s?\d[\d,]*(\.\d\d)?", "spam")
exclaimed = regex("exclaimed", r"!!+", "spam")
reply = regex("reply", r"^re:", "ham")
quoted = regex("quoted", r"\b(wrote|writes|said):|(^| )> ", "ham")
technical = keywords(
    "technical",
    ["linux", "perl", "python", "kernel", "rpm", "debian", "redhat", "patch", "bug", "cvs", "gcc", "compile"],
    "ham",
)
feed = regex("feed", r"\| URL: http\S+ Date:", "ham")
mailing_list = keywords("mailing_list", ["mailing list", "listinfo", "pgp signature"], "ham")


@labeling_function
def shouting(x):
    """Mostly capitals."""
    letters = [c for c in x.text[:300] if c.isalpha()]
    return "spam" if len(letters) > 20 and sum(c.isupper() for c in letters) > 0.3 * len(letters) else None

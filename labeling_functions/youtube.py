"""Rules for spam among YouTube comments (the task of Snorkel's spam tutorial; these rules are our own)."""

from weakft import keywords, labeling_function, regex

LABELS = ["HAM", "SPAM"]

link = regex("link", r"https?:|www\.|\.com\b|\.ru\b|bit\.ly", "SPAM")
subscribe = keywords("subscribe", ["subscribe", "sub", "subs", "subscribers", "subscribed"], "SPAM")
check_out = regex("check_out", r"\bcheck\s+(it\s+|this\s+|me\s+|my\s+)?(out|my)\b", "SPAM")
my_channel = regex("my_channel", r"\bmy\s+(\w+\s+)?(channel|video|videos|page|music|songs?|covers?)\b", "SPAM")
begging = keywords("begging", ["please", "pls", "plz", "vote", "help me", "giveaway", "free", "win"], "SPAM")
money = regex("money", r"\$\s?\d|\b(earn|cash|paypal|money online)\b", "SPAM")
praise = keywords(
    "praise", ["love this", "best song", "great song", "awesome", "beautiful", "amazing", "good song", "classic"], "HAM"
)
about_the_song = keywords("about_the_song", ["song", "lyrics", "voice", "beat", "views", "billion"], "HAM")
artist = keywords("artist", ["katy", "perry", "shakira", "eminem", "rihanna", "psy", "lmfao"], "HAM")


@labeling_function()
def short_comment(x):
    """A few words without a link are rarely an advertisement."""
    return "HAM" if len(x.text.split()) < 6 and "http" not in x.text else None


@labeling_function()
def very_long(x):
    """Copied advertisements run on."""
    return "SPAM" if len(x.text) > 300 else None

"""Keyword rules for news topics (AG News)."""

from weakft import keywords, regex

LABELS = ["World", "Sports", "Business", "Sci/Tech"]

war = keywords(
    "war",
    ["killed", "troops", "militants", "bomb", "rebels", "soldiers", "hostage", "attack", "insurgents", "war"],
    "World",
)
politics = keywords(
    "politics",
    ["minister", "president", "election", "parliament", "government", "UN", "nuclear", "prime minister"],
    "World",
)
places = keywords(
    "places", ["Iraq", "Baghdad", "Gaza", "Israel", "Palestinian", "Iran", "Afghanistan", "Darfur", "Sudan"], "World"
)
games = keywords(
    "games", ["game", "games", "season", "coach", "team", "league", "cup", "match", "olympic", "championship"], "Sports"
)
plays = keywords(
    "plays",
    ["touchdown", "quarterback", "inning", "goal", "striker", "wicket", "playoff", "yankees", "nba", "nfl"],
    "Sports",
)
score = regex("score", r"\b\d{1,3}-\d{1,3}\b", "Sports")
markets = keywords(
    "markets",
    ["shares", "stocks", "profit", "earnings", "quarter", "oil prices", "dollar", "investors", "sales"],
    "Business",
)
firms = keywords("firms", ["inc", "corp", "merger", "takeover", "bankruptcy", "billion", "ceo", "airline"], "Business")
computing = keywords(
    "computing",
    ["software", "microsoft", "google", "internet", "linux", "web", "computer", "apple", "virus"],
    "Sci/Tech",
)
science = keywords("science", ["nasa", "space", "scientists", "researchers", "species", "mars", "study"], "Sci/Tech")
gadgets = keywords("gadgets", ["phone", "wireless", "mobile", "ipod", "chip", "broadband", "video game"], "Sci/Tech")

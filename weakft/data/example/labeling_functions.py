"""Labeling functions of the embedded `support` data set: what a support lead would write down in an hour.

They know words, not meaning: "charge" is money unless a battery is meant, and sarcasm passes them by.
"""

from weakft import keywords, labeling_function, regex

LABELS = ["delivery", "billing", "technical", "account", "cancellation"]

parcel = keywords(
    "parcel",
    ["parcel", "parcels", "package", "courier", "driver", "tracking", "delivered", "delivery", "shipped"],
    "delivery",
)
arrival = keywords(
    "arrival", ["arrived", "arrive", "came", "come", "comes", "coming", "missing", "waiting", "sent", "box"], "delivery"
)
where_is = regex("where_is", r"\b(where('?s| is| are)|when (does|will|is|are))\b", "delivery")

days = regex("days", r"\b(days?|weeks?|tomorrow|today|(mon|tues|wednes|thurs|fri|satur|sun)day)\b", "delivery")

money = keywords(
    "money",
    ["charged", "charge", "refund", "refunded", "invoice", "invoices", "bill", "paid", "pay", "payment"],
    "billing",
)
price = keywords("price", ["price", "discount", "voucher", "code", "fee", "cost", "card", "bank", "money"], "billing")
amount = regex("amount", r"\b\d+[.,]\d\d\b|\b(twice|double)\b", "billing")

broken_device = keywords(
    "broken_device",
    ["app", "error", "wifi", "battery", "firmware", "update", "screen", "button", "light", "website"],
    "technical",
)
does_not_work = regex(
    "does_not_work",
    r"(won'?t|doesn'?t|does not|not|stopped) (work|turn|start|connect|heat|load|open)|how (do|can|to)",
    "technical",
)
symptoms = keywords(
    "symptoms",
    ["leaks", "noise", "blinks", "stuck", "crashes", "beep", "broken", "off", "on and off", "manual"],
    "technical",
)

access = keywords(
    "access", ["password", "login", "log in", "sign in", "locked", "e-mail", "email", "username"], "account"
)
personal_data = keywords(
    "personal_data", ["account", "profile", "my name", "surname", "data", "phone number"], "account"
)

cancels = regex(
    "cancels", r"\b(cancel|return|send(ing)? (it )?back|terminate|unsubscribe|withdraw|changed my mind)", "cancellation"
)


@labeling_function()
def leaves_membership(x):
    """Plus or a subscription together with a word of ending."""
    text = x.text.lower()
    named = any(word in text for word in ("plus", "membership", "subscription", "order"))
    ends = any(word in text for word in ("stop", "end ", "out of", "quit", "don't want", "no longer"))
    return "cancellation" if named and ends else None

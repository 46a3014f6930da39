"""Rules for question types (TREC): the 68 published patterns of Awasthi et al. 2020, "Learning from rules generalizing
labeled exemplars" (ICLR), in the order of the data folder's `rules.tsv`.
"""

from weakft import regex

LABELS = ["DESCRIPTION", "ENTITY", "HUMAN", "ABBREVIATION", "LOCATION", "NUMERIC"]

PATTERNS = [
    ("ENTITY", r"( |^)(name|name)[^\w]* (\w+ ){0,1}(a)[^\w]*( |$)"),
    ("DESCRIPTION", r"( |^)(how|how)[^\w]* (\w+ ){0,1}(does|to|can|should|would|could|will|do|do)[^\w]*( |$)"),
    (
        "DESCRIPTION",
        r"( |^)(what|what)[^\w]* (\w+ ){0,1}(is|is)[^\w]* ([^\s]+ )*(hypertension|hypertension)[^\w]*( |$)",
    ),
    (
        "LOCATION",
        r"( |^)(which|where|what|what)[^\w]* ([^\s]+ )*(near|close to|far|around|surrounds|surrounds)[^\w]*( |$)",
    ),
    ("HUMAN", r"( |^)(which|who|what|what)[^\w]* ([^\s]+ )*(person|man|woman|human|poet|poet)[^\w]*( |$)"),
    (
        "ENTITY",
        r"( |^)(what|what)[^\w]* (\w+ ){0,1}(.*er|fastener|fastener)[^\w]* ([^\s]+ )*(played|play|run|study |studied|patent|patent)[^\w]*( |$)",
    ),
    ("DESCRIPTION", r"( |^)(how|how)[^\w]* (\w+ ){0,1}(do|do)[^\w]* (\w+ ){0,1}(you|you)[^\w]*( |$)"),
    ("HUMAN", r"( |^)(who|what|what)[^\w]* (\w+ ){0,1}(person|man|woman|human|president|president)[^\w]*( |$)"),
    ("NUMERIC", r"( |^)(how|how)[^\w]* (\w+ ){0,1}(much|many|many)[^\w]*( |$)"),
    ("LOCATION", r"( |^)(which|what|where|where)[^\w]* ([^\s]+ )*(situated|located|located)[^\w]*( |$)"),
    ("HUMAN", r"( |^)(who|who)[^\w]* ([^\s]+ )*(man|woman|human|person|person)[^\w]*( |$)"),
    ("ENTITY", r"( |^)(which|what|what)[^\w]* ([^\s]+ )*(team|group|groups|teams|teams)[^\w]*( |$)"),
    ("LOCATION", r"( |^)(where|where)[^\w]* ([^\s]+ )*(stand|stand)[^\w]*( |$)"),
    ("DESCRIPTION", r"( |^)(what|what)[^\w]* ([^\s]+ )*(mean|meant|meant)[^\w]*( |$)"),
    ("ENTITY", r"( |^)(what|what)[^\w]* (\w+ ){0,1}(kind|kind)[^\w]*( |$)"),
    ("NUMERIC", r"( |^)(what|what)[^\w]* (\w+ ){0,1}(amount|number|percentage|percentage)[^\w]*( |$)"),
    ("LOCATION", r"( |^)(capital|capital)[^\w]* (\w+ ){0,1}(of|of)[^\w]*( |$)"),
    ("DESCRIPTION", r"( |^)(why|why)[^\w]* (\w+ ){0,1}(does|should |shall|could|would|will|can|do|do)[^\w]*( |$)"),
    ("ENTITY", r"( |^)(composed|made|made)[^\w]* (\w+ ){0,1}(from|through|using|by|of|of)[^\w]*( |$)"),
    ("LOCATION", r"( |^)(where|which|what|what)[^\w]* (\w+ ){0,1}(island|island)[^\w]*( |$)"),
    ("HUMAN", r"( |^)(who|who)[^\w]* (\w+ ){0,1}(owner|leads|governs|pays|owns|owns)[^\w]*( |$)"),
    ("DESCRIPTION", r"( |^)(what|what)[^\w]* (\w+ ){0,1}(is|is)[^\w]* (\w+ ){0,1}(tetrinet|tetrinet)[^\w]*( |$)"),
    ("HUMAN", r"( |^)(who|who)[^\w]* (\w+ ){0,1}(found|discovered|made|built|build|invented|invented)[^\w]*( |$)"),
    ("ENTITY", r"( |^)(what|what)[^\w]* ([^\s]+ )*(called|called)[^\w]*( |$)"),
    ("DESCRIPTION", r"( |^)(unusual|unusual)[^\w]*( |$)"),
    ("DESCRIPTION", r"( |^)(what|what)[^\w]* ([^\s]+ )*(origin|origin)[^\w]*( |$)"),
    ("LOCATION", r"( |^)(country|country)[^\w]*( |$)"),
    ("LOCATION", r"( |^)(where|where)[^\w]*( |$)"),
    (
        "NUMERIC",
        r"( |^)(which|what|what)[^\w]* ([^\s]+ )*(time|day|month|hours|minute|seconds|year|date|date)[^\w]*( |$)",
    ),
    ("DESCRIPTION", r"( |^)(why|why)[^\w]* (\w+ ){0,1}(does|doesn|doesn)[^\w]*( |$)"),
    ("HUMAN", r"( |^)(queen|king|king)[^\w]*( |$)"),
    ("NUMERIC", r"( |^)(year|year)[^\w]*( |$)"),
    ("ENTITY", r"( |^)(novel|novel)[^\w]*( |$)"),
    ("DESCRIPTION", r"( |^)(used|used)[^\w]* (\w+ ){0,1}(for|for)[^\w]*( |$)"),
    ("NUMERIC", r"( |^)(when|when)[^\w]* (\w+ ){0,1}(did|do|does|was|was)[^\w]*( |$)"),
    ("DESCRIPTION", r"( |^)(what|what)[^\w]* (\w+ ){0,1}(kind|kind)[^\w]*( |$)"),
    ("NUMERIC", r"( |^)(how|how)[^\w]* (\w+ ){0,1}(old|far|long|tall|wide|short|small|close|long|long)[^\w]*( |$)"),
    ("NUMERIC", r"( |^)(speed|speed)[^\w]*( |$)"),
    ("ABBREVIATION", r"( |^)(abbreviation|abbreviation)[^\w]*( |$)"),
    ("NUMERIC", r"( |^)(how|how)[^\w]* (\w+ ){0,1}(much|many|many)[^\w]*( |$)"),
    ("NUMERIC", r"( |^)(what|what)[^\w]* ([^\s]+ )*(percentage|share|number|population|population)[^\w]*( |$)"),
    ("DESCRIPTION", r"( |^)(explain|describe|what|what)[^\w]*( |$)"),
    ("LOCATION", r"( |^)(located|located)[^\w]*( |$)"),
    ("ENTITY", r"( |^)(thing|instance|object|object)[^\w]*( |$)"),
    ("HUMAN", r"( |^)(who|who)[^\w]*( |$)"),
    ("ENTITY", r"( |^)(fear|fear)[^\w]* (\w+ ){0,1}(of|of)[^\w]*( |$)"),
    ("DESCRIPTION", r"( |^)(explain|describe|how|how)[^\w]* (\w+ ){0,1}(can|can)[^\w]*( |$)"),
    (
        "HUMAN",
        r"( |^)(who|who)[^\w]* (\w+ ){0,1}(worked|lived|guarded|watched|played|ate|slept|portrayed|served|served)[^\w]*( |$)",
    ),
    ("NUMERIC", r"( |^)(what|what)[^\w]* (\w+ ){0,1}(part|division|ratio|percentage|percentage)[^\w]*( |$)"),
    ("DESCRIPTION", r"( |^)(explain|describe|what|what)[^\w]* ([^\s]+ )*(mean|mean)[^\w]*( |$)"),
    ("DESCRIPTION", r"( |^)(what|what)[^\w]* ([^\s]+ )*(demands|take|take)[^\w]*( |$)"),
    (
        "HUMAN",
        r"( |^)(who|who)[^\w]* (\w+ ){0,1}(is|will|was|was)[^\w]* ([^\s]+ )*(leader|citizen|captain|nationalist|hero|actor|actress|star|gamer|player|lawyer|president|president)[^\w]*( |$)",
    ),
    ("ENTITY", r"( |^)(name|name)[^\w]*( |$)"),
    ("DESCRIPTION", r"( |^)(how|what|what)[^\w]* (\w+ ){0,1}(do|does|does)[^\w]*( |$)"),
    (
        "DESCRIPTION",
        r"( |^)(enumerate|list out|name|name)[^\w]* (\w+ ){0,1}(the|the)[^\w]* (\w+ ){0,1}(various|various)[^\w]*( |$)",
    ),
    (
        "NUMERIC",
        r"( |^)(at|in|in)[^\w]* (\w+ ){0,1}(which|how many|what|what)[^\w]* (\w+ ){0,1}(age|year|year)[^\w]*( |$)",
    ),
    ("ENTITY", r"( |^)(which|what|what)[^\w]* (\w+ ){0,1}(play|game|movie|book|book)[^\w]*( |$)"),
    ("HUMAN", r"( |^)(who|what|what)[^\w]* ([^\s]+ )*(lives|lives)[^\w]*( |$)"),
    ("ENTITY", r"( |^)(which|what|what)[^\w]* ([^\s]+ )*(organization|trust|company|company)[^\w]*( |$)"),
    ("NUMERIC", r"( |^)(latitude|latitude)[^\w]* ([^\s]+ )*(longitude|longitude)[^\w]*( |$)"),
    ("HUMAN", r"( |^)(called|alias|nicknamed|nicknamed)[^\w]*( |$)"),
    (
        "HUMAN",
        r"( |^)(which|who|who)[^\w]* (\w+ ){0,1}(is|will|are|was|was)[^\w]* ([^\s]+ )*(engineer|actor|actress|player|lawyer|model|captain|team|doctor|doctor)[^\w]*( |$)",
    ),
    ("LOCATION", r"( |^)(where|where)[^\w]*( |$)"),
    ("NUMERIC", r"( |^)(by how|how|how)[^\w]* (\w+ ){0,1}(much|many|many)[^\w]*( |$)"),
    ("NUMERIC", r"( |^)(how|how)[^\w]* (\w+ ){0,1}(many|many)[^\w]*( |$)"),
    ("LOCATION", r"( |^)(where|where)[^\w]* (\w+ ){0,1}(was|is|is)[^\w]*( |$)"),
    ("ENTITY", r"( |^)(what|what)[^\w]* (\w+ ){0,1}(is|is)[^\w]* ([^\s]+ )*(surname|address|name|name)[^\w]*( |$)"),
    ("ABBREVIATION", r"( |^)(what|what)[^\w]* (\w+ ){0,1}(does|does)[^\w]* ([^\s]+ )*(stand for)[^\w]*( |$)"),
]

LFS = [regex(f"rule_{i}", pattern, label) for i, (label, pattern) in enumerate(PATTERNS)]

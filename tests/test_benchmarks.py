"""The committed tables are what the committed lines give."""

import pandas as pd
import pytest

from benchmarks import front
from benchmarks.__main__ import ON_GPU, README, RESULTS, SETS, lines_in, main, render, render_front
from benchmarks.ood import __main__ as ood
from weakft.comparison import summary
from weakft.comparison.cells import key_of, read_lines
from weakft.comparison.methods import find
from weakft.comparison.run import CELLS
from weakft.errors import UserError


def test_the_readme_is_generated_from_the_lines():
    lines, on_gpu = (lines_in(folder) for folder in (RESULTS, ON_GPU))
    assert {line["data"] for line in lines} == set(SETS) >= {line["data"] for line in on_gpu}
    for some in (lines, on_gpu):
        assert len({key_of(line) for line in some}) == len(some)
        for line in some:
            find(line["method"])
    text = README.read_text(encoding="utf-8")
    assert render(text, lines, on_gpu) == text
    first_page = front.README.read_text(encoding="utf-8")
    assert render_front(first_page, lines) == first_page
    assert ood.render(text, read_lines(ood.LINES)) == text
    for folder, some in ((RESULTS, lines), (ON_GPU, on_gpu)):
        assert len(some) == len(read_lines(folder / CELLS))  # none is of other data than the last
        assert (folder / "summary.md").read_text(encoding="utf-8") == summary.markdown(some)


def test_our_own_comparison_explains_and_keeps_its_place(capsys, monkeypatch, tmp_path):
    main(["--explain"])
    assert "cosine-published" in capsys.readouterr().out
    with pytest.raises(UserError, match="--output"):
        main(["--output", str(tmp_path / "mine")])
    monkeypatch.setenv("WEAKFT_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(UserError, match="WEAKFT_DATA: there is no folder"):
        main([])


def test_questions_of_another_style_have_trecs_classes(real_data):
    import json

    styled = pd.read_csv(ood.STYLED)
    assert set(styled["label"]) == set(json.loads((real_data / "trec" / "label.json").read_text()).values())
    assert styled["text"].is_unique and len(styled) == 151
    trec = {row["data"]["text"] for row in json.loads((real_data / "trec" / "train.json").read_text()).values()}
    assert not trec & set(styled["text"])


def test_mails_are_subjects_and_bodies_with_the_votes_of_their_rules(tmp_path):
    import json

    from benchmarks.sets.mails import derive

    def mail(group, name, text):
        (tmp_path / "package" / group).mkdir(parents=True, exist_ok=True)
        (tmp_path / "package" / group / name).write_bytes(text)

    header = b"From: somebody\nSubject: %s\nMIME-Version: 1.0\nContent-Type: %s\n\n%s"
    mail(
        "easy-ham-1", "1.txt", header % (b"Re: kernel", b"text/plain; charset=no-such", b"It  compiles,\nsaid: caf\xe9")
    )
    mail("easy-ham-1", "2.txt", header % (b"Re: kernel", b"text/plain; charset=no-such", b"It compiles, said: caf\xe9"))
    mail(
        "spam-1",
        "3.txt",
        header % (b"=?utf-8?q?For_free=21=21?=", b"text/html", b"<b>Click&nbsp;here</b><style>b {}</style>"),
    )
    derive(tmp_path / "package", tmp_path / "mails")
    rows = [
        row
        for split in ("train", "valid", "test")
        for row in json.loads((tmp_path / "mails" / f"{split}.json").read_text()).values()
    ]
    names = json.loads((tmp_path / "mails" / "lfs.json").read_text())
    votes = {row["data"]["text"]: (row["label"], dict(zip(names, row["weak_labels"], strict=True))) for row in rows}
    assert set(votes) == {"Re: kernel | It compiles, said: caf\xe9", "For free!! | Click here"}
    label, of_rules = votes["For free!! | Click here"]
    assert label == 1 and of_rules["offer"] == of_rules["exclaimed"] == 1 and of_rules["reply"] == -1
    label, of_rules = votes["Re: kernel | It compiles, said: caf\xe9"]
    assert label == 0 and of_rules["reply"] == of_rules["quoted"] == of_rules["technical"] == 0


def test_a_folder_without_mails_is_refused(tmp_path):
    from benchmarks.sets.mails import derive
    from weakft.errors import UserError

    with pytest.raises(UserError, match="holds no mails"):
        derive(tmp_path, tmp_path / "mails")


def test_chemprot_with_our_rules_has_its_texts_and_labels(real_data, tmp_path):
    import json

    from benchmarks.sets.own_rules import derive

    derive(real_data / "chemprot", tmp_path)
    for split in ("train", "valid", "test"):
        own, published = (
            json.loads((folder / f"{split}.json").read_text()) for folder in (tmp_path, real_data / "chemprot")
        )
        assert [(row["data"]["text"], row["label"]) for row in own.values()] == [
            (row["data"]["text"], row["label"]) for row in published.values()
        ]
    assert json.loads((tmp_path / "label.json").read_text()) == json.loads(
        (real_data / "chemprot" / "label.json").read_text()
    )


@pytest.mark.parametrize(
    ("text", "label"),
    [
        (r"[CHEMICAL]A[\CHEMICAL] inhibits [GENE]B[\GENE].", "downregulator"),
        (r"[CHEMICAL]A[\CHEMICAL] does not inhibit [GENE]B[\GENE].", "not"),
        (r"[CHEMICAL]A[\CHEMICAL] induces [GENE]B[\GENE].", "upregulator"),
        (r"[CHEMICAL]A[\CHEMICAL] blocks C-induced [GENE]B[\GENE].", "downregulator"),
        (r"[CHEMICAL]A[\CHEMICAL], an agonist of [GENE]B[\GENE]", "agonist"),
        (r"[CHEMICAL]A[\CHEMICAL], an antagonist of [GENE]B[\GENE]", "antagonist"),
        (r"[GENE]B[\GENE] residue [CHEMICAL]A[\CHEMICAL]", "part_of"),
        (r"conversion of [CHEMICAL]A[\CHEMICAL] by [GENE]B[\GENE]", "substrate_or_product"),
        (r"[CHEMICAL]A[\CHEMICAL] and [GENE]B[\GENE]", None),
        ("no marks that anything inhibits", None),
    ],
)
def test_chemprots_rules_read_what_stands_between_the_entities(text, label):
    from types import SimpleNamespace

    from benchmarks.sets.layout import RULES
    from weakft.lfs.load import load_file

    votes = {lf(SimpleNamespace(text=text)) for lf in load_file(RULES / "chemprot.py").lfs}
    assert votes - {None, -1} == ({label} if label else set())

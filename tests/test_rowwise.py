"""Python labeling functions: shared preprocessors, isolation, worker processes."""

import asyncio
import copy
import os
import pickle
import re
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT

import weakft
from weakft.data.dataset import Dataset
from weakft.errors import UserError
from weakft.lfs import LabelingFunction, labeling_function, regex, spacy_preprocessor
from weakft.lfs.apply import apply
from weakft.lfs.block import CHUNK, Voting
from weakft.lfs.cache import apply_cached
from weakft.lfs.load import load_file
from weakft.lfs.processes import apply_blocks

LABELS = ["ham", "spam"]
HERE = {**os.environ, "PYTHONPATH": str(ROOT)}
"""The environment of a process that runs this tree."""


def data(*texts, **columns):
    return Dataset(list(texts), [f"id{i}" for i in range(len(texts))], columns)


class Counted:
    """A preprocessor that counts its calls."""

    def __init__(self):
        self.calls = 0

    def __call__(self, x):
        self.calls += 1
        x.words = x.text.split()
        if "!" in x.text:
            raise ValueError("no exclamation marks")
        return x


def test_a_preprocessor_runs_once_a_row_for_all_that_name_it():
    split, other = Counted(), Counted()
    lfs = [
        LabelingFunction("long", lambda x: 1 if len(x.words) > 2 else None, pre=[split]),
        LabelingFunction("short", lambda x: 0 if len(x.words) < 2 else None, pre=[split]),
        LabelingFunction("twice", lambda x: len(x.words) % 2, pre=[split, other]),
        LabelingFunction("plain", lambda x: int(hasattr(x, "words"))),
    ]
    L, failures = apply(lfs, data("a", "a b", "a b c"), LABELS)
    assert L.tolist() == [[-1, 0, 1, 0], [-1, -1, 0, 0], [1, -1, 1, 0]]
    assert not failures
    assert (split.calls, other.calls) == (3, 3)


def test_a_row_on_which_a_preprocessor_raises_fails_for_all_that_name_it():
    split = Counted()
    lfs = [LabelingFunction(name, lambda x: 1, pre=[split]) for name in "ab"] + [regex("r", "a", 0)]
    L, failures = apply(lfs, data("a", "a!", "a"), LABELS)
    assert L.tolist() == [[1, 1, 0], [-1, -1, 0], [1, 1, 0]]
    assert {name: (f.count, f.first_row) for name, f in failures.items()} == {"a": (1, 1), "b": (1, 1)}
    assert "no exclamation marks" in failures["b"].traceback
    assert split.calls == 3


def test_no_labeling_function_sees_what_another_one_set():
    def rude(x):
        x.text, x.extra = "changed", 1
        del x.stars
        return 0

    def polite(x):
        return 1 if x.text == "a" and x.stars == 5 and not hasattr(x, "extra") else 0

    def mark(x):
        x.mark = True
        return x

    for pre in ([], [mark]):
        lfs = [LabelingFunction("rude", rude, pre=pre), LabelingFunction("polite", polite, pre=pre)]
        L, failures = apply(lfs, data("a", "a", stars=[5, 5]), LABELS)
        assert L.tolist() == [[0, 1], [0, 1]]
        assert not failures


def test_what_is_set_by_way_of_the_dictionary_is_taken_back_too(tmp_path):
    def rude(x):
        vars(x)["text"] = "changed"
        x.__dict__["extra"] = 1
        return 1 if x.text == "changed" and x.extra else 0

    def polite(x):
        return 1 if x.text == "a" and not hasattr(x, "extra") else 0

    lfs = [LabelingFunction("rude", rude), LabelingFunction("polite", polite)]
    assert apply_cached(lfs, data("a"), LABELS, tmp_path)[0].tolist() == [[1, 1]]
    assert apply_cached(lfs[1:], data("a"), LABELS, tmp_path)[0].tolist() == [[1]]


def test_a_copy_of_an_example_is_whole_and_stays_so():
    kept = []

    def keeps(x):
        kept.extend([copy.copy(x), copy.deepcopy(x), pickle.loads(pickle.dumps(x))])
        for other in kept:
            other.text += "!"

    apply([LabelingFunction("keeps", keeps)], data("a", stars=[5]), LABELS)
    assert all(x.stars == 5 and x.id == "id0" for x in kept)


def test_an_example_can_be_read_as_a_row_of_pandas():
    f = LabelingFunction("f", lambda x: int(x["text"] == "a" and x.get("stars") == 5 and "stars" in x))
    g = LabelingFunction("g", lambda x: x.get("missing", 0) if x.get("missing") is None and "missing" not in x else 1)
    h = LabelingFunction("h", lambda x: x["star"])
    L, failures = apply([f, g, h], data("a", stars=[5], get=[0]), LABELS)
    assert L.tolist() == [[-1, -1, -1]]  # a column is itself, whatever it is called
    L, failures = apply([f, g, h], data("a", stars=[5]), LABELS)
    assert L.tolist() == [[1, 0, -1]]
    assert "KeyError" in failures["h"].error and "no column 'star'; it has 'stars', 'text', 'id'" in failures["h"].error


def test_an_example_can_be_written_as_a_row_of_pandas():
    """What it sets is taken back before the next one sees the row."""

    def sets(x):
        x["upper"] = x.text.upper()
        return int(x["upper"] == "A" == x.upper)

    L, failures = apply(
        [LabelingFunction("sets", sets), LabelingFunction("sees", lambda x: int("upper" in x))], data("a"), LABELS
    )
    assert L.tolist() == [[1, 0]] and not failures


@pytest.mark.parametrize(
    ("column", "hint"),
    [("category", "for the label: name theirs with --label-column, or say none"), ("uid", "x.id")],
)
def test_a_column_that_was_taken_for_labels_or_ids_is_explained(column, hint):
    frame = pd.DataFrame({"text": ["a", "b"], column: ["ham", "spam"]})
    lf = LabelingFunction("f", lambda x: getattr(x, column))
    with pytest.raises(UserError, match=f"no column '{column}'.*a column of this name is taken .*{hint}"):
        weakft.label(frame, [lf], label_names=LABELS, strict=True)


class FakeNlp:
    """spaCy's two ways of being called."""

    def __init__(self):
        self.batches, self.single = 0, 0

    def __call__(self, text):
        self.single += 1
        if text == "bad":
            raise ValueError(text)
        return text.split()

    def pipe(self, texts, batch_size):
        self.batches += 1
        for text in texts:
            if text == "bad":
                raise ValueError(text)
            yield text.split()


def test_spacy_documents_are_made_in_batches_once():
    nlp = FakeNlp()
    document = spacy_preprocessor(nlp)

    @labeling_function(pre=[document])
    def two(x):
        return "spam" if len(x.doc) == 2 else None

    @labeling_function(pre=[document])
    def one(x):
        return "ham" if len(x.doc) == 1 else None

    L, failures = apply([two, one], data("a", "a b"), LABELS)
    assert L.tolist() == [[-1, 0], [1, -1]]
    assert (nlp.batches, nlp.single) == (1, 0)
    L, failures = apply([two, one], data("a", "bad", "a b"), LABELS)
    assert L.tolist() == [[-1, 0], [-1, -1], [1, -1]]
    assert failures["two"].first_row == failures["one"].first_row == 1


def test_a_way_of_being_called_of_ones_own_is_kept():
    class Louder(LabelingFunction):
        def __call__(self, x):
            return 1

    assert apply([Louder("l", lambda x: 0)], data("a"), LABELS)[0].tolist() == [[1]]


def test_stop_iteration_is_an_error_like_another():
    empty = iter(())
    L, failures = apply([LabelingFunction("f", lambda x: 1 if x.text == "a" else next(empty))], data(*"aba"), LABELS)
    assert L[:, 0].tolist() == [1, -1, 1]
    assert failures["f"].count == 1


RULES = """
    from weakft import labeling_function, keywords
    LABELS = ["ham", "spam"]
    seven = keywords("seven", ["7"], "spam")
    @labeling_function()
    def fragile(x):
        return 10 // (int(x.text) % 1000) % 2
    @labeling_function()
    def stars(x):
        return "ham" if x.stars > 3 else None
"""


def test_votes_and_failures_are_the_same_whatever_the_number_of_processes(tmp_path):
    path = tmp_path / "rules.py"
    path.write_text(textwrap.dedent(RULES), encoding="utf-8")
    n = 2 * CHUNK + 500
    rows = data(*map(str, range(n)), stars=[i % 5 for i in range(n)])
    rules = load_file(path)
    L, failures = apply(rules.lfs, rows, LABELS)
    assert failures["fragile"].count == 5 and failures["fragile"].first_row == 0
    done = []
    for processes in (2, 0):
        L2, failures2 = apply(rules.lfs, rows, LABELS, processes=processes, source=path, advance=done.append)
        np.testing.assert_array_equal(L2, L)
        assert failures2 == failures
    assert sum(done) == 2 * n
    blocks = list(apply_blocks(Voting(rules.lfs, rows, LABELS), 2, path, fork=False))
    np.testing.assert_array_equal(np.concatenate([votes for _, votes, _ in blocks]), L)
    assert [failed["fragile"].first_row for _, _, failed in blocks] == [0, CHUNK, 2 * CHUNK]


def test_an_error_in_a_worker_is_the_first_rows():
    rows = data(*map(str, range(3 * CHUNK)))
    lf = LabelingFunction("f", lambda x: 7 if int(x.text) >= CHUNK + 5 else 0)
    with pytest.raises(UserError, match=f"row {CHUNK + 6} "):
        apply([lf], rows, LABELS, processes=2)
    with pytest.raises(UserError, match="ZeroDivisionError.*row 1 "):
        apply([LabelingFunction("z", lambda x: 1 // int(x.text))], rows, LABELS, processes=2, strict=True)


def _forgiving(x):
    try:
        while x.text == "stuck":
            time.sleep(0.001)
    except:  # noqa: E722
        return 0
    return 1


def test_one_that_catches_the_limit_votes_nothing_there(tmp_path):
    for _ in range(2):
        L, failures = apply_cached(
            [LabelingFunction("f", _forgiving)], data("a", "stuck"), LABELS, tmp_path, timeout=0.05
        )
        assert L.tolist() == [[1], [-1]] and failures["f"].count == 1


STOPPED = """
import os, signal
from weakft import labeling_function
LABELS = ["ham", "spam"]

@labeling_function()
def forgiving(x):
    try:
        if x.text == "stop":
            os.kill(os.getpid(), getattr(signal, {!r}))
        return "spam"
    except:
        return "ham"
"""


@pytest.mark.parametrize(("name", "status"), [("SIGINT", 130), ("SIGTERM", 143)])
def test_a_stop_that_a_function_catches_counts(tmp_path, name, status):
    (tmp_path / "rules.py").write_text(STOPPED.format(name))
    (tmp_path / "texts.csv").write_text("text\n" + "go\n" * 70 + "stop\n" + "go\n" * 70)
    command = [sys.executable, "-m", "weakft", "label", "--data", "texts.csv", "--lfs", "rules.py", "--output", "votes"]
    begin = (
        "import signal, runpy, sys; signal.signal(signal.SIGINT, signal.default_int_handler); sys.argv = sys.argv[1:]; "
    )
    command[1:3] = ["-c", begin + "runpy.run_module('weakft', run_name='__main__')", "weakft"]
    done = subprocess.run(
        [*command, "--cache-dir", "cache"], cwd=tmp_path, env=HERE, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == status and f"stopped by {name}" in done.stderr
    assert not (tmp_path / "votes").exists() and not (tmp_path / "cache").exists()


def test_a_worker_that_dies_is_an_error_that_says_so():
    lf = LabelingFunction("dies", lambda x: os._exit(3) if x.text == "7" else 1)
    with pytest.raises(UserError, match="--processes: a worker process ended"):
        apply([lf], data(*map(str, range(2 * CHUNK))), LABELS, processes=2)


HANGING = """
import os, time
from pathlib import Path
from weakft import labeling_function
LABELS = ["ham", "spam"]

@labeling_function()
def hangs(x):
    Path(f"worker.{os.getpid()}").touch()
    while True:
        try:
            time.sleep(1)
        except BaseException:
            pass
"""


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="no /proc here")
@pytest.mark.parametrize(("name", "status"), [("SIGINT", 130), ("SIGTERM", 143), ("SIGKILL", -9)])
def test_workers_that_hang_end_with_their_parent(tmp_path, name, status):
    (tmp_path / "rules.py").write_text(HANGING)
    (tmp_path / "texts.csv").write_text("text\n" + "go\n" * (3 * CHUNK))
    begin = (
        "import signal, runpy, sys; signal.signal(signal.SIGINT, signal.default_int_handler); sys.argv = sys.argv[1:]; "
    )
    command = [sys.executable, "-c", begin + "runpy.run_module('weakft', run_name='__main__')", "weakft", "label"]
    command += ["--data", "texts.csv", "--lfs", "rules.py", "--output", "votes", "--processes", "2"]
    parent = subprocess.Popen(command, cwd=tmp_path, env=HERE, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    _within(60, lambda: len(list(tmp_path.glob("worker.*"))) == 2)
    parent.send_signal(getattr(signal, name))
    assert parent.wait(30) == status
    for file in tmp_path.glob("worker.*"):
        stat = Path(f"/proc/{file.suffix[1:]}/stat")
        _within(30, lambda stat=stat: not stat.is_file() or stat.read_text().rsplit(")", 1)[1].split()[0] == "Z")


def _within(seconds, done):
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize("error", [asyncio.CancelledError, GeneratorExit, BaseException])
def test_what_is_no_exception_is_an_error_like_another(error):
    def f(x):
        if x.text == "b":
            raise error("odd")
        return 1

    def pre(x):
        f(x)
        return x

    lfs = [LabelingFunction("f", f), LabelingFunction("pre", lambda x: 1, pre=[pre])]
    L, failures = apply(lfs, data(*"abc"), LABELS)
    assert L.tolist() == [[1, 1], [-1, -1], [1, 1]] and failures["f"].count == failures["pre"].count == 1


def _endless(x):
    while x.text == "stuck":
        try:
            time.sleep(0.001)
        except Exception:
            continue
    return 1


@pytest.mark.parametrize("processes", [1, 2])
def test_a_call_that_takes_too_long_is_interrupted_and_abstains(processes):
    texts = ["a", "stuck", "b", "stuck"] + ["c"] * (CHUNK + 10)
    backtracks = re.compile(r"(a+)+$")
    lfs = [
        LabelingFunction("endless", _endless),
        LabelingFunction("backtracks", lambda x: 0 if backtracks.match("a" * 40 + "!") and x.text == "stuck" else -1),
        LabelingFunction("quick", lambda x: 0),
    ]
    start, handler, (left, _) = time.monotonic(), signal.getsignal(signal.SIGALRM), signal.getitimer(signal.ITIMER_REAL)
    L, failures = apply([lfs[0], lfs[2]], data(*texts), LABELS, timeout=0.05, processes=processes)
    assert L[:, 0].tolist() == [-1 if text == "stuck" else 1 for text in texts] and (L[:, 1] == 0).all()
    assert failures["endless"].count == 2 and failures["endless"].first_row == 1
    assert "took longer than 0.05 s (--lf-timeout)" in failures["endless"].traceback
    L, failures = apply(lfs[1:], data("x", "y"), LABELS, timeout=0.05)
    assert L.tolist() == [[-1, 0], [-1, 0]] and failures["backtracks"].count == 2
    assert time.monotonic() - start < 20
    assert signal.getsignal(signal.SIGALRM) is handler  # whoever had it before has it again
    assert (signal.getitimer(signal.ITIMER_REAL)[0] > 0) == (left > 0)
    with pytest.raises(UserError, match="TimeLimit: took longer.*row 2 "):
        apply(lfs[:1], data(*texts), LABELS, timeout=0.05, strict=True)


def test_a_preprocessor_that_takes_too_long_is_interrupted():
    def slow(x):
        while x.text == "stuck":
            time.sleep(0.001)
        return x

    lf = LabelingFunction("f", lambda x: 1, pre=[slow])
    L, failures = apply([lf], data("a", "stuck"), LABELS, timeout=0.05)
    assert L.tolist() == [[1], [-1]] and failures["f"].count == 1


def test_patterns_and_batches_are_limited_too():
    class Slow:
        def __call__(self, x):
            return x

        def batch(self, examples):
            raise AssertionError("not under a limit")

    texts = ["a" * 30 + "!", "b"]
    rules = [regex("backtracks", r"(a+)+(?=$)", "spam"), LabelingFunction("f", lambda x: 1, pre=[Slow()])]
    L, failures = apply(rules, data(*texts), LABELS, timeout=0.05)
    assert L.tolist() == [[-1, 1], [-1, 1]] and failures["backtracks"].count == 1


def test_a_limit_needs_the_main_thread():
    found = []

    def inside():
        try:
            apply([LabelingFunction("f", lambda x: 1)], data("a"), LABELS, timeout=1)
        except UserError as error:
            found.append(str(error))

    thread = threading.Thread(target=inside)
    thread.start()
    thread.join()
    assert found and "main thread" in found[0]

"""Nothing is lost: a run that is killed at any moment and resumed ends bit for bit as one that was not."""

import errno
import itertools
import json
import os
import pkgutil
import resource
import signal
import subprocess
import sys
import time
from datetime import date
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from conftest import ROOT, outcome, review_lfs, reviews

import weakft
from weakft import keywords, runs, unfinished
from weakft.data.dataset import Dataset, Splits
from weakft.errors import UserError
from weakft.inputs import origin
from weakft.interruption import Interrupted, Signals
from weakft.lfs.load import from_objects
from weakft.training.checkpoints import Checkpoint
from weakft.training.model import choose_precision

RULES = """
import time
from weakft import keywords, labeling_function
LABELS = ["neg", "pos"]
likes = keywords("likes", ["good", "great", "love"], "pos")
dislikes = keywords("dislikes", ["bad", "awful"], "neg")

@labeling_function()
def slow(x):
    time.sleep(0.001)
    return "neg" if "hate" in x.text or "nice" in x.text else None
"""
OPTIONS = ["--device", "cpu", "--precision", "fp32", "--learning-rate", "0.002", "--max-length", "32", "--ceiling"]
OPTIONS += ["--initial-steps", "60", "--self-training-steps", "60", "--period", "20", "--patience", "0"]
OPTIONS += ["--head-steps", "5", "--checkpoint-every", "0.1"]
MODULES = [
    "weakft.pipeline",
    "weakft.training.methods",
    "weakft.display",
    "snorkel.labeling.model",
    "sklearn.neighbors",
]
MODULES += ["transformers.models.bert.modeling_bert", "transformers.models.auto.modeling_auto", "torch._dynamo"]
MODULES += [
    "torch._inductor",
    "torch.onnx",
    "transformers.processing_utils",
    "matplotlib.pyplot",
    "tyro",
    "pyarrow.dataset",
]
"""What the server of processes has imported already: seconds a run."""


def table(n, seed):
    texts, labels = reviews(n, seed)
    return pd.DataFrame({"text": texts, "label": labels})


def command(args):
    """`weakft train` in a process of its own; its messages go to a file."""
    from weakft.cli import run
    from weakft.train import main

    torch.set_num_threads(1)
    args, log = args[:-1], args[-1]
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    sys.exit(run(main, args))


class Runs:
    """Runs of one command, which can be killed after so many seconds."""

    def __init__(self, folder: Path, model: Path) -> None:
        self.folder, self.log = folder, folder / "log.txt"
        (folder / "rules.py").write_text(RULES)
        (folder / "data").mkdir()
        for name, n, seed in (("train", 300, 0), ("valid", 80, 1), ("test", 80, 2)):
            table(n, seed).to_csv(folder / "data" / f"{name}.csv", index=False)
        (folder / "out").mkdir()
        self.args = ["--data", f"{folder}/data", "--lfs", f"{folder}/rules.py", "--model", str(model), *OPTIONS]
        self.context = get_context("forkserver")
        self.context.set_forkserver_preload(MODULES)
        self.run("first", kill_after=0)  # starts the server
        begin = time.monotonic()
        assert self.run("whole") == 0, self.log.read_text()
        self.seconds = time.monotonic() - begin
        self.expected = outcome(self.out("whole"))

    def out(self, name):
        return self.folder / "out" / name

    def run(self, name, *more, kill_after=None, kill_when="", stop=signal.SIGKILL):
        """Return the exit code (negative: the signal that ended it).

        kill_after : seconds until the signal.   kill_when : a file of the unfinished run on whose appearance it comes.
        """
        cache = ["--cache-dir", str(self.folder / f"{name}.cache")]  # each run votes anew
        args = [*self.args, "--output", str(self.out(name)), *cache, *more, str(self.log)]
        process = self.context.Process(target=command, args=(args,))
        process.start()
        awaited = unfinished.place_of(self.out(name)) / kill_when
        while kill_when and process.is_alive() and not awaited.exists():
            time.sleep(0.0002)
        process.join(0 if kill_when else kill_after)
        if process.is_alive():
            os.kill(process.pid, stop)
        process.join()
        return process.exitcode

    def left(self, name):
        """The checkpoints of an interrupted run."""
        place = unfinished.place_of(self.out(name))
        return sorted(str(path.relative_to(place)) for path in place.rglob("*.pt"))

    def check(self, name):
        """The run is finished, is what an uninterrupted one is, and left nothing else."""
        weights, predictions, metrics = outcome(self.out(name))
        assert metrics == self.expected[2]
        assert predictions == self.expected[1]
        assert weights == self.expected[0]
        assert [path.name for path in self.out(name).parent.iterdir() if name in path.name] == [name]


@pytest.fixture(scope="module")
def killed(tiny_model, tmp_path_factory):
    if "forkserver" not in __import__("multiprocessing").get_all_start_methods():
        pytest.skip("no forkserver")
    return Runs(tmp_path_factory.mktemp("resume"), tiny_model)


def kill_and_resume(killed, name, **when):
    """Return the checkpoints that were there; None where the run came to its end before."""
    if killed.run(name, **when) == 0:
        return None
    left = killed.left(name)
    assert killed.run(name, "--resume") == 0, killed.log.read_text()
    killed.check(name)
    return left


SOON = ["initial.partial", "run"]
LATER = ["options.json", "head.pt", "initial.pt", "first-teacher.pt", "self-training.partial", "self-training.pt"]
LATER += ["ceiling/initial.partial", "run/model", "run/metrics.json"]


@pytest.mark.parametrize("file", [*SOON, *(pytest.param(file, marks=pytest.mark.slow) for file in LATER)])
def test_a_killed_run_goes_on_as_if_nothing_had_happened(killed, file):
    left = kill_and_resume(killed, f"at {file.replace('/', ' ')}", kill_when=file)
    assert left is not None
    if file == "run":
        assert left == sorted(f"{place}{stage}.pt" for place, stage in STAGES)


STAGES = [("", "head"), ("", "initial"), ("", "first-teacher"), ("", "self-training")]
STAGES += [("ceiling/", "head"), ("ceiling/", "initial")]


@pytest.mark.slow
def test_a_run_that_is_killed_again_and_again_still_comes_to_its_end(killed):
    for _ in range(40):
        if killed.run("often", "--resume", kill_after=0.7 * killed.seconds) == 0:
            break
    killed.check("often")


@pytest.mark.slow
def test_twenty_random_moments(killed):
    """Later and later ones until a run is through, for a machine is not always as fast as when the whole run was timed."""
    random, seen, moment = np.random.default_rng(), [], 0.0

    def kill_at(seconds):
        left = kill_and_resume(killed, f"random{len(seen)}-{seconds:.3f}", kill_after=seconds)
        if left is not None:
            seen.append((round(seconds, 3), left))
        return left

    for i in itertools.count():
        moment = (i + random.random()) / 20 * killed.seconds
        if kill_at(moment) is None:
            break
    while len(seen) < 20:
        kill_at(moment * random.random())
    print(*seen, sep="\n")
    assert len({str(left) for _, left in seen}) >= 4  # several stages were hit


@pytest.mark.slow
def test_the_real_backbone_in_the_machines_precision_goes_on_to_the_same_bits(tmp_path):
    """MiniLM on the embedded messages, bf16 where that is native: killed in each stage, as a process of its own."""
    command = [sys.executable, "-m", "weakft.train", "--max-steps", "12", "--checkpoint-every", "0.01", "--no-cache"]

    def run(name, kill_when=""):
        more = [] if name == "whole" else ["--resume"]
        process = subprocess.Popen([*command, "--output", str(tmp_path / name), *more], stdout=subprocess.DEVNULL)
        awaited = unfinished.place_of(tmp_path / name) / kill_when
        while kill_when and process.poll() is None and not awaited.exists():
            time.sleep(0.001)
        if kill_when:
            process.kill()
        return process.wait()

    assert run("whole") == 0
    assert [run("killed", file) for file in ("initial.pt", "self-training.pt")] == [-signal.SIGKILL] * 2
    assert run("killed") == 0
    whole, killed = outcome(tmp_path / "whole"), outcome(tmp_path / "killed")
    assert whole[2]["precision"] == ("bf16" if choose_precision("auto", "cpu") == "bf16" else "no")
    assert killed == whole


def test_sigterm_writes_a_checkpoint_and_says_how_to_go_on(killed):
    name = "preempted"
    code = killed.run(name, kill_when="self-training.partial", stop=signal.SIGTERM)
    assert code == 143
    assert killed.left(name)
    said = " ".join(killed.log.read_text().split())
    assert "weakft: stopped by SIGTERM;" in said and "with --resume goes on from there." in said
    assert killed.run(name, "--resume") == 0
    killed.check(name)


# In this process: every kind of run, stopped where a checkpoint is offered.

FAST = {"device": "cpu", "precision": "fp32", "learning_rate": 2e-3, "max_length": 32, "label_names": ["neg", "pos"]}
FAST |= {"initial_steps": 24, "self_training_steps": 24, "period": 10, "eval_every": 8, "patience": 0}


@pytest.fixture
def train(tiny_model, tmp_path):
    """Call weakft.train on the reviews."""

    def run(output="run", **changes):
        settings = {"data": table(150, 0), "lfs": review_lfs(), "valid": table(60, 1), "test": table(60, 2)}
        settings |= {"model": str(tiny_model), "output": str(tmp_path / output)}
        return weakft.train(**settings | FAST | changes)

    return run


@pytest.fixture
def stop_at(monkeypatch):
    """From now on, a SIGTERM arrives before the n-th step from here is over."""
    original, calls = Checkpoint.offer, []

    def offer(self, state):
        calls.append(1)
        if len(calls) == calls_until[0]:
            os.kill(os.getpid(), signal.SIGTERM)
        original(self, state)

    calls_until = [0]
    monkeypatch.setattr(Checkpoint, "offer", offer)

    def at(n):
        calls.clear()
        calls_until[0] = n

    return at


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"use_valid": True},
        {"first_teacher": False, "gradient_accumulation": 2},
        {"method": "weak", "head_steps": 4, "continue_on_valid": True, "max_steps": 20},
        {"valid": None},
        {"method": "gold", "hard_labels": True},
    ],
)
def test_every_kind_of_run_can_be_stopped_anywhere(train, stop_at, tmp_path, options):
    whole, run, stops = train("whole", **options), None, 0
    while run is None:
        stop_at(11)  # steps from where the one before stopped
        try:
            run = train(resume=True, **options)
        except Interrupted:
            stops += 1
    assert stops >= 2
    for one, other in zip(outcome(run.folder), outcome(whole.folder), strict=True):
        assert one == other
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run", "whole"]


def test_what_is_in_a_checkpoint_is_not_worked_out_again(train, stop_at, monkeypatch):
    from weakft.training import self_training
    from weakft.training.loop import Optimization

    steps, original = [], Optimization.update
    monkeypatch.setattr(Optimization, "update", lambda self, *rest: steps.append(1) or original(self, *rest))
    stop_at(30)
    with pytest.raises(Interrupted):
        train()
    stop_at(0)
    monkeypatch.setattr(self_training, "_first_teacher", lambda *_: pytest.fail("taught again"))
    train(resume=True)
    assert len(steps) == 48


def test_only_the_newest_checkpoint_is_kept_and_none_with_0(train, tmp_path, stop_at):
    stop_at(30)
    with pytest.raises(Interrupted):
        train(checkpoint_every=0.0001)
    files = sorted(path.name for path in (tmp_path / "run.partial").iterdir())
    assert files == ["first-teacher.pt", "initial.pt", "lock", "options.json", "self-training.pt"]
    stop_at(30)
    with pytest.raises(Interrupted, match="stopped by SIGTERM; there is no checkpoint."):
        train("none", checkpoint_every=0)
    assert not (tmp_path / "none.partial").exists()
    stop_at(0)
    train(resume=True, checkpoint_every=0)  # it is no other run
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run"]


def test_resume_without_a_run_begins_and_says_so(train, capsys, stop_at, tmp_path):
    train(resume=True, progress=True, method="majority")
    assert "There is nothing to resume" in " ".join(capsys.readouterr().out.split())
    stop_at(5)
    with pytest.raises(Interrupted):
        train("again")
    train("again", progress=True)
    assert "is dropped" in " ".join(capsys.readouterr().out.split())


def test_a_finished_run_is_left_as_it_is(train, capsys):
    lfs = [*review_lfs(), keywords("null", ["never said"], "pos")]  # no missing value, as its name; without a polarity
    first = train(method="label-model", lfs=lfs)
    before = {path.name: path.stat().st_mtime_ns for path in first.folder.iterdir()}
    again = train(method="label-model", lfs=lfs, resume=True, progress=True)
    assert "is finished: there is nothing to resume" in " ".join(capsys.readouterr().out.split())
    assert before == {path.name: path.stat().st_mtime_ns for path in first.folder.iterdir()}
    assert again.metrics == first.metrics and again.table == first.table
    pd.testing.assert_frame_equal(again.lf_summary, first.lf_summary)
    with pytest.raises(UserError, match="begun with --seed 0, and now --seed is 1"):
        train(method="label-model", resume=True, seed=1)


@pytest.mark.parametrize("left", [["lock"], ["lock", "initial.pt"], []])
def test_what_a_run_left_that_was_killed_at_its_very_end_goes(train, left):
    folder = train(method="label-model").folder
    place = unfinished.place_of(folder)
    place.mkdir()
    for name in left:
        (place / name).touch()
    train(method="label-model", resume=True)
    assert not place.exists() and folder.is_dir()


def test_a_damaged_run_is_named(train):
    folder = train(method="label-model").folder
    (folder / "config.yaml").unlink()
    with pytest.raises(UserError, match=r"config\.yaml: is missing or broken"):
        train(method="label-model", resume=True)
    (folder / "metrics.json").write_text("[]")
    with pytest.raises(UserError, match=r"(config\.yaml|metrics\.json): is missing or broken"):
        train(method="label-model", resume=True)


def test_rules_that_cannot_be_compared_are_not_taken_for_the_same(tmp_path):
    from functools import lru_cache

    texts = ["good film", "bad film"] * 5
    for word in ("good", "bad"):
        likes = lru_cache(lambda text, word=word: int(word in text))
        run = partial(
            weakft.train, texts, [weakft.LabelingFunction("f", lambda x, likes=likes: likes(x.text))], method="majority",
            label_names=["neg", "pos"], output=str(tmp_path / "run"),
        )  # fmt: skip
        if word == "good":
            run()
    with pytest.raises(UserError, match="or of some that cannot be compared"):
        run(resume=True)


def test_columns_that_rules_read_are_part_of_what_a_run_is_given():
    def given(value, lf):
        rules = from_objects([lf], None, "lfs")
        return origin(Splits(Dataset(["a"], ["0"], {"when": [value]})), rules)["rules"]

    reads, pattern = weakft.LabelingFunction("f", lambda x: x.when), weakft.keywords("k", ["a"], 0)
    assert given(date(2020, 1, 1), reads) == given(date(2020, 1, 1), reads) != given(date(2021, 1, 1), reads)
    unknown = iter(())
    assert given(unknown, reads) != given(unknown, reads)  # it may have changed
    assert given(unknown, pattern) == given(unknown, pattern)


def test_where_no_checkpoints_are_wanted_no_state_is_made(tmp_path):
    Checkpoint(tmp_path / "a.pt", every=0.0).offer(lambda: pytest.fail("made"))
    with pytest.raises(ZeroDivisionError):
        Checkpoint(tmp_path / "a.pt", every=1e-9).offer(lambda: 1 / 0)


def test_class_names_are_part_of_the_data():
    def given(*names):
        return origin(Splits(Dataset(["a"], ["0"]), label_names=list(names)), None)["data"]

    assert given("ham", "spam") == given("ham", "spam") != given("spam", "ham")


def test_other_options_or_data_are_refused_and_the_checkpoint_stays(train, stop_at, tmp_path):
    train = partial(train, label_model="majority")  # which does not depend on the validation labels
    stop_at(30)
    with pytest.raises(Interrupted):
        train()
    stop_at(0)
    place = tmp_path / "run.partial"
    before = {path.name: path.read_bytes() for path in place.glob("*.pt")}
    with pytest.raises(UserError, match=r"begun with --threshold 0.0, and now --threshold is 0.7"):
        train(resume=True, threshold=0.7)
    with pytest.raises(UserError, match="the data or the labeling functions have changed"):
        train(resume=True, data=table(150, 7))
    flipped = table(60, 1)
    flipped.loc[3, "label"] = "pos" if flipped.loc[3, "label"] == "neg" else "neg"
    with pytest.raises(UserError, match="the data or the labeling functions have changed"):
        train(resume=True, valid=flipped)
    assert before == {path.name: path.read_bytes() for path in place.glob("*.pt")}
    (place / "initial.pt").write_bytes(before["initial.pt"][:1000])
    with pytest.raises(UserError, match="is damaged"):
        train(resume=True)


def full_disk(monkeypatch, name, n):
    """From the n-th call on, a function finds the disk full."""
    place, function = name.rsplit(".", 1)
    module = pkgutil.resolve_name(place)
    original, calls = getattr(module, function), []

    def write(*args, **options):
        calls.append(1)
        if len(calls) >= n:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return original(*args, **options)

    monkeypatch.setattr(module, function, write)


@pytest.mark.parametrize(
    ("name", "n", "what"),
    [
        ("torch.save", 4, "pt: cannot be written: No space left on device"),
        ("os.fsync", 5, "pt: cannot be written: No space left on device"),
        ("weakft.runs.write_json", 2, "run: cannot be written: No space left on device"),
    ],
)
def test_a_full_disk_is_said_and_costs_nothing(train, tmp_path, monkeypatch, name, n, what):
    whole = train("whole")
    with monkeypatch.context() as patch:
        full_disk(patch, name, n)
        with pytest.raises(UserError, match=what):
            train(checkpoint_every=0.01)
    place = tmp_path / "run.partial"
    assert (place / "initial.pt").is_file() and not (tmp_path / "run").exists()
    assert {path.name for path in place.iterdir()} <= {
        "lock", "options.json", "initial.pt", "first-teacher.pt", "self-training.pt",
    }  # fmt: skip
    run = train(resume=True)
    assert outcome(run.folder) == outcome(whole.folder)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run", "whole"]


def test_a_text_that_cannot_be_written_leaves_no_part_of_it(tmp_path, monkeypatch):
    full_disk(monkeypatch, "weakft.runs.flush", 1)
    with pytest.raises(OSError, match="No space left"):
        runs.write_text(tmp_path / "page.html", "long")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("room", [0, 1000, 401_000])  # torch says RuntimeError where a tensor breaks off, else OSError
def test_a_disk_that_fills_up_within_a_checkpoint_is_said(tmp_path, room):
    checkpoint = Checkpoint(tmp_path / "head.pt", every=1)
    checkpoint.save({"n": 1})
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, before[1]))
    try:
        with pytest.raises(UserError, match="head.pt: cannot be written: File too large. Earlier checkpoints stay"):
            checkpoint.save({"weights": torch.zeros(100_000)})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert checkpoint.load() == {"n": 1} and [path.name for path in tmp_path.iterdir()] == ["head.pt"]


def test_an_error_of_torch_that_is_not_the_disks_is_not_taken_for_it(tmp_path, monkeypatch):
    def broken(*args):
        raise RuntimeError("out of memory")

    monkeypatch.setattr(torch, "save", broken)
    with pytest.raises(RuntimeError, match="out of memory"):
        Checkpoint(tmp_path / "head.pt", every=1).save({"n": 1})
    assert not list(tmp_path.iterdir())


def test_a_full_disk_leaves_the_earlier_run(train, tmp_path, monkeypatch):
    first = train(method="label-model")
    before = (first.folder / "metrics.json").read_bytes()
    for write in ("weakft.runs.write_json", "weakft.unfinished.os.open"):  # before anything is done
        with monkeypatch.context() as patch:
            full_disk(patch, write, 1)
            with pytest.raises(UserError, match="run.partial: cannot be written"):
                train(method="majority")
    with monkeypatch.context() as patch:
        full_disk(patch, "weakft.runs.flush", 2)
        with pytest.raises(UserError, match="run: cannot be written"):
            train(method="majority")
    assert (first.folder / "metrics.json").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_the_earlier_run_comes_back_where_the_exchange_was_cut_short(train, tmp_path):
    first = train(method="majority")
    place = tmp_path / "run.partial"
    place.mkdir()
    (place / unfinished.LOCK).touch()
    first.folder.rename(place / runs.REPLACED)  # killed between the two renames
    with pytest.raises(UserError, match="No labeling function votes"):
        train(method="majority", lfs=[weakft.keywords("k", ["zzz"], "pos")])
    assert json.loads((tmp_path / "run" / "metrics.json").read_text()) == first.metrics
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_a_folder_that_cannot_be_written_is_named(train, tmp_path, monkeypatch):
    def refuse(self, *args, **options):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", refuse)
        patch.setattr(Path, "mkdir", lambda self, **options: refuse(self) if "partial" in self.name else None)
        with pytest.raises(UserError, match="run.partial: cannot be written: Read-only file system"):
            train(method="majority")
    assert not list(tmp_path.iterdir())


def test_a_second_run_into_the_same_folder_is_refused_while_the_first_lives(tmp_path):
    script = f"""
import sys, time
sys.path.insert(0, {str(ROOT)!r})
from pathlib import Path
from weakft import unfinished
with unfinished.hold(Path({str(tmp_path / "run")!r}), {{"seed": 0}}, False, print):
    import os
    if os.fork() == 0:  # a worker, which outlives its parent
        print("in", flush=True)
    time.sleep(60)
"""
    first = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, start_new_session=True)
    try:
        assert first.stdout.readline() == "in\n"
        place = tmp_path / "run.partial"
        with pytest.raises(UserError, match="another run is writing there"), hold(tmp_path):
            pass
        assert (place / "options.json").is_file()
        first.kill()
        first.wait()
        with hold(tmp_path) as mine:  # the lock went with the process, though its worker lives
            assert mine == place
        assert not list(tmp_path.iterdir())
    finally:
        os.killpg(first.pid, signal.SIGKILL)


def hold(folder):
    return unfinished.hold(folder / "run", {"seed": 0}, False, print)


def test_a_folder_of_the_users_that_has_the_name_is_left_alone(train, tmp_path):
    (tmp_path / "run.partial").mkdir()
    (tmp_path / "run.partial" / "thesis.txt").write_text("dear")
    with pytest.raises(UserError, match="run.partial is needed, and holds something else"):
        train(method="majority")
    assert [path.name for path in tmp_path.rglob("*")] == ["run.partial", "thesis.txt"]


@pytest.mark.skipif(signal.getsignal(signal.SIGINT) == signal.SIG_IGN, reason="SIGINT is ignored: a background job")
def test_a_signal_waits_for_a_safe_point_and_a_second_one_does_not():
    with Signals() as signals:
        with pytest.raises(Interrupted) as caught, signals.held():
            os.kill(os.getpid(), signal.SIGTERM)
            done = True
        assert done and caught.value.number == signal.SIGTERM
    with Signals() as signals, pytest.raises(Interrupted), signals.held():
        os.kill(os.getpid(), signal.SIGINT)
        for _ in range(500):  # two that wait together would be one
            if signals.asked is None:
                time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(5)  # another thread may be the one that gets it
        pytest.fail("held twice")
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.parametrize("dangling", [False, True])
def test_a_link_as_output_stays_and_its_target_is_the_run(train, tmp_path, dangling):
    target, link = tmp_path / "disk" / "target", tmp_path / "run"
    target.parent.mkdir()
    if not dangling:
        target.mkdir()
    link.symlink_to(target)
    for seed in (0, 1):
        train(method="majority", seed=seed)
        assert link.is_symlink() and json.loads((target / "metrics.json").read_text())["seed"] == seed
        assert sorted(path.name for path in target.parent.iterdir()) == ["target"]


def test_a_link_that_leads_nowhere_is_refused_before_any_work(train, tmp_path):
    (tmp_path / "run").symlink_to(tmp_path / "run")
    with pytest.raises(UserError, match="exists and is no folder"):
        train(method="majority")


def test_a_link_in_the_place_of_an_unfinished_run_goes_and_what_it_leads_to_stays(tmp_path):
    place, mine = tmp_path / "run.partial", tmp_path / "mine"
    for folder in (place, mine):
        folder.mkdir()
    (place / unfinished.LOCK).touch()
    (mine / "thesis.txt").touch()
    (place / "other").symlink_to(mine)
    with hold(tmp_path):
        assert not (place / "other").is_symlink()
    assert [path.name for path in mine.iterdir()] == ["thesis.txt"]

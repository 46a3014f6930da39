"""What strangers' data, a report and a run folder can do, and what of the user's never gets out: nothing."""

import ast
import json
import re
import shutil
import subprocess
from pathlib import Path

import pandas as pd
import pytest
import yaml
from conftest import ROOT, reviews

import weakft
from weakft import keywords, runs
from weakft.errors import UserError

FAST = {"device": "cpu", "precision": "fp32", "learning_rate": 2e-3, "max_length": 32, "initial_steps": 20}
FAST |= {"self_training_steps": 10, "period": 5, "eval_every": 10}

RUN = "document.title='HAC'+'KED'"
EVIL = (
    f"<script>{RUN}</script>",
    f"</style><script>{RUN}</script>",
    f"</title><script>{RUN}</script>",
    f'"><img src=x onerror="{RUN}">',
    f"'><svg onload={RUN}>",
    f"{{{{ 7*7 }}}}<iframe srcdoc='<script>parent.{RUN}</script>'>",
    f'-->]]><a href="javascript:{RUN}" autofocus onfocus={RUN}>x</a>',
)
"""What would run in a page that does not escape it."""

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@pytest.fixture(scope="module")
def hostile(tiny_model, tmp_path_factory):
    """The page of a run in which texts, ids, classes, labeling functions and the data's name would all run something."""
    place = tmp_path_factory.mktemp("hostile")
    data = place / f"data {EVIL[3].replace('/', '')}"
    data.mkdir()
    classes = {"neg": f"neg {EVIL[0]}{EVIL[1]}", "pos": f"pos {EVIL[3]}{EVIL[4]}"}
    for name, n, seed in (("train", 120, 0), ("valid", 40, 1), ("test", 40, 2)):
        texts, gold = reviews(n, seed)
        frame = {
            "id": [f"{name} {i} {EVIL[i % len(EVIL)]}" for i in range(n)],
            "text": [f"{text} {EVIL[i % len(EVIL)]}" for i, text in enumerate(texts)],
            "label": [classes[label] for label in gold],
        }
        pd.DataFrame(frame).to_csv(data / f"{name}.csv", index=False)
    lfs = [
        keywords(f"likes {EVIL[1]}", ["good", "great", "love"], classes["pos"]),
        keywords(f"dislikes {EVIL[3]}", ["bad", "awful"], classes["neg"]),
        keywords(f"hates {EVIL[6]}", ["hate", "nice"], classes["neg"]),
    ]
    run = weakft.train(str(data), lfs, model=str(tiny_model), output=str(place / "run"), ceiling=True, **FAST)
    return (run.folder / runs.REPORT).read_text(encoding="utf-8")


def opened(page, folder):
    """The page as a browser has it after it ran whatever it would run."""
    (folder / "page.html").write_text(page, encoding="utf-8")
    command = [
        BROWSER,
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--dump-dom",
        f"--user-data-dir={folder / 'profile'}",
    ]
    command += ["--virtual-time-budget=2000", (folder / "page.html").as_uri()]
    out = subprocess.run(command, capture_output=True, text=True, timeout=180, check=True).stdout
    found = re.search("<title>(.*?)</title>", out, re.DOTALL)
    assert found, out[:500]
    return found[1]


@pytest.mark.skipif(BROWSER is None, reason="no Chromium on this machine; the next test reads the page without one")
def test_no_script_runs_in_a_browser(hostile, tmp_path):
    """Nor where the page's policy against scripts is taken out: what is escaped cannot run, allowed or not."""
    freed = re.sub(r"<meta http-equiv=.Content-Security-Policy.[^>]*>", "", hostile)
    assert freed != hostile
    for name, page in (("as it is", hostile), ("freed", freed)):
        (tmp_path / name).mkdir()
        title = opened(page, tmp_path / name)
        assert "HACKED" not in title and "weakft report" in title
    (tmp_path / "control").mkdir()
    assert opened(freed.replace("</body>", f"{EVIL[0]}</body>"), tmp_path / "control") == "HACKED"


def test_a_page_has_nothing_that_could_run(hostile):
    from test_report import Page

    shown = Page(hostile)
    assert not {"script", "img", "iframe", "a", "object", "embed", "link", "base", "form", "input"} & set(
        shown.elements
    )
    assert not [name for name, _ in shown.attributes if name.startswith("on") or name in ("src", "href", "srcdoc")]
    for evil in EVIL[:2] + EVIL[3:5]:
        assert evil in shown.text() or evil in " ".join(shown.words)  # it is there, as text
    assert "49" not in re.findall(r"\d+<iframe", " ".join(shown.words))  # nor is it a template
    assert hostile.lower().count("<script") == hostile.lower().count("</script") == 0
    assert len(re.findall("</style", hostile)) == len(re.findall("<style", hostile))


def snapshot(folder):
    return {str(p.relative_to(folder)): p.stat().st_mtime_ns for p in folder.rglob("*")}


PATHS = ("../../../outside", "/tmp/weakft-outside", "..", "a/../../b", "C:\\outside", "nul\x01l", ".")


def test_names_in_the_data_are_no_paths(tiny_model, tmp_path, monkeypatch):
    """Ids, classes, labeling functions and columns named like paths: nothing is written but the run folder."""
    inner = tmp_path / "a" / "b" / "c"
    inner.mkdir(parents=True)
    monkeypatch.chdir(inner)
    texts, gold = reviews(120, 0)
    classes = {"neg": PATHS[0], "pos": PATHS[1]}
    frame = pd.DataFrame({"id": [f"{PATHS[i % len(PATHS)]}/{i}" for i in range(120)], "text": texts})
    frame["label"] = [classes[label] for label in gold]
    frame[PATHS[3]] = "x"
    lfs = [
        keywords(PATHS[0], ["good", "great"], classes["pos"]),
        keywords(PATHS[1], ["bad", "awful"], classes["neg"]),
        keywords("..", ["hate", "nice"], classes["neg"]),
    ]
    before = snapshot(tmp_path)
    run = weakft.train(frame, lfs, valid=frame, test=frame, label_names=list(classes.values()), model=str(tiny_model),
        output=str(inner / "run"), cache_dir=str(inner / "cache"), checkpoint_every=1e-9, **FAST)  # fmt: skip
    weakft.predict(run.folder, frame)
    new = {name for name, when in snapshot(tmp_path).items() if before.get(name) != when}
    assert {name for name in new if not name.startswith(("a/b/c/run/", "a/b/c/cache/"))} <= {
        "a/b/c", "a/b/c/run", "a/b/c/cache",
    }  # fmt: skip
    assert not Path("/tmp/weakft-outside").exists()


def test_a_changed_config_of_a_run_leads_nowhere(tiny_model, tmp_path):
    """`report`, `predict` and --resume write where they are told on the command line, not where a folder's files say."""
    data = pd.DataFrame(dict(zip(("text", "label"), reviews(120, 0), strict=True)))
    lfs = [keywords("likes", ["good", "great"], "pos"), keywords("dislikes", ["bad", "awful"], "neg")]
    options = {"label_names": ["neg", "pos"], "model": str(tiny_model), "output": str(tmp_path / "run"), **FAST}
    run = weakft.train(data, lfs, **options)
    config = yaml.safe_load((run.folder / runs.CONFIG).read_text())
    outside = tmp_path / "outside"
    config |= {"output": str(outside / "run"), "cache_dir": str(outside / "cache")}
    (run.folder / runs.CONFIG).write_text(yaml.safe_dump(config))
    weakft.report(run.folder)
    weakft.predict(run.folder, data)
    weakft.train(data, lfs, resume=True, **options)
    assert not outside.exists()
    (run.folder / runs.CONFIG).write_text("a: !!python/object/apply:os.mkdir ['" + str(outside) + "']")
    with pytest.raises(UserError, match="config.yaml"):
        weakft.report(run.folder)
    assert not outside.exists()


SECRET = "sk-Zq8vX2nT7LwK4mR9pB3c"
SPYING = f"""
import os
from weakft import keywords, labeling_function
LABELS = ["neg", "pos"]
KEY = os.environ["OPENAI_API_KEY"]

def client(key):
    def ask(x):
        return "pos" if key == {SECRET[::-1]!r}[::-1] and "good" in x.text else None
    return ask

@labeling_function(resources={{"key": KEY}})
def by_resource(x, key):
    return "pos" if key[:2] == "sk" and "love" in x.text else None

@labeling_function()
def by_global(x):
    return "neg" if KEY and "bad" in x.text else None

@labeling_function()
def by_call(x):
    return "neg" if os.environ["OPENAI_API_KEY"] and "hate" in x.text else None

by_closure = labeling_function(name="by_closure")(client(KEY))
"""


class Killed(BaseException):
    """As if the process had been killed."""


def everything(folder):
    """All that the files of a folder hold, what is compressed included, and their names."""
    for path in sorted(folder.rglob("*")):
        yield str(path).encode()
        if path.is_file():
            yield path.read_bytes()
            if path.suffix == ".parquet":
                yield pd.read_parquet(path).to_csv().encode()


def test_what_a_labeling_function_reads_of_the_environment_stays_there(tiny_model, tmp_path, monkeypatch, capfd):
    """Not in the run folder, an interrupted run's checkpoints, the cache, the report or the output."""
    from weakft.training.checkpoints import Checkpoint

    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    (tmp_path / "rules.py").write_text(SPYING)
    written = tmp_path / "written"
    written.mkdir()
    for name, n, seed in (("train", 120, 0), ("valid", 40, 1), ("test", 40, 2)):
        texts, gold = reviews(n, seed)
        (tmp_path / "data").mkdir(exist_ok=True)
        pd.DataFrame({"text": texts, "label": gold}).to_csv(tmp_path / "data" / f"{name}.csv", index=False)

    def train(*more):
        from weakft.cli import run
        from weakft.train import main

        args = ["--data", f"{tmp_path}/data", "--lfs", f"{tmp_path}/rules.py", "--model", str(tiny_model)]
        args += ["--output", f"{written}/run", "--cache-dir", f"{written}/cache", "--checkpoint-every=1e-9"]
        args += [f"--{key.replace('_', '-')}={value}" for key, value in FAST.items()]
        return run(main, [*args, *more])

    offer, offers = Checkpoint.offer, []

    def stop(self, state):
        offer(self, state)
        offers.append(1)
        if len(offers) == 25:
            raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(Checkpoint, "offer", stop)
        with pytest.raises(Killed):
            train()
    assert list(written.rglob("*.pt")) and list((written / "cache").iterdir())
    found = list(everything(written))
    assert train("--resume") == 0
    found += [*everything(written), *map(str.encode, capfd.readouterr())]
    votes = pd.read_parquet(written / "run" / runs.PREDICTIONS)
    assert (
        (votes[["vote_by_resource", "vote_by_global", "vote_by_call", "vote_by_closure"]] >= 0).any().all()
    )  # it was read
    hidden = [SECRET.encode(), SECRET.encode().hex().encode(), SECRET[3:].encode()]
    assert not [content[:80] for content in found for secret in hidden if secret in content]


ALLOWED = {
    (
        "weakft/lfs/load.py",
        "exec_module",
    ): "runs the user's own file of labeling functions: that is what --lfs asks for",
    (
        "weakft/lfs/source.py",
        "compile",
    ): "of a labeling function's source, to compare with its code; the result never runs",
}
"""Where code is run that is not weakft's, and why."""


def dangerous(tree):
    """Calls and imports that can run code that comes with data, with the line of each."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            names = [alias.name for alias in node.names] + [getattr(node, "module", None) or ""]
            for name in names:
                if name.split(".")[0] in ("pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal", "shelve"):
                    yield name, node.lineno
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        options = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
        if called in ("eval", "exec", "compile", "__import__", "os.system", "yaml.load", "yaml.unsafe_load"):
            yield called, node.lineno
        if called.endswith("torch.load") and options.get("weights_only") != "True":
            yield called, node.lineno
        if called.endswith(("exec_module", "load_module", "read_pickle")):
            yield called.rsplit(".", 1)[-1], node.lineno
        for option in ("trust_remote_code", "allow_pickle", "shell"):
            if options.get(option, "False") != "False":
                yield option, node.lineno
        weights = called.endswith(".from_pretrained") and not called.endswith(
            ("Tokenizer.from_pretrained", "Config.from_pretrained")
        )
        if weights and "use_safetensors" not in options:
            yield "from_pretrained", node.lineno


def test_nothing_runs_code_that_comes_with_data():
    found = {}
    for path in sorted((ROOT / "weakft").rglob("*.py")):
        for what, line in dangerous(ast.parse(path.read_text(encoding="utf-8"))):
            found[path.relative_to(ROOT).as_posix(), what] = line
    assert found.keys() == ALLOWED.keys(), found


BAD = """
torch.load(f)
torch.load(f, weights_only=False)
import pickle
from joblib import load
eval(x)
exec(x)
A.from_pretrained(m, use_safetensors=True, trust_remote_code=True)
A.from_pretrained(m)
yaml.load(x)
np.load(f, allow_pickle=True)
subprocess.run(x, shell=True)
pd.read_pickle(f)
"""


@pytest.mark.parametrize("line", BAD.strip().splitlines())
def test_the_look_at_the_code_sees(line):
    assert list(dangerous(ast.parse(line)))


@pytest.mark.parametrize(
    "line", ["torch.load(f, weights_only=True)", "model.eval()", "re.compile(x)", "yaml.safe_load(x)"]
)
def test_the_look_at_the_code_leaves_alone(line):
    assert not list(dangerous(ast.parse(line)))


def test_no_code_of_a_model_is_run(tiny_model, tmp_path):
    """A model folder that brings code and asks for it (`auto_map`): it is refused or loaded without, and never run."""
    model = shutil.copytree(tiny_model, tmp_path / "model")
    config = json.loads((model / "config.json").read_text())
    config |= {"auto_map": {"AutoModelForSequenceClassification": "evil.Evil", "AutoConfig": "evil.EvilConfig"}}
    config["model_type"] = "evil"
    (model / "config.json").write_text(json.dumps(config))
    (model / "evil.py").write_text(f"from pathlib import Path\nPath({str(tmp_path / 'ran')!r}).touch()\n")
    with pytest.raises(UserError, match="Cannot load the backbone"):
        weakft.train(reviews(50, 0)[0], [keywords("k", ["good"], "pos")], label_names=["neg", "pos"], model=str(model),
            output=str(tmp_path / "run"), **FAST)  # fmt: skip
    assert not (tmp_path / "ran").exists()


def test_the_oldest_versions_that_ci_runs_are_the_lower_bounds():
    allowed = dict(
        re.findall(r'^    "([a-z0-9-]+)>=([0-9.]+)', (ROOT / "pyproject.toml").read_text("utf-8"), re.MULTILINE)
    )
    pinned = dict(
        re.findall(r"^([a-z0-9-]+)==([0-9.]+)$", (ROOT / ".ci" / "oldest.txt").read_text("utf-8"), re.MULTILINE)
    )
    direct = re.search(
        r"^dependencies = \[(.*?)^\]", (ROOT / "pyproject.toml").read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    names = set(re.findall(r'"([a-z0-9-]+)>=', direct[1]))
    assert set(pinned) == names - {"snorkel"}  # snorkel has one version in its range
    for name, version in pinned.items():
        assert version.split(".")[: allowed[name].count(".") + 1] == allowed[name].split("."), name

"""What strangers' data and files may not do: run code, leave the run folder, carry off a secret."""

import ast
import contextlib
import json
import re
import shutil
import subprocess

import pandas as pd
import pytest
from conftest import ROOT, review_lfs, reviews

import weakft
from weakft.errors import UserError

EVIL = [
    "<script>document.title='owned'</script>",
    '"><img src=x onerror="document.title=\'owned\'">',
    "</style></title><script>document.title='owned'</script>",
    "<svg onload=\"document.title='owned'\">",
    "{{ 7 * 7 }} {% raw %}",
]
BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)


def small(tiny_model, output, train, lfs, **options):
    return weakft.train(
        train, lfs, model=str(tiny_model), max_steps=2, output=str(output), checkpoint_every=0, **options
    )


@pytest.mark.skipif(BROWSER is None, reason="no browser (chromium, google-chrome) on this machine")
def test_nothing_in_a_report_runs_in_a_browser(tiny_model, tmp_path):
    texts, gold = reviews(60, 0)
    names = {"neg": EVIL[0], "pos": EVIL[1]}
    frame = pd.DataFrame({"text": [f"{text} {EVIL[i % 5]}" for i, text in enumerate(texts)], "id": texts})
    frame["id"] = [f"{i} {EVIL[i % 5]}" for i in range(60)]
    labeled = frame.assign(label=[names[g] for g in gold])
    lfs = [
        weakft.keywords(f"a {EVIL[3]}", ["good", "great", "nice"], names["pos"]),
        weakft.keywords(EVIL[4], ["bad"], names["neg"]),
    ]
    split = {"valid": labeled, "test": labeled, "label_names": list(names.values())}
    run = small(tiny_model, tmp_path / "run", frame, lfs, **split)
    options = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}"]
    options += ["--virtual-time-budget=2000", "--dump-dom", (run.folder / "report.html").as_uri()]
    page = subprocess.run([str(BROWSER), *options], capture_output=True, text=True, timeout=120, check=True).stdout
    assert "owned" not in page.split("</title>")[0].lower()
    assert "<script" not in page.lower() and "<img" not in page.lower() and "onload=" not in page.split("<body>")[0]
    assert "7 * 7" in page and "49 {" not in page  # the template engine has not read it either
    assert "&lt;script&gt;" in page


def test_no_text_or_name_leaves_the_run_folder(tiny_model, tmp_path):
    texts, gold = reviews(60, 0)
    names = {"neg": "../../neg", "pos": f"{tmp_path}/pos"}
    frame = pd.DataFrame({"text": texts, "id": [f"../../../{i}" for i in range(60)], "label": [names[g] for g in gold]})
    lfs = [weakft.keywords("../up", ["good"], names["pos"]), weakft.keywords("/abs", ["bad"], names["neg"])]
    split = {"valid": frame, "test": frame, "label_names": list(names.values())}
    run = small(tiny_model, tmp_path / "in" / "run", frame.drop(columns="label"), lfs, **split)
    assert [path.name for path in tmp_path.iterdir()] == ["in"]
    assert [path.name for path in (tmp_path / "in").iterdir()] == ["run"]
    assert all(path.resolve().is_relative_to(run.folder.resolve()) for path in run.folder.rglob("*"))
    assert set(pd.read_parquet(run.folder / "predictions.parquet")["id"]) == set(frame["id"])


def test_a_secret_that_a_labeling_function_uses_is_written_nowhere(tiny_model, tmp_path, monkeypatch, capfd):
    secret = "sk-5f0c71e2a9d84b36"
    monkeypatch.setenv("MY_API_KEY", secret)
    cache = tmp_path / "cache"
    (tmp_path / "rules.py").write_text(
        "import os\nfrom weakft import labeling_function\nLABELS = ['neg', 'pos']\nKEY = os.environ['MY_API_KEY']\n\n"
        "@labeling_function()\ndef asks(x):\n    assert KEY and os.environ['MY_API_KEY']\n"
        "    return 'pos' if 'good' in x.text else None\n\n"
        "@labeling_function()\ndef keeps(x, ):\n    key = os.environ.get('MY_API_KEY')\n"
        "    return 'neg' if 'bad' in x.text and key else None\n"
    )
    texts, gold = reviews(80, 0)
    data = tmp_path / "data"
    data.mkdir()
    for name in ("train", "valid", "test"):
        pd.DataFrame({"text": texts, "label": gold}).to_csv(data / f"{name}.csv", index=False)
    options = {"model": str(tiny_model), "max_steps": 4, "checkpoint_every": 0.001, "cache_dir": str(cache)}
    weakft.train(str(data), str(tmp_path / "rules.py"), output=str(tmp_path / "run"), **options)
    said = capfd.readouterr()
    assert secret not in said.out + said.err
    files = [path for folder in ("run", "cache") for path in (tmp_path / folder).rglob("*") if path.is_file()]
    assert len(files) > 5
    assert not [path for path in files if secret.encode() in path.read_bytes()]


ALLOWED = {("weakft/training/checkpoints.py", "torch.load")}
"""Our own checkpoints, with ``weights_only=True``: tensors and plain values."""

FORBIDDEN = {
    *(
        "eval",
        "exec",
        "compile",
        "__import__",
        "pickle.load",
        "pickle.loads",
        "torch.load",
        "joblib.load",
        "numpy.load",
    ),
    *("np.load", "yaml.load", "yaml.unsafe_load", "os.system", "os.popen", "subprocess.run", "subprocess.Popen"),
    *("pd.read_pickle", "marshal.loads", "dill.loads", "cloudpickle.loads"),
}


def test_no_call_that_could_run_what_a_file_says():
    found = set()
    for file in sorted((ROOT / "weakft").rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Call):
                name = ast.unparse(node.func)
                if name in FORBIDDEN:
                    found.add((file.relative_to(ROOT).as_posix(), name))
                    if name == "torch.load":
                        assert "weights_only=True" in ast.unparse(node)
                assert not any(k.arg == "trust_remote_code" and ast.unparse(k.value) != "False" for k in node.keywords)
    assert found == ALLOWED


def test_a_model_folder_with_code_in_it_does_not_run_it(tiny_model, tmp_path):
    texts, _ = reviews(60, 0)
    run = small(tiny_model, tmp_path / "run", texts, review_lfs(), label_names=["neg", "pos"])
    folder = run.folder / "model"
    (folder / "evil.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\nclass Evil: pass\n")
    config = json.loads((folder / "config.json").read_text())
    config["auto_map"] = dict.fromkeys(("AutoConfig", "AutoModelForSequenceClassification"), "evil.Evil")
    (folder / "config.json").write_text(json.dumps(config))
    with contextlib.suppress(UserError):
        weakft.predict(run.folder, texts[:3])
    assert not (tmp_path / "ran").exists()
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(b"cos\nsystem\n(S'true'\ntR.")
    with pytest.raises(UserError):
        weakft.predict(run.folder, texts[:3])


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
    assert set(pinned) == names - {"torch", "snorkel"}  # snorkel has one version in its range
    for name, version in pinned.items():
        assert version.split(".")[: allowed[name].count(".") + 1] == allowed[name].split("."), name

"""`cnnc verify` as users meet it: results, messages, exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("flax")
pytest.importorskip("keras")

from cnndsl.cli import main

SPEC = """\
model net {
  input 12x12x3
  conv 3x3/2, 4, pad=same, bn(eps=1e-3), relu
  globalavgpool
  fc 5
  softmax
}
model other = net { }
model open { input H×W×3; conv 3x3, 4 }
"""
KERAS = """\
import keras
from keras import layers


def network(eps=1e-3):
    x = start = keras.Input((12, 12, 3))
    x = layers.Conv2D(4, 3, 2, "same", use_bias=False)(x)
    x = layers.BatchNormalization(epsilon=eps)(x)
    x = layers.ReLU()(x)
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(start, layers.Dense(5, activation="softmax")(x))
"""
AGAINST = ["verify", "net.cnn:net", "--against", "keras:mine:network"]
Captured = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "net.cnn").write_text(SPEC, encoding="utf-8")
    (tmp_path / "mine.py").write_text(KERAS, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def test_equal(capsys: Captured) -> None:
    assert main(AGAINST) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("net against keras:mine:network (Keras ")
    assert lines[1:6] == [
        "  layers      3 with weights, paired by structure",
        "  parameters  141 = 141",
        "  MACs        3,908 = 3,908",  # 6·6·27·4 and 4·5
        "  weights     random, 8 running statistics among them",
        "  inputs      12x12x3, normal, seed 0",
    ]
    assert lines[6].startswith("  logits      5, largest difference ")
    assert lines[7:] == ["equal up to 1e-05"]


def test_json(capsys: Captured) -> None:
    arguments = [*AGAINST, "--json", "--seed", "3"]
    assert main(arguments) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["equal"] and found["seed"] == 3
    assert found["parameters"] == found["reference_parameters"] == 141
    assert [output["name"] for output in found["outputs"]] == ["logits"]


def test_different(capsys: Captured) -> None:
    assert main(["verify", "net.cnn:net", "--against", "keras:mine:network(eps=0.1)"]) == 1
    captured = capsys.readouterr()
    assert captured.out.splitlines()[-1] == "not equal"
    assert "error[E0903]" in captured.err and "net.cnn:3:3" in captured.err
    assert "BatchNormalization epsilon=0.1" in captured.err


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ("verify net.cnn:net", 2, "needs something to compare with"),
        ("verify net.cnn:net --against keras:mine:network -o out", 2, "is for the weights of"),
        ("verify net.cnn:net --weights w.pth", 2, "where are the weights to go?"),
        ("verify net.cnn:net --against kears:VGG16", 2, "did you mean `keras:VGG16`?"),
        ("verify net.cnn:net --against keras:mine:nowork", 2, "did you mean `network`?"),
        ("verify net.cnn:open --against keras:mine:network", 2, "--input 224x224x3"),
        ("verify net.cnn:net --against keras:mine:network --tolerance 2", 2, "between 0 and 1"),
        ("verify net.cnn:net --against keras:mine:network --seed -1", 2, "--seed"),
        ("verify missing.cnn --against keras:mine:network", 4, "missing.cnn"),
        ("verify net.cnn:net --set x=1 --against keras:mine:network", 2, "x"),
    ],
)
def test_mistakes(arguments: str, code: int, message: str, capsys: Captured) -> None:
    assert main(arguments.split()) == code
    assert message in capsys.readouterr().err

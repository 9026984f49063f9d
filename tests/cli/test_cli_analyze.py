"""`concentra analyze`, from files to files."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import tomllib
import warnings

import anndata
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from concentra.errors import ArgumentError, FileFormatError
from concentra.metrics import hill_number
from concentra.run.options import Options, read_options
from concentra.simulate import default_plan, simulate_labels

CONTRAST = ("--contrast", "age:3m:24m", "--draws", "100", "--no-multiverse")
SCRIPT = "<script>alert(1)</script>"


def unwrapped(text):
    """Lines may break anywhere: the terminal is narrow in some tests and endless in others."""
    return " ".join(text.split())


def labelled(n_donors=3, n_cells=120, seed=1, n_null=1):
    return simulate_labels(default_plan(n_null), n_donors=n_donors, n_cells=n_cells, rng=seed).cells.astype(
        str
    )


@pytest.fixture(autouse=True)
def undrawn(request, monkeypatch):
    """No figures, which take most of the time of so small a run, but where a test asks for `drawn`."""
    if "drawn" not in request.fixturenames:
        monkeypatch.setattr("concentra.run.write.pictures", lambda analysis: [])


@pytest.fixture
def drawn():
    """Figures are drawn."""


@pytest.fixture(scope="module")
def cells(tmp_path_factory):
    path = tmp_path_factory.mktemp("cells") / "cells.csv"
    labelled().to_csv(path, index=False)
    return path


def table(out, name):
    return pd.read_csv(out / "tables" / f"{name}.csv", keep_default_na=False, na_values=[""])


def contents(out):
    return {
        str(path.relative_to(out)): path.read_bytes() for path in sorted(out.rglob("*")) if path.is_file()
    }


@pytest.fixture(scope="module")
def whole(cells, tmp_path_factory):
    """One full run in a process of its own."""
    out = tmp_path_factory.mktemp("out") / "a"
    command = [
        sys.executable,
        "-m",
        "concentra.cli",
        "analyze",
        str(cells),
        "--contrast",
        "age:3m:24m",
        "--trend",
        "age",
    ]
    script = "import sys; from concentra.cli import main; sys.argv = ['concentra', *sys.argv[1:]]; main()"
    done = subprocess.run(
        [sys.executable, "-c", script, *command[3:], "--draws", "200", "--out", str(out)],
        capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return out, done.stdout


def test_everything_promised_is_there(whole):
    out, printed = whole
    names = {path.stem for path in (out / "tables").glob("*.csv")}
    assert names >= {
        "composition", "parts", "concentration", "left_out", "design", "confounding", "contrast", "across", "drivers",
        "plane", "plane_points", "multiverse", "agreement", "trend",
    }  # fmt: skip
    assert {path.stem for path in (out / "figures").iterdir()} >= {
        "forest",
        "plane",
        "composition_crystallizes",
    }
    assert "donor: column 'mouse.id' (from its name)" in printed
    assert "report.html" in printed
    assert "trend along age" in printed
    assert "None" not in printed
    account = json.loads((out / "provenance.json").read_text())
    written = set(contents(out)) - {"provenance.json"}
    assert set(account["files"]) == written


def test_the_numbers_are_those_of_the_cells(whole, cells):
    out, _ = whole
    counts = (
        pd.read_csv(cells)
        .groupby(["tissue", "age", "mouse.id", "cell_ontology_class"])
        .size()
        .unstack(fill_value=0)
    )
    for tissue in ("crystallizes", "null_1"):
        values = {age: hill_number(counts.loc[(tissue, age)].to_numpy()) for age in ("3m", "24m")}
        found = table(out, "contrast").query("contrast == 'age: 3m to 24m'").set_index(["stratum", "metric"])
        row = found.loc[(tissue, "hill_q1")]
        assert row["shift"] == pytest.approx(np.median(values["24m"]) - np.median(values["3m"]))
    assert table(out, "composition")["n_cells"].sum() == len(pd.read_csv(cells))


def test_the_report_is_self_contained_and_gives_the_answer_first(whole):
    page = (whole[0] / "report.html").read_text()
    plain = re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL)
    assert not re.search(r"<[a-z]+ [^>]*(src|href)=\"(?!data:|#)", plain)
    assert "Crystallizes is more concentrated in 24m than in 3m" in " ".join(page.split())
    assert "<script>alert" not in page
    assert "nan" not in plain.split()


def test_a_second_run_and_the_run_file_give_the_same_bytes(run, cells, tmp_path, drawn):
    out = tmp_path / "a"
    assert run("analyze", cells, *CONTRAST, "--out", out).code == 0
    first = contents(out)
    assert run("analyze", "--run", out / "run.toml").code == 0
    assert contents(out) == first
    (tmp_path / "b").mkdir()
    assert run("analyze", "--run", out / "run.toml", "--out", tmp_path / "b").code == 0
    assert contents(tmp_path / "b") == first


def test_files_of_an_earlier_run_do_not_stay(run, cells, tmp_path):
    out = tmp_path / "a"
    run("analyze", cells, *CONTRAST, "--trend", "age", "--out", out)
    (out / "notes.txt").write_text("mine")
    run("analyze", cells, *CONTRAST, "--out", out)
    assert not (out / "tables" / "trend.csv").exists()
    assert (out / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize("ending", ["h5ad", "parquet", "tsv", "csv.gz", "zarr"])
def test_every_format_gives_the_same_tables(run, cells, tmp_path, ending):
    frame = labelled()
    path = tmp_path / f"cells.{ending}"
    if ending in ("h5ad", "zarr"):
        if ending == "zarr":
            pytest.importorskip("zarr")
        frame.index = frame.index.astype(str)
        adata = anndata.AnnData(sparse.csr_matrix((len(frame), 2)), obs=frame.astype("category"))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # how anndata will write zarr one day
            adata.write_h5ad(path) if ending == "h5ad" else adata.write_zarr(path)
    elif ending == "parquet":
        frame.to_parquet(path)
    else:
        frame.to_csv(path, index=False, sep="\t" if ending == "tsv" else ",")
    assert run("analyze", path, *CONTRAST, "--out", tmp_path / "a").code == 0
    assert run("analyze", cells, *CONTRAST, "--out", tmp_path / "b").code == 0
    for name in ("composition", "contrast", "drivers"):
        assert (tmp_path / f"a/tables/{name}.csv").read_bytes() == (
            tmp_path / f"b/tables/{name}.csv"
        ).read_bytes()


def test_several_files_are_one_cohort(run, cells, tmp_path):
    frame = labelled()
    frame[frame["age"] == "3m"].to_csv(tmp_path / "young.csv", index=False)
    frame[frame["age"] == "24m"].assign(extra=1).to_csv(tmp_path / "old.csv", index=False)
    assert (
        run("analyze", tmp_path / "young.csv", tmp_path / "old.csv", *CONTRAST, "--out", tmp_path / "a").code
        == 0
    )
    assert run("analyze", cells, *CONTRAST, "--out", tmp_path / "b").code == 0
    assert table(tmp_path / "a", "contrast").equals(table(tmp_path / "b", "contrast"))


def test_tables_of_counts_long_and_wide(run, cells, tmp_path):
    frame = labelled()
    counts = frame.groupby(list(frame.columns)).size().rename("n").reset_index()
    counts.to_csv(tmp_path / "long.csv", index=False)
    wide = counts.pivot_table(
        index=["mouse.id", "age", "sex", "tissue"], columns="cell_ontology_class", values="n", fill_value=0
    )
    wide.reset_index().to_csv(tmp_path / "wide.csv", index=False)
    assert run("analyze", cells, *CONTRAST, "--out", tmp_path / "a").code == 0
    assert (
        run("analyze", tmp_path / "long.csv", "--amount", "n", *CONTRAST, "--out", tmp_path / "b").code == 0
    )
    assert run("analyze", tmp_path / "wide.csv", "--wide", *CONTRAST, "--out", tmp_path / "c").code == 0
    for other in "bc":
        assert table(tmp_path / "a", "contrast").equals(table(tmp_path / other, "contrast"))


def test_a_composition_h5ad_as_other_tools_make_it(run, tmp_path):
    counts = np.array([[50, 50, 50]] * 3 + [[120, 20, 10]] * 3) + np.arange(6)[:, None]
    obs = pd.DataFrame(
        {"sample": [f"s{n}" for n in range(6)], "condition": ["c"] * 3 + ["s"] * 3},
        index=[f"s{n}" for n in range(6)],
    )
    anndata.AnnData(counts.astype(float), obs, pd.DataFrame(index=["T", "B", "NK"])).write_h5ad(
        tmp_path / "a.h5ad"
    )
    done = run(
        "analyze",
        tmp_path / "a.h5ad",
        "--wide",
        "--contrast",
        "condition:c:s",
        "--json",
        "--out",
        tmp_path / "o",
    )
    assert done.code == 0, done.err
    assert json.loads(done.out)["verdicts"][0]["ratio"] < 1


def test_the_cellxgene_schema_needs_no_options(run, tmp_path):
    frame = labelled().rename(columns={"mouse.id": "donor_id", "cell_ontology_class": "cell_type"})
    frame["development_stage"] = frame.pop("age").map(
        {"3m": "3-month-old stage", "24m": "24-month-old stage"}
    )
    frame["assay"], frame["disease"] = "10x", "normal"
    frame.index = frame.index.astype(str)
    anndata.AnnData(np.zeros((len(frame), 1), dtype="f4"), frame.astype("category")).write_h5ad(
        tmp_path / "a.h5ad"
    )
    done = run(
        "analyze", tmp_path / "a.h5ad", "--contrast", "development_stage:3-month-old stage:24-month-old stage",
        "--trend", "development_stage", "--draws", 100, "--no-multiverse", "--out", tmp_path / "o",
    )  # fmt: skip
    assert done.code == 0, done.err
    assert table(tmp_path / "o", "trend")["along"].iloc[0] == "development_stage (months)"


def test_several_values_contrasts_and_designs(run, tmp_path):
    frame = labelled(n_donors=4)
    frame["age"] = np.where(frame["mouse.id"].isin(["3_1_F", "3_2_F", "3_1_M", "3_2_M"]), "1m", frame["age"])
    frame["animal"] = frame["mouse.id"].str.split("_").str[1]
    frame.to_csv(tmp_path / "c.csv", index=False)
    done = run(
        "analyze", tmp_path / "c.csv", "--contrast", "age:1m+3m:24m", "--contrast", "age:1m:24m", "--draws", 100,
        "--no-multiverse", "--out", tmp_path / "o",
    )  # fmt: skip
    assert done.code == 0, done.err
    assert table(tmp_path / "o", "contrast")["contrast"].unique().tolist() == [
        "age: 1m+3m to 24m",
        "age: 1m to 24m",
    ]
    done = run(
        "analyze",
        tmp_path / "c.csv",
        *("--contrast", "age:1m+3m:24m"),
        "--within",
        "sex",
        "--draws",
        100,
        "--out",
        tmp_path / "w",
    )
    assert done.code == 0, done.err
    assert set(table(tmp_path / "w", "contrast")["exact_test"].dropna()) == {"van Elteren"}
    done = run(
        "analyze", tmp_path / "c.csv", "--donor", "animal", "--paired-by", "animal", "--contrast", "age:1m+3m:24m",
        "--draws", 100, "--out", tmp_path / "p",
    )  # fmt: skip
    assert done.code == 0, done.err
    found = table(tmp_path / "p", "contrast")
    assert set(found["exact_test"].dropna()) == {"signed rank"}
    assert set(found["n_reference"]) == {4}


def test_without_strata_and_without_a_question(run, cells, tmp_path):
    done = run("analyze", cells, "--stratum", "none", "--out", tmp_path / "o")
    assert done.code == 0, done.err
    assert "nothing was compared" in done.out
    assert table(tmp_path / "o", "concentration")["stratum"].unique().tolist() == ["all cells"]
    assert not (tmp_path / "o/tables/contrast.csv").exists()


def test_200_cells(run, tmp_path):
    frame = labelled(n_donors=3, n_cells=33)
    frame[frame["tissue"] == "crystallizes"].iloc[:200].to_csv(tmp_path / "c.csv", index=False)
    done = run("analyze", tmp_path / "c.csv", *CONTRAST, "--min-cells", 20, "--out", tmp_path / "o")
    assert done.code == 0, done.err
    done = run("analyze", tmp_path / "c.csv", *CONTRAST, "--out", tmp_path / "o")
    assert done.code == 1
    assert "lower --min-cells" in done.err


def prepared_by_nobody():
    """Odd names, blanks, hostile labels, a donor in two batches, a group without donors in one tissue."""
    rng = np.random.default_rng(5)
    names = {
        "mouse.id": "Animal ID",
        "age": "Age group / cohort",
        "sex": "Gender",
        "tissue": "Organ",
        "cell_ontology_class": "Cell Type (final)",
    }
    frame = labelled(n_donors=4, n_cells=200, seed=5, n_null=3).rename(columns=names)
    hostile = {
        "type_01": SCRIPT,
        "type_02": "=1+1",
        "type_03": 'a,b "q"\nnew',
        "type_04": "naïve 細胞 $x_1$",
        "type_05": "x" * 10_000,
    }
    frame["Cell Type (final)"] = frame["Cell Type (final)"].replace(hostile)
    frame["Organ"] = frame["Organ"].replace({"null_1": "Limb_Muscle|<b>", "null_2": "None"})
    for column, share in (
        ("Animal ID", 0.02),
        ("Age group / cohort", 0.05),
        ("Gender", 0.1),
        ("Cell Type (final)", 0.03),
    ):
        frame.loc[rng.random(len(frame)) < share, column] = rng.choice(["", " ", "NA"])
    frame["Batch"] = np.where(rng.random(len(frame)) < 0.5, "run1", "run2")
    frame["share"], frame["part"], frame["donor"] = rng.random(len(frame)), "p", "lab7"
    return frame[~((frame["Organ"] == "null_3") & (frame["Age group / cohort"] == "24m"))].sample(
        frac=1, random_state=1
    )


def test_a_data_set_that_nobody_prepared(run, tmp_path, drawn):
    prepared_by_nobody().to_csv(tmp_path / "mess.csv", index=False)
    done = run(
        "analyze",
        tmp_path / "mess.csv",
        "--contrast",
        "Age group / cohort:3m:24m",
        "--out",
        tmp_path / "o",
        "--no-multiverse",
        "--draws",
        100,
    )
    assert done.code == 0, done.err
    assert "donor: column 'Animal ID'" in done.out
    assert "lack 'Age group / cohort': taken from the donor's other cells" in unwrapped(done.out)
    assert "null_3           not testable: no donor of 24m" in done.out
    found = table(tmp_path / "o", "contrast").set_index(["stratum", "metric"])
    assert found.loc[("crystallizes", "hill_q1"), "direction"] == "more concentrated"
    assert found.loc[("null_3", "hill_q1"), "verdict"] == "not testable"
    parts = set(table(tmp_path / "o", "composition")["part"])
    assert parts >= {SCRIPT, "'=1+1", 'a,b "q"\nnew', "naïve 細胞 $x_1$", "x" * 10_000}
    for path in [tmp_path / "o/report.html", *(tmp_path / "o/figures").iterdir()]:
        assert SCRIPT not in path.read_text()
    assert "Muscle|<b>" not in (tmp_path / "o/report.html").read_text()
    assert "\\<b>" in (tmp_path / "o/summary.md").read_text()
    assert run("analyze", "--run", tmp_path / "o/run.toml", "--out", tmp_path / "again").code == 0
    assert (
        contents(tmp_path / "again")["tables/contrast.csv"] == contents(tmp_path / "o")["tables/contrast.csv"]
    )


def test_labels_as_people_type_them(run, tmp_path):
    """Case, trailing blanks, "unknown", ages in three notations, numeric donors, an odd name for the tissue."""
    frame = labelled(n_donors=4, n_cells=150, seed=4)
    numbers = {name: str(100 + place) for place, name in enumerate(sorted(frame["mouse.id"].unique()))}
    frame["mouse.id"] = frame["mouse.id"].map(numbers)
    clean = frame.copy()
    donors = sorted(frame.loc[frame["age"] == "3m", "mouse.id"].unique())
    frame.loc[frame["mouse.id"] == donors[0], "age"] = "P90D"
    frame.loc[frame["mouse.id"] == donors[1], "age"] = "3M "
    rng = np.random.default_rng(1)
    for change in (str.upper, lambda text: text + "  "):
        some = rng.random(len(frame)) < 0.2
        frame.loc[some, "cell_ontology_class"] = frame.loc[some, "cell_ontology_class"].map(change)
    extra = frame.iloc[:60].assign(cell_ontology_class="Unknown")
    frame = pd.concat([frame, extra]).rename(columns={"tissue": "Organ / site", "mouse.id": "Mouse #"})
    frame.to_csv(tmp_path / "typed.csv", index=False)
    clean.to_csv(tmp_path / "clean.csv", index=False)
    done = run(
        "analyze", tmp_path / "typed.csv", "--contrast", "age:3m+P90D:24m", "--draws", 100, "--no-multiverse",
        "--missing", "unknown", "--out", tmp_path / "a",
    )  # fmt: skip
    assert done.code == 0, done.err
    assert (
        "age: '3M ' is counted as '3m' (they differ in case, white space or invisible characters)" in done.out
    )
    assert "60 of" in done.out
    assert run("analyze", tmp_path / "clean.csv", *CONTRAST, "--out", tmp_path / "b").code == 0
    counts = [
        {
            (row["stratum"], str(row["donor"]), row["part"].lower()): row["n_cells"]
            for _, row in found.iterrows()
        }
        for found in (table(tmp_path / name, "composition") for name in "ab")
    ]
    assert counts[0] == counts[1]
    done = run("analyze", tmp_path / "typed.csv", "--contrast", "age:3m:24m", "--draws", 100, "--no-multiverse",
               "--out", tmp_path / "c")  # fmt: skip
    assert "age: 3m to 24m: 1 donor not compared" in done.out
    assert (
        "part: 'Unknown' (60 cells) counted as a label; --missing 'Unknown' if it stands for a missing value"
        in unwrapped(done.out)
    )
    assert table(tmp_path / "c", "contrast")["n_reference"].max() == 3


def test_a_folder_that_cannot_be_written_is_refused_before_anything_is_read(
    run, cells, tmp_path, monkeypatch
):
    monkeypatch.setattr("concentra.run.analysis.read", None)
    for out in (cells, cells / "below"):
        done = run("analyze", cells, "--out", out)
        assert done.code == 1
        assert "cells.csv' is a file" in done.err
    monkeypatch.setattr("os.access", lambda place, mode: mode != os.W_OK | os.X_OK)
    assert "is not writable" in run("analyze", cells, "--out", tmp_path / "o").err


def test_the_separator_makes_no_difference(run, tmp_path):
    tables = []
    for name, separator in (("commas", ","), ("semicolons", ";")):
        labelled().to_csv(tmp_path / f"{name}.csv", index=False, sep=separator)
        assert run("analyze", tmp_path / f"{name}.csv", "--out", tmp_path / name).code == 0
        tables.append(table(tmp_path / name, "composition"))
    pd.testing.assert_frame_equal(*tables)


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--missing", "unknwon"], "missing label 'unknwon', which no cell has"),
        (["--contrast", "agee:3m:24m"], "did you mean 'age'"),
        (["--contrast", "age:3m:24 m"], "did you mean '24m'"),
        (["--contrast", "age:3m"], "COLUMN:REFERENCE:OTHER"),
        (["--part", "celltype"], "no column 'celltype'"),
        (["--within", "batch", *CONTRAST], "no column 'batch'"),
        (["--contrast", "cell_ontology_class:type_01:type_02"], "both as what is compared and as the --cell-type"),
        (["--contrast", "tissue:null_1:null_2"], "both as what is compared and as the --tissue"),
        (["--trend", "sex"], "name a numeric column"),
        (["--within", "sex", "--paired-by", "mouse.id", *CONTRAST], "leave out one of them"),
        (["--alpha", "2"], "--alpha 2.0"),
        (["--wide", "--contrast", "age:3m:24m"], "no column of numbers in 'cells.csv'"),
        (["--amount", "age", *CONTRAST], "twice in 'cells.csv'"),
    ],
)  # fmt: skip
def test_refusals_name_the_place_and_write_nothing(run, cells, tmp_path, arguments, message):
    done = run("analyze", cells, *arguments, "--out", tmp_path / "o")
    assert done.code == 1
    assert message in done.err
    assert "Traceback" not in done.err
    assert not (tmp_path / "o").exists()


def test_designs_that_cannot_answer(run, tmp_path):
    frame = labelled(n_donors=4)
    one = frame[frame["mouse.id"] == frame["mouse.id"].iloc[0]]
    confounded = frame[(frame["age"] + frame["sex"]).isin(["3mfemale", "24mmale"])]
    cells_as_donors = frame.assign(**{"mouse.id": np.arange(len(frame))})
    for name, given, message in (
        ("one", one.assign(age=np.where(np.arange(len(one)) % 2, "3m", "24m")), "2 values of 'age'"),
        ("one", pd.concat([one, one.assign(age="24m", tissue="x")]), "one donor"),
        ("confounded", confounded, "'sex'"),
        ("cells", cells_as_donors, "this one seems to name cells"),
    ):
        given.to_csv(tmp_path / f"{name}.csv", index=False)
        done = run(
            "analyze", tmp_path / f"{name}.csv", "--donor", "mouse.id", *CONTRAST, "--out", tmp_path / "o"
        )
        assert done.code == 1
        assert message in done.err
    given = [tmp_path / "confounded.csv", *CONTRAST, "--despite", "sex", "--out", tmp_path / "o"]
    with pytest.warns(FutureWarning, match="--despite is called --accept-confounding now"):
        done = run("analyze", *given)
    assert done.code == 0, done.err
    assert "accepted: " in done.out


def test_interrupted_before_the_end_nothing_is_left(cells, tmp_path):
    # a background job ignores interrupts, and so would its children
    script = (
        "import signal, sys, time\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from concentra.cli import main\nimport concentra.run.write as f\n"
        "def wait(*_):\n    print('drawing', flush=True)\n    time.sleep(60)\nf.pictures = wait\n"
        "sys.argv = ['concentra', *sys.argv[1:]]\nmain()"
    )
    out = tmp_path / "o"
    process = subprocess.Popen(
        [sys.executable, "-c", script, "analyze", str(cells), *CONTRAST, "--out", str(out)], stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "drawing\n"
    time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "interrupted" in errors
    assert not out.exists()


def test_interrupted_while_writing_there_is_no_account(run, cells, tmp_path, monkeypatch):
    from concentra import outputs

    out, real, count = tmp_path / "o", outputs.write_text, []

    def failing(path, text):
        count.append(path)
        if len(count) > 5:
            raise KeyboardInterrupt
        real(path, text)

    monkeypatch.setattr(outputs, "write_text", failing)
    assert run("analyze", cells, *CONTRAST, "--out", out).code == 130
    assert not (out / "provenance.json").exists()
    assert not [path for path in out.rglob("*") if path.name.startswith(".")]
    monkeypatch.setattr(outputs, "write_text", real)
    assert run("analyze", cells, *CONTRAST, "--out", out).code == 0
    assert set(json.loads((out / "provenance.json").read_text())["files"]) == set(contents(out)) - {
        "provenance.json"
    }


def test_options_survive_their_file(tmp_path):
    strange = ('a:b"c\\d\n:細胞', "\x7f\t'''")
    options = Options(
        cells=(str(tmp_path / "c d.csv"),),
        donor='"x"',
        contrast=strange,
        depth=30,
        alpha=0.1,
        multiverse=False,
    )
    (tmp_path / "run.toml").write_text(options.text(tmp_path), encoding="utf-8")
    assert tomllib.loads((tmp_path / "run.toml").read_text(encoding="utf-8"))["contrast"] == list(strange)
    assert read_options(tmp_path / "run.toml") == options


@pytest.mark.parametrize(
    "text, error, message",
    [
        ("cells = [", FileFormatError, "a file of options"),
        ("cells = ['a']\ndoner = 'x'", ArgumentError, "did you mean 'donor'"),
        ("cells = ['a']\ndraws = 'many'", ArgumentError, "draws = 'many'"),
        ("cells = ['a']\nseed = true", ArgumentError, "seed = True"),
        ("cells = 'a'", ArgumentError, "cells = 'a'"),
        ("donor = 'a'", ArgumentError, "no cells"),
    ],
)
def test_a_file_of_options_that_is_none(tmp_path, text, error, message):
    (tmp_path / "run.toml").write_text(text)
    with pytest.raises(error, match=re.escape(message)):
        read_options(tmp_path / "run.toml")


def test_run_goes_alone_and_cells_are_needed(run, cells, tmp_path):
    (tmp_path / "run.toml").write_text(f"cells = [{str(cells)!r}]")
    assert "--run alone" in run("analyze", cells, "--run", tmp_path / "run.toml").err
    assert (
        "and --seed, --min-cells"
        in run("analyze", "--run", tmp_path / "run.toml", "--seed", 1, "--min-cells", 9).err
    )
    assert "no file of cells" in run("analyze").err


@pytest.mark.data
def test_the_published_shift_of_marrow_in_one_command(run, data, tmp_path):
    """Medians over five and four mice: Gini .557 to .644, effective number 9.30 to 7.12 (printed to these digits)."""
    atlas = data / "tms" / "tms_facs_cells.csv.gz"
    done = run("analyze", atlas, *CONTRAST, "--out", tmp_path / "o")
    assert done.code == 0, done.err
    found = table(tmp_path / "o", "contrast").set_index(["stratum", "metric"])
    assert found.loc[("Marrow", "gini_present"), ["median_reference", "median_other", "shift"]].astype(
        float
    ).round(3).tolist() == [0.557, 0.644, 0.087]
    assert found.loc[("Marrow", "hill_q1"), ["median_reference", "median_other", "shift"]].astype(
        float
    ).round(2).tolist() == [
        9.30,
        7.12,
        -2.18,
    ]
    assert found.loc[("Aorta", "hill_q1"), "verdict"] == "not testable"

"""The command line: one function per command. Results go to stdout, progress and errors to stderr.

Exit codes: 0 fine, 1 a method regressed, 2 the question could not be answered, 130 interrupted.
"""

from __future__ import annotations

import sys
import traceback
from functools import partial
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from moa_cli import options, steps
from moa_cli.console import errors, out, refuse, say, show_error
from moa_cli.options import (
    AsJson,
    Benchmarks,
    BenchmarksOrAll,
    DataDir,
    Home,
    Items,
    Jobs,
    Methods,
    Seeds,
    SeedsOrAll,
    Verbose,
)

app = typer.Typer(
    name="moa",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def main() -> None:
    """The entry point of `moa`. No exception leaves with exit code 1."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # an encoding without "±" shall not cost the result
    try:
        app(prog_name="moa")
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        from benchmarks import BadInput, not_permitted

        if isinstance(error, PermissionError):
            error = not_permitted(error.filename)
        if options.verbose:
            errors.print(traceback.format_exc(), soft_wrap=True)
        if isinstance(error, BadInput):
            show_error(error.what, error.why, error.fix)
        else:
            where = traceback.extract_tb(error.__traceback__)[-1]
            place = f"this should not happen: {Path(where.filename).name}, line {where.lineno}"
            show_error(f"{type(error).__name__}: {error}", place, "the same command with -v shows the traceback")
        sys.exit(2)


def _print_version(value: bool) -> None:
    if value:
        from moa_cli.store import versions

        out(f"moa {versions()['moa-cli']}")
        raise typer.Exit


@app.callback()
def moa(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Train and compare multi-objective alignment methods for language models.

    [b]moa compare -m sft,ric[/b] prepares the embedded benchmark, trains both methods, measures and compares them.
    """


@app.command()
def prepare(
    benchmark: Benchmarks = None,
    config: Items = None,
    runs: Home = Path("runs"),
    data_dir: DataDir = None,
    jobs: Jobs = None,
    json: AsJson = False,
    verbose: Verbose = False,
) -> None:
    """Make what a benchmark needs before it can measure: starting policy, rewards, scale card.

    \b
    moa prepare -b hh-rlhf-mini
    moa prepare -b hh-rlhf-mini -c eval_prompts=200 --json
    """
    from moa_cli import pages, store
    from moa_cli.job import Source, preparation

    settings = steps.settings_of(config, steps.benchmark_list(benchmark), [], data_dir, runs)
    sources = {name: Source(name, runs, data_dir, settings.options) for name in settings.benchmarks}
    missing = [s for name, s in sources.items() if store.stored_card(settings.benchmarks[name]) is None]
    steps.succeed(
        steps.execute([job for source in missing for job in preparation(source)], settings.benchmarks.values(), jobs)
    )
    if json:
        out({b.name: store.stored_card(b) for b in settings.benchmarks.values()})
    else:
        out(tuple(pages.card_table(b) for b in settings.benchmarks.values()))


@app.command()
def train(
    method: Methods = None,
    benchmark: Benchmarks = None,
    config: Items = None,
    seed: Seeds = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")] = False,
    restart: Annotated[bool, typer.Option("--restart", help="Remove these runs first and begin anew.")] = False,
    runs: Home = Path("runs"),
    data_dir: DataDir = None,
    jobs: Jobs = None,
    json: AsJson = False,
    verbose: Verbose = False,
) -> None:
    """Train methods. What is trained is left alone, what was interrupted goes on.

    \b
    moa train -m ric
    moa train -m sft,ric -b hh-rlhf-mini --seed 0,1
    moa train -m ric -c ric.rounds=1 -c policy=scratch:4m --dry-run
    """
    from moa_cli import plan, store

    names = steps.method_list(method)
    if not names:
        refuse("no method was named", "-m says what to train", "moa train -m METHOD; moa list methods shows them")
    settings = steps.settings_of(config, steps.benchmark_list(benchmark), names, data_dir, runs)
    chosen = plan.contestants(settings, steps.seeds_in(seed) or [0], home=runs, data_dir=data_dir)
    todo = plan.training(chosen, restart=restart)
    if dry_run:
        steps.out_jobs(plan.foreseen(todo), json)
        return
    outcomes = steps.execute(todo, settings.benchmarks.values(), jobs)
    ended = {o.job.folder: o.word if o.error else "trained" for o in outcomes if o.job.kind == "run"}
    rows = []
    for run in chosen:
        status = ended.get(run.folder, "done")
        seconds = store.read_record(run.folder).cost["seconds"] if status in ("trained", "done") else None
        rows.append({"path": str(run.folder), "status": status, "seconds": seconds})
    out(rows if json else "\n".join(steps.run_line(row) for row in rows))
    steps.succeed(outcomes)


@app.command("eval")
def evaluate(
    run: options.Runs = None,
    pareto: options.Pareto = False,
    weights: options.OnePoint = None,
    responses: options.Responses = None,
    rescore: options.Rescore = False,
    prompts: options.Prompts = False,
    name: options.Name = None,
    column: options.Columns = None,
    seed: options.OneSeed = None,
    benchmark: BenchmarksOrAll = None,
    config: Items = None,
    runs: Home = Path("runs"),
    data_dir: DataDir = None,
    jobs: Jobs = None,
    json: AsJson = False,
    verbose: Verbose = False,
) -> None:
    """Measure trained runs at each weight, or score answers that are there: made elsewhere, or stored.

    \b
    moa eval --pareto
    moa eval --weights 0.3,0.7 -b hh-rlhf-mini
    moa eval --prompts -b hh-rlhf-mini
    moa eval --responses answers.jsonl --name theirs
    moa eval --responses answers.csv --column prompt=question --column answer=output --seed 1
    moa eval --rescore
    """
    from moa_cli import evaluation, pages
    from moa_cli.responses import read

    modes = {
        "--pareto": pareto, "--weights": weights is not None, "--responses": responses is not None,
        "--rescore": rescore, "--prompts": prompts,
    }  # fmt: skip
    beside = {"RUN": run, "--name": name is not None, "--column": column, "--seed": seed is not None}
    evaluation.check_mode(modes, beside | {"--config": config, "--data-dir": data_dir})
    if responses or prompts:
        settings = steps.settings_of(config, steps.benchmark_list(benchmark), [], data_dir, runs)
        source, chosen = evaluation.only(settings, runs, data_dir)
        if prompts:
            out([{"prompt": prompt} for prompt in chosen.prompts("test")])
            return
        assert responses is not None
        found = read(responses, chosen, columns=column or [], method=name, seed=steps.seed_in(seed))
        documents, outcomes = evaluation.take_in(found, source, chosen, jobs)
    elif rescore:
        documents, outcomes = evaluation.score_again(run or [], steps.folder_names(benchmark, runs), runs, jobs)
    else:
        documents, outcomes = evaluation.measure(run or [], steps.folder_names(benchmark, runs), runs, jobs, weights)
    out(documents if json else tuple(pages.front_table(d, whole=weights is None) for d in documents))
    steps.succeed(outcomes)


@app.command()
def compare(
    what: options.Compared = None,
    method: Methods = None,
    benchmark: BenchmarksOrAll = None,
    config: Items = None,
    seed: SeedsOrAll = None,
    baseline: options.Baseline = None,
    tolerance: options.Tolerance = None,
    keep_collapsed: options.KeepCollapsed = False,
    ceiling: options.WithCeiling = False,
    output: options.Outputs = None,
    runs: Home = Path("runs"),
    data_dir: DataDir = None,
    jobs: Jobs = None,
    json: AsJson = False,
    verbose: Verbose = False,
) -> None:  # fmt: skip
    """Compare fronts. With -m, whatever is missing is prepared, trained and measured first.

    \b
    moa compare
    moa compare -m sft,ric -b hh-rlhf-mini
    moa compare -m all --seed 0,1 -o table.md -o figure.pdf
    moa compare -m ric --baseline main.json -o junit.xml -o comment.md
    """
    from moa_cli import contest, exports, fronts, gate, render

    steps.check_outputs(output or [], exports.FORMATS)
    allowed = steps.share_in("1%" if tolerance is None else tolerance)
    if tolerance is not None and baseline is None:
        refuse("--tolerance was given without --baseline", "it is what a gate lets pass", "--baseline FILE.json")
    before, check = None, None
    if baseline is not None:
        before = gate.read_baseline(baseline)
        check = partial(gate.check_units, before, name=str(baseline), keep_collapsed=keep_collapsed)
    names = steps.method_list(method)
    typed = {"-c": config, "--data-dir": data_dir}, {"-b": benchmark, "--seed": seed}
    contest.check_options(names, what or [], *typed)
    seeds = steps.seeds_in(seed)
    failed: contest.Failed = ()
    document = None if names or not what else contest.saved(what, keep_collapsed=keep_collapsed, ceiling=ceiling)
    if document is None:
        if names:
            beside = fronts.named(what or [])  # before any work begins
            if check:
                check(front.card for front in beside)
            settings = steps.settings_of(config, steps.benchmark_list(benchmark), names, data_dir, runs)
            made, failed = contest.hold(settings, seeds, runs, data_dir, jobs, check)
            measured = fronts.named([*made, *(what or [])])
        elif what:
            measured = fronts.named(what)
        else:
            measured = fronts.found(runs, steps.folder_names(benchmark, runs), seeds, say)
        document = contest.document_of(measured, failed, jobs, keep_collapsed=keep_collapsed, ceiling=ceiling)
    document = contest.judged(document, baseline, before, allowed, failed)
    written = steps.write_outputs(document, output or [], exports.FORMATS)
    out(document if json else render.table(document))
    if document["gate"]:
        steps.close_gate(document["gate"])
    steps.leave_unless(written)


@app.command()
def study(
    name: options.StudyName = None,
    method: options.OneMethod = None,
    benchmark: Benchmarks = None,
    config: Items = None,
    over: options.Over = None,
    seed: Seeds = None,
    output: options.StudyOutputs = None,
    runs: Home = Path("runs"),
    data_dir: DataDir = None,
    jobs: Jobs = None,
    json: AsJson = False,
    verbose: Verbose = False,
) -> None:
    """Answer a question about one method. Whatever is missing is prepared, trained and measured first.

    \b
    controllability    do scores follow the intensity that MOSLIM is asked for?
    reward-model-size  does MOSLIM gain from larger reward models?
    optimizer          which RL optimizer gives the best front, and at what cost?
    retention          does SPO keep the first objective while it trains for the second?

    \b
    moa study controllability -o curves.png
    moa study optimizer -m rewarded-soups --over rloo,grpo --seed 0,1
    moa study reward-model-size --over 0.3m,1m -b hh-rlhf-mini
    moa study retention -c alphas=[0.0,0.5,1.0,2.0] -o retention.md -o retention.json
    """
    from moa_cli import study as studies
    from moa_cli import tables

    if name is None:
        refuse("no study was named", f"there are: {', '.join(studies.STUDIES)}", "moa study controllability")
    chosen = studies.named(name)
    steps.check_outputs(output or [], tables.FORMATS)
    settings = steps.settings_of(config, steps.benchmark_list(benchmark), [method or chosen.method], data_dir, runs)
    values = steps.names_in(over)
    if over and not values:
        refuse("--over names no value", "what was typed is empty", "name some, or leave it out for the study's own")
    found = studies.contestants(
        chosen, settings, config or [], values, steps.seeds_in(seed) or [0], home=runs, data_dir=data_dir
    )
    steps.succeed(steps.execute(chosen.jobs(found), settings.benchmarks.values(), jobs))
    document = studies.document(name, found)
    written = steps.write_outputs(document, output or [], tables.FORMATS)
    out(document if json else tables.table(document))
    steps.leave_unless(written)


@app.command()
def claims(
    benchmark: BenchmarksOrAll = None,
    own: Annotated[
        Path | None, typer.Option("--claims", metavar="FILE.toml", help="Check these too; see benchmarks/claims.toml.")
    ] = None,
    seed: SeedsOrAll = None,
    output: options.ClaimsOutputs = None,
    runs: Home = Path("runs"),
    json: AsJson = False,
    verbose: Verbose = False,
) -> None:
    """Check what papers claim over measured runs. Trains nothing.

    \b
    moa claims
    moa claims -b hh-rlhf-mini -o claims.md
    """
    from moa_cli import claims as papers
    from moa_cli import fronts

    steps.check_outputs(output or [], papers.FORMATS)
    checked = papers.load(own)
    measured = fronts.found(runs, steps.folder_names(benchmark, runs), steps.seeds_in(seed), say)
    document = papers.check(checked, measured, say)
    written = steps.write_outputs(document, output or [], papers.FORMATS)
    out(document if json else papers.table(document))
    steps.leave_unless(written)


@app.command("list")
def list_(
    what: Annotated[str, typer.Argument(metavar="[methods|benchmarks|runs]")] = "all",
    runs: Home = Path("runs"),
    json: AsJson = False,
    verbose: Verbose = False,
) -> None:
    """List methods, benchmarks and runs.

    \b
    moa list
    moa list runs --json
    """
    from benchmarks import benchmark_names
    from moa_cli import pages, show

    makers = {
        "methods": show.methods,
        "benchmarks": lambda: show.benchmarks(benchmark_names(), runs),
        "runs": lambda: show.runs(runs),
    }
    if what not in (*makers, "all"):
        refuse(f"there is no list of {what}", f"there are lists of {', '.join(makers)}", "moa list")
    documents = {name: make() for name, make in makers.items() if what in (name, "all")}
    if json:
        out(documents if what == "all" else documents[what])
        return
    for name, rows in documents.items():
        page = pages.RunsTable(rows) if name == "runs" else pages.table(rows)
        out((Text(name, style="bold"), page, "") if what == "all" else page)


@app.command("show")
def show_(
    subject: Annotated[
        str, typer.Argument(metavar="METHOD|BENCHMARK|RUN|FILE", autocompletion=options.complete_subjects)
    ],
    runs: Home = Path("runs"),
    json: AsJson = False,
    verbose: Verbose = False,
) -> None:
    """Show a method's hyperparameters, a benchmark, a run, or a saved comparison.

    \b
    moa show ric
    moa show hh-rlhf-mini
    """
    from moa_cli import pages, render, saved, show

    path = Path(subject)
    if path.is_dir():
        document = show.run(path)
        page = pages.facts_page(document)
    elif saved.is_saved(path):
        document = saved.read_shown(path)
        page = render.table(document)
    elif show.is_method(subject):
        document = show.method(subject)
        page = pages.method_page(document)
    elif show.is_benchmark(subject):
        document = show.benchmark(subject, runs)
        page = pages.benchmark_page(document, subject)
    else:
        refuse(*show.nothing_called(subject))
    out(document if json else page)

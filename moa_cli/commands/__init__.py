"""One file per command of `moa`.

What is heavy is imported inside the functions: `moa --help` must stay light.
"""

from __future__ import annotations

from moa_cli.commands.claims import claims
from moa_cli.commands.compare import compare
from moa_cli.commands.evaluate import evaluate
from moa_cli.commands.keep import clean, doctor, rm
from moa_cli.commands.own import check, init
from moa_cli.commands.prepare import prepare
from moa_cli.commands.show import list_, show_
from moa_cli.commands.study import study
from moa_cli.commands.train import train
from moa_cli.commands.tune import tune
from moa_cli.commands.use import chat, export, soup
from moa_cli.commands.view import view

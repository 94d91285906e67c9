"""``kclpy-helper leases``: the leases of an application, and setting their checkpoints."""

from __future__ import annotations

import re
import shlex
import time
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kclpy_helper import aws, properties
from kclpy_helper.commands.parameters import LONGEST_SECONDS, Seconds
from kclpy_helper.errors import HelperError, PathError
from kclpy_helper.printable import printable
from kclpy_helper.properties import Properties

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rich.console import Console

    from kclpy_helper.leases.application import Application
    from kclpy_helper.leases.lease import Lease, Renewals, Snapshot
    from kclpy_helper.leases.report import Report
    from kclpy_helper.leases.reset import Change

WATCH_SECONDS = 2.0


class _Leases(click.Group):
    """Takes what is no subcommand for the arguments of ``show``, and gives botocore's errors a next step."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and args[0] not in {*self.commands, *ctx.help_option_names}:
            args = ["show", *args]
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (HelperError, click.ClickException, click.Abort, click.exceptions.Exit):
            raise
        except Exception as error:
            if refusal := aws.refused(error):
                raise refusal from None
            raise


def _target(_: click.Context, __: click.Parameter, value: str) -> str | datetime:
    """TRIM_HORIZON, LATEST, or a time that has passed."""
    if value in {"TRIM_HORIZON", "LATEST"}:
        return value
    from kclpy_helper.leases.reset import EPOCH

    try:
        time = datetime.fromtimestamp(float(value), timezone.utc)
    except (ValueError, OverflowError, OSError):
        try:
            time = datetime.fromisoformat(value.replace("Z", "+00:00"))
        except ValueError:
            raise click.BadParameter(
                f"{value!r} is neither TRIM_HORIZON, LATEST, an ISO 8601 time nor seconds since 1970."
            ) from None
    if time.tzinfo is None:
        raise click.BadParameter(f"{value!r} does not say in which time zone: append Z for UTC, or +02:00 or the like.")
    if time < EPOCH:
        raise click.BadParameter(f"{value!r} is before 1970.")
    if time > datetime.now(timezone.utc):
        raise click.BadParameter(f"{value!r} has yet to come.")
    return time.astimezone(timezone.utc)


def _of_an_application(command: Callable[..., None]) -> Callable[..., None]:
    """The arguments that name an application."""
    for decorator in (
        click.option("--sample", is_flag=True, help="The sample.properties of kclpy-samples."),
        click.option(
            "--stream", metavar="NAME", help="With --application: its stream, without which no shard is known."
        ),
        click.option("--region", metavar="REGION", help="With --application: the region, if not the environment's."),
        click.option("--application", metavar="NAME", help="Instead of FILE: the application, or its lease table."),
        click.argument("file", type=click.Path(), required=False, metavar="[FILE]"),
    ):
        command = decorator(command)
    return command


def _properties(
    file: str | None, application: str | None, region: str | None, stream: str | None, *, sample: bool
) -> Properties:
    if (file is not None) + (application is not None) + sample != 1:
        raise click.UsageError("name one application: FILE, --application NAME or --sample.")
    if application is not None:
        values = {"applicationName": application, "regionName": region or "", "streamName": stream or ""}
        return Properties(Path(application), values)
    if region or stream:
        raise click.UsageError("--region and --stream go with --application; FILE has its own.")
    return properties.read(properties.sample() if file is None else file)


@click.group("leases", cls=_Leases, no_args_is_help=True, subcommand_metavar="FILE | COMMAND [ARGUMENTS]...")
def command() -> None:
    """The leases of an application, and their checkpoints.

    \b
    kclpy-helper leases app.properties                   what show prints: all leases, workers, the leader
    kclpy-helper leases app.properties --watch           again every 2 s, and whether workers renew them
    kclpy-helper leases app.properties --lag --json      how far each is behind, for a machine
    kclpy-helper leases --application words-app --region us-east-1
    kclpy-helper leases reset app.properties --to 2026-11-25T08:00:00Z
    kclpy-helper leases restore words-app-20261125T081500Z.jsonl

    A file that is named like a subcommand goes behind show.
    """  # noqa: D301  (click's mark of a paragraph to keep as it is)


@command.command()
@_of_an_application
@click.option(
    "--lag",
    is_flag=True,
    help="How far each checkpoint is behind the newest record: one GetShardIterator and one GetRecords call for each "
    "shard, of the five a second that a shard gives to all of its readers.",
)
@click.option(
    "--observe",
    type=Seconds(least=0.1),
    metavar="SECONDS",
    help="Look twice, so many seconds apart: has the owner renewed the lease? A table holds no time of renewal.",
)
@click.option(
    "--watch",
    is_flag=False,
    flag_value=WATCH_SECONDS,
    type=Seconds(least=0.1),
    metavar="[SECONDS]",
    help=f"Show it again and again, every {WATCH_SECONDS:g} s unless told otherwise, until Ctrl-C. Stands behind FILE.",
)
@click.option("--json", "as_json", is_flag=True, help="A JSON document, whose fields docs/leases.md explains.")
def show(
    *,
    file: str | None,
    application: str | None,
    region: str | None,
    stream: str | None,
    sample: bool,
    lag: bool,
    observe: float | None,
    watch: float | None,
    as_json: bool,
) -> None:
    """Show all leases, workers, and the leader. Only reads.

    \b
    kclpy-helper leases show app.properties --observe 10
    """  # noqa: D301
    import json

    from rich.console import Console

    from kclpy_helper.leases.application import Application
    from kclpy_helper.leases.lease import Renewals

    # Off a terminal nothing is cut to fit.
    console = Console() if Console().is_terminal else Console(width=1000)
    if watch and (as_json or not console.is_terminal):
        raise click.UsageError("--watch draws on a terminal; for a machine, run --json with --observe again and again.")
    app = Application(_properties(file, application, region, stream, sample=sample))
    if lag and not app.stream:
        raise click.UsageError("--lag reads the stream: name it with --stream.")
    renewals = Renewals()
    if watch:
        _watch(lambda: _report(app, renewals, lag=lag), console, watch)
        return
    report = _report(app, renewals, lag=lag and not observe)
    if observe:
        time.sleep(observe)
        report = _report(app, renewals, lag=lag)
    if as_json:
        click.echo(json.dumps(report.document(), indent=2))
    else:
        console.print(report.tables(console))


def _report(app: Application, renewals: Renewals, *, lag: bool) -> Report:
    from kclpy_helper.leases.report import Report

    snapshot = app.read()
    seen = renewals.look(snapshot.leases, time.monotonic())
    return Report(app, snapshot, seen, app.millis_behind_latest(snapshot.leases) if lag else None)


def _watch(report: Callable[[], Report], console: Console, interval: float) -> None:
    from rich.live import Live

    try:
        with Live(report().tables(console), console=console, auto_refresh=False) as live:
            while True:
                time.sleep(interval)
                live.update(report().tables(console), refresh=True)
    except KeyboardInterrupt:
        return


def _of_a_change(command: Callable[..., None]) -> Callable[..., None]:
    """The options of what writes."""
    for decorator in (
        click.option("--force", is_flag=True, help="Also what a worker holds: it loses the lease."),
        click.option(
            "--observe",
            type=Seconds(least=0.1),
            metavar="SECONDS",
            help="How long a lease may not have been renewed for nobody to hold it; without it failoverTimeMillis, and "
            "where that is not known its default of 10 s.",
        ),
        click.option(
            "--backup",
            type=click.Path(path_type=Path),
            metavar="PATH",
            help="The new file that keeps what is overwritten; without it TABLE-TIME.jsonl here.",
        ),
        click.option("--yes", is_flag=True, help="Do it. Without it, only say what would be done."),
    ):
        command = decorator(command)
    return command


@command.command()
@_of_an_application
@click.option("--to", "target", callback=_target, required=True, metavar="POSITION", help="Where to read from.")
@click.option("--shard", "shard_ids", multiple=True, metavar="ID", help="Only this shard. May be given again.")
@_of_a_change
def reset(
    *,
    file: str | None,
    application: str | None,
    region: str | None,
    stream: str | None,
    sample: bool,
    target: str | datetime,
    shard_ids: tuple[str, ...],
    yes: bool,
    backup: Path | None,
    observe: float | None,
    force: bool,
) -> None:
    """Set the checkpoints of a stopped application: to TRIM_HORIZON, LATEST, or the first record from a time on.

    The time is in ISO 8601 with its zone, or in seconds since 1970. Without --yes nothing is written. What is
    overwritten is kept in a file, which restore takes.

    \b
    kclpy-helper leases reset app.properties --to TRIM_HORIZON
    kclpy-helper leases reset app.properties --to 2026-11-25T08:00:00Z --yes
    kclpy-helper leases reset app.properties --to LATEST --shard shardId-000000000003 --yes
    """  # noqa: D301
    from kclpy_helper.leases.application import Application
    from kclpy_helper.leases.reset import changes_to

    values = _properties(file, application, region, stream, sample=sample)
    app = Application(values)
    if isinstance(target, datetime) and not app.stream:
        raise click.UsageError("a time is looked up in the stream: name it with --stream.")
    snapshot = app.read()
    leases = _chosen(app, snapshot, shard_ids)
    changes = list(changes_to(app, leases, target))
    _say_what_is_left(snapshot, changes, target, shard_ids)
    _change(app, values, snapshot, changes, yes=yes, backup=backup, observe=observe, force=force)


def _chosen(app: Application, snapshot: Snapshot, shard_ids: Sequence[str]) -> list[Lease]:
    if unknown := set(shard_ids).difference(lease.key for lease in snapshot.leases):
        raise click.UsageError(f"{app.table} has no lease of {_listed(sorted(unknown))}.")
    chosen = [lease for lease in snapshot.leases if not shard_ids or lease.key in shard_ids]
    gone = [lease.key for lease in chosen if snapshot.shards is not None and lease.key not in snapshot.shards]
    if gone:
        click.echo(f"not in the stream any more, left as it is: {_listed(gone)}", err=True)
    chosen = [lease for lease in chosen if lease.key not in gone]
    _say_what_is_malformed(chosen)
    return [lease for lease in chosen if not lease.problem]


def _say_what_is_malformed(leases: Sequence[Lease]) -> None:
    for lease in leases:
        if lease.problem:
            click.echo(f"malformed, left as it is: {printable(f'{lease.key}: {lease.problem}')}", err=True)


def _listed(keys: Sequence[str]) -> str:
    return ", ".join(map(printable, keys))


def _say_what_is_left(
    snapshot: Snapshot, changes: Sequence[Change], target: str | datetime, shard_ids: Sequence[str]
) -> None:
    closed = [shard.id for shard in snapshot.shards_without_lease if shard.closed]
    if closed and target != "LATEST" and not shard_ids:
        click.echo(
            f"closed and without a lease, so that they will not be read again: {_listed(closed)}\n"
            "To read all that the stream holds, delete the lease table instead, and start with "
            "initialPositionInStream = TRIM_HORIZON.",
            err=True,
        )
    reopened = [change.key for change in changes if change.before and change.before.finished]
    children = [lease.key for lease in snapshot.leases if set(reopened).intersection(lease.parents)]
    if children:
        click.echo(
            f"finished, and to be read again: {_listed(reopened)}\n"
            f"Their children wait until that is done, and go on from their own checkpoints: {_listed(children)}",
            err=True,
        )


@command.command()
@click.argument("file", type=click.Path(path_type=Path), metavar="BACKUP")
@click.option(
    "-p",
    "--properties",
    "properties_file",
    type=click.Path(),
    metavar="FILE",
    help="The application's properties, for its endpoint and credentials. Without it: the environment's.",
)
@_of_a_change
def restore(
    *,
    file: Path,
    properties_file: str | None,
    yes: bool,
    backup: Path | None,
    observe: float | None,
    force: bool,
) -> None:
    """Set the checkpoints of a stopped application back to those that reset has kept in a file.

    The file names the table and its region. Without --yes nothing is written.

    \b
    kclpy-helper leases restore words-app-20261125T081500Z.jsonl
    kclpy-helper leases restore words-app-20261125T081500Z.jsonl --yes
    """  # noqa: D301
    from kclpy_helper.leases.application import Application
    from kclpy_helper.leases.backup import read_back_up
    from kclpy_helper.leases.reset import changes_back

    kept = read_back_up(file)
    given = properties.read(properties_file) if properties_file else Properties(file, {})
    values = {"applicationName": kept.table, **given.values, "tableName": kept.table, "regionName": kept.region}
    if kept.failover_millis:
        values.setdefault("failoverTimeMillis", kept.failover_millis)
    own = Properties(given.path, values, given.places)
    app = Application(own)
    if kept.endpoint and kept.endpoint.rstrip("/") != app.endpoint.rstrip("/"):
        reason = (
            f"is of the endpoint {kept.endpoint}, and a backup does not choose where requests are sent to.\n"
            "Next: name the application's properties with --properties FILE, or set AWS_ENDPOINT_URL_DYNAMODB"
        )
        raise PathError("backup", file, reason)
    snapshot = app.read()
    changes = list(changes_back(snapshot, kept.items))
    keys = {item["leaseKey"]["S"] for item in kept.items}
    _say_what_is_malformed([lease for lease in snapshot.leases if lease.key in keys])
    _change(
        app, Properties(given.path, values), snapshot, changes, yes=yes, backup=backup, observe=observe, force=force
    )


def _change(
    app: Application,
    values: Properties,
    snapshot: Snapshot,
    changes: list[Change],
    *,
    yes: bool,
    backup: Path | None,
    observe: float | None,
    force: bool,
) -> None:
    """Show the changes, see that nobody holds the leases, keep what is there, and write."""
    from kclpy_helper.leases.backup import back_up
    from kclpy_helper.leases.lease import Renewals
    from kclpy_helper.leases.report import position
    from kclpy_helper.leases.reset import as_read, descendants, refuse_held, write

    for change in changes:
        old, new = (
            position(place, whole=True) if place else "none"
            for place in (change.before and change.before.checkpoint, change.position)
        )
        click.echo(printable(f"{change.key}: {old} -> {new}"))
    if not changes:
        click.echo("nothing to change.", err=True)
        return
    if force:
        snapshot = app.read()
    else:
        renewals = Renewals()
        renewals.look(snapshot.leases, time.monotonic())
        seconds = observe or app.failover_seconds
        if seconds > LONGEST_SECONDS:
            raise click.UsageError(f"failoverTimeMillis is {seconds:g} s: say with --observe how long to look instead.")
        if any(lease.owner for lease in snapshot.leases):
            click.echo(f"looking for {seconds:g} s whether a worker renews these leases ...", err=True)
            time.sleep(seconds)
        snapshot = app.read()
        keys = {change.key for change in changes}
        touched = [lease for lease in snapshot.leases if lease.key in keys]
        refuse_held([*touched, *descendants(snapshot, keys)], renewals.look(snapshot.leases, time.monotonic()), seconds)
    if not yes:
        click.echo("nothing was changed; with --yes it will be.", err=True)
        return
    changes = as_read(changes, snapshot)
    table = re.sub(r"[^\w.-]", "_", app.table)  # DynamoDB takes an ARN as well, which has a slash in it
    path = backup or Path(f"{table}-{datetime.now(timezone.utc):%Y%m%dT%H%M%SZ}.jsonl")
    if items := [change.before.item for change in changes if change.before]:
        back_up(path, app, values, items)
        command = ["kclpy-helper", "leases", "restore", str(path)]
        if values.places:  # they come from a file
            command += ["--properties", str(values.path)]
        click.echo(f"kept what was there: {path}. Back with: {shlex.join(command)}", err=True)
    write(app, changes)
    total = len({change.key for change in changes}.union(lease.key for lease in snapshot.leases))
    click.echo(f"{len(changes)} of {total} leases were changed.", err=True)

"""``kclpy-helper init``: the first two files of an application."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), default=".")
@click.option("--stream", metavar="NAME", default="my-stream", show_default=True, help="The stream to read.")
@click.option("--application", metavar="NAME", help="The application. Without it: the stream's name and -app.")
@click.option(
    "--region", metavar="REGION", envvar="AWS_REGION", default="us-east-1", show_default=True, help="The AWS region."
)
@click.option("--force", is_flag=True, help="Overwrite files that are there.")
def command(*, folder: Path, stream: str, application: str | None, region: str, force: bool) -> None:
    """Write app.properties and processor.py into FOLDER, to start from. Prints their paths.

    \b
    kclpy-helper init
    kclpy-helper init my-app --stream words --application words-app --region eu-central-1
    """  # noqa: D301  (click's mark of a paragraph to keep as it is)
    from kclpy_helper import starter

    names = {"stream": stream, "application": application or f"{stream}-app", "region": region}
    try:
        paths = starter.write(folder, names, force=force)
    except OSError as error:
        raise click.ClickException(f"{error.filename}: {error.strerror}.\nNext: name another folder.") from error
    for path in paths:
        click.echo(path)
    click.echo(
        f"Next, in {folder.absolute()}:\n"
        "  write into processor.py what is to be done with a record\n"
        "  kclpy-helper check app.properties\n"
        "  kclpy-helper run app.properties",
        err=True,
    )

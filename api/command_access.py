"""``tengun user``, ``tengun project``, ``tengun audit``: who may do what, and what was done, at the server itself."""

from __future__ import annotations

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli import app, reported

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

users = typer.Typer(no_args_is_help=True, help="Users and their API keys 利用者と API キー")
projects = typer.Typer(no_args_is_help=True, help="Projects and who is in them プロジェクトと参加者")
audit = typer.Typer(no_args_is_help=True, help="The audit log 監査ログ")
app.add_typer(users, name="user")
app.add_typer(projects, name="project")
app.add_typer(audit, name="audit")

Name = Annotated[str, typer.Argument(help="Name of the user 利用者名")]
ProjectId = Annotated[str, typer.Argument(help="Id of the project プロジェクト ID")]


@users.command("add")
def add_user(
    name: Name, admin: Annotated[bool, typer.Option("--admin", help="May do everything 管理者")] = False
) -> None:
    """Make a user with a password that is printed now and never again 利用者の追加."""
    with _at_the_database(f"user add{' --admin' if admin else ''}", name) as session:
        from api.access import users as store
        from api.access.secrets import new_password

        password = new_password()
        store.set_password(session, store.add_user(session, name, is_admin=admin), password)
    typer.echo(f"password パスワード: {password}")


@users.command("password")
def new_password(name: Name) -> None:
    """Give a user a new password, printed once; it lifts a lock and ends sessions パスワードの再発行."""
    with _at_the_database("user password", name) as session:
        from api.access import secrets
        from api.access import users as store

        password = secrets.new_password()
        store.set_password(session, store.find_user(session, name), password)
    typer.echo(f"password パスワード: {password}")


@users.command("key")
def new_key(
    name: Name,
    project: Annotated[str | None, typer.Option(help="Let it open this project alone 対象プロジェクト")] = None,
    days: Annotated[float | None, typer.Option(min=0.01, max=3650, help="Days until it ends 有効日数")] = None,
    title: Annotated[str, typer.Option(help="What it is for 用途")] = "",
) -> None:
    """Make an API key of a user, printed once API キーの発行."""
    with _at_the_database(f"user key {title}".strip(), f"{name} {project or ''}".strip()) as session:
        from api.access.credentials import add_key
        from api.access.users import find_user
        from api.records import now

        expires = None if days is None else now() + timedelta(days=days)
        _, key = add_key(session, _secret(), find_user(session, name), title, project, expires)
    typer.echo(key)


@users.command("disable")
def disable_user(name: Name) -> None:
    """Shut a user out at once; the name stays taken 利用停止."""
    with _at_the_database("user disable", name) as session:
        from api.access import users as store

        store.disable_user(session, store.find_user(session, name))


@users.command("list")
def list_users() -> None:
    """Users, their role in each project, and the state of their account 利用者一覧."""
    with _at_the_database("user list", "") as session:
        from api.access import users as store

        for user in store.list_users(session):
            roles = " ".join(f"{project}:{role}" for project, role in store.roles_of(session, user.id).items())
            state = "" if user.is_active else " (disabled)"
            typer.echo(f"{user.name}{' (admin)' if user.is_admin else ''}{state}\t{roles}")


@projects.command("add")
def add_project(project: ProjectId, title: Annotated[str, typer.Option(help="Title 名称")] = "") -> None:
    """Make a project プロジェクトの追加."""
    with _at_the_database("project add", project) as session:
        from api.access import users as store

        store.add_project(session, project, title)


@projects.command("grant")
def grant(
    project: ProjectId,
    name: Name,
    role: Annotated[str, typer.Option(help="viewer, operator, or none to take it away 権限")] = "operator",
) -> None:
    """Give a user a role in a project 権限の付与."""
    with _at_the_database(f"project grant {role}", f"{project} {name}") as session:
        from api.access import users as store
        from api.access.visitor import Role
        from pointcloud.errors import ParameterError

        allowed = [*Role, "none"]
        if role not in allowed:
            raise ParameterError(
                f"role '{role}': expected {', '.join(allowed)}",
                f"権限 '{role}' は使えません。{', '.join(allowed)} から選んでください。",
                field="role",
            )
        store.grant(session, store.find_user(session, name), project, None if role == "none" else Role(role))


@projects.command("list")
def list_projects() -> None:
    """Projects and the bytes that they use プロジェクト一覧."""
    with _at_the_database("project list", "") as session:
        from api.access import users as store
        from api.datasets.store import used_bytes

        for project in store.list_projects(session):
            typer.echo(f"{project.id}\t{project.title}\t{used_bytes(session, project.id)}")


@audit.command("verify")
def verify_audit() -> None:
    """Check the chain of the audit log; exit 1 where it is broken 監査ログの検証."""
    with _at_the_database("audit verify", "") as session:
        from api.access.audit import verify

        verdict = verify(session, _secret())
    if verdict.broken_at is not None:
        typer.echo(
            f"line {verdict.broken_at} does not follow from the one before it: the log was changed. "
            f"{verdict.broken_at} 行目で改変が検出されました。",
            err=True,
        )
        raise typer.Exit(1)
    typer.echo(f"{verdict.n_lines} lines, unbroken 行 改変なし; last digest 最終値: {verdict.last_digest or '-'}")


@audit.command("export")
def export_audit(
    output: Annotated[Path, typer.Option("--output", "-o", help="CSV file 出力先 CSV")],
) -> None:
    """Write the whole audit log as CSV 監査ログの書き出し."""
    with _at_the_database("audit export", output.name) as session, output.open("w", encoding="utf-8-sig") as file:
        from api.access.audit import export_csv

        typer.echo(f"{export_csv(session, file)} lines 行")


@contextmanager
def _at_the_database(action: str, target: str) -> Iterator[Session]:
    """A writing session on the service's database; the deed is in the audit log where it succeeded."""
    with reported():
        from api.access.audit import append, at_the_command
        from api.database import Database
        from api.records import now
        from api.settings import Settings

        settings = Settings()
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        database = Database(settings.url)
        try:
            database.migrate()
            with database.writing() as session:
                yield session
                append(session, _secret(), [(at_the_command(getpass.getuser(), action, target), now(), 1)])
        finally:
            database.close()


def _secret() -> bytes:
    from api.access.secrets import service_secret
    from api.settings import Settings

    return service_secret(Settings())

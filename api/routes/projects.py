"""Projects: who is in them, how much they hold and may hold; for administrators."""

from __future__ import annotations

import shutil

from fastapi import APIRouter, Depends, Request
from sqlalchemy import select
from sqlalchemy.orm import Session

from api.access import users
from api.access.answers import (
    Member,
    NewProject,
    ProjectAnswer,
    ProjectChange,
    ProjectList,
    RoleChange,
    Storage,
)
from api.access.gate import refuse_when_open, require_admin
from api.datasets.store import quota_of
from api.datasets.use import NOTHING, Use, use_by_project
from api.records import MembershipRecord, ProjectRecord, UserRecord
from api.service import TheService
from api.settings import Settings
from pointcloud.errors import NotFoundError

router = APIRouter(prefix="/admin", tags=["administration"], dependencies=[Depends(require_admin)])


@router.get("/projects")
def list_projects(service: TheService) -> ProjectList:
    """All projects, who is in them, and what they hold."""
    with service.database.reading() as session:
        uses = use_by_project(session)
        projects = [
            _answer(session, project, uses.get(project.id, NOTHING), service.settings)
            for project in users.list_projects(session)
        ]
    return ProjectList(projects=projects)


@router.post("/projects", status_code=201)
def add_project(body: NewProject, request: Request, service: TheService) -> ProjectAnswer:
    """Make a project."""
    request.state.subject = body.id
    with service.database.writing() as session:
        return _answer(session, users.add_project(session, body.id, body.title), NOTHING, service.settings)


@router.patch("/projects/{project_id}")
def change_project(project_id: str, body: ProjectChange, request: Request, service: TheService) -> ProjectAnswer:
    """Change a project's title or quota."""
    changes = body.model_dump(exclude_unset=True)
    request.state.subject = " ".join(f"{name}={value}" for name, value in changes.items())
    with service.database.writing() as session:
        project = _find(session, project_id)
        if body.title is not None:
            project.title = body.title
        if "quota_bytes" in changes:
            project.quota_bytes = body.quota_bytes
        session.flush()
        return _answer(session, project, use_by_project(session).get(project_id, NOTHING), service.settings)


@router.put("/projects/{project_id}/members/{user_name}", status_code=204, dependencies=[Depends(refuse_when_open)])
def set_member(project_id: str, user_name: str, body: RoleChange, request: Request, service: TheService) -> None:
    """Give a user a role in a project."""
    request.state.subject = str(body.role)
    with service.database.writing() as session:
        users.grant(session, users.find_user(session, user_name), _find(session, project_id).id, body.role)


@router.delete("/projects/{project_id}/members/{user_name}", status_code=204, dependencies=[Depends(refuse_when_open)])
def remove_member(project_id: str, user_name: str, service: TheService) -> None:
    """Take a user out of a project, with the keys that were made for it."""
    with service.database.writing() as session:
        users.grant(session, users.find_user(session, user_name), _find(session, project_id).id, None)


@router.get("/storage")
def show_storage(service: TheService) -> Storage:
    """The disk under the data folder, and for how long things are kept."""
    settings = service.settings
    disk = shutil.disk_usage(settings.data_dir)
    return Storage(
        total_bytes=disk.total,
        free_bytes=disk.free,
        min_free_bytes=settings.min_free_bytes,
        keep_results_days=settings.keep_results_days,
        keep_datasets_days=settings.keep_datasets_days,
        project_quota_bytes=settings.project_quota_bytes,
    )


def _find(session: Session, project_id: str) -> ProjectRecord:
    project = session.get(ProjectRecord, project_id)
    if project is None:
        raise NotFoundError(
            f"no project '{project_id[:60]}'", f"プロジェクト '{project_id[:60]}' はありません。", value=project_id[:60]
        )
    return project


def _answer(session: Session, project: ProjectRecord, use: Use, settings: Settings) -> ProjectAnswer:
    members = session.execute(
        select(UserRecord.name, MembershipRecord.role)
        .join(MembershipRecord, MembershipRecord.user_id == UserRecord.id)
        .where(MembershipRecord.project_id == project.id)
        .order_by(UserRecord.name)
    )
    return ProjectAnswer(
        id=project.id,
        title=project.title,
        created=project.created,
        quota_bytes=project.quota_bytes,
        limit_bytes=quota_of(session, project.id, settings),
        used_bytes=use.datasets_bytes + use.results_bytes + use.uploads_bytes,
        datasets_bytes=use.datasets_bytes,
        results_bytes=use.results_bytes,
        uploads_bytes=use.uploads_bytes,
        n_datasets=use.n_datasets,
        n_jobs=use.n_jobs,
        members=[Member(user=name, role=role) for name, role in members],
    )

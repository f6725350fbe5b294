"""A service with users: two projects with their people, and clients that hold keys."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from api.access.credentials import add_key
from api.access.secrets import service_secret
from api.access.users import add_project, add_user, find_user, grant, set_password
from api.access.visitor import Role
from api.database import Database
from api.settings import Settings
from tests.api.office import CATALOG, Office, Thread, free_port

PASSWORD = "correct horse battery"
PEOPLE = {"kawa": ("river", Role.OPERATOR), "michi": ("road", Role.OPERATOR), "miru": ("river", Role.VIEWER)}
"""Two who work, each in a project of their own, and one who looks at the first's."""


@dataclass
class Crowd:
    """The running service and a client for each of its people, ``admin`` included."""

    service: Thread
    clients: dict[str, Office]

    def client(self, **headers: str) -> Office:
        """Another client without a key."""
        return Office(base_url=self.service.client.base_url, timeout=30.0, headers=headers, verify=False)

    def __getitem__(self, name: str) -> Office:
        return self.clients[name]


def settings_with_users(folder: Path, **values: object) -> Settings:
    chosen = {"access": "users", "data_dir": folder / "data", "port": free_port(), "catalog": CATALOG, **values}
    return Settings.model_validate(chosen)


def gather(running: Thread) -> Crowd:
    """Make the people and their keys."""
    settings = running.settings
    database = Database(settings.url)
    secret = service_secret(settings)
    with database.writing() as session:
        for project in ("river", "road"):
            add_project(session, project, project)
        for name, (project, role) in PEOPLE.items():
            user = add_user(session, name)
            set_password(session, user, PASSWORD)
            grant(session, user, project, role)
        keys = {
            name: add_key(session, secret, find_user(session, name), "test", None, None)[1]
            for name in (*PEOPLE, "admin")
        }
    database.close()
    crowd = Crowd(running, {})
    crowd.clients = {name: crowd.client(Authorization=f"Bearer {key}") for name, key in keys.items()}
    return crowd

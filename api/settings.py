"""Settings of the service: environment variables with the prefix ``TENGUN_``, nothing else.

They are read once, by whoever starts the service, and passed into ``create_app(settings)``. A worker
process gets them through its environment, so that both always agree.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from pipelines.cluster import checked_address
from pipelines.stage_cache import StageCache
from pointcloud.errors import ParameterError

_GIB: Final = 1024**3
_OIDC: Final = ("issuer", "client_id", "client_secret", "scope", "title", "user_claim", "groups_claim", "groups")
_NOT_FOR_WORKERS: Final = (
    "folders", "callback_secret", "callback_hosts", "secret", "tls_key", "tls_cert",
    *(f"oidc_{name}" for name in _OIDC),
)  # fmt: skip
SECRET_VARIABLES: Final = frozenset(f"TENGUN_{name.upper()}" for name in _NOT_FOR_WORKERS)
"""Environment variables that a worker has no need to know."""


def _physical_memory_bytes() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def is_encrypted_or_local(address: str) -> bool:
    """True for an https address, and for http to this very machine."""
    parts = urlsplit(address)
    is_local = parts.scheme == "http" and parts.hostname in ("127.0.0.1", "::1", "localhost")
    return bool(parts.hostname) and (parts.scheme == "https" or is_local)


class Settings(BaseSettings):
    """What an operator may choose; the defaults run everything on one machine, under one folder."""

    model_config = SettingsConfigDict(env_prefix="TENGUN_", frozen=True)

    data_dir: Path = Field(Path(".tengun"), description="Folder for uploads, results and the embedded database.")
    database_url: SecretStr | None = Field(
        None, description="SQLAlchemy URL of the database; without it an SQLite file in data_dir."
    )
    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8000, ge=1, le=65535, description="Port to listen on.")
    access: Literal["open", "users"] = Field(
        "open", description="open: whoever reaches the port, on this machine only; users: keys, sessions and projects."
    )
    secret: SecretStr | None = Field(
        None, min_length=32, description="Key of the hashes of keys and of the audit log; else one in data_dir."
    )
    tls_cert: Path | None = Field(None, description="Certificate chain (PEM); with it the service speaks HTTPS.")
    tls_key: Path | None = Field(None, description="Its private key (PEM).")
    trusted_proxies: str = Field(
        "", description="Addresses, with commas between, of proxies that speak TLS and tell the client's address."
    )
    session_hours: float = Field(8.0, gt=0, le=720, description="Hours after which a browser session ends.")
    oidc_issuer: str = Field(
        "", description="OpenID Connect provider (its issuer, https) at which browsers may log in; none by default."
    )
    oidc_client_id: str = Field("", description="Name of this service at the provider.")
    oidc_client_secret: SecretStr | None = Field(
        None, description="Its secret there; none where PKCE is all that the provider asks for."
    )
    oidc_scope: str = Field("openid email profile", description="What the provider is asked to say.")
    oidc_title: str = Field("OpenID Connect", max_length=60, description="How the log-in page calls the provider.")
    oidc_user_claim: str = Field("email", description="Claim of the ID token that is the user's name here.")
    oidc_groups_claim: str = Field("groups", description="Claim that lists somebody's groups.")
    oidc_groups: dict[str, dict[str, Literal["viewer", "operator"]]] = Field(
        {},
        description="Roles by group, as JSON: {group: {project: role}}; members become users. "
        "Without it only users who exist already may log in.",
    )
    requests_per_minute: float = Field(3000.0, ge=0, description="Requests that a user may send; 0 for any number.")
    failures_per_minute: float = Field(
        20.0, ge=0, description="Wrong keys and passwords that an address may send; 0 for any number."
    )
    max_waiting_per_user: int = Field(2000, ge=0, description="Jobs of a user that may wait; 0 for any number.")
    max_running_per_user: int = Field(
        0, ge=0, description="Jobs of a user that run at the same time; 0 for any number."
    )
    project_quota_bytes: int = Field(0, ge=0, description="Datasets and results of a project together; 0 for any size.")
    workers: int = Field(2, ge=0, description="Jobs that run at the same time; 0 accepts jobs and starts none.")
    max_upload_bytes: int = Field(16 * _GIB, gt=0, description="Largest file that may be uploaded.")
    max_request_bytes: int = Field(10 * 1024**2, gt=0, description="Largest body of any other request.")
    job_time_limit_s: float = Field(24 * 3600.0, gt=0, description="A job that runs longer is ended as failed.")
    job_memory_limit_bytes: int = Field(
        default_factory=_physical_memory_bytes,
        gt=0,
        description="Private memory that each process of a job may reserve; by default the machine's memory.",
    )
    job_max_interruptions: int = Field(
        3, ge=1, description="A job that the death of the service or of its process cut off this often is failed."
    )
    stop_grace_s: float = Field(
        2.0, ge=0, description="Time between asking a job's processes to end and ending them by force."
    )
    keep_results_days: float = Field(
        365.0, ge=0, le=36_500, description="Days for which the files of an ended job are kept; 0 for ever."
    )
    keep_datasets_days: float = Field(
        365.0, ge=0, le=36_500, description="Days for which a dataset is kept after its last use; 0 for ever."
    )
    keep_uploads_hours: float = Field(
        72.0, gt=0, le=87_600, description="Hours after its last piece for which an unfinished upload is kept."
    )
    clean_interval_s: float = Field(
        3600.0, gt=0, le=86_400, description="Time between two removals of what is no longer kept."
    )
    log_format: Literal["text", "json"] = Field(
        "text", description="text: lines for people; json: one object a line, with ids of jobs as fields."
    )
    folders: dict[str, Path] = Field(
        {},
        description='Folders of the server whose files operators may use where they are, as JSON: {"name": "/path"}.',
    )
    cache_dir: Path | None = Field(
        None, description="Folder of the results of stages that later jobs use again; by default one in data_dir."
    )
    cache_bytes: int = Field(20 * _GIB, ge=0, description="Size that it keeps to; 0 keeps none.")
    dask_scheduler: str | None = Field(
        None,
        description="tcp://host:port of a Dask scheduler whose workers make the tiles of large surveys; local: tiles "
        "run beside each other on this machine; by default a job works through its tiles itself.",
    )
    min_free_bytes: int = Field(
        _GIB, ge=0, description="With less room in data_dir the service says that it is not ready."
    )
    max_wait_s: float = Field(60.0, ge=0, description="Longest time that a request may wait for its job's results.")
    callback_hosts: str = Field(
        "", description="Hosts, as name or name:port with commas between, that callbacks may go to; none by default."
    )
    callback_secret: SecretStr | None = Field(
        None, min_length=16, description="Key of the signatures of callbacks; needed where callback_hosts is set."
    )
    background: Literal["none", "gsi"] = Field(
        "none",
        description="gsi: the web app offers the maps of 国土地理院 as background, which browsers then fetch from "
        "cyberjapandata.gsi.go.jp; none: no browser asks any other server.",
    )
    catalog: str = Field(
        "pipelines.catalog:PROCESSES",
        pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$",
        description="Where the processes come from, as module:name.",
    )

    @field_validator("folders")
    @classmethod
    def _named_plainly(cls, value: dict[str, Path]) -> dict[str, Path]:
        """Names that can stand in an address, and absolute paths."""
        for name, path in value.items():
            if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,39}", name) or not path.is_absolute():
                raise ValueError(f"{name!r}: {path}: expected a name of a-z, 0-9, _ and -, and an absolute path")
        return value

    @field_validator("data_dir", "cache_dir")
    @classmethod
    def _absolute(cls, value: Path | None) -> Path | None:
        """An absolute path, so that a worker finds the same folder whatever its working directory."""
        return None if value is None else value.expanduser().absolute()

    @field_validator("dask_scheduler")
    @classmethod
    def _is_scheduler(cls, value: str | None) -> str | None:
        try:
            return checked_address(value) if value else None
        except ParameterError as error:
            raise ValueError(error.en) from error

    @model_validator(mode="after")
    def _cluster_has_a_cache(self) -> Settings:
        if self.dask_scheduler and not self.cache_bytes:
            raise ValueError("dask_scheduler is set, so cache_bytes must not be 0: tiles come through the cache")
        return self

    @field_validator("oidc_issuer")
    @classmethod
    def _is_provider(cls, value: str) -> str:
        if value and not is_encrypted_or_local(value):
            raise ValueError(f"{value!r}: expected an https address")
        return value

    @model_validator(mode="after")
    def _provider_knows_us(self) -> Settings:
        if self.oidc_issuer and not (self.oidc_client_id and self.access == "users"):
            raise ValueError("oidc_issuer is set, so oidc_client_id and access=users are needed")
        return self

    @model_validator(mode="after")
    def _callbacks_are_signed(self) -> Settings:
        if self.callback_hosts and self.callback_secret is None:
            raise ValueError("callback_hosts is set, so callback_secret is needed: callbacks are always signed")
        return self

    @property
    def url(self) -> str:
        """The database that is used."""
        if self.database_url is not None:
            return self.database_url.get_secret_value()
        return f"sqlite:///{self.data_dir / 'tengun.sqlite'}"

    @property
    def allowed_callback_hosts(self) -> tuple[str, ...]:
        """Hosts that callbacks may go to, in lower case."""
        return tuple(host.strip().lower() for host in self.callback_hosts.split(",") if host.strip())

    @property
    def stage_cache(self) -> StageCache:
        """Results of stages that are used again."""
        return StageCache(self.cache_dir or self.data_dir / "cache", self.cache_bytes)

    @property
    def datasets_dir(self) -> Path:
        """Uploaded files, one folder a dataset."""
        return self.data_dir / "datasets"

    @property
    def incoming_dir(self) -> Path:
        """Uploads that are not complete or not checked yet."""
        return self.data_dir / "incoming"

    @property
    def uploads_dir(self) -> Path:
        """Uploads that can be resumed, one folder each."""
        return self.data_dir / "uploads"

    @property
    def jobs_dir(self) -> Path:
        """One folder a job: results, log, lock, temporary files."""
        return self.data_dir / "jobs"

    def environment(self) -> dict[str, str]:
        """The same settings as environment variables, for a worker process; it gets no secrets but the database's."""
        values = {name: getattr(self, name) for name in type(self).model_fields if name not in _NOT_FOR_WORKERS}
        values["database_url"] = self.url
        return {f"TENGUN_{name.upper()}": str(value) for name, value in values.items() if value is not None}

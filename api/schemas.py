"""The JSON that the service answers with; names as in OGC API - Processes 1.0 where it has them."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from api.datasets.names import Kind
from api.datasets.tiles import Epoch, Method
from api.jobs.states import JobStatus


class Answer(BaseModel):
    """Base of the answers; a member without a value is left out."""

    model_config = ConfigDict(populate_by_name=True)


class Bilingual(Answer):
    """A text in both languages."""

    en: str
    ja: str


class Link(Answer):
    """A link to something related."""

    href: str
    rel: str
    type: str | None = None
    title: str | None = None
    title_ja: str | None = None


class Links(Answer):
    """Links alone."""

    title: str
    description: str
    links: list[Link]


class Conformance(Answer):
    """The conformance classes that are met."""

    conforms_to: list[str] = Field(alias="conformsTo")


class ProcessSummary(Answer):
    """A process in a list."""

    id: str
    version: str
    title: str
    title_ja: str
    description: str
    description_ja: str
    job_control_options: list[str] = Field(alias="jobControlOptions")
    output_transmission: list[str] = Field(alias="outputTransmission")
    links: list[Link]


class InputDescription(Answer):
    """An input: a dataset or a parameter."""

    title: str
    title_ja: str | None = None
    description: str | None = None
    min_occurs: int = Field(alias="minOccurs")
    max_occurs: int | Literal["unbounded"] = Field(alias="maxOccurs")
    json_schema: dict[str, Any] = Field(alias="schema")


class OutputDescription(Answer):
    """An output."""

    title: str
    title_ja: str
    json_schema: dict[str, Any] = Field(alias="schema")


class StageDescription(Answer):
    """A stage of a run."""

    id: str
    title: Bilingual


class ProcessDescription(ProcessSummary):
    """A process with all it takes and gives."""

    inputs: dict[str, InputDescription]
    outputs: dict[str, OutputDescription]
    stages: list[StageDescription]


class ProcessList(Answer):
    """All processes."""

    processes: list[ProcessSummary]
    links: list[Link]


class OutputFormat(BaseModel):
    """The form of an output."""

    model_config = ConfigDict(populate_by_name=True, extra="forbid")

    media_type: Literal["application/json"] | None = Field(None, alias="mediaType")


class OutputWanted(BaseModel):
    """An output as it is asked for; outputs are JSON values, and files are values that are links."""

    model_config = ConfigDict(populate_by_name=True, extra="forbid")

    transmission_mode: Literal["value"] = Field("value", alias="transmissionMode")
    format: OutputFormat | None = None


class Subscriber(BaseModel):
    """Addresses to be told how the job goes; only hosts that the administrator has named."""

    model_config = ConfigDict(populate_by_name=True, extra="forbid")

    success_uri: str = Field(alias="successUri", max_length=2000)
    in_progress_uri: str | None = Field(None, alias="inProgressUri", max_length=2000)
    failed_uri: str | None = Field(None, alias="failedUri", max_length=2000)


class ExecuteRequest(BaseModel):
    """What to do: datasets and parameters together under ``inputs``; and how the results are wanted."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "inputs": {
                        "before": "a3f0c9a2-5a4e-4a2c-9d51-0f5f3f1d2b11",
                        "after": ["0b8f6a86-6b0f-4a5e-8f43-7a2b7f0e9c22"],
                        "cell": 0.5,
                        "crs": "EPSG:6676",
                    }
                }
            ]
        },
    )

    inputs: dict[str, Any] = Field(default_factory=dict)
    outputs: dict[str, OutputWanted] | None = None
    response: Literal["raw", "document"] | None = Field(
        None, description="Form of the results: document (JSON) unless exactly one output is asked for."
    )
    subscriber: Subscriber | None = None


class StageStatus(Answer):
    """How far a stage is."""

    id: str
    title: Bilingual
    state: Literal["waiting", "running", "done"]
    fraction: float


class Message(Answer):
    """A line of a job's history."""

    at: datetime
    en: str
    ja: str


class JobInput(Answer):
    """A file that a job was given."""

    input: str
    dataset: str
    name: str
    sha256: str


class JobSummary(Answer):
    """A job in a list (the standard's statusInfo)."""

    job_id: str = Field(alias="jobID")
    process_id: str = Field(alias="processID")
    project: str
    owner: str
    type: Literal["process"] = "process"
    status: JobStatus
    progress: int = Field(ge=0, le=100)
    message: str
    message_ja: str
    created: datetime
    started: datetime | None = None
    finished: datetime | None = None
    updated: datetime
    expires: datetime | None = None
    links: list[Link]


class Timing(Answer):
    """Where the time went: waiting for the present run to start, and running; and when the run may end."""

    queued_s: float
    running_s: float | None = None
    estimated_finish: datetime | None = None


class StatusInfo(JobSummary):
    """A job with its stages, history, inputs and, where it failed, the reason."""

    queue_position: int | None = None
    timing: Timing
    stages: list[StageStatus]
    messages: list[Message]
    inputs: list[JobInput]
    parameters: dict[str, Any]
    software_version: str
    process_version: str
    exception: dict[str, Any] | None = None


class JobList(Answer):
    """Jobs, the newest first."""

    jobs: list[JobSummary]
    links: list[Link]


class Summary(Answer):
    """The numbers of a job, as the standard wraps an object among results."""

    value: dict[str, Any]
    media_type: Literal["application/json"] = Field("application/json", alias="mediaType")


class OutputLink(Link):
    """A finished file."""

    path: str
    size: int
    sha256: str
    expires: datetime | None = None


class Results(Answer):
    """What a job made: its numbers and its files."""

    summary: Summary | None = None
    outputs: list[OutputLink] | None = None


class Dataset(Answer):
    """An uploaded file and what it says about itself."""

    id: str
    name: str
    kind: Kind
    project: str
    size: int
    sha256: str
    created: datetime
    expires: datetime | None = None
    sheet: str | None = None
    method: str | None = None
    epoch: str | None = None
    info: dict[str, Any]
    links: list[Link]


class DatasetChange(BaseModel):
    """What a client says of how and when a file was surveyed."""

    model_config = ConfigDict(extra="forbid")

    method: Method | None = Field(None, description="LP, ALB, MMS, UAV or TLS.")
    epoch: Epoch | None = Field(None, description="Year, month or day, such as 2021 or 2021-07-03.")


class Upload(Answer):
    """How far an upload is; ``dataset`` is there once it has become one."""

    id: str
    project: str
    name: str
    length: int
    offset: int
    expires: datetime | None = None
    dataset: Dataset | None = None


class DatasetList(Answer):
    """Datasets, the newest first."""

    datasets: list[Dataset]
    links: list[Link]


class Health(Answer):
    """Whether the service works."""

    status: Literal["ok"]
    version: str
    jobs: dict[str, int]
    workers: int
    free_bytes: int
    executors: dict[str, dict[str, Any]]


class Me(Answer):
    """Who the service takes you for."""

    name: str
    is_admin: bool
    projects: dict[str, str]


class LogIn(BaseModel):
    """Name and password."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(max_length=100)
    password: str = Field(max_length=200)


class SessionAnswer(Me):
    """An open session; the token goes into the header X-CSRF-Token of every request that changes something."""

    csrf_token: str
    expires: datetime


class NewPassword(BaseModel):
    """A change of one's own password."""

    model_config = ConfigDict(extra="forbid")

    present: str = Field(max_length=200)
    new: str = Field(max_length=200)


class NewKey(BaseModel):
    """A wish for an API key."""

    model_config = ConfigDict(extra="forbid")

    title: str = Field("", max_length=200)
    project: str | None = Field(None, max_length=40, description="Let the key open this project alone.")
    days: float | None = Field(None, gt=0, le=3650, description="Days until it ends; none: it does not.")


class ApiKey(Answer):
    """An API key; the key itself is told once, when it is made."""

    id: str
    title: str
    project: str | None = None
    created: datetime
    expires: datetime | None = None
    key: str | None = None


class ApiKeyList(Answer):
    """Your API keys, the newest first."""

    keys: list[ApiKey]


class Ready(Answer):
    """The service takes work."""

    status: Literal["ready"]


class PipelineList(Answer):
    """PDAL documents with the options that can be set."""

    pipelines: list[dict[str, Any]]


class ProblemDocument(Answer):
    """An error (RFC 9457); further members tell field, value, candidates."""

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    detail: str | None = None
    detail_ja: str | None = None
    code: str | None = None

// What the service answers, as far as the pages use it.

export interface Dataset {
  id: string;
  name: string;
  kind: string;
  size: number;
  created: string;
  /** Map sheet, LP, ALB, MMS, UAV or TLS, and year, month or day, where they are known. */
  sheet?: string;
  method?: string;
  epoch?: string;
  info: Facts;
}

export interface Facts {
  n_points?: number;
  bounds?: [number, number, number, number] | null;
  z_range_m?: [number | null, number | null];
  density_per_m2?: number | null;
  point_format?: number;
  version?: string;
  created?: string | null;
  software?: string;
  crs?: string | null;
  crs_source?: string | null;
  crs_candidates?: string[];
  vertical_datum?: string;
  n_zones?: number | null;
  n_lines?: number | null;
  names?: string[];
  problems: Note[];
}

export interface Note {
  code: string;
  en: string;
  ja: string;
}

export interface Process {
  id: string;
  title: string;
  title_ja: string;
  description: string;
  description_ja: string;
}

export interface Input {
  title: string;
  title_ja?: string;
  description?: string;
  minOccurs: number;
  maxOccurs: number | "unbounded";
  schema: Schema;
}

export interface Schema {
  type?: string;
  format?: string;
  default?: unknown;
  enum?: unknown[];
  anyOf?: Schema[];
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  exclusiveMaximum?: number;
  maxLength?: number;
  pattern?: string;
  examples?: unknown[];
}

export interface ProcessDescription extends Process {
  inputs: Record<string, Input>;
  stages: { id: string; title: { en: string; ja: string } }[];
}

export type Status = "accepted" | "running" | "successful" | "failed" | "dismissed";

export interface Job {
  jobID: string;
  processID: string;
  status: Status;
  progress: number;
  message: string;
  message_ja: string;
  created: string;
  started?: string;
  finished?: string;
}

export interface JobStatus extends Job {
  queue_position?: number;
  timing: { queued_s: number; running_s?: number; estimated_finish?: string };
  stages: { id: string; title: { en: string; ja: string }; state: "waiting" | "running" | "done"; fraction: number }[];
  messages: { at: string; en: string; ja: string }[];
  inputs: { input: string; dataset: string; name: string }[];
  parameters: Record<string, unknown>;
  exception?: Record<string, unknown>;
}

export interface File {
  href: string;
  type: string;
  title: string;
  title_ja: string;
  path: string;
  size: number;
  sha256: string;
}

export interface Results {
  summary: { value: Record<string, unknown> };
  outputs: File[];
}

export const isOver = (status: Status): boolean => status !== "accepted" && status !== "running";

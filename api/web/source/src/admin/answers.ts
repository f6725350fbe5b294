// What the administration answers.

export interface User {
  name: string;
  is_admin: boolean;
  is_active: boolean;
  has_password: boolean;
  locked_until: string | null;
  created: string;
  projects: Record<string, string>;
  n_keys: number;
}

export interface Project {
  id: string;
  title: string;
  created: string;
  quota_bytes: number | null;
  limit_bytes: number;
  used_bytes: number;
  datasets_bytes: number;
  results_bytes: number;
  uploads_bytes: number;
  n_datasets: number;
  n_jobs: number;
  members: { user: string; role: string }[];
}

export interface Storage {
  total_bytes: number;
  free_bytes: number;
  min_free_bytes: number;
  keep_results_days: number;
  keep_datasets_days: number;
  project_quota_bytes: number;
}

export interface AuditLine {
  id: number;
  at: string;
  actor: string;
  via: string;
  address: string;
  action: string;
  target: string;
  outcome: string;
  times: number;
}

export interface Verdict {
  state: "unbroken" | "broken";
  n_lines: number;
  last_digest: string;
  broken_at: number | null;
}

// volume.json as the volume page reads it (schema tengun/volume/1).

export interface Volumes {
  cut_m3: number;
  fill_m3: number;
  net_m3: number;
  area_m2: number;
  void_area_m2: number;
  cut_ci95_m3: Interval | null;
  fill_ci95_m3: Interval | null;
  net_ci95_m3: Interval | null;
  level_of_detection_m: number | null;
}

/** The net as papers print it: the difference of the two that stand beside it, to 1 m³. */
export function printedNet(one: Volumes): number {
  return Math.round(one.fill_m3) - Math.round(one.cut_m3);
}

export type Interval = [number, number];

export interface Text {
  en: string;
  ja: string;
}

export interface Patch {
  name: string;
  kind: string;
  area_m2: number;
  volume_m3: number;
  mean_depth_m: number;
  largest_depth_m: number;
  sigma_m3: number;
}

export interface Alignment {
  dx_m: number | null;
  dy_m: number | null;
  dz_m: number | null;
  applied: boolean;
  sigma_m?: [number, number, number] | null;
  residual_before_m?: number | null;
  residual_after_m?: number | null;
  stable_area_m2?: number | null;
  notes?: Text[];
}

export interface VolumeResult {
  schema: string;
  crs: string;
  cell_m: number;
  alignment: Alignment;
  total: Volumes;
  zones: (Volumes & { name: string })[];
  methods: Record<string, Record<string, Volumes & { title: Text; why: Text }>>;
  material: { patches: Patch[] } | null;
  headline: { total: Text; zones: Text };
  notes: Text[];
}

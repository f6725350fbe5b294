// carbon.json (tengun/carbon/1) and trees.json (tengun/trees/1), as far as the forest page reads them.

export interface Text {
  en: string;
  ja: string;
}

export interface Stand {
  id: string;
  status?: "credited" | "excluded" | "refused";
  species: string;
  constants?: string | null;
  planting_year?: number | null;
  credited_area_ha?: number;
  area_ha: number;
  n_detected: number;
  height_mean: number | null;
  height_upper: number | null;
  canopy_cover: number | null;
  volume_m3: number | null;
  site_class?: { name: string; age: number } | null;
  net_t?: number | null;
  net_ci95_t?: [number, number] | null;
  notes: Text[];
}

export const NUMBERS = ["bef_young", "bef_old", "root_ratio", "wood_density", "carbon_fraction"] as const;
export type NumberName = (typeof NUMBERS)[number];

export interface Constants extends Record<NumberName, number> {
  species: string;
  name_en: string;
  stem_table: string;
  source: string;
  status: string;
}

export interface Table {
  name: string;
  version: string;
  status: string;
  source: string;
}

export interface Year {
  year: number;
  absorption_t: number;
  emission_t: number;
  replanting_t: number;
  buffer_t: number;
  credit_t: number;
  whole_t: number;
}

export interface Claim {
  schema: "tengun/carbon/1";
  methodology: string;
  total: { credit_t: number; credit_ci95_t: [number, number]; conservative_t: number; whole_t: number; area_ha: number };
  count: Record<"credited" | "excluded" | "refused", number>;
  years: Year[];
  stands: Stand[];
  basis: { id: string; en: string; ja: string; status: string }[];
  constants: Table & { species: Constants[] };
  yield_table: Table;
  inventory?: Found;
  notes: Text[];
}

/** What was found in a survey. */
export interface Found {
  crs: string;
  n_trees: number;
  area_m2: number;
  height_m: { median: number; max: number } | null;
}

export interface Inventory extends Found {
  schema: "tengun/trees/1";
  stands?: Stand[];
  notes?: Text[];
}

export const isClaim = (result: Claim | Inventory): result is Claim => result.schema === "tengun/carbon/1";

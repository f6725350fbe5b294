// Plane rectangular coordinates of Japan (Gauss-Krueger) from and to longitude and latitude on GRS80.
// K. Kawase (2011), A general formula for calculating meridian arc length and its application to coordinate
// conversion in the Gauss-Krueger projection, Bulletin of the GSI 59; series to the third power of n: better than 1 mm.

const A = 6378137;
const N = 1 / 298.257222101 / (2 - 1 / 298.257222101);
const SCALE = 0.9999;
const RADIUS = ((SCALE * A) / (1 + N)) * (1 + N ** 2 / 4 + N ** 4 / 64);
const ALPHA = [N / 2 - (2 / 3) * N ** 2 + (5 / 16) * N ** 3, (13 / 48) * N ** 2 - (3 / 5) * N ** 3, (61 / 240) * N ** 3];
const BETA = [N / 2 - (2 / 3) * N ** 2 + (37 / 96) * N ** 3, N ** 2 / 48 + N ** 3 / 15, (17 / 480) * N ** 3];
const DELTA = [2 * N - (2 / 3) * N ** 2 - 2 * N ** 3, (7 / 3) * N ** 2 - (8 / 5) * N ** 3, (56 / 15) * N ** 3];
const C = (2 * Math.sqrt(N)) / (1 + N);
const RAD = Math.PI / 180;

/** Latitude and longitude of the origins of zones I to XIX, degrees (国土交通省告示第9号, 2002). */
const ORIGINS: [number, number][] = [
  [33, 129.5], [33, 131], [36, 132 + 1 / 6], [33, 133.5], [36, 134 + 1 / 3], [36, 136], [36, 137 + 1 / 6], [36, 138.5],
  [36, 139 + 5 / 6], [40, 140 + 5 / 6], [44, 140.25], [44, 142.25], [44, 144.25], [26, 142], [26, 127.5], [26, 124],
  [26, 131], [20, 136], [26, 154],
];

export type Pair = [number, number];

function arc(latitude: number): number {
  const sine = Math.sin(latitude);
  const t = Math.sinh(Math.atanh(sine) - C * Math.atanh(C * sine));
  const xi = Math.atan(t);
  return RADIUS * (xi + ALPHA.reduce((sum, a, j) => sum + a * Math.sin(2 * (j + 1) * xi), 0));
}

/** Easting and northing in metres of a zone 1-19. */
export function toPlane([lon, lat]: Pair, zone: number): Pair {
  const [lat0, lon0] = ORIGINS[zone - 1]!;
  const sine = Math.sin(lat * RAD);
  const t = Math.sinh(Math.atanh(sine) - C * Math.atanh(C * sine));
  const east = (lon - lon0) * RAD;
  const xi = Math.atan2(t, Math.cos(east));
  const eta = Math.atanh(Math.sin(east) / Math.sqrt(1 + t * t));
  let northing = xi;
  let easting = eta;
  ALPHA.forEach((a, j) => {
    northing += a * Math.sin(2 * (j + 1) * xi) * Math.cosh(2 * (j + 1) * eta);
    easting += a * Math.cos(2 * (j + 1) * xi) * Math.sinh(2 * (j + 1) * eta);
  });
  return [RADIUS * easting, RADIUS * northing - arc(lat0 * RAD)];
}

/** Longitude and latitude in degrees of a place in a zone 1-19. */
export function toDegrees([easting, northing]: Pair, zone: number): Pair {
  const [lat0, lon0] = ORIGINS[zone - 1]!;
  const xi = (northing + arc(lat0 * RAD)) / RADIUS;
  const eta = easting / RADIUS;
  let xi0 = xi;
  let eta0 = eta;
  BETA.forEach((b, j) => {
    xi0 -= b * Math.sin(2 * (j + 1) * xi) * Math.cosh(2 * (j + 1) * eta);
    eta0 -= b * Math.cos(2 * (j + 1) * xi) * Math.sinh(2 * (j + 1) * eta);
  });
  const chi = Math.asin(Math.sin(xi0) / Math.cosh(eta0));
  const latitude = chi + DELTA.reduce((sum, d, j) => sum + d * Math.sin(2 * (j + 1) * chi), 0);
  return [lon0 + Math.atan2(Math.sinh(eta0), Math.cos(xi0)) / RAD, latitude / RAD];
}

/** The zone whose origin is nearest, of the eastern-western ones of the main islands; for a map without data. */
export function nearestZone([lon, lat]: Pair): number {
  const far = ORIGINS.map(([lat0, lon0]) => Math.hypot(lat - lat0, lon - lon0));
  return far.indexOf(Math.min(...far)) + 1;
}

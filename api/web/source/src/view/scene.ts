// The drawing: nodes as they arrive, a camera that is moved, and what is picked with it.

import { BufferAttribute, BufferGeometry, Color, ColorManagement, LinearSRGBColorSpace, LineBasicMaterial, LineSegments, PerspectiveCamera, type Plane, Points as Drawn, PointsMaterial, Scene, Vector3, WebGLRenderer } from "three";
import { MapControls } from "three/examples/jsm/controls/MapControls.js";
import { theme } from "../theme";
import type { Colouring } from "./colours";
import type { Cloud } from "./copc";
import { choose } from "./octree";
import { type Hit, pick } from "./pick";
import type { Points } from "./points";

ColorManagement.enabled = false;

const AT_ONCE = 4;
const FIELD_OF_VIEW = 50;
const RESTED_MS = 120;

export interface Shown {
  points: Points;
  drawn: Drawn;
}

export interface Watch {
  (state: { nShown: number; isLoading: boolean }): void;
}

export class View {
  readonly camera = new PerspectiveCamera(FIELD_OF_VIEW, 1, 0.1, 1e6);
  readonly nodes = new Map<string, Shown>();
  most = 2_000_000;
  private readonly scene = new Scene();
  private readonly renderer: WebGLRenderer;
  private readonly controls: MapControls;
  private readonly material = new PointsMaterial({ size: 2, sizeAttenuation: false, vertexColors: true });
  private readonly lines = new LineSegments(new BufferGeometry(), new LineBasicMaterial({ color: 0xff3b30, depthTest: false }));
  private readonly asked = new Set<string>();
  private readonly resized: ResizeObserver;
  private colouring: Colouring | null = null;
  private isDue = false;
  private isGone = false;
  private timer = 0;

  constructor(
    readonly canvas: HTMLCanvasElement,
    readonly cloud: Cloud,
    private readonly watch: Watch,
    private readonly onTrouble: (error: unknown) => void,
  ) {
    this.renderer = new WebGLRenderer({ canvas, antialias: false, preserveDrawingBuffer: true });
    this.renderer.localClippingEnabled = true;
    this.renderer.outputColorSpace = LinearSRGBColorSpace; // colours go to the screen as the legend has them
    this.scene.background = new Color(theme() === "dark" ? 0x121613 : 0xeef1ee);
    this.lines.renderOrder = 1;
    this.scene.add(this.lines);
    this.camera.up.set(0, 0, 1);
    this.controls = new MapControls(this.camera, canvas);
    this.controls.enableDamping = false;
    this.controls.keyPanSpeed = 30;
    this.controls.listenToKeyEvents(canvas);
    this.controls.addEventListener("change", () => this.moved());
    canvas.addEventListener("keydown", (event) => this.zoom(event));
    this.resized = new ResizeObserver(() => this.resize());
    this.resized.observe(canvas);
    this.resize();
  }

  /** Looks at the middle of the cloud from a direction (x east, y north, z up), so that all of it is seen. */
  lookFrom(direction: [number, number, number], centre?: Vector3, radius?: number): void {
    const { min, max } = this.cloud;
    const middle = centre ?? new Vector3(...min.map((low, axis) => (low + max[axis]!) / 2) as [number, number, number]);
    const reach = radius ?? new Vector3(...min.map((low, axis) => max[axis]! - low) as [number, number, number]).length() / 2;
    const narrow = Math.min(1, this.camera.aspect);
    const distance = reach / (Math.sin((FIELD_OF_VIEW * Math.PI) / 360) * narrow);
    this.controls.target.copy(middle);
    this.camera.position.copy(middle).addScaledVector(new Vector3(...direction).normalize(), distance);
    this.controls.update();
    this.moved();
  }

  colour(colouring: Colouring): void {
    this.colouring = colouring;
    for (const { points, drawn } of this.nodes.values()) drawn.geometry.setAttribute("color", colour(colouring, points));
    this.draw();
  }

  size(pixels: number): void {
    this.material.size = pixels;
    this.draw();
  }

  clip(planes: Plane[]): void {
    this.material.clippingPlanes = planes.length > 0 ? planes : null;
    this.material.needsUpdate = true;
    this.draw();
  }

  /** Line segments from point to point, two by two. */
  mark(segments: Vector3[]): void {
    this.lines.geometry.dispose();
    this.lines.geometry = new BufferGeometry().setFromPoints(segments);
    this.draw();
  }

  /** The point that is seen at a place of the canvas, both in -1 to 1. */
  pick(x: number, y: number): Hit | null {
    return pick(this, x, y, this.material.clippingPlanes ?? []);
  }

  /** Chooses anew what to draw; call it after the camera or the most points have changed. */
  moved(): void {
    this.draw();
    clearTimeout(this.timer);
    this.timer = window.setTimeout(() => this.refine(), RESTED_MS);
  }

  refine(): void {
    if (this.isGone) return;
    this.camera.updateMatrixWorld();
    const { wanted, missing } = choose(this.cloud, this.camera, this.canvas.clientHeight, this.most);
    const keys = new Set(wanted.map((one) => one.key));
    for (const [key, node] of this.nodes) node.drawn.visible = keys.has(key);
    this.forget(keys);
    for (const key of missing) void this.cloud.page(key).then(() => this.refine(), this.onTrouble);
    for (const { key, count } of wanted) {
      if (this.asked.size >= AT_ONCE) break;
      if (count > 0 && !this.nodes.has(key) && !this.asked.has(key)) this.fetch(key).catch(() => undefined); // told already
    }
    this.tell();
    this.draw();
  }

  /** Gives a node's points to the screen; the root's before anything else. */
  async fetch(key: string): Promise<Points> {
    this.asked.add(key);
    try {
      const points = await this.cloud.load(key);
      if (!this.isGone) this.add(key, points);
      return points;
    } catch (error) {
      if (!this.isGone) this.onTrouble(error);
      throw error;
    } finally {
      this.asked.delete(key);
      if (!this.isGone && this.colouring) this.refine();
    }
  }

  leave(): void {
    this.isGone = true;
    clearTimeout(this.timer);
    this.resized.disconnect();
    this.controls.dispose();
    for (const { drawn } of this.nodes.values()) drawn.geometry.dispose();
    this.renderer.dispose();
    this.cloud.close();
  }

  private add(key: string, points: Points): void {
    const geometry = new BufferGeometry();
    geometry.setAttribute("position", new BufferAttribute(points.position, 3));
    if (this.colouring) geometry.setAttribute("color", colour(this.colouring, points));
    const drawn = new Drawn(geometry, this.material);
    drawn.frustumCulled = false; // the octree has done that
    this.nodes.set(key, { points, drawn });
    this.scene.add(drawn);
  }

  /** Lets go of what was not wanted for longest, once there is twice as much as is drawn. */
  private forget(keys: Set<string>): void {
    let total = [...this.nodes.values()].reduce((sum, one) => sum + one.points.count, 0);
    for (const [key, { points, drawn }] of this.nodes) {
      if (total <= 2 * this.most) return;
      if (keys.has(key)) continue;
      this.scene.remove(drawn);
      drawn.geometry.dispose();
      this.nodes.delete(key);
      total -= points.count;
    }
  }

  private tell(): void {
    const shown = [...this.nodes.values()].filter((one) => one.drawn.visible);
    this.watch({ nShown: shown.reduce((sum, one) => sum + one.points.count, 0), isLoading: this.asked.size > 0 });
  }

  private draw(): void {
    if (this.isDue || this.isGone) return;
    this.isDue = true;
    requestAnimationFrame(() => {
      this.isDue = false;
      if (!this.isGone) this.renderer.render(this.scene, this.camera);
    });
  }

  private resize(): void {
    const { clientWidth: width, clientHeight: height } = this.canvas;
    if (width === 0 || height === 0) return;
    this.renderer.setSize(width, height, false);
    this.camera.aspect = width / height;
    this.camera.updateProjectionMatrix();
    this.moved();
  }

  private zoom(event: KeyboardEvent): void {
    const step = { "+": 0.8, ";": 0.8, "=": 0.8, "-": 1.25 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    this.camera.position.sub(this.controls.target).multiplyScalar(step).add(this.controls.target);
    this.controls.update();
    this.moved();
  }
}

function colour(colouring: Colouring, points: Points): BufferAttribute {
  return new BufferAttribute(colouring.paint(points), 3, true);
}

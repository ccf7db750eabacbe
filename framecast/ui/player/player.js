// The canvas player. It is given every encoded frame once, decodes those near the one shown, and draws all panels of a frame
// together. See packing.py for the layout of the payload.

const DECODED_PIXELS = 50e6; // about 200 MB of decoded pictures are kept at once
const AHEAD = 8; // frames decoded in advance
const REPORT_AFTER_MS = 200;
const GAP = 16;
const NARROWEST_PANEL = 200; // a thin picture still has room for its title and its legend

const players = new WeakMap();

export default function ({ parentElement, data, setStateValue }) {
  const root = parentElement.querySelector(".player");
  if (!root || !data) return;
  let player = players.get(root);
  if (!player) {
    player = new Player(root);
    players.set(root, player);
  }
  player.report = (frame) => setStateValue("frame", frame);
  player.load(data);
  return () => {
    player.close();
    players.delete(root);
  };
}

function unpack(data) {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const headerLength = view.getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(data.subarray(4, 4 + headerLength)));
  let position = 4 + headerLength;
  for (const panel of header.panels) {
    panel.blobs = panel.sizes.map((size) => {
      const blob = new Blob([data.subarray(position, position + size)], { type: panel.mime });
      position += size;
      return blob;
    });
  }
  return header;
}

class Player {
  constructor(root) {
    this.root = root;
    this.element = (name) => root.querySelector(name);
    this.slider = this.element(".slider");
    this.frame = 0;
    this.playing = false;
    this.decoded = new Map(); // frame -> promise of one bitmap per panel, oldest use first
    this.ready = new Set();
    this.tick = this.tick.bind(this);
    this.listen();
    this.observer = new ResizeObserver(() => this.arrange());
    this.observer.observe(root);
  }

  load(data) {
    const header = unpack(data);
    if (this.header && this.header.id === header.id && this.header.captions.length === header.captions.length) return;
    this.forget();
    this.header = header;
    this.n = header.captions.length;
    this.frame = Math.min(this.frame, this.n - 1);
    this.slider.max = this.n - 1;
    this.element(".note").textContent = header.note;
    this.element(".speed").value = String(header.framesPerSecond);
    this.element(".controls").style.display = this.n > 1 ? "" : "none";
    this.element(".panels").replaceChildren(...header.panels.map(figure));
    this.canvases = [...this.root.querySelectorAll("canvas")];
    this.arrange();
    this.show(this.frame);
  }

  listen() {
    const act = {
      first: () => this.step(-Infinity),
      back: () => this.step(-1),
      next: () => this.step(1),
      last: () => this.step(Infinity),
      play: () => (this.playing ? this.pause() : this.play()),
    };
    for (const button of this.root.querySelectorAll("button")) button.onclick = () => act[button.dataset.do]();
    this.slider.oninput = () => {
      if (this.playing) this.pause();
      this.show(Number(this.slider.value));
    };
    this.slider.onchange = () => this.reportSoon();
    const keys = { " ": "play", ArrowLeft: "back", ArrowRight: "next", Home: "first", End: "last" };
    this.root.onkeydown = (event) => {
      const name = keys[event.key];
      const own = event.composedPath()[0].tagName; // the range and the list already answer to these keys
      if (!name || own === "SELECT" || (own === "INPUT" && name !== "play") || (own === "BUTTON" && name === "play")) return;
      event.preventDefault();
      event.stopPropagation();
      act[name]();
    };
  }

  step(by) {
    if (this.playing) this.pause();
    this.show(Math.max(0, Math.min(this.n - 1, this.frame + by)));
    this.reportSoon();
  }

  play() {
    if (this.n < 2) return;
    if (this.frame === this.n - 1) this.show(0);
    this.playing = true;
    this.root.classList.add("playing");
    this.element(".play").setAttribute("aria-label", "Pause");
    this.owed = 0;
    this.last = performance.now();
    this.timer = requestAnimationFrame(this.tick);
  }

  pause() {
    this.playing = false;
    this.root.classList.remove("playing");
    this.element(".play").setAttribute("aria-label", "Play");
    cancelAnimationFrame(this.timer);
    this.reportSoon();
  }

  tick(now) {
    if (!this.playing) return;
    const interval = 1000 / Number(this.element(".speed").value);
    this.owed += Math.min(now - this.last, 500); // time is added up: 60 Hz screens do not divide every speed
    this.last = now;
    if (this.owed >= interval) {
      let next = this.frame + 1;
      if (next >= this.n) {
        if (!this.element(".loop").checked) return this.pause();
        next = 0;
      }
      if (this.ready.has(next)) {
        this.owed = Math.min(this.owed - interval, interval);
        this.show(next);
      } else {
        this.decode(next); // late pictures slow the film down instead of tearing it
      }
    }
    this.timer = requestAnimationFrame(this.tick);
  }

  show(frame) {
    this.frame = frame;
    this.slider.value = frame;
    this.slider.style.setProperty("--done", `${this.n > 1 ? (100 * frame) / (this.n - 1) : 0}%`);
    this.slider.setAttribute("aria-valuetext", this.header.captions[frame]);
    this.element(".caption").textContent = this.header.captions[frame];
    this.decode(frame).then((bitmaps) => {
      if (bitmaps && this.frame === frame) this.draw(bitmaps);
    });
    for (let ahead = 1; ahead <= Math.min(AHEAD, this.n - 1); ahead++) this.decode((frame + ahead) % this.n);
  }

  draw(bitmaps) {
    bitmaps.forEach((bitmap, i) => this.canvases[i].getContext("2d").drawImage(bitmap, 0, 0));
    this.root.dataset.frame = this.frame;
  }

  decode(frame) {
    const known = this.decoded.get(frame);
    if (known) {
      this.decoded.delete(frame); // put it back as the one used last
      this.decoded.set(frame, known);
      return known;
    }
    const { id, panels } = this.header;
    const promise = Promise.all(panels.map((panel) => createImageBitmap(panel.blobs[frame]))).then((bitmaps) => {
      if (this.header.id !== id || this.decoded.get(frame) !== promise) {
        bitmaps.forEach((bitmap) => bitmap.close());
        return null;
      }
      this.ready.add(frame);
      return bitmaps;
    });
    this.decoded.set(frame, promise);
    this.discard();
    return promise;
  }

  discard() {
    const pixels = this.header.panels.reduce((sum, panel) => sum + panel.width * panel.height, 0);
    const most = Math.max(3 * AHEAD, Math.floor(DECODED_PIXELS / pixels));
    for (const [frame, promise] of this.decoded) {
      if (this.decoded.size <= most) break;
      if (frame === this.frame) continue;
      this.decoded.delete(frame);
      this.ready.delete(frame);
      promise.then((bitmaps) => bitmaps && bitmaps.forEach((bitmap) => bitmap.close()));
    }
  }

  arrange() {
    if (!this.header) return;
    const available = this.root.clientWidth;
    const count = this.header.panels.length;
    if (!available || available === this.arrangedFor) return;
    this.arrangedFor = available;
    const columns = Math.max(1, Math.min(count, Math.floor((available + GAP) / (NARROWEST_PANEL + GAP))));
    const widest = (available - GAP * (columns - 1)) / columns;
    this.header.panels.forEach((panel, i) => {
      let scale = Math.min(widest / panel.width, this.header.height / panel.height);
      if (scale >= 2) scale = Math.floor(scale); // whole pixels: an enlarged picture stays even
      const canvas = this.canvases[i];
      canvas.style.width = `${panel.width * scale}px`;
      canvas.style.height = `${panel.height * scale}px`;
      canvas.classList.toggle("enlarged", panel.exact && scale > 1); // a preview has no pixels worth showing
      canvas.parentElement.style.width = `${Math.max(panel.width * scale, Math.min(widest, NARROWEST_PANEL))}px`;
    });
  }

  reportSoon() {
    if (!this.header.reports) return;
    clearTimeout(this.reporting);
    this.reporting = setTimeout(() => this.report(this.frame), REPORT_AFTER_MS);
  }

  forget() {
    for (const promise of this.decoded.values()) promise.then((bitmaps) => bitmaps && bitmaps.forEach((bitmap) => bitmap.close()));
    this.decoded.clear();
    this.ready.clear();
    this.arrangedFor = undefined;
  }

  close() {
    this.playing = false;
    cancelAnimationFrame(this.timer);
    clearTimeout(this.reporting);
    this.observer.disconnect();
    this.forget();
  }
}

function figure(panel) {
  const box = document.createElement("figure");
  const title = document.createElement("figcaption");
  title.textContent = panel.title;
  title.title = panel.title;
  const canvas = document.createElement("canvas");
  canvas.width = panel.width;
  canvas.height = panel.height;
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", panel.title);
  box.append(title, canvas);
  if (panel.bar) box.append(colourBar(panel.bar));
  return box;
}

function colourBar(bar) {
  const box = document.createElement("div");
  box.className = "bar";
  const gradient = document.createElement("div");
  gradient.className = "gradient";
  gradient.style.background = bar.gradient;
  const ticks = document.createElement("div");
  ticks.className = "ticks";
  for (const [position, label] of bar.ticks) {
    const tick = document.createElement("span");
    tick.textContent = label;
    tick.style.left = `${100 * position}%`;
    if (position <= 0.05) tick.className = "left";
    if (position >= 0.95) tick.className = "right";
    ticks.append(tick);
  }
  box.append(gradient, ticks);
  return box;
}

// The frame with the rectangle to keep. The server holds the rectangle, in pixels of the frame; here it is drawn, changed by
// the pointer or the arrow keys, and reported once the person lets go.

const REPORT_AFTER_MS = 400; // of the last arrow key
const KEYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

const boxes = new WeakMap();

export default function ({ parentElement, data, setTriggerValue }) {
  const root = parentElement.querySelector(".crop");
  if (!root || !data) return;
  let box = boxes.get(root);
  if (!box) {
    box = new CropBox(root);
    boxes.set(root, box);
  }
  box.send = (crop, number) => setTriggerValue("crop", [...crop, number]);
  box.load(data);
}

const within = (value, low, high) => Math.min(Math.max(value, low), high);

class CropBox {
  constructor(root) {
    this.root = root;
    this.rectangle = root.querySelector(".rectangle");
    this.image = root.querySelector("img");
    this.stretch = root.parentElement.querySelector(".stretch");
    this.sent = 0; // number of the last report: a time, so that no later box at this place has the same
    root.addEventListener("pointerdown", (event) => this.begin(event));
    root.addEventListener("pointermove", (event) => this.drag && this.move(event));
    root.addEventListener("pointerup", (event) => this.end(event));
    root.addEventListener("pointercancel", () => this.cancel());
    root.addEventListener("keydown", (event) => this.key(event));
    new ResizeObserver(() => this.sayStretch()).observe(this.image);
  }

  load(data) {
    this.width = data.width;
    this.height = data.height;
    if (this.image.src !== data.source) this.image.src = data.source;
    this.sayStretch();
    this.root.style.setProperty("--ratio", data.width / data.height);
    this.image.alt = data.words;
    this.root.setAttribute("aria-label", data.words);
    // What the server says before it has heard the last change would take that back.
    const asked = this.drag || this.later || data.heard < this.sent;
    if (!asked) this.show(data.crop || [0, 0, data.width, data.height]);
  }

  // Very thin frames: what is drawn round here is not in the frame.
  sayStretch() {
    const { width, height } = this.image.getBoundingClientRect();
    const stretch = width / this.width / (height / this.height);
    this.stretch.textContent = stretch > 1.05 ? "The frame is drawn wider than it is." : stretch < 0.95 ? "The frame is drawn higher than it is." : "";
  }

  show(crop) {
    this.crop = crop;
    const [x, y, w, h] = crop;
    const place = { left: x / this.width, top: y / this.height, width: w / this.width, height: h / this.height };
    for (const [side, share] of Object.entries(place)) this.rectangle.style[side] = `${100 * share}%`;
  }

  // Where the pointer is, in pixels of the frame.
  at(event) {
    const area = this.root.getBoundingClientRect();
    return [
      within(((event.clientX - area.left) / area.width) * this.width, 0, this.width),
      within(((event.clientY - area.top) / area.height) * this.height, 0, this.height),
    ];
  }

  begin(event) {
    const [px, py] = this.at(event);
    const [x, y, w, h] = this.crop;
    const whole = w === this.width && h === this.height;
    const corner = [...this.rectangle.children].indexOf(event.target);
    const inside = event.target === this.rectangle;
    if (corner >= 0) this.drag = { from: [corner % 2 ? x : x + w, corner < 2 ? y + h : y] };
    else if (inside && !whole) this.drag = { grip: [px - x, py - y] };
    else this.drag = { from: [px, py] };
    this.drag.before = this.crop;
    this.root.setPointerCapture(event.pointerId);
    this.root.focus({ preventScroll: true });
    event.preventDefault();
  }

  move(event) {
    const [px, py] = this.at(event);
    const { from, grip, before } = this.drag;
    if (grip) {
      const [, , w, h] = before;
      const x = Math.round(within(px - grip[0], 0, this.width - w));
      const y = Math.round(within(py - grip[1], 0, this.height - h));
      this.show([x, y, w, h]);
      return;
    }
    const [left, right] = [Math.min(px, from[0]), Math.max(px, from[0])].map(Math.round);
    const [top, bottom] = [Math.min(py, from[1]), Math.max(py, from[1])].map(Math.round);
    this.show([left, top, right - left, bottom - top]);
  }

  end(event) {
    if (!this.drag) return;
    this.move(event);
    const { before } = this.drag;
    this.drag = null;
    if (this.crop[2] < 2 || this.crop[3] < 2) this.show(before); // a click, not a rectangle
    else if (String(this.crop) !== String(before)) this.report();
  }

  report() {
    this.later = clearTimeout(this.later);
    this.sent = Date.now();
    this.send(this.crop, this.sent);
  }

  cancel() {
    if (this.drag) this.show(this.drag.before);
    this.drag = null;
  }

  key(event) {
    const step = KEYS[event.key];
    if (!step) return;
    event.preventDefault();
    event.stopPropagation();
    const [x, y, w, h] = this.crop;
    if (event.shiftKey) {
      this.show([x, y, within(w + step[0], 1, this.width - x), within(h + step[1], 1, this.height - y)]);
    } else {
      this.show([within(x + step[0], 0, this.width - w), within(y + step[1], 0, this.height - h), w, h]);
    }
    clearTimeout(this.later);
    this.later = setTimeout(() => this.report(), REPORT_AFTER_MS);
  }
}

// A stage is one panel: its name, its picture, what is drawn over the picture, its colour bar and the values at the pointer.
// A view is the part of the frame that every stage shows, so that zoom and pan are linked.

const MOST_ZOOM = 64;

class View {
  constructor() {
    this.width = this.height = 1;
    this.reset();
  }

  reset() {
    this.zoom = 1;
    this.x = this.y = 0; // upper left corner, in pixels of the frame
  }

  // Enlarge by `factor` so that the point (x, y) of the frame stays where it is.
  zoomAt(factor, x, y) {
    const zoom = Math.min(MOST_ZOOM, Math.max(1, this.zoom * factor));
    const part = this.zoom / zoom;
    this.x = x - (x - this.x) * part;
    this.y = y - (y - this.y) * part;
    this.zoom = zoom;
    this.clamp();
  }

  move(dx, dy) {
    this.x += dx;
    this.y += dy;
    this.clamp();
  }

  clamp() {
    this.x = Math.min(Math.max(0, this.x), this.width * (1 - 1 / this.zoom));
    this.y = Math.min(Math.max(0, this.y), this.height * (1 - 1 / this.zoom));
  }
}

class Stage {
  constructor(panel) {
    this.panel = panel;
    this.figure = element("figure");
    const caption = element("figcaption");
    this.name = element("span", "name", panel.title);
    this.name.title = panel.title;
    this.notes = element("span", "notes", panel.note ?? "");
    this.notes.title = panel.note ?? "";
    if (panel.colour) {
      const dot = element("span", "dot");
      dot.style.background = panel.colour;
      caption.append(dot);
    }
    caption.append(this.name, this.notes);
    this.stage = element("div", "stage");
    this.canvas = element("canvas", "picture");
    this.canvas.setAttribute("role", "img");
    this.canvas.setAttribute("aria-label", panel.title);
    this.over = element("canvas", "over");
    this.over.setAttribute("aria-hidden", "true");
    this.badge = element("span", "badge");
    this.stage.append(this.canvas, this.over, this.badge);
    this.figure.append(caption, this.stage);
    this.bar = element("div", "bar");
    this.values = element("output", "values");
    this.values.setAttribute("aria-live", "off");
    if (panel.hasValues) this.figure.append(this.values);
    if (panel.bar !== null) this.figure.append(this.bar);
  }

  resize(width, height, panelWidth, ratio) {
    this.figure.style.width = `${panelWidth}px`;
    for (const canvas of [this.canvas, this.over]) {
      canvas.style.width = `${width}px`;
      canvas.style.height = `${height}px`;
      canvas.width = Math.max(1, Math.round(width * ratio));
      canvas.height = Math.max(1, Math.round(height * ratio));
    }
    this.stage.style.width = `${width}px`;
    this.stage.style.height = `${height}px`;
  }

  // How far what is shown can be trusted; a preview may be of less than the values are.
  setBadge(badge) {
    if (this.badge.textContent === badge) return;
    const { note = "", noteOfPreview = note } = this.panel;
    this.badge.textContent = badge;
    this.notes.textContent = this.notes.title = badge === "preview" ? noteOfPreview : note;
  }

  // Layers are pictures side by side: [{picture, from, to}], from and to shares of the stage's width.
  paint(layers, view) {
    const context = this.canvas.getContext("2d");
    const { width, height } = this.canvas;
    for (const { picture, from, to } of layers) {
      if (!picture) {
        context.clearRect(from * width, 0, (to - from) * width, height);
        continue;
      }
      const scaleX = picture.width / view.width; // pixels of the picture per pixel of the frame
      const scaleY = picture.height / view.height;
      const sourceWidth = picture.width / view.zoom;
      const sourceHeight = picture.height / view.zoom;
      context.imageSmoothingEnabled = !(picture.exact && width >= sourceWidth);
      if (from > 0 || to < 1) {
        context.save();
        context.beginPath();
        context.rect(from * width, 0, (to - from) * width, height);
        context.clip();
      }
      context.drawImage(picture.image, view.x * scaleX, view.y * scaleY, sourceWidth, sourceHeight, 0, 0, width, height);
      if (from > 0 || to < 1) context.restore();
    }
  }

  // The marks: a handle's line, a pinned pixel, a rectangle, the pixel under the pointer.
  mark({ pin, rect, pointer, split }, view) {
    const context = this.over.getContext("2d");
    const { width, height } = this.over;
    context.clearRect(0, 0, width, height);
    const place = (x, y) => [((x - view.x) * view.zoom * width) / view.width, ((y - view.y) * view.zoom * height) / view.height];
    const twice = (draw) => {
      for (const [colour, thick] of [["#000000", 4], ["#ffffff", 2]]) {
        context.strokeStyle = colour; // white in black: seen on any picture
        context.lineWidth = thick;
        context.beginPath();
        draw();
        context.stroke();
      }
    };
    if (rect) {
      const [left, top] = place(rect[0], rect[1]);
      const [right, bottom] = place(rect[0] + rect[2], rect[1] + rect[3]);
      twice(() => context.rect(left, top, right - left, bottom - top));
    }
    if (pin) {
      const [x, y] = place(pin[0] + 0.5, pin[1] + 0.5);
      twice(() => {
        context.arc(x, y, 7, 0, 2 * Math.PI);
        for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
          context.moveTo(x + 4 * dx, y + 4 * dy);
          context.lineTo(x + 12 * dx, y + 12 * dy);
        }
      });
    }
    if (pointer) {
      const [x, y] = place(pointer[0] + 0.5, pointer[1] + 0.5);
      twice(() => {
        for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
          context.moveTo(x + 3 * dx, y + 3 * dy);
          context.lineTo(x + 8 * dx, y + 8 * dy);
        }
      });
    }
    if (split !== undefined) {
      twice(() => {
        context.moveTo(split * width, 0);
        context.lineTo(split * width, height);
      });
    }
  }

  // The pixel of the frame under a pointer event, null outside.
  pixelAt(event, view) {
    const box = this.canvas.getBoundingClientRect();
    const x = view.x + ((event.clientX - box.left) / box.width) * (view.width / view.zoom);
    const y = view.y + ((event.clientY - box.top) / box.height) * (view.height / view.zoom);
    return { x, y, inside: x >= view.x && y >= view.y && x < view.x + view.width / view.zoom && y < view.y + view.height / view.zoom };
  }

  showBar(bar) {
    if (!bar) return this.bar.replaceChildren();
    const gradient = element("div", bar.gradient ? "gradient" : "none");
    gradient.style.background = bar.gradient;
    const ticks = element("div", "ticks");
    for (const [position, label] of bar.ticks) {
      const tick = element("span", position <= 0.05 ? "left" : position >= 0.95 ? "right" : "", label);
      tick.style.left = `${100 * position}%`;
      ticks.append(tick);
    }
    this.clipped = element("div", "clipped");
    this.bar.replaceChildren(gradient, ticks, this.clipped);
    this.spaceTicks();
  }

  // Labels that would run into the one at their right are left out; the last, which has the unit, stays.
  spaceTicks() {
    let free = Infinity;
    for (const tick of [...this.bar.querySelectorAll(".ticks span")].reverse()) {
      tick.style.visibility = "";
      const { left, right } = tick.getBoundingClientRect();
      if (right + TICK_GAP > free) tick.style.visibility = "hidden";
      else free = left;
    }
  }
}

// Sizes that make the panels as large as the room allows: {width, height, panelWidth, note}. A line
// of pixels is stretched until it is seen, which the note says.
function layoutOf(count, available, room, frameWidth, frameHeight, above) {
  let best = null;
  for (let columns = 1; columns <= count; columns++) {
    const panelWidth = (available - GAP * (columns - 1)) / columns;
    if (columns > 1 && panelWidth < NARROWEST_PANEL) break;
    const rows = Math.ceil(count / columns);
    const highest = Math.max(120, room / rows - above);
    const scale = Math.min(panelWidth / frameWidth, highest / frameHeight);
    const worth = scale * (rows === 1 ? ONE_ROW : 1);
    if (!best || worth > best.worth * 1.001) best = { worth, scale, panelWidth };
  }
  const scale = best.scale >= 2 ? Math.floor(best.scale) : best.scale; // whole pixels: an enlarged picture stays even
  const [width, height] = [frameWidth, frameHeight].map((side) => Math.max(THINNEST, side * scale));
  const stretch = width / height / (frameWidth / frameHeight);
  const note = stretch > 1.01 ? "drawn wider than it is" : stretch < 0.99 ? "drawn higher than it is" : "";
  return { width, height, panelWidth: Math.min(best.panelWidth, Math.max(width, NARROWEST_PANEL)), note };
}

const GAP = 16;
const ONE_ROW = 1.7; // all panels at one glance are worth it that each is smaller
const TICK_GAP = 4;
const THINNEST = 40;
const NARROWEST_PANEL = 200; // a thin picture still has room for its title and its legend

function element(tag, name = "", text = "") {
  const made = document.createElement(tag);
  if (name) made.className = name;
  if (text) made.textContent = text;
  return made;
}

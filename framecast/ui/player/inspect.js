// Reading values off the pictures: the pixel under the pointer, the pinned pixel, the rectangle. Nothing here is computed from
// a preview; where the values of a frame are not here yet, it says so.

const ABOUT_A_CLICK = 4; // pixels on the screen that a hand may slip while it clicks

class Inspector {
  constructor(player) {
    this.player = player;
    this.pointer = this.pin = this.rect = null;
    this.tool = "move";
  }

  listen(stage) {
    const { canvas } = stage;
    canvas.onpointermove = (event) => this.moved(stage, event);
    canvas.onpointerleave = () => this.leave();
    canvas.onpointerdown = (event) => this.pressed(stage, event);
    canvas.onpointerup = (event) => this.released(stage, event);
    canvas.onpointercancel = () => (this.drag = null);
    canvas.addEventListener(
      "wheel",
      (event) => {
        if (!event.ctrlKey && !this.player.hasFocus()) return; // else the page could not be scrolled past the pictures
        event.preventDefault();
        const { x, y } = stage.pixelAt(event, this.player.view);
        this.player.zoom(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.002)), x, y);
      },
      { passive: false },
    );
  }

  whole({ x, y }) {
    const { width, height } = this.player.view;
    return [Math.min(width - 1, Math.max(0, Math.floor(x))), Math.min(height - 1, Math.max(0, Math.floor(y)))];
  }

  pressed(stage, event) {
    if (event.button !== 0) return;
    this.player.root.focus({ preventScroll: true });
    stage.canvas.setPointerCapture(event.pointerId);
    const at = stage.pixelAt(event, this.player.view);
    const drawing = this.player.comparing && (event.shiftKey || this.tool === "rectangle");
    this.drag = { drawing, at, clientX: event.clientX, clientY: event.clientY, last: event, far: false };
    event.preventDefault();
  }

  moved(stage, event) {
    const at = stage.pixelAt(event, this.player.view);
    if (this.drag) {
      const { drag } = this;
      drag.far ||= Math.hypot(event.clientX - drag.clientX, event.clientY - drag.clientY) > ABOUT_A_CLICK;
      if (drag.far && drag.drawing) {
        this.rect = between(this.whole(drag.at), this.whole(at));
      } else if (drag.far) {
        const { width, height, zoom } = this.player.view;
        const [across, down] = [width / zoom / stage.canvas.clientWidth, height / zoom / stage.canvas.clientHeight];
        this.player.pan((drag.last.clientX - event.clientX) * across, (drag.last.clientY - event.clientY) * down);
      }
      drag.last = event;
    }
    this.pointer = at.inside ? this.whole(at) : null;
    this.show();
  }

  released(stage, event) {
    const { drag } = this;
    this.drag = null;
    if (!drag || !this.player.comparing) return;
    if (drag.far && drag.drawing) this.setRect(between(this.whole(drag.at), this.whole(stage.pixelAt(event, this.player.view))));
    else if (!drag.far && !drag.drawing) this.setPin(this.whole(drag.at));
  }

  leave() {
    this.pointer = null;
    this.show();
  }

  setPin(pin) {
    const same = pin && this.pin && pin[0] === this.pin[0] && pin[1] === this.pin[1];
    this.pin = same ? null : pin; // a second click takes the pin out
    this.show();
    this.player.reportSoon();
  }

  setRect(rect) {
    this.rect = rect;
    this.show();
    this.player.reportSoon();
  }

  // Marks on every stage, and the values below it.
  show() {
    const { player } = this;
    const pixel = this.pointer ?? this.pin;
    for (const stage of player.visibleStages()) {
      const split = stage.panel.kind === "swipe" ? player.split : undefined;
      stage.mark({ pin: this.pin, rect: this.rect, pointer: this.pointer, split }, player.view);
      if (stage.panel.hasValues) stage.values.textContent = pixel ? this.text(stage.panel, pixel) : "";
    }
    player.showPlace(pixel, this.pin, this.rect);
  }

  text(panel, [x, y]) {
    const { shelf, lead, header } = this.player;
    const index = y * header.width + x;
    if (shelf.mask && !shelf.mask[index]) return "no data";
    const truth = valuesAt(shelf, "truth", lead, index);
    if (!truth) return "preview";
    const names = header.compare.channelNames;
    if (panel.kind === "spread") {
      const spread = lead < 1 ? null : valuesAt(shelf, panel.source, lead, index);
      return lead < 1 ? "" : spread ? exactly(spread[0]) : "preview";
    }
    if (panel.kind === "error" && lead < 1) return ""; // what was observed has none
    if (panel.kind === "truth" || lead < 1) return row(names, truth.map(exactly));
    const forecast = valuesAt(shelf, panel.forecaster, lead, index);
    if (!forecast) return "preview";
    const errors = forecast.map((value, c) => signed(value - truth[c]));
    if (panel.kind === "error") {
      if (this.player.error !== "ssim") return `error ${row(names, errors)}`;
      const map = valuesAt(shelf, `ssim/${this.player.channel}/${panel.forecaster}`, lead, index);
      return map ? (Number.isNaN(map[0]) ? "no window fits here" : `SSIM ${(1 - map[0]).toFixed(4)}`) : "preview";
    }
    const own = row(names, forecast.map(exactly));
    const error = `error ${row(names, errors)}`;
    return panel.kind === "forecast" ? `${own} · ${error}` : `truth ${row(names, truth.map(exactly))} · forecast ${own} · ${error}`;
  }
}

function valuesAt(shelf, source, lead, index) {
  const found = shelf.values.get(`${source}@${lead}`);
  return found ? Array.from(found.array.subarray(index * found.channels, (index + 1) * found.channels)) : null;
}

function row(names, texts) {
  return texts.length === 1 ? texts[0] : texts.map((text, c) => `${names[c]} ${text}`).join(" ");
}

// The shortest decimal that is this value and no other of its type.
function exactly(value) {
  if (Number.isInteger(value)) return String(value);
  for (let digits = 6; digits < 9; digits++) {
    const text = value.toPrecision(digits);
    if (Math.fround(Number(text)) === value) return String(Number(text));
  }
  return String(Number(value.toPrecision(9)));
}

function signed(value) {
  const text = Number.isInteger(value) ? String(Math.abs(value)) : String(Number(Math.abs(value).toPrecision(9)));
  return value > 0 ? `+${text}` : value < 0 ? `−${text}` : "0";
}

// The rectangle [x, y, width, height] with these pixels at its corners, both inside.
function between([x0, y0], [x1, y1]) {
  const [left, top] = [Math.min(x0, x1), Math.min(y0, y1)];
  return [left, top, Math.max(x0, x1) - left + 1, Math.max(y0, y1) - top + 1];
}

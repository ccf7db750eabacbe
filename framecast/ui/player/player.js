// The player: what is shown (lead, mode, look, view), and the way from a change of any of them to the pictures on the screen.
// It tells Python what it shows once it rests; while it plays nothing is asked of the server but frames that never came.

const AHEAD = 8; // frames decoded in advance
const AT_ONCE = 4; // pictures decoded at a time while nothing else is to be done
const REPORT_AFTER_MS = 150;
const ASK_AGAIN_MS = [1500, 10000]; // after so long without a packet, before the first one and after it, what lacks is asked for

const players = new WeakMap();

export default function ({ parentElement, data, setStateValue }) {
  const root = parentElement.querySelector(".player");
  if (!root || !data) return;
  let player = players.get(root);
  if (!player) {
    player = new Player(root);
    players.set(root, player);
  }
  player.send = (view) => setStateValue("view", view);
  player.load(unpack(data));
  return () => {
    player.close();
    players.delete(root);
  };
}

const whenQuiet = window.requestIdleCallback ?? ((work) => setTimeout(work, 50)); // Safari has no such call

function startAgain(player) {
  const shelf = new Shelf();
  return [shelf, new Pictures(shelf, () => player.decoded())];
}

class Player {
  constructor(root) {
    this.root = root;
    this.find = (name) => root.querySelector(name);
    this.life = Math.random().toString(36).slice(2); // tells Python a new player, which has nothing yet, from the old one
    [this.shelf, this.pictures] = startAgain(this);
    this.view = new View();
    this.clock = new Clock(this);
    this.inspector = new Inspector(this);
    this.stages = [];
    Object.assign(this, { lead: 1, mode: "side", error: "signed", channel: "all", history: 0, split: 0.5, solo: null, jump: 0, again: 0 });
    Object.assign(this, { limit: null, percentile: null, window: null, blinkOn: true, tell: false, filling: "", stretched: "" });
    listenTo(this);
    this.arrange = this.arrange.bind(this);
    this.observer = new ResizeObserver(this.arrange);
    this.observer.observe(root);
    document.addEventListener("fullscreenchange", this.arrange);
  }

  get comparing() {
    return Boolean(this.header?.compare);
  }
  get first() {
    return 1 - this.history;
  }
  get last() {
    return this.header.n;
  }

  // ---- what comes from Python

  load(header) {
    const { parts, life, tell, begin, ...what } = header;
    this.tell = Boolean(tell);
    const text = JSON.stringify(what);
    if (life && life !== this.life) this.reportSoon(true); // Python believes that pictures are here which are not
    this.awaitPost();
    if (text === this.loaded) return;
    const begins = !this.header;
    [this.loaded, this.header] = [text, header];
    if (!begins && !header.compare) this.pictures.close(); // another clip: nothing of the last one may be shown
    if (!begins && !header.compare) [this.shelf, this.pictures] = startAgain(this);
    for (const part of parts) this.shelf.put(part);
    Object.assign(this.view, { width: header.width, height: header.height });
    this.root.classList.toggle("compares", this.comparing);
    if (begins) this.begin();
    this.lead = Math.min(this.lead, this.last);
    this.makePanels();
    if (begins) this.viewed();
    this.listenToPost(header.name);
    this.show(this.lead);
  }

  begin() {
    const { compare } = this.header;
    this.find(".speed").value = String(this.header.framesPerSecond);
    this.find(".transport").hidden = this.header.n < 2 && !compare;
    this.find("summary").textContent = compare ? "Scale, history, pixel and keys" : "Keys";
    this.find(".keys").textContent = KEYS_IN_WORDS + (compare ? KEYS_OF_COMPARE : ".");
    if (!compare) return;
    Object.assign(this, { window: compare.window, percentile: compare.percentile, history: compare.history });
    this.luts = { signed: compare.luts.signed, magnitude: compare.luts.magnitude };
    this.words = { signed: words(this.luts.signed), magnitude: words(this.luts.magnitude) };
    this.find(".channel").replaceChildren(...compare.channels.map(([value, name]) => Object.assign(element("option", "", name), { value })));
    this.find(".channels").hidden = compare.channels.length < 2;
    if (this.header.begin) this.beginWith(this.header.begin);
    lookAsBefore(this);
    this.find(".channel").value = this.channel;
    this.find(".history").max = compare.mostHistory;
    this.find(".history").value = this.history;
  }

  // As the player before this one was left; a jump that it made is not made again.
  beginWith({ lead, mode, error, channel, history, jump, pin, rect }) {
    Object.assign(this, { lead, mode, error, channel, history, jump });
    Object.assign(this.inspector, { pin, rect });
  }

  listenToPost(name) {
    const posts = (window.framecastPosts ??= new Map());
    if (!posts.has(name)) posts.set(name, { waiting: [], deliver: null });
    this.post = posts.get(name);
    this.post.deliver = (data) => this.take(unpack(data));
    for (const data of this.post.waiting.splice(0)) this.post.deliver(data);
  }

  take(packet) {
    if (packet.command) this.obey(packet.command);
    for (const part of packet.parts) if (!this.shelf.have.has(part.id)) this.shelf.put(part);
    if (packet.parts.some((part) => part.form === "sample")) this.setLook();
    this.render();
    this.inspector.show();
    this.awaitPost();
  }

  // Python does not send twice what may have been lost on its way: a page that is run again drops what it has not drawn yet.
  awaitPost() {
    clearTimeout(this.awaiting);
    const wait = ASK_AGAIN_MS[this.shelf.have.size ? 1 : 0] * 2 ** this.again;
    this.awaiting = setTimeout(() => {
      if (!this.lacks()) return;
      this.again++;
      this.report(true);
      this.awaitPost();
    }, wait);
  }

  lacks() {
    if (!this.comparing) return false;
    for (let lead = this.first; lead <= this.last; lead++) {
      for (const stage of this.visibleStages()) {
        for (const { request } of this.layers(stage, lead)) if (request && !this.pictures.has(request)) return true;
      }
    }
    return !this.clock.playing && !this.exact;
  }

  obey({ number, lead, mode }) {
    if (number === this.jump) return;
    this.jump = number;
    if (mode && mode !== this.mode) this.setMode(mode);
    this.goTo(lead);
  }

  // ---- what is shown

  goTo(lead) {
    this.stop();
    this.show(Math.max(this.first, Math.min(this.last, lead)));
    this.reportSoon();
  }

  show(lead) {
    this.lead = lead;
    const slider = this.find(".slider");
    const caption = this.caption(lead);
    slider.value = lead;
    const share = this.last > this.first ? (lead - this.first) / (this.last - this.first) : 0;
    slider.style.setProperty("--done", `${100 * share}%`);
    slider.setAttribute("aria-valuetext", caption);
    this.find(".caption").textContent = caption;
    this.root.dataset.lead = lead;
    this.render();
    if (this.inspector.pointer || this.inspector.pin) this.inspector.show();
  }

  caption(lead) {
    if (!this.comparing) return this.header.captions[lead - 1];
    const frame = this.header.compare.origin + lead;
    return lead < 1 ? `Observed · frame ${frame}` : `Lead ${lead} of ${this.last} · frame ${frame}`;
  }

  play() {
    if (this.last <= this.first) return;
    if (this.lead === this.last) this.show(this.first);
    this.root.classList.add("playing");
    this.find(".play").setAttribute("aria-label", "Pause");
    this.clock.start();
  }

  stop() {
    if (!this.clock.playing) return;
    this.clock.stop();
    this.filling = "";
    this.root.classList.remove("playing");
    this.find(".play").setAttribute("aria-label", "Play");
  }

  pause() {
    this.stop();
    this.render();
    this.reportSoon();
  }

  setMode(mode) {
    this.mode = mode;
    this.solo = null;
    this.makePanels();
    this.render();
    this.reportSoon();
  }

  setError(error) {
    this.error = error;
    this.limit = null; // a limit in units means nothing for another kind of error
    this.makePanels();
    this.render();
    this.reportSoon();
  }

  setChannel(channel) {
    this.channel = channel;
    this.makePanels();
    this.render();
    this.inspector.show();
    this.reportSoon();
  }

  setWindow(low, high) {
    if (low !== null && high !== null && low < high) this.window = [low, high];
    this.setLook();
    this.render();
  }

  setLimit(limit) {
    this.limit = limit > 0 ? limit : null;
    this.setLook();
    this.render();
  }

  setPercentile(percent) {
    if (percent >= 1 && percent <= 100) this.percentile = percent;
    this.setLimit(null);
  }

  setHistory(n) {
    this.history = Math.round(Math.min(Math.max(0, n), this.header.compare.mostHistory));
    this.find(".history").value = this.history;
    this.placeSlider();
    this.show(Math.max(this.first, this.lead));
    this.reportSoon();
  }

  setSplit(split) {
    this.split = Math.min(1, Math.max(0, split));
    for (const { handle } of this.stages) placeHandle(handle, this.split);
    this.render();
    this.inspector.show();
  }

  setSolo(index) {
    this.solo = index !== null && index < this.stages.length ? index : null;
    this.arrangedFor = "";
    this.arrange();
  }

  setTool(tool) {
    this.inspector.tool = tool;
    this.find("[data-do=rectangle]").setAttribute("aria-pressed", tool === "rectangle");
    this.root.classList.toggle("drawing", tool === "rectangle");
  }

  zoom(factor, x = this.view.x + this.view.width / this.view.zoom / 2, y = this.view.y + this.view.height / this.view.zoom / 2) {
    this.view.zoomAt(factor, x, y);
    this.viewed();
  }

  pan(dx, dy) {
    this.view.move(dx, dy);
    this.viewed();
  }

  resetZoom() {
    this.view.reset();
    this.viewed();
  }

  viewed() {
    const { zoom, x, y } = this.view;
    this.find(".zoom").textContent = `${Number(zoom.toPrecision(2))}×`;
    this.root.dataset.view = JSON.stringify([zoom, x, y].map((one) => Number(one.toFixed(3))));
    this.root.classList.toggle("zoomed", zoom > 1);
    this.render();
    this.inspector.show();
  }

  hasFocus() {
    const active = this.root.getRootNode().activeElement;
    return Boolean(active && (active === this.root || this.root.contains(active)));
  }

  visibleStages() {
    return this.solo === null ? this.stages : [this.stages[this.solo]];
  }

  // ---- panels and look

  makePanels() {
    const focused = this.hasFocus();
    this.stages = panelsOf(this).map((panel) => new Stage(panel));
    if (this.solo !== null && this.solo >= this.stages.length) this.solo = null;
    for (const stage of this.stages) {
      this.inspector.listen(stage);
      if (stage.panel.kind === "swipe") addHandle(stage, this);
    }
    this.find(".panels").replaceChildren(...this.stages.map((stage) => stage.figure));
    if (focused && !this.hasFocus()) this.root.focus({ preventScroll: true }); // it was on a handle that is gone
    for (const button of this.root.querySelectorAll("[data-mode]")) button.setAttribute("aria-pressed", button.dataset.mode === this.mode);
    this.find(".error").value = this.error;
    this.root.dataset.mode = this.mode;
    clearInterval(this.blinking);
    if (this.mode === "blink") this.blinking = setInterval(() => this.blink(), BLINK_MS);
    this.placeSlider();
    this.setLook();
    this.arrangedFor = "";
    this.arrange();
  }

  blink() {
    this.blinkOn = !this.blinkOn;
    this.render();
  }

  setLook() {
    const { header, error, channel } = this;
    if (!this.comparing) {
      this.pictures.setLook({ error: {} });
      for (const stage of this.stages) if (stage.panel.bar) stage.showBar(stage.panel.bar);
      return;
    }
    const { compare, width, height } = header;
    this.errorLimit = this.limit ?? percentile(errorSizes(this.shelf.samples, compare.forecasters, error, channel), this.percentile);
    this.pictures.setLook({
      width,
      height,
      channel,
      channels: compare.channelNames.length,
      window: this.window,
      drawn: compare.window,
      error: { kind: error, limit: this.errorLimit, lut: error === "signed" ? this.words.signed : this.words.magnitude },
      magnitude: this.words.magnitude,
      spreadLimit: compare.spread?.limit,
    });
    showFields(this);
    for (const stage of this.stages) stage.showBar(barOf(stage.panel, this));
  }

  placeSlider() {
    const slider = this.find(".slider");
    slider.min = this.first;
    slider.max = this.last;
    const mark = this.find(".origin");
    mark.hidden = this.history === 0;
    // Between the last observed frame and lead 1; the thumb's middle runs 7 px inside the track's ends.
    const share = (this.history - 0.5) / Math.max(1, this.last - this.first);
    mark.style.left = `calc(7px + ${share} * (100% - 14px))`;
  }

  arrange() {
    if (!this.header) return;
    const available = this.root.clientWidth - 2 * parseFloat(getComputedStyle(this.root).paddingLeft);
    const full = Boolean(document.fullscreenElement) && this.root.matches(":fullscreen");
    const count = this.visibleStages().length;
    const wanted = `${available} ${full} ${count} ${this.solo} ${window.devicePixelRatio}`;
    if (available <= 0 || wanted === this.arrangedFor) return;
    this.arrangedFor = wanted;
    const above = this.comparing ? 100 : 60;
    const room = full ? window.innerHeight - 150 : Math.max(this.header.room + above, count > 3 ? 0.9 * window.innerHeight : 0);
    const { width, height, panelWidth, note } = layoutOf(count, available, room, this.view.width, this.view.height, above);
    this.stretched = note;
    const ratio = Math.min(2, window.devicePixelRatio || 1);
    for (const stage of this.stages) {
      const shown = this.solo === null || stage === this.stages[this.solo];
      stage.figure.hidden = !shown;
      if (shown) stage.resize(width, height, panelWidth, ratio);
    }
    this.render();
    this.inspector.show();
  }

  // ---- drawing

  layers(stage, lead) {
    return layersOf(stage.panel, lead, this);
  }

  ready(lead) {
    let all = true;
    for (const stage of this.visibleStages()) {
      for (const { request } of this.layers(stage, lead)) if (request && !this.pictures.get(request)) all = false;
    }
    return all;
  }

  render() {
    if (!this.header) return;
    let missing = false;
    for (const stage of this.visibleStages()) {
      const layers = this.layers(stage, this.lead).map((layer) => ({ ...layer, picture: layer.request && this.pictures.get(layer.request) }));
      const there = layers.every(({ request, picture }) => !request || picture);
      if (there) stage.paint(layers, this.view);
      missing ||= !there;
      this.annotate(stage, layers, there);
    }
    if (!missing) this.seen();
    this.missing = missing;
    this.root.dataset.exact = this.exact = !missing && this.restsExact();
    this.showNote(missing);
    for (let step = 1; step <= Math.min(AHEAD, this.last - this.first); step++) this.prepare(this.lead + step);
    this.decodeInQuiet();
  }

  seen() {
    this.root.dataset.shown = this.lead;
    if (!this.tell) return;
    this.tell = false;
    this.report(true); // Python waits for it before it does what takes the machine
  }

  // What was decoded in advance is not on the screen: to draw all again for each would cost as much as to play.
  decoded() {
    if (this.missing) this.render();
    else this.decodeInQuiet();
  }

  restsExact() {
    return this.visibleStages().every((stage) => stage.badge.textContent !== "preview");
  }

  // While nothing else is to be done the film is decoded from here on, so that it plays smoothly from the first frame.
  decodeInQuiet() {
    if (this.inQuiet || this.clock.playing) return;
    this.inQuiet = whenQuiet(() => {
      this.inQuiet = null;
      for (let step = 1; step <= this.last - this.first; step++) {
        if (this.pictures.pending.size >= AT_ONCE || this.pictures.full()) return;
        this.prepare(this.lead + step);
      }
    });
  }

  // The lead that is played in the place of one beyond the last.
  wrapped(lead) {
    return lead > this.last ? this.first + (lead - this.last - 1) : lead;
  }

  prepare(lead) {
    for (const stage of this.visibleStages()) {
      for (const { request } of this.layers(stage, this.wrapped(lead))) if (request && !this.pictures.computable(request)) this.pictures.get(request);
    }
  }

  // Decodes what is played next: whether as many frames as are wanted are there, or as many as there is room for.
  fill(wanted) {
    const requests = (lead) => this.visibleStages().flatMap((stage) => this.layers(stage, lead)).flatMap(({ request }) => request ?? []);
    const span = Math.min(wanted, this.last - this.first, this.pictures.room(requests(this.last).length));
    let there = 0;
    for (let step = 1; step <= span; step++) {
      const lead = this.wrapped(this.lead + step);
      if (this.pictures.pending.size < AT_ONCE) this.prepare(lead);
      there += requests(lead).every((request) => this.pictures.here(request));
    }
    this.filling = there < span ? `loading ${there} of ${span}` : "";
    this.showNote(false);
    return !this.filling;
  }

  annotate(stage, layers, there) {
    const { panel } = stage;
    const inexact = layers.some(({ picture }) => picture && !picture.exact);
    let badge = "";
    if (!there) badge = "loading";
    else if (this.comparing && this.lead < 1 && panel.kind !== "truth") badge = "observed";
    else if (panel.kind === "blink") badge = this.blinkOn ? "forecast" : "truth";
    else if (inexact) badge = "preview";
    stage.setBadge(badge);
    if (this.clock.playing) return; // nobody can read along, and writing text costs time
    stage.canvas.setAttribute("aria-label", wordsOf(panel, this.lead, (lead) => this.caption(lead), this));
    const clipped = Math.max(0, ...layers.map(({ picture }) => picture?.clipped ?? 0));
    if (stage.clipped) stage.clipped.textContent = clipped ? `clipped: ${percentText(clipped)} of the pixels lie beyond the ends` : "";
  }

  showNote(missing) {
    let note = this.filling;
    if (missing && this.comparing) {
      let here = 0;
      for (let lead = 1; lead <= this.last; lead++) here += this.shelf.pictures.has(`truth@${lead}`) || this.shelf.values.has(`truth@${lead}`);
      note = here < this.last ? `${here} of ${this.last} frames have arrived` : "drawing";
    } else if (!this.comparing) {
      note = this.header.note;
    }
    note = [note, this.stretched].filter(Boolean).join(", ");
    const place = this.find(".note");
    if (place.textContent !== note) place.textContent = note;
  }

  showPlace(pixel, pin, rect) {
    this.find(".place").textContent = pixel ? `x ${pixel[0]}, y ${pixel[1]}` : "";
    const fields = [[".pinX", pin?.[0]], [".pinY", pin?.[1]], [".rectX", rect?.[0]], [".rectY", rect?.[1]], [".rectW", rect?.[2]], [".rectH", rect?.[3]]];
    for (const [name, value] of fields) if (!this.find(name).typing) this.find(name).value = value ?? "";
  }

  // ---- what Python is told

  reportSoon(always = false) {
    clearTimeout(this.reporting);
    this.reporting = setTimeout(() => this.report(always), REPORT_AFTER_MS);
  }

  report(always) {
    if (!this.comparing || (this.clock.playing && !always)) return;
    const { life, lead, mode, error, channel, history, jump, again } = this;
    const { pin, rect } = this.inspector;
    const seen = JSON.stringify([lead, mode, error, channel, history, jump, pin, rect]);
    if (!always && seen === this.reported) return;
    this.reported = seen;
    this.send({ life, lead, mode, error, channel, history, jump, pin, rect, again, have: [...this.shelf.have] });
  }

  close() {
    this.clock.stop();
    if (this.comparing) keepLook(this);
    clearTimeout(this.reporting);
    clearTimeout(this.awaiting);
    clearInterval(this.blinking);
    this.observer.disconnect();
    document.removeEventListener("fullscreenchange", this.arrange);
    if (this.post) this.post.deliver = null;
    this.pictures.close();
  }
}

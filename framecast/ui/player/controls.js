// Buttons, fields and keys. Everything that a mouse can do has a key or a field here.

const KEYS = {
  " ": "play", ArrowLeft: "back", ArrowRight: "next", Home: "first", End: "last", "+": "zoomIn", "=": "zoomIn", "-": "zoomOut",
  z: "zoomReset", f: "fullScreen", b: "blink", s: "swipe", d: "difference", Escape: "all", 0: "all",
}; // prettier-ignore
const PAN = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const KEYS_IN_WORDS =
  "Keys, once the player was clicked: space plays, ← → step, Home and End go to the ends, + − zoom, Shift and an arrow moves the " +
  "part that is seen, z shows the whole frame, f is full screen, 1 to 7 show one panel alone and 0 all of them";
const KEYS_OF_COMPARE = ", b blinks, s swipes, d shows the differences. x and y count from 0 at the upper left corner.";

function listenTo(player) {
  const { root, find } = player;
  const act = actions(player);
  for (const button of root.querySelectorAll("button[data-do]")) button.onclick = () => act[button.dataset.do]();
  for (const button of root.querySelectorAll("button[data-mode]")) button.onclick = () => player.setMode(button.dataset.mode);
  for (const button of root.querySelectorAll("button[data-jump]")) button.onclick = () => player.goTo(player.header.compare.marks[button.dataset.jump]);
  const slider = find(".slider");
  slider.oninput = () => {
    player.stop();
    player.show(Number(slider.value));
  };
  slider.onchange = () => player.reportSoon();
  find(".error").onchange = (event) => player.setError(event.target.value);
  find(".channel").onchange = (event) => player.setChannel(event.target.value);
  for (const name of [".low", ".high"]) find(name).onchange = () => player.setWindow(numberIn(find(".low")), numberIn(find(".high")));
  find(".limit").onchange = (event) => player.setLimit(numberIn(event.target));
  find(".percentile").onchange = (event) => player.setPercentile(numberIn(event.target));
  find(".history").onchange = (event) => player.setHistory(numberIn(event.target) ?? 0);
  // What is being typed is left alone until it is done.
  root.addEventListener("input", (event) => (event.target.typing = event.target.type === "number"), true);
  for (const done of ["change", "focusout"]) root.addEventListener(done, (event) => (event.target.typing = false), true);
  root.onkeydown = (event) => pressed(player, act, event);
}

function actions(player) {
  const { inspector, find } = player;
  const toggleMode = (mode) => player.setMode(player.mode === mode ? "side" : mode);
  return {
    first: () => player.goTo(-Infinity),
    back: () => player.goTo(player.lead - 1),
    next: () => player.goTo(player.lead + 1),
    last: () => player.goTo(Infinity),
    play: () => (player.clock.playing ? player.pause() : player.play()),
    zoomIn: () => player.zoom(1.5),
    zoomOut: () => player.zoom(1 / 1.5),
    zoomReset: () => player.resetZoom(),
    fullScreen: () => (document.fullscreenElement ? document.exitFullscreen() : player.root.requestFullscreen()),
    blink: () => toggleMode("blink"),
    swipe: () => toggleMode("swipe"),
    difference: () => toggleMode("difference"),
    all: () => player.setSolo(null),
    rectangle: () => player.setTool(inspector.tool === "rectangle" ? "move" : "rectangle"),
    contrastReset: () => player.setWindow(...player.header.compare.window),
    pinSet: () => {
      const pin = [numberIn(find(".pinX")), numberIn(find(".pinY"))];
      if (!pin.includes(null)) inspector.pin = null;
      if (!pin.includes(null)) inspector.setPin(inspector.whole({ x: pin[0], y: pin[1] }));
    },
    pinClear: () => inspector.setPin(null),
    rectSet: () => {
      const [x, y, width, height] = [".rectX", ".rectY", ".rectW", ".rectH"].map((name) => numberIn(find(name)));
      if ([x, y, width, height].includes(null) || width < 1 || height < 1) return;
      inspector.setRect(between(inspector.whole({ x, y }), inspector.whole({ x: x + width - 1, y: y + height - 1 })));
    },
    rectClear: () => inspector.setRect(null),
  };
}

function pressed(player, act, event) {
  const own = event.composedPath()[0];
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const typing = own.tagName === "SELECT" || (own.tagName === "INPUT" && own.type === "number");
  if (typing) return;
  const name = KEYS[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  const done = () => {
    event.preventDefault();
    event.stopPropagation();
  };
  if (event.shiftKey && PAN[event.key]) {
    const [x, y] = PAN[event.key];
    player.pan((x * player.view.width) / player.view.zoom / 8, (y * player.view.height) / player.view.zoom / 8);
    return done();
  }
  if (/^[1-7]$/.test(event.key)) {
    player.setSolo(player.solo === Number(event.key) - 1 ? null : Number(event.key) - 1);
    return done();
  }
  if (!name || (!player.comparing && ["blink", "swipe", "difference"].includes(name))) return;
  const answersItself = (own.type === "range" && PAN[event.key]) || (own.type === "range" && /Home|End/.test(event.key));
  if (answersItself || (name === "play" && (own.tagName === "BUTTON" || own.tagName === "SUMMARY" || own.type === "checkbox"))) return;
  if (name === "all" && event.key === "Escape" && player.solo === null) return; // leaves full screen, closes dialogs
  act[name]();
  done();
}

function numberIn(field) {
  return field.value === "" || !Number.isFinite(Number(field.value)) ? null : Number(field.value);
}

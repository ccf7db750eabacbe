// How errors and frames are drawn: the one range that all errors share, the colour bars, the fields that change them.

// The sizes of the errors of all forecasters together, at the pixels that were sent for it.
function errorSizes(samples, forecasters, error, channel) {
  const sizes = [];
  const truth = samples.get("truth");
  for (const { name } of forecasters) {
    if (error === "ssim") {
      sizes.push(...(samples.get(`ssim/${channel}/${name}`)?.array ?? []));
      continue;
    }
    const forecast = samples.get(name);
    if (!truth || !forecast) continue;
    const weights = weightsOf(channel, truth.channels);
    let at = 0;
    const difference = (c) => forecast.array[at + c] - truth.array[at + c];
    for (; at < truth.array.length; at += truth.channels) sizes.push(Math.abs(errorOf(error, weights, channel === "all", difference)));
  }
  return sizes;
}

function barOf(panel, player) {
  const { header, error, channel } = player;
  const { compare } = header;
  const units = compare.units ? ` ${compare.units}` : "";
  if (panel.kind === "error") {
    const isSigned = error === "signed";
    const lut = isSigned ? player.luts.signed : player.luts.magnitude;
    const unit = error === "ssim" ? "" : error === "squared" && units ? squareOf(compare.units) : units;
    return scaleBar(lut, player.errorLimit, isSigned, unit, error === "ssim");
  }
  if (panel.kind === "spread") return scaleBar(player.luts.magnitude, compare.spread.limit, false, units, false);
  const colour = channel === "all" && compare.channelNames.length >= 3;
  if (colour) return { gradient: "", ticks: [] };
  const [low, high] = player.window;
  const grey = Array.from({ length: 256 }, (_, i) => [i, i, i]);
  return { gradient: gradientOf(grey), ticks: [[0, brief(low)], [0.5, brief(middleOf(low, high))], [1, brief(high) + units]] };
}

// Of -299.99 and 300 it is 0.
function middleOf(low, high) {
  const middle = (low + high) / 2;
  return Math.abs(middle) < (high - low) / 1000 ? 0 : middle;
}

// Of m/s it is no acceleration.
function squareOf(units) {
  return /^\p{L}+$/u.test(units) ? ` ${units}²` : ` (${units})²`;
}

function scaleBar(lut, limit, isSigned, unit, isSsim) {
  let marks = roundTicks(limit, isSigned);
  let labels = marks.map((mark) => (isSsim ? brief(1 - mark) : `${isSigned && mark > 0 ? "+" : ""}${brief(mark)}`));
  if (Math.max(...labels.map((label) => label.length)) > 5) {
    const begin = isSigned ? ((marks.length - 1) / 2) % 2 : 0; // long numbers would run into each other; zero stays
    [marks, labels] = [marks, labels].map((list) => list.filter((_, i) => i % 2 === begin));
  }
  labels[labels.length - 1] += unit;
  return { gradient: gradientOf(lut), ticks: marks.map((mark, i) => [isSigned ? (mark / limit + 1) / 2 : mark / limit, labels[i]]) };
}

function showFields(player) {
  const { find } = player;
  const shown = [[".low", player.window[0]], [".high", player.window[1]], [".limit", Number(player.errorLimit.toPrecision(4))], [".percentile", player.percentile]];
  for (const [name, value] of shown) if (!find(name).typing) find(name).value = value;
  find(".channel").value = player.channel;
}

// What a person set of it is kept for as long as the page is open: a player that is left and come back to looks as it did.
function keepLook({ header, error, window: range, limit, percentile, view: { zoom, x, y } }) {
  const looks = (window.framecastLooks ??= new Map());
  const isUsual = range.join() === header.compare.window.join();
  looks.set(header.name, { error, range: isUsual ? null : range, limit, percentile, zoom, x, y });
}

function lookAsBefore(player) {
  const kept = window.framecastLooks?.get(player.header.name);
  if (!kept) return;
  Object.assign(player, { percentile: kept.percentile, window: kept.range ?? player.window });
  if (kept.error === player.error) player.limit = kept.limit;
  Object.assign(player.view, { zoom: kept.zoom, x: kept.x, y: kept.y });
}

function brief(value) {
  return String(Number(value.toPrecision(4)));
}

function percentText(share) {
  return share < 0.001 ? "less than 0.1 %" : `${(100 * share).toFixed(1)} %`;
}

// The handle of a swipe: dragged, or moved with the arrow keys.
function addHandle(stage, player) {
  const handle = element("div", "handle");
  Object.assign(handle, { tabIndex: 0, role: "slider", ariaLabel: "Border between truth and forecast", ariaValueMin: "0", ariaValueMax: "100" });
  stage.handle = handle;
  handle.onpointerdown = (event) => {
    handle.setPointerCapture(event.pointerId);
    event.stopPropagation();
  };
  handle.onpointermove = (event) => {
    if (!handle.hasPointerCapture(event.pointerId)) return;
    const box = stage.canvas.getBoundingClientRect();
    player.setSplit((event.clientX - box.left) / box.width);
  };
  handle.onkeydown = (event) => {
    const to = { ArrowLeft: player.split - 0.02, ArrowRight: player.split + 0.02, Home: 0, End: 1 }[event.key];
    if (to === undefined || event.shiftKey) return;
    event.preventDefault();
    event.stopPropagation();
    player.setSplit(to);
  };
  stage.stage.append(handle);
  placeHandle(handle, player.split);
}

function placeHandle(handle, split) {
  if (!handle) return;
  handle.style.left = `${100 * split}%`;
  handle.ariaValueNow = String(Math.round(100 * split));
}

// Values to colours. A preview holds 8 bits a channel and goes through tables; a frame whose values are here is computed from
// them, pixel by pixel, so that what stands still is exact.

const LUMINANCE = [0.299, 0.587, 0.114]; // as MATLAB's rgb2gray
const NO_DATA = 0xff0078a5; // MASKED of drawing/colours.py, alpha first, then blue, green, red
const LEVELS = 1024;

// The colours of a map as words of four bytes, red first in memory.
function words(lut) {
  return Uint32Array.from(lut, ([red, green, blue]) => (255 << 24) | (blue << 16) | (green << 8) | red);
}

const GREY = words(Array.from({ length: 256 }, (_, i) => [i, i, i]));

// Which share each channel has in what is shown: of all channels the mean.
function weightsOf(channel, channels) {
  if (channel === "luminance") return LUMINANCE;
  if (channel === "all") return Array.from({ length: channels }, () => 1 / channels);
  return Array.from({ length: channels }, (_, i) => (i === Number(channel) ? 1 : 0));
}

// The signed, absolute or squared error of one pixel. "all" averages what each channel has; luminance is a channel of its own.
function errorOf(kind, weights, each, difference) {
  if (kind === "signed" || !each) {
    let sum = 0;
    for (let c = 0; c < weights.length; c++) sum += weights[c] * difference(c);
    return kind === "signed" ? sum : kind === "absolute" ? Math.abs(sum) : sum * sum;
  }
  let sum = 0;
  for (let c = 0; c < weights.length; c++) {
    const one = difference(c);
    sum += weights[c] * (kind === "absolute" ? Math.abs(one) : one * one);
  }
  return sum;
}

function colourIndex(value, limit, signed) {
  const place = signed ? (value / limit + 1) * 127.5 : (value / limit) * 255;
  return place <= 0 ? 0 : place >= 255 ? 255 : Math.round(place);
}

// ---- from exact values: pixels (n) of channels -> words, and how many pixels lie beyond the ends of the scale

function frameFromValues({ array, channels }, mask, channel, [low, high], out) {
  const factor = 255 / (high - low);
  const shade = (value) => {
    const level = (value - low) * factor;
    return level <= 0 ? 0 : level >= 255 ? 255 : Math.round(level);
  };
  const colour = channel === "all" && channels >= 3;
  const weights = channel === "all" ? [1] : weightsOf(channel, channels);
  let clipped = 0;
  for (let i = 0, at = 0; i < out.length; i++, at += channels) {
    if (mask && !mask[i]) {
      out[i] = NO_DATA;
    } else if (colour) {
      const red = array[at];
      const green = array[at + 1];
      const blue = array[at + 2];
      if (red < low || green < low || blue < low || red > high || green > high || blue > high) clipped++;
      out[i] = (255 << 24) | (shade(blue) << 16) | (shade(green) << 8) | shade(red);
    } else {
      let value = 0;
      for (let c = 0; c < weights.length; c++) value += weights[c] * array[at + c];
      if (value < low - 1e-6 || value > high + 1e-6) clipped++;
      out[i] = GREY[shade(value)];
    }
  }
  return clipped;
}

function errorFromValues(forecast, truth, mask, { kind, channel, limit, lut }, out) {
  const channels = truth.channels;
  const weights = weightsOf(channel, channels);
  const each = channel === "all";
  const signed = kind === "signed";
  let at = 0;
  const difference = (c) => forecast.array[at + c] - truth.array[at + c];
  let clipped = 0;
  for (let i = 0; i < out.length; i++, at += channels) {
    if (mask && !mask[i]) {
      out[i] = NO_DATA;
      continue;
    }
    const value = errorOf(kind, weights, each, difference);
    if (Math.abs(value) > limit) clipped++;
    out[i] = lut[colourIndex(value, limit, signed)];
  }
  return clipped;
}

function mapFromValues({ array }, mask, { limit, lut }, out) {
  let clipped = 0;
  for (let i = 0; i < out.length; i++) {
    const value = array[i];
    if ((mask && !mask[i]) || Number.isNaN(value)) {
      out[i] = NO_DATA;
      continue;
    }
    if (value > limit) clipped++;
    out[i] = lut[colourIndex(value, limit, false)];
  }
  return clipped;
}

// ---- from previews: three tables of weights are added up and one table gives the colour, so that a film need not compute.
// A preview has the first three channels: of a fourth nothing is seen until the values are here.

// Frames: null where the preview can be drawn as it came.
function frameTables(channels, channel, [low, high], [drawnLow, drawnHigh]) {
  if (channel === "all" && channels !== 2 && low === drawnLow && high === drawnHigh) return null;
  const shade = (level) => {
    const value = drawnLow + (level / 255) * (drawnHigh - drawnLow);
    return Math.min(255, Math.max(0, Math.round(((value - low) / (high - low)) * 255)));
  };
  if (channel === "all" && channels !== 2) return { each: Uint8Array.from({ length: 256 }, (_, i) => shade(i)) };
  const weights = channel === "all" ? [1, 0, 0] : [...weightsOf(channel, Math.min(channels, 3)), 0, 0].slice(0, 3);
  return {
    parts: weights.map((weight) => Float32Array.from({ length: 256 }, (_, i) => weight * (i / 255) * (LEVELS - 1))),
    colours: Uint32Array.from({ length: LEVELS }, (_, i) => GREY[shade((i / (LEVELS - 1)) * 255)]),
    beyond: new Uint8Array(LEVELS),
  };
}

// Errors: level 128 is zero, 1 and 255 are -scale and +scale.
function errorTables(channels, scale, { kind, channel, limit, lut }) {
  const weights = weightsOf(channel, Math.min(channels, 3));
  const padded = channels === 1 ? [1, 0, 0] : [...weights, 0, 0].slice(0, 3);
  const middle = (LEVELS - 1) / 2;
  const separate = channel === "all" && kind !== "signed" && channels > 1;
  const share = (level) => (level - 128) / 127;
  const part = (weight) => (_, i) => {
    if (!separate) return weight * share(i) * middle;
    const size = Math.min(1, Math.abs(share(i)));
    return weight * (kind === "squared" ? size * size : size) * (LEVELS - 1);
  };
  const parts = padded.map((weight) => Float32Array.from({ length: 256 }, part(weight)));
  if (!separate) parts[0] = parts[0].map((one) => one + middle + 0.5);
  const value = (i) => {
    if (separate) return (i / (LEVELS - 1)) * (kind === "squared" ? scale * scale : scale);
    const signed = (i / middle - 1) * scale;
    return kind === "signed" ? signed : kind === "absolute" ? Math.abs(signed) : signed * signed;
  };
  return colourTables(parts, value, limit, kind === "signed", lut);
}

// Maps of one plane: level 0 is zero, 255 is the scale.
function mapTables(scale, { limit, lut }) {
  const parts = [1, 0, 0].map((weight) => Float32Array.from({ length: 256 }, (_, i) => weight * (i / 255) * (LEVELS - 1)));
  return colourTables(parts, (i) => (i / (LEVELS - 1)) * scale, limit, false, lut);
}

function colourTables(parts, value, limit, signed, lut) {
  return {
    parts,
    colours: Uint32Array.from({ length: LEVELS }, (_, i) => lut[colourIndex(value(i), limit, signed)]),
    beyond: Uint8Array.from({ length: LEVELS }, (_, i) => (Math.abs(value(i)) > limit ? 1 : 0)),
  };
}

// Recolours RGBA pixels in place. `mask` is of the native size, the picture may be smaller.
function recolour(image, tables, mask, nativeWidth, nativeHeight) {
  const { data, width, height } = image;
  const out = new Uint32Array(data.buffer);
  let clipped = 0;
  if (tables.each) {
    for (let i = 0; i < data.length; i += 4) {
      data[i] = tables.each[data[i]];
      data[i + 1] = tables.each[data[i + 1]];
      data[i + 2] = tables.each[data[i + 2]];
    }
  } else {
    const { parts, colours, beyond } = tables;
    const [first, second, third] = parts;
    for (let i = 0, at = 0; i < out.length; i++, at += 4) {
      let level = (first[data[at]] + second[data[at + 1]] + third[data[at + 2]]) | 0;
      level = level < 0 ? 0 : level >= LEVELS ? LEVELS - 1 : level;
      clipped += beyond[level];
      out[i] = colours[level];
    }
  }
  if (mask) {
    for (let y = 0, i = 0; y < height; y++) {
      const row = Math.floor(((y + 0.5) / height) * nativeHeight) * nativeWidth;
      for (let x = 0; x < width; x++, i++) {
        if (!mask[row + Math.floor(((x + 0.5) / width) * nativeWidth)]) out[i] = NO_DATA;
      }
    }
  }
  return clipped;
}

// ---- scales

// The percentile of the sizes, never 0: where most errors are 0 it is the largest one, and 1 where all are.
function percentile(sizes, percent) {
  const sorted = Float64Array.from(sizes).filter(Number.isFinite).sort();
  if (!sorted.length) return 1;
  const place = (percent / 100) * (sorted.length - 1);
  const below = Math.floor(place);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below] + (place - below) * (sorted[above] - sorted[below]) || sorted[sorted.length - 1] || 1;
}

function roundTicks(limit, signed) {
  const power = 10 ** Math.floor(Math.log10(limit));
  const step = [0.2, 0.25, 0.5, 1, 2, 2.5].map((part) => part * power).find((one) => limit / one < 5 - 1e-9);
  const positive = [];
  for (let i = 1; i * step <= limit * (1 + 1e-9); i++) positive.push(Number((i * step).toPrecision(12)));
  return [...(signed ? positive.map((one) => -one).reverse() : []), 0, ...positive];
}

function gradientOf(lut, reversed) {
  const stops = Array.from({ length: 17 }, (_, i) => lut[Math.round((i * 255) / 16)]).map((colour) => `rgb(${colour})`);
  return `linear-gradient(to right, ${(reversed ? stops.reverse() : stops).join(", ")})`;
}

// Requests for pictures, answered from a cache. A request names what is to be drawn: {as, source, lead}, `as` being "plain" (a
// picture as it came), "frame", "error" or "map". Where the values are here the answer is exact and at once; else a preview is
// decoded, which takes a moment, and `changed` is called when it is there.

const KEPT_PIXELS = 80e6; // about 320 MB of decoded pictures: 50 leads of three panels and the observed frames before them

class Pictures {
  constructor(shelf, changed) {
    this.shelf = shelf;
    this.changed = changed;
    this.kept = new Map(); // key -> picture, oldest use first
    this.pending = new Set();
    this.pixels = 0;
    this.closed = false;
  }

  // `look` says how frames and errors are to be shown; pictures of another look stay until they are crowded out.
  setLook(look) {
    this.look = look;
    this.signature = {
      plain: "",
      frame: `${look.channel}|${look.window}`,
      error: `${look.error.kind}|${look.channel}|${look.error.limit}`,
      map: `${look.error.kind}|${look.error.limit}|${look.spreadLimit}`,
    };
    this.tables = new Map();
  }

  get(request) {
    const name = nameOf(request);
    const key = this.keyOf(request);
    const known = this.kept.get(key);
    if (known && (known.exact || !this.computable(request))) {
      this.kept.delete(key); // put it back as the one used last
      this.kept.set(key, known);
      return known;
    }
    if (this.computable(request)) return this.keep(key, this.compute(request));
    if (!this.pending.has(key) && this.shelf.pictures.has(name)) this.decode(request, name, key);
    return known ?? null;
  }

  // Whether it has arrived, decoded or not.
  has(request) {
    return this.shelf.pictures.has(nameOf(request)) || this.computable(request);
  }

  // Whether it can be drawn at once.
  here(request) {
    return this.kept.has(this.keyOf(request)) || this.computable(request);
  }

  // How many leads of so many pictures can be kept decoded, at the size of those that are.
  room(picturesOfLead) {
    return Math.floor((0.9 * KEPT_PIXELS * this.kept.size) / Math.max(1, this.pixels * picturesOfLead));
  }

  keyOf(request) {
    return `${request.as}|${nameOf(request)}|${this.signature[request.as]}`;
  }

  computable({ as, source, lead }) {
    if (as === "plain") return false;
    const { values } = this.shelf;
    return values.has(`${source}@${lead}`) && (as !== "error" || values.has(`truth@${lead}`));
  }

  compute({ as, source, lead }) {
    const { width, height, channel, window, error } = this.look;
    const image = new ImageData(width, height);
    const out = new Uint32Array(image.data.buffer);
    const values = this.shelf.values.get(`${source}@${lead}`);
    const { mask } = this.shelf;
    let clipped;
    if (as === "frame") clipped = frameFromValues(values, mask, channel, window, out);
    else if (as === "error") clipped = errorFromValues(values, this.shelf.values.get(`truth@${lead}`), mask, { ...error, channel }, out);
    else clipped = mapFromValues(values, mask, this.mapScale(source), out);
    return { image: canvasOf(image), width, height, exact: true, clipped: clipped / (out.length * this.shelf.validShare) };
  }

  mapScale(source) {
    const { error, spreadLimit, magnitude } = this.look;
    return source.startsWith("spread/") ? { limit: spreadLimit, lut: magnitude } : { limit: error.limit, lut: magnitude };
  }

  async decode(request, name, key) {
    this.pending.add(key);
    const { blob, scale } = this.shelf.pictures.get(name);
    const tables = this.tablesFor(request, scale); // before anything is waited for: the look may change meanwhile
    try {
      const bitmap = await createImageBitmap(blob);
      if (this.closed) return bitmap.close();
      const { width, height } = bitmap;
      let [image, clipped] = [bitmap, 0];
      if (tables) {
        const pixels = pixelsOf(bitmap);
        bitmap.close();
        const beyond = recolour(pixels, tables, this.shelf.mask, this.look.width, this.look.height);
        clipped = beyond / (width * height * this.shelf.validShare);
        image = canvasOf(pixels);
      }
      const exact = request.as === "plain" && blob.type === "image/png";
      if (!this.kept.get(key)?.exact) this.keep(key, { image, width, height, exact, clipped });
    } catch (error) {
      console.warn(`A picture could not be decoded (${name}): ${error}`);
      this.shelf.pictures.delete(name);
    } finally {
      this.pending.delete(key);
    }
    this.changed();
  }

  tablesFor({ as, source }, scale) {
    if (as === "plain") return null;
    const { channels, channel, window, drawn, error } = this.look;
    const key = `${as}|${as === "map" ? source : ""}|${scale}`;
    if (!this.tables.has(key)) {
      let tables;
      if (as === "frame") tables = frameTables(channels, channel, window, drawn);
      else if (as === "error") tables = errorTables(channels, scale, { ...error, channel });
      else tables = mapTables(scale, this.mapScale(source));
      this.tables.set(key, tables);
    }
    return this.tables.get(key);
  }

  keep(key, picture) {
    this.drop(key);
    this.kept.set(key, picture);
    this.pixels += picture.width * picture.height;
    for (const oldest of this.kept.keys()) {
      if (this.pixels <= KEPT_PIXELS || this.kept.size <= 12) break;
      this.drop(oldest);
    }
    return picture;
  }

  full() {
    return this.pixels > 0.95 * KEPT_PIXELS;
  }

  drop(key) {
    const picture = this.kept.get(key);
    if (!picture) return;
    this.kept.delete(key);
    this.pixels -= picture.width * picture.height;
    if (picture.image.close) picture.image.close();
  }

  close() {
    this.closed = true;
    for (const key of [...this.kept.keys()]) this.drop(key);
  }
}

// What an error's preview shows is not to be had from the previews of frames: it has a source of its own.
function nameOf({ as, source, lead }) {
  return `${as === "error" ? "error/" : ""}${source}@${lead}`;
}

let scratch = null; // one canvas to read pixels from, kept in main memory

function pixelsOf(bitmap) {
  scratch ??= new OffscreenCanvas(1, 1);
  if (scratch.width !== bitmap.width || scratch.height !== bitmap.height) {
    scratch = new OffscreenCanvas(bitmap.width, bitmap.height);
  }
  const context = scratch.getContext("2d", { willReadFrequently: true });
  context.drawImage(bitmap, 0, 0);
  return context.getImageData(0, 0, bitmap.width, bitmap.height);
}

function canvasOf(image) {
  const canvas = new OffscreenCanvas(image.width, image.height);
  canvas.getContext("2d").putImageData(image, 0, 0);
  return canvas;
}

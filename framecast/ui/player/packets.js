// What has arrived from Python, by source and lead. See packing.py for the layout of a packet.

const PASSING_BYTES = 96e6; // values of frames that were paused on are kept up to this, the oldest go first

function unpack(data) {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const length = view.getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(data.subarray(4, 4 + length)));
  let position = 4 + length;
  for (const part of header.parts) {
    part.frames = part.sizes.map((size) => data.subarray(position, (position += size)));
  }
  return header;
}

const ARRAYS = { uint8: Uint8Array, uint16: Uint16Array, float32: Float32Array };

class Shelf {
  constructor() {
    this.have = new Set(); // ids of packets, so that Python need not send them again
    this.pictures = new Map(); // "source@lead" -> {blob, part}
    this.values = new Map(); // "source@lead" -> {array, channels}
    this.samples = new Map(); // source -> {array, channels}: errors are ranked by these few pixels
    this.passing = []; // keys of values that may be dropped, oldest first
    this.mask = null;
    this.validShare = 1; // of the pixels of a frame, those that carry data
  }

  put(part) {
    if (part.id) this.have.add(part.id);
    if (part.form === "mask") {
      this.mask = unpackBits(part.frames[0], part.width * part.height);
      this.validShare = this.mask.reduce((sum, one) => sum + one, 0) / this.mask.length || 1;
    } else if (part.form === "sample") {
      const [before, more] = [this.samples.get(part.source)?.array ?? [], typed(part.frames[0], part.dtype)];
      const array = new Float32Array(before.length + more.length);
      array.set(before);
      array.set(more, before.length);
      this.samples.set(part.source, { array, channels: part.channels });
    } else {
      part.frames.forEach((bytes, i) => this.putFrame(part, bytes, `${part.source}@${part.first + i}`, i));
    }
    delete part.frames; // lets go of the message it came in
  }

  putFrame(part, bytes, key, i) {
    if (part.form === "pictures") {
      const scale = part.scales ? part.scales[i] : 1;
      this.pictures.set(key, { blob: new Blob([bytes], { type: part.mime }), scale });
    } else if (!this.values.has(key)) {
      this.values.set(key, { array: typed(bytes, part.dtype), channels: part.channels });
      if (part.passing) this.passing.push(key);
      this.thin();
    }
  }

  thin() {
    let total = this.passing.reduce((sum, key) => sum + this.values.get(key).array.byteLength, 0);
    while (total > PASSING_BYTES && this.passing.length > 6) {
      const key = this.passing.shift();
      total -= this.values.get(key).array.byteLength;
      this.values.delete(key);
    }
  }
}

function typed(bytes, dtype) {
  return new ARRAYS[dtype](bytes.slice().buffer); // a copy: the message may not be aligned to the item size
}

function unpackBits(bytes, n) {
  const bits = new Uint8Array(n);
  for (let i = 0; i < n; i++) bits[i] = (bytes[i >> 3] >> (7 - (i & 7))) & 1;
  return bits;
}

// What the modes show: which panels there are, and which pictures each of them is made of at a lead.

const MODES = { side: "Side by side", swipe: "Swipe", blink: "Blink", difference: "Difference" };
const BLINK_MS = 500;

// The panels of a mode, from the header. A panel has a `kind` and, where it belongs to one, a forecaster.
function panelsOf({ header, mode, error, channel }) {
  if (!header.compare) return header.sources.map((source) => ({ ...source, kind: "plain", bar: source.bar ?? null }));
  const { forecasters, spread } = header.compare;
  // A preview has three channels: of the fourth it says where it is to be seen.
  const inPreview = channel === "3" ? { noteOfPreview: "channel 4 is drawn when you pause" } : {};
  const truth = { kind: "truth", title: "Truth", note: truthNote(header.compare, channel), hasValues: true, ...inPreview };
  const made = (kind, forecaster, more = {}) => ({
    kind,
    forecaster: forecaster.name,
    title: forecaster.title,
    note: forecaster.note,
    colour: forecaster.colour,
    hasValues: true,
    ...inPreview,
    ...more,
  });
  if (mode === "swipe") return forecasters.map((one) => made("swipe", one, { title: `Truth | ${one.title}` }));
  if (mode === "blink") return forecasters.map((one) => made("blink", one, { title: `Truth ↔ ${one.title}` }));
  const nChannels = header.compare.channelNames.length;
  const mean = channel === "all" && nChannels > 1 ? ", mean of channels" : "";
  const meanOfPreview = mean && nChannels > 3 ? ", mean of the first three channels" : mean;
  const noteOf = (mean) =>
    ({ signed: `forecast minus truth${mean}`, absolute: `its size${mean}`, squared: `squared${mean}`, ssim: "1 where alike" })[error];
  const errorPanel = (one, title) => made("error", one, { title, note: noteOf(mean), noteOfPreview: noteOf(meanOfPreview), ...inPreview });
  const called = error === "ssim" ? "SSIM map" : "Error";
  if (mode === "difference") return forecasters.map((one) => errorPanel(one, `${called} of ${one.title}`));
  const [main, ...others] = forecasters;
  const panels = [truth, made("forecast", main), errorPanel(main, others.length ? `${called} of ${main.title}` : called)];
  if (spread) panels.push({ kind: "spread", hasValues: true, source: spread.source, title: "Spread", note: spread.note });
  return [...panels, ...others.map((one) => made("forecast", one))];
}

// Which channels are drawn where not all are.
function truthNote({ truthNote, channels }, channel) {
  const alone = channels.length > 1 && channel !== "all" && channels.find(([value]) => value === channel);
  if (!alone) return truthNote;
  return channel === "luminance" ? "luminance" : `channel ${alone[1]}`;
}

// The layers of a panel: [{request, from, to}]. A request of null is a panel of no error: the frame was observed.
function layersOf(panel, lead, { error, channel, split, blinkOn }) {
  const whole = (request) => [{ request, from: 0, to: 1 }];
  const observed = lead < 1;
  const truth = { as: "frame", source: "truth", lead };
  const forecast = observed ? truth : { as: "frame", source: panel.forecaster, lead };
  switch (panel.kind) {
    case "plain":
      return whole({ as: "plain", source: panel.source, lead });
    case "truth":
      return whole(truth);
    case "forecast":
      return whole(forecast);
    case "blink":
      return whole(blinkOn ? forecast : truth);
    case "swipe":
      return [{ request: truth, from: 0, to: split }, { request: forecast, from: split, to: 1 }];
    case "spread":
      return whole(observed ? null : { as: "map", source: panel.source, lead });
    case "error":
      if (observed) return whole(null);
      if (error === "ssim") return whole({ as: "map", source: `ssim/${channel}/${panel.forecaster}`, lead });
      // The values of the forecast where they are here, else the preview of its errors.
      return whole({ as: "error", source: panel.forecaster, lead });
  }
}

// What a panel shows, in words for those who cannot see it, and in short on its badge.
function wordsOf(panel, lead, captions, { error, blinkOn }) {
  const at = captions(lead);
  if (panel.kind === "plain" || panel.kind === "truth") return `${panel.title}, ${at}`;
  if (lead < 1) return `${panel.title}: observed, no forecast yet, ${at}`;
  if (panel.kind === "blink") return `${panel.title}: now ${blinkOn ? "the forecast" : "the truth"}, ${at}`;
  if (panel.kind === "swipe") return `${panel.title}: truth left of the handle, forecast right of it, ${at}`;
  if (panel.kind === "error") return `${panel.title} (${error === "ssim" ? "SSIM map" : error}), ${at}`;
  return `${panel.title}, ${at}`;
}

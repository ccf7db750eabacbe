// Takes a packet to its player. Packets are components of their own, so that what was sent once is never part of a later
// message, and they may come before the player does: then they wait for it.

export default function ({ data }) {
  if (!data) return;
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const { to } = JSON.parse(new TextDecoder().decode(data.subarray(4, 4 + view.getUint32(0, true))));
  const posts = (window.framecastPosts ??= new Map());
  if (!posts.has(to)) posts.set(to, { waiting: [], deliver: null });
  const post = posts.get(to);
  if (post.deliver) post.deliver(data);
  else post.waiting.push(data);
}

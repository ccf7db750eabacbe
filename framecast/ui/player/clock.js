// The clock of a player: it shows one frame after the other, and waits for pictures rather than tearing them. It starts once a
// second of frames is decoded, so that what is played is played at its speed.

const FILL_AT_MOST_MS = 5000; // then it plays what there is

class Clock {
  constructor(player) {
    this.player = player;
    this.playing = false;
    this.shown = 0; // frames shown since it was started, for whoever measures
    this.tick = this.tick.bind(this);
  }

  start() {
    this.playing = true;
    this.owed = 0;
    this.fillUntil = performance.now() + FILL_AT_MOST_MS;
    this.last = performance.now();
    this.timer = requestAnimationFrame(this.tick);
  }

  stop() {
    this.playing = false;
    cancelAnimationFrame(this.timer);
  }

  tick(now) {
    if (!this.playing) return;
    const { player } = this;
    const perSecond = Number(player.find(".speed").value);
    const interval = 1000 / perSecond;
    if (this.fillUntil && now < this.fillUntil && !player.fill(perSecond)) {
      this.last = now;
      this.timer = requestAnimationFrame(this.tick);
      return;
    }
    this.fillUntil = 0;
    this.owed += Math.min(now - this.last, 500); // time is added up: 60 Hz screens do not divide every speed
    this.last = now;
    if (this.owed >= interval - 0.5) {
      let next = player.lead + 1;
      if (next > player.last) {
        if (!player.find(".loop").checked) return player.pause();
        next = player.first;
      }
      if (player.ready(next)) {
        this.owed = Math.min(this.owed - interval, interval);
        this.shown++;
        player.show(next);
      }
    }
    this.timer = requestAnimationFrame(this.tick);
  }
}

// Looks whether the checkout has moved on, and shows the page anew when it has: ever more slowly, only while
// somebody sees the page, and not for ever.
const watch = (() => {
  "use strict";
  const state = document.querySelector("main").dataset;
  const note = document.querySelector("#connection");
  const lookAgain = document.querySelector("#look");
  const FIRST_PAUSE_MS = 1000;
  const LONGEST_PAUSE_MS = 15000;
  const GROWTH = 1.25;
  const MOST_LOOKS = 300;
  const PATIENCE_MS = 8000;
  let watching = state.watch === "always";
  let asking = false;
  let timer = 0;
  let pause = FIRST_PAUSE_MS;
  let looks = 0;

  const say = (text) => { if (note && note.textContent !== text) note.textContent = text; };

  const ask = async () => {
    const answer = await fetch(state.standing, { cache: "no-store", signal: AbortSignal.timeout(PATIENCE_MS) });
    if (!answer.ok) return { moved: false, ok: false, retryMs: 1000 * Number(answer.headers.get("retry-after")) || 0 };
    const standing = await answer.json();
    return { moved: String(standing.revision) !== state.revision, ok: true, retryMs: 0 };
  };

  const next = (least) => {
    looks += 1;
    if (looks >= MOST_LOOKS) {
      watching = false;
      say(state.stopped);
      lookAgain.hidden = false;
      return;
    }
    timer = setTimeout(look, Math.max(pause, least));
    pause = Math.min(pause * GROWTH, LONGEST_PAUSE_MS);
  };

  const look = async () => {
    clearTimeout(timer);
    if (asking || document.hidden) return;
    asking = true;
    const answer = await ask().catch(() => ({ moved: false, ok: false, retryMs: 0 }));
    asking = false;
    if (answer.moved) {
      location.reload();
      return;
    }
    if (!watching) return;
    say(answer.ok ? "" : state.offline);
    next(answer.retryMs);
  };

  const lookAfresh = () => {
    pause = FIRST_PAUSE_MS;
    looks = 0;
    look();
  };

  if (state.watch) {
    document.addEventListener("visibilitychange", lookAfresh);
    window.addEventListener("online", lookAfresh);
    window.addEventListener("focus", lookAfresh);
  }
  if (lookAgain) lookAgain.addEventListener("click", () => location.reload());
  if (watching) timer = setTimeout(look, pause);

  return {
    // From now on until it has moved on.
    always: () => { watching = true; lookAfresh(); },
    // Whether it has moved on since the page was made; false where nobody can say.
    hasMovedOn: () => ask().then((answer) => answer.moved, () => false),
  };
})();

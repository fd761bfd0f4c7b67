// The page works without this script; with it, it is live. The server renders everything: a change is
// told by the event stream, the page is fetched again, and the parts that differ are put in place.
"use strict";

const body = document.body;
const base = body.dataset.base;
const byId = (id) => document.getElementById(id);

// --- times, in the reader's own zone ---------------------------------------------------------------

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const whole = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });

function localTimes(root) {
  for (const time of root.querySelectorAll("time[datetime]")) {
    const date = new Date(time.dateTime);
    if (!Number.isNaN(date.getTime())) {
      time.textContent = clock.format(date);
      time.title = whole.format(date);
    }
  }
}

// --- keeping the page as the server has it -----------------------------------------------------------

const thread = () => byId("thread");
const atEnd = (box) => box.scrollHeight - box.scrollTop - box.clientHeight < 80;

function toEnd() {
  const box = thread();
  if (box) box.scrollTop = box.scrollHeight;
}

// Only what is new is added, so that a screen reader says that and no more.
function renewThread(fresh) {
  const box = thread();
  if (!box || !fresh) return;
  const stay = atEnd(box);
  const known = new Map([...box.children].map((line) => [line.id, line]));
  const wanted = [...fresh.children];
  const names = new Set(wanted.map((line) => line.id));
  for (const [id, line] of known) if (!names.has(id)) line.remove();
  let before = null;
  for (const line of wanted) {
    const old = known.get(line.id);
    if (!old) {
      const added = document.importNode(line, true);
      localTimes(added);
      box.insertBefore(added, before ? before.nextSibling : box.firstChild);
      before = added;
    } else {
      before = old;
    }
  }
  for (const name of ["unread", "assigned"]) {
    if (name in fresh.dataset) box.dataset[name] = fresh.dataset[name];
    else delete box.dataset[name];
  }
  if (stay) toEnd();
}

function renewPart(old, fresh) {
  const focused = old.contains(document.activeElement) ? document.activeElement : null;
  // A list that somebody is choosing from stays as it is until they are done.
  if (focused && focused.tagName === "SELECT") return;
  const added = document.importNode(fresh, true);
  for (const [index, details] of [...old.querySelectorAll("details")].entries()) {
    const twin = added.querySelectorAll("details")[index];
    if (twin) twin.open = details.open;
  }
  localTimes(added);
  const selector = focused && focused.getAttribute("href") ? `a[href="${CSS.escape(focused.getAttribute("href"))}"]` : null;
  const scrolled = old.scrollTop;
  old.replaceWith(added);
  added.scrollTop = scrolled;
  if (selector) added.querySelector(selector)?.focus({ preventScroll: true });
}

const seen = new Map();

function renew(fresh) {
  const before = byId("typing")?.textContent;
  // After a restart the sandbox has another token; what was being written stays.
  const fresher = fresh.querySelector('input[name="token"]')?.value;
  if (fresher) for (const field of document.querySelectorAll('input[name="token"]')) field.value = fresher;
  for (const part of fresh.querySelectorAll("[data-live]")) {
    const old = byId(part.id);
    const html = part.outerHTML;
    if (old && seen.get(part.id) !== html) {
      seen.set(part.id, html);
      renewPart(old, part);
    }
  }
  renewThread(fresh.getElementById("thread"));
  const composer = byId("composer");
  const freshComposer = fresh.getElementById("composer");
  if (composer && freshComposer && composer.dataset.state !== freshComposer.dataset.state) {
    composer.replaceWith(document.importNode(freshComposer, true));
    prepareReply();
  }
  if (before !== byId("typing")?.textContent && thread() && atEnd(thread())) toEnd();
  document.title = fresh.title;
  body.dataset.sequence = fresh.body.dataset.sequence;
  confirmRead();
}

function remember(root) {
  for (const part of root.querySelectorAll("[data-live]")) seen.set(part.id, part.outerHTML);
}

let fetching = false;
let again = false;

async function refresh() {
  if (fetching) {
    again = true;
    return;
  }
  fetching = true;
  try {
    const answer = await fetch(location.pathname, { headers: { Accept: "text/html" }, cache: "no-store" });
    const text = await answer.text();
    if ((answer.headers.get("content-type") || "").startsWith("text/html")) {
      const fresh = new DOMParser().parseFromString(text, "text/html");
      // The conversation that was open is gone, or is there now: that is another page.
      if ((fresh.body.dataset.shown || "") !== (body.dataset.shown || "")) location.reload();
      else renew(fresh);
    }
  } catch {
    // The stream notices that the sandbox is gone, and says so.
  } finally {
    fetching = false;
    if (again) {
      again = false;
      refresh();
    }
  }
}

// --- the stream ---------------------------------------------------------------------------------------

let stream = null;
let lost = false;

function say(text, tone) {
  const live = byId("live");
  live.hidden = false;
  live.className = `pill pill-${tone}`;
  if (live.textContent !== text) live.textContent = text;
}

function listen() {
  if (stream) return;
  stream = new EventSource(`${base}/events?since=${body.dataset.sequence}`);
  stream.onopen = async () => {
    // Behind the same address may be another start of the sandbox by now.
    if (lost) await refresh();
    lost = false;
    say("Live", "good");
  };
  stream.onmessage = refresh;
  stream.onerror = () => {
    lost = true;
    say("Connecting…", "wait");
    if (stream.readyState === EventSource.CLOSED) {
      stream = null;
      setTimeout(listen, 2000);
    }
  };
}

// A page in the background gives its connection back: browsers allow only a few to one host.
document.addEventListener("visibilitychange", () => {
  if (document.hidden) {
    stream?.close();
    stream = null;
  } else {
    refresh();
    listen();
  }
});

// --- what the agent does ------------------------------------------------------------------------------

async function post(action, fields) {
  const answer = await fetch(action, {
    method: "POST",
    headers: { Accept: "application/json" },
    body: new URLSearchParams(fields),
  });
  if (answer.ok) return null;
  try {
    return (await answer.json()).error || `The sandbox answered ${answer.status}.`;
  } catch {
    return `The sandbox answered ${answer.status}.`;
  }
}

const place = () => `${base}/conversations/${encodeURIComponent(body.dataset.shown)}`;
const token = () => document.querySelector('input[name="token"]')?.value || "";

function confirmRead() {
  const box = thread();
  if (!box || document.hidden || !Number(box.dataset.unread) || !("assigned" in box.dataset)) return;
  box.dataset.unread = "0";
  post(`${place()}/read`, { token: token() }).catch(() => {});
}

function prepareReply() {
  const form = document.querySelector("form.reply");
  if (!form) return;
  const text = byId("text");
  const problem = byId("problem");
  const button = form.querySelector("button");
  byId("keys").hidden = false;
  let typingUntil = 0;

  const typing = (state) => {
    typingUntil = state === "COMPOSING" ? Date.now() + 4000 : 0;
    if ("assigned" in thread().dataset) {
      post(`${place()}/typing`, { token: token(), chat_state: state }).catch(() => {});
    }
  };
  const isNote = () => form.elements.audience.value === "note";
  text.addEventListener("input", () => {
    if (text.value && !isNote() && Date.now() > typingUntil) typing("COMPOSING");
  });
  text.addEventListener("blur", () => {
    if (typingUntil) typing("PAUSE");
  });
  text.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      if (text.value.trim()) form.requestSubmit();
    }
  });
  form.addEventListener("change", () => {
    form.classList.toggle("reply-note", isNote());
    text.placeholder = isNote() ? "Write a note that only agents see…" : "Write to the consumer…";
  });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    problem.textContent = "";
    button.disabled = true;
    typingUntil = 0;
    try {
      const said = await post(form.action, new FormData(form));
      if (said) problem.textContent = said;
      else text.value = "";
    } catch {
      problem.textContent = "The sandbox does not answer. Is it still running?";
    } finally {
      button.disabled = false;
      text.focus();
    }
    await refresh();
    toEnd();
  });
}

// The other buttons are plain forms; done this way the page stays where it is.
document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (event.defaultPrevented || !form.closest("#actions")) return;
  event.preventDefault();
  try {
    const said = await post(form.action, new FormData(form));
    if (said && byId("problem")) byId("problem").textContent = said;
  } catch {
    say("Not answered", "bad");
  }
  if (document.activeElement && form.contains(document.activeElement)) byId("conversation")?.focus();
  await refresh();
});

// --- light and dark -------------------------------------------------------------------------------------

function prepareTheme() {
  const button = byId("theme");
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const chosen = () => {
    try {
      return localStorage.getItem("lpnb-theme");
    } catch {
      return null;
    }
  };
  const apply = () => {
    const theme = chosen();
    if (theme) document.documentElement.dataset.theme = theme;
    const isDark = theme ? theme === "dark" : dark.matches;
    button.setAttribute("aria-pressed", String(isDark));
  };
  button.hidden = false;
  button.addEventListener("click", () => {
    const next = button.getAttribute("aria-pressed") === "true" ? "light" : "dark";
    try {
      localStorage.setItem("lpnb-theme", next);
    } catch {
      // Not kept, then; it still holds for this page.
    }
    document.documentElement.dataset.theme = next;
    button.setAttribute("aria-pressed", String(next === "dark"));
  });
  dark.addEventListener("change", apply);
  apply();
}

remember(document);
localTimes(document);
prepareTheme();
prepareReply();
toEnd();
confirmRead();
listen();

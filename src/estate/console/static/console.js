// What pages do in the browser. Everything is delegated from the document, since pages are drawn after this runs, and
// drawn anew. What is typed and what is sent is kept in localStorage until the server has it: a stalled connection, a
// restart of the server or a closed tab loses nothing, and an action's key makes sending it twice doing it once.
(() => {
  "use strict";

  const KEPT_H = 23; // The API remembers keys for 24 hours.
  const FIRST_PAUSE_MS = 500;
  const LONGEST_PAUSE_MS = 10_000;
  const TELL_MS = 8_000;
  const TRIED_AGAIN = new Set([408, 429, 502, 503, 504]);
  const STILL_RUNNING = 409;
  const BUSY = 503;
  const NO_CONNECTION = "No connection. What you did is kept here and is sent as soon as there is one.";
  const SENT_AGAIN = "The server is busy. What you did is kept here and is sent until it has taken it.";
  const LOG_INS = 4;
  const SAVED_PX = 720;

  const byId = (id) => document.getElementById(id);
  const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
  const newKey = () =>
    Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");

  // ------------------------------------------------------------------- zone
  const ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone;
  document.cookie = `zone=${ZONE}; path=/; samesite=strict`; // Filters by day mean the reader's days.

  // ------------------------------------------------------------------ theme
  const theme = localStorage.getItem("theme");
  if (theme) document.documentElement.dataset.theme = theme;

  const isDark = () =>
    (document.documentElement.dataset.theme ||
      (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";

  const switchTheme = () => {
    const next = isDark() ? "light" : "dark";
    document.documentElement.dataset.theme = next;
    localStorage.setItem("theme", next);
  };

  // --------------------------------------------------------------- messages
  const tell = (words, isBad = false) => {
    const place = byId("told");
    if (!place) return;
    const said = document.createElement("p");
    said.className = isBad ? "bad" : "";
    said.textContent = words;
    place.replaceChildren(said);
    setTimeout(() => said.remove(), TELL_MS);
  };

  const tellAt = (form, words, isBad) => {
    const place = form?.isConnected && form.querySelector(".outcome");
    if (!place) return tell(words, isBad);
    place.textContent = words;
    place.classList.toggle("bad", isBad);
  };

  // ----------------------------------------------------------------- drafts
  const isTyped = (field) =>
    field.name && !["hidden", "password", "file", "submit", "checkbox", "radio"].includes(field.type);
  const draftName = (form, field) => `draft:${window.estateUser}:${form.dataset.draft}:${field.name}`;

  const keepDraft = (field) => {
    const form = field.closest("form[data-draft]");
    if (!form || !isTyped(field)) return;
    if (field.value) localStorage.setItem(draftName(form, field), field.value);
    else localStorage.removeItem(draftName(form, field));
  };

  const restoreDrafts = () => {
    for (const form of document.querySelectorAll("form[data-draft]")) {
      for (const field of form.elements) {
        if (!isTyped(field) || field.dataset.restored) continue;
        field.dataset.restored = "yes";
        const kept = localStorage.getItem(draftName(form, field));
        if (kept !== null) field.value = kept;
      }
    }
  };

  const dropDrafts = (item) => {
    for (const name of item.drafts) {
      if (localStorage.getItem(name) === item.fields[name.split(":").pop()]) localStorage.removeItem(name);
    }
  };

  // ---------------------------------------------------------------- actions
  const outboxName = (key) => `outbox:${window.estateUser}:${key}`;
  const sending = new Set();

  const itemOf = (form, button) => {
    const fields = Object.fromEntries(
      [...new FormData(form)].filter(([, value]) => typeof value === "string"),
    );
    if (button?.name) fields[button.name] = button.value;
    fields.zone = ZONE; // Of what is typed as date and time.
    const drafts = form.dataset.draft ? [...form.elements].filter(isTyped).map((field) => draftName(form, field)) : [];
    return { key: newKey(), action: form.dataset.action, fields, drafts, at: Date.now() };
  };

  let leaving = false;

  const follow = (go) => {
    if (go === null || go === undefined) return;
    leaving = true; // What was done is told by the next page, not by this one.
    if (go === "") location.reload();
    else location.assign(go);
  };

  const toLogIn = () => location.assign(`/login?next=${encodeURIComponent(location.pathname + location.search)}`);

  const labelOf = (form, name) => form?.elements[name]?.closest?.("label")?.querySelector("span")?.textContent;

  const problemOf = async (response, form) => {
    const told = await response.json().catch(() => ({}));
    const fields = (told.errors || []).map((one) =>
      one.field ? `${labelOf(form, one.field) || one.called}: ${one.message}` : one.message,
    );
    const quoted = told.request_id ? `(request ${told.request_id})` : "";
    return [told.detail || `The server answered ${response.status}.`, ...fields, told.hint, quoted]
      .filter(Boolean)
      .join(" ");
  };

  const deliver = async (item, form) => {
    const body = JSON.stringify(item.fields);
    const headers = { "Content-Type": "application/json", "X-Key": item.key };
    for (let pause = FIRST_PAUSE_MS, attempt = 0; ; pause = Math.min(pause * 2, LONGEST_PAUSE_MS), attempt += 1) {
      let response = null;
      try {
        response = await fetch(`/do/${item.action}`, { method: "POST", body, headers });
      } catch {
        /* no connection */
      }
      const mayRun = attempt > 0 || !form; // Another page may have sent it, and left while the server was at it.
      const again = !response || TRIED_AGAIN.has(response.status) || (mayRun && response.status === STILL_RUNNING);
      if (!again) return response;
      if (attempt === 1) tellAt(form, response ? SENT_AGAIN : NO_CONNECTION, true);
      await sleep(pause);
    }
  };

  const send = async (item, form) => {
    if (sending.has(item.key)) return;
    sending.add(item.key);
    const response = await deliver(item, form);
    if (response.status === 401) {
      sending.delete(item.key); // Kept: it is sent after the log-in.
      return toLogIn();
    }
    if (response.ok) {
      const done = await response.json();
      dropDrafts(item);
      localStorage.removeItem(outboxName(item.key));
      sending.delete(item.key);
      if (done.go === null) {
        tellAt(form, done.said, false);
        if (form) setBusy(form, false);
        return;
      }
      sessionStorage.setItem("told", done.said);
      follow(form ? done.go : "");
      return;
    }
    const why = await problemOf(response, form);
    localStorage.removeItem(outboxName(item.key));
    sending.delete(item.key);
    tellAt(form, why, true);
    if (form?.isConnected) setBusy(form, false);
  };

  const setBusy = (form, busy) => {
    form.dataset.busy = busy ? "yes" : "";
    for (const button of form.querySelectorAll("button")) button.setAttribute("aria-disabled", String(busy));
  };

  const act = (form, button) => {
    if (form.dataset.busy) return;
    const item = itemOf(form, button);
    localStorage.setItem(outboxName(item.key), JSON.stringify(item));
    setBusy(form, true);
    tellAt(form, "Sending…", false);
    send(item, form);
  };

  const sendWhatWaits = () => {
    const prefix = outboxName("");
    for (const name of Object.keys(localStorage).filter((one) => one.startsWith(prefix))) {
      const item = JSON.parse(localStorage.getItem(name));
      if (Date.now() - item.at < KEPT_H * 3_600_000) send(item, null);
      else {
        localStorage.removeItem(name);
        tell("Something that you did more than a day ago never reached the server. Please do it again.", true);
      }
    }
  };

  // ----------------------------------------------------------- forms of their own
  const logIn = async (form) => {
    if (form.dataset.busy) return;
    setBusy(form, true);
    tellAt(form, "Signing in…", false);
    const body = JSON.stringify(Object.fromEntries(new FormData(form)));
    const headers = { "Content-Type": "application/json" };
    for (let attempt = 1; ; attempt += 1) {
      const response = await fetch("/login", { method: "POST", body, headers }).catch(() => null);
      if (response?.ok) return follow((await response.json()).go);
      if (attempt === LOG_INS || (response && response.status !== BUSY)) {
        tellAt(form, response ? await problemOf(response, form) : "The console cannot be reached. Try again.", true);
        return setBusy(form, false);
      }
      await sleep(FIRST_PAUSE_MS * attempt);
    }
  };

  const bring = async (form) => {
    const file = form.querySelector("input[type=file]").files[0];
    if (form.dataset.busy) return;
    if (!file) return tellAt(form, "Choose a file first.", true);
    if (file.size > Number(form.dataset.maxBytes || Infinity)) return tellAt(form, "The file is too large: split it.", true);
    setBusy(form, true);
    tellAt(form, `Reading ${file.name}…`, false);
    form.dataset.key ||= newKey();
    const query = new URLSearchParams({ filename: file.name, kind: form.elements.kind?.value || "" });
    try {
      const response = await fetch(`/imports/bring?${query}`, {
        method: "POST",
        body: file,
        headers: { "Content-Type": "application/octet-stream", "X-Key": form.dataset.key },
      });
      if (response.ok) return follow((await response.json()).go);
      delete form.dataset.key;
      tellAt(form, await problemOf(response, form), true);
    } catch {
      tellAt(form, "The file did not get through. Try again: it is not taken twice.", true);
    }
    setBusy(form, false);
  };

  // ---------------------------------------------------------------- figures
  const download = (blob, name) => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  };

  // A cell that a spreadsheet would compute is kept as text.
  const csvCell = (words) => {
    const safe = /^[=+@\t\r]|^-(?![\d.,\s]*(%|$))/.test(words) ? `'${words}` : words;
    return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  };

  const saveCsv = (figure) => {
    const rows = [...figure.querySelectorAll("table tr")].map((row) =>
      [...row.cells].map((cell) => csvCell(cell.textContent.trim())).join(","),
    );
    download(new Blob(["\ufeff", rows.join("\r\n")], { type: "text/csv" }), `${figure.dataset.figure}.csv`);
  };

  const PAINT = ["fill", "opacity", "paint-order", "stroke", "stroke-dasharray", "stroke-linejoin", "stroke-width"];
  const LETTERS = ["font-family", "font-size", "font-weight"];

  const savePng = async (figure) => {
    const svg = figure.querySelector(".plot svg");
    const copy = svg.cloneNode(true);
    const from = [svg, ...svg.querySelectorAll("*")];
    [copy, ...copy.querySelectorAll("*")].forEach((node, at) => {
      const style = getComputedStyle(from[at]);
      for (const name of [...PAINT, ...LETTERS]) node.style.setProperty(name, style.getPropertyValue(name));
    });
    const width = SAVED_PX; // A picture takes whatever width it gets, and is saved as on a desk.
    const height = svg.height.baseVal.value;
    copy.setAttribute("width", width);
    const image = new Image();
    image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(new XMLSerializer().serializeToString(copy))}`;
    await image.decode();
    const canvas = Object.assign(document.createElement("canvas"), { width: width * 2, height: height * 2 });
    const context = canvas.getContext("2d");
    context.fillStyle = getComputedStyle(figure.closest(".card") || figure).backgroundColor;
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.drawImage(image, 0, 0, canvas.width, canvas.height);
    canvas.toBlob((blob) => download(blob, `${figure.dataset.figure}.png`));
  };

  // -------------------------------------------------------------- assistant
  const show = (parent, words) => {
    const node = document.createElement("p");
    node.textContent = words;
    parent.append(node);
  };

  // The same question keeps its key until it is answered, also over a reload; another question gets another key.
  const keyOfQuestion = (body) => {
    const about = `${window.estateUser} ${body}`;
    const kept = JSON.parse(sessionStorage.getItem("question") || "null");
    if (kept?.about === about) return kept.key;
    const key = newKey();
    sessionStorage.setItem("question", JSON.stringify({ about, key }));
    return key;
  };

  const ask = async (form) => {
    if (form.dataset.busy) return;
    setBusy(form, true);
    const answer = byId("answer");
    answer.replaceChildren();
    tellAt(form, "Looking through the records…", false);
    const body = JSON.stringify(Object.fromEntries(new FormData(form)));
    const key = keyOfQuestion(body);
    try {
      const response = await fetch("/assistant/ask", {
        method: "POST",
        body,
        headers: { "Content-Type": "application/json", "X-Key": key },
      });
      if (response.status === 401) return toLogIn();
      if (!response.ok) throw new Error(await problemOf(response));
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      for (let rest = ""; ; ) {
        const { done, value } = await reader.read();
        if (done) throw new Error("The answer broke off. Ask again: it is not answered twice.");
        const lines = (rest + value).split("\n");
        rest = lines.pop();
        for (const line of lines.filter(Boolean)) {
          const told = JSON.parse(line);
          if (told.sentence) show(answer, told.sentence);
          if (told.problem) throw new Error(told.problem);
          if (told.go) {
            for (const field of form.elements) if (isTyped(field)) localStorage.removeItem(draftName(form, field));
            sessionStorage.removeItem("question");
            return follow(told.go);
          }
        }
      }
    } catch (error) {
      const isOurs = error instanceof Error && !(error instanceof TypeError);
      tellAt(form, isOurs ? error.message : "No connection. Your question is kept; ask again.", true);
    }
    setBusy(form, false);
  };

  // --------------------------------------------------------------- keyboard
  const hasKeys = () => localStorage.getItem("keys") !== "off";
  let afterG = false;

  // Enter presses the first button of a form: where the buttons are answers, nobody has chosen that one.
  const chooseNothing = (event) => {
    if (event.key !== "Enter" || !event.target.matches("form[data-action] input")) return;
    if (event.target.form.querySelector("button[name]")) event.preventDefault();
  };

  const press = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !hasKeys()) return;
    if (event.target.closest("input, textarea, select, dialog, [contenteditable]")) return;
    if (event.key === "?") return byId("keys")?.showModal();
    if (event.key === "/") {
      const field = document.querySelector("[role=search] input");
      if (field) event.preventDefault();
      return field?.focus();
    }
    // The place of a key, not its letter: an Arabic keyboard has others there.
    const letter = event.code.replace(/^(Key|Digit|Numpad)/, "").toLowerCase();
    const target = document.querySelector(afterG ? `[data-go="${letter}"]` : `[data-key="${letter}"]`);
    afterG = !afterG && letter === "g";
    if (target) {
      event.preventDefault();
      target.click();
    }
  };

  // ----------------------------------------------------------------- drawing
  const moments = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "short" });
  const days = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium" });

  // Months have three letters, as where the server writes them: this locale gives September four.
  const written = (moment, format) =>
    format.formatToParts(moment).map((part) => (part.type === "month" ? part.value.slice(0, 3) : part.value)).join("");

  const countries = new Intl.DisplayNames("en", { type: "region" });

  const localise = () => {
    for (const node of document.querySelectorAll("[data-region]:not([data-local])")) {
      node.dataset.local = "yes";
      node.textContent = countries.of(node.dataset.region);
    }
    for (const node of document.querySelectorAll("time[datetime]:not([data-local])")) {
      node.dataset.local = "yes";
      node.title = node.textContent;
      node.textContent = written(new Date(node.dateTime), node.dataset.day === undefined ? moments : days);
    }
  };

  const wide = matchMedia("(min-width: 60rem)");

  const drawn = () => {
    localise();
    restoreDrafts();
    const menu = byId("menu");
    if (menu && !menu.dataset.ready) {
      menu.dataset.ready = "yes";
      menu.open = wide.matches;
    }
    const keys = document.querySelector("[data-keys-switch]");
    if (keys) keys.checked = hasKeys();
    const told = !leaving && byId("told") && sessionStorage.getItem("told");
    if (told) {
      sessionStorage.removeItem("told");
      tell(told);
    }
  };

  addEventListener("DOMContentLoaded", () => {
    new MutationObserver(drawn).observe(document.body, { childList: true, subtree: true });
    drawn();
    if (window.estateUser) sendWhatWaits();
  });
  wide.addEventListener("change", () => {
    if (byId("menu")) byId("menu").open = wide.matches;
  });
  document.addEventListener("input", (event) => keepDraft(event.target));
  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-keys-switch]")) localStorage.setItem("keys", event.target.checked ? "on" : "off");
    if (event.target.type === "file") delete event.target.form.dataset.key; // Another file is another import.
  });
  document.addEventListener("keydown", press);
  document.addEventListener("keydown", chooseNothing);
  document.addEventListener("submit", (event) => {
    const form = event.target;
    const own = { login: logIn, bring, ask }[form.dataset.form];
    if (!own && !form.dataset.action) return;
    event.preventDefault();
    if (own) own(form);
    else act(form, event.submitter);
  });
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    if (button.dataset.themeSwitch !== undefined) switchTheme();
    if (button.dataset.open) byId(button.dataset.open)?.showModal();
    const figure = button.closest("figure");
    if (button.dataset.save === "csv") saveCsv(figure);
    if (button.dataset.save === "png") savePng(figure);
  });
})();

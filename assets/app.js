// Comfort only: every page works without this file. Buttons that need it carry `data-script` and
// are not shown until it runs.
(() => {
  "use strict";
  document.documentElement.classList.add("scripted");

  const say = (text) => {
    let line = document.getElementById("said");
    if (!line) {
      line = document.createElement("p");
      line.id = "said";
      line.className = "unseen";
      line.setAttribute("role", "status");
      document.body.append(line);
    }
    line.textContent = text;
  };

  // Copy: `data-copy` names the element whose value or text is meant.
  const copy = async (button) => {
    const source = document.getElementById(button.dataset.copy);
    if (!source) return;
    const text = "value" in source ? source.value : source.textContent;
    try {
      await navigator.clipboard.writeText(text);
      const word = button.textContent;
      button.textContent = "Copied";
      say("Copied");
      setTimeout(() => { button.textContent = word; }, 1500);
    } catch {
      if (source.select) source.select();
    }
  };

  // Copy what an address gives, byte for byte.
  const copyFrom = async (button) => {
    const word = button.textContent;
    try {
      const answer = await fetch(button.dataset.copyFrom, { redirect: "error" });
      if (!answer.ok) throw new Error(answer.status);
      await navigator.clipboard.writeText(await answer.text());
      button.textContent = "Copied";
      say("Copied");
    } catch {
      button.textContent = "Not copied";
      say("Not copied");
    }
    setTimeout(() => { button.textContent = word; }, 1500);
  };

  // Show or hide what is typed in a field.
  const reveal = (button) => {
    const field = document.getElementById(button.dataset.reveal);
    if (!field) return;
    const hidden = field.type === "password";
    field.type = hidden ? "text" : "password";
    button.textContent = hidden ? "Hide" : "Show";
    button.setAttribute("aria-pressed", String(hidden));
  };

  // A new secret without a round trip: whsec_ and 32 random bytes, as the server makes them.
  const generate = (button) => {
    const field = document.getElementById(button.dataset.generate);
    if (!field || !window.crypto) return false;
    const bytes = crypto.getRandomValues(new Uint8Array(32));
    field.value = "whsec_" + btoa(String.fromCharCode(...bytes));
    field.type = "text";
    const show = document.querySelector(`[data-reveal="${field.id}"]`);
    if (show) show.textContent = "Hide";
    say("New secret made");
    return true;
  };

  // Another header row: a copy of the last one, empty, with the next number.
  const addHeader = (button) => {
    const rows = document.querySelectorAll(".header-row");
    const last = rows[rows.length - 1];
    if (!last || rows.length >= 20) return false;
    const row = last.cloneNode(true);
    const number = rows.length;
    for (const fault of row.querySelectorAll(".fault")) fault.remove();
    for (const part of row.querySelectorAll("[id], [for], [name], [value]")) {
      for (const name of ["id", "for", "name"]) {
        const value = part.getAttribute(name);
        if (value) part.setAttribute(name, value.replace(/_\d+$/, "_" + number));
      }
      if (part.tagName === "BUTTON") part.value = "remove_" + number;
      else if (part.type === "checkbox") part.checked = false;
      else if (part.type === "hidden") part.remove();
      else if (part.tagName === "INPUT") { part.value = ""; part.placeholder = ""; part.removeAttribute("aria-invalid"); }
    }
    last.after(row);
    row.querySelector("input").focus();
    return true;
  };

  const removeHeader = (button) => {
    const row = button.closest(".header-row");
    for (const part of row.querySelectorAll("input")) {
      if (part.type === "checkbox") part.checked = false;
      else if (part.type === "hidden") part.remove();
      else { part.value = ""; part.placeholder = ""; }
    }
    row.querySelector("input").focus();
    return true;
  };

  // "All Contact events" ticks its rows; unticking one row unticks it.
  const tick = (box) => {
    const group = box.closest(".group");
    if (!group) return;
    const all = group.querySelector("[data-all]");
    const each = [...group.querySelectorAll("[data-event]")];
    if (!all) return;
    if (box === all) for (const one of each) one.checked = all.checked;
    else if (!box.checked) all.checked = false;
    const ticked = each.filter((one) => one.checked).length;
    all.indeterminate = !all.checked && ticked > 0;
    const boxes = [...document.querySelectorAll("[data-event]")];
    const words = document.querySelector("[data-chosen]");
    if (words) words.textContent = `${boxes.filter((one) => one.checked).length} of ${boxes.length} selected`;
  };

  // Select all, Clear: all boxes of the events at once.
  const choose = (ticked) => {
    for (const one of document.querySelectorAll("[data-event], [data-all]")) {
      one.checked = ticked && one.hasAttribute("data-event");
    }
    const selected = document.querySelector('[name="choice"][value="selected"]');
    if (selected) selected.checked = true;
    for (const one of document.querySelectorAll("[data-event]")) tick(one);
    return true;
  };

  document.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    if (button.dataset.copy) copy(button);
    if (button.dataset.copyFrom) copyFrom(button);
    if (button.dataset.reveal) reveal(button);
    const done =
      (button.dataset.generate && generate(button)) ||
      (button.value === "select_all" && choose(true)) ||
      (button.value === "clear_events" && choose(false)) ||
      (button.value === "add_header" && addHeader(button)) ||
      (button.value.startsWith("remove_") && button.closest(".header-row") && removeHeader(button));
    if (done) event.preventDefault();
  });
  // An open menu closes with a click elsewhere, and with Escape.
  const closeMenus = (but) => {
    for (const menu of document.querySelectorAll(".row-menu[open]")) if (!menu.contains(but)) menu.open = false;
  };
  document.addEventListener("click", (event) => closeMenus(event.target));
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    const menu = document.querySelector(".row-menu[open]");
    if (menu) menu.querySelector("summary").focus();
    closeMenus(null);
  });
  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-all], [data-event]")) tick(event.target);
    if (event.target.matches("[data-submit]")) event.target.form.requestSubmit();
  });
  document.addEventListener("focusin", (event) => {
    if (event.target.matches("input[readonly]")) event.target.select();
  });
  for (const one of document.querySelectorAll("[data-event]:checked")) tick(one);

  // The list of Webhook Logs, live: the newest rows are fetched and put on top while nothing is in
  // use. Otherwise a bar says how many there are. What is on the page never moves by itself.
  const LIVE = { every: 2000, rows: 200, aSecond: 20, say: 10000 };
  const live = (button) => {
    const rows = document.getElementById(button.dataset.live);
    const bar = document.createElement("div");
    bar.className = "note wait live-bar";
    bar.hidden = true;
    document.querySelector(".list-bar")?.after(bar);
    let on = false, timer, lastAt = rows ? rows.dataset.at : "", unsaid = 0, saidAt = 0, lookedAt = 0, waiting = null;

    const inUse = () => {
      const picked = getSelection();
      return rows.querySelector("input:checked") || rows.contains(document.activeElement)
        || (picked && !picked.isCollapsed && rows.contains(picked.anchorNode))
        || rows.closest("table").getBoundingClientRect().top < 0;
    };
    const show = (text, label, act) => {
      const words = document.createElement("p");
      words.textContent = text + " ";
      const button = document.createElement("button");
      button.type = "button";
      button.className = "button slim";
      button.textContent = label;
      button.addEventListener("click", act);
      words.append(button);
      bar.replaceChildren(words);
      bar.hidden = false;
    };
    const insert = (fresh) => {
      rows.prepend(...fresh);
      while (rows.rows.length > LIVE.rows) rows.lastElementChild.remove();
      const older = document.querySelector('.pages [rel="next"]');
      if (older && rows.rows.length === LIVE.rows) {
        const to = new URL(older.href);
        to.searchParams.set("cursor", rows.lastElementChild.dataset.older);
        older.href = to;
      }
      bar.hidden = true;
    };
    const update = (found) => {
      const known = new Map([...rows.rows].map((row) => [row.dataset.id, row]));
      const fresh = [];
      for (const row of found) {
        const old = known.get(row.dataset.id);
        if (!old) { fresh.push(row); continue; }
        const [was, is] = [old, row].map((one) => one.querySelector('[data-label="Status"]'));
        if (was.innerHTML !== is.innerHTML && !was.contains(document.activeElement)) was.innerHTML = is.innerHTML;
        old.classList.remove("gone");
      }
      // What no longer fits the filter stays where it is, and says so.
      const ids = new Set(found.map((row) => row.dataset.id));
      const last = found.length ? found[found.length - 1].dataset.id : "";
      for (const [id, row] of known) if (id > last && !ids.has(id)) row.classList.add("gone");
      return fresh;
    };
    const tell = () => {
      if (!unsaid || Date.now() - saidAt < LIVE.say) return;
      say(unsaid === 1 ? "1 new entry" : `${unsaid} new entries`);
      [unsaid, saidAt] = [0, Date.now()];
    };
    const look = async () => {
      if (document.hidden) return;
      const address = new URL(rows.dataset.rows, location.href);
      address.searchParams.set("limit", Math.min(100, Math.max(50, rows.rows.length)));
      let answer;
      try {
        answer = await fetch(address, { redirect: "error", cache: "no-store", signal: AbortSignal.timeout(10000) });
        if (!answer.ok) throw new Error(answer.status);
        answer = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("tbody");
      } catch {
        if (on) show(`Live updates stopped at ${lastAt}. Trying again…`, "Refresh", () => location.reload());
        waiting = null;
        return;
      }
      if (!on) return;
      lastAt = answer.dataset.at;
      const found = [...answer.rows].map((row) => document.importNode(row, true));
      const fresh = update(found);
      const seconds = Math.max((Date.now() - lookedAt) / 1000, 1);
      const before = waiting ? waiting.length : 0;
      lookedAt = Date.now();
      if (!fresh.length) { waiting = null; bar.hidden = true; return tell(); }
      const more = fresh.length > before ? fresh.length - before : 0;
      unsaid += more;
      tell();
      const flood = more / seconds > LIVE.aSecond;
      if (!flood && !inUse()) { waiting = null; return insert(fresh); }
      if (fresh.length === found.length) {
        waiting = fresh;
        return show(`More than ${fresh.length} new entries`, "Show", () => {
          location.hash = "live";
          location.reload();
        });
      }
      waiting = fresh;
      show(fresh.length === 1 ? "1 new entry" : `${fresh.length} new entries`, "Show", () => {
        insert(waiting || []);
        waiting = null;
        rows.querySelector("a")?.focus({ preventScroll: true });
      });
    };
    const next = async () => {
      await look();
      if (on) timer = setTimeout(next, LIVE.every);
    };
    const turn = () => {
      if (!rows) return location.reload();
      on = !on;
      clearTimeout(timer);
      button.textContent = on ? "Pause" : "Live";
      button.setAttribute("aria-pressed", String(on));
      bar.hidden = true;
      waiting = null;
      say(on ? "Live updates on" : "Live updates paused");
      if (on) { lookedAt = Date.now(); next(); }
    };
    button.addEventListener("click", turn);
    document.addEventListener("visibilitychange", () => {
      if (on && !document.hidden) { clearTimeout(timer); next(); }
    });
    if (location.hash === "#live" && rows) {
      history.replaceState(null, "", location.pathname + location.search);
      turn();
    }
  };

  // How many are ticked, and a box that ticks all of them.
  const ticked = () => {
    for (const words of document.querySelectorAll("[data-ticked]")) {
      const boxes = [...document.querySelectorAll(`tbody input[name="${words.dataset.ticked}"]`)];
      const number = boxes.filter((box) => box.checked).length;
      words.textContent = `${number} selected`;
      const all = document.querySelector("[data-tick-all]");
      if (all) [all.checked, all.indeterminate] = [number === boxes.length, number > 0 && number < boxes.length];
    }
  };
  document.addEventListener("change", (event) => {
    const all = event.target.dataset.tickAll;
    if (all) for (const box of document.querySelectorAll(`tbody input[name="${all}"]`)) box.checked = event.target.checked;
    if (document.querySelector("[data-ticked]")) ticked();
  });
  ticked();

  // A bulk resend: its numbers change in place until it ends.
  const follow = async () => {
    const part = document.querySelector("[data-progress]");
    if (!part) return;
    try {
      const answer = document.hidden ? null : await fetch(part.dataset.progress, { redirect: "error", cache: "no-store" });
      if (answer?.ok) {
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        const fresh = page.getElementById("progress");
        if (!fresh.dataset.progress) return location.reload();
        part.replaceChildren(...document.importNode(fresh, true).childNodes);
      }
    } catch { /* The next look may work; the page says how far it was. */ }
    setTimeout(follow, 2000);
  };
  if (document.querySelector("[data-progress]")) setTimeout(follow, 1000);
  for (const button of document.querySelectorAll("[data-live]")) live(button);

  // A log entry that is still to be sent: how long until the next attempt, counted from when the page
  // was made; and what became of it, looked at again until it has ended. A part in use is left alone.
  const UNITS = [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]];
  const madeAt = new WeakMap();
  const countdown = () => {
    for (const words of document.querySelectorAll("[data-countdown]")) {
      if (!madeAt.has(words)) madeAt.set(words, performance.now());
      const left = Math.max(0, Math.round(words.dataset.countdown - (performance.now() - madeAt.get(words)) / 1000));
      const first = UNITS.findIndex(([, seconds]) => left >= seconds);
      const shown = first < 0 ? [] : UNITS.slice(first, first + 2).map(([unit, seconds], index) =>
        [Math.floor(index ? (left % UNITS[first][1]) / seconds : left / seconds), unit]);
      words.textContent = shown.length ? "in " + shown.filter(([number]) => number).map((one) => one.join(" ")).join(" ") : "now";
    }
  };
  const watch = async () => {
    const state = document.querySelector("[data-watch]");
    if (!state) return;
    const parts = ["#state", "#attempts", ".heading .buttons"];
    try {
      const answer = document.hidden ? null : await fetch(state.dataset.watch, { redirect: "error", cache: "no-store" });
      if (answer?.ok) {
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        const fresh = page.getElementById("state");
        const picked = getSelection();
        const inUse = (part) => part.contains(document.activeElement)
          || part.querySelector(".row-menu[open]") || (!picked.isCollapsed && part.contains(picked.anchorNode));
        const olds = parts.map((part) => document.querySelector(part));
        if (fresh && fresh.dataset.version !== state.dataset.version && !olds.some(inUse)) {
          for (const [index, part] of parts.entries()) olds[index].replaceWith(document.importNode(page.querySelector(part), true));
          say(fresh.querySelector("p").textContent.replace(/\s+/g, " ").trim());
          countdown();
        }
      }
    } catch { /* The next look may work; there is a link to refresh. */ }
    // Often only while something is about to happen.
    const next = document.querySelector("[data-countdown]");
    setTimeout(watch, next && !/^(now|in \d+ s)$/.test(next.textContent) ? 10000 : 2000);
  };
  if (document.querySelector("[data-countdown]")) countdown();
  if (document.querySelector("[data-watch]")) {
    setInterval(countdown, 1000);
    setTimeout(watch, 2000);
  }

  // The summary of errors is read first.
  const errors = document.querySelector(".errors");
  if (errors) errors.focus();

  // Set-up offers the time zone of this browser.
  const zone = document.querySelector("select[data-zone]");
  const here = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (zone && zone.value === "UTC" && [...zone.options].some((one) => one.value === here)) zone.value = here;
})();

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

  // The summary of errors is read first.
  const errors = document.querySelector(".errors");
  if (errors) errors.focus();
})();

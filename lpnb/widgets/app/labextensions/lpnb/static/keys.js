// The keys of lpnb's panels, for JupyterLab, Notebook 7 and Voila. Every key presses a button that is there.
(() => {
  const PANEL = ".lpnb-panel";
  const visible = element => element.checkVisibility();
  const last = elements => elements[elements.length - 1];

  /** The panel that is meant: the one with the cursor, or the only one of a page that is nothing else. */
  const panelOf = target => {
    const around = target.closest?.(PANEL);
    if (around || target !== document.body) return around;
    const all = [...document.querySelectorAll(PANEL)].filter(visible);
    return all.length === 1 ? all[0] : null;
  };

  /** Close the drawer or fold that was opened last before the cursor, and put the cursor onto its button. */
  const close = panel => {
    const list = panel.querySelector(".lpnb-bar details[open]");
    if (list) {
      list.open = false;
      list.querySelector("summary").focus();
      return true;
    }
    const open = [...panel.querySelectorAll("button.lpnb-open")].filter(visible);
    const isBefore = button =>
      button.compareDocumentPosition(document.activeElement) & Node.DOCUMENT_POSITION_FOLLOWING;
    const button = last(open.filter(isBefore)) ?? last(open);
    button?.focus();
    button?.click();
    return Boolean(button);
  };

  const press = selector => panel => {
    const button = [...panel.querySelectorAll(selector)].find(visible);
    if (button?.matches("input")) button.focus();
    else button?.click();
    return Boolean(button);
  };

  const KEYS = {
    Escape: close,
    "Ctrl+Enter": press("button.lpnb-send"),
    "Ctrl+Alt+d": press("button.lpnb-key-duplicate"),
    "Ctrl+Alt+z": press("button.lpnb-key-undo"),
    "Ctrl+Alt+f": press(".lpnb-find input"),
    "Ctrl+Alt+h": panel => {
      const help = panel.querySelector("details.lpnb-help");
      if (help) help.open = !help.open;
      return Boolean(help);
    },
  };

  const nameOf = event => {
    // With Option, macOS gives another letter; AltGr, which Windows calls Ctrl+Alt, is for typing.
    if (event.getModifierState("AltGraph") || event.shiftKey) return "";
    const letter = /^[a-z]$/i.test(event.key) ? event.key : event.code.replace(/^Key/, "");
    const key = event.altKey ? letter.toLowerCase() : event.key;
    return `${event.ctrlKey || event.metaKey ? "Ctrl+" : ""}${event.altKey ? "Alt+" : ""}${key}`;
  };

  // Before the application's own: Ctrl+Enter would run the cell that the panel is in.
  window.addEventListener("keydown", event => {
    const action = KEYS[nameOf(event)];
    const panel = action && panelOf(event.target);
    if (panel && action(panel)) {
      event.preventDefault();
      event.stopImmediatePropagation();
    }
  }, true);

  // Copy what the button names, or else the block behind it. Where the page may not, that is marked, for Ctrl+C.
  window.addEventListener("click", async event => {
    const button = event.target.closest?.(`${PANEL} .lpnb-copy`);
    if (!button) return;
    const shown = button.parentElement.querySelector(".lpnb-whole");
    try {
      await navigator.clipboard.writeText(button.dataset.copy ?? shown.textContent);
      button.textContent = button.ariaLabel = "Copied";
    } catch {
      getSelection().selectAllChildren(shown);
    }
  });

  // A cell of a heatmap presses the button of its cases, which stands below the picture.
  window.addEventListener("click", event => {
    const cell = event.target.closest?.(".lpnb-picture td");
    const buttons = cell?.closest(".lpnb-results")?.querySelector(".lpnb-cells.lpnb-grid");
    if (!buttons) return;
    const row = cell.parentElement;
    const place = [...row.parentElement.children].indexOf(row) * row.querySelectorAll("td").length
      + [...row.querySelectorAll("td")].indexOf(cell);
    buttons.querySelectorAll("button")[place]?.click();
  });

  document.documentElement.dataset.lpnbKeys = "on";

  // JupyterLab loads what is installed by asking for a module; it has nothing else to do.
  const module = {default: {id: "lpnb:keys", autoStart: true, activate: () => {}}, __esModule: true};
  (window._JUPYTERLAB ??= {}).lpnb = {init: () => {}, get: () => Promise.resolve(() => module)};
})();

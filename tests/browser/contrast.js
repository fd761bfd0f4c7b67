// lowContrast(scope, least): every visible text below *scope* whose contrast with its ground is below *least*.
function lowContrast(scope, least) {
  const parse = (text) => {
    const parts = (text.match(/[0-9.]+/g) || ["0", "0", "0", "0"]).map(Number);
    if (text.startsWith("color(srgb")) return [...parts.slice(0, 3).map((part) => part * 255), parts[3] ?? 1];
    return [parts[0], parts[1], parts[2], parts[3] ?? 1];
  };
  const over = (top, below) => [0, 1, 2].map((n) => top[n] * top[3] + below[n] * (1 - top[3]));
  const luminance = (colour) => {
    const [r, g, b] = colour.map((value) => {
      const part = value / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ratio = (one, other) => {
    const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05);
  };
  const grounds = new Map();
  const ground = (element) => {
    if (!element) return [255, 255, 255];
    if (!grounds.has(element)) {
      grounds.set(element, over(parse(getComputedStyle(element).backgroundColor), ground(element.parentElement)));
    }
    return grounds.get(element);
  };
  const found = [];
  const note = (words, colour, below) => {
    const value = ratio(over(colour, below), below);
    if (value < least) found.push(`${words.trim().slice(0, 40)}: ${value.toFixed(1)}`);
  };
  for (const element of document.querySelectorAll(`${scope}, ${scope} *`)) {
    if (!element.checkVisibility({ visibilityProperty: true })) continue;
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    const style = getComputedStyle(element);
    if (element.closest("svg")) {
      // Letters of a picture are outlines, which take the group's fill; the paper lies below all of them.
      if (element.tagName !== "use" || !element.closest("g[id^=text]")) continue;
      const paper = element.closest("svg").querySelector("g[id^=patch] path");
      note(element.closest("g[id^=text]").id, parse(style.fill), over(parse(getComputedStyle(paper).fill), ground(element.closest("svg"))));
    } else if (element.matches("input:not([type=checkbox]):not([type=file]), textarea, select")) {
      const [words, colour] = element.value ? [element.value, style.color] : [element.placeholder || "", getComputedStyle(element, "::placeholder").color];
      if (words) note(words, parse(colour), ground(element));
    } else if (own && !["STYLE", "SCRIPT", "OPTION"].includes(element.tagName)) {
      note(element.textContent, parse(style.color), ground(element));
    }
  }
  return [...new Set(found)];
}

// One conversation in the sidebar: its link, its menu, and the box to rename it.

import { element, icon } from "./dom.js";
import { translate } from "./i18n.js";
import { visibleText } from "./plain_text.js";

const DOTS = "M5 12h.01M12 12h.01M19 12h.01";
const LONGEST_TITLE = 200;

export class ConversationItem {
  /** `onOpen(id)`, `onMenu(item)` when its menu is asked for, `onRename(item, title)`, `onDelete(item)`. */
  constructor(id, handlers) {
    this.id = id;
    this.handlers = handlers;
    this.title = null;
    this.root = element("li", { class: "conversation-item" });
    this.link = element("a", { href: `/c/${encodeURIComponent(id)}`, "data-id": id, dir: "auto" });
    this.link.addEventListener("click", (event) => this.open(event));
    this.menuButton = this.buildMenuButton();
    this.root.append(this.link, this.menuButton);
    this.root.addEventListener("keydown", (event) => this.handleKey(event));
  }

  buildMenuButton() {
    const button = element("button", {
      type: "button",
      class: "icon-button conversation-menu-button",
      "aria-haspopup": "menu",
      "aria-expanded": "false",
      onclick: () => this.handlers.onMenu(this),
    });
    button.append(icon(DOTS));
    return button;
  }

  showTitle(title) {
    if (title === this.title) return;
    this.title = title;
    const words = visibleText(title).trim() || translate("untitled");
    this.link.textContent = words;
    this.link.title = words;
    this.menuButton.setAttribute("aria-label", translate("conversationActions", { title: words }));
  }

  markCurrent(isCurrent) {
    if (isCurrent) this.link.setAttribute("aria-current", "page");
    else this.link.removeAttribute("aria-current");
  }

  open(event) {
    // A new tab or window stays the browser's business.
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    this.handlers.onOpen(this.id);
  }

  handleKey(event) {
    if (event.target !== this.link) return;
    if (event.key === "F2") this.startRenaming();
    else if (event.key === "Delete") this.handlers.onDelete(this);
    else return;
    event.preventDefault();
  }

  get isRenaming() {
    return Boolean(this.box);
  }

  startRenaming() {
    if (this.box) return;
    const label = translate("newName");
    this.box = element("input", {
      class: "rename-box",
      type: "text",
      dir: "auto",
      value: this.title,
      maxlength: String(LONGEST_TITLE),
      "aria-label": label,
    });
    this.box.addEventListener("keydown", (event) => this.handleRenameKey(event));
    this.box.addEventListener("blur", () => this.leaveBox());
    this.root.classList.add("is-renaming");
    this.root.prepend(this.box);
    this.box.select();
  }

  handleRenameKey(event) {
    // While an input method composes, both keys belong to it (229: Safari's way to say so).
    if (event.isComposing || event.keyCode === 229) return;
    if (event.key === "Enter") {
      event.preventDefault();
      this.submitName();
    } else if (event.key === "Escape") {
      event.preventDefault();
      event.stopPropagation();
      this.stopRenaming();
    }
  }

  /** An empty name is refused, and the old one stays until there is another. */
  submitName() {
    const title = this.box.value.trim();
    if (!visibleText(title).trim()) this.refuseName();
    else this.finishRenaming(title);
  }

  refuseName() {
    this.box.setAttribute("aria-invalid", "true");
    if (this.problem) return;
    const id = "rename-problem";
    this.problem = element("p", { class: "rename-problem", id, role: "alert", text: translate("nameMissing") });
    this.box.setAttribute("aria-describedby", id);
    this.box.after(this.problem);
  }

  /** Whoever goes elsewhere keeps what was typed; an empty box changes nothing. */
  leaveBox() {
    if (!this.box) return;
    const title = this.box.value.trim();
    // The focus has gone where the person wanted it.
    if (visibleText(title).trim()) this.finishRenaming(title, { keepFocus: false });
    else this.stopRenaming({ keepFocus: false });
  }

  finishRenaming(title, options) {
    this.stopRenaming(options);
    if (title !== this.title) this.handlers.onRename(this, title);
  }

  stopRenaming({ keepFocus = true } = {}) {
    const box = this.box;
    // First: taking it away makes it lose the focus, which would end the renaming again.
    this.box = null;
    box.remove();
    this.problem?.remove();
    this.problem = null;
    this.root.classList.remove("is-renaming");
    if (keepFocus) this.link.focus();
  }
}

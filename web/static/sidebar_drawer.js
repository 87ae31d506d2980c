// The sidebar as a drawer over the page, where there is no room for it beside the page.

const NARROW = matchMedia("(max-width: 60rem)"); // as in sidebar.css
const BEHIND = ".topbar, .main, .skip-link";

export class SidebarDrawer {
  constructor() {
    this.sidebar = document.getElementById("sidebar");
    this.shade = document.getElementById("sidebar-shade");
    this.opener = document.getElementById("open-sidebar");
    this.closer = document.getElementById("close-sidebar");
    this.isOpen = false;
    this.opener.addEventListener("click", () => this.open());
    this.closer.addEventListener("click", () => this.close());
    this.shade.addEventListener("click", () => this.close());
    // On the way up: what is inside of the sidebar takes Escape first.
    document.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || !this.isOpen || event.defaultPrevented) return;
      event.preventDefault();
      this.close();
    });
    NARROW.addEventListener("change", () => this.close());
  }

  open() {
    if (this.isOpen || !NARROW.matches) return;
    this.show(true);
    this.closer.focus();
  }

  /** Safe to call when it is not open: the focus then stays where it is. */
  close() {
    if (!this.isOpen) return;
    // A click on the shade has taken the focus away from everything.
    const hadFocus = document.activeElement === document.body || this.sidebar.contains(document.activeElement);
    this.show(false);
    if (hadFocus) this.opener.focus();
  }

  show(isOpen) {
    this.isOpen = isOpen;
    document.body.classList.toggle("is-sidebar-open", isOpen);
    this.shade.hidden = !isOpen;
    this.opener.setAttribute("aria-expanded", String(isOpen));
    for (const part of document.querySelectorAll(BEHIND)) part.inert = isOpen;
  }
}

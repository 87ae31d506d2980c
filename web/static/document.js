// Scrolls to the marked passage when the address does not name it.

if (!location.hash) document.getElementById("passage")?.scrollIntoView({ block: "center" });

// A document that no program takes over is ready at once. Its forms are sent once, and show that they are.
document.documentElement.setAttribute("data-hydrated", "");

function free() {
	for (const button of document.querySelectorAll("button[aria-busy]")) {
		button.removeAttribute("aria-busy");
		button.removeAttribute("aria-disabled");
	}
}
addEventListener("submit", (event) => {
	const button = event.submitter;
	if (event.defaultPrevented || !button || event.target.getAttribute("method") !== "post") return;
	if (button.hasAttribute("aria-busy")) return event.preventDefault();
	button.setAttribute("aria-busy", "true");
	button.setAttribute("aria-disabled", "true");
	// If the answer is a download, the document stays.
	setTimeout(free, 5000);
});
addEventListener("pageshow", free);

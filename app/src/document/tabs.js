(function (name, user, signOut, isDocument) {
	const SIGNED_OUT = "signed-out";
	// Nobody's document has no user.
	const NOBODY = "";
	let typed = false;
	let leftAt = -Infinity;
	// No request takes longer. If signing out has failed, this document is not being left.
	const isLeft = () => performance.now() - leftAt < 30_000;

	// A document that no program takes over is ready at once. Its forms are sent once, and show that they are.
	if (isDocument) {
		document.documentElement.setAttribute("data-hydrated", "");
		const free = () => {
			for (const button of document.querySelectorAll("button[aria-busy]")) {
				button.removeAttribute("aria-busy");
				button.removeAttribute("aria-disabled");
			}
		};
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
	}
	// In a browser without channels, tabs learn of changes at their next request.
	if (!window.BroadcastChannel) return;

	addEventListener("input", () => { typed = true; });
	addEventListener("reset", () => { typed = false; });
	addEventListener("submit", ({ target, submitter }) => {
		// As attributes: a field may have the name of a property.
		const action = submitter?.getAttribute("formaction") ?? target.getAttribute("action");
		if (signOut.includes(action)) leftAt = performance.now();
	});

	const channel = new BroadcastChannel(name);
	channel.onmessage = ({ data }) => {
		// A document that is being left anyway must not come back.
		if (data === "public-data" || data === user || isLeft()) return;
		if (data === SIGNED_OUT ? user === NOBODY : data === NOBODY && typed) return;
		location.reload();
	};
	channel.postMessage(user);
	addEventListener("pagehide", () => {
		if (isLeft()) channel.postMessage(SIGNED_OUT);
	});
})

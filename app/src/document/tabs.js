(function (name, user, signOut) {
	const SIGNED_OUT = "signed-out";
	// Nobody's document has no user.
	const NOBODY = "";
	let typed = false;
	let leftAt = -Infinity;
	// Signing out takes no longer. If it has failed, this document is not being left.
	const isLeft = () => performance.now() - leftAt < 40_000;

	// In a browser without channels, tabs learn of changes at their next request.
	if (!window.BroadcastChannel) return;

	addEventListener("input", () => { typed = true; });
	addEventListener("reset", () => { typed = false; });
	addEventListener("submit", ({ target, submitter }) => {
		// As attributes: a field may have the name of a property.
		const action = submitter?.getAttribute("formaction") ?? target.getAttribute("action");
		if (!signOut.includes(action)) return;
		leftAt = performance.now();
		dispatchEvent(new Event("signing-out")); // wing:clients
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

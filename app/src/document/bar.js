// What the bar and the foot of a page do faster with a script. Without it, the browser closes the menu with the page, and
// the choice of a theme is a form like any other.
(function (name, isSignedIn) {
	const html = document.documentElement;

	// A page that changes without being loaded leaves the menu open.
	addEventListener("click", ({ target }) => {
		if (target.closest?.("[popover] a")) target.closest("[popover]").hidePopover?.();
	});

	let asked = false;
	addEventListener("submit", async (event) => {
		const { target: form, submitter } = event;
		if (form.id !== "colours" || !submitter || asked) return;
		event.preventDefault();
		const fields = new URLSearchParams(new FormData(form, submitter));
		const answer = await fetch(form.action, {
			method: "POST", body: fields, headers: { accept: "application/json" },
		}).catch(() => ({}));
		if (!answer.ok) {
			// The page that the server answers with says why.
			asked = true;
			return form.requestSubmit(submitter);
		}
		if (submitter.value) html.dataset.theme = submitter.value;
		else delete html.dataset.theme;
		for (const button of form.querySelectorAll("button")) button.ariaPressed = button === submitter;
		// A user's settings, here and in other tabs, show what is stored.
		if (isSignedIn && window.BroadcastChannel) new BroadcastChannel(name).postMessage("public-data");
	});
})

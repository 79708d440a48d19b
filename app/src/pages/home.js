// Asks once a second whether the session is still accepted, until it is refused. A page whose session has ended reloads itself,
// before or after that: the count, or what was shown, waits for it.
(function (isSignedIn) {
	const MOST = 300;
	const KEPT = "watched-session";
	const [button, shown] = ["watch", "watched"].map((id) => document.getElementById(id));
	const time = () => new Date().toLocaleTimeString();
	const checks = (count) => (count === 1 ? "1 check" : `${count} checks`);

	const refusal = (accepted) => `Refused at ${time()}, after ${checks(accepted)}.`;

	function show(text) {
		shown.hidden = false;
		shown.role = "status";
		shown.textContent = text;
	}
	async function ask() {
		const answer = await fetch("/api/session", { cache: "no-store" }).catch(() => null);
		if (!answer?.ok) return "No answer";
		return (await answer.json()) ? "Accepted" : "Refused";
	}
	async function watch(accepted) {
		const found = await ask();
		if (found === "Refused") {
			const text = refusal(accepted);
			sessionStorage.setItem(KEPT, text);
			return show(text);
		}
		accepted += found === "Accepted";
		sessionStorage.setItem(KEPT, accepted);
		shown.textContent = `${found} at ${time()}, after ${checks(accepted)}.`;
		if (accepted < MOST) setTimeout(watch, 1000, accepted);
	}
	if (!isSignedIn) {
		const kept = sessionStorage.getItem(KEPT);
		sessionStorage.removeItem(KEPT);
		// Whoever comes here in another way has left the checks, and may have signed out.
		const [{ type }] = performance.getEntriesByType("navigation");
		if (kept === null || type !== "reload") return;
		// Refused there, or not asked again there.
		return show(isNaN(kept) ? kept : refusal(Number(kept)));
	}
	sessionStorage.removeItem(KEPT);
	button.hidden = false;
	button.addEventListener("click", () => { button.disabled = true; watch(0); });
})

// Asks once a second whether the session is still accepted, until it is refused. By then the page may have been loaded again,
// since pages of a session that has ended do not stay: the count waits for it.
(function (isSignedIn) {
	const MOST = 300;
	const KEPT = "accepted-checks";
	const [button, shown] = ["watch", "watched"].map((id) => document.getElementById(id));
	const time = () => new Date().toLocaleTimeString();
	const checks = (count) => (count === 1 ? "1 check" : `${count} checks`);

	function refused(accepted) {
		sessionStorage.removeItem(KEPT);
		shown.hidden = false;
		shown.role = "status";
		shown.textContent = `Refused at ${time()}, after ${checks(accepted)}.`;
	}
	async function ask() {
		const answer = await fetch("/api/session", { cache: "no-store" }).catch(() => null);
		if (!answer?.ok) return "No answer";
		return (await answer.json()) ? "Accepted" : "Refused";
	}
	async function watch(accepted) {
		const found = await ask();
		if (found === "Refused") return refused(accepted);
		accepted += found === "Accepted";
		sessionStorage.setItem(KEPT, accepted);
		shown.textContent = `${found} at ${time()}, after ${checks(accepted)}.`;
		if (accepted < MOST) setTimeout(watch, 1000, accepted);
	}
	if (!isSignedIn) {
		const accepted = Number(sessionStorage.getItem(KEPT));
		if (accepted) refused(accepted);
		return;
	}
	sessionStorage.removeItem(KEPT);
	button.hidden = false;
	button.addEventListener("click", () => { button.disabled = true; watch(0); });
})
